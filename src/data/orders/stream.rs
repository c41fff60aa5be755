//! The files of one kind as one stream of blocks, in order of time. One of them is open at a time.

use super::block::{Block, key};
use super::node::{Lines, NodeKind};
use crate::data::Progress;
use crate::data::error::DataError;
use crate::data::report::{FileTally, LoadReport};
use crate::data::scan::DataFile;
use crate::data::source::{Line, LineReader};
use botmm_pipeline::types::{Nanos, Universe};

/// The longest line: a busy block of all coins takes about 1 MB.
pub const MAX_LINE: usize = 64 << 20;
/// Lines between two reports of progress.
const PROGRESS_LINES: u64 = 256;
/// Lines that are looked at for the first time of a file.
const HEAD_LINES: usize = 100;

/// A file that is being read.
struct Open {
    source: LineReader,
    file: DataFile,
    line: u64,
    log: FileTally,
    /// Blocks of coins that were not asked for alone.
    other_coins: u64,
}

/// See the module.
pub struct Stream {
    kind: NodeKind,
    lines: Lines,
    /// Files that are still to be read, the latest first.
    waiting: Vec<(Nanos, DataFile)>,
    open: Option<Open>,
    buffer: Vec<u8>,
    /// The block that comes next.
    next: Option<Block>,
    /// Of trades: the one behind it, when it is read already.
    after: Option<Block>,
}

/// What a stream needs while it reads.
pub struct Reading<'a, 'b> {
    pub universe: &'a Universe,
    pub report: &'a mut LoadReport,
    pub bar: &'a Progress<'b>,
    pub allow_unsound: bool,
}

impl Stream {
    /// Of these files; those without a block are left to the end.
    pub fn new(kind: NodeKind, files: Vec<DataFile>) -> Result<Self, DataError> {
        let mut waiting = Vec::new();
        for file in files {
            waiting.push((first_time(kind, &file)?, file));
        }
        waiting.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        let (lines, buffer) = (Lines::new(kind), Vec::new());
        Ok(Self { kind, lines, waiting, open: None, buffer, next: None, after: None })
    }

    /// When the next block is, and that a snapshot goes before what follows it.
    pub fn peek(
        &mut self,
        reading: &mut Reading<'_, '_>,
    ) -> Result<Option<(i64, bool)>, DataError> {
        self.fill(reading)?;
        Ok(self.next.as_ref().map(|block| (key(block), !block.is_snapshot)))
    }

    /// The next block, taken.
    pub fn next(&mut self, reading: &mut Reading<'_, '_>) -> Result<Option<Block>, DataError> {
        self.fill(reading)?;
        Ok(self.next.take())
    }

    /// The block of this key, taken; those before it are counted and dropped.
    pub fn at(
        &mut self,
        wanted: i64,
        dropped: &mut u64,
        reading: &mut Reading<'_, '_>,
    ) -> Result<Option<Block>, DataError> {
        loop {
            self.fill(reading)?;
            match self.next.as_ref().map(key) {
                Some(key) if key < wanted => {
                    *dropped += self.next.take().map_or(0, |block| block.items.len() as u64);
                }
                Some(key) if key == wanted => return Ok(self.next.take()),
                _ => return Ok(None),
            }
        }
    }

    /// Reads to the end; counts what of coins that were asked for was left.
    pub fn drain(
        &mut self,
        left: &mut u64,
        reading: &mut Reading<'_, '_>,
    ) -> Result<(), DataError> {
        while let Some(block) = self.next(reading)? {
            *left += block.items.len() as u64;
        }
        Ok(())
    }

    fn fill(&mut self, reading: &mut Reading<'_, '_>) -> Result<(), DataError> {
        if self.next.is_some() {
            return Ok(());
        }
        self.next = match self.after.take() {
            Some(block) => Some(block),
            None => self.read(reading)?,
        };
        // A trade or an order a line: those of a block are one.
        let is_split = matches!(self.kind, NodeKind::Trades | NodeKind::Rows);
        let Some(block) = self.next.as_mut().filter(|_| is_split) else { return Ok(()) };
        let mut block = std::mem::take(block);
        loop {
            match self.read(reading)? {
                Some(more) if block.is_continued_by(&more) => block.take(more),
                after => {
                    (self.after, self.next) = (after, Some(block));
                    return Ok(());
                }
            }
        }
    }

