//! One file of a source: its format told by its first line, its events one after another.

use super::event::{Event, FirstLine, Format};
use super::{binance, bybit, hft, levels, node, recorder, table, tardis};
use crate::data::bars::log::Log;
use crate::data::collector::is_of_binance;
use crate::data::error::DataError;
use crate::data::hygiene::sound;
use crate::data::named::{coin_of_name, first_of_name};
use crate::data::npy;
use crate::data::orders::node::{NodeKind, kind_of};
use crate::data::report::MAX_NAMED_PER_FILE;
use crate::data::scan::known_format;
use crate::data::source::{Line, LineReader};
use crate::data::time::{any_form, split_time};
use crate::masked::excerpt;
use botmm_pipeline::types::Nanos;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What was expected of a first line.
const EXPECTED: &str = "expected node trades ({\"coin\",\"side\",\"time\",…,\"side_info\"}), node fills \
                        ({\"local_time\",\"block_time\",…,\"events\":[[user,fill]…]}), the header of \
                        Tardis' trades, quotes, book_snapshot_N or incremental_book_L2, that of Bybit's public \
                        trades, lines of a recorder \
                        ({\"recv_ts_ms\",\"exch_ts_ms\",\"coin\",\"bids\",\"asks\"} or {\"timestamp\",\"symbol\",\
                        \"data_type\",\"data\",\"recv_ts_ms\"}), levels \
                        (timestamp,level,bid_price,bid_size,ask_price,ask_size), lines of hftbacktest's collector for \
                        Binance (LOCAL_NS {\"stream\",\"data\"}), its event records (COIN.npz, COIN.npy), Parquet, candles (the \
                        venue's, Bybit's klines, candles_COIN.csv) or contexts (the venue's asset_ctxs, \
                        ctxs_COIN.csv)";

/// What came of a file.
#[derive(Debug, Default)]
pub struct FileRead {
    /// Which.
    pub path: PathBuf,
    /// Its lines, neither header nor blank.
    pub lines: u64,
    /// Of these, not sound, whole or in part.
    pub unsound: u64,
    /// `path:line: what is wrong` of the first few.
    pub named: Vec<String>,
    /// What a person should know of how it was read.
    pub notes: Vec<String>,
    first: Option<String>,
    last_line: u64,
}

impl FileRead {
    /// Of a file that was read as a whole.
    pub fn of(path: &Path, log: Log) -> Self {
        let mut read =
            Self { path: path.to_owned(), lines: log.items, notes: log.notes, ..Self::default() };
        for (line, why) in log.named {
            read.first.get_or_insert_with(|| format!("line {line}: {why}"));
            read.named.push(format!("{}:{line}: {why}", path.display()));
        }
        read.unsound = log.unsound;
        read.name_all();
        read
    }

    /// Says how many are unsound when not all of them are named.
    fn name_all(&mut self) {
        if self.unsound > MAX_NAMED_PER_FILE {
            let (unsound, lines, path) = (self.unsound, self.lines, self.path.display());
            self.named.push(format!("{path}: {unsound} of {lines} lines skipped in all"));
        }
    }

    fn skip(&mut self, line: u64, why: &str) {
        if std::mem::replace(&mut self.last_line, line) == line {
            return; // A block of a node may hold several.
        }
        self.unsound += 1;
        self.first.get_or_insert_with(|| format!("line {line}: {why}"));
        if self.unsound <= MAX_NAMED_PER_FILE {
            self.named.push(format!("{}:{line}: {why}", self.path.display()));
        }
    }

    /// # Errors
    /// Most of it is not sound.
    pub fn check(&self) -> Result<(), DataError> {
        if self.unsound * 2 <= self.lines {
            return Ok(());
        }
        Err(DataError::Unsound {
            path: self.path.clone(),
            problem: format!("{} of {} lines are not sound", self.unsound, self.lines),
            first: self.first.clone().unwrap_or_default(),
        })
    }
}

/// What a file is taken apart into.
enum Source {
    Lines(LineReader),
    /// Of hftbacktest.
    Records(Box<dyn Read>),
    /// Of a table, each as the line of our CSV that it could be, behind its coin.
    Table(Box<table::Lines>),
}

