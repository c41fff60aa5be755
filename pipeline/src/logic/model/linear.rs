//! `linear`: the spread of the design document (STRATEGY §3), its skew counted in average true ranges.
//!
//! ```text
//! half spread = max(min_spread, vol · vol_multiplier) / 2
//! skew        = q · skew_factor · ATR · (1 + skew_knee_slope · max(0, |q| − skew_knee))
//! ```
//!
//! vol: volatility over the configured horizon, bps. q: the position as a share of its limit. ATR:
//! average true range, USD; so is the skew, which is then expressed in bps of fair.
//!
//! Source: the seed's document, which adds the skew; a long position must lower both quotes, so here
//! it is subtracted. No theory behind it: each factor is a matter of experience.
//!
//! What it ignores: how trades arrive, fees (the floor is the quoter's), the queue, that orders are
//! post-only, and that there are several levels.

use super::{ModelInput, ModelQuote};
use crate::types::AssetParams;

pub(super) fn wanted(params: &AssetParams, input: &ModelInput) -> ModelQuote {
    let beyond_min = input.vol_bps * params.vol_multiplier - params.min_spread_bps;
    let skew_usd = knee(input.share, params.skew_knee, params.skew_knee_slope)
        * params.skew_factor
        * input.atr;
    ModelQuote {
        base_half_bps: params.min_spread_bps / 2.0,
        risk_half_bps: beyond_min.max(0.0) / 2.0,
        skew_bps: skew_usd / input.fair * 1e4,
    }
}

/// A share that counts for more, by `slope` per unit, beyond a knee.
fn knee(share: f64, knee: f64, slope: f64) -> f64 {
    share * (1.0 + slope * (share.abs() - knee).max(0.0))
}
