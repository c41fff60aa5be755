//! The visible book of one asset: the last snapshot, overlaid by newer touches; or where its levels are
//! told one by one, all of them.

use super::depth::Depth;
use crate::types::limits::BOOK_LEVELS;
use crate::types::{Bbo, BookSnapshot, BookState, Level, LevelChange, Nanos, Px, Side};

/// Levels of one side, best first.
#[derive(Clone, Copy, Debug)]
struct Ladder {
    levels: [Level; BOOK_LEVELS],
    len: usize,
}

/// Up to 20 levels a side, and where they are told one by one, many. Fixed size; nothing allocates once
/// it is made.
#[derive(Clone, Debug)]
pub struct Book {
    ladders: [Ladder; 2],
    /// Its levels, from the first change of one on until a whole book comes.
    depth: Depth,
    is_deep: bool,
    /// Venue time of the newest event applied.
    venue_time: Nanos,
    valid: bool,
}

impl Default for Book {
    fn default() -> Self {
        let empty = Ladder { levels: [Level::default(); BOOK_LEVELS], len: 0 };
        let depth = Depth::default();
        Self { ladders: [empty; 2], depth, is_deep: false, venue_time: Nanos::ZERO, valid: false }
    }
}

impl Book {
    /// Replaces the whole book. A snapshot older than what we have is ignored (false).
    pub fn apply_snapshot(&mut self, snapshot: &BookSnapshot) -> bool {
        if self.valid && snapshot.venue_time < self.venue_time {
            return false;
        }
        for side in Side::BOTH {
            let levels = snapshot.side(side);
            let ladder = &mut self.ladders[side.index()];
            ladder.levels[..levels.len()].copy_from_slice(levels);
            ladder.len = levels.len();
        }
        self.is_deep = false;
        self.venue_time = snapshot.venue_time;
        self.valid = true;
        true
    }

    /// Takes in the change of a level, in the order in which it came: each of them counts, however old.
    /// Whether a best price or the size there is another.
    #[inline]
    pub fn apply_level(&mut self, change: &LevelChange) -> bool {
        if !self.is_deep {
            self.deepen(change.tick.into());
        }
        let is_touch = self.depth.apply(change).is_touch || !self.valid;
        self.venue_time = self.venue_time.max(change.venue_time);
        self.valid = true;
        is_touch
    }

    /// From now on its levels are told one by one; those that are known stay until then.
    #[cold]
    fn deepen(&mut self, tick: i64) {
        self.depth.clear();
        self.depth.count_in(tick);
        let known = Side::BOTH.iter().flat_map(|side| self.ladders[side.index()].filled());
        known.for_each(|level| self.depth.count_in(level.px.raw()));
        for side in Side::BOTH {
            let levels = self.ladders[side.index()].filled();
            for level in levels {
                self.depth.set(side, level.px, level.qty);
            }
        }
        self.is_deep = true;
    }

    /// Sets the touch: levels better than it are gone, its own size is what it says, and what lies
    /// behind it is kept. A touch older than what we have is ignored (false). Without a snapshot
    /// before it the touch alone is the book.
    pub fn apply_bbo(&mut self, bbo: &Bbo) -> bool {
        if self.valid && bbo.venue_time < self.venue_time {
            return false;
        }
        for (side, best) in [(Side::Bid, bbo.bid), (Side::Ask, bbo.ask)] {
            match self.is_deep {
                false => self.ladders[side.index()].set_best(side, best),
                true => self.depth.set_best(side, best),
            }
        }
        self.venue_time = bbo.venue_time;
        self.valid = true;
        true
    }

    /// Levels too far from the touch to be kept, so far.
    pub fn levels_lost(&self) -> u64 {
        self.depth.lost()
    }

    /// Forgets everything: what we knew may be wrong (events dropped, link lost).
    pub fn void(&mut self) {
        self.ladders.iter_mut().for_each(|ladder| ladder.len = 0);
        self.depth.clear();
        (self.is_deep, self.venue_time, self.valid) = (false, Nanos::ZERO, false);
    }

    /// The visible levels of a side, best first. None where they are told one by one.
    pub fn side(&self, side: Side) -> &[Level] {
        if self.is_deep { &[] } else { self.ladders[side.index()].filled() }
    }

    /// Best level of a side; zero when there is none.
    #[inline]
    pub fn best(&self, side: Side) -> Level {
        match self.is_deep {
            false => self.side(side).first().copied().unwrap_or_default(),
            true => self.depth.best(side),
        }
    }

    /// Whether it can be quoted on, and with it whether its mid is *sound*: the book is two-sided,
    /// uncrossed, and its touch is no wider than twice `large_move_frac`. In a wider one an empty side
    /// shows some far stub, and its mid is off by what would be a large move: like an empty side it has
    /// no price. This is the one rule: whoever needs a price takes the mid of a book in
    /// [`BookState::Ok`], or the last one that was.
    pub fn state(&self, large_move_frac: f64) -> BookState {
        let (bid, ask) = (self.best(Side::Bid), self.best(Side::Ask));
        if !self.valid {
            BookState::Void
        } else if bid.qty.is_zero() || ask.qty.is_zero() {
            BookState::OneSided
        } else if bid.px >= ask.px {
            BookState::Crossed
        } else if ask.px.to_f64() - bid.px.to_f64() > large_move_frac * self.sum_of_touch() {
            BookState::Wide
        } else {
            BookState::Ok
        }
    }

