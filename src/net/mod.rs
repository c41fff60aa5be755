//! The client side of the wire. [`WsTransport`] carries frames for the pipeline and never blocks
//! the lane that polls it; [`Rest`] asks and blocks, and [`Hook`] tells, for the side thread. All open
//! connections the same way (`dial`) and trust the same authorities ([`Tls`]).
//!
//! ```text
//!  lane ── wanted ──> connector thread: name lookup, TCP, TLS, upgrade (deadlines on all of it)
//!       <── opened ──   an open WebSocket, from here on read by the lane itself, without blocking
//!       ── ended ──>    what is over: told goodbye, closed, and its reason put into words
//! ```

mod connection;
mod connector;
mod dial;
mod endpoint;
mod error;
mod frames;
mod hook;
mod link;
mod local;
mod places;
mod rest;
mod rest_connection;
mod socket;
mod status;
mod tls;
mod ws;

pub use connection::Stopped;
pub use endpoint::Endpoint;
pub use error::NetError;
pub use hook::{Hook, HookError};
pub use local::{Answer, Answering, Asked, Bound, LocalHttp};
pub use places::{Place, Places};
pub use rest::{Rest, RestError, RestFailure};
pub use socket::SocketOptions;
pub use status::{WsCounts, WsState, WsStatus};
pub use tls::Tls;
pub use ws::WsTransport;

use std::time::Duration;

/// The longest text frame, and the longest answer over HTTP, that is taken (bytes). Snapshots of
/// 2000 fills are about 1 MB.
pub const MAX_MESSAGE_BYTES: usize = 16 << 20;

/// How long the slow steps may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name lookup; then, anew, all attempts to connect over TCP.
    pub connect: Duration,
    /// Everything: until a WebSocket is open, or an answer over HTTP is complete.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(10) }
    }
}

/// Text of a server's for a message of ours: one line, and not long.
fn excerpt(text: &[u8]) -> String {
    const MAX_CHARS: usize = 200;
    let text = String::from_utf8_lossy(&text[..text.len().min(4 * MAX_CHARS)]);
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = clean.take(MAX_CHARS).collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        short.push('…');
    }
    short.trim().to_owned()
}
