//! `botmm train`: from a recording to a model that a replay quotes by, and what is no model.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{Ended, has, write_all};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const START_MS: i64 = 1_764_000_000_000;
const BOOKS: &str =
    "timestamp,sequence,exchange_timestamp,bid_price_0,bid_size_0,ask_price_0,ask_size_0\n";
const TRADES: &str = "timestamp,price,size,side,trade_id,exchange_timestamp\n";
const MINUTES: i64 = 40;

/// A market whose larger side of the touch says where it goes next, by steps of seeded noise.
fn market(dir: &Path) {
    let (mut books, mut trades) = (BOOKS.to_owned(), TRADES.to_owned());
    let (mut mid, mut state) = (100_000_i64, 7_u64);
    let mut random = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as i64
    };
    for step in 0..MINUTES * 60 * 4 {
        let ms = START_MS + step * 250;
        let local = (ms + 20) as f64 / 1e3;
        let up = random() % 2 == 0;
        let (bid_size, ask_size) = if up { (9, 1) } else { (1, 9) };
        let (bid, ask) = (mid - 10, mid + 10);
        writeln!(books, "{local:.3},{ms},{ms},{bid},{bid_size},{ask},{ask_size}").unwrap();
        if random() % 3 == 0 {
            let (px, side) = if up { (ask + 30, "buy") } else { (bid - 30, "sell") };
            let ms = ms + 120;
            let local = (ms + 20) as f64 / 1e3;
            writeln!(trades, "{local:.3},{px},0.5,{side},{},{ms}", step + 1).unwrap();
        }
        mid += if up { 10 } else { -10 };
    }
    write_all(
        dir,
        &[("orderbooks_BTC.csv", books.as_bytes()), ("trades_BTC.csv", trades.as_bytes())],
    );
}

fn train(dir: &Path, more: &[&str]) -> Ended {
    Ended::of(dir, &[&["train"], more].concat())
}

/// Near quotes without a fee, so that there is something to learn from.
const NEAR: &str = "[sim]\nmaker_fee_bps = 0\n[defaults.quote]\nfair_price = \"microprice\"\ntouch = \"free\"\n\
    min_spread_bps = 2.0\nvol_multiplier = 0.1\nfee_floor = false\nimbalance_strength = 0\n[defaults.risk]\nlarge_move_pct = 50\nmax_daily_loss_pct = 100\n\
    max_drawdown_pct = 100\n";

#[test]
fn a_model_is_made_of_simulated_orders_and_quoted_by() {
    let dir = TempDir::new().unwrap();
    market(&dir.path().join("in"));
    fs::write(dir.path().join("near.toml"), NEAR).unwrap();
    let flags =
        ["--captures", "in", "--config", "near.toml", "--test-share", "0.5", "--min-leaf", "10"];
    let made = train(
        dir.path(),
        &[&flags[..], &["--out", "models/a", "--json", "--table", "orders.csv"]].concat(),
    );
    let told: Value = made.summary();
    let scores = &told["head"]["scores"];
    let auc = |of: &str| scores[of]["auc"].as_f64().unwrap();
    assert!(auc("fill") > 0.6, "{scores:#}");
    let within = 4.0 * scores["fill_shuffled"]["auc_se"].as_f64().unwrap();
    assert!((auc("fill_shuffled") - 0.5).abs() < within, "{scores:#}");
    assert!(scores["fill"]["reliability"].as_array().unwrap().len() == 10);
    let rows = fs::read_to_string(dir.path().join("orders.csv")).unwrap();
    assert!(
        rows.starts_with("sent_ns,coin,side,order,spread_bps,vol_bps,")
            && rows.lines().count() > 1_000
    );

    // The same orders, from the journal of a replay: the same model, to the last byte, but for where they are from.
    let replayed = Ended::of(
        dir.path(),
        &["replay", "in", "--config", "near.toml", "--lossless", "--out", "run", "--json"],
    );
    let plain = replayed.summary();
    let again = train(
        dir.path(),
        &[
            "--runs",
            "run",
            "--test-share",
            "0.5",
            "--min-leaf",
            "10",
            "--out",
            "models/b",
            "--json",
        ],
    );
    let again = again.summary();
    for key in ["data_sha256", "trained", "tested", "scores", "options", "coins"] {
        assert_eq!(again["head"][key], told["head"][key], "{key}");
    }

    // Quoted by: silent on the first half, and its hash is told.
    fs::write(
        dir.path().join("by.toml"),
        NEAR.replace("fee_floor", "fill_model = \"models/a\"\nfee_floor"),
    )
    .unwrap();
    let by = Ended::of(dir.path(), &["replay", "in", "--config", "by.toml", "--json"]).summary();
    let no_edge = |summary: &Value| {
        ["bid", "ask"].map(|side| summary["reasons"]["BTC"][side]["no_edge"].as_f64())
    };
    assert_eq!(no_edge(&plain), [None, None]);
    let skipped: f64 = no_edge(&by).into_iter().flatten().sum();
    assert!(skipped > 0.0 && skipped < 1.0, "of two sides, and of half of the time: {skipped}");
    let notes = by["assumptions"]["notes"].to_string();
    has(
        &notes,
        &["BTC: fill model ", &told["sha256"].as_str().unwrap()[..16], "silent up to then"],
    );
    assert_ne!(by["decision_hash"], plain["decision_hash"]);
}

