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
//! *a* is what a fill at the touch itself tells of the next second. The market's fills say (`takers`): somebody
//! is filled at the touch all the time, whether we quote or not, so that a side that is not quoted does not stay so
//! for want of fills. It is a line in what fair says beyond the mid in the side's favour; to begin with a
//! constant, the lesser of two: what makers who compete for the touch are content with, half of the market's spread
//! (Glosten and Milgrom 1985: the touch is where a fill earns nothing more); and what it could be at most, were
//! whoever takes always right on the direction: the mean size of what the fair price does not know, of a normal
//! residual σ·√(2/π), σ being that of the fitted fair price, or the volatility of a second where there is none.
//!
//! By how much our own fills are worse than that comes on top, so that it holds our own slowness and place in
//! the queue, too: of each the edge that was expected of it by the last decision that wanted it, less what its
//! markout after a second came to. Their mean over both sides is shrunk towards nothing, which counts as
//! [`PRIOR_FILLS`] fills, and is forgotten with the half-life of the fit. Fills within a second of each other
//! have their markouts from one move: the first of them teaches.

mod takers;

use self::takers::Takers;
use super::markouts::HORIZONS;
use crate::types::{Nanos, Px, Side};

/// Mean size of a standard normal variable, √(2/π).
const MEAN_SIZE: f64 = 0.797_884_560_802_865_4;
/// So many fills weigh as much as that ours are no worse than the market's: a single one is off by a basis point
/// of chance, and we are slower by some fifth of one; it takes thirty to tell that.
const PRIOR_FILLS: f64 = 30.0;
/// Fills that wait for their markout.
const MAX_WAITING: usize = 64;
/// Decisions that are remembered: some seconds of them, within which the venue tells of a fill.
const MAX_KNOWN: usize = 64;
/// No trade is so much newer than the book that is known.
const MAX_AHEAD: Nanos = Nanos::secs(1);
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
pub struct Known {
    /// When it was made, by the venue's clock; zero = never.
    pub at: Nanos,
    /// Around which price; zero = there was none.
    pub fair: Px,
    /// What that says beyond the mid, bps.
    pub lean_bps: f64,
    /// Best bid and ask.
    pub touch: [Px; 2],
    /// What the market's fills said of a side's, [`AdverseMoves::of_market`].
    pub market_bps: [f64; 2],
    /// Whether it wanted orders of the side.
    pub wanted: [bool; 2],
}

/// What fills of an asset showed.
#[derive(Clone, Debug)]
pub struct AdverseMoves {
    takers: Takers,
    /// Blocks of the newest takings from bids, and from asks.
    taken: [Nanos; 2],
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
            takers: Takers::default(),
            taken: [Nanos::ZERO; 2],
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
    /// We decided.
    pub fn on_decision(&mut self, known: Known) {
        self.newest = (self.newest + 1) % MAX_KNOWN;
        self.known[self.newest] = known;
    }

    /// The newest decision first.
    fn back(&self) -> impl Iterator<Item = &Known> {
        let all = (0..MAX_KNOWN).map(|i| &self.known[(self.newest + MAX_KNOWN - i) % MAX_KNOWN]);
        all.take_while(|k| k.at > Nanos::ZERO)
    }

    /// The feed has come to a block. `taken`: blocks of the newest takings from bids, and from asks. An order needs `latency` to arrive there.
    pub fn on_block(
        &mut self,
        (now, passed): (Nanos, Nanos),
        taken: [Nanos; 2],
        latency: Nanos,
        halflife: Nanos,
        mid_before: impl Fn(Nanos) -> Option<Px>,
    ) {
        for side in Side::BOTH {
            let block = taken[side.index()];
            let before = core::mem::replace(&mut self.taken[side.index()], block);
            // Trades may come before the book of their block, but not by so much.
            if block <= before || block > passed + MAX_AHEAD {
                continue;
            }
            let known = self.back().find(|k| k.at + latency <= block);
            if let Some(Known { fair, lean_bps, .. }) =
                known.copied().filter(|k| k.fair.is_positive())
            {
                self.takers.on_taken(block, side, fair, lean_bps * side.sign() as f64);
            }
        }
        self.takers.on_block(now, passed, halflife, mid_before);
    }

