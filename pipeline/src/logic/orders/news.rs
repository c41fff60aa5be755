//! What the venue says of our orders, and what a person should know of it.

use super::{AssetOrders, CANCEL, Clocks, Orders};
use crate::logic::pause::Growth;
use crate::logic::slot::{Phase, Slot};
use crate::types::{
    ActionKind, Cloid, Done, DoneWhy, Nanos, Oid, Reject, RejectReason, Side, VenueEvent,
    VenueEventKind,
};

/// A cancel that was refused so often in a row is tried over HTTPS too, each time.
pub const HTTPS_AFTER: u32 = 3;

/// How long a coin's new orders pause when its orders vanish behind us.
const VANISHED: Growth = Growth { first: Nanos::secs(1), longest: Nanos::secs(60) };

/// Something that has become of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The venue refused to cancel it.
    CancelRefused {
        /// The order.
        cloid: Cloid,
        /// The venue's id of it.
        oid: Oid,
        /// How often in a row.
        tries: u32,
        /// No other cancel of the coin is refused.
        is_first: bool,
    },
    /// It left the book, and not by our doing.
    Vanished {
        /// How.
        why: DoneWhy,
        /// Which pause of its row this begins; zero = one holds already.
        nth: u32,
    },
}

impl Orders {
    /// When the action was sent that an event is the first word of; [`None`] = it acknowledges none.
    pub fn sent_of(&self, event: &VenueEvent) -> Option<Nanos> {
        let VenueEventKind::Ack { .. } = event.kind else { return None };
        let asset = self.assets.get(event.asset.index())?;
        let slot = &asset.slots[usize::from(event.cloid.slot()) % self.slots_per_asset];
        let is_asked = matches!(slot.phase(), Phase::Placing | Phase::Modifying);
        (is_asked && slot.cloid() == event.cloid).then(|| slot.sent_time())
    }

    /// Takes in a message about our orders. Fills must have been made unique before.
    pub fn on_venue(&mut self, event: &VenueEvent) -> Option<News> {
        match event.kind {
            VenueEventKind::LinkDown => {
                for AssetOrders { slots, .. } in &mut self.assets {
                    let used = slots.indices(|sets| sets.used);
                    used.for_each(|index| slots.change(index, Slot::on_link_down));
                }
                return None;
            }
            // Whatever was refused on the old link may be tried at once on a new one.
            VenueEventKind::LinkUp => {
                self.assets.iter_mut().for_each(|a| a.clocks.fill(Clocks::default()));
                return None;
            }
            _ => {}
        }
        let slots_per_asset = self.slots_per_asset;
        let asset = self.assets.get_mut(event.asset.index())?;
        match &event.kind {
            VenueEventKind::Fill(fill) => {
                asset.position += fill.side.signed(fill.qty);
                let hold = &mut asset.hold_until_book[fill.side.index()];
                *hold = (*hold).max(event.venue_time);
            }
            VenueEventKind::Opening { position, .. } => asset.position += *position,
            _ => {}
        }
        let index = usize::from(event.cloid.slot()) % slots_per_asset;
        let slot = &asset.slots[index];
        if slot.cloid() != event.cloid || slot.phase() == Phase::Empty {
            return None; // Word of an order that this slot is done with.
        }
        match &event.kind {
            VenueEventKind::Ack { oid, .. } => asset.on_ack(index, *oid),
            VenueEventKind::Fill(fill) => asset.slots.change(index, |slot| slot.on_fill(fill)),
            VenueEventKind::Done(done) => return asset.on_done(event.recv_time, index, done),
            VenueEventKind::Reject(reject) => return asset.on_reject(event, index, reject),
            _ => {}
        }
        None
    }
}

impl AssetOrders {
    fn on_ack(&mut self, index: usize, oid: Oid) {
        let was_unknown = self.slots[index].oid() == Oid::NONE;
        self.slots.change(index, |slot| slot.on_ack(oid));
        if was_unknown && self.slots[index].oid() == oid {
            // It went through. (An order that is asked about tells nothing of what was refused.)
            self.clocks[index] = Clocks::default();
        }
        let (side, _) = self.slots.place_of(index);
        self.crossed[side.index()].in_a_row = 0;
    }

    fn on_done(&mut self, now: Nanos, index: usize, done: &Done) -> Option<News> {
        let slot = &self.slots[index];
        let is_ours = matches!(done.why, DoneWhy::Filled | DoneWhy::Replaced);
        let vanished = slot.phase() == Phase::Live
            && slot.oid() == done.oid
            && !slot.is_cancel_refused()
            && !is_ours;
        self.slots.change(index, |slot| slot.on_done(now, done));
        vanished.then(|| News::Vanished { why: done.why, nth: self.vanished.begin(now, &VANISHED) })
    }

    fn on_reject(&mut self, event: &VenueEvent, index: usize, reject: &Reject) -> Option<News> {
        let (now, cloid) = (event.recv_time, event.cloid);
        let is_first = Side::BOTH.iter().all(|side| self.slots.of(*side).cancel_refused.is_empty());
        let (side, _) = self.slots.place_of(index);
        let slot = &self.slots[index];
        let (asked, oid) = (slot.asked()?, slot.oid());
        if !self.slots.change(index, |slot| slot.on_reject(now, reject)) {
            return None;
        }
        match (reject.of, reject.reason) {
            (_, RejectReason::BadAloPx) => {
                let limit = self.one_tick_behind(side, reject);
                self.crossed[side.index()].on_refused(now, event.venue_time, limit);
                None
            }
            // The order is over.
            (ActionKind::Modify | ActionKind::Cancel, RejectReason::NotFound) => None,
            (ActionKind::Cancel, reason) => {
                let clock = &mut self.clocks[index].cancel;
                clock.on_refused(now, CANCEL, reason);
                let tries = clock.in_a_row();
                Some(News::CancelRefused { cloid, oid, tries, is_first })
            }
            (of, reason) => {
                self.clocks[index].order.on_refused(now, (of, asked.0, asked.1), reason);
                None
            }
        }
    }
}
