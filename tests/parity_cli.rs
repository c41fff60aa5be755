//! A live run is repeated from its own capture, decision by decision; what cannot be compared is said.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod common;

use common::{Ended, journal, spawnable};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What `parity` says of a run's folder, with more arguments.
fn repeat(dir: &Path, words: &[&str]) -> (i32, Value) {
    let ended = Ended::of(dir, &[&["parity"], words, &["--json"]].concat());
    let said = serde_json::from_str(&ended.stdout);
    (ended.code, said.unwrap_or_else(|e| panic!("{e}: {} {}", ended.stdout, ended.stderr)))
}

/// It is repeated with every decision the same; or, on a machine with more to do than cores, up to a cycle in whose
/// very microseconds a halt or the venue's clock came: that is said, and proves nothing.
fn is_the_same(dir: &Path, words: &[&str]) -> Value {
    let (code, said) = repeat(dir, words);
    let is_same = (code, said["verdict"].as_str().unwrap()) == (0, "same");
    assert!(is_same || is_unsure(code, &said), "{code}: {said:#}");
    said
}

fn is_unsure(code: i32, said: &Value) -> bool {
    (code, said["verdict"].as_str().unwrap()) == (1, "not_comparable")
        && said["why"].as_str().unwrap().contains("was changed while it")
}

fn segment(run: &Path) -> PathBuf {
    let day = fs::read_dir(run.join("capture")).unwrap().map(|e| e.unwrap().path());
    let day = day.into_iter().find(|path| path.is_dir()).unwrap();
    fs::read_dir(day).unwrap().next().unwrap().unwrap().path()
}

/// The journal of a run that may not have begun one.
fn so_far(dir: &Path) -> String {
    fs::read_to_string(dir.join("run/journal.jsonl")).unwrap_or_default()
}

fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_there() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_run_is_repeated_to_its_last_decision_with_parameters_that_changed() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("data")).unwrap();
    let live = dir.path().join("data/live_params.json");
    fs::write(&live, "{}").unwrap();
    let args = ["paper", "--for", "9s", "--out", "run", "--json"];
    let mut bot = spawnable(dir.path(), &args).stdout(Stdio::null()).spawn().unwrap();
    wait_for("a first order", || so_far(dir.path()).contains("\"place\""));
    fs::write(&live, r#"{"ETH":{"min_spread_bps":2.5}}"#).unwrap();
    wait_for("new parameters", || so_far(dir.path()).contains("\"params\""));
    assert!(bot.wait().unwrap().success());

    let said = is_the_same(dir.path(), &["run"]);
    assert!(said["cycles"].as_u64().unwrap() > 100, "{said:#}");
    let lines = journal(&dir.path().join("run/journal.jsonl"));
    assert!(lines.len() > 20, "{}", lines.len());

    // It is a recording, too.
    let inspected = Ended::of(dir.path(), &["inspect", "run/capture", "--json"]);
    assert_eq!(inspected.code, 0, "{}", inspected.stderr);
    let replayed = Ended::of(dir.path(), &["replay", "run/capture", "--json"]);
    assert!(replayed.summary()["events"].as_u64().unwrap() > 50, "{}", replayed.stdout);
}

#[test]
fn a_run_on_one_lane_is_repeated_as_well() {
    let dir = TempDir::new().unwrap();
    let args = ["paper", "--for", "4s", "--plan", "solo", "--out", "run", "--json"];
    let ended = Ended::of(dir.path(), &args);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let said = is_the_same(dir.path(), &["run"]);
    assert!(said["cycles"].as_u64().unwrap() > 20, "{said:#}");
}

/// A short run until an order of ETH, repeated with other parameters; [`None`] where a machine with more to do than
/// cores makes that impossible (as [`is_the_same`] says).
fn repeated_with(other: &[&str]) -> Option<(TempDir, Value)> {
    let dir = TempDir::new().unwrap();
    let args = ["paper", "--for", "60s", "--symbols", "BTC,ETH", "--out", "run", "--json"];
    let mut bot = spawnable(dir.path(), &args).stdout(Stdio::null()).spawn().unwrap();
    wait_for("an order of ETH", || {
        let lines = so_far(dir.path());
        lines.lines().any(|line| line.contains("\"place\"") && line.contains("\"ETH\""))
    });
    let pid = bot.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert!(bot.wait().unwrap().success());
    let (code, said) = repeat(dir.path(), other);
    if is_unsure(code, &said) {
        return None;
    }
    assert_eq!((code, &said["verdict"]), (7, &Value::from("differs")), "{said:#}");
    Some((dir, said))
}

