//! What the side thread does for the connections: says what they suffer from, and cancels over HTTPS
//! when the order link cannot, or a lane stands still. While one does, trading is held: a lane of orders that
//! goes on would hold on to old targets, and place anew what was cancelled.

use super::alert::{Alert, Topic};
use super::errands::{Errands, Pending};
use super::progress::Progress;
use super::task::{Task, Turn};
use crate::exit::AppError;
use crate::net::{Timeouts, WsState, WsStatus};
use crate::venue_api::account::{OwnCancels, Way};
use botmm_pipeline::rt::{BoardReader, Hold, LevelCell, WallClock};
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::types::{AlertKind, Nanos};
use botmm_pipeline::venue::hl::feed::FeedStats;
use botmm_pipeline::venue::hl::gateway::{GatewayView, VIEW_WORDS};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A link that was closed is often open again in a moment, and then what rests may stay. One that did
/// not answer any more gets no such grace: nobody knows for how long what rests has been unattended.
pub const GRACE: Nanos = Nanos::secs(3);
/// A lane that did not go round for so long stands: others of the machine take milliseconds of it.
pub const STANDS_AFTER: Nanos = Nanos::secs(2);
/// Of the time between two turns of this thread no more counts as a lane's.
const LONGEST_TURN: Nanos = Nanos::millis(300);
/// How soon the fallback tries again when it failed, and looks again when it did not.
const AGAIN_AFTER_FAILURE: Nanos = Nanos::secs(1);
const AGAIN: Nanos = Nanos::secs(5);
/// Its own deadlines: it is there for the moments in which connections hang.
pub const HURRY: Timeouts =
    Timeouts { connect: Duration::from_secs(2), total: Duration::from_secs(3) };

/// So long after we cancelled over HTTPS, or after the link came back to tell of it, what is gone was ours to cancel.
const TOLD_WITHIN: Nanos = Nanos::secs(15);

/// How long a try may take.
const PATIENCE: Nanos = Nanos::secs(15);

