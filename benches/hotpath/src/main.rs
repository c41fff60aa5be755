//! The hot path's works, one at a time.
//!
//! - `botmm-hotpath count WORK CALLS`: does one so often, for an instruction counter, which counts nothing but what
//!   [`counted`] encloses (scripts/counts.sh). One build's counts are the same on every run, whatever else the machine does.
//! - `botmm-hotpath time WORK CALLS`: the same, timed call by call, in the form of `wire-peers` (scripts/peers.sh).
//! - `botmm-hotpath made WORK CALLS`: what each call made, a line each: the levels of the book, the body and the digest that
//!   it signs, by tabs. Another program that did the same says the same.
//! - `botmm-hotpath works`, `cpu`, `frames`: what is counted; what code may choose by at run time; the frames of `decode`.

#[path = "../../harness/mod.rs"]
mod harness;

use botmm_pipeline::logic::gate::Gate;
use botmm_pipeline::types::{
    Action, BookSnapshot, Cloid, LentEvent, Level, Nanos, Px, Qty, Side, Universe, VenueEvent,
};
use botmm_pipeline::venue::hl::sign::{
    Envelope, Network, Nonce, Presigner, RequestSigner, Signer, WireAction, WireOrder, hex, pool,
};
use botmm_pipeline::venue::hl::{Channel, Decoder};
use botmm_pipeline::venue::sim::link::SimGateway;
use botmm_pipeline::venue::{Gateway, SigningCounts};
use harness::engine::Engine;
use harness::made;
use harness::ticks::{BOOKS, FIRST_TICKS, Frames, Rig};
use harness::{Samples, Stopwatch};
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;

