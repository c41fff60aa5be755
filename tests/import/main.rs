//! `botmm import`: what others have becomes a recording, to the last digit; what is unsound is named,
//! and what is of no known format is refused with the line that tells.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod collector;
#[path = "../common/mod.rs"]
mod common;
mod shapes;

use common::{Ended, gz, names, texts};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const START_MS: u64 = 1_764_000_000_000;

/// Imports these files, which may lie in folders, into `out`; with more arguments.
fn import(dir: &Path, files: &[(&str, &[u8])], more: &[&str]) -> Ended {
    for (name, content) in files {
        let path = dir.join("src").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    Ended::of(dir, &[&["import", "src", "--out", "out"], more].concat())
}

/// Imports, and the files of the recording by name, as text.
fn recording(files: &[(&str, &[u8])], more: &[&str]) -> (Ended, BTreeMap<String, String>) {
    let dir = TempDir::new().unwrap();
    let ended = import(dir.path(), files, more);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    (ended, texts(&dir.path().join("out")))
}

/// The rows below a header.
fn rows(text: &str) -> Vec<&str> {
    text.lines().skip(1).collect()
}

/// `2025-11-24T16:00:00.123456789`, as a node writes it.
fn iso(ns: u64) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_nanos(ns);
    humantime::format_rfc3339_nanos(time).to_string().replace('Z', "")
}
fn seconds(ns: u64) -> String {
    format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000)
}
fn at(i: u64) -> u64 {
    START_MS * 1_000_000 + i * 700_000_000 + 123_456_789
}

// A node's.

fn node_trade(i: u64, coin: &str) -> String {
    let side = if i.is_multiple_of(2) { "B" } else { "A" };
    format!(
        r#"{{"coin":"{coin}","side":"{side}","time":"{}","px":"{}.1","sz":"0.{:05}","hash":"0x{i:064x}","trade_dir_override":"Na","side_info":[{{"user":"0x1","start_pos":"0.0","oid":{},"twap_id":null,"cloid":null}},{{"user":"0x2","start_pos":"-1.5","oid":{},"twap_id":null,"cloid":"0xab"}}]}}"#,
        iso(at(i)),
        90_000 + i % 7,
        1 + 7_919 * i % 99_999,
        2 * i,
        2 * i + 1,
    )
}

/// The row that such a trade becomes, but for its id.
fn traded(i: u64) -> (String, String) {
    let side = if i.is_multiple_of(2) { "buy" } else { "sell" };
    let (sz, venue) = (format!("0.{:05}", 1 + 7_919 * i % 99_999), at(i));
    let sz = sz.trim_end_matches('0');
    let front = format!("{},{}.1,{sz},{side},", seconds(at(i)), 90_000 + i % 7);
    (front, format!(",{}.{:06}", venue / 1_000_000, venue % 1_000_000))
}

fn lines(all: impl Iterator<Item = String>) -> String {
    all.map(|line| line + "\n").collect()
}

#[test]
fn node_trades_are_kept_to_the_last_digit() {
    let hour = |h: u64| lines((40 * h..40 * h + 40).map(|i| node_trade(i, "BTC")));
    // Named so that the order of names is not that of time; and one hour is there twice.
    let hours = [0, 1, 2].map(hour);
    let files: [(&str, &[u8]); 4] = [
        ("hourly/20251124/9", hours[0].as_bytes()),
        ("hourly/20251124/10", hours[1].as_bytes()),
        ("hourly/20251124/11.gz", &gz(&hours[2])),
        ("again/11", hours[2].as_bytes()),
    ];
    let (ended, made) = recording(&files, &[]);
    assert_eq!(made.keys().collect::<Vec<_>>(), ["trades_BTC"]);
    let rows = rows(&made["trades_BTC"]);
    assert_eq!(rows.len(), 120);
    let mut ids = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let (front, back) = traded(i as u64);
        let id = row.strip_prefix(front.as_str()).and_then(|row| row.strip_suffix(back.as_str()));
        ids.push(
            id.unwrap_or_else(|| panic!("{row} is not {front}…{back}")).parse::<i64>().unwrap(),
        );
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 120, "every trade has an id of its own");
    for part in ["read     4 file(s), 160 lines", "0 books, 0 touches, 120 trades", "40 repeated"] {
        assert!(ended.stdout.contains(part), "{part} is not in {}", ended.stdout);
    }
    assert!(ended.stdout.contains("BTC has trades alone"), "{}", ended.stdout);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    let says = "src/again/11 and 3 more: node trades have no time of receipt: the block's is taken";
    assert!(ended.stderr.contains(says), "{}", ended.stderr);
}

