//! `botmm export`: what a format can carry comes back to the last digit, and what it cannot is named.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use botmm::data::export::{Exported, Format, write};
use botmm::data::import;
use botmm::data::{LoadOptions, LoadReport, Loaded, load};
use botmm_pipeline::types::{
    AssetId, Bbo, BookSnapshot, FeedChange, FeedStatus, Instrument, Level, MarkPrice, MarketEvent,
    Nanos, Px, Qty, Side, Trade, Universe,
};
use botmm_pipeline::venue::hl::Decoder;
use botmm_pipeline::venue::tape::Tape;
use common::{Ended, sample};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use tempfile::TempDir;

const START: Nanos = Nanos(1_764_000_000_000_000_000);
const FORMATS: [Format; 4] = [Format::Csv, Format::Parquet, Format::Npz, Format::Hftbacktest];

fn universe() -> Universe {
    let coins = ["BTC", "xyz:GOLD"].iter().zip(0..);
    Universe::new(coins.map(|(coin, i)| Instrument::new(coin, i, 5, 3).unwrap()).collect())
}
fn loaded(events: Vec<MarketEvent>) -> Loaded {
    let report = LoadReport::default();
    let tape = Tape::build(events);
    Loaded { tape, universe: universe(), report, orders: None, compiled: None }
}
fn read(path: PathBuf) -> Loaded {
    let mut decoder = Decoder::new();
    let options = LoadOptions {
        symbols: &[],
        instrument: &|_| None,
        allow_unsound: false,
        decode: &mut |frame, recv_time, universe, sink| {
            let decoded =
                decoder.decode(frame, recv_time, universe, |event| sink(&event.to_kept()));
            decoded.map(|_| ()).map_err(|e| e.to_string())
        },
        progress: &|_, _| {},
    };
    load(&[path], options).unwrap()
}

/// Exports, and reads what that made as a replay would, after an import where it takes one.
fn there_and_back(dir: &Path, all: &Loaded, format: Format) -> (Exported, Loaded) {
    let (out, imported) = (dir.join("out"), dir.join("imported"));
    let goes_on = AtomicBool::new(false);
    let exported = write(all, format, &out, &goes_on).unwrap();
    if format != Format::Npz {
        return (exported, read(out));
    }
    let sources = [out];
    let request = import::Request {
        sources: &sources,
        out: &imported,
        symbols: &[],
        allow_unsound: false,
        is_stopped: &goes_on,
    };
    import::run(&request).unwrap();
    (exported, read(imported))
}

/// What happens next in a market.
#[derive(Clone, Debug)]
struct Step {
    coin: usize,
    kind: u8,
    /// Since the last, and how late it is received.
    after_ns: i64,
    late_ns: i64,
    /// Of a price, in units, and its distance to the next level.
    mid: i64,
    tick: i64,
    levels: (usize, usize),
    size: i64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let tick = prop_oneof![Just(1), Just(10_000), Just(100_000_000)];
    let mid = 10_000_000_000_i64..900_000_000_000_000;
    let step = (
        0..2_usize,
        0..3_u8,
        0..900_000_000_i64,
        0..700_000_000_i64,
        mid,
        tick,
        (0..=20_usize, 0..=20_usize),
        1..90_000_000_000_i64,
    );
    let step = step.prop_map(|(coin, kind, after_ns, late_ns, mid, tick, levels, size)| Step {
        coin,
        kind,
        after_ns,
        late_ns,
        mid,
        tick,
        levels,
        size,
    });
    prop::collection::vec(step, 1..80)
}

