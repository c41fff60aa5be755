//! Volatility and book imbalance (STRATEGY §1). Windows are in time, never in numbers of updates:
//! feeds differ in cadence.

use crate::types::{Nanos, Px};

/// Returns needed before a volatility counts.
const MIN_RETURNS: u32 = 3;
/// The slow baseline's half-life over the fast one's.
const SLOW_HALFLIFE_RATIO: f64 = 10.0;

/// Exponentially weighted variance of log returns of the mid, per second.
#[derive(Clone, Copy, Debug)]
pub struct Volatility {
    sample: Nanos,
    halflife_s: f64,
    horizon_s: f64,
    last: Option<(Nanos, f64)>,
    returns: u32,
    fast: Ewma,
    slow: Ewma,
}

/// A moving average over irregular steps, unbiased from its first value on.
#[derive(Clone, Copy, Debug, Default)]
struct Ewma {
    sum: f64,
    weight: f64,
}

impl Ewma {
    fn add(&mut self, value: f64, keep: f64) {
        self.sum = self.sum * keep + value * (1.0 - keep);
        self.weight = self.weight * keep + (1.0 - keep);
    }
    fn mean(&self) -> f64 {
        if self.weight > 0.0 { self.sum / self.weight } else { 0.0 }
    }
}

impl Volatility {
    /// Samples every `sample`; forgets half in `halflife_s`; scales to `horizon_s` (seconds).
    pub fn new(sample: Nanos, halflife_s: f64, horizon_s: f64) -> Self {
        assert!(sample > Nanos::ZERO, "the volatility's sample interval must be positive");
        Self {
            sample,
            halflife_s,
            horizon_s,
            last: None,
            returns: 0,
            fast: Ewma::default(),
            slow: Ewma::default(),
        }
    }

    /// The same estimate with other parameters: what was learned so far stays.
    pub fn set(&mut self, sample: Nanos, halflife_s: f64, horizon_s: f64) {
        assert!(sample > Nanos::ZERO, "the volatility's sample interval must be positive");
        (self.sample, self.halflife_s, self.horizon_s) = (sample, halflife_s, horizon_s);
    }

    /// Begins with what is known from before (bps over the horizon), instead of warming up.
    pub fn begin_with(&mut self, bps: f64) {
        if !(bps.is_finite() && bps > 0.0) {
            return;
        }
        let per_second = (bps * 1e-4) * (bps * 1e-4) / self.horizon_s;
        for average in [&mut self.fast, &mut self.slow] {
            *average = Ewma { sum: per_second, weight: 1.0 };
        }
        self.returns = MIN_RETURNS;
    }

    /// Takes note of a mid. Only one per sample interval counts; after a longer gap the average
    /// forgets by the time that passed. A time before the last sample's begins a new return.
    pub fn update(&mut self, now: Nanos, mid: Px) {
        let log_mid = mid.to_f64().ln();
        let Some((then, log_then)) = self.last else {
            self.last = Some((now, log_mid));
            return;
        };
        let elapsed = now - then;
        if elapsed < Nanos::ZERO {
            self.last = Some((now, log_mid));
            return;
        }
        if elapsed < self.sample || !log_mid.is_finite() {
            return;
        }
        let r = log_mid - log_then;
        let per_second = r * r / elapsed.as_secs_f64();
        let keep = |halflife: f64| (-elapsed.as_secs_f64() / halflife).exp2();
        self.fast.add(per_second, keep(self.halflife_s));
        self.slow.add(per_second, keep(self.halflife_s * SLOW_HALFLIFE_RATIO));
        self.returns = self.returns.saturating_add(1);
        self.last = Some((now, log_mid));
    }

    /// Starts the next return afresh, so that a gap in the feed is not taken for a move.
    pub fn break_series(&mut self) {
        self.last = None;
    }

    /// Volatility over the horizon in basis points; [`None`] while warming up.
    pub fn bps(&self) -> Option<f64> {
        self.scaled(&self.fast)
    }

