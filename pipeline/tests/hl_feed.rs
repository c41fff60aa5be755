//! The market feed on a line in memory: link states, silence, replayed trades, frames that cannot
//! be read.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod tiny_venue;

use botmm_pipeline::types::{BookSnapshot, Link, MarketEvent, Nanos};
use botmm_pipeline::venue::Feed;
use botmm_pipeline::venue::hl::clock::VenueClock;
use botmm_pipeline::venue::hl::feed::HlFeed;
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
}

impl Rig {
    fn new() -> Self {
        let (line, end) = Line::new();
        line.ends().open_after = Nanos::millis(20);
        let feed = HlFeed::new(end, universe(), 3, VenueClock::default());
        let (events, sent, books) = (Vec::new(), Vec::new(), COINS.to_vec());
        let mut rig = Self { feed, line, now: START, events, sent, books };
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
        let mut event = MarketEvent::Book(BookSnapshot::EMPTY);
        while self.feed.next(self.now, &mut event) {
            self.events.push(event);
        }
        while let Some(text) = self.line.take_sent() {
            if let Some((_, subscription)) = text.split_once(r#""subscription":"#) {
                let ack = format!(
                    r#"{{"channel":"subscriptionResponse","data":{{"method":"subscribe","subscription":{subscription}}}"#
                );
                self.line.deliver(self.now + Nanos::millis(10), &ack);
            } else if text.contains("ping") {
                self.line.deliver(self.now + Nanos::millis(10), r#"{"channel":"pong"}"#);
            }
            self.sent.push(text);
        }
    }

    fn book(&self, coin: &str) -> String {
        let time = self.now.as_millis();
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

    fn links(&mut self) -> Vec<Link> {
        let link = |e: &MarketEvent| match e {
            MarketEvent::Status(status) => Some(status.link),
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
    assert_eq!(rig.links(), [Link::Up]);
    rig.run(Nanos::secs(60));
    assert!(rig.events.len() > 200);
    assert_eq!((rig.links().len(), rig.line.ends().connects), (1, 1));
}

#[test]
fn a_lost_link_is_said_once_and_comes_back() {
    let mut rig = Rig::new();
    rig.line.close(rig.now);
    rig.run(Nanos::secs(3));
    assert_eq!(rig.links(), [Link::Up, Link::Down, Link::Up]);
    assert_eq!(rig.feed.stats().losses.load(Ordering::Relaxed), 1);
}

#[test]
fn a_coin_that_falls_silent_is_void_and_then_the_session_starts_over() {
    let mut rig = Rig::new();
    rig.books = vec!["BTC"];
    rig.run(Nanos::secs(10));
    assert_eq!(rig.links(), [Link::Up, Link::Dropped]);
    let MarketEvent::Status(status) =
        rig.events.iter().rfind(|e| matches!(e, MarketEvent::Status(_))).unwrap()
    else {
        panic!()
    };
    assert_eq!(status.asset.index(), 1);
    rig.run(Nanos::secs(15));
    assert_eq!(rig.line.ends().connects, 2);
    assert_eq!(rig.links()[2..4], [Link::Down, Link::Up]);
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
