//! Any bytes: a compiled tape. It is refused, or walked by both clocks to an end or to a word of damage, twice alike;
//! checksums count as right here.
#![no_main]

use botmm_pipeline::venue::tape::{Cursor, Tape, TapeError};
use libfuzzer_sys::fuzz_target;

fn walk(mut cursor: Cursor, most: u64) -> u64 {
    let mut events = 0;
    while cursor.next_event().is_some() {
        events += 1;
        assert!(events <= most, "it ends");
    }
    events
}

fn read(bytes: &[u8]) -> Result<([u64; 2], Option<String>), TapeError> {
    let tape = Tape::open(Box::new(bytes.to_vec()))?;
    // An event is a bit at least, in its stream or in the order of the streams.
    let most = 64 + 8 * bytes.len() as u64;
    let events = [walk(tape.by_venue(), most), walk(tape.by_recv(), most)];
    Ok((events, tape.damage().map(str::to_owned)))
}

fuzz_target!(|bytes: &[u8]| {
    assert_eq!(read(bytes), read(bytes));
});
