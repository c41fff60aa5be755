//! The columns of a Parquet file that are ours, row by row, as lines of the CSV that it could have been.
//!
//! | columns | become |
//! |---|---|
//! | those of our CSV, as text or numbers | themselves |
//! | `bids`, `asks`: lists of `{px, sz}`, or of lists `[px, sz]` | the first 20 levels |
//! | `bid_prices`, `bid_sizes`, `ask_prices`, `ask_sizes`: lists; or `bids_px`, `bids_sz`, `asks_px`, `asks_sz` | the same |
//! | `recv_ms`, `recv_ts_ms`, `time_local`; `block_time_ms`, `time_ms`, `ts_ms`, `exch_ts_ms`, `time_chain` | our two times |
//!
//! A number is written as the shortest text that means it, so that what a table library made of `0.1`
//! is `0.1` again.

use super::footer;
use super::time::{LOCAL, VENUE};
use botmm_pipeline::types::limits::BOOK_LEVELS;
use parquet::basic::{LogicalType, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use std::fs::File;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Rows that are held at once.
const BATCH_ROWS: usize = 256;

/// Of a book in lists what is in each, in the order of a level of our CSV.
const LISTS: [[&str; 3]; 4] = [
    ["bids.px", "bid_prices", "bids_px"],
    ["bids.sz", "bid_sizes", "bids_sz"],
    ["asks.px", "ask_prices", "asks_px"],
    ["asks.sz", "ask_sizes", "asks_sz"],
];
/// Of a book in lists of lists: each level is a list that begins with price and size.
const PAIRS: [&str; 2] = ["bids", "asks"];
const LEVEL_NAMES: [&str; 4] = ["bid_price_", "bid_size_", "ask_price_", "ask_size_"];
/// Other names of our times, the better first.
const LOCAL_NAMES: [&str; 4] = [LOCAL, "recv_ms", "recv_ts_ms", "time_local"];
const VENUE_NAMES: [&str; 6] =
    [VENUE, "block_time_ms", "time_ms", "ts_ms", "exch_ts_ms", "time_chain"];
/// Names the coin of a row.
const COIN: &str = "coin";

/// Whether a file's rows are books by its columns, and the coin that its first row names.
///
/// # Errors
/// In words why it cannot be read.
pub fn look(path: &Path) -> Result<(bool, Option<String>), String> {
    let table = Table::open(path)?;
    let mut coin = None;
    if table.coin.is_some() {
        table.rows(|_, row| {
            coin = row.coin().and_then(|name| std::str::from_utf8(name).ok().map(str::to_owned));
            false
        })?;
    }
    Ok((table.lists.is_some(), coin))
}

/// A column that is used.
struct Leaf {
    /// Its place among the file's columns.
    index: usize,
    /// As it is called there, with its group.
    name: String,
    max_def: i16,
    max_rep: i16,
    /// From this definition level on there is an element, be it null.
    element_def: i16,
}

/// Where a book in lists has its levels.
#[derive(Clone, Copy)]
enum Lists {
    /// As [`LISTS`] has them.
    Parallel([usize; LISTS.len()]),
    /// As [`PAIRS`] has them: of each level price and size, one after the other.
    Pairs([usize; PAIRS.len()]),
}

/// An open file, and what its columns are. Columns are given by their place in `leaves`.
pub struct Table {
    reader: SerializedFileReader<File>,
    leaves: Vec<Leaf>,
    /// Rows that the file says it has.
    pub file_rows: u64,
    local: Option<usize>,
    venue: Option<usize>,
    coin: Option<usize>,
    /// Of a book in lists.
    lists: Option<Lists>,
    /// The others of one value a row.
    others: Vec<usize>,
}

impl Table {
    /// Opens a file.
    ///
    /// # Errors
    /// In words why it cannot be read.
    pub fn open(path: &Path) -> Result<Self, String> {
        let mut file = crate::files::open(path).map_err(|e| e.to_string())?;
        let damaged = |why| format!("a Parquet file that is cut short or damaged: {why}");
        footer::check(&mut file).map_err(damaged)?;
        let reader = guarded(|| SerializedFileReader::new(file)).map_err(damaged)?;
        let about = reader.metadata().file_metadata();
        let file_rows = u64::try_from(about.num_rows()).unwrap_or(0);
        let columns = about.schema_descr().columns();
        let used: Vec<(usize, &ColumnDescriptor, String)> = columns
            .iter()
            .enumerate()
            .map(|(i, column)| (i, column.as_ref(), name_of(column)))
            .filter(|(_, column, name)| is_used(name, column.max_rep_level()))
            .collect();
        let leaf =
            |(index, column, name): (usize, &ColumnDescriptor, String)| match is_readable(column) {
                Ok(()) => Ok(Leaf {
                    index,
                    name,
                    max_def: column.max_def_level(),
                    max_rep: column.max_rep_level(),
                    element_def: column.repeated_ancestor_def_level(),
                }),
                Err(what) => Err(format!("its column `{name}` is {what}")),
            };
        let leaves = used.into_iter().map(leaf).collect::<Result<Vec<_>, _>>()?;
        let find = |name: &str| leaves.iter().position(|leaf| leaf.name == name);
        let first = |names: &[&str]| names.iter().find_map(|name| find(name));
        let venue = first(&VENUE_NAMES);
        let local = first(&LOCAL_NAMES).or(venue);
        let coin = find(COIN);
        let lists = match (LISTS.map(|names| first(&names)), PAIRS.map(find)) {
            ([Some(a), Some(b), Some(c), Some(d)], _) => Some(Lists::Parallel([a, b, c, d])),
            (_, [Some(bids), Some(asks)]) => Some(Lists::Pairs([bids, asks])),
            ([None, None, None, None], [None, None]) => None,
            (some, _) => {
                let lacks = some.iter().position(Option::is_none).unwrap_or(0);
                let [a, b, c] = LISTS[lacks];
                return Err(format!(
                    "a Parquet file of books without a list `{a}`, `{b}` or `{c}`"
                ));
            }
        };
        let is_other = |i: &usize| {
            let leaf = &leaves[*i];
            let is_time = [local, venue, coin].contains(&Some(*i));
            !is_time && leaf.max_rep == 0
        };
        let others = (0..leaves.len()).filter(is_other).collect();
        Ok(Self { leaves, file_rows, local, venue, coin, lists, others, reader })
    }

    /// Whether rows say when they were received.
    pub fn has_local_time(&self) -> bool {
        self.local != self.venue
    }

    /// The header of the CSV that this could be.
    pub fn header(&self) -> String {
        let mut names = Vec::new();
        names.extend(self.local.map(|_| LOCAL.to_owned()));
        names.extend(self.venue.map(|_| VENUE.to_owned()));
        if self.lists.is_some() {
            let level = |i| format!("bid_price_{i},bid_size_{i},ask_price_{i},ask_size_{i}");
            names.extend((0..BOOK_LEVELS).map(level));
        } else {
            names.extend(self.others.iter().map(|i| self.leaves[*i].name.clone()));
        }
        names.join(",")
    }

    /// Hands on every row, with the number of its line in that CSV, until told to stop by `false`.
    ///
    /// # Errors
    /// The file is damaged: there is no reading on.
    pub fn rows(&self, mut each: impl FnMut(u64, Row<'_>) -> bool) -> Result<(), String> {
        let mut cursor = Cursor::default();
        while let Some((number, row)) = cursor.next(self)? {
            if !each(number, row) {
                break;
            }
        }
        Ok(())
    }

    fn columns(&self, group: usize) -> Result<Vec<Column>, String> {
        let group = guarded(|| self.reader.get_row_group(group))?;
        let open = |leaf: &Leaf| guarded(|| group.get_column_reader(leaf.index)).map(Column::new);
        self.leaves.iter().map(open).collect()
    }

    /// Reads the next rows of every column; how many.
    fn fill(&self, columns: &mut [Column]) -> Result<usize, String> {
        let mut all = None;
        for (leaf, column) in self.leaves.iter().zip(columns) {
            guarded(|| column.fill(leaf))?;
            let rows = column.rows.len();
            if *all.get_or_insert(rows) != rows {
                return Err(format!("column `{}` has another number of rows", leaf.name));
            }
        }
        Ok(all.unwrap_or(0))
    }
}

/// A place in a table.
#[derive(Default)]
pub struct Cursor {
    /// Groups of rows that were begun.
    groups: usize,
    columns: Vec<Column>,
    /// Rows that are held, and how many of them were handed out.
    held: usize,
    at: usize,
    rows: u64,
}

impl Cursor {
    /// The next row of a table, which is always the same one, with the number of its line in the CSV that it
    /// could be; [`None`] at the end.
    ///
    /// # Errors
    /// The file is damaged: there is no reading on.
    pub fn next<'a>(&'a mut self, table: &'a Table) -> Result<Option<(u64, Row<'a>)>, String> {
        while self.at == self.held {
            (self.held, self.at) = (table.fill(&mut self.columns)?, 0);
            if self.held == 0 {
                if self.groups == table.reader.num_row_groups() {
                    return Ok(None);
                }
                self.columns = table.columns(self.groups)?;
                self.groups += 1;
            }
        }
        let at = self.at;
        self.at += 1;
        self.rows += 1;
        Ok(Some((self.rows + 1, Row { table, columns: &self.columns, at })))
    }
}

/// The names of a column's groups and its own, without those that a list puts between.
fn name_of(column: &ColumnDescriptor) -> String {
    let between = ["list", "element", "array", "item", "bag"];
    let parts = column.path().parts().iter().map(String::as_str);
    let named: Vec<&str> = parts.filter(|part| !between.contains(part)).collect();
    named.join(".")
}

/// Whether a column is any of ours.
fn is_used(name: &str, max_rep: i16) -> bool {
    if max_rep > 0 {
        let is_pairs = max_rep == 2 && PAIRS.contains(&name);
        return is_pairs || LISTS.iter().flatten().any(|list| *list == name);
    }
    let is_level = LEVEL_NAMES.iter().any(|level| {
        name.strip_prefix(level).is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
    });
    let one_of = |names: &[&str]| names.contains(&name);
    is_level
        || one_of(&LOCAL_NAMES)
        || one_of(&VENUE_NAMES)
        || one_of(&[COIN, "price", "size", "side", "trade_id"])
}

/// In words what a column is, when it is nothing that is read.
fn is_readable(column: &ColumnDescriptor) -> Result<(), String> {
    if column.max_rep_level() > 1 && !PAIRS.contains(&name_of(column).as_str()) {
        return Err(
            "a list of lists; write lists of {px, sz}, or of prices and of sizes".to_owned()
        );
    }
    if let Some(LogicalType::Decimal { .. }) = column.logical_type_ref() {
        return Err("of the type DECIMAL; write it as text or as DOUBLE".to_owned());
    }
    match column.physical_type() {
        Type::INT32 | Type::INT64 | Type::FLOAT | Type::DOUBLE | Type::BYTE_ARRAY => Ok(()),
        other => Err(format!("of the type {other}; write it as text, INT64 or DOUBLE")),
    }
}

/// A column of a group of rows, and its next values as text.
struct Column {
    reader: ColumnReader,
    text: Vec<u8>,
    /// Where in the text each value ends.
    values: Vec<usize>,
    /// Where among the values each row ends.
    rows: Vec<usize>,
}

impl Column {
    fn new(reader: ColumnReader) -> Self {
        Self { reader, text: Vec::new(), values: Vec::new(), rows: Vec::new() }
    }

    fn fill(&mut self, leaf: &Leaf) -> Result<(), ParquetError> {
        let Self { reader, text, values, rows } = self;
        text.clear();
        values.clear();
        rows.clear();
        let out = Texts { leaf, text, values, rows };
        // Writing to a vector does not fail. Of a float the form with `.0`, by which it can be told.
        match reader {
            ColumnReader::Int32ColumnReader(r) => out.fill(r, |v, t| drop(write!(t, "{v}"))),
            ColumnReader::Int64ColumnReader(r) => out.fill(r, |v, t| drop(write!(t, "{v}"))),
            ColumnReader::FloatColumnReader(r) => out.fill(r, |v, t| drop(write!(t, "{v:?}"))),
            ColumnReader::DoubleColumnReader(r) => out.fill(r, |v, t| drop(write!(t, "{v:?}"))),
            ColumnReader::ByteArrayColumnReader(r) => {
                out.fill(r, |v, t| t.extend_from_slice(v.data()))
            }
            _ => Err(ParquetError::General("a column of another type than before".to_owned())),
        }
    }

    /// The values of a row.
    fn of(&self, row: usize) -> impl ExactSizeIterator<Item = &[u8]> {
        let end_of = |ends: &[usize], i: usize| i.checked_sub(1).map_or(0, |before| ends[before]);
        let values = end_of(&self.rows, row)..self.rows[row];
        values.map(move |i| &self.text[end_of(&self.values, i)..self.values[i]])
    }
}

/// Where values go.
struct Texts<'a> {
    leaf: &'a Leaf,
    text: &'a mut Vec<u8>,
    values: &'a mut Vec<usize>,
    rows: &'a mut Vec<usize>,
}

