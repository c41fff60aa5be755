//! The book that the exchange displays, as far as a recording shows it: the last snapshot, overlaid
//! by every newer best bid/offer; or all of it, where a recording tells the changes of its levels.
//!
//! What a recording does not show is *unknown*, never zero: prices beyond the deepest level, and
//! prices that a best bid/offer jumped over since the last snapshot.

use super::queue::{NOTHING_KNOWN, Shown};
use crate::logic::depth::{Changed, Depth};
use crate::types::limits::BOOK_LEVELS;
use crate::types::{Bbo, BookSnapshot, Level, LevelChange, Nanos, Px, Qty, Side};

/// Levels kept a side: a snapshot and the touches that came on top of it since. When there are
/// more, the deepest are forgotten (and become unknown).
const SHOWN_LEVELS: usize = 2 * BOOK_LEVELS;

#[derive(Clone, Copy, Debug)]
struct ShownLevel {
    level: Level,
    /// Nothing is known of the prices between this level and the next worse one.
    gap_behind: bool,
}

/// One side of the displayed book, best first.
#[derive(Debug)]
struct ShownSide {
    side: Side,
    levels: Vec<ShownLevel>,
    /// Whether anything was ever seen. Known and without levels = the side is empty.
    known: bool,
}

impl ShownSide {
    fn new(side: Side) -> Self {
        Self { side, levels: Vec::with_capacity(SHOWN_LEVELS), known: false }
    }

    fn touch(&self) -> Level {
        self.levels.first().map(|l| l.level).unwrap_or_default()
    }

    /// A whole snapshot replaces everything. Of a `fast` one, which is cut after a few levels, the
    /// older deeper levels stay: they are the last that was seen of them.
    fn apply_snapshot(&mut self, levels: &[Level], fast: bool) {
        self.known = true;
        let keep = match levels.last() {
            Some(deepest) if fast => {
                self.levels.iter().position(|l| self.side.is_better(deepest.px, l.level.px))
            }
            _ => None,
        };
        let gone = keep.unwrap_or(self.levels.len());
        let gap_behind = self.gap_under(gone);
        self.levels.drain(..gone);
        self.levels.truncate(SHOWN_LEVELS - levels.len());
        let fresh = levels.iter().map(|&level| ShownLevel { level, gap_behind: false });
        self.levels.splice(..0, fresh);
        if let Some(deepest) = levels.len().checked_sub(1) {
            self.levels[deepest].gap_behind = gap_behind;
        }
    }

    /// A newer touch: what was better is gone, and this size is now displayed at this price.
    fn apply_touch(&mut self, touch: Level) {
        self.known = true;
        if touch.qty.is_zero() {
            self.levels.clear();
            return;
        }
        let gone = self.levels.iter().take_while(|l| self.side.is_better(l.level.px, touch.px));
        let gone = gone.count();
        let gap_behind = self.gap_under(gone);
        self.levels.drain(..gone);
        match self.levels.first_mut() {
            Some(best) if best.level.px == touch.px => best.level.qty = touch.qty,
            _ => {
                self.levels.truncate(SHOWN_LEVELS - 1);
                self.levels.insert(0, ShownLevel { level: touch, gap_behind });
            }
        }
    }

    /// Whether prices just better than the level at `index` are unknown: what lies between two
    /// levels is as known as it was, and beyond the old touch nothing is.
    fn gap_under(&self, index: usize) -> bool {
        index.checked_sub(1).is_none_or(|above| self.levels[above].gap_behind)
    }

    /// What is displayed at a price. An unknown price is assumed to hold what the next better
    /// visible level holds; beyond the window that is the deepest visible level.
    fn at(&self, px: Px) -> Shown {
        if !self.known {
            return Shown::Unknown(NOTHING_KNOWN);
        }
        let better = self.levels.iter().take_while(|l| self.side.is_better(l.level.px, px)).count();
        if let Some(found) = self.levels.get(better).filter(|l| l.level.px == px) {
            return Shown::Known(found.level.qty);
        }
        match better.checked_sub(1).map(|i| &self.levels[i]) {
            Some(above) if better == self.levels.len() || above.gap_behind => {
                Shown::Unknown(above.level.qty)
            }
            _ => Shown::Known(Qty::ZERO),
        }
    }
}

