//! A file as lines: decompressed, hashed and counted while it is read.

use super::capture::{self, Damage};
use super::lz4;
use crate::sha256;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

/// The longest line that is kept; a book of 20 levels takes 2 KB.
const MAX_LINE: usize = 1 << 20;
const BLOCK: usize = 64 * 1024;
/// So many bytes tell what a file is.
const HEAD_BYTES: usize = 16;
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// What [`LineReader::next_line`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// A line, without its end.
    Whole,
    /// The last line, and it has no end: the file was probably cut short inside it.
    Cut,
    /// Longer than any line of a recording; skipped.
    TooLong,
    /// No more lines.
    End,
}

#[derive(Default)]
struct Tally {
    hash: Sha256,
    bytes: u64,
}

/// Reads a file and takes every byte into the hash.
struct Hashing {
    file: File,
    tally: Rc<RefCell<Tally>>,
}

impl Read for Hashing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buf)?;
        let mut tally = self.tally.borrow_mut();
        tally.hash.update(&buf[..n]);
        tally.bytes += n as u64;
        Ok(n)
    }
}

/// An open file. Compression is told by the content, not by the name.
pub struct LineReader {
    lines: Box<dyn BufRead>,
    /// The same open file (one shared offset): what decompression leaves unread is hashed from it.
    rest: Hashing,
    /// What is missing of a capture's segment, as far as it was read.
    damage: Rc<RefCell<Vec<Damage>>>,
    max_line: usize,
}

impl LineReader {
    /// Opens a file. `InvalidData` when its name says compressed and its content is not, and for a capture of a
    /// version that we do not read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = crate::files::open(path)?;
        let mut head = Vec::with_capacity(HEAD_BYTES);
        file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        io::Seek::rewind(&mut file)?;

        let tally = Rc::new(RefCell::new(Tally::default()));
        let rest = Hashing { file: file.try_clone()?, tally: Rc::clone(&tally) };
        let raw = BufReader::with_capacity(BLOCK, Hashing { file, tally });
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let damage = Rc::default();
        let lines: Box<dyn BufRead> = if capture::is_segment(&head, name) {
            Box::new(capture::Lines::new(raw, Rc::clone(&damage))?)
        } else if head.starts_with(ZSTD_MAGIC) {
            let plain = zstd::stream::read::Decoder::with_buffer(raw)?;
            Box::new(BufReader::with_capacity(BLOCK, plain))
        } else if head.starts_with(GZIP_MAGIC) {
            let plain = flate2::bufread::MultiGzDecoder::new(raw);
            Box::new(BufReader::with_capacity(BLOCK, plain))
        } else if head.starts_with(lz4::MAGIC) {
            Box::new(BufReader::with_capacity(BLOCK, lz4::Frames::new(raw)))
        } else if !head.is_empty() && matches!(extension, "zst" | "gz" | "lz4") {
            let why = format!("named .{extension}, but its content is not");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        } else {
            Box::new(raw)
        };
        Ok(Self { lines, rest, damage, max_line: MAX_LINE })
    }

    /// The same for lines of at most so many bytes, where these may be longer than others.
    pub fn with_lines_of(self, max_line: usize) -> Self {
        Self { max_line, ..self }
    }

    /// Its first bytes, which are not taken from it: more than most lines.
    ///
    /// # Errors
    /// As [`Self::next_line`].
    pub fn head(&mut self) -> io::Result<&[u8]> {
        self.lines.fill_buf()
    }

    /// All that is left of it; [`None`] when that is more than so many bytes.
    ///
    /// # Errors
    /// As [`Self::next_line`].
    pub fn rest_up_to(&mut self, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
        let mut all = Vec::new();
        let read = self.lines.by_ref().take(max_bytes + 1).read_to_end(&mut all)?;
        Ok((read as u64 <= max_bytes).then_some(all))
    }

    /// The next line, without `\n` or `\r\n`, into `line`. An error is a damaged or truncated
    /// stream; nothing more can be read then.
    pub fn next_line(&mut self, line: &mut Vec<u8>) -> io::Result<Line> {
        line.clear();
        let read = self.lines.by_ref().take(self.max_line as u64).read_until(b'\n', line)?;
        if read == 0 {
            return Ok(Line::End);
        }
        if line.last() != Some(&b'\n') {
            if read < self.max_line {
                return Ok(Line::Cut);
            }
            self.skip_line()?;
            return Ok(Line::TooLong);
        }
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Line::Whole)
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let block = self.lines.fill_buf()?;
            let end = block.iter().position(|&b| b == b'\n');
            let (used, done) = end.map_or((block.len(), block.is_empty()), |at| (at + 1, true));
            self.lines.consume(used);
            if done {
                return Ok(());
            }
        }
    }

    /// What was found to be missing since this was last asked.
    pub fn take_damage(&self) -> Vec<Damage> {
        self.damage.take()
    }

    /// Bytes of the file (as it lies on disk) read so far.
    pub fn bytes_read(&self) -> u64 {
        self.rest.tally.borrow().bytes
    }

    /// SHA-256 of the whole file, in hex.
    pub fn finish(mut self) -> io::Result<String> {
        io::copy(&mut self.rest, &mut io::sink())?;
        let hash = std::mem::take(&mut self.rest.tally.borrow_mut().hash).finalize();
        Ok(sha256::hex(&hash))
    }
}
