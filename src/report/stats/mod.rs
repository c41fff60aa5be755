//! How far a result can be trusted: intervals, Sharpe ratios and what remains of one that was the best of many.
//! Floats throughout: nothing here becomes money.

pub mod bootstrap;
pub mod overfit;
pub mod sharpe;

/// Mean, and the standard deviation of one value (divided by n − 1); [`None`] under two values, or when one is
/// not finite.
fn moments(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 2 || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    Some((mean, (squares / (n - 1.0)).sqrt()))
}
