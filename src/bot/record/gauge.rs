//! How often a stream speaks, and how late: in steps of an eighth, so that a day's numbers take no room.

use botmm_pipeline::types::Nanos;
use serde::Serialize;

/// Eight steps a doubling, from 1 µs to 36 hours.
const STEPS: usize = 8 * 37;
const FIRST_NS: i64 = 1_000;

/// Spans of time, counted.
#[derive(Clone)]
struct Spans {
    counts: [u32; STEPS],
    total: u64,
}

/// A stream of one coin.
#[derive(Clone)]
pub struct Gauge {
    frames: u64,
    heard: Nanos,
    between: Spans,
    late: Spans,
}

/// What it comes to, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half are shorter.
    pub p50: f64,
    /// 99 of 100 are shorter.
    pub p99: f64,
}

/// A stream in the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StreamReport {
    /// Frames that were written.
    pub frames: u64,
    /// Between one frame and the next.
    pub every_ms: Option<Percentiles>,
    /// From the venue's time to ours; of streams that tell it.
    pub late_ms: Option<Percentiles>,
}

impl Spans {
    const NONE: Self = Self { counts: [0; STEPS], total: 0 };

    fn add(&mut self, span: Nanos) {
        let steps = (span.0.max(FIRST_NS) as f64 / FIRST_NS as f64).log2() * 8.0;
        let step = (steps as usize).min(STEPS - 1);
        self.counts[step] = self.counts[step].saturating_add(1);
        self.total += 1;
    }

    fn percentiles(&self) -> Option<Percentiles> {
        (self.total > 0).then(|| Percentiles { p50: self.ms_at(0.5), p99: self.ms_at(0.99) })
    }

    fn ms_at(&self, share: f64) -> f64 {
        let wanted = (self.total as f64 * share).ceil() as u64;
        let mut sum = 0;
        let reaches = |count: &u32| {
            sum += u64::from(*count);
            sum >= wanted
        };
        let step = self.counts.iter().position(reaches).unwrap_or(STEPS - 1);
        let ms = FIRST_NS as f64 / 1e6 * ((step as f64 + 0.5) / 8.0).exp2();
        (ms * 1_000.0).round() / 1_000.0
    }
}

impl Gauge {
    /// Heard nothing yet.
    pub const NEW: Self =
        Self { frames: 0, heard: Nanos::ZERO, between: Spans::NONE, late: Spans::NONE };

    /// A frame came in, and was said by the venue at this time, where that is known.
    pub fn hear(&mut self, now: Nanos, said: Option<Nanos>) {
        self.frames += 1;
        let before = std::mem::replace(&mut self.heard, now);
        if before > Nanos::ZERO {
            self.between.add(now - before);
        }
        said.into_iter().for_each(|said| self.late.add(now - said));
    }

    /// When it was last heard.
    pub fn heard(&self) -> Nanos {
        self.heard
    }

    /// Begins another day.
    pub fn begin_anew(&mut self) {
        *self = Self { heard: self.heard, ..Self::NEW };
    }

    /// What it comes to.
    pub fn report(&self) -> StreamReport {
        let Self { frames, between, late, .. } = self;
        StreamReport {
            frames: *frames,
            every_ms: between.percentiles(),
            late_ms: late.percentiles(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_within_a_tenth() {
        let mut gauge = Gauge::NEW;
        let mut now = Nanos::secs(1);
        for i in 0..1_000 {
            now = now + Nanos::millis(if i % 50 == 49 { 2_000 } else { 100 });
            gauge.hear(now, Some(now - Nanos::millis(40)));
        }
        let report = gauge.report();
        let is_near = |is: f64, wanted: f64| (is / wanted - 1.0).abs() < 0.1;
        let (every, late) = (report.every_ms.unwrap(), report.late_ms.unwrap());
        assert_eq!(report.frames, 1_000);
        assert!(is_near(every.p50, 100.0) && is_near(every.p99, 2_000.0), "{every:?}");
        assert!(is_near(late.p50, 40.0) && is_near(late.p99, 40.0), "{late:?}");
        assert_eq!(Gauge::NEW.report().every_ms, None);
        // What cannot be is the shortest that there is.
        gauge.hear(now, Some(now + Nanos::secs(5)));
        gauge.hear(Nanos(i64::MAX), Some(Nanos::ZERO));
    }
}
