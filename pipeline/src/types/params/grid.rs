//! The grid job that engines are compared by: evenly spaced orders of one size around the touch.

use crate::types::fixed::Nanos;
use serde::{Deserialize, Serialize};

/// Orders wanted on a side.
pub const GRID_RUNGS: u8 = 10;
/// Ticks between two of them.
pub const GRID_TICKS: i64 = 2;
/// Time between two decisions.
pub const GRID_STEP: Nanos = Nanos::millis(100);

/// What is quoted in place of the quoter's ladder. Never from a file, and of replays alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GridParams {
    /// Half spread, half ticks.
    pub half: u32,
    /// Size of an order, lots; at least 1. So many lots of position move the grid by half a tick.
    pub lots: u32,
    /// The moment that decisions are counted from: the first that the recording tells of.
    pub from: Nanos,
}
