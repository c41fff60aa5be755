//! Parameters that differ between two settings, and settings with some parameters set anew: what a
//! change while the bot runs comes to, and how a replay repeats it.

use super::draft::Draft;
use super::error::{ConfigError, nearest};
use super::spec::{self, Kind, PARTS, Section, Spec};
use super::{Settings, json, render, values};
use serde_json::Value as Json;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use toml::{Table, Value};

/// Bars that are being built keep their length; the gateway keeps what it began with.
const TAKES_RESTART: [&str; 3] = ["signal_bar_s", "atr_bar_s", "max_clock_offset_ms"];

/// What a change calls the content of a fill model's file, by the first digits of its hash: it changes like a parameter,
/// and no file of parameters says so. A replay asks the file that it finds.
pub const MODEL_KEY: &str = "quote.fill_model.sha256";
const MODEL_DIGITS: usize = 16;

/// A parameter that changed. Money is decimal text, so that no reader rounds it.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamChange {
    /// Whose; [`None`] = it holds for the whole account.
    pub coin: Option<String>,
    /// `quote.min_spread_bps`.
    pub key: String,
    /// What held before.
    pub from: Json,
    /// What holds now.
    pub to: Json,
}

impl fmt::Display for ParamChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |value: &Json| value.as_str().map_or(value.to_string(), str::to_owned);
        if let Some(coin) = &self.coin {
            write!(f, "{coin} ")?;
        }
        write!(f, "{} {} → {}", self.key, plain(&self.from), plain(&self.to))
    }
}

/// A parameter to be set.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSetting {
    coin: Option<String>,
    part: String,
    key: String,
    value: Value,
}

impl ParamSetting {
    /// From what a journal says of a [`ParamChange`]. Whether key and value are allowed is checked
    /// where they are set.
    pub fn new(coin: Option<&str>, path: &str, raw: &RawValue) -> Result<Self, String> {
        let Some((part, key)) = path.split_once('.') else {
            return Err(format!("{path}: allowed: a table and a key, as quote.min_spread_bps"));
        };
        if coin.is_none() && !spec::SPECS.iter().any(|s| s.account && s.key == key) {
            return Err(format!("{path}: needs a coin"));
        }
        let value = json::value(raw, spec::is_exact(key));
        let value = value.ok_or_else(|| format!("{path}: {} is no value", json::shown(raw)))?;
        let owned = str::to_owned;
        Ok(Self { coin: coin.map(owned), part: owned(part), key: owned(key), value })
    }

    /// From what a person writes: `[COIN.][TABLE.]KEY`, and a value as JSON, or a word. Where no coin is named it
    /// is each of `coins`' own. Whether the value is allowed is checked where it is set.
    ///
    /// # Errors
    /// In words: there is no such key, or the value is none.
    pub fn written(name: &str, value: &str, coins: &[String]) -> Result<Vec<Self>, String> {
        let (coin, part, key) = param_name(name);
        let mut parts = PARTS.iter().filter(|(name, _)| part.is_none_or(|part| part == *name));
        let found = parts.find_map(|(name, section)| {
            spec::of(*section).find(|spec| spec.key == key).map(|spec| (*name, spec))
        });
        let Some((part, spec)) = found else {
            let keys = PARTS.iter().flat_map(|(_, section)| spec::of(*section)).map(|s| s.key);
            let near =
                nearest(key, keys).map_or(String::new(), |near| format!("; did you mean {near}?"));
            return Err(format!("{name}: no such parameter{near}"));
        };
        let raw = RawValue::from_string(value.to_owned());
        let raw = raw.or_else(|_| serde_json::value::to_raw_value(value));
        let value = raw.ok().and_then(|raw| json::value(&raw, spec::is_exact(key)));
        let value = value.ok_or_else(|| format!("{name}: not a value"))?;
        let of = |coin: Option<&str>| Self {
            coin: coin.map(str::to_owned),
            part: part.to_owned(),
            key: key.to_owned(),
            value: value.clone(),
        };
        Ok(match (coin, spec.account) {
            (None, false) => coins.iter().map(|coin| of(Some(coin))).collect(),
            (coin, _) => vec![of(coin)],
        })
    }

    /// Whose.
    pub fn coin(&self) -> Option<&str> {
        self.coin.as_deref()
    }
}

