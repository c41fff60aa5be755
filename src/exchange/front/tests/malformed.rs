//! Bytes of any kind: an answer or an error, never the end of the process.

use super::world::{PEER, USER, World};
use crate::exchange::front::HubConfig;
use crate::exchange::{Host, HttpId, HttpRequest, Outgoing};
use botmm_pipeline::types::Nanos;
use proptest::prelude::*;

/// Good messages to be spoilt.
fn seeds() -> Vec<String> {
    let mut seeds: Vec<String> = [
        r#"{"type":"candleSnapshot","req":{"coin":"BTC","interval":"1m","startTime":0,"endTime":5}}"#,
        r#"{"type":"l2Book","coin":"BTC","nSigFigs":5,"mantissa":2}"#,
        r#"{"method":"subscribe","subscription":{"type":"l2Book","coin":"BTC","fast":true}}"#,
        r#"{"method":"subscribe","subscription":{"type":"candle","coin":"BTC","interval":"1M"}}"#,
        r#"{"action":{"type":"order","orders":[{"a":0,"b":true,"p":"65000","s":"0.1","r":false,"t":{"limit":{"tif":"Gtc"}},"c":"0x00000000000000000000000000000001"}],"grouping":"na"},"nonce":1795359600000,"signature":{"r":"0x1","s":"0x1","v":27},"vaultAddress":null,"expiresAfter":null}"#,
        r#"{"action":{"type":"batchModify","modifies":[{"oid":5,"order":{"a":0,"b":true,"p":"65000","s":"0.1","r":false,"t":{"trigger":{"isMarket":true,"triggerPx":"1","tpsl":"sl"}}}}],"a":true},"nonce":1795359600000,"signature":{"r":"0x1","s":"0x1","v":28}}"#,
        r#"{"action":{"type":"approveAgent","agentAddress":"0x0000000000000000000000000000000000000001","agentName":"x valid_until 5","nonce":5,"signatureChainId":"0x66eee","hyperliquidChain":"Mainnet"},"nonce":5,"signature":{"r":"0x1","s":"0x1","v":27}}"#,
        r#"{"action":{"type":"updateIsolatedMargin","asset":1,"isBuy":true,"ntli":-5},"nonce":5,"signature":{"r":"0x1","s":"0x1","v":27}}"#,
        r#"{"action":{"type":"reserveRequestWeight","weight":18446744073709551615},"nonce":18446744073709551615,"expiresAfter":18446744073709551615,"signature":{"r":"0x1","s":"0x1","v":27}}"#,
    ]
    .map(str::to_owned)
    .into();
    seeds.push(format!(
        r#"{{"type":"userFillsByTime","user":"{USER}","startTime":18446744073709551615,"endTime":0,"reversed":true}}"#
    ));
    seeds.push(format!(
        r#"{{"method":"subscribe","subscription":{{"type":"activeAssetData","user":"{USER}","coin":"ETH"}}}}"#
    ));
    seeds
}

/// A seed with some of its bytes replaced by pieces that mean something in JSON.
fn spoilt() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "",
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "0",
        "-",
        "9999999999999999999999",
        "1e400",
        "null",
        "true",
        "\\u0000",
        "\u{fffd}",
        "é",
        "\"type\":",
        "18446744073709551615",
        "-9223372036854775808",
        "0.000000001",
    ]);
    let cut = (any::<prop::sample::Index>(), 0_usize..6, pieces);
    (prop::sample::select(seeds()), prop::collection::vec(cut, 0..4)).prop_map(|(seed, cuts)| {
        let mut text = seed.into_bytes();
        for (at, len, piece) in cuts {
            let at = at.index(text.len() + 1);
            let end = (at + len).min(text.len());
            text.splice(at..end, piece.bytes());
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_ends_the_hub(
        texts in prop::collection::vec(
            prop_oneof![spoilt(), prop::collection::vec(any::<u8>(), 0..200)], 1..40,
        ),
    ) {
        let mut world = World::funded(HubConfig::default());
        let conn = world.open(1);
        let requests = texts.len() as u64;
        let mut out = Vec::new();
        for (i, text) in (0..).zip(&texts) {
            let payload = String::from_utf8_lossy(text);
            world.hub.frame(world.now, conn, text);
            for kind in ["info", "action"] {
                let post = format!(r#"{{"method":"post","id":{i},"request":{{"type":"{kind}","payload":{payload}}}}}"#);
                world.hub.frame(world.now, conn, post.as_bytes());
            }
            for (path, id) in [("/info", 2 * i), ("/exchange", 2 * i + 1)] {
                let content_type = Some("application/json");
                let request = HttpRequest { method: "POST", path, content_type, body: text };
                world.hub.http(world.now, PEER, HttpId(1 << 40 | id), &request);
            }
            out.extend(world.run(Nanos::millis(50)));
        }
        out.extend(world.run(Nanos::secs(1)));
        let replies = out.iter().filter(|sent| matches!(sent, Outgoing::Reply(..))).count() as u64;
        prop_assert_eq!(replies, 2 * requests, "every request is answered once");
        for sent in &out {
            if let Outgoing::Frame(_, text) = sent {
                let frame = serde_json::from_slice::<serde_json::Value>(text);
                prop_assert!(frame.is_ok_and(|f| f["channel"].is_string()), "{:?}", text);
            }
        }
    }
}
