//! The JSON face of the exchange: `/info`, `/exchange` and `/ws` around a [`Venue`], as PROTOCOL.md
//! writes them down. Time and bytes are arguments; nothing that comes in can end the process.
//!
//! | module | what |
//! |---|---|
//! | `json`, `shapes` | numbers and objects as the venue writes them |
//! | `info` | questions and their answers |
//! | `exchange` | actions: reading, whose signature, answers |
//! | `ws` | messages, subscriptions, data frames |
//! | `limits` | what one address may do |

mod exchange;
mod info;
mod json;
mod limits;
mod shapes;
#[cfg(test)]
mod tests;
mod ws;

pub use exchange::Chains;
pub use limits::Limits;

use super::model::{Event, Role, Signed, Ticket};
use super::refusal::Refusal;
use super::venue::Venue;
use super::{ConnId, Host, HttpId, HttpReply, HttpRequest, Outgoing};
use botmm_pipeline::types::Nanos;
use exchange::{Posted, Signers};
use info::InfoRequest;
use limits::Peers;
use serde_json::Value;
use std::collections::HashMap;
use std::net::IpAddr;
use ws::{Block, ClientMessage, PostAnswer, PostRequest, Sessions};

/// What the venue says to a body that is no request.
const UNREADABLE: &str = "Failed to deserialize the JSON body into the target type";
/// What it says to a body that does not claim to be JSON.
const NOT_JSON: &str = "Expected request with `Content-Type: application/json`";
const TOO_MANY: &str = "429 Too Many Requests";
/// Actions that are one more of weight.
const ITEMS_PER_WEIGHT: usize = 40;

/// How the front behaves; the defaults are for loopback.
#[derive(Clone, Copy, Debug)]
pub struct HubConfig {
    /// Whose signatures it takes.
    pub chains: Chains,
    /// What one address may do.
    pub limits: Limits,
    /// Trades that a new subscriber of `trades` is shown (PROTOCOL §5.4: perhaps); 0 = no frame.
    pub replayed_trades: usize,
}

impl Default for HubConfig {
    fn default() -> Self {
        Self { chains: Chains::Both, limits: Limits::LOOPBACK, replayed_trades: 0 }
    }
}

/// Who waits for the answer to an action.
#[derive(Clone, Copy, Debug)]
enum Caller {
    Http(HttpId),
    Post { conn: ConnId, id: u64 },
}

/// An action on its way through the venue.
struct Waiting {
    caller: Caller,
    /// The assets of its items, for their error texts.
    assets: Vec<u32>,
}

/// The exchange as its clients see it.
pub struct Hub {
    venue: Venue,
    config: HubConfig,
    signers: Signers,
    peers: Peers,
    sessions: Sessions,
    waiting: HashMap<Ticket, Waiting>,
    last_ticket: u64,
    /// What is to be sent with the next poll.
    ready: Vec<Outgoing>,
    events: Vec<Event>,
    block: Block,
    /// The newest time that anybody told.
    now: Nanos,
}

impl Hub {
    /// A face for this venue.
    pub fn new(venue: Venue, config: HubConfig) -> Self {
        Self {
            venue,
            config,
            signers: Signers::new(config.chains),
            peers: Peers::default(),
            sessions: Sessions::new(config.limits, config.replayed_trades),
            waiting: HashMap::new(),
            last_ticket: 0,
            ready: Vec::new(),
            events: Vec::new(),
            block: Block::default(),
            now: Nanos::ZERO,
        }
    }

    /// The exchange behind it.
    pub const fn venue(&self) -> &Venue {
        &self.venue
    }

    /// The exchange behind it, for deposits and faults.
    pub const fn venue_mut(&mut self) -> &mut Venue {
        &mut self.venue
    }

    /// Answers a question over HTTP.
    fn info(&mut self, now: Nanos, peer: IpAddr, body: &[u8]) -> HttpReply {
        let request = serde_json::from_slice(body).ok().filter(InfoRequest::is_sound);
        let Some(request) = request else {
            return unreadable();
        };
        match self.weighed_answer(now, peer, &request, self.config.limits.weight) {
            Some(json) => ok(json),
            None => too_many(),
        }
    }

    /// The answer to a question, if the address has the weight for it.
    fn weighed_answer(
        &mut self,
        now: Nanos,
        peer: IpAddr,
        request: &InfoRequest,
        limit: Option<u32>,
    ) -> Option<Vec<u8>> {
        let weight = request.weight();
        let spent = &mut self.peers.of(now, peer).weight;
        if !spent.spend(now, weight.base, limit) {
            return None;
        }
        let reply = info::answer(&self.venue, request);
        if let (Some(per_items), Some(_)) = (weight.per_items, limit) {
            spent.add(now, u32::try_from(reply.items / per_items).unwrap_or(u32::MAX));
        }
        Some(reply.json)
    }

