//! How a quote came about: every term of its prices, so that their sum is the price. For the side
//! thread (journal, `explain`) and nothing else.

use super::fit::FEATURES;
use super::fixed::{Nanos, Px, Qty, Usd};
use super::level::{AssetId, Level, Side};
use super::params::{FairPrice, QuoteModel, Strategy};
use super::quote::ArrivalFit;

/// What is added to the fair price for the nearest order of a side, in this order.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// Half spread that the model wants without risk.
    Base = 0,
    /// What volatility or risk adds to it.
    Risk = 1,
    /// What keeps the spread between `min_spread_bps` and `max_spread_bps`.
    Bound = 2,
    /// Volatility regime.
    Regime = 3,
    /// Volatility breaker.
    Emergency = 4,
    /// Latency beyond its budget.
    Latency = 5,
    /// Fill-rate controller.
    FillRate = 6,
    /// Toxicity of the side's fills.
    Toxicity = 7,
    /// Inventory decay.
    Decay = 8,
    /// Fee floor.
    Floor = 9,
    /// Lean against the position.
    Skew = 10,
    /// Lean with the direction signal.
    Signal = 11,
    /// Lean with the book imbalance.
    Imbalance = 12,
    /// Out to where the expected edge holds.
    Edge = 13,
    /// To the venue's grid, bids down and asks up; and what the parts lost as whole 1e-8 USD.
    Rounding = 14,
    /// Where it stands against the touch.
    Touch = 15,
    /// Kept a tick behind the opposite touch.
    PostOnly = 16,
    /// Kept a tick from our own other side.
    Apart = 17,
}

/// How many terms there are.
pub const TERMS: usize = 18;

impl Term {
    /// All, in order.
    pub const ALL: [Self; TERMS] = [
        Self::Base,
        Self::Risk,
        Self::Bound,
        Self::Regime,
        Self::Emergency,
        Self::Latency,
        Self::FillRate,
        Self::Toxicity,
        Self::Decay,
        Self::Floor,
        Self::Skew,
        Self::Signal,
        Self::Imbalance,
        Self::Edge,
        Self::Rounding,
        Self::Touch,
        Self::PostOnly,
        Self::Apart,
    ];

    /// The key used in journals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Risk => "risk",
            Self::Bound => "bound",
            Self::Regime => "regime",
            Self::Emergency => "emergency",
            Self::Latency => "latency",
            Self::FillRate => "fill_rate",
            Self::Toxicity => "toxicity",
            Self::Decay => "decay",
            Self::Floor => "floor",
            Self::Skew => "skew",
            Self::Signal => "signal",
            Self::Imbalance => "imbalance",
            Self::Edge => "edge",
            Self::Rounding => "rounding",
            Self::Touch => "touch",
            Self::PostOnly => "post_only",
            Self::Apart => "apart",
        }
    }
}

/// The terms of a side's nearest price, signed: fair + their sum = the price.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SideTerms(pub [Px; TERMS]);

impl SideTerms {
    /// One of them.
    pub fn get(&self, term: Term) -> Px {
        self.0[term as usize]
    }
    /// One of them, to set.
    pub fn set(&mut self, term: Term, px: Px) {
        self.0[term as usize] = px;
    }
    /// All together.
    pub fn sum(&self) -> Px {
        self.0.iter().copied().sum()
    }
}

/// Regime of the volatility (STRATEGY §6).
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Regime {
    /// As usual, or not known yet.
    #[default]
    Normal = 0,
    /// Calmer than usual.
    Low = 1,
    /// Wilder than usual.
    High = 2,
}

impl Regime {
    /// All, in order of their codes.
    pub const ALL: [Self; 3] = [Self::Normal, Self::Low, Self::High];
    /// The word used on the screen and in journals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Low => "low",
            Self::High => "high",
        }
    }
}

