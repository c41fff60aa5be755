//! A book as what changed of its levels since the one before it.
//!
//! Of each side: how many levels more, which of the new ones are at a price that had none, which of the
//! old ones are gone, which of the others changed their size; then prices and sizes. What falls off the end
//! of a full side need not be said.

use super::bits::{unzigzag, zigzag};
use super::field::{Field, Reading, Sink, Units, moved, signed, unsigned};
use crate::types::limits::BOOK_LEVELS;
use crate::types::{BookSnapshot, Level, Px, Qty, Side};

/// Which levels of a side are not as they were.
#[derive(Clone, Copy, Debug, Default)]
struct Differences {
    /// Of the new ones, those at a price that had none.
    came: u32,
    /// Of the old ones, those that are gone, but for the ones behind the last new one.
    went: u32,
    /// Of the new ones, those of another size than before.
    changed: u32,
}

fn differences(side: Side, old: &[Level], new: &[Level]) -> Differences {
    let mut found = Differences::default();
    let is_sorted = |levels: &[Level]| levels.is_sorted_by(|a, b| side.is_better(a.px, b.px));
    if !is_sorted(old) || !is_sorted(new) {
        // No book of a market: told whole.
        return Differences { came: first(new.len()), ..found };
    }
    let mut old = old.iter().enumerate().peekable();
    for (i, level) in new.iter().enumerate() {
        while let Some((j, _)) = old.next_if(|(_, o)| side.is_better(o.px, level.px)) {
            found.went |= 1 << j;
        }
        match old.next_if(|(_, o)| o.px == level.px) {
            Some((_, before)) if before.qty == level.qty => {}
            Some(_) => found.changed |= 1 << i,
            None => found.came |= 1 << i,
        }
    }
    found
}

/// The first `count` bits.
fn first(count: usize) -> u32 {
    (1 << count) - 1
}

/// The places of bits, lowest first.
fn places(mut bits: u32) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let at = bits.trailing_zeros();
        bits &= bits.wrapping_sub(1);
        (at < 32).then_some(at as usize)
    })
}

/// Writes a book, and keeps it; how many levels came, went or changed.
pub fn write_book(
    last: &mut BookSnapshot,
    new: &BookSnapshot,
    units: &Units,
    to: &mut impl Sink,
) -> u64 {
    let mut changes = 0;
    for side in Side::BOTH {
        let (old, levels) = (last.side(side), new.side(side));
        to.number(Field::Other, zigzag(levels.len() as i64 - old.len() as i64));
        let Differences { came, went, changed } = differences(side, old, levels);
        to.number(Field::Levels, came.into());
        to.number(Field::Levels, went.into());
        to.number(Field::Changed, changed.into());
        for i in places(came) {
            let px = levels[i].px.raw();
            match i.checked_sub(1).map(|before| levels[before].px.raw()) {
                // The next one is further from the middle.
                Some(before) if side == Side::Bid => unsigned(Field::Px, px, before, units.px, to),
                Some(before) => unsigned(Field::Px, before, px, units.px, to),
                None => signed(Field::Px, best(old), px, units.px, to),
            }
            unsigned(Field::Qty, 0, levels[i].qty.raw(), units.qty, to);
        }
        let before = |px: Px| old.iter().find(|o| o.px == px).map_or(0, |o| o.qty.raw());
        for level in places(changed).map(|i| levels[i]) {
            signed(Field::Change, before(level.px), level.qty.raw(), units.qty, to);
        }
        changes += u64::from(came.count_ones() + went.count_ones() + changed.count_ones());
    }
    *last = *new;
    changes
}

fn best(levels: &[Level]) -> i64 {
    levels.first().map_or(0, |level| level.px.raw())
}

/// Reads a book over the one before it. [`None`] when no writer wrote that.
#[inline]
pub fn read_book(last: &mut BookSnapshot, units: &Units, from: &mut Reading<'_, '_>) -> Option<()> {
    let BookSnapshot { bids, asks, bid_count, ask_count, .. } = last;
    read_side(Side::Bid, bids, bid_count, units, from)?;
    read_side(Side::Ask, asks, ask_count, units, from)
}

#[inline]
fn read_side(
    side: Side,
    levels: &mut [Level; BOOK_LEVELS],
    count: &mut u8,
    units: &Units,
    from: &mut Reading<'_, '_>,
) -> Option<()> {
    let old_count = usize::from(*count);
    let more = unzigzag(from.number(Field::Other));
    let new_count = usize::try_from((old_count as i64).checked_add(more)?).ok()?;
    let came: u32 = from.number(Field::Levels).try_into().ok()?;
    let went: u32 = from.number(Field::Levels).try_into().ok()?;
    let changed: u32 = from.number(Field::Changed).try_into().ok()?;
    if new_count > BOOK_LEVELS || (came | changed) & !first(new_count) != 0 {
        return None;
    }
    if came | went != 0 || new_count != old_count {
        let old = *levels;
        let mut left = (0..old_count).filter(|j| went >> j & 1 == 0);
        for i in 0..new_count {
            levels[i] = if came >> i & 1 == 0 {
                old[left.next()?]
            } else {
                let px = match i.checked_sub(1).map(|before| levels[before].px) {
                    Some(before) if side == Side::Bid => {
                        let by = from.unsigned(Field::Px, units.px);
                        Px::from_raw(before.raw().wrapping_sub(by))
                    }
                    Some(before) => moved(before, from.unsigned(Field::Px, units.px)),
                    None => {
                        let before = best(&old[..old_count]);
                        Px::from_raw(before.wrapping_add(from.signed(Field::Px, units.px)))
                    }
                };
                Level { px, qty: Qty::from_raw(from.unsigned(Field::Qty, units.qty)) }
            };
        }
        levels[new_count..].fill(Level::default());
        *count = new_count as u8;
    }
    for level in places(changed) {
        let level = &mut levels[level];
        level.qty =
            Qty::from_raw(level.qty.raw().wrapping_add(from.signed(Field::Change, units.qty)));
    }
    Some(())
}
