//! What the venue shows when it is asked: markets, accounts, agents, budgets and fees.

use botmm_pipeline::types::{AssetId, Px, Qty, Usd};
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

/// Leverage of one asset for one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leverage {
    /// Cross, or isolated.
    pub is_cross: bool,
    /// How many times.
    pub value: u32,
}

/// One position with everything derived from it (PROTOCOL §2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionState {
    /// Of what.
    pub asset: AssetId,
    /// Signed size, never zero.
    pub szi: Qty,
    /// Average entry price.
    pub entry_px: Px,
    /// Size times mark.
    pub value: Usd,
    /// Open profit at the mark.
    pub unrealized: Usd,
    /// Margin it takes.
    pub margin_used: Usd,
    /// Its leverage.
    pub leverage: Leverage,
    /// Isolated: margin posted with it, raw.
    pub raw_usd: Option<Usd>,
    /// Where it would be liquidated, if anywhere.
    pub liquidation_px: Option<Px>,
    /// Highest leverage the venue allows.
    pub max_leverage: u32,
    /// Funding since it was opened (positive = paid), and ever.
    pub funding_since_open: Usd,
    /// See above.
    pub funding_all_time: Usd,
}

/// An account with everything derived from it (PROTOCOL §2.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountState {
    /// Cash plus positions at their marks.
    pub account_value: Usd,
    /// Sum of the positions' absolute values.
    pub total_notional: Usd,
    /// Cash: account value minus signed position values.
    pub total_raw_usd: Usd,
    /// Margin in use.
    pub margin_used: Usd,
    /// Cross maintenance margin.
    pub maintenance: Usd,
    /// What could be withdrawn.
    pub withdrawable: Usd,
    /// By asset, flat ones left out.
    pub positions: Vec<PositionState>,
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

/// The request budget of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requests {
    /// Traded ever.
    pub volume: Usd,
    /// Requests sent.
    pub used: u64,
    /// Requests allowed.
    pub cap: u64,
    /// Bought and not used.
    pub surplus: u64,
}

/// Effective fees of an account, positive = cost, as fractions in units of 1e-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeRates {
    /// As taker.
    pub taker_e8: i64,
    /// As maker.
    pub maker_e8: i64,
}
