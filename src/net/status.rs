//! What is known of a WebSocket connection, readable by any thread while the lane goes on.

use botmm_pipeline::stage::metrics::Counter;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How the connection stands.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WsState {
    /// Closed, or never asked for.
    Down = 0,
    /// Being opened.
    Opening = 1,
    /// Open.
    Open = 2,
}

/// What happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WsCounts {
    /// Times that opening was asked for.
    pub attempts: u64,
    /// Times that it was open.
    pub opened: u64,
    /// Times that it could not be opened.
    pub failed: u64,
    /// Times that an open connection was lost, or closed by the server.
    pub closed: u64,
    /// Text frames received.
    pub frames: u64,
    /// Bytes in them.
    pub frame_bytes: u64,
    /// Text frames taken for sending.
    pub sent: u64,
    /// Bytes in them.
    pub sent_bytes: u64,
    /// Text frames not taken, because the connection was not open or its buffer full.
    pub send_refused: u64,
    /// Pings received (each is answered).
    pub pings: u64,
    /// Binary frames received and thrown away: the venue sends none.
    pub binary_ignored: u64,
    /// Reads of which the kernel did not say when it had what was read, although it was asked.
    pub unstamped: u64,
    /// Stamps of the kernel's that were of no use: in the future, or from before the system clock was set.
    pub stamps_dropped: u64,
}

/// The view of a [`WsTransport`](super::WsTransport) from other threads. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WsStatus {
    board: Arc<Board>,
}

impl WsStatus {
    pub(super) fn new(board: Arc<Board>) -> Self {
        Self { board }
    }

    /// How the connection stands.
    pub fn state(&self) -> WsState {
        match self.board.state.load(Ordering::Relaxed) {
            2 => WsState::Open,
            1 => WsState::Opening,
            _ => WsState::Down,
        }
    }

    /// What happened since the start. Each number is exact; they are not of one instant.
    pub fn counts(&self) -> WsCounts {
        let b = &*self.board;
        WsCounts {
            attempts: b.attempts.get(),
            opened: b.opened.get(),
            failed: b.failed.get(),
            closed: b.closed.get(),
            frames: b.frames.get(),
            frame_bytes: b.frame_bytes.get(),
            sent: b.sent.get(),
            sent_bytes: b.sent_bytes.get(),
            send_refused: b.send_refused.get(),
            pings: b.pings.get(),
            binary_ignored: b.binary_ignored.get(),
            unstamped: b.unstamped.get(),
            stamps_dropped: b.stamps_dropped.get(),
        }
    }

    /// Why the connection last could not be opened, or was lost: one line for a person. It is put
    /// into words off the lane, and so may come a moment after the lane has seen the close.
    pub fn last_error(&self) -> Option<String> {
        self.board.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Where the lane counts and the connector writes; the lane never touches the lock.
#[derive(Debug, Default)]
pub(super) struct Board {
    state: AtomicU8,
    pub(super) attempts: Counter,
    pub(super) opened: Counter,
    pub(super) failed: Counter,
    pub(super) closed: Counter,
    pub(super) frames: Counter,
    pub(super) frame_bytes: Counter,
    pub(super) sent: Counter,
    pub(super) sent_bytes: Counter,
    pub(super) send_refused: Counter,
    pub(super) pings: Counter,
    pub(super) binary_ignored: Counter,
    pub(super) unstamped: Counter,
    pub(super) stamps_dropped: Counter,
    last_error: Mutex<Option<String>>,
}

impl Board {
    pub(super) fn set_state(&self, state: WsState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// For the connector only.
    pub(super) fn set_last_error(&self, text: String) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }
}
