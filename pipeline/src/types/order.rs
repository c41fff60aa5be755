//! What we ask of the venue and what it answers.

use super::alert::AlertKind;
use super::fixed::{Nanos, Px, Qty, Usd};
use super::level::{AssetId, Side};
use super::limits::MAX_BATCH;
use super::quote::Cause;

/// The venue's order id. A modify gives the order a new one.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Oid(pub u64);

impl Oid {
    /// Not known yet.
    pub const NONE: Self = Self(0);
}

/// Our order id, 128 bits: `tag(32) session(32) slot(16) sequence(48)`. It survives a modify, and
/// it alone says which slot an event belongs to.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Cloid {
    hi: u64,
    lo: u64,
}

impl Cloid {
    /// First four bytes of every id of ours, so that we recognise our own orders after a restart.
    pub const TAG: u32 = 0xb077_4d4d;
    const SEQUENCE_BITS: u32 = 48;
    /// Of no asset and no level: the slot of orders that close a position once quoting is over.
    pub const CLOSING_SLOT: u16 = u16::MAX;

    /// The id of an order that closes, sent at this moment.
    pub fn closing(session: u32, sent: Nanos) -> Self {
        Self::new(session, Self::CLOSING_SLOT, sent.0 as u64 & ((1 << Self::SEQUENCE_BITS) - 1))
    }

    /// The id of the `sequence`-th order of a slot in this session.
    pub fn new(session: u32, slot: u16, sequence: u64) -> Self {
        assert!(sequence < 1 << Self::SEQUENCE_BITS, "order sequence exhausted");
        Self {
            hi: u64::from(Self::TAG) << 32 | u64::from(session),
            lo: u64::from(slot) << Self::SEQUENCE_BITS | sequence,
        }
    }
    /// From its 128 bits.
    pub const fn from_u128(v: u128) -> Self {
        Self { hi: (v >> 64) as u64, lo: v as u64 }
    }
    /// Its 128 bits.
    pub const fn to_u128(self) -> u128 {
        (self.hi as u128) << 64 | self.lo as u128
    }
    /// Whether some session of ours made it.
    pub const fn is_ours(self) -> bool {
        self.hi >> 32 == Self::TAG as u64
    }
    /// The session that made it.
    pub const fn session(self) -> u32 {
        self.hi as u32
    }
    /// The slot that it belongs to.
    pub const fn slot(self) -> u16 {
        (self.lo >> Self::SEQUENCE_BITS) as u16
    }
}

impl core::fmt::Display for Cloid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "0x{:032x}", self.to_u128())
    }
}
impl core::fmt::Debug for Cloid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{self}")
    }
}

/// Time in force.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Tif {
    /// Add liquidity only: rejected when it would trade at once.
    #[default]
    Alo = 0,
    /// Immediate or cancel: only to flatten, and only in an action of its own.
    Ioc = 1,
}

/// One item of an action.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct OrderRequest {
    /// The order's id at ours.
    pub cloid: Cloid,
    /// The order's id at the venue (modify and cancel; [`Oid::NONE`] = by cloid).
    pub oid: Oid,
    /// Limit price (place and modify).
    pub px: Px,
    /// Size (place and modify).
    pub qty: Qty,
    /// Whose.
    pub asset: AssetId,
    /// Which side.
    pub side: Side,
    /// Time in force.
    pub tif: Tif,
    /// Only ever reduces the position.
    pub reduce_only: bool,
    /// Explicit padding.
    pub _pad: [u8; 3],
}

/// What an action does with its items.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ActionKind {
    /// New orders.
    #[default]
    Place = 0,
    /// Replace price and size: a cancel and a new order with the same cloid and a new oid.
    Modify = 1,
    /// Cancels.
    Cancel = 2,
}

/// One signed request: up to [`MAX_BATCH`] items of one kind.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Action {
    /// What it does.
    pub kind: ActionKind,
    /// Items in use.
    pub len: u8,
    /// It follows from a target as soon as that was there ([`QuoteTarget::is_prompt`](super::QuoteTarget::is_prompt)):
    /// how long it took from the market event to the wire is our latency.
    pub is_prompt: bool,
    /// Explicit padding.
    pub _pad: [u8; 5],
    /// When dispatch sent it.
    pub sent_time: Nanos,
    /// The venue refuses it after this time of its own.
    pub expires_after: Nanos,
    /// What it was computed from.
    pub cause: Cause,
    /// The items; the first `len` are valid.
    pub items: [OrderRequest; MAX_BATCH],
}

