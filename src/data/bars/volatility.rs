//! How volatile bars are: Parkinson's estimate, by which a bar's squared log range is 4 ln 2 times its
//! variance.

use botmm_pipeline::types::{Candle, Nanos};

/// The squared log range of a sound bar.
pub fn squared_range(bar: &Candle) -> f64 {
    (bar.high.to_f64() / bar.low.to_f64()).ln().powi(2)
}

/// The variance a second of bars of a length whose squared ranges have this mean.
pub fn variance_per_s(mean_squared_range: f64, length: Nanos) -> f64 {
    mean_squared_range / (4.0 * std::f64::consts::LN_2) / length.as_secs_f64()
}
