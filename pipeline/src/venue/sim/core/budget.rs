//! Requests: how many an address has earned by trading, used and bought (PROTOCOL §6).

use super::{Core, Refused, Who};
use crate::types::{Nanos, SCALE, Usd};
use crate::venue::sim::Market;

/// What a request that came too late uses of the budget.
const STALE_COST: u64 = 5;
/// Over the limit, one request may pass in this time.
const OVER_LIMIT_INTERVAL: Nanos = Nanos::secs(10);
/// What cancels may use beyond the limit.
const CANCEL_EXTRA: u64 = 100_000;

/// The request budget of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requests {
    /// Traded ever.
    pub volume: Usd,
    /// Requests sent.
    pub used: u64,
    /// Requests allowed.
    pub cap: u64,
    /// Bought and not used.
    pub surplus: u64,
}

impl<M: Market> Core<M> {
    /// Takes so many items of a request out of the budget, or says that it is spent. Without the rule
    /// they are only counted.
    pub fn spend(&mut self, who: Who, items: u64, is_cancel: bool) -> Result<(), Refused> {
        let Requests { volume, used, cap, .. } = self.requests(who);
        let now = self.time;
        let account = &mut self.accounts[who];
        let allowed = if is_cancel { (cap + CANCEL_EXTRA).min(2 * cap) } else { cap };
        if self.rules.budget && used >= allowed {
            if account.bought >= items {
                account.bought -= items;
            } else if now >= account.last_over_limit + OVER_LIMIT_INTERVAL {
                account.last_over_limit = now;
            } else {
                return Err(Refused::RateLimit(used, allowed, volume));
            }
        }
        account.used += items;
        Ok(())
    }

    /// What a request costs that came after its end.
    pub fn spend_late(&mut self, who: Who) {
        self.accounts[who].used += STALE_COST;
    }

    /// The request budget of an account.
    pub fn requests(&self, who: Who) -> Requests {
        let account = &self.accounts[who];
        let earned = u64::try_from(account.volume.raw() / SCALE).unwrap_or(0);
        let cap = self.rules.base_requests + earned;
        Requests { volume: account.volume, used: account.used, cap, surplus: account.bought }
    }
}
