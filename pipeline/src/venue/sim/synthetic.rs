//! A synthetic market: seeded agents over an exact matching engine that our orders join.
//!
//! Time goes in blocks of about 80 ms, as at the venue. In a block, for each asset: the fair value
//! moves; providers cancel and place, by the fair value of the block before; takers trade, informed
//! ones by the fair value of now. Then the public hears of it: trades, the touch where it changed,
//! and a book snapshot when the last one is half a second old.
//!
//! Nothing is a free lunch: the fair value is a martingale, informed takers fill whatever it ran
//! over before providers react, and uninformed takers only pay the spread. Every asset draws from
//! its own streams, so assets are independent of one another; our orders change what takers and
//! providers do to the book, but neither the fair value nor when uninformed takers come.

mod agents;
mod orders;
mod profile;
mod stats;

pub use orders::OrderBlock;
pub use profile::MarketProfile;
pub use stats::{MarketFigures, MarketStats};

use super::matching::{Match, OrderBook};
use super::{DepthLevel, Execution, Front, Market, MarketOutput, RestingOrder, Taken, TakingOrder};
use crate::types::limits::BOOK_LEVELS;
use crate::types::{
    AssetId, Bbo, BookSnapshot, Instrument, Level, MarketEvent, Nanos, Oid, Qty, Side, Trade,
    Universe,
};
use agents::{AGENT_BIT, FairValue, Providers, Surroundings, Takers, stream};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;

/// Block intervals are whole milliseconds in this range, all equally likely.
const BLOCK_MS: std::ops::RangeInclusive<i64> = 60..=100;
/// Assumed length of the very first block.
const FIRST_BLOCK: Nanos = Nanos::millis(80);
/// Least time between two snapshots of a book.
const BOOK_INTERVAL: Nanos = Nanos::millis(500);
/// Random streams an asset may use.
const STREAMS_PER_ASSET: u64 = 8;
/// The block clock's stream: beyond those of the assets.
const CLOCK_STREAM: u64 = u64::MAX;
/// Trade ids of an asset start at its index times this, so that they are unique in a market.
const TIDS_PER_ASSET: u64 = 1 << 44;

/// See the module's description. Deterministic: equal arguments and equal calls give equal output,
/// however [`Market::advance`] is cut into steps.
#[derive(Debug)]
pub struct SyntheticMarket {
    assets: Vec<AssetMarket>,
    clock: ChaCha8Rng,
    next_block: Nanos,
    last_block: Nanos,
    next_book: Nanos,
    /// Whose each resting order of ours is.
    own: HashMap<Oid, AssetId>,
    /// What every order did, once somebody wants to hear of it.
    told: Option<Vec<OrderBlock>>,
}

/// One asset: its book and its agents.
#[derive(Debug)]
struct AssetMarket {
    asset: AssetId,
    instrument: Instrument,
    profile: MarketProfile,
    book: OrderBook,
    fair: FairValue,
    takers: Takers,
    providers: Providers,
    /// The touch that the public knows.
    shown: (Level, Level),
    next_tid: u64,
    /// What traded in this block.
    trades: Vec<(Side, Match)>,
    matches: Vec<Match>,
}

impl SyntheticMarket {
    /// A market of every asset of `universe`, with one profile each in the same order. Its books
    /// are full from the beginning; the first block, with the first snapshots, is at `start`.
    pub fn new(universe: &Universe, profiles: Vec<MarketProfile>, start: Nanos, seed: u64) -> Self {
        assert_eq!(universe.len(), profiles.len(), "one profile for each asset");
        let assets = universe
            .iter()
            .zip(profiles)
            .map(|((asset, instrument), profile)| {
                AssetMarket::new(asset, *instrument, profile, seed)
            })
            .collect();
        Self {
            assets,
            clock: stream(seed, CLOCK_STREAM),
            next_block: start,
            last_block: start - FIRST_BLOCK,
            next_book: start,
            own: HashMap::new(),
            told: None,
        }
    }

    /// The latent fair value of an asset, USD per coin. For checks and reports: whoever trades
    /// by it cheats.
    pub fn fair_value(&self, asset: AssetId) -> f64 {
        self.assets[asset.index()].fair.px()
    }

    /// The order book of an asset, with every order of ours and of the agents.
    pub fn book(&self, asset: AssetId) -> &OrderBook {
        &self.assets[asset.index()].book
    }

    fn run_block(&mut self, out: &mut MarketOutput) {
        let now = self.next_block;
        let dt_s = (now - self.last_block).as_secs_f64();
        for market in &mut self.assets {
            market.step(dt_s);
            if let Some(told) = &mut self.told {
                told.extend(market.orders(now));
            }
        }
        for market in &mut self.assets {
            market.emit_trades(now, &mut self.own, out);
        }
        for market in &mut self.assets {
            market.emit_bbo(now, out);
        }
        if now >= self.next_book {
            self.next_book = now + BOOK_INTERVAL;
            for market in &self.assets {
                out.events.push(MarketEvent::Book(market.snapshot(now)));
            }
        }
        self.last_block = now;
        self.next_block = now + Nanos::millis(self.clock.random_range(BLOCK_MS));
    }
}

impl Market for SyntheticMarket {
    fn next_time(&self) -> Option<Nanos> {
        (!self.assets.is_empty()).then_some(self.next_block)
    }

    fn advance(&mut self, until: Nanos, out: &mut MarketOutput) {
        while !self.assets.is_empty() && self.next_block <= until {
            self.run_block(out);
        }
    }

    fn touch(&self, asset: AssetId) -> (Level, Level) {
        self.assets[asset.index()].book.touch()
    }

