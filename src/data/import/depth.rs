//! A whole book, put together from changes of its levels.

use botmm_pipeline::types::limits::BOOK_LEVELS;
use botmm_pipeline::types::{BookSnapshot, Level, Nanos, Px, Qty, Side};
use std::collections::BTreeMap;

/// More levels than any book has.
const MAX_LEVELS: usize = 100_000;

/// All levels, by their price.
#[derive(Default)]
pub struct Depth {
    sides: [BTreeMap<Px, Qty>; 2],
}

impl Depth {
    /// A level has this size now; zero = it is gone. Whether that changed anything.
    ///
    /// # Errors
    /// There are more levels than any book has.
    pub fn set(&mut self, side: Side, px: Px, qty: Qty) -> Result<bool, String> {
        let levels = &mut self.sides[side.index()];
        if qty == Qty::ZERO {
            return Ok(levels.remove(&px).is_some());
        }
        if levels.len() >= MAX_LEVELS && !levels.contains_key(&px) {
            return Err(format!("a book of more than {MAX_LEVELS} levels a side"));
        }
        Ok(levels.insert(px, qty) != Some(qty))
    }

    /// The levels of a side from the best to this price are gone.
    pub fn clear(&mut self, side: Side, to: Px) {
        self.sides[side.index()].retain(|px, _| side.is_better(to, *px));
    }

    /// All levels are gone.
    pub fn clear_all(&mut self) {
        self.sides = Default::default();
    }

    /// Its best levels, at these times of the venue and of receipt.
    pub fn book(&self, [venue_time, recv_time]: [Nanos; 2]) -> BookSnapshot {
        let mut book = BookSnapshot { recv_time, venue_time, ..BookSnapshot::EMPTY };
        let [bids, asks] = &self.sides;
        let best = bids.iter().rev().take(BOOK_LEVELS);
        for (slot, (px, qty)) in book.bids.iter_mut().zip(best) {
            *slot = Level { px: *px, qty: *qty };
            book.bid_count += 1;
        }
        for (slot, (px, qty)) in book.asks.iter_mut().zip(asks) {
            *slot = Level { px: *px, qty: *qty };
            book.ask_count += 1;
        }
        book
    }
}

/// Whether two books have the same levels.
pub fn is_same(a: &BookSnapshot, b: &BookSnapshot) -> bool {
    a.bids() == b.bids() && a.asks() == b.asks()
}
