//! Market data of the venue: a session that subscribes to each coin's book, touch, trades and mark,
//! and the decoder behind it. What it cannot read it counts and drops; when the link is lost it says
//! so, and the books are void at once.
//!
//! A coin's trouble is that coin's: when its streams fall silent or are refused, its book is void and
//! its streams are asked for again, less and less often. The session starts over only when no coin is
//! told of any more.

use super::clock::VenueClock;
use super::decode::Decoder;
use super::frame::Channel;
use super::session::{DEAD_LINK, Session};
use super::user::{StreamKind, UserParser};
use crate::logic::freshness::LONGEST_SILENCE;
use crate::rt::{Input, bring_near};
use crate::types::limits::{MAX_ASSETS, MAX_TRADES_PER_FRAME};
use crate::types::{
    Arrival, AssetId, BookForm, EventHead, FeedChange, FeedStatus, LentEvent, MarketEvent, Nanos,
    Universe,
};
use crate::venue::{Feed, Received, Transport};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// When no stream says anything for this long the whole session starts over.
const SILENCE_LIMIT: Nanos = Nanos::secs(20);
/// First and longest pause before a coin's streams are asked for again, if that did not help.
const FIRST_PAUSE: Nanos = Nanos::secs(5);
const LONGEST_PAUSE: Nanos = Nanos::secs(300);
/// A coin that was told of for this long is well: its next pause is the first again.
const WELL_AFTER: Nanos = Nanos::secs(60);
/// A message dated so far ahead of the venue's clock is not believed: everything that is true and
/// comes later would be older than it.
const MAX_AHEAD: Nanos = Nanos::secs(5);
/// Who was not asked for this long did not run: what waits is the past.
const STOPPED_AFTER: Nanos = Nanos::secs(2);
/// The first frame of trades after a subscription may tell old ones again: there, trades older than
/// the newest book by more than this are dropped, and all that were told before.
const REPLAYED_AFTER: Nanos = Nanos::secs(2);
/// Events that one frame can make, with room for a status of every asset.
const EVENTS: usize = 4 * MAX_TRADES_PER_FRAME;

/// What the feed has seen, for the side thread.
#[derive(Debug, Default)]
pub struct FeedStats {
    /// Frames received.
    pub frames: AtomicU64,
    /// Frames that could not be read.
    pub bad_frames: AtomicU64,
    /// Trades dropped because they were told before.
    pub replayed_trades: AtomicU64,
    /// Times that the link was lost.
    pub losses: AtomicU64,
    /// Times that a coin's book fell silent.
    pub silences: AtomicU64,
    /// Times that a coin's streams were refused, or not acknowledged.
    pub refusals: AtomicU64,
    /// Times that a coin's streams were asked for again.
    pub resubscriptions: AtomicU64,
    /// Messages that were not believed because they were dated far ahead of the venue's clock.
    pub ahead: AtomicU64,
    /// Books, by asset.
    pub books: [BookStream; MAX_ASSETS],
}

/// A coin's books since the side thread last looked.
#[derive(Debug, Default)]
pub struct BookStream {
    told: AtomicU64,
    levels: AtomicU64,
}

impl BookStream {
    /// One came, with so many levels on its shallower side.
    pub fn saw(&self, levels: u64) {
        self.told.fetch_add(1, Ordering::Relaxed);
        self.levels.fetch_max(levels, Ordering::Relaxed);
    }

    /// How many there were since the last call, and the levels of the deepest one.
    pub fn take(&self) -> (u64, u64) {
        (self.told.swap(0, Ordering::Relaxed), self.levels.swap(0, Ordering::Relaxed))
    }
}

/// How a feed keeps its link.
#[derive(Clone, Copy, Debug)]
pub struct FeedConfig {
    /// Draws the jitter of reconnects.
    pub seed: u64,
    /// A link that does not answer any more is noticed within this time.
    pub dead_after: Nanos,
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self { seed: 1, dead_after: DEAD_LINK }
    }
}

