//! The made feed that engines are compared by is, bit for bit, the one that was published.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../benches/harness/feed.rs"]
mod feed;

use feed::Spec;
use sha2::{Digest as _, Sha256};
use std::fs;

/// Hashes of all records, as the feed's first maker printed them.
/// (That of [`feed::FULL`], too long for a test, is 0cd0a473b0a9e0dbb8bc107e545b63b9e7c965474690aa5927ec849091ee4fd3.)
const KNOWN: [(Spec, u64, &str); 2] = [
    (
        Spec { rows: 20_000, ..feed::FULL },
        20_000,
        "65d9c9c859f97f349abd6e3a34291e35674f1ae50669a5f6d2bbe11c7b341369",
    ),
    (feed::QUEUES, 500_000, "ef730e9e77718626452e264842dd484033f57bc6b561c2808f3e20d61135bca2"),
];

#[test]
fn a_made_feed_is_known_by_its_hash() {
    for (spec, rows, sha256) in KNOWN {
        let mut hash = Sha256::new();
        let mut count = 0;
        for row in feed::rows(spec) {
            hash.update(row.to_bytes());
            count += 1;
        }
        assert_eq!(count, rows, "{spec:?}");
        let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, sha256, "{spec:?}");
    }
}

#[test]
fn its_file_is_a_header_of_whole_blocks_and_the_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("feed.npy");
    let spec = Spec { rows: 300, ..feed::FULL };
    let count = feed::write_npy(&path, spec).unwrap();
    let bytes = fs::read(&path).unwrap();
    let header = bytes.len() - count as usize * feed::RECORD;
    assert_eq!(header, 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]])));
    assert_eq!((header % feed::RECORD, bytes[header - 1]), (0, b'\n'));
    let records: Vec<u8> = feed::rows(spec).flat_map(|row| row.to_bytes()).collect();
    assert!(bytes[header..] == records[..]);
}
