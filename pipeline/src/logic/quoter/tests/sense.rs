//! When not to quote, and where against the touch.

use super::*;

/// Bid and ask of a quote, and why not.
fn prices(q: &Quote) -> [Result<Px, Reason>; 2] {
    Side::BOTH.map(|side| match q.target.reason(side) {
        Reason::Quoted => Ok(q.target.side(side)[0].px),
        reason => Err(reason),
    })
}

#[test]
fn a_side_is_quoted_where_its_edge_is() {
    let edge = |v: &BookView, adverse_bps, p: AssetParams| {
        let q = quote(&QuoteInput { adverse_bps, ..input(v, "0", 1.0) }, &p);
        (prices(&q), q.terms.edges_e6)
    };
    let (wide, tight) = (view("2997", "3003", 4.0, 0.0), view("2999.9", "3000.1", 4.0, 0.0));
    let on = AssetParams { use_edge: true, ..params() };
    // Half of 6 bps, a fee of 1.5: an edge of 0.5 with 1 bp of adverse moves; one of 2 takes the bid to 3.7
    // bps, 2998.89, and a tick of 0.3 bps further down.
    let both_pay = [Ok(px("2999.1")), Ok(px("3000.9"))];
    assert_eq!(edge(&wide, [1.0, 1.0], on), (both_pay, [500_000; 2]));
    assert_eq!(edge(&wide, [2.0, 1.0], on), ([Ok(px("2998.8")), both_pay[1]], [500_000; 2]));
    let skip = AssetParams { below_fee: BelowFee::Skip, ..on };
    assert_eq!(edge(&wide, [2.0, 1.0], skip).0, [Err(Reason::NoEdge), both_pay[1]]);
    // 10 bps to the touch: beyond that there is none.
    assert_eq!(edge(&wide, [8.31, 1.0], on).0, [Err(Reason::NoEdge), both_pay[1]]);
    assert_eq!(edge(&wide, [8.29, 1.0], on).0[1], both_pay[1]);
    // A touch of a third of a basis point pays no fee, however far away a price is.
    let (got, edges) = edge(&tight, [0.0; 2], on);
    assert_eq!((got, edges), ([Err(Reason::NoEdge); 2], [-1_166_667; 2]));
    let (got, edges) = edge(&tight, [0.0; 2], params());
    assert_eq!((got, edges), (both_pay, [-1_166_667; 2]), "off by default, and told all the same");
    assert_eq!(edge(&wide, [f64::NAN, 0.0], on).0, [Err(Reason::ParamInvalid); 2]);
}

#[test]
fn where_a_side_stands_against_the_touch() {
    let at = |v: &BookView, position: &str, p: AssetParams| {
        prices(&quote(&input(v, position, 10.0), &p))
    };
    let with = |touch, fee: f64| AssetParams { touch, maker_fee: Bps::from_f64(fee), ..params() };
    let ok = |bid: &str, ask: &str| [Ok(px(bid)), Ok(px(ask))];
    let (wide, tight) = (view("2997", "3003", 4.0, 0.0), view("2999.9", "3000.1", 4.0, 0.0));
    // Half of 6 bps is 0.9.
    assert_eq!(at(&wide, "0", with(Touch::Free, 1.5)), ok("2999.1", "3000.9"));
    assert_eq!(at(&wide, "0", with(Touch::Join, 1.5)), ok("2999.1", "3000.9"), "inside already");
    assert_eq!(at(&wide, "0", with(Touch::Inside, 1.5)), ok("2997.1", "3002.9"));
    assert_eq!(
        at(&tight, "0", with(Touch::Inside, 1.5)),
        ok("2999.1", "3000.9"),
        "not wide enough"
    );
    // The fee floor goes first: 1.7 bps is 0.51. Without a fee, 0.2 bps is less than a tick.
    assert_eq!(at(&tight, "0", with(Touch::Join, 1.5)), ok("2999.4", "3000.6"));
    assert_eq!(at(&tight, "0", with(Touch::Join, 0.0)), ok("2999.9", "3000.1"));
    // Long by 0.6 of the limit, both lean down by 1.8: the bid behind the touch on purpose.
    assert_eq!(at(&tight, "0.2", with(Touch::Free, 0.0)), ok("2997.3", "3000"));
    assert_eq!(at(&tight, "0.2", with(Touch::Join, 0.0)), ok("2998.1", "3000"));
    // Farther levels are spaced from there.
    let q = quote(&input(&wide, "0", 10.0), &with(Touch::Inside, 1.5));
    assert_eq!((q.target.bids[1].px, q.target.asks[1].px), (px("2996.8"), px("3003.2")));
    // The edge goes first, too: 2.5 bps to pay, and the touch is nearer.
    let dear = AssetParams { use_edge: true, below_fee: BelowFee::Skip, ..with(Touch::Join, 0.0) };
    let q = quote(&QuoteInput { adverse_bps: [2.3; 2], ..input(&tight, "0", 10.0) }, &dear);
    assert_eq!(prices(&q), [Err(Reason::NoEdge); 2]);
    assert_eq!(q.terms.fair + q.terms.side(Side::Bid).sum(), px("2999.2"), "where it would be");
}

