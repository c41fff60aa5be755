//! What one task came to, as its file keeps it.

use super::days::Day;
use super::task::Task;
use crate::report::backtest::{Flow, sealed, unsealed};
use crate::report::{Money, Summary};
use botmm_pipeline::types::Nanos;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The file of a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// Which.
    pub task: Task,
    /// What it came to.
    pub totals: Totals,
    /// The money on the way there.
    pub samples: Flow,
    /// The summary of the replay, as `botmm replay --json` prints it, without timings.
    pub summary: Box<RawValue>,
}

/// The numbers of one replay that a backtest goes by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Totals {
    /// The names of its days.
    pub days: Vec<String>,
    /// First and last moment, by receipt.
    pub from: Nanos,
    /// See `from`.
    pub to: Nanos,
    /// Market events.
    pub events: u64,
    /// Decisions of the quote stage.
    pub decisions: u64,
    /// Over all decisions and actions, 16 hex digits.
    pub decision_hash: String,
    /// How many.
    pub fills: u64,
    /// Their value.
    pub volume_usd: Money,
    /// Before fees and funding.
    pub gross_usd: Money,
    /// Positive = paid.
    pub fees_usd: Money,
    /// Positive = paid.
    pub funding_usd: Money,
    /// After both.
    pub net_usd: Money,
    /// Deepest fall from a peak.
    pub max_drawdown_usd: Money,
    /// What is held at the end, by coin, + long.
    pub position_usd: BTreeMap<String, Money>,
    /// Our equity less the venue's: anything but zero is a defect.
    pub residual_usd: Option<Money>,
    /// Why a limit halted it.
    pub halted: Option<String>,
    /// What the numbers rest on, in words.
    pub notes: Vec<String>,
    /// What a reader must be warned of.
    pub warnings: Vec<String>,
}

impl Totals {
    /// Of a replay of these days.
    pub fn of<'a>(
        summary: &Summary,
        halted: Option<String>,
        days: impl Iterator<Item = &'a Day>,
    ) -> Self {
        let days: Vec<&Day> = days.collect();
        let position = summary.position_usd.iter().map(|(coin, usd)| (coin.clone(), Money(*usd)));
        Self {
            days: days.iter().map(|day| day.name.clone()).collect(),
            from: days.first().map_or(Nanos::ZERO, |day| day.from),
            to: days.last().map_or(Nanos::ZERO, |day| day.to),
            events: summary.events,
            decisions: summary.decisions,
            decision_hash: format!("{:016x}", summary.decision_hash),
            fills: summary.fills,
            volume_usd: Money(summary.volume_usd),
            gross_usd: Money(summary.gross_pnl_usd),
            fees_usd: Money(summary.fees_usd),
            funding_usd: Money(summary.pnl_split.funding_usd),
            net_usd: Money(summary.net_pnl_usd),
            max_drawdown_usd: Money(summary.metrics.max_drawdown_usd),
            position_usd: position.collect(),
            residual_usd: summary.equity_residual_usd.map(Money),
            halted,
            notes: summary.assumptions.notes.clone(),
            warnings: summary.warnings.clone(),
        }
    }
}

impl Outcome {
    /// As a file.
    ///
    /// # Errors
    /// Never, of what was made here.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = sealed(&serde_json::value::to_raw_value(self)?)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// From a file of the task with this id.
    ///
    /// # Errors
    /// In words: it is torn, or another's.
    pub fn read(text: &str, id: &str) -> Result<Self, String> {
        let outcome: Self = unsealed(text)?;
        match outcome.task.id == id {
            true => Ok(outcome),
            false => Err("another task's".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::replay::samples::{Sample, flow};
    use botmm_pipeline::types::Usd;

    #[test]
    fn what_was_earned_is_told_by_stretches_of_the_clock() {
        let sample = |s: i64, gross: i64, fees: i64| Sample {
            time: Nanos::secs(s),
            gross: Usd::whole(gross),
            fees: Usd::whole(fees),
            funding: Usd::ZERO,
            held: Usd::ZERO,
            fills: 0,
            volume: Usd::ZERO,
        };
        // The stretches begin at 100, 110, 120, 130 and 140; nothing happens in the third.
        let samples = [sample(110, 5, 1), sample(121, 5, 2), sample(140, 8, 2), sample(143, 9, 3)];
        let flow = flow(&samples);
        let earned = flow.earned(Nanos::secs(103), Nanos::secs(143), Nanos::secs(10));
        assert_eq!(earned, [4.0, -1.0, 0.0, 3.0, 0.0]);
        let text = serde_json::to_string(&flow).unwrap();
        assert_eq!(serde_json::from_str::<Flow>(&text).unwrap(), flow);
    }
}
