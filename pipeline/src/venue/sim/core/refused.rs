//! Why the venue refuses an order, a cancel or a whole request for what it is: its words (PROTOCOL
//! §3; clients match them by prefix), and the reason that a bot reads in them.

use crate::types::{Px, RejectReason, Usd};
use core::fmt;

/// A reason with what its text needs. [`fmt::Display`] writes the text, without the ` asset=N` that
/// follows per-item texts on the wire (see [`Refused::has_asset_suffix`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
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
    /// Not a price.
    InvalidPx,
    /// Not a size, off the lot grid, or worth more than any order may be.
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
    /// What is to be modified is gone.
    ModifyDead,
    // The whole request.
    /// Leverage out of range.
    InvalidLeverage,
    /// Cross to isolated or back with a position.
    LeverageSwitch,
    /// Isolated margin of a cross position.
    NotIsolated,
    /// Its `expiresAfter` is over.
    Expired,
    /// Address budget spent: used, cap, volume.
    RateLimit(u64, u64, Usd),
}

impl Refused {
    /// One of each, with what a text may need.
    #[cfg(test)]
    const EACH: [Self; 25] = {
        use Refused::*;
        [
            Tick,
            MinNotional,
            Margin,
            ReduceOnly,
            BadAloPx(Some(Px::whole(1)), None),
            IocCancel,
            NoLiquidity,
            BadTriggerPx,
            Oracle,
            ReferencePx,
            InvalidPx,
            InvalidSize,
            ZeroSize,
            InvalidAsset,
            UpgradePostOnly,
            TooManyOrders,
            DuplicateCloid,
            BuilderFee,
            MissingOrder,
            ModifyDead,
            InvalidLeverage,
            LeverageSwitch,
            NotIsolated,
            Expired,
            RateLimit(2, 1, Usd::ZERO),
        ]
    };

    /// What a bot makes of the text ([`crate::venue::hl::user::ItemError`] reads the same in it).
    pub const fn reason(self) -> RejectReason {
        match self {
            Self::BadAloPx(..) => RejectReason::BadAloPx,
            Self::Tick | Self::InvalidPx => RejectReason::Tick,
            Self::InvalidSize | Self::ZeroSize => RejectReason::Size,
            Self::MinNotional => RejectReason::MinNotional,
            Self::Margin => RejectReason::Margin,
            Self::MissingOrder | Self::ModifyDead => RejectReason::NotFound,
            Self::ReduceOnly => RejectReason::ReduceOnly,
            Self::Expired => RejectReason::Expired,
            Self::TooManyOrders | Self::RateLimit(..) => RejectReason::RateLimit,
            _ => RejectReason::Other,
        }
    }

    /// Whether the venue puts ` asset=N` after the text (per-item texts of one order or cancel).
    pub const fn has_asset_suffix(self) -> bool {
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
                | Self::InvalidPx
                | Self::InvalidSize
                | Self::ZeroSize
                | Self::MissingOrder
        )
    }

    /// The status word of an order refused for this (PROTOCOL §2.6).
    pub const fn status_word(self) -> &'static str {
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
            _ => "rejected",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match *self {
            Self::BadAloPx(bid, ask) => {
                f.write_str("Post only order would have immediately matched, bbo was ")?;
                write_px(f, bid)?;
                f.write_str("@")?;
                write_px(f, ask)?;
                "."
            }
            Self::RateLimit(used, cap, volume) => {
                write!(
                    f,
                    "Too many cumulative requests sent ({used} > {cap}) for cumulative volume \
                     traded ${volume}. "
                )?;
                "Place taker orders to free up 1 request per USDC traded."
            }
            Self::Tick => "Price must be divisible by tick size.",
            Self::MinNotional => "Order must have minimum value of $10.",
            Self::Margin => "Insufficient margin to place order.",
            Self::ReduceOnly => "Reduce only order would increase position.",
            Self::IocCancel => "Order could not immediately match against any resting orders.",
            Self::NoLiquidity => "No liquidity available for market order.",
            Self::BadTriggerPx => "Invalid TP/SL price.",
            Self::Oracle => "Order price too far from oracle",
            Self::ReferencePx => {
                "Order price cannot be more than 80% away from the reference price"
            }
            Self::InvalidPx => "Order has invalid price.",
            Self::InvalidSize => "Order has invalid size.",
            Self::ZeroSize => "Order has zero size.",
            Self::InvalidAsset => "Asset not found.",
            Self::UpgradePostOnly => {
                "Only post-only orders allowed immediately after a network upgrade"
            }
            Self::TooManyOrders => "Too many open orders.",
            Self::DuplicateCloid => "Client order id is in use.",
            Self::BuilderFee => "Builder fee has not been approved.",
            Self::MissingOrder => "Order was never placed, already canceled, or filled.",
            Self::ModifyDead => "Cannot modify canceled or filled order",
            Self::InvalidLeverage => "Invalid leverage value",
            Self::LeverageSwitch => "Cannot switch leverage type with open position.",
            Self::NotIsolated => "Position does not use isolated margin.",
            Self::Expired => "Action already expired",
        };
        f.write_str(text)
    }
}

/// A price as the venue writes it: with a decimal even when it is an integer.
fn write_px(f: &mut fmt::Formatter<'_>, px: Option<Px>) -> fmt::Result {
    let Some(px) = px else { return f.write_str("None") };
    let is_whole = px.raw() % Px::whole(1).raw() == 0;
    write!(f, "{px}{}", if is_whole { ".0" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venue::hl::user::ItemError;

    /// A replay tells the reason, the embedded exchange the text: the bot must make the same of both.
    #[test]
    fn a_text_is_read_as_its_reason() {
        for refused in Refused::EACH {
            for text in [refused.to_string(), format!("{refused} asset=3")] {
                let read = ItemError::of(&text);
                assert_eq!(read.reason, refused.reason(), "{text}");
            }
        }
        let read = ItemError::of(&Refused::EACH[4].to_string());
        assert_eq!((read.best_bid, read.best_ask), (Px::whole(1), Px::ZERO));
    }
}
