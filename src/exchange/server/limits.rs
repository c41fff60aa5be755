//! What one server bears.

use botmm_pipeline::types::Nanos;

/// What one server bears. Each bound is per connection but `max_open`. At worst it holds `max_open`
/// times what one connection may send and leave unread, plus one answer of the host each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; more are answered 503 and closed.
    pub max_open: usize,
    /// Bytes of a request's head.
    pub max_head_bytes: usize,
    /// Bytes of a request's body.
    pub max_body_bytes: usize,
    /// Bytes of a WebSocket message from the client.
    pub max_message_bytes: usize,
    /// Bytes of frames that wait for the client to read them; more, and it is closed.
    pub max_unsent_bytes: usize,
    /// How long a request may take to come in, and its answer to be taken.
    pub request: Nanos,
    /// How long the host may take to answer.
    pub answer: Nanos,
    /// How long a connection is kept for a next request.
    pub idle: Nanos,
    /// How long a peer may take to close its side after we closed ours.
    pub linger: Nanos,
}

impl Limits {
    /// For clients on the same machine.
    pub const LOOPBACK: Self = Self {
        max_open: 512,
        max_head_bytes: 16 << 10,
        max_body_bytes: 1 << 20,
        max_message_bytes: 1 << 20,
        max_unsent_bytes: 4 << 20,
        request: Nanos::secs(10),
        answer: Nanos::secs(60),
        idle: Nanos::secs(240),
        linger: Nanos::secs(1),
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::LOOPBACK
    }
}
