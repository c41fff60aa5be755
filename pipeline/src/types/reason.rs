//! Why a side is not quoted (STRATEGY §3). Nothing silent: at every instant each side of each asset
//! is either quoted or has exactly one of these.

/// Either `Quoted`, or the one reason why a side has no order in the book.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Reason {
    /// At least one order of the side rests in the book.
    Quoted = 0,
    /// An order is on its way to the venue and not yet acknowledged.
    InFlight = 1,
    /// Not enough book, volatility or signal history yet.
    #[default]
    Warmup = 2,
    /// The newest book is late or silent beyond `stale_book_ms`, void, or older than our last fill of the side.
    StaleBook = 3,
    /// The book is crossed, or our price would cross the touch.
    CrossedBook = 4,
    /// Halted: by a loss limit until a person re-arms it, or because the run ends.
    Halted = 5,
    /// A breaker tripped and cools down.
    Cooldown = 6,
    /// The worst-case exposure limit leaves no room.
    PositionLimit = 7,
    /// The side would add to a position beyond `one_sided_at`.
    OneSided = 8,
    /// Fills of this side were followed by adverse moves.
    Toxic = 9,
    /// The spread cannot cover the fee and `min_edge_bps`.
    BelowFee = 10,
    /// The size is worth less than the venue's $10 minimum.
    BelowMinNotional = 11,
    /// The venue's action budget is spent, or the per-minute action limit reached.
    Budget = 12,
    /// The slot holds an order whose fate is unknown.
    SlotUnknown = 13,
    /// The order link is down or not reconciled.
    LinkDown = 14,
    /// The venue does not list the asset.
    NotInUniverse = 15,
    /// A parameter is not usable.
    ParamInvalid = 16,
    /// The expected edge is below `min_edge_bps`.
    NoEdge = 17,
    /// One side of the book is empty: the market has no price.
    OneSidedBook = 18,
    /// The venue refuses to cancel an order of the side, and it is asked again and again.
    CancelRefused = 19,
    /// The venue refused this coin's orders, and they pause.
    CoinPaused = 20,
    /// The venue lists the asset under another number than we know.
    GridChanged = 21,
    /// The feed is late, and the price would be nearer than `late_half_spread_bps`.
    FeedLate = 22,
}

impl Reason {
    /// How many there are.
    pub const COUNT: usize = 23;

    /// All, in order of their codes.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Quoted,
        Self::InFlight,
        Self::Warmup,
        Self::StaleBook,
        Self::CrossedBook,
        Self::Halted,
        Self::Cooldown,
        Self::PositionLimit,
        Self::OneSided,
        Self::Toxic,
        Self::BelowFee,
        Self::BelowMinNotional,
        Self::Budget,
        Self::SlotUnknown,
        Self::LinkDown,
        Self::NotInUniverse,
        Self::ParamInvalid,
        Self::NoEdge,
        Self::OneSidedBook,
        Self::CancelRefused,
        Self::CoinPaused,
        Self::GridChanged,
        Self::FeedLate,
    ];

    /// The code used in summaries and journals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quoted => "quoted",
            Self::InFlight => "in_flight",
            Self::Warmup => "warmup",
            Self::StaleBook => "stale_book",
            Self::CrossedBook => "crossed_book",
            Self::Halted => "halted",
            Self::Cooldown => "cooldown",
            Self::PositionLimit => "position_limit",
            Self::OneSided => "one_sided",
            Self::Toxic => "toxic",
            Self::BelowFee => "below_fee",
            Self::BelowMinNotional => "below_min_notional",
            Self::Budget => "budget",
            Self::SlotUnknown => "slot_unknown",
            Self::LinkDown => "link_down",
            Self::NotInUniverse => "not_in_universe",
            Self::ParamInvalid => "param_invalid",
            Self::NoEdge => "no_edge",
            Self::OneSidedBook => "one_sided_book",
            Self::CancelRefused => "cancel_refused",
            Self::CoinPaused => "coin_paused",
            Self::GridChanged => "grid_changed",
            Self::FeedLate => "feed_late",
        }
    }

    /// The same in words, for the status screen.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Quoted => "quoted",
            Self::InFlight => "order on its way",
            Self::Warmup => "warming up",
            Self::StaleBook => "book is stale",
            Self::CrossedBook => "price would cross",
            Self::Halted => "halted",
            Self::Cooldown => "breaker cooling down",
            Self::PositionLimit => "position limit reached",
            Self::OneSided => "only reducing position",
            Self::Toxic => "fills were toxic",
            Self::BelowFee => "spread below fee",
            Self::BelowMinNotional => "size below $10",
            Self::Budget => "action budget spent",
            Self::SlotUnknown => "order state unknown",
            Self::LinkDown => "order link is down",
            Self::NotInUniverse => "not listed",
            Self::ParamInvalid => "parameter invalid",
            Self::NoEdge => "no expected edge",
            Self::OneSidedBook => "one side of the book is empty",
            Self::CancelRefused => "the venue refuses our cancel",
            Self::CoinPaused => "coin paused after refusals",
            Self::GridChanged => "listed anew, restart",
            Self::FeedLate => "the feed is late",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_match_positions_and_are_unique() {
        for (i, r) in Reason::ALL.iter().enumerate() {
            assert_eq!(*r as usize, i);
            assert_eq!(Reason::ALL.iter().filter(|o| o.as_str() == r.as_str()).count(), 1);
        }
    }
}
