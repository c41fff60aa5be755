//! What the recorder says beside the venue's frames: lines of a channel that begins with `botmm.`.

use botmm_pipeline::types::Nanos;
use serde::{Deserialize, Serialize};

/// How the frame of a mark begins.
pub const PREFIX: &[u8] = b"{\"channel\":\"botmm.";

/// Whether a frame is one of the recorder's marks.
pub fn is_mark(json: &[u8]) -> bool {
    json.starts_with(PREFIX)
}

/// Why frames may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapKind {
    /// The connection was lost.
    Link,
    /// The recorder did not run.
    Recorder,
    /// The disk did not take them.
    Disk,
    /// What was recorded is damaged.
    Damage,
}

/// Between two lines there may have been others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Why.
    pub kind: GapKind,
    /// When the last line before it was received.
    pub from_ns: i64,
    /// When the first one after it was received.
    pub to_ns: i64,
    /// When it was noticed, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub noticed_ns: Option<i64>,
    /// Lines that are known to be lost.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lines: Option<u64>,
    /// In words.
    pub why: String,
}

impl Gap {
    /// One of which no more is known.
    pub fn new(kind: GapKind, from: Nanos, to: Nanos, why: &str) -> Self {
        let why = why.to_owned();
        Self { kind, from_ns: from.0, to_ns: to.0, noticed_ns: None, lines: None, why }
    }

    /// As a line of a capture.
    pub fn line(&self, at: Nanos) -> Vec<u8> {
        line(at, "gap", self)
    }

    /// Reads a mark; [`None`] = it is another one.
    pub fn read(json: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Frame {
            channel: String,
            data: Gap,
        }
        let frame: Frame = serde_json::from_slice(json).ok()?;
        (frame.channel == "botmm.gap").then_some(frame.data)
    }

    /// When a bot would have taken its books for void, and when it would have had the link back.
    pub fn down_and_up(&self) -> (Nanos, Nanos) {
        let up = Nanos(self.to_ns.saturating_sub(1));
        let down = self.noticed_ns.filter(|at| (self.from_ns..=self.to_ns).contains(at));
        (Nanos(down.unwrap_or(self.from_ns)).min(up), up)
    }
}

/// A mark as a line of a capture.
pub fn line(at: Nanos, channel: &str, data: &impl Serialize) -> Vec<u8> {
    let data = serde_json::to_string(data).unwrap_or_default(); // Ours always can be.
    format!("{} {{\"channel\":\"botmm.{channel}\",\"data\":{data}}}\n", at.0).into_bytes()
}
