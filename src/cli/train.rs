//! `botmm train`.

use super::reading::ReadingArgs;
use crate::settings::{FeedDelay, LatencyModel, Overrides, QueueModel, parse_duration};
use botmm_pipeline::types::Nanos;
use clap::Args;
use std::path::PathBuf;

/// `botmm train`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm train --runs runs --out models/mine                    of all runs here\n  \
    botmm train --captures recordings/2025-09-04 --feed 50ms --out models/sim --test-share 0.5\n  \
    botmm train --runs runs --out models/theirs --lightgbm fill.txt,adverse.txt\n\n\
    Learns from what became of our own orders: whether each was filled within the horizon, and how far the mid\n\
    went against it after that. Parted by time; tried on the later part, and on shuffled labels. Then\n\
    `fill_model = \"models/mine\"` quotes no side that is expected to lose.\n\
    Exit code 1 when a number looks into the future, 5 when there is nothing to learn from.")]
pub struct TrainArgs {
    /// Runs: their folders, folders of them, or journals.
    #[arg(long, value_name = "PATH", num_args = 1.., required_unless_present = "captures")]
    pub runs: Vec<PathBuf>,
    /// Recordings to be replayed first: their simulated orders are learned from too.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub captures: Vec<PathBuf>,
    /// Where the model goes: one file, whole or not at all.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Filled within this time, and the mid so long after the fill: 1s, 5s, 30s or 60s.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "5s")]
    pub horizon: Nanos,
    /// The share of orders, the latest, that the model is tried on and not learned from: 0.05 to 0.95.
    #[arg(long, value_name = "SHARE", value_parser = parse_share, default_value = "0.3")]
    pub test_share: f64,
    /// Trees of each answer, at most.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub trees: u8,
    /// Leaves of each tree.
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u8).range(2..=31))]
    pub leaves: u8,
    /// No leaf is of fewer orders.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub min_leaf: u32,
    /// Trees that LightGBM grew, in place of ours: the dumps of both answers.
    #[arg(long, value_name = "FILL,ADVERSE", value_delimiter = ',', num_args = 1)]
    pub lightgbm: Vec<PathBuf>,
    /// Write the labelled orders here too, as CSV.
    #[arg(long, value_name = "FILE")]
    pub table: Option<PathBuf>,
    /// Of --captures: coins, comma-separated [default: all that are recorded and configured].
    #[arg(long, value_name = "COINS")]
    pub symbols: Option<String>,
    /// Of --captures: when events reach us, as of `replay`.
    #[arg(long, value_name = "DELAY", default_value = "recorded",
          value_parser = str::parse::<FeedDelay>)]
    pub feed: FeedDelay,
    /// Of --captures: our place in the queue, as of `replay`; exact is none of these.
    #[arg(long, value_name = "MODEL", value_parser = str::parse::<QueueModel>)]
    pub queue: Option<QueueModel>,
    /// Of --captures: how long an order takes to the venue, and its answer back.
    #[arg(long, value_name = "LATENCY", value_parser = str::parse::<LatencyModel>)]
    pub latency: Option<LatencyModel>,
    /// Of --captures: configuration whose keys go on top of the built-in defaults.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How recordings are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Seed of replays, shuffled labels and the cuts of the leak test.
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true,
          value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub seed: u64,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl TrainArgs {
    /// What the flags change in the settings.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            symbols: self.symbols.clone(),
            seed: Some(self.seed),
            queue: self.queue,
            latency: self.latency,
            ..Overrides::default()
        }
    }
}

fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.05..=0.95).contains(&share) => Ok(share),
        _ => Err("allowed: 0.05 to 0.95".to_owned()),
    }
}
