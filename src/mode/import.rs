//! `botmm import`: what other people have, as a recording that `replay` reads.

use crate::cli::ImportArgs;
use crate::data::import::{self, Request};
use crate::exit::AppError;
use crate::masked::masked;
use crate::stop::Stop;
use crate::terminal;

/// Runs the verb.
pub fn run(args: &ImportArgs) -> Result<(), AppError> {
    let stop = Stop::listen(false)?;
    let imported = import::run(&Request {
        sources: &args.sources,
        out: &args.out,
        symbols: &args.symbols,
        allow_unsound: args.allow_unsound,
        is_stopped: stop.flag(),
    })?;
    imported.warnings().iter().for_each(terminal::complain);
    let out = args.out.display();
    let verb = if imported.has_events() { "replay" } else { "candles" };
    terminal::print(&masked(&format!("{}wrote    {out}: botmm {verb} {out}\n", imported.text())))
}
