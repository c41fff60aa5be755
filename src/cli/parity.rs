//! `botmm parity`.

use crate::bot::blackbox::WhatIf;
use clap::Args;
use std::path::PathBuf;

/// `botmm parity`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm parity runs/2026-11-29T12-00-00Z\n  \
    botmm parity runs/2026-11-29T12-00-00Z --what-if BTC.min_spread_bps=3.0\n\n\
    The pipeline is built as it was and given the same at the same moments: the same frames, the same\n\
    questions of the side thread, each lane looking when it looked. Nothing is sent. The first decision\n\
    that differs is told part by part, term by term, beside the run's own.\n\
    Exit code 0: every decision is the same. 7: one differs. 1: a part was not kept and cannot be\n\
    compared. 5: there is no such capture.")]
pub struct ParityArgs {
    /// The run's folder, or its capture.
    #[arg(value_name = "RUN")]
    pub folder: PathBuf,
    /// Another parameter than the run's, of one coin or of all; again for more.
    #[arg(long, value_name = "[COIN.]KEY=VALUE")]
    pub what_if: Vec<WhatIf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
