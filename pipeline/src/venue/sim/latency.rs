//! How long messages take between us and the simulated venue, each way.

use crate::types::Nanos;
use core::fmt;
use core::str::FromStr;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};

/// A latency, the same for each of the three ways: feed, order entry, response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LatencyModel {
    /// Always this long.
    Constant(Nanos),
    /// Log-normal: half of all messages take longer than `median`.
    LogNormal {
        /// Median.
        median: Nanos,
        /// Standard deviation of the logarithm (0.3: one in twenty takes 1.6 times the median).
        sigma: f64,
    },
}

impl Default for LatencyModel {
    fn default() -> Self {
        Self::Constant(Nanos::millis(50))
    }
}

impl LatencyModel {
    /// Long enough for everything on its way to arrive, for all practical purposes.
    pub fn settle_time(&self) -> Nanos {
        match self {
            Self::Constant(d) => *d,
            Self::LogNormal { median, sigma } => {
                Nanos((median.0 as f64 * (6.0 * sigma).exp()) as i64)
            }
        }
    }
}

impl fmt::Display for LatencyModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |d: &Nanos| d.0 as f64 / 1e6;
        match self {
            Self::Constant(d) => write!(f, "constant {} ms", ms(d)),
            Self::LogNormal { median, sigma } => {
                write!(f, "lognormal median {} ms sigma {sigma}", ms(median))
            }
        }
    }
}

/// A latency model with its own random numbers.
#[derive(Clone, Debug)]
pub struct Latency {
    model: LatencyModel,
    distribution: Option<LogNormal<f64>>,
    rng: ChaCha8Rng,
}

impl Latency {
    /// The same seed gives the same latencies. `way` keeps the three ways apart.
    pub fn new(model: LatencyModel, seed: u64, way: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(way);
        let distribution = match model {
            LatencyModel::Constant(_) => None,
            LatencyModel::LogNormal { median, sigma } => {
                LogNormal::new((median.0.max(1) as f64).ln(), sigma).ok()
            }
        };
        Self { model, distribution, rng }
    }

    /// The next message's latency.
    pub fn draw(&mut self) -> Nanos {
        match (self.model, &self.distribution) {
            (LatencyModel::Constant(d), _) => d,
            (LatencyModel::LogNormal { median, .. }, None) => median,
            (_, Some(d)) => Nanos(d.sample(&mut self.rng) as i64),
        }
    }
}

/// `50ms`-style model from a median and sigma in text is the CLI's business; here only the sanity
/// of numbers is checked.
impl LatencyModel {
    /// Refuses what cannot be a latency: negative, longer than a minute, sigma outside 0..=2.
    pub fn checked(self) -> Result<Self, LatencyError> {
        let (d, sigma) = match self {
            Self::Constant(d) => (d, 0.0),
            Self::LogNormal { median, sigma } => (median, sigma),
        };
        let sane = (Nanos::ZERO..=Nanos::secs(60)).contains(&d) && (0.0..=2.0).contains(&sigma);
        if sane { Ok(self) } else { Err(LatencyError) }
    }
}

/// A latency that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencyError;

impl fmt::Display for LatencyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a latency lies between 0 and 60 s, its sigma between 0 and 2")
    }
}

impl std::error::Error for LatencyError {}

impl FromStr for LatencyModel {
    type Err = LatencyError;
    /// `NUMBERms`, or `lognormal:NUMBERms,SIGMA`.
    fn from_str(text: &str) -> Result<Self, LatencyError> {
        let ms = |s: &str| -> Result<Nanos, LatencyError> {
            let number = s.trim().strip_suffix("ms").ok_or(LatencyError)?;
            let ms: f64 = number.trim().parse().map_err(|_| LatencyError)?;
            Ok(Nanos((ms * 1e6) as i64))
        };
        match text.strip_prefix("lognormal:") {
            None => Self::Constant(ms(text)?).checked(),
            Some(rest) => {
                let (median, sigma) = rest.split_once(',').ok_or(LatencyError)?;
                let sigma = sigma.trim().parse().map_err(|_| LatencyError)?;
                Self::LogNormal { median: ms(median)?, sigma }.checked()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lognormal_has_its_median_and_repeats() {
        let model: LatencyModel = "lognormal:50ms,0.3".parse().unwrap();
        let draw = |seed| {
            let mut latency = Latency::new(model, seed, 1);
            let mut all: Vec<_> = (0..2001).map(|_| latency.draw()).collect();
            all.sort();
            all
        };
        let sorted = draw(1);
        assert_eq!(sorted, draw(1));
        assert_ne!(sorted, draw(2));
        let median_ms = sorted[1000].0 as f64 / 1e6;
        assert!((median_ms - 50.0).abs() < 2.0, "{median_ms}");
        assert!(sorted[2000] < model.settle_time());
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "50", "-1ms", "NaNms", "61000ms", "lognormal:50ms", "lognormal:50ms,9"] {
            assert!(text.parse::<LatencyModel>().is_err(), "{text}");
        }
    }
}