#[test]
fn both_sides_of_a_nodes_fill_are_one_trade() {
    let block = |i: u64| {
        let (buyer, seller) = if i.is_multiple_of(2) { (true, false) } else { (false, true) };
        let fill = |side: &str, crossed: bool| {
            format!(
                r#"["0x1",{{"coin":"BTC","px":"90000.{i}","sz":"0.5","side":"{side}","time":{},"startPosition":"0.0","dir":"Open Long","closedPnl":"0.0","hash":"0x0","oid":{i},"crossed":{crossed},"fee":"0.1","tid":{},"feeToken":"USDC"}}]"#,
                at(i) / 1_000_000,
                1_000 + i
            )
        };
        format!(
            r#"{{"local_time":"{}","block_time":"{}","block_number":{i},"events":[{},{}]}}"#,
            iso(at(i) + 200_000_001),
            iso(at(i)),
            fill("A", seller),
            fill("B", buyer)
        )
    };
    let empty = r#"{"local_time":"2025-11-24T16:00:00.3","block_time":"2025-11-24T16:00:00.1","block_number":1,"events":[]}"#;
    let text = format!("{empty}\n{}", lines((0..9).map(block)));
    let (ended, made) = recording(&[("fills", text.as_bytes())], &[]);
    assert_eq!(ended.stderr, "");
    assert!(ended.stdout.contains("9 trades") && ended.stdout.contains("9 repeated"));
    for (i, row) in rows(&made["trades_BTC"]).iter().enumerate() {
        let (at, side) = (at(i as u64), if i % 2 == 0 { "buy" } else { "sell" });
        let (recv, venue) = (seconds(at + 200_000_001), at);
        let venue = format!("{}.{:06}", venue / 1_000_000, venue % 1_000_000);
        let px = if i == 0 { "90000.0".to_owned() } else { format!("90000.{i}") };
        let px = px.trim_end_matches(".0");
        assert_eq!(*row, format!("{recv},{px},0.5,{side},{},{venue}", 1_000 + i));
    }
}

#[test]
fn coins_are_chosen_and_the_others_told() {
    let text =
        lines((0..30).map(|i| node_trade(i, ["BTC", "xyz:GOLD", "PURR/USDC"][i as usize % 3])));
    let (ended, made) = recording(&[("t", text.as_bytes())], &[]);
    assert_eq!(made.keys().collect::<Vec<_>>(), ["trades_BTC", "trades_xyz:GOLD"]);
    assert!(ended.stdout.contains("left out PURR/USDC: 10 event(s)"), "{}", ended.stdout);
    let (_, made) = recording(&[("t", text.as_bytes())], &["--symbols", "xyz:GOLD"]);
    assert_eq!(made.keys().collect::<Vec<_>>(), ["trades_xyz:GOLD"]);
    let dir = TempDir::new().unwrap();
    let ended = import(dir.path(), &[("t", text.as_bytes())], &["--symbols", "ETH"]);
    assert_eq!(ended.code, 5);
    assert!(
        ended.stderr.contains("ETH is not in the recording; it has: BTC, "),
        "{}",
        ended.stderr
    );
    assert!(!dir.path().join("out").exists());
}

// Tardis'.

const HEAD: &str = "exchange,symbol,timestamp,local_timestamp";

fn micros(i: u64) -> (u64, u64) {
    (START_MS * 1_000 + i * 500_000 + 1, START_MS * 1_000 + i * 500_000 + 300_017)
}
fn tardis(header: &str, row: impl Fn(u64) -> String, count: u64) -> String {
    let rows = (0..count).map(|i| {
        let (venue, local) = micros(i);
        format!("hyperliquid,BTC,{venue},{local},{}", row(i))
    });
    lines([format!("{HEAD},{header}")].into_iter().chain(rows))
}
fn both(i: u64) -> (String, String) {
    let (venue, local) = micros(i);
    (seconds(local * 1_000), format!("{}.{:06}", venue / 1_000, venue % 1_000 * 1_000))
}

