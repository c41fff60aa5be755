//! One order slot: (asset, side, level). It holds at most one order that is live or might be, and
//! knows how much of it could still fill.
//!
//! A modify replaces the order under a new oid with the same cloid, so for a while a slot has two
//! legs that may both fill. Messages may come in any order, twice, or not at all; what is not known
//! counts as unfilled and live.

use crate::types::{
    ActionKind, AssetId, Cloid, Done, Fill, Inquiry, Nanos, Oid, Px, Qty, Reject, RejectReason,
};

/// What a slot is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Phase {
    /// Nothing here.
    #[default]
    Empty,
    /// Sent, not acknowledged.
    Placing,
    /// Rests in the book.
    Live,
    /// Replacement sent, not acknowledged.
    Modifying,
    /// Cancel sent, not answered.
    Cancelling,
    /// The order is over; fills or the final word are still on their way.
    Ending,
    /// No answer in time, or the link was lost: it may be live, filled or gone.
    Unknown,
}

/// One life of an order under one oid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Leg {
    oid: Oid,
    px: Px,
    qty: Qty,
    filled: Qty,
    /// What was left when the venue said that it ended.
    ended_leaves: Option<Qty>,
}

impl Leg {
    fn new(px: Px, qty: Qty) -> Self {
        Self { oid: Oid::NONE, px, qty, filled: Qty::ZERO, ended_leaves: None }
    }
    /// What could still be filled, as far as we know.
    fn at_risk(&self) -> Qty {
        let leaves = self.ended_leaves.unwrap_or(Qty::ZERO);
        (self.qty - leaves - self.filled).max(Qty::ZERO)
    }
    /// Over, and every fill of it has been seen.
    fn is_settled(&self) -> bool {
        self.at_risk().is_zero()
    }
}

/// Oids that a slot's order had before, remembered so that late or repeated words of a former leg
/// are not taken for words of the newest one.
const PAST_OIDS: usize = 16;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slot {
    phase: Phase,
    cloid: Cloid,
    /// Being replaced by `current`.
    old: Option<Leg>,
    current: Option<Leg>,
    sent_time: Nanos,
    /// After this venue time the newest place or modify is void, if it has not arrived.
    void_after: Nanos,
    past: [Oid; PAST_OIDS],
    past_next: usize,
}

impl Slot {
    /// A new order was sent.
    pub fn place(&mut self, now: Nanos, cloid: Cloid, px: Px, qty: Qty) {
        assert_eq!(self.phase, Phase::Empty, "a slot holds one order");
        *self = Self {
            phase: Phase::Placing,
            cloid,
            old: None,
            current: Some(Leg::new(px, qty)),
            sent_time: now,
            ..Self::default()
        };
    }

    /// A replacement of price and size was sent.
    pub fn modify(&mut self, now: Nanos, px: Px, qty: Qty) {
        assert!(self.is_settled_live(), "only a live order without another leg is modified");
        self.old = self.current.replace(Leg::new(px, qty));
        (self.phase, self.sent_time) = (Phase::Modifying, now);
    }

    /// What was just sent (a place or modify) is void at the venue after this time of its own. It
    /// stays so, whatever limits hold later.
    pub fn set_void_after(&mut self, venue_time: Nanos) {
        self.void_after = venue_time;
    }

    /// A cancel was sent.
    pub fn cancel(&mut self, now: Nanos) {
        assert_eq!(self.phase, Phase::Live, "only a live order is cancelled");
        (self.phase, self.sent_time) = (Phase::Cancelling, now);
    }

    /// The action was not taken after all: nothing was sent.
    pub fn undo(&mut self) {
        match self.phase {
            Phase::Placing => *self = Self::default(),
            Phase::Modifying => {
                self.current = self.old.take();
                self.phase = Phase::Live;
            }
            Phase::Cancelling => self.phase = Phase::Live,
            phase => panic!("nothing to undo in {phase:?}"),
        }
    }

    /// The order rests under this oid.
    pub fn on_ack(&mut self, oid: Oid) {
        let is_old = self.old.is_some_and(|old| old.oid == oid);
        if is_old || self.leg_mut(oid).is_none_or(|leg| leg.ended_leaves.is_some()) {
            return; // A late acknowledgement of what was replaced, or is over.
        }
        if matches!(self.phase, Phase::Placing | Phase::Modifying | Phase::Unknown) {
            self.phase = Phase::Live;
        }
        self.settle();
    }

    /// The order traded. (The ledger books the fill, whatever the slot makes of it.)
    pub fn on_fill(&mut self, fill: &Fill) {
        if let Some(leg) = self.leg_mut(fill.oid) {
            leg.filled += fill.qty;
        }
        self.settle();
    }

    /// The order left the book.
    pub fn on_done(&mut self, now: Nanos, done: &Done) {
        if let Some(leg) = self.leg_mut(done.oid) {
            leg.ended_leaves = Some(done.leaves);
            self.sent_time = now;
        }
        self.settle();
    }

    /// An item about this order was refused.
    pub fn on_reject(&mut self, now: Nanos, reject: &Reject) {
        let unanswered = self.current.is_some_and(|c| c.oid == Oid::NONE);
        match (reject.of, self.phase) {
            (ActionKind::Place, Phase::Placing | Phase::Unknown)
                if unanswered && self.old.is_none() =>
            {
                *self = Self::default();
            }
            (ActionKind::Modify, Phase::Modifying | Phase::Unknown) if unanswered => {
                // The new leg never was. The old one may already be cancelled: its end, its fills
                // or an inquiry will tell.
                self.current = self.old.take();
                self.sent_time = now;
                self.phase = match (self.current, self.phase) {
                    (None, _) => Phase::Empty,
                    (Some(_), Phase::Unknown) => Phase::Unknown,
                    (Some(_), _) => Phase::Ending,
                };
            }
            (ActionKind::Cancel, Phase::Cancelling | Phase::Unknown) => {
                self.phase = match (reject.reason, self.phase) {
                    (_, Phase::Unknown) => Phase::Unknown,
                    (RejectReason::NotFound, _) => Phase::Ending,
                    _ => Phase::Live,
                };
                self.sent_time = now;
            }
            _ => {}
        }
        self.settle();
    }

