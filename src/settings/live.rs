//! `data/live_params.json`: the few parameters that a person or a program changes while the bot runs
//! (STRATEGY §8). A layer on top of every other; sound as a whole, or refused as a whole.
//!
//! ```json
//! { "BTC": { "min_spread_bps": 3.0, "order_size_usd": 200 }, "ETH": { "skew_factor": 0.5 } }
//! ```

use super::content::{ContentHash, content_hash};
use super::error::{ConfigError, nearest};
use super::spec::{self, Section};
use super::{json, symbols};
use crate::files;
use serde_json::value::RawValue;
use std::io::ErrorKind;
use std::path::Path;
use toml::Value;

/// The keys of `[asset.COIN.quote]` that may be set, and what each may be called besides.
const KEYS: [(&str, &[&str]); 7] = [
    ("min_spread_bps", &["spread", "base_spread_bps"]),
    ("vol_multiplier", &[]),
    ("skew_factor", &["skew", "inventory_skew_factor"]),
    ("order_size_usd", &["size"]),
    ("num_levels", &["levels"]),
    ("level_spacing_bps", &["level_spacing"]),
    ("bias_strength", &[]),
];

/// No file of parameters is larger.
pub const MAX_PARAMS_BYTES: u64 = 1 << 20;

/// One parameter of one coin.
#[derive(Clone, Debug, PartialEq)]
struct Param {
    /// What the file calls it.
    typed: String,
    key: &'static str,
    value: Value,
}

/// See the module. The coins are those that were typed; which these are is known with the universe.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveParams {
    place: String,
    hash: ContentHash,
    coins: Vec<(String, Vec<Param>)>,
}

/// A parameter as it is laid into the tables: coin, key, value, and where it came from.
type Laid = (String, &'static str, Value, String);

impl LiveParams {
    /// Reads a file; [`None`] = it is not there.
    ///
    /// # Errors
    /// As [`LiveParams::parse`], or the file cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>, ConfigError> {
        let place = path.display().to_string();
        match read_bounded(path) {
            Ok(content) => Self::parse(&place, &content).map(Some),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(ConfigError::general(place, format!("cannot read: {e}"))),
        }
    }

    /// Reads a file's content; `place` is what messages call the file.
    ///
    /// # Errors
    /// It is not JSON, not an object of objects, or holds a key twice, an unknown one, or a value
    /// that is not allowed.
    pub fn parse(place: &str, content: &[u8]) -> Result<Self, ConfigError> {
        let general = |problem: String| ConfigError::general(place, problem);
        let text = std::str::from_utf8(content).map_err(|_| general("not UTF-8".to_owned()))?;
        if text.trim().is_empty() {
            return Err(general("empty; allowed: an object by coin, {} = nothing set".to_owned()));
        }
        let raw: &RawValue =
            serde_json::from_str(text).map_err(|e| general(format!("not valid JSON: {e}")))?;
        let wrong = |raw| format!("{} is not allowed; allowed: an object", json::kind(raw));
        let mut coins: Vec<(String, Vec<Param>)> = Vec::new();
        for (coin, raw) in json::pairs(raw).ok_or_else(|| general(wrong(raw)))? {
            let at_coin = |problem| ConfigError::at(place, named(&coin), problem);
            if coins.iter().any(|(other, _)| *other == coin) {
                return Err(at_coin("is given twice".to_owned()));
            }
            let mut params = Vec::new();
            for (typed, raw) in json::pairs(raw).ok_or_else(|| at_coin(wrong(raw)))? {
                let param = Param::read(typed.clone(), raw, &params).map_err(|problem| {
                    ConfigError::at(place, named(&format!("{coin}.{typed}")), problem)
                })?;
                params.push(param);
            }
            coins.push((coin, params));
        }
        Ok(Self { place: place.to_owned(), hash: content_hash(content), coins })
    }

    /// What messages call the file.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Of the content.
    pub fn hash(&self) -> ContentHash {
        self.hash
    }

    /// The keys that it sets of a coin.
    pub fn keys(&self, coin: &str, coins: &[String]) -> Vec<&'static str> {
        let laid = self.by_coin(coins).unwrap_or_default();
        laid.into_iter().filter(|(of, ..)| of == coin).map(|(_, key, ..)| key).collect()
    }

    /// The parameters by the venue's names of the coins.
    pub(super) fn by_coin(&self, coins: &[String]) -> Result<Vec<Laid>, ConfigError> {
        let mut laid = Vec::new();
        let mut seen: Vec<(&str, &str)> = Vec::new();
        for (typed, params) in &self.coins {
            let at = |problem: String| ConfigError::at(self.place.as_str(), named(typed), problem);
            let coin = symbols::resolve(typed, coins).map_err(at)?;
            if let Some((_, other)) = seen.iter().find(|(c, _)| *c == coin) {
                return Err(at(format!("is {coin}, as {other} is; give each coin once")));
            }
            seen.push((coin, typed));
            laid.extend(params.iter().map(|p| {
                let origin = format!("{}: {typed}.{}", self.place, p.typed);
                (coin.to_owned(), p.key, p.value.clone(), origin)
            }));
        }
        Ok(laid)
    }
}

