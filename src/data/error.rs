//! Why a recording cannot be used at all.

use crate::exit::{AppError, Exit};
use std::path::{Path, PathBuf};

/// One line each: what happened, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A path that is not there.
    #[error("{}: no such file or folder; check the path of the recording", .path.display())]
    Missing {
        /// Which.
        path: PathBuf,
    },
    /// The system would not let us read it.
    #[error("{}: cannot be read ({source}); check its permissions", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder without any recording in it.
    #[error("{}: no recording in this folder ({why}); expected orderbooks_COIN.csv, \
             trades_COIN.csv, prices_COIN.csv (also .zst, .gz, .lz4, or .parquet) or lines of \
             `LOCAL_NS JSON`",
            .path.display())]
    NoData {
        /// Which.
        path: PathBuf,
        /// What was found instead.
        why: String,
    },
    /// A file that was asked for by name is not a recording.
    #[error("{}: not a recording we know ({why}); name an orderbooks_/trades_/prices_COIN.csv \
             file or a file of `LOCAL_NS JSON` lines", .path.display())]
    NotARecording {
        /// Which.
        path: PathBuf,
        /// What it looks like.
        why: String,
    },
    /// A file or folder that was to be imported and is of no format that is.
    #[error("{}: not imported: {why}", .path.display())]
    NotASource {
        /// Which.
        path: PathBuf,
        /// What it looks like, and what was expected.
        why: String,
    },
    /// A CSV file whose header lacks a column.
    #[error("{}:1: column `{column}` is missing (the header has: {found}); \
             is it a recording of another venue?", .path.display())]
    MissingColumn {
        /// Which.
        path: PathBuf,
        /// The first one that is missing.
        column: String,
        /// The first few that are there.
        found: String,
    },
    /// A coin that the recording does not hold.
    #[error("{symbol} is not in the recording; it has: {available}")]
    UnknownSymbol {
        /// What was asked for.
        symbol: String,
        /// What is there.
        available: String,
    },
    /// A file of which so much is unsound that the rest tells of another market.
    #[error("{}: {problem} (first: {first}); mend the file, leave it out, or use what is sound of it \
             with --allow-unsound", .path.display())]
    Unsound {
        /// Which.
        path: PathBuf,
        /// How much.
        problem: String,
        /// The first such line, and what is wrong with it.
        first: String,
    },
    /// What was compiled of a recording is not as it was written.
    #[error("{}: this compiled tape is damaged ({why}), what was made of it is void, and it is removed; \
             run it again, and the recording itself is read", .path.display())]
    DamagedTape {
        /// Which.
        path: PathBuf,
        /// How.
        why: String,
    },
    /// More coins than one process trades.
    #[error(
        "the recording has {found} coins and at most {max} fit; choose symbols from: \
             {available}"
    )]
    TooManyAssets {
        /// How many there are.
        found: usize,
        /// How many fit.
        max: usize,
        /// What is there.
        available: String,
    },
    /// Our place in the queues was to be exact, and that cannot be.
    #[error(
        "--queue exact needs single orders of {coin} (node_raw_book_diffs_by_block, with \
         node_fills_by_block or node_trades): {why}; leave --queue out for an estimate"
    )]
    NoOrders {
        /// The first coin that lacks them.
        coin: String,
        /// What is there instead.
        why: String,
    },
    /// Files were read, and nothing in them was usable.
    #[error(
        "no usable event of {of} in {files} file(s), {skipped} line(s) skipped{first}; \
             check that this is a Hyperliquid recording"
    )]
    NoEvents {
        /// All coins, or the one that was asked for.
        of: String,
        /// How many files were read.
        files: usize,
        /// How many lines were not sound.
        skipped: u64,
        /// The first thing that was wrong, with its place; may be empty.
        first: String,
    },
}

impl DataError {
    /// Single orders at this path, and no trades beside them.
    pub fn no_trades(path: &Path) -> Self {
        let why = "single orders of a node without its trades, so that a trade cannot be told from a \
                   cancel: name node_fills_by_block or node_trades of the same hours as well";
        Self::NotARecording { path: path.to_owned(), why: why.to_owned() }
    }
}

impl From<DataError> for AppError {
    fn from(error: DataError) -> Self {
        Self::of(Exit::Data, error)
    }
}
