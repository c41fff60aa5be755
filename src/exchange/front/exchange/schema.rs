//! What an action consists of (PROTOCOL §3.1): its keys in the order in which they are hashed. An
//! action is read and written again by this table, so that a client that hashed another order,
//! another form of a number, or another key is told the same as at the venue: a wrong signer.

use crate::exchange::front::json::parse_cloid;
use botmm_pipeline::venue::hl::sign::writer::{Msgpack, WireWriter};
use botmm_pipeline::venue::hl::sign::{Address, hex};
use serde_json::Value;

/// What a value has to be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// An asset index or leverage: 32 bits.
    U32,
    /// 64 bits.
    U64,
    /// 64 bits, signed.
    I64,
    Flag,
    /// A flag that is left out when it is false.
    TrueFlag,
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Decimal text, hashed without what is not needed.
    Decimal,
    Address,
    Cloid,
    /// A number or a cloid.
    OrderId,
    Map(&'static [Field]),
    /// A list of such maps.
    List(&'static [Field]),
    /// A map of exactly one of these.
    OneOf(&'static [Field]),
    /// One of these words, or a map.
    WordOr(&'static [&'static str], &'static [Field]),
}

/// A key of a map.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    key: &'static str,
    kind: Kind,
    is_optional: bool,
}

const fn must(key: &'static str, kind: Kind) -> Field {
    Field { key, kind, is_optional: false }
}

const fn may(key: &'static str, kind: Kind) -> Field {
    Field { key, kind, is_optional: true }
}

const ORDER: &[Field] = &[
    must("a", Kind::U32),
    must("b", Kind::Flag),
    must("p", Kind::Decimal),
    must("s", Kind::Decimal),
    must("r", Kind::Flag),
    must("t", Kind::OneOf(&[must("limit", Kind::Map(LIMIT)), must("trigger", Kind::Map(TRIGGER))])),
    may("c", Kind::Cloid),
];
const LIMIT: &[Field] = &[must("tif", Kind::Word(&["Alo", "Ioc", "Gtc", "FrontendMarket"]))];
const TRIGGER: &[Field] = &[
    must("isMarket", Kind::Flag),
    must("triggerPx", Kind::Decimal),
    must("tpsl", Kind::Word(&["tp", "sl"])),
];
const MODIFICATION: &[Field] = &[must("oid", Kind::OrderId), must("order", Kind::Map(ORDER))];
const TWAP: &[Field] = &[
    must("a", Kind::U32),
    must("b", Kind::Flag),
    must("s", Kind::Decimal),
    must("r", Kind::Flag),
    must("m", Kind::U64),
    must("t", Kind::Flag),
];
const GROUPINGS: &[&str] = &["na", "normalTpsl", "positionTpsl"];

/// Every L1 action, by its `type`, which is hashed before its fields.
static ACTIONS: &[(&str, &[Field])] = &[
    (
        "order",
        &[
            must("orders", Kind::List(ORDER)),
            must("grouping", Kind::WordOr(GROUPINGS, &[must("p", Kind::U64)])),
            may("builder", Kind::Map(&[must("b", Kind::Address), must("f", Kind::U64)])),
        ],
    ),
    (
        "cancel",
        &[
            must("cancels", Kind::List(&[must("a", Kind::U32), must("o", Kind::U64)])),
            may("f", Kind::TrueFlag),
        ],
    ),
    (
        "cancelByCloid",
        &[
            must("cancels", Kind::List(&[must("asset", Kind::U32), must("cloid", Kind::Cloid)])),
            may("f", Kind::TrueFlag),
        ],
    ),
    (
        "modify",
        &[must("oid", Kind::OrderId), must("order", Kind::Map(ORDER)), may("a", Kind::TrueFlag)],
    ),
    ("batchModify", &[must("modifies", Kind::List(MODIFICATION)), may("a", Kind::TrueFlag)]),
    ("scheduleCancel", &[may("time", Kind::U64)]),
    (
        "updateLeverage",
        &[must("asset", Kind::U32), must("isCross", Kind::Flag), must("leverage", Kind::U32)],
    ),
    (
        "updateIsolatedMargin",
        &[must("asset", Kind::U32), must("isBuy", Kind::Flag), must("ntli", Kind::I64)],
    ),
    ("noop", &[]),
    ("reserveRequestWeight", &[must("weight", Kind::U64), may("destination", Kind::Address)]),
    ("setReferrer", &[must("code", Kind::Text)]),
    ("evmUserModify", &[must("usingBigBlocks", Kind::Flag)]),
    ("twapOrder", &[must("twap", Kind::Map(TWAP))]),
    ("twapCancel", &[must("a", Kind::U32), must("t", Kind::U64)]),
    // Real actions that are told to be missing here.
    ("topUpIsolatedOnlyMargin", &[must("asset", Kind::U32), must("leverage", Kind::Decimal)]),
    ("createSubAccount", &[must("name", Kind::Text)]),
    (
        "subAccountTransfer",
        &[
            must("subAccountUser", Kind::Address),
            must("isDeposit", Kind::Flag),
            must("usd", Kind::U64),
        ],
    ),
    (
        "vaultTransfer",
        &[
            must("vaultAddress", Kind::Address),
            must("isDeposit", Kind::Flag),
            must("usd", Kind::U64),
        ],
    ),
    ("agentSetAbstraction", &[must("abstraction", Kind::Text)]),
];

/// The longest text and list that msgpack's two-byte headers take.
const MAX_LENGTH: usize = u16::MAX as usize;

/// The bytes that the venue hashes for this action; [`None`] when it is none.
pub fn encode(action: &Value) -> Option<Vec<u8>> {
    let kind = action.get("type")?.as_str()?;
    let (name, fields) = ACTIONS.iter().find(|(name, _)| *name == kind)?;
    let mut out = Vec::with_capacity(256);
    let mut w = Msgpack(&mut out);
    w.begin_map(1 + present(action, fields).count());
    w.key("type");
    w.word(name);
    put_fields(&mut w, action, fields)?;
    Some(out)
}

/// A field's value: null is as good as absent.
fn value_of<'v>(map: &'v Value, field: &Field) -> Option<&'v Value> {
    let value = map.get(field.key).filter(|value| !value.is_null());
    match field.kind {
        Kind::TrueFlag => value.filter(|value| *value != &Value::Bool(false)),
        _ => value,
    }
}

