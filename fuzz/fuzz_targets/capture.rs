//! Any bytes: a segment of a capture. What of it is whole is read, twice alike; what is not is told; and a repair
//! leaves a closed segment of the same lines.
#![no_main]

use botmm::data::capture::{Piece, SegmentReader, repair};
use libfuzzer_sys::fuzz_target;
use std::fs;

/// Blocks, pieces of damage, and whether it is closed; [`None`] = not a version of ours.
fn read(bytes: &[u8]) -> Option<(Vec<Vec<u8>>, usize, bool)> {
    let mut reader = SegmentReader::new(bytes).ok()?;
    let (mut blocks, mut damage, mut text) = (Vec::new(), 0, Vec::new());
    loop {
        match reader.next(&mut text).expect("bytes in memory are read") {
            Piece::Block(_) => blocks.push(text.clone()),
            Piece::Damage(_) => damage += 1,
            Piece::End { is_closed } => return Some((blocks, damage, is_closed)),
        }
        assert!(blocks.len() + damage <= bytes.len() + 2, "it ends");
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some(first) = read(bytes) else { return };
    assert_eq!(read(bytes).as_ref(), Some(&first));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("00-00-00.frames.zst");
    fs::write(&path, bytes).expect("a file");
    let repaired = repair(&path).expect("a file of ours is repaired");
    assert_eq!(repaired.is_none(), first.2, "what is closed is left alone");
    if repaired.is_none_or(|repaired| repaired.is_removed) {
        return;
    }
    let (blocks, _, is_closed) = read(&fs::read(&path).expect("repaired")).expect("ours");
    assert_eq!((&blocks, is_closed), (&first.0, true), "a repair loses no line");
});
