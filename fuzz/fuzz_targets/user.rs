//! Any bytes: the parser of the order connection never panics, remembers nothing from frame to
//! frame, says nothing of a frame that it refuses, and ends every list with its length. The same
//! property as `damaged_frames_are_survived` in its tests.
#![no_main]

use botmm_pipeline::types::{Instrument, Universe};
use botmm_pipeline::venue::hl::user::{UserParser, oracle};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

thread_local! {
    // One parser for all inputs, as for all frames of a connection.
    static STATE: RefCell<(UserParser, Universe)> = RefCell::new((UserParser::new(), universe()));
}

fn universe() -> Universe {
    let instrument = |name: &&str| Instrument::new(name, 0, 2, 10).expect("an instrument");
    Universe::new(["BTC", "ETH", "SOL", "kPEPE"].iter().map(instrument).collect())
}

fuzz_target!(|frame: &[u8]| {
    STATE.with_borrow_mut(|(parser, universe)| {
        let _ = oracle(parser, frame, universe);
    });
});
