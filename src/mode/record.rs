//! `botmm record`: keeps the venue's public data.

use crate::bot::record::{self, Request};
use crate::bot::session;
use crate::cli::RecordArgs;
use crate::exit::AppError;
use crate::settings::{Draft, Overrides};

/// Runs the verb until it is stopped.
pub fn run(args: &RecordArgs) -> Result<(), AppError> {
    if args.symbols.as_deref().is_some_and(|s| s.split(',').all(|coin| coin.trim().is_empty())) {
        return Err(AppError::Usage("--symbols names no coin: BTC,ETH,SOL".to_owned()));
    }
    let file = session::config_file(args.config.as_deref());
    let draft = Draft::load(file.as_deref(), &|name| std::env::var(name).ok())?;
    let flags: Overrides = args.overrides();
    record::run(Request {
        draft,
        flags,
        network: &args.network,
        out: &args.out,
        is_redundant: args.redundant,
        duration: args.duration,
        room: args.room(),
    })
}