impl Source {
    /// The next one; in words what is wrong with one that is none.
    fn next_line(&mut self, line: &mut Vec<u8>) -> io::Result<Result<Line, String>> {
        match self {
            Self::Lines(lines) => lines.next_line(line).map(Ok),
            Self::Table(rows) => rows.next_line(line).map_err(io::Error::other),
            Self::Records(records) => {
                line.clear();
                let read = records.by_ref().take(npy::RECORD as u64).read_to_end(line)?;
                Ok(Ok(match read {
                    0 => Line::End,
                    npy::RECORD => Line::Whole,
                    _ => Line::Cut,
                }))
            }
        }
    }
}

/// An open file.
pub struct Events {
    source: Source,
    format: Box<dyn Format>,
    ready: VecDeque<Event>,
    line: Vec<u8>,
    /// The line's number; the first is 1.
    number: u64,
    /// The line is there and was not taken apart yet.
    is_pending: bool,
    is_over: bool,
    newest: Nanos,
    late: u64,
    read: FileRead,
}

impl Events {
    /// Opens a file; in words, with its first line, why it is none that is imported.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(path: &Path) -> Result<Result<Self, String>, DataError> {
        let unreadable = |source| DataError::Unreadable { path: path.to_owned(), source };
        if is_of_records(path).map_err(unreadable)? {
            return Self::of_records(path);
        }
        if is_table(path).map_err(unreadable)? {
            // As in a replay the first row is line 2 of the CSV that it could be.
            return Ok(table::open(path)?.map(|(lines, rows)| Self {
                number: 1,
                ..Self::new(path, Source::Table(Box::new(lines)), Box::new(rows))
            }));
        }
        let mut source = match LineReader::open(path) {
            Ok(source) => source,
            Err(e) if e.kind() == io::ErrorKind::InvalidData => return Ok(Err(e.to_string())),
            Err(e) => return Err(unreadable(e)),
        };
        let (mut line, mut number) = (Vec::new(), 0);
        loop {
            number += 1;
            match source.next_line(&mut line) {
                Ok(Line::Whole | Line::Cut) if line.trim_ascii().is_empty() => {}
                Ok(Line::Whole | Line::Cut) => break,
                Ok(Line::TooLong) => return Ok(Err(refusal(number, &line))),
                Ok(Line::End) => return Ok(Err("it is empty".to_owned())),
                Err(e) => return Ok(Err(format!("cannot be decompressed: {e}"))),
            }
        }
        let Some(FirstLine { format, is_header }) = format_of(path, &line)? else {
            return Ok(Err(refusal(number, &line)));
        };
        let new = Self::new(path, Source::Lines(source), format);
        Ok(Ok(Self { line, number, is_pending: !is_header, ..new }))
    }

    fn of_records(path: &Path) -> Result<Result<Self, String>, DataError> {
        let unreadable = |source| DataError::Unreadable { path: path.to_owned(), source };
        let records = match npy::open(path).map_err(unreadable)? {
            Ok(records) => records,
            Err(why) => return Ok(Err(why)),
        };
        let Some(coin) = coin_of_name(path).or_else(|| first_of_name(path)) else {
            let why =
                "an array of hftbacktest of no coin by its name; call it COIN.npz, COIN_DAY.npz";
            return Ok(Err(why.to_owned()));
        };
        Ok(Ok(Self::new(path, Source::Records(records), Box::new(hft::Rows::new(coin)))))
    }

    fn new(path: &Path, source: Source, format: Box<dyn Format>) -> Self {
        Self {
            source,
            format,
            ready: VecDeque::new(),
            line: Vec::new(),
            number: 0,
            is_pending: false,
            is_over: false,
            newest: Nanos::ZERO,
            late: 0,
            read: FileRead { path: path.to_owned(), ..FileRead::default() },
        }
    }

    /// What came of it, when it is over.
    pub fn finish(mut self) -> FileRead {
        self.read.name_all();
        if self.late > 0 {
            self.read.notes.push(format!(
                "{} events are older than the one before them: kept where they are; `replay` reads them \
                 in order of time",
                self.late
            ));
        }
        self.read.notes.extend(self.format.notes());
        self.read
    }

    /// Reads on until something is ready.
    fn advance(&mut self) {
        if !std::mem::take(&mut self.is_pending) {
            self.number += 1;
            let why = match self.source.next_line(&mut self.line) {
                Ok(Ok(Line::Whole)) => None,
                Ok(Err(why)) => Some(why),
                Ok(Ok(Line::TooLong)) => Some("longer than any such line".to_owned()),
                Ok(Ok(Line::Cut)) if self.line.trim_ascii().is_empty() => return self.end(),
                Ok(Ok(Line::End)) => return self.end(),
                Ok(Ok(Line::Cut)) => {
                    self.end();
                    Some("the last line has no end: the file is cut short there".to_owned())
                }
                Err(e) => {
                    self.end();
                    Some(format!("the compressed stream ends early or is damaged ({e})"))
                }
            };
            if let Some(why) = why {
                self.read.lines += 1;
                self.read.skip(self.number, &why);
                return;
            }
        }
        if self.line.trim_ascii().is_empty() {
            return;
        }
        self.read.lines += 1;
        if let Err(why) = self.format.line(&self.line, &mut self.ready) {
            self.read.skip(self.number, &why);
        }
    }

    fn end(&mut self) {
        self.is_over = true;
        self.format.end(&mut self.ready);
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(event) = self.ready.pop_front() {
                // Of changes of a book an event is told by the line after it.
                if let Err(why) = sound(&event.data) {
                    self.read.skip(self.number, &why);
                    continue;
                }
                self.late += u64::from(event.data.recv_time() < self.newest);
                self.newest = self.newest.max(event.data.recv_time());
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            self.advance();
        }
    }
}

