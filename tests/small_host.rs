//! The smallest host: one core and 1 GiB. A bot trades there, as `paper` with plan `solo`, and needs a small
//! part of both.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::spawnable;
use serde_json::Value;
use std::process::{Command, Stdio};
use tempfile::TempDir;

const GIB: u64 = 1 << 30;
/// Of the memory, what it may have used at most; the exchange is in the same process.
const PEAK_KIB: u64 = 256 << 10;

#[test]
fn on_one_core_and_a_gibibyte_it_trades() {
    let dir = TempDir::new().unwrap();
    let bot = spawnable(
        dir.path(),
        &["paper", "--plan", "solo", "--for", "8s", "--json", "--out", "run"],
    );
    // Address space, of which what is used is a part; and the first core that this process may use. As in
    // the unit, threads share their heaps: one of its own reserves 64 MiB that nobody uses.
    let script = format!(
        "core=$(taskset -cp $$ | grep -o '[0-9]*' | tail -n +2 | head -n 1)\n\
         export MALLOC_ARENA_MAX=2\n\
         prlimit --pid $$ --as={GIB}\n\
         taskset -cp \"$core\" $$ >&2\n\
         exec \"$0\" \"$@\""
    );
    let mut command = Command::new("bash");
    command
        .current_dir(dir.path())
        .args(["-c", &script])
        .arg(bot.get_program())
        .args(bot.get_args());
    command.env_clear().envs(std::env::vars().filter(|(name, _)| name == "PATH"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut peak_kib = 0;
    while child.try_wait().unwrap().is_none() {
        peak_kib = peak_kib.max(peak(child.id()));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("current affinity list: "), "it was pinned: {said}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let [orders, events] = ["orders", "events"].map(|key| summary[key].as_u64().unwrap());
    println!("{events} events, {orders} orders, at most {} MiB", peak_kib >> 10);
    assert!(orders > 0 && events > 100, "{summary:#}");
    assert!(peak_kib > 0 && peak_kib < PEAK_KIB, "{peak_kib} KiB");
}

/// The most that a process has had in memory.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|l| l.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}
