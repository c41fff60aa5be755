//! Three formulas for a quote behind one interface (STRATEGY §3): how wide it stands, and how far it
//! leans against what we hold.
//!
//! Everything is in basis points of the fair price, per side. What comes after is the same for all
//! three and belongs to the quoter: bounds of the spread, multipliers, fee floor, shifts, the grid.
//!
//! | model | without risk | risk adds | skew |
//! |---|---|---|---|
//! | [`linear`] | min_spread / 2 | max(0, vol · vol_multiplier − min_spread) / 2 | by average true ranges |
//! | [`avellaneda_stoikov`] | ln(1 + γ/k) / γ | γσ²τ / 2 | n · γσ²τ |
//! | [`glft`] | ln(1 + γ/k) / γ | c / 2 | n · c |
//!
//! | symbol | what | unit here |
//! |---|---|---|
//! | γ | aversion to risk, `risk_aversion` | per bps and order |
//! | σ² | variance of the fair price, vol² / `vol_horizon_s` | bps² per second |
//! | τ | time that risk is counted over, `risk_horizon_s` | seconds |
//! | A, k | arrivals that reach a distance δ: λ(δ) = A·exp(−k·δ) | per second and side; per bps |
//! | n | what we hold, + long | orders |
//!
//! The papers count money per unit traded and inventory in units; with an order as the unit and a
//! basis point of its value as the money, their formulas hold as they are printed.

pub mod avellaneda_stoikov;
pub mod glft;
pub mod linear;

use crate::types::params::QuoteModel;
use crate::types::{ArrivalFit, AssetParams};

/// λ(δ) = A·exp(−k·δ): arrivals a second and side that reach a distance δ from the mid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrivals {
    /// A, > 0.
    pub rate_per_s: f64,
    /// k, > 0.
    pub decay_per_bps: f64,
}

impl Arrivals {
    /// What was fitted; [`None`] before there is a fit, and while it explains too little: a line through
    /// points that lie on none says nothing of how far to stand away.
    pub fn of_fit(fit: &ArrivalFit, min_r2: f64) -> Option<Self> {
        let is_good = fit.rate_e6 > 0 && fit.decay_e6 > 0 && fit.r2_e6 as f64 >= min_r2 * 1e6;
        is_good.then_some(Self {
            rate_per_s: fit.rate_e6 as f64 * 1e-6,
            decay_per_bps: fit.decay_e6 as f64 * 1e-6,
        })
    }
}

/// What a model looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ModelInput {
    /// Fair price, USD, > 0.
    pub fair: f64,
    /// Position as a share of its limit, in [−1, 1] (+ long).
    pub share: f64,
    /// Position in order sizes (+ long).
    pub orders: f64,
    /// Volatility over the configured horizon, bps, ≥ 0.
    pub vol_bps: f64,
    /// Average true range, USD, ≥ 0.
    pub atr: f64,
    /// As fitted; [`None`] = not known yet.
    pub arrivals: Option<Arrivals>,
}

impl ModelInput {
    fn is_sound(&self) -> bool {
        let numbers = [self.fair, self.share, self.orders, self.vol_bps, self.atr];
        numbers.iter().all(|v| v.is_finite())
            && self.fair > 0.0
            && self.vol_bps >= 0.0
            && self.atr >= 0.0
    }

    /// σ² in bps² per second.
    fn variance_per_s(&self, params: &AssetParams) -> f64 {
        self.vol_bps * self.vol_bps / params.vol_horizon_s
    }

    /// A: as fitted, else as configured.
    fn rate_per_s(&self, params: &AssetParams) -> Option<f64> {
        known(params.arrival_rate_per_s, self.arrivals.map(|a| a.rate_per_s))
    }

    /// k, likewise.
    fn decay_per_bps(&self, params: &AssetParams) -> Option<f64> {
        known(params.arrival_decay_per_bps, self.arrivals.map(|a| a.decay_per_bps))
    }
}

fn known(configured: f64, fitted: Option<f64>) -> Option<f64> {
    fitted.or((configured > 0.0).then_some(configured))
}

/// What a model wants, before anything that all models share. All finite, both halves ≥ 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ModelQuote {
    /// Half spread that holds without any risk, bps of fair.
    pub base_half_bps: f64,
    /// What volatility or risk adds to it, bps of fair.
    pub risk_half_bps: f64,
    /// How far both quotes move down (+) against a long position, bps of fair.
    pub skew_bps: f64,
}

impl ModelQuote {
    fn is_sound(&self) -> bool {
        let halves = [self.base_half_bps, self.risk_half_bps];
        halves.iter().all(|v| v.is_finite() && *v >= 0.0) && self.skew_bps.is_finite()
    }
}

/// What the configured model wants. `params` must be usable. [`None`]: it does not know yet how
/// trades arrive (reason `warmup`), or a number in the input or the result is none.
pub fn wanted(params: &AssetParams, input: &ModelInput) -> Option<ModelQuote> {
    if !input.is_sound() {
        return None;
    }
    let quote = match params.model {
        QuoteModel::Linear => linear::wanted(params, input),
        QuoteModel::AvellanedaStoikov => avellaneda_stoikov::wanted(params, input)?,
        QuoteModel::Glft => glft::wanted(params, input)?,
    };
    quote.is_sound().then_some(quote)
}

/// ln(1 + γ/k) / γ: the half spread of best profit when holding costs nothing, in the unit of 1/k.
/// Both papers have it. γ → 0 gives 1/k.
pub fn base_half(aversion: f64, decay: f64) -> f64 {
    log_ratio(aversion / decay) / decay
}

/// ln(1 + x) / x for x ≥ 0, which falls from 1 at 0.
fn log_ratio(x: f64) -> f64 {
    if x > 0.0 { x.ln_1p() / x } else { 1.0 }
}

#[cfg(test)]
mod tests;
