//! What is told is read by a strict reader of the format.

use super::*;
use crate::rungs::Rung;
use botmm_pipeline::stage::numbers::AssetNumbers;
use botmm_pipeline::types::DayNet;
use std::collections::BTreeSet;

/// A sample: its name, its labels, its value.
type Sample = (String, BTreeMap<String, String>, f64);

/// Reads an exposition, and complains of whatever the format or its conventions do not allow.
fn read(text: &str) -> Vec<Sample> {
    assert!(text.ends_with('\n'), "the last line ends too");
    let (mut samples, mut seen) = (Vec::<Sample>::new(), BTreeSet::new());
    let (mut family, mut kind) = (String::new(), String::new());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').unwrap();
            assert!(seen.insert(name.to_owned()), "{name} comes twice");
            assert!(!words.is_empty() && is_name(name) && name.starts_with("botmm_"), "{line}");
            let typed = lines.next().unwrap().strip_prefix("# TYPE ").unwrap();
            let (of, what) = typed.split_once(' ').unwrap();
            assert_eq!(of, name);
            assert!(["counter", "gauge", "histogram"].contains(&what), "{typed}");
            assert_eq!(what == "counter", name.ends_with("_total"), "{name} is a {what}");
            (family, kind) = (name.to_owned(), what.to_owned());
            continue;
        }
        let sample = sample(line);
        let suffix =
            sample.0.strip_prefix(&family).unwrap_or_else(|| panic!("{line}: of {family}"));
        let allowed: &[&str] =
            if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        assert!(allowed.contains(&suffix), "{line}");
        assert!(kind != "counter" || sample.2 >= 0.0, "{line}");
        let twice =
            samples.iter().any(|(name, labels, _)| (name, labels) == (&sample.0, &sample.1));
        assert!(!twice, "{line} comes twice");
        samples.push(sample);
    }
    samples
}

fn is_name(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (key, after) = rest.split_once("=\"").unwrap();
            assert!(is_name(key), "{line}");
            let mut value = String::new();
            let mut chars = after.char_indices();
            let end = loop {
                match chars.next().unwrap() {
                    (at, '"') => break at,
                    (_, '\\') => match chars.next().unwrap().1 {
                        'n' => value.push('\n'),
                        c => {
                            assert!(c == '\\' || c == '"', "{line}");
                            value.push(c);
                        }
                    },
                    (_, c) => value.push(c),
                }
            };
            assert_eq!(labels.insert(key.to_owned(), value), None, "{line}");
            rest = &after[end + 1..];
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => break,
            }
        }
        rest = rest.strip_prefix('}').unwrap();
    }
    let value = rest.strip_prefix(' ').unwrap();
    (name.to_owned(), labels, value.parse().unwrap_or_else(|_| panic!("{line}")))
}

/// One of which everything is known.
fn exposition() -> String {
    let universe = crate::coins::universe([("BTC", 5), ("a\"b\\c", 2)]);
    let mut numbers = Numbers {
        gross: Usd::parse("12.5").unwrap(),
        fees: Usd::parse("-0.25").unwrap(),
        signing: SigningCounts { presigned: 9, ordinary: 2, dropped: 640 },
        assets: vec![AssetNumbers::default(); 2],
        today: Some(DayNet { day: 20_000, net: Usd::whole(3), whole: false }),
        ..Numbers::default()
    };
    numbers.assets[1].fills = 7;
    numbers.assets[1].reasons[1][Reason::Budget as usize] = Nanos::millis(1_500);
    let (assets, strategies) = ([AssetStatus::default(); 2], [StrategyStatus::default(); 2]);
    let mut up_to = [4; LATENCY_BOUNDS_NS.len()];
    (up_to[0], up_to[1]) = (1, 2);
    let latencies = [StageSpans { stage: "feed", up_to, count: 5, sum_ns: 90_000_000_000 }];
    let rings = ["a->b", "a->b", "c->d"].map(|name| RingStats::new(name, false));
    rings[0].count_dropped();
    rings[1].count_dropped();
    let alerts = BTreeMap::from([(("warn", "risk"), 3)]);
    let exchange = Rung::not_armed("a test");
    let rungs = Rungs { exchange, guard: Rung::ARMED, systemd: Rung::ARMED, exchange_requests: 0 };
    Scrape {
        version: "0.1.0",
        network: "TEST",
        started: Nanos::secs(1_795_369_510),
        opening: Some(Usd::whole(1_000)),
        is_killed: true,
        rungs: &rungs,
        unattended: Duration::from_millis(2_500),
        drift: Drift {
            age: Some(Nanos::millis(1_500)),
            positions: &[Qty::ZERO, Qty::parse("-0.25").unwrap()],
            orders: -3,
            gained: Some(Usd::parse("1.5").unwrap()),
            doubts: &[("position", true), ("orders", false)],
        },
        webhooks: &[("discord", [7, 2])],
        requests: (3, 10_000),
        clock_skew_ms: -12,
        order_link: (true, 2),
        connections: &[("market", true, [1, 2, 3]), ("orders", false, [4, 5, 6])],
        feed: &[("bad_frames", 1)],
        universe: &universe,
        assets: &assets,
        strategies: &strategies,
        numbers: &numbers,
        latencies: &latencies,
        steps: &[StageSpans { stage: "to_wire", ..latencies[0] }],
        trips: [3, 1],
        over_budget: 2,
        stamps: &[("market", [5, 6])],
        rings: &rings,
        commentary_dropped: 0,
        alerts: &alerts,
    }
    .text()
}

