//! Our decimals as doubles: the nearest one, of which the shortest text is the decimal again.

use botmm_pipeline::types::read_decimal;

/// Units of 1e-8 up to which every decimal is the shortest text of its double: 15 digits.
const ALWAYS_EXACT: i64 = 1_000_000_000_000_000;
const SCALE: f64 = 1e8;

/// Makes doubles, and counts those that do not give the decimal back.
#[derive(Default)]
pub struct Doubles {
    inexact: u64,
}

impl Doubles {
    /// Of units of 1e-8.
    pub fn of(&mut self, raw: i64) -> f64 {
        if raw.abs() <= ALWAYS_EXACT {
            // Both are exact, so their quotient is the nearest double.
            return raw as f64 / SCALE;
        }
        let (whole, part) = (raw / 100_000_000, (raw % 100_000_000).abs());
        let value: f64 = format!("{whole}.{part:08}").parse().unwrap_or(f64::NAN);
        self.inexact += u64::from(read_decimal(format!("{value}").as_bytes()) != Ok(raw));
        value
    }

    /// In words how many were not exact.
    pub fn lost(&self) -> Option<String> {
        let n = self.inexact;
        (n > 0).then(|| format!("the last digits of {n} numbers: a double holds about 16"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fifteen_digits_come_back(raw in -ALWAYS_EXACT..=ALWAYS_EXACT) {
            let mut doubles = Doubles::default();
            let value = doubles.of(raw);
            prop_assert_eq!(read_decimal(format!("{value}").as_bytes()), Ok(raw));
            prop_assert_eq!(doubles.lost(), None);
        }

        #[test]
        fn what_does_not_come_back_is_counted(raw in ALWAYS_EXACT..i64::MAX / 64) {
            let mut doubles = Doubles::default();
            let value = doubles.of(raw);
            let is_back = read_decimal(format!("{value}").as_bytes()) == Ok(raw);
            prop_assert_eq!(doubles.lost().is_none(), is_back);
        }
    }
}
