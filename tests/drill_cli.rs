//! `botmm drill`: it passes what is passed, and nothing that is not. The rungs themselves are drilled by CI
//! (`.ci/run`), where nothing runs beside them.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod common;

use assert_cmd::cargo::cargo_bin;
use botmm::bot::drill::{Fault, Times, Trial};
use botmm_pipeline::types::Usd;
use common::Ended;
use serde_json::Value;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A hang guard, no measure.
const PATIENCE: Duration = Duration::from_secs(60);

/// With nobody there to cancel, a bot that is gone leaves its orders: a drill that saw none would see nothing.
#[test]
fn without_any_rung_orders_rest_and_that_is_seen() {
    let (program, times) = (cargo_bin("botmm"), Times::short());
    let stopped = Arc::new(|| false) as _;
    let trial = Trial {
        program: &program,
        plan: "solo",
        times,
        fault: Fault::Kill,
        by: None,
        stopped: &stopped,
    };
    let outcome = trial.run().unwrap();
    assert_eq!((outcome.took, outcome.by), (None, None), "{outcome:?}");
    assert!(outcome.worst > Usd::whole(10), "{outcome:?}");
    let left = std::fs::read_dir(std::env::temp_dir()).unwrap();
    let own = format!("botmm-drill-{}-", std::process::id());
    assert!(!left.flatten().any(|e| e.file_name().to_string_lossy().starts_with(&own)));
}

/// One that ends by itself: no rung has anything to do, and the bot is named.
#[test]
fn a_part_of_it_is_told_and_not_kept() {
    let dir = TempDir::new().unwrap();
    let ended = Ended::of(dir.path(), &["drill", "--short", "--only", "hangup", "--json"]);
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    let trial = &told["trials"][0];
    println!("{told:#}");
    assert_eq!((&trial["fault"], &trial["rung"]), (&"hangup".into(), &"bot".into()));
    assert_eq!(trial["cancelled_by"], "bot", "the end in good order, not a rung");
    let (took, limit) = (&trial["time_to_cancel_s"], &trial["limit_s"]);
    let in_time = took.as_f64().unwrap() <= limit.as_f64().unwrap();
    // A machine that is busy may be late: then it says so, and the code is that.
    assert_eq!((&trial["passed"], ended.code), (&in_time.into(), i32::from(!in_time)));
    assert_eq!(told["short"], true);
    assert!(!dir.path().join("state").exists(), "only a whole drill is kept");
}

/// An upgrade puts another file in the program's place while it runs: what it starts then, a guard say, is still
/// what it is itself.
#[test]
fn a_program_whose_file_is_gone_starts_itself_once_more() {
    let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let program = dir.path().join("botmm");
    // A link: a copy that another test's child still has open for writing could not be started.
    std::fs::hard_link(cargo_bin("botmm"), &program).unwrap();
    let mut command = Command::new(&program);
    command.args(["drill", "--short", "--only", "hangup", "--json"]).current_dir(dir.path());
    let drill = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::fs::remove_file(&program).unwrap();
    let ended = drill.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    let told: Value =
        serde_json::from_slice(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
    assert_eq!(told["trials"][0]["cancelled_by"], "bot", "{told:#}");
}

/// Whatever ends the drill, its bot does not go on.
#[test]
fn a_drill_that_is_killed_leaves_no_process() {
    let dir = TempDir::new().unwrap();
    let mut command = Command::new(cargo_bin("botmm"));
    command.args(["drill", "--short", "--only", "stop"]).current_dir(dir.path());
    let mut drill = command.stdout(Stdio::null()).spawn().unwrap();
    let own = format!("botmm-drill-{}-", drill.id());
    let folder = std::env::temp_dir().join(format!("{own}0"));
    let bots = || {
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let in_folder = |at: std::path::PathBuf| {
            std::fs::read_link(at.join("cwd")).ok() == Some(folder.clone())
        };
        all.filter(|e| in_folder(e.path())).count()
    };
    let until = |what: &str, is_so: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < PATIENCE, "not so: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    // Once it is at it, it is tied to the drill.
    until("a bot runs", &|| bots() == 1 && folder.join("run").exists());
    drill.kill().unwrap();
    drill.wait().unwrap();
    until("no bot runs", &|| bots() == 0);
    let _ = std::fs::remove_dir_all(&folder);
}
