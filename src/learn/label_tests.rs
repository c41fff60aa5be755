//! A journal whose orders are known, line by line; and numbers that look into the future.

use super::*;
use crate::learn::causal;
use crate::when::utc;
use botmm_pipeline::types::params::FILL_FEATURES;

const HORIZON: Nanos = Nanos::secs(5);
const START: i64 = 1_757_000_000;

fn at(ms: i64) -> String {
    utc(Nanos::secs(START) + Nanos::millis(ms))
}

fn read(json: String) -> Line {
    Line::read(&json).unwrap().unwrap()
}

/// A bid at 99 and an ask at 101 around a mid, which is in the microprice too.
fn decision(ms: i64, mid: &str) -> Line {
    read(format!(
        "{{\"type\":\"decision\",\"v\":1,\"time\":\"{}\",\"coin\":\"BTC\",\"mid\":\"{mid}\",\"fair\":\"{mid}\",\
         \"vol_bps\":2.5,\"bids\":[[\"99\",\"1\"]],\"asks\":[[\"101\",\"1\"]],\"bid\":\"quoted\",\
         \"ask\":\"quoted\",\"terms\":{{\"fair\":\"{mid}\",\"bid\":{{}},\"ask\":{{}},\"spacing\":\"1\",\
         \"size_usd\":\"100\",\"share\":0.25,\"imbalance\":-0.5,\"arrivals\":null,\"moment\":{{\
         \"bid\":[\"99\",\"2\"],\"ask\":[\"101\",\"4\"],\"mid\":\"{mid}\",\"microprice\":\"{mid}\",\
         \"vol_slow_bps\":null,\"trades_per_s\":0.125,\"delay_ns\":300000000,\"age_ns\":7000000}}}}}}",
        at(ms)
    ))
}

fn order(ms: i64, kind: &str, slot: u16, side: &str, px: &str) -> Line {
    read(format!(
        "{{\"type\":\"{kind}\",\"v\":1,\"time\":\"{}\",\"coin\":\"BTC\",\"items\":[{{\"cloid\":\"0xb0774d4d00000007{slot:04x}00000000002a\",\
         \"side\":\"{side}\",\"px\":\"{px}\",\"qty\":\"1\"}}]}}",
        at(ms)
    ))
}

fn fill(ms: i64, side: &str, px: &str, tid: u64) -> Line {
    read(format!(
        "{{\"type\":\"fill\",\"v\":1,\"time\":\"{0}\",\"venue_time\":\"{0}\",\"coin\":\"BTC\",\"side\":\"{side}\",\
         \"px\":\"{px}\",\"qty\":\"1\",\"fee_usd\":\"0\",\"oid\":1,\"tid\":{tid},\"cause\":null}}",
        at(ms)
    ))
}

fn markout(ms: i64, side: &str, tid: u64, after_s: i64, mid: &str) -> Line {
    read(format!(
        "{{\"type\":\"markout\",\"v\":1,\"time\":\"{}\",\"coin\":\"BTC\",\"side\":\"{side}\",\"px\":\"99\",\
         \"qty\":\"1\",\"tid\":{tid},\"after_s\":{after_s},\"mid_at_fill\":\"98\",\"mid\":\"{mid}\"}}",
        at(ms)
    ))
}

fn story() -> Vec<Line> {
    vec![
        decision(0, "100"),
        order(1, "place", 1, "buy", "99"),
        order(2, "place", 2, "sell", "101"),
        order(3, "place", 3, "sell", "105"), // Of no decision.
        decision(500, "102"),                // Too soon to be rows again.
        fill(3_000, "buy", "99", 7),
        fill(3_500, "buy", "42", 8), // Of no order.
        decision(4_000, "110"),
        order(4_001, "modify", 2, "sell", "101"),
        markout(4_100, "buy", 7, 1, "1"), // Of another horizon.
        markout(8_100, "buy", 7, 5, "97"),
        fill(9_500, "sell", "101", 9),
        decision(12_000, "100"),
        order(12_500, "place", 4, "buy", "99"),
        order(13_500, "place", 5, "buy", "99"), // What was decided is old.
        order(13_600, "cancel", 4, "buy", "99"),
        decision(20_000, "100"),
    ]
}

#[test]
fn what_became_of_each_order_is_known() {
    let mut labels = Labels::new(HORIZON);
    story().iter().for_each(|line| labels.hear(line));
    let (orders, left) = labels.end();
    assert_eq!(left, Left { undecided: 2, open: 1, strange_fills: 1 });
    let [bid, ask, again, moved] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!([bid.leg, ask.leg, again.leg, moved.leg], [0, 1, 1, 2]);
    assert!(bid.is_filled_within(HORIZON) && !ask.is_filled_within(HORIZON));
    // It stood there at the decision of 4 s, before it was moved.
    assert_eq!(again.sent, Nanos::secs(START) + Nanos::secs(4));
    assert!(!again.is_filled_within(HORIZON));
    // It was filled 5.499 s after it was moved there: too late to count.
    assert!(moved.filled.is_some() && !moved.is_filled_within(HORIZON));
    assert!(moved.is_filled_within(Nanos::secs(6)));
    // From 100 when it was decided on to 97 a horizon after the fill: 3 % against a bid.
    assert!((bid.adverse_bps.unwrap() - 300.0).abs() < 1e-9);
    assert_eq!(ask.adverse_bps, None);
    let number = |order: &Order, name: &str| {
        order.asked[FILL_FEATURES.iter().position(|f| *f == name).unwrap()]
    };
    for (name, of_bid, of_ask) in [
        ("vol_bps", 2.5, 2.5),
        ("imbalance", -0.5, 0.5),
        ("position", 0.25, -0.25),
        ("half_bps", 100.0, 100.0),
        ("distance_bps", 0.0, 0.0),
        ("queue_usd", 198.0, 404.0),
        ("trades_per_s", 0.125, 0.125),
        ("delay_ms", 300.0, 300.0),
        ("age_ms", 7.0, 7.0),
    ] {
        assert!((number(bid, name) - of_bid).abs() < 1e-9, "{name}: {}", number(bid, name));
        assert!((number(ask, name) - of_ask).abs() < 1e-9, "{name}: {}", number(ask, name));
    }
    assert!(number(bid, "vol_ratio").is_nan(), "still warming up");
}

