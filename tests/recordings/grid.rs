//! The grid job on a real market: a replay through the whole pipeline fills as the naive simulator, fill by fill.
//!
//! Rows are whole books there, so both get what `export --format npz` makes of them: the levels that changed from
//! one book to the next, and the trades. The touches between two books are left out of both: the field's semantics
//! know levels alone.

use crate::common::{Ended, with_tapes};
use crate::feed::{KIND, LOT, RECORD, Row, TICK, write_records};
use crate::naive::{self, COLUMNS, Fill, Job, Queue};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use tempfile::TempDir;

/// A touch.
const BBO: u64 = 5;
/// At the venue's clock, and at that of receipt.
const CLOCKS: [u64; 2] = [1 << 31, 1 << 30];
/// Limits that hold no grid back.
const OPEN: &str = include_str!("../../benches/harness/grid.toml");
/// Of its coins the one whose ticks and lots are those of the job.
const COIN: &str = "ETH";

/// See the module.
pub fn it_fills_as_the_naive_simulator(recording: &str) {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let export = ["export", recording, "--format", "npz", "--out", "exported", "--symbols", COIN];
    let ended = Ended::of(dir, &export);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let records = levels_and_trades(&dir.join("exported").join(format!("{COIN}.npz")));
    assert!(records.len() > 50_000, "{} records", records.len());
    fs::create_dir(dir.join("feed")).unwrap();
    let file = dir.join("feed").join(format!("{COIN}.npy"));
    write_records(&file, records.len() as u64, records.iter().copied()).unwrap();
    fs::write(dir.join("open.toml"), OPEN).unwrap();
    let rows: Vec<Row> = records.iter().map(row).collect();
    let at = |clock: u64| rows.iter().filter(move |row| row.ev & clock != 0).copied();
    for (queue, model) in [
        (Queue::RiskAverse, "risk_averse"),
        (Queue::Power(2.0), "prob_power:2"),
        (Queue::Power2(2.0), "prob_power2:2"),
        (Queue::Power3(3.0), "prob_power3:3"),
        (Queue::Log, "prob_log"),
        (Queue::Log2, "prob_log2"),
    ] {
        let job = Job { queue, half: 1, lots: 1000, latency_ns: 60_000_000 };
        let theirs: Vec<String> =
            naive::run(at(CLOCKS[1]), at(CLOCKS[0]), job).iter().map(Fill::to_string).collect();
        let ours = replayed(dir, model);
        println!("{model}: {} fills of ours, {} of the naive simulator", ours.len(), theirs.len());
        assert!(theirs.len() > 100, "{model}: {} fills", theirs.len());
        let differs = (0..ours.len().max(theirs.len())).find(|&i| ours.get(i) != theirs.get(i));
        if let Some(i) = differs {
            let (ours, theirs) = (ours.get(i), theirs.get(i));
            panic!("{model}, execution {i}: ours {ours:?}, of the naive simulator {theirs:?}");
        }
    }
}

/// The executions of a replay of the grid job.
fn replayed(dir: &Path, model: &str) -> Vec<String> {
    let job = "replay feed --config open.toml --symbols ETH --latency 60ms --fee-bps -0.3 --strategy grid \
               --half 1 --lots 1000 --queue-semantics hftbacktest --fills fills.csv --json --queue";
    let words: Vec<&str> = job.split_whitespace().chain([model]).collect();
    let ended = with_tapes(dir, &words);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let text = fs::read_to_string(dir.join("fills.csv")).unwrap();
    let mut lines = text.lines().map(str::to_owned);
    assert_eq!(lines.next().as_deref(), Some(COLUMNS));
    lines.collect()
}

/// The records of a packed array that are no touches.
fn levels_and_trades(npz: &Path) -> Vec<[u8; RECORD]> {
    let mut archive = zip::ZipArchive::new(File::open(npz).unwrap()).unwrap();
    let mut bytes = Vec::new();
    archive.by_index(0).unwrap().read_to_end(&mut bytes).unwrap();
    let head = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let records = bytes[head..].chunks_exact(RECORD).map(|r| <[u8; RECORD]>::try_from(r).unwrap());
    records.filter(|record| word(record, 0) & KIND_BITS != BBO).collect()
}

/// The kinds of the export, of which some are beyond those of the made feed.
const KIND_BITS: u64 = 0xff;
const _: () = assert!(KIND_BITS & KIND == KIND);

fn word(record: &[u8; RECORD], at: usize) -> u64 {
    u64::from_le_bytes(record[8 * at..8 * at + 8].try_into().unwrap())
}

fn row(record: &[u8; RECORD]) -> Row {
    let of = |at: usize, unit: f64| (f64::from_bits(word(record, at)) / unit).round() as i64;
    Row {
        ev: word(record, 0),
        exch_ts: word(record, 1) as i64,
        local_ts: word(record, 2) as i64,
        tick: of(3, TICK),
        lots: of(4, LOT),
    }
}
