//! Where the market's half spread is above break-even: by coin, UTC hour and fee.

use super::super::number::exact;
use botmm_pipeline::types::Bps;
use serde::Serialize;

/// A maker fee, and who pays it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tier {
    /// `tier 0`, `rebate 1`: the first row of the fee table that has it.
    pub name: String,
    /// What its makers pay; negative = are paid.
    #[serde(serialize_with = "exact")]
    pub maker_fee_bps: Bps,
}

/// One place of the map.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// Whose.
    pub coin: String,
    /// The hour of the day, UTC.
    pub hour: u8,
    /// [`Tier::name`].
    pub tier: String,
    /// Its fee.
    #[serde(serialize_with = "exact")]
    pub maker_fee_bps: Bps,
    /// Time in which both sides were known, seconds.
    pub known_s: f64,
    /// The market's half spread in that hour, weighted by time.
    pub half_spread_bps: f64,
    /// Adverse selection of that hour's trades at the horizon; of all hours where these are too few.
    pub adverse_bps: f64,
    /// It is that hour's own.
    pub is_own_adverse: bool,
    /// Fee and adverse selection.
    pub break_even_bps: f64,
    /// Half spread less break-even: what the touch leaves, below zero what it costs.
    pub edge_bps: f64,
    /// Share of the known time in which the half spread was at least break-even.
    pub offered_share: f64,
}
