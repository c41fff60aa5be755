//! Closes a segment that its writer could not: what is not whole at its end is cut off, and an index put there.

use super::reader::{Damage, Piece, SegmentReader};
use super::segment::Index;
use botmm_pipeline::types::Nanos;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// What was done to a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Bytes that were cut off its end.
    pub cut: u64,
    /// Lines that it holds.
    pub lines: u64,
    /// When the last of them was received; zero = there is none.
    pub last: Nanos,
    /// There was nothing in it, and it was removed.
    pub is_removed: bool,
    /// What is missing inside, which no repair brings back.
    pub damage: Vec<Damage>,
}

/// Repairs a segment that nobody writes; [`None`] = it was closed.
///
/// # Errors
/// It cannot be read or written, or is of another version.
pub fn repair(path: &Path) -> io::Result<Option<Repaired>> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let len = file.metadata()?.len();
    let mut reader = SegmentReader::new(&file)?;
    let (mut done, mut text) = (Repaired::default(), Vec::new());
    loop {
        match reader.next(&mut text)? {
            Piece::Block(record) => done.lines += u64::from(record.lines),
            Piece::Damage(damage) if damage.is_tail => {}
            Piece::Damage(damage) => done.damage.push(damage),
            Piece::End { is_closed: true } => return Ok(None),
            Piece::End { is_closed: false } => break,
        }
    }
    done.last = reader.last();
    let Some(segment) = reader.begun().filter(|_| reader.number() > 0) else {
        std::fs::remove_file(path)?;
        return Ok(Some(Repaired { is_removed: true, cut: len, ..done }));
    };
    let whole = reader.whole_until();
    done.cut = len.saturating_sub(whole);
    let index = Index { segment, blocks: reader.entries().to_vec() }.write();
    file.set_len(whole)?;
    file.write_all_at(&index, whole)?;
    file.sync_all()?;
    Ok(Some(done))
}
