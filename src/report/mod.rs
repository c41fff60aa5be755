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
pub use summary::{
    Assumptions, CauseFills, DataFile, FitResult, LatencyNs, Signing, Summary, WireResult,
};
pub use why::Why;

/// Each text once, where it comes first: notes and warnings of several results beside each other.
pub fn once(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for text in texts {
        if !told.contains(&text) {
            told.push(text);
        }
    }
    told
}

#[cfg(test)]
mod tests;
