//! The exchange without sockets, in virtual time: [`Transport`]s and a [`Stage`] over one [`Host`].
//! For tests in which a bot and an exchange run together, the same way every time.
//!
//! Frames take the transport's latency each way and never overtake each other. What the host says
//! is polled for by the stage, at the host's deadlines and whenever something reaches it.
//!
//! All of it shares the host behind a lock; it is meant for one thread, where the lock is never
//! waited for.

use super::{ConnId, Host, HttpId, HttpReply, HttpRequest, Outgoing};
use botmm_pipeline::rt::Stage;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::{Received, Transport};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where all clients come from.
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Frames that may wait for a client which does not receive; more, and it is closed.
const MAX_WAITING: usize = 65_536;
/// Frames of one client that may be on their way to the host; more are refused.
const MAX_ON_THE_WAY: usize = 4096;

/// A host that is reached without sockets. Clones share it.
pub struct Memory<H>(Arc<Mutex<World<H>>>);

/// One client's connection to a [`Memory`]; it can be opened again and again.
pub struct MemoryTransport<H: Host> {
    world: Memory<H>,
    latency: Nanos,
    /// The latest of its connections, and whether it is open as far as the client knows.
    conn: Option<ConnId>,
    is_open: bool,
    /// The frame handed out last.
    frame: Vec<u8>,
    /// The last time anybody told it.
    now: Nanos,
}

/// Lets the host hear and speak; the `venue` of a drive in virtual time.
pub struct MemoryStage<H>(Memory<H>);

struct World<H> {
    host: H,
    lines: BTreeMap<ConnId, Conn>,
    next_id: u64,
    /// On its way to the host; the number keeps what arrives at once in order.
    to_host: BTreeMap<(Nanos, u64), ToHost>,
    sent: u64,
    replies: BTreeMap<HttpId, HttpReply>,
    outgoing: Vec<Outgoing>,
}

/// A connection as its client sees it.
struct Conn {
    latency: Nanos,
    to_client: VecDeque<(Nanos, ToClient)>,
    on_the_way: usize,
    /// The host has taken it, and not yet been told of its end.
    announced: bool,
}

enum ToHost {
    Open(ConnId),
    Frame(ConnId, Vec<u8>),
    Close(ConnId),
    Http { id: HttpId, path: String, body: Vec<u8> },
}

enum ToClient {
    Opened,
    Frame(Vec<u8>),
    Closed,
}

impl<H> Clone for Memory<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H: Host> Memory<H> {
    /// Around a host.
    pub fn new(host: H) -> Self {
        Self(Arc::new(Mutex::new(World {
            host,
            lines: BTreeMap::new(),
            next_id: 1,
            to_host: BTreeMap::new(),
            sent: 0,
            replies: BTreeMap::new(),
            outgoing: Vec::new(),
        })))
    }

    /// A client's transport, not yet connected; frames take `latency` each way.
    pub fn transport(&self, latency: Nanos) -> MemoryTransport<H> {
        let (conn, is_open, frame, now) = (None, false, Vec::new(), Nanos::ZERO);
        MemoryTransport { world: self.clone(), latency, conn, is_open, frame, now }
    }

    /// What moves the host; poll it after the clients.
    pub fn stage(&self) -> MemoryStage<H> {
        MemoryStage(self.clone())
    }

    /// A look at the host, or a word with it.
    pub fn with<R>(&self, look: impl FnOnce(&mut H) -> R) -> R {
        look(&mut self.world().host)
    }

    /// Posts JSON; it reaches the host at once. [`Memory::reply`] has the answer.
    pub fn post(&self, now: Nanos, path: &str, body: &[u8]) -> HttpId {
        let mut world = self.world();
        let id = HttpId(world.fresh_id());
        world.send(now, ToHost::Http { id, path: path.to_owned(), body: body.to_vec() });
        id
    }

    /// Takes the answer to a post, once it has come.
    pub fn reply(&self, id: HttpId) -> Option<HttpReply> {
        self.world().replies.remove(&id)
    }

    fn world(&self) -> MutexGuard<'_, World<H>> {
        // A test that panicked elsewhere has its own message.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H> World<H> {
    fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    fn send(&mut self, arrives: Nanos, what: ToHost) {
        self.to_host.insert((arrives, self.sent), what);
        self.sent += 1;
    }
}

