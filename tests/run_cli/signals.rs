//! Every way to ask a run for its end, or to stop it for a while: none leaves an order, none ends
//! without a word.

use crate::bot::{Bot, Home};
use crate::trading::check;
use crate::venue::{Key, Market};
use botmm_pipeline::types::Side;
use std::fs;
use std::time::Duration;

/// A bot whose orders rest.
fn quoting<'a>(home: &'a Home, name: &str, market: &Market, more: &[&str]) -> Bot<'a> {
    let args = [&["--symbols", "BTC"], more].concat();
    let mut bot = home.start(name, home.command(&market.url(), &args));
    bot.until("resting orders", |_| market.seen.open_orders(home.key.address()) > 0);
    bot
}

#[test]
fn every_signal_that_asks_for_the_end_gets_a_good_one() {
    let home = Home::new("signals");
    let market = Market::open(&[(&home.key, 10_000)]);
    for signal in ["HUP", "QUIT", "XCPU", "INT", "TERM"] {
        let bot = quoting(&home, signal, &market, &["--json"]);
        bot.signal(&format!("-{signal}"));
        let ended = bot.ended();
        println!("{signal}: {} {}", ended.code, ended.stderr.lines().last().unwrap_or_default());
        check(&ended, &market.seen, home.key.address());
        // Who typed it, or told systemd, knows.
        let is_told = ended.stderr.contains(&format!("SIG{signal}: ending"));
        assert_eq!(is_told, !["INT", "TERM"].contains(&signal), "{}", ended.stderr);
    }
}

#[test]
fn signals_that_mean_nothing_end_nothing() {
    let home = Home::new("ignored");
    let market = Market::open(&[(&home.key, 10_000)]);
    let mut bot = quoting(&home, "run", &market, &["--json"]);
    for signal in ["-USR2", "-ALRM", "-XFSZ", "-VTALRM", "-PROF", "-IO"] {
        bot.signal(signal);
        std::thread::sleep(Duration::from_millis(50));
    }
    let before = bot.lines(|_| true);
    bot.until("more in the journal", |bot| bot.lines(|_| true) > before);
    check(&bot.terminated(), &market.seen, home.key.address());
}

#[test]
fn a_second_ctrl_c_says_what_is_waited_for_and_a_third_gives_up_in_words() {
    let (home, taker) = (Home::new("ctrl-c"), Key::of("another taker"));
    let market = Market::open(&[(&home.key, 10_000), (&taker, 1_000_000)]);
    let mut bot = quoting(&home, "run", &market, &[]);
    market.kill(); // So that the end takes a while.
    bot.until("the loss of the link", |bot| bot.has_said("order link lost"));
    bot.signal("-INT");
    std::thread::sleep(Duration::from_millis(300));
    bot.signal("-INT");
    bot.until("a warning", |bot| bot.has_said("again in 3 s to give up"));
    std::thread::sleep(Duration::from_millis(300));
    bot.signal("-INT");
    let ended = bot.ended();
    println!("{}: {}", ended.code, ended.stderr);
    assert_eq!(ended.code, 130);
    assert!(
        ended.stderr.contains("cancelling 4 orders; again in 3 s to give up"),
        "{}",
        ended.stderr
    );
    let last = ended.stderr.lines().last().unwrap();
    assert!(last.contains("gave up: 4 orders may still rest at the venue (BTC)"), "{last}");
    assert!(last.contains("cancel them on the venue's page now"), "{last}");
}

#[test]
fn ctrl_z_cancels_then_stops_and_goes_on_when_it_is_let() {
    let home = Home::new("ctrl-z");
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    let mut bot = quoting(&home, "run", &market, &["--json"]);
    // The other two are what a shell's job in the background is stopped by.
    for signal in ["-TSTP", "-TTIN", "-TTOU", "-TSTP"] {
        bot.signal(signal);
        bot.until("a stop", |bot| bot.is_stopped());
        assert_eq!(market.seen.open_orders(account), 0, "stopped with orders at the venue");
        // The venue goes on meanwhile; nothing of the bot's is in the market.
        assert_ne!(market.seen.take_btc(&home.key, Side::Bid, "0.0002"), "0");
        bot.signal("-CONT");
        bot.until("resting orders again", |_| market.seen.open_orders(account) > 0);
    }
    let ended = bot.terminated();
    assert!(ended.stderr.contains("stopped: no order of ours rests"), "{}", ended.stderr);
    assert!(ended.stderr.contains("goes on after"), "{}", ended.stderr);
    assert_eq!(market.seen.open_orders(account), 0);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[test]
fn a_terminal_that_takes_nothing_holds_nothing_up() {
    let home = Home::new("hangs");
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    // A terminal that takes nothing: a pipe that is full, and that nobody reads.
    let (reader, writer) = std::io::pipe().unwrap();
    let full = writer.try_clone().unwrap();
    std::thread::spawn(move || {
        use std::io::Write as _;
        let _ = (&full).write_all(&vec![b'x'; 1 << 20]); // Ends with an error, when it is closed.
    });
    std::thread::sleep(Duration::from_millis(200));
    let mut command = home.command(&market.url(), &["--symbols", "BTC"]);
    fs::create_dir(home.path().join("hung")).unwrap();
    let said = fs::File::create(home.path().join("hung/stderr")).unwrap();
    command.args(["--out", "hung"]).stdout(writer).stderr(said);
    let mut bot = Bot::adopt(&home, "hung", command.spawn().unwrap());
    drop(command);
    bot.until("resting orders", |_| market.seen.open_orders(account) > 0);
    let ended = bot.terminated();
    drop(reader);
    println!("{}: {}", ended.code, ended.stderr);
    assert_eq!(market.seen.open_orders(account), 0);
    assert!(!ended.stderr.contains("the side thread"), "{}", ended.stderr);
    assert!(ended.stderr.contains("nobody takes what is said there"), "{}", ended.stderr);
    let summary = fs::read_to_string(home.path().join("hung/summary.json")).unwrap();
    assert!(summary.contains("\"orders\""), "{summary}");
    assert_eq!(ended.code, 5);
}
