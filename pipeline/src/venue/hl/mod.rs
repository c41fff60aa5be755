//! Hyperliquid's wire format.
//!
//! [`decode`] turns a received text frame into [`crate::types::MarketEvent`]s; [`sign`] turns an
//! action into a signed request; [`user`] reads what comes back on the order connection.

pub mod decode;
pub mod sign;
pub mod user;

mod scan;
mod twin;

pub use decode::{Channel, DecodeError, Decoder, Field};
