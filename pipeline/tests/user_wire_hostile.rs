//! The parser of the order connection against the venue's samples, its error texts, other ways to
//! write a frame, damaged frames, and the allocator.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod coins;
mod counting;
#[allow(dead_code, reason = "shared with the decoder's tests")]
mod decode_model;
mod error_texts;
#[allow(dead_code, reason = "shared with the literal tests")]
mod user_wire_frames;

use botmm_pipeline::venue::hl::user::{ItemError, ItemStatus, UserEvent, UserParser, oracle};
use counting::allocations;
use decode_model::{damage, universe};
use error_texts::check_text;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::hint::black_box;
use user_wire_frames::{
    CANCEL_ANSWER, FRAMES, OPEN_ORDERS, ORDER_ANSWER, ORDER_UPDATES, REFUSED_ANSWER, STATE,
    USER_FILLS,
};

/// Some of the venue's texts; all are tested with the recordings.
const TEXTS: [(&str, &str, &str); 14] = [
    ("per_order", "Tick", "Price must be divisible by tick size."),
    ("per_order", "MinTradeNtl", "Order must have minimum value of $10."),
    ("per_order", "PerpMargin", "Insufficient margin to place order."),
    ("per_order", "ReduceOnly", "Reduce only order would increase position."),
    ("per_order", "BadAloPx", "Post only order would have immediately matched, bbo was 1.5@1.6."),
    ("per_cancel", "MissingOrder", "Order was never placed, already canceled, or filled."),
    ("request", "ModifyDead", "Cannot modify canceled or filled order"),
    ("request", "UnknownSigner", "User or API Wallet 0xaa does not exist."),
    ("request", "DuplicateNonce", "Invalid nonce: duplicate nonce 5"),
    ("request", "AddressRateLimit", "Too many cumulative requests sent (37 > 36) for cumulative"),
    ("request", "ScheduleVolume", "Cannot set scheduled cancel time until enough volume traded."),
    ("ws_error", "TooManyPosts", "too many pending post requests id=7"),
    ("ws_error", "ParseError", "Error parsing JSON into valid websocket request: x"),
    ("http_422", "Deserialize", "Failed to deserialize the JSON body into the target type"),
];

#[test]
fn every_error_text_is_classified() {
    for (kind, code, text) in TEXTS {
        check_text(kind, code, text);
    }
}

/// Proof that the test above can fail.
#[test]
#[should_panic(expected = "Price must be divisible by moon phase.")]
fn a_new_error_text_is_noticed() {
    check_text("per_order", "Oracle", "Price must be divisible by moon phase.");
}

