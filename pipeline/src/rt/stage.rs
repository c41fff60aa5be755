//! A stage: a plain poll function with a name. Threads are somebody else's business.

use super::ring::Input;
use crate::types::Nanos;

/// How far a stage went ahead of the present moment of virtual time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// What is due before this is done.
    pub until: Nanos,
    /// When the last was due of what was done; [`None`] = nothing was.
    pub last: Option<Nanos>,
    /// From `until` on there is more to do, once the others have done their part up to there.
    pub goes_on: bool,
}

impl Ahead {
    /// Nothing was done, and nothing is to be done before this.
    pub fn nothing(until: Nanos) -> Self {
        Self { until, last: None, goes_on: false }
    }

    /// What two did, the second no further than the first. There is more to do where neither stops before.
    pub fn and(self, next: Self) -> Self {
        Self {
            until: self.until.min(next.until),
            last: self.last.max(next.last),
            goes_on: if next.until < self.until { next.goes_on } else { self.goes_on },
        }
    }
}

/// One step of the pipeline. Time is an argument; a stage never reads a clock, a socket or a file,
/// and never allocates after [`Stage::on_start`].
pub trait Stage: Send {
    /// Thread name and metric prefix.
    fn name(&self) -> &'static str;
    /// The last moment to allocate.
    fn on_start(&mut self) {}
    /// Before the first poll on a thread: once through memory that is written to round and round, so that each of
    /// its pages is met now, and not by a tick. Nothing else changes. In virtual time it would only cost.
    fn fault_in(&mut self) {}
    /// Does a bounded piece of work and says how much; 0 = idle.
    fn poll(&mut self, now: Nanos) -> usize;
    /// Takes in what has arrived, as [`Stage::poll`] does, but decides nothing yet and does nothing
    /// about it. Virtual time lets every stage hear all of a moment before any of them acts, so that a
    /// moment is decided on whole, however much of it there is. Live there is no such moment: time
    /// goes on while we look.
    fn hear(&mut self, now: Nanos) -> usize {
        self.poll(now)
    }
    /// When it next wants to be polled although nothing arrives; lets virtual time jump.
    fn next_deadline(&self) -> Option<Nanos> {
        None
    }
    /// Virtual time: false when [`Stage::hear`] would find nothing now.
    fn hears(&self, now: Nanos) -> bool {
        let _ = now;
        true
    }
    /// Virtual time: false when [`Stage::poll`] would do nothing now. Nobody asks a stage that has nothing to do.
    fn is_due(&self, now: Nanos) -> bool {
        let _ = now;
        true
    }
    /// [`Stage::next_deadline`], but for what [`Stage::run_ahead`] may do before its time.
    fn calm_until(&self) -> Option<Nanos> {
        self.next_deadline()
    }
    /// Virtual time: does what is due before `until` and concerns nobody else, and says up to where: there
    /// is a moment that all have to hear of. So the rows between two decisions go round the stages once.
    fn run_ahead(&mut self, until: Nanos) -> Ahead {
        Ahead::nothing(until)
    }
    /// Shows each way in, always in the same order, to whoever captures or repeats a run.
    fn inputs(&mut self, see: &mut dyn FnMut(&mut dyn Input)) {
        let _ = see;
    }
    /// Of these ways in, how many, from the end, are looked at only after what came by the others was handed on.
    /// Another lane may so answer what this poll told it within the same poll.
    fn late_inputs(&self) -> usize {
        0
    }
    /// Brings near the core what the next poll will need, while nothing comes. Changes nothing that counts: what
    /// is decided, told and sent is the same, however often this is called.
    fn warm(&mut self, now: Nanos) {
        let _ = now;
    }
    /// Called once after the last poll.
    fn on_stop(&mut self) {}
}
