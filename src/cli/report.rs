//! What `botmm report` can be asked.

use clap::Args;
use std::path::PathBuf;

/// `botmm report`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm report runs/2026-11-29T12-00-00Z      writes report.html into that folder, and prints its text twin\n  \
    botmm report runs/NAME --out page.html\n  \
    botmm report runs/NAME --json | jq .verdict\n  \
    botmm report runs                           which runs there were repeated, and decided the same (parity.jsonl)\n\n\
    The page is one file: it loads nothing and can be sent to anybody. It is made of the folder's journal\n\
    and summary, or of a backtest's results, alone; the same files give the same bytes.")]
pub struct ReportArgs {
    /// The folder of a run, paper or replay (`--out DIR`), of a backtest, or of runs with what
    /// scripts/parity.sh keeps there.
    #[arg(value_name = "PATH")]
    pub folder: PathBuf,
    /// Write the page here instead of into that folder.
    #[arg(long, value_name = "FILE.html")]
    pub out: Option<PathBuf>,
    /// Show this history of repeated runs too (parity.jsonl).
    #[arg(long, value_name = "FILE")]
    pub parity: Option<PathBuf>,
    /// Print JSON: every figure with all its points. No page is written unless --out names one.
    #[arg(long)]
    pub json: bool,
    /// Print the text alone. No page is written unless --out names one.
    #[arg(long, conflicts_with = "json")]
    pub text: bool,
}
