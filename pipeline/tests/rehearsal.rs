//! Rehearsals keep the path warm and change nothing: not what is decided or sent, not a byte on the heap.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod coins;
mod counting;
mod world;

use botmm_pipeline::rt::{Lane, Rehearsal, Stage, WallClock};
use botmm_pipeline::types::params::FairPrice;
use botmm_pipeline::types::{AssetParams, Nanos, Record, Strategy};
use botmm_pipeline::wiring::{self, Config};
use counting::allocations;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use world::Setup;

const EVERY: Nanos = Nanos(100_000);

fn config(params: AssetParams) -> Config {
    let universe = coins::universe([("ETH", 4), ("SOL", 2)]);
    Config { commentary: 8, ..Config::new(universe, vec![params; 2]) }
}

/// A real stage of a replay that rehearses after each of its polls, as an idle lane would.
struct Rehearsing {
    inner: Vec<Box<dyn Stage>>,
    rehearsal: Rehearsal,
    now: Nanos,
    allocated: Arc<AtomicU64>,
}

impl Stage for Rehearsing {
    fn name(&self) -> &'static str {
        self.inner[0].name()
    }
    fn on_start(&mut self) {
        self.inner[0].on_start();
        self.rehearsal.start();
    }
    fn poll(&mut self, now: Nanos) -> usize {
        let work = self.inner[0].poll(now);
        self.rehearse();
        work
    }
    fn hear(&mut self, now: Nanos) -> usize {
        self.rehearse();
        self.inner[0].hear(now)
    }
    fn next_deadline(&self) -> Option<Nanos> {
        self.inner[0].next_deadline()
    }
    fn on_stop(&mut self) {
        self.inner[0].on_stop();
    }
}

impl Rehearsing {
    fn rehearse(&mut self) {
        // A clock of its own: rehearsals are not part of the moment.
        self.now = self.now + EVERY;
        let Self { inner, rehearsal, now, allocated } = self;
        let n = allocations(|| {
            rehearsal.step(*now, inner);
        });
        allocated.fetch_add(n, Ordering::Relaxed);
    }
}

#[test]
fn decisions_actions_and_facts_are_the_same_with_and_without() {
    let mut setup = Setup::new(5, 4);
    setup.params.fee_floor = false;
    setup.params.min_spread_bps = 0.3;
    setup.params.vol_multiplier = 0.1;
    for (strategy, fair_price) in
        [(Strategy::Basic, FairPrice::Mid), (Strategy::Adaptive, FairPrice::Fitted)]
    {
        (setup.params.strategy, setup.params.fair_price) = (strategy, fair_price);
        let plain = world::replay(&setup, |stage| stage, |_, _| {});
        let allocated = Arc::new(AtomicU64::new(0));
        let count = allocated.clone();
        let mut shadows = wiring::rehearsal(&config(setup.params));
        let rehearsed = world::replay(
            &setup,
            move |stage| -> Box<dyn Stage> {
                let at = shadows.iter().position(|shadow| shadow.name() == stage.name()).unwrap();
                let rehearsal = Rehearsal::new(vec![shadows.remove(at)], EVERY);
                let (inner, allocated) = (vec![stage], count.clone());
                let now = Nanos::secs(1_700_000_000);
                Box::new(Rehearsing { inner, rehearsal, now, allocated })
            },
            |_, _| {},
        );
        let hash = |outcome: &world::Outcome| outcome.metrics.decision_hash();
        assert!(plain.metrics.dispatch.fills.get() > 5, "a replay that trades");
        assert_eq!(hash(&plain), hash(&rehearsed), "{strategy:?}");
        let facts = |outcome: &world::Outcome| -> Vec<String> {
            let facts = outcome.records.iter().filter(|r| matches!(r, Record::Fact(_)));
            facts.map(|fact| format!("{fact:?}")).collect()
        };
        assert_eq!(facts(&plain), facts(&rehearsed), "{strategy:?}");
        assert_eq!(allocated.load(Ordering::Relaxed), 0, "allocations by rehearsals");
    }
}

/// What is rehearsed is a tick: a book is read, decided on, approved, and every order moved.
#[test]
fn a_rehearsal_goes_through_all_of_a_tick() {
    for fair_price in [FairPrice::Mid, FairPrice::Fitted] {
        let params = AssetParams { fair_price, ..AssetParams::default() };
        let mut stages = wiring::rehearsal(&config(params));
        stages.iter_mut().for_each(|stage| stage.on_start());
        let (mut now, mut worked) = (Nanos::secs(1_700_000_000), [0_u64; 5]);
        // Warm-up: an estimate of volatility needs seconds.
        for _ in 0..100_000 {
            now = now + EVERY;
            for stage in &mut stages {
                stage.poll(now);
            }
        }
        for _ in 0..1_000 {
            now = now + EVERY;
            let work = stages.iter_mut().map(|stage| stage.poll(now));
            worked.iter_mut().zip(work).for_each(|(all, work)| *all += work as u64);
        }
        let [feed, book, quote, risk, dispatch] = worked;
        assert_eq!((feed, book), (1_000, 1_000));
        // A view and a decision; a target, and the answers to four modifications, two events each.
        assert!(quote >= 2_000 + 4_000, "{quote}");
        assert!(risk >= 1_000 + 4_000, "{risk}");
        assert!(dispatch >= 1_000 + 4_000, "{dispatch}: orders are moved each time");
    }
}

#[test]
fn a_lane_rehearses_so_often_and_only_one_stage_at_a_time() {
    struct Counting(&'static str, Arc<AtomicU64>, Arc<AtomicU64>);
    impl Stage for Counting {
        fn name(&self) -> &'static str {
            self.0
        }
        fn poll(&mut self, _: Nanos) -> usize {
            self.1.fetch_add(1, Ordering::Relaxed);
            0
        }
        fn warm(&mut self, _: Nanos) {
            self.2.fetch_add(1, Ordering::Relaxed);
        }
    }
    let counts: [Arc<AtomicU64>; 4] = Default::default();
    let [polled, warmed, shadowed, never] = &counts;
    let stages = |polled: &Arc<AtomicU64>, warmed: &Arc<AtomicU64>| -> Vec<Box<dyn Stage>> {
        let stage =
            |name| Box::new(Counting(name, polled.clone(), warmed.clone())) as Box<dyn Stage>;
        ["feed", "book"].map(stage).into()
    };
    let (mut lanes, _) = Lane::inline(stages(polled, warmed), &WallClock::default());
    let lane = &mut lanes[0];
    assert!(!lane.rehearse(Nanos::secs(1)), "none was asked for");
    lane.rehearse_with(&mut stages(shadowed, never), Nanos(1_000));
    let steps =
        |lane: &mut Lane, now: i64| (0..5).take_while(|_| lane.rehearse(Nanos(now))).count();
    assert_eq!(steps(lane, 10_000), 2);
    assert_eq!(steps(lane, 10_999), 0);
    assert_eq!(steps(lane, 11_000), 2);
    // A clock that went back does not hold it up for long.
    assert_eq!(steps(lane, 5_000), 2);
    let count = |count: &Arc<AtomicU64>| count.load(Ordering::Relaxed);
    assert_eq!((count(shadowed), count(warmed), count(polled), count(never)), (6, 6, 0, 0));
}
