//! Floor 2, the seam: everything that differs between live trading, paper, replay and tests is
//! behind these three traits. [`Feed`] and [`Gateway`] speak events (what a market is);
//! [`Transport`] speaks frames (how Hyperliquid talks). Time and bytes are arguments.

pub mod hl;
pub mod market_ring;
pub mod nowhere;
pub mod sim;
pub mod tap;
pub mod tape;

use crate::rt::Input;
use crate::types::{Action, Arrival, Inquiry, LentEvent, Nanos, VenueEvent};

/// Where market data comes from. Owned by the feed stage.
pub trait Feed: Send {
    /// The next event that has reached us by `now`. Its book is lent from where it lies.
    fn next(&mut self, now: Nanos) -> Option<LentEvent<'_>>;
    /// When the next event is due, if that is known (virtual time jumps there).
    fn next_deadline(&self) -> Option<Nanos>;
    /// False when [`Feed::next`] has nothing now.
    fn has_news(&self, now: Nanos) -> bool {
        let _ = now;
        true
    }
    /// The next event if it is a *row*, the change of a level or a trade, and is received before `until`: it
    /// may be taken ahead of its time, in order. Else when the next event is due.
    ///
    /// # Errors
    /// There is none, or it is something else, or it comes later.
    fn next_row(&mut self, until: Nanos) -> Result<LentEvent<'_>, Nanos> {
        let _ = until;
        Err(self.next_deadline().unwrap_or(Nanos::MAX))
    }
    /// When the frame arrived that [`Feed::next`] has begun to tell: once for each, where it is known.
    fn take_arrival(&mut self) -> Option<Arrival> {
        None
    }
    /// What it takes from, where that is on record.
    fn input(&mut self) -> Option<&mut dyn Input> {
        None
    }
    /// Brings near the core what the next frame will need; see [`crate::rt::Stage::warm`].
    fn warm(&mut self) {}
}

/// Where orders go and their fate comes from. Owned by the dispatch stage.
pub trait Gateway: Send {
    /// Hands an action over. False when it could not be taken (full or link down): nothing was
    /// sent, and the caller may try again.
    fn submit(&mut self, now: Nanos, action: &Action) -> bool;
    /// The next event that has reached us by `now`.
    fn next(&mut self, now: Nanos) -> Option<VenueEvent>;
    /// Asks what became of an order; the answer comes as events. Asked again while it is not known.
    fn inquire(&mut self, now: Nanos, inquiry: &Inquiry) {
        let _ = (now, inquiry);
    }
    /// What time it is at the venue when it is `now` here: what the venue judges is said in it.
    fn venue_time(&self, now: Nanos) -> Nanos {
        now
    }
    /// Whether orders may be sent from the start, without waiting for a
    /// [`crate::types::VenueEventKind::LinkUp`].
    fn starts_up(&self) -> bool {
        true
    }
    /// What it takes from, where that is on record.
    fn input(&mut self) -> Option<&mut dyn Input> {
        None
    }
    /// How requests were signed so far, where signatures are made ahead.
    fn signing(&self) -> SigningCounts {
        SigningCounts::default()
    }
    /// When the next event is due, if that is known.
    fn next_deadline(&self) -> Option<Nanos>;
    /// False when [`Gateway::next`] has nothing now.
    fn has_news(&self, now: Nanos) -> bool {
        let _ = now;
        true
    }
    /// Brings near the core what the next action will need; see [`crate::rt::Stage::warm`].
    fn warm(&mut self, now: Nanos) {
        let _ = now;
    }
}

/// How requests were signed, where signatures are made ahead; all zero where they are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SigningCounts {
    /// By one that was made ahead.
    pub presigned: u64,
    /// As ever, because none was there that might be used.
    pub ordinary: u64,
    /// Made ahead and not used: too old, or in doubt.
    pub dropped: u64,
}

/// What a connection has to say.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// It is open: frames may be sent.
    Opened,
    /// A text frame arrived. It may be changed in place (in-place JSON parsing).
    Frame(&'a mut [u8]),
    /// It could not be opened, or is gone. Nothing more comes until [`Transport::connect`].
    Closed,
}

/// A connection that carries whole text frames. It never blocks and never reconnects by itself:
/// when to try again is the owner's policy, which can so be tested without a socket.
pub trait Transport: Send {
    /// Drops the present connection, if any, and begins to open a new one. [`Received::Opened`] or
    /// [`Received::Closed`] tells how that went; no [`Received::Closed`] is said of a connection
    /// that was dropped here.
    fn connect(&mut self, now: Nanos);
    /// What happened by `now`, oldest first; [`None`] = nothing (more) yet.
    fn recv(&mut self, now: Nanos) -> Option<Received<'_>>;
    /// When the frame arrived that was handed out last; zeros where nobody looks at a clock.
    fn arrival(&self) -> Arrival {
        Arrival::default()
    }
    /// Queues a text frame. False when it could not be taken (not open, or its buffer is full):
    /// nothing of it was or will be sent.
    fn send(&mut self, now: Nanos, frame: &[u8]) -> bool;
    /// When something is known to be due (virtual time jumps there).
    fn next_deadline(&self) -> Option<Nanos>;
    /// What it takes from, where that is on record.
    fn input(&mut self) -> Option<&mut dyn Input> {
        None
    }
}
