//! A run or a backtest as a page that explains itself: one HTML file, with twins in text and JSON that carry
//! the same numbers (docs/report.md). Made of what is on disk; the same files give the same bytes.

mod axis;
mod backtest;
mod escaped;
mod html;
mod model;
mod run;
mod stats;
mod svg;
mod thin;
mod told;

pub use model::Page;

use crate::exit::AppError;
use std::path::Path;

/// The page of a folder: of a backtest, or of a run.
///
/// # Errors
/// It is neither, or what is in it cannot be read.
pub fn page(folder: &Path) -> Result<Page, AppError> {
    if backtest::is_one(folder) { backtest::page(folder) } else { run::page(folder) }
}
