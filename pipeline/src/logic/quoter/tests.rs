mod fitted;
use super::*;
use crate::logic::sizer::NO_FACTORS;
use crate::types::limits::QUOTE_LEVELS;
use crate::types::params::{LateAction, QuoteModel, Strategy as Kind, Touch};
use crate::types::{ArrivalFit, Bps, Level, Regime};
use proptest::prelude::*;

mod adapted;
mod grid;
mod sense;

fn instrument(sz_decimals: u8) -> Instrument {
    crate::coins::coin("X", sz_decimals)
}

fn px(s: &str) -> Px {
    Px::parse(s).unwrap()
}

fn view(bid: &str, ask: &str, vol_bps: f64, imbalance: f64) -> BookView {
    let level = |s: &str| Level { px: px(s), qty: Qty::whole(1) };
    let mid = Px::from_raw((level(bid).px.raw() + level(ask).px.raw()) / 2);
    BookView {
        state: BookState::Ok,
        bid: level(bid),
        ask: level(ask),
        mid: Some(mid),
        microprice: Some(mid),
        imbalance_e6: (imbalance * 1e6) as i64,
        vol_bps_e6: (vol_bps * 1e6) as i64,
        vol_slow_bps_e6: (vol_bps * 1e6) as i64,
        arrivals: ArrivalFit {
            rate_e6: 1_500_000,
            decay_e6: 600_000,
            r2_e6: 900_000,
            trades: 1_000,
        },
        ..BookView::default()
    }
}

/// Around the microprice, where the model puts it, and without arrivals: answers by hand are of one part each.
fn params() -> AssetParams {
    AssetParams {
        maker_fee: Bps::from_f64(1.5),
        fair_price: FairPrice::Microprice,
        touch: Touch::Free,
        arrival_rate_per_s: 0.0,
        arrival_decay_per_bps: 0.0,
        ..AssetParams::default()
    }
}

fn input<'a>(view: &'a BookView, position: &str, atr: f64) -> QuoteInput<'a> {
    QuoteInput {
        view,
        last_mid: None,
        listing: Listing::Listed,
        is_stale: false,
        position: Qty::parse(position).unwrap(),
        atr,
        score: 0.0,
        signal: 0,
        fitted: Fitted::default(),
        adapted: Adapted::NOTHING,
        toxicity: [SideToxicity::default(); 2],
        size_factors: NO_FACTORS,
        slow_mult: 1.0,
        adverse_bps: [0.0; 2],
        feed_delay: Nanos::ZERO,
        is_late: false,
        now: Nanos::ZERO,
        venue_seq: 0,
    }
}

fn quote(input: &QuoteInput<'_>, params: &AssetParams) -> Quote {
    Quoter::new(instrument(4), params).quote(input)
}

fn at(view: &BookView, position: &str, atr: f64) -> QuoteTarget {
    quote(&input(view, position, atr), &params()).target
}

fn reasons(target: &QuoteTarget) -> (Reason, Reason) {
    (target.bid_reason, target.ask_reason)
}

fn both(reason: Reason) -> (Reason, Reason) {
    (reason, reason)
}

#[test]
fn the_sizer_scales_what_is_wanted_within_its_bounds_and_only_when_it_is_on() {
    let v = view("2999.9", "3000.1", 2.0, 0.0);
    let size = |use_sizer, factors: [f64; 6]| {
        let mut p = params();
        p.sizer.use_sizer = use_sizer;
        let input = QuoteInput { size_factors: factors, ..input(&v, "0", 10.0) };
        let q = quote(&input, &p);
        (q.terms.size_usd, q.target.bids[0].qty + q.target.bids[1].qty, q.terms.size_changes_e6)
    };
    let factors = [0.85, 1.1, 1.0, 1.05, 1.0, 1.0];
    let (plain, plain_qty, _) = size(false, NO_FACTORS);
    assert_eq!((plain, size(false, factors).0), (Usd::whole(150), Usd::whole(150)));
    let (scaled, qty, changes) = size(true, factors);
    assert_eq!(scaled, Usd::parse("147.2625").unwrap());
    assert!(qty < plain_qty && qty.is_positive());
    assert_eq!(changes, [-150_000, 100_000, 0, 50_000, 0, 0]);
    // At least 20, at most 15 % of 10,000.
    assert_eq!(size(true, [0.5; 6]).0, Usd::whole(20));
    assert_eq!(size(true, [2.0; 6]).0, Usd::whole(1_500));
}

