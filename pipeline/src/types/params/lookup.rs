//! A forest laid out to be asked in the middle of a quote, without walking its trees (the idea of QuickScorer: Lucchese
//! et al., SIGIR 2015).
//!
//! The leaves of each tree are counted from left to right, a bit each. A number of the asked order says by its rank among
//! all thresholds of its feature which questions it answers with "right", and so which leaves of all trees cannot be
//! reached any more: a row of masks, one a tree, made beforehand. What the rows of all numbers leave open has each tree's
//! leaf as its first bit. That takes as many rows as there are numbers, however deep the trees are.

use super::forest::{FEATURES, Forest, MAX_LEAVES, MAX_TREES};

/// Leaves that are still open, a mask a tree.
type Row = [u32; MAX_TREES];

const ALL_OPEN: Row = [u32::MAX; MAX_TREES];
const _: () = assert!(MAX_LEAVES <= u32::BITS as usize);

/// See the module.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// What is added to.
    base: f64,
    /// Thresholds of each feature, ascending, one feature after the other.
    thresholds: Vec<f64>,
    /// Where those of each feature end.
    ends: [usize; FEATURES],
    /// Of each feature: a row for what is missing, one for numbers up to the first threshold, and one for those
    /// above each.
    rows: Vec<Row>,
    /// What the leaves add, tree by tree and from left to right.
    leaves: Vec<f64>,
    /// Where those of each tree begin.
    first: Vec<usize>,
}

/// A question of a tree: who answers it with "right" reaches these leaves alone.
#[derive(Clone, Copy)]
struct Question {
    threshold: f64,
    missing_left: bool,
    tree: usize,
    right: u32,
}

impl Lookup {
    /// Of a forest; of one that is not sound it says nothing but NaN.
    pub fn new(forest: &Forest) -> Self {
        let nothing = Forest { base: f64::NAN, ..Forest::default() };
        let forest = if forest.is_sound() { forest } else { &nothing };
        let (mut leaves, mut first) = (Vec::with_capacity(forest.leaves.len()), Vec::new());
        let mut by_feature: [Vec<Question>; FEATURES] = Default::default();
        for (tree, root) in forest.roots.iter().enumerate() {
            let begin = leaves.len();
            first.push(begin);
            gather(forest, *root, (tree, begin), &mut leaves, &mut by_feature);
        }
        let mut made = Self {
            base: forest.base,
            thresholds: Vec::new(),
            ends: [0; FEATURES],
            rows: Vec::new(),
            leaves,
            first,
        };
        for (feature, questions) in by_feature.iter_mut().enumerate() {
            made.add(questions);
            made.ends[feature] = made.thresholds.len();
        }
        made
    }

    /// Thresholds and rows of the next feature.
    fn add(&mut self, questions: &mut [Question]) {
        questions.sort_by(|a, b| a.threshold.total_cmp(&b.threshold));
        let close = |row: &mut Row, q: &Question| row[q.tree] &= q.right;
        let mut missing = ALL_OPEN;
        questions.iter().filter(|q| !q.missing_left).for_each(|q| close(&mut missing, q));
        self.rows.extend([missing, ALL_OPEN]);
        let mut above = ALL_OPEN;
        for same in questions.chunk_by(|a, b| a.threshold.to_bits() == b.threshold.to_bits()) {
            same.iter().for_each(|q| close(&mut above, q));
            self.thresholds.push(same[0].threshold);
            self.rows.push(above);
        }
    }

    /// What the leaves that are reached add up to: to the last bit what a walk through the trees comes to.
    pub fn sum(&self, asked: &[f64; FEATURES]) -> f64 {
        let (mut open, mut from, mut row) = (ALL_OPEN, 0, 0);
        for (value, end) in asked.iter().zip(self.ends) {
            let thresholds = &self.thresholds[from..end];
            let above = thresholds.partition_point(|threshold| threshold < value);
            let place = if value.is_nan() { row } else { row + 1 + above };
            open.iter_mut().zip(&self.rows[place]).for_each(|(open, left)| *open &= left);
            (from, row) = (end, row + 2 + thresholds.len());
        }
        let reached = self.first.iter().zip(open);
        reached.fold(self.base, |sum, (first, open)| {
            sum + self.leaves[first + open.trailing_zeros() as usize]
        })
    }
}

/// Leaves and questions below a place of a tree, from left to right.
fn gather(
    forest: &Forest,
    at: i16,
    (tree, begin): (usize, usize),
    leaves: &mut Vec<f64>,
    by_feature: &mut [Vec<Question>; FEATURES],
) {
    if at < 0 {
        leaves.push(forest.leaves[usize::from(!at as u16)]);
        return;
    }
    let node = &forest.nodes[usize::from(at as u16)];
    let below = |leaves: &Vec<f64>| (1_u32 << (leaves.len() - begin)) - 1;
    let before = below(leaves);
    gather(forest, node.children[0], (tree, begin), leaves, by_feature);
    let right = !(below(leaves) ^ before);
    let (threshold, missing_left) = (node.threshold, node.missing_left);
    let question = Question { threshold, missing_left, tree, right };
    by_feature[usize::from(node.feature)].push(question);
    gather(forest, node.children[1], (tree, begin), leaves, by_feature);
}
