//! Loading recordings: every way in which a file can be unsound is named with its place, and
//! nothing but the unsound line is lost.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use botmm::data::capture::{Folder, segments};
use botmm::data::{DataError, LoadOptions, Loaded, load};
use botmm_pipeline::types::{FeedChange, MarketEvent, Nanos, Px, Qty, Side, Trade, Universe};
use botmm_pipeline::venue::tape::TapeCounts;
use common::coins::major;
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const BOOK_HEADER: &str = "timestamp,sequence,exchange_timestamp,bid_price_0,bid_size_0,\
    ask_price_0,ask_size_0,bid_price_1,bid_size_1,ask_price_1,ask_size_1";
const TRADE_HEADER: &str = "timestamp,price,size,side,trade_id,exchange_timestamp";
const PRICE_HEADER: &str = "timestamp,price,size,side,exchange_timestamp";

/// Reads `{"coin":"X","tid":7}` as a trade; the real decoder has tests of its own.
fn toy_decoder(
    frame: &mut [u8],
    recv_time: Nanos,
    universe: &Universe,
    sink: &mut dyn FnMut(&MarketEvent),
) -> Result<(), String> {
    let text = std::str::from_utf8(frame).map_err(|e| e.to_string())?;
    let text = text.strip_suffix('}').ok_or("JSON ends early")?;
    let Some((head, tid)) = text.split_once(",\"tid\":") else { return Ok(()) };
    let coin = head.rsplit('"').nth(1).unwrap_or_default();
    let asset = universe.find(coin.as_bytes()).ok_or("unknown coin")?;
    let tid = tid.parse().map_err(|_| "bad tid")?;
    let (px, qty) = (Px::whole(100), Qty::whole(1));
    let venue_time = recv_time - Nanos::millis(300);
    let trade = Trade { asset, px, qty, tid, venue_time, recv_time, ..Trade::default() };
    sink(&MarketEvent::Trade(trade));
    Ok(())
}

fn load_these(paths: &[PathBuf], symbols: &[&str]) -> Result<Loaded, DataError> {
    load_with(paths, symbols, false)
}
fn load_with(
    paths: &[PathBuf],
    symbols: &[&str],
    allow_unsound: bool,
) -> Result<Loaded, DataError> {
    let symbols: Vec<String> = symbols.iter().map(|s| (*s).to_owned()).collect();
    let mut decode = toy_decoder;
    let options = LoadOptions {
        symbols: &symbols,
        instrument: &major,
        allow_unsound,
        decode: &mut decode,
        progress: &|done, total| assert!(done <= total),
    };
    load(paths, options)
}
fn load_dir(dir: &TempDir) -> Result<Loaded, DataError> {
    load_these(&[dir.path().to_owned()], &[])
}
/// What is sound, however little.
fn load_any(dir: &TempDir) -> Result<Loaded, DataError> {
    load_with(&[dir.path().to_owned()], &[], true)
}
fn error_of(paths: &[PathBuf], symbols: &[&str]) -> String {
    let error = load_these(paths, symbols).unwrap_err().to_string();
    assert!(!error.contains('\n'), "one line: {error}");
    error
}
fn write(dir: &TempDir, name: &str, lines: &[&str]) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    path
}
/// The report's one warning about a file, with the folder taken off its path.
fn only_warning(loaded: &Loaded, dir: &TempDir) -> String {
    let mut warnings = loaded.report.warnings.clone();
    warnings.retain(|w| !w.contains("cannot be quoted"));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    warnings[0].replace(&format!("{}/", dir.path().display()), "")
}

