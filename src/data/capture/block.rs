//! Lines on their way into a segment.

use botmm_pipeline::types::Nanos;
use std::io::Write as _;

/// The lines of at most a second.
#[derive(Debug, Default)]
pub struct Block {
    /// Whole lines.
    pub text: Vec<u8>,
    /// How many.
    pub lines: u32,
    /// When the first and the last were received.
    pub first: Nanos,
    /// See `first`.
    pub last: Nanos,
}

impl Block {
    /// A line that was received at this time.
    pub fn add(&mut self, at: Nanos, line: &[u8]) {
        self.text.extend_from_slice(line);
        self.count(at);
    }

    /// A frame as it came in.
    pub fn add_frame(&mut self, at: Nanos, frame: &[u8]) {
        write_frame(&mut self.text, at, [b"", frame, b""]);
        self.count(at);
    }

    fn count(&mut self, at: Nanos) {
        (self.first, self.last) = match self.lines {
            0 => (at, at),
            _ => (self.first.min(at), self.last.max(at)),
        };
        self.lines += 1;
    }
}

/// A frame as a line, between what it is wrapped in. A frame is one line: the venue's have no line ends, and JSON
/// needs none.
pub fn write_frame(text: &mut Vec<u8>, at: Nanos, [before, frame, after]: [&[u8]; 3]) {
    let _ = write!(text, "{} ", at.0); // Writing to memory does not fail.
    text.extend_from_slice(before);
    text.extend(frame.iter().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { *b }));
    text.extend_from_slice(after);
    text.push(b'\n');
}