impl Action {
    /// An empty action of a kind.
    pub fn new(kind: ActionKind) -> Self {
        Self { kind, ..Self::default() }
    }
    /// Items in use.
    pub fn items(&self) -> &[OrderRequest] {
        &self.items[..usize::from(self.len)]
    }
    /// Adds an item; a batch never overflows, since one asset has at most [`MAX_BATCH`] slots.
    pub fn push(&mut self, item: OrderRequest) {
        self.items[usize::from(self.len)] = item;
        self.len += 1;
    }
    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// Takes all items out.
    pub fn clear(&mut self) {
        self.items[..usize::from(self.len)].fill(OrderRequest::default());
        self.len = 0;
    }
    /// The `expiresAfter` that it goes to the venue with, Unix milliseconds. Cancels have none: late
    /// is better than never.
    pub fn expires_after_ms(&self) -> Option<u64> {
        let until = || u64::try_from(self.expires_after.as_millis()).unwrap_or(0);
        (self.kind != ActionKind::Cancel).then(until)
    }
}

/// Why the venue refused an item (PROTOCOL §3, Appendix F).
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RejectReason {
    /// Post-only order would have immediately matched.
    BadAloPx = 0,
    /// Price not on the tick grid.
    Tick = 1,
    /// Size not on the lot grid.
    Size = 2,
    /// Order value below $10.
    MinNotional = 3,
    /// Not enough margin.
    Margin = 4,
    /// Modify or cancel of an order that is gone.
    NotFound = 5,
    /// A reduce-only order that would not reduce.
    ReduceOnly = 6,
    /// The action arrived after its `expires_after`.
    Expired = 7,
    /// Request or open-order limit of the address.
    RateLimit = 8,
    /// Anything else.
    Other = 9,
}

impl RejectReason {
    /// Whether it counts as an API error for the breaker. A crossing post-only order and a cancel
    /// that comes too late are the market moving, not a fault.
    pub const fn is_error(self) -> bool {
        !matches!(self, Self::BadAloPx | Self::NotFound)
    }
    /// Whether it is the account that is refused, and not this coin's order.
    pub const fn is_of_account(self) -> bool {
        matches!(self, Self::Margin | Self::RateLimit | Self::Expired)
    }
    /// The word used in journals and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadAloPx => "bad_alo_px",
            Self::Tick => "tick",
            Self::Size => "size",
            Self::MinNotional => "min_notional",
            Self::Margin => "margin",
            Self::NotFound => "not_found",
            Self::ReduceOnly => "reduce_only",
            Self::Expired => "expired",
            Self::RateLimit => "rate_limit",
            Self::Other => "other",
        }
    }
}

/// By which rule a simulated market filled a resting order of ours ([`crate::venue::sim::recorded`]).
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FillCause {
    /// A public trade went beyond our price.
    TradedThrough = 0,
    /// A public trade at our price left something after the queue ahead of us.
    TradedAt = 1,
    /// The displayed best price of the other side reached ours, without a trade that shows it.
    TouchReached = 2,
}

impl FillCause {
    /// How many there are.
    pub const COUNT: usize = 3;
    /// Each, in the order of its code.
    pub const ALL: [Self; Self::COUNT] = [Self::TradedThrough, Self::TradedAt, Self::TouchReached];
    /// The word used in journals and summaries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TradedThrough => "traded_through",
            Self::TradedAt => "traded_at",
            Self::TouchReached => "touch_reached",
        }
    }
    /// What it says to a person.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::TradedThrough => "traded through",
            Self::TradedAt => "traded at, after the queue",
            Self::TouchReached => "displayed touch reached us",
        }
    }
}

/// A venue fill: the only thing that moves a position.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Fill {
    /// The venue's id of the order that was filled.
    pub oid: Oid,
    /// Price.
    pub px: Px,
    /// Size, positive.
    pub qty: Qty,
    /// Fee; positive = cost.
    pub fee: Usd,
    /// Venue trade id; unique together with time and coin.
    pub tid: u64,
    /// Our order's side.
    pub side: Side,
    /// We were the taker.
    pub crossed: bool,
    /// By which rule of a recorded market; [`None`] where nobody had to guess: a real venue, and
    /// the synthetic market, know their orders.
    pub cause: Option<FillCause>,
    /// The venue liquidated us: the trade is its doing.
    pub is_liquidation: bool,
    /// Explicit padding.
    pub _pad: [u8; 4],
}

/// Why an item was refused.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject {
    /// What kind of action the item was in.
    pub of: ActionKind,
    /// Why.
    pub reason: RejectReason,
    /// The whole request was refused, before the venue looked at any item: nothing of it was done.
    pub is_whole: bool,
    /// The first of its request that is a fault ([`RejectReason::is_error`]): breakers count requests,
    /// not items.
    pub is_counted: bool,
    /// Explicit padding.
    pub _pad: [u8; 4],
    /// The touch that the venue reports with a [`RejectReason::BadAloPx`]; zero = not told.
    pub best_bid: Px,
    /// See `best_bid`.
    pub best_ask: Px,
}

