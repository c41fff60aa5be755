//! Runs that trade.

use crate::bot::{Home, assert_no_trace};
use crate::common::{Ended, check_sound, spawnable};
use crate::server::wait;
use crate::venue::{Key, Market, Seen};
use botmm::journal::line::Line;
use botmm::settings::Settings;
use botmm_pipeline::types::{Instrument, Side};
use botmm_pipeline::venue::hl::sign::Address;
use serde_json::Value;
use std::fs;
use std::process::Child;

/// A summary that adds up, of a run that traded and left nothing behind at the venue.
pub fn check(ended: &Ended, venue: &Seen, account: Address) -> Value {
    let summary = ended.summary();
    check_sound(&summary);
    assert!(summary["orders"].as_u64().unwrap() > 0, "{summary:#}");
    let notes = summary["assumptions"]["notes"].to_string();
    assert!(!notes.contains("our position") && !notes.contains("compared"), "{notes}");
    let held = venue.positions(account);
    for (coin, ours) in summary["position"].as_object().unwrap() {
        let theirs = held.get(coin).map_or("0", String::as_str);
        assert_eq!(ours.to_string().trim_matches('"').parse::<f64>(), theirs.parse(), "{coin}");
    }
    assert_eq!(venue.open_orders(account), 0);
    summary
}

/// What is said of a run that no guard looks after.
const NO_GUARD: &str = "guard: not armed: no key (BOTMM_GUARD_KEY)";

/// The `exchange` verb, in a process of its own.
struct Exchange(Child);

