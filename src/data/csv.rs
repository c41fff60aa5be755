//! The CSV layout. Fields are split by hand: a day of books has a hundred million of them.

use super::Progress;
use super::error::DataError;
use super::fields::{delimiter, split};
use super::frames::{each_line, finish};
use super::hygiene::{Intake, Place};
use super::report::{FileLog, FileReport, LoadReport};
use super::scan::{CsvKind, DataFile, known_format};
use super::time::{LOCAL, TimeColumn, TimeForm, VENUE};
use crate::masked::{excerpt, masked};
use botmm_pipeline::types::decimal::parse_whole;
use botmm_pipeline::types::limits::BOOK_LEVELS;
use botmm_pipeline::types::{
    AssetId, Bbo, BookSnapshot, Level, MarketEvent, Nanos, Px, Qty, Side, Trade, read_decimal,
};
use std::ops::Range;
use std::path::Path;

/// Reads one CSV file. Fails only when its header lacks a column.
pub fn read(
    file: &DataFile,
    kind: CsvKind,
    asset: AssetId,
    intake: &mut Intake,
    report: &mut LoadReport,
    bar: &Progress<'_>,
) -> Result<FileReport, DataError> {
    let mut log = FileLog::new(&file.path, report);
    let mut reader: Option<Result<Reader, DataError>> = None;
    let source = each_line(file, &mut log, bar, |number, line, log| match &mut reader {
        None => reader = Some(Reader::new(&file.path, kind, asset, USUAL_TIMES, line)),
        Some(Err(_)) => {}
        Some(Ok(reader)) => {
            log.rows += 1;
            let read = reader.row(number, line, &mut |event, place| intake.admit(event, place));
            if let Err((line, rows, why)) = read {
                log.skip(line, rows, &why);
            }
        }
    })?;
    if let Some(mut reader) = reader.transpose()? {
        end(&mut reader, intake, &mut log);
    }
    intake.end_file(&mut log)?;
    finish(file, source, log)
}

/// The end of what a reader reads.
pub fn end(reader: &mut Reader, intake: &mut Intake, log: &mut FileLog<'_>) {
    if let Err((line, rows, why)) = reader.end(&mut |event, place| intake.admit(event, place)) {
        log.skip(line, rows, &why);
    }
    reader.notes().iter().for_each(|note| log.warn(note));
}

/// Fields of the current row, by number.
struct Row<'a> {
    line: &'a [u8],
    fields: &'a [Range<usize>],
    names: &'a [String],
}

impl Row<'_> {
    fn text(&self, column: usize) -> &[u8] {
        self.line[self.fields[column].clone()].trim_ascii()
    }
    fn bad(&self, column: usize, why: impl std::fmt::Display) -> String {
        format!("column `{}` is `{}`: {why}", self.names[column], excerpt(self.text(column)))
    }
    fn decimal(&self, column: usize) -> Result<i64, String> {
        read_decimal(self.text(column)).map_err(|e| self.bad(column, e))
    }
    fn time(&self, column: usize, times: &mut TimeColumn) -> Result<Nanos, String> {
        let time = times.read(self.text(column));
        time.ok_or_else(|| self.bad(column, format!("not a time in {}", times.form().as_str())))
    }
    /// Of a trade the side that took, of a touch the side it is on.
    fn side(&self, column: usize) -> Result<Side, String> {
        let text = self.text(column);
        let is_one_of =
            |names: &[&str]| names.iter().any(|n| text.eq_ignore_ascii_case(n.as_bytes()));
        if is_one_of(&["buy", "bid", "b"]) {
            return Ok(Side::Bid);
        }
        if is_one_of(&["sell", "ask", "s", "a"]) {
            return Ok(Side::Ask);
        }
        Err(self.bad(column, "not a side; known: buy, sell, bid, ask, B, S, A"))
    }
    fn is_empty_level(&self, px: usize, qty: usize) -> bool {
        is_padding(self.text(px)) && is_padding(self.text(qty))
    }
}

/// Where the columns of a kind are.
enum Columns {
    Books { levels: Vec<[usize; 4]> },
    Trades { px: usize, qty: usize, side: usize, tid: usize },
    Prices { px: usize, qty: usize, side: usize },
}

/// Rows that are skipped: the last one's line number, how many, and why.
pub type Skipped = (u64, u64, String);

/// Where events go; an error is what is wrong with one.
pub type Emit<'a> = dyn FnMut(&MarketEvent, Place) -> Result<(), String> + 'a;

/// How our times are written when nothing is said about them.
pub const USUAL_TIMES: [TimeForm; 2] = [TimeForm::Seconds, TimeForm::Millis];

/// Reads the rows below one header.
pub struct Reader {
    asset: AssetId,
    delimiter: u8,
    names: Vec<String>,
    fields: Vec<Range<usize>>,
    /// Column and form of the time of receipt, and of the venue's.
    local: (usize, TimeColumn),
    venue: (usize, TimeColumn),
    usual: [TimeForm; 2],
    columns: Columns,
    /// There are more levels than are used.
    is_deep: bool,
    touch: Touch,
    rows: u64,
    /// Rows with levels that share a price.
    merged_rows: u64,
}

