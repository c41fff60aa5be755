//! Reads a segment and verifies it: what comes out was written so, byte for byte, and what does not come out is
//! told, with its place and what is missing. Led by the records: after damage the next whole one is looked for.

use super::mark::{Gap, GapKind};
use super::segment::{self, Entry, Head, Index, MAX_BLOCK_BYTES, NoHead, Record};
use crate::when::utc;
use botmm_pipeline::types::Nanos;
use std::cell::RefCell;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

const READ_BYTES: usize = 64 << 10;
/// Of a file in which no record is found no more than this is kept: a block and its record.
const MAX_KEPT: usize = 2 * MAX_BLOCK_BYTES;

/// What is missing of a segment, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where in the file it begins.
    pub at: u64,
    /// How many bytes of the file it takes; 0 = they are not there.
    pub bytes: u64,
    /// What happened.
    pub what: String,
    /// Lines that are lost; [`None`] = nobody knows.
    pub lines: Option<u64>,
    /// Between which moments; zero = not known.
    pub from: Nanos,
    /// See `from`.
    pub to: Nanos,
    /// The file ends here without an index: its writer was killed, or writes it still.
    pub is_tail: bool,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.at, self.what)?;
        match self.lines {
            Some(0) => f.write_str("; no line is lost"),
            Some(lines) => write!(f, "; {lines} lines are lost"),
            None => f.write_str("; how many lines are lost is not known"),
        }?;
        if self.from > Nanos::ZERO && self.lines != Some(0) {
            let until = if self.to > Nanos::ZERO { utc(self.to) } else { "its end".to_owned() };
            write!(f, ", between {} and {until}", utc(self.from))?;
        }
        Ok(())
    }
}

/// What comes next in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A block: its lines are in the buffer.
    Block(Record),
    /// Something is missing.
    Damage(Damage),
    /// The end; whether it was closed.
    End {
        /// It has its index.
        is_closed: bool,
    },
}

/// See the module.
pub struct SegmentReader<R> {
    source: R,
    /// What was read and is not used up, from `base` of the file on.
    kept: Vec<u8>,
    base: u64,
    /// Where in `kept` the next block should begin, and from where on its record is looked for.
    at: usize,
    searched: usize,
    head: Option<Head>,
    /// That is damaged, and it was not told yet.
    misses_head: bool,
    /// By the head, or the first record.
    begun: Option<Nanos>,
    number: u32,
    /// The last line of the block before.
    last: Nanos,
    entries: Vec<Entry>,
    is_over: Option<bool>,
    plain: zstd::bulk::Decompressor<'static>,
}

/// Whether a file begins as a segment does; a name that ends so counts too, should its first bytes be damaged.
pub fn is_segment(head: &[u8], name: &str) -> bool {
    const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    let is_other = head.starts_with(&ZSTD) || head.is_empty();
    segment::begins(head) || name.ends_with(segment::SUFFIX) && !is_other
}

