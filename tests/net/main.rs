//! The client side of the wire against small servers on this machine: each test makes its own, on
//! a port that the system chooses.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test")]

#[path = "../../pipeline/tests/counting/mod.rs"]
mod counting;
#[path = "../common/http.rs"]
mod http;
mod rest;
mod server;
mod steady;
mod tls;
mod ws;
