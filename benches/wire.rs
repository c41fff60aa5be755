//! From wire to wire: bytes of an `l2Book` frame in, bytes of a signed, masked order frame out.
//!
//! `cargo bench --bench wire`. The five stages in one lane on one thread, and a gateway that signs
//! and frames as the real client does (tungstenite, into memory). Every book is moved, so that a
//! tick asks for all four resting orders to be modified; others are not timed. Beside the whole,
//! each part by itself, on the same frames and actions. Not included: the socket, TLS, and the
//! gateway's own bookkeeping (posts in flight, weights).

mod harness;

use botmm_pipeline::types::{Action, Inquiry, Nanos, Universe, VenueEvent};
use botmm_pipeline::venue::hl::sign::eip712::PhantomAgent;
use botmm_pipeline::venue::hl::sign::request::{REQUEST_BYTES, write_body};
use botmm_pipeline::venue::hl::sign::{
    Envelope, Hash32, Network, Nonce, Recoverer, RequestSigner, Signature, Signer, WireAction, hex,
    json_to_msgpack, keccak256, pool,
};
use botmm_pipeline::venue::sim::link::SimGateway;
use botmm_pipeline::venue::{Gateway, SigningCounts};
use bytes::BytesMut;
use harness::engine::Engine;
use harness::made;
use harness::ticks::{BOOKS, FIRST_TICKS, Frames, ORDERS, Rig};
use harness::{Samples, Stopwatch};
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};
use tungstenite::Message;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::{Role, WebSocket};

const TICKS: usize = 20_000;
/// A throw-away key, as in the vectors.
const KEY: &str = "0x35138b18b7dc8cad5201138bd48fcf8417e741074b6bfe797170d61fa235e104";
const PARTS: [&str; 9] = [
    "decode (feed stage)",
    "book stage",
    "quote stage",
    "gate (risk stage)",
    "orders (dispatch stage, unsigned)",
    "encode + hash",
    "sign",
    "JSON post",
    "websocket frame, masked",
];

fn main() {
    harness::print_rig();
    let frames = Frames::new();
    let socket = Memory::default();
    let signing = |inner| SigningGateway { inner, wire: WireOut::new(socket.clone()) };
    let mut whole = Rig::sending(Engine::lane, signing, false);
    let mut captured = Rig::sending(Engine::lane, signing, true);
    let (mut maker, pool) = pool(Arc::new(key()), std::process::id);
    let wire = WireOut { signer: request_signer().presigned(pool), ..WireOut::new(socket.clone()) };
    let mut ahead = Rig::sending(Engine::lane, |inner| SigningGateway { inner, wire }, false);
    let mut split = Rig::new(Engine::Stages, false);
    let mut parts = Parts::new();
    for _ in 0..FIRST_TICKS {
        maker.make(Nanos::ZERO, &rand::random());
        for rig in [&mut ahead, &mut whole, &mut captured, &mut split] {
            rig.untimed_tick(&frames);
        }
        socket.drain();
    }
    assert_result(&frames, &mut whole, &socket);
    assert_result(&frames, &mut captured, &socket);
    assert_result(&frames, &mut ahead, &socket);
    assert!(captured.kept > 2 * FIRST_TICKS, "frames and cycles were kept");
    let (watch, ticks) = (Stopwatch::new(), harness::calls(TICKS));
    let mut all = Samples::new("frame in to signed frame out");
    let mut kept = Samples::new("the same, captured");
    let mut presigned = Samples::new("the same, presigned");
    let mut each = PARTS.map(Samples::new);
    let mut sums = Samples::new("sum of a tick's parts");
    for _ in 0..ticks.div_ceil(harness::TURN) {
        while maker.has_room() {
            maker.make(Nanos::ZERO, &rand::random());
        }
        for _ in 0..harness::TURN.min(ticks) {
            let time = |lane: &mut Engine, now| {
                watch.time(&mut || {
                    lane.poll(now);
                })
            };
            let rigs =
                [(&mut whole, &mut all), (&mut captured, &mut kept), (&mut ahead, &mut presigned)];
            for (rig, samples) in rigs {
                if let Some(ns) = rig.tick(&frames, time) {
                    samples.record(ns);
                }
                socket.drain();
            }
        }
        for _ in 0..harness::TURN.min(ticks) {
            let Some(stages) = split.tick(&frames, |lane, now| lane.poll_split(now, &watch)) else {
                continue;
            };
            let spans: Vec<u64> =
                stages.into_iter().chain(parts.time(&split.last, &watch)).collect();
            sums.record(spans.iter().sum());
            each.iter_mut().zip(spans).for_each(|(samples, ns)| samples.record(ns));
        }
    }
    print(&frames, [&all, &kept, &presigned, &sums], &each);
    let counts = ahead.metrics.signing();
    assert_eq!(counts.ordinary, 0, "{counts:?}");
}

