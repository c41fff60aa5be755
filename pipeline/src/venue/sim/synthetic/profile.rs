//! How one synthetic asset behaves: the parameters of its agents, and the figures of the real
//! market that they were chosen to reproduce.

use super::stats::MarketFigures;
use crate::types::{Instrument, Px};

/// Parameters of one synthetic asset. Rates are long-run averages: activity multiplies the rates
/// of uninformed takers, of jumps, and the variance of the diffusion; its mean is 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarketProfile {
    /// Fair value at the start, USD per coin; positive.
    pub start_px: f64,

    /// Diffusion of the fair value, basis points per square root of a second; ≥ 0.
    pub diffusion_bps: f64,
    /// Jumps of the fair value per minute; ≥ 0. Up and down are equally likely.
    pub jumps_per_min: f64,
    /// Mean magnitude of a jump (exponentially distributed), basis points; 0..=1000.
    pub jump_bps: f64,
    /// Standard deviation of the logarithm of activity (stochastic volatility); 0 = constant.
    pub activity_log_std: f64,
    /// Seconds in which activity forgets a factor e of its deviation; positive.
    pub activity_memory_s: f64,

    /// Uninformed taker orders per minute, buys and sells equally likely; ≥ 0.
    pub uninformed_per_min: f64,
    /// Median value of an uninformed taker order, USD.
    pub uninformed_usd: f64,
    /// Standard deviation of the logarithm of that value.
    pub uninformed_log_std: f64,
    /// Taker orders per minute of those who know the fair value now, *while* the touch is off it
    /// by more than `informed_edge_ticks`; they do not trade otherwise.
    pub informed_per_min: f64,
    /// Mispricing of the touch at which informed takers act, price ticks. They pay up to the fair
    /// value less this, so that everybody whom they fill loses at least this much against it.
    pub informed_edge_ticks: f64,
    /// Median value of an informed taker order, USD.
    pub informed_usd: f64,
    /// Standard deviation of the logarithm of that value.
    pub informed_log_std: f64,
    /// Largest uninformed taker order, USD. Large uninformed orders walk the book and the price
    /// comes back, a gift to providers: this bounds it.
    pub uninformed_max_usd: f64,
    /// Largest informed taker order, USD.
    pub informed_max_usd: f64,

    /// Distance between the bid and the ask that providers want, price ticks; ≥ 1.
    pub spread_ticks: f64,
    /// Distance between the levels of a provider's ladder, price ticks; ≥ 1.
    pub ladder_step_ticks: u32,
    /// Levels of a ladder, 1..=100. At least 24, or the backstop fills every gap.
    pub ladder_levels: u32,
    /// Provider orders that rest at the best level when undisturbed (mean); positive.
    pub touch_orders: f64,
    /// The same at every further level.
    pub orders_per_level: f64,
    /// Value resting at a provider's best level when undisturbed (mean), USD.
    pub touch_usd: f64,
    /// The same at the next level, USD.
    pub level_usd: f64,
    /// How much deeper each further level is, as a share of `level_usd`, up to the tenth.
    pub level_slope: f64,
    /// Standard deviation of the logarithm of a provider order's value.
    pub order_log_std: f64,
    /// Rate at which a provider gives up an order for no reason of ours, per second; positive.
    pub cancel_per_s: f64,
    /// Rate at which a provider pulls an order that the fair value has run over, per second.
    pub stale_cancel_per_s: f64,
    /// How far the fair value may run over an order before its provider minds, price ticks; ≥ 0.
    pub tolerance_ticks: f64,
    /// Error (standard deviation) in a provider's view of the fair value, price ticks; ≥ 0.
    pub noise_ticks: f64,
    /// Rate at which some provider steps into a spread wider than `spread_ticks`, per second.
    pub improve_per_s: f64,
}

impl MarketProfile {
    /// BTC as in [`MarketFigures::BTC`].
    pub fn btc() -> Self {
        Self {
            start_px: 110_100.0,
            diffusion_bps: 0.1,
            jumps_per_min: 14.0,
            jump_bps: 0.74,
            informed_per_min: 120.0,
            tolerance_ticks: 3.0,
            stale_cancel_per_s: 2.5,
            uninformed_per_min: 36.0,
            uninformed_usd: 500.0,
            uninformed_log_std: 2.95,
            touch_usd: 2_200_000.0,
            level_usd: 60_000.0,
            level_slope: 0.1,
            ..Self::base()
        }
    }

    /// ETH as in [`MarketFigures::ETH`].
    pub fn eth() -> Self {
        Self {
            start_px: 4_290.0,
            diffusion_bps: 0.2,
            jumps_per_min: 25.0,
            jump_bps: 1.3,
            touch_orders: 40.0,
            uninformed_per_min: 76.0,
            uninformed_usd: 430.0,
            uninformed_log_std: 2.9,
            touch_usd: 1_600_000.0,
            level_usd: 250_000.0,
            level_slope: 0.2,
            ..Self::base()
        }
    }

