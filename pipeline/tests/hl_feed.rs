//! The market feed on a line in memory: link states, silence, replayed trades, frames that cannot
//! be read.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod coins;
mod tiny_venue;

use botmm_pipeline::types::{FeedChange, MarketEvent, Nanos};
use botmm_pipeline::venue::Feed;
use botmm_pipeline::venue::hl::clock::{VenueClock, VenueOffset};
use botmm_pipeline::venue::hl::feed::{FeedConfig, HlFeed};
use std::sync::atomic::Ordering;
use tiny_venue::line::{BotEnd, Line};
use tiny_venue::rig::START;
use tiny_venue::{COINS, universe};

struct Rig {
    feed: HlFeed<BotEnd>,
    line: Line,
    now: Nanos,
    events: Vec<MarketEvent>,
    sent: Vec<String>,
    /// Coins whose books come twice a second.
    books: Vec<&'static str>,
    /// Subscriptions that contain this are refused, or not answered.
    refused: Option<&'static str>,
    unanswered: Option<&'static str>,
}

impl Rig {
    fn new() -> Self {
        Self::by(VenueClock::default())
    }

    fn by(clock: VenueClock) -> Self {
        let (line, end) = Line::new();
        line.ends().open_after = Nanos::millis(20);
        let feed = HlFeed::new(end, universe(), FeedConfig::default(), clock);
        let (events, sent, books) = (Vec::new(), Vec::new(), COINS.to_vec());
        let (refused, unanswered) = (None, None);
        let mut rig = Self { feed, line, now: START, events, sent, books, refused, unanswered };
        rig.run(Nanos::secs(1));
        rig
    }

    /// Time jumps from deadline to deadline; one that does not move on fails.
    fn run(&mut self, time: Nanos) {
        let end = self.now + time;
        let mut next_book = self.now;
        loop {
            self.settle();
            let deadline = self.feed.next_deadline().unwrap();
            assert!(deadline > self.now, "busy loop at {}", self.now);
            if self.now >= next_book {
                next_book = self.now + Nanos::millis(500);
                let open = self.line.ends().is_open;
                for coin in self.books.clone().into_iter().filter(|_| open) {
                    let text = self.book(coin);
                    self.line.deliver(self.now + Nanos::millis(10), &text);
                }
            }
            let deadline = self.feed.next_deadline().unwrap().min(next_book);
            if deadline > end {
                break;
            }
            self.now = deadline;
        }
        self.now = end;
    }

