//! When not to quote, and where against the touch (STRATEGY §3b).

use serde::{Deserialize, Serialize};

/// What a feed does that is usually later than `max_feed_delay_ms`.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LateAction {
    /// Quoting goes on; it is told.
    #[default]
    Warn = 0,
    /// No order is nearer to the mid than `late_half_spread_bps` (reason `feed_late`).
    StandAside = 1,
}

impl LateAction {
    /// All, in order of their codes.
    pub const ALL: [Self; 2] = [Self::Warn, Self::StandAside];
    /// The word used in the configuration and in summaries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::StandAside => "stand_aside",
        }
    }
}

/// Where a side stands against the touch. Fee floor and expected edge go before it.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Touch {
    /// Where the model puts it.
    #[default]
    Free = 0,
    /// Its spread is never wider than the touch; leans against the position may still carry it there.
    Join = 1,
    /// Never more than one tick inside the touch.
    Inside = 2,
}

impl Touch {
    /// All, in order of their codes.
    pub const ALL: [Self; 3] = [Self::Free, Self::Join, Self::Inside];
    /// The word used in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Join => "join",
            Self::Inside => "inside",
        }
    }
}
