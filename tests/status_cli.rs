//! `botmm status`: of a run that goes on, of one that was killed, of one that is over, and of none.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use botmm_pipeline::types::Usd;
use common::{Ended, exact, spawnable};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A hang guard, no measure.
const HANG: Duration = Duration::from_secs(90);

/// Ended when the test ends, however that ends.
struct Running(Child);

impl Running {
    fn start(dir: &Path) -> Self {
        let mut command = spawnable(dir, &["paper", "--symbols", "SOL", "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn status(dir: &Path, args: &[&str]) -> Ended {
    Ended::of(dir, &[&["status"], args].concat())
}

/// Asks until the answer is as wanted.
fn until(dir: &Path, wanted: impl Fn(&Ended, &Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let ended = status(dir, &["--json"]);
        let told = serde_json::from_str(&ended.stdout).unwrap_or(Value::Null);
        if wanted(&ended, &told) {
            return told;
        }
        assert!(begun.elapsed() < HANG, "{ended:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn fits(text: &str) {
    assert!(text.lines().count() <= 24, "{text}");
    let wide = text.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None, "{text}");
}

#[test]
fn a_run_is_shown_while_it_goes_on_and_its_last_word_when_it_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let none = status(dir.path(), &[]);
    assert!(none.code == 5 && none.stderr.contains("runs: cannot read"), "{none:?}");

    let mut running = Running::start(dir.path());
    // The counters are the stages' own, and may be a moment behind what the boards show.
    let told = until(dir.path(), |ended, told| {
        let rests = told["counts"]["open_orders"].as_u64().is_some_and(|orders| orders > 0);
        ended.code == 0 && told["coins"][0]["bid_reason"] == "quoted" && rests
    });
    assert_eq!((&told["is_running"], &told["network"]), (&json!(true), &json!("PAPER")));
    assert_eq!(told["source"]["running"]["pid"], running.0.id());
    assert_eq!(told["coins"][0]["coin"], "SOL");
    assert!(told["rungs"]["exchange"]["armed"].is_boolean(), "{told:#}");
    let text = status(dir.path(), &[]).stdout;
    fits(&text);
    assert!(text.contains(" PAPER ") && text.contains("running 00:00:"), "{text}");
    assert!(!text.contains("q or Ctrl-C"), "{text}");

    running.signal("-INT");
    let output = std::mem::replace(&mut running.0, Command::new("true").spawn().unwrap());
    let output = output.wait_with_output().unwrap();
    let summary = String::from_utf8(output.stdout).unwrap();
    let over = status(dir.path(), &["--json"]);
    assert_eq!(over.code, 1, "{over:?}");
    assert!(over.stderr.contains("no bot runs"), "{over:?}");
    let told: Value = serde_json::from_str(&over.stdout).unwrap();
    assert_eq!((&told["is_running"], &told["rungs"]), (&json!(false), &Value::Null));
    for (ours, theirs) in [("net_usd", "net_pnl_usd"), ("fees_usd", "fees_usd")] {
        let ours = Usd::parse(told[ours].as_str().unwrap()).unwrap();
        assert_eq!(ours, exact(&summary, &[theirs]), "{theirs}");
    }
    let position = Usd::parse(told["coins"][0]["position"].as_str().unwrap()).unwrap();
    assert_eq!(position, exact(&summary, &["position", "SOL"]));
    let text = status(dir.path(), &[]).stdout;
    fits(&text);
    for part in [" PAPER ", "NOT RUNNING", "ago", "halted"] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn one_that_was_killed_is_told_by_its_journal_and_one_that_hangs_is_said_to() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(dir.path());
    until(dir.path(), |ended, told| ended.code == 0 && told["coins"][0]["bid_reason"] == "quoted");
    running.signal("-STOP");
    let hangs = status(dir.path(), &[]);
    assert_eq!(hangs.code, 5, "{hangs:?}");
    assert!(hangs.stderr.contains("no answer within"), "{hangs:?}");
    assert!(hangs.stdout.contains("DOES NOT ANSWER"), "its journal is shown: {hangs:?}");
    running.signal("-KILL");
    let killed = until(dir.path(), |ended, _| ended.code == 1);
    assert_eq!(killed["coins"][0]["coin"], "SOL");
    assert!(killed["source"]["journal"]["path"].as_str().unwrap().ends_with("journal.jsonl"));
}