impl<H: Host> World<H> {
    /// Lets the host hear what has arrived, and speak. How many things happened.
    fn advance(&mut self, now: Nanos) -> usize {
        let mut happened = 0;
        while let Some(first) = self.to_host.first_entry().filter(|e| e.key().0 <= now) {
            let arrived = first.remove();
            self.hear(now, arrived);
            happened += 1;
        }
        let mut outgoing = std::mem::take(&mut self.outgoing);
        self.host.poll(now, &mut outgoing);
        happened += outgoing.len();
        for said in outgoing.drain(..) {
            match said {
                Outgoing::Reply(id, reply) => drop(self.replies.insert(id, reply)),
                Outgoing::Frame(conn, text) => self.tell(now, conn, ToClient::Frame(text)),
                Outgoing::Close(conn) => self.tell(now, conn, ToClient::Closed),
            }
        }
        self.outgoing = outgoing;
        happened
    }

    fn hear(&mut self, now: Nanos, arrived: ToHost) {
        match arrived {
            ToHost::Open(conn) => {
                let taken = self.host.open(now, PEER, conn).is_ok();
                let Some(line) = self.lines.get_mut(&conn) else { return };
                line.announced = taken;
                let said = if taken { ToClient::Opened } else { ToClient::Closed };
                line.to_client.push_back((now + line.latency, said));
            }
            ToHost::Frame(conn, text) => {
                let Some(line) = self.lines.get_mut(&conn) else { return };
                line.on_the_way -= 1;
                if line.announced {
                    self.host.frame(now, conn, &text);
                }
            }
            ToHost::Close(conn) => {
                if self.lines.remove(&conn).is_some_and(|line| line.announced) {
                    self.host.close(now, conn);
                }
            }
            ToHost::Http { id, path, body } => {
                let content_type = Some("application/json");
                let request =
                    HttpRequest { method: "POST", path: &path, content_type, body: &body };
                self.host.http(now, PEER, id, &request);
            }
        }
    }

    fn tell(&mut self, now: Nanos, conn: ConnId, what: ToClient) {
        let Some(line) = self.lines.get_mut(&conn).filter(|line| line.announced) else { return };
        let what = if line.to_client.len() < MAX_WAITING { what } else { ToClient::Closed };
        if matches!(what, ToClient::Closed) {
            line.announced = false;
            self.host.close(now, conn);
        }
        line.to_client.push_back((now + line.latency, what));
    }
}

impl<H: Host> MemoryTransport<H> {
    /// Ends the present connection; the host hears of it when that has arrived.
    fn hang_up(&mut self) {
        self.is_open = false;
        let Some(conn) = self.conn.take() else { return };
        let mut world = self.world.world();
        if let Some(line) = world.lines.get_mut(&conn) {
            line.to_client.clear();
        }
        let arrives = self.now + self.latency;
        world.send(arrives, ToHost::Close(conn));
    }
}

impl<H: Host> Transport for MemoryTransport<H> {
    fn connect(&mut self, now: Nanos) {
        self.now = now;
        self.hang_up();
        let (latency, to_client) = (self.latency, VecDeque::new());
        let mut world = self.world.world();
        let conn = ConnId(world.fresh_id());
        let line = Conn { latency, to_client, on_the_way: 0, announced: false };
        world.lines.insert(conn, line);
        world.send(now + latency, ToHost::Open(conn));
        self.conn = Some(conn);
    }

    fn recv(&mut self, now: Nanos) -> Option<Received<'_>> {
        self.now = now;
        let conn = self.conn?;
        let came = {
            let mut world = self.world.world();
            let queue = &mut world.lines.get_mut(&conn)?.to_client;
            queue.front().filter(|(arrives, _)| *arrives <= now)?;
            queue.pop_front()?.1
        };
        match came {
            ToClient::Opened => {
                self.is_open = true;
                Some(Received::Opened)
            }
            ToClient::Frame(text) => {
                self.frame = text;
                Some(Received::Frame(&mut self.frame))
            }
            ToClient::Closed => {
                self.hang_up();
                Some(Received::Closed)
            }
        }
    }

    fn send(&mut self, now: Nanos, frame: &[u8]) -> bool {
        self.now = now;
        let Some(conn) = self.conn.filter(|_| self.is_open) else { return false };
        let mut world = self.world.world();
        let Some(line) = world.lines.get_mut(&conn) else { return false };
        if line.on_the_way >= MAX_ON_THE_WAY {
            return false;
        }
        line.on_the_way += 1;
        world.send(now + self.latency, ToHost::Frame(conn, frame.to_vec()));
        true
    }

    fn next_deadline(&self) -> Option<Nanos> {
        let world = self.world.world();
        world.lines.get(&self.conn?)?.to_client.front().map(|(arrives, _)| *arrives)
    }
}

