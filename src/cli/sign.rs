//! `botmm sign`.

use botmm_pipeline::venue::hl::sign::{Address, Network};
use clap::Args;
use std::path::PathBuf;

/// `botmm sign`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "Examples:\n  \
    echo '{\"type\":\"noop\"}' | botmm sign --nonce 1795359600000 --network testnet\n  \
    botmm sign action.json --vault 0x1719884eb866cb12b2287399b15f7db5e7d775ea\n  \
    botmm sign --vectors testdata/vectors/signing.json\n\n\
    The order of the action's keys is what gets signed. Actions that the account itself signs\n\
    (approveAgent, usdSend, ...) carry their own nonce and chain.\n\
    The key comes from HL_PRIVATE_KEY or --key-file and is never printed.\n\
    Exit code 1 when a vector does not match.")]
pub struct SignArgs {
    /// The action's JSON text; stdin when left out.
    #[arg(value_name = "FILE")]
    pub action: Option<PathBuf>,
    /// Nonce in milliseconds [default: the time].
    #[arg(long, value_name = "MS")]
    pub nonce: Option<u64>,
    /// The vault or sub-account to act for.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub vault: Option<Address>,
    /// When the venue is to refuse it, in Unix milliseconds.
    #[arg(long, value_name = "MS")]
    pub expires_after: Option<u64>,
    /// For which chain: mainnet or testnet [default: mainnet].
    #[arg(long, value_name = "NETWORK", value_parser = parse_network)]
    pub network: Option<Network>,
    /// Sign as `signing = "presigned"` does, by a signature that was made ahead: another one each time.
    #[arg(long)]
    pub presigned: bool,
    /// Read the private key from this file, which only its owner may read (mode 0600).
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Check a file of known answers, and print how many passed and which failed.
    #[arg(long, value_name = "FILE",
          conflicts_with_all = ["action", "nonce", "vault", "expires_after", "network", "presigned", "key_file"])]
    pub vectors: Option<PathBuf>,
}

fn parse_network(text: &str) -> Result<Network, String> {
    match text {
        "mainnet" => Ok(Network::Mainnet),
        "testnet" => Ok(Network::Testnet),
        _ => Err("allowed: mainnet, testnet".to_owned()),
    }
}

/// An account's.
///
/// # Errors
/// In words: it is none.
pub(super) fn parse_address(text: &str) -> Result<Address, String> {
    Address::parse(text).ok_or_else(|| "an address is 0x and 40 hex digits".to_owned())
}