fn present<'v>(
    map: &'v Value,
    fields: &'static [Field],
) -> impl Iterator<Item = (&'static Field, &'v Value)> {
    fields.iter().filter_map(|field| value_of(map, field).map(|value| (field, value)))
}

fn put_fields(w: &mut Msgpack<'_>, map: &Value, fields: &'static [Field]) -> Option<()> {
    let is_missing = |f: &Field| !f.is_optional && value_of(map, f).is_none();
    if !map.is_object() || fields.iter().any(is_missing) {
        return None;
    }
    present(map, fields).try_for_each(|(field, value)| {
        w.key(field.key);
        put(w, value, field.kind)
    })
}

fn put_map(w: &mut Msgpack<'_>, map: &Value, fields: &'static [Field]) -> Option<()> {
    w.begin_map(present(map, fields).count());
    put_fields(w, map, fields)
}

fn put(w: &mut Msgpack<'_>, value: &Value, kind: Kind) -> Option<()> {
    match kind {
        Kind::U32 => w.uint(u32::try_from(value.as_u64()?).ok()?.into()),
        Kind::U64 => w.uint(value.as_u64()?),
        Kind::I64 => w.int(value.as_i64()?),
        Kind::Flag | Kind::TrueFlag => w.flag(value.as_bool()?),
        Kind::Text => w.word(value.as_str().filter(|text| text.len() <= MAX_LENGTH)?),
        Kind::Word(words) => w.word(words.iter().find(|word| **word == value)?),
        Kind::Decimal => w.word(&canonical_decimal(value.as_str()?)?),
        Kind::Address => w.hex(Address::parse(value.as_str()?)?.as_bytes()),
        Kind::Cloid => w.hex(&parse_cloid(value.as_str()?)?.to_u128().to_be_bytes()),
        Kind::OrderId if value.is_string() => put(w, value, Kind::Cloid)?,
        Kind::OrderId => put(w, value, Kind::U64)?,
        Kind::Map(fields) => put_map(w, value, fields)?,
        Kind::List(fields) => {
            let items = value.as_array().filter(|items| items.len() <= MAX_LENGTH)?;
            w.begin_list(items.len());
            items.iter().try_for_each(|item| put_map(w, item, fields))?;
        }
        Kind::OneOf(fields) => {
            let mut found = present(value, fields);
            let (Some((field, inner)), None) = (found.next(), found.next()) else {
                return None;
            };
            w.begin_map(1);
            w.key(field.key);
            put(w, inner, field.kind)?;
        }
        Kind::WordOr(words, _) if value.is_string() => put(w, value, Kind::Word(words))?,
        Kind::WordOr(_, fields) => put_map(w, value, fields)?,
    }
    Some(())
}

