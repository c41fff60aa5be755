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
    /// The newest oid that the order had before. The venue's oids grow: late or repeated words of it,
    /// or of an older one, are not taken for words of the newest leg.
    past: Oid,
    /// Where a cancel that could not be sent leads back to.
    before_cancel: Phase,
    /// The venue refused to cancel it, and it is not wanted still.
    cancel_refused: bool,
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

    /// When the newest action about it was sent.
    pub fn sent_time(&self) -> Nanos {
        self.sent_time
    }

    /// What was just sent (a place or modify) is void at the venue after this time of its own. It
    /// stays so, whatever limits hold later.
    pub fn set_void_after(&mut self, venue_time: Nanos) {
        self.void_after = venue_time;
    }

    /// A cancel was sent.
    pub fn cancel(&mut self, now: Nanos) {
        assert!(self.can_be_cancelled(), "only what is not known to be over is cancelled");
        self.before_cancel = self.phase;
        (self.phase, self.sent_time) = (Phase::Cancelling, now);
    }

    /// The order is wanted as it is, whatever became of a cancel.
    pub fn keep(&mut self) {
        self.cancel_refused = false;
    }

    /// The action was not taken after all: nothing was sent.
    pub fn undo(&mut self) {
        match self.phase {
            Phase::Placing => *self = Self::default(),
            Phase::Modifying => {
                self.current = self.old.take();
                self.phase = Phase::Live;
            }
            Phase::Cancelling => self.phase = self.before_cancel,
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

    /// Something about this order was refused; false when that is no news of its newest action.
    pub fn on_reject(&mut self, now: Nanos, reject: &Reject) -> bool {
        let unanswered = self.current.is_some_and(|c| c.oid == Oid::NONE);
        match (reject.of, self.phase) {
            (ActionKind::Place, Phase::Placing | Phase::Unknown)
                if unanswered && self.old.is_none() =>
            {
                *self = Self::default();
            }
            (ActionKind::Modify, Phase::Modifying | Phase::Unknown) if unanswered => {
                // The new leg never was.
                self.current = self.old.take();
                self.sent_time = now;
                self.phase = match (self.current, self.phase) {
                    (None, _) => Phase::Empty,
                    (Some(_), Phase::Unknown) => Phase::Unknown,
                    // The old order may already be cancelled, unless nothing was looked at: it is
                    // asked for.
                    (Some(_), _) if Self::is_untouched(reject) => Phase::Live,
                    (Some(_), _) => Phase::Unknown,
                };
            }
            (ActionKind::Cancel, Phase::Cancelling | Phase::Unknown) => {
                let is_gone = reject.reason == RejectReason::NotFound;
                self.cancel_refused |= !is_gone;
                self.phase = match self.phase {
                    Phase::Cancelling if is_gone => Phase::Ending,
                    _ => Phase::Unknown,
                };
                self.sent_time = now;
            }
            _ => return false,
        }
        self.settle();
        true
    }

    /// Whether a refused modify has left the old order as it was.
    fn is_untouched(reject: &Reject) -> bool {
        reject.is_whole && reject.reason != RejectReason::NotFound
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
        let settled = if current.oid == Oid::NONE { self.past } else { Oid::NONE };
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

    /// An order that a cancel may be sent for, live or not known to be over: its oid, price and
    /// unfilled size.
    pub fn cancellable(&self) -> Option<(Oid, Px, Qty)> {
        let current = self.current.filter(|_| self.can_be_cancelled())?;
        Some((current.oid, current.px, current.at_risk()))
    }

    /// Whether the venue refused to cancel an order that is still not wanted.
    pub fn is_cancel_refused(&self) -> bool {
        self.cancel_refused && self.phase != Phase::Empty
    }

    /// What was asked for last of price and size.
    pub fn asked(&self) -> Option<(Px, Qty)> {
        self.current.map(|c| (c.px, c.qty))
    }

    /// The oid of its newest leg; [`Oid::NONE`] = not known yet, or there is none.
    pub fn oid(&self) -> Oid {
        self.current.map_or(Oid::NONE, |c| c.oid)
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

    fn can_be_cancelled(&self) -> bool {
        let is_known = |leg: Leg| leg.oid != Oid::NONE && leg.ended_leaves.is_none();
        matches!(self.phase, Phase::Live | Phase::Unknown)
            && self.old.is_none()
            && self.current.is_some_and(is_known)
    }

    /// Something about it has still to come: an answer, or the end of what was replaced.
    pub fn is_waiting(&self) -> bool {
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
        let is_past = oid <= self.past;
        let current = self.current.as_mut()?;
        if current.oid == Oid::NONE && !is_past {
            current.oid = oid;
        }
        (current.oid == oid).then_some(current)
    }

    /// Whatever is still said of this oid, or of an older one, is old news.
    fn forget(&mut self, oid: Oid) {
        self.past = self.past.max(oid);
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
mod tests;
