//! A node's single orders (L4) into `replay --queue exact`. The files are those of our synthetic market,
//! written as a node writes its own.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../common/mod.rs"]
mod common;
mod rows;

use botmm::data::{LoadOptions, Loaded, load};
use botmm_pipeline::types::{AssetId, MarketEvent, Nanos, Oid, Px, Qty, Side, Universe};
use botmm_pipeline::venue::sim::orderwise::builder::Builder;
use botmm_pipeline::venue::sim::orderwise::codec::OrderTape;
use botmm_pipeline::venue::sim::orderwise::event::OrderEvent;
use botmm_pipeline::venue::sim::orderwise::public::{BlockTimes, Cadence};
use botmm_pipeline::venue::sim::synthetic::{MarketProfile, OrderBlock, SyntheticMarket};
use botmm_pipeline::venue::sim::{Market, MarketOutput};
use common::{Ended, coins};
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};
use tempfile::TempDir;

const START: Nanos = Nanos::secs(1_764_000_000);
const DIFFS: &str = "node_raw_book_diffs_by_block";
const FILLS: &str = "node_fills_by_block";
const TRADES: &str = "node_trades";
const STATUSES: &str = "node_order_statuses_by_block";

fn universe() -> Universe {
    coins::universe([("ETH", 4)])
}

/// The blocks of a world; the first is what rested before, order by order.
fn world(seconds: i64) -> Vec<OrderBlock> {
    let universe = universe();
    let profiles = universe.iter().map(|(_, i)| MarketProfile::of(i, None)).collect();
    let mut market = SyntheticMarket::new(&universe, profiles, START, 5).telling_orders();
    market.advance(START + Nanos::secs(seconds), &mut MarketOutput::default());
    let mut blocks = market.take_orders();
    let is_marker = |e: &OrderEvent| matches!(e, OrderEvent::Snapshot | OrderEvent::Whole);
    blocks[0].events.retain(|e| !is_marker(e));
    blocks
}

/// `2025-11-24T16:00:00.123456789`, as a node writes it.
fn iso(time: Nanos) -> String {
    let time = UNIX_EPOCH + Duration::from_nanos(time.0 as u64);
    humantime::format_rfc3339_nanos(time).to_string().trim_end_matches('Z').to_owned()
}

fn letter(side: Side) -> char {
    if side == Side::Bid { 'B' } else { 'A' }
}

/// Lines by the folder of a node's data.
type Files = HashMap<&'static str, Vec<String>>;

