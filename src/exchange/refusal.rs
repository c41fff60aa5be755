//! Why the venue refuses something, and the words it says so in (PROTOCOL §3): one place for every
//! text. Clients match these by prefix.

use botmm_pipeline::types::{Px, Usd};
use botmm_pipeline::venue::hl::sign::Address;

/// A reason with what its text needs. [`core::fmt::Display`] writes the text without the
/// ` asset=N` that follows per-item texts on the wire (see [`Refusal::has_asset_suffix`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    // One order, one cancel.
    /// Price off the grid.
    Tick,
    /// Order value too small.
    MinNotional,
    /// Not enough margin.
    Margin,
    /// Would not reduce.
    ReduceOnly,
    /// A post-only order that would trade; bid and ask then.
    BadAloPx(Option<Px>, Option<Px>),
    /// An immediate order that met nobody.
    IocCancel,
    /// A market order in an empty book.
    NoLiquidity,
    /// A trigger order.
    BadTriggerPx,
    /// Too far from the oracle.
    Oracle,
    /// Too far from the reference price.
    ReferencePx,
    /// Above the margin tier's limit.
    MaxPosition,
    /// Not a price.
    InvalidPx,
    /// Not a size, or off the lot grid.
    InvalidSize,
    /// No size.
    ZeroSize,
    /// No such asset index.
    InvalidAsset,
    /// Only post-only orders now: the network was upgraded.
    UpgradePostOnly,
    /// Too many open orders.
    TooManyOrders,
    /// The client id is in use (only when the venue is set up to mind).
    DuplicateCloid,
    /// The account has not allowed this builder so much.
    BuilderFee,
    /// Cancel of what is gone.
    MissingOrder,
    // A modification (an item of batchModify, or the whole of modify).
    /// What is to be modified is gone.
    ModifyDead,
    /// The new order's own reason.
    ModifyNew(Box<Refusal>),
    // The whole request.
    /// Signed by nobody known here.
    UnknownSigner(Address),
    /// The account has never had money.
    MustDeposit(Address),
    /// Used before.
    DuplicateNonce(u64),
    /// Below the least of those kept.
    NonceTooLow(u64, u64),
    /// Too far from the venue's time (nonce, block time; milliseconds).
    NonceOutOfWindow(u64, u64),
    /// Its `expiresAfter` is over.
    Expired,
    /// Address budget spent: used, cap, volume.
    RateLimit(u64, u64, Usd),
    /// scheduleCancel before enough was traded: required, traded.
    ScheduleVolume(Usd, Usd),
    /// scheduleCancel for less than five seconds ahead.
    ScheduleTooEarly,
    /// Ten schedules fired today.
    ScheduleTriggers,
    /// Leverage out of range.
    InvalidLeverage,
    /// Cross to isolated or back with a position.
    LeverageSwitch,
    /// Isolated margin of a cross position.
    NotIsolated,
    /// No such vault or sub-account.
    VaultUnknown(Address),
    /// The signature recovers to nothing.
    BadSignature,
    /// Too many agents: the limit.
    AgentCount(u64),
    /// An agent's address cannot be used again.
    AgentReuse,
    /// Removed a moment ago.
    AgentPending,
    /// No orders, no cancels.
    EmptyBatch,
    /// A real action that is not offered here.
    Unsupported(String),
}

impl Refusal {
    /// Whether the venue puts ` asset=N` after the text (per-item texts of one order or cancel).
    pub const fn has_asset_suffix(&self) -> bool {
        matches!(
            self,
            Self::Tick
                | Self::MinNotional
                | Self::Margin
                | Self::ReduceOnly
                | Self::BadAloPx(..)
                | Self::IocCancel
                | Self::NoLiquidity
                | Self::BadTriggerPx
                | Self::Oracle
                | Self::ReferencePx
                | Self::MaxPosition
                | Self::InvalidPx
                | Self::InvalidSize
                | Self::ZeroSize
                | Self::MissingOrder
        )
    }

