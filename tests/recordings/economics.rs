//! What `botmm economics` says of a market that is known.

use crate::common::{Ended, botmm, number};
use tempfile::TempDir;

/// BTC's half spread is some 0.06 bps, ETH's 0.14 and SOL's 0.28, and a maker pays 1.5: for no hour of it and in no
/// coin does it pay, and it is said plainly.
pub fn it_does_not_pay_at_the_base_tier(recording: &str) {
    let dir = TempDir::new().unwrap();
    let command = botmm(dir.path(), &["economics", recording, "--json"]);
    let told = Ended::after(command).summary();
    let line = told["verdict"]["line"].as_str().unwrap();
    assert!(line.starts_with("DOES NOT PAY: "), "{line}");
    assert!(told["verdict"]["annual_pct"].is_null(), "{line}");
    for (coin, half_bps) in [("BTC", 0.06), ("ETH", 0.14), ("SOL", 0.28)] {
        let verdict = &told["verdict_by_coin"][coin];
        assert_eq!(verdict["answer"], "does not pay", "{}", verdict["line"]);
        let market = &told["market"][coin];
        let mean = number(&market["half_spread_bps"]["mean"]);
        assert!((mean - half_bps).abs() < 0.01, "{coin}: {mean}");
        assert!(number(&market["break_even_bps"]) > 1.5, "{market}");
        assert!(number(&market["offered_share"]) < 0.01, "{market}");
    }
    for cell in told["map"].as_array().unwrap() {
        let is_paid = number(&cell["maker_fee_bps"]) <= 0.0;
        assert!(is_paid || number(&cell["edge_bps"]) < 0.0, "{cell}");
    }
    // A faster feed is filled less.
    let fills = |feed: &str| {
        let rows = told["replays"].as_array().unwrap();
        let row = rows.iter().find(|r| r["feed"] == feed && r["queue"] == "risk_averse").unwrap();
        row["all"]["fills"].as_u64().unwrap()
    };
    assert!(fills("10ms") < fills("200ms") && fills("200ms") < fills("recorded"));
}
