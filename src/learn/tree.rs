//! One tree: leaf by leaf, always where a split gains most, from sums of gradients by class. Sums are made in
//! the order of rows by one thread, so the same rows make the same tree, to the last bit.

use super::bins::{Bins, CLASSES, MISSING};
use super::options::Options;
use botmm_pipeline::types::params::{Forest, Node};

/// Least sum of second derivatives a side: below it a class's log-odds run away.
const MIN_HESSIAN: f64 = 1e-3;

/// Of some rows: sums of first and second derivatives of the loss, and how many they are.
#[derive(Clone, Copy, Default)]
struct Sums {
    g: f64,
    h: f64,
    n: u32,
}

impl Sums {
    fn add(&mut self, other: Self) {
        *self = Self { g: self.g + other.g, h: self.h + other.h, n: self.n + other.n };
    }
    fn without(self, other: Self) -> Self {
        Self { g: self.g - other.g, h: self.h - other.h, n: self.n - other.n }
    }
    fn gain(self, l2: f64) -> f64 {
        self.g * self.g / (self.h + l2)
    }
}

/// By column, then class.
type Histogram = Vec<Sums>;

/// Where a leaf is best parted.
#[derive(Clone, Copy)]
struct Split {
    gain: f64,
    column: usize,
    /// Classes up to this go left.
    class: usize,
    missing_left: bool,
}

/// A leaf that grows.
struct Leaf {
    rows: Vec<u32>,
    histogram: Histogram,
    sums: Sums,
    best: Option<Split>,
    /// The node, and which child of it this is; [`None`] = the root.
    parent: Option<(usize, usize)>,
}

/// What trees are grown from.
pub struct Grower<'a> {
    /// Each column's classes.
    pub bins: &'a [Bins],
    /// First and second derivatives of the loss, by row.
    pub gradients: &'a [(f64, f64)],
    /// How trees are to be.
    pub options: &'a Options,
}

impl Grower<'_> {
    /// Adds the tree of these rows to a forest; the rows of each of its leaves, with what the leaf adds. A tree
    /// without a split is not added.
    pub fn grow(&self, rows: &[u32], forest: &mut Forest) -> Vec<(Vec<u32>, f64)> {
        let mut leaves = vec![self.leaf(rows.to_vec(), None, None)];
        let (first_node, first_leaf) = (forest.nodes.len(), forest.leaves.len());
        while leaves.len() < self.options.leaves {
            let gains = leaves.iter().enumerate().filter_map(|(at, l)| Some((l.best?, at)));
            let best =
                gains.reduce(|best, next| if next.0.gain > best.0.gain { next } else { best });
            let Some((split, at)) = best else { break };
            let node = forest.nodes.len();
            if let Some((parent, child)) = leaves[at].parent {
                forest.nodes[parent].children[child] = node as i16;
            }
            forest.nodes.push(self.node(split));
            let parted = leaves.swap_remove(at);
            let [left, right] = self.part(parted, split, node);
            leaves.push(left);
            leaves.push(right);
        }
        if leaves.len() == 1 {
            return Vec::new();
        }
        forest.roots.push(first_node as i16);
        let mut grown = Vec::with_capacity(leaves.len());
        for (at, leaf) in leaves.into_iter().enumerate() {
            let adds = -leaf.sums.g / (leaf.sums.h + self.options.l2) * self.options.rate;
            if let Some((parent, child)) = leaf.parent {
                forest.nodes[parent].children[child] = !((first_leaf + at) as i16);
            }
            forest.leaves.push(adds);
            grown.push((leaf.rows, adds));
        }
        grown
    }

    fn node(&self, split: Split) -> Node {
        let edges = &self.bins[split.column].edges;
        // Beyond the last edge is every number: what is missing is parted from all.
        let threshold = edges.get(split.class).copied().unwrap_or(f64::MAX);
        let (feature, missing_left) = (split.column as u8, split.missing_left);
        Node { threshold, children: [0, 0], feature, missing_left }
    }

    fn part(&self, leaf: Leaf, split: Split, node: usize) -> [Leaf; 2] {
        let classes = &self.bins[split.column].of;
        let goes_left = |row: &u32| match classes[*row as usize] {
            MISSING => split.missing_left,
            class => usize::from(class) <= split.class,
        };
        let (left, right): (Vec<u32>, Vec<u32>) = leaf.rows.iter().partition(|row| goes_left(row));
        // The smaller one is counted, the other is what is left.
        let (small, is_left) =
            if left.len() <= right.len() { (&left, true) } else { (&right, false) };
        let counted = self.histogram(small);
        let rest =
            leaf.histogram.iter().zip(&counted).map(|(all, some)| all.without(*some)).collect();
        let (of_left, of_right) = if is_left { (counted, rest) } else { (rest, counted) };
        [
            self.leaf(left, Some(of_left), Some((node, 0))),
            self.leaf(right, Some(of_right), Some((node, 1))),
        ]
    }

    fn leaf(
        &self,
        rows: Vec<u32>,
        counted: Option<Histogram>,
        parent: Option<(usize, usize)>,
    ) -> Leaf {
        let histogram = counted.unwrap_or_else(|| self.histogram(&rows));
        let mut sums = Sums::default();
        for row in &rows {
            let (g, h) = self.gradients[*row as usize];
            sums.add(Sums { g, h, n: 1 });
        }
        let best = self.best(&histogram, sums);
        Leaf { rows, histogram, sums, best, parent }
    }

    fn histogram(&self, rows: &[u32]) -> Histogram {
        let mut histogram = vec![Sums::default(); self.bins.len() * CLASSES];
        for (bins, of) in self.bins.iter().zip(histogram.chunks_exact_mut(CLASSES)) {
            for row in rows {
                let (g, h) = self.gradients[*row as usize];
                of[usize::from(bins.of[*row as usize])].add(Sums { g, h, n: 1 });
            }
        }
        histogram
    }

    /// The split that gains most; of equal ones the first.
    fn best(&self, histogram: &[Sums], all: Sums) -> Option<Split> {
        let mut best: Option<Split> = None;
        let before = all.gain(self.options.l2);
        let mut offer = |column: usize, class: usize, left: Sums, missing_left: bool| {
            let right = all.without(left);
            let has_few = left.n.min(right.n) < self.options.min_leaf;
            if has_few || left.h.min(right.h) < MIN_HESSIAN {
                return;
            }
            let gain = left.gain(self.options.l2) + right.gain(self.options.l2) - before;
            // What rounding alone makes is no gain.
            if gain > best.map_or(1e-9 * (1.0 + before), |b| b.gain) {
                best = Some(Split { gain, column, class, missing_left });
            }
        };
        for (column, (bins, of)) in
            self.bins.iter().zip(histogram.chunks_exact(CLASSES)).enumerate()
        {
            let missing = of[usize::from(MISSING)];
            let mut left = Sums::default();
            for (class, sums) in of.iter().enumerate().take(bins.edges.len() + 1) {
                left.add(*sums);
                let is_last = class == bins.edges.len();
                if missing.n == 0 {
                    // What was never missing here goes where most go.
                    if !is_last {
                        offer(column, class, left, 2 * left.n >= all.n);
                    }
                    continue;
                }
                offer(column, class, left, false);
                if !is_last {
                    let mut with = left;
                    with.add(missing);
                    offer(column, class, with, true);
                }
            }
        }
        best
    }
}
