//! Which rules hold, and those of one order and one action, each in one place (PROTOCOL §1.2, §3, §7).

use super::Refused;
use crate::types::instrument::MIN_NOTIONAL;
use crate::types::limits::{MAX_PX, MAX_QTY, MAX_SIM_ORDERS};
use crate::types::{Instrument, Level, Nanos, Px, Qty, SCALE, Side, Usd, notional};
use core::fmt;
use core::str::FromStr;

/// Every so much traded volume allows one more open order, up to a limit.
const VOLUME_PER_ORDER: Usd = Usd::whole(5_000_000);
const MOST_OPEN_ORDERS: usize = 5_000;

/// What a choice of rules may look like.
pub const RULES_ALLOWED: &str = "replay or venue, and then +RULE or -RULE of blocks, funding, margin, band, budget \
                                 (replay+funding, venue-blocks)";

/// What holds, one switch a rule. What has no switch always holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Actions wait for the next block (their times are multiples of this), which sorts them by
    /// [`BlockPart`]; [`None`] = each is executed as it arrives.
    pub block_interval: Option<Nanos>,
    /// Orders and fills must be covered, and who is below maintenance is liquidated. Needs `prices`.
    pub margin: bool,
    /// How far from the mark a limit price may be, percent of the mark; without a mark nothing is
    /// placed. Needs `prices`.
    pub price_band_pct: Option<i64>,
    /// Marks and oracles are kept.
    pub prices: bool,
    /// Funding is paid on the hour. Needs `prices`.
    pub funding: bool,
    /// What an hour pays where nobody tells (1e-10); [`None`] = by the premium.
    pub untold_rate_e10: Option<i64>,
    /// Requests are refused when an address has used up what it earned (else only counted).
    pub budget: bool,
    /// Requests that an address has before it traded anything.
    pub base_requests: u64,
    /// Open orders that an account may have.
    pub open_orders: usize,
    /// One more for every 5 million USD traded.
    pub volume_earns_orders: bool,
    /// A second open order with a client id in use is refused (PROTOCOL §11: unknown).
    pub unique_cloids: bool,
}

impl Rules {
    /// A replay without more ado: an account that can pay for everything.
    pub const REPLAY: Self = Self {
        block_interval: None,
        margin: false,
        price_band_pct: None,
        prices: false,
        funding: false,
        untold_rate_e10: None,
        budget: false,
        base_requests: 10_000,
        open_orders: MAX_SIM_ORDERS,
        volume_earns_orders: false,
        unique_cloids: false,
    };
    /// The venue, as far as it is known.
    pub const VENUE: Self = Self {
        block_interval: Some(Nanos::millis(80)),
        margin: true,
        price_band_pct: Some(80),
        prices: true,
        funding: true,
        untold_rate_e10: None,
        budget: true,
        base_requests: 10_000,
        open_orders: 1_000,
        volume_earns_orders: true,
        unique_cloids: false,
    };

    /// Open orders of an account that traded so much. Reduce-only orders are refused earlier than
    /// others, as at the venue.
    pub fn most_open_orders(&self, volume: Usd, reduce_only: bool) -> usize {
        let base = self.open_orders;
        if reduce_only || !self.volume_earns_orders {
            return base;
        }
        let earned = usize::try_from(volume.raw() / VOLUME_PER_ORDER.raw()).unwrap_or(0);
        (base + earned).min(base.max(MOST_OPEN_ORDERS))
    }
}

/// What can be switched by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Switch {
    Blocks,
    Funding,
    Margin,
    Band,
    Budget,
}

impl Switch {
    const ALL: [Self; 5] = [Self::Blocks, Self::Funding, Self::Margin, Self::Band, Self::Budget];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Blocks => "blocks",
            Self::Funding => "funding",
            Self::Margin => "margin",
            Self::Band => "band",
            Self::Budget => "budget",
        }
    }
}

impl Rules {
    /// Sets a switch as it is in `from`.
    fn set(&mut self, switch: Switch, from: &Self) {
        match switch {
            Switch::Blocks => self.block_interval = from.block_interval,
            Switch::Funding => self.funding = from.funding,
            Switch::Margin => self.margin = from.margin,
            Switch::Band => self.price_band_pct = from.price_band_pct,
            Switch::Budget => self.budget = from.budget,
        }
        self.prices = self.funding || self.margin || self.price_band_pct.is_some();
    }

