//! Candles and contexts: read from whatever people have, kept beside books and trades, lost nowhere.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use botmm::data::export::{self, Exported, Format};
use botmm::data::import::{self, Imported};
use botmm::data::inspect;
use botmm::exit::AppError;
use common::{gz, has, lz4, texts, write_all};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use tempfile::TempDir;

/// A whole hour.
const START_MS: i64 = 1_764_000_000_000;
const HOUR_MS: i64 = 3_600_000;
const CANDLES: &str =
    "timestamp,interval,open_time,close_time,open,high,low,close,volume,turnover,trades";

fn import(dir: &Path, from: &str, to: &str, symbols: &[String]) -> Result<Imported, AppError> {
    let (sources, out) = ([dir.join(from)], dir.join(to));
    import::run(&import::Request {
        sources: &sources,
        out: &out,
        symbols,
        allow_unsound: false,
        is_stopped: &AtomicBool::new(false),
    })
}

/// What importing these files makes, and what it says.
fn imported(all: &[(&str, &[u8])]) -> (BTreeMap<String, String>, String) {
    let dir = TempDir::new().unwrap();
    write_all(&dir.path().join("in"), all);
    let done = import(dir.path(), "in", "out", &[]).unwrap_or_else(|e| panic!("{e}"));
    (texts(&dir.path().join("out")), done.text() + &done.warnings().join("\n"))
}

/// Why these files are not imported.
fn refused(all: &[(&str, &[u8])]) -> String {
    let dir = TempDir::new().unwrap();
    write_all(&dir.path().join("in"), all);
    let why = import(dir.path(), "in", "out", &[]).unwrap_err().to_string();
    assert!(!dir.path().join("out").exists(), "nothing is left behind");
    why
}

/// An hour's candle as the venue answers with it.
fn candle(hour: i64, [o, h, l, c]: [&str; 4], v: &str) -> String {
    let t = START_MS + hour * HOUR_MS;
    let last = t + HOUR_MS - 1;
    format!(
        r#"{{"t":{t},"T":{last},"s":"BTC","i":"1h","o":"{o}","c":"{c}","h":"{h}","l":"{l}","v":"{v}","n":{}}}"#,
        hour + 7
    )
}

/// The row that it becomes.
fn row(hour: i64, prices: &str, v: &str) -> String {
    let t = START_MS + hour * HOUR_MS;
    format!(",1h,{t},{},{prices},{v},,{}", t + HOUR_MS - 1, hour + 7)
}

const USUAL: [&str; 4] = ["90000.5", "90100", "89900.25", "90050"];
const USUAL_ROW: &str = "90000.5,90100,89900.25,90050";

#[test]
fn the_venues_candles_are_kept_to_the_last_digit() {
    let bar = |hour| candle(hour, USUAL, "0.12345678");
    // A second page that overlaps, laid out by a tool; and a third in which the newest has grown.
    let page = format!("[{},{},{}]", bar(0), bar(1), bar(2));
    let pretty = format!("[\n  {},\n  {}\n]\n", bar(2), bar(3));
    let grown = format!("[{}]", candle(3, ["90000.5", "91000", "89900.25", "90999"], "2"));
    let (made, said) = imported(&[
        ("BTC_1.json", page.as_bytes()),
        ("BTC_2.json", pretty.as_bytes()),
        ("BTC_3.json", grown.as_bytes()),
    ]);
    let rows = [
        CANDLES.to_owned(),
        row(0, USUAL_ROW, "0.12345678"),
        row(1, USUAL_ROW, "0.12345678"),
        row(2, USUAL_ROW, "0.12345678"),
        row(3, "90000.5,91000,89900.25,90999", "2"),
    ];
    assert_eq!(made["candles_BTC"], rows.join("\n") + "\n");
    has(
        &said,
        &[
            "kept     BTC: 4 candles of 1h, 2025-11-24T16:00:00Z to 2025-11-24T19:00:00Z",
            "BTC: 1 bars of 1h are there twice",
            "BTC: 1 bars of 1h are told twice and not alike: the one with more volume",
        ],
    );
}

