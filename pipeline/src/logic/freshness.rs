//! Whether what is known of a market is fresh enough to quote on. The one place that decides it.
//!
//! *Late is not fresh.* A message is judged when it arrives: by the venue's clock then, how old was the
//! block that it tells of? A feed that is steadily late has steadily late messages, however many.
//!
//! *Silent is not late.* A touch is told when it changes, a book every few seconds: a coin of which
//! nothing comes has not changed, as long as the same link brings other coins' news in time. When it
//! brings none, the silence means something once it is longer than this link's pace makes likely; a link
//! of one still coin may take seconds between two messages, one of three lively coins never does.
//!
//! *In time is not fast.* A link whose messages are usually late by less than that is no stale one, but who
//! is faster trades against what we do not know yet: its median delay is kept, and a coin's
//! `max_feed_delay_ms` says from where on it is late.

use super::feed_delay::FeedDelays;
use crate::types::{BookState, BookView, Nanos};

/// The venue tells each book at least every five seconds. A coin of which nothing came for this long is
/// not told of any more, nor is a link alive that said nothing.
pub const LONGEST_SILENCE: Nanos = Nanos::secs(8);
/// Half-life of what is known of the pace.
const HALFLIFE_S: f64 = 3.0;
/// What a new link's pace is taken for: so much time, all of it in a pause of [`LONGEST_SILENCE`]. A
/// second of lively news outweighs it.
const AT_FIRST_S: f64 = 0.1;
/// So many times the usual pause is no pause any more.
const UNUSUAL: f64 = 2.5;

/// The pause that a moment of the past falls into, on average: each pause counts by its length, so that
/// a burst of messages between two pauses makes no link lively (the length-biased mean of the pauses).
#[derive(Clone, Copy, Debug)]
struct Pauses {
    /// Sums over the pauses, each halved every [`HALFLIFE_S`].
    squares_s2: f64,
    sum_s: f64,
}

impl Pauses {
    fn count(&mut self, passed: Nanos, longest: Nanos) {
        let pause_s = passed.min(longest).as_secs_f64();
        let kept = (-pause_s / HALFLIFE_S).exp2();
        self.squares_s2 = self.squares_s2 * kept + pause_s * pause_s;
        self.sum_s = self.sum_s * kept + pause_s;
    }

    fn usual(&self) -> Nanos {
        let usual_s = UNUSUAL * self.squares_s2 / self.sum_s;
        Nanos((usual_s.min(LONGEST_SILENCE.as_secs_f64()) * 1e9) as i64)
    }
}

/// How long ago the link last brought something that was in time, how often it brings anything, and how
/// late that is.
#[derive(Clone, Debug)]
pub struct Pulse {
    heard: Nanos,
    /// The newest message at all, in time or late; zero before the first.
    newest: Nanos,
    pauses: Pauses,
    /// Silence that is usual.
    usual: Nanos,
    /// When the last silence that was not was over. What was known of a coin before that may have
    /// changed unseen, whatever is told of the others.
    resumed: Nanos,
    delays: FeedDelays,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            heard: Nanos::ZERO,
            newest: Nanos::ZERO,
            pauses: Pauses {
                squares_s2: AT_FIRST_S * LONGEST_SILENCE.as_secs_f64(),
                sum_s: AT_FIRST_S,
            },
            usual: LONGEST_SILENCE,
            resumed: Nanos::ZERO,
            delays: FeedDelays::default(),
        }
    }
}

impl Pulse {
    /// A newer view of any coin's book. `limit`: that coin's `stale_book_ms`.
    pub fn on_view(&mut self, view: &BookView, limit: Nanos) {
        // A view is told again when something else than its book is new: that is no news of the link.
        if view.state == BookState::Void {
            return;
        }
        if view.recv_time > self.heard && !is_late(view, limit) {
            if self.is_silent(view.recv_time, limit) {
                self.resumed = view.recv_time;
            }
            self.heard = view.recv_time;
        }
        if view.recv_time > self.newest {
            self.count(view.recv_time, limit);
            self.delays.count(view.recv_time, view.delay);
        }
    }