/// Whether a file is an array, by its first bytes.
fn is_of_records(path: &Path) -> io::Result<bool> {
    let head = head(path)?;
    Ok(head.starts_with(npy::MAGIC) || head.starts_with(npy::ZIP_MAGIC))
}

/// Whether a file is a table, likewise.
fn is_table(path: &Path) -> io::Result<bool> {
    Ok(head(path)?.starts_with(table::MAGIC))
}

fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    crate::files::open(path)?.take(8).read_to_end(&mut head)?;
    Ok(head)
}

/// The format of a file by its first line.
fn format_of(path: &Path, line: &[u8]) -> Result<Option<FirstLine>, DataError> {
    let has = |part: &str| line.windows(part.len()).any(|window| window == part.as_bytes());
    if line.starts_with(b"{") {
        if has("\"side_info\"") {
            return Ok(Some(FirstLine::data(node::Trades::new())));
        }
        if has("\"block_time\"") && has("\"events\"") && !is_of_orders(line) {
            return Ok(Some(FirstLine::data(node::Fills::new())));
        }
    }
    if is_of_binance(line) {
        return Ok(Some(FirstLine::data(binance::Lines::new(path))));
    }
    if let Some(told) = recorder::format(path, line)? {
        return Ok(Some(told));
    }
    if let Some(told) = levels::format(path, line)? {
        return Ok(Some(told));
    }
    let header = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let header = std::str::from_utf8(header).unwrap_or_default().trim();
    if let Some(format) = bybit::format(header) {
        return Ok(Some(FirstLine { format, is_header: true }));
    }
    Ok(tardis::format(path, header)?.map(|format| FirstLine { format, is_header: true }))
}

/// Whether a line is of single orders.
fn is_of_orders(line: &[u8]) -> bool {
    use NodeKind::{Diffs, Rows, SoldDiffs, Statuses};
    matches!(kind_of(Path::new(""), line), Some(Diffs | SoldDiffs | Rows | Statuses))
}

/// Whether a line is a frame of our venue, behind its time.
fn is_frame(line: &[u8]) -> bool {
    const CHANNEL: &[u8] = b"\"channel\"";
    let (time, json) = split_time(line);
    any_form(time).is_some() && json.windows(CHANNEL.len()).any(|window| window == CHANNEL)
}

/// Whether a line is the header of our CSV, in whatever dialect: no other format has this column.
fn is_our_csv(line: &[u8]) -> bool {
    const COLUMN: &[u8] = b"exchange_timestamp";
    line.windows(COLUMN.len()).any(|window| window == COLUMN)
}

/// Why a file is not imported, with the line that tells.
fn refusal(number: u64, line: &[u8]) -> String {
    if let Some(what) = known_format(line) {
        return what.to_owned();
    }
    if is_of_orders(line) {
        return "single orders: `botmm replay` reads them as they lie, beside a node's fills or \
                trades (--queue exact)"
            .to_owned();
    }
    if is_frame(line) || crate::data::frames::is_archived(line) || is_our_csv(line) {
        return "a recording that `botmm replay` reads as it lies, and `botmm export` turns into other \
                forms"
            .to_owned();
    }
    format!("line {number} is `{}`; {EXPECTED}", excerpt(line))
}