#[test]
fn what_is_no_model_is_refused_by_name() {
    let dir = TempDir::new().unwrap();
    market(&dir.path().join("in"));
    let config = |model: &str| format!("[defaults.quote]\nfill_model = \"{model}\"\n");
    fs::write(
        dir.path().join("torn"),
        "{\"botmm_fill_model\":1,\"bytes\":9,\"sha256\":\"0\"}\n{}\n",
    )
    .unwrap();
    fs::write(
        dir.path().join("newer"),
        "{\"botmm_fill_model\":2,\"bytes\":2,\"sha256\":\"0\"}\n{}\n",
    )
    .unwrap();
    for (model, problem) in [
        ("none", "none: cannot read"),
        ("torn", "torn: 2 of 9 bytes"),
        ("newer", "of form 2"),
        ("in/trades_BTC.csv", "no fill model"),
    ] {
        fs::write(dir.path().join("c.toml"), config(model)).unwrap();
        let ended = Ended::of(dir.path(), &["check", "--config", "c.toml"]);
        assert_eq!(ended.code, 3, "{}", ended.stderr);
        has(&ended.stderr, &["c.toml:2", "defaults.quote.fill_model", problem]);
    }
    fs::write(dir.path().join("empty.jsonl"), "").unwrap();
    let none = train(dir.path(), &["--runs", "empty.jsonl", "--out", "m"]);
    assert_eq!(none.code, 5);
    has(&none.stderr, &["train: 0 orders", "--runs and --captures"]);
    let nowhere = train(dir.path(), &["--runs", "in", "--out", "m"]);
    has(&nowhere.stderr, &["no journal here"]);
    let horizon = train(dir.path(), &["--runs", "in", "--out", "m", "--horizon", "7s"]);
    assert_eq!(horizon.code, 2, "{}", horizon.stderr);
    // Quotes that nobody reaches: all labels are of one class.
    let far = NEAR.replace("min_spread_bps = 2.0", "min_spread_bps = 190\nmax_spread_bps = 200");
    fs::write(dir.path().join("far.toml"), far).unwrap();
    let one = train(dir.path(), &["--captures", "in", "--config", "far.toml", "--out", "m"]);
    assert_eq!(one.code, 5, "{}", one.stderr);
    has(&one.stderr, &["whether an order is filled", "labels are 0", "nothing to tell apart"]);
    // A journal that is torn: its line is named, and what is left is too little.
    fs::write(dir.path().join("torn.jsonl"), "{\"type\":\"decision\",\"v\":1,\"coin\":\"B\n")
        .unwrap();
    let torn = train(dir.path(), &["--runs", "torn.jsonl", "--out", "m"]);
    assert_eq!(torn.code, 5, "{}", torn.stderr);
    has(&torn.stderr, &["torn.jsonl:1: ", "train: 0 orders"]);
    assert!(!dir.path().join("m").exists(), "nothing is written when there is no model");
}
