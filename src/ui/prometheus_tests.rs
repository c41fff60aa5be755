//! What is told is read by a strict reader of the format.

use super::*;
use botmm_pipeline::stage::numbers::AssetNumbers;
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

#[test]
fn what_is_told_is_sound_complete_and_exact() {
    let universe = crate::coins::universe([("BTC", 5), ("a\"b\\c", 2)]);
    let mut numbers = Numbers {
        gross: Usd::parse("12.5").unwrap(),
        fees: Usd::parse("-0.25").unwrap(),
        assets: vec![AssetNumbers::default(); 2],
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
    let text = Scrape {
        version: "0.1.0",
        network: "TEST",
        started: Nanos::secs(1_795_369_510),
        opening: Some(Usd::whole(1_000)),
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
        rings: &rings,
        commentary_dropped: 0,
        alerts: &alerts,
    }
    .text();
    let samples = read(&text);
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
    let reasons = samples.iter().filter(|(n, ..)| n == "botmm_reason").count();
    assert_eq!(reasons, 4, "each side has one");
}
