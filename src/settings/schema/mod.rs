//! The configuration as a JSON Schema (draft 2020-12), for editors: kinds and ranges from the table
//! that the program itself checks against ([`spec`]), words and defaults from the shipped file.
//!
//! What it refuses, `botmm check` refuses too (but for blanks around a text). The other way round it
//! cannot: what holds between two keys, or how long a list of tiers is, is for `check`.

use super::document::Document;
use super::render::to_json;
use super::shipped::{self, Block};
use super::spec::{self, Kind, Section, Spec};
use super::{ConfigError, SHIPPED, SHIPPED_NAME};
use botmm_pipeline::types::limits::{MAX_ASSETS, QUOTE_LEVELS};
use botmm_pipeline::types::params::LEADER_NAMES;
use serde_json::{Map, Value as Json, json};
use toml::Table;

/// Decimal text of an exact number.
const DECIMAL: &str = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$";
/// The same, or the word of [`super::values::Capital`].
const CAPITAL: &str = r"^(account|[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)$";
/// A queue model's name.
const QUEUE: &str = r"^(risk_averse|prob_log|prob_power(:[0-9.eE+-]+)?)$";
/// A duration, or a log-normal distribution of them.
const LATENCY: &str =
    "^(lognormal: *[0-9.]+ *(ns|us|ms|s|m|h) *, *[0-9.eE+-]+|[0-9.]+ *(ns|us|ms|s|m|h))$";
/// A base, and switches.
const RULES: &str = "^(replay|venue)([+-](blocks|funding|margin|band|budget))*$";
/// None, or an address and where it is reached.
const GUARD: &str = r"^(0x[0-9a-fA-F]{40}@[A-Za-z0-9._:\[\]-]+:[1-9][0-9]{0,4})?$";
/// Anything but nothing.
const FILE: &str = "^.";
/// A coin's name.
const COIN: &str = "^[!-~]{1,23}$";