/// See the module.
pub struct Links {
    fallback: Fallback,
    level: Arc<LevelCell>,
    progress: Progress,
    standing: Standing,
    metrics: Arc<Metrics>,
    /// After so long without an answer the order link is given up.
    dead_after: Nanos,
    sockets: [(&'static str, WsStatus); 2],
    /// What each socket was last said to suffer from.
    socket_trouble: [Option<String>; 2],
    feed_stats: Arc<FeedStats>,
    /// Messages dated ahead that were told of.
    told_ahead: u64,
    own_cancels: OwnCancels,
    /// When the order link was last lost, and when it was back.
    outage: [Option<Nanos>; 2],
}

/// Cancels over HTTPS what rests while the order link is down or a lane stands, by a worker of its own.
struct Fallback {
    way: Way,
    link: BoardReader<VIEW_WORDS>,
    clock: WallClock,
    progress: Progress,
    down_since: Option<Nanos>,
    next: Nanos,
    running: Option<Pending<Result<Cancelled, AppError>>>,
    /// Why it is needed.
    why: String,
    said: String,
    was_dead: bool,
}

/// Whether a lane stands. While this thread stood with it (the process was stopped, the machine slept), nobody
/// did.
#[derive(Default)]
struct Standing {
    proved: Nanos,
    looked: Nanos,
    stood: Nanos,
    stands: bool,
}

impl Standing {
    /// True or false when that has changed.
    fn look(&mut self, proved: Nanos, now: Nanos) -> Option<bool> {
        let passed = now - std::mem::replace(&mut self.looked, now);
        self.stood = match std::mem::replace(&mut self.proved, proved) == proved {
            true if proved > Nanos::ZERO => self.stood + passed.min(LONGEST_TURN),
            _ => Nanos::ZERO,
        };
        let stands = self.stood >= STANDS_AFTER;
        (std::mem::replace(&mut self.stands, stands) != stands).then_some(stands)
    }
}

/// What a try came to.
enum Cancelled {
    /// So many orders.
    Orders(usize),
    /// The order link came back first: it knows best.
    NotNeeded,
}

impl Fallback {
    /// Does what is due; something new to say. `may_rest`: orders that rest, or might.
    fn turn(&mut self, may_rest: u64, now: Nanos, cancels: &Errands) -> Option<String> {
        let told = self.running.as_ref().and_then(|running| running.told(now)).and_then(|ended| {
            self.running = None;
            let (said, pause) = in_words(&self.why, ended);
            self.next = now + pause;
            said.filter(|said| *said != std::mem::replace(&mut self.said, said.clone()))
        });
        let view = GatewayView::read(&self.link);
        let stands = now - self.progress.proof().lanes >= STANDS_AFTER;
        if view.is_up && !stands || may_rest == 0 {
            self.down_since = None;
            return told;
        }
        self.why = match self.progress.laggard() {
            Some(lane) if stands => format!("lane {lane} stands still"),
            _ => "order link down".to_owned(),
        };
        let since = *self.down_since.get_or_insert_with(|| {
            self.said.clear();
            now
        });
        let is_due = view.is_dead || now - since >= GRACE;
        if is_due && now >= self.next && self.running.is_none() {
            self.start(now, cancels);
        }
        told
    }

    /// Whether the link has just been given up because the venue did not answer.
    fn has_just_died(&mut self) -> bool {
        let is_dead = GatewayView::read(&self.link).is_dead;
        let was_dead = std::mem::replace(&mut self.was_dead, is_dead);
        is_dead && !was_dead
    }

    fn start(&mut self, now: Nanos, cancels: &Errands) {
        let (way, link, clock) = (self.way.clone(), self.link.clone(), self.clock.clone());
        let (progress, stood) = (self.progress.clone(), self.progress.proof().lanes);
        let cancel = move || {
            let mut venue = way()?;
            let resting = venue.open_orders()?;
            let goes = progress.proof().lanes > stood;
            if GatewayView::read(&link).is_up && goes {
                return Ok(Cancelled::NotNeeded);
            }
            venue.cancel(clock.now(), &resting)?;
            Ok(Cancelled::Orders(resting.len()))
        };
        self.running = Some(cancels.send(now, PATIENCE, cancel));
        self.next = now + AGAIN_AFTER_FAILURE;
    }
}

/// What to say of a try, and how long to wait for the next one.
fn in_words(why: &str, ended: Result<Cancelled, String>) -> (Option<String>, Nanos) {
    match ended {
        Ok(Cancelled::NotNeeded) => (None, Nanos::ZERO),
        Ok(Cancelled::Orders(0)) => {
            (Some(format!("{why}: no order of ours rests, says HTTPS")), AGAIN)
        }
        Ok(Cancelled::Orders(count)) => {
            (Some(format!("{why}: {count} orders cancelled over HTTPS")), AGAIN)
        }
        Err(e) => (Some(format!("{why}, and HTTPS cannot cancel: {e}")), AGAIN_AFTER_FAILURE),
    }
}

impl Links {
    /// Of a run that has just begun. `sockets`: of the market data, and of the orders.
    pub fn new(
        (way, link, clock, own_cancels): (Way, BoardReader<VIEW_WORDS>, WallClock, OwnCancels),
        progress: Progress,
        (level, metrics): (Arc<LevelCell>, Arc<Metrics>),
        dead_after: Nanos,
        [market, orders]: [WsStatus; 2],
        feed_stats: Arc<FeedStats>,
    ) -> Self {
        let fallback = Fallback {
            way,
            link,
            clock,
            progress: progress.clone(),
            down_since: None,
            next: Nanos::ZERO,
            running: None,
            why: String::new(),
            said: String::new(),
            was_dead: false,
        };
        Self {
            fallback,
            level,
            progress,
            standing: Standing::default(),
            metrics,
            dead_after,
            sockets: [("market data", market), ("orders", orders)],
            socket_trouble: [None, None],
            feed_stats,
            told_ahead: 0,
            own_cancels,
            outage: [None; 2],
        }
    }

    /// The connections of market data and orders.
    pub fn sockets(&self) -> &[(&'static str, WsStatus); 2] {
        &self.sockets
    }

    /// What the feed has seen.
    pub fn feed(&self) -> &FeedStats {
        &self.feed_stats
    }

    /// For how long nobody has looked after the orders that may rest, and why: the order link is down, or a
    /// lane stands.
    pub fn unattended(&self, now: Nanos) -> Option<(Duration, String)> {
        let since = self.fallback.down_since?;
        let span = Duration::from_nanos((now - since).0.max(0) as u64);
        Some((span, self.fallback.why.clone()))
    }

    /// What the order link's socket suffers from.
    pub fn trouble_of_orders(&self) -> Option<String> {
        self.sockets[1].1.last_error()
    }

    /// What an alert of this time is to be called: an order that we cancelled ourselves, beside the order link, is
    /// told by it as one that somebody cancelled.
    pub fn named(&self, kind: AlertKind, time: Nanos) -> AlertKind {
        let last = self.own_cancels.last();
        let just_now = time - last < TOLD_WITHIN;
        let in_the_outage = match self.outage {
            [Some(lost), None] => last >= lost,
            [Some(lost), Some(back)] => last >= lost && time - back < TOLD_WITHIN,
            _ => false,
        };
        match kind {
            AlertKind::CanceledByOther | AlertKind::OrdersVanish if just_now || in_the_outage => {
                AlertKind::CanceledOverHttps
            }
            kind => kind,
        }
    }

    /// Takes note of the order link's losses.
    fn watch_outages(&mut self, now: Nanos) {
        let is_up = GatewayView::read(&self.fallback.link).is_up;
        self.outage = match self.outage {
            [Some(lost), None] if is_up => [Some(lost), Some(now)],
            [None, None] | [_, Some(_)] if !is_up => [Some(now), None],
            same => same,
        };
    }

    /// Holds trading while a lane stands: the lane of the orders, if it is another, cancels by itself then.
    fn watch_lanes(&mut self, turn: &mut Turn<'_>) {
        let proved = self.progress.proof().lanes;
        let Some(stands) = self.standing.look(proved, turn.now) else { return };
        self.level.hold(Hold::LaneStands, stands);
        turn.say(match (stands, self.progress.laggard()) {
            (true, lane) => {
                let lane = lane.unwrap_or("of this bot");
                let said = format!("lane {lane} stands still: nothing is quoted until it goes on");
                Alert::critical(Topic::Machine, said)
            }
            (false, _) => Alert::info(Topic::Machine, "every lane goes again"),
        });
    }

    /// When the order link is down, what rests is cancelled over HTTPS, beside the reconnect.
    fn watch_orders(&mut self, turn: &mut Turn<'_>) {
        if self.fallback.has_just_died() {
            let within = self.dead_after.as_secs_f64();
            let said = format!(
                "orders: the venue did not answer any more for up to {within} s: connection given \
                 up, opening another"
            );
            turn.say(Alert::warn(Topic::Link, said));
        }
        let may_rest = self.metrics.dispatch.open_orders.get();
        let said = self.fallback.turn(may_rest, turn.now, &turn.workers.cancels);
        said.into_iter().for_each(|said| turn.say(Alert::warn(Topic::Orders, said)));
    }

    /// Says how many messages were not believed: the first, and then when they are twice as many.
    fn watch_feed(&mut self, turn: &mut Turn<'_>) {
        let ahead = self.feed_stats.ahead.load(Ordering::Relaxed);
        if ahead > 0 && ahead >= 2 * self.told_ahead {
            self.told_ahead = ahead;
            let said = format!(
                "market data: {ahead} messages dated more than 5 s ahead of the venue's clock were \
                 refused; should they go on, check this machine's clock"
            );
            turn.say(Alert::warn(Topic::Machine, said));
        }
    }

    /// Says why a connection is not open, and that it is again; each once.
    fn watch_sockets(&mut self, turn: &mut Turn<'_>) {
        for ((name, socket), known) in self.sockets.iter().zip(&mut self.socket_trouble) {
            let trouble = match socket.state() {
                WsState::Open => None,
                _ => socket.last_error().or_else(|| known.clone()),
            };
            if trouble == *known {
                continue;
            }
            turn.say(match &trouble {
                Some(why) => Alert::warn(Topic::Link, format!("{name}: {why}")),
                None => Alert::info(Topic::Link, format!("{name}: connected again")),
            });
            *known = trouble;
        }
    }
}

impl Task for Links {
    fn name(&self) -> &'static str {
        "links"
    }

    fn turn(&mut self, turn: &mut Turn<'_>) {
        self.watch_lanes(turn);
        self.watch_outages(turn.now);
        self.watch_orders(turn);
        self.watch_feed(turn);
        self.watch_sockets(turn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_stands_when_it_does_and_not_because_this_thread_did() {
        let mut standing = Standing::default();
        let ms = Nanos::millis;
        // Before the first cycle nothing stands.
        assert!((0..50).all(|turn| standing.look(Nanos::ZERO, ms(turn * 100)).is_none()));
        assert_eq!(standing.look(ms(5_000), ms(5_000)), None);
        // The process was stopped for a minute: at first the lanes' newest cycle is as old.
        assert_eq!(standing.look(ms(5_000), ms(65_000)), None);
        assert_eq!(standing.look(ms(65_010), ms(65_020)), None);
        let changes: Vec<_> = (1..30)
            .filter_map(|turn| Some((turn, standing.look(ms(65_010), ms(65_020 + turn * 100))?)))
            .collect();
        assert_eq!(changes, [(20, true)], "told once");
        assert_eq!(standing.look(ms(68_000), ms(68_000)), Some(false));
    }
}