/// A good row, the row under test, a good row: what is said of the middle one.
fn middle(name: &str, header: &str, rows: [&str; 3]) -> String {
    let dir = TempDir::new().unwrap();
    write(&dir, name, &[header, rows[0], rows[1], rows[2]]);
    let loaded = load_dir(&dir).unwrap();
    assert_eq!((loaded.report.files[0].rows, loaded.report.files[0].skipped), (3, 1));
    assert_eq!(loaded.tape.len(), 2, "only the bad line is lost");
    only_warning(&loaded, &dir)
}
fn bad_book(row: &str) -> String {
    let good = |t: u32| format!("1757015216.5,0,175701521625{t},100,1,101,1,99,1,102,1");
    middle("orderbooks_BTC.csv", BOOK_HEADER, [&good(0), row, &good(9)])
}
fn bad_trade(row: &str) -> String {
    let good = |tid: u32| format!("1757015216.5,100,1,buy,{tid},1757015216250");
    middle("trades_BTC.csv", TRADE_HEADER, [&good(1), row, &good(2)])
}

#[test]
fn rows_become_events_with_both_clocks() {
    let dir = TempDir::new().unwrap();
    let book = "1757015217.1651921,7,1757015216728,109755.0,1e-05,109756.0,2,109754,3,,";
    write(&dir, "orderbooks_BTC.csv", &[BOOK_HEADER, book]);
    write(&dir, "trades_BTC.csv", &[TRADE_HEADER, "1757015218,109755.5,0.5,sell,77,1757015217000"]);
    let prices = [
        PRICE_HEADER,
        "1757015218.1,100.5,1,bid,1757015217000", // one side is not a touch yet
        "1757015218.2,101,2,ask,1757015217100",
        "1757015218.3,100,3,bid,1757015217200",
        "1757015218.3,102,4,ask,1757015217200",
    ];
    write(&dir, "prices_BTC_2025-09-01.csv", &prices);
    let loaded = load_dir(&dir).unwrap();
    assert_eq!(loaded.report.warnings, [] as [&str; 0]);
    assert_eq!(
        loaded.report.counts,
        TapeCounts { books: 1, bbos: 2, trades: 1, statuses: 0, levels: 0 }
    );
    let events: Vec<_> = loaded.tape.iter_recv().collect();
    let MarketEvent::Book(book) = events[0] else { panic!("{:?}", events[0]) };
    assert_eq!(book.recv_time, Nanos(1_757_015_217_165_192_100), "exact, not through a float");
    assert_eq!(book.venue_time, Nanos(1_757_015_216_728_000_000));
    assert_eq!((book.bids().len(), book.asks().len()), (2, 1), "blank levels end a side");
    assert_eq!((book.bids[0].px, book.bids[0].qty.raw()), (Px::whole(109_755), 1_000));
    let MarketEvent::Trade(trade) = events[1] else { panic!("{:?}", events[1]) };
    assert_eq!((trade.aggressor, trade.tid), (Side::Ask, 77));
    assert_eq!((trade.px.to_string(), trade.qty.to_string()), ("109755.5".into(), "0.5".into()));
    let MarketEvent::Bbo(first) = events[2] else { panic!("{:?}", events[2]) };
    assert_eq!((first.bid.px.to_string(), first.ask.px), ("100.5".into(), Px::whole(101)));
    let MarketEvent::Bbo(second) = events[3] else { panic!("{:?}", events[3]) };
    assert_eq!((second.bid.px, second.ask.qty), (Px::whole(100), Qty::whole(4)));
}

#[test]
fn unsound_books_are_skipped_and_named() {
    let says = |levels: &str, what: &str| {
        let said = bad_book(&format!("1757015216.5,0,1757015216255,{levels}"));
        assert_eq!(said, format!("orderbooks_BTC.csv:3: {what}"));
    };
    says(
        "nan,1,101,1,99,1,102,1",
        "column `bid_price_0` is `nan`: 'n' is not part of a decimal number",
    );
    says(
        "100,0.000000001,101,1,99,1,102,1",
        "bid size 0 is not positive", // To the nearest 1e-8.
    );
    says("100,-1,101,1,99,1,102,1", "bid size -1 is not positive");
    says("100,1,101,0,99,1,102,1", "ask size 0 is not positive");
    says("100,1,101,1,100.5,1,102,1", "unsorted bid levels: level 1 at 100.5");
    says("103,1,101,1,99,1,102,1", "book is crossed (bid 103, ask 101)");
    says("101,1,101,1,99,1,102,1", "book is locked at 101");
    says(",,,,,,,", "book has no level on either side");
    says(",,101,1,99,1,102,1", "column `bid_price_1` is `99`: a level after an empty one");
    says("0,nan,101,1,99,1,102,1", "column `bid_price_1` is `99`: a level after an empty one");
    says("0,0,nan,nan,0.0,0,null,NaN", "book has no level on either side");
    assert_eq!(
        bad_book("1757015216.5,0,1757015216200,100,1,101,1,99,1,102,1"),
        "orderbooks_BTC.csv:3: venue time goes back by 50 ms"
    );
}

