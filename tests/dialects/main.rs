//! Recordings as other people write them, through the command: what is read is read to the same
//! decisions as our own form, and what is not is named with what would do.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../common/mod.rs"]
mod common;

mod archive;
mod parquet;

use common::Ended;
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const ROWS: usize = 120;
const LEVELS: usize = 3;
const BOOKS: &str = "orderbooks_BTC.csv";
const TRADES: &str = "trades_BTC.csv";

/// One moment of a small market.
#[derive(Clone)]
struct Row {
    recv_ms: u64,
    venue_ms: u64,
    bid: u64,
    /// Bids, then asks, best first, of `LEVELS` and more.
    sizes: [Vec<String>; 2],
    is_buy: bool,
    tid: String,
}

fn market() -> Vec<Row> {
    let row = |i: usize| {
        let (at, n) = (1_764_100_000_000 + 500 * i as u64, i as u64);
        let size = |j: usize| format!("{}.{:05}", (i + j) % 3, 1 + (7_919 * (i + 31 * j)) % 99_999);
        Row {
            recv_ms: at + 300,
            venue_ms: at,
            bid: 90_000 + (n * n) % 7,
            sizes: [0, 1].map(|side| (0..30).map(|j| size(2 * j + side)).collect()),
            is_buy: i.is_multiple_of(2),
            tid: (140_000_000_018_455 + 41_869 * n).to_string(),
        }
    };
    (0..ROWS).map(row).collect()
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}000", ms / 1_000, ms % 1_000)
}

/// `(bid price, bid size, ask price, ask size)` of a level.
fn level(row: &Row, i: usize) -> [String; 4] {
    let [bid, ask] = [row.bid - i as u64, row.bid + 1 + i as u64].map(|px| format!("{px}.0"));
    [bid, row.sizes[0][i].clone(), ask, row.sizes[1][i].clone()]
}

fn book_header(levels: usize) -> String {
    let names = |i| format!(",bid_price_{i},bid_size_{i},ask_price_{i},ask_size_{i}");
    let levels: String = (0..levels).map(names).collect();
    format!("timestamp,sequence,exchange_timestamp{levels}")
}

fn book(row: &Row, levels: usize) -> String {
    let levels: Vec<String> = (0..levels).flat_map(|i| level(row, i)).collect();
    format!("{},7,{},{}", seconds(row.recv_ms), row.venue_ms, levels.join(","))
}

fn trade(row: &Row) -> String {
    let side = if row.is_buy { "buy" } else { "sell" };
    let (recv, px, tid, venue) = (seconds(row.recv_ms), row.bid, &row.tid, row.venue_ms);
    format!("{recv},{px},0.51234,{side},{tid},{venue}")
}

const TRADE_HEADER: &str = "timestamp,price,size,side,trade_id,exchange_timestamp";

fn text(header: String, rows: impl Iterator<Item = String>) -> String {
    [header].into_iter().chain(rows).map(|line| line + "\n").collect()
}
fn books(rows: &[Row]) -> String {
    text(book_header(LEVELS), rows.iter().map(|row| book(row, LEVELS)))
}
fn trades(rows: &[Row]) -> String {
    text(TRADE_HEADER.to_owned(), rows.iter().map(trade))
}

/// Frames of the same, each with what stands in front of it by its time of receipt.
fn frames(rows: &[Row], coin: &str, levels: usize, before: impl Fn(u64) -> String) -> String {
    let frame = |row: &Row| {
        let side = |s: usize| {
            let one = |i| {
                let level = level(row, i);
                format!(r#"{{"px":"{}","sz":"{}","n":3}}"#, level[2 * s], level[2 * s + 1])
            };
            (0..levels).map(one).collect::<Vec<_>>().join(",")
        };
        let (time, px, tid) = (row.venue_ms, row.bid, &row.tid);
        let side_of = if row.is_buy { "B" } else { "A" };
        let book = format!(
            r#"{{"channel":"l2Book","data":{{"coin":"{coin}","time":{time},"levels":[[{}],[{}]]}}}}"#,
            side(0),
            side(1)
        );
        let trade = format!(
            r#"{{"channel":"trades","data":[{{"coin":"{coin}","side":"{side_of}","px":"{px}","sz":"0.51234","time":{time},"hash":"0x0","tid":{tid},"users":["0x1","0x2"]}}]}}"#
        );
        let before = before(row.recv_ms);
        format!("{before}{book}\n{before}{trade}\n")
    };
    rows.iter().map(frame).collect()
}
fn nanos(ms: u64) -> String {
    format!("{ms}000000 ")
}

/// Replays these files, with more arguments.
fn replay(files: &[(&str, &[u8])], more: &[&str]) -> Ended {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("rec")).unwrap();
    for (name, content) in files {
        fs::write(dir.path().join("rec").join(name), content).unwrap();
    }
    Ended::of(dir.path(), &[&["replay", "rec", "--json"], more].concat())
}