#[test]
fn a_quote_by_hand() {
    // vol 4 bps x 1.5 = 6 bps of 3000 = 1.8: 2999.1 and 3000.9 around 3000.
    let t = at(&view("2999.9", "3000.1", 4.0, 0.0), "0", 10.0);
    assert_eq!((t.bids[0].px, t.asks[0].px), (px("2999.1"), px("3000.9")));
    // Second level one bp (0.30) further out; .50/.80 and .30/.80 of $150.
    assert_eq!((t.bids[1].px, t.asks[1].px), (px("2998.8"), px("3001.2")));
    assert_eq!(t.bids[0].qty.to_string(), "0.0312");
    assert_eq!(t.bids[1].qty.to_string(), "0.0187");
    assert_eq!(reasons(&t), both(Reason::Quoted));
}

#[test]
fn skew_shift_and_floor() {
    let flat = at(&view("2999.9", "3000.1", 4.0, 0.0), "0", 10.0);
    // q = 0.2 x 3000 / 1000 = 0.6: skew = 0.6 x 0.3 x 10 = 1.8.
    let long = at(&view("2999.9", "3000.1", 4.0, 0.0), "0.2", 10.0);
    assert_eq!(long.bids[0].px, px("2997.3"));
    assert_eq!(long.asks[0].px, px("3000"), "moved to a tick behind the best bid, not through");
    let up = at(&view("2999.9", "3000.1", 4.0, 1.0), "0", 10.0);
    // 0.3 x half of 1.8 = 0.27 up, rounded outwards.
    assert_eq!((up.bids[0].px, up.asks[0].px), (px("2999.3"), px("3001.2")));
    assert!(flat.bids[0].px < up.bids[0].px);
    // No volatility: the fee floor 2 x (1.5 + 0.2) = 3.4 bps beats the 2 bps minimum.
    let calm = at(&view("2999.9", "3000.1", 0.0, 0.0), "0", 10.0);
    assert_eq!((calm.bids[0].px, calm.asks[0].px), (px("2999.4"), px("3000.6")));
}

#[test]
fn the_signal_shifts_both_prices_its_way() {
    let v = view("2999.9", "3000.1", 4.0, 0.0);
    let by = |bias_strength, signal| {
        let p = AssetParams { bias_strength, ..params() };
        let t = quote(&QuoteInput { signal, ..input(&v, "0", 10.0) }, &p).target;
        (t.bids[0].px, t.asks[0].px)
    };
    let by_default = params().bias_strength;
    assert_eq!(by(by_default, 1), by(by_default, -1), "by default it shifts nothing");
    // 0.2 x half of 1.8 = 0.18, rounded outwards.
    let with = |signal| by(0.2, signal);
    assert_eq!(with(1), (px("2999.2"), px("3001.1")));
    assert_eq!(with(-1), (px("2998.9"), px("3000.8")));
}

#[test]
fn the_volatility_breaker_triples_the_spread() {
    let storm = BookView { vol_slow_bps_e6: 1_000_000, ..view("2999.9", "3000.1", 4.0, 0.0) };
    let t = at(&storm, "0", 10.0);
    assert_eq!((t.bids[0].px, t.asks[0].px), (px("2997.3"), px("3002.7")));
}

#[test]
fn a_slow_way_to_the_wire_widens_both_sides_and_says_so() {
    let v = view("2999.9", "3000.1", 4.0, 0.0);
    // 0.9 x 1.5 = 1.35 each way, rounded outwards.
    let slow = QuoteInput { slow_mult: 1.5, ..input(&v, "0", 10.0) };
    let q = quote(&slow, &params());
    assert_eq!((q.target.bids[0].px, q.target.asks[0].px), (px("2998.6"), px("3001.4")));
    assert_eq!(q.terms.side(Side::Bid).get(Term::Latency), px("-0.45"));
    assert_eq!(q.terms.spread_mults_e6, [1_000_000, 1_000_000, 1_000_000, 1_500_000]);
}

