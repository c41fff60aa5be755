//! Links that are lost, and positions that differ.

use crate::orders::done;
use crate::tiny_venue::rig::{Rig, action, order};
use botmm_pipeline::types::AlertKind;
use botmm_pipeline::types::{ActionKind, DoneWhy, Inquiry, Nanos, Oid, Qty, Side, VenueEventKind};
use botmm_pipeline::venue::Gateway;
use botmm_pipeline::venue::hl::session::DEAD_LINK;

fn at(kinds: &[VenueEventKind], what: impl Fn(&VenueEventKind) -> bool) -> usize {
    kinds.iter().position(what).unwrap_or_else(|| panic!("{kinds:?}"))
}

#[test]
fn a_lost_link_comes_back_with_everything_that_was_missed() {
    let mut rig = Rig::up();
    let (bid, ask) = (order(1, Side::Bid, "98", "1"), order(2, Side::Ask, "102", "2"));
    rig.submit(&action(rig.now, ActionKind::Place, &[bid, ask]));
    rig.run(Nanos::millis(100));
    let [bid_oid, ask_oid] = [0, 1].map(|i| rig.venue.orders[i].oid);
    rig.told();
    rig.line.ends().refuses = true;
    rig.line.close(rig.now);
    rig.settle();
    assert_eq!(rig.kinds(), [VenueEventKind::LinkDown]);
    assert!(!rig.view().is_up && rig.view().losses == 1);
    // While nobody listens one order trades and the other one goes.
    rig.now = rig.now + Nanos::millis(10);
    rig.venue.fill(rig.now, bid_oid, Qty::parse("0.5").unwrap());
    rig.venue.end(rig.now, ask_oid, "canceled");
    rig.run(Nanos::secs(20));
    let connects = rig.line.ends().connects;
    assert!((5..=8).contains(&connects), "pauses grow: {connects} attempts");
    rig.line.ends().refuses = false;
    for (item, oid) in [(bid, bid_oid), (ask, ask_oid)] {
        let (old, current, void_after) = (Oid::NONE, Oid(oid), rig.now);
        let asked = Inquiry { cloid: item.cloid, asset: item.asset, old, current, void_after };
        rig.gateway.inquire(rig.now, &asked);
    }
    rig.run(Nanos::secs(60));
    let kinds = rig.kinds();
    let up = at(&kinds, |k| *k == VenueEventKind::LinkUp);
    assert!(at(&kinds, |k| matches!(k, VenueEventKind::Fill(_))) < up);
    assert!(at(&kinds, |k| *k == done(ask_oid, "2", DoneWhy::Canceled)) < up);
    assert!(at(&kinds, |k| matches!(k, VenueEventKind::Ack { oid, .. } if oid.0 == bid_oid)) < up);
    assert_eq!(rig.venue.open(), [bid_oid]);
}

/// Nobody asked: the list of open orders shows that it is gone.
#[test]
fn an_order_that_vanished_while_the_link_was_down_is_done() {
    let (mut rig, _, oid) = Rig::with_bid();
    rig.line.close(rig.now);
    rig.venue.end(rig.now, oid, "liquidatedCanceled");
    rig.run(Nanos::secs(2));
    let kinds = rig.kinds();
    let gone = at(&kinds, |k| *k == done(oid, "1", DoneWhy::Liquidated));
    assert!(gone < at(&kinds, |k| *k == VenueEventKind::LinkUp));
}

#[test]
fn an_answer_that_a_lost_link_took_along_is_not_waited_for() {
    let mut rig = Rig::up();
    let bid = order(1, Side::Bid, "98", "1");
    rig.submit(&action(rig.now, ActionKind::Place, &[bid]));
    rig.settle();
    rig.line.close(rig.now);
    rig.run(Nanos::secs(2));
    // It reached the venue, and nobody asks: an order that nobody knows.
    assert_eq!(rig.notices(AlertKind::Leftovers), 1);
    assert!(rig.venue.open().is_empty() && rig.view().is_up);
}

/// How long after now the link is given up. Time goes in steps of 10 ms.
fn given_up_after(rig: &mut Rig) -> Nanos {
    let begun = rig.now;
    assert!(begun - rig.view().answered < DEAD_LINK, "it carried both ways until lately");
    while rig.view().is_up {
        assert!(rig.now - begun < Nanos::secs(60), "it is never given up");
        rig.run(Nanos::millis(10));
    }
    rig.now - begun
}

