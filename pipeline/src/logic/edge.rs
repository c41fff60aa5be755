//! What a fill of a side is expected to earn, and what is learned of it from our own fills.
//!
//! ```text
//! edge = distance of the price from fair − fee − E[adverse move | fill]
//! E[adverse move | fill] = gap + a
//! ```
//!
//! *The gap.* A price behind the touch is filled only once the market has come to it: by then it has
//! moved against us by at least what lies between touch and price, and fair with it. So no price earns
//! more than one at the touch would, and to stand further back is no remedy for a fair price that is on
//! the wrong side of it: such a side has no edge.
//!
//! *a* is what a fill at the touch itself tells of the next second. To begin with, the lesser of two: what
//! makers who compete for it are content with, half of the market's spread (Glosten and Milgrom 1985: the
//! touch is where a fill earns nothing more); and what it could be at most, were whoever takes always right
//! on the direction: the mean size of what the fair price does not know, of a normal residual σ·√(2/π), σ
//! being that of the fitted fair price, or the volatility of a second where there is none. Our own fills
//! say better: of each the edge that was expected of it without `a` by the last decision that wanted it,
//! less what its markout after a second came to; so that it holds our own slowness, too. Their mean over both
//! sides is shrunk towards the assumption, which counts as [`PRIOR_FILLS`] fills, and is forgotten with
//! the half-life of the fit. Fills within a second of each other have their markouts from one move: the
//! first of them teaches.

use super::markouts::HORIZONS;
use crate::types::{Nanos, Px, Side};

/// Mean size of a standard normal variable, √(2/π).
const MEAN_SIZE: f64 = 0.797_884_560_802_865_4;
/// So many fills weigh as much as what is assumed.
const PRIOR_FILLS: f64 = 10.0;
/// Fills that wait for their markout.
const MAX_WAITING: usize = 64;
/// Decisions that are remembered: some seconds of them, within which the venue tells of a fill.
const MAX_KNOWN: usize = 64;
/// No fill counts as further from what was expected, bps: a broken number must not decide for hours.
const MAX_SURPRISE_BPS: f64 = 50.0;

/// One side's edge as a function of its price's distance from fair; all in basis points of fair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SideEdge {
    /// From fair to the touch, outwards; negative = fair is beyond it.
    pub touch_bps: f64,
    /// Fee, and the adverse move after a fill at the touch.
    pub cost_bps: f64,
}

impl SideEdge {
    /// Of a price so far from fair.
    pub fn at(&self, distance_bps: f64) -> f64 {
        distance_bps.min(self.touch_bps) - self.cost_bps
    }

    /// The least distance at which the edge is so large; [`None`] = it is nowhere.
    pub fn least_distance(&self, edge_bps: f64) -> Option<f64> {
        let least = self.cost_bps + edge_bps;
        (least <= self.touch_bps).then_some(least)
    }
}

/// What a decision knew.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// When it was made, by the venue's clock; zero = never.
    at: Nanos,
    fair: Px,
    /// Best bid and ask.
    touch: [Px; 2],
    /// Whether it wanted orders of the side.
    wanted: [bool; 2],
}

/// What fills of an asset showed.
#[derive(Clone, Copy, Debug)]
pub struct AdverseMoves {
    /// Fills, weighted by age, and the sum of what they were worse than expected, bps.
    sums: (f64, f64),
    /// When that was last changed.
    changed: Nanos,
    /// Trade id and expected edge without `a` of those that wait, the newest at `next − 1`.
    waiting: [(u64, f64); MAX_WAITING],
    next: usize,
    /// Block of the last fill that teaches.
    last: Option<Nanos>,
    /// The newest at `newest`.
    known: [Known; MAX_KNOWN],
    newest: usize,
}

impl Default for AdverseMoves {
    fn default() -> Self {
        Self {
            sums: (0.0, 0.0),
            changed: Nanos::ZERO,
            waiting: [(0, f64::NAN); MAX_WAITING],
            next: 0,
            last: None,
            known: [Known::default(); MAX_KNOWN],
            newest: 0,
        }
    }
}

