//! `botmm train`: from our own orders to a fill predictor.

use crate::bot::session;
use crate::cli::TrainArgs;
use crate::exit::AppError;
use crate::learn::{self, Options, Request};

/// Runs the verb.
pub fn run(args: &TrainArgs) -> Result<(), AppError> {
    let lightgbm = match &args.lightgbm[..] {
        [] => None,
        [fill, adverse] => Some([fill.clone(), adverse.clone()]),
        _ => return Err(AppError::Usage("--lightgbm: two dumps, FILL,ADVERSE".to_owned())),
    };
    let (trees, leaves) = (args.trees.into(), args.leaves.into());
    learn::run(&Request {
        runs: args.runs.clone(),
        captures: args.captures.clone(),
        draft: session::draft(args.config.as_deref(), &args.overrides())?,
        feed: args.feed,
        reading: args.reading.into(),
        horizon: args.horizon,
        test_share: args.test_share,
        seed: args.seed,
        options: Options { trees, leaves, min_leaf: args.min_leaf, ..Options::default() },
        lightgbm,
        table: args.table.clone(),
        out: args.out.clone(),
        json: args.json,
    })
}
