//! The files of a backtest that `backtest` writes and the page reads: `results.json`, and of a task's file the samples
//! and the seal. Their keys are an interface (docs/backtest.md); older results lack some of them.

use super::number::{Money, bps, exact};
use crate::sha256;
use botmm_pipeline::types::{Bps, Nanos, Usd};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The name of the file.
pub const RESULTS: &str = "results.json";
/// See [`Results::kind`].
pub const KIND: &str = "backtest";
/// See [`Results::version`].
pub const VERSION: u32 = 1;

/// What all replays of a job came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Results {
    /// Always [`KIND`].
    pub kind: String,
    /// Of these keys: [`VERSION`].
    pub version: u32,
    /// This program's version.
    pub botmm: String,
    /// Of this program.
    pub binary_sha256: String,
    /// Of the tasks.
    pub plan_sha256: String,
    /// The recordings.
    pub days: Vec<Recording>,
    /// Where there are none between them.
    pub gaps: Vec<String>,
    /// Each day began with nothing held; else the position went on over days.
    pub flat_days: bool,
    /// Time between samples of the money, seconds.
    pub sample_every_s: f64,
    /// Replays.
    pub replays: usize,
    /// Replays that are planned and not in it.
    pub missing: usize,
    /// Sets of parameters that were tried, those of earlier rungs included.
    pub sets_tried: usize,
    /// Sets of this job that decided otherwise than each other, under the assumptions that part most of them.
    /// [`None`] = not told, by an older file.
    pub sets_distinct: Option<usize>,
    /// Of successive halving: the rung, from 0.
    pub rung: Option<usize>,
    /// By id.
    pub rows: Vec<Row>,
    /// Queue models side by side.
    pub bands: Vec<Band>,
    /// The best set under each set of assumptions, with what guards against over-fitting.
    pub best: Vec<Best>,
    /// Chosen on one part, judged on the next.
    pub walk_forward: Vec<Forward>,
}

/// A recording, by what it holds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Recording {
    /// Of its folder.
    pub name: String,
    /// First moment, UTC.
    pub from: String,
    /// Last moment, UTC.
    pub to: String,
    /// By name.
    pub files: Vec<RecordingFile>,
}

/// A file of a recording.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordingFile {
    /// Without its folder.
    pub name: String,
    /// Of its bytes.
    pub sha256: String,
}

/// A set of parameters under one set of assumptions, over all days.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    /// Of its one task, else of the ids of its tasks together.
    pub id: String,
    /// The parameters in words.
    pub set: String,
    /// What differs from the configuration: `[COIN.][TABLE.]KEY`.
    pub params: BTreeMap<String, Value>,
    /// Traded together.
    pub coins: Vec<String>,
    /// Their recordings, in order of time.
    pub days: Vec<String>,
    /// First moment, UTC.
    pub from: String,
    /// Last moment, UTC.
    pub to: String,
    /// Time replayed, seconds.
    pub span_s: f64,
    /// Our place in the queues.
    pub queue: String,
    /// When events reach us.
    pub feed: String,
    /// How long orders and answers take.
    pub latency: String,
    /// The venue's rules.
    pub rules: String,
    /// What the maker's fee is called.
    pub fee: String,
    /// The maker's fee, basis points; positive = cost.
    #[serde(serialize_with = "exact", deserialize_with = "bps")]
    pub fee_bps: Bps,
    /// Of everything random.
    pub seed: u64,
    /// Market events.
    pub events: u64,
    /// Decisions.
    pub decisions: u64,
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
    /// After both; negative = a loss.
    pub net_usd: Money,
    /// Where the net lies; nothing where there are too few samples to tell.
    pub net_interval: Option<NetInterval>,
    /// Deepest fall from a peak, of any replay; falls over several flat days are not in it.
    pub max_drawdown_usd: Money,
    /// Of a year, from seven whole days on.
    pub sharpe: Option<f64>,
    /// Why there is none.
    pub sharpe_note: Option<String>,
    /// What is held at the end, by coin; of flat days at the last one's.
    pub position_usd: BTreeMap<String, Money>,
    /// Our equity less the venue's, of all replays.
    pub residual_usd: Option<Money>,
    /// Limits that halted a replay.
    pub halted: Vec<String>,
    /// The replays.
    pub tasks: Vec<Part>,
    /// What the numbers rest on, in words.
    pub notes: Vec<String>,
    /// What a reader must be warned of.
    pub warnings: Vec<String>,
}