impl Drop for Exchange {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_account_trades_with_its_own_key_and_is_warned() {
    let (home, taker) = (Home::new("own key"), Key::of("a taker"));
    let account = home.key.address();
    let said = fs::File::create(home.path().join("exchange")).unwrap();
    let funded = [format!("{account}=10000"), format!("{}=100000000", taker.address())];
    let args = ["exchange", "--listen", "127.0.0.1:0", "--seed", "3"];
    let args = [&args[..], &["--fund", &funded[0], "--fund", &funded[1]]].concat();
    let mut exchange = spawnable(home.path(), &args);
    exchange.stdout(said.try_clone().unwrap()).stderr(said);
    let _exchange = Exchange(exchange.spawn().unwrap());
    let url = wait("the exchange to listen", || {
        let said = fs::read_to_string(home.path().join("exchange")).unwrap();
        Some(said.split_once("listening on ")?.1.split_once('\n')?.0.to_owned())
    });
    let venue = Seen::new(&url);
    // What it holds before is its opening position.
    assert_eq!(venue.take_btc(&home.key, Side::Bid, "0.002"), "0.002");
    let mut bot = home.start("run", home.command(&url, &["--for", "6s", "--json"]));
    bot.until("an order of BTC", |bot| {
        bot.lines(|l| matches!(l, Line::Place(a) if a.coin.as_deref() == Some("BTC"))) > 0
    });
    // A seller who takes every bid down to ours.
    bot.until("a fill", |bot| {
        venue.take_btc(&taker, Side::Ask, "40");
        bot.lines(|line| line.kind() == "fill") > 0
    });
    let ended = bot.ended();
    assert!(ended.stderr.contains("warning: this is the account's own key"), "{}", ended.stderr);
    assert!(ended.stderr.contains(NO_GUARD), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 2, "{}", ended.stderr);
    let summary = check(&ended, &venue, account);
    assert_eq!(summary["assumptions"]["market"], "test");
    // What the account is worth after that purchase.
    let capital = summary["assumptions"]["capital_usd"].as_f64().unwrap();
    assert!((9_900.0..10_000.0).contains(&capital), "{capital}");
    assert_eq!(summary["transfers_usd"], 0);
    assert!(summary["span_s"].as_f64().unwrap() >= 6.0);
    assert!(summary["fills"].as_u64().unwrap() > 0);
    let kept = |name: &str| fs::read_to_string(home.path().join("run").join(name)).unwrap();
    assert_eq!(kept("summary.json"), ended.stdout);
    assert!(home.path().join(format!("state/{account}.json")).exists());
    assert_no_trace(&home.key, home.path()); // What the exchange has said included.
}

#[test]
fn an_agent_trades_for_its_account_named_or_not() {
    let (home, master) = (Home::new("agent"), Key::of("agent's master"));
    let market = Market::open(&[(&master, 10_000)]);
    market.seen.approve(&master, &home.key);
    for wallet in [None, Some(master.address())] {
        let name = if wallet.is_some() { "named" } else { "unnamed" };
        let mut command = home.command(&market.url(), &["--for", "2s", "--json"]);
        command.envs(wallet.map(|address| ("HL_WALLET_ADDRESS", address.to_string())));
        let ended = home.start(name, command).ended();
        assert!(ended.stderr.contains(NO_GUARD), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "nothing else to warn of: {}", ended.stderr);
        check(&ended, &market.seen, master.address());
    }
}

#[test]
fn coins_are_those_that_the_venue_lists() {
    let home = Home::new("coins");
    let market = Market::open(&[(&home.key, 10_000)]);
    let mut command = home.command(&market.url(), &["--for", "1s", "--json"]);
    command.env("MM_SYMBOLS", "BTCUSDT,eth-perp,KPEPE");
    let summary = check(&home.start("run", command).ended(), &market.seen, home.key.address());
    let coins: Vec<_> = summary["position"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(coins, ["BTC", "ETH", "kPEPE"]);

    for (typed, near) in [("BTC,KPEP", "did you mean kPEPE?"), ("DOGE", "kPEPE")] {
        let mut command = home.command(&market.url(), &[]);
        command.env("MM_SYMBOLS", typed);
        let (line, code) = home.refused(command);
        assert!(line.contains("MM_SYMBOLS") && line.contains("unknown coin"), "{line}");
        assert!(line.contains(near), "{line}");
        assert_eq!(code, 3);
    }
    let (line, code) = home.refused(home.command(&market.url(), &["--symbols", "BTCC"]));
    assert!(line.contains("--symbols") && line.contains("did you mean BTC?"), "{line}");
    assert_eq!(code, 2, "it was typed just now");
}

#[test]
fn one_process_a_key_and_sigterm_leaves_no_order() {
    let home = Home::new("two processes");
    let market = Market::open(&[(&home.key, 10_000)]);
    let mut first = home.start("first", home.command(&market.url(), &["--json"]));
    first.until("orders", |bot| bot.orders() > 0);
    let (line, code) = home.refused(home.command(&market.url(), &["--for", "1s"]));
    assert!(line.contains("another botmm runs with this key"), "{line}");
    assert!(line.contains(&home.key.address().to_string()), "which key: {line}");
    assert_eq!(code, 5);
    let before = first.lines(|_| true);
    first.until("more of the first", |bot| bot.lines(|_| true) > before + 3);
    first.until("resting orders", |_| market.seen.open_orders(home.key.address()) > 0);
    let ended = first.terminated();
    let summary = check(&ended, &market.seen, home.key.address());
    assert!(summary["cancels"].as_u64().unwrap() > 0, "what rested was cancelled");
    // Its state is free again, and its order ids and nonces are not used twice.
    let again = home.start("again", home.command(&market.url(), &["--for", "1s", "--json"]));
    check(&again.ended(), &market.seen, home.key.address());
}

/// Nothing here knows the coin: what the venue lists and what a person names are enough.
#[test]
fn a_coin_that_is_new_at_the_venue_is_traded_by_its_name_alone() {
    let home = Home::new("new coin");
    let known = Settings::load(None, &|_| None).unwrap();
    assert!(known.instrument("BRANDNEW").is_none());
    let new = Instrument::new("BRANDNEW", 0, 1, 3).unwrap();
    let market = Market::listing([new, known.instrument("BTC").unwrap()], &[(&home.key, 10_000)]);
    let config = "[general]\nsymbols = [\"BRANDNEW\"]\n[defaults.quote]\nfee_floor = false\n";
    fs::write(home.path().join("my.toml"), config).unwrap();
    let args = ["--config", "my.toml", "--json"];
    let mut bot = home.start("run", home.command(&market.url(), &args));
    bot.until("resting orders", |_| market.seen.open_orders(home.key.address()) > 0);
    let summary = check(&bot.terminated(), &market.seen, home.key.address());
    let coins: Vec<_> = summary["position"].as_object().unwrap().keys().collect();
    assert_eq!(coins, ["BRANDNEW"]);
}
