//! hftbacktest's collector lines of Binance: trades, touches, and books that are kept from changes.

use super::common::{gz, names};
use super::{START_MS, import, lines, recording, rows, seconds};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use tempfile::TempDir;

/// When the i-th thing happened at the venue, in ms; and its line, received 20 ms later.
fn at(i: u64) -> u64 {
    START_MS + 100 * i
}
fn line(i: u64, json: &str) -> String {
    format!("{} {json}", (at(i) + 20) * 1_000_000)
}
fn enveloped(i: u64, stream: &str, data: &str) -> String {
    line(i, &format!(r#"{{"stream":"btcusdt@{stream}","data":{data}}}"#))
}
fn stamp(i: u64) -> (String, u64) {
    (seconds((at(i) + 20) * 1_000_000), at(i))
}

type Levels = Vec<(u64, u64)>;

fn json(levels: &Levels) -> String {
    let all: Vec<_> =
        levels.iter().map(|(px, qty)| format!("[\"{px}.50\",\"0.{qty:03}\"]")).collect();
    format!("[{}]", all.join(","))
}

/// Changes of ids `first..=last`; of futures with the last id of those before.
fn changes(i: u64, (first, last): (u64, u64), before: Option<u64>, [b, a]: &[Levels; 2]) -> String {
    let pu = before.map(|id| format!(r#""T":{},"pu":{id},"#, at(i))).unwrap_or_default();
    let event_time = if before.is_some() { at(i) + 3 } else { at(i) };
    let (b, a) = (json(b), json(a));
    let data = format!(
        r#"{{"e":"depthUpdate","E":{event_time},{pu}"s":"BTCUSDT","U":{first},"u":{last},"b":{b},"a":{a}}}"#
    );
    enveloped(i, "depth@0ms", &data)
}

fn whole(i: u64, id: u64, is_timed: bool, [bids, asks]: &[Levels; 2]) -> String {
    let time = if is_timed { format!(r#""E":{0},"T":{0},"#, at(i)) } else { String::new() };
    line(
        i,
        &format!(r#"{{"lastUpdateId":{id},{time}"bids":{},"asks":{}}}"#, json(bids), json(asks)),
    )
}

/// Random changes of a book with gaps, whole books that are older or newer than what is there, and changes
/// told twice; and what the book is, by a twin that knows the truth.
#[test]
fn a_book_is_kept_from_changes_and_void_after_a_gap() {
    for is_futures in [false, true] {
        let seed: u64 = rand::random();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut truth: [BTreeMap<u64, u64>; 2] = Default::default();
        for l in 0..30 {
            truth[0].insert(1_000 - l, 1 + l);
            truth[1].insert(1_001 + l, 1 + l);
        }
        let sides = |truth: &[BTreeMap<u64, u64>; 2]| -> [Levels; 2] {
            let [bids, asks] = truth;
            [
                bids.iter().rev().map(|(p, q)| (*p, *q)).collect(),
                asks.iter().map(|(p, q)| (*p, *q)).collect(),
            ]
        };
        let (mut text, mut expected, mut id, mut gaps) = (Vec::new(), Vec::new(), 100_u64, 0);
        let (mut is_known, mut before) = (false, String::new());
        for i in 0..400 {
            let mut told: [Levels; 2] = Default::default();
            for (side, changed) in told.iter_mut().enumerate() {
                for _ in 0..rng.random_range(0..4) {
                    let deep = rng.random_range(0..35);
                    let px = if side == 0 { 1_000 - deep } else { 1_001 + deep };
                    let qty = rng.random_range(0..5);
                    changed.push((px, qty));
                    match qty {
                        0 => _ = truth[side].remove(&px),
                        _ => _ = truth[side].insert(px, qty),
                    }
                }
            }
            let last = id + 1 + rng.random_range(0..3);
            let change = changes(i, (id + 1, last), is_futures.then_some(id), &told);
            id = last;
            let is_lost = rng.random_range(0..25) == 0;
            if is_lost {
                gaps += u64::from(is_known);
                is_known = false;
            } else {
                text.push(change.clone());
                if rng.random_range(0..20) == 0 {
                    text.push(change);
                }
            }
            // After a loss the collector asks for the book; the answer may be older than what came meanwhile.
            let mut is_told = is_known;
            if !is_known && !is_lost && rng.random_range(0..3) == 0 {
                text.push(whole(i, id, is_futures, &sides(&truth)));
                (is_known, is_told) = (true, is_futures);
                before = String::new();
            }
            if is_told {
                let side = |side: usize, l: usize| {
                    let level = sides(&truth)[side].get(l).copied();
                    level.map_or(",".to_owned(), |(px, qty)| {
                        let qty = format!("0.{qty:03}");
                        format!("{px}.5,{}", qty.trim_end_matches('0'))
                    })
                };
                let levels: String =
                    (0..20).map(|l| format!(",{},{}", side(0, l), side(1, l))).collect();
                if levels != before {
                    let (recv, venue) = stamp(i);
                    expected.push(format!("{recv},{},{venue}{levels}", expected.len() + 1));
                    before = levels;
                }
            }
        }
        let text = lines(text.into_iter());
        let (ended, made) = recording(&[("btcusdt_20251124.gz", &gz(&text))], &[]);
        let ours = rows(&made["orderbooks_BTCUSDT"]);
        // A gap is seen by the change after it: one at the end is not.
        assert_eq!(ours, expected, "futures {is_futures}, seed {seed}");
        let said = ended.stderr.split(" gaps in the changes").next().unwrap();
        let said: u64 = said.rsplit(' ').next().unwrap().parse().unwrap_or(0);
        assert!(
            said == gaps || said + 1 == gaps,
            "{said} of {gaps}, seed {seed}: {}",
            ended.stderr
        );
        assert!(ended.stderr.contains("`binance`, another venue"), "{}", ended.stderr);
    }
}

#[test]
fn changes_wait_for_a_whole_book_that_is_older() {
    let bid = |px: u64| -> [Levels; 2] { [vec![(px, 7)], Vec::new()] };
    let book: [Levels; 2] = [vec![(90, 1)], vec![(110, 1)]];
    let futures = |i, ids: (u64, u64), before| changes(i, ids, Some(before), &bid(90 + i));
    let text = [
        futures(0, (5, 8), 4),
        futures(1, (9, 12), 8),
        futures(2, (13, 15), 12),
        // Older than the first of them: it would leave a hole.
        whole(3, 3, true, &book),
        // In the middle of them.
        whole(4, 10, true, &book),
        futures(5, (16, 17), 15),
        // Older than what is there.
        whole(6, 11, true, &book),
    ];
    let (ended, made) = recording(&[("btcusdt.gz", &gz(lines(text.into_iter())))], &[]);
    let ours = rows(&made["orderbooks_BTCUSDT"]);
    let (recv, venue) = (stamp(4).0, at(2));
    let first = format!("{recv},1,{venue},92.5,0.007,110.5,0.001,91.5,0.007,,,90.5,0.001,,");
    assert!(ours[0].starts_with(&first), "{ours:?}");
    assert!(ours[1].contains(",95.5,0.007,110.5,"), "{ours:?}");
    assert_eq!(ours.len(), 2);
    assert!(ended.stderr.contains("2 whole books older than"), "{}", ended.stderr);
}

#[test]
fn trades_and_touches_are_kept_to_the_last_digit() {
    let trade = |i: u64, event: &str, m: bool, kind: &str| {
        let id = if event == "trade" { "t" } else { "a" };
        let data = format!(
            r#"{{"e":"{event}","E":{},"T":{},"s":"BTCUSDT","{id}":{},"p":"100.50","q":"0.022","X":"{kind}","m":{m}}}"#,
            at(i) + 5,
            at(i),
            70 + i
        );
        enveloped(i, event, &data)
    };
    let touch = |i: u64, times: &str| {
        let data =
            format!(r#"{{{times}"u":5,"s":"BTCUSDT","b":"100.40","B":"3","a":"100.5","A":"0.5"}}"#);
        enveloped(i, "bookTicker", &data)
    };
    let timed = format!(r#""e":"bookTicker","T":{0},"E":{0},"#, at(3));
    let bare = line(6, r#"{"e":"markPriceUpdate","E":1,"s":"BTCUSDT","p":"1"}"#);
    let text = [
        trade(0, "trade", true, "MARKET"),
        trade(1, "aggTrade", true, "MARKET"),
        trade(2, "trade", false, "INSURANCE_FUND"),
        touch(3, &timed),
        trade(4, "trade", false, "MARKET"),
        touch(5, ""),
        bare,
    ];
    let (ended, made) = recording(&[("btcusdt_20251124.gz", &gz(lines(text.into_iter())))], &[]);
    let trade = |i: u64, side: &str| {
        let (recv, venue) = stamp(i);
        format!("{recv},100.5,0.022,{side},{},{venue}", 70 + i)
    };
    assert_eq!(rows(&made["trades_BTCUSDT"]), [trade(0, "sell"), trade(4, "buy")]);
    let touch = |i: u64, venue: u64| {
        let recv = stamp(i).0;
        [format!("{recv},100.4,3,bid,{venue}"), format!("{recv},100.5,0.5,ask,{venue}")]
    };
    let touches = [touch(3, at(3)), touch(5, at(5) + 20)].concat();
    assert_eq!(rows(&made["prices_BTCUSDT"]), touches);
    for says in [
        "1 × aggTrade beside trade: left out",
        "1 × trade of the kind INSURANCE_FUND: left out",
        "1 × markPriceUpdate: left out",
        "1 touches have no time of the venue",
    ] {
        assert!(ended.stderr.contains(says), "{says} is not in {}", ended.stderr);
    }
}

#[test]
fn each_wrong_line_of_binance_is_named() {
    let book: [Levels; 2] = [vec![(90, 1)], vec![(110, 1)]];
    let sound = |i: u64| changes(i, (i, i), None, &[vec![(90 + i, 1)], Vec::new()]);
    for (wrong, says, kept) in [
        (sound(3).replace("\"U\"", "\"V\""), "not a line of depthUpdate: missing field `U`", 2),
        (
            sound(3).replace("\"U\":3", "\"U\":4"),
            "ids from 4 to 3: the first is behind the last",
            2,
        ),
        (sound(3).replace("93.50", "-1"), "key \"b\" is `-1`: a price is positive", 2),
        (sound(3).replace("0.001", "x"), "key \"b\" is `x`", 2),
        (sound(3).replace("BTCUSDT", ""), "key \"s\" is ``: not the name of a coin", 2),
        (sound(3).replace("\"E\":17640", "\"E\":7"), "not a time in unix milliseconds", 2),
        (sound(3).replace("1764", "0"), "not a time in unix nanoseconds", 2),
        (
            sound(3).split_once(' ').unwrap().1.to_owned(),
            "no local time in front of the message",
            2,
        ),
        (line(3, r#"{"code":-1003,"msg":"Too many requests."}"#), "key \"msg\" is `Too many", 6),
        (line(3, r#"{"stream":"x","data":{"a":1}}"#), "no event by its keys", 6),
        (
            line(3, r#"{"e":"trade","T":1764000000000,"s":"BTCUSDT","p":"1","q":"1","m":true}"#),
            "a trade without an id",
            6,
        ),
        (
            line(3, r#"{"e":"trade","T":1764000000000,"s":"BTCUSDT","t":1,"p":"1","q":"1"}"#),
            "missing field `m`",
            6,
        ),
        (
            line(3, r#"{"e":"bookTicker","s":"BTCUSDT","b":"1","B":"-1","a":"2","A":"1"}"#),
            "key \"B\" is `-1`: a size",
            6,
        ),
        (line(3, "{"), "not a line of messages of Binance", 6),
    ] {
        // A line that is lost is a gap: two books before it. Beside the changes it is none.
        let mut all: Vec<String> =
            [whole(0, 0, true, &book)].into_iter().chain((1..7).map(sound)).collect();
        match kept {
            6 => all.insert(3, wrong),
            _ => all[3] = wrong,
        }
        let (ended, made) = recording(&[("btcusdt.jsonl", lines(all.into_iter()).as_bytes())], &[]);
        // With the whole one.
        assert_eq!(rows(&made["orderbooks_BTCUSDT"]).len(), kept + 1, "{says}");
        names(&ended.stderr, "btcusdt.jsonl:4: ", says);
        assert!(ended.stdout.contains("dropped  1 unsound line(s)"), "{}", ended.stdout);
        assert_eq!(ended.stderr.contains("1 gaps in the changes"), kept == 2, "{}", ended.stderr);
    }
}

#[test]
fn replay_points_to_import_and_import_to_replay() {
    let dir = TempDir::new().unwrap();
    let text = lines((0..9).map(|i| changes(i, (i, i), None, &[vec![(90, 1)], Vec::new()])));
    std::fs::write(dir.path().join("btcusdt.gz"), gz(&text)).unwrap();
    let ended = super::Ended::of(dir.path(), &["replay", "btcusdt.gz"]);
    assert_eq!(ended.code, 5);
    let says = "hftbacktest's collector for Binance: make a recording of them with `botmm import";
    assert!(ended.stderr.contains(says), "{}", ended.stderr);
    let venues = line(0, r#"{"channel":"l2Book","data":{"coin":"BTC","time":1,"levels":[[],[]]}}"#);
    let ended = import(dir.path(), &[("btc.gz", &gz(lines([venues].into_iter())))], &[]);
    assert_eq!(ended.code, 5);
    assert!(ended.stderr.contains("that `botmm replay` reads as it lies"), "{}", ended.stderr);
}

#[test]
fn files_of_other_venues_and_shapes_are_refused_with_their_first_line() {
    for first in [
        // Streams of other venues, with and without a time of receipt.
        r#"1764000000000000000 {"topic":"orderbook.50.BTCUSDT","type":"delta","ts":1,"data":{"s":"BTCUSDT"}}"#,
        r#"{"channel":"depth_book","symbol":"BTC-USD","data":{"bids":[["1","1"]],"asks":[]}}"#,
        r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[],"a":[]}"#,
        r#"{"code":0,"result":{"status":"Trading","list":[]}}"#,
        // Shapes that lack what tells them.
        r#"{"recv_ts_ms":1764000000000,"exch_ts_ms":1764000000000,"coin":"BTC"}"#,
        r#"{"timestamp":1,"symbol":"BTC","type":"l2Book","data":{}}"#,
        "timestamp,level,bid_price,bid_size,ask_price",
        "exchange,symbol,timestamp,local_timestamp,side",
        "[1,2,3]",
        "\u{feff}",
    ] {
        let dir = TempDir::new().unwrap();
        let text = format!("{first}\n{first}\n");
        let ended = import(dir.path(), &[("BTC.jsonl", text.as_bytes())], &[]);
        assert_eq!(ended.code, 5, "{first}: {}", ended.stdout);
        let told = first.get(..20).unwrap_or_default().replace('"', "\\\"");
        let says = format!("BTC.jsonl: line 1 is `{told}");
        assert!(ended.stderr.contains(&says), "{says} is not in {}", ended.stderr);
        assert!(ended.stderr.contains("; expected node trades"), "{}", ended.stderr);
        assert!(!dir.path().join("out").exists());
    }
}
