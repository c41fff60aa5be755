//! What is told of single orders, block by block.

use crate::data::import::node::bad;
use botmm_pipeline::types::limits::{MAX_PX, MAX_QTY};
use botmm_pipeline::types::{AssetId, Nanos, Oid, Px, Qty, Side, read_decimal};
use botmm_pipeline::venue::sim::orderwise::event::Posted;

/// What a node writes of a block in one of its files.
#[derive(Debug, Default)]
pub struct Block {
    /// Its number; trades have none.
    pub number: Option<u64>,
    /// When, at the venue.
    pub venue: Nanos,
    /// When the node wrote it.
    pub local: Nanos,
    /// Whether it is all that rests, and not what changed.
    pub is_snapshot: bool,
    /// What of it is about coins that were asked for, in order.
    pub items: Vec<(AssetId, Item)>,
    /// Whether anything of it is about other coins.
    pub has_others: bool,
    /// The first thing that could not be read.
    pub wrong: Option<String>,
}

impl Block {
    /// Whether a line's block is more of this one: of a snapshot all that follows of it, else what is of the
    /// same moment.
    pub fn is_continued_by(&self, more: &Self) -> bool {
        let is_snapshot = self.is_snapshot && more.is_snapshot;
        is_snapshot || self.is_snapshot == more.is_snapshot && key(self) == key(more)
    }

    /// Takes more of it in.
    pub fn take(&mut self, more: Self) {
        self.items.extend(more.items);
        self.venue = self.venue.max(more.venue);
        self.has_others |= more.has_others;
        self.wrong = self.wrong.take().or(more.wrong);
    }
}

/// Blocks are matched by it: files of a node name the same time to different digits.
pub fn key(block: &Block) -> i64 {
    block.venue.as_millis()
}

/// One event.
#[derive(Clone, Copy, Debug)]
pub enum Item {
    /// An order in the book; [`None`] = a change that is not known.
    Diff(Oid, Side, Px, Option<Diff>),
    /// A trade of a resting order.
    Fill(Oid, Side, Px, Qty, u64),
    /// How an order came.
    Posted(Oid, Posted),
    /// What a taker wanted and nobody gave, with its limit.
    Missed(Side, Px, Qty),
}

/// What is done to an order.
#[derive(Clone, Copy, Debug)]
pub enum Diff {
    /// It comes to rest.
    New(Qty),
    /// From so much, where that is said, to so much.
    Update(Option<Qty>, Qty),
    /// It has this size now.
    Modified(Qty),
    /// It has this size now, be it new, less or more.
    Set(Qty),
    /// It has so much less.
    Less(Qty),
    /// It is gone.
    Remove,
}

/// A price above zero, inside the bounds.
///
/// # Errors
/// It is none.
pub fn px_of(text: &str) -> Result<Px, String> {
    let px = read_decimal(text.as_bytes()).map_err(|e| bad("px", text, e))?;
    let px = Px::from_raw(px);
    let is_one = px.is_positive() && px <= MAX_PX;
    if is_one { Ok(px) } else { Err(bad("px", text, "no price")) }
}

/// A size inside the bounds. Zero is for whoever knows the book to judge.
///
/// # Errors
/// It is none.
pub fn qty_of(key: &str, text: &str) -> Result<Qty, String> {
    let qty = read_decimal(text.as_bytes()).map_err(|e| bad(key, text, e))?;
    let qty = Qty::from_raw(qty);
    let is_one = !qty.is_negative() && qty <= MAX_QTY;
    if is_one { Ok(qty) } else { Err(bad(key, text, "no size")) }
}
