//! The words of the exchange: what clients ask for, what the venue keeps, and what it says. The
//! shapes of PROTOCOL §2, §3 and §5 without their JSON.

mod conditional;
mod shown;

pub use conditional::{
    Conditional, Grouping, NewTwap, TpSl, Trigger, Twap, TwapChange, TwapStatus, Waits,
};
pub use shown::{Agent, AssetCtx, FeeRates, Role, ShownLevel};

use super::refusal::Refusal;
use botmm_pipeline::types::{AssetId, Cloid, MarketEvent, Nanos, Oid, Px, Qty, Side, Usd};
use botmm_pipeline::venue::hl::sign::{Address, OrderRef};
use botmm_pipeline::venue::sim::core;
pub use botmm_pipeline::venue::sim::core::{
    AccountState, BuilderFee, Direction, Leverage, PositionState, Requests, Status as OrderStatus,
    Tif,
};
use std::ops::Deref;

/// Names the request that an answer belongs to; chosen by who submits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// A new order as it was asked for. A price or size that is no decimal of ours (more than eight
/// decimals, not positive, absurdly large) is [`None`]: the core refuses it as the venue would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// The venue's asset index (`meta.universe`).
    pub asset: u32,
    /// Which side.
    pub side: Side,
    /// Limit price.
    pub px: Option<Px>,
    /// Size.
    pub qty: Option<Qty>,
    /// Only ever reduces the position.
    pub reduce_only: bool,
    /// Time in force; [`None`] = a trigger order.
    pub tif: Option<Tif>,
    /// What a trigger order waits for.
    pub trigger: Option<Trigger>,
    /// The client's id.
    pub cloid: Option<Cloid>,
    /// Who is paid for having brought it.
    pub builder: Option<BuilderFee>,
}

/// What an action asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// New orders.
    Order(Vec<NewOrder>),
    /// New orders that belong together.
    Grouped(Grouping, Vec<NewOrder>),
    /// Cancels: asset index and order.
    Cancel(Vec<(u32, OrderRef)>),
    /// The same, before others (`f`): not of trigger orders.
    FastCancel(Vec<(u32, OrderRef)>),
    /// A size over time.
    TwapOrder(NewTwap),
    /// An end of it: asset index, and its id.
    TwapCancel(u32, u64),
    /// Replacements. `batch`: errors are per item; otherwise one of the whole request.
    Modify {
        /// Which, and what with.
        items: Vec<(OrderRef, NewOrder)>,
        /// Place the new order even when the old one is gone.
        always_place: bool,
        /// `batchModify`, not `modify`.
        batch: bool,
    },
    /// When to cancel everything (Unix milliseconds); [`None`] clears it.
    ScheduleCancel(Option<u64>),
    /// Leverage of one asset.
    UpdateLeverage {
        /// The venue's asset index.
        asset: u32,
        /// Cross, or isolated.
        is_cross: bool,
        /// From 1 to the asset's maximum.
        leverage: u32,
    },
    /// Moves margin into (positive) or out of an isolated position, millionths of a USD.
    UpdateIsolatedMargin {
        /// The venue's asset index.
        asset: u32,
        /// How much.
        micro_usd: i64,
    },
    /// Only uses up its nonce.
    Noop,
    /// Buys requests.
    ReserveRequestWeight {
        /// How many.
        weight: u64,
        /// For whom, when not for oneself.
        destination: Option<Address>,
    },
    /// Lets another key trade for the account (signed by the account itself).
    ApproveAgent {
        /// That key's address; zero removes the name's agent.
        agent: Address,
        /// [`None`] = the unnamed one. Without its ` valid_until` suffix.
        name: Option<String>,
        /// Unix milliseconds.
        valid_until_ms: Option<u64>,
    },
    /// Lets a builder take up to so much (signed by the account itself).
    ApproveBuilderFee(BuilderFee),
    /// A real action of the venue without an effect here (setReferrer, …).
    Accepted,
    /// A real action of the venue that this one does not offer (its `type`).
    Unsupported(String),
}

/// An action that was understood, and whose signer was recovered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Handed back with the answer.
    pub ticket: Ticket,
    /// Whose signature it is: the account itself, its agent, or nobody.
    pub signer: Address,
    /// Signed as typed data by the account itself (approveAgent, …), not as an L1 action.
    pub user_signed: bool,
    /// What it asks for.
    pub command: Command,
    /// Unix milliseconds, unique per signer.
    pub nonce: u64,
    /// The vault or sub-account to act for.
    pub vault: Option<Address>,
    /// Unix milliseconds after which it is void.
    pub expires_after_ms: Option<u64>,
}

