//! `botmm tune`.

use crate::settings::{FeedDelay, parse_duration};
use botmm_pipeline::types::Nanos;
use clap::Args;
use std::path::PathBuf;

/// `botmm tune`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm tune --history                   what the tuner did or would have, and from what\n  \
    botmm tune --rollback                  back by its newest change; a running bot takes it over\n  \
    botmm tune --judge recordings/2025-09-04 --every 10m --window 1h\n\n\
    `tuner.mode` says whether it is off, proposes, or acts. It acts only on parameters for which --judge, the\n\
    same market replayed with the tuner and without, showed a gain that is above zero with 95 %.\n\
    Exit code 5 when there is nothing to work with.")]
pub struct TuneArgs {
    /// Show each judgement with its evidence, oldest first (also without a flag).
    #[arg(long, conflicts_with_all = ["rollback", "judge"])]
    pub history: bool,
    /// Go back by the newest change that was not undone.
    #[arg(long, conflicts_with = "judge")]
    pub rollback: bool,
    /// Recordings to judge it on: files, or folders of them, as of `replay`.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub judge: Vec<PathBuf>,
    /// Time between two judgements [default: tuner.every_h].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "judge")]
    pub every: Option<Nanos>,
    /// What each judgement is of [default: tuner.window_h].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "judge")]
    pub window: Option<Nanos>,
    /// When events reach us: recorded, or so long after they happened, as of `replay`.
    #[arg(long, value_name = "DELAY", default_value = "recorded", requires = "judge",
          value_parser = str::parse::<FeedDelay>)]
    pub feed: FeedDelay,
    /// Coins, comma-separated [default: all that are recorded and configured].
    #[arg(long, value_name = "COINS", requires = "judge")]
    pub symbols: Option<String>,
    /// Configuration whose keys go on top of the built-in defaults.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Use what is sound of a file of which most is not.
    #[arg(long, requires = "judge")]
    pub allow_unsound: bool,
    /// Read the recording itself, and keep nothing of it.
    #[arg(long, requires = "judge")]
    pub no_tape: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
