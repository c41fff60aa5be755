//! `botmm run` as a user meets it: the built command against the embedded exchange over real
//! sockets, on good days and bad ones. Each test opens an exchange of its own; at most two bots run
//! at a time. After every run, all that it wrote is searched for its key.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../net/server.rs"]
#[allow(dead_code, reason = "made for the tests of the wire; its authority is of use here")]
mod server;

mod bot;
mod doctor;
mod ending;
mod flatten;
mod guard;
mod kill;
mod page;
mod presigned;
mod rearm;
mod refusals;
mod signals;
mod stall;
mod takeover;
mod tls;
mod trading;
mod trouble;
mod two;
mod venue;
