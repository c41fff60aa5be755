use super::*;
use crate::report::backtest::sealed;
use serde_json::{Value, json};
use tempfile::TempDir;

const BTC: &str = "B<b>TC";

fn row(id: &str, set: &str, queue: &str, net: f64, [low, high]: [f64; 2]) -> Value {
    json!({"id": id, "set": set, "params": {}, "coins": [BTC], "days": ["d1"], "from": "2026-11-22T00:00:00Z",
        "to": "2026-11-22T01:00:00Z", "span_s": 3600.0, "queue": queue, "feed": "50ms", "latency": "50ms",
        "rules": "venue", "fee": "configured", "fee_bps": 1.5, "seed": 1, "events": 10, "decisions": 5, "fills": 20,
        "volume_usd": 2000.0, "gross_usd": net + 3.0, "fees_usd": 3.0, "funding_usd": 0, "net_usd": net,
        "net_interval": {"level": 0.95, "low_usd": low, "high_usd": high, "t": -1.0, "draws": 1000, "mean_block": 5.0,
            "samples": 60},
        "max_drawdown_usd": 2.5, "sharpe": null, "sharpe_note": "nothing under 7 whole UTC days is annualised",
        "position_usd": {}, "residual_usd": 0, "halted": [], "warnings": [], "notes": ["estimates"],
        "tasks": [{"id": id, "days": ["d1"], "decision_hash": "00ab", "net_usd": net, "config_sha256": "cd"}]})
}

fn results(rows: &[Value]) -> Value {
    let in_band = |net: f64| json!({"id": "x", "fills": 20, "net_usd": net});
    json!({"kind": "backtest", "version": 1, "botmm": "0.1.0", "binary_sha256": "aa", "plan_sha256": "bb",
        "days": [{"name": "d1", "from": "a", "to": "b", "files": [{"name": "books.csv", "sha256": "ff00"}]}],
        "gaps": [], "flat_days": false, "sample_every_s": 1.0, "replays": 2, "missing": 0, "sets_tried": 2,
        "sets_distinct": 2, "rung": null, "rows": rows,
        "bands": [{"set": "s=1", "coins": [BTC], "feed": "50ms", "latency": "50ms", "fee": "configured",
            "by_queue": {"risk_averse": in_band(-2.0), "prob_power:3": in_band(-1.0)}, "low_usd": -2.0,
            "high_usd": -1.0}],
        "best": [{"id": "ab12", "set": "s=1", "coins": [BTC], "queue": "prob_power:3", "feed": "50ms",
            "latency": "50ms", "fee": "configured", "net_usd": -1.0, "is_above_zero": false, "sets_tried": 2,
            "deflated_sharpe": null, "deflated_sharpe_note": "too few days", "overfit_probability": 0.5,
            "overfit_note": null}],
        "walk_forward": []})
}

/// A folder with two rows, and the file of the better one's replay.
fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let rows = [
        row("cd34", "s=1", "risk_averse", -2.0, [-4.0, 0.5]),
        row("ab12", "s=1", "prob_power:3", -1.0, [-3.0, 1.0]),
    ];
    std::fs::write(dir.path().join(RESULTS), results(&rows).to_string()).unwrap();
    std::fs::create_dir(dir.path().join("tasks")).unwrap();
    let outcome = json!({"task": {}, "totals": {},
        "samples": {"time_ms": [1_795_369_500_000_i64, 1_795_369_501_000_i64, 1_795_369_502_000_i64],
            "gross_usd": [0, 1.5, 2.0], "fees_usd": [0, 1.0, 3.0], "funding_usd": [0, 0, 0],
            "held_usd": [0, 100.0, 50.5], "fills": [0, 10, 20], "volume_usd": [0, 1000, 2000]},
        "summary": {"fills": 20, "fills_by_cause": {"traded_through": {"fills": 20, "volume_usd": 2000}},
            "pnl_split": {"spread_captured_usd": 4.0, "adverse_selection_usd": {"5s": -1.25}},
            "markouts": {BTC: {"bid": {"5s": {"fills": 9, "volume_usd": 1000, "usd": 0.1}}}}}});
    let outcome = serde_json::value::to_raw_value(&outcome).unwrap();
    std::fs::write(dir.path().join("tasks/ab12.json"), sealed(&outcome).unwrap()).unwrap();
    dir
}

