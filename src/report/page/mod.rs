//! A run or a backtest as a page that explains itself: one HTML file, with twins in text and JSON that carry
//! the same numbers (docs/report.md). Made of what is on disk; the same files give the same bytes.

mod axis;
mod escaped;
mod html;
mod model;
mod run;
mod stats;
mod svg;
mod thin;
mod told;

pub use model::Page;
pub use run::page as of_run;
