//! The list of open orders: what is not ours, what nobody here knows, and what is missing from it.

use super::holdings::Resting;
use super::posts::Question;
use super::reconcile::{STEP_PAUSE, Step};
use super::weights::Urgency;
use super::{HlGateway, Known};
use crate::types::AlertKind;
use crate::types::limits::MAX_BATCH;
use crate::types::{Inquiry, Nanos, Oid};
use crate::venue::Transport;
use crate::venue::hl::sign::{Envelope, WireAction, WireCancel};
use crate::venue::hl::user::VenueOrder;

/// Orders of ours that nobody knows, cancelled in one round.
const MAX_STRAYS: usize = MAX_BATCH;

impl Known {
    /// The venue says that this order is gone, and not by our doing: its state is asked for, if
    /// nothing else tells it.
    pub(super) fn ask_about(&mut self, now: Nanos, venue_now: Nanos, oid: Oid) {
        if let Some(resting) = self.holdings.take_resting(|r| r.oid == oid) {
            self.cases.open(now, &inquiry(venue_now, &resting));
        }
    }
}

/// What became of an order that we hold for resting?
fn inquiry(void_after: Nanos, resting: &Resting) -> Inquiry {
    let Resting { cloid, asset, oid, .. } = *resting;
    Inquiry { cloid, asset, old: Oid::NONE, current: oid, void_after }
}

impl<T: Transport> HlGateway<T> {
    /// One order of the list.
    pub(super) fn on_listed(&mut self, order: &VenueOrder) {
        let Self { wire, known, .. } = self;
        let state = &mut known.reconcile;
        let Some(cloid) = order.cloid.filter(|c| c.is_ours()) else {
            state.foreign += 1;
            return;
        };
        state.listed.push(order.oid);
        state.others_rest |= known.others.are_owners(cloid);
        let known = known.holdings.knows(cloid)
            || known.cases.concerns(cloid)
            || wire.posts.concerns(cloid);
        match order.asset {
            _ if known => {}
            Some(asset) => state.strays.push((asset, order.oid)),
            None => state.foreign += 1, // Of a coin that this run does not trade.
        }
    }

    /// The list of open orders is complete.
    pub(super) fn on_orders(&mut self, now: Nanos) {
        let Self { known, out, .. } = self;
        let state = &mut known.reconcile;
        let first = *state.first_orders.get_or_insert(now);
        let foreign = state.foreign;
        out.show(|view| view.foreign_orders = foreign);
        if foreign > 0 && foreign != state.said_foreign {
            out.notice(now, AlertKind::ForeignOrders);
        }
        state.said_foreign = foreign;
        self.find_missing(now);
        if self.watch_others(now) {
            return;
        }
        let state = &mut self.known.reconcile;
        let strays = !state.strays.is_empty();
        if strays && !state.said_strays {
            self.out.notice(now, AlertKind::Leftovers);
        }
        state.said_strays = strays;
        if strays {
            self.cancel_strays(now);
            let state = &mut self.known.reconcile;
            match state.step {
                Step::Up => (state.waiting, state.next_orders) = (None, now + STEP_PAUSE),
                _ => state.again(now, Step::Orders, STEP_PAUSE),
            }
        } else if state.step == Step::Up {
            state.waiting = None;
        } else if now < first + self.wire.config.settle {
            // What a killed run sent last may arrive after this list: read it again until that is
            // void.
            state.again(now, Step::Orders, STEP_PAUSE);
        } else {
            state.go(Step::Cases);
        }
    }

    /// At the opening, orders of another run are left alone until it is known that it does not live;
    /// false when that is known. After a run that was killed it is more urgent that they go.
    fn watch_others(&mut self, now: Nanos) -> bool {
        let Self { known: Known { reconcile: state, others, holdings, .. }, wire, .. } = self;
        if !state.others_rest || holdings.is_opened() || wire.config.settle > Nanos::ZERO {
            return false;
        }
        let until = others.watched_until(now);
        let watches = now < until;
        if watches {
            state.again(now, Step::Orders, until - now);
        }
        watches
    }

    /// Orders that we hold for resting, and that the venue does not list: they become cases.
    fn find_missing(&mut self, now: Nanos) {
        let Self { known, wire, out, .. } = self;
        let state = &known.reconcile;
        let missing = |r: &Resting| {
            r.since < state.orders_asked
                && !state.listed.contains(&r.oid)
                && !wire.posts.concerns(r.cloid)
        };
        while let Some(resting) = known.holdings.take_resting(missing) {
            known.cases.open(now, &inquiry(out.venue.at(now), &resting));
        }
    }

    fn cancel_strays(&mut self, now: Nanos) {
        let Self { wire, transport, known, .. } = self;
        let strays = &known.reconcile.strays;
        let mut cancels = [WireCancel::<Oid>::default(); MAX_STRAYS];
        let count = strays.len().min(MAX_STRAYS);
        for (cancel, (asset, oid)) in cancels.iter_mut().zip(strays) {
            *cancel = WireCancel { asset: wire.universe.get(*asset).venue_index, id: *oid };
        }
        if !wire.posts.has_room(true) || !wire.weights.spend(now, 1, Urgency::Cancel) {
            return;
        }
        let nonce = wire.nonce.next(now);
        let envelope = Envelope { nonce, vault: wire.config.vault, expires_after: None };
        let action = WireAction::Cancel { cancels: &cancels[..count], fast: true };
        wire.buffer.clear();
        wire.signer.tend(now);
        wire.signer.write_post(wire.posts.next_id(), &action, &envelope, &mut wire.buffer);
        if transport.send(now, &wire.buffer) {
            wire.posts.sent(now, Question::CancelStrays);
        }
    }
}
