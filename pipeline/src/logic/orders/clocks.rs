//! When what the venue refused may be sent again.

use crate::logic::retry::Retry;
use crate::types::{ActionKind, Nanos, Px, Qty};

/// How long a side waits after its second post-only refusal in a row (the first when the venue did
/// not tell the touch); doubles with each.
const CROSSED_HOLD: Nanos = Nanos::millis(100);
const CROSSED_HOLD_MAX: Nanos = Nanos::secs(10);

/// When refused actions of a slot may be tried again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clocks {
    /// Orders and modifies.
    pub order: Retry,
    /// Cancels.
    pub cancel: Retry,
}

/// What a cancel asks for is always the same.
pub(super) const CANCEL: (ActionKind, Px, Qty) = (ActionKind::Cancel, Px::ZERO, Qty::ZERO);

/// After a post-only order was refused because it would have traded: the venue told the touch that
/// it saw, so the side is quoted again at once, one tick behind it. Each further refusal in a row
/// holds the side for twice as long.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Crossed {
    /// Nothing better than this until a book newer than `told` shows what has happened.
    pub limit: Option<Px>,
    pub told: Nanos,
    /// Refusals since an order of the side last rested.
    pub in_a_row: u32,
    pub hold_until: Nanos,
}

impl Crossed {
    /// The venue refused an order that would have traded; it told of the touch at `told`.
    pub fn on_refused(&mut self, now: Nanos, told: Nanos, limit: Option<Px>) {
        let repeats = if limit.is_some() { self.in_a_row } else { self.in_a_row + 1 };
        let hold = match repeats {
            0 => Nanos::ZERO,
            n => Nanos(CROSSED_HOLD.0 << (n - 1).min(16)).min(CROSSED_HOLD_MAX),
        };
        *self = Self { limit, told, in_a_row: self.in_a_row + 1, hold_until: now + hold };
    }
}
