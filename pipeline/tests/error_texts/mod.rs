//! How the venue's error texts must be understood.

use crate::decode_model::universe;
use botmm_pipeline::types::RejectReason;
use botmm_pipeline::venue::hl::user::{
    ChannelErrorKind, ItemError, RequestError, UserEvent, UserParser, oracle,
};
use serde_json::json;

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

/// Whether a text is understood as the list of texts has it.
pub fn check_text(kind: &str, code: &str, text: &str) {
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
