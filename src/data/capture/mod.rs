//! A capture: what the recorder writes, for ever and by the hour, so that neither a killed process, a full
//! disk nor a flipped bit loses more than it must, and nothing is lost in silence (docs/record.md).
//!
//! ```text
//! DIR/2026-11-29/20-00-00.000.frames.zst   a segment: an hour at most
//! DIR/2026-11-29/manifest.json             what was recorded that day, and what was not
//! DIR/capture.lock                         one recorder a folder
//! ```
//!
//! A segment is a legal `.zst` file of `LOCAL_NS JSON` lines ([`segment`] has its bytes). Lines of a channel
//! that begins with `botmm.` are no venue's frames: the recorder's marks.

mod block;
mod folder;
pub mod mark;
mod reader;
mod repair;
pub mod segment;
#[cfg(test)]
mod tests;
mod writer;

pub use block::{Block, write_frame};
pub use folder::{DaySegment, Folder, is_closed, is_day, segments};
pub use reader::{Damage, Lines, Piece, SegmentReader, is_segment};
pub use repair::{Repaired, repair};
pub use segment::SUFFIX as SEGMENT_SUFFIX;
pub use writer::SegmentWriter;

/// Who writes, as segments and manifests name it.
pub const WRITER: &str = concat!("botmm ", env!("CARGO_PKG_VERSION"));
