//! A forest of small trees in flat arrays, as it is grown and as it stands in files. Who asks it in a quote: `lookup`.

use serde::{Deserialize, Serialize};

/// What a forest is asked about, by name; their order is the order of the numbers.
pub const FILL_FEATURES: [&str; FEATURES] = [
    "spread_bps",
    "vol_bps",
    "vol_ratio",
    "imbalance",
    "touch_imbalance",
    "micro_bps",
    "fair_bps",
    "position",
    "distance_bps",
    "half_bps",
    "queue_usd",
    "own_touch_usd",
    "other_touch_usd",
    "trades_per_s",
    "delay_ms",
    "age_ms",
];
/// How many there are.
pub const FEATURES: usize = 16;
/// No forest has more trees: a quote waits for the answer.
pub const MAX_TREES: usize = 64;
/// No tree has more leaves.
pub const MAX_LEAVES: usize = 31;

/// A question with two answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "NodeNumbers", into = "NodeNumbers")]
pub struct Node {
    /// At most this goes left.
    pub threshold: f64,
    /// Left and right: a node's place, or `!` a leaf's.
    pub children: [i16; 2],
    /// Which number is asked about.
    pub feature: u8,
    /// A number that is missing (NaN) goes left.
    pub missing_left: bool,
}

/// As it stands in files: threshold, left, right, feature, whether what is missing goes left.
type NodeNumbers = (f64, i16, i16, u8, bool);

impl From<NodeNumbers> for Node {
    fn from((threshold, left, right, feature, missing_left): NodeNumbers) -> Self {
        Self { threshold, children: [left, right], feature, missing_left }
    }
}

impl From<Node> for NodeNumbers {
    fn from(n: Node) -> Self {
        (n.threshold, n.children[0], n.children[1], n.feature, n.missing_left)
    }
}

/// Trees whose leaves are added up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forest {
    /// What is added to.
    pub base: f64,
    /// Where each tree begins: a node's place, or `!` a leaf's.
    pub roots: Vec<i16>,
    /// The questions of all trees; each comes before its children.
    pub nodes: Vec<Node>,
    /// What each leaf adds.
    pub leaves: Vec<f64>,
}

impl Forest {
    /// Whether a walk through it ends, and comes to numbers.
    pub fn is_sound(&self) -> bool {
        let leads = |from: i64, to: i16| match to {
            to if to < 0 => usize::from(!to as u16) < self.leaves.len(),
            to => i64::from(to) > from && usize::from(to as u16) < self.nodes.len(),
        };
        let nodes = self.nodes.iter().enumerate().all(|(at, node)| {
            node.children.iter().all(|to| leads(at as i64, *to))
                && usize::from(node.feature) < FEATURES
                && node.threshold.is_finite()
        });
        nodes
            && self.roots.len() <= MAX_TREES
            && self.leaves.len() <= MAX_TREES * MAX_LEAVES
            && self.nodes.len() < self.leaves.len().max(1)
            && self.roots.iter().all(|root| leads(-1, *root))
            && self.base.is_finite()
            && self.leaves.iter().all(|leaf| leaf.is_finite())
            && self.are_trees_small()
    }

    /// Whether no tree has more leaves than it may; of walks that end.
    fn are_trees_small(&self) -> bool {
        let mut below = [0_u8; MAX_TREES * MAX_LEAVES];
        let leaves = |below: &[u8], to: i16| if to < 0 { 1 } else { below[usize::from(to as u16)] };
        for (at, node) in self.nodes.iter().enumerate().rev() {
            let [left, right] = node.children.map(|to| leaves(&below, to));
            below[at] = left.saturating_add(right);
        }
        self.roots.iter().all(|root| usize::from(leaves(&below, *root)) <= MAX_LEAVES)
    }
}

const _: () = assert!(size_of::<Node>() == 16);

#[cfg(test)]
mod tests {
    use super::*;

    fn stump() -> Forest {
        let node = Node { threshold: 0.5, children: [!0, !1], feature: 3, missing_left: true };
        Forest { base: 0.0, roots: vec![0], nodes: vec![node], leaves: vec![-1.0, 1.0] }
    }

    #[test]
    fn only_forests_whose_walks_end_are_sound() {
        assert!(stump().is_sound());
        assert!(Forest::default().is_sound(), "no tree at all: the base alone");
        let broken = |change: &dyn Fn(&mut Forest)| {
            let mut forest = stump();
            change(&mut forest);
            !forest.is_sound()
        };
        assert!(broken(&|f| f.nodes[0].children[1] = 0), "a circle");
        assert!(broken(&|f| f.nodes[0].children[0] = !2), "no such leaf");
        assert!(broken(&|f| f.nodes[0].feature = 16), "no such number");
        assert!(broken(&|f| f.nodes[0].threshold = f64::NAN));
        assert!(broken(&|f| f.leaves[1] = f64::INFINITY));
        assert!(broken(&|f| f.roots[0] = 1), "no such tree");
        assert!(broken(&|f| f.roots = vec![0; MAX_TREES + 1]), "too slow to ask");
        let tree = |leaves: usize| {
            let node = |at: usize| {
                let right = if at + 2 < leaves { at as i16 + 1 } else { !(at as i16 + 1) };
                Node { threshold: 0.0, children: [!(at as i16), right], ..stump().nodes[0] }
            };
            let nodes = (0..leaves - 1).map(node).collect();
            Forest { nodes, leaves: vec![1.0; leaves], ..stump() }
        };
        assert!(tree(MAX_LEAVES).is_sound());
        assert!(!tree(MAX_LEAVES + 1).is_sound(), "a tree with too many leaves");
        // A diamond of diamonds: few nodes, and more ways through it than can be counted.
        let node = |at: i16| Node { children: [at + 1; 2], ..stump().nodes[0] };
        let mut nodes: Vec<Node> = (0..99).map(node).collect();
        nodes[98].children = [!0; 2];
        assert!(broken(&|f| (f.nodes, f.leaves) = (nodes.clone(), vec![1.0; 200])));
    }
}
