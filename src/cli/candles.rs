//! `botmm candles`.

use crate::data::bars::interval::{Interval, KNOWN};
use crate::settings::{Overrides, parse_bps};
use crate::when::parse_utc;
use botmm_pipeline::types::{Bps, Nanos, read_rate};
use clap::Args;
use std::path::PathBuf;

/// `botmm candles`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm candles klines/*.json --fee-bps 1.5\n  \
    botmm candles recordings/btc --interval 1h --symbols BTC --json | jq .net_pnl_usd\n  \
    botmm candles --fetch mainnet --symbols BTC,ETH --interval 1h --from 2026-06-01T00:00:00Z\n\n\
    Coarse: no books, no queues, no latency. Quotes for a bar are made from the bars before it, and fill only\n\
    when it trades through them. Files: the venue's candleSnapshot answers, Bybit's klines, candles_COIN.csv,\n\
    and ctxs_COIN.csv or asset_ctxs for funding; plain or packed. --fetch is the only thing that asks anybody.\n\
    Exit code 5 when there are no bars, or most of a file is unsound.")]
pub struct CandlesArgs {
    /// Files of candles and contexts, or folders of them.
    #[arg(value_name = "PATH", required_unless_present = "fetch")]
    pub paths: Vec<PathBuf>,
    /// Ask this venue for its candles: mainnet, testnet, or the URL of anything that speaks the protocol.
    #[arg(long, value_name = "NETWORK", requires = "symbols", requires = "interval")]
    pub fetch: Option<String>,
    /// How long the bars are: 1m to 1d. Needed with --fetch, and where files have several.
    #[arg(long, value_name = "INTERVAL", value_parser = parse_interval)]
    pub interval: Option<Interval>,
    /// The first open that --fetch asks for, as 2026-06-01T00:00:00Z [default: the 5,000 newest bars].
    #[arg(long, value_name = "UTC", value_parser = parse_utc, requires = "fetch")]
    pub from: Option<Nanos>,
    /// The last open that --fetch asks for [default: now].
    #[arg(long, value_name = "UTC", value_parser = parse_utc, requires = "fetch")]
    pub to: Option<Nanos>,
    /// Funding an hour, as a fraction (0.0000125), in place of what contexts tell.
    #[arg(long, value_name = "RATE", value_parser = parse_rate, allow_negative_numbers = true)]
    pub funding_rate: Option<i64>,
    /// Our fills are at most this share of a bar's volume, both sides together, in percent: 0.1 to 100.
    #[arg(long, value_name = "PERCENT", value_parser = parse_share, default_value = "10")]
    pub share: u16,
    /// Coins to quote, comma-separated [default: all that there are].
    #[arg(long, value_name = "COINS")]
    pub symbols: Option<String>,
    /// What a maker pays, in basis points; negative = is paid [default: the fee tier's].
    #[arg(long, value_name = "BPS", value_parser = parse_bps, allow_negative_numbers = true)]
    pub fee_bps: Option<Bps>,
    /// Configuration whose keys go on top of the built-in defaults.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Use what is sound of a file of which most is not; without it such a file is an error.
    #[arg(long)]
    pub allow_unsound: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl CandlesArgs {
    /// What the flags change in the settings.
    pub fn overrides(&self) -> Overrides {
        let (symbols, maker_fee) = (self.symbols.clone(), self.fee_bps);
        Overrides { symbols, maker_fee, ..Overrides::default() }
    }
}

fn parse_interval(text: &str) -> Result<Interval, String> {
    Interval::named(text).ok_or_else(|| format!("allowed: {KNOWN}"))
}

fn parse_rate(text: &str) -> Result<i64, String> {
    read_rate(text.as_bytes()).map_err(|e| format!("not a fraction such as 0.0000125: {e}"))
}

/// Percent, in thousandths of the whole.
fn parse_share(text: &str) -> Result<u16, String> {
    let refuse = || "allowed: 0.1 to 100, in steps of 0.1".to_owned();
    let (whole, tenths) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(tenths) || tenths.len() != 1 {
        return Err(refuse());
    }
    let share = format!("{whole}{tenths}").parse().map_err(|_| refuse())?;
    if (1..=1_000).contains(&share) { Ok(share) } else { Err(refuse()) }
}
