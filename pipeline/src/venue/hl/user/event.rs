//! What the parser hands out: flat, `Copy`, in the pipeline's own words.
//!
//! An `asset` of [`None`] is a coin that is not in our universe (spot, other dexes, another bot's):
//! its numbers are read as well as they fit, zero otherwise. Numbers are read to the nearest 1e-8.

use super::reason::{ChannelErrorKind, ItemError, RequestError};
use super::status::WireStatus;
use super::text::VenueText;
use crate::types::{AssetId, Cloid, Fill, Nanos, Oid, Px, Qty, Side, Usd};
use crate::venue::hl::sign::Address;

/// One thing that the venue told us. `id` is that of the post that it answers; an optional `id` is
/// [`None`] when it came on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserEvent {
    /// The answer to our ping.
    Pong,
    /// A subscription is in place.
    Subscribed(Stream),
    /// A subscription has ended.
    Unsubscribed(Stream),
    /// The venue complains about something that we sent. The connection stays.
    ChannelError(ChannelError),

    /// What became of one item of an action, in the order of its items.
    PostItem {
        /// The post.
        id: u64,
        /// The item, from zero.
        index: u32,
        /// What became of it.
        status: ItemStatus,
    },
    /// An action was executed; its items came before.
    PostDone {
        /// The post.
        id: u64,
        /// How many items were told of; zero for actions without (`{"type":"default"}`).
        items: u32,
    },
    /// A whole action was refused: nothing of it was executed.
    PostRefused {
        /// The post.
        id: u64,
        /// Why.
        reason: RequestError,
        /// In the venue's words.
        text: VenueText,
    },
    /// The request failed on its way, like an HTTP request. Unless it was refused for its rate or
    /// form (429, 422), whether it was executed is unknown.
    PostFailed {
        /// The post.
        id: u64,
        /// The HTTP status; zero = not told.
        status: u16,
        /// In the venue's words.
        text: VenueText,
    },

    /// An info request was answered with nothing (`null`).
    InfoEmpty {
        /// The post.
        id: u64,
    },
    /// An answer of a type that we do not read.
    AnswerUnread {
        /// The post.
        id: u64,
    },
    /// One order of a whole list of those open.
    OpenOrder {
        /// The post, if it was one.
        id: Option<u64>,
        /// The order.
        order: VenueOrder,
    },
    /// The list is complete: orders that were not in it are not open.
    OpenOrdersEnd {
        /// The post, if it was one.
        id: Option<u64>,
        /// How many there were, foreign ones included.
        total: u32,
    },
    /// What became of the order asked for.
    OrderStatus {
        /// The post.
        id: u64,
        /// [`None`]: the venue does not know it (or this server not yet).
        found: Option<OrderState>,
    },
    /// An order of ours changed its state. A hint: quantities come from fills.
    OrderUpdate(OrderState),

    /// We traded.
    Fill(UserFill),
    /// A list of past fills is complete.
    FillsEnd {
        /// Where from: a snapshot or an answer.
        via: Via,
        /// How many there were, foreign ones included.
        total: u32,
    },
    /// Funding was paid or received.
    Funding(Funding),
    /// A list of past funding is complete.
    FundingsEnd {
        /// Where from: a snapshot or an answer.
        via: Via,
        /// How many there were, foreign ones included.
        total: u32,
    },

    /// One position of the account's whole state. Coins without a position are not told.
    Position {
        /// The post, if it was one.
        id: Option<u64>,
        /// Whose.
        asset: Option<AssetId>,
        /// Signed size.
        szi: Qty,
        /// Average entry price; zero = not told.
        entry_px: Px,
        /// The venue's mark, by the position's value; zero = not told.
        mark_px: Px,
    },
    /// The account's state is complete: an asset without a [`UserEvent::Position`] is flat.
    AccountState {
        /// The post, if it was one.
        id: Option<u64>,
        /// The account.
        account: MarginSummary,
    },
    /// The address's budget of requests.
    RateLimit {
        /// The post.
        id: u64,
        /// Requests used so far.
        used: u64,
        /// Requests allowed.
        cap: u64,
    },

    /// The venue cancelled an order of ours.
    NonUserCancel {
        /// Whose.
        asset: Option<AssetId>,
        /// The order.
        oid: Oid,
    },
    /// A liquidation that concerns us.
    Liquidation(Liquidation),
    /// Money was moved, and neither by trading nor by funding.
    LedgerUpdate,
    /// A word that is new to us, for the log. What it was about comes next.
    UnknownWord {
        /// The key it stood under.
        field: &'static str,
        /// The word.
        word: VenueText,
    },
}

