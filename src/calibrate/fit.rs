//! The exponent of `prob_power` under which what happened was most probable, and how sure that is: orders, and not
//! their chances, are drawn anew (a bootstrap), since chances of one order share its place.

use super::odds::{Chance, chances};
use super::story::Story;
use botmm_pipeline::venue::sim::queue::QueueModel;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// The exponents that are tried: from here on, four to an octave, up to [`QueueModel::MAX_POWER`].
const LEAST: f64 = 0.25;
const A_STEP: f64 = 0.25;
const STEPS: usize = 25;
const RESAMPLES: usize = 1_000;

/// A fitted exponent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// To two decimals.
    pub n: f64,
    /// 95 % of resamples lie in here.
    pub n_95: [f64; 2],
    /// By how much what happened is more probable under the best exponent than under the worst (logarithm).
    gain: f64,
}

impl Fit {
    /// Whether the orders tell anything of it: some exponent that was tried is ruled out (95 %, by the ratio of
    /// likelihoods).
    pub fn tells(&self) -> bool {
        self.gain > 1.920_7
    }

    /// Whether an exponent beyond those that were tried may be better still.
    pub fn is_at_an_end(&self) -> bool {
        self.n <= exponent(0.0) || self.n >= exponent((STEPS - 1) as f64)
    }
}

/// How probable all that happened to each order was, under each exponent (logarithms).
pub struct Likelihoods(Vec<[f64; STEPS]>);

impl Likelihoods {
    /// Of all stories, each with a seed of its own.
    pub fn of<'a>(stories: impl Iterator<Item = (&'a Story, u64)>) -> Self {
        let of_order = |(story, seed): (&Story, u64)| -> [f64; STEPS] {
            std::array::from_fn(|k| {
                let model = QueueModel::ProbPower(exponent(k as f64));
                chances(story, model, seed).iter().map(log).sum::<f64>()
            })
        };
        Self(stories.map(of_order).collect())
    }

    /// The exponent of some of the orders; [`None`] when there are none.
    pub fn best(&self, which: impl Iterator<Item = usize>) -> Option<f64> {
        let mut which = which.peekable();
        which.peek()?;
        Some(round(exponent(top(&self.sums(which)))))
    }

    /// Of some of the orders, under each exponent.
    fn sums(&self, which: impl Iterator<Item = usize>) -> [f64; STEPS] {
        let mut sums = [0.0; STEPS];
        for order in which {
            sums.iter_mut().zip(&self.0[order]).for_each(|(sum, one)| *sum += one);
        }
        sums
    }

    /// The exponent of all, with its interval.
    pub fn fit(&self, seed: u64) -> Option<Fit> {
        let all = self.0.len();
        let n = self.best(0..all)?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut resample = || self.best((0..all).map(|_| rng.random_range(0..all)));
        let mut found: Vec<f64> = (0..RESAMPLES).filter_map(|_| resample()).collect();
        found.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| found[(share * (found.len() - 1) as f64).round() as usize];
        let sums = self.sums(0..all);
        let [low, high] = [f64::min, f64::max].map(|of| sums.into_iter().fold(sums[0], of));
        Some(Fit { n, n_95: [at(0.025).min(n), at(0.975).max(n)], gain: high - low })
    }
}

fn log(chance: &Chance) -> f64 {
    if chance.is_hit { chance.said.ln() } else { (-chance.said).ln_1p() }
}

fn exponent(step: f64) -> f64 {
    LEAST * (A_STEP * step).exp2()
}

/// The top of the parabola through the largest value and those beside it.
fn top(sums: &[f64; STEPS]) -> f64 {
    let best = (1..STEPS).fold(0, |best, k| if sums[k] > sums[best] { k } else { best });
    if best == 0 || best == STEPS - 1 {
        return best as f64;
    }
    let [left, mid, right] = [sums[best - 1], sums[best], sums[best + 1]];
    let bend = left - 2.0 * mid + right;
    let shift = if bend < 0.0 { (0.5 * (left - right) / bend).clamp(-0.5, 0.5) } else { 0.0 };
    best as f64 + shift
}

fn round(n: f64) -> f64 {
    (n * 100.0).round() / 100.0
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
