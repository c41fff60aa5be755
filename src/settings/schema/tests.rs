use super::super::origins::Origins;
use super::super::{Settings, starter};
use super::*;
use proptest::prelude::*;
use regex_automata::nfa::thompson::pikevm::PikeVM;

/// A validator of the keywords that we use; any other one stops the test.
struct Validator {
    root: Json,
}

impl Validator {
    fn new() -> Self {
        Self { root: schema().unwrap() }
    }

    /// What is wrong with a file, as an editor sees it; [`None`] when nothing is.
    fn fault(&self, text: &str) -> Option<String> {
        let table: Table = text.parse().unwrap_or_else(|e| panic!("{e}\n{text}"));
        self.check(&self.root, &serde_json::to_value(table).unwrap()).err()
    }

    /// The definition of a key.
    fn key(&self, spec: &Spec) -> &Json {
        &self.root["$defs"][name(spec)]
    }

    fn check(&self, schema: &Json, value: &Json) -> Result<(), String> {
        for (keyword, rule) in schema.as_object().unwrap() {
            self.keyword(keyword, rule, schema, value)
                .map_err(|inner| format!("{keyword}: {inner}"))?;
        }
        Ok(())
    }

    fn keyword(&self, word: &str, rule: &Json, schema: &Json, value: &Json) -> Result<(), String> {
        let number = |of: &Json| of.as_f64().unwrap();
        let count = || rule.as_u64().unwrap() as usize;
        let holds = match (word, value) {
            ("$schema" | "$defs" | "title" | "description" | "default", _) => true,
            ("$ref", _) => {
                let key = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                return self.check(&self.root["$defs"][key], value);
            }
            ("type", _) => match rule {
                Json::Array(types) => types.iter().any(|t| is_a(t.as_str().unwrap(), value)),
                one => is_a(one.as_str().unwrap(), value),
            },
            ("enum", _) => rule.as_array().unwrap().contains(value),
            ("minimum", Json::Number(_)) => number(value) >= number(rule),
            ("maximum", Json::Number(_)) => number(value) <= number(rule),
            ("pattern", Json::String(s)) => matches(rule.as_str().unwrap(), s),
            ("minItems", Json::Array(items)) => items.len() >= count(),
            ("maxItems", Json::Array(items)) => items.len() <= count(),
            ("uniqueItems", Json::Array(items)) => {
                items.iter().enumerate().all(|(i, item)| !items[..i].contains(item))
            }
            ("items", Json::Array(items)) => {
                return items.iter().try_for_each(|item| self.check(rule, item));
            }
            ("required", Json::Object(table)) => {
                rule.as_array().unwrap().iter().all(|key| table.contains_key(key.as_str().unwrap()))
            }
            ("properties", Json::Object(table)) => {
                let known = table.iter().filter_map(|(k, v)| Some((k, rule.get(k)?, v)));
                return inside(known, |rule, v| self.check(rule, v));
            }
            ("additionalProperties", Json::Object(table)) => {
                let known = |key: &str| schema["properties"].get(key).is_some();
                let rest = table.iter().filter(|(k, _)| !known(k)).map(|(k, v)| (k, rule, v));
                return inside(rest, |rule, v| match rule {
                    Json::Bool(false) => Err("unknown".to_owned()),
                    rule => self.check(rule, v),
                });
            }
            ("propertyNames", Json::Object(table)) => {
                return table.keys().try_for_each(|k| self.check(rule, &k.as_str().into()));
            }
            ("minimum" | "maximum" | "pattern" | "minItems" | "maxItems", _) => true,
            ("uniqueItems" | "items" | "required" | "properties", _) => true,
            ("additionalProperties" | "propertyNames", _) => true,
            _ => panic!("{word} is beyond this validator"),
        };
        if holds { Ok(()) } else { Err(format!("{value} against {rule}")) }
    }
}

/// Checks each of some (key, rule, value), and says in which key something was wrong.
fn inside<'a>(
    mut all: impl Iterator<Item = (&'a String, &'a Json, &'a Json)>,
    check: impl Fn(&Json, &Json) -> Result<(), String>,
) -> Result<(), String> {
    all.try_for_each(|(key, rule, value)| check(rule, value).map_err(|e| format!("{key}: {e}")))
}

