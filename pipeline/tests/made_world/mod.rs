//! Made markets of one coin, played as recordings: a fair value that walks without drift, a book of drawn
//! depths around it, and takers who know nothing. What is known of them beforehand is what a quoter can
//! earn there.
#![allow(clippy::unwrap_used, dead_code, reason = "shared by test programs that use parts of it")]

pub mod parts;
pub mod statistics;

use botmm_pipeline::rt::virtual_time::{Drive, run_inline};
use botmm_pipeline::rt::{Lane, WallClock};
use botmm_pipeline::types::limits::{BOOK_LEVELS, MAX_ASSETS};
use botmm_pipeline::types::*;
use botmm_pipeline::venue::Gateway;
use botmm_pipeline::venue::sim::core::Rules;
use botmm_pipeline::venue::sim::exchange::{Ends, Exchange, ExchangeConfig, VenueAccount};
use botmm_pipeline::venue::sim::latency::{Latency, LatencyModel};
use botmm_pipeline::venue::sim::link::SimGateway;
use botmm_pipeline::venue::sim::queue::QueueModel;
use botmm_pipeline::venue::sim::recorded::RecordedMarket;
use botmm_pipeline::venue::tape::{Tape, TapeFeed};
use botmm_pipeline::wiring;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Exp, LogNormal, StandardNormal};

const START: Nanos = Nanos::secs(1_757_000_000);
const BLOCK: Nanos = Nanos::millis(100);
/// Least time between two snapshots of the book, blocks.
const BOOK_EVERY: i64 = 5;
const FEED: LatencyModel = LatencyModel::Constant(Nanos::millis(50));
const ORDERS: LatencyModel = LatencyModel::Constant(Nanos::millis(50));
const FIRST_PRICE: f64 = 4_300.0;
const TICK: f64 = 0.1;
/// Of the fair value, bps per square root of a second.
pub const VOLATILITY_BPS: f64 = 0.5;
const TAKER_USD: f64 = 3_000.0;
const DEPTH_USD: f64 = 8_000.0;
/// Of the logarithm of a level's depth.
const DEPTH_SIGMA: f64 = 0.5;
/// Share of the levels that are quoted anew in a block.
const RENEWED: f64 = 0.1;
/// How far a book that knows looks ahead, blocks.
const AHEAD: usize = 30;

fn universe() -> Universe {
    crate::coins::universe([("EASY", 4)])
}

fn px(ticks: i64) -> Px {
    Px::from_raw(ticks * (TICK * SCALE as f64) as i64)
}

/// So many USD, in lots of 0.0001 coins, at least one.
fn coins(usd: f64) -> Qty {
    Qty::from_raw(((usd / FIRST_PRICE * 1e4) as i64).max(1) * (SCALE / 10_000))
}

/// What a world is made of.
#[derive(Clone, Copy)]
pub struct World {
    pub span: Nanos,
    /// From the fair value to the touch; nothing = a touch of one tick.
    pub half_spread_bps: f64,
    /// A second and side.
    pub takers_per_s: f64,
    /// The depth of the book tells of the move to come.
    pub knows_what_comes: bool,
}

/// Where a quote a little inside the touch earns nearly the whole half spread.
pub const EASY: World = World {
    span: Nanos::secs(35 * 60),
    half_spread_bps: 10.0,
    takers_per_s: 0.5,
    knows_what_comes: false,
};

/// A market as it was, and its fair value after each block.
pub struct Made {
    tape: Tape,
    fair: Vec<f64>,
}

impl Made {
    pub fn new(world: World, seed: u64) -> Self {
        let mut maker = Maker::new(world, seed);
        (0..world.span.0 / BLOCK.0).for_each(|number| maker.block(number));
        let Maker { mut events, past, .. } = maker;
        if world.knows_what_comes {
            events.iter_mut().for_each(|event| foretell(event, &past));
        }
        Self { tape: Tape::build(events).received_after(Latency::new(FEED, seed, 2)), fair: past }
    }
}

/// The market: depths by distance from the touch, and what it told so far.
struct Maker {
    world: World,
    rng: ChaCha8Rng,
    fair: f64,
    past: Vec<f64>,
    depth: [[Qty; BOOK_LEVELS]; 2],
    events: Vec<MarketEvent>,
    tid: u64,
}

