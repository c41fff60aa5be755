//! One WebSocket session with the venue, kept alive: when to connect again, what is subscribed,
//! when to ping, when a link is dead (PROTOCOL §5). Holds no socket and reads no clock; both
//! [`super::feed`] and [`super::gateway`] run one.
//!
//! ```text
//! Waiting ──until──> Opening ──Opened──> Open ──Closed, no answers, no acks──> Waiting (longer)
//! ```
//!
//! A link is dead when what we asked stays unanswered, whatever else comes in: one that carries
//! frames in one direction only is as useless as none.

use super::user::{Stream, StreamKind};
use crate::types::{AssetId, Nanos};
use crate::venue::Transport;
use crate::venue::hl::sign::Address;

/// A link is noticed to be dead within this time, unless configured otherwise (`dead_link_ms`).
pub const DEAD_LINK: Nanos = Nanos::secs(6);
/// A connection that does not open in this time is given up.
const OPEN_TIMEOUT: Nanos = Nanos::secs(15);
/// Subscriptions are acknowledged within this time, or count as refused.
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
    /// The whole requests.
    subscribe: Vec<u8>,
    unsubscribe: Vec<u8>,
    ack: Ack,
}

/// How far a subscription is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ack {
    Asked(Nanos),
    Acked,
    /// The venue said no, or nothing.
    Refused,
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
    /// Everything wanted is acknowledged: looked up at every turn.
    is_subscribed: bool,
    /// See [`Session::take_refusal`].
    has_refusal: bool,
    state: State,
    /// Attempts in a row that did not lead to a good session.
    failures: u32,
    jitter: u64,
    dead_after: Nanos,
    last_ping: Nanos,
    /// The ping that no pong has answered yet.
    pinged: Option<Nanos>,
}

