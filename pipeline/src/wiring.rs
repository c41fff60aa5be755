//! Floor 4: every ring on one page.
//!
//! ```text
//!  feed ──market──> book ──views──> quote ──targets──> risk ──approved──> dispatch ──> gateway
//!                                     ^                  ^                   │
//!                                     └──── venue ───────┴───── venue ───────┘
//!  all but book ──facts, commentary──> side
//!  side ──params──> book, quote, risk, dispatch;   side ──commands──> feed, quote, risk
//! ```
//!
//! | ring | when full |
//! |---|---|
//! | market, and its books | a snapshot or touch is dropped and counted, the book goes void; lossless: the feed waits |
//! | views, targets, approved | the newest of each asset waits for room, older ones are superseded |
//! | venue | never lost: full = halt |
//! | facts | never lost: full = halt |
//! | commentary | the newest is dropped and counted |
//! | params, commands | refused: the side thread says so and tries again |
//!
//! A captured run has copies of what comes in beside them ([`Control::tell`], `rt/cycles.rs`,
//! `venue/tap.rs`): what finds no room there is lost for the capture alone, and marked.

use crate::logic::budget::Budget;
use crate::logic::gate::Gate;
use crate::logic::orders::Orders;
use crate::rt::{
    BoardReader, Came, HaltLevel, In, InLatest, LevelCell, Out, OutLatest, OutTold, RingStats,
    Shared, Stage, board, ring, vital_ring,
};
use crate::stage::book::BookStage;
use crate::stage::dispatch::{DispatchRings, DispatchStage};
use crate::stage::feed::{FeedRings, FeedStage};
use crate::stage::metrics::Metrics;
use crate::stage::params::ParamsIn;
use crate::stage::quote::{QuoteRings, QuoteStage};
use crate::stage::records::{RecordsIn, facts, records};
use crate::stage::risk::{RiskRings, RiskStage};
use crate::stage::status::{STATUS_WORDS, STRATEGY_WORDS};
use crate::types::limits::{
    POLL_BATCH, RING_BOOKS, RING_COMMAND, RING_COMMENTARY, RING_FACT, RING_MARKET, RING_PARAMS,
    RING_TARGET, RING_TRIP, RING_VENUE, RING_VIEW,
};
use crate::types::{
    AssetId, AssetParams, Instrument, Nanos, NewParams, ParamsChange, QuoteCommand, RiskCommand,
    RiskSnapshot, Universe,
};
use crate::venue::hl::clock::VenueClock;
use crate::venue::market_ring::market_ring;
use crate::venue::nowhere::{MadeFeed, Nowhere};
use crate::venue::{Feed, Gateway};
use std::sync::Arc;

/// What a pipeline is built from.
#[derive(Clone, Debug)]
pub struct Config {
    /// What is traded.
    pub universe: Universe,
    /// Parameters of each asset, in the universe's order.
    pub params: Vec<AssetParams>,
    /// Part of every order's id; differs between runs against one account.
    pub session: u32,
    /// No message is superseded or dropped: every view becomes a decision when it is due.
    pub lossless: bool,
    /// What an earlier run of the account kept of its risk state; [`None`] in replays.
    pub risk: Option<RiskSnapshot>,
    /// What time it is at the venue; ours in replays.
    pub venue_clock: VenueClock,
    /// Commentary of a stage that may be on its way to the side thread.
    pub commentary: usize,
}

impl Config {
    /// Of a run by itself, as replays, tests and benches have it: the venue's clock is ours, nothing was kept of an
    /// earlier one, and the newest supersedes.
    pub fn new(universe: Universe, params: Vec<AssetParams>) -> Self {
        let (lossless, risk, venue_clock) = (false, None, VenueClock::default());
        Self {
            universe,
            params,
            session: 1,
            lossless,
            risk,
            venue_clock,
            commentary: RING_COMMENTARY,
        }
    }
}

