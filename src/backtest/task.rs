//! One replay of a job: which, of what, and under which assumptions.

use super::grid;
use super::plan::Plan;
use crate::exit::AppError;
use crate::settings::{Overrides, Queue, Settings};
use crate::sha256;
use botmm_pipeline::types::Nanos;
use serde::{Deserialize, Serialize};

/// A task as it lies in the plan, a line each. All that decides its result is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Task {
    /// SHA-256 of all of the rest, of the program, and of how the recordings are read.
    pub id: String,
    /// The set of parameters: `[COIN.][TABLE.]KEY` and value.
    pub params: Vec<(String, String)>,
    /// The coins that are traded, together.
    pub coins: Vec<String>,
    /// Which days, one after the other, by their place in the plan.
    pub days: Vec<usize>,
    /// Our place in the queues.
    pub queue: String,
    /// When events reach us.
    pub feed: String,
    /// How long orders and answers take.
    pub latency: String,
    /// Which of the venue's rules hold.
    pub rules: String,
    /// What the maker's fee is called.
    pub fee: String,
    /// The maker's fee, basis points.
    pub fee_bps: String,
    /// Of everything random.
    pub seed: u64,
    /// Of the resolved configuration.
    pub config_sha256: String,
    /// Of the files that are read, in order of their text.
    pub data_sha256: Vec<String>,
}

impl Task {
    /// The settings that it is done with.
    ///
    /// # Errors
    /// They will not do; `place` is where the parameters were written.
    pub fn settings(&self, base: &Settings, place: Option<&str>) -> Result<Settings, AppError> {
        let wrong = |e: String| AppError::Usage(e);
        let queue = match self.queue.parse().map_err(wrong)? {
            Queue::Exact => None,
            Queue::Estimated(model) => Some(model),
        };
        let flags = Overrides {
            symbols: Some(self.coins.join(",")),
            seed: Some(self.seed),
            queue,
            latency: Some(self.latency.parse().map_err(wrong)?),
            rules: Some(self.rules.parse().map_err(wrong)?),
            maker_fee: Some(crate::settings::parse_bps(&self.fee_bps).map_err(wrong)?),
            ..Overrides::default()
        };
        let settings = base.clone().with(&flags)?;
        grid::put(&self.params, place, &settings, &self.coins)
    }

    /// The task with its name.
    pub fn named(mut self, plan: &Plan) -> Self {
        self.id.clear();
        let how =
            (&plan.binary_sha256, plan.allow_unsound, plan.sample_every, plan.funding_rate_e10);
        let all = serde_json::to_string(&(&how, &self)).unwrap_or_default(); // Text and numbers: it cannot fail.
        self.id = sha256::of(all.as_bytes());
        self
    }
}

/// Between samples: the finest of these that makes no more than so many.
pub(super) fn sample_every(span: Nanos) -> Nanos {
    const STEPS: [i64; 11] = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600];
    const MOST: i64 = 2_000;
    let step = STEPS.into_iter().map(Nanos::secs).find(|step| span.0 / step.0 <= MOST);
    step.unwrap_or(Nanos::secs(3_600))
}
