//! A lane: stages polled in order by one thread. How long each poll took goes to the side thread as
//! samples, through a ring of the lane's own; in virtual time, of one moment in sixteen.

use super::clock::WallClock;
use super::cycles::{MAX_INPUTS, Recorder};
use super::idle::IdleStrategy;
use super::plan::Plan;
use super::rehearsal::Rehearsal;
use super::ring::{In, Out, ring};
use super::stage::{Ahead, Stage};
use crate::types::Nanos;
use crate::types::limits::RING_SAMPLE;
use hdrhistogram::Histogram;

/// Longest span a histogram holds; longer ones count as this.
const MAX_SPAN_NS: u64 = 60_000_000_000;

/// How long one poll took that did some work.
#[derive(Clone, Copy, Debug)]
struct Sample {
    /// Index of the stage in its lane.
    stage: u32,
    /// Nanoseconds, saturating.
    ns: u32,
}

/// Stages that share a thread.
pub struct Lane {
    name: String,
    pub(super) core: Option<usize>,
    pub(super) idle: IdleStrategy,
    pub(super) priority: Option<u8>,
    stages: Vec<Box<dyn Stage>>,
    samples: Out<Sample>,
    clock: WallClock,
    moment: Moment,
    recorder: Option<Box<Recorder>>,
    rehearsal: Option<Rehearsal>,
}

/// Of the moments of virtual time one in so many is measured: in a replay, reading the clock around each
/// poll would cost more than many a poll.
const MEASURED_MOMENTS: u64 = 16;

/// Which moment of virtual time it is, if it is one, and whether its polls are measured.
struct Moment {
    at: Option<Nanos>,
    number: u64,
    is_measured: bool,
    /// None is.
    never: bool,
}

impl Lane {
    /// All stages in one lane, for the calling thread.
    pub fn inline(stages: Vec<Box<dyn Stage>>, clock: &WallClock) -> (Vec<Self>, Latencies) {
        let (lane, samples) = Self::new(stages, None, IdleStrategy::Backoff, clock);
        (vec![lane], Latencies(vec![samples]))
    }

    /// The lanes of a validated plan. The clock only measures how long polls take.
    pub fn by_plan(
        plan: &Plan,
        mut stages: Vec<Box<dyn Stage>>,
        clock: &WallClock,
    ) -> (Vec<Self>, Latencies) {
        let make = |lane: &super::plan::LanePlan| {
            let own = lane.stages.iter().map(|name| take_stage(&mut stages, name)).collect();
            let (made, samples) = Self::new(own, lane.core, lane.idle, clock);
            (Self { priority: plan.priority, ..made }, samples)
        };
        let (lanes, samples) = plan.lanes.iter().map(make).unzip();
        (lanes, Latencies(samples))
    }

    fn new(
        stages: Vec<Box<dyn Stage>>,
        core: Option<usize>,
        idle: IdleStrategy,
        clock: &WallClock,
    ) -> (Self, LaneLatencies) {
        let (samples, input) = ring("lane->side", RING_SAMPLE);
        let names: Vec<_> = stages.iter().map(|s| s.name()).collect();
        let latencies =
            LaneLatencies { input, stages: names.iter().map(|n| (*n, new_histogram())).collect() };
        let moment = Moment { at: None, number: 0, is_measured: true, never: false };
        let lane = Self {
            name: names.join("+"),
            core,
            idle,
            priority: None,
            stages,
            samples,
            clock: clock.clone(),
            moment,
            recorder: None,
            rehearsal: None,
        };
        (lane, latencies)
    }

    /// The same without measuring how long its polls take, in virtual time.
    pub fn unmeasured(mut self) -> Self {
        self.moment.never = true;
        self
    }

    /// Its stages' names.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Before the first poll.
    pub fn start(&mut self) {
        self.stages.iter_mut().for_each(|s| s.on_start());
        if let Some(rehearsal) = &mut self.rehearsal {
            rehearsal.start();
        }
    }

    /// Before [`Lane::start`], on the thread that it is to run on: see [`Stage::fault_in`].
    pub fn fault_in(&mut self) {
        self.stages.iter_mut().for_each(|stage| stage.fault_in());
        self.samples.fault_in();
    }

