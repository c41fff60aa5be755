//! From a view of the book to the orders that we want, and how they came about: `logic::quoter` alone,
//! with each model; and the whole quote stage with everything on, poll to poll.
//!
//! `cargo bench --bench quote`. Each call takes the next of 256 views and positions.

mod harness;

use botmm_pipeline::logic::adaptive::Adapted;
use botmm_pipeline::logic::fill_model::{features, predict, sum};
use botmm_pipeline::logic::quoter::{Quote, QuoteInput, Quoter};
use botmm_pipeline::logic::toxicity::SideToxicity;
use botmm_pipeline::rt::{In, InLatest, Out, OutLatest, Stage, board, ring};
use botmm_pipeline::stage::params::ParamsIn;
use botmm_pipeline::stage::quote::{QuoteRings, QuoteStage};
use botmm_pipeline::stage::records::{RecordsIn, records};
use botmm_pipeline::types::limits::{
    RING_COMMENTARY, RING_FACT, RING_TARGET, RING_VENUE, RING_VIEW,
};
use botmm_pipeline::types::params::{
    FEATURES, FairPrice, FillModel, FillModelRef, Forest, MAX_TREES, Node, Touch,
};
use botmm_pipeline::types::{
    ArrivalFit, AssetParams, BookState, BookView, Cloid, Fact, Fill, Fitted, Instrument, Listing,
    Nanos, Px, Qty, QuoteModel, QuoteTarget, Reason, Record, Regime, Side, Strategy, Usd,
    VenueEvent, VenueEventKind, notional,
};
use harness::{Samples, made};
use std::hint::black_box;
use std::sync::Arc;

const VIEWS: usize = 256;
const CALLS: usize = 200_000;
/// Views that the stage is shown, one a quarter of a second: half a day, with a fill every minute.
const POLLS: usize = 200_000;
const STEP: Nanos = Nanos::millis(250);
const FILL_EVERY: usize = 240;

fn main() {
    harness::print_rig();
    time_model();
    time_quoter();
    time_stage("poll, a view, everything on", everything_on());
    time_stage("the same, with the fit", fitted());
}

/// GLFT, the adaptive strategy, toxicity and the expected edge, four levels a side; around the microprice.
fn everything_on() -> AssetParams {
    let mut params = made::params();
    (params.fair_price, params.touch) = (FairPrice::Microprice, Touch::Free);
    (params.model, params.strategy) = (QuoteModel::Glft, Strategy::Adaptive);
    params.num_levels = 4;
    (params.toxicity.use_toxicity, params.use_edge, params.min_edge_bps) = (true, true, 0.0);
    params
}

/// A model as large as one may be: 64 trees of 15 leaves, of each answer.
fn largest_model() -> FillModelRef {
    let mut random = made::Random(7);
    let mut forest = || {
        let mut forest = Forest::default();
        for _ in 0..MAX_TREES {
            let (node, leaf) = (forest.nodes.len() as i16, forest.leaves.len() as i16);
            forest.roots.push(node);
            for i in 0..14 {
                // A heap: its last nodes lead to leaves.
                let child = |at: i16| if at < 14 { node + at } else { !(leaf + at - 14) };
                let threshold = random.below(2_000) as f64 / 1_000.0 - 1.0;
                let (feature, missing_left) = (random.below(FEATURES as u64) as u8, i % 2 == 0);
                let children = [child(2 * i + 1), child(2 * i + 2)];
                forest.nodes.push(Node { threshold, children, feature, missing_left });
            }
            forest.leaves.extend((0..15).map(|_| random.below(1_000) as f64 / 1e4));
        }
        forest
    };
    FillModelRef::keep(FillModel {
        sha256: String::new(),
        horizon: Nanos::secs(5),
        trained: [Nanos::ZERO; 2],
        fill: forest(),
        adverse: forest(),
    })
}

/// Both answers of one order, numbers included: at most 2 µs (STRATEGY §7).
fn time_model() {
    let model = largest_model();
    assert!(model.is_sound());
    let (cases, quoter) = (cases(), Quoter::new(made::instrument("BTC", 5), &made::params()));
    let terms: Vec<_> = cases.iter().map(|case| quoter.quote(&input(case))).collect();
    let of = |quote: &Quote| features(&quote.terms, Side::Bid, quote.target.bids[0].px);
    for quote in &terms {
        let walked = [&model.fill, &model.adverse].map(|forest| sum(forest, &of(quote)).to_bits());
        assert_eq!(model.ask(&of(quote)).map(f64::to_bits), walked);
    }
    let [mut next, mut walked] = [(); 2].map(|()| terms.iter().cycle());
    let ask = move || {
        if let Some(quote) = next.next() {
            let px = quote.target.bids[0].px;
            black_box(predict(&model, black_box(&quote.terms), Side::Bid, px));
        }
    };
    let walk = move || {
        if let Some(quote) = walked.next() {
            let asked = of(black_box(quote));
            black_box([sum(&model.fill, &asked), sum(&model.adverse, &asked)]);
        }
    };
    let results = harness::interleave(
        &mut [
            ("fill model, 2 x 64 trees x 15 leaves", Box::new(ask)),
            ("the same, tree by tree", Box::new(walk)),
        ],
        CALLS,
    );
    harness::print_table("what a fill model says of one order", &results);
}

