//! What `botmm why` can be asked.

use crate::settings::parse_duration;
use botmm_pipeline::types::Nanos;
use clap::Args;
use std::path::PathBuf;

/// `botmm why`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm why                        each side of each coin: the reason now, what ends it, the last hour\n  \
    botmm why ETH --last 10m\n  \
    botmm why --journal runs/x --json\n\n\
    It reads the journal, so it works when the bot is down, too.")]
pub struct WhyArgs {
    /// The coin; all of them when left out.
    #[arg(value_name = "COIN")]
    pub coin: Option<String>,
    /// Shares are of so long before now, or before the end of a run that is over.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    pub last: Nanos,
    /// The journal, or its run's folder; the newest under `runs/` when left out.
    #[arg(long, value_name = "PATH")]
    pub journal: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
