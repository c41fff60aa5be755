//! A whole book that is told level by level: sizes by tick, in a window that goes with the touch.
//!
//! A side is a ring of [`WINDOW`] ticks around its best price; what lies beyond is kept aside, up to
//! [`FAR_LEVELS`], and comes in when the window gets there. What finds no room there is lost, and counted.
//! The best price is where the news put it: a bid at or above the best ask moves that to the next ask
//! above, and the levels it passed stay as they were told until they are told of again, as in the field's
//! standard books.

use crate::types::{Level, LevelChange, LevelNews, Px, Qty, Side};

/// Ticks of a side that are at hand; a power of two.
const WINDOW: i64 = 2_048;
/// Of these, better than the best price when the window is laid.
const BETTER: i64 = WINDOW / 4;
/// Levels of a side that are kept beyond the window.
const FAR_LEVELS: usize = 1_024;
/// No level: worse than any.
const NONE: i64 = i64::MAX;
/// A scale on which no tick has a number near the ends of an `i64`.
const FURTHEST: i64 = i64::MAX / 4;

/// One side. Prices are *ranks*: ticks counted so that the lower one is better, on either side.
#[derive(Clone, Debug)]
struct DepthSide {
    /// Sizes by rank, modulo the window; zero = no level.
    sizes: Box<[i64]>,
    /// The first rank of the window.
    low: i64,
    best: i64,
    /// Rank and size beyond the window, in no order.
    far: Vec<(i64, i64)>,
    lost: u64,
}

impl DepthSide {
    fn new() -> Self {
        let sizes = vec![0; WINDOW as usize].into_boxed_slice();
        Self { sizes, low: 0, best: NONE, far: Vec::with_capacity(FAR_LEVELS), lost: 0 }
    }

    #[inline]
    fn slot(rank: i64) -> usize {
        (rank & (WINDOW - 1)) as usize
    }

    #[inline]
    fn is_near(&self, rank: i64) -> bool {
        rank.wrapping_sub(self.low).cast_unsigned() < WINDOW.cast_unsigned()
    }

    #[inline]
    fn size(&self, rank: i64) -> i64 {
        if self.is_near(rank) { self.sizes[Self::slot(rank)] } else { self.far_size(rank) }
    }

    #[cold]
    fn far_size(&self, rank: i64) -> i64 {
        self.far.iter().find(|(at, _)| *at == rank).map_or(0, |(_, size)| *size)
    }

    /// A level has this size now; what it had.
    #[inline]
    fn set(&mut self, rank: i64, size: i64) -> i64 {
        if !self.is_near(rank) {
            return self.set_far(rank, size);
        }
        let before = core::mem::replace(&mut self.sizes[Self::slot(rank)], size);
        if size == 0 {
            if rank == self.best {
                self.set_best(self.next(rank + 1));
            }
        } else if rank < self.best {
            self.set_best(rank);
        }
        before
    }

    #[cold]
    fn set_far(&mut self, rank: i64, size: i64) -> i64 {
        let at = self.far.iter().position(|(far, _)| *far == rank);
        let before = at.map_or(0, |at| self.far.swap_remove(at).1);
        if size > 0 && rank < self.best {
            self.best = rank;
            self.lay_window();
            self.sizes[Self::slot(rank)] = size;
        } else if size > 0 {
            self.keep_far(rank, size);
        }
        before
    }

    fn keep_far(&mut self, rank: i64, size: i64) {
        if self.far.len() < FAR_LEVELS {
            self.far.push((rank, size));
        } else {
            self.lost += 1;
        }
    }

    /// The first rank with a level, from this one on.
    #[inline]
    fn next(&self, from: i64) -> i64 {
        let end = self.low + WINDOW;
        let near = (from.max(self.low)..end).find(|rank| self.sizes[Self::slot(*rank)] > 0);
        let is_whole = from >= self.low && (near.is_some() || self.far.is_empty());
        if is_whole { near.unwrap_or(NONE) } else { self.next_far(from, near.unwrap_or(NONE)) }
    }

    #[cold]
    fn next_far(&self, from: i64, near: i64) -> i64 {
        let far = self.far.iter().map(|(rank, _)| *rank).filter(|rank| *rank >= from);
        far.fold(near, i64::min)
    }

    #[inline]
    fn set_best(&mut self, best: i64) {
        self.best = best;
        let into_window = best.wrapping_sub(self.low);
        if best != NONE && !(WINDOW / 16..WINDOW / 2).contains(&into_window) {
            self.lay_window();
        }
    }

    /// Lays the window around the best price.
    #[cold]
    fn lay_window(&mut self) {
        let (old, new) = (self.low, self.best - BETTER);
        let stays = |rank: i64| (new..new + WINDOW).contains(&rank);
        for rank in (old..old + WINDOW).filter(|rank| !stays(*rank)) {
            let size = core::mem::take(&mut self.sizes[Self::slot(rank)]);
            if size > 0 {
                self.keep_far(rank, size);
            }
        }
        self.low = new;
        let Self { far, sizes, .. } = self;
        far.retain(|(rank, size)| {
            if stays(*rank) {
                sizes[Self::slot(*rank)] = *size;
            }
            !stays(*rank)
        });
    }

    /// All levels up to this rank are gone.
    fn clear_to(&mut self, rank: i64) {
        let last = rank.min(self.low + WINDOW - 1);
        (self.low..=last).for_each(|rank| self.sizes[Self::slot(rank)] = 0);
        self.far.retain(|(far, _)| *far > rank);
        if self.best <= rank {
            self.set_best(self.next(rank + 1));
        }
    }

    fn clear(&mut self) {
        self.sizes.fill(0);
        self.far.clear();
        self.best = NONE;
    }

