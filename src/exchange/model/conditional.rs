//! The words of orders that wait: for a mark, for another order.

use crate::exchange::refusal::Refusal;
use botmm_pipeline::types::{AssetId, Nanos, Oid, Px, Qty, Side, Usd};
use botmm_pipeline::venue::hl::sign::Address;

/// Take profit or stop loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TpSl {
    /// `tp`
    TakeProfit,
    /// `sl`
    StopLoss,
}

/// What a trigger order waits for, and what it is then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// The mark price that fires it; not positive = no price at all.
    pub px: Px,
    /// Fired, it takes at once what its limit allows; else its limit goes to the book.
    pub is_market: bool,
    /// Which way.
    pub tpsl: TpSl,
}

impl Trigger {
    /// Whether it fires when the mark rises to its price, else when it falls to it. `side`: the order's.
    pub fn is_above(&self, side: Side) -> bool {
        (self.tpsl == TpSl::TakeProfit) == (side == Side::Ask)
    }
}

/// How the orders of one action belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// Not at all.
    Na,
    /// The first is the others' parent.
    NormalTpsl,
    /// They are the position's.
    PositionTpsl,
}

/// What a trigger order has beyond others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditional {
    /// What fires it.
    pub trigger: Trigger,
    /// It is the position's; without a size, it is of all of it.
    pub is_position: bool,
    /// The order that it is a child of.
    pub parent: Option<Oid>,
    /// What for, now.
    pub waits: Waits,
}

/// What a trigger order waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// That its parent fills whole.
    ForFill,
    /// The mark.
    ForMark,
    /// It has fired.
    ForNothing,
}

/// A TWAP order as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewTwap {
    /// The venue's asset index (`meta.universe`).
    pub asset: u32,
    /// Which side.
    pub side: Side,
    /// Size; [`None`] = no decimal of ours.
    pub qty: Option<Qty>,
    /// Only ever reduces the position.
    pub reduce_only: bool,
    /// How long.
    pub minutes: u64,
    /// Its slices do not come on the second.
    pub randomize: bool,
}

/// A TWAP order as the venue keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twap {
    /// Whose.
    pub user: Address,
    /// Of what.
    pub asset: AssetId,
    /// Which side.
    pub side: Side,
    /// Size.
    pub qty: Qty,
    /// What its slices got, and its value.
    pub executed: Qty,
    /// See above.
    pub executed_value: Usd,
    /// How long.
    pub minutes: u64,
    /// Only ever reduces the position.
    pub reduce_only: bool,
    /// Its slices do not come on the second.
    pub randomize: bool,
    /// Block time when placed.
    pub time: Nanos,
}

/// What became of a TWAP order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TwapStatus {
    /// It runs.
    Activated,
    /// It got everything, or its time is over.
    Finished,
    /// Cancelled.
    Terminated,
    /// It cannot go on.
    Error(Refusal),
}

/// That it became so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwapChange {
    /// Which.
    pub id: u64,
    /// As it stood then.
    pub twap: Twap,
    /// What it became.
    pub status: TwapStatus,
    /// Block time.
    pub time: Nanos,
}