/// `[COIN.][TABLE.]KEY`, taken apart.
pub fn param_name(name: &str) -> (Option<&str>, Option<&str>, &str) {
    let is_part = |word: &str| PARTS.iter().any(|(part, _)| *part == word);
    let Some((before, key)) = name.rsplit_once('.') else { return (None, None, name) };
    if is_part(before) {
        return (None, Some(before), key);
    }
    match before.rsplit_once('.') {
        Some((coin, part)) if is_part(part) => (Some(coin), Some(part), key),
        _ => (Some(before), None, key),
    }
}

impl Settings {
    /// What changed since other settings, in these coins and in what holds for the account.
    ///
    /// # Errors
    /// Something that cannot change while the bot runs.
    pub fn changes_since<'c>(
        &self,
        before: &Self,
        coins: impl IntoIterator<Item = &'c str>,
    ) -> Result<Vec<ParamChange>, ConfigError> {
        let mut changes = Vec::new();
        self.add_changes(before, None, &mut changes)?;
        for coin in coins {
            self.add_changes(before, Some(coin), &mut changes)?;
            let [from, to] = [before, self].map(|s| s.model_hash(coin));
            if from != to {
                let key = MODEL_KEY.to_owned();
                changes.push(ParamChange { coin: Some(coin.to_owned()), key, from, to });
            }
        }
        Ok(changes)
    }

    fn model_hash(&self, coin: &str) -> Json {
        let model = self.params(coin).fill_model;
        let digits = |sha256: &str| sha256.chars().take(MODEL_DIGITS).collect::<String>();
        model.map_or(Json::Null, |model| digits(&model.sha256).into())
    }

    /// The files of the fill models that these coins are quoted by.
    pub fn model_files<'c>(&self, coins: impl IntoIterator<Item = &'c str>) -> BTreeSet<PathBuf> {
        let spec = spec::of(Section::Quote).find(|spec| spec.key == "fill_model");
        let file = |coin| Some(self.draft.param(Some(coin), "quote", spec?).as_str()?.to_owned());
        let files = coins.into_iter().filter_map(file).filter(|file| !file.is_empty());
        files.map(PathBuf::from).collect()
    }

    fn add_changes(
        &self,
        before: &Self,
        coin: Option<&str>,
        changes: &mut Vec<ParamChange>,
    ) -> Result<(), ConfigError> {
        for (part, section) in PARTS {
            for spec in spec::of(section).filter(|s| s.account == coin.is_none()) {
                let [from, to] = match spec.kind {
                    // What it comes to: the account's value changes without the file.
                    Kind::Capital(..) => {
                        [before, self].map(|s| Json::from(s.capital().to_string()))
                    }
                    _ => [before, self].map(|s| s.draft.param(coin, part, spec)),
                };
                if from == to {
                    continue;
                }
                if TAKES_RESTART.contains(&spec.key) {
                    let own = coin.map(|c| format!("asset.{c}.{part}.{}", spec.key));
                    let own = own.filter(|path| self.draft.origins.contains_key(path));
                    let default = || format!("defaults.{part}.{}", spec.key);
                    return Err(self.draft.takes_restart(&own.unwrap_or_else(default)));
                }
                let key = format!("{part}.{}", spec.key);
                changes.push(ParamChange { coin: coin.map(str::to_owned), key, from, to });
            }
        }
        Ok(())
    }

    /// The same with some parameters set anew; `origin` is what messages call the place that they
    /// come from.
    ///
    /// # Errors
    /// A key or value that is not allowed.
    pub fn with_params(
        &self,
        settings: &[ParamSetting],
        origin: &str,
    ) -> Result<Self, ConfigError> {
        let mut draft = self.draft.clone().with_live_params(None).with_tuned(None);
        for ParamSetting { coin, part, key, value } in settings {
            draft.set_param(coin.as_deref(), part, key, value.clone(), origin.to_owned());
        }
        draft.build()
    }
}

impl Draft {
    /// The value that holds for a coin, or for the account.
    fn param(&self, coin: Option<&str>, part: &str, spec: &Spec) -> Json {
        let below = |path: &[&str]| {
            let start = Some(&self.table);
            let table = path.iter().fold(start, |t, name| t?.get(*name).and_then(Value::as_table));
            table.and_then(|t: &Table| t.get(spec.key))
        };
        let own = coin.and_then(|coin| below(&["asset", coin, part]));
        own.or_else(|| below(&["defaults", part])).map_or(Json::Null, |v| normal(spec, v))
    }
}

