//! A kill of a bot that trades, of one that hangs, and of none: whatever it does, no order of ours is left,
//! none comes, and it holds until a person re-arms.

use crate::bot::{Bot, Home};
use crate::common::{Ended, spawnable};
use crate::trading::check;
use crate::venue::{Key, Market, Seen};
use botmm::journal::line::Line;
use botmm_pipeline::types::Side;
use serde_json::{Value, json};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// `botmm kill`, with the bot's key or without.
fn kill(home: &Home, has_key: bool, more: &[&str]) -> Ended {
    let mut command = spawnable(home.path(), &[&["kill"], more].concat());
    command.env_remove("CREDENTIALS_DIRECTORY");
    if has_key {
        command.env("HL_PRIVATE_KEY", format!("0x{}", home.key.hex));
    }
    ended(command)
}

fn rearm(home: &Home) -> Ended {
    ended(spawnable(home.path(), &["rearm"]))
}

fn ended(mut command: Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    println!("{:?}: {}{}", output.status.code(), stdout, stderr);
    assert!(!stderr.contains("panicked"));
    Ended { code: output.status.code().unwrap_or(-1), stdout, stderr }
}

/// A bot whose orders rest.
fn quoting<'a>(home: &'a Home, name: &str, market: &Market) -> Bot<'a> {
    let args = ["--symbols", "BTC", "--json"];
    let mut bot = home.start(name, home.command(&market.url(), &args));
    bot.until("resting orders", |_| market.seen.open_orders(home.key.address()) > 0);
    bot
}

/// None rests for a while, however often it is looked.
fn none_comes(seen: &Seen, home: &Home, span: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < span {
        assert_eq!(seen.open_orders(home.key.address()), 0);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_bot_that_trades_is_killed_by_each_way_until_a_person_re_arms() {
    let home = Home::new("killed alive");
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    let mut bot = quoting(&home, "run", &market);
    let latch = home.path().join(format!("state/{account}.latch"));
    type Way<'a> = (&'a str, Box<dyn Fn(&Bot<'_>) + 'a>);
    let ways: [Way<'_>; 4] = [
        ("by `botmm kill`", Box::new(|_| assert_eq!(kill(&home, false, &[]).code, 0))),
        ("by SIGUSR1", Box::new(|bot| bot.signal("-USR1"))),
        (
            "by the file data/KILL",
            Box::new(|_| {
                fs::create_dir_all(home.path().join("data")).unwrap();
                fs::write(home.path().join("data/KILL"), "").unwrap();
            }),
        ),
        ("by `botmm kill`", Box::new(|_| assert_eq!(kill(&home, true, &[]).code, 0))),
    ];
    for (nth, (why, way)) in ways.iter().enumerate() {
        way(&bot);
        bot.until("the cancels", |_| market.seen.open_orders(account) == 0);
        let told = format!("KILLED {why}");
        bot.until("word of it", |bot| bot.has_said(&told) || fs::read_to_string(&latch).is_ok());
        none_comes(&market.seen, &home, Duration::from_secs(2));
        bot.until("the latch", |_| fs::read_to_string(&latch).is_ok_and(|l| l.contains(why)));
        let said = rearm(&home);
        assert_eq!(said.code, 0);
        assert!(said.stdout.contains("re-armed: the running bot quotes again"), "{}", said.stdout);
        assert!(!latch.exists());
        bot.until("orders again", |_| market.seen.open_orders(account) > 0);
        let told =
            bot.lines(|l| matches!(l, Line::Alert(a) if a.alert.contains("re-armed by hand")));
        assert_eq!(told, nth + 1, "in the journal");
    }
    check(&bot.terminated(), &market.seen, account);
}

/// It can say nothing, and when it wakes up it must not trade.
#[test]
fn a_bot_that_hangs_is_killed_and_wakes_up_halted() {
    let home = Home::new("killed stopped");
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    let mut bot = quoting(&home, "run", &market);
    bot.signal("-STOP");
    // Without the key nobody else can cancel: that is said, and latched all the same.
    let said = kill(&home, false, &[]);
    assert_eq!(said.code, 5);
    assert!(said.stderr.contains("orders may rest") && said.stderr.contains("--key-file"));
    assert!(market.seen.open_orders(account) > 0);
    let said = kill(&home, true, &[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("none rests"), "{}", said.stdout);
    assert_eq!(market.seen.open_orders(account), 0);
    let sent = bot.orders();
    bot.signal("-CONT");
    none_comes(&market.seen, &home, Duration::from_secs(3));
    bot.until("word of it", |bot| bot.has_said("killed at"));
    assert_eq!(bot.orders(), sent, "nothing was sent after it woke up");
    let ended = bot.terminated();
    assert_eq!(ended.code, 6, "nobody may start it again by itself: {}", ended.stderr);
    assert!(ended.stderr.lines().last().unwrap().contains("`botmm rearm` ends that"));

    // The next run says so and quotes nothing.
    let args = ["--symbols", "BTC", "--json"];
    let mut bot = home.start("next", home.command(&market.url(), &args));
    bot.until("word of it", |bot| bot.has_said("nothing is quoted: killed at"));
    bot.until("accounts", |bot| bot.lines(|line| line.kind() == "account") > 0);
    none_comes(&market.seen, &home, Duration::from_secs(2));
    assert_eq!(bot.orders(), 0);
    assert_eq!(rearm(&home).code, 0);
    bot.until("orders", |_| market.seen.open_orders(account) > 0);
    check(&bot.terminated(), &market.seen, account);
}

#[test]
fn without_a_bot_the_key_is_enough_and_a_persons_orders_stay() {
    let (home, other) = (Home::new("killed dead"), Key::of("a maker"));
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000), (&other, 10_000)]);
    let bot = quoting(&home, "run", &market);
    bot.signal("-KILL");
    drop(bot);
    let left = market.seen.open_orders(account);
    assert!(left > 0, "a dead bot's orders rest for ever");
    // By hand, and by an earlier run.
    market.seen.bid_by_hand(&home.key);
    market.seen.bid_as_run(&home.key, 1);
    let said = kill(&home, true, &["--no-latch"]);
    assert_eq!(said.code, 0);
    assert!(said.stdout.contains("1 order of others left alone"), "{}", said.stdout);
    assert_eq!(market.seen.open_orders(account), 1);
    assert!(!home.path().join(format!("state/{account}.latch")).exists());
    let said = kill(&home, true, &["--all"]);
    assert_eq!((said.code, market.seen.open_orders(account)), (0, 0));
    assert!(home.path().join(format!("state/{account}.latch")).exists());
    assert!(rearm(&home).stdout.contains("re-armed: the next run quotes"));
    // What is not known is not guessed.
    let away = Home::new("elsewhere");
    let said = kill(&away, true, &[]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("name the venue with --network"), "{}", said.stderr);
}

