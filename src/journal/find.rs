//! Finds a line of a journal, of a run that is over or goes on.

use super::SUMMARY;
use super::line::{self, Decision, Head};
use super::reader::Lines;
use super::segments::{LIVE, Reading};
use crate::exit::AppError;
use std::collections::BTreeSet;
use std::fs;
use std::io;
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

/// The folders of runs in a folder, those with a journal, by name.
///
/// # Errors
/// It cannot be read.
pub fn run_folders(runs: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders: Vec<_> = fs::read_dir(runs)?.flatten().map(|entry| entry.path()).collect();
    folders.retain(|folder| folder.join(LIVE).exists());
    folders.sort();
    Ok(folders)
}

/// The journal of the run that was written to last.
pub fn newest_journal(runs: &Path) -> Result<PathBuf, AppError> {
    let folders = run_folders(runs).map_err(AppError::io(runs, "read"))?;
    let journals = folders.into_iter().map(|folder| folder.join(LIVE));
    let written = |path: &PathBuf| fs::metadata(path).and_then(|m| m.modified()).ok();
    let dated = journals.filter_map(|path| Some((written(&path)?, path)));
    dated.max().map(|(_, path)| path).ok_or_else(|| {
        AppError::data(
            runs.display().to_string(),
            "no run has left a journal here",
            "name one with --journal, or start a run",
        )
    })
}

/// A decision that was looked for.
pub struct Found {
    /// It.
    pub line: Decision,
    /// What was passed over on the way, in words.
    pub passed_over: Vec<String>,
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
struct Searched {
    text: Option<String>,
    /// There are decisions about the coin, and all are later.
    is_early: bool,
    /// Other coins on the way.
    others: BTreeSet<String>,
    passed_over: Vec<String>,
}

/// The last decision about the coin at or before the moment; decisions that changed nothing are not
/// in the journal.
pub fn decision(path: &Path, coin: &str, at: Option<Moment>) -> Result<Found, AppError> {
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
    if asked.quoted && found.text.is_none() {
        found = search(&reading, &Search { quoted: false, ..asked })?; // Why it never quoted.
    }
    let place = path.display().to_string();
    let Searched { text, is_early, others, passed_over } = found;
    let Some(text) = text else {
        let others = others.into_iter().collect::<Vec<_>>().join(", ");
        let mut problem = match is_early {
            true if reading.first() > 1 => {
                format!("no decision about {coin} that early; what was before was removed")
            }
            true => format!("no decision about {coin} that early"),
            false => format!("no decision about {coin}; there are some about: {others}"),
        };
        problem.extend(passed_over.first().map(|first| format!(" ({first})")));
        return Err(AppError::data(place, problem, "ask for another coin, moment or journal"));
    };
    let line = line::read::<Decision>(&text).and_then(|line| line.ok_or("no decision".to_owned()));
    let line = line.map_err(|problem| AppError::data(place, problem, "report it"))?;
    Ok(Found { line, passed_over })
}

/// Of each line only what is asked for is looked at, and the newest file comes first: journals are long,
/// and most ask about what was just now.
fn search(reading: &Reading, asked: &Search<'_>) -> Result<Searched, AppError> {
    let mut found = Searched::default();
    for at in (0..reading.files()).rev() {
        let Some(mut lines) = Lines::of(reading, at)? else { break };
        let name = lines.name().to_owned();
        while let Some((number, text)) = lines.next_line()? {
            match text.and_then(|text| Ok((decision_of(text)?, text))) {
                Ok((None, _)) => {}
                Ok((Some((of, _)), _)) if !of.eq_ignore_ascii_case(asked.coin) => {
                    found.others.insert(of);
                }
                Ok((Some((_, time)), _)) if asked.until.is_some_and(|until| time > until) => {
                    found.is_early = true;
                    break;
                }
                Ok((Some(_), text)) if asked.quoted && !is_quoting(text) => {}
                Ok((Some(_), text)) => found.text = Some(text.to_owned()),
                Err(problem) => found.passed_over.push(format!("{name}:{number}: {problem}")),
            }
        }
        if lines.is_cut() {
            found.passed_over.push(format!("{name}: its last line is cut: left out"));
        }
        if found.text.is_some() {
            break;
        }
    }
    Ok(found)
}

/// When the newest line was made; those of several stages are in order only nearly.
fn last_time(reading: &Reading) -> Result<Option<SystemTime>, AppError> {
    for at in (0..reading.files()).rev() {
        let Some(mut lines) = Lines::of(reading, at)? else { break };
        let mut last = None;
        while let Some((_, text)) = lines.next_line()? {
            let head = text.and_then(Head::of).ok();
            let time = head.and_then(|head| humantime::parse_rfc3339(&head.time?).ok());
            last = last.max(time);
        }
        if last.is_some() {
            return Ok(last);
        }
    }
    Ok(None)
}

/// Whether a decision wants any order.
fn is_quoting(text: &str) -> bool {
    line::read::<Decision>(text)
        .is_ok_and(|line| line.is_none_or(|d| !d.bids.is_empty() || !d.asks.is_empty()))
}

/// Coin and time of a decision; [`None`] for another line.
fn decision_of(text: &str) -> Result<Option<(String, SystemTime)>, String> {
    let head = Head::of(text)?;
    let (Some(coin), Some(time)) = (head.coin, head.time) else { return Ok(None) };
    if head.kind != "decision" {
        return Ok(None);
    }
    let time = humantime::parse_rfc3339(&time).map_err(|e| format!("time: {e}"))?;
    Ok(Some((coin.into_owned(), time)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let line =
            r#"{"coin":"kPEPE","mid":"1","time":"2025-09-04T20:21:45.143665Z","type":"decision"}"#;
        let (coin, time) = decision_of(line).unwrap().unwrap();
        assert_eq!(coin, "kPEPE");
        assert_eq!(time, humantime::parse_rfc3339("2025-09-04T20:21:45.143665Z").unwrap());
        assert!(decision_of(&line[..line.len() - 3]).is_err(), "half a line");
        assert_eq!(decision_of(&line.replace("decision", "fill")), Ok(None));
        assert!(decision_of(&line.replace("2025", "then")).unwrap_err().starts_with("time: "));
    }

    #[test]
    fn a_decision_is_found_in_whichever_segment_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let line = |minute: u32, coin: &str| {
            format!(
                "{{\"ask\":\"quoted\",\"asks\":[],\"bid\":\"quoted\",\"bids\":[],\"coin\":\"{coin}\",\
                 \"time\":\"2026-11-28T00:{minute:02}:00.000000Z\",\"type\":\"decision\"}}\n"
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
            decision(&path, coin, at).map(|found| found.line.time).map_err(|e| e.to_string())
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
