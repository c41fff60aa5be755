//! What a person is told while a bot runs: how bad it is, what it is about, and in words. Screen, stderr
//! and whoever is away hear the same.

use botmm_pipeline::types::AlertKind;
use std::fmt;

/// How soon a person should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Good to know.
    Info,
    /// Something is not as it should be; the bot copes, for now.
    Warn,
    /// Trading stopped or must be looked at, or money is in danger.
    Critical,
}

/// What it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The run itself: its start and its end.
    Run,
    /// Breakers, limits, liquidations.
    Risk,
    /// Orders and cancels, ours and others'.
    Orders,
    /// Fills, several in one.
    Fills,
    /// A day's numbers.
    Daily,
    /// Connections, and what comes over them: late, silent, refused.
    Link,
    /// The account: transfers, fees, positions that differ.
    Account,
    /// What the venue lists, and how.
    Metadata,
    /// Parameters that change while the bot runs.
    Params,
    /// This machine: clock, disk, threads, rings.
    Machine,
    /// What cancels orders when the bot cannot.
    Rung,
    /// The recorder.
    Recorder,
}

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// How soon to look.
    pub level: Level,
    /// What about.
    pub topic: Topic,
    /// In words, one line.
    pub text: String,
}

impl Level {
    /// As configurations and payloads spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Critical => "critical",
        }
    }
}

impl Level {
    /// Each of them, lowest first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warn, Self::Critical];

    /// The level that is spelt so.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }
}

impl Topic {
    /// Each of them.
    pub const ALL: [Self; 12] = [
        Self::Run,
        Self::Risk,
        Self::Orders,
        Self::Fills,
        Self::Daily,
        Self::Link,
        Self::Account,
        Self::Metadata,
        Self::Params,
        Self::Machine,
        Self::Rung,
        Self::Recorder,
    ];

    /// As payloads spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Risk => "risk",
            Self::Orders => "orders",
            Self::Fills => "fills",
            Self::Daily => "daily",
            Self::Link => "link",
            Self::Account => "account",
            Self::Metadata => "metadata",
            Self::Params => "params",
            Self::Machine => "machine",
            Self::Rung => "rung",
            Self::Recorder => "recorder",
        }
    }
}

impl Alert {
    /// Good to know.
    pub fn info(topic: Topic, text: impl Into<String>) -> Self {
        Self { level: Level::Info, topic, text: text.into() }
    }

    /// Not as it should be.
    pub fn warn(topic: Topic, text: impl Into<String>) -> Self {
        Self { level: Level::Warn, topic, text: text.into() }
    }

    /// A person must look.
    pub fn critical(topic: Topic, text: impl Into<String>) -> Self {
        Self { level: Level::Critical, topic, text: text.into() }
    }

    /// What a stage alerts of; `text` says it in words.
    pub fn of_stage(kind: AlertKind, text: impl Into<String>) -> Self {
        let (level, topic) = class(kind);
        Self { level, topic, text: text.into() }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How soon to look at what a stage alerts of, and what it is about.
const fn class(kind: AlertKind) -> (Level, Topic) {
    use AlertKind as Kind;
    use Level::{Critical, Info, Warn};
    match kind {
        Kind::DailyLoss(_) | Kind::Drawdown(_) | Kind::Liquidated => (Critical, Topic::Risk),
        Kind::ApiErrors | Kind::LargeMove | Kind::Restored | Kind::VolEmergency => {
            (Warn, Topic::Risk)
        }
        Kind::Recovered
        | Kind::CooledDown
        | Kind::RolledOver
        | Kind::Rearmed
        | Kind::VolCalm
        | Kind::PauseOver => (Info, Topic::Risk),
        Kind::CanceledOverHttps => (Info, Topic::Orders),
        Kind::CanceledLiquidated => (Critical, Topic::Orders),
        Kind::OrderUnknown
        | Kind::ForeignOrders
        | Kind::Leftovers
        | Kind::CancelRefused
        | Kind::CanceledByOther
        | Kind::CanceledByVenue
        | Kind::CanceledForMargin
        | Kind::OrdersVanish
        | Kind::CoinPaused
        | Kind::Complaint => (Warn, Topic::Orders),
        Kind::LinkDown
        | Kind::FeedLost
        | Kind::CoinSilent
        | Kind::CoinRefused
        | Kind::Throttled
        | Kind::BadFrame => (Warn, Topic::Link),
        Kind::FeedLate => (Warn, Topic::Link),
        Kind::CoinResumed | Kind::FeedInTime => (Info, Topic::Link),
        Kind::Refused | Kind::OtherProcess | Kind::YoungerProcess => (Critical, Topic::Account),
        Kind::ForeignFill | Kind::PositionMismatch | Kind::FeeEstimated => (Warn, Topic::Account),
        Kind::Transfer => (Info, Topic::Account),
        Kind::CanceledDelisted => (Warn, Topic::Metadata),
        Kind::RingFull(_) => (Critical, Topic::Machine),
        Kind::ClockSkew => (Warn, Topic::Machine),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use botmm_pipeline::types::Marks;

    #[test]
    fn what_halts_a_run_is_critical_and_what_ends_well_is_not() {
        for kind in [
            AlertKind::RingFull("a"),
            AlertKind::Refused,
            AlertKind::OtherProcess,
            AlertKind::DailyLoss(Marks::Both),
            AlertKind::Liquidated,
        ] {
            assert_eq!(Alert::of_stage(kind, "").level, Level::Critical, "{kind}");
        }
        for kind in [AlertKind::Recovered, AlertKind::Rearmed, AlertKind::CoinResumed] {
            assert_eq!(Alert::of_stage(kind, "").level, Level::Info, "{kind}");
        }
        assert!(Level::Info < Level::Warn && Level::Warn < Level::Critical);
    }
}
