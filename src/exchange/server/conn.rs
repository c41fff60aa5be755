//! One connection: HTTP first, then perhaps a WebSocket. It never blocks, and every phase that waits
//! for the peer or the host has a deadline.

use super::http::{self, Request, Step, Upgrade};
use super::http_stream::{Filled, Http, Next, Waiting};
use super::{Core, Limits};
use crate::exchange::{ConnId, Host, HttpId, HttpReply, HttpRequest};
use botmm_pipeline::types::Nanos;
use mio::net::TcpStream;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown};
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error as WsError, Message, WebSocket, error::ProtocolError};

/// Steps that one connection may take before others have their turn.
const MAX_STEPS_A_TURN: usize = 64;
/// Bytes thrown away while a closed connection's peer still sends.
const MAX_DISCARDED_BYTES: usize = 4 << 20;
/// tungstenite reads so much at a time (larger is slower: it clears the buffer first).
const WS_READ_BYTES: usize = 16 << 10;
/// Frames are gathered up to this before they are written; a turn's end writes the rest.
const WS_WRITE_BYTES: usize = 16 << 10;
/// Paths that are known, but only to POST.
const POST_PATHS: [&str; 2] = ["/info", "/exchange"];
/// The path of the WebSocket.
const WS_PATH: &str = "/ws";

/// Which of the server's two ports a connection came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Venue,
    Admin,
}

/// What a connection waits for. Each has its deadline, see [`Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A whole request.
    Request,
    /// The host's answer.
    Answer,
    /// The client, to take the answer.
    Send,
    /// The next request, of which no byte has come.
    Idle,
    /// Frames, without a deadline: whether a silent WebSocket is closed is the host's business.
    Open,
    /// The peer, to close its side too.
    Linger,
}

/// A connection.
pub(super) struct Conn {
    id: u64,
    peer: IpAddr,
    pub door: Door,
    phase: Phase,
    pub deadline: Nanos,
    wire: Wire,
    /// The host knows of this WebSocket, and not yet of its end.
    announced: bool,
    /// Frames were written that have not been flushed.
    pub dirty: bool,
}

enum Wire {
    Http(Http),
    Ws(Box<WebSocket<TcpStream>>),
    /// We are done, and read what still comes, so that the peer gets to read our last words. How
    /// many bytes were thrown away.
    Linger(TcpStream, usize),
    Gone,
}

impl Conn {
    pub fn new<H>(
        id: u64,
        (stream, peer): (TcpStream, IpAddr),
        door: Door,
        core: &mut Core<H>,
        now: Nanos,
    ) -> Self {
        let deadline = now + core.limits.request;
        core.watch(deadline);
        Self {
            id,
            peer,
            door,
            phase: Phase::Request,
            deadline,
            wire: Wire::Http(Http::new(stream)),
            announced: false,
            dirty: false,
        }
    }

    /// Reads and writes what its socket allows, a bounded piece of it.
    pub fn serve<H: Host>(&mut self, core: &mut Core<H>, now: Nanos) -> Next {
        for _ in 0..MAX_STEPS_A_TURN {
            let next = match self.wire {
                Wire::Http(_) => self.step_http(core, now),
                Wire::Ws(_) => self.step_ws(core, now),
                Wire::Linger(..) => self.step_linger(core),
                Wire::Gone => Next::Gone,
            };
            if next != Next::Again {
                return next;
            }
        }
        Next::Again
    }

    /// Takes the host's answer, if this is still waited for.
    pub fn answer<H: Host>(
        &mut self,
        core: &mut Core<H>,
        now: Nanos,
        id: HttpId,
        reply: &HttpReply,
    ) -> Next {
        let Wire::Http(http) = &mut self.wire else { return Next::Wait };
        let Some(waiting) = http.waiting.take_if(|w| w.id == id) else { return Next::Wait };
        self.reply(core, now, reply, waiting.keep_alive, true);
        self.serve(core, now)
    }