    /// Rehearses while it is idle, from here on: stages of the same names, taken out of `stages`.
    pub fn rehearse_with(&mut self, stages: &mut Vec<Box<dyn Stage>>, every: Nanos) {
        let own = self.stages.iter().map(|stage| take_stage(stages, stage.name())).collect();
        self.rehearsal = Some(Rehearsal::new(own, every));
    }

    /// To be called when a poll found nothing: a step of the rehearsal, if one is due. True = there was one,
    /// and the lane looks for work again before the next.
    pub fn rehearse(&mut self, now: Nanos) -> bool {
        self.rehearsal.as_mut().is_some_and(|rehearsal| rehearsal.step(now, &mut self.stages))
    }

    /// Keeps a record of its duty cycles from here on.
    pub fn record(&mut self, recorder: Recorder) {
        let mut inputs = 0;
        self.stages.iter_mut().for_each(|stage| stage.inputs(&mut |_| inputs += 1));
        assert!(inputs <= MAX_INPUTS, "{inputs} ways in: MAX_INPUTS is too small");
        self.recorder = Some(Box::new(recorder));
    }

    /// One duty cycle at `now`; returns the work done.
    pub fn poll(&mut self, now: Nanos) -> usize {
        let Some(mut recorder) = self.recorder.take() else {
            return self.cycle(|stage| stage.poll(now));
        };
        let shared = recorder.begin(now, &self.stages);
        let work = self.cycle(|stage| stage.poll(now));
        recorder.end(now, shared, work, &mut self.stages);
        self.recorder = Some(recorder);
        work
    }

    /// Whether a stage is one of its own.
    pub(super) fn runs(&self, stage: &str) -> bool {
        self.stages.iter().any(|own| own.name() == stage)
    }

    /// Its stages, in order.
    pub(super) fn stages(&mut self) -> &mut [Box<dyn Stage>] {
        &mut self.stages
    }

    /// The same, but the stages only take in what has arrived ([`Stage::hear`]): so begins a moment of
    /// virtual time.
    pub fn hear(&mut self, now: Nanos) -> usize {
        self.begin_moment(now);
        self.cycle(|stage| stage.hear(now))
    }

    /// The same of those stages alone that something has come for.
    pub(super) fn hear_due(&mut self, now: Nanos) -> usize {
        self.begin_moment(now);
        self.cycle(|stage| if stage.hears(now) { stage.hear(now) } else { 0 })
    }

    /// [`Lane::poll`] of those stages alone that have something to do.
    pub(super) fn poll_due(&mut self, now: Nanos) -> usize {
        self.cycle(|stage| if stage.is_due(now) { stage.poll(now) } else { 0 })
    }

    fn begin_moment(&mut self, now: Nanos) {
        if self.moment.at.replace(now) != Some(now) {
            self.moment.is_measured =
                !self.moment.never && self.moment.number.is_multiple_of(MEASURED_MOMENTS);
            self.moment.number += 1;
        }
    }