    /// Its slow baseline, likewise.
    pub fn slow_bps(&self) -> Option<f64> {
        self.scaled(&self.slow)
    }

    fn scaled(&self, average: &Ewma) -> Option<f64> {
        (self.returns >= MIN_RETURNS).then(|| 1e4 * (average.mean() * self.horizon_s).sqrt())
    }
}

/// Exponential average of the book imbalance, one step per book update that has sizes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Imbalance {
    value: Option<f64>,
}

impl Imbalance {
    /// Takes note of a raw imbalance; an empty book ([`None`]) leaves the average alone.
    pub fn update(&mut self, raw: Option<f64>, alpha: f64) {
        if let Some(raw) = raw {
            self.value = Some(self.value.map_or(raw, |v| v + alpha * (raw - v)));
        }
    }
    /// The average, in [−1, 1]; 0 before the first.
    pub fn get(&self) -> f64 {
        self.value.unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};

    fn run(step: Nanos, steps: usize, sigma_1s: f64, seed: u64) -> Volatility {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let mut vol = Volatility::new(Nanos::secs(1), 60.0, 10.0);
        let (mut x, mut now) = (1e5_f64.ln(), Nanos::ZERO);
        for _ in 0..steps {
            vol.update(now, Px::from_raw((x.exp() * 1e8) as i64));
            let z: f64 = StandardNormal.sample(&mut rng);
            x += z * sigma_1s * step.as_secs_f64().sqrt();
            now = now + step;
        }
        vol
    }

    #[test]
    fn what_is_known_from_before_counts_at_once_and_is_forgotten_like_the_rest() {
        let mut vol = Volatility::new(Nanos::secs(1), 60.0, 10.0);
        vol.begin_with(f64::NAN);
        assert_eq!(vol.bps(), None);
        vol.begin_with(5.0);
        assert!((vol.bps().unwrap() - 5.0).abs() < 1e-9);
        // A still market halves the variance in a half-life.
        for s in 0..=60 {
            vol.update(Nanos::secs(s), Px::whole(100));
        }
        assert!((vol.bps().unwrap() - 5.0 / 2.0_f64.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn finds_the_volatility_it_was_fed_at_any_cadence() {
        // 1 bp a second is 3.16 bps over 10 s.
        for step in [Nanos::millis(100), Nanos::millis(700), Nanos::secs(5)] {
            let mean: f64 =
                (0..20).map(|s| run(step, 4_000, 1e-4, s).bps().unwrap()).sum::<f64>() / 20.0;
            let expected = 10_f64.sqrt();
            assert!((mean / expected - 1.0).abs() < 0.15, "{step}: {mean}");
        }
    }

    #[test]
    fn needs_three_returns() {
        let mut vol = Volatility::new(Nanos::secs(1), 60.0, 10.0);
        for s in 0..=3 {
            assert_eq!(vol.bps(), None, "after {s} samples");
            vol.update(Nanos::secs(s), Px::whole(100 + s));
        }
        assert!(vol.bps().unwrap() > 0.0);
        let before = vol.bps();
        vol.update(Nanos::millis(3_500), Px::whole(200));
        assert_eq!(vol.bps(), before, "between two samples nothing counts");
    }

    #[test]
    fn a_broken_series_is_not_a_move() {
        let mut vol = Volatility::new(Nanos::secs(1), 60.0, 10.0);
        (0..5).for_each(|s| vol.update(Nanos::secs(s), Px::whole(100)));
        vol.break_series();
        vol.update(Nanos::secs(9), Px::whole(200));
        assert_eq!(vol.bps(), Some(0.0));
    }

    #[test]
    fn imbalance_is_smoothed_and_survives_an_empty_book() {
        let mut imbalance = Imbalance::default();
        imbalance.update(None, 0.3);
        assert!(imbalance.get().abs() < 1e-12);
        imbalance.update(Some(1.0), 0.3);
        imbalance.update(None, 0.3);
        imbalance.update(Some(0.0), 0.3);
        assert!((imbalance.get() - 0.7).abs() < 1e-12);
    }
}
