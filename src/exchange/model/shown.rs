//! What the venue shows when it is asked: markets, accounts, agents, budgets and fees.

use botmm_pipeline::types::{Px, Qty, Usd};
use botmm_pipeline::venue::hl::sign::Address;

/// What is shown of an asset besides its book (PROTOCOL §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssetCtx {
    /// Mark price: margin and open profit.
    pub mark: Px,
    /// Oracle price: funding.
    pub oracle: Px,
    /// Mid; [`None`] when a side is empty.
    pub mid: Option<Px>,
    /// Price a day ago (or at the start).
    pub prev_day: Px,
    /// Value traded in the last day (or since the start).
    pub day_volume_usd: Usd,
    /// Size traded likewise.
    pub day_volume: Qty,
    /// Hourly funding rate, units of 1e-10.
    pub funding_e10: i64,
    /// Premium of the impact prices over the oracle, units of 1e-10; [`None`] without a book.
    pub premium_e10: Option<i64>,
    /// Impact bid and ask; [`None`] when the book is too thin.
    pub impact: Option<[Px; 2]>,
    /// Sum of long positions.
    pub open_interest: Qty,
}

/// One price of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownLevel {
    /// Price.
    pub px: Px,
    /// Total size.
    pub qty: Qty,
    /// Orders (1 where a recording does not tell).
    pub orders: u32,
}

/// An agent key of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// [`None`] = the unnamed one.
    pub name: Option<String>,
    /// Its address.
    pub address: Address,
    /// Unix milliseconds.
    pub valid_until_ms: u64,
}

/// What an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nobody.
    Missing,
    /// An account.
    User,
    /// An agent of this account.
    Agent(Address),
}

/// Effective fees of an account, positive = cost, as fractions in units of 1e-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeRates {
    /// As taker.
    pub taker_e8: i64,
    /// As maker.
    pub maker_e8: i64,
}