/// The same of books and trades as CSV; what is said on stderr must hold every one of `says`, and must
/// be nothing when there is none.
fn replay_csv(books: &str, trades: &str, says: &[&str]) -> Value {
    let ended = replay(&[(BOOKS, books.as_bytes()), (TRADES, trades.as_bytes())], &[]);
    said(&ended, says);
    ended.summary()
}

fn said(ended: &Ended, says: &[&str]) {
    let all = &ended.stderr;
    assert_eq!(all.lines().count(), says.len(), "{all}");
    says.iter().for_each(|part| assert!(all.contains(part), "{part} is not in:\n{all}"));
}

/// What must not depend on how the recording was written.
fn essence(summary: &Value) -> [&Value; 4] {
    ["events", "decision_hash", "fills", "net_pnl_usd"].map(|key| &summary[key])
}

fn plain() -> Value {
    let rows = market();
    let summary = replay_csv(&books(&rows), &trades(&rows), &[]);
    assert_eq!(summary["events"], 2 * ROWS);
    summary
}

// The order of time.

#[test]
fn a_row_far_from_both_its_neighbours_is_the_bad_one() {
    let off = 50 * 60 * 1_000;
    for clocks in ["venue", "recv", "both", "back"] {
        let mut rows = market();
        let row = &mut rows[40];
        match clocks {
            "venue" => row.venue_ms += off,
            "recv" => row.recv_ms += off,
            "both" => (row.venue_ms, row.recv_ms) = (row.venue_ms + off, row.recv_ms + off),
            _ => (row.venue_ms, row.recv_ms) = (row.venue_ms - off, row.recv_ms - off),
        }
        let says = format!("{BOOKS}:42: ");
        let summary = replay_csv(&books(&rows), &trades(&market()), &[&says]);
        assert_eq!(summary["events"], 2 * ROWS - 1, "{clocks}");
        let data = &summary["assumptions"]["data"];
        assert_eq!((&data[0]["skipped"], &data[1]["skipped"]), (&1.into(), &0.into()), "{data}");
        let notes = summary["assumptions"]["notes"].to_string();
        assert!(!notes.contains("before they happened"), "{notes}");

        let says = format!("{TRADES}:42: ");
        let summary = replay_csv(&books(&market()), &trades(&rows), &[&says]);
        assert_eq!(summary["events"], 2 * ROWS - 1, "{clocks}");
    }
}

#[test]
fn swapped_halves_are_read_in_order_of_time() {
    let mut rows = market();
    rows.rotate_left(ROWS / 2);
    let line = format!("(line {} is older than the row before it): read in order", ROWS / 2 + 2);
    let says = [format!("{BOOKS}: "), line];
    let swapped =
        replay(&[(BOOKS, books(&rows).as_bytes()), (TRADES, trades(&market()).as_bytes())], &[]);
    assert_eq!(swapped.stderr.lines().count(), 1, "{}", swapped.stderr);
    says.iter().for_each(|part| assert!(swapped.stderr.contains(part), "{}", swapped.stderr));
    assert_eq!(essence(&swapped.summary()), essence(&plain()));
    let frames_of = |rows: &[Row]| frames(rows, "BTC", LEVELS, nanos);
    let swapped = replay(&[("a.jsonl", frames_of(&rows).as_bytes())], &[]);
    said(&swapped, &["read in order of time"]);
    let straight = replay(&[("a.jsonl", frames_of(&market()).as_bytes())], &[]);
    assert_eq!(essence(&swapped.summary()), essence(&straight.summary()));
}

// Forms of CSV.

#[test]
fn padded_levels_are_empty() {
    let rows = market();
    let with = |pad: &str| {
        let padded = rows.iter().map(|row| format!("{},{pad},{pad},{pad},{pad}", book(row, 2)));
        replay_csv(&text(book_header(3), padded), &trades(&rows), &[])
    };
    let blank = with("");
    for pad in ["0.0", "0", "nan", "NaN", "null"] {
        assert_eq!(essence(&with(pad)), essence(&blank), "{pad}");
    }
}

