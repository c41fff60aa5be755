//! What `botmm doctor` takes.

use clap::Args;
use std::path::PathBuf;

/// `botmm doctor`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm doctor --network testnet --key-file agent.key\n  \
    botmm doctor --network mainnet --config /etc/botmm/botmm.toml --state /var/lib/botmm/state --json\n\n\
    Only asks: no order, no action is sent. Exit code 1 when something fails, 0 with warnings alone.")]
pub struct DoctorArgs {
    /// Which venue: mainnet, testnet, or the URL of anything that speaks the protocol.
    #[arg(long, value_name = "NETWORK", default_value = "testnet")]
    pub network: String,
    /// Read the private key from this file, which only its owner may read (mode 0600).
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Trust these certificate authorities too (PEM), beside the public ones.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Where the state of runs is kept [default: state].
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Configuration whose keys go on top of the built-in defaults.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
