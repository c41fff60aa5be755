//! `botmm inspect`: what is said of a recording is what is in it.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{Ended, sample};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const START_MS: u64 = 1_764_000_000_000;
const BOOKS: &str =
    "timestamp,sequence,exchange_timestamp,bid_price_0,bid_size_0,ask_price_0,ask_size_0\n";
const TRADES: &str = "timestamp,price,size,side,trade_id,exchange_timestamp\n";
const TOUCHES: &str = "timestamp,price,size,side,exchange_timestamp\n";

/// Received `late_ms` after it happened, so long after the start.
fn times(at_ms: u64, late_ms: u64) -> (String, u64) {
    let (recv, venue) = (START_MS + at_ms + late_ms, START_MS + at_ms);
    (format!("{}.{:03}", recv / 1_000, recv % 1_000), venue)
}
fn book(at_ms: u64, late_ms: u64, bid: &str, ask: &str) -> String {
    let (recv, venue) = times(at_ms, late_ms);
    format!("{recv},0,{venue},{bid},1.25,{ask},2\n")
}
fn trade(id: u64, at_ms: u64, px: &str, side: &str) -> String {
    let (recv, venue) = times(at_ms, 300);
    format!("{recv},{px},0.5,{side},{id},{venue}\n")
}
fn touch(at_ms: u64) -> String {
    let (recv, venue) = times(at_ms, 300);
    format!("{recv},100,1,bid,{venue}\n{recv},101,1,ask,{venue}\n")
}

