//! `botmm inspect`: what a recording is worth.

use crate::cli::InspectArgs;
use crate::data::inspect;
use crate::exit::AppError;
use crate::terminal;

/// Runs the verb.
pub fn run(args: &InspectArgs) -> Result<(), AppError> {
    let inspection = inspect::read(&args.paths, &args.symbols)?;
    inspection.warnings.iter().for_each(terminal::complain);
    terminal::print(&match args.json {
        true => format!("{:#}\n", inspection.to_json()),
        false => inspection.to_string(),
    })
}
