//! `avellaneda_stoikov`: quotes around a price at which we would as soon hold what we hold as not.
//!
//! ```text
//! reservation price = fair − n·γ·σ²·τ
//! total spread      = γ·σ²·τ + (2/γ)·ln(1 + γ/k)
//! ```
//!
//! γ per money and unit, σ² in money² per time, τ = T − t in time, k per money, n in units; the result
//! is money per unit. Here: per bps and order, bps² per second, seconds, per bps, orders; bps.
//!
//! Source: M. Avellaneda and S. Stoikov, *High-frequency trading in a limit order book*, Quantitative
//! Finance 8(3), 2008, equations for the reservation price and the spread of their section 3. Their
//! session ends at T, and the risk with it; ours does not end, so τ is a rolling horizon.
//!
//! What it ignores: fees, the queue (an order at a distance fills at the same rate wherever it
//! stands), that orders are post-only, several levels, drift, and that arrivals come in clusters and
//! with the direction of the next move. The spread does not depend on A.

use super::{ModelInput, ModelQuote, base_half};
use crate::types::AssetParams;

/// [`None`] without k.
pub(super) fn wanted(params: &AssetParams, input: &ModelInput) -> Option<ModelQuote> {
    let decay = input.decay_per_bps(params)?;
    let risk =
        holding_risk(params.risk_aversion, input.variance_per_s(params), params.risk_horizon_s);
    Some(ModelQuote {
        base_half_bps: base_half(params.risk_aversion, decay),
        risk_half_bps: risk / 2.0,
        skew_bps: input.orders * risk,
    })
}

/// γσ²τ: what it is worth to be rid of one unit. The reservation price moves by so much a unit held,
/// and the spread is wider by it.
pub fn holding_risk(aversion: f64, variance: f64, horizon: f64) -> f64 {
    aversion * variance * horizon
}
