//! Exact decimal text ↔ fixed point. Nothing is ever rounded: a number that does not fit the
//! 1e-8 grid, or the 64-bit range, is an error.

/// Decimals of the fixed-point grid.
pub const SCALE_DIGITS: u32 = 8;
/// Units in 1.0.
pub const SCALE: i64 = 100_000_000;

/// Why a decimal text is not an exact fixed-point number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalError {
    /// No digits at all, or only a sign or a point.
    Empty,
    /// A byte that does not belong in a plain decimal number (NaN and inf end up here).
    BadByte(u8),
    /// More than eight significant decimals: the value is not a multiple of 1e-8.
    TooFine,
    /// Beyond the range of 64-bit fixed point (about ±92 billion).
    TooLarge,
}

impl core::fmt::Display for DecimalError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Empty => write!(f, "no digits"),
            Self::BadByte(b) => write!(f, "{:?} is not part of a decimal number", *b as char),
            Self::TooFine => write!(f, "more than 8 decimals (finer than 1e-8)"),
            Self::TooLarge => write!(f, "beyond ±92 billion (64-bit fixed point)"),
        }
    }
}

impl std::error::Error for DecimalError {}

/// Parses `-?digits[.digits]` exactly into units of 1e-8. Trailing zeros beyond eight decimals are
/// harmless; any other finer digit is [`DecimalError::TooFine`]. Exponents are refused here
/// (the venue never sends them); see [`parse_decimal_exp`] for files.
pub fn parse_decimal(text: &[u8]) -> Result<i64, DecimalError> {
    parse_shifted(text, 0)
}

