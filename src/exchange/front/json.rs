//! How numbers, addresses and hashes look in the venue's JSON (PROTOCOL §1.1).

use botmm_pipeline::types::{Cloid, Nanos, Px, Qty, Side, Usd};
use botmm_pipeline::venue::hl::sign::{Address, hex, keccak256};
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, SerializeSeq, Serializer};

/// Decimals of prices, sizes and money.
const E8: u32 = 8;
/// Decimals of funding rates and averages.
const E10: u32 = 10;

/// A decimal as answers show it: text, exact, no more digits than needed, integers with `.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    raw: i64,
    places: u32,
}

impl Decimal {
    /// `0.0`
    pub const ZERO: Self = Self::e8(0);
    /// Units of 1e-8.
    pub const fn e8(raw: i64) -> Self {
        Self { raw, places: E8 }
    }
    /// Units of 1e-10: rates.
    pub const fn e10(raw: i64) -> Self {
        Self { raw, places: E10 }
    }
}

impl From<Px> for Decimal {
    fn from(px: Px) -> Self {
        Self::e8(px.raw())
    }
}
impl From<Qty> for Decimal {
    fn from(qty: Qty) -> Self {
        Self::e8(qty.raw())
    }
}
impl From<Usd> for Decimal {
    fn from(usd: Usd) -> Self {
        Self::e8(usd.raw())
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Sign, 19 digits, a point and a zero before and after it fit.
        let mut text = [0_u8; 24];
        let mut start = text.len();
        let mut push = |digit: u8| {
            start -= 1;
            text[start] = digit;
        };
        let unit = 10_u64.pow(self.places);
        let magnitude = self.raw.unsigned_abs();
        let (mut whole, mut fraction) = (magnitude / unit, magnitude % unit);
        let mut places = self.places;
        while places > 1 && fraction.is_multiple_of(10) {
            fraction /= 10;
            places -= 1;
        }
        for _ in 0..places {
            push(b'0' + (fraction % 10) as u8);
            fraction /= 10;
        }
        push(b'.');
        loop {
            push(b'0' + (whole % 10) as u8);
            whole /= 10;
            if whole == 0 {
                break;
            }
        }
        if self.raw < 0 {
            push(b'-');
        }
        serializer.serialize_str(core::str::from_utf8(&text[start..]).unwrap_or("0.0"))
    }
}

/// An address in JSON: read in any case, written in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct User(pub Address);

impl<'de> Deserialize<'de> for User {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Address::parse(&text).map(Self).ok_or_else(|| D::Error::custom("not an address"))
    }
}
impl Serialize for User {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A client's order id in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientId(pub Cloid);

impl Serialize for ClientId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// `0x` and exactly 32 hex digits.
pub fn parse_cloid(text: &str) -> Option<Cloid> {
    let bytes = text.strip_prefix("0x").and_then(hex::parse::<16>)?;
    Some(Cloid::from_u128(u128::from_be_bytes(bytes)))
}

/// A transaction's hash. This venue has no transactions, so it is made up: a hash of what it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxHash(pub [u8; 32]);

impl TxHash {
    /// Of payments that no transaction makes.
    pub const ZERO: Self = Self([0; 32]);

    /// Of the transaction that made a trade: the same for both its sides, whoever asks.
    pub fn of_trade(time: Nanos, tid: u64) -> Self {
        let mut name = [0; 16];
        name[..8].copy_from_slice(&time.0.to_be_bytes());
        name[8..].copy_from_slice(&tid.to_be_bytes());
        Self(keccak256(&name))
    }

    /// Of the transaction that brought an account's deposit with this number.
    pub fn of_deposit(user: &Address, number: u64) -> Self {
        let mut name = [0; 28];
        name[..20].copy_from_slice(user.as_bytes());
        name[20..].copy_from_slice(&number.to_be_bytes());
        Self(keccak256(&name))
    }
}

impl Serialize for TxHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = Vec::with_capacity(66);
        text.extend_from_slice(b"0x");
        hex::push(&mut text, &self.0);
        serializer.serialize_str(core::str::from_utf8(&text).unwrap_or("0x"))
    }
}

/// Always `[]`: what this venue never has any of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Serialize for Nothing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_seq(Some(0))?.end()
    }
}

/// Always `null`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Null;

impl Serialize for Null {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

/// `B` or `A`.
pub const fn side_letter(side: Side) -> &'static str {
    match side {
        Side::Bid => "B",
        Side::Ask => "A",
    }
}

/// A value's JSON. Our shapes have only text as keys and no fallible parts: nothing can fail.
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec())
}

/// A client's time in milliseconds; beyond the year 2262 all times are one.
pub fn time_of_ms(ms: u64) -> Nanos {
    i64::try_from(ms).ok().and_then(|ms| ms.checked_mul(1_000_000)).map_or(Nanos::MAX, Nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_and_integers_carry_a_zero() {
        let text = |d: Decimal| String::from_utf8(to_bytes(&d)).unwrap();
        for (px, expected) in [
            ("65012", "65012.0"),
            ("65012.5", "65012.5"),
            ("0", "0.0"),
            ("-0.00000001", "-0.00000001"),
            ("100", "100.0"),
            ("-11.86858", "-11.86858"),
        ] {
            assert_eq!(text(Px::parse(px).unwrap().into()), format!("\"{expected}\""));
        }
        assert_eq!(text(Decimal::e10(125_000)), "\"0.0000125\"");
        assert_eq!(text(Decimal::e10(i64::MIN)), "\"-922337203.6854775808\"");
        assert_eq!(text(Decimal::e8(i64::MIN)), "\"-92233720368.54775808\"");
    }

    #[test]
    fn client_ids_are_strict() {
        let id = "0x273d565c96b2523ae6a0b5ca299c6f00";
        assert_eq!(parse_cloid(id).unwrap().to_string(), id);
        for bad in [&id[2..], &id[..33], "", "0x", "0x0x3d565c96b2523ae6a0b5ca299c6f00"] {
            assert_eq!(parse_cloid(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_of_any_client_are_taken() {
        assert_eq!(time_of_ms(1_795_359_600_000).as_millis(), 1_795_359_600_000);
        assert_eq!(time_of_ms(u64::MAX), Nanos::MAX);
    }
}
