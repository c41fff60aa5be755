//! Two bots on one account, each with a state folder of its own.

use crate::bot::Home;
use crate::trading::check;
use crate::venue::Market;
use botmm::journal::line::Line;

#[test]
fn the_second_of_two_refuses_and_leaves_the_first_alone() {
    let (home, other) = (Home::new("two on one"), Home::new("two on one"));
    let account = home.key.address();
    let market = Market::open(&[(&home.key, 10_000)]);
    let url = market.url();
    // One that acts all the time: its spread follows each breath of the volatility.
    let config = "[defaults.quote]\nrequote_min_ms = 200\nrequote_threshold_bps = 0.01\n\
                  vol_multiplier = 20\n";
    std::fs::write(home.path().join("my.toml"), config).unwrap();
    let args = ["--symbols", "BTC", "--json", "--config", "my.toml"];
    let mut first = home.start("run", home.command(&url, &args));
    first.until("resting orders", |_| market.seen.open_orders(account) > 0);

    let second = other.start("run", other.command(&url, &["--symbols", "BTC"])).ended();
    assert!(second.stderr.contains("another process trades on this account"), "{}", second.stderr);
    assert_eq!(second.code, 6, "nobody may start it again by itself");
    assert!(second.stdout.contains("orders 0") || second.stdout.contains("net PnL"));
    let acts = |first: &crate::bot::Bot<'_>| {
        first.orders() + first.lines(|line| matches!(line, Line::Modify(_) | Line::Cancel(_)))
    };
    let before = acts(&first);
    first.until("the first to trade on", |bot| acts(bot) > before + 3);
    assert!(!first.has_said("another process"), "the second has done nothing");

    // On another coin, and told to.
    let args = ["--symbols", "ETH", "--allow-other-session"];
    let mut third = other.start("third", other.command(&url, &args));
    third.until("its orders", |bot| bot.orders() > 0);
    first.until("word of it", |bot| bot.has_said("another process has begun to trade"));
    let ended = third.terminated();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let before = acts(&first);
    first.until("the first to trade on", |bot| acts(bot) > before + 3);
    check(&first.terminated(), &market.seen, account);
}
