//! The one clock. Everything else gets its time as an argument.

use crate::types::Nanos;
use std::time::{SystemTime, UNIX_EPOCH};

/// Monotonic wall time in Unix nanoseconds: the system clock read once, then the time-stamp
/// counter. It never steps back when the system clock is corrected.
#[derive(Clone, Debug)]
pub struct WallClock {
    clock: quanta::Clock,
    start_raw: u64,
    start_unix: Nanos,
}

impl Default for WallClock {
    fn default() -> Self {
        let clock = quanta::Clock::new();
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start_raw: clock.raw(), clock, start_unix: Nanos(unix.as_nanos() as i64) }
    }
}

impl WallClock {
    /// Now.
    pub fn now(&self) -> Nanos {
        self.start_unix + Nanos(self.clock.delta_as_nanos(self.start_raw, self.clock.raw()) as i64)
    }
    /// A raw tick count, for measuring spans with [`WallClock::span_ns`].
    pub fn raw(&self) -> u64 {
        self.clock.raw()
    }
    /// Nanoseconds between two raw tick counts.
    pub fn span_ns(&self, from: u64, to: u64) -> u64 {
        self.clock.delta_as_nanos(from, to)
    }
}