    /// Takes an action; its answer comes with the block that it is in.
    fn submit(&mut self, now: Nanos, posted: Posted, caller: Caller) {
        let is_known = |address: &_| self.venue.role(address) != Role::Missing;
        let Some(signer) = self.signers.of(&posted, is_known) else {
            let json = exchange::refusal_json(&Refusal::BadSignature);
            return self.reply(caller, json);
        };
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        let assets = exchange::assets_of(&posted.command);
        self.waiting.insert(ticket, Waiting { caller, assets });
        let signed = Signed {
            ticket,
            signer,
            user_signed: posted.is_user_signed(),
            command: posted.command,
            nonce: posted.envelope.nonce,
            vault: posted.envelope.vault,
            expires_after_ms: posted.envelope.expires_after,
        };
        self.venue.submit(now, signed);
    }

    /// Sends the answer to an action.
    fn reply(&mut self, caller: Caller, json: Vec<u8>) {
        match caller {
            Caller::Http(id) => self.ready.push(Outgoing::Reply(id, ok(json))),
            Caller::Post { conn, id } => {
                // Nobody waits any more when the connection is gone.
                if let Some(session) = self.sessions.get_mut(conn) {
                    session.posts = session.posts.saturating_sub(1);
                    self.ready.push(ws::post_frame(conn, id, PostAnswer::Action, &json));
                }
            }
        }
    }

    /// Whether an address may have this action: one weight, and one more for each 40 items.
    fn pays_for(&mut self, now: Nanos, peer: IpAddr, posted: &Posted, limit: Option<u32>) -> bool {
        let cost = 1 + posted.batch_length() / ITEMS_PER_WEIGHT;
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        self.peers.of(now, peer).weight.spend(now, cost, limit)
    }

    /// Handles a post. [`None`]: it is no message after all.
    fn post(&mut self, now: Nanos, conn: ConnId, id: u64, request: PostRequest) -> Option<()> {
        let peer = self.sessions.peer(conn)?;
        let limits = self.config.limits;
        let limit = limits.weight.filter(|_| limits.posts_weigh);
        let too_many = || ws::post_frame(conn, id, PostAnswer::Error, &json::to_bytes(TOO_MANY));
        match request {
            PostRequest::Info(kind, request) => {
                let frame = match self.weighed_answer(now, peer, &request, limit) {
                    Some(json) => ws::post_frame(conn, id, PostAnswer::Info(&kind), &json),
                    None => too_many(),
                };
                self.ready.push(frame);
            }
            PostRequest::Action(body) => {
                let posted = Posted::read(&body)?;
                let in_flight: usize = self.sessions.of_peer(peer).map(|s| s.posts).sum();
                if limits.posts.is_some_and(|limit| in_flight >= limit) {
                    let text = format!("too many pending post requests id={id}");
                    self.ready.push(ws::error(conn, &text));
                } else if self.pays_for(now, peer, &posted, limit) {
                    self.sessions.get_mut(conn)?.posts += 1;
                    self.submit(now, posted, Caller::Post { conn, id });
                } else {
                    self.ready.push(too_many());
                }
            }
        }
        Some(())
    }

    /// Lets the venue run, and sends what it says.
    fn run_until(&mut self, now: Nanos, until: Nanos) {
        let mut events = core::mem::take(&mut self.events);
        self.venue.advance(until, &mut events);
        for event in events.drain(..) {
            self.event(now, event);
        }
        self.events = events;
    }

    /// Sends what an event means to those it concerns, at the latest at the end of its block.
    fn event(&mut self, now: Nanos, event: Event) {
        match event {
            Event::Answer(ticket, answer) => {
                if let Some(waiting) = self.waiting.remove(&ticket) {
                    let json = exchange::answer_json(&answer, &waiting.assets);
                    self.reply(waiting.caller, json);
                }
            }
            Event::Order(order) => self.block.orders.push(order),
            Event::Fill(fill) => self.block.fills.push(fill),
            Event::Funding(payment) => self.block.fundings.push(payment),
            Event::Liquidated(liquidated) => self.block.liquidations.push(liquidated),
            Event::Twap(change) => self.block.twaps.push(change),
            Event::Trade(trade) => self.block.trades.push(trade),
            // Books are read from the venue when the block ends: one state, however many steps.
            Event::Market(_) => {}
            Event::Ctx(_) => self.block.marks = true,
            Event::Block(_) => {
                self.sessions.block(now, &self.venue, &self.block, &mut self.ready);
                self.block.clear();
            }
        }
    }
}

