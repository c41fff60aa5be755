//! The history of all runs, in SQLite: what was traded, paid and earned, under which parameters, and what
//! went wrong. It is made of journal lines and of nothing else, so it can be lost and made anew; and it
//! outlasts the journals, of which the oldest are removed.
//!
//! One function takes a line in ([`apply`]), however often it comes. A run's journal is followed by how far
//! it was read, kept in the same transaction as what was read, so a kill or a full disk costs nothing but
//! time. Money, prices and sizes are whole numbers of 1e-8; moments are nanoseconds since 1970, UTC.

mod apply;
mod book;
mod error;
mod follow;
mod lots;
mod recent;
mod schema;
mod section;
mod store;
#[cfg(test)]
mod tests;
pub mod told;

pub use apply::{Applied, apply};
pub use book::{Book, Fill, Opening, Traded, books};
pub use error::HistoryError;
pub use follow::{Followed, catch_up, follow, run_name};
pub use lots::{Lot, lots};
pub use recent::{Recent, RecentFill, recent};
pub use schema::VERSION;
pub use section::{Money, Section, Sums};
pub use store::{History, NAME, Opened};