/// A value as JSON, the same for all ways to write it.
fn normal(spec: &Spec, value: &Value) -> Json {
    match spec.kind {
        Kind::Num(..) => spec::number(value).map_or(Json::Null, Json::from),
        Kind::Money(..) => {
            let exact = spec::text(value).and_then(|text| values::parse_usd(&text).ok());
            exact.map_or(Json::Null, |usd| Json::from(usd.to_string()))
        }
        Kind::Weights => {
            let numbers = value.as_array().into_iter().flatten().filter_map(spec::number);
            numbers.collect::<Vec<f64>>().into()
        }
        _ => render::to_json(spec.key, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::LiveParams;
    use serde_json::json;
    use std::path::PathBuf;
    use tempfile::TempDir;

    const COINS: [&str; 2] = ["BTC", "ETH"];

    /// A draft of a file with this text.
    fn draft(text: &str) -> (TempDir, PathBuf, Draft) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("my.toml");
        std::fs::write(&path, text).unwrap();
        let draft = Draft::load(Some(&path), &|_| None).unwrap();
        (dir, path, draft)
    }

    fn refused(before: &str, after: &str) -> String {
        let (_dir, path, draft) = draft(before);
        let settings = draft.clone().build().unwrap();
        let new = draft.with_content(after.as_bytes()).and_then(Draft::build);
        let e = match new.and_then(|new| new.changes_since(&settings, COINS)) {
            Ok(changes) => panic!("{after} was taken: {changes:?}"),
            Err(e) => e.to_string(),
        };
        e.strip_prefix(path.to_str().unwrap()).unwrap_or(&e).to_owned()
    }

    #[test]
    fn what_differs_is_found_with_exact_values() {
        let (_dir, _, draft) = draft("[defaults.quote]\nskew_factor = 0.3\nmin_spread_bps = 2\n");
        let before = draft.clone().build().unwrap();
        let after = draft
            .with_content(
                b"[defaults.quote]\nskew_factor = 0.5\nlevel_weights = [1, 0.5, 0, 0]\n\
                  [asset.BTC.quote]\nskew_factor = 0.3\nmin_spread_bps = 2.0\nmodel = \"glft\"\n\
                  [asset.SOL.quote]\nnum_levels = 1\n\
                  [defaults.risk]\ncapital_usd = 999999999.12345678\n",
            )
            .unwrap();
        let live = br#"{"ETH": {"size": "150.00", "spread": 3}}"#;
        let live = LiveParams::parse("live.json", live).unwrap();
        let after = after.with_live_params(Some(live)).build().unwrap();
        let change = |coin: Option<&str>, key: &str, from: Json, to: Json| {
            (coin.map(str::to_owned), key.to_owned(), from, to)
        };
        let weights = || json!([0.5, 0.3, 0.15, 0.05]);
        let found = after.changes_since(&before, COINS).unwrap();
        let found: Vec<_> = found.into_iter().map(|c| (c.coin, c.key, c.from, c.to)).collect();
        assert_eq!(
            found,
            [
                change(None, "risk.capital_usd", json!("10000"), json!("999999999.12345678")),
                change(Some("BTC"), "quote.model", json!("linear"), json!("glft")),
                change(Some("BTC"), "quote.level_weights", weights(), json!([1.0, 0.5, 0.0, 0.0])),
                change(Some("ETH"), "quote.min_spread_bps", json!(2.0), json!(3.0)),
                change(Some("ETH"), "quote.skew_factor", json!(0.3), json!(0.5)),
                change(Some("ETH"), "quote.level_weights", weights(), json!([1.0, 0.5, 0.0, 0.0])),
            ],
            "150.00 is 150, 2 is 2.0, and SOL is not asked about"
        );
        assert_eq!(before.changes_since(&before, COINS).unwrap(), []);
    }

    /// So a key needs no table before it.
    #[test]
    fn no_two_tables_have_a_key_of_one_name() {
        let mut keys: Vec<&str> =
            PARTS.iter().flat_map(|(_, section)| spec::of(*section)).map(|s| s.key).collect();
        keys.sort_unstable();
        assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
    }

    #[test]
    fn a_name_is_taken_apart() {
        for (name, parts) in [
            ("levels", (None, None, "levels")),
            ("quote.levels", (None, Some("quote"), "levels")),
            ("BTC.levels", (Some("BTC"), None, "levels")),
            ("BTC.quote.levels", (Some("BTC"), Some("quote"), "levels")),
            ("a.b.levels", (Some("a.b"), None, "levels")),
        ] {
            assert_eq!(param_name(name), parts);
        }
    }

    #[test]
    fn what_a_person_writes_is_of_a_coin_or_of_each() {
        let coins = COINS.map(str::to_owned);
        let (_dir, _, draft) = draft("");
        let before = draft.build().unwrap();
        let spreads = |all: &[(&str, &str)]| {
            let written =
                |(name, value): &(&str, &str)| ParamSetting::written(name, value, &coins).unwrap();
            let all: Vec<ParamSetting> = all.iter().flat_map(written).collect();
            let after = before.with_params(&all, "--param").unwrap();
            COINS.map(|coin| after.params(coin).min_spread_bps.to_string())
        };
        assert_eq!(spreads(&[("min_spread_bps", "7.5")]), ["7.5"; 2]);
        assert_eq!(
            spreads(&[("quote.min_spread_bps", "7"), ("ETH.min_spread_bps", "8")]),
            ["7", "8"]
        );
        let eth = before.params("ETH").min_spread_bps.to_string();
        let found = spreads(&[("BTC.quote.min_spread_bps", "6"), ("model", "glft")]);
        assert_eq!(found, ["6".to_owned(), eth]);
        let account = ParamSetting::written("max_daily_loss_pct", "3", &coins).unwrap();
        assert_eq!(account.iter().map(ParamSetting::coin).collect::<Vec<_>>(), [None]);
        for (name, words) in
            [("min_spred_bps", "did you mean min_spread_bps?"), ("risk.model", "no such")]
        {
            let said = ParamSetting::written(name, "1", &coins).unwrap_err();
            assert!(said.contains(words), "{said}");
        }
        assert!(ParamSetting::written("model", "null", &coins).is_err());
    }

    #[test]
    fn what_was_written_is_set_again_to_the_last_digit() {
        let (_dir, _, draft) = draft("");
        let before = draft.build().unwrap();
        let set = |coin, key: &str, to: &str| {
            ParamSetting::new(coin, key, serde_json::from_str(to).unwrap()).unwrap()
        };
        let after = before
            .with_params(
                &[
                    set(Some("BTC"), "quote.min_spread_bps", "3.3000000000000003"),
                    set(Some("BTC"), "quote.order_size_usd", "\"200.00000001\""),
                    set(None, "risk.max_daily_loss_pct", "7"),
                    set(Some("ETH"), "quote.level_weights", "[1.0,0.0,0.0,0.1]"),
                ],
                "j:7",
            )
            .unwrap();
        assert_eq!(
            after.params("BTC").min_spread_bps.to_bits(),
            3.300_000_000_000_000_3_f64.to_bits()
        );
        let again = after.changes_since(&before, COINS).unwrap();
        let again: Vec<_> =
            again.iter().map(|c| set(c.coin.as_deref(), &c.key, &c.to.to_string())).collect();
        let repeated = before.with_params(&again, "j:8").unwrap();
        for coin in COINS {
            assert_eq!(repeated.params(coin), after.params(coin));
        }
        assert_eq!(again.len(), 4);
        let words = after.changes_since(&before, COINS).unwrap().into_iter().map(|c| c.to_string());
        assert_eq!(
            words.collect::<Vec<_>>()[..3],
            [
                "risk.max_daily_loss_pct 5.0 → 7.0",
                "BTC quote.min_spread_bps 2.0 → 3.3000000000000003",
                "BTC quote.order_size_usd 150 → 200.00000001",
            ]
        );
    }

    #[test]
    fn what_a_journal_cannot_say_is_refused() {
        let (_dir, _, draft) = draft("");
        let s = draft.build().unwrap();
        let cases = [
            (None, "quote.min_spread_bps", "3", "quote.min_spread_bps: needs a coin"),
            (Some("BTC"), "min_spread_bps", "3", "min_spread_bps: allowed: a table and a key"),
            (Some("BTC"), "quote.min_spread_bps", "null", "quote.min_spread_bps: null is no value"),
            (Some("BTC"), "quote.min_spread_bps", "{}", "quote.min_spread_bps: {} is no value"),
            (Some("BTC"), "quote.min_spread", "3", "j:7: asset.BTC.quote.min_spread: unknown key;"),
            (Some("BTC"), "quota.tick_ms", "3", "j:7: asset.BTC.quota: unknown key; did you mean"),
            (Some("BTC"), "quote.a.b", "3", "j:7: asset.BTC.quote.a.b: unknown key"),
            (
                Some("BTC"),
                "risk.capital_usd",
                "\"9\"",
                "j:7: asset.BTC.risk.capital_usd: holds for",
            ),
            (Some("XYZ"), "quote.tick_ms", "1000", "j:7: asset.XYZ: the universe has no such coin"),
            (Some("BTC"), "quote.tick_ms", "1e3", "j:7: asset.BTC.quote.tick_ms: 1000.0 is not"),
        ];
        for (coin, key, to, want) in cases {
            let setting = ParamSetting::new(coin, key, serde_json::from_str(to).unwrap());
            let done = setting
                .and_then(|setting| s.with_params(&[setting], "j:7").map_err(|e| e.to_string()));
            let said = done.err().unwrap_or_default();
            assert!(said.starts_with(want), "{key} = {to}\n got {said}\nwant {want}");
        }
    }

    #[test]
    fn what_takes_a_restart_refuses_the_whole_file() {
        const LATER: &str = "cannot change while the bot runs; restart it to change this";
        let cases = [
            ("", "[general]\nseed = 2", ":2: general.seed: "),
            ("[general]\nseed = 2", "", ": general.seed: "),
            ("", "general.symbols = [\"BTC\"]", ":1: general.symbols: "),
            (
                "",
                "[general]\ni_understand_real_money = true",
                ":2: general.i_understand_real_money: ",
            ),
            ("", "[general]\nlive_params = \"\"", ":2: general.live_params: "),
            ("", "[sim]\nfee_tier = 1", ":2: sim.fee_tier: "),
            ("", "sim.maker_fee_bps = 1", ":1: sim.maker_fee_bps: "),
            ("sim.maker_fee_bps = 1", "", ": sim.maker_fee_bps: "),
            ("", "[universe.BTC]\nsz_decimals = 4", ":2: universe.BTC.sz_decimals: "),
            (
                "",
                "[[fees.volume_tier]]\nmin_volume_usd = 0\ntaker_bps = 4\nmaker_bps = 1",
                ":1: fees.volume_tier: ",
            ),
            ("", "[defaults.signal]\nsignal_bar_s = 30", ":2: defaults.signal.signal_bar_s: "),
            ("", "[asset.ETH.signal]\natr_bar_s = 30", ":2: asset.ETH.signal.atr_bar_s: "),
            ("[asset.ETH.signal]\natr_bar_s = 30", "", ": defaults.signal.atr_bar_s: "),
        ];
        for (before, after, want) in cases {
            let e = refused(before, &format!("{after}\n\n[asset.BTC.quote]\nnum_levels = 1\n"));
            assert_eq!(e, format!("{want}{LATER}"), "{before:?} to {after:?}");
        }
    }

    #[test]
    fn a_content_that_is_no_configuration_is_refused() {
        assert!(
            refused("", "[defaults.quote]\nskew_factor = \n").starts_with(":2: not valid TOML")
        );
        assert!(
            refused("", "[defaults.quote]\nskew = 1").contains(":2: defaults.quote.skew: unknown")
        );
        assert!(
            refused("", "[asset.DGE.quote]\nnum_levels = 1").contains("asset.DGE: the universe")
        );
        let (_dir, path, draft) = draft("");
        let e = draft.with_content(b"# \xff").unwrap_err().to_string();
        assert_eq!(e, format!("{}: not UTF-8", path.display()));
    }

    #[test]
    fn the_rest_stays_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("my.toml");
        std::fs::write(&path, "").unwrap();
        let env = |name: &str| (name == "MM_SYMBOLS").then(|| "ETH".to_owned());
        let live = LiveParams::parse("live.json", br#"{"ETH": {"spread": 7}}"#).unwrap();
        let draft = Draft::load(Some(&path), &env).unwrap().with_live_params(Some(live));
        let new = draft.with_content(b"[defaults.quote]\nmin_spread_bps = 5").unwrap();
        let s = new.build().unwrap();
        assert_eq!(s.symbols, ["ETH"], "the environment's choice");
        assert_eq!(s.params("ETH").min_spread_bps.to_bits(), 7.0_f64.to_bits(), "the upper layer");
        assert_eq!(s.params("SOL").min_spread_bps.to_bits(), 5.0_f64.to_bits(), "what it shipped");
    }
}
