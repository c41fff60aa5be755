//! Two made worlds, played as recordings.
//!
//! **A null world**: a random walk without drift, a touch of one tick around it, and nobody who trades.
//! A quote fills there when the walk has run over it, at a price that is worth no more than that: nobody
//! can earn. A venue that gives away one basis point a fill is noticed.
//!
//! **An easy world**: a market in which quoting a little inside the touch earns nearly the whole half
//! spread. The touch stands 10 bps either side of a driftless fair value, takers know nothing, and
//! there is no fee. It prints what each model and strategy earns there, and its share of what the
//! market offers: half spread × own volume.
//!
//! What is asserted of it is sane relations alone: nobody earns more than the market offers, nobody is
//! picked off by takers who know nothing, and the plain quoter, which stands half a tick inside the
//! touch around the mid, earns most of it. Each model and strategy with its senses on (a fitted fair price, one
//! tick inside the touch at most, A and k for where no line fits the arrivals) earns at least four fifths
//! of what the plain one does.
//!
//! `cargo test -p botmm-pipeline --test easy_world -- --nocapture`
#![allow(clippy::unwrap_used, missing_docs)]

mod coins;
mod world;

use botmm_pipeline::rt::virtual_time::{Drive, run_inline};
use botmm_pipeline::rt::{Lane, WallClock};
use botmm_pipeline::types::limits::{BOOK_LEVELS, MAX_ASSETS};
use botmm_pipeline::types::params::{FairPrice, Touch};
use botmm_pipeline::types::*;
use botmm_pipeline::venue::hl::clock::VenueClock;
use botmm_pipeline::venue::sim::core::Rules;
use botmm_pipeline::venue::sim::exchange::{Ends, Exchange, ExchangeConfig, VenueAccount};
use botmm_pipeline::venue::sim::latency::{Latency, LatencyModel};
use botmm_pipeline::venue::sim::queue::QueueModel;
use botmm_pipeline::venue::sim::recorded::RecordedMarket;
use botmm_pipeline::venue::tape::{Tape, TapeFeed};
use botmm_pipeline::wiring;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Exp, LogNormal, StandardNormal};
use world::Generous;

const START: Nanos = Nanos::secs(1_757_000_000);
const SPAN: Nanos = Nanos::secs(35 * 60);
const BLOCK: Nanos = Nanos::millis(100);
/// Least time between two snapshots of the book.
const BOOK_EVERY: i64 = 5;
const FEED: LatencyModel = LatencyModel::Constant(Nanos::millis(50));
const ORDERS: LatencyModel = LatencyModel::Constant(Nanos::millis(50));
const FIRST_PRICE: f64 = 4_300.0;
const TICK: f64 = 0.1;
/// Of the fair value, bps per square root of a second.
const VOLATILITY_BPS: f64 = 0.5;
const TAKER_USD: f64 = 3_000.0;
const DEPTH_USD: f64 = 8_000.0;
/// Of the logarithm of a level's depth.
const DEPTH_SIGMA: f64 = 0.5;
/// Share of the levels that are quoted anew in a block.
const RENEWED: f64 = 0.1;
const SEEDS: u64 = 3;

