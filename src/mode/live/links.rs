//! What the side thread does for the connections: says what they suffer from, and cancels over HTTPS
//! when the order link cannot.

use super::Live;
use crate::exit::AppError;
use crate::net::WsState;
use crate::side::journal::utc;
use botmm_pipeline::venue::hl::gateway::GatewayView;
use std::time::{Duration, Instant};

/// When the order link has been down for this long, what rests is cancelled over HTTPS.
const FALLBACK_AFTER: Duration = Duration::from_secs(10);
/// How often the fallback is tried again.
const FALLBACK_EVERY: Duration = Duration::from_secs(10);

impl Live {
    /// When the order link stays down, what rests is cancelled over HTTPS.
    pub(super) fn watch_link(&mut self) {
        let view = GatewayView::read(&self.link);
        if view.is_up || self.pipeline.metrics.open_orders.get() == 0 {
            self.down_since = None;
            return;
        }
        let since = *self.down_since.get_or_insert_with(Instant::now);
        let now = Instant::now();
        if now - since >= FALLBACK_AFTER && now >= self.next_fallback {
            self.next_fallback = now + FALLBACK_EVERY;
            let said = match self.cancel_over_https() {
                Ok(0) => "order link down: no order of ours rests, says HTTPS".to_owned(),
                Ok(count) => format!("order link down: {count} orders cancelled over HTTPS"),
                Err(e) => format!("order link down, and HTTPS cannot cancel: {e}"),
            };
            self.say(format!("{} {said}", utc(self.clock.now())));
        }
    }

    /// Says why a connection is not open, and that it is again; each once.
    pub(super) fn watch_sockets(&mut self) {
        for i in 0..self.sockets.len() {
            let (name, socket) = &self.sockets[i];
            let trouble = match socket.state() {
                WsState::Open => None,
                _ => socket.last_error().or_else(|| self.socket_trouble[i].clone()),
            };
            if trouble == self.socket_trouble[i] {
                continue;
            }
            let said = match &trouble {
                Some(why) => format!("{} {name}: {why}", utc(self.clock.now())),
                None => format!("{} {name}: connected again", utc(self.clock.now())),
            };
            self.socket_trouble[i] = trouble;
            self.say(said);
        }
    }

    /// Cancels every order of ours that rests; how many there were.
    pub(super) fn cancel_over_https(&mut self) -> Result<usize, AppError> {
        let resting = self.venue.open_orders()?;
        self.venue.cancel(self.clock.now(), &resting)?;
        Ok(resting.len())
    }
}
