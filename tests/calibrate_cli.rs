//! `botmm calibrate`: queue models by our own orders, what is no sample of a queue, and how results speak of it.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod common;

use botmm::calibrated::{Against, Calibration};
use common::{Ended, has, replay};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn calibrate(dir: &Path, words: &[&str]) -> Ended {
    Ended::of(dir, &[&["calibrate"], words].concat())
}

/// The journal's first line, with one text in place of another.
fn say(run: &Path, from: &str, to: &str) {
    let path = run.join("journal.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    assert!(first.contains(from), "{first}");
    fs::write(&path, format!("{}\n{rest}", first.replace(from, to))).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (path, name) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy(&path, &name),
            false => drop(fs::copy(&path, &name).unwrap()),
        }
    }
}

#[test]
fn orders_of_a_run_are_samples_and_what_is_none_is_named() {
    let dir = TempDir::new().unwrap();
    let (root, run) = (dir.path(), dir.path().join("run"));
    let args = ["paper", "--for", "12s", "--plan", "solo", "--out", "run", "--json"];
    assert_eq!(Ended::of(root, &args).code, 0);

    let ended = calibrate(root, &["run", "--json", "--table", "samples.csv"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let said: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(said["against"], "simulated");
    assert!(said["why_not"].as_str().unwrap().starts_with("too few"), "{said:#}");
    let rested = said["runs"][0]["orders"].as_u64().unwrap();
    let by_end: u64 = said["ends"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert!(rested > 0 && rested == by_end, "{said:#}");
    assert!(said["ends"].get("strange").is_none(), "{said:#}");
    let table = fs::read_to_string(root.join("samples.csv")).unwrap();
    assert_eq!(table.lines().count() as u64, rested + 1, "{table}");
    // The same bytes each time, for programs and for people.
    assert_eq!(calibrate(root, &["run", "--json"]).stdout, ended.stdout);
    let told = calibrate(root, &["run"]);
    has(&told.stdout, &["queues of   a simulated exchange", "verdict     uncalibrated: too few"]);
    assert_eq!(calibrate(root, &["run"]).stdout, told.stdout);
    // Nothing is written that calibrates nothing.
    let kept = calibrate(root, &["run", "--out", "queue.json"]);
    assert_eq!(kept.code, 1, "{}", kept.stderr);
    has(&kept.stderr, &["queue.json: not written: too few"]);
    assert!(!root.join("queue.json").exists());

    // Whose queues: the journal says it, and those of two venues are not added up.
    copy(&run, &root.join("runs/live"));
    let live = root.join("runs/live");
    say(&live, "\"kind\":\"paper\"", "\"kind\":\"run\"");
    say(&live, "\"network\":\"embedded\"", "\"network\":\"mainnet\"");
    let said: Value = calibrate(root, &["runs", "--json"]).summary();
    assert_eq!(said["against"], "mainnet");
    let testnet = "https://api.hyperliquid-testnet.xyz";
    say(&live, "\"network\":\"mainnet\"", &format!("\"network\":\"{testnet}\""));
    assert_eq!(calibrate(root, &["runs", "--json"]).summary()["against"], "testnet");
    say(&live, testnet, "mainnet");
    let both = calibrate(root, &["run", "runs"]);
    assert_eq!(both.code, 2, "{}", both.stderr);
    has(&both.stderr, &["of a simulated exchange", "of mainnet", "their queues differ"]);

    // What is no sample of a queue, or cannot be read.
    let refused = |what: &dyn Fn(&Path), words: &str| {
        let other = TempDir::new_in(root).unwrap();
        copy(&run, &other.path().join("run"));
        what(&other.path().join("run"));
        let ended = calibrate(other.path(), &["run"]);
        assert_eq!(ended.code, 5, "{words}: {} {}", ended.stdout, ended.stderr);
        has(&ended.stderr, &[words]);
    };
    refused(
        &|run| say(run, "\"kind\":\"paper\"", "\"kind\":\"replay\""),
        "cannot be calibrated by itself",
    );
    let of_tape = |run: &Path| {
        let path = run.join("summary.json");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"synthetic\"", "\"recorded\"")).unwrap();
    };
    refused(&of_tape, "its market was recorded");
    refused(&|run| fs::remove_file(run.join("summary.json")).unwrap(), "it has no summary");
    refused(&|run| fs::remove_dir_all(run.join("capture")).unwrap(), "holds no capture");
    refused(
        &|run| fs::write(run.join("journal.jsonl"), "{\"type\":\"ru").unwrap(),
        "does not begin with",
    );
    refused(
        &|run| fs::write(run.join("journal.jsonl"), "{\"type\":\"run\",\"v\":99}\n").unwrap(),
        "line 1",
    );
    let none = calibrate(root, &["nowhere"]);
    assert_eq!(none.code, 5, "{}", none.stderr);
}

#[test]
fn a_result_says_by_what_its_queue_model_was_calibrated() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("queue.json");
    let file = path.display().to_string();
    let fitted = |against| Calibration {
        date: "2026-11-30".to_owned(),
        orders: 812,
        brier: 0.1234,
        base_brier: 0.2,
        ..Calibration::new(against, 2.31, [1.5, 3.4])
    };
    let notes = |more: &[&str]| {
        let sample = common::sample().display().to_string();
        let ended = replay(&sample, more);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let summary = ended.summary();
        let told = &summary["assumptions"];
        (told["queue"].as_str().unwrap().to_owned(), told["notes"].to_string())
    };
    fitted(Against::Mainnet).write(&path).unwrap();
    let (queue, said) = notes(&["--queue-from", &file]);
    assert_eq!(queue, "prob_power:2.31");
    has(
        &said,
        &["queue model: calibrated 2026-11-30, 812 orders, Brier 0.1234 (base rate 0.2000)"],
    );
    fitted(Against::Simulated).write(&path).unwrap();
    let (_, said) = notes(&["--queue-from", &file]);
    has(&said, &["queue model: uncalibrated; its exponent was fitted on 2026-11-30 to 812 orders"]);
    let (queue, said) = notes(&[]);
    assert_eq!(queue, "risk_averse");
    has(&said, &["(queue model: uncalibrated)"]);

    fs::write(&path, "{\"form\": 1,").unwrap();
    let torn = replay(&common::sample().display().to_string(), &["--queue-from", &file]);
    assert_eq!(torn.code, 2, "{}", torn.stderr);
    has(&torn.stderr, &["--queue-from", "queue.json", "no calibration"]);
    let config = dir.path().join("own.toml");
    fs::write(&config, format!("[sim]\nqueue_from = {file:?}\n")).unwrap();
    let config = config.display().to_string();
    let torn = replay(&common::sample().display().to_string(), &["--config", &config]);
    assert_eq!(torn.code, 3, "{}", torn.stderr);
    has(&torn.stderr, &["own.toml:2", "sim.queue_from", "no calibration"]);
}
