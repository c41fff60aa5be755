//! The configuration as serde reads it: same tables, same keys, same units as the file.

use super::error::ConfigError;
use super::fees::FeeTable;
use super::values::{parse_bps, parse_usd};
use super::{LatencyModel, QueueModel};
use super::{document::Origins, place_of};
use botmm_pipeline::types::limits::QUOTE_LEVELS;
use botmm_pipeline::types::params::FairPrice;
use botmm_pipeline::types::{AssetParams, Bps, Nanos, RiskLimits, Usd};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use toml::{Table, Value};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Root {
    pub general: General,
    pub universe: BTreeMap<String, InstrumentFile>,
    pub sim: Sim,
    pub fees: FeeTable,
    pub defaults: Defaults,
    #[serde(default)]
    pub asset: BTreeMap<String, Overrides>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct General {
    pub symbols: Vec<String>,
    pub plan: String,
    pub seed: u64,
    /// Read by [`super::Draft::understands_real_money`], before the rest is.
    #[serde(rename = "i_understand_real_money")]
    pub _real_money: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InstrumentFile {
    pub index: u32,
    pub sz_decimals: u8,
    pub max_leverage: u8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sim {
    #[serde(deserialize_with = "from_text")]
    pub queue: QueueModel,
    #[serde(deserialize_with = "from_text")]
    pub latency: LatencyModel,
    pub fee_tier: usize,
    pub maker_rebate_tier: usize,
    #[serde(default, deserialize_with = "some_bps")]
    pub maker_fee_bps: Option<Bps>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Defaults {
    pub quote: Table,
    pub risk: Table,
}

/// What differs for one coin.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Overrides {
    #[serde(default)]
    pub quote: Table,
    #[serde(default)]
    pub risk: Table,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quote {
    vol_sample_ms: i64,
    vol_halflife_s: f64,
    vol_horizon_s: f64,
    imbalance_levels: usize,
    imbalance_alpha: f64,
    signal_bar_s: f64,
    fair_price: String,
    min_spread_bps: f64,
    max_spread_bps: f64,
    vol_multiplier: f64,
    min_edge_bps: f64,
    fee_floor: bool,
    skew_factor: f64,
    bias_strength: f64,
    imbalance_strength: f64,
    level_spacing_bps: f64,
    num_levels: usize,
    level_weights: [f64; QUOTE_LEVELS],
    #[serde(deserialize_with = "usd")]
    order_size_usd: Usd,
    one_sided_at: f64,
    requote_min_ms: i64,
    tick_ms: i64,
    requote_threshold_bps: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Risk {
    #[serde(deserialize_with = "usd")]
    max_position_usd: Usd,
    #[serde(deserialize_with = "usd")]
    max_total_position_usd: Usd,
    #[serde(deserialize_with = "usd")]
    capital_usd: Usd,
    max_daily_loss_pct: f64,
    max_drawdown_pct: f64,
    max_api_errors: u32,
    api_error_window_s: f64,
    api_error_cooldown_s: f64,
    large_move_pct: f64,
    large_move_cooldown_s: f64,
    vol_emergency_ratio: f64,
    vol_emergency_mult: f64,
    stale_book_ms: i64,
    max_actions_per_min: u32,
    action_budget: u64,
    cancel_reserve_pct: f64,
    ack_timeout_ms: i64,
    expires_after_ms: i64,
}

/// Seconds of a file as time, to the nearest nanosecond.
fn seconds(s: f64) -> Nanos {
    Nanos((s * 1e9).round() as i64)
}

impl Quote {
    /// In the pipeline's units.
    pub fn to_params(&self, risk: &Risk, maker_fee: Bps) -> AssetParams {
        AssetParams {
            vol_sample: Nanos::millis(self.vol_sample_ms),
            vol_halflife_s: self.vol_halflife_s,
            vol_horizon_s: self.vol_horizon_s,
            start_vol_bps: 0.0,
            imbalance_levels: self.imbalance_levels,
            imbalance_alpha: self.imbalance_alpha,
            signal_bar: seconds(self.signal_bar_s),
            fair_price: if self.fair_price == "mid" {
                FairPrice::Mid
            } else {
                FairPrice::Microprice
            },
            min_spread_bps: self.min_spread_bps,
            max_spread_bps: self.max_spread_bps,
            vol_multiplier: self.vol_multiplier,
            min_edge_bps: self.min_edge_bps,
            fee_floor: self.fee_floor,
            skew_factor: self.skew_factor,
            bias_strength: self.bias_strength,
            imbalance_strength: self.imbalance_strength,
            level_spacing_bps: self.level_spacing_bps,
            num_levels: self.num_levels,
            level_weights: self.level_weights,
            order_size_usd: self.order_size_usd,
            one_sided_at: self.one_sided_at,
            requote_min: Nanos::millis(self.requote_min_ms),
            tick: Nanos::millis(self.tick_ms),
            requote_threshold_bps: self.requote_threshold_bps,
            maker_fee,
            risk: risk.to_limits(),
        }
    }
}

impl Risk {
    /// In the pipeline's units: percent become shares by one exactly rounded division.
    fn to_limits(&self) -> RiskLimits {
        RiskLimits {
            max_position_usd: self.max_position_usd,
            max_total_position_usd: self.max_total_position_usd,
            capital_usd: self.capital_usd,
            max_daily_loss_frac: self.max_daily_loss_pct / 100.0,
            max_drawdown_frac: self.max_drawdown_pct / 100.0,
            max_api_errors: self.max_api_errors,
            api_error_window: seconds(self.api_error_window_s),
            api_error_cooldown: seconds(self.api_error_cooldown_s),
            large_move_frac: self.large_move_pct / 100.0,
            large_move_cooldown: seconds(self.large_move_cooldown_s),
            vol_emergency_ratio: self.vol_emergency_ratio,
            vol_emergency_mult: self.vol_emergency_mult,
            stale_book: Nanos::millis(self.stale_book_ms),
            max_actions_per_min: self.max_actions_per_min,
            action_budget: self.action_budget,
            cancel_reserve_frac: self.cancel_reserve_pct / 100.0,
            ack_timeout: Nanos::millis(self.ack_timeout_ms),
            expires_after: Nanos::millis(self.expires_after_ms),
        }
    }
}

/// Reads a table; `path` is where it sits, for messages.
pub(super) fn read<T: DeserializeOwned>(
    table: &Table,
    path: &str,
    origins: &Origins,
) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(table.clone()).map_err(|e| {
        let inner = e.path().to_string();
        let key = match (path, inner.as_str()) {
            ("", _) => inner,
            (_, ".") => path.to_owned(),
            _ => format!("{path}.{inner}"),
        };
        ConfigError::at(place_of(origins, &key), key, e.inner().message())
    })
}

/// Exact dollars from an integer or decimal text.
pub(super) fn usd<'de, D: Deserializer<'de>>(from: D) -> Result<Usd, D::Error> {
    parse_usd(&exact_text(from)?).map_err(D::Error::custom)
}

/// An exact rate from an integer or decimal text.
pub(super) fn bps<'de, D: Deserializer<'de>>(from: D) -> Result<Bps, D::Error> {
    parse_bps(&exact_text(from)?).map_err(D::Error::custom)
}

fn some_bps<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Bps>, D::Error> {
    bps(from).map(Some)
}

fn exact_text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let value = Value::deserialize(from)?;
    super::spec::text(&value)
        .ok_or_else(|| D::Error::custom(format!("{} is not an exact number", value.type_str())))
}

fn from_text<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: std::str::FromStr<Err = String>,
    D: Deserializer<'de>,
{
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}
