//! A level a row, as CSV or as JSON lines: `timestamp,level,bid_price,bid_size,ask_price,ask_size`, with a
//! column `coin` or `symbol`, else of the coin that the file is named after. Rows of one timestamp are one
//! book; levels begin at 0 or 1 and rise by one. A book of which a row is unsound is left out whole.

use super::books::{Books, text};
use super::event::{Event, FirstLine, Format};
use super::node::time;
use crate::data::csv::is_padding;
use crate::data::error::DataError;
use crate::data::fields::{delimiter, split};
use crate::data::named::coin_of_name;
use crate::data::time::{TimeColumn, TimeForm};
use crate::masked::excerpt;
use botmm_pipeline::types::decimal::parse_whole;
use botmm_pipeline::types::{Coin, MarketEvent, Nanos, read_decimal};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::path::Path;

/// The columns, in our order.
const COLUMNS: [&str; 6] = ["timestamp", "level", "bid_price", "bid_size", "ask_price", "ask_size"];
/// What may name the coin.
const COIN_COLUMNS: [&str; 2] = ["coin", "symbol"];

/// The format of a file by its first line; [`None`] when it is another.
///
/// # Errors
/// It is of no coin.
pub fn format(path: &Path, line: &[u8]) -> Result<Option<FirstLine>, DataError> {
    let Some(shape) = Shape::of(line) else { return Ok(None) };
    let is_header = matches!(shape, Shape::Csv { .. });
    let coin = coin_of_name(path);
    if coin.is_none() && !shape.names_coin() {
        let why =
            "levels of no coin by a column `coin` or by the file's name; call it COIN_levels.csv";
        return Err(DataError::NotASource { path: path.to_owned(), why: why.to_owned() });
    }
    let rows = Rows {
        shape,
        coin,
        time: TimeColumn::new(TimeForm::Millis),
        books: Books::new(path)?,
        first_level: None,
        open: None,
        void: 0,
        repeated: 0,
    };
    Ok(Some(FirstLine { format: Box::new(rows), is_header }))
}

/// Where a row has what.
enum Shape {
    Csv { delimiter: u8, width: usize, columns: [usize; COLUMNS.len()], coin: Option<usize> },
    Json { names_coin: bool },
}

impl Shape {
    /// Of a first line.
    fn of(line: &[u8]) -> Option<Self> {
        if line.starts_with(b"{") {
            let keys: BTreeMap<&str, &RawValue> = serde_json::from_slice(line).ok()?;
            let has = |name: &&str| keys.contains_key(*name);
            let names_coin = COIN_COLUMNS.iter().any(has);
            return COLUMNS.iter().all(has).then_some(Self::Json { names_coin });
        }
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
        let (delimiter, mut fields) = (delimiter(line), Vec::new());
        split(line, delimiter, &mut fields);
        let find = |name: &str| {
            fields.iter().position(|f| line[f.clone()].trim_ascii() == name.as_bytes())
        };
        let found: Vec<usize> = COLUMNS.iter().map_while(|name| find(name)).collect();
        let columns = <[usize; COLUMNS.len()]>::try_from(found).ok()?;
        let coin = COIN_COLUMNS.iter().find_map(|name| find(name));
        Some(Self::Csv { delimiter, width: fields.len(), columns, coin })
    }

    fn names_coin(&self) -> bool {
        matches!(self, Self::Csv { coin: Some(_), .. } | Self::Json { names_coin: true })
    }

    /// The texts of a row's columns, and that of its coin.
    fn row<'a>(&self, line: &'a [u8]) -> Result<Row<'a>, String> {
        match self {
            Self::Csv { delimiter, width, columns, coin } => {
                let mut fields: Vec<Range<usize>> = Vec::new();
                split(line, *delimiter, &mut fields);
                if fields.len() != *width {
                    return Err(format!("{} columns, the header has {width}", fields.len()));
                }
                let of = |i: usize| line[fields[i].clone()].trim_ascii();
                Ok(Row { texts: columns.map(of), coin: coin.map(of) })
            }
            Self::Json { .. } => {
                let keys: BTreeMap<&str, &RawValue> = serde_json::from_slice(line)
                    .map_err(|e| format!("not a line of levels: {e}"))?;
                let of = |name: &&str| keys.get(*name).map(|value| text(value).as_bytes());
                let mut texts = [&b""[..]; COLUMNS.len()];
                for (place, name) in texts.iter_mut().zip(&COLUMNS) {
                    *place = of(name).ok_or_else(|| format!("key \"{name}\" is missing"))?;
                }
                Ok(Row { texts, coin: COIN_COLUMNS.iter().find_map(of) })
            }
        }
    }
}

/// A row's texts.
struct Row<'a> {
    texts: [&'a [u8]; COLUMNS.len()],
    coin: Option<&'a [u8]>,
}

/// A row.
struct Level<'a> {
    coin: Coin,
    at: Nanos,
    level: u64,
    /// Price and size of the bid and of the ask.
    texts: [&'a [u8]; 4],
}

/// The book that is being read.
struct Open {
    coin: Coin,
    at: Nanos,
    last_level: u64,
    levels: Vec<[Vec<u8>; 4]>,
    /// A row of it is unsound.
    is_void: bool,
}

