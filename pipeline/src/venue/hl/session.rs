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

use super::user::{ChannelErrorKind, Stream, StreamKind, UserEvent};
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
            StreamKind::Candle => ("candle", r#","interval":"1m""#),
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

    /// What a coin cannot be quoted without: the venue's mark and candles are good to have, no more.
    fn of(&self, asset: AssetId) -> impl Iterator<Item = &Subscription> {
        let is_extra = |kind| matches!(kind, StreamKind::AssetCtx | StreamKind::Candle);
        let is_needed = move |s: &&Subscription| !is_extra(s.stream.kind);
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

    /// Our ping was answered: when it went out, if it was waited for.
    pub fn on_pong(&mut self) -> Option<Nanos> {
        self.pinged.take()
    }

    /// Takes in what the venue says of subscriptions; false = it complains of something else.
    pub fn hear(&mut self, event: &UserEvent) -> bool {
        match event {
            UserEvent::Subscribed(stream) => self.on_subscribed(stream),
            UserEvent::ChannelError(error) => match (error.kind, &error.stream) {
                (ChannelErrorKind::AlreadySubscribed, Some(stream)) => self.on_subscribed(stream),
                (ChannelErrorKind::AlreadyUnsubscribed, _) => {}
                (_, Some(stream)) => self.on_refused(stream),
                (_, None) => return false,
            },
            _ => {}
        }
        true
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
mod tests;
