//! From a view of the book to the orders that we want: `logic::quoter::quote`, the linear quoter.
//!
//! `cargo bench --bench quote`. Each call takes the next of 256 views and positions.

mod harness;

use botmm_pipeline::logic::quoter::{QuoteInput, quote};
use botmm_pipeline::types::{
    AssetParams, BookState, BookView, Instrument, Nanos, Px, Qty, QuoteTarget, Reason, Side, Usd,
    notional,
};
use harness::made;
use std::hint::black_box;

const VIEWS: usize = 256;
const CALLS: usize = 200_000;

fn main() {
    harness::print_rig();
    let instrument = made::instrument("BTC", 5);
    let cases = cases();
    let with_levels = |num_levels| AssetParams { num_levels, ..made::params() };
    let (two, four) = (with_levels(2), with_levels(4));
    for params in [&two, &four] {
        assert_sound(&cases, params, &instrument);
    }
    let (mut a, mut b) = (cases.iter().cycle(), cases.iter().cycle());
    let mut candidates: [harness::Candidate; 2] = [
        ("quote, 2 levels a side", Box::new(|| call(&mut a, &two, &instrument))),
        ("quote, 4 levels a side", Box::new(|| call(&mut b, &four, &instrument))),
    ];
    let results = harness::interleave(&mut candidates, CALLS);
    harness::print_table("linear quoter", &results);
}

type Case = (BookView, Qty);

fn call<'a>(
    cases: &mut impl Iterator<Item = &'a Case>,
    params: &AssetParams,
    instrument: &Instrument,
) {
    if let Some(case) = cases.next() {
        black_box(quote(&input(black_box(case)), params, instrument));
    }
}

fn input(case: &Case) -> QuoteInput<'_> {
    let (view, position) = case;
    QuoteInput {
        view,
        position: *position,
        atr: 25.0,
        signal: 0.0,
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
            ..BookView::default()
        };
        let usd = Usd::whole(random.below(1_400) as i64 - 700);
        (view, usd.qty_at(mid))
    };
    made::books(VIEWS, 5).iter().map(case).collect()
}

/// Every wanted order is legal, outside the touch, worth sending, and behind the one before it.
fn assert_sound(cases: &[Case], params: &AssetParams, instrument: &Instrument) {
    for case in cases {
        let target = quote(&input(case), params, instrument);
        assert_eq!((target.bid_reason, target.ask_reason), (Reason::Quoted, Reason::Quoted));
        assert!(target.bids[0].px < target.asks[0].px);
        assert!(target.bids[0].px < case.0.ask.px && target.asks[0].px > case.0.bid.px);
        for side in Side::BOTH {
            assert_side(&target, side, params.num_levels, instrument);
        }
        // The same with more of the coin: both sides lower, or where they were.
        let longer = (case.0, case.1 + Usd::whole(50).qty_at(case.0.mid));
        let lower = quote(&input(&longer), params, instrument);
        assert!(lower.bids[0].px <= target.bids[0].px && lower.asks[0].px <= target.asks[0].px);
    }
    let late = QuoteInput { now: cases[0].0.recv_time + Nanos::secs(60), ..input(&cases[0]) };
    assert_eq!(quote(&late, params, instrument).bid_reason, Reason::StaleBook);
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
