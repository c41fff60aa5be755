//! `botmm inspect`.

use clap::Args;
use std::path::PathBuf;

/// `botmm inspect`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm inspect recordings/2025-09-04\n  \
    botmm inspect day.csv.zst --json | jq '.coins[].good_for'\n\n\
    Reads whatever `replay` reads, and says what is in it: spans, gaps, how often each stream comes and\n\
    how late, locked and crossed books, where trades were, bad lines by kind, decimals; and what each\n\
    coin is good for: replay, queue (fills by a queue model mean something), parity (a replay sees all\n\
    that a bot saw, when it saw it).\n\
    Exit code 5 when there is nothing that can be read.")]
pub struct InspectArgs {
    /// Recordings: files, or folders of them, as of `replay`.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Only these coins, as the recording names them, comma-separated [default: all].
    #[arg(long, value_name = "COINS", value_delimiter = ',')]
    pub symbols: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
