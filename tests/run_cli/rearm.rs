//! Halts that outlive a run, and the person who ends them.

use crate::bot::{Bot, Home};
use crate::common::Ended;
use crate::trading::check;
use crate::venue::{Key, Market};
use botmm::journal::line::Line;
use botmm_pipeline::types::Side;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// What a run that fell too far from its peak leaves behind.
const HALTED: &str = r#"{
  "time": "2025-09-04T19:46:56Z",
  "breaks": [ { "why": "drawdown", "ends": "by_hand" } ],
  "utc_day": "2025-09-04",
  "day_profit_usd": "-312.5",
  "below_peak_usd": "1000.00000001",
  "api_errors": []
}"#;

fn risk_file(home: &Home) -> PathBuf {
    home.path().join(format!("state/{}.risk.json", home.key.address()))
}

fn leave(home: &Home, text: &str) {
    fs::create_dir_all(home.path().join("state")).unwrap();
    fs::write(risk_file(home), text).unwrap();
}

fn rearm(home: &Home, more: &[&str]) -> Ended {
    let ended = Ended::of(home.path(), &[&["rearm"], more].concat());
    println!("{}: {}{}", ended.code, ended.stdout, ended.stderr);
    ended
}

/// Waits until the bot has decided often, and has sent no order for all that.
fn until_it_only_looks_on(bot: &mut Bot<'_>) {
    bot.until("both sides of a coin halted", |bot| {
        bot.lines(|l| matches!(l, Line::Decision(d) if [&*d.bid, &*d.ask] == ["halted"; 2])) > 0
    });
    bot.until("accounts", |bot| bot.lines(|line| line.kind() == "account") > 0);
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(bot.orders(), 0);
}

