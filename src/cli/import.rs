//! `botmm import`.

use clap::Args;
use std::path::PathBuf;

/// `botmm import`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm import node_trades/hourly/20251124 --out recordings/trades\n  \
    botmm import tardis/*.csv.gz --out recordings/2025-11-24 --symbols BTC,ETH\n  \
    botmm replay recordings/2025-11-24\n\n\
    Formats, told by a file's first line, plain, .gz, .zst or .lz4: a node's node_trades and\n\
    node_fills_by_block; Tardis' trades, quotes, book_snapshot_N and incremental_book_L2; Bybit's public\n\
    trades and klines; hftbacktest's event records (COIN.npz, COIN.npy) and its collector's lines of\n\
    Binance; JSON lines of small recorders; books with a level a row (CSV or JSON); Parquet, of all coins\n\
    in a file; the venue's candleSnapshot and asset_ctxs; our own candles_COIN.csv and ctxs_COIN.csv:\n\
    docs/recordings.md. What is not sound is skipped, counted and named. Our CSV, raw frames, captures,\n\
    the venue's archive, single orders, Parquet of one coin a file and event records need no import:\n\
    `replay` reads them as they lie.\n\
    Exit code 5 when a source is of no such format, or most of it is unsound; nothing is written then.")]
pub struct ImportArgs {
    /// Files, or folders of them with all that is below.
    #[arg(required = true, value_name = "SOURCE")]
    pub sources: Vec<PathBuf>,
    /// The folder to make; it must not be there yet.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Only these coins, as the sources name them, comma-separated [default: all].
    #[arg(long, value_name = "COINS", value_delimiter = ',')]
    pub symbols: Vec<String>,
    /// Use what is sound of a file of which most is not; without it such a file is an error.
    #[arg(long)]
    pub allow_unsound: bool,
}
