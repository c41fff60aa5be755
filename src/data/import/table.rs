//! Parquet: its rows as lines of the CSV that it could be, behind their coin, through the reader of our own.

use super::event::{Event, Format};
use crate::data::columns::{Cursor, Table};
use crate::data::csv::{Reader, Skipped, USUAL_TIMES};
use crate::data::error::DataError;
use crate::data::hygiene::Place;
use crate::data::scan::{CsvKind, parquet_layout};
use crate::data::source::Line;
use botmm_pipeline::types::limits::BOOK_LEVELS;
use botmm_pipeline::types::{AssetId, Coin, MarketEvent};
use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// How such a file begins.
pub const MAGIC: &[u8] = b"PAR1";
/// Parts a row's coin from the rest; no coin has it.
const BEHIND_COIN: u8 = b'\n';

/// The rows of an open file.
pub struct Lines {
    table: Table,
    cursor: Cursor,
    /// The coin of rows that name none.
    coin: Coin,
    row: Vec<u8>,
    is_deep: Rc<Cell<bool>>,
}

/// Takes them apart. The touch is kept by coin.
pub struct Rows {
    path: PathBuf,
    kind: CsvKind,
    header: String,
    has_local_time: bool,
    readers: BTreeMap<String, Reader>,
    number: u64,
    is_deep: Rc<Cell<bool>>,
}

/// Opens a file; in words why it is none that is imported.
///
/// # Errors
/// It lacks a column.
pub fn open(path: &Path) -> Result<Result<(Lines, Rows), String>, DataError> {
    let opened = parquet_layout(path).and_then(|told| Table::open(path).map(|table| (told, table)));
    let ((kind, coin), table) = match opened {
        Ok(opened) => opened,
        Err(why) => return Ok(Err(why)),
    };
    let is_deep = Rc::new(Cell::new(false));
    let mut rows = Rows {
        path: path.to_owned(),
        kind,
        header: table.header(),
        has_local_time: table.has_local_time(),
        readers: BTreeMap::new(),
        number: 1,
        is_deep: Rc::clone(&is_deep),
    };
    // What it lacks is told before anything is read.
    rows.reader(coin.as_str())?;
    let (cursor, row) = (Cursor::default(), Vec::new());
    Ok(Ok((Lines { table, cursor, coin, row, is_deep }, rows)))
}

impl Lines {
    /// The next row; in words what is wrong with one.
    ///
    /// # Errors
    /// In words: the file is damaged.
    pub fn next_line(&mut self, line: &mut Vec<u8>) -> Result<Result<Line, String>, String> {
        line.clear();
        let Some((_, row)) = self.cursor.next(&self.table)? else { return Ok(Ok(Line::End)) };
        let mut is_deep = self.is_deep.get();
        if let Err(why) = row.line(&mut self.row, &mut is_deep) {
            return Ok(Err(why));
        }
        self.is_deep.set(is_deep);
        line.extend_from_slice(row.coin().unwrap_or(self.coin.as_bytes()));
        line.push(BEHIND_COIN);
        line.extend_from_slice(&self.row);
        Ok(Ok(Line::Whole))
    }
}

impl Rows {
    fn reader(&mut self, coin: &str) -> Result<&mut Reader, DataError> {
        use std::collections::btree_map::Entry;
        match self.readers.entry(coin.to_owned()) {
            Entry::Occupied(reader) => Ok(reader.into_mut()),
            Entry::Vacant(place) => {
                let (asset, header) = (AssetId::default(), self.header.as_bytes());
                let new = Reader::new(&self.path, self.kind, asset, USUAL_TIMES, header)?;
                Ok(place.insert(new))
            }
        }
    }
}

impl Format for Rows {
    fn line(&mut self, line: &[u8], out: &mut VecDeque<Event>) -> Result<(), String> {
        self.number += 1;
        let end = line.iter().position(|b| *b == BEHIND_COIN).unwrap_or(0);
        let (name, row) = (&line[..end], line.get(end + 1..).unwrap_or_default());
        let name = std::str::from_utf8(name).ok();
        let coin = name.and_then(Coin::new).ok_or("column `coin` is not the name of a coin")?;
        let number = self.number;
        let reader = self.reader(coin.as_str()).map_err(|e| e.to_string())?;
        let read = reader.row(number, row, &mut to(coin, out));
        read.map_err(|(_, _, why): Skipped| why)
    }

    fn end(&mut self, out: &mut VecDeque<Event>) {
        for (name, reader) in &mut self.readers {
            // The last touch of each; what is unsound is told of those that come out.
            let coin = Coin::new(name);
            let _ = coin.map(|coin| reader.end(&mut to(coin, out)));
        }
    }

    fn notes(&self) -> Vec<String> {
        let deep = format!("more than {BOOK_LEVELS} levels: the deeper are not used");
        let no_receipt = "no time of receipt: the venue's is taken for it; `replay --feed 50ms` is a feed \
                          so late";
        let mut notes: Vec<String> = self.is_deep.get().then_some(deep).into_iter().collect();
        notes.extend((!self.has_local_time).then(|| no_receipt.to_owned()));
        notes.extend(self.readers.values().flat_map(Reader::notes));
        notes.dedup();
        notes
    }
}

/// Hands events of a coin on.
fn to(
    coin: Coin,
    out: &mut VecDeque<Event>,
) -> impl FnMut(&MarketEvent, Place) -> Result<(), String> {
    move |event, _| {
        out.push_back(Event { coin, data: *event });
        Ok(())
    }
}