    /// The status word of an order refused for this (PROTOCOL §2.6).
    pub const fn status_word(&self) -> &'static str {
        match self {
            Self::Tick => "tickRejected",
            Self::MinNotional => "minTradeNtlRejected",
            Self::Margin => "perpMarginRejected",
            Self::ReduceOnly => "reduceOnlyRejected",
            Self::BadAloPx(..) => "badAloPxRejected",
            Self::IocCancel => "iocCancelRejected",
            Self::NoLiquidity => "marketOrderNoLiquidityRejected",
            Self::BadTriggerPx => "badTriggerPxRejected",
            Self::Oracle => "oracleRejected",
            Self::MaxPosition => "perpMaxPositionRejected",
            _ => "rejected",
        }
    }
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Tick => f.write_str("Price must be divisible by tick size."),
            Self::MinNotional => f.write_str("Order must have minimum value of $10."),
            Self::Margin => f.write_str("Insufficient margin to place order."),
            Self::ReduceOnly => f.write_str("Reduce only order would increase position."),
            Self::BadAloPx(bid, ask) => {
                let (bid, ask) = (px_text(*bid), px_text(*ask));
                write!(f, "Post only order would have immediately matched, bbo was {bid}@{ask}.")
            }
            Self::IocCancel => {
                f.write_str("Order could not immediately match against any resting orders.")
            }
            Self::NoLiquidity => f.write_str("No liquidity available for market order."),
            Self::BadTriggerPx => f.write_str("Invalid TP/SL price."),
            Self::Oracle => f.write_str("Order price too far from oracle"),
            Self::ReferencePx => {
                f.write_str("Order price cannot be more than 80% away from the reference price")
            }
            Self::MaxPosition => f.write_str(
                "Order would cause position to exceed margin tier limit at current leverage",
            ),
            Self::InvalidPx => f.write_str("Order has invalid price."),
            Self::InvalidSize => f.write_str("Order has invalid size."),
            Self::ZeroSize => f.write_str("Order has zero size."),
            Self::InvalidAsset => f.write_str("Asset not found."),
            Self::UpgradePostOnly => {
                f.write_str("Only post-only orders allowed immediately after a network upgrade")
            }
            Self::TooManyOrders => f.write_str("Too many open orders."),
            Self::DuplicateCloid => f.write_str("Client order id is in use."),
            Self::MissingOrder => {
                f.write_str("Order was never placed, already canceled, or filled.")
            }
            Self::ModifyDead => f.write_str("Cannot modify canceled or filled order"),
            Self::ModifyNew(why) => write!(f, "Error placing new order during modify: {why}"),
            Self::UnknownSigner(a) => write!(f, "User or API Wallet {a} does not exist."),
            Self::MustDeposit(a) => {
                write!(f, "Must deposit before performing actions. User: {a}")
            }
            Self::DuplicateNonce(n) => write!(f, "Invalid nonce: duplicate nonce {n}"),
            Self::NonceTooLow(n, least) => write!(f, "Invalid nonce: nonce too low {n} < {least}"),
            Self::NonceOutOfWindow(n, now) => {
                write!(f, "Invalid nonce: nonce {n} is out of the window around {now}")
            }
            Self::Expired => f.write_str("Action already expired"),
            Self::RateLimit(used, cap, volume) => write!(
                f,
                "Too many cumulative requests sent ({used} > {cap}) for cumulative volume traded \
                 ${volume}. Place taker orders to free up 1 request per USDC traded."
            ),
            Self::ScheduleVolume(required, traded) => write!(
                f,
                "Cannot set scheduled cancel time until enough volume traded. Required: \
                 ${required}. Traded: ${traded}."
            ),
            Self::ScheduleTooEarly => {
                f.write_str("Scheduled cancel time too early, must be at least 5 seconds from now.")
            }
            Self::ScheduleTriggers => {
                f.write_str("Cannot set scheduled cancel time: too many triggers today.")
            }
            Self::InvalidLeverage => f.write_str("Invalid leverage value"),
            Self::LeverageSwitch => f.write_str("Cannot switch leverage type with open position."),
            Self::NotIsolated => f.write_str("Position does not use isolated margin."),
            Self::VaultUnknown(a) => write!(f, "Vault not registered: {a}"),
            Self::BadSignature => f.write_str("Unable to recover signer."),
            Self::AgentCount(limit) => write!(
                f,
                "Too many extra agents for cumulative volume traded. Current limit is {limit}"
            ),
            Self::AgentReuse => f.write_str("Extra agent already used."),
            Self::AgentPending => f.write_str("User has pending agent removal"),
            Self::EmptyBatch => f.write_str("Empty batch."),
            Self::BuilderFee => f.write_str("Builder fee has not been approved."),
            Self::Unsupported(kind) => write!(f, "Unsupported action on this venue: {kind}"),
        }
    }
}

/// A price as the venue writes it: with a decimal even when it is an integer.
fn px_text(px: Option<Px>) -> String {
    let Some(px) = px else { return "None".to_owned() };
    let text = px.to_string();
    if text.contains('.') { text } else { text + ".0" }
}
