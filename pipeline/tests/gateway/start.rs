//! From nothing to a link that may be traded on.

use crate::tiny_venue::ACCOUNT;
use crate::tiny_venue::rig::{Rig, START, action, order};
use botmm_pipeline::types::AlertKind;
use botmm_pipeline::types::{ActionKind, Cloid, Nanos, Oid, Px, Qty, Side, VenueEventKind};
use botmm_pipeline::venue::Gateway;

#[test]
fn a_start_subscribes_cancels_leftovers_reads_positions_and_comes_up() {
    let mut rig = Rig::new();
    let (px, qty) = (Px::whole(90), Qty::whole(1));
    let earlier = Cloid::new(6, 0, 1);
    let left = rig.venue.add(START, 0, Side::Bid, px, qty, Some(earlier), "open");
    let of_slot_1 = Some(Cloid::new(6, 1, 2));
    let left_too = rig.venue.add(START, 1, Side::Bid, px, qty, of_slot_1, "open");
    let theirs = rig.venue.add(START, 0, Side::Bid, px, qty, Some(Cloid::from_u128(7)), "open");
    let nobodys = rig.venue.add(START, 0, Side::Bid, px, qty, None, "open");
    rig.venue.positions = [Qty::parse("-1.5").unwrap(), Qty::ZERO];
    let place = action(START, ActionKind::Place, &[order(1, Side::Bid, "98", "1")]);
    assert!(!rig.gateway.starts_up() && !rig.gateway.submit(START, &place));
    rig.run(Nanos::secs(2));
    assert_eq!(rig.venue.open(), [theirs, nobodys], "foreign orders are left alone");
    let subscribes: Vec<_> =
        ["orderUpdates", "userFills", "userFundings", "userEvents", "userNonFundingLedgerUpdates"]
            .map(|s| {
                format!(
                    r#"{{"method":"subscribe","subscription":{{"type":"{s}","user":"{ACCOUNT}"}}}}"#
                )
            })
            .into();
    assert_eq!(rig.sent[..5], subscribes);
    let cancels = format!(
        r#"{{"type":"cancel","cancels":[{{"a":3,"o":{left}}},{{"a":4,"o":{left_too}}}],"f":true}}"#
    );
    assert_eq!(rig.sent_with(&cancels), 1, "{:#?}", rig.sent);
    assert_eq!(
        rig.kinds(),
        [
            VenueEventKind::Notice(AlertKind::ForeignOrders),
            VenueEventKind::Notice(AlertKind::Leftovers),
            VenueEventKind::Done(botmm_pipeline::types::Done {
                oid: Oid(left),
                leaves: qty,
                why: botmm_pipeline::types::DoneWhy::Canceled,
                _pad: [0; 7]
            }),
            VenueEventKind::Done(botmm_pipeline::types::Done {
                oid: Oid(left_too),
                leaves: qty,
                why: botmm_pipeline::types::DoneWhy::Canceled,
                _pad: [0; 7]
            }),
            VenueEventKind::Opening { position: Qty::parse("-1.5").unwrap(), mark: Px::whole(100) },
            VenueEventKind::Requests { used: 2_890, cap: 2_864_574 },
            VenueEventKind::LinkUp,
        ]
    );
    let view = rig.view();
    assert!(view.is_up && view.foreign_orders == 2 && view.requests == (2_890, 2_864_574));
    assert!(view.clock_skew_ms.abs() < 100);
    assert!(rig.gateway.submit(rig.now, &place));
}

#[test]
fn until_then_only_cancels_go_out() {
    let mut rig = Rig::new();
    rig.lose_said.push("userRateLimit");
    let bid = order(1, Side::Bid, "98", "1");
    let cancel = action(START, ActionKind::Cancel, &[bid]);
    assert!(!rig.gateway.submit(START, &cancel), "not even connected");
    rig.run(Nanos::secs(3));
    for kind in [ActionKind::Place, ActionKind::Modify] {
        assert!(!rig.gateway.submit(rig.now, &action(rig.now, kind, &[bid])));
    }
    rig.submit(&action(rig.now, ActionKind::Cancel, &[bid]));
    rig.run(Nanos::secs(1));
    assert_eq!(rig.venue.seen.len(), 1);
    assert!(!rig.view().is_up);
}

