//! Candles and contexts: what lies beside books and trades in a recording. A replay of books does not use
//! them; `botmm candles` does.
//!
//! `candles_COIN.csv` is a state of a bar a row ([`table`]), `ctxs_COIN.csv` what the venue said of a coin
//! ([`ctx`]): funding, open interest, its prices. [`answers`] reads bars as venues answer with them.

pub mod answers;
pub mod ctx;
pub mod interval;
pub mod kind;
pub mod log;
pub mod read;
pub mod series;
pub mod spool;
pub mod table;
pub mod volatility;

use botmm_pipeline::types::{Candle, Nanos, Qty, Usd};
use interval::Interval;

/// A bar, as it was at some moment: the newest of a live feed still grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// How long it is.
    pub interval: Interval,
    /// When it opens, and its prices.
    pub candle: Candle,
    /// What was traded in it, in coins.
    pub volume: Qty,
    /// The same in money, where it is told.
    pub turnover: Option<Usd>,
    /// How many trades, where it is told.
    pub trades: Option<u64>,
    /// When this state of it was received, where it is known.
    pub recv_time: Option<Nanos>,
}

impl Bar {
    /// When it is over: the first moment that is not of it.
    pub fn end(&self) -> Nanos {
        self.candle.open_time + self.interval.span()
    }

    /// # Errors
    /// In words why it can be no bar of a market.
    pub fn check(&self) -> Result<(), String> {
        let Candle { open_time, open, high, low, close } = self.candle;
        if high < low {
            return Err(format!("high {high} is below low {low}"));
        }
        if !self.candle.is_sound() {
            let outside =
                format!("open {open} or close {close} is not between low {low} and high {high}");
            return Err(match low.is_positive() {
                true => outside,
                false => format!("low {low}: a price is positive"),
            });
        }
        if self.volume < Qty::ZERO || self.turnover.is_some_and(|usd| usd < Usd::ZERO) {
            return Err("a volume below zero".to_owned());
        }
        if open_time.0.rem_euclid(self.interval.span().0) != 0 {
            let (at, name) = (crate::when::utc(open_time), self.interval.name());
            return Err(format!("opens at {at}: no bar of {name} opens then"));
        }
        Ok(())
    }
}
