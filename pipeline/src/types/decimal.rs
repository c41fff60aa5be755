//! Decimal text ↔ fixed point, in two ways. What a person or our own code writes is exact or an error
//! ([`parse_decimal`], [`parse_decimal_exp`]). What the venue tells is read by one reader,
//! [`read_decimal`], to the nearest unit: its aggregates carry the noise of floats
//! (`0.00010000000000000001`), and a message must not be lost to the seventeenth digit.

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
/// harmless; any other finer digit is [`DecimalError::TooFine`]. Exponents are refused here;
/// see [`parse_decimal_exp`] for files.
pub fn parse_decimal(text: &[u8]) -> Result<i64, DecimalError> {
    parse_shifted(text, 0, Finer::Refused)
}

/// Like [`parse_decimal`], but also accepts an exponent (`1e-05`), which other people's tools
/// write into CSV files. Still exact.
pub fn parse_decimal_exp(text: &[u8]) -> Result<i64, DecimalError> {
    parse(text, Finer::Refused)
}

/// Reads a number of the venue's, with or without an exponent, to the nearest unit of 1e-8 (half a
/// unit away from zero).
pub fn read_decimal(text: &[u8]) -> Result<i64, DecimalError> {
    parse(text, Finer::Nearest)
}

/// Reads a rate that the venue wrote (`0.0000125`) into units of 1e-10, to the nearest.
pub fn read_rate(text: &[u8]) -> Result<i64, DecimalError> {
    parse_shifted(text, 2, Finer::Nearest)
}

/// What becomes of digits finer than 1e-8.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Finer {
    Refused,
    Nearest,
}

fn parse(text: &[u8], finer: Finer) -> Result<i64, DecimalError> {
    let Some(e) = text.iter().position(|b| matches!(b, b'e' | b'E')) else {
        return parse_shifted(text, 0, finer);
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
    parse_shifted(mantissa, if negative { -shift } else { shift }, finer)
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

/// `text · 10^shift`.
fn parse_shifted(text: &[u8], shift: i32, finer: Finer) -> Result<i64, DecimalError> {
    let (negative, body) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    // Position of a digit relative to the fixed-point unit; 0 is the last one that fits.
    let point = body.iter().position(|&b| b == b'.').unwrap_or(body.len());
    let mut place = SCALE_DIGITS as i32 + shift + point as i32 - 1;
    let mut value: i64 = 0;
    let mut digits = 0usize;
    let mut rounds_away = false;
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
        } else if digit != 0 && finer == Finer::Refused {
            return Err(DecimalError::TooFine);
        } else if place == -1 {
            rounds_away = digit >= 5;
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
    if rounds_away {
        value = value.checked_sub(1).ok_or(DecimalError::TooLarge)?;
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

    #[test]
    fn the_noise_of_floats_is_read_to_the_nearest_unit() {
        let f = |s: &str| read_decimal(s.as_bytes());
        for (text, units) in [
            ("0.00010000000000000001", 10_000),
            ("0.00014249999999999999", 14_250),
            ("0.30000000000000004", 30_000_000),
            ("39907.5661399998", 3_990_756_614_000),
            ("-39907.5661399998", -3_990_756_614_000),
            ("0.000000005", 1),
            ("-0.000000005", -1),
            ("0.00000000499999", 0),
            ("5e-9", 1),
            ("4.9e-9", 0),
            ("1.0000000000000002e-4", 10_000),
            ("9e-300", 0),
            ("0e999", 0),
            ("92233720368.547758071", i64::MAX),
        ] {
            assert_eq!(f(text), Ok(units), "{text}");
        }
        assert_eq!(f("92233720368.547758075"), Err(DecimalError::TooLarge));
        assert_eq!(f("1e999999999999"), Err(DecimalError::TooLarge));
        for (text, byte) in
            [("0.0000000049x", b'x'), ("1.2.3", b'.'), ("nan", b'n'), ("1e-x", b'x')]
        {
            assert_eq!(f(text), Err(DecimalError::BadByte(byte)), "{text}");
        }
        for text in ["", "-", ".", "1e", "1e-", "e5"] {
            assert_eq!(f(text), Err(DecimalError::Empty), "{text}");
        }
    }

    proptest! {
        /// Held against 128-bit arithmetic on twelve decimals.
        #[test]
        fn the_nearest_is_what_division_says(units in -10_i128.pow(16)..10_i128.pow(16)) {
            let magnitude = units.unsigned_abs();
            let (whole, fine) = (magnitude / 10_u128.pow(12), magnitude % 10_u128.pow(12));
            let sign = if units < 0 { "-" } else { "" };
            let nearest = (units + 5_000 * units.signum()) / 10_000;
            let text = format!("{sign}{whole}.{fine:012}");
            prop_assert_eq!(read_decimal(text.as_bytes()), Ok(nearest as i64), "{}", text);
            let text = format!("{units}e-12");
            prop_assert_eq!(read_decimal(text.as_bytes()), Ok(nearest as i64), "{}", text);
        }

        /// Whatever a float's text is, it is read or refused.
        #[test]
        fn any_float_and_any_text(x in any::<f64>(), text in "[-+0-9.eE]{0,30}") {
            let _ = read_decimal(text.as_bytes());
            let read = read_decimal(format!("{x}").as_bytes());
            if x.abs() < 9e10 {
                let read = read.map(|raw| raw as f64 / SCALE as f64);
                prop_assert!(read.is_ok_and(|v| (v - x).abs() <= 1e-8 + x.abs() * 1e-15), "{}", x);
            }
        }

        #[test]
        fn written_and_read_back(raw in any::<i64>()) {
            let mut s = String::new();
            write_decimal(raw, &mut s).unwrap();
            prop_assert_eq!(parse_decimal(s.as_bytes()), Ok(raw));
            prop_assert_eq!(parse_decimal_exp(s.as_bytes()), Ok(raw));
            prop_assert_eq!(read_decimal(s.as_bytes()), Ok(raw));
        }
    }
}