impl<H: Host> Drop for MemoryTransport<H> {
    fn drop(&mut self) {
        self.hang_up();
    }
}

impl<H: Host> Stage for MemoryStage<H> {
    fn name(&self) -> &'static str {
        "venue"
    }

    fn poll(&mut self, now: Nanos) -> usize {
        self.0.world().advance(now)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        let world = self.0.world();
        let arrives = world.to_host.first_key_value().map(|((arrives, _), _)| *arrives);
        arrives.into_iter().chain(world.host.next_deadline()).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use botmm_pipeline::rt::virtual_time::{Drive, run_inline};
    use botmm_pipeline::rt::{Lane, WallClock};
    use std::collections::BTreeSet;

    /// Says back each frame 70 ms later; closes at `bye`; takes so many connections.
    struct Venue {
        open: BTreeSet<ConnId>,
        room: usize,
        log: Vec<(i64, String)>,
        later: VecDeque<(Nanos, Outgoing)>,
    }

    impl Venue {
        fn with_room(room: usize) -> Memory<Self> {
            let (open, log, later) = (BTreeSet::new(), Vec::new(), VecDeque::new());
            Memory::new(Self { open, room, log, later })
        }
        fn log(&mut self, now: Nanos, what: String) {
            self.log.push((now.as_millis(), what));
        }
    }

    impl Host for Venue {
        fn http(&mut self, now: Nanos, _: IpAddr, id: HttpId, request: &HttpRequest<'_>) {
            let body = [request.path.as_bytes(), request.body].concat();
            let reply = HttpReply { status: 200, content_type: "text/plain", body };
            self.later.push_back((now + Nanos::millis(70), Outgoing::Reply(id, reply)));
        }
        fn open(&mut self, now: Nanos, _: IpAddr, conn: ConnId) -> Result<(), HttpReply> {
            if self.open.len() >= self.room {
                return Err(HttpReply { status: 429, content_type: "text/plain", body: vec![] });
            }
            self.log(now, format!("open {}", conn.0));
            assert!(self.open.insert(conn));
            Ok(())
        }
        fn frame(&mut self, now: Nanos, conn: ConnId, text: &[u8]) {
            assert!(self.open.contains(&conn));
            let said = match text {
                b"bye" => Outgoing::Close(conn),
                _ => Outgoing::Frame(conn, text.to_vec()),
            };
            self.later.push_back((now + Nanos::millis(70), said));
        }
        fn close(&mut self, now: Nanos, conn: ConnId) {
            self.log(now, format!("close {}", conn.0));
            assert!(self.open.remove(&conn), "told twice");
        }
        fn poll(&mut self, now: Nanos, out: &mut Vec<Outgoing>) {
            let due = self.later.iter().take_while(|(at, _)| *at <= now).count();
            out.extend(self.later.drain(..due).map(|(_, said)| said));
        }
        fn next_deadline(&self) -> Option<Nanos> {
            self.later.front().map(|(at, _)| *at)
        }
    }

    /// Connects, says its words one after the other when the last came back, and connects again
    /// whenever it is closed.
    struct Client {
        transport: MemoryTransport<Venue>,
        words: VecDeque<&'static str>,
        started: bool,
        log: Arc<Mutex<Vec<(i64, String)>>>,
    }

    impl Stage for Client {
        fn name(&self) -> &'static str {
            "client"
        }
        fn poll(&mut self, now: Nanos) -> usize {
            if !std::mem::replace(&mut self.started, true) {
                assert!(!self.transport.send(now, b"too early"));
                self.transport.connect(now);
                return 1;
            }
            let Some(received) = self.transport.recv(now) else { return 0 };
            let text = match received {
                Received::Opened => "opened".to_owned(),
                Received::Frame(text) => String::from_utf8_lossy(text).into_owned(),
                Received::Closed => "closed".to_owned(),
            };
            if text == "closed" {
                assert!(!self.transport.send(now, b"too late"));
                if !self.words.is_empty() {
                    self.transport.connect(now);
                }
            } else if let Some(word) = self.words.pop_front() {
                assert!(self.transport.send(now, word.as_bytes()));
            }
            self.log.lock().unwrap().push((now.as_millis(), text));
            1
        }
        fn next_deadline(&self) -> Option<Nanos> {
            self.transport.next_deadline()
        }
    }

    type Log = Vec<(i64, String)>;

    /// What the client saw, and what the venue saw.
    fn talk(memory: &Memory<Venue>, latency_ms: i64, words: &[&'static str]) -> (Log, Log) {
        let log = Arc::new(Mutex::new(Vec::new()));
        let transport = memory.transport(Nanos::millis(latency_ms));
        let words = words.iter().copied().collect();
        let client = Client { transport, words, started: false, log: log.clone() };
        let (lanes, _) = Lane::inline(vec![Box::new(client)], &WallClock::default());
        let (start, end) = (Nanos::ZERO, Nanos::secs(10));
        let venue = Box::new(memory.stage());
        run_inline(lanes, Drive { start, end, venue, after_moment: &mut |_| true });
        let seen = std::mem::take(&mut *log.lock().unwrap());
        (seen, memory.with(|venue| std::mem::take(&mut venue.log)))
    }

    fn log<const N: usize>(lines: [(i64, &str); N]) -> Log {
        lines.map(|(ms, text)| (ms, text.to_owned())).to_vec()
    }

    #[test]
    fn a_bot_and_an_exchange_talk_in_virtual_time() {
        for _ in 0..2 {
            let memory = Venue::with_room(1);
            let (client, venue) = talk(&memory, 10, &["a", "b", "bye", "c"]);
            let seen = [
                (20, "opened"),
                (110, "a"),
                (200, "b"),
                (290, "closed"),
                (310, "opened"),
                (400, "c"),
            ];
            assert_eq!(client, log(seen));
            assert_eq!(venue, log([(10, "open 1"), (280, "close 1"), (300, "open 2")]));
        }
        let (client, _) = talk(&Venue::with_room(1), 0, &["a"]);
        assert_eq!(client, log([(0, "opened"), (70, "a")]));
    }

    #[test]
    fn a_refused_connection_is_closed_and_a_dropped_one_is_told() {
        let memory = Venue::with_room(0);
        assert_eq!(talk(&memory, 10, &[]).0, log([(20, "closed")]));

        let memory = Venue::with_room(2);
        let (mut one, mut two) = (memory.transport(Nanos(5)), memory.transport(Nanos(5)));
        let mut stage = memory.stage();
        one.connect(Nanos(0));
        two.connect(Nanos(0));
        stage.poll(Nanos(5));
        assert_eq!(memory.with(|v| v.open.len()), 2);
        one.connect(Nanos(6)); // its first connection was open at the venue, and never known here
        drop(two);
        assert!(stage.next_deadline().is_some());
        stage.poll(Nanos(11));
        assert_eq!(memory.with(|v| v.open.clone()), BTreeSet::from([ConnId(3)]));
        assert_eq!(one.recv(Nanos(15)), None);
        assert_eq!(one.recv(Nanos(16)), Some(Received::Opened));
        assert_eq!(one.recv(Nanos(16)), None);
    }

    #[test]
    fn a_client_that_sends_without_end_or_never_receives_is_held_back() {
        let memory = Venue::with_room(1);
        let mut client = memory.transport(Nanos::ZERO);
        let mut stage = memory.stage();
        client.connect(Nanos(0));
        stage.poll(Nanos(0));
        assert_eq!(client.recv(Nanos(0)), Some(Received::Opened));
        let sent = (0..MAX_ON_THE_WAY + 10).filter(|_| client.send(Nanos(0), b"x")).count();
        assert_eq!(sent, MAX_ON_THE_WAY);
        for ms in 1..100 {
            let now = Nanos::millis(70 * ms);
            stage.poll(now);
            assert!((0..MAX_ON_THE_WAY).all(|_| client.send(now, b"x")));
        }
        assert!(memory.with(|v| v.open.is_empty()), "it was closed");
        let now = Nanos::secs(60);
        let waiting = std::iter::from_fn(|| client.recv(now).map(|r| r == Received::Closed));
        let waiting: Vec<bool> = waiting.collect();
        assert_eq!((waiting.len(), waiting.last()), (MAX_WAITING + 1, Some(&true)));
    }

    #[test]
    fn posts_are_answered() {
        let memory = Venue::with_room(1);
        let id = memory.post(Nanos(3), "/info", b"{}");
        let mut stage = memory.stage();
        assert!(stage.poll(Nanos(3)) > 0);
        assert_eq!(memory.reply(id), None);
        stage.poll(Nanos(3) + Nanos::millis(70));
        assert_eq!(memory.reply(id).unwrap().body, b"/info{}");
        assert_eq!(memory.reply(id), None);
    }
}
