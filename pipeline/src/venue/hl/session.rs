//! One WebSocket session with the venue, kept alive: when to connect again, what is subscribed,
//! when to ping, when a silent link is dead (PROTOCOL §5). Holds no socket and reads no clock; both
//! [`super::feed`] and [`super::gateway`] run one.
//!
//! ```text
//! Waiting ──until──> Opening ──Opened──> Open ──Closed, silence, no acks──> Waiting (longer)
//! ```

use super::user::{Stream, StreamKind};
use crate::types::{AssetId, Nanos};
use crate::venue::Transport;
use crate::venue::hl::sign::Address;

/// The venue closes a connection to which it sent nothing for 60 s. Its answers to our posts do not
/// count, its pong does: so pings go out however much else is sent.
const PING_EVERY: Nanos = Nanos::secs(15);
/// Pings are answered: a link silent for longer than two of them is dead, whatever the socket says.
const DEAD_AFTER: Nanos = Nanos::secs(35);
/// A connection that does not open in this time is given up.
const OPEN_TIMEOUT: Nanos = Nanos::secs(15);
/// Subscriptions are acknowledged within this time, or the session starts over.
const ACK_TIMEOUT: Nanos = Nanos::secs(10);
/// First and longest pause before another attempt. Doubling from a quarter second makes eight
/// attempts in the first minute and two a minute later: two sessions stay far below the venue's
/// 30 new connections a minute.
const FIRST_PAUSE: Nanos = Nanos::millis(250);
const LONGEST_PAUSE: Nanos = Nanos::secs(30);
/// A session that lived this long was a good one: the next pause is the first again.
const GOOD_AFTER: Nanos = Nanos::secs(60);

const PING: &[u8] = br#"{"method":"ping"}"#;

/// Something to subscribe to.
#[derive(Clone, Debug)]
struct Subscription {
    stream: Stream,
    /// The whole request.
    request: Vec<u8>,
    acked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting { until: Nanos },
    Opening { since: Nanos },
    Open { since: Nanos },
}

/// See the module.
#[derive(Debug)]
pub struct Session {
    wanted: Vec<Subscription>,
    state: State,
    /// Attempts in a row that did not lead to a good session.
    failures: u32,
    jitter: u64,
    last_ping: Nanos,
    last_heard: Nanos,
}

impl Session {
    /// A session that connects at once. `seed` draws the jitter of the pauses, so that many bots do
    /// not come back in the same instant.
    pub fn new(seed: u64) -> Self {
        Self {
            wanted: Vec::new(),
            state: State::Waiting { until: Nanos::ZERO },
            failures: 0,
            jitter: seed | 1,
            last_ping: Nanos::ZERO,
            last_heard: Nanos::ZERO,
        }
    }

