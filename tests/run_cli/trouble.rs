//! A venue on a bad day: its clock, its end, and its return with nothing in its memory.

use crate::bot::{Bot, Home};
use crate::common::{free_port, number};
use crate::trading::check;
use crate::venue::{Key, Market};
use botmm::journal::line::Line;
use botmm_pipeline::types::Side;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn is_alert(line: &Line, words: &str) -> bool {
    matches!(line, Line::Alert(alert) if alert.alert.contains(words))
}

/// Waits until it has said so, in its journal and on stderr.
fn until_told(bot: &mut Bot<'_>, words: &str) {
    bot.until(words, |bot| bot.lines(|line| is_alert(line, words)) > 0);
    bot.until(&format!("{words} on stderr"), |bot| bot.has_said(words));
}

#[test]
fn a_clock_that_is_off_at_the_start_is_refused() {
    let home = Home::new("clock at start");
    for (offset, says) in [("10s", "behind the venue's"), ("-10s", "ahead of the venue's")] {
        let faults =
            format!("[[fault]]\nkind = \"clock_jump\"\noffset = \"{offset}\"\nduration = \"1h\"\n");
        let market = Market::at(0, &[(&home.key, 10_000)], &faults);
        if offset.starts_with('-') {
            // A clock that is set back stands still at first.
            std::thread::sleep(Duration::from_millis(5_500));
        }
        let (line, code) = home.refused(home.command(&market.url(), &[]));
        assert!(line.contains("this machine's clock is") && line.contains(says), "{line}");
        assert!(line.contains("set the clock"), "{line}");
        assert_eq!(code, 5);
    }
}

#[test]
fn a_venue_that_comes_up_later_is_waited_for() {
    let home = Home::new("late venue");
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    let mut bot = home.start("run", home.command(&url, &["--symbols", "BTC", "--json"]));
    bot.until("word of it", |bot| bot.has_said("waiting for the venue: "));
    assert!(bot.has_said("connection refused") && bot.has_said("--wait"));
    let market = Market::at(port, &[(&home.key, 10_000)], "");
    bot.until("resting orders", |_| market.seen.open_orders(home.key.address()) > 0);
    check(&bot.terminated(), &market.seen, home.key.address());
}

