//! Floor 3, the five stages. Each is thin: drain its rings, let `logic` think, push.

pub mod book;
pub mod dispatch;
pub mod feed;
pub mod metrics;
pub mod numbers;
pub mod params;
pub mod quote;
pub mod records;
pub mod risk;
pub mod status;

/// The stages in pipeline order, as plans name them.
pub const NAMES: [&str; 5] = ["feed", "book", "quote", "risk", "dispatch"];
