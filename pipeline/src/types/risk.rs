//! The words of risk (STRATEGY §5): states, breaks, and what of them outlives a run.

use super::fixed::{Nanos, Usd};
use super::limits::MAX_API_ERRORS;
use super::reason::Reason;

const DAY: Nanos = Nanos::secs(86_400);

/// Days since the Unix epoch, UTC: a daily loss counts from 00:00.
pub const fn utc_day(time: Nanos) -> i64 {
    time.0.div_euclid(DAY.0)
}

/// What may be quoted of an asset.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RiskState {
    /// Both sides.
    #[default]
    Safe = 0,
    /// Only the side that reduces the position: its limit, or that of all assets, is used up.
    PositionLimit = 1,
    /// Nothing: a breaker holds. What rests is cancelled.
    CircuitBreak = 2,
}

impl RiskState {
    /// All, in order of their codes.
    pub const ALL: [Self; 3] = [Self::Safe, Self::PositionLimit, Self::CircuitBreak];
    /// The word used in journals and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::PositionLimit => "position_limit",
            Self::CircuitBreak => "circuit_break",
        }
    }
}

/// Why nothing may be quoted. Each breaker holds by itself: trading goes on when none does.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakWhy {
    /// More API errors than allowed within their window.
    ApiErrors = 0,
    /// A mid moved further within a second than allowed.
    LargeMove = 1,
    /// The loss since 00:00 UTC is beyond its limit.
    DailyLoss = 2,
    /// Marked equity is further below its peak than allowed.
    Drawdown = 3,
    /// The venue liquidated a position.
    Liquidation = 4,
}

impl BreakWhy {
    /// How many there are.
    pub const COUNT: usize = 5;
    /// All, in order of their codes.
    pub const ALL: [Self; Self::COUNT] =
        [Self::ApiErrors, Self::LargeMove, Self::DailyLoss, Self::Drawdown, Self::Liquidation];
    /// The word used in journals and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiErrors => "api_errors",
            Self::LargeMove => "large_move",
            Self::DailyLoss => "daily_loss",
            Self::Drawdown => "drawdown",
            Self::Liquidation => "liquidation",
        }
    }
    /// The same for a person.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::ApiErrors => "too many API errors",
            Self::LargeMove => "large move",
            Self::DailyLoss => "daily loss limit reached",
            Self::Drawdown => "drawdown limit reached",
            Self::Liquidation => "liquidated by the venue",
        }
    }
}

/// How a break ends by itself, if it does. A person can end any of them. In order: what comes later
/// holds longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BreakEnd {
    /// A cool-down: at this time.
    At(Nanos),
    /// A halt: at the next 00:00 UTC.
    Rollover,
    /// A halt: by a person only (`botmm rearm`).
    Manual,
}

/// The marks by which a loss limit was reached: those that were fresh, each of which was beyond it.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Marks {
    /// The book's mid and the venue's mark.
    Both = 0,
    /// The book's mid; the venue told no mark lately (a replay has none).
    Book = 1,
    /// The venue's mark; the book had no sound mid for a while.
    Venue = 2,
    /// The last ones that were known: none was fresh.
    Last = 3,
}

impl Marks {
    /// All, in order of their codes.
    pub const ALL: [Self; 4] = [Self::Both, Self::Book, Self::Venue, Self::Last];
    /// The word used in journals and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Both => "book_and_venue",
            Self::Book => "book",
            Self::Venue => "venue",
            Self::Last => "last_known",
        }
    }
    /// The same for a person.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Both => "by the book's mid and by the venue's mark",
            Self::Book => "by the book's mid alone",
            Self::Venue => "by the venue's mark alone",
            Self::Last => "by the last marks known",
        }
    }
}

/// Every break that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Breaks {
    ends: [Option<BreakEnd>; BreakWhy::COUNT],
    /// Of loss limits.
    marks: [Option<Marks>; BreakWhy::COUNT],
}