    /// SOL as in [`MarketFigures::SOL`].
    pub fn sol() -> Self {
        Self {
            start_px: 202.8,
            diffusion_bps: 0.3,
            jumps_per_min: 25.0,
            jump_bps: 1.37,
            informed_per_min: 80.0,
            uninformed_per_min: 62.0,
            uninformed_usd: 100.0,
            uninformed_log_std: 3.0,
            touch_usd: 450_000.0,
            level_usd: 260_000.0,
            level_slope: 0.1,
            ..Self::base()
        }
    }

    /// An asset of which nothing is known: a mid-sized coin, with a spread of at least one tick
    /// and about a basis point, and ladders that reach some 15 bps however fine the grid is.
    /// Not calibrated to anything.
    pub fn for_instrument(instrument: &Instrument, start_px: Px) -> Self {
        let tick_bps = instrument.tick_at(start_px).to_f64() / start_px.to_f64() * 1e4;
        let ticks_of = |bps: f64| (bps / tick_bps).round().max(1.0);
        Self {
            start_px: start_px.to_f64(),
            diffusion_bps: 0.5,
            jumps_per_min: 20.0,
            jump_bps: 2.0,
            uninformed_per_min: 20.0,
            uninformed_usd: 100.0,
            uninformed_log_std: 2.0,
            informed_edge_ticks: 2.0 * ticks_of(0.5),
            uninformed_max_usd: 20_000.0,
            informed_max_usd: 100_000.0,
            spread_ticks: ticks_of(1.0),
            ladder_step_ticks: ticks_of(0.5) as u32,
            tolerance_ticks: 1.5 * ticks_of(0.5),
            noise_ticks: 0.25 * ticks_of(0.5),
            touch_usd: 20_000.0,
            level_usd: 20_000.0,
            level_slope: 0.1,
            ..Self::base()
        }
    }

    /// The profile by a coin's name: calibrated where there is one, generic otherwise, both
    /// starting at `start_px` where that is given (the generic one at 100 USD).
    pub fn of(instrument: &Instrument, start_px: Option<Px>) -> Self {
        let mut profile = match instrument.coin.as_str() {
            "BTC" => Self::btc(),
            "ETH" => Self::eth(),
            "SOL" => Self::sol(),
            _ => Self::for_instrument(instrument, start_px.unwrap_or(Px::whole(100))),
        };
        if let Some(px) = start_px {
            profile.start_px = px.to_f64();
        }
        profile
    }

    /// Panics when a parameter is out of its documented range.
    pub(super) fn check(&self) {
        let positive = [
            self.start_px,
            self.activity_memory_s,
            self.touch_orders,
            self.orders_per_level,
            self.touch_usd,
            self.level_usd,
            self.cancel_per_s,
        ];
        assert!(positive.iter().all(|v| v.is_finite() && *v > 0.0), "not positive: {self:?}");
        assert!((0.0..=1_000.0).contains(&self.jump_bps), "jump of {} bps", self.jump_bps);
        assert!(self.spread_ticks >= 1.0 && self.ladder_step_ticks >= 1, "step below a tick");
        assert!((1..=100).contains(&self.ladder_levels), "{} levels", self.ladder_levels);
    }

    /// What the calibrated assets share.
    fn base() -> Self {
        Self {
            start_px: 100.0,
            diffusion_bps: 0.0,
            jumps_per_min: 0.0,
            jump_bps: 0.0,
            activity_log_std: 0.7,
            activity_memory_s: 60.0,
            uninformed_per_min: 0.0,
            uninformed_usd: 100.0,
            uninformed_log_std: 2.6,
            informed_per_min: 200.0,
            informed_edge_ticks: 2.0,
            informed_usd: 12_000.0,
            informed_log_std: 2.0,
            uninformed_max_usd: 150_000.0,
            informed_max_usd: 1_000_000.0,
            spread_ticks: 1.0,
            ladder_step_ticks: 1,
            ladder_levels: 30,
            touch_orders: 30.0,
            orders_per_level: 8.0,
            touch_usd: 100_000.0,
            level_usd: 100_000.0,
            level_slope: 0.1,
            order_log_std: 2.1,
            cancel_per_s: 0.2,
            stale_cancel_per_s: 5.0,
            tolerance_ticks: 1.5,
            noise_ticks: 0.25,
            improve_per_s: 6.0,
        }
    }
}

impl MarketFigures {
    /// BTC on Hyperliquid mainnet, 2025-09-04 19:47 to 20:21 UTC.
    pub const BTC: Self =
        Self { spread_bps: 0.0909, depth_usd: 1_047_563.0, trades_per_min: 190.9, vol_bps: 0.405 };
    /// ETH, likewise.
    pub const ETH: Self =
        Self { spread_bps: 0.2332, depth_usd: 1_452_488.0, trades_per_min: 196.4, vol_bps: 0.925 };
    /// SOL, likewise.
    pub const SOL: Self =
        Self { spread_bps: 0.4934, depth_usd: 933_665.0, trades_per_min: 126.3, vol_bps: 1.003 };
}
