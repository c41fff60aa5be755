//! `botmm parity`: a live run again, decision by decision.

use crate::bot::blackbox;
use crate::cli::ParityArgs;
use crate::exit::AppError;
use crate::masked::masked;
use crate::terminal;

/// Runs the verb.
pub fn run(args: &ParityArgs) -> Result<(), AppError> {
    let repetition = blackbox::repeat(&blackbox::of_run(&args.folder), &args.what_if)?;
    terminal::print(&masked(&if args.json { repetition.json() } else { repetition.text() }))?;
    repetition.verdict()
}
