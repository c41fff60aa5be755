//! Probability of back-test overfitting by combinatorially symmetric cross-validation (Bailey, Borwein, López de
//! Prado and Zhu 2017): how often the set of parameters that was best in one half of the time is below the median
//! in the other half, over all ways to part the time.

/// The most blocks that the time is cut into: 12,870 ways to part them.
pub const MOST_BLOCKS: usize = 16;
/// The fewest that say anything: 6 ways.
const FEWEST_BLOCKS: usize = 4;

/// Count, sum and sum of squares of a block of one trial's profits.
type Sums = [f64; 3];

/// Between 0 (what is best stays good) and 1 (what is best will be bad; 0.5 is chance). `trials` hold the profits
/// of the same periods, one set of parameters each; the time is cut into `blocks` of the same length (even, 4 to
/// 16; periods left over at the end are not used). [`None`] under two trials, when they differ in length, when a
/// block would hold less than two periods, or when a value is not finite.
pub fn probability(trials: &[Vec<f64>], blocks: usize) -> Option<f64> {
    assert!(
        blocks.is_multiple_of(2) && (FEWEST_BLOCKS..=MOST_BLOCKS).contains(&blocks),
        "as documented"
    );
    let periods = trials.first()?.len();
    let length = periods / blocks;
    let is_sound = |t: &Vec<f64>| t.len() == periods && t.iter().all(|v| v.is_finite());
    if trials.len() < 2 || length < 2 || !trials.iter().all(is_sound) {
        return None;
    }
    let sums = |block: &[f64]| -> Sums {
        [block.len() as f64, block.iter().sum(), block.iter().map(|v| v * v).sum()]
    };
    let sums: Vec<Vec<Sums>> =
        trials.iter().map(|t| t.chunks_exact(length).take(blocks).map(sums).collect()).collect();
    let halves = (0_u32..1 << blocks).filter(|half| half.count_ones() as usize == blocks / 2);
    let (mut ways, mut bad) = (0_u32, 0.0);
    for half in halves {
        ways += 1;
        bad += badness(&sums, half);
    }
    Some(bad / f64::from(ways))
}

/// 1 when the best of one half is below the median of the other, a half when it is the median, else 0. Of several
/// that are best the share of those that are below.
fn badness(sums: &[Vec<Sums>], half: u32) -> f64 {
    let inside: Vec<f64> = sums.iter().map(|trial| ratio(trial, |b| half >> b & 1 == 1)).collect();
    let outside: Vec<f64> = sums.iter().map(|trial| ratio(trial, |b| half >> b & 1 == 0)).collect();
    let best = inside.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let chosen: Vec<usize> =
        (0..inside.len()).filter(|&i| inside[i].total_cmp(&best).is_eq()).collect();
    let bad: f64 = chosen
        .iter()
        .map(|&at| {
            let than =
                |order| outside.iter().filter(|v| v.total_cmp(&outside[at]) == order).count();
            match than(std::cmp::Ordering::Less).cmp(&than(std::cmp::Ordering::Greater)) {
                std::cmp::Ordering::Less => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Greater => 0.0,
            }
        })
        .sum();
    bad / chosen.len() as f64
}

/// Sharpe ratio over the blocks of a half; of profits that are all the same it is the side that they are on.
fn ratio(trial: &[Sums], is_in: impl Fn(usize) -> bool) -> f64 {
    let mut all = [0.0; 3];
    for (_, sums) in trial.iter().enumerate().filter(|(b, _)| is_in(*b)) {
        (0..3).for_each(|i| all[i] += sums[i]);
    }
    let [n, sum, squares] = all;
    let mean = sum / n;
    let variance = (squares / n - mean * mean).max(0.0);
    match variance > mean * mean * 1e-24 {
        true => mean / variance.sqrt(),
        false => mean.signum() * if mean == 0.0 { 0.0 } else { f64::MAX },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Trials of noise, each with a mean.
    fn trials(means: &[f64], periods: usize, seed: u64) -> Vec<Vec<f64>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        means
            .iter()
            .map(|mean| (0..periods).map(|_| mean + rng.random::<f64>() - 0.5).collect())
            .collect()
    }

    #[test]
    fn one_that_is_better_stays_better() {
        let mut means = [0.0; 10];
        means[3] = 1.0;
        assert_eq!(probability(&trials(&means, 160, 1), 8), Some(0.0));
    }

    /// What was best by chance is below the median as often as not.
    #[test]
    fn of_chance_alone_it_is_a_half() {
        let all: Vec<f64> =
            (0..40).filter_map(|seed| probability(&trials(&[0.0; 10], 60, seed), 6)).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }

    /// Two trials that are good at different times: whichever was better is the worse one then.
    #[test]
    fn what_is_good_in_one_half_only_is_found() {
        let wave = |sign: f64| -> Vec<f64> {
            (0..64)
                .map(|i| sign * if i < 32 { 1.0 } else { -1.0 } + f64::from(i % 2) * 0.1)
                .collect()
        };
        let found = probability(&[wave(1.0), wave(-1.0)], 4).unwrap();
        // Of six ways to part four blocks two part first from second half, both bad; four are balanced.
        assert!((found - (2.0 + 4.0 * 0.5) / 6.0).abs() < 1e-12, "{found}");
    }

    #[test]
    fn what_cannot_be_told_is_not_told() {
        assert_eq!(probability(&[], 4), None);
        assert_eq!(probability(&[vec![1.0; 50]], 4), None);
        assert_eq!(probability(&[vec![1.0; 50], vec![1.0; 49]], 4), None);
        assert_eq!(probability(&[vec![1.0; 7], vec![2.0; 7]], 4), None);
        assert_eq!(probability(&[vec![1.0; 8], vec![f64::NAN; 8]], 4), None);
        assert_eq!(probability(&vec![vec![1.0; 8]; 3], 4), Some(0.5));
    }
}
