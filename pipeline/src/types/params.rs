//! What can be configured, per asset. Units are in the names; validation and defaults live with
//! the settings (root crate), and [`AssetParams::is_usable`] is the last line of defence.

use super::fixed::{Bps, Nanos, Usd};
use super::limits::QUOTE_LEVELS;

/// What the quoter takes for the fair price.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FairPrice {
    /// Half way between the touch prices.
    Mid = 0,
    /// Touch prices weighted by the opposite sizes.
    #[default]
    Microprice = 1,
}

/// Parameters of one asset (STRATEGY §1, §3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AssetParams {
    /// How often the mid is sampled for the volatility.
    pub vol_sample: Nanos,
    /// Half-life of the volatility's moving average, seconds.
    pub vol_halflife_s: f64,
    /// Horizon that the volatility is scaled to, seconds.
    pub vol_horizon_s: f64,
    /// Volatility over the horizon to begin with (bps), from candles of before the start; 0 = it
    /// warms up. Never from a file.
    pub start_vol_bps: f64,
    /// Levels of the book imbalance, 1..=20.
    pub imbalance_levels: usize,
    /// Smoothing of the book imbalance, (0, 1].
    pub imbalance_alpha: f64,
    /// Length of a signal bar (ATR is Wilder 14 on these bars).
    pub signal_bar: Nanos,
    /// Mid or microprice.
    pub fair_price: FairPrice,
    /// Lowest total spread.
    pub min_spread_bps: f64,
    /// Highest total spread.
    pub max_spread_bps: f64,
    /// Spread per unit of volatility.
    pub vol_multiplier: f64,
    /// Edge to keep above the maker fee, each side.
    pub min_edge_bps: f64,
    /// Whether the fee floor applies.
    pub fee_floor: bool,
    /// Price shift per unit of q, in average true ranges.
    pub skew_factor: f64,
    /// Weight of the direction signal in the shift, in half spreads.
    pub bias_strength: f64,
    /// Weight of the book imbalance in the shift, in half spreads.
    pub imbalance_strength: f64,
    /// Distance between quote levels.
    pub level_spacing_bps: f64,
    /// Levels quoted a side, 1..=4.
    pub num_levels: usize,
    /// Share of the order size at each level.
    pub level_weights: [f64; QUOTE_LEVELS],
    /// Value quoted a side, over all its levels.
    pub order_size_usd: Usd,
    /// |q| beyond which the adding side is dropped, (0, 1].
    pub one_sided_at: f64,
    /// Shortest time between two decisions for an asset.
    pub requote_min: Nanos,
    /// Longest time between two decisions for an asset.
    pub tick: Nanos,
    /// A resting order stays when its price is within this of the wanted one.
    pub requote_threshold_bps: f64,
    /// Maker fee at our tier; positive = cost. From the venue, never from a file.
    pub maker_fee: Bps,
    /// Limits that the gate holds.
    pub risk: RiskLimits,
}

/// Limits of one asset and of the account (STRATEGY §5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RiskLimits {
    /// Worst-case exposure of one asset: position + live + in flight + unknown, per side.
    pub max_position_usd: Usd,
    /// The same over all assets.
    pub max_total_position_usd: Usd,
    /// What the account trades with; the daily loss and drawdown are shares of it.
    pub capital_usd: Usd,
    /// Loss since 00:00 UTC, realised + unrealised, as a share of capital, that halts.
    pub max_daily_loss_frac: f64,
    /// Fall of marked equity from its peak, as a share of capital, that halts.
    pub max_drawdown_frac: f64,
    /// API errors within `api_error_window` that trip the breaker when exceeded.
    pub max_api_errors: u32,
    /// Window of the API error counter.
    pub api_error_window: Nanos,
    /// Break after too many API errors.
    pub api_error_cooldown: Nanos,
    /// Move of the mid within one second that trips the breaker.
    pub large_move_frac: f64,
    /// Break after a large move.
    pub large_move_cooldown: Nanos,
    /// Volatility over its slow baseline beyond which the spread is multiplied.
    pub vol_emergency_ratio: f64,
    /// By how much.
    pub vol_emergency_mult: f64,
    /// Age of the newest book beyond which quotes are pulled.
    pub stale_book: Nanos,
    /// Actions (batch items) per minute, cancels excepted.
    pub max_actions_per_min: u32,
    /// Requests an address may make before it has traded (PROTOCOL §6).
    pub action_budget: u64,
    /// Share of the action budget kept for cancels.
    pub cancel_reserve_frac: f64,
    /// An order without an answer for this long is unknown.
    pub ack_timeout: Nanos,
    /// How long an action may take to reach the venue before it is void.
    pub expires_after: Nanos,
}