    /// So many ranks where there was one.
    fn count_finer(&mut self, finer: i64) {
        for rank in self.low..self.low + WINDOW {
            let size = core::mem::take(&mut self.sizes[Self::slot(rank)]);
            if size > 0 {
                self.keep_far(rank, size);
            }
        }
        self.far.iter_mut().for_each(|(rank, _)| *rank = rank.saturating_mul(finer));
        self.best = self.best.saturating_mul(finer);
        self.lay_window();
    }

    /// Its levels, best first.
    fn ranks(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        let first = Some(self.best).filter(|best| *best != NONE);
        let after = |rank: &i64| Some(self.next(rank + 1)).filter(|next| *next != NONE);
        core::iter::successors(first, after).map(|rank| (rank, self.size(rank)))
    }
}

/// What a change did to its book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The size at its price until then.
    pub before: Qty,
    /// Whether a best price or the size there is another.
    pub is_touch: bool,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Depth {
    sides: [DepthSide; 2],
    /// What all prices are whole numbers of, units of 1e-8; 0 = there was none yet.
    tick: i64,
    ticks_a_unit: f64,
}

impl Default for Depth {
    fn default() -> Self {
        Self { sides: [DepthSide::new(), DepthSide::new()], tick: 0, ticks_a_unit: 0.0 }
    }
}

impl Depth {
    /// Takes in a change.
    #[inline]
    pub fn apply(&mut self, change: &LevelChange) -> Changed {
        let LevelChange { side, news, px, qty, .. } = *change;
        if i64::from(change.tick) != self.tick {
            self.count_in(change.tick.into());
        }
        match news {
            LevelNews::Size => self.set(side, px, qty),
            LevelNews::Cleared => {
                let rank = self.rank(side, px);
                self.sides[side.index()].clear_to(rank);
                Changed { before: Qty::ZERO, is_touch: true }
            }
            LevelNews::AllCleared => {
                self.clear();
                Changed { before: Qty::ZERO, is_touch: true }
            }
        }
    }

    /// A level has this size now; zero = it is gone.
    #[inline]
    pub fn set(&mut self, side: Side, px: Px, qty: Qty) -> Changed {
        let rank = self.rank(side, px);
        let own = &mut self.sides[side.index()];
        let best = own.best;
        let before = own.set(rank, qty.raw());
        let is_touch = rank <= best;
        if is_touch && qty.is_positive() {
            self.pass(side.opposite(), -rank);
        }
        Changed { before: Qty::from_raw(before), is_touch }
    }

    /// The best level of a side is this one: what was better is gone. Of zero size: the side is empty.
    pub fn set_best(&mut self, side: Side, best: Level) {
        if best.qty.is_zero() {
            return self.sides[side.index()].clear();
        }
        let rank = self.rank(side, best.px);
        self.sides[side.index()].clear_to(rank);
        self.set(side, best.px, best.qty);
    }

    /// The levels of a side that are no worse than this rank would trade with the other side: its best
    /// price is beyond them.
    #[inline]
    fn pass(&mut self, side: Side, rank: i64) {
        let side = &mut self.sides[side.index()];
        if side.best <= rank {
            side.set_best(side.next(rank + 1));
        }
    }

    /// Best level of a side; zero when there is none.
    #[inline]
    pub fn best(&self, side: Side) -> Level {
        let own = &self.sides[side.index()];
        if own.best == NONE { Level::default() } else { self.level(side, own.best) }
    }

    /// The size at a price.
    #[inline]
    pub fn at(&self, side: Side, px: Px) -> Qty {
        Qty::from_raw(self.sides[side.index()].size(self.rank(side, px)))
    }

    /// Levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        let ranks = self.sides[side.index()].ranks();
        ranks.map(move |(rank, size)| Level { px: self.px(side, rank), qty: Qty::from_raw(size) })
    }

    /// Levels too far from the touch to be kept, so far.
    pub fn lost(&self) -> u64 {
        self.sides.iter().map(|side| side.lost).sum()
    }

    /// Forgets all levels.
    pub fn clear(&mut self) {
        self.sides.iter_mut().for_each(DepthSide::clear);
        (self.tick, self.ticks_a_unit) = (0, 0.0);
    }

    fn level(&self, side: Side, rank: i64) -> Level {
        let qty = Qty::from_raw(self.sides[side.index()].size(rank));
        Level { px: self.px(side, rank), qty }
    }

    #[inline]
    fn px(&self, side: Side, rank: i64) -> Px {
        let tick = if side == Side::Bid { -rank } else { rank };
        Px::from_raw(tick.saturating_mul(self.tick))
    }

    /// A price is a whole number of ticks, and a division by them costs more than all else here.
    #[inline]
    fn rank(&self, side: Side, px: Px) -> i64 {
        let tick = (px.raw() as f64 * self.ticks_a_unit + 0.5) as i64;
        let tick = tick.clamp(-FURTHEST, FURTHEST);
        if side == Side::Bid { -tick } else { tick }
    }

    /// Prices may be whole numbers of this alone from now on. Levels that are there stay where they are.
    #[cold]
    pub fn count_in(&mut self, tick: i64) {
        let (mut new, mut rest) = (tick.saturating_abs(), self.tick);
        while rest != 0 {
            (new, rest) = (rest, new % rest);
        }
        if new == self.tick || new == 0 {
            return;
        }
        let finer = self.tick / new;
        for side in self.sides.iter_mut().filter(|side| side.best != NONE) {
            side.count_finer(finer);
        }
        (self.tick, self.ticks_a_unit) = (new, 1.0 / new as f64);
    }
}

#[cfg(test)]
mod tests;
