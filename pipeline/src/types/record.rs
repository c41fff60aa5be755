//! What the stages tell the side thread: the journal's records. Fixed size, newest dropped and
//! counted when the side thread lags.

use super::fixed::{Nanos, Px, Qty, Usd};
use super::limits::MAX_ASSETS;
use super::market::{AssetId, Side};
use super::order::{Action, Cloid, Fill, Oid, Reject};
use super::quote::QuoteTarget;
use super::reason::Reason;
use super::risk::{Marks, RiskSnapshot, RiskState};
use super::terms::QuoteTerms;

/// What an alert is about.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AlertKind {
    /// Too many API errors.
    ApiErrors = 0,
    /// The mid moved too far within a second.
    LargeMove = 1,
    /// Daily loss limit reached, by these marks.
    DailyLoss(Marks) = 2,
    /// Drawdown limit reached, by these marks.
    Drawdown(Marks) = 3,
    /// A cool-down is over, and nothing else holds.
    Recovered = 4,
    /// An order had no answer in time.
    OrderUnknown = 5,
    /// The order link was lost.
    LinkDown = 6,
    /// A ring that must never be full was full.
    RingFull = 7,
    /// A fill for an order we do not know.
    ForeignFill = 8,
    /// Open orders at the venue that are not ours: left alone.
    ForeignOrders = 9,
    /// Orders of an earlier run were found open, and are being cancelled.
    Leftovers = 10,
    /// The venue's position is not ours.
    PositionMismatch = 11,
    /// Our clock and the venue's are too far apart.
    ClockSkew = 12,
    /// The venue refuses our signature, key or account.
    Refused = 13,
    /// The venue refuses our requests for now (429).
    Throttled = 14,
    /// A frame or answer that we cannot read.
    BadFrame = 15,
    /// A cool-down is over, but another break holds.
    CooledDown = 16,
    /// A new UTC day ended the halt after a daily loss.
    RolledOver = 17,
    /// A person ended what held.
    Rearmed = 18,
    /// A break of an earlier run holds.
    Restored = 19,
    /// Volatility is far above its slow baseline.
    VolEmergency = 20,
    /// It no longer is.
    VolCalm = 21,
    /// The venue tells nothing of a coin any more, although the link lives.
    CoinSilent = 22,
    /// The venue refuses a coin's streams, or does not answer to them.
    CoinRefused = 23,
    /// It tells of the coin again.
    CoinResumed = 24,
    /// The market data's link was lost.
    FeedLost = 25,
    /// Another process of ours trades on this account, and was first.
    OtherProcess = 30,
    /// Another process of ours has begun to trade on this account.
    YoungerProcess = 31,
    /// The venue refuses to cancel an order.
    CancelRefused = 32,
    /// Somebody else cancelled an order of ours.
    CanceledByOther = 33,
    /// The venue cancelled an order of ours.
    CanceledByVenue = 34,
    /// It did so for want of margin.
    CanceledForMargin = 35,
    /// It did so because the coin is delisted.
    CanceledDelisted = 36,
    /// It did so because the account is liquidated.
    CanceledLiquidated = 37,
    /// Orders vanish again and again.
    OrdersVanish = 38,
    /// The venue liquidated a position of ours.
    Liquidated = 39,
    /// The venue refuses a coin's orders: it pauses.
    CoinPaused = 40,
    /// They are not refused any more.
    PauseOver = 41,
    /// Money was moved into or out of the account.
    Transfer = 42,
    /// A fee was told that cannot be counted as USDC.
    FeeEstimated = 43,
}