/// The files of a node, by folder.
fn node_files(blocks: &[OrderBlock]) -> Files {
    let mut files: HashMap<&str, Vec<String>> = HashMap::new();
    let mut resting: HashMap<u64, (Side, Px, Qty)> = HashMap::new();
    for (number, OrderBlock { time, events, .. }) in (100_u64..).zip(blocks) {
        let (mut diffs, mut fills, mut statuses) = (Vec::new(), Vec::new(), Vec::new());
        for event in events {
            let diff = |oid: Oid, (side, px): (Side, Px), what: String| {
                let (oid, side) = (oid.0, letter(side));
                format!(
                    r#"{{"user":"0x1","oid":{oid},"coin":"ETH","side":"{side}","px":"{px}","raw_book_diff":{what}}}"#
                )
            };
            let order = |oid: u64, side: Side, px: Px, sz: Qty, tif: &str| {
                let side = letter(side);
                format!(
                    r#""order":{{"coin":"ETH","side":"{side}","limitPx":"{px}","sz":"{sz}","oid":{oid},"timestamp":1,"children":[],"tif":"{tif}","cloid":null}}"#
                )
            };
            match *event {
                OrderEvent::New { oid, side, px, qty, .. } => {
                    resting.insert(oid.0, (side, px, qty));
                    diffs.push(diff(oid, (side, px), format!(r#"{{"new":{{"sz":"{qty}"}}}}"#)));
                    let order = order(oid.0, side, px, qty, "Alo");
                    statuses.push(format!(r#"{{"user":"0x1","status":"open",{order}}}"#));
                }
                OrderEvent::Removed { oid } => {
                    let (side, px, _) = resting.remove(&oid.0).unwrap();
                    diffs.push(diff(oid, (side, px), "\"remove\"".to_owned()));
                }
                OrderEvent::Filled { oid, qty, tid } => {
                    let (side, px, before) = resting[&oid.0];
                    let left = before - qty;
                    let what = match left.is_zero() {
                        true => "\"remove\"".to_owned(),
                        false => {
                            format!(r#"{{"update":{{"origSz":"{before}","newSz":"{left}"}}}}"#)
                        }
                    };
                    diffs.push(diff(oid, (side, px), what));
                    resting.insert(oid.0, (side, px, left));
                    for (side, oid, crossed) in [(side.opposite(), 1, true), (side, oid.0, false)] {
                        let side = letter(side);
                        fills.push(format!(
                            r#"["0x1",{{"coin":"ETH","px":"{px}","sz":"{qty}","side":"{side}","time":1,"oid":{oid},"crossed":{crossed},"tid":{tid}}}]"#
                        ));
                    }
                }
                OrderEvent::Missed { side, px, qty } => {
                    let order = order(7, side, px, qty, "Ioc");
                    statuses
                        .push(format!(r#"{{"user":"0x1","status":"iocCancelRejected",{order}}}"#));
                }
                _ => {}
            }
        }
        let (local, block) = (iso(*time + Nanos::millis(20)), iso(*time));
        for (folder, events) in [(DIFFS, diffs), (FILLS, fills), (STATUSES, statuses)] {
            let events = events.join(",");
            files.entry(folder).or_default().push(format!(
                r#"{{"local_time":"{local}","block_time":"{block}","block_number":{number},"events":[{events}]}}"#
            ));
        }
    }
    files
}

/// Writes files as a node does, two hours of each kind.
fn write(dir: &Path, files: &Files) {
    for (folder, lines) in files {
        let hours = dir.join(folder).join("hourly/20251124");
        fs::create_dir_all(&hours).unwrap();
        let (first, second) = lines.split_at(lines.len() / 2);
        for (name, lines) in [("16", first), ("17", second)] {
            fs::write(hours.join(name), lines.join("\n") + "\n").unwrap();
        }
    }
}

fn load_dir(dir: &Path) -> Loaded {
    load_dir_of(&[dir.to_owned()])
}

fn load_dir_of(paths: &[std::path::PathBuf]) -> Loaded {
    let options = LoadOptions {
        symbols: &[],
        instrument: &coins::major,
        allow_unsound: false,
        decode: &mut |_, _, _, _| Err("no frames here".to_owned()),
        progress: &|done, total| assert!(done <= total),
    };
    load(paths, options).unwrap()
}

/// The events of a tape but for takers that found nobody, which files put at the end of their block.
fn events(tape: &OrderTape) -> (Vec<(Nanos, OrderEvent)>, usize) {
    let (mut cursor, mut all, mut missed) = (tape.cursor(), Vec::new(), 0);
    while let Some((_, time)) = cursor.block() {
        while let Some(event) = cursor.next(tape) {
            match event {
                OrderEvent::Missed { .. } => missed += 1,
                _ => all.push((time, event)),
            }
        }
    }
    (all, missed)
}

#[test]
fn what_a_node_writes_is_the_world_that_it_wrote_down() {
    let blocks = world(90);
    let mut builder = Builder::new(&universe(), Cadence::TODAY);
    let (mut public, asset) = (Vec::new(), AssetId::new(0));
    for block in &blocks {
        builder.begin(BlockTimes {
            asset,
            venue: block.time,
            recv: block.time + Nanos::millis(20),
        });
        for event in &block.events {
            match *event {
                OrderEvent::Filled { oid, qty, tid } => {
                    builder.fill(oid, (Side::Bid, Px::ZERO), qty, tid);
                }
                ref other => builder.push(other),
            }
        }
        builder.end(&mut public);
    }
    let (tape, reports) = builder.finish();
    assert!(tape.events() > 10_000 && reports[0].whole_from.is_some());
    let dir = TempDir::new().unwrap();
    write(dir.path(), &node_files(&blocks));
    let loaded = load_dir(dir.path());
    let orders = loaded.orders.unwrap();
    assert_eq!(events(&orders.tape), events(&tape));
    assert_eq!(orders.coins, reports);
    assert_eq!(loaded.report.warnings, Vec::<String>::new());
    assert_eq!(loaded.report.files.len(), 6);
    // And what the bot sees is what is derived from it.
    let seen: Vec<MarketEvent> = loaded.tape.iter_recv().collect();
    let mut derived = public;
    derived.sort_by_key(|e| (e.recv_time(), e.channel_rank()));
    assert!(seen == derived, "{} seen, {} derived", seen.len(), derived.len());
}

/// A replay of these files.
fn replay(files: &Files, more: &[&str]) -> Ended {
    let dir = TempDir::new().unwrap();
    write(dir.path(), files);
    Ended::of(dir.path(), &[&["replay", ".", "--json"], more].concat())
}

#[test]
fn a_replay_among_single_orders_says_so_and_needs_nothing_else() {
    let files = node_files(&world(90));
    let exact = replay(&files, &["--queue", "exact"]);
    assert_eq!(exact.code, 0, "{}", exact.stderr);
    let summary = exact.summary();
    assert_eq!(summary["assumptions"]["queue"], "exact");
    assert!(summary["assumptions"]["notes"].to_string().contains("in each queue is exact"));
    assert!(summary["events"].as_u64().unwrap() > 100, "{summary}");
    // The same data as books and trades alone are a recording too.
    let estimated = replay(&files, &[]);
    assert_eq!(estimated.summary()["assumptions"]["queue"], "risk_averse");
    assert_eq!(estimated.summary()["events"], summary["events"]);
}

#[test]
fn a_backtest_has_the_exact_queue_beside_the_estimated_ones_where_it_is_known() {
    let dir = TempDir::new().unwrap();
    write(&dir.path().join("in"), &node_files(&world(90)));
    let rows = |more: &[&str], out: &str| -> Vec<serde_json::Value> {
        let args = [&["backtest", "in", "--rules", "replay", "--out", out], more].concat();
        let ended = Ended::of(dir.path(), &args);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let text = fs::read(dir.path().join(out).join("results.json")).unwrap();
        let results: serde_json::Value = serde_json::from_slice(&text).unwrap();
        results["rows"].as_array().unwrap().clone()
    };
    let all = rows(&[], "all");
    let queue = |row: &serde_json::Value| row["queue"].as_str().unwrap().to_owned();
    let mut queues: Vec<String> = all.iter().map(queue).collect();
    queues.sort();
    assert_eq!(queues, ["exact", "prob_power:3", "risk_averse"]);
    let exact = all.iter().find(|row| row["queue"] == "exact").unwrap();
    let alone = rows(&["--queue", "exact"], "alone");
    assert_eq!(alone.len(), 1);
    // It is what a replay among single orders comes to, and no estimate.
    let replayed =
        Ended::of(dir.path(), &["replay", "in", "--queue", "exact", "--lean", "--json"]).summary();
    for row in [exact, &alone[0]] {
        assert_eq!(row["fills"], replayed["fills"]);
        assert_eq!(row["tasks"][0]["decision_hash"], replayed["decision_hash"]);
        assert!(row["notes"].to_string().contains("in each queue is exact"), "{row:#}");
    }
    let estimated = all.iter().filter(|row| row["queue"] != "exact");
    estimated.for_each(|row| assert!(!row["notes"].to_string().contains("is exact"), "{row:#}"));
}

#[test]
fn what_exact_needs_and_is_not_there_is_said() {
    let refused = |files: &Files, flags: &[&str], what: &str| {
        let ended = replay(files, flags);
        assert_eq!(ended.code, 5, "{}", ended.stderr);
        assert!(ended.stderr.contains(what), "{what}: {}", ended.stderr);
    };
    let all = node_files(&world(30));
    let only = |folders: &[&'static str]| -> Files {
        folders.iter().map(|folder| (*folder, all[folder].clone())).collect()
    };
    refused(&only(&[DIFFS, STATUSES]), &[], "without its trades");
    refused(&only(&[FILLS]), &[], "make a recording of it with `botmm import");
    refused(&all, &["--queue", "exact"], "its book is never whole");
    let sample = common::sample();
    let dir = TempDir::new().unwrap();
    let sample = sample.to_str().unwrap();
    let ended = Ended::of(dir.path(), &["replay", sample, "--queue", "exact"]);
    assert_eq!(ended.code, 5, "{}", ended.stderr);
    let what = "--queue exact needs single orders of any coin";
    assert!(ended.stderr.contains(what), "{}", ended.stderr);
}

#[test]
fn faults_of_order_data_are_counted_and_void_the_book() {
    let all = node_files(&world(70));
    let warned = |change: &dyn Fn(&mut Files), what: &str| {
        let mut files = all.clone();
        change(&mut files);
        let dir = TempDir::new().unwrap();
        write(dir.path(), &files);
        let loaded = load_dir(dir.path());
        let words = loaded.report.warnings.join("\n");
        assert!(words.contains(what), "{what}: {words}");
        loaded.orders.unwrap().coins[0].clone()
    };
    let diffs = |change: &'static dyn Fn(&mut Vec<String>)| {
        move |files: &mut Files| change(files.get_mut(DIFFS).unwrap())
    };
    let gap = warned(&diffs(&|d| _ = d.remove(500)), "1 × a gap in the blocks");
    assert!(gap.left_out > 1_000 && gap.void_for > Nanos::secs(10), "{gap:?}");
    warned(&diffs(&|d| d[500] = "{".to_owned()), "not a line of a node's blocks");
    let again = warned(&diffs(&|d| d.insert(500, d[499].clone())), "1 blocks of order data");
    assert_eq!(again.faults.iter().sum::<u64>(), 0);
    let unknown = |d: &mut Vec<String>| {
        let at = d.iter().rposition(|line| line.contains("\"remove\"")).unwrap();
        d[at] = d[at].replacen("\"remove\"", "{\"moved\":{\"sz\":\"1\"}}", 1);
    };
    let unknown: &'static dyn Fn(&mut Vec<String>) = Box::leak(Box::new(unknown));
    warned(&diffs(unknown), "1 × an unknown change of the book");
    let lone = |files: &mut Files| {
        let fills = files.get_mut(FILLS).unwrap();
        let line = fills.iter_mut().rev().find(|line| line.contains("\"tid\"")).unwrap();
        let (head, rest) = line.split_once("\"crossed\":false").unwrap();
        let (head, oid) = head.rsplit_once("\"oid\":").unwrap();
        let oid: u64 = oid.trim_end_matches(',').parse().unwrap();
        *line = format!("{head}\"oid\":{},\"crossed\":false{rest}", oid + 1_000_000);
    };
    warned(&lone, "1 × a trade that no change of the book shows");
}

#[test]
fn trades_of_a_node_do_for_its_fills() {
    let blocks = world(65);
    let mut files = node_files(&blocks);
    let fills = files.remove(FILLS).unwrap();
    let mut makers: HashMap<u64, (Side, Px)> = HashMap::new();
    let mut lines = Vec::new();
    for block in &blocks {
        for event in &block.events {
            match *event {
                OrderEvent::New { oid, side, px, .. } => _ = makers.insert(oid.0, (side, px)),
                OrderEvent::Filled { oid, qty, tid } => {
                    let (maker, px) = makers[&oid.0];
                    let parties = match maker {
                        Side::Bid => [oid.0, 1],
                        Side::Ask => [1, oid.0],
                    };
                    let (side, time) = (letter(maker.opposite()), iso(block.time));
                    let parties = parties.map(|oid| format!(r#"{{"user":"0x1","oid":{oid}}}"#));
                    lines.push(format!(
                        r#"{{"coin":"ETH","side":"{side}","time":"{time}","px":"{px}","sz":"{qty}","hash":"0x{tid}","side_info":[{}]}}"#,
                        parties.join(",")
                    ));
                }
                _ => {}
            }
        }
    }
    assert!(lines.len() > 20 && fills.iter().any(|line| line.contains("tid")));
    files.insert(TRADES, lines);
    let dir = TempDir::new().unwrap();
    write(dir.path(), &files);
    let by_trades = load_dir(dir.path());
    assert_eq!(by_trades.report.warnings, Vec::<String>::new());
    let dir = TempDir::new().unwrap();
    write(dir.path(), &node_files(&blocks));
    let by_fills = load_dir(dir.path());
    let without_ids = |loaded: &Loaded| -> Vec<(Nanos, OrderEvent)> {
        let all = events(&loaded.orders.as_ref().unwrap().tape).0.into_iter();
        all.map(|(time, event)| match event {
            OrderEvent::Filled { oid, qty, .. } => (time, OrderEvent::Filled { oid, qty, tid: 0 }),
            other => (time, other),
        })
        .collect()
    };
    assert!(without_ids(&by_trades) == without_ids(&by_fills));
}

/// The same as others sell it: snapshots at these blocks, of what rests after them.
fn sold(blocks: &[OrderBlock], snapshots: &[usize]) -> Vec<String> {
    let mut resting: std::collections::BTreeMap<u64, (Side, Px, Qty)> = Default::default();
    let line = |oid: u64, kind: &str, (side, px, qty): (Side, Px, Qty)| {
        let side = letter(side);
        format!(
            r#"{{"diff_type":"{kind}","coin":"ETH","oid":{oid},"user":"0x1","side":"{side}","px":"{px}","sz":"{qty}"}}"#
        )
    };
    let mut lines = Vec::new();
    for (i, block) in blocks.iter().enumerate() {
        let mut diffs = Vec::new();
        for event in &block.events {
            match *event {
                OrderEvent::New { oid, side, px, qty, .. } => {
                    resting.insert(oid.0, (side, px, qty));
                    diffs.push(line(oid.0, "NEW", (side, px, qty)));
                }
                OrderEvent::Removed { oid } => {
                    diffs.push(line(oid.0, "REMOVE", resting.remove(&oid.0).unwrap()));
                }
                OrderEvent::Filled { oid, qty, .. } => {
                    let (side, px, before) = resting.remove(&oid.0).unwrap();
                    let now = (side, px, before - qty);
                    if now.2.is_zero() {
                        diffs.push(line(oid.0, "REMOVE", now));
                    } else {
                        resting.insert(oid.0, now);
                        diffs.push(line(oid.0, "UPDATE", now));
                    }
                }
                _ => {}
            }
        }
        let (time, height) = (iso(block.time), 100 + i);
        let told = |mark: &str, diffs: &[String]| {
            let diffs = diffs.join(",");
            format!(r#"{{"time":"{time}","height":{height},{mark}"diffs":[{diffs}]}}"#)
        };
        if i > 0 {
            lines.push(told("", &diffs));
        }
        if snapshots.contains(&i) {
            let all: Vec<_> = resting.iter().map(|(oid, o)| line(*oid, "NEW", *o)).collect();
            lines.push(told("\"snapshot\":true,", &all));
        }
    }
    lines
}

#[test]
fn sold_order_data_begin_with_a_snapshot_and_a_later_one_mends_a_gap() {
    let blocks = world(40);
    let write_sold = |dir: &Path, lines: &[String]| {
        write(dir, &HashMap::from([(FILLS, node_files(&blocks)[FILLS].clone())]));
        fs::write(dir.join("l4.jsonl"), lines.join("\n") + "\n").unwrap();
    };
    let load_sold = |lines: &[String]| {
        let dir = TempDir::new().unwrap();
        write_sold(dir.path(), lines);
        load_dir_of(&[
            dir.path().join("l4.jsonl"),
            dir.path().join(FILLS).join("hourly/20251124/16"),
            dir.path().join(FILLS).join("hourly/20251124/17"),
        ])
    };
    let dir = TempDir::new().unwrap();
    write(dir.path(), &node_files(&blocks));
    let of_node = load_dir(dir.path()).orders.unwrap();
    let after_first = |tape: &OrderTape| {
        let all = events(tape).0.into_iter().filter(|(time, _)| *time > blocks[0].time);
        all.map(|(time, event)| match event {
            // The statuses of a node say so; nobody does here.
            OrderEvent::New { oid, side, px, qty, .. } => {
                (time, OrderEvent::New { oid, side, px, qty, posted: Default::default() })
            }
            other => (time, other),
        })
        .collect::<Vec<_>>()
    };
    let whole = load_sold(&sold(&blocks, &[0]));
    let orders = whole.orders.unwrap();
    assert_eq!(orders.coins[0].whole_from, Some(blocks[0].time));
    assert_eq!(orders.coins[0].faults.iter().sum::<u64>(), 0, "{:?}", whole.report.warnings);
    assert!(after_first(&orders.tape) == after_first(&of_node.tape));
    // A block is missing: void until the snapshot after block 200.
    let mut lines = sold(&blocks, &[0, 200]);
    lines.remove(150);
    let mended = load_sold(&lines);
    let coin = &mended.orders.unwrap().coins[0];
    assert_eq!((coin.snapshots, coin.faults.iter().sum::<u64>()), (2, 1), "{coin:?}");
    assert!(coin.void_for > Nanos::secs(2) && coin.void_for < Nanos::secs(8), "{coin:?}");
    let words = mended.report.warnings.join("\n");
    assert!(words.contains("1 × a gap in the blocks"), "{words}");
    // In a snapshot nothing changes.
    let mut lines = sold(&blocks, &[0]);
    lines[0] = lines[0].replacen("\"NEW\"", "\"UPDATE\"", 1);
    let refused = load_sold(&lines);
    assert_eq!(refused.orders.unwrap().coins[0].whole_from, None);
}
