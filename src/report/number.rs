//! Exact numbers in JSON, and grouped ones for people.

use botmm_pipeline::types::{Bps, Px, Qty, Usd};
use serde::de::Error as _;
use serde::ser::{Error as _, SerializeMap as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// Fixed-point numbers whose `Display` is an exact JSON number of at most eight decimals.
pub(super) trait Exact: Display {}
impl Exact for Usd {}
impl Exact for Qty {}
impl Exact for Px {}
impl Exact for Bps {}

/// Any of them in JSON.
pub(super) struct Raw<'a, T>(pub &'a T);

impl<T: Exact> Serialize for Raw<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        // Text and not f64: sums of eight-decimal numbers must not show float noise.
        RawValue::from_string(self.0.to_string()).map_err(S::Error::custom)?.serialize(to)
    }
}

/// For `#[serde(serialize_with)]`.
pub(super) fn exact<T: Exact, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    Raw(value).serialize(to)
}

/// Money that a file keeps, exact both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(pub Usd);

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Raw(&self.0).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(from)?;
        Usd::parse(text.get()).map(Self).map_err(D::Error::custom)
    }
}

/// The same for what may be unknown.
pub(super) fn exact_option<T: Exact, S: Serializer>(
    value: &Option<T>,
    to: S,
) -> Result<S::Ok, S::Error> {
    value.as_ref().map(Raw).serialize(to)
}

/// The same for a map by symbol.
pub(super) fn exact_map<T: Exact, S: Serializer>(
    values: &BTreeMap<String, T>,
    to: S,
) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(values.len()))?;
    for (key, value) in values {
        map.serialize_entry(key, &Raw(value))?;
    }
    map.end()
}

/// For `#[serde(deserialize_with)]`: a rate, which a float of this size holds to the last digit.
pub(super) fn bps<'de, D: Deserializer<'de>>(from: D) -> Result<Bps, D::Error> {
    f64::deserialize(from).map(Bps::from_f64)
}

/// The hash as 16 hex digits: a JSON number of this size would be rounded by most readers.
pub(super) fn hex<S: Serializer>(hash: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format!("{hash:016x}"))
}

/// Cents for people, rounded half away from zero, with thousands separated: `-1,234.50`.
pub fn cents(amount: Usd) -> String {
    let cent = botmm_pipeline::types::SCALE / 100;
    let cents = (amount.raw().unsigned_abs() + cent as u64 / 2) / cent as u64;
    // A loss of a fraction of a cent keeps its sign.
    let sign = if amount.is_negative() { "-" } else { "" };
    format!("{sign}{}.{:02}", grouped(cents / 100), cents % 100)
}

/// `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `30 m 5 s`, `2.5 s`: the two largest units of a span.
pub fn span(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let s = seconds.round() as u64;
    let (days, hours, minutes) = (s / 86_400, s / 3_600 % 24, s / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} m {} s", s % 60),
        (0, _) => format!("{hours} h {minutes} m"),
        _ => format!("{days} d {hours} h"),
    }
}

/// Nanoseconds in a unit that keeps three figures.
pub(super) fn nanos(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.2} us", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} ms", ns as f64 / 1e6),
        _ => format!("{:.2} s", ns as f64 / 1e9),
    }
}

/// A label and what it stands for.
pub(super) fn line(f: &mut fmt::Formatter<'_>, label: &str, text: impl Display) -> fmt::Result {
    writeln!(f, "  {label:<12} {text}")
}

/// An amount, and the word where it is a loss.
pub(super) fn profit(amount: Usd) -> String {
    let word = if amount.is_negative() { " (loss)" } else { "" };
    format!("{:>14} USD{word}", cents(amount))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_people() {
        let usd = |s: &str| cents(Usd::parse(s).unwrap());
        assert_eq!(usd("1234567.895"), "1,234,567.90");
        assert_eq!(usd("-1234.5"), "-1,234.50");
        assert_eq!(usd("-0.001"), "-0.00");
        assert_eq!(usd("0"), "0.00");
        assert_eq!((grouped(0).as_str(), grouped(999_999).as_str()), ("0", "999,999"));
        assert_eq!(span(2.46), "2.5 s");
        assert_eq!(span(1805.2), "30 m 5 s");
        assert_eq!(span(7_260.0), "2 h 1 m");
        assert_eq!(span(90_000.0), "1 d 1 h");
        assert_eq!((nanos(950).as_str(), nanos(1_234).as_str()), ("950 ns", "1.23 us"));
        assert_eq!(nanos(50_000_000), "50.00 ms");
    }
}
