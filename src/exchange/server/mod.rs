//! Sockets: HTTP/1.1 and WebSocket on one loopback port, for any [`Host`]; on a second port, if
//! wanted, HTTP for whoever runs the exchange ([`AdminHandler`]).
//!
//! One thread, no locks: it sleeps until a socket is ready or the host has something due, does a
//! bounded piece of work for each connection, lets the host speak, and writes what it said. A
//! connection that breaks a rule of [`Limits`] is closed and counted in [`ServerStats`]; nothing
//! that a connection does ends the server.
//!
//! | came in by the venue's port | goes to |
//! |---|---|
//! | `POST` of any path | [`Host::http`] |
//! | `GET /ws` with an upgrade | [`Host::open`], then [`Host::frame`] for each text frame |
//! | anything else | answered here: 404, 405 or 426, in plain text |
//!
//! [`Host::close`] is called exactly once for each connection that [`Host::open`] took, also when
//! the host itself asked for the end. A request is answered before the next of its connection is
//! looked at.

mod conn;
mod frame_log;
mod handle;
mod http;
mod http_stream;
mod limits;
mod stats;

pub use frame_log::FrameLog;
pub use handle::ServerHandle;
pub use limits::Limits;
pub use stats::{ServerStats, StatsSnapshot};

use super::{Host, HttpId, HttpReply, HttpRequest, Outgoing};
use crate::exit::{AppError, Exit};
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::Nanos;
use conn::{Conn, Door};
use http_stream::Next;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::collections::HashMap;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use thiserror::Error;
use tungstenite::protocol::frame::coding::CloseCode;

/// Connections taken from a listener before others have their turn.
const MAX_ACCEPTS_A_TURN: usize = 64;
/// Readiness events taken at a time.
const MAX_EVENTS: usize = 256;
/// Connections open by the second port; it has its own count, so that a flood of the first does not
/// lock out who would end it.
const MAX_ADMIN_OPEN: usize = 8;
/// Bytes read from a socket at a time.
const READ_BYTES: usize = 64 << 10;
/// How soon a stop is seen, and a failed accept tried again.
const LONGEST_SLEEP: Nanos = Nanos::millis(100);
/// A host that is always due gets this much rest: no host makes the server spin.
const SHORTEST_SLEEP: Nanos = Nanos::millis(1);

const VENUE: Token = Token(0);
const ADMIN: Token = Token(1);
/// Connections and requests are numbered from here; the numbers below name listeners.
const FIRST_ID: u64 = 2;

