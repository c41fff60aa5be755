//! A run on threads, repeated from its cycles on one thread: each lane looks when it looked, takes what it
//! took, and must decide what it decided.
//!
//! The order of cycles on different lanes is not on record, and need not be: a cycle can be repeated as
//! soon as all that it took is there. Of those that can, the earliest comes first. One lane may answer another
//! within one cycle of it, at one place only: dispatch hands on what the venue said before it looks at targets
//! ([`super::Stage::late_inputs`]). There a cycle is repeated in two halves.

use super::cycles::{Cycle, MAX_INPUTS, Shared};
use super::lane::Lane;
use crate::types::Nanos;
use std::collections::VecDeque;
use std::sync::Arc;

/// How far a repetition came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// This cycle was repeated, and came to the same.
    Same(Cycle),
    /// It came to something else: the hashes that it should have come to are the cycle's.
    Differs {
        /// Which.
        cycle: Cycle,
        /// What it came to.
        told: [u64; 2],
    },
    /// It came to something else or took another number, but what the lanes share was changed while it, or a
    /// cycle a moment before it, went on: that may have seen either.
    Unsure(Cycle),
    /// It took another number of messages than it did: of the `input`-th way in.
    Took {
        /// Which.
        cycle: Cycle,
        /// Of which way in.
        input: usize,
        /// How many.
        took: u64,
    },
    /// Cycles before this one are not on record: what follows cannot be compared.
    Lost(Cycle),
    /// What this cycle took never came, or not before something that rests on it.
    Stuck {
        /// Which.
        cycle: Cycle,
        /// Of this way in.
        input: usize,
        /// So much is there.
        waiting: u64,
    },
    /// All were repeated.
    Done,
}

/// What a cycle decided otherwise reaches the other lanes within this: a ring, and a lane that waits for a core.
const DOUBT: Nanos = Nanos::millis(100);

/// See the module.
pub struct Repeat {
    lanes: Vec<Repeated>,
    shared: Arc<dyn Shared>,
    /// When a cycle began during which what the lanes share was changed: the newest.
    moved: Option<Nanos>,
}

/// A lane, and what of its past is still to come.
struct Repeated {
    lane: Lane,
    cycles: VecDeque<Cycle>,
    /// The first cycle has begun: what was taken from each way in before it.
    begun: Option<[u64; MAX_INPUTS]>,
}

impl Repeat {
    /// Lanes as they were. The stages start.
    pub fn new(mut lanes: Vec<Lane>, shared: Arc<dyn Shared>) -> Self {
        lanes.iter_mut().for_each(Lane::start);
        let repeated = |lane| Repeated { lane, cycles: VecDeque::new(), begun: None };
        Self { lanes: lanes.into_iter().map(repeated).collect(), shared, moved: None }
    }

    /// One more cycle is known of, later than all of its lane before it. False: there is no such lane.
    pub fn push(&mut self, cycle: Cycle) -> bool {
        let lane = self.lanes.get_mut(usize::from(cycle.lane));
        lane.map(|lane| lane.cycles.push_back(cycle)).is_some()
    }

    /// Cycles that wait to be repeated.
    pub fn waiting(&self) -> usize {
        self.lanes.iter().map(|lane| lane.cycles.len()).sum()
    }

    /// Repeats the next cycle. Between two steps the caller fills and empties the rings of the side.
    pub fn step(&mut self) -> Step {
        loop {
            let (at, cycle) = match self.next() {
                Ok(next) => next,
                Err(step) => return step,
            };
            if cycle.lost {
                return Step::Lost(cycle);
            }
            self.shared.set(cycle.shared);
            let lane = &mut self.lanes[at];
            if lane.begun.is_none() {
                lane.begin(&cycle);
                if lane.split().is_some() {
                    continue;
                }
            } else {
                lane.go_on(cycle.now);
            }
            return self.finish(at, cycle);
        }
    }

    /// The earliest cycle that can begin or go on.
    fn next(&mut self) -> Result<(usize, Cycle), Step> {
        let heads = self.lanes.iter().enumerate();
        let mut heads: Vec<(usize, Cycle)> =
            heads.filter_map(|(at, lane)| Some((at, *lane.cycles.front()?))).collect();
        heads.sort_by_key(|(_, cycle)| cycle.now);
        let mut stuck = Step::Done;
        for (at, cycle) in heads {
            let Some((input, waiting)) = self.lanes[at].lacks(&cycle.took) else {
                return Ok((at, cycle));
            };
            if stuck == Step::Done {
                stuck = Step::Stuck { cycle, input, waiting };
            }
        }
        Err(stuck)
    }