#[test]
fn tardis_becomes_a_recording_that_replays() {
    let level = |i: u64, l: u64| {
        let (ask, bid) = (90_001 + i % 3 + l, 89_999 + i % 3 - l);
        format!("{ask},1.{:05},{bid},0.{:05}", 1 + i * 77 + l, 1 + i * 13 + l)
    };
    let names =
        |l: u64| format!("asks[{l}].price,asks[{l}].amount,bids[{l}].price,bids[{l}].amount");
    let header = (0..25).map(names).collect::<Vec<_>>().join(",");
    let snapshots = tardis(
        &header,
        |i| {
            (0..25)
                .map(|l| if l < 22 { level(i, l) } else { ",,,".into() })
                .collect::<Vec<_>>()
                .join(",")
        },
        200,
    );
    let side = |i: u64| if i.is_multiple_of(2) { "buy" } else { "sell" };
    let trades =
        tardis("id,side,price,amount", |i| format!("{},{},90000,0.12345678", 7 + i, side(i)), 200);
    let quotes = tardis(
        "ask_amount,ask_price,bid_price,bid_amount",
        |i| format!("2.5,{},{},1e-05", 90_001 + i % 3, 89_999 + i % 3),
        200,
    );
    let dir = TempDir::new().unwrap();
    let (snapshots, trades) = (gz(&snapshots), gz(&trades));
    let files: [(&str, &[u8]); 3] = [
        ("hyperliquid_book_snapshot_25_2025-11-24_BTC.csv.gz", &snapshots),
        ("hyperliquid_trades_2025-11-24_BTC.csv.gz", &trades),
        ("hyperliquid_quotes_2025-11-24_BTC.csv", quotes.as_bytes()),
    ];
    let ended = import(dir.path(), &files, &[]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("more than 20 levels"), "{}", ended.stderr);
    assert!(ended.stdout.contains("BTC: 200 books, 200 touches, 200 trades"), "{}", ended.stdout);
    let made = texts(&dir.path().join("out"));
    for (i, row) in rows(&made["trades_BTC"]).iter().enumerate() {
        let (recv, venue) = both(i as u64);
        let side = side(i as u64);
        assert_eq!(*row, format!("{recv},90000,0.12345678,{side},{},{venue}", 7 + i));
    }
    let (recv, venue) = both(4);
    let touches = rows(&made["prices_BTC"]);
    assert_eq!(
        touches[8..10],
        [format!("{recv},90000,0.00001,bid,{venue}"), format!("{recv},90002,2.5,ask,{venue}")]
    );
    let book = rows(&made["orderbooks_BTC"])[4].to_owned();
    assert!(
        book.starts_with(&format!("{recv},5,{venue},90000,0.00053,90002,1.00309,89999,")),
        "{book}"
    );
    assert_eq!(book.split(',').count(), 3 + 4 * 20);

    let summary = Ended::of(dir.path(), &["replay", "out", "--json"]).summary();
    assert_eq!(summary["events"], 600);
    // And again: what is there is left as it is.
    let again = import(dir.path(), &[], &[]);
    assert_eq!(again.code, 2);
    assert!(again.stderr.contains("out: already there, and left as it is"), "{}", again.stderr);
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_str().unwrap().ends_with(".part")), "{left:?}");
}

