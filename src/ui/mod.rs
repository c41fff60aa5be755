//! What a person, or a program for one, looks at while it runs.

pub mod curve;
pub mod fills;
pub mod latency;
pub mod page;
pub mod prometheus;
pub mod recorder;
pub mod screen;
pub mod view;
mod words;
