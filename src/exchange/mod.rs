//! The embedded exchange: Hyperliquid's REST and WebSocket wire on loopback, over the simulator's
//! markets. Official clients can trade on it; `paper` trades on it through real sockets.
//!
//! | layer | module | knows |
//! |---|---|---|
//! | words | [`model`], [`refusal`] | what clients ask for, what the venue keeps and says; its error texts |
//! | core | [`venue`] | accounts, orders, blocks, matching, margin, fees, funding. No JSON, no sockets, no clock |
//! | markets | [`markets`] | a recording, or another venue's public data, as what moves the prices |
//! | front | [`front`] | JSON of `/info`, `/exchange`, `/ws`; signatures; subscriptions; limits per address |
//! | faults | [`faults`] | what can go wrong on purpose, around any [`Host`] |
//! | server | [`server`] | sockets: HTTP/1.1 and WebSocket on one port |
//! | memory | [`memory`] | the same without sockets, in virtual time |
//!
//! Time and bytes are arguments everywhere but in [`server`]: tests run bot and exchange in virtual
//! time, without a socket.

pub mod faults;
pub mod front;
pub mod local;
pub mod markets;
pub mod memory;
pub mod model;
pub mod refusal;
pub mod server;
pub mod venue;

use botmm_pipeline::types::Nanos;
use std::net::IpAddr;

/// A WebSocket connection, numbered by the server, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId(pub u64);

/// An HTTP request that waits for its answer, numbered by the server, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HttpId(pub u64);

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpReply {
    /// Status code.
    pub status: u16,
    /// `application/json` or `text/plain`.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

/// What a host wants to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// The answer to an HTTP request.
    Reply(HttpId, HttpReply),
    /// A text frame.
    Frame(ConnId, Vec<u8>),
    /// Closes a connection, after what was sent before.
    Close(ConnId),
}

/// An HTTP request, read whole.
#[derive(Clone, Copy, Debug)]
pub struct HttpRequest<'a> {
    /// `POST`, …
    pub method: &'a str,
    /// `/info`, `/exchange`, …
    pub path: &'a str,
    /// The `Content-Type` header, if there was one.
    pub content_type: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// What a server serves: requests and frames in, replies and frames out, all times given.
pub trait Host: Send {
    /// An HTTP request came in. Its reply comes out of [`Host::poll`], now or later.
    fn http(&mut self, now: Nanos, peer: IpAddr, id: HttpId, request: &HttpRequest<'_>);
    /// Somebody asks for a WebSocket. Refused with a reply, or open from now on.
    fn open(&mut self, now: Nanos, peer: IpAddr, conn: ConnId) -> Result<(), HttpReply>;
    /// A text frame came in.
    fn frame(&mut self, now: Nanos, conn: ConnId, text: &[u8]);
    /// The connection is gone.
    fn close(&mut self, now: Nanos, conn: ConnId);
    /// Lets everything happen that is due by `now`; appends what is to be sent, in order.
    fn poll(&mut self, now: Nanos, out: &mut Vec<Outgoing>);
    /// When [`Host::poll`] next has something to do by itself.
    fn next_deadline(&self) -> Option<Nanos>;
}
