//! What one asset's orders say of themselves.

use super::AssetOrders;
use crate::logic::retry::Retry;
use crate::types::{ActionKind, Nanos, Px, Qty, QuoteLevel, QuoteTarget, Reject, Side};

impl AssetOrders {
    /// Whether a clock holds this back; then it is looked at again when the clock is over.
    pub(super) fn must_wait(
        &mut self,
        now: Nanos,
        clock: Retry,
        asked: (ActionKind, Px, Qty),
    ) -> bool {
        let until = clock.waits_until(now, asked);
        self.look_again(until);
        until.is_some()
    }

    /// Whether new orders pause because others vanished.
    pub(super) fn must_pause(&mut self, now: Nanos) -> bool {
        let until = self.vanished.holds(now).then(|| self.vanished.until());
        self.look_again(until);
        until.is_some()
    }

    pub(super) fn look_again(&mut self, at: Option<Nanos>) {
        self.retry_at = self.retry_at.into_iter().chain(at).min();
    }

    /// The best price that does not reach the touch which a refusal told of.
    pub(super) fn one_tick_behind(&self, side: Side, reject: &Reject) -> Option<Px> {
        let limit = match side {
            Side::Bid => self.instrument.tick_below(reject.best_ask),
            Side::Ask => self.instrument.tick_above(reject.best_bid),
        };
        let told = if side == Side::Bid { reject.best_ask } else { reject.best_bid };
        (told.is_positive() && limit.is_positive()).then_some(limit)
    }

    /// A wanted level, kept behind what the venue last told of the touch, while the target comes
    /// from an older book.
    pub(super) fn behind_the_touch(
        &self,
        target: &QuoteTarget,
        side: Side,
        level: usize,
    ) -> QuoteLevel {
        let wanted = target.side(side)[level];
        let crossed = &self.crossed[side.index()];
        let limit = crossed.limit.filter(|_| target.cause.venue_time <= crossed.told);
        match limit {
            Some(px) if side.is_better(wanted.px, px) => QuoteLevel { px, ..wanted },
            _ => wanted,
        }
    }
}
