//! One of the recorder's connections: the session of the live feed, and its frames as they come.

use botmm_pipeline::types::{AssetId, Nanos, Universe};
use botmm_pipeline::venue::hl::session::{DEAD_LINK, Session};
use botmm_pipeline::venue::hl::user::{StreamKind, UserParser};
use botmm_pipeline::venue::{Received, Transport};

/// The streams of each coin, as they are subscribed to and as the manifest names them.
pub const STREAMS: [(StreamKind, &str); 6] = [
    (StreamKind::Book, "l2Book"),
    (StreamKind::FastBook, "l2Book fast"),
    (StreamKind::Bbo, "bbo"),
    (StreamKind::Trades, "trades"),
    (StreamKind::AssetCtx, "activeAssetCtx"),
    (StreamKind::Candle, "candle 1m"),
];
/// When no stream says anything for this long the session starts over, as the live feed's does.
const SILENCE_LIMIT: Nanos = Nanos::secs(20);
/// A stream that was not acknowledged by then will not be.
const READY_WITHIN: Nanos = Nanos::secs(12);

/// What a connection brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// A frame that was kept, or something else that was dealt with: there may be more.
    Heard,
    /// It is gone.
    Lost,
}

/// Takes a frame that is to be kept, with when it came and where it belongs.
pub type Keep<'a> = dyn FnMut(Nanos, &[u8], Kind) + 'a;

/// What a frame is, as far as the recorder wants to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kind {
    /// By [`STREAMS`] and coin; [`None`] = it is kept all the same.
    pub stream: Option<(usize, AssetId)>,
    /// When the venue said it.
    pub said: Option<Nanos>,
}

/// See the module.
pub struct Link<T> {
    session: Session,
    transport: T,
    control: UserParser,
    universe: Universe,
    opened: Nanos,
    /// When this session's first frame to be kept came, and its newest.
    first: Option<Nanos>,
    last: Nanos,
    /// From when on all streams came.
    ready: Option<Nanos>,
}

impl<T: Transport> Link<T> {
    /// A connection to be, for these coins.
    pub fn new(transport: T, universe: Universe, seed: u64) -> Self {
        let mut session = Session::new(seed, DEAD_LINK);
        for (asset, instrument) in universe.iter() {
            for (kind, _) in STREAMS {
                session.want_market(kind, asset, instrument.coin.as_str());
            }
        }
        Self {
            session,
            transport,
            control: UserParser::new(),
            universe,
            opened: Nanos::ZERO,
            first: None,
            last: Nanos::ZERO,
            ready: None,
        }
    }

    /// What it brings next; [`None`] = nothing yet. `clock` says when a frame came.
    pub fn next(&mut self, clock: &dyn Fn() -> Nanos, keep: &mut Keep<'_>) -> Option<News> {
        let now = clock();
        let Self { session, transport, control, universe, .. } = self;
        match transport.recv(now)? {
            Received::Opened => {
                session.on_opened(now, transport);
                (self.opened, self.first, self.ready, self.last) = (now, None, None, now);
            }
            Received::Closed => {
                session.on_closed(now);
                return Some(News::Lost);
            }
            Received::Frame(frame) => {
                let now = clock();
                match channel_of(frame) {
                    Some(b"pong") => {
                        session.on_pong();
                    }
                    Some(b"subscriptionResponse" | b"error") => {
                        // Of a complaint about something else nothing follows.
                        let _ = control.parse(frame, universe, &mut |event| {
                            session.hear(&event);
                        });
                    }
                    channel => {
                        self.last = now;
                        self.first.get_or_insert(now);
                        let is_late = now - self.opened > READY_WITHIN;
                        if self.ready.is_none() && (session.is_ready() || is_late) {
                            self.ready = Some(now);
                        }
                        keep(now, frame, kind_of(frame, channel, universe));
                    }
                }
            }
        }
        Some(News::Heard)
    }

    /// When it has nothing to say: connects, pings and gives up as the live feed does. True = it was given up.
    pub fn maintain(&mut self, now: Nanos) -> bool {
        let is_silent = self.session.is_open() && now - self.last > SILENCE_LIMIT;
        if is_silent {
            self.session.on_closed(now);
        }
        self.session.maintain(now, None, &mut self.transport) || is_silent
    }

    /// Asks for a coin's streams again.
    pub fn ask_again(&mut self, now: Nanos, asset: AssetId) {
        if self.session.is_open() {
            self.session.resubscribe(now, asset, &mut self.transport);
        }
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.session.is_open()
    }

