//! A plan maps stages to threads, cores and idle strategies. It is data, and it is refused when it
//! cannot work: five spinning lanes on two cores take milliseconds a hop, fused they take 0.2 µs.

use super::idle::IdleStrategy;
use crate::types::Nanos;

/// One thread of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanePlan {
    /// Stages in the order they are polled.
    pub stages: Vec<String>,
    /// Core to pin to (an operating system core id); [`None`] = not pinned.
    pub core: Option<usize>,
    /// How it waits.
    pub idle: IdleStrategy,
}

/// Stages mapped to threads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Its name, for messages.
    pub name: String,
    /// Its threads.
    pub lanes: Vec<LanePlan>,
    /// Real-time priority of its threads (`SCHED_FIFO`, 1 to [`MAX_PRIORITY`]), if the system grants it;
    /// [`None`] = the normal class.
    pub priority: Option<u8>,
    /// Keep the process's memory out of swap, if the system grants it.
    pub lock_memory: bool,
    /// How often they go through a tick that is none, while they are idle; [`None`] = never
    /// ([`super::Rehearsal`]).
    pub rehearse: Option<Nanos>,
}

/// The kernel runs interrupt threads at 50: a lane that spins above them hears of nothing.
pub const MAX_PRIORITY: u8 = 49;

/// Why a plan is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// A stage is in no lane.
    Missing(String),
    /// A stage is listed twice.
    Twice(String),
    /// A lane lists a stage that does not exist.
    UnknownStage(String),
    /// Stages are not listed in pipeline order.
    OutOfOrder(String),
    /// A lane without a stage.
    EmptyLane(usize),
    /// Two spinning lanes on one core.
    SharedCore(usize),
    /// More spinning lanes than cores − 1.
    TooManySpinning {
        /// Spinning lanes.
        spinning: usize,
        /// Cores the process may use.
        cores: usize,
    },
    /// A core that the process may not use.
    CoreNotAllowed(usize),
    /// A real-time priority out of range.
    Priority(u8),
    /// A lane spins at real-time priority wherever it likes.
    RealTimeUnpinned(usize),
    /// A lane spins at real-time priority on a core of another lane, which would never run.
    RealTimeShared(usize),
}

impl core::fmt::Display for PlanError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Missing(s) => write!(f, "stage `{s}` is in no lane: add it to one"),
            Self::Twice(s) => write!(f, "stage `{s}` is listed twice: keep one"),
            Self::UnknownStage(s) => write!(f, "there is no stage `{s}`"),
            Self::OutOfOrder(s) => {
                write!(f, "stage `{s}` is out of order: list feed, book, quote, risk, dispatch")
            }
            Self::EmptyLane(i) => write!(f, "lane {i} has no stage: remove it"),
            Self::SharedCore(c) => {
                write!(f, "two spinning lanes share core {c}: give each its own, or use backoff")
            }
            Self::TooManySpinning { spinning, cores } => write!(
                f,
                "{spinning} spinning lanes on {cores} cores: at most {} may spin",
                cores.saturating_sub(1)
            ),
            Self::CoreNotAllowed(c) => {
                write!(f, "core {c} is not among the cores this process may use")
            }
            Self::Priority(p) => {
                write!(f, "real-time priority {p}: 1 to {MAX_PRIORITY}, or leave it out")
            }
            Self::RealTimeUnpinned(i) => write!(
                f,
                "lane {i} spins at real-time priority without a core: give it one, or use backoff"
            ),
            Self::RealTimeShared(c) => write!(
                f,
                "a lane spins at real-time priority on core {c}, on which another lane would never \
                 run: give each its own"
            ),
        }
    }
}

impl std::error::Error for PlanError {}

impl Plan {
    /// Checks the plan against the pipeline's stages (in order) and the cores that the process may
    /// use.
    pub fn validate(&self, stages: &[&str], cores: &[usize]) -> Result<(), PlanError> {
        let listed: Vec<&str> =
            self.lanes.iter().flat_map(|l| l.stages.iter().map(String::as_str)).collect();
        for (i, stage) in listed.iter().enumerate() {
            if !stages.contains(stage) {
                return Err(PlanError::UnknownStage((*stage).into()));
            }
            if listed[..i].contains(stage) {
                return Err(PlanError::Twice((*stage).into()));
            }
        }
        for (wanted, found) in
            stages.iter().zip(listed.iter().copied().chain(core::iter::repeat("")))
        {
            if !listed.contains(wanted) {
                return Err(PlanError::Missing((*wanted).into()));
            }
            if found != *wanted {
                return Err(PlanError::OutOfOrder(found.into()));
            }
        }
        if let Some(i) = self.lanes.iter().position(|l| l.stages.is_empty()) {
            return Err(PlanError::EmptyLane(i));
        }
        self.validate_cores(cores)
    }

    fn validate_cores(&self, cores: &[usize]) -> Result<(), PlanError> {
        if let Some(c) = self.lanes.iter().filter_map(|l| l.core).find(|c| !cores.contains(c)) {
            return Err(PlanError::CoreNotAllowed(c));
        }
        let spinning: Vec<_> =
            self.lanes.iter().filter(|l| l.idle == IdleStrategy::Spin).map(|l| l.core).collect();
        if spinning.len() > cores.len().saturating_sub(1) {
            return Err(PlanError::TooManySpinning {
                spinning: spinning.len(),
                cores: cores.len(),
            });
        }
        for (i, core) in spinning.iter().enumerate() {
            if let Some(core) = core.filter(|_| spinning[..i].contains(core)) {
                return Err(PlanError::SharedCore(core));
            }
        }
        self.priority.map_or(Ok(()), |priority| self.validate_real_time(priority))
    }

