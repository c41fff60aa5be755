//! [`WsTransport`]: whole text frames over a WebSocket, for a lane that must never block.
//!
//! The slow part of opening is the connector's. Once open, the lane reads the socket itself: one
//! system call that says "nothing yet" is cheaper than waiting on a poll for one hot socket.

use super::connector::{Connector, End, Ended, Outcome, Socket, Wanted};
use super::dial::Dialer;
use super::frames::Told;
use super::socket::SocketOptions;
use super::status::{Board, WsState, WsStatus};
use super::{Endpoint, NetError, Timeouts, Tls};
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::rt::ring::{In, Out, ring};
use botmm_pipeline::types::{Arrival, Nanos};
use botmm_pipeline::venue::{Received, Transport};
use bytes::BytesMut;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::{Error, Message};

/// Answers of the connector that may wait: the newest, and one that was on its way when it was
/// superseded; the rest is slack.
const OPENED_CAPACITY: usize = 4;
/// Connections that may wait for their burial while the connector opens another.
const ENDED_CAPACITY: usize = 8;
/// Frames without text (pings, binary) that one call looks at: a flood of them must not hold the
/// lane.
const MAX_SKIPPED: usize = 16;
/// Room that is made ahead for frames that are sent (bytes): orders fit.
const FRAME_BYTES: usize = 64 << 10;

/// A WebSocket to one endpoint. See [`Transport`] for what it promises.
#[derive(Debug)]
pub struct WsTransport {
    connection: Connection,
    /// Number of the newest connection that was asked for.
    generation: u64,
    /// Where frames to be sent are put for tungstenite; its memory is used again and again.
    sending: BytesMut,
    opened: In<Outcome>,
    ended: Out<Ended>,
    wanted: Arc<Wanted>,
    board: Arc<Board>,
    thread: JoinHandle<()>,
}

/// What there is of a connection.
#[derive(Debug)]
enum Connection {
    Down,
    Opening,
    Up {
        socket: Box<Socket>,
        /// Something waits to be written.
        unflushed: bool,
        /// Writing failed: nothing more is sent, and what has arrived is still read.
        broken: Option<Error>,
    },
}

/// What reading brought, without the text (that is in the buffer).
enum Read {
    Text,
    Nothing,
    End(End),
}

impl WsTransport {
    /// Makes a transport and starts its connector thread, which sleeps until
    /// [`Transport::connect`].
    ///
    /// # Errors
    /// [`NetError::Authorities`] when the extra authorities cannot be used; [`NetError::Thread`].
    pub fn new(endpoint: &Endpoint, tls: &Tls) -> Result<(Self, WsStatus), NetError> {
        Self::with_timeouts(endpoint, tls, Timeouts::default())
    }

    /// The same with other deadlines.
    ///
    /// # Errors
    /// As [`WsTransport::new`].
    pub fn with_timeouts(
        endpoint: &Endpoint,
        tls: &Tls,
        timeouts: Timeouts,
    ) -> Result<(Self, WsStatus), NetError> {
        let plain = (SocketOptions::default(), WallClock::default());
        Self::with_sockets(endpoint, tls, timeouts, plain)
    }

    /// The same with sockets that are set like this; when frames arrive is said by this clock.
    ///
    /// # Errors
    /// As [`WsTransport::new`].
    pub fn with_sockets(
        endpoint: &Endpoint,
        tls: &Tls,
        timeouts: Timeouts,
        (options, clock): (SocketOptions, WallClock),
    ) -> Result<(Self, WsStatus), NetError> {
        const NAME: &str = "net-connect";
        let dialer = Dialer::new(endpoint, tls, timeouts)?;
        let (opened_out, opened) = ring("connector->lane", OPENED_CAPACITY);
        let (ended, ended_in) = ring("lane->connector", ENDED_CAPACITY);
        let (wanted, board) = (Arc::new(Wanted::default()), Arc::new(Board::default()));
        let connector = Connector {
            dialer,
            options,
            clock,
            wanted: wanted.clone(),
            board: board.clone(),
            opened: opened_out,
            ended: ended_in,
        };
        let thread = thread::Builder::new()
            .name(NAME.to_owned())
            .spawn(move || connector.run())
            .map_err(|source| NetError::Thread { name: NAME, source })?;
        let status = WsStatus::new(board.clone());
        let transport = Self {
            connection: Connection::Down,
            generation: 0,
            sending: BytesMut::with_capacity(FRAME_BYTES),
            opened,
            ended,
            wanted,
            board,
            thread,
        };
        Ok((transport, status))
    }

