//! Parameters of the `adaptive` strategy (STRATEGY §6) and of what fills teach (STRATEGY §7).

use crate::types::fixed::Nanos;
use serde::{Deserialize, Serialize};

/// What the `adaptive` strategy does on top of the quote model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdaptiveParams {
    /// Windows of the short and the long volatility, whose ratio is the regime.
    pub regime_short: Nanos,
    /// See `regime_short`.
    pub regime_long: Nanos,
    /// Below this ratio the regime is low.
    pub regime_low_ratio: f64,
    /// Above this ratio it is high.
    pub regime_high_ratio: f64,
    /// Spread multiplier of a low and of a high regime.
    pub regime_spread: [f64; 2],
    /// Size multiplier of a low and of a high regime.
    pub regime_size: [f64; 2],
    /// Quote cycles (one a tick) between two steps of the fill-rate controller.
    pub fill_rate_cycles: u32,
    /// Share of cycles with a fill below which the spread is narrowed, and above which widened.
    pub fill_rate_band: [f64; 2],
    /// Factor of a step down and of a step up.
    pub fill_rate_step: [f64; 2],
    /// Bounds of the controller's multiplier.
    pub fill_rate_bounds: [f64; 2],
    /// A position older than this decays.
    pub inventory_max_age: Nanos,
    /// How long the decay takes to its full strength.
    pub inventory_decay: Nanos,
    /// The adding side's multiplier at full strength; the reducing side is then at the fee floor.
    pub inventory_decay_mult: f64,
}

impl AdaptiveParams {
    /// Whether every number is finite and in range.
    pub fn is_usable(&self) -> bool {
        let positive = [
            self.regime_spread,
            self.regime_size,
            self.fill_rate_step,
            self.fill_rate_bounds,
            [self.regime_low_ratio, self.regime_high_ratio],
        ];
        positive.iter().flatten().all(|v| v.is_finite() && *v > 0.0)
            && self.fill_rate_band.iter().all(|v| (0.0..=1.0).contains(v))
            && self.regime_low_ratio <= self.regime_high_ratio
            && self.fill_rate_band[0] <= self.fill_rate_band[1]
            && self.fill_rate_bounds[0] <= self.fill_rate_bounds[1]
            && self.inventory_decay_mult.is_finite()
            && self.inventory_decay_mult >= 1.0
            && self.fill_rate_cycles > 0
            && self.regime_short > Nanos::ZERO
            && self.regime_short <= self.regime_long
            && self.inventory_max_age >= Nanos::ZERO
            && self.inventory_decay > Nanos::ZERO
    }
}

impl Default for AdaptiveParams {
    fn default() -> Self {
        Self {
            regime_short: Nanos::secs(5),
            regime_long: Nanos::secs(50),
            regime_low_ratio: 0.7,
            regime_high_ratio: 1.5,
            regime_spread: [0.7, 1.5],
            regime_size: [1.3, 0.6],
            fill_rate_cycles: 100,
            fill_rate_band: [0.20, 0.60],
            fill_rate_step: [0.85, 1.15],
            fill_rate_bounds: [0.5, 2.0],
            inventory_max_age: Nanos::secs(30),
            inventory_decay: Nanos::secs(30),
            inventory_decay_mult: 1.4,
        }
    }
}

/// What the moves after our fills do to the quote.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToxicityParams {
    /// Whether a side whose fills were followed by adverse moves is widened or pulled.
    pub use_toxicity: bool,
    /// How long after a fill the move is measured.
    pub toxicity_horizon: Nanos,
    /// Weight of a new fill in the averages, (0, 1].
    pub toxicity_alpha: f64,
    /// Without fills, the averages return to where they began with this half-life.
    pub toxicity_halflife: Nanos,
}

impl ToxicityParams {
    /// Whether every number is finite and in range.
    pub fn is_usable(&self) -> bool {
        self.toxicity_alpha > 0.0
            && self.toxicity_alpha <= 1.0
            && self.toxicity_horizon > Nanos::ZERO
            && self.toxicity_halflife > Nanos::ZERO
    }
}

impl Default for ToxicityParams {
    fn default() -> Self {
        Self {
            use_toxicity: false,
            toxicity_horizon: Nanos::secs(5),
            toxicity_alpha: 0.1,
            toxicity_halflife: Nanos::secs(300),
        }
    }
}
