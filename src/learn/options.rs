//! How trees are grown, and what holds when nothing is said.

use botmm_pipeline::types::params::MAX_TREES;
use serde::{Deserialize, Serialize};

/// How trees are grown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// At most so many, 1 to 64.
    pub trees: usize,
    /// Leaves of each, 2 to 31.
    pub leaves: usize,
    /// How much of each tree is taken, (0, 1].
    pub rate: f64,
    /// Shrinks leaves of few rows.
    pub l2: f64,
    /// No leaf has fewer rows.
    pub min_leaf: u32,
    /// Growing ends after so many trees that did not help rows that no tree was grown from.
    pub patience: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { trees: MAX_TREES, leaves: 15, rate: 0.1, l2: 1.0, min_leaf: 20, patience: 10 }
    }
}
