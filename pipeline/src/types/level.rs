//! Whose book, which side, one price; and one level of a book that is told by its changes.

use super::fixed::{Nanos, Px, Qty};
use serde::{Deserialize, Serialize};

/// Index of an instrument in this session's universe (not the venue's index).
#[repr(transparent)]
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct AssetId(u16);

impl AssetId {
    /// The universe's first.
    pub const FIRST: Self = Self(0);
    /// From a universe index.
    #[inline]
    pub fn new(index: usize) -> Self {
        assert!(index < super::limits::MAX_ASSETS, "asset index {index} out of range");
        Self(index as u16)
    }
    /// As an array index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Buy or sell; of a trade, the aggressor's side.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Side {
    /// Bid, buy (`B` on the wire).
    #[default]
    Bid = 0,
    /// Ask, sell (`A` on the wire).
    Ask = 1,
}

impl Side {
    /// Both, bid first.
    pub const BOTH: [Self; 2] = [Self::Bid, Self::Ask];
    /// The other side.
    pub const fn opposite(self) -> Self {
        match self {
            Self::Bid => Self::Ask,
            Self::Ask => Self::Bid,
        }
    }
    /// +1 for a buy, −1 for a sell: what a fill does to the position.
    pub const fn sign(self) -> i64 {
        match self {
            Self::Bid => 1,
            Self::Ask => -1,
        }
    }
    /// `qty` signed by the side.
    pub fn signed(self, qty: Qty) -> Qty {
        if self.sign() < 0 { -qty } else { qty }
    }
    /// Whether a price on this side is better (nearer to trading) than `other`.
    pub fn is_better(self, px: Px, other: Px) -> bool {
        match self {
            Self::Bid => px > other,
            Self::Ask => px < other,
        }
    }
    /// As an array index.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// One price level.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Level {
    /// Price.
    pub px: Px,
    /// Displayed size; zero means no level.
    pub qty: Qty,
}

/// What a [`LevelChange`] says.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LevelNews {
    /// The level at this price has this size now; zero = it is gone.
    #[default]
    Size = 0,
    /// The levels of this side from the best to this price are gone.
    Cleared = 1,
    /// All levels of both sides are gone.
    AllCleared = 2,
}

/// A change of one level, of a book that is told by its changes alone: each of them counts.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct LevelChange {
    /// Whose book.
    pub asset: AssetId,
    /// Which side; of no meaning when both are cleared.
    pub side: Side,
    /// What happened.
    pub news: LevelNews,
    /// What all prices of this book are whole numbers of, units of 1e-8; at least 1.
    pub tick: u32,
    /// Set by the feed stage: position in this session's input.
    pub seq: u64,
    /// Block time at the venue.
    pub venue_time: Nanos,
    /// When it reached us.
    pub recv_time: Nanos,
    /// Its price.
    pub px: Px,
    /// Its size from now on.
    pub qty: Qty,
}

impl LevelChange {
    /// An asset's book whose levels are all gone; the times are the caller's to set.
    pub fn all_cleared(asset: AssetId) -> Self {
        Self { asset, news: LevelNews::AllCleared, tick: 1, ..Self::default() }
    }
}

const _: () = assert!(size_of::<Level>() == 16);
const _: () = assert!(size_of::<LevelChange>() == 48);
