//! Virtual time: no clock, the next moment is the earliest deadline of any stage.
//!
//! A moment goes in two parts: first every stage hears all that arrives then ([`Stage::hear`]), round
//! after round, until nothing more does; then they are polled until they come to rest. So a decision
//! knows all of its moment, whatever the bounds of a poll or of a ring are.
//!
//! Inline, only those stages are polled that something has come for or that are due ([`Stage::hears`],
//! [`Stage::is_due`]); on threads, all of them, and both decide the same.
//!
//! Between two moments that more than one has to hear of, market data that concern nobody else are taken in
//! ahead of their time ([`Stage::run_ahead`]): most rows of a recording that tells level by level.
//!
//! The same stages run either all in the calling thread ([`run_inline`]) or on a plan's threads
//! ([`run_lockstep`]), where a baton passes from lane to lane in pipeline order. The baton makes the
//! order of polls, and so every decision, the same under every plan; what the plan changes is on
//! which thread a stage runs and which rings cross threads.

use super::lane::Lane;
use super::stage::{Ahead, Stage};
use crate::types::Nanos;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicUsize, Ordering};

/// Rounds that one moment may take before we call it a stage that never comes to rest.
const MAX_ROUNDS_PER_MOMENT: u32 = 1_000_000;

/// What drives a run from outside: the venue's side, which is no stage of the pipeline, and a look
/// at each round (draining journals, progress, interruption).
pub struct Drive<'a> {
    /// First moment.
    pub start: Nanos,
    /// Last moment; deadlines after it are not waited for.
    pub end: Nanos,
    /// Polled last in each round, by the calling thread.
    pub venue: Box<dyn Stage>,
    /// Called after each moment; false ends the run.
    pub after_moment: &'a mut dyn FnMut(Nanos) -> bool,
}

/// Polls all lanes on the calling thread until `end`.
pub fn run_inline(mut lanes: Vec<Lane>, drive: Drive<'_>) {
    lanes.iter_mut().for_each(Lane::start);
    run(drive, &mut Inline(&mut lanes));
    lanes.iter_mut().for_each(Lane::stop);
}

/// The same with a thread for each lane. An error names a lane that panicked.
pub fn run_lockstep(lanes: Vec<Lane>, drive: Drive<'_>) -> Result<(), String> {
    let baton = Arc::new(Baton::default());
    let count = lanes.len() as u32;
    let handles: Vec<_> = (1..)
        .zip(lanes)
        .map(|(turn, lane)| {
            let (baton, name) = (baton.clone(), lane.name().to_owned());
            let thread = std::thread::Builder::new().name(name.clone());
            (name, thread.spawn(move || baton.serve(turn, count, lane)))
        })
        .collect();
    if handles.iter().all(|(_, h)| h.is_ok()) {
        run(drive, &mut &*baton);
    }
    baton.stop.store(true, Ordering::Release);
    for (name, handle) in handles {
        let handle = handle.map_err(|e| format!("cannot start a thread for lane {name}: {e}"))?;
        handle.join().map_err(|_| format!("lane {name} panicked"))?;
    }
    Ok(())
}

/// One of the two parts of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Hear,
    Poll,
}

impl Part {
    /// The work that a lane did, and its next deadline if it came to rest: nobody asks before.
    fn of(self, lane: &mut Lane, now: Nanos) -> (usize, Nanos) {
        match self {
            Self::Hear => (lane.hear(now), Nanos::MAX),
            Self::Poll => match lane.poll(now) {
                0 => (0, lane.next_deadline().unwrap_or(Nanos::MAX)),
                work => (work, Nanos::MAX),
            },
        }
    }
}

/// All lanes, wherever they run.
trait Lanes {
    /// One round: the work of all, and the earliest deadline of those that came to rest.
    fn round(&mut self, now: Nanos, part: Part) -> (usize, Nanos);
    /// Does ahead of time what is due before `until` and concerns nobody else, with the venue.
    fn run_ahead(&mut self, venue: &mut dyn Stage, until: Nanos) -> Ahead;
    /// When the venue is next to be asked.
    fn deadline_of(&self, venue: &dyn Stage) -> Option<Nanos>;
    /// Whether all still run.
    fn is_healthy(&self) -> bool;
    /// The last moment is over: those that were not polled in it learn of it.
    fn end(&mut self, now: Nanos) {
        let _ = now;
    }
}

/// In the calling thread: market data go ahead from one decision to the next.
struct Inline<'a>(&'a mut [Lane]);

