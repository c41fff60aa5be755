//! [`Link`]: a connection while tungstenite upgrades it to a WebSocket, and afterwards.
//!
//! tungstenite shakes hands, and writes what is sent. What the server sends after the head of its answer are frames:
//! they are read by [`Frames`], also those that came together with the head.

use super::MAX_MESSAGE_BYTES;
use super::connection::Connection;
use super::frames::{Frames, Told};
use botmm_pipeline::types::Arrival;
use std::io::{self, Read, Write};
use tungstenite::Error;

/// What ends the head of an answer over HTTP.
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// See the module.
#[derive(Debug)]
pub(super) struct Link {
    connection: Connection,
    frames: Frames,
    /// So many bytes of the end of the head have come.
    of_end: usize,
}

impl Link {
    /// Over a connection that was made.
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, frames: Frames::new(MAX_MESSAGE_BYTES), of_end: 0 }
    }

    /// The next message.
    ///
    /// # Errors
    /// As [`Frames::next`].
    pub(super) fn next(&mut self) -> Result<Told, Error> {
        self.frames.next(&mut self.connection)
    }

    /// What the newest message bears.
    pub(super) fn payload(&mut self) -> &mut [u8] {
        self.frames.payload()
    }

    /// What carries it.
    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// When what was read last arrived.
    pub(super) fn arrival(&self) -> Arrival {
        self.connection.arrival()
    }
}

impl Read for Link {
    /// The head of the answer, for tungstenite, which does not read once it has it; a copy of what follows is kept.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.connection.read(into)?;
        for (at, byte) in into[..count].iter().enumerate() {
            if self.of_end == END_OF_HEAD.len() {
                self.frames.receive(&into[at..count]);
                break;
            }
            let goes_on = *byte == END_OF_HEAD[self.of_end];
            self.of_end = if goes_on { self.of_end + 1 } else { usize::from(*byte == b'\r') };
        }
        Ok(count)
    }
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.connection.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.connection.flush()
    }
}
