//! Fills told of again, a fixed time after them: what the market did since is known by then.

use crate::types::limits::MAX_PAST_FILLS;
use crate::types::{Fill, Nanos, Px, Qty, Side};
use std::collections::VecDeque;

/// A fill, and the venue's mid just before it. Amounts of money are in 1e-16 USD, as the ledger's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastFill {
    /// When it happened at the venue.
    pub time: Nanos,
    /// Venue trade id.
    pub tid: u64,
    /// Our side.
    pub side: Side,
    /// Price.
    pub px: Px,
    /// Size, positive.
    pub qty: Qty,
    /// The mid just before it.
    pub mid: Px,
}

impl PastFill {
    /// A fill of the block of this time.
    pub fn new(time: Nanos, fill: &Fill, mid: Px) -> Self {
        Self { time, tid: fill.tid, side: fill.side, px: fill.px, qty: fill.qty, mid }
    }
    /// Value traded.
    pub fn value_e16(&self) -> i128 {
        product(self.px.raw(), self.qty)
    }
    /// What was earned against the mid at the fill: s·q·(m0 − p), with s = +1 for a buy.
    pub fn captured_e16(&self) -> i128 {
        product(self.side.sign() * (self.mid - self.px).raw(), self.qty)
    }
    /// What the market did to it until the mid was `mid`: s·q·(m − m0), usually negative.
    pub fn moved_e16(&self, mid: Px) -> i128 {
        product(self.side.sign() * (mid - self.mid).raw(), self.qty)
    }
}

fn product(px: i64, qty: Qty) -> i128 {
    i128::from(px) * i128::from(qty.raw())
}

/// Keeps each fill for a fixed time, in order. Bounded: what finds no room is counted, and not told.
#[derive(Clone, Debug)]
pub struct PastFills {
    after: Nanos,
    waiting: VecDeque<PastFill>,
    missed: u64,
}

impl PastFills {
    /// Tells of a fill once it is `after` old.
    pub fn new(after: Nanos) -> Self {
        assert!(after > Nanos::ZERO, "a fill is told of again after it, not at once");
        Self { after, waiting: VecDeque::with_capacity(MAX_PAST_FILLS), missed: 0 }
    }

    /// Tells of each fill, those that wait included, once it is `after` old.
    pub fn set_after(&mut self, after: Nanos) {
        assert!(after > Nanos::ZERO, "a fill is told of again after it, not at once");
        self.after = after;
    }

    /// Takes in a fill. One that is older than others goes before them: the venue may tell of it late.
    pub fn push(&mut self, fill: PastFill) {
        if self.waiting.len() == MAX_PAST_FILLS {
            self.missed += 1;
            return;
        }
        let at = self.waiting.iter().rposition(|f| f.time <= fill.time).map_or(0, |i| i + 1);
        self.waiting.insert(at, fill);
    }

    /// The oldest fill, when it is old enough.
    pub fn pop_due(&mut self, now: Nanos) -> Option<PastFill> {
        self.next_due().filter(|due| *due <= now)?;
        self.waiting.pop_front()
    }

    /// When the oldest is old enough.
    pub fn next_due(&self) -> Option<Nanos> {
        self.waiting.front().map(|fill| fill.time + self.after)
    }

    /// Fills that found no room.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(second: i64) -> PastFill {
        let fill = Fill { px: Px::whole(100), qty: Qty::whole(1), ..Fill::default() };
        PastFill::new(Nanos::secs(second), &fill, Px::whole(101))
    }

    #[test]
    fn each_fill_is_told_once_when_it_is_old_enough() {
        let mut fills = PastFills::new(Nanos::secs(5));
        assert_eq!((fills.next_due(), fills.pop_due(Nanos::MAX)), (None, None));
        fills.push(fill(3));
        fills.push(fill(1));
        assert_eq!(fills.next_due(), Some(Nanos::secs(6)));
        assert_eq!(fills.pop_due(Nanos::secs(6) - Nanos(1)), None);
        assert_eq!(fills.pop_due(Nanos::secs(6)), Some(fill(1)));
        assert_eq!(fills.pop_due(Nanos::secs(6)), None);
        assert_eq!(fills.pop_due(Nanos::secs(60)), Some(fill(3)));
        assert_eq!(fills.next_due(), None);
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let mut fills = PastFills::new(Nanos::secs(5));
        let capacity = fills.waiting.capacity();
        (0..MAX_PAST_FILLS as i64 + 3).for_each(|i| fills.push(fill(i)));
        assert_eq!((fills.missed(), fills.waiting.len()), (3, MAX_PAST_FILLS));
        assert_eq!(fills.waiting.capacity(), capacity, "nothing was allocated");
        let told: Vec<_> = std::iter::from_fn(|| fills.pop_due(Nanos::MAX)).collect();
        let expected: Vec<_> = (0..MAX_PAST_FILLS as i64).map(fill).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_sale_above_the_mid_earns_and_a_rise_after_it_costs() {
        let sell = PastFill { side: Side::Ask, px: Px::whole(102), ..fill(0) };
        let usd = |dollars: i128| dollars * 10_i128.pow(16);
        assert_eq!(sell.captured_e16(), usd(1));
        assert_eq!(sell.moved_e16(Px::whole(104)), usd(-3));
        let buy = PastFill { side: Side::Bid, ..sell };
        assert_eq!((buy.captured_e16(), buy.moved_e16(Px::whole(104))), (usd(-1), usd(3)));
        assert_eq!(buy.value_e16(), usd(102));
    }
}
