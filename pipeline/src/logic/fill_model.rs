//! What a fill predictor says of an order (STRATEGY §7): whether it is filled within the model's horizon, and
//! how far the mid has gone against it so long after the fill. The numbers that it is asked with are made
//! here, from the terms of the quote and the price alone, for the stage and for whoever learns from journals:
//! what is learned is what will be asked.

use crate::types::params::{FEATURES, FillModelRef, Forest};
use crate::types::{BookView, Level, Moment, Nanos, Px, QuoteTerms, Side, nearest};

/// What a model says of an order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Predicted {
    /// How probable it is that the order is filled within the horizon, before we move it.
    pub fill: f64,
    /// How far the mid goes against a fill, from the mid of the decision to that of a horizon after the fill,
    /// in basis points; negative = our way.
    pub adverse_bps: f64,
}

/// Asks a model about an order of this side and price. A quote asks for the second answer alone.
pub fn predict(model: &FillModelRef, terms: &QuoteTerms, side: Side, px: Px) -> Predicted {
    let [log_odds, adverse_bps] = model.ask(&features(terms, side, px));
    Predicted { fill: 1.0 / (1.0 + (-log_odds).exp()), adverse_bps }
}

/// The market, as far as terms keep it for a predictor.
pub fn moment(view: &BookView, arrival_halflife_s: f64, now: Nanos) -> Moment {
    let per_s = view.arrivals.trades as f64 * std::f64::consts::LN_2 / arrival_halflife_s;
    Moment {
        bid: view.bid,
        ask: view.ask,
        mid: view.mid.unwrap_or_default(),
        microprice: view.microprice.unwrap_or_default(),
        vol_slow_bps_e6: view.vol_slow_bps_e6,
        trades_per_s_e6: nearest(per_s * 1e6),
        delay: view.delay,
        age: now - view.recv_time,
    }
}

/// What is known of an order when it is decided on, in the order of `FILL_FEATURES`; NaN = not known. Prices
/// and leans are signed by the side: more is more in the order's favour, of a bid a price that will rise.
pub fn features(terms: &QuoteTerms, side: Side, px: Px) -> [f64; FEATURES] {
    let Moment { bid, ask, mid, microprice, .. } = terms.moment;
    if mid.is_zero() {
        return [f64::NAN; FEATURES];
    }
    let (mid, sign) = (mid.to_f64(), side.sign() as f64);
    let bps = |from: f64, to: f64| (to - from) / mid * 1e4;
    let e6 = |millionths: i64| millionths as f64 * 1e-6;
    let vol = |millionths: i64| if millionths < 0 { f64::NAN } else { e6(millionths) };
    let usd = |level: Level| level.px.to_f64() * level.qty.to_f64();
    let (own, other) = if side == Side::Bid { (bid, ask) } else { (ask, bid) };
    let behind = sign * bps(px.to_f64(), own.px.to_f64());
    let queue = match side.sign() * (own.px - px).raw() {
        ..0 => 0.0,
        0 => usd(own),
        _ => f64::NAN, // Behind the touch: what stands there is not in the view.
    };
    let touch = (own.qty.to_f64() - other.qty.to_f64()) / (own.qty.to_f64() + other.qty.to_f64());
    [
        bps(bid.px.to_f64(), ask.px.to_f64()),
        vol(terms.vol_bps_e6),
        vol(terms.vol_bps_e6) / vol(terms.moment.vol_slow_bps_e6),
        sign * e6(terms.imbalance_e6),
        touch,
        sign * bps(mid, microprice.to_f64()),
        sign * bps(mid, terms.fair.to_f64()),
        sign * e6(terms.share_e6),
        behind,
        sign * bps(px.to_f64(), mid),
        queue,
        usd(own),
        usd(other),
        e6(terms.moment.trades_per_s_e6),
        terms.moment.delay.0 as f64 * 1e-6,
        terms.moment.age.0 as f64 * 1e-6,
    ]
}

