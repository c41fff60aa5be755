//! `botmm repeat`.

use clap::Args;
use std::path::PathBuf;

/// `botmm repeat`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm repeat runs/20261129T120000Z-paper/capture\n\n\
    The pipeline is built as it was and given the same at the same moments: the same frames, the same\n\
    questions of the side thread, each lane looking when it looked. Nothing is sent.\n\
    Exit code 0: every decision is the same. 1: one differs, or a part was not kept and cannot be\n\
    compared. 5: there is no such capture.")]
pub struct RepeatArgs {
    /// The run's folder, or its capture.
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
