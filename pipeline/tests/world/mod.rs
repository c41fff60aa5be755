//! A whole trading world for tests: the synthetic market, the simulated exchange and the pipeline,
//! in virtual time, with the seed of everything as its one input.
#![allow(clippy::unwrap_used, dead_code, reason = "shared by test programs that use parts of it")]

use botmm_pipeline::rt::virtual_time::{Drive, run_inline, run_lockstep};
use botmm_pipeline::rt::{Lane, Plan, Stage, WallClock};
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::stage::records::RecordsIn;
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::*;
use botmm_pipeline::venue::sim::core::Rules;
use botmm_pipeline::venue::sim::exchange::{
    AccountReader, Ends, Exchange, ExchangeConfig, VenueAccount,
};
use botmm_pipeline::venue::sim::latency::LatencyModel;
use botmm_pipeline::venue::sim::link::SimGateway;
use botmm_pipeline::venue::sim::queue::QueueModel;
use botmm_pipeline::venue::sim::recorded::RecordedMarket;
use botmm_pipeline::venue::sim::synthetic::{MarketProfile, SyntheticMarket};
use botmm_pipeline::venue::sim::{Market, MarketOutput};
use botmm_pipeline::venue::tape::{Tape, TapeFeed};
use botmm_pipeline::venue::{Feed, Gateway};
use botmm_pipeline::wiring::{self, Control};
use std::sync::{Arc, Mutex};

pub const START: Nanos = Nanos::secs(1_757_000_000);

pub fn universe() -> Universe {
    crate::coins::universe(crate::coins::MAJORS)
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Setup {
    pub seed: u64,
    pub start: Nanos,
    pub span: Nanos,
    pub params: AssetParams,
    pub latency: LatencyModel,
    pub lossless: bool,
}

impl Setup {
    pub fn new(seed: u64, minutes: i64) -> Self {
        Self {
            seed,
            start: START,
            span: Nanos::secs(60 * minutes),
            params: AssetParams { maker_fee: Bps::from_f64(1.5), ..AssetParams::default() },
            latency: LatencyModel::LogNormal { median: Nanos::millis(50), sigma: 0.4 },
            lossless: false,
        }
    }

    /// Tight quotes, and no limit on actions that they meet: what trades more goes wrong sooner.
    pub fn busy(seed: u64, minutes: i64) -> Self {
        let mut setup = Self::new(seed, minutes);
        setup.params.fee_floor = false;
        setup.params.min_spread_bps = 0.2;
        setup.params.vol_multiplier = 0.1;
        setup.params.requote_threshold_bps = 0.05;
        setup.params.risk.action_budget = 10_000_000;
        setup.params.risk.max_actions_per_min = 1_000_000;
        setup.params.risk.max_orders_per_min = 1_000_000;
        setup
    }
}

/// What came out.
pub struct Outcome {
    pub metrics: Arc<Metrics>,
    pub venue: VenueAccount,
    pub records: Vec<Record>,
    /// What the feed brought: whose, the venue's block, and the mid that it left.
    pub blocks: Vec<Block>,
    pub dropped: Vec<(&'static str, u64)>,
}

pub type Block = (AssetId, Nanos, Option<Px>);

/// A feed that keeps what it brings.
struct Tapped<F>(F, Arc<Mutex<Vec<Block>>>);

impl<F: Feed> Feed for Tapped<F> {
    fn next(&mut self, now: Nanos) -> Option<LentEvent<'_>> {
        let event = self.0.next(now)?;
        let (bid, ask) = match &event {
            MarketEvent::Book(b) => (b.bids().first().copied(), b.asks().first().copied()),
            MarketEvent::Bbo(b) => (Some(b.bid), Some(b.ask)),
            _ => return Some(event),
        };
        let is_there = |level: &Level| level.qty.is_positive();
        let mid = bid.filter(is_there).zip(ask.filter(is_there));
        let mid = mid.map(|(b, a)| Px::from_raw(b.px.raw().midpoint(a.px.raw())));
        self.1.lock().unwrap().push((event.asset(), event.venue_time(), mid));
        Some(event)
    }
    fn next_deadline(&self) -> Option<Nanos> {
        self.0.next_deadline()
    }
}

impl Outcome {
    /// Our net profit and the venue's, at the same marks.
    pub fn nets(&self) -> (Usd, Usd) {
        let m = &self.metrics;
        let marks: [Px; MAX_ASSETS] =
            core::array::from_fn(|i| Px::from_raw(m.risk.mark[i].get() as i64));
        (m.net_pnl(), self.venue.net(&marks))
    }
}

/// A venue that gives something away: each fill reaches us so many basis points better than it was.
pub struct Generous(pub SimGateway, pub f64);

impl Gateway for Generous {
    fn submit(&mut self, now: Nanos, action: &Action) -> bool {
        self.0.submit(now, action)
    }
    fn next(&mut self, now: Nanos) -> Option<VenueEvent> {
        let mut event = self.0.next(now)?;
        if let VenueEventKind::Fill(fill) = &mut event.kind {
            let gift = (fill.px.raw() as f64 * self.1 * 1e-4) as i64;
            fill.px = Px::from_raw(fill.px.raw() - fill.side.sign() * gift);
        }
        Some(event)
    }
    fn next_deadline(&self) -> Option<Nanos> {
        self.0.next_deadline()
    }
}

fn market(setup: &Setup) -> SyntheticMarket {
    let universe = universe();
    let profiles = universe.iter().map(|(_, i)| MarketProfile::of(i, None)).collect();
    SyntheticMarket::new(&universe, profiles, setup.start, setup.seed)
}

fn exchange_config(setup: &Setup) -> ExchangeConfig {
    let maker_fee = setup.params.maker_fee;
    ExchangeConfig {
        latency: setup.latency,
        maker_fee,
        taker_fee: maker_fee,
        seed: setup.seed,
        rules: Rules::REPLAY,
        deposit: Usd::ZERO,
        start: setup.start,
    }
}

/// A synthetic world, inline or on a plan's threads; `watch` may put something around the gateway.
pub fn run<G: Gateway + 'static>(
    setup: &Setup,
    plan: Option<&Plan>,
    watch: impl FnOnce(SimGateway) -> G,
) -> Outcome {
    run_beside(setup, plan, watch, |_, _| {})
}

