//! What the command opens by name.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{Ended, copy_of_sample, sample};
use rustix::fs::{CWD, Mode, mkfifoat};
use tempfile::TempDir;

/// A pipe where a file belongs is named, whatever was to be read: nobody waits for a writer.
#[test]
fn no_verb_waits_for_what_is_no_file() {
    let dir = TempDir::new().unwrap();
    for name in ["fifo", "trades_BTC.csv", "frames.jsonl"] {
        mkfifoat(CWD, dir.path().join(name), Mode::from_raw_mode(0o600)).unwrap();
    }
    let sample = sample().display().to_string();
    let run = ["run", "--network", "http://127.0.0.1:9"];
    let with = |more: &[&'static str]| [&run[..], more].concat();
    let cases: [Vec<&str>; 12] = [
        vec!["check", "--config", "fifo"],
        vec!["replay", &sample, "--config", "fifo"],
        vec!["replay", "trades_BTC.csv"],
        vec!["replay", "frames.jsonl"],
        vec!["replay", &sample, "--params-from", "fifo"],
        vec!["explain", "BTC", "--journal", "fifo"],
        vec!["exchange", "--faults", "fifo"],
        vec!["exchange", "--market", "tape", "trades_BTC.csv"],
        vec!["sign", "fifo"],
        vec!["sign", "--vectors", "fifo"],
        with(&["--key-file", "fifo"]),
        with(&["--config", "fifo"]),
    ];
    for args in cases {
        let ended = Ended::of(dir.path(), &args);
        println!("{}: {}", ended.code, ended.stderr.trim_end());
        assert!(ended.code != 0 && ended.code != -1, "{args:?}");
        assert!(ended.stderr.contains("a pipe (fifo), not a file"), "{args:?}: {}", ended.stderr);
    }
    std::fs::write(dir.path().join("live.toml"), "[general]\nlive_params = \"fifo\"\n").unwrap();
    let ended = Ended::of(dir.path(), &["check", "--config", "live.toml"]);
    assert!(ended.stderr.contains("a pipe (fifo), not a file"), "{}", ended.stderr);
}

/// In a folder of recordings it is a stranger, named and left out.
#[test]
fn a_folder_of_recordings_may_hold_what_is_no_file() {
    let dir = copy_of_sample();
    let fifo = dir.path().join("rec/frames.jsonl");
    mkfifoat(CWD, &fifo, Mode::from_raw_mode(0o600)).unwrap();
    let ended = Ended::of(dir.path(), &["replay", "rec", "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("ignored (a pipe (fifo), not a file)"), "{}", ended.stderr);
}