    /// Hands what is left of a connection to the connector, which says why it ended and closes it.
    fn hang_up(&mut self, why: Option<End>) {
        self.board.set_state(WsState::Down);
        if let Connection::Up { socket, unflushed, broken } =
            std::mem::replace(&mut self.connection, Connection::Down)
        {
            let clean = !unflushed && broken.is_none();
            // A full ring means that the connector is busy: then it is closed here, without words.
            self.ended.push_or_drop(Ended { socket, why, clean });
            self.thread.thread().unpark();
        }
    }

    /// Takes the connector's answers; true when the one that counts is there.
    fn answered(&mut self) -> bool {
        while let Some(Outcome { generation, socket }) = self.opened.pop() {
            if generation != self.generation {
                continue;
            }
            match socket {
                Some(socket) => {
                    self.board.opened.add(1);
                    self.board.set_state(WsState::Open);
                    self.connection = Connection::Up { socket, unflushed: false, broken: None };
                }
                None => {
                    self.board.failed.add(1);
                    self.board.set_state(WsState::Down);
                    self.connection = Connection::Down;
                }
            }
            return true;
        }
        // It ends before it is asked to only by a defect; waiting for it would be for ever.
        if self.thread.is_finished() {
            self.board.failed.add(1);
            self.board.set_state(WsState::Down);
            self.connection = Connection::Down;
            return true;
        }
        false
    }

    /// Reads until there is text, nothing more, or the end.
    fn read(&mut self) -> Read {
        let Connection::Up { socket, unflushed, broken } = &mut self.connection else {
            return Read::Nothing;
        };
        if *unflushed && broken.is_none() {
            flush(socket, unflushed, broken);
        }
        for _ in 0..MAX_SKIPPED {
            match socket.get_mut().next() {
                Ok(Told::Text) => {
                    self.board.frames.add(1);
                    self.board.frame_bytes.add(socket.get_mut().payload().len() as u64);
                    return Read::Text;
                }
                Ok(Told::Binary) => self.board.binary_ignored.add(1),
                Ok(Told::Ping) => {
                    self.board.pings.add(1);
                    if broken.is_none() {
                        let said = bytes::Bytes::copy_from_slice(socket.get_mut().payload());
                        write(socket, Message::Pong(said), unflushed, broken);
                    }
                }
                Ok(Told::Pong) => {}
                Ok(Told::Close(frame)) => return Read::End(End::Closed(frame)),
                Err(Error::Io(e)) if is_pause(&e) => {
                    return match broken.take() {
                        Some(e) => Read::End(End::Failed(e)),
                        None => Read::Nothing,
                    };
                }
                Err(e) => return Read::End(End::Failed(e)),
            }
        }
        Read::Nothing
    }
}

impl Transport for WsTransport {
    fn connect(&mut self, _now: Nanos) {
        self.hang_up(None);
        self.generation += 1;
        self.board.attempts.add(1);
        self.board.set_state(WsState::Opening);
        self.connection = Connection::Opening;
        // Answers to older questions, to make room; this closes what was opened in vain. Before the
        // new question is put, or its answer could be among them.
        while self.opened.pop().is_some() {}
        self.wanted.open(self.generation);
        self.thread.thread().unpark();
    }

