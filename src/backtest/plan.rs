//! What holds for all tasks of a job, and which program planned it.

use super::days::Day;
use crate::exit::AppError;
use crate::sha256;
use botmm_pipeline::types::Nanos;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What holds for all tasks of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    /// This program's version.
    pub botmm: String,
    /// Of this program: another build may decide otherwise.
    pub binary_sha256: String,
    /// The recordings, in order of time.
    pub days: Vec<Day>,
    /// Where there are none between them.
    pub gaps: Vec<String>,
    /// Each day begins with nothing held.
    pub flat_days: bool,
    /// Parts on which the best of the part before is judged; 0 = none.
    pub walk_forward: usize,
    /// Use what is sound of a file of which most is not.
    pub allow_unsound: bool,
    /// Read recordings themselves, and keep nothing of them.
    pub no_tape: bool,
    /// Time between samples of the money.
    pub sample_every: Nanos,
    /// What funding pays an hour where the recording does not say, units of 1e-10.
    pub funding_rate_e10: i64,
    /// Successive halving: which rung this is.
    pub rung: Option<Rung>,
    /// Of `tasks.jsonl`.
    pub tasks_sha256: String,
}

/// A rung of successive halving.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Rung {
    /// One set in so many goes on, over so many times as many days.
    pub eta: usize,
    /// From 0.
    pub number: usize,
    /// Sets that were tried on the first one.
    pub sets_tried: usize,
    /// All recordings of the job.
    pub all_days: Vec<Day>,
}

/// Of the program that runs.
///
/// # Errors
/// It cannot be read.
pub(super) fn binary_sha256() -> Result<String, AppError> {
    let program = Path::new("/proc/self/exe");
    sha256::of_file(program).map_err(AppError::io(program, "read"))
}
