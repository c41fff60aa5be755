//! Risk from outside (STRATEGY §5): whole pipelines in seeded worlds that jump, slide, refuse orders, fall
//! silent and lose links, and a checker that sees what the venue sees and says, and nothing else. A
//! failure names its seed.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod account;
mod checker;
#[path = "../coins/mod.rs"]
mod coins;
mod kept;
mod venue;
mod worlds;