struct AssetStream {
    /// When its newest book or touch came in.
    heard: Nanos,
    /// Venue time of that.
    newest: Nanos,
    newest_trade: Nanos,
    /// No trades came since the subscription.
    fresh: bool,
    /// What is wrong with it: [`FeedChange::Silent`] or [`FeedChange::Refused`].
    trouble: Option<FeedChange>,
    /// When its streams are asked for again, while something is, and the pause after that.
    retry: Nanos,
    pause: Nanos,
    /// When the last trouble was over.
    well_since: Nanos,
}

impl AssetStream {
    const NEW: Self = Self {
        heard: Nanos::ZERO,
        newest: Nanos::ZERO,
        newest_trade: Nanos::ZERO,
        fresh: true,
        trouble: None,
        retry: Nanos::ZERO,
        pause: FIRST_PAUSE,
        well_since: Nanos::ZERO,
    };

    fn begin(&mut self, now: Nanos, trouble: FeedChange) {
        if now - self.well_since >= WELL_AFTER {
            self.pause = FIRST_PAUSE;
        }
        self.trouble = Some(trouble);
        // Who was refused just now is refused again at once.
        self.retry = if trouble == FeedChange::Refused { now + self.pause } else { now };
    }

    fn asked_again(&mut self, now: Nanos) {
        self.retry = now + self.pause;
        self.pause = Nanos(self.pause.0 * 2).min(LONGEST_PAUSE);
        self.fresh = true;
    }

    fn due(&self) -> Nanos {
        if self.trouble.is_some() { self.retry } else { self.heard + LONGEST_SILENCE }
    }
}

/// See the module.
pub struct HlFeed<T> {
    transport: T,
    session: Session,
    decoder: Decoder,
    control: UserParser,
    universe: Universe,
    /// What is still to be told. A book lies in the decoder, which reads the next frame only when
    /// nothing is.
    events: VecDeque<EventHead>,
    streams: Vec<AssetStream>,
    stats: Arc<FeedStats>,
    /// What time it is at the venue.
    venue: VenueClock,
    /// The books are void because the link is down; said once.
    down: bool,
    /// When it was last asked, and whether what waited meanwhile is still being taken in.
    asked: Nanos,
    behind: bool,
    /// When the newest frame that told an event arrived, until somebody asks.
    arrival: Option<Arrival>,
}

impl<T: Transport> HlFeed<T> {
    /// A feed of all coins of the universe. `venue` tells how late a message is.
    pub fn new(transport: T, universe: Universe, config: FeedConfig, venue: VenueClock) -> Self {
        let mut session = Session::new(config.seed, config.dead_after);
        for (asset, instrument) in universe.iter() {
            use StreamKind as Kind;
            for kind in [Kind::Book, Kind::Bbo, Kind::Trades, Kind::AssetCtx] {
                session.want_market(kind, asset, instrument.coin.as_str());
            }
        }
        Self {
            transport,
            session,
            decoder: Decoder::new(),
            control: UserParser::new(),
            streams: universe.assets().map(|_| AssetStream::NEW).collect(),
            universe,
            events: VecDeque::with_capacity(EVENTS),
            stats: Arc::default(),
            venue,
            down: true,
            asked: Nanos::ZERO,
            behind: false,
            arrival: None,
        }
    }

    /// What it has seen, readable from another thread.
    pub fn stats(&self) -> Arc<FeedStats> {
        self.stats.clone()
    }