    /// Queues a frame; [`Conn::flush`] sends it.
    pub fn frame<H: Host>(&mut self, core: &mut Core<H>, now: Nanos, bytes: Vec<u8>) -> Next {
        let Wire::Ws(ws) = &mut self.wire else { return Next::Wait };
        if !self.announced {
            return Next::Wait; // closing
        }
        core.frame_log.iter_mut().for_each(|log| log.note(now, self.id, &bytes));
        let frame = Frame::message(bytes, OpCode::Data(Data::Text), true);
        match ws.write(Message::Frame(frame)) {
            Ok(()) => core.stats.frames_out.add(),
            Err(WsError::Io(e)) if e.kind() == ErrorKind::WouldBlock => core.stats.frames_out.add(),
            Err(WsError::WriteBufferFull(_)) => {
                core.stats.too_slow.add();
                return Next::Gone;
            }
            Err(_) => return Next::Gone,
        }
        Next::Wait
    }

    /// Sends the frames that were queued, as far as the socket takes them.
    pub fn flush(&mut self) -> Next {
        self.dirty = false;
        let Wire::Ws(ws) = &mut self.wire else { return Next::Wait };
        match ws.flush() {
            Ok(()) => Next::Wait,
            Err(WsError::Io(e)) if e.kind() == ErrorKind::WouldBlock => Next::Wait,
            Err(_) => Next::Gone,
        }
    }

    /// Ends a WebSocket with a close frame, after what was queued before.
    pub fn close<H: Host>(&mut self, core: &mut Core<H>, now: Nanos, code: CloseCode) -> Next {
        self.tell_host(core, now);
        let Wire::Ws(ws) = &mut self.wire else { return Next::Wait };
        let close = CloseFrame { code, reason: Default::default() };
        let next = match ws.close(Some(close)) {
            Ok(()) => Next::Wait,
            Err(WsError::Io(e)) if e.kind() == ErrorKind::WouldBlock => Next::Wait,
            Err(_) => Next::Gone,
        };
        self.enter(Phase::Linger, core, now);
        next
    }

    /// Its deadline has passed.
    pub fn expire<H: Host>(&mut self, core: &mut Core<H>, now: Nanos) -> Next {
        let started = matches!(&self.wire, Wire::Http(http) if !http.reader.is_idle());
        let reply = match self.phase {
            Phase::Request if started => http::refuse(408, "the request took too long"),
            Phase::Answer => http::refuse(504, "the exchange did not answer in time"),
            Phase::Idle | Phase::Linger => return Next::Gone,
            Phase::Request | Phase::Send | Phase::Open => {
                core.stats.timed_out.add();
                return Next::Gone;
            }
        };
        core.stats.timed_out.add();
        self.forget_request(core);
        self.reply(core, now, &reply, false, true);
        self.serve(core, now)
    }

    /// What others must know when it is gone.
    pub fn bury<H: Host>(&mut self, core: &mut Core<H>, now: Nanos) {
        self.tell_host(core, now);
        self.forget_request(core);
        self.wire = Wire::Gone;
    }

    /// The socket, to take it off the list of those that are watched.
    pub fn stream(&mut self) -> Option<&mut TcpStream> {
        match &mut self.wire {
            Wire::Http(http) => Some(&mut http.stream),
            Wire::Ws(ws) => Some(ws.get_mut()),
            Wire::Linger(stream, _) => Some(stream),
            Wire::Gone => None,
        }
    }

    fn forget_request<H>(&mut self, core: &mut Core<H>) {
        if let Wire::Http(http) = &mut self.wire
            && let Some(waiting) = http.waiting.take()
        {
            core.waiting.remove(&waiting.id);
        }
    }

    fn tell_host<H: Host>(&mut self, core: &mut Core<H>, now: Nanos) {
        if std::mem::take(&mut self.announced) {
            core.host_was_told = true;
            core.host.close(now, ConnId(self.id));
        }
    }

    fn enter<H>(&mut self, phase: Phase, core: &mut Core<H>, now: Nanos) {
        if self.phase == phase {
            return;
        }
        self.phase = phase;
        let limits = &core.limits;
        self.deadline = match phase {
            Phase::Request | Phase::Send => now + limits.request,
            Phase::Answer => now + limits.answer,
            Phase::Idle => now + limits.idle,
            Phase::Linger => now + limits.linger,
            Phase::Open => Nanos::MAX,
        };
        core.watch(self.deadline);
    }