/// The same, with a side thread that may ask something of the stages after each moment.
pub fn run_beside<G: Gateway + 'static>(
    setup: &Setup,
    plan: Option<&Plan>,
    watch: impl FnOnce(SimGateway) -> G,
    side: impl FnMut(Nanos, &mut Control),
) -> Outcome {
    let (exchange, Ends { feed, gateway, account }) =
        Exchange::new(market(setup), universe(), exchange_config(setup), true);
    drive(setup, plan, (exchange, account), (feed, watch(gateway)), (|stage| stage, side))
}

/// A replay of what the synthetic market did without us, inline; `wrap` may put something around
/// each stage, and `side` may ask something of them after each moment.
pub fn replay(
    setup: &Setup,
    wrap: impl FnMut(Box<dyn Stage>) -> Box<dyn Stage>,
    side: impl FnMut(Nanos, &mut Control),
) -> Outcome {
    let mut output = MarketOutput::default();
    market(setup).advance(setup.start + setup.span, &mut output);
    let delayed = output.events.into_iter().map(|mut event| {
        event.set_recv_time(event.venue_time() + Nanos::millis(80));
        event
    });
    replay_of(setup, Tape::build(delayed), wrap, side)
}

/// A replay of a tape of assets of [`universe`], inline or on a plan's threads.
pub fn replay_under(setup: &Setup, plan: Option<&Plan>, tape: Tape) -> Outcome {
    let market = RecordedMarket::new(&tape, &universe(), QueueModel::ProbPower(3.0));
    let (exchange, Ends { gateway, account, .. }) =
        Exchange::new(market, universe(), exchange_config(setup), false);
    let ends = (TapeFeed::new(&tape), gateway);
    drive(setup, plan, (exchange, account), ends, (|stage| stage, |_, _| {}))
}

/// A replay of a tape of assets of [`universe`].
pub fn replay_of(
    setup: &Setup,
    tape: Tape,
    wrap: impl FnMut(Box<dyn Stage>) -> Box<dyn Stage>,
    side: impl FnMut(Nanos, &mut Control),
) -> Outcome {
    let market = RecordedMarket::new(&tape, &universe(), QueueModel::RiskAverse);
    let (exchange, Ends { gateway, account, .. }) =
        Exchange::new(market, universe(), exchange_config(setup), false);
    drive(setup, None, (exchange, account), (TapeFeed::new(&tape), gateway), (wrap, side))
}

fn drive<M: Market + 'static, F: Feed + 'static, G: Gateway + 'static>(
    setup: &Setup,
    plan: Option<&Plan>,
    (exchange, account): (Exchange<M>, AccountReader),
    (feed, gateway): (F, G),
    (wrap, mut side): (
        impl FnMut(Box<dyn Stage>) -> Box<dyn Stage>,
        impl FnMut(Nanos, &mut Control),
    ),
) -> Outcome {
    let universe = universe();
    // Room for an hour, so that looking on does not allocate in the stage that is looked at.
    let blocks = Arc::new(Mutex::new(Vec::with_capacity(1 << 18)));
    let (lossless, params) = (setup.lossless, vec![setup.params; universe.len()]);
    let config = wiring::Config { lossless, ..wiring::Config::new(universe, params) };
    let wiring::Pipeline { stages, mut records, mut control, metrics, rings, .. } =
        wiring::build(&config, Tapped(feed, blocks.clone()), gateway);
    let stages = stages.into_iter().map(wrap).collect();
    let mut all = Vec::new();
    let mut after_moment = |now| {
        side(now, &mut control);
        drain(&mut records, &mut all);
        true
    };
    let drive = Drive {
        start: setup.start,
        end: setup.start + setup.span,
        venue: Box::new(exchange),
        after_moment: &mut after_moment,
    };
    let clock = WallClock::default();
    match plan {
        None => run_inline(Lane::inline(stages, &clock).0, drive),
        Some(plan) => run_lockstep(Lane::by_plan(plan, stages, &clock).0, drive).unwrap(),
    }
    drain(&mut records, &mut all);
    Outcome {
        metrics,
        venue: VenueAccount::read(&account),
        records: all,
        blocks: std::mem::take(&mut blocks.lock().unwrap()),
        dropped: rings.iter().map(|r| (r.name, r.dropped())).collect(),
    }
}

fn drain(rings: &mut [RecordsIn], all: &mut Vec<Record>) {
    for ring in rings {
        while let Some(record) = ring.pop() {
            all.push(record);
        }
    }
}
