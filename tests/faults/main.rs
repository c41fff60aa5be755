//! The whole bot against the whole exchange on its bad days, in virtual time: each fault alone, and
//! random sequences of all of them. After they end the bot reconciles and quotes again; nothing is
//! booked twice, no order is left behind, limits hold all the time.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

mod checks;
#[path = "../../pipeline/tests/coins/mod.rs"]
mod coins;
mod day;
mod liquidations;
mod lives;
mod markets;
mod spy;
mod world;

use botmm::exchange::faults::{Fault, FaultKind, Who, random_schedule};
use botmm_pipeline::types::{Coin, Nanos, Usd};
use spy::Tamper;
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
    with(seed, kind, lasts_ms, Vec::new())
}

/// The same, with others beside it.
fn with(seed: u64, kind: FaultKind, lasts_ms: i64, mut faults: Vec<Fault>) -> Outcome {
    faults.push(Fault { kind, start: Nanos::secs(8), duration: Nanos::millis(lasts_ms) });
    let is_links = matches!(kind, FaultKind::Drop { .. } | FaultKind::Refuse);
    let bound = if is_links { BOUND_OF_LINKS } else { BOUND };
    let outcome = run(&Setup::new(seed, faults, bound));
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
    over_seeds(number("BOTMM_SEEDS").unwrap_or(SEEDS), random);
}

