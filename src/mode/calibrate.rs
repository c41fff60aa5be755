//! `botmm calibrate`: queue models against what became of our own orders.

use crate::calibrate::{self, Request};
use crate::cli::CalibrateArgs;
use crate::exit::AppError;

/// Runs the verb.
pub fn run(args: &CalibrateArgs) -> Result<(), AppError> {
    calibrate::run(&Request {
        runs: args.runs.clone(),
        out: args.out.clone(),
        table: args.table.clone(),
        seed: args.seed,
        json: args.json,
    })
}
