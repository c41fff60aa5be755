//! What a lane's socket is set to, and when the kernel had what was read from it.
//!
//! The kernel stamps each segment as it comes in (`SO_TIMESTAMPNS`), and a read tells the stamp of the newest
//! segment that it took from: of a frame in several, when it was whole; of several frames read at once, when the
//! last of them was. The stamps are in the system clock, which [`WallClock`] does not follow where it was set, so a
//! stamp is taken as an age ([`Stamps`]). Where there is none, the moment of the read counts, and says so.

use super::status::Board;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::rt::clock::MAX_SLEW_PPM;
use botmm_pipeline::types::{Arrival, Nanos};
use nix::libc;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, PoisonError};

/// How a lane's sockets are set. What the system refuses is told by [`super::WsStatus::last_error`], and the
/// connection is used without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    /// `TCP_NODELAY`: what is written leaves at once.
    pub nodelay: bool,
    /// `TCP_QUICKACK`: what is received is acknowledged at once. The kernel forgets it, so it costs a call of the
    /// system with each read that brings something.
    pub quickack: bool,
    /// `SO_BUSY_POLL`: how long the kernel itself looks at the network card before it says that there is nothing,
    /// microseconds; 0 = it does not.
    pub busy_poll_us: u32,
    /// `SO_TIMESTAMPNS`: the kernel says when it had what is read.
    pub kernel_stamps: bool,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self { nodelay: true, quickack: false, busy_poll_us: 0, kernel_stamps: false }
    }
}

impl SocketOptions {
    /// Sets a socket; what the system refuses, and why.
    pub(super) fn set(&self, stream: &TcpStream) -> Option<String> {
        let refused = |name: &str, done: Result<(), nix::Error>| {
            done.err().map(|e| format!("{name} cannot be set: {}", e.desc()))
        };
        let nodelay = (!self.nodelay)
            .then(|| setsockopt(stream, sockopt::TcpNoDelay, &false))
            .and_then(|done| refused("TCP_NODELAY", done));
        let busy_poll = (self.busy_poll_us > 0)
            .then(|| setsockopt(stream, BusyPoll, &self.busy_poll_us))
            .and_then(|done| refused("SO_BUSY_POLL", done));
        let stamps = self
            .kernel_stamps
            .then(|| setsockopt(stream, sockopt::ReceiveTimestampns, &true))
            .and_then(|done| refused("SO_TIMESTAMPNS", done));
        let all: Vec<String> = [nodelay, busy_poll, stamps].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

#[derive(Clone, Copy, Debug)]
struct BusyPoll;
nix::setsockopt_impl!(BusyPoll, libc::SOL_SOCKET, libc::SO_BUSY_POLL, u32, sockopt::SetStruct<u32>);

/// Room for one stamp and what else a kernel may tell, where the system wants it to lie.
#[repr(align(8))]
struct Control([u8; 128]);

/// Reads a socket for a lane, and knows when what it read arrived.
pub(super) struct Arrivals {
    options: SocketOptions,
    /// Never shared: the lock is not taken, and makes it known that it need not be.
    clock: Mutex<WallClock>,
    stamps: Stamps,
    newest: Arrival,
    /// The last read took all that there was: the next one, in the same poll, need not ask.
    is_drained: bool,
    control: Control,
    board: Arc<Board>,
}

impl fmt::Debug for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrivals").field("newest", &self.newest).finish_non_exhaustive()
    }
}

impl Arrivals {
    /// Of a socket that was set like this.
    pub(super) fn new(options: SocketOptions, clock: WallClock, board: Arc<Board>) -> Self {
        let (stamps, newest, is_drained) = Default::default();
        Self {
            options,
            clock: Mutex::new(clock),
            stamps,
            newest,
            is_drained,
            control: Control([0; 128]),
            board,
        }
    }

    /// When what was read last arrived.
    pub(super) fn newest(&self) -> Arrival {
        self.newest
    }