    fn place(&mut self, order: &RestingOrder) {
        assert!(order.oid.0 & AGENT_BIT == 0, "order id {} is an agent's", order.oid.0);
        assert!(self.told.is_none(), "orders are told of a market without ours");
        let market = &mut self.assets[order.asset.index()];
        market.book.place(order.oid, order.side, order.px, order.qty);
        self.own.insert(order.oid, order.asset);
    }

    fn cancel(&mut self, oid: Oid) -> Option<Qty> {
        let asset = self.own.remove(&oid)?;
        self.assets[asset.index()].book.cancel(oid)
    }

    fn front(&self, asset: AssetId, side: Side) -> Option<Front> {
        let (oid, level) = self.assets[asset.index()].book.front(side)?;
        Some(Front { px: level.px, qty: level.qty, oid: user_order(oid) })
    }

    fn take(&mut self, order: &TakingOrder, taken: &mut Vec<Taken>) -> Qty {
        assert!(self.told.is_none(), "orders are told of a market without ours");
        let Self { assets, own, .. } = self;
        assets[order.asset.index()].take(order, own, taken)
    }

    fn depth(&self, asset: AssetId, side: Side, count: usize, levels: &mut Vec<DepthLevel>) {
        let book = &self.assets[asset.index()].book;
        let counted = |level: Level| {
            let orders = book.queue(side, level.px).count() as u32;
            DepthLevel { level, orders }
        };
        levels.extend(book.levels(side).take(count).map(counted));
    }

    fn room(&self) -> usize {
        usize::MAX
    }
}

fn next_tid(next: &mut u64) -> u64 {
    *next += 1;
    *next - 1
}

/// An order's id when it is no agent's.
fn user_order(oid: Oid) -> Option<Oid> {
    (oid.0 & AGENT_BIT == 0).then_some(oid)
}

impl AssetMarket {
    fn new(asset: AssetId, instrument: Instrument, profile: MarketProfile, seed: u64) -> Self {
        profile.check();
        let rng = |purpose| stream(seed, asset.index() as u64 * STREAMS_PER_ASSET + purpose);
        let fair = FairValue::new(rng(0), &profile);
        let takers = Takers::new(rng(1), rng(2));
        let mut providers = Providers::new(rng(3));
        let (mut book, mut matches) = (OrderBook::new(), Vec::new());
        let mut market = Surroundings {
            book: &mut book,
            instrument: &instrument,
            profile: &profile,
            matches: &mut matches,
        };
        providers.populate(fair.px(), &mut market);
        Self {
            asset,
            instrument,
            profile,
            book,
            fair,
            takers,
            providers,
            shown: Default::default(),
            next_tid: asset.index() as u64 * TIDS_PER_ASSET + 1,
            trades: Vec::new(),
            matches,
        }
    }

    /// One block. Providers come before takers, as at the venue (which sorts cancels and post-only
    /// orders first), but they know the fair value of the block before.
    fn step(&mut self, dt_s: f64) {
        let Self { book, instrument, profile, matches, fair, takers, providers, trades, .. } = self;
        let seen = fair.px();
        fair.step(dt_s, profile);
        let mut market = Surroundings { book, instrument, profile, matches };
        providers.step(dt_s, seen, &mut market);
        takers.step(dt_s, fair, &mut market, trades);
    }

    fn emit_trades(&mut self, now: Nanos, own: &mut HashMap<Oid, AssetId>, out: &mut MarketOutput) {
        for (aggressor, fill) in self.trades.drain(..) {
            let tid = next_tid(&mut self.next_tid);
            out.events.push(MarketEvent::Trade(Trade {
                asset: self.asset,
                aggressor,
                venue_time: now,
                px: fill.px,
                qty: fill.qty,
                tid,
                ..Trade::default()
            }));
            let Match { oid, px, qty, left } = fill;
            if user_order(oid).is_some() {
                out.executions.push(Execution { time: now, oid, px, qty, tid, cause: None });
                if left.is_zero() {
                    own.remove(&oid);
                }
            }
        }
    }

    /// An order of ours meets the book between two blocks.
    fn take(
        &mut self,
        order: &TakingOrder,
        own: &mut HashMap<Oid, AssetId>,
        taken: &mut Vec<Taken>,
    ) -> Qty {
        let mut matches = Vec::new();
        let left = self.book.take(order.side, Some(order.limit), order.qty, &mut matches);
        for Match { oid, px, qty, left } in matches {
            let maker = user_order(oid);
            if maker.is_some() && left.is_zero() {
                own.remove(&oid);
            }
            taken.push(Taken { px, qty, maker, tid: next_tid(&mut self.next_tid) });
        }
        left
    }

    fn emit_bbo(&mut self, now: Nanos, out: &mut MarketOutput) {
        let touch = self.book.touch();
        if touch == self.shown {
            return;
        }
        self.shown = touch;
        let (bid, ask) = touch;
        let bbo = Bbo { asset: self.asset, venue_time: now, bid, ask, ..Bbo::default() };
        out.events.push(MarketEvent::Bbo(bbo));
    }

    fn snapshot(&self, now: Nanos) -> BookSnapshot {
        let mut book = BookSnapshot { asset: self.asset, venue_time: now, ..BookSnapshot::EMPTY };
        book.bid_count = self.fill_levels(Side::Bid, &mut book.bids);
        book.ask_count = self.fill_levels(Side::Ask, &mut book.asks);
        book
    }

    fn fill_levels(&self, side: Side, levels: &mut [Level; BOOK_LEVELS]) -> u8 {
        let mut count = 0;
        for (slot, level) in levels.iter_mut().zip(self.book.levels(side)) {
            *slot = level;
            count += 1;
        }
        count
    }
}
