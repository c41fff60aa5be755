//! Orders whose fate is unknown, and how it is found out: by asking the venue for each leg, and
//! concluding only what its answers allow.
//!
//! | asked for | the venue says | conclusion |
//! |---|---|---|
//! | a leg by oid | open | it rests |
//! | | ended | it ended, with so much left |
//! | | nothing | nothing yet: this server of the venue does not know it yet |
//! | by our id (the newest leg was never acknowledged) | another oid than the old leg's | it arrived: as above, or it was refused |
//! | | nothing, or only the old leg | nothing yet, until the action is void: then it never arrived |
//!
//! A venue that goes on denying an order which it had acknowledged has forgotten it (it was set up
//! anew). Then it is over, once the positions agree: no fill of it is missing.
//!
//! Void is what the venue's own clock says: our two clocks may be apart, and a venue that stood still
//! goes on where it stopped.

use super::posts::Leg;
use crate::types::limits::{MAX_ASSETS, MAX_QTY, SLOTS_PER_ASSET};
use crate::types::{
    ActionKind, Cloid, Done, DoneWhy, Inquiry, Nanos, Oid, Qty, Reject, RejectReason,
    VenueEventKind,
};
use crate::venue::hl::user::{OrderState, VenueCancel, WireStatus};

/// A case that cannot be concluded yet, or whose questions were lost, is asked again after this.
const RETRY_AFTER: Nanos = Nanos::secs(1);
const LOST_AFTER: Nanos = Nanos::secs(5);
/// One server of the venue's may lag behind another: an action is taken for void this much later.
const VOID_GRACE: Nanos = Nanos::secs(1);
/// Rounds in a row in which the venue does not know an order that it had acknowledged, before that
/// is believed: longer than any of its servers lags behind.
const DENIALS: u32 = 8;

const SLOTS: usize = MAX_ASSETS * SLOTS_PER_ASSET;

/// How far a question about one leg is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Reply {
    /// Nothing to ask.
    #[default]
    NotNeeded,
    /// To be asked.
    Wanted,
    /// Asked, at this time.
    Asked(Nanos),
    /// Answered; [`None`] = the venue does not know such an order.
    Known(Option<OrderState>),
}

#[derive(Clone, Copy, Debug)]
struct Case {
    inquiry: Inquiry,
    by_cloid: Reply,
    old: Reply,
    current: Reply,
    not_before: Nanos,
    /// The venue's time that was known when it was last asked by our id.
    asked_at: Nanos,
    /// Rounds in a row in which the venue denied an order that it had acknowledged.
    denied: u32,
}

impl Case {
    fn new(inquiry: Inquiry, not_before: Nanos) -> Self {
        let wanted = |needed: bool| if needed { Reply::Wanted } else { Reply::NotNeeded };
        let acked = inquiry.current != Oid::NONE;
        Self {
            inquiry,
            by_cloid: wanted(!acked),
            current: wanted(acked),
            old: wanted(inquiry.old != Oid::NONE),
            not_before,
            asked_at: Nanos::ZERO,
            denied: 0,
        }
    }

    fn is_denied(&self) -> bool {
        [self.current, self.old].contains(&Reply::Known(None))
    }

    fn reply_mut(&mut self, leg: Leg) -> &mut Reply {
        match leg {
            Leg::ByCloid => &mut self.by_cloid,
            Leg::Old => &mut self.old,
            Leg::Current => &mut self.current,
        }
    }

    /// Venue time from which on it is certain that the action does nothing any more.
    fn void_after(&self) -> Nanos {
        self.inquiry.void_after + VOID_GRACE
    }

    fn is_answered(&self) -> bool {
        let open = |r: &Reply| matches!(r, Reply::Wanted | Reply::Asked(_));
        !open(&self.by_cloid) && !open(&self.old) && !open(&self.current)
    }
}

/// A question to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The slot that it concerns.
    pub slot: u16,
    /// Which leg.
    pub leg: Leg,
    /// By the venue's id, or [`Oid::NONE`] = by ours.
    pub oid: Oid,
    /// Ours.
    pub cloid: Cloid,
}

/// See the module.
#[derive(Debug)]
pub struct Cases {
    by_slot: Vec<Option<Case>>,
    open: usize,
    /// Nothing can be asked until then.
    held_until: Nanos,
    /// The venue's newest time that we were told.
    venue_time: Nanos,
}

impl Default for Cases {
    fn default() -> Self {
        Self {
            by_slot: vec![None; SLOTS],
            open: 0,
            held_until: Nanos::ZERO,
            venue_time: Nanos::ZERO,
        }
    }
}