/// The market at a decision, as far as the terms of a quote do not have it: what a fill predictor is asked with
/// (`logic::fill_model`), and what it learns from. In whole numbers, so that a journal has the very same.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Moment {
    /// Best bid.
    pub bid: Level,
    /// Best ask.
    pub ask: Level,
    /// Half way between; zero = there was no sound one.
    pub mid: Px,
    /// Weighted by the opposite sizes.
    pub microprice: Px,
    /// The slow baseline of the volatility, basis points; negative = warming up.
    pub vol_slow_bps_e6: i64,
    /// Trades a second, both sides.
    pub trades_per_s_e6: i64,
    /// How old the newest message was when it came, by the venue's clock.
    pub delay: Nanos,
    /// How long ago that was.
    pub age: Nanos,
}

/// What a decision rests on beside the book, in whole numbers (millionths where it says `_e6`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct QuoteTerms {
    /// Whose.
    pub asset: AssetId,
    /// Which formula.
    pub model: QuoteModel,
    /// What was done on top of it.
    pub strategy: Strategy,
    /// Volatility regime.
    pub regime: Regime,
    /// Direction signal: −1, 0, +1.
    pub signal: i8,
    /// What is taken for the fair price.
    pub fair_price: FairPrice,
    /// Features of the fit that are missing, a bit each.
    pub missing: u8,
    /// When it was decided.
    pub time: Nanos,
    /// Mid of the touch; zero = there is no sound one.
    pub mid: Px,
    /// Of a fitted fair price, what each feature adds to the mid: together they are the fair price.
    pub fit: [Px; FEATURES],
    /// What the fit predicts, basis points, whether the fair price is the fitted one or not.
    pub fit_bps_e6: i64,
    /// What moves differ from that by, basis points; zero = not known.
    pub residual_bps_e6: i64,
    /// How much of the moves it predicted (prequential R²).
    pub fit_r2_e6: i64,
    /// Moves that it learned from.
    pub fit_samples: i64,
    /// What the terms are added to.
    pub fair: Px,
    /// Terms of the bid and of the ask; all zero when the side is not quoted.
    pub sides: [SideTerms; 2],
    /// Our position.
    pub position: Qty,
    /// The same as a share of its limit.
    pub share_e6: i64,
    /// Volatility over the horizon, basis points.
    pub vol_bps_e6: i64,
    /// Average true range, USD.
    pub atr: Px,
    /// Direction score, [−1, 1].
    pub score_e6: i64,
    /// Book imbalance, [−1, 1].
    pub imbalance_e6: i64,
    /// How trades arrive.
    pub arrivals: ArrivalFit,
    /// Multipliers of the spread: regime, volatility breaker, fill rate, latency beyond its budget.
    pub spread_mults_e6: [i64; 4],
    /// Multipliers of the bid's and the ask's half spread by toxicity.
    pub toxicity_mults_e6: [i64; 2],
    /// Expected edge of the bid's and the ask's nearest price, basis points of fair.
    pub edges_e6: [i64; 2],
    /// What it counts as the adverse move after a fill at the touch, basis points.
    pub adverse_e6: [i64; 2],
    /// Median delay of the feed over ten seconds; zero = not known.
    pub feed_delay: Nanos,
    /// How far the inventory decay has gone, [0, 1].
    pub decay_e6: i64,
    /// Fee floor of the total spread, basis points.
    pub floor_bps_e6: i64,
    /// Distance between two levels.
    pub spacing: Px,
    /// Value wanted a side, over all levels, before the gate.
    pub size_usd: Usd,
    /// What made it larger or smaller: each factor less one (`logic::sizer`, in the order of its names).
    pub size_changes_e6: [i64; 6],
    /// The market.
    pub moment: Moment,
}

impl QuoteTerms {
    /// The terms of a side.
    pub fn side(&self, side: Side) -> &SideTerms {
        &self.sides[side.index()]
    }
}

const _: () = assert!(Term::ALL.len() == TERMS && Term::Apart as usize == TERMS - 1);
const _: () = assert!(size_of::<QuoteTerms>() == 8 + 8 * (34 + FEATURES + 2 * TERMS) + 32 + 80);
