//! What the gateway tells: events on their way to dispatch, and what the side thread may see.

use super::view::{GatewayView, VIEW_WORDS};
use crate::rt::Board;
use crate::types::AlertKind;
use crate::types::{AssetId, Cloid, Nanos, VenueEvent, VenueEventKind};
use crate::venue::hl::clock::VenueClock;
use std::collections::VecDeque;

/// Events on their way to dispatch, and what the side thread may see.
pub(super) struct Outbox {
    pub(super) events: VecDeque<VenueEvent>,
    /// What has no time of the venue's has happened there now.
    pub(super) venue: VenueClock,
    pub(super) view: GatewayView,
    pub(super) board: Board<VIEW_WORDS>,
}

impl Outbox {
    pub(super) fn push(&mut self, now: Nanos, cloid: Cloid, asset: AssetId, kind: VenueEventKind) {
        self.push_at(now, self.venue.at(now), cloid, asset, kind);
    }

    pub(super) fn push_at(
        &mut self,
        now: Nanos,
        venue_time: Nanos,
        cloid: Cloid,
        asset: AssetId,
        kind: VenueEventKind,
    ) {
        let event = VenueEvent::new(cloid, asset, [venue_time, now], kind);
        self.events.push_back(event);
    }

    /// Something about the account as a whole.
    pub(super) fn account(&mut self, now: Nanos, kind: VenueEventKind) {
        self.push(now, Cloid::default(), AssetId::default(), kind);
    }

    pub(super) fn notice(&mut self, now: Nanos, kind: AlertKind) {
        self.account(now, VenueEventKind::Notice(kind));
    }

    pub(super) fn show(&mut self, change: impl FnOnce(&mut GatewayView)) {
        change(&mut self.view);
        self.board.write(&self.view.words());
    }
}
