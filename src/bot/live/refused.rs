//! Orders that the venue refuses to cancel over the order link are cancelled over HTTPS.

use super::Live;
use crate::when::utc;
use botmm_pipeline::logic::orders::HTTPS_AFTER;
use botmm_pipeline::types::Record;

impl Live {
    /// Takes note of an order whose cancel was refused once more.
    pub(super) fn note_refused(&mut self, record: &Record) {
        if let Record::CancelRefused { asset, oid, tries, .. } = *record
            && tries >= HTTPS_AFTER
        {
            self.refused.push(self.venue.order(asset, oid));
        }
    }

    /// Tries once for all of them. When to try again is for the order manager to say.
    pub(super) fn cancel_refused(&mut self) {
        let orders = core::mem::take(&mut self.refused);
        if orders.is_empty() {
            return;
        }
        let (now, count) = (self.clock.now(), orders.len());
        let said = match self.venue.cancel(now, &orders) {
            Ok(()) => format!("{count} orders that the order link could not cancel: HTTPS did"),
            Err(e) => format!("{count} orders rest, and neither way can cancel them: {e}"),
        };
        self.say(format!("{} {said}", utc(now)));
    }
}
