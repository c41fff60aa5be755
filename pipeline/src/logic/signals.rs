//! Which way the market goes: a Kalman-filtered price and QQE (quantitative qualitative estimation:
//! bands around a smoothed RSI), four votes and their mean (STRATEGY §2).

use crate::logic::bars::OnBar;
use crate::types::Candle;
use crate::types::limits::{MAX_PX, MAX_RSI_BARS, MAX_SLOPE_BARS};
use crate::types::params::SignalParams;

/// Smoothed RSI values beyond the smoothing's own length before the signal counts.
const SETTLING_BARS: usize = 5;
/// The RSI when nothing says up or down.
const NEUTRAL_RSI: f64 = 50.0;

/// The signal after a bar, and what it was made from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignalView {
    /// Whether enough bars were seen. Before that score and signal are 0.
    pub is_ready: bool,
    /// Down, nothing or up: −1, 0 or +1. The score's sign from the dead zone on.
    pub signal: i8,
    /// Where the smoothed RSI last left its band: −1 below, +1 above, 0 not yet.
    pub trend: i8,
    /// Mean of the four votes, in [−1, 1].
    pub score: f64,
    /// Filtered price (USD).
    pub kalman: f64,
    /// Its variance, in units of the parameters' noise.
    pub kalman_variance: f64,
    /// Relative change of the filtered price over `slope_bars`; 0 before it is known.
    pub slope: f64,
    /// Smoothed RSI, in [0, 100]; 50 before it is known, as its bands are.
    pub rsi: f64,
    /// Average change of the smoothed RSI from bar to bar.
    pub rsi_atr: f64,
    /// The band under a rising RSI: it follows up, never down.
    pub long_band: f64,
    /// The band over a falling RSI: it follows down, never up.
    pub short_band: f64,
}

/// The direction signal of one asset. Learns from the close of each bar.
#[derive(Clone, Copy, Debug)]
pub struct Signals {
    params: SignalParams,
    kalman: Kalman,
    filtered: Ring<{ MAX_SLOPE_BARS + 1 }>,
    last_close: f64,
    changes: Ring<MAX_RSI_BARS>,
    qqe: Qqe,
    view: SignalView,
}

impl Signals {
    /// Without a bar yet.
    pub fn new(params: SignalParams) -> Self {
        let (kalman, qqe) = (Kalman::default(), Qqe::default());
        let view = SignalView {
            is_ready: false,
            signal: 0,
            trend: 0,
            score: 0.0,
            kalman: kalman.price,
            kalman_variance: kalman.variance,
            slope: 0.0,
            rsi: qqe.rsi,
            rsi_atr: qqe.rsi_atr,
            long_band: qqe.long_band,
            short_band: qqe.short_band,
        };
        let (filtered, changes) = (Ring::default(), Ring::default());
        Self { params, kalman, filtered, last_close: 0.0, changes, qqe, view }
    }

    /// Bars that it takes until the signal counts.
    pub fn warmup_bars(params: &SignalParams) -> usize {
        (params.rsi_bars + params.rsi_smoothing_bars + SETTLING_BARS).max(params.slope_bars + 3)
    }

    /// Other parameters from the next bar on; what was learned stays.
    pub fn set_params(&mut self, params: SignalParams) {
        self.params = params;
    }

    /// After the newest bar.
    pub fn view(&self) -> &SignalView {
        &self.view
    }

    /// Takes note of a bar's close (USD). One that is no price is ignored, and so is every one
    /// while the parameters are unusable.
    pub fn on_close(&mut self, close: f64) {
        let is_price = close > 0.0 && close <= MAX_PX.to_f64();
        if !(is_price && self.params.is_usable()) {
            return;
        }
        let p = &self.params;
        if self.filtered.pushed == 0 {
            self.kalman.price = close;
        } else {
            self.kalman.update(close, p.kalman_process_noise, p.kalman_measurement_noise);
            self.changes.push(close - self.last_close);
        }
        self.filtered.push(self.kalman.price);
        self.last_close = close;
        let rsi = rsi(&self.changes, p.rsi_bars);
        if let Some(rsi) = rsi {
            self.qqe.update(rsi, p);
        }
        let is_ready = rsi.is_some()
            && self.filtered.pushed >= Self::warmup_bars(p)
            && self.qqe.values >= p.rsi_smoothing_bars + SETTLING_BARS;
        self.view = self.looked_at(is_ready);
    }

    fn looked_at(&self, is_ready: bool) -> SignalView {
        let Self { params, kalman, qqe, .. } = self;
        let threshold = params.signal_threshold_bps * 1e-4;
        let slope = self.slope();
        let votes = if is_ready {
            beyond(slope, threshold)
                + beyond(self.last_close - kalman.price, kalman.price * threshold)
                + qqe.trend
                + beyond(qqe.rsi - NEUTRAL_RSI, params.rsi_band)
        } else {
            0
        };
        let score = f64::from(votes) / 4.0;
        let is_clear = score.abs() >= params.signal_deadzone;
        SignalView {
            is_ready,
            signal: if is_clear { votes.signum() } else { 0 },
            trend: qqe.trend,
            score,
            kalman: kalman.price,
            kalman_variance: kalman.variance,
            slope,
            rsi: qqe.rsi,
            rsi_atr: qqe.rsi_atr,
            long_band: qqe.long_band,
            short_band: qqe.short_band,
        }
    }

