//! What is tested on whole recordings. Ours comes with the source; the real ones may not be here, and
//! then their tests are ignored, with the reason in front of their names. A harness of its own, for
//! that of the toolchain knows before it is built which tests it ignores.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod arrivals;
mod backtest;
#[path = "../common/mod.rs"]
mod common;
mod economics;
mod exchange;
#[path = "../../benches/harness/feed.rs"]
mod feed;
mod fit;
mod grid;
mod market;
#[path = "../grid/naive.rs"]
mod naive;
mod profit;
mod replay;

use libtest_mimic::{Arguments, Trial};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A test of a recording, which it is given.
type OnRecording = fn(&str);

const MISSING: &str = "no recordings here, see BOTMM_SHARED in README";
/// Books, touches and trades of BTC, ETH and SOL over 35 minutes.
const REAL: &str = "l2_2025-09-04_1946";
/// A minute of raw frames.
const FRAMES: &str = "ws_raw/btcusd_20250126.gz";

/// Tests that our own recording will do for too.
const ON_ANY: [(&str, OnRecording); 5] = [
    ("every_plan_decides_the_same", replay::every_plan_decides_the_same),
    ("where_the_profit_comes_from_adds_up", profit::where_the_profit_comes_from_adds_up),
    (
        "each_fill_has_its_rule_and_mid",
        profit::each_fill_has_its_rule_and_the_venues_mid_just_before_it,
    ),
    ("a_backtest_decides_one_way", backtest::a_backtest_decides_the_same_in_every_form),
    ("the_models_keep_their_order", market::the_models_keep_their_order),
];

const ON_REAL: [(&str, &str, OnRecording); 13] = [
    ("it_loads_without_a_word", REAL, replay::it_loads_without_a_word),
    ("processed_to_the_end_twice_alike", REAL, replay::it_is_processed_to_the_end_twice_alike),
    ("its_tape_is_small", REAL, replay::its_tape_is_small_and_decides_the_same),
    ("some_of_its_coins", REAL, replay::only_some_of_its_coins_are_replayed),
    ("parameters_change_at_every_minute", REAL, replay::parameters_change_at_every_minute),
    ("the_fitted_price_predicts", REAL, fit::the_fitted_price_predicts_the_next_second),
    (
        "fills_are_worth_their_price",
        REAL,
        fit::fills_are_worth_more_than_their_price_where_an_edge_is_asked_for,
    ),
    ("raw_frames_are_replayed", FRAMES, replay::raw_frames_are_replayed),
    ("garbage_frames_are_named", FRAMES, replay::garbage_frames_are_named_with_their_line),
    (
        "the_fit_does_not_depend_on_the_order_of_a_block",
        REAL,
        arrivals::the_fit_does_not_depend_on_the_order_in_which_a_block_reaches_us,
    ),
    ("the_grid_job_fills_as_the_naive_simulator", REAL, grid::it_fills_as_the_naive_simulator),
    ("it_does_not_pay_at_the_base_tier", REAL, economics::it_does_not_pay_at_the_base_tier),
    ("the_bot_trades_on_it_at_speed", REAL, exchange::the_bot_trades_on_it_at_speed),
];

fn main() -> ExitCode {
    let on_ours = ON_ANY.map(|(name, test)| {
        Trial::test(format!("ours::{name}"), move || {
            test(common::sample().to_str().unwrap());
            Ok(())
        })
    });
    let on_any = ON_ANY.map(|(name, test)| (name, REAL, test));
    let on_real = on_any.into_iter().chain(ON_REAL).map(|(name, recording, test)| {
        let path = shared().join("data/hyperliquid").join(recording);
        let is_missing = !path.exists();
        let trial = Trial::test(format!("real::{name}"), move || {
            test(path.to_str().unwrap());
            Ok(())
        });
        let trial = trial.with_ignored_flag(is_missing);
        if is_missing { trial.with_kind(MISSING) } else { trial }
    });
    let trials = on_ours.into_iter().chain(on_real).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Where the real recordings are.
fn shared() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    std::env::var_os("BOTMM_SHARED").map_or_else(beside, PathBuf::from)
}