    fn step_http<H: Host>(&mut self, core: &mut Core<H>, now: Nanos) -> Next {
        let Wire::Http(http) = &mut self.wire else { return Next::Gone };
        match http.flush() {
            Filled::Some => {}
            Filled::Blocked => return Next::Wait,
            Filled::Ended | Filled::Broken => return Next::Gone,
        }
        if http.last {
            return self.linger(core, now);
        }
        if http.waiting.is_some() {
            return http.read_ahead(&mut core.scratch);
        }
        let step = http.reader.next(&core.limits);
        let (idle, ended) = (http.reader.is_idle(), http.ended);
        match self.phase {
            Phase::Send if idle => self.enter(Phase::Idle, core, now),
            Phase::Send | Phase::Idle if !idle => self.enter(Phase::Request, core, now),
            _ => {}
        }
        match step {
            Step::Request(request) => self.request(core, now, &request),
            Step::Refused(reply) => {
                core.stats.malformed.add();
                self.reply(core, now, &reply, false, true);
            }
            Step::Continue => self.write(b"HTTP/1.1 100 Continue\r\n\r\n"),
            Step::More if ended => return Next::Gone,
            Step::More => return self.fill(core),
        }
        Next::Again
    }

    fn fill<H>(&mut self, core: &mut Core<H>) -> Next {
        let Wire::Http(http) = &mut self.wire else { return Next::Gone };
        match http.fill(&mut core.scratch) {
            Filled::Some | Filled::Ended => Next::Again,
            Filled::Blocked => Next::Wait,
            Filled::Broken => Next::Gone,
        }
    }

    fn request<H: Host>(&mut self, core: &mut Core<H>, now: Nanos, request: &Request) {
        core.stats.requests.add();
        let Request { method, path, content_type, body, keep_alive, upgrade } = request;
        let given = HttpRequest { method, path, content_type: content_type.as_deref(), body };
        if let (Door::Admin, Some(admin)) = (self.door, core.admin) {
            let reply = admin(&mut core.host, now, &given, &core.stats);
            core.host_was_told = true;
            return self.reply(core, now, &reply, *keep_alive, method != "HEAD");
        }
        let (path, method) = (path.as_str(), method.as_str());
        let reply = match (method, path, upgrade) {
            ("POST", _, _) => {
                let id = HttpId(core.fresh_id());
                core.waiting.insert(id, self.id);
                if let Wire::Http(http) = &mut self.wire {
                    http.waiting = Some(Waiting { id, keep_alive: *keep_alive });
                }
                self.enter(Phase::Answer, core, now);
                core.host_was_told = true;
                return core.host.http(now, self.peer, id, &given);
            }
            ("GET", WS_PATH, Some(upgrade)) => match self.upgrade(core, now, upgrade) {
                Ok(()) => return,
                Err(reply) => reply,
            },
            ("GET", WS_PATH, None) => http::refuse(426, "this path is a WebSocket"),
            (_, path, _) if POST_PATHS.contains(&path) => http::refuse(405, "POST JSON here"),
            _ => http::refuse(404, "POST /info, POST /exchange and GET /ws are what there is"),
        };
        self.reply(core, now, &reply, *keep_alive, method != "HEAD");
    }

    /// Makes this a WebSocket, or says why not.
    fn upgrade<H: Host>(
        &mut self,
        core: &mut Core<H>,
        now: Nanos,
        upgrade: &Upgrade,
    ) -> Result<(), HttpReply> {
        let key = upgrade.key.as_bytes();
        if upgrade.version != "13" {
            return Err(http::refuse(426, "Sec-WebSocket-Version must be 13"));
        }
        if key.len() != 24 || !key.ends_with(b"==") {
            return Err(http::refuse(400, "Sec-WebSocket-Key must be 16 bytes in base64"));
        }
        core.host_was_told = true;
        core.host.open(now, self.peer, ConnId(self.id))?;
        self.announced = true;
        let Wire::Http(mut http) = std::mem::replace(&mut self.wire, Wire::Gone) else {
            return Ok(());
        };
        let answer = http::encode_upgrade(&derive_accept_key(key));
        // All answers before this one are written: only a client that reads nothing has no room.
        if !matches!(http.stream.write(&answer), Ok(n) if n == answer.len()) {
            return Ok(()); // with its wire gone
        }
        let rest = http.reader.into_rest();
        let config = Some(ws_config(&core.limits));
        let ws = WebSocket::from_partially_read(http.stream, rest, Role::Server, config);
        self.wire = Wire::Ws(Box::new(ws));
        self.enter(Phase::Open, core, now);
        Ok(())
    }

