//! `botmm economics`: markets of which the answer is known, and what is no market.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{Ended, has, write_all};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

/// A whole hour before ten minutes of it are over.
const START_MS: i64 = 1_764_000_000_000 - 600_000;
const BOOKS: &str =
    "timestamp,sequence,exchange_timestamp,bid_price_0,bid_size_0,ask_price_0,ask_size_0\n";
const TRADES: &str = "timestamp,price,size,side,trade_id,exchange_timestamp\n";
const MINUTES: i64 = 30;

fn book(second: i64, bid: &str, ask: &str) -> String {
    let ms = START_MS + second * 1_000;
    let local = (ms + 20) as f64 / 1e3;
    format!("{local:.3},{ms},{ms},{bid},5,{ask},5\n")
}

fn trade(second: i64, px: i64, side: &str) -> String {
    let ms = START_MS + second * 1_000 + 500;
    let local = (ms + 20) as f64 / 1e3;
    format!("{local:.3},{px},0.02,{side},{},{ms}\n", second + 1)
}

/// A market around 100,000 that never moves, with takers who buy and sell in turn, one a second.
fn quiet(dir: &Path, coin: &str, half_usd: i64) {
    let (bid, ask) = (100_000 - half_usd, 100_000 + half_usd);
    let seconds = 0..MINUTES * 60;
    let books: String =
        seconds.clone().map(|s| book(s, &bid.to_string(), &ask.to_string())).collect();
    let one = |s: i64| if s % 2 == 0 { trade(s, ask, "buy") } else { trade(s, bid, "sell") };
    let trades: String = seconds.map(one).collect();
    write(dir, coin, &books, &trades);
}

fn write(dir: &Path, coin: &str, books: &str, trades: &str) {
    write_all(
        dir,
        &[
            (&format!("orderbooks_{coin}.csv"), format!("{BOOKS}{books}").as_bytes()),
            (&format!("trades_{coin}.csv"), format!("{TRADES}{trades}").as_bytes()),
        ],
    );
}

fn economics(dir: &Path, more: &[&str]) -> Ended {
    Ended::of(dir, &[&["economics", "in"], more].concat())
}

fn json(dir: &Path, more: &[&str]) -> Value {
    economics(dir, &[&["--json"], more].concat()).summary()
}

fn near(value: &Value, expected: f64, within: f64) {
    let value = value.as_f64().unwrap_or_else(|| panic!("{value} is no number"));
    assert!((value - expected).abs() <= within, "{value}, not {expected}");
}

#[test]
fn what_staking_takes_off_stands_beside_every_fee_that_is_paid() {
    let dir = TempDir::new().unwrap();
    quiet(&dir.path().join("in"), "BTC", 100);
    let tiers = |more: &[&str]| -> Vec<(String, String)> {
        let told = json(dir.path(), &[&["--feeds", "recorded"], more].concat());
        let tiers = told["tiers"].as_array().unwrap();
        let of = |tier: &Value| {
            (tier["name"].as_str().unwrap().into(), tier["maker_fee_bps"].to_string())
        };
        tiers.iter().map(of).collect()
    };
    let (plain, staked) = (tiers(&[]), tiers(&["--staking-discount", "10,40"]));
    let fee = |name: &str| {
        let found = staked.iter().find(|(own, _)| own == name);
        found.unwrap_or_else(|| panic!("no {name} in {staked:?}")).1.parse::<f64>().unwrap()
    };
    assert!(plain.iter().all(|tier| staked.contains(tier)), "{staked:?}");
    for (name, expected) in [("tier 0 -10%", 1.35), ("tier 0 -40%", 0.9), ("tier 3 -40%", 0.24)] {
        assert!((fee(name) - expected).abs() < 1e-9, "{name}: {}", fee(name));
    }
    // Four fees are paid; with two discounts each they make seven others, for 1.2 less 40 % is 0.8 less 10 %. What is
    // earned is left as it is.
    assert_eq!(staked.len(), plain.len() + 7, "{staked:?}");
    assert!(!staked.iter().any(|(name, _)| name.contains("rebate") && name.contains('%')));
}