/// A built pipeline, not yet running.
pub struct Pipeline {
    /// The five stages, in order.
    pub stages: Vec<Box<dyn Stage>>,
    /// What the stages tell the side thread, in the stages' order. To see each record after those
    /// that it rests on, drain the last ring first, and read the first one first.
    pub records: Vec<RecordsIn>,
    /// What the side thread may ask of them.
    pub control: Control,
    /// What the dispatch stage shows of each asset.
    pub status: Vec<BoardReader<STATUS_WORDS>>,
    /// What the quote stage shows of each asset.
    pub strategy: Vec<BoardReader<STRATEGY_WORDS>>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Loss counts of all rings.
    pub rings: Vec<Arc<RingStats>>,
    /// When frames of the market arrived, where the feed knows.
    pub came: In<Came>,
    /// The halt level.
    pub level: Arc<LevelCell>,
    /// What stages of several lanes share beside the rings.
    pub shared: Arc<dyn Shared>,
}

/// The side thread's end of the rings towards the stages.
pub struct Control {
    /// To the quote stage.
    pub quote: OutTold<QuoteCommand>,
    /// To the risk stage.
    pub risk: OutTold<RiskCommand>,
    /// New parameters, to all stages.
    pub params: ParamsControl,
}

/// Everything that was asked of the stages, in order of each kind.
pub struct Asked {
    /// See [`Control::quote`].
    pub quote: In<QuoteCommand>,
    /// See [`Control::risk`].
    pub risk: In<RiskCommand>,
    /// See [`Control::params`]; those of one generation came together.
    pub params: In<ParamsChange>,
}

impl Control {
    /// Tells from here on what is asked.
    pub fn tell(&mut self) -> Asked {
        let params = self.params.stages[0].tell(RING_PARAMS);
        Asked { quote: self.quote.tell(RING_COMMAND), risk: self.risk.tell(RING_COMMAND), params }
    }
}

/// See [`Control::params`].
pub struct ParamsControl {
    feed: Out<NewParams>,
    stages: [OutTold<ParamsChange>; 4],
    generation: u32,
}

impl ParamsControl {
    /// Lets new parameters take effect, all of them at once, after the newest market event; their
    /// generation. [`None`] when a change before this one is still on its way: try again.
    pub fn change(&mut self, changes: &[(AssetId, AssetParams)]) -> Option<u32> {
        let generation = self.hand_over(changes)?;
        let sent = self.feed.push(NewParams { generation });
        assert!(sent.is_ok(), "the feed's ring is as large as the others'");
        Some(generation)
    }

    /// The same for a feed that brings the generation itself, at its place among its events.
    pub fn hand_over(&mut self, changes: &[(AssetId, AssetParams)]) -> Option<u32> {
        let room = self.stages.iter().map(OutTold::free).min().unwrap_or(0);
        if changes.is_empty() || room < changes.len() || self.feed.free() == 0 {
            return None;
        }
        self.generation += 1;
        let generation = self.generation;
        for ring in &mut self.stages {
            for (asset, params) in changes {
                let change = ParamsChange { generation, asset: *asset, params: *params };
                assert!(ring.push(change).is_ok(), "there was room");
            }
        }
        Some(generation)
    }
}

/// Builds the five stages between a feed and a gateway. Live, paper, replay and tests all call this, and
/// [`rehearsal`] what it calls: whatever is behind them, the stages are the same code, once in the program,
/// so that what one pipeline goes through is warm for another.
pub fn build<F, G>(config: &Config, feed: F, gateway: G) -> Pipeline
where
    F: Feed + 'static,
    G: Gateway + 'static,
{
    assemble(config, (Box::new(feed), Box::new(gateway)), usize::MAX)
}