impl Reader {
    /// For the rows below this header. Times of receipt and of the venue are usually written so. Fails
    /// when a column is missing.
    pub fn new(
        path: &Path,
        kind: CsvKind,
        asset: AssetId,
        usual: [TimeForm; 2],
        header: &[u8],
    ) -> Result<Self, DataError> {
        if let Some(what) = known_format(header) {
            return Err(DataError::NotARecording { path: path.to_owned(), why: what.to_owned() });
        }
        let header = header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(header);
        let delimiter = delimiter(header);
        let mut fields = Vec::new();
        split(header, delimiter, &mut fields);
        let name = |field: &Range<usize>| String::from_utf8_lossy(&header[field.clone()]);
        let names: Vec<String> = fields.iter().map(|f| name(f).trim().to_owned()).collect();
        let find = |name: &str| names.iter().position(|n| n == name);
        let text = String::from_utf8_lossy(header);
        let column = |name: &str| {
            find(name).ok_or_else(|| DataError::MissingColumn {
                path: path.to_owned(),
                column: name.to_owned(),
                found: masked(&text)
                    .chars()
                    .take(120)
                    .collect::<String>()
                    .escape_debug()
                    .to_string(),
            })
        };
        let mut is_deep = false;
        let columns = match kind {
            CsvKind::Books => {
                let level = |i: usize| {
                    ["bid_price", "bid_size", "ask_price", "ask_size"].map(|n| format!("{n}_{i}"))
                };
                let used = |i: &usize| *i == 0 || find(&level(*i)[0]).is_some();
                let mut levels = Vec::new();
                for i in (0..BOOK_LEVELS).take_while(used) {
                    let [a, b, c, d] = level(i);
                    levels.push([column(&a)?, column(&b)?, column(&c)?, column(&d)?]);
                }
                is_deep = find(&level(BOOK_LEVELS)[0]).is_some();
                Columns::Books { levels }
            }
            CsvKind::Trades => Columns::Trades {
                px: column("price")?,
                qty: column("size")?,
                side: column("side")?,
                tid: column("trade_id")?,
            },
            CsvKind::Prices => Columns::Prices {
                px: column("price")?,
                qty: column("size")?,
                side: column("side")?,
            },
        };
        let local = (column(LOCAL)?, TimeColumn::new(usual[0]));
        let venue = (column(VENUE)?, TimeColumn::new(usual[1]));
        let (touch, rows, merged_rows) = (Touch::default(), 0, 0);
        Ok(Self {
            asset,
            delimiter,
            names,
            fields,
            local,
            venue,
            usual,
            columns,
            is_deep,
            touch,
            rows,
            merged_rows,
        })
    }

    /// Takes in one row.
    pub fn row(&mut self, number: u64, line: &[u8], emit: &mut Emit<'_>) -> Result<(), Skipped> {
        self.rows += 1;
        split(line, self.delimiter, &mut self.fields);
        let (have, want) = (self.fields.len(), self.names.len());
        let one = |why: String| (number, 1, why);
        if have != want {
            return Err(one(format!("{have} columns, the header has {want}")));
        }
        let row = Row { line, fields: &self.fields, names: &self.names };
        let recv_time = row.time(self.local.0, &mut self.local.1).map_err(one)?;
        let venue_time = row.time(self.venue.0, &mut self.venue.1).map_err(one)?;
        let at = Times { asset: self.asset, recv_time, venue_time };
        let place = Place { line: number, rows: 1 };
        match &self.columns {
            Columns::Books { levels } => {
                let (book, is_merged) = book(&row, at, levels).map_err(one)?;
                self.merged_rows += u64::from(is_merged);
                emit(&MarketEvent::Book(book), place).map_err(one)
            }
            Columns::Trades { px, qty, side, tid } => {
                let event = trade(&row, at, [*px, *qty, *side, *tid]).map_err(one)?;
                emit(&event, place).map_err(one)
            }
            Columns::Prices { px, qty, side } => {
                let (side, level) = touch(&row, [*px, *qty, *side]).map_err(one)?;
                self.touch.set(Push { at, seen: [false; 2], line: number }, side, level, emit)
            }
        }
    }

    /// The end of the file: emits what was held back.
    pub fn end(&mut self, emit: &mut Emit<'_>) -> Result<(), Skipped> {
        self.touch.flush(emit)
    }

    /// What was read otherwise than it stands there.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.is_deep {
            notes.push(format!("more than {BOOK_LEVELS} levels: the deeper are not used"));
        }
        let columns = [(LOCAL, &self.local.1), (VENUE, &self.venue.1)];
        for ((name, column), usual) in columns.into_iter().zip(self.usual) {
            if column.form() != usual {
                notes.push(format!("column `{name}` is read as {}", column.form().as_str()));
            }
        }
        if self.merged_rows > 0 {
            notes.push(format!(
                "{} of {} rows have levels that share a price (a recorder that rounds): read as one \
                 level with their sizes added up",
                self.merged_rows, self.rows
            ));
        }
        notes
    }
}