    fn finish(&mut self, at: usize, cycle: Cycle) -> Step {
        if cycle.moved {
            self.moved = Some(cycle.now);
        }
        // It may have handed on what another lane decides by, or takes.
        let is_unsure = self.moved.is_some_and(|moved| cycle.now - moved <= DOUBT);
        let Self { lanes, shared, .. } = self;
        let taken = lanes[at].end();
        let mut counts = taken.into_iter().zip(cycle.took).enumerate();
        let other = counts.find(|(_, (took, recorded))| *took != u64::from(*recorded));
        // Of a stage on another lane it is not on record how far it had come by then.
        let told = shared.told();
        let is_own = shared.tellers().map(|stage| lanes[at].lane.runs(stage));
        let is_told = (0..told.len()).all(|i| !is_own[i] || told[i] == cycle.told[i]);
        match other {
            None if is_told => Step::Same(cycle),
            _ if is_unsure => Step::Unsure(cycle),
            Some((input, (took, _))) => Step::Took { cycle, input, took },
            None => Step::Differs { cycle, told },
        }
    }
}

impl Repeated {
    /// The stage at which a cycle can be interrupted: it hears first, and looks at its late ways in later.
    fn split(&mut self) -> Option<usize> {
        self.lane.stages().iter().position(|stage| stage.late_inputs() > 0)
    }

    /// The first way in at which less waits than was taken, in the half of the cycle that comes next, and how
    /// much; [`None`] = all is there. What stages of this very lane give is there when it is its turn.
    fn lacks(&mut self, took: &[u16; MAX_INPUTS]) -> Option<(usize, u64)> {
        let (is_late, split) = (self.begun.is_some(), self.split());
        let names: Vec<&str> = self.lane.stages().iter().map(|stage| stage.name()).collect();
        let (mut lacks, mut at) = (None, 0);
        for (i, stage) in self.lane.stages().iter_mut().enumerate() {
            let first = at;
            stage.inputs(&mut |_| at += 1);
            let late_from = match split {
                Some(split) if i == split => at - stage.late_inputs(),
                Some(split) if i > split => first,
                _ => at,
            };
            let mut input_at = first;
            stage.inputs(&mut |input| {
                let is_next = (input_at >= late_from) == is_late;
                let waiting = input.waiting();
                let needed = u64::from(took[input_at]);
                if is_next && !names.contains(&input.giver()) && waiting < needed {
                    lacks.get_or_insert((input_at, waiting));
                }
                input_at += 1;
            });
        }
        lacks
    }

    /// Begins a cycle as it was: all of it, or up to where it can be interrupted.
    fn begin(&mut self, cycle: &Cycle) {
        let (mut before, mut at) = ([0; MAX_INPUTS], 0);
        let split = self.split();
        let stages = self.lane.stages();
        for stage in stages.iter_mut() {
            stage.inputs(&mut |input| {
                before[at] = input.taken();
                input.give_up_to(before[at] + u64::from(cycle.took[at]));
                at += 1;
            });
        }
        self.begun = Some(before);
        let whole = split.unwrap_or(stages.len());
        for stage in &mut stages[..whole] {
            stage.poll(cycle.now);
        }
        if let Some(stage) = stages.get_mut(whole) {
            stage.hear(cycle.now);
        }
    }

    /// The rest of it.
    fn go_on(&mut self, now: Nanos) {
        let split = self.split().unwrap_or(0);
        for stage in &mut self.lane.stages()[split..] {
            stage.poll(now);
        }
    }

    /// It is over: what was taken from each way in.
    fn end(&mut self) -> [u64; MAX_INPUTS] {
        self.cycles.pop_front();
        let before = self.begun.take().unwrap_or_default();
        let (mut taken, mut at) = ([0; MAX_INPUTS], 0);
        for stage in self.lane.stages() {
            stage.inputs(&mut |input| {
                taken[at] = input.taken() - before[at];
                at += 1;
            });
        }
        taken
    }
}

#[cfg(test)]
mod tests;