fn print(frames: &Frames, whole: [&Samples; 4], each: &[Samples]) {
    let bytes = frames.texts.iter().map(String::len).sum::<usize>() / BOOKS;
    let title =
        format!("l2Book frame of {bytes} bytes in, {ORDERS} modifies signed and framed out");
    let [all, kept, presigned, sums] = whole.map(Samples::percentiles);
    harness::print_table(&title, &[all.clone(), kept.clone(), presigned.clone(), sums]);
    println!(
        "  presigned / RFC 6979: p50 {:.3}, p99 {:.3}",
        presigned.p50_ns / all.p50_ns.max(1.0),
        presigned.p99_ns / all.p99_ns.max(1.0)
    );
    println!(
        "  captured / not captured: p50 {:.3}, p99 {:.3} (of one run, tick by tick in turns)",
        kept.p50_ns / all.p50_ns.max(1.0),
        kept.p99_ns / all.p99_ns.max(1.0)
    );
    let each: Vec<_> = each.iter().map(Samples::percentiles).collect();
    harness::print_table("the parts, each timed by itself", &each);
    let sum: f64 = each.iter().map(|s| s.p50_ns).sum();
    println!(
        "  whole {:.0} ns, parts {sum:.0} ns: whole / sum of the parts = {:.3} (of p50s)",
        all.p50_ns,
        all.p50_ns / sum.max(1.0)
    );
}

/// What a tick put on the wire is one masked text frame with a request that we signed.
fn assert_result(frames: &Frames, rig: &mut Rig, socket: &Memory) {
    while rig.tick(frames, |lane, now| lane.poll(now)).is_none() {
        socket.drain();
    }
    let sent = unmasked(&socket.drain());
    let text = String::from_utf8(sent).unwrap_or_else(|e| panic!("{e}"));
    let frame: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}"));
    let payload = &frame["request"]["payload"];
    let modifies = payload["action"]["modifies"].as_array().map_or(0, Vec::len);
    assert_eq!((frame["method"].as_str(), modifies), (Some("post"), usize::from(ORDERS)));
    let action = text.split_once(r#""action":"#).and_then(|(_, t)| t.split_once(r#","nonce":"#));
    let action = action.map_or("", |(action, _)| action);
    let mut preimage = json_to_msgpack(action.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    let nonce = payload["nonce"].as_u64().unwrap_or_default();
    let expires_after = payload["expiresAfter"].as_u64();
    Envelope { nonce, vault: None, expires_after }.append_to(&mut preimage);
    let digest = PhantomAgent::new(Network::Mainnet).digest(&keccak256(&preimage));
    let part = |name: &str| hex::parse(payload["signature"][name].as_str().unwrap_or_default());
    let (r, s) = (part("r").unwrap_or_default(), part("s").unwrap_or_default());
    let v = payload["signature"]["v"].as_u64().unwrap_or_default() as u8;
    let signer = Recoverer::default().recover(&digest, &Signature { r, s, v });
    assert_eq!(signer, Some(request_signer().address()), "the frame carries our signature");
}

/// The payload of the one client frame in these bytes (RFC 6455 §5.2).
fn unmasked(bytes: &[u8]) -> Vec<u8> {
    assert_eq!((bytes[0], bytes[1]), (0x81, 0x80 | 126), "one masked text frame");
    let len = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
    let (mask, payload) = (&bytes[4..8], &bytes[8..]);
    assert_eq!(payload.len(), len, "and nothing else");
    payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()
}

/// A socket that keeps what is written.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    /// Takes out what was written since last time.
    fn drain(&self) -> Vec<u8> {
        let mut written = self.0.lock().unwrap_or_else(|e| panic!("{e}"));
        let copy = written.clone();
        written.clear();
        copy
    }
}