/// The events of such a market, the venue's time in whole units.
fn market(steps: &[Step], unit: i64) -> Vec<MarketEvent> {
    let (mut venue, mut recv, mut events) = (START, START, Vec::new());
    for (i, step) in steps.iter().enumerate() {
        let asset = AssetId::new(step.coin);
        venue = Nanos((venue.0 + step.after_ns) / unit * unit);
        recv = Nanos(recv.0 + 1).max(Nanos(venue.0 + step.late_ns));
        let size = |n: usize| Qty::from_raw(step.size + 7 * n as i64);
        let level = |side: Side, n: usize| {
            let px = step.mid - side.sign() * step.tick * (n as i64 + 1);
            Level { px: Px::from_raw(px), qty: size(n) }
        };
        events.push(match step.kind {
            0 => {
                // Some trades are old ones, told again.
                let old = Nanos(venue.0 - (step.late_ns % 3) * 4_000_000_000 / unit * unit);
                let aggressor = if step.size % 2 == 0 { Side::Bid } else { Side::Ask };
                let (px, qty) = (Px::from_raw(step.mid), size(0));
                let tid = 1 + i as u64 * 1_000_003;
                MarketEvent::Trade(Trade {
                    asset,
                    aggressor,
                    recv_time: recv,
                    venue_time: old,
                    px,
                    qty,
                    tid,
                    ..Trade::default()
                })
            }
            1 => {
                let or_none =
                    |n: usize, side| if n == 0 { Level::default() } else { level(side, 0) };
                let (bid, ask) =
                    (or_none(step.levels.0, Side::Bid), or_none(step.levels.1, Side::Ask));
                MarketEvent::Bbo(Bbo {
                    asset,
                    recv_time: recv,
                    venue_time: venue,
                    bid,
                    ask,
                    ..Bbo::default()
                })
            }
            _ => {
                let mut book = BookSnapshot {
                    asset,
                    recv_time: recv,
                    venue_time: venue,
                    ..BookSnapshot::EMPTY
                };
                let (bids, asks) =
                    (step.levels.0.max(usize::from(step.levels.1 == 0)), step.levels.1);
                (book.bid_count, book.ask_count) = (bids as u8, asks as u8);
                (0..bids).for_each(|n| book.bids[n] = level(Side::Bid, n));
                (0..asks).for_each(|n| book.asks[n] = level(Side::Ask, n));
                MarketEvent::Book(book)
            }
        });
        // Now and then the same book is told again.
        if let (MarketEvent::Book(book), 0) = (events[events.len() - 1], step.size % 5) {
            (venue, recv) = (Nanos(venue.0 + unit), Nanos(recv.0 + unit.max(2)));
            events.push(MarketEvent::Book(BookSnapshot {
                venue_time: venue,
                recv_time: recv,
                ..book
            }));
        }
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn what_a_format_can_carry_comes_back(steps in steps()) {
        for format in FORMATS {
            let dir = TempDir::new().unwrap();
            let unit = if format == Format::Hftbacktest { 1_000_000 } else { 1 };
            // With a book in the end, so that there is something to read whatever came before.
            let mut events = market(&steps, unit);
            let last = Step { kind: 2, coin: 0, ..steps[0].clone() };
            let mut again = market(&[steps.clone(), vec![last]].concat(), unit);
            events.push(again.pop().unwrap());
            let all = loaded(events);
            let (exported, back) = there_and_back(dir.path(), &all, format);
            prop_assert_eq!(exported.lost, Vec::<String>::new());
            let coins = |loaded: &Loaded| -> Vec<MarketEvent> { loaded.tape.iter_recv().collect() };
            // A coin of which nothing was told is not there: its number may be another.
            let ids: Vec<AssetId> = back.universe.iter().map(|(_, i)| all.universe.find(i.coin.as_bytes()).unwrap()).collect();
            let name = |mut event: MarketEvent| {
                let id = ids[event.asset().index()];
                match &mut event {
                    MarketEvent::Trade(t) => t.asset = id,
                    MarketEvent::Bbo(b) => b.asset = id,
                    MarketEvent::Book(b) => b.asset = id,
                    _ => {}
                }
                event
            };
            let told: Vec<MarketEvent> = coins(&back).into_iter().map(name).collect();
            let expected = coins(&all);
            prop_assert_eq!(told.len(), expected.len(), "{:?}", format);
            for (told, expected) in told.iter().zip(&expected) {
                prop_assert_eq!(told, expected, "{:?}", format);
            }
        }
    }
}

#[test]
fn what_a_format_cannot_carry_is_counted_and_named() {
    let asset = AssetId::default();
    let level = |px: i64| Level { px: Px::whole(px), qty: Qty::from_raw(99_999_999_912_345_678) };
    let mut book = BookSnapshot {
        asset,
        recv_time: START,
        venue_time: Nanos(START.0 + 1),
        ..BookSnapshot::EMPTY
    };
    (book.bid_count, book.ask_count, book.fast) = (1, 1, true);
    (book.bids[0], book.asks[0]) = (level(100), level(101));
    let events = vec![
        MarketEvent::Book(book),
        MarketEvent::Book(book),
        MarketEvent::Mark(MarkPrice { recv_time: START, ..MarkPrice::default() }),
        MarketEvent::Status(FeedStatus::of(FeedChange::Down, asset, START)),
    ];
    let all = loaded(events);
    let marks = "1 marks of the venue (activeAssetCtx)";
    let link = "1 changes of the link (gaps that the recorder marked)";
    let fast = "that 2 books are fast ones, of which only the first levels were told";
    for (format, lost) in [
        (Format::Csv, vec![fast, marks, link]),
        (
            Format::Parquet,
            vec![fast, "the last digits of 4 numbers: a double holds about 16", marks, link],
        ),
        (
            Format::Npz,
            vec![
                fast,
                "1 books of the very moment of the one before: one with it",
                "the last digits of 3 numbers: a double holds about 16",
                marks,
                link,
            ],
        ),
        (
            Format::Hftbacktest,
            vec!["what is finer than a millisecond of the venue's time, 2 times", marks, link],
        ),
    ] {
        let dir = TempDir::new().unwrap();
        let (exported, _) = there_and_back(dir.path(), &all, format);
        assert_eq!(exported.lost, lost, "{format:?}");
    }
}

/// Of a real format's frames, what is no market data is named by its channel.
#[test]
fn frames_that_no_format_has_are_named() {
    let dir = TempDir::new().unwrap();
    let book = r#"{"channel":"l2Book","data":{"coin":"BTC","time":1764000000000,"levels":[[{"px":"1","sz":"1","n":1}],[{"px":"2","sz":"1","n":1}]]}}"#;
    let candle = r#"{"channel":"candle","data":{"s":"BTC"}}"#;
    let at = START.0;
    let lines = format!("{at} {book}\n{at} {candle}\n{at} {candle}\n");
    fs::write(dir.path().join("btc.jsonl"), lines).unwrap();
    let csv = Ended::of(dir.path(), &["export", "btc.jsonl", "--format", "csv", "--out", "csv"]);
    let unsound = "left out 2 frames of candles or contexts that are not sound (first: ";
    assert!(csv.stdout.contains(unsound), "CSV has a place for candles: {}", csv.stdout);
    let ended = Ended::of(dir.path(), &["export", "btc.jsonl", "--format", "npz", "--out", "out"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("left out 2 frames of `candle`"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("kept     BTC: 1 books, 0 touches, 0 trades"),
        "{}",
        ended.stdout
    );
}

/// A replay decides the same on what was exported, in whichever format.
#[test]
fn a_replay_of_an_export_decides_the_same() {
    let dir = TempDir::new().unwrap();
    let hash = |path: &str| {
        let summary = Ended::of(dir.path(), &["replay", path, "--json"]).summary();
        summary["decision_hash"].as_str().unwrap_or_else(|| panic!("{summary:#}")).to_owned()
    };
    let sample = sample().display().to_string();
    let expected = hash(&sample);
    for format in ["csv", "parquet", "npz", "hftbacktest"] {
        let ended =
            Ended::of(dir.path(), &["export", &sample, "--format", format, "--out", format]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(!ended.stdout.contains("left out"), "{}", ended.stdout);
        let readable = match format {
            "npz" => {
                let ended = Ended::of(dir.path(), &["import", "npz", "--out", "of_npz"]);
                assert_eq!(ended.code, 0, "{}", ended.stderr);
                "of_npz"
            }
            other => other,
        };
        assert_eq!(hash(readable), expected, "{format}");
    }
}

/// Arrays of others: without ids, with a whole book to begin with, and records that are not ours.
#[test]
fn arrays_that_are_cut_or_of_other_records_are_refused_in_words() {
    let dir = TempDir::new().unwrap();
    let sample = sample().display().to_string();
    let ended = Ended::of(dir.path(), &["export", &sample, "--format", "npz", "--out", "npz"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let whole = fs::read(dir.path().join("npz/BTC.npz")).unwrap();
    let import = |name: &str, content: &[u8]| {
        fs::write(dir.path().join(name), content).unwrap();
        let _ = fs::remove_dir_all(dir.path().join("out"));
        Ended::of(dir.path(), &["import", name, "--out", "out"])
    };
    for (end, why) in
        [(whole.len() / 2, "cut short or damaged"), (3, "not imported"), (60, "cut short")]
    {
        let ended = import("BTC.npz", &whole[..end]);
        assert_eq!(ended.code, 5, "{}", ended.stderr);
        assert!(ended.stderr.contains(why), "{end}: {}", ended.stderr);
    }
    let mut other = b"\x93NUMPY\x01\x00\x46\x00".to_vec();
    other.extend(
        format!("{:<69}\n", "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 6), }").bytes(),
    );
    other.extend([0; 48]);
    let ended = import("BTC.npy", &other);
    assert_eq!(ended.code, 5);
    for says in ["a NumPy array of `", "(1,6)", "expected hftbacktest's event records: ev, exch_ts"]
    {
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
}