/// Random changes of two books, and what the books are after each message, by a twin that keeps a plain
/// list and sorts it.
#[test]
fn changes_of_a_book_are_put_together() {
    use rand::{RngExt as _, SeedableRng as _};
    let seed: u64 = rand::random();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let (mut text, mut expected) = (format!("{HEAD},is_snapshot,side,price,amount\n"), Vec::new());
    let mut books: BTreeMap<&str, Vec<(&str, u64, u64)>> = BTreeMap::new();
    let mut before: BTreeMap<&str, String> = BTreeMap::new();
    for i in 0..300 {
        let coin = ["BTC", "ETH"][rng.random_range(0..2)];
        let (venue, local) = micros(i);
        let is_snapshot = !books.contains_key(coin) || rng.random_range(0..20) == 0;
        let mut changes: Vec<(&str, u64, u64)> = Vec::new();
        if is_snapshot {
            books.insert(coin, Vec::new());
            changes.extend((0..30).map(|l| ("bid", 1_000 - l, 1 + l)));
            changes.extend((0..30).map(|l| ("ask", 1_001 + l, 1 + l)));
        } else {
            for _ in 0..rng.random_range(1..5) {
                let amount = rng.random_range(0..3);
                let deep = rng.random_range(0..40);
                changes.push(match rng.random_range(0..2) {
                    0 => ("bid", 1_000 - deep, amount),
                    _ => ("ask", 1_001 + deep, amount),
                });
            }
        }
        let book = books.get_mut(coin).unwrap();
        for (side, px, amount) in changes {
            text += &format!(
                "hyperliquid,{coin},{venue},{local},{is_snapshot},{side},{px}.5,{amount}\n"
            );
            book.retain(|(s, p, _)| (*s, *p) != (side, px));
            if amount > 0 {
                book.push((side, px, amount));
            }
        }
        let side = |side: &str| {
            let mut levels: Vec<_> = book.iter().filter(|(s, _, _)| *s == side).collect();
            levels.sort_by_key(|(_, px, _)| if side == "bid" { u64::MAX - px } else { *px });
            levels.into_iter().map(|(_, px, amount)| format!("{px}.5,{amount}")).collect::<Vec<_>>()
        };
        let (bids, asks) = (side("bid"), side("ask"));
        let level = |levels: &[String], l: usize| levels.get(l).cloned().unwrap_or(",".to_owned());
        let levels = (0..20).map(|l| format!(",{},{}", level(&bids, l), level(&asks, l)));
        let levels: String = levels.collect();
        if before.get(coin) != Some(&levels) {
            let (recv, venue) = both(i);
            expected.push((coin, format!("{recv}|{venue}{levels}")));
            before.insert(coin, levels);
        }
    }
    let (ended, made) = recording(&[("changes.csv", text.as_bytes())], &[]);
    assert_eq!(ended.stderr, "", "seed {seed}");
    for coin in ["BTC", "ETH"] {
        let rows = rows(&made[&format!("orderbooks_{coin}")]);
        let ours =
            rows.iter().enumerate().map(|(n, row)| row.replacen(&format!(",{},", n + 1), "|", 1));
        let twins = expected.iter().filter(|(of, _)| *of == coin).map(|(_, row)| row.clone());
        assert_eq!(ours.collect::<Vec<_>>(), twins.collect::<Vec<_>>(), "{coin}, seed {seed}");
    }
}

#[test]
fn changes_before_a_snapshot_are_left_out_and_told() {
    let row = |i: u64| match i {
        0..3 => "false,bid,10,1".to_owned(),
        3 => "true,bid,10,1".to_owned(),
        _ => format!("false,ask,11,{i}"),
    };
    let text = tardis("is_snapshot,side,price,amount", row, 6);
    let (ended, made) = recording(&[("c.csv", text.as_bytes())], &[]);
    assert!(ended.stderr.contains("3 changes before the first snapshot"), "{}", ended.stderr);
    assert_eq!(rows(&made["orderbooks_BTC"]).len(), 3);
}

// What is unsound, and what is no source.

#[test]
fn unsound_lines_are_named_and_the_rest_is_used() {
    let trade = node_trade(2, "BTC");
    let nested = format!("{{\"side_info\":{}", "[".repeat(50_000));
    let spoilt = [
        (trade.replace("\"B\"", "\"C\""), "key \"side\" is `C`: neither B nor A"),
        (trade.replace("\"90002.1\"", "\"NaN\""), "key \"px\" is `NaN`"),
        (trade.replace("\"90002.1\"", "90002.1"), "not a line of node trades: invalid type"),
        (trade.replace("\"90002.1\"", "\"-1\""), "trade price -1 is not positive"),
        (trade.replace("2025-", "2025x"), "not a time in ISO 8601"),
        (trade.replace("\"oid\":5", "\"oid\":null"), "not a line of node trades"),
        ("{".to_owned(), "not a line of node trades: EOF"),
        (nested, "not a line of node trades"),
        ("\u{0}\u{1}".to_owned(), "not a line of node trades"),
    ];
    for (line, says) in spoilt {
        let mut all: Vec<String> = (0..9).map(|i| node_trade(i, "BTC")).collect();
        all[4] = line;
        let (ended, made) = recording(&[("t", lines(all.into_iter()).as_bytes())], &[]);
        assert_eq!(rows(&made["trades_BTC"]).len(), 8, "{says}");
        names(&ended.stderr, "t:5: ", says);
        assert!(ended.stdout.contains("dropped  1 unsound line(s)"), "{}", ended.stdout);
    }
    let rows_of = |row: &str| {
        tardis(
            "id,side,price,amount",
            |i| if i == 4 { row.into() } else { format!("{i},buy,1,1") },
            9,
        )
    };
    for (row, says) in [
        ("4,unknown,1,1", "column `side` is `unknown`: not a side"),
        ("4,buy,nan,1", "column `price` is `nan`"),
        ("4,buy,1", "7 columns, the header has 8"),
        ("4.5,buy,1,1", "column `trade_id` is `4.5`: not a whole number"),
        ("4,buy,99999999999999999999999,1", "column `price` is"),
    ] {
        let (ended, made) = recording(&[("t.csv", rows_of(row).as_bytes())], &[]);
        assert_eq!(rows(&made["trades_BTC"]).len(), 8, "{says}");
        names(&ended.stderr, "t.csv:6: ", says);
    }
}

