//! How long things take, as it is shown.

use botmm_pipeline::rt::{StageLatency, Trips};
use serde::{Deserialize, Serialize};

/// How long polls of a stage took, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the usual words")]
pub struct StageView {
    pub stage: String,
    pub p50_ns: u64,
    pub p99_ns: u64,
    pub max_ns: u64,
}

/// How long the way from the wire to the wire took (docs/latency.md).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireView {
    /// What trips are counted from: `kernel`, `read` or `mixed`.
    pub counts_from: String,
    /// How many.
    pub trips: u64,
    /// Of these, how many took longer than `latency_budget_us`.
    pub over_budget: u64,
    /// By step, in their order.
    pub steps: Vec<StageView>,
}

impl StageView {
    /// What was measured.
    pub fn of(StageLatency { stage, p50_ns, p99_ns, max_ns }: StageLatency) -> Self {
        Self { stage: stage.to_owned(), p50_ns, p99_ns, max_ns }
    }
}

impl WireView {
    /// What was measured, if anything was.
    pub fn of(trips: &Trips) -> Option<Self> {
        let steps: Vec<_> = trips.steps().map(StageView::of).collect();
        (!steps.is_empty()).then(|| Self {
            counts_from: trips.counts_from().to_owned(),
            trips: trips.count(),
            over_budget: trips.breaches(),
            steps,
        })
    }
}
