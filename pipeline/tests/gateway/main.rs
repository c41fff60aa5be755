//! The order connection against a tiny venue in virtual time: literal frames both ways, answers
//! withheld, late, in any order, twice or never. Every test also holds that no deadline is a busy
//! loop ([`tiny_venue::rig::Rig::run`]).
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

#[path = "../coins/mod.rs"]
mod coins;
#[path = "../tiny_venue/mod.rs"]
mod tiny_venue;

mod doubt;
mod fills;
mod link;
mod orders;
mod random;
mod start;
