//! The slots of one asset, and which of them are in which state. A grid has 128 on a side, of which few hold an
//! order: nobody walks them all.

use crate::logic::slot::{Phase, Slot};
use crate::types::{Qty, Side};
use core::ops::Index;

/// Slots of a side, by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(u128);

impl Set {
    /// Most slots that a side may have.
    pub const MOST: usize = u128::BITS as usize;

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    fn put(&mut self, number: usize, is_in: bool) {
        self.0 = self.0 & !(1 << number) | u128::from(is_in) << number;
    }
}

/// From the first on.
impl Iterator for Set {
    type Item = usize;
    fn next(&mut self) -> Option<usize> {
        let first = (self.0 != 0).then_some(self.0.trailing_zeros() as usize)?;
        self.0 &= self.0 - 1;
        Some(first)
    }
}

/// Of the slots of a side, those that…
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sets {
    /// hold an order that is live or might be;
    pub used: Set,
    /// wait for an answer;
    pub waiting: Set,
    /// hold one whose fate is unknown;
    pub unknown: Set,
    /// hold one that rests in the book;
    pub in_book: Set,
    /// hold one of which a cancel was refused.
    pub cancel_refused: Set,
    /// What could still be filled of all.
    pub at_risk: Qty,
}

impl Sets {
    fn note(&mut self, number: usize, slot: &Slot) {
        self.used.put(number, slot.phase() != Phase::Empty);
        self.waiting.put(number, slot.is_waiting());
        self.unknown.put(number, slot.phase() == Phase::Unknown);
        self.in_book.put(number, slot.is_in_book());
        self.cancel_refused.put(number, slot.is_cancel_refused());
    }
}

/// See the module. Numbered by side, the bids first, then by level.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    all: Box<[Slot]>,
    sides: [Sets; 2],
    changes: u64,
}

impl Slots {
    /// So many, both sides together, all empty.
    pub fn new(count: usize) -> Self {
        assert!(count.is_multiple_of(2) && count / 2 <= Set::MOST, "{count} slots");
        Self { all: vec![Slot::default(); count].into(), sides: [Sets::default(); 2], changes: 0 }
    }

    pub fn all(&self) -> &[Slot] {
        &self.all
    }

    pub fn per_side(&self) -> usize {
        self.all.len() / 2
    }

    /// The side of a slot, and which of its slots it is.
    pub fn place_of(&self, index: usize) -> (Side, usize) {
        match index.checked_sub(self.per_side()) {
            None => (Side::Bid, index),
            Some(level) => (Side::Ask, level),
        }
    }

    /// Which of a side's are in which state.
    pub fn of(&self, side: Side) -> &Sets {
        &self.sides[side.index()]
    }

    /// Numbers of the slots of both sides that are in such a set.
    pub fn indices<F: Fn(&Sets) -> Set>(&self, set: F) -> impl Iterator<Item = usize> + use<F> {
        let [bids, asks] = self.sides.each_ref().map(set);
        let per_side = self.per_side();
        bids.chain(asks.map(move |level| per_side + level))
    }

    /// Slots of a side that are in such a set.
    pub fn those(&self, side: Side, set: impl Fn(&Sets) -> Set) -> impl Iterator<Item = &Slot> {
        let first = side.index() * self.per_side();
        set(self.of(side)).map(move |level| &self.all[first + level])
    }

    /// How often something was changed.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Changes a slot: nothing else does.
    pub fn change<T>(&mut self, index: usize, change: impl FnOnce(&mut Slot) -> T) -> T {
        let (side, number) = self.place_of(index);
        let slot = &mut self.all[index];
        let before = slot.at_risk();
        let told = change(slot);
        self.changes += 1;
        let sets = &mut self.sides[side.index()];
        sets.at_risk = sets.at_risk - before + slot.at_risk();
        sets.note(number, slot);
        told
    }
}

impl Index<usize> for Slots {
    type Output = Slot;
    fn index(&self, index: usize) -> &Slot {
        &self.all[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Cloid, Fill, Nanos, Oid, Px};
    use proptest::prelude::*;

    fn naive(slots: &Slots, side: Side, is_in: impl Fn(&Slot) -> bool) -> Vec<usize> {
        let first = side.index() * slots.per_side();
        (0..slots.per_side()).filter(|level| is_in(&slots[first + level])).collect()
    }

    proptest! {
        /// Whatever happens to slots, the sets say what a walk through all of them would.
        #[test]
        fn sets_are_what_a_walk_would_find(
            changes in prop::collection::vec((0_usize..12, 0_u8..6, 1_i64..9), 0..80),
        ) {
            let mut slots = Slots::new(12);
            for (i, (index, what, qty)) in changes.into_iter().enumerate() {
                let (now, oid) = (Nanos::secs(i as i64), Oid(1 + i as u64));
                let qty = Qty::whole(qty);
                slots.change(index, |slot| match what {
                    0 if slot.phase() == Phase::Empty => {
                        slot.place(now, Cloid::new(1, index as u16, i as u64), Px::whole(5), qty);
                    }
                    1 => slot.on_ack(oid),
                    2 if slot.cancellable().is_some() => slot.cancel(now),
                    3 => slot.on_fill(&Fill { oid: slot.oid(), qty, ..Fill::default() }),
                    4 => drop(slot.expire(now, Nanos::secs(1))),
                    5 => slot.on_link_down(),
                    _ => {}
                });
                for side in Side::BOTH {
                    let sets = slots.of(side);
                    let is = |set: Set| set.collect::<Vec<_>>();
                    prop_assert_eq!(is(sets.used), naive(&slots, side, |s| s.phase() != Phase::Empty));
                    prop_assert_eq!(is(sets.waiting), naive(&slots, side, Slot::is_waiting));
                    prop_assert_eq!(is(sets.in_book), naive(&slots, side, Slot::is_in_book));
                    prop_assert_eq!(
                        is(sets.unknown),
                        naive(&slots, side, |s| s.phase() == Phase::Unknown)
                    );
                    let first = side.index() * slots.per_side();
                    let at_risk = (first..first + slots.per_side()).map(|i| slots[i].at_risk());
                    prop_assert_eq!(sets.at_risk, at_risk.sum::<Qty>());
                }
            }
        }
    }
}
