use super::*;
use crate::types::{AssetId, Px, Side};
use crate::venue::hl::user::VenueOrder;

fn inquiry(old: u64, current: u64) -> Inquiry {
    Inquiry {
        cloid: Cloid::new(1, 5, 9),
        asset: AssetId::new(0),
        old: Oid(old),
        current: Oid(current),
        void_after: Nanos::secs(10),
    }
}

fn state(oid: u64, status: WireStatus, leaves: i64) -> Option<OrderState> {
    let order = VenueOrder {
        asset: Some(AssetId::new(0)),
        oid: Oid(oid),
        cloid: Some(Cloid::new(1, 5, 9)),
        side: Side::Bid,
        reduce_only: false,
        px: Px::whole(100),
        leaves: Qty::whole(leaves),
        orig: Qty::whole(10),
    };
    Some(OrderState { order, status, time: Nanos::ZERO })
}

/// Asks everything and answers by leg; what follows.
fn run(
    inquiry: Inquiry,
    now: Nanos,
    answer: impl Fn(Leg) -> Option<OrderState>,
) -> (Vec<VenueEventKind>, bool) {
    let (mut cases, mut told) = (Cases::default(), Vec::new());
    cases.on_time(now);
    cases.open(now, &inquiry);
    while let Some(ask) = cases.next(now) {
        cases.asked(now, &ask);
        cases.answered(now, ask.slot, ask.leg, answer(ask.leg), &mut |_, kind| told.push(kind));
    }
    (told, cases.are_settled())
}

fn ack(oid: u64, leaves: i64) -> VenueEventKind {
    VenueEventKind::Ack { oid: Oid(oid), leaves: Qty::whole(leaves) }
}
fn done(oid: u64, leaves: i64, why: DoneWhy) -> VenueEventKind {
    VenueEventKind::Done(Done { oid: Oid(oid), leaves: Qty::whole(leaves), why, _pad: [0; 7] })
}

#[test]
fn a_new_order_is_found_or_void() {
    let early = Nanos::secs(9);
    let (told, closed) = run(inquiry(0, 0), early, |_| state(7, WireStatus::Open, 10));
    assert_eq!((told, closed), (vec![ack(7, 10)], true));
    let (told, closed) = run(inquiry(0, 0), early, |_| None);
    assert_eq!((told, closed), (vec![], false), "it may still arrive");
    let (told, closed) = run(inquiry(0, 0), Nanos::secs(11), |_| None);
    assert_eq!((told, closed), (vec![rejected(ActionKind::Place, RejectReason::Expired)], true));
    let refused = WireStatus::Rejected(RejectReason::BadAloPx);
    let (told, _) = run(inquiry(0, 0), early, |_| state(7, refused, 10));
    assert_eq!(told, vec![rejected(ActionKind::Place, RejectReason::BadAloPx)]);
}

#[test]
fn a_modify_arrived_or_never_did() {
    let landed = |leg| match leg {
        Leg::ByCloid => state(8, WireStatus::Open, 5),
        _ => state(7, WireStatus::Canceled, 10),
    };
    let (told, closed) = run(inquiry(7, 0), Nanos::secs(9), landed);
    assert_eq!((told, closed), (vec![ack(8, 5), done(7, 10, DoneWhy::Canceled)], true));
    let never = |_| state(7, WireStatus::Open, 10);
    assert_eq!(run(inquiry(7, 0), Nanos::secs(9), never), (vec![], false));
    let (told, closed) = run(inquiry(7, 0), Nanos::secs(12), never);
    let expired = rejected(ActionKind::Modify, RejectReason::Expired);
    assert_eq!((told, closed), (vec![expired, ack(7, 10)], true));
}

#[test]
fn an_order_that_the_venue_has_forgotten_is_over_once_positions_agree() {
    let (mut now, mut cases) = (Nanos::secs(20), Cases::default());
    cases.open(now, &inquiry(0, 7));
    for _ in 0..DENIALS {
        assert!(!cases.are_settled());
        let ask = cases.next(now).unwrap();
        cases.asked(now, &ask);
        cases.answered(now, ask.slot, ask.leg, None, &mut |_, _| panic!("nothing is certain"));
        now = now + RETRY_AFTER;
    }
    assert!(cases.are_settled(), "nothing more will be told");
    let mut told = Vec::new();
    cases.close_forgotten(&mut |_, kind| told.push(kind));
    let (leaves, why) = (MAX_QTY, DoneWhy::VenueCanceled);
    let done = VenueEventKind::Done(Done { oid: Oid(7), leaves, why, _pad: [0; 7] });
    assert_eq!((told, cases.open), (vec![done], 0));
}

#[test]
fn void_is_what_the_venues_clock_says() {
    let (now, mut told) = (Nanos::secs(20), Vec::new());
    let mut cases = Cases::default();
    cases.on_time(Nanos::secs(9));
    cases.open(now, &inquiry(0, 0));
    let mut round = |cases: &mut Cases, now| {
        let ask = cases.next(now).unwrap();
        let needs_time = cases.needs_time(now, &ask);
        cases.asked(now, &ask);
        // Told too late for the question that is under way.
        cases.on_time(Nanos::secs(11));
        cases.answered(now, ask.slot, ask.leg, None, &mut |_, kind| told.push(kind));
        (needs_time, told.len())
    };
    assert_eq!(round(&mut cases, now), (true, 0), "it may still be executed");
    assert_eq!(round(&mut cases, Nanos::secs(21)), (false, 1));
    assert!(cases.are_settled());
}

#[test]
fn a_known_leg_is_asked_for_by_its_oid() {
    let (told, _) = run(inquiry(0, 7), Nanos::secs(1), |_| state(7, WireStatus::Filled, 0));
    assert_eq!(told, vec![done(7, 0, DoneWhy::Filled)]);
    let (told, closed) = run(inquiry(0, 7), Nanos::secs(1), |_| {
        state(7, WireStatus::Unknown(crate::venue::hl::user::UnknownStatus::Other), 3)
    });
    assert_eq!((told, closed), (vec![], false), "a new word concludes nothing");
}

#[test]
fn an_answer_about_another_order_is_not_taken() {
    let mut cases = Cases::default();
    cases.open(Nanos::ZERO, &inquiry(0, 7));
    let ask = cases.next(Nanos::ZERO).unwrap();
    cases.asked(Nanos::ZERO, &ask);
    assert_eq!(cases.next(Nanos::ZERO), None);
    let mut other = state(7, WireStatus::Filled, 0);
    if let Some(state) = &mut other {
        state.order.cloid = Some(Cloid::new(1, 5, 8));
    }
    cases.answered(Nanos::ZERO, 5, Leg::Current, other, &mut |_, _| panic!("told"));
    assert!(!cases.are_settled());
    assert_eq!(cases.next(Nanos::secs(5)), Some(ask), "asked again when it seems lost");
    assert_eq!(cases.next_deadline(), Some(LOST_AFTER));
}
