//! What trades show of whoever is filled: how far the mid goes against a maker at the touch.
//!
//! Somebody is filled all the time, whether we quote or not. Of each such fill is known what a decision of ours
//! knew on which an order could have rested there: `x`, what the fair price says in the maker's favour
//! beyond the mid; and a second later `y`, by how much the mid is worse for him than that fair price said:
//!
//! ```text
//! y = α − β·x
//! ```
//!
//! α is what being taken tells by itself. β: a moment in which somebody takes is one in which prices move, so
//! that a fair price that knows something is worth more then than on the average (β > 0); one that knows
//! nothing is worth nothing (β = −1: its y is off by all of x). Both are what least squares say, with
//! [`PRIOR`] samples of what is assumed on top: α as told, β none. They are forgotten with the half-life of
//! the fit. Of takings within a second of each other the first teaches: they share their move.

use crate::types::{Nanos, Px, Side};
use std::collections::VecDeque;

/// How long after a taking the mid is looked at.
const AFTER: Nanos = Nanos::secs(1);
/// So many samples weigh as much as what is assumed.
const PRIOR: f64 = 60.0;
/// Takings that wait for their mid: as many seconds of a feed that stands still.
const MAX_WAITING: usize = 64;
/// No sample counts as further off, bps: a broken number must not decide for hours.
const MAX_OFF_BPS: f64 = 50.0;

/// Somebody was filled.
#[derive(Clone, Copy, Debug)]
struct Taken {
    block: Nanos,
    /// The maker's side.
    side: Side,
    fair: Px,
    /// `x`.
    lean_bps: f64,
}

/// Sums over samples, weighted by age: of 1, x, x², y, x·y.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sums([f64; 5]);

impl Sums {
    fn faded(self, keep: f64) -> Self {
        Self(self.0.map(|sum| sum * keep))
    }

    fn add(&mut self, x: f64, y: f64) {
        let sample = [1.0, x, x * x, y, x * y];
        self.0.iter_mut().zip(sample).for_each(|(sum, of)| *sum += of);
    }

    /// Where so much is assumed of α.
    fn line(&self, assumed: f64) -> Line {
        let [n, x, xx, y, xy] = self.0;
        let all = n + PRIOR;
        let (mean_x, mean_y) = (x / all, (y + PRIOR * assumed) / all);
        let spread = xx - all * mean_x * mean_x;
        // As many samples more that do not depend on x.
        let slope = (xy - all * mean_x * mean_y) / (spread * (1.0 + PRIOR / n));
        let slope = if n > 0.0 && spread > 0.0 && slope.is_finite() { slope } else { 0.0 };
        Line { alpha_bps: mean_y - slope * mean_x, slope }
    }
}

/// What is expected of a maker who is filled, by what the fair price says in his favour.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    alpha_bps: f64,
    slope: f64,
}

impl Line {
    /// By how much the mid is worse for him than a fair price said that leans so far his way, bps; below zero:
    /// better.
    pub fn at(self, lean_bps: f64) -> f64 {
        (self.alpha_bps + self.slope * lean_bps).clamp(-MAX_OFF_BPS, MAX_OFF_BPS)
    }
}

/// See the module. Of one asset.
#[derive(Clone, Debug)]
pub struct Takers {
    sums: Sums,
    /// When they were last changed.
    changed: Nanos,
    waiting: VecDeque<Taken>,
    /// Block of the last one that teaches.
    last: Option<Nanos>,
}

impl Default for Takers {
    fn default() -> Self {
        let waiting = VecDeque::with_capacity(MAX_WAITING);
        Self { sums: Sums::default(), changed: Nanos::ZERO, waiting, last: None }
    }
}

impl Takers {
    /// Somebody took from makers of this side, in a block of this time; `fair` and `lean_bps` (what it says
    /// beyond the mid in their favour) are what an order of ours there would have rested on.
    pub fn on_taken(&mut self, block: Nanos, side: Side, fair: Px, lean_bps: f64) {
        let is_same_move = self.last.is_some_and(|last| block < last + AFTER && block >= last);
        if is_same_move || !lean_bps.is_finite() || self.waiting.len() == MAX_WAITING {
            return;
        }
        self.last = Some(block);
        let lean_bps = lean_bps.clamp(-MAX_OFF_BPS, MAX_OFF_BPS);
        self.waiting.push_back(Taken { block, side, fair, lean_bps });
    }

    /// The feed has come to a block; `mid_before` gives the mid just before a time, where that is known.
    pub fn on_block(
        &mut self,
        now: Nanos,
        passed: Nanos,
        halflife: Nanos,
        mid_before: impl Fn(Nanos) -> Option<Px>,
    ) {
        while let Some(taken) = self.waiting.front().copied().filter(|t| t.block + AFTER <= passed)
        {
            self.waiting.pop_front();
            let Some(mid) = mid_before(taken.block + AFTER) else { continue };
            let off = (taken.fair - mid).to_f64() * taken.side.sign() as f64;
            let off_bps = off / taken.fair.to_f64() * 1e4;
            if off_bps.is_finite() {
                self.sums = self.sums(now, halflife);
                self.sums.add(taken.lean_bps, off_bps.clamp(-MAX_OFF_BPS, MAX_OFF_BPS));
                self.changed = now;
            }
        }
    }

