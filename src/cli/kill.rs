//! What `botmm kill` takes.

use super::parse_address;
use crate::settings::parse_duration;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::sign::Address;
use clap::Args;
use std::path::PathBuf;

/// `botmm kill`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm kill                                    the bot whose key is the one in state/\n  \
    botmm kill --key-file agent.key               and straight at the venue, whatever the bot does\n  \
    botmm kill --key-file agent.key --flatten     and closes the bot's positions\n  \
    botmm kill --state runs/2026-11-22T17-45-10Z/state       a paper run\n  \
    botmm kill --network mainnet --key-file agent.key --all  from another machine, a person's orders too\n\n\
    The key is latched first: nothing is quoted by any run with it until `botmm rearm`. Then the running\n\
    bot is told, over its socket. With a key (--key-file, HL_PRIVATE_KEY, the credential hl_private_key)\n\
    orders are cancelled from here too, until none has been open for as long as one on its way could still\n\
    come to rest; a bot that hangs hinders nothing. The other ways to kill: SIGUSR1, or a file data/KILL.\n\
    Exit code 5 when orders rest, or may, or with --flatten a position is left.")]
pub struct KillArgs {
    /// Where the state of runs is kept [default: state].
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Which bot's, by its key's address; needed when the folder holds several.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub address: Option<Address>,
    /// mainnet, testnet, https://HOST[:PORT], or http://127.0.0.1:PORT [default: where the last run was].
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<String>,
    /// Read the private key from this file, which only its owner may read (mode 0600).
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Trust these certificate authorities too (PEM), beside the public ones.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Cancel orders that are not ours too: a person's, another program's.
    #[arg(long)]
    pub all: bool,
    /// Then close positions too, of the coins that the bot trades (with --all: every one), by orders that
    /// only reduce, in slices, at no price further from the mark than --within.
    #[arg(long)]
    pub flatten: bool,
    /// How far from the mark, in basis points, 1 to 1000.
    #[arg(long, value_name = "BPS", default_value = "50", requires = "flatten",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub within: u32,
    /// Do not latch: a running bot ends instead, and the next run quotes.
    #[arg(long)]
    pub no_latch: bool,
    /// How long it is tried when the venue does not answer, or does not cancel.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub wait: Nanos,
}
