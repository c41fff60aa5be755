//! What a page takes from a backtest's folder: `results.json`, and of the set that it is about the files of its
//! replays (docs/backtest.md). Their keys are an interface.

use super::super::run::summary::Kept;
use crate::exit::AppError;
use crate::files;
use crate::report::backtest::{Flow, KIND, RESULTS, Results, Row, VERSION, unsealed};
use serde::Deserialize;
use std::path::Path;

/// Where each replay's file lies.
const OUTCOMES: &str = "tasks";
/// No file of these is larger.
const MAX_BYTES: u64 = 1 << 30;

/// What one replay came to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Outcome {
    pub samples: Flow,
    pub summary: Kept,
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
        (KIND, VERSION) => Ok(results),
        (KIND, newer) => Err(refuse(format!("of version {newer}, and this botmm reads {VERSION}"))),
        (other, _) => Err(refuse(format!("the result of {other:?}, not of a backtest"))),
    }
}

/// The replays of a row, in order of time, and those that cannot be read, in words.
pub fn outcomes(folder: &Path, row: &Row) -> (Vec<Outcome>, Vec<String>) {
    let (mut all, mut problems) = (Vec::<Outcome>::new(), Vec::new());
    for task in &row.tasks {
        // An id is hex digits; anything else is no file of this folder.
        let is_id = !task.id.is_empty() && task.id.bytes().all(|b| b.is_ascii_hexdigit());
        let path = folder.join(OUTCOMES).join(format!("{}.json", task.id));
        let read = match is_id {
            true => files::read_text(&path, MAX_BYTES).map_err(|e| e.to_string()),
            false => Err("no id of a replay".to_owned()),
        };
        match read.and_then(|text| unsealed(&text)) {
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
