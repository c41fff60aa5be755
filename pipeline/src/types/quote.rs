//! Between the stages: what the book looks like, and what we want to have in it.

use super::fixed::{Nanos, Px, Usd};
use super::level::{AssetId, Level, Side};
use super::limits::QUOTE_LEVELS;
use super::reason::Reason;

/// What a message was computed from. With it, any live decision can be recomputed from a capture,
/// and tick-to-order latency is a subtraction.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Cause {
    /// The newest market event that it knew of.
    pub market_seq: u64,
    /// When that event reached us.
    pub recv_time: Nanos,
    /// Block time of that event.
    pub venue_time: Nanos,
    /// Venue events seen by the quote stage before it decided.
    pub venue_seq: u64,
}

/// Whether a book can be quoted on.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum BookState {
    /// No snapshot yet, or void after a drop or a lost link.
    #[default]
    Void = 0,
    /// Usable.
    Ok = 1,
    /// One side is empty.
    OneSided = 2,
    /// Best bid at or above best ask.
    Crossed = 3,
    /// Two-sided, but one side's best is a far stub: see [`crate::logic::book::Book::state`].
    Wide = 4,
}

/// A price at which a position counts, and when it was news.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Marked {
    /// The price, positive.
    pub px: Px,
    /// When it reached us.
    pub time: Nanos,
}

/// The book of one asset, boiled down for the quoter.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct BookView {
    /// Whose.
    pub asset: AssetId,
    /// Whether it can be quoted on.
    pub state: BookState,
    /// Explicit padding.
    pub _pad: u8,
    /// Of the parameters that it was made with.
    pub generation: u32,
    /// The newest market event that it contains.
    pub market_seq: u64,
    /// Block time of that event.
    pub venue_time: Nanos,
    /// When that event reached us.
    pub recv_time: Nanos,
    /// How old its block was then, by the venue's clock.
    pub delay: Nanos,
    /// Best bid.
    pub bid: Level,
    /// Best ask.
    pub ask: Level,
    /// (best bid + best ask) / 2; [`None`] unless the state is [`BookState::Ok`].
    pub mid: Option<Px>,
    /// Touch prices weighted by the opposite sizes, rounded to 1e-8; [`None`] likewise.
    pub microprice: Option<Px>,
    /// The venue's mark, as far as it told one.
    pub venue_mark: Option<Marked>,
    /// Smoothed book imbalance in [−1e6, 1e6] (millionths).
    pub imbalance_e6: i64,
    /// Volatility over the horizon, in 1e-6 basis points; negative = warming up.
    pub vol_bps_e6: i64,
    /// The slow baseline of the same, likewise.
    pub vol_slow_bps_e6: i64,
    /// How trades arrive by distance.
    pub arrivals: ArrivalFit,
    /// Imbalance of the newest 20 levels and of 5, as they are, millionths; zero where nobody asks for the
    /// fit.
    pub imbalances_e6: [i32; 2],
    /// What takers bought less what they sold in the last second; likewise.
    pub flow: Usd,
    /// Blocks of the newest trades that took from bids, and from asks; zero = none yet.
    pub taken: [Nanos; 2],
}

impl BookView {
    /// The best of a side.
    pub fn side(&self, side: Side) -> &Level {
        match side {
            Side::Bid => &self.bid,
            Side::Ask => &self.ask,
        }
    }
}

/// Trades that reach a distance δ from the mid, a second and side, fitted as A·exp(−k·δ).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ArrivalFit {
    /// A, millionths of a trade a second and side; 0 = not fitted yet.
    pub rate_e6: i64,
    /// k, millionths per basis point.
    pub decay_e6: i64,
    /// Coefficient of determination of the fit of ln λ, millionths.
    pub r2_e6: i64,
    /// Trades in the window, both sides (weighted by age).
    pub trades: i64,
}

/// One wanted order. Zero size = none.
pub type QuoteLevel = Level;