    /// Reads a block.
    fn read(&mut self, reading: &mut Reading<'_, '_>) -> Result<Option<Block>, DataError> {
        loop {
            if self.open.is_none() {
                let Some((_, file)) = self.waiting.pop() else { return Ok(None) };
                self.lines.begin(&file.path);
                self.open = Some(Open::new(file)?);
            }
            let Some(open) = &mut self.open else { continue };
            open.line += 1;
            if open.line.is_multiple_of(PROGRESS_LINES) {
                reading.bar.within(open.source.bytes_read());
            }
            let why = match open.source.next_line(&mut self.buffer) {
                Ok(Line::Whole) if self.buffer.trim_ascii().is_empty() => continue,
                Ok(Line::Whole) => {
                    match self.lines.takes_header(&self.buffer) {
                        Ok(true) => continue,
                        Ok(false) => {}
                        Err(why) => {
                            open.log.rows += 1;
                            open.skip(&why, reading.report);
                            continue;
                        }
                    }
                    open.log.rows += 1;
                    match self.lines.block(&self.buffer, reading.universe) {
                        Ok(block) => {
                            if let Some(why) = &block.wrong {
                                open.skip(why, reading.report);
                            }
                            open.other_coins +=
                                u64::from(block.items.is_empty() && block.has_others);
                            return Ok(Some(block));
                        }
                        Err(why) => {
                            open.skip(&why, reading.report);
                            continue;
                        }
                    }
                }
                Ok(Line::TooLong) => {
                    open.log.rows += 1;
                    let why = "longer than any such line";
                    self.lines.lose(why);
                    open.skip(why, reading.report);
                    continue;
                }
                Ok(Line::End) => None,
                Ok(Line::Cut) if self.buffer.trim_ascii().is_empty() => None,
                Ok(Line::Cut) => {
                    Some("the last line has no end: the file is cut short there".to_owned())
                }
                Err(e) => Some(format!("the compressed stream ends early or is damaged ({e})")),
            };
            if let (Some(why), Some(open)) = (why, &mut self.open) {
                open.log.rows += 1;
                open.skip(&why, reading.report);
            }
            if let Some(open) = self.open.take() {
                open.finish(reading)?;
            }
        }
    }
}

impl Open {
    fn new(file: DataFile) -> Result<Self, DataError> {
        let unreadable = |source| DataError::Unreadable { path: file.path.clone(), source };
        let source = LineReader::open(&file.path).map_err(unreadable)?.with_lines_of(MAX_LINE);
        let log = FileTally::new(&file.path);
        Ok(Self { source, file, line: 0, log, other_coins: 0 })
    }

    /// The line is not sound, whole or in part.
    fn skip(&mut self, why: &str, report: &mut LoadReport) {
        self.log.skip(self.line, 1, why, report);
    }

    fn finish(mut self, reading: &mut Reading<'_, '_>) -> Result<(), DataError> {
        // Most blocks may be of others: of what is unsound nobody knows whose it is.
        if let Err(why) = self.log.check() {
            if !reading.allow_unsound {
                return Err(why);
            }
            self.log.unsound = Some(why.to_string());
        }
        self.log.other_coins = self.other_coins;
        let unreadable = |source| DataError::Unreadable { path: self.file.path.clone(), source };
        let sha256 = self.source.finish().map_err(unreadable)?;
        let read = self.log.finish(sha256, reading.report);
        reading.report.files.push(read);
        reading.bar.file_done(&self.file);
        Ok(())
    }
}

/// The time of a file's first block.
fn first_time(kind: NodeKind, file: &DataFile) -> Result<Nanos, DataError> {
    let unreadable = |source| DataError::Unreadable { path: file.path.clone(), source };
    let mut source = LineReader::open(&file.path).map_err(unreadable)?.with_lines_of(MAX_LINE);
    let (mut lines, mut line) = (Lines::new(kind), Vec::new());
    lines.begin(&file.path);
    let nobody = Universe::new(Vec::new());
    for _ in 0..HEAD_LINES {
        match source.next_line(&mut line) {
            Ok(Line::Whole) => {
                if lines.takes_header(&line) == Ok(true) {
                    continue;
                }
                if let Ok(block) = lines.block(&line, &nobody) {
                    return Ok(block.venue);
                }
            }
            Ok(Line::TooLong) => {}
            _ => break,
        }
    }
    Ok(Nanos(i64::MAX))
}