#[test]
fn without_a_latch_a_running_bot_ends_and_the_next_one_quotes() {
    let home = Home::new("ended");
    let market = Market::open(&[(&home.key, 10_000)]);
    let bot = quoting(&home, "run", &market);
    let said = kill(&home, true, &["--no-latch"]);
    assert_eq!(said.code, 0);
    assert!(said.stdout.contains("the running bot ends"), "{}", said.stdout);
    check(&bot.ended(), &market.seen, home.key.address());
    check(&quoting(&home, "next", &market).terminated(), &market.seen, home.key.address());
}

#[test]
fn positions_are_closed_too_with_the_key_and_by_the_bot_itself() {
    for (name, has_key) in [("flat by key", true), ("flat by bot", false)] {
        let home = Home::new(name);
        let account = home.key.address();
        let market = Market::open(&[(&home.key, 10_000)]);
        let held = market.seen.take_btc(&home.key, Side::Bid, "0.02");
        assert_eq!(held, "0.02");
        let mut bot = quoting(&home, "run", &market);
        // A person's.
        market.seen.bid_by_hand(&home.key);
        let said = kill(&home, has_key, &["--flatten"]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert_eq!(market.seen.positions(account).get("BTC"), None, "flat");
        assert_eq!(market.seen.open_orders(account), 1, "a person's order stays");
        assert_eq!(said.stdout.contains("BTC: sold "), has_key, "{}", said.stdout);
        bot.until("word of it", |bot| bot.has_said("killed"));
        assert_eq!(bot.terminated().code, 6);
    }
}

/// Nobody buys, or the venue takes nothing but post-only orders: it is tried until it is given up, and said.
#[test]
fn what_cannot_be_closed_is_said() {
    let home = Home::new("not flat");
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    assert_eq!(market.seen.take_btc(&home.key, Side::Bid, "0.02"), "0.02");
    let bot = quoting(&home, "run", &market);
    bot.signal("-KILL");
    drop(bot);
    market.fault("POST", &json!({ "kind": "post_only", "duration": "1h" }));
    let said = kill(&home, true, &["--flatten", "--wait", "6s"]);
    assert_eq!(said.code, 5);
    let last = said.stderr.lines().last().unwrap();
    assert!(last.contains("not flat: ") && last.contains(" BTC ($"), "{last}");
    assert!(last.contains("Only post-only orders allowed"), "{last}");
    assert!(!market.seen.positions(account).is_empty());
    market.fault("DELETE", &Value::Null);
    assert_eq!(kill(&home, true, &["--flatten"]).code, 0);
    assert_eq!(market.seen.positions(account).get("BTC"), None);
}
