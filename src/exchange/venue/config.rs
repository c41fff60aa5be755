//! What the venue is set up with: one named switch for everything that its documents leave open.

use crate::settings::FeeTable;
use botmm_pipeline::types::{Nanos, Usd};
use botmm_pipeline::venue::sim::core::Rules;

/// What a second open order with a client id in use does (PROTOCOL §11: unknown).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DuplicateCloid {
    /// It is placed; the id then means the newest one.
    Accept,
    /// It is refused.
    Reject,
}

/// Who is told to deposit, when a signer is neither an account nor an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownSignerText {
    /// `User or API Wallet … does not exist.`
    DoesNotExist,
    /// `Must deposit before performing actions. User: …`
    MustDeposit,
}

/// What PROTOCOL marks as unknown or leaves to choice, one named switch each, with its defaults.
#[derive(Clone, Debug)]
pub struct VenueConfig {
    /// Time between blocks.
    pub block_interval: Nanos,
    /// From an action's arrival to the earliest block it may be in.
    pub entry_latency: Nanos,
    /// The market runs this long before the venue opens, so that there are candles and volatility.
    pub history: Nanos,
    /// Fees by 14-day volume. The default has no rows: no fees. The numbers live in `botmm.toml`.
    pub fees: FeeTable,
    /// Open orders an account may have. (The venue: 1000 and one for every 5 million traded.)
    pub max_open_orders: usize,
    /// Requests an address has before it traded anything.
    pub base_requests: u64,
    /// Whether the request budget holds at all.
    pub enforce_requests: bool,
    /// Traded volume before scheduleCancel may be set.
    pub schedule_volume: Usd,
    /// How far ahead scheduleCancel must be.
    pub schedule_ahead: Nanos,
    /// Triggers of scheduleCancel a UTC day. After these, setting it answers
    /// [`super::super::refusal::Refusal::ScheduleTriggers`] (the real words are unknown).
    pub schedule_triggers: u32,
    /// How far from the mark a limit price may be, percent of the mark.
    pub price_band_pct: i64,
    /// How long past its end an agent is still accepted (the venue: up to 15 minutes).
    pub agent_grace: Nanos,
    /// What an unknown signer is told.
    pub unknown_signer: UnknownSignerText,
    /// Whether a partial fill of a resting order sends another `open` with what is left.
    pub partial_fill_updates: bool,
    /// Whether a GTC that partly crossed answers `resting` (else `filled` with what traded).
    pub partly_crossed_rests: bool,
    /// Whether a trigger order that belongs to nothing answers `resting` (else `waitingForTrigger`).
    pub lone_trigger_rests: bool,
    /// Whether `openOrders` has trigger orders too (`frontendOpenOrders` always does).
    pub triggers_in_open_orders: bool,
    /// Least and most minutes of a TWAP order (what the venue's pages say, as the next four).
    pub twap_minutes: [u64; 2],
    /// Time between its slices.
    pub twap_interval: Nanos,
    /// How far from the middle of the book a slice may trade, percent.
    pub twap_slippage_pct: i64,
    /// A slice makes up for earlier ones up to so many times its own size.
    pub twap_catch_up: i64,
    /// How much later than on the second a randomised slice may come (undocumented).
    pub twap_jitter: Nanos,
    /// A second open order with a client id in use.
    pub duplicate_cloid: DuplicateCloid,
}

impl Default for VenueConfig {
    fn default() -> Self {
        Self {
            block_interval: Nanos::millis(80),
            entry_latency: Nanos::millis(80),
            history: Nanos::ZERO,
            fees: FeeTable { volume_tiers: Vec::new(), maker_rebates: Vec::new() },
            max_open_orders: 1_000,
            base_requests: 10_000,
            enforce_requests: true,
            schedule_volume: Usd::whole(1_000_000),
            schedule_ahead: Nanos::secs(5),
            schedule_triggers: 10,
            price_band_pct: 80,
            agent_grace: Nanos::ZERO,
            unknown_signer: UnknownSignerText::DoesNotExist,
            partial_fill_updates: false,
            partly_crossed_rests: true,
            lone_trigger_rests: true,
            twap_minutes: [5, 1_440],
            twap_interval: Nanos::secs(30),
            twap_slippage_pct: 3,
            twap_catch_up: 3,
            twap_jitter: Nanos::secs(10),
            triggers_in_open_orders: true,
            duplicate_cloid: DuplicateCloid::Accept,
        }
    }
}

impl VenueConfig {
    /// What the core is to hold.
    pub(super) fn rules(&self) -> Rules {
        Rules {
            block_interval: Some(self.block_interval),
            price_band_pct: Some(self.price_band_pct),
            budget: self.enforce_requests,
            base_requests: self.base_requests,
            open_orders: self.max_open_orders,
            unique_cloids: self.duplicate_cloid == DuplicateCloid::Reject,
            ..Rules::VENUE
        }
    }
}
