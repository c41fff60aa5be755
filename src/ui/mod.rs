//! What a person looks at while it runs.

pub mod fills;
pub mod screen;
pub mod view;
mod words;
