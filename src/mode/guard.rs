//! `botmm guard`: cancels for a bot that does not beat any more.

use crate::bot::guard::Guard;
use crate::cli::GuardArgs;
use crate::exit::{AppError, Exit};
use crate::keys::{self, Role};
use crate::side::risk_state::{DEFAULT_DIR, which_key};
use crate::stop::Stop;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Runs the verb.
pub fn run(args: &GuardArgs) -> Result<(), AppError> {
    let state_dir = args.state.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_DIR));
    let Some(signer) = keys::signer_if_any(Role::Guard, args.key_file.as_deref())? else {
        let problem = "not set: the guard needs the key of an agent of its own, approved on the venue's \
                       API page; give it there, in --key-file FILE, or as the systemd credential \
                       botmm_guard_key";
        return Err(AppError::of(Exit::Config, format!("{}: {problem}", Role::Guard.variable())));
    };
    // What ends the bot with its terminal, or its group, must not end this.
    let _ = rustix::process::setsid(); // Who leads a group already has one of its own.
    let stop = Stop::listen(false)?;
    let guard = Guard {
        key: which_key(&state_dir, args.address)?,
        state_dir,
        signer: Arc::new(signer),
        timeout: Duration::from_nanos(args.timeout.0.unsigned_abs()),
        ends_with_run: args.with_the_run,
    };
    guard.run(&(Arc::new(move || stop.is_asked()) as _))
}
