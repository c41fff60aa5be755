//! Orders through the whole front: answers, and what their owner is told.

use super::world::{USER, World, frames, keys, of_channel, user};
use crate::exchange::Host;
use crate::exchange::front::HubConfig;
use botmm_pipeline::types::{Cloid, Nanos, Oid, Px, Qty, Side};
use botmm_pipeline::venue::hl::sign::{TimeInForce, WireAction, WireCancel, WireOrder};
use serde_json::{Value, json};

fn order(world: &mut World, side: Side, offset_pct: i64, tif: TimeInForce) -> WireOrder {
    let book = world.info(r#"{"type":"l2Book","coin":"BTC"}"#);
    let own = usize::from(side == Side::Ask);
    let best = Px::parse(book["levels"][own][0]["px"].as_str().unwrap()).unwrap();
    let px = Px::from_raw(best.raw() / 100 * (100 + offset_pct) / 100_000_000 * 100_000_000);
    let cloid = Some(Cloid::from_u128(0xabc));
    WireOrder {
        asset: 0,
        side,
        px,
        qty: Qty::parse("0.01").unwrap(),
        reduce_only: false,
        tif,
        cloid,
    }
}

fn subscribe(world: &mut World, kinds: &[&str]) -> crate::exchange::ConnId {
    let conn = world.open(77);
    for kind in kinds {
        world.send(
            conn,
            &format!(
                r#"{{"method":"subscribe","subscription":{{"type":"{kind}","user":"{USER}"}}}}"#
            ),
        );
    }
    conn
}

/// Posts an action over the websocket and returns all frames of the next second.
fn post(world: &mut World, conn: crate::exchange::ConnId, action: &WireAction<'_>) -> Vec<String> {
    let body = String::from_utf8(world.signed(action)).unwrap();
    let text =
        format!(r#"{{"method":"post","id":8,"request":{{"type":"action","payload":{body}}}}}"#);
    world.hub.frame(world.now, conn, text.as_bytes());
    frames(&world.run(Nanos::secs(1)), conn)
}

#[test]
fn a_stranger_is_told_who_he_is() {
    let mut world = World::new(HubConfig::default());
    // Signed for testnet, as SDKs do off the mainnet's URL.
    let answer = world.act(&WireAction::Noop);
    assert_eq!(answer["status"], "err");
    assert_eq!(answer["response"], format!("User or API Wallet {USER} does not exist."));
    assert_eq!(world.info(&format!(r#"{{"type":"userRole","user":"{USER}"}}"#))["role"], "missing");
}

#[test]
fn an_order_rests_and_is_cancelled() {
    let mut world = World::funded(HubConfig::default());
    let state = world.info(&format!(r#"{{"type":"clearinghouseState","user":"{USER}"}}"#));
    assert_eq!(state["marginSummary"]["accountValue"], "100000.0");
    assert_eq!(
        world.info(&format!(r#"{{"type":"userRole","user":"{USER}"}}"#)),
        json!({"role": "user"})
    );

    let conn = subscribe(&mut world, &["orderUpdates", "openOrders", "userEvents", "userFills"]);
    let order = order(&mut world, Side::Bid, -5, TimeInForce::Alo);
    let sent = post(&mut world, conn, &WireAction::Order(&[order]));
    let answer = &of_channel(&sent, "post")[0];
    assert_eq!(answer["id"], 8);
    let payload = &answer["response"]["payload"];
    let oid = payload["response"]["data"]["statuses"][0]["resting"]["oid"].as_u64().unwrap();
    let cloid = Cloid::from_u128(0xabc).to_string();
    let statuses = json!([{"resting": {"oid": oid, "cloid": cloid}}]);
    let expected =
        json!({"status": "ok", "response": {"type": "order", "data": {"statuses": statuses}}});
    assert_eq!(payload, &expected);
    let updates = &of_channel(&sent, "orderUpdates")[0];
    assert_eq!((&updates[0]["status"], &updates[0]["order"]["oid"]), (&json!("open"), &json!(oid)));
    assert_eq!(of_channel(&sent, "openOrders").last().unwrap()["orders"][0]["oid"], oid);

    for kind in ["openOrders", "frontendOpenOrders"] {
        let orders = world.info(&format!(r#"{{"type":"{kind}","user":"{USER}"}}"#));
        assert_eq!((&orders[0]["oid"], &orders[0]["cloid"]), (&json!(oid), &json!(cloid)));
        assert_eq!((&orders[0]["side"], &orders[0]["origSz"]), (&json!("B"), &json!("0.01")));
    }
    for id in [oid.to_string(), format!("{cloid:?}")] {
        let status = world.info(&format!(r#"{{"type":"orderStatus","user":"{USER}","oid":{id}}}"#));
        assert_eq!(
            (&status["status"], &status["order"]["status"]),
            (&json!("order"), &json!("open"))
        );
    }

    let cancel = [WireCancel { asset: 0, id: Oid(oid) }];
    let answer = world.act(&WireAction::Cancel { cancels: &cancel, fast: true });
    let statuses = json!({"statuses": ["success"]});
    assert_eq!(answer, json!({"status": "ok", "response": {"type": "cancel", "data": statuses}}));
    let answer = world.act(&WireAction::Cancel { cancels: &cancel, fast: true });
    let error = "Order was never placed, already canceled, or filled. asset=0";
    assert_eq!(answer["response"]["data"]["statuses"][0]["error"], error);
    let history = world.info(&format!(r#"{{"type":"historicalOrders","user":"{USER}"}}"#));
    let words: Vec<&Value> = history.as_array().unwrap().iter().map(|o| &o["status"]).collect();
    assert_eq!(words, ["canceled", "open"], "newest first");
}

#[test]
fn a_taker_is_filled_and_told() {
    let mut world = World::funded(HubConfig::default());
    let kinds = ["orderUpdates", "userEvents", "userFills", "clearinghouseState"];
    let conn = subscribe(&mut world, &kinds);
    let order = order(&mut world, Side::Bid, 5, TimeInForce::Ioc);
    let sent = post(&mut world, conn, &WireAction::Order(&[order]));
    let payload = &of_channel(&sent, "post")[0]["response"]["payload"];
    let filled = &payload["response"]["data"]["statuses"][0]["filled"];
    assert_eq!(keys(filled), ["avgPx", "cloid", "oid", "totalSz"], "{payload}");
    assert_eq!(filled["totalSz"], "0.01");
    let events = of_channel(&sent, "user");
    let fill = &events[0]["fills"][0];
    let expected = [
        "cloid",
        "closedPnl",
        "coin",
        "crossed",
        "dir",
        "fee",
        "feeToken",
        "hash",
        "oid",
        "px",
        "side",
        "startPosition",
        "sz",
        "tid",
        "time",
        "twapId",
    ];
    assert_eq!(keys(fill), expected);
    assert_eq!((&fill["dir"], &fill["crossed"]), (&json!("Open Long"), &json!(true)));
    let fills = &of_channel(&sent, "userFills")[0];
    assert_eq!(keys(fills), ["fills", "user"], "no isSnapshot after the first");
    assert_eq!(fills["fills"], events[0]["fills"]);
    let updates = of_channel(&sent, "orderUpdates");
    assert_eq!(updates[0].as_array().unwrap().last().unwrap()["status"], "filled");
    let state = of_channel(&sent, "clearinghouseState").pop().unwrap();
    let position = &state["clearinghouseState"]["assetPositions"][0]["position"];
    assert_eq!((&position["coin"], &position["szi"]), (&json!("BTC"), &json!("0.01")));

    let by_time =
        format!(r#"{{"type":"userFillsByTime","user":"{USER}","startTime":0,"endTime":null}}"#);
    assert_eq!(world.info(&by_time)[0], *fill);
    assert_eq!(
        world.info(&format!(r#"{{"type":"userFills","user":"{USER}"}}"#))[0]["oid"],
        fill["oid"]
    );
    let volume = world.info(&format!(r#"{{"type":"userRateLimit","user":"{USER}"}}"#));
    assert_ne!(volume["cumVlm"], "0.0");
    assert_eq!(
        world.hub.venue().fills(&user()).len(),
        world.info(&by_time).as_array().unwrap().len()
    );
}

#[test]
fn errors_of_items_name_their_assets() {
    let mut world = World::funded(HubConfig::default());
    let crossing = order(&mut world, Side::Bid, 5, TimeInForce::Alo);
    let small = WireOrder { qty: Qty::parse("0.00001").unwrap(), cloid: None, ..crossing };
    let answer = world.act(&WireAction::Order(&[crossing, small]));
    let statuses = &answer["response"]["data"]["statuses"];
    let text = statuses[0]["error"].as_str().unwrap();
    assert!(text.starts_with("Post only order would have immediately matched, bbo was "), "{text}");
    assert!(text.ends_with(". asset=0"), "{text}");
    assert_eq!(statuses[1]["error"], "Order must have minimum value of $10. asset=0");
}

#[test]
fn a_request_is_used_once() {
    let mut world = World::funded(HubConfig::default());
    let body = world.signed(&WireAction::Noop);
    let first = world.http("/exchange", &body);
    assert_eq!(first.body, br#"{"status":"ok","response":{"type":"default"}}"#);
    let again = String::from_utf8(world.http("/exchange", &body).body).unwrap();
    assert!(
        again.starts_with(r#"{"status":"err","response":"Invalid nonce: duplicate nonce "#),
        "{again}"
    );
}
