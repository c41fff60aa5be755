//! LightGBM's text dump (`Booster.save_model`) as a forest: binary and regression objectives, numerical splits.
//! The rest of its form (classes, categories, linear leaves, averages of trees) is refused by name.

use super::file::{placed, places};
use botmm_pipeline::types::params::{Forest, MAX_LEAVES, MAX_TREES, Node};
use std::collections::BTreeMap;
use std::str::FromStr;

/// Whether what is missing has a side of its own, in a dump's decision types: bits 2 and 3.
const MISSING_NONE: u8 = 0;
const MISSING_NAN: u8 = 2;
/// The bit that says that what is missing goes left, and the one of a split by category.
const DEFAULT_LEFT: u8 = 2;
const CATEGORICAL: u8 = 1;
/// Of thresholds that no number is above.
const ALL_LEFT: f64 = f64::MAX;

type Keys<'a> = BTreeMap<&'a str, &'a str>;

/// A dump's text as a forest whose leaves add up to log-odds (`binary`) or to the mean (`regression`).
///
/// # Errors
/// In words: what is not understood, or too large to be asked in the middle of a quote.
pub fn parse(text: &str) -> Result<Forest, String> {
    let text = text.split("\nend of trees").next().unwrap_or_default();
    let mut parts = text.split("\nTree=");
    let head = keys(parts.next().unwrap_or_default());
    if !text.starts_with("tree") {
        return Err("no text dump of LightGBM's: its first line is \"tree\"".to_owned());
    }
    check(&head, text)?;
    let names: Vec<String> = list(&head, "feature_names")?;
    let places = places(&names)?;
    let scale = scale(&head)?;
    let mut forest = Forest::default();
    let parts: Vec<&str> = parts.collect();
    if parts.len() > MAX_TREES {
        let trees = parts.len();
        return Err(format!("{trees} trees, and {MAX_TREES} are the most that a quote waits for"));
    }
    for (number, part) in parts.into_iter().enumerate() {
        add(&mut forest, &keys(part), scale).map_err(|e| format!("Tree={number}: {e}"))?;
    }
    let forest = placed(forest, &places)?;
    match forest.is_sound() {
        true => Ok(forest),
        false => Err("its trees lead nowhere, or not to numbers".to_owned()),
    }
}

fn keys(text: &str) -> Keys<'_> {
    text.lines().filter_map(|line| line.split_once('=')).collect()
}

fn check(head: &Keys<'_>, text: &str) -> Result<(), String> {
    for (key, allowed) in [("num_class", "1"), ("num_tree_per_iteration", "1")] {
        let found = head.get(key).copied().unwrap_or(allowed);
        if found != allowed {
            return Err(format!("{key}={found}: of one class alone"));
        }
    }
    match text.lines().any(|line| line == "average_output") {
        true => {
            Err("average_output: trees that are averaged (random forests) are not read".to_owned())
        }
        false => Ok(()),
    }
}

/// What sums are multiplied by to be log-odds.
fn scale(head: &Keys<'_>) -> Result<f64, String> {
    let objective = head.get("objective").copied().unwrap_or_default();
    let mut words = objective.split(' ');
    match words.next() {
        Some("regression" | "regression_l2") if words.next().is_none() => Ok(1.0),
        Some("binary") => {
            let sigmoid = words.find_map(|word| word.strip_prefix("sigmoid:")).unwrap_or("1");
            sigmoid.parse().map_err(|_| format!("objective={objective}: no number"))
        }
        _ => Err(format!("objective={objective}: only binary and regression are read")),
    }
}

fn add(forest: &mut Forest, keys: &Keys<'_>, scale: f64) -> Result<(), String> {
    let one = |key: &str| -> Result<usize, String> {
        Ok(list::<usize>(keys, key)?.first().copied().unwrap_or(0))
    };
    if keys.get("is_linear").is_some_and(|v| *v != "0") {
        return Err("is_linear: linear leaves are not read".to_owned());
    }
    if keys.get("num_cat").is_some_and(|v| *v != "0") {
        return Err("num_cat: splits by category are not read".to_owned());
    }
    let leaves: Vec<f64> = list(keys, "leaf_value")?;
    let count = one("num_leaves")?;
    if leaves.len() != count || count == 0 || count > MAX_LEAVES {
        return Err(format!(
            "{count} leaves with {} values; allowed: 1 to {MAX_LEAVES}",
            leaves.len()
        ));
    }
    let (first_node, first_leaf) = (forest.nodes.len() as i16, forest.leaves.len() as i16);
    forest.leaves.extend(leaves.iter().map(|leaf| leaf * scale));
    if count == 1 {
        forest.roots.push(!first_leaf);
        return Ok(());
    }
    let features: Vec<u8> = list(keys, "split_feature")?;
    let thresholds: Vec<f64> = list(keys, "threshold")?;
    let types: Vec<u8> = list(keys, "decision_type")?;
    let children = [list::<i16>(keys, "left_child")?, list::<i16>(keys, "right_child")?];
    let lengths =
        [features.len(), thresholds.len(), types.len(), children[0].len(), children[1].len()];
    if lengths != [count - 1; 5] {
        return Err(format!("{count} leaves, and its lists of nodes have {lengths:?} entries"));
    }
    forest.roots.push(first_node);
    for at in 0..count - 1 {
        let to = |side: usize| match children[side][at] {
            leaf if leaf < 0 => !first_leaf.saturating_add(!leaf),
            node => first_node.saturating_add(node),
        };
        let (threshold, missing_left) = question(thresholds[at], types[at])?;
        let children = [to(0), to(1)];
        forest.nodes.push(Node { threshold, children, feature: features[at], missing_left });
    }
    Ok(())
}

