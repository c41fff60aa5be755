//! Finds a line of a journal, of a run that is over or goes on.

use super::segments::{LIVE, Reading};
use crate::exit::AppError;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The journal of the run that was written to last.
pub fn newest_journal(runs: &Path) -> Result<PathBuf, AppError> {
    let entries = std::fs::read_dir(runs).map_err(AppError::io(runs, "read"))?;
    let journals = entries.flatten().map(|e| e.path().join(LIVE));
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
pub fn decision(path: &Path, coin: &str, moment: Option<SystemTime>) -> Result<Value, AppError> {
    let reading = Reading::open(path).map_err(AppError::io(path, "read"))?;
    let (mut found, mut is_early, mut others) = (None, false, BTreeSet::new());
    // The newest file first: most ask about what was just now.
    for at in (0..reading.files()).rev() {
        let Some(lines) = reading.lines(at).map_err(AppError::io(reading.name(at), "read"))? else {
            break;
        };
        for line in lines.lines() {
            let line = line.map_err(AppError::io(reading.name(at), "read"))?;
            let Some((of, time)) = decision_of(&line) else { continue };
            if !of.eq_ignore_ascii_case(coin) {
                others.insert(of.to_owned());
            } else if moment.is_some_and(|at| time > at) {
                is_early = true;
                break;
            } else {
                found = Some(line);
            }
        }
        if found.is_some() {
            break;
        }
    }
    let bad = |problem: String, remedy| AppError::data(path.display().to_string(), problem, remedy);
    let Some(line) = found else {
        let others = others.into_iter().collect::<Vec<_>>().join(", ");
        let problem = match is_early {
            true if reading.first() > 1 => {
                format!("no decision about {} that early; what was before was removed", coin)
            }
            true => format!("no decision about {} that early", coin),
            false => format!("no decision about {}; there are some about: {others}", coin),
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

    #[test]
    fn a_decision_is_found_in_whichever_segment_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let line = |minute: u32, coin: &str| {
            format!(
                "{{\"coin\":\"{coin}\",\"time\":\"2026-11-28T00:{minute:02}:00.000000Z\",\"type\":\"decision\"}}\n"
            )
        };
        let packed = zstd::encode_all((line(1, "BTC") + &line(2, "SOL")).as_bytes(), 3).unwrap();
        std::fs::write(dir.path().join("journal.000001.jsonl.zst"), packed).unwrap();
        std::fs::write(dir.path().join("journal.000002.jsonl"), line(3, "BTC")).unwrap();
        let path = dir.path().join(LIVE);
        std::fs::write(&path, line(4, "ETH") + &line(5, "ETH")).unwrap();
        let at = |coin: &str, at: Option<&str>| {
            let at = at.map(|t| humantime::parse_rfc3339(t).unwrap());
            decision(&path, coin, at)
                .map(|found| found["time"].to_string())
                .map_err(|e| e.to_string())
        };
        assert!(at("ETH", None).unwrap().contains("00:05"));
        assert!(at("BTC", None).unwrap().contains("00:03"));
        assert!(at("BTC", Some("2026-11-28T00:02:30Z")).unwrap().contains("00:01"));
        assert!(at("SOL", None).unwrap().contains("00:02"));
        let early = at("BTC", Some("2026-11-28T00:00:30Z")).unwrap_err();
        assert!(early.contains("no decision about BTC that early"), "{early}");
        assert!(at("XRP", None).unwrap_err().contains("some about: BTC, ETH, SOL"));
        std::fs::remove_file(dir.path().join("journal.000001.jsonl.zst")).unwrap();
        let early = at("BTC", Some("2026-11-28T00:00:30Z")).unwrap_err();
        assert!(early.contains("what was before was removed"), "{early}");
    }
}
