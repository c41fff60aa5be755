//! The pipeline's ends of the simulator: a feed and a gateway over rings. The exchange stamps each
//! message with the time it arrives; until then it stays in the ring.

use crate::rt::{In, Out};
use crate::types::{Action, MarketEvent, Nanos, VenueEvent};
use crate::venue::{Feed, Gateway};

/// Market data from the simulated exchange.
pub struct SimFeed(pub In<MarketEvent>);

impl Feed for SimFeed {
    fn next(&mut self, now: Nanos, event: &mut MarketEvent) -> bool {
        if self.0.peek().is_none_or(|e| e.recv_time() > now) {
            return false;
        }
        let Some(next) = self.0.pop() else { return false };
        *event = next;
        true
    }
    fn next_deadline(&self) -> Option<Nanos> {
        self.0.peek().map(MarketEvent::recv_time)
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
        if self.events.peek().is_none_or(|e| e.recv_time > now) {
            return None;
        }
        self.events.pop()
    }
    fn next_deadline(&self) -> Option<Nanos> {
        self.events.peek().map(|e| e.recv_time)
    }
}
