//! Duty cycles on record, so that a run on threads can be repeated decision by decision.
//!
//! What makes one run on threads differ from another is when each lane looked, and what had reached it by
//! then; all else follows. A [`Cycle`] says just that of one duty cycle: the moment, how much was taken from
//! each way in, and what the lanes share beside the rings. Cycles in which nothing happened are left out: a
//! stage that took nothing and had nothing due is as it was. (Of a pause, the last look before it is kept:
//! some rules ask how long nobody looked.)
//!
//! A lane only pushes. When nobody takes its cycles in time they are lost, and the next one says so.

use super::ring::{In, Out, ring};
use super::stage::Stage;
use crate::types::Nanos;
use std::sync::Arc;

/// Ways in of one lane, at most: those of all five stages.
pub const MAX_INPUTS: usize = 12;
/// A pause of a lane that is longer than this is on record exactly.
const PAUSE: Nanos = Nanos::millis(50);

/// What stages on different lanes share beside the rings, as plain numbers.
pub trait Shared: Send + Sync {
    /// What they read.
    fn read(&self) -> [i64; 3];
    /// What comes of their decisions: hashes over all so far.
    fn told(&self) -> [u64; 2];
    /// Whose decisions these are, by the stage's name.
    fn tellers(&self) -> [&'static str; 2];
    /// Makes it so, for a repetition.
    fn set(&self, read: [i64; 3]);
}

/// One duty cycle of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// When it began, as its stages were told.
    pub now: Nanos,
    /// Of the plan's lanes, which.
    pub lane: u8,
    /// Cycles before this one are not on record.
    pub lost: bool,
    /// What the lanes share was changed while it went on: what its stages saw of that is not on record.
    pub moved: bool,
    /// Messages taken from each way in, in the order of the stages and of [`Stage::inputs`].
    pub took: [u16; MAX_INPUTS],
    /// What the lanes shared when it began.
    pub shared: [i64; 3],
    /// Hashes over all decisions and actions when it was over.
    pub told: [u64; 2],
}

/// Keeps a lane's cycles.
pub struct Recorder {
    out: Out<Cycle>,
    lane: u8,
    shared: Arc<dyn Shared>,
    seen: [i64; 3],
    /// When a stage wants to be polled although nothing arrives; [`None`] = not asked since the last cycle,
    /// for that would be asked while its orders wait.
    due: Option<Nanos>,
    taken: [u64; MAX_INPUTS],
    /// The newest look that found nothing to do, if the newest was one.
    idle: Option<Nanos>,
    last: Option<Nanos>,
    lost: bool,
}

impl Recorder {
    /// Of the `lane`-th lane, with room for so many cycles that nobody has taken yet; and the end where
    /// they come out.
    pub fn new(lane: usize, room: usize, shared: Arc<dyn Shared>) -> (Self, In<Cycle>) {
        let (mut out, cycles) = ring("lane->capture", room);
        out.fault_in();
        let recorder = Self {
            out,
            lane: lane as u8,
            shared,
            seen: [0; 3],
            due: None,
            taken: [0; MAX_INPUTS],
            idle: None,
            last: None,
            lost: false,
        };
        (recorder, cycles)
    }

    /// A cycle begins: what the lanes share.
    pub(super) fn begin(&mut self, now: Nanos, stages: &[Box<dyn Stage>]) -> [i64; 3] {
        if self.due.is_none() {
            let due = stages.iter().filter_map(|stage| stage.next_deadline()).min();
            self.due = Some(due.unwrap_or(Nanos(i64::MAX)));
        }
        if let Some(idle) = self.idle
            && now - idle > PAUSE
        {
            self.push(Cycle {
                now: idle,
                lane: self.lane,
                lost: false,
                moved: false,
                took: [0; MAX_INPUTS],
                shared: self.seen,
                told: self.shared.told(),
            });
            self.idle = None;
        }
        self.shared.read()
    }

    /// It is over.
    pub(super) fn end(
        &mut self,
        now: Nanos,
        shared: [i64; 3],
        work: usize,
        stages: &mut [Box<dyn Stage>],
    ) {
        // What was taken need not have led to anything yet, and is then no work.
        let (mut took, mut at) = ([0; MAX_INPUTS], 0);
        for stage in stages.iter_mut() {
            stage.inputs(&mut |input| {
                let taken = input.taken();
                took[at] = (taken - self.taken[at]) as u16;
                self.taken[at] = taken;
                at += 1;
            });
        }
        // How often the latch was looked at (the third) stirs nothing by itself.
        let is_news = shared[..2] != self.seen[..2] || took != [0; MAX_INPUTS];
        let is_due = self.due.is_none_or(|due| now >= due);
        if work == 0 && !is_due && !is_news && self.last.is_some() {
            self.idle = Some(now);
            return;
        }
        (self.seen, self.idle, self.last) = (shared, None, Some(now));
        let (told, moved) = (self.shared.told(), self.shared.read() != shared);
        self.push(Cycle { now, lane: self.lane, lost: false, moved, took, shared, told });
        self.due = None;
    }

    fn push(&mut self, cycle: Cycle) {
        let lost = self.lost;
        self.lost = !self.out.push_or_drop(Cycle { lost, ..cycle });
    }
}