/// Whatever it is that does not come through, it is noticed within the time configured.
#[test]
fn a_link_that_does_not_answer_is_given_up_in_time() {
    type Break = fn(&mut Rig);
    let breaks: [(&str, Break); 4] = [
        ("nothing comes in", |rig| rig.lose_said.push("")),
        ("nothing goes out", |rig| rig.lose_sent.push("")),
        ("pings are not answered", |rig| rig.lose_said.push("pong")),
        ("nothing can be sent", |rig| rig.line.ends().is_full = true),
    ];
    for (what, break_it) in breaks {
        for wait_ms in [0, 400, 800, 1_300, 7_777] {
            let mut rig = Rig::up();
            rig.run(Nanos::millis(wait_ms));
            break_it(&mut rig);
            let after = given_up_after(&mut rig);
            assert!(after <= DEAD_LINK, "{what} from {wait_ms} ms on: {after}");
            // Whoever counts from the last proof that it carried counts from before it broke.
            let proved = rig.view().answered;
            assert!(Nanos::ZERO < proved && proved <= rig.now - after, "{what}: {proved}");
            assert!(rig.view().is_dead && rig.view().losses == 1, "{what}");
            rig.settle();
            assert!(rig.kinds().contains(&VenueEventKind::LinkDown), "{what}");
            (rig.lose_said, rig.lose_sent) = (Vec::new(), Vec::new());
            rig.line.ends().is_full = false;
            rig.run(Nanos::secs(30));
            assert!(rig.view().is_up && !rig.view().is_dead, "{what}");
            assert!(rig.now - rig.view().answered < Nanos::secs(2), "{what}");
        }
    }
}

/// Pongs come, but the venue does nothing that is asked of it.
#[test]
fn posts_that_are_not_answered_end_the_link_although_pings_are() {
    let mut rig = Rig::up();
    rig.lose_said.push(r#""channel":"post""#);
    rig.submit(&action(rig.now, ActionKind::Place, &[order(1, Side::Bid, "98", "1")]));
    assert!(given_up_after(&mut rig) <= DEAD_LINK);
    // So do questions, of which one is asked every ten seconds.
    let mut rig = Rig::up();
    rig.lose_said.push(r#""channel":"post""#);
    assert!(given_up_after(&mut rig) <= Nanos::secs(10) + DEAD_LINK);
    // One that is lost among others that are answered is not the link's.
    let mut rig = Rig::up();
    rig.lose_said.push("resting");
    rig.submit(&action(rig.now, ActionKind::Place, &[order(1, Side::Bid, "98", "1")]));
    for sequence in 2..40 {
        rig.run(Nanos::secs(1));
        rig.submit(&action(rig.now, ActionKind::Cancel, &[order(sequence, Side::Bid, "98", "1")]));
    }
    assert!(rig.view().is_up);
}

#[test]
fn a_quiet_link_is_pinged_and_stays() {
    let mut rig = Rig::up();
    let before = rig.sent_with("ping");
    rig.run(Nanos::secs(600));
    assert_eq!(rig.line.ends().connects, 1);
    assert!(rig.view().is_up);
    assert_eq!(rig.sent_with("ping") - before, 400);
}

/// A process that stood still finds the answers that came meanwhile, and its link alive.
#[test]
fn standing_still_is_not_the_links_death() {
    let mut rig = Rig::up();
    rig.run(Nanos::millis(1_490)); // A ping is about to go out, or has just gone.
    for _ in 0..20 {
        rig.run(Nanos::millis(10));
        rig.now = rig.now + Nanos::secs(30);
        rig.settle();
        rig.run(Nanos::millis(100));
    }
    assert_eq!((rig.view().losses, rig.line.ends().connects), (0, 1));
}

#[test]
fn subscriptions_that_are_refused_start_the_session_over() {
    let mut rig = Rig::new();
    rig.lose_said.push("subscriptionResponse");
    rig.run(Nanos::secs(15));
    assert_eq!((rig.view().is_up, rig.line.ends().connects), (false, 2));
    rig.lose_said.clear();
    rig.run(Nanos::secs(30));
    assert!(rig.view().is_up);
}

#[test]
fn positions_that_differ_hold_the_link_down_and_are_noticed_once() {
    let mut rig = Rig::up();
    rig.venue.positions[1] = Qty::whole(3); // A transfer, or a fill that is never told.
    rig.run(Nanos::secs(120));
    assert!(!rig.view().is_up);
    assert_eq!(rig.notices(AlertKind::PositionMismatch), 1);
    let downs = rig.kinds().iter().filter(|k| **k == VenueEventKind::LinkDown).count();
    assert_eq!(downs, 1);
    rig.venue.positions[1] = Qty::ZERO;
    rig.run(Nanos::secs(3));
    assert!(rig.view().is_up);
    rig.venue.positions[0] = Qty::whole(-1);
    rig.run(Nanos::secs(30));
    assert_eq!(rig.notices(AlertKind::PositionMismatch), 1, "a new one is told again");
}

#[test]
fn a_fill_that_the_stream_did_not_tell_is_found_without_losing_the_link() {
    let mut rig = Rig::up();
    let bid = order(1, Side::Bid, "98", "1");
    rig.submit(&action(rig.now, ActionKind::Place, &[bid]));
    rig.run(Nanos::millis(100));
    rig.lose_said.push(r#""channel":"userFills""#);
    rig.fill(rig.venue.orders[0].oid, "0.5");
    rig.run(Nanos::secs(13));
    let kinds = rig.kinds();
    assert_eq!(kinds.iter().filter(|k| matches!(k, VenueEventKind::Fill(_))).count(), 1);
    assert!(rig.view().is_up && rig.view().losses == 0, "{kinds:?}");
}
