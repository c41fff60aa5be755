//! Books, touches and trades as small recorders write them: JSON lines, and a level a row.

use super::common::{gz, lz4, names};
use super::{START_MS, import, lines, recording, rows, seconds};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::fmt::Write as _;
use tempfile::TempDir;

/// A book of a coin: prices in cents, sizes in hundred-thousandths.
struct Book {
    coin: &'static str,
    recv_ms: u64,
    venue_ms: u64,
    sides: [Vec<(u64, u64)>; 2],
}

/// The shortest text of so many units of 10^-`decimals`.
fn decimal(units: u64, decimals: usize) -> String {
    let scale = 10_u64.pow(decimals as u32);
    let text = format!("{}.{:0decimals$}", units / scale, units % scale);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn market(rng: &mut ChaCha8Rng, count: u64) -> Vec<Book> {
    let book = |i: u64| {
        let mid = 10_000 + rng.random_range(0..50);
        let mut side = |sign: i64| {
            let mut px: u64 = mid;
            (0..rng.random_range(1..26))
                .map(|_| {
                    px = px.wrapping_add_signed(sign * rng.random_range(1..9));
                    (px, rng.random_range(1..300_000))
                })
                .collect::<Vec<_>>()
        };
        let (bids, asks) = (side(-1), side(1));
        let venue_ms = START_MS + 500 * i;
        Book {
            coin: ["BTC", "xyz:GOLD"][i as usize % 2],
            recv_ms: venue_ms + 37,
            venue_ms,
            sides: [bids, asks],
        }
    };
    (0..count).map(book).collect()
}

/// The rows of a coin's books in a recording.
fn kept(market: &[Book], coin: &str, has_receipt: bool) -> Vec<String> {
    let of_coin = market.iter().filter(|book| book.coin == coin);
    let row = |(n, book): (usize, &Book)| {
        let recv_ms = if has_receipt { book.recv_ms } else { book.venue_ms };
        let mut row = format!("{},{},{}", seconds(recv_ms * 1_000_000), n + 1, book.venue_ms);
        for level in 0..20 {
            for side in &book.sides {
                match side.get(level) {
                    Some((px, sz)) => {
                        write!(row, ",{},{}", decimal(*px, 2), decimal(*sz, 5)).unwrap();
                    }
                    None => row += ",,",
                }
            }
        }
        row
    };
    of_coin.enumerate().map(row).collect()
}

/// A side in JSON: as numbers or as text, in pairs or with names.
fn side(levels: &[(u64, u64)], is_text: bool, is_named: bool) -> String {
    let number = |text: String| if is_text { format!("\"{text}0\"") } else { text };
    let level = |(px, sz): &(u64, u64)| {
        let px = number(format!("{}.{:02}", px / 100, px % 100));
        let sz = number(format!("{}.{:05}", sz / 100_000, sz % 100_000));
        if is_named {
            format!("{{\"px\":{px},\"sz\":{sz},\"n\":3}}")
        } else {
            format!("[{px},{sz}]")
        }
    };
    format!("[{}]", levels.iter().map(level).collect::<Vec<_>>().join(","))
}

/// Random books, written in every shape that carries them, are there again to the last digit.
#[test]
fn books_come_back_from_every_shape() {
    let seed: u64 = rand::random();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let market = market(&mut rng, 60);
    let book_line = |book: &Book, is_text: bool| {
        let [bids, asks] = [0, 1].map(|i| side(&book.sides[i], is_text, false));
        format!(
            r#"{{"recv_ts_ms":{},"exch_ts_ms":{},"coin":"{}","bids":{bids},"asks":{asks}}}"#,
            book.recv_ms, book.venue_ms, book.coin
        )
    };
    let message = |book: &Book, data_type: &str, data: String| {
        format!(
            r#"{{"timestamp":{},"symbol":"{}","data_type":"{data_type}","data":{data},"recv_ts_ms":{}}}"#,
            book.venue_ms, book.coin, book.recv_ms
        )
    };
    let venues = |book: &Book| {
        let [bids, asks] = [0, 1].map(|i| side(&book.sides[i], true, true));
        let (coin, time) = (book.coin, book.venue_ms);
        format!(r#"{{"coin":"{coin}","time":{time},"levels":[{bids},{asks}]}}"#)
    };
    let sides = |book: &Book| {
        let [bids, asks] = [0, 1].map(|i| side(&book.sides[i], false, i == 0));
        format!(r#"{{"bids":{bids},"asks":{asks}}}"#)
    };
    let shapes: [(&str, String); 5] = [
        ("numbers", lines(market.iter().map(|b| book_line(b, false)))),
        ("texts", lines(market.iter().map(|b| book_line(b, true)))),
        ("l2Book", lines(market.iter().map(|b| message(b, "l2Book", venues(b))))),
        ("orderbook", lines(market.iter().map(|b| message(b, "orderbook", sides(b))))),
        ("as the venue", lines(market.iter().map(|b| message(b, "orderbook", venues(b))))),
    ];
    for (shape, text) in shapes {
        let (ended, made) = recording(&[("a.jsonl", text.as_bytes())], &[]);
        for coin in ["BTC", "xyz:GOLD"] {
            let ours = rows(&made[&format!("orderbooks_{coin}")]);
            assert_eq!(ours, kept(&market, coin, true), "{shape}, {coin}, seed {seed}");
        }
        assert_eq!(made.len(), 2);
        assert!(ended.stdout.contains("dropped  0 unsound"), "{}", ended.stdout);
    }
    for is_json in [false, true] {
        let text = level_rows(&market, is_json);
        let (ended, made) = recording(&[("a.csv", text.as_bytes())], &[]);
        for coin in ["BTC", "xyz:GOLD"] {
            let ours = rows(&made[&format!("orderbooks_{coin}")]);
            assert_eq!(ours, kept(&market, coin, false), "levels {is_json}, {coin}, seed {seed}");
        }
        assert!(ended.stderr.contains("levels have no time of receipt"), "{}", ended.stderr);
    }
}

/// The same a level a row, with the coin in a column.
fn level_rows(market: &[Book], is_json: bool) -> String {
    let mut text = String::new();
    if !is_json {
        text += "symbol;timestamp;level;bid_price;bid_size;ask_price;ask_size\n";
    }
    for book in market {
        let depth = book.sides.iter().map(Vec::len).max().unwrap();
        for level in 0..depth {
            let texts = [0, 1].map(|i| {
                let level = book.sides[i].get(level);
                level.map(|(px, sz)| [decimal(*px, 2), decimal(*sz, 5)]).unwrap_or_default()
            });
            let [[bid, bid_size], [ask, ask_size]] = texts;
            let (coin, at) = (book.coin, book.venue_ms);
            if is_json {
                let null = |text: String| if text.is_empty() { "null".to_owned() } else { text };
                let [bid, ask] = [bid, ask].map(null);
                let sizes = [bid_size, ask_size].map(|s| format!("\"{s}\""));
                let [bid_size, ask_size] = sizes;
                writeln!(
                    text,
                    r#"{{"coin":"{coin}","timestamp":{at},"level":{level},"bid_price":{bid},"bid_size":{bid_size},"ask_price":{ask},"ask_size":{ask_size}}}"#
                )
            } else {
                writeln!(text, "{coin};{at};{};{bid};{bid_size};{ask};{ask_size}", level + 1)
            }
            .unwrap();
        }
    }
    text
}

fn zst(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 1).unwrap()
}

#[test]
fn units_are_told_apart_and_packing_does_not_matter() {
    let line = |recv: &str, venue: &str| {
        format!(
            r#"{{"recv_ts_ms":{recv},"exch_ts_ms":{venue},"coin":"BTC","bids":[[100.5,1]],"asks":[["101","2"]]}}"#
        ) + "\n"
    };
    let expected = "1764000000.250000000,1,1764000000125,100.5,1,101,2";
    for (recv, venue, says) in [
        ("1764000000250", "1764000000125", ""),
        ("1764000000.25", "\"1764000000.125\"", "is read as unix seconds"),
        ("1764000000250000", "1764000000125000", "is read as unix microseconds"),
        ("\"1764000000250000000\"", "1764000000125000000", "is read as unix nanoseconds"),
        ("\"2025-11-24T16:00:00.25Z\"", "\"2025-11-24 16:00:00.125\"", "is read as ISO 8601"),
    ] {
        let text = line(recv, venue);
        let packed: [(&str, Vec<u8>); 4] = [
            ("a", text.clone().into_bytes()),
            ("a.gz", gz(&text)),
            ("a.zst", zst(&text)),
            ("a.lz4", lz4(&text)),
        ];
        for (name, bytes) in packed {
            let (ended, made) = recording(&[(name, &bytes)], &[]);
            let row = rows(&made["orderbooks_BTC"])[0].to_owned();
            assert!(row.starts_with(expected), "{recv}: {row}");
            assert!(ended.stderr.contains(says), "{says} is not in {}", ended.stderr);
            assert_eq!(says.is_empty(), ended.stderr.is_empty(), "{}", ended.stderr);
        }
    }
}

#[test]
fn messages_hold_what_the_venue_says() {
    let message = |data_type: &str, data: &str| {
        format!(
            r#"{{"timestamp":1764000000100,"symbol":"BTC","data_type":"{data_type}","data":{data},"recv_ts_ms":1764000000250}}"#
        )
    };
    let trade = |tid: u64, side: &str| {
        format!(
            r#"{{"coin":"BTC","side":"{side}","px":"100.5","sz":"0.25","hash":"0x0","time":1764000000125,"tid":{tid},"users":["0x1","0x2"]}}"#
        )
    };
    let bbo = r#"{"coin":"BTC","time":1764000000125,"bbo":[{"px":"100.5","sz":"1.5","n":1},{"px":"101","sz":"2","n":2}]}"#;
    let all = [
        message("bbo", bbo),
        message("trades", &format!("[{},{}]", trade(7, "B"), trade(8, "A"))),
        message("trade", &trade(9, "A")),
        message("trade", &format!("[{}]", trade(9, "A"))),
        message("trades", "[]"),
    ];
    let (ended, made) = recording(&[("a", lines(all.into_iter()).as_bytes())], &[]);
    assert_eq!(ended.stderr, "");
    assert_eq!(made.keys().collect::<Vec<_>>(), ["prices_BTC", "trades_BTC"]);
    let at = "1764000000.250000000";
    let touch = |px: &str, side: &str| format!("{at},{px},{side},1764000000125");
    assert_eq!(rows(&made["prices_BTC"]), [touch("100.5,1.5", "bid"), touch("101,2", "ask")]);
    let trade = |side: &str, tid: u64| format!("{at},100.5,0.25,{side},{tid},1764000000125");
    let trades = [trade("buy", 7), trade("sell", 8), trade("sell", 9)];
    assert_eq!(rows(&made["trades_BTC"]), trades);
    assert!(ended.stdout.contains("1 repeated trade(s)"), "{}", ended.stdout);
}

/// Every way in which a line can be wrong: named with its place, counted, the others kept.
#[test]
fn each_wrong_line_is_named_and_the_rest_is_kept() {
    let at = |i: u64| START_MS + 100 * i;
    let book = |i: u64| {
        format!(
            r#"{{"recv_ts_ms":{},"exch_ts_ms":{},"coin":"BTC","bids":[[100,1],[99,2]],"asks":[[101,1],[102,2]]}}"#,
            at(i) + 7,
            at(i)
        )
    };
    let message = |i: u64| {
        format!(
            r#"{{"timestamp":{0},"symbol":"BTC","data_type":"l2Book","data":{{"coin":"BTC","time":{0},"levels":[[{{"px":"100","sz":"1","n":1}}],[{{"px":"101","sz":"1","n":1}}]]}},"recv_ts_ms":{0}}}"#,
            at(i)
        )
    };
    type Spoil<'a> = (&'a dyn Fn(u64) -> String, &'a str, &'a str, &'a str);
    let spoilt: [Spoil<'_>; 22] = [
        (&book, "\"recv_ts_ms\"", "\"t\"", "missing field `recv_ts_ms`"),
        (&book, "\"coin\":\"BTC\"", "\"coin\":7", "not a line of books"),
        (&book, "\"coin\":\"BTC\"", "\"coin\":\"\"", "key \"coin\" is ``: not the name of a coin"),
        (&book, "[99,2]", "[99]", "level 1 of \"bids\" is `[99]`: neither [px, sz] nor"),
        (&book, "[99,2]", "99", "level 1 of \"bids\" is `99`: neither"),
        (&book, "[99,2]", "[\"x\",2]", "column `bid_price_1` is `x`"),
        (&book, "[99,2]", "[\"9,9\",2]", "level 1 holds a comma or a quote"),
        (&book, "[99,2]", "[99,-2]", "bid size -2 is not positive"),
        (&book, "[99,2]", "[100.5,2]", "unsorted bid levels"),
        (&book, "[101,1]", "[100,1]", "book is locked at 100"),
        (
            &book,
            "[[100,1],[99,2]],\"asks\":[[101,1],[102,2]]",
            "[],\"asks\":[]",
            "no level on either side",
        ),
        (&book, "17640", "7640", "not a time in unix milliseconds"),
        (&book, "}", "", "not a line of books"),
        (
            &message,
            "l2Book",
            "l3Book",
            "key \"data_type\" is `l3Book`: none of l2Book, bbo, trades",
        ),
        (
            &message,
            "\"coin\":\"BTC\"",
            "\"coin\":\"ETH\"",
            "key \"data\" is no l2Book of the venue",
        ),
        (&message, "\"100\"", "\"?\"", "key \"data\" is no l2Book of the venue"),
        (&message, "\"levels\"", "\"lvls\"", "key \"data\" is no l2Book of the venue"),
        (&message, "l2Book", "bbo", "key \"data\" is no bbo of the venue"),
        (&message, "l2Book", "trade", "key \"data\" is no trades of the venue"),
        (&message, "\"symbol\":\"BTC\"", "\"symbol\":\"a b\"", "key \"symbol\" is `a b`"),
        (
            &message,
            "\"recv_ts_ms\":1",
            "\"recv_ts_ms\":null,\"x\":1",
            "key \"recv_ts_ms\" is `null`",
        ),
        (&message, "{", "[", "not a line of messages"),
    ];
    for (line, sound, wrong, says) in spoilt {
        let mut all: Vec<String> = (0..9).map(line).collect();
        all[4] = all[4].replacen(sound, wrong, if wrong == "[" { 1 } else { 9 });
        let (ended, made) = recording(&[("t", lines(all.into_iter()).as_bytes())], &[]);
        assert_eq!(rows(&made["orderbooks_BTC"]).len(), 8, "{says}");
        names(&ended.stderr, "t:5: ", says);
        assert!(ended.stdout.contains("dropped  1 unsound line(s)"), "{}", ended.stdout);
    }
}

const LEVELS: &str = "timestamp,level,bid_price,bid_size,ask_price,ask_size\n";

fn level(second: u64, level: u64) -> String {
    format!("{},{level},{},1.5,{},2\n", START_MS / 1_000 + second, 100 - level, 101 + level)
}

#[test]
fn a_book_of_which_a_level_is_wrong_is_left_out_whole() {
    let book = |second: u64| -> Vec<String> { (0..3).map(|l| level(second, l)).collect() };
    for (row, wrong, says) in [
        (1, "x,1,99,1.5,102,2\n", "key \"timestamp\" is `x`"),
        (1, "1764000003,1.5,99,1.5,102,2\n", "column `level` is `1.5`: not a whole number"),
        (1, "1764000003,1,?,1.5,102,2\n", "column `bid_price` is `?`"),
        (1, "1764000003,1,99,1.5,102\n", "5 columns, the header has 6"),
        (1, "1764000003,2,99,1.5,102,2\n", "level 2 behind level 0"),
        (1, "1764000003,0,99,1.5,102,2\n", "level 0 behind level 0"),
        (0, "1764000003,1,99,1.5,102,2\n", "level 1 begins a book, whose first is 0"),
        (1, "1764000003,1,102,1.5,103,2\n", "unsorted bid levels"),
    ] {
        let mut books: Vec<Vec<String>> = (0..6).map(book).collect();
        books[3][row] = wrong.to_owned();
        let text = LEVELS.to_owned() + &books.concat().concat();
        let (ended, made) = recording(&[("BTC_levels.csv", text.as_bytes())], &[]);
        let times: Vec<String> = rows(&made["orderbooks_BTC"])
            .iter()
            .map(|row| row.split('.').next().unwrap().to_owned())
            .collect();
        let expected = [0, 1, 2, 4, 5].map(|s| (START_MS / 1_000 + s).to_string());
        assert_eq!(times, expected, "{says}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{says} is not in {}", ended.stderr);
        assert!(ended.stdout.contains("dropped  1 unsound line(s)"), "{}", ended.stdout);
    }
}

#[test]
fn levels_of_two_recorders_are_read_once_and_need_a_coin() {
    // Each row twice; then one book behind the other at the same time.
    let twice: String = (0..3).map(|l| level(0, l).repeat(2)).collect();
    let behind: String = (0..3).chain(0..3).map(|l| level(1, l)).collect();
    let text = format!("{LEVELS}{twice}{behind}");
    let (ended, made) = recording(&[("hl_ETH_20251124.csv", text.as_bytes())], &[]);
    assert_eq!(rows(&made["orderbooks_ETH"]).len(), 3);
    assert!(rows(&made["orderbooks_ETH"])[0].contains(",98,1.5,103,2,,"), "{made:?}");
    assert!(ended.stderr.contains("3 rows that are there twice"), "{}", ended.stderr);
    let dir = TempDir::new().unwrap();
    let ended = import(dir.path(), &[("levels.csv", text.as_bytes())], &[]);
    assert_eq!(ended.code, 5);
    assert!(ended.stderr.contains("call it COIN_levels.csv"), "{}", ended.stderr);
}
