//! Decoding allocates nothing once the decoder is warm: neither the scanner, from its first frame,
//! nor the twin, from its second of a size. One test only, because the counter counts all threads.

#![allow(unsafe_code, reason = "a global allocator cannot be written without")]
#![allow(clippy::unwrap_used, reason = "a test")]

use botmm_pipeline::types::{Coin, Instrument, MarketEvent, Nanos, Universe};
use botmm_pipeline::venue::hl::{Channel, Decoder};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above; `ptr` came from `System`.
        unsafe { System.dealloc(ptr, layout) }
    }
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above; `ptr` came from `System`.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations made by `work`.
fn allocations(mut work: impl FnMut()) -> u64 {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    work();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

#[test]
fn decoding_does_not_allocate() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/frames");
    let read = |entry: std::io::Result<std::fs::DirEntry>| std::fs::read(entry.unwrap().path());
    let frames: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| read(e).unwrap()).collect();
    let instrument = |name| Instrument {
        coin: Coin::new(name).unwrap(),
        venue_index: 0,
        sz_decimals: 2,
        max_leverage: 10,
    };
    let universe = Universe::new(["BTC", "ETH", "SOL", "kPEPE"].map(instrument).to_vec());
    let sink = |event: &MarketEvent| {
        black_box(event);
    };
    assert!(allocations(|| drop(black_box(vec![1_u8]))) > 0, "the counter counts");

    let (mut scanned, mut decoder) = (0, Decoder::new());
    for frame in &frames {
        let mut fresh = Decoder::new();
        let mut channel = Ok(Channel::Other);
        let count = allocations(|| channel = fresh.decode(frame, Nanos::ZERO, &universe, sink));
        let is_market = matches!(channel, Ok(Channel::Book | Channel::Bbo | Channel::Trades(_)));
        if is_market && fresh.fallbacks() == 0 {
            assert_eq!(count, 0, "allocations by the scanner");
            scanned += 1;
        }
        let _ = decoder.decode_twin(frame, Nanos::ZERO, &universe, sink);
    }
    assert_eq!(scanned, 7, "literal frames of the venue's form");
    let again = allocations(|| {
        for frame in &frames {
            let _ = black_box(decoder.decode(frame, Nanos::ZERO, &universe, sink));
            let _ = black_box(decoder.decode_twin(frame, Nanos::ZERO, &universe, sink));
        }
    });
    assert_eq!(again, 0, "allocations by a warm decoder");
}
