//! What happens to single orders.

use crate::types::{Oid, Px, Qty, Side};

/// Whether a new order may have come to trade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Posted {
    /// It was not said.
    #[default]
    Unknown,
    /// Post-only: it rests or is refused.
    Only,
    /// It takes first, and rests with what is left.
    AfterTaking,
}

/// One thing that happened at the venue. Within a block they stand in the venue's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderEvent {
    /// An order joins the back of its price's queue.
    New {
        /// The venue's id.
        oid: Oid,
        /// Which side.
        side: Side,
        /// At what price.
        px: Px,
        /// How much of it rests.
        qty: Qty,
        /// How it came.
        posted: Posted,
    },
    /// An order has another size: part of it was cancelled, or it was modified.
    Resized {
        /// Which.
        oid: Oid,
        /// What rests now.
        qty: Qty,
        /// Whether it stays where it stood, or joins the back of the queue.
        keeps_place: bool,
    },
    /// An order is gone without a trade.
    Removed {
        /// Which.
        oid: Oid,
    },
    /// A taker met a resting order.
    Filled {
        /// Which.
        oid: Oid,
        /// How much traded.
        qty: Qty,
        /// The trade's id.
        tid: u64,
    },
    /// A taker met an order from before the recording. It is older than any of ours.
    FilledUnseen {
        /// The resting order's side.
        side: Side,
        /// Its price.
        px: Px,
        /// How much traded.
        qty: Qty,
        /// The trade's id.
        tid: u64,
    },
    /// What a taker could not trade within its limit, and which did not rest.
    Missed {
        /// The taker's side.
        side: Side,
        /// The worst price it accepted.
        px: Px,
        /// How much.
        qty: Qty,
    },
    /// From here on nothing is known of the book, until a snapshot.
    Void,
    /// A snapshot begins: what rests follows as new orders, at each price first in line first.
    Snapshot,
    /// The book is whole.
    Whole,
}

/// What can be wrong with order data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is about an order that does not rest.
    MissingOid,
    /// A new order has the id of one that rests.
    RepeatedOid,
    /// A price or a size that cannot be, or more traded than was there.
    BadSize,
    /// A new order rests at a price at which it would have traded.
    Crossed,
    /// A trade that no change of the book shows.
    LoneTrade,
    /// Blocks are missing, or cannot be read.
    Gap,
    /// Time goes back.
    Backwards,
    /// A kind of change that is not known, or a line that is none.
    UnknownDiff,
}

impl Fault {
    /// How many kinds there are.
    pub const COUNT: usize = 8;
    /// Each, in the order of [`Fault::index`].
    pub const ALL: [Self; Self::COUNT] = [
        Self::MissingOid,
        Self::RepeatedOid,
        Self::BadSize,
        Self::Crossed,
        Self::LoneTrade,
        Self::Gap,
        Self::Backwards,
        Self::UnknownDiff,
    ];

    /// As an array index.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// What it says to a person.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::MissingOid => "about an order that does not rest",
            Self::RepeatedOid => "a new order with the id of one that rests",
            Self::BadSize => "an impossible price or size",
            Self::Crossed => "a new order that rests where it would have traded",
            Self::LoneTrade => "a trade that no change of the book shows",
            Self::Gap => "a gap in the blocks",
            Self::Backwards => "a block older than the one before it",
            Self::UnknownDiff => "an unknown change of the book",
        }
    }
}
