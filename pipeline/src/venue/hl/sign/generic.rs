//! Any action's JSON text to msgpack, key order as it stands: for tools, for actions that no type
//! describes, and as the naive twin of [`super::writer::Msgpack`], with which it shares no code.
//! It allocates, and it refuses what can never be part of a valid hash (PROTOCOL §4.1).

use simd_json::{Node, StaticNode, Tape};

/// Deeper than any action, shallow enough for any stack.
const MAX_DEPTH: u32 = 16;

/// Why a text is not an action that can be hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GenericError {
    /// Not JSON, from this byte on.
    NotJson(usize),
    /// Not a JSON object.
    NotAnObject,
    /// A number with a point or an exponent, or beyond 64 bits.
    NotAnInteger,
    /// A null: absent keys are left out.
    Null,
    /// A key that is there twice.
    Twice(String),
    /// Nested deeper than any action.
    TooDeep,
    /// A text or list of more than 65535 bytes or items.
    TooLong,
}

impl core::fmt::Display for GenericError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotJson(at) => write!(f, "not JSON (byte {at})"),
            Self::NotAnObject => f.write_str("not a JSON object"),
            Self::NotAnInteger => f.write_str(
                "a number that is not a 64-bit integer; prices and sizes are texts (\"65012.5\")",
            ),
            Self::Null => f.write_str("a null; leave the key out instead"),
            Self::Twice(key) => write!(f, "the key {key:?} is there twice"),
            Self::TooDeep => f.write_str("nested deeper than any action"),
            Self::TooLong => f.write_str("a text or list of more than 65535 bytes or items"),
        }
    }
}

impl std::error::Error for GenericError {}

/// The msgpack of an action's JSON text.
pub fn json_to_msgpack(json: &[u8]) -> Result<Vec<u8>, GenericError> {
    let mut copy = json.to_vec();
    let tape = parse(&mut copy)?;
    let mut out = Vec::with_capacity(json.len());
    Walk { nodes: &tape.0, next: 0 }.value(&mut out, 0)?;
    Ok(out)
}

/// A value that has no parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Text(String),
    Flag(bool),
    Uint(u64),
}

/// The fields of an object without parts of its own.
pub(super) fn plain_fields(json: &[u8]) -> Result<Vec<(String, Plain)>, GenericError> {
    let mut copy = json.to_vec();
    let tape = parse(&mut copy)?;
    let mut walk = Walk { nodes: &tape.0, next: 0 };
    let Some(Node::Object { len, .. }) = walk.take() else {
        return Err(GenericError::NotAnObject);
    };
    let mut fields: Vec<(String, Plain)> = Vec::new();
    for _ in 0..len {
        let key = walk.key(|key| fields.iter().any(|(k, _)| k == key))?;
        let value = match walk.take() {
            Some(Node::String(text)) => Plain::Text(text.to_owned()),
            Some(Node::Static(StaticNode::Bool(flag))) => Plain::Flag(flag),
            Some(Node::Static(node)) => Plain::Uint(unsigned(node)?),
            _ => return Err(GenericError::TooDeep),
        };
        fields.push((key.to_owned(), value));
    }
    Ok(fields)
}

/// The tape of an object.
fn parse(json: &mut [u8]) -> Result<Tape<'_>, GenericError> {
    let tape = simd_json::to_tape(json).map_err(|e| GenericError::NotJson(e.index()))?;
    match tape.0.first() {
        Some(Node::Object { .. }) => Ok(tape),
        _ => Err(GenericError::NotAnObject),
    }
}

fn unsigned(node: StaticNode) -> Result<u64, GenericError> {
    match node {
        StaticNode::U64(value) => Ok(value),
        StaticNode::I64(value) => u64::try_from(value).map_err(|_| GenericError::NotAnInteger),
        StaticNode::Null => Err(GenericError::Null),
        _ => Err(GenericError::NotAnInteger),
    }
}

/// Takes a tape's nodes one after the other.
struct Walk<'t, 'i> {
    nodes: &'t [Node<'i>],
    next: usize,
}