    /// When this session's first frame came.
    pub fn first(&self) -> Option<Nanos> {
        self.first
    }

    /// When its newest frame came that was to be kept, or when it was opened.
    pub fn last(&self) -> Nanos {
        self.last
    }

    /// From when on all of its streams came.
    pub fn ready(&self) -> Option<Nanos> {
        self.ready
    }

    /// Forgets the session that was lost.
    pub fn forget(&mut self) {
        (self.first, self.ready) = (None, None);
    }

    /// Whether the venue refuses one of a coin's streams.
    pub fn is_refused(&self, asset: AssetId) -> bool {
        self.session.is_open() && self.session.is_refused(asset)
    }
}

/// The channel of a frame as the venue writes it, which is first.
fn channel_of(frame: &[u8]) -> Option<&[u8]> {
    let rest = frame.strip_prefix(b"{\"channel\":\"")?;
    let end = rest.iter().take(64).position(|b| *b == b'"')?;
    Some(&rest[..end])
}

fn kind_of(frame: &[u8], channel: Option<&[u8]>, universe: &Universe) -> Kind {
    let (coin_key, time_key) = match channel {
        Some(b"candle") => (&b"\"s\":\""[..], None),
        Some(b"activeAssetCtx") => (&b"\"coin\":\""[..], None),
        _ => (&b"\"coin\":\""[..], Some(&b"\"time\":"[..])),
    };
    let asset = after(frame, coin_key).and_then(|rest| {
        let end = rest.iter().take(64).position(|b| *b == b'"')?;
        universe.find(&rest[..end])
    });
    let kind = match channel {
        // The key stands before the levels or after them, at one of the ends.
        Some(b"l2Book") if is_fast(frame) => Some(StreamKind::FastBook),
        Some(b"l2Book") => Some(StreamKind::Book),
        Some(b"bbo") => Some(StreamKind::Bbo),
        Some(b"trades") => Some(StreamKind::Trades),
        Some(b"activeAssetCtx") => Some(StreamKind::AssetCtx),
        Some(b"candle") => Some(StreamKind::Candle),
        _ => None,
    };
    let stream = STREAMS.iter().position(|(of, _)| Some(*of) == kind);
    let said = time_key.and_then(|key| after(frame, key)).and_then(millis);
    Kind { stream: stream.zip(asset), said }
}

fn is_fast(frame: &[u8]) -> bool {
    const KEY: &[u8] = b"\"fast\":true";
    let end = &frame[frame.len().saturating_sub(64)..];
    after(&frame[..frame.len().min(128)], KEY).is_some() || after(end, KEY).is_some()
}

fn after<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let at = text.windows(key.len()).position(|window| window == key)?;
    Some(&text[at + key.len()..])
}

fn millis(text: &[u8]) -> Option<Nanos> {
    let digits = text.iter().take(15).take_while(|b| b.is_ascii_digit());
    let ms = digits.fold(0_i64, |ms, b| ms * 10 + i64::from(b - b'0'));
    (ms > 0).then(|| Nanos::millis(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_apart_by_what_they_say() {
        let universe = crate::coins::universe([("BTC", 5), ("ETH", 4)]);
        let kind = |text: &str| kind_of(text.as_bytes(), channel_of(text.as_bytes()), &universe);
        let (btc, eth) = (AssetId::new(0), AssetId::new(1));
        let at = Some(Nanos::millis(1_795_369_510_123));
        for (frame, stream, said) in [
            (
                r#"{"channel":"l2Book","data":{"coin":"ETH","time":1795369510123,"levels":[[],[]]}}"#,
                Some((0, eth)),
                at,
            ),
            (
                r#"{"channel":"l2Book","data":{"coin":"BTC","time":1795369510123,"levels":[[],[]],"fast":true}}"#,
                Some((1, btc)),
                at,
            ),
            (r#"{"channel":"trades","data":[]}"#, None, None),
            (
                r#"{"channel":"activeAssetCtx","data":{"coin":"BTC","ctx":{}}}"#,
                Some((4, btc)),
                None,
            ),
            (
                r#"{"channel":"candle","data":{"t":1,"T":2,"s":"BTC","i":"1m"}}"#,
                Some((5, btc)),
                None,
            ),
            (r#"{"channel":"bbo","data":{"coin":"DOGE","time":1795369510123}}"#, None, at),
            ("[]", None, None),
        ] {
            assert_eq!(kind(frame), Kind { stream, said }, "{frame}");
        }
    }
}