/// The displayed book of one asset. Events must come in venue-time order; a snapshot wins over a
/// best bid/offer of the same time (both describe the end of the same block).
#[derive(Debug)]
pub struct ShownBook {
    sides: [ShownSide; 2],
    /// All levels, from the first change of one on until a whole book comes.
    depth: Depth,
    is_deep: bool,
    time: Nanos,
}

impl Default for ShownBook {
    fn default() -> Self {
        let (sides, depth) = (Side::BOTH.map(ShownSide::new), Depth::default());
        Self { sides, depth, is_deep: false, time: Nanos(i64::MIN) }
    }
}

impl ShownBook {
    /// Takes in a snapshot that is not older than what came before.
    pub fn apply_snapshot(&mut self, book: &BookSnapshot) {
        self.advance_to(book.venue_time);
        self.is_deep = false;
        for side in &mut self.sides {
            side.apply_snapshot(book.side(side.side), book.fast);
        }
    }

    /// Takes in a best bid/offer that is not older than what came before.
    pub fn apply_bbo(&mut self, bbo: &Bbo) {
        self.advance_to(bbo.venue_time);
        if self.is_deep {
            self.depth.set_best(Side::Bid, bbo.bid);
            return self.depth.set_best(Side::Ask, bbo.ask);
        }
        for (side, touch) in self.sides.iter_mut().zip([bbo.bid, bbo.ask]) {
            side.apply_touch(touch);
        }
    }

    /// Takes in the change of a level that is not older than what came before. From the first one on all
    /// is known: what was not told of is not there.
    #[inline]
    pub fn apply_level(&mut self, change: &LevelChange) -> Changed {
        self.advance_to(change.venue_time);
        if !self.is_deep {
            self.deepen(change.tick.into());
        }
        self.depth.apply(change)
    }

    /// From now on its levels are told one by one; those that are known stay until then.
    #[cold]
    fn deepen(&mut self, tick: i64) {
        let Self { sides, depth, .. } = self;
        depth.clear();
        depth.count_in(tick);
        let known = || sides.iter().flat_map(|s| s.levels.iter().map(|l| (s.side, l.level)));
        known().for_each(|(_, level)| depth.count_in(level.px.raw()));
        for (side, level) in known() {
            depth.set(side, level.px, level.qty);
        }
        self.is_deep = true;
    }

    /// Whether its levels are told one by one now.
    pub fn is_by_levels(&self) -> bool {
        self.is_deep
    }

    /// Whether anything was ever shown.
    pub fn is_known(&self) -> bool {
        self.is_deep || self.sides.iter().any(|side| side.known)
    }

    /// Best level of a side; zero size = empty or not known yet.
    pub fn touch(&self, side: Side) -> Level {
        if self.is_deep { self.depth.best(side) } else { self.sides[side.index()].touch() }
    }

