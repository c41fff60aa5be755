//! What both parsers of market data frames speak of: what a frame is, why it was refused, where its
//! numbers go.

use crate::types::{
    AssetId, Bbo, BookSnapshot, DecimalError, MarkPrice, Nanos, Side, Trade, Universe,
};

/// The longest frame that is looked at, in bytes. The venue's largest (a fill snapshot of 2000
/// fills) is under 1 MiB; a bound keeps one hostile frame from growing the buffers for ever.
pub const MAX_FRAME_BYTES: usize = 16 << 20;

/// What a frame was. Only the first four carry events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// `l2Book`: one [`MarketEvent::Book`], of the first levels when it has more than a book holds.
    Book,
    /// `bbo`: one [`MarketEvent::Bbo`].
    Bbo,
    /// `trades`: so many [`MarketEvent::Trade`]s, in the frame's order (zero is normal).
    Trades(u32),
    /// `activeAssetCtx`: one [`MarketEvent::Mark`]. It comes seldom: the twin alone reads it.
    Mark,
    /// A market channel, but of coins that are not in the universe: no events, and what is inside
    /// was not checked.
    NotSubscribed,
    /// The answer to our ping.
    Pong,
    /// The venue's echo of a subscribe or unsubscribe.
    SubscriptionResponse,
    /// The venue's complaint about something we sent.
    Error,
    /// Valid JSON of another channel (`post`, user channels, future ones): not for the market feed.
    Other,
    /// Not JSON, but a text that starts with a letter, like the historical greeting
    /// `Websocket connection established.`
    Text,
}

/// The keys that the decoder reads, to say where a frame was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The frame itself.
    Frame,
    /// `channel`
    Channel,
    /// `data`
    Data,
    /// `coin`
    Coin,
    /// `time`
    Time,
    /// `levels`
    Levels,
    /// `bbo`
    Bbo,
    /// `fast`
    Fast,
    /// `px`
    Px,
    /// `sz`
    Sz,
    /// `side`
    Side,
    /// `tid`
    Tid,
    /// `ctx`
    Ctx,
    /// `markPx`
    MarkPx,
    /// `oraclePx`
    OraclePx,
    /// `funding`
    Funding,
}

impl Field {
    /// The key on the wire (of the frame itself: `frame`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Frame => "frame",
            Self::Channel => "channel",
            Self::Data => "data",
            Self::Coin => "coin",
            Self::Time => "time",
            Self::Levels => "levels",
            Self::Bbo => "bbo",
            Self::Fast => "fast",
            Self::Px => "px",
            Self::Sz => "sz",
            Self::Side => "side",
            Self::Tid => "tid",
            Self::Ctx => "ctx",
            Self::MarkPx => "markPx",
            Self::OraclePx => "oraclePx",
            Self::Funding => "funding",
        }
    }
}

/// Why a frame was refused. Offsets are in bytes from the frame's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Longer than [`MAX_FRAME_BYTES`].
    TooLong {
        /// The frame's length in bytes.
        len: usize,
    },
    /// Not valid JSON (empty and truncated frames end up here).
    NotJson {
        /// About where.
        at: u32,
    },
    /// A key that must be there is not.
    Missing(Field),
    /// A key is there twice: which one counts is anybody's guess.
    Duplicate(Field),
    /// A value of another type or shape than the venue's.
    WrongType(Field),
    /// A price or size that is not a number within 64 bits.
    BadNumber {
        /// Which.
        field: Field,
        /// Why.
        why: DecimalError,
        /// Where its text starts.
        at: u32,
    },
    /// A price or size that must be above zero is not.
    NotPositive {
        /// Which.
        field: Field,
        /// Where its text starts.
        at: u32,
    },
    /// A price or size of no market ([`crate::types::limits::MAX_PX`]).
    TooLarge {
        /// Which.
        field: Field,
        /// Where its text starts.
        at: u32,
    },
    /// A `time` that is negative or does not fit 64-bit nanoseconds.
    BadTime,
    /// A trade's `side` that is neither `B` nor `A`.
    BadSide {
        /// Where its text starts.
        at: u32,
    },
    /// A price that is not strictly worse than the one before it.
    Unsorted {
        /// Which side.
        side: Side,
        /// Index of the offending level.
        level: u8,
    },
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let side_name = |side: &Side| if *side == Side::Bid { "bid" } else { "ask" };
        match self {
            Self::TooLong { len } => {
                write!(f, "frame of {len} bytes, at most {MAX_FRAME_BYTES} are accepted")
            }
            Self::NotJson { at } => write!(f, "not valid JSON near byte {at}"),
            Self::Missing(k) => write!(f, "key {:?} is missing", k.as_str()),
            Self::Duplicate(k) => write!(f, "key {:?} is there twice", k.as_str()),
            Self::WrongType(Field::Frame) => write!(f, "the frame is not a JSON object"),
            Self::WrongType(k) => write!(f, "key {:?} has the wrong type or shape", k.as_str()),
            Self::BadNumber { field, why, at } => {
                write!(f, "{:?} at byte {at}: {why}", field.as_str())
            }
            Self::NotPositive { field, at } => {
                write!(f, "{:?} at byte {at} is not above zero", field.as_str())
            }
            Self::TooLarge { field, at } => {
                write!(f, "{:?} at byte {at} is larger than in any market", field.as_str())
            }
            Self::BadTime => write!(f, "time is negative or out of range"),
            Self::BadSide { at } => write!(f, "side at byte {at} is neither \"B\" nor \"A\""),
            Self::Unsorted { side, level } => {
                write!(f, "{} level {level} is not worse than the one before", side_name(side))
            }
        }
    }
}

impl std::error::Error for DecodeError {}

/// What both parsers need to know about a frame beside its bytes.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    /// When the frame reached us.
    pub recv_time: Nanos,
    /// What we trade.
    pub universe: &'a Universe,
}

/// Where both parsers put what they read; emitted only when the whole frame was good.
pub(super) struct Scratch {
    pub book: BookSnapshot,
    pub bbo: Bbo,
    pub trades: Vec<Trade>,
    pub mark: MarkPrice,
}

impl Scratch {
    /// Starts a book: everything but the levels, which the parser fills (the tail included).
    pub fn begin_book(&mut self, asset: AssetId, venue_time: Nanos, recv_time: Nanos) {
        self.book.asset = asset;
        self.book.venue_time = venue_time;
        self.book.recv_time = recv_time;
    }
}

/// A `time` of the wire (ms since the epoch) as [`Nanos`].
pub(super) fn nanos_from_ms(ms: u64) -> Option<Nanos> {
    const MAX_MS: u64 = (i64::MAX / 1_000_000) as u64;
    (ms <= MAX_MS).then(|| Nanos::millis(ms as i64))
}