#[test]
fn a_wide_market_that_never_moves_pays() {
    let dir = TempDir::new().unwrap();
    quiet(&dir.path().join("in"), "BTC", 100);
    let told = json(dir.path(), &[]);
    assert_eq!(told["verdict"]["answer"], "pays", "{}", told["verdict"]["line"]);
    assert!(told["verdict"]["annual_pct"].is_null(), "half an hour is no year");
    let market = &told["market"]["BTC"];
    near(&market["half_spread_bps"]["mean"], 10.0, 1e-9);
    near(&market["half_spread_bps"]["p50"], 10.0, 1e-9);
    near(&market["adverse_bps"]["5s"]["mean"], 0.0, 1e-9);
    near(&market["realised_bps"]["5s"]["mean"], 10.0, 1e-3);
    near(&market["break_even_bps"], 1.5, 1e-9);
    near(&market["offered_share"], 1.0, 0.0);
    assert_eq!(market["offered_hours"], serde_json::json!([15, 16]));
    near(&market["known_s"], (MINUTES * 60 - 1) as f64, 1e-6);
    // Ten minutes of one hour and twenty of the next, each with all eight fees.
    let map = told["map"].as_array().unwrap();
    assert_eq!(map.len(), 2 * told["tiers"].as_array().unwrap().len());
    for cell in map {
        near(&cell["edge_bps"], 10.0 - cell["maker_fee_bps"].as_f64().unwrap(), 1e-9);
        near(&cell["known_s"], if cell["hour"] == 15 { 600.0 } else { 1_199.0 }, 1e-6);
    }
    // What is quoted is inside of it and filled at each trade: what is left of it is less than what is offered.
    let all = &told["replays"][0]["all"];
    let (worth, volume) =
        (all["worth"]["usd"].as_f64().unwrap(), common::number(&all["volume_usd"]));
    let left_bps = worth / volume * 1e4;
    assert!((0.1..10.0).contains(&left_bps), "{left_bps} bps of {volume} USD");
    // A fee that takes it all turns the answer.
    let dear = json(dir.path(), &["--fee-bps", "11", "--feeds", "recorded"]);
    assert_eq!(dear["verdict"]["answer"], "does not pay", "{}", dear["verdict"]["line"]);
    assert_eq!(dear["market"]["BTC"]["offered_share"], 0.0);
}

#[test]
fn a_market_inside_of_the_fee_does_not_pay() {
    let dir = TempDir::new().unwrap();
    quiet(&dir.path().join("in"), "BTC", 5);
    let told = json(dir.path(), &[]);
    let line = told["verdict"]["line"].as_str().unwrap();
    assert_eq!(told["verdict"]["answer"], "does not pay", "{line}");
    has(
        line,
        &["DOES NOT PAY: 0 fills", "whoever rested at the touch was left less of each trade"],
    );
    near(&told["market"]["BTC"]["half_spread_bps"]["p50"], 0.5, 1e-9);
    near(&told["market"]["BTC"]["offered_share"], 0.0, 0.0);
    let table = json(dir.path(), &["--fee-tier", "4", "--feeds", "recorded"]);
    near(&table["maker_fee_bps"], 0.0, 0.0);
    near(&table["market"]["BTC"]["offered_share"], 1.0, 0.0);
    let rebate = json(dir.path(), &["--rebate-tier", "3", "--feeds", "recorded"]);
    near(&rebate["maker_fee_bps"], -0.3, 1e-9);
}