/// Whether a recorder filled the field up for want of a level.
pub fn is_padding(text: &[u8]) -> bool {
    text.iter().all(|b| matches!(b, b'0' | b'.'))
        || [b"nan".as_slice(), b"null"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// What every row has.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Times {
    asset: AssetId,
    recv_time: Nanos,
    venue_time: Nanos,
}

fn level(row: &Row<'_>, px: usize, qty: usize) -> Result<Level, String> {
    Ok(Level { px: Px::from_raw(row.decimal(px)?), qty: Qty::from_raw(row.decimal(qty)?) })
}

/// The book of a row, and whether levels of one price were put together in it.
fn book(row: &Row<'_>, at: Times, columns: &[[usize; 4]]) -> Result<(BookSnapshot, bool), String> {
    let Times { asset, recv_time, venue_time } = at;
    let mut book = BookSnapshot { asset, recv_time, venue_time, ..BookSnapshot::EMPTY };
    let mut is_merged = false;
    for side in Side::BOTH {
        let (levels, count) = match side {
            Side::Bid => (&mut book.bids, &mut book.bid_count),
            Side::Ask => (&mut book.asks, &mut book.ask_count),
        };
        let mut ended = false;
        for column in columns {
            let [px, qty] = [column[2 * side.index()], column[2 * side.index() + 1]];
            // A shallow book leaves its last levels blank, or fills them up.
            if row.is_empty_level(px, qty) {
                ended = true;
                continue;
            }
            if ended {
                return Err(row.bad(px, "a level after an empty one"));
            }
            let level = level(row, px, qty)?;
            let last = usize::from(*count).checked_sub(1).map(|last| &mut levels[last]);
            match last.filter(|last| last.px == level.px && level.qty.is_positive()) {
                Some(last) => {
                    let sum = last.qty.raw().saturating_add(level.qty.raw());
                    last.qty = Qty::from_raw(sum);
                    is_merged = true;
                }
                None => {
                    levels[usize::from(*count)] = level;
                    *count += 1;
                }
            }
        }
    }
    Ok((book, is_merged))
}

fn trade(row: &Row<'_>, at: Times, columns: [usize; 4]) -> Result<MarketEvent, String> {
    let Times { asset, recv_time, venue_time } = at;
    let [px, qty, side, tid] = columns;
    let Level { px, qty } = level(row, px, qty)?;
    let aggressor = row.side(side)?;
    let tid = parse_whole(row.text(tid)).ok_or_else(|| row.bad(tid, "not a whole number"))?;
    let trade = Trade { asset, aggressor, recv_time, venue_time, px, qty, tid, ..Trade::default() };
    Ok(MarketEvent::Trade(trade))
}

fn touch(row: &Row<'_>, columns: [usize; 3]) -> Result<(Side, Level), String> {
    let [px, qty, side] = columns;
    let side = row.side(side)?;
    if row.is_empty_level(px, qty) {
        return Ok((side, Level::default()));
    }
    let level = level(row, px, qty)?;
    if !level.px.is_positive() || !level.qty.is_positive() {
        let (px, qty) = (level.px, level.qty);
        return Err(format!("best price {px} with size {qty}: both must be positive"));
    }
    Ok((side, level))
}

/// One push of the touch: rows of equal times, at most one a side.
#[derive(Clone, Copy)]
struct Push {
    at: Times,
    seen: [bool; 2],
    line: u64,
}

/// Puts the two rows of one push together again. A side that a push does not mention keeps its
/// last value; nothing is emitted before both sides are known.
#[derive(Default)]
struct Touch {
    last: [Option<Level>; 2],
    push: Option<Push>,
}

impl Touch {
    /// Takes in one row, as a push of its own, which joins the current one when it belongs there.
    fn set(
        &mut self,
        row: Push,
        side: Side,
        level: Level,
        emit: &mut Emit<'_>,
    ) -> Result<(), Skipped> {
        let belongs = |push: &Push| push.at == row.at && !push.seen[side.index()];
        let before = if self.push.as_ref().is_none_or(belongs) { Ok(()) } else { self.flush(emit) };
        self.last[side.index()] = Some(level);
        let push = self.push.get_or_insert(row);
        push.seen[side.index()] = true;
        push.line = row.line;
        before
    }

    /// Emits the push that is being put together.
    fn flush(&mut self, emit: &mut Emit<'_>) -> Result<(), Skipped> {
        let Some(push) = self.push.take() else { return Ok(()) };
        let [Some(bid), Some(ask)] = self.last else { return Ok(()) };
        let Times { asset, recv_time, venue_time } = push.at;
        let bbo = Bbo { asset, recv_time, venue_time, bid, ask, ..Bbo::default() };
        let rows = push.seen.iter().filter(|s| **s).count() as u64;
        let place = Place { line: push.line, rows };
        emit(&MarketEvent::Bbo(bbo), place).map_err(|why| (push.line, rows, why))
    }
}
