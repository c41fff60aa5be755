//! `botmm guard`: cancels for a bot that does not beat any more. It may be there before its bot ever was.

use crate::bot::guard::Guard;
use crate::cli::GuardArgs;
use crate::exit::{AppError, Exit};
use crate::files::{Readers, make_folder};
use crate::keys::{self as secrets, Role};
use crate::masked::masked;
use crate::side::risk_state::{DEFAULT_DIR, keys, which_key};
use crate::stop::Stop;
use crate::terminal;
use botmm_pipeline::venue::hl::sign::Address;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often it looks whether a run has left its state.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Runs the verb.
pub fn run(args: &GuardArgs) -> Result<(), AppError> {
    let state_dir = args.state.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_DIR));
    let Some(signer) = secrets::signer_if_any(Role::Guard, args.key_file.as_deref())? else {
        let problem = "not set: the guard needs the key of an agent of its own, approved on the venue's \
                       API page; give it there, in --key-file FILE, or as the systemd credential \
                       botmm_guard_key";
        return Err(AppError::of(Exit::Config, format!("{}: {problem}", Role::Guard.variable())));
    };
    // What ends the bot with its terminal, or its group, must not end this.
    let _ = rustix::process::setsid(); // Who leads a group already has one of its own.
    let stop = Stop::listen(false)?;
    let known = match (args.listen, args.address) {
        (Some(_), Some(key)) => {
            make_folder(&state_dir, Readers::Owner)?;
            Some(key)
        }
        (_, named) => until_known(&state_dir, named, &stop)?,
    };
    let Some(key) = known else { return Ok(()) };
    let guard = Guard {
        key,
        state_dir,
        signer: Arc::new(signer),
        timeout: Duration::from_nanos(args.timeout.0.unsigned_abs()),
        ends_with_run: args.with_the_run,
        listen: args.listen,
    };
    guard.run(&(Arc::new(move || stop.is_asked()) as _))
}

/// The bot's key: the one that was named, or the one that has its state there, once one has. [`None`] = told
/// to stop before that.
fn until_known(
    dir: &Path,
    named: Option<Address>,
    stop: &Stop,
) -> Result<Option<Address>, AppError> {
    make_folder(dir, Readers::Owner)?;
    if named.is_some() {
        return Ok(named);
    }
    if keys(dir)?.is_empty() {
        let waits = format!("waits for the first run to leave its state in {}\n", dir.display());
        terminal::print(&masked(&waits))?;
    }
    while keys(dir)?.is_empty() {
        if stop.is_asked() {
            return Ok(None);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    which_key(dir, None).map(Some)
}