impl Maker {
    fn new(world: World, seed: u64) -> Self {
        let mut maker = Self {
            world,
            rng: ChaCha8Rng::seed_from_u64(seed),
            fair: FIRST_PRICE,
            past: Vec::new(),
            depth: [[Qty::ZERO; BOOK_LEVELS]; 2],
            events: Vec::new(),
            tid: 0,
        };
        maker.renew(1.0);
        maker
    }

    /// Draws a share of the depths anew.
    fn renew(&mut self, share: f64) {
        let depth = LogNormal::new(DEPTH_USD.ln(), DEPTH_SIGMA).unwrap();
        for level in self.depth.iter_mut().flatten() {
            if self.rng.random::<f64>() < share {
                *level = coins(depth.sample(&mut self.rng));
            }
        }
    }

    fn levels(&self, side: Side) -> [Level; BOOK_LEVELS] {
        let away = -side.sign();
        let touch = self.fair * (1.0 + away as f64 * self.world.half_spread_bps * 1e-4) / TICK;
        // A tick apart even when the fair value is on the grid.
        let touch = if side == Side::Bid { touch.floor() } else { touch.floor() + 1.0 } as i64;
        core::array::from_fn(|i| Level {
            px: px(touch + away * i as i64),
            qty: self.depth[side.index()][i],
        })
    }

    /// One block: takers meet the book that was there, then it moves with the fair value.
    fn block(&mut self, number: i64) {
        let venue_time = START + Nanos(BLOCK.0 * number);
        let block_s = BLOCK.as_secs_f64();
        for aggressor in Side::BOTH {
            if self.rng.random::<f64>() < self.world.takers_per_s * block_s {
                self.take(venue_time, aggressor);
            }
        }
        let step: f64 = StandardNormal.sample(&mut self.rng);
        self.fair *= 1.0 + VOLATILITY_BPS * 1e-4 * block_s.sqrt() * step;
        self.past.push(self.fair);
        self.renew(RENEWED);
        let [bids, asks] = Side::BOTH.map(|side| self.levels(side));
        let bbo = Bbo { venue_time, bid: bids[0], ask: asks[0], ..Bbo::default() };
        self.events.push(MarketEvent::Bbo(bbo));
        if number % BOOK_EVERY == 0 {
            let count = BOOK_LEVELS as u8;
            let book = BookSnapshot { venue_time, bids, asks, ..BookSnapshot::EMPTY };
            let book = BookSnapshot { bid_count: count, ask_count: count, ..book };
            self.events.push(MarketEvent::Book(book));
        }
    }

    fn take(&mut self, venue_time: Nanos, aggressor: Side) {
        let mut left = coins(Exp::new(1.0 / TAKER_USD).unwrap().sample(&mut self.rng));
        for level in self.levels(aggressor.opposite()) {
            let qty = left.min(level.qty);
            self.tid += 1;
            self.events.push(MarketEvent::Trade(Trade {
                aggressor,
                venue_time,
                px: level.px,
                qty,
                tid: self.tid,
                ..Trade::default()
            }));
            left -= qty;
            if left.is_zero() {
                break;
            }
        }
    }
}

/// Which block a moment of the venue's is in.
fn block_of(time: Nanos) -> usize {
    ((time - START).0 / BLOCK.0) as usize
}

/// More of what is on the side that the fair value will leave, less of the other.
fn foretell(event: &mut MarketEvent, fair: &[f64]) {
    let now = block_of(event.venue_time());
    let then = (now + AHEAD).min(fair.len() - 1);
    let usual = VOLATILITY_BPS * 1e-4 * (AHEAD as f64 * BLOCK.as_secs_f64()).sqrt();
    let tilt = (fair[then] / fair[now] - 1.0) / usual;
    let tilted = |level: &mut Level, side: Side| {
        let usd = level.qty.to_f64() * FIRST_PRICE * (tilt * side.sign() as f64).exp();
        level.qty = coins(usd);
    };
    match event {
        MarketEvent::Bbo(bbo) => {
            tilted(&mut bbo.bid, Side::Bid);
            tilted(&mut bbo.ask, Side::Ask);
        }
        MarketEvent::Book(book) => {
            book.bids.iter_mut().for_each(|level| tilted(level, Side::Bid));
            book.asks.iter_mut().for_each(|level| tilted(level, Side::Ask));
        }
        _ => {}
    }
}

