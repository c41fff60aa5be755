//! How parameters change while the pipeline runs.
//!
//! The side thread hands each stage the new parameters over a ring of the stage's own, then tells the
//! feed their generation. The feed lets the generation in among the market's events; book, quote, risk
//! and dispatch pass it on in what they make, and each takes the parameters over when the first
//! message of the generation arrives. So a change is whole in every stage, no decision is made from
//! two generations, and a replay that lets the generation in at the same place decides the same.

use crate::rt::In;
use crate::types::{AssetId, AssetParams, ParamsChange};

/// The end of a stage's ring, and the generation that the stage is at.
pub struct ParamsIn {
    ring: In<ParamsChange>,
    generation: u32,
}

impl ParamsIn {
    /// At generation 0, the parameters that the pipeline was built with.
    pub fn new(ring: In<ParamsChange>) -> Self {
        Self { ring, generation: 0 }
    }

    /// The generation that holds.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Takes over all changes up to a generation; false when the stage is there already.
    pub fn advance(&mut self, to: u32, mut apply: impl FnMut(AssetId, &AssetParams)) -> bool {
        if to <= self.generation {
            return false;
        }
        let mut newest = self.generation;
        while self.ring.peek().is_some_and(|c| c.generation <= to) {
            let Some(change) = self.ring.pop() else { break };
            apply(change.asset, &change.params);
            newest = change.generation;
        }
        assert_eq!(newest, to, "parameters are handed over before their generation is let in");
        self.generation = to;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::ring;

    #[test]
    fn changes_are_taken_over_whole_and_once() {
        let (mut tx, rx) = ring("side->quote", 8);
        let mut params = ParamsIn::new(rx);
        for (generation, asset, num_levels) in [(1, 0, 3), (1, 1, 4), (2, 1, 1)] {
            let params = AssetParams { num_levels, ..AssetParams::default() };
            tx.push(ParamsChange { generation, asset: AssetId::new(asset), params }).unwrap();
        }
        let mut levels = [2, 2];
        let mut advance = |to| params.advance(to, |asset, p| levels[asset.index()] = p.num_levels);
        assert!(!advance(0));
        assert!(advance(1) && !advance(1));
        assert_eq!(params.generation(), 1);
        assert_eq!(levels, [3, 4], "the second generation waits for its turn");
        assert!(params.advance(2, |asset, p| levels[asset.index()] = p.num_levels));
        assert_eq!(levels, [3, 1]);
    }

    #[test]
    #[should_panic(expected = "handed over before")]
    fn a_generation_that_nobody_handed_over_is_a_defect() {
        let (_tx, rx) = ring("side->quote", 8);
        ParamsIn::new(rx).advance(1, |_, _| {});
    }
}