#[test]
fn dialects_of_csv_are_read_alike() {
    let (rows, plain) = (market(), plain());
    let (book_text, trade_text) = (books(&rows), trades(&rows));
    let quoted = |text: &str| -> String {
        let line = |l: &str| l.split(',').map(|f| format!("\"{f}\"")).collect::<Vec<_>>().join(",");
        text.lines().map(|l| line(l) + "\r\n").collect()
    };
    let respelt = trade_text.replace(",sell,", ",SELL,").replace(",buy,", ",b,");
    let as_floats: String =
        trade_text.lines().map(|l| l.replace(",1764", ".0,1764") + "\n").collect();
    for (name, books, trades) in [
        ("semicolon", book_text.replace(',', ";"), trade_text.replace(',', ";")),
        ("tab", book_text.replace(',', "\t"), trade_text.replace(',', "\t")),
        ("quotes", quoted(&book_text), quoted(&trade_text)),
        ("sides", book_text.clone(), respelt),
        (
            "short sides",
            book_text.clone(),
            trade_text.replace(",sell,", ",s,").replace(",buy,", ",B,"),
        ),
        ("ids of floats", book_text.clone(), as_floats.replacen("trade_id.0", "trade_id", 1)),
    ] {
        let summary = replay_csv(&books, &trades, &[]);
        assert_eq!(essence(&summary), essence(&plain), "{name}");
    }
    let iso = |ms: u64| {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(ms);
        humantime::format_rfc3339_millis(time).to_string().replace('Z', "000+00:00")
    };
    for (words, of) in [
        ("unix milliseconds", &(|ms: u64| ms.to_string()) as &dyn Fn(u64) -> String),
        ("unix microseconds", &|ms: u64| format!("{ms}000")),
        ("ISO 8601", &iso),
    ] {
        let other = |text: &str, row: fn(&Row) -> String| {
            let row = |r: &Row| row(r).replacen(&seconds(r.recv_ms), &of(r.recv_ms), 1);
            self::text(text.lines().next().unwrap().to_owned(), rows.iter().map(row))
        };
        let says = format!("column `timestamp` is read as {words}");
        let books = other(&book_text, |row| book(row, LEVELS));
        let summary = replay_csv(&books, &other(&trade_text, trade), &[&says, &says]);
        assert_eq!(essence(&summary), essence(&plain), "{words}");
    }
}

#[test]
fn levels_of_one_price_are_put_together_and_told() {
    let rows = market();
    let halved = |row: &Row| {
        let mut row = row.clone();
        row.sizes = row.sizes.map(|sizes| vec![sizes[0].clone(); 30]);
        row
    };
    let doubled = rows.iter().map(halved).map(|row| {
        let [bid, bid_size, ask, ask_size] = level(&row, 0);
        format!("{},{bid},{bid_size},{ask},{ask_size}", book(&row, 1))
    });
    let says = "120 of 120 rows have levels that share a price (a recorder that rounds)";
    let summary = replay_csv(&text(book_header(2), doubled), &trades(&rows), &[says]);
    assert_eq!(summary["events"], 2 * ROWS);
}

#[test]
fn of_more_levels_than_a_book_holds_the_first_are_used() {
    let (rows, says) = (market(), "more than 20 levels: the deeper are not used");
    let with = |levels: usize| {
        let books = text(book_header(levels), rows.iter().map(|row| book(row, levels)));
        let csv = replay(&[(BOOKS, books.as_bytes()), (TRADES, trades(&rows).as_bytes())], &[]);
        let raw = frames(&rows, "BTC", levels, nanos);
        [csv, replay(&[("a.jsonl", raw.as_bytes())], &[])]
    };
    for (deep, exact) in with(30).into_iter().zip(with(20)) {
        said(&deep, &[says]);
        said(&exact, &[]);
        assert_eq!(deep.summary()["events"], 2 * ROWS);
        assert_eq!(essence(&deep.summary()), essence(&exact.summary()));
    }
}

#[test]
fn the_name_may_begin_with_the_coin() {
    let rows = market();
    let ours = replay(&[("BTC_orderbooks.csv", books(&rows).as_bytes())], &[]);
    said(&ours, &[]);
    assert_eq!(ours.summary()["events"], ROWS);
}

