//! How wrong each estimate of a queue is. The synthetic market is told order by order (L4) and as the
//! public sees it (L2); the same small orders are placed in recordings of both, and in the market
//! itself. docs/queue.md has the table; this prints it:
//!
//! `BOTMM_QUEUE_SEEDS=20 cargo test -p botmm-pipeline --test queue_models -- --nocapture`

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod coins;

use botmm_pipeline::types::{AssetId, MarketEvent, Nanos, Oid, Px, Qty, Side, Universe};
use botmm_pipeline::venue::sim::orderwise::builder::Builder;
use botmm_pipeline::venue::sim::orderwise::codec::OrderTape;
use botmm_pipeline::venue::sim::orderwise::event::OrderEvent;
use botmm_pipeline::venue::sim::orderwise::market::OrderwiseMarket;
use botmm_pipeline::venue::sim::orderwise::public::{BlockTimes, Cadence};
use botmm_pipeline::venue::sim::recorded::RecordedMarket;
use botmm_pipeline::venue::sim::synthetic::{MarketProfile, SyntheticMarket};
use botmm_pipeline::venue::sim::{Market, MarketOutput, RestingOrder};
use botmm_pipeline::venue::tape::Tape;
use std::collections::HashMap;
use std::sync::Arc;

const START: Nanos = Nanos::secs(1_757_000_000);
/// A probe on each side and at each depth every so often, left for so long.
const EVERY: Nanos = Nanos::secs(5);
const LIFE: Nanos = Nanos::secs(30);
/// Distance from the touch, ticks.
const DEPTHS: [i64; 2] = [0, 2];
/// How long after a fill the price is looked at.
const AFTER: Nanos = Nanos::secs(5);
const MODELS: [&str; 5] =
    ["risk_averse", "prob_power:1", "prob_power:2", "prob_power:3", "prob_log"];

/// An order that is placed in every market alike.
#[derive(Clone, Copy)]
struct Probe {
    time: Nanos,
    side: Side,
    px: Px,
    depth: usize,
}

/// A market as it was recorded.
struct World {
    universe: Universe,
    public: Tape,
    orders: Arc<OrderTape>,
    probes: Vec<Probe>,
    /// Bid and ask after each block.
    touches: Vec<(Nanos, [Px; 2])>,
}

/// What is derived from orders is what the market itself tells, but for the cadence of books and the
/// snapshot before its first block, which is a touch more.
fn same_public(seed: u64, told: &[MarketEvent], derived: &[MarketEvent]) {
    let key = |e: &MarketEvent| match e {
        MarketEvent::Trade(t) => Some((t.venue_time, t.tid, [(t.px, t.qty); 2])),
        MarketEvent::Bbo(b) => {
            Some((b.venue_time, 0, [(b.bid.px, b.bid.qty), (b.ask.px, b.ask.qty)]))
        }
        _ => None,
    };
    let told: Vec<_> = told.iter().filter_map(key).collect();
    let derived: Vec<_> = derived.iter().filter_map(key).collect();
    let first = derived[1..].iter().zip(&told[1..]).find(|(a, b)| a != b);
    assert!(derived[1..] == told[..] || derived[1..] == told[1..], "seed {seed}: {first:?}");
}

fn synthetic(universe: &Universe, seed: u64) -> SyntheticMarket {
    let profiles = universe.iter().map(|(_, i)| MarketProfile::of(i, None)).collect();
    SyntheticMarket::new(universe, profiles, START, seed)
}

fn asset(universe: &Universe) -> AssetId {
    universe.iter().next().unwrap().0
}