impl<R: Read> SegmentReader<R> {
    /// Over a file.
    ///
    /// # Errors
    /// `InvalidData` when the segment is of a version that we do not read; those of reading.
    pub fn new(source: R) -> io::Result<Self> {
        let mut reader = Self {
            source,
            kept: Vec::new(),
            base: 0,
            at: 0,
            searched: 0,
            head: None,
            misses_head: false,
            begun: None,
            number: 0,
            last: Nanos::ZERO,
            entries: Vec::new(),
            is_over: None,
            plain: zstd::bulk::Decompressor::new()?,
        };
        reader.fill()?;
        match Head::read(&reader.kept) {
            Ok((head, len)) => {
                (reader.at, reader.searched) = (len, len);
                reader.begun = Some(head.begun);
                reader.head = Some(head);
            }
            Err(NoHead::Damaged) => reader.misses_head = true,
            Err(NoHead::Version(version)) => {
                let ours = segment::VERSION;
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!(
                        "a capture of version {version}, and this botmm reads version {ours}: use the botmm \
                         that wrote it, or a newer one"
                    ),
                ));
            }
        }
        Ok(reader)
    }

    /// What it begins with; [`None`] = that is damaged.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// When it was begun, by its head or its records; [`None`] = neither is whole.
    pub fn begun(&self) -> Option<Nanos> {
        self.begun
    }

    /// The blocks so far.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The last moment of which it is known that it was recorded.
    pub fn last(&self) -> Nanos {
        self.last
    }

    /// How many blocks were written so far, as far as that is known.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Where the file ends as far as it is whole.
    pub fn whole_until(&self) -> u64 {
        self.base + self.at as u64
    }

    /// The next piece; the lines of a block into `text`.
    ///
    /// # Errors
    /// Those of reading.
    pub fn next(&mut self, text: &mut Vec<u8>) -> io::Result<Piece> {
        text.clear();
        if let Some(is_closed) = self.is_over {
            return Ok(Piece::End { is_closed });
        }
        if std::mem::take(&mut self.misses_head)
            && let Some(damage) = self.no_head()?
        {
            return Ok(Piece::Damage(damage));
        }
        let Some((place, record)) = self.find_record()? else { return self.end() };
        let end = place + Record::LEN;
        let begins = place.checked_sub(record.packed as usize).filter(|begins| *begins >= self.at);
        let Some(begins) = begins else {
            let damage = self.damage(
                "a block's data are not there",
                place + Record::LEN,
                Some(record.lines),
            );
            let damage = Damage { from: record.first, to: record.last, ..damage };
            self.after(end, &record);
            return Ok(Piece::Damage(damage));
        };
        if begins > self.at {
            let damage = self.damage("bytes that are no block", begins, None);
            let is_numbered = record.number.checked_sub(self.number);
            let damage = match is_numbered {
                Some(0) => Damage { lines: Some(0), ..damage },
                _ => Damage { to: record.first, ..damage },
            };
            (self.at, self.searched, self.number) = (begins, place, record.number);
            return Ok(Piece::Damage(damage));
        }
        if record.number != self.number {
            let what =
                format!("block {} follows block {}", record.number, i64::from(self.number) - 1);
            let damage = Damage { to: record.first, ..self.damage(&what, begins, None) };
            (self.searched, self.number) = (place, record.number);
            return Ok(Piece::Damage(damage));
        }
        let data = &self.kept[begins..place];
        let is_whole =
            segment::has_sum(data, record.crc) && record.plain as usize <= MAX_BLOCK_BYTES && {
                text.reserve(record.plain as usize);
                let unpacked = self.plain.decompress_to_buffer(data, text);
                unpacked.is_ok_and(|n| n == record.plain as usize)
            };
        if !is_whole {
            text.clear();
            let damage = self.damage("a block's checksum does not hold", end, Some(record.lines));
            let damage = Damage { from: record.first, to: record.last, ..damage };
            self.after(end, &record);
            return Ok(Piece::Damage(damage));
        }
        let at = self.base + begins as u64;
        let Record { first, last, lines, .. } = record;
        self.entries.push(Entry { at, first, last, lines });
        self.after(end, &record);
        Ok(Piece::Block(record))
    }

    /// Behind a block, whole or not.
    fn after(&mut self, end: usize, record: &Record) {
        (self.number, self.last) = (record.number.saturating_add(1), record.last);
        self.begun.get_or_insert(record.segment);
        self.kept.drain(..end);
        self.base += end as u64;
        (self.at, self.searched) = (0, 0);
    }

    fn damage(&self, what: &str, until: usize, lines: Option<u32>) -> Damage {
        Damage {
            at: self.whole_until(),
            bytes: until.saturating_sub(self.at) as u64,
            what: what.to_owned(),
            lines: lines.map(u64::from),
            from: self.last,
            to: Nanos::ZERO,
            is_tail: false,
        }
    }

    /// What stands where the head should; it is not needed to read the rest.
    fn no_head(&mut self) -> io::Result<Option<Damage>> {
        let Some((place, record)) = self.find_record()? else { return Ok(None) };
        let begins = place.saturating_sub(record.packed as usize);
        let lines = (record.number == 0).then_some(0);
        let damage = self.damage("the head of the segment is damaged", begins, lines);
        (self.at, self.searched, self.number) = (begins, place, record.number);
        Ok(Some(Damage { to: record.first, ..damage }))
    }

    /// The next whole record of this segment, and where in `kept` it begins.
    fn find_record(&mut self) -> io::Result<Option<(usize, Record)>> {
        let key = Record::key();
        loop {
            let from = self.searched.min(self.kept.len());
            let found = self.kept[from..].windows(key.len()).position(|window| window == key);
            match found.map(|offset| from + offset) {
                Some(place) if self.kept.len() < place + Record::LEN => {
                    self.searched = place;
                    if !self.fill()? {
                        return Ok(None);
                    }
                }
                Some(place) => {
                    let record = Record::read(&self.kept[place..]);
                    let is_ours = |r: &Record| self.begun.is_none_or(|begun| begun == r.segment);
                    if let Some(record) = record.filter(is_ours) {
                        return Ok(Some((place, record)));
                    }
                    self.searched = place + 1;
                }
                None => {
                    self.searched = (self.kept.len() + 1).saturating_sub(key.len()).max(from);
                    if !self.fill()? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Reads more; false = there is no more.
    fn fill(&mut self) -> io::Result<bool> {
        if self.kept.len() > MAX_KEPT {
            let gone = self.kept.len() - MAX_BLOCK_BYTES;
            self.kept.drain(..gone);
            self.base += gone as u64;
            (self.at, self.searched) =
                (self.at.saturating_sub(gone), self.searched.saturating_sub(gone));
        }
        let before = self.kept.len();
        let read = self.source.by_ref().take(READ_BYTES as u64).read_to_end(&mut self.kept)?;
        Ok(before + read > before)
    }

    /// No record follows: an index does, or what is left of a block.
    fn end(&mut self) -> io::Result<Piece> {
        let rest = &self.kept[self.at.min(self.kept.len())..];
        if rest.is_empty() {
            self.is_over = Some(false);
            return Ok(Piece::End { is_closed: false });
        }
        let bytes = rest.len() as u64;
        let index = Index::read(rest);
        let index = index.filter(|index| self.begun.is_none_or(|begun| begun == index.segment));
        let Some(index) = index else {
            self.is_over = Some(false);
            let what = format!(
                "it ends with {bytes} bytes that are no whole block, and without its index"
            );
            let damage = self.damage(&what, self.at + rest.len(), None);
            return Ok(Piece::Damage(Damage { is_tail: true, ..damage }));
        };
        self.is_over = Some(true);
        let missing: Vec<&Entry> = index.blocks.iter().skip(self.number as usize).collect();
        let (Some(first), Some(last)) = (missing.first(), missing.last()) else {
            self.at += rest.len();
            return Ok(Piece::End { is_closed: true });
        };
        let lines = missing.iter().map(|entry| u64::from(entry.lines)).sum();
        let what = format!("{} blocks of its index are not there", missing.len());
        let damage = self.damage(&what, self.at, None);
        let (from, to) = (first.first, last.last);
        Ok(Piece::Damage(Damage { lines: Some(lines), from, to, ..damage }))
    }
}

/// The verified lines of a segment, as bytes; in place of what is missing stands a mark.
pub struct Lines<R> {
    segment: SegmentReader<R>,
    text: Vec<u8>,
    used: usize,
    damage: Rc<RefCell<Vec<Damage>>>,
}

impl<R: Read> Lines<R> {
    /// Over a file. What is missing is put into `damage` as it is met.
    ///
    /// # Errors
    /// As [`SegmentReader::new`].
    pub fn new(source: R, damage: Rc<RefCell<Vec<Damage>>>) -> io::Result<Self> {
        let segment = SegmentReader::new(source)?;
        Ok(Self { segment, text: Vec::new(), used: 0, damage })
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}

impl<R: Read> BufRead for Lines<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.used >= self.text.len() {
            self.used = 0;
            match self.segment.next(&mut self.text)? {
                Piece::Block(_) => {}
                Piece::End { .. } => break,
                Piece::Damage(damage) => {
                    let is_gap = damage.lines != Some(0) && !damage.is_tail;
                    if is_gap && damage.from > Nanos::ZERO && damage.to >= damage.from {
                        let gap = Gap {
                            lines: damage.lines,
                            ..Gap::new(GapKind::Damage, damage.from, damage.to, &damage.what)
                        };
                        self.text = gap.line(damage.to);
                    }
                    self.damage.borrow_mut().push(damage);
                }
            }
        }
        Ok(&self.text[self.used..])
    }

    fn consume(&mut self, n: usize) {
        self.used += n;
    }
}