impl AdverseMoves {
    /// We decided, `at` by the venue's clock, around `fair`, on a book with this best bid and ask, to want
    /// orders of these sides.
    pub fn on_decision(&mut self, at: Nanos, fair: Px, touch: [Px; 2], wanted: [bool; 2]) {
        self.newest = (self.newest + 1) % MAX_KNOWN;
        self.known[self.newest] = Known { at, fair, touch, wanted };
    }

    /// We were filled at `px` in a block of this time. What was expected is what the last decision before
    /// it knew that wanted the side: one after it may have seen the move that filled us. Where there is none,
    /// or more fills wait than there is room for, a fill teaches nothing.
    pub fn on_fill(&mut self, block: Nanos, tid: u64, side: Side, px: Px) {
        let back = (0..MAX_KNOWN).map(|i| &self.known[(self.newest + MAX_KNOWN - i) % MAX_KNOWN]);
        let Some(known) = back
            .take_while(|k| k.at > Nanos::ZERO)
            .find(|k| k.at < block && k.wanted[side.index()])
        else {
            return;
        };
        if self.last.is_some_and(|last| block < last + HORIZONS[0]) {
            return;
        }
        self.last = Some(block);
        let (fair, touch) = (known.fair, known.touch[side.index()]);
        let nearer = match side {
            Side::Bid => px.max(touch),
            Side::Ask => px.min(touch),
        };
        let away = (fair - nearer).to_f64() * side.sign() as f64;
        self.waiting[self.next] = (tid, away / fair.to_f64() * 1e4);
        self.next = (self.next + 1) % MAX_WAITING;
    }

    /// A second later the mid was `mid`: what it was worse than expected counts.
    pub fn on_markout(
        &mut self,
        now: Nanos,
        (tid, side, px): (u64, Side, Px),
        mid: Px,
        halflife: Nanos,
    ) {
        let Some(found) = self.waiting.iter_mut().find(|(id, bps)| *id == tid && !bps.is_nan())
        else {
            return;
        };
        let expected_bps = core::mem::replace(&mut found.1, f64::NAN);
        let earned_bps = (mid - px).to_f64() * side.sign() as f64 / px.to_f64() * 1e4;
        let worse_bps = expected_bps - earned_bps;
        if !worse_bps.is_finite() {
            return;
        }
        let (fills, sum) = self.sums(now, halflife);
        let worse_bps = worse_bps.clamp(-MAX_SURPRISE_BPS, MAX_SURPRISE_BPS);
        (self.sums, self.changed) = ((fills + 1.0, sum + worse_bps), now);
    }

    /// E[adverse move | fill at the touch], bps, never negative: that fills are good is no reason to pay
    /// for them. `sigma_bps`: what fair does not know of the next second; `touch_bps`: half of the market's
    /// spread.
    pub fn expected_bps(
        &self,
        now: Nanos,
        (sigma_bps, touch_bps): (f64, f64),
        halflife: Nanos,
    ) -> f64 {
        let (fills, sum) = self.sums(now, halflife);
        let assumed = (MEAN_SIZE * sigma_bps).min(touch_bps);
        ((PRIOR_FILLS * assumed + sum) / (PRIOR_FILLS + fills)).max(0.0)
    }

