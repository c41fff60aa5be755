//! What holds for every model, and one known answer of each.

use super::*;
use proptest::prelude::*;

const INPUT: ModelInput = ModelInput {
    fair: 3_000.0,
    share: 0.5,
    orders: 2.0,
    vol_bps: 4.0,
    atr: 6.0,
    arrivals: Some(Arrivals { rate_per_s: 0.5, decay_per_bps: 1.5 }),
};

/// Without arrivals of its own.
fn of(model: QuoteModel) -> AssetParams {
    AssetParams {
        model,
        arrival_rate_per_s: 0.0,
        arrival_decay_per_bps: 0.0,
        ..AssetParams::default()
    }
}

fn assert_near(got: Option<ModelQuote>, base: f64, risk: f64, skew: f64) {
    let got = got.unwrap();
    for (name, got, want) in [
        ("base", got.base_half_bps, base),
        ("risk", got.risk_half_bps, risk),
        ("skew", got.skew_bps, skew),
    ] {
        assert!((got - want).abs() < 1e-5, "{name}: {got}, not {want}");
    }
}

#[test]
fn linear_by_hand() {
    let params = of(QuoteModel::Linear);
    // Total 4 · 1.5 = 6 bps, of which 2 hold anyway; 0.5 · 0.3 · 6 = 0.9 USD of 3000 is 3 bps.
    assert_near(wanted(&params, &INPUT), 1.0, 2.0, 3.0);
    // Beyond the knee: 0.8 · (1 + 1.5 · 0.2) · 0.3 · 6 = 1.872 USD.
    let far = ModelInput { share: -0.8, vol_bps: 1.0, ..INPUT };
    assert_near(wanted(&params, &far), 1.0, 0.0, -6.24);
}

#[test]
fn avellaneda_stoikov_by_hand() {
    let params = of(QuoteModel::AvellanedaStoikov);
    // ln(1 + 0.05/1.5)/0.05 = 0.655796; γσ²τ = 0.05 · 16/10 · 10 = 0.8.
    assert_near(wanted(&params, &INPUT), 0.655_796, 0.4, 1.6);
}

#[test]
fn glft_by_hand() {
    let params = of(QuoteModel::Glft);
    // c = sqrt(1.6 · 0.05/(2 · 1.5 · 0.5) · (1 + 1/30)^31) = sqrt(0.0533333 · 2.763463).
    assert_near(wanted(&params, &INPUT), 0.655_796, 0.191_954, 0.767_814);
}

#[test]
fn arrivals_are_needed_by_two_models_and_fitted_ones_go_first() {
    let blind = ModelInput { arrivals: None, ..INPUT };
    let half = |params: &AssetParams, input: &ModelInput| wanted(params, input).is_some();
    let [linear, stoikov, glft] = QuoteModel::ALL.map(of);
    assert!(half(&linear, &blind) && !half(&stoikov, &blind) && !half(&glft, &blind));

    let decay = |p: AssetParams| AssetParams { arrival_decay_per_bps: 3.0, ..p };
    let rate = |p: AssetParams| AssetParams { arrival_rate_per_s: 2.0, ..p };
    assert!(half(&decay(stoikov), &blind), "it needs k only");
    assert!(!half(&rate(stoikov), &blind));
    assert!(!half(&decay(glft), &blind) && !half(&rate(glft), &blind));

    let both = Arrivals { rate_per_s: 2.0, decay_per_bps: 3.0 };
    let told = ModelInput { arrivals: Some(both), ..INPUT };
    assert_eq!(wanted(&rate(decay(glft)), &INPUT), wanted(&glft, &INPUT), "a good fit holds");
    assert_eq!(wanted(&rate(decay(glft)), &blind), wanted(&glft, &told), "else what is configured");
}

#[test]
fn a_fit_becomes_arrivals() {
    let fit = ArrivalFit { rate_e6: 500_000, decay_e6: 1_500_000, r2_e6: 900_000, trades: 77 };
    let arrivals = Arrivals::of_fit(&fit, 0.9).unwrap();
    assert!((arrivals.rate_per_s - 0.5).abs() < 1e-12);
    assert!((arrivals.decay_per_bps - 1.5).abs() < 1e-12);
    assert_eq!(Arrivals::of_fit(&fit, 0.900_001), None, "it explains too little");
    assert_eq!(Arrivals::of_fit(&ArrivalFit::default(), 0.0), None);
    assert_eq!(Arrivals::of_fit(&ArrivalFit { rate_e6: 0, ..fit }, 0.0), None);
}

#[test]
fn no_number_no_quote() {
    let bad = [f64::NAN, f64::INFINITY];
    for params in QuoteModel::ALL.map(of) {
        let cases = bad.into_iter().flat_map(|v| {
            [
                ModelInput { fair: v, ..INPUT },
                ModelInput { share: v, ..INPUT },
                ModelInput { orders: v, ..INPUT },
                ModelInput { vol_bps: v, ..INPUT },
                ModelInput { atr: v, ..INPUT },
            ]
        });
        let signs = [
            ModelInput { fair: 0.0, ..INPUT },
            ModelInput { vol_bps: -1.0, ..INPUT },
            ModelInput { atr: -1.0, ..INPUT },
        ];
        for input in cases.chain(signs) {
            assert_eq!(wanted(&params, &input), None, "{:?}: {input:?}", params.model);
        }
        assert!(wanted(&params, &INPUT).is_some());
    }
}

