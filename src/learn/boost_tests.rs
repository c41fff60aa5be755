//! Known answers, a naive twin of the best split, and worlds in which what can be learned is known.

use super::*;
use crate::learn::score::auc;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Columns of noise; the label is 1 with a probability that the first two decide, or one that nothing does.
fn world(seed: u64, rows: usize, is_learnable: bool) -> (Table, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut columns = vec![Vec::new(); 6];
    let mut labels = Vec::with_capacity(rows);
    for _ in 0..rows {
        let x: [f64; 6] = std::array::from_fn(|_| rng.random_range(-1.0..1.0));
        let log_odds = if x[0] > 0.2 { 2.0 * x[1] } else { -1.0 };
        let p = if is_learnable { probability(log_odds) } else { 0.4 };
        labels.push(f64::from(rng.random_bool(p)));
        columns.iter_mut().zip(x).for_each(|(column, x)| column.push(x));
        if rng.random_bool(0.2) {
            columns[2].pop();
            columns[2].push(f64::NAN);
        }
    }
    (Table { names: (0..6).map(|i| format!("x{i}")).collect(), columns }, labels)
}

fn thirds(rows: usize) -> [Vec<u32>; 3] {
    let part = |k: usize| (k * rows / 3..(k + 1) * rows / 3).map(|row| row as u32).collect();
    [part(0), part(1), part(2)]
}

fn tested(table: &Table, labels: &[f64]) -> f64 {
    let [train, valid, test] = thirds(labels.len());
    let parts = Parts { train: &train, valid: &valid };
    let forest = fit(table, labels, &parts, Loss::Log, &Options::default()).unwrap();
    assert!(forest.is_sound());
    let of = |row: &u32| (table.ask(&forest, *row as usize), labels[*row as usize]);
    let (said, seen): (Vec<f64>, Vec<f64>) = test.iter().map(of).unzip();
    auc(&said, &seen).unwrap()
}

#[test]
fn what_can_be_learned_is_and_what_cannot_is_not() {
    let seed = 7;
    let (table, labels) = world(seed, 9_000, true);
    let learned = tested(&table, &labels);
    assert!(learned > 0.68, "seed {seed}: {learned}");
    let (table, labels) = world(seed, 9_000, false);
    let nothing = tested(&table, &labels);
    assert!((nothing - 0.5).abs() < 0.03, "seed {seed}: {nothing}");
}

#[test]
fn the_same_table_makes_the_same_bytes() {
    let (table, labels) = world(3, 3_000, true);
    let [train, valid, _] = thirds(labels.len());
    let parts = Parts { train: &train, valid: &valid };
    let make = || {
        let forest = fit(&table, &labels, &parts, Loss::Log, &Options::default()).unwrap();
        serde_json::to_string(&forest).unwrap()
    };
    assert_eq!(make(), make());
}

/// The first split of one tree is the one that a search of all thresholds finds.
#[test]
fn the_first_split_is_the_best_there_is() {
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let rows = 60_u32;
        let column = |rng: &mut ChaCha8Rng| -> Vec<f64> {
            (0..rows).map(|_| f64::from(rng.random_range(0..25_i32))).collect()
        };
        let columns = vec![column(&mut rng), column(&mut rng)];
        let labels: Vec<f64> = (0..rows).map(|_| rng.random_range(-1.0..1.0)).collect();
        let table = Table { names: vec!["a".to_owned(), "b".to_owned()], columns };
        let options = Options { trees: 1, leaves: 2, rate: 1.0, l2: 0.5, min_leaf: 3, patience: 1 };
        let all: Vec<u32> = (0..rows).collect();
        let parts = Parts { train: &all, valid: &[] };
        let forest = fit(&table, &labels, &parts, Loss::Squared, &options).unwrap();
        let mean = labels.iter().sum::<f64>() / f64::from(rows);
        let gain = |of: &[f64], n: usize| {
            of.iter().map(|l| l - mean).sum::<f64>().powi(2) / (n as f64 + 0.5)
        };
        let mut best = (0.0, 0, 0.0);
        for (at, column) in table.columns.iter().enumerate() {
            for threshold in column {
                let (left, right): (Vec<usize>, Vec<usize>) =
                    (0..labels.len()).partition(|row| column[*row] <= *threshold);
                if left.len().min(right.len()) < 3 {
                    continue;
                }
                let of = |rows: &[usize]| rows.iter().map(|row| labels[*row]).collect::<Vec<_>>();
                let gained = gain(&of(&left), left.len()) + gain(&of(&right), right.len());
                if gained > best.0 + 1e-9 {
                    best = (gained, at, *threshold);
                }
            }
        }
        let node = forest.nodes[0];
        assert_eq!(usize::from(node.feature), best.1, "seed {seed}");
        let column = &table.columns[best.1];
        let same = column.iter().all(|v| (*v <= node.threshold) == (*v <= best.2));
        assert!(same, "seed {seed}: {} and {}", node.threshold, best.2);
        let left: Vec<f64> =
            (0..labels.len()).filter(|r| column[*r] <= best.2).map(|r| labels[r] - mean).collect();
        let known = left.iter().sum::<f64>() / (left.len() as f64 + 0.5);
        assert!((forest.leaves[0] - known).abs() < 1e-9, "seed {seed}");
    }
}

