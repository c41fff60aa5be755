//! From a view of the book to the orders that we want, and how they came about: `logic::quoter`, with
//! each model, and with everything on.
//!
//! `cargo bench --bench quote`. Each call takes the next of 256 views and positions.

mod harness;

use botmm_pipeline::logic::adaptive::Adapted;
use botmm_pipeline::logic::quoter::{QuoteInput, Quoter};
use botmm_pipeline::logic::toxicity::SideToxicity;
use botmm_pipeline::types::{
    ArrivalFit, AssetParams, BookState, BookView, Instrument, Nanos, Px, Qty, QuoteModel,
    QuoteTarget, Reason, Regime, Side, Strategy, Usd, notional,
};
use harness::made;
use std::hint::black_box;

const VIEWS: usize = 256;
const CALLS: usize = 200_000;

fn main() {
    harness::print_rig();
    let instrument = made::instrument("BTC", 5);
    let cases = cases();
    let with = |model, num_levels| AssetParams { model, num_levels, ..made::params() };
    let mut all = AssetParams { strategy: Strategy::Adaptive, ..with(QuoteModel::Glft, 4) };
    (all.toxicity.use_toxicity, all.toxicity.use_edge_gate) = (true, true);
    let named = [
        ("linear, 2 levels a side", with(QuoteModel::Linear, 2)),
        ("linear, 4 levels a side", with(QuoteModel::Linear, 4)),
        ("avellaneda_stoikov, 2 levels", with(QuoteModel::AvellanedaStoikov, 2)),
        ("glft, 2 levels", with(QuoteModel::Glft, 2)),
        ("glft, adaptive, toxicity, 4 levels", all),
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
        is_listed: true,
        position: *position,
        atr: 25.0,
        score: 0.5,
        signal: 1,
        adapted: Adapted {
            regime: Regime::High,
            spread_mult: 1.5,
            size_mult: 0.6,
            fill_mult: 0.85,
            decay: 0.5,
        },
        toxicity: [SideToxicity { score: 0.5, adverse_bps: 0.1 }, SideToxicity::default()],
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
            mid,
            microprice: mid,
            imbalance_e6: random.below(1_000_000) as i64 - 500_000,
            vol_bps_e6,
            vol_slow_bps_e6: vol_bps_e6,
            arrivals: ArrivalFit { rate_e6: 900_000, decay_e6: 600_000, r2_e6: 0, trades: 500 },
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
        assert_eq!((target.bid_reason, target.ask_reason), (Reason::Quoted, Reason::Quoted));
        assert!(target.bids[0].px < target.asks[0].px);
        assert!(target.bids[0].px < case.0.ask.px && target.asks[0].px > case.0.bid.px);
        for side in Side::BOTH {
            assert_side(&target, side, quoter.params().num_levels, instrument);
        }
    }
    let late = QuoteInput { now: cases[0].0.recv_time + Nanos::secs(60), ..input(&cases[0]) };
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
