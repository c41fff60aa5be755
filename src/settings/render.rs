//! The resolved configuration as TOML (which can be read back) and as JSON, secrets masked.

use super::document::merge;
use super::spec::{self, Section};
use super::{Settings, values};
use crate::sha256;
use serde_json::{Map, Value as Json, json};
use std::fmt::Write as _;
use toml::{Table, Value};

/// One value as TOML text; exact numbers without quotes.
pub(super) fn value(key: &str, value: &Value) -> String {
    match value {
        Value::String(text) if spec::is_exact(key) => match values::parse_usd(text) {
            Ok(exact) => exact.to_string(),
            Err(_) => value.to_string(),
        },
        _ => value.to_string(),
    }
}

impl Settings {
    /// The resolved configuration as TOML, with where each value that is not built in came from,
    /// and the secrets masked.
    pub fn render(&self) -> String {
        let mut out = String::new();
        out += "# The resolved configuration: the built-in defaults";
        for name in self.draft.files().into_iter().flatten() {
            let _ = write!(out, ", then {name}");
        }
        out += ".\n# A value that is not built in has its place behind it.\n";
        for (name, state) in self.secrets.masked() {
            let _ = writeln!(out, "# {name}: {state}");
        }
        out += &self.body(true);
        out
    }

    /// SHA-256 of the resolved configuration, in hex: equal exactly when every value is equal that
    /// a decision may depend on. The thread plan is not among them, nor is where parameters are read
    /// from: what was read is.
    pub fn sha256(&self) -> String {
        sha256::of(self.body(false).as_bytes())
    }

    /// The same as JSON, every coin's parameters spelt out.
    pub fn to_json(&self) -> Json {
        let section = |name: &str| self.table(&[name]).map_or(Json::Null, to_json_table);
        let mut coins = Map::new();
        for coin in &self.symbols {
            let mut of_coin = Map::new();
            for (part, _) in spec::PARTS {
                let mut table = self.table(&["defaults", part]).cloned().unwrap_or_default();
                if let Some(own) = self.table(&["asset", coin, part]) {
                    merge(&mut table, own);
                }
                of_coin.insert(part.to_owned(), to_json_table(&table));
            }
            coins.insert(coin.clone(), Json::Object(of_coin));
        }
        let [file, tuned_params, live_params] = self.draft.files();
        let set: Map<String, Json> = self
            .draft
            .origins
            .keys()
            .filter(|key| !self.is_table(key))
            .filter_map(|key| Some((key.clone(), Json::from(self.origin(key)?))))
            .collect();
        let secrets: Map<String, Json> =
            self.secrets.masked().map(|(n, s)| (n.to_owned(), Json::from(s))).collect();
        json!({
            "file": file,
            "live_params": live_params,
            "tuned_params": tuned_params,
            "general": section("general"),
            "discord": section("discord"),
            "webhook": section("webhook"),
            "http": section("http"),
            "wire": section("wire"),
            "history": section("history"),
            "tuner": section("tuner"),
            "dead_man": section("dead_man"),
            "universe": section("universe"),
            "sim": section("sim"),
            "maker_fee_bps": self.sim.maker_fee.to_f64(),
            "taker_fee_bps": self.sim.taker_fee.to_f64(),
            "fees": section("fees"),
            "symbols": coins,
            "set_by": set,
            "secrets": secrets,
            "warnings": self.warnings,
            "sha256": self.sha256(),
        })
    }

    fn table(&self, path: &[&str]) -> Option<&Table> {
        path.iter().try_fold(&self.draft.table, |table, key| table.get(*key)?.as_table())
    }

    /// Whether other keys lie below this one, and say more exactly where they came from.
    fn is_table(&self, key: &str) -> bool {
        let below = format!("{key}.");
        self.draft.origins.range(below.clone()..).next().is_some_and(|(k, _)| k.starts_with(&below))
    }

