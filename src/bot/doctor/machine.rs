//! This machine: its cores, its disk, its folders, who is told.

use super::{Findings, Request};
use crate::bot::host::Host;
use crate::bot::session;
use crate::side::drilled;
use crate::side::notify::Notify;
use botmm_pipeline::rt::plan::allowed_cores;
use botmm_pipeline::rt::{Plan, WallClock};
use rustix::fs::statvfs;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Free space below which journals stop soon, and below which they may.
const LITTLE_MIB: u64 = 256;
const SOME_MIB: u64 = 2048;
/// Fewer cores than this share theirs between stages.
const CORES_FOR_EACH: usize = 6;

pub(super) fn look(request: &Request, found: &mut Findings) {
    cores(request, found);
    disk(found);
    state(&request.state, found);
    alerts(request, found);
    drill(&request.state, found);
    match std::env::var_os("NOTIFY_SOCKET") {
        Some(_) => found.ok("systemd", "it is told of progress"),
        None => found.warn(
            "systemd",
            "not started by systemd: nobody ends a bot that hangs, or starts it again",
            "use deploy/botmm.service; a guard helps too (docs/stop.md)",
        ),
    }
}

fn cores(request: &Request, found: &mut Findings) {
    let name = request.draft.plan_name();
    let Some(plan) = found.of("cores", session::plan(&name)) else { return };
    let Some(plan) = plan else {
        return found.fail("cores", "plan `inline` has no threads", "set general.plan to \"auto\"");
    };
    let cores = allowed_cores().len();
    let says = format!("{cores}, plan {} ({} lanes)", plan.name, plan.lanes.len());
    match cores < CORES_FOR_EACH {
        true => found.warn(
            "cores",
            says,
            "six or more let each stage have its own; fewer work, somewhat later",
        ),
        false => found.ok("cores", says),
    }
    host(&plan, found);
}

/// What the machine lacks for low latency.
fn host(plan: &Plan, found: &mut Findings) {
    let lacks = Host::look(plan).lacks(plan);
    if lacks.is_empty() {
        return found.ok("latency", "this machine lacks nothing that was looked at");
    }
    for lack in lacks {
        found.warn(lack.of, lack.found, lack.remedy);
    }
}

fn disk(found: &mut Findings) {
    let Ok(stat) = statvfs(".") else {
        return found.fail("disk", "this folder's disk cannot be looked at", "look at the folder");
    };
    let free_mib = (stat.f_bavail * stat.f_frsize) >> 20;
    let says = format!("{:.1} GiB free", free_mib as f64 / 1024.0);
    match free_mib {
        0..LITTLE_MIB => found.fail("disk", says, "make room: journals stop on a full disk"),
        LITTLE_MIB..SOME_MIB => found.warn("disk", says, "make room, or lower journal_max_mb"),
        _ => found.ok("disk", says),
    }
}

fn state(dir: &Path, found: &mut Findings) {
    let place = dir.display();
    let Ok(about) = fs::metadata(dir) else {
        return found.ok("state", format!("{place}: not there yet; the first run makes it"));
    };
    let mode = about.permissions().mode() & 0o777;
    if !about.is_dir() {
        return found.fail("state", format!("{place} is no folder"), "name another with --state");
    }
    match mode & 0o077 {
        0 => found.ok("state", format!("{place}, its owner's alone")),
        _ => found.warn(
            "state",
            format!("{place} has mode {mode:o}: others may look into it"),
            "chmod 700 it",
        ),
    }
}

fn drill(dir: &Path, found: &mut Findings) {
    match drilled::last_passed(dir, WallClock::default().now()) {
        Ok(passed) => found.ok("drill", passed),
        Err(why) => found.warn(
            "drill",
            why,
            "run `botmm drill` with this --state: who cancels when the bot cannot (docs/stop.md)",
        ),
    }
}

fn alerts(request: &Request, found: &mut Findings) {
    let Some(settings) =
        found.of("configuration", request.draft.clone().build().map_err(Into::into))
    else {
        return;
    };
    found.ok("configuration", format!("sound; quotes {}", settings.symbols.join(", ")));
    let now = WallClock::default().now();
    let notify = Notify::open(&settings, &request.tls, ("", "botmm doctor"), now);
    let Some(notify) = found.of("alerts", notify) else { return };
    match notify.reaches_nobody() {
        true => found.warn(
            "alerts",
            "no webhook: nobody who is away hears of trouble",
            "set one up (docs/alerts.md), and try it with `botmm alert hello`",
        ),
        false => found.ok("alerts", "a webhook is set up"),
    }
}