    /// No answer for `timeout`: unknown. True when that happens now.
    pub fn expire(&mut self, now: Nanos, timeout: Nanos) -> bool {
        let waiting = self.is_waiting() && now - self.sent_time >= timeout;
        if waiting {
            self.phase = Phase::Unknown;
        }
        waiting
    }

    /// When [`Slot::expire`] would say so.
    pub fn deadline(&self, timeout: Nanos) -> Option<Nanos> {
        self.is_waiting().then(|| self.sent_time + timeout)
    }

    /// The link was lost: whatever was on its way is unknown.
    pub fn on_link_down(&mut self) {
        if self.phase != Phase::Empty {
            self.phase = Phase::Unknown;
        }
    }

    /// What has to be asked about an order whose fate is unknown.
    pub fn inquiry(&self, asset: AssetId) -> Option<Inquiry> {
        let current = self.current.filter(|_| self.phase == Phase::Unknown)?;
        // The leg that a modify replaces may be settled before the modify is answered. It must be
        // named all the same, or what the venue knows of it is taken for word of the new leg.
        let settled = if current.oid == Oid::NONE { self.newest_past() } else { Oid::NONE };
        Some(Inquiry {
            cloid: self.cloid,
            asset,
            old: self.old.map_or(settled, |old| old.oid),
            current: current.oid,
            void_after: self.void_after,
        })
    }

    /// What could still be filled in this slot, at worst.
    pub fn at_risk(&self) -> Qty {
        self.old.map_or(Qty::ZERO, |l| l.at_risk())
            + self.current.map_or(Qty::ZERO, |l| l.at_risk())
    }

    /// What it is waiting for.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The order's id at ours.
    pub fn cloid(&self) -> Cloid {
        self.cloid
    }

    /// A resting order: its oid, price and unfilled size. [`None`] unless it is live and alone.
    pub fn working(&self) -> Option<(Oid, Px, Qty)> {
        let current = self.current.filter(|_| self.is_settled_live())?;
        Some((current.oid, current.px, current.qty - current.filled))
    }

    /// Whether some order of the slot rests in the book, as far as we know.
    pub fn is_in_book(&self) -> bool {
        matches!(self.phase, Phase::Live | Phase::Modifying | Phase::Cancelling)
    }

    /// Price that the newest leg asks for.
    pub fn px(&self) -> Option<Px> {
        self.current.map(|c| c.px)
    }

    fn is_settled_live(&self) -> bool {
        self.phase == Phase::Live && self.old.is_none()
    }

    /// Something about it has still to come: an answer, or the end of what was replaced.
    fn is_waiting(&self) -> bool {
        match self.phase {
            Phase::Placing | Phase::Modifying | Phase::Cancelling | Phase::Ending => true,
            Phase::Live => self.old.is_some(),
            Phase::Empty | Phase::Unknown => false,
        }
    }

    /// The leg that an event with this oid concerns. A current leg without an oid adopts it.
    fn leg_mut(&mut self, oid: Oid) -> Option<&mut Leg> {
        if self.old.is_some_and(|old| old.oid == oid) {
            return self.old.as_mut();
        }
        let is_past = self.past.contains(&oid);
        let current = self.current.as_mut()?;
        if current.oid == Oid::NONE && !is_past {
            current.oid = oid;
        }
        (current.oid == oid).then_some(current)
    }

    /// Whatever is still said of this oid is old news.
    fn forget(&mut self, oid: Oid) {
        self.past[self.past_next % PAST_OIDS] = oid;
        self.past_next += 1;
    }

    /// The oid that was forgotten last; [`Oid::NONE`] = the order had none before.
    fn newest_past(&self) -> Oid {
        self.past_next.checked_sub(1).map_or(Oid::NONE, |newest| self.past[newest % PAST_OIDS])
    }

    /// Lets go of legs that are over.
    fn settle(&mut self) {
        if let Some(old) = self.old.take_if(|leg| leg.is_settled()) {
            self.forget(old.oid);
        }
        match self.current {
            Some(leg) if leg.is_settled() => {
                // What it replaced may still be unsettled: then that is all there is left.
                self.forget(leg.oid);
                self.current = self.old.take();
                self.phase = if self.current.is_some() { Phase::Ending } else { Phase::Empty };
            }
            Some(leg) if leg.ended_leaves.is_some() && self.phase != Phase::Unknown => {
                self.phase = Phase::Ending;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
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
        Reject { of, reason, _pad: [0; 6], best_bid: Px::ZERO, best_ask: Px::ZERO }
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
    fn a_refused_modify_falls_back_to_the_old_leg_and_waits_for_its_end() {
        let mut s = live();
        s.modify(Nanos::ZERO, Px::whole(99), qty(5));
        s.on_reject(Nanos::ZERO, &reject(ActionKind::Modify, RejectReason::NotFound));
        assert_eq!((s.at_risk(), s.phase()), (qty(10), Phase::Ending));
        s.on_fill(&fill(1, 10));
        assert_eq!(s.phase(), Phase::Empty);
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
}
