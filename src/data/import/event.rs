//! What sources yield and sinks take.

use crate::exit::AppError;
use botmm_pipeline::types::{Coin, MarketEvent};
use std::collections::VecDeque;

/// One event of a market. Its asset id means nothing here: there are more coins than ids.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Of which coin.
    pub coin: Coin,
    /// A book, a touch or a trade, with both clocks.
    pub data: MarketEvent,
}

/// Whether `replay` can tell a coin from a file's name.
pub fn can_name(coin: &str) -> bool {
    !coin.contains(['/', '_', '.'])
}

/// Takes the lines of one file apart.
pub trait Format {
    /// Takes one line; what is sound of it goes to `out`, in the order of the file.
    ///
    /// # Errors
    /// In words what is not sound.
    fn line(&mut self, line: &[u8], out: &mut VecDeque<Event>) -> Result<(), String>;

    /// The end of the file: what was held back goes to `out`.
    fn end(&mut self, _out: &mut VecDeque<Event>) {}

    /// What a person should know of how the file was read.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What a first line told.
pub struct FirstLine {
    /// Reads the lines from there on.
    pub format: Box<dyn Format>,
    /// The line is a header, and no data.
    pub is_header: bool,
}

impl FirstLine {
    /// Of data.
    pub fn data(format: impl Format + 'static) -> Self {
        Self { format: Box::new(format), is_header: false }
    }
}

/// Takes events in order of time of receipt.
pub trait Sink {
    /// Keeps one.
    ///
    /// # Errors
    /// It cannot be written.
    fn take(&mut self, event: &Event) -> Result<(), AppError>;

    /// Makes what was taken last; in words what of it could not be written down.
    ///
    /// # Errors
    /// It cannot be written; nothing is left behind then.
    fn finish(self: Box<Self>) -> Result<Vec<String>, AppError>;
}