#[test]
fn a_late_feed_keeps_us_away() {
    let v = view("2999.9", "3000.1", 4.0, 0.0);
    let late = |late_action, late_half_spread_bps| {
        let mut p = params();
        (p.risk.late_action, p.risk.late_half_spread_bps) = (late_action, late_half_spread_bps);
        prices(&quote(&QuoteInput { is_late: true, ..input(&v, "0", 10.0) }, &p))
    };
    let as_ever = [Ok(px("2999.1")), Ok(px("3000.9"))];
    assert_eq!(late(LateAction::Warn, 10.0), as_ever);
    assert_eq!(late(LateAction::StandAside, 10.0), [Err(Reason::FeedLate); 2]);
    assert_eq!(late(LateAction::StandAside, 3.0), as_ever, "far enough away");
    assert_eq!(late(LateAction::StandAside, 3.001), [Err(Reason::FeedLate); 2]);
}

/// The controller walks down until fills come: not to where they lose.
#[test]
fn the_fill_rate_narrows_a_side_only_while_its_edge_is_positive() {
    let halves = |v: &BookView, fill_mult: f64, adverse: f64| {
        let adapted = Adapted { fill_mult, ..Adapted::NOTHING };
        let input = QuoteInput { adapted, adverse_bps: [adverse; 2], ..input(v, "0", 10.0) };
        let q = quote(&input, &params());
        Side::BOTH.map(|side| {
            (q.terms.side(side).get(Term::FillRate).to_f64() / 0.3 * 1e3).round() as i64
        })
    };
    let (wide, tight) = (view("2997", "3003", 4.0, 0.0), view("2999.9", "3000.1", 4.0, 0.0));
    assert_eq!(halves(&wide, 0.5, 0.0), [1_500, -1_500], "3 bps to 1.5, which is the fee");
    assert_eq!(halves(&wide, 0.5, 0.5), [1_000, -1_000], "an edge of nothing is at 2");
    assert_eq!(halves(&wide, 0.5, 2.0), [0, 0], "it is beyond 3");
    assert_eq!(halves(&tight, 0.5, 0.0), [0, 0], "it is nowhere");
    assert_eq!(halves(&tight, 2.0, 0.0), [-3_000, 3_000], "to widen is free");
}

