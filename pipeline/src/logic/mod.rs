//! Floor 1, the thinking: pure functions and small state machines over [`crate::types`]. Event in,
//! value out; no clock, no queue, no thread. Floats live here, and become prices and sizes in
//! `quoter` and `sizing` only.

pub mod adaptive;
pub mod arrivals;
pub mod bars;
pub mod block_mids;
pub mod book;
pub mod budget;
pub mod depth;
pub mod desk;
pub mod edge;
pub mod equity;
pub mod estimates;
pub mod feed_delay;
pub mod fill_model;
pub mod fit;
pub mod flow;
pub mod freshness;
pub mod gate;
pub mod ledger;
pub mod markouts;
pub mod model;
pub mod orders;
pub mod past_fills;
pub mod pause;
pub mod quoter;
pub mod retry;
pub mod signals;
pub mod sizer;
pub mod sizing;
pub mod slot;
pub mod toxicity;
