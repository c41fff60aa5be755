//! The files of one kind as one stream of blocks, in order of time. One of them is open at a time.

use super::node::{Block, Lines, NodeKind};
use crate::data::Progress;
use crate::data::error::DataError;
use crate::data::report::{FileReport, LoadReport, MAX_NAMED_PER_FILE};
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
    report: FileReport,
    first: Option<String>,
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

/// Blocks are matched by it: files of a node name the same time to different digits.
pub fn key(block: &Block) -> i64 {
    block.venue.as_millis()
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
        // A trade a line: those of a block are one.
        let Some(block) = self.next.as_mut().filter(|_| self.kind == NodeKind::Trades) else {
            return Ok(());
        };
        let mut block = std::mem::take(block);
        loop {
            match self.read(reading)? {
                Some(more) if key(&more) == key(&block) => block.items.extend(more.items),
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
                    open.report.rows += 1;
                    match self.lines.block(&self.buffer, reading.universe) {
                        Ok(block) => {
                            if let Some(why) = &block.wrong {
                                open.skip(why, reading.report);
                            }
                            open.report.other_coins +=
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
                    open.report.rows += 1;
                    open.skip("longer than any such line", reading.report);
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
                open.report.rows += 1;
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
        let name = file.path.file_name().map(|n| n.to_string_lossy().into_owned());
        let report = FileReport {
            name: name.unwrap_or_default(),
            sha256: String::new(),
            rows: 0,
            skipped: 0,
            other_coins: 0,
            coin: None,
            unsound: None,
        };
        Ok(Self { source, file, line: 0, report, first: None })
    }

    /// The line is not sound, whole or in part.
    fn skip(&mut self, why: &str, report: &mut LoadReport) {
        self.report.skipped += 1;
        self.first.get_or_insert_with(|| format!("line {}: {why}", self.line));
        if self.report.skipped <= MAX_NAMED_PER_FILE {
            report.warn(format!("{}:{}: {why}", self.file.path.display(), self.line));
        }
    }

    fn finish(mut self, reading: &mut Reading<'_, '_>) -> Result<(), DataError> {
        let FileReport { rows, skipped, .. } = self.report;
        if skipped > MAX_NAMED_PER_FILE {
            let path = self.file.path.display();
            reading.report.warn(format!("{path}: {skipped} of {rows} lines skipped in all"));
        }
        if skipped * 2 > rows {
            let problem = format!("{skipped} of {rows} lines are not sound");
            let (path, first) = (self.file.path.clone(), self.first.unwrap_or_default());
            let why = DataError::Unsound { path, problem, first };
            if !reading.allow_unsound {
                return Err(why);
            }
            self.report.unsound = Some(why.to_string());
        }
        let unreadable = |source| DataError::Unreadable { path: self.file.path.clone(), source };
        self.report.sha256 = self.source.finish().map_err(unreadable)?;
        reading.report.files.push(self.report);
        reading.bar.file_done(&self.file);
        Ok(())
    }
}

/// The time of a file's first block.
fn first_time(kind: NodeKind, file: &DataFile) -> Result<Nanos, DataError> {
    let unreadable = |source| DataError::Unreadable { path: file.path.clone(), source };
    let mut source = LineReader::open(&file.path).map_err(unreadable)?.with_lines_of(MAX_LINE);
    let (mut lines, mut line) = (Lines::new(kind), Vec::new());
    let nobody = Universe::new(Vec::new());
    for _ in 0..HEAD_LINES {
        match source.next_line(&mut line) {
            Ok(Line::Whole) => {
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