impl Read for Memory {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Ok(mut written) = self.0.lock() {
            written.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn request_signer() -> RequestSigner {
    RequestSigner::new(key(), Network::Mainnet)
}

fn key() -> Signer {
    Signer::from_hex(KEY).unwrap_or_else(|e| panic!("{e}"))
}

fn envelope_of(action: &Action, nonce: u64) -> Envelope {
    let expires_after = Some(action.expires_after.as_millis() as u64);
    Envelope { nonce, vault: None, expires_after }
}

/// Frames as `src/net/ws.rs` does.
struct Framer {
    socket: WebSocket<Memory>,
    sending: BytesMut,
}

impl Framer {
    fn new(socket: Memory) -> Self {
        let socket = WebSocket::from_raw_socket(socket, Role::Client, None);
        Self { socket, sending: BytesMut::with_capacity(64 << 10) }
    }

    fn send(&mut self, text: &[u8]) {
        self.sending.clear();
        self.sending.extend_from_slice(text);
        let payload = self.sending.split().freeze();
        let frame = Frame::message(payload, OpCode::Data(Data::Text), true);
        let sent = self.socket.write(Message::Frame(frame)).and_then(|()| self.socket.flush());
        assert!(sent.is_ok(), "{sent:?}");
    }
}

/// From an action to a frame.
struct WireOut {
    signer: RequestSigner,
    nonce: Nonce,
    universe: Universe,
    post: Vec<u8>,
    id: u64,
    framer: Framer,
}

impl WireOut {
    fn new(socket: Memory) -> Self {
        Self {
            signer: request_signer(),
            nonce: Nonce::after(0),
            universe: made::btc(),
            post: Vec::with_capacity(REQUEST_BYTES),
            id: 0,
            framer: Framer::new(socket),
        }
    }

    fn send(&mut self, now: Nanos, action: &Action) {
        let Self { signer, nonce, universe, post, id, framer } = self;
        let envelope = envelope_of(action, nonce.next(now));
        *id += 1;
        post.clear();
        // By a clock that stands: a bench's ticks are half a second apart, each of which would be a standstill.
        signer.tend(Nanos::ZERO);
        WireAction::of_batch(action, universe, |wire| {
            signer.write_post(*id, &wire, &envelope, post);
        });
        framer.send(post);
    }
}

/// Sends what dispatch submits, and hands it to the bench's venue.
struct SigningGateway {
    inner: SimGateway,
    wire: WireOut,
}

impl Gateway for SigningGateway {
    fn submit(&mut self, now: Nanos, action: &Action) -> bool {
        self.wire.send(now, action);
        self.inner.submit(now, action)
    }
    fn next(&mut self, now: Nanos) -> Option<VenueEvent> {
        self.inner.next(now)
    }
    fn inquire(&mut self, now: Nanos, inquiry: &Inquiry) {
        self.inner.inquire(now, inquiry);
    }
    fn signing(&self) -> SigningCounts {
        self.wire.signer.counts()
    }
    fn next_deadline(&self) -> Option<Nanos> {
        self.inner.next_deadline()
    }
}

/// The parts after dispatch, one by one.
struct Parts {
    hasher: RequestSigner,
    signer: Signer,
    universe: Universe,
    post: Vec<u8>,
    socket: Memory,
    framer: Framer,
    nonce: u64,
}

impl Parts {
    fn new() -> Self {
        let socket = Memory::default();
        Self {
            hasher: request_signer(),
            signer: key(),
            universe: made::btc(),
            post: Vec::with_capacity(REQUEST_BYTES),
            framer: Framer::new(socket.clone()),
            socket,
            nonce: 1_795_359_600_000,
        }
    }

    fn time(&mut self, action: &Action, watch: &Stopwatch) -> [u64; 4] {
        let Self { hasher, signer, universe, post, socket, framer, nonce } = self;
        *nonce += 1;
        let envelope = envelope_of(action, *nonce);
        let mut digest = Hash32::default();
        let hash = watch.time(&mut || {
            digest = WireAction::of_batch(action, universe, |w| hasher.digest(&w, &envelope));
        });
        let mut signature = None;
        let sign = watch.time(&mut || signature = Some(signer.sign(&digest)));
        let signature = signature.unwrap_or_else(|| panic!("signed above"));
        let body = watch.time(&mut || {
            post.clear();
            post.extend_from_slice(
                br#"{"method":"post","id":1,"request":{"type":"action","payload":"#,
            );
            WireAction::of_batch(action, universe, |w| write_body(&w, &envelope, &signature, post));
            post.extend_from_slice(b"}}");
        });
        let frame = watch.time(&mut || framer.send(post));
        assert!(socket.drain().len() > post.len());
        [hash, sign, body, frame]
    }
}
