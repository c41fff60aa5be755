//! Axes: which numbers stand at them, and where.

use super::model::fixed;
use crate::when::{utc, utc_s};
use botmm_pipeline::types::Nanos;

/// Numbers from here to there, and where a number lies between them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// Each step is ten times as much.
    pub is_log: bool,
}

/// A number at an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Where, from 0 to 1.
    pub at: f64,
    /// What stands there.
    pub text: String,
}

/// Steps of a time axis, seconds.
const TIME_STEPS: [f64; 27] = [
    0.001,
    0.005,
    0.01,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    1_800.0,
    3_600.0,
    7_200.0,
    10_800.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    604_800.0,
    1_209_600.0,
    2_592_000.0,
];

impl Scale {
    /// From the lowest to the highest of these, with a little room, so that nothing lies on the edge.
    pub fn around(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = ends(values);
        let room = if high > low { (high - low) * 0.05 } else { low.abs().max(1.0) * 0.05 };
        Self { low: low - room, high: high + room, is_log: false }
    }

    /// From end to end of these.
    pub fn exactly(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = ends(values);
        Self { low, high: if high > low { high } else { low + 1.0 }, is_log: false }
    }

    /// In powers of ten around these; what is not above zero has no place.
    pub fn powers_of_ten(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = ends(values.into_iter().filter(|v| *v > 0.0));
        let low = 10_f64.powf(low.max(1e-9).log10().floor());
        let high = 10_f64.powf(high.max(low * 1.01).log10().ceil());
        Self { low, high, is_log: true }
    }

    /// Where a number lies, from 0 to 1.
    pub fn place(&self, value: f64) -> f64 {
        let [low, high, value] = match self.is_log {
            true => [self.low, self.high, value.max(self.low)].map(f64::log10),
            false => [self.low, self.high, value],
        };
        (value - low) / (high - low)
    }

    /// Round numbers along it.
    pub fn ticks(&self) -> Vec<Tick> {
        if self.is_log {
            return self.decades();
        }
        let step = round_step((self.high - self.low) / 5.0);
        let digits = (-step.log10().floor()).max(0.0) as usize;
        self.multiples(step, |value| fixed(value, digits))
    }

    /// Moments along it, of seconds since 1970.
    pub fn time_ticks(&self) -> Vec<Tick> {
        let wanted = (self.high - self.low) / 6.0;
        let step = TIME_STEPS.into_iter().find(|step| *step >= wanted);
        let step = step.unwrap_or_else(|| round_step(wanted));
        self.multiples(step, |s| clock(s, step))
    }

    fn multiples(&self, step: f64, text: impl Fn(f64) -> String) -> Vec<Tick> {
        let first = (self.low / step).ceil();
        let count = ((self.high - self.low) / step) as usize + 1;
        let values = (0..count).map(|n| (first + n as f64) * step);
        let within = values.filter(|v| *v <= self.high);
        within.map(|value| Tick { at: self.place(value), text: text(value) }).collect()
    }

    fn decades(&self) -> Vec<Tick> {
        let [low, high] = [self.low, self.high].map(|v| v.log10().round() as i32);
        let powers = (low..=high).map(|power| 10_f64.powi(power));
        powers.map(|value| Tick { at: self.place(value), text: fixed(value, 0) }).collect()
    }
}

fn ends(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let finite = values.into_iter().filter(|v| v.is_finite());
    let ends = finite.fold(None, |ends: Option<(f64, f64)>, v| {
        Some(ends.map_or((v, v), |(low, high)| (low.min(v), high.max(v))))
    });
    ends.unwrap_or((0.0, 1.0))
}

/// 1, 2 or 5 times a power of ten, at least this.
fn round_step(wanted: f64) -> f64 {
    let power = 10_f64.powf(wanted.max(f64::MIN_POSITIVE).log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0].into_iter().find(|n| n * power >= wanted);
    times.unwrap_or(10.0) * power
}

/// A moment, as exactly as a step needs: `11-22`, `17:45`, `17:45:10`, `17:45:10.5`.
fn clock(seconds: f64, step: f64) -> String {
    let time = Nanos::millis((seconds * 1e3).round() as i64);
    match step {
        s if s >= 86_400.0 => utc_s(time)["2026-".len()..][..5].to_owned(),
        s if s >= 60.0 => utc_s(time)["2026-11-22T".len()..][..5].to_owned(),
        s if s >= 1.0 => utc_s(time)["2026-11-22T".len()..][..8].to_owned(),
        _ => utc(time)["2026-11-22T".len()..][..12].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|t| t.text.as_str()).collect()
    }

    #[test]
    fn round_numbers_stand_at_an_axis() {
        let scale = Scale { low: -0.3, high: 1.2, is_log: false };
        assert_eq!(texts(&scale.ticks()), ["0.0", "0.5", "1.0"]);
        let scale = Scale { low: 109_990.0, high: 110_040.0, is_log: false };
        let ticks = scale.ticks();
        assert_eq!(texts(&ticks)[..2], ["109,990", "110,000"]);
        assert!((ticks[1].at - 0.2).abs() < 1e-9);
        let scale = Scale::powers_of_ten([150.0, 52_000.0]);
        assert_eq!(texts(&scale.ticks()), ["100", "1,000", "10,000", "100,000"]);
        assert!((scale.place(1_000.0) - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn moments_stand_at_a_time_axis_as_exactly_as_they_must() {
        let at = 1_795_369_500.0; // 2026-11-22T17:45:00Z
        let ticks = |span: f64| {
            let scale = Scale { low: at, high: at + span, is_log: false };
            scale.time_ticks().into_iter().map(|t| t.text).collect::<Vec<_>>()
        };
        assert_eq!(ticks(1_800.0)[..2], ["17:45", "17:50"]);
        assert_eq!(ticks(60.0)[1], "17:45:10");
        assert_eq!(ticks(1.0)[0], "17:45:00.000");
        assert_eq!(ticks(86_400.0 * 5.0)[0], "11-23");
        assert!(ticks(86_400.0 * 3_650.0).len() < 12);
    }

    #[test]
    fn whatever_is_given_there_is_an_axis() {
        for values in
            [vec![], vec![0.0], vec![f64::NAN], vec![5.0, 5.0], vec![-1e12, 1e12], vec![1e-12]]
        {
            for scale in [
                Scale::around(values.clone()),
                Scale::exactly(values.clone()),
                Scale::powers_of_ten(values.clone()),
            ] {
                assert!(scale.high > scale.low, "{values:?}: {scale:?}");
                assert!(scale.ticks().len() < 60, "{values:?}: {scale:?}");
                assert!(scale.place(scale.low).abs() < 1e-9, "{values:?}: {scale:?}");
            }
        }
    }
}
