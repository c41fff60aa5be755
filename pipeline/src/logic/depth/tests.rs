use super::*;
use crate::types::AssetId;
use proptest::prelude::*;
use std::collections::BTreeMap;

const TICK: i64 = 10_000_000;

/// The rules on sorted maps, and the best prices as numbers.
#[derive(Default)]
struct Naive {
    sides: [BTreeMap<i64, i64>; 2],
    best: [Option<i64>; 2],
}

impl Naive {
    fn next(&self, side: Side, beyond: i64) -> Option<i64> {
        let map = &self.sides[side.index()];
        match side {
            Side::Bid => map.range(..beyond).next_back().map(|(tick, _)| *tick),
            Side::Ask => map.range(beyond + 1..).next().map(|(tick, _)| *tick),
        }
    }

    fn set(&mut self, side: Side, tick: i64, size: i64) -> i64 {
        let better = |a: i64, b: i64| if side == Side::Bid { a > b } else { a < b };
        let map = &mut self.sides[side.index()];
        let before = if size > 0 { map.insert(tick, size) } else { map.remove(&tick) };
        let best = self.best[side.index()];
        if size == 0 && best == Some(tick) {
            self.best[side.index()] = self.next(side, tick);
        }
        if size > 0 && best.is_none_or(|best| better(tick, best)) {
            self.best[side.index()] = Some(tick);
        }
        let other = side.opposite();
        let is_passed = |best: i64| !better(best, tick);
        if size > 0
            && best.is_none_or(|best| !better(best, tick))
            && self.best[other.index()].is_some_and(is_passed)
        {
            self.best[other.index()] = self.next(other, tick);
        }
        before.unwrap_or(0)
    }

    fn clear_to(&mut self, side: Side, tick: i64) {
        self.sides[side.index()]
            .retain(|at, _| if side == Side::Bid { *at < tick } else { *at > tick });
        let is_gone = |best: i64| if side == Side::Bid { best >= tick } else { best <= tick };
        if self.best[side.index()].is_some_and(is_gone) {
            self.best[side.index()] = self.next(side, tick);
        }
    }

    fn levels(&self, side: Side) -> Vec<(i64, i64)> {
        let of = |tick: i64| (tick, self.sides[side.index()][&tick]);
        let best = self.best[side.index()];
        std::iter::successors(best, |tick| self.next(side, *tick)).map(of).collect()
    }
}

fn change(side: Side, tick: i64, size: i64, news: LevelNews) -> LevelChange {
    let (px, qty) = (Px::from_raw(tick * TICK), Qty::from_raw(size));
    LevelChange { side, news, tick: TICK as u32, px, qty, ..LevelChange::default() }
}

fn ticks(depth: &Depth, side: Side) -> Vec<(i64, i64)> {
    depth.levels(side).map(|l| (l.px.raw() / TICK, l.qty.raw())).collect()
}

#[derive(Clone, Debug)]
enum Op {
    /// Side, distance from the middle, size.
    Set(bool, i64, i64),
    Clear(bool, i64),
    AllCleared,
    /// The middle goes so far.
    Move(i64),
}

fn op() -> impl Strategy<Value = Op> {
    let near = -3_i64..60;
    let far = -10_i64..6_000;
    let size = prop_oneof![Just(0_i64), 1_i64..1_000_000];
    prop_oneof![
        12 => (any::<bool>(), near.clone(), size.clone()).prop_map(|(s, d, q)| Op::Set(s, d, q)),
        4 => (any::<bool>(), far, size).prop_map(|(s, d, q)| Op::Set(s, d, q)),
        1 => (any::<bool>(), near).prop_map(|(s, d)| Op::Clear(s, d)),
        1 => Just(Op::AllCleared),
        1 => (-3_000_i64..3_000).prop_map(Op::Move),
        2 => (-20_i64..20).prop_map(Op::Move),
    ]
}

proptest! {
    #[test]
    fn equals_its_naive_twin(ops in prop::collection::vec(op(), 1..400)) {
        let (mut depth, mut twin, mut middle) = (Depth::default(), Naive::default(), 40_000_i64);
        for op in ops {
            let side = |is_bid: bool| if is_bid { Side::Bid } else { Side::Ask };
            let at = |is_bid: bool, away: i64| if is_bid { middle - away } else { middle + away };
            match op {
                Op::Set(is_bid, away, size) => {
                    let (side, tick) = (side(is_bid), at(is_bid, away));
                    let touch = |d: &Depth| Side::BOTH.map(|side| d.best(side));
                    let was = touch(&depth);
                    let changed = depth.apply(&change(side, tick, size, LevelNews::Size));
                    prop_assert_eq!(changed.before.raw(), twin.set(side, tick, size));
                    prop_assert!(changed.is_touch || was == touch(&depth), "told of what matters");
                    prop_assert_eq!(depth.at(side, Px::from_raw(tick * TICK)).raw(), size);
                }
                Op::Clear(is_bid, away) => {
                    let (side, tick) = (side(is_bid), at(is_bid, away));
                    depth.apply(&change(side, tick, 0, LevelNews::Cleared));
                    twin.clear_to(side, tick);
                }
                Op::AllCleared => {
                    depth.apply(&LevelChange::all_cleared(AssetId::FIRST));
                    twin = Naive::default();
                }
                Op::Move(by) => middle += by,
            }
            for side in Side::BOTH {
                prop_assert_eq!(ticks(&depth, side), twin.levels(side));
            }
        }
        prop_assert_eq!(depth.lost(), 0);
    }
}

#[test]
fn a_finer_tick_moves_no_level() {
    let mut depth = Depth::default();
    for tick in [400, 390, 3_000] {
        depth.apply(&change(Side::Ask, tick, tick, LevelNews::Size));
    }
    let px = Px::from_raw(395 * TICK + TICK / 4);
    let finer = LevelChange { tick: (TICK / 4) as u32, ..change(Side::Ask, 0, 7, LevelNews::Size) };
    depth.apply(&LevelChange { px, ..finer });
    let prices: Vec<i64> = depth.levels(Side::Ask).map(|l| l.px.raw()).collect();
    assert_eq!(prices, [390 * TICK, px.raw(), 400 * TICK, 3_000 * TICK]);
    assert_eq!(depth.best(Side::Ask).qty, Qty::from_raw(390));
    depth.apply(&change(Side::Ask, 390, 0, LevelNews::Size));
    assert_eq!(depth.best(Side::Ask).px, px, "the coarser tick is still understood");
}

#[test]
fn what_finds_no_room_is_counted_and_the_touch_stays() {
    let mut depth = Depth::default();
    depth.apply(&change(Side::Bid, 100_000, 1, LevelNews::Size));
    let more = 7;
    for i in 0..FAR_LEVELS as i64 + more {
        depth.apply(&change(Side::Bid, 90_000 - i, 1, LevelNews::Size));
    }
    assert_eq!(depth.lost(), more as u64);
    assert_eq!(depth.levels(Side::Bid).count(), 1 + FAR_LEVELS);
    depth.apply(&change(Side::Bid, 200_000, 1, LevelNews::Size));
    assert_eq!(depth.best(Side::Bid).px.raw(), 200_000 * TICK);
}
