//! Ticks as a live bot has them: one in 1, 10 or 100 ms, in place of one after another.
//!
//! `cargo bench --bench sparse`. Between two ticks the lane does what a lane does: it polls its stages and
//! idles, spinning or backing off, pinned to the last core or not. Whatever else the machine does meanwhile
//! takes the caches from it. Each case is measured without and with rehearsals
//! (`rt/rehearsal.rs`), in turns; a stage's time is that of its poll, as in `tick`. What counts is the ratio
//! to ticks one after another, which are measured first and last.

mod harness;

use botmm_pipeline::rt::{Idle, IdleStrategy, Rehearsal, WallClock};
use botmm_pipeline::types::Nanos;
use botmm_pipeline::wiring;
use harness::engine::Engine;
use harness::ticks::{self, FIRST_TICKS, Frames, Rig};
use harness::{Percentiles, Samples, Stopwatch};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::time::{Duration, Instant};

/// From one tick to the next, and how many are timed.
const GAPS: [(Duration, usize); 3] = [
    (Duration::from_millis(1), 1_500),
    (Duration::from_millis(10), 400),
    (Duration::from_millis(100), 40),
];
/// Ticks one after another.
const HOT_TICKS: usize = 20_000;
/// Ticks of one candidate before it is the other's turn.
const TURN: usize = 20;
/// As the `dedicated` plan has it.
const REHEARSE_EVERY: Nanos = Nanos(100_000);

fn main() {
    harness::print_rig();
    let (frames, watch) = (Frames::new(), Stopwatch::new());
    let hot = hot(&frames, &watch);
    print("hot: one after another", &hot, &hot);
    for place in ["not pinned", "pinned"] {
        if place == "pinned" {
            pin_to_last_core();
        }
        for (gap, count) in GAPS.into_iter().take(if harness::is_smoke() { 1 } else { GAPS.len() })
        {
            for (idle, name) in [(IdleStrategy::Spin, "spin"), (IdleStrategy::Backoff, "backoff")] {
                let case = format!("a tick in {} ms, {name}, {place}", gap.as_millis());
                let [cold, warm] = sparse(&frames, &watch, (gap, harness::calls(count)), idle);
                print(&format!("{case}, without rehearsals"), &cold, &hot);
                print(&format!("{case}, with"), &warm, &hot);
            }
        }
    }
    print("hot again, pinned", &self::hot(&frames, &watch), &hot);
}

fn pin_to_last_core() {
    let may = sched_getaffinity(None).unwrap_or_else(|e| panic!("cores of this process: {e}"));
    let last = (0..CpuSet::MAX_CPU).rev().find(|core| may.is_set(*core)).unwrap_or(0);
    let mut only = CpuSet::new();
    only.set(last);
    sched_setaffinity(None, &only).unwrap_or_else(|e| panic!("core {last}: {e}"));
}

/// Each stage, then their sum.
type Spans = Vec<Percentiles>;

/// A pipeline with its samples, which rehearses or does not.
struct Candidate {
    rig: Rig,
    rehearsal: Option<Rehearsal>,
    stages: Vec<Samples>,
    sum: Samples,
}

impl Candidate {
    fn new(frames: &Frames, rehearses: bool) -> Self {
        let mut rig = Rig::new(Engine::Stages, false);
        (0..FIRST_TICKS).for_each(|_| rig.untimed_tick(frames));
        let rehearsal = rehearses.then(|| {
            let stages = wiring::rehearsal(&ticks::config());
            let mut rehearsal = Rehearsal::new(stages, REHEARSE_EVERY);
            rehearsal.start();
            rehearsal
        });
        let stages = botmm_pipeline::stage::NAMES.map(Samples::new).into();
        Self { rig, rehearsal, stages, sum: Samples::new("sum of the five") }
    }

    /// Until a tick has moved all orders, and so was timed.
    fn tick(&mut self, frames: &Frames, watch: &Stopwatch) {
        let Self { rig, stages, sum, .. } = self;
        let spans = rig.tick(frames, |engine, now| engine.poll_split(now, watch));
        let Some(spans) = spans else { return };
        sum.record(spans.iter().sum());
        stages.iter_mut().zip(spans).for_each(|(samples, ns)| samples.record(ns));
    }

    /// What a lane does while nothing comes.
    fn wait(&mut self, gap: Duration, strategy: IdleStrategy, clock: &WallClock) {
        let (start, mut idle) = (Instant::now(), Idle::new(strategy));
        while start.elapsed() < gap {
            let Self { rig, rehearsal, .. } = self;
            let stepped = rig.idle(|engine, now| {
                engine.poll(now);
                let Engine::Stages(stages) = engine else { return false };
                rehearsal.as_mut().is_some_and(|rehearsal| rehearsal.step(clock.now(), stages))
            });
            if !stepped {
                idle.idle(0);
            }
        }
    }

    fn spans(&self) -> Spans {
        self.stages.iter().chain([&self.sum]).map(Samples::percentiles).collect()
    }
}

fn hot(frames: &Frames, watch: &Stopwatch) -> Spans {
    let mut candidate = Candidate::new(frames, false);
    (0..harness::calls(HOT_TICKS)).for_each(|_| candidate.tick(frames, watch));
    candidate.spans()
}

/// Without and with rehearsals, in turns.
fn sparse(
    frames: &Frames,
    watch: &Stopwatch,
    (gap, count): (Duration, usize),
    strategy: IdleStrategy,
) -> [Spans; 2] {
    let clock = WallClock::default();
    let mut both = [false, true].map(|rehearses| Candidate::new(frames, rehearses));
    for _ in 0..count.div_ceil(TURN) {
        for candidate in &mut both {
            for _ in 0..TURN.min(count) {
                candidate.wait(gap, strategy, &clock);
                candidate.tick(frames, watch);
            }
        }
    }
    let [cold, warm] = &both;
    assert_eq!(cold.rig.last, warm.rig.last, "rehearsals change nothing of what is decided");
    assert_eq!(warm.rig.dropped(), 0, "and nothing is lost by them");
    [cold.spans(), warm.spans()]
}

fn print(title: &str, spans: &Spans, hot: &Spans) {
    println!("\n{title}");
    for (span, hot) in spans.iter().zip(hot) {
        println!("  {span}  x{:.2} of hot", span.p50_ns / hot.p50_ns.max(1.0));
    }
}
