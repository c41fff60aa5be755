//! Runs that make their signatures ahead (docs/signing.md).

use crate::bot::{Bot, Home};
use crate::trading::check;
use crate::venue::{Key, Market};
use botmm_pipeline::types::Side;
use serde_json::Value;
use std::fs;

const PRESIGNED: &str = "[general]\nsigning = \"presigned\"\n";

fn quoting<'a>(home: &'a Home, name: &str, market: &Market, master: &Key) -> Bot<'a> {
    fs::write(home.path().join("my.toml"), PRESIGNED).unwrap();
    let args = ["--config", "my.toml", "--symbols", "BTC", "--json"];
    let mut bot = home.start(name, home.command(&market.url(), &args));
    bot.until("resting orders", |_| market.seen.open_orders(master.address()) > 0);
    bot
}

fn signed(summary: &Value, how: &str) -> u64 {
    println!("{how}: {}", summary["signing"]);
    summary["signing"][how].as_u64().unwrap()
}

/// An order more in the journal than now: an action was signed, sent and taken.
fn goes_on(bot: &mut Bot<'_>, market: &Market, master: &Key) {
    let acted = |bot: &Bot<'_>| bot.lines(|l| ["place", "modify"].contains(&l.kind()));
    let before = acted(bot);
    bot.until("another action", |bot| acted(bot) > before);
    bot.until("resting orders", |_| market.seen.open_orders(master.address()) > 0);
}

#[test]
fn an_agent_signs_ahead_and_what_was_made_before_a_stop_is_not_used_after_it() {
    let (home, master) = (Home::new("signs ahead"), Key::of("signs ahead, master"));
    let market = Market::open(&[(&master, 10_000)]);
    market.seen.approve(&master, &home.key);
    let mut bot = quoting(&home, "run", &market, &master);
    goes_on(&mut bot, &market, &master);
    for _ in 0..2 {
        bot.signal("-STOP"); // Which nobody can catch.
        bot.until("a stop", Bot::is_stopped);
        assert_ne!(market.seen.take_btc(&master, Side::Bid, "0.0002"), "0");
        bot.signal("-CONT");
        goes_on(&mut bot, &market, &master);
    }
    let ended = bot.terminated();
    assert!(!ended.stderr.contains("refuses"), "{}", ended.stderr);
    let summary = check(&ended, &market.seen, master.address());
    assert!(signed(&summary, "presigned") > 0 && signed(&summary, "dropped") > 0);
}

/// The account's own key can withdraw: it is not risked for a few microseconds.
#[test]
fn an_accounts_own_key_signs_nothing_ahead() {
    let home = Home::new("signs not ahead");
    let market = Market::open(&[(&home.key, 10_000)]);
    fs::write(home.path().join("my.toml"), PRESIGNED).unwrap();
    let (line, code) = home.refused(home.command(&market.url(), &["--config", "my.toml"]));
    assert!(line.contains("takes an agent's key") && line.contains("docs/signing.md"), "{line}");
    assert_eq!(code, 3);
}
