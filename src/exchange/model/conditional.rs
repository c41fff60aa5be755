//! The words of orders that wait: for a mark, for another order.

use botmm_pipeline::types::{Oid, Px, Side};

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