impl Open {
    fn put(&mut self, row: &Level<'_>) -> Result<(), String> {
        if self.is_void {
            return Ok(());
        }
        if row.level != self.last_level + 1 {
            self.is_void = true;
            return Err(format!("level {} behind level {}", row.level, self.last_level));
        }
        self.last_level = row.level;
        self.levels.push(row.texts.map(<[u8]>::to_vec));
        Ok(())
    }

    fn is_last(&self, row: &Level<'_>) -> bool {
        let texts = self.levels.last().map(|level| level.each_ref().map(Vec::as_slice));
        row.level == self.last_level && texts == Some(row.texts)
    }
}

/// See the module.
struct Rows {
    shape: Shape,
    /// By the file's name.
    coin: Option<Coin>,
    time: TimeColumn,
    books: Books,
    /// How its levels are counted: from 0 or from 1.
    first_level: Option<u64>,
    open: Option<Open>,
    void: u64,
    repeated: u64,
}

impl Rows {
    fn read<'a>(&mut self, line: &'a [u8]) -> Result<Level<'a>, String> {
        let Row { texts, coin } = self.shape.row(line)?;
        let coin = match coin {
            Some(name) => std::str::from_utf8(name).ok().and_then(Coin::new),
            None => self.coin,
        };
        let coin = coin.ok_or("its coin has no name")?;
        let at = time(&mut self.time, COLUMNS[0], &String::from_utf8_lossy(texts[0]))?;
        let level = parse_whole(texts[1]).ok_or_else(|| bad(1, texts[1], &"not a whole number"))?;
        for (column, text) in texts.iter().enumerate().skip(2) {
            if !is_padding(text) {
                read_decimal(text).map_err(|e| bad(column, text, &e))?;
            }
        }
        let [_, _, texts @ ..] = texts;
        Ok(Level { coin, at, level, texts })
    }

    /// Puts a row to its book, or begins one with it.
    fn put(&mut self, row: &Level<'_>, out: &mut VecDeque<Event>) -> Result<(), String> {
        let is_first = row.level < 2 && self.first_level.is_none_or(|first| row.level <= first);
        let open = self.open.as_mut().filter(|open| open.coin == row.coin && open.at == row.at);
        if let Some(open) = open {
            if open.is_last(row) {
                self.repeated += 1;
                return Ok(());
            }
            // From the top again: a second recorder's book of that time.
            if !is_first || open.last_level == row.level {
                return open.put(row);
            }
        }
        let closed = self.close(out);
        let (coin, at, last_level) = (row.coin, row.at, row.level);
        let levels = vec![row.texts.map(<[u8]>::to_vec)];
        self.open = Some(Open { coin, at, last_level, levels, is_void: !is_first });
        if !is_first {
            let first = self.first_level.map_or("0 or 1".to_owned(), |first| first.to_string());
            let why = format!("level {} begins a book, whose first is {first}", row.level);
            return Err(why);
        }
        self.first_level = Some(row.level);
        closed
    }

    /// Ends the book that is being read.
    fn close(&mut self, out: &mut VecDeque<Event>) -> Result<(), String> {
        let Some(Open { coin, at, levels, is_void, .. }) = self.open.take() else { return Ok(()) };
        let side = |px: usize| -> Vec<[&[u8]; 2]> {
            levels.iter().map(|level| [level[px].as_slice(), level[px + 1].as_slice()]).collect()
        };
        let book = match is_void {
            true => Ok(None),
            false => self.books.book([at, at], [&side(0), &side(2)]).map(Some),
        };
        match book {
            Ok(Some(book)) => out.push_back(Event { coin, data: MarketEvent::Book(book) }),
            _ => self.void += 1,
        }
        book.map(|_| ())
    }
}

impl Format for Rows {
    fn line(&mut self, line: &[u8], out: &mut VecDeque<Event>) -> Result<(), String> {
        match self.read(line) {
            Ok(row) => self.put(&row, out),
            Err(why) => {
                if let Some(open) = &mut self.open {
                    open.is_void = true;
                }
                Err(why)
            }
        }
    }

    fn end(&mut self, out: &mut VecDeque<Event>) {
        // There is no line left to name: it is counted.
        let _ = self.close(out);
    }

    fn notes(&self) -> Vec<String> {
        let count = |n: u64, what: &str| (n > 0).then(|| format!("{n} {what}"));
        let form = self.time.form();
        let unusual = format!("column `timestamp` is read as {}", form.as_str());
        let no_receipt = "levels have no time of receipt: the venue's is taken for it; `replay --feed \
                          50ms` is a feed so late";
        [
            count(self.void, "books of which a row is unsound: left out whole"),
            count(self.repeated, "rows that are there twice: read once"),
            (form != TimeForm::Millis).then_some(unusual),
            Some(no_receipt.to_owned()),
        ]
        .into_iter()
        .flatten()
        .chain(self.books.notes())
        .collect()
    }
}

fn bad(column: usize, text: &[u8], why: &dyn std::fmt::Display) -> String {
    format!("column `{}` is `{}`: {why}", COLUMNS[column], excerpt(text))
}