    /// Twice the mid.
    fn sum_of_touch(&self) -> f64 {
        self.best(Side::Bid).px.to_f64() + self.best(Side::Ask).px.to_f64()
    }

    /// (best bid + best ask) / 2; [`None`] when a side is empty. Exact: venue ticks are even on our
    /// grid.
    pub fn mid(&self) -> Option<Px> {
        let [bid, ask] = self.touch()?;
        Some(Px::from_raw(bid.px.raw().midpoint(ask.px.raw())))
    }

    /// (bid · ask_size + ask · bid_size) / (bid_size + ask_size), rounded down to 1e-8; [`None`] when
    /// a side is empty.
    pub fn microprice(&self) -> Option<Px> {
        let [bid, ask] = self.touch()?;
        let (bid_qty, ask_qty) = (i128::from(bid.qty.raw()), i128::from(ask.qty.raw()));
        let weighted = i128::from(bid.px.raw()) * ask_qty + i128::from(ask.px.raw()) * bid_qty;
        Some(Px::from_raw((weighted / (bid_qty + ask_qty)) as i64))
    }

    /// Best bid and ask, when there are both.
    fn touch(&self) -> Option<[Level; 2]> {
        let touch = Side::BOTH.map(|side| self.best(side));
        touch.iter().all(|level| level.qty.is_positive()).then_some(touch)
    }

    /// (ΣB − ΣA) / (ΣB + ΣA) over the top `levels` sizes, in [−1, 1]; an empty side gives ±1, an
    /// empty book [`None`].
    pub fn imbalance(&self, levels: usize) -> Option<f64> {
        // Wider than a size: any size that parses can be in a frame, and none may end us.
        let sum = |side| -> i128 {
            let size = |l: &Level| i128::from(l.qty.raw());
            match self.is_deep {
                false => self.side(side).iter().take(levels).map(size).sum(),
                true => self.depth.levels(side).take(levels).map(|l| size(&l)).sum(),
            }
        };
        let (bids, asks) = (sum(Side::Bid) as f64, sum(Side::Ask) as f64);
        (bids + asks > 0.0).then(|| (bids - asks) / (bids + asks))
    }
}

impl Ladder {
    fn filled(&self) -> &[Level] {
        &self.levels[..self.len]
    }