impl Host for Hub {
    fn http(&mut self, now: Nanos, peer: IpAddr, id: HttpId, request: &HttpRequest<'_>) {
        self.now = self.now.max(now);
        let is_json =
            |kind: &str| kind.trim_start().to_ascii_lowercase().starts_with("application/json");
        let reply = match (request.path, request.method) {
            ("/info" | "/exchange", "POST") if !request.content_type.is_some_and(is_json) => {
                plain(415, NOT_JSON)
            }
            ("/info", "POST") => self.info(now, peer, request.body),
            ("/exchange", "POST") => {
                let body = serde_json::from_slice::<Value>(request.body);
                match body.ok().as_ref().and_then(Posted::read) {
                    None => unreadable(),
                    Some(posted)
                        if !self.pays_for(now, peer, &posted, self.config.limits.weight) =>
                    {
                        too_many()
                    }
                    Some(posted) => return self.submit(now, posted, Caller::Http(id)),
                }
            }
            ("/info" | "/exchange", _) => plain(405, ""),
            _ => plain(404, ""),
        };
        self.ready.push(Outgoing::Reply(id, reply));
    }

    fn open(&mut self, now: Nanos, peer: IpAddr, conn: ConnId) -> Result<(), HttpReply> {
        self.now = self.now.max(now);
        let limits = &self.config.limits;
        let is_full = limits.connections.is_some_and(|n| self.sessions.of_peer(peer).count() >= n);
        let opened = &mut self.peers.of(now, peer).opened;
        if is_full || !opened.spend(now, 1, limits.new_connections) {
            return Err(too_many());
        }
        self.sessions.open(now, peer, conn);
        Ok(())
    }

    fn frame(&mut self, now: Nanos, conn: ConnId, text: &[u8]) {
        self.now = self.now.max(now);
        let Some(peer) = self.sessions.peer(conn) else { return };
        let limit = self.config.limits.messages;
        if !self.peers.of(now, peer).messages.spend(now, 1, limit) {
            return self.ready.push(ws::error(conn, "Too many messages in the last minute."));
        }
        let handled = match ClientMessage::read(text) {
            None => None,
            Some(ClientMessage::Ping) => {
                self.sessions.pong(now, conn, &mut self.ready);
                Some(())
            }
            Some(ClientMessage::Subscribe(subscription)) => {
                self.sessions.subscribe(now, conn, subscription, &self.venue, &mut self.ready);
                Some(())
            }
            Some(ClientMessage::Unsubscribe(subscription)) => {
                self.sessions.unsubscribe(conn, &subscription, &mut self.ready);
                Some(())
            }
            Some(ClientMessage::Post { id, request }) => self.post(now, conn, id, *request),
        };
        if handled.is_none() {
            let text = String::from_utf8_lossy(text);
            let said = format!("Error parsing JSON into valid websocket request: {text}");
            self.ready.push(ws::error(conn, &said));
        }
    }

    fn close(&mut self, now: Nanos, conn: ConnId) {
        self.now = self.now.max(now);
        self.sessions.close(conn);
    }

    fn poll(&mut self, now: Nanos, out: &mut Vec<Outgoing>) {
        self.now = self.now.max(now);
        // Block by block: what is read from the venue at a block's end is what that block left.
        let mut reached = Nanos(i64::MIN);
        while reached < now {
            let next = self.venue.next_time();
            reached = if next > reached { next.min(now) } else { now };
            self.run_until(now, reached);
        }
        self.sessions.close_silent(now, &mut self.ready);
        out.append(&mut self.ready);
    }

    fn next_deadline(&self) -> Option<Nanos> {
        if !self.ready.is_empty() {
            return Some(self.now);
        }
        let silent = self.sessions.next_silent();
        Some(silent.map_or(self.venue.next_time(), |at| at.min(self.venue.next_time())))
    }
}

fn ok(body: Vec<u8>) -> HttpReply {
    HttpReply { status: 200, content_type: "application/json", body }
}

fn too_many() -> HttpReply {
    HttpReply { status: 429, content_type: "application/json", body: b"null".to_vec() }
}

fn unreadable() -> HttpReply {
    plain(422, UNREADABLE)
}

fn plain(status: u16, text: &str) -> HttpReply {
    HttpReply { status, content_type: "text/plain", body: text.as_bytes().to_vec() }
}
