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
use botmm_pipeline::types::{
    AssetId, BookSnapshot, FeedChange, LentEvent, MarketEvent, Nanos, Universe,
};
use botmm_pipeline::venue::hl::clock::VenueClock;
use botmm_pipeline::venue::hl::feed::{FeedConfig, HlFeed};
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
    /// What was told last.
    told: MarketEvent,
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
            feed: HlFeed::new(
                transport,
                universe.clone(),
                FeedConfig { seed, ..FeedConfig::default() },
                VenueClock::default(),
            ),
            universe,
            streams,
            waiting: BTreeMap::new(),
            told: MarketEvent::Book(BookSnapshot::EMPTY),
            arrived: 0,
            now: Nanos(i64::MIN),
            voice,
        }
    }

    /// Takes in what has come since the last poll.
    fn listen(&mut self) {
        for _ in 0..MAX_EVENTS_A_POLL {
            let Some(event) = self.feed.next(self.now) else { return };
            match &event {
                MarketEvent::Status(status) => match status.change {
                    FeedChange::Up
                    | FeedChange::NewParams
                    | FeedChange::Resumed
                    | FeedChange::Behind
                    | FeedChange::CaughtUp => {}
                    FeedChange::Down => {
                        self.waiting.clear();
                        self.streams.fill(Stream::default());
                    }
                    FeedChange::Dropped | FeedChange::Silent | FeedChange::Refused => {
                        self.streams[status.asset.index()] = Stream::default();
                    }
                },
                // This venue makes its own.
                MarketEvent::Mark(_) => {}
                news => {
                    self.arrived += 1;
                    let place = (news.venue_time(), news.channel_rank(), self.arrived);
                    self.waiting.insert(place, event.to_kept());
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
            // The venue tells whole books.
            MarketEvent::Status(_) | MarketEvent::Mark(_) | MarketEvent::Level(_) => false,
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

    fn next(&mut self, until: Nanos) -> Option<LentEvent<'_>> {
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
                self.told = at_time(event, self.now);
                return Some(self.told.lend());
            }
        }
        self.report();
        None
    }

    fn is_stale(&self, asset: AssetId) -> bool {
        self.is_quiet(asset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use botmm_pipeline::venue::Received;
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    /// What a link brings: `open`, `closed`, or a frame; each from its time on.
    #[derive(Clone, Default)]
    struct Script(Arc<Mutex<VecDeque<(Nanos, String)>>>);

    struct Line {
        script: Script,
        frame: Vec<u8>,
    }

    impl Transport for Line {
        fn connect(&mut self, _: Nanos) {}
        fn recv(&mut self, now: Nanos) -> Option<Received<'_>> {
            let mut script = self.script.0.lock().unwrap();
            script.front().filter(|(at, _)| *at <= now)?;
            let (_, text) = script.pop_front()?;
            match text.as_str() {
                "open" => Some(Received::Opened),
                "closed" => Some(Received::Closed),
                _ => {
                    self.frame = text.into_bytes();
                    Some(Received::Frame(&mut self.frame))
                }
            }
        }
        fn send(&mut self, _: Nanos, _: &[u8]) -> bool {
            true
        }
        fn next_deadline(&self) -> Option<Nanos> {
            None
        }
    }

    fn level(px: i64) -> String {
        format!(r#"{{"px":"{px}.0","sz":"1.0","n":1}}"#)
    }
    /// Its time, at the source, is in milliseconds.
    fn book(at: i64, bid: i64) -> String {
        let (bid, ask) = (level(bid), level(bid + 1));
        let levels = format!("[[{bid}],[{ask}]]");
        format!(r#"{{"channel":"l2Book","data":{{"coin":"BTC","time":{at},"levels":{levels}}}}}"#)
    }
    fn bbo(at: i64, bid: i64) -> String {
        let touch = format!("[{},{}]", level(bid), level(bid + 1));
        format!(r#"{{"channel":"bbo","data":{{"coin":"BTC","time":{at},"bbo":{touch}}}}}"#)
    }
    fn trade(at: i64, px: i64) -> String {
        let users = format!(r#"["0x{0:040}","0x{0:040}"]"#, 1);
        format!(
            r#"{{"channel":"trades","data":[{{"coin":"BTC","side":"A","px":"{px}.0","sz":"1.0","hash":"0x{:064}","time":{at},"tid":{px},"users":{users}}}]}}"#,
            0
        )
    }

    struct World {
        mirror: Mirror<Line>,
        script: Script,
        lines: Arc<Mutex<Vec<String>>>,
    }

    impl World {
        fn new() -> Self {
            let (script, lines) = (Script::default(), Arc::new(Mutex::new(Vec::new())));
            let universe = crate::coins::universe([("BTC", 5)]);
            let line = Line { script: script.clone(), frame: Vec::new() };
            let kept = lines.clone();
            let say: Say = Box::new(move |line| kept.lock().unwrap().push(line.to_owned()));
            let why: Why = Box::new(|| Some("reset".to_owned()));
            Self { mirror: Mirror::new(line, universe, 1, "there", why, say), script, lines }
        }

        fn brings(&self, at_ms: i64, what: impl Into<String>) {
            self.script.0.lock().unwrap().push_back((Nanos::millis(at_ms), what.into()));
        }

        /// What the market is told by a moment: kind, bid or price, when.
        fn told(&mut self, at_ms: i64) -> Vec<(&'static str, i64, i64)> {
            let mut told = Vec::new();
            while let Some(event) = self.mirror.next(Nanos::millis(at_ms)) {
                let (kind, px) = match event {
                    MarketEvent::Book(b) => ("book", b.bids()[0].px),
                    MarketEvent::Bbo(b) => ("bbo", b.bid.px),
                    MarketEvent::Trade(t) => ("trade", t.px),
                    MarketEvent::Status(_) | MarketEvent::Mark(_) | MarketEvent::Level(_) => {
                        unreachable!("not of the market")
                    }
                };
                told.push((kind, px.to_f64() as i64, event.venue_time().as_millis()));
            }
            told
        }

        fn is_stale(&self) -> bool {
            self.mirror.is_stale(AssetId::new(0))
        }
    }

    #[test]
    fn events_come_in_the_order_of_the_source_and_at_our_time() {
        let mut w = World::new();
        assert!(w.is_stale());
        for (at, what) in [(10, "open".into()), (10, bbo(990, 99)), (10, trade(995, 90))] {
            w.brings(at, what);
        }
        w.brings(20, book(1_000, 100));
        // The touch that a trade caused may come first.
        w.brings(100, bbo(1_200, 98));
        w.brings(130, trade(1_200, 100));
        w.brings(140, book(1_100, 101));
        assert_eq!(w.told(80), [], "everything waits for what belongs before it");
        assert!(w.is_stale());
        let told = w.told(160);
        assert_eq!(told, [("book", 100, 160)], "what came before the first whole book is nothing");
        assert!(!w.is_stale());
        assert_eq!(w.mirror.next_time(), Some(Nanos::millis(165)));
        assert_eq!(w.told(240), [("book", 101, 240), ("trade", 100, 240), ("bbo", 98, 240)]);
        // Too late for its place: an old book is dropped, a trade is told.
        w.brings(300, book(1_150, 102));
        w.brings(300, trade(1_160, 97));
        w.told(320);
        assert_eq!(w.told(400), [("trade", 97, 400)]);
    }

    #[test]
    fn silence_and_a_lost_link_make_it_stale_until_a_whole_book() {
        let mut w = World::new();
        w.brings(0, "open");
        w.brings(0, book(1_000, 100));
        w.told(0);
        assert_eq!(w.told(100).len(), 1);
        w.told(2_100);
        assert!(!w.is_stale());
        w.told(2_200);
        assert!(w.is_stale(), "nothing for more than two seconds");
        w.brings(2_300, bbo(3_200, 101));
        w.told(2_300);
        w.told(2_400);
        assert!(!w.is_stale() && w.lines.lock().unwrap().is_empty(), "short: not worth a word");
        w.brings(2_500, bbo(3_300, 102));
        w.brings(2_510, "closed");
        assert_eq!(w.told(2_520), [], "what waited is void too");
        assert!(w.is_stale());
        w.told(4_519);
        assert!(w.lines.lock().unwrap().is_empty());
        w.told(4_520);
        w.told(5_000);
        let lines = w.lines.lock().unwrap().clone();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("there: no books of BTC (reset)"), "{lines:?}");
        w.brings(5_100, "open");
        w.brings(5_100, trade(4_900, 95));
        w.brings(5_100, bbo(5_000, 103));
        w.told(5_100);
        assert_eq!(w.told(5_200), []);
        assert!(w.is_stale(), "a touch alone is not a book");
        // The source may have started over, with a clock that is behind.
        w.brings(5_300, book(10, 50));
        w.told(5_300);
        assert_eq!(w.told(5_400), [("book", 50, 5_400)]);
        assert!(!w.is_stale());
        assert_eq!(w.lines.lock().unwrap().len(), 2);
        assert!(w.lines.lock().unwrap()[1].contains("there is back"));
    }
}