impl Param {
    fn read(typed: String, raw: &RawValue, before: &[Self]) -> Result<Self, String> {
        let is_named =
            |(key, others): &&(&str, &[&str])| *key == typed || others.contains(&typed.as_str());
        let Some((key, _)) = KEYS.iter().find(is_named) else { return Err(unknown(&typed)) };
        if let Some(other) = before.iter().find(|p| p.key == *key) {
            return Err(match other.typed == typed {
                true => "is given twice".to_owned(),
                false => format!("is {key}, as {} is; give one of them", other.typed),
            });
        }
        let spec = spec::of(Section::Quote).find(|s| s.key == *key);
        let value = json::value(raw, spec::is_exact(key));
        let fault = match (spec, &value) {
            (Some(spec), Some(value)) => spec.fault(value),
            _ => Some("wrong type"),
        };
        match (value, fault) {
            (Some(value), None) => Ok(Self { typed, key, value }),
            (_, fault) => Err(format!(
                "{} is not allowed ({}); allowed: {}",
                json::shown(raw),
                fault.unwrap_or_default(),
                spec.map(spec::Spec::allowed).unwrap_or_default()
            )),
        }
    }
}

/// A name as a message may show it: a terminal obeys control characters.
fn named(typed: &str) -> String {
    typed.escape_debug().to_string()
}

fn unknown(typed: &str) -> String {
    if spec::SPECS.iter().any(|s| s.key == typed) {
        let allowed = KEYS.map(|(key, _)| key).join(", ");
        return format!("is not set here but in the file of --config; allowed here: {allowed}");
    }
    let names = KEYS.iter().flat_map(|(key, others)| std::iter::once(key).chain(others.iter()));
    match nearest(typed, names.copied()) {
        Some(near) => format!("unknown key; did you mean {near}?"),
        None => format!("unknown key; allowed: {}", KEYS.map(|(key, _)| key).join(", ")),
    }
}

