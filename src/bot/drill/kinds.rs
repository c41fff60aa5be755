//! What a drill does to a bot, who is meant to cancel then, and within which time.

use crate::bot::live::watchdog::TAKE_UP;
use crate::side::links::{GRACE, STANDS_AFTER};
use serde::Serialize;
use std::time::Duration;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A lane stands.
    Lane,
    /// The side thread stands, and the lanes go on.
    SideThread,
    /// The process is stopped (SIGSTOP).
    Stop,
    /// The process is killed outright (SIGKILL).
    Kill,
    /// Its terminal is closed (SIGHUP).
    Hangup,
    /// Every connection is closed, and none can be opened.
    Cut,
    /// No connection carries anything, and none says so.
    HalfOpen,
    /// The exchange closes the order link, each time.
    OrderLink,
    /// The disk is full; then the process is killed outright.
    Disk,
}

impl Fault {
    /// In the order in which they are tried.
    pub const ALL: [Self; 9] = [
        Self::Lane,
        Self::SideThread,
        Self::Stop,
        Self::Kill,
        Self::Hangup,
        Self::Cut,
        Self::HalfOpen,
        Self::OrderLink,
        Self::Disk,
    ];

    /// For a person.
    pub fn words(self) -> &'static str {
        match self {
            Self::Lane => "a lane stands",
            Self::SideThread => "the side thread stands",
            Self::Stop => "SIGSTOP",
            Self::Kill => "kill -9",
            Self::Hangup => "HUP",
            Self::Cut => "network cut",
            Self::HalfOpen => "network half open",
            Self::OrderLink => "order link killed",
            Self::Disk => "disk full, then kill -9",
        }
    }

    /// Who is to cancel, each by itself: the others are switched off. A bot that lives has means of its own
    /// beside the rungs, which cannot be switched off: where those are always first, a rung proves nothing.
    pub fn by(self, plan: &str) -> &'static [By] {
        match self {
            // Orders have a lane of their own, which goes on: it cancels before anybody else does.
            Self::Lane if plan != "solo" => &[By::Bot],
            Self::Lane | Self::SideThread => &[By::Guard, By::Bot],
            Self::Stop | Self::Kill => &[By::Exchange, By::Guard, By::Systemd],
            Self::Hangup | Self::OrderLink => &[By::Bot],
            // A guard on this machine has lost the venue, too.
            Self::Cut | Self::HalfOpen => &[By::Exchange],
            Self::Disk => &[By::Guard],
        }
    }
}

/// Who cancels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Rung (a): the venue's switch, `scheduleCancel`.
    Exchange,
    /// Rung (b): the guard.
    Guard,
    /// Rung (c): systemd's watchdog and `ExecStopPost`.
    Systemd,
    /// The bot itself.
    Bot,
}

impl By {
    /// For a person.
    pub fn words(self) -> &'static str {
        match self {
            Self::Exchange => "(a) exchange",
            Self::Guard => "(b) guard",
            Self::Systemd => "(c) systemd",
            Self::Bot => "bot itself",
        }
    }
}

/// After which time each rung acts.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The venue's switch, after the last progress.
    pub horizon: Duration,
    /// The guard, after the last beat.
    pub guard_timeout: Duration,
    /// systemd, after the last sign of life.
    pub watchdog: Duration,
}

/// What a rung may take on top of the time after which it acts.
const ON_TOP: Duration = Duration::from_secs(2);

impl Times {
    /// As shipped: `WatchdogSec` of deploy/botmm.service.
    pub fn full(horizon: Duration, guard_timeout: Duration) -> Self {
        Self { horizon, guard_timeout, watchdog: Duration::from_secs(20) }
    }

    /// The shortest that still are what they are.
    pub fn short() -> Self {
        let [horizon, guard_timeout, watchdog] = [10, 3, 5].map(Duration::from_secs);
        Self { horizon, guard_timeout, watchdog }
    }

    /// From the fault until no order may rest any more.
    pub fn limit(&self, fault: Fault, by: By, block: Duration) -> Duration {
        match by {
            By::Exchange => self.horizon + block,
            By::Guard => self.guard_timeout + ON_TOP,
            By::Systemd => self.watchdog + ON_TOP,
            By::Bot => ON_TOP + self.patience_of_the_bot(fault),
        }
    }

    /// How long the bot waits whether that passes.
    fn patience_of_the_bot(self, fault: Fault) -> Duration {
        let of = |span: botmm_pipeline::types::Nanos| Duration::from_nanos(span.0.unsigned_abs());
        match fault {
            Fault::Lane => of(STANDS_AFTER) + of(GRACE),
            Fault::SideThread => TAKE_UP,
            Fault::OrderLink => of(GRACE),
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_rung_and_a_limit_and_each_rung_is_tried() {
        let times = Times::full(Duration::from_secs(15), Duration::from_secs(3));
        let block = Duration::from_millis(80);
        let limit = |fault, by| times.limit(fault, by, block).as_secs_f64();
        assert!(Fault::ALL.iter().all(|fault| !fault.by("paired").is_empty()));
        assert!((limit(Fault::Stop, By::Exchange) - 15.08).abs() < 1e-9);
        assert!((limit(Fault::Kill, By::Guard) - 5.0).abs() < 1e-9);
        assert!((limit(Fault::Stop, By::Systemd) - 22.0).abs() < 1e-9);
        assert!((limit(Fault::Lane, By::Bot) - 7.0).abs() < 1e-9);
        for by in [By::Exchange, By::Guard, By::Systemd, By::Bot] {
            assert!(Fault::ALL.iter().any(|fault| fault.by("solo").contains(&by)), "{by:?}");
        }
    }

    /// What is drilled is what is installed.
    #[test]
    fn the_unit_has_the_same_watchdog() {
        let unit = include_str!("../../../deploy/botmm.service");
        let times = Times::full(Duration::ZERO, Duration::ZERO);
        assert!(unit.contains(&format!("\nWatchdogSec={}\n", times.watchdog.as_secs())));
    }
}
