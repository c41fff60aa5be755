//! `glft`: Avellaneda and Stoikov's problem with a limit on what is held, far from the end.
//!
//! ```text
//! bid distance = (1/γ)·ln(1 + γ/k) + (2n + 1)/2 · c
//! ask distance = (1/γ)·ln(1 + γ/k) − (2n − 1)/2 · c
//! c            = sqrt( σ²γ/(2kA) · (1 + γ/k)^(1 + k/γ) )
//! ```
//!
//! so that the half spread is the first term + c/2 and both quotes lean by n·c. γ per money and unit, σ²
//! in money² per time, k per money, A per time and side, n in units; the result is money per unit.
//! Here: per bps and order, bps² per second, per bps, per second, orders; bps.
//!
//! Source: O. Guéant, C.-A. Lehalle and J. Fernandez-Tapia, *Dealing with the inventory risk*,
//! Mathematics and Financial Economics 7(4), 2013: their closed-form approximation of the asymptotic
//! quotes. No horizon has to be chosen: it is how fast a position can be traded away, hence A.
//!
//! What it ignores: fees, the queue, that orders are post-only, several levels, drift, and that
//! arrivals come in clusters and with the direction of the next move.

use super::{Arrivals, ModelInput, ModelQuote, base_half, log_ratio};
use crate::types::AssetParams;

/// [`None`] without A or k.
pub(super) fn wanted(params: &AssetParams, input: &ModelInput) -> Option<ModelQuote> {
    let arrivals = Arrivals {
        rate_per_s: input.rate_per_s(params)?,
        decay_per_bps: input.decay_per_bps(params)?,
    };
    let (aversion, decay) = (params.risk_aversion, arrivals.decay_per_bps);
    let c = lean_per_unit(aversion, input.variance_per_s(params), arrivals.rate_per_s, decay);
    Some(ModelQuote {
        base_half_bps: base_half(aversion, decay),
        risk_half_bps: c / 2.0,
        skew_bps: input.orders * c,
    })
}

/// c: how far both quotes lean a unit held.
///
/// With x = γ/k it is sqrt(σ²·x·(1 + x)^(1 + 1/x) / 2A), and the power is (1 + x)·exp(ln(1 + x)/x),
/// which tends to e as γ → 0 and never overflows before x does.
pub fn lean_per_unit(aversion: f64, variance: f64, rate: f64, decay: f64) -> f64 {
    let x = aversion / decay;
    let power = (1.0 + x) * log_ratio(x).exp();
    (variance * x * power / (2.0 * rate)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The asymptotic quotes from the equations that the closed form approximates: with α = kγσ²/2 and
    /// η = A(1 + γ/k)^−(1 + k/γ), v the eigenvector of least value of the matrix that has αq² on its
    /// diagonal and −η beside it, a bid at inventory q stands (1/k)·ln(v_q/v_{q+1}) beyond the base. That part.
    fn exact_lean(aversion: f64, sigma: f64, rate: f64, decay: f64, q: usize) -> f64 {
        const LIMIT: usize = 30;
        let alpha = decay * aversion * sigma * sigma / 2.0;
        let eta = rate * (1.0 + aversion / decay).powf(-(1.0 + decay / aversion));
        let held = |i: usize| i as f64 - LIMIT as f64;
        let above_all = alpha * held(0) * held(0) + 2.0 * eta;
        let mut v = [1.0; 2 * LIMIT + 1];
        for _ in 0..20_000 {
            let at = |i: Option<usize>| i.and_then(|i| v.get(i)).copied().unwrap_or(0.0);
            let mut next: [f64; 2 * LIMIT + 1] = core::array::from_fn(|i| {
                let beside = at(i.checked_sub(1)) + at(Some(i + 1));
                (above_all - alpha * held(i) * held(i)) * v[i] + eta * beside
            });
            let largest = next.iter().copied().fold(0.0, f64::max);
            next.iter_mut().for_each(|x| *x /= largest);
            v = next;
        }
        (v[LIMIT + q] / v[LIMIT + q + 1]).ln() / decay
    }

    #[test]
    fn the_closed_form_is_near_the_equations_that_it_approximates() {
        for (aversion, sigma, rate, decay) in [(0.01, 0.3, 0.9, 0.3), (0.02, 0.6, 2.0, 0.5)] {
            let c = lean_per_unit(aversion, sigma * sigma, rate, decay);
            for q in 0..5 {
                let exact = exact_lean(aversion, sigma, rate, decay, q);
                let closed = (2.0 * q as f64 + 1.0) / 2.0 * c;
                println!("q {q}: closed form {closed:.5}, equations {exact:.5}");
                assert!((closed / exact - 1.0).abs() < 0.01, "q {q}: {closed} against {exact}");
            }
        }
    }

    #[test]
    fn a_lean_by_hand_and_its_limit() {
        // x = 1/15: sqrt(4·0.1/(2·1.5·140) · (16/15)^16) = sqrt(0.000952381 · 2.80840).
        assert!((lean_per_unit(0.1, 4.0, 140.0, 1.5) - 0.051_717).abs() < 1e-6);
        // γ → 0: sqrt(σ²γe/(2kA)).
        let limit = (4.0 * 1e-12 * core::f64::consts::E / (2.0 * 1.5 * 140.0)).sqrt();
        assert!((lean_per_unit(1e-12, 4.0, 140.0, 1.5) / limit - 1.0).abs() < 1e-9);
        assert!(lean_per_unit(1e-300, 4.0, 140.0, 1.5).is_finite());
    }
}
