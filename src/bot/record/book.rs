//! What is being written: the block that grows, and what is known of the lines in it.

use super::cover::Cover;
use super::day::Day;
use super::link::Kind;
use super::union::Union;
use crate::data::capture::Block;
use crate::data::capture::mark::{self, Gap, GapKind};
use botmm_pipeline::types::Nanos;

/// See the module.
pub struct Book {
    /// Lines of which the disk has not heard.
    pub block: Block,
    /// Of two connections.
    pub union: Option<Union>,
    /// What is missing.
    pub cover: Cover,
    /// The day's numbers.
    pub day: Day,
}

/// In the time that lines are stamped with.
pub fn shifted(gap: Gap, by: Nanos) -> Gap {
    let noticed_ns = gap.noticed_ns.map(|at| at + by.0);
    Gap { from_ns: gap.from_ns + by.0, to_ns: gap.to_ns + by.0, noticed_ns, ..gap }
}

impl Book {
    /// A connection's first frame comes: what was missing until now.
    pub fn begins(&mut self, link: usize, now: Nanos, shift: Nanos) -> Option<Gap> {
        self.union.iter_mut().for_each(|union| union.joins(link));
        let gap = self.cover.comes(link, now)?;
        // Of another run the moments are those of its lines.
        let gap = if gap.kind == GapKind::Recorder { gap } else { shifted(gap, shift) };
        self.add(now + shift, &gap.line(now + shift));
        Some(gap)
    }

    /// A frame comes in.
    pub fn hear(&mut self, link: usize, now: Nanos, shift: Nanos, frame: &[u8], kind: Kind) {
        if self
            .union
            .as_mut()
            .is_some_and(|union| !union.is_new(link, frame, kind.said.is_some(), now))
        {
            return;
        }
        let at = now + shift;
        if let Some(stream) = kind.stream {
            self.day.hear(stream, now, kind.said.map(|said| said - shift));
        }
        self.block.add_frame(at, frame);
    }

    /// The recorder's own word.
    pub fn mark(&mut self, at: Nanos, channel: &str, data: &serde_json::Value) {
        self.add(at, &mark::line(at, channel, data));
    }

    /// A line.
    pub fn add(&mut self, at: Nanos, line: &[u8]) {
        self.block.add(at, line);
    }
}
