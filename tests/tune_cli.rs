//! `botmm tune`: the tuner against no tuning on one market, its log, and back by a change.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{Ended, has, sample};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// The made-up recording lasts two minutes.
const JUDGE: [&str; 5] = ["--every", "20s", "--window", "90s", "--json"];

fn judged(dir: &Path) -> Value {
    let recording = sample().display().to_string();
    let ended = Ended::of(dir, &[&["tune", "--judge", &recording], &JUDGE[..]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.summary()
}

#[test]
fn a_shadow_run_compares_the_tuner_with_none_and_keeps_what_it_found() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let mut first = judged(dir);
    let kept = fs::read(dir.join("data/tuned_params.verdict.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&kept).unwrap(), first);
    let changes = first["changes"].as_u64().unwrap();
    assert!((1..=10).contains(&changes), "few orders fill there, so it turns: {first:#}");
    assert_eq!((first["every_s"].as_f64(), first["window_s"].as_f64()), (Some(20.0), Some(90.0)));
    // Without the tuner it is a replay like any.
    let recording = sample().display().to_string();
    let plain = Ended::of(dir, &["replay", &recording, "--json"]).summary();
    let net = |value: &Value| value.to_string().parse::<f64>().unwrap();
    assert!((net(&first["net_usd"][0]) - net(&plain["net_pnl_usd"])).abs() < 1e-7, "{first:#}");
    assert_eq!(first["fills"][0], plain["fills"]);
    let [low, high] = [0, 1].map(|i| first["gain_interval_usd"][i].as_f64().unwrap());
    let gain = net(&first["net_usd"][1]) - net(&first["net_usd"][0]);
    // Few changes license nothing, whatever they brought.
    assert!(low <= high && first["is_better"] == json!(low > 0.0 && changes >= 10), "{first:#}");
    assert!(gain.is_finite(), "{first:#}");
    // The same again; only the moment is another.
    let mut second = judged(dir);
    first["time"].take();
    second["time"].take();
    assert_eq!(first, second);
    let told = Ended::of(dir, &["tune", "--judge", &recording, "--every", "1h"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    has(
        &told.stdout,
        &["it changed nothing on this market", "without it", "with it", "gain", "changes      0"],
    );
    let none = Ended::of(dir, &["tune", "--judge", "nowhere"]);
    assert_eq!(none.code, 5, "{}", none.stderr);
    assert!(!dir.join("data/tuned_params.json").exists(), "a shadow run sets nothing");
}

#[test]
fn the_log_is_shown_and_a_change_is_taken_back() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let none = Ended::of(dir, &["tune"]);
    assert_eq!(none.code, 5);
    has(&none.stderr, &["no judgement yet", "tuner.mode"]);
    let entry = json!({
        "time": "2026-11-30T04:00:00Z", "coin": "ETH", "what": "judged",
        "evidence": {"fills": 12, "orders": 400, "net_usd": -1.5, "t": -2.25, "max_share": 0.4, "fall_of_limit": 0.1},
        "steps": [{"knob": "spread", "factor": 0.9, "why": "3.0 % of orders filled"}],
        "before": {}, "after": {"min_spread_bps": 1.8}, "is_applied": true,
    });
    fs::create_dir(dir.join("data")).unwrap();
    fs::write(dir.join("data/tuned_params.log.jsonl"), format!("{entry}\n")).unwrap();
    fs::write(dir.join("data/tuned_params.json"), "{\"ETH\": {\"min_spread_bps\": 1.8}}").unwrap();
    let told = Ended::of(dir, &["tune", "--history"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let parts = [
        "2026-11-30T04:00:00Z  ETH: min_spread_bps as it began → 1.8 (3.0 % of orders filled)",
        "12 fills of 400 orders, worth -1.50 USD a minute later after fees (t -2.2)",
    ];
    has(&told.stdout, &parts);
    let back = Ended::of(dir, &["tune", "--rollback", "--json"]);
    assert_eq!(back.code, 0, "{}", back.stderr);
    assert_eq!(back.summary()[0]["undoes"], "2026-11-30T04:00:00Z");
    assert_eq!(fs::read_to_string(dir.join("data/tuned_params.json")).unwrap().trim(), "{}");
    let again = Ended::of(dir, &["tune", "--rollback"]);
    assert_eq!(again.code, 5);
    has(&again.stderr, &["no change to go back by"]);
    has(&Ended::of(dir, &["tune"]).stdout, &["went back"]);
    fs::write(dir.join("data/tuned_params.log.jsonl"), "torn").unwrap();
    let torn = Ended::of(dir, &["tune"]);
    assert_eq!(torn.code, 5);
    has(&torn.stderr, &["tuned_params.log.jsonl:1", "mend it, or remove it"]);
    for args in [["tune", "--rollback", "--history"], ["tune", "--every", "4h"]] {
        assert_eq!(Ended::of(dir, &args).code, 2, "{args:?}");
    }
}