    fn differs(&self, switch: Switch, from: &Self) -> bool {
        let mut switched = *self;
        switched.set(switch, from);
        switched != *self
    }
}

/// As [`FromStr`] reads it: a base, and the switches that differ from it. What no word chooses is not told.
impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, base, sign) = match self.volume_earns_orders {
            true => ("venue", Self::VENUE, '-'),
            false => ("replay", Self::REPLAY, '+'),
        };
        f.write_str(name)?;
        let mut others = Switch::ALL.into_iter().filter(|s| self.differs(*s, &base));
        others.try_for_each(|switch| write!(f, "{sign}{}", switch.as_str()))
    }
}

impl FromStr for Rules {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("{text:?} is no choice of rules; allowed: {RULES_ALLOWED}");
        let text = text.trim();
        let end = text.find(['+', '-']).unwrap_or(text.len());
        let mut rules = match &text[..end] {
            "replay" => Self::REPLAY,
            "venue" => Self::VENUE,
            _ => return Err(refuse()),
        };
        let mut rest = &text[end..];
        while !rest.is_empty() {
            let from = if rest.starts_with('+') { Self::VENUE } else { Self::REPLAY };
            let next = rest[1..].find(['+', '-']).map_or(rest.len(), |at| at + 1);
            let named = |switch: &Switch| switch.as_str() == &rest[1..next];
            let switch = Switch::ALL.into_iter().find(named).ok_or_else(refuse)?;
            rules.set(switch, &from);
            rest = &rest[next..];
        }
        Ok(rules)
    }
}

/// Where in a block an action is executed (PROTOCOL §7), earliest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockPart {
    /// What neither takes nor cancels.
    Quiet,
    /// Cancels.
    Cancels,
    /// Whatever has an order in it that may take.
    Takers,
}

impl BlockPart {
    /// Each, in order.
    pub const ALL: [Self; 3] = [Self::Quiet, Self::Cancels, Self::Takers];
}

/// The first block at or after a moment.
pub fn block_at(interval: Nanos, moment: Nanos) -> Nanos {
    Nanos(-(-moment.0).div_euclid(interval.0) * interval.0)
}

/// Most value of a market order, from this highest leverage of its asset on; limit orders may have ten
/// times as much (PROTOCOL §1.2). Keeps every sum of money far inside 64 bits, too.
const LARGEST_MARKET_ORDER: [(u8, Usd); 4] = [
    (25, Usd::whole(30_000_000)),
    (20, Usd::whole(5_000_000)),
    (10, Usd::whole(2_000_000)),
    (0, Usd::whole(500_000)),
];
const LIMIT_PER_MARKET_ORDER: i64 = 10;

/// The most that an order of an asset may be worth.
pub fn largest_order(instrument: &Instrument, is_market: bool) -> Usd {
    let row = LARGEST_MARKET_ORDER.iter().find(|(from, _)| instrument.max_leverage >= *from);
    let most = row.map_or(Usd::ZERO, |(_, most)| *most);
    if is_market { most } else { Usd::from_raw(most.raw() * LIMIT_PER_MARKET_ORDER) }
}

/// Whether price and size are numbers that can be dealt with at all. What is refused here has no
/// place in a history, and a modify leaves its old order alone.
pub fn check_numbers(px: Px, qty: Qty, most: Usd) -> Result<(), Refused> {
    if !px.is_positive() || px > MAX_PX {
        return Err(Refused::InvalidPx);
    }
    if qty.is_zero() {
        return Err(Refused::ZeroSize);
    }
    let value_e8 = i128::from(px.raw()) * i128::from(qty.raw()) / i128::from(SCALE);
    if qty.is_negative() || qty > MAX_QTY || value_e8 > i128::from(most.raw()) {
        return Err(Refused::InvalidSize);
    }
    Ok(())
}

/// Tick, lot and least value. `closes`: a reduce-only order of a position of this size; one that closes
/// all of it may be worth less.
pub fn check_grid(
    instrument: &Instrument,
    px: Px,
    qty: Qty,
    closes: Option<Qty>,
) -> Result<(), Refused> {
    if !instrument.is_legal_px(px) {
        return Err(Refused::Tick);
    }
    if !instrument.is_legal_qty(qty) {
        return Err(Refused::InvalidSize);
    }
    let closes_all = closes.is_some_and(|position| position.abs() == qty);
    if notional(px, qty) < MIN_NOTIONAL && !closes_all {
        return Err(Refused::MinNotional);
    }
    Ok(())
}

