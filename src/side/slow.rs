//! What follows when the way from the market to the wire takes longer than its budget (`latency_budget_us`,
//! docs/latency.md): half spreads are wider for a while, and a person is told, at most once a minute.
//!
//! The quote stage hears of it by a command like any other, so that a run's repetition has it at its place.

use super::alert::{Alert, Topic};
use super::task::{Task, Turn};
use crate::settings::LatencyBudget;
use botmm_pipeline::rt::trips::Breaches;
use botmm_pipeline::types::{Nanos, QuoteCommand};

/// A person is told no more often.
const TOLD_EVERY: Nanos = Nanos::secs(60);
/// The quote stage is told no more often of what goes on: a hundredth of the time for which it holds, at least.
const RENEWED_EVERY: Nanos = Nanos::millis(100);

/// See the module.
pub struct SlowWay {
    budget: Option<LatencyBudget>,
    /// Not told yet.
    waiting: Breaches,
    /// Of these, whether the quote stage has to hear.
    is_news: bool,
    widened: Nanos,
    told: Option<Nanos>,
}

impl SlowWay {
    /// With this budget, if there is one.
    pub fn new(budget: Option<LatencyBudget>) -> Self {
        let (waiting, widened) = (Breaches::default(), Nanos::ZERO);
        Self { budget, waiting, is_news: false, widened, told: None }
    }

    /// Some trips took longer.
    pub fn breached(&mut self, breaches: Breaches) {
        self.waiting.count += breaches.count;
        self.waiting.worst = self.waiting.worst.max(breaches.worst);
        self.is_news = true;
    }

    /// What a person hears.
    fn words(&self, budget: &LatencyBudget) -> String {
        let us = |span: Nanos| span.0 / 1_000;
        let Breaches { count, worst } = self.waiting;
        let (limit, worst, hold) = (us(budget.limit), us(worst), budget.hold.as_secs_f64());
        let often = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        let widen = budget.widen;
        format!(
            "from the market to the wire it took longer than {limit} µs, {often}, at most {worst} µs: half \
             spreads x{widen} for {hold} s after each"
        )
    }
}

impl Task for SlowWay {
    fn name(&self) -> &'static str {
        "slow way"
    }

    fn turn(&mut self, turn: &mut Turn<'_>) {
        let Some(budget) = self.budget else { return };
        if self.is_news && turn.now - self.widened >= RENEWED_EVERY && budget.widen > 1.0 {
            let mult_e6 = (budget.widen * 1e6).round() as i64;
            let slow = QuoteCommand::Slow { until: turn.now + budget.hold, mult_e6 };
            if turn.to_quote.push(slow).is_ok() {
                (self.widened, self.is_news) = (turn.now, false);
            }
        }
        let is_due = self.told.is_none_or(|told| turn.now - told >= TOLD_EVERY);
        if self.waiting.count > 0 && is_due {
            turn.say(Alert::warn(Topic::Machine, self.words(&budget)));
            (self.waiting, self.told) = (Breaches::default(), Some(turn.now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::side::task::tests::Stand;

    fn budget(widen: f64) -> Option<LatencyBudget> {
        Some(LatencyBudget { limit: Nanos(100_000), widen, hold: Nanos::secs(5) })
    }

    fn worst(us: i64) -> Breaches {
        Breaches { count: 1, worst: Nanos(1_000 * us) }
    }

    fn at(stand: &mut Stand, slow: &mut SlowWay, now: Nanos) -> (Vec<QuoteCommand>, Vec<String>) {
        stand.now = now;
        let said = stand.turn(slow).said.iter().map(ToString::to_string).collect();
        (stand.told_quote(), said)
    }

    #[test]
    fn a_breach_widens_for_a_while_and_is_told_at_most_once_a_minute() {
        let (mut stand, mut slow) = (Stand::with_room(4), SlowWay::new(budget(1.5)));
        let until = |s| vec![QuoteCommand::Slow { until: Nanos::secs(s), mult_e6: 1_500_000 }];
        assert_eq!(at(&mut stand, &mut slow, Nanos::secs(1)), (vec![], vec![]));
        slow.breached(worst(250));
        slow.breached(worst(180));
        let (told, said) = at(&mut stand, &mut slow, Nanos::secs(10));
        assert_eq!(told, until(15));
        assert!(said.len() == 1 && said[0].contains("2 times, at most 250 µs"), "{said:?}");
        // More of them: the widening goes on, and the next word of it comes after a minute.
        slow.breached(worst(300));
        assert_eq!(at(&mut stand, &mut slow, Nanos::secs(12)), (until(17), vec![]));
        let (told, said) = at(&mut stand, &mut slow, Nanos::secs(71));
        assert_eq!(told, vec![]);
        assert!(said[0].contains("once, at most 300 µs"), "{said:?}");
    }

    #[test]
    fn without_a_budget_or_a_widening_no_quote_changes() {
        for (budget, words) in [(None, 0), (budget(1.0), 1)] {
            let (mut stand, mut slow) = (Stand::with_room(4), SlowWay::new(budget));
            slow.breached(worst(250));
            let (told, said) = at(&mut stand, &mut slow, Nanos::secs(10));
            assert_eq!((told, said.len()), (vec![], words));
        }
    }

    #[test]
    fn a_full_ring_is_tried_again() {
        let (mut stand, mut slow) = (Stand::with_room(1), SlowWay::new(budget(2.0)));
        let other = QuoteCommand::Slow { until: Nanos::ZERO, mult_e6: 1_000_000 };
        stand.with_quote(|ring| ring.push(other).unwrap());
        slow.breached(worst(250));
        assert_eq!(at(&mut stand, &mut slow, Nanos::secs(10)).0, [other]);
        assert_eq!(at(&mut stand, &mut slow, Nanos::secs(11)).0.len(), 1);
    }
}