impl Reject {
    /// Of a single item, without a touch.
    pub const fn new(of: ActionKind, reason: RejectReason) -> Self {
        Self {
            of,
            reason,
            is_whole: false,
            is_counted: reason.is_error(),
            _pad: [0; 4],
            best_bid: Px::ZERO,
            best_ask: Px::ZERO,
        }
    }
}

/// How an order ended.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoneWhy {
    /// Filled whole.
    Filled = 0,
    /// Cancelled by us, or by somebody else with the account's keys.
    Canceled = 1,
    /// Replaced by a modify: the order lives on under a new oid.
    Replaced = 2,
    /// Cancelled by the venue (self-trade, dead man's switch, …).
    VenueCanceled = 3,
    /// Cancelled by the venue for want of margin.
    Margin = 4,
    /// Cancelled by the venue because the coin is delisted.
    Delisted = 5,
    /// Cancelled by the venue because the account is liquidated.
    Liquidated = 6,
}

/// An order left the book.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// The venue's id of the order that ended.
    pub oid: Oid,
    /// What was left unfilled when it ended (more than its size = all that we know to be unfilled).
    /// What was filled may still be on its way to us.
    pub leaves: Qty,
    /// How.
    pub why: DoneWhy,
    /// Explicit padding.
    pub _pad: [u8; 7],
}

/// What happened at the venue to us.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VenueEventKind {
    /// The order rests under this oid with this much unfilled.
    Ack {
        /// The venue's id.
        oid: Oid,
        /// Unfilled size when acknowledged.
        leaves: Qty,
    },
    /// An item was refused.
    Reject(Reject),
    /// We traded.
    Fill(Fill),
    /// An order left the book.
    Done(Done),
    /// Funding was paid (positive = cost).
    Funding(Usd),
    /// What the account held of the asset when we came; before any fill of it.
    Opening {
        /// Signed size.
        position: Qty,
        /// The venue's mark then: our profit is counted from there.
        mark: Px,
    },
    /// What the venue says of the address's request budget (PROTOCOL §6).
    Requests {
        /// Requests sent, ever.
        used: u64,
        /// Requests allowed, by what was traded and bought.
        cap: u64,
    },
    /// Something that a person should know.
    Notice(AlertKind),
    /// The order link is up, and a reconcile agrees with the venue: quoting may begin.
    LinkUp,
    /// The order link is gone: everything in flight is unknown.
    LinkDown,
}

/// An order whose fate we do not know, and what is known of it: a question for the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// The order's id at ours.
    pub cloid: Cloid,
    /// Whose.
    pub asset: AssetId,
    /// The leg that a modify replaces, while its end is not known; [`Oid::NONE`] = there is none.
    pub old: Oid,
    /// The newest leg; [`Oid::NONE`] = it was never acknowledged.
    pub current: Oid,
    /// After this time of the venue's the last action about it is void, if it has not arrived.
    pub void_after: Nanos,
}

/// A message about our own orders and account.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VenueEvent {
    /// Which order (zero where none is concerned).
    pub cloid: Cloid,
    /// Whose.
    pub asset: AssetId,
    /// Explicit padding.
    pub _pad: [u8; 2],
    /// Of an acknowledgement, as dispatch measures it: how long the action took to arrive at the venue,
    /// microseconds; 0 = not measured.
    pub took_us: u32,
    /// Block time at the venue.
    pub venue_time: Nanos,
    /// When it reached us.
    pub recv_time: Nanos,
    /// What happened.
    pub kind: VenueEventKind,
}

impl VenueEvent {
    /// What happened to an order of an asset: then by the venue's clock, and when it reached us.
    pub const fn new(
        cloid: Cloid,
        asset: AssetId,
        [venue_time, recv_time]: [Nanos; 2],
        kind: VenueEventKind,
    ) -> Self {
        Self { cloid, asset, _pad: [0; 2], took_us: 0, venue_time, recv_time, kind }
    }
}

const _: () = assert!(size_of::<Cloid>() == 16);
const _: () = assert!(size_of::<OrderRequest>() == 48);
const _: () = assert!(size_of::<Fill>() == 48);
const _: () = assert!(size_of::<VenueEvent>() == 16 + 24 + 56);
const _: () = assert!(size_of::<Action>() == 56 + MAX_BATCH * 48);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cloid_keeps_its_parts() {
        let id = Cloid::new(7, 513, 42);
        assert!(id.is_ours());
        assert_eq!((id.session(), id.slot()), (7, 513));
        assert_eq!(Cloid::from_u128(id.to_u128()), id);
        assert_eq!(id.to_string(), "0xb0774d4d00000007020100000000002a");
        assert!(!Cloid::from_u128(1).is_ours());
    }
}
