//! `botmm-pipeline`: everything between bytes in and bytes out.
//!
//! Five floors; a module sees only floors below its own (a test reads the `use crate::` lines):
//!
//! | floor | module | what |
//! |---|---|---|
//! | 0 | [`types`] | words: fixed-point money, instrument rules, messages, parameters, limits |
//! | 1 | [`logic`] | thinking: book, estimates, quoter, ledger, gate, orders. Pure |
//! | 1 | [`rt`] | machinery: stages, rings, clock, plans, lanes. Knows no trading |
//! | 2 | [`venue`] | the seam: feeds, gateways, transports; Hyperliquid's wire; the simulator |
//! | 3 | [`stage`] | the five stages: drain, think, push |
//! | 4 | [`wiring`] | every ring on one page |
//!
//! Invariant: nothing here opens a socket or a file, logs, or reads a clock outside `rt`.

#[cfg(test)]
#[path = "../tests/coins/mod.rs"]
mod coins;
// What tests share names this crate as they do.
#[cfg(test)]
extern crate self as botmm_pipeline;

pub mod logic;
pub mod rt;
pub mod stage;
pub mod types;
pub mod venue;
pub mod wiring;
