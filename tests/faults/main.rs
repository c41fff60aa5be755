//! The whole bot against the whole exchange on its bad days, in virtual time: each fault alone, and
//! random sequences of all of them. After they end the bot reconciles and quotes again; nothing is
//! booked twice, no order is left behind, limits hold all the time.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

mod checks;
mod spy;
mod world;

use botmm::exchange::faults::{Fault, FaultKind, Who, random_schedule};
use botmm_pipeline::types::Nanos;
use std::sync::atomic::{AtomicU64, Ordering};
use world::{Outcome, Setup, run};

/// How soon everything is quoted again after the last fault. A connection that was lost again and
/// again is opened after pauses up to half a minute.
const BOUND: Nanos = Nanos::secs(20);
const BOUND_OF_LINKS: Nanos = Nanos::secs(60);

/// Of random schedules.
const SPAN: Nanos = Nanos::secs(60);
const SEEDS: u64 = 200;

/// One fault that lasts a while, after the bot has begun to trade.
fn one(seed: u64, kind: FaultKind, lasts_ms: i64) -> Outcome {
    let fault = Fault { kind, start: Nanos::secs(8), duration: Nanos::millis(lasts_ms) };
    let is_links = matches!(kind, FaultKind::Drop(_) | FaultKind::Refuse);
    let bound = if is_links { BOUND_OF_LINKS } else { BOUND };
    let outcome = run(&Setup::new(seed, vec![fault], bound));
    assert!(outcome.problems.is_empty(), "{kind:?}, seed {seed}:\n{}", told(&outcome));
    assert!(outcome.fills > 0, "{kind:?}, seed {seed}: nothing was traded");
    println!(
        "{kind:?} for {lasts_ms} ms, seed {seed}: {} fills, {} orders, {} losses, well after {:?} ms",
        outcome.fills,
        outcome.orders,
        outcome.losses,
        outcome.recovery.map(Nanos::as_millis)
    );
    outcome
}

fn told(outcome: &Outcome) -> String {
    outcome.problems.join("\n")
}

/// Runs one seed's schedule; says how to run it alone when something is wrong.
fn random(seed: u64) -> Outcome {
    struct Seed(u64);
    impl Drop for Seed {
        fn drop(&mut self) {
            if std::thread::panicking() {
                let seed = self.0;
                println!("seed {seed} failed: BOTMM_SEED={seed} cargo test --test faults random");
            }
        }
    }
    let _seed = Seed(seed);
    let faults = random_schedule(seed, SPAN);
    let setup = Setup::new(seed, faults, BOUND_OF_LINKS);
    let outcome = run(&setup);
    if !outcome.problems.is_empty() {
        let mut faults = setup.faults;
        faults.sort_by_key(|f| f.start);
        let faults: Vec<_> = faults
            .iter()
            .map(|f| {
                let (from, to) = (f.start.as_secs_f64(), f.end().as_secs_f64());
                format!("{from:.1} to {to:.1} s: {:?}", f.kind)
            })
            .collect();
        panic!("{}\nof these faults:\n{}", told(&outcome), faults.join("\n"));
    }
    outcome
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}: not a number")))
}

#[test]
fn random_schedules() {
    if let Some(seed) = number("BOTMM_SEED") {
        random(seed);
        return;
    }
    let seeds = number("BOTMM_SEEDS").unwrap_or(SEEDS);
    let (next, fills, orders) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let longest = AtomicU64::new(0);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            let outcome = random(seed);
            fills.fetch_add(outcome.fills as u64, Ordering::Relaxed);
            orders.fetch_add(outcome.orders, Ordering::Relaxed);
            let recovery = outcome.recovery.map_or(0, |r| r.as_millis() as u64);
            longest.fetch_max(recovery, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    println!("{seeds} seeds: {fills:?} fills, {orders:?} orders, longest recovery {longest:?} ms");
    let fills = fills.into_inner();
    assert!(fills > 5 * seeds, "only {fills} fills in {seeds} runs");
}

#[test]
fn without_faults() {
    let outcome = run(&Setup::new(1, Vec::new(), BOUND));
    println!("fills {} orders {} {:?}", outcome.fills, outcome.orders, outcome.recovery);
    assert!(outcome.problems.is_empty(), "{}", told(&outcome));
}

#[test]
fn lost_connections() {
    for (seed, who) in [(1, Who::All), (2, Who::User), (3, Who::Public)] {
        assert!(one(seed, FaultKind::Drop(who), 0).losses == u64::from(who != Who::Public));
        one(seed, FaultKind::Drop(who), 5_000);
    }
}