#[test]
fn a_source_that_is_cut_or_mostly_unsound_is_told() {
    let text = lines((0..9).map(|i| node_trade(i, "BTC")));
    let (ended, made) = recording(&[("t", &text.as_bytes()[..text.len() - 30])], &[]);
    assert!(ended.stderr.contains("t:9: the last line has no end"), "{}", ended.stderr);
    assert_eq!(rows(&made["trades_BTC"]).len(), 8);
    let long = lines((0..4_000).map(|i| node_trade(i, "BTC")));
    let packed = gz(&long);
    let (ended, _) = recording(&[("t.gz", &packed[..packed.len() / 2])], &[]);
    assert!(ended.stderr.contains("ends early or is damaged"), "{}", ended.stderr);

    let bad = lines((0..9).map(|i| node_trade(i, "BTC").replace("\"px\"", "\"p\"")));
    let dir = TempDir::new().unwrap();
    let ended = import(dir.path(), &[("t", bad.as_bytes())], &[]);
    assert_eq!(ended.code, 5);
    let says = "t: 9 of 9 lines are not sound (first: line 1: not a line of node trades: missing field `px`";
    assert!(ended.stderr.contains(says), "{}", ended.stderr);
    let mostly =
        lines((0..9).map(|i| if i < 5 { "{}".into() } else { node_trade(i, "BTC") }).rev());
    assert_eq!(import(dir.path(), &[("t", mostly.as_bytes())], &[]).code, 5);
    assert!(!dir.path().join("out").exists());
    let ended = import(dir.path(), &[("t", mostly.as_bytes())], &["--allow-unsound"]);
    assert!(ended.stdout.contains("4 trades"), "{}", ended.stdout);
}

#[test]
fn what_is_no_source_is_refused_with_the_line_that_tells() {
    for (name, content, says) in [
        (
            "a.csv",
            "time,bid,ask\n",
            "src: not imported: src/a.csv: line 1 is `time,bid,ask`; expected node trades",
        ),
        (
            "a.csv",
            "\n\nexchange,symbol,timestamp,local_timestamp,funding_rate\n",
            "line 3 is `exchange,symbol",
        ),
        ("a", "{\"foo\":1}\n", "line 1 is `{\\\"foo\\\":1}`; expected"),
        ("a", "", "it is empty"),
        ("a", "17640 {}\n", "line 1 is"),
        (
            "a",
            "1764000000000000000 {\"channel\":\"pong\"}\n",
            "that `botmm replay` reads as it lies",
        ),
        (
            "trades_BTC.csv",
            "\u{feff}timestamp;price;size;side;trade_id;exchange_timestamp\n",
            "that `botmm replay` reads as it lies, and `botmm export` turns",
        ),
        (
            "a",
            "{\"block_number\":1,\"block_time\":\"\",\"events\":[{\"raw_book_diff\":\"remove\"}]}\n",
            "single orders: `botmm replay` reads them as they lie",
        ),
        ("a.lz4", "no", "named .lz4, but its content is not"),
        ("a", "PK\u{3}\u{4}", "a zip file"),
    ] {
        let dir = TempDir::new().unwrap();
        let ended = import(dir.path(), &[(name, content.as_bytes())], &[]);
        assert_eq!(ended.code, 5, "{says}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{says} is not in {}", ended.stderr);
        assert!(!dir.path().join("out").exists());
    }
    // Beside what is a source such a file is left, and told.
    let text = lines((0..9).map(|i| node_trade(i, "BTC")));
    let (ended, _) = recording(&[("t", text.as_bytes()), ("notes.txt", b"mine\n")], &[]);
    assert!(ended.stderr.contains("notes.txt: line 1 is `mine`;"), "{}", ended.stderr);
    let dir = TempDir::new().unwrap();
    let ended = Ended::of(dir.path(), &["import", "nowhere", "--out", "out"]);
    assert_eq!(ended.code, 5);
    assert!(ended.stderr.contains("nowhere: no such file or folder"), "{}", ended.stderr);
}
