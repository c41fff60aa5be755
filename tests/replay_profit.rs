//! What a replay counts. Where it says that its profit comes from is tested with the recordings.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{Ended, number, replay};
use serde_json::Value;
use tempfile::TempDir;

fn sample() -> String {
    common::sample().to_str().unwrap().to_owned()
}

#[test]
fn counts_and_rates_are_those_of_the_run_and_nothing_is_annualised() {
    let s = replay(&sample(), &[]).summary();
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
    let dir = TempDir::new().unwrap();
    let text = Ended::of(dir.path(), &["replay", &sample()]).stdout;
    assert!(text.contains("Where it came from") && !text.contains("Sharpe"), "{text}");
}