    /// The pace is that of all messages: a link that was late is none that is slow. Of a silence that
    /// was longer than usual no more counts than would have been usual: one outage makes no still link.
    fn count(&mut self, at: Nanos, limit: Nanos) {
        if self.newest != Nanos::ZERO {
            self.pauses.count(at - self.newest, self.usual.max(limit));
            self.usual = self.pauses.usual();
        }
        self.newest = at;
    }

    /// Median delay of the link's messages of the last ten seconds; [`None`] before the first.
    pub fn delay_p50(&self) -> Option<Nanos> {
        self.delays.p50()
    }

    /// Whether that is beyond `limit`: a coin's `max_feed_delay_ms`.
    pub fn is_late(&self, limit: Nanos) -> bool {
        self.delay_p50().is_some_and(|delay| delay > limit)
    }

    /// Whether a book is too old to be quoted on. `limit`: its coin's `stale_book_ms`.
    pub fn is_stale(&self, now: Nanos, view: &BookView, limit: Nanos) -> bool {
        is_late(view, limit)
            || view.recv_time < self.resumed
            || now - view.recv_time > LONGEST_SILENCE.max(limit)
            || self.is_silent(now, limit)
    }

    fn is_silent(&self, now: Nanos, limit: Nanos) -> bool {
        now - self.heard > self.usual.max(limit)
    }
}

