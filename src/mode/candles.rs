//! `botmm candles`: the strategy over bars, coarsely.

use crate::bot::candles::{self, Request};
use crate::bot::session;
use crate::cli::CandlesArgs;
use crate::exit::AppError;
use crate::net::Endpoint;

/// Runs the verb.
pub fn run(args: &CandlesArgs) -> Result<(), AppError> {
    let fetch = args.fetch.as_deref().map(Endpoint::parse).transpose()?;
    let coins = || args.symbols.iter().flat_map(|all| all.split(',')).map(|c| c.trim().to_owned());
    candles::run(Request {
        paths: args.paths.clone(),
        draft: session::draft(args.config.as_deref(), &args.overrides())?,
        interval: args.interval,
        fetch: fetch.map(|endpoint| (endpoint, coins().collect())),
        span: [args.from, args.to],
        funding_rate_e10: args.funding_rate,
        share_e3: args.share,
        allow_unsound: args.allow_unsound,
        json: args.json,
    })
}