#[test]
fn without_aversion_a_quote_stands_one_decay_away() {
    for aversion in [5e-324, 1e-300, 1e-18, 1e-12] {
        let half = base_half(aversion, 0.8);
        assert!((half - 1.25).abs() < 1e-9, "γ = {aversion}: {half}");
    }
    assert!(base_half(1e3, 0.8) < 0.01, "who fears everything takes any price");
}

prop_compose! {
    /// Powers of ten, so that each order of magnitude is met as often.
    fn around(low: f64, high: f64)(exponent in low..high) -> f64 {
        10_f64.powf(exponent)
    }
}

prop_compose! {
    fn any_model()(
        model in prop::sample::select(&QuoteModel::ALL[..]),
        risk_aversion in around(-6.0, 1.0), risk_horizon_s in around(-1.0, 5.0),
        vol_horizon_s in around(-1.0, 5.0), vol_multiplier in 0.0_f64..100.0,
        min_spread_bps in around(-2.0, 3.0), skew_factor in around(-3.0, 2.0),
        skew_knee in 0.0_f64..1.0, skew_knee_slope in 0.0_f64..100.0,
    ) -> AssetParams {
        AssetParams {
            model, risk_aversion, risk_horizon_s, vol_horizon_s, vol_multiplier, min_spread_bps,
            max_spread_bps: min_spread_bps, skew_factor, skew_knee, skew_knee_slope,
            ..AssetParams::default()
        }
    }
}

prop_compose! {
    fn any_input()(
        fair in around(-4.0, 7.0), share in -1.0_f64..=1.0, size in around(-1.0, 4.0),
        vol_bps in around(-3.0, 4.0), atr_share in around(-6.0, 0.0),
        rate_per_s in around(-6.0, 4.0), decay_per_bps in around(-6.0, 2.0),
    ) -> ModelInput {
        let arrivals = Some(Arrivals { rate_per_s, decay_per_bps });
        ModelInput { fair, share, orders: share * size, vol_bps, atr: fair * atr_share, arrivals }
    }
}

proptest! {
    #[test]
    fn whatever_can_be_configured_gives_a_quote(params in any_model(), input in any_input()) {
        prop_assert!(params.is_usable());
        let quote = wanted(&params, &input);
        prop_assert!(quote.is_some_and(|q| q.is_sound()), "{:?}", quote);
    }

    #[test]
    fn whatever_is_finite_gives_a_sound_quote_or_none(
        params in any_model(), input in any_input(),
        extremes in prop::array::uniform8(around(-320.0, 308.0)),
    ) {
        let [aversion, horizon, rate, decay, vol, fair, atr, orders] = extremes;
        // The least that is above zero: a power of ten may round to nothing.
        let positive = |v: f64| v.max(f64::from_bits(1));
        let params = AssetParams {
            risk_aversion: positive(aversion),
            risk_horizon_s: positive(horizon),
            ..params
        };
        prop_assert!(params.is_usable());
        let arrivals = Some(Arrivals { rate_per_s: rate, decay_per_bps: decay });
        let orders = orders * input.share;
        let input = ModelInput { fair, vol_bps: vol, atr, orders, arrivals, ..input };
        if let Some(quote) = wanted(&params, &input) {
            prop_assert!(quote.is_sound(), "{:?}", quote);
        }
    }

    #[test]
    fn more_volatility_never_narrows(
        params in any_model(), input in any_input(), more in 1.0_f64..100.0,
    ) {
        let calm = wanted(&params, &input).unwrap();
        let wild = wanted(&params, &ModelInput { vol_bps: input.vol_bps * more, ..input }).unwrap();
        prop_assert!(wild.base_half_bps >= calm.base_half_bps);
        prop_assert!(wild.risk_half_bps >= calm.risk_half_bps);
    }

    #[test]
    fn quotes_lean_against_what_is_held(
        params in any_model(), input in any_input(), more in 1.0_f64..10.0,
    ) {
        let long = ModelInput { share: input.share.abs(), orders: input.orders.abs(), ..input };
        prop_assume!(long.share > 1e-6);
        let longer = ModelInput {
            share: (long.share * more).min(1.0), orders: long.orders * more, ..input
        };
        let short = ModelInput { share: -long.share, orders: -long.orders, ..input };
        let flat = ModelInput { share: 0.0, orders: 0.0, ..input };
        let [long, longer, short, flat] =
            [long, longer, short, flat].map(|i| wanted(&params, &i).unwrap());
        prop_assert!(long.skew_bps > 0.0, "a long position lowers both quotes");
        prop_assert!(longer.skew_bps >= long.skew_bps);
        prop_assert_eq!(short, ModelQuote { skew_bps: -long.skew_bps, ..long });
        prop_assert_eq!(flat, ModelQuote { skew_bps: 0.0, ..long });
    }
}
