//! The parser of the order connection against the venue's samples, its error texts, other ways to
//! write a frame, damaged frames, and the allocator.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod counting;
#[allow(dead_code, reason = "shared with the decoder's tests")]
mod decode_model;
#[allow(dead_code, reason = "shared with the literal tests")]
mod user_wire_frames;

use botmm_pipeline::types::{RejectReason, Universe};
use botmm_pipeline::venue::hl::user::{
    ChannelErrorKind, ItemError, ItemStatus, RequestError, UserError, UserEvent, UserParser, oracle,
};
use counting::allocations;
use decode_model::{damage, universe};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use user_wire_frames::{
    CANCEL_ANSWER, FRAMES, OPEN_ORDERS, ORDER_ANSWER, ORDER_UPDATES, REFUSED_ANSWER, STATE,
    USER_FILLS,
};

fn fixtures() -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("BOTMM_SHARED").map_or_else(default, PathBuf::from);
    let folder = shared.join("hyperliquid/fixtures");
    if !folder.is_dir() {
        println!("skipped: no fixtures at {}", folder.display());
        return None;
    }
    Some(folder)
}

fn read_json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What a sample is asked by; the samples of the documentation do not say.
fn info_type(sample: &Value) -> &'static str {
    let first = if sample.is_array() { &sample[0] } else { sample };
    let has = |key| first.get(key).is_some();
    match () {
        () if has("limitPx") && has("isTrigger") => "frontendOpenOrders",
        () if has("limitPx") => "openOrders",
        () if has("closedPnl") => "userFills",
        () if has("marginSummary") || has("crossMarginSummary") => "clearinghouseState",
        () if has("nRequestsUsed") => "userRateLimit",
        () if first["delta"]["type"] == "funding" => "userFunding",
        () if sample["status"] == "unknownOid" => "orderStatus",
        () => "somethingElse",
    }
}

/// The frames that a file of samples stands for.
fn frames_of(name: &str, sample: Value) -> Vec<Value> {
    let post = |kind: &str, payload: Value| json!({"channel": "post", "data": {"id": 1, "response": {"type": kind, "payload": payload}}});
    let info = |kind: &str, data: Value| post("info", json!({"type": kind, "data": data}));
    let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
    if name.ends_with(".data.json") || name.ends_with(".ack.json") || name.contains("_ws_") {
        let frames = sample.get("examples").map_or_else(|| vec![sample.clone()], list);
        return frames.into_iter().filter(|f| f.get("channel").is_some()).collect();
    }
    if name == "docs_exchange_endpoint_examples.json" {
        return list(&sample["examples"]).into_iter().map(|p| post("action", p)).collect();
    }
    if name == "docs_info_endpoint_examples.json" {
        let all = [list(&sample["info_endpoint"]), list(&sample["perpetuals"])].concat();
        return all.into_iter().map(|data| info(info_type(&data), data)).collect();
    }
    if let Some(kind) = name.strip_suffix(".response.json").and_then(|n| n.split("__").nth(1)) {
        return vec![info(kind, sample)];
    }
    if name.starts_with("nautilus_http_") || name.starts_with("jkorf_http_") {
        if sample.get("status").is_some() && sample.get("response").is_some() {
            return vec![post("action", sample)];
        }
        return vec![info(info_type(&sample), sample)];
    }
    Vec::new()
}

#[test]
fn the_venues_samples_are_read() {
    let Some(folder) = fixtures() else { return };
    let (ours, nobodys) = (universe(), Universe::new(Vec::new()));
    let mut parser = UserParser::new();
    let (mut frames, mut events, mut refused) = (0, 0, Vec::<(String, UserError)>::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        for frame in frames_of(&name, read_json(&path)) {
            let text = frame.to_string();
            let (result, _) = oracle(&mut parser, text.as_bytes(), &nobodys);
            result.unwrap_or_else(|e| panic!("{name}: {e}: {text}"));
            match oracle(&mut parser, text.as_bytes(), &ours) {
                (Ok(_), found) => events += found.len(),
                (Err(e), _) => refused.push((name.clone(), e)),
            }
            frames += 1;
        }
    }
    println!("{frames} frames of samples, {events} events");
    assert!(frames > 60 && events > 400, "{frames} frames, {events} events");
    // Fills of 2023 have no `tid`: ours could not be counted once, so they are refused.
    let [(name, error)] = &refused[..] else { panic!("{refused:?}") };
    assert!(name.contains("userFills") && error.field == "tid", "{name}: {error}");
}

/// Our own list of the venue's texts, for where the fixtures are not.
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

/// The reason that a code of the list of texts must get.
fn reject_of(code: &str) -> RejectReason {
    match code {
        "Tick" | "InvalidPrice" => RejectReason::Tick,
        "InvalidSize" | "ZeroSize" => RejectReason::Size,
        "MinTradeNtl" => RejectReason::MinNotional,
        "PerpMargin" | "PerpMaxPosition" => RejectReason::Margin,
        "ReduceOnly" => RejectReason::ReduceOnly,
        "BadAloPx" => RejectReason::BadAloPx,
        "MissingOrder" | "ModifyDead" => RejectReason::NotFound,
        "Expired" => RejectReason::Expired,
        "AddressRateLimit" => RejectReason::RateLimit,
        _ => RejectReason::Other,
    }
}

/// How the list of texts calls a request's error.
fn code_of(error: RequestError) -> String {
    match error {
        RequestError::NotIsolated => "IsolatedMargin".into(),
        other => format!("{other:?}"),
    }
}

fn check_text(kind: &str, code: &str, text: &str) {
    match kind {
        "per_order" | "per_cancel" => {
            for text in [text.to_string(), format!("{text} asset=3")] {
                assert_eq!(ItemError::of(&text).reason, reject_of(code), "{text}");
                // The same text for a whole batch; and it is known, not merely something else.
                let all = RequestError::of(&text);
                assert_eq!(all, RequestError::Order(reject_of(code)), "{text}");
            }
        }
        "request" => {
            let error = RequestError::of(text);
            if error == RequestError::Agent {
                assert!(code.starts_with("Agent"), "{text}");
            } else {
                assert_eq!(code_of(error), code, "{text}");
            }
            assert_eq!(error.as_reject(), reject_of(code), "{text}");
        }
        "ws_error" => assert_eq!(format!("{:?}", ChannelErrorKind::of(text)), code, "{text}"),
        _ => {
            let status: u16 = kind.strip_prefix("http_").unwrap().parse().unwrap();
            let payload = format!("{status} {text}");
            let response = json!({"type": "error", "payload": payload});
            let frame = json!({"channel": "post", "data": {"id": 1, "response": response}});
            let (_, events) =
                oracle(&mut UserParser::new(), frame.to_string().as_bytes(), &universe());
            assert!(matches!(events[..], [UserEvent::PostFailed { status: s, .. }] if s == status));
        }
    }
}

#[test]
fn every_error_text_is_classified() {
    for (kind, code, text) in TEXTS {
        check_text(kind, code, text);
    }
    let Some(folder) = fixtures() else { return };
    let list = read_json(&folder.join("venue_error_strings.json"));
    let list = list["errors"].as_array().unwrap();
    for error in list {
        let of = |key: &str| error[key].as_str().unwrap();
        check_text(of("kind"), of("code"), of("text"));
    }
    println!("{} texts of the venue are classified", list.len());
    assert!(list.len() > 40);
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
