//! The socket of a connection that speaks HTTP.

use super::http::Reader;
use crate::exchange::HttpId;
use mio::net::TcpStream;
use std::io::{ErrorKind, Read, Write};

/// Bytes of further requests that are read while one waits for its answer.
const MAX_PIPELINED_BYTES: usize = 64 << 10;
/// Room for answers that is kept from one to the next.
const MAX_KEPT_BYTES: usize = 64 << 10;

/// A socket that speaks HTTP, and what it has read and has yet to write.
pub(super) struct Http {
    pub stream: TcpStream,
    pub reader: Reader,
    pub out: Vec<u8>,
    written: usize,
    pub waiting: Option<Waiting>,
    /// Close after what is in `out`.
    pub last: bool,
    /// The peer will send no more.
    pub ended: bool,
}

/// A request that waits for the host.
pub(super) struct Waiting {
    pub id: HttpId,
    pub keep_alive: bool,
}

/// What is to become of a connection after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Next {
    /// Wait for its socket, the host or its deadline.
    Wait,
    /// It has more to do, after the others.
    Again,
    /// Drop it.
    Gone,
}

/// How a step on a socket went.
pub(super) enum Filled {
    Some,
    Blocked,
    Ended,
    Broken,
}

impl Http {
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            reader: Reader::default(),
            out: Vec::new(),
            written: 0,
            waiting: None,
            last: false,
            ended: false,
        }
    }

    /// Writes what is to be written; `Some` when nothing is left.
    pub fn flush(&mut self) -> Filled {
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(0) => return Filled::Broken,
                Ok(n) => self.written += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Filled::Blocked,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Filled::Broken,
            }
        }
        self.out.clear();
        // One large answer must not be remembered by a connection that stays.
        self.out.shrink_to(MAX_KEPT_BYTES);
        self.written = 0;
        Filled::Some
    }

    /// Reads once.
    pub fn fill(&mut self, scratch: &mut [u8]) -> Filled {
        match self.stream.read(scratch) {
            Ok(0) => {
                self.ended = true;
                Filled::Ended
            }
            Ok(n) => {
                self.reader.push(&scratch[..n]);
                Filled::Some
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => Filled::Blocked,
            Err(e) if e.kind() == ErrorKind::Interrupted => Filled::Some,
            Err(_) => Filled::Broken,
        }
    }

    /// While a request waits for its answer: reads on a little, which also tells that the client is
    /// gone. Who has only ended its side still gets its answer.
    pub fn read_ahead(&mut self, scratch: &mut [u8]) -> Next {
        if self.ended || self.reader.buffered() >= MAX_PIPELINED_BYTES {
            return Next::Wait;
        }
        match self.fill(scratch) {
            Filled::Some => Next::Again,
            Filled::Blocked | Filled::Ended => Next::Wait,
            Filled::Broken => Next::Gone,
        }
    }
}
