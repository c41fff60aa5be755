//! The hot path's works, one at a time.
//!
//! - `botmm-hotpath count WORK CALLS`: does one so often, for an instruction counter, which counts nothing but what
//!   [`counted`] encloses (scripts/counts.sh). One build's counts are the same on every run, whatever else the machine does.
//! - `botmm-hotpath time WORK CALLS`: the same, timed call by call, in the form of `wire-peers` (scripts/peers.sh).
//! - `botmm-hotpath works`, `cpu`, `frames`: their names; what code may choose by at run time; the frames of `decode`.

#[path = "../../harness/mod.rs"]
mod harness;

use botmm_pipeline::logic::gate::Gate;
use botmm_pipeline::types::{Cloid, LentEvent, Level, Nanos, Px, Qty, Side};
use botmm_pipeline::venue::hl::sign::{
    Envelope, Network, RequestSigner, Signature, Signer, WireAction, WireOrder, hex, pool,
};
use botmm_pipeline::venue::hl::{Channel, Decoder};
use harness::engine::Engine;
use harness::made;
use harness::ticks::{BOOKS, FIRST_TICKS, Frames, Rig};
use harness::{Samples, Stopwatch};
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;

/// A work by its name.
type Work = (&'static str, fn(usize, &mut Meter));

const WORKS: [Work; 5] =
    [("decode", decode), ("tick", tick), ("sign", sign), ("presigned", presigned), ("gate", gate)];
/// Calls before the first that is timed.
const WARM_UP: usize = 2_000;
/// A throw-away key, as in the vectors.
const KEY: &str = "0x35138b18b7dc8cad5201138bd48fcf8417e741074b6bfe797170d61fa235e104";
const NONCE: u64 = 1_795_359_600_000;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["works"] => WORKS.iter().for_each(|(name, _)| println!("{name}")),
        ["cpu"] => println!("{}", cpu()),
        ["frames"] => Frames::new().texts.iter().for_each(|frame| println!("{frame}")),
        [how @ ("count" | "time"), work, calls] => {
            let work = WORKS.iter().find(|(name, _)| *name == work);
            let (Some((name, run)), Ok(calls)) = (work, calls.parse()) else { return usage() };
            match how {
                "count" => run(calls, &mut Meter::counting()),
                _ => {
                    let mut meter = Meter::timing(name);
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
    eprintln!("botmm-hotpath count|time WORK CALLS | works | cpu | frames");
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

/// Takes note of each call of a work.
struct Meter {
    timed: Option<(Stopwatch, Samples)>,
    calls: usize,
    /// What the first call made, to be compared with another program's.
    made: String,
}

impl Meter {
    fn counting() -> Self {
        Self { timed: None, calls: 0, made: String::new() }
    }

    fn timing(name: &str) -> Self {
        Self { timed: Some((Stopwatch::new(), Samples::new(name))), ..Self::counting() }
    }

    fn call<T>(&mut self, work: impl FnOnce() -> T) -> T {
        self.calls += 1;
        let Some((watch, samples)) = &mut self.timed else { return counted(work) };
        let (mut work, mut result) = (Some(work), None);
        let ns = watch.time(&mut || result = work.take().map(|work| work()));
        if self.calls > WARM_UP {
            samples.record(ns);
        }
        result.unwrap_or_else(|| unreachable!("it was called"))
    }

    /// After a call: what it made, if it was the first.
    fn made(&mut self, text: impl FnOnce() -> String) {
        if self.calls == 1 {
            self.made = text();
        }
    }

    fn said(&self) -> String {
        let Some((_, samples)) = &self.timed else { return String::new() };
        let p = samples.percentiles();
        format!("p50 {} p99 {} p999 {} made {}", p.p50_ns, p.p99_ns, p.p999_ns, self.made)
    }
}

/// An `l2Book` frame of 20 levels a side to a book.
fn decode(calls: usize, meter: &mut Meter) {
    let (frames, universe, mut decoder) = (Frames::new(), made::btc(), Decoder::new());
    for i in 0..calls {
        let frame = frames.texts[i % BOOKS].as_bytes();
        let sink = |event: LentEvent<'_>| {
            black_box(event);
        };
        let read = meter.call(|| decoder.decode(black_box(frame), made::START, &universe, sink));
        assert_eq!(read, Ok(Channel::Book));
        meter.made(|| {
            let book = decoder.book();
            let levels = || book.bids().iter().chain(book.asks());
            let sum = |of: fn(&Level) -> i64| levels().map(|l| i128::from(of(l))).sum::<i128>();
            format!("{}/{}/{}", levels().count(), sum(|l| l.px.raw()), sum(|l| l.qty.raw()))
        });
    }
    assert_eq!(decoder.fallbacks(), 0, "the scanner counts, not its fallback");
}

/// A frame in, an action that modifies four orders out: the five stages in a lane.
fn tick(calls: usize, meter: &mut Meter) {
    let (frames, mut rig) = (Frames::new(), Rig::new(Engine::lane, false));
    (0..FIRST_TICKS).for_each(|_| rig.untimed_tick(&frames));
    let before = rig.modifies;
    (0..calls).for_each(|_| {
        rig.tick(&frames, |engine, now| meter.call(|| engine.poll(now)));
    });
    assert!(rig.modifies - before > calls / 2, "most ticks move all four orders");
    assert_eq!(rig.dropped(), 0);
}

/// Two orders with cloid to a signed body.
fn sign(calls: usize, meter: &mut Meter) {
    let mut signer = RequestSigner::new(key(), Network::Mainnet);
    sign_by(
        calls,
        meter,
        |action, envelope, body| signer.write_body(action, envelope, body),
        || (),
    );
    // What the first one was, for whoever signs the same.
    let (pair, envelope) = (pair(0), envelope(0));
    let Signature { r, s, v } = signer.sign(&WireAction::Order(&pair), &envelope);
    meter.made = format!("{}/{}/{v}", hex::text(&r), hex::text(&s)).replace("0x", "");
}

/// The same with signatures that were made ahead, which does not count.
fn presigned(calls: usize, meter: &mut Meter) {
    let (mut maker, pool) = pool(Arc::new(key()), std::process::id);
    let mut signer = RequestSigner::new(key(), Network::Mainnet).presigned(pool);
    signer.tend(Nanos::ZERO);
    let mut made = 0u64;
    let make = || {
        made += 1;
        let mut entropy = [7; 32];
        entropy[..8].copy_from_slice(&made.to_be_bytes());
        maker.make(Nanos::ZERO, &entropy);
    };
    let write = |action: &WireAction<'_>, envelope: &Envelope, body: &mut Vec<u8>| {
        signer.tend(Nanos::ZERO);
        signer.write_body(action, envelope, body);
    };
    sign_by(calls, meter, write, make);
    assert_eq!((signer.counts().presigned, signer.counts().ordinary), (calls as u64, 0));
}

/// Of 256 pairs, each time with another nonce.
fn sign_by(
    calls: usize,
    meter: &mut Meter,
    mut write: impl FnMut(&WireAction<'_>, &Envelope, &mut Vec<u8>),
    mut before: impl FnMut(),
) {
    let pairs: Vec<_> = (0..256).map(pair).collect();
    let mut body = Vec::with_capacity(4096);
    for i in 0..calls {
        let action = WireAction::Order(&pairs[i % pairs.len()]);
        let envelope = envelope(i);
        before();
        body.clear();
        meter.call(|| write(black_box(&action), &envelope, &mut body));
        assert!(body.len() > 300);
    }
}

fn key() -> Signer {
    Signer::from_hex(KEY).unwrap_or_else(|e| panic!("{e}"))
}

fn envelope(i: usize) -> Envelope {
    Envelope { nonce: NONCE + i as u64, vault: None, expires_after: None }
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