    /// Reads what there is. After a read that found room to spare, the next one says that there is nothing without
    /// asking: a poll reads until there is nothing, and what came meanwhile is there at the next one.
    pub(super) fn read(&mut self, stream: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
        if std::mem::take(&mut self.is_drained) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let room = buf.len();
        let mut into = [IoSliceMut::new(buf)];
        let control = self.options.kernel_stamps.then_some(&mut self.control.0[..]);
        let flags = MsgFlags::empty();
        let told = recvmsg::<()>(stream.as_raw_fd(), &mut into, control, flags)?;
        let stamp = match self.options.kernel_stamps {
            true => told.cmsgs().ok().and_then(|mut all| all.find_map(|told| stamp_of(&told))),
            false => None,
        };
        let bytes = told.bytes;
        if bytes > 0 {
            self.is_drained = bytes < room;
            let clock = self.clock.get_mut().unwrap_or_else(PoisonError::into_inner);
            let (read, system) = clock.with_system();
            let kernel = stamp.and_then(|stamp| self.stamps.ours((read, system), stamp));
            self.newest = Arrival { kernel: kernel.unwrap_or_default(), read };
            match (stamp, kernel) {
                (None, _) if self.options.kernel_stamps => self.board.unstamped.add(1),
                (Some(_), None) => self.board.stamps_dropped.add(1),
                _ => {}
            }
            if self.options.quickack {
                // One that is refused is not worth a word with each read.
                let _ = rustix::net::sockopt::set_tcp_quickack(stream, true);
            }
        }
        Ok(bytes)
    }
}

fn stamp_of(told: &ControlMessageOwned) -> Option<Nanos> {
    match told {
        ControlMessageOwned::ScmTimestampns(at) => {
            Some(Nanos(at.tv_sec().saturating_mul(1_000_000_000).saturating_add(at.tv_nsec())))
        }
        _ => None,
    }
}

/// Two readings of the system clock and ours are no further apart than this, but for what both are slewed: more is
/// a clock that was set.
const STEP: Nanos = Nanos::millis(1);

/// Takes stamps of the system clock into our time.
#[derive(Clone, Copy, Debug, Default)]
struct Stamps {
    /// The system clock less ours at the last read, and our time then.
    apart: Option<(Nanos, Nanos)>,
    /// The system clock was set, and has been right since this time of its own.
    since: Nanos,
}

impl Stamps {
    /// A stamp in our time, when it is `now` by our clock and by the system's; [`None`] for one in the future, and for
    /// one from before the system clock was set.
    fn ours(&mut self, now: (Nanos, Nanos), stamp: Nanos) -> Option<Nanos> {
        let (ours, system) = now;
        let apart = system - ours;
        if let Some((before, at)) = self.apart.replace((apart, ours)) {
            let slewed = (ours - at).0 / 1_000_000 * 2 * MAX_SLEW_PPM;
            if (apart - before).0.abs() > STEP.0 + slewed {
                self.since = system;
            }
        }
        (stamp <= system && stamp >= self.since).then(|| ours - (system - stamp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Nanos = Nanos::secs(1_795_000_000);
    const APART: Nanos = Nanos(123_456_789);

    #[test]
    fn a_stamp_is_as_old_in_our_time_as_in_the_systems() {
        let mut stamps = Stamps::default();
        for i in 0..10_000 {
            let ours = OURS + Nanos::millis(10 * i);
            // Both slew, against each other.
            let system = ours + APART + Nanos(10_000 * i);
            let age = Nanos(7_000 + i);
            assert_eq!(stamps.ours((ours, system), system - age), Some(ours - age));
        }
    }

    #[test]
    fn a_stamp_from_the_future_or_from_before_a_step_is_dropped() {
        for step in [Nanos::secs(4), Nanos(0) - Nanos::secs(4), Nanos::millis(2)] {
            let mut stamps = Stamps::default();
            let at = |ms| (OURS + Nanos::millis(ms), OURS + Nanos::millis(ms) + APART);
            assert!(stamps.ours(at(0), at(0).1).is_some());
            assert_eq!(stamps.ours(at(1), at(1).1 + Nanos(1)), None, "the future");
            // It arrived before the step, and is read after it; so is another one at once.
            let (ours, system) = (at(5).0, at(5).1 + step);
            assert_eq!(stamps.ours((ours, system), at(4).1), None, "{step}");
            let later = (ours + Nanos(50_000), system + Nanos(50_000));
            assert_eq!(stamps.ours(later, at(4).1), None, "{step}");
            // What comes after it is known again.
            let fresh = (ours + Nanos::millis(1), system + Nanos::millis(1));
            assert_eq!(stamps.ours(fresh, fresh.1 - Nanos(9_000)), Some(fresh.0 - Nanos(9_000)));
        }
    }
}
