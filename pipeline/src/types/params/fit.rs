//! Parameters of the fitted fair price (STRATEGY §3b).

use crate::types::fixed::Nanos;
use crate::types::instrument::Coin;
use serde::{Deserialize, Serialize};

/// Coins that may be named as leaders.
pub const LEADER_NAMES: usize = 3;

/// What the fit learns from, and how long it remembers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FitParams {
    /// It learns, and says what it finds, even where the fair price is not the fitted one.
    pub fit_always: bool,
    /// With a fitted fair price the leans `bias_strength` and `imbalance_strength` act all the same.
    pub keep_leans: bool,
    /// The move that is predicted ends so long after our order would arrive.
    pub fit_horizon: Nanos,
    /// What was learned counts half after so long, seconds.
    pub fit_halflife_s: f64,
    /// Ridge: its penalty as a share of the samples' weight, > 0.
    pub fit_ridge: f64,
    /// Samples before its weights count; as many without any move are what it believes at first.
    pub fit_min_samples: u32,
    /// Whose last second counts beside our own: the first two of these that are traded, and not the coin
    /// itself.
    pub leaders: [Option<Coin>; LEADER_NAMES],
}

impl FitParams {
    /// Whether every number is finite and in range.
    pub fn is_usable(&self) -> bool {
        let positive = [self.fit_halflife_s, self.fit_ridge];
        positive.iter().all(|v| v.is_finite() && *v > 0.0)
            && self.fit_horizon > Nanos::ZERO
            && self.fit_min_samples > 0
    }
}

impl Default for FitParams {
    fn default() -> Self {
        Self {
            fit_always: false,
            keep_leans: false,
            fit_horizon: Nanos::secs(1),
            fit_halflife_s: 1800.0,
            fit_ridge: 0.01,
            fit_min_samples: 300,
            leaders: ["BTC", "ETH", "SOL"].map(Coin::new),
        }
    }
}
