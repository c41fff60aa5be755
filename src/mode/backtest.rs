//! `botmm backtest`: days, parameters and assumptions, replayed and compared.

use crate::backtest::{self, Job, Request};
use crate::bot::session;
use crate::cli::{BacktestArgs, JobFlags};
use crate::exit::AppError;
use crate::settings::Overrides;
use botmm_pipeline::rt::plan::allowed_cores;

/// Runs the verb.
pub fn run(args: &BacktestArgs) -> Result<(), AppError> {
    backtest::run(Request {
        job: if args.resume { None } else { Some(job(&args.job, None)?) },
        out: args.out.clone(),
        jobs: args.jobs.map_or_else(|| allowed_cores().len(), usize::from),
        json: args.json,
    })
}

/// What the flags ask for.
///
/// # Errors
/// The configuration will not do.
pub fn job(flags: &JobFlags, halving: Option<u16>) -> Result<Job, AppError> {
    let overrides = Overrides {
        symbols: flags.symbols.clone(),
        seed: flags.seed,
        queue_from: flags.queue_from.clone(),
        rules: Some(flags.rules),
        ..Overrides::default()
    };
    Ok(Job {
        paths: flags.paths.clone(),
        draft: session::draft(flags.config.as_deref(), &overrides)?,
        by_coin: flags.by_coin,
        params: flags.params.clone(),
        params_file: flags.params_file.clone(),
        queues: flags.queue.as_ref().map(|list| list.0.clone()).unwrap_or_default(),
        feeds: flags.feed.0.clone(),
        latencies: flags.latency.as_ref().map(|list| list.0.clone()).unwrap_or_default(),
        fees: flags.fee_tier.0.clone(),
        flat_days: flags.flat_days,
        walk_forward: flags.walk_forward.into(),
        funding_rate_e10: flags.funding_rate,
        sample_every: flags.sample_every,
        eta: halving.map(usize::from),
        allow_unsound: flags.reading.allow_unsound,
        no_tape: flags.reading.no_tape,
    })
}
