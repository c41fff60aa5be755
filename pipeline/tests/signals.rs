//! The direction signal: known answers, a twin written from its definition, and what it must not do.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod counting;

use botmm_pipeline::logic::bars::{Bars, OnBar};
use botmm_pipeline::logic::signals::{SignalView, Signals};
use botmm_pipeline::types::limits::{MAX_PX, MAX_RSI_BARS, MAX_SLOPE_BARS};
use botmm_pipeline::types::params::SignalParams;
use botmm_pipeline::types::{Candle, Nanos, Px};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde_json::Value;
use std::ops::Range;

const SEEDS: u64 = 20;

/// What the definition says after a bar; [`None`] = not known yet.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    kalman: f64,
    variance: f64,
    slope: f64,
    rsi: Option<f64>,
    rsi_atr: Option<f64>,
    /// Long, short.
    bands: Option<(f64, f64)>,
    trend: f64,
    /// Votes of slope, close and RSI.
    others: f64,
}

/// The signal over a whole series, line by line from STRATEGY §2, with the known answers' habits
/// where it is silent: when a slope and the first bands are there. `still` is the RSI of a window
/// without any change.
fn twin(p: &SignalParams, closes: &[f64], still: f64) -> Vec<Row> {
    let ema = |old: f64, new: f64, bars: usize| old + 2.0 / (bars as f64 + 1.0) * (new - old);
    let sign = |v: f64, limit: f64| if v.abs() > limit { v.signum() } else { 0.0 };
    let threshold = p.signal_threshold_bps * 1e-4;
    let mut rows: Vec<Row> = Vec::new();
    for (t, z) in closes.iter().enumerate() {
        let mut row = Row { kalman: *z, variance: 1.0, ..Row::default() };
        if let Some(last) = rows.last() {
            let prior = last.variance + p.kalman_process_noise;
            let gain = prior / (prior + p.kalman_measurement_noise);
            row.kalman = last.kalman + gain * (z - last.kalman);
            row.variance = (1.0 - gain) * prior;
            (row.rsi, row.rsi_atr, row.trend) = (last.rsi, last.rsi_atr, last.trend);
        }
        if t > p.slope_bars {
            row.slope = (row.kalman - rows[t - p.slope_bars].kalman) / row.kalman;
        }
        if t >= p.rsi_bars {
            let changes: Vec<f64> =
                closes[t - p.rsi_bars..=t].windows(2).map(|w| w[1] - w[0]).collect();
            let mean = |sign: f64| {
                let parts = changes.iter().map(|c| (sign * c).max(0.0));
                parts.sum::<f64>() / p.rsi_bars as f64
            };
            let raw = match (mean(1.0), mean(-1.0)) {
                (gain, loss) if gain + loss <= 0.0 => still,
                (_, loss) if loss <= 0.0 => 100.0,
                (gain, loss) => 100.0 - 100.0 / (1.0 + gain / loss),
            };
            row.rsi = Some(row.rsi.map_or(raw, |old| ema(old, raw, p.rsi_smoothing_bars)));
        }
        let before = rows.last().copied().unwrap_or_default();
        if let (Some(rsi), Some(previous)) = (row.rsi, before.rsi) {
            let change = (rsi - previous).abs();
            let atr = before.rsi_atr.map_or(change, |old| ema(old, change, p.rsi_bars));
            let (low, high) = (rsi - p.qqe_factor * atr, rsi + p.qqe_factor * atr);
            row.rsi_atr = Some(atr);
            row.bands = Some(before.bands.map_or((low, high), |(long, short)| {
                if previous <= short && rsi > short {
                    row.trend = 1.0;
                }
                if previous >= long && rsi < long {
                    row.trend = -1.0;
                }
                let long = if previous > long { long.max(low) } else { low };
                let short = if previous < short { short.min(high) } else { high };
                (long, short)
            }));
        }
        row.others = sign(row.slope, threshold)
            + sign(z / row.kalman - 1.0, threshold)
            + sign(row.rsi.unwrap_or(50.0) - 50.0, p.rsi_band);
        rows.push(row);
    }
    rows
}

fn views(params: &SignalParams, closes: &[f64]) -> Vec<SignalView> {
    let mut signals = Signals::new(*params);
    let view = |close: &f64| {
        signals.on_close(*close);
        *signals.view()
    };
    closes.iter().map(view).collect()
}

