//! Hyperliquid's wire: how the venue is spoken to, without a socket and without a clock.
//!
//! | module | what |
//! |---|---|
//! | [`decode`] | market data frames to [`crate::types::MarketEvent`]s |
//! | [`frame`] | what a market data frame is, and why one is refused |
//! | [`user`] | everything that comes back on the order connection, as flat events |
//! | [`sign`] | an action to a signed request |
//! | [`session`] | one connection kept alive: subscriptions, pings, when to connect again |
//! | [`feed`] | the market data connection, as a [`crate::venue::Feed`] |
//! | [`gateway`] | the order connection, as a [`crate::venue::Gateway`] |

pub mod clock;
pub mod decode;
pub mod feed;
pub mod frame;
pub mod gateway;
pub mod session;
pub mod sign;
pub mod user;

mod scan;
mod tape_parser;

pub use decode::Decoder;
pub use frame::{Channel, DecodeError, Field};