fn universe() -> Universe {
    coins::universe([("EASY", 4)])
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
struct World {
    span: Nanos,
    /// From the fair value to the touch.
    half_spread_bps: f64,
    /// A second and side.
    takers_per_s: f64,
}

const EASY: World = World { span: SPAN, half_spread_bps: 10.0, takers_per_s: 0.5 };
const NULL: World = World { span: Nanos::secs(300), half_spread_bps: 0.0, takers_per_s: 0.0 };

/// The market: depths by distance from the touch, and what it told so far.
struct Made {
    world: World,
    rng: ChaCha8Rng,
    fair: f64,
    depth: [[Qty; BOOK_LEVELS]; 2],
    events: Vec<MarketEvent>,
    tid: u64,
}

impl Made {
    fn new(world: World, seed: u64) -> Self {
        let mut made = Self {
            world,
            rng: ChaCha8Rng::seed_from_u64(seed),
            fair: FIRST_PRICE,
            depth: [[Qty::ZERO; BOOK_LEVELS]; 2],
            events: Vec::new(),
            tid: 0,
        };
        made.renew(1.0);
        made
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

fn tape(world: World, seed: u64) -> Tape {
    let mut made = Made::new(world, seed);
    (0..world.span.0 / BLOCK.0).for_each(|number| made.block(number));
    Tape::build(made.events).received_after(Latency::new(FEED, seed, 2))
}

/// What one quoter earned, over all seeds.
#[derive(Clone, Copy, Debug, Default)]
struct Earned {
    fills: u64,
    volume: f64,
    /// At the last marks.
    gross: f64,
    captured: f64,
    /// 5 s after the fills.
    adverse: f64,
}

impl Earned {
    /// Of what the market offers.
    fn share(&self) -> f64 {
        self.gross / self.offered()
    }
    fn offered(&self) -> f64 {
        EASY.half_spread_bps * 1e-4 * self.volume
    }
}

/// With `gift_bps` a fill given away.
fn earn(tapes: &[Tape], params: &AssetParams, gift_bps: f64) -> Earned {
    let mut sum = Earned::default();
    for tape in tapes {
        let market = RecordedMarket::new(tape, &universe(), QueueModel::RiskAverse);
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
        let config = wiring::Config {
            universe: universe(),
            params: vec![*params],
            session: 1,
            lossless: false,
            risk: None,
            venue_clock: VenueClock::default(),
            commentary: botmm_pipeline::types::limits::RING_COMMENTARY,
        };
        let wiring::Pipeline { stages, mut records, metrics, .. } =
            wiring::build(&config, TapeFeed::new(tape), Generous(gateway, gift_bps));
        let mut drain = |_| {
            records.iter_mut().for_each(|ring| while ring.pop().is_some() {});
            true
        };
        let drive = Drive {
            start: START,
            end: tape.span().unwrap().1 + Nanos::secs(1),
            venue: Box::new(exchange),
            after_moment: &mut drain,
        };
        run_inline(Lane::inline(stages, &WallClock::default()).0, drive);
        let marks: [Px; MAX_ASSETS] =
            core::array::from_fn(|i| Px::from_raw(metrics.risk.mark[i].get() as i64));
        let venue = VenueAccount::read(&account);
        assert_eq!(venue.fills, metrics.dispatch.fills.get());
        assert_eq!(venue.net(&marks) == metrics.net_pnl(), gift_bps == 0.0 || venue.fills == 0);
        let sides = &metrics.quote.split[0];
        sum.fills += metrics.dispatch.fills.get();
        sum.volume += metrics.dispatch.volume.usd().to_f64();
        sum.gross += metrics.gross_pnl().to_f64();
        sum.captured += sides.iter().map(|s| s.captured.usd().to_f64()).sum::<f64>();
        sum.adverse += sides.iter().map(|s| s.measured[1].adverse.usd().to_f64()).sum::<f64>();
    }
    sum
}

/// Half a tick inside the market, around the mid, whatever happens.
fn plain() -> AssetParams {
    AssetParams {
        fair_price: FairPrice::Mid,
        min_spread_bps: 19.0,
        vol_multiplier: 0.0,
        skew_factor: 0.0,
        bias_strength: 0.0,
        imbalance_strength: 0.0,
        ..AssetParams::default()
    }
}

/// The shipped defaults with their senses on.
fn with_senses(model: QuoteModel, strategy: Strategy) -> AssetParams {
    AssetParams {
        model,
        strategy,
        fair_price: FairPrice::Fitted,
        touch: Touch::Inside,
        arrival_rate_per_s: 0.5,
        arrival_decay_per_bps: 1.0,
        ..AssetParams::default()
    }
}

#[test]
fn what_each_quoter_earns_in_an_easy_world() {
    let tapes: Vec<_> = (1..=SEEDS).map(|seed| tape(EASY, seed)).collect();
    let each = QuoteModel::ALL.into_iter().flat_map(|model| {
        Strategy::ALL.map(|strategy| {
            let name = format!("{}, {}", model.as_str(), strategy.as_str());
            (name, AssetParams { model, strategy, ..AssetParams::default() })
        })
    });
    let around_microprice = AssetParams { fair_price: FairPrice::Microprice, ..plain() };
    let mut quoters: Vec<_> = each.collect();
    let first_with_senses = quoters.len();
    for edge in [false, true] {
        let words = if edge { "senses and edge" } else { "senses" };
        quoters.extend(QuoteModel::ALL.into_iter().flat_map(|model| {
            Strategy::ALL.map(|strategy| {
                let name = format!("{}, {}, {words}", model.as_str(), strategy.as_str());
                (name, AssetParams { use_edge: edge, ..with_senses(model, strategy) })
            })
        }));
    }
    let last_with_senses = quoters.len();
    quoters.push(("plain, around the microprice".to_owned(), around_microprice));
    quoters.push(("plain, around the mid".to_owned(), plain()));
    println!("in 35 minutes, mean of {SEEDS} seeds; USD, and basis points of the volume");
    println!(
        "{:<46} {:>6} {:>9} {:>8} {:>8} {:>9} {:>9} {:>6}",
        "quoter", "fills", "volume", "earned", "bps", "captured", "adv. 5 s", "share"
    );
    let mut all = Vec::new();
    for (name, params) in quoters {
        let e = earn(&tapes, &params, 0.0);
        let (n, bps) = (SEEDS as f64, |usd: f64| usd / e.volume * 1e4);
        println!(
            "{name:<46} {:>6.0} {:>9.0} {:>8.2} {:>8.2} {:>9.2} {:>9.2} {:>5.0}%",
            e.fills as f64 / n,
            e.volume / n,
            e.gross / n,
            bps(e.gross),
            bps(e.captured),
            bps(e.adverse),
            e.share() * 100.0
        );
        all.push((name, e));
    }
    for (name, e) in all.iter().filter(|(_, e)| e.fills > 0) {
        // A mid is half a tick from the fair value at most.
        assert!(e.captured <= 1.02 * e.offered(), "{name} captured more than the touch is away");
        let noise_bps = 3.0 * VOLATILITY_BPS * 5_f64.sqrt() / (e.fills as f64).sqrt() * 2.0;
        assert!((e.adverse / e.volume * 1e4).abs() < noise_bps + 0.1, "{name}: {e:?}");
    }
    let (_, plain) = all[all.len() - 1];
    assert!((0.8..1.05).contains(&plain.share()), "{plain:?}");
    for (name, e) in &all[first_with_senses..last_with_senses] {
        let of_plain = e.gross / plain.gross;
        assert!(of_plain >= 0.8, "{name} earned {of_plain:.2} of what the plain quoter did: {e:?}");
    }
}

/// Quotes that are so tight that the walk runs over them all the time.
fn tight(model: QuoteModel, strategy: Strategy) -> AssetParams {
    let mut p = AssetParams {
        model,
        strategy,
        fee_floor: false,
        min_spread_bps: 1.0,
        vol_multiplier: 0.1,
        arrival_rate_per_s: 0.3,
        arrival_decay_per_bps: 5.0,
        ..AssetParams::default()
    };
    p.risk.action_budget = 10_000_000;
    (p.risk.max_actions_per_min, p.risk.max_orders_per_min) = (1_000_000, 1_000_000);
    p
}

/// Mean and its standard error.
fn mean_of(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// Over 20 walks nobody earns, before any fee, by more than two standard errors; with one basis point
/// a fill given away everybody does.
#[test]
fn a_random_walk_pays_nobody_and_a_gift_is_noticed() {
    let tapes: Vec<_> = (100..120).map(|seed| [tape(NULL, seed)]).collect();
    for model in QuoteModel::ALL {
        for strategy in Strategy::ALL {
            let name = format!("{}, {}", model.as_str(), strategy.as_str());
            let params = tight(model, strategy);
            let [honest, gifted] = [0.0, 1.0].map(|gift_bps| {
                let bps = |tape: &[Tape; 1]| {
                    let e = earn(tape, &params, gift_bps);
                    assert!(e.fills > 0, "{name} never traded");
                    e.gross / e.volume * 1e4
                };
                mean_of(&tapes.iter().map(bps).collect::<Vec<_>>())
            });
            println!(
                "{name}: before fees {:.3} ± {:.3} bps of the volume over {} walks; with 1 bps a \
                 fill given away {:.3} ± {:.3}",
                honest.0,
                honest.1,
                tapes.len(),
                gifted.0,
                gifted.1
            );
            let pays = |(mean, error): (f64, f64)| mean > 2.0 * error;
            assert!(!pays(honest), "{name}: a random walk paid");
            assert!(pays(gifted), "{name}: a basis point a fill went unnoticed");
        }
    }
}
