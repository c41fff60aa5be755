//! What a pipeline counted, as plain numbers of one moment: what a report, a screen and a summary are made
//! of. They are taken once from the counters ([`super::metrics`]), which go on.

use crate::logic::markouts::HORIZONS;
use crate::types::{BreakWhy, DayNet, FillCause, FitScore, Nanos, Px, Qty, Reason, RiskState, Usd};
use crate::venue::SigningCounts;

/// What is wrong with the streams of one asset, although the link lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedTrouble {
    /// They fell silent.
    Silent = 1,
    /// The venue refuses them.
    Refused = 2,
}

/// See the module. Money is in USD, counts are since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numbers {
    /// Market events taken in.
    pub events: u64,
    /// Of these, books, touches, trades, changes of the link's state, marks and changes of levels.
    pub events_by_kind: [u64; 6],
    /// Targets that passed the gate.
    pub decisions: u64,
    /// One hash over every decision and every action.
    pub decision_hash: u64,
    /// Items of place actions sent.
    pub orders: u64,
    /// Items of modify actions sent.
    pub modifies: u64,
    /// Items of cancel actions sent.
    pub cancels: u64,
    /// Items refused.
    pub rejects: u64,
    /// Orders that rest or might.
    pub open_orders: u64,
    /// Fills booked.
    pub fills: u64,
    /// Value traded.
    pub volume: Usd,
    /// Fills of a recorded market by the rule that made them, and their value, in the order of
    /// [`FillCause::ALL`].
    pub by_cause: [(u64, Usd); FillCause::COUNT],
    /// How requests were signed, where signatures are made ahead.
    pub signing: SigningCounts,
    /// Profit at the newest marks, before fees and funding.
    pub gross: Usd,
    /// Fees; positive = paid.
    pub fees: Usd,
    /// Funding; positive = paid.
    pub funding: Usd,
    /// Deepest fall of the profit from a peak.
    pub max_drawdown: Usd,
    /// The present UTC day so far; [`None`] = none has begun.
    pub today: Option<DayNet>,
    /// What halts the gate until it is re-armed, when it is halted.
    pub halted: Option<Vec<BreakWhy>>,
    /// By asset, in the universe's order.
    pub assets: Vec<AssetNumbers>,
}

/// Of one asset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssetNumbers {
    /// What may be quoted of it.
    pub state: RiskState,
    /// What is wrong with its streams.
    pub trouble: Option<FeedTrouble>,
    /// Signed size held.
    pub position: Qty,
    /// The newest mark; zero = none yet.
    pub mark: Px,
    /// Profit at the mark, after fees and funding.
    pub net: Usd,
    /// Fees; positive = paid.
    pub fees: Usd,
    /// Funding; positive = paid.
    pub funding: Usd,
    /// Largest worst-case exposure.
    pub max_exposure: Usd,
    /// Items of place and modify actions sent, and their value.
    pub quotes: u64,
    /// See `quotes`.
    pub quoted: Usd,
    /// Fills booked, and their value.
    pub fills: u64,
    /// See `fills`.
    pub volume: Usd,
    /// Levels too far from the touch to be kept, of a book that is told level by level.
    pub levels_lost: u64,
    /// Markouts given up because too many fills waited for one.
    pub markouts_missed: u64,
    /// How well its fitted fair price predicted in this run.
    pub fit: FitScore,
    /// By side of the fill, in the order of [`crate::types::Side::BOTH`].
    pub sides: [SideNumbers; 2],
    /// Time in each state, by side.
    pub reasons: [[Nanos; Reason::COUNT]; 2],
}

/// The fills of one side of one asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SideNumbers {
    /// Those whose mid is known.
    pub fills: u64,
    /// Spread captured by them.
    pub captured: Usd,
    /// Those measured, by horizon.
    pub measured: [MeasuredFills; HORIZONS.len()],
}

/// Fills measured at one horizon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeasuredFills {
    /// How many.
    pub fills: u64,
    /// Their value.
    pub value: Usd,
    /// What they were worth at the mid of the horizon against their prices, before fees.
    pub markout: Usd,
    /// What of it the market did after the fills; usually negative.
    pub adverse: Usd,
}

impl Numbers {
    /// Profit at the newest marks, after fees and funding.
    pub fn net(&self) -> Usd {
        self.gross - self.fees - self.funding
    }
}

impl AssetNumbers {
    /// Spread captured by the fills of both sides.
    pub fn captured(&self) -> Usd {
        self.sides.iter().map(|side| side.captured).sum()
    }

    /// Profit at the mark, before fees and funding.
    pub fn gross(&self) -> Usd {
        self.net + self.fees + self.funding
    }
}