    fn reply<H>(
        &mut self,
        core: &mut Core<H>,
        now: Nanos,
        reply: &HttpReply,
        keep_alive: bool,
        with_body: bool,
    ) {
        let Wire::Http(http) = &mut self.wire else { return };
        let keep_alive = keep_alive && !http.ended;
        http.last |= !keep_alive;
        self.write(&http::encode(reply, keep_alive, with_body));
        self.enter(Phase::Send, core, now);
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Wire::Http(http) = &mut self.wire {
            http.out.extend_from_slice(bytes);
        }
    }

    fn step_ws<H: Host>(&mut self, core: &mut Core<H>, now: Nanos) -> Next {
        let Wire::Ws(ws) = &mut self.wire else { return Next::Gone };
        let code = match ws.read() {
            Ok(Message::Text(text)) if self.announced => {
                core.stats.frames_in.add();
                core.host_was_told = true;
                core.host.frame(now, ConnId(self.id), text.as_bytes());
                return Next::Again;
            }
            Ok(Message::Binary(_)) if self.announced => CloseCode::Unsupported,
            Ok(Message::Close(_)) => {
                self.tell_host(core, now);
                self.enter(Phase::Linger, core, now);
                return Next::Again;
            }
            Ok(_) => return Next::Again,
            Err(WsError::Io(e)) if e.kind() == ErrorKind::WouldBlock => return self.flush(),
            Err(WsError::Io(e)) if e.kind() == ErrorKind::Interrupted => return Next::Again,
            Err(WsError::Capacity(_)) => CloseCode::Size,
            Err(WsError::Utf8(_)) => CloseCode::Invalid,
            Err(WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                return Next::Gone;
            }
            Err(WsError::Protocol(_)) => CloseCode::Protocol,
            Err(_) => return Next::Gone,
        };
        core.stats.malformed.add();
        let _ = self.close(core, now, code); // it ends here, whether the close frame went out or not
        self.linger(core, now)
    }

    /// Says no more, and waits for the peer to end too.
    fn linger<H: Host>(&mut self, core: &mut Core<H>, now: Nanos) -> Next {
        let stream = match std::mem::replace(&mut self.wire, Wire::Gone) {
            Wire::Http(http) if http.ended => return Next::Gone,
            Wire::Http(http) => http.stream,
            Wire::Ws(ws) => (*ws).into_inner(),
            Wire::Linger(..) | Wire::Gone => return Next::Gone,
        };
        if stream.shutdown(Shutdown::Write).is_err() {
            return Next::Gone;
        }
        self.wire = Wire::Linger(stream, 0);
        self.enter(Phase::Linger, core, now);
        Next::Again
    }

    fn step_linger<H>(&mut self, core: &mut Core<H>) -> Next {
        let Wire::Linger(stream, discarded) = &mut self.wire else { return Next::Gone };
        match stream.read(&mut core.scratch) {
            Ok(n) if n > 0 && *discarded < MAX_DISCARDED_BYTES => {
                *discarded += n;
                Next::Again
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => Next::Wait,
            Err(e) if e.kind() == ErrorKind::Interrupted => Next::Again,
            _ => Next::Gone,
        }
    }
}

fn ws_config(limits: &Limits) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(WS_READ_BYTES)
        .write_buffer_size(WS_WRITE_BYTES)
        .max_write_buffer_size(limits.max_unsent_bytes.max(WS_WRITE_BYTES + 1))
        .max_message_size(Some(limits.max_message_bytes))
        .max_frame_size(Some(limits.max_message_bytes))
}