/// And a fitted fair price, with all its features but those of leaders.
fn fitted() -> AssetParams {
    AssetParams { fair_price: FairPrice::Fitted, touch: Touch::Inside, ..everything_on() }
}

fn time_quoter() {
    let instrument = made::instrument("BTC", 5);
    let cases = cases();
    let with = |model, num_levels| AssetParams { model, num_levels, ..made::params() };
    let named = [
        ("linear, 2 levels a side", with(QuoteModel::Linear, 2)),
        ("linear, 4 levels a side", with(QuoteModel::Linear, 4)),
        ("avellaneda_stoikov, 2 levels", with(QuoteModel::AvellanedaStoikov, 2)),
        ("glft, 2 levels", with(QuoteModel::Glft, 2)),
        ("glft, adaptive, toxicity, 4 levels", everything_on()),
        (
            "linear, 2 levels, fill model",
            AssetParams { fill_model: Some(largest_model()), ..with(QuoteModel::Linear, 2) },
        ),
    ];
    let candidate = |(name, params)| -> harness::Candidate<'_> {
        let quoter = Quoter::new(instrument, &params);
        assert_sound(&cases, &quoter, &instrument);
        let mut next = cases.iter().cycle();
        (name, Box::new(move || call(&mut next, &quoter)))
    };
    let mut candidates = named.map(candidate);
    let results = harness::interleave(&mut candidates, CALLS);
    harness::print_table("one quote with its terms", &results);
}

/// A quote stage of one asset, with the outer ends of its rings.
struct Rig {
    stage: QuoteStage,
    views: Out<BookView>,
    venue: Out<VenueEvent>,
    targets: In<QuoteTarget>,
    records: RecordsIn,
}

impl Rig {
    fn new(params: AssetParams) -> Self {
        let (views, view_rx) = ring("bench->quote", RING_VIEW);
        let (venue, venue_rx) = ring("venue->quote", RING_VENUE);
        let (target_tx, targets) = ring("quote->bench", RING_TARGET);
        let rooms = [("quote->side facts", RING_FACT), ("quote->side commentary", RING_COMMENTARY)];
        let (record_tx, records) = records(rooms, &Arc::default());
        let rings = QuoteRings {
            views: InLatest::new(view_rx, 1, 8, false),
            venue: venue_rx,
            commands: ring("side->quote", 1).1,
            params: ParamsIn::new(ring("side->quote params", 1).1),
            out: OutLatest::new(target_tx, 1),
            records: record_tx,
            status: vec![board().0],
        };
        let stage = QuoteStage::new(rings, &made::btc(), &[params], Arc::default());
        Self { stage, views, venue, targets, records }
    }

    /// A fill of ours, now to one side and now to the other.
    fn fill(&mut self, now: Nanos, number: u64, mid: Px) {
        let side = Side::BOTH[number as usize % 2];
        let px = Px::from_raw(mid.raw() - side.sign() * 1_000_000_000);
        let fill = Fill { px, qty: Qty::from_raw(200_000), side, tid: number, ..Fill::default() };
        let kind = VenueEventKind::Fill(fill);
        let event = VenueEvent::new(Cloid::default(), made::first(), [now; 2], kind);
        assert!(self.venue.push(event).is_ok(), "one fill at a time cannot fill a ring");
    }
}

/// View out of its ring, bars, signal, adaptive strategy, markouts and toxicity of fills, a quote with
/// its terms, target and terms into their rings, status board.
fn time_stage(name: &'static str, params: AssetParams) {
    let watch = harness::Stopwatch::new();
    let cases = cases();
    let mut rig = Rig::new(params);
    let mut samples = Samples::new(name);
    let (mut quoted, mut measured) = (0, 0);
    let polls = harness::calls(POLLS);
    for i in 0..polls {
        let now = made::START + Nanos(STEP.0 * i as i64);
        let view = BookView { venue_time: now, recv_time: now, ..cases[i % VIEWS].0 };
        if i % FILL_EVERY == FILL_EVERY - 1 {
            rig.fill(now, i as u64, view.mid.unwrap_or_default());
        }
        assert!(rig.views.push(view).is_ok(), "one view at a time cannot fill a ring");
        let mut work = 0;
        let ns = watch.time(&mut || work = rig.stage.poll(now));
        let target = rig.targets.pop().unwrap_or_else(|| panic!("no decision at {now}"));
        assert!(work >= 2 && target.mid == view.mid, "a view and a decision");
        quoted += usize::from(target.bid_reason == Reason::Quoted);
        while let Some(record) = rig.records.pop() {
            measured += usize::from(matches!(record, Record::Fact(Fact::Markout { .. })));
        }
        samples.record(ns);
    }
    // The expected edge withholds a side after fills that were followed by adverse moves.
    assert!(quoted * 10 >= polls * 4, "quoted {quoted} of {polls} times");
    assert!(polls < POLLS || measured > 3 * POLLS / FILL_EVERY, "{measured} markouts");
    harness::print_table("QuoteStage, one view a poll", &[samples.percentiles()]);
}