impl Texts<'_> {
    fn fill<T: DataType>(
        self,
        reader: &mut ColumnReaderImpl<T>,
        write: impl Fn(&T::T, &mut Vec<u8>),
    ) -> Result<(), ParquetError> {
        let Self { leaf, text, values, rows } = self;
        let (mut def, mut rep, mut read) = (Vec::new(), Vec::new(), Vec::new());
        let (records, _, levels) =
            reader.read_records(BATCH_ROWS, Some(&mut def), Some(&mut rep), &mut read)?;
        let mut read = read.iter();
        // Of lists of lists: values of the inner one so far, of which the first two are used.
        let mut inner = 0;
        for i in 0..levels {
            // What cannot be missing, or is no list, has no such levels.
            let def = def.get(i).copied().unwrap_or(leaf.max_def);
            let rep = rep.get(i).copied().unwrap_or(0);
            if leaf.max_rep == 2 {
                if rep < 2 && inner == 1 {
                    values.push(text.len()); // Of a level of a price alone the size is blank.
                }
                inner = if rep < 2 { 0 } else { inner };
            }
            if rep == 0 {
                rows.push(values.len());
            }
            let missing = || ParquetError::General("fewer values than told".to_owned());
            let value = match def == leaf.max_def {
                true => Some(read.next().ok_or_else(missing)?),
                false => None,
            };
            if value.is_none() && leaf.max_rep > 0 && def < leaf.element_def {
                continue; // An empty list has no element, be it null.
            }
            if leaf.max_rep == 2 {
                inner += 1;
                if inner > 2 {
                    continue;
                }
            }
            value.into_iter().for_each(|value| write(value, text));
            values.push(text.len());
        }
        if inner == 1 {
            values.push(text.len());
        }
        // Where each row began is where the one before it ended.
        if rows.len() != records {
            return Err(ParquetError::General("rows that begin inside a list".to_owned()));
        }
        rows.rotate_left(1.min(records));
        if let Some(last) = rows.last_mut() {
            *last = values.len();
        }
        Ok(())
    }
}

