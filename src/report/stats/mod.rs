//! How far a result can be trusted: intervals, Sharpe ratios and what remains of one that was the best of many.
//! Floats throughout: nothing here becomes money.

pub mod blocks;
pub mod bootstrap;
pub mod overfit;
pub mod sharpe;

/// Days below which nothing is said of a year.
pub const MIN_DAYS: usize = 7;
/// The market never closes.
pub const DAYS_A_YEAR: f64 = 365.0;
/// 95 % of a normal distribution lie within so many standard errors.
pub const Z_95: f64 = 1.96;

/// Mean, and the standard deviation of one value (divided by n − 1); [`None`] under two values, or when one is
/// not finite.
pub fn moments(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 2 || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    Some((mean, (squares / (n - 1.0)).sqrt()))
}
