//! The one clock. Everything else gets its time as an argument.
//!
//! [`WallClock`] is the system clock read once, then the time-stamp counter along a **line**: an anchor
//! and a rate. A counter is off by some ten parts in a million, so whoever owns the [`Discipline`]
//! compares the two once a second and lays a new line that begins where the old one is and leads
//! towards the system clock, at most [`MAX_SLEW_PPM`] faster or slower than the counter. Time never
//! goes back and never steps.
//!
//! A system clock that was **set** (by more than [`FOLLOWED`]) is not followed: no line leads there in
//! useful time, and a step would age every book and order at once. Time here goes on as it was, in step
//! with the system clock but for that distance, and the caller is told, so that a person can restart.
//! After a **suspend** it depends on the machine: a counter that stood still looks like a clock that was
//! set; one that went on makes one long cycle, in which nothing cools down (see `logic/gate`).

use crate::types::Nanos;
use core::cell::Cell;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// How much faster or slower than its counter a clock may be made, parts in a million.
pub const MAX_SLEW_PPM: i64 = 500;
/// Differences from the system clock up to here are worked off; beyond, it was set.
pub const FOLLOWED: Nanos = Nanos::secs(1);
/// How often the two clocks are compared.
const EVERY: Nanos = Nanos::secs(1);
/// A difference is worked off at this pace (1/e of it is left after so long), when that is within the
/// highest slew.
const SETTLES_IN_S: i64 = 32;
/// Counters are off by less than this; the rest of the slew is for differences.
const MAX_COUNTER_ERROR_PPB: i64 = 200_000;
/// The system clock is read between two readings of the counter, so often, and the tightest pair counts.
const READINGS: usize = 5;
/// Rates in a line are in 2^-40, so that a lane multiplies and shifts, and divides by nothing.
const RATE_BITS: u32 = 40;

/// Monotonic wall time in Unix nanoseconds. Clones share one line; each of them never goes back, and two
/// differ by what a change of rate makes of the time that laying a line takes: nothing, but for a thread
/// that is put to sleep in between (a part in a thousand of its sleep, at most).
#[derive(Clone, Debug)]
pub struct WallClock {
    clock: quanta::Clock,
    calibrations: Arc<Calibrations>,
    last: Cell<Nanos>,
}

/// Keeps a [`WallClock`] near the system clock: there is one, in the hands of a thread that may wait.
#[derive(Debug)]
pub struct Discipline {
    clock: WallClock,
    steering: Steering,
    /// The counter when the newest line was laid.
    raw: u64,
}

/// The system clock was set: so far ahead of (or behind) where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockWasSet(pub Nanos);

impl Default for WallClock {
    /// One that nobody disciplines: for spans, and for runs that are short.
    fn default() -> Self {
        Self::disciplined().0
    }
}

impl WallClock {
    /// A clock, and what keeps it right.
    pub fn disciplined() -> (Self, Discipline) {
        let clock = quanta::Clock::new();
        let (raw, unix) = read(&clock);
        let calibrations = Arc::new(Calibrations::new(Calibration { raw, unix, rate: 0 }));
        let clock = Self { clock, calibrations, last: Cell::new(unix) };
        let steering = Steering { unix, ..Steering::default() };
        (clock.clone(), Discipline { clock, steering, raw })
    }

    /// Now.
    pub fn now(&self) -> Nanos {
        let (line, raw) = self.calibrations.newest(|| self.raw());
        let since = self.span_ns(line.raw, raw) as i64 - self.span_ns(raw, line.raw) as i64;
        self.last.set(self.last.get().max(line.unix + at_rate(Nanos(since), line.rate)));
        self.last.get()
    }
    /// Now, and what the system clock says then: what the kernel's own stamps are said in.
    pub fn with_system(&self) -> (Nanos, Nanos) {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        (self.now(), Nanos(system.as_nanos() as i64))
    }
    /// A raw tick count, for measuring spans with [`WallClock::span_ns`].
    pub fn raw(&self) -> u64 {
        self.clock.raw()
    }
    /// Nanoseconds between two raw tick counts, as the counter has them; 0 when they are the wrong way
    /// round.
    pub fn span_ns(&self, from: u64, to: u64) -> u64 {
        self.clock.delta_as_nanos(from, to)
    }
}

