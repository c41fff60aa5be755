//! The clock of a slot's refused actions: when the venue may be asked for the same again.
//!
//! A refusal that repeats is answered by a pause, half a second at first, twice as long each time. An
//! answer that was not heard before in this row says that something has changed: then it is tried at
//! once. What goes through, and a new link, end the row.

use crate::types::{ActionKind, Nanos, Px, Qty, RejectReason};

const FIRST_PAUSE: Nanos = Nanos::millis(500);
const LONGEST_PAUSE: Nanos = Nanos::secs(5);
/// An address over its limit is granted one request in this time (PROTOCOL §6).
const RATE_LIMIT_PAUSE: Nanos = Nanos::secs(10);
/// After so many refusals in a row another price or size is no other request any more.
const WHATEVER_THE_PRICE: u32 = 3;

/// See the module. Of cancels, or of orders and modifies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retry {
    /// What was refused last.
    asked: (ActionKind, Px, Qty),
    /// Reasons that were heard in this row, by their codes.
    heard: u16,
    in_a_row: u32,
    not_before: Nanos,
}

impl Retry {
    /// The venue refused this.
    pub fn on_refused(&mut self, now: Nanos, asked: (ActionKind, Px, Qty), reason: RejectReason) {
        let bit = 1 << reason as u16;
        let is_news = self.in_a_row > 0 && self.heard & bit == 0;
        let doubled = Nanos(FIRST_PAUSE.0 << self.in_a_row.min(8)).min(LONGEST_PAUSE);
        let pause = match reason {
            RejectReason::RateLimit => RATE_LIMIT_PAUSE,
            _ if is_news => Nanos::ZERO,
            _ => doubled,
        };
        self.asked = asked;
        self.heard |= bit;
        self.in_a_row += 1;
        self.not_before = now + pause;
    }

    /// When this may be asked for; [`None`] = now.
    pub fn waits_until(&self, now: Nanos, asked: (ActionKind, Px, Qty)) -> Option<Nanos> {
        // A clock that was set back makes no pause longer.
        let is_ahead = (Nanos(1)..=RATE_LIMIT_PAUSE).contains(&(self.not_before - now));
        let is_same = asked == self.asked || self.in_a_row >= WHATEVER_THE_PRICE;
        (self.in_a_row > 0 && is_same && is_ahead).then_some(self.not_before)
    }

    /// How often it was refused since something last went through.
    pub fn in_a_row(&self) -> u32 {
        self.in_a_row
    }
}

const _: () = assert!((RejectReason::Other as u32) < u16::BITS, "every reason has its bit");

#[cfg(test)]
mod tests {
    use super::*;
    use RejectReason::{Margin, Other, RateLimit, Tick};

    const CANCEL: (ActionKind, Px, Qty) = (ActionKind::Cancel, Px::ZERO, Qty::ZERO);

    fn order(px: i64) -> (ActionKind, Px, Qty) {
        (ActionKind::Place, Px::whole(px), Qty::whole(1))
    }

    /// When it may be asked for again, after each of these refusals; asked again as soon as it may.
    fn pauses(reasons: &[RejectReason]) -> Vec<i64> {
        let (mut retry, mut now) = (Retry::default(), Nanos::secs(100));
        let mut pause = |reason: &RejectReason| {
            retry.on_refused(now, CANCEL, *reason);
            let next = retry.waits_until(now, CANCEL).unwrap_or(now);
            let pause = (next - now).as_millis();
            now = next;
            assert_eq!(retry.waits_until(now, CANCEL), None);
            pause
        };
        reasons.iter().map(&mut pause).collect()
    }

    #[test]
    fn pauses_double_up_to_five_seconds() {
        assert_eq!(pauses(&[Other; 7]), [500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
        assert_eq!(pauses(&[RateLimit; 2]), [10_000, 10_000]);
    }

    #[test]
    fn an_answer_that_changes_is_followed_at_once_but_not_for_ever() {
        let turns = [Other, Margin, Other, Margin, Tick, Other];
        assert_eq!(pauses(&turns), [500, 0, 2_000, 4_000, 0, 5_000]);
    }

    #[test]
    fn another_price_is_another_request_at_first() {
        let (mut retry, now) = (Retry::default(), Nanos::secs(1));
        for tries in 1..=3 {
            retry.on_refused(now, order(100), Other);
            assert!(retry.waits_until(now, order(100)).is_some());
            assert_eq!(retry.waits_until(now, order(101)).is_some(), tries == 3, "{tries}");
        }
    }
}
