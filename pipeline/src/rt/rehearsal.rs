//! What a lane does while nothing comes, so that the next tick finds its code and data near the core.
//!
//! A tick is ninety kilobytes of code and forty of data: after a few milliseconds of anything else, most of
//! it has to come from far away again, and the tick takes five to ten times as long. So an idle lane goes
//! through a tick that is none. Its stages are a pipeline of their own (`wiring::rehearsal`): the same code,
//! but made frames in, and a gateway that leads nowhere; they share nothing with the real ones, so that
//! they can change nothing. Beside each, the real stage brings near what its next poll will need
//! ([`Stage::warm`]).

use super::stage::Stage;
use crate::types::Nanos;

/// The stages of a lane once more, with their effects off.
pub struct Rehearsal {
    stages: Vec<Box<dyn Stage>>,
    /// From one round to the next.
    every: Nanos,
    next: Nanos,
    /// Whose turn it is.
    turn: usize,
}

impl Rehearsal {
    /// Of stages that lead nowhere; a round begins so often.
    pub fn new(stages: Vec<Box<dyn Stage>>, every: Nanos) -> Self {
        assert!(every > Nanos::ZERO, "a rehearsal takes time");
        Self { stages, every, next: Nanos::ZERO, turn: 0 }
    }

    /// One stage's turn, if one is due: never more at once, so that a real tick waits for one stage at
    /// most. `real` are the lane's own stages, in the same order.
    pub fn step(&mut self, now: Nanos, real: &mut [Box<dyn Stage>]) -> bool {
        if self.turn == 0 {
            // A clock that went back does not hold it up.
            if now < self.next && self.next - now <= self.every {
                return false;
            }
            self.next = now + self.every;
        }
        self.stages[self.turn].poll(now);
        real[self.turn].warm(now);
        self.turn = (self.turn + 1) % self.stages.len();
        true
    }

    /// Before the first step.
    pub fn start(&mut self) {
        self.stages.iter_mut().for_each(|stage| stage.on_start());
    }
}