    fn body(&self, comments: bool) -> String {
        let mut w = Writer { settings: self, out: String::new(), comments };
        w.section("general", Section::General);
        // Whom it is told to decides nothing.
        if comments {
            w.section("discord", Section::Discord);
            w.section("webhook", Section::Webhook);
            w.section("http", Section::Http);
            w.section("dead_man", Section::DeadMan);
        }
        // Without a budget it decides nothing.
        if comments || self.wire.budget.is_some() {
            w.section("wire", Section::Wire);
        }
        // What is kept of a run decides nothing, and what the tuner sets is among the parameters.
        if comments {
            w.section("history", Section::History);
            w.section("tuner", Section::Tuner);
        }
        w.out += "\n[universe]\n";
        for (coin, entry) in self.table(&["universe"]).into_iter().flatten() {
            if let Some(keys) = entry.as_table() {
                w.inline(coin, keys);
            }
        }
        w.section("sim", Section::Sim);
        if comments {
            let sim = &self.sim;
            let (maker, taker) = (sim.maker_fee, sim.taker_fee);
            let _ = writeln!(w.out, "# = maker {maker} bps, taker {taker} bps (positive = cost)");
        }
        w.rows("volume_tier", Section::VolumeTier);
        w.rows("maker_rebate", Section::MakerRebate);
        for (part, section) in spec::PARTS {
            w.section(&format!("defaults.{part}"), section);
        }
        for coin in self.table(&["asset"]).into_iter().flat_map(Table::keys) {
            for (part, section) in spec::PARTS {
                w.section(&format!("asset.{coin}.{part}"), section);
            }
        }
        w.out
    }
}

struct Writer<'a> {
    settings: &'a Settings,
    out: String,
    comments: bool,
}

impl Writer<'_> {
    fn section(&mut self, path: &str, section: Section) {
        let parts: Vec<&str> = path.split('.').collect();
        let Some(table) = self.settings.table(&parts) else { return };
        let _ = writeln!(self.out, "\n[{path}]");
        self.keys(table, path, section);
    }

    fn keys(&mut self, table: &Table, path: &str, section: Section) {
        for spec in spec::of(section) {
            let Some(v) = table.get(spec.key) else { continue };
            if matches!(spec.key, "plan" | "live_params") && !self.comments {
                continue;
            }
            let _ = write!(self.out, "{} = {}", spec.key, value(spec.key, v));
            self.origin(&format!("{path}.{}", spec.key));
        }
    }

    fn rows(&mut self, name: &str, section: Section) {
        let rows = self.settings.table(&["fees"]).and_then(|t| t.get(name)?.as_array());
        for (i, row) in rows.into_iter().flatten().enumerate() {
            let _ = writeln!(self.out, "\n[[fees.{name}]]");
            if let Some(table) = row.as_table() {
                self.keys(table, &format!("fees.{name}[{i}]"), section);
            }
        }
    }

    fn inline(&mut self, coin: &str, keys: &Table) {
        let pairs: Vec<String> = spec::of(Section::Instrument)
            .filter_map(|s| Some(format!("{} = {}", s.key, value(s.key, keys.get(s.key)?))))
            .collect();
        // Quoted only where TOML needs it: a coin may be called `@1`.
        let bare = coin.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        let name = if bare { coin.to_owned() } else { Value::String(coin.to_owned()).to_string() };
        let _ = write!(self.out, "{name} = {{ {} }}", pairs.join(", "));
        self.origin(&format!("universe.{coin}"));
    }

    fn origin(&mut self, key: &str) {
        match self.settings.origin(key) {
            Some(place) if self.comments => {
                let _ = writeln!(self.out, "  # {place}");
            }
            _ => self.out.push('\n'),
        }
    }
}

fn to_json_table(table: &Table) -> Json {
    Json::Object(table.iter().map(|(k, v)| (k.clone(), to_json(k, v))).collect())
}

/// One value as JSON; exact numbers as numbers.
pub(super) fn to_json(key: &str, from: &Value) -> Json {
    match from {
        Value::Table(t) => to_json_table(t),
        Value::Array(items) => items.iter().map(|v| to_json(key, v)).collect(),
        Value::Integer(i) => Json::from(*i),
        Value::Float(f) => Json::from(*f),
        Value::Boolean(b) => Json::from(*b),
        Value::String(_) if spec::is_exact(key) => {
            serde_json::from_str(&value(key, from)).unwrap_or(Json::Null)
        }
        Value::String(s) => Json::from(s.as_str()),
        Value::Datetime(d) => Json::from(d.to_string()),
    }
}
