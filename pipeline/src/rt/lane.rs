//! A lane: stages polled in order by one thread, with the time each took.

use super::clock::WallClock;
use super::stage::Stage;
use crate::types::Nanos;
use hdrhistogram::Histogram;

/// Longest span a histogram holds; longer ones count as this.
const MAX_SPAN_NS: u64 = 60_000_000_000;

/// How long the polls of one stage took that did some work.
#[derive(Clone, Debug)]
pub struct StageLatency {
    /// The stage's name.
    pub name: &'static str,
    /// Nanoseconds a poll.
    pub histogram: Histogram<u64>,
}

/// Stages that share a thread.
pub struct Lane {
    stages: Vec<Box<dyn Stage>>,
    latency: Vec<StageLatency>,
    clock: WallClock,
}

impl Lane {
    /// Polls `stages` in this order. The clock only measures how long they take.
    pub fn new(stages: Vec<Box<dyn Stage>>, clock: WallClock) -> Self {
        let latency = stages.iter().map(|s| new_latency(s.name())).collect();
        Self { stages, latency, clock }
    }

    /// Before the first poll.
    pub fn start(&mut self) {
        self.stages.iter_mut().for_each(|s| s.on_start());
    }

    /// One duty cycle at `now`; returns the work done.
    pub fn poll(&mut self, now: Nanos) -> usize {
        let mut total = 0;
        let mut before = self.clock.raw();
        for (stage, latency) in self.stages.iter_mut().zip(&mut self.latency) {
            let work = stage.poll(now);
            let after = self.clock.raw();
            if work > 0 {
                latency.histogram.saturating_record(self.clock.span_ns(before, after));
                total += work;
            }
            before = after;
        }
        total
    }

    /// The earliest deadline of its stages.
    pub fn next_deadline(&self) -> Option<Nanos> {
        self.stages.iter().filter_map(|s| s.next_deadline()).min()
    }

    /// After the last poll: how long each stage took.
    pub fn stop(mut self) -> Vec<StageLatency> {
        self.stages.iter_mut().for_each(|s| s.on_stop());
        self.latency
    }

    /// Takes the stages whose names are listed out of `stages`, in that order.
    pub fn pick(stages: &mut Vec<Box<dyn Stage>>, names: &[String]) -> Vec<Box<dyn Stage>> {
        names
            .iter()
            .map(|name| {
                let at = stages.iter().position(|s| s.name() == name);
                let at = at.unwrap_or_else(|| panic!("stage `{name}`: the plan was not validated"));
                stages.remove(at)
            })
            .collect()
    }
}

fn new_latency(name: &'static str) -> StageLatency {
    let mut histogram = Histogram::new_with_bounds(1, MAX_SPAN_NS, 3)
        .unwrap_or_else(|e| panic!("histogram bounds are constants: {e}"));
    histogram.auto(false);
    StageLatency { name, histogram }
}
