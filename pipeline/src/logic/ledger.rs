//! Inventory and profit (STRATEGY §4): FIFO lots, exact integers, run by risk and quote alike.
//!
//! A position changes only by a venue fill, and each fill counts once ([`FillMemory`]). Money is
//! kept in units of 1e-16 USD (price × size), so nothing is rounded until it is shown. With prices,
//! sizes and positions inside their bounds (held where messages come in) no product leaves 128 bits;
//! sums over a run saturate.

use crate::types::limits::{FILL_MEMORY, MAX_LOTS};
use crate::types::{AssetId, Fill, Nanos, Px, Qty, Side, Usd, by_scale};
use std::collections::{HashSet, VecDeque};

/// Part of a position bought (or sold) together.
#[derive(Clone, Copy, Debug)]
struct Lot {
    /// Size, positive.
    qty: i64,
    /// Price × size in 1e-16 USD, positive.
    cost: i128,
}

/// Position and profit of one asset.
#[derive(Clone, Debug)]
pub struct AssetLedger {
    lots: VecDeque<Lot>,
    /// Booked so far.
    fills: u64,
    position: Qty,
    /// Cost of all open lots, 1e-16 USD, positive.
    open_cost: i128,
    /// Realised profit before fees, 1e-16 USD.
    realized: i128,
    fees: Usd,
    funding: Usd,
}

impl Default for AssetLedger {
    fn default() -> Self {
        Self {
            lots: VecDeque::with_capacity(MAX_LOTS),
            fills: 0,
            position: Qty::ZERO,
            open_cost: 0,
            realized: 0,
            fees: Usd::ZERO,
            funding: Usd::ZERO,
        }
    }
}

impl AssetLedger {
    /// Books a fill: closes the oldest opposite lots first; what is left opens a new lot.
    pub fn book(&mut self, side: Side, px: Px, qty: Qty, fee: Usd) {
        assert!(qty.is_positive() && px.is_positive(), "a fill of {qty} at {px}");
        self.fills += 1;
        let mut left = qty.raw();
        if side.signed(self.position).is_negative() {
            left = self.close(side, px, left);
        }
        if left > 0 {
            self.open(Lot { qty: left, cost: i128::from(px.raw()) * i128::from(left) });
        }
        self.position += side.signed(qty);
        self.fees += fee;
    }

    fn close(&mut self, side: Side, px: Px, mut left: i64) -> i64 {
        while left > 0 {
            let Some(lot) = self.lots.front_mut() else { break };
            let take = left.min(lot.qty);
            let cost = share(lot.cost, take, lot.qty);
            let value = i128::from(px.raw()) * i128::from(take);
            // A sell closes a long: value − cost. A buy closes a short: cost − value.
            let gain = (cost - value) * i128::from(side.sign());
            self.realized = self.realized.saturating_add(gain);
            self.open_cost -= cost;
            lot.cost -= cost;
            lot.qty -= take;
            left -= take;
            if lot.qty == 0 {
                self.lots.pop_front();
            }
        }
        left
    }

    fn open(&mut self, lot: Lot) {
        self.open_cost += lot.cost;
        if self.lots.len() == MAX_LOTS
            && let Some(last) = self.lots.back_mut()
        {
            last.qty = last.qty.saturating_add(lot.qty);
            last.cost += lot.cost;
        } else {
            self.lots.push_back(lot);
        }
    }

    /// Takes over what the account held when we came, at the mark of that moment, so that profit is
    /// counted from there. Not a fill: it costs no fee and is no volume.
    pub fn open_with(&mut self, position: Qty, mark: Px) {
        assert!(self.position.is_zero() && self.fills == 0, "an opening position comes first");
        let qty = position.abs().raw();
        if qty > 0 {
            self.open(Lot { qty, cost: i128::from(mark.raw()) * i128::from(qty) });
        }
        self.position = position;
    }

    /// Books a funding payment (positive = cost).
    pub fn book_funding(&mut self, paid: Usd) {
        self.funding += paid;
    }

    /// Fills booked.
    pub fn fills(&self) -> u64 {
        self.fills
    }
    /// Position (+ long).
    pub fn position(&self) -> Qty {
        self.position
    }
    /// Realised profit before fees and funding.
    pub fn realized(&self) -> Usd {
        from_e16(self.realized)
    }
    /// Profit of the open position at a mark, before fees and funding.
    pub fn unrealized(&self, mark: Px) -> Usd {
        let value = i128::from(mark.raw()) * i128::from(self.position.raw());
        let cost = self.open_cost * i128::from(self.position.raw().signum());
        from_e16(value - cost)
    }
    /// Average price of the open position; zero when flat. For display.
    pub fn average_entry(&self) -> Px {
        match self.position.raw() {
            0 => Px::ZERO,
            p => {
                let average = self.open_cost / i128::from(p.unsigned_abs());
                Px::from_raw(i64::try_from(average).unwrap_or(i64::MAX))
            }
        }
    }
    /// Fees paid (positive = cost).
    pub fn fees(&self) -> Usd {
        self.fees
    }
    /// Funding paid (positive = cost).
    pub fn funding(&self) -> Usd {
        self.funding
    }
    /// Everything earned or lost at a mark: realised + open − fees − funding.
    pub fn net(&self, mark: Px) -> Usd {
        self.realized() + self.unrealized(mark) - self.fees - self.funding
    }
}

