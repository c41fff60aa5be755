//! The machine under a plan: what it lacks ([`Host::lacks`]), and what is taken of it at the start of a run
//! ([`prepare`]).

mod facts;
mod lacks;

use crate::terminal;
use botmm_pipeline::rt::Plan;
use botmm_pipeline::rt::plan::allowed_cores;
use facts::{Cores, Facts};
use lacks::Lack;
use rustix::io::Errno;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};
use std::fmt::Display;
use std::fs;
use std::path::Path;

/// What is known of this machine, as to one plan.
pub struct Host(Facts);

impl Host {
    /// Looks at this machine.
    pub fn look(plan: &Plan) -> Self {
        let cores: Vec<usize> = plan.lanes.iter().filter_map(|lane| lane.core).collect();
        Self(Facts::read(Path::new("/"), &cores))
    }

    /// What it lacks for low latency; see [`lacks::lacks`].
    pub fn lacks(&self, plan: &Plan) -> Vec<Lack> {
        lacks::lacks(&self.0, plan)
    }

    /// Takes of the machine what the plan asks for, before a lane is there: all threads but lanes run on cores on which
    /// none spins, and memory is locked. What was not to be had is returned in words; nothing of it ends a run.
    fn take(&self, plan: &mut Plan) -> Vec<String> {
        let unfit = self.forgo_priority(plan);
        let kept = leave_to_lanes(&plan.spinning_cores());
        let locked = if plan.lock_memory { lock_memory() } else { Ok(()) };
        unfit.into_iter().chain(kept.err()).chain(locked.err()).collect()
    }

    /// A plan whose lanes would starve others by their priority loses it; why.
    fn forgo_priority(&self, plan: &mut Plan) -> Option<String> {
        plan.priority?;
        let why = lacks::unfit_for_real_time(&self.0, plan)?;
        plan.priority = None;
        Some(format!("lanes run without real-time priority: {why}"))
    }
}

/// Cores that this process may use, isolated ones first: lanes are given cores from the front, and what is left for
/// the rest is one that others share.
pub fn cores() -> Vec<usize> {
    isolated_first(allowed_cores(), &facts::isolated(Path::new("/")))
}

fn isolated_first(mut cores: Vec<usize>, isolated: &Cores) -> Vec<usize> {
    cores.sort_by_key(|core| !isolated.contains(core));
    cores
}

/// The start of a run: takes what the plan asks for, and says what was refused, which is returned, and in one line
/// what is lacking, if that is to be told.
pub fn prepare(plan: &mut Plan, tell_lacks: bool) -> Vec<String> {
    let host = Host::look(plan);
    let in_short = in_one_line(&host.lacks(plan), plan).filter(|_| tell_lacks);
    let refused = host.take(plan);
    for said in refused.iter().chain(&in_short) {
        terminal::complain(format_args!("note: {said}"));
    }
    refused
}

/// What a run says of it in one line; [`None`] = nothing, or lanes have no cores of their own.
fn in_one_line(lacks: &[Lack], plan: &Plan) -> Option<String> {
    if lacks.is_empty() || plan.lanes.iter().all(|lane| lane.core.is_none()) {
        return None;
    }
    let names: Vec<_> = lacks.iter().map(|lack| lack.of).collect();
    Some(format!(
        "this machine lacks for low latency: {} (`botmm doctor` says what to do)",
        names.join(", ")
    ))
}

/// All threads that are there, and those that they start, leave these cores: who listens for signals is one of them.
/// On isolated cores nobody else would move them.
fn leave_to_lanes(spinning: &[usize]) -> Result<(), String> {
    if spinning.is_empty() {
        return Ok(());
    }
    let mut rest = CpuSet::new();
    let others = allowed_cores().into_iter().filter(|core| !spinning.contains(core));
    others.filter(|core| *core < CpuSet::MAX_CPU).for_each(|core| rest.set(core));
    let refused = |e: &dyn Display| format!("other threads could not leave the lanes' cores: {e}");
    let threads = fs::read_dir("/proc/self/task").map_err(|e| refused(&e))?;
    let ids = threads.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    for id in ids.filter_map(Pid::from_raw) {
        match sched_setaffinity(Some(id), &rest) {
            Ok(()) | Err(Errno::SRCH) => {} // It has ended.
            Err(e) => return Err(refused(&e)),
        }
    }
    Ok(())
}

