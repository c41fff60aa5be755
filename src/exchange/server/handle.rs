//! A server on a thread of its own.

use super::{Host, Server, ServerError, ServerStats, system};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

impl<H: Host + 'static> Server<H> {
    /// Serves on a thread of its own.
    pub fn spawn(mut self) -> Result<ServerHandle<H>, ServerError> {
        let (addr, admin_addr, stats) = (self.local_addr(), self.admin_addr(), self.stats());
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let thread = std::thread::Builder::new().name("exchange".into());
        let thread = thread.spawn(move || {
            let served = self.run(&seen);
            (self.core.host, served)
        });
        let thread = Some(thread.map_err(system("start a thread"))?);
        Ok(ServerHandle { addr, admin_addr, stats, stop, thread })
    }
}

/// A server on its thread. Dropping it tells the thread to stop.
pub struct ServerHandle<H> {
    addr: SocketAddr,
    admin_addr: Option<SocketAddr>,
    stats: Arc<ServerStats>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<(H, Result<(), ServerError>)>>,
}

impl<H> ServerHandle<H> {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where its second port is.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_addr
    }

    /// What it has done so far.
    pub fn stats(&self) -> &ServerStats {
        &self.stats
    }

    /// Whether its thread has ended by itself: [`ServerHandle::stop`] says why.
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Stops it and gives the host back.
    ///
    /// # Errors
    /// The server had ended by itself.
    ///
    /// # Panics
    /// When the host panicked: its defect goes on here.
    pub fn stop(mut self) -> Result<H, ServerError> {
        self.stop.store(true, Ordering::Release);
        let thread = self.thread.take();
        match thread.map(JoinHandle::join) {
            Some(Ok((host, Ok(())))) => Ok(host),
            Some(Ok((_, Err(e)))) => Err(e),
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => unreachable!("only stop takes the thread, and it takes the handle too"),
        }
    }
}

impl<H> Drop for ServerHandle<H> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}
