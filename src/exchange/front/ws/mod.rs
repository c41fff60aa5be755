//! Websocket sessions (PROTOCOL §5): subscriptions, posts, heartbeats.

mod block;
mod fast;
mod frames;
mod message;
mod topic;

pub use block::Block;
pub use message::{ClientMessage, PostRequest, Subscription};

use super::json::User;
use super::limits::Limits;
use crate::exchange::venue::Venue;
use crate::exchange::{ConnId, Outgoing};
use botmm_pipeline::types::Nanos;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use topic::Topic;

/// One connection.
#[derive(Debug)]
pub struct Session {
    /// Whose.
    pub peer: IpAddr,
    /// When it was last sent data or a pong: acks and post answers do not count (PROTOCOL §5.5).
    heard: Nanos,
    subscriptions: BTreeSet<Subscription>,
    /// Posts that wait for their answers.
    pub posts: usize,
}

/// All connections, and what they want.
#[derive(Debug)]
pub struct Sessions {
    limits: Limits,
    /// Trades that a new subscriber is shown.
    replayed_trades: usize,
    open: BTreeMap<ConnId, Session>,
    topics: BTreeMap<Subscription, Topic>,
    /// A block's frames of one topic.
    frames: Vec<Vec<u8>>,
}

#[derive(Serialize)]
struct Ack<'a> {
    method: &'static str,
    subscription: &'a Subscription,
}

/// An answer to a post: the JSON of its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostAnswer<'a> {
    /// Of `/info`, with the request's `type`.
    Info(&'a str),
    /// Of `/exchange`.
    Action,
    /// An HTTP status and its text.
    Error,
}

impl Sessions {
    /// None yet.
    pub fn new(limits: Limits, replayed_trades: usize) -> Self {
        let (open, topics, frames) = Default::default();
        Self { limits, replayed_trades, open, topics, frames }
    }

    /// Connections of an address.
    pub fn of_peer(&self, peer: IpAddr) -> impl Iterator<Item = &Session> {
        self.open.values().filter(move |s| s.peer == peer)
    }

    /// An open connection.
    pub fn get_mut(&mut self, conn: ConnId) -> Option<&mut Session> {
        self.open.get_mut(&conn)
    }

    /// Whose an open connection is.
    pub fn peer(&self, conn: ConnId) -> Option<IpAddr> {
        self.open.get(&conn).map(|s| s.peer)
    }

    /// A connection is open.
    pub fn open(&mut self, now: Nanos, peer: IpAddr, conn: ConnId) {
        let session = Session { peer, heard: now, subscriptions: BTreeSet::new(), posts: 0 };
        self.open.insert(conn, session);
    }

    /// A connection is gone.
    pub fn close(&mut self, conn: ConnId) {
        let Some(session) = self.open.remove(&conn) else { return };
        for subscription in &session.subscriptions {
            self.leave(conn, subscription);
        }
    }

    fn leave(&mut self, conn: ConnId, subscription: &Subscription) {
        if let Some(topic) = self.topics.get_mut(subscription) {
            topic.subscribers.retain(|c| *c != conn);
            if topic.subscribers.is_empty() {
                self.topics.remove(subscription);
            }
        }
    }

    /// Adds a subscription: its acknowledgement, then the channel's first frame.
    pub fn subscribe(
        &mut self,
        now: Nanos,
        conn: ConnId,
        subscription: Subscription,
        venue: &Venue,
        out: &mut Vec<Outgoing>,
    ) {
        if let Some(text) = self.objection(conn, &subscription, venue) {
            return out.push(Outgoing::Frame(conn, frames::frame("error", text)));
        }
        let Some(session) = self.open.get_mut(&conn) else { return };
        let ack = Ack { method: "subscribe", subscription: &subscription };
        out.push(Outgoing::Frame(conn, frames::frame("subscriptionResponse", ack)));
        session.subscriptions.insert(subscription.clone());
        let topic = self.topics.entry(subscription.clone()).or_default();
        topic.subscribers.push(conn);
        if let Some(first) = topic.first(&subscription, venue, self.replayed_trades) {
            session.heard = now;
            out.push(Outgoing::Frame(conn, first));
        }
    }

