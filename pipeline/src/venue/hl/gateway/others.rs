//! Another process of ours that trades on the same account: it bears our tag and the number of another
//! run, and it *acts*. Two would use each other's limits up, and each other's nonces.
//!
//! Orders that merely rest are an earlier run's. So before they are touched they are watched for as long
//! as an action may be on its way: what comes to rest meanwhile was sent by a process that lives. Later
//! on the younger of the two is the one too many; the older one tells of it and goes on.

use crate::types::AlertKind;
use crate::types::{Cloid, Nanos};
use crate::venue::hl::user::OrderState;

/// See the module.
#[derive(Debug)]
pub struct Others {
    /// Number of this run.
    session: u32,
    /// How long to watch; [`None`] = others may trade here.
    watch: Option<Nanos>,
    /// What comes to rest after this venue time was sent by a process that lives.
    acts_from: Option<Nanos>,
    /// Until when orders that rest are left alone, by our clock.
    watched_until: Option<Nanos>,
    said: Option<AlertKind>,
}

impl Others {
    /// For a run of this number.
    pub fn new(session: u32, watch: Option<Nanos>) -> Self {
        Self { session, watch, acts_from: None, watched_until: None, said: None }
    }

    /// The link is ready for the first time. Until `from` (venue time) an earlier run's actions may
    /// still arrive.
    pub fn begin(&mut self, from: Nanos) {
        self.acts_from.get_or_insert(from);
    }

    /// Whether this order is another run's.
    pub fn are_owners(&self, cloid: Cloid) -> bool {
        cloid.is_ours() && cloid.session() != self.session
    }

    /// Until when others' orders are only looked at; the watch begins with the first call.
    pub fn watched_until(&mut self, now: Nanos) -> Nanos {
        *self.watched_until.get_or_insert(now + self.watch.unwrap_or(Nanos::ZERO))
    }

    /// What an order's update shows; said once. `has_begun`: we trade on this account already.
    pub fn on_update(&mut self, state: &OrderState, has_begun: bool) -> Option<AlertKind> {
        let cloid = state.order.cloid.filter(|c| self.are_owners(*c))?;
        let (Some(_), Some(from)) = (self.watch, self.acts_from) else { return None };
        // One that trades a little is told of too, and has not been placed now.
        let is_new = state.status.is_open() && state.order.leaves == state.order.orig;
        if !is_new || state.time <= from {
            return None;
        }
        let kind = match has_begun && cloid.session() > self.session {
            true => AlertKind::YoungerProcess,
            false => AlertKind::OtherProcess,
        };
        (self.said.replace(kind) != Some(kind)).then_some(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Oid, Px, Qty, Side};
    use crate::venue::hl::user::{VenueOrder, WireStatus};

    const OWN: u32 = 7;

    fn update(session: u32, time_s: i64, status: WireStatus, leaves: i64) -> OrderState {
        let order = VenueOrder {
            asset: None,
            oid: Oid(1),
            cloid: Some(Cloid::new(session, 0, 1)),
            side: Side::Bid,
            reduce_only: false,
            px: Px::whole(1),
            leaves: Qty::whole(leaves),
            orig: Qty::whole(2),
        };
        OrderState { order, status, time: Nanos::secs(time_s) }
    }

    fn watching() -> Others {
        let mut others = Others::new(OWN, Some(Nanos::secs(3)));
        others.begin(Nanos::secs(10));
        others.begin(Nanos::secs(99)); // A link that comes back changes nothing.
        others
    }

    #[test]
    fn who_places_while_we_look_is_another_process() {
        let placed = update(6, 11, WireStatus::Open, 2);
        assert_eq!(watching().on_update(&placed, false), Some(AlertKind::OtherProcess));
        let mut others = watching();
        for (state, why) in [
            (update(6, 10, WireStatus::Open, 2), "sent before we came"),
            (update(OWN, 11, WireStatus::Open, 2), "ours"),
            (update(6, 11, WireStatus::Canceled, 2), "whoever cancels it"),
            (update(6, 11, WireStatus::Open, 1), "it rests, and trades"),
        ] {
            assert_eq!(others.on_update(&state, false), None, "{why}");
        }
        assert!(others.on_update(&placed, false).is_some());
        assert_eq!(others.on_update(&placed, false), None, "said once");
        let mut allowed = Others::new(OWN, None);
        allowed.begin(Nanos::ZERO);
        assert_eq!(allowed.on_update(&placed, false), None);
    }

    #[test]
    fn of_two_that_trade_the_younger_is_one_too_many() {
        let (older, younger) =
            (update(6, 11, WireStatus::Open, 2), update(8, 11, WireStatus::Open, 2));
        assert_eq!(watching().on_update(&older, true), Some(AlertKind::OtherProcess));
        assert_eq!(watching().on_update(&younger, true), Some(AlertKind::YoungerProcess));
        assert_eq!(watching().on_update(&younger, false), Some(AlertKind::OtherProcess), "we come");
    }

    #[test]
    fn a_watch_begins_once() {
        let mut others = watching();
        assert_eq!(others.watched_until(Nanos::secs(20)), Nanos::secs(23));
        assert_eq!(others.watched_until(Nanos::secs(22)), Nanos::secs(23));
        assert_eq!(Others::new(OWN, None).watched_until(Nanos::secs(20)), Nanos::secs(20));
    }
}