/// One row of a table.
pub struct Row<'a> {
    table: &'a Table,
    columns: &'a [Column],
    at: usize,
}

impl Row<'_> {
    /// The value of a column that is no list.
    fn one(&self, leaf: usize) -> &[u8] {
        self.columns[leaf].of(self.at).next().unwrap_or_default()
    }

    /// The coin, when the row names it.
    pub fn coin(&self) -> Option<&[u8]> {
        self.table.coin.map(|leaf| self.one(leaf))
    }

    /// The line of the CSV that this could be; whether it has more levels than are used.
    pub fn line(&self, line: &mut Vec<u8>, is_deep: &mut bool) -> Result<(), String> {
        line.clear();
        let table = self.table;
        let mut put = |text: &[u8]| {
            line.extend_from_slice(text);
            line.push(b',');
        };
        [table.local, table.venue].iter().flatten().for_each(|leaf| put(self.one(*leaf)));
        if let Some(Lists::Pairs(sides)) = table.lists {
            let mut sides = sides.map(|leaf| self.columns[leaf].of(self.at));
            *is_deep |= sides.iter().any(|side| side.len() > 2 * BOOK_LEVELS);
            for _ in 0..BOOK_LEVELS {
                for side in &mut sides {
                    (0..2).for_each(|_| put(side.next().unwrap_or_default()));
                }
            }
        } else if let Some(Lists::Parallel(lists)) = table.lists {
            let mut lists = lists.map(|leaf| self.columns[leaf].of(self.at));
            for (side, pair) in [("bid", [0, 1]), ("ask", [2, 3])] {
                let [prices, sizes] = pair.map(|i| lists[i].len());
                if prices != sizes {
                    return Err(format!("{prices} {side} prices and {sizes} sizes"));
                }
                *is_deep |= prices > BOOK_LEVELS;
            }
            for _ in 0..BOOK_LEVELS {
                lists.iter_mut().for_each(|list| put(list.next().unwrap_or_default()));
            }
        } else {
            table.others.iter().for_each(|leaf| put(self.one(*leaf)));
        }
        line.pop();
        Ok(())
    }
}

/// Calls the library. What it makes of a damaged file is its affair, and a panic of it no end of ours.
fn guarded<T>(call: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(done) => done.map_err(|e| e.to_string().replace('\n', " ")),
        Err(_) => Err("its reader gave up".to_owned()),
    }
}

#[cfg(test)]
#[path = "columns_tests.rs"]
mod tests;