impl AssetParams {
    /// Whether every number is finite and in range. A quote is never made from one that is not
    /// (reason `param_invalid`).
    pub fn is_usable(&self) -> bool {
        let positive = [
            self.vol_halflife_s,
            self.vol_horizon_s,
            self.imbalance_alpha,
            self.min_spread_bps,
            self.one_sided_at,
            self.level_weights[..self.num_levels.min(QUOTE_LEVELS)].iter().sum(),
        ];
        let not_negative = [
            self.vol_multiplier,
            self.min_edge_bps,
            self.skew_factor,
            self.bias_strength,
            self.imbalance_strength,
            self.level_spacing_bps,
            self.requote_threshold_bps,
        ];
        positive.iter().all(|v| v.is_finite() && *v > 0.0)
            && not_negative.iter().all(|v| v.is_finite() && *v >= 0.0)
            && self.max_spread_bps.is_finite()
            && self.max_spread_bps >= self.min_spread_bps
            && self.level_weights.iter().all(|w| w.is_finite() && *w >= 0.0)
            && (1..=QUOTE_LEVELS).contains(&self.num_levels)
            && (1..=super::limits::BOOK_LEVELS).contains(&self.imbalance_levels)
            && self.imbalance_alpha <= 1.0
            && self.one_sided_at <= 1.0
            && self.order_size_usd.is_positive()
            && self.risk.max_position_usd.is_positive()
            && self.vol_sample > Nanos::ZERO
            && self.signal_bar > Nanos::ZERO
    }
}

/// STRATEGY's starting configuration. The fee is zero: fees come from the venue, or from the one
/// table of published tiers in the configuration.
impl Default for AssetParams {
    fn default() -> Self {
        Self {
            vol_sample: Nanos::millis(1000),
            vol_halflife_s: 60.0,
            vol_horizon_s: 10.0,
            start_vol_bps: 0.0,
            imbalance_levels: 5,
            imbalance_alpha: 0.3,
            signal_bar: Nanos::secs(60),
            fair_price: FairPrice::Microprice,
            min_spread_bps: 2.0,
            max_spread_bps: 50.0,
            vol_multiplier: 1.5,
            min_edge_bps: 0.2,
            fee_floor: true,
            skew_factor: 0.3,
            bias_strength: 0.2,
            imbalance_strength: 0.3,
            level_spacing_bps: 1.0,
            num_levels: 2,
            level_weights: [0.50, 0.30, 0.15, 0.05],
            order_size_usd: Usd::whole(150),
            one_sided_at: 0.8,
            requote_min: Nanos::millis(100),
            tick: Nanos::millis(1000),
            requote_threshold_bps: 0.5,
            maker_fee: Bps::from_e8(0),
            risk: RiskLimits::default(),
        }
    }
}

/// STRATEGY's starting limits.
impl Default for RiskLimits {
    fn default() -> Self {
        Self {
            max_position_usd: Usd::whole(1_000),
            max_total_position_usd: Usd::whole(2_500),
            capital_usd: Usd::whole(10_000),
            max_daily_loss_frac: 0.05,
            max_drawdown_frac: 0.10,
            max_api_errors: 5,
            api_error_window: Nanos::secs(60),
            api_error_cooldown: Nanos::secs(120),
            large_move_frac: 0.01,
            large_move_cooldown: Nanos::secs(300),
            vol_emergency_ratio: 3.0,
            vol_emergency_mult: 3.0,
            stale_book: Nanos::secs(2),
            max_actions_per_min: 600,
            action_budget: 10_000,
            cancel_reserve_frac: 0.10,
            ack_timeout: Nanos::secs(5),
            expires_after: Nanos::secs(3),
        }
    }
}
