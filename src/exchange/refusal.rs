//! Why the venue refuses a whole request, and the words it says so in (PROTOCOL §3; clients match them
//! by prefix). Those of orders and accounts are [`Refused`]'s.

use botmm_pipeline::types::Usd;
use botmm_pipeline::venue::hl::sign::Address;
use botmm_pipeline::venue::sim::core::Refused;

/// A reason with what its text needs. [`core::fmt::Display`] writes the text without the
/// ` asset=N` that follows per-item texts on the wire (see [`Refusal::has_asset_suffix`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// What is asked for breaks a rule of orders or accounts.
    Order(Refused),
    // A modification (an item of batchModify, or the whole of modify).
    /// The new order's own reason.
    ModifyNew(Refused),
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
    /// scheduleCancel before enough was traded: required, traded.
    ScheduleVolume(Usd, Usd),
    /// scheduleCancel for less than five seconds ahead.
    ScheduleTooEarly,
    /// Ten schedules fired today.
    ScheduleTriggers,
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
    // Of trigger orders; the venue's own words are not documented.
    /// One that could increase a position.
    TriggerNotReduceOnly,
    /// Orders that do not go together as asked.
    Grouping,
    /// A child of an order that was not placed.
    NoParent,
    /// A fast cancel of a trigger order.
    FastCancel,
    /// A TWAP order of too few or too many minutes.
    TwapDuration(u64),
    /// A cancel of a TWAP order that does not run.
    TwapMissing,
    /// A real action that is not offered here.
    Unsupported(String),
}

impl Refusal {
    /// Whether the venue puts ` asset=N` after the text (per-item texts of one order or cancel).
    pub const fn has_asset_suffix(&self) -> bool {
        matches!(self, Self::Order(refused) if refused.has_asset_suffix())
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self::Order(refused)
    }
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Order(refused) => refused.fmt(f),
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
            Self::VaultUnknown(a) => write!(f, "Vault not registered: {a}"),
            Self::BadSignature => f.write_str("Unable to recover signer."),
            Self::AgentCount(limit) => write!(
                f,
                "Too many extra agents for cumulative volume traded. Current limit is {limit}"
            ),
            Self::AgentReuse => f.write_str("Extra agent already used."),
            Self::AgentPending => f.write_str("User has pending agent removal"),
            Self::EmptyBatch => f.write_str("Empty batch."),
            Self::TriggerNotReduceOnly => f.write_str("TP/SL orders must be reduce only."),
            Self::Grouping => f.write_str(
                "Invalid grouping: normalTpsl takes an order and its TP/SL orders, positionTpsl only \
                 TP/SL orders.",
            ),
            Self::NoParent => f.write_str("The order that this TP/SL order belongs to was not placed."),
            Self::TwapDuration(minutes) => write!(f, "Invalid TWAP duration: {minutes} min(s)"),
            Self::TwapMissing => {
                f.write_str("TWAP was never placed, already canceled, or filled.")
            }
            Self::FastCancel => f.write_str("Trigger orders cannot be fast canceled."),
            Self::Unsupported(kind) => write!(f, "Unsupported action on this venue: {kind}"),
        }
    }
}