/// Runs so many seeds in two threads, and says what came of them.
fn over_seeds(seeds: u64, run_one: fn(u64) -> Outcome) {
    let (next, fills, orders) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let (longest, liquidations) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            let outcome = run_one(seed);
            fills.fetch_add(outcome.fills as u64, Ordering::Relaxed);
            orders.fetch_add(outcome.orders, Ordering::Relaxed);
            let recovery = outcome.recovery.map_or(0, |r| r.as_millis() as u64);
            longest.fetch_max(recovery, Ordering::Relaxed);
            liquidations.fetch_add(outcome.liquidations as u64, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    println!(
        "{seeds} seeds: {fills:?} fills, {orders:?} orders, {liquidations:?} liquidations, longest \
         recovery {longest:?} ms"
    );
    let fills = fills.into_inner();
    assert!(fills > 5 * seeds, "only {fills} fills in {seeds} runs");
}

/// Seeds that found something once.
#[test]
fn seeds_that_once_failed() {
    // A venue that stood still went on to execute orders that were void by our clock.
    random(600);
}

/// Two strengths and two seeds of it.
fn each(kinds: [FaultKind; 2], lasts_ms: [i64; 2]) {
    let pairs = kinds.into_iter().zip(lasts_ms);
    (1..).zip(pairs).for_each(|(seed, (kind, lasts))| drop(one(seed, kind, lasts)));
}

#[test]
fn without_faults() {
    let outcome = run(&Setup::new(1, Vec::new(), BOUND));
    assert!(outcome.problems.is_empty(), "{}", told(&outcome));
}

#[test]
fn the_same_seed_makes_the_same_decisions() {
    let hash = |seed| {
        let outcome = run(&Setup::new(seed, random_schedule(seed, SPAN), BOUND_OF_LINKS));
        (outcome.decision_hash, outcome.fills, outcome.orders)
    };
    assert_eq!(hash(3), hash(3));
    assert_ne!(hash(3), hash(4));
}

#[test]
fn lost_connections() {
    for (seed, who) in [(1, Who::All), (2, Who::User), (3, Who::Public)] {
        let hits_orders = u64::from(who != Who::Public);
        assert_eq!(one(seed, FaultKind::Drop { who }, 0).losses, hits_orders);
        assert_eq!(one(seed, FaultKind::Drop { who }, 10_000).losses, hits_orders);
    }
}

#[test]
fn no_connection_to_be_had() {
    for (seed, lasts) in [(1, 3_000), (2, 40_000)] {
        let drop = Fault {
            kind: FaultKind::Drop { who: Who::All },
            start: Nanos::millis(8_500),
            duration: Nanos::ZERO,
        };
        with(seed, FaultKind::Refuse, lasts, vec![drop]);
    }
}

#[test]
fn late_answers() {
    let late = |ms, percent| FaultKind::DelayAnswers { delay: Nanos::millis(ms), percent };
    each([late(400, 100), late(6_000, 50)], [10_000, 10_000]);
}

#[test]
fn lost_answers() {
    each([30, 100].map(|percent| FaultKind::LoseAnswers { percent }), [10_000, 10_000]);
}

#[test]
fn lost_actions() {
    each([30, 100].map(|percent| FaultKind::LoseActions { percent }), [10_000, 10_000]);
}

#[test]
fn user_messages_twice() {
    each([50, 100].map(|percent| FaultKind::Duplicate { percent }), [20_000, 20_000]);
}

#[test]
fn user_messages_out_of_order() {
    let mixed = |ms, percent| FaultKind::Reorder { delay: Nanos::millis(ms), percent };
    each([mixed(200, 100), mixed(5_000, 60)], [20_000, 20_000]);
}

#[test]
fn too_many_requests() {
    each([FaultKind::TooManyRequests; 2], [1_000, 15_000]);
}

#[test]
fn server_errors() {
    each([FaultKind::ServerError; 2], [1_000, 15_000]);
}

#[test]
fn garbage() {
    let garbage = |ms| FaultKind::Garbage { every: Nanos::millis(ms) };
    each([garbage(50), garbage(2_000)], [10_000, 20_000]);
}

#[test]
fn only_post_only() {
    each([FaultKind::PostOnly; 2], [2_000, 20_000]);
}

#[test]
fn a_stale_book() {
    each([FaultKind::StaleBook; 2], [3_000, 30_000]);
}

/// The other coin trades on, and this one soon after.
#[test]
fn a_coin_whose_orders_are_refused() {
    let coin = Coin::new("ETH").unwrap();
    each([FaultKind::RefuseOrders { coin }; 2], [3_000, 30_000]);
}

#[test]
fn cancels_that_are_refused() {
    each([FaultKind::RefuseCancels; 2], [3_000, 15_000]);
}

#[test]
fn a_clock_that_jumps() {
    let jump = |ms| FaultKind::ClockJump { offset: Nanos::millis(ms) };
    each([jump(3_000), jump(-3_000)], [10_000, 10_000]);
    each([jump(30_000), jump(-30_000)], [10_000, 50_000]);
}

/// Seconds apart, which is more than an order lives: tolerated, the bot trades as without.
#[test]
fn a_clock_that_is_off_and_known() {
    for (seed, offset_ms) in [(1, 4_000), (2, -4_000)] {
        let kind = FaultKind::ClockJump { offset: Nanos::millis(offset_ms) };
        let fault = Fault { kind, start: Nanos::ZERO, duration: Nanos::secs(60) };
        let setup = Setup::new(seed, vec![fault], BOUND_OF_LINKS);
        let outcome = run(&Setup { max_clock_offset: Nanos::secs(5), ..setup });
        assert!(outcome.problems.is_empty(), "{offset_ms} ms: {}", told(&outcome));
        println!("{offset_ms} ms: {} orders, {} fills", outcome.orders, outcome.fills);
        assert!(outcome.fills > 25, "{offset_ms} ms: {} fills in a minute", outcome.fills);
        assert_eq!(outcome.losses, 0);
    }
}

/// The checkers are known to be able to fail.
#[test]
fn what_is_broken_on_purpose_is_noticed() {
    let broken = |tamper, what: &str| {
        // A seed with which orders rest when trading ends: fills may take the last of them.
        let setup = Setup { tamper, ..Setup::new(3, Vec::new(), Nanos::secs(40)) };
        let setup = Setup { runs_for: Nanos::secs(30), ..setup };
        let outcome = run(&setup);
        let problems = told(&outcome);
        assert!(problems.contains(what), "{tamper:?} was not noticed:\n{problems}");
    };
    broken(Tamper::LoseFill, "was booked 0 times");
    broken(Tamper::LoseFill, "says the bot;");
    broken(Tamper::CountTwice, "fills that never were");
    broken(Tamper::SwallowCancels, "still rest after the end");
    broken(Tamper::SendTwice, "nonces were refused");

    // A liquidation that the bot does not hear of.
    let faults = ["BTC", "ETH"].map(|coin| {
        let kind = FaultKind::Liquidation { coin: Coin::new(coin).unwrap() };
        Fault { kind, start: Nanos::secs(8), duration: Nanos::secs(10) }
    });
    let setup = Setup { tamper: Tamper::HideLiquidation, ..Setup::new(2, faults.into(), BOUND) };
    let problems = told(&run(&setup));
    for what in ["after a liquidation, and nobody re-armed", "a liquidation was not told"] {
        assert!(problems.contains(what), "{what:?} was not noticed:\n{problems}");
    }

    let tight = Setup { held_to: [Usd::whole(200); 2], ..Setup::new(2, Vec::new(), BOUND) };
    assert!(told(&run(&tight)).contains("at worst"), "an exposure over the limit was not noticed");
}
