//! `botmm explain`: every term of a quote, from the journal of a run that is over or goes on.

use crate::cli::ExplainArgs;
use crate::exit::AppError;
use crate::report::Explanation;
use crate::terminal;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Where `run` and `paper` put their folders.
const RUNS: &str = "runs";
const JOURNAL: &str = "journal.jsonl";

/// Runs the verb.
pub fn run(args: &ExplainArgs) -> Result<(), AppError> {
    let path = match &args.journal {
        Some(path) if path.is_dir() => path.join(JOURNAL),
        Some(path) => path.clone(),
        None => newest_journal(Path::new(RUNS))?,
    };
    let found = find(&path, args)?;
    let explained = Explanation::read(&found).map_err(|problem| {
        let place = format!("{}, decision of {}", path.display(), found["time"]);
        AppError::data(place, problem, "ask for another moment with --at")
    })?;
    let text = match args.json {
        true => format!("{:#}\n", explained.to_json()),
        false => explained.to_string(),
    };
    terminal::print(&text)?;
    match explained.adds_up() {
        true => Ok(()),
        false => Err(AppError::Failed("the terms do not add up to the price".to_owned())),
    }
}

/// The journal of the run that was written to last.
fn newest_journal(runs: &Path) -> Result<PathBuf, AppError> {
    let entries = std::fs::read_dir(runs).map_err(AppError::io(runs, "read"))?;
    let journals = entries.flatten().map(|e| e.path().join(JOURNAL));
    let written = |path: &PathBuf| std::fs::metadata(path).and_then(|m| m.modified()).ok();
    let dated = journals.filter_map(|path| Some((written(&path)?, path)));
    dated.max().map(|(_, path)| path).ok_or_else(|| {
        AppError::data(
            runs.display().to_string(),
            "no run has left a journal here",
            "name one with --journal, or start a run",
        )
    })
}

/// The last decision about the coin at or before the moment; decisions that changed nothing are not
/// in the journal. Journals are long: of each line only what is asked for is looked at.
fn find(path: &Path, args: &ExplainArgs) -> Result<Value, AppError> {
    let file = File::open(path).map_err(AppError::io(path, "read"))?;
    let (mut found, mut is_early, mut others) = (None, false, BTreeSet::new());
    for line in BufReader::new(file).lines() {
        let line = line.map_err(AppError::io(path, "read"))?;
        let Some((coin, time)) = decision_of(&line) else { continue };
        if !coin.eq_ignore_ascii_case(&args.coin) {
            others.insert(coin.to_owned());
        } else if args.at.is_some_and(|at| time > at) {
            is_early = found.is_none();
            break;
        } else {
            found = Some(line);
        }
    }
    let bad = |problem: String, remedy| AppError::data(path.display().to_string(), problem, remedy);
    let Some(line) = found else {
        let others = others.into_iter().collect::<Vec<_>>().join(", ");
        let problem = match is_early {
            true => format!("no decision about {} that early", args.coin),
            false => format!("no decision about {}; there are some about: {others}", args.coin),
        };
        return Err(bad(problem, "ask for another coin, moment or journal"));
    };
    serde_json::from_str(&line)
        .map_err(|e| bad(format!("a decision is not JSON: {e}"), "report it"))
}

/// Coin and time of a decision line; [`None`] for other lines, and for the last one of a growing journal
/// while it is half written.
fn decision_of(line: &str) -> Option<(&str, SystemTime)> {
    let is_whole = line.ends_with('}') && line.contains("\"type\":\"decision\"");
    let value = |key: &str| line.split_once(key)?.1.split_once('"').map(|(value, _)| value);
    let (coin, time) = is_whole.then(|| Some((value("\"coin\":\"")?, value("\"time\":\"")?)))??;
    Some((coin, humantime::parse_rfc3339(time).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let line =
            r#"{"coin":"kPEPE","mid":"1","time":"2025-09-04T20:21:45.143665Z","type":"decision"}"#;
        let (coin, time) = decision_of(line).unwrap();
        assert_eq!(coin, "kPEPE");
        assert_eq!(time, humantime::parse_rfc3339("2025-09-04T20:21:45.143665Z").unwrap());
        assert_eq!(decision_of(&line[..line.len() - 3]), None, "half a line");
        assert_eq!(decision_of(&line.replace("decision", "fill")), None);
        assert_eq!(decision_of(&line.replace("2025", "then")), None);
    }
}
