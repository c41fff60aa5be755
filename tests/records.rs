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

/// A touch is told once its moment is over, with the first row of the next one: that it is crossed is no reason to
/// leave that row out.
#[test]
fn a_refused_touch_keeps_no_level_out() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("ETH.npy");
    let rows = feed::write_npy(&path, Spec { rows: 5_000, ..SPEC }).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let records = bytes.len() - rows as usize * feed::RECORD;
    let at = |row: usize| records + row * feed::RECORD;
    let moment = |bytes: &[u8], row: usize| bytes[at(row) + 8..at(row) + 24].to_vec();
    let is_depth = |bytes: &[u8], row: usize| u64::from(bytes[at(row)]) & feed::KIND == feed::DEPTH;
    // Two rows that become a crossed touch of one moment, and a level at another one right after.
    let first = (3_000..4_900)
        .find(|&row| {
            (0..3).all(|i| is_depth(&bytes, row + i))
                && moment(&bytes, row) != moment(&bytes, row + 2)
        })
        .unwrap();
    let time = moment(&bytes, first);
    for (row, side, px) in [(first, feed::BUY, 4_100.0_f64), (first + 1, feed::SELL, 4_000.0)] {
        let kind = 5 | side | 1 << 31 | 1 << 30;
        bytes[at(row)..at(row) + 8].copy_from_slice(&kind.to_le_bytes());
        bytes[at(row) + 8..at(row) + 24].copy_from_slice(&time);
        bytes[at(row) + 24..at(row) + 32].copy_from_slice(&px.to_le_bytes());
        bytes[at(row) + 32..at(row) + 40].copy_from_slice(&1.0_f64.to_le_bytes());
    }
    fs::write(&path, &bytes).unwrap();
    let ended = Ended::of(dir.path(), &["replay", "ETH.npy", "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let says = "book is crossed (bid 4100, ask 4000)";
    assert!(ended.stderr.contains(says), "the touch is refused: {}", ended.stderr);
    assert_eq!(ended.summary()["events"].as_u64(), Some(rows - 2), "{}", ended.stderr);
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
