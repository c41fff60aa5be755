//! `/ws`: acknowledgements, first frames, what blocks bring, errors.

use super::world::{USER, World, frames, keys, of_channel};
use crate::exchange::Host;
use crate::exchange::front::HubConfig;
use botmm_pipeline::types::Nanos;
use serde_json::{Value, json};

fn subscribe(subscription: &str) -> String {
    format!(r#"{{"method":"subscribe","subscription":{subscription}}}"#)
}

/// What is sent, how it is acknowledged, and the first frame's channel and keys.
type Case = (String, String, Option<(&'static str, Vec<&'static str>)>);

/// Every subscription of PROTOCOL §5.4 as it may be sent, as it is acknowledged, and the channel
/// and keys of its first frame's data, where there is one at once.
fn cases() -> Vec<Case> {
    [market_cases(), series_cases(), state_cases()].concat()
}

fn of_user(kind: &str, more: &str) -> String {
    format!(r#"{{"type":"{kind}","user":"{USER}"{more}}}"#)
}

fn same(text: String, first: Option<(&'static str, Vec<&'static str>)>) -> Case {
    (text.clone(), text, first)
}

fn market_cases() -> Vec<Case> {
    let coin = |kind: &str| format!(r#"{{"type":"{kind}","coin":"BTC"}}"#);
    let l2 = |rest: &str| format!(r#"{{"type":"l2Book","coin":"BTC",{rest}}}"#);
    let plain = l2(r#""nSigFigs":null,"mantissa":null,"fast":false"#);
    let fast = l2(r#""nSigFigs":null,"mantissa":null,"fast":true"#);
    let merged = l2(r#""nSigFigs":5,"mantissa":2,"fast":false"#);
    let book = Some(("l2Book", vec!["coin", "levels", "time"]));
    vec![
        (coin("l2Book"), plain, book.clone()),
        (l2(r#""fast":true"#), fast, Some(("l2Book", vec!["coin", "fast", "levels", "time"]))),
        (l2(r#""mantissa":2,"nSigFigs":5"#), merged, book),
        same(coin("bbo"), Some(("bbo", vec!["bbo", "coin", "time"]))),
        same(coin("trades"), None),
        same(r#"{"type":"allMids"}"#.into(), Some(("allMids", vec!["mids"]))),
        same(r#"{"type":"allMids","dex":""}"#.into(), Some(("allMids", vec!["dex", "mids"]))),
        same(coin("activeAssetCtx"), Some(("activeAssetCtx", vec!["coin", "ctx"]))),
        same(r#"{"type":"allDexsAssetCtxs"}"#.into(), Some(("allDexsAssetCtxs", vec!["ctxs"]))),
        same(r#"{"type":"outcomeMetaUpdates"}"#.into(), None),
    ]
}

fn series_cases() -> Vec<Case> {
    let series = |kind: &'static str, list| {
        let mut keys = vec!["isSnapshot", list, "user"];
        keys.sort_unstable();
        Some((kind, keys))
    };
    let fills = |more: &str| of_user("userFills", more);
    let plain = fills(r#","aggregateByTime":false"#);
    let ledger = "userNonFundingLedgerUpdates";
    let of = |kind| of_user(kind, "");
    vec![
        same(of("orderUpdates"), None),
        same(of("userEvents"), None),
        same(of("notification"), None),
        (fills(""), plain, series("userFills", "fills")),
        same(fills(r#","aggregateByTime":true"#), series("userFills", "fills")),
        same(of("userFundings"), series("userFundings", "fundings")),
        same(of(ledger), series(ledger, "nonFundingLedgerUpdates")),
        same(of("userTwapSliceFills"), series("userTwapSliceFills", "twapSliceFills")),
        same(of("userTwapHistory"), series("userTwapHistory", "history")),
        same(of("userHistoricalOrders"), series("userHistoricalOrders", "orderHistory")),
    ]
}

fn state_cases() -> Vec<Case> {
    let of_dex = |kind: &'static str, keys| {
        (of_user(kind, ""), of_user(kind, r#","dex":"""#), Some((kind, keys)))
    };
    let of = |kind: &'static str, keys| same(of_user(kind, ""), Some((kind, keys)));
    let asset = of_user("activeAssetData", r#","coin":"BTC""#);
    let asset_keys = vec!["availableToTrade", "coin", "leverage", "markPx", "maxTradeSzs", "user"];
    vec![
        of_dex("openOrders", vec!["dex", "orders", "user"]),
        of_dex("clearinghouseState", vec!["clearinghouseState", "dex", "user"]),
        of_dex("twapStates", vec!["dex", "states", "user"]),
        of("allDexsClearinghouseState", vec!["clearinghouseStates", "user"]),
        of("spotState", vec!["spotState", "user"]),
        of("webData3", vec!["perpDexStates", "userState"]),
        same(asset, Some(("activeAssetData", asset_keys))),
    ]
}

#[test]
fn every_subscription_is_acknowledged_then_shown() {
    let mut world = World::new(HubConfig::default());
    let conn = world.open(1);
    for (sent, normalised, first) in cases() {
        let answers = world.send(conn, &subscribe(&sent));
        let ack = format!(
            r#"{{"channel":"subscriptionResponse","data":{{"method":"subscribe","subscription":{normalised}}}}}"#
        );
        assert_eq!(answers[0], ack);
        match first {
            None => assert_eq!(answers.len(), 1, "{sent}: {answers:?}"),
            Some((channel, expected)) => {
                assert_eq!(answers.len(), 2, "{sent}");
                let frame: Value = serde_json::from_str(&answers[1]).unwrap();
                assert_eq!(frame["channel"], channel, "{sent}");
                assert_eq!(keys(&frame["data"]), expected, "{sent}");
            }
        }
        let again = world.send(conn, &subscribe(&sent));
        let text = format!("Already subscribed: {normalised}");
        assert_eq!(again, [json!({"channel": "error", "data": text}).to_string()]);
    }
    for (sent, normalised, _) in cases() {
        let text = format!(r#"{{"id":"17","method":"unsubscribe","subscription":{sent}}}"#);
        let ack = format!(
            r#"{{"channel":"subscriptionResponse","data":{{"method":"unsubscribe","subscription":{normalised}}}}}"#
        );
        assert_eq!(world.send(conn, &text), [ack]);
        let text_again = format!("Already unsubscribed: {normalised}");
        let error = json!({"channel": "error", "data": text_again}).to_string();
        assert_eq!(world.send(conn, &text), [error]);
    }
    assert_eq!(frames(&world.run(Nanos::secs(5)), conn), [""; 0], "nothing is wanted any more");
}

#[test]
fn a_touch_is_told_once() {
    let mut world = World::new(HubConfig::default());
    let subscription = subscribe(r#"{"type":"bbo","coin":"BTC"}"#);
    let first = world.open(1);
    let mut told = world.send(first, &subscription);
    told.extend(frames(&world.run(Nanos::secs(3)), first));
    // Another subscriber is shown the same touch, and takes nothing away from the first.
    let second = world.open(2);
    let mut told_second = world.send(second, &subscription);
    let rest = world.run(Nanos::secs(20));
    told.extend(frames(&rest, first));
    told_second.extend(frames(&rest, second));
    for told in [told, told_second] {
        let touches = of_channel(&told, "bbo");
        assert!(touches.len() > 3, "{touches:?}");
        for pair in touches.windows(2) {
            assert_ne!(pair[0]["bbo"], pair[1]["bbo"]);
        }
    }
}

#[test]
fn candles_of_every_interval_are_taken() {
    let mut world = World::new(HubConfig::default());
    let conn = world.open(1);
    world.run(Nanos::secs(5));
    let text = subscribe(r#"{"coin":"BTC","type":"candle","interval":"1m"}"#);
    let answers = world.send(conn, &text);
    assert!(
        answers[0].ends_with(r#""subscription":{"type":"candle","interval":"1m","coin":"BTC"}}}"#)
    );
    let sent = frames(&world.run(Nanos::secs(60)), conn);
    let candles = of_channel(&sent, "candle");
    assert!(!candles.is_empty());
    for candle in &candles {
        assert_eq!(keys(candle), ["T", "c", "h", "i", "l", "n", "o", "s", "t", "v"]);
        assert_eq!((&candle["s"], &candle["i"]), (&json!("BTC"), &json!("1m")));
    }
    for pair in candles.windows(2) {
        assert_ne!(pair[0], pair[1], "only when it changed");
    }
}

#[test]
fn errors_quote_what_was_sent() {
    let mut world = World::new(HubConfig::default());
    let conn = world.open(1);
    let webdata = subscribe(&format!(r#"{{"type":"webData2","user":"{USER}"}}"#));
    for text in [
        "hello \"you\"\n",
        "",
        "[]",
        r#"{"method":"dance"}"#,
        r#"{"method":"subscribe"}"#,
        r#"{"method":"subscribe","subscription":{"type":"trades"}}"#,
        r#"{"method":"post","id":-1,"request":{"type":"info","payload":{"type":"meta"}}}"#,
        r#"{"method":"post","id":1,"request":{"type":"info","payload":{"type":"nope"}}}"#,
        r#"{"method":"post","id":1,"request":{"type":"explorer","payload":{}}}"#,
        r#"{"method":"post","id":1,"request":{"type":"action","payload":{"action":{}}}}"#,
        &webdata,
    ] {
        let data = format!("Error parsing JSON into valid websocket request: {text}");
        let expected = json!({"channel": "error", "data": data});
        let answers = world.send(conn, text);
        assert_eq!(answers.len(), 1, "{text}");
        assert_eq!(serde_json::from_str::<Value>(&answers[0]).unwrap(), expected);
    }
    let answers = world.send(conn, &subscribe(r#"{"type":"l2Book","coin":"NOPE"}"#));
    let data = concat!(
        r#"Invalid subscription {"type":"l2Book","coin":"NOPE","nSigFigs":null,"#,
        r#""mantissa":null,"fast":false}"#,
    );
    assert_eq!(serde_json::from_str::<Value>(&answers[0]).unwrap()["data"], data);
    assert_eq!(world.send(conn, r#"{"method":"ping"}"#), [r#"{"channel":"pong"}"#], "still open");
}

#[test]
fn posted_questions_have_the_answers_of_http() {
    let mut world = World::new(HubConfig::default());
    let conn = world.open(1);
    for body in
        [r#"{"type":"meta"}"#, r#"{"type":"l2Book","coin":"NOPE"}"#, r#"{"type":"spotMeta"}"#]
    {
        let text =
            format!(r#"{{"method":"post","id":7,"request":{{"type":"info","payload":{body}}}}}"#);
        let answer: Value = serde_json::from_str(&world.send(conn, &text)[0]).unwrap();
        let kind = serde_json::from_str::<Value>(body).unwrap()["type"].clone();
        let payload = json!({"type": kind, "data": world.info(body)});
        let data = json!({"id": 7, "response": {"type": "info", "payload": payload}});
        assert_eq!(answer, json!({"channel": "post", "data": data}));
    }
}

#[test]
fn blocks_bring_books_touches_and_trades() {
    let mut world = World::new(HubConfig::default());
    let conn = world.open(1);
    for subscription in [
        r#"{"type":"l2Book","coin":"BTC"}"#,
        r#"{"type":"l2Book","coin":"ETH","fast":true}"#,
        r#"{"type":"bbo","coin":"BTC"}"#,
        r#"{"type":"trades","coin":"BTC"}"#,
        r#"{"type":"activeAssetCtx","coin":"BTC"}"#,
        r#"{"type":"allMids"}"#,
    ] {
        world.send(conn, &subscribe(subscription));
    }
    let sent = frames(&world.run(Nanos::secs(60)), conn);
    let books = of_channel(&sent, "l2Book");
    let (fast, slow): (Vec<_>, Vec<_>) = books.into_iter().partition(|b| b["fast"] == true);
    let time = |v: &Value| v["time"].as_i64().unwrap();
    assert!((80..=121).contains(&slow.len()), "{} slow books a minute", slow.len());
    assert!(slow.windows(2).all(|w| time(&w[1]) - time(&w[0]) >= 500));
    assert!(fast.len() > 500, "{} fast books a minute", fast.len());
    assert!(fast.iter().all(|b| b["levels"][0].as_array().unwrap().len() <= 5));
    let touches = of_channel(&sent, "bbo");
    assert!(touches.len() > 10, "{} touches", touches.len());
    assert!(touches.windows(2).all(|w| w[0]["bbo"] != w[1]["bbo"]), "only when changed");
    assert!(touches.windows(2).all(|w| time(&w[0]) < time(&w[1])), "once a block");
    let trades = of_channel(&sent, "trades");
    assert!(!trades.is_empty());
    let expected = ["coin", "hash", "px", "side", "sz", "tid", "time", "users"];
    assert!(trades.iter().all(|list| keys(&list[0]) == expected));
    assert!(!of_channel(&sent, "allMids").is_empty());
    assert!((5..=30).contains(&of_channel(&sent, "activeAssetCtx").len()), "about every 3 s");
}

#[test]
fn a_frame_is_the_same_for_all_who_want_it() {
    let mut world = World::new(HubConfig::default());
    let (a, b) = (world.open(1), world.open(2));
    for conn in [a, b] {
        world.send(conn, &subscribe(r#"{"type":"bbo","coin":"BTC"}"#));
    }
    let out = world.run(Nanos::secs(20));
    assert!(!frames(&out, a).is_empty());
    assert_eq!(frames(&out, a), frames(&out, b));
    world.hub.close(world.now, a);
    let out = world.run(Nanos::secs(20));
    assert_eq!(frames(&out, a), [""; 0]);
    assert!(!frames(&out, b).is_empty());
}

#[test]
fn trades_may_be_replayed() {
    let mut world = World::new(HubConfig { replayed_trades: 3, ..HubConfig::default() });
    world.run(Nanos::secs(60));
    let conn = world.open(1);
    let answers = world.send(conn, &subscribe(r#"{"type":"trades","coin":"BTC"}"#));
    let replayed = of_channel(&answers, "trades");
    assert_eq!(replayed[0].as_array().unwrap().len(), 3);
}

/// The text inside a `fastAssetCtxs` frame: base64 of raw DEFLATE, read as its standards say.
fn unpacked(frame: &str) -> Value {
    let frame: Value = serde_json::from_str(frame).unwrap();
    assert_eq!(frame["channel"], "fastAssetCtxs");
    let text = frame["data"].as_str().unwrap();
    assert_eq!(text.len() % 4, 0);
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = String::new();
    for letter in text.trim_end_matches('=').chars() {
        bits += &format!("{:06b}", letters.find(letter).unwrap());
    }
    let bytes: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect();
    assert_eq!(bytes[0], 1, "one stored block, the last");
    let length = usize::from(u16::from_le_bytes([bytes[1], bytes[2]]));
    assert_eq!(bytes.len(), 5 + length);
    serde_json::from_slice(&bytes[5..]).unwrap()
}

#[test]
fn fast_contexts_are_whole_first_and_then_what_changed() {
    let mut world = World::new(HubConfig::default());
    let conn = world.open(1);
    let told = world.send(conn, &subscribe(r#"{"type":"fastAssetCtxs"}"#));
    let whole = unpacked(&told[1]);
    let meta = world.info(r#"{"type":"meta"}"#);
    let listed = meta["universe"].as_array().unwrap().iter().enumerate();
    let listed = listed.filter(|(_, coin)| coin["isDelisted"] != true);
    let coins: Vec<(usize, &str)> = listed.map(|(i, c)| (i, c["name"].as_str().unwrap())).collect();
    assert_eq!(keys(&whole).len(), coins.len());
    let mut known = whole.clone();
    for (_, coin) in &coins {
        assert_eq!(keys(&whole[*coin]), ["markPx", "midPx"], "{coin}");
    }
    let later: Vec<Value> =
        frames(&world.run(Nanos::secs(20)), conn).iter().map(|f| unpacked(f)).collect();
    assert!(later.len() > 5, "{later:?}");
    for news in &later {
        for (coin, changed) in news.as_object().unwrap() {
            for (key, value) in changed.as_object().unwrap() {
                assert_ne!(&known[coin][key], value, "{coin} {key} is no news");
                known[coin][key] = value.clone();
            }
        }
    }
    let now = world.info(r#"{"type":"metaAndAssetCtxs"}"#);
    for (i, coin) in &coins {
        for key in ["markPx", "midPx"] {
            assert_eq!(known[*coin][key], now[1][*i][key], "{coin} {key}");
        }
    }
}