/// See the module. The same text for the same program.
pub fn schema() -> Result<Json, ConfigError> {
    let source = Shipped {
        blocks: shipped::blocks(),
        values: Document::parse(SHIPPED_NAME, SHIPPED)?.table,
    };
    let keys: Map<String, Json> =
        spec::SPECS.iter().map(|spec| (name(spec), source.key(spec))).collect();
    let defaults = spec::PARTS.map(|(part, section)| (part, source.table(section)));
    let coin = spec::PARTS.map(|(part, section)| (part, refs(section, |spec| !spec.account)));
    let by_coin = |row: Json| {
        json!({
            "type": "object",
            "propertyNames": { "pattern": COIN },
            "additionalProperties": row,
        })
    };
    let mut universe = by_coin(refs(Section::Instrument, |_| true));
    universe["description"] = source.about(Section::Instrument);
    let tables = [
        ("general", source.table(Section::General)),
        ("discord", source.table(Section::Discord)),
        ("webhook", source.table(Section::Webhook)),
        ("http", source.table(Section::Http)),
        ("wire", source.table(Section::Wire)),
        ("history", source.table(Section::History)),
        ("tuner", source.table(Section::Tuner)),
        ("dead_man", source.table(Section::DeadMan)),
        ("universe", universe),
        ("sim", source.table(Section::Sim)),
        (
            "fees",
            object([
                ("volume_tier", source.rows(Section::VolumeTier, 1)),
                ("maker_rebate", source.rows(Section::MakerRebate, 0)),
            ]),
        ),
        ("defaults", object(defaults)),
        ("asset", by_coin(object(coin))),
    ];
    let mut root = object(tables);
    root["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    root["title"] = "Configuration of botmm".into();
    root["description"] = "Only what differs from what is built in; see `botmm check`.".into();
    root["$defs"] = keys.into();
    Ok(root)
}

/// The shipped file.
struct Shipped {
    blocks: Vec<Block<'static>>,
    values: Table,
}

impl Shipped {
    /// One key: what it may be, what it does, and its default.
    fn key(&self, spec: &Spec) -> Json {
        let table = spec.section.table();
        let mut key = kind(spec.kind);
        let words = shipped::explanation(&self.blocks, table, spec.key);
        key["description"] = format!("{words} Allowed: {}.", spec.allowed()).into();
        let keys = table.split('.').try_fold(&self.values, |t, part| t.get(part)?.as_table());
        if let Some(value) = keys.and_then(|t| t.get(spec.key)) {
            key["default"] = to_json(spec.key, value);
        }
        key
    }

    fn about(&self, section: Section) -> Json {
        shipped::about(&self.blocks, section.table()).into()
    }

    /// A table with all keys of a section.
    fn table(&self, section: Section) -> Json {
        let mut table = refs(section, |_| true);
        table["description"] = self.about(section);
        table
    }

    /// A list of tables. It replaces the shipped one whole, so each row has all of its keys.
    fn rows(&self, section: Section, at_least: usize) -> Json {
        let mut row = refs(section, |_| true);
        row["required"] = spec::of(section).map(|spec| spec.key).collect();
        let about = self.about(section);
        json!({ "type": "array", "description": about, "minItems": at_least, "items": row })
    }
}

/// Where a key is defined: once, though it stands in the table of the defaults and in every coin's.
fn name(spec: &Spec) -> String {
    format!("{}.{}", spec.section.table(), spec.key)
}

/// A table of keys that are defined elsewhere.
fn refs(section: Section, wanted: impl Fn(&Spec) -> bool) -> Json {
    let key =
        |spec: &'static Spec| (spec.key, json!({ "$ref": format!("#/$defs/{}", name(spec)) }));
    object(spec::of(section).filter(|spec| wanted(spec)).map(key))
}

/// A table that has these and nothing else. None must be there: a file has only what differs.
fn object<'a>(properties: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
    let properties: Map<String, Json> =
        properties.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

fn kind(kind: Kind) -> Json {
    match kind {
        Kind::Int(lo, i64::MAX) => json!({ "type": "integer", "minimum": lo }),
        Kind::Int(lo, hi) => json!({ "type": "integer", "minimum": lo, "maximum": hi }),
        Kind::Num(lo, hi) => json!({ "type": "number", "minimum": lo, "maximum": hi }),
        Kind::Money(lo, hi) => exact(lo, hi),
        Kind::Capital(lo, hi) => {
            let mut amount = exact(lo, hi);
            amount["pattern"] = CAPITAL.into();
            amount
        }
        Kind::Rate => exact(-100, 100),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Words(words) => json!({ "enum": words }),
        Kind::Path => json!({ "type": "string" }),
        Kind::File => json!({ "type": "string", "pattern": FILE }),
        Kind::Guard => json!({ "type": "string", "pattern": GUARD }),
        Kind::Coins => json!({
            "type": "array", "items": { "type": "string" },
            "minItems": 1, "maxItems": MAX_ASSETS, "uniqueItems": true,
        }),
        Kind::Leaders => json!({
            "type": "array", "maxItems": LEADER_NAMES,
            "items": { "type": "string", "pattern": COIN },
        }),
        Kind::Weights => json!({
            "type": "array", "items": { "type": "number", "minimum": 0, "maximum": 1 },
            "minItems": QUOTE_LEVELS, "maxItems": QUOTE_LEVELS,
        }),
        Kind::Queue => json!({ "type": "string", "pattern": QUEUE }),
        Kind::Latency => json!({ "type": "string", "pattern": LATENCY }),
        Kind::Rules => json!({ "type": "string", "pattern": RULES }),
    }
}

/// A number, or its decimal text: a range says nothing about text, nor a pattern about numbers.
fn exact(lo: i64, hi: i64) -> Json {
    json!({ "type": ["number", "string"], "minimum": lo, "maximum": hi, "pattern": DECIMAL })
}

#[cfg(test)]
mod tests;
