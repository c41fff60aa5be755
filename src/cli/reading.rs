//! Flags of all verbs that replay recordings.

use crate::bot::replay::Reading;
use clap::Args;

/// How a recording is read.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct ReadingArgs {
    /// Use what is sound of a file of which most is not; without it such a file is an error.
    #[arg(long)]
    pub allow_unsound: bool,
    /// Read the recording itself. Without it what was read once is kept compiled beside it, and opened at once
    /// while the recording is the same.
    #[arg(long)]
    pub no_tape: bool,
}

impl From<ReadingArgs> for Reading {
    fn from(args: ReadingArgs) -> Self {
        Self { allow_unsound: args.allow_unsound, no_tape: args.no_tape }
    }
}
