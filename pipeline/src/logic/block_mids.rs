//! The mids that the venue's newest blocks left: what the market was just before any block of the near
//! past, by the venue's own clock, whenever and in whatever order we learned of it.

use crate::types::limits::MAX_BLOCK_MIDS;
use crate::types::{Nanos, Px};

/// See the module. Bounded: of more than [`MAX_BLOCK_MIDS`] blocks the newest are remembered.
#[derive(Clone, Copy, Debug)]
pub struct BlockMids {
    /// Blocks and the mid that each left, as a ring; [`None`] = from then on nothing is known.
    mids: [(Nanos, Option<Px>); MAX_BLOCK_MIDS],
    /// Where the newest one lies.
    newest: usize,
    len: usize,
}

impl Default for BlockMids {
    fn default() -> Self {
        Self { mids: [(Nanos::ZERO, None); MAX_BLOCK_MIDS], newest: 0, len: 0 }
    }
}

impl BlockMids {
    /// Takes note of the mid that a block left; of one block the last word counts. A block that goes
    /// back in time begins anew.
    pub fn push(&mut self, block: Nanos, mid: Px) {
        // A hole that ends at the block where it began is none.
        if self.newest() == Some((block + Nanos(1), None)) {
            self.newest = (self.newest + MAX_BLOCK_MIDS - 1) % MAX_BLOCK_MIDS;
            self.len -= 1;
        }
        match self.newest() {
            Some((newest, _)) if newest == block => self.mids[self.newest].1 = Some(mid),
            Some((newest, _)) if newest > block => {
                self.len = 0;
                self.add(block, Some(mid));
            }
            _ => self.add(block, Some(mid)),
        }
    }

    /// Something may have been missed: from after the newest block until the next one that comes,
    /// nobody knows what the mid was.
    pub fn lose_track(&mut self) {
        if let Some((newest, Some(_))) = self.newest() {
            self.add(newest + Nanos(1), None);
        }
    }

    /// What the newest block before this one left; [`None`] when that is not known (any more).
    pub fn before(&self, block: Nanos) -> Option<Px> {
        let newest_first = (0..self.len).map(|age| {
            let at = (self.newest + MAX_BLOCK_MIDS - age) % MAX_BLOCK_MIDS;
            self.mids[at]
        });
        newest_first.skip_while(|(at, _)| *at >= block).map(|(_, mid)| mid).next().flatten()
    }

    fn newest(&self) -> Option<(Nanos, Option<Px>)> {
        (self.len > 0).then(|| self.mids[self.newest])
    }

    fn add(&mut self, block: Nanos, mid: Option<Px>) {
        self.newest = (self.newest + 1) % MAX_BLOCK_MIDS;
        self.mids[self.newest] = (block, mid);
        self.len = (self.len + 1).min(MAX_BLOCK_MIDS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_hole_is_no_mid() {
        let mut mids = BlockMids::default();
        mids.lose_track();
        assert_eq!(mids.before(Nanos(100)), None);
        mids.push(Nanos(10), Px::whole(1));
        mids.push(Nanos(20), Px::whole(2));
        mids.lose_track();
        mids.lose_track();
        let before =
            |mids: &BlockMids, t| mids.before(Nanos(t)).map(|px| px.raw() / Px::whole(1).raw());
        assert_eq!(
            [10, 11, 20, 21, 22].map(|t| before(&mids, t)),
            [None, Some(1), Some(1), Some(2), None]
        );
        mids.push(Nanos(50), Px::whole(5));
        assert_eq!([20, 50, 51].map(|t| before(&mids, t)), [Some(1), None, Some(5)]);
    }

    proptest! {
        /// Against all that was ever told, looked through from the end.
        #[test]
        fn the_mid_before_a_block_is_that_of_a_plain_list(
            told in proptest::collection::vec((0_i64..4, 1_i64..100, 0_u8..20), 1..300),
            asked in 0_i64..600,
        ) {
            let (mut mids, mut all, mut block) = (BlockMids::default(), Vec::new(), 0);
            for (step, mid, lost) in told {
                block += step;
                all.retain(|(t, _)| *t != block);
                all.push((block, Some(Px::whole(mid))));
                all.drain(..all.len().saturating_sub(MAX_BLOCK_MIDS));
                mids.push(Nanos(1_000 * block), Px::whole(mid));
                if lost == 0 {
                    mids.lose_track();
                    all.push((block, None));
                    all.drain(..all.len().saturating_sub(MAX_BLOCK_MIDS));
                }
            }
            // In the list a hole lies at its block, behind the mid that the block left.
            let asked = asked.min(block + 1);
            let expected = all.iter().rev().find(|(t, _)| *t < asked).and_then(|(_, mid)| *mid);
            prop_assert_eq!(mids.before(Nanos(1_000 * asked)), expected);
        }
    }
}
