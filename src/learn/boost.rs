//! Gradient boosting: trees one after the other, each on what the ones before have left. Small on purpose: a
//! forest is asked in the middle of a quote. One thread, a fixed order of sums, nothing random: the same table
//! makes the same forest, to the last bit.

use super::bins::Bins;
use super::options::Options;
use super::table::Table;
use super::tree::Grower;
use botmm_pipeline::types::params::{FEATURES, Forest, MAX_LEAVES, MAX_TREES};
use thiserror::Error;

/// What is made small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Of a label that is 0 or 1: the forest comes to log-odds.
    Log,
    /// Squares of what is left: the forest comes to means.
    Squared,
}

/// Why nothing can be learned.
#[derive(Debug, Error, PartialEq)]
pub enum Unfit {
    /// There is nothing to tell apart.
    #[error("all {rows} labels are {label}: there is nothing to tell apart")]
    OneClass {
        /// How many.
        rows: usize,
        /// Which.
        label: f64,
    },
    /// Too few for a single split.
    #[error("{rows} rows, and {least} are the least: two leaves")]
    TooFew {
        /// There are.
        rows: usize,
        /// There have to be.
        least: usize,
    },
    /// A label is no number.
    #[error("the label of row {row} is {label}")]
    Label {
        /// Which, from 0.
        row: usize,
        /// What it is.
        label: f64,
    },
    /// A number is infinite.
    #[error("{column} is infinite in row {row}")]
    Infinite {
        /// Of which column.
        column: String,
        /// Which row, from 0.
        row: usize,
    },
    /// No column tells rows apart.
    #[error("every feature is constant: {0}")]
    Constant(String),
    /// More columns than a forest is asked about.
    #[error("{0} features, and a forest is asked about at most {FEATURES}")]
    Wide(usize),
    /// Not to be grown so.
    #[error("{0}")]
    Options(String),
}

/// Rows that trees are grown from, and later ones that say when to end; [`None`] of these = all trees.
pub struct Parts<'a> {
    /// To grow from.
    pub train: &'a [u32],
    /// To end by; may be empty.
    pub valid: &'a [u32],
}

/// Grows a forest.
///
/// # Errors
/// See [`Unfit`].
pub fn fit(
    table: &Table,
    labels: &[f64],
    parts: &Parts<'_>,
    loss: Loss,
    options: &Options,
) -> Result<Forest, Unfit> {
    check(table, labels, parts.train, loss, options)?;
    let bins: Vec<Bins> = table.columns.iter().map(|c| Bins::new(c, parts.train)).collect();
    let mut forest = Forest { base: base(labels, parts.train, loss), ..Forest::default() };
    let mut come_to = vec![forest.base; labels.len()];
    let mut gradients = vec![(0.0, 0.0); labels.len()];
    let (mut least, mut best) = (mean_loss(&come_to, labels, parts.valid, loss), 0);
    for tree in 1..=options.trees {
        for row in parts.train.iter().map(|row| *row as usize) {
            gradients[row] = derivatives(come_to[row], labels[row], loss);
        }
        let grower = Grower { bins: &bins, gradients: &gradients, options };
        let before = forest.roots.len();
        let grown = grower.grow(parts.train, &mut forest);
        if grown.is_empty() {
            break;
        }
        for (rows, adds) in grown {
            rows.iter().for_each(|row| come_to[*row as usize] += adds);
        }
        let newest = Forest { base: 0.0, roots: vec![forest.roots[before]], ..forest.clone() };
        for row in parts.valid {
            come_to[*row as usize] += table.ask(&newest, *row as usize);
        }
        let now = mean_loss(&come_to, labels, parts.valid, loss);
        if parts.valid.is_empty() || now < least {
            (least, best) = (now, tree);
        } else if tree - best >= options.patience {
            break;
        }
    }
    cut(&mut forest, best);
    Ok(forest)
}

/// The first trees of a forest alone.
fn cut(forest: &mut Forest, trees: usize) {
    let end = forest.roots.get(trees).copied();
    forest.roots.truncate(trees);
    let Some(end) = end else { return };
    forest.nodes.truncate(end as usize);
    let leaves = forest.nodes.iter().flat_map(|n| n.children).filter(|c| *c < 0);
    let most = leaves.map(|leaf| !leaf as usize + 1).max().unwrap_or(0);
    forest.leaves.truncate(most);
}

fn check(
    table: &Table,
    labels: &[f64],
    train: &[u32],
    loss: Loss,
    options: &Options,
) -> Result<(), Unfit> {
    let Options { trees, leaves, rate, l2, min_leaf, .. } = *options;
    if !(1..=MAX_TREES).contains(&trees) || !(2..=MAX_LEAVES).contains(&leaves) {
        let allowed = format!("1 to {MAX_TREES} trees of 2 to {MAX_LEAVES} leaves");
        return Err(Unfit::Options(format!(
            "{trees} trees of {leaves} leaves; allowed: {allowed}"
        )));
    }
    if !(rate > 0.0 && rate <= 1.0 && l2 >= 0.0 && l2.is_finite() && min_leaf > 0) {
        let what = format!("rate {rate}, l2 {l2}, at least {min_leaf} rows a leaf");
        return Err(Unfit::Options(format!("{what}; allowed: (0, 1], from 0, from 1")));
    }
    if table.columns.len() > FEATURES {
        return Err(Unfit::Wide(table.columns.len()));
    }
    let least = 2 * min_leaf as usize;
    if train.len() < least {
        return Err(Unfit::TooFew { rows: train.len(), least });
    }
    for row in train.iter().map(|row| *row as usize) {
        if !labels[row].is_finite() {
            return Err(Unfit::Label { row, label: labels[row] });
        }
        if let Some(at) = table.columns.iter().position(|c| c[row].is_infinite()) {
            return Err(Unfit::Infinite { column: table.names[at].clone(), row });
        }
    }
    let first = labels[train[0] as usize];
    if loss == Loss::Log
        && train.iter().all(|row| labels[*row as usize].to_bits() == first.to_bits())
    {
        return Err(Unfit::OneClass { rows: train.len(), label: first });
    }
    if table.constant(train).len() == table.columns.len() {
        return Err(Unfit::Constant(table.names.join(", ")));
    }
    Ok(())
}

/// What is best said without a tree.
fn base(labels: &[f64], train: &[u32], loss: Loss) -> f64 {
    let mean = train.iter().map(|row| labels[*row as usize]).sum::<f64>() / train.len() as f64;
    match loss {
        Loss::Squared => mean,
        Loss::Log => (mean / (1.0 - mean)).ln(),
    }
}

fn derivatives(come_to: f64, label: f64, loss: Loss) -> (f64, f64) {
    match loss {
        Loss::Squared => (come_to - label, 1.0),
        Loss::Log => {
            let p = probability(come_to);
            (p - label, p * (1.0 - p))
        }
    }
}

/// Of log-odds.
pub fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

fn mean_loss(come_to: &[f64], labels: &[f64], rows: &[u32], loss: Loss) -> f64 {
    let of = |row: &u32| {
        let (x, label) = (come_to[*row as usize], labels[*row as usize]);
        match loss {
            Loss::Squared => (x - label) * (x - label),
            Loss::Log => x.max(0.0) - x * label + (-x.abs()).exp().ln_1p(),
        }
    };
    rows.iter().map(of).sum::<f64>() / rows.len().max(1) as f64
}

#[cfg(test)]
#[path = "boost_tests.rs"]
mod tests;
