//! Hyperliquid's wire format.
//!
//! [`decode`] turns a received text frame into [`crate::types::MarketEvent`]s.

pub mod decode;

mod scan;
mod twin;

pub use decode::{Channel, DecodeError, Decoder, Field};