impl Discipline {
    /// Compares the clocks when it is time to, and lays a new line. Call it often; it never waits.
    pub fn turn(&mut self) -> Option<ClockWasSet> {
        let due = self.clock.span_ns(self.raw, self.clock.raw()) as i64 >= EVERY.0;
        if !due && self.clock.raw() >= self.raw {
            return None;
        }
        let (raw, system) = read(&self.clock.clock);
        // A counter that began anew (a machine that slept) says nothing of how long that was.
        let elapsed = Nanos(self.clock.span_ns(self.raw, raw) as i64);
        let set = self.steering.turn(elapsed, system);
        self.raw = raw;
        let Steering { unix, rate_ppb, .. } = self.steering;
        self.clock.calibrations.lay(Calibration { raw, unix, rate: rate(rate_ppb) });
        set
    }
}

impl fmt::Display for ClockWasSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (by_s, side) =
            (self.0.as_secs_f64(), if self.0 > Nanos::ZERO { "ahead" } else { "back" });
        write!(
            f,
            "the system clock was set {:.1} s {side}, or the machine slept: time here goes on as it \
             was; restart to take up the new one",
            by_s.abs()
        )
    }
}

/// How a clock is steered, without any clock.
#[derive(Clone, Copy, Debug, Default)]
struct Steering {
    /// Our time when the newest line was laid.
    unix: Nanos,
    /// How much faster than its counter it goes.
    rate_ppb: i64,
    /// What of that is the counter's own error, as far as learned.
    counter_ppb: i64,
    /// How far the system clock was set since the start, which is not followed.
    set: Nanos,
}

impl Steering {
    /// `elapsed` since the last turn by the counter, it is `system` by the system clock.
    fn turn(&mut self, elapsed: Nanos, system: Nanos) -> Option<ClockWasSet> {
        self.unix = self.unix + at_rate(elapsed, rate(self.rate_ppb));
        let mut error = system.0.saturating_sub(self.unix.0).saturating_sub(self.set.0);
        let was_set = (error.saturating_abs() > FOLLOWED.0).then_some(ClockWasSet(Nanos(error)));
        if was_set.is_some() {
            self.set = Nanos(self.set.0.saturating_add(error));
            error = 0;
        }
        // Nanoseconds a second are parts in a billion. The integral is damped critically.
        let wanted = self.counter_ppb + error / SETTLES_IN_S;
        let limit = MAX_SLEW_PPM * 1_000;
        self.rate_ppb = wanted.clamp(-limit, limit);
        if self.rate_ppb == wanted {
            let turns = (elapsed.0 / EVERY.0).clamp(0, 2);
            let learned = self.counter_ppb + error * turns / (4 * SETTLES_IN_S * SETTLES_IN_S);
            self.counter_ppb = learned.clamp(-MAX_COUNTER_ERROR_PPB, MAX_COUNTER_ERROR_PPB);
        }
        was_set
    }
}

/// A rate as calibrations have it.
fn rate(ppb: i64) -> i64 {
    ((i128::from(ppb) << RATE_BITS) / 1_000_000_000) as i64
}

/// A span by the counter as it counts at a rate.
fn at_rate(span: Nanos, rate: i64) -> Nanos {
    span + Nanos(((i128::from(span.0) * i128::from(rate)) >> RATE_BITS) as i64)
}

/// The counter and the system clock at one moment.
fn read(clock: &quanta::Clock) -> (u64, Nanos) {
    let reading = |_| {
        let before = clock.raw();
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let width = clock.raw().saturating_sub(before);
        (width, before + width / 2, Nanos(unix.as_nanos() as i64))
    };
    let (_, raw, unix) = (0..READINGS).map(reading).min_by_key(|r| r.0).unwrap_or_default();
    (raw, unix)
}

/// Time by a counter: `unix` when it stood at `raw`, from there on so much faster than it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Calibration {
    raw: u64,
    unix: Nanos,
    rate: i64,
}

/// The newest line, for any number of readers. Two places take turns, so that a reader never waits for
/// a writer that was put to sleep in the middle of writing.
#[derive(Debug)]
struct Calibrations {
    /// Number of the newest line.
    newest: AtomicU64,
    words: [[AtomicU64; 3]; 2],
}