impl Session {
    /// A session that connects at once. `seed` draws the jitter of the pauses, so that many bots do
    /// not come back in the same instant. A link that died is noticed within `dead_after`.
    pub fn new(seed: u64, dead_after: Nanos) -> Self {
        assert!(dead_after > Nanos::ZERO, "a link needs time to answer");
        Self {
            wanted: Vec::new(),
            is_subscribed: false,
            has_refusal: false,
            state: State::Waiting { until: Nanos::ZERO },
            failures: 0,
            jitter: seed | 1,
            dead_after,
            last_ping: Nanos::ZERO,
            pinged: None,
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
            &format!(r#"{{"type":"{name}","coin":"{coin}"{more}}}"#),
        );
    }

    /// Wants an account's stream.
    pub fn want_user(&mut self, kind: StreamKind, user: Address) {
        let name = match kind {
            StreamKind::OrderUpdates => "orderUpdates",
            StreamKind::UserFills => "userFills",
            StreamKind::UserFundings => "userFundings",
            StreamKind::UserEvents => "userEvents",
            StreamKind::LedgerUpdates => "userNonFundingLedgerUpdates",
            kind => panic!("{kind:?} is not an account's stream of ours"),
        };
        self.want(
            Stream { kind, asset: None, user: Some(user) },
            &format!(r#"{{"type":"{name}","user":"{user}"}}"#),
        );
    }

    fn want(&mut self, stream: Stream, subscription: &str) {
        let request = |method| {
            format!(r#"{{"method":"{method}","subscription":{subscription}}}"#).into_bytes()
        };
        self.wanted.push(Subscription {
            stream,
            subscribe: request("subscribe"),
            unsubscribe: request("unsubscribe"),
            ack: Ack::Refused,
        });
    }

    /// Whether the link is open.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Whether the link is open and everything wanted is subscribed.
    pub fn is_ready(&self) -> bool {
        self.is_open() && self.is_subscribed
    }

    /// Whether the venue refuses one of a coin's streams, or does not answer to it.
    pub fn is_refused(&self, asset: AssetId) -> bool {
        self.of(asset).any(|s| s.ack == Ack::Refused)
    }

    /// Whether any stream was refused since this was last asked.
    pub fn take_refusal(&mut self) -> bool {
        core::mem::take(&mut self.has_refusal)
    }

    /// Whether all of a coin's streams are in place.
    pub fn is_subscribed(&self, asset: AssetId) -> bool {
        self.of(asset).all(|s| s.ack == Ack::Acked)
    }

    /// What a coin cannot be quoted without: the venue's mark is good to have, no more.
    fn of(&self, asset: AssetId) -> impl Iterator<Item = &Subscription> {
        let is_needed = |s: &&Subscription| s.stream.kind != StreamKind::AssetCtx;
        self.wanted.iter().filter(move |s| s.stream.asset == Some(asset)).filter(is_needed)
    }

    /// The transport opened: subscribes to everything.
    pub fn on_opened(&mut self, now: Nanos, transport: &mut impl Transport) {
        self.state = State::Open { since: now };
        for subscription in &mut self.wanted {
            subscription.ask(now, transport);
        }
        self.is_subscribed = self.wanted.is_empty();
        (self.last_ping, self.pinged) = (now, None);
    }

    /// Ends a coin's subscriptions and asks for them anew. The link is open.
    pub fn resubscribe(&mut self, now: Nanos, asset: AssetId, transport: &mut impl Transport) {
        for subscription in self.wanted.iter_mut().filter(|s| s.stream.asset == Some(asset)) {
            if subscription.ack == Ack::Acked {
                transport.send(now, &subscription.unsubscribe);
            }
            subscription.ask(now, transport);
        }
        self.is_subscribed = false;
    }

    /// Our ping was answered.
    pub fn on_pong(&mut self) {
        self.pinged = None;
    }

    /// The venue acknowledged a subscription; told by content, since it writes it in its own form.
    pub fn on_subscribed(&mut self, stream: &Stream) {
        self.set(stream, Ack::Acked);
    }

    /// The venue refused one.
    pub fn on_refused(&mut self, stream: &Stream) {
        self.has_refusal = true;
        self.set(stream, Ack::Refused);
    }

    fn set(&mut self, stream: &Stream, ack: Ack) {
        for wanted in self.wanted.iter_mut().filter(|w| w.stream == *stream) {
            wanted.ack = ack;
        }
        self.is_subscribed = self.wanted.iter().all(|s| s.ack == Ack::Acked);
    }

    /// The link is gone, could not be opened, or is given up from our side: waits, longer each time.
    pub fn on_closed(&mut self, now: Nanos) {
        if matches!(self.state, State::Open { since } if now - since >= GOOD_AFTER) {
            self.failures = 0;
        }
        self.state = State::Waiting { until: now + self.pause() };
        self.failures += 1;
    }

    /// Does what is due: connects, pings, notices that a link is dead. `asked` is when the oldest
    /// post was sent whose answer is missing. True when a link that was open has just been given
    /// up: the owner tells the rest of the bot.
    pub fn maintain(
        &mut self,
        now: Nanos,
        asked: Option<Nanos>,
        transport: &mut impl Transport,
    ) -> bool {
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
            State::Open { .. } => {
                if self.dies_at(asked).is_some_and(|at| now >= at) || self.is_rejected(now) {
                    self.on_closed(now);
                    return true;
                }
                if now >= self.next_ping() && self.pinged.is_none() {
                    // One that cannot even be sent is not answered either.
                    transport.send(now, PING);
                    (self.last_ping, self.pinged) = (now, Some(now));
                }
                false
            }
            _ => false,
        }
    }

    /// When [`Session::maintain`] next has something to do.
    pub fn next_deadline(&self, asked: Option<Nanos>) -> Nanos {
        match self.state {
            State::Waiting { until } => until,
            State::Opening { since } => since + OPEN_TIMEOUT,
            State::Open { .. } => {
                let ping = if self.pinged.is_none() { Some(self.next_ping()) } else { None };
                let acks = self.wanted.iter().filter_map(|s| match s.ack {
                    Ack::Asked(since) => Some(since + ACK_TIMEOUT),
                    Ack::Acked | Ack::Refused => None,
                });
                let due = ping.into_iter().chain(self.dies_at(asked)).chain(acks).min();
                due.unwrap_or(self.last_ping + self.dead_after)
            }
        }
    }

    /// Pings go out often enough that one and the wait for its answer fit into `dead_after`. (The
    /// venue itself closes a connection to which it sent nothing but answers to posts for 60 s.)
    fn next_ping(&self) -> Nanos {
        self.last_ping + Nanos(self.dead_after.0 / 4)
    }

    /// When the link is dead, should nothing be answered until then.
    fn dies_at(&self, asked: Option<Nanos>) -> Option<Nanos> {
        let patience = Nanos(self.dead_after.0 - self.dead_after.0 / 4);
        self.pinged.into_iter().chain(asked).min().map(|since| since + patience)
    }

    /// Takes what was not acknowledged in time for refused. Whether the session is good for nothing:
    /// without one of the account's streams, or without any at all.
    fn is_rejected(&mut self, now: Nanos) -> bool {
        if self.is_subscribed {
            return false;
        }
        for subscription in &mut self.wanted {
            if matches!(subscription.ack, Ack::Asked(since) if now - since >= ACK_TIMEOUT) {
                subscription.ack = Ack::Refused;
                self.has_refusal = true;
            }
        }
        let is_refused = |s: &Subscription| s.ack == Ack::Refused;
        let is_needed = |s: &Subscription| s.stream.user.is_some();
        self.wanted.iter().any(|s| is_refused(s) && is_needed(s))
            || self.wanted.iter().all(is_refused)
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

impl Subscription {
    fn ask(&mut self, now: Nanos, transport: &mut impl Transport) {
        transport.send(now, &self.subscribe);
        self.ack = Ack::Asked(now);
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
        let mut session = Session::new(7, DEAD_LINK);
        session.want_market(StreamKind::Bbo, AssetId::new(0), "BTC");
        (session, Line::default())
    }

    #[test]
    fn connects_subscribes_and_is_ready_when_acknowledged() {
        let (mut s, mut line) = session();
        s.maintain(Nanos::secs(1), None, &mut line);
        s.maintain(Nanos::secs(2), None, &mut line);
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

    /// Open and subscribed, at zero.
    fn open() -> (Session, Line) {
        let (mut s, mut line) = session();
        s.maintain(Nanos::ZERO, None, &mut line);
        s.on_opened(Nanos::ZERO, &mut line);
        let kind = StreamKind::Bbo;
        s.on_subscribed(&Stream { kind, asset: Some(AssetId::new(0)), user: None });
        assert!(s.is_ready());
        (s, line)
    }

    /// When the link is given up, if nothing answers any more from zero on.
    fn dies(s: &mut Session, line: &mut Line, asked: Option<Nanos>) -> Nanos {
        loop {
            let now = s.next_deadline(asked);
            assert!(now < Nanos::secs(60), "it never dies");
            if s.maintain(now, asked, line) {
                return now;
            }
        }
    }

    #[test]
    fn pings_in_time_and_calls_a_link_that_does_not_answer_dead() {
        let (mut s, mut line) = open();
        for _ in 0..20 {
            let now = s.next_deadline(None);
            assert!(!s.maintain(now, None, &mut line));
            assert_eq!(line.sent.last().unwrap(), r#"{"method":"ping"}"#);
            assert!(s.next_deadline(None) > now, "no busy loop");
            s.on_pong();
        }
        let last = s.last_ping;
        assert_eq!(last, Nanos::secs(30), "one every 1.5 s");
        assert_eq!(dies(&mut s, &mut line, None), last + DEAD_LINK);
        assert!(!s.is_open());
    }

    #[test]
    fn an_unanswered_post_counts_although_pings_are_answered() {
        let (mut s, mut line) = open();
        let sent = Nanos::millis(200);
        let dies = |s: &mut Session, line: &mut Line| loop {
            let now = s.next_deadline(Some(sent));
            if s.maintain(now, Some(sent), line) {
                return now;
            }
            s.on_pong();
        };
        assert_eq!(dies(&mut s, &mut line), sent + Nanos::millis(4_500));
    }

    #[test]
    fn how_soon_a_dead_link_is_noticed_can_be_chosen() {
        for ms in [2_000, 3_000, 6_000] {
            let dead_after = Nanos::millis(ms);
            let (mut s, mut line) = (Session::new(7, dead_after), Line::default());
            s.want_market(StreamKind::Bbo, AssetId::new(0), "BTC");
            s.on_opened(Nanos::ZERO, &mut line);
            assert_eq!(dies(&mut s, &mut line, None), dead_after);
        }
    }

    #[test]
    fn pauses_grow_to_a_limit_and_never_break_the_venues_limit() {
        let (mut s, mut line) = session();
        let mut attempts = Vec::new();
        let mut now = Nanos::ZERO;
        while now < Nanos::secs(600) {
            let before = line.connects;
            s.maintain(now, None, &mut line);
            if line.connects > before {
                attempts.push(now);
                s.on_closed(now + Nanos::millis(1));
            }
            now = s.next_deadline(None);
        }
        let in_minute = |start: Nanos| {
            attempts.iter().filter(|t| **t >= start && **t < start + Nanos::secs(60)).count()
        };
        assert!((5..=10).contains(&in_minute(Nanos::ZERO)), "{attempts:?}");
        assert!((1..=3).contains(&in_minute(Nanos::secs(300))), "{attempts:?}");
        // A link that opens and falls at once does not start over either.
        s.on_opened(now, &mut line);
        s.on_closed(now + Nanos::secs(1));
        assert!(s.next_deadline(None) - now > Nanos::secs(20));
        s.on_opened(now, &mut line);
        s.on_closed(now + GOOD_AFTER);
        assert!(s.next_deadline(None) - (now + GOOD_AFTER) < Nanos::secs(1));
    }

    /// Answers pings; when the session is given up.
    fn given_up(s: &mut Session, line: &mut Line) -> Option<Nanos> {
        loop {
            let now = s.next_deadline(None);
            if now > Nanos::secs(60) {
                return None;
            }
            if s.maintain(now, None, line) {
                return Some(now);
            }
            s.on_pong();
        }
    }

    #[test]
    fn one_coin_that_is_refused_does_not_end_the_session_but_all_do() {
        let stream = |i| Stream { kind: StreamKind::Bbo, asset: Some(AssetId::new(i)), user: None };
        let (mut s, mut line) = session();
        s.want_market(StreamKind::Bbo, AssetId::new(1), "NOPE");
        s.on_opened(Nanos::ZERO, &mut line);
        s.on_subscribed(&stream(0));
        s.on_refused(&stream(1));
        assert_eq!(given_up(&mut s, &mut line), None);
        assert_eq!([0, 1].map(|i| s.is_refused(AssetId::new(i))), [false, true]);
        line.sent.clear();
        s.resubscribe(Nanos::secs(60), AssetId::new(1), &mut line);
        assert_eq!(line.sent.len(), 1, "nothing to end: {:?}", line.sent);
        s.on_subscribed(&stream(1));
        assert!(s.is_ready());
        s.resubscribe(Nanos::secs(61), AssetId::new(1), &mut line);
        assert_eq!(
            line.sent[1..],
            ["unsubscribe", "subscribe"].map(|method| format!(
                r#"{{"method":"{method}","subscription":{{"type":"bbo","coin":"NOPE"}}}}"#
            ))
        );

        let (mut s, mut line) = session();
        s.want_market(StreamKind::Bbo, AssetId::new(1), "NOPE");
        s.on_opened(Nanos::ZERO, &mut line);
        assert_eq!(given_up(&mut s, &mut line), Some(ACK_TIMEOUT), "none was acknowledged");
    }

    #[test]
    fn a_session_without_one_of_the_accounts_streams_is_given_up() {
        let (mut s, mut line) = (Session::new(7, DEAD_LINK), Line::default());
        let user = Address::parse("0x0707070707070707070707070707070707070707").unwrap();
        s.want_user(StreamKind::UserFills, user);
        s.want_user(StreamKind::OrderUpdates, user);
        s.on_opened(Nanos::ZERO, &mut line);
        s.on_subscribed(&Stream { kind: StreamKind::UserFills, asset: None, user: Some(user) });
        assert_eq!(given_up(&mut s, &mut line), Some(ACK_TIMEOUT));
    }
}
