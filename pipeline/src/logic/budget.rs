//! The venue's action budget (PROTOCOL §6): an address may make 10,000 requests plus one per USDC it
//! has traded; each batch item counts one. A slice is kept for cancels, which alone may go on when
//! the rest is spent.

use crate::types::{Nanos, RiskLimits, SCALE, Usd};

/// Window of the per-minute limit.
const MINUTE: Nanos = Nanos::secs(60);

/// What we may still ask of the venue.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    allowance: u64,
    reserve: u64,
    per_minute: u32,
    used: u64,
    earned: u64,
    minute_start: Nanos,
    minute_used: u32,
}

impl Budget {
    /// A fresh address.
    pub fn new(limits: &RiskLimits) -> Self {
        let reserve = (limits.action_budget as f64 * limits.cancel_reserve_frac) as u64;
        Self {
            allowance: limits.action_budget,
            reserve,
            per_minute: limits.max_actions_per_min,
            used: 0,
            earned: 0,
            minute_start: Nanos::ZERO,
            minute_used: 0,
        }
    }

    /// Each traded dollar earns one request.
    pub fn on_volume(&mut self, volume: Usd) {
        // Fractions of a dollar are not carried over: we never count more than the venue does.
        self.earned += (volume.raw() / SCALE).unsigned_abs();
    }

    /// What the venue itself says was used of how much: from here on we count from that.
    pub fn sync(&mut self, used: u64, cap: u64) {
        (self.used, self.allowance, self.earned) = (used, cap, 0);
    }

    /// Whether `items` orders or modifies may be sent now.
    pub fn allows(&self, now: Nanos, items: u32) -> bool {
        let spent_minute = if self.in_minute(now) { self.minute_used } else { 0 };
        self.left() >= self.reserve + u64::from(items)
            && spent_minute.saturating_add(items) <= self.per_minute
    }

    /// Counts sent items. Cancels do not count against the minute.
    pub fn spend(&mut self, now: Nanos, items: u32, is_cancel: bool) {
        self.used += u64::from(items);
        if !self.in_minute(now) {
            (self.minute_start, self.minute_used) = (now, 0);
        }
        if !is_cancel {
            self.minute_used += items;
        }
    }

    /// Gives back what was not sent after all.
    pub fn refund(&mut self, items: u32, is_cancel: bool) {
        self.used = self.used.saturating_sub(u64::from(items));
        if !is_cancel {
            self.minute_used = self.minute_used.saturating_sub(items);
        }
    }

    /// Requests left, the reserve for cancels included.
    pub fn left(&self) -> u64 {
        (self.allowance + self.earned).saturating_sub(self.used)
    }

    fn in_minute(&self, now: Nanos) -> bool {
        now - self.minute_start < MINUTE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spends_earns_and_keeps_a_reserve() {
        let limits = RiskLimits {
            action_budget: 100,
            cancel_reserve_frac: 0.1,
            max_actions_per_min: 1_000,
            ..RiskLimits::default()
        };
        let mut budget = Budget::new(&limits);
        assert!(budget.allows(Nanos::ZERO, 90) && !budget.allows(Nanos::ZERO, 91));
        budget.spend(Nanos::ZERO, 90, false);
        assert!(!budget.allows(Nanos::secs(100), 1));
        budget.on_volume(Usd::parse("25.9").unwrap());
        assert!(budget.allows(Nanos::secs(100), 25) && !budget.allows(Nanos::secs(100), 26));
        budget.spend(Nanos::ZERO, 200, true);
        assert_eq!(budget.left(), 0);
        budget.refund(200, true);
        assert_eq!(budget.left(), 35);
        budget.sync(1_000, 1_050);
        assert_eq!(budget.left(), 50);
        assert!(budget.allows(Nanos::secs(200), 40) && !budget.allows(Nanos::secs(200), 41));
    }

    #[test]
    fn a_minute_has_its_own_limit_and_cancels_are_exempt() {
        let limits = RiskLimits { max_actions_per_min: 3, ..RiskLimits::default() };
        let mut budget = Budget::new(&limits);
        budget.spend(Nanos::secs(1000), 3, false);
        budget.spend(Nanos::secs(1001), 5, true);
        assert!(!budget.allows(Nanos::secs(1059), 1));
        assert!(budget.allows(Nanos::secs(1060), 3));
    }
}
