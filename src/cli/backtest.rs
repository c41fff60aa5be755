//! `botmm backtest`, and what a job of it is: `sweep plan` takes the same.

use super::reading::ReadingArgs;
use crate::backtest::axes::{Fee, List};
use crate::settings::{FeedDelay, LatencyModel, Queue, Rules, parse_duration};
use botmm_pipeline::types::{Nanos, read_rate};
use clap::Args;
use std::path::PathBuf;

/// `botmm backtest`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm backtest days/2026-11-2* --param min_spread_bps=1,2,4 --param BTC.skew_factor=0.2,0.5\n  \
    botmm backtest DAY --by-coin --feed 10ms,50ms,200ms,recorded --latency 20ms,50ms\n  \
    botmm backtest DAYS --params-file sets.jsonl --fee-tier base,tier2,base-40% --walk-forward 3\n  \
    botmm backtest --resume --out backtests/NAME     after Ctrl-C, a full disk or a crash\n\n\
    Each replay goes through the live stages against the venue's rules (blocks, funding, margin, band,\n\
    budget). Results lie in results.json and results.parquet of the folder; what is there is not made again.\n\
    Exit code 8: nothing is wrong with the job, go on with it; 3: a parameter; 5: a recording.")]
pub struct BacktestArgs {
    /// What is to be done.
    #[command(flatten)]
    pub job: JobFlags,
    /// Where plan and results go [default: backtests/ and the plan's hash].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replays at once [default: the cores that this process may use].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Go on with what is planned in --out.
    #[arg(long, requires = "out", conflicts_with = "paths")]
    pub resume: bool,
    /// Print results.json, and nothing else.
    #[arg(long)]
    pub json: bool,
}

/// Which replays: every combination of what is listed.
#[derive(Clone, Debug, Args)]
pub struct JobFlags {
    /// Recordings, each a day or whatever it holds: files, or folders of them.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Coins to quote, comma-separated [default: those of the recording that are configured].
    #[arg(long, value_name = "COINS")]
    pub symbols: Option<String>,
    /// Each coin in replays of its own; without it all are quoted together, within one account's limits.
    #[arg(long)]
    pub by_coin: bool,
    /// A parameter and its values, of one coin or of all; again for more: every combination is a set.
    #[arg(long = "param", value_name = "[COIN.]KEY=V1,V2…")]
    pub params: Vec<String>,
    /// Sets of parameters, a JSON object a line: {"min_spread_bps": 2, "BTC.skew_factor": 0.5}.
    #[arg(long, value_name = "FILE")]
    pub params_file: Option<PathBuf>,
    /// Places in the queues, side by side [default: risk_averse,prob_power:3, and exact where single orders
    /// were recorded].
    #[arg(long, value_name = "MODELS", value_parser = str::parse::<List<Queue>>)]
    pub queue: Option<List<Queue>>,
    /// The model that `botmm calibrate --out FILE` fitted to our own orders; without --queue beside risk_averse.
    #[arg(long, value_name = "FILE")]
    pub queue_from: Option<PathBuf>,
    /// When events reach us: recorded, or so long after they happened.
    #[arg(long, value_name = "DELAYS", default_value = "recorded",
          value_parser = str::parse::<List<FeedDelay>>)]
    pub feed: List<FeedDelay>,
    /// How long orders and answers take [default: as configured].
    #[arg(long, value_name = "LATENCIES", value_parser = str::parse::<List<LatencyModel>>)]
    pub latency: Option<List<LatencyModel>>,
    /// What a maker pays: configured, base, tier1…, rebate1…, 1.2bps; with staking's discount base-40%.
    #[arg(long, value_name = "FEES", default_value = "configured",
          value_parser = str::parse::<List<Fee>>, allow_hyphen_values = true)]
    pub fee_tier: List<Fee>,
    /// Which of the venue's rules hold: venue (all), replay (none), and +RULE or -RULE of blocks, funding,
    /// margin, band, budget.
    #[arg(long, value_name = "RULES", default_value = "venue", value_parser = str::parse::<Rules>)]
    pub rules: Rules,
    /// Funding an hour where the recording has none, as a fraction (0.0000125).
    #[arg(long, value_name = "RATE", default_value = "0", value_parser = parse_rate,
          allow_negative_numbers = true)]
    pub funding_rate: i64,
    /// Each recording begins with nothing held; without it the position goes on from one to the next.
    #[arg(long)]
    pub flat_days: bool,
    /// Choose the best set on each part of the span and judge it on the next, so many times.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub walk_forward: u16,
    /// Time between samples of the money [default: by the span, 1s to 1h].
    #[arg(long, value_name = "DURATION", value_parser = parse_span)]
    pub sample_every: Option<Nanos>,
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
}

fn parse_rate(text: &str) -> Result<i64, String> {
    read_rate(text.as_bytes()).map_err(|e| format!("not a fraction such as 0.0000125: {e}"))
}

fn parse_span(text: &str) -> Result<Nanos, String> {
    match parse_duration(text)? {
        span if span >= Nanos::millis(10) => Ok(span),
        _ => Err("allowed: 10ms or more".to_owned()),
    }
}
