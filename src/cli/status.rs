//! What `botmm status` can be asked.

use botmm_pipeline::venue::hl::sign::Address;
use clap::Args;
use std::path::PathBuf;

/// `botmm status`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm status                     the running bot, or the last word of the newest run\n  \
    botmm status --json | jq .net_usd\n  \
    botmm status --journal runs/x    that run's last word\n\n\
    Exit codes: 0 a bot runs and may quote, 1 none runs (what is shown is the journal's last word),\n\
    5 it hangs, or there is nothing to show, 6 a bot runs and is halted.")]
pub struct StatusArgs {
    /// Where the bot keeps its state [default: that of the newest run in runs/, and `state`].
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// The key's own address, when several bots run.
    #[arg(long, value_name = "ADDRESS", value_parser = super::parse_address)]
    pub address: Option<Address>,
    /// Show the last word of this journal, or of its run's folder, whatever runs.
    #[arg(long, value_name = "PATH")]
    pub journal: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
