//! Small words and numbers that several figures share.

use botmm_pipeline::types::Usd;

/// A part in basis points of a whole; nothing of nothing.
pub fn usd_bps(part: Usd, whole: Usd) -> Option<f64> {
    whole.is_positive().then(|| part.to_f64() / whole.to_f64() * 1e4)
}

/// Decimals with which such amounts of money still say something: cents, or more where all are small.
pub fn digits_of(values: impl IntoIterator<Item = f64>) -> usize {
    match values.into_iter().filter(|v| v.is_finite()).fold(0.0, |most: f64, v| most.max(v.abs())) {
        most if most >= 100.0 => 2,
        most if most >= 1.0 => 3,
        _ => 5,
    }
}

/// `traded_through` for people.
pub fn spaced(code: &str) -> String {
    code.replace('_', " ")
}
