//! What the sockets of `run` and `paper` are set to, and how long the way from wire to wire may take
//! (docs/latency.md), as it is configured.

use botmm_pipeline::types::Nanos;
use serde::Deserialize;

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireFile {
    pub tcp_nodelay: bool,
    pub tcp_quickack: bool,
    pub busy_poll_us: u32,
    pub kernel_timestamps: bool,
    pub latency_budget_us: i64,
    pub latency_widen: f64,
    pub latency_widen_s: f64,
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WireSettings {
    /// `TCP_NODELAY`.
    pub nodelay: bool,
    /// `TCP_QUICKACK`, anew with each read.
    pub quickack: bool,
    /// `SO_BUSY_POLL`, microseconds; 0 = off.
    pub busy_poll_us: u32,
    /// `SO_TIMESTAMPNS`.
    pub kernel_stamps: bool,
    /// How long a trip may take; [`None`] = as long as it takes.
    pub budget: Option<LatencyBudget>,
}

/// How long the way from the kernel to the order on the wire may take, and what follows when it takes longer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatencyBudget {
    /// So long.
    pub limit: Nanos,
    /// Half spreads are then multiplied by this, at least 1.
    pub widen: f64,
    /// For so long after the last breach.
    pub hold: Nanos,
}

impl WireSettings {
    pub(super) fn of(file: WireFile) -> Self {
        let limit = Nanos(1_000 * file.latency_budget_us);
        let hold = Nanos((file.latency_widen_s * 1e9).round() as i64);
        let budget = LatencyBudget { limit, widen: file.latency_widen, hold };
        Self {
            nodelay: file.tcp_nodelay,
            quickack: file.tcp_quickack,
            busy_poll_us: file.busy_poll_us,
            kernel_stamps: file.kernel_timestamps,
            budget: (limit > Nanos::ZERO).then_some(budget),
        }
    }
}