/// A model of one question: a bid, or an ask? Once it may speak, its adverse move is the edge's, and the edge
/// decides as ever.
#[test]
fn a_fill_predictor_says_what_the_edge_takes_off() {
    use crate::types::params::{FillModel, FillModelRef, Forest, Node};
    // The imbalance (number 3) is signed by the side: here it is -0.5 for a bid, and 0.5 for an ask.
    let node = Node { threshold: 0.0, children: [!0, !1], feature: 3, missing_left: false };
    let adverse = Forest { base: 0.0, roots: vec![0], nodes: vec![node], leaves: vec![1.8, 1.1] };
    let model = FillModelRef::keep(FillModel {
        sha256: "x".to_owned(),
        horizon: Nanos::secs(5),
        trained: [Nanos::secs(1), Nanos::secs(9)],
        fill: Forest::default(),
        adverse,
    });
    // Around 2999.955, 0.15 bps below the mid, each side stands 3 bps away: 2999 and 3000.9, which are 3.33 and 3
    // bps from the mid. With a fee of 1.5 that leaves 0.03 and 0.4, where 0.2 are asked for.
    let params = AssetParams { fill_model: Some(model), imbalance_strength: 0.0, ..params() };
    let v = BookView { microprice: Some(px("2999.955")), ..view("2999.9", "3000.1", 4.0, -0.5) };
    let at = |s: i64, params: &AssetParams| {
        let input = QuoteInput { now: Nanos::secs(s), ..input(&v, "0", 1.0) };
        quote(&input, params)
    };
    let silent = at(9, &params);
    assert_eq!(reasons(&silent.target), both(Reason::Quoted), "on what it has learned from");
    let told = at(10, &params);
    assert_eq!(reasons(&told.target), (Reason::NoEdge, Reason::Quoted));
    let is = |bps: f64, e6: i64| (bps - e6 as f64 * 1e-6).abs() < 1e-3;
    for (side, said, lean) in [(Side::Bid, 1.8, -0.15), (Side::Ask, 1.1, 0.15)] {
        let terms = &told.terms;
        let px = terms.fair + terms.side(side).sum();
        let from_mid = (px - v.mid.unwrap()).to_f64().abs() / 0.3;
        assert!(is(from_mid - 1.5 - said, terms.edges_e6[side.index()]), "{terms:?}");
        assert!(is(said + lean, terms.adverse_e6[side.index()]), "from fair: {terms:?}");
    }
    // By its word no price is moved: what it said was of that one.
    let widening = at(10, &AssetParams { use_edge: true, ..params });
    assert_eq!(reasons(&widening.target), (Reason::NoEdge, Reason::Quoted));
    assert!(widening.terms.sides.iter().all(|side| side.get(Term::Edge).is_zero()));
    let mut broken = (*model).clone();
    broken.adverse.nodes[0].children = [0, 0];
    let broken = AssetParams { fill_model: Some(FillModelRef::keep(broken)), ..params };
    assert!(!broken.is_usable(), "a walk without an end is not begun");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whatever the touch is to be: what is quoted has the edge that is asked for, where that is asked
    /// for, and is as far from the mid as a late feed wants it.
    #[test]
    fn what_is_quoted_has_its_edge_and_keeps_away_while_late(m in moment()) {
        let q = m.quote();
        for side in Side::BOTH.into_iter().filter(|s| q.target.reason(*s) == Reason::Quoted) {
            let px = q.target.side(side)[0].px;
            let away = |from: Px| (from - px).to_f64() * side.sign() as f64 / from.to_f64() * 1e4;
            if m.params.use_edge {
                let touch = (q.terms.fair - m.view.side(side).px).to_f64() * side.sign() as f64;
                let nearest = away(q.terms.fair).min(touch / q.terms.fair.to_f64() * 1e4);
                let cost = m.params.maker_fee.to_f64() + m.adverse_bps[side.index()];
                prop_assert!(nearest - cost >= m.params.min_edge_bps - 2e-6);
            }
            if m.is_late {
                prop_assert!(away(m.view.mid.unwrap()) >= m.params.risk.late_half_spread_bps);
            }
            let touch = m.view.side(side).px;
            if m.params.touch == Touch::Inside && side.is_better(px, touch) {
                let inside = [m.instrument.tick_above(touch), m.instrument.tick_below(touch)];
                prop_assert!(!side.is_better(px, inside[side.index()]), "{} of {}", px, touch);
            }
        }
    }
}
