//! The account's profit over the time of a run: its peak, the deepest fall from it, and the part of
//! each UTC day. Profit is at the marks, after fees and funding, and starts at zero with the run.

use crate::types::{DayNet, Nanos, Usd};

const DAY: Nanos = Nanos::secs(86_400);

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Equity {
    net: Usd,
    peak: Usd,
    max_drawdown: Usd,
    today: Option<Day>,
}

#[derive(Clone, Copy, Debug)]
struct Day {
    number: i64,
    start_net: Usd,
    /// The run was there when it began.
    from_midnight: bool,
}

impl Equity {
    /// Takes in the profit of now. The day that it ends, if it does: a day goes to the last profit
    /// before midnight, so that the days of a run add up to its profit. A day is whole when the run
    /// saw both its midnights; where the clock steps over one, no day at the step is.
    pub fn update(&mut self, now: Nanos, net: Usd) -> Option<DayNet> {
        let number = now.0.div_euclid(DAY.0);
        let ended = self.today.filter(|day| day.number != number);
        let is_next = ended.is_some_and(|day| day.number + 1 == number);
        let told =
            ended.map(|day| DayNet { whole: day.from_midnight && is_next, ..self.so_far(day) });
        if self.today.is_none() || ended.is_some() {
            self.today = Some(Day { number, start_net: self.net, from_midnight: is_next });
        }
        self.net = net;
        self.peak = self.peak.max(net);
        self.max_drawdown = self.max_drawdown.max(self.peak - net);
        told
    }

    /// The deepest fall from a peak, positive.
    pub fn max_drawdown(&self) -> Usd {
        self.max_drawdown
    }

    /// The present day, unfinished.
    pub fn today(&self) -> Option<DayNet> {
        self.today.map(|day| self.so_far(day))
    }

    fn so_far(&self, day: Day) -> DayNet {
        DayNet { day: day.number, net: self.net - day.start_net, whole: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(day: i64, net: i64, whole: bool) -> Option<DayNet> {
        Some(DayNet { day, net: Usd::whole(net), whole })
    }

    fn update(equity: &mut Equity, hours: i64, net: i64) -> Option<DayNet> {
        equity.update(Nanos::secs(3_600 * hours), Usd::whole(net))
    }

    #[test]
    fn a_drawdown_is_from_the_highest_peak_before_it() {
        let mut equity = Equity::default();
        let falls = [(5, 0), (3, 2), (9, 2), (-1, 10), (4, 10), (11, 10), (2, 10), (0, 11)];
        for (net, deepest) in falls {
            update(&mut equity, 0, net);
            assert_eq!(equity.max_drawdown(), Usd::whole(deepest), "at {net}");
        }
        let mut equity = Equity::default();
        update(&mut equity, 0, -3);
        assert_eq!(equity.max_drawdown(), Usd::whole(3), "a run starts at zero");
    }

    #[test]
    fn days_end_at_midnight_and_the_first_is_not_whole() {
        let mut equity = Equity::default();
        assert_eq!(equity.today(), None);
        assert_eq!(update(&mut equity, 10, 2), None);
        assert_eq!(update(&mut equity, 23, 5), None);
        assert_eq!(update(&mut equity, 24, 4), day(0, 5, false), "begun in the middle");
        assert_eq!(equity.today(), day(1, -1, false), "what midnight brought is the new day's");
        assert_eq!(update(&mut equity, 47, 7), None);
        assert_eq!(update(&mut equity, 49, 7), day(1, 2, true));
        assert_eq!(equity.today(), day(2, 0, false));
    }

    #[test]
    fn where_the_clock_steps_over_midnight_no_day_is_whole() {
        let mut equity = Equity::default();
        update(&mut equity, 23, 0);
        update(&mut equity, 24, 1);
        assert_eq!(update(&mut equity, 80, 3), day(1, 1, false), "days are missing after it");
        assert_eq!(update(&mut equity, 97, 3), day(3, 2, false), "and before this one");
        assert_eq!(update(&mut equity, 95, 8), day(4, 0, false), "back again");
        assert_eq!(update(&mut equity, 96, 8), day(3, 5, false), "its beginning was not seen");
        assert_eq!(update(&mut equity, 120, 8), day(4, 0, true));
    }

    proptest! {
        /// Whatever the clock does, the days add up to the profit.
        #[test]
        fn days_add_up(steps in proptest::collection::vec((0_i64..400, -1_000_i64..1_000), 1..100)) {
            let mut equity = Equity::default();
            let ended: Usd =
                steps.iter().filter_map(|(h, net)| update(&mut equity, *h, *net)).map(|d| d.net).sum();
            let today = equity.today().map_or(Usd::ZERO, |d| d.net);
            prop_assert_eq!(ended + today, Usd::whole(steps[steps.len() - 1].1));
        }
    }
}
