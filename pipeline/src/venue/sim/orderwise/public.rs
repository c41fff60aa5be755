//! What the public of a venue sees of a block: its trades, the touch when it changed, and books as
//! often as they are sent.

use crate::types::limits::BOOK_LEVELS;
use crate::types::{AssetId, Bbo, BookSnapshot, Level, MarketEvent, Nanos, Px, Qty, Side, Trade};
use crate::venue::sim::matching::OrderBook;

/// How often books are sent, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadence {
    /// The best [`BOOK_LEVELS`] of a side.
    pub full: Nanos,
    /// The best [`FAST_LEVELS`].
    pub fast: Nanos,
}

/// Levels of a fast book.
pub const FAST_LEVELS: usize = 5;

impl Cadence {
    /// As the venue sends them since 2026-07-25.
    pub const TODAY: Self = Self { full: Nanos::secs(5), fast: Nanos::millis(500) };
}

/// A block: of what, when at the venue, when it reached us.
#[derive(Clone, Copy, Debug)]
pub struct BlockTimes {
    /// Of what.
    pub asset: AssetId,
    /// At the venue.
    pub venue: Nanos,
    /// When it reached us.
    pub recv: Nanos,
}

/// What was sent of one asset.
#[derive(Debug, Default)]
pub struct Public {
    touch: (Level, Level),
    next_full: Nanos,
    next_fast: Nanos,
}

impl Public {
    /// Nothing was sent: the next block sends all.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// What is sent at the end of a block, after its trades.
    pub fn tell(
        &mut self,
        block: &BlockTimes,
        book: &OrderBook,
        cadence: Cadence,
        out: &mut Vec<MarketEvent>,
    ) {
        let touch = book.touch();
        if touch != self.touch {
            self.touch = touch;
            let BlockTimes { asset, venue: venue_time, recv: recv_time } = *block;
            let (bid, ask) = touch;
            out.push(MarketEvent::Bbo(Bbo {
                asset,
                venue_time,
                recv_time,
                bid,
                ask,
                ..Bbo::default()
            }));
        }
        if touch.0.qty.is_zero() && touch.1.qty.is_zero() {
            return;
        }
        if block.venue >= self.next_full {
            self.next_full = block.venue + cadence.full;
            out.push(MarketEvent::Book(snapshot(block, book, BOOK_LEVELS)));
        }
        if block.venue >= self.next_fast {
            self.next_fast = block.venue + cadence.fast;
            let fast = snapshot(block, book, FAST_LEVELS);
            out.push(MarketEvent::Book(BookSnapshot { fast: true, ..fast }));
        }
    }
}

/// A trade as the public sees it.
pub fn trade(block: &BlockTimes, maker: Side, px: Px, qty: Qty, tid: u64) -> MarketEvent {
    let BlockTimes { asset, venue: venue_time, recv: recv_time } = *block;
    let aggressor = maker.opposite();
    let trade = Trade { asset, aggressor, venue_time, recv_time, px, qty, tid, ..Trade::default() };
    MarketEvent::Trade(trade)
}

fn snapshot(block: &BlockTimes, book: &OrderBook, count: usize) -> BookSnapshot {
    let BlockTimes { asset, venue: venue_time, recv: recv_time } = *block;
    let mut shown = BookSnapshot { asset, venue_time, recv_time, ..BookSnapshot::EMPTY };
    let fill = |side, levels: &mut [Level; BOOK_LEVELS]| {
        let best = book.levels(side).take(count);
        levels.iter_mut().zip(best).map(|(slot, level)| *slot = level).count() as u8
    };
    shown.bid_count = fill(Side::Bid, &mut shown.bids);
    shown.ask_count = fill(Side::Ask, &mut shown.asks);
    shown
}