    fn set_best(&mut self, side: Side, best: Level) {
        if best.qty.is_zero() {
            self.len = 0;
            return;
        }
        let better =
            self.levels[..self.len].iter().take_while(|l| side.is_better(l.px, best.px)).count();
        self.levels.copy_within(better..self.len, 0);
        self.len -= better;
        if self.len == 0 || self.levels[0].px != best.px {
            self.len = (self.len + 1).min(BOOK_LEVELS);
            self.levels.copy_within(0..self.len - 1, 1);
        }
        self.levels[0] = best;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Qty;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// The same rules on sorted maps.
    #[derive(Default)]
    struct Naive {
        sides: [BTreeMap<i64, i64>; 2],
        time: i64,
        valid: bool,
    }

    impl Naive {
        fn stale(&self, time: Nanos) -> bool {
            self.valid && time.0 < self.time
        }
        fn snapshot(&mut self, s: &BookSnapshot) {
            if self.stale(s.venue_time) {
                return;
            }
            for side in Side::BOTH {
                self.sides[side.index()] =
                    s.side(side).iter().map(|l| (l.px.raw(), l.qty.raw())).collect();
            }
            (self.time, self.valid) = (s.venue_time.0, true);
        }
        fn bbo(&mut self, b: &Bbo) {
            if self.stale(b.venue_time) {
                return;
            }
            for (side, best) in [(Side::Bid, b.bid), (Side::Ask, b.ask)] {
                let map = &mut self.sides[side.index()];
                if best.qty.is_zero() {
                    map.clear();
                    continue;
                }
                map.retain(|px, _| !side.is_better(Px::from_raw(*px), best.px));
                map.insert(best.px.raw(), best.qty.raw());
                while map.len() > BOOK_LEVELS {
                    if side == Side::Bid {
                        map.pop_first()
                    } else {
                        map.pop_last()
                    };
                }
            }
            (self.time, self.valid) = (b.venue_time.0, true);
        }
        fn levels(&self, side: Side) -> Vec<(i64, i64)> {
            let map = self.sides[side.index()].iter().map(|(p, q)| (*p, *q));
            if side == Side::Bid { map.rev().collect() } else { map.collect() }
        }
    }

    fn level(px: i64, qty: i64) -> Level {
        Level { px: Px::from_raw(px), qty: Qty::from_raw(qty) }
    }

    fn snapshot(bids: &[(i64, i64)], asks: &[(i64, i64)], time: i64) -> BookSnapshot {
        let mut s = BookSnapshot { venue_time: Nanos(time), ..BookSnapshot::EMPTY };
        for (i, (p, q)) in bids.iter().enumerate() {
            s.bids[i] = level(*p, *q);
        }
        for (i, (p, q)) in asks.iter().enumerate() {
            s.asks[i] = level(*p, *q);
        }
        (s.bid_count, s.ask_count) = (bids.len() as u8, asks.len() as u8);
        s
    }

    #[derive(Clone, Debug)]
    enum Op {
        Snapshot(Vec<i64>, Vec<i64>, i64),
        Bbo(Option<(i64, i64)>, Option<(i64, i64)>, i64),
        Void,
    }

    fn op() -> impl Strategy<Value = Op> {
        let side = || proptest::collection::btree_set(900_i64..1100, 0..=20);
        let best = || proptest::option::of((900_i64..1100, 1_i64..50));
        prop_oneof![
            4 => (side(), side(), -3_i64..6).prop_map(|(b, a, dt)| {
                Op::Snapshot(b.into_iter().rev().collect(), a.into_iter().collect(), dt)
            }),
            8 => (best(), best(), -3_i64..6).prop_map(|(b, a, dt)| Op::Bbo(b, a, dt)),
            1 => Just(Op::Void),
        ]
    }

    proptest! {
        #[test]
        fn equals_its_naive_twin(ops in proptest::collection::vec(op(), 1..60)) {
            let (mut book, mut twin, mut time) = (Book::default(), Naive::default(), 10);
            for op in ops {
                match op {
                    Op::Snapshot(bids, asks, dt) => {
                        time += dt;
                        let with_qty = |v: &[i64]| v.iter().map(|p| (*p, p % 7 + 1)).collect::<Vec<_>>();
                        let s = snapshot(&with_qty(&bids), &with_qty(&asks), time);
                        book.apply_snapshot(&s);
                        twin.snapshot(&s);
                    }
                    Op::Bbo(bid, ask, dt) => {
                        time += dt;
                        let l = |o: Option<(i64, i64)>| o.map_or(Level::default(), |(p, q)| level(p, q));
                        let b = Bbo { bid: l(bid), ask: l(ask), venue_time: Nanos(time), ..Bbo::default() };
                        book.apply_bbo(&b);
                        twin.bbo(&b);
                    }
                    Op::Void => {
                        book.void();
                        twin = Naive::default();
                    }
                }
                for side in Side::BOTH {
                    let fast: Vec<_> =
                        book.side(side).iter().map(|l| (l.px.raw(), l.qty.raw())).collect();
                    prop_assert_eq!(&fast, &twin.levels(side));
                }
            }
        }
    }

    #[test]
    fn states_and_prices() {
        let mut book = Book::default();
        assert_eq!(
            (book.state(0.01), book.mid(), book.microprice()),
            (BookState::Void, None, None)
        );
        book.apply_snapshot(&snapshot(&[(1000, 30), (990, 5)], &[(1010, 10)], 1));
        assert_eq!(book.state(0.01), BookState::Ok);
        let prices = |book: &Book| (book.mid().unwrap().raw(), book.microprice().unwrap().raw());
        assert_eq!(prices(&book), (1005, 1007));
        assert_eq!(book.imbalance(1), Some(0.5));
        book.apply_snapshot(&snapshot(&[(1010, 1)], &[(1010, 1)], 2));
        assert_eq!(book.state(0.01), BookState::Crossed);
        book.apply_snapshot(&snapshot(&[], &[(1010, 1)], 3));
        assert_eq!((book.state(0.01), book.imbalance(5)), (BookState::OneSided, Some(-1.0)));
        assert_eq!((book.mid(), book.microprice()), (None, None), "half a market has no price");
        assert!(!book.apply_snapshot(&snapshot(&[(1, 1)], &[(2, 1)], 2)), "older is ignored");
        let top = i64::MAX;
        book.apply_snapshot(&snapshot(&[(top - 2, top), (9, top)], &[(top, top)], 4));
        assert_eq!(prices(&book), (top - 1, top - 1));
        assert_eq!(book.imbalance(5), Some(1.0 / 3.0), "the largest numbers that parse");
        book.void();
        assert_eq!((book.state(0.01), book.imbalance(5)), (BookState::Void, None));
    }

    /// The ask is a stub ever further away from a bid of 990.
    #[test]
    fn a_book_wider_than_two_large_moves_has_no_sound_mid() {
        let state = |ask: i64, large_move_frac: f64| {
            let mut book = Book::default();
            book.apply_snapshot(&snapshot(&[(990, 5)], &[(ask, 1)], 1));
            book.state(large_move_frac)
        };
        assert_eq!(state(1010, 0.01), BookState::Ok, "2 % of the mid: at most 1 % off");
        assert_eq!(state(1011, 0.01), BookState::Wide);
        assert_eq!(state(1011, 0.02), BookState::Ok);
        for far in [2_000, 1_000_000, i64::MAX] {
            assert_eq!(state(far, 0.01), BookState::Wide, "{far}");
        }
    }
}
