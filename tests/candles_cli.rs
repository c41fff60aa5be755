//! `botmm candles`: coarse, and said to be; from files, or from a venue that is asked.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;
#[path = "common/http.rs"]
mod http;

use common::{Ended, has, write_all};
use serde_json::Value;
use std::io::Write as _;
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use tempfile::TempDir;

/// A whole hour.
const START_MS: i64 = 1_764_000_000_000;
const HOUR_MS: i64 = 3_600_000;

/// An hour in which the price falls by 400, as the venue tells it.
fn falls(hour: i64) -> String {
    let t = START_MS + hour * HOUR_MS;
    let last = t + HOUR_MS - 1;
    let (open, low) = (60_000 - 400 * hour, 60_000 - 400 * hour - 400);
    format!(
        r#"{{"t":{t},"T":{last},"s":"BTC","i":"1h","o":"{open}","c":"{low}","h":"{open}","l":"{low}","v":"100","n":7}}"#
    )
}

/// `botmm candles` says what it is, counts everything, and calls a loss one.
#[test]
fn the_coarse_engine_says_that_it_is_and_calls_a_loss_one() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let bars: Vec<String> = (0..60).map(falls).collect();
    let text = format!("[{}]", bars.join(","));
    write_all(&dir.join("in"), &[("BTC.json", text.as_bytes()), ("notes.txt", b"mine\n")]);
    let ended = Ended::of(dir, &["candles", "in", "--fee-bps", "1.5"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    has(
        &ended.stdout,
        &[
            "COARSE: made of candles",
            "span          2025-11-24T16:00:00Z to 2025-11-27T04:00:00Z (2 d 12 h), bars of 1h",
            "LOSS",
            "nothing under 7 whole UTC days is annualised",
            "maker fee 1.5 bps",
            "funding 0 for BTC: no contexts tell its rates",
            "fills are at most 10 % of a bar's volume",
            "1 files are neither candles nor contexts",
        ],
    );
    let json = |more: &[&str]| -> Value {
        let ended =
            Ended::of(dir, &[&["candles", "in", "--fee-bps", "1.5", "--json"], more].concat());
        serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {}", ended.stdout))
    };
    let told = json(&[]);
    assert_eq!(told["engine"], "candles (coarse)");
    let usd = |told: &Value, key: &str| told[key].as_f64().unwrap();
    assert!(usd(&told, "net_pnl_usd") < 0.0 && usd(&told, "fees_usd") > 0.0, "{told}");
    assert!(told["fills"].as_u64() > Some(3) && told["sharpe"].is_null(), "{told}");
    assert_eq!(told["by_symbol"]["BTC"]["bars"], 60);
    assert_eq!(told["data"][0]["sha256"].as_str().map(str::len), Some(64));
    // Funding is paid by what is long, and only it changes.
    let paid = json(&["--funding-rate", "0.0001"]);
    assert!(usd(&paid, "funding_usd") > 0.0, "{paid}");
    assert_eq!(paid["fills"], told["fills"]);
    // Contexts tell the same rate, from their time on.
    let rates = format!(
        "timestamp,exchange_timestamp,funding,open_interest,mark_price,oracle_price\n,{START_MS},0.0001,1,1,1\n"
    );
    write_all(&dir.join("in"), &[("ctxs_BTC.csv", rates.as_bytes())]);
    let by_contexts = json(&[]);
    assert_eq!(by_contexts["funding_usd"], paid["funding_usd"]);
    for (args, code, parts) in [
        (["candles", "in", "--interval", "5m"], 2, "there are no bars of 5m, but of 1h"),
        (["candles", "in", "--symbols", "ETH"], 5, "ETH is not in the recording; it has: BTC"),
        (
            ["candles", "in/notes.txt", "--interval", "1h"],
            5,
            "expected an array of the venue's candles",
        ),
        (["candles", "gone", "--interval", "1h"], 5, "no such file or folder"),
        (["candles", "in", "--share", "0"], 2, "allowed: 0.1 to 100"),
    ] {
        let ended = Ended::of(dir, &args);
        assert_eq!(ended.code, code, "{args:?}: {}", ended.stderr);
        has(&ended.stderr, &[parts]);
    }
}

/// A venue that answers questions for candles, so many at most a page: its address, and each question.
fn venue(most: usize) -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (heard, questions) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            let Some((_, body)) = http::request(&mut stream) else { continue };
            let question: Value = serde_json::from_slice(&body).unwrap();
            let at = |key: &str| question["req"][key].as_i64().unwrap();
            let is_asked = |hour: &i64| {
                let t = START_MS + hour * HOUR_MS;
                (at("startTime")..=at("endTime")).contains(&t)
            };
            let page: Vec<String> = (0..60).filter(is_asked).take(most).map(falls).collect();
            let body = format!("[{}]", page.join(","));
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
            let _ = heard.send(question);
            let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    (url, questions)
}

/// What a venue tells page by page comes to what the same bars come to from a file.
#[test]
fn a_venue_is_asked_only_when_it_is_named() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let all: Vec<String> = (0..60).map(falls).collect();
    write_all(&dir.join("in"), &[("BTC.json", format!("[{}]", all.join(",")).as_bytes())]);
    let of_file: Value =
        serde_json::from_str(&Ended::of(dir, &["candles", "in", "--json"]).stdout).unwrap();
    let (url, questions) = venue(25);
    let ended = Ended::of(
        dir,
        &[
            "candles",
            "--fetch",
            &url,
            "--symbols",
            "BTC",
            "--interval",
            "1h",
            "--json",
            "--from",
            "2025-11-24T16:00:00Z",
            "--to",
            "2025-12-24T16:00:00Z",
        ],
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let asked: Vec<Value> = questions.try_iter().collect();
    assert_eq!(asked.len(), 4, "two whole pages, a part, and one that is empty: {asked:?}");
    assert_eq!(asked[1]["req"]["startTime"], START_MS + 25 * HOUR_MS);
    let fetched: Value = serde_json::from_str(&ended.stdout).unwrap();
    for key in ["fills", "net_pnl_usd", "fees_usd", "span", "by_symbol"] {
        assert_eq!(fetched[key], of_file[key], "{key}");
    }
    has(&ended.stdout, &["5000 bars at most, not kept"]);
    let ended = Ended::of(dir, &["candles", "--fetch", &url]);
    assert_eq!(ended.code, 2, "which coins, and how long the bars: {}", ended.stderr);
}
