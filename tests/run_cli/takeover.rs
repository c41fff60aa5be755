//! What was done to the account while no bot ran is told by the next one, in a line a coin.

use crate::bot::Home;
use crate::common::journal;
use crate::venue::Market;
use botmm::journal::line::Line;
use botmm_pipeline::types::Side;
use std::fs;

const WORDS: &str = "what the last run believed";

#[test]
fn what_changed_while_it_was_down_is_told_with_what_each_says() {
    let home = Home::new("taken over");
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    let url = market.url();
    // Runs until it quotes; what it says of the account it found, in its journal and to a person.
    let run = |name: &str| {
        let mut bot = home.start(name, home.command(&url, &["--symbols", "BTC,ETH"]));
        bot.until("a quote of this run", |bot| bot.orders() > 0);
        let ended = bot.terminated();
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let of_coin = |line: Line| match line {
            Line::Alert(alert) if alert.alert.contains(WORDS) => {
                assert_eq!(alert.coin.as_deref(), Some("BTC"));
                Some(alert.alert)
            }
            _ => None,
        };
        let lines = journal(&home.path().join(name).join("journal.jsonl"));
        let told: Vec<String> = lines.into_iter().filter_map(of_coin).collect();
        assert_eq!(ended.stderr.matches(WORDS).count(), told.len(), "{}", ended.stderr);
        told
    };
    let held = || market.seen.positions(account).get("BTC").cloned().unwrap_or("0".to_owned());
    assert_eq!(run("first"), [""; 0], "nobody was there before");
    assert_eq!(run("second"), [""; 0], "all agree");

    // A position changed by hand.
    let before = held();
    market.seen.take_btc(&home.key, Side::Bid, "0.003");
    let now = held();
    let told = run("third");
    assert_eq!(told.len(), 1, "{told:?}");
    for words in [
        format!("the venue says {now} and 0 orders now"),
        format!("was {before} and 0 orders, its journal ("),
        "second, whole, until 20".to_owned(),
        "the venue's is taken".to_owned(),
    ] {
        assert!(told[0].contains(&words), "{words}: {told:?}");
    }

    // An order left resting, of a run that is long gone. The next one cancels it.
    market.seen.bid_as_run(&home.key, 7);
    let told = run("fourth");
    assert!(told.len() == 1 && told[0].contains(" and 1 orders now"), "{told:?}");
    assert_eq!(market.seen.open_orders(account), 0);

    // A journal that was cut, and what came after it.
    let path = home.path().join("fourth/journal.jsonl");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 30]).unwrap();
    assert_eq!(run("fifth"), [""; 0], "what is left of it agrees");
    let path = home.path().join("fifth/journal.jsonl");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 30]).unwrap();
    market.seen.take_btc(&home.key, Side::Ask, "0.002");
    let told = run("sixth");
    assert!(told.len() == 1 && told[0].contains("fifth, cut within a line"), "{told:?}");
}
