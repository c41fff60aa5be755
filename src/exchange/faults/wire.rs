//! As much of the venue's JSON as faults need to know. What is not understood is none of theirs.

use botmm_pipeline::types::Nanos;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use std::borrow::Cow;

/// The keys of the venue's times: Unix milliseconds.
const TIMES: [&str; 2] = ["\"time", "\"serverTime"];

/// What a client's frame is to a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A request with this id.
    Post { id: u64, is_action: bool },
    /// It subscribes to something of a user.
    UserSubscription,
    /// Anything else.
    Other,
}

/// What a frame of the venue is to a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The answer to the post with this id.
    Answer(u64),
    /// `orderUpdates`, `userFills` or `user`.
    User,
    /// Market data.
    Public,
    /// Anything else.
    Other,
}

#[derive(Deserialize)]
struct ClientFrame<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
    id: Option<u64>,
    #[serde(borrow)]
    request: Option<Typed<'a>>,
    subscription: Option<Subscription>,
}

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Subscription {
    user: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Channel<'a> {
    #[serde(borrow)]
    channel: Cow<'a, str>,
}

#[derive(Deserialize)]
struct PostAnswer {
    data: PostData,
}

#[derive(Deserialize)]
struct PostData {
    id: u64,
}

/// Reads a client's frame.
pub(super) fn heard(text: &[u8]) -> Heard {
    let Ok(frame) = serde_json::from_slice::<ClientFrame<'_>>(text) else { return Heard::Other };
    match (&*frame.method, frame.id, frame.request, frame.subscription) {
        ("post", Some(id), Some(request), _) => {
            Heard::Post { id, is_action: request.kind == "action" }
        }
        ("subscribe", _, _, Some(Subscription { user: Some(_) })) => Heard::UserSubscription,
        _ => Heard::Other,
    }
}

/// Reads a frame of the venue.
pub(super) fn said(text: &[u8]) -> Said {
    let Ok(frame) = serde_json::from_slice::<Channel<'_>>(text) else { return Said::Other };
    match &*frame.channel {
        "post" => match serde_json::from_slice::<PostAnswer>(text) {
            Ok(answer) => Said::Answer(answer.data.id),
            Err(_) => Said::Other,
        },
        "orderUpdates" | "userFills" | "user" => Said::User,
        "l2Book" | "bbo" | "trades" | "candle" | "allMids" | "activeAssetCtx"
        | "activeSpotAssetCtx" => Said::Public,
        _ => Said::Other,
    }
}

/// Keys that a record of the past has.
const RECORDS: [&str; 3] = ["\"tid\":", "\"oid\":", "\"fundingRate\":"];

/// Adds an offset to every time in a text that says what time it is. Records of what has happened
/// (fills, orders, trades, funding) keep their stamps: told again later, they must be the same. What
/// a client is told of its own words stays: their quotes are escaped.
pub(super) fn shift_times(json: &mut Vec<u8>, offset: Nanos) {
    let Ok(text) = core::str::from_utf8(json) else { return };
    if RECORDS.iter().any(|key| text.contains(key)) {
        return;
    }
    let mut shifted = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(end) = rest.find("\":") {
        let (key, value) = rest.split_at(end);
        let value = &value[2..];
        shifted.push_str(key);
        shifted.push_str("\":");
        let digits = value.bytes().take_while(u8::is_ascii_digit).count();
        let time = value[..digits].parse::<i64>().ok();
        rest = match time.filter(|_| TIMES.iter().any(|name| key.ends_with(name))) {
            Some(ms) => {
                shifted.push_str(&ms.saturating_add(offset.as_millis()).to_string());
                &value[digits..]
            }
            None => value,
        };
    }
    shifted.push_str(rest);
    *json = shifted.into_bytes();
}

/// The action in a client's post.
pub(super) fn posted_action(text: &[u8]) -> Option<Value> {
    let mut frame: Value = serde_json::from_slice(text).ok()?;
    Some(frame["request"]["payload"]["action"].take())
}

/// The action in the body of a request to `/exchange`.
pub(super) fn http_action(body: &[u8]) -> Option<Value> {
    let mut request: Value = serde_json::from_slice(body).ok()?;
    Some(request["action"].take())
}

/// The answer to a posted action.
pub(super) fn post_answer(id: u64, payload: &Value) -> Vec<u8> {
    let response = json!({ "type": "action", "payload": payload });
    let data = json!({ "id": id, "response": response });
    json!({ "channel": "post", "data": data }).to_string().into_bytes()
}

/// The answer to a post that went wrong as a whole.
pub(super) fn post_error(id: u64, status: &str) -> Vec<u8> {
    format!(
        r#"{{"channel":"post","data":{{"id":{id},"response":{{"type":"error","payload":"{status}"}}}}}}"#
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_few_things_are_told_apart() {
        let post = |kind: &str| {
            format!(r#"{{"method":"post","id":7,"request":{{"type":"{kind}","payload":{{}}}}}}"#)
        };
        assert_eq!(heard(post("action").as_bytes()), Heard::Post { id: 7, is_action: true });
        assert_eq!(heard(post("info").as_bytes()), Heard::Post { id: 7, is_action: false });
        let subscribe = |what: &str| {
            format!(r#"{{"method":"subscribe","subscription":{{"type":"x",{what}}}}}"#)
        };
        assert_eq!(heard(subscribe(r#""user":"0x1""#).as_bytes()), Heard::UserSubscription);
        assert_eq!(heard(subscribe(r#""coin":"BTC""#).as_bytes()), Heard::Other);
        assert_eq!(heard(br#"{"method":"ping"}"#), Heard::Other);
        assert_eq!(heard(b"\xff{"), Heard::Other);

        assert_eq!(said(&post_error(9, "429 Too Many Requests")), Said::Answer(9));
        assert_eq!(said(br#"{"channel":"user","data":{"fills":[]}}"#), Said::User);
        assert_eq!(said(br#"{"data":[],"channel":"trades"}"#), Said::Public);
        assert_eq!(said(br#"{"channel":"subscriptionResponse","data":{}}"#), Said::Other);
        assert_eq!(said(b"Websocket connection established."), Said::Other);
    }

    #[test]
    fn times_are_shifted_and_nothing_else() {
        let shifted = |text: &str| {
            let mut json = text.as_bytes().to_vec();
            shift_times(&mut json, Nanos::secs(-3));
            String::from_utf8(json).unwrap()
        };
        let state = r#"{"withdrawable":"9000","time":8000}"#;
        assert_eq!(shifted(state), r#"{"withdrawable":"9000","time":5000}"#);
        assert_eq!(
            shifted(r#"[{"time":3000},{"serverTime":0}]"#),
            r#"[{"time":0},{"serverTime":-3000}]"#
        );
        for same in [
            "",
            "null",
            r#"{"t":6000,"T":6059,"daytime":6000,"time":"6000","time":null}"#,
            r#"{"data":"Error parsing {\"time\":6000}"}"#,
            r#"{"time":99999999999999999999}"#,
            r#"[{"oid":9000,"timestamp":7000}]"#,
            r#"[{"tid":9000,"time":7000}]"#,
        ] {
            assert_eq!(shifted(same), same);
        }
    }
}
