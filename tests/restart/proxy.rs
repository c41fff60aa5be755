//! A wire that goes half dead: WebSockets through it stall in one direction or both, with all that is in
//! them, while requests over HTTP pass.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often a stalled direction looks whether it goes on.
const TURN: Duration = Duration::from_millis(5);

/// Stalled directions: towards the venue, towards the bot.
type Stalled = Arc<[AtomicBool; 2]>;

/// See the module. Its threads end with the process.
pub struct Proxy {
    addr: SocketAddr,
    stalled: Stalled,
}

impl Proxy {
    /// In front of a venue.
    pub fn before(venue: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (addr, stalled) = (listener.local_addr().unwrap(), Stalled::default());
        let of_all = stalled.clone();
        std::thread::spawn(move || {
            for bot in listener.incoming().flatten() {
                let Ok(venue) = TcpStream::connect(venue) else { continue };
                let (is_socket, stalled) = (Arc::new(AtomicBool::new(false)), of_all.clone());
                let ends = [bot.try_clone().unwrap(), venue.try_clone().unwrap()];
                let up = Pump { of: 0, is_socket: is_socket.clone(), stalled: stalled.clone() };
                let down = Pump { of: 1, is_socket, stalled };
                std::thread::spawn(move || up.run(bot, venue));
                let [bot, venue] = ends;
                std::thread::spawn(move || down.run(venue, bot));
            }
        });
        Self { addr, stalled }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stalls WebSockets towards the venue, and towards the bot; what was held back then goes on.
    pub fn stall(&self, [up, down]: [bool; 2]) {
        self.stalled[0].store(up, Ordering::Relaxed);
        self.stalled[1].store(down, Ordering::Relaxed);
    }
}

/// One direction of one connection.
struct Pump {
    of: usize,
    is_socket: Arc<AtomicBool>,
    stalled: Stalled,
}

impl Pump {
    fn run(self, mut from: TcpStream, mut to: TcpStream) {
        let mut block = [0; 16 << 10];
        loop {
            let n = match from.read(&mut block) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            if self.of == 0 && block.starts_with(b"GET ") {
                self.is_socket.store(true, Ordering::Relaxed);
            }
            while self.is_stalled() {
                std::thread::sleep(TURN);
            }
            if to.write_all(&block[..n]).is_err() {
                break;
            }
        }
        // A half-open connection does not tell its end either.
        while self.is_stalled() {
            std::thread::sleep(TURN);
        }
        let _ = to.shutdown(Shutdown::Write);
    }

    fn is_stalled(&self) -> bool {
        self.is_socket.load(Ordering::Relaxed) && self.stalled[self.of].load(Ordering::Relaxed)
    }
}
