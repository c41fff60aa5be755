//! `botmm replay`: a recording through the pipeline, against the simulator, in virtual time.

use crate::bot::replay::engine::How;
use crate::bot::replay::{self, Request};
use crate::bot::session;
use crate::cli::ReplayArgs;
use crate::exit::AppError;
use crate::settings::Queue;

/// Runs the verb.
pub fn run(args: &ReplayArgs) -> Result<(), AppError> {
    replay::run(Request {
        paths: &args.paths,
        draft: session::draft(args.common.config.as_deref(), &args.overrides())?,
        plan: &args.plan,
        how: How {
            lossless: args.lossless,
            lean: args.lean,
            feed: args.feed,
            is_exact: args.queue == Some(Queue::Exact),
            semantics: args.job.queue_semantics,
            grid: args.job.grid(),
        },
        reading: args.reading.into(),
        fills: args.job.fills.as_deref(),
        params_from: args.params_from.as_deref(),
        out: args.common.out.as_deref(),
        json: args.common.json,
    })
}
