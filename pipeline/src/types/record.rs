//! What the stages tell the side thread: the journal's records, of fixed size. On *facts* money, risk or a
//! person rests: none is ever lost. *Commentary* explains: when the side thread lags, the newest of it is
//! dropped and counted.

use super::alert::AlertKind;
use super::fit::FitState;
use super::fixed::{Nanos, Px, Qty, Usd};
use super::level::{AssetId, Side};
use super::limits::MAX_ASSETS;
use super::order::{Action, Cloid, Fill, Oid, Reject};
use super::quote::QuoteTarget;
use super::reason::Reason;
use super::risk::{RiskSnapshot, RiskState};
use super::terms::QuoteTerms;

/// The account as the ledger sees it, published by risk after each fill and about once a second.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountView {
    /// When.
    pub time: Nanos,
    /// Positions by asset.
    pub position: [Qty; MAX_ASSETS],
    /// Marks by asset.
    pub mark: [Px; MAX_ASSETS],
    /// Average entry prices by asset; zero = flat.
    pub entry: [Px; MAX_ASSETS],
    /// Profit by asset at its mark, after fees and funding.
    pub net: [Usd; MAX_ASSETS],
    /// Realised PnL before fees and funding.
    pub realized: Usd,
    /// Open PnL at the marks.
    pub unrealized: Usd,
    /// Fees paid (positive = cost).
    pub fees: Usd,
    /// Funding paid (positive = cost).
    pub funding: Usd,
}

impl AccountView {
    /// Of an account that has traded nothing.
    pub const fn flat(time: Nanos) -> Self {
        Self {
            time,
            position: [Qty::ZERO; MAX_ASSETS],
            mark: [Px::ZERO; MAX_ASSETS],
            entry: [Px::ZERO; MAX_ASSETS],
            net: [Usd::ZERO; MAX_ASSETS],
            realized: Usd::ZERO,
            unrealized: Usd::ZERO,
            fees: Usd::ZERO,
            funding: Usd::ZERO,
        }
    }

    /// Profit at the marks, after fees and funding.
    pub fn net(&self) -> Usd {
        self.realized + self.unrealized - self.fees - self.funding
    }
}

/// What a UTC day brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayNet {
    /// Which: days since 1970-01-01.
    pub day: i64,
    /// Profit at the marks, after fees and funding.
    pub net: Usd,
    /// The run was there from midnight to midnight.
    pub whole: bool,
}

/// What money, risk or a person rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "records are copied into a ring, never boxed")]
pub enum Fact {
    /// A fill.
    Fill {
        /// Whose.
        asset: AssetId,
        /// When it reached us.
        time: Nanos,
        /// When it happened at the venue.
        venue_time: Nanos,
        /// The fill.
        fill: Fill,
    },
    /// Funding was paid.
    Funding {
        /// For which asset.
        asset: AssetId,
        /// When that reached us.
        time: Nanos,
        /// When it happened at the venue.
        venue_time: Nanos,
        /// How much (positive = cost).
        paid: Usd,
    },
    /// The venue's mid just before a fill, once the feed has passed it (STRATEGY §3b).
    MidAtFill {
        /// Whose.
        asset: AssetId,
        /// When that was known.
        time: Nanos,
        /// When the fill happened at the venue.
        venue_time: Nanos,
        /// Its trade id.
        tid: u64,
        /// Our side of it.
        side: Side,
        /// Its size.
        qty: Qty,
        /// Its price.
        px: Px,
        /// The mid.
        mid: Px,
    },
    /// What the market did after a fill (STRATEGY §4).
    Markout {
        /// Whose.
        asset: AssetId,
        /// When that was known.
        time: Nanos,
        /// The fill's trade id.
        tid: u64,
        /// Our side of it.
        side: Side,
        /// Its size.
        qty: Qty,
        /// Which of `markouts::HORIZONS` is over.
        horizon: usize,
        /// Its price.
        px: Px,
        /// The venue's mid just before it.
        mid_at_fill: Px,
        /// The venue's mid when the horizon was over.
        mid: Px,
    },
    /// A refused item.
    Reject {
        /// Whose.
        asset: AssetId,
        /// When it reached us.
        time: Nanos,
        /// Why.
        reject: Reject,
    },
    /// The venue refused to cancel an order.
    CancelRefused {
        /// Whose.
        asset: AssetId,
        /// When it reached us.
        time: Nanos,
        /// The order.
        cloid: Cloid,
        /// The venue's id of it.
        oid: Oid,
        /// How often in a row.
        tries: u32,
    },
    /// The account.
    Account(AccountView),
    /// A UTC day ended.
    Day(DayNet),
    /// The account's risk state, published by risk when a break begins or ends, and about once a
    /// second.
    Risk(RiskSnapshot),
    /// What may be quoted of an asset changed.
    RiskState {
        /// Whose.
        asset: AssetId,
        /// When.
        time: Nanos,
        /// To what.
        state: RiskState,
    },
    /// New parameters hold, from after the market event of this number on.
    Params {
        /// Which.
        generation: u32,
        /// When.
        time: Nanos,
        /// Their own number among the market events.
        market_seq: u64,
    },
    /// What the fit of an asset has learned: once a minute, where anybody asks for it.
    Fit {
        /// Whose.
        asset: AssetId,
        /// When.
        time: Nanos,
        /// All of it.
        state: FitState,
    },
    /// Something that a person should know.
    Alert {
        /// Whose ([`None`] = the account's).
        asset: Option<AssetId>,
        /// When.
        time: Nanos,
        /// What.
        kind: AlertKind,
    },
}

/// What explains them.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "records are copied into a ring, never boxed")]
pub enum Commentary {
    /// How a target came about; before the decision of the same time and asset.
    Terms(QuoteTerms),
    /// A decision, as the gate let it through.
    Decision(QuoteTarget),
    /// An action that was sent.
    Action(Action),
    /// The state of both sides of an asset changed.
    SideState {
        /// Whose.
        asset: AssetId,
        /// When.
        time: Nanos,
        /// Why the bid is not quoted.
        bid: Reason,
        /// Why the ask is not quoted.
        ask: Reason,
    },
}

/// Anything that a stage tells.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "records are copied into a ring, never boxed")]
pub enum Record {
    /// Never lost.
    Fact(Fact),
    /// Dropped and counted where there is no room.
    Commentary(Commentary),
}
