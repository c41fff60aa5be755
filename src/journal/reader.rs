//! The lines of one file of a journal, one after the other. A run that was killed while it wrote leaves
//! half a line at the end: that is passed over, and told.

use super::line::MAX_LINE_BYTES;
use super::segments::Reading;
use crate::exit::AppError;
use serde::de::IgnoredAny;
use std::io::{BufRead, Read as _};

/// See the module.
pub struct Lines {
    name: String,
    from: Box<dyn BufRead>,
    text: Vec<u8>,
    number: usize,
    is_cut: bool,
}

impl Lines {
    /// Of one file, the oldest being 0; [`None`] = it was removed meanwhile.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(reading: &Reading, at: usize) -> Result<Option<Self>, AppError> {
        let name = reading.name(at);
        let from = reading.lines(at).map_err(AppError::io(&name, "read"))?;
        Ok(from.map(|from| Self { name, from, text: Vec::new(), number: 0, is_cut: false }))
    }

    /// The next line: its number from 1, and its text, or why it is none.
    ///
    /// # Errors
    /// The file cannot be read on.
    #[allow(clippy::type_complexity, reason = "a number and a text, each only where there is one")]
    pub fn next_line(&mut self) -> Result<Option<(usize, Result<&str, String>)>, AppError> {
        self.text.clear();
        let read = self.from.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut self.text);
        if read.map_err(AppError::io(&self.name, "read"))? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let has_end = self.text.last() == Some(&b'\n') || self.text.len() as u64 == MAX_LINE_BYTES;
        if !has_end && serde_json::from_slice::<IgnoredAny>(&self.text).is_err() {
            self.is_cut = true;
            return Ok(None);
        }
        let text = std::str::from_utf8(&self.text);
        let text = text.map_err(|_| "not a line of a journal: not UTF-8".to_owned());
        Ok(Some((self.number, text)))
    }

    /// Whether the last line has no end; known when there is no next one.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// What the file is called.
    pub fn name(&self) -> &str {
        &self.name
    }
}
