//! Bytes as `0x` and lower-case hex digits, both ways.

/// Bytes written at once.
const CHUNK: usize = 32;

/// The digit of a value below 16. Arithmetic, so that a whole chunk is converted at once.
const fn digit(value: u8) -> u8 {
    value + if value < 10 { b'0' } else { b'a' - 10 }
}

/// Appends the two digits of each byte, without `0x`.
#[inline]
pub fn push(out: &mut Vec<u8>, bytes: &[u8]) {
    for chunk in bytes.chunks(CHUNK) {
        let mut digits = [0; 2 * CHUNK];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(chunk) {
            (pair[0], pair[1]) = (digit(byte >> 4), digit(byte & 15));
        }
        out.extend_from_slice(&digits[..2 * chunk.len()]);
    }
}

/// `0x` and the digits, as text.
pub fn text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(2 + 2 * bytes.len());
    out.push_str("0x");
    for &byte in bytes {
        out.push(char::from(digit(byte >> 4)));
        out.push(char::from(digit(byte & 15)));
    }
    out
}

/// Reads exactly `N` bytes; `0x` may be left out, upper case is read too.
pub fn parse<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

/// A 256-bit number, which some clients write without its leading zeros (`0x` required).
pub fn parse_number(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix("0x")?.as_bytes();
    if digits.is_empty() || digits.len() > 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (i, &digit) in digits.iter().rev().enumerate() {
        bytes[31 - i / 2] |= value(digit)? << (4 * (i % 2));
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_written() {
        assert_eq!(parse::<2>("0x0aFf"), Some([10, 255]));
        assert_eq!(parse::<2>("0aff"), Some([10, 255]));
        assert_eq!(text(&[10, 255]), "0x0aff");
        let all: Vec<u8> = (0..=255).collect();
        let mut pushed = b"0x".to_vec();
        push(&mut pushed, &all);
        assert_eq!(pushed, text(&all).into_bytes());
        assert_eq!(parse::<256>(&text(&all)), all.try_into().ok());
        for bad in ["0x0af", "0x0aff0", "0x0ag0", "", "0x", "0xé0a"] {
            assert_eq!(parse::<2>(bad), None, "{bad}");
        }
    }

    #[test]
    fn numbers_may_lack_leading_zeros() {
        let mut expected = [0; 32];
        (expected[30], expected[31]) = (0x0f, 0xa1);
        assert_eq!(parse_number("0xfa1"), Some(expected));
        assert_eq!(parse_number("0x0fa1"), Some(expected));
        for bad in ["fa1", "0x", "0xg", &format!("0x{}", "1".repeat(65))] {
            assert_eq!(parse_number(bad), None, "{bad}");
        }
    }
}