/// Whether the newest message of a coin told of a block too long ago, or too far ahead, to be true of
/// the moment when it arrived.
fn is_late(view: &BookView, limit: Nanos) -> bool {
    view.delay > limit || view.delay < Nanos::ZERO - limit
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Nanos = Nanos::secs(2);

    const fn ms(ms: i64) -> Nanos {
        Nanos::millis(ms)
    }

    /// A message received then, of a block so long ago.
    fn view(received_ms: i64, delay_ms: i64) -> BookView {
        let (recv_time, delay) = (ms(received_ms), ms(delay_ms));
        BookView { state: BookState::Ok, recv_time, delay, ..BookView::default() }
    }

    /// How long after its last message a link of this rhythm counts as silent, in whole milliseconds.
    fn patience(rhythm_ms: &[i64], for_ms: i64) -> i64 {
        let (mut pulse, mut at, mut last) = (Pulse::default(), 1_000, view(0, 0));
        for pause in rhythm_ms.iter().cycle() {
            if at > 1_000 + for_ms {
                break;
            }
            last = view(at, 50);
            pulse.on_view(&last, LIMIT);
            at += pause;
        }
        let heard = last.recv_time.as_millis();
        // The coin itself may have been told of just now: this is about the link.
        (0..20_000)
            .find(|wait| {
                let now = heard + wait;
                pulse.is_stale(ms(now), &view(now, 50), LIMIT)
            })
            .unwrap()
    }

    #[test]
    fn late_is_stale_at_once_and_in_time_is_fresh_at_once() {
        let mut pulse = Pulse::default();
        for (delay_ms, stale) in [(50, false), (2_000, false), (2_001, true), (8_000, true)] {
            let view = view(1_000, delay_ms);
            pulse.on_view(&BookView { delay: ms(0), ..view }, LIMIT);
            assert_eq!(pulse.is_stale(ms(1_000), &view, LIMIT), stale, "{delay_ms} ms");
        }
        assert!(pulse.is_stale(ms(1_000), &view(1_000, -2_001), LIMIT), "of the future");
    }

    /// What does not come in time keeps nobody from noticing that nothing does.
    #[test]
    fn a_steadily_late_link_is_silent() {
        let mut pulse = Pulse::default();
        (0..100).for_each(|i| pulse.on_view(&view(100 * i, 30), LIMIT));
        let other = view(9_900, 30);
        (100..200).for_each(|i| pulse.on_view(&view(100 * i, 8_000), LIMIT));
        assert!(!pulse.is_stale(ms(11_900), &other, LIMIT));
        assert!(pulse.is_stale(ms(11_901), &other, LIMIT));
    }

    /// After a minute of late messages the link is as lively as before, and its silence as telling.
    #[test]
    fn a_late_link_keeps_its_pace() {
        let mut pulse = Pulse::default();
        (0..100).for_each(|i| pulse.on_view(&view(100 * i, 30), LIMIT));
        (100..700).for_each(|i| pulse.on_view(&view(100 * i, 8_000), LIMIT));
        let last = view(70_000, 30);
        pulse.on_view(&last, LIMIT);
        assert!(!pulse.is_stale(ms(72_000), &last, LIMIT));
        assert!(pulse.is_stale(ms(72_001), &last, LIMIT));
    }

    #[test]
    fn a_still_coin_is_fresh_while_the_link_brings_others() {
        let (mut pulse, still) = (Pulse::default(), view(0, 30));
        for i in 0..80 {
            pulse.on_view(&view(100 * i, 30), LIMIT);
            assert!(!pulse.is_stale(ms(100 * i + 90), &still, LIMIT), "at {i}");
        }
        pulse.on_view(&view(8_000, 30), LIMIT);
        assert!(!pulse.is_stale(ms(8_000), &still, LIMIT));
        assert!(pulse.is_stale(ms(8_001), &still, LIMIT), "not told of any more");
    }

    #[test]
    fn after_a_silence_each_coin_is_fresh_by_its_own_news_only() {
        let mut pulse = Pulse::default();
        (0..100).for_each(|i| pulse.on_view(&view(100 * i, 30), LIMIT));
        let (before, first, own) = (view(9_900, 30), view(12_100, 30), view(12_600, 30));
        pulse.on_view(&first, LIMIT);
        assert!(pulse.is_stale(ms(12_100), &before, LIMIT), "it may have changed unseen");
        assert!(!pulse.is_stale(ms(12_100), &first, LIMIT));
        pulse.on_view(&own, LIMIT);
        assert!(!pulse.is_stale(ms(12_600), &own, LIMIT));
    }

    /// Nor do a few outages make a lively link a still one.
    #[test]
    fn an_outage_teaches_no_patience() {
        let outages: Vec<_> = [&[100; 50][..], &[8_000], &[100; 30], &[8_000]].concat();
        let after = patience(&outages, 5_000 + 8_000 + 3_000 + 8_000 - 1);
        assert_eq!(after, 2_001, "before the second");
        assert!(patience(&[&outages[..], &[100; 30]].concat(), 24_000) < 3_000, "after it");
        assert_eq!(patience(&[&outages[..], &[100; 30]].concat(), 27_000), 2_001);
    }

    #[test]
    fn silence_is_measured_by_the_links_own_pace() {
        assert_eq!(patience(&[500], 0), 8_001, "nothing is known after one message");
        assert_eq!(patience(&[100], 5_000), 2_001, "a lively link: the limit");
        assert_eq!(patience(&[500, 0, 0], 30_000), 2_001);
        // Books every 5 s and touches every 4 s, of three coins at once.
        let rhythm = [0, 0, 4_000, 0, 0, 1_000, 0, 0, 3_000, 0, 0, 2_000];
        for for_ms in (0..120_000).step_by(1_000) {
            assert!(patience(&rhythm, for_ms) > 5_000, "after {for_ms} ms");
        }
        // The same, each coin told of in a block of its own.
        let apart = [80, 160, 3_760, 80, 160, 760, 80, 160, 2_760, 80, 160, 1_760];
        for for_ms in (0..120_000).step_by(500) {
            assert!(patience(&apart, for_ms) > 4_000, "apart, after {for_ms} ms");
        }
        // It becomes lively, and then still again.
        let lively: Vec<_> = [&[4_000; 10][..], &[100; 100]].concat();
        assert_eq!(patience(&lively, 40_000 + 9_000), 2_001);
        assert!(patience(&[&[100; 300][..], &[4_000; 9]].concat(), 30_000 + 33_000) > 4_000);
    }
}
