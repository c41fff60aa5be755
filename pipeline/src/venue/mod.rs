//! Floor 2, the seam: everything that differs between live trading, paper, replay and tests is
//! behind these three traits. [`Feed`] and [`Gateway`] speak events (what a market is);
//! [`Transport`] speaks frames (how Hyperliquid talks). Time and bytes are arguments.

pub mod hl;
pub mod sim;
pub mod tape;

use crate::types::{Action, MarketEvent, Nanos, VenueEvent};

/// Where market data comes from. Owned by the feed stage.
pub trait Feed: Send {
    /// Writes the next event that has reached us by `now` into `event`; false when there is none.
    fn next(&mut self, now: Nanos, event: &mut MarketEvent) -> bool;
    /// When the next event is due, if that is known (virtual time jumps there).
    fn next_deadline(&self) -> Option<Nanos>;
}

/// Where orders go and their fate comes from. Owned by the dispatch stage.
pub trait Gateway: Send {
    /// Hands an action over. False when it could not be taken (full or link down): nothing was
    /// sent, and the caller may try again.
    fn submit(&mut self, now: Nanos, action: &Action) -> bool;
    /// The next event that has reached us by `now`.
    fn next(&mut self, now: Nanos) -> Option<VenueEvent>;
    /// When the next event is due, if that is known.
    fn next_deadline(&self) -> Option<Nanos>;
}

/// A connection that carries whole text frames.
pub trait Transport: Send {
    /// The next frame received by `now`, with the time it arrived.
    fn recv(&mut self, now: Nanos) -> Option<(Nanos, &mut [u8])>;
    /// Queues a frame. False when it could not be taken.
    fn send(&mut self, now: Nanos, frame: &[u8]) -> bool;
}