/// Like [`parse_decimal`], but also accepts an exponent (`1e-05`), which other people's tools
/// write into CSV files. Still exact.
pub fn parse_decimal_exp(text: &[u8]) -> Result<i64, DecimalError> {
    let Some(e) = text.iter().position(|b| matches!(b, b'e' | b'E')) else {
        return parse_shifted(text, 0);
    };
    let (mantissa, exponent) = (&text[..e], &text[e + 1..]);
    let (negative, digits) = match exponent {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() {
        return Err(DecimalError::Empty);
    }
    let mut shift: i32 = 0;
    for &b in digits {
        if !b.is_ascii_digit() {
            return Err(DecimalError::BadByte(b));
        }
        shift = (shift * 10 + i32::from(b - b'0')).min(1000);
    }
    parse_shifted(mantissa, if negative { -shift } else { shift })
}

/// The largest whole number up to which a float holds every one.
const MAX_EXACT_IN_FLOAT: u64 = 1 << 53;

/// A whole number as an id is written: digits, also with `.0` behind them, as a column of floats has
/// it, unless a float would not have held it exactly. [`None`] for anything else.
pub fn parse_whole(text: &[u8]) -> Option<u64> {
    let point = text.iter().position(|&b| b == b'.');
    let (digits, fraction) = text.split_at(point.unwrap_or(text.len()));
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if !is_number || fraction.iter().skip(1).any(|&b| b != b'0') {
        return None;
    }
    let value = digits
        .iter()
        .try_fold(0_u64, |value, b| value.checked_mul(10)?.checked_add(u64::from(b - b'0')))?;
    (fraction.is_empty() || value <= MAX_EXACT_IN_FLOAT).then_some(value)
}

/// `text · 10^shift`, exactly.
fn parse_shifted(text: &[u8], shift: i32) -> Result<i64, DecimalError> {
    let (negative, body) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    // Position of a digit relative to the fixed-point unit; 0 is the last one that fits.
    let point = body.iter().position(|&b| b == b'.').unwrap_or(body.len());
    let mut place = SCALE_DIGITS as i32 + shift + point as i32 - 1;
    let mut value: i64 = 0;
    let mut digits = 0usize;
    for (i, &b) in body.iter().enumerate() {
        if i == point {
            continue;
        }
        if !b.is_ascii_digit() {
            return Err(DecimalError::BadByte(b));
        }
        digits += 1;
        let digit = i64::from(b - b'0');
        if place >= 0 {
            value = value
                .checked_mul(10)
                .and_then(|v| v.checked_sub(digit)) // negative: i64 has one more value there
                .ok_or(DecimalError::TooLarge)?;
        } else if digit != 0 {
            return Err(DecimalError::TooFine);
        }
        place -= 1;
    }
    if digits == 0 {
        return Err(DecimalError::Empty);
    }
    while place >= 0 && value != 0 {
        value = value.checked_mul(10).ok_or(DecimalError::TooLarge)?;
        place -= 1;
    }
    if negative { Ok(value) } else { value.checked_neg().ok_or(DecimalError::TooLarge) }
}

/// Writes `raw · 1e-8` without trailing zeros, as the venue's requests want it (`65012`, `0.001`).
pub fn write_decimal(raw: i64, out: &mut impl core::fmt::Write) -> core::fmt::Result {
    let scale = SCALE as u64;
    let magnitude = raw.unsigned_abs();
    if raw < 0 {
        out.write_char('-')?;
    }
    write!(out, "{}", magnitude / scale)?;
    let mut fraction = magnitude % scale;
    if fraction == 0 {
        return Ok(());
    }
    let mut width = SCALE_DIGITS as usize;
    while fraction.is_multiple_of(10) {
        fraction /= 10;
        width -= 1;
    }
    write!(out, ".{fraction:0width$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_answers() {
        let ok = |s: &str, v: i64| assert_eq!(parse_decimal(s.as_bytes()), Ok(v), "{s}");
        ok("0", 0);
        ok("1", 100_000_000);
        ok("65012.0", 6_501_200_000_000);
        ok("0.00000001", 1);
        ok("-0.5", -50_000_000);
        ok(".5", 50_000_000);
        ok("5.", 500_000_000);
        ok("0.1000000000000", 10_000_000);
        ok("-92233720368.54775808", i64::MIN);
        let err = |s: &str, e| assert_eq!(parse_decimal(s.as_bytes()), Err(e), "{s}");
        err("", DecimalError::Empty);
        err("-", DecimalError::Empty);
        err(".", DecimalError::Empty);
        err("NaN", DecimalError::BadByte(b'N'));
        err("1e5", DecimalError::BadByte(b'e'));
        err("1.2.3", DecimalError::BadByte(b'.'));
        err("0.000000001", DecimalError::TooFine);
        err("92233720368.54775808", DecimalError::TooLarge);
        err("99999999999999999999", DecimalError::TooLarge);
    }

    #[test]
    fn exponents_are_exact() {
        let f = |s: &str| parse_decimal_exp(s.as_bytes());
        assert_eq!(f("1e-05"), Ok(1_000));
        assert_eq!(f("1.5E+2"), Ok(15_000_000_000));
        assert_eq!(f("10e-9"), Ok(1));
        assert_eq!(f("1e-9"), Err(DecimalError::TooFine));
        assert_eq!(f("1e"), Err(DecimalError::Empty));
        assert_eq!(f("1e400"), Err(DecimalError::TooLarge));
    }

    #[test]
    fn whole_numbers_may_look_like_floats() {
        let w = |s: &str| parse_whole(s.as_bytes());
        assert_eq!(w("140000000018455"), Some(140_000_000_018_455));
        assert_eq!(w("140000000018455.0"), Some(140_000_000_018_455));
        assert_eq!(w("7."), Some(7));
        assert_eq!(w("18446744073709551615"), Some(u64::MAX));
        for bad in ["", ".0", "1.5", "1.4e14", "-1", "+1", " 1", "1.0.0", "18446744073709551616"] {
            assert_eq!(w(bad), None, "{bad}");
        }
        assert_eq!(w("9007199254740992.0"), Some(1 << 53));
        assert_eq!(w("9007199254740993.0"), None, "a float cannot have held it");
        assert_eq!(w("9007199254740993"), Some((1 << 53) + 1));
    }

    proptest! {
        #[test]
        fn written_and_read_back(raw in any::<i64>()) {
            let mut s = String::new();
            write_decimal(raw, &mut s).unwrap();
            prop_assert_eq!(parse_decimal(s.as_bytes()), Ok(raw));
            prop_assert_eq!(parse_decimal_exp(s.as_bytes()), Ok(raw));
        }
    }
}
