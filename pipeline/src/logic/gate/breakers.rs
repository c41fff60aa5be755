//! The account's breakers: what was lost, what went wrong, and what holds because of it.
//!
//! Money comes in as the ledger's net profit, which begins at zero with each run. The day's profit and
//! the peak are kept as levels of that number, so that an earlier run's can be taken over.

use super::Alert;
use crate::types::AlertKind;
use crate::types::limits::{MAX_ALERTS, MAX_API_ERRORS, MAX_CLOCK_STEP};
use crate::types::params::DailyLossRearm;
use crate::types::risk::utc_day;
use crate::types::{
    AssetId, BreakEnd, BreakWhy, Breaks, Marks, Nanos, RiskLimits, RiskSnapshot, Usd,
};
use std::collections::VecDeque;

/// The breakers of losses.
const LOSSES: [BreakWhy; 2] = [BreakWhy::DailyLoss, BreakWhy::Drawdown];

/// Net profit by the marks that have a say: those that are fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Profit {
    /// The least that any of them allows.
    pub low: Usd,
    /// The most.
    pub high: Usd,
    /// Which they are.
    pub marks: Marks,
}

/// See the module.
pub(super) struct Breakers {
    breaks: Breaks,
    /// When the clock was last looked at.
    last: Option<Nanos>,
    /// The UTC day then.
    day: i64,
    /// Net profit at which the day's is zero.
    day_base: Usd,
    /// Highest net profit that lasted (see [`Breakers::judge_losses`]).
    peak: Usd,
    /// Since when the profit has been above the peak, and the lowest of it since then.
    above: Option<(Nanos, Usd)>,
    /// Since when the daily loss and the drawdown have been beyond their limits.
    beyond: [Option<Nanos>; 2],
    errors: VecDeque<Nanos>,
    alerts: VecDeque<Alert>,
}

impl Default for Breakers {
    fn default() -> Self {
        Self {
            breaks: Breaks::default(),
            last: None,
            day: 0,
            day_base: Usd::ZERO,
            peak: Usd::ZERO,
            above: None,
            beyond: [None; 2],
            errors: VecDeque::with_capacity(MAX_API_ERRORS),
            alerts: VecDeque::with_capacity(MAX_ALERTS),
        }
    }
}

impl Breakers {
    /// Takes note of the time; whether a new UTC day has begun.
    ///
    /// A clock that jumps re-arms nothing: a step back, or one longer than [`MAX_CLOCK_STEP`], is no
    /// time that has passed. It is added to every wait, and a midnight in it begins no day: the old
    /// one then lasts until the next. Errors ahead of now are forgotten.
    pub fn pass(&mut self, now: Nanos) -> bool {
        let Some(last) = self.last.replace(now) else {
            self.day = utc_day(now);
            return false;
        };
        if now == last {
            return false;
        }
        let step = now - last;
        let is_jump = !(Nanos::ZERO..=MAX_CLOCK_STEP).contains(&step);
        if is_jump {
            for (why, end) in self.breaks.iter() {
                if let BreakEnd::At(at) = end {
                    self.breaks.set(why, Some(BreakEnd::At(at + step)));
                }
            }
            let begun = self.above.iter_mut().map(|(since, _)| since);
            begun.chain(self.beyond.iter_mut().flatten()).for_each(|t| *t = *t + step);
        }
        if step < Nanos::ZERO {
            self.errors.retain(|t| *t <= now);
        }
        let before = core::mem::replace(&mut self.day, utc_day(now));
        self.day == before + 1 && !is_jump
    }

    /// A new UTC day: the daily loss counts from here.
    pub fn roll_over(&mut self, net: Usd) {
        self.day_base = net;
        if self.breaks.get(BreakWhy::DailyLoss) == Some(BreakEnd::Rollover) {
            self.breaks.set(BreakWhy::DailyLoss, None);
            self.alert(None, AlertKind::RolledOver);
        }
    }

