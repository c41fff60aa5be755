//! How good predictions are, on rows that nothing was learned from.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Classes of a reliability diagram.
const CLASSES: usize = 10;

/// Of predicted probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// Of how many rows.
    pub rows: usize,
    /// How many of them were labelled 1.
    pub hits: usize,
    /// Area under the curve: how often a row labelled 1 was given more than one labelled 0; [`None`] = one kind
    /// is missing.
    pub auc: Option<f64>,
    /// Its standard error (Hanley and McNeil 1982), as if orders were independent of each other.
    pub auc_se: Option<f64>,
    /// Mean square of probability − label.
    pub brier: f64,
    /// The same of always saying the mean.
    pub brier_of_mean: f64,
    /// By predicted probability, equally many rows each.
    pub reliability: Vec<Reliability>,
}

/// A class of a reliability diagram.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// Rows in it.
    pub rows: usize,
    /// What was predicted, on average.
    pub predicted: f64,
    /// The share that was labelled 1.
    pub seen: f64,
    /// Half a 95 % interval of that (Wilson).
    pub half_interval: f64,
}

/// Of probabilities and labels that are 0 or 1. Rows of one group share their fate: for errors they count as one.
pub fn score(predicted: &[f64], labels: &[f64], groups: &[u32]) -> Scored {
    let rows = labels.len();
    let hits = labels.iter().filter(|label| **label > 0.5).count();
    let mean = hits as f64 / rows.max(1) as f64;
    let square = |said: &dyn Fn(usize) -> f64| {
        (0..rows).map(|i| (said(i) - labels[i]).powi(2)).sum::<f64>() / rows.max(1) as f64
    };
    let auc = auc(predicted, labels);
    Scored {
        rows,
        hits,
        auc,
        auc_se: auc.map(|auc| {
            let of = |hit: bool| distinct((0..rows).filter(|i| (labels[*i] > 0.5) == hit), groups);
            auc_se(auc, of(true), of(false))
        }),
        brier: square(&|i| predicted[i]),
        brier_of_mean: square(&|_| mean),
        reliability: reliability(predicted, labels, groups),
    }
}

/// By ranks; equal predictions share theirs.
pub fn auc(predicted: &[f64], labels: &[f64]) -> Option<f64> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_unstable_by(|a, b| predicted[*a].total_cmp(&predicted[*b]));
    let (mut below, mut pairs, mut at) = (0.0, 0.0, 0);
    while at < order.len() {
        let said = predicted[order[at]];
        let same =
            order[at..].iter().take_while(|i| predicted[**i].total_cmp(&said).is_eq()).count();
        let hits = order[at..at + same].iter().filter(|i| labels[**i] > 0.5).count() as f64;
        let misses = same as f64 - hits;
        pairs += hits * (below + misses / 2.0);
        below += misses;
        at += same;
    }
    let hits = labels.len() as f64 - below;
    (hits > 0.0 && below > 0.0).then(|| pairs / (hits * below))
}

fn auc_se(auc: f64, hits: f64, misses: f64) -> f64 {
    let (q1, q2) = (auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc));
    let square = auc * auc;
    let sum = auc * (1.0 - auc) + (hits - 1.0) * (q1 - square) + (misses - 1.0) * (q2 - square);
    (sum.max(0.0) / (hits * misses)).sqrt()
}

/// Classes of equally many rows, by what was predicted of them.
pub fn reliability(predicted: &[f64], labels: &[f64], groups: &[u32]) -> Vec<Reliability> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|a, b| predicted[*a].total_cmp(&predicted[*b]));
    let n = order.len();
    let classes = CLASSES.min(n);
    let class = |k: usize| {
        let rows = &order[k * n / classes..(k + 1) * n / classes];
        let count = rows.len() as f64;
        let sum = |of: &[f64]| rows.iter().map(|i| of[*i]).sum::<f64>() / count;
        let seen = sum(labels);
        Reliability {
            rows: rows.len(),
            predicted: sum(predicted),
            seen,
            half_interval: half_interval(seen, distinct(rows.iter().copied(), groups)),
        }
    };
    (0..classes).map(class).collect()
}

/// How many groups there are among rows.
fn distinct(rows: impl Iterator<Item = usize>, groups: &[u32]) -> f64 {
    rows.map(|row| groups[row]).collect::<BTreeSet<u32>>().len() as f64
}

/// Half of Wilson's 95 % interval of a share.
fn half_interval(share: f64, n: f64) -> f64 {
    let z = 1.959_963_984_540_054_f64;
    z / (1.0 + z * z / n) * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt()
}

/// Of predicted numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// Of how many rows.
    pub rows: usize,
    /// Of how many orders.
    pub groups: usize,
    /// What was seen, on average.
    pub seen: f64,
    /// What was predicted, on average.
    pub predicted: f64,
    /// 1 − mean square of what is left / that of what the rows learned from were on average. Below zero = worse
    /// than that.
    pub r2: Option<f64>,
    /// How many standard errors the squares got smaller by (as if orders were independent of each other).
    pub t: Option<f64>,
}