#[test]
fn unsound_rows_are_skipped_and_named() {
    let says = |row: &str, what: &str| {
        assert_eq!(bad_trade(row), format!("trades_BTC.csv:3: {what}"));
    };
    says("?!", "1 columns, the header has 6");
    says("1,2,3,buy,4,5,6", "7 columns, the header has 6");
    says(
        "1757015216.5,100,1,short,9,1757015216250",
        "column `side` is `short`: not a side; known: buy, sell, bid, ask, B, S, A",
    );
    for id in ["-9", "1.5", "1.4e14", "9007199254740993.0"] {
        says(
            &format!("1757015216.5,100,1,buy,{id},1757015216250"),
            &format!("column `trade_id` is `{id}`: not a whole number"),
        );
    }
    says("1757015216.5,0,1,buy,9,1757015216250", "trade price 0 is not positive");
    says(
        "1757015216500,100,1,buy,9,1757015216250",
        "column `timestamp` is `1757015216500`: not a time in unix seconds",
    );
    says(
        "1757015216.5,100,1,buy,9,1757015216",
        "column `exchange_timestamp` is `1757015216`: not a time in unix milliseconds",
    );
}

#[test]
fn a_crossed_push_is_skipped_with_both_its_rows() {
    let dir = TempDir::new().unwrap();
    let rows = [
        PRICE_HEADER,
        "1757015218.1,100,1,bid,1757015217000",
        "1757015218.1,101,1,ask,1757015217000",
        "1757015218.2,103,1,bid,1757015217100",
        "1757015218.2,102,1,ask,1757015217100",
        "1757015218.3,100,1,bid,1757015217200",
        "1757015218.3,101,-1,ask,1757015217200",
    ];
    write(&dir, "prices_BTC.csv", &rows);
    assert!(load_dir(&dir).is_ok(), "half of it is not most of it");
    let loaded = load_dir(&dir).unwrap();
    assert_eq!((loaded.report.files[0].rows, loaded.report.files[0].skipped), (6, 3));
    let warnings = loaded.report.warnings.join("\n");
    assert!(
        warnings.contains("prices_BTC.csv:5: book is crossed (bid 103, ask 102)"),
        "{warnings}"
    );
    assert!(warnings.contains("prices_BTC.csv:7: best price 101 with size -1"), "{warnings}");
    // The last push has a bid, and the last ask that was sound is the crossed push's.
    assert_eq!(loaded.report.counts.bbos, 2);
}

#[test]
fn replayed_trades_are_dropped_by_their_id() {
    let dir = TempDir::new().unwrap();
    let row = |recv: u32, tid: u32| format!("17570152{recv}.5,100,1,buy,{tid},1757015216250");
    write(&dir, "trades_BTC.csv", &[TRADE_HEADER, &row(16, 1), &row(17, 2), &row(18, 1)]);
    // The same id of another coin is another trade.
    write(&dir, "trades_ETH.csv", &[TRADE_HEADER, &row(16, 1)]);
    let loaded = load_dir(&dir).unwrap();
    assert_eq!((loaded.report.duplicates, loaded.report.counts.trades), (1, 3));
    assert_eq!(loaded.report.skipped(), 0, "a replay is nothing unsound");
    assert_eq!(loaded.tape.span().unwrap().1, Nanos(1_757_015_217_500_000_000), "the first counts");
}

