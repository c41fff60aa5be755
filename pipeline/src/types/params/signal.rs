//! Parameters of bars and of the direction signal (STRATEGY §2).

use crate::types::fixed::Nanos;
use crate::types::limits::{MAX_RSI_BARS, MAX_SLOPE_BARS};
use serde::{Deserialize, Serialize};

/// Bars, Kalman filter and QQE.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalParams {
    /// Length of a signal bar.
    pub signal_bar: Nanos,
    /// Length of a bar of the average true range (Wilder 14).
    pub atr_bar: Nanos,
    /// Kalman filter: variance that a bar adds to the state, Q > 0.
    pub kalman_process_noise: f64,
    /// Kalman filter: variance of an observation, R > 0. Only Q/R matters.
    pub kalman_measurement_noise: f64,
    /// The slope is the filtered price's relative change over so many bars, 1..=[`MAX_SLOPE_BARS`].
    pub slope_bars: usize,
    /// Slope, and distance of the close from the filtered price, that count as a direction.
    pub signal_threshold_bps: f64,
    /// Changes that the RSI looks back on, 1..=[`MAX_RSI_BARS`].
    pub rsi_bars: usize,
    /// Smoothing of the RSI: an exponential average of α = 2 / (this + 1).
    pub rsi_smoothing_bars: usize,
    /// Half-width of the QQE bands, in averages of the smoothed RSI's changes.
    pub qqe_factor: f64,
    /// The RSI counts as a direction beyond 50 ± this.
    pub rsi_band: f64,
    /// |score| from which the signal is ±1, in (0, 1].
    pub signal_deadzone: f64,
}

impl SignalParams {
    /// Whether every number is finite and in range.
    pub fn is_usable(&self) -> bool {
        let positive =
            [self.kalman_process_noise, self.kalman_measurement_noise, self.signal_deadzone];
        let not_negative = [self.signal_threshold_bps, self.qqe_factor, self.rsi_band];
        positive.iter().all(|v| v.is_finite() && *v > 0.0)
            && not_negative.iter().all(|v| v.is_finite() && *v >= 0.0)
            && self.signal_bar > Nanos::ZERO
            && self.atr_bar > Nanos::ZERO
            && (1..=MAX_SLOPE_BARS).contains(&self.slope_bars)
            && (1..=MAX_RSI_BARS).contains(&self.rsi_bars)
            && self.rsi_smoothing_bars >= 1
            && self.signal_deadzone <= 1.0
    }
}

impl Default for SignalParams {
    fn default() -> Self {
        Self {
            signal_bar: Nanos::secs(60),
            atr_bar: Nanos::secs(60),
            kalman_process_noise: 0.005,
            kalman_measurement_noise: 0.1,
            slope_bars: 4,
            signal_threshold_bps: 1.0,
            rsi_bars: 14,
            rsi_smoothing_bars: 5,
            qqe_factor: 3.5,
            rsi_band: 5.0,
            signal_deadzone: 0.5,
        }
    }
}