/// The same frame with unknown keys in every object, and `null` under a few that may be missing.
fn with_unknown_keys(v: &mut Value) {
    match v {
        Value::Object(map) => {
            map.values_mut().for_each(with_unknown_keys);
            map.insert("aNew\n\"key".into(), json!({"oid": "x", "b": [1.5e3, null, {"px": []}]}));
            for key in ["isSnapshot", "cloid", "liquidation", "twapId", "reduceOnly"] {
                map.entry(key).or_insert(Value::Null);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(with_unknown_keys),
        _ => {}
    }
}

#[test]
fn the_way_a_frame_is_written_does_not_matter() {
    let (mut parser, universe) = (UserParser::new(), universe());
    for frame in FRAMES {
        let expected = oracle(&mut parser, frame.as_bytes(), &universe);
        assert!(expected.0.is_ok() && !expected.1.is_empty(), "{frame}");
        // serde_json sorts keys: another order than the venue's.
        let mut value: Value = serde_json::from_str(frame).unwrap();
        let sorted = serde_json::to_string_pretty(&value).unwrap();
        assert_eq!(oracle(&mut parser, sorted.as_bytes(), &universe), expected, "{sorted}");
        with_unknown_keys(&mut value);
        let more = value.to_string();
        assert_eq!(oracle(&mut parser, more.as_bytes(), &universe), expected, "{more}");
        let escaped = frame.replace("\"coin\"", "\"c\\u006fin\"").replace("BTC", "\\u0042TC");
        if !frame.contains("\\\"") {
            assert_eq!(oracle(&mut parser, escaped.as_bytes(), &universe), expected, "{escaped}");
        }
    }
}

#[test]
fn every_cut_frame_is_refused() {
    let (mut parser, universe) = (UserParser::new(), universe());
    for frame in FRAMES {
        for len in 0..frame.len() {
            let (result, _) = oracle(&mut parser, &frame.as_bytes()[..len], &universe);
            assert!(result.is_err(), "{} of {frame}", &frame[..len]);
        }
    }
}

/// Each value of each frame, one after the other, becomes something else.
#[test]
fn any_value_may_be_of_any_type() {
    fn replace_nth(v: &mut Value, n: &mut usize, by: &Value) {
        if *n == 0 {
            *v = by.clone();
        }
        *n = n.wrapping_sub(1);
        match v {
            Value::Object(map) => map.values_mut().for_each(|v| replace_nth(v, n, by)),
            Value::Array(items) => items.iter_mut().for_each(|v| replace_nth(v, n, by)),
            _ => {}
        }
    }
    let (mut parser, universe) = (UserParser::new(), universe());
    let spikes = [
        json!(null),
        json!([]),
        json!({}),
        json!(""),
        json!("-"),
        json!(-1),
        json!(u64::MAX),
        json!(1.5),
        json!(true),
        json!([[{}]]),
        json!("92233720368.54775807"),
        json!("0x"),
        json!("-92233720368.547758081"),
        json!("é@é"),
        json!("1.0000000000"),
    ];
    for frame in FRAMES {
        let value: Value = serde_json::from_str(frame).unwrap();
        for spike in &spikes {
            for nth in 0.. {
                let (mut changed, mut n) = (value.clone(), nth);
                replace_nth(&mut changed, &mut n, spike);
                if n < usize::MAX / 2 {
                    break;
                }
                let _ = oracle(&mut parser, changed.to_string().as_bytes(), &universe);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn damaged_frames_are_survived(
        frame in proptest::sample::select(&FRAMES[..]),
        damages in prop::collection::vec(damage(), 1..5)
    ) {
        let (mut parser, universe) = (UserParser::new(), universe());
        let mut text = frame.as_bytes().to_vec();
        for damage in &damages {
            damage.apply(&mut text);
            let _ = oracle(&mut parser, &text, &universe);
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = oracle(&mut UserParser::new(), &bytes, &universe());
    }

    #[test]
    fn any_error_text_is_survived(text in "(Post only order would have immediately matched)?.{0,60}") {
        let error = ItemError::of(&text);
        prop_assert!(!error.best_bid.is_negative() && !error.best_ask.is_negative());
        prop_assert!(error.text.as_str().bytes().all(|b| (b' '..=b'~').contains(&b)));
        let frame = json!({"channel": "error", "data": text}).to_string();
        prop_assert_eq!(oracle(&mut UserParser::new(), frame.as_bytes(), &universe()).1.len(), 1);
    }
}

#[test]
fn reading_does_not_allocate() {
    let (mut parser, universe) = (UserParser::new(), universe());
    let frames = [
        ORDER_UPDATES,
        USER_FILLS,
        OPEN_ORDERS,
        STATE,
        ORDER_ANSWER,
        CANCEL_ANSWER,
        REFUSED_ANSWER,
    ];
    let mut copies: Vec<Vec<u8>> = frames.iter().map(|f| f.as_bytes().to_vec()).collect();
    let mut events = 0;
    let mut sink = |event: UserEvent| {
        events +=
            u64::from(!matches!(event, UserEvent::PostItem { status: ItemStatus::Unknown, .. }));
        black_box(event);
    };
    for frame in FRAMES {
        parser.parse(&mut frame.as_bytes().to_vec(), &universe, &mut sink).unwrap();
    }
    assert!(allocations(|| drop(black_box(vec![1_u8]))) > 0, "the counter counts");
    let found = allocations(|| {
        for _ in 0..100 {
            for (frame, original) in copies.iter_mut().zip(frames) {
                frame.copy_from_slice(original.as_bytes());
                parser.parse(frame, &universe, &mut sink).unwrap();
            }
            // Nor does refusing.
            copies[0][10] = b'}';
            assert!(parser.parse(&mut copies[0], &universe, &mut sink).is_err());
        }
    });
    assert_eq!(found, 0);
    assert!(events > 2_000, "{events}");
}