#[test]
fn every_reason_this_stage_gives() {
    let good = view("2999.9", "3000.1", 4.0, 0.0);
    let got = |v: &BookView, pos: &str| reasons(&at(v, pos, 1.0));
    assert_eq!(got(&BookView { vol_bps_e6: -1, ..good }, "0"), both(Reason::Warmup));
    assert_eq!(got(&BookView { state: BookState::Void, ..good }, "0"), both(Reason::StaleBook));
    let stale = QuoteInput { is_stale: true, ..input(&good, "0", 1.0) };
    assert_eq!(reasons(&quote(&stale, &params()).target), both(Reason::StaleBook));
    let unsound =
        [(BookState::Crossed, Reason::CrossedBook), (BookState::OneSided, Reason::OneSidedBook)];
    for (state, reason) in unsound {
        assert_eq!(got(&BookView { state, ..good }, "0"), both(reason));
    }
    assert_eq!(got(&good, "0.3"), (Reason::OneSided, Reason::Quoted));
    assert_eq!(got(&good, "-0.3"), (Reason::Quoted, Reason::OneSided));

    let with = |p: AssetParams| reasons(&quote(&input(&good, "0", 1.0), &p).target);
    let small = AssetParams { order_size_usd: Usd::whole(9), ..params() };
    assert_eq!(with(small), both(Reason::BelowMinNotional));
    assert_eq!(
        with(AssetParams { min_spread_bps: f64::NAN, ..params() }),
        both(Reason::ParamInvalid)
    );
    let skip = AssetParams { below_fee: BelowFee::Skip, vol_multiplier: 0.1, ..params() };
    assert_eq!(with(skip), both(Reason::BelowFee));
    assert_eq!(with(AssetParams { vol_multiplier: 2.0, ..skip }), both(Reason::Quoted));

    let quiet = BookView { arrivals: ArrivalFit::default(), ..good };
    let glft = AssetParams { model: QuoteModel::Glft, ..params() };
    assert_eq!(reasons(&quote(&input(&quiet, "0", 1.0), &glft).target), both(Reason::Warmup));

    let given = |i: QuoteInput<'_>, p: &AssetParams| reasons(&quote(&i, p).target);
    let fine = input(&good, "0", 1.0);
    assert_eq!(
        given(QuoteInput { listing: Listing::Gone, ..fine }, &params()),
        both(Reason::NotInUniverse)
    );
    assert_eq!(given(QuoteInput { atr: f64::NAN, ..fine }, &params()), both(Reason::ParamInvalid));
    let mut toxic = params();
    let bad = SideToxicity { score: 0.81, adverse_bps: 3.0 };
    let after_fills = QuoteInput { toxicity: [bad, SideToxicity::default()], ..fine };
    assert_eq!(given(after_fills, &toxic), both(Reason::Quoted), "both are off by default");
    toxic.toxicity.use_toxicity = true;
    assert_eq!(given(after_fills, &toxic), (Reason::Toxic, Reason::Quoted));
}

#[test]
fn a_withheld_side_shows_where_it_would_be() {
    let v = view("2999.9", "3000.1", 4.0, 0.0);
    let q = quote(&input(&v, "0.3", 1.0), &params());
    assert_eq!(q.target.bid_reason, Reason::OneSided);
    assert!(q.target.bids.iter().all(|l| l.qty.is_zero()));
    let would_be = q.terms.fair + q.terms.side(Side::Bid).sum();
    assert!(instrument(4).is_legal_px(would_be) && would_be < v.ask.px);
}

/// Numbers that no market has: no order, and no panic.
#[test]
fn absurd_numbers_are_not_quoted_on() {
    let huge = Px::from_raw(i64::MAX);
    for v in [
        BookView { mid: Some(huge), microprice: Some(huge), ..view("2999.9", "3000.1", 4.0, 0.0) },
        BookView {
            mid: Some(Px::ZERO),
            microprice: Some(Px::ZERO),
            ..view("2999.9", "3000.1", 4.0, 0.0)
        },
        BookView { vol_bps_e6: i64::MAX, ..view("2999.9", "3000.1", 4.0, 0.0) },
    ] {
        for atr in [0.0, 1e300, f64::INFINITY] {
            for model in QuoteModel::ALL {
                for position in ["0", "1000000", "-1000000"] {
                    let p = AssetParams { model, skew_factor: 100.0, ..params() };
                    let t = quote(&input(&v, position, atr), &p).target;
                    for side in Side::BOTH {
                        let live = t.side(side).iter().filter(|l| l.qty.is_positive());
                        assert!(live.into_iter().all(|l| instrument(4).is_legal_px(l.px)));
                    }
                }
            }
        }
    }
    let zero = AssetParams {
        risk: crate::types::RiskLimits { max_position_usd: Usd::ZERO, ..params().risk },
        ..params()
    };
    assert_eq!(
        reasons(&quote(&input(&view("2999.9", "3000.1", 4.0, 0.0), "0", 1.0), &zero).target),
        both(Reason::ParamInvalid)
    );
}