impl Lanes for Inline<'_> {
    fn round(&mut self, now: Nanos, part: Part) -> (usize, Nanos) {
        let lanes = self.0.iter_mut();
        let work = match part {
            Part::Hear => lanes.map(|lane| lane.hear_due(now)).sum(),
            Part::Poll => lanes.map(|lane| lane.poll_due(now)).sum(),
        };
        if work > 0 || part == Part::Hear {
            return (work, Nanos::MAX);
        }
        let deadlines = self.0.iter().filter_map(Lane::calm_until);
        (0, deadlines.min().unwrap_or(Nanos::MAX))
    }
    fn run_ahead(&mut self, venue: &mut dyn Stage, until: Nanos) -> Ahead {
        let lanes = self.0.iter_mut();
        let all = lanes.fold(Ahead::nothing(until), |all, lane| all.and(lane.run_ahead(all.until)));
        all.and(venue.run_ahead(all.until))
    }
    fn deadline_of(&self, venue: &dyn Stage) -> Option<Nanos> {
        venue.calm_until()
    }
    fn is_healthy(&self) -> bool {
        true
    }
    fn end(&mut self, now: Nanos) {
        for lane in self.0.iter_mut() {
            lane.poll(now);
        }
    }
}

/// On their threads, moment by moment.
impl Lanes for &Baton {
    fn round(&mut self, now: Nanos, part: Part) -> (usize, Nanos) {
        (**self).round(now, part)
    }
    fn run_ahead(&mut self, _: &mut dyn Stage, until: Nanos) -> Ahead {
        Ahead::nothing(until)
    }
    fn deadline_of(&self, venue: &dyn Stage) -> Option<Nanos> {
        venue.next_deadline()
    }
    fn is_healthy(&self) -> bool {
        !self.broken.load(Ordering::Acquire)
    }
}

fn run(mut drive: Drive<'_>, lanes: &mut dyn Lanes) {
    let venue = &mut drive.venue;
    venue.on_start();
    let mut now = drive.start;
    loop {
        let mut next = Nanos::MAX;
        for part in [Part::Hear, Part::Poll] {
            for rounds in 0.. {
                assert!(rounds < MAX_ROUNDS_PER_MOMENT, "a stage never comes to rest at {now}");
                let (work, deadline) = lanes.round(now, part);
                let of_venue = if venue.is_due(now) { venue.poll(now) } else { 0 };
                if work + of_venue == 0 {
                    let own = lanes.deadline_of(&**venue);
                    next = own.map_or(deadline, |own| own.min(deadline));
                    break;
                }
                if !lanes.is_healthy() {
                    return;
                }
            }
        }
        if !(drive.after_moment)(now) || !lanes.is_healthy() {
            break;
        }
        let ahead = lanes.run_ahead(&mut **venue, next.min(drive.end + Nanos(1)));
        next = next.min(ahead.until);
        if next > drive.end {
            // The end of the market is a moment as it would be without going ahead.
            match ahead.last.filter(|last| *last > now) {
                Some(last) => next = last,
                None => break,
            }
        }
        assert!(next > now, "a stage's deadline {next} passed at {now} without work");
        now = next;
    }
    lanes.end(now);
    venue.on_stop();
}

/// Whose turn it is, and what the round has added up to so far.
#[derive(Default)]
struct Baton {
    /// 0 = the coordinator, 1.. = lanes.
    turn: AtomicU32,
    now: AtomicI64,
    /// The round is of the first part of a moment: lanes only hear.
    hears: AtomicBool,
    work: AtomicUsize,
    deadline: AtomicI64,
    stop: AtomicBool,
    /// A lane panicked.
    broken: AtomicBool,
}

impl Baton {
    /// The coordinator's part: one round through all lanes.
    fn round(&self, now: Nanos, part: Part) -> (usize, Nanos) {
        self.now.store(now.0, Ordering::Relaxed);
        self.hears.store(part == Part::Hear, Ordering::Relaxed);
        self.work.store(0, Ordering::Relaxed);
        self.deadline.store(i64::MAX, Ordering::Relaxed);
        self.turn.store(1, Ordering::Release);
        self.wait_for(0, &self.broken);
        (self.work.load(Ordering::Relaxed), Nanos(self.deadline.load(Ordering::Relaxed)))
    }

