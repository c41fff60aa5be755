//! What is said of a file of candles or contexts.

use crate::data::report::MAX_NAMED_PER_FILE;

/// What came of a file.
#[derive(Debug, Default)]
pub struct Log {
    /// Bars or rows that it has.
    pub items: u64,
    /// Of these, not sound.
    pub unsound: u64,
    /// The first few of them: their line, and what is wrong.
    pub named: Vec<(u64, String)>,
    /// What a person should know of how it was read.
    pub notes: Vec<String>,
}

impl Log {
    /// What is on a line is not sound.
    pub fn skip(&mut self, line: u64, why: &str) {
        self.unsound += 1;
        if self.unsound <= MAX_NAMED_PER_FILE {
            self.named.push((line, why.to_owned()));
        }
    }

    /// Notes something once.
    pub fn note(&mut self, what: String) {
        if !self.notes.contains(&what) {
            self.notes.push(what);
        }
    }
}