/// No ring has more than `room`, whatever its own size.
fn assemble(
    config: &Config,
    (feed, gateway): (Box<dyn Feed>, Box<dyn Gateway>),
    room: usize,
) -> Pipeline {
    let Config { universe, params, session, lossless, risk, venue_clock, commentary } = config;
    let assets = universe.len();
    let most = |own: usize| own.min(room);
    let level = Arc::new(LevelCell::default());
    let metrics = Arc::new(Metrics::default());

    let (market_tx, market_rx) =
        market_ring(("feed->book", most(RING_MARKET)), ("feed->book books", most(RING_BOOKS)));
    let [market_stats, book_stats] = market_tx.stats();
    let (view_tx, view_rx) = ring("book->quote", most(RING_VIEW));
    let (target_tx, target_rx) = ring("quote->risk", most(RING_TARGET));
    let (approved_tx, approved_rx) = ring("risk->dispatch", most(RING_TARGET));
    let (venue_quote_tx, venue_quote_rx) = vital_ring("dispatch->quote", most(RING_VENUE), &level);
    let (venue_risk_tx, venue_risk_rx) = vital_ring("dispatch->risk", most(RING_VENUE), &level);
    let to_side =
        |fact, comment| records([(fact, most(RING_FACT)), (comment, most(*commentary))], &level);
    let (feed_facts, feed_said) = facts(("feed->side facts", most(RING_FACT)), &level);
    let (quote_records, quote_said) = to_side("quote->side facts", "quote->side commentary");
    let (risk_records, risk_said) = to_side("risk->side facts", "risk->side commentary");
    let (dispatch_records, dispatch_said) =
        to_side("dispatch->side facts", "dispatch->side commentary");
    let (feed_command_tx, feed_command_rx) = ring("side->feed", most(RING_PARAMS));
    let (quote_command_tx, quote_command_rx) = ring("side->quote", most(RING_COMMAND));
    let (risk_command_tx, risk_command_rx) = ring("side->risk", most(RING_COMMAND));
    let names =
        ["side->book params", "side->quote params", "side->risk params", "side->dispatch params"];
    let [book_params, quote_params, risk_params, dispatch_params] =
        names.map(|name| ring(name, most(RING_PARAMS)));
    let (boards, status) = (0..assets).map(|_| board()).unzip();
    let (strategy_boards, strategy) = (0..assets).map(|_| board()).unzip();

    let mut rings = vec![
        market_stats,
        book_stats,
        view_tx.stats().clone(),
        target_tx.stats().clone(),
        approved_tx.stats().clone(),
        venue_quote_tx.stats().clone(),
        venue_risk_tx.stats().clone(),
        feed_facts.stats().clone(),
    ];
    let of_stages = [&quote_records, &risk_records, &dispatch_records];
    rings.extend(of_stages.into_iter().flat_map(|told| told.stats()).cloned());

    let (came, came_rx) = ring("feed->side arrivals", most(RING_TRIP));
    let feed_rings =
        FeedRings { out: market_tx, commands: feed_command_rx, facts: feed_facts, came };
    let quote_rings = QuoteRings {
        views: InLatest::new(view_rx, assets, POLL_BATCH, *lossless),
        venue: venue_quote_rx,
        commands: quote_command_rx,
        params: ParamsIn::new(quote_params.1),
        out: OutLatest::new(target_tx, assets),
        records: quote_records,
        status: strategy_boards,
    };
    let risk_rings = RiskRings {
        targets: InLatest::new(target_rx, assets, POLL_BATCH, *lossless),
        venue: venue_risk_rx,
        commands: risk_command_rx,
        params: ParamsIn::new(risk_params.1),
        out: OutLatest::new(approved_tx, assets),
        records: risk_records,
    };
    let dispatch_rings = DispatchRings {
        targets: InLatest::new(approved_rx, assets, POLL_BATCH, *lossless),
        params: ParamsIn::new(dispatch_params.1),
        venue: [venue_quote_tx, venue_risk_tx],
        records: dispatch_records,
        status: boards,
    };
    let views = OutLatest::new(view_tx, assets);
    let book_params_in = ParamsIn::new(book_params.1);
    let gate = Gate::new(universe.clone(), params);
    let orders = Orders::new(universe, params, *session);
    let budget = Budget::new(&params[0].risk);
    let shared = (level.clone(), metrics.clone());

    let stages: Vec<Box<dyn Stage>> = vec![
        Box::new(FeedStage::new(feed, feed_rings, metrics.clone(), assets, *lossless)),
        Box::new(
            BookStage::new(market_rx, views, book_params_in, params)
                .by(venue_clock.clone())
                .counting(metrics.clone()),
        ),
        Box::new(QuoteStage::new(quote_rings, universe, params, metrics.clone())),
        Box::new(RiskStage::new(risk_rings, gate, *risk, level.clone(), metrics.clone())),
        Box::new(DispatchStage::new(gateway, dispatch_rings, orders, budget, shared)),
    ];
    let records = vec![feed_said, quote_said, risk_said, dispatch_said];
    let control = Control {
        quote: OutTold::new(quote_command_tx),
        risk: OutTold::new(risk_command_tx),
        params: ParamsControl {
            feed: feed_command_tx,
            stages: [book_params.0, quote_params.0, risk_params.0, dispatch_params.0]
                .map(OutTold::new),
            generation: 0,
        },
    };
    let shared = SharedState {
        level: level.clone(),
        venue_clock: venue_clock.clone(),
        metrics: metrics.clone(),
    };
    let shared = Arc::new(shared);
    Pipeline {
        stages,
        records,
        control,
        status,
        strategy,
        metrics,
        rings,
        came: came_rx,
        level,
        shared,
    }
}