#[test]
fn a_person_who_stops_the_waiting_is_heard() {
    let home = Home::new("no venue");
    // It takes the call, and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let bot = home.start("run", home.command(&url, &["--symbols", "BTC"]));
    let _called = silent.accept().unwrap();
    let ended = bot.terminated();
    assert!(ended.stderr.contains("stopped while the venue did not answer"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("no answer within"), "waited for a deadline: {}", ended.stderr);
    assert_eq!((ended.code, ended.stderr.lines().count()), (5, 1), "{}", ended.stderr);
}

/// Four seconds are more than an order lives: named, or, where they are tolerated, allowed for.
#[test]
fn a_clock_four_seconds_off_is_named_or_trades() {
    let home = Home::new("clock 4 s");
    let account = home.key.address();
    let faults = "[[fault]]\nkind = \"clock_jump\"\noffset = \"4s\"\nduration = \"1h\"\n";
    let market = Market::at(0, &[(&home.key, 10_000)], faults);
    let (line, code) = home.refused(home.command(&market.url(), &[]));
    // The venue's time is that of its last block.
    let is_named =
        |s: &str| line.contains(&format!("this machine's clock is {s} s behind the venue's"));
    assert!(["3.8", "3.9", "4.0", "4.1"].into_iter().any(is_named), "{line}");
    assert!(line.contains("max_clock_offset_ms = 900"), "{line}");
    assert_eq!(code, 5);
    let config = "[defaults.risk]\nmax_clock_offset_ms = 4900\nexpires_after_ms = 15000\n";
    std::fs::write(home.path().join("my.toml"), config).unwrap();
    let args = ["--symbols", "BTC", "--json", "--config", "my.toml"];
    let mut bot = home.start("run", home.command(&market.url(), &args));
    bot.until("resting orders", |_| market.seen.open_orders(account) > 0);
    check(&bot.terminated(), &market.seen, account);
}

#[test]
fn a_clock_that_jumps_stops_the_quotes_until_it_is_right_again() {
    let home = Home::new("clock");
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    // Refusals trip a breaker too: its pause is not what is looked at here.
    let config = "[defaults.risk]\napi_error_cooldown_s = 1.0\n";
    std::fs::write(home.path().join("my.toml"), config).unwrap();
    let args = ["--symbols", "BTC", "--json", "--config", "my.toml"];
    let mut bot = home.start("run", home.command(&market.url(), &args));
    bot.until("resting orders", |_| market.seen.open_orders(account) > 0);
    market.fault("POST", &json!({ "kind": "clock_jump", "offset": "10s", "duration": "1h" }));
    until_told(&mut bot, "clock");
    if bot.has_said("too many API errors") {
        assert!(bot.has_said("expired"), "in the venue's words");
    }
    bot.until("the cancels", |_| market.seen.open_orders(account) == 0);
    market.fault("DELETE", &Value::Null);
    bot.until("orders again", |_| market.seen.open_orders(account) > 0);
    check(&bot.terminated(), &market.seen, account);
}

#[test]
fn an_exchange_that_is_gone_is_no_crash_and_the_end_says_what_is_not_known() {
    let home = Home::new("gone");
    let market = Market::open(&[(&home.key, 10_000)]);
    let url = market.url();
    let mut bot = home.start("run", home.command(&url, &["--symbols", "BTC"]));
    bot.until("resting orders", |_| market.seen.open_orders(home.key.address()) > 0);
    market.kill();
    until_told(&mut bot, "order link lost");
    bot.until("the reason", |bot| bot.has_said("connection refused"));
    let asked = Instant::now();
    let ended = bot.terminated();
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    let last = ended.stderr.lines().last().unwrap();
    println!("{}", ended.stderr);
    assert!(last.contains("cannot see whether orders still rest"), "{last}");
    assert!(last.contains("look at the venue's page"), "{last}");
    assert_eq!(ended.code, 5);
    // What is known up to there is not lost with the venue.
    assert!(ended.stdout.contains("net PnL"), "{}", ended.stdout);
    let summary = std::fs::read_to_string(home.path().join("run/summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let notes = summary["assumptions"]["notes"].to_string();
    assert!(notes.contains("cannot see whether orders still rest"), "{notes}");
}

#[test]
fn a_risk_halt_keeps_its_exit_code_when_the_venue_is_gone_too() {
    let (home, taker) = (Home::new("halted"), Key::of("who moves the price"));
    let market = Market::open(&[(&home.key, 10_000), (&taker, 100_000_000)]);
    assert_eq!(market.seen.take_btc(&home.key, Side::Bid, "0.008"), "0.008");
    let config = "[defaults.risk]\ncapital_usd = 1000\nmax_daily_loss_pct = 0.01\n";
    std::fs::write(home.path().join("my.toml"), config).unwrap();
    let args = ["--symbols", "BTC", "--config", "my.toml"];
    let mut bot = home.start("run", home.command(&market.url(), &args));
    bot.until("orders", |bot| bot.orders() > 0);
    bot.until("a loss", |bot| {
        market.seen.take_btc(&taker, Side::Ask, "40");
        bot.has_said("daily loss limit reached")
    });
    market.kill();
    until_told(&mut bot, "order link lost");
    let ended = bot.terminated();
    let last: Vec<_> = ended.stderr.lines().rev().take(2).collect();
    assert!(last[0].contains("risk halt: daily loss"), "{}", ended.stderr);
    assert!(last[1].contains("cannot see whether orders still rest"), "{}", ended.stderr);
    assert_eq!(ended.code, 6, "nobody may start it again by itself");
}

#[test]
fn an_exchange_that_comes_back_without_our_orders_is_no_crash() {
    let home = Home::new("back");
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    let port = market.port();
    let args = ["--symbols", "BTC", "--json"];
    let mut bot = home.start("run", home.command(&market.url(), &args));
    bot.until("resting orders", |_| market.seen.open_orders(account) > 0);
    market.kill();
    until_told(&mut bot, "order link lost");
    // Nothing was held, so the positions agree; what rested is gone, and its fate cannot be told.
    let market = Market::at(port, &[(&home.key, 10_000)], "");
    bot.until("the link", |bot| bot.has_said("orders: connected again"));
    std::thread::sleep(Duration::from_secs(2));
    let ended = bot.terminated();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let summary = ended.summary();
    assert!(summary["orders"].as_u64().unwrap() > 0, "{summary:#}");
    // What the new exchange began with is a transfer there, of a moment ago.
    assert!((number(&summary["transfers_usd"]) - 10_000.0).abs() < 0.01, "{summary:#}");
    assert_eq!(market.seen.open_orders(account), 0);
}

#[test]
fn an_exchange_that_forgot_everything_is_not_traded_with() {
    let home = Home::new("forgot");
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    let port = market.port();
    assert_eq!(market.seen.take_btc(&home.key, Side::Bid, "0.002"), "0.002");
    let args = ["--symbols", "BTC", "--json"];
    let mut bot = home.start("run", home.command(&market.url(), &args));
    bot.until("resting orders", |_| market.seen.open_orders(account) > 0);
    market.kill();
    until_told(&mut bot, "order link lost");
    let market = Market::at(port, &[(&home.key, 10_000)], "");
    until_told(&mut bot, "the venue's position is not ours");
    let before = bot.orders();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(bot.orders(), before, "it trades on a position that is not there");
    assert_eq!(market.seen.open_orders(account), 0);
    let ended = bot.terminated();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let summary = ended.summary();
    let notes = summary["assumptions"]["notes"].to_string();
    assert!(notes.contains("BTC: our position"), "{notes}");
    assert_eq!(market.seen.open_orders(account), 0);
}
