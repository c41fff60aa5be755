//! The venue's action budget (PROTOCOL §6): an address may make 10,000 requests plus one per USDC it
//! has traded; each batch item counts one. A slice is kept for cancels, which alone may go on when
//! the rest is spent.

use crate::types::{Action, ActionKind, Nanos, RiskLimits, SCALE, Usd};

/// Window of the per-minute limit.
const MINUTE: Nanos = Nanos::secs(60);

/// What we may still ask of the venue.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    allowance: u64,
    reserve: u64,
    actions_per_minute: u32,
    orders_per_minute: u32,
    /// What the venue said holds, and not the configured allowance.
    is_synced: bool,
    used: u64,
    earned: u64,
    minute_start: Nanos,
    /// Actions of this minute, cancels excepted.
    minute_actions: u32,
    /// New orders among them.
    minute_orders: u32,
}

impl Budget {
    /// A fresh address.
    pub fn new(limits: &RiskLimits) -> Self {
        let mut budget = Self {
            allowance: 0,
            reserve: 0,
            actions_per_minute: 0,
            orders_per_minute: 0,
            is_synced: false,
            used: 0,
            earned: 0,
            minute_start: Nanos::ZERO,
            minute_actions: 0,
            minute_orders: 0,
        };
        budget.set_limits(limits);
        budget
    }

    /// Other limits; what was spent stays spent.
    pub fn set_limits(&mut self, limits: &RiskLimits) {
        self.reserve = (limits.action_budget as f64 * limits.cancel_reserve_frac) as u64;
        self.actions_per_minute = limits.max_actions_per_min;
        self.orders_per_minute = limits.max_orders_per_min;
        if !self.is_synced {
            self.allowance = limits.action_budget;
        }
    }

    /// Each traded dollar earns one request.
    pub fn on_volume(&mut self, volume: Usd) {
        // Fractions of a dollar are not carried over: we never count more than the venue does.
        self.earned = self.earned.saturating_add((volume.raw() / SCALE).unsigned_abs());
    }

    /// What the venue itself says was used of how much: from here on we count from that.
    pub fn sync(&mut self, used: u64, cap: u64) {
        (self.used, self.allowance, self.earned, self.is_synced) = (used, cap, 0, true);
    }

    /// Whether one more order or modify may be sent now.
    pub fn allows(&self, now: Nanos, kind: ActionKind) -> bool {
        let [actions, orders] = match self.in_minute(now) {
            true => [self.minute_actions, self.minute_orders],
            false => [0, 0],
        };
        self.left() > self.reserve
            && actions < self.actions_per_minute
            && (kind != ActionKind::Place || orders < self.orders_per_minute)
    }

    /// Counts one that was sent. Cancels do not count against the minute.
    pub fn spend(&mut self, now: Nanos, kind: ActionKind) {
        self.used = self.used.saturating_add(1);
        if !self.in_minute(now) {
            (self.minute_start, self.minute_actions, self.minute_orders) = (now, 0, 0);
        }
        self.minute_actions += u32::from(kind != ActionKind::Cancel);
        self.minute_orders += u32::from(kind == ActionKind::Place);
    }

    /// Gives back what was not sent after all.
    pub fn refund(&mut self, action: &Action) {
        let items = u32::from(action.len);
        self.used = self.used.saturating_sub(u64::from(items));
        if action.kind != ActionKind::Cancel {
            self.minute_actions = self.minute_actions.saturating_sub(items);
        }
        if action.kind == ActionKind::Place {
            self.minute_orders = self.minute_orders.saturating_sub(items);
        }
    }

    /// Requests left, the reserve for cancels included.
    pub fn left(&self) -> u64 {
        self.allowance.saturating_add(self.earned).saturating_sub(self.used)
    }

    fn in_minute(&self, now: Nanos) -> bool {
        (Nanos::ZERO..MINUTE).contains(&(now - self.minute_start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::OrderRequest;
    use ActionKind::{Cancel, Modify, Place};

    fn spend(budget: &mut Budget, now: Nanos, kind: ActionKind, times: u32) {
        (0..times).for_each(|_| budget.spend(now, kind));
    }

    fn action(kind: ActionKind, items: usize) -> Action {
        let mut action = Action::new(kind);
        (0..items).for_each(|_| action.push(OrderRequest::default()));
        action
    }

    #[test]
    fn spends_earns_and_keeps_a_reserve() {
        let limits = RiskLimits {
            action_budget: 100,
            cancel_reserve_frac: 0.1,
            max_actions_per_min: 1_000,
            max_orders_per_min: 1_000,
            ..RiskLimits::default()
        };
        let mut budget = Budget::new(&limits);
        spend(&mut budget, Nanos::ZERO, Place, 89);
        assert!(budget.allows(Nanos::ZERO, Place));
        spend(&mut budget, Nanos::ZERO, Modify, 1);
        assert!(!budget.allows(Nanos::secs(100), Place), "the rest is for cancels");
        budget.on_volume(Usd::parse("25.9").unwrap());
        spend(&mut budget, Nanos::secs(100), Place, 24);
        assert!(budget.allows(Nanos::secs(100), Place));
        spend(&mut budget, Nanos::secs(100), Place, 1);
        assert!(!budget.allows(Nanos::secs(100), Place));
        spend(&mut budget, Nanos::ZERO, Cancel, 200);
        assert_eq!(budget.left(), 0);
        budget.sync(1_000, 1_011);
        assert!(budget.allows(Nanos::secs(200), Place));
        budget.refund(&action(Cancel, 5));
        assert_eq!(budget.left(), 16);
        // New limits: what the venue said stays.
        budget.set_limits(&RiskLimits { action_budget: 500, ..limits });
        assert_eq!(budget.left(), 16);
        assert!(!budget.allows(Nanos::secs(200), Place), "a larger reserve");
    }

    #[test]
    fn a_minute_has_its_own_limits_and_cancels_are_exempt() {
        let limits =
            RiskLimits { max_actions_per_min: 4, max_orders_per_min: 2, ..RiskLimits::default() };
        let mut budget = Budget::new(&limits);
        spend(&mut budget, Nanos::secs(1000), Place, 2);
        spend(&mut budget, Nanos::secs(1001), Cancel, 5);
        assert!(!budget.allows(Nanos::secs(1059), Place));
        assert!(budget.allows(Nanos::secs(1059), Modify));
        spend(&mut budget, Nanos::secs(1059), Modify, 2);
        assert!(!budget.allows(Nanos::secs(1059), Modify));
        budget.refund(&action(Modify, 1));
        assert!(budget.allows(Nanos::secs(1059), Modify));
        assert!(budget.allows(Nanos::secs(1060), Place));
        // A clock that went back begins a minute of its own.
        assert!(budget.allows(Nanos::secs(900), Place));
    }
}
