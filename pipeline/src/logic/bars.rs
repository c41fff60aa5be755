//! Bars of the mid, what came before the start included, and Wilder's average true range on them
//! (STRATEGY §1).

use crate::types::limits::MAX_FLAT_BARS;
use crate::types::{Candle, Nanos, Px};

/// Bars in Wilder's average.
const ATR_BARS: u32 = 14;
/// Expected range of a Brownian path over its standard deviation: sqrt(8/π).
const RANGE_OVER_SIGMA: f64 = 1.595_769_121_605_731;

/// What is computed from closed bars.
pub trait OnBar {
    /// A bar closed. They come in order and without gaps.
    fn on_bar(&mut self, bar: &Candle);
    /// Forgets every bar: a history begins.
    fn reset(&mut self);
}

/// Builds bars of one length, aligned to the epoch, and hands the closed ones to its consumer.
#[derive(Clone, Copy, Debug)]
pub struct Bars<C> {
    length: Nanos,
    consumer: C,
    /// The bar that grows with the mid.
    open: Option<Candle>,
    /// The newest bar that the consumer had.
    closed: Option<Candle>,
    history: Option<History>,
}

/// The newest bar of a back-fill that is not over.
#[derive(Clone, Copy, Debug)]
struct History {
    bar: Candle,
    /// When the newest candle in it begins.
    newest: Nanos,
}

impl<C: OnBar> Bars<C> {
    /// Bars of `length` (> 0) for `consumer`.
    pub fn new(length: Nanos, consumer: C) -> Self {
        assert!(length > Nanos::ZERO, "a bar must have a length");
        Self { length, consumer, open: None, closed: None, history: None }
    }

    /// Length of a bar.
    pub fn length(&self) -> Nanos {
        self.length
    }
    /// What is computed from the bars.
    pub fn consumer(&self) -> &C {
        &self.consumer
    }
    /// Likewise, to give it other parameters.
    pub fn consumer_mut(&mut self) -> &mut C {
        &mut self.consumer
    }

    /// Takes note of a mid. Bars without any are filled flat at the last close; a time before the
    /// open bar and a mid that is no price are ignored. A bar that ends while its history still
    /// comes is held open for it, at most for the length of one more.
    pub fn update(&mut self, now: Nanos, mid: Px) {
        if !mid.is_positive() {
            return;
        }
        let start = self.start_of(now);
        if self.open.is_none() && self.history.is_some_and(|h| start <= h.bar.open_time) {
            self.back_filled();
        }
        let Some(open) = &mut self.open else {
            self.open = Some(Candle::flat(start, mid));
            return;
        };
        if start == open.open_time {
            open.extend(&Candle::flat(start, mid));
        } else if start > open.open_time {
            let is_next = start - open.open_time == self.length;
            if !(is_next && self.history.is_some()) {
                self.begin(start, mid);
            }
        }
    }

    /// Takes note of a candle of before, oldest first; several may fall into one bar, and the last
    /// may be the one that is open. The first after [`Bars::back_filled`] begins anew: the consumer
    /// forgets its bars. A candle that cannot be, is not newer than the one before it, or is newer
    /// than the open bar, is ignored.
    pub fn back_fill(&mut self, candle: &Candle) {
        let bar = Candle { open_time: self.start_of(candle.open_time), ..*candle };
        let is_newer_than_open = self.open.is_some_and(|o| bar.open_time > o.open_time);
        if !candle.is_sound() || is_newer_than_open {
            return;
        }
        let newest = candle.open_time;
        let Some(history) = &mut self.history else {
            self.consumer.reset();
            self.closed = None;
            self.history = Some(History { bar, newest });
            return;
        };
        if newest <= history.newest {
            return;
        }
        history.newest = newest;
        if bar.open_time == history.bar.open_time {
            history.bar.extend(&bar);
        } else {
            let complete = std::mem::replace(&mut history.bar, bar);
            self.close(&complete);
        }
    }

    /// There are no more candles of before: bars go on from them.
    pub fn back_filled(&mut self) {
        let Some(History { bar: mut newest, .. }) = self.history.take() else { return };
        let open = match self.open {
            // It may still grow.
            None => newest,
            Some(open) if open.open_time == newest.open_time => {
                newest.extend(&open);
                newest
            }
            Some(open) => {
                self.close(&newest);
                open
            }
        };
        self.fill_until(open.open_time);
        self.open = Some(open);
    }

    fn start_of(&self, time: Nanos) -> Nanos {
        time - Nanos(time.0.rem_euclid(self.length.0))
    }

    fn begin(&mut self, start: Nanos, mid: Px) {
        self.back_filled();
        if let Some(ended) = self.open.replace(Candle::flat(start, mid)) {
            self.close(&ended);
            self.fill_until(start);
        }
    }

    fn close(&mut self, bar: &Candle) {
        self.fill_until(bar.open_time);
        self.consumer.on_bar(bar);
        self.closed = Some(*bar);
    }

    /// Closes the bars between the newest closed one and `start`, in which nothing was heard. Of
    /// very many only the last: the consumer has forgotten by then what the others would change.
    fn fill_until(&mut self, start: Nanos) {
        let Some(last) = self.closed else { return };
        let missing = (start - last.open_time).0 / self.length.0 - 1;
        for back in (1..=missing.min(MAX_FLAT_BARS)).rev() {
            let flat = Candle::flat(start - Nanos(back * self.length.0), last.close);
            self.consumer.on_bar(&flat);
            self.closed = Some(flat);
        }
    }
}

/// Wilder's average true range over 14 bars.
#[derive(Clone, Copy, Debug, Default)]
pub struct Atr {
    previous_close: Option<Px>,
    value: f64,
    closed: u32,
}

impl OnBar for Atr {
    /// The mean of what has closed until 14 have, then Wilder's average.
    fn on_bar(&mut self, bar: &Candle) {
        let reference = self.previous_close.unwrap_or(bar.close);
        let range = bar.high.max(reference) - bar.low.min(reference);
        self.closed = self.closed.saturating_add(1);
        self.value += (range.to_f64() - self.value) / f64::from(self.closed.min(ATR_BARS));
        self.previous_close = Some(bar.close);
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

impl Bars<Atr> {
    /// Average true range in price units. Until 14 bars have closed, the range that the volatility
    /// (`vol_bps` over `horizon_s`) makes likely: σ·sqrt(bar)·sqrt(8/π).
    pub fn atr(&self, mid: Px, vol_bps: f64, horizon_s: f64) -> f64 {
        if self.consumer.closed >= ATR_BARS {
            return self.consumer.value;
        }
        let sigma = vol_bps * 1e-4 * (self.length.as_secs_f64() / horizon_s).sqrt();
        mid.to_f64() * sigma * RANGE_OVER_SIGMA
    }
}

#[cfg(test)]
mod tests;