/// A number's only form: no plus, no zeros that can be left out, no point without decimals.
/// [`None`] for what is no plain decimal.
pub fn canonical_decimal(text: &str) -> Option<String> {
    const MAX_DIGITS: usize = 64;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let count = whole.len() + fraction.len();
    if !is_plain(whole) || !is_plain(fraction) || !(1..=MAX_DIGITS).contains(&count) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let (whole, is_zero) = (if whole.is_empty() { "0" } else { whole }, whole.is_empty());
    Some(match fraction {
        "" if is_zero => "0".to_owned(),
        "" => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{fraction}"),
    })
}

/// An address with or without its `0x`, as some clients write a vault's.
pub fn vault_address(text: &str) -> Option<Address> {
    hex::parse::<20>(text).map(Address::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn decimals_have_one_form() {
        for (text, expected) in [
            ("65000", "65000"),
            ("65000.0", "65000"),
            ("0065000.10", "65000.1"),
            ("0.00000001", "0.00000001"),
            (".5", "0.5"),
            ("5.", "5"),
            ("0", "0"),
            ("-0.0", "0"),
            ("-1.50", "-1.5"),
            ("123456789012345678901234567890.123", "123456789012345678901234567890.123"),
        ] {
            assert_eq!(canonical_decimal(text).as_deref(), Some(expected), "{text}");
        }
        for bad in ["", "-", ".", "1e5", "+1", "NaN", "1.2.3", "--1", &"1".repeat(65)] {
            assert_eq!(canonical_decimal(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_no_action_is_none() {
        let order = json!({"a":0,"b":true,"p":"1","s":"1","r":false,"t":{"limit":{"tif":"Gtc"}}});
        let action = |order: &Value| json!({"type":"order","orders":[order],"grouping":"na"});
        assert!(encode(&action(&order)).is_some());
        let with = |key: &str, value: Value| {
            let mut order = order.clone();
            order[key] = value;
            encode(&action(&order))
        };
        for (key, bad) in [
            ("a", json!(-1)),
            ("a", json!(1.0)),
            ("a", json!(1_u64 << 32)),
            ("a", json!(null)),
            ("b", json!(1)),
            ("p", json!(65000)),
            ("p", json!("1e5")),
            ("t", json!({})),
            ("t", json!({"limit":{"tif":"Po"}})),
            (
                "t",
                json!({"limit":{"tif":"Gtc"},"trigger":{"isMarket":true,"triggerPx":"1","tpsl":"sl"}}),
            ),
            ("c", json!("0x1")),
            ("c", json!(7)),
        ] {
            assert_eq!(with(key, bad.clone()), None, "{key} {bad}");
        }
        for bad in [json!([]), json!(null), json!({"type":"nope"}), json!({"type":"order"})] {
            assert_eq!(encode(&bad), None, "{bad}");
        }
    }

    #[test]
    fn absent_null_and_false_are_one() {
        let base = encode(&json!({"type":"cancel","cancels":[{"a":0,"o":1}]})).unwrap();
        for f in [json!(null), json!(false)] {
            let action = json!({"type":"cancel","cancels":[{"a":0,"o":1,"x":0}],"f":f,"y":1});
            assert_eq!(encode(&action).unwrap(), base);
        }
        let fast = json!({"type":"cancel","cancels":[{"a":0,"o":1}],"f":true});
        assert_ne!(encode(&fast).unwrap(), base);
    }
}
