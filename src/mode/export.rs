//! `botmm export`: a recording as other people's tools read it.

use crate::cli::ExportArgs;
use crate::data::export::{self, Request};
use crate::exit::AppError;
use crate::masked::masked;
use crate::stop::Stop;
use crate::terminal;

/// Runs the verb.
pub fn run(args: &ExportArgs) -> Result<(), AppError> {
    let stop = Stop::listen(false)?;
    let exported = export::run(&Request {
        paths: &args.paths,
        symbols: &args.symbols,
        allow_unsound: args.allow_unsound,
        format: args.format,
        out: &args.out,
        is_stopped: stop.flag(),
    })?;
    exported.warnings.iter().for_each(terminal::complain);
    let out = args.out.display();
    terminal::print(&masked(&format!("{}wrote    {out}\n", exported.text())))
}
