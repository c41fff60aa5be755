//! What a venue lists, from its `meta`.

use crate::venue_numbers;
use botmm_pipeline::types::Instrument;
use serde_json::Value;

/// Sizes and leverages that our grid holds.
const MAX_SZ_DECIMALS: u64 = 6;
const MAX_LEVERAGE: u64 = 255;

/// What a venue lists.
pub struct Listed {
    /// Those that can be traded, in its order.
    pub coins: Vec<Instrument>,
    /// Names of those that are not traded any more.
    pub delisted: Vec<String>,
}

impl Listed {
    /// Of a `meta`; [`None`] = it has not the venue's shape. Entries of a shape that we do not trade are
    /// passed over.
    pub fn of(meta: &Value) -> Option<Self> {
        let listed = meta.get("universe").and_then(Value::as_array)?;
        let coins = listed.iter().zip(0..).filter_map(|(i, at)| instrument(i, at)).collect();
        let gone = listed.iter().filter(|entry| is_delisted(entry));
        let delisted = gone.filter_map(|e| e["name"].as_str().map(str::to_owned)).collect();
        Some(Self { coins, delisted })
    }
}

/// A listed perpetual of `meta`; [`None`] when it is delisted or of a shape that we do not trade.
fn instrument(entry: &Value, venue_index: u32) -> Option<Instrument> {
    if is_delisted(entry) {
        return None;
    }
    let in_range = |key: &str, most| venue_numbers::whole(&entry[key]).filter(|n| *n <= most);
    let sz_decimals = in_range("szDecimals", MAX_SZ_DECIMALS)? as u8;
    let max_leverage = in_range("maxLeverage", MAX_LEVERAGE)?.max(1) as u8;
    Instrument::new(entry["name"].as_str()?, venue_index, sz_decimals, max_leverage)
}

fn is_delisted(entry: &Value) -> bool {
    entry["isDelisted"].as_bool() == Some(true)
}