/// What is written of a decision is read as the very numbers that the stage was asked with.
#[test]
fn a_journal_has_the_numbers_of_the_stage_to_the_last_bit() {
    let mut encoder = crate::journal::Encoder::new(&crate::coins::universe([("BTC", 5)]));
    let level = |px, qty| Level { px: Px::parse(px).unwrap(), qty: Qty::parse(qty).unwrap() };
    let told = QuoteTerms {
        time: Nanos::secs(1),
        fair: Px::parse("64123.45678901").unwrap(),
        vol_bps_e6: 1_234_567,
        imbalance_e6: -333_333,
        share_e6: 123_457,
        moment: Moment {
            bid: level("64123", "0.12345"),
            ask: level("64124", "3.21"),
            mid: Px::parse("64123.5").unwrap(),
            microprice: Px::parse("64123.03705").unwrap(),
            vol_slow_bps_e6: 987_654,
            trades_per_s_e6: 3_141_593,
            delay: Nanos(357_123_456),
            age: Nanos(1),
        },
        ..QuoteTerms::default()
    };
    use botmm_pipeline::types::{Commentary, QuoteTarget, Record};
    assert!(encoder.line(&Record::Commentary(Commentary::Terms(told))).is_none());
    let time = Nanos::secs(1);
    let target = QuoteTarget {
        time,
        made: time,
        mid: Some(told.moment.mid),
        fair: told.fair,
        vol_bps_e6: told.vol_bps_e6,
        ..QuoteTarget::default()
    };
    let line = encoder.line(&Record::Commentary(Commentary::Decision(target))).unwrap();
    let Some(Line::Decision(again)) = Line::read(&line.to_string()).unwrap() else { panic!() };
    let px = Px::parse("64122").unwrap();
    let bits = |terms: &QuoteTerms| features(terms, Side::Bid, px).map(f64::to_bits);
    assert_eq!(bits(&terms(&again).unwrap()), bits(&told));
}

#[test]
fn a_number_of_the_future_is_caught() {
    // Decisions that differ from each other, an order after each.
    let lines: Vec<Line> = (0..200)
        .flat_map(|i| {
            [decision(i * 100, &(100 + i).to_string()), order(i * 100 + 1, "place", 1, "buy", "99")]
        })
        .chain([decision(60_000, "100")])
        .collect();
    for seed in 0..5 {
        causal::check(&lines, seed, |lines| label(lines, HORIZON)).unwrap();
        // The next order's number in place of each one's own, as a shift by one row does.
        let shifted = |lines: &[Line]| {
            let mut orders = label(lines, HORIZON);
            for i in 1..orders.len() {
                orders[i - 1].asked[9] = orders[i].asked[9];
            }
            orders
        };
        let caught = causal::check(&lines, seed, shifted).unwrap_err().to_string();
        assert!(
            caught.starts_with("half_bps of the order of BTC at 2025-"),
            "seed {seed}: {caught}"
        );
        // A mean over the whole day, of which every order knows its end.
        let mean = |lines: &[Line]| {
            let mut orders = label(lines, HORIZON);
            let mean = orders.iter().map(|o| o.asked[5]).sum::<f64>() / orders.len() as f64;
            orders.iter_mut().for_each(|order| order.asked[5] -= mean + order.asked[9]);
            let all: f64 = orders.iter().map(|o| o.asked[9]).sum();
            orders.iter_mut().for_each(|order| order.asked[9] -= all);
            orders
        };
        assert!(causal::check(&lines, seed, mean).is_err(), "seed {seed}");
    }
}

/// Lines of several stages and coins are in the order of time only nearly: that is no look into the future.
#[test]
fn lines_that_are_a_little_out_of_order_are_no_leak() {
    let other = |line: Line| read(line.to_string().replace("BTC", "ETH"));
    let lines: Vec<Line> = (0..200)
        .flat_map(|i| {
            let (now, before) = (i * 100, i * 100 - 60);
            [
                other(order(before + 1, "place", 2, "sell", "101")),
                decision(now, &(100 + i).to_string()),
                order(now + 1, "place", 1, "buy", "99"),
                other(decision(before, &(300 - i).to_string())),
            ]
        })
        .collect();
    assert_eq!(label(&lines, HORIZON).len(), 400, "each has found its decision");
    for seed in 0..5 {
        assert_eq!(
            causal::check(&lines, seed, |lines| label(lines, HORIZON)),
            Ok(()),
            "seed {seed}"
        );
    }
}
