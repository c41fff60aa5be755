//! How long messages take between us and the simulated venue, each way.

use crate::types::Nanos;
use crate::types::duration::{format_duration, parse_duration};
use core::fmt;
use core::str::FromStr;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};

/// What the delay of a recorded feed may look like, beside a latency model.
const AS_RECORDED: &str = "recorded";

/// What a latency model may look like.
pub const LATENCY_ALLOWED: &str =
    "a duration (50ms) or lognormal:MEDIAN,SIGMA (lognormal:50ms,0.3; SIGMA from 0 to 2)";

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
    /// Half of all messages take longer.
    pub fn median(&self) -> Nanos {
        match self {
            Self::Constant(span) => *span,
            Self::LogNormal { median, .. } => *median,
        }
    }

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
        match self {
            Self::Constant(span) => f.write_str(&format_duration(*span)),
            Self::LogNormal { median, sigma } => {
                write!(f, "lognormal:{},{sigma}", format_duration(*median))
            }
        }
    }
}

impl FromStr for LatencyModel {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("{text:?} is not a latency; allowed: {LATENCY_ALLOWED}");
        let Some(drawn) = text.trim().strip_prefix("lognormal:") else {
            return parse_duration(text).map(Self::Constant).map_err(|_| refuse());
        };
        let (median, sigma) = drawn.split_once(',').ok_or_else(refuse)?;
        let median = parse_duration(median).map_err(|_| refuse())?;
        match sigma.trim().parse::<f64>() {
            Ok(sigma) if (0.0..=2.0).contains(&sigma) && median > Nanos::ZERO => {
                Ok(Self::LogNormal { median, sigma })
            }
            _ => Err(refuse()),
        }
    }
}

/// When the events of a recording reach us.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum FeedDelay {
    /// At their recorded receive times: the recorder's way to the venue, and its batching, are ours.
    #[default]
    Recorded,
    /// So long after they happened at the venue.
    After(LatencyModel),
}

impl fmt::Display for FeedDelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recorded => f.write_str(AS_RECORDED),
            Self::After(model) => model.fmt(f),
        }
    }
}

impl FromStr for FeedDelay {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == AS_RECORDED {
            return Ok(Self::Recorded);
        }
        text.parse().map(Self::After).map_err(|_| {
            format!("{text:?} is not a delay; allowed: {AS_RECORDED}, {LATENCY_ALLOWED}")
        })
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

    /// The latency of every message, where it is always the same.
    pub fn constant(&self) -> Option<Nanos> {
        match self.model {
            LatencyModel::Constant(span) => Some(span),
            LatencyModel::LogNormal { .. } => None,
        }
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
    fn delays_of_a_feed_are_read_back_as_written() {
        assert_eq!("recorded".parse(), Ok(FeedDelay::Recorded));
        for text in ["recorded", "10ms", "lognormal:300ms,0.5"] {
            assert_eq!(text.parse::<FeedDelay>().unwrap().to_string(), text);
        }
        let refused = "10".parse::<FeedDelay>().unwrap_err();
        assert!(refused.contains("recorded, a duration (50ms) or lognormal:"), "{refused}");
    }

    #[test]
    fn models_are_read_back_as_written() {
        for text in ["50ms", "1s", "lognormal:50ms,0.3"] {
            assert_eq!(text.parse::<LatencyModel>().unwrap().to_string(), text);
        }
        let bad = ["", "50", "-1ms", "lognormal:50,0.3", "lognormal:50ms", "lognormal:50ms,9"];
        for text in bad {
            assert!(text.parse::<LatencyModel>().unwrap_err().contains("lognormal:"), "{text}");
        }
    }
}