#[test]
fn a_running_bot_that_is_halted_quotes_again_when_a_person_says_so() {
    let home = Home::new("re-armed while it runs");
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    leave(&home, HALTED);
    let args = ["--symbols", "BTC", "--json"];
    let mut bot = home.start("run", home.command(&market.url(), &args));
    bot.until("the halt on stderr", |bot| bot.has_said("a break of an earlier run still holds"));
    assert!(bot.has_said("drawdown limit reached (until a person re-arms); botmm rearm"));
    until_it_only_looks_on(&mut bot);

    let said = rearm(&home, &[]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    assert!(said.stdout.contains("drawdown limit reached"), "{}", said.stdout);
    assert!(said.stdout.contains("1000.00000001 USD below the peak"), "{}", said.stdout);
    assert!(said.stdout.contains("re-armed: the running bot quotes again"), "{}", said.stdout);
    assert!(!home.path().join(format!("state/{account}.rearm")).exists());
    bot.until("orders", |_| market.seen.open_orders(account) > 0);
    assert!(bot.has_said("re-armed by hand"));
    let told = |breaks: &[(&str, &str)]| {
        let breaks = breaks.iter().map(|(why, end)| ((*why).to_owned(), (*end).to_owned()));
        let breaks = Some(breaks.collect::<BTreeMap<_, _>>());
        bot.lines(|line| matches!(line, Line::Risk(risk) if risk.breaks == breaks))
    };
    assert_eq!((told(&[("drawdown", "by_hand")]), told(&[])), (1, 1));
    let said = rearm(&home, &["--address", &account.to_string()]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    assert!(said.stdout.contains("nothing is killed, halted or cooling down"), "{}", said.stdout);
    check(&bot.terminated(), &market.seen, account);
}

#[test]
fn a_halt_outlives_its_run_until_a_person_ends_it() {
    let (home, taker) = (Home::new("halted twice"), Key::of("who moves the price"));
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000), (&taker, 100_000_000)]);
    assert_eq!(market.seen.take_btc(&home.key, Side::Bid, "0.008"), "0.008");
    let config = "[defaults.risk]\ncapital_usd = 1000\nmax_daily_loss_pct = 0.01\n";
    fs::write(home.path().join("tight.toml"), config).unwrap();
    let args = ["--symbols", "BTC", "--json"];
    let tight = [&args[..], &["--config", "tight.toml"]].concat();
    let mut bot = home.start("first", home.command(&market.url(), &tight));
    bot.until("orders", |bot| bot.orders() > 0);
    bot.until("a loss", |bot| {
        market.seen.take_btc(&taker, Side::Ask, "40");
        bot.has_said("daily loss limit reached")
    });
    bot.until("the cancels", |_| market.seen.open_orders(account) == 0);
    bot.until("the file", |_| {
        fs::read_to_string(risk_file(&home)).unwrap_or_default().contains("daily_loss")
    });
    let ended = bot.terminated();
    assert_eq!(ended.code, 6, "{}", ended.stderr);
    assert!(ended.stderr.contains("the next run is halted too"), "{}", ended.stderr);

    // With limits that would allow it: what holds, holds.
    let mut bot = home.start("second", home.command(&market.url(), &args));
    bot.until("the halt on stderr", |bot| bot.has_said("a break of an earlier run still holds"));
    until_it_only_looks_on(&mut bot);
    assert_eq!(bot.terminated().code, 6);

    let said = rearm(&home, &["--state", "state"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    assert!(said.stdout.contains("daily loss limit reached"), "{}", said.stdout);
    assert!(said.stdout.contains("re-armed: the next run quotes"), "{}", said.stdout);
    let mut bot = home.start("third", home.command(&market.url(), &args));
    bot.until("orders", |_| market.seen.open_orders(account) > 0);
    check(&bot.terminated(), &market.seen, account);
}

#[test]
fn a_state_that_cannot_be_read_is_named_and_nothing_starts() {
    let home = Home::new("broken state");
    let market = Market::open(&[(&home.key, 10_000)]);
    leave(&home, &HALTED.replace("by_hand", "never"));
    let (line, code) = home.refused(home.command(&market.url(), &[]));
    assert!(line.contains(".risk.json: not a risk state: drawdown does not end"), "{line}");
    assert!(line.contains("move it away"), "{line}");
    assert_eq!(code, 5);
    let said = rearm(&home, &[]);
    assert_eq!((said.code, said.stdout.as_str()), (5, ""));
    assert!(said.stderr.contains("not a risk state"), "{}", said.stderr);
}

#[test]
fn which_key_is_meant_is_never_guessed() {
    let (home, other) = (Home::new("one of two"), Key::of("the other"));
    let said = rearm(&home, &[]);
    assert_eq!((said.code, said.stdout.as_str()), (2, ""));
    assert!(said.stderr.contains("state: no such folder: no run has left its state there; name"));
    fs::create_dir(home.path().join("state")).unwrap();
    let said = rearm(&home, &[]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("holds no state of any run"), "{}", said.stderr);

    leave(&home, HALTED);
    fs::write(home.path().join(format!("state/{}.json", other.address())), "{}").unwrap();
    let said = rearm(&home, &[]);
    assert_eq!((said.code, said.stdout.as_str()), (2, ""));
    for key in [&home.key, &other] {
        assert!(said.stderr.contains(&key.address().to_string()), "{}", said.stderr);
    }
    assert!(said.stderr.contains("--address"), "{}", said.stderr);
    let named = |key: &Key| rearm(&home, &["--address", &key.address().to_string()]);
    assert!(named(&other).stdout.contains("nothing is killed, halted or cooling down"));
    assert!(named(&home.key).stdout.contains("re-armed: the next run quotes"));
    assert!(named(&home.key).stdout.contains("nothing is killed, halted or cooling down"));
    let said = named(&Key::of("a third"));
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("holds no state of 0x"), "{}", said.stderr);
}

#[test]
fn a_bot_that_does_not_answer_is_not_waited_for_for_ever() {
    let home = Home::new("deaf");
    leave(&home, HALTED);
    let lock = home.path().join(format!("state/{}.lock", home.key.address()));
    let held = fs::File::create(lock).unwrap();
    held.try_lock().unwrap();
    let said = rearm(&home, &[]);
    assert_eq!(said.code, 5);
    assert!(said.stderr.contains("did not take the request within 5 s"), "{}", said.stderr);
    let left = fs::read_dir(home.path().join("state")).unwrap();
    assert_eq!(left.count(), 2, "the request is taken back");
    assert_eq!(fs::read_to_string(risk_file(&home)).unwrap(), HALTED, "and nothing is changed");
}