    /// A lane's part.
    fn serve(&self, turn: u32, lanes: u32, mut lane: Lane) {
        let _guard = BrokenGuard(self);
        lane.start();
        while self.wait_for(turn, &self.stop) {
            let part = if self.hears.load(Ordering::Relaxed) { Part::Hear } else { Part::Poll };
            let now = Nanos(self.now.load(Ordering::Relaxed));
            let (work, deadline) = part.of(&mut lane, now);
            // Only the holder of the baton writes these, and passing it on publishes them.
            self.work.store(self.work.load(Ordering::Relaxed) + work, Ordering::Relaxed);
            self.deadline.fetch_min(deadline.0, Ordering::Relaxed);
            self.turn.store((turn + 1) % (lanes + 1), Ordering::Release);
        }
        lane.stop();
    }

    /// Waits for a turn; false when `quit` came first.
    fn wait_for(&self, turn: u32, quit: &AtomicBool) -> bool {
        let mut spins = 0_u32;
        while self.turn.load(Ordering::Acquire) != turn {
            if quit.load(Ordering::Acquire) {
                return false;
            }
            spins += 1;
            if spins.is_multiple_of(64) {
                std::thread::yield_now()
            } else {
                core::hint::spin_loop()
            }
        }
        true
    }
}

struct BrokenGuard<'a>(&'a Baton);

impl Drop for BrokenGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.broken.store(true, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::WallClock;
    use super::super::idle::IdleStrategy;
    use super::super::plan::{LanePlan, Plan};
    use super::super::ring::{In, Out, ring};
    use super::*;

    /// Ticks every `period` and hands its count on.
    struct Ticker(Out<u64>, Nanos, Nanos, u64);
    impl Stage for Ticker {
        fn name(&self) -> &'static str {
            "feed"
        }
        fn poll(&mut self, now: Nanos) -> usize {
            if now < self.2 {
                return 0;
            }
            assert_ne!(self.3, 5_000, "told to fail here");
            self.2 = self.2 + self.1;
            self.3 += 1;
            usize::from(self.0.push_or_drop(self.3))
        }
        fn next_deadline(&self) -> Option<Nanos> {
            Some(self.2)
        }
    }
    struct Adder(In<u64>, Arc<AtomicI64>);
    impl Stage for Adder {
        fn name(&self) -> &'static str {
            "book"
        }
        fn poll(&mut self, now: Nanos) -> usize {
            let Some(n) = self.0.pop() else { return 0 };
            self.1.fetch_add(now.0 * n as i64, Ordering::Relaxed);
            1
        }
    }
    struct Nothing;
    impl Stage for Nothing {
        fn name(&self) -> &'static str {
            "venue"
        }
        fn poll(&mut self, _: Nanos) -> usize {
            0
        }
    }

    fn plan(lanes: &[&[&str]]) -> Plan {
        let lane = |s: &&[&str]| LanePlan {
            stages: s.iter().map(|s| (*s).into()).collect(),
            core: None,
            idle: IdleStrategy::Backoff,
        };
        Plan { name: "test".into(), lanes: lanes.iter().map(lane).collect(), ..Plan::default() }
    }

    fn run_with(plan: Option<&Plan>, end: Nanos) -> Result<i64, String> {
        let sum = Arc::new(AtomicI64::new(0));
        let (tx, rx) = ring("feed->book", 4);
        let stages: Vec<Box<dyn Stage>> =
            vec![Box::new(Ticker(tx, Nanos(7), Nanos(7), 0)), Box::new(Adder(rx, sum.clone()))];
        let clock = WallClock::default();
        let after_moment = &mut |_| true;
        let drive = Drive { start: Nanos(0), end, venue: Box::new(Nothing), after_moment };
        match plan {
            None => run_inline(Lane::inline(stages, &clock).0, drive),
            Some(p) => run_lockstep(Lane::by_plan(p, stages, &clock).0, drive)?,
        }
        Ok(sum.load(Ordering::Relaxed))
    }

    #[test]
    fn every_plan_sees_the_same_world() {
        let expected = (1..=1000).map(|n| n * n * 7).sum::<i64>();
        assert_eq!(run_with(None, Nanos(7_000)), Ok(expected));
        assert_eq!(run_with(Some(&plan(&[&["feed", "book"]])), Nanos(7_000)), Ok(expected));
        assert_eq!(run_with(Some(&plan(&[&["feed"], &["book"]])), Nanos(7_000)), Ok(expected));
    }

    #[test]
    fn a_panicking_lane_ends_the_run_with_its_name() {
        let split = plan(&[&["feed"], &["book"]]);
        assert_eq!(run_with(Some(&split), Nanos(70_000)), Err("lane feed panicked".into()));
    }
}