impl AlertKind {
    /// What it says to a person, but for the marks of a loss (see its `Display`).
    const fn in_words(self) -> &'static str {
        match self {
            Self::ApiErrors => {
                "too many API errors: all quotes pulled for the cool-down; the journal has the \
                 refusals, `botmm rearm` ends it now"
            }
            Self::LargeMove => {
                "large move within a second: all quotes pulled for the cool-down; `botmm rearm` ends \
                 it now"
            }
            Self::DailyLoss(_) => "daily loss limit reached",
            Self::Drawdown(_) => "drawdown limit reached",
            Self::Recovered => "cool-down over: quoting again",
            Self::CooledDown => "cool-down over, but another break still holds: nothing is quoted",
            Self::RolledOver => "00:00 UTC: the daily loss counts anew, its halt is over",
            Self::Rearmed => "re-armed by hand: quoting again; losses count from here",
            Self::Restored => {
                "a break of an earlier run still holds: nothing is quoted; `botmm rearm` ends it"
            }
            Self::VolEmergency => "volatility far above its usual level: spreads are widened",
            Self::VolCalm => "volatility is back to its usual level: spreads are as configured",
            Self::CoinSilent => {
                "the venue tells nothing of it any more: not quoted; subscribing again, less and less \
                 often"
            }
            Self::CoinRefused => {
                "the venue refuses its market data: not quoted; subscribing again, less and less often"
            }
            Self::FeedLost => "market data lost: nothing is quoted until it is back",
            Self::CoinResumed => "market data again",
            Self::CancelRefused => {
                "the venue refuses to cancel an order: tried again with growing pauses, from the \
                 third time on over HTTPS too; if it stays, cancel it on the venue's page"
            }
            Self::CanceledByOther => {
                "an order of ours was cancelled by somebody else: another program with this account, \
                 or a person on the venue's page"
            }
            Self::CanceledByVenue => "the venue itself cancelled an order of ours (nonUserCancel)",
            Self::CanceledForMargin => {
                "the venue cancelled an order of ours for want of margin: lower the limits, or add \
                 money"
            }
            Self::CanceledDelisted => "the venue cancelled an order of ours: the coin is delisted",
            Self::CanceledLiquidated => {
                "the venue cancelled an order of ours: the account is being liquidated"
            }
            Self::Liquidated => {
                "LIQUIDATED: the venue closed a position of this account by force: halted; look at \
                 the account and its margin, then `botmm rearm`"
            }
            Self::CoinPaused => {
                "the venue refuses this coin's orders again and again: it pauses, longer each time; \
                 the others go on"
            }
            Self::PauseOver => "the venue refuses this coin's orders no more",
            Self::Transfer => {
                "money was moved into or out of the account, and not by trading: no profit, no loss"
            }
            Self::OrdersVanish => {
                "orders vanish behind us again and again: new ones of this coin wait, longer each \
                 time; find out who cancels them"
            }
            Self::OrderUnknown => "no answer to an order in time: its state is unknown",
            Self::LinkDown => "order link lost: orders in flight are unknown",
            Self::RingFull => "a ring that carries fills was full: halted",
            Self::ForeignFill => {
                "a fill of an order that is not ours: another program, a person, or the venue (ADL) \
                 trades on this account"
            }
            Self::ForeignOrders => "the account has open orders that are not ours: left alone",
            Self::Leftovers => "orders of an earlier run were open: cancelling them",
            Self::PositionMismatch => "the venue's position is not ours: not quoting until it is",
            Self::ClockSkew => {
                "this machine's clock is further from the venue's than max_clock_offset_ms: not \
                 quoting; set the clock"
            }
            Self::OtherProcess => {
                "another process trades on this account: halted, its orders are left alone; stop one \
                 of the two (or --allow-other-session, for different coins)"
            }
            Self::YoungerProcess => {
                "another process has begun to trade on this account: stop it, both use the same \
                 limits (or --allow-other-session, for different coins)"
            }
            Self::Refused => {
                "the venue refuses our key or account: halted; check key, account and approval"
            }
            Self::Throttled => "the venue says too many requests: slowing down",
            Self::BadFrame => "a message of the venue could not be read: ignored",
            Self::FeeEstimated => {
                "a fill's fee was paid in another token than USDC, or is more than the fill: counted \
                 at our fee rate, an estimate (said once; the summary has how many)"
            }
        }
    }
}

impl core::fmt::Display for AlertKind {
    /// What it says to a person.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.in_words())?;
        match self {
            Self::DailyLoss(marks) | Self::Drawdown(marks) => write!(
                f,
                " {}: halted, all quotes pulled; look at the fills, then `botmm rearm`",
                marks.in_words()
            ),
            _ => Ok(()),
        }
    }
}

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

/// One line of the journal.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "records are copied into a ring, never boxed")]
pub enum Record {
    /// How a target came about; before the decision of the same time and asset.
    Terms(QuoteTerms),
    /// A decision, as the gate let it through.
    Decision(QuoteTarget),
    /// An action that was sent.
    Action(Action),
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
