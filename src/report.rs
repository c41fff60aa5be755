//! Numbers → text and JSON. A result carries its assumptions, and never shows profit without the
//! fees, the number of fills and the time behind it.

mod explanation;
mod number;
mod reasons;
mod summary;
mod text;

pub use explanation::Explanation;
pub use reasons::{ReasonShares, ReasonTime};
pub use summary::{Assumptions, DataFile, LatencyNs, Summary};

#[cfg(test)]
mod tests;
