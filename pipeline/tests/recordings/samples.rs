//! The venue's own samples of what the order connection says.

use crate::decode_model::universe;
use crate::error_texts::check_text;
use botmm_pipeline::types::Universe;
use botmm_pipeline::venue::hl::user::{UserError, UserParser, oracle};
use serde_json::{Value, json};
use std::path::Path;

pub fn the_venues_samples_are_read(folder: &Path) {
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

pub fn every_error_text_of_the_venue_is_classified(folder: &Path) {
    let list = read_json(&folder.join("venue_error_strings.json"));
    let list = list["errors"].as_array().unwrap();
    for error in list {
        let of = |key: &str| error[key].as_str().unwrap();
        check_text(of("kind"), of("code"), of("text"));
    }
    println!("{} texts of the venue are classified", list.len());
    assert!(list.len() > 40);
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
