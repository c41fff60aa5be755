//! Amounts as they were typed, to the last digit: for `#[serde(deserialize_with)]`.

use super::spec;
use super::values::{Capital, parse_bps, parse_usd};
use botmm_pipeline::types::{Bps, Usd};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Value;

/// Exact dollars from an integer or decimal text.
pub(super) fn usd<'de, D: Deserializer<'de>>(from: D) -> Result<Usd, D::Error> {
    parse_usd(&exact_text(from)?).map_err(D::Error::custom)
}

pub(super) fn capital<'de, D: Deserializer<'de>>(from: D) -> Result<Capital, D::Error> {
    Capital::parse(&exact_text(from)?).map_err(D::Error::custom)
}

/// An exact rate from an integer or decimal text.
pub(super) fn bps<'de, D: Deserializer<'de>>(from: D) -> Result<Bps, D::Error> {
    parse_bps(&exact_text(from)?).map_err(D::Error::custom)
}

pub(super) fn some_bps<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Bps>, D::Error> {
    bps(from).map(Some)
}

fn exact_text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let value = Value::deserialize(from)?;
    spec::text(&value)
        .ok_or_else(|| D::Error::custom(format!("{} is not an exact number", value.type_str())))
}

/// What a word stands for.
pub(super) fn from_text<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: std::str::FromStr<Err = String>,
    D: Deserializer<'de>,
{
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}