fn matches(pattern: &str, text: &str) -> bool {
    let machine = PikeVM::new(pattern).unwrap();
    machine.is_match(&mut machine.create_cache(), text)
}

fn is_a(kind: &str, value: &Json) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|x| x.fract().abs() < f64::MIN_POSITIVE),
        _ => panic!("{kind} is beyond this validator"),
    }
}

#[test]
fn what_is_shipped_rendered_and_begun_with_is_valid() {
    let validator = Validator::new();
    let resolved = Settings::load(None, &|_| None).unwrap().render();
    let on = starter().replace("\n#", "\n").replace("\n ", "\n# ");
    for text in ["", SHIPPED, &resolved, &starter(), &on] {
        assert_eq!(validator.fault(text), None, "{text}");
    }
    assert!(on.contains("\nmin_spread_bps = "), "{on}");
}

#[test]
fn files_are_accepted_and_refused_as_check_does() {
    let validator = Validator::new();
    let good = [
        "[general]\nsymbols = [\"kPEPE\"]\nplan = \"solo\"\nseed = 9_007_199_254_740_993",
        "[universe]\nX = { index = 900, sz_decimals = 2, max_leverage = 3 }\n[asset.X]",
        "[sim]\nqueue = \"prob_power:2.5\"\nlatency = \"lognormal: 1.5 ms, 0.3\"\nmaker_fee_bps = -0.1",
        "[defaults.quote]\norder_size_usd = \"1e3\"\nlevel_weights = [1, 0, 0.5, 0]",
        "[asset.BTC.quote]\nmin_spread_bps = 3\n[asset.BTC.risk]\nmax_position_usd = 150.25",
        "fees.maker_rebate = []",
        "fees.volume_tier = [{ min_volume_usd = 0, taker_bps = \"4.5\", maker_bps = 1 }]",
    ];
    for text in good {
        assert_eq!(validator.fault(text), None, "{text}");
    }
    let bad = [
        ("[genral]", "genral: unknown"),
        ("[general]\nsede = 1", "general: additionalProperties: sede"),
        ("[general]\nsymbols = []", "minItems"),
        ("[general]\nsymbols = [\"BTC\", \"BTC\"]", "uniqueItems"),
        ("[general]\nplan = \"both\"", "enum"),
        ("[general]\nseed = -1", "minimum"),
        ("[general]\ni_understand_real_money = 1", "type"),
        ("[universe]\nBTC = { index = 0, sz_decimals = 7 }", "maximum"),
        ("[universe]\n\"a b\" = { index = 0 }", "propertyNames"),
        ("[sim]\nqueue = \"best\"", "pattern"),
        ("[sim]\nlatency = \"50\"", "pattern"),
        ("[sim]\nlatency = \"lognormal:50ms\"", "pattern"),
        ("[defaults.quote]\norder_size_usd = \"150 USD\"", "pattern"),
        ("[defaults.quote]\norder_size_usd = 9", "minimum"),
        ("[defaults.quote]\nlevel_weights = [1, 0]", "minItems"),
        ("[defaults.quote]\nlevel_weights = [2, 0, 0, 0]", "items: maximum"),
        ("[defaults.quote]\ntick_ms = 1.5", "type"),
        ("[defaults]\nquote = 5", "type"),
        ("[defaults.risks]", "risks: unknown"),
        ("[asset.BTC.risk]\ncapital_usd = 5000", "capital_usd: unknown"),
        ("[asset.BTC.quotes]", "quotes: unknown"),
        ("fees.volume_tier = []", "minItems"),
        ("fees.volume_tier = [{ min_volume_usd = 0, taker_bps = 4.5 }]", "required"),
        ("fees.maker_rebate = [{ min_maker_share_pct = 1, maker_bps = 101 }]", "maximum"),
    ];
    for (text, expected) in bad {
        let fault = validator.fault(text).unwrap_or_else(|| panic!("accepted: {text}"));
        assert!(fault.contains(expected), "{text}\n got {fault}\nwant {expected}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, text).unwrap();
        let checked = Settings::load(Some(file.path()), &|_| None);
        assert!(checked.is_err(), "only the schema refuses: {text}");
    }
}

#[test]
fn every_key_is_defined_described_and_has_the_shipped_default() {
    let root = schema().unwrap();
    let defs = root["$defs"].as_object().unwrap();
    assert_eq!(defs.len(), spec::SPECS.len(), "two keys of one name");
    for spec in spec::SPECS {
        let key = &defs[&name(spec)];
        let words = key["description"].as_str().unwrap().split_once(" Allowed: ").unwrap();
        assert!(words.0.len() > 10 && words.0.ends_with('.'), "{}: {words:?}", name(spec));
        assert_eq!(words.1, format!("{}.", spec.allowed()));
    }
    let tick = defs["defaults.quote.tick_ms"]["description"].as_str().unwrap();
    assert!(tick.starts_with("Shortest and longest time between two decisions"), "{tick}");
    assert!(tick.ends_with("Allowed: a whole number from 1 to 3600000 (ms)."), "{tick}");
    assert_eq!(defs["general.symbols"]["default"], json!(["BTC", "ETH", "SOL"]));
    assert_eq!(defs["defaults.quote.min_spread_bps"]["default"], 2.0);
    assert_eq!(defs["defaults.risk.capital_usd"]["default"], "account");
    let without: Vec<&String> =
        defs.iter().filter(|(_, key)| key.get("default").is_none()).map(|(name, _)| name).collect();
    let rows = ["fees.", "universe.", "sim.maker_fee_bps"];
    assert!(without.iter().all(|n| rows.iter().any(|row| n.starts_with(row))), "{without:?}");
    assert_eq!(without.len(), 9);
    assert_eq!(root.to_string(), schema().unwrap().to_string());
}

#[test]
fn a_coin_has_every_key_of_the_defaults_but_the_accounts() {
    let root = schema().unwrap();
    let keys = |table: &Json, part: &str| -> Vec<String> {
        table["properties"][part]["properties"].as_object().unwrap().keys().cloned().collect()
    };
    for (part, section) in spec::PARTS {
        let mut all: Vec<&str> = spec::of(section).map(|spec| spec.key).collect();
        all.sort_unstable();
        assert_eq!(keys(&root["properties"]["defaults"], part), all);
        all.retain(|key| spec::of(section).any(|spec| spec.key == *key && !spec.account));
        let coin = &root["properties"]["asset"]["additionalProperties"];
        assert_eq!(keys(coin, part), all);
    }
}

/// The table that a spec's key stands in, with a value for it, as one file.
fn file_with(spec: &Spec, value: &str) -> String {
    let header = match spec.section {
        Section::Instrument => "[universe.X]".to_owned(),
        Section::VolumeTier | Section::MakerRebate => format!("[[{}]]", spec.section.table()),
        _ => format!("[{}]", spec.section.table()),
    };
    format!("{header}\n{} = {value}\n", spec.key)
}

/// Whether the schema, and whether the program, takes a value for a key.
fn verdicts(validator: &Validator, spec: &Spec, value: &str) -> (bool, bool) {
    let json = serde_json::to_value(format!("x = {value}").parse::<Table>().unwrap()).unwrap();
    let by_schema = validator.check(validator.key(spec), &json["x"]).is_ok();
    let by_program = Document::parse("x", &file_with(spec, value))
        .is_ok_and(|doc| spec::check(&doc.table, &Origins::new()).is_ok());
    (by_schema, by_program)
}

/// Whether the schema can tell all that the program does about this value.
fn is_decided_by_schema(kind: Kind, value: &str) -> bool {
    let text = value.starts_with('"');
    let fraction = value.contains(['.', 'e']);
    match kind {
        // Text has no range; and what is too fine is a matter of decimals.
        Kind::Money(..) | Kind::Capital(..) | Kind::Rate => !text && !fraction,
        // 1.0 is a whole number to JSON.
        Kind::Int(..) => !fraction,
        // Their numbers have ranges.
        Kind::Queue | Kind::Latency | Kind::Guard => !text,
        Kind::Num(..)
        | Kind::Bool
        | Kind::Words(_)
        | Kind::Path
        | Kind::File
        | Kind::Coins
        | Kind::Leaders
        | Kind::Weights
        | Kind::Rules => true,
    }
}

fn agree(validator: &Validator, spec: &Spec, value: &str) {
    let (by_schema, by_program) = verdicts(validator, spec, value);
    let key = name(spec);
    // How many coins there are is counted when they are looked up, after what is compared here.
    let uncounted = matches!(spec.kind, Kind::Coins) && value == "[]";
    assert!(by_schema || !by_program || uncounted, "only the schema refuses {key} = {value}");
    let expected = by_program || !is_decided_by_schema(spec.kind, value);
    assert!(!by_schema || expected, "only the schema accepts {key} = {value}");
}

/// Values that are wrong for most keys; `~` stands for a blank.
const ODD: &str = r#"
    0 1 -1 1.5 1e308 -1e-9 1e-7 nan inf true false {} 1979-05-27
    "" "x" "1.5" "-.5" "5." "+1e2" "1~0" "1_0" "0x1" "--1" "1e" "mid" "linear" "auto" "risk_averse"
    "50ms" "1.5~s" "5~min" "lognormal:~1s,~0" "lognormal:1s" "prob_power:1e1" "prob_power:"
    "replay" "venue-blocks" "replay+funding-margin" "replay+" "venue+x"
    [] [1] ["BTC"] [0,1,1,0.5] [0,1,1,1.5] [0,1,1,1,1] [1,1,1,"1"]
"#;

#[test]
fn schema_and_program_agree_about_odd_values() {
    let validator = Validator::new();
    for spec in spec::SPECS {
        let edges = match spec.kind {
            Kind::Int(lo, hi) | Kind::Money(lo, hi) | Kind::Capital(lo, hi) => {
                [lo - 1, lo, hi, hi.saturating_add(1)]
            }
            _ => [-101, -100, 100, 101],
        };
        let mut values: Vec<String> = ODD.split_whitespace().map(|v| v.replace('~', " ")).collect();
        values.extend(edges.map(|edge| edge.to_string()));
        if let Kind::Num(lo, hi) = spec.kind {
            let edges = [lo.next_down(), lo, hi, hi.next_up()];
            values.extend(edges.map(|edge| format!("{edge:?}")));
        }
        values.iter().for_each(|value| agree(&validator, spec, value));
    }
}

proptest! {
    #[test]
    fn schema_and_program_agree_about_any_number(x in any::<f64>(), small in -200.0_f64..2e5) {
        let validator = Validator::new();
        for spec in spec::SPECS {
            for number in [x, small] {
                agree(&validator, spec, &format!("{number:?}"));
                agree(&validator, spec, &format!("{}", number as i64));
            }
        }
    }

    #[test]
    fn guards_that_the_pattern_allows_are_understood(
        guard in r"(0x[0-9a-fA-F]{40}@([a-z][a-z0-9.-]{0,9}|127\.0\.0\.1|\[::1\]):[1-9][0-9]{0,3})",
    ) {
        prop_assert!(matches(GUARD, &guard), "{}", guard);
        prop_assert!(super::super::GuardAt::parse(&guard).is_some(), "{}", guard);
    }

    #[test]
    fn texts_that_the_patterns_allow_are_understood(
        decimal in r"[+-]?([0-9]{1,8}(\.[0-9]{0,6})?|\.[0-9]{1,6})([eE][+-]?[01])?",
        queue in r"(risk_averse|prob_log|prob_power(:([1-9]|1[0-6])(\.0)?)?)",
        rules in r"(replay|venue)([+-](blocks|funding|margin|band|budget)){0,4}",
        latency in r"(lognormal:[1-9][0-9]{0,3} {0,2}(us|ms|s) ?, ?[01](\.[0-9])?|[0-9]{1,3} ?(ns|us|ms|s|m|h))",
    ) {
        for (pattern, text) in [(DECIMAL, &decimal), (QUEUE, &queue), (LATENCY, &latency), (RULES, &rules)] {
            prop_assert!(matches(pattern, text), "{} {}", pattern, text);
        }
        prop_assert!(super::super::parse_usd(&decimal).is_ok(), "{}", decimal);
        prop_assert!(queue.parse::<super::super::QueueModel>().is_ok(), "{}", queue);
        prop_assert!(rules.parse::<super::super::Rules>().is_ok(), "{}", rules);
        prop_assert!(latency.parse::<super::super::LatencyModel>().is_ok(), "{}", latency);
    }
}
