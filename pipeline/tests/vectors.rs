//! Known answers: the venue's price and size rules, and book imbalance.
#![allow(clippy::unwrap_used, missing_docs)]

mod coins;

use botmm_pipeline::logic::book::Book;
use botmm_pipeline::logic::estimates::Imbalance;
use botmm_pipeline::types::{BookSnapshot, Instrument, Level, Px, Qty};
use serde_json::Value;

fn vectors(name: &str) -> Value {
    let path = format!("{}/../testdata/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn instrument(case: &Value) -> Instrument {
    coins::coin("X", case["sz_decimals"].as_u64().unwrap() as u8)
}

#[test]
fn prices_are_legal_as_the_venue_says() {
    let all = vectors("signing.json");
    let cases = all["price_tick_rule"].as_array().unwrap();
    let perps: Vec<_> = cases.iter().filter(|c| c["market"] == "perp").collect();
    assert!(perps.len() >= 25);
    for case in perps {
        let px = Px::parse(case["px"].as_str().unwrap()).unwrap();
        let inst = instrument(case);
        let valid = case["valid"].as_bool().unwrap();
        assert_eq!(inst.is_legal_px(px), valid, "{case}");
        if !px.is_positive() {
            continue;
        }
        // Rounding is the same rule from another side.
        assert_eq!(inst.round_px_down(px) == px, valid, "{case}");
        assert_eq!(inst.round_px_up(px) == px, valid, "{case}");
    }
}

#[test]
fn sizes_are_legal_as_the_venue_says() {
    let all = vectors("signing.json");
    let cases = all["size_lot_rule"].as_array().unwrap();
    assert!(cases.len() >= 8);
    for case in cases {
        let qty = Qty::parse(case["sz"].as_str().unwrap()).unwrap();
        assert_eq!(instrument(case).is_legal_qty(qty), case["valid"].as_bool().unwrap(), "{case}");
    }
}

#[test]
fn book_imbalance_is_what_it_was_found_to_be() {
    let all = vectors("book_imbalance.json");
    for case in all["cases"].as_array().unwrap() {
        let alpha = case["in"]["ema_alpha"].as_f64().unwrap();
        let steps = case["in"]["steps"].as_array().unwrap();
        let expected = case["out"]["imbalance_after_each_step"].as_array().unwrap();
        assert_eq!(steps.len(), expected.len());
        let mut imbalance = Imbalance::default();
        for (step, expected) in steps.iter().zip(expected) {
            if step["reset"] == true {
                imbalance = Imbalance::default();
                continue;
            }
            let mut book = Book::default();
            book.apply_snapshot(&snapshot(step));
            let raw = book.imbalance(step["depth"].as_u64().unwrap() as usize);
            imbalance.update(raw, alpha);
            let expected = expected.as_f64().unwrap();
            assert!(
                (imbalance.get() - expected).abs() <= 1e-9,
                "{}: {}",
                case["id"],
                imbalance.get()
            );
        }
    }
}

fn snapshot(step: &Value) -> BookSnapshot {
    let mut book = BookSnapshot::EMPTY;
    let fixed = |v: &Value| (v.as_f64().unwrap() * 1e8).round() as i64;
    let side = |levels: &Value, into: &mut [Level]| -> u8 {
        let levels = levels.as_array().unwrap();
        for (to, from) in into.iter_mut().zip(levels) {
            *to = Level { px: Px::from_raw(fixed(&from[0])), qty: Qty::from_raw(fixed(&from[1])) };
        }
        levels.len().min(20) as u8
    };
    book.bid_count = side(&step["bids"], &mut book.bids);
    book.ask_count = side(&step["asks"], &mut book.asks);
    book
}