impl Breaks {
    /// How a break ends; [`None`] = it does not hold.
    pub fn get(&self, why: BreakWhy) -> Option<BreakEnd> {
        self.ends[why as usize]
    }
    /// Lets a break hold until `end`, or no more.
    pub fn set(&mut self, why: BreakWhy, end: Option<BreakEnd>) {
        self.ends[why as usize] = end;
        if end.is_none() {
            self.marks[why as usize] = None;
        }
    }
    /// By which marks the limit of a break that holds was reached, where that is known.
    pub fn marks(&self, why: BreakWhy) -> Option<Marks> {
        self.marks[why as usize]
    }
    /// Sets them; nothing when the break does not hold.
    pub fn set_marks(&mut self, why: BreakWhy, marks: Option<Marks>) {
        self.marks[why as usize] = self.get(why).and(marks);
    }
    /// Those that hold.
    pub fn iter(&self) -> impl Iterator<Item = (BreakWhy, BreakEnd)> + use<> {
        BreakWhy::ALL.into_iter().zip(self.ends).filter_map(|(why, end)| Some((why, end?)))
    }
    /// Those of them that are not over at a time.
    pub fn at(mut self, now: Nanos) -> Self {
        for why in BreakWhy::ALL {
            self.set(why, self.get(why).filter(|end| *end > BreakEnd::At(now)));
        }
        self
    }
    /// Whether any holds.
    pub fn any(&self) -> bool {
        self.ends.iter().any(Option::is_some)
    }
    /// Whether one holds that is no cool-down: nothing is quoted until a person, or at least a new
    /// day, comes.
    pub fn is_halt(&self) -> bool {
        self.iter().any(|(_, end)| !matches!(end, BreakEnd::At(_)))
    }
    /// Why nothing may be quoted; [`None`] = it may.
    pub fn reason(&self) -> Option<Reason> {
        match (self.is_halt(), self.any()) {
            (true, _) => Some(Reason::Halted),
            (false, true) => Some(Reason::Cooldown),
            (false, false) => None,
        }
    }
    /// Whether the same breaks hold, whenever they end.
    pub fn same_as(&self, other: &Self) -> bool {
        self.ends.map(|end| end.is_some()) == other.ends.map(|end| end.is_some())
    }
}

/// What of the risk state outlives a run. Money is counted from an origin of its own (profit of the
/// day, distance from the peak), since a run's ledger begins at zero: how a position that is held
/// between two runs moves in that time is in neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RiskSnapshot {
    /// When this was so.
    pub time: Nanos,
    /// What holds.
    pub breaks: Breaks,
    /// Of `day_profit`, in days since the Unix epoch.
    pub day: i64,
    /// Marked profit that counts for the daily loss: since 00:00 UTC, or since a person re-armed.
    pub day_profit: Usd,
    /// How far marked equity is below its peak, or below where a person re-armed. Not negative.
    pub below_peak: Usd,
    /// Times of the newest API errors, oldest first; see [`RiskSnapshot::errors`].
    pub errors: [Nanos; MAX_API_ERRORS],
    /// How many of these there are.
    pub error_count: usize,
}

impl RiskSnapshot {
    /// Nothing lost, nothing broken.
    pub fn new(time: Nanos) -> Self {
        Self {
            time,
            breaks: Breaks::default(),
            day: utc_day(time),
            day_profit: Usd::ZERO,
            below_peak: Usd::ZERO,
            errors: [Nanos::ZERO; MAX_API_ERRORS],
            error_count: 0,
        }
    }
    /// The same after a person has ended what held: losses and errors count from here.
    pub fn rearmed(&self, time: Nanos) -> Self {
        Self { day: self.day, ..Self::new(time) }
    }
    /// Adds a newer API error; false when there is no room for it.
    pub fn push_error(&mut self, time: Nanos) -> bool {
        let has_room = self.error_count < MAX_API_ERRORS;
        if has_room {
            self.errors[self.error_count] = time;
            self.error_count += 1;
        }
        has_room
    }
    /// Times of the newest API errors, oldest first.
    pub fn errors(&self) -> &[Nanos] {
        &self.errors[..self.error_count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_halt_outweighs_a_cool_down() {
        let mut breaks = Breaks::default();
        assert_eq!((breaks.any(), breaks.reason()), (false, None));
        breaks.set(BreakWhy::LargeMove, Some(BreakEnd::At(Nanos::secs(5))));
        assert_eq!((breaks.is_halt(), breaks.reason()), (false, Some(Reason::Cooldown)));
        let later = { breaks };
        breaks.set(BreakWhy::LargeMove, Some(BreakEnd::At(Nanos::secs(6))));
        assert!(breaks.same_as(&later) && breaks != later);
        breaks.set(BreakWhy::DailyLoss, Some(BreakEnd::Rollover));
        assert_eq!((breaks.is_halt(), breaks.reason()), (true, Some(Reason::Halted)));
        assert_eq!(breaks.at(Nanos::MAX).iter().count(), 1);
        assert_eq!(
            breaks.at(Nanos::secs(6)).get(BreakWhy::LargeMove),
            None,
            "over when it is reached"
        );
        assert_eq!(breaks.at(Nanos(5_999_999_999)), breaks);
        assert!(
            BreakEnd::Manual > BreakEnd::Rollover && BreakEnd::Rollover > BreakEnd::At(Nanos::MAX)
        );
        assert!(!breaks.same_as(&later));
    }

    #[test]
    fn codes_match_positions() {
        for (i, why) in BreakWhy::ALL.into_iter().enumerate() {
            assert_eq!(why as usize, i);
        }
        for (i, state) in RiskState::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, i);
        }
    }

    #[test]
    fn days_are_utc_and_begin_at_midnight() {
        let day = utc_day(Nanos::secs(1_757_015_216));
        assert_eq!(day, 20_335); // 2025-09-04
        let midnight = Nanos::secs(86_400 * day);
        assert_eq!((utc_day(midnight), utc_day(Nanos(midnight.0 - 1))), (day, day - 1));
        assert_eq!(utc_day(Nanos(-1)), -1);
    }
}
