//! hftbacktest's event records, replayed as they lie: every change of a level an event.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;
#[path = "../benches/harness/feed.rs"]
mod feed;

use common::{Ended, check_sound, tapes, with_tapes};
use feed::Spec;
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// About 16 minutes.
const SPEC: Spec = Spec { rows: 100_000, ..feed::FULL };
/// As in the job that engines are compared by.
const FLAGS: [&str; 6] = ["--latency", "60ms", "--fee-bps", "-0.3", "--symbols", "ETH"];

fn replay(dir: &Path, more: &[&str]) -> Value {
    let words = ["replay", "ETH.npy", "--json"].iter().chain(&FLAGS).chain(more);
    let ended = with_tapes(dir, &words.copied().collect::<Vec<_>>());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.summary()
}

#[test]
fn records_replay_without_a_folder_in_between_and_decide_the_same_under_every_plan() {
    let dir = TempDir::new().unwrap();
    let rows = feed::write_npy(&dir.path().join("ETH.npy"), SPEC).unwrap();
    let raw = replay(dir.path(), &["--no-tape"]);
    let kept = dir.path().join(".botmm");
    assert!(!kept.exists());
    check_sound(&raw);
    let trades = feed::rows(SPEC).filter(|row| row.kind() == feed::TRADE).count() as u64;
    assert_eq!(raw["events"].as_u64(), Some(rows));
    assert_eq!(raw["events_by_kind"]["trade"].as_u64(), Some(trades));
    assert_eq!(raw["events_by_kind"]["level"].as_u64(), Some(rows - trades));
    assert!(raw["decisions"].as_u64().unwrap() > 100, "{raw:#}");
    // Compiled, from the tape that this left, and on threads, where nothing goes ahead of its moment.
    for more in [&[][..], &[], &["--plan", "solo"]] {
        let again = replay(dir.path(), more);
        for key in ["decision_hash", "fills", "events", "net_pnl_usd", "span_s", "notes"] {
            assert_eq!(again[key], raw[key], "{key} with {more:?}");
        }
        let tapes = tapes(&kept);
        let [tape] = &tapes[..] else { panic!("one tape for all of these: {tapes:?}") };
        let size = tape.metadata().unwrap().len();
        assert!(size <= 32 * rows, "{size} bytes for {rows} rows");
    }
}

#[test]
fn records_that_are_cut_or_not_named_after_a_coin_are_said_to_be() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("ETH.npy");
    let rows = feed::write_npy(&path, Spec { rows: 5_000, ..SPEC }).unwrap();
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    let ended = Ended::of(dir.path(), &["replay", "ETH.npy", "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.summary()["events"].as_u64(), Some(rows - 1));
    let says = format!("ETH.npy:{rows}: the file is cut short or damaged there");
    assert!(ended.stderr.contains(&says), "{}", ended.stderr);

    for (name, content, says) in [
        ("a day.npy", &whole[..], "of no coin by its name; call it COIN.npz"),
        ("ETH.npz", b"no array", "not a NumPy array"),
        ("ETH_1.npy", &whole[..40], "cut short or damaged"),
    ] {
        fs::write(dir.path().join(name), content).unwrap();
        let ended = Ended::of(dir.path(), &["replay", name]);
        assert_eq!(ended.code, 5, "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{name}: {}", ended.stderr);
    }
}
