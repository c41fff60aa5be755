//! One connection's bytes: TCP, with or without TLS on it. While it is being opened it blocks, with
//! a deadline that no dripping server can stretch; afterwards it never blocks.
//!
//! rustls' own `StreamOwned` is not used because it does not read while a write is stuck: a venue
//! that does not take our bytes for a moment must not make us deaf.
//!
//! Plain TCP allocates nothing here. rustls puts every record into a vector of its own, read or
//! written: two allocations for a frame sent and one received (`tests/net/steady.rs` holds that).

use super::error::Superseded;
use super::socket::Arrivals;
use botmm_pipeline::types::Arrival;
use rustls::ClientConnection;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a blocked step looks whether anybody still waits for it.
const SLICE: Duration = Duration::from_millis(100);

/// Says true as soon as nobody waits any more.
pub type Stopped = Arc<dyn Fn() -> bool + Send + Sync>;

/// Until when to wait, and for how long it still makes sense.
#[derive(Clone)]
pub(super) struct Patience {
    until: Instant,
    superseded: Stopped,
}

impl Patience {
    /// Waits for `after`, unless `superseded` says true earlier.
    pub(super) fn new(
        after: Duration,
        superseded: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::shared(after, Arc::new(superseded))
    }

    /// The same, with a reason to stop that others have too.
    pub(super) fn shared(after: Duration, superseded: Stopped) -> Self {
        Self { until: Instant::now() + after, superseded }
    }

    /// The same reason to stop, but at most `after` from now.
    pub(super) fn at_most(&self, after: Duration) -> Self {
        let until = self.until.min(Instant::now() + after);
        Self { until, superseded: self.superseded.clone() }
    }

    /// What is left, never zero.
    ///
    /// # Errors
    /// `TimedOut` when nothing is left; [`Superseded`] inside when nobody waits.
    pub(super) fn left(&self) -> io::Result<Duration> {
        if (self.superseded)() {
            return Err(io::Error::other(Superseded));
        }
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }

    /// What is left, in pieces short enough to notice that nobody waits.
    pub(super) fn slice(&self) -> io::Result<Duration> {
        Ok(self.left()?.min(SLICE))
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patience").field("until", &self.until).finish_non_exhaustive()
    }
}

/// A TCP stream that blocks as long as it has patience, and not at all without.
#[derive(Debug)]
pub(super) struct Tcp {
    stream: TcpStream,
    patience: Option<Patience>,
    /// Who reads it for a lane.
    arrivals: Option<Arrivals>,
}

impl Read for Tcp {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &self.patience {
            None => match &mut self.arrivals {
                Some(arrivals) => arrivals.read(&self.stream, buf),
                None => self.stream.read(buf),
            },
            Some(patience) => patiently(patience, |slice| {
                self.stream.set_read_timeout(Some(slice))?;
                (&self.stream).read(buf)
            }),
        }
    }
}

impl Write for Tcp {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &self.patience {
            None => self.stream.write(buf),
            Some(patience) => patiently(patience, |slice| {
                self.stream.set_write_timeout(Some(slice))?;
                (&self.stream).write(buf)
            }),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// TCP, with or without TLS on it.
#[derive(Debug)]
pub(super) struct Connection {
    tcp: Tcp,
    tls: Option<Box<ClientConnection>>,
}

impl Connection {
    /// Over a stream that is connected. It blocks until [`Self::never_block`].
    pub(super) fn new(stream: TcpStream, patience: Patience) -> Self {
        Self { tcp: Tcp { stream, patience: Some(patience), arrivals: None }, tls: None }
    }

    /// Agrees on TLS; from here on every byte goes through it.
    ///
    /// # Errors
    /// Those of the stream, and rustls' own inside.
    pub(super) fn start_tls(&mut self, mut tls: ClientConnection) -> io::Result<()> {
        while tls.is_handshaking() {
            tls.complete_io(&mut self.tcp)?;
        }
        self.tls = Some(Box::new(tls));
        Ok(())
    }

    /// From here on it waits that long.
    pub(super) fn set_patience(&mut self, patience: Patience) {
        self.tcp.patience = Some(patience);
    }

    /// Undoes [`Self::never_block`].
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn block(&mut self, patience: Patience) -> io::Result<()> {
        self.set_patience(patience);
        self.tcp.stream.set_nonblocking(false)
    }

    /// From here on nothing blocks, and it is known when what is read arrived.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn never_block(&mut self, arrivals: Arrivals) -> io::Result<()> {
        (self.tcp.patience, self.tcp.arrivals) = (None, Some(arrivals));
        self.tcp.stream.set_nonblocking(true)
    }

    /// When what was read last arrived; nothing is known of it before it never blocks.
    pub(super) fn arrival(&self) -> Arrival {
        self.tcp.arrivals.as_ref().map(Arrivals::newest).unwrap_or_default()
    }

    /// The socket.
    pub(super) fn stream(&self) -> &TcpStream {
        &self.tcp.stream
    }

    /// Is the other side still there, and silent, as it has to be between two requests?
    pub(super) fn is_quiet(&mut self) -> bool {
        let probe = self.tcp.stream.set_nonblocking(true).and_then(|()| {
            let quiet = self.tcp.stream.peek(&mut [0]);
            self.tcp.stream.set_nonblocking(false)?;
            quiet
        });
        matches!(probe, Err(e) if e.kind() == io::ErrorKind::WouldBlock)
    }

    /// Says goodbye on the level of TLS; failing is fine.
    pub(super) fn farewell(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = tls.write_tls(&mut self.tcp);
        }
    }
}

impl Read for Connection {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.tcp.read(buf) };
        loop {
            match tls.reader().read(buf) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            tls.read_tls(&mut self.tcp)?;
            if let Err(e) = tls.process_new_packets() {
                // The alert that tells the server what we did not like; failing is fine.
                let _ = tls.write_tls(&mut self.tcp);
                return Err(io::Error::new(io::ErrorKind::InvalidData, e));
            }
        }
    }
}

impl Write for Connection {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.tcp.write(buf) };
        // Records that wait go first; with them gone, rustls has room for new ones.
        drain(tls, &mut self.tcp)?;
        let taken = tls.writer().write(buf)?;
        match drain(tls, &mut self.tcp) {
            // Taken is taken: what is stuck leaves with the next write or flush.
            Err(e) if e.kind() != io::ErrorKind::WouldBlock => Err(e),
            _ => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => drain(tls, &mut self.tcp),
            None => Ok(()),
        }
    }
}

fn drain(tls: &mut ClientConnection, tcp: &mut Tcp) -> io::Result<()> {
    while tls.wants_write() {
        if tls.write_tls(tcp)? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    Ok(())
}

/// Repeats an operation with short timeouts until it is through, or patience is at its end.
fn patiently<T>(
    patience: &Patience,
    mut operation: impl FnMut(Duration) -> io::Result<T>,
) -> io::Result<T> {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    loop {
        match operation(patience.slice()?) {
            Err(e) if matches!(e.kind(), WouldBlock | TimedOut | Interrupted) => {}
            done => return done,
        }
    }
}
