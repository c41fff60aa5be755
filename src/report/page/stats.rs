//! What can be said of a mean: statistics, in floats.

/// Blocks below which nothing is said of how sure a mean is: neighbours are less independent than they are taken for.
pub const MIN_BLOCKS: usize = 20;

/// A mean, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// It.
    pub value: f64,
    /// With 95 %; [`None`] = too few blocks.
    pub interval: Option<[f64; 2]>,
    /// How many blocks it is of.
    pub blocks: usize,
}

/// Σ part over Σ whole. What lies in one block moves together, so blocks and not their contents count as
/// independent: the error is that of a ratio of block sums (linearised), by Student's t.
pub fn ratio_of_blocks(blocks: impl IntoIterator<Item = [f64; 2]>) -> Option<Mean> {
    let blocks: Vec<[f64; 2]> = blocks.into_iter().collect();
    let sum = |at: usize| blocks.iter().map(|b| b[at]).sum::<f64>();
    let (part, whole) = (sum(0), sum(1));
    if whole <= 0.0 {
        return None;
    }
    let (value, n) = (part / whole, blocks.len());
    let squares: f64 = blocks.iter().map(|[p, w]| (p - value * w).powi(2)).sum();
    let interval = (n >= MIN_BLOCKS).then(|| {
        let error = (squares * n as f64 / (n as f64 - 1.0)).sqrt() / whole;
        let reach = error * t_95(n - 1);
        [value - reach, value + reach]
    });
    Some(Mean { value, interval, blocks: n })
}

/// A sum of alike parts, and how far from zero it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Total {
    /// With 95 % it lies in here.
    pub interval: [f64; 2],
    /// So many standard errors from zero.
    pub t: f64,
}

/// Of at least [`MIN_BLOCKS`] parts that are not all the same.
pub fn total(parts: &[f64]) -> Option<Total> {
    let n = parts.len() as f64;
    if parts.len() < MIN_BLOCKS {
        return None;
    }
    let mean = parts.iter().sum::<f64>() / n;
    let variance = parts.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / (n - 1.0);
    if variance <= 0.0 {
        return None;
    }
    let error = (variance * n).sqrt();
    let reach = error * t_95(parts.len() - 1);
    Some(Total { interval: [n * mean - reach, n * mean + reach], t: n * mean / error })
}

/// Student's t has 95 % between minus this and this; for four degrees of freedom or more to within 0.3 %
/// (Cornish and Fisher's expansion).
fn t_95(freedom: usize) -> f64 {
    let (z, v) = (1.959_964_f64, freedom as f64);
    z + (z.powi(3) + z) / (4.0 * v)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * v * v)
        + (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / (384.0 * v.powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_is_that_of_the_tables() {
        // https://en.wikipedia.org/wiki/Student%27s_t-distribution#Table_of_selected_values
        for (freedom, known) in [(4, 2.776), (5, 2.571), (10, 2.228), (30, 2.042), (100, 1.984)] {
            let got = t_95(freedom);
            assert!((got / known - 1.0).abs() < 0.003, "{freedom}: {got}, not {known}");
        }
    }

    #[test]
    fn a_mean_of_blocks_is_weighted_and_as_wide_as_its_blocks_differ() {
        let even = (0..20).map(|n| f64::from(1 + n % 3)).map(|weight| [2.0 * weight, weight]);
        let Mean { value, interval, blocks } = ratio_of_blocks(even).unwrap();
        assert!((value - 2.0).abs() < 1e-12 && blocks == 20);
        let [low, high] = interval.unwrap();
        assert!((high - low).abs() < 1e-12, "blocks that are alike leave no doubt");
        // Equal weights: the interval of a plain mean, of 1..=20: 10.5 ± 2.093·√(35/20).
        let plain = ratio_of_blocks((1..=20).map(|n| [f64::from(n), 1.0])).unwrap();
        let [low, high] = plain.interval.unwrap();
        assert!((low - 7.731).abs() < 0.01 && (high - 13.269).abs() < 0.01, "{low} {high}");
        assert_eq!(ratio_of_blocks([[1.0, 1.0]; 19]).unwrap().interval, None, "too few");
        assert_eq!(ratio_of_blocks([]), None);
    }

    #[test]
    fn a_total_says_how_sure_it_is() {
        let parts: Vec<f64> = (1..=20).map(f64::from).collect();
        let Total { interval, t } = total(&parts).unwrap();
        assert!((t - 10.5 / (35.0_f64 / 20.0).sqrt()).abs() < 1e-9, "{t}");
        assert!((interval[0] - 20.0 * 7.731).abs() < 0.2, "{interval:?}");
        assert!(total(&[1.0; 30]).is_none() && total(&parts[..19]).is_none());
    }
}