#[test]
fn what_is_missing_is_a_side_of_its_own() {
    // The label is whether the number is missing, and nothing else.
    let column: Vec<f64> =
        (0..200).map(|i| if i % 2 == 0 { f64::NAN } else { f64::from(i) }).collect();
    let labels: Vec<f64> = (0..200).map(|i| f64::from(i % 2 == 0)).collect();
    let table = Table { names: vec!["x".to_owned()], columns: vec![column] };
    let all: Vec<u32> = (0..200).collect();
    let parts = Parts { train: &all, valid: &[] };
    let options = Options { trees: 20, ..Options::default() };
    let forest = fit(&table, &labels, &parts, Loss::Log, &options).unwrap();
    assert!(table.ask(&forest, 0) > 1.0 && table.ask(&forest, 1) < -1.0);
}

#[test]
fn growing_ends_when_it_does_not_help() {
    let (table, labels) = world(5, 3_000, false);
    let [train, valid, _] = thirds(labels.len());
    let parts = Parts { train: &train, valid: &valid };
    let forest = fit(&table, &labels, &parts, Loss::Log, &Options::default()).unwrap();
    assert!(forest.roots.len() < 10, "{} trees of noise", forest.roots.len());
    assert!(forest.is_sound());
    let all =
        fit(&table, &labels, &Parts { train: &train, valid: &[] }, Loss::Log, &Options::default());
    assert_eq!(all.unwrap().roots.len(), 64, "without rows to end by, all");
}

#[test]
fn what_nothing_can_be_learned_from_is_named() {
    let (table, labels) = world(1, 300, true);
    let all: Vec<u32> = (0..300).collect();
    let parts = Parts { train: &all, valid: &[] };
    let with = |table: &Table, labels: &[f64], options: &Options| {
        fit(table, labels, &parts, Loss::Log, options).unwrap_err()
    };
    let usual = Options::default();
    assert_eq!(with(&table, &[1.0; 300], &usual), Unfit::OneClass { rows: 300, label: 1.0 });
    let mut torn = labels.clone();
    torn[17] = f64::NAN;
    assert!(matches!(with(&table, &torn, &usual), Unfit::Label { row: 17, .. }));
    let mut wild = table.clone();
    wild.columns[4][9] = f64::INFINITY;
    assert_eq!(with(&wild, &labels, &usual), Unfit::Infinite { column: "x4".to_owned(), row: 9 });
    let still = Table {
        names: vec!["a".to_owned(), "b".to_owned()],
        columns: vec![vec![1.0; 300], vec![f64::NAN; 300]],
    };
    assert_eq!(with(&still, &labels, &usual), Unfit::Constant("a, b".to_owned()));
    let wide = Table { names: vec![String::new(); 17], columns: vec![vec![1.0; 300]; 17] };
    assert_eq!(with(&wide, &labels, &usual), Unfit::Wide(17));
    let few = Options { min_leaf: 151, ..Options::default() };
    assert_eq!(with(&table, &labels, &few), Unfit::TooFew { rows: 300, least: 302 });
    for options in [Options { trees: 65, ..usual.clone() }, Options { rate: 0.0, ..usual.clone() }]
    {
        assert!(matches!(with(&table, &labels, &options), Unfit::Options(_)));
    }
}
