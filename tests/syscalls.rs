//! How many calls of the system a tick costs: a paper run under strace, by thread. A harness of its own, for that of
//! the toolchain cannot say that a test is ignored where there is no strace.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Ended, count, journal, spawnable};
use libtest_mimic::{Arguments, Trial};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// Under strace all is slow: enough for some hundred frames, and for a quote of each coin.
const RUN: &str = "8s";
/// What a lane asks of the system at its start and end, and of its two connections: names of threads, wake-ups of the
/// connector, memory. They are no tick's.
const ONCE: u64 = 200;
/// Pings, questions and subscriptions that a run of this length sends.
const ASKED: u64 = 80;

fn main() -> ExitCode {
    let has_strace = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let name = "a_tick_is_one_read_and_an_action_one_write";
    let trial = match has_strace {
        true => Trial::test(name, || {
            a_tick_is_one_read_and_an_action_one_write();
            Ok(())
        }),
        false => Trial::test(format!("no strace here, or it may not trace: {name}"), || Ok(()))
            .with_ignored_flag(true),
    };
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

/// Calls of the lanes, by name: all, those that brought or took bytes, and those that found nothing.
#[derive(Debug, Default)]
struct Calls {
    all: BTreeMap<String, u64>,
    moved: BTreeMap<String, u64>,
    empty: BTreeMap<String, u64>,
}

impl Calls {
    fn of(&self, names: &[&str]) -> u64 {
        names.iter().filter_map(|name| self.all.get(*name)).sum()
    }
    fn moved(&self, names: &[&str]) -> u64 {
        names.iter().filter_map(|name| self.moved.get(*name)).sum()
    }
}

/// Reads strace's lines of threads whose name holds one of a stage. A call that another thread's line breaks in two
/// counts where it ends.
fn calls(trace: &str) -> Calls {
    let mut calls = Calls::default();
    for line in trace.lines() {
        let Some((who, what)) = line.split_once("> ") else { continue };
        let is_lane = ["feed", "book", "quote", "risk", "dispatch"].iter().any(|s| who.contains(s));
        if !is_lane || what.ends_with("<unfinished ...>") {
            continue;
        }
        let what = what.strip_prefix("<... ").unwrap_or(what);
        let name: String =
            what.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let result = what.rsplit(" = ").next().unwrap_or_default();
        let bytes: i64 = result.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0);
        *calls.all.entry(name.clone()).or_default() += 1;
        match (bytes, result.contains("EAGAIN")) {
            (1.., _) => *calls.moved.entry(name).or_default() += 1,
            (_, true) => *calls.empty.entry(name).or_default() += 1,
            _ => {}
        }
    }
    calls
}

/// Runs a command to its end, with the calls of all its threads in a file.
fn under_strace(trace: &Path, command: Command, dir: &Path) -> Ended {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "--decode-pids=comm", "-s", "0", "-o"]).arg(trace);
    strace.arg(command.get_program()).args(command.get_args()).current_dir(dir);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    let output = strace.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

fn a_tick_is_one_read_and_an_action_one_write() {
    let dir = tempfile::TempDir::new().unwrap();
    let trace = dir.path().join("trace");
    let paper = ["paper", "--for", RUN, "--json", "--plan", "solo", "--out", "run"];
    let ended = under_strace(&trace, spawnable(dir.path(), &paper), dir.path());
    let summary = ended.summary();
    let calls = calls(&std::fs::read_to_string(&trace).unwrap());
    let lines = journal(&Path::new(dir.path()).join("run/journal.jsonl"));
    let actions: usize = ["place", "modify", "cancel"].iter().map(|kind| count(&lines, kind)).sum();
    let (events, actions) = (summary["events"].as_u64().unwrap(), actions as u64);
    let reads = calls.moved(&["recvmsg", "recvfrom", "read"]);
    let writes = calls.of(&["write", "sendto", "sendmsg", "writev"]);
    println!("{events} events, {actions} actions; calls of the lanes: {calls:#?}");
    println!(
        "per market event {:.2} reads, per action {:.2} writes",
        reads as f64 / events as f64,
        writes as f64 / actions.max(1) as f64
    );
    assert!(events > 50 && actions > 2 && reads > 20, "too little happened to be counted");
    // Answers of the venue to actions and questions are read too; a frame is at least one event.
    assert!(reads <= events + 3 * actions + ASKED, "{reads} reads");
    assert!(writes <= actions + ASKED, "{writes} writes");
    // The clock is read without the system, nobody is woken, and no poll stands before a read.
    for (what, names) in [
        ("clock", &["clock_gettime", "gettimeofday", "time"][..]),
        ("poll", &["poll", "ppoll", "epoll_wait", "epoll_pwait", "select"][..]),
        ("futex", &["futex"][..]),
    ] {
        assert!(calls.of(names) <= ONCE, "{what}: {}", calls.of(names));
    }
}