#[test]
fn another_parameter_is_found_and_explained_term_by_term() {
    let other =
        ["run", "--what-if", "ETH.min_spread_bps=9.0", "--what-if", "ETH.max_spread_bps=90"];
    let (dir, said) = (0..5).find_map(|_| repeated_with(&other)).unwrap();
    let first = said["first"].as_array().unwrap();
    assert_eq!((first.len(), &first[0]["coin"]), (1, &Value::from("ETH")), "{said:#}");
    let changes = first[0]["changes"].as_array().unwrap();
    let of = |what: &str| changes.iter().find(|change| change["what"] == what);
    let base = of("bid base").unwrap_or_else(|| panic!("{said:#}"));
    assert_ne!(base["was"], base["is"]);
    assert!(of("bids").is_some() && of("asks").is_some(), "{said:#}");
    for same in ["mid", "fair price", "position", "bid skew"] {
        assert_eq!(of(same), None, "{said:#}");
    }
    let ended = Ended::of(dir.path(), &[&["parity"], &other[..]].concat());
    assert_eq!(ended.code, 7, "{}", ended.stderr);
    for words in ["ETH.min_spread_bps", "→ 9.0", "first     ETH, in the run → here", "bid base"]
    {
        assert!(ended.stdout.contains(words), "{}", ended.stdout);
    }
    // A value that changes no decision is no difference.
    is_the_same(dir.path(), &["run", "--what-if", "max_spread_bps=80.0"]);
    let ended = Ended::of(dir.path(), &["parity", "run", "--what-if", "BTC.spred=1"]);
    assert!(ended.code == 2 && ended.stderr.contains("no such key"), "{}", ended.stderr);
}

#[test]
fn what_was_not_kept_is_no_pass() {
    let dir = TempDir::new().unwrap();
    let args = ["paper", "--for", "60s", "--out", "run", "--json"];
    let mut bot = spawnable(dir.path(), &args).stdout(Stdio::null()).spawn().unwrap();
    let run = dir.path().join("run");
    // Some blocks of a second each.
    let is_large =
        || run.join("capture").exists() && segment(&run).metadata().unwrap().len() > 25_000;
    wait_for("a capture", is_large);
    bot.kill().unwrap();
    bot.wait().unwrap();
    let (code, killed) = repeat(dir.path(), &["run"]);
    assert_eq!((code, &killed["verdict"]), (1, &Value::from("not_comparable")), "{killed:#}");
    assert!(killed["cycles"].as_u64().unwrap() > 30, "{killed:#}");

    // A flipped bit in the middle: that block is missing, and what came before it is the same.
    let path = segment(&run);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&path, &bytes).unwrap();
    let (code, flipped) = repeat(dir.path(), &["run"]);
    assert_eq!((code, &flipped["verdict"]), (1, &Value::from("not_comparable")), "{flipped:#}");
    assert!(flipped["cycles"].as_u64().unwrap() < killed["cycles"].as_u64().unwrap());
    assert!(!flipped["damage"].as_array().unwrap().is_empty(), "{flipped:#}");
}

#[test]
fn a_capture_can_be_switched_off_and_what_is_none_is_refused_in_words() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("botmm.toml"), "[general]\ncapture_max_mb = 0\n").unwrap();
    let ended = Ended::of(dir.path(), &["paper", "--for", "300ms", "--out", "run", "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(!dir.path().join("run/capture").exists());
    for (folder, words) in [("run", "holds no capture"), ("nowhere", "nowhere")] {
        let ended = Ended::of(dir.path(), &["parity", folder]);
        assert_eq!(ended.code, 5, "{}", ended.stderr);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    // The recorder's captures have no pipeline to repeat.
    let day = dir.path().join("other/2026-11-29");
    fs::create_dir_all(&day).unwrap();
    let line = "1 {\"channel\":\"bbo\"}\n";
    fs::write(day.join("00-00-00.000.frames.zst"), zstd::encode_all(line.as_bytes(), 1).unwrap())
        .unwrap();
    let ended = Ended::of(dir.path(), &["parity", "other"]);
    assert_eq!(ended.code, 5, "{} {}", ended.stdout, ended.stderr);
}
