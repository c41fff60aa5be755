//! A host that says back what it hears, and clients for it.
#![allow(dead_code, clippy::unwrap_used, reason = "tests; not each uses all of it")]

use botmm::exchange::faults::FaultTarget;
use botmm::exchange::{ConnId, Host, HttpId, HttpReply, HttpRequest, Outgoing};
use botmm_pipeline::types::Nanos;
use std::collections::BTreeSet;
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tungstenite::WebSocket;

/// Far beyond anything that does not hang.
pub const HANG: Duration = Duration::from_secs(30);

/// Says back what it hears. A body `late…` is answered later, `never` not at all, `16 MiB` at
/// length; a frame `please close` ends its connection.
#[derive(Default)]
pub struct Echo {
    pub opened: u64,
    pub closed: u64,
    pub polls: u64,
    pub refuse_open: bool,
    pub open: BTreeSet<ConnId>,
    pub out: Vec<Outgoing>,
    pub late: Vec<(Nanos, Outgoing)>,
}

impl FaultTarget for Echo {}

impl Host for Echo {
    fn http(&mut self, now: Nanos, peer: IpAddr, id: HttpId, request: &HttpRequest<'_>) {
        assert!(peer.is_loopback());
        let said = String::from_utf8_lossy(request.body);
        let body = match &*said {
            "never" => return,
            "16 MiB" => vec![b'x'; 16 << 20],
            _ => format!("{} {} {said}", request.method, request.path).into_bytes(),
        };
        let reply =
            Outgoing::Reply(id, HttpReply { status: 200, content_type: "text/plain", body });
        match said.starts_with("late") {
            true => self.late.push((now + Nanos::millis(2), reply)),
            false => self.out.push(reply),
        }
    }
    fn open(&mut self, _: Nanos, _: IpAddr, conn: ConnId) -> Result<(), HttpReply> {
        if self.refuse_open {
            let body = b"no more connections".to_vec();
            return Err(HttpReply { status: 429, content_type: "text/plain", body });
        }
        self.opened += 1;
        assert!(self.open.insert(conn), "a number is used twice");
        Ok(())
    }
    fn frame(&mut self, _: Nanos, conn: ConnId, text: &[u8]) {
        assert!(self.open.contains(&conn), "a frame of nobody");
        self.out.push(match text {
            b"please close" => Outgoing::Close(conn),
            _ => Outgoing::Frame(conn, text.to_vec()),
        });
    }
    fn close(&mut self, _: Nanos, conn: ConnId) {
        self.closed += 1;
        assert!(self.open.remove(&conn), "an end is told twice, or of nobody");
    }
    fn poll(&mut self, now: Nanos, out: &mut Vec<Outgoing>) {
        self.polls += 1;
        out.append(&mut self.out);
        let due = self.late.iter().take_while(|(at, _)| *at <= now).count();
        out.extend(self.late.drain(..due).map(|(_, reply)| reply));
    }
    fn next_deadline(&self) -> Option<Nanos> {
        self.late.first().map(|(at, _)| *at)
    }
}

/// A client's socket that cannot hang a test.
pub fn client(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(HANG)).unwrap();
    stream.set_write_timeout(Some(HANG)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A client's WebSocket, by an implementation that is not ours.
pub fn ws(addr: SocketAddr) -> WebSocket<TcpStream> {
    tungstenite::client(format!("ws://{addr}/ws"), client(addr)).unwrap().0
}

/// The body of the next answer, by its length.
pub fn read_reply(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.split("Content-Length: ").nth(1).unwrap().split('\r').next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

/// All that comes until the server closes.
pub fn read_to_end(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        Err(e) if e.kind() == ErrorKind::WouldBlock => panic!("the server does not close"),
        _ => String::from_utf8(all).unwrap(),
    }
}

/// Waits for something that must come.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < HANG, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
