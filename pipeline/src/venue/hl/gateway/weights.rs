//! The venue's weight limit (PROTOCOL §6): 1200 a minute for each IP address. Whether posts on a
//! WebSocket count is not documented, so they do here.

use crate::types::Nanos;

/// Weight that the venue grants a minute.
const PER_MINUTE: i64 = 1200;
/// Kept for cancels: nothing else may spend the last of it.
const CANCEL_RESERVE: i64 = 120;
/// Kept for actions: questions wait rather than spend it.
const ACTION_RESERVE: i64 = 240;
/// After the venue said "too many", only cancels go out for this long.
const PENALTY: Nanos = Nanos::secs(10);

/// What a request is for: the less urgent, the earlier it has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Lowers risk.
    Cancel,
    /// Orders and modifies.
    Order,
    /// Asks.
    Info,
}

/// A bucket that fills by the minute's share each second. Units are thousandths of a weight.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    milli: i64,
    filled: Nanos,
    penalty_until: Nanos,
}

impl Default for Weights {
    fn default() -> Self {
        Self { milli: PER_MINUTE * 1000, filled: Nanos::ZERO, penalty_until: Nanos::ZERO }
    }
}

impl Weights {
    /// Spends `weight` if there is enough for this kind of request.
    pub fn spend(&mut self, now: Nanos, weight: u32, urgency: Urgency) -> bool {
        self.fill(now);
        let reserve = match urgency {
            Urgency::Cancel => 0,
            Urgency::Order => CANCEL_RESERVE,
            Urgency::Info => CANCEL_RESERVE + ACTION_RESERVE,
        };
        let need = i64::from(weight) * 1000;
        let allowed = urgency == Urgency::Cancel || now >= self.penalty_until;
        if !allowed || self.milli < need + reserve * 1000 {
            return false;
        }
        self.milli -= need;
        true
    }

    /// An answer turned out to weigh more.
    pub fn add(&mut self, weight: u32) {
        self.milli = (self.milli - i64::from(weight) * 1000).max(0);
    }

    /// The venue said 429.
    pub fn penalise(&mut self, now: Nanos) {
        self.penalty_until = now + PENALTY;
    }

    fn fill(&mut self, now: Nanos) {
        let passed_ms = ((now - self.filled).0 / 1_000_000).clamp(0, 60_000);
        if passed_ms > 0 {
            // 1200 a minute = 20 a second = 20 thousandths a millisecond.
            self.milli = (self.milli + passed_ms * PER_MINUTE / 60).min(PER_MINUTE * 1000);
            self.filled = now;
        }
    }
}

/// Weight of an action of so many items.
pub const fn of_action(items: usize) -> u32 {
    1 + (items / 40) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_than_the_venue_grants_and_cancels_go_last() {
        let mut weights = Weights::default();
        let start = Nanos::secs(1_000);
        let count = |weights: &mut Weights, now, urgency| {
            (0..5_000).filter(|_| weights.spend(now, 1, urgency)).count()
        };
        assert_eq!(count(&mut weights, start, Urgency::Info), 840);
        assert_eq!(count(&mut weights, start, Urgency::Order), 240);
        assert_eq!(count(&mut weights, start, Urgency::Cancel), 120);
        assert_eq!(count(&mut weights, start + Nanos::secs(10), Urgency::Cancel), 200);
        assert_eq!(count(&mut weights, start + Nanos::secs(20), Urgency::Order), 80);
    }

    #[test]
    fn after_a_429_only_cancels_go_out() {
        let mut weights = Weights::default();
        weights.add(100);
        weights.penalise(Nanos::secs(5));
        assert!(!weights.spend(Nanos::secs(14), 1, Urgency::Order));
        assert!(weights.spend(Nanos::secs(14), 1, Urgency::Cancel));
        assert!(weights.spend(Nanos::secs(15), 1, Urgency::Order));
    }
}
