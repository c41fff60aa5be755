//! The risk state through its file: a gate that goes on from the text decides as the one that went on.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

#[path = "../pipeline/tests/coins/mod.rs"]
mod coins;
#[path = "../pipeline/tests/risk/kept.rs"]
mod kept;

use botmm::side::risk_state::RiskFile;
use botmm_pipeline::venue::hl::sign::Address;

#[test]
fn a_gate_that_is_restored_from_the_file_decides_as_the_one_that_went_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = RiskFile::new(dir.path(), Address::new([7; 20]));
    let mut held = kept::Held::default();
    for seed in 1_000..1_200 {
        let through_the_file = |kept: &_| {
            file.write(kept).unwrap();
            file.read().unwrap().unwrap()
        };
        assert_eq!(
            kept::goes_on_the_same(seed, through_the_file, &mut held),
            Ok(()),
            "seed {seed}"
        );
    }
    assert!(held.iter().all(|n| *n >= 5), "{held:?}");
}