/// The text is made of the very numbers that JSON tells.
#[test]
fn text_and_json_say_the_same() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    quiet(&dir.join("in"), "BTC", 100);
    quiet(&dir.join("in"), "ETH", 60);
    let (text, told) = (economics(dir, &[]).stdout, json(dir, &[]));
    assert_eq!(text.lines().next(), told["verdict"]["line"].as_str());
    let rows = told["replays"].as_array().unwrap();
    assert_eq!(rows.len(), 5, "two queues as recorded, three other feeds");
    for row in rows {
        let (queue, feed) = (row["queue"].as_str().unwrap(), row["feed"].as_str().unwrap());
        for (name, traded) in row["by_coin"].as_object().unwrap().iter() {
            let is_of = |line: &&str| {
                let words: Vec<&str> = line.split_whitespace().take(3).collect();
                words == [name.as_str(), queue, feed]
            };
            let line = text.lines().find(is_of).unwrap_or_else(|| panic!("{name} {queue} {feed}"));
            let words: Vec<String> =
                line.split_whitespace().skip(3).map(|w| w.replace(',', "")).collect();
            assert_eq!(words[0], traded["fills"].to_string(), "{line}");
            near(&traded["volume_usd"], words[2].parse().unwrap(), 0.005_001);
            near(&traded["markout_bps"]["5s"]["mean"], words[3].parse().unwrap(), 0.005_001);
            near(&traded["worth"]["usd"], words[5].parse().unwrap(), 0.005_001);
            near(&traded["worth"]["interval_usd"][0], words[6].parse().unwrap(), 0.005_001);
            near(&traded["worth"]["interval_usd"][1], words[8].parse().unwrap(), 0.005_001);
            near(&traded["net_pnl_usd"], words[9].parse().unwrap(), 0.005_001);
        }
    }
    for coin in ["BTC", "ETH"] {
        let line = told["verdict_by_coin"][coin]["line"].as_str().unwrap();
        has(&text, &[line]);
    }
    // Twice the same, to the byte.
    assert_eq!(text, economics(dir, &[]).stdout);
}

#[test]
fn what_is_no_market_is_named() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let recorded = ["--feeds", "recorded"];
    // A coin that the configuration does not have, and no trades.
    let books: String = (0..600).map(|s| book(s, "99", "101")).collect();
    write(&dir.join("in"), "NEWCOIN", &books, "");
    let told = json(dir, &recorded);
    assert_eq!(told["verdict"]["answer"], "cannot be told", "{}", told["verdict"]["line"]);
    let market = &told["market"]["NEWCOIN"];
    assert_eq!((&market["is_fee_alone"], &market["trades"]), (&true.into(), &0.into()));
    assert!(market["adverse_bps"]["5s"].is_null(), "{market}");
    let notes = told["notes"].to_string();
    has(&notes, &["NEWCOIN is not in [universe]", "NEWCOIN: no trade could be measured"]);
    // A gap of five minutes is not counted, but for its first five seconds.
    let books: String = (0..300).chain(600..900).map(|s| book(s, "99", "101")).collect();
    write(&dir.join("in"), "NEWCOIN", &books, &trade(50, 101, "buy"));
    let told = json(dir, &recorded);
    near(&told["market"]["NEWCOIN"]["known_s"], 299.0 + 5.0 + 299.0, 1e-6);
    // One event; and a book without asks, of which there is no half spread.
    write(&dir.join("in"), "NEWCOIN", &book(0, "99", "101"), "");
    let told = json(dir, &recorded);
    assert!(told["market"]["NEWCOIN"]["half_spread_bps"].is_null(), "{told}");
    assert_eq!(
        (&told["verdict"]["answer"], &told["span_s"]),
        (&"cannot be told".into(), &0.0.into())
    );
    let touches = "timestamp,price,size,side,exchange_timestamp\n".to_owned()
        + &(0..60)
            .map(|s| format!("{}.5,99,1,bid,{}\n", START_MS / 1_000 + s, START_MS + s * 1_000))
            .collect::<String>();
    std::fs::remove_dir_all(dir.join("in")).unwrap();
    write_all(&dir.join("in"), &[("prices_NEWCOIN.csv", touches.as_bytes())]);
    let ended = economics(dir, &recorded);
    match ended.code {
        0 => has(&ended.stdout, &["NEWCOIN: both sides were never known"]),
        code => assert_eq!(code, 5, "{}", ended.stderr),
    }
    for (args, code, part) in [
        (vec!["economics", "gone"], 5, "no such file or folder"),
        (vec!["economics", "in", "--horizon", "7s"], 2, "--horizon: allowed: 1s, 5s, 30s, 60s"),
        (vec!["economics", "in", "--benchmark-apr", "x"], 2, "allowed: 0 to 1000"),
        (vec!["economics", "in", "--fee-tier", "9"], 2, "no such tier"),
        (vec!["economics", "in", "--rebate-tier", "9"], 2, "no such tier"),
    ] {
        let ended = Ended::of(dir, &args);
        assert_eq!(ended.code, code, "{args:?}: {}", ended.stderr);
        has(&ended.stderr, &[part]);
    }
}