fn same(a: f64, b: f64) -> bool {
    a.is_finite() && (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// Relative to `scale`: what went through zero, or adds large terms up, is not exact by itself.
fn near(a: f64, b: f64, scale: f64) -> bool {
    a.is_finite() && (a - b).abs() <= 1e-9 * scale
}

struct Case {
    id: String,
    params: SignalParams,
    bias_strength: f64,
    closes: Vec<f64>,
    warmup_bars: usize,
    bars: Vec<Value>,
}

fn cases() -> Vec<Case> {
    let path = format!("{}/../testdata/vectors/signals.json", env!("CARGO_MANIFEST_DIR"));
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let case = |case: &Value| {
        let p = &case["in"]["params"];
        let float = |key: &str| p[key].as_f64().unwrap();
        let int = |key: &str| p[key].as_u64().unwrap() as usize;
        let params = SignalParams {
            kalman_process_noise: float("kalman_process_noise"),
            kalman_measurement_noise: float("kalman_measurement_noise"),
            // Theirs counts both ends.
            slope_bars: int("slope_window") - 1,
            rsi_bars: int("qqe_rsi_period"),
            rsi_smoothing_bars: int("qqe_smoothing"),
            qqe_factor: float("qqe_factor"),
            ..SignalParams::default()
        };
        let closes = case["in"]["closes"].as_array().unwrap().iter();
        Case {
            id: case["id"].as_str().unwrap().to_owned(),
            params,
            bias_strength: float("bias_strength"),
            closes: closes.map(|v| v.as_f64().unwrap()).collect(),
            warmup_bars: case["out"]["warmup_bars"].as_u64().unwrap() as usize,
            bars: case["out"]["bars"].as_array().unwrap().clone(),
        }
    };
    all["cases"].as_array().unwrap().iter().map(case).collect()
}

/// The vectors say 100 for a window in which nothing changed, because there were no losses; STRATEGY
/// says 50. From the first such window on the RSI and its average change are held against the twin,
/// which itself equals the vectors at every bar once it is told to say 100.
#[test]
fn every_bar_is_what_it_was_found_to_be() {
    let cases = cases();
    assert_eq!(cases.len(), 12);
    let (mut bars, mut departed) = (0, Vec::new());
    for case in &cases {
        assert_eq!(case.bars.len(), case.closes.len());
        let views = views(&case.params, &case.closes);
        let theirs = twin(&case.params, &case.closes, 100.0);
        let ours = twin(&case.params, &case.closes, 50.0);
        let mut has_departed = false;
        for (t, expected) in case.bars.iter().enumerate() {
            let (view, place) = (&views[t], format!("{} bar {t}", case.id));
            let expect = |key: &str, got: f64| {
                let expected = expected[key].as_f64().unwrap();
                assert!(same(got, expected), "{place} {key}: {got}, not {expected}");
            };
            let expect_both = |got: SignalView, row: &Row| {
                assert!(same(got.rsi, row.rsi.unwrap()), "{place}: {got:?} {row:?}");
                assert!(same(got.rsi_atr, row.rsi_atr.unwrap_or(0.0)), "{place}: {got:?} {row:?}");
            };
            expect("kalman", view.kalman);
            expect("P", view.kalman_variance);
            expect("slope", view.slope);
            if expected["rsi_smoothed"].is_null() {
                assert!(same(view.rsi, 50.0) && theirs[t].rsi.is_none(), "{place}");
                continue;
            }
            has_departed |=
                case.closes[t - case.params.rsi_bars..=t].windows(2).all(|w| same(w[0], w[1]));
            expect("rsi_smoothed", if has_departed { theirs[t].rsi.unwrap() } else { view.rsi });
            expect_both(*view, &ours[t]);
            if !expected["rsi_atr"].is_null() {
                let atr = theirs[t].rsi_atr.unwrap();
                expect("rsi_atr", if has_departed { atr } else { view.rsi_atr });
            }
            bars += 1;
        }
        if has_departed {
            departed.push(case.id.as_str());
        }
    }
    assert!(bars > 1_000, "{bars}");
    assert_eq!(departed, ["signals-005", "signals-009"], "series that stand still");
}

/// Bands and trend by the corrected rule. Of the faulty columns one thing is right: their bias is the
/// three other votes, because their trend is always 0.
#[test]
fn bands_and_trend_follow_the_corrected_rule() {
    let mut trends = [0, 0];
    for case in cases() {
        let rows = twin(&case.params, &case.closes, 50.0);
        let theirs = twin(&case.params, &case.closes, 100.0);
        for (t, view) in views(&case.params, &case.closes).iter().enumerate() {
            let (row, place) = (&rows[t], format!("{} bar {t}", case.id));
            if let Some((long, short)) = row.bands {
                let both = near(view.long_band, long, 100.0) && near(view.short_band, short, 100.0);
                assert!(both, "{place}: {view:?} {row:?}");
            }
            assert!(same(f64::from(view.trend), row.trend), "{place}: {view:?} {row:?}");
            trends[0] += usize::from(view.trend > 0);
            trends[1] += usize::from(view.trend < 0);

            let result = &case.bars[t]["result"];
            assert_eq!(view.is_ready, t + 1 >= case.warmup_bars, "{place}");
            assert_eq!(view.is_ready, !result.is_null(), "{place}");
            let score = if view.is_ready { (row.others + row.trend) / 4.0 } else { 0.0 };
            assert!(same(view.score, score), "{place}: {view:?} {row:?}");
            if view.is_ready {
                let bias = result["bias"].as_f64().unwrap();
                let without_trend = theirs[t].others / 4.0 * case.bias_strength;
                assert!(near(without_trend, bias, 1.0), "{place}: {without_trend}, not {bias}");
            }
        }
        assert_eq!(Signals::warmup_bars(&case.params), case.warmup_bars, "{}", case.id);
    }
    assert!(trends.iter().all(|n| *n > 100), "bars of trend up and down: {trends:?}");
}

/// `bars` closes of a random walk in log price: no drift in price, or `drift` a bar.
fn walk(seed: u64, bars: usize, sigma: f64, drift: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut log_price = 3_000_f64.ln();
    let mut step = |t| {
        let z: f64 = StandardNormal.sample(&mut rng);
        log_price += z * sigma - sigma * sigma / 2.0 + drift(t);
        log_price.exp()
    };
    (0..bars).map(&mut step).collect()
}

#[test]
fn up_then_down_gives_both_signs_of_the_trend() {
    const LEG: usize = 200;
    for seed in 0..SEEDS {
        let legs = |t: usize| if (t / LEG).is_multiple_of(2) { 4e-4 } else { -4e-4 };
        let views = views(&SignalParams::default(), &walk(seed, 4 * LEG, 1e-3, legs));
        let of_leg = |n: usize, trend: i8| {
            views[n * LEG..(n + 1) * LEG].iter().filter(|v| v.trend == trend).count()
        };
        let (up, down) = (of_leg(2, 1), of_leg(3, -1));
        println!("seed {seed}: trend up in {up} of {LEG} rising bars, down in {down} falling");
        assert!(views.iter().any(|v| v.trend == 1), "seed {seed}: never up");
        assert!(views.iter().any(|v| v.trend == -1), "seed {seed}: never down");
        let mean = |n: usize| views[n * LEG..(n + 1) * LEG].iter().map(|v| v.score).sum::<f64>();
        assert!(mean(2) > 0.0 && mean(3) < 0.0, "seed {seed}: {} {}", mean(2), mean(3));
    }
}

/// Number of values, and how many standard errors their mean is from zero.
fn t_statistic(values: &[f64]) -> (usize, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (values.len(), mean / (variance / n).sqrt())
}

#[test]
fn on_a_random_walk_the_signal_says_nothing_about_the_next_bar() {
    let (mut next, mut same_bar) = (Vec::new(), Vec::new());
    for seed in 0..SEEDS {
        let closes = walk(seed, 5_000, 1e-3, |_| 0.0);
        let views = views(&SignalParams::default(), &closes);
        let before = next.len();
        for (t, view) in views.iter().enumerate().take(closes.len() - 1) {
            if view.signal != 0 {
                let sign = f64::from(view.signal);
                next.push(sign * (closes[t + 1] / closes[t] - 1.0));
                same_bar.push(sign * (closes[t] / closes[t - 1] - 1.0));
            }
        }
        let (n, t) = t_statistic(&next[before..]);
        println!("seed {seed}: n {n} t {t:.2}");
    }
    let (n, t) = t_statistic(&next);
    println!("signal x next return, seeds 0..{SEEDS}: n {n} t {t:.3}");
    assert!(n > 10_000 && t.abs() <= 2.0, "n {n} t {t}");
    // The same measure finds what is there to be found.
    let (_, t) = t_statistic(&same_bar);
    println!("signal x own return: t {t:.1}");
    assert!(t > 20.0, "{t}");
}

#[test]
fn what_is_no_price_changes_nothing_and_neither_do_unusable_parameters() {
    let mut signals = Signals::new(SignalParams::default());
    let closes = walk(1, 60, 1e-3, |_| 0.0);
    closes[..40].iter().for_each(|c| signals.on_close(*c));
    let before = *signals.view();
    let largest = MAX_PX.to_f64();
    for bad in [f64::NAN, f64::INFINITY, -f64::INFINITY, 0.0, -1.0, 2.0 * largest, f64::MAX] {
        signals.on_close(bad);
        assert_eq!(*signals.view(), before, "{bad}");
    }
    let good = SignalParams::default();
    for bad in [
        SignalParams { kalman_process_noise: f64::NAN, ..good },
        SignalParams { kalman_measurement_noise: 0.0, ..good },
        SignalParams { rsi_bars: 0, ..good },
        SignalParams { rsi_bars: MAX_RSI_BARS + 1, ..good },
        SignalParams { slope_bars: MAX_SLOPE_BARS + 1, ..good },
    ] {
        signals.set_params(bad);
        signals.on_close(3_000.0);
        assert_eq!(*signals.view(), before, "{bad:?}");
    }
    signals.set_params(good);
    closes[40..].iter().for_each(|c| signals.on_close(*c));
    assert_eq!(signals.view(), views(&good, &closes).last().unwrap());
}

#[test]
fn a_shorter_rsi_settles_before_the_signal_counts_again() {
    let long = SignalParams { rsi_bars: MAX_RSI_BARS, ..SignalParams::default() };
    let mut signals = Signals::new(long);
    let closes = walk(2, 60, 1e-3, |_| 0.0);
    closes[..50].iter().for_each(|c| signals.on_close(*c));
    signals.set_params(SignalParams::default());
    for (i, close) in closes[50..].iter().enumerate() {
        signals.on_close(*close);
        // Its first value comes with the first of these bars.
        assert_eq!(signals.view().is_ready, i + 1 >= 5 + 5, "{i}");
    }
}

#[test]
fn nothing_is_allocated() {
    let mut bars = Bars::new(Nanos::secs(60), Signals::new(SignalParams::default()));
    let count = counting::allocations(|| {
        for minute in 0..100 {
            bars.back_fill(&Candle::flat(Nanos::secs(60 * minute), Px::whole(100 + minute % 7)));
        }
        bars.back_filled();
        for minute in 99..200 {
            bars.update(Nanos::secs(60 * minute), Px::whole(100 + minute % 7));
        }
        bars.consumer_mut().reset();
    });
    assert_eq!(count, 0);
}

/// Noises from a range of powers of ten.
fn params(noise: Range<f64>) -> impl Strategy<Value = SignalParams> {
    let noise = || noise.clone().prop_map(|e| 10_f64.powf(e));
    let bars = (1..=MAX_SLOPE_BARS, 1..=MAX_RSI_BARS, 1_usize..20);
    let deadzone = prop_oneof![0.01_f64..=1.0, Just(0.25), Just(0.5), Just(0.75)];
    let limits = (0.0_f64..20.0, 0.0_f64..10.0, 0.0_f64..50.0, deadzone);
    (noise(), noise(), bars, limits).prop_map(|(q, r, bars, limits)| SignalParams {
        kalman_process_noise: q,
        kalman_measurement_noise: r,
        slope_bars: bars.0,
        rsi_bars: bars.1,
        rsi_smoothing_bars: bars.2,
        signal_threshold_bps: limits.0,
        qqe_factor: limits.1,
        rsi_band: limits.2,
        signal_deadzone: limits.3,
        ..SignalParams::default()
    })
}

/// Closes that walk, stand still and jump.
fn closes() -> impl Strategy<Value = Vec<f64>> {
    let step = prop_oneof![4 => -0.01_f64..0.01, 1 => Just(0.0), 1 => -2.0_f64..2.0];
    proptest::collection::vec(step, 1..200).prop_map(|steps| {
        let mut log_price = 0.0_f64;
        let mut close = |step: f64| {
            log_price = (log_price + step).clamp(-15.0, 15.0);
            log_price.exp()
        };
        steps.into_iter().map(&mut close).collect()
    })
}

proptest! {
    #[test]
    fn every_number_is_in_its_range(params in params(-9.0..3.0), closes in closes()) {
        let (mut low, mut high) = (f64::MAX, 0.0_f64);
        for (t, view) in views(&params, &closes).iter().enumerate() {
            (low, high) = (low.min(closes[t]), high.max(closes[t]));
            let slack = 1e-12 * high;
            prop_assert!(view.kalman >= low - slack && view.kalman <= high + slack, "{view:?}");
            if t > 0 {
                // (1 − K)P = K·R.
                let gain = view.kalman_variance / params.kalman_measurement_noise;
                prop_assert!(gain > 0.0 && gain < 1.0, "{gain}");
            }
            prop_assert!((-1e-9..=100.0 + 1e-9).contains(&view.rsi), "{view:?}");
            prop_assert!((0.0..=100.0 + 1e-9).contains(&view.rsi_atr), "{view:?}");
            prop_assert!((-1.0..=1.0).contains(&view.score), "{view:?}");
            prop_assert!((view.score * 4.0).fract().abs() < 1e-12, "{view:?}");
            let is_clear = view.score.abs() >= params.signal_deadzone;
            let sign = if view.score > 0.0 { 1 } else { -1 };
            prop_assert_eq!(view.signal, if is_clear { sign } else { 0 });
            prop_assert!(view.is_ready || view.score.abs() < 1e-12);
            prop_assert_eq!(view.is_ready, t + 1 >= Signals::warmup_bars(&params));
        }
    }

    /// Within noises for which the definition's (1 − K)P loses no digits.
    #[test]
    fn every_number_is_the_twin_s(params in params(-3.0..1.0), closes in closes()) {
        let rows = twin(&params, &closes, 50.0);
        let views = views(&params, &closes);
        let mut before = Row::default();
        for (view, row) in views.iter().zip(&rows) {
            prop_assert!(near(view.kalman, row.kalman, row.kalman), "{view:?} {row:?}");
            prop_assert!(near(view.slope, row.slope, 1.0 + row.slope.abs()), "{view:?} {row:?}");
            prop_assert!(near(view.rsi, row.rsi.unwrap_or(50.0), 100.0), "{view:?} {row:?}");
            prop_assert!(near(view.rsi_atr, row.rsi_atr.unwrap_or(0.0), 100.0), "{view:?} {row:?}");
            if let (Some((long, short)), Some(rsi), Some(old)) = (before.bands, row.rsi, before.rsi)
            {
                // What hangs on the last bit may fall either way, and all that follows with it.
                let gaps = [rsi - long, rsi - short, old - long, old - short];
                if gaps.iter().any(|gap| gap.abs() < 1e-6) {
                    break;
                }
            }
            if let Some((long, short)) = row.bands {
                prop_assert!(near(view.long_band, long, 1e3), "{view:?} {row:?}");
                prop_assert!(near(view.short_band, short, 1e3), "{view:?} {row:?}");
                prop_assert!(same(f64::from(view.trend), row.trend), "{view:?} {row:?}");
            }
            before = *row;
        }
    }

    /// Parameters may change between any two bars: nothing breaks, and the signal waits for what the
    /// new ones need.
    #[test]
    fn parameters_may_change_at_any_bar(
        steps in proptest::collection::vec((params(-9.0..3.0), 1_usize..40), 1..6), closes in closes(),
    ) {
        let mut signals = Signals::new(SignalParams::default());
        let mut closes = closes.iter();
        let mut seen = 0;
        for (params, bars) in steps {
            signals.set_params(params);
            for close in closes.by_ref().take(bars) {
                signals.on_close(*close);
                seen += 1;
                let view = signals.view();
                prop_assert!(view.rsi.is_finite() && view.kalman.is_finite(), "{view:?}");
                prop_assert!(!view.is_ready || seen >= Signals::warmup_bars(&params));
            }
        }
        signals.reset();
        signals.set_params(SignalParams::default());
        signals.on_close(7.0);
        prop_assert_eq!(signals.view(), &views(&SignalParams::default(), &[7.0])[0]);
    }

    /// History and live bars give the signal that the live feed alone would have given.
    #[test]
    fn a_history_gives_the_signal_of_having_been_there(
        prices in proptest::collection::vec(1_i64..500, 1..120),
        start in 0.0_f64..1.0, wait in 0.0_f64..1.0,
    ) {
        let start = (start * prices.len() as f64) as usize;
        let arrival = start + (wait * (prices.len() - start) as f64) as usize;
        let mids: Vec<Candle> = (0_i64..)
            .zip(&prices)
            .map(|(i, px)| Candle::flat(Nanos::secs(20 * i), Px::whole(*px)))
            .collect();
        let signals = Signals::new(SignalParams::default());
        let (mut bars, mut live) =
            (Bars::new(Nanos::secs(60), signals), Bars::new(Nanos::secs(60), signals));
        mids.iter().for_each(|m| live.update(m.open_time, m.close));

        mids[start..arrival].iter().for_each(|m| bars.update(m.open_time, m.close));
        mids[..arrival].iter().for_each(|m| bars.back_fill(m));
        bars.back_filled();
        mids[arrival..].iter().for_each(|m| bars.update(m.open_time, m.close));
        prop_assert_eq!(bars.consumer().view(), live.consumer().view());
    }
}
