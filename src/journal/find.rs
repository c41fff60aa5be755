//! Finds a line of a journal, of a run that is over or goes on.

use super::SUMMARY;
use super::segments::{LIVE, Reading};
use crate::exit::AppError;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The moment that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// This one.
    At(SystemTime),
    /// So long before now, or before the end of a run that is over.
    Ago(Duration),
}

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

/// What is looked for in a journal.
struct Search<'a> {
    coin: &'a str,
    /// Nothing later than this.
    until: Option<SystemTime>,
    /// Only what quoted: the last decision of a run that is over is to cancel everything.
    quoted: bool,
}

/// What a search came to.
#[derive(Default)]
struct Found {
    line: Option<String>,
    /// There are decisions about the coin, and all are later.
    is_early: bool,
    /// Other coins on the way.
    others: BTreeSet<String>,
}

/// The last decision about the coin at or before the moment; decisions that changed nothing are not
/// in the journal.
pub fn decision(path: &Path, coin: &str, at: Option<Moment>) -> Result<Value, AppError> {
    let reading = Reading::open(path).map_err(AppError::io(path, "read"))?;
    let is_over = path.with_file_name(SUMMARY).exists();
    let until = match at {
        None => None,
        Some(Moment::At(time)) => Some(time),
        Some(Moment::Ago(ago)) => {
            let end = if is_over { last_time(&reading)? } else { None };
            let end = end.unwrap_or_else(SystemTime::now);
            Some(end.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH))
        }
    };
    let asked = Search { coin, until, quoted: is_over && at.is_none() };
    let mut found = search(&reading, &asked)?;
    if asked.quoted && found.line.is_none() {
        found = search(&reading, &Search { quoted: false, ..asked })?; // Why it never quoted.
    }
    let bad = |problem: String, remedy| AppError::data(path.display().to_string(), problem, remedy);
    let Some(line) = found.line else {
        let others = found.others.into_iter().collect::<Vec<_>>().join(", ");
        let problem = match found.is_early {
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

/// Journals are long: of each line only what is asked for is looked at, and the newest file comes first,
/// since most ask about what was just now.
fn search(reading: &Reading, asked: &Search<'_>) -> Result<Found, AppError> {
    let mut found = Found::default();
    for at in (0..reading.files()).rev() {
        let Some(lines) = lines(reading, at)? else { break };
        for line in lines {
            let line = line?;
            let Some((coin, time)) = decision_of(&line) else { continue };
            if !coin.eq_ignore_ascii_case(asked.coin) {
                found.others.insert(coin.to_owned());
            } else if asked.until.is_some_and(|until| time > until) {
                found.is_early = true;
                break;
            } else if !asked.quoted || is_quoting(&line) {
                found.line = Some(line);
            }
        }
        if found.line.is_some() {
            break;
        }
    }
    Ok(found)
}

/// When the newest line was made; those of several stages are in order only nearly.
fn last_time(reading: &Reading) -> Result<Option<SystemTime>, AppError> {
    for at in (0..reading.files()).rev() {
        let Some(lines) = lines(reading, at)? else { break };
        let mut last = None;
        for line in lines {
            last = last.max(time_of(&line?));
        }
        if last.is_some() {
            return Ok(last);
        }
    }
    Ok(None)
}

/// The lines of one file of a journal; [`None`] = it was removed meanwhile.
fn lines(
    reading: &Reading,
    at: usize,
) -> Result<Option<impl Iterator<Item = Result<String, AppError>>>, AppError> {
    let failed = move |e| AppError::io(reading.name(at), "read")(e);
    let lines = reading.lines(at).map_err(failed)?;
    Ok(lines.map(|lines| lines.lines().map(move |line| line.map_err(failed))))
}

/// Coin and time of a decision line; [`None`] for other lines, and for the last one of a growing journal
/// while it is half written.
fn decision_of(line: &str) -> Option<(&str, SystemTime)> {
    let is_decision = line.contains("\"type\":\"decision\"");
    let time = is_decision.then(|| time_of(line))??;
    Some((value(line, "\"coin\":\"")?, time))
}

/// When a line was written, by the clock of its market.
fn time_of(line: &str) -> Option<SystemTime> {
    let time = line.ends_with('}').then(|| value(line, "\"time\":\""))??;
    humantime::parse_rfc3339(time).ok()
}

/// Whether a decision wants any order.
fn is_quoting(line: &str) -> bool {
    !(line.contains("\"bids\":[]") && line.contains("\"asks\":[]"))
}

fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.split_once(key)?.1.split_once('"').map(|(value, _)| value)
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
        let over = || std::fs::write(dir.path().join(SUMMARY), "{}").unwrap();
        let at = |coin: &str, at: Option<&str>| {
            let at = at.map(|t| Moment::At(humantime::parse_rfc3339(t).unwrap()));
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
        over(); // None of these quoted, so the last is told all the same.
        assert!(at("ETH", None).unwrap().contains("00:05"));
        assert!(at("XRP", None).unwrap_err().contains("some about: BTC, ETH, SOL"));
        std::fs::remove_file(dir.path().join("journal.000001.jsonl.zst")).unwrap();
        let early = at("BTC", Some("2026-11-28T00:00:30Z")).unwrap_err();
        assert!(early.contains("what was before was removed"), "{early}");
    }
}