/// More leftovers than one action holds, and a venue that is slow to show that they are gone.
#[test]
fn many_leftovers_go_in_rounds_and_are_noticed_once() {
    let mut rig = Rig::new();
    for i in 0..20 {
        let cloid = Some(Cloid::new(6, i, 1));
        rig.venue.add(START, 0, Side::Ask, Px::whole(110), Qty::whole(1), cloid, "open");
    }
    rig.run(Nanos::secs(5));
    assert!(rig.venue.open().is_empty() && rig.view().is_up);
    assert_eq!(rig.notices(AlertKind::Leftovers), 1);
    assert_eq!(rig.venue.seen.len(), 3, "eight, eight and four");
}

/// A leftover's own update ("open", as a partial fill may cause) does not make it one of ours.
#[test]
fn a_leftover_that_is_heard_of_first_is_cancelled_all_the_same() {
    let mut rig = Rig::new();
    rig.hold_said.push("frontendOpenOrders");
    let cloid = Some(Cloid::new(6, 0, 1));
    let oid = rig.venue.add(START, 0, Side::Bid, Px::whole(90), Qty::whole(1), cloid, "open");
    rig.run(Nanos::secs(1));
    let update = rig.venue.update(oid);
    rig.say(&format!(r#"{{"channel":"orderUpdates","data":[{update}]}}"#));
    rig.run(Nanos::secs(1));
    rig.release();
    rig.run(Nanos::secs(3));
    assert!(rig.venue.open().is_empty(), "nobody manages it");
    assert!(rig.view().is_up);
}

#[test]
fn what_is_not_answered_is_asked_again_and_a_late_answer_counts_once() {
    let mut rig = Rig::new();
    rig.venue.positions[0] = Qty::whole(2);
    for question in ["frontendOpenOrders", "clearinghouseState", "userRateLimit"] {
        rig.hold_said = vec![question];
        let before = rig.sent_with(question);
        rig.run(Nanos::secs(15));
        assert!(!rig.view().is_up);
        assert!(rig.sent_with(question) > before, "{question}");
        rig.release();
    }
    assert!(rig.sent_with("frontendOpenOrders") >= 3, "as long as it was not answered");
    rig.run(Nanos::secs(10));
    assert!(rig.view().is_up);
    let openings = |k: &VenueEventKind| matches!(k, VenueEventKind::Opening { .. });
    assert_eq!(rig.kinds().iter().filter(|k| openings(k)).count(), 1);
}

/// An answer that comes after its question was asked again must not be mixed into the newer one's.
#[test]
fn the_answer_to_a_former_question_is_not_part_of_the_next_ones() {
    let mut rig = Rig::new();
    rig.venue.positions[0] = Qty::whole(2);
    let theirs = Some(Cloid::from_u128(7));
    rig.venue.add(START, 0, Side::Bid, Px::whole(90), Qty::whole(1), theirs, "open");
    for question in ["frontendOpenOrders", "clearinghouseState"] {
        rig.hold_said = vec![question];
        rig.run(Nanos::secs(7));
        // The first answer comes while the second question waits; then its own.
        rig.held.reverse();
        rig.release();
        rig.run(Nanos::secs(1));
    }
    assert!(rig.view().is_up);
    assert_eq!(rig.view().foreign_orders, 1);
    let openings = |k: &VenueEventKind| matches!(k, VenueEventKind::Opening { .. });
    assert_eq!(rig.kinds().iter().filter(|k| openings(k)).count(), 1);
}

#[test]
fn clocks_far_apart_hold_the_link_down() {
    let mut rig = Rig::new();
    rig.venue.clock_ahead = Nanos::secs(6);
    rig.run(Nanos::secs(30));
    assert!(!rig.view().is_up);
    assert!((5_900..=6_100).contains(&-rig.view().clock_skew_ms));
    assert_eq!(rig.notices(AlertKind::ClockSkew), 1);
    rig.venue.clock_ahead = Nanos::secs(-4);
    rig.run(Nanos::secs(6));
    assert!(rig.view().is_up, "four seconds are tolerated");
    rig.venue.clock_ahead = Nanos::secs(-7);
    rig.events.clear();
    rig.run(Nanos::secs(20));
    assert!(!rig.view().is_up);
    assert_eq!(rig.notices(AlertKind::ClockSkew), 1, "told again when it comes again");
    assert!(rig.kinds().contains(&VenueEventKind::LinkDown));
}

/// The start knows the offset, or the first answer tells it; from then on all is said in the venue's
/// time that the venue judges by.
#[test]
fn the_venues_time_is_ours_and_the_offset() {
    let mut rig = Rig::new();
    rig.venue.clock_ahead = Nanos::secs(4);
    rig.run(Nanos::secs(1));
    assert!(rig.view().is_up);
    assert!((-4_010..=-3_990).contains(&rig.view().clock_skew_ms), "{}", rig.view().clock_skew_ms);
    let off = |a: Nanos, b: Nanos| (a - b).as_millis().abs();
    assert!(off(rig.gateway.venue_time(rig.now), rig.now + Nanos::secs(4)) <= 10);
    rig.events.clear();
    let mut place = action(rig.now, ActionKind::Place, &[order(1, Side::Bid, "98", "1")]);
    place.expires_after = rig.gateway.venue_time(rig.now) + Nanos::secs(3);
    rig.submit(&place);
    rig.run(Nanos::millis(200));
    let acked = rig.events.iter().find(|e| matches!(e.kind, VenueEventKind::Ack { .. })).unwrap();
    assert!(off(acked.venue_time, acked.recv_time + Nanos::secs(4)) <= 30, "{acked:?}");
    // The venue's clock is set back: the next answer tells.
    rig.venue.clock_ahead = Nanos::secs(-2);
    rig.run(Nanos::secs(11));
    assert!(off(rig.gateway.venue_time(rig.now), rig.now - Nanos::secs(2)) <= 10);
    assert!(rig.view().is_up);
}

/// Answers that dawdle say nothing of the clocks.
#[test]
fn slow_answers_are_no_clock_that_is_off() {
    let mut rig = Rig::up();
    rig.hold_said.push("clearinghouseState");
    rig.run(Nanos::secs(14)); // The state was asked for at 10 s; it will come 4 s late.
    rig.release();
    rig.run(Nanos::secs(1));
    assert!(rig.view().is_up);
    let skew_ms = rig.view().clock_skew_ms;
    assert!(skew_ms.abs() <= 20, "a late answer was taken for a clock {skew_ms} ms off");
}

/// Another run's orders rest: they are watched first. What merely rests is an earlier run's.
#[test]
fn orders_that_merely_rest_are_cancelled_after_a_look() {
    let mut rig = Rig::that_watches(Some(Nanos::secs(3)));
    let cloid = Some(Cloid::new(6, 0, 1));
    rig.venue.add(START, 0, Side::Bid, Px::whole(90), Qty::whole(1), cloid, "open");
    rig.run(Nanos::secs(3));
    assert_eq!((rig.venue.open().len(), rig.view().is_up), (1, false), "touched too early");
    rig.run(Nanos::secs(1));
    assert!(rig.venue.open().is_empty() && rig.view().is_up);
    assert_eq!(rig.notices(AlertKind::OtherProcess), 0);
    assert_eq!(rig.notices(AlertKind::Leftovers), 1);
}

#[test]
fn who_acts_while_we_watch_is_another_process_and_stays_unharmed() {
    let mut rig = Rig::that_watches(Some(Nanos::secs(3)));
    let place = |rig: &mut Rig, sequence| {
        let cloid = Some(Cloid::new(6, 0, sequence));
        let oid = rig.venue.add(rig.now, 0, Side::Bid, Px::whole(90), Qty::whole(1), cloid, "open");
        let update = rig.venue.update(oid);
        rig.say(&format!(r#"{{"channel":"orderUpdates","data":[{update}]}}"#));
    };
    place(&mut rig, 1);
    rig.run(Nanos::secs(2));
    assert_eq!(rig.notices(AlertKind::OtherProcess), 0);
    place(&mut rig, 2);
    rig.run(Nanos::millis(500));
    assert_eq!(rig.notices(AlertKind::OtherProcess), 1);
    assert_eq!((rig.venue.open().len(), rig.venue.seen.len()), (2, 0), "nothing of it was touched");
}
