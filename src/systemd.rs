//! What the service manager is told (sd_notify(3)): datagrams to the socket that systemd names in
//! `NOTIFY_SOCKET`, and how often it wants a sign of life (`WATCHDOG_USEC`).

use crate::exit::AppError;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The variables that systemd sets.
const SOCKET: &str = "NOTIFY_SOCKET";
const WATCHDOG: &str = "WATCHDOG_USEC";
const WATCHDOG_PID: &str = "WATCHDOG_PID";

/// A way to tell it. Nothing of it blocks.
#[derive(Debug)]
pub struct Systemd {
    socket: UnixDatagram,
    to: SocketAddr,
    watchdog: Option<Duration>,
}

impl Systemd {
    /// Of this process; see [`Systemd::of`].
    ///
    /// # Errors
    /// As there.
    pub fn of_this_process() -> Result<Option<Self>, AppError> {
        Self::of(&|name| std::env::var(name).ok(), std::process::id())
    }

    /// By the environment; [`None`] = nobody wants to be told. `env` reads a variable, `pid` is this process.
    ///
    /// # Errors
    /// The variable names no socket, or the system gives none: a unit that waits to be told would wait in vain.
    pub fn of(env: &dyn Fn(&str) -> Option<String>, pid: u32) -> Result<Option<Self>, AppError> {
        let Some(place) = env(SOCKET).filter(|place| !place.is_empty()) else { return Ok(None) };
        let error = |e| AppError::io(format!("{SOCKET}={place}"), "open")(e);
        let to = match place.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(&place),
        };
        let socket = UnixDatagram::unbound().map_err(error)?;
        socket.set_nonblocking(true).map_err(error)?;
        // The watchdog may be meant for another process than this one.
        let is_meant = env(WATCHDOG_PID).is_none_or(|meant| meant == pid.to_string());
        let us = env(WATCHDOG).and_then(|us| us.parse().ok()).filter(|us| is_meant && *us > 0);
        Ok(Some(Self { socket, to: to.map_err(error)?, watchdog: us.map(Duration::from_micros) }))
    }

    /// After how long without a `WATCHDOG=1` this process is ended; [`None`] = it is not watched.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Says lines like `READY=1`.
    ///
    /// # Errors
    /// Nobody takes it.
    pub fn tell(&self, lines: &str) -> io::Result<()> {
        self.socket.send_to_addr(lines.as_bytes(), &self.to).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_go_to_the_socket_that_is_named_by_path_or_abstractly() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let abstract_name = format!("botmm-test-{}", std::process::id());
        let abstract_place = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let sockets = [
            (path.display().to_string(), UnixDatagram::bind(&path).unwrap()),
            (format!("@{abstract_name}"), UnixDatagram::bind_addr(&abstract_place).unwrap()),
        ];
        for (place, socket) in sockets {
            let env = |name: &str| match name {
                SOCKET => Some(place.clone()),
                WATCHDOG => Some("20000000".to_owned()),
                WATCHDOG_PID => Some("7".to_owned()),
                _ => None,
            };
            let it = Systemd::of(&env, 7).unwrap().unwrap();
            assert_eq!(it.watchdog(), Some(Duration::from_secs(20)));
            assert_eq!(Systemd::of(&env, 8).unwrap().unwrap().watchdog(), None, "another process");
            it.tell("READY=1\nSTATUS=well").unwrap();
            let mut said = [0; 64];
            let length = socket.recv(&mut said).unwrap();
            assert_eq!(&said[..length], b"READY=1\nSTATUS=well");
        }
    }

    #[test]
    fn without_a_service_manager_there_is_nobody_to_tell() {
        assert!(Systemd::of(&|_| None, 1).unwrap().is_none());
        let gone = Systemd::of(&|name| (name == SOCKET).then(|| "/nowhere/notify".to_owned()), 1);
        assert!(gone.unwrap().unwrap().tell("READY=1").is_err());
        let long = "x".repeat(200);
        let error = Systemd::of(&|name| (name == SOCKET).then(|| long.clone()), 1).unwrap_err();
        assert!(error.to_string().contains("NOTIFY_SOCKET="), "{error}");
    }
}