    /// Ends the cool-downs whose time has come.
    pub fn cool_down(&mut self, now: Nanos) {
        let still = self.breaks.at(now);
        if still != self.breaks {
            self.breaks = still;
            let kind = if still.any() { AlertKind::CooledDown } else { AlertKind::Recovered };
            self.alert(None, kind);
        }
    }

    /// Halts when too much was lost, by every fresh mark, for as long as the limits ask for; the peak
    /// is what was gained likewise. So one bad price, or one that lasts a moment, moves neither.
    pub fn judge_losses(&mut self, now: Nanos, profit: &Profit, limits: &RiskLimits) {
        self.raise_peak(now, profit.low, limits.loss_confirm);
        let lost = [
            (self.day_base - profit.high, limits.max_daily_loss_frac),
            (self.peak - profit.high, limits.max_drawdown_frac),
        ];
        let ends = [end_of_daily_loss(limits), BreakEnd::Manual];
        for (i, ((lost, frac), end)) in lost.into_iter().zip(ends).enumerate() {
            if lost <= share(limits.capital_usd, frac) {
                self.beyond[i] = None;
            } else if now - *self.beyond[i].get_or_insert(now) >= limits.loss_confirm {
                self.trip(None, LOSSES[i], end, Some(profit.marks));
            }
        }
    }

    /// The peak rises to the lowest of a profit that stayed above it.
    fn raise_peak(&mut self, now: Nanos, profit: Usd, confirm: Nanos) {
        if profit <= self.peak {
            self.above = None;
            return;
        }
        let begun = self.above.filter(|_| confirm > Nanos::ZERO);
        let (since, lowest) = begun.map_or((now, profit), |(t, low)| (t, low.min(profit)));
        self.above = Some((since, lowest));
        if now - since >= confirm {
            self.peak = lowest;
            self.above = Some((now, profit));
        }
    }

    /// When a loss that is beyond its limit will have lasted long enough.
    pub fn loss_due(&self, limits: &RiskLimits) -> Option<Nanos> {
        if self.beyond == [None; 2] {
            return None;
        }
        let waits =
            LOSSES.iter().zip(self.beyond).filter(|(why, _)| self.breaks.get(**why).is_none());
        waits.filter_map(|(_, since)| Some(since? + limits.loss_confirm)).min()
    }

    /// Counts a request of the account's that was refused.
    pub fn on_error(&mut self, now: Nanos) {
        if self.errors.len() == MAX_API_ERRORS {
            self.errors.pop_front();
        }
        self.errors.push_back(now);
    }

    /// Breaks when there were too many errors, `of_coins` of them of single coins.
    pub fn judge_errors(&mut self, now: Nanos, of_coins: usize, limits: &RiskLimits) {
        self.errors.retain(|t| now - *t <= limits.api_error_window);
        if self.errors.len() + of_coins > limits.max_api_errors as usize {
            let end = BreakEnd::At(now + limits.api_error_cooldown);
            self.trip(None, BreakWhy::ApiErrors, end, None);
        }
    }

    /// The venue liquidated the account, or a part of it.
    pub fn on_liquidation(&mut self) {
        self.trip(None, BreakWhy::Liquidation, BreakEnd::Manual, None);
    }

    /// A mid of an asset moved too far within a second.
    pub fn on_large_move(&mut self, now: Nanos, asset: AssetId, limits: &RiskLimits) {
        let end = BreakEnd::At(now + limits.large_move_cooldown);
        self.trip(Some(asset), BreakWhy::LargeMove, end, None);
    }

    /// Lets a break hold, until the later of what was and what is now asked for. Told when it begins.
    fn trip(&mut self, asset: Option<AssetId>, why: BreakWhy, end: BreakEnd, marks: Option<Marks>) {
        let held = self.breaks.get(why);
        self.breaks.set(why, held.max(Some(end)));
        if held.is_none() {
            self.breaks.set_marks(why, marks);
            let by = marks.unwrap_or(Marks::Last);
            let kind = match why {
                BreakWhy::ApiErrors => AlertKind::ApiErrors,
                BreakWhy::LargeMove => AlertKind::LargeMove,
                BreakWhy::DailyLoss => AlertKind::DailyLoss(by),
                BreakWhy::Drawdown => AlertKind::Drawdown(by),
                BreakWhy::Liquidation => AlertKind::Liquidated,
            };
            self.alert(asset, kind);
        }
    }

