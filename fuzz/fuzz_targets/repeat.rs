//! Any lines: the capture of a run. It is repeated, or it is said why not.
#![no_main]

use botmm::bot::blackbox::repeat;
use botmm::data::capture::Folder;
use botmm_pipeline::types::Nanos;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let writer = Folder::take(folder.path()).expect("nobody else writes there");
    let mut segment = writer.begin(Nanos::secs(1_760_000_000), "fuzz").expect("a segment");
    let lines = bytes.iter().filter(|b| **b == b'\n').count() as u32;
    segment.append(bytes, lines, (Nanos(1), Nanos(2))).expect("a block");
    segment.close().expect("an end");
    drop(writer);
    let _ = repeat(folder.path(), &[]);
});