/// The answer to one item of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemAnswer {
    /// It rests.
    Resting {
        /// Its id.
        oid: Oid,
        /// The client's id.
        cloid: Option<Cloid>,
    },
    /// It traded at once.
    Filled {
        /// How much.
        total: Qty,
        /// Size-weighted price, rounded to 1e-8.
        avg_px: Px,
        /// Its id.
        oid: Oid,
        /// The client's id.
        cloid: Option<Cloid>,
    },
    /// A child whose parent has not filled.
    WaitingForFill,
    /// A trigger order that waits for the mark.
    WaitingForTrigger,
    /// A cancel that worked.
    Success,
    /// Refused.
    Error(Refusal),
}

/// The answer to an action, after the block that it was in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done; nothing to tell.
    Default,
    /// One for each order or modification.
    Order(Vec<ItemAnswer>),
    /// One for each cancel.
    Cancel(Vec<ItemAnswer>),
    /// A TWAP order runs under this id, or why not.
    TwapOrder(Result<u64, Refusal>),
    /// One is over, or why not.
    TwapCancel(Result<(), Refusal>),
    /// The whole request was refused.
    Refused(Refusal),
}

/// An order as the venue shows it: the core's, and what only clients are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// As the core has it, or will when a trigger order fires.
    pub kept: core::Order,
    /// Whose.
    pub user: Address,
    /// What a trigger order has beyond others, also after it has fired.
    pub conditional: Option<Conditional>,
    /// Where it stands.
    pub status: OrderStatus,
    /// Since when.
    pub status_time: Nanos,
}

impl Deref for Order {
    type Target = core::Order;

    fn deref(&self) -> &core::Order {
        &self.kept
    }
}

/// A fill of one user's order (PROTOCOL §2.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserFill {
    /// Whose.
    pub user: Address,
    /// Of what.
    pub asset: AssetId,
    /// Price.
    pub px: Px,
    /// Size, positive.
    pub qty: Qty,
    /// The order's side.
    pub side: Side,
    /// Block time.
    pub time: Nanos,
    /// Signed position before.
    pub start_position: Qty,
    /// What it did.
    pub direction: Direction,
    /// Realised profit, fee not included.
    pub closed_pnl: Usd,
    /// Which order.
    pub oid: Oid,
    /// Its client id.
    pub cloid: Option<Cloid>,
    /// As taker.
    pub crossed: bool,
    /// Positive = cost; `trunc(px·sz·rate, 6 decimals)`, and the builder's.
    pub fee: Usd,
    /// The builder's part of it, likewise.
    pub builder_fee: Usd,
    /// Trade id; unique together with time and coin.
    pub tid: u64,
    /// The TWAP order whose slice took it.
    pub twap_id: Option<u64>,
    /// It closed a position by force: whose, and the mark then.
    pub liquidation: Option<(Address, Px)>,
}

/// An account was liquidated, or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liquidated {
    /// Whose.
    pub user: Address,
    /// Value of the positions that were closed.
    pub value: Usd,
    /// What the account was worth.
    pub equity: Usd,
}

/// A public trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicTrade {
    /// Of what.
    pub asset: AssetId,
    /// Whose order crossed.
    pub aggressor: Side,
    /// Price.
    pub px: Px,
    /// Size.
    pub qty: Qty,
    /// Block time.
    pub time: Nanos,
    /// Trade id.
    pub tid: u64,
    /// Buyer, then seller; the market's own agents have made-up addresses.
    pub users: [Address; 2],
}

/// One hourly payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundingPayment {
    /// Whose.
    pub user: Address,
    /// For what.
    pub asset: AssetId,
    /// Negative = paid.
    pub usdc: Usd,
    /// Signed position.
    pub szi: Qty,
    /// Hourly rate, in units of 1e-10.
    pub rate_e10: i64,
    /// Block time.
    pub time: Nanos,
}

/// A bar of trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candle {
    /// First instant.
    pub open_time: Nanos,
    /// First price.
    pub open: Px,
    /// Last price.
    pub close: Px,
    /// Highest price.
    pub high: Px,
    /// Lowest price.
    pub low: Px,
    /// Size traded.
    pub volume: Qty,
    /// Trades.
    pub trades: u64,
}

/// What the venue says, in the order in which it happened.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "one block's events, drained at once")]
pub enum Event {
    /// To who submitted it.
    Answer(Ticket, Answer),
    /// An order as it now stands, to its owner.
    Order(Order),
    /// To its owner.
    Fill(UserFill),
    /// To its owner.
    Funding(FundingPayment),
    /// To its owner.
    Liquidated(Liquidated),
    /// To its owner.
    Twap(TwapChange),
    /// To everybody.
    Trade(PublicTrade),
    /// A book or touch, to everybody. Trades come as [`Event::Trade`].
    Market(MarketEvent),
    /// Mark, oracle and funding were updated.
    Ctx(AssetId),
    /// A block ended at this time: what belongs together has been said.
    Block(Nanos),
}
