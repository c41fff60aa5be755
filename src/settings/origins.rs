//! Where each key of a configuration came from.

use std::collections::BTreeMap;

/// Where each key came from, by its full path (`defaults.quote.tick_ms`).
pub(super) type Origins = BTreeMap<String, String>;

/// `a.b`, or `b` at the top.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The place of a key, or of the nearest table around it that has one.
pub(super) fn place_of(origins: &Origins, key: &str) -> String {
    let mut path = key;
    loop {
        if let Some(place) = origins.get(path) {
            return place.clone();
        }
        match path.rfind(['.', '[']) {
            Some(cut) => path = &path[..cut],
            None => return "configuration".to_owned(),
        }
    }
}
