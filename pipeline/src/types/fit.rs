//! What a fitted fair price is made of (STRATEGY §3b), what it says now, and what is kept of it.

use super::fixed::Nanos;
use super::instrument::Coin;
use super::params::LEADER_NAMES;
use serde::{Deserialize, Serialize};

/// Coins whose last second may count beside our own.
pub const LEADERS: usize = 2;
/// How many features there are.
pub const FEATURES: usize = 8;

/// What the next second is told from.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Imbalance of the newest 20 levels, [−1, 1].
    Book20 = 0,
    /// Imbalance of 5 levels, [−1, 1].
    Book5 = 1,
    /// Imbalance of the touch, [−1, 1].
    Touch = 2,
    /// Microprice − mid, basis points, at most half of a usual touch.
    Micro = 3,
    /// Own move of the last second, basis points.
    Own = 4,
    /// The first leader's, likewise.
    Leader1 = 5,
    /// The second leader's, likewise.
    Leader2 = 6,
    /// What takers bought less what they sold in the last second: the square root of its USD, signed.
    Flow = 7,
}

impl Feature {
    /// All, in order.
    pub const ALL: [Self; FEATURES] = [
        Self::Book20,
        Self::Book5,
        Self::Touch,
        Self::Micro,
        Self::Own,
        Self::Leader1,
        Self::Leader2,
        Self::Flow,
    ];

    /// The key used in journals and on the screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Book20 => "book20",
            Self::Book5 => "book5",
            Self::Touch => "touch",
            Self::Micro => "micro",
            Self::Own => "own",
            Self::Leader1 => "leader1",
            Self::Leader2 => "leader2",
            Self::Flow => "flow",
        }
    }

    /// What it is, for a person.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Book20 => "imbalance of 20 levels",
            Self::Book5 => "imbalance of 5 levels",
            Self::Touch => "imbalance of the touch",
            Self::Micro => "microprice",
            Self::Own => "own last second",
            Self::Leader1 => "first leader's last second",
            Self::Leader2 => "second leader's last second",
            Self::Flow => "flow of the last second",
        }
    }
}

/// What the fit says of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Fitted {
    /// Where the mid will be a horizon after our order would arrive, less the mid now: basis points,
    /// signed. Zero while the weights count as nothing.
    pub fair_bps: f64,
    /// Each feature's part of it; they add up to it.
    pub terms_bps: [f64; FEATURES],
    /// What the move then differs from `fair_bps` by, root mean square, basis points; zero = not known
    /// yet.
    pub residual_bps: f64,
    /// Share of the moves' squares that was predicted (before they were learned from), ≤ 1, against
    /// "no change"; ≤ 0 = nothing was.
    pub r2: f64,
    /// Moves learned from.
    pub samples: u32,
    /// Features that are missing now, a bit each: they count as zero.
    pub missing: u8,
}

/// Squares of moves (bps²), and of what was left of them by those who predicted.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct FitScore {
    /// How many moves, or their weight.
    pub moves: f64,
    /// Of "no change": of the moves themselves.
    pub still: f64,
    /// Of the fit.
    pub fitted: f64,
    /// Of the microprice.
    pub micro: f64,
}

impl FitScore {
    /// A move, what was predicted of it, and what the microprice said, basis points.
    pub fn add(&mut self, moved: f64, fitted: f64, micro: f64) {
        self.moves += 1.0;
        self.still += moved * moved;
        self.fitted += (moved - fitted) * (moved - fitted);
        self.micro += (moved - micro) * (moved - micro);
    }
    /// All of it counts less from here on.
    pub fn forget(&mut self, keep: f64) {
        let all = [&mut self.moves, &mut self.still, &mut self.fitted, &mut self.micro];
        all.into_iter().for_each(|sum| *sum *= keep);
    }
    /// What came after an earlier score of the same sums.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            moves: self.moves - earlier.moves,
            still: self.still - earlier.still,
            fitted: self.fitted - earlier.fitted,
            micro: self.micro - earlier.micro,
        }
    }
    /// Share of the squares that the fit predicted; 0 where nothing moved.
    pub fn r2(&self) -> f64 {
        share(self.fitted, self.still)
    }
    /// The same of the microprice.
    pub fn micro_r2(&self) -> f64 {
        share(self.micro, self.still)
    }
}

fn share(left: f64, of: f64) -> f64 {
    if of > 0.0 { 1.0 - left / of } else { 0.0 }
}

/// All that a fit has learned: from it one goes on as if nothing had been in between.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct FitState {
    /// The horizon that it learned.
    pub horizon: Nanos,
    /// The leaders that were asked for.
    pub leaders: [Option<Coin>; LEADER_NAMES],
    /// When it last learned, by our clock.
    pub time: Nanos,
    /// Moves learned from.
    pub samples: u32,
    /// Samples that were of no use: a hole in the feed, a step of the clock, a number that is none.
    pub dropped: u32,
    /// Of the samples, by age.
    pub weight: f64,
    /// Means of the features.
    pub means: [f64; FEATURES],
    /// Mean of the moves, basis points.
    pub mean_move: f64,
    /// Weighted sums of products of the features' deviations from their means.
    pub products: [[f64; FEATURES]; FEATURES],
    /// The same of features and moves.
    pub with_move: [f64; FEATURES],
    /// Mean half spread of the touch, basis points.
    pub half_touch_bps: f64,
    /// How long an order takes to arrive, as far as measured.
    pub latency: Nanos,
    /// Scores, by age.
    pub recent: FitScore,
    /// Scores of this run, each move counting the same.
    pub run: FitScore,
    /// Weights now, basis points a standard deviation of a feature.
    pub weights: [f64; FEATURES],
}