/// What the leaves that are reached add up to, tree by tree: for who grows them. A quote asks a `Lookup` made of them.
pub fn sum(forest: &Forest, asked: &[f64; FEATURES]) -> f64 {
    let mut sum = forest.base;
    for root in &forest.roots {
        let mut at = *root;
        while at >= 0 {
            let node = &forest.nodes[usize::from(at as u16)];
            let value = asked[usize::from(node.feature) % FEATURES];
            let is_left = (value <= node.threshold) | (node.missing_left & value.is_nan());
            at = node.children[usize::from(!is_left)];
        }
        sum += forest.leaves[usize::from(!at as u16)];
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::params::{FILL_FEATURES, FillModel, Lookup, MAX_LEAVES, MAX_TREES, Node};
    use crate::types::{Qty, Usd};
    use proptest::prelude::*;

    fn terms() -> QuoteTerms {
        let level = |px: i64, qty: i64| Level { px: Px::whole(px), qty: Qty::whole(qty) };
        let moment = Moment {
            bid: level(9_999, 3),
            ask: level(10_001, 1),
            mid: Px::whole(10_000),
            microprice: Px::from_raw(1_000_050_000_000),
            vol_slow_bps_e6: 2_000_000,
            trades_per_s_e6: 500_000,
            delay: Nanos::millis(300),
            age: Nanos::millis(7),
        };
        QuoteTerms {
            fair: Px::whole(10_001),
            vol_bps_e6: 3_000_000,
            imbalance_e6: 250_000,
            share_e6: -500_000,
            size_usd: Usd::whole(150),
            moment,
            ..QuoteTerms::default()
        }
    }

    fn of(side: Side, px: i64) -> impl Fn(&str) -> f64 {
        let all = features(&terms(), side, Px::whole(px));
        move |name| all[FILL_FEATURES.iter().position(|f| *f == name).unwrap()]
    }

    #[test]
    fn an_order_is_asked_about_by_numbers_of_its_own_side() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} and {b}");
        let bid = of(Side::Bid, 9_998);
        for (name, known) in [
            ("spread_bps", 2.0),
            ("vol_bps", 3.0),
            ("vol_ratio", 1.5),
            ("imbalance", 0.25),
            ("touch_imbalance", 0.5),
            ("micro_bps", 0.5),
            ("fair_bps", 1.0),
            ("position", -0.5),
            ("distance_bps", 1.0),
            ("half_bps", 2.0),
            ("own_touch_usd", 29_997.0),
            ("other_touch_usd", 10_001.0),
            ("trades_per_s", 0.5),
            ("delay_ms", 300.0),
            ("age_ms", 7.0),
        ] {
            close(bid(name), known);
        }
        assert!(bid("queue_usd").is_nan(), "what stands behind the touch is not known");
        close(of(Side::Bid, 9_999)("queue_usd"), 29_997.0);
        close(of(Side::Bid, 10_000)("queue_usd"), 0.0);
        let ask = of(Side::Ask, 10_003);
        for (name, known) in [
            ("imbalance", -0.25),
            ("touch_imbalance", -0.5),
            ("micro_bps", -0.5),
            ("fair_bps", -1.0),
            ("position", 0.5),
            ("distance_bps", 2.0),
            ("half_bps", 3.0),
        ] {
            close(ask(name), known);
        }
        let nothing = features(&QuoteTerms::default(), Side::Bid, Px::whole(1));
        assert!(nothing.iter().all(|number| number.is_nan()), "no mid, no answer to anything");
    }

    #[test]
    fn a_walk_follows_every_answer() {
        let node = |feature, threshold, children, missing_left| Node {
            threshold,
            children,
            feature,
            missing_left,
        };
        // x8 <= 1 ? (x10 <= 5, missing left ? 10 : 20) : 40; and a tree of one leaf.
        let forest = Forest {
            base: 1.0,
            roots: vec![0, !3],
            nodes: vec![node(8, 1.0, [1, !2], false), node(10, 5.0, [!0, !1], true)],
            leaves: vec![10.0, 20.0, 40.0, 100.0],
        };
        assert!(forest.is_sound());
        let ask = |distance: f64, queue: f64| {
            let mut asked = [0.0; FEATURES];
            (asked[8], asked[10]) = (distance, queue);
            sum(&forest, &asked)
        };
        let answers = [ask(1.0, 5.0), ask(1.0, 5.1), ask(0.0, f64::NAN), ask(1.1, 0.0)];
        assert_eq!(answers.map(|answer| answer.round() as i64), [111, 121, 111, 141]);
        assert_eq!(ask(f64::NAN, 0.0).to_bits(), 141.0_f64.to_bits(), "missing goes right there");
    }

    /// Numbers that meet thresholds, lie beside them, and are none.
    fn number() -> impl Strategy<Value = f64> {
        let known = [0.0, -0.0, 1.5, f64::MAX, -f64::MAX, f64::MIN_POSITIVE, 5e-324, 1e9];
        prop_oneof![
            proptest::sample::select(known.to_vec()),
            -3.0..3.0,
            (-3..3).prop_map(f64::from)
        ]
    }

    /// A tree as its questions were asked: which of its open ends each one took, feature, threshold, missing.
    fn tree() -> impl Strategy<Value = Vec<(usize, u8, f64, bool)>> {
        let question = (any::<usize>(), 0..FEATURES as u8, number(), any::<bool>());
        prop::collection::vec(question, 0..MAX_LEAVES)
    }

    fn planted(trees: &[Vec<(usize, u8, f64, bool)>], base: f64, adds: &[f64]) -> Forest {
        let mut forest = Forest { base, ..Forest::default() };
        for questions in trees {
            // Whose child each open end is; of the root's, nobody's.
            let mut ends: Vec<Option<(usize, usize)>> = vec![None];
            let set = |forest: &mut Forest, end: Option<(usize, usize)>, to: i16| match end {
                Some((node, side)) => forest.nodes[node].children[side] = to,
                None => forest.roots.push(to),
            };
            for (which, feature, threshold, missing_left) in questions.iter().copied() {
                let (end, at) = (ends.swap_remove(which % ends.len()), forest.nodes.len());
                set(&mut forest, end, at as i16);
                forest.nodes.push(Node { threshold, children: [0; 2], feature, missing_left });
                ends.extend([Some((at, 0)), Some((at, 1))]);
            }
            for end in ends {
                let at = forest.leaves.len();
                set(&mut forest, end, !(at as i16));
                forest.leaves.push(adds[at % adds.len()]);
            }
        }
        forest
    }

    proptest! {
        /// What a quote asks, and the walk through its trees: the same to the last bit.
        #[test]
        fn a_lookup_says_what_a_walk_comes_to(
            trees in prop::collection::vec(tree(), 0..=MAX_TREES),
            base in -2.0..2.0,
            adds in prop::collection::vec(-1.0..1.0, 1..500),
            asked in prop::collection::vec(prop::array::uniform16(prop_oneof![
                8 => number(),
                1 => Just(f64::NAN),
                1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
            ]), 20),
        ) {
            let forest = planted(&trees, base, &adds);
            prop_assert!(forest.is_sound());
            let lookup = Lookup::new(&forest);
            for asked in &asked {
                prop_assert_eq!(lookup.sum(asked).to_bits(), sum(&forest, asked).to_bits());
            }
        }
    }

    #[test]
    fn of_what_is_no_forest_a_lookup_says_nothing() {
        let node = Node { threshold: 0.0, children: [0; 2], feature: 0, missing_left: false };
        let circle = Forest { base: 1.0, roots: vec![0], nodes: vec![node], leaves: vec![1.0; 2] };
        assert!(Lookup::new(&circle).sum(&[0.0; FEATURES]).is_nan());
    }

    #[test]
    fn both_answers_are_told_and_the_quotes_is_one_of_them() {
        let stump = |base| Forest { base, ..Forest::default() };
        let model = FillModelRef::keep(FillModel {
            sha256: String::new(),
            horizon: Nanos::secs(5),
            trained: [Nanos::ZERO; 2],
            fill: stump(0.0),
            adverse: stump(1.25),
        });
        let said = predict(&model, &terms(), Side::Bid, Px::whole(9_998));
        assert_eq!(said, Predicted { fill: 0.5, adverse_bps: 1.25 });
        let asked = features(&terms(), Side::Bid, Px::whole(9_998));
        assert_eq!(model.ask_adverse_bps(&asked).to_bits(), said.adverse_bps.to_bits());
    }
}
