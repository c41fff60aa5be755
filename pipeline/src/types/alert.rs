//! What a person is told of, in words that say what to do.

use super::risk::Marks;

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
    /// The ring of this name, which must never be full, was full.
    RingFull(&'static str) = 7,
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
    /// The feed's median delay is above a coin's `max_feed_delay_ms`.
    FeedLate = 26,
    /// It no longer is.
    FeedInTime = 27,
    /// Another process of ours trades on this account, and was first.
    OtherProcess = 30,
    /// Another process of ours has begun to trade on this account.
    YoungerProcess = 31,
    /// The venue refuses to cancel an order.
    CancelRefused = 32,
    /// Somebody else cancelled an order of ours.
    CanceledByOther = 33,
    /// We did ourselves, over HTTPS, beside the order link.
    CanceledOverHttps = 45,
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
    /// The venue complains, on the order link, about something that is no order of ours.
    Complaint = 44,
}

impl AlertKind {
    /// Whether the run halts for it, until a person starts another.
    pub const fn is_halt(self) -> bool {
        matches!(self, Self::Refused | Self::OtherProcess | Self::RingFull(_))
    }

    /// What it says to a person, but for what a kind carries (see its `Display`).
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
            Self::FeedLate => {
                "market data is later than max_feed_delay_ms: whoever is faster trades against what we \
                 still quote; what is done is feed_late_action"
            }
            Self::FeedInTime => "market data is no longer late",
            Self::CancelRefused => {
                "the venue refuses to cancel an order: tried again with growing pauses, from the \
                 third time on over HTTPS too; if it stays, cancel it on the venue's page"
            }
            Self::CanceledByOther => {
                "an order of ours was cancelled by somebody else: another program with this account, \
                 or a person on the venue's page"
            }
            Self::CanceledOverHttps => {
                "an order was cancelled over HTTPS, beside the order link: by this bot, or by a kill"
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
            Self::RingFull(_) => "halted: a ring that must never be full was full",
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
            Self::Complaint => {
                "the venue complains about what we asked it for (a stream or a question, no order): \
                 without it the order link may not come up"
            }
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
            Self::RingFull(name) => write!(
                f,
                " (`{name}`): what found no room is in no journal and in no number, the summary says how \
                 much; this machine stood still or is too slow, look at its CPU and memory, then start \
                 again"
            ),
            _ => Ok(()),
        }
    }
}