/// A random moment: book, position, parameters, and what the strategy has learned.
#[derive(Clone, Debug)]
struct Moment {
    instrument: Instrument,
    view: BookView,
    params: AssetParams,
    share: f64,
    atr_bps: f64,
    signal: i8,
    adapted: Adapted,
    toxicity: [SideToxicity; 2],
    adverse_bps: [f64; 2],
    is_late: bool,
}

impl Moment {
    fn position(&self, share: f64) -> Qty {
        let usd = self.params.risk.max_position_usd.to_f64() * share;
        Qty::from_raw((usd / self.view.mid.unwrap().to_f64() * 1e8) as i64)
    }
    fn quote_at(&self, share: f64, view: &BookView) -> Quote {
        let input = QuoteInput {
            view,
            last_mid: None,
            listing: Listing::Listed,
            is_stale: false,
            position: self.position(share),
            atr: self.view.mid.unwrap().to_f64() * self.atr_bps * 1e-4,
            score: f64::from(self.signal) * 0.75,
            signal: self.signal,
            fitted: Fitted::default(),
            adapted: self.adapted,
            toxicity: self.toxicity,
            size_factors: NO_FACTORS,
            slow_mult: 1.0,
            adverse_bps: self.adverse_bps,
            feed_delay: Nanos::ZERO,
            is_late: self.is_late,
            now: Nanos::ZERO,
            venue_seq: 0,
        };
        Quoter::new(self.instrument, &self.params).quote(&input)
    }
    fn quote(&self) -> Quote {
        self.quote_at(self.share, &self.view)
    }
}

fn live(target: &QuoteTarget, side: Side) -> Vec<Level> {
    target.side(side).iter().filter(|l| l.qty.is_positive()).copied().collect()
}

prop_compose! {
    fn book()(
        base in 100_i64..10_000_000, gap in 1_i64..200, sz_decimals in 0_u8..=5,
        vol in 0.0_f64..200.0, slow in 0.0_f64..200.0, imbalance in -1.0_f64..1.0,
        rate in 1_000_i64..20_000_000, decay in 10_000_i64..5_000_000,
    ) -> Option<(Instrument, BookView)> {
        let inst = instrument(sz_decimals);
        let bid = inst.round_px_down(Px::from_raw(base * 1_000_000));
        if !bid.is_positive() {
            return None;
        }
        let ask = (0..gap).fold(bid, |p, _| inst.tick_above(p));
        let mut v = view("1", "2", vol, imbalance);
        (v.bid.px, v.ask.px) = (bid, ask);
        v.mid = Some(Px::from_raw(bid.raw().midpoint(ask.raw())));
        (v.microprice, v.vol_slow_bps_e6) = (v.mid, (slow * 1e6) as i64);
        v.arrivals = ArrivalFit { rate_e6: rate, decay_e6: decay, r2_e6: 900_000, trades: 100 };
        Some((inst, v))
    }
}