/// What we want to have in the book of one asset: a state, not a command. The newest one is the
/// only one that counts.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct QuoteTarget {
    /// Whose.
    pub asset: AssetId,
    /// Why there is no bid ([`Reason::Quoted`] when there is one).
    pub bid_reason: Reason,
    /// Why there is no ask.
    pub ask_reason: Reason,
    /// Of the parameters that it was made with.
    pub generation: u32,
    /// When it was decided on: by the quote stage, or, when the gate judged it again later, by that
    /// judgement.
    pub time: Nanos,
    /// When the quote stage made it, and the time of its terms.
    pub made: Nanos,
    /// What it was computed from.
    pub cause: Cause,
    /// Mid when decided, the mark for every limit in USD; [`None`] when the market had no sound one:
    /// then nothing is wanted, and limits go by the last.
    pub mid: Option<Px>,
    /// The venue's mark when decided.
    pub venue_mark: Option<Marked>,
    /// Fair price when decided; zero without a mid.
    pub fair: Px,
    /// Best bid when decided.
    pub best_bid: Px,
    /// Best ask when decided.
    pub best_ask: Px,
    /// Volatility when decided, in 1e-6 basis points; negative = warming up.
    pub vol_bps_e6: i64,
    /// Its slow baseline, likewise.
    pub vol_slow_bps_e6: i64,
    /// Bids, nearest first.
    pub bids: [QuoteLevel; QUOTE_LEVELS],
    /// Asks, nearest first.
    pub asks: [QuoteLevel; QUOTE_LEVELS],
    /// Of each side, if it is one of evenly spaced orders of one size: how many there are. Its levels are then
    /// the nearest and the farthest of them. Zero = its levels are what is wanted.
    pub rungs: [u8; 2],
    /// It was decided on as soon as the market event of its cause was there: nothing held it up on purpose.
    pub is_prompt: bool,
    /// Explicit padding.
    pub _pad: [u8; 5],
    /// Worst-case exposure this asset may reach on either side, set by the gate.
    pub max_exposure_usd: Usd,
    /// The same for all assets together, set by the gate.
    pub max_total_exposure_usd: Usd,
}

impl QuoteTarget {
    /// The wanted orders of a side, nearest first; zero size = none.
    pub fn side(&self, side: Side) -> &[QuoteLevel; QUOTE_LEVELS] {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }
    /// The same, to change.
    pub fn side_mut(&mut self, side: Side) -> &mut [QuoteLevel; QUOTE_LEVELS] {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }
    /// Why a side is not quoted.
    pub fn reason(&self, side: Side) -> Reason {
        match side {
            Side::Bid => self.bid_reason,
            Side::Ask => self.ask_reason,
        }
    }
    /// Wants no order on a side, for a reason.
    pub fn clear(&mut self, side: Side, reason: Reason) {
        assert!(reason != Reason::Quoted, "an empty side needs a reason");
        *self.side_mut(side) = [QuoteLevel::default(); QUOTE_LEVELS];
        self.rungs[side.index()] = 0;
        self.set_reason(side, reason);
    }
    /// Wants so many orders of one size, from the nearest one on, each `step` further from the touch.
    pub fn set_rungs(&mut self, side: Side, rungs: u8, nearest: QuoteLevel, step: Px) {
        assert!(rungs > 0 && step.is_positive(), "an empty side is cleared, for a reason");
        let away = Px::from_raw(-side.sign() * step.raw() * i64::from(rungs - 1));
        let levels = self.side_mut(side);
        *levels = [QuoteLevel::default(); QUOTE_LEVELS];
        levels[0] = nearest;
        levels[1] = QuoteLevel { px: nearest.px + away, qty: nearest.qty };
        self.rungs[side.index()] = rungs;
        self.set_reason(side, Reason::Quoted);
    }
    /// The evenly spaced orders of a side, nearest first. None where it has levels.
    pub fn rungs(&self, side: Side) -> impl Iterator<Item = QuoteLevel> + use<> {
        let ([nearest, farthest, ..], rungs) = (*self.side(side), self.rungs[side.index()]);
        let step = (farthest.px - nearest.px).raw() / i64::from(rungs.max(2) - 1);
        (0..i64::from(rungs))
            .map(move |i| QuoteLevel { px: nearest.px + Px::from_raw(step * i), qty: nearest.qty })
    }
    /// Wants no more than so many of a side's evenly spaced orders: the nearest ones; at least one.
    pub fn keep_rungs(&mut self, side: Side, most: u8) {
        let kept = self.rungs[side.index()].min(most);
        assert!(kept > 0, "an empty side is cleared, for a reason");
        if let Some(last) = self.rungs(side).nth(usize::from(kept - 1)) {
            self.side_mut(side)[1] = last;
            self.rungs[side.index()] = kept;
        }
    }
    /// Sets the reason of a side.
    pub fn set_reason(&mut self, side: Side, reason: Reason) {
        match side {
            Side::Bid => self.bid_reason = reason,
            Side::Ask => self.ask_reason = reason,
        }
    }
}

const _: () = assert!(size_of::<Cause>() == 32);
const _: () = assert!(size_of::<ArrivalFit>() == 32);
const _: () = assert!(size_of::<BookView>() == 216);
const _: () = assert!(size_of::<QuoteTarget>() == 160 + 2 * QUOTE_LEVELS * 16);
