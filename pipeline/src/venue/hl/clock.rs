//! What time it is at the venue: our own clock plus an offset that the venue's answers tell.
//!
//! The venue judges `expiresAfter` by its clock, and stamps books and answers with it; ours may be off.
//! A round trip bounds the offset on both sides: what the venue says was true after we sent and before
//! we received. The shortest one bounds it best, and is kept until a newer one bounds it better than
//! that still does, or says that the clocks have moved against each other.

use crate::types::Nanos;
use core::sync::atomic::{AtomicI64, Ordering};
use std::sync::Arc;

/// What a kept bound loses with time: ours is slewed at most so fast.
const DRIFT_PPM: i64 = 500;
/// The venue's time is that of a block, or of a server of its own: bounds further apart than this
/// contradict each other.
const STAMP_NOISE: Nanos = Nanos::millis(250);

/// The offset that is in force, shared by all who need the venue's time. Zero until it was measured,
/// and in simulations.
#[derive(Clone, Debug, Default)]
pub struct VenueClock(Arc<AtomicI64>);

impl VenueClock {
    /// The venue's clock minus ours.
    pub fn offset(&self) -> Nanos {
        Nanos(self.0.load(Ordering::Relaxed))
    }

    /// Sets it as it was, where a run is repeated.
    pub fn set(&self, offset: Nanos) {
        self.0.store(offset.0, Ordering::Relaxed);
    }

    /// What time it is at the venue when it is `now` here.
    pub fn at(&self, now: Nanos) -> Nanos {
        now + self.offset()
    }
}

/// Measures the offset and keeps it up. One writer: the start, then the gateway.
#[derive(Debug, Default)]
pub struct VenueOffset {
    clock: VenueClock,
    kept: Option<Bound>,
}

/// What one round trip says: the offset is `offset` ± `error`.
#[derive(Clone, Copy, Debug)]
struct Bound {
    offset: Nanos,
    error: Nanos,
    at: Nanos,
}

impl VenueOffset {
    /// The clock that it sets.
    pub fn clock(&self) -> VenueClock {
        self.clock.clone()
    }

    /// The round trip that it rests on, as [`VenueOffset::hear`] takes it; [`None`] = not measured yet.
    pub fn kept(&self) -> Option<[Nanos; 3]> {
        let Bound { offset, error, at } = self.kept?;
        let sent = at - error - error;
        Some([sent, at, sent + offset + error])
    }

    /// Whether the offset was measured.
    #[cfg(test)]
    fn is_known(&self) -> bool {
        self.kept.is_some()
    }

    /// Takes in a round trip: when it was sent and received by our clock, and what the venue said the
    /// time was. Returns the offset that holds now.
    pub fn hear(&mut self, sent: Nanos, received: Nanos, said: Nanos) -> Nanos {
        let half = Nanos((received.0.saturating_sub(sent.0) / 2).max(0));
        let offset = Nanos(said.0.saturating_sub(sent.0).saturating_sub(half.0));
        let new = Bound { offset, error: half, at: received };
        let keeps = self.kept.is_some_and(|kept| {
            let error = kept.error_at(received);
            let apart = (kept.offset.0.saturating_sub(offset.0)).saturating_abs();
            error < new.error && apart <= error.0 + new.error.0 + STAMP_NOISE.0
        });
        if !keeps {
            self.kept = Some(new);
            self.clock.0.store(offset.0, Ordering::Relaxed);
        }
        self.clock.offset()
    }
}

impl Bound {
    fn error_at(&self, now: Nanos) -> Nanos {
        let age = now.0.saturating_sub(self.at.0).max(0);
        Nanos(self.error.0.saturating_add(age / 1_000_000 * DRIFT_PPM))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: i64) -> Nanos {
        Nanos::millis(ms)
    }

    /// Round trips of (sent, received, said), and the offset after the last one, in milliseconds.
    fn after(trips: &[(i64, i64, i64)]) -> i64 {
        let mut offset = VenueOffset::default();
        for (sent, received, said) in trips {
            offset.hear(ms(*sent), ms(*received), ms(*said));
        }
        assert!(offset.is_known());
        assert_eq!(offset.clock().at(Nanos::ZERO), offset.clock().offset());
        offset.clock().offset().as_millis()
    }

    #[test]
    fn unmeasured_the_venue_has_our_time() {
        let offset = VenueOffset::default();
        assert!(!offset.is_known());
        assert_eq!(offset.clock().at(ms(7)), ms(7));
    }

    #[test]
    fn the_shortest_round_trip_tells_the_offset() {
        // True offset 4,000; the answers of the slow trips dawdled on their way back.
        let slow = [(0, 800, 4_050), (1_000, 2_400, 5_050)];
        assert_eq!(after(&slow), 3_650, "half of what the trip took may be wrong");
        let fast = [slow[0], slow[1], (3_000, 3_040, 7_020)];
        assert_eq!(after(&fast), 4_000);
        assert_eq!(after(&[fast[2], (4_000, 5_000, 8_020), (6_000, 6_900, 10_020)]), 4_000);
        assert_eq!(after(&[(3_000, 3_040, 2_020), (4_000, 5_000, 3_020)]), -1_000, "behind us");
    }

    #[test]
    fn a_bound_ages_and_a_newer_one_takes_its_place() {
        // The clocks drift apart by 20 ms; trips of 100 ms against a kept one of 20 ms.
        let (kept, later) = ((0, 20, 10), |at: i64| (at, at + 100, at + 50 + 20));
        assert_eq!(after(&[kept, later(30_000)]), 0, "known to 25 ms still");
        assert_eq!(after(&[kept, later(120_000)]), 20, "known to 70 ms only");
    }

    #[test]
    fn clocks_that_moved_against_each_other_are_measured_anew_at_once() {
        let kept = (0, 20, 10);
        assert_eq!(after(&[kept, (1_000, 1_100, 5_050)]), 4_000, "a jump forward");
        assert_eq!(after(&[kept, (1_000, 1_100, -2_950)]), -4_000, "and back");
        assert_eq!(after(&[kept, (1_000, 9_000, 1_010)]), 0, "a late answer is no jump");
    }

    #[test]
    fn absurd_times_are_taken_for_what_they_are() {
        let mut offset = VenueOffset::default();
        for said in [i64::MAX, i64::MIN, 0] {
            let now = offset.hear(ms(1_000), ms(900), Nanos(said));
            assert_eq!(
                now,
                Nanos(said.saturating_sub(ms(1_000).0)),
                "no trip takes less than no time"
            );
        }
    }
}
