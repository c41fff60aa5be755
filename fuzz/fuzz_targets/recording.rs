//! Any bytes: a file of any layout that `replay` reads or `import` takes ends in events or in words.
//! The first byte says as what the rest is read.
#![no_main]

use botmm::data::import::{self, Request};
use botmm::data::{LoadOptions, load};
use libfuzzer_sys::fuzz_target;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

const NAMES: [&str; 5] =
    ["orderbooks_BTC.csv", "trades_BTC.csv", "frames.jsonl", "BTC.lz4", "orderbooks_BTC.parquet"];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, content)) = bytes.split_first() else { return };
    let folder = std::env::temp_dir().join(format!("botmm-fuzz-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    let name = NAMES.get(usize::from(*first) % (NAMES.len() + 1));
    let path: PathBuf = folder.join(name.copied().unwrap_or("source"));
    fs::write(&path, content).expect("a file");
    if name.is_some() {
        let _ = load(
            &[path],
            LoadOptions {
                symbols: &[],
                instrument: &|_| None,
                allow_unsound: true,
                decode: &mut |_, _, _, _| Ok(()),
                progress: &|_, _| {},
            },
        );
    } else {
        let _ = import::run(&Request {
            sources: &[path],
            out: &folder.join("out"),
            symbols: &[],
            allow_unsound: true,
            is_stopped: &AtomicBool::new(false),
        });
    }
    let _ = fs::remove_dir_all(&folder);
});
