//! `botmm drill`: proves the dead man's ladder on an exchange of its own.

use crate::bot::drill::{Drill, Fault};
use crate::cli::DrillArgs;
use crate::exit::AppError;
use crate::files;
use crate::side::risk_state::DEFAULT_DIR;
use crate::stop::Stop;
use std::path::PathBuf;
use std::sync::Arc;

/// Runs the verb.
pub fn run(args: &DrillArgs) -> Result<(), AppError> {
    let stop = Stop::listen(false)?;
    let drill = Drill {
        program: files::own_program()?,
        plan: args.plan.clone(),
        faults: match args.only.is_empty() {
            true => Fault::ALL.to_vec(),
            false => args.only.clone(),
        },
        is_short: args.short,
        json: args.json,
        state_dir: args.state.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_DIR)),
    };
    drill.run(&(Arc::new(move || stop.is_asked()) as _))
}
