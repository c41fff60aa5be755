//! Questions to the venue over HTTPS, and its answers as types.

pub mod account;
pub mod clear;
pub mod flatten;
pub mod sweep;
pub mod switch;
pub mod universe;
pub mod venue;
pub mod wait;
pub mod worth;