fn figure<'a>(page: &'a Page, id: &str) -> &'a Figure {
    page.figures.iter().find(|f| f.id == id).unwrap()
}

#[test]
fn a_backtest_says_that_nothing_is_above_zero_and_takes_its_least_doubtful_row_apart() {
    let page = page(folder().path()).unwrap();
    assert_eq!(
        page.verdict,
        "None of 2 rows has a net above zero with 95 %; the least doubtful is a loss of 1.00 USD (95 %: -3.00 to 1.00) \
         after 3.00 USD of fees, from 20 fills in 1 h 0 m."
    );
    assert!(page.is_loss && page.warnings.is_empty(), "{:?}", page.warnings);
    let said = page.sentences.join(" ");
    for part in [
        "best of 2 sets",
        "over-fitting 0.50",
        "deflated Sharpe ratio – (too few days)",
        "20.00 bps better",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    assert!(page.causes[0].starts_with("Fees: cost 3.00 USD"), "{:?}", page.causes);
    assert!(page.causes[1].starts_with("Adverse selection: cost 1.25 USD"), "{:?}", page.causes);
    let rows = figure(&page, "rows").table.as_ref().unwrap();
    let nets: Vec<String> = rows.rows.iter().map(|row| row[3].shown()).collect();
    assert_eq!(nets, ["-1.00 [-3.00, 1.00]", "-2.00 [-4.00, 0.50]"]);
    let equity = &figure(&page, "equity").charts[0].numbers;
    let last: Vec<String> =
        equity.rows.iter().map(|r| format!("{} {}", r[0].shown(), r[5].shown())).collect();
    assert_eq!(last, ["net -1.000", "gross 2.000", "fees -3.000", "funding 0.000"]);
    let band = &figure(&page, "queue").charts[0].numbers.rows[0];
    assert_eq!([band[1].shown(), band[2].shown()], ["-2.000", "-1.000"]);
    for id in ["rows", "queue", "split", "equity", "drawdown", "inventory", "markouts", "fills"] {
        assert!(figure(&page, id).charts.iter().all(|chart| !chart.is_empty()), "{id}");
        assert!(!figure(&page, id).charts.is_empty(), "{id}");
    }
    assert!(figure(&page, "walk").absent.is_some());
    let html = page.to_html();
    assert!(html.contains("B&lt;b&gt;TC") && !html.contains(BTC), "a coin became markup");
    let dir = folder();
    let twice = [0, 1].map(|_| super::page(dir.path()).unwrap().to_html());
    assert_eq!(twice[0], twice[1]);
}

#[test]
fn what_is_missing_or_wrong_is_told() {
    let dir = folder();
    let path = dir.path().join("tasks/ab12.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("100.0", "900.0")).unwrap();
    assert_eq!(
        page(dir.path()).unwrap().warnings,
        ["The replay ab12 is not in the charts: damaged: its hash is another."]
    );
    std::fs::remove_file(path).unwrap();
    let page_ = page(dir.path()).unwrap();
    assert!(
        page_.warnings[0].starts_with("The replay ab12 is not in the charts: "),
        "{:?}",
        page_.warnings
    );
    assert!(
        figure(&page_, "equity").absent.is_some() && figure(&page_, "markouts").absent.is_some()
    );
    let put = |value: Value| std::fs::write(dir.path().join(RESULTS), value.to_string()).unwrap();
    put(results(&[]));
    assert!(page(dir.path()).unwrap().verdict.contains("says nothing about profit"));
    let mut evil = row("../../x", "s", "q", 1.0, [0.5, 2.0]);
    evil["halted"] = json!(["daily loss"]);
    put(results(&[evil]));
    let page_ = page(dir.path()).unwrap();
    assert!(page_.verdict.starts_with("1 of 1 rows have a net above zero"), "{}", page_.verdict);
    let warned = page_.warnings.join(" ");
    assert!(
        warned.contains("no id of a replay") && warned.contains("halted by a limit"),
        "{warned}"
    );
    for (wrong, why) in [
        (json!({"kind": "backtest", "version": 2}), "of version 2"),
        (json!({"kind": "economics", "version": 1}), "not of a backtest"),
        (json!([1]), "not the result of a backtest"),
    ] {
        put(wrong);
        let error = page(dir.path()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}
