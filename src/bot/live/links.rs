//! What the side thread does for the connections: says what they suffer from, and cancels over HTTPS
//! when the order link cannot.

use super::Live;
use crate::exit::AppError;
use crate::net::{Timeouts, WsState};
use crate::venue_api::account::VenueSide;
use crate::when::utc;
use botmm_pipeline::rt::{BoardReader, WallClock};
use botmm_pipeline::venue::hl::gateway::{GatewayView, VIEW_WORDS};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A link that was closed is often open again in a moment, and then what rests may stay. One that did
/// not answer any more gets no such grace: nobody knows for how long what rests has been unattended.
const GRACE: Duration = Duration::from_secs(3);
/// How soon the fallback tries again when it failed, and looks again when it did not.
const AGAIN_AFTER_FAILURE: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_secs(5);
/// Its own deadlines: it is there for the moments in which connections hang.
pub(super) const HURRY: Timeouts =
    Timeouts { connect: Duration::from_secs(2), total: Duration::from_secs(3) };

/// Makes a way to the venue that shares no connection with any other.
pub(super) type Way = Arc<dyn Fn() -> Result<VenueSide, AppError> + Send + Sync>;

/// Cancels over HTTPS what rests while the order link is down, on a thread of its own: nothing else
/// waits for it.
pub(super) struct Fallback {
    way: Way,
    link: BoardReader<VIEW_WORDS>,
    clock: WallClock,
    down_since: Option<Instant>,
    next: Instant,
    running: Option<JoinHandle<Result<Cancelled, AppError>>>,
    said: String,
    was_dead: bool,
}

/// What a try came to.
enum Cancelled {
    /// So many orders.
    Orders(usize),
    /// The order link came back first: it knows best.
    NotNeeded,
}

impl Fallback {
    pub(super) fn new(way: Way, link: BoardReader<VIEW_WORDS>, clock: WallClock) -> Self {
        let (next, said) = (Instant::now(), String::new());
        Self { way, link, clock, down_since: None, next, running: None, said, was_dead: false }
    }

    /// For how long the link has been down while orders may rest.
    pub(super) fn down_for(&self) -> Option<Duration> {
        self.down_since.map(|since| since.elapsed())
    }

    /// Does what is due; something new to say. `may_rest`: orders that rest, or might.
    fn turn(&mut self, may_rest: u64) -> Option<String> {
        let now = Instant::now();
        let told = self.running.take_if(|try_| try_.is_finished()).and_then(|ended| {
            let (said, pause) = in_words(ended.join().ok()?);
            self.next = now + pause;
            said.filter(|said| *said != std::mem::replace(&mut self.said, said.clone()))
        });
        let view = GatewayView::read(&self.link);
        if view.is_up || may_rest == 0 {
            self.down_since = None;
            return told;
        }
        let since = *self.down_since.get_or_insert_with(|| {
            self.said.clear();
            now
        });
        let is_due = view.is_dead || now - since >= GRACE;
        if is_due && now >= self.next && self.running.is_none() {
            self.start(now);
        }
        told
    }

    /// Whether the link has just been given up because the venue did not answer.
    fn has_just_died(&mut self) -> bool {
        let is_dead = GatewayView::read(&self.link).is_dead;
        let was_dead = std::mem::replace(&mut self.was_dead, is_dead);
        is_dead && !was_dead
    }

    fn start(&mut self, now: Instant) {
        let (way, link, clock) = (self.way.clone(), self.link.clone(), self.clock.clone());
        let cancel = move || {
            let mut venue = way()?;
            let resting = venue.open_orders()?;
            if GatewayView::read(&link).is_up {
                return Ok(Cancelled::NotNeeded);
            }
            venue.cancel(clock.now(), &resting)?;
            Ok(Cancelled::Orders(resting.len()))
        };
        // Without a thread there is no try; the next one may find one.
        self.running = thread::Builder::new().name("cancel-https".to_owned()).spawn(cancel).ok();
        self.next = now + AGAIN_AFTER_FAILURE;
    }
}

/// What to say of a try, and how long to wait for the next one.
fn in_words(ended: Result<Cancelled, AppError>) -> (Option<String>, Duration) {
    match ended {
        Ok(Cancelled::NotNeeded) => (None, Duration::ZERO),
        Ok(Cancelled::Orders(0)) => {
            (Some("order link down: no order of ours rests, says HTTPS".to_owned()), AGAIN)
        }
        Ok(Cancelled::Orders(count)) => {
            (Some(format!("order link down: {count} orders cancelled over HTTPS")), AGAIN)
        }
        Err(e) => {
            (Some(format!("order link down, and HTTPS cannot cancel: {e}")), AGAIN_AFTER_FAILURE)
        }
    }
}

impl Live {
    /// When the order link is down, what rests is cancelled over HTTPS, beside the reconnect.
    pub(super) fn watch_link(&mut self) {
        if self.fallback.has_just_died() {
            let within = self.settings.dead_link.as_secs_f64();
            let said = format!(
                "orders: the venue did not answer any more for up to {within} s: connection given \
                 up, opening another"
            );
            self.say(format!("{} {said}", utc(self.clock.now())));
        }
        if let Some(said) = self.fallback.turn(self.pipeline.metrics.open_orders.get()) {
            self.say(format!("{} {said}", utc(self.clock.now())));
        }
    }

    /// Says how many messages were not believed: the first, and then when they are twice as many.
    pub(super) fn watch_feed(&mut self) {
        let ahead = self.feed_stats.ahead.load(Ordering::Relaxed);
        if ahead > 0 && ahead >= 2 * self.told_ahead {
            self.told_ahead = ahead;
            self.say(format!(
                "{} market data: {ahead} messages dated more than 5 s ahead of the venue's clock were \
                 refused; should they go on, check this machine's clock",
                utc(self.clock.now())
            ));
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
}