// Forms of raw frames.

#[test]
fn dialects_of_frames_are_read_alike() {
    let rows = market();
    let with = |before: &dyn Fn(u64) -> String, says: &[&str]| {
        let ended = replay(&[("a.jsonl", frames(&rows, "BTC", LEVELS, before).as_bytes())], &[]);
        said(&ended, says);
        ended.summary()
    };
    let plain = with(&nanos, &[]);
    let iso = |ms: u64| {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(ms);
        humantime::format_rfc3339_nanos(time).to_string()
    };
    let (ms_words, iso_words) =
        ("local times are read as unix milliseconds", "are read as ISO 8601");
    for (before, says) in [
        (&(|ms: u64| format!("{ms}000000\t")) as &dyn Fn(u64) -> String, &[][..]),
        (&|ms: u64| format!("{ms}000000,"), &[]),
        (&|ms: u64| format!("{ms} "), &[ms_words]),
        (&|ms: u64| format!("{}\t", iso(ms)), &[iso_words]),
        (&|ms: u64| format!("{}  ", iso(ms).trim_end_matches('Z')), &[iso_words]),
    ] {
        assert_eq!(essence(&with(before, says)), essence(&plain), "{}", before(0));
    }
    let ended = replay(&[("a.jsonl", frames(&rows, "BTC", 3, |_| String::new()).as_bytes())], &[]);
    assert_eq!(ended.code, 5);
    said(
        &ended,
        &["a.jsonl: 240 of 240 lines are not sound (first: line 1: no local time in front"],
    );
}

// What is unsound, and what is no recording of ours.

#[test]
fn a_kind_of_data_lost_whole_is_an_error() {
    let rows = market();
    let raw = frames(&rows, "BTC", LEVELS, nanos).replace("\"tid\":", "\"id\":");
    let more = frames(&rows, "BTC", LEVELS, nanos);
    let files: [(&str, &[u8]); 2] = [("a.jsonl", raw.as_bytes()), ("b.jsonl", more.as_bytes())];
    for files in [&files[..1], &files] {
        let ended = replay(files, &[]);
        assert_eq!(ended.code, 5, "{}", ended.stderr);
        said(
            &ended,
            &[
                "rec/a.jsonl: none of its 120 lines of trades is sound (first: line 2: key \"tid\" is missing); mend",
            ],
        );
        let summary = replay(files, &["--allow-unsound"]).summary();
        assert_eq!(summary["assumptions"]["data"][0]["skipped"], ROWS);
    }
    // One that is sound is a kind that is there.
    let one = raw.replacen("\"id\":", "\"tid\":", 1);
    assert_eq!(replay(&[("a.jsonl", one.as_bytes())], &[]).code, 0);
}

#[test]
fn a_file_that_is_mostly_unsound_is_an_error() {
    let rows = market();
    let spoilt = |bad: usize| {
        let spoil =
            |(i, row): (usize, &Row)| if i < bad { "?".to_owned() } else { book(row, LEVELS) };
        text(book_header(LEVELS), rows.iter().enumerate().map(spoil))
    };
    let run = |bad: usize, more: &[&str]| replay(&[(BOOKS, spoilt(bad).as_bytes())], more);
    let half = run(ROWS / 2, &[]);
    assert_eq!(half.summary()["assumptions"]["data"][0]["skipped"], ROWS / 2);
    let ended = run(ROWS / 2 + 1, &[]);
    assert_eq!(ended.code, 5);
    said(&ended, &["orderbooks_BTC.csv: 61 of 120 lines are not sound (first: line 2: 1 columns"]);
    assert_eq!(run(ROWS / 2 + 1, &["--allow-unsound"]).summary()["events"], ROWS / 2 - 1);
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(BOOKS), spoilt(7)).unwrap();
    let shown = Ended::of(dir.path(), &["replay", "."]).stdout;
    assert!(shown.contains("orderbooks_BTC.csv: 120 rows (7 unsound, skipped), sha256"), "{shown}");
}

