//! What a lane does when none of its stages had work.

use std::time::Duration;

/// How a lane waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleStrategy {
    /// Burn the core: lowest latency, one core each.
    Spin,
    /// Spin, then yield, then sleep briefly: shares a core politely.
    Backoff,
    /// Sleep at once: for a single core.
    Park,
}

impl IdleStrategy {
    /// By its name in a plan file.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "spin" => Some(Self::Spin),
            "backoff" => Some(Self::Backoff),
            "park" => Some(Self::Park),
            _ => None,
        }
    }
}

const SPINS: u32 = 200;
const YIELDS: u32 = 100;
/// A sleep this short really lasts about 60-100 µs (timer slack): far below the venue's block time.
const SLEEP_MIN: Duration = Duration::from_micros(50);
const SLEEP_MAX: Duration = Duration::from_micros(400);

/// An idle strategy with its memory of how long there was nothing to do.
#[derive(Debug)]
pub struct Idle {
    strategy: IdleStrategy,
    idle_turns: u32,
    sleep: Duration,
}

impl Idle {
    /// A fresh one.
    pub fn new(strategy: IdleStrategy) -> Self {
        Self { strategy, idle_turns: 0, sleep: SLEEP_MIN }
    }

    /// Call once a duty cycle with the work it did.
    pub fn idle(&mut self, work: usize) {
        if work > 0 {
            self.idle_turns = 0;
            self.sleep = SLEEP_MIN;
            return;
        }
        self.idle_turns = self.idle_turns.saturating_add(1);
        match self.strategy {
            IdleStrategy::Spin => core::hint::spin_loop(),
            IdleStrategy::Backoff if self.idle_turns <= SPINS => core::hint::spin_loop(),
            IdleStrategy::Backoff if self.idle_turns <= SPINS + YIELDS => std::thread::yield_now(),
            IdleStrategy::Backoff | IdleStrategy::Park => {
                std::thread::sleep(self.sleep);
                self.sleep = (self.sleep * 2).min(SLEEP_MAX);
            }
        }
    }
}