fn inspect(files: &[(&str, String)], more: &[&str]) -> Ended {
    let dir = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    Ended::of(dir.path(), &[&["inspect", "."], more].concat())
}
fn told(files: &[(&str, String)]) -> Value {
    inspect(files, &["--json"]).summary()
}
/// Why a coin is not good for a use; empty = it is.
fn why_not(coin: &Value, of: &str) -> String {
    let all = coin["good_for"].as_array().unwrap();
    let verdict = all.iter().find(|v| v["use"] == of).unwrap();
    let why: Vec<&str> =
        verdict["why_not"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
    assert_eq!(verdict["good"], why.is_empty());
    why.join("; ")
}

/// 60 books half a second apart, with 12 s of silence in the middle, one locked and one crossed, a line
/// that is none; a trade before all of them, inside, at the touch, outside.
fn market() -> [(&'static str, String); 2] {
    let mut books = BOOKS.to_owned();
    for i in 0..60 {
        let at = 1_000 + 500 * i + if i < 30 { 0 } else { 11_500 };
        books += &match i {
            10 => book(at, 300, "100.5", "100.5"),
            11 => book(at, 300, "101.5", "100.5"),
            12 => book(at, 300, "x", "100.5"),
            _ => book(at, 300, "100.25", "101.5"),
        };
    }
    let trades = [
        trade(1, 900, "100", "buy"),
        trade(2, 1_100, "101", "buy"),
        trade(3, 1_200, "101.5", "buy"),
        trade(3, 1_200, "101.5", "buy"),
        trade(4, 1_300, "100.25", "sell"),
        trade(5, 1_400, "99", "sell"),
    ];
    [("orderbooks_BTC.csv", books), ("trades_BTC.csv", TRADES.to_owned() + &trades.concat())]
}

#[test]
fn what_is_told_of_a_recording_is_what_is_in_it() {
    let all = told(&market());
    let coin = &all["coins"][0];
    let books = &coin["streams"][0];
    assert_eq!((&books["stream"], &books["events"]), (&json!("books"), &json!(57)));
    assert_eq!(books["every"]["p50_ms"], 500.0);
    assert_eq!(books["every"]["max_ms"], 12_000.0);
    assert_eq!(
        (&books["delay"]["p50_ms"], &books["delay"]["p99_ms"]),
        (&json!(300.0), &json!(300.0))
    );
    assert_eq!((&books["gaps"], &books["gaps_s"]), (&json!(1), &json!(12.0)));
    assert_eq!(books["longest_gaps"][0]["from"], "2025-11-24T16:00:15.800000Z");
    // 57 times 100.25 and 101.5; 1.25 and 2.
    assert_eq!((&books["price_sum"], &books["size_sum"]), (&json!("11499.75"), &json!("185.25")));
    assert_eq!((&books["prices"], &books["levels"]), (&json!(114), &json!(1)));
    assert_eq!(coin["decimals"], json!({"price": 2, "size": 2}));
    let one = json!({"count": 1, "share": 1.0 / 59.0});
    assert_eq!((&coin["locked"], &coin["crossed"]), (&one, &one));
    let trades = json!({"inside": 1, "at_touch": 2, "outside": 1, "before_any_book": 1, "buys": 3,
                        "sells": 2});
    assert_eq!(coin["trades"], trades);
    assert_eq!((&all["repeated_trades"], &all["bad_lines"]), (&json!(1), &json!(3)));
    let kinds = json!({
        "book is locked at N": 1,
        "book is crossed (bid N, ask N)": 1,
        "column `bid_price_N` is `…`: 'x' is not part of a decimal number": 1,
    });
    assert_eq!(all["bad_lines_by_kind"], kinds);
    assert_eq!(all["files"][0], json!({"name": "orderbooks_BTC.csv", "lines": 60, "bad": 3}));
    assert_eq!(why_not(coin, "replay") + &why_not(coin, "queue"), "");
    let why = "no touches; 1 gap(s) in its books, up to 12.0 s; 3 bad line(s) in its files";
    assert_eq!(why_not(coin, "parity"), why);
}

#[test]
fn a_whole_recording_is_good_for_all() {
    let books: String = (0..60).map(|i| book(500 * i, 300, "100", "101")).collect();
    let touches: String = (0..60).map(|i| touch(500 * i)).collect();
    let trades: String = (0..60).map(|i| trade(i, 500 * i, "101", "buy")).collect();
    let both = trades + &trade(99, 40_000, "100", "sell");
    let files = |trades: &str| {
        [
            ("orderbooks_BTC.csv", BOOKS.to_owned() + &books),
            ("prices_BTC.csv", TOUCHES.to_owned() + &touches),
            ("trades_BTC.csv", TRADES.to_owned() + trades),
        ]
    };
    let all = told(&files(&both));
    for of in ["replay", "queue", "parity"] {
        assert_eq!(why_not(&all["coins"][0], of), "", "{all:#}");
    }
    // A recorder that writes every trade down as a sale.
    let sales = told(&files(&both.replace("buy", "sell")));
    let why = "all 61 trades are sells: the taker's side was not recorded";
    assert_eq!(why_not(&sales["coins"][0], "queue"), why);
    // None at all, of a file with a header alone.
    let none = told(&files(""));
    assert_eq!(why_not(&none["coins"][0], "queue"), "no trades: nothing fills");
    assert!(none["warnings"][0].as_str().unwrap().contains("no rows in this file"), "{none:#}");
}

#[test]
fn a_clock_that_was_set_and_days_that_are_missing_are_named() {
    let late = |i: u64| if i < 300 { 300 } else { 3_300 };
    let books: String = (0..600).map(|i| book(500 * i, late(i), "100", "101")).collect();
    let all = told(&[("orderbooks_BTC.csv", BOOKS.to_owned() + &books)]);
    let steps = json!([{"at": "2025-11-24T16:03:00Z", "delay_ms": [300.0, 3300.0]}]);
    assert_eq!(all["clock_steps"], steps);
    let why = why_not(&all["coins"][0], "parity");
    assert!(why.ends_with("the clock of receipt was set while it was recorded"), "{why}");

    let day = 86_400_000;
    let days: String =
        [0, day / 2, 3 * day, 3 * day + 500].map(|at| book(at, 0, "100", "101")).concat();
    let all = told(&[("orderbooks_BTC.csv", BOOKS.to_owned() + &days)]);
    assert_eq!(all["missing_days"], json!(["2025-11-26"]));
    let why = why_not(&all["coins"][0], "parity");
    assert!(why.contains("no time of receipt of its own"), "{why}");
}

#[test]
fn a_file_that_replay_refuses_is_inspected_and_said() {
    let locked: String = (0..20).map(|i| book(500 * i, 300, "100", "100")).collect();
    let sound: String = (20..30).map(|i| book(500 * i, 300, "100", "101")).collect();
    let files = [("orderbooks_BTC.csv", BOOKS.to_owned() + &locked + &sound)];
    let all = told(&files);
    let coin = &all["coins"][0];
    assert_eq!(coin["locked"]["count"], 20);
    assert_eq!(why_not(coin, "replay"), "orderbooks_BTC.csv wants --allow-unsound");
    assert!(
        why_not(coin, "queue").contains("67 % of its books and touches are locked"),
        "{coin:#}"
    );
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("orderbooks_BTC.csv"), &files[0].1).unwrap();
    assert_eq!(Ended::of(dir.path(), &["replay", "."]).code, 5);
}

#[test]
fn the_text_has_all_of_it_in_80_columns() {
    let ended = inspect(&market(), &[]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for part in [
        "files     2, with 66 lines, of which 3 are bad",
        "1 × book is locked at N",
        "repeated  1 trades, left out",
        "BTC       books           57    500 ms   12.0 s   12.0 s     300 ms   300 ms",
        "locked 1.69 %",
        "inside the book 25.00 %, at the touch 50.00 %",
        "good for queue",
        "not for parity: no touches;",
    ] {
        assert!(ended.stdout.contains(part), "{part} is not in\n{}", ended.stdout);
    }
    let sample = Ended::of(Path::new("."), &["inspect", &sample().display().to_string()]);
    for line in ended.stdout.lines().chain(sample.stdout.lines()) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn what_is_no_recording_is_an_error() {
    let dir = TempDir::new().unwrap();
    let missing = Ended::of(dir.path(), &["inspect", "nowhere"]);
    assert_eq!(missing.code, 5);
    assert!(missing.stderr.contains("nowhere: no such file or folder"), "{}", missing.stderr);
    let books = BOOKS.to_owned() + &book(0, 300, "100", "101");
    let other = inspect(&[("orderbooks_BTC.csv", books)], &["--symbols", "ETH"]);
    assert_eq!(other.code, 5);
    assert!(other.stderr.contains("ETH is not in the recording; it has: BTC"), "{}", other.stderr);
}

#[test]
fn marks_and_gaps_that_the_recorder_marked_are_counted() {
    let at = START_MS * 1_000_000;
    let line = |s: u64, json: &str| format!("{} {json}\n", at + s * 1_000_000_000);
    let book = |s: u64| {
        let levels = r#"[[{"px":"100","sz":"1","n":1}],[{"px":"101","sz":"1","n":1}]]"#;
        let data =
            format!(r#"{{"coin":"BTC","time":{},"levels":{levels}}}"#, START_MS + s * 1_000 - 300);
        line(s, &format!(r#"{{"channel":"l2Book","data":{data}}}"#))
    };
    let ctx = r#"{"channel":"activeAssetCtx","data":{"coin":"BTC","ctx":{"funding":"0.0000125","openInterest":"1.0","prevDayPx":"100.0","dayNtlVlm":"1.0","premium":"0.0","oraclePx":"100.4","markPx":"100.5","midPx":"100.5","impactPxs":["100.4","100.6"],"dayBaseVlm":"1.0"}}}"#;
    let (from, to) = (at + 2_500_000_000, at + 3_500_000_000);
    let gap = format!(
        r#"{{"channel":"botmm.gap","data":{{"kind":"link","from_ns":{from},"to_ns":{to},"why":"the link was lost"}}}}"#
    );
    let lines =
        book(1) + &line(1, ctx) + &book(2) + &line(4, &gap) + &book(4) + &line(5, ctx) + &book(5);
    let all = told(&[("btc.jsonl", lines)]);
    assert_eq!((&all["coins"][0]["marks"], &all["marked_gaps"]), (&json!(2), &json!(1)), "{all:#}");
    let why = why_not(&all["coins"][0], "parity");
    assert!(why.contains("1 gap(s) that the recorder marked"), "{why}");
}