#[test]
fn what_is_told_is_sound_complete_and_exact() {
    let samples = read(&exposition());
    let value = |name: &str, labels: &[(&str, &str)]| {
        let wanted = |of: &BTreeMap<String, String>| {
            labels.iter().all(|(k, v)| of.get(*k).is_some_and(|value| value == v))
        };
        let found: Vec<f64> =
            samples.iter().filter(|(n, l, _)| n == name && wanted(l)).map(|(.., v)| *v).collect();
        assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?}");
        found[0].to_string()
    };
    assert_eq!(value("botmm_equity_usd", &[]), "1012.75");
    assert_eq!(value("botmm_fees_usd", &[]), "-0.25");
    assert_eq!(value("botmm_signatures_total", &[("how", "presigned")]), "9");
    assert_eq!(value("botmm_signatures_total", &[("how", "ordinary")]), "2");
    assert_eq!(value("botmm_presignatures_dropped_total", &[]), "640");
    assert_eq!(value("botmm_rung_armed", &[("rung", "guard")]), "1");
    assert_eq!(value("botmm_rung_armed", &[("rung", "exchange")]), "0");
    assert_eq!(value("botmm_reconcile_position", &[("coin", "a\"b\\c")]), "-0.25");
    assert_eq!(value("botmm_reconcile_orders", &[]), "-3");
    assert_eq!(value("botmm_reconcile_doubt", &[("what", "position")]), "1");
    assert_eq!(value("botmm_webhook_dropped_total", &[("webhook", "discord")]), "7");
    assert_eq!(value("botmm_killed", &[]), "1");
    assert_eq!(value("botmm_fills_total", &[("coin", "a\"b\\c")]), "7");
    let spent = [("coin", "a\"b\\c"), ("side", "ask"), ("reason", "budget")];
    assert_eq!(value("botmm_reason_seconds_total", &spent), "1.5");
    assert_eq!(value("botmm_ring_dropped_total", &[("ring", "a->b")]), "2");
    assert_eq!(value("botmm_alerts_total", &[("topic", "risk")]), "3");
    assert_eq!(value("botmm_clock_skew_seconds", &[]), "-0.012");
    let buckets: Vec<(f64, f64)> = samples
        .iter()
        .filter(|(n, ..)| n == "botmm_stage_latency_seconds_bucket")
        .map(|(_, l, count)| (l["le"].parse().unwrap(), *count))
        .collect();
    assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{buckets:?}");
    assert_eq!(buckets.first().unwrap().1.to_string(), "1");
    assert_eq!(buckets.last().unwrap().1.to_string(), "5");
    assert_eq!(value("botmm_stage_latency_seconds_count", &[("stage", "feed")]), "5");
    assert_eq!(value("botmm_stage_latency_seconds_sum", &[("stage", "feed")]), "90");
    assert_eq!(value("botmm_wire_latency_seconds_count", &[("step", "to_wire")]), "5");
    assert_eq!(value("botmm_wire_trips_total", &[("from", "kernel")]), "3");
    assert_eq!(value("botmm_wire_trips_total", &[("from", "read")]), "1");
    assert_eq!(value("botmm_latency_over_budget_total", &[]), "2");
    assert_eq!(value("botmm_kernel_stamps_lost_total", &[("why", "unusable")]), "6");
    let reasons = samples.iter().filter(|(n, ..)| n == "botmm_reason").count();
    assert_eq!(reasons, 4, "each side has one");
}

