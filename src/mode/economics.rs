//! `botmm economics`: should this market be made at all?

use crate::bot::economics::{self, Request};
use crate::bot::session;
use crate::cli::EconomicsArgs;
use crate::exit::AppError;

/// Runs the verb.
pub fn run(args: &EconomicsArgs) -> Result<(), AppError> {
    economics::run(Request {
        paths: args.paths.clone(),
        draft: session::draft(args.config.as_deref(), &args.overrides())?,
        feed: args.feed,
        feeds: args.feeds.clone(),
        horizon: economics::horizon(args.horizon)?,
        benchmark_apr_pct: args.benchmark_apr,
        staking_discounts: args.staking_discount.clone(),
        reading: args.reading.into(),
        json: args.json,
    })
}
