//! What `botmm guard` takes.

use super::parse_address;
use crate::settings::parse_duration;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::sign::Address;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `botmm guard`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    BOTMM_GUARD_KEY=0x... botmm guard             the bot whose key is the one in state/\n  \
    botmm guard --key-file guard.key --state /var/lib/botmm/state --address 0x...\n\n\
    `botmm run` starts one by itself where there is a key for it. The key (--key-file, BOTMM_GUARD_KEY,\n\
    the credential botmm_guard_key) is that of another agent of the account, not the bot's.\n\
    When the bot does not beat any more, it latches, and cancels until no order of the bot's has been\n\
    open for as long as one on its way could still come to rest. Beats come only while every lane and\n\
    the side thread go. Without a state in the folder it waits for the first run.\n\n\
    On another host: botmm guard --address 0x... --listen 127.0.0.1:7750, a tunnel from the bot's host to\n\
    there, and guard_at in the bot's configuration (docs/stop.md).")]
pub struct GuardArgs {
    /// Where the bot's state is [default: state].
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Which bot's, by its key's address; needed when the folder does not hold exactly one.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub address: Option<Address>,
    /// Read the guard's private key from this file, which only its owner may read (mode 0600).
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// It acts after so long without a beat; 1s to 60s.
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = parse_timeout)]
    pub timeout: Nanos,
    /// Hear of the bot over connections to this loopback address, not by its files: it is on another host.
    #[arg(long, value_name = "ADDRESS:PORT", requires = "address")]
    pub listen: Option<SocketAddr>,
    /// End when the run does.
    #[arg(long, hide = true)]
    pub with_the_run: bool,
}

fn parse_timeout(text: &str) -> Result<Nanos, String> {
    let timeout = parse_duration(text)?;
    match (Nanos::secs(1)..=Nanos::secs(60)).contains(&timeout) {
        true => Ok(timeout),
        false => Err("allowed: 1s to 60s".to_owned()),
    }
}