    /// We were filled at `px` in a block of this time. What was expected is what the last decision before
    /// it knew that wanted the side: one after it may have seen the move that filled us. Where there is none,
    /// or more fills wait than there is room for, a fill teaches nothing.
    pub fn on_fill(&mut self, block: Nanos, tid: u64, side: Side, px: Px) {
        let known = self.back().find(|k| k.at < block && k.wanted[side.index()]);
        let Some(known) = known.copied() else { return };
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
        let expected_bps = away / fair.to_f64() * 1e4 - known.market_bps[side.index()];
        self.waiting[self.next] = (tid, expected_bps);
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

    /// What the market's fills say of one of ours at the touch, bps, bids and asks, around a fair price that leans so
    /// far from the mid. `sigma_bps`: what fair does not know of the next second; `touch_bps`: half of the
    /// market's spread.
    pub fn of_market(
        &self,
        now: Nanos,
        lean_bps: f64,
        (sigma_bps, touch_bps): (f64, f64),
        halflife: Nanos,
    ) -> [f64; 2] {
        let assumed = (MEAN_SIZE * sigma_bps).min(touch_bps);
        let line = self.takers.line(now, assumed, halflife);
        Side::BOTH.map(|side| line.at(lean_bps * side.sign() as f64))
    }

    /// E[adverse move | fill at the touch], bps, where the market's fills say so much: by how much ours were
    /// worse comes on top. Never negative: that fills are good is no reason to pay for them.
    pub fn expected_bps(&self, now: Nanos, market_bps: [f64; 2], halflife: Nanos) -> [f64; 2] {
        let (fills, sum) = self.sums(now, halflife);
        let own_bps = sum / (PRIOR_FILLS + fills);
        market_bps.map(|bps| (bps + own_bps).max(0.0))
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

    fn known(at: Nanos, fair: &str, touch: [&str; 2], wanted: [bool; 2]) -> Known {
        Known { at, fair: px(fair), touch: touch.map(px), wanted, ..Known::default() }
    }

    /// A fill, before which was decided around this fair and on this touch of both sides, where the market's fills
    /// were half a basis point worse. Each a second after the one before.
    fn filled(moves: &mut AdverseMoves, tid: u64, side: Side, at: &str, [fair, touch]: [&str; 2]) {
        let block = BLOCK + Nanos::secs(tid as i64);
        let decided = known(block - Nanos(1), fair, [touch; 2], [true; 2]);
        moves.on_decision(Known { market_bps: [0.5; 2], ..decided });
        moves.on_fill(block, tid, side, px(at));
    }

    #[test]
    fn of_a_burst_the_first_fill_teaches() {
        let mut moves = AdverseMoves::default();
        moves.on_decision(known(BLOCK - Nanos(1), "100.01", ["100"; 2], [true; 2]));
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
    fn without_any_fill_the_markets_spread_or_the_residual_is_assumed() {
        let of =
            |sigma, touch| AdverseMoves::default().of_market(BLOCK, 7.0, (sigma, touch), HALFLIFE);
        let close = |got: [f64; 2], bps: f64| got.iter().all(|at| (at - bps).abs() < 1e-8);
        assert!(close(of(1.0, 5.0), 0.797_884_56), "{:?}", of(1.0, 5.0));
        assert!(close(of(1.0, 0.25), 0.25), "what competing makers are content with");
    }

    #[test]
    fn by_how_much_our_fills_are_worse_comes_on_top() {
        let (mut moves, now) = (AdverseMoves::default(), Nanos::secs(10));
        let is = |m: &AdverseMoves, at, bids: f64| {
            let [bid, ask] = m.expected_bps(at, [0.5, 0.25], HALFLIFE);
            assert!((bid - bids).abs() < 1e-3 && (bid - ask - 0.25).abs() < 1e-9, "{bid}, {ask}");
        };
        is(&moves, now, 0.5);
        // Bought a touch of 100 at a fair of 100.01, and the market's fills are half a bp worse: half a bp was
        // expected. The mid is at 99.99 then: 1.5 bps worse.
        for tid in 1..=25 {
            filled(&mut moves, tid, Side::Bid, "100", ["100.01", "100"]);
            moves.on_markout(now, (tid, Side::Bid, px("100")), px("99.99"), HALFLIFE);
        }
        is(&moves, now, 0.5 + 1.5 * 25.0 / 55.0);
        // Half of them are forgotten, then all.
        is(&moves, now + HALFLIFE, 0.5 + 1.5 * 12.5 / 42.5);
        is(&moves, now + Nanos::secs(30_000), 0.5);
        // Better ones take away, and never more than there is.
        for tid in 26..=200 {
            filled(&mut moves, tid, Side::Ask, "100.02", ["100.01", "100.02"]);
            moves.on_markout(now, (tid, Side::Ask, px("100.02")), px("99.99"), HALFLIFE);
        }
        let expected = moves.expected_bps(now, [0.5, 0.25], HALFLIFE);
        assert!(expected.iter().all(|bps| bps.abs() < 1e-12), "{expected:?}");
    }

    /// A price behind the touch is judged as one at the touch, when it is placed and when it is filled.
    #[test]
    fn a_fill_behind_the_touch_is_no_surprise_of_the_touch() {
        let (mut moves, now) = (AdverseMoves::default(), Nanos::ZERO);
        filled(&mut moves, 1, Side::Ask, "100.05", ["100", "100.01"]);
        // Sold at 100.05, and the mid is 100.045 then: half a bp earned, as was expected of the touch.
        moves.on_markout(now, (1, Side::Ask, px("100.05")), px("100.045"), HALFLIFE);
        let [bids, _] = moves.expected_bps(now, [0.0; 2], HALFLIFE);
        assert!(bids < 1e-3, "{bids}");
        // Told again, or never filled: nothing.
        let before = moves.sums;
        moves.on_markout(now, (1, Side::Ask, px("100.05")), px("90"), HALFLIFE);
        moves.on_markout(now, (7, Side::Ask, px("100.05")), px("90"), HALFLIFE);
        assert_eq!(moves.sums, before);
    }

    /// Takers teach by what a decision knew whose orders could have been there.
    #[test]
    fn what_takers_do_is_judged_by_orders_that_could_have_arrived() {
        let mut moves = AdverseMoves::default();
        let latency = Nanos::millis(50);
        let decided = |ms: i64, fair| known(Nanos::millis(ms), fair, ["100"; 2], [false; 2]);
        moves.on_decision(decided(4_900, "100.00"));
        moves.on_decision(decided(4_951, "100.05"));
        let to = |moves: &mut AdverseMoves, passed_ms: i64, taken: Nanos| {
            let times = (Nanos::ZERO, Nanos::millis(passed_ms));
            moves.on_block(times, [taken, Nanos::ZERO], latency, HALFLIFE, |_| Some(px("99.99")));
        };
        to(&mut moves, 5_000, BLOCK);
        to(&mut moves, 5_999, BLOCK);
        let at = |moves: &AdverseMoves| moves.of_market(Nanos::ZERO, 0.0, (0.0, 0.0), HALFLIFE)[0];
        assert!(at(&moves).abs() < 1e-12, "its second is not over");
        to(&mut moves, 6_000, BLOCK);
        assert!((at(&moves) - 1.0 / 61.0).abs() < 1e-3, "by 100: a bp, {}", at(&moves));
        to(&mut moves, 9_000, BLOCK);
        assert!((at(&moves) - 1.0 / 61.0).abs() < 1e-3, "once");
        let mut nothing = AdverseMoves::default();
        to(&mut nothing, 5_000, BLOCK);
        to(&mut nothing, 9_000, BLOCK);
        assert!(at(&nothing).abs() < 1e-12, "nothing was decided before");
    }

    /// What was known when it was filled, and not what was decided when we heard of it.
    #[test]
    fn a_fill_is_judged_by_the_decision_before_it() {
        let mut moves = AdverseMoves::default();
        moves.on_fill(BLOCK, 1, Side::Bid, px("100"));
        assert!(moves.waiting.iter().all(|(_, bps)| bps.is_nan()), "nothing was decided before");
        let touch = ["100", "100.04"];
        moves.on_decision(known(BLOCK - Nanos(3), "100.02", touch, [true, false]));
        moves.on_decision(known(BLOCK - Nanos(2), "99.99", touch, [false, true]));
        moves.on_decision(known(BLOCK, "99.90", ["99.89", "99.91"], [true; 2]));
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
                let at_now = now + Nanos(1);
                let touch = [at; 2];
                moves.on_decision(Known {
                    at: at_now, fair, touch, wanted: [true; 2], ..Known::default()
                });
                moves.on_fill(now + Nanos(2), tid as u64, side, at);
                moves.on_markout(now, (tid as u64, side, at), mid, HALFLIFE);
                let bps = moves.expected_bps(now, [1.0, 0.0], HALFLIFE);
                let most = 1.0 + MAX_SURPRISE_BPS;
                prop_assert!(bps.iter().all(|bps| (0.0..=most).contains(bps)), "{:?}", bps);
            }
        }
    }
}
