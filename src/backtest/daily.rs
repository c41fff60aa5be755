//! Whole days, and what of a year may be said of them.

use super::outcome::Totals;
use crate::report::backtest::Flow;
use crate::report::stats::sharpe::Shape;
use crate::report::stats::{DAYS_A_YEAR, MIN_DAYS};
use botmm_pipeline::types::Nanos;

const DAY: Nanos = Nanos::secs(86_400);
/// A day that lacks so much at an end is whole: recorders are not there at midnight to the millisecond.
const LACKS: Nanos = Nanos::secs(60);
/// What was earned on each whole UTC day.
pub(super) fn whole<'a>(parts: impl Iterator<Item = (&'a Totals, &'a Flow)>) -> Vec<f64> {
    let of = |(totals, flow): (&Totals, &Flow)| {
        let mut days = flow.earned(totals.from, totals.to, DAY);
        if DAY.0 - 1 - totals.to.0.rem_euclid(DAY.0) > LACKS.0 {
            days.pop();
        }
        let is_late = totals.from.0.rem_euclid(DAY.0) > LACKS.0;
        days.split_off(usize::from(is_late).min(days.len()))
    };
    parts.flat_map(of).collect()
}

/// Of a year, of whole days' profits.
///
/// # Errors
/// In words why there is none.
pub(super) fn sharpe(daily: &[f64]) -> Result<f64, String> {
    enough(daily)?;
    let found = Shape::of(daily).map(|shape| cut(shape.sharpe * DAYS_A_YEAR.sqrt()));
    found.ok_or_else(|| "all days are alike: there is no risk to compare with".to_owned())
}

/// That there are days enough to say something of a year.
///
/// # Errors
/// In words: there are not.
pub(super) fn enough(daily: &[f64]) -> Result<(), String> {
    match daily.len() {
        n if n < MIN_DAYS => {
            Err(format!("nothing under {MIN_DAYS} whole UTC days is annualised, and these are {n}"))
        }
        _ => Ok(()),
    }
}

/// An estimate, to the millionth: without the noise of sums of floats.
pub(super) fn cut(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::replay::samples::{Sample, flow};
    use botmm_pipeline::types::Usd;

    #[test]
    fn only_whole_days_count() {
        let at = |hours: i64, gross: i64| Sample {
            time: Nanos::secs(hours * 3_600),
            gross: Usd::whole(gross),
            fees: Usd::ZERO,
            funding: Usd::ZERO,
            held: Usd::ZERO,
            fills: 0,
            volume: Usd::ZERO,
        };
        // From 12:00 of the first day to 12:00 of the fourth: two whole ones, which earn 3 and -1.
        let flow = flow(&[at(24, 10), at(48, 13), at(72, 12), at(84, 20)]);
        let totals = |from: i64, to: i64| Totals {
            from: Nanos::secs(from * 3_600),
            to: Nanos::secs(to * 3_600),
            ..Totals::default()
        };
        assert_eq!(whole([(&totals(12, 84), &flow)].into_iter()), [3.0, -1.0]);
        let early = totals(0, 84);
        assert_eq!(whole([(&early, &flow)].into_iter()), [10.0, 3.0, -1.0]);
        let said = sharpe(&[1.0, -1.0]).unwrap_err();
        assert!(said.contains("under 7 whole UTC days") && said.ends_with("these are 2"), "{said}");
    }
}
