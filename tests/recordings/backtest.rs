//! A backtest of a recording, in whatever form that is.

use crate::common::{Ended, botmm};
use serde_json::Value;
use std::fs;
use tempfile::TempDir;

/// As it lies, compiled, and exported: one decision hash, which is that of a replay.
pub fn a_backtest_decides_the_same_in_every_form(path: &str) {
    let dir = TempDir::new().unwrap();
    let root = dir.path();
    let run = |args: &[&str]| {
        let mut command = botmm(root, args);
        command.env("BOTMM_TAPES", root.join("tapes"));
        let ended = Ended::after(command);
        assert_eq!(ended.code, 0, "{args:?}: {}", ended.stderr);
        ended
    };
    let rules = ["--rules", "replay", "--queue", "risk_averse"];
    let decided = |path: &str, out: &str| -> Vec<Value> {
        run(&[&["backtest", path, "--out", out], &rules[..]].concat());
        let results = fs::read(root.join(out).join("results.json")).unwrap();
        let results: Value = serde_json::from_slice(&results).unwrap();
        let row = &results["rows"][0];
        assert!(row["fills"].as_u64() > Some(0), "{row:#}");
        ["decision_hash", "net_usd"].map(|key| row["tasks"][0][key].clone()).to_vec()
    };
    let raw = decided(path, "raw");
    // What was read is a tape by now.
    assert_eq!(decided(path, "tape"), raw);
    for format in ["csv", "parquet"] {
        run(&["export", path, "--format", format, "--out", format]);
        assert_eq!(decided(format, &format!("as-{format}")), raw, "{format}");
    }
    let replayed = run(&[&["replay", path, "--json"], &rules[..]].concat()).summary();
    assert_eq!(raw, [replayed["decision_hash"].clone(), replayed["net_pnl_usd"].clone()]);
}