/// Of predictions against what was seen; `plain` = what would be said without a model. Rows of one group count as
/// one for the error.
pub fn fitted(predicted: &[f64], seen: &[f64], plain: f64, groups: &[u32]) -> Fitted {
    let n = seen.len() as f64;
    let mean = |of: &[f64]| of.iter().sum::<f64>() / n.max(1.0);
    let square = |said: f64, i: usize| (said - seen[i]).powi(2);
    let without: f64 = (0..seen.len()).map(|i| square(plain, i)).sum();
    let with: f64 = (0..seen.len()).map(|i| square(predicted[i], i)).sum();
    let mut better: BTreeMap<u32, f64> = BTreeMap::new();
    for i in 0..seen.len() {
        *better.entry(groups[i]).or_default() += square(plain, i) - square(predicted[i], i);
    }
    let count = better.len() as f64;
    let average = better.values().sum::<f64>() / count;
    let spread = better.values().map(|b| (b - average).powi(2)).sum::<f64>() / (count - 1.0);
    let t = average / (spread / count).sqrt();
    Fitted {
        rows: seen.len(),
        groups: better.len(),
        seen: mean(seen),
        predicted: mean(predicted),
        r2: (without > 0.0).then(|| 1.0 - with / without),
        t: (count > 2.0 && t.is_finite()).then_some(t),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_of_small_cases_are_known() {
        let labels = [0.0, 0.0, 1.0, 1.0];
        let percent =
            |predicted: [f64; 4]| (auc(&predicted, &labels).unwrap() * 100.0).round() as i64;
        assert_eq!(percent([0.1, 0.4, 0.35, 0.8]), 75);
        assert_eq!(percent([0.1, 0.2, 0.3, 0.4]), 100);
        assert_eq!(percent([0.4, 0.3, 0.2, 0.1]), 0);
        assert_eq!(percent([0.5; 4]), 50, "equal ones share their ranks");
        assert_eq!(auc(&[0.1, 0.2], &[1.0, 1.0]), None);
    }

    #[test]
    fn the_area_is_the_share_of_pairs_in_order() {
        // A naive twin: every pair.
        let noise = |i: u64| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / 1e6;
        let predicted: Vec<f64> = (0..200).map(|i| (noise(i) * 20.0).round()).collect();
        let labels: Vec<f64> = (0..200).map(|i| f64::from(noise(i + 999) > 8.0)).collect();
        let (mut pairs, mut in_order) = (0.0, 0.0);
        for i in 0..200 {
            for j in 0..200 {
                if labels[i] > labels[j] {
                    pairs += 1.0;
                    in_order += match predicted[i].total_cmp(&predicted[j]) {
                        std::cmp::Ordering::Greater => 1.0,
                        std::cmp::Ordering::Equal => 0.5,
                        std::cmp::Ordering::Less => 0.0,
                    };
                }
            }
        }
        assert!(pairs > 100.0);
        assert!((auc(&predicted, &labels).unwrap() - in_order / pairs).abs() < 1e-12);
    }

    #[test]
    fn scores_of_known_probabilities() {
        let scored = score(&[0.0, 0.5, 1.0, 0.5], &[0.0, 1.0, 1.0, 0.0], &[0, 1, 2, 3]);
        assert_eq!((scored.rows, scored.hits), (4, 2));
        assert_eq!((scored.brier, scored.brier_of_mean), (0.125, 0.25));
        assert_eq!(scored.auc, Some(0.875));
        let classes = reliability(
            &vec![0.25; 1000],
            &(0..1000).map(|i| f64::from(i % 4 == 0)).collect::<Vec<_>>(),
            &(0..1000).collect::<Vec<_>>(),
        );
        assert_eq!(classes.len(), 10);
        for class in classes {
            assert!((class.predicted - 0.25).abs() < 1e-12 && class.rows == 100);
            assert!((class.seen - 0.25).abs() <= class.half_interval, "{class:?}");
        }
        // Wilson's interval of 5 in 10: 0.237 to 0.763.
        assert!((half_interval(0.5, 10.0) - 0.263).abs() < 0.001);
    }

    #[test]
    fn fits_are_measured_against_saying_nothing() {
        let (seen, each) = ([1.0, 2.0, 3.0, 4.0], [0, 1, 2, 3]);
        let perfect = fitted(&seen, &seen, 2.5, &each);
        assert_eq!((perfect.r2, perfect.seen), (Some(1.0), 2.5));
        assert_eq!(fitted(&[2.5; 4], &seen, 2.5, &each).r2, Some(0.0));
        assert!(fitted(&[4.0, 3.0, 2.0, 1.0], &seen, 2.5, &each).r2.unwrap() < 0.0);
    }
}
