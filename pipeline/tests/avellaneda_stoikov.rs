//! The simulated world of Avellaneda and Stoikov, *High-frequency trading in a limit order book*,
//! Quantitative Finance 8(3), 2008, section 3.3, quoted by our own formulas: quotes around the
//! reservation price must hold the inventory, and with it the risk of the result, where quotes around
//! the mid let it wander.
//!
//! The mid begins at 100 and moves by ±σ·sqrt(dt) a step. In a step, a quote at a distance δ trades one
//! unit with probability A·exp(−k·δ)·dt, each side for itself. After T what is held counts at the mid.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use botmm_pipeline::logic::model::avellaneda_stoikov::holding_risk;
use botmm_pipeline::logic::model::base_half;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const START: f64 = 100.0;
const T: f64 = 1.0;
const SIGMA: f64 = 2.0;
const DT: f64 = 0.005;
const DECAY: f64 = 1.5;
const RATE: f64 = 140.0;
const STEPS: usize = 200;
const PATHS: usize = 1_000;
const SEED: u64 = 2008;

#[derive(Clone, Copy, Debug)]
enum Around {
    ReservationPrice,
    Mid,
}

/// What a strategy came to, over all paths.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    spread: f64,
    profit: f64,
    profit_deviation: f64,
    inventory: f64,
    inventory_deviation: f64,
}

/// Mean spread, profit and final inventory of one path.
fn path(rng: &mut ChaCha8Rng, aversion: f64, around: Around) -> [f64; 3] {
    let (mut mid, mut cash, mut held, mut spreads) = (START, 0.0, 0.0, 0.0);
    for step in 0..STEPS {
        let risk = holding_risk(aversion, SIGMA * SIGMA, T - step as f64 * DT);
        let half = base_half(aversion, DECAY) + risk / 2.0;
        let center = match around {
            Around::ReservationPrice => mid - held * risk,
            Around::Mid => mid,
        };
        let (bid, ask) = (center - half, center + half);
        spreads += ask - bid;
        // Three draws a step, whatever happens: both strategies meet the same luck.
        let [luck_bid, luck_ask] = [rng.random::<f64>(), rng.random::<f64>()];
        let is_up = rng.random::<bool>();
        let chance = |distance: f64| RATE * (-DECAY * distance).exp() * DT;
        if luck_bid < chance(mid - bid) {
            (cash, held) = (cash - bid, held + 1.0);
        }
        if luck_ask < chance(ask - mid) {
            (cash, held) = (cash + ask, held - 1.0);
        }
        let move_ = SIGMA * DT.sqrt();
        mid += if is_up { move_ } else { -move_ };
    }
    [spreads / STEPS as f64, cash + held * mid, held]
}

fn run(aversion: f64, around: Around) -> Outcome {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let paths: Vec<[f64; 3]> = (0..PATHS).map(|_| path(&mut rng, aversion, around)).collect();
    let mean = |i: usize| paths.iter().map(|p| p[i]).sum::<f64>() / PATHS as f64;
    let deviation = |i: usize| {
        let squares = paths.iter().map(|p| (p[i] - mean(i)).powi(2)).sum::<f64>();
        (squares / (PATHS - 1) as f64).sqrt()
    };
    Outcome {
        spread: mean(0),
        profit: mean(1),
        profit_deviation: deviation(1),
        inventory: mean(2),
        inventory_deviation: deviation(2),
    }
}

/// Both strategies, printed: around the reservation price, around the mid.
fn both(aversion: f64) -> [Outcome; 2] {
    [("inventory", Around::ReservationPrice), ("symmetric", Around::Mid)].map(|(name, around)| {
        let o = run(aversion, around);
        println!(
            "γ {aversion:<5} {name}  spread {:6.3}  profit {:7.3} ± {:7.3}  inventory {:6.3} ± {:6.3}",
            o.spread, o.profit, o.profit_deviation, o.inventory, o.inventory_deviation
        );
        o
    })
}

/// The dispersion of profit and of the final inventory, inventory strategy over symmetric one.
fn dispersions([inventory, symmetric]: &[Outcome; 2]) -> [f64; 2] {
    [
        inventory.profit_deviation / symmetric.profit_deviation,
        inventory.inventory_deviation / symmetric.inventory_deviation,
    ]
}

#[test]
fn the_inventory_strategy_halves_the_risk_at_nearly_the_same_profit() {
    let outcomes = both(0.1);
    let [profit, inventory] = dispersions(&outcomes);
    println!(
        "dispersion of profit {profit:.3}, of the final inventory {inventory:.3} of symmetric"
    );
    assert!((0.4..0.65).contains(&profit), "seed {SEED}: {profit}");
    assert!(inventory < 0.45, "seed {SEED}: {inventory}");
    let [ours, symmetric] = outcomes;
    assert!((ours.profit / symmetric.profit - 1.0).abs() < 0.1, "seed {SEED}: {outcomes:?}");
    assert!((ours.spread - symmetric.spread).abs() < 1e-9, "the same spread, elsewhere");
    // (2/γ)·ln(1 + γ/k) + γσ²·(T + dt)/2, the mean over the session.
    assert!((ours.spread - (1.290_770 + 0.201)).abs() < 1e-5, "{}", ours.spread);
}

#[test]
fn more_aversion_means_less_risk_and_less_profit() {
    let [low, middle, high] = [0.01, 0.1, 0.5].map(both);
    let ratios = [low, middle, high].map(|o| dispersions(&o));
    println!("dispersion of profit and of the final inventory, of symmetric: {ratios:.3?}");
    for [profit, inventory] in ratios {
        assert!(profit < 0.75 && inventory < 0.75, "seed {SEED}: {ratios:?}");
    }
    // With much aversion the symmetric quotes stand so far away that their risk falls too, and what
    // is left of ours is the luck of the fills: the ratio of profits is bounded, not falling.
    assert!(ratios[1][0] < ratios[0][0] && ratios[2][0] < ratios[0][0], "seed {SEED}: {ratios:?}");
    assert!(ratios[1][1] < ratios[0][1] && ratios[2][1] < ratios[1][1], "seed {SEED}: {ratios:?}");
    let [low, middle, high] = [low, middle, high].map(|o| o[0]);
    assert!(low.profit > middle.profit, "seed {SEED}: {low:?} {middle:?}");
    assert!(middle.profit > high.profit * 1.1, "seed {SEED}: {middle:?} {high:?}");
    let falls = |of: fn(&Outcome) -> f64| of(&low) > of(&middle) && of(&middle) > of(&high);
    assert!(falls(|o| o.profit_deviation) && falls(|o| o.inventory_deviation), "seed {SEED}");
}
