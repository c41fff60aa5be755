//! Pauses that grow while what causes them goes on.

use crate::types::Nanos;

/// How long the first one is, and the longest.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    /// The first pause of a row; each further one is twice as long.
    pub first: Nanos,
    /// None is longer. When nothing happened for so long after one, the row is over.
    pub longest: Nanos,
}

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pause {
    until: Nanos,
    length: Nanos,
    in_a_row: u32,
}

impl Pause {
    /// Begins the next pause, unless one holds. Which one of its row it is; zero = one holds.
    pub fn begin(&mut self, now: Nanos, growth: &Growth) -> u32 {
        if self.holds(now) {
            return 0;
        }
        if self.is_over(now, growth) {
            *self = Self::default();
        }
        self.length = match self.in_a_row {
            0 => growth.first,
            _ => Nanos(self.length.0.saturating_mul(2)),
        }
        .min(growth.longest);
        self.in_a_row += 1;
        self.until = now + self.length;
        self.in_a_row
    }

    /// Whether one holds now. (A clock that was set back makes none longer.)
    pub fn holds(&self, now: Nanos) -> bool {
        now < self.until && self.until - now <= self.length
    }

    /// Whether there were pauses, and the newest has not been over for long.
    pub fn is_in_row(&self) -> bool {
        self.in_a_row > 0
    }

    /// Whether the row is over: nothing has happened for long after its last pause.
    pub fn is_over(&self, now: Nanos, growth: &Growth) -> bool {
        self.in_a_row > 0 && !self.holds(now) && now - self.until >= growth.longest
    }

    /// Ends the row.
    pub fn end(&mut self) {
        *self = Self::default();
    }

    /// When the present or newest pause ends.
    pub fn until(&self) -> Nanos {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROWTH: Growth = Growth { first: Nanos::secs(1), longest: Nanos::secs(5) };

    #[test]
    fn pauses_double_until_nothing_happens_for_long() {
        let (mut pause, mut now) = (Pause::default(), Nanos::secs(100));
        for (nth, length) in [(1, 1), (2, 2), (3, 4), (4, 5), (5, 5)] {
            assert_eq!(pause.begin(now, &GROWTH), nth);
            assert_eq!(pause.begin(now, &GROWTH), 0, "it holds");
            assert!(pause.holds(now + Nanos::secs(length) - Nanos(1)));
            now = now + Nanos::secs(length);
            assert!(!pause.holds(now) && pause.is_in_row());
        }
        assert!(!pause.is_over(now + Nanos::secs(4), &GROWTH));
        assert!(pause.is_over(now + Nanos::secs(5), &GROWTH));
        assert_eq!(pause.begin(now + Nanos::secs(5), &GROWTH), 1);
        // A clock that is set back does not make it longer.
        assert!(!pause.holds(Nanos::secs(50)));
    }
}