#[test]
fn what_is_not_sound_or_missing_of_bars_is_counted_and_named() {
    let sound = |hour| candle(hour, USUAL, "1");
    let other = [
        candle(1, ["90000", "89000", "90000", "90000"], "1"),
        candle(2, ["90000", "90100", "89900", "90200"], "1"),
        candle(3, USUAL, "1").replace("399999", "399000"),
        candle(4, USUAL, "1").replace("1h", "7h"),
        candle(5, USUAL, "-1"),
        candle(6, ["9e999", "1", "1", "1"], "1"),
    ];
    let all: Vec<String> = [0, 7, 8, 9, 20, 21, 22].map(sound).into_iter().chain(other).collect();
    let text = format!("[{}]", all.join(",\n"));
    let (made, said) = imported(&[("x.json", text.as_bytes())]);
    assert_eq!(made["candles_BTC"].lines().count(), 1 + 7);
    has(
        &said,
        &[
            "x.json:8: high 89000 is below low 90000",
            "x.json:9: open 90000 or close 90200 is not between low 89900 and high 90100",
            "a bar of 1h that opens at 1764010800000 closes at 1764014399999",
            "x.json:11: key \"i\" is `7h`: read are 1m, 3m",
            "x.json:12: a volume below zero",
            "x.json: 6 of 13 lines skipped in all",
            "BTC: 16 bars of 1h are missing in 2 gap(s): 6 from 2025-11-24T17:00:00Z, 10 from",
        ],
    );
    let mostly = format!("[{}]", all[6..].join(",\n"));
    has(&refused(&[("x.json", mostly.as_bytes())]), &["6 of 7 lines are not sound", "line 2"]);
}

/// What was packed and cut is kept up to there, and said to be cut: it is no file of another kind.
#[test]
fn a_packed_table_that_is_cut_is_read_up_to_there() {
    let rows: Vec<String> =
        (0..2_000).map(|hour| row(hour, "90000,90100,89900,90050", "1")).collect();
    let packed = gz(format!("{CANDLES}\n{}", rows.join("\n")));
    let (made, said) = imported(&[("candles_BTC.csv.gz", &packed[..packed.len() * 3 / 4])]);
    let kept = made["candles_BTC"].lines().count() - 1;
    assert!((100..2_000).contains(&kept), "{kept} of 2000");
    has(&said, &["the file is cut short or damaged there", "1 unsound line"]);
    let answers = format!("[{}]", [0, 1, 2].map(|hour| candle(hour, USUAL, "1")).join(",\n"));
    let packed = gz(&answers);
    has(&refused(&[("x.json.gz", &packed[..packed.len() - 12])]), &["cut short or damaged"]);
}

fn klines(symbol: &str, category: &str, rows: &[&str]) -> String {
    let rows = rows.join(",");
    format!(
        r#"{{"retCode":0,"retMsg":"OK","result":{{"symbol":"{symbol}","category":"{category}","list":[{rows}]}},"retExtInfo":{{}},"time":1}}"#
    )
}