#[test]
fn what_is_not_read_is_named_with_what_would_do() {
    let utf16: Vec<u8> = [0xFEFF_u16]
        .into_iter()
        .chain("17640 {}\n17650 {}\n".encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let node: &[u8] = br#"{"coin":"BTC","side":"A","px":"1","side_info":[]}"#;
    let diffs: &[u8] = br#"{"block_number":1,"events":[{"oid":1,"raw_book_diff":"remove"}]}"#;
    let tardis: &[u8] = b"exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n";
    for (name, content, what) in [
        ("b.pq", &b"PAR1...."[..], "b.pq: a Parquet file: call it orderbooks_"),
        ("a.jsonl", &utf16, "a.jsonl: UTF-16 text: turn it into UTF-8 with `iconv"),
        ("trades_BTC.csv", &utf16, "UTF-16 text: turn it into UTF-8 with `iconv"),
        ("t.jsonl", node, "data of a node: make a recording of it with `botmm import"),
        ("16", node, "data of a node: make a recording of it with `botmm import"),
        ("d.jsonl", diffs, "single orders of a node without its trades"),
        (
            "hl_trades_2025-11-24_BTC.csv",
            tardis,
            "CSV of Tardis: make a recording of it with `botmm import FILE --out FOLDER`",
        ),
    ] {
        let ended = replay(&[(name, content)], &[]);
        assert_eq!(ended.code, 5, "{name}");
        said(&ended, &[what]);
    }
}

// Coins that the configuration does not have.

#[test]
fn any_coin_replays_with_the_size_decimals_of_its_data() {
    for coin in ["xyz:GOLD", "@107", "kBONK", "hyna:FARTCOIN100"] {
        let raw = frames(&market(), coin, LEVELS, nanos);
        let files: [(&str, &[u8]); 1] = [("a.jsonl", raw.as_bytes())];
        for more in [&[][..], &["--symbols", coin], &["--symbols", &coin.to_lowercase()]] {
            let ended = replay(&files, more);
            said(&ended, &[]);
            let summary = ended.summary();
            assert_eq!((&summary["events"], coins(&summary)), (&(2 * ROWS).into(), vec![coin]));
            let notes = summary["assumptions"]["notes"].as_array().unwrap();
            let note =
                notes.iter().find_map(|n| n.as_str()?.split_once("to set them, write there: "));
            let (told, line) = note.unwrap();
            let start =
                format!("{coin} is not in [universe]: 5 size decimals are assumed, the most");
            assert!(told.starts_with(&start), "{told}");

            let dir = TempDir::new().unwrap();
            let own = format!("[universe]\n{line}\n[asset.\"{coin}\".quote]\nnum_levels = 1\n");
            fs::write(dir.path().join("own.toml"), own).unwrap();
            fs::write(dir.path().join("a.jsonl"), &raw).unwrap();
            let config = ["replay", "a.jsonl", "--json", "--config", "own.toml"];
            let with_line = Ended::of(dir.path(), &config).summary();
            assert!(!with_line["assumptions"]["notes"].to_string().contains("size decimals"));
        }
    }
}

#[test]
fn a_coin_that_nobody_asked_for_is_left_out_and_named() {
    let rows = market();
    let raw = frames(&rows, "xyz:GOLD", LEVELS, nanos) + &frames(&rows, "BTC", LEVELS, nanos);
    let files: [(&str, &[u8]); 1] = [("a.jsonl", raw.as_bytes())];
    let ended = replay(&files, &[]);
    said(&ended, &["does not have them: xyz:GOLD; name them with --symbols"]);
    assert_eq!(coins(&ended.summary()), ["BTC"]);
    assert_eq!(
        coins(&replay(&files, &["--symbols", "BTC,xyz:GOLD"]).summary()),
        ["BTC", "xyz:GOLD"]
    );
    let ended = replay(&files, &["--symbols", "xyz:GOLDD"]);
    assert_eq!(ended.code, 2);
    said(&ended, &["unknown coin \"xyz:GOLDD\"; did you mean xyz:GOLD?"]);
}

fn coins(summary: &Value) -> Vec<&str> {
    summary["position"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn an_exchange_plays_such_a_tape_too() {
    let dir = TempDir::new().unwrap();
    let raw = frames(&market(), "xyz:GOLD", LEVELS, nanos).replace("\"tid\":", "\"id\":");
    fs::write(dir.path().join("a.jsonl"), raw).unwrap();
    let ended = Ended::of(Path::new(dir.path()), &["exchange", "--market", "tape", "a.jsonl"]);
    assert_eq!(ended.code, 5, "{}", ended.stderr);
    assert!(ended.stderr.contains("none of its 120 lines of trades"), "{}", ended.stderr);
}
