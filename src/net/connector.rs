//! The thread that does for a lane what may block: opens WebSockets, and buries those that are
//! over. Parked when there is nothing to do.

use super::connection::Patience;
use super::dial::Dialer;
use super::error::io_words;
use super::link::Link;
use super::socket::{Arrivals, SocketOptions};
use super::status::Board;
use super::{MAX_MESSAGE_BYTES, NetError, excerpt};
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::rt::ring::{In, Out};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::HandshakeError;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::{Error, WebSocket};

/// An open WebSocket, not blocking.
pub(super) type Socket = WebSocket<Link>;

/// tungstenite's own read buffer, for the head of the answer alone.
const HEAD_BUFFER_BYTES: usize = 4 << 10;
/// What may wait to be sent. Orders are about 1 kB; when this is full the link is stuck.
const MAX_WRITE_BUFFER_BYTES: usize = 1 << 20;
/// How long a goodbye may take.
const FAREWELL: Duration = Duration::from_millis(200);

/// What the lane wants, for the connector to see.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Number of the newest connection that is asked for; 0 = none yet.
    generation: AtomicU64,
    stop: AtomicBool,
}

impl Wanted {
    /// Asks for a connection with this number.
    pub(super) fn open(&self, generation: u64) {
        self.generation.store(generation, Ordering::Release);
    }
    /// Asks the thread to end.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }
    fn is_superseded(&self, generation: u64) -> bool {
        self.stop.load(Ordering::Acquire) || self.generation.load(Ordering::Acquire) != generation
    }
}

/// What became of an attempt.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Which.
    pub(super) generation: u64,
    /// None: it failed, and the status says why.
    pub(super) socket: Option<Box<Socket>>,
}

/// A connection that is over.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) socket: Box<Socket>,
    /// Why; none if it was ours to end.
    pub(super) why: Option<End>,
    /// Nothing waits to be written: a goodbye takes no stale orders along.
    pub(super) clean: bool,
}

/// Why a connection ended, before it is put into words.
#[derive(Debug)]
pub(super) enum End {
    /// The server said goodbye.
    Closed(Option<CloseFrame>),
    /// Something broke.
    Failed(Error),
}

/// The connector's side of a transport.
pub(super) struct Connector {
    pub(super) dialer: Dialer,
    pub(super) options: SocketOptions,
    pub(super) clock: WallClock,
    pub(super) wanted: Arc<Wanted>,
    pub(super) board: Arc<Board>,
    pub(super) opened: Out<Outcome>,
    pub(super) ended: In<Ended>,
}

impl Connector {
    /// The thread's work, until it is asked to stop.
    pub(super) fn run(mut self) {
        let mut done = 0;
        loop {
            let stopping = self.wanted.stop.load(Ordering::Acquire);
            while let Some(ended) = self.ended.pop() {
                self.bury(ended);
            }
            if stopping {
                return;
            }
            let generation = self.wanted.generation.load(Ordering::Acquire);
            if generation == done {
                // An unpark between the look above and here is remembered.
                thread::park();
                continue;
            }
            done = generation;
            self.attempt(generation);
        }
    }

    fn attempt(&mut self, generation: u64) {
        let wanted = self.wanted.clone();
        let patience =
            Patience::new(self.dialer.timeouts.total, move || wanted.is_superseded(generation));
        let opened = self.open(&patience);
        if self.wanted.is_superseded(generation) {
            return;
        }
        let socket = match opened {
            Ok(socket) => Some(Box::new(socket)),
            Err(e) => {
                self.board.set_last_error(e.to_string());
                None
            }
        };
        // The lane empties this ring whenever it asks for a connection, and one answer comes per
        // question: there is room.
        let handed_over = self.opened.push_or_drop(Outcome { generation, socket });
        assert!(handed_over, "the ring of opened connections has room for every answer");
    }

    fn open(&self, patience: &Patience) -> Result<Socket, NetError> {
        const STEP: &str = "WebSocket upgrade";
        let url = self.dialer.endpoint.ws_url();
        let failed = |e: &Error| match e {
            Error::Io(e) => self.dialer.failed(STEP, &url, e),
            Error::Http(answer) => {
                let body = answer.body().as_deref().unwrap_or_default();
                NetError::upgrade(url.clone(), answer.status(), body)
            }
            other => NetError::Lost { endpoint: url.clone(), step: STEP, why: other.to_string() },
        };
        let link = Link::new(self.dialer.dial(&url, patience)?);
        let request = url.as_str().into_client_request().map_err(|e| failed(&e))?;
        let mut socket =
            match tungstenite::client::client_with_config(request, link, Some(settings())) {
                Ok((socket, _)) => socket,
                Err(HandshakeError::Failure(e)) => return Err(failed(&e)),
                // The link blocks: it does not say that it would.
                Err(HandshakeError::Interrupted(_)) => {
                    return Err(self.dialer.failed(
                        STEP,
                        &url,
                        &std::io::ErrorKind::TimedOut.into(),
                    ));
                }
            };
        let connection = socket.get_mut().connection();
        if let Some(refused) = self.options.set(connection.stream()) {
            self.board.set_last_error(refused);
        }
        let arrivals = Arrivals::new(self.options, self.clock.clone(), self.board.clone());
        connection.never_block(arrivals).map_err(|e| failed(&Error::Io(e)))?;
        Ok(socket)
    }

    /// Says why it ended, and goodbye; dropping it closes the socket and frees its buffers.
    fn bury(&self, mut ended: Ended) {
        if let Some(why) = &ended.why {
            let url = self.dialer.endpoint.ws_url();
            self.board.set_last_error(format!("{url}: {}", end_words(why)));
        }
        let connection = ended.socket.get_mut().connection();
        let blocks = connection.block(Patience::new(FAREWELL, || false));
        if ended.clean && blocks.is_ok() && ended.socket.close(echo(ended.why)).is_ok() {
            ended.socket.get_mut().connection().farewell();
        }
    }
}

/// What a goodbye is answered with: its own code.
fn echo(why: Option<End>) -> Option<CloseFrame> {
    match why {
        Some(End::Closed(Some(frame))) if frame.code.is_allowed() => Some(frame),
        _ => None,
    }
}

fn settings() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(HEAD_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
}

fn end_words(why: &End) -> String {
    match why {
        End::Closed(None) => "closed by the server without a reason".to_owned(),
        End::Closed(Some(frame)) => {
            let (code, said) = (u16::from(frame.code), excerpt(frame.reason.as_bytes()));
            format!("closed by the server: code {code} {said:?}")
        }
        End::Failed(Error::Io(e)) => format!("connection lost: {}", io_words(e)),
        End::Failed(Error::Protocol(
            tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        )) => "connection lost: the server hung up without a goodbye".to_owned(),
        End::Failed(Error::Capacity(e)) => {
            format!("closed by us: {e}; the limit is {MAX_MESSAGE_BYTES} bytes")
        }
        End::Failed(e) => format!("closed by us, the server broke the protocol: {e}"),
    }
}