    /// Wants a coin's public stream.
    pub fn want_market(&mut self, kind: StreamKind, asset: AssetId, coin: &str) {
        let (name, more) = match kind {
            StreamKind::FastBook => ("l2Book", r#","fast":true"#),
            StreamKind::Book => ("l2Book", ""),
            StreamKind::Bbo => ("bbo", ""),
            StreamKind::Trades => ("trades", ""),
            StreamKind::AssetCtx => ("activeAssetCtx", ""),
            kind => panic!("{kind:?} is not a coin's stream"),
        };
        self.want(
            Stream { kind, asset: Some(asset), user: None },
            format!(r#"{{"type":"{name}","coin":"{coin}"{more}}}"#),
        );
    }

    /// Wants an account's stream.
    pub fn want_user(&mut self, kind: StreamKind, user: Address) {
        let name = match kind {
            StreamKind::OrderUpdates => "orderUpdates",
            StreamKind::UserFills => "userFills",
            StreamKind::UserFundings => "userFundings",
            kind => panic!("{kind:?} is not an account's stream of ours"),
        };
        self.want(
            Stream { kind, asset: None, user: Some(user) },
            format!(r#"{{"type":"{name}","user":"{user}"}}"#),
        );
    }

    fn want(&mut self, stream: Stream, subscription: String) {
        let request = format!(r#"{{"method":"subscribe","subscription":{subscription}}}"#);
        self.wanted.push(Subscription { stream, request: request.into_bytes(), acked: false });
    }

    /// Whether the link is open.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Whether the link is open and everything wanted is subscribed.
    pub fn is_ready(&self) -> bool {
        self.is_open() && self.wanted.iter().all(|s| s.acked)
    }

    /// The transport opened: subscribes to everything.
    pub fn on_opened(&mut self, now: Nanos, transport: &mut impl Transport) {
        self.state = State::Open { since: now };
        self.last_heard = now;
        for subscription in &mut self.wanted {
            subscription.acked = false;
            transport.send(now, &subscription.request);
        }
        self.last_ping = now;
    }

    /// A frame came in.
    pub fn on_frame(&mut self, now: Nanos) {
        self.last_heard = now;
    }

    /// The venue acknowledged a subscription; told by content, since it writes it in its own form.
    pub fn on_subscribed(&mut self, stream: &Stream) {
        for wanted in self.wanted.iter_mut().filter(|w| w.stream == *stream) {
            wanted.acked = true;
        }
    }

    /// The link is gone, could not be opened, or is given up from our side: waits, longer each time.
    pub fn on_closed(&mut self, now: Nanos) {
        if matches!(self.state, State::Open { since } if now - since >= GOOD_AFTER) {
            self.failures = 0;
        }
        self.state = State::Waiting { until: now + self.pause() };
        self.failures += 1;
    }

    /// Does what is due: connects, pings, notices that a link is dead. True when a link that was
    /// open has just been given up: the owner tells the rest of the bot.
    pub fn maintain(&mut self, now: Nanos, transport: &mut impl Transport) -> bool {
        match self.state {
            State::Waiting { until } if now >= until => {
                self.state = State::Opening { since: now };
                transport.connect(now);
                false
            }
            State::Opening { since } if now - since >= OPEN_TIMEOUT => {
                self.on_closed(now);
                false
            }
            State::Open { since } => {
                let unacked = now - since >= ACK_TIMEOUT && !self.is_ready();
                if unacked || now - self.last_heard >= DEAD_AFTER {
                    self.on_closed(now);
                    return true;
                }
                if now - self.last_ping >= PING_EVERY {
                    transport.send(now, PING);
                    self.last_ping = now;
                }
                false
            }
            _ => false,
        }
    }

    /// When [`Session::maintain`] next has something to do.
    pub fn next_deadline(&self) -> Nanos {
        match self.state {
            State::Waiting { until } => until,
            State::Opening { since } => since + OPEN_TIMEOUT,
            State::Open { since } => {
                let alive = (self.last_ping + PING_EVERY).min(self.last_heard + DEAD_AFTER);
                if self.is_ready() { alive } else { alive.min(since + ACK_TIMEOUT) }
            }
        }
    }

    /// The pause after so many failures, a fifth up or down by chance.
    fn pause(&mut self) -> Nanos {
        let doubled = FIRST_PAUSE.0.saturating_mul(1 << self.failures.min(16));
        let pause = doubled.min(LONGEST_PAUSE.0);
        // xorshift64: any spread will do.
        self.jitter ^= self.jitter << 13;
        self.jitter ^= self.jitter >> 7;
        self.jitter ^= self.jitter << 17;
        let percent = 80 + (self.jitter % 41) as i64;
        Nanos(pause / 100 * percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venue::Received;

    /// Counts what a session asks for.
    #[derive(Default)]
    struct Line {
        connects: u32,
        sent: Vec<String>,
    }

    impl Transport for Line {
        fn connect(&mut self, _: Nanos) {
            self.connects += 1;
        }
        fn recv(&mut self, _: Nanos) -> Option<Received<'_>> {
            None
        }
        fn send(&mut self, _: Nanos, frame: &[u8]) -> bool {
            self.sent.push(String::from_utf8(frame.to_vec()).unwrap());
            true
        }
        fn next_deadline(&self) -> Option<Nanos> {
            None
        }
    }

    fn session() -> (Session, Line) {
        let mut session = Session::new(7);
        session.want_market(StreamKind::Bbo, AssetId::new(0), "BTC");
        (session, Line::default())
    }

    #[test]
    fn connects_subscribes_and_is_ready_when_acknowledged() {
        let (mut s, mut line) = session();
        s.maintain(Nanos::secs(1), &mut line);
        s.maintain(Nanos::secs(2), &mut line);
        assert_eq!(line.connects, 1);
        s.on_opened(Nanos::secs(2), &mut line);
        assert_eq!(
            line.sent,
            [r#"{"method":"subscribe","subscription":{"type":"bbo","coin":"BTC"}}"#]
        );
        assert!(s.is_open() && !s.is_ready());
        let other = Stream { kind: StreamKind::Bbo, asset: Some(AssetId::new(1)), user: None };
        s.on_subscribed(&other);
        assert!(!s.is_ready());
        s.on_subscribed(&Stream { asset: Some(AssetId::new(0)), ..other });
        assert!(s.is_ready());
    }

    #[test]
    fn pings_in_time_and_calls_a_silent_link_dead() {
        let (mut s, mut line) = session();
        s.maintain(Nanos::ZERO, &mut line);
        s.on_opened(Nanos::ZERO, &mut line);
        s.on_subscribed(&Stream {
            kind: StreamKind::Bbo,
            asset: Some(AssetId::new(0)),
            user: None,
        });
        assert_eq!(s.next_deadline(), PING_EVERY);
        assert!(!s.maintain(PING_EVERY, &mut line));
        assert_eq!(line.sent.last().unwrap(), r#"{"method":"ping"}"#);
        s.on_frame(Nanos::secs(16));
        assert!(!s.maintain(Nanos::secs(50), &mut line));
        assert!(s.maintain(Nanos::secs(51), &mut line), "35 s after the last frame");
        assert!(!s.is_open());
    }

    #[test]
    fn pauses_grow_to_a_limit_and_never_break_the_venues_limit() {
        let (mut s, mut line) = session();
        let mut attempts = Vec::new();
        let mut now = Nanos::ZERO;
        while now < Nanos::secs(600) {
            let before = line.connects;
            s.maintain(now, &mut line);
            if line.connects > before {
                attempts.push(now);
                s.on_closed(now + Nanos::millis(1));
            }
            now = s.next_deadline();
        }
        let in_minute = |start: Nanos| {
            attempts.iter().filter(|t| **t >= start && **t < start + Nanos::secs(60)).count()
        };
        assert!((5..=10).contains(&in_minute(Nanos::ZERO)), "{attempts:?}");
        assert!((1..=3).contains(&in_minute(Nanos::secs(300))), "{attempts:?}");
        // A link that opens and falls at once does not start over either.
        s.on_opened(now, &mut line);
        s.on_closed(now + Nanos::secs(1));
        assert!(s.next_deadline() - now > Nanos::secs(20));
        s.on_opened(now, &mut line);
        s.on_closed(now + GOOD_AFTER);
        assert!(s.next_deadline() - (now + GOOD_AFTER) < Nanos::secs(1));
    }

    #[test]
    fn subscriptions_that_are_never_acknowledged_end_the_session() {
        let (mut s, mut line) = session();
        s.on_opened(Nanos::ZERO, &mut line);
        assert!(!s.maintain(Nanos::secs(9), &mut line));
        assert!(s.maintain(Nanos::secs(10), &mut line));
    }
}