    fn settle(&mut self) {
        while let Some(event) = self.feed.next(self.now) {
            self.events.push(event.to_kept());
        }
        while let Some(text) = self.line.take_sent() {
            if let Some((method, subscription)) = text.split_once(r#","subscription":"#) {
                self.answer(method, subscription.strip_suffix('}').unwrap());
            } else if text.contains("ping") {
                self.line.deliver(self.now + Nanos::millis(10), r#"{"channel":"pong"}"#);
            }
            self.sent.push(text);
        }
    }

    fn answer(&mut self, method: &str, subscription: &str) {
        let is_of = |part: Option<&str>| part.is_some_and(|part| subscription.contains(part));
        if is_of(self.unanswered) {
            return;
        }
        let said = match is_of(self.refused) {
            true => {
                let quoted = subscription.replace('"', r#"\""#);
                format!(r#"{{"channel":"error","data":"Invalid subscription {quoted}"}}"#)
            }
            false => format!(
                r#"{{"channel":"subscriptionResponse","data":{method},"subscription":{subscription}}}}}"#
            ),
        };
        self.line.deliver(self.now + Nanos::millis(10), &said);
    }

    /// How often a coin's streams were asked for since the start.
    fn asked(&self, coin: &str) -> usize {
        let is_one = |text: &&String| text.contains(r#""subscribe""#) && text.contains("bbo");
        self.sent.iter().filter(is_one).filter(|text| text.contains(coin)).count()
    }

    fn connects(&self) -> u32 {
        self.line.ends().connects
    }

    fn last_status(&self) -> (FeedChange, usize) {
        let status = |e: &MarketEvent| match e {
            MarketEvent::Status(s) => Some((s.change, s.asset.index())),
            _ => None,
        };
        self.events.iter().rev().find_map(status).unwrap()
    }

    fn book(&self, coin: &str) -> String {
        self.book_of(coin, self.now)
    }

    fn book_of(&self, coin: &str, block: Nanos) -> String {
        let time = block.as_millis();
        format!(
            r#"{{"channel":"l2Book","data":{{"coin":"{coin}","time":{time},"levels":[[{{"px":"99.0","sz":"1.0","n":1}}],[{{"px":"101.0","sz":"1.0","n":1}}]]}}}}"#
        )
    }

    fn trade(&mut self, ms_ago: i64, tid: u64) {
        let time = self.now.as_millis() - ms_ago;
        let text = format!(
            r#"{{"channel":"trades","data":[{{"coin":"BTC","side":"A","px":"99.0","sz":"0.5","time":{time},"hash":"0x{tid:064x}","tid":{tid},"users":["0x{tid:040x}","0x{tid:040x}"]}}]}}"#
        );
        self.line.deliver(self.now, &text);
    }

    fn links(&mut self) -> Vec<FeedChange> {
        let link = |e: &MarketEvent| match e {
            MarketEvent::Status(status) => Some(status.change),
            _ => None,
        };
        self.events.iter().filter_map(link).collect()
    }

    fn trades(&self) -> usize {
        self.events.iter().filter(|e| matches!(e, MarketEvent::Trade(_))).count()
    }
}

#[test]
fn it_subscribes_to_every_coin_and_hands_books_on() {
    let mut rig = Rig::new();
    assert_eq!(rig.sent.len(), 8, "books, touches, trades and marks: {:?}", rig.sent);
    assert_eq!(rig.links(), [FeedChange::Up]);
    rig.run(Nanos::secs(60));
    assert!(rig.events.len() > 200);
    assert_eq!((rig.links().len(), rig.line.ends().connects), (1, 1));
}

#[test]
fn a_lost_link_is_said_once_and_comes_back() {
    let mut rig = Rig::new();
    rig.line.close(rig.now);
    rig.run(Nanos::secs(3));
    assert_eq!(rig.links(), [FeedChange::Up, FeedChange::Down, FeedChange::Up]);
    assert_eq!(rig.feed.stats().losses.load(Ordering::Relaxed), 1);
}

#[test]
fn a_coin_that_falls_silent_is_void_and_asked_for_again_less_and_less_often() {
    let mut rig = Rig::new();
    rig.books = vec!["BTC"];
    rig.run(Nanos::secs(6));
    assert_eq!(rig.links(), [FeedChange::Up], "books may come every five seconds");
    rig.run(Nanos::millis(2_100));
    assert_eq!((rig.links().len(), rig.last_status()), (2, (FeedChange::Silent, 1)));
    assert_eq!(rig.asked("ETH"), 2, "at once");
    assert_eq!(rig.sent.iter().filter(|t| t.contains("unsubscribe")).count(), 4, "all its streams");
    // After pauses of 5, 10, 20, 40, 80, 160 and then 300 s.
    for (seconds, asked) in [(4, 2), (1, 3), (10, 4), (20, 5), (40, 6), (80, 7), (160, 8), (300, 9)]
    {
        rig.run(Nanos::secs(seconds));
        assert_eq!(rig.asked("ETH"), asked, "{:?}", rig.now - START);
    }
    assert_eq!((rig.links().len(), rig.connects(), rig.asked("BTC")), (2, 1, 1));
    let stats = rig.feed.stats();
    let counts = [&stats.silences, &stats.resubscriptions].map(|n| n.load(Ordering::Relaxed));
    assert_eq!(counts, [1, 8]);
    rig.books = COINS.to_vec();
    rig.run(Nanos::secs(1));
    assert_eq!((rig.links().len(), rig.last_status()), (3, (FeedChange::Resumed, 1)));
    // It falls silent again at once: the pauses go on from where they were. Later they begin anew.
    for (well_s, pause_s) in [(1, 300), (61, 5)] {
        rig.run(Nanos::secs(well_s));
        rig.books = vec!["BTC"];
        let asked = rig.asked("ETH");
        rig.run(Nanos::secs(9));
        assert_eq!((rig.asked("ETH"), rig.last_status()), (asked + 1, (FeedChange::Silent, 1)));
        rig.run(Nanos::secs(pause_s - 2));
        assert_eq!(rig.asked("ETH"), asked + 1);
        rig.run(Nanos::secs(2));
        assert_eq!(rig.asked("ETH"), asked + 2);
        rig.books = COINS.to_vec();
        rig.run(Nanos::secs(1));
    }
    assert_eq!(rig.connects(), 1);
}

#[test]
fn when_every_coin_falls_silent_the_session_starts_over() {
    let mut rig = Rig::new();
    rig.books.clear();
    rig.run(Nanos::secs(19));
    assert_eq!((rig.connects(), rig.links().len()), (1, 3), "{:?}", rig.links());
    rig.run(Nanos::secs(2));
    assert_eq!(
        (rig.connects(), rig.links()[3..].to_vec()),
        (2, vec![FeedChange::Down, FeedChange::Up])
    );
}

#[test]
fn a_coin_that_is_refused_leaves_the_others_alone() {
    for is_answered in [true, false] {
        let mut rig = Rig::new();
        rig.line.close(rig.now);
        match is_answered {
            true => rig.refused = Some("ETH"),
            false => rig.unanswered = Some("ETH"),
        }
        rig.events.clear();
        rig.run(Nanos::secs(12));
        assert_eq!(rig.last_status(), (FeedChange::Refused, 1));
        assert_eq!(rig.connects(), 2);
        // Whatever comes of it all the same makes no book: half of it may be missing.
        let of_eth =
            |e: &MarketEvent| e.asset().index() == 1 && !matches!(e, MarketEvent::Status(_));
        rig.events.clear();
        rig.run(Nanos::secs(3));
        assert!(!rig.events.iter().any(of_eth) && rig.events.len() >= 5, "{:?}", rig.events.len());
        rig.run(Nanos::secs(600));
        let (asked, links) = (rig.asked("ETH"), rig.links());
        assert!((7..=11).contains(&asked), "{asked} times in ten minutes");
        assert_eq!((rig.connects(), links.len()), (2, 0), "said once: {links:?}");
        // It is listed again: the next time that it is asked for, it is there.
        (rig.refused, rig.unanswered) = (None, None);
        rig.run(Nanos::secs(301));
        assert_eq!(rig.last_status(), (FeedChange::Resumed, 1));
        assert!(rig.events.iter().any(of_eth));
    }
}

#[test]
fn a_message_of_the_future_is_not_believed_and_silences_nobody() {
    let mut rig = Rig::new();
    let poisoned = rig.book_of("BTC", rig.now + Nanos::secs(3_000));
    rig.line.deliver(rig.now, &poisoned);
    rig.events.clear();
    rig.settle();
    assert_eq!((rig.events.len(), rig.feed.stats().ahead.load(Ordering::Relaxed)), (0, 1));
    // A little ahead is what clocks are.
    let ahead = rig.book_of("BTC", rig.now + Nanos::secs(5));
    rig.line.deliver(rig.now, &ahead);
    rig.run(Nanos::secs(30));
    let books = rig.events.iter().filter(|e| e.asset().index() == 0 && e.kind() == 0).count();
    assert!(books > 50 && rig.links().is_empty(), "{books} books, {:?}", rig.links());
}

#[test]
fn ahead_is_ahead_of_the_venues_clock_and_not_of_ours() {
    let mut offset = VenueOffset::default();
    offset.hear(START, START, START - Nanos::secs(4));
    let mut rig = Rig::by(offset.clock());
    rig.events.clear();
    for (ahead_of_ours_s, refused) in [(0, 0), (1, 0), (2, 1)] {
        let text = rig.book_of("BTC", rig.now + Nanos::secs(ahead_of_ours_s));
        rig.line.deliver(rig.now, &text);
        rig.settle();
        assert_eq!(rig.feed.stats().ahead.load(Ordering::Relaxed), refused);
    }
}

/// A process that stood still finds everything that was sent meanwhile: from none of it anything may
/// be decided before all of it was taken in.
#[test]
fn what_waited_while_we_stood_still_is_marked() {
    let mut rig = Rig::new();
    rig.events.clear();
    for i in 1..=20 {
        let block = rig.now + Nanos::millis(500 * i);
        let text = rig.book_of("BTC", block);
        rig.line.deliver(block, &text);
    }
    rig.now = rig.now + Nanos::secs(10);
    rig.settle();
    assert_eq!(rig.links(), [FeedChange::Behind, FeedChange::CaughtUp]);
    let kinds: Vec<_> = rig.events.iter().map(MarketEvent::kind).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&3), Some(&3)), "{kinds:?}");
    assert!(kinds.len() > 20);
    rig.run(Nanos::secs(5));
    assert_eq!(rig.links().len(), 2, "said once");
}

#[test]
fn trades_that_were_told_before_are_dropped() {
    let mut rig = Rig::new();
    rig.trade(0, 1);
    rig.run(Nanos::secs(1));
    assert_eq!(rig.trades(), 1);
    rig.line.close(rig.now);
    rig.run(Nanos::secs(2));
    rig.trade(3_000, 1);
    rig.settle();
    assert_eq!(rig.trades(), 1, "told again after the new subscription");
    rig.trade(0, 2);
    rig.settle();
    assert_eq!(rig.trades(), 2);
    assert_eq!(rig.feed.stats().replayed_trades.load(Ordering::Relaxed), 1);
}

#[test]
fn marks_are_handed_on() {
    let mut rig = Rig::new();
    let before = rig.events.len();
    let mark = r#"{"channel":"activeAssetCtx","data":{"coin":"BTC","ctx":{"markPx":"99.5"}}}"#;
    rig.line.deliver(rig.now, mark);
    rig.settle();
    let [MarketEvent::Mark(mark)] = &rig.events[before..] else { panic!("{:?}", rig.events) };
    assert_eq!((mark.px.to_string().as_str(), mark.recv_time), ("99.5", rig.now));
}

#[test]
fn what_cannot_be_read_is_counted_and_dropped() {
    let mut rig = Rig::new();
    let before = rig.events.len();
    for garbage in ["{", r#"{"channel":"l2Book","data":{"coin":"BTC","time":1}}"#] {
        rig.line.deliver(rig.now, garbage);
    }
    rig.settle();
    assert_eq!(rig.feed.stats().bad_frames.load(Ordering::Relaxed), 2);
    assert_eq!((rig.events.len() - before, rig.links().len()), (0, 1));
}
