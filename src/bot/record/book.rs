//! What is being written: the block that grows, and what is known of the lines in it.

use super::cover::Cover;
use super::day::Day;
use super::disk::Block;
use super::link::Kind;
use super::union::Union;
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
        let mut digits = [0; 20];
        let text = &mut self.block.text;
        text.extend_from_slice(decimal(at.0, &mut digits));
        text.push(b' ');
        // A frame is one line: the venue's have no line ends, and JSON needs none.
        text.extend(frame.iter().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { *b }));
        text.push(b'\n');
        self.count(at);
    }

    /// The recorder's own word.
    pub fn mark(&mut self, at: Nanos, channel: &str, data: &serde_json::Value) {
        self.add(at, &mark::line(at, channel, data));
    }

    /// A line.
    pub fn add(&mut self, at: Nanos, line: &[u8]) {
        self.block.text.extend_from_slice(line);
        self.count(at);
    }

    fn count(&mut self, at: Nanos) {
        if self.block.lines == 0 {
            self.block.first = at;
        }
        self.block.last = at;
        self.block.lines += 1;
    }
}

/// A time in digits.
fn decimal(number: i64, digits: &mut [u8; 20]) -> &[u8] {
    let (mut rest, mut at) = (number.unsigned_abs(), digits.len());
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return &digits[at..];
        }
    }
}
