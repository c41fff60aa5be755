//! Orders as the core keeps them, and the facts that it tells of them.

use super::{Refused, Who};
use crate::types::{AssetId, Cloid, FillCause, Nanos, Oid, Px, Qty, Side, Usd};
use crate::venue::hl::sign::Address;

/// How long a limit order may live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tif {
    /// Post only.
    Alo,
    /// Till cancelled.
    Gtc,
    /// Immediate or cancel.
    Ioc,
    /// The web page's market order: immediate or cancel under another name.
    FrontendMarket,
}

/// What whoever built the client takes of an order's fills, on top of the venue's fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuilderFee {
    /// Who takes it.
    pub builder: Address,
    /// How much, tenths of a basis point.
    pub tenths_bp: u32,
}

/// A new order as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Of what.
    pub asset: AssetId,
    /// Which side.
    pub side: Side,
    /// Limit price.
    pub px: Px,
    /// Size.
    pub qty: Qty,
    /// Only ever reduces the position.
    pub reduce_only: bool,
    /// Time in force; [`None`] = a trigger order, which the core does not know.
    pub tif: Option<Tif>,
    /// The client's id.
    pub cloid: Option<Cloid>,
    /// Who is paid for having brought it.
    pub builder: Option<BuilderFee>,
}

/// An order as the core keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The venue's id.
    pub oid: Oid,
    /// Whose.
    pub who: Who,
    /// The client's id.
    pub cloid: Option<Cloid>,
    /// Of what.
    pub asset: AssetId,
    /// Which side.
    pub side: Side,
    /// Limit price.
    pub px: Px,
    /// Size when placed.
    pub orig: Qty,
    /// What is left of it.
    pub leaves: Qty,
    /// Time in force.
    pub tif: Tif,
    /// Only ever reduces the position.
    pub reduce_only: bool,
    /// Who is paid for having brought it.
    pub builder: Option<BuilderFee>,
    /// When it was placed.
    pub time: Nanos,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It rests, or is about to trade.
    Open,
    /// Filled whole (an IOC: as far as it went).
    Filled,
    /// Cancelled by its owner.
    Canceled,
    /// Replaced: a new order rests in its place.
    Replaced,
    /// Cancelled by the schedule.
    ScheduledCancel,
    /// An own order came against it.
    SelfTradeCanceled,
    /// Not enough margin any more.
    MarginCanceled,
    /// Nothing left to reduce.
    ReduceOnlyCanceled,
    /// The account is liquidated.
    LiquidatedCanceled,
    /// The mark reached its price (whoever keeps trigger orders says so; the core knows none).
    Triggered,
    /// Another child of its parent was filled (likewise).
    SiblingFilledCanceled,
    /// Never rested.
    Rejected(Refused),
}

/// What a fill did to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Signed size before.
    pub start: Qty,
    /// What it did.
    pub direction: Direction,
    /// Realised profit, fee not included.
    pub closed_pnl: Usd,
}

/// What a fill did to the position, in the venue's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `Open Long`
    OpenLong,
    /// `Open Short`
    OpenShort,
    /// `Close Long`
    CloseLong,
    /// `Close Short`
    CloseShort,
    /// `Long > Short`
    LongToShort,
    /// `Short > Long`
    ShortToLong,
}

/// What one fill costs; positive = cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fee {
    /// All of it.
    pub total: Usd,
    /// The builder's part.
    pub builder: Usd,
}

/// One side of a trade.
#[derive(Clone, Copy, Debug)]
pub struct Filled {
    /// Price.
    pub px: Px,
    /// Size, positive.
    pub qty: Qty,
    /// As taker.
    pub crossed: bool,
    /// What it cost.
    pub fee: Fee,
    /// What it did to the position.
    pub effect: Effect,
    /// Venue trade id; unique together with time and coin.
    pub tid: u64,
    /// By which rule of a recorded market.
    pub cause: Option<FillCause>,
    /// It closes a position by force: whose, and the mark.
    pub liquidation: Option<(Who, Px)>,
}

/// A trade that an order of an account took part in as taker.
#[derive(Clone, Copy, Debug)]
pub struct Traded {
    /// Of what.
    pub asset: AssetId,
    /// The taker, and its side.
    pub taker: Who,
    /// See `taker`.
    pub aggressor: Side,
    /// Whose order it met; [`None`] = somebody of the market.
    pub maker: Option<Who>,
    /// Price.
    pub px: Px,
    /// Size.
    pub qty: Qty,
    /// Venue trade id.
    pub tid: u64,
}

/// What the core tells, at once and in the order in which it happens. All of it is at [`Core::time`].
///
/// [`Core::time`]: super::Core::time
#[derive(Clone, Copy, Debug)]
pub enum Fact<'a> {
    /// What was asked for is refused.
    Refused(Refused),
    /// Where an order stands now.
    Order(&'a Order, Status),
    /// A resting order traded in part and rests on.
    Partly(&'a Order),
    /// One side of a trade; the order as it is after it.
    Fill(&'a Order, &'a Filled),
    /// What the public sees of a trade.
    Trade(&'a Traded),
    /// A funding payment: whose, of what, the position, the hourly rate (1e-10), what it cost.
    Funding(Who, AssetId, Qty, i64, Usd),
    /// An hour's rate and average premium of an asset (1e-10).
    Rate(AssetId, i64, i64),
    /// Mark, oracle or funding of an asset are new.
    Prices(AssetId),
    /// An account was liquidated: whose, the value of what was closed, what the account was worth.
    Liquidated(Who, Usd, Usd),
}

/// Where facts go.
pub trait Sink {
    /// Takes one in, with the time at which it became one.
    fn take(&mut self, time: Nanos, fact: Fact<'_>);
}

/// What became of a new order that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It rests; what traded at once, and the size-weighted price of that, rounded half up to 1e-8.
    Resting(Oid, Qty, Px),
    /// It is over, and traded so much, likewise.
    Filled(Oid, Qty, Px),
}
