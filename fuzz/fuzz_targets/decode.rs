//! Any bytes: the scanner and the simd-json twin agree on the result and on every number, and
//! neither panics. The same property as `damaged_frames_never_differ` in the decoder's tests.
#![no_main]

use botmm_pipeline::types::{Instrument, Universe};
use botmm_pipeline::venue::hl::Decoder;
use botmm_pipeline::venue::hl::decode::oracle;
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

thread_local! {
    // One decoder for all inputs, as for all frames of a connection: it must remember nothing.
    static STATE: RefCell<(Decoder, Universe)> = RefCell::new((Decoder::new(), universe()));
}

fn universe() -> Universe {
    let instrument = |name: &&str| Instrument::new(name, 0, 2, 10).expect("an instrument");
    Universe::new(["BTC", "ETH", "SOL", "kPEPE"].iter().map(instrument).collect())
}

fuzz_target!(|frame: &[u8]| {
    STATE.with_borrow_mut(|(decoder, universe)| {
        let _ = oracle(decoder, frame, universe);
    });
});
