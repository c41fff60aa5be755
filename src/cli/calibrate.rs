//! `botmm calibrate`.

use clap::Args;
use std::path::PathBuf;

/// `botmm calibrate`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm calibrate runs                                  all live runs here\n  \
    botmm calibrate runs/2026-11-29T12-00-00Z --out models/queue.json\n  \
    botmm backtest days/* --queue-from models/queue.json\n\n\
    Of each order that rested: how much was ahead of it, what was cancelled and traded there, and whether\n\
    a trade reached it, from the run's own capture. Each queue model says of each such trade how probable\n\
    that was, before it is told; Brier scores, reliability, and the exponent of prob_power with its interval.\n\
    Paper runs of a synthetic market are taken too, and make nothing calibrated.\n\
    Exit code 1: --out was asked for, and the orders calibrate nothing. 5: no run is usable.")]
pub struct CalibrateArgs {
    /// Runs, or folders of runs.
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// Write the calibration here, for --queue-from.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write the samples here, as CSV, an order a row.
    #[arg(long, value_name = "FILE")]
    pub table: Option<PathBuf>,
    /// Seed of draws and resamples.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
