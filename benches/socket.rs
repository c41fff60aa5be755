//! What the socket costs a lane: blocks of frames over loopback, one in 10 ms, as a quiet market sends them.
//!
//! `cargo bench --bench socket`. A thread writes the frames of three coins, each on its own; the lane spins and reads
//! what comes through `WsTransport`. Every setting of `[wire]` has a connection of its own, and they take turns.
//! "to the lane" counts from before the first write of a block to the read that brought its first frame; "from the
//! kernel" from the kernel's stamp to it; "taking" is all polls of the lane that brought something, and the one after;
//! "nothing" is a poll that brings nothing. What options do depends on the network card and its driver: loopback has
//! neither, so that `SO_BUSY_POLL` can only cost here.

mod harness;

use botmm::net::{Endpoint, SocketOptions, Timeouts, Tls, WsTransport};
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::{Received, Transport};
use harness::{Samples, Stopwatch, made};
use std::hint::black_box;
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;
use tungstenite::Message;

/// From one block to the next.
const GAP: Duration = Duration::from_millis(10);
/// Blocks of one connection in a row, the first of which is not counted; and turns of each.
const TURN: usize = 11;
const TURNS: usize = 50;
/// Coins that a block tells of: of each a book and a touch.
const COINS: usize = 3;
/// A poll in so many that bring nothing is timed.
const TIMED_NOTHING: usize = 64;

fn main() {
    harness::print_rig();
    let plain = SocketOptions::default();
    let stamped = SocketOptions { kernel_stamps: true, ..plain };
    let settings = [
        ("as it is by default", plain),
        ("kernel_stamps", stamped),
        ("kernel_stamps, quickack", SocketOptions { quickack: true, ..stamped }),
        ("kernel_stamps, busy_poll_us = 50", SocketOptions { busy_poll_us: 50, ..stamped }),
        ("without nodelay", SocketOptions { nodelay: false, ..plain }),
    ];
    let clock = WallClock::default();
    let mut connections = settings.map(|(name, options)| Connection::open(name, options, &clock));
    for _ in 0..harness::calls(TURNS) {
        connections.iter_mut().for_each(Connection::turn);
    }
    connections.iter().for_each(Connection::print);
}

/// A lane's end of a link, and the thread at the other.
struct Connection {
    name: &'static str,
    transport: WsTransport,
    /// Asks for a block, after the gap; when it was begun to be written.
    ask: Sender<()>,
    begun: Receiver<Nanos>,
    clock: WallClock,
    watch: Stopwatch,
    /// To the lane, from the kernel, taking, nothing.
    samples: [Samples; 4],
}

impl Connection {
    fn open(name: &'static str, options: SocketOptions, clock: &WallClock) -> Self {
        let (ask, asked) = channel();
        let (begin, begun) = channel();
        let port = serve(asked, begin, clock.clone());
        let endpoint = Endpoint::parse(&format!("http://127.0.0.1:{port}"));
        let endpoint = endpoint.unwrap_or_else(|e| panic!("{e}"));
        let with = (options, clock.clone());
        let made = WsTransport::with_sockets(&endpoint, &Tls::default(), Timeouts::default(), with);
        let (mut transport, _) = made.unwrap_or_else(|e| panic!("{e}"));
        transport.connect(Nanos::ZERO);
        while !matches!(transport.recv(Nanos::ZERO), Some(Received::Opened)) {
            thread::yield_now();
        }
        let samples = ["to the lane", "from the kernel", "taking", "nothing"].map(Samples::new);
        let (clock, watch) = (clock.clone(), Stopwatch::new());
        Self { name, transport, ask, begun, clock, watch, samples }
    }

    fn turn(&mut self) {
        for block in 0..TURN {
            let is_counted = block > 0;
            self.block(is_counted);
        }
    }

    /// One block, from the gap before it to its last frame.
    fn block(&mut self, is_counted: bool) {
        let Self { transport, ask, begun, clock, watch, samples, .. } = self;
        let [to_lane, from_kernel, taking, nothing] = samples;
        assert!(ask.send(()).is_ok(), "the server is gone");
        let (mut frames, mut taken_ns, mut polls) = (0, 0, 0usize);
        let mut first = None;
        while frames < 2 * COINS {
            let (now, before) = (clock.now(), frames);
            let ns = watch.time(&mut || {
                while let Some(received) = transport.recv(now) {
                    let Received::Frame(frame) = received else { panic!("{received:?}") };
                    black_box(frame);
                    frames += 1;
                }
            });
            match frames > before {
                true => taken_ns += ns,
                false if polls.is_multiple_of(TIMED_NOTHING) && first.is_none() => {
                    nothing.record(ns);
                }
                false => {}
            }
            polls += 1;
            if frames > before && first.is_none() {
                first = Some(transport.arrival());
            }
        }
        let begun = begun.recv().unwrap_or_else(|e| panic!("{e}"));
        if let Some(arrival) = first.filter(|_| is_counted) {
            to_lane.record((arrival.read - begun).0.unsigned_abs());
            if arrival.kernel > Nanos::ZERO {
                from_kernel.record((arrival.read - arrival.kernel).0.unsigned_abs());
            }
            taking.record(taken_ns);
        }
    }

    fn print(&self) {
        println!("\n{}", self.name);
        for samples in &self.samples {
            let percentiles = samples.percentiles();
            if percentiles.calls > 0 {
                println!("  {percentiles}");
            }
        }
    }
}

/// Writes a block after each question, a gap later; the port.
fn serve(asked: Receiver<()>, begin: Sender<Nanos>, clock: WallClock) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|e| panic!("loopback: {e}"));
    let port = listener.local_addr().map_or(0, |address| address.port());
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap_or_else(|e| panic!("accept: {e}"));
        stream.set_nodelay(true).unwrap_or_else(|e| panic!("TCP_NODELAY: {e}"));
        let mut socket = tungstenite::accept(stream).unwrap_or_else(|e| panic!("upgrade: {e}"));
        let block = block();
        while asked.recv().is_ok() {
            thread::sleep(GAP);
            let now = clock.now();
            for frame in &block {
                let sent = socket.send(Message::text(frame.as_str()));
                sent.unwrap_or_else(|e| panic!("send: {e}"));
            }
            if begin.send(now).is_err() {
                return;
            }
        }
    });
    port
}

/// A book and a touch of each coin.
fn block() -> Vec<String> {
    let books = made::books(COINS, 20);
    let touch = r#"{"channel":"bbo","data":{"coin":"BTC","time":1795360000000,"bbo":[{"px":"64999.0","sz":"0.5","n":3},{"px":"65001.0","sz":"1.25","n":7}]}}"#;
    let of_coin = |book| [made::frame_of(book, &made::btc()), touch.to_owned()];
    books.iter().flat_map(of_coin).collect()
}