/// How much a reduce-only order of a side may trade.
pub fn reducible(position: Qty, side: Side) -> Qty {
    (-side.signed(position)).max(Qty::ZERO)
}

/// Whether an order trades with what rests at `other` on the opposite side.
pub fn reaches(side: Side, px: Px, other: Px) -> bool {
    !side.is_better(other, px)
}

/// Whether an order would trade at once: with the market's best opposite level (no size: nobody is
/// there), or with an own order of the opposite side, which a recorded book does not show.
pub fn crosses(side: Side, px: Px, opposite: Level, mut own: impl Iterator<Item = Px>) -> bool {
    let meets_market = opposite.qty.is_positive() && reaches(side, px, opposite.px);
    meets_market || own.any(|other| reaches(side, px, other))
}

/// The refusal of a post-only order that crosses, with the touch.
pub fn bad_alo_px((bid, ask): (Level, Level)) -> Refused {
    let shown = |level: Level| level.qty.is_positive().then_some(level.px);
    Refused::BadAloPx(shown(bid), shown(ask))
}

/// Whether an action comes too late: block times and `expiresAfter` are whole milliseconds, and the
/// last of them is still in time.
pub fn is_expired(block_time: Nanos, expires_after_ms: u64) -> bool {
    u64::try_from(block_time.as_millis()).is_ok_and(|now_ms| now_ms > expires_after_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_millisecond_is_still_in_time() {
        let at = |ns| is_expired(Nanos(ns), 7);
        assert!(!at(7_000_000) && !at(7_999_999) && at(8_000_000));
        assert!(!is_expired(Nanos(-1), 0), "before 1970");
    }

    #[test]
    fn rules_are_chosen_by_word() {
        let read = |text: &str| text.parse::<Rules>();
        assert_eq!(read("replay"), Ok(Rules::REPLAY));
        assert_eq!(read(" venue "), Ok(Rules::VENUE));
        let paid = Rules { funding: true, prices: true, ..Rules::REPLAY };
        assert_eq!(read("replay+funding"), Ok(paid));
        assert_eq!(read("replay+funding-funding"), Ok(Rules::REPLAY), "the last word holds");
        assert_eq!(read("venue-funding-margin-band").map(|rules| rules.prices), Ok(false));
        for text in ["replay+blocks+margin", "replay+band+budget", "venue-blocks-funding", "venue"]
        {
            assert_eq!(read(text).map(|rules| rules.to_string()), Ok(text.to_owned()));
        }
        for text in [
            "",
            "venues",
            "replay+",
            "replay+fundin",
            "+funding",
            "replay funding",
            "venue--blocks",
        ] {
            assert!(read(text).is_err_and(|e| e.contains("allowed: replay or venue")), "{text}");
        }
    }

    #[test]
    fn a_block_takes_what_came_up_to_its_time() {
        let of = |ms| block_at(Nanos::millis(80), Nanos::millis(ms)).as_millis();
        assert_eq!([0, 1, 79, 80, 81, -1].map(of), [0, 80, 80, 80, 160, 0]);
    }

    #[test]
    fn the_largest_order_goes_by_leverage() {
        let of = |max_leverage| Instrument { max_leverage, ..crate::coins::coin("X", 2) };
        let rows = [(40, 30_000_000), (25, 30_000_000), (24, 5_000_000), (20, 5_000_000)];
        for (leverage, usd) in
            rows.into_iter().chain([(19, 2_000_000), (10, 2_000_000), (9, 500_000), (0, 500_000)])
        {
            assert_eq!(largest_order(&of(leverage), true), Usd::whole(usd), "{leverage}");
            assert_eq!(largest_order(&of(leverage), false), Usd::whole(10 * usd), "{leverage}");
        }
        let (px, most) = (Px::whole(50), largest_order(&of(5), false));
        assert_eq!(check_numbers(px, Qty::whole(100_000), most), Ok(()));
        assert_eq!(check_numbers(px, Qty::whole(100_001), most), Err(Refused::InvalidSize));
        assert_eq!(check_numbers(px, MAX_QTY + Qty::whole(1), most), Err(Refused::InvalidSize));
    }
}