#[test]
fn klines_of_bybit_are_turned_round_and_put_together() {
    let bar = |i: i64| {
        let t = START_MS + 300_000 * i;
        format!(r#"["{t}","100.5","101","100","{}","3.25","326.7"]"#, 100 + i % 2)
    };
    let bars: Vec<String> = (0..6).map(bar).collect();
    let [a, b, c, d, e, f] = [0, 1, 2, 3, 4, 5].map(|i| bars[i].as_str());
    // Newest first; the pages overlap; the rows without an answer around them tell their symbol by the name.
    let (made, said) = imported(&[
        ("page_1.json", klines("SOLUSDT", "linear", &[f, e, d]).as_bytes()),
        ("page_2.json", klines("SOLUSDT", "linear", &[d, c, b]).as_bytes()),
        ("SOLUSDT_3.json", format!("[{b},\n{a}]").as_bytes()),
    ]);
    let row = |i: i64| {
        let t = START_MS + 300_000 * i;
        format!(",5m,{t},{},100.5,101,100,{},3.25,326.7,", t + 299_999, 100 + i % 2)
    };
    let rows: Vec<String> = [CANDLES.to_owned()].into_iter().chain((0..6).map(row)).collect();
    assert_eq!(made["candles_SOLUSDT"], rows.join("\n") + "\n");
    has(&said, &["bars of 5m by the steps between them", "2 bars of 5m are there twice"]);
    // Of an inverse contract volume is money and turnover coins.
    let (made, _) = imported(&[("p.json", klines("BTCUSD", "inverse", &[b, a]).as_bytes())]);
    has(&made["candles_BTCUSD"], &[",100,326.7,3.25,\n"]);
}

#[test]
fn what_is_no_candles_is_refused_with_the_line_that_tells() {
    let error = r#"{"retCode":10001,"retMsg":"params error: symbol invalid","result":{},"time":1}"#;
    let books = r#"{"retCode":0,"retMsg":"OK","result":{"s":"BTCUSDT","b":[],"a":[],"ts":1}}"#;
    let lone = klines("BTCUSDT", "linear", &[r#"["1764000000000","1","1","1","1","1","1"]"#]);
    let odd = [
        r#"["1764000000000","1","1","1","1","1","1"]"#,
        r#"["1764000007000","1","1","1","1","1","1"]"#,
    ];
    for (name, text, parts) in [
        ("x.json", error, &["an error of Bybit's and no answer: 10001 params error"][..]),
        ("x.json", books, &["line 1 is `{", "/v5/market/kline"]),
        ("x.json", &lone, &["one bar alone does not tell how long it is"]),
        ("x.json", &klines("BTCUSDT", "linear", &odd), &["bars of 7 s: read are 1m"]),
        ("x.json", "[[1,2", &["not JSON", "cut short"]),
        (
            "candles_BTC.csv",
            "open_time,open,high,low,close,volume\n",
            &["column `interval` is missing"],
        ),
        (
            "ctxs_BTC.csv",
            "funding,open_interest\n",
            &["is missing; expected timestamp,exchange_timestamp"],
        ),
        ("x.txt", "nothing of the kind\n", &["line 1 is `nothing of the kind`", "candles"]),
    ] {
        has(&refused(&[(name, text.as_bytes())]), parts);
    }
}

const ARCHIVE: &str = "time,coin,funding,open_interest,prev_day_px,day_ntl_vlm,premium,oracle_px,mark_px,mid_px,impact_bid_px,impact_ask_px\n";

#[test]
fn the_archives_contexts_keep_the_text_of_their_numbers() {
    let told =
        "0.0000125,39907.5661399998,64000.0,3316947851.6900000572,-0.00031774,65010.9,65011.0";
    let line = |minute: i64, coin: &str, more: &str| {
        format!("2025-11-24T16:{minute:02}:00Z,{coin},{told},{more}\n")
    };
    let text = [
        ARCHIVE.to_owned(),
        line(0, "BTC", "65011.5,65011.0,65012.1"),
        line(0, "DEAD", ",,"),
        line(1, "BTC", "65011.5,65011.0,65012.1"),
        line(1, "BTC", "65011.5,65011.0,65012.1"),
        line(2, "BTC", "-1,65011.0,65012.1"),
    ];
    let (made, said) = imported(&[("20251124.csv.lz4", &lz4(text.concat()))]);
    let row = |minute: i64, end: &str| {
        let ms = START_MS + minute * 60_000;
        let [mid, bid, ask] =
            if end.is_empty() { [""; 3] } else { ["65011.5", "65011.0", "65012.1"] };
        format!(
            ",{ms},0.0000125,39907.5661399998,65011.0,65010.9,{mid},-0.00031774,64000.0,3316947851.6900000572,,{bid},{ask}"
        )
    };
    let rows = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rows(&made["ctxs_BTC"]), [row(0, "x"), row(1, "x")]);
    assert_eq!(rows(&made["ctxs_DEAD"]), [row(0, "")]);
    has(
        &said,
        &[
            "kept     BTC: 2 contexts",
            "1 contexts are the one before them again",
            "20251124.csv.lz4:6: column `mid_price` is `-1`: not a number that it can be",
        ],
    );
}

#[test]
fn public_trades_of_bybit_are_trades() {
    let head = "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional,RPI\n";
    let line = |time: &str, symbol: &str, side: &str, id: &str| {
        format!(
            "{time},{symbol},{side},0.001,78307.50,ZeroMinusTick,{id},7.83075e+09,0.001,78.3075,0\n"
        )
    };
    let text = [
        head.to_owned(),
        line("1764000000.2296", "BTCUSDT", "Sell", "a-1"),
        line("1764000000.23", "BTCUSDT", "Buy", "a-2"),
        line("1764000000.23", "BTCUSDT", "Buy", "a-2"),
        line("1764000001", "BTCUSDT", "buy", "a-3"),
        line("1764000002", "BTCUSD", "Buy", "a-4"),
        line("1764000003", "BTCUSDT", "Buy", "a-5"),
    ];
    let (made, said) = imported(&[("BTCUSDT2025-11-24.csv.gz", &gz(text.concat()))]);
    let rows: Vec<&str> = made["trades_BTCUSDT"].lines().skip(1).collect();
    assert_eq!(rows.len(), 3);
    for (row, [front, back]) in rows.iter().zip([
        ["1764000000.229600000,78307.5,0.001,sell,", ",1764000000229.600000"],
        ["1764000000.230000000,78307.5,0.001,buy,", ",1764000000230"],
        ["1764000003.000000000,78307.5,0.001,buy,", ",1764000003000"],
    ]) {
        assert!(row.starts_with(front) && row.ends_with(back), "{row} is not {front}…{back}");
    }
    has(
        &said,
        &[
            "1 repeated trade(s)",
            ":5: column `side` is `buy`: neither Buy nor Sell",
            ":6: column `symbol` is `BTCUSD`: an inverse contract",
            "no time of receipt",
        ],
    );
}

/// A capture's lines: books, a candle that grows, contexts.
fn frames() -> String {
    let ns = |ms: i64| (START_MS + ms) * 1_000_000 + 123_456_789;
    let book = |ms: i64| {
        format!(
            r#"{} {{"channel":"l2Book","data":{{"coin":"BTC","time":{},"levels":[[{{"px":"90000","sz":"1","n":1}}],[{{"px":"90001","sz":"2","n":1}}]]}}}}"#,
            ns(ms),
            START_MS + ms
        )
    };
    let grows = |ms: i64, close: &str, v: &str| {
        format!(
            r#"{} {{"channel":"candle","data":{{"t":{START_MS},"T":{},"s":"BTC","i":"1m","o":"90000","c":"{close}","h":"90009","l":"89990.5","v":"{v}","n":3}}}}"#,
            ns(ms),
            START_MS + 59_999
        )
    };
    let ctx = |ms: i64, funding: &str| {
        format!(
            r#"{} {{"channel":"activeAssetCtx","data":{{"coin":"BTC","ctx":{{"funding":"{funding}","openInterest":"39907.5661","prevDayPx":"64000.0","dayNtlVlm":"3316947851.69","premium":"-0.0003","oraclePx":"90000.9","markPx":"90000.0","midPx":null,"impactPxs":["90000.0","90001.1"],"dayBaseVlm":"40346.92"}}}}}}"#,
            ns(ms)
        )
    };
    [
        book(0),
        grows(100, "90001", "0.5"),
        ctx(200, "0.0000125"),
        book(1_000),
        grows(1_100, "90002.5", "0.75"),
        ctx(1_200, "0.0000126"),
        book(2_000),
    ]
    .join("\n")
        + "\n"
}

fn exported(dir: &Path, from: &str, format: Format, to: &str) -> Exported {
    let (paths, out) = ([dir.join(from)], dir.join(to));
    export::run(&export::Request {
        paths: &paths,
        symbols: &[],
        allow_unsound: false,
        format,
        out: &out,
        is_stopped: &AtomicBool::new(false),
    })
    .unwrap_or_else(|e| panic!("{e}"))
}

/// Of what a recorder heard nothing is lost on the way out, nor on the way in again.
#[test]
fn candles_and_contexts_of_a_capture_come_back_whole() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    write_all(dir, &[("frames.txt", frames().as_bytes())]);
    let out = exported(dir, "frames.txt", Format::Csv, "csv");
    assert_eq!((out.beside, out.lost), ([2, 2], vec![]));
    let made = texts(&dir.join("csv"));
    let last = START_MS + 59_999;
    assert_eq!(
        made["candles_BTC"].lines().collect::<Vec<_>>(),
        [
            CANDLES.to_owned(),
            format!("1764000000.223456789,1m,{START_MS},{last},90000,90009,89990.5,90001,0.5,,3"),
            format!(
                "1764000001.223456789,1m,{START_MS},{last},90000,90009,89990.5,90002.5,0.75,,3"
            ),
        ]
    );
    has(
        &made["ctxs_BTC"],
        &[
            "\n1764000000.323456789,,0.0000125,39907.5661,90000.0,90000.9,,-0.0003,64000.0,3316947851.69,40346.92,90000.0,90001.1\n",
            "\n1764000001.323456789,,0.0000126,",
        ],
    );
    // What `import` makes of them is the same, to the byte.
    fs::create_dir(dir.join("only")).unwrap();
    for name in ["candles_BTC.csv.zst", "ctxs_BTC.csv.zst"] {
        fs::copy(dir.join("csv").join(name), dir.join("only").join(name)).unwrap();
    }
    import(dir, "only", "again", &[]).unwrap();
    let again = texts(&dir.join("again"));
    assert_eq!(again["candles_BTC"], made["candles_BTC"]);
    assert_eq!(again["ctxs_BTC"], made["ctxs_BTC"]);
    // And an export of the export carries them on.
    assert_eq!(exported(dir, "csv", Format::Csv, "third").beside, [2, 2]);
    assert_eq!(texts(&dir.join("third")), made);
    // What has no place for them counts and names them.
    for (from, parts) in [
        ("frames.txt", ["2 frames of `candle`", "2 marks of the venue (activeAssetCtx)"]),
        ("csv", ["2 candles of ", "2 contexts of "]),
    ] {
        let to = format!("npz of {from}");
        has(&exported(dir, from, Format::Npz, &to).lost.join("\n"), &parts);
    }
}

#[test]
fn a_replay_and_an_inspection_count_them_and_say_that_they_are_not_used() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    write_all(dir, &[("frames.txt", frames().as_bytes())]);
    exported(dir, "frames.txt", Format::Csv, "csv");
    let seen = inspect::read(&[dir.join("csv")], &[]).unwrap();
    let words = "csv: kept and not used by a replay of books: BTC: 2 candles, 2 contexts";
    has(&seen.warnings.join("\n"), &[words]);
    assert_eq!(seen.files.len(), 1, "the books");
    // One that cannot be read is no reason not to replay the books.
    fs::write(dir.join("csv/ctxs_ETH.csv.zst"), b"garbage").unwrap();
    let damaged = inspect::read(&[dir.join("csv")], &[]).unwrap();
    has(&damaged.warnings.join("\n"), &[words, "ctxs_ETH.csv.zst: cannot be read", "left out"]);
    fs::remove_file(dir.join("csv/ctxs_ETH.csv.zst")).unwrap();
    // Alone they are no recording, and no stranger's file either.
    fs::remove_file(dir.join("csv/orderbooks_BTC.csv.zst")).unwrap();
    let why = inspect::read(&[dir.join("csv")], &[]).unwrap_err().to_string();
    has(&why, &["only candles and contexts, kept and not used", "2 candles, 2 contexts"]);
    let why = inspect::read(&[dir.join("csv/candles_BTC.csv.zst")], &[]).unwrap_err().to_string();
    has(&why, &["BTC: 2 candles, 0 contexts"]);
}

#[test]
fn only_the_coins_that_were_asked_for() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let eth = candle(0, USUAL, "1").replace("BTC", "ETH");
    let text = format!("[{},{eth}]", candle(0, USUAL, "1"));
    write_all(&dir.join("in"), &[("x.json", text.as_bytes())]);
    import(dir, "in", "out", &["ETH".to_owned()]).unwrap();
    assert_eq!(texts(&dir.join("out")).into_keys().collect::<Vec<_>>(), ["candles_ETH"]);
    let why = import(dir, "in", "none", &["XRP".to_owned()]).unwrap_err().to_string();
    has(&why, &["XRP is not in the recording; it has: BTC, ETH"]);
}
