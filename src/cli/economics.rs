//! `botmm economics`.

use super::reading::ReadingArgs;
use crate::settings::{FeedDelay, LatencyModel, Overrides, Rules, parse_bps, parse_duration};
use botmm_pipeline::types::{Bps, Nanos};
use clap::Args;
use std::path::PathBuf;

/// `botmm economics`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm economics recordings/2025-09-04\n  \
    botmm economics DAYS --symbols BTC --fee-tier 2 --benchmark-apr 4\n  \
    botmm economics DAY --rebate-tier 1 --feed 10ms --json | jq .verdict\n  \
    botmm economics DAY --staking-discount 20,40\n\n\
    Should this market be made at all? The first line says it, against lending the same capital: does not pay,\n\
    pays, or cannot be told, and how many days of data that would take. Then what the market offers against\n\
    what a maker must have, replays under a band of queues and feeds, and a break-even map by hour and fee.\n\
    Exit code 5 when there is nothing to work with.")]
pub struct EconomicsArgs {
    /// Recordings: files, or folders of them, as of `replay`.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Coins, comma-separated [default: all that are recorded and configured].
    #[arg(long, value_name = "COINS")]
    pub symbols: Option<String>,
    /// Row of the fee table, from 0 = base tier [default: the configuration's].
    #[arg(long, value_name = "ROW")]
    pub fee_tier: Option<u8>,
    /// Row of the rebate table, from 1; 0 = none [default: the configuration's].
    #[arg(long, value_name = "ROW")]
    pub rebate_tier: Option<u8>,
    /// What a maker pays in place of both, in basis points; negative = is paid.
    #[arg(long, value_name = "BPS", value_parser = parse_bps, allow_negative_numbers = true)]
    pub fee_bps: Option<Bps>,
    /// What staking takes off a fee, percent, comma-separated: each stands in the map beside the fees without it. The
    /// venue gives 5, 10, 15, 20, 30 or 40, by what is staked.
    #[arg(long, value_name = "PERCENTS", value_delimiter = ',',
          value_parser = clap::value_parser!(u32).range(1..=100))]
    pub staking_discount: Vec<u32>,
    /// What lending the same capital brings, percent a year: 0 to 1000.
    #[arg(long, value_name = "PERCENT", value_parser = parse_apr, default_value = "5")]
    pub benchmark_apr: f64,
    /// So long after a fill it is valued, at the mid: 1s, 5s, 30s or 60s.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "5s")]
    pub horizon: Nanos,
    /// When events reach us, in the verdict: recorded, or so long after they happened, as of `replay`.
    #[arg(long, value_name = "DELAY", default_value = "recorded",
          value_parser = str::parse::<FeedDelay>)]
    pub feed: FeedDelay,
    /// Other feeds to compare it with.
    #[arg(long, value_name = "DELAYS", value_delimiter = ';', default_value = "10ms;50ms;200ms;recorded",
          value_parser = str::parse::<FeedDelay>)]
    pub feeds: Vec<FeedDelay>,
    /// How long an order takes to the venue, and its answer back [default: 50ms].
    #[arg(long, value_name = "LATENCY", value_parser = str::parse::<LatencyModel>)]
    pub latency: Option<LatencyModel>,
    /// Which of the venue's rules hold in the replays, as of `replay`.
    #[arg(long, value_name = "RULES", value_parser = str::parse::<Rules>, default_value = "venue")]
    pub rules: Rules,
    /// Seed of everything random [default: 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64),
          allow_negative_numbers = true)]
    pub seed: Option<u64>,
    /// Configuration whose keys go on top of the built-in defaults.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How recordings are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl EconomicsArgs {
    /// What the flags change in the settings.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            symbols: self.symbols.clone(),
            seed: self.seed,
            latency: self.latency,
            rules: Some(self.rules),
            maker_fee: self.fee_bps,
            fee_tier: self.fee_tier,
            rebate_tier: self.rebate_tier,
            ..Overrides::default()
        }
    }
}

fn parse_apr(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(apr) if (0.0..=1_000.0).contains(&apr) => Ok(apr),
        _ => Err("allowed: 0 to 1000, in percent a year".to_owned()),
    }
}
