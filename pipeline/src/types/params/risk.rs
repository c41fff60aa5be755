//! Limits that the gate and the order manager hold (STRATEGY §5).

use super::sense::LateAction;
use crate::types::fixed::{Nanos, Usd};
use crate::types::limits::MAX_API_ERRORS;
use serde::{Deserialize, Serialize};

/// How a halt after a daily loss ends.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum DailyLossRearm {
    /// By a person (`botmm rearm`) only.
    #[default]
    Manual = 0,
    /// By itself at 00:00 UTC, or by a person before.
    Rollover = 1,
}

/// Limits of one asset and of the account (STRATEGY §5).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskLimits {
    /// Worst-case exposure of one asset: position + live + in flight + unknown, per side.
    pub max_position_usd: Usd,
    /// The same over all assets.
    pub max_total_position_usd: Usd,
    /// What the account trades with; the daily loss and drawdown are shares of it.
    pub capital_usd: Usd,
    /// Loss since 00:00 UTC, realised + unrealised, as a share of capital, that halts.
    pub max_daily_loss_frac: f64,
    /// How a halt after a daily loss ends.
    pub daily_loss_rearm: DailyLossRearm,
    /// Fall of marked equity from its peak, as a share of capital, that halts.
    pub max_drawdown_frac: f64,
    /// For how long every fresh mark must have been beyond a loss limit before it halts, and above the
    /// peak before that is raised; zero = at once.
    pub loss_confirm: Nanos,
    /// Age beyond which a mark has no say in that.
    pub mark_max_age: Nanos,
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
    /// Delay of the newest message of a book, and silence of the whole feed, beyond which quotes are
    /// pulled (see [`crate::logic::freshness`]).
    pub stale_book: Nanos,
    /// Median delay of the feed's messages beyond which the feed is late.
    pub max_feed_delay: Nanos,
    /// What a late feed does.
    pub late_action: LateAction,
    /// Standing aside, no order is nearer to the mid than this, bps.
    pub late_half_spread_bps: f64,
    /// Actions (batch items) per minute, cancels excepted.
    pub max_actions_per_min: u32,
    /// New orders per minute, part of the former.
    pub max_orders_per_min: u32,
    /// Requests an address may make before it has traded (PROTOCOL §6).
    pub action_budget: u64,
    /// Share of the action budget kept for cancels.
    pub cancel_reserve_frac: f64,
    /// An order without an answer for this long is unknown.
    pub ack_timeout: Nanos,
    /// How long an action may take to reach the venue before it is void.
    pub expires_after: Nanos,
    /// How far the venue's clock may be from ours; less than a third of the smallest
    /// `expires_after`, so that what is sent would still arrive in time, and be void soon, if the
    /// offset were measured wrong.
    pub max_clock_offset: Nanos,
}

impl RiskLimits {
    /// Whether a volatility is so far above its slow baseline that the volatility breaker holds.
    /// Both in the same unit; no baseline, no emergency.
    pub fn is_vol_emergency(&self, vol: f64, slow: f64) -> bool {
        slow > 0.0 && vol > self.vol_emergency_ratio * slow
    }

    /// Whether every number is finite and in range.
    pub fn is_usable(&self) -> bool {
        let positive = [self.max_daily_loss_frac, self.max_drawdown_frac, self.large_move_frac];
        let at_least_one = [self.vol_emergency_ratio, self.vol_emergency_mult];
        let money = [self.max_position_usd, self.max_total_position_usd, self.capital_usd];
        let spans = [
            self.stale_book,
            self.max_feed_delay,
            self.ack_timeout,
            self.expires_after,
            self.max_clock_offset,
            self.api_error_window,
            self.api_error_cooldown,
            self.large_move_cooldown,
            self.mark_max_age,
        ];
        positive.iter().all(|v| v.is_finite() && *v > 0.0)
            && at_least_one.iter().all(|v| v.is_finite() && *v >= 1.0)
            && money.iter().all(|v| v.is_positive())
            && spans.iter().all(|v| *v > Nanos::ZERO)
            && self.loss_confirm >= Nanos::ZERO
            && self.late_half_spread_bps.is_finite()
            && self.late_half_spread_bps >= 0.0
            && (self.max_api_errors as usize) < MAX_API_ERRORS
            && (0.0..1.0).contains(&self.cancel_reserve_frac)
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
            daily_loss_rearm: DailyLossRearm::Manual,
            max_drawdown_frac: 0.10,
            loss_confirm: Nanos::millis(1_000),
            mark_max_age: Nanos::secs(10),
            max_api_errors: 5,
            api_error_window: Nanos::secs(60),
            api_error_cooldown: Nanos::secs(120),
            large_move_frac: 0.01,
            large_move_cooldown: Nanos::secs(300),
            vol_emergency_ratio: 3.0,
            vol_emergency_mult: 3.0,
            stale_book: Nanos::secs(2),
            max_feed_delay: Nanos::millis(150),
            late_action: LateAction::Warn,
            late_half_spread_bps: 10.0,
            max_actions_per_min: 600,
            max_orders_per_min: 300,
            action_budget: 10_000,
            cancel_reserve_frac: 0.10,
            ack_timeout: Nanos::secs(5),
            expires_after: Nanos::secs(3),
            max_clock_offset: Nanos::millis(900),
        }
    }
}
