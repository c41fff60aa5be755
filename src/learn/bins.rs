//! Numbers put into at most 255 classes by their quantiles, so that a split is looked for among few. What is
//! missing (NaN) has a class of its own.

/// Classes of a column: those of numbers, and the one of what is missing.
pub const CLASSES: usize = 256;
/// The class of what is missing.
pub const MISSING: u8 = 255;
/// Most edges between classes of numbers.
const MAX_EDGES: usize = 254;

/// A column's classes.
pub struct Bins {
    /// Class `i` has the numbers above edge `i − 1`, up to edge `i`.
    pub edges: Vec<f64>,
    /// Each row's class.
    pub of: Vec<u8>,
}

impl Bins {
    /// Of a column, by what these rows of it hold.
    pub fn new(column: &[f64], rows: &[u32]) -> Self {
        let mut known: Vec<f64> =
            rows.iter().map(|row| column[*row as usize]).filter(|v| !v.is_nan()).collect();
        known.sort_unstable_by(f64::total_cmp);
        let edges = edges(&known);
        let class = |v: &f64| match v.is_nan() {
            true => MISSING,
            false => edges.partition_point(|edge| edge < v) as u8,
        };
        Self { of: column.iter().map(class).collect(), edges }
    }
}

/// Half way between neighbours: between all where they are few, else at the quantiles.
fn edges(sorted: &[f64]) -> Vec<f64> {
    let mut between: Vec<usize> =
        (1..sorted.len()).filter(|i| sorted[i - 1] < sorted[*i]).collect();
    if between.len() > MAX_EDGES {
        let quantile = |k: usize| k * sorted.len() / (MAX_EDGES + 1);
        // The next place where numbers differ, so that a value is in one class alone.
        let at = |k: usize| {
            between[between.partition_point(|i| *i < quantile(k)).min(between.len() - 1)]
        };
        let mut chosen: Vec<usize> = (1..=MAX_EDGES).map(at).collect();
        chosen.dedup();
        between = chosen;
    }
    let middle = |i: usize| {
        let (low, high) = (sorted[i - 1], sorted[i]);
        let middle = low + (high - low) / 2.0;
        if middle < high { middle } else { low }
    };
    between.into_iter().map(middle).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(column: &[f64]) -> Bins {
        Bins::new(column, &(0..column.len() as u32).collect::<Vec<_>>())
    }

    #[test]
    fn few_values_have_a_class_each_and_what_is_missing_has_its_own() {
        let bins = all(&[2.0, 1.0, f64::NAN, 4.0, 2.0]);
        assert_eq!((bins.edges, bins.of), (vec![1.5, 3.0], vec![1, 0, MISSING, 2, 1]));
        assert!(all(&[7.0; 9]).edges.is_empty(), "a constant has one class");
        assert!(all(&[f64::NAN; 3]).edges.is_empty());
    }

    #[test]
    fn many_values_are_parted_evenly_and_none_is_in_two_classes() {
        let column: Vec<f64> = (0..10_000).map(|i| f64::from((i * 7919) % 10_000 / 2)).collect();
        let bins = all(&column);
        assert!(bins.edges.len() > 200 && bins.edges.len() <= MAX_EDGES);
        assert!(bins.edges.windows(2).all(|w| w[0] < w[1]));
        let mut sizes = [0; CLASSES];
        bins.of.iter().for_each(|class| sizes[usize::from(*class)] += 1);
        let most = *sizes.iter().max().unwrap();
        assert!(most <= 2 * 10_000 / 255 + 2, "{most}");
        for (v, class) in column.iter().zip(&bins.of) {
            let class = usize::from(*class);
            assert!(class == bins.edges.len() || *v <= bins.edges[class]);
            assert!(class == 0 || *v > bins.edges[class - 1]);
        }
    }

    #[test]
    fn neighbours_that_no_number_lies_between_are_parted_all_the_same() {
        let (low, high) = (1.0_f64, 1.0_f64.next_up());
        let bins = all(&[low, high]);
        assert_eq!((bins.edges, bins.of), (vec![low], vec![0, 1]));
    }
}
