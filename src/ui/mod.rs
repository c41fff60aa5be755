//! What a person looks at while it runs.

pub mod screen;