const BOARD: &str = include_str!("../../deploy/grafana/botmm.json");
const RULES: &str = include_str!("../../deploy/prometheus/alerts.yml");
const RUNBOOK: &str = include_str!("../../docs/runbook.md");
const DOCS: &str = include_str!("../../docs/metrics.md");

/// The metrics that a text names.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
    words.filter(|word| word.starts_with("botmm_")).collect()
}

/// Every query of a board.
fn queries(board: &serde_json::Value, found: &mut Vec<String>) {
    match board {
        serde_json::Value::Object(map) => {
            found.extend(map.get("expr").and_then(|e| e.as_str()).map(str::to_owned));
            map.values().for_each(|value| queries(value, found));
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| queries(value, found)),
        _ => {}
    }
}

#[test]
fn board_rules_and_documents_name_what_is_exported_and_nothing_else() {
    let text = exposition();
    let families = text.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.split(' ').next());
    let families: BTreeSet<&str> = families.collect();
    let is_exported = |name: &&str| {
        let of_histogram =
            ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        families.contains(name) || of_histogram.is_some_and(|base| families.contains(base))
    };
    let mut asked = Vec::new();
    queries(&serde_json::from_str(BOARD).unwrap(), &mut asked);
    assert!(asked.len() > 20, "{}", asked.len());
    let exprs = RULES.lines().filter_map(|line| line.trim_start().strip_prefix("expr:"));
    asked.extend(exprs.map(str::to_owned));
    for query in &asked {
        assert!(!named(query).is_empty() || query.contains("up{"), "{query}");
        let unknown: Vec<_> = named(query).into_iter().filter(|name| !is_exported(name)).collect();
        assert_eq!(unknown, Vec::<&str>::new(), "{query}");
    }
    let documented: BTreeSet<&str> = named(DOCS);
    let missing: Vec<_> = families.iter().filter(|name| !documented.contains(*name)).collect();
    assert_eq!(missing, Vec::<&&str>::new(), "not in docs/metrics.md");
    let gone: Vec<_> = documented.into_iter().filter(|name| !is_exported(name)).collect();
    assert_eq!(gone, Vec::<&str>::new(), "in docs/metrics.md, and not exported");
}

/// Whoever is woken finds what happened, what the bot does and what to do.
#[test]
fn each_alert_leads_to_its_line_of_the_runbook() {
    let lines: Vec<&str> = RULES.lines().map(str::trim_start).collect();
    let field = |from: usize, name: &str| {
        let rule = lines[from + 1..].iter().take_while(|line| !line.starts_with("- alert:"));
        let found: Vec<&str> = rule.filter_map(|line| line.strip_prefix(name)).collect();
        assert_eq!(found.len(), 1, "{}: {name}", lines[from]);
        found[0].trim()
    };
    let mut alerts = BTreeSet::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = line.strip_prefix("- alert: ") else { continue };
        assert!(alerts.insert(name), "{name} comes twice");
        let anchor = format!("docs/runbook.md#{}", name.to_ascii_lowercase());
        assert!(field(at, "runbook_url:").trim_matches('"').ends_with(&anchor), "{name}");
        assert!(["critical", "warning"].contains(&field(at, "severity:")), "{name}");
        assert!(!field(at, "summary:").is_empty() && !field(at, "expr:").is_empty(), "{name}");
    }
    assert!(alerts.len() >= 15, "{alerts:?}");
    let mut explained = BTreeSet::new();
    for section in RUNBOOK.split("\n## ").skip(1) {
        let (name, words) = section.split_once('\n').unwrap();
        explained.insert(name);
        for part in ["**What happened.**", "**The bot.**", "**You.**"] {
            assert_eq!(words.matches(part).count(), 1, "{name}: {part}");
        }
    }
    assert_eq!(alerts, explained);
}
