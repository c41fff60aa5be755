//! Stands for systemd: hears signs of life on a socket of its own, ends a bot that gives none for too long,
//! and then cleans up after it, as deploy/botmm.service has it.

use super::process::Process;
use crate::exit::AppError;
use botmm_pipeline::types::Nanos;
use rustix::process::Signal;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// `TimeoutStopSec`: one that does not end by SIGABRT is killed after this.
const KILLED_AFTER: Nanos = Nanos::secs(60);

/// See the module.
pub struct Manager {
    socket: UnixDatagram,
    name: String,
    watchdog: Duration,
    phase: Phase,
    /// When it found the bot dead, or took it to be.
    pub acted_at: Option<Nanos>,
    /// `ExecStopPost`, once it was started.
    pub stop_post: Option<Process>,
}

enum Phase {
    /// It has not said that it is ready.
    Starts,
    /// It has given a sign of life then.
    Runs(Nanos),
    /// It was told to end then.
    Aborted(Nanos),
    /// It is over: `ExecStopPost` runs, or did.
    IsOver,
}

impl Manager {
    /// With this name among all sockets, and this `WatchdogSec`.
    ///
    /// # Errors
    /// The system has no socket.
    pub fn new(name: String, watchdog: Duration) -> Result<Self, AppError> {
        let failed = AppError::io(&name, "listen at");
        let socket = SocketAddr::from_abstract_name(&name).and_then(|place| {
            let socket = UnixDatagram::bind_addr(&place)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        let socket = socket.map_err(failed)?;
        Ok(Self { socket, name, watchdog, phase: Phase::Starts, acted_at: None, stop_post: None })
    }

    /// What a unit's process finds in its environment.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        let us = self.watchdog.as_micros();
        [("NOTIFY_SOCKET", format!("@{}", self.name)), ("WATCHDOG_USEC", us.to_string())]
    }

    /// Does what is due.
    ///
    /// # Errors
    /// A process cannot be signalled, or started.
    pub fn turn(
        &mut self,
        now: Nanos,
        bot: &mut Process,
        stop_post: impl Fn() -> Result<Process, AppError>,
    ) -> Result<(), AppError> {
        let mut said = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut said) {
            let text = String::from_utf8_lossy(&said[..length]).into_owned();
            let has = |word: &str| text.lines().any(|line| line == word);
            match self.phase {
                Phase::Starts if has("READY=1") => self.phase = Phase::Runs(now),
                Phase::Runs(_) if has("WATCHDOG=1") => self.phase = Phase::Runs(now),
                _ => {}
            }
        }
        match self.phase {
            Phase::IsOver => {}
            _ if bot.has_ended() => {
                self.acted_at.get_or_insert(now);
                self.phase = Phase::IsOver;
                self.stop_post = Some(stop_post()?);
            }
            Phase::Runs(alive) if (now - alive).0 > self.watchdog.as_nanos() as i64 => {
                self.acted_at = Some(now);
                bot.signal(Signal::ABORT)?;
                // It does so itself: else one that is stopped would not hear of it.
                bot.signal(Signal::CONT)?;
                self.phase = Phase::Aborted(now);
            }
            Phase::Aborted(at) if now - at > KILLED_AFTER => bot.signal(Signal::KILL)?,
            Phase::Starts | Phase::Runs(_) | Phase::Aborted(_) => {}
        }
        Ok(())
    }
}
