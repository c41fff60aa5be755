//! `botmm explain`: every term of a quote, from the journal of a run that is over or goes on.

use crate::cli::ExplainArgs;
use crate::exit::AppError;
use crate::journal::RUNS;
use crate::journal::find::{Found, decision, newest_journal};
use crate::journal::segments::LIVE;
use crate::report::Explanation;
use crate::terminal;
use std::path::Path;

/// Runs the verb.
pub fn run(args: &ExplainArgs) -> Result<(), AppError> {
    let path = match &args.journal {
        Some(path) if path.is_dir() => path.join(LIVE),
        Some(path) => path.clone(),
        None => newest_journal(Path::new(RUNS))?,
    };
    let Found { line, passed_over } = decision(&path, &args.coin, args.at)?;
    passed_over.iter().for_each(terminal::complain);
    let explained = Explanation::read(&line).map_err(|problem| {
        let place = format!("{}, decision of {}", path.display(), line.time);
        AppError::data(place, problem, "ask for another moment with --at")
    })?;
    let text = match args.json {
        true => format!("{:#}\n", explained.to_json()),
        false => explained.to_string(),
    };
    terminal::print(&text)?;
    match explained.adds_up() {
        true => Ok(()),
        false => Err(AppError::Failed("the terms do not add up to the price".to_owned())),
    }
}
