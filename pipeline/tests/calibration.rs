//! The synthetic market beside the recorded one that its profiles were chosen from: four figures,
//! computed by the same code on both sides, within 30 %.
//!
//! The figures measured on the recording are kept in [`MarketFigures`]; that they are its own is tested
//! with the recordings.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod coins;

use botmm_pipeline::types::{Nanos, Universe};
use botmm_pipeline::venue::sim::synthetic::{
    MarketFigures, MarketProfile, MarketStats, SyntheticMarket,
};
use botmm_pipeline::venue::sim::{Market, MarketOutput};

const TOLERANCE: f64 = 0.30;
const SEED: u64 = 1;
const VIRTUAL_MINUTES: i64 = 60;
const COINS: [(&str, u8, MarketFigures); 3] = [
    ("BTC", 5, MarketFigures::BTC),
    ("ETH", 4, MarketFigures::ETH),
    ("SOL", 2, MarketFigures::SOL),
];

fn universe() -> Universe {
    coins::universe(COINS.map(|(name, sz_decimals, _)| (name, sz_decimals)))
}

fn synthetic(seed: u64, minutes: i64) -> Vec<MarketFigures> {
    let universe = universe();
    let profiles = universe.iter().map(|(_, i)| MarketProfile::of(i, None)).collect();
    let mut market = SyntheticMarket::new(&universe, profiles, Nanos::ZERO, seed);
    let mut stats: Vec<_> = COINS.iter().map(|_| MarketStats::default()).collect();
    let mut out = MarketOutput::default();
    for minute in 1..=minutes {
        out.events.clear();
        market.advance(Nanos::secs(60 * minute), &mut out);
        for event in &out.events {
            stats[event.asset().index()].on_event(event);
        }
    }
    stats.iter().map(|s| s.figures().unwrap()).collect()
}

#[test]
fn synthetic_figures_are_within_30_percent_of_the_recorded_ones() {
    let synthetic = synthetic(SEED, VIRTUAL_MINUTES);
    println!("{:4} {:20} {:>14} {:>14} {:>6}", "coin", "metric", "recorded", "synthetic", "ratio");
    let mut off = Vec::new();
    for (i, (coin, _, target)) in COINS.iter().enumerate() {
        for ((name, want), (_, got)) in target.rows().iter().zip(synthetic[i].rows()) {
            let ratio = got / want;
            println!("{coin:4} {name:20} {want:14.4} {got:14.4} {ratio:6.3}");
            if (ratio - 1.0).abs() > TOLERANCE {
                off.push(format!("{coin} {name}: {ratio:.3}"));
            }
        }
    }
    assert!(off.is_empty(), "seed {SEED}: beyond {TOLERANCE}: {off:?}");
}

/// One lucky seed proves little: the mean over several must agree better than each one has to.
#[test]
fn the_calibration_does_not_hang_on_one_seed() {
    let seeds = 100..106;
    let runs: Vec<_> = seeds.clone().map(|seed| synthetic(seed, 30)).collect();
    for (i, (coin, _, target)) in COINS.iter().enumerate() {
        for (row, (name, want)) in target.rows().iter().enumerate() {
            let mean = runs.iter().map(|r| r[i].rows()[row].1).sum::<f64>() / runs.len() as f64;
            let ratio = mean / want;
            println!("{coin:4} {name:20} mean ratio {ratio:.3}");
            assert!((ratio - 1.0).abs() < 0.20, "{coin} {name}: {ratio:.3} over seeds {seeds:?}");
        }
    }
}
