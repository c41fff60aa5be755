//! Numbers → text and JSON. A result carries its assumptions, and never shows profit without the
//! fees, the number of fills and the time behind it.

pub mod backtest;
mod coarse;
mod cures;
pub mod economics;
mod explanation;
mod metrics;
mod number;
mod origin;
mod page;
mod profit;
mod reasons;
pub mod stats;
mod summary;
mod text;
mod why;

pub use coarse::{Coarse, CoarseCoin, Worth};
pub use cures::{Cure, cure};
pub use explanation::Explanation;
pub use metrics::{Days, RunCounts, RunMetrics, Sharpe};
pub use number::{Money, cents, grouped, span};
pub use page::{Page, page};
pub use profit::{ByHorizon, BySymbol, PnlSplit, SideMarkouts, SymbolResult};
pub use reasons::{ReasonShares, ReasonTime};
pub use summary::{Assumptions, CauseFills, DataFile, LatencyNs, Summary};
pub use why::Why;

#[cfg(test)]
mod tests;
