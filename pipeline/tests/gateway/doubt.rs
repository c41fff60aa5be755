//! Lost answers, lost updates, frames that cannot be read: what is not known is found out.

use crate::orders::{ack, done, reject, whole};
use crate::tiny_venue::rig::{Rig, action, order, under};
use botmm_pipeline::types::AlertKind;
use botmm_pipeline::types::{
    ActionKind, Cloid, DoneWhy, Inquiry, Nanos, Oid, OrderRequest, Qty, Reject, RejectReason, Side,
    VenueEventKind,
};
use botmm_pipeline::venue::Gateway;

fn inquiry(rig: &Rig, item: &OrderRequest, old: u64, current: u64) -> Inquiry {
    let (old, current) = (Oid(old), Oid(current));
    let void_after = rig.now + Nanos::secs(3);
    Inquiry { cloid: item.cloid, asset: item.asset, old, current, void_after }
}

/// An order was sent, and nothing was heard of it. `reaches`: it came to be.
fn in_doubt(reaches: bool) -> (Rig, OrderRequest) {
    let mut rig = Rig::up();
    let bid = order(1, Side::Bid, "98", "1");
    let losses = if reaches { &mut rig.lose_said } else { &mut rig.lose_sent };
    losses.extend([r#""type":"order""#, "orderUpdates"]);
    rig.submit(&action(rig.now, ActionKind::Place, &[bid]));
    rig.run(Nanos::millis(100));
    assert_eq!(rig.told(), []);
    (rig.lose_said, rig.lose_sent) = Default::default();
    (rig, bid)
}

#[test]
fn an_order_whose_answer_was_lost_is_found_by_our_id() {
    let (mut rig, bid) = in_doubt(true);
    let asked = inquiry(&rig, &bid, 0, 0);
    rig.gateway.inquire(rig.now, &asked);
    rig.gateway.inquire(rig.now, &asked);
    rig.run(Nanos::millis(100));
    let oid = rig.venue.orders[0].oid;
    assert_eq!(rig.told(), [(bid.cloid, ack(oid, "1"))]);
    assert_eq!(rig.sent_with("orderStatus"), 1, "asked once");
    assert_eq!(rig.sent_with(&format!(r#""oid":"{}""#, bid.cloid)), 1);
    // Known by the venue's id it is asked for by that; it has ended with something left.
    rig.lose_said.push("orderUpdates");
    rig.fill(oid, "0.25");
    rig.venue.end(rig.now, oid, "marginCanceled");
    rig.gateway.inquire(rig.now, &inquiry(&rig, &bid, 0, oid));
    rig.run(Nanos::millis(100));
    let kinds = rig.kinds();
    assert!(matches!(kinds[0], VenueEventKind::Fill(_)));
    assert_eq!(kinds[1..], [done(oid, "0.75", DoneWhy::Margin)]);
}

#[test]
fn an_order_that_never_arrived_is_void_in_time_and_not_before() {
    let (mut rig, bid) = in_doubt(false);
    let asked = inquiry(&rig, &bid, 0, 0);
    rig.gateway.inquire(rig.now, &asked);
    rig.run(Nanos::millis(3_900));
    assert_eq!(rig.told(), [], "it might still arrive");
    rig.run(Nanos::secs(2));
    let expired = reject(ActionKind::Place, RejectReason::Expired);
    assert_eq!(rig.told(), [(bid.cloid, expired)]);
    let asked = rig.sent_with("orderStatus");
    assert!((4..=6).contains(&asked), "asked each second: {asked}");
    rig.run(Nanos::secs(9));
    assert_eq!(rig.sent_with("orderStatus"), asked, "and no more");
}

#[test]
fn an_order_that_was_refused_is_told_so() {
    let mut rig = Rig::up();
    let bid = order(1, Side::Bid, "101", "1");
    rig.lose_said = vec![r#""channel":"post""#];
    rig.submit(&action(rig.now, ActionKind::Place, &[bid]));
    rig.run(Nanos::millis(100));
    assert_eq!(rig.told(), [], "a refusal is told by its answer alone");
    rig.lose_said.clear();
    rig.gateway.inquire(rig.now, &inquiry(&rig, &bid, 0, 0));
    rig.run(Nanos::millis(100));
    let kind = reject(ActionKind::Place, RejectReason::BadAloPx);
    assert_eq!(rig.told(), [(bid.cloid, kind)]);
}

#[test]
fn a_modify_in_doubt_is_told_leg_by_leg() {
    for reaches in [true, false] {
        let (mut rig, bid, old) = Rig::with_bid();
        let losses = if reaches { &mut rig.lose_said } else { &mut rig.lose_sent };
        losses.extend([r#""type":"order""#, r#""batchModify""#, "orderUpdates"]);
        rig.submit(&action(rig.now, ActionKind::Modify, &[under(old, bid)]));
        rig.run(Nanos::millis(100));
        (rig.lose_said, rig.lose_sent) = Default::default();
        rig.gateway.inquire(rig.now, &inquiry(&rig, &bid, old, 0));
        rig.run(Nanos::secs(6));
        let told = rig.kinds();
        if reaches {
            let new = rig.venue.orders[1].oid;
            assert_eq!(told, [ack(new, "1"), done(old, "1", DoneWhy::Canceled)]);
        } else {
            let expired = reject(ActionKind::Modify, RejectReason::Expired);
            assert_eq!(told, [expired, ack(old, "1")]);
        }
    }
}

/// The questions themselves are lost, or their answers come after they were put again.
#[test]
fn questions_are_put_again_until_they_are_answered() {
    let (mut rig, bid) = in_doubt(true);
    rig.lose_said.push("orderStatus");
    rig.gateway.inquire(rig.now, &inquiry(&rig, &bid, 0, 0));
    rig.run(Nanos::secs(14));
    assert!(rig.sent_with("orderStatus") >= 3);
    assert_eq!(
        rig.kinds(),
        [VenueEventKind::LinkDown],
        "a venue that does not answer is not there"
    );
    rig.lose_said.clear();
    rig.run(Nanos::secs(8));
    assert_eq!(rig.kinds()[0], ack(rig.venue.orders[0].oid, "1"));
    assert!(rig.view().is_up);
}

#[test]
fn nothing_may_be_asked_for_a_while_and_then_it_is() {
    let (mut rig, bid) = in_doubt(true);
    rig.venue.fail_next = Some("429 Too Many Requests".to_owned());
    rig.submit(&action(rig.now, ActionKind::Cancel, &[order(9, Side::Ask, "102", "1")]));
    rig.run(Nanos::millis(100));
    rig.gateway.inquire(rig.now, &inquiry(&rig, &bid, 0, 0));
    rig.run(Nanos::secs(9));
    assert_eq!(rig.sent_with("orderStatus"), 0);
    rig.run(Nanos::secs(2));
    assert_eq!(rig.sent_with("orderStatus"), 1);
}

#[test]
fn a_lost_update_is_found_by_the_minutes_audit() {
    let (mut rig, bid, oid) = Rig::with_bid();
    rig.venue.end(rig.now, oid, "marginCanceled"); // And nobody says so.
    rig.run(Nanos::secs(62));
    let told = rig.told();
    assert!(told.contains(&(bid.cloid, done(oid, "1", DoneWhy::Margin))), "{told:?}");
    assert!(rig.view().is_up);
}

/// This server of the venue does not know the order yet: that says nothing, and is asked again.
#[test]
fn an_order_that_one_server_does_not_know_is_asked_for_again() {
    let (mut rig, bid, oid) = Rig::with_bid();
    let order = rig.venue.orders.remove(0);
    rig.run(Nanos::secs(62));
    assert!(rig.sent_with("orderStatus") >= 2);
    rig.venue.orders.push(order);
    rig.venue.end(rig.now, oid, "canceled");
    rig.run(Nanos::secs(3));
    assert!(rig.told().contains(&(bid.cloid, done(oid, "1", DoneWhy::Canceled))));
}

#[test]
fn an_order_that_nobody_knows_is_cancelled() {
    let mut rig = Rig::up();
    let (px, qty) = (botmm_pipeline::types::Px::whole(90), Qty::whole(1));
    let cloid = Some(Cloid::new(7, 3, 77));
    let stray = rig.venue.add(rig.now, 1, Side::Bid, px, qty, cloid, "open");
    rig.run(Nanos::secs(62));
    assert_eq!(rig.venue.order(stray).status, "canceled");
    assert_eq!(rig.notices(AlertKind::Leftovers), 1);
    assert!(rig.view().is_up);
}

#[test]
fn a_frame_that_cannot_be_read_causes_an_audit_at_once() {
    let mut rig = Rig::up();
    let asked =
        |rig: &Rig| (rig.sent_with("clearinghouseState"), rig.sent_with("frontendOpenOrders"));
    let before = asked(&rig);
    for garbage in ["{", r#"{"channel":"userFills","data":{"fills":[{"coin":"BTC","px":"x"}]}}"#] {
        rig.say(garbage);
    }
    rig.say("Websocket connection established.");
    rig.say(r#"{"channel":"newThing","data":[1,2,3]}"#);
    rig.run(Nanos::secs(1));
    assert_eq!(rig.notices(AlertKind::BadFrame), 2);
    let after = asked(&rig);
    assert_eq!((after.0 - before.0, after.1 - before.1), (1, 1));
    assert!(rig.view().is_up);
}

#[test]
fn an_audit_whose_answer_is_lost_is_asked_for_again() {
    let mut rig = Rig::up();
    rig.lose_said.push("frontendOpenOrders");
    rig.run(Nanos::secs(72));
    assert!(rig.sent_with("frontendOpenOrders") >= 3, "one at the start, then again and again");
    assert!(!rig.view().is_up, "a venue that does not answer is not there");
    rig.lose_said.clear();
    rig.run(Nanos::secs(10));
    assert!(rig.view().is_up);
}

#[test]
fn complaints_of_the_channel_are_answers_too() {
    let mut rig = Rig::up();
    let items = [order(1, Side::Bid, "98", "1"), order(2, Side::Ask, "102", "2")];
    for (words, reason) in [
        (
            r#"Error parsing JSON into valid websocket request: {\"method\":\"post\",\"id\":ID,\"request\":{}}"#,
            RejectReason::Other,
        ),
        ("too many pending post requests id=ID", RejectReason::RateLimit),
    ] {
        rig.lose_sent = vec![r#""type":"order""#];
        rig.submit(&action(rig.now, ActionKind::Place, &items));
        rig.run(Nanos::millis(50));
        let id = rig.sent.last().unwrap().split([':', ',']).nth(3).unwrap().to_owned();
        rig.say(&format!(r#"{{"channel":"error","data":"{}"}}"#, words.replace("ID", &id)));
        rig.run(Nanos::millis(50));
        let told = rig.told();
        assert_eq!(told, whole(&items, Reject::new(ActionKind::Place, reason)));
    }
    // The others are told in the venue's words, each once however many streams it concerns.
    for words in ["Cannot track more than 10 total users.", "Invalid subscription {}"] {
        for _ in 0..4 {
            rig.say(&format!(r#"{{"channel":"error","data":"{words}"}}"#));
        }
        rig.run(Nanos::millis(50));
        assert_eq!(rig.kinds(), [VenueEventKind::Notice(AlertKind::Complaint)]);
        assert_eq!(rig.view().text.as_str(), words);
    }
}

/// The venue says on another channel that it cancelled an order, and no update tells of it.
#[test]
fn an_order_that_the_venue_cancelled_is_asked_about() {
    let (mut rig, bid, oid) = Rig::with_bid();
    rig.venue.end(rig.now, oid, "liquidatedCanceled");
    rig.say(&format!(
        r#"{{"channel":"user","data":{{"nonUserCancel":[{{"coin":"BTC","oid":{oid}}},{{"coin":"BTC","oid":7}}]}}}}"#
    ));
    rig.run(Nanos::millis(200));
    assert_eq!(rig.told(), [(bid.cloid, done(oid, "1", DoneWhy::Liquidated))]);
    assert_eq!(rig.sent_with("orderStatus"), 1);
}