#[test]
fn a_recorder_clock_that_is_behind_is_told() {
    let dir = TempDir::new().unwrap();
    write(&dir, "trades_BTC.csv", &[TRADE_HEADER, "1757015216.0,100,1,buy,1,1757015216250"]);
    let loaded = load_dir(&dir).unwrap();
    assert_eq!(loaded.report.early, 1);
    let told = "1 events were received up to 250 ms before";
    assert!(loaded.report.warnings.iter().any(|w| w.starts_with(told)));
}

#[test]
fn a_file_cut_short_loses_only_its_last_line() {
    let row =
        |i: u64| format!("17570{:05}.5,100,1,buy,{},1757015216250\r\n", 15_216 + i, i * 7_919);
    let rows: String = (0..20_000).map(row).collect();
    let text = format!("{TRADE_HEADER}\r\n{rows}").into_bytes();
    let gz = common::gz(&text);
    let zst = zstd::encode_all(text.as_slice(), 1).unwrap();
    for (name, whole, says) in [
        ("trades_BTC.csv", text, "the last line has no end: the file is cut short there"),
        ("trades_BTC.csv.gz", gz, "the compressed stream ends early or is damaged"),
        ("trades_BTC.csv.zst", zst, "the compressed stream ends early or is damaged"),
    ] {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join(name), &whole).unwrap();
        assert_eq!(load_dir(&dir).unwrap().report.counts.trades, 20_000, "{name}");
        fs::write(dir.path().join(name), &whole[..whole.len() * 2 / 3]).unwrap();
        let loaded = load_dir(&dir).unwrap();
        let trades = loaded.report.counts.trades;
        assert!(trades > 0 && trades < 20_000, "{name}: {trades}");
        let warning = only_warning(&loaded, &dir);
        assert!(warning.starts_with(&format!("{name}:{}: {says}", trades + 2)), "{warning}");
        assert_eq!(loaded.report.skipped(), 1);
    }
}

#[test]
fn raw_frames_are_read_beside_csv() {
    let dir = TempDir::new().unwrap();
    let lines = [
        "1757015216000000001 {\"coin\":\"BTC\",\"tid\":1}",
        "{\"coin\":\"BTC\",\"tid\":2}",
        "1757015216000000002 {\"channel\":\"pong\"}",
        "1757015216000000003 {\"coin\":\"SOL\",\"tid\":3}",
        "1757015216000000004 {\"coin\":\"BTC\",\"tid\":1}",
        "1757015216000000005 {\"coin\":\"BTC\",\"tid\":4",
        "1757015216 {\"coin\":\"BTC\",\"tid\":5}",
        "hello",
    ];
    write(&dir, "session.jsonl", &lines);
    write(&dir, "trades_ETH.csv", &[TRADE_HEADER, "1757015216.5,100,1,buy,1,1757015216250"]);
    write(&dir, "notes.txt", &["bought a better disk today"]);
    fs::write(dir.path().join("photo.png"), [0x89, 0x50, 0, 1, 2]).unwrap();
    let loaded = load_with(&[dir.path().to_owned()], &["ETH", "BTC"], true).unwrap();
    let coins: Vec<_> = loaded.universe.iter().map(|(_, i)| i.coin.to_string()).collect();
    assert_eq!(coins, ["ETH", "BTC"], "in the order asked for");
    assert_eq!((loaded.report.counts.trades, loaded.report.duplicates), (2, 1));
    let file = &loaded.report.files[0];
    assert_eq!((file.name.as_str(), file.rows), ("session.jsonl", 8));
    assert_eq!((file.skipped, file.other_coins), (4, 1));
    let warnings = loaded.report.warnings.join("\n");
    for part in [
        "session.jsonl:2: no local time in front of the frame; write there when",
        "session.jsonl:6: JSON ends early",
        "session.jsonl:7: local time is not unix nanoseconds",
        "session.jsonl:8: not a frame",
        "notes.txt: ignored (its first line is no frame)",
        "photo.png: ignored (neither CSV nor frames by its name)",
    ] {
        assert!(warnings.contains(part), "{part} is not in:\n{warnings}");
    }
}

