//! `botmm kill`: no order rests and none is sent, whatever state the bot is in.

use crate::bot::kill::Kill;
use crate::cli::KillArgs;
use crate::exit::AppError;
use crate::keys::{self, Role};
use crate::net::{Endpoint, Tls};
use crate::side::risk_state::{DEFAULT_DIR, key_of_kill};
use crate::stop::Stop;
use crate::venue_api::sweep::Whose;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Runs the verb.
pub fn run(args: &KillArgs) -> Result<(), AppError> {
    let state_dir = args.state.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_DIR));
    let venue = args.network.as_deref().map(Endpoint::parse).transpose()?;
    let signer = keys::signer_if_any(Role::Trader, args.key_file.as_deref())?.map(Arc::new);
    let key = key_of_kill(&state_dir, args.address, signer.as_ref().map(|s| s.address()))?;
    let stop = Stop::listen(false)?;
    let kill = Kill {
        state_dir,
        key,
        signer,
        venue,
        tls: Tls { extra_ca: args.ca.clone() },
        wallet: keys::account()?,
        whose: if args.all { Whose::All } else { Whose::Ours },
        tell: true,
        latch: !args.no_latch,
        flatten_within_bps: args.flatten.then_some(args.within),
        why: "by `botmm kill`".to_owned(),
        patience: Duration::from_nanos(args.wait.0.unsigned_abs()),
    };
    kill.run(&(Arc::new(move || stop.is_asked()) as _))
}
