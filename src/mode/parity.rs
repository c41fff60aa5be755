//! `botmm parity`: a live run again, decision by decision.

use crate::bot::blackbox::{self, FOLDER};
use crate::cli::ParityArgs;
use crate::exit::AppError;
use crate::masked::masked;
use crate::terminal;

/// Runs the verb.
pub fn run(args: &ParityArgs) -> Result<(), AppError> {
    let inner = args.folder.join(FOLDER);
    let folder = if inner.is_dir() { &inner } else { &args.folder };
    let repetition = blackbox::repeat(folder, &args.what_if)?;
    terminal::print(&masked(&if args.json { repetition.json() } else { repetition.text() }))?;
    repetition.verdict()
}
