//! Actions and their answers.

use crate::tiny_venue::ACCOUNT;
use crate::tiny_venue::rig::{Rig, action, order, under};
use botmm_pipeline::types::AlertKind;
use botmm_pipeline::types::{
    ActionKind, Cloid, Done, DoneWhy, Nanos, Oid, OrderRequest, Px, Qty, Reject, RejectReason,
    Side, VenueEventKind,
};
use botmm_pipeline::venue::Gateway;
use botmm_pipeline::venue::hl::sign::Address;

pub fn ack(oid: u64, leaves: &str) -> VenueEventKind {
    VenueEventKind::Ack { oid: Oid(oid), leaves: Qty::parse(leaves).unwrap() }
}
pub fn done(oid: u64, leaves: &str, why: DoneWhy) -> VenueEventKind {
    let leaves = Qty::parse(leaves).unwrap();
    VenueEventKind::Done(Done { oid: Oid(oid), leaves, why, _pad: [0; 7] })
}
pub fn reject(of: ActionKind, reason: RejectReason) -> VenueEventKind {
    VenueEventKind::Reject(Reject::new(of, reason))
}

#[test]
fn actions_are_signed_posts_of_ours_with_growing_nonces() {
    let mut rig = Rig::up();
    let (bid, ask) = (order(1, Side::Bid, "98.5", "0.25"), order(2, Side::Ask, "102", "1"));
    let place = action(rig.now, ActionKind::Place, &[bid, ask]);
    rig.submit(&place);
    rig.submit(&action(rig.now, ActionKind::Cancel, &[ask]));
    rig.run(Nanos::millis(100));
    let [bid_oid, ask_oid] = [0, 1].map(|i| rig.venue.orders[i].oid);
    rig.submit(&action(rig.now, ActionKind::Modify, &[under(bid_oid, bid)]));
    rig.run(Nanos::millis(100));
    let modified = rig.venue.orders[2].oid;
    rig.submit(&action(rig.now, ActionKind::Cancel, &[under(modified, bid), under(ask_oid, ask)]));
    rig.run(Nanos::millis(100));
    let orders = format!(
        r#"{{"type":"order","orders":[{{"a":3,"b":true,"p":"98.5","s":"0.25","r":false,"t":{{"limit":{{"tif":"Alo"}}}},"c":"{}"}},{{"a":3,"b":false,"p":"102","s":"1","r":false,"t":{{"limit":{{"tif":"Alo"}}}},"c":"{}"}}],"grouping":"na"}}"#,
        bid.cloid, ask.cloid
    );
    let by_cloid = format!(
        r#"{{"type":"cancelByCloid","cancels":[{{"asset":3,"cloid":"{}"}}],"f":true}}"#,
        ask.cloid
    );
    let by_oid =
        format!(r#""cancels":[{{"a":3,"o":{modified}}},{{"a":3,"o":{ask_oid}}}],"f":true"#);
    let modify =
        format!(r#"{{"type":"batchModify","modifies":[{{"oid":{bid_oid},"order":{{"a":3,"#);
    for part in [orders, by_cloid, by_oid, modify] {
        assert_eq!(rig.sent_with(&part), 1, "{part} in {:#?}", rig.sent);
    }
    let seen = &rig.venue.seen;
    let account = Address::parse(ACCOUNT);
    assert!(seen.iter().all(|r| r.signer == account), "{seen:#?}");
    assert!(seen.windows(2).all(|w| w[0].nonce < w[1].nonce && w[0].id < w[1].id));
    let expiries: Vec<_> = seen.iter().map(|r| r.expires_after.is_some()).collect();
    assert_eq!(expiries, [true, false, true, false], "a late cancel is still wanted");
    assert_eq!(seen[0].expires_after, Some(place.expires_after.as_millis()));
    assert!(rig.venue.open().is_empty());
}

#[test]
fn each_item_of_a_mixed_batch_has_its_answer() {
    let mut rig = Rig::up();
    let (bid, ask) = (order(1, Side::Bid, "101", "1"), order(2, Side::Ask, "102", "2"));
    rig.lose_said.push("orderUpdates");
    rig.submit(&action(rig.now, ActionKind::Place, &[bid, ask]));
    rig.run(Nanos::millis(100));
    let crossing = VenueEventKind::Reject(Reject {
        best_bid: Px::whole(99),
        best_ask: Px::whole(101),
        ..Reject::new(ActionKind::Place, RejectReason::BadAloPx)
    });
    let oid = rig.venue.orders[1].oid;
    assert_eq!(rig.told(), [(bid.cloid, crossing), (ask.cloid, ack(oid, "2"))]);
    assert!(rig.view().text.as_str().starts_with("Post only order would have"));
    // Cancels: one of two is gone.
    let gone = under(569_000_000_000, bid);
    rig.submit(&action(rig.now, ActionKind::Cancel, &[gone, under(oid, ask)]));
    rig.run(Nanos::millis(100));
    let not_found = reject(ActionKind::Cancel, RejectReason::NotFound);
    assert_eq!(rig.told(), [(bid.cloid, not_found)], "a success is told by its update");
}

#[test]
fn one_error_for_a_whole_request_concerns_every_item() {
    let mut rig = Rig::up();
    let items = [order(1, Side::Bid, "98", "1"), order(2, Side::Ask, "102", "2")];
    for (words, reason) in [
        ("Price must be divisible by tick size.", RejectReason::Tick),
        ("Action already expired", RejectReason::Expired),
        (
            "Too many cumulative requests sent (37986 > 10436) for cumulative volume traded $437.92. Place taker orders to free up 1 request per USDC traded.",
            RejectReason::RateLimit,
        ),
    ] {
        rig.venue.refuse_next = Some(words.to_owned());
        rig.submit(&action(rig.now, ActionKind::Place, &items));
        rig.run(Nanos::millis(50));
        let told = rig.told();
        assert_eq!(told[..2], whole(&items, Reject::new(ActionKind::Place, reason)));
    }
    rig.run(Nanos::secs(1));
    let asked = rig.sent_with("userRateLimit");
    assert_eq!(asked, 2, "a spent budget is asked for at once");
}

/// PROTOCOL §3: a pre-validation error is told once, as a list of one.
#[test]
fn one_error_in_a_list_of_one_concerns_every_item_too() {
    let mut rig = Rig::up();
    let items = [order(1, Side::Bid, "98", "1"), order(2, Side::Ask, "102", "2")];
    rig.lose_sent.push(r#""type":"order""#);
    rig.submit(&action(rig.now, ActionKind::Place, &items));
    rig.run(Nanos::millis(50));
    let id = rig.sent.last().unwrap().split([':', ',']).nth(3).unwrap().to_owned();
    rig.say(&format!(
        r#"{{"channel":"post","data":{{"id":{id},"response":{{"type":"action","payload":{{"status":"ok","response":{{"type":"order","data":{{"statuses":[{{"error":"Price must be divisible by tick size. asset=3"}}]}}}}}}}}}}}}"#
    ));
    rig.run(Nanos::millis(50));
    let tick = Reject::new(ActionKind::Place, RejectReason::Tick);
    assert_eq!(rig.told(), whole(&items, tick));
}

/// A touch that is told once for a whole batch is every item's; and a batch of several faults is one
/// refused request.
#[test]
fn what_a_batch_was_refused_for_is_known_of_every_item() {
    let mut rig = Rig::up();
    let items = [order(1, Side::Bid, "98", "1"), order(2, Side::Ask, "102", "2")];
    let mut told = |statuses: &str| {
        rig.lose_sent = vec![r#""type":"order""#];
        rig.submit(&action(rig.now, ActionKind::Place, &items));
        rig.run(Nanos::millis(50));
        let id = rig.sent.last().unwrap().split([':', ',']).nth(3).unwrap().to_owned();
        rig.say(&format!(
            r#"{{"channel":"post","data":{{"id":{id},"response":{{"type":"action","payload":{{"status":"ok","response":{{"type":"order","data":{{"statuses":[{statuses}]}}}}}}}}}}}}"#
        ));
        rig.run(Nanos::millis(50));
        rig.told()
    };
    let crossed = r#"{"error":"Post only order would have immediately matched, bbo was 99@101."}"#;
    let (best_bid, best_ask) = (Px::whole(99), Px::whole(101));
    let alo = Reject::new(ActionKind::Place, RejectReason::BadAloPx);
    let alo = Reject { best_bid, best_ask, ..alo };
    assert_eq!(told(crossed), whole(&items, alo));
    let margin = r#"{"error":"Insufficient margin to place order. asset=3"}"#;
    let counted = |told: Vec<(Cloid, VenueEventKind)>| {
        let of = |(_, kind)| match kind {
            VenueEventKind::Reject(reject) => (reject.reason, reject.is_whole, reject.is_counted),
            other => panic!("{other:?}"),
        };
        told.into_iter().map(of).collect::<Vec<_>>()
    };
    let both = counted(told(&format!("{margin},{margin}")));
    assert_eq!(both, [(RejectReason::Margin, false, true), (RejectReason::Margin, false, false)]);
    let second = counted(told(&format!("{crossed},{margin}")));
    assert_eq!(second[1], (RejectReason::Margin, false, true), "the first is no fault");
}

/// All items of a batch that was refused as a whole: one fault.
pub fn whole(items: &[OrderRequest], reject: Reject) -> Vec<(Cloid, VenueEventKind)> {
    let of = |(i, item): (usize, &OrderRequest)| {
        let is_counted = reject.is_counted && i == 0;
        let reject = Reject { is_whole: true, is_counted, ..reject };
        (item.cloid, VenueEventKind::Reject(reject))
    };
    items.iter().enumerate().map(of).collect()
}

#[test]
fn a_nonce_used_twice_says_nothing_about_the_orders() {
    let mut rig = Rig::up();
    for words in ["Invalid nonce: duplicate nonce 5", "Invalid nonce: nonce too low 5 < 6"] {
        rig.venue.refuse_next = Some(words.to_owned());
        rig.submit(&action(rig.now, ActionKind::Place, &[order(1, Side::Bid, "98", "1")]));
        rig.run(Nanos::millis(100));
        assert_eq!(rig.told(), []);
        assert_eq!(rig.view().text.as_str(), words);
    }
}

#[test]
fn a_signature_that_the_venue_refuses_is_told_to_a_person() {
    for words in [
        "User or API Wallet 0x5d9a3d4f2a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d does not exist.",
        "Must deposit before performing actions. User: 0x5d9a3d4f2a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d",
    ] {
        let mut rig = Rig::up();
        rig.venue.refuse_next = Some(words.to_owned());
        let bid = order(1, Side::Bid, "98", "1");
        rig.submit(&action(rig.now, ActionKind::Place, &[bid]));
        rig.run(Nanos::millis(100));
        let refused = VenueEventKind::Notice(AlertKind::Refused);
        let other =
            Reject { is_whole: true, ..Reject::new(ActionKind::Place, RejectReason::Other) };
        let other = VenueEventKind::Reject(other);
        assert_eq!(rig.told(), [(Cloid::default(), refused), (bid.cloid, other)]);
        assert!(words.starts_with(rig.view().text.as_str()));
        // Once, until the venue takes one again.
        rig.venue.refuse_next = Some(words.to_owned());
        rig.submit(&action(rig.now, ActionKind::Place, &[bid]));
        rig.run(Nanos::millis(100));
        assert_eq!(rig.told(), [(bid.cloid, other)]);
        rig.submit(&action(rig.now, ActionKind::Place, &[bid]));
        rig.run(Nanos::millis(100));
        rig.told();
        rig.venue.refuse_next = Some(words.to_owned());
        rig.submit(&action(rig.now, ActionKind::Place, &[order(2, Side::Bid, "97", "1")]));
        rig.run(Nanos::millis(100));
        assert_eq!(rig.notices(AlertKind::Refused), 1);
    }
}

#[test]
fn after_too_many_requests_only_cancels_pass() {
    let mut rig = Rig::up();
    let bid = order(1, Side::Bid, "98", "1");
    rig.venue.fail_next = Some("429 Too Many Requests".to_owned());
    rig.submit(&action(rig.now, ActionKind::Place, &[bid]));
    rig.run(Nanos::millis(100));
    assert_eq!(rig.kinds(), [VenueEventKind::Notice(AlertKind::Throttled)]);
    let place = action(rig.now, ActionKind::Place, &[bid]);
    assert!(!rig.gateway.submit(rig.now, &place));
    rig.submit(&action(rig.now, ActionKind::Cancel, &[bid]));
    // Audits fall due while nothing may be asked: they wait, and do not spin.
    rig.run(Nanos::millis(9_800));
    assert!(!rig.gateway.submit(rig.now, &place));
    rig.run(Nanos::millis(300));
    assert!(rig.gateway.submit(rig.now, &place));
    assert!(rig.view().is_up);
}

#[test]
fn answers_may_come_in_any_order() {
    let mut rig = Rig::up();
    let (bid, ask) = (order(1, Side::Bid, "98", "1"), order(2, Side::Ask, "102", "2"));
    rig.hold_said = vec![r#""channel":"post""#, "orderUpdates"];
    rig.submit(&action(rig.now, ActionKind::Place, &[bid]));
    rig.submit(&action(rig.now, ActionKind::Place, &[ask]));
    rig.run(Nanos::millis(100));
    assert_eq!(rig.held.len(), 4);
    rig.release();
    rig.run(Nanos::millis(100));
    let [bid_oid, ask_oid] = [0, 1].map(|i| rig.venue.orders[i].oid);
    let acks = [(ask.cloid, ack(ask_oid, "2")), (bid.cloid, ack(bid_oid, "1"))];
    assert_eq!(rig.told(), [acks[0], acks[0], acks[1], acks[1]]);
}

#[test]
fn a_modify_tells_of_both_orders() {
    let (mut rig, bid, old) = Rig::with_bid();
    let moved = under(old, order(1, Side::Bid, "97", "3"));
    rig.submit(&action(rig.now, ActionKind::Modify, &[moved]));
    rig.run(Nanos::millis(100));
    let new = rig.venue.orders[1].oid;
    let expected = [ack(new, "3"), ack(new, "3"), done(old, "1", DoneWhy::Canceled)];
    assert_eq!(rig.told(), expected.map(|kind| (bid.cloid, kind)));
    // And when the new one is refused.
    let crossing = under(new, order(1, Side::Bid, "101", "3"));
    rig.venue.cancels_before_modify = true;
    rig.submit(&action(rig.now, ActionKind::Modify, &[crossing]));
    rig.run(Nanos::millis(100));
    let kinds = rig.kinds();
    let VenueEventKind::Reject(refused) = kinds[0] else { panic!("{kinds:?}") };
    assert_eq!((refused.of, refused.reason), (ActionKind::Modify, RejectReason::BadAloPx));
    assert_eq!((refused.best_bid, refused.best_ask), (Px::whole(99), Px::whole(101)));
    assert_eq!(kinds[1..], [done(new, "3", DoneWhy::Canceled)]);
}

/// The answer to a place comes after the order was moved, and another slot's order took its place.
#[test]
fn a_late_answer_does_not_bring_a_former_order_back() {
    let mut rig = Rig::up();
    let bid = order(1, Side::Bid, "98", "1");
    rig.hold_said.push(r#""channel":"post""#);
    rig.submit(&action(rig.now, ActionKind::Place, &[bid]));
    rig.run(Nanos::millis(100));
    let first = rig.venue.orders[0].oid;
    let late = std::mem::take(&mut rig.held);
    rig.hold_said.clear();
    rig.submit(&action(rig.now, ActionKind::Modify, &[under(first, bid)]));
    rig.run(Nanos::millis(100));
    late.iter().for_each(|text| rig.say(text));
    rig.run(Nanos::secs(200));
    assert_eq!(rig.venue.open().len(), 1, "audits took the live order for a stray");
    assert_eq!(rig.notices(AlertKind::Leftovers), 0);
    assert_eq!(rig.venue.seen.len(), 2);
}