#[test]
fn what_cannot_be_loaded_says_why_and_what_to_do() {
    let dir = TempDir::new().unwrap();
    let here = vec![dir.path().to_owned()];
    let says = |text: &str, what: &str| assert!(text.contains(what), "`{what}` is not in: {text}");

    says(&error_of(&[dir.path().join("nowhere")], &[]), "nowhere: no such file or folder; check");
    says(&error_of(&here, &[]), "no recording in this folder (it is empty); expected");
    fs::create_dir(dir.path().join("monday")).unwrap();
    says(&error_of(&here, &[]), "(but subfolders: monday; name one of these)");

    let good = "1757015216.5,100,1,buy,1,1757015216250";
    write(&dir, "trades_BTC.csv", &[TRADE_HEADER, good]);
    says(&error_of(&here, &["DOGE"]), "DOGE is not in the recording; it has: BTC");
    let doge = write(&dir, "trades_DOGE.csv", &[TRADE_HEADER, good]);
    assert!(load_these(&[doge], &[]).is_ok(), "nothing else is there");
    assert!(load_these(&here, &["DOGE"]).is_ok(), "it was asked for");
    let loaded = load_these(&here, &[]).unwrap();
    assert_eq!(loaded.universe.len(), 1, "a coin that nobody asked for does no harm");
    says(&loaded.report.warnings.join("\n"), "does not have them: DOGE; name them with --symbols");
    assert!(load_these(&here, &["BTC"]).is_ok());

    write(&dir, "trades_SOL.csv", &[TRADE_HEADER, "?", "??"]);
    let error = error_of(&here, &["SOL"]);
    says(
        &error,
        "trades_SOL.csv: 2 of 2 lines are not sound (first: line 2: 1 columns, the header",
    );
    says(&error, "; mend the file, leave it out, or use what is sound of it with --allow-unsound");
    let error_of_any = |s: &[&str]| load_with(&here, s, true).unwrap_err().to_string();
    let error = error_of_any(&["SOL"]);
    says(&error, "no usable event of any coin in 1 file(s), 2 line(s) skipped (first: ");
    says(&error, "trades_SOL.csv:2: 1 columns, the header has 6");
    says(&error_of_any(&["SOL", "BTC"]), "no usable event of SOL in 2 file(s)");

    let path = write(&dir, "trades_ETH.csv", &["received_us,price,size", "1,2,3"]);
    let missing = "trades_ETH.csv:1: column `side` is missing (the header has: received_us,price,";
    says(&error_of(&[path], &[]), missing);
    let path = write(&dir, "prices_BTC.csv.zst", &["not zstd"]);
    says(&error_of(&[path], &[]), "not a recording we know (named .zst, but its content is not)");
    let path = write(&dir, "candles.csv", &["open,close"]);
    says(&error_of(&[path], &[]), "candles.csv: not a recording we know (a CSV file of another");
}

#[test]
fn only_the_first_few_bad_lines_are_named() {
    let dir = TempDir::new().unwrap();
    let mut rows = vec![TRADE_HEADER, "1757015216.5,100,1,buy,1,1757015216250"];
    rows.extend(std::iter::repeat_n("garbage", 400));
    write(&dir, "trades_BTC.csv", &rows);
    let error = load_dir(&dir).unwrap_err().to_string();
    assert!(error.contains("trades_BTC.csv: 400 of 401 lines are not sound (first: line 3: 1 col"));
    let loaded = load_any(&dir).unwrap();
    assert_eq!(loaded.report.skipped(), 400);
    let about: Vec<_> = loaded.report.warnings.iter().filter(|w| w.contains(".csv")).collect();
    assert_eq!(about.len(), 6);
    assert!(about[5].ends_with("400 of 401 lines skipped in all"), "{}", about[5]);
}