    fn recv(&mut self, _now: Nanos) -> Option<Received<'_>> {
        match self.connection {
            Connection::Down => return None,
            Connection::Opening => {
                if !self.answered() {
                    return None;
                }
                let open = matches!(self.connection, Connection::Up { .. });
                return Some(if open { Received::Opened } else { Received::Closed });
            }
            Connection::Up { .. } => {}
        }
        match self.read() {
            Read::Text => match &mut self.connection {
                Connection::Up { socket, .. } => Some(Received::Frame(socket.get_mut().payload())),
                Connection::Down | Connection::Opening => None,
            },
            Read::Nothing => None,
            Read::End(why) => {
                self.board.closed.add(1);
                self.hang_up(Some(why));
                Some(Received::Closed)
            }
        }
    }

    fn arrival(&self) -> Arrival {
        match &self.connection {
            Connection::Up { socket, .. } => socket.get_ref().arrival(),
            Connection::Down | Connection::Opening => Arrival::default(),
        }
    }

    fn send(&mut self, _now: Nanos, frame: &[u8]) -> bool {
        let taken = match &mut self.connection {
            Connection::Up { socket, unflushed, broken } if broken.is_none() => {
                self.sending.clear();
                self.sending.extend_from_slice(frame);
                let payload = self.sending.split().freeze();
                let frame = Frame::message(payload, OpCode::Data(Data::Text), true);
                write(socket, Message::Frame(frame), unflushed, broken)
            }
            _ => false,
        };
        if taken {
            self.board.sent.add(1);
            self.board.sent_bytes.add(frame.len() as u64);
        } else {
            self.board.send_refused.add(1);
        }
        taken
    }

    fn next_deadline(&self) -> Option<Nanos> {
        None
    }
}

impl Drop for WsTransport {
    fn drop(&mut self) {
        self.hang_up(None);
        self.wanted.stop();
        self.thread.thread().unpark();
    }
}

/// Queues a message and sends what goes; false when nothing of it was or will be sent.
fn write(
    socket: &mut Socket,
    message: Message,
    unflushed: &mut bool,
    broken: &mut Option<Error>,
) -> bool {
    match socket.write(message) {
        Ok(()) => flush(socket, unflushed, broken),
        Err(Error::WriteBufferFull(_)) => {
            // Next time there may be room.
            flush(socket, unflushed, broken);
            return false;
        }
        // In the buffer; the rest of it leaves later.
        Err(Error::Io(e)) if is_pause(&e) => *unflushed = true,
        // In the buffer, and some of it may have left before it broke: not to be called unsent.
        Err(e @ Error::Io(_)) => *broken = Some(e),
        // The connection is closing: refused before it came to the buffer.
        Err(e) => {
            *broken = Some(e);
            return false;
        }
    }
    true
}

fn flush(socket: &mut Socket, unflushed: &mut bool, broken: &mut Option<Error>) {
    match socket.flush() {
        Ok(()) => *unflushed = false,
        Err(Error::Io(e)) if is_pause(&e) => *unflushed = true,
        Err(e) => *broken = Some(e),
    }
}

/// Not an error: nothing there yet, or no room yet.
fn is_pause(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    /// Waits until the connector thread, which shares `wanted`, is gone.
    fn ends(transport: WsTransport) {
        let wanted = Arc::downgrade(&transport.wanted);
        drop(transport);
        let start = Instant::now();
        while wanted.upgrade().is_some() {
            assert!(start.elapsed() < Duration::from_secs(8), "the connector thread goes on");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn dropping_it_ends_its_thread_be_it_asleep_or_at_work() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let endpoint = Endpoint::parse(&url).unwrap();
        let (asleep, _) = WsTransport::new(&endpoint, &Tls::default()).unwrap();
        ends(asleep);
        let (mut at_work, status) = WsTransport::new(&endpoint, &Tls::default()).unwrap();
        at_work.connect(Nanos::ZERO);
        let _accepted = silent.accept().unwrap();
        assert_eq!(status.state(), WsState::Opening);
        ends(at_work);
    }
}