    /// Why a subscription is refused, in the venue's words.
    fn objection(
        &self,
        conn: ConnId,
        subscription: &Subscription,
        venue: &Venue,
    ) -> Option<String> {
        let text = || serde_json::to_string(subscription).unwrap_or_default();
        let session = self.open.get(&conn)?;
        if !subscription.is_offered(venue.universe()) {
            return Some(format!("Invalid subscription {}", text()));
        }
        if session.subscriptions.contains(subscription) {
            return Some(format!("Already subscribed: {}", text()));
        }
        let count: usize = self.of_peer(session.peer).map(|s| s.subscriptions.len()).sum();
        if let Some(limit) = self.limits.subscriptions.filter(|limit| count >= *limit) {
            return Some(format!("Cannot subscribe to more than {limit} channels."));
        }
        let (user, limit) = (subscription.user()?, self.limits.users?);
        let mut users: BTreeSet<&User> = self
            .of_peer(session.peer)
            .flat_map(|s| &s.subscriptions)
            .filter_map(|s| s.user())
            .collect();
        users.insert(user);
        (users.len() > limit).then(|| format!("Cannot track more than {limit} total users."))
    }

    /// Takes a subscription away.
    pub fn unsubscribe(
        &mut self,
        conn: ConnId,
        subscription: &Subscription,
        out: &mut Vec<Outgoing>,
    ) {
        let Some(session) = self.open.get_mut(&conn) else { return };
        if session.subscriptions.remove(subscription) {
            self.leave(conn, subscription);
            let ack = Ack { method: "unsubscribe", subscription };
            out.push(Outgoing::Frame(conn, frames::frame("subscriptionResponse", ack)));
        } else {
            let text = serde_json::to_string(subscription).unwrap_or_default();
            out.push(error(conn, &format!("Already unsubscribed: {text}")));
        }
    }

    /// Answers a ping.
    pub fn pong(&mut self, now: Nanos, conn: ConnId, out: &mut Vec<Outgoing>) {
        if let Some(session) = self.open.get_mut(&conn) {
            session.heard = now;
            out.push(Outgoing::Frame(conn, br#"{"channel":"pong"}"#.to_vec()));
        }
    }

    /// Sends what a block brought to everybody who wants it.
    pub fn block(&mut self, now: Nanos, venue: &Venue, block: &Block, out: &mut Vec<Outgoing>) {
        for (subscription, topic) in &mut self.topics {
            topic.block(subscription, venue, block, &mut self.frames);
            for frame in self.frames.drain(..) {
                for conn in &topic.subscribers {
                    if let Some(session) = self.open.get_mut(conn) {
                        session.heard = now;
                    }
                    out.push(Outgoing::Frame(*conn, frame.clone()));
                }
            }
        }
    }

    /// Closes connections that nothing was sent to for so long.
    pub fn close_silent(&mut self, now: Nanos, out: &mut Vec<Outgoing>) {
        let Some(silence) = self.limits.silence else { return };
        let is_silent = |s: &Session| now - s.heard >= silence;
        let silent: Vec<ConnId> =
            self.open.iter().filter(|(_, s)| is_silent(s)).map(|(conn, _)| *conn).collect();
        for conn in silent {
            self.close(conn);
            out.push(Outgoing::Close(conn));
        }
    }

    /// When the next connection is closed for silence, if nothing is sent until then.
    pub fn next_silent(&self) -> Option<Nanos> {
        let first = self.open.values().map(|s| s.heard).min()?;
        self.limits.silence.map(|silence| first + silence)
    }
}

/// An error frame.
pub fn error(conn: ConnId, text: &str) -> Outgoing {
    Outgoing::Frame(conn, frames::frame("error", text))
}

/// The frame that answers a post; `json` is the answer, already written.
pub fn post_frame(conn: ConnId, id: u64, answer: PostAnswer<'_>, json: &[u8]) -> Outgoing {
    let (kind, before, after) = match answer {
        PostAnswer::Info(request) => ("info", format!(r#"{{"type":"{request}","data":"#), "}"),
        PostAnswer::Action => ("action", String::new(), ""),
        PostAnswer::Error => ("error", String::new(), ""),
    };
    let mut frame = Vec::with_capacity(json.len() + 128);
    let head = format!(
        r#"{{"channel":"post","data":{{"id":{id},"response":{{"type":"{kind}","payload":{before}"#
    );
    frame.extend_from_slice(head.as_bytes());
    frame.extend_from_slice(json);
    frame.extend_from_slice(after.as_bytes());
    frame.extend_from_slice(b"}}}");
    Outgoing::Frame(conn, frame)
}
