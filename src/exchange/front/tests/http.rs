//! `/info`: every question has an answer of its shape, everything else the venue's 422.

use super::world::{USER, World, keys};
use crate::exchange::front::HubConfig;
use crate::exchange::{Host, HttpId, HttpRequest, Outgoing};
use serde_json::{Value, json};

/// Checksummed, as some clients send it.
const MIXED: &str = "0x14791697260E4c9A71f18484C9f997B308e59325";

#[test]
fn bodies_that_are_no_request() {
    let mut world = World::new(HubConfig::default());
    let user = |kind: &str| format!(r#"{{"type":"{kind}","user":"{USER}""#);
    let bad_info = [
        "".to_owned(),
        "null".into(),
        "[]".into(),
        "{".into(),
        "{}".into(),
        r#"{"type":"nope"}"#.into(),
        r#"{"type":7}"#.into(),
        r#"{"type":"l2Book"}"#.into(),
        r#"{"type":"l2Book","coin":5}"#.into(),
        r#"{"type":"l2Book","coin":"BTC","nSigFigs":1}"#.into(),
        r#"{"type":"l2Book","coin":"BTC","nSigFigs":4,"mantissa":2}"#.into(),
        r#"{"type":"l2Book","coin":"BTC","mantissa":2}"#.into(),
        r#"{"type":"l2Book","coin":"BTC","nSigFigs":"5"}"#.into(),
        r#"{"type":"meta","dex":"other"}"#.into(),
        r#"{"type":"clearinghouseState"}"#.into(),
        r#"{"type":"clearinghouseState","user":"0x123"}"#.into(),
        r#"{"type":"clearinghouseState","user":null}"#.into(),
        r#"{"type":"candleSnapshot","req":{"coin":"BTC","interval":"7m","startTime":0}}"#.into(),
        r#"{"type":"candleSnapshot","req":{"coin":"BTC","interval":"1m"}}"#.into(),
        r#"{"type":"fundingHistory","coin":"BTC"}"#.into(),
        r#"{"type":"fundingHistory","coin":"BTC","startTime":-1}"#.into(),
        r#"{"type":"fundingHistory","coin":"BTC","startTime":1.5}"#.into(),
        user("orderStatus") + "}",
        user("orderStatus") + r#","oid":"0x12"}"#,
        user("orderStatus") + r#","oid":-1}"#,
        user("userFillsByTime") + "}",
        "[".repeat(100_000),
    ];
    let text = b"Failed to deserialize the JSON body into the target type";
    assert_eq!(text.len(), 56);
    let exchange = [
        "{}".to_owned(),
        r#"{"action":{"type":"noop"},"nonce":1}"#.into(),
        r#"{"action":{"type":"noop"},"signature":{"r":"0x1","s":"0x1","v":27}}"#.into(),
        r#"{"action":{"type":"nope"},"nonce":1,"signature":{"r":"0x1","s":"0x1","v":27}}"#.into(),
        r#"{"action":{"type":"noop"},"nonce":-1,"signature":{"r":"0x1","s":"0x1","v":27}}"#.into(),
        r#"{"action":{"type":"noop"},"nonce":1,"signature":{"r":1,"s":"0x1","v":27}}"#.into(),
        r#"{"action":{"type":"noop"},"nonce":1,"signature":"0x"}"#.into(),
        r#"{"action":{"type":"noop"},"nonce":1,"vaultAddress":"0x1","signature":{"r":"0x1","s":"0x1","v":27}}"#.into(),
    ];
    let info = bad_info.into_iter().map(|body| ("/info", body));
    for (path, body) in info.chain(exchange.map(|body| ("/exchange", body))) {
        let reply = world.http(path, body.as_bytes());
        let got = (reply.status, reply.content_type, reply.body.as_slice());
        assert_eq!(got, (422, "text/plain", &text[..]), "{path} {body:.200}");
    }
}

#[test]
fn other_paths_methods_and_types() {
    let mut world = World::new(HubConfig::default());
    let mut status = |method, path, content_type| {
        let request = HttpRequest { method, path, content_type, body: br#"{"type":"meta"}"# };
        let (peer, now) = (super::world::PEER, world.now);
        world.hub.http(now, peer, HttpId(1 << 40), &request);
        let out = world.run(botmm_pipeline::types::Nanos::millis(1));
        out.iter().find_map(|sent| match sent {
            Outgoing::Reply(_, reply) => Some(reply.status),
            _ => None,
        })
    };
    assert_eq!(status("POST", "/info", Some("application/json; charset=utf-8")), Some(200));
    assert_eq!(status("POST", "/info", Some("Application/JSON")), Some(200));
    assert_eq!(status("POST", "/info", Some("text/plain")), Some(415));
    assert_eq!(status("POST", "/info", None), Some(415));
    assert_eq!(status("GET", "/info", Some("application/json")), Some(405));
    assert_eq!(status("POST", "/", Some("application/json")), Some(404));
}

#[test]
fn questions_about_the_market() {
    let mut world = World::new(HubConfig::default());
    for body in
        [r#"{"type":"meta"}"#, r#"{"type":"meta","dex":""}"#, r#"{"type":"meta","dex":null}"#]
    {
        let meta = world.info(body);
        assert_eq!(keys(&meta), ["collateralToken", "marginTables", "universe"]);
        assert_eq!(meta["collateralToken"], 0);
        let btc = json!({"szDecimals": 5, "name": "BTC", "maxLeverage": 40, "marginTableId": 40});
        assert_eq!(meta["universe"][0], btc);
        assert_eq!(meta["universe"][2]["isDelisted"], true, "an index not traded here");
        assert_eq!(meta["universe"][3]["name"], "kPEPE", "found by its index");
        let table = json!([40, {"description": "", "marginTiers": [{"lowerBound": "0.0", "maxLeverage": 40}]}]);
        assert_eq!(meta["marginTables"][0], table);
    }
    let both = world.info(r#"{"type":"metaAndAssetCtxs"}"#);
    assert_eq!(both[0]["universe"].as_array().unwrap().len(), 4);
    assert_eq!(both[1].as_array().unwrap().len(), 4);
    assert_eq!(keys(&both[1][0]), CTX);
    assert_eq!(keys(&both[1][2]), CTX);
    assert_eq!(world.info(r#"{"type":"perpDexs"}"#), json!([null]));
    assert_eq!(world.info(r#"{"type":"allPerpMetas"}"#)[0], both[0]);
    let spot = world.info(r#"{"type":"spotMeta"}"#);
    assert_eq!((&spot["universe"], &spot["tokens"][0]["name"]), (&json!([]), &json!("USDC")));
    assert_eq!(world.info(r#"{"type":"spotMetaAndAssetCtxs"}"#), json!([spot, []]));
    assert_eq!(keys(&world.info(r#"{"type":"allMids","dex":""}"#)), ["BTC", "ETH", "kPEPE"]);
    assert_eq!(world.info(r#"{"type":"l2Book","coin":"NOPE"}"#), Value::Null);
    assert_eq!(world.info(r#"{"type":"recentTrades","coin":"NOPE"}"#), Value::Null);
    let status = world.info(r#"{"type":"exchangeStatus"}"#);
    assert_eq!(keys(&status), ["specialStatuses", "time"]);
    let predicted = world.info(r#"{"type":"predictedFundings"}"#);
    assert_eq!((&predicted[0][0], &predicted[0][1][0][0]), (&json!("BTC"), &json!("HlPerp")));
    let next = predicted[0][1][0][1]["nextFundingTime"].as_i64().unwrap();
    assert_eq!(next % 3_600_000, 0);
    assert!(next > status["time"].as_i64().unwrap());
}

const CTX: [&str; 10] = [
    "dayBaseVlm",
    "dayNtlVlm",
    "funding",
    "impactPxs",
    "markPx",
    "midPx",
    "openInterest",
    "oraclePx",
    "premium",
    "prevDayPx",
];

#[test]
fn books_and_candles() {
    let mut world = World::new(HubConfig::default());
    let now = world.now.as_millis();
    let book = world.info(r#"{"type":"l2Book","coin":"BTC"}"#);
    assert_eq!(keys(&book), ["coin", "levels", "time"]);
    assert!((book["time"].as_i64().unwrap() - now).abs() < 1000);
    for side in 0..2 {
        let levels = book["levels"][side].as_array().unwrap();
        assert_eq!(levels.len(), 20);
        assert_eq!(keys(&levels[0]), ["n", "px", "sz"]);
        let px = |i: usize| levels[i]["px"].as_str().unwrap().parse::<f64>().unwrap();
        assert_eq!(px(0) > px(1), side == 0, "best first");
    }
    let coarse = world.info(r#"{"type":"l2Book","coin":"BTC","nSigFigs":2,"mantissa":null}"#);
    assert!(coarse["levels"][0].as_array().unwrap().len() < 20, "levels are merged");
    for interval in
        ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "8h", "12h", "1d", "3d", "1w", "1M"]
    {
        let ask = |times: &str| {
            format!(
                r#"{{"type":"candleSnapshot","req":{{"coin":"BTC","interval":"{interval}",{times}}}}}"#
            )
        };
        world.run(botmm_pipeline::types::Nanos::secs(1));
        let all =
            world.info(&ask(&format!(r#""startTime":0,"endTime":{}"#, world.now.as_millis())));
        assert!(all.as_array().is_some());
        for odd in [
            r#""startTime":18446744073709551615"#,
            r#""startTime":0,"endTime":18446744073709551615"#,
            r#""startTime":5,"endTime":3"#,
            r#""startTime":0,"endTime":0"#,
        ] {
            assert!(world.info(&ask(odd)).is_array(), "{interval} {odd}");
        }
    }
    assert_eq!(
        world.info(
            r#"{"type":"candleSnapshot","req":{"coin":"NOPE","interval":"1m","startTime":0}}"#
        ),
        json!([])
    );
}

#[test]
fn questions_about_nobody() {
    let mut world = World::new(HubConfig::default());
    let mut ask = |kind: &str, more: &str| {
        world.info(&format!(r#"{{"type":"{kind}","user":"{MIXED}"{more}}}"#))
    };
    for kind in [
        "openOrders",
        "frontendOpenOrders",
        "historicalOrders",
        "userFills",
        "extraAgents",
        "userVaultEquities",
        "delegations",
        "delegatorHistory",
        "delegatorRewards",
        "twapHistory",
        "userTwapSliceFills",
        "leadingVaults",
    ] {
        assert_eq!(ask(kind, ""), json!([]), "{kind}");
    }
    for kind in [
        "userFillsByTime",
        "userFunding",
        "userNonFundingLedgerUpdates",
        "userTwapSliceFillsByTime",
    ] {
        for more in ["", r#","endTime":null"#, r#","endTime":9"#, r#","aggregateByTime":false"#] {
            assert_eq!(ask(kind, &format!(r#","startTime":0{more}"#)), json!([]), "{kind}");
        }
    }
    let state = ask("clearinghouseState", r#","dex":"""#);
    let expected = [
        "assetPositions",
        "crossMaintenanceMarginUsed",
        "crossMarginSummary",
        "marginSummary",
        "time",
        "withdrawable",
    ];
    assert_eq!(keys(&state), expected);
    assert_eq!(state["marginSummary"]["accountValue"], "0.0");
    assert_eq!(ask("orderStatus", r#","oid":5"#), json!({"status": "unknownOid"}));
    let cloid = format!(r#","oid":"0x{}""#, "1".repeat(32));
    assert_eq!(ask("orderStatus", &cloid), json!({"status": "unknownOid"}));
    assert_eq!(ask("userRole", ""), json!({"role": "missing"}));
    assert_eq!(ask("userAbstraction", ""), "disabled");
    assert_eq!(ask("subAccounts", ""), Value::Null);
    assert_eq!(ask("spotClearinghouseState", ""), json!({"balances": []}));
    let limit = ask("userRateLimit", "");
    assert_eq!(keys(&limit), ["cumVlm", "nRequestsCap", "nRequestsSurplus", "nRequestsUsed"]);
    assert_eq!(limit["cumVlm"], "0.0");
    let fees = ask("userFees", "");
    for key in ["userCrossRate", "userAddRate", "activeReferralDiscount"] {
        assert!(fees[key].is_string(), "{key}");
    }
    assert_eq!(fees["feeSchedule"]["cross"], "0.00045");
    assert_eq!(fees["feeSchedule"]["tiers"]["vip"][0]["ntlCutoff"], "5000000.0");
    let data = ask("activeAssetData", r#","coin":"BTC""#);
    assert_eq!(
        keys(&data),
        ["availableToTrade", "coin", "leverage", "markPx", "maxTradeSzs", "user"]
    );
    assert_eq!(data["user"], USER, "lower case");
    assert_eq!(ask("activeAssetData", r#","coin":"NOPE""#), Value::Null);
    let portfolio = ask("portfolio", "");
    assert_eq!(portfolio[3][0], "allTime");
    assert_eq!(keys(&portfolio[0][1]), ["accountValueHistory", "pnlHistory", "vlm"]);
    assert_eq!(ask("referral", "")["referredBy"], Value::Null);
    assert_eq!(ask("maxBuilderFee", &format!(r#","builder":"{USER}""#)), 0);
    assert_eq!(ask("delegatorSummary", "")["nPendingWithdrawals"], 0);
    for body in [
        r#"{"type":"outcomeMeta"}"#,
        r#"{"type":"perpsAtOpenInterestCap"}"#,
        r#"{"type":"vaultSummaries"}"#,
        r#"{"type":"maxMarketOrderNtls"}"#,
        r#"{"type":"marginTable","id":40}"#,
        r#"{"type":"fundingHistory","coin":"BTC","startTime":0}"#,
        r#"{"type":"fundingHistory","coin":"NOPE","startTime":0,"endTime":5}"#,
    ] {
        assert!(!world.info(body).is_null(), "{body}");
    }
}

#[test]
fn deposits_are_in_the_ledger() {
    let mut world = World::funded(HubConfig::default());
    world.hub.venue_mut().fund(super::world::user(), botmm_pipeline::types::Usd::whole(5));
    let ask = |world: &mut World, more: &str| {
        world.info(&format!(r#"{{"type":"userNonFundingLedgerUpdates","user":"{USER}"{more}}}"#))
    };
    let all = ask(&mut world, r#","startTime":0,"endTime":null"#);
    let delta = |usdc: &str| json!({"type": "deposit", "usdc": usdc});
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!((&all[0]["delta"], &all[1]["delta"]), (&delta("100000.0"), &delta("5.0")));
    assert_eq!(keys(&all[0]), ["delta", "hash", "time"]);
    assert_ne!(all[0]["hash"], all[1]["hash"]);
    let second = all[1]["time"].as_u64().unwrap();
    assert_eq!(ask(&mut world, &format!(r#","startTime":{second}"#)), json!([all[1]]));
}
