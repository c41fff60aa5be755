//! `botmm why`: why each side is quoted or not, from the journal of a run that goes on or is over.

use crate::cli::WhyArgs;
use crate::exit::AppError;
use crate::journal::RUNS;
use crate::journal::find::newest_journal;
use crate::journal::segments::LIVE;
use crate::report::Why;
use crate::terminal;
use botmm_pipeline::rt::WallClock;
use std::path::Path;

/// Runs the verb.
pub fn run(args: &WhyArgs) -> Result<(), AppError> {
    let path = match &args.journal {
        Some(path) if path.is_dir() => path.join(LIVE),
        Some(path) => path.clone(),
        None => newest_journal(Path::new(RUNS))?,
    };
    let now = WallClock::default().now();
    let why = Why::read(&path, args.coin.as_deref(), args.last, now)?;
    terminal::print(&match args.json {
        true => format!("{:#}\n", why.to_json()),
        false => why.to_string(),
    })
}
