//! How sure a mean is of values that hang together in blocks, as fills within a minute do: blocks and not what is in
//! them count as independent.

/// Fewer blocks say nothing of how sure a mean is: so few make no interval, and neighbours are less independent than
/// they are taken for.
pub const MIN_BLOCKS: usize = 20;

/// A mean of all that lies in some blocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// It.
    pub value: f64,
    /// Its standard error; [`None`] = under [`MIN_BLOCKS`].
    pub error: Option<f64>,
    /// How many blocks it is of.
    pub blocks: usize,
}

impl Ratio {
    /// With 95 % it lies in here, by Student's t.
    pub fn interval(&self) -> Option<[f64; 2]> {
        let reach = self.error? * t_95(self.blocks - 1);
        Some([self.value - reach, self.value + reach])
    }

    /// So many standard errors from zero. What is alike to the last digits of a float has no error that could be
    /// divided by.
    pub fn t(&self) -> Option<f64> {
        let error = self.error.filter(|error| *error > self.value.abs() * 1e-9)?;
        Some(self.value / error)
    }
}

/// Σ part over Σ whole, and the error of a ratio of block sums (linearised); [`None`] where Σ whole is not above zero.
pub fn ratio(blocks: impl IntoIterator<Item = [f64; 2]>) -> Option<Ratio> {
    let blocks: Vec<[f64; 2]> = blocks.into_iter().collect();
    let sum = |at: usize| blocks.iter().map(|b| b[at]).sum::<f64>();
    let (part, whole) = (sum(0), sum(1));
    if whole <= 0.0 {
        return None;
    }
    let (value, n) = (part / whole, blocks.len());
    let squares: f64 = blocks.iter().map(|[p, w]| (p - value * w).powi(2)).sum();
    let error = (n >= MIN_BLOCKS).then(|| (squares * n as f64 / (n as f64 - 1.0)).sqrt() / whole);
    Some(Ratio { value, error, blocks: n })
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
    let mean = ratio(parts.iter().map(|part| [*part, 1.0]))?;
    let interval = mean.interval()?.map(|end| end * parts.len() as f64);
    Some(Total { interval, t: mean.t()? })
}

/// Student's t has 95 % between minus this and this; to within 6e-6 of it for 19 degrees of freedom or more (Cornish
/// and Fisher's expansion). The quantile of `statrs` is better there, and worse for the minutes of months: its search
/// ends too early.
fn t_95(freedom: usize) -> f64 {
    let (z, v) = (1.959_964_f64, freedom as f64);
    z + (z.powi(3) + z) / (4.0 * v)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * v * v)
        + (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / (384.0 * v.powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{ContinuousCDF, StudentsT};

    #[test]
    fn t_is_that_of_the_tables() {
        // https://en.wikipedia.org/wiki/Student%27s_t-distribution#Table_of_selected_values
        for (freedom, known) in [(4, 2.776), (5, 2.571), (10, 2.228), (30, 2.042), (100, 1.984)] {
            let got = t_95(freedom);
            assert!((got / known - 1.0).abs() < 0.003, "{freedom}: {got}, not {known}");
        }
        // Of as few as are asked for, by statrs; of very many it is the normal distribution's.
        let fewest = StudentsT::new(0.0, 1.0, (MIN_BLOCKS - 1) as f64).unwrap();
        assert!((t_95(MIN_BLOCKS - 1) / fewest.inverse_cdf(0.975) - 1.0).abs() < 6e-6);
        assert!((t_95(100_000_000) - 1.959_964).abs() < 1e-6);
    }

    #[test]
    fn a_mean_of_blocks_is_weighted_and_as_wide_as_its_blocks_differ() {
        let even = (0..20).map(|n| f64::from(1 + n % 3)).map(|weight| [2.0 * weight, weight]);
        let even = ratio(even).unwrap();
        assert!((even.value - 2.0).abs() < 1e-12 && even.blocks == 20);
        let [low, high] = even.interval().unwrap();
        assert!((high - low).abs() < 1e-12, "blocks that are alike leave no doubt");
        // Equal weights: the interval of a plain mean, of 1..=20: 10.5 ± 2.093·√(35/20).
        let plain = ratio((1..=20).map(|n| [f64::from(n), 1.0])).unwrap();
        let [low, high] = plain.interval().unwrap();
        assert!((low - 7.731).abs() < 0.01 && (high - 13.269).abs() < 0.01, "{low} {high}");
        assert_eq!(ratio([[1.0, 1.0]; 19]).unwrap().interval(), None, "too few");
        assert_eq!(ratio([]), None);
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
