//! `botmm export`.

use crate::data::export::Format;
use clap::Args;
use std::path::PathBuf;

/// `botmm export`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm export recordings/2025-09-04 --format parquet --out parquet\n  \
    botmm export data/capture/2026-11-29 --format npz --out hft --symbols BTC\n\n\
    Reads whatever `replay` reads. What the format cannot carry is counted and named; what was read is\n\
    written exactly: as text, or as the double whose shortest text it is.\n\
    Exit code 5 when there is nothing that can be read; nothing is written then.")]
pub struct ExportArgs {
    /// Recordings: files, or folders of them, as of `replay`.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How it is written.
    #[arg(long, value_name = "FORMAT")]
    pub format: Format,
    /// The folder to make; it must not be there yet.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Only these coins, as the recording names them, comma-separated [default: all].
    #[arg(long, value_name = "COINS", value_delimiter = ',')]
    pub symbols: Vec<String>,
    /// Use what is sound of a file of which most is not; without it such a file is an error.
    #[arg(long)]
    pub allow_unsound: bool,
}
