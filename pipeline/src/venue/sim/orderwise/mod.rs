//! A market of which every single order was recorded (L4): our orders stand at their true places
//! among the others, and nothing about a queue is estimated.
//!
//! [`builder`] takes a venue's order events in, judges them and writes a compact [`codec::OrderTape`];
//! [`market`] plays it as a [`super::Market`]. What the bot sees is not this tape but public data, those
//! that were recorded beside it or those that [`builder`] derives.

pub mod book;
pub mod builder;
pub mod codec;
pub mod event;
pub mod market;
pub mod public;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod twin;
