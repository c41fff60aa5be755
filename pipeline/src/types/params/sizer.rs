//! Parameters of the size of a quote (STRATEGY §7, DynamicSizer).

use crate::types::fixed::Usd;
use serde::{Deserialize, Serialize};

/// What makes a quote larger or smaller than `order_size_usd` ([`crate::logic::sizer`]).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SizerParams {
    /// Whether anything does.
    pub use_sizer: bool,
    /// A side's value is never made less than this.
    pub size_min_usd: Usd,
    /// Nor more than this.
    pub size_max_usd: Usd,
    /// Nor more than this share of capital, (0, 1].
    pub size_max_capital_frac: f64,
}

impl SizerParams {
    /// Whether every number is in range.
    pub fn is_usable(&self) -> bool {
        self.size_min_usd.is_positive()
            && self.size_min_usd <= self.size_max_usd
            && self.size_max_capital_frac > 0.0
            && self.size_max_capital_frac <= 1.0
    }
}

impl Default for SizerParams {
    fn default() -> Self {
        Self {
            use_sizer: false,
            size_min_usd: Usd::whole(20),
            size_max_usd: Usd::whole(5_000),
            size_max_capital_frac: 0.15,
        }
    }
}