/// One replay of a row.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Part {
    /// Its file is `tasks/ID.json`.
    pub id: String,
    /// Its recordings.
    pub days: Vec<String>,
    /// Over all decisions and actions.
    pub decision_hash: String,
    /// What it earned.
    pub net_usd: Money,
    /// Of its configuration.
    pub config_sha256: String,
}

/// Where the net of the span lies, by a stationary block bootstrap of what was earned between samples.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NetInterval {
    /// Of all resamples so many lie inside.
    pub level: f64,
    /// Not below.
    pub low_usd: f64,
    /// Not above.
    pub high_usd: f64,
    /// Mean over its standard error.
    pub t: f64,
    /// Resamples.
    pub draws: usize,
    /// Mean length of a block, samples.
    pub mean_block: f64,
    /// How many.
    pub samples: usize,
}

/// One set under one set of assumptions but for the queue: between the cautious and the lucky.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Band {
    /// The parameters in words.
    pub set: String,
    /// Traded together.
    pub coins: Vec<String>,
    /// See the rows.
    pub feed: String,
    /// See the rows.
    pub latency: String,
    /// See the rows.
    pub fee: String,
    /// By queue model.
    pub by_queue: BTreeMap<String, InBand>,
    /// The least of them.
    pub low_usd: Money,
    /// The most of them.
    pub high_usd: Money,
}

/// What one queue model says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct InBand {
    /// The row.
    pub id: String,
    /// How many.
    pub fills: u64,
    /// After fees and funding.
    pub net_usd: Money,
}

/// A set that was chosen, and the assumptions under which it was.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Chosen {
    /// Its parameters in words.
    pub set: String,
    /// Traded together.
    pub coins: Vec<String>,
    /// The assumptions; see the rows.
    pub queue: String,
    /// See the rows.
    pub feed: String,
    /// See the rows.
    pub latency: String,
    /// See the rows.
    pub fee: String,
}

/// The best set under one set of assumptions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Best {
    /// The row.
    pub id: String,
    /// Which set.
    #[serde(flatten)]
    pub chosen: Chosen,
    /// After fees and funding.
    pub net_usd: Money,
    /// Its interval is above zero.
    pub is_above_zero: bool,
    /// Sets that it is the best of, those of earlier rungs included.
    pub sets_tried: usize,
    /// Probability that its Sharpe ratio is above that of the best of so many without any skill (Bailey and
    /// López de Prado 2014).
    pub deflated_sharpe: Option<f64>,
    /// Why there is none.
    pub deflated_sharpe_note: Option<String>,
    /// Probability that the best in sample is below the median out of sample (CSCV; Bailey and others 2017).
    pub overfit_probability: Option<f64>,
    /// Why there is none.
    pub overfit_note: Option<String>,
}

/// A set chosen on one part of the span and judged on the next.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Forward {
    /// The part that it was chosen on, from 0.
    pub part: usize,
    /// Parts in all.
    pub parts: usize,
    /// Which set.
    #[serde(flatten)]
    pub chosen: Chosen,
    /// What it earned where it was chosen, the most of all sets.
    pub chosen_usd: f64,
    /// What it earned on the part after.
    pub judged_usd: f64,
    /// What the set that was best there earned.
    pub best_there_usd: f64,
}

/// Samples of the money since the start, a list a column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// When, unix milliseconds.
    pub time_ms: Vec<i64>,
    /// Before fees and funding.
    pub gross_usd: Vec<Money>,
    /// Positive = paid.
    pub fees_usd: Vec<Money>,
    /// Positive = paid.
    pub funding_usd: Vec<Money>,
    /// What is held, every coin by its worth.
    pub held_usd: Vec<Money>,
    /// How many.
    pub fills: Vec<u64>,
    /// Their value.
    pub volume_usd: Vec<Money>,
}