/// What `part` of `whole` (both positive) costs: `cost · part / whole` rounded down, without that
/// product, which has no room in 128 bits.
fn share(cost: i128, part: i64, whole: i64) -> i128 {
    let (part, whole) = (i128::from(part), i128::from(whole));
    cost / whole * part + cost % whole * part / whole
}

/// 1e-16 USD to USD. Exact for legal prices and sizes, otherwise toward zero; clamped.
pub(super) fn from_e16(v: i128) -> Usd {
    Usd::clamped(by_scale(v))
}

/// Remembers fills by (time, asset, tid), the venue's only unique key, so that each counts once.
/// Bounded: it forgets the oldest, which is far older than anything the venue repeats.
#[derive(Clone, Debug)]
pub struct FillMemory {
    seen: HashSet<(Nanos, AssetId, u64)>,
    order: VecDeque<(Nanos, AssetId, u64)>,
}

impl Default for FillMemory {
    fn default() -> Self {
        Self {
            // Room to spare, so that the set never grows or rehashes into new memory.
            seen: HashSet::with_capacity(4 * FILL_MEMORY),
            order: VecDeque::with_capacity(FILL_MEMORY + 1),
        }
    }
}

impl FillMemory {
    /// Once through its memory, while it remembers nothing yet. Where a fill is kept is drawn by a hash: so many
    /// meet every page.
    pub fn fault_in(&mut self) {
        if !self.order.is_empty() {
            return;
        }
        let keys = (0..FILL_MEMORY as u64).map(|tid| (Nanos::ZERO, AssetId::new(0), tid));
        self.seen.extend(keys.clone());
        self.order.extend(keys);
        self.seen.clear();
        self.order.clear();
    }

