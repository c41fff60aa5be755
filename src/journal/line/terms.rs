//! What a decision's prices are made of, in its line.

use botmm_pipeline::types::FitState;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Price and size of an order, each an exact number.
pub type Level = [String; 2];

/// What a decision's prices are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// The quote model.
    #[serde(default)]
    pub model: String,
    /// The strategy.
    #[serde(default)]
    pub strategy: String,
    /// Of volatility.
    #[serde(default)]
    pub regime: String,
    /// What the terms are added to.
    pub fair: String,
    /// By name; what is zero is left out.
    pub bid: BTreeMap<String, String>,
    /// By name; what is zero is left out.
    pub ask: BTreeMap<String, String>,
    /// Between two levels.
    pub spacing: String,
    /// Wanted a side, before the gate.
    pub size_usd: String,
    /// What made it larger or smaller than configured: volatility, fill rate, inventory, toxicity, drawdown, streak. Left
    /// out when nothing does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub size_factors: Vec<f64>,
    /// Held.
    #[serde(default)]
    pub position: String,
    /// Of the position limit.
    #[serde(default)]
    pub share: f64,
    /// Average true range, USD.
    #[serde(default)]
    pub atr: String,
    /// -1, 0 or 1.
    #[serde(default)]
    pub signal: i8,
    /// From -1 to 1.
    #[serde(default)]
    pub score: f64,
    /// From -1 to 1.
    #[serde(default)]
    pub imbalance: f64,
    /// Regime, volatility breaker, fill rate.
    #[serde(default)]
    pub spread_mults: Vec<f64>,
    /// Bid, ask.
    #[serde(default)]
    pub toxicity_mults: Vec<f64>,
    /// Of the inventory, share.
    #[serde(default)]
    pub decay: f64,
    /// The least half spread that pays the fee, bps.
    #[serde(default)]
    pub floor_bps: f64,
    /// Expected edge of the nearest bid and ask, bps; [`None`] = an older botmm wrote it.
    pub edge_bps: Option<[f64; 2]>,
    /// The adverse move after a fill at the touch that it counts with, bid and ask, bps.
    pub adverse_bps: Option<[f64; 2]>,
    /// Median delay of the feed, ms; [`None`] = not known.
    pub feed_delay_ms: Option<f64>,
    /// Of trades; [`None`] = not fitted.
    pub arrivals: Option<Arrivals>,
    /// The market; [`None`] = it had no sound mid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<Moment>,
    /// What is learned of the mid's next move; [`None`] = nobody asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit: Option<FitTerms>,
}

/// How trades arrive at a distance from the mid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arrivals {
    /// At no distance, a second and side.
    pub rate_per_s: f64,
    /// How fast that falls with distance.
    pub decay_per_bps: f64,
    /// How well that fits.
    pub r2: f64,
    /// From so many.
    pub trades: i64,
}

/// The market at a decision, as far as the rest of it does not say: with it a fill predictor learns from the
/// very numbers that it is asked with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Best bid.
    pub bid: Level,
    /// Best ask.
    pub ask: Level,
    /// The mid when it was decided.
    pub mid: String,
    /// Weighted by the opposite sizes.
    pub microprice: String,
    /// The slow baseline of the volatility; [`None`] = warming up.
    pub vol_slow_bps: Option<f64>,
    /// Trades a second.
    pub trades_per_s: f64,
    /// How old the newest message was when it came.
    pub delay_ns: i64,
    /// How long ago that was.
    pub age_ns: i64,
}

/// See [`super::Line::Fit`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fit {
    /// When.
    pub time: String,
    /// Of which coin.
    pub coin: String,
    /// Moves learned from.
    pub samples: u32,
    /// Share of the newest moves' squares that was predicted before it was learned from; 0 or less = none.
    pub r2: f64,
    /// The same of the microprice.
    pub micro_r2: f64,
    /// Basis points a standard deviation of each feature; none = they do not count.
    pub weights: BTreeMap<String, f64>,
    /// All of it, from which it goes on.
    pub state: Box<FitState>,
}

/// What makes a fair price of the mid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FitTerms {
    /// What the fit's terms are added to; [`None`] = the fair price is not the fitted one.
    pub mid: Option<String>,
    /// What each feature adds; what is zero is left out.
    pub terms: BTreeMap<String, String>,
    /// What is predicted of the mid, bps.
    pub fair_bps: f64,
    /// What moves differ from that by, bps.
    pub residual_bps: f64,
    /// How much of them was predicted.
    pub r2: f64,
    /// From so many.
    pub samples: i64,
    /// Features that are missing.
    pub missing: Vec<String>,
}