    /// Limits changed: how a halt after a daily loss ends is theirs to say.
    pub fn set_limits(&mut self, limits: &RiskLimits) {
        if self.breaks.get(BreakWhy::DailyLoss).is_some() {
            self.breaks.set(BreakWhy::DailyLoss, Some(end_of_daily_loss(limits)));
        }
    }

    /// A person ends what holds: losses and errors count from here. Nothing when nothing holds.
    pub fn rearm(&mut self, net: Usd) {
        if self.breaks.any() {
            self.breaks = Breaks::default();
            (self.day_base, self.peak) = (net, net);
            (self.above, self.beyond) = (None, [None; 2]);
            self.errors.clear();
            self.alert(None, AlertKind::Rearmed);
        }
    }

    /// What is to be kept of it.
    pub fn snapshot(&self, now: Nanos, net: Usd) -> RiskSnapshot {
        let mut kept = RiskSnapshot {
            breaks: self.breaks,
            day_profit: net - self.day_base,
            below_peak: self.peak.max(net) - net,
            ..RiskSnapshot::new(now)
        };
        if self.last.is_some() {
            kept.day = self.day;
        }
        let fits = self.errors.iter().all(|t| kept.push_error(*t));
        assert!(fits, "as many errors are kept as are remembered");
        kept
    }

    /// Takes over what an earlier run kept. `longest` are the longest cool-downs that the limits ask
    /// for, after API errors and after a large move: none is waited for longer, whatever the clock
    /// did in between.
    pub fn restore(
        &mut self,
        now: Nanos,
        kept: &RiskSnapshot,
        net: Usd,
        limits: &RiskLimits,
        longest: [Nanos; 2],
    ) {
        (self.last, self.day) = (Some(now), utc_day(now));
        self.peak = net + kept.below_peak;
        self.errors.clear();
        self.errors.extend(kept.errors().iter().filter(|t| **t <= now));
        self.breaks = kept.breaks;
        for (why, end) in kept.breaks.iter() {
            let end = match (why, end) {
                (BreakWhy::ApiErrors, BreakEnd::At(at)) => BreakEnd::At(at.min(now + longest[0])),
                (_, BreakEnd::At(at)) => BreakEnd::At(at.min(now + longest[1])),
                (BreakWhy::DailyLoss, _) => end_of_daily_loss(limits),
                (_, end) => end,
            };
            self.breaks.set(why, Some(end));
        }
        // A day that is ahead is today: the clock was set back.
        match kept.day < self.day {
            true => self.roll_over(net),
            false => self.day_base = net - kept.day_profit,
        }
        if self.breaks.at(now).any() {
            self.alert(None, AlertKind::Restored);
        }
    }

    /// What holds.
    pub fn breaks(&self) -> &Breaks {
        &self.breaks
    }

    /// The next thing that a person should know.
    pub fn next_alert(&mut self) -> Option<Alert> {
        self.alerts.pop_front()
    }

    /// Keeps something that a person should know.
    pub fn alert(&mut self, asset: Option<AssetId>, kind: AlertKind) {
        if self.alerts.len() < MAX_ALERTS {
            self.alerts.push_back((asset, kind));
        }
    }
}

fn end_of_daily_loss(limits: &RiskLimits) -> BreakEnd {
    match limits.daily_loss_rearm {
        DailyLossRearm::Manual => BreakEnd::Manual,
        DailyLossRearm::Rollover => BreakEnd::Rollover,
    }
}

/// A share of an amount, rounded toward zero.
fn share(amount: Usd, fraction: f64) -> Usd {
    Usd::from_raw((amount.raw() as f64 * fraction) as i64)
}