/// The five stages once more, for lanes to go through while they are idle (`rt/rehearsal.rs`): made frames of one
/// coin come in, a new book in each round, and the gateway leads nowhere. They share nothing with the others.
pub fn rehearsal(config: &Config) -> Vec<Box<dyn Stage>> {
    let Some(btc) = Instrument::new("BTC", 0, 5, 40) else { panic!("a coin of the venue's") };
    let universe = Universe::new(vec![btc]);
    // As the first coin's, but that nothing holds an order back: each book moves all of them.
    let mut params = AssetParams { grid: None, requote_min: Nanos(1), ..config.params[0] };
    params.risk.action_budget = 1 << 60;
    (params.risk.max_actions_per_min, params.risk.max_orders_per_min) = (u32::MAX, u32::MAX);
    params.fit.leaders = Default::default();
    let commentary = config.commentary;
    let config = Config { session: 0, commentary, ..Config::new(universe.clone(), vec![params]) };
    let ends = (Box::new(MadeFeed::new(universe)) as _, Box::new(Nowhere::default()) as _);
    let Pipeline { mut stages, records, .. } = assemble(&config, ends, REHEARSED_ROOM);
    let feed = stages.remove(0);
    stages.insert(0, Box::new(Unheard { feed, records }));
    stages
}

/// Room of a rehearsal's rings: each round takes what the one before has left, and a lap of them should stay near
/// the core, not drive out what a tick needs.
const REHEARSED_ROOM: usize = 64;

/// A rehearsal's first stage, which throws away what all its stages tell.
struct Unheard {
    feed: Box<dyn Stage>,
    records: Vec<RecordsIn>,
}

impl Stage for Unheard {
    fn name(&self) -> &'static str {
        self.feed.name()
    }
    fn on_start(&mut self) {
        self.feed.on_start();
    }
    fn poll(&mut self, now: Nanos) -> usize {
        self.records.iter_mut().for_each(|records| while records.pop().is_some() {});
        self.feed.poll(now)
    }
}

/// What stages of several lanes share beside the rings.
struct SharedState {
    level: Arc<LevelCell>,
    venue_clock: VenueClock,
    metrics: Arc<Metrics>,
}

impl Shared for SharedState {
    fn read(&self) -> [i64; 3] {
        [self.level.get() as i64, self.venue_clock.offset().0, self.level.looks() as i64]
    }

    fn told(&self) -> [u64; 2] {
        [self.metrics.risk.hash.get(), self.metrics.dispatch.hash.get()]
    }

    fn tellers(&self) -> [&'static str; 2] {
        ["risk", "dispatch"]
    }

    fn set(&self, [level, offset, looks]: [i64; 3]) {
        let level = match level {
            0 => HaltLevel::Run,
            1 => HaltLevel::ReduceOnly,
            _ => HaltLevel::Halt,
        };
        self.level.set_seen(level, looks as u64);
        self.venue_clock.set(Nanos(offset));
    }
}