/// What a subscription is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// `orderUpdates`
    OrderUpdates,
    /// `userFills`
    UserFills,
    /// `userEvents`, which arrives on the channel `user`
    UserEvents,
    /// `userFundings`
    UserFundings,
    /// `userNonFundingLedgerUpdates`
    LedgerUpdates,
    /// `clearinghouseState`
    ClearinghouseState,
    /// `openOrders`
    OpenOrders,
    /// `l2Book`, up to 20 levels
    Book,
    /// `l2Book` with `fast`, 5 levels
    FastBook,
    /// `bbo`
    Bbo,
    /// `trades`
    Trades,
    /// `activeAssetCtx`
    AssetCtx,
    /// `candle`
    Candle,
    /// Something that we do not use.
    Other,
}

/// A subscription, told by its content: the venue writes it in its own form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// What for.
    pub kind: StreamKind,
    /// The coin, if it has one of ours.
    pub asset: Option<AssetId>,
    /// The account, if it has one.
    pub user: Option<Address>,
}

/// A text on the channel `error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelError {
    /// What it complains about.
    pub kind: ChannelErrorKind,
    /// The post, if it was one and its id is in the text: there is no other answer to it.
    pub id: Option<u64>,
    /// The subscription, if it was one and it is in the text.
    pub stream: Option<Stream>,
    /// In the venue's words.
    pub text: VenueText,
}

/// What became of one item of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemStatus {
    /// The order is in the book, or was when the block ended.
    Resting {
        /// The venue's id.
        oid: Oid,
    },
    /// The order was filled at once. A hint: the fills themselves come on their channels.
    Filled {
        /// The venue's id.
        oid: Oid,
        /// How much; less than asked for when the rest of an IOC was cancelled.
        total: Qty,
        /// At which price on average.
        avg_px: Px,
    },
    /// Done (cancels).
    Success,
    /// A trigger order, or the child of one, that waits.
    Waiting,
    /// Refused.
    Error(ItemError),
    /// A shape that is new to us: the item's fate is unknown.
    Unknown,
}

/// An order as the venue describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VenueOrder {
    /// Whose.
    pub asset: Option<AssetId>,
    /// The venue's id.
    pub oid: Oid,
    /// Our id, if it was given one.
    pub cloid: Option<Cloid>,
    /// Which side.
    pub side: Side,
    /// Only ever reduces the position.
    pub reduce_only: bool,
    /// Limit price.
    pub px: Px,
    /// Unfilled size.
    pub leaves: Qty,
    /// Size when placed (that of `leaves` where the venue does not tell).
    pub orig: Qty,
}

/// An order and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderState {
    /// The order.
    pub order: VenueOrder,
    /// Its state.
    pub status: WireStatus,
    /// Since when.
    pub time: Nanos,
}

/// Where a fill or funding was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// As it happened. The channels `userFills` and `user` both tell every fill.
    Stream,
    /// In the list of past ones that a subscription begins with.
    Snapshot,
    /// In the answer to a post.
    Answer {
        /// The post.
        id: u64,
    },
}

/// A fill. Told more than once: unique is (`time`, coin, `fill.tid`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserFill {
    /// Where it was told.
    pub via: Via,
    /// Whose.
    pub asset: Option<AssetId>,
    /// Our order's id, if it was given one.
    pub cloid: Option<Cloid>,
    /// What was traded: of our coins, price and size above zero. A rebate is a negative fee.
    pub fill: Fill,
    /// Block time.
    pub time: Nanos,
    /// Signed position before.
    pub start_position: Qty,
    /// False when the fee was paid in another token than USDC: `fill.fee` then counts that token, or
    /// is zero.
    pub fee_is_usd: bool,
    /// It was part of a liquidation, of this account: ours, or the other side's. (An address that
    /// cannot be read is all zeros.)
    pub liquidated: Option<Address>,
}

/// A funding payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funding {
    /// Where it was told.
    pub via: Via,
    /// Whose.
    pub asset: Option<AssetId>,
    /// With the venue's sign: above zero we received, below zero we paid. (A
    /// [`crate::types::VenueEventKind::Funding`] is a cost: the other way round.)
    pub usdc: Usd,
    /// When.
    pub time: Nanos,
}

/// The account as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarginSummary {
    /// Equity.
    pub account_value: Usd,
    /// Cash, without the positions' value; negative when long on margin.
    pub total_raw_usd: Usd,
    /// Margin in use.
    pub margin_used: Usd,
    /// What could be withdrawn.
    pub withdrawable: Usd,
    /// When; [`None`] = not told.
    pub time: Option<Nanos>,
    /// How many positions came before, foreign ones included.
    pub positions: u32,
}

/// A liquidation. Amounts that cannot be read are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liquidation {
    /// Who was liquidated, if that can be read.
    pub user: Option<Address>,
    /// Value of the position.
    pub ntl_pos: Usd,
    /// Equity of the account.
    pub account_value: Usd,
}

const _: () = assert!(size_of::<UserEvent>() <= 192, "events are copied around");
