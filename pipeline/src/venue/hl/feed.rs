//! Market data of the venue: a session that subscribes to each coin's book, touch, trades and mark,
//! and the decoder behind it. What it cannot read it counts and drops; when the link is lost or a
//! stream falls silent it says so, and the books are void at once.

use super::clock::VenueClock;
use super::decode::{Channel, Decoder};
use super::session::Session;
use super::user::{StreamKind, UserEvent, UserParser};
use crate::types::limits::MAX_TRADES_PER_FRAME;
use crate::types::{AssetId, FeedStatus, Link, MarketEvent, Nanos, Universe};
use crate::venue::{Feed, Received, Transport};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A book comes twice a second. When none came for this long, its stream is dead although the link
/// lives: the book is void.
const BOOK_SILENCE: Nanos = Nanos::secs(5);
/// When a stream stays silent for this long the whole session starts over.
const SILENCE_LIMIT: Nanos = Nanos::secs(20);
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
    /// How old the newest book or touch was when it came, by the venue's clock (nanoseconds).
    pub delay_ns: AtomicI64,
}

struct AssetStream {
    /// When its newest book or touch came in.
    heard: Nanos,
    /// Venue time of that.
    newest: Nanos,
    newest_trade: Nanos,
    silent: bool,
    /// No trades came since the subscription.
    fresh: bool,
}

/// See the module.
pub struct HlFeed<T> {
    transport: T,
    session: Session,
    decoder: Decoder,
    control: UserParser,
    universe: Universe,
    events: VecDeque<MarketEvent>,
    streams: Vec<AssetStream>,
    stats: Arc<FeedStats>,
    /// What time it is at the venue.
    venue: VenueClock,
    /// The books are void because the link is down; said once.
    down: bool,
}

impl<T: Transport> HlFeed<T> {
    /// A feed of all coins of the universe. `seed`: see [`Session::new`]; `venue` tells how late a
    /// message is.
    pub fn new(transport: T, universe: Universe, seed: u64, venue: VenueClock) -> Self {
        let mut session = Session::new(seed);
        for (asset, instrument) in universe.iter() {
            use StreamKind as Kind;
            for kind in [Kind::Book, Kind::Bbo, Kind::Trades, Kind::AssetCtx] {
                session.want_market(kind, asset, instrument.coin.as_str());
            }
        }
        let stream = |_| AssetStream {
            heard: Nanos::ZERO,
            newest: Nanos::ZERO,
            newest_trade: Nanos::ZERO,
            silent: false,
            fresh: true,
        };
        Self {
            transport,
            session,
            decoder: Decoder::new(),
            control: UserParser::new(),
            streams: universe.assets().map(stream).collect(),
            universe,
            events: VecDeque::with_capacity(EVENTS),
            stats: Arc::default(),
            venue,
            down: true,
        }
    }

    /// What it has seen, readable from another thread.
    pub fn stats(&self) -> Arc<FeedStats> {
        self.stats.clone()
    }

    /// Takes in one thing from the transport; false when there is nothing.
    fn take(&mut self, now: Nanos) -> bool {
        let Self { transport, session, decoder, control, universe, events, stats, .. } = self;
        match transport.recv(now) {
            None => return false,
            Some(Received::Opened) => {
                session.on_opened(now, transport);
                for stream in &mut self.streams {
                    (stream.heard, stream.silent, stream.fresh) = (now, false, true);
                }
                self.say_link(now, Link::Up);
            }
            Some(Received::Closed) => {
                session.on_closed(now);
                self.lost(now);
            }
            Some(Received::Frame(frame)) => {
                session.on_frame(now);
                stats.frames.fetch_add(1, Ordering::Relaxed);
                let first = events.len();
                match decoder.decode(frame, now, universe, |e| events.push_back(*e)) {
                    Ok(Channel::SubscriptionResponse) => {
                        let mut on_event = |event| {
                            if let UserEvent::Subscribed(stream) = event {
                                session.on_subscribed(&stream);
                            }
                        };
                        let _ = control.parse(frame, universe, &mut on_event);
                    }
                    Ok(Channel::Error) | Err(_) => {
                        stats.bad_frames.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(_) => {}
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
        let stream = &mut self.streams[event.asset().index()];
        match event {
            MarketEvent::Book(_) | MarketEvent::Bbo(_) => {
                (stream.heard, stream.silent) = (now, false);
                stream.newest = stream.newest.max(event.venue_time());
                let delay = self.venue.at(now) - event.venue_time();
                self.stats.delay_ns.store(delay.0, Ordering::Relaxed);
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
                let newest = self.events.iter().skip(first).map(MarketEvent::venue_time).max();
                stream.newest_trade = stream.newest_trade.max(newest.unwrap_or(Nanos::ZERO));
            }
            // A mark bears no time of the venue: it proves no stream alive.
            MarketEvent::Status(_) | MarketEvent::Mark(_) => {}
        }
    }

    /// The link is gone: every book is void.
    fn lost(&mut self, now: Nanos) {
        if !self.down {
            self.stats.losses.fetch_add(1, Ordering::Relaxed);
        }
        self.say_link(now, Link::Down);
    }

    fn say_link(&mut self, now: Nanos, link: Link) {
        let down = link == Link::Down;
        if down != self.down {
            self.down = down;
            self.say(now, AssetId::new(0), link);
        }
    }

    fn say(&mut self, now: Nanos, asset: AssetId, link: Link) {
        let status = FeedStatus::of_link(link, asset, now);
        self.events.push_back(MarketEvent::Status(status));
    }

    /// Notices streams that fell silent.
    fn watch(&mut self, now: Nanos) {
        if !self.session.is_open() {
            return;
        }
        let longest = self.streams.iter().map(|s| now - s.heard).max().unwrap_or(Nanos::ZERO);
        if longest < BOOK_SILENCE {
            return;
        }
        for i in 0..self.streams.len() {
            let stream = &mut self.streams[i];
            if now - stream.heard >= BOOK_SILENCE && !stream.silent {
                stream.silent = true;
                self.stats.silences.fetch_add(1, Ordering::Relaxed);
                self.say(now, AssetId::new(i), Link::Dropped);
            }
        }
        if longest >= SILENCE_LIMIT {
            self.session.on_closed(now);
            self.lost(now);
        }
    }
}

impl<T: Transport> Feed for HlFeed<T> {
    fn next(&mut self, now: Nanos, event: &mut MarketEvent) -> bool {
        while self.events.is_empty() && self.take(now) {}
        if self.events.is_empty() {
            self.watch(now);
            if self.session.maintain(now, &mut self.transport) {
                self.lost(now);
            }
        }
        let Some(next) = self.events.pop_front() else { return false };
        *event = next;
        true
    }

    fn next_deadline(&self) -> Option<Nanos> {
        if let Some(waiting) = self.events.front() {
            return Some(waiting.recv_time());
        }
        let oldest = self
            .streams
            .iter()
            .filter(|_| self.session.is_open())
            .map(|s| s.heard + if s.silent { SILENCE_LIMIT } else { BOOK_SILENCE });
        let session = Some(self.session.next_deadline());
        session.into_iter().chain(self.transport.next_deadline()).chain(oldest.min()).min()
    }
}
