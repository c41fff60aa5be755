//! What a page takes from a backtest's folder: `results.json`, and of the set that it is about the files of its
//! replays (docs/backtest.md). Their keys are an interface.

use super::super::run::summary::{Amount, Kept};
use crate::exit::AppError;
use crate::files;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::Path;

/// The reduction of all replays.
pub const RESULTS: &str = "results.json";
/// Where each replay's file lies.
const OUTCOMES: &str = "tasks";
/// No file of these is larger.
const MAX_BYTES: u64 = 1 << 30;

/// See the module.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Results {
    pub kind: String,
    pub version: u32,
    pub botmm: String,
    pub binary_sha256: String,
    pub plan_sha256: String,
    pub days: Vec<Recording>,
    pub gaps: Vec<String>,
    pub flat_days: bool,
    pub replays: u64,
    pub missing: u64,
    pub sets_tried: u64,
    pub sets_distinct: Option<u64>,
    pub rung: Option<u64>,
    pub rows: Vec<Row>,
    pub bands: Vec<Band>,
    pub best: Vec<Best>,
    pub walk_forward: Vec<Forward>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Recording {
    pub name: String,
    pub from: String,
    pub to: String,
    pub files: Vec<File>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct File {
    pub name: String,
    pub sha256: String,
}

/// A set of parameters under one set of assumptions.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    pub id: String,
    pub set: String,
    pub coins: Vec<String>,
    pub from: String,
    pub to: String,
    pub span_s: f64,
    pub queue: String,
    pub feed: String,
    pub latency: String,
    pub rules: String,
    pub fee: String,
    pub fee_bps: f64,
    pub seed: u64,
    pub fills: u64,
    pub volume_usd: Amount,
    pub gross_usd: Amount,
    pub fees_usd: Amount,
    pub funding_usd: Amount,
    pub net_usd: Amount,
    pub net_interval: Option<Interval>,
    pub max_drawdown_usd: Amount,
    pub sharpe: Option<f64>,
    pub sharpe_note: Option<String>,
    pub residual_usd: Option<Amount>,
    pub halted: Vec<String>,
    pub tasks: Vec<Task>,
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Interval {
    pub low_usd: f64,
    pub high_usd: f64,
    pub t: f64,
    pub mean_block: f64,
    pub samples: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Task {
    pub id: String,
    pub decision_hash: String,
    pub config_sha256: String,
}

/// Queue models side by side.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Band {
    pub set: String,
    pub coins: Vec<String>,
    pub feed: String,
    pub latency: String,
    pub fee: String,
    pub by_queue: BTreeMap<String, InBand>,
    pub low_usd: Amount,
    pub high_usd: Amount,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct InBand {
    pub fills: u64,
    pub net_usd: Amount,
}

/// The best set under one set of assumptions.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Best {
    pub id: String,
    pub set: String,
    pub queue: String,
    pub feed: String,
    pub latency: String,
    pub fee: String,
    pub net_usd: Amount,
    pub is_above_zero: bool,
    pub sets_tried: u64,
    pub deflated_sharpe: Option<f64>,
    pub deflated_sharpe_note: Option<String>,
    pub overfit_probability: Option<f64>,
    pub overfit_note: Option<String>,
}

/// Chosen on one part, judged on the next.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Forward {
    pub part: u64,
    pub parts: u64,
    pub set: String,
    pub queue: String,
    pub feed: String,
    pub latency: String,
    pub fee: String,
    pub chosen_usd: f64,
    pub judged_usd: f64,
    pub best_there_usd: f64,
}

/// What one replay came to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Outcome {
    pub samples: Samples,
    pub summary: Kept,
}

/// The money on the way there, since the replay's start, a list a column.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Samples {
    pub time_ms: Vec<i64>,
    pub gross_usd: Vec<Amount>,
    pub fees_usd: Vec<Amount>,
    pub funding_usd: Vec<Amount>,
    pub held_usd: Vec<Amount>,
}

/// Reads the reduction.
///
/// # Errors
/// It is not there, or none.
pub fn results(folder: &Path) -> Result<Results, AppError> {
    let path = folder.join(RESULTS);
    let text = files::read_text(&path, MAX_BYTES).map_err(AppError::io(&path, "read"))?;
    let refuse = |problem: String| {
        AppError::data(
            path.display().to_string(),
            problem,
            "name the folder of a run or a backtest",
        )
    };
    let results: Results = serde_json::from_str(&text)
        .map_err(|e| refuse(format!("not the result of a backtest: {e}")))?;
    match (results.kind.as_str(), results.version) {
        ("backtest", 1) => Ok(results),
        ("backtest", newer) => Err(refuse(format!("of version {newer}, and this botmm reads 1"))),
        (other, _) => Err(refuse(format!("the result of {other:?}, not of a backtest"))),
    }
}

/// The replays of a row, in order of time, and those that cannot be read, in words.
pub fn outcomes(folder: &Path, row: &Row) -> (Vec<Outcome>, Vec<String>) {
    let (mut all, mut problems) = (Vec::new(), Vec::new());
    for task in &row.tasks {
        // An id is hex digits; anything else is no file of this folder.
        let is_id = !task.id.is_empty() && task.id.bytes().all(|b| b.is_ascii_hexdigit());
        let path = folder.join(OUTCOMES).join(format!("{}.json", task.id));
        let read = match is_id {
            true => files::read_text(&path, MAX_BYTES).map_err(|e| e.to_string()),
            false => Err("no id of a replay".to_owned()),
        };
        match read.and_then(|text| outcome(&text)) {
            Ok(outcome) => all.push(outcome),
            Err(problem) => {
                let id: String = task.id.chars().take(12).collect();
                problems.push(format!("The replay {id} is not in the charts: {problem}."));
            }
        }
    }
    all.sort_by_key(|o| o.samples.time_ms.first().copied());
    (all, problems)
}

fn outcome(text: &str) -> Result<Outcome, String> {
    #[derive(Deserialize)]
    struct OnDisk<'a> {
        #[serde(borrow)]
        outcome: &'a RawValue,
    }
    let wrong = |e: serde_json::Error| e.to_string();
    let disk: OnDisk<'_> = serde_json::from_str(text).map_err(wrong)?;
    serde_json::from_str(disk.outcome.get()).map_err(wrong)
}