/// Threshold, and where what is missing goes. Without a side of its own it counts as zero.
fn question(threshold: f64, kind: u8) -> Result<(f64, bool), String> {
    if kind & CATEGORICAL != 0 {
        return Err("decision_type: splits by category are not read".to_owned());
    }
    let threshold = threshold.clamp(-ALL_LEFT, ALL_LEFT);
    match (kind >> 2) & 3 {
        MISSING_NONE => Ok((threshold, threshold >= 0.0)),
        MISSING_NAN => Ok((threshold, kind & DEFAULT_LEFT != 0)),
        _ => {
            Err("decision_type: zeros that count as missing are not read (zero_as_missing)"
                .to_owned())
        }
    }
}

fn list<T: FromStr>(keys: &Keys<'_>, key: &str) -> Result<Vec<T>, String> {
    let text = keys.get(key).ok_or_else(|| format!("{key} is not there"))?;
    let read = |word: &str| word.parse().map_err(|_| format!("{key}: {word:?} is not understood"));
    text.split(' ').filter(|word| !word.is_empty()).map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use botmm_pipeline::logic::fill_model;
    use botmm_pipeline::types::params::FEATURES;

    /// Written by hand, in the form of LightGBM 4: two trees over two of our features.
    const DUMP: &str = "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\n\
        objective=binary sigmoid:2\nfeature_names=vol_bps distance_bps\nfeature_infos=[0:9] [0:9]\ntree_sizes=1 2\n\n\
        Tree=0\nnum_leaves=3\nnum_cat=0\nsplit_feature=1 0\nsplit_gain=9 4\nthreshold=1.5 2.5\n\
        decision_type=10 8\nleft_child=1 -1\nright_child=-2 -3\nleaf_value=0.1 -0.4 0.3\nis_linear=0\nshrinkage=1\n\n\n\
        Tree=1\nnum_leaves=2\nnum_cat=0\nsplit_feature=1\nthreshold=-0.5\ndecision_type=0\nleft_child=-1\n\
        right_child=-2\nleaf_value=1 2\nis_linear=0\nshrinkage=0.1\n\n\nend of trees\n\nfeature_importances:\nvol_bps=1\n";

    fn ask(forest: &Forest, vol: f64, distance: f64) -> f64 {
        let mut asked = [f64::NAN; FEATURES];
        (asked[1], asked[8]) = (vol, distance);
        fill_model::sum(forest, &asked)
    }

    #[test]
    fn a_dump_written_by_hand_says_what_is_known() {
        let forest = parse(DUMP).unwrap();
        for (vol, distance, tree_0, tree_1) in [
            (2.5, 1.5, 0.1, 2.0),
            (2.6, 1.5, 0.3, 2.0),
            (0.0, 1.6, -0.4, 2.0),
            (0.0, -0.5, 0.1, 1.0),
            // Missing goes right in the node of vol (8: NaN, not left), left in that of distance (10), and
            // counts as zero in the second tree (0: none).
            (f64::NAN, 0.0, 0.3, 2.0),
            (0.0, f64::NAN, 0.1, 2.0),
        ] {
            let said = ask(&forest, vol, distance);
            assert!((said - 2.0 * (tree_0 + tree_1)).abs() < 1e-12, "{vol} {distance}: {said}");
        }
    }

    #[test]
    fn what_is_not_read_is_named() {
        let known = |from: &str, to: &str, problem: &str| {
            assert!(DUMP.contains(from));
            let said = parse(&DUMP.replacen(from, to, 1)).unwrap_err();
            assert!(said.contains(problem), "{said}");
        };
        known("tree\n", "", "no text dump");
        known("num_class=1", "num_class=3", "num_class=3");
        known("binary sigmoid:2", "lambdarank", "objective=lambdarank");
        known("vol_bps dist", "weather dist", "no feature \"weather\"");
        known("label_index=0", "average_output", "average_output");
        known("num_cat=0", "num_cat=1", "Tree=0: num_cat");
        known("is_linear=0", "is_linear=1", "is_linear");
        known("decision_type=10 8", "decision_type=11 8", "by category");
        known("decision_type=10 8", "decision_type=6 8", "zero_as_missing");
        known("threshold=1.5 2.5", "threshold=1.5", "entries");
        known("threshold=1.5 2.5", "threshold=1.5 x", "not understood");
        known("leaf_value=0.1 -0.4 0.3", "leaf_value=0.1 -0.4", "3 leaves with 2 values");
        known("leaf_value=0.1 -0.4 0.3", "leaf_value=0.1 nan 0.3", "not to numbers");
        known("threshold=1.5 2.5", "threshold=1.5 nan", "not to numbers");
        known("sigmoid:2", "sigmoid:inf", "not to numbers");
        known("left_child=1 -1", "left_child=0 -1", "lead nowhere");
        known("right_child=-2 -3", "right_child=-2 -9", "lead nowhere");
        known("split_feature=1 0", "split_feature=1 7", "feature 7");
        let many: String =
            (0..65).map(|i| format!("\nTree={i}\nnum_leaves=1\nleaf_value=1\n")).collect();
        let head = DUMP.split("\nTree=").next().unwrap();
        assert!(parse(&format!("{head}{many}")).unwrap_err().starts_with("65 trees"));
    }
}
