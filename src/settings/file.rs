//! The configuration as serde reads it: same tables, same keys, same units as the file.

use super::error::ConfigError;
use super::exact::{capital, usd};
use super::fees::FeeTable;
use super::origins::{Origins, place_of};
use super::values::Capital;
use botmm_pipeline::types::instrument::Coin;
use botmm_pipeline::types::limits::QUOTE_LEVELS;
use botmm_pipeline::types::params::{
    AdaptiveParams, BelowFee, DailyLossRearm, FairPrice, FitParams, LateAction, QuoteModel,
    SignalParams, SizerParams, Strategy, Touch, ToxicityParams,
};
use botmm_pipeline::types::{AssetParams, Bps, Nanos, RiskLimits, Usd};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::PathBuf;
use toml::Table;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Root {
    pub general: General,
    pub discord: HookFile,
    pub webhook: HookFile,
    pub http: HttpFile,
    pub wire: super::wire::WireFile,
    pub history: HistoryFile,
    pub tuner: super::tuner::TunerFile,
    pub dead_man: DeadManFile,
    pub universe: BTreeMap<String, InstrumentFile>,
    pub sim: super::sim::SimFile,
    pub fees: FeeTable,
    pub defaults: Parts,
    #[serde(default)]
    pub asset: BTreeMap<String, Parts>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct General {
    pub symbols: Vec<String>,
    pub plan: String,
    pub seed: u64,
    pub signing: String,
    pub dead_link_ms: i64,
    pub guard_timeout_s: i64,
    pub guard_at: String,
    /// Read by [`super::Draft::with_live_file`], before the rest is.
    pub live_params: PathBuf,
    pub journal_max_mb: u64,
    pub journal_keep_days: u64,
    pub capture_max_mb: u64,
    /// Read by [`super::Draft::understands_real_money`], before the rest is.
    #[serde(rename = "i_understand_real_money")]
    pub _real_money: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpFile {
    pub port: u16,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HookFile {
    pub url_file: String,
    pub level: String,
    pub max_per_min: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryFile {
    pub enabled: bool,
    pub path: PathBuf,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeadManFile {
    pub schedule_cancel: bool,
    pub horizon_s: f64,
}

impl DeadManFile {
    /// How long after the last progress the venue cancels everything; [`None`] = it does not.
    pub fn horizon(&self) -> Option<Nanos> {
        self.schedule_cancel.then(|| seconds(self.horizon_s))
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InstrumentFile {
    pub index: u32,
    pub sz_decimals: u8,
    pub max_leverage: u8,
}

/// A table a part ([`super::spec::PARTS`]): all keys in `[defaults]`, what differs in `[asset.COIN]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Parts {
    pub quote: Table,
    pub signal: Table,
    pub adaptive: Table,
    pub toxicity: Table,
    pub fit: Table,
    pub sizer: Table,
    pub risk: Table,
}

impl Parts {
    /// The table of a part's name.
    pub fn get(&self, part: &str) -> &Table {
        match part {
            "quote" => &self.quote,
            "signal" => &self.signal,
            "adaptive" => &self.adaptive,
            "toxicity" => &self.toxicity,
            "fit" => &self.fit,
            "sizer" => &self.sizer,
            _ => &self.risk,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quote {
    vol_sample_ms: i64,
    vol_halflife_s: f64,
    vol_horizon_s: f64,
    imbalance_levels: usize,
    imbalance_alpha: f64,
    model: String,
    strategy: String,
    fair_price: String,
    pub fill_model: PathBuf,
    min_spread_bps: f64,
    max_spread_bps: f64,
    vol_multiplier: f64,
    min_edge_bps: f64,
    fee_floor: bool,
    below_fee: String,
    use_edge: bool,
    touch: String,
    skew_factor: f64,
    skew_knee: f64,
    skew_knee_slope: f64,
    risk_aversion: f64,
    risk_horizon_s: f64,
    arrival_min_r2: f64,
    arrival_rate_per_s: f64,
    arrival_decay_per_bps: f64,
    arrival_halflife_s: f64,
    arrival_bin_bps: f64,
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
pub(super) struct Signal {
    signal_bar_s: f64,
    atr_bar_s: f64,
    kalman_process_noise: f64,
    kalman_measurement_noise: f64,
    slope_bars: usize,
    signal_threshold_bps: f64,
    rsi_bars: usize,
    rsi_smoothing_bars: usize,
    qqe_factor: f64,
    rsi_band: f64,
    signal_deadzone: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Adaptive {
    regime_short_s: f64,
    regime_long_s: f64,
    regime_low_ratio: f64,
    regime_high_ratio: f64,
    regime_spread_low: f64,
    regime_spread_high: f64,
    regime_size_low: f64,
    regime_size_high: f64,
    fill_rate_cycles: u32,
    fill_rate_low: f64,
    fill_rate_high: f64,
    fill_rate_step_down: f64,
    fill_rate_step_up: f64,
    fill_rate_mult_min: f64,
    fill_rate_mult_max: f64,
    inventory_max_age_s: f64,
    inventory_decay_s: f64,
    inventory_decay_mult: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Toxicity {
    use_toxicity: bool,
    toxicity_horizon_s: f64,
    toxicity_alpha: f64,
    toxicity_halflife_s: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fit {
    fit_always: bool,
    keep_leans: bool,
    fit_horizon_s: f64,
    fit_halflife_s: f64,
    fit_ridge: f64,
    fit_min_samples: u32,
    leaders: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sizer {
    use_sizer: bool,
    #[serde(deserialize_with = "usd")]
    size_min_usd: Usd,
    #[serde(deserialize_with = "usd")]
    size_max_usd: Usd,
    size_max_pct: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Risk {
    #[serde(deserialize_with = "usd")]
    max_position_usd: Usd,
    #[serde(deserialize_with = "usd")]
    max_total_position_usd: Usd,
    #[serde(deserialize_with = "capital")]
    capital_usd: Capital,
    max_daily_loss_pct: f64,
    daily_loss_rearm: String,
    max_drawdown_pct: f64,
    loss_confirm_ms: i64,
    mark_max_age_s: f64,
    max_api_errors: u32,
    api_error_window_s: f64,
    api_error_cooldown_s: f64,
    large_move_pct: f64,
    large_move_cooldown_s: f64,
    vol_emergency_ratio: f64,
    vol_emergency_mult: f64,
    stale_book_ms: i64,
    max_feed_delay_ms: i64,
    feed_late_action: String,
    late_half_spread_bps: f64,
    max_actions_per_min: u32,
    max_orders_per_min: u32,
    action_budget: u64,
    cancel_reserve_pct: f64,
    ack_timeout_ms: i64,
    expires_after_ms: i64,
    max_clock_offset_ms: i64,
}

/// Seconds of a file as time, to the nearest nanosecond.
fn seconds(s: f64) -> Nanos {
    Nanos((s * 1e9).round() as i64)
}

/// The value that a word stands for. The word was checked against [`super::spec`] before.
fn meaning<T: Copy + Default>(word: &str, all: &[T], name: impl Fn(&T) -> &'static str) -> T {
    all.iter().copied().find(|v| name(v) == word).unwrap_or_default()
}

/// All parts of one coin.
pub(super) struct CoinFile {
    pub quote: Quote,
    pub signal: Signal,
    pub adaptive: Adaptive,
    pub toxicity: Toxicity,
    pub fit: Fit,
    pub sizer: Sizer,
    pub risk: Risk,
}

impl CoinFile {
    /// In the pipeline's units. `late`: what a late feed does where the file leaves it to the run.
    pub fn to_params(&self, maker_fee: Bps, late: LateAction) -> AssetParams {
        let q = &self.quote;
        AssetParams {
            vol_sample: Nanos::millis(q.vol_sample_ms),
            vol_halflife_s: q.vol_halflife_s,
            vol_horizon_s: q.vol_horizon_s,
            start_vol_bps: 0.0,
            sz_decimals: None,
            grid: None,
            fill_model: None,
            imbalance_levels: q.imbalance_levels,
            imbalance_alpha: q.imbalance_alpha,
            model: meaning(&q.model, &QuoteModel::ALL, |m| m.as_str()),
            strategy: meaning(&q.strategy, &Strategy::ALL, |s| s.as_str()),
            fair_price: meaning(&q.fair_price, &FairPrice::ALL, |f| f.as_str()),
            min_spread_bps: q.min_spread_bps,
            max_spread_bps: q.max_spread_bps,
            vol_multiplier: q.vol_multiplier,
            min_edge_bps: q.min_edge_bps,
            fee_floor: q.fee_floor,
            below_fee: if q.below_fee == "skip" { BelowFee::Skip } else { BelowFee::Widen },
            use_edge: q.use_edge,
            touch: meaning(&q.touch, &Touch::ALL, |t| t.as_str()),
            skew_factor: q.skew_factor,
            skew_knee: q.skew_knee,
            skew_knee_slope: q.skew_knee_slope,
            risk_aversion: q.risk_aversion,
            risk_horizon_s: q.risk_horizon_s,
            arrival_min_r2: q.arrival_min_r2,
            arrival_rate_per_s: q.arrival_rate_per_s,
            arrival_decay_per_bps: q.arrival_decay_per_bps,
            arrival_halflife_s: q.arrival_halflife_s,
            arrival_bin_bps: q.arrival_bin_bps,
            bias_strength: q.bias_strength,
            imbalance_strength: q.imbalance_strength,
            level_spacing_bps: q.level_spacing_bps,
            num_levels: q.num_levels,
            level_weights: q.level_weights,
            order_size_usd: q.order_size_usd,
            one_sided_at: q.one_sided_at,
            requote_min: Nanos::millis(q.requote_min_ms),
            tick: Nanos::millis(q.tick_ms),
            requote_threshold_bps: q.requote_threshold_bps,
            maker_fee,
            signal: self.signal.to_params(),
            adaptive: self.adaptive.to_params(),
            toxicity: self.toxicity.to_params(),
            fit: self.fit.to_params(),
            sizer: self.sizer.to_params(),
            risk: self.risk.to_limits(late),
        }
    }
}

impl Signal {
    fn to_params(&self) -> SignalParams {
        SignalParams {
            signal_bar: seconds(self.signal_bar_s),
            atr_bar: seconds(self.atr_bar_s),
            kalman_process_noise: self.kalman_process_noise,
            kalman_measurement_noise: self.kalman_measurement_noise,
            slope_bars: self.slope_bars,
            signal_threshold_bps: self.signal_threshold_bps,
            rsi_bars: self.rsi_bars,
            rsi_smoothing_bars: self.rsi_smoothing_bars,
            qqe_factor: self.qqe_factor,
            rsi_band: self.rsi_band,
            signal_deadzone: self.signal_deadzone,
        }
    }
}

impl Adaptive {
    fn to_params(&self) -> AdaptiveParams {
        AdaptiveParams {
            regime_short: seconds(self.regime_short_s),
            regime_long: seconds(self.regime_long_s),
            regime_low_ratio: self.regime_low_ratio,
            regime_high_ratio: self.regime_high_ratio,
            regime_spread: [self.regime_spread_low, self.regime_spread_high],
            regime_size: [self.regime_size_low, self.regime_size_high],
            fill_rate_cycles: self.fill_rate_cycles,
            fill_rate_band: [self.fill_rate_low, self.fill_rate_high],
            fill_rate_step: [self.fill_rate_step_down, self.fill_rate_step_up],
            fill_rate_bounds: [self.fill_rate_mult_min, self.fill_rate_mult_max],
            inventory_max_age: seconds(self.inventory_max_age_s),
            inventory_decay: seconds(self.inventory_decay_s),
            inventory_decay_mult: self.inventory_decay_mult,
        }
    }
}

impl Toxicity {
    fn to_params(&self) -> ToxicityParams {
        ToxicityParams {
            use_toxicity: self.use_toxicity,
            toxicity_horizon: seconds(self.toxicity_horizon_s),
            toxicity_alpha: self.toxicity_alpha,
            toxicity_halflife: seconds(self.toxicity_halflife_s),
        }
    }
}

impl Fit {
    fn to_params(&self) -> FitParams {
        FitParams {
            fit_always: self.fit_always,
            keep_leans: self.keep_leans,
            fit_horizon: seconds(self.fit_horizon_s),
            fit_halflife_s: self.fit_halflife_s,
            fit_ridge: self.fit_ridge,
            fit_min_samples: self.fit_min_samples,
            leaders: core::array::from_fn(|i| self.leaders.get(i).and_then(|name| Coin::new(name))),
        }
    }
}

impl Sizer {
    fn to_params(&self) -> SizerParams {
        SizerParams {
            use_sizer: self.use_sizer,
            size_min_usd: self.size_min_usd,
            size_max_usd: self.size_max_usd,
            size_max_capital_frac: self.size_max_pct / 100.0,
        }
    }
}

impl Risk {
    /// In the pipeline's units: percent become shares by one exactly rounded division.
    fn to_limits(&self, late: LateAction) -> RiskLimits {
        RiskLimits {
            max_position_usd: self.max_position_usd,
            max_total_position_usd: self.max_total_position_usd,
            capital_usd: self.capital_usd.of(None),
            max_daily_loss_frac: self.max_daily_loss_pct / 100.0,
            daily_loss_rearm: match self.daily_loss_rearm.as_str() {
                "rollover" => DailyLossRearm::Rollover,
                _ => DailyLossRearm::Manual,
            },
            max_drawdown_frac: self.max_drawdown_pct / 100.0,
            loss_confirm: Nanos::millis(self.loss_confirm_ms),
            mark_max_age: seconds(self.mark_max_age_s),
            max_api_errors: self.max_api_errors,
            api_error_window: seconds(self.api_error_window_s),
            api_error_cooldown: seconds(self.api_error_cooldown_s),
            large_move_frac: self.large_move_pct / 100.0,
            large_move_cooldown: seconds(self.large_move_cooldown_s),
            vol_emergency_ratio: self.vol_emergency_ratio,
            vol_emergency_mult: self.vol_emergency_mult,
            stale_book: Nanos::millis(self.stale_book_ms),
            max_feed_delay: Nanos::millis(self.max_feed_delay_ms),
            late_action: match self.feed_late_action.as_str() {
                "auto" => late,
                word => meaning(word, &LateAction::ALL, |l| l.as_str()),
            },
            late_half_spread_bps: self.late_half_spread_bps,
            max_actions_per_min: self.max_actions_per_min,
            max_orders_per_min: self.max_orders_per_min,
            action_budget: self.action_budget,
            cancel_reserve_frac: self.cancel_reserve_pct / 100.0,
            ack_timeout: Nanos::millis(self.ack_timeout_ms),
            expires_after: Nanos::millis(self.expires_after_ms),
            max_clock_offset: Nanos::millis(self.max_clock_offset_ms),
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