    /// Known one bar later than it could be, as in the known answers.
    fn slope(&self) -> f64 {
        let bars = self.params.slope_bars;
        let is_known = self.filtered.pushed > bars + 1;
        let before = self.filtered.newest_first().nth(bars).filter(|_| is_known);
        before.map_or(0.0, |before| (self.kalman.price - before) / self.kalman.price)
    }
}

impl OnBar for Signals {
    fn on_bar(&mut self, bar: &Candle) {
        self.on_close(bar.close.to_f64());
    }
    fn reset(&mut self) {
        *self = Self::new(self.params);
    }
}

/// A vote: −1, 0 or +1.
fn beyond(value: f64, threshold: f64) -> i8 {
    i8::from(value > threshold) - i8::from(value < -threshold)
}

/// Weight of the newest value in an exponential average over so many bars.
fn alpha(bars: usize) -> f64 {
    2.0 / (bars as f64 + 1.0)
}

/// Relative strength of the last `bars` changes, in [0, 100]: 100 − 100/(1 + gains/losses).
/// Without a change at all it is neutral: standing still is not strength.
fn rsi(changes: &Ring<MAX_RSI_BARS>, bars: usize) -> Option<f64> {
    if changes.pushed < bars {
        return None;
    }
    let (mut gains, mut losses) = (0.0, 0.0);
    for change in changes.newest_first().take(bars) {
        gains += change.max(0.0);
        losses -= change.min(0.0);
    }
    let moves: f64 = gains + losses;
    Some(if moves > 0.0 { 100.0 * (gains / moves) } else { NEUTRAL_RSI })
}

/// A Kalman filter of a price that walks at random and is seen with noise: R. E. Kalman, "A new
/// approach to linear filtering and prediction problems" (1960), in one dimension.
#[derive(Clone, Copy, Debug)]
struct Kalman {
    price: f64,
    variance: f64,
}

impl Default for Kalman {
    fn default() -> Self {
        Self { price: 0.0, variance: 1.0 }
    }
}

impl Kalman {
    fn update(&mut self, close: f64, process_noise: f64, measurement_noise: f64) {
        self.variance += process_noise;
        let gain = self.variance / (self.variance + measurement_noise);
        self.price += gain * (close - self.price);
        // (1 − gain)·variance, without losing digits where the gain is nearly 1.
        self.variance = gain * measurement_noise;
    }
}

/// Bands around the smoothed RSI that follow it and are left at a turn.
#[derive(Clone, Copy, Debug)]
struct Qqe {
    /// RSI values that it has seen.
    values: usize,
    rsi: f64,
    rsi_atr: f64,
    long_band: f64,
    short_band: f64,
    trend: i8,
}

impl Default for Qqe {
    fn default() -> Self {
        let (rsi, long_band, short_band) = (NEUTRAL_RSI, NEUTRAL_RSI, NEUTRAL_RSI);
        Self { values: 0, rsi, rsi_atr: 0.0, long_band, short_band, trend: 0 }
    }
}

impl Qqe {
    /// The first value seeds the average, the second the average of its changes and the bands.
    fn update(&mut self, raw: f64, params: &SignalParams) {
        self.values += 1;
        if self.values == 1 {
            (self.rsi, self.long_band, self.short_band) = (raw, raw, raw);
            return;
        }
        let previous = self.rsi;
        self.rsi += alpha(params.rsi_smoothing_bars) * (raw - previous);
        let change = (self.rsi - previous).abs();
        let is_seeded = self.values > 2;
        let weight = if is_seeded { alpha(params.rsi_bars) } else { 1.0 };
        self.rsi_atr += weight * (change - self.rsi_atr);
        let width = params.qqe_factor * self.rsi_atr;
        if is_seeded {
            self.follow(previous, width);
        } else {
            (self.long_band, self.short_band) = (self.rsi - width, self.rsi + width);
        }
    }

    /// Everything is held against the bands that the previous bar left.
    fn follow(&mut self, previous: f64, width: f64) {
        let (rsi, long, short) = (self.rsi, self.long_band, self.short_band);
        if previous <= short && rsi > short {
            self.trend = 1;
        } else if previous >= long && rsi < long {
            self.trend = -1;
        }
        let (below, above) = (rsi - width, rsi + width);
        self.long_band = if previous > long { long.max(below) } else { below };
        self.short_band = if previous < short { short.min(above) } else { above };
    }
}

/// The newest `N` values.
#[derive(Clone, Copy, Debug)]
struct Ring<const N: usize> {
    values: [f64; N],
    pushed: usize,
}

impl<const N: usize> Default for Ring<N> {
    fn default() -> Self {
        Self { values: [0.0; N], pushed: 0 }
    }
}

impl<const N: usize> Ring<N> {
    fn push(&mut self, value: f64) {
        self.values[self.pushed % N] = value;
        self.pushed += 1;
    }
    fn newest_first(&self) -> impl Iterator<Item = f64> {
        (1..=self.pushed.min(N)).map(|back| self.values[(self.pushed - back) % N])
    }
}
