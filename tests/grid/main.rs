//! The field's book-replay semantics and the grid job of comparisons: the naive simulator fills as the standard
//! engine was seen to fill, and a replay through the whole pipeline fills as the naive simulator.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../../benches/harness/feed.rs"]
mod feed;
mod naive;

use common::{Ended, with_tapes};
use feed::Spec;
use naive::{COLUMNS, Fill, Job, Queue};
use std::fs;
use std::path::Path;

/// Short, and thick, so that the queue models differ.
const FEED: Spec = Spec { rows: 60_000, ..feed::QUEUES };

/// What hftbacktest 0.9.4 made of it: executions, and FNV-1a of its file of them (`peers grid --fills`). Longer
/// feeds are compared by hand (`peers prove`; `BOTMM_GRID_ROWS=500000 cargo test --release --test grid`).
const SEEN: [(Queue, usize, u64); 6] = [
    (Queue::RiskAverse, 542, 0x5880_a210_3c56_d91c),
    (Queue::Power(2.0), 554, 0x71cd_e5db_2c96_3794),
    (Queue::Power2(2.0), 590, 0xc1f5_0989_a02a_ce10),
    (Queue::Power3(3.0), 546, 0xd8d6_d641_abb3_1c6d),
    (Queue::Log, 568, 0x1406_2b3b_1ed5_9f82),
    (Queue::Log2, 552, 0xac10_0485_3288_dd52),
];

#[test]
fn the_naive_simulator_fills_as_the_engine_was_seen_to() {
    for (queue, executions, hash) in SEEN {
        let fills = naive_fills(FEED, queue);
        let lines: String = fills.iter().map(|fill| format!("{fill}\n")).collect();
        let file = format!("{COLUMNS}\n{lines}");
        let seen = file.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        assert_eq!((fills.len(), seen), (executions, hash), "{queue:?}");
    }
}

/// Limits that hold no grid back.
const OPEN: &str = include_str!("../../benches/harness/grid.toml");

#[test]
fn a_replay_fills_as_the_naive_simulator_for_every_queue_model() {
    let feed = Spec { rows: rows(), ..FEED };
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("feed")).unwrap();
    feed::write_npy(&dir.path().join("feed/ETH.npy"), feed).unwrap();
    fs::write(dir.path().join("open.toml"), OPEN).unwrap();
    let models =
        ["risk_averse", "prob_power:2", "prob_power2:2", "prob_power3:3", "prob_log", "prob_log2"];
    for ((queue, ..), model) in SEEN.into_iter().zip(models) {
        let ours = replayed(dir.path(), model, "");
        assert_eq!(replayed(dir.path(), model, "--lean"), ours, "{model}: lean");
        let theirs: Vec<String> = naive_fills(feed, queue).iter().map(Fill::to_string).collect();
        assert!(!theirs.is_empty(), "{model}: nothing is compared");
        println!("{model}: {} executions of {} rows", theirs.len(), feed.rows);
        let differs = (0..ours.len().max(theirs.len())).find(|&i| ours.get(i) != theirs.get(i));
        if let Some(i) = differs {
            let (ours, theirs) = (ours.get(i), theirs.get(i));
            panic!("{model}, execution {i}: ours {ours:?}, of the naive simulator {theirs:?}");
        }
    }
}

/// As many as `BOTMM_GRID_ROWS` says; the short feed without it.
fn rows() -> u64 {
    std::env::var("BOTMM_GRID_ROWS").map_or(FEED.rows, |rows| rows.parse().unwrap())
}

/// The executions of a replay of the grid job.
fn replayed(dir: &Path, model: &str, lean: &str) -> Vec<String> {
    let job = "replay feed --config open.toml --symbols ETH --latency 60ms --fee-bps -0.3 --strategy grid \
               --half 1 --lots 1000 --queue-semantics hftbacktest --fills fills.csv --json --queue";
    let words: Vec<&str> =
        job.split_whitespace().chain([model]).chain(lean.split_whitespace()).collect();
    let ended = with_tapes(dir, &words);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let text = fs::read_to_string(dir.join("fills.csv")).unwrap();
    let mut lines = text.lines().map(str::to_owned);
    assert_eq!(lines.next().as_deref(), Some(COLUMNS));
    lines.collect()
}

#[test]
fn no_run_that_trades_takes_a_grid() {
    let dir = tempfile::tempdir().unwrap();
    for verb in ["paper", "run --network testnet"] {
        let words: Vec<&str> = verb.split(' ').chain(["--strategy", "grid"]).collect();
        let refused = Ended::of(dir.path(), &words);
        assert_eq!(refused.code, 2, "{verb}: {}", refused.stderr);
        assert!(refused.stderr.contains("of replays alone"), "{verb}: {}", refused.stderr);
    }
}

fn naive_fills(feed: Spec, queue: Queue) -> Vec<Fill> {
    let job = Job { queue, half: 1, lots: 1000, latency_ns: 60_000_000 };
    naive::run(feed::rows(feed), feed::rows(feed), job)
}