    /// What they show by now, where so much is assumed of α.
    pub fn line(&self, now: Nanos, assumed_bps: f64, halflife: Nanos) -> Line {
        self.sums(now, halflife).line(assumed_bps)
    }

    fn sums(&self, now: Nanos, halflife: Nanos) -> Sums {
        let since = (now - self.changed).max(Nanos::ZERO);
        self.sums.faded((-since.as_secs_f64() / halflife.as_secs_f64()).exp2())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HALFLIFE: Nanos = Nanos::secs(1_800);
    const FAIR: Px = Px::whole(100);

    /// A taking each second, of a maker whose fair price leans so; and what the mid was then.
    fn taught(samples: impl Iterator<Item = (f64, f64)>) -> Takers {
        let mut takers = Takers::default();
        for (second, (lean_bps, off_bps)) in samples.enumerate() {
            let block = Nanos::secs(second as i64);
            let side = if second % 2 == 0 { Side::Bid } else { Side::Ask };
            takers.on_taken(block, side, FAIR, lean_bps);
            let mid = 100.0 - off_bps * 1e-2 * side.sign() as f64;
            let mid = Px::from_raw((mid * 1e8).round() as i64);
            takers.on_block(Nanos::ZERO, block + AFTER, HALFLIFE, |_| Some(mid));
        }
        takers
    }

    fn of(takers: &Takers, lean_bps: f64, assumed_bps: f64) -> f64 {
        takers.line(Nanos::ZERO, assumed_bps, HALFLIFE).at(lean_bps)
    }

    #[test]
    fn a_line_is_found_and_what_is_assumed_is_believed_at_first() {
        assert!((of(&Takers::default(), 3.0, 0.25) - 0.25).abs() < 1e-12);
        // y = 0.2 − 0.5 x, x in −1, 0, 1.
        let line =
            |n: usize| taught((0..n).map(|i| (i % 3) as f64 - 1.0).map(|x| (x, 0.2 - 0.5 * x)));
        let few = line(60);
        // As many as are assumed: half of the way from 0.4, and half of the slope.
        assert!((of(&few, 0.0, 0.4) - 0.3).abs() < 1e-6, "{}", of(&few, 0.0, 0.4));
        assert!((of(&few, 1.0, 0.4) - (0.3 - 0.25)).abs() < 1e-6, "{}", of(&few, 1.0, 0.4));
        let many = line(60_000);
        assert!((of(&many, 1.0, 0.4) + 0.3).abs() < 2e-3, "a gain: {}", of(&many, 1.0, 0.4));
        assert!((of(&many, -2.0, 0.4) - 1.2).abs() < 4e-3);
        // Forgotten: what is assumed again.
        let later = Nanos::secs(100 * 1_800);
        assert!((many.line(later, 0.4, HALFLIFE).at(1.0) - 0.4).abs() < 1e-6);
    }

    /// A fair price that leans at random, while the mid does not care: what it says is taken off again.
    #[test]
    fn of_a_fair_price_that_knows_nothing_nothing_is_believed() {
        let leans = (0..20_000).map(|i| f64::from(i * 7 % 11) - 5.0);
        let takers = taught(leans.map(|x| (x, x + 0.3)));
        for lean in [-4.0, 0.0, 4.0] {
            let left = lean - of(&takers, lean, 0.3);
            assert!((left + 0.3).abs() < 0.05, "{lean}: {left}");
        }
    }

    #[test]
    fn of_one_move_the_first_teaches_and_what_is_not_known_does_not() {
        let mut takers = Takers::default();
        for ms in [0, 400, 999] {
            takers.on_taken(Nanos::millis(ms), Side::Bid, FAIR, 0.0);
        }
        assert_eq!(takers.waiting.len(), 1);
        takers.on_taken(Nanos::secs(1), Side::Ask, FAIR, f64::NAN);
        takers.on_taken(Nanos::secs(1), Side::Ask, FAIR, 0.0);
        assert_eq!(takers.waiting.len(), 2);
        takers.on_block(Nanos::ZERO, Nanos::secs(9), HALFLIFE, |_| None);
        assert_eq!((takers.waiting.len(), takers.sums), (0, Sums::default()));
        // A clock that went back begins anew; a feed that stands still loses what finds no room.
        takers.on_taken(Nanos::ZERO, Side::Bid, FAIR, 0.0);
        (1..200).for_each(|s| takers.on_taken(Nanos::secs(s), Side::Bid, FAIR, 0.0));
        assert_eq!(takers.waiting.len(), MAX_WAITING);
    }

    proptest! {
        /// Whatever takers do, what is expected is a number.
        #[test]
        fn what_is_expected_is_finite(
            samples in proptest::collection::vec((-1e9_f64..1e9, -90.0_f64..90.0), 0..100),
            lean in prop_oneof![-1e9_f64..1e9, Just(0.0)], assumed in 0.0_f64..50.0,
        ) {
            let takers = taught(samples.into_iter());
            let bps = of(&takers, lean, assumed);
            prop_assert!(bps.abs() <= MAX_OFF_BPS, "{}", bps);
        }
    }
}
