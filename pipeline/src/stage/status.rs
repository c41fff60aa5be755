//! What a person sees of one asset right now, shown on a board by the dispatch stage.

use crate::rt::{Board, BoardReader};
use crate::types::{Px, Qty, Reason};

/// Words of the board.
pub const STATUS_WORDS: usize = 8;

/// The newest state of one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct AssetStatus {
    /// Mid of the newest target.
    pub mid: Px,
    /// Our nearest bid in the book; zero = none.
    pub bid: Px,
    /// Our nearest ask in the book; zero = none.
    pub ask: Px,
    /// Position by venue fills.
    pub position: Qty,
    /// Why the bid is not quoted.
    pub bid_reason: Reason,
    /// Why the ask is not quoted.
    pub ask_reason: Reason,
    /// Fills so far.
    pub fills: u64,
}

impl AssetStatus {
    pub(super) fn show(&self, board: &mut Board<STATUS_WORDS>) {
        board.write(&[
            self.mid.raw() as u64,
            self.bid.raw() as u64,
            self.ask.raw() as u64,
            self.position.raw() as u64,
            self.bid_reason as u64,
            self.ask_reason as u64,
            self.fills,
            0,
        ]);
    }

    /// Reads a board.
    pub fn read(board: &BoardReader<STATUS_WORDS>) -> Self {
        let [mid, bid, ask, position, bid_reason, ask_reason, fills, _] = board.read();
        let reason = |w: u64| Reason::ALL.get(w as usize).copied().unwrap_or_default();
        Self {
            mid: Px::from_raw(mid as i64),
            bid: Px::from_raw(bid as i64),
            ask: Px::from_raw(ask as i64),
            position: Qty::from_raw(position as i64),
            bid_reason: reason(bid_reason),
            ask_reason: reason(ask_reason),
            fills,
        }
    }
}
