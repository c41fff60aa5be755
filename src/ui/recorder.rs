//! What Prometheus reads of a recorder.

use super::prometheus::Text;
use botmm_pipeline::types::Nanos;

/// What is told.
#[derive(Clone, Copy, Debug)]
pub struct RecorderScrape<'a> {
    /// Of this program.
    pub version: &'a str,
    /// When it began.
    pub started: Nanos,
    /// When the newest line that is on the disk was received; zero = none yet.
    pub written_until: Nanos,
    /// Lines on the disk since it began.
    pub lines: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Gaps since it began, and how long they were.
    pub gaps: u64,
    /// See `gaps`.
    pub gap_time: Nanos,
    /// Connections lost since it began.
    pub reconnects: u64,
    /// Connections that are open, and that should be.
    pub open: [usize; 2],
    /// The disk takes what comes.
    pub disk_is_well: bool,
    /// Messages that webhooks dropped.
    pub webhooks_dropped: u64,
}

impl RecorderScrape<'_> {
    /// As Prometheus reads it.
    pub fn text(&self) -> String {
        let mut out = Text(String::new());
        out.family("botmm_recorder_info", "gauge", "The recorder.");
        out.sample("botmm_recorder_info", &[("version", self.version)], 1);
        let seconds = |time: Nanos| time.0.max(0) as f64 / 1e9;
        let started = seconds(self.started);
        out.gauge("botmm_recorder_start_time_seconds", "When it began, Unix time.", started);
        let help = "When the newest line on the disk was received, Unix time; 0 = none yet.";
        out.gauge("botmm_recorder_written_until_seconds", help, seconds(self.written_until));
        out.counter("botmm_recorder_lines_total", "Lines on the disk.", self.lines);
        out.gauge("botmm_recorder_bytes", "Bytes of all segments.", self.bytes);
        out.counter("botmm_recorder_gaps_total", "Gaps, each marked.", self.gaps);
        let help = "How long the gaps were together.";
        out.counter("botmm_recorder_gap_seconds_total", help, seconds(self.gap_time));
        out.counter("botmm_recorder_reconnects_total", "Connections lost.", self.reconnects);
        let [open, wanted] = self.open;
        out.gauge("botmm_recorder_connections_open", "Connections that are open.", open);
        out.gauge("botmm_recorder_connections_wanted", "Connections that should be.", wanted);
        let help = "Whether the disk takes what comes.";
        out.gauge("botmm_recorder_disk_ok", help, u8::from(self.disk_is_well));
        let help = "Messages that webhooks did not take.";
        out.counter("botmm_recorder_webhooks_dropped_total", help, self.webhooks_dropped);
        out.0
    }
}
