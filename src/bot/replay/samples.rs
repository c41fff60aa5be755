//! The money of a replay on its way: what intervals and curves are made of.

use crate::report::Money;
use crate::report::backtest::Flow;
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::stage::numbers::Numbers;
use botmm_pipeline::types::{Nanos, Usd, notional};

/// The money at one moment, since the start, at the marks of that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub time: Nanos,
    /// Before fees and funding.
    pub gross: Usd,
    /// Positive = paid.
    pub fees: Usd,
    /// Positive = paid.
    pub funding: Usd,
    /// What is held, every coin by its worth.
    pub held: Usd,
    /// How many.
    pub fills: u64,
    /// Their value.
    pub volume: Usd,
}

impl Sample {
    fn of(time: Nanos, numbers: &Numbers) -> Self {
        let held = numbers.assets.iter().map(|a| notional(a.mark, a.position).abs()).sum();
        let Numbers { gross, fees, funding, fills, volume, .. } = *numbers;
        Self { time, gross, fees, funding, held, fills, volume }
    }

    /// After fees and funding.
    pub fn net(&self) -> Usd {
        self.gross - self.fees - self.funding
    }
}

/// The samples of a replay, a list a column.
pub fn flow(samples: &[Sample]) -> Flow {
    let money = |value: fn(&Sample) -> Usd| samples.iter().map(|s| Money(value(s))).collect();
    Flow {
        time_ms: samples.iter().map(|s| s.time.0 / 1_000_000).collect(),
        gross_usd: money(|s| s.gross),
        fees_usd: money(|s| s.fees),
        funding_usd: money(|s| s.funding),
        held_usd: money(|s| s.held),
        fills: samples.iter().map(|s| s.fills).collect(),
        volume_usd: money(|s| s.volume),
    }
}

/// One at the first moment of each stretch of a length.
pub struct Samples {
    every: Nanos,
    next: Nanos,
    assets: usize,
    taken: Vec<Sample>,
}

impl Samples {
    /// From a start on, at multiples of `every` (positive) of the clock.
    pub fn new(every: Nanos, start: Nanos, assets: usize) -> Self {
        assert!(every > Nanos::ZERO, "samples are some time apart");
        Self { every, next: after(start, every), assets, taken: Vec::new() }
    }

    /// After a moment.
    pub fn look(&mut self, now: Nanos, metrics: &Metrics) {
        if now >= self.next {
            self.taken.push(Sample::of(now, &metrics.numbers(self.assets)));
            self.next = after(now, self.every);
        }
    }

    /// All, and the end.
    pub fn end(mut self, now: Nanos, numbers: &Numbers) -> Vec<Sample> {
        self.taken.push(Sample::of(now, numbers));
        self.taken
    }
}

/// The next multiple.
fn after(now: Nanos, every: Nanos) -> Nanos {
    Nanos((now.0.div_euclid(every.0) + 1) * every.0)
}
