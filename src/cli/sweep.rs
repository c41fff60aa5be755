//! `botmm sweep`: a backtest in parts.

use super::backtest::JobFlags;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `botmm sweep`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm sweep plan DAYS --param min_spread_bps=1,2,4 --out s1\n  \
    seq 0 $(($(wc -l < s1/tasks.jsonl) - 1)) | xargs -P2 -I{} botmm sweep run s1 --task {}\n  \
    botmm sweep reduce s1\n  \
    botmm sweep plan --next s1 --out s2              the best of s1 on more days\n\n\
    Tasks may run in any order, at once, twice, and on any machine that sees the folder and the recordings.\n\
    Exit codes of run: 0 done (or found done), 8 or killed: try again, others: it cannot be done.")]
pub struct SweepArgs {
    /// Which part.
    #[command(subcommand)]
    pub step: SweepStep,
}

/// A part of a backtest.
#[derive(Clone, Debug, Subcommand)]
pub enum SweepStep {
    /// Write tasks.jsonl, a replay a line.
    Plan(Box<PlanArgs>),
    /// Do one task, unless it is done.
    Run(RunTaskArgs),
    /// Say what all tasks come to, and the hash of it.
    Reduce(ReduceArgs),
}

/// `botmm sweep plan`.
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    /// What is to be done.
    #[command(flatten)]
    pub job: JobFlags,
    /// Where it goes.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Successive halving: begin with one recording, and keep one set in so many for each next plan.
    #[arg(long, value_name = "ETA", value_parser = clap::value_parser!(u16).range(2..=100), conflicts_with = "next")]
    pub halving: Option<u16>,
    /// The next rung after the one that is reduced in this folder: its best sets, on more recordings.
    #[arg(long, value_name = "DIR", conflicts_with = "paths")]
    pub next: Option<PathBuf>,
}

/// `botmm sweep run`.
#[derive(Clone, Debug, Args)]
pub struct RunTaskArgs {
    /// The folder of the plan.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Which: its line in tasks.jsonl, from 0.
    #[arg(long, value_name = "N")]
    pub task: usize,
}

/// `botmm sweep reduce`.
#[derive(Clone, Debug, Args)]
pub struct ReduceArgs {
    /// The folder of the plan.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Make do with the results that are there.
    #[arg(long)]
    pub partial: bool,
    /// Print results.json, and nothing else.
    #[arg(long)]
    pub json: bool,
}
