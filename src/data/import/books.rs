//! A whole book from the texts of its levels, by the reader of our own CSV: what is padding, what shares a
//! price and what is no number is told there, once.

use super::folder::header;
use crate::data::csv::{Reader, Skipped};
use crate::data::error::DataError;
use crate::data::report::BOOKS;
use crate::data::scan::CsvKind;
use crate::data::time::TimeForm;
use botmm_pipeline::types::limits::BOOK_LEVELS;
use botmm_pipeline::types::{AssetId, BookSnapshot, MarketEvent, Nanos};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::Write as _;
use std::path::Path;

/// Price and size, as they stand there.
pub type LevelText<'a> = [&'a [u8]; 2];

/// See the module.
pub struct Books {
    reader: Reader,
    line: Vec<u8>,
    is_deep: bool,
}

impl Books {
    /// For a file.
    ///
    /// # Errors
    /// None: our header has all columns.
    pub fn new(path: &Path) -> Result<Self, DataError> {
        let (times, header) = ([TimeForm::Nanos; 2], header(BOOKS));
        let reader =
            Reader::new(path, CsvKind::Books, AssetId::default(), times, header.trim().as_bytes())?;
        Ok(Self { reader, line: Vec::new(), is_deep: false })
    }

    /// The book of these levels, best first, at these times of the venue and of receipt.
    ///
    /// # Errors
    /// In words, what of it is no number or in no order.
    pub fn book(
        &mut self,
        [venue, recv]: [Nanos; 2],
        sides: [&[LevelText<'_>]; 2],
    ) -> Result<BookSnapshot, String> {
        self.is_deep |= sides.iter().any(|side| side.len() > BOOK_LEVELS);
        self.line.clear();
        // Writing to a vector does not fail.
        let _ = write!(self.line, "{},0,{}", recv.0, venue.0);
        for level in 0..BOOK_LEVELS {
            for side in sides {
                for text in side.get(level).copied().unwrap_or_default() {
                    if text.iter().any(|b| matches!(b, b',' | b'"')) {
                        return Err(format!("level {level} holds a comma or a quote"));
                    }
                    self.line.push(b',');
                    self.line.extend_from_slice(text);
                }
            }
        }
        let mut book = BookSnapshot::EMPTY;
        let read = self.reader.row(0, &self.line, &mut |event, _| {
            if let MarketEvent::Book(read) = event {
                book = *read;
            }
            Ok(())
        });
        read.map_err(|(_, _, why): Skipped| why).map(|()| book)
    }

    /// What was read otherwise than it stands there.
    pub fn notes(&self) -> Vec<String> {
        let deep = format!("more than {BOOK_LEVELS} levels: the deeper are not used");
        self.is_deep.then_some(deep).into_iter().chain(self.reader.notes()).collect()
    }
}

/// The text of a number that JSON has as a number or as text.
pub fn text(value: &RawValue) -> &str {
    let raw = value.get();
    raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw)
}

/// Levels as JSON has them: `[px, sz]`, also with more behind it, or `{"px","sz"}`.
///
/// # Errors
/// In words, which is neither.
pub fn levels<'a>(what: &str, raw: &[&'a RawValue]) -> Result<Vec<LevelText<'a>>, String> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        px: &'a RawValue,
        #[serde(borrow)]
        sz: &'a RawValue,
    }
    let level = |(i, raw): (usize, &&'a RawValue)| {
        let pair = match serde_json::from_str::<Vec<&'a RawValue>>(raw.get()) {
            Ok(list) => list.first().copied().zip(list.get(1).copied()),
            Err(_) => serde_json::from_str::<Named<'a>>(raw.get()).ok().map(|l| (l.px, l.sz)),
        };
        let (px, sz) = pair.ok_or_else(|| {
            let raw = crate::masked::excerpt(raw.get().as_bytes());
            format!("level {i} of \"{what}\" is `{raw}`: neither [px, sz] nor {{\"px\",\"sz\"}}")
        })?;
        Ok([text(px).as_bytes(), text(sz).as_bytes()])
    };
    raw.iter().enumerate().map(level).collect()
}
