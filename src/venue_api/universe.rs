//! What a venue lists, from its `meta`.

use crate::venue_numbers;
use botmm_pipeline::types::Instrument;
use serde_json::Value;
use std::collections::BTreeMap;

/// Sizes and leverages that our grid holds.
const MAX_SZ_DECIMALS: u64 = 6;
const MAX_LEVERAGE: u64 = 255;

/// What a venue lists.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Those that can be traded, in its order.
    pub coins: Vec<Instrument>,
    /// Names of those that are not traded any more.
    pub delisted: Vec<String>,
    /// How much of a position margin must cover, by the names of all.
    pub margins: BTreeMap<String, Margin>,
}

/// The margin that a coin's positions need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Margin {
    /// From this value of a position on (decimal text, USD) it may be so many times the margin.
    pub tiers: Vec<(String, u64)>,
    /// Margin is kept for this coin alone.
    pub is_isolated: bool,
}

impl Listed {
    /// Of a `meta`; [`None`] = it has not the venue's shape. Entries of a shape that we do not trade are
    /// passed over.
    pub fn of(meta: &Value) -> Option<Self> {
        let listed = meta.get("universe").and_then(Value::as_array)?;
        let coins = listed.iter().zip(0..).filter_map(|(i, at)| instrument(i, at)).collect();
        let gone = listed.iter().filter(|entry| is_delisted(entry));
        let delisted = gone.filter_map(|e| e["name"].as_str().map(str::to_owned)).collect();
        let tables = tables(meta);
        let margins = listed.iter().filter_map(|e| margin(e, &tables)).collect();
        Some(Self { coins, delisted, margins })
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

/// `marginTables` by their numbers.
fn tables(meta: &Value) -> BTreeMap<u64, Vec<(String, u64)>> {
    let table = |entry: &Value| {
        let tiers = entry[1]["marginTiers"].as_array()?.iter().map(|tier| {
            let from = tier["lowerBound"].as_str()?.to_owned();
            Some((from, venue_numbers::whole(&tier["maxLeverage"])?))
        });
        Some((venue_numbers::whole(&entry[0])?, tiers.collect::<Option<Vec<_>>>()?))
    };
    let tables = meta.get("marginTables").and_then(Value::as_array);
    tables.into_iter().flatten().filter_map(table).collect()
}

/// Of an entry of `meta.universe`; without a table of its own there is a single tier (PROTOCOL §2.1).
fn margin(entry: &Value, tables: &BTreeMap<u64, Vec<(String, u64)>>) -> Option<(String, Margin)> {
    let id = venue_numbers::whole(&entry["marginTableId"]);
    let tiers = id.and_then(|id| tables.get(&id)).cloned().unwrap_or_else(|| {
        let most = venue_numbers::whole(&entry["maxLeverage"]);
        most.into_iter().map(|most| ("0.0".to_owned(), most)).collect()
    });
    let mode = entry["marginMode"].as_str();
    let is_isolated = mode.is_some() || entry["onlyIsolated"].as_bool() == Some(true);
    Some((entry["name"].as_str()?.to_owned(), Margin { tiers, is_isolated }))
}

fn is_delisted(entry: &Value) -> bool {
    entry["isDelisted"].as_bool() == Some(true)
}
