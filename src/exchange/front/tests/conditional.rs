//! Trigger and TWAP orders through the whole front: what their owner is shown and told.

use super::world::{USER, World, frames, of_channel, user};
use crate::exchange::front::HubConfig;
use crate::exchange::model::{
    Command, Grouping, NewOrder, NewTwap, Signed, Ticket, Tif, TpSl, Trigger,
};
use botmm_pipeline::types::{Nanos, Px, Qty, Side};
use serde_json::{Value, json};

/// Somebody has signed this: it is in the next block.
fn submit(world: &mut World, command: Command) {
    let now = world.now;
    let nonce = u64::try_from(now.as_millis()).unwrap();
    let action = Signed {
        ticket: Ticket(nonce),
        signer: user(),
        user_signed: false,
        command,
        nonce,
        vault: None,
        expires_after_ms: None,
    };
    world.hub.venue_mut().submit(now, action);
}

fn subscribed(world: &mut World, kinds: &[&str]) -> crate::exchange::ConnId {
    let conn = world.open(77);
    for kind in kinds {
        let subscription = json!({ "type": kind, "user": USER });
        world.send(
            conn,
            &json!({ "method": "subscribe", "subscription": subscription }).to_string(),
        );
    }
    conn
}

fn mark(world: &mut World) -> i64 {
    let ctxs = world.info(r#"{"type":"metaAndAssetCtxs"}"#);
    Px::parse(ctxs[1][0]["markPx"].as_str().unwrap()).unwrap().raw() / 100_000_000
}

fn order(px: i64, trigger: Option<(TpSl, i64)>) -> NewOrder {
    let is_child = trigger.is_some();
    let trigger = trigger.map(|(tpsl, px)| Trigger { px: Px::whole(px), is_market: true, tpsl });
    NewOrder {
        asset: 0,
        side: if is_child { Side::Ask } else { Side::Bid },
        px: Some(Px::whole(px)),
        qty: Qty::parse("0.01").ok(),
        reduce_only: is_child,
        tif: (!is_child).then_some(Tif::Gtc),
        trigger,
        cloid: None,
        builder: None,
    }
}

#[test]
fn a_family_is_shown_and_told() {
    let mut world = World::funded(HubConfig::default());
    let conn = subscribed(&mut world, &["orderUpdates", "openOrders", "userEvents"]);
    let now = mark(&mut world);
    let family = vec![
        order(now * 95 / 100, None),
        order(now * 90 / 100, Some((TpSl::TakeProfit, now * 2))),
        order(now * 90 / 100, Some((TpSl::StopLoss, now / 2))),
    ];
    submit(&mut world, Command::Grouped(Grouping::NormalTpsl, family));
    let told = frames(&world.run(Nanos::secs(1)), conn);
    let updates = all(&of_channel(&told, "orderUpdates"));
    assert_eq!(updates.len(), 3, "{updates:?}");
    assert!(updates.iter().all(|u| u["status"] == "open"));
    let shown = of_channel(&told, "openOrders").last().unwrap()["orders"].clone();
    let (parent, children) = (&shown[0], shown[0]["children"].as_array().unwrap().clone());
    assert_eq!((&parent["isTrigger"], &parent["triggerCondition"]), (&json!(false), &json!("N/A")));
    assert_eq!(children, [shown[1].clone(), shown[2].clone()], "each is an order of its own too");
    let kinds: Vec<&Value> = children.iter().map(|c| &c["orderType"]).collect();
    assert_eq!(kinds, ["Take Profit Market", "Stop Market"]);
    let asked = |world: &mut World, kind: &str| {
        world.info(&json!({ "type": kind, "user": USER }).to_string())
    };
    assert_eq!(asked(&mut world, "frontendOpenOrders"), shown);
    assert_eq!(asked(&mut world, "openOrders").as_array().unwrap().len(), 3);
    let oid = &parent["oid"];
    let status =
        world.info(&json!({ "type": "orderStatus", "user": USER, "oid": oid }).to_string());
    assert_eq!(status["order"]["order"]["children"].as_array().unwrap().len(), 2);

    let id = botmm_pipeline::types::Oid(oid.as_u64().unwrap());
    let cancel = vec![(0, botmm_pipeline::venue::hl::sign::OrderRef::Oid(id))];
    submit(&mut world, Command::Cancel(cancel));
    let told = frames(&world.run(Nanos::secs(1)), conn);
    let updates = all(&of_channel(&told, "orderUpdates"));
    let words: Vec<&Value> = updates.iter().map(|u| &u["status"]).collect();
    assert_eq!(words, ["canceled"; 3]);
    assert_eq!(asked(&mut world, "frontendOpenOrders"), json!([]));
}

#[test]
fn a_twap_is_shown_and_told() {
    let mut world = World::funded(HubConfig::default());
    let kinds = ["twapStates", "userTwapHistory", "userTwapSliceFills"];
    let conn = subscribed(&mut world, &kinds);
    let qty = Qty::parse("0.1").ok();
    let (side, reduce_only, randomize) = (Side::Bid, false, false);
    submit(
        &mut world,
        Command::TwapOrder(NewTwap { asset: 0, side, qty, reduce_only, minutes: 5, randomize }),
    );
    let told = frames(&world.run(Nanos::secs(35)), conn);
    let slices = of_channel(&told, "userTwapSliceFills");
    let fill = &slices[0]["twapSliceFills"][0];
    assert_eq!((&fill["twapId"], &fill["fill"]["twapId"]), (&json!(1), &json!(1)));
    assert_eq!(fill["fill"]["hash"], format!("0x{}", "0".repeat(64)));
    let states = of_channel(&told, "twapStates");
    let state = &states.last().unwrap()["states"][0];
    assert_eq!((&state[0], &state[1]["sz"]), (&json!(1), &json!("0.1")));
    assert_eq!((&state[1]["executedSz"], &state[1]["minutes"]), (&json!("0.02"), &json!(5)));
    let history = &of_channel(&told, "userTwapHistory")[0]["history"][0];
    assert_eq!(
        (&history["status"]["status"], &history["twapId"]),
        (&json!("activated"), &json!(1))
    );

    submit(&mut world, Command::TwapCancel(0, 1));
    let told = frames(&world.run(Nanos::secs(1)), conn);
    assert_eq!(of_channel(&told, "twapStates").last().unwrap()["states"], json!([]));
    let asked = |world: &mut World, kind: &str| {
        world.info(&json!({ "type": kind, "user": USER }).to_string())
    };
    let history = asked(&mut world, "twapHistory");
    let words: Vec<&Value> =
        history.as_array().unwrap().iter().map(|c| &c["status"]["status"]).collect();
    assert_eq!(words, ["activated", "terminated"]);
    let first = asked(&mut world, "userTwapSliceFills").as_array().unwrap().last().cloned();
    assert_eq!(first.as_ref(), Some(fill), "newest first");
}

/// What frames with lists have in them.
fn all(lists: &[Value]) -> Vec<Value> {
    lists.iter().flat_map(|frame| frame.as_array().unwrap().clone()).collect()
}
