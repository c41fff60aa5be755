//! A run or a backtest as a page that explains itself: one HTML file, with twins in text and JSON that carry
//! the same numbers (docs/report.md). Made of what is on disk; the same files give the same bytes.

mod axis;
mod backtest;
mod escaped;
mod html;
mod model;
mod parity;
mod run;
mod svg;
mod thin;
mod told;

pub use model::Page;

use crate::exit::AppError;
use std::path::Path;

/// The page of a folder: of a backtest, of a run, or of runs that were repeated (`parity.jsonl`). With the path of such
/// a history, that is shown too.
///
/// # Errors
/// It is none of these, or what is in it cannot be read.
pub fn page(folder: &Path, history: Option<&Path>) -> Result<Page, AppError> {
    let mut page = match () {
        () if backtest::is_one(folder) => backtest::page(folder),
        () if parity::is_one(folder) && !run::is_one(folder) => parity::page(folder),
        () => run::page(folder),
    }?;
    if let Some(path) = history {
        let (figure, torn) = parity::history(path)?;
        page.figures.push(figure);
        page.warnings.extend(torn);
    }
    Ok(page)
}
