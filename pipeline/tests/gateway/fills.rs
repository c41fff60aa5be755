//! Fills and funding: each counted once, and only what came after the opening position.

use crate::tiny_venue::ACCOUNT;
use crate::tiny_venue::rig::{Rig, START, action, order};
use botmm_pipeline::types::AlertKind;
use botmm_pipeline::types::{ActionKind, Cloid, Fill, Nanos, Px, Qty, Side, Usd, VenueEventKind};

fn fills(rig: &mut Rig) -> Vec<(Cloid, Fill)> {
    let fill = |(cloid, kind)| match kind {
        VenueEventKind::Fill(fill) => Some((cloid, fill)),
        _ => None,
    };
    rig.told().into_iter().filter_map(fill).collect()
}

#[test]
fn a_fill_may_come_before_its_acknowledgement() {
    let mut rig = Rig::up();
    let bid = order(1, Side::Bid, "98", "1");
    rig.hold_said = vec![r#""channel":"post""#, "orderUpdates"];
    rig.submit(&action(rig.now, ActionKind::Place, &[bid]));
    rig.run(Nanos::millis(50));
    let oid = rig.venue.orders[0].oid;
    rig.fill(oid, "0.4");
    rig.run(Nanos::millis(50));
    rig.release();
    rig.run(Nanos::millis(50));
    let told = rig.told();
    let VenueEventKind::Fill(fill) = told[0].1 else { panic!("{told:?}") };
    assert_eq!((told[0].0, fill.oid.0, fill.qty.to_string()), (bid.cloid, oid, "0.4".to_owned()));
    assert_eq!((fill.px, fill.side, fill.crossed), (Px::whole(98), Side::Bid, false));
    assert_eq!(fill.fee, Usd::parse("0.01").unwrap());
    assert!(matches!(told[1].1, VenueEventKind::Ack { .. }));
}

#[test]
fn stream_snapshot_and_backfill_count_a_fill_once() {
    let (mut rig, _, oid) = Rig::with_bid();
    rig.fill(oid, "0.4");
    let again = format!(
        r#"{{"channel":"userFills","data":{{"user":"{ACCOUNT}","fills":[{0},{0}]}}}}"#,
        rig.venue.fills[0].1
    );
    rig.say(&again);
    rig.run(Nanos::millis(50));
    assert_eq!(fills(&mut rig).len(), 1);
    // Two at the same block time are two.
    rig.fill(oid, "0.1");
    rig.fill(oid, "0.2");
    rig.run(Nanos::millis(50));
    assert_eq!(fills(&mut rig).len(), 2);
    // A new connection tells them all again, by snapshot and by our question (the opening asked
    // twice).
    rig.line.close(rig.now);
    rig.run(Nanos::secs(2));
    assert!(rig.view().is_up && rig.sent_with("userFillsByTime") == 3);
    assert_eq!(fills(&mut rig), []);
}

/// Many fills came while the link was down: more than a page, and the newest is known by snapshot.
#[test]
fn fills_beyond_a_page_are_listed_page_by_page() {
    let mut rig = Rig::up();
    // Each list that is a page long ends in the middle of a millisecond.
    (rig.venue.snapshot_fills, rig.venue.page_fills) = (10, 2_000);
    let bid = order(1, Side::Bid, "98", "1000");
    rig.submit(&action(rig.now, ActionKind::Place, &[bid]));
    rig.run(Nanos::millis(50));
    let oid = rig.venue.orders[0].oid;
    rig.line.ends().refuses = true;
    rig.line.close(rig.now);
    for _ in 0..1_500 {
        rig.run(Nanos::millis(20));
        (0..3).for_each(|_| drop(rig.venue.fill(rig.now, oid, Qty::parse("0.01").unwrap())));
    }
    rig.told();
    rig.line.ends().refuses = false;
    rig.run(Nanos::secs(60));
    assert!(rig.view().is_up);
    let told = fills(&mut rig);
    assert_eq!(told.len(), 4_500, "each once");
    let filled: Qty = told.iter().map(|(_, fill)| fill.qty).sum();
    assert_eq!(filled, rig.venue.positions[0]);
    // A page that is one millisecond does not keep it from going on.
    (0..2_000).for_each(|_| drop(rig.venue.fill(rig.now, oid, Qty::parse("0.01").unwrap())));
    rig.run(Nanos::millis(1));
    (0..5).for_each(|_| drop(rig.venue.fill(rig.now, oid, Qty::parse("0.01").unwrap())));
    rig.run(Nanos::secs(60));
    assert_eq!(fills(&mut rig).len(), 2_005);
    assert!(rig.view().is_up);
}

#[test]
fn a_liquidation_of_ours_is_told_and_one_of_the_other_side_is_not() {
    let mut rig = Rig::up();
    let fill = |tid: u64, user: &str, more: &str| {
        format!(
            r#"{{"coin":"ETH","px":"100.0","sz":"0.5","side":"A","time":{},"startPosition":"0.5","dir":"Close Long","closedPnl":"-5.0","hash":"0x01","oid":599999999{tid},"crossed":true,"fee":"0.1","tid":{tid},"feeToken":"USDC","liquidation":{{"liquidatedUser":"{user}","markPx":"100.0","method":"market"}}{more}}}"#,
            START.as_millis() + 5_000
        )
    };
    let fills_frame = |list: &str| {
        format!(r#"{{"channel":"userFills","data":{{"user":"{ACCOUNT}","fills":[{list}]}}}}"#)
    };
    let other = "0x00000000000000000000000000000000000000bb";
    let ours = r#","cloid":"0xb0774d4d00000007020100000000002a""#;
    rig.say(&fills_frame(&fill(1, other, ours)));
    rig.say(&fills_frame(&fill(2, ACCOUNT, "")));
    rig.say(&fills_frame(&fill(3, "?", "")));
    rig.say(&fills_frame(&fill(4, "?", ours)));
    rig.run(Nanos::millis(50));
    let told: Vec<bool> = fills(&mut rig).iter().map(|(_, fill)| fill.is_liquidation).collect();
    assert_eq!(told, [false, true, true, false]);
    let liquidation = |user: &str| {
        format!(
            r#"{{"channel":"user","data":{{"liquidation":{{"lid":1,"liquidator":"{other}","liquidated_user":"{user}","liquidated_ntl_pos":"864.0","liquidated_account_value":"3.1"}}}}}}"#
        )
    };
    rig.say(&liquidation(other));
    rig.say(&liquidation(ACCOUNT));
    rig.run(Nanos::millis(50));
    assert_eq!(rig.notices(AlertKind::Liquidated), 1);
}

#[test]
fn money_that_is_moved_is_told_but_not_what_was_moved_before() {
    let mut rig = Rig::up();
    let entry = r#"{"time":1795360001000,"hash":"0x01","delta":{"type":"deposit","usdc":"100.0"}}"#;
    let frame = |snapshot: &str| {
        format!(
            r#"{{"channel":"userNonFundingLedgerUpdates","data":{{{snapshot}"user":"{ACCOUNT}","nonFundingLedgerUpdates":[{entry}]}}}}"#
        )
    };
    rig.say(&frame(r#""isSnapshot":true,"#));
    rig.run(Nanos::millis(50));
    assert_eq!(rig.notices(AlertKind::Transfer), 0);
    rig.say(&frame(""));
    rig.run(Nanos::millis(50));
    assert_eq!(rig.notices(AlertKind::Transfer), 1);
}

#[test]
fn fills_before_the_opening_are_part_of_it() {
    let mut rig = Rig::new();
    let oid = rig.venue.add(
        START - Nanos::secs(60),
        0,
        Side::Bid,
        Px::whole(98),
        Qty::whole(1),
        None,
        "open",
    );
    rig.now = START - Nanos::secs(60);
    rig.venue.fill(rig.now, oid, Qty::parse("0.5").unwrap());
    rig.now = START;
    rig.run(Nanos::secs(1));
    let kinds = rig.kinds();
    assert!(!kinds.iter().any(|k| matches!(k, VenueEventKind::Fill(_))), "{kinds:?}");
    let half = Qty::parse("0.5").unwrap();
    assert!(kinds.contains(&VenueEventKind::Opening { position: half, mark: Px::whole(100) }));
    // What comes later counts, although nobody here knows the order.
    rig.fill(oid, "0.1");
    rig.run(Nanos::secs(60));
    assert_eq!(fills(&mut rig).len(), 1);
    assert!(rig.view().is_up);
}

#[test]
fn a_fill_while_the_opening_is_read_is_not_lost_and_not_counted_twice() {
    let mut rig = Rig::new();
    let bid = (Side::Bid, Px::whole(98), Qty::whole(1));
    let oid = rig.venue.add(START, 0, bid.0, bid.1, bid.2, None, "open");
    rig.hold_said.push("clearinghouseState");
    rig.run(Nanos::secs(1));
    rig.fill(oid, "0.5"); // After the state was read, told before it.
    rig.run(Nanos::millis(100));
    rig.release();
    rig.run(Nanos::secs(20));
    // The positions were read again: now the fill is part of them.
    let half = Qty::parse("0.5").unwrap();
    let kinds = rig.kinds();
    assert!(kinds.contains(&VenueEventKind::Opening { position: half, mark: Px::whole(100) }));
    assert!(!kinds.iter().any(|k| matches!(k, VenueEventKind::Fill(_))), "{kinds:?}");
    assert!(rig.view().is_up);
}

#[test]
fn funding_counts_once_and_what_we_paid_is_a_cost() {
    let mut rig = Rig::up();
    let funding = |ms: i64, usdc: &str| {
        format!(
            r#"{{"time":{},"coin":"ETH","usdc":"{usdc}","szi":"6.917","fundingRate":"0.0000125","nSamples":null}}"#,
            START.as_millis() + ms
        )
    };
    let frame = |snapshot: &str, list: &str| {
        format!(
            r#"{{"channel":"userFundings","data":{{{snapshot}"user":"{ACCOUNT}","fundings":[{list}]}}}}"#
        )
    };
    let (old, paid, received) =
        (funding(-9, "-9.0"), funding(5_000, "-0.25"), funding(9_000, "0.5"));
    rig.say(&frame(r#""isSnapshot":true,"#, &[old.as_str(), &paid].join(",")));
    rig.say(&frame("", &paid));
    rig.say(&frame("", &received));
    rig.say(&frame(r#""isSnapshot":true,"#, &[old.as_str(), &paid, &received].join(",")));
    rig.run(Nanos::millis(100));
    let usd = |text| VenueEventKind::Funding(Usd::parse(text).unwrap());
    assert_eq!(rig.events.iter().map(|e| e.asset.index()).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(rig.kinds(), [usd("0.25"), usd("-0.5")]);
    // Newest first, on either channel, after a time without a link.
    let (third, fourth, fifth) =
        (funding(15_000, "-1.0"), funding(13_000, "-2.0"), funding(12_000, "-4.0"));
    rig.say(&format!(r#"{{"channel":"user","data":{{"funding":{third}}}}}"#));
    let all = [third.as_str(), &fourth, &fifth, &received, &paid, &old].join(",");
    rig.say(&frame(r#""isSnapshot":true,"#, &all));
    rig.say(&frame(r#""isSnapshot":true,"#, &all));
    rig.run(Nanos::millis(100));
    assert_eq!(rig.kinds(), [usd("1"), usd("2"), usd("4")]);
}

/// A fill in the venue's shape, with this price, size, fee and token.
fn told(rig: &Rig, tid: u64, [px, sz, fee, token]: [&str; 4], crossed: bool) -> String {
    let time = rig.now.as_millis();
    format!(
        r#"{{"channel":"userFills","data":{{"user":"{ACCOUNT}","fills":[{{"coin":"BTC","px":"{px}","sz":"{sz}","side":"B","time":{time},"startPosition":"0.0","dir":"Open Long","closedPnl":"0.0","hash":"0x00","oid":9,"crossed":{crossed},"fee":"{fee}","tid":{tid},"feeToken":"{token}"}}]}}}}"#
    )
}

#[test]
fn a_fee_that_cannot_be_counted_is_estimated_and_said_once() {
    let mut rig = Rig::up();
    for (tid, (fee, token, crossed)) in (1..).zip([
        ("0.02", "USDC", false),
        ("0.5", "HYPE", false),
        ("0.5", "HYPE", true),
        ("100.00000001", "USDC", false), // More than the fill.
        ("-0.01", "USDC", false),
    ]) {
        rig.say(&told(&rig, tid, ["100.0", "1.0", fee, token], crossed));
        rig.run(Nanos::millis(60));
    }
    assert_eq!(rig.notices(AlertKind::FeeEstimated), 1);
    assert_eq!(rig.view().estimated_fees, 3);
    let fees: Vec<_> = fills(&mut rig).iter().map(|(_, fill)| fill.fee.to_string()).collect();
    // By the rig's rates: 1.5 bps resting, 4.5 bps crossing.
    assert_eq!(fees, ["0.02", "0.015", "0.045", "0.015", "-0.01"]);
}

#[test]
fn a_position_larger_than_any_is_not_believed() {
    let mut rig = Rig::up();
    for tid in 1..=3 {
        rig.say(&told(&rig, tid, ["0.01", "600000000.0", "0.0", "USDC"], false));
        rig.run(Nanos::millis(60));
    }
    assert_eq!(rig.notices(AlertKind::BadFrame), 2, "the second and the third");
    assert_eq!(fills(&mut rig).len(), 1);
}

#[test]
fn an_account_state_in_answer_to_another_question_opens_nothing_twice() {
    let mut rig = Rig::new();
    rig.venue.positions[0] = Qty::whole(1);
    while rig.sent_with("clearinghouseState") == 0 {
        rig.run(Nanos::millis(10));
    }
    rig.lose_said.push("userFillsByTime");
    rig.run(Nanos::millis(200));
    // The positions were read, and the question that is open is the one for fills. What answers it
    // has the shape of a state.
    let state = r#"{"type":"clearinghouseState","data":{"marginSummary":{"accountValue":"1.0","totalRawUsd":"1.0","totalMarginUsed":"0.0"},"withdrawable":"1.0","assetPositions":[{"type":"oneWay","position":{"coin":"BTC","szi":"1.0","entryPx":"100.0","positionValue":"100.0"}}],"time":1795360000000}}"#;
    rig.lose_said.clear();
    for id in 1..40 {
        rig.say(&format!(
            r#"{{"channel":"post","data":{{"id":{id},"response":{{"type":"info","payload":{state}}}}}}}"#
        ));
    }
    rig.run(Nanos::secs(30));
    let opening = VenueEventKind::Opening { position: Qty::whole(1), mark: Px::whole(100) };
    assert_eq!(rig.kinds().iter().filter(|kind| **kind == opening).count(), 1);
}