impl Cases {
    /// Begins to find out, unless that is under way.
    pub fn open(&mut self, now: Nanos, inquiry: &Inquiry) {
        let Some(entry) = self.by_slot.get_mut(usize::from(inquiry.cloid.slot())) else { return };
        let same = |c: &Case| {
            let known = &c.inquiry;
            (known.cloid, known.old, known.current) == (inquiry.cloid, inquiry.old, inquiry.current)
        };
        if entry.as_ref().is_some_and(same) {
            return;
        }
        self.open += usize::from(entry.is_none());
        *entry = Some(Case::new(*inquiry, now));
    }

    /// Whether nothing is to be found out, but what the venue will not tell.
    pub fn are_settled(&self) -> bool {
        self.open == 0 || self.by_slot.iter().flatten().all(|c| c.denied >= DENIALS)
    }

    /// The venue's positions are ours: what it has forgotten is over, and nothing of it is missing.
    pub fn close_forgotten(&mut self, tell: &mut impl FnMut(&Inquiry, VenueEventKind)) {
        if self.open == 0 {
            return;
        }
        for entry in &mut self.by_slot {
            let Some(case) = entry.take_if(|c| c.denied >= DENIALS) else { continue };
            self.open -= 1;
            let inquiry = &case.inquiry;
            if inquiry.current == Oid::NONE {
                tell(inquiry, rejected(ActionKind::Modify, RejectReason::NotFound));
            }
            for oid in [inquiry.current, inquiry.old].into_iter().filter(|oid| *oid != Oid::NONE) {
                // All that was left of it, however much that was.
                let (leaves, why) = (MAX_QTY, DoneWhy::VenueCanceled);
                tell(inquiry, VenueEventKind::Done(Done { oid, leaves, why, _pad: [0; 7] }));
            }
        }
    }

    /// Whether this order is one of them.
    pub fn concerns(&self, cloid: Cloid) -> bool {
        let case = self.by_slot.get(usize::from(cloid.slot())).and_then(Option::as_ref);
        case.is_some_and(|c| c.inquiry.cloid == cloid)
    }

    /// The link is gone: what was asked will not be answered.
    pub fn ask_again(&mut self) {
        for case in self.by_slot.iter_mut().flatten() {
            *case = Case::new(case.inquiry, case.not_before);
        }
    }

    /// The next question that is due. [`Cases::asked`] must follow when it was sent.
    pub fn next(&self, now: Nanos) -> Option<Ask> {
        let due = |reply: &Reply| match reply {
            Reply::Wanted => true,
            Reply::Asked(at) => now - *at >= LOST_AFTER,
            Reply::NotNeeded | Reply::Known(_) => false,
        };
        if now < self.held_until {
            return None;
        }
        let mut ready = self.by_slot.iter().flatten().filter(|c| now >= c.not_before);
        ready.find_map(|case| {
            let Inquiry { cloid, old, current, .. } = case.inquiry;
            let ask = |leg, oid| Some(Ask { slot: cloid.slot(), leg, oid, cloid });
            if due(&case.by_cloid) {
                ask(Leg::ByCloid, Oid::NONE)
            } else if due(&case.current) {
                ask(Leg::Current, current)
            } else if due(&case.old) {
                ask(Leg::Old, old)
            } else {
                None
            }
        })
    }

    /// A question was sent.
    pub fn asked(&mut self, now: Nanos, ask: &Ask) {
        if let Some(case) = &mut self.by_slot[usize::from(ask.slot)] {
            *case.reply_mut(ask.leg) = Reply::Asked(now);
            case.asked_at = self.venue_time;
        }
    }

    /// The venue told its time.
    pub fn on_time(&mut self, venue_time: Nanos) {
        self.venue_time = self.venue_time.max(venue_time);
    }

    /// Whether the answer to this will conclude nothing for want of the venue's word: at the venue it
    /// should be `venue_now`, when the action is void; it has not said so yet.
    pub fn needs_time(&self, venue_now: Nanos, ask: &Ask) -> bool {
        let case = self.by_slot[usize::from(ask.slot)].as_ref();
        let void = case.filter(|_| ask.leg == Leg::ByCloid).map(Case::void_after);
        void.is_some_and(|void| venue_now >= void && self.venue_time < void)
    }

    /// A question could not be sent: none is due until then.
    pub fn hold(&mut self, until: Nanos) {
        self.held_until = until;
    }