    fn sums(&self, now: Nanos, halflife: Nanos) -> (f64, f64) {
        let since = (now - self.changed).max(Nanos::ZERO);
        let keep = (-since.as_secs_f64() / halflife.as_secs_f64()).exp2();
        let (fills, sum) = self.sums;
        (fills * keep, sum * keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HALFLIFE: Nanos = Nanos::secs(300);

    fn px(text: &str) -> Px {
        Px::parse(text).unwrap()
    }

    const BLOCK: Nanos = Nanos::millis(5_000);

    /// A fill, before which was decided around this fair and on this touch of both sides. Each a second
    /// after the one before.
    fn filled(moves: &mut AdverseMoves, tid: u64, side: Side, at: &str, [fair, touch]: [&str; 2]) {
        let block = BLOCK + Nanos::secs(tid as i64);
        moves.on_decision(block - Nanos(1), px(fair), [px(touch); 2], [true; 2]);
        moves.on_fill(block, tid, side, px(at));
    }

    #[test]
    fn of_a_burst_the_first_fill_teaches() {
        let mut moves = AdverseMoves::default();
        moves.on_decision(BLOCK - Nanos(1), px("100.01"), [px("100"); 2], [true; 2]);
        for (tid, ms) in [(1, 0), (2, 0), (3, 999), (4, 1_000)] {
            moves.on_fill(BLOCK + Nanos::millis(ms), tid, Side::Bid, px("100"));
        }
        let taught: Vec<_> = moves.waiting.iter().filter(|(_, bps)| !bps.is_nan()).collect();
        assert_eq!(taught.iter().map(|(tid, _)| *tid).collect::<Vec<_>>(), [1, 4]);
    }

    #[test]
    fn an_edge_by_hand() {
        // Fair one basis point above the bid; a fee of 0.4 and 0.1 of adverse moves.
        let edge = SideEdge { touch_bps: 1.0, cost_bps: 0.5 };
        assert_eq!((edge.at(0.2), edge.at(0.75), edge.at(1.0)), (-0.3, 0.25, 0.5));
        assert!((edge.at(20.0) - 0.5).abs() < 1e-12, "behind the touch nothing is gained");
        assert_eq!((edge.least_distance(0.2), edge.least_distance(0.6)), (Some(0.7), None));
        let beyond = SideEdge { touch_bps: -0.3, cost_bps: 0.0 };
        assert_eq!((beyond.at(5.0), beyond.least_distance(0.0)), (-0.3, None));
    }

    #[test]
    fn fills_take_the_place_of_what_is_assumed() {
        let (mut moves, now) = (AdverseMoves::default(), Nanos::secs(10));
        let expected = |m: &AdverseMoves, at| m.expected_bps(at, (1.0, 5.0), HALFLIFE);
        assert!((expected(&moves, now) - 0.797_884_56).abs() < 1e-8);
        let tight = moves.expected_bps(now, (1.0, 0.25), HALFLIFE);
        assert!((tight - 0.25).abs() < 1e-12, "what competing makers are content with");
        // Bought a touch of 100 at a fair of 100.01: 1 bp expected. The mid is at 99.99 then: 2 bps worse.
        for tid in 1..=30 {
            filled(&mut moves, tid, Side::Bid, "100", ["100.01", "100"]);
            moves.on_markout(now, (tid, Side::Bid, px("100")), px("99.99"), HALFLIFE);
        }
        let learned = (10.0 * 0.797_884_56 + 30.0 * 2.0) / 40.0;
        assert!((expected(&moves, now) - learned).abs() < 1e-3, "{}", expected(&moves, now));
        // Half of them are forgotten, then all.
        let half = (10.0 * 0.797_884_56 + 15.0 * 2.0) / 25.0;
        assert!((expected(&moves, now + HALFLIFE) - half).abs() < 1e-3);
        assert!((expected(&moves, now + Nanos::secs(30_000)) - 0.797_884_56).abs() < 1e-6);
    }

    /// A price behind the touch is judged as one at the touch, when it is placed and when it is filled.
    #[test]
    fn a_fill_behind_the_touch_is_no_surprise_of_the_touch() {
        let (mut moves, now) = (AdverseMoves::default(), Nanos::ZERO);
        filled(&mut moves, 1, Side::Ask, "100.05", ["100", "100.01"]);
        // Sold at 100.05, and the mid is 100.04 then: 1 bp earned, as was expected of the touch.
        moves.on_markout(now, (1, Side::Ask, px("100.05")), px("100.04"), HALFLIFE);
        let assumed = moves.expected_bps(now, (0.0, 5.0), HALFLIFE);
        assert!(assumed < 1e-3, "{assumed}");
        // Told again, or never filled: nothing.
        let before = moves.sums;
        moves.on_markout(now, (1, Side::Ask, px("100.05")), px("90"), HALFLIFE);
        moves.on_markout(now, (7, Side::Ask, px("100.05")), px("90"), HALFLIFE);
        assert_eq!(moves.sums, before);
    }

    /// What was known when it was filled, and not what was decided when we heard of it.
    #[test]
    fn a_fill_is_judged_by_the_decision_before_it() {
        let mut moves = AdverseMoves::default();
        moves.on_fill(BLOCK, 1, Side::Bid, px("100"));
        assert!(moves.waiting.iter().all(|(_, bps)| bps.is_nan()), "nothing was decided before");
        let touch = [px("100"), px("100.04")];
        moves.on_decision(BLOCK - Nanos(3), px("100.02"), touch, [true, false]);
        moves.on_decision(BLOCK - Nanos(2), px("99.99"), touch, [false, true]);
        moves.on_decision(BLOCK, px("99.90"), [px("99.89"), px("99.91")], [true; 2]);
        moves.on_fill(BLOCK, 2, Side::Bid, px("100"));
        let (tid, expected_bps) = moves.waiting[0];
        assert!(tid == 2 && (expected_bps - 2.0).abs() < 1e-3, "{expected_bps}");
    }

    #[test]
    fn what_finds_no_room_teaches_nothing() {
        let mut moves = AdverseMoves::default();
        for tid in 0..=MAX_WAITING as u64 {
            filled(&mut moves, tid, Side::Bid, "100", ["100.01", "100"]);
        }
        let told = |moves: &mut AdverseMoves, tid| {
            let before = moves.sums;
            moves.on_markout(Nanos::ZERO, (tid, Side::Bid, px("100")), px("99"), HALFLIFE);
            moves.sums != before
        };
        assert!(!told(&mut moves, 0), "the oldest gave way");
        assert!(told(&mut moves, 1) && told(&mut moves, MAX_WAITING as u64));
    }

    proptest! {
        #[test]
        fn an_edge_never_grows_beyond_the_touch_and_least_is_least(
            touch_bps in -20.0_f64..20.0, cost_bps in -1.0_f64..10.0,
            distance in -30.0_f64..30.0, wanted in 0.0_f64..5.0,
        ) {
            let edge = SideEdge { touch_bps, cost_bps };
            prop_assert!(edge.at(distance) <= edge.at(touch_bps));
            match edge.least_distance(wanted) {
                Some(least) => {
                    prop_assert!(edge.at(least) >= wanted - 1e-9);
                    prop_assert!(edge.at(least - 0.01) < wanted);
                }
                None => prop_assert!(edge.at(distance) < wanted + 1e-9),
            }
        }

        /// Whatever fills say, what is expected is a number, and no gain.
        #[test]
        fn what_is_expected_is_finite(
            fills in proptest::collection::vec(
                (any::<bool>(), 1_i64..1_000, 1_i64..1_000, 1_i64..1_000, 0_i64..100_000), 0..100),
        ) {
            let (mut moves, mut now) = (AdverseMoves::default(), Nanos::ZERO);
            for (tid, (buy, at, fair, mid, ms)) in fills.into_iter().enumerate() {
                now = now + Nanos::millis(ms);
                let side = if buy { Side::Bid } else { Side::Ask };
                let [at, fair, mid] = [at, fair, mid].map(Px::whole);
                moves.on_decision(now + Nanos(1), fair, [at; 2], [true; 2]);
                moves.on_fill(now + Nanos(2), tid as u64, side, at);
                moves.on_markout(now, (tid as u64, side, at), mid, HALFLIFE);
                let bps = moves.expected_bps(now, (1.0, 1.0), HALFLIFE);
                prop_assert!(bps.is_finite() && (0.0..=MAX_SURPRISE_BPS).contains(&bps));
            }
        }
    }
}
