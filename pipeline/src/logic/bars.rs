//! Candles of the mid, and Wilder's average true range on them (STRATEGY §1).

use crate::types::{Nanos, Px};

/// Bars in Wilder's average.
const ATR_BARS: u32 = 14;
/// Expected range of a Brownian path over its standard deviation: sqrt(8/π).
const RANGE_OVER_SIGMA: f64 = 1.595_769_121_605_731;

/// Builds bars of one length and averages their true range.
#[derive(Clone, Copy, Debug)]
pub struct Bars {
    length: Nanos,
    open_time: Option<Nanos>,
    high: f64,
    low: f64,
    close: f64,
    previous_close: Option<f64>,
    atr: f64,
    closed: u32,
}

impl Bars {
    /// Bars of `length`, aligned to the epoch.
    pub fn new(length: Nanos) -> Self {
        assert!(length > Nanos::ZERO, "a bar must have a length");
        Self {
            length,
            open_time: None,
            high: 0.0,
            low: 0.0,
            close: 0.0,
            previous_close: None,
            atr: 0.0,
            closed: 0,
        }
    }

    /// Takes note of a mid. Bars without any are filled flat at the last close; a time before the
    /// open bar is ignored.
    pub fn update(&mut self, now: Nanos, mid: Px) {
        let mid = mid.to_f64();
        let bar_start = Nanos(now.0.div_euclid(self.length.0) * self.length.0);
        let Some(open_time) = self.open_time else {
            self.open(bar_start, mid);
            return;
        };
        if bar_start < open_time {
            return;
        }
        let passed = (bar_start.0 - open_time.0) / self.length.0;
        if passed > 0 {
            self.close_bar();
            // Beyond Wilder's memory more flat bars change nothing: the loop stays bounded.
            for _ in 1..passed.min(i64::from(8 * ATR_BARS)) {
                let close = self.close;
                self.open(open_time, close);
                self.close_bar();
            }
            self.open(bar_start, mid);
        }
        self.high = self.high.max(mid);
        self.low = self.low.min(mid);
        self.close = mid;
    }

    fn open(&mut self, at: Nanos, mid: f64) {
        self.open_time = Some(at);
        (self.high, self.low, self.close) = (mid, mid, mid);
    }

    fn close_bar(&mut self) {
        let reference = self.previous_close.unwrap_or(self.close);
        let range = self.high.max(reference) - self.low.min(reference);
        self.closed = self.closed.saturating_add(1);
        let n = f64::from(self.closed.min(ATR_BARS));
        self.atr += (range - self.atr) / n;
        self.previous_close = Some(self.close);
    }

    /// Average true range in price units. Until 14 bars have closed, the range that the volatility
    /// (`vol_bps` over `horizon_s`) makes likely: σ·sqrt(bar)·sqrt(8/π).
    pub fn atr(&self, mid: Px, vol_bps: f64, horizon_s: f64) -> f64 {
        if self.closed >= ATR_BARS {
            return self.atr;
        }
        let sigma = vol_bps * 1e-4 * (self.length.as_secs_f64() / horizon_s).sqrt();
        mid.to_f64() * sigma * RANGE_OVER_SIGMA
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wilder's ATR, straight from the definition.
    fn wilder(bars: &[(f64, f64, f64)]) -> f64 {
        let ranges: Vec<f64> = bars
            .iter()
            .enumerate()
            .map(|(i, (h, l, c))| {
                let reference = if i == 0 { *c } else { bars[i - 1].2 };
                h.max(reference) - l.min(reference)
            })
            .collect();
        let first: f64 = ranges[..14].iter().sum::<f64>() / 14.0;
        ranges[14..].iter().fold(first, |a, r| (a * 13.0 + r) / 14.0)
    }

    #[test]
    fn equals_the_definition() {
        let mut bars = Bars::new(Nanos::secs(60));
        let mut reference = Vec::new();
        for i in 0..40_i64 {
            let base = 1000 + (i * 37) % 23;
            let path = [base, base + i % 5, base - i % 3, base + 1];
            for (j, p) in path.iter().enumerate() {
                bars.update(Nanos::secs(i * 60 + j as i64 * 10), Px::whole(*p));
            }
            let f = path.map(|p| p as f64);
            reference.push((
                f.iter().copied().fold(f64::MIN, f64::max),
                f.iter().copied().fold(f64::MAX, f64::min),
                f[3],
            ));
        }
        bars.update(Nanos::secs(40 * 60), Px::whole(1));
        let atr = bars.atr(Px::whole(1000), 0.0, 10.0);
        assert!((atr - wilder(&reference)).abs() < 1e-9, "{atr}");
    }

    #[test]
    fn gaps_are_flat_bars_and_warm_up_is_estimated() {
        let mut bars = Bars::new(Nanos::secs(60));
        bars.update(Nanos::ZERO, Px::whole(100));
        // 10 bps over 10 s is 24.5 bps a minute, times 1.596.
        assert!((bars.atr(Px::whole(100), 10.0, 10.0) - 0.390_88).abs() < 1e-4);
        bars.update(Nanos::secs(60 * 14), Px::whole(100));
        assert!(bars.atr(Px::whole(100), 10.0, 10.0).abs() < 1e-12, "14 flat bars");
        bars.update(Nanos::secs(5), Px::whole(900));
        assert!(bars.atr(Px::whole(100), 10.0, 10.0).abs() < 1e-12, "the past is ignored");
    }
}