/// A work by its name.
type Work = (&'static str, fn(usize, &mut Meter));

const COUNTED: [Work; 5] = [
    ("decode", decode),
    ("tick", tick),
    ("sign", |calls, meter| sign(calls, meter, Signing::Now)),
    ("presigned", |calls, meter| sign(calls, meter, Signing::Ahead)),
    ("gate", gate),
];
/// Several of those in a row.
const TIMED: [Work; 4] = [
    ("frame", |calls, meter| frame(calls, meter, Signing::Now)),
    ("frame_presigned", |calls, meter| frame(calls, meter, Signing::Ahead)),
    ("wire", |calls, meter| wire(calls, meter, Signing::Now)),
    ("wire_presigned", |calls, meter| wire(calls, meter, Signing::Ahead)),
];
/// Calls before the first that is timed.
const WARM_UP: usize = 2_000;
/// A throw-away key, as in the vectors.
const KEY: &str = "0x35138b18b7dc8cad5201138bd48fcf8417e741074b6bfe797170d61fa235e104";
const NONCE: u64 = 1_795_359_600_000;
/// Different pairs of orders.
const PAIRS: usize = 256;

/// Where signatures come from.
#[derive(Clone, Copy, PartialEq)]
enum Signing {
    /// RFC 6979 at the moment.
    Now,
    /// Made ahead, which does not count.
    Ahead,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["works"] => COUNTED.iter().for_each(|(name, _)| println!("{name}")),
        ["cpu"] => println!("{}", cpu()),
        ["frames"] => Frames::new().texts.iter().for_each(|frame| println!("{frame}")),
        [how @ ("count" | "time" | "made"), work, calls] => {
            let work = COUNTED.iter().chain(&TIMED).find(|(name, _)| *name == work);
            let (Some((name, run)), Ok(calls)) = (work, calls.parse()) else { return usage() };
            match how {
                "count" => run(calls, &mut Meter::new(Notes::None)),
                "made" => run(calls, &mut Meter::new(Notes::Made)),
                _ => {
                    let mut meter = Meter::new(Notes::Times(Stopwatch::new(), Samples::new(name)));
                    run(WARM_UP + calls, &mut meter);
                    println!("{}", meter.said());
                }
            }
        }
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("botmm-hotpath count|time|made WORK CALLS | works | cpu | frames");
    ExitCode::from(2)
}

/// What code that looks at run time may find.
fn cpu() -> String {
    #[cfg(target_arch = "x86_64")]
    let features = [
        ("ssse3", is_x86_feature_detected!("ssse3")),
        ("sse4.1", is_x86_feature_detected!("sse4.1")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("bmi2", is_x86_feature_detected!("bmi2")),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let features: [(&str, bool); 0] = [];
    let has = features.iter().filter(|(_, has)| *has).map(|(name, _)| *name);
    [std::env::consts::ARCH].into_iter().chain(has).collect::<Vec<_>>().join("+")
}

/// What counts. Its name is the switch, so it is never inlined.
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// What is kept of each call.
enum Notes {
    None,
    Times(Stopwatch, Samples),
    /// What it made, printed.
    Made,
}

/// Takes note of each call of a work.
struct Meter {
    notes: Notes,
    calls: usize,
}

impl Meter {
    fn new(notes: Notes) -> Self {
        Self { notes, calls: 0 }
    }

    fn call<T>(&mut self, work: impl FnOnce() -> T) -> T {
        self.calls += 1;
        let Notes::Times(watch, samples) = &mut self.notes else { return counted(work) };
        let (mut work, mut result) = (Some(work), None);
        let ns = watch.time(&mut || result = work.take().map(|work| work()));
        if self.calls > WARM_UP {
            samples.record(ns);
        }
        result.unwrap_or_else(|| unreachable!("it was called"))
    }

    /// After a call: what it made, its columns.
    fn made<const N: usize>(&self, columns: impl FnOnce() -> [String; N]) {
        if let Notes::Made = self.notes {
            println!("{}", columns().join("\t"));
        }
    }

    fn said(&self) -> String {
        let Notes::Times(_, samples) = &self.notes else { return String::new() };
        let p = samples.percentiles();
        format!("p50 {} p99 {} p999 {}", p.p50_ns, p.p99_ns, p.p999_ns)
    }
}

/// An `l2Book` frame of 20 levels a side to a book.
fn decode(calls: usize, meter: &mut Meter) {
    let mut reader = Reader::new();
    for i in 0..calls {
        meter.call(|| reader.read(i));
        meter.made(|| [reader.made()]);
    }
    assert_eq!(reader.decoder.fallbacks(), 0, "the scanner counts, not its fallback");
}

/// A frame in, an action that modifies four orders out: the five stages in a lane.
fn tick(calls: usize, meter: &mut Meter) {
    ticks(calls, meter, Rig::new(Engine::lane, false), || ());
}

/// The same with the action signed and written, as a message for the socket.
fn wire(calls: usize, meter: &mut Meter, how: Signing) {
    let mut writer = Writer::new(how);
    let mut maker = writer.maker.take();
    let rig = Rig::sending(Engine::lane, |inner| SigningGateway { inner, writer }, false);
    ticks(calls, meter, rig, || maker.iter_mut().for_each(make_one));
}

fn ticks(calls: usize, meter: &mut Meter, mut rig: Rig, mut before: impl FnMut()) {
    let frames = Frames::new();
    (0..FIRST_TICKS).for_each(|_| {
        before();
        rig.untimed_tick(&frames);
    });
    let modified = rig.modifies;
    (0..calls).for_each(|_| {
        before();
        rig.tick(&frames, |engine, now| meter.call(|| engine.poll(now)));
    });
    assert!(rig.modifies - modified > calls / 2, "most ticks move all four orders");
    assert_eq!(rig.dropped(), 0);
    assert_eq!(rig.metrics.signing().ordinary, 0, "none was missing");
}

/// Two orders with cloid to a signed body.
fn sign(calls: usize, meter: &mut Meter, how: Signing) {
    let mut writer = Writer::new(how);
    for i in 0..calls {
        writer.prepare();
        meter.call(|| writer.write(i));
        assert!(writer.body.len() > 300);
        meter.made(|| [String::new(), writer.made(), digest(i)]);
    }
    writer.assert_counts(calls, how);
}

/// A frame to a book, then two orders to a signed body: no more than other clients do between the two.
fn frame(calls: usize, meter: &mut Meter, how: Signing) {
    let (mut reader, mut writer) = (Reader::new(), Writer::new(how));
    for i in 0..calls {
        writer.prepare();
        meter.call(|| {
            reader.read(i);
            writer.write(i);
        });
        meter.made(|| [reader.made(), writer.made(), digest(i)]);
    }
    writer.assert_counts(calls, how);
}

/// A target of two orders a side through the gate, every 100 ms.
fn gate(calls: usize, meter: &mut Meter) {
    let mut gate = Gate::new(made::btc(), &[made::params()]);
    let mut now = made::START;
    for i in 0..calls {
        now = now + Nanos::millis(100);
        let wanted = made::target(i as i64 % 16, now);
        black_box(meter.call(|| gate.approve(now, black_box(wanted))));
    }
    assert!(!gate.breaks().any());
}

/// Reads frames.
struct Reader {
    frames: Frames,
    universe: Universe,
    decoder: Decoder,
}

impl Reader {
    fn new() -> Self {
        Self { frames: Frames::new(), universe: made::btc(), decoder: Decoder::new() }
    }

    fn read(&mut self, i: usize) {
        let frame = self.frames.texts[i % BOOKS].as_bytes();
        let sink = |event: LentEvent<'_>| {
            black_box(event);
        };
        let read = self.decoder.decode(black_box(frame), made::START, &self.universe, sink);
        assert_eq!(read, Ok(Channel::Book));
    }

    /// Prices and sizes of the last book in 1e-8, bids and asks.
    fn made(&self) -> String {
        let side = |levels: &[Level]| {
            let level = |l: &Level| format!("{}x{}", l.px.raw(), l.qty.raw());
            levels.iter().map(level).collect::<Vec<_>>().join(" ")
        };
        let book: &BookSnapshot = self.decoder.book();
        format!("{} / {}", side(book.bids()), side(book.asks()))
    }
}

/// Signs and writes requests.
struct Writer {
    signer: RequestSigner,
    maker: Option<Made>,
    pairs: Vec<[WireOrder; 2]>,
    universe: Universe,
    nonce: Nonce,
    body: Vec<u8>,
}

/// Makes signatures ahead; how many it made.
struct Made(Presigner, u64);

impl Writer {
    fn new(how: Signing) -> Self {
        let signer = RequestSigner::new(key(), Network::Mainnet);
        let (signer, maker) = match how {
            Signing::Now => (signer, None),
            Signing::Ahead => {
                let (maker, pool) = pool(Arc::new(key()), std::process::id);
                (signer.presigned(pool), Some(Made(maker, 0)))
            }
        };
        let pairs = (0..PAIRS).map(pair).collect();
        let (universe, nonce) = (made::btc(), Nonce::after(0));
        Self { signer, maker, pairs, universe, nonce, body: Vec::with_capacity(4096) }
    }

    /// What happens ahead.
    fn prepare(&mut self) {
        self.maker.iter_mut().for_each(make_one);
        self.body.clear();
    }

    /// The body of a pair of orders.
    fn write(&mut self, i: usize) {
        let action = WireAction::Order(&self.pairs[i % PAIRS]);
        self.signer.tend(Nanos::ZERO);
        self.signer.write_body(black_box(&action), &envelope(i), &mut self.body);
    }

    /// The message of an action.
    fn post(&mut self, action: &Action) {
        let Self { signer, universe, nonce, body, .. } = self;
        let expires_after = Some(action.expires_after.as_millis() as u64);
        let envelope = Envelope { nonce: nonce.next(action.sent_time), vault: None, expires_after };
        body.clear();
        signer.tend(Nanos::ZERO);
        WireAction::of_batch(action, universe, |wire| signer.write_post(1, &wire, &envelope, body));
    }

    fn made(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn assert_counts(&self, calls: usize, how: Signing) {
        let presigned = if how == Signing::Ahead { calls as u64 } else { 0 };
        let counts = self.signer.counts();
        assert_eq!((counts.presigned, counts.ordinary), (presigned, 0));
    }
}

fn make_one(Made(maker, made): &mut Made) {
    *made += 1;
    let mut entropy = [7; 32];
    entropy[..8].copy_from_slice(&made.to_be_bytes());
    maker.make(Nanos::ZERO, &entropy);
}

/// Writes what dispatch submits, and hands it to the bench's venue.
struct SigningGateway {
    inner: SimGateway,
    writer: Writer,
}

impl Gateway for SigningGateway {
    fn submit(&mut self, now: Nanos, action: &Action) -> bool {
        self.writer.post(black_box(action));
        black_box(&self.writer.body);
        self.inner.submit(now, action)
    }
    fn next(&mut self, now: Nanos) -> Option<VenueEvent> {
        self.inner.next(now)
    }
    fn signing(&self) -> SigningCounts {
        self.writer.signer.counts()
    }
    fn next_deadline(&self) -> Option<Nanos> {
        self.inner.next_deadline()
    }
}

fn key() -> Signer {
    Signer::from_hex(KEY).unwrap_or_else(|e| panic!("{e}"))
}

fn envelope(i: usize) -> Envelope {
    Envelope { nonce: NONCE + i as u64, vault: None, expires_after: None }
}

/// What is signed of the `i`-th pair.
fn digest(i: usize) -> String {
    let mut signer = RequestSigner::new(key(), Network::Mainnet);
    hex::text(&signer.digest(&WireAction::Order(&pair(i % PAIRS)), &envelope(i)))
}

/// A bid and an ask around a price that moves.
fn pair(i: usize) -> [WireOrder; 2] {
    let order = |side: Side| WireOrder {
        asset: 0,
        side,
        px: Px::whole(65_000 + i as i64 * 7 % 900 - side.sign()),
        qty: Qty::from_raw(1_000 * (1 + i as i64 * 37 % 5_000)),
        cloid: Some(Cloid::from_u128((i as u128) << 8 | u128::from(side == Side::Bid))),
        ..WireOrder::default()
    };
    [order(Side::Bid), order(Side::Ask)]
}
