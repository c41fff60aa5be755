//! What the moves after our fills say of each side (STRATEGY §7, ToxicityTracker).
//!
//! A fill is *toxic* when the mid then goes against it: down after a buy, up after a sell. Its score is
//! the adverse move over the horizon against the usual range of that time, in [0, 1]. Each side has an
//! average over its fills; without fills the average returns to where it began, so that a side which was
//! pulled is tried again.

use crate::types::params::ToxicityParams;
use crate::types::{Nanos, Px, Side};

/// Where the score begins, and returns to.
const NEUTRAL: f64 = 0.3;
/// The usual range counts as at least this share of the mid.
const MIN_RANGE_FRAC: f64 = 1e-4;

/// One side, now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SideToxicity {
    /// Average score of its fills, [0, 1].
    pub score: f64,
    /// Average adverse move after its fills, basis points of the mid; negative = the fills were good.
    pub adverse_bps: f64,
}

impl Default for SideToxicity {
    fn default() -> Self {
        Self { score: NEUTRAL, adverse_bps: 0.0 }
    }
}

impl SideToxicity {
    /// Multiplier of the side's half spread; [`None`] = the side is pulled.
    pub fn spread_mult(&self) -> Option<f64> {
        match self.score {
            s if s > 0.8 => None,
            s if s > 0.6 => Some(1.5),
            s if s > 0.4 => Some(1.25),
            s if s < 0.2 => Some(0.9),
            _ => Some(1.0),
        }
    }
}

/// See the module. One asset's.
#[derive(Clone, Copy, Debug)]
pub struct Toxicity {
    params: ToxicityParams,
    sides: [SideToxicity; 2],
    /// When each side's averages were last changed.
    changed: [Nanos; 2],
}

impl Toxicity {
    /// Nothing is known of any fill.
    pub fn new(params: &ToxicityParams) -> Self {
        let sides = [SideToxicity::default(); 2];
        Self { params: *params, sides, changed: [Nanos::ZERO; 2] }
    }

    /// Other parameters; what was learned so far stays.
    pub fn set_params(&mut self, params: &ToxicityParams) {
        self.params = *params;
    }

    /// Takes note of a fill's end: the mids when it was filled and a horizon later, and the usual range
    /// over the horizon (USD).
    pub fn on_measured(&mut self, now: Nanos, side: Side, [at_fill, then]: [Px; 2], range: f64) {
        let adverse = (at_fill - then).to_f64() * side.sign() as f64;
        let mid = at_fill.to_f64();
        let range = range.max(MIN_RANGE_FRAC * mid);
        let (score, adverse_bps) = ((adverse / range).clamp(0.0, 1.0), adverse / mid * 1e4);
        if !(score.is_finite() && adverse_bps.is_finite()) {
            return;
        }
        let alpha = self.params.toxicity_alpha;
        let before = self.side(now, side);
        self.sides[side.index()] = SideToxicity {
            score: before.score + alpha * (score - before.score),
            adverse_bps: before.adverse_bps + alpha * (adverse_bps - before.adverse_bps),
        };
        self.changed[side.index()] = now;
    }

    /// One side's averages now.
    pub fn side(&self, now: Nanos, side: Side) -> SideToxicity {
        let since = (now - self.changed[side.index()]).max(Nanos::ZERO);
        let keep = (-since.as_secs_f64() / self.params.toxicity_halflife.as_secs_f64()).exp2();
        let SideToxicity { score, adverse_bps } = self.sides[side.index()];
        SideToxicity { score: NEUTRAL + (score - NEUTRAL) * keep, adverse_bps: adverse_bps * keep }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn toxicity() -> Toxicity {
        Toxicity::new(&ToxicityParams::default())
    }

    /// A buy at a mid of 100, after which the mid falls by so much of the usual range of 1.
    fn bought(t: &mut Toxicity, now: Nanos, fell: &str) {
        let then = Px::whole(100) - Px::parse(fell).unwrap();
        t.on_measured(now, Side::Bid, [Px::whole(100), then], 1.0);
    }

    #[test]
    fn fills_that_go_wrong_widen_and_then_pull_the_side() {
        let mut t = toxicity();
        let now = Nanos::secs(10);
        let mut scores = Vec::new();
        let mut mults = Vec::new();
        for _ in 0..14 {
            bought(&mut t, now, "2");
            scores.push(t.side(now, Side::Bid).score);
            mults.push(t.side(now, Side::Bid).spread_mult());
        }
        // 0.3 + 0.1 * 0.7 = 0.37, and so on: above 0.6 after the sixth, above 0.8 after the twelfth.
        assert!((scores[0] - 0.37).abs() < 1e-12 && (scores[5] - 0.627_991_3).abs() < 1e-7);
        assert_eq!(mults[0], Some(1.0));
        assert_eq!((mults[1], mults[5], mults[10]), (Some(1.25), Some(1.5), Some(1.5)));
        assert_eq!((mults[11], mults[13]), (None, None), "pulled, never a price at the mid");
        assert_eq!(t.side(now, Side::Ask), SideToxicity::default(), "the other side is its own");
        assert!(t.side(now, Side::Bid).adverse_bps > 100.0);
    }

    #[test]
    fn a_pulled_side_opens_again() {
        let mut t = toxicity();
        (0..40).for_each(|_| bought(&mut t, Nanos::ZERO, "2"));
        let mult = |s| t.side(Nanos::secs(s), Side::Bid).spread_mult();
        assert_eq!(mult(0), None);
        // (score - 0.3) halves in 300 s: 0.99 to 0.64 to 0.47 to 0.39.
        assert_eq!((mult(300), mult(600), mult(900)), (Some(1.5), Some(1.25), Some(1.0)));
        assert!(t.side(Nanos::secs(6_000), Side::Bid).adverse_bps < 1e-3);
    }

    #[test]
    fn good_fills_narrow_the_side_and_calm_markets_count_a_basis_point() {
        let mut t = toxicity();
        (0..20).for_each(|_| bought(&mut t, Nanos::ZERO, "-1"));
        assert_eq!(t.side(Nanos::ZERO, Side::Bid).spread_mult(), Some(0.9));
        assert!(t.side(Nanos::ZERO, Side::Bid).adverse_bps < 0.0);
        // No range at all: a fall of half a basis point of 100 is half of the smallest range.
        let mut t = toxicity();
        let then = Px::parse("99.995").unwrap();
        t.on_measured(Nanos::ZERO, Side::Bid, [Px::whole(100), then], 0.0);
        assert!((t.side(Nanos::ZERO, Side::Bid).score - (0.3 + 0.1 * 0.2)).abs() < 1e-9);
        // Sells are the mirror image.
        t.on_measured(Nanos::ZERO, Side::Ask, [Px::whole(100), Px::whole(101)], 1.0);
        assert!((t.side(Nanos::ZERO, Side::Ask).score - 0.37).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn scores_stay_within_bounds(
            moves in proptest::collection::vec(
                (any::<bool>(), 1_i64..1_000, 1_i64..1_000, -1.0_f64..10.0, 0_i64..10_000), 1..100),
        ) {
            let (mut t, mut now) = (toxicity(), Nanos::ZERO);
            for (buy, from, to, range, ms) in moves {
                now = now + Nanos::millis(ms);
                let side = if buy { Side::Bid } else { Side::Ask };
                t.on_measured(now, side, [Px::whole(from), Px::whole(to)], range);
                for side in Side::BOTH {
                    let s = t.side(now, side);
                    prop_assert!((0.0..=1.0).contains(&s.score) && s.adverse_bps.is_finite());
                }
            }
        }
    }
}
