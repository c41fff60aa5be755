//! The pipeline's ends of the simulator: a feed and a gateway over rings. The exchange stamps each
//! message with the time it arrives; until then it stays in the ring.

use crate::rt::{In, Out};
use crate::types::{Action, BookSnapshot, LentEvent, MarketEvent, Nanos, VenueEvent};
use crate::venue::market_ring::MarketIn;
use crate::venue::{Feed, Gateway};

/// Market data from the simulated exchange.
pub struct SimFeed {
    ring: MarketIn,
    /// The book that was told last.
    book: BookSnapshot,
}

impl SimFeed {
    /// Of what comes out of a ring.
    pub fn new(ring: MarketIn) -> Self {
        Self { ring, book: BookSnapshot::EMPTY }
    }
}

impl Feed for SimFeed {
    fn next(&mut self, now: Nanos) -> Option<LentEvent<'_>> {
        self.ring.next_time().filter(|due| *due <= now)?;
        let event = self.ring.pop()?;
        if let MarketEvent::Book(head) = &event {
            self.book = self.ring.take_book(head, |book| *book);
        }
        Some(event.map(|_| &self.book))
    }
    fn next_deadline(&self) -> Option<Nanos> {
        self.ring.next_time()
    }
    fn has_news(&self, now: Nanos) -> bool {
        self.ring.next_time().is_some_and(|due| due <= now)
    }
}

/// Orders to the simulated exchange, and its answers.
pub struct SimGateway {
    /// Actions on their way.
    pub actions: Out<Action>,
    /// Answers on their way.
    pub events: In<VenueEvent>,
}

impl Gateway for SimGateway {
    fn submit(&mut self, _now: Nanos, action: &Action) -> bool {
        self.actions.push(*action).is_ok()
    }
    fn next(&mut self, now: Nanos) -> Option<VenueEvent> {
        if !self.has_news(now) {
            return None;
        }
        self.events.pop()
    }
    fn next_deadline(&self) -> Option<Nanos> {
        self.events.peek().map(|e| e.recv_time)
    }
    fn has_news(&self, now: Nanos) -> bool {
        self.events.peek().is_some_and(|e| e.recv_time <= now)
    }
}