/// A task's file: what it came to and the hash of that, so that a torn one is known.
#[derive(Serialize, Deserialize)]
struct Sealed<'a> {
    sha256: String,
    #[serde(borrow)]
    outcome: &'a RawValue,
}

impl Results {
    /// As a file.
    ///
    /// # Errors
    /// Never, of what was made here.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }
}

impl Row {
    /// Below what the net is with the interval's level; without one, below everything.
    pub fn low(&self) -> f64 {
        self.net_interval.map_or(f64::NEG_INFINITY, |i| i.low_usd)
    }

    /// The least doubtful first: by what the net is not below, then by the net.
    pub fn by_doubt(&self, other: &Self) -> Ordering {
        let by_low = other.low().total_cmp(&self.low());
        by_low.then(other.net_usd.cmp(&self.net_usd)).then(self.id.cmp(&other.id))
    }
}

impl Flow {
    /// What was earned after fees and funding in each stretch of the clock, from the first moment on, USD. A sample
    /// is taken at the first moment after a stretch, the last one at the end.
    pub fn earned(&self, from: Nanos, to: Nanos, every: Nanos) -> Vec<f64> {
        let first = from.0.div_euclid(every.0);
        let last = to.0.div_euclid(every.0).max(first);
        let mut earned = vec![0.0; (last - first + 1) as usize];
        let mut before = Usd::ZERO;
        for (i, ms) in self.time_ms.iter().enumerate() {
            let is_end = i + 1 == self.time_ms.len();
            let stretch = (ms * 1_000_000).div_euclid(every.0) - i64::from(!is_end);
            let net = self.gross_usd[i].0 - self.fees_usd[i].0 - self.funding_usd[i].0;
            earned[(stretch.clamp(first, last) - first) as usize] += (net - before).to_f64();
            before = net;
        }
        earned
    }
}

/// A task's file, of what the task came to.
///
/// # Errors
/// Never, of what was made here.
pub fn sealed(outcome: &RawValue) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Sealed { sha256: sha256::of(outcome.get().as_bytes()), outcome })
}

/// What a task came to, or as much of it as is asked for, from its file.
///
/// # Errors
/// In words: it is torn, or not such a file.
pub fn unsealed<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let sealed: Sealed<'_> = serde_json::from_str(text).map_err(|e| format!("torn ({e})"))?;
    let outcome = sealed.outcome.get();
    match sha256::of(outcome.as_bytes()) == sealed.sha256 {
        true => serde_json::from_str(outcome).map_err(|e| format!("not a result ({e})")),
        false => Err("damaged: its hash is another".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_older_results_too() {
        let chosen = Chosen { set: "s=1".to_owned(), fee: "base".to_owned(), ..Chosen::default() };
        let net_usd = Money(Usd::parse("-1234567.12345678").unwrap());
        let row = Row { fee_bps: Bps::from_e8(-3_001), net_usd, ..Row::default() };
        let results = Results {
            kind: KIND.to_owned(),
            sets_distinct: Some(2),
            rows: vec![row],
            best: vec![Best { chosen: chosen.clone(), net_usd, ..Best::default() }],
            walk_forward: vec![Forward { part: 1, chosen, ..Forward::default() }],
            ..Results::default()
        };
        let text = results.to_json().unwrap();
        let read: Results = serde_json::from_str(&text).unwrap();
        assert_eq!(read.to_json().unwrap(), text);
        for part in ["\"fee_bps\": -0.3001,", "\"net_usd\": -1234567.12345678,"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        let older =
            r#"{"kind": "backtest", "version": 1, "rows": [{"id": "ab"}], "best": [{}], "new": 1}"#;
        let read: Results = serde_json::from_str(older).unwrap();
        assert_eq!((read.rows[0].id.as_str(), read.best.len()), ("ab", 1));
        assert!(read.sets_distinct.is_none() && read.rows[0].low() == f64::NEG_INFINITY);
    }
}
