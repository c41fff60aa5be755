//! Lines of hftbacktest's collector, told apart from frames.

use super::time::{any_form, split_time};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Whether a line is one of those for Binance: `LOCAL_NS JSON` with the keys of its streams or answers.
pub fn is_of_binance(line: &[u8]) -> bool {
    let (time, json) = split_time(line.trim_ascii());
    let keys: BTreeMap<&str, &RawValue> = serde_json::from_slice(json).unwrap_or_default();
    let has = |names: &[&str]| names.iter().all(|name| keys.contains_key(name));
    any_form(time).is_some()
        && (has(&["lastUpdateId", "bids", "asks"]) || has(&["stream", "data"]) || has(&["e", "s"]))
}
