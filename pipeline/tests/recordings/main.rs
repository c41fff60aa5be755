//! What is tested on recordings and samples of the venue that do not come with the source. Where they
//! are not, the tests are ignored, with the reason in front of their names. A harness of its own, for
//! that of the toolchain knows before it is built which tests it ignores.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test")]

mod calibration;
#[path = "../coins/mod.rs"]
mod coins;
#[allow(dead_code, reason = "shared with the decoder's tests")]
#[path = "../decode_model/mod.rs"]
mod decode_model;
#[path = "../error_texts/mod.rs"]
mod error_texts;
mod frames;
mod samples;

use libtest_mimic::{Arguments, Trial};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A test of what lies in a folder.
type OfFolder = fn(&Path);

const MISSING: &str = "no recordings here, see BOTMM_SHARED in README";
const FRAMES: &str = "data/hyperliquid/ws_raw";
const BOOKS_AND_TRADES: &str = "data/hyperliquid/l2_2025-09-04_1946";
const SAMPLES: &str = "hyperliquid/fixtures";

const TESTS: [(&str, &str, OfFolder); 4] = [
    ("recorded_frames_decode_alike", FRAMES, frames::recorded_frames_decode_alike),
    ("the_kept_figures_are_its_own", BOOKS_AND_TRADES, calibration::the_kept_figures_are_its_own),
    ("the_venues_samples_are_read", SAMPLES, samples::the_venues_samples_are_read),
    (
        "every_error_text_of_the_venue_is_classified",
        SAMPLES,
        samples::every_error_text_of_the_venue_is_classified,
    ),
];

fn main() -> ExitCode {
    let trials = TESTS.map(|(name, folder, test)| {
        let path = shared().join(folder);
        let is_missing = !path.is_dir();
        let trial = Trial::test(name, move || {
            test(&path);
            Ok(())
        });
        let trial = trial.with_ignored_flag(is_missing);
        if is_missing { trial.with_kind(MISSING) } else { trial }
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

/// Where they are.
fn shared() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    std::env::var_os("BOTMM_SHARED").map_or_else(beside, PathBuf::from)
}
