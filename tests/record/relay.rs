//! A wire that is cut by hand.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// See the module. Its threads end with their connections.
pub struct Relay {
    pub addr: SocketAddr,
    /// WebSockets, oldest first.
    sockets: Arc<Mutex<Vec<[TcpStream; 2]>>>,
}

impl Relay {
    /// In front of a venue.
    pub fn before(venue: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let sockets: Arc<Mutex<Vec<[TcpStream; 2]>>> = Arc::default();
        let of_all = sockets.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(venue) else { continue };
                let ends = || [client.try_clone().unwrap(), server.try_clone().unwrap()];
                let ([a, b], [c, d], sockets) = (ends(), ends(), of_all.clone());
                let pair = ends();
                std::thread::spawn(move || {
                    pump(a, b, |first| {
                        if first.starts_with(b"GET ") {
                            sockets.lock().unwrap().push(pair);
                        }
                    });
                });
                std::thread::spawn(move || pump(d, c, |_| {}));
            }
        });
        Self { addr, sockets }
    }

    /// Hangs up on the oldest `n` WebSockets, with all that is on its way.
    pub fn cut(&self, n: usize) {
        let mut sockets = self.sockets.lock().unwrap();
        let n = n.min(sockets.len());
        for end in sockets.drain(..n).flatten() {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, first: impl FnOnce(&[u8])) {
    let (mut block, mut first) = ([0; 16 << 10], Some(first));
    while let Ok(n @ 1..) = from.read(&mut block) {
        if let Some(first) = first.take() {
            first(&block[..n]);
        }
        if to.write_all(&block[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
