//! `botmm record`.

use super::parse_run_time;
use crate::bot::record::{Room, WhenFull};
use crate::settings::Overrides;
use botmm_pipeline::types::Nanos;
use clap::Args;
use std::path::PathBuf;

/// `botmm record`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm record --symbols BTC,ETH,SOL --out data/capture\n  \
    botmm record --symbols BTC --out data/capture --redundant --max-gb 50 --when-full prune\n  \
    botmm record --symbols BTC --out /tmp/try --network http://127.0.0.1:3001 --for 30s\n  \
    botmm replay data/capture/2026-11-29\n\n\
    No key, no account: public data alone. It goes on until Ctrl-C or a signal, over lost connections and\n\
    full disks; what is missing is marked. One recorder a folder. See docs/record.md.")]
pub struct RecordArgs {
    /// Coins to record, comma-separated, at most 16 a recorder [default: the configured ones, BTC,ETH,SOL].
    #[arg(long, value_name = "COINS")]
    pub symbols: Option<String>,
    /// The folder to record into; one that is there is gone on with.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// mainnet, testnet, https://HOST[:PORT], or http://127.0.0.1:PORT.
    #[arg(long, visible_alias = "url", value_name = "NETWORK", default_value = "mainnet")]
    pub network: String,
    /// Keep two connections, so that the loss of one loses nothing.
    #[arg(long)]
    pub redundant: bool,
    /// Stop after this long (30s, 5m, 1h); without it, Ctrl-C stops.
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_run_time)]
    pub duration: Option<Nanos>,
    /// The recordings take at most so many gigabytes (1e9 bytes) [default: no limit].
    #[arg(long, value_name = "GB", value_parser = parse_gb)]
    pub max_gb: Option<u64>,
    /// So many gigabytes of the disk stay free.
    #[arg(long, value_name = "GB", value_parser = parse_gb, default_value = "1")]
    pub min_free_gb: u64,
    /// When either is reached: refuse (write nothing until there is room), prune (remove the oldest segments).
    #[arg(long, value_name = "WHAT", default_value = "refuse")]
    pub when_full: WhenFull,
    /// Configuration whose keys go on top of the built-in defaults (webhooks, http.port, symbols).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl RecordArgs {
    /// What the flags change in the settings.
    pub fn overrides(&self) -> Overrides {
        Overrides { symbols: self.symbols.clone(), ..Overrides::default() }
    }

    /// How much of the disk is the recorder's.
    pub fn room(&self) -> Room {
        Room {
            max_bytes: self.max_gb.unwrap_or(u64::MAX),
            min_free_bytes: self.min_free_gb,
            when_full: self.when_full,
        }
    }
}

/// Gigabytes as bytes.
fn parse_gb(text: &str) -> Result<u64, String> {
    let gb: f64 = text.trim().parse().map_err(|_| "a number of gigabytes, such as 50 or 0.5")?;
    if (0.0..=1e6).contains(&gb) {
        Ok((gb * 1e9) as u64)
    } else {
        Err("allowed: 0 to 1000000".to_owned())
    }
}
