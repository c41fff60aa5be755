//! The stationary block bootstrap (Politis and Romano 1994): an interval for the mean of values that depend on
//! those before them, as profits of one minute after another do. Resamples are made of blocks of geometric length,
//! taken from the series closed to a ring.

use super::moments;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::Mul;

/// What a mean may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Of the values.
    pub mean: f64,
    /// The mean lies above this, and below `high`, with the level that was asked for.
    pub low: f64,
    /// See `low`.
    pub high: f64,
    /// The mean in its own standard errors; 0 where all values are 0.
    pub t: f64,
    /// Of so many values.
    pub n: usize,
}

impl Mul<f64> for Interval {
    type Output = Self;
    /// Of values in another unit, or of the sum of so many.
    fn mul(self, by: f64) -> Self {
        let [low, high] = [self.low * by, self.high * by];
        let (low, high) = (low.min(high), low.max(high));
        Self { mean: self.mean * by, low, high, t: self.t * by.signum(), n: self.n }
    }
}

/// The mean length of blocks where nothing better is known: the cube root of how many values there are.
pub fn usual_block(n: usize) -> f64 {
    (n as f64).cbrt().max(1.0)
}

/// The interval of the mean, by percentiles of `draws` resamples. `mean_block` is in values, at least 1 (then they
/// are taken one by one, as if they did not depend on each other); `level` between 0 and 1, as 0.95. [`None`] under
/// two values, or when one is not finite.
pub fn interval(
    values: &[f64],
    draws: usize,
    mean_block: f64,
    seed: u64,
    level: f64,
) -> Option<Interval> {
    assert!(draws > 1 && mean_block >= 1.0 && 0.0 < level && level < 1.0, "as documented");
    let (mean, _) = moments(values)?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut means: Vec<f64> =
        (0..draws).map(|_| resampled(values, 1.0 / mean_block, &mut rng)).collect();
    means.sort_unstable_by(f64::total_cmp);
    let (_, error) = moments(&means)?;
    let tail = (1.0 - level) / 2.0;
    let (low, high) = (quantile(&means, tail), quantile(&means, 1.0 - tail));
    let t = if error > 0.0 { mean / error } else { mean * f64::INFINITY };
    Some(Interval { mean, low, high, t: if t.is_nan() { 0.0 } else { t }, n: values.len() })
}

/// The mean of one resample.
fn resampled(values: &[f64], ends: f64, rng: &mut ChaCha8Rng) -> f64 {
    let n = values.len();
    let mut at = rng.random_range(0..n);
    let mut sum = 0.0;
    for _ in 0..n {
        sum += values[at];
        at = match rng.random::<f64>() < ends {
            true => rng.random_range(0..n),
            false => (at + 1) % n,
        };
    }
    sum / n as f64
}

/// Of sorted values, between the two that are nearest.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + part * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of a normal distribution, each `memory` of the one before.
    fn series(n: usize, memory: f64, seed: u64) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut last = 0.0;
        (0..n)
            .map(|_| {
                let normal: f64 = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
                last = memory * last + normal;
                last
            })
            .collect()
    }

    #[test]
    fn of_independent_values_it_is_the_one_of_the_text_book() {
        let values = series(400, 0.0, 1);
        let (mean, sd) = moments(&values).unwrap();
        let error = sd / 20.0;
        let found = interval(&values, 2_000, 1.0, 2, 0.95).unwrap();
        assert!((found.mean - mean).abs() < 1e-12);
        assert!((found.t / (mean / error) - 1.0).abs() < 0.05, "{found:?}");
        assert!(((found.high - found.low) / (2.0 * 1.96 * error) - 1.0).abs() < 0.06, "{found:?}");
    }

    /// Taken one by one, values with a memory look surer than they are: of 0.8 the true error is three times larger.
    #[test]
    fn blocks_see_that_values_depend_on_those_before() {
        let values = series(1_500, 0.8, 3);
        let width = |block| {
            let found = interval(&values, 400, block, 4, 0.95).unwrap();
            found.high - found.low
        };
        let ratio = width(40.0) / width(1.0);
        assert!((2.2..3.6).contains(&ratio), "{ratio}");
    }

    /// Of 100 series without a mean, about 95 intervals hold 0.
    #[test]
    fn it_holds_the_truth_as_often_as_it_says() {
        let holds = (0..100)
            .filter(|seed| {
                let found = interval(&series(150, 0.3, *seed), 150, 6.0, *seed, 0.95).unwrap();
                found.low <= 0.0 && 0.0 <= found.high
            })
            .count();
        assert!((84..=99).contains(&holds), "{holds} of 100");
    }

    #[test]
    fn the_same_seed_gives_the_same() {
        let values = series(100, 0.5, 5);
        let of = |seed| interval(&values, 100, 5.0, seed, 0.9);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn what_cannot_be_told_is_not_told() {
        assert_eq!(interval(&[], 10, 1.0, 1, 0.95), None);
        assert_eq!(interval(&[1.0], 10, 1.0, 1, 0.95), None);
        assert_eq!(interval(&[1.0, f64::NAN], 10, 1.0, 1, 0.95), None);
        let none = interval(&[0.0; 9], 10, 2.0, 1, 0.95).unwrap();
        assert_eq!((none.low, none.high, none.t), (0.0, 0.0, 0.0));
        assert!(interval(&[2.0; 9], 10, 2.0, 1, 0.95).unwrap().t.is_infinite());
    }

    #[test]
    fn a_sum_or_another_unit_is_a_multiple() {
        let found = Interval { mean: 1.0, low: -1.0, high: 3.0, t: 1.0, n: 5 };
        assert_eq!(found * -2.0, Interval { mean: -2.0, low: -6.0, high: 2.0, t: -1.0, n: 5 });
    }
}