/// Why a server cannot serve.
#[derive(Debug, Error)]
pub enum ServerError {
    /// Nothing here is meant for other machines: there is no TLS and no login.
    #[error("{0}: only a loopback address may be served; use 127.0.0.1:PORT or [::1]:PORT")]
    NotLoopback(SocketAddr),
    /// The port cannot be had.
    #[error("{addr}: cannot listen: {source}; stop what listens there, or choose another port")]
    Bind {
        /// Which.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system refuses to watch sockets, or to start a thread.
    #[error("cannot {doing}: {source}; check the limits on open files and threads (ulimit -n, -u)")]
    System {
        /// `watch sockets`, …
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl From<ServerError> for AppError {
    fn from(error: ServerError) -> Self {
        Self::of(Exit::Data, error)
    }
}

/// Answers requests to the second port, at once, on the server's thread.
pub type AdminHandler<H> = fn(&mut H, Nanos, &HttpRequest<'_>, &ServerStats) -> HttpReply;

/// A server and its host.
pub struct Server<H> {
    poll: Poll,
    events: Events,
    clock: WallClock,
    venue: Listener,
    admin: Option<Listener>,
    conns: HashMap<u64, Conn>,
    core: Core<H>,
    /// Connections that have more to do without being told by their socket.
    again: Vec<u64>,
    /// Reused lists.
    outgoing: Vec<Outgoing>,
    dirty: Vec<u64>,
    turn_list: Vec<u64>,
}

struct Listener {
    socket: TcpListener,
    addr: SocketAddr,
    door: Door,
    open: usize,
    /// It may have more connections: it tells only once.
    ready: bool,
    /// Who is there could not be let in (no file left?): each turn tries again.
    stuck: bool,
}

/// What connections need of the server.
struct Core<H> {
    host: H,
    admin: Option<AdminHandler<H>>,
    limits: Limits,
    stats: Arc<ServerStats>,
    /// Which connection an answer belongs to.
    waiting: HashMap<HttpId, u64>,
    next_id: u64,
    /// No deadline lies before this.
    sweep_at: Nanos,
    /// The host has heard something since it was last polled.
    host_was_told: bool,
    scratch: Box<[u8]>,
    /// Where every frame is noted that goes out.
    frame_log: Option<FrameLog>,
}

impl<H> Core<H> {
    fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    fn watch(&mut self, deadline: Nanos) {
        self.sweep_at = self.sweep_at.min(deadline);
    }
}

impl<H: Host> Server<H> {
    /// Listens on a loopback address; port 0 takes any free one.
    pub fn bind(
        addr: SocketAddr,
        host: H,
        clock: WallClock,
        limits: Limits,
    ) -> Result<Self, ServerError> {
        let poll = Poll::new().map_err(system("watch sockets"))?;
        let venue = Listener::bind(addr, Door::Venue, &poll)?;
        let core = Core {
            host,
            admin: None,
            limits,
            stats: Arc::default(),
            waiting: HashMap::new(),
            next_id: FIRST_ID,
            sweep_at: Nanos::MAX,
            host_was_told: true,
            scratch: vec![0; READ_BYTES].into_boxed_slice(),
            frame_log: None,
        };
        Ok(Self {
            poll,
            events: Events::with_capacity(MAX_EVENTS),
            clock,
            venue,
            admin: None,
            conns: HashMap::new(),
            core,
            again: Vec::new(),
            outgoing: Vec::new(),
            dirty: Vec::new(),
            turn_list: Vec::new(),
        })
    }

    /// Serves `handler` on a second loopback address.
    pub fn with_admin(
        mut self,
        addr: SocketAddr,
        handler: AdminHandler<H>,
    ) -> Result<Self, ServerError> {
        self.admin = Some(Listener::bind(addr, Door::Admin, &self.poll)?);
        self.core.admin = Some(handler);
        Ok(self)
    }

    /// Notes every frame that goes out.
    #[must_use]
    pub fn with_frame_log(mut self, log: FrameLog) -> Self {
        self.core.frame_log = Some(log);
        self
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.venue.addr
    }

    /// Where its second port is.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|l| l.addr)
    }

    /// What it has done so far.
    pub fn stats(&self) -> Arc<ServerStats> {
        self.core.stats.clone()
    }

    /// Serves until `stop`, which it sees within 100 ms; then all connections are dropped.
    ///
    /// # Errors
    /// The system refuses to watch sockets any longer.
    pub fn run(&mut self, stop: &AtomicBool) -> Result<(), ServerError> {
        let served = loop {
            if stop.load(Ordering::Acquire) {
                break Ok(());
            }
            if let Err(e) = self.turn() {
                break Err(e);
            }
        };
        let now = self.clock.now();
        for id in self.conns.keys().copied().collect::<Vec<_>>() {
            self.drop_conn(id, now);
        }
        served
    }

    /// Sleeps until something is to be done, and does it.
    fn turn(&mut self) -> Result<(), ServerError> {
        let sleep = self.sleep(self.clock.now());
        match self.poll.poll(&mut self.events, Some(sleep)) {
            Err(e) if e.kind() != ErrorKind::Interrupted => {
                return Err(system("watch sockets")(e));
            }
            _ => {}
        }
        let now = self.clock.now();
        let mut turns = std::mem::take(&mut self.turn_list);
        turns.append(&mut self.again);
        for event in &self.events {
            match event.token() {
                VENUE => self.venue.ready = true,
                ADMIN => self.admin.iter_mut().for_each(|l| l.ready = true),
                Token(id) => turns.push(id as u64),
            }
        }
        for id in turns.drain(..) {
            let Some(conn) = self.conns.get_mut(&id) else { continue };
            let next = conn.serve(&mut self.core, now);
            self.go_on(id, next, now);
        }
        self.turn_list = turns;
        self.accept(now);
        self.let_host_speak(now);
        self.sweep(now);
        Ok(())
    }

    fn sleep(&self, now: Nanos) -> Duration {
        let accepting = self.venue.ready || self.admin.as_ref().is_some_and(|l| l.ready);
        if accepting || self.core.host_was_told || !self.again.is_empty() {
            return Duration::ZERO;
        }
        let due = self.core.host.next_deadline().unwrap_or(Nanos::MAX).min(self.core.sweep_at);
        let longest = now + LONGEST_SLEEP;
        let sleep = (due.min(longest) - now).max(SHORTEST_SLEEP);
        Duration::from_nanos(sleep.0 as u64)
    }

    fn accept(&mut self, now: Nanos) {
        let Self { poll, venue, admin, conns, core, .. } = self;
        for (listener, most) in
            [(Some(venue), core.limits.max_open), (admin.as_mut(), MAX_ADMIN_OPEN)]
        {
            let Some(listener) = listener.filter(|l| l.ready || l.stuck) else { continue };
            for _ in 0..MAX_ACCEPTS_A_TURN {
                let (stream, peer) = match listener.socket.accept() {
                    Ok(accepted) => accepted,
                    Err(e)
                        if matches!(
                            e.kind(),
                            ErrorKind::Interrupted | ErrorKind::ConnectionAborted
                        ) =>
                    {
                        continue;
                    }
                    Err(e) => {
                        listener.ready = false;
                        listener.stuck = e.kind() != ErrorKind::WouldBlock;
                        break;
                    }
                };
                if listener.open >= most {
                    core.stats.refused.add();
                    turn_away(stream);
                    continue;
                }
                let id = core.fresh_id();
                if let Some(conn) = welcome(poll, id, (stream, peer), listener.door, core, now) {
                    listener.open += 1;
                    core.stats.accepted.add();
                    core.stats.open.add();
                    conns.insert(id, conn);
                    self.again.push(id);
                }
            }
        }
    }

    /// Sends what the host has to say.
    fn let_host_speak(&mut self, now: Nanos) {
        let mut outgoing = std::mem::take(&mut self.outgoing);
        self.core.host_was_told = false;
        self.core.host.poll(now, &mut outgoing);
        for said in outgoing.drain(..) {
            self.send(said, now);
        }
        self.outgoing = outgoing;
        while let Some(id) = self.dirty.pop() {
            let Some(conn) = self.conns.get_mut(&id) else { continue };
            let next = conn.flush();
            self.go_on(id, next, now);
        }
    }

    fn send(&mut self, said: Outgoing, now: Nanos) {
        let id = match &said {
            Outgoing::Reply(id, _) => self.core.waiting.remove(id),
            Outgoing::Frame(id, _) | Outgoing::Close(id) => Some(id.0),
        };
        // Who is gone needs no answer.
        let Some((id, conn)) = id.and_then(|id| Some((id, self.conns.get_mut(&id)?))) else {
            return;
        };
        let next = match said {
            Outgoing::Reply(request, reply) => conn.answer(&mut self.core, now, request, &reply),
            Outgoing::Frame(_, bytes) => {
                if !std::mem::replace(&mut conn.dirty, true) {
                    self.dirty.push(id);
                }
                conn.frame(&mut self.core, now, bytes)
            }
            Outgoing::Close(_) => conn.close(&mut self.core, now, CloseCode::Normal),
        };
        self.go_on(id, next, now);
    }

    /// Ends connections whose deadline has passed.
    fn sweep(&mut self, now: Nanos) {
        if now < self.core.sweep_at {
            return;
        }
        let late: Vec<u64> =
            self.conns.iter().filter(|(_, c)| c.deadline <= now).map(|(id, _)| *id).collect();
        for id in late {
            let Some(conn) = self.conns.get_mut(&id) else { continue };
            let next = conn.expire(&mut self.core, now);
            self.go_on(id, next, now);
        }
        // Whose deadline has moved since it was noted costs one look more, and no list to keep.
        let next = self.conns.values().map(|c| c.deadline).min();
        self.core.sweep_at = next.unwrap_or(Nanos::MAX);
    }

    fn go_on(&mut self, id: u64, next: Next, now: Nanos) {
        match next {
            Next::Wait => {}
            Next::Again => self.again.push(id),
            Next::Gone => self.drop_conn(id, now),
        }
    }

    fn drop_conn(&mut self, id: u64, now: Nanos) {
        let Some(mut conn) = self.conns.remove(&id) else { return };
        if let Some(stream) = conn.stream() {
            // Closing it takes it off the list anyway.
            let _ = self.poll.registry().deregister(stream);
        }
        conn.bury(&mut self.core, now);
        self.core.stats.open.take_away();
        let listener = match conn.door {
            Door::Venue => Some(&mut self.venue),
            Door::Admin => self.admin.as_mut(),
        };
        if let Some(listener) = listener {
            listener.open -= 1;
        }
    }
}

impl Listener {
    fn bind(addr: SocketAddr, door: Door, poll: &Poll) -> Result<Self, ServerError> {
        if !addr.ip().is_loopback() {
            return Err(ServerError::NotLoopback(addr));
        }
        let bind = |source| ServerError::Bind { addr, source };
        let mut socket = TcpListener::bind(addr).map_err(bind)?;
        let addr = socket.local_addr().map_err(bind)?;
        let token = match door {
            Door::Venue => VENUE,
            Door::Admin => ADMIN,
        };
        let registered = poll.registry().register(&mut socket, token, Interest::READABLE);
        registered.map_err(system("watch sockets"))?;
        Ok(Self { socket, addr, door, open: 0, ready: true, stuck: false })
    }
}

/// A connection of a new socket, unless the socket is of no use.
fn welcome<H>(
    poll: &Poll,
    id: u64,
    (mut stream, peer): (TcpStream, SocketAddr),
    door: Door,
    core: &mut Core<H>,
    now: Nanos,
) -> Option<Conn> {
    stream.set_nodelay(true).ok()?;
    let (token, interest) = (Token(id as usize), Interest::READABLE | Interest::WRITABLE);
    poll.registry().register(&mut stream, token, interest).ok()?;
    Some(Conn::new(id, (stream, peer.ip()), door, core, now))
}

/// Says that there is no room, if the socket takes it at once.
fn turn_away(mut stream: TcpStream) {
    let reply = http::refuse(503, "too many connections; close some, or try again later");
    // Whether it was heard or not, the connection ends here.
    let _ = stream.write(&http::encode(&reply, false, true));
}

fn system(doing: &'static str) -> impl Fn(io::Error) -> ServerError {
    move |source| ServerError::System { doing, source }
}
