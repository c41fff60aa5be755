//! `botmm doctor`: would a live run do well here?

use crate::bot::doctor::{self, Request};
use crate::bot::session;
use crate::cli::DoctorArgs;
use crate::exit::AppError;
use crate::net::{Endpoint, Tls};
use crate::settings::Draft;
use crate::side::risk_state::DEFAULT_DIR;

/// Looks, and prints what it found.
pub fn run(args: &DoctorArgs) -> Result<(), AppError> {
    let file = session::named_config_file(args.config.as_deref());
    doctor::run(&Request {
        draft: Draft::load(file, &|name| std::env::var(name).ok())?.with_live_file()?,
        endpoint: Endpoint::parse(&args.network)?,
        tls: Tls { extra_ca: args.ca.clone() },
        key_file: args.key_file.clone(),
        state: args.state.clone().unwrap_or_else(|| DEFAULT_DIR.into()),
        json: args.json,
    })
}
