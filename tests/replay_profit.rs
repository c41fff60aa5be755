//! Where a replay says that its profit comes from: sums to the last digit, against its own journal.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod command;

use botmm_pipeline::types::{Px, Qty, Usd, notional};
use command::{Ended, exact, journal, number};
use serde_json::Value;
use tempfile::TempDir;

fn sample() -> String {
    command::sample().to_str().unwrap().to_owned()
}

/// Replays a path in a folder of its own.
fn replay(path: &str, more: &[&str]) -> (TempDir, Ended) {
    let dir = TempDir::new().unwrap();
    let ended = Ended::of(dir.path(), &[&["replay", path], more].concat());
    (dir, ended)
}

fn coins(summary: &Value) -> Vec<&String> {
    summary["position"].as_object().unwrap().keys().collect()
}

#[test]
fn where_the_profit_comes_from_adds_up_to_the_last_digit() {
    for path in [Some(sample()), command::real("l2_2025-09-04_1946")].into_iter().flatten() {
        let (dir, ended) = replay(&path, &["--json", "--out", "out"]);
        let summary = ended.summary();
        let usd = |keys: &[&str]| exact(&ended.stdout, keys);
        let split = |key: &str| usd(&["pnl_split", key]);
        let lines = journal(&dir.path().join("out/journal.jsonl"));
        for (h, after_s) in [("1s", 1), ("5s", 5), ("30s", 30), ("60s", 60)] {
            let adverse = usd(&["pnl_split", "adverse_selection_usd", h]);
            let drift = usd(&["pnl_split", "inventory_drift_usd", h]);
            let gross = split("spread_captured_usd") + adverse + drift;
            assert_eq!(gross, usd(&["gross_pnl_usd"]), "{path} {h}");
            assert_eq!(gross - split("fees_usd") - split("funding_usd"), usd(&["net_pnl_usd"]));
            let told: Vec<_> = lines.iter().filter(|l| l["after_s"] == after_s).collect();
            assert_eq!(told.iter().map(|l| moved(l, "mid_at_fill")).sum::<Usd>(), adverse, "{h}");
            for coin in coins(&summary) {
                for (side, word) in [("bid", "buy"), ("ask", "sell")] {
                    let at: &[&str] = &["markouts", coin, side, h, "usd"];
                    let of = |l: &&&Value| l["coin"] == **coin && l["side"] == word;
                    assert_eq!(
                        told.iter().filter(of).map(|l| moved(l, "px")).sum::<Usd>(),
                        usd(at)
                    );
                    let counted = &summary["markouts"][coin][side][h]["fills"];
                    assert_eq!(told.iter().filter(of).count() as u64, counted.as_u64().unwrap());
                }
            }
        }
        for key in ["volume_usd", "gross_pnl_usd", "fees_usd", "net_pnl_usd"] {
            let parts = coins(&summary).into_iter().map(|coin| usd(&["by_symbol", coin, key]));
            assert_eq!(parts.sum::<Usd>(), usd(&[key]), "{path} {key}");
        }
        let days = summary["metrics"]["daily_pnl_usd"].as_object().unwrap();
        let days = days.keys().map(|day| usd(&["metrics", "daily_pnl_usd", day]));
        assert_eq!(days.sum::<Usd>(), usd(&["net_pnl_usd"]), "{path}");
    }
}

/// What the market moved for us since `from`, by a line of the journal.
fn moved(line: &Value, from: &str) -> Usd {
    let px = |key: &str| Px::parse(line[key].as_str().unwrap()).unwrap();
    let value = notional(px("mid") - px(from), Qty::parse(line["qty"].as_str().unwrap()).unwrap());
    if line["side"] == "buy" { value } else { -value }
}

#[test]
fn counts_and_rates_are_those_of_the_run_and_nothing_is_annualised() {
    let s = replay(&sample(), &["--json"]).1.summary();
    let m = &s["metrics"];
    let count = |key: &str| -> u64 {
        let symbols = s["by_symbol"].as_object().unwrap().values();
        symbols.map(|symbol| symbol[key].as_u64().unwrap()).sum()
    };
    let (fills, sent) =
        (s["fills"].as_u64().unwrap(), number(&s["orders"]) + number(&s["modifies"]));
    assert!(fills > 0 && fills == count("fills") && sent as u64 == count("quotes"), "{s:#}");
    let near = |value: &Value, expected: f64| {
        assert!((number(value) - expected).abs() < 1e-9, "{value} is not {expected}");
    };
    near(&m["fill_rate"], fills as f64 / sent);
    near(&m["actions_per_fill"], (sent + number(&s["cancels"])) / fills as f64);
    near(&m["turnover"], number(&s["volume_usd"]) / 10_000.0);
    assert!((0.0..1.0).contains(&number(&m["time_at_limit"])), "{m:#}");
    assert!(number(&m["volume_fill_rate"]) > 0.0 && number(&m["max_drawdown_usd"]) > 0.0, "{m:#}");
    assert_eq!(m["partial_days"].as_array().unwrap().len(), 1, "a few minutes are no day");
    assert!(m["sharpe"].is_null(), "{m:#}");
    assert!(m["sharpe_note"].as_str().unwrap().contains("under 7 whole UTC days"), "{m:#}");
    let text = replay(&sample(), &[]).1.stdout;
    assert!(text.contains("Where it came from") && !text.contains("Sharpe"), "{text}");
}