impl World {
    fn record(coin: (&str, u8), seed: u64, span: Nanos) -> Self {
        let universe = coins::universe([coin]);
        let instrument = *universe.get(asset(&universe));
        let mut market = synthetic(&universe, seed).telling_orders();
        let mut builder = Builder::new(&universe, Cadence::TODAY);
        let (mut public, mut probes, mut touches) = (Vec::new(), Vec::new(), Vec::new());
        let (mut out, mut next) = (MarketOutput::default(), START + EVERY);
        while let Some(now) = market.next_time().filter(|now| *now <= START + span) {
            market.advance(now, &mut out);
            for block in market.take_orders() {
                let (venue, recv) = (block.time, block.time + Nanos::millis(1));
                builder.begin(BlockTimes { asset: block.asset, venue, recv });
                for event in &block.events {
                    match *event {
                        OrderEvent::Filled { oid, qty, tid } => {
                            builder.fill(oid, (Side::Bid, Px::ZERO), qty, tid);
                        }
                        ref other => builder.push(other),
                    }
                }
                builder.end(&mut public);
            }
            let (bid, ask) = market.touch(asset(&universe));
            touches.push((now, [bid.px, ask.px]));
            if now >= next && now + LIFE + AFTER <= START + span {
                next = next + EVERY;
                for (depth, ticks) in DEPTHS.into_iter().enumerate() {
                    let away = |px: Px, side: Side| {
                        let step = instrument.tick_at(px).raw() * ticks * side.sign();
                        Px::from_raw(px.raw() - step)
                    };
                    let time = now + Nanos(1);
                    let (bid, ask) = (away(bid.px, Side::Bid), away(ask.px, Side::Ask));
                    probes.push(Probe { time, side: Side::Bid, px: bid, depth });
                    probes.push(Probe { time, side: Side::Ask, px: ask, depth });
                }
            }
        }
        same_public(seed, &out.events, &public);
        let (orders, reports) = builder.finish();
        assert_eq!(reports[0].faults.iter().sum::<u64>(), 0, "seed {seed}: {reports:?}");
        let public = Tape::build(public);
        Self { universe, public, orders: Arc::new(orders), probes, touches }
    }

    fn mid(&self, at: Nanos) -> f64 {
        let i = self.touches.partition_point(|(time, _)| *time <= at);
        let [bid, ask] = self.touches[i.saturating_sub(1)].1;
        (bid.to_f64() + ask.to_f64()) / 2.0
    }

    /// What becomes of the probes in a market.
    fn run(&self, mut market: impl Market) -> Vec<Option<Nanos>> {
        let asset = asset(&self.universe);
        let lot = self.universe.get(asset).lot();
        let mut out = MarketOutput::default();
        let mut acts: Vec<(Nanos, usize, bool)> = Vec::new();
        for (i, probe) in self.probes.iter().enumerate() {
            acts.push((probe.time, i, true));
            acts.push((probe.time + LIFE, i, false));
        }
        acts.sort_unstable();
        for (time, i, is_place) in acts {
            market.advance(time, &mut out);
            let (oid, Probe { side, px, .. }) = (Oid(1 + i as u64), self.probes[i]);
            let opposite = market.front(asset, side.opposite());
            if !is_place {
                market.cancel(oid);
            } else if opposite.is_none_or(|best| side.opposite().is_better(px, best.px)) {
                market.place(&RestingOrder { oid, asset, side, px, qty: lot });
            }
        }
        let mut filled: HashMap<u64, (Nanos, Qty)> = HashMap::new();
        for e in &out.executions {
            let all = filled.entry(e.oid.0).or_insert((e.time, Qty::ZERO));
            *all = (e.time, all.1 + e.qty);
        }
        let whole = |i: usize| filled.get(&(1 + i as u64)).filter(|f| f.1 == lot).map(|f| f.0);
        (0..self.probes.len()).map(whole).collect()
    }
}

/// Of the probes of one depth in one world.
#[derive(Clone, Copy, Debug)]
struct Figures {
    /// Share that filled, %.
    filled: f64,
    /// Seconds to the fill, mean of those that filled.
    wait_s: f64,
    /// Gain of a fill at the price five seconds later, basis points.
    markout_bps: f64,
    /// Share of which it is said alike whether they filled, %.
    alike: f64,
}

fn figures(
    world: &World,
    depth: usize,
    fills: &[Option<Nanos>],
    truth: &[Option<Nanos>],
) -> Figures {
    let of_depth = world.probes.iter().zip(fills.iter().zip(truth));
    let of_depth: Vec<_> = of_depth.filter(|(probe, _)| probe.depth == depth).collect();
    let n = of_depth.len() as f64;
    let (mut filled, mut wait, mut markout, mut alike) = (0.0, 0.0, 0.0, 0.0);
    for (probe, (got, want)) in of_depth {
        alike += f64::from(u8::from(got.is_some() == want.is_some()));
        let Some(time) = *got else { continue };
        let px = probe.px.to_f64();
        filled += 1.0;
        wait += (time - probe.time).as_secs_f64();
        markout += (world.mid(time + AFTER) / px - 1.0) * 1e4 * probe.side.sign() as f64;
    }
    Figures {
        filled: filled / n * 100.0,
        wait_s: wait / filled,
        markout_bps: markout / filled,
        alike: alike / n * 100.0,
    }
}