    /// An answer came. When it was the last one, what follows from all of them is told.
    pub fn answered(
        &mut self,
        now: Nanos,
        slot: u16,
        leg: Leg,
        found: Option<OrderState>,
        tell: &mut impl FnMut(&Inquiry, VenueEventKind),
    ) {
        let Some(case) = &mut self.by_slot[usize::from(slot)] else { return };
        let about = |s: &OrderState| s.order.cloid.is_none_or(|c| c == case.inquiry.cloid);
        if !found.as_ref().is_none_or(about) || *case.reply_mut(leg) == Reply::NotNeeded {
            return; // The answer to a question about an order that the slot had before.
        }
        *case.reply_mut(leg) = Reply::Known(found);
        if !case.is_answered() {
            return;
        }
        if conclude(case, tell) {
            self.by_slot[usize::from(slot)] = None;
            self.open -= 1;
        } else {
            let denied = if case.is_denied() { case.denied.saturating_add(1) } else { 0 };
            *case = Case { denied, ..Case::new(case.inquiry, now + RETRY_AFTER) };
        }
    }

    /// When there is something to ask.
    pub fn next_deadline(&self) -> Option<Nanos> {
        let due = |case: &Case| {
            let of = |reply: Reply| match reply {
                Reply::Wanted => Some(case.not_before),
                Reply::Asked(at) => Some(at + LOST_AFTER),
                Reply::NotNeeded | Reply::Known(_) => None,
            };
            [of(case.by_cloid), of(case.old), of(case.current)].into_iter().flatten().min()
        };
        self.by_slot.iter().flatten().filter_map(due).min().map(|due| due.max(self.held_until))
    }
}

/// Tells what is certain; true when the case is closed.
fn conclude(case: &Case, tell: &mut impl FnMut(&Inquiry, VenueEventKind)) -> bool {
    // An order that was acknowledged is known to the venue, if not yet to the server we asked.
    if case.is_denied() {
        return false;
    }
    let inquiry = &case.inquiry;
    let mut closed = true;
    if let Reply::Known(found) = case.by_cloid {
        let is_modify = inquiry.old != Oid::NONE;
        let of = if is_modify { ActionKind::Modify } else { ActionKind::Place };
        // The venue's ids grow: an older one is that of a leg of long ago.
        let arrived = found.filter(|state| state.order.oid > inquiry.old);
        match arrived {
            Some(state) => match refusal(&state.status) {
                Some(reason) => tell(inquiry, rejected(of, reason)),
                None => closed &= tell_state(inquiry, &state, tell),
            },
            None if case.asked_at >= case.void_after() => {
                tell(inquiry, rejected(of, RejectReason::Expired));
            }
            None => closed = false,
        }
    }
    // Only now: a slot must know that the new leg never was before it hears of the old one again.
    if closed {
        for reply in [case.current, case.old] {
            if let Reply::Known(Some(state)) = reply {
                closed &= tell_state(inquiry, &state, tell);
            }
        }
    }
    closed
}

/// Tells that an order rests or has ended; false when the venue's word says neither.
fn tell_state(
    inquiry: &Inquiry,
    state: &OrderState,
    tell: &mut impl FnMut(&Inquiry, VenueEventKind),
) -> bool {
    match event_of(state) {
        Some(kind) => {
            tell(inquiry, kind);
            true
        }
        None => false,
    }
}

/// What the venue's word on an order means to its slot; [`None`] when it never rested, or the word
/// is new to us.
pub fn event_of(state: &OrderState) -> Option<VenueEventKind> {
    let (oid, leaves) = (state.order.oid, state.order.leaves);
    if state.status.is_open() {
        return Some(VenueEventKind::Ack { oid, leaves });
    }
    if !state.status.is_terminal() || state.status.never_rested() {
        return None;
    }
    let (why, leaves) = match state.status {
        WireStatus::Filled => (DoneWhy::Filled, Qty::ZERO),
        WireStatus::Canceled => (DoneWhy::Canceled, leaves),
        WireStatus::CanceledByVenue(VenueCancel::Margin) => (DoneWhy::Margin, leaves),
        WireStatus::CanceledByVenue(VenueCancel::Delisted) => (DoneWhy::Delisted, leaves),
        WireStatus::CanceledByVenue(VenueCancel::Liquidated) => (DoneWhy::Liquidated, leaves),
        _ => (DoneWhy::VenueCanceled, leaves),
    };
    Some(VenueEventKind::Done(Done { oid, leaves, why, _pad: [0; 7] }))
}

fn refusal(status: &WireStatus) -> Option<RejectReason> {
    match status {
        WireStatus::Rejected(reason) => Some(*reason),
        status if status.never_rested() => Some(RejectReason::Other),
        _ => None,
    }
}

fn rejected(of: ActionKind, reason: RejectReason) -> VenueEventKind {
    VenueEventKind::Reject(Reject::new(of, reason))
}

#[cfg(test)]
mod tests;
