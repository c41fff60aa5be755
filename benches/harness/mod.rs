//! What every bench shares: the rig line, timing of single calls, interleaving, and the table.
//!
//! Candidates are timed call by call and in turns (A, B, C, A, B, C, ...), so that whatever slows
//! the machine down slows all of them: only ratios within one run mean anything. The cost of
//! reading the clock is measured and taken off.
#![allow(dead_code, reason = "each bench uses its own part")]

pub mod engine;
pub mod feed;
pub mod made;
pub mod ticks;

use hdrhistogram::Histogram;
use quanta::Clock;
use std::fmt;

/// Calls of each candidate before anything is recorded.
const WARM_UP: usize = 2_000;
/// Calls of each candidate in smoke mode.
const SMOKE_CALLS: usize = 16;
/// Calls of one candidate in a row, before it is the next one's turn: caches and predictors are as
/// warm as in a busy feed, and the turns still far shorter than the machine's moods.
pub const TURN: usize = 64;

/// Whether to run a few calls only: under `cargo test --benches`, with `--test`, or with
/// `BENCH_SMOKE=1`. Results are asserted all the same; times mean nothing then.
pub fn is_smoke() -> bool {
    let asked = std::env::var_os("BENCH_SMOKE").is_some_and(|v| v != "0");
    // `cargo bench` passes `--bench`; `cargo test --benches` does not.
    asked || std::env::args().any(|a| a == "--test") || !std::env::args().any(|a| a == "--bench")
}

/// One line about where the numbers come from.
pub fn print_rig() {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|l| l.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_string())
    };
    let model = field("model name").unwrap_or_else(|| std::env::consts::ARCH.to_string());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?").to_string();
    let msrv = env!("CARGO_PKG_RUST_VERSION");
    let mode = if is_smoke() { ", SMOKE RUN: times mean nothing" } else { "" };
    println!("rig: {model}, {cores} cores, load {load}, rust >= {msrv}, not pinned{mode}");
}

/// How many calls to make: `full`, or a few in smoke mode.
pub fn calls(full: usize) -> usize {
    if is_smoke() { SMOKE_CALLS.min(full) } else { full }
}

/// What a candidate's calls took, in nanoseconds an operation.
#[derive(Clone, Debug)]
pub struct Percentiles {
    /// What was timed.
    pub name: String,
    /// Half of the calls were faster.
    pub p50_ns: f64,
    /// 99 of 100 were faster.
    pub p99_ns: f64,
    /// 999 of 1000 were faster.
    pub p999_ns: f64,
    /// Calls recorded.
    pub calls: u64,
    /// Operations in a call: what is shown is a call's time over this.
    pub ops: u64,
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, p50_ns, p99_ns, p999_ns, calls, ops } = self;
        // A call is known to the nanosecond: only the mean of several has decimals.
        let digits = usize::from(*ops > 1);
        write!(
            f,
            "{name:<34} p50 {p50_ns:>8.digits$} ns  p99 {p99_ns:>8.digits$}  \
             p99.9 {p999_ns:>8.digits$}  n {calls}"
        )?;
        if *ops > 1 { write!(f, " x {ops}") } else { Ok(()) }
    }
}

/// Collects what the calls of one candidate took. For benches that have to prepare each call, and
/// so cannot leave the loop to [`interleave`].
pub struct Samples {
    name: String,
    ops: u64,
    histogram: Histogram<u64>,
}

impl Samples {
    /// Of calls that are one operation each.
    pub fn new(name: &str) -> Self {
        Self::of_batches(name, 1)
    }

    /// Of calls that are `ops` operations each: percentiles are of their means.
    pub fn of_batches(name: &str, ops: usize) -> Self {
        // Up to 10 s at three digits: the arguments are constants that are known to be good.
        let histogram = Histogram::new_with_bounds(1, 10_000_000_000, 3);
        let histogram = histogram.unwrap_or_else(|e| panic!("histogram: {e}"));
        Self { name: name.to_string(), ops: ops as u64, histogram }
    }

    /// Takes note of one call.
    pub fn record(&mut self, ns: u64) {
        self.histogram.saturating_record(ns);
    }

    /// What they took.
    pub fn percentiles(&self) -> Percentiles {
        let at = |quantile| self.histogram.value_at_quantile(quantile) as f64 / self.ops as f64;
        Percentiles {
            name: self.name.clone(),
            p50_ns: at(0.5),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            calls: self.histogram.len(),
            ops: self.ops,
        }
    }
}

/// A clock for single calls that knows what it costs itself.
pub struct Stopwatch {
    clock: Clock,
    cost_ns: u64,
}

impl Stopwatch {
    /// Measures its own cost.
    pub fn new() -> Self {
        let mut watch = Self { clock: Clock::new(), cost_ns: 0 };
        let mut costs: Vec<u64> = (0..1_001).map(|_| watch.time(&mut || ())).collect();
        costs.sort_unstable();
        watch.cost_ns = costs[costs.len() / 2];
        watch
    }

    /// How long a call takes, in nanoseconds.
    pub fn time(&self, call: &mut dyn FnMut()) -> u64 {
        let start = self.clock.raw();
        call();
        let end = self.clock.raw();
        self.clock.delta_as_nanos(start, end).saturating_sub(self.cost_ns)
    }
}

/// A name, and one call of what it names.
pub type Candidate<'a> = (&'a str, Box<dyn FnMut() + 'a>);

/// Times one candidate for itself.
pub fn measure(name: &str, calls: usize, call: impl FnMut()) -> Percentiles {
    let mut candidates: [Candidate; 1] = [(name, Box::new(call))];
    interleave(&mut candidates, calls).remove(0)
}

/// Times candidates in turns, `calls` calls of each; results in the order given.
pub fn interleave(candidates: &mut [Candidate], calls: usize) -> Vec<Percentiles> {
    interleave_batches(candidates, calls, 1)
}

/// The same for candidates of which each call does `ops` operations: what takes a few nanoseconds
/// can only be timed by the batch. Percentiles are then of the batches' means.
pub fn interleave_batches(
    candidates: &mut [Candidate],
    full_calls: usize,
    ops: usize,
) -> Vec<Percentiles> {
    let (calls, warm_up) = (calls(full_calls), if is_smoke() { 0 } else { WARM_UP });
    let watch = Stopwatch::new();
    let mut samples: Vec<_> =
        candidates.iter().map(|(name, _)| Samples::of_batches(name, ops)).collect();
    for (_, call) in candidates.iter_mut() {
        (0..warm_up).for_each(|_| call());
    }
    for _ in 0..calls.div_ceil(TURN) {
        for ((_, call), samples) in candidates.iter_mut().zip(&mut samples) {
            for _ in 0..TURN.min(calls) {
                samples.record(watch.time(call));
            }
        }
    }
    samples.iter().map(Samples::percentiles).collect()
}

/// Prints a table with a title, and each candidate's p50 as a multiple of the first one's.
pub fn print_table(title: &str, results: &[Percentiles]) {
    println!("\n{title}");
    let first = results.first().map_or(1.0, |r| r.p50_ns.max(0.1));
    for result in results {
        println!("  {result}  x{:.2}", result.p50_ns / first);
    }
}