impl Calibrations {
    fn new(line: Calibration) -> Self {
        let calibrations = Self { newest: AtomicU64::new(0), words: Default::default() };
        calibrations.lay(line);
        calibrations
    }

    /// Only one thread may.
    fn lay(&self, line: Calibration) {
        let next = self.newest.load(Ordering::Relaxed) + 1;
        // Pairs with the reader's fence: who sees a word of this line also sees that the one before,
        // which has the other place, is out.
        fence(Ordering::Release);
        let words = [line.raw, line.unix.0 as u64, line.rate as u64];
        for (word, value) in self.words[(next % 2) as usize].iter().zip(words) {
            word.store(value, Ordering::Relaxed);
        }
        self.newest.store(next, Ordering::Release);
    }

    /// The line that holds while `read_raw` is called, and what that says.
    fn newest(&self, read_raw: impl Fn() -> u64) -> (Calibration, u64) {
        loop {
            let number = self.newest.load(Ordering::Acquire);
            let [raw, unix, rate] = &self.words[(number % 2) as usize];
            let [raw, unix, rate] = [raw, unix, rate].map(|w| w.load(Ordering::Relaxed));
            let now_raw = read_raw();
            fence(Ordering::Acquire);
            if self.newest.load(Ordering::Relaxed) == number {
                return (Calibration { raw, unix: Nanos(unix as i64), rate: rate as i64 }, now_raw);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Nanos = Nanos::secs(1_795_360_000);

    /// A counter that is off, a system clock that may be set, and our clock between them.
    struct World {
        steering: Steering,
        counter_ppb: i64,
        system: Nanos,
        highest_slew_ppb: i64,
        said: Vec<ClockWasSet>,
    }

    impl World {
        fn new(counter_ppm: i64) -> Self {
            let steering = Steering { unix: START, ..Steering::default() };
            let (system, counter_ppb) = (START, counter_ppm * 1_000);
            Self { steering, counter_ppb, system, highest_slew_ppb: 0, said: Vec::new() }
        }

        /// Turns that come late now and then; our time less the system's at the end.
        fn run(&mut self, seconds: i64) -> Nanos {
            for i in 0..seconds {
                let pause = Nanos::millis(1_000 + 7 * (i % 11));
                self.pass(pause, pause);
            }
            self.steering.unix - self.system
        }

        /// So much passes by the system clock and, but for its error, by the counter.
        fn pass(&mut self, system: Nanos, counter: Nanos) {
            let before = self.steering.unix;
            self.system = self.system + system;
            let elapsed = at_rate(counter, rate(self.counter_ppb));
            self.said.extend(self.steering.turn(elapsed, self.system));
            assert!(self.steering.unix >= before, "time went back");
            let slewed = (self.steering.unix - before - elapsed).0.abs();
            assert!(slewed <= elapsed.0 * MAX_SLEW_PPM / 1_000_000 + 1, "a step of {slewed} ns");
            self.highest_slew_ppb = self.highest_slew_ppb.max(self.steering.rate_ppb.abs());
        }
    }

    #[test]
    fn a_counter_that_is_off_is_learned() {
        for ppm in [-150, -32, -13, 0, 13, 32, 150] {
            let mut world = World::new(ppm);
            world.run(20 * 60);
            let mut worst = Nanos::ZERO;
            for _ in 0..60 {
                worst = worst.max(Nanos(world.run(60).0.abs()));
            }
            let undisciplined_us = 80 * 60 * ppm;
            println!("{ppm} ppm: {} µs off, {undisciplined_us} µs without", worst.0 / 1_000);
            assert!(worst <= Nanos(20_000), "{ppm} ppm: {worst}");
            assert!(world.said.is_empty() && world.highest_slew_ppb <= 500_000);
        }
    }

    #[test]
    fn a_small_correction_of_the_system_clock_is_worked_off_without_a_step() {
        for ms in [900, -900, 20] {
            let mut world = World::new(20);
            world.run(600);
            world.system = world.system + Nanos::millis(ms);
            let left = world.run(60).0.abs();
            assert!(
                left >= (ms.abs() - 33) * 1_000_000,
                "{ms} ms: slewed too fast, {left} ns left"
            );
            let left = world.run(45 * 60).0.abs();
            assert!(left <= 1_000_000, "{ms} ms: {left} ns left");
            assert!(world.said.is_empty());
        }
    }

    #[test]
    fn a_system_clock_that_was_set_is_told_once_and_not_followed() {
        for ms in [4_000, -4_000, 3_600_000, -3_600_000] {
            let mut world = World::new(25);
            world.run(1_200);
            world.system = world.system + Nanos::millis(ms);
            let apart = world.run(600) + Nanos::millis(ms);
            assert_eq!(world.said.len(), 1, "{ms}");
            let told = world.said[0].0 - Nanos::millis(ms);
            assert!(told.0.abs() < 1_000_000 && apart.0.abs() < 1_000_000, "{told} {apart}");
            // Set right again, all is as it was.
            world.system = world.system - Nanos::millis(ms);
            assert!(world.run(600).0.abs() < 1_000_000);
            assert_eq!(world.said.len(), 2);
        }
    }

    /// A machine slept for an hour: its counter stood still, or went on.
    #[test]
    fn a_suspend_is_a_clock_that_was_set_or_one_long_cycle() {
        let mut world = World::new(-30);
        world.run(1_200);
        world.pass(Nanos::secs(3_600), Nanos::ZERO);
        assert!(world.run(600) + Nanos::secs(3_600) < Nanos::millis(1));
        assert_eq!(world.said.len(), 1);
        let mut world = World::new(-30);
        world.run(1_200);
        world.pass(Nanos::secs(3_600), Nanos::secs(3_600));
        assert!(world.run(600).0.abs() < 1_000_000);
        assert!(world.said.is_empty());
    }

    #[test]
    fn absurd_system_times_are_no_panic() {
        let mut world = World::new(10);
        for system in [0, i64::MAX, -1, i64::MIN, START.0] {
            world.system = Nanos(system);
            world.said.extend(world.steering.turn(Nanos::secs(1), world.system));
        }
        assert!(world.steering.unix < START + Nanos::secs(6));
    }

    #[test]
    fn no_reader_sees_half_a_line() {
        let line = |i: u64| Calibration { raw: i, unix: Nanos(i as i64), rate: i as i64 };
        let calibrations = Arc::new(Calibrations::new(line(0)));
        let rounds = if cfg!(miri) { 200 } else { 50_000 };
        let writer = {
            let calibrations = calibrations.clone();
            std::thread::spawn(move || (1..=rounds).for_each(|i| calibrations.lay(line(i))))
        };
        let mut last = 0;
        while last < rounds {
            let (seen, _) = calibrations.newest(|| 0);
            assert_eq!(seen, line(seen.raw), "torn");
            assert!(seen.raw >= last, "went back");
            last = seen.raw;
        }
        writer.join().unwrap();
    }

    /// Lanes read it while calibrations are laid: no time goes back from one to the next either.
    #[test]
    #[cfg_attr(miri, ignore = "reads the system clock")]
    fn time_goes_on_over_every_new_line() {
        let (clock, mut discipline) = WallClock::disciplined();
        let newest = Arc::new(AtomicU64::new(0));
        let reader = || {
            let (clock, newest) = (clock.clone(), newest.clone());
            std::thread::spawn(move || {
                for _ in 0..200_000 {
                    let before = newest.load(Ordering::Acquire);
                    let now = clock.now().0 as u64;
                    // Cores whose counters are not quite in step, and threads that are put to sleep,
                    // make microseconds; a line that does not begin where the last one is, more.
                    assert!(now + 50_000 >= before, "{} ns back", before - now);
                    newest.fetch_max(now, Ordering::AcqRel);
                }
            })
        };
        let readers = [reader(), reader()];
        let mut rate_ppb = 500;
        while readers.iter().any(|r| !r.is_finished()) {
            let (raw, _) = read(&clock.clock);
            let elapsed = Nanos(clock.span_ns(discipline.raw, raw) as i64);
            let unix =
                discipline.steering.unix + at_rate(elapsed, rate(discipline.steering.rate_ppb));
            (discipline.steering.unix, discipline.steering.rate_ppb) = (unix, rate_ppb);
            discipline.raw = raw;
            clock.calibrations.lay(Calibration { raw, unix, rate: rate(rate_ppb) });
            rate_ppb = -rate_ppb;
        }
        readers.into_iter().for_each(|r| r.join().unwrap());
    }
}