    /// What spins at real-time priority gives its core to nobody: two of them on one core hang the
    /// machine. That a core is left for the rest holds for all that spins.
    fn validate_real_time(&self, priority: u8) -> Result<(), PlanError> {
        if !(1..=MAX_PRIORITY).contains(&priority) {
            return Err(PlanError::Priority(priority));
        }
        for (i, lane) in self.lanes.iter().enumerate() {
            if lane.idle != IdleStrategy::Spin {
                continue;
            }
            let core = lane.core.ok_or(PlanError::RealTimeUnpinned(i))?;
            if self.lanes.iter().filter(|l| l.core == Some(core)).count() > 1 {
                return Err(PlanError::RealTimeShared(core));
            }
        }
        Ok(())
    }

    /// Cores on which a lane spins.
    pub fn spinning_cores(&self) -> Vec<usize> {
        let spin = self.lanes.iter().filter(|l| l.idle == IdleStrategy::Spin);
        spin.filter_map(|l| l.core).collect()
    }

    /// The name of the plan that fits so many cores.
    pub fn auto_name(cores: usize) -> &'static str {
        match cores {
            0 | 1 => "solo",
            2..=5 => "paired",
            _ => "dedicated",
        }
    }
}

/// Cores that this process may run on.
pub fn allowed_cores() -> Vec<usize> {
    match core_affinity::get_core_ids() {
        Some(ids) if !ids.is_empty() => ids.into_iter().map(|c| c.id).collect(),
        _ => vec![0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGES: [&str; 3] = ["feed", "book", "quote"];

    fn plan(lanes: &[(&[&str], Option<usize>, IdleStrategy)]) -> Plan {
        let lanes = lanes
            .iter()
            .map(|(s, core, idle)| LanePlan {
                stages: s.iter().map(|s| (*s).into()).collect(),
                core: *core,
                idle: *idle,
            })
            .collect();
        Plan { name: "test".into(), lanes, ..Plan::default() }
    }

    #[test]
    fn what_cannot_work_is_refused() {
        use IdleStrategy::{Backoff, Spin};
        let check = |p: Plan, cores: &[usize]| p.validate(&STAGES, cores);
        let all: &[&str] = &STAGES;
        assert_eq!(check(plan(&[(all, None, Backoff)]), &[0]), Ok(()));
        assert_eq!(
            check(plan(&[(&["feed", "book"], None, Backoff)]), &[0]),
            Err(PlanError::Missing("quote".into()))
        );
        assert_eq!(
            check(plan(&[(all, None, Backoff), (&["book"], None, Backoff)]), &[0]),
            Err(PlanError::Twice("book".into()))
        );
        assert_eq!(
            check(plan(&[(&["book", "feed", "quote"], None, Backoff)]), &[0]),
            Err(PlanError::OutOfOrder("book".into()))
        );
        assert_eq!(
            check(plan(&[(all, None, Backoff), (&["side"], None, Backoff)]), &[0]),
            Err(PlanError::UnknownStage("side".into()))
        );
        let two =
            |a, b, idle| plan(&[(&["feed", "book"], Some(a), idle), (&["quote"], Some(b), idle)]);
        assert_eq!(check(two(1, 1, Spin), &[0, 1, 2]), Err(PlanError::SharedCore(1)));
        assert_eq!(
            check(two(0, 1, Spin), &[0, 1]),
            Err(PlanError::TooManySpinning { spinning: 2, cores: 2 })
        );
        assert_eq!(check(two(0, 7, Backoff), &[0, 1]), Err(PlanError::CoreNotAllowed(7)));
        assert_eq!(check(two(1, 2, Spin), &[0, 1, 2]), Ok(()));
    }

    #[test]
    fn what_spins_in_real_time_leaves_the_rest_a_core() {
        use IdleStrategy::{Backoff, Spin};
        let check =
            |lanes: &[(&[&str], Option<usize>, IdleStrategy)], priority, cores: &[usize]| {
                Plan { priority: Some(priority), ..plan(lanes) }.validate(&STAGES, cores)
            };
        let all: &[&str] = &STAGES;
        let none = PlanError::TooManySpinning { spinning: 1, cores: 1 };
        assert_eq!(check(&[(all, Some(0), Spin)], 10, &[0]), Err(none));
        assert_eq!(check(&[(all, Some(1), Spin)], 10, &[0, 1]), Ok(()));
        assert_eq!(check(&[(all, None, Spin)], 10, &[0, 1]), Err(PlanError::RealTimeUnpinned(0)));
        let two = |a: IdleStrategy, core_of_b| -> [(&[&str], Option<usize>, IdleStrategy); 2] {
            [(&["feed", "book"], Some(1), a), (&["quote"], core_of_b, Backoff)]
        };
        let shared = Err(PlanError::RealTimeShared(1));
        assert_eq!(check(&two(Spin, Some(1)), 10, &[0, 1, 2]), shared);
        assert_eq!(check(&two(Spin, Some(2)), 10, &[0, 1, 2]), Ok(()));
        assert_eq!(check(&two(Spin, None), 10, &[0, 1, 2]), Ok(()));
        // What sleeps lets the other run.
        assert_eq!(check(&two(Backoff, Some(1)), 10, &[0, 1]), Ok(()));
        for priority in [0, 50, 99] {
            let refused = Err(PlanError::Priority(priority));
            assert_eq!(check(&two(Backoff, None), priority, &[0, 1]), refused);
        }
        assert_eq!(plan(&two(Spin, Some(2))).spinning_cores(), [1]);
    }
}
