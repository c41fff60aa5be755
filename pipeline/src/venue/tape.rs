//! A recording in memory.
