//! What a run's profit is worth: drawdown, days, Sharpe ratio, and how much trading it took.

use super::number::{exact, exact_map};
use super::profit::{BySymbol, ratio};
use super::reasons::time_at_limit;
use super::stats::sharpe::Shape;
use super::stats::{DAYS_A_YEAR, MIN_DAYS, Z_95};
use crate::when::utc_date;
use botmm_pipeline::stage::numbers::AssetNumbers;
use botmm_pipeline::types::{DayNet, Usd};
use serde::Serialize;
use std::collections::BTreeMap;

/// Profit by UTC day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Days(BTreeMap<i64, DayNet>);

impl Days {
    /// Takes in a day, or a part of one. A day that comes twice, because the clock was set back, is
    /// added up and is not whole.
    pub fn add(&mut self, day: DayNet) {
        let sum = self.0.entry(day.day).or_insert(DayNet { net: Usd::ZERO, ..day });
        *sum = DayNet { net: sum.net + day.net, whole: sum.whole && day.whole, ..day };
    }

    fn whole(&self) -> Vec<Usd> {
        self.0.values().filter(|d| d.whole).map(|d| d.net).collect()
    }
}

/// What is not of one symbol.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunCounts {
    /// What returns are counted on.
    pub capital: Usd,
    /// Deepest fall of the profit at the marks from a peak of this run.
    pub max_drawdown: Usd,
    /// Cancels sent.
    pub cancels: u64,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RunMetrics {
    /// Deepest fall of the profit at the marks from a peak of this run.
    #[serde(serialize_with = "exact")]
    pub max_drawdown_usd: Usd,
    /// Profit of each UTC day, after fees and funding; they add up to the net profit.
    #[serde(serialize_with = "exact_map")]
    pub daily_pnl_usd: BTreeMap<String, Usd>,
    /// Which of them the run did not see from midnight to midnight: the first, and the present one.
    pub partial_days: Vec<String>,
    /// Of the whole days; nothing when there are too few.
    pub sharpe: Option<Sharpe>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sharpe_note: Option<String>,
    /// Fills over orders and modifications sent.
    pub fill_rate: Option<f64>,
    /// Value of the fills over the value of these.
    pub volume_fill_rate: Option<f64>,
    /// Value of the fills over the capital.
    pub turnover: Option<f64>,
    /// Share of time in which a side was withheld because of the position, over all symbols.
    pub time_at_limit: Option<f64>,
    /// Orders, modifications and cancels sent for each fill.
    pub actions_per_fill: Option<f64>,
}

impl RunMetrics {
    /// Of a run.
    pub fn of(traded: &BySymbol, days: &Days, run: &RunCounts) -> Self {
        let count =
            |value: &dyn Fn(&AssetNumbers) -> u64| -> u64 { traded.values().map(value).sum() };
        let sum =
            |value: &dyn Fn(&AssetNumbers) -> Usd| -> Usd { traded.values().map(value).sum() };
        let (quotes, fills) = (count(&|t| t.quotes), count(&|t| t.fills));
        let volume = sum(&|t| t.volume);
        let per = |n: u64, of: u64| (of > 0).then(|| n as f64 / of as f64);
        let (sharpe, sharpe_note) = match Sharpe::of(&days.whole(), run.capital) {
            Ok(sharpe) => (Some(sharpe), None),
            Err(why) => (None, Some(why)),
        };
        let dated = || days.0.values().map(|d| (utc_date(d.day), d));
        Self {
            max_drawdown_usd: run.max_drawdown,
            daily_pnl_usd: dated().map(|(date, d)| (date, d.net)).collect(),
            partial_days: dated().filter(|(_, d)| !d.whole).map(|(date, _)| date).collect(),
            sharpe,
            sharpe_note,
            fill_rate: per(fills, quotes),
            volume_fill_rate: ratio(volume, sum(&|t| t.quoted)),
            turnover: ratio(volume, run.capital),
            time_at_limit: mean(traded.values().filter_map(|t| time_at_limit(&t.reasons))),
            actions_per_fill: per(quotes + run.cancels, fills),
        }
    }
}

/// Symbols are watched over the same time, so each weighs the same.
fn mean(shares: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    let count = shares.clone().count();
    (count > 0).then(|| shares.sum::<f64>() / count as f64)
}

/// Mean over standard deviation (n − 1) of daily returns on the capital, a year's worth (× √365).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Sharpe {
    /// The ratio.
    pub value: f64,
    /// It lies between here…
    pub low: f64,
    /// …and here with 95 %, if days are independent and alike: Lo, "The Statistics of Sharpe
    /// Ratios" (2002), standard error √((1 + SR²/2)/n) of a day's ratio SR.
    pub high: f64,
}

impl Sharpe {
    /// Of whole days' profits, or why not.
    fn of(days: &[Usd], capital: Usd) -> Result<Self, String> {
        if days.len() < MIN_DAYS {
            return Err(format!(
                "nothing under {MIN_DAYS} whole UTC days is annualised, and this run has {}",
                days.len()
            ));
        }
        let returns: Vec<f64> = days.iter().filter_map(|d| ratio(*d, capital)).collect();
        // Of alike days the sum of floats may leave a trace of risk.
        let is_alike = days.iter().all(|d| *d == days[0]);
        let Some(shape) = Shape::of(&returns).filter(|_| !is_alike) else {
            return Err("all days are alike: there is no risk to compare with".to_owned());
        };
        let daily = shape.sharpe;
        let error = ((1.0 + daily * daily / 2.0) / days.len() as f64).sqrt();
        let annual = |ratio: f64| ratio * DAYS_A_YEAR.sqrt();
        Ok(Self {
            value: annual(daily),
            low: annual(daily - Z_95 * error),
            high: annual(daily + Z_95 * error),
        })
    }
}
