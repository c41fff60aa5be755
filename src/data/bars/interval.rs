//! How long bars are.

use botmm_pipeline::types::Nanos;

/// A length that the venue has bars of (PROTOCOL, appendix E), up to a day: longer ones begin on Mondays or
/// the first of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    seconds: i64,
}

/// Longest first.
const INTERVALS: [(&str, i64); 11] = [
    ("1d", 86_400),
    ("12h", 43_200),
    ("8h", 28_800),
    ("4h", 14_400),
    ("2h", 7_200),
    ("1h", 3_600),
    ("30m", 1_800),
    ("15m", 900),
    ("5m", 300),
    ("3m", 180),
    ("1m", 60),
];

/// What is read, for a person.
pub const KNOWN: &str = "1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 8h, 12h or 1d";

impl Interval {
    /// By the venue's name.
    pub fn named(name: &str) -> Option<Self> {
        let found = INTERVALS.iter().find(|(known, _)| *known == name);
        found.map(|(_, seconds)| Self { seconds: *seconds })
    }

    /// By its length.
    pub fn of(span: Nanos) -> Option<Self> {
        let found = INTERVALS.iter().find(|(_, seconds)| Nanos::secs(*seconds) == span);
        found.map(|(_, seconds)| Self { seconds: *seconds })
    }

    /// The longest that a span is a whole number of.
    pub fn dividing(span: Nanos) -> Option<Self> {
        let fits = |(_, seconds): &&(&str, i64)| span.0 % Nanos::secs(*seconds).0 == 0;
        INTERVALS.iter().find(fits).map(|(_, seconds)| Self { seconds: *seconds })
    }

    /// The venue's name.
    pub fn name(self) -> &'static str {
        INTERVALS.iter().find(|(_, seconds)| *seconds == self.seconds).map_or("?", |(name, _)| name)
    }

    /// Its length.
    pub fn span(self) -> Nanos {
        Nanos::secs(self.seconds)
    }
}
