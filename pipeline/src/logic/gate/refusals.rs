//! A coin whose orders the venue refuses pauses by itself, longer each time; the others trade on.

use crate::logic::pause::{Growth, Pause};
use crate::types::limits::MAX_API_ERRORS;
use crate::types::{Nanos, RiskLimits};
use std::collections::VecDeque;

/// The first pause of a row.
const FIRST_PAUSE: Nanos = Nanos::secs(5);

/// Refused requests of one coin.
pub(super) struct Refusals {
    /// When, oldest first; no more than count.
    times: VecDeque<Nanos>,
    pause: Pause,
}

impl Default for Refusals {
    fn default() -> Self {
        Self { times: VecDeque::with_capacity(MAX_API_ERRORS), pause: Pause::default() }
    }
}

impl Refusals {
    /// Counts one. So many within the window begin a pause; in a row of pauses each one does. Whether
    /// a row begins.
    pub fn add(&mut self, now: Nanos, limits: &RiskLimits) -> bool {
        if self.times.len() == MAX_API_ERRORS {
            self.times.pop_front();
        }
        self.times.push_back(now);
        self.end_row(now, limits);
        let is_due = self.pause.is_in_row() || self.count(now, limits) >= most(limits);
        is_due && self.pause.begin(now, &growth(limits)) == 1
    }

    /// What they count for when those of all coins are added up: those within the window, and never
    /// so many that one coin alone could stop the others.
    pub fn count(&mut self, now: Nanos, limits: &RiskLimits) -> usize {
        self.times.retain(|t| (Nanos::ZERO..=limits.api_error_window).contains(&(now - *t)));
        self.times.len().min(most(limits))
    }

    /// Whether the coin pauses.
    pub fn holds(&self, now: Nanos) -> bool {
        self.pause.holds(now)
    }

    /// Whether a row of pauses is over now.
    pub fn end_row(&mut self, now: Nanos, limits: &RiskLimits) -> bool {
        let is_over = self.pause.is_over(now, &growth(limits));
        if is_over {
            self.pause.end();
        }
        is_over
    }

    /// A person wants it to count from here.
    pub fn clear(&mut self) {
        self.times.clear();
        self.pause.end();
    }
}

/// More than half of what trips the breaker of all: two coins together always do.
fn most(limits: &RiskLimits) -> usize {
    (limits.max_api_errors / 2) as usize + 1
}

fn growth(limits: &RiskLimits) -> Growth {
    Growth { first: FIRST_PAUSE, longest: limits.api_error_cooldown.max(FIRST_PAUSE) }
}