    /// Displayed levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        let deep = self.is_deep.then(|| self.depth.levels(side)).into_iter().flatten();
        let window = self.sides[side.index()].levels.iter().filter(|_| !self.is_deep);
        deep.chain(window.map(|shown| shown.level))
    }

    /// What is displayed at a price.
    pub fn at(&self, side: Side, px: Px) -> Shown {
        match self.is_deep {
            true => Shown::Known(self.depth.at(side, px)),
            false => self.sides[side.index()].at(px),
        }
    }

    fn advance_to(&mut self, time: Nanos) {
        assert!(time >= self.time, "displayed book: {time:?} after {:?}", self.time);
        self.time = time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn px(v: i64) -> Px {
        Px::whole(v)
    }
    fn level(p: i64, q: i64) -> Level {
        Level { px: px(p), qty: Qty::whole(q) }
    }
    fn known(q: i64) -> Shown {
        Shown::Known(Qty::whole(q))
    }
    fn unknown(q: i64) -> Shown {
        Shown::Unknown(Qty::whole(q))
    }
    /// Bids 100, 98, 97; asks 102, 104.
    fn book() -> ShownBook {
        let mut shown = ShownBook::default();
        shown.apply_snapshot(&snapshot(&[(100, 5), (98, 7), (97, 3)], &[(102, 4), (104, 6)]));
        shown
    }
    fn snapshot(bids: &[(i64, i64)], asks: &[(i64, i64)]) -> BookSnapshot {
        let mut s = BookSnapshot::EMPTY;
        for (i, &(p, q)) in bids.iter().enumerate() {
            s.bids[i] = level(p, q);
        }
        for (i, &(p, q)) in asks.iter().enumerate() {
            s.asks[i] = level(p, q);
        }
        (s.bid_count, s.ask_count) = (bids.len() as u8, asks.len() as u8);
        s
    }
    fn touch(bid: Level, ask: Level) -> Bbo {
        Bbo { bid, ask, ..Bbo::default() }
    }

    #[test]
    fn inside_the_window_all_is_known_and_beyond_it_nothing() {
        let b = book();
        let bid = |p| b.at(Side::Bid, px(p));
        assert_eq!(
            [bid(101), bid(100), bid(99), bid(98)],
            [known(0), known(5), known(0), known(7)]
        );
        assert_eq!((bid(97), bid(96)), (known(3), unknown(3)));
        let ask = |p| b.at(Side::Ask, px(p));
        assert_eq!([ask(101), ask(102), ask(103)], [known(0), known(4), known(0)]);
        assert_eq!((ask(104), ask(105)), (known(6), unknown(6)));
        assert_eq!(ShownBook::default().at(Side::Bid, px(1)), Shown::Unknown(NOTHING_KNOWN));
    }

    #[test]
    fn a_touch_removes_what_was_better_and_sets_its_own_size() {
        let mut b = book();
        b.apply_bbo(&touch(level(98, 9), level(101, 1)));
        assert_eq!(b.touch(Side::Bid), level(98, 9));
        assert_eq!(b.at(Side::Bid, px(100)), known(0));
        assert_eq!(b.at(Side::Bid, px(97)), known(3), "deeper levels stay as last seen");
        assert_eq!(b.at(Side::Ask, px(102)), known(4), "the old touch is one behind the new");
    }

    #[test]
    fn prices_that_a_touch_jumped_over_are_unknown() {
        let mut b = book();
        b.apply_bbo(&touch(level(105, 2), level(106, 1)));
        assert_eq!(b.at(Side::Bid, px(103)), unknown(2));
        assert_eq!(b.at(Side::Bid, px(99)), known(0));
        // Falling back into the gap keeps its lower part unknown.
        b.apply_bbo(&touch(level(103, 8), level(106, 1)));
        assert_eq!((b.at(Side::Bid, px(104)), b.at(Side::Bid, px(102))), (known(0), unknown(8)));
        // Falling to a price that the snapshot showed empty opens no gap.
        b.apply_bbo(&touch(level(99, 1), level(106, 1)));
        b.apply_bbo(&touch(level(98, 1), level(106, 1)));
        assert_eq!((b.touch(Side::Bid), b.at(Side::Bid, px(97))), (level(98, 1), known(3)));
    }

    #[test]
    fn an_empty_side_is_known_to_be_empty() {
        let mut b = book();
        b.apply_bbo(&touch(level(100, 5), Level::default()));
        assert_eq!((b.touch(Side::Ask), b.at(Side::Ask, px(300))), (Level::default(), known(0)));
    }

    #[test]
    fn a_fast_snapshot_keeps_the_deeper_levels() {
        let mut b = book();
        let mut fast = snapshot(&[(100, 1), (99, 2)], &[]);
        fast.fast = true;
        b.apply_snapshot(&fast);
        assert_eq!((b.at(Side::Bid, px(99)), b.at(Side::Bid, px(98))), (known(2), known(7)));
        assert_eq!(b.touch(Side::Ask), Level::default());
    }

    #[test]
    fn a_long_run_of_touches_stays_within_its_room() {
        let mut b = book();
        let room = b.sides[0].levels.capacity();
        for p in 0..200 {
            b.apply_bbo(&touch(level(110 + p, 1), level(500, 1)));
        }
        assert_eq!((b.sides[0].levels.len(), b.sides[0].levels.capacity()), (SHOWN_LEVELS, room));
        assert_eq!(b.at(Side::Bid, px(100)), unknown(1));
    }
}
