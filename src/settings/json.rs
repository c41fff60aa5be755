//! JSON that people and programs write → the values of a configuration. Numbers are read from their
//! text, so that money stays exact, and what a table would hide (a key given twice) is seen.

use crate::masked::masked;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use toml::Value;

/// As much of an unsound value as a message shows.
const SHOWN_CHARS: usize = 40;

/// The keys and values of an object, in the order written; [`None`] = it is no object.
pub(super) fn pairs(raw: &RawValue) -> Option<Vec<(String, &RawValue)>> {
    struct Pairs;
    impl<'de> Visitor<'de> for Pairs {
        type Value = Vec<(String, &'de RawValue)>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = map.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }
    serde_json::Deserializer::from_str(raw.get()).deserialize_map(Pairs).ok()
}

/// A value as a configuration would hold it; an exact number as its decimal text. [`None`] = no
/// configuration has such a value (null, an object).
pub(super) fn value(raw: &RawValue, exact: bool) -> Option<Value> {
    let text = raw.get();
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str(text).ok().map(Value::String),
        b't' => Some(Value::Boolean(true)),
        b'f' => Some(Value::Boolean(false)),
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            items
                .into_iter()
                .map(|item| value(item, exact))
                .collect::<Option<_>>()
                .map(Value::Array)
        }
        b'-' | b'0'..=b'9' => match text.parse() {
            Ok(whole) => Some(Value::Integer(whole)),
            Err(_) if exact => Some(Value::String(text.to_owned())),
            Err(_) => text.parse().ok().map(Value::Float),
        },
        _ => None,
    }
}

/// What stands there, in one word or two.
pub(super) fn kind(raw: &RawValue) -> &'static str {
    match raw.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "text",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// A value as a message shows it.
pub(super) fn shown(raw: &RawValue) -> String {
    let text = masked(raw.get()); // Before it is cut: most of a key is one too.
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> &RawValue {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn numbers_are_exact() {
        fn read(text: &str, exact: bool) -> Value {
            value(raw(text), exact).unwrap()
        }
        assert_eq!(read("150", true), Value::Integer(150));
        assert_eq!(read("999999999.12345678", true).as_str(), Some("999999999.12345678"));
        assert_eq!(read("2", false), Value::Integer(2));
        // The shortest text of a float is read back to the same float.
        for float in [0.1, 1.0 / 3.0, 8.41, 123_456.789_012_345_67, 5e-324, f64::MAX] {
            let text = serde_json::to_string(&float).unwrap();
            assert_eq!(read(&text, false).as_float().map(f64::to_bits), Some(float.to_bits()));
        }
        assert_eq!(read("[0.5, 1]", false).as_array().map(Vec::len), Some(2));
        assert_eq!(read("\"a\\nb\"", false).as_str(), Some("a\nb"));
        assert_eq!((value(raw("null"), false), value(raw("{}"), true)), (None, None));
        assert!(read("1e999", false).as_float().unwrap().is_infinite());
    }

    #[test]
    fn nothing_of_an_object_is_hidden() {
        let found = pairs(raw("{\"b\": 1, \"a\": {}, \"b\": [2]}")).unwrap();
        let keys: Vec<_> = found.iter().map(|(k, v)| (k.as_str(), kind(v))).collect();
        assert_eq!(keys, [("b", "a number"), ("a", "an object"), ("b", "a list")]);
        assert!(pairs(raw("[1]")).is_none() && pairs(raw("null")).is_none());
        assert_eq!(shown(raw(&format!("\"{}\"", "ä".repeat(100)))).chars().count(), 41);
    }
}
