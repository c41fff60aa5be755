//! Coins for tests, where only their names and the decimals of their sizes matter. Shared by the tests of
//! both crates, inside and out.
#![allow(dead_code, clippy::unwrap_used, reason = "no test uses all of it")]

use botmm_pipeline::types::{Instrument, Universe};

/// BTC, ETH and SOL with the decimals of their sizes, as the venue lists them.
pub const MAJORS: [(&str, u8); 3] = [("BTC", 5), ("ETH", 4), ("SOL", 2)];

/// A coin of leverage 20, the venue's first.
pub fn coin(name: &str, sz_decimals: u8) -> Instrument {
    Instrument::new(name, 0, sz_decimals, 20).unwrap()
}

/// One of [`MAJORS`].
pub fn major(name: &str) -> Option<Instrument> {
    MAJORS.into_iter().find(|(major, _)| *major == name).map(|(name, n)| coin(name, n))
}

/// These coins, numbered as they stand.
pub fn coins<'a>(named: impl IntoIterator<Item = (&'a str, u8)>) -> Vec<Instrument> {
    let numbered = (0..).zip(named).map(|(venue_index, (name, sz_decimals))| Instrument {
        venue_index,
        ..coin(name, sz_decimals)
    });
    numbered.collect()
}

/// A universe of [`coins`].
pub fn universe<'a>(named: impl IntoIterator<Item = (&'a str, u8)>) -> Universe {
    Universe::new(coins(named))
}
