//! `run --flatten`: an end without a position, however it comes, with what that costs.

use crate::bot::Home;
use crate::common::{journal, number};
use crate::venue::Market;
use botmm::journal::line::{Fill, Line};
use botmm_pipeline::types::Side;
use serde_json::json;

/// The fills of a run by which it took.
fn taken(home: &Home) -> Vec<Fill> {
    let lines = journal(&home.path().join("run/journal.jsonl"));
    let fills = lines.into_iter().filter_map(|line| match line {
        Line::Fill(fill) => Some(fill),
        _ => None,
    });
    fills.filter(|fill| fill.taker).collect()
}

#[test]
fn a_run_that_is_told_to_end_closes_what_it_holds_and_counts_the_takers_fee() {
    let home = Home::new("flat end");
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    assert_eq!(market.seen.take_btc(&home.key, Side::Ask, "0.08"), "0.08");
    let args = ["--symbols", "BTC", "--json", "--flatten"];
    let mut bot = home.start("run", home.command(&market.url(), &args));
    bot.until("resting orders", |_| market.seen.open_orders(account) > 0);
    let ended = bot.terminated();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let summary = ended.summary();
    assert_eq!(market.seen.open_orders(account), 0);
    assert!(number(&summary["position"]["BTC"]).abs() < 1e-12, "{summary:#}");
    assert_eq!(market.seen.positions(account).get("BTC"), None, "flat");
    assert!(ended.stderr.contains("BTC: bought "), "{}", ended.stderr);
    assert!(!ended.stderr.contains("order that is not ours"), "{}", ended.stderr);
    // In slices, and all of them in the numbers.
    let taken = taken(&home);
    let sum = |of: fn(&Fill) -> f64| taken.iter().map(of).sum::<f64>();
    let parse = |text: &str| text.parse::<f64>().unwrap();
    assert!(sum(|f| f.qty.parse().unwrap()) > 0.07, "{taken:?}");
    for fill in &taken {
        let fee = parse(&fill.px) * parse(&fill.qty) * 4.5e-4;
        assert!((parse(&fill.fee_usd) - fee).abs() < 1e-4, "{fill:?}");
    }
    assert!(number(&summary["fees_usd"]) >= sum(|f| f.fee_usd.parse().unwrap()) - 0.01);
    let notes = summary["assumptions"]["notes"].to_string();
    assert!(notes.contains("flat at the end: ") && notes.contains("fills as taker"), "{notes}");
    assert!(number(&summary["equity_residual_usd"]).abs() < 0.01, "{summary:#}");
}

/// The venue takes nothing but post-only orders for a while, as after an upgrade: that is waited out.
#[test]
fn a_venue_that_takes_nothing_for_a_while_is_waited_for() {
    let home = Home::new("flat later");
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    assert_eq!(market.seen.take_btc(&home.key, Side::Bid, "0.02"), "0.02");
    let args = ["--symbols", "BTC", "--json", "--flatten", "--within", "100"];
    let mut bot = home.start("run", home.command(&market.url(), &args));
    bot.until("resting orders", |_| market.seen.open_orders(account) > 0);
    market.fault("POST", &json!({ "kind": "post_only", "duration": "6s" }));
    let ended = bot.terminated();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let said = "no further than 100 bps from the mark";
    assert!(
        ended.stderr.contains(said) && ended.stderr.contains("Only post-only"),
        "{}",
        ended.stderr
    );
    assert!(number(&ended.summary()["equity_residual_usd"]).abs() < 0.01);
    assert_eq!(market.seen.positions(account).get("BTC"), None, "flat");
}

/// Without it positions stay, as ever; and a bound alone is a mistake.
#[test]
fn a_bound_without_flatten_is_refused() {
    let home = Home::new("bound alone");
    let command = home.command("http://127.0.0.1:1", &["--within", "20"]);
    let ended = home.start("refused", command).ended();
    assert!(ended.code == 2 && ended.stderr.contains("--flatten"), "{}", ended.stderr);
}