/// Keeps what there is and what comes in memory, once it was touched. Only without a limit: one that is reached
/// while the bot runs would end it.
fn lock_memory() -> Result<(), String> {
    let limit = getrlimit(Resource::Memlock);
    if limit.current.is_some() {
        let none = Rlimit { current: None, maximum: None };
        setrlimit(Resource::Memlock, none).map_err(|_| {
            let kib = limit.current.unwrap_or(0) >> 10;
            format!("memory is not locked: the limit is {kib} KiB (LimitMEMLOCK=infinity)")
        })?;
    }
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT)
        .map_err(|e| format!("memory is not locked: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use botmm_pipeline::rt::{IdleStrategy, LanePlan};

    fn plan(core: Option<usize>, priority: Option<u8>) -> Plan {
        let lane = LanePlan { stages: Vec::new(), core, idle: IdleStrategy::Spin };
        Plan { lanes: vec![lane], priority, ..Plan::default() }
    }

    #[test]
    fn who_is_not_a_lane_leaves_the_cores_on_which_one_spins() {
        in_a_process_of_its_own("leaves_cores");
    }

    #[test]
    #[ignore = "run by the test above, in a process of its own"]
    fn leaves_cores() {
        let all = allowed_cores();
        let (Some(&first), true) = (all.first(), all.len() > 1) else { return };
        let (begin, begun) = std::sync::mpsc::channel();
        // One that was there before.
        let other = std::thread::spawn(move || {
            begun.recv().unwrap();
            allowed_cores()
        });
        let mut plan = plan(Some(first), None);
        let host = Host::look(&plan);
        assert_eq!(host.take(&mut plan), Vec::<String>::new());
        assert_eq!(allowed_cores(), all[1..]);
        begin.send(()).unwrap();
        assert_eq!(other.join().unwrap(), all[1..]);
        assert_eq!(std::thread::spawn(allowed_cores).join().unwrap(), all[1..]);
    }

    /// What concerns all that a process has is another's than the other tests'.
    fn in_a_process_of_its_own(test: &str) {
        let me = std::env::current_exe().unwrap();
        let name = format!("bot::host::tests::{test}");
        let args = ["--exact", &name, "--ignored", "--nocapture"];
        let output = std::process::Command::new(me).args(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("1 passed"), "{said}{complained}");
    }

    #[test]
    fn a_plan_that_would_starve_others_loses_its_priority_and_it_is_told() {
        let host = Host(Facts::default());
        let mut asked = plan(Some(1), Some(10));
        let said = host.forgo_priority(&mut asked).unwrap();
        assert!(said.contains("without real-time priority: core 1 is not isolated"), "{said}");
        assert_eq!(asked.priority, None);
        assert_eq!(host.forgo_priority(&mut asked), None);
    }

    #[test]
    fn memory_is_locked_or_it_is_told() {
        in_a_process_of_its_own("locks_memory");
    }

    #[test]
    #[ignore = "run by the test above, in a process of its own"]
    fn locks_memory() {
        let came_to = lock_memory();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
        let kib: u64 = locked.trim().trim_end_matches(" kB").parse().unwrap();
        match came_to {
            Ok(()) => assert!(kib > 0, "{locked}"),
            Err(why) => assert!(kib == 0 && why.contains("memory is not locked"), "{kib} {why}"),
        }
        println!("locked {kib} KiB");
        // More than any limit by default can still be had.
        assert_eq!(vec![1u8; 64 << 20].iter().map(|byte| u64::from(*byte)).sum::<u64>(), 64 << 20);
    }

    #[test]
    fn lanes_are_given_isolated_cores_first() {
        let isolated = Cores::from([2, 3]);
        assert_eq!(isolated_first(vec![0, 1, 2, 3], &isolated), [2, 3, 0, 1]);
        assert_eq!(isolated_first(vec![4, 1], &isolated), [4, 1]);
    }

    #[test]
    fn one_line_names_what_is_lacking_where_lanes_have_cores() {
        let lack = |of| Lack { of, found: String::new(), remedy: "" };
        let some = [lack("governor"), lack("swap")];
        let said = in_one_line(&some, &plan(Some(0), None)).unwrap();
        assert!(said.contains("low latency: governor, swap (`botmm doctor`"), "{said}");
        assert_eq!(in_one_line(&some, &plan(None, None)), None);
        assert_eq!(in_one_line(&[], &plan(Some(0), None)), None);
    }
}
