//! Learns from our own orders (docs/learning.md): what became of each after it was decided on, gradient-boosted
//! trees over what was known then, and how good these are on later orders.

mod bins;
mod boost;
mod causal;
mod label;
mod options;
mod run;
mod score;
mod table;
mod told;
mod train;
mod tree;

pub use boost::{Loss, Parts, Unfit, fit};
pub use options::Options;
pub use run::{Request, run};
pub use table::Table;
