//! The whole tick: bytes of an `l2Book` frame in, order action out.
//!
//! `cargo bench --bench tick`. The five stages as `wiring::build` makes them, polled in one lane on
//! one thread. A frame is decoded by the feed, and the tick ends when the gateway has the action
//! (unsigned). Every book is moved, so that a tick asks for all four resting orders to be modified;
//! ticks that ask for less (both sides moved by less than the threshold) are counted, not timed.
//! Between two ticks, not timed, the venue takes every order and its answers are polled in.
//!
//! At last the same ticks again and again, of each of which the best time counts: how long it takes varies there
//! with what the code has to do in it, and with nothing that the machine does beside.

mod harness;

use botmm_pipeline::types::{LentEvent, Universe};
use botmm_pipeline::venue::hl::{Channel, Decoder};
use harness::engine::Engine;
use harness::made;
use harness::ticks::{BOOKS, FIRST_TICKS, Frames, ORDERS, Rig};
use harness::{Samples, Stopwatch};
use std::hint::black_box;

const TICKS: usize = 100_000;
/// The same ticks so many times, and how many there are of them.
const RUNS: usize = 9;
const SAME_TICKS: usize = 4_096;

fn main() {
    harness::print_rig();
    let frames = Frames::new();
    let (mut rig, mut split_rig) = (Rig::new(Engine::lane, false), Rig::new(Engine::Stages, false));
    let mut captured_rig = Rig::new(Engine::lane, true);
    for rig in [&mut rig, &mut split_rig, &mut captured_rig] {
        (0..FIRST_TICKS).for_each(|_| rig.untimed_tick(&frames));
        assert!(rig.modifies > FIRST_TICKS / 2, "most ticks move all four orders");
    }
    assert_eq!(rig.last, split_rig.last, "a lane does what its stages do");
    assert_eq!(rig.last, captured_rig.last, "a captured lane does the same");
    assert!(captured_rig.kept > 2 * FIRST_TICKS, "frames and cycles were kept");
    time(&frames, rig, split_rig, captured_rig);
    time_best(&frames);
}

fn time(frames: &Frames, mut rig: Rig, mut split_rig: Rig, mut captured_rig: Rig) {
    let watch = Stopwatch::new();
    let mut decode_alone = DecodeAlone::new();
    let mut decode = Samples::new("decode alone");
    let mut whole = Samples::new("whole tick, through a lane");
    let mut captured = Samples::new("the same, captured");
    let names = botmm_pipeline::stage::NAMES;
    let mut split = names.map(|name| Samples::new(&format!("{name} stage")));
    let (ticks, turn) = (harness::calls(TICKS), harness::TURN);
    let mut counted = 0;
    for _ in 0..ticks.div_ceil(turn) {
        for _ in 0..turn.min(ticks) {
            decode.record(decode_alone.step(frames, &watch));
        }
        for _ in 0..turn.min(ticks) {
            counted += 1;
            let poll = |engine: &mut Engine, now| {
                watch.time(&mut || {
                    engine.poll(now);
                })
            };
            if let Some(ns) = rig.tick(frames, poll) {
                whole.record(ns);
            }
            if let Some(ns) = captured_rig.tick(frames, poll) {
                captured.record(ns);
            }
        }
        for _ in 0..turn.min(ticks) {
            let spans = split_rig.tick(frames, |engine, now| engine.poll_split(now, &watch));
            for (samples, ns) in split.iter_mut().zip(spans.into_iter().flatten()) {
                samples.record(ns);
            }
        }
    }
    let [decode, whole, captured] = [decode, whole, captured].map(|samples| samples.percentiles());
    let dropped = rig.dropped() + captured_rig.dropped();
    assert_eq!(dropped, 0, "nothing was dropped or superseded");
    let bytes = frames.texts.iter().map(String::len).sum::<usize>() / BOOKS;
    let title = format!("l2Book frame of {bytes} bytes in, {ORDERS} modifies out");
    harness::print_table(&title, &[decode.clone(), whole.clone(), captured.clone()]);
    println!(
        "  whole tick / decode = {:.2} (p50 of one run, in turns); {} of {counted} ticks timed",
        whole.p50_ns / decode.p50_ns.max(1.0),
        whole.calls
    );
    println!(
        "  captured / not captured: p50 {:.3}, p99 {:.3} (of one run, tick by tick in turns)",
        captured.p50_ns / whole.p50_ns.max(1.0),
        captured.p99_ns / whole.p99_ns.max(1.0)
    );
    let split = split.map(|s| s.percentiles());
    harness::print_table("the same tick, each stage's poll timed (feed = decode + push)", &split);
    let sum: f64 = split.iter().map(|s| s.p50_ns).sum();
    println!("  whole tick / sum of the stages = {:.2} (of p50s)", whole.p50_ns / sum.max(1.0));
}

/// Each stage's best time of each tick: what is above the p50 here is work that not every tick has.
fn time_best(frames: &Frames) {
    let watch = Stopwatch::new();
    let ticks = harness::calls(SAME_TICKS);
    let mut best = vec![[u64::MAX; botmm_pipeline::stage::NAMES.len()]; ticks];
    for _ in 0..harness::calls(RUNS) {
        let mut rig = Rig::new(Engine::Stages, false);
        (0..FIRST_TICKS).for_each(|_| rig.untimed_tick(frames));
        for best in &mut best {
            let spans = rig.tick(frames, |engine, now| engine.poll_split(now, &watch));
            let spans = spans.into_iter().flatten();
            best.iter_mut().zip(spans).for_each(|(best, ns)| *best = ns.min(*best));
        }
    }
    let mut stages =
        botmm_pipeline::stage::NAMES.map(|name| Samples::new(&format!("{name} stage")));
    // A tick that asked for less was not timed, in no run.
    for spans in best.iter().filter(|spans| spans[0] < u64::MAX) {
        stages.iter_mut().zip(spans).for_each(|(samples, ns)| samples.record(*ns));
    }
    let title = format!("the same {ticks} ticks {RUNS} times, each tick's best");
    harness::print_table(&title, &stages.map(|samples| samples.percentiles()));
}

/// The decoder by itself, on the same frames.
struct DecodeAlone {
    decoder: Decoder,
    universe: Universe,
    frame: Vec<u8>,
    tick: usize,
}

impl DecodeAlone {
    fn new() -> Self {
        Self { decoder: Decoder::new(), universe: made::btc(), frame: Vec::new(), tick: 0 }
    }

    fn step(&mut self, frames: &Frames, watch: &Stopwatch) -> u64 {
        let Self { decoder, universe, frame, tick } = self;
        frames.write(*tick, frame);
        *tick += 1;
        let mut channel = None;
        let ns = watch.time(&mut || {
            let sink = |e: LentEvent<'_>| {
                black_box(e);
            };
            channel = decoder.decode(black_box(&frame[..]), made::START, universe, sink).ok();
        });
        assert_eq!((channel, decoder.fallbacks()), (Some(Channel::Book), 0));
        ns
    }
}
