//! Means with their errors, and when one of many is no chance.

use std::f64::consts::{FRAC_PI_2, PI};

/// What two standard errors are of one comparison: so often a normal number lies above them.
pub const ONE_IN: f64 = 0.0228;

/// Mean, its standard error, and how many it is of.
#[derive(Clone, Copy, Debug)]
pub struct Mean {
    pub mean: f64,
    pub error: f64,
    n: usize,
}

impl Mean {
    pub fn of(values: &[f64]) -> Self {
        let n = values.len();
        assert!(n > 1, "one value has no error");
        let mean = values.iter().sum::<f64>() / n as f64;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n as f64 - 1.0);
        Self { mean, error: (variance / n as f64).sqrt(), n }
    }

    /// Zero where all are the same, nothing.
    pub fn t(&self) -> f64 {
        if self.mean.abs() < 1e-12 { 0.0 } else { self.mean / self.error }
    }

    /// Half of its 95 % interval.
    pub fn half(&self) -> f64 {
        self.error * bound(0.025, self.n - 1)
    }

    /// Whether it is above zero, as one of so many comparisons: Student's t beyond what chance gives in one
    /// of all of them as often as a normal number lies above two standard errors (Bonferroni; Holm's
    /// procedure finds somebody in the same cases).
    pub fn is_above_zero(&self, of: usize) -> bool {
        self.t() > bound(ONE_IN / of as f64, self.n - 1)
    }
}

/// The t that is exceeded with this probability, by the density's integral over the angle atan(t / √df).
pub fn bound(tail: f64, df: usize) -> f64 {
    const STEPS: usize = 200_000;
    let angle = |i: usize| (i as f64 + 0.5) / STEPS as f64 * PI - FRAC_PI_2;
    let weight = |i: usize| angle(i).cos().powi(df as i32 - 1);
    let mut left = tail * (0..STEPS).map(weight).sum::<f64>();
    let at = (0..STEPS).rev().find(|i| {
        left -= weight(*i);
        left <= 0.0
    });
    (df as f64).sqrt() * angle(at.unwrap()).tan()
}
