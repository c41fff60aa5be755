//! The network between a bot and its exchange, with a switch.

use crate::exit::AppError;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_millis(10);
/// What the network does.
const CARRIES: u8 = 0;
const IS_CUT: u8 = 1;
const IS_SILENT: u8 = 2;
const IS_GONE: u8 = 3;

/// See the module. Dropped, it is gone.
pub struct Relay {
    port: u16,
    does: Arc<AtomicU8>,
}

impl Relay {
    /// Before an exchange on this machine.
    ///
    /// # Errors
    /// The system has no port or thread.
    pub fn before(venue: u16) -> Result<Self, AppError> {
        let failed = AppError::io("the drill's network", "open");
        let opened = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| {
            listener.set_nonblocking(true)?;
            let port = listener.local_addr()?.port();
            let does = Arc::new(AtomicU8::new(CARRIES));
            let relay = Self { port, does: does.clone() };
            thread::Builder::new().spawn(move || accept(&listener, venue, &does))?;
            Ok(relay)
        });
        opened.map_err(failed)
    }

    /// Where the bot finds it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Closes every connection, and lets none be opened.
    pub fn cut(&self) {
        self.does.store(IS_CUT, Ordering::Relaxed);
    }

    /// Carries nothing any more; connections stay open, and new ones are taken.
    pub fn go_silent(&self) {
        self.does.store(IS_SILENT, Ordering::Relaxed);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.does.store(IS_GONE, Ordering::Relaxed);
    }
}

fn accept(listener: &TcpListener, venue: u16, does: &Arc<AtomicU8>) {
    let mut silent = Vec::new();
    while does.load(Ordering::Relaxed) != IS_GONE {
        let Ok((bot, _)) = listener.accept() else {
            thread::sleep(LOOK_EVERY);
            continue;
        };
        match does.load(Ordering::Relaxed) {
            CARRIES => drop(carry(bot, venue, does)),
            IS_SILENT => silent.push(bot),
            _ => {}
        }
    }
}

/// A thread a direction.
fn carry(bot: TcpStream, venue: u16, does: &Arc<AtomicU8>) -> std::io::Result<()> {
    bot.set_nonblocking(false)?;
    let venue = TcpStream::connect((Ipv4Addr::LOCALHOST, venue))?;
    for stream in [&bot, &venue] {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK_EVERY))?;
    }
    for (from, to) in [(bot.try_clone()?, venue.try_clone()?), (venue, bot)] {
        let does = does.clone();
        thread::Builder::new().spawn(move || pump(from, to, &does))?;
    }
    Ok(())
}

fn pump(mut from: TcpStream, mut to: TcpStream, does: &AtomicU8) {
    let mut bytes = vec![0; 64 << 10];
    loop {
        match does.load(Ordering::Relaxed) {
            CARRIES => {}
            // What is not read fills the buffers between, as when nothing is acknowledged.
            IS_SILENT => {
                thread::sleep(LOOK_EVERY);
                continue;
            }
            _ => break,
        }
        match from.read(&mut bytes) {
            Ok(0) => break,
            // What came while it fell silent is lost on the way.
            Ok(_) if does.load(Ordering::Relaxed) != CARRIES => {}
            Ok(n) if to.write_all(&bytes[..n]).is_ok() => {}
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Ok(_) | Err(_) => break,
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
