//! What `botmm exchange` takes.

use super::{MarketSource, parse_address, parse_run_time};
use crate::exchange::front::Chains;
use crate::settings::{Overrides, parse_duration};
use botmm_pipeline::types::{Nanos, Usd};
use botmm_pipeline::venue::hl::sign::Address;
use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// `botmm exchange`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm exchange --fund 0x14791697260e4c9a71f18484c9f997b308e59325=10000\n  \
    botmm exchange --listen 127.0.0.1:3002 --seed 7 --admin 127.0.0.1:3003 --faults bad-day.toml\n  \
    botmm exchange --market tape recordings/2025-09-04 --speed 10 --symbols BTC,ETH\n  \
    botmm exchange --market mainnet --symbols BTC     its public data; orders stay here\n\n\
    One port serves POST /info, POST /exchange and /ws. Signatures are checked; accounts exist when\n\
    they are funded. Ctrl-C ends it.")]
pub struct ExchangeArgs {
    /// Where to listen; a loopback address. Port 0 takes any free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3001")]
    pub listen: SocketAddr,
    /// Recordings for --market tape: files, or folders of them.
    #[arg(value_name = "PATH", required_if_eq("market", "tape"))]
    pub paths: Vec<PathBuf>,
    /// What moves the prices.
    #[command(flatten)]
    pub source_of_prices: MarketSource,
    /// Coins to list, comma-separated [default: all that are configured and, on a tape, recorded;
    /// of a mirrored venue BTC,ETH,SOL].
    #[arg(long, value_name = "COINS")]
    pub symbols: Option<String>,
    /// An account with this much money (USD). May be given again.
    #[arg(long, value_name = "ADDRESS=USD", value_parser = parse_funded)]
    pub fund: Vec<Funded>,
    /// What goes wrong, and when; see config/faults.example.toml.
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Take faults by hand on this second loopback address (GET, POST, DELETE /faults; GET /stats).
    #[arg(long, value_name = "ADDR")]
    pub admin: Option<SocketAddr>,
    /// Note every frame that goes out in this new file: when, on which connection, and its hash.
    #[arg(long, value_name = "FILE", hide = true)]
    pub frame_log: Option<PathBuf>,
    /// Whose signatures to take: a (as for the mainnet), b (testnet), both.
    #[arg(long, value_name = "LETTER", default_value = "both")]
    pub source: Chain,
    /// Hold the venue's limits per address too (weights, connections, messages).
    #[arg(long)]
    pub limits: bool,
    /// Volume that must be traded before scheduleCancel is taken (USD) [default: 1000000].
    #[arg(long, value_name = "USD", value_parser = crate::settings::parse_usd)]
    pub schedule_cancel_volume: Option<Usd>,
    /// Time between blocks [default: 80ms].
    #[arg(long, value_name = "DURATION", value_parser = parse_run_time)]
    pub block_interval: Option<Nanos>,
    /// From an action's arrival to the earliest block that it may be in [default: 80ms].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub entry_latency: Option<Nanos>,
    /// Seed of the synthetic market [default: 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub seed: Option<u64>,
    /// Configuration whose keys go on top of the built-in defaults (universe, fees).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The letter that an action's signature names its chain by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Chain {
    /// As for the mainnet.
    A,
    /// As for the testnet, and by the official clients on loopback.
    B,
    /// Either.
    Both,
}

impl From<Chain> for Chains {
    fn from(source: Chain) -> Self {
        match source {
            Chain::A => Self::Mainnet,
            Chain::B => Self::Testnet,
            Chain::Both => Self::Both,
        }
    }
}

/// An account with money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funded {
    /// Whose.
    pub address: Address,
    /// How much.
    pub amount: Usd,
}

/// The most that an account may begin with: at any leverage, sums of it stay in 64 bits.
const MOST_FUNDED: Usd = Usd::whole(100_000_000);

fn parse_funded(text: &str) -> Result<Funded, String> {
    let (address, amount) = text.split_once('=').ok_or("expected ADDRESS=USD")?;
    let amount = crate::settings::parse_usd(amount)?;
    if !amount.is_positive() || amount > MOST_FUNDED {
        return Err(format!("the amount must be above zero and at most {MOST_FUNDED}"));
    }
    Ok(Funded { address: parse_address(address)?, amount })
}

impl ExchangeArgs {
    /// What the flags change in the settings.
    pub fn overrides(&self) -> Overrides {
        let (symbols, queue) = (self.symbols.clone(), self.source_of_prices.queue);
        Overrides { seed: self.seed, symbols, queue, ..Overrides::default() }
    }
}