    /// Takes in one thing from the transport; false when there is nothing.
    fn take(&mut self, now: Nanos) -> bool {
        let Self { transport, session, decoder, control, universe, events, stats, venue, .. } =
            self;
        match transport.recv(now) {
            None => return false,
            Some(Received::Opened) => {
                session.on_opened(now, transport);
                for stream in &mut self.streams {
                    (stream.heard, stream.fresh) = (now, true);
                    stream.retry = now + stream.pause;
                }
                self.say_link(now, FeedChange::Up);
            }
            Some(Received::Closed) => {
                session.on_closed(now);
                self.lost(now);
            }
            Some(Received::Frame(frame)) => {
                stats.frames.fetch_add(1, Ordering::Relaxed);
                let (first, latest) = (events.len(), venue.at(now) + MAX_AHEAD);
                let take = |event: LentEvent<'_>| match event.venue_time() <= latest {
                    true => events.push_back(event.map(|book| {
                        let levels = u64::from(book.bid_count.min(book.ask_count));
                        stats.books[book.asset.index()].saw(levels);
                        book.head()
                    })),
                    false => drop(stats.ahead.fetch_add(1, Ordering::Relaxed)),
                };
                match decoder.decode(frame, now, universe, take) {
                    Ok(Channel::Pong) => {
                        session.on_pong();
                    }
                    Ok(Channel::SubscriptionResponse | Channel::Error) => {
                        let mut hear = |event| {
                            if !session.hear(&event) {
                                stats.bad_frames.fetch_add(1, Ordering::Relaxed);
                            }
                        };
                        let _ = control.parse(frame, universe, &mut hear);
                    }
                    Err(_) => {
                        stats.bad_frames.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(_) => {}
                }
                if self.events.len() > first {
                    let arrival = self.transport.arrival();
                    self.arrival = (arrival != Arrival::default()).then_some(arrival);
                }
                self.hear(now, first);
            }
        }
        true
    }

    /// Keeps track of what each stream said, and drops trades that were told before.
    fn hear(&mut self, now: Nanos, first: usize) {
        let Some(event) = self.events.get(first) else { return };
        // A frame speaks of one coin, and of one kind.
        let asset = event.asset();
        let stream = &mut self.streams[asset.index()];
        if stream.trouble == Some(FeedChange::Refused) && !self.session.is_subscribed(asset) {
            self.events.truncate(first); // Half of what there is to know of it: no book.
            return;
        }
        match event {
            MarketEvent::Book(_) | MarketEvent::Bbo(_) => {
                stream.heard = now;
                stream.newest = stream.newest.max(event.venue_time());
                if stream.trouble.take().is_some() {
                    stream.well_since = now;
                    self.say(now, asset, FeedChange::Resumed);
                }
            }
            MarketEvent::Trade(_) => {
                let told_before = match core::mem::take(&mut stream.fresh) {
                    true => stream.newest_trade.max(stream.newest - REPLAYED_AFTER),
                    false => Nanos::ZERO,
                };
                let before = self.events.len();
                let mut at = 0;
                self.events.retain(|e| {
                    at += 1;
                    at <= first || e.venue_time() > told_before
                });
                let dropped = (before - self.events.len()) as u64;
                self.stats.replayed_trades.fetch_add(dropped, Ordering::Relaxed);
                let newest = self.events.iter().skip(first).map(EventHead::venue_time).max();
                stream.newest_trade = stream.newest_trade.max(newest.unwrap_or(Nanos::ZERO));
            }
            // A mark bears no time of the venue: it proves no stream alive.
            MarketEvent::Status(_) | MarketEvent::Mark(_) | MarketEvent::Level(_) => {}
        }
    }

    /// The link is gone: every book is void.
    fn lost(&mut self, now: Nanos) {
        if !self.down {
            self.stats.losses.fetch_add(1, Ordering::Relaxed);
        }
        self.say_link(now, FeedChange::Down);
    }

    fn say_link(&mut self, now: Nanos, change: FeedChange) {
        let down = change == FeedChange::Down;
        if down != self.down {
            self.down = down;
            self.say(now, AssetId::new(0), change);
        }
    }

    fn say(&mut self, now: Nanos, asset: AssetId, change: FeedChange) {
        let status = FeedStatus::of(change, asset, now);
        self.events.push_back(MarketEvent::Status(status));
    }

