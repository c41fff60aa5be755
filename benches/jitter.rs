//! The machine's own floor: for how long a thread that does nothing but read the clock is stopped, on each core. What
//! stops it is none of ours: interrupts, other threads, the host of a guest.
//!
//! `cargo bench --bench jitter [-- SECONDS]`: one thread, pinned to each core in turn, spins there for so long. A gap is
//! what lies between two readings of the clock, with what it takes to note it. A lane that spins has such gaps
//! whatever it does: no figure of this machine can be better. In real time (on isolated cores): the bench's binary under
//! `chrt -f 10`.

mod harness;

use botmm_pipeline::rt::plan::allowed_cores;
use hdrhistogram::Histogram;
use quanta::Clock;
use rustix::thread::{CpuSet, sched_setaffinity};
use std::time::Duration;

/// How long each core is looked at when nothing is said.
const SPAN: Duration = Duration::from_secs(5);
const SMOKE_SPAN: Duration = Duration::from_millis(20);
/// Gaps longer than each are counted.
const LONG_US: [u64; 4] = [1, 10, 100, 1_000];
/// The quantiles shown.
const QUANTILES: [f64; 4] = [0.5, 0.99, 0.999, 0.9999];

/// What one core's gaps were.
struct Gaps {
    histogram: Histogram<u64>,
    /// Longer than each of [`LONG_US`].
    long: [u64; LONG_US.len()],
    /// Nanoseconds, all gaps together.
    total_ns: u64,
}

fn main() {
    harness::print_rig();
    let mut asked = std::env::args().skip(1).filter_map(|word| word.parse().ok());
    let span = match harness::is_smoke() {
        true => SMOKE_SPAN,
        false => asked.next().map_or(SPAN, Duration::from_secs),
    };
    println!(
        "\na pinned thread that does nothing but read the clock, {} s a core: gaps in ns, and how many a second are longer \
         than 1, 10, 100, 1000 us",
        span.as_secs_f64()
    );
    println!(
        "{:<6} {:>6} {:>8} {:>8} {:>8} {:>10}   {:>9} {:>8} {:>8} {:>8}  share lost",
        "core", "p50", "p99", "p99.9", "p99.99", "max", ">1us", ">10us", ">100us", ">1ms"
    );
    for core in allowed_cores() {
        let gaps = std::thread::spawn(move || spin(core, span));
        let gaps = gaps.join().unwrap_or_else(|_| panic!("the thread of core {core} died"));
        print_row(core, &gaps);
        assert!(u128::from(gaps.total_ns) >= span.as_nanos(), "gaps are all the time there was");
        assert!(gaps.long.is_sorted_by(|a, b| a >= b), "a longer gap is a shorter one, too");
    }
}

/// The calling thread spins on a core for so long.
fn spin(core: usize, span: Duration) -> Gaps {
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).unwrap_or_else(|e| panic!("core {core}: {e}"));
    let histogram = Histogram::new_with_bounds(1, 10_000_000_000, 3);
    let histogram = histogram.unwrap_or_else(|e| panic!("histogram: {e}"));
    let mut gaps = Gaps { histogram, long: [0; LONG_US.len()], total_ns: 0 };
    let (clock, span_ns) = (Clock::new(), span.as_nanos() as u64);
    let mut last = clock.raw();
    while gaps.total_ns < span_ns {
        let now = clock.raw();
        gaps.note(clock.delta_as_nanos(last, now));
        last = now;
    }
    gaps
}

impl Gaps {
    fn note(&mut self, ns: u64) {
        self.total_ns += ns;
        self.histogram.saturating_record(ns);
        if ns <= LONG_US[0] * 1_000 {
            return;
        }
        for (count, us) in self.long.iter_mut().zip(LONG_US) {
            *count += u64::from(ns > us * 1_000);
        }
    }

    /// Of all time, the share in gaps longer than the shortest that is counted; 0 to 1.
    fn lost(&self) -> f64 {
        let long = self.histogram.iter_recorded();
        let long = long.filter(|bucket| bucket.value_iterated_to() > LONG_US[0] * 1_000);
        let ns: f64 = long.map(|b| b.value_iterated_to() as f64 * b.count_at_value() as f64).sum();
        ns / self.total_ns as f64
    }
}

fn print_row(core: usize, gaps: &Gaps) {
    let [p50, p99, p999, p9999] = QUANTILES.map(|q| gaps.histogram.value_at_quantile(q));
    let seconds = gaps.total_ns as f64 / 1e9;
    let [a, b, c, d] = gaps.long.map(|count| count as f64 / seconds);
    println!(
        "{core:<6} {p50:>6} {p99:>8} {p999:>8} {p9999:>8} {:>10}   {a:>9.1} {b:>8.1} {c:>8.1} {d:>8.1}  {:>8.3} %",
        gaps.histogram.max(),
        gaps.lost() * 100.0
    );
}
