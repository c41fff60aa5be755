//! The command that makes a page of a run.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use botmm_pipeline::types::Usd;
use common::{Ended, number};
use serde_json::Value;
use std::fs;
use tempfile::TempDir;

fn replayed() -> TempDir {
    let dir = TempDir::new().unwrap();
    let sample = common::sample().display().to_string();
    let ended = Ended::of(dir.path(), &["replay", &sample, "--out", "run", "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    dir
}

#[test]
fn a_replay_becomes_a_page_whose_twins_say_what_its_summary_says() {
    let dir = replayed();
    let summary = fs::read_to_string(dir.path().join("run/summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let told = Ended::of(dir.path(), &["report", "run"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(told.stderr.contains("the page: run/report.html"), "{}", told.stderr);
    let html = fs::read_to_string(dir.path().join("run/report.html")).unwrap();
    let json: Value =
        serde_json::from_str(&Ended::of(dir.path(), &["report", "run", "--json"]).stdout).unwrap();
    let verdict = json["verdict"].as_str().unwrap();
    assert!(
        told.stdout.contains("Where the money came from") && html.contains(verdict),
        "{verdict}"
    );
    assert_eq!(json["warnings"], Value::Array(Vec::new()), "journal and summary agree to the cent");
    // Summed from single facts of the journal, against what the pipeline counted.
    let figures = json["figures"].as_array().unwrap();
    let split = figures.iter().find(|f| f["id"] == "split").unwrap();
    let all = split["table"]["rows"].as_array().unwrap().last().unwrap();
    let known = &summary["pnl_split"];
    for (column, value, sign) in [
        (2, &summary["volume_usd"], 1.0),
        (3, &known["spread_captured_usd"], 1.0),
        (4, &known["adverse_selection_usd"]["5s"], 1.0),
        (5, &known["inventory_drift_usd"]["5s"], 1.0),
        (6, &known["fees_usd"], -1.0),
        (8, &known["net_usd"], 1.0),
    ] {
        let (here, there) = (number(&all[column]), sign * number(value));
        assert!((here - there).abs() < 1e-5, "column {column}: {here}, not {there}");
    }
    assert!(Usd::parse(&all[8].to_string()).is_ok(), "exact: {all}");
    for hash in
        [&summary["assumptions"]["config_sha256"], &summary["assumptions"]["data"][0]["sha256"]]
    {
        assert!(
            html.contains(hash.as_str().unwrap()) && told.stdout.contains(hash.as_str().unwrap())
        );
    }
    // Of `state` lines, against the times that the pipeline counted.
    let reasons = figures.iter().find(|f| f["id"] == "reasons").unwrap();
    let parts = reasons["charts"][0]["plot"]["parts"].as_array().unwrap();
    let quoted = parts.iter().find(|p| p["name"] == "quoted").unwrap();
    let (here, there) = (number(&quoted["of_all"]), number(&summary["reasons"]["all"]["quoted"]));
    assert!((here - there).abs() < 0.02, "quoted {here} of the time, not {there}");
    // Level and cause of each fill are known in a replay.
    let fills = figures.iter().find(|f| f["id"] == "fills").unwrap();
    let rows = fills["table"]["rows"].as_array().unwrap();
    let of_levels = rows.iter().filter(|row| row[0] == "level").map(|row| row[1].as_str().unwrap());
    assert_eq!(of_levels.collect::<Vec<_>>(), ["level 1", "level 2"]);
}

#[test]
fn the_same_run_gives_the_same_bytes_and_only_where_it_was_asked_to() {
    let dir = replayed();
    let twice = [0, 1].map(|_| {
        assert_eq!(Ended::of(dir.path(), &["report", "run"]).code, 0);
        fs::read(dir.path().join("run/report.html")).unwrap()
    });
    assert!(twice[0] == twice[1], "made twice, it is not the same");
    fs::remove_file(dir.path().join("run/report.html")).unwrap();
    let text = Ended::of(dir.path(), &["report", "run", "--text", "--out", "page.html"]);
    assert_eq!(text.code, 0, "{}", text.stderr);
    assert!(
        fs::read(dir.path().join("page.html")).unwrap() == twice[0],
        "elsewhere, it is another"
    );
    for form in ["--text", "--json"] {
        assert_eq!(Ended::of(dir.path(), &["report", "run", form]).code, 0);
        assert!(!dir.path().join("run/report.html").exists(), "{form} wrote a page");
    }
}

#[test]
fn what_is_no_run_is_named() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    for folder in ["nowhere", "empty"] {
        let ended = Ended::of(dir.path(), &["report", folder]);
        assert_eq!(ended.code, 5, "{}", ended.stderr);
        assert!(
            ended.stderr.contains(folder) && ended.stderr.lines().count() == 1,
            "{}",
            ended.stderr
        );
    }
    assert_eq!(fs::read_dir(dir.path().join("empty")).unwrap().count(), 0, "nothing is left there");
}
