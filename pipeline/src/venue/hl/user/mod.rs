//! Everything that comes back on the order connection, as flat events (PROTOCOL §2.5–2.8, §3,
//! §5.2–5.4).
//!
//! [`UserParser`] reads one text frame: control frames, answers to posts (actions and info), and
//! the account's streams. It is pure: no clock, no state from frame to frame but its buffers.
//!
//! | module | what |
//! |---|---|
//! | [`event`] | what is handed out |
//! | [`status`] | the words for what became of an order |
//! | [`reason`] | the venue's error texts |
//! | [`text`] | a short copy of what the venue said |
//! | [`error`] | why a frame was refused |
//!
//! Tolerant: key order, whitespace, escapes, unknown keys, channels and words do not matter;
//! `null` counts as absent; keys that the venue leaves out at times may be missing. Strict: numbers
//! of our own coins are sound or the frame is refused, and of a refused frame nothing is handed
//! out. A refused frame may have held a fill: whoever gets an error must reconcile.

pub mod error;
pub mod event;
pub mod reason;
pub mod status;
pub mod text;

mod account;
mod answer;
mod json;
mod read;

use super::frame::MAX_FRAME_BYTES;
use crate::types::Universe;
pub use error::{Fault, UserError};
pub use event::{
    ChannelError, Funding, ItemStatus, Liquidation, MarginSummary, OrderState, Stream, StreamKind,
    UserEvent, UserFill, VenueOrder, Via,
};
use json::Document;
use read::Reader;
pub use reason::{ChannelErrorKind, ItemError, RequestError};
pub use status::{UnknownStatus, VenueCancel, WireStatus};
pub use text::VenueText;

/// What a frame was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `pong`
    Pong,
    /// `subscriptionResponse`
    Subscription,
    /// `error`
    ChannelError,
    /// `post`
    Post,
    /// `orderUpdates`
    OrderUpdates,
    /// `user`
    User,
    /// `userFills`
    UserFills,
    /// `userFundings`
    UserFundings,
    /// `userNonFundingLedgerUpdates`
    LedgerUpdates,
    /// `openOrders`
    OpenOrders,
    /// `clearinghouseState`
    ClearinghouseState,
    /// Market data, which [`super::Decoder`] reads: no events.
    Market,
    /// Any other channel: no events.
    Other,
    /// Not JSON, but a text that starts with a letter, like the historical greeting
    /// `Websocket connection established.`: no events.
    Text,
}

impl Kind {
    /// The channel on the wire, or what it is instead.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pong => "pong",
            Self::Subscription => "subscriptionResponse",
            Self::ChannelError => "error",
            Self::Post => "post",
            Self::OrderUpdates => "orderUpdates",
            Self::User => "user",
            Self::UserFills => "userFills",
            Self::UserFundings => "userFundings",
            Self::LedgerUpdates => "userNonFundingLedgerUpdates",
            Self::OpenOrders => "openOrders",
            Self::ClearinghouseState => "clearinghouseState",
            Self::Market => "market data",
            Self::Other => "other",
            Self::Text => "text",
        }
    }
}

/// Reads frames of the order connection. Create one a connection and keep it: its buffers are the
/// reason that reading does not allocate, once they have grown to the largest frame seen.
pub struct UserParser {
    document: Document,
}

impl Default for UserParser {
    fn default() -> Self {
        Self::new()
    }
}

impl UserParser {
    /// Allocates all buffers.
    pub fn new() -> Self {
        Self { document: Document::new() }
    }

    /// Reads one whole text frame, which may be changed by it (escapes are resolved in place), and
    /// hands every event to `sink` in the frame's order. On `Err` nothing was handed out.
    pub fn parse(
        &mut self,
        frame: &mut [u8],
        universe: &Universe,
        sink: &mut impl FnMut(UserEvent),
    ) -> Result<Kind, UserError> {
        if frame.len() > MAX_FRAME_BYTES {
            return Err(UserError::new("frame", Fault::TooLong { len: frame.len() }));
        }
        match frame.first() {
            None => return Err(UserError::new("frame", Fault::NotJson { at: 0 })),
            Some(b) if b.is_ascii_alphabetic() => return Ok(Kind::Text),
            Some(_) => {}
        }
        self.document.read(frame, |root| {
            // Read twice: a frame that is refused at its end must not have said anything before.
            Reader { universe, sink: &mut |_| {} }.frame(root)?;
            Reader { universe, sink }.frame(root)
        })
    }
}

/// The properties that hold for any bytes, shared by the mutation test and the fuzz target: a used
/// parser reads like a new one, a refused frame says nothing, and every list is as long as its end
/// says. Panics with the difference otherwise.
#[doc(hidden)]
pub fn oracle(parser: &mut UserParser, frame: &[u8], universe: &Universe) -> Verdict {
    let (mut events, mut again) = (Vec::new(), Vec::new());
    let result = parser.parse(&mut frame.to_vec(), universe, &mut |e| events.push(e));
    let fresh = UserParser::new().parse(&mut frame.to_vec(), universe, &mut |e| again.push(e));
    let text = String::from_utf8_lossy(frame);
    assert_eq!((result, &events), (fresh, &again), "a used parser differs from a new one: {text}");
    assert!(result.is_ok() || events.is_empty(), "{result:?} after {events:?}: {text}");
    let mut count = 0;
    for event in &events {
        let end = match *event {
            UserEvent::PostDone { items, .. } => items,
            UserEvent::OpenOrdersEnd { total, .. }
            | UserEvent::FillsEnd { total, .. }
            | UserEvent::FundingsEnd { total, .. } => total,
            UserEvent::AccountState { account, .. } => account.positions,
            UserEvent::UnknownWord { .. } => continue,
            _ => {
                count += 1;
                continue;
            }
        };
        assert_eq!(count, end, "{event:?} of {text}");
    }
    (result, events)
}

/// What [`oracle`] saw: the result, and the events.
#[doc(hidden)]
pub type Verdict = (Result<Kind, UserError>, Vec<UserEvent>);
