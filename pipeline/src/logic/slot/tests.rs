use super::*;
use crate::types::DoneWhy;

fn qty(v: i64) -> Qty {
    Qty::whole(v)
}
fn fill(oid: u64, v: i64) -> Fill {
    Fill { oid: Oid(oid), qty: qty(v), ..Fill::default() }
}
fn done(oid: u64, leaves: i64) -> Done {
    Done { oid: Oid(oid), leaves: qty(leaves), why: DoneWhy::Canceled, _pad: [0; 7] }
}
fn reject(of: ActionKind, reason: RejectReason) -> Reject {
    Reject::new(of, reason)
}
fn live() -> Slot {
    let mut s = Slot::default();
    s.place(Nanos::ZERO, Cloid::new(1, 0, 1), Px::whole(100), qty(10));
    s.on_ack(Oid(1));
    s
}

#[test]
fn placed_filled_gone() {
    let mut s = live();
    assert_eq!(s.working(), Some((Oid(1), Px::whole(100), qty(10))));
    s.on_fill(&fill(1, 4));
    assert_eq!((s.at_risk(), s.phase()), (qty(6), Phase::Live));
    s.on_fill(&fill(1, 6));
    assert_eq!((s.at_risk(), s.phase()), (qty(0), Phase::Empty));
    s.on_done(Nanos::ZERO, &done(1, 0));
    assert_eq!(s.phase(), Phase::Empty, "the late word changes nothing");
}

#[test]
fn a_fill_may_come_before_its_acknowledgement() {
    let mut s = Slot::default();
    s.place(Nanos::ZERO, Cloid::new(1, 0, 1), Px::whole(100), qty(10));
    s.on_fill(&fill(9, 3));
    assert_eq!((s.at_risk(), s.phase()), (qty(7), Phase::Placing));
    s.on_ack(Oid(9));
    assert_eq!(s.phase(), Phase::Live);
}

#[test]
fn a_cancel_frees_the_slot_only_when_every_fill_was_seen() {
    let mut s = live();
    s.cancel(Nanos::ZERO);
    s.on_done(Nanos::ZERO, &done(1, 7));
    assert_eq!((s.at_risk(), s.phase()), (qty(3), Phase::Ending), "3 filled unseen");
    s.on_fill(&fill(1, 3));
    assert_eq!(s.phase(), Phase::Empty);
}

#[test]
fn both_legs_of_a_modify_are_at_risk_in_any_order_of_messages() {
    let start = || {
        let mut s = live();
        s.modify(Nanos::ZERO, Px::whole(99), qty(5));
        assert_eq!(s.at_risk(), qty(15));
        s
    };
    let mut s = start();
    s.on_ack(Oid(2));
    assert_eq!((s.at_risk(), s.working()), (qty(15), None), "the old leg has not ended yet");
    s.on_done(Nanos::ZERO, &done(1, 10));
    assert_eq!(s.working(), Some((Oid(2), Px::whole(99), qty(5))));
    let mut s = start();
    s.on_done(Nanos::ZERO, &done(1, 8));
    s.on_ack(Oid(2));
    s.on_fill(&fill(2, 1));
    assert_eq!(s.at_risk(), qty(6), "2 of the old leg are still to come");
    s.on_fill(&fill(1, 2));
    assert_eq!(s.working(), Some((Oid(2), Px::whole(99), qty(4))));
}

#[test]
fn a_refused_modify_falls_back_to_the_old_leg_which_is_asked_for_at_once() {
    let mut s = live();
    s.modify(Nanos::ZERO, Px::whole(99), qty(5));
    assert_eq!(s.cancellable(), None, "the new leg may come yet");
    assert!(s.on_reject(Nanos::ZERO, &reject(ActionKind::Modify, RejectReason::NotFound)));
    assert_eq!((s.at_risk(), s.phase()), (qty(10), Phase::Unknown));
    assert_eq!(s.inquiry(AssetId::new(0)).unwrap().current, Oid(1));
    assert!(s.cancellable().is_some(), "what is not known to be over can be cancelled");
    s.cancel(Nanos::ZERO);
    s.undo();
    assert_eq!(s.phase(), Phase::Unknown, "nothing was sent");
    s.on_fill(&fill(1, 10));
    assert_eq!(s.phase(), Phase::Empty);
}

#[test]
fn a_modify_that_was_refused_unseen_leaves_the_old_order_live() {
    let refused = |reason| {
        let mut s = live();
        s.modify(Nanos::ZERO, Px::whole(99), qty(5));
        let whole = Reject { is_whole: true, ..reject(ActionKind::Modify, reason) };
        s.on_reject(Nanos::ZERO, &whole);
        s.phase()
    };
    assert_eq!(refused(RejectReason::Other), Phase::Live);
    assert_eq!(refused(RejectReason::Expired), Phase::Live);
    assert_eq!(refused(RejectReason::NotFound), Phase::Unknown, "it may be over");
}

