//! Any bytes: files of single orders, as a node writes them and as others sell them, with trades beside them. They end
//! in an order tape or in words. Files are parted by a line of `==`.
#![no_main]

use botmm::data::{LoadOptions, load};
use libfuzzer_sys::fuzz_target;
use std::fs;

const NAMES: [&str; 4] = [
    "node_raw_book_diffs_by_block/hourly/20251201/0",
    "node_fills_by_block/hourly/20251201/0",
    "node_order_statuses_by_block/hourly/20251201/0",
    "node_trades/hourly/20251201/0",
];

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let mut rest = bytes;
    for name in NAMES {
        let end = rest.windows(4).position(|w| w == b"\n==\n");
        let (file, after) = end.map_or((rest, &[][..]), |at| (&rest[..=at], &rest[at + 4..]));
        rest = after;
        if file.is_empty() {
            continue;
        }
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, file).expect("a file");
    }
    let _ = load(
        &[folder.path().to_owned()],
        LoadOptions {
            symbols: &[],
            instrument: &|_| None,
            allow_unsound: true,
            decode: &mut |_, _, _, _| Ok(()),
            progress: &|_, _| {},
        },
    );
});
