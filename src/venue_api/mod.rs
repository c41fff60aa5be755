//! Questions to the venue over HTTPS, and its answers as types.

pub mod account;
pub mod wait;
pub mod worth;