type Case = (BookView, Qty);

fn call<'a>(cases: &mut impl Iterator<Item = &'a Case>, quoter: &Quoter) {
    if let Some(case) = cases.next() {
        black_box(quoter.quote(&input(black_box(case))));
    }
}

fn input(case: &Case) -> QuoteInput<'_> {
    let (view, position) = case;
    QuoteInput {
        view,
        last_mid: None,
        listing: Listing::Listed,
        is_stale: false,
        position: *position,
        atr: 25.0,
        score: 0.5,
        signal: 1,
        fitted: Fitted::default(),
        adapted: Adapted {
            regime: Regime::High,
            spread_mult: 1.5,
            size_mult: 0.6,
            fill_mult: 0.85,
            decay: 0.5,
        },
        toxicity: [SideToxicity { score: 0.5, adverse_bps: 0.1 }, SideToxicity::default()],
        size_factors: [1.1, 0.85, 1.0, 0.85, 1.0, 1.08],
        slow_mult: 1.0,
        // Less than the touch is away from fair: both sides have an edge.
        adverse_bps: [0.05, 0.0],
        feed_delay: Nanos::millis(50),
        is_late: false,
        now: view.recv_time,
        venue_seq: 0,
    }
}

/// Views of moving books with positions within ±70 % of the limit, so that both sides are quoted.
fn cases() -> Vec<Case> {
    let mut random = made::Random(1);
    let case = |book: &botmm_pipeline::types::BookSnapshot| {
        let (bid, ask) = (book.bids[0], book.asks[0]);
        let mid = Px::from_raw((bid.px.raw() + ask.px.raw()) / 2);
        let vol_bps_e6 = 1_000_000 + random.below(6_000_000) as i64;
        let view = BookView {
            state: BookState::Ok,
            recv_time: book.recv_time,
            bid,
            ask,
            mid: Some(mid),
            microprice: Some(mid),
            imbalance_e6: random.below(1_000_000) as i64 - 500_000,
            vol_bps_e6,
            vol_slow_bps_e6: vol_bps_e6,
            arrivals: ArrivalFit {
                rate_e6: 900_000,
                decay_e6: 600_000,
                r2_e6: 900_000,
                trades: 500,
            },
            imbalances_e6: [0; 2].map(|_| random.below(2_000_000) as i32 - 1_000_000),
            flow: Usd::whole(random.below(20_000) as i64 - 10_000),
            ..BookView::default()
        };
        let usd = Usd::whole(random.below(1_400) as i64 - 700);
        (view, usd.qty_at(mid))
    };
    made::books(VIEWS, 5).iter().map(case).collect()
}

/// Every wanted order is legal, outside the touch, worth sending, and behind the one before it.
fn assert_sound(cases: &[Case], quoter: &Quoter, instrument: &Instrument) {
    for case in cases {
        let target = quoter.quote(&input(case)).target;
        let reasons = [target.bid_reason, target.ask_reason];
        if quoter.params().fill_model.is_some() && reasons.contains(&Reason::NoEdge) {
            continue; // It expects to lose.
        }
        assert_eq!(reasons, [Reason::Quoted; 2]);
        assert!(target.bids[0].px < target.asks[0].px);
        assert!(target.bids[0].px < case.0.ask.px && target.asks[0].px > case.0.bid.px);
        for side in Side::BOTH {
            assert_side(&target, side, quoter.params().num_levels, instrument);
        }
    }
    let late = QuoteInput { is_stale: true, ..input(&cases[0]) };
    assert_eq!(quoter.quote(&late).target.bid_reason, Reason::StaleBook);
}

fn assert_side(target: &QuoteTarget, side: Side, levels: usize, instrument: &Instrument) {
    let ladder: Vec<_> = target.side(side).iter().filter(|l| l.qty.is_positive()).collect();
    assert_eq!(ladder.len(), levels);
    assert!(ladder.windows(2).all(|pair| side.is_better(pair[0].px, pair[1].px)));
    for level in ladder {
        assert!(instrument.is_legal_px(level.px) && instrument.is_legal_qty(level.qty));
        assert!(notional(level.px, level.qty) >= botmm_pipeline::types::instrument::MIN_NOTIONAL);
    }
}
