//! Hyperliquid's wire format.
//!
//! [`decode`] turns a received text frame into [`crate::types::MarketEvent`]s; [`sign`] turns an
//! action into a signed request.

pub mod decode;
pub mod sign;

mod scan;
mod twin;

pub use decode::{Channel, DecodeError, Decoder, Field};