prop_compose! {
    fn moment()(
        book in book().prop_filter_map("a price", |b| b),
        share in -1.2_f64..1.2, atr_bps in 0.0_f64..100.0, levels in 1_usize..=QUOTE_LEVELS,
        signal in -1_i8..=1, model in 0_usize..3, adaptive in any::<bool>(),
        regime in 0_usize..3, fill_mult in 0.5_f64..2.0, decay in 0.0_f64..1.0,
        scores in [0.0_f64..1.0, 0.0_f64..1.0], use_toxicity in any::<bool>(),
        aversion in 0.001_f64..1.0, skip in any::<bool>(), fee in -3_000_i32..50_000,
        sense in (any::<bool>(), 0_usize..3, [-1.0_f64..5.0, -1.0_f64..5.0], any::<bool>()),
    ) -> Moment {
        let (instrument, view) = book;
        let mut params = AssetParams {
            num_levels: levels,
            model: QuoteModel::ALL[model],
            strategy: Kind::ALL[usize::from(adaptive)],
            maker_fee: Bps::from_e8(fee),
            below_fee: if skip { BelowFee::Skip } else { BelowFee::Widen },
            risk_aversion: aversion,
            ..AssetParams::default()
        };
        params.toxicity.use_toxicity = use_toxicity;
        let (use_edge, touch, adverse_bps, is_late) = sense;
        (params.use_edge, params.touch) = (use_edge, Touch::ALL[touch]);
        params.risk.late_action = LateAction::StandAside;
        let (spread_mult, size_mult) = [(1.0, 1.0), (0.7, 1.3), (1.5, 0.6)][regime];
        let adapted = Adapted {
            regime: Regime::ALL[regime], spread_mult, size_mult, fill_mult, decay,
        };
        let toxicity = scores.map(|score| SideToxicity { score, adverse_bps: 0.0 });
        Moment {
            instrument, view, params, share, atr_bps, signal, toxicity, adverse_bps, is_late,
            adapted: if adaptive { adapted } else { Adapted::NOTHING },
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn quotes_are_legal_uncrossed_and_explained(m in moment()) {
        let Quote { target: t, terms } = m.quote();
        for side in Side::BOTH {
            let ladder = live(&t, side);
            prop_assert_eq!(ladder.is_empty(), t.reason(side) != Reason::Quoted);
            for l in &ladder {
                prop_assert!(m.instrument.is_legal_px(l.px) && m.instrument.is_legal_qty(l.qty));
                prop_assert!(notional(l.px, l.qty) >= Usd::whole(10));
            }
            for pair in ladder.windows(2) {
                prop_assert!(side.is_better(pair[0].px, pair[1].px));
            }
            // The terms add up to the price, to the last unit.
            let sum = terms.fair + terms.side(side).sum();
            if let Some(nearest) = ladder.first() {
                prop_assert_eq!(nearest.px, sum);
            }
        }
        let (bids, asks) = (live(&t, Side::Bid), live(&t, Side::Ask));
        if let Some(b) = bids.first() {
            prop_assert!(b.px < m.view.ask.px, "bid {} crosses", b.px);
            if let Some(a) = asks.first() {
                prop_assert!(b.px < a.px);
            }
        }
        if let Some(a) = asks.first() {
            prop_assert!(a.px > m.view.bid.px, "ask {} crosses", a.px);
        }
    }

    /// Buying more never makes either quote better for those who sell to us, nor selling more for
    /// those who buy: more inventory never improves the side that adds to it.
    #[test]
    fn more_inventory_never_improves_the_adding_side(m in moment(), more in 0.0_f64..0.5) {
        // The same age of the position: the decay's sides change with its sign.
        prop_assume!(m.share * (m.share + more) > 0.0 || m.adapted.decay <= 0.0);
        let (before, after) = (m.quote(), m.quote_at(m.share + more, &m.view));
        for side in Side::BOTH {
            let (b, a) = (before.target.side(side)[0], after.target.side(side)[0]);
            if b.qty.is_positive() && a.qty.is_positive() {
                prop_assert!(a.px <= b.px, "{:?} rose from {} to {}", side, b.px, a.px);
            }
        }
    }

    /// As the two quotes' distance, and as each one's from fair while we are flat.
    #[test]
    fn more_volatility_never_narrows_the_spread(m in moment(), more in 0.0_f64..200.0) {
        let m = Moment { share: 0.0, ..m };
        let vol_bps_e6 = m.view.vol_bps_e6 + (more * 1e6) as i64;
        let wilder = BookView { vol_bps_e6, ..m.view };
        let halves = |q: &Quote| Side::BOTH.map(|side| {
            let terms = q.terms.side(side);
            let half: Px = Term::ALL[..=Term::Floor as usize].iter().map(|t| terms.get(*t)).sum();
            half.abs()
        });
        let (before, after) = (m.quote(), m.quote_at(0.0, &wilder));
        for (b, a) in halves(&before).iter().zip(halves(&after)) {
            // Each of the nine parts is shown to the nearest 1e-8 USD.
            prop_assert!(a + Px::from_raw(10) >= *b, "{} became {}", b, a);
        }
    }

    /// What is quoted keeps at least the fee and the edge on both sides together; what is quoted on
    /// one side alone keeps its half of it, but for the lean.
    #[test]
    fn quotes_are_never_inside_the_fee_floor(m in moment()) {
        let Quote { target: t, terms } = m.quote();
        let floor = t.fair.to_f64() * m.params.floor_bps() * 1e-4;
        let (bid, ask) = (t.bids[0], t.asks[0]);
        if bid.qty.is_positive() && ask.qty.is_positive() {
            let spread = (ask.px - bid.px).to_f64();
            prop_assert!(spread >= floor - 1e-7, "spread {} below the floor {}", spread, floor);
        }
        for side in Side::BOTH.into_iter().filter(|s| t.reason(*s) == Reason::Quoted) {
            let lean: Px = [Term::Skew, Term::Signal, Term::Imbalance]
                .iter().map(|term| terms.side(side).get(*term)).sum();
            let away = (terms.side(side).sum() - lean).to_f64() * -side.sign() as f64;
            prop_assert!(away >= floor / 2.0 - 1e-6, "{:?}: {} of {}", side, away, floor / 2.0);
        }
    }
}