    /// True the first time a fill is seen.
    pub fn is_new(&mut self, venue_time: Nanos, asset: AssetId, fill: &Fill) -> bool {
        let key = (venue_time, asset, fill.tid);
        if !self.seen.insert(key) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > FILL_MEMORY
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::SCALE;
    use crate::types::limits::{MAX_PX, MAX_QTY};
    use proptest::prelude::*;

    fn px(v: i64) -> Px {
        Px::whole(v)
    }

    #[test]
    fn oldest_lots_close_first_and_a_flip_opens_a_new_one() {
        let mut l = AssetLedger::default();
        l.book(Side::Bid, px(100), Qty::whole(1), Usd::ZERO);
        l.book(Side::Bid, px(110), Qty::whole(1), Usd::ZERO);
        assert_eq!(l.average_entry(), px(105));
        l.book(Side::Ask, px(120), Qty::whole(1), Usd::whole(1));
        assert_eq!((l.realized(), l.position()), (Usd::whole(20), Qty::whole(1)));
        l.book(Side::Ask, px(105), Qty::whole(3), Usd::ZERO);
        assert_eq!((l.realized(), l.position()), (Usd::whole(15), Qty::whole(-2)));
        assert_eq!(l.unrealized(px(100)), Usd::whole(10));
        assert_eq!(l.net(px(100)), Usd::whole(24));
    }

    #[test]
    fn beyond_the_last_lot_costs_are_merged_exactly() {
        let mut l = AssetLedger::default();
        for i in 0..(MAX_LOTS as i64 + 50) {
            l.book(Side::Bid, px(100 + i % 7), Qty::from_raw(3), Usd::ZERO);
        }
        assert_eq!(l.lots.len(), MAX_LOTS);
        let total: i128 = l.lots.iter().map(|lot| lot.cost).sum();
        assert_eq!(total, l.open_cost);
        l.book(Side::Ask, px(50), l.position(), Usd::ZERO);
        assert_eq!((l.open_cost, l.position()), (0, Qty::ZERO));
    }

    /// Far larger than any account: the largest price and position that the door lets in.
    #[test]
    fn the_largest_positions_are_booked_and_closed_exactly() {
        let (most_px, most) = (MAX_PX, MAX_QTY);
        for side in Side::BOTH {
            let mut l = AssetLedger::default();
            l.book(side, most_px, most, Usd::ZERO);
            let third = Qty::from_raw(most.raw() / 3);
            l.book(side.opposite(), Px::from_raw(1), third, Usd::ZERO);
            let left = most - third;
            let cost = i128::from(most_px.raw()) * i128::from(left.raw());
            assert_eq!(l.open_cost, cost, "what is left costs what it cost");
            assert_eq!(l.position(), side.signed(left));
            l.book(side.opposite(), most_px, left, Usd::from_raw(i64::MAX));
            l.book(side, most_px, most, Usd::from_raw(i64::MAX));
            l.book_funding(Usd::from_raw(i64::MIN));
            let _ = (l.net(MAX_PX), l.net(Px::ZERO), l.average_entry());
        }
    }

    #[test]
    fn many_of_the_largest_fills_overflow_nothing() {
        let mut l = AssetLedger::default();
        for i in 0..2_000_000_i64 {
            let side = if i % 2 == 0 { Side::Bid } else { Side::Ask };
            let px = if i % 2 == 0 { MAX_PX } else { Px::from_raw(1) };
            l.book(side, px, MAX_QTY, Usd::LARGEST_VALUE);
        }
        assert_eq!(l.position(), Qty::ZERO);
        assert_eq!(l.net(MAX_PX), Usd::from_raw(i64::MIN), "as bad as can be said");
    }

    #[test]
    fn a_fill_counts_once_for_as_long_as_it_is_remembered() {
        let mut memory = FillMemory::default();
        let fill = |tid| Fill { tid, ..Fill::default() };
        let eth = AssetId::new(1);
        memory.fault_in();
        assert!(memory.is_new(Nanos::ZERO, AssetId::new(0), &fill(5)), "it remembers nothing yet");
        assert!(memory.is_new(Nanos(1), eth, &fill(5)));
        memory.fault_in();
        assert!(!memory.is_new(Nanos(1), eth, &fill(5)));
        assert!(memory.is_new(Nanos(2), eth, &fill(5)), "a tid alone is not unique");
        assert!(memory.is_new(Nanos(1), AssetId::new(0), &fill(5)));
        for tid in 100..100 + FILL_MEMORY as u64 {
            assert!(memory.is_new(Nanos(3), eth, &fill(tid)));
        }
        assert_eq!(memory.seen.len(), FILL_MEMORY);
        assert!(memory.is_new(Nanos(1), eth, &fill(5)), "forgotten at last");
    }

    proptest! {
        /// The split division is the whole one, wherever that has room.
        #[test]
        fn a_share_is_what_division_says(
            cost in 0_i128..1_000_000_000_000_000_000_000, whole in 1_i64..100_000_000_000_000_000,
            per_mille in 0_i64..=1000,
        ) {
            let part = (i128::from(whole) * i128::from(per_mille) / 1000) as i64;
            let exact = cost * i128::from(part) / i128::from(whole);
            prop_assert_eq!(share(cost, part, whole), exact);
        }

        /// Total profit does not depend on the lot method: an average-cost book agrees.
        #[test]
        fn total_equals_an_average_cost_oracle(
            fills in proptest::collection::vec(
                (any::<bool>(), 1_i64..2_000, 1_i64..500, -50_i64..50), 1..200),
            mark in 1_i64..2_000,
        ) {
            let mut ledger = AssetLedger::default();
            // Average cost in f64; position and cash in exact integers.
            let (mut pos, mut avg, mut realized) = (0.0_f64, 0.0_f64, 0.0_f64);
            let (mut cash, mut fees) = (0_i128, 0_i64);
            for (buy, p, q, fee) in &fills {
                let side = if *buy { Side::Bid } else { Side::Ask };
                let (price, qty) = (px(*p), Qty::from_raw(q * 1_000_000));
                ledger.book(side, price, qty, Usd::from_raw(*fee));
                let (signed, p) = (side.sign() as f64 * *q as f64, *p as f64);
                if pos * signed >= 0.0 {
                    avg = (avg * pos.abs() + p * signed.abs()) / (pos.abs() + signed.abs());
                } else {
                    let closed = signed.abs().min(pos.abs());
                    realized += (p - avg) * closed * pos.signum();
                    if signed.abs() > pos.abs() { avg = p; }
                }
                pos += signed;
                if pos == 0.0 { avg = 0.0; }
                let value = i128::from(price.raw()) * i128::from(qty.raw());
                cash -= value * i128::from(side.sign());
                fees += fee;
            }
            let oracle = (realized + (mark as f64 - avg) * pos) / 100.0;
            let gross = ledger.realized() + ledger.unrealized(px(mark));
            prop_assert!((gross.to_f64() - oracle).abs() < 1e-6, "{} against {}", gross, oracle);
            // And exactly, against plain cash: equity = cash + position at mark.
            let exact = cash + i128::from(px(mark).raw()) * i128::from(ledger.position().raw());
            prop_assert!((i128::from(gross.raw()) - exact / i128::from(SCALE)).abs() <= 1);
            prop_assert_eq!(ledger.net(px(mark)), gross - Usd::from_raw(fees));
        }
    }
}