impl<'i> Walk<'_, 'i> {
    fn take(&mut self) -> Option<Node<'i>> {
        let node = self.nodes.get(self.next).copied();
        self.next += 1;
        node
    }

    fn key(&mut self, is_known: impl FnOnce(&str) -> bool) -> Result<&'i str, GenericError> {
        match self.take() {
            Some(Node::String(key)) if is_known(key) => Err(GenericError::Twice(key.to_owned())),
            Some(Node::String(key)) => Ok(key),
            _ => Err(GenericError::NotAnObject),
        }
    }

    fn value(&mut self, out: &mut Vec<u8>, depth: u32) -> Result<(), GenericError> {
        if depth > MAX_DEPTH {
            return Err(GenericError::TooDeep);
        }
        match self.take() {
            Some(Node::String(text)) => put_text(out, text),
            Some(Node::Object { len, .. }) => {
                put_length(out, len, [(15, 0x80), (0xffff, 0xde)])?;
                let mut keys: Vec<&str> = Vec::new();
                for _ in 0..len {
                    let key = self.key(|key| keys.contains(&key))?;
                    keys.push(key);
                    put_text(out, key)?;
                    self.value(out, depth + 1)?;
                }
                Ok(())
            }
            Some(Node::Array { len, .. }) => {
                put_length(out, len, [(15, 0x90), (0xffff, 0xdc)])?;
                (0..len).try_for_each(|_| self.value(out, depth + 1))
            }
            Some(Node::Static(StaticNode::Bool(flag))) => {
                out.push(0xc2 + u8::from(flag));
                Ok(())
            }
            Some(Node::Static(StaticNode::I64(value))) if value < 0 => {
                put_negative(out, value);
                Ok(())
            }
            Some(Node::Static(node)) => {
                put_unsigned(out, unsigned(node)?);
                Ok(())
            }
            None => Err(GenericError::NotJson(0)),
        }
    }
}

/// A length in its shorter form (count within the tag) or in two bytes.
fn put_length(out: &mut Vec<u8>, len: usize, forms: [(usize, u8); 2]) -> Result<(), GenericError> {
    let [(short, short_tag), (long, long_tag)] = forms;
    if len <= short {
        out.push(short_tag + len as u8);
    } else if len <= long {
        out.push(long_tag);
        out.extend((len as u16).to_be_bytes());
    } else {
        return Err(GenericError::TooLong);
    }
    Ok(())
}

fn put_text(out: &mut Vec<u8>, text: &str) -> Result<(), GenericError> {
    match text.len() {
        len @ 32..=255 => out.extend([0xd9, len as u8]),
        len => put_length(out, len, [(31, 0xa0), (0xffff, 0xda)])?,
    }
    out.extend(text.bytes());
    Ok(())
}

/// The fewest of 1, 2, 4 or 8 bytes that hold it, tagged.
fn put_unsigned(out: &mut Vec<u8>, value: u64) {
    let bytes = value.to_be_bytes();
    match 8 - value.leading_zeros() / 8 {
        _ if value < 128 => out.push(value as u8),
        0 | 1 => out.extend([0xcc, bytes[7]]),
        2 => out.extend([&[0xcd], &bytes[6..]].concat()),
        3 | 4 => out.extend([&[0xce], &bytes[4..]].concat()),
        _ => out.extend([&[0xcf], &bytes[..]].concat()),
    }
}

fn put_negative(out: &mut Vec<u8>, value: i64) {
    let bytes = value.to_be_bytes();
    if value >= -32 {
        out.push(bytes[7]);
    } else if i8::try_from(value).is_ok() {
        out.extend([0xd0, bytes[7]]);
    } else if i16::try_from(value).is_ok() {
        out.extend([&[0xd1], &bytes[6..]].concat());
    } else if i32::try_from(value).is_ok() {
        out.extend([&[0xd2], &bytes[4..]].concat());
    } else {
        out.extend([&[0xd3], &bytes[..]].concat());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_hashed_is_refused_by_name() {
        let deep = format!("{}1{}", "{\"a\":".repeat(40), "}".repeat(40));
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(70_000));
        let cases = [
            ("{\"a\":1.5}", GenericError::NotAnInteger),
            ("{\"a\":1e3}", GenericError::NotAnInteger),
            ("{\"c\":null}", GenericError::Null),
            ("{\"a\":1,\"b\":{},\"a\":1}", GenericError::Twice("a".to_owned())),
            ("[1]", GenericError::NotAnObject),
            ("7", GenericError::NotAnObject),
            (deep.as_str(), GenericError::TooDeep),
            (long.as_str(), GenericError::TooLong),
        ];
        for (json, expected) in cases {
            assert_eq!(json_to_msgpack(json.as_bytes()), Err(expected), "{:.40}", json);
        }
        for text in ["", " ", "{", "{\"a\"}", "nul", "\u{7f}", "{\"a\":184467440737095516160}"] {
            assert!(json_to_msgpack(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn large_maps_and_texts_take_longer_headers() {
        let fields: Vec<String> = (0..16).map(|i| format!("\"k{i}\":0")).collect();
        let packed = json_to_msgpack(format!("{{{}}}", fields.join(",")).as_bytes()).unwrap();
        assert_eq!(packed[..6], [0xde, 0, 16, 0xa2, b'k', b'0']);
        let packed = json_to_msgpack(format!("{{\"a\":\"{}\"}}", "x".repeat(256)).as_bytes());
        assert_eq!(packed.unwrap()[..6], [0x81, 0xa1, b'a', 0xda, 1, 0]);
    }
}
