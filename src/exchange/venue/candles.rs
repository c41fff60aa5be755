//! What the public remembers of an asset's trades: the newest of them, and bars.

use crate::exchange::model::{Candle, PublicTrade};
use botmm_pipeline::types::{Nanos, Px, Qty, Usd, notional};
use std::collections::VecDeque;

/// Trades remembered.
const MAX_TRADES: usize = 2_000;
/// Length of the bars that all others are made of.
const BASE: Nanos = Nanos::secs(60);
/// Bars remembered: four days.
const MAX_BARS: usize = 4 * 1_440;
/// Bars in one answer, the newest ones (PROTOCOL §2).
const MAX_ANSWER: i64 = 5_000;
/// What "a day ago" means in an asset's context.
const DAY: Nanos = Nanos::secs(86_400);

/// A one-minute bar with the value that it traded.
#[derive(Clone, Copy, Debug)]
struct Bar {
    candle: Candle,
    value: Usd,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Tape {
    trades: VecDeque<PublicTrade>,
    bars: VecDeque<Bar>,
}

impl Tape {
    /// Takes in the newest trade.
    pub fn push(&mut self, trade: PublicTrade) {
        let open_time = slot(trade.time, BASE);
        let value = notional(trade.px, trade.qty);
        match self.bars.back_mut() {
            Some(bar) if bar.candle.open_time == open_time => {
                bar.value += value;
                add(&mut bar.candle, &single(open_time, trade.px, trade.qty));
            }
            _ => {
                if self.bars.len() == MAX_BARS {
                    self.bars.pop_front();
                }
                let candle = single(open_time, trade.px, trade.qty);
                self.bars.push_back(Bar { candle, value });
            }
        }
        if self.trades.len() == MAX_TRADES {
            self.trades.pop_front();
        }
        self.trades.push_back(trade);
    }

    /// The newest trades, newest last.
    pub fn trades(&self) -> &VecDeque<PublicTrade> {
        &self.trades
    }

    /// Price a day before `now` (the first one known, when there is none), and value and size
    /// traded since.
    pub fn day(&self, now: Nanos) -> (Option<Px>, Usd, Qty) {
        let since = self.bars.partition_point(|bar| bar.candle.open_time <= now - DAY);
        let before = since.checked_sub(1).and_then(|i| self.bars.get(i)).map(|b| b.candle.close);
        let first = self.bars.front().map(|bar| bar.candle.open);
        let today = self.bars.range(since..);
        let (mut value, mut qty) = (Usd::ZERO, Qty::ZERO);
        for bar in today {
            value += bar.value;
            qty += bar.candle.volume;
        }
        (before.or(first), value, qty)
    }

    /// Bars of an interval whose open lies in `from..=to`, up to `now`, oldest first. A bar in
    /// which nothing traded is flat at the price before. Intervals start at multiples of their
    /// length since 1970.
    pub fn candles(&self, interval: Nanos, from: Nanos, to: Nanos, now: Nanos) -> Vec<Candle> {
        let Some(first) = self.bars.front() else { return Vec::new() };
        if interval < BASE {
            return Vec::new();
        }
        let last = slot(to.min(now), interval);
        let oldest = Nanos(last.0.saturating_sub((MAX_ANSWER - 1).saturating_mul(interval.0)));
        let from = slot(from + Nanos(interval.0 - 1), interval);
        let begin = from.max(slot(first.candle.open_time, interval)).max(oldest);
        let mut next = self.bars.partition_point(|bar| bar.candle.open_time < begin);
        let mut close = match next.checked_sub(1) {
            Some(before) => self.bars[before].candle.close,
            None => first.candle.open,
        };
        let mut candles = Vec::new();
        let mut open_time = begin;
        while open_time <= last {
            let mut candle = flat(open_time, close);
            while let Some(bar) = self.bars.get(next) {
                if bar.candle.open_time >= open_time + interval {
                    break;
                }
                add(&mut candle, &bar.candle);
                next += 1;
            }
            close = candle.close;
            candles.push(candle);
            open_time = open_time + interval;
        }
        candles
    }
}

/// First instant of the interval that a moment lies in.
fn slot(time: Nanos, interval: Nanos) -> Nanos {
    Nanos(time.0.div_euclid(interval.0).saturating_mul(interval.0))
}

fn single(open_time: Nanos, px: Px, qty: Qty) -> Candle {
    Candle { volume: qty, trades: 1, ..flat(open_time, px) }
}

fn flat(open_time: Nanos, px: Px) -> Candle {
    let (open, close, high, low) = (px, px, px, px);
    Candle { open_time, open, close, high, low, volume: Qty::ZERO, trades: 0 }
}

/// Appends a later bar to one that goes on.
fn add(candle: &mut Candle, later: &Candle) {
    if candle.trades == 0 {
        *candle = Candle { open_time: candle.open_time, ..*later };
        return;
    }
    candle.close = later.close;
    candle.high = candle.high.max(later.high);
    candle.low = candle.low.min(later.low);
    candle.volume += later.volume;
    candle.trades += later.trades;
}
