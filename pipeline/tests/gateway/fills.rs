//! Fills and funding: each counted once, and only what came after the opening position.

use crate::tiny_venue::ACCOUNT;
use crate::tiny_venue::rig::{Rig, START, action, order};
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
    let mut rig = Rig::up();
    let bid = order(1, Side::Bid, "98", "1");
    rig.submit(&action(rig.now, ActionKind::Place, &[bid]));
    rig.run(Nanos::millis(50));
    let oid = rig.venue.orders[0].oid;
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
}
