//! Bad days of markets: a coin falls silent, a side of its book is empty or far away, all news is late,
//! orders or cancels are refused, the account is liquidated. The account's limits are so tight that a mark at half its price would
//! halt it: no such thing may.

use crate::world::{Outcome, Setup, run, universe};
use crate::{BOUND_OF_LINKS, SPAN, number, over_seeds, told};
use botmm::exchange::faults::{Fault, FaultKind, random_market_days};
use botmm_pipeline::types::{Coin, Nanos, Side, Usd};

/// A tenth of a position at its limit is a loss that halts.
const CAPITAL: Usd = Usd::whole(2_000);
const SEEDS: u64 = 200;

fn coin(name: &str) -> Coin {
    Coin::new(name).unwrap()
}

fn market(seed: u64, faults: Vec<Fault>) -> Setup {
    Setup { capital: CAPITAL, ..Setup::new(seed, faults, BOUND_OF_LINKS) }
}

/// One fault of a market, after the bot has begun to trade, in four runs; how often they were liquidated.
fn one(kind: FaultKind, lasts_ms: i64) -> usize {
    let mut liquidations = 0;
    for seed in 1..=4 {
        let (start, duration) = (Nanos::secs(8), Nanos::millis(lasts_ms));
        let outcome = run(&market(seed, vec![Fault { kind, start, duration }]));
        let problems = told(&outcome);
        assert!(
            outcome.problems.is_empty(),
            "{kind:?} for {lasts_ms} ms, seed {seed}:\n{problems}"
        );
        assert!(outcome.fills > 0, "{kind:?}, seed {seed}: nothing was traded");
        liquidations += outcome.liquidations;
    }
    liquidations
}

#[test]
fn a_silent_coin() {
    for ms in [3_000, 30_000] {
        one(FaultKind::SilentCoin { coin: coin("ETH") }, ms);
    }
}

#[test]
fn an_empty_side() {
    for side in Side::BOTH {
        one(FaultKind::EmptySide { coin: coin("ETH"), side }, 4_000);
    }
}

#[test]
fn a_side_far_away() {
    for side in Side::BOTH {
        one(FaultKind::FarLevel { coin: coin("BTC"), side }, 4_000);
    }
}

#[test]
fn late_news() {
    for (delay, lasts) in [(500, 10_000), (8_000, 20_000)] {
        one(FaultKind::LateFeed { delay: Nanos::millis(delay) }, lasts);
    }
}

/// Silent is not late: two coins of which little is told are quoted all the time.
#[test]
fn rare_news() {
    for seed in 1..=4 {
        let kind = FaultKind::RareNews { every: Nanos::secs(4) };
        let fault = Fault { kind, start: Nanos::ZERO, duration: Nanos::secs(60) };
        let setup = Setup { runs_for: Nanos::secs(60), ..market(seed, vec![fault]) };
        let outcome = run(&setup);
        assert!(outcome.problems.is_empty(), "seed {seed}:\n{}", told(&outcome));
        println!("seed {seed}: {} fills, {} stale spells", outcome.fills, outcome.stale_spells);
        assert!(outcome.fills > 0, "seed {seed}");
        assert_eq!(outcome.stale_spells, 0, "seed {seed}");
    }
}

#[test]
fn refused_orders() {
    one(FaultKind::RefuseOrders { coin: coin("ETH") }, 15_000);
}

#[test]
fn refused_cancels() {
    one(FaultKind::RefuseCancels, 10_000);
}

/// Seeds that found something once.
#[test]
fn market_days_that_once_failed() {
    // A link that was late for a while, and then silent: its pace had been forgotten meanwhile.
    random(664);
    // A coin that was silent when the bot was armed again.
    random(918);
}

/// Once, and for as long as it lasts: whatever fills meanwhile is closed by force too.
#[test]
fn a_liquidation() {
    let kind = FaultKind::Liquidation { coin: coin("ETH") };
    let liquidations = [0, 10_000].map(|ms| one(kind, ms));
    assert!(liquidations[0] > 0 && liquidations[1] >= 4, "{liquidations:?} of four seeds each");
}

fn random(seed: u64) -> Outcome {
    let coins: Vec<Coin> = universe().iter().map(|(_, i)| i.coin).collect();
    let faults = random_market_days(seed, SPAN, &coins);
    let outcome = run(&market(seed, faults.clone()));
    assert!(
        outcome.problems.is_empty(),
        "seed {seed} failed: BOTMM_SEED={seed} cargo test --test faults market_days\n{}\nof {faults:#?}",
        told(&outcome)
    );
    outcome
}

#[test]
fn random_market_days_leave_nothing_behind() {
    if let Some(seed) = number("BOTMM_SEED") {
        random(seed);
        return;
    }
    let seeds = number("BOTMM_SEEDS").unwrap_or(SEEDS);
    over_seeds(seeds, random);
}