    fn cycle(&mut self, work_of: impl Fn(&mut Box<dyn Stage>) -> usize) -> usize {
        if !self.moment.is_measured {
            return self.stages.iter_mut().map(work_of).sum();
        }
        let mut total = 0;
        let mut before = self.clock.raw();
        for (i, stage) in self.stages.iter_mut().enumerate() {
            let work = work_of(stage);
            let after = self.clock.raw();
            if work > 0 {
                let ns = self.clock.span_ns(before, after).min(u64::from(u32::MAX)) as u32;
                self.samples.push_or_drop(Sample { stage: i as u32, ns });
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

    /// The same, but for what they do ahead of time.
    pub fn calm_until(&self) -> Option<Nanos> {
        self.stages.iter().filter_map(|s| s.calm_until()).min()
    }

    /// All that is due before `until` and concerns no other stage; see [`Stage::run_ahead`].
    pub fn run_ahead(&mut self, until: Nanos) -> Ahead {
        let mut last = None;
        loop {
            let turn = Ahead { last, ..Ahead::nothing(until) };
            let stages = self.stages.iter_mut();
            let turn = stages.fold(turn, |all, stage| all.and(stage.run_ahead(all.until)));
            if !turn.goes_on {
                return turn;
            }
            last = turn.last;
        }
    }

    /// After the last poll.
    pub fn stop(&mut self) {
        self.stages.iter_mut().for_each(|s| s.on_stop());
    }
}

fn take_stage(stages: &mut Vec<Box<dyn Stage>>, name: &str) -> Box<dyn Stage> {
    let at = stages.iter().position(|s| s.name() == name);
    stages.remove(at.unwrap_or_else(|| panic!("stage `{name}`: the plan was not validated")))
}

struct LaneLatencies {
    input: In<Sample>,
    stages: Vec<(&'static str, Histogram<u64>)>,
}

/// How long the polls of one stage took that did some work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageLatency {
    /// The stage's name.
    pub stage: &'static str,
    /// Median, nanoseconds.
    pub p50_ns: u64,
    /// 99th percentile, nanoseconds.
    pub p99_ns: u64,
    /// Longest, nanoseconds.
    pub max_ns: u64,
}

impl StageLatency {
    /// What a histogram of nanoseconds says.
    pub(super) fn of(stage: &'static str, h: &Histogram<u64>) -> Self {
        let [p50_ns, p99_ns] = [0.5, 0.99].map(|q| h.value_at_quantile(q));
        Self { stage, p50_ns, p99_ns, max_ns: h.max() }
    }
}

/// Bounds of the buckets in which polls are counted for others, nanoseconds.
pub const LATENCY_BOUNDS_NS: [u64; 12] = [
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    50_000,
    250_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// The polls of one stage by how long they took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageSpans {
    /// The stage's name.
    pub stage: &'static str,
    /// Polls that took at most so long, by [`LATENCY_BOUNDS_NS`].
    pub up_to: [u64; LATENCY_BOUNDS_NS.len()],
    /// All polls.
    pub count: u64,
    /// How long they took together, nanoseconds, to three digits of each.
    pub sum_ns: u64,
}

impl StageSpans {
    /// What a histogram of nanoseconds says.
    pub(super) fn of(stage: &'static str, h: &Histogram<u64>) -> Self {
        let up_to = [0; LATENCY_BOUNDS_NS.len()];
        let mut spans = Self { stage, up_to, count: h.len(), sum_ns: 0 };
        for bucket in h.iter_recorded() {
            let (ns, count) = (bucket.value_iterated_to(), bucket.count_at_value());
            spans.sum_ns = spans.sum_ns.saturating_add(ns.saturating_mul(count));
            let within = spans.up_to.iter_mut().zip(LATENCY_BOUNDS_NS);
            within.filter(|(_, bound)| ns <= *bound).for_each(|(up_to, _)| *up_to += count);
        }
        spans
    }
}

/// How long the polls of each stage took, collected by the side thread.
pub struct Latencies(Vec<LaneLatencies>);

impl Latencies {
    /// Takes in what has arrived. Call often: a full ring drops samples.
    pub fn drain(&mut self) {
        for lane in &mut self.0 {
            while let Some(sample) = lane.input.pop() {
                lane.stages[sample.stage as usize].1.saturating_record(sample.ns.into());
            }
        }
    }

    /// How long each stage takes.
    pub fn stages(&self) -> impl Iterator<Item = StageLatency> {
        self.0.iter().flat_map(|l| &l.stages).map(|(stage, h)| StageLatency::of(stage, h))
    }

    /// The same, counted by bounds.
    pub fn spans(&self) -> impl Iterator<Item = StageSpans> {
        self.0.iter().flat_map(|l| &l.stages).map(|(stage, h)| StageSpans::of(stage, h))
    }

    /// Samples that were dropped.
    pub fn dropped(&self) -> u64 {
        self.0.iter().map(|l| l.input.stats().dropped()).sum()
    }
}

/// One of spans in nanoseconds, of fixed memory.
pub(super) fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, MAX_SPAN_NS, 3)
        .unwrap_or_else(|e| panic!("histogram bounds are constants: {e}"))
}
