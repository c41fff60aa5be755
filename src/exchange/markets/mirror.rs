//! Another venue's public data as the exchange's market, as they come in.
//!
//! The exchange's thread polls the link once a block; nothing here waits. Whatever the source's
//! clock says, an event happens here in the block that takes it in. The source's own times put
//! events of different channels back in order: each waits [`HOLD`] for those that belong before it
//! (a trade before the touch that it caused, as on a tape), and what comes later than that and is
//! older than what is shown is dropped.
//!
//! A coin of which the source has not spoken for [`STALE_AFTER`] is *stale*, and so is every coin
//! from the moment that the link is lost until its next whole book: the exchange shows nothing new
//! of it and nobody trades with its old levels. The link comes back by itself.

use super::{Say, at_time};
use botmm_pipeline::types::{AssetId, BookSnapshot, Link, MarketEvent, Nanos, Universe};
use botmm_pipeline::venue::hl::feed::HlFeed;
use botmm_pipeline::venue::sim::recorded::Source;
use botmm_pipeline::venue::{Feed, Transport};
use std::collections::BTreeMap;

/// How long an event waits for older ones on other channels.
const HOLD: Nanos = Nanos::millis(50);
/// A book comes twice a second.
const STALE_AFTER: Nanos = Nanos::secs(2);
/// Staleness that lasts this long is said; shorter ones heal by themselves.
const SAY_AFTER: Nanos = Nanos::secs(2);
/// When the link is worth another look.
const POLL_EVERY: Nanos = Nanos::millis(5);
/// Events taken in at a time; the rest stays in the socket.
const MAX_EVENTS_A_POLL: usize = 4096;

/// A link to another venue, as a [`Source`].
pub struct Mirror<T> {
    feed: HlFeed<T>,
    universe: Universe,
    streams: Vec<Stream>,
    /// By the source's time, then channel, then arrival.
    waiting: BTreeMap<(Nanos, u8, u64), MarketEvent>,
    arrived: u64,
    /// Up to when the link was polled.
    now: Nanos,
    voice: Voice,
}

/// One coin.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    /// When its newest book or touch was taken in; [`None`] = void until a whole book comes.
    heard: Option<Nanos>,
    /// The source's time of that.
    newest: Nanos,
    /// The source's time of the book that ended its last void: trades up to there are in it.
    since: Nanos,
}

/// What whoever runs the exchange is told of the link.
struct Voice {
    /// The source, by its address.
    name: String,
    why: Why,
    say: Say,
    /// Since when some coin is stale.
    quiet_since: Option<Nanos>,
    said: bool,
}

/// Why the link is down, where that is known.
pub type Why = Box<dyn Fn() -> Option<String> + Send>;

impl<T: Transport> Mirror<T> {
    /// A mirror of the source's coins in `universe`. `name` is what the source is called, `why`
    /// knows why the link is down, `say` hears when it is lost and when it is back; `seed` draws the
    /// pauses between attempts.
    pub fn new(
        transport: T,
        universe: Universe,
        seed: u64,
        name: impl Into<String>,
        why: Why,
        say: Say,
    ) -> Self {
        let streams = universe.assets().map(|_| Stream::default()).collect();
        let voice = Voice { name: name.into(), why, say, quiet_since: None, said: false };
        Self {
            feed: HlFeed::new(transport, universe.clone(), seed),
            universe,
            streams,
            waiting: BTreeMap::new(),
            arrived: 0,
            now: Nanos(i64::MIN),
            voice,
        }
    }

    /// Takes in what has come since the last poll.
    fn listen(&mut self) {
        let mut event = MarketEvent::Book(BookSnapshot::EMPTY);
        for _ in 0..MAX_EVENTS_A_POLL {
            if !self.feed.next(self.now, &mut event) {
                return;
            }
            match &event {
                MarketEvent::Status(status) => match status.link {
                    Link::Up => {}
                    Link::Down => {
                        self.waiting.clear();
                        self.streams.fill(Stream::default());
                    }
                    Link::Dropped => self.streams[status.asset.index()] = Stream::default(),
                },
                news => {
                    self.arrived += 1;
                    let place = (news.venue_time(), news.channel_rank(), self.arrived);
                    self.waiting.insert(place, event);
                }
            }
        }
    }

    fn is_quiet(&self, asset: AssetId) -> bool {
        let heard = self.streams[asset.index()].heard;
        heard.is_none_or(|at| self.now - at > STALE_AFTER)
    }

    fn report(&mut self) {
        let quiet: Vec<&str> = self
            .universe
            .iter()
            .filter(|(asset, _)| self.is_quiet(*asset))
            .map(|(_, instrument)| instrument.coin.as_str())
            .collect();
        self.voice.report(self.now, &quiet);
    }
}

impl Stream {
    /// Whether an event is news, and what it changes.
    fn take(&mut self, event: &MarketEvent, now: Nanos) -> bool {
        let at = event.venue_time();
        let is_news = match event {
            MarketEvent::Book(_) => at >= self.newest,
            MarketEvent::Bbo(_) => self.heard.is_some() && at >= self.newest,
            MarketEvent::Trade(_) => return self.heard.is_some() && at > self.since,
            MarketEvent::Status(_) => false,
        };
        if is_news {
            if self.heard.is_none() {
                self.since = at;
            }
            (self.heard, self.newest) = (Some(now), at);
        }
        is_news
    }
}

impl Voice {
    /// Says once that coins are stale, and once that none is any more.
    fn report(&mut self, now: Nanos, quiet: &[&str]) {
        if quiet.is_empty() {
            if self.said {
                (self.say)(&format!("{} is back: every book is fresh again", self.name));
            }
            (self.quiet_since, self.said) = (None, false);
            return;
        }
        let since = *self.quiet_since.get_or_insert(now);
        if self.said || now - since < SAY_AFTER {
            return;
        }
        self.said = true;
        let why = (self.why)().map_or(String::new(), |why| format!(" ({why})"));
        let (name, coins) = (&self.name, quiet.join(", "));
        (self.say)(&format!(
            "{name}: no books of {coins}{why}; nothing is shown or traded of them until they come"
        ));
    }
}

impl<T: Transport> Source for Mirror<T> {
    /// Soon: what comes is not known before it is there.
    fn next_time(&self) -> Option<Nanos> {
        Some(self.now + POLL_EVERY)
    }

    fn next(&mut self, until: Nanos) -> Option<MarketEvent> {
        if until > self.now {
            self.now = until;
            self.listen();
        }
        while let Some(first) = self.waiting.first_entry() {
            if first.get().recv_time() + HOLD > self.now {
                break;
            }
            let event = first.remove();
            if self.streams[event.asset().index()].take(&event, self.now) {
                return Some(at_time(event, self.now));
            }
        }
        self.report();
        None
    }

    fn is_stale(&self, asset: AssetId) -> bool {
        self.is_quiet(asset)
    }
}