/// At which price the venue books a fill.
#[derive(Clone, Copy, Default)]
pub struct Booking {
    /// At the fair value after the block of the fill, in place of the order's price: whoever does not know
    /// what comes can neither win nor lose.
    pub at_fair: bool,
    /// So many basis points better than that.
    pub gift_bps: f64,
}

/// As any venue books.
pub const HONEST: Booking = Booking { at_fair: false, gift_bps: 0.0 };

struct Booked {
    gateway: SimGateway,
    booking: Booking,
    fair: Vec<f64>,
}

impl Gateway for Booked {
    fn submit(&mut self, now: Nanos, action: &Action) -> bool {
        self.gateway.submit(now, action)
    }
    fn next(&mut self, now: Nanos) -> Option<VenueEvent> {
        let mut event = self.gateway.next(now)?;
        if let VenueEventKind::Fill(fill) = &mut event.kind {
            if self.booking.at_fair {
                let block = block_of(event.venue_time).min(self.fair.len() - 1);
                fill.px = Px::from_raw((self.fair[block] * SCALE as f64).round() as i64);
            }
            let gift = (fill.px.raw() as f64 * self.booking.gift_bps * 1e-4) as i64;
            fill.px = Px::from_raw(fill.px.raw() - fill.side.sign() * gift);
        }
        Some(event)
    }
    fn next_deadline(&self) -> Option<Nanos> {
        self.gateway.next_deadline()
    }
}

/// What one quoter earned.
#[derive(Clone, Copy, Debug, Default)]
pub struct Earned {
    pub fills: u64,
    pub volume: f64,
    /// At the last marks, before fees (there are none).
    pub gross: f64,
    pub captured: f64,
    /// 5 s after the fills.
    pub adverse: f64,
}

impl std::iter::Sum for Earned {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            fills: sum.fills + one.fills,
            volume: sum.volume + one.volume,
            gross: sum.gross + one.gross,
            captured: sum.captured + one.captured,
            adverse: sum.adverse + one.adverse,
        })
    }
}

/// What a quoter earns in a market: orders take 50 ms each way, the queue is the most cautious.
pub fn earn(made: &Made, params: &AssetParams, booking: Booking) -> Earned {
    assert!(params.is_usable());
    let market = RecordedMarket::new(&made.tape, &universe(), QueueModel::RiskAverse);
    let config = ExchangeConfig {
        latency: ORDERS,
        maker_fee: Bps::default(),
        taker_fee: Bps::default(),
        seed: 1,
        rules: Rules::REPLAY,
        deposit: Usd::ZERO,
        start: Nanos::ZERO,
    };
    let (exchange, Ends { gateway, account, .. }) =
        Exchange::new(market, universe(), config, false);
    let config = wiring::Config::new(universe(), vec![*params]);
    let fair = if booking.at_fair { made.fair.clone() } else { Vec::new() };
    let gateway = Booked { gateway, booking, fair };
    let wiring::Pipeline { stages, mut records, metrics, .. } =
        wiring::build(&config, TapeFeed::new(&made.tape), gateway);
    let mut drain = |_| {
        records.iter_mut().for_each(|ring| while ring.pop().is_some() {});
        true
    };
    let drive = Drive {
        start: START,
        end: made.tape.span().unwrap().1 + Nanos::secs(1),
        venue: Box::new(exchange),
        after_moment: &mut drain,
    };
    run_inline(Lane::inline(stages, &WallClock::default()).0, drive);
    let marks: [Px; MAX_ASSETS] =
        core::array::from_fn(|i| Px::from_raw(metrics.risk.mark[i].get() as i64));
    let venue = VenueAccount::read(&account);
    assert_eq!(venue.fills, metrics.dispatch.fills.get());
    let is_honest = !booking.at_fair && booking.gift_bps.abs() < 1e-9;
    assert_eq!(venue.net(&marks) == metrics.net_pnl(), is_honest || venue.fills == 0);
    let sides = &metrics.quote.split[0];
    Earned {
        fills: metrics.dispatch.fills.get(),
        volume: metrics.dispatch.volume.usd().to_f64(),
        gross: metrics.gross_pnl().to_f64(),
        captured: sides.iter().map(|s| s.captured.usd().to_f64()).sum(),
        adverse: sides.iter().map(|s| s.measured[1].adverse.usd().to_f64()).sum(),
    }
}
