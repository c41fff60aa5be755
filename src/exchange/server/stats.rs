//! What a server has done so far, readable from any thread.

use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one server. Written by its thread alone.
#[derive(Debug, Default)]
pub struct ServerStats {
    pub(super) open: Counter,
    pub(super) accepted: Counter,
    pub(super) refused: Counter,
    pub(super) requests: Counter,
    pub(super) frames_in: Counter,
    pub(super) frames_out: Counter,
    pub(super) malformed: Counter,
    pub(super) timed_out: Counter,
    pub(super) too_slow: Counter,
}

/// What the counters said at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StatsSnapshot {
    /// Connections open now.
    pub open: u64,
    /// Connections ever let in.
    pub accepted: u64,
    /// Connections turned away because too many were open.
    pub refused: u64,
    /// HTTP requests read whole.
    pub requests: u64,
    /// Text frames received.
    pub frames_in: u64,
    /// Text frames handed to a connection.
    pub frames_out: u64,
    /// Connections closed because what came was no HTTP, no WebSocket, or too large.
    pub malformed: u64,
    /// Connections closed because a request, its answer or the taking of it took too long.
    pub timed_out: u64,
    /// WebSockets closed because the client did not read what it was sent.
    pub too_slow: u64,
}

impl ServerStats {
    /// All counters, each read once; not one instant, they go on meanwhile.
    pub fn snapshot(&self) -> StatsSnapshot {
        StatsSnapshot {
            open: self.open.get(),
            accepted: self.accepted.get(),
            refused: self.refused.get(),
            requests: self.requests.get(),
            frames_in: self.frames_in.get(),
            frames_out: self.frames_out.get(),
            malformed: self.malformed.get(),
            timed_out: self.timed_out.get(),
            too_slow: self.too_slow.get(),
        }
    }
}

/// A count with one writer; it publishes nothing but itself.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    pub fn take_away(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