/// Mean and half of the 95 % interval, over seeds.
fn interval(values: &[f64]) -> (f64, f64) {
    /// Student's t for 97.5 %, by degrees of freedom from 1.
    const T: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
        2.052, 2.048, 2.045, 2.042,
    ];
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, T[(values.len() - 2).min(29)] * (variance / n).sqrt())
}

/// The figures of each world, by name of the market and depth.
type Rows = Vec<(String, [Vec<Figures>; 2])>;

/// What was found of one coin.
#[derive(Default)]
struct Found {
    rows: Rows,
    events: u64,
    bytes: usize,
    probes: usize,
}

impl Found {
    fn add(&mut self, name: &str, world: &World, fills: &[Option<Nanos>], truth: &[Option<Nanos>]) {
        if !self.rows.iter().any(|(row, _)| row == name) {
            self.rows.push((name.to_owned(), Default::default()));
        }
        let row = self.rows.iter_mut().find(|(row, _)| row == name).unwrap();
        for depth in [0, 1] {
            row.1[depth].push(figures(world, depth, fills, truth));
        }
    }

    fn add_world(&mut self, world: &World, seed: u64) {
        self.events += world.orders.events();
        self.bytes += world.orders.len();
        self.probes += world.probes.len();
        let market = OrderwiseMarket::new(world.orders.clone(), &world.universe, vec![]);
        let exact = world.run(market);
        let itself = world.run(synthetic(&world.universe, seed));
        self.add("exact", world, &exact, &exact);
        self.add("in the market itself", world, &itself, &exact);
        for model in MODELS {
            let model_of = model.parse().unwrap();
            let market = RecordedMarket::new(&world.public, &world.universe, model_of);
            let fills = world.run(market);
            self.add(model, world, &fills, &exact);
        }
    }

    fn filled(&self, name: &str, depth: usize) -> f64 {
        let row = self.rows.iter().find(|(row, _)| row == name).unwrap();
        interval(&row.1[depth].iter().map(|f| f.filled).collect::<Vec<_>>()).0
    }

    fn print(&self, coin: &str) {
        println!(
            "\n{coin}: {} probes; {} order events in {} bytes",
            self.probes, self.events, self.bytes
        );
        println!(
            "| {coin}, ticks behind | queue | filled, % | − exact | to the fill, s | − exact | markout, bps | − exact | said alike, % |"
        );
        println!("|---|---|---|---|---|---|---|---|---|");
        for (depth, ticks) in DEPTHS.iter().enumerate() {
            for (name, row) in &self.rows {
                let column = |of: fn(&Figures) -> f64| {
                    let pairs = row[depth].iter().zip(&self.rows[0].1[depth]);
                    let each: Vec<f64> = row[depth].iter().map(of).collect();
                    let apart: Vec<f64> = pairs.map(|(a, b)| of(a) - of(b)).collect();
                    (interval(&each).0, interval(&apart))
                };
                let columns: [fn(&Figures) -> f64; 3] =
                    [|f| f.filled, |f| f.wait_s, |f| f.markout_bps];
                let cells = columns.map(column).map(|(mean, (apart, within))| {
                    if name == "exact" {
                        return format!("{mean:.2} | ");
                    }
                    format!("{mean:.2} | {apart:+.2} ± {within:.2}")
                });
                let alike = column(|f| f.alike).0;
                println!("| {ticks} | {name} | {} | {alike:.1} |", cells.join(" | "));
            }
        }
    }
}

#[test]
fn how_wrong_each_estimate_of_a_queue_is() {
    let number = |name: &str, usual: u64| {
        std::env::var(name).ok().map_or(usual, |text| text.parse().expect("a number"))
    };
    let seeds = number("BOTMM_QUEUE_SEEDS", 3);
    let span = Nanos::secs(number("BOTMM_QUEUE_SECONDS", 300) as i64);
    for coin in coins::MAJORS {
        let mut found = Found::default();
        for seed in 0..seeds {
            found.add_world(&World::record(coin, seed, span), seed);
        }
        found.print(coin.0);
        let per_event = found.bytes as f64 / found.events as f64;
        println!("{per_event:.2} bytes an event");
        assert!(per_event < 8.0, "{per_event} bytes an event");
        for depth in [0, 1] {
            let (averse, exact) =
                (found.filled("risk_averse", depth), found.filled("exact", depth));
            assert!((averse - exact).abs() < 5.0, "risk averse {averse} %, exact {exact} %");
        }
    }
}