#[test]
fn a_refused_cancel_is_remembered_until_the_order_is_wanted_or_over() {
    let mut s = live();
    s.cancel(Nanos::ZERO);
    s.on_reject(Nanos::ZERO, &reject(ActionKind::Cancel, RejectReason::Other));
    assert_eq!((s.phase(), s.is_cancel_refused()), (Phase::Unknown, true));
    s.on_ack(Oid(1));
    assert_eq!((s.phase(), s.is_cancel_refused()), (Phase::Live, true));
    let mut kept = { s };
    kept.keep();
    assert!(!kept.is_cancel_refused());
    s.on_done(Nanos::ZERO, &done(1, 10));
    assert_eq!((s.phase(), s.is_cancel_refused()), (Phase::Empty, false));
    s.place(Nanos::ZERO, Cloid::new(1, 0, 2), Px::whole(100), qty(1));
    assert!(!s.is_cancel_refused());
}

#[test]
fn words_of_a_leg_long_ago_are_not_taken_for_the_newest() {
    let mut s = live();
    for oid in 2..30 {
        s.modify(Nanos::ZERO, Px::whole(99), qty(5));
        s.on_ack(Oid(oid));
        s.on_done(Nanos::ZERO, &done(oid - 1, 10));
    }
    s.modify(Nanos::ZERO, Px::whole(98), qty(5));
    s.on_fill(&fill(1, 3));
    s.on_ack(Oid(1));
    assert_eq!((s.phase(), s.at_risk()), (Phase::Modifying, qty(10)), "28 oids ago");
    s.on_ack(Oid(30));
    assert_eq!(s.oid(), Oid(30));
}

#[test]
fn a_modify_that_never_arrived_gives_the_old_order_back() {
    let mut s = live();
    s.modify(Nanos::secs(1), Px::whole(99), qty(5));
    s.set_void_after(Nanos::secs(4));
    s.on_link_down();
    let asked = s.inquiry(AssetId::new(3)).unwrap();
    assert_eq!((asked.old, asked.current), (Oid(1), Oid::NONE));
    assert_eq!((asked.asset, asked.void_after), (AssetId::new(3), Nanos::secs(4)));
    s.on_reject(Nanos::secs(5), &reject(ActionKind::Modify, RejectReason::Expired));
    assert_eq!((s.phase(), s.at_risk()), (Phase::Unknown, qty(10)), "the new leg never was");
    s.on_ack(Oid(1));
    assert_eq!(s.working(), Some((Oid(1), Px::whole(100), qty(10))));
    assert_eq!(s.inquiry(AssetId::new(3)), None);
}

#[test]
fn a_modify_whose_old_leg_is_settled_is_asked_about_as_one() {
    let mut s = live();
    s.modify(Nanos::secs(1), Px::whole(99), qty(5));
    s.on_fill(&fill(1, 10));
    s.on_link_down();
    let asked = s.inquiry(AssetId::new(0)).unwrap();
    assert_eq!((asked.old, asked.current, s.at_risk()), (Oid(1), Oid::NONE, qty(5)));
    s.on_done(Nanos::secs(2), &done(1, 0));
    s.on_reject(Nanos::secs(5), &reject(ActionKind::Modify, RejectReason::Expired));
    assert_eq!((s.phase(), s.at_risk()), (Phase::Empty, qty(0)), "it never arrived");
}

#[test]
fn a_replaced_leg_whose_end_is_never_told_becomes_a_question() {
    let mut s = live();
    s.modify(Nanos::secs(1), Px::whole(99), qty(5));
    s.on_ack(Oid(2));
    assert_eq!(s.deadline(Nanos::secs(5)), Some(Nanos::secs(6)));
    assert!(s.expire(Nanos::secs(6), Nanos::secs(5)));
    s.on_ack(Oid(2));
    s.on_done(Nanos::secs(6), &done(1, 10));
    assert_eq!(s.working(), Some((Oid(2), Px::whole(99), qty(5))));
    s.on_ack(Oid(1));
    assert_eq!(s.working(), Some((Oid(2), Px::whole(99), qty(5))), "old news");
}

#[test]
fn silence_makes_it_unknown_and_a_late_word_resolves_it() {
    let mut s = live();
    s.cancel(Nanos::secs(1));
    assert!(!s.expire(Nanos::secs(5), Nanos::secs(5)));
    assert!(s.expire(Nanos::secs(6), Nanos::secs(5)));
    assert_eq!((s.phase(), s.at_risk()), (Phase::Unknown, qty(10)));
    s.on_done(Nanos::ZERO, &done(1, 10));
    assert_eq!(s.phase(), Phase::Empty);
}