/// Reads a whole file of parameters.
///
/// # Errors
/// It cannot be read, or is larger than any such file ([`MAX_PARAMS_BYTES`]).
pub fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    files::read(path, MAX_PARAMS_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Draft, Overrides, Settings};
    use botmm_pipeline::types::{Instrument, Usd};

    const PLACE: &str = "data/live_params.json";

    fn settings(content: &[u8]) -> Result<Settings, ConfigError> {
        let live = LiveParams::parse(PLACE, content)?;
        Draft::load(None, &|_| None)?.with_live_params(Some(live)).build()
    }

    #[test]
    fn it_is_laid_on_top_by_any_name() {
        let s = settings(
            br#"{"btcusdt": {"base_spread_bps": 3.5, "size": 999.00000001, "levels": 4,
                "level_spacing": 2, "inventory_skew_factor": 0.7, "bias_strength": 0.1,
                "vol_multiplier": 1e-1},
                "SOL-PERP": {"order_size_usd": "200.5", "spread": 4, "skew": 1}, "ETH": {}}"#,
        )
        .unwrap();
        let btc = s.params("BTC");
        let floats: [(f64, f64); 7] = [
            (btc.min_spread_bps, 3.5),
            (btc.level_spacing_bps, 2.0),
            (btc.skew_factor, 0.7),
            (btc.bias_strength, 0.1),
            (btc.vol_multiplier, 0.1),
            (s.params("SOL").min_spread_bps, 4.0),
            (s.params("SOL").skew_factor, 1.0),
        ];
        for (i, (is, want)) in floats.into_iter().enumerate() {
            assert_eq!(is.to_bits(), want.to_bits(), "{i}: {is} is not {want}");
        }
        assert_eq!(
            (btc.num_levels, btc.order_size_usd.to_string()),
            (4, "999.00000001".to_owned())
        );
        assert_eq!(s.params("SOL").order_size_usd, Usd::parse("200.5").unwrap());
        let plain = Settings::load(None, &|_| None).unwrap();
        assert_eq!(s.params("ETH"), plain.params("ETH"));
        let origin = s.origin("asset.BTC.quote.order_size_usd");
        assert_eq!(origin, Some("data/live_params.json: btcusdt.size"));
        let shown = s.render();
        assert!(shown.contains("built-in defaults, then data/live_params.json."), "{shown}");
        assert!(
            shown.contains("skew_factor = 0.7  # data/live_params.json: btcusdt.inv"),
            "{shown}"
        );
        assert_eq!(s.to_json()["live_params"], PLACE);
        assert_ne!(s.sha256(), plain.sha256());
    }

    #[test]
    fn whatever_is_bad_is_named_in_one_line() {
        let cases: [(&[u8], &str); 28] = [
            (b"", "empty; allowed: an object by coin, {} = nothing set"),
            (b" \n", "empty;"),
            (b"\xff{}", "not UTF-8"),
            (br#"{"BTC": {"spread": 3}"#, "not valid JSON: EOF while parsing an object at line 1"),
            (
                b"{\"BTC\": \n{\"spread\": NaN}}",
                "not valid JSON: expected value at line 2 column 12",
            ),
            (br#"{"BTC": {"spread": 3},}"#, "not valid JSON: key must be a string at line 1"),
            (b"{} {}", "not valid JSON: trailing characters"),
            (b"[1]", "a list is not allowed; allowed: an object"),
            (b"null", "null is not allowed; allowed: an object"),
            (b"\"0xdeadbeef\"", "text is not allowed; allowed: an object"),
            (br#"{"BTC": 3}"#, "BTC: a number is not allowed; allowed: an object"),
            (br#"{"BTC": {}, "BTC": {}}"#, "BTC: is given twice"),
            (br#"{"BTC": {}, "btcusd": {}}"#, "btcusd: is BTC, as BTC is; give each coin once"),
            (br#"{"BTCC": {}}"#, "BTCC: unknown coin \"BTCC\"; did you mean BTC? known: "),
            (br#"{"": {}}"#, "unknown coin \"\"; known: "),
            (br#"{"BTC": {"a\u001b[2J": 1}}"#, "BTC.a\\u{1b}[2J: unknown key"),
            (br#"{"BTC": {"spraed": 3}}"#, "BTC.spraed: unknown key; did you mean spread?"),
            (
                br#"{"BTC": {"password": "x"}}"#,
                "BTC.password: unknown key; allowed: min_spread_bps,",
            ),
            (
                br#"{"BTC": {"max_spread_bps": 9}}"#,
                "BTC.max_spread_bps: is not set here but in the file of --config; allowed here: min",
            ),
            (br#"{"BTC": {"spread": 3, "spread": 3}}"#, "BTC.spread: is given twice"),
            (
                br#"{"BTC": {"spread": 3, "min_spread_bps": 3}}"#,
                "BTC.min_spread_bps: is min_spread_bps, as spread is; give one of them",
            ),
            (
                br#"{"ETH": {"spread": "3bps"}}"#,
                "ETH.spread: \"3bps\" is not allowed (wrong type or unit); allowed: a number from \
                 0.01 to 1000 (bps)",
            ),
            (
                br#"{"ETH": {"levels": 2.0}}"#,
                "ETH.levels: 2.0 is not allowed (wrong type or unit);",
            ),
            (
                br#"{"ETH": {"size": null}}"#,
                "ETH.size: null is not allowed (wrong type); allowed: an",
            ),
            (
                br#"{"ETH": {"size": 150.000000001}}"#,
                "ETH.size: 150.000000001 is not allowed (wrong type or unit); allowed: an amount",
            ),
            (br#"{"ETH": {"skew": 1e999}}"#, "ETH.skew: 1e999 is not allowed (out of range);"),
            (br#"{"ETH": {"spread": -3}}"#, "ETH.spread: -3 is not allowed (out of range);"),
            (
                br#"{"ETH": {"spread": 60}}"#,
                "ETH.spread: asset.ETH.quote.min_spread_bps: ETH: min_spread_bps = 60 is above \
                 max_spread_bps = 50.0; allowed",
            ),
        ];
        for (content, want) in cases {
            let e = settings(content).map(|_| String::new()).unwrap_or_else(|e| e.to_string());
            let want = format!("{PLACE}: {want}");
            assert!(e.starts_with(&want), "{}\n got {e}\nwant {want}", content.escape_ascii());
            assert!(!e.contains('\n') && !e.contains("deadbeef"), "{e}");
        }
    }

    #[test]
    fn a_coin_that_this_venue_does_not_list_is_passed_over() {
        let live = br#"{"HYPE": {"spread": 9}, "BTC": {"spread": 9}}"#;
        let draft = || {
            let live = LiveParams::parse(PLACE, live).unwrap();
            Draft::load(None, &|_| None).unwrap().with_live_params(Some(live))
        };
        let btc: Instrument = draft().build().unwrap().instrument("BTC").unwrap();
        let flags = Overrides { symbols: Some("BTC".to_owned()), ..Overrides::default() };
        let s = draft().with_universe(&[btc]).with(&flags).unwrap().build().unwrap();
        assert_eq!(s.params("BTC").min_spread_bps.to_bits(), 9.0_f64.to_bits());
        assert!(!s.render().contains("HYPE"));
    }

    #[test]
    fn the_file_is_where_the_configuration_says() {
        let dir = tempfile::tempdir().unwrap();
        let (config, live) = (dir.path().join("my.toml"), dir.path().join("live.json"));
        let load = |text: String| {
            std::fs::write(&config, text).unwrap();
            Draft::load(Some(&config), &|_| None).unwrap().with_live_file().and_then(Draft::build)
        };
        let named = format!("general.live_params = {:?}", live.to_str().unwrap());
        assert!(load(named.clone()).is_ok(), "it need not be there");
        std::fs::write(&live, "{\"BTC\": {\"spread\": 9, \"size\": true}}").unwrap();
        let e = load(named.clone()).unwrap_err().to_string();
        assert!(e.contains("live.json: BTC.size: true is not allowed"), "{e}");
        assert!(load("general.live_params = \"\"".to_owned()).is_ok(), "turned off");
        std::fs::write(&live, "{\"BTC\": {\"spread\": 9}}").unwrap();
        let s = load(named.clone()).unwrap();
        assert_eq!(s.params("BTC").min_spread_bps.to_bits(), 9.0_f64.to_bits());
        std::fs::remove_file(&live).unwrap();
        std::fs::create_dir(&live).unwrap();
        let e = load(named).unwrap_err().to_string();
        assert!(e.contains("live.json: cannot read: "), "{e}");
    }
}