    /// Notices coins that fell silent or were refused, and asks for them again.
    fn watch(&mut self, now: Nanos) {
        let is_due = self.session.take_refusal() || now >= self.next_watch();
        if !self.session.is_open() || !is_due {
            return;
        }
        let Self { streams, session, transport, stats, .. } = self;
        let mut found = [None; MAX_ASSETS];
        for (i, stream) in streams.iter_mut().enumerate() {
            let asset = AssetId::new(i);
            let mut trouble = if session.is_refused(asset) {
                Some(FeedChange::Refused)
            } else if now - stream.heard >= LONGEST_SILENCE {
                Some(FeedChange::Silent)
            } else {
                None
            };
            match (stream.trouble, trouble) {
                (None, Some(new)) => stream.begin(now, new),
                // Silent until now, and asked for again: at least it is known why.
                (Some(FeedChange::Silent), Some(FeedChange::Refused)) => stream.trouble = trouble,
                _ => trouble = None,
            }
            found[i] = trouble;
            if stream.trouble.is_some() && now >= stream.retry {
                session.resubscribe(now, asset, transport);
                stream.asked_again(now);
                stats.resubscriptions.fetch_add(1, Ordering::Relaxed);
            }
        }
        for (i, trouble) in found.into_iter().enumerate() {
            let Some(change) = trouble else { continue };
            let count = if change == FeedChange::Refused {
                &self.stats.refusals
            } else {
                &self.stats.silences
            };
            count.fetch_add(1, Ordering::Relaxed);
            self.say(now, AssetId::new(i), change);
        }
        if now >= self.all_silent_at() {
            self.session.on_closed(now);
            self.lost(now);
        }
    }

    /// When the session starts over if nothing comes.
    fn all_silent_at(&self) -> Nanos {
        let heard = self.streams.iter().map(|s| s.heard).max().unwrap_or(Nanos::ZERO);
        heard + SILENCE_LIMIT
    }

    fn next_watch(&self) -> Nanos {
        let due = self.streams.iter().map(AssetStream::due).min();
        due.map_or(self.all_silent_at(), |due| due.min(self.all_silent_at()))
    }

    /// After a stop of this process, says that all that waits is the past, and when it is taken in.
    fn notice_stop(&mut self, now: Nanos) {
        let stopped = now - self.asked >= STOPPED_AFTER && self.asked > Nanos::ZERO;
        self.asked = now;
        if stopped && !self.behind && !self.down {
            self.behind = true;
            self.say(now, AssetId::new(0), FeedChange::Behind);
        }
    }
}

impl<T: Transport> Feed for HlFeed<T> {
    fn warm(&mut self) {
        bring_near(self);
        bring_near(&self.streams[..]);
    }

    fn next(&mut self, now: Nanos) -> Option<LentEvent<'_>> {
        self.notice_stop(now);
        while self.events.is_empty() && self.take(now) {}
        if self.events.is_empty() {
            if core::mem::take(&mut self.behind) {
                self.say(now, AssetId::new(0), FeedChange::CaughtUp);
            }
            if self.session.maintain(now, None, &mut self.transport) {
                self.lost(now);
            }
            self.watch(now);
        }
        let event = self.events.pop_front()?;
        Some(event.map(|_| self.decoder.book()))
    }

    fn take_arrival(&mut self) -> Option<Arrival> {
        self.arrival.take()
    }

    fn input(&mut self) -> Option<&mut dyn Input> {
        self.transport.input()
    }

    fn next_deadline(&self) -> Option<Nanos> {
        if let Some(waiting) = self.events.front() {
            return Some(waiting.recv_time());
        }
        let watch = self.session.is_open().then(|| self.next_watch());
        let session = Some(self.session.next_deadline(None));
        session.into_iter().chain(self.transport.next_deadline()).chain(watch).min()
    }
}