#[test]
fn our_sample_recording_loads_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/recording");
    let last = Cell::new((0, 0));
    let mut decode = toy_decoder;
    let options = LoadOptions {
        symbols: &[],
        instrument: &major,
        allow_unsound: false,
        decode: &mut decode,
        progress: &|done, total| last.set((done, total)),
    };
    let loaded = load(std::slice::from_ref(&folder), options).unwrap();
    assert_eq!(loaded.report.warnings, [] as [&str; 0]);
    let (books, bbos, trades) = (98 + 101, (376 + 346) / 2, 218 + 174 - 10);
    assert_eq!(loaded.report.counts, TapeCounts { books, bbos, trades, statuses: 0, levels: 0 });
    assert_eq!((loaded.report.duplicates, loaded.report.early), (10, 0));
    assert!(last.get().0 == last.get().1 && last.get().1 > 0, "progress ends at its total");
    // The hash of a file is that of its bytes on disk, compressed or not.
    for file in &loaded.report.files {
        let bytes = fs::read(folder.join(&file.name)).unwrap();
        let hash = <sha2::Sha256 as sha2::Digest>::digest(bytes);
        let hex: String = hash.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(file.sha256, hex, "{}", file.name);
    }
}

#[test]
fn a_capture_is_read_as_it_is_and_its_gaps_are_the_links() {
    use botmm::data::capture::mark::{Gap, GapKind};
    let dir = tempfile::tempdir().unwrap();
    let start = Nanos(1_795_369_510_000_000_000);
    let at = |s: i64| start + Nanos::secs(s);
    let frame = |s: i64| format!("{} {{\"coin\":\"BTC\",\"tid\":{s}}}\n", at(s).0).into_bytes();
    let folder = Folder::take(dir.path()).unwrap();
    let mut writer = folder.begin(start, "botmm test").unwrap();
    writer.append(&frame(0), 1, (at(0), at(0))).unwrap();
    let mut gap = Gap::new(GapKind::Link, at(0), at(9), "hung up");
    gap.noticed_ns = Some(at(3).0);
    let text = [gap.line(at(9)), frame(9)].concat();
    writer.append(&text, 2, (at(9), at(9))).unwrap();
    writer.close().unwrap();
    fs::write(dir.path().join("2026-11-22/manifest.json"), "{}").unwrap();
    drop(folder);
    for path in [dir.path().to_owned(), dir.path().join("2026-11-22")] {
        let loaded = load_these(&[path], &[]).unwrap();
        let counts = loaded.tape.counts();
        assert_eq!((counts.trades, counts.statuses), (2, 2));
        let file = &loaded.report.files[0];
        assert_eq!((file.rows, file.skipped, file.other_coins), (2, 0, 0));
        let warnings = &loaded.report.warnings;
        assert_eq!(warnings.len(), 2, "and that BTC cannot be quoted: {warnings:?}");
        assert!(warnings[0].contains("1 gap of the recorder, 9.0 s in all (the longest from"));
        assert!(warnings[0].contains("hung up); the link is down as long"), "{}", warnings[0]);
        let links = loaded.tape.iter_recv();
        let links: Vec<_> = links
            .filter_map(|event| match event {
                MarketEvent::Status(s) => Some((s.change, s.recv_time)),
                _ => None,
            })
            .collect();
        assert_eq!(links, [(FeedChange::Down, at(3)), (FeedChange::Up, at(9) - Nanos(1))]);
    }
    // Damage is told, and the rest is used.
    let segment = &segments(dir.path()).unwrap()[0].path;
    let mut bytes = fs::read(segment).unwrap();
    let place = bytes.windows(4).position(|w| w == [0x28, 0xb5, 0x2f, 0xfd]).unwrap();
    bytes[place + 9] ^= 4;
    fs::write(segment, &bytes).unwrap();
    let loaded = load_these(&[dir.path().to_owned()], &[]).unwrap();
    assert_eq!(loaded.tape.counts().trades, 1);
    let told = loaded.report.warnings.join("\n");
    assert!(told.contains("a block's checksum does not hold; 1 lines are lost"), "{told}");
}
