//! What a replay takes to be compared with another engine.

use crate::settings::QueueSemantics;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::types::params::GridParams;
use clap::Args;
use std::path::PathBuf;

/// See the module.
#[derive(Clone, Debug, Default, Args)]
pub struct JobArgs {
    /// By whose rules a place in a queue that is estimated decides fills: botmm, or hftbacktest, to the letter and
    /// with its quirks, so that two engines can be compared fill by fill.
    #[arg(long, value_name = "WHOSE", default_value = "botmm",
          value_parser = str::parse::<QueueSemantics>)]
    pub queue_semantics: QueueSemantics,
    /// What is quoted in place of the configured strategy: grid, the job that engines are compared by, ten
    /// orders a side, two ticks apart, decided on every 100 ms.
    #[arg(long, value_name = "JOB", value_parser = ["grid"], conflicts_with = "params_from")]
    pub strategy: Option<String>,
    /// Of the grid: half its spread, in half ticks.
    #[arg(long, value_name = "H", default_value_t = 16, requires = "strategy",
          value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub half: u32,
    /// Of the grid: the size of an order, in lots. So many lots of position move it by half a tick.
    #[arg(long, value_name = "Q", default_value_t = 1000, requires = "strategy",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000_000))]
    pub lots: u32,
    /// Write every execution here, as CSV by time and price: exch_ts, recv_ts, side, tick, exec_tick, lots,
    /// leaves_lots, maker. Of one coin.
    #[arg(long, value_name = "FILE")]
    pub fills: Option<PathBuf>,
}

impl JobArgs {
    /// The grid, if it is asked for. Its first moment is known once the recording is.
    pub fn grid(&self) -> Option<GridParams> {
        self.strategy.as_ref().map(|_| GridParams {
            half: self.half,
            lots: self.lots,
            from: Nanos::ZERO,
        })
    }
}

/// `--strategy` of a run that trades.
pub fn no_job(_: &str) -> Result<String, String> {
    Err("a grid is a job for comparing engines, of replays alone (botmm replay PATH --strategy grid); \
         what a run quotes is `strategy` in its configuration: basic or adaptive"
        .to_owned())
}
