//! A mean weighted by value, and how sure it is when what happens within a minute hangs together.

use crate::report::economics::Mean;
use crate::report::stats::blocks::ratio;
use botmm_pipeline::types::Nanos;
use std::collections::BTreeMap;

const MINUTE: i64 = 60_000_000_000;
const HOUR_MINUTES: i64 = 60;

/// The sums of a minute.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    n: u64,
    weight: f64,
    weighted: f64,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Clusters(BTreeMap<i64, Sums>);

impl Clusters {
    /// One more, at a moment, with a weight above zero.
    pub fn add(&mut self, at: Nanos, weight: f64, value: f64) {
        let minute = self.0.entry(at.0.div_euclid(MINUTE)).or_default();
        minute.n += 1;
        minute.weight += weight;
        minute.weighted += weight * value;
    }

    /// All that there is; nothing of nothing.
    pub fn mean(&self) -> Option<Mean> {
        let mean = ratio(self.0.values().map(|minute| [minute.weighted, minute.weight]))?;
        let n = self.0.values().map(|minute| minute.n).sum();
        Some(Mean { mean: mean.value, se: mean.error, t: mean.t(), n })
    }

    /// Of one hour of the day, UTC, whichever day.
    pub fn of_hour(&self, hour: u8) -> Self {
        let is_in = |minute: i64| minute.div_euclid(HOUR_MINUTES).rem_euclid(24) == i64::from(hour);
        Self(self.0.iter().filter(|(minute, _)| is_in(**minute)).map(|(m, s)| (*m, *s)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_that_of_minutes_and_not_of_their_parts() {
        let at = |minute: i64| Nanos(minute * MINUTE);
        let mut clusters = Clusters::default();
        assert_eq!(clusters.mean(), None);
        clusters.add(at(0), 1.0, 3.0);
        let of_one = clusters.mean().unwrap();
        assert_eq!((of_one.mean, of_one.se, of_one.n), (3.0, None, 1));
        // Ten minutes each of 1, 2 and 3, in equal weights: 2 ± √(20/29)/√30.
        let mut whole = Clusters::default();
        let mut parted = Clusters::default();
        let error = (20.0 / 29.0 / 30.0_f64).sqrt();
        for minute in 0..30 {
            let value = (minute % 3) as f64 + 1.0;
            whole.add(at(minute), 10.0, value);
            (0..10).for_each(|_| parted.add(at(minute), 1.0, value));
        }
        for clusters in [&whole, &parted] {
            let mean = clusters.mean().unwrap();
            assert!((mean.mean - 2.0).abs() < 1e-12, "{mean:?}");
            assert!((mean.se.unwrap() - error).abs() < 1e-12, "{mean:?}");
            assert!((mean.t.unwrap() - 2.0 / error).abs() < 1e-9, "{mean:?}");
        }
        assert_eq!((whole.mean().unwrap().n, parted.mean().unwrap().n), (30, 300));
        // Of a few minutes there is a mean, and no error.
        assert_eq!(whole.of_hour(1).mean(), None);
        let mut days = Clusters::default();
        days.add(at(61), 1.0, 1.0);
        days.add(at(24 * 60 + 62), 3.0, 5.0);
        days.add(at(24 * 60 + 120), 1.0, 100.0);
        assert!((days.of_hour(1).mean().unwrap().mean - 4.0).abs() < 1e-12);
        assert_eq!(days.of_hour(3).mean(), None);
    }
}
