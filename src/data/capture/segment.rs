//! The bytes of a segment.
//!
//! ```text
//! head     skippable frame 0: magic, version, when it was begun, by which recorder
//! data     zstd frame of the lines of at most a second   ┐
//! record   skippable frame 1: its number, span, checksum ┘ again and again
//! index    skippable frame 2: where every block lies; only at the end of a segment that was closed
//! ```
//!
//! A skippable frame is `magic u32, length u32, payload`, and ours end with the CRC-32 of all of the frame
//! before that; all numbers are little-endian. A record follows its data, so that what has a record is whole; it has
//! a length of its own, so that its first eight bytes are a constant by which the next one is found after damage.

use botmm_pipeline::types::Nanos;

/// How a segment's name ends.
pub const SUFFIX: &str = ".frames.zst";
/// The version that is written, and the only one that is read.
pub const VERSION: u16 = 1;
/// The lines of one block are at most so long; a block is cut before, and one frame alone may fill one.
pub const MAX_BLOCK_BYTES: usize = 24 << 20;

const HEAD_KIND: u32 = 0x184D_2A50;
const RECORD_KIND: u32 = 0x184D_2A51;
const INDEX_KIND: u32 = 0x184D_2A52;
const HEAD_MAGIC: [u8; 8] = *b"botmmcap";
const INDEX_MAGIC: [u8; 8] = *b"botmmend";
/// `magic, length` before a payload.
const PREFIX: usize = 8;
const CRC: usize = 4;
const MAX_HEAD_BYTES: usize = 512;

/// What a segment begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// When it was begun: also what its records name it by.
    pub begun: Nanos,
    /// Who wrote it, as `botmm 0.1.0`.
    pub recorder: String,
}

/// What is known of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// [`Head::begun`] of its segment.
    pub segment: Nanos,
    /// From 0 on.
    pub number: u32,
    /// Bytes of its zstd frame.
    pub packed: u32,
    /// Bytes of its lines.
    pub plain: u32,
    /// How many lines those are.
    pub lines: u32,
    /// Of the first and the last line.
    pub first: Nanos,
    /// See `first`.
    pub last: Nanos,
    /// CRC-32 of its zstd frame.
    pub crc: u32,
}

/// What an index says of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where its zstd frame begins in the file.
    pub at: u64,
    /// Of the first and the last line.
    pub first: Nanos,
    /// See `first`.
    pub last: Nanos,
    /// How many lines it has.
    pub lines: u32,
}

/// Why a head is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHead {
    /// It is damaged, or cut.
    Damaged,
    /// It is of a version that we do not know.
    Version(u16),
}

/// Whether a file begins like a segment.
pub fn begins(head: &[u8]) -> bool {
    head.starts_with(&HEAD_KIND.to_le_bytes()) && head.get(PREFIX..PREFIX + 8) == Some(&HEAD_MAGIC)
}

impl Head {
    /// As bytes.
    pub fn write(&self) -> Vec<u8> {
        let name = &self.recorder.as_bytes()[..self.recorder.len().min(64)];
        let mut payload = HEAD_MAGIC.to_vec();
        payload.extend_from_slice(&VERSION.to_le_bytes());
        payload.extend_from_slice(&self.begun.0.to_le_bytes());
        payload.extend_from_slice(name);
        frame(HEAD_KIND, &payload)
    }

    /// Reads what a file begins with, and says how long it is.
    pub fn read(bytes: &[u8]) -> Result<(Self, usize), NoHead> {
        let whole = whole_frame(HEAD_KIND, bytes).filter(|w| w.len() <= MAX_HEAD_BYTES);
        let whole = whole.ok_or(NoHead::Damaged)?;
        let mut rest = Rest(&whole[PREFIX..whole.len() - CRC]);
        let mut parts = || Some((rest.take::<8>()?, rest.u16()?, rest.time()?));
        let (magic, version, begun) = parts().ok_or(NoHead::Damaged)?;
        match (magic == HEAD_MAGIC, version) {
            (true, VERSION) => {
                let recorder = String::from_utf8_lossy(rest.0).into_owned();
                Ok((Self { begun, recorder }, whole.len()))
            }
            (true, other) => Err(NoHead::Version(other)),
            (false, _) => Err(NoHead::Damaged),
        }
    }
}

impl Record {
    const PAYLOAD: usize = 8 + 4 * 4 + 2 * 8 + 4 + CRC;
    /// Bytes of a record on disk.
    pub const LEN: usize = PREFIX + Self::PAYLOAD;

    /// What every record begins with.
    pub fn key() -> [u8; PREFIX] {
        prefix(RECORD_KIND, Self::PAYLOAD)
    }

    /// As bytes.
    pub fn write(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(Self::PAYLOAD);
        payload.extend_from_slice(&self.segment.0.to_le_bytes());
        for n in [self.number, self.packed, self.plain, self.lines] {
            payload.extend_from_slice(&n.to_le_bytes());
        }
        payload.extend_from_slice(&self.first.0.to_le_bytes());
        payload.extend_from_slice(&self.last.0.to_le_bytes());
        payload.extend_from_slice(&self.crc.to_le_bytes());
        frame(RECORD_KIND, &payload)
    }

    /// Reads one; [`None`] = there is none here that is whole.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let whole = whole_frame(RECORD_KIND, bytes).filter(|whole| whole.len() == Self::LEN)?;
        let mut rest = Rest(&whole[PREFIX..]);
        Some(Self {
            segment: rest.time()?,
            number: rest.u32()?,
            packed: rest.u32()?,
            plain: rest.u32()?,
            lines: rest.u32()?,
            first: rest.time()?,
            last: rest.time()?,
            crc: rest.u32()?,
        })
    }
}

/// The index of a segment that was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// [`Head::begun`] of its segment.
    pub segment: Nanos,
    /// Its blocks.
    pub blocks: Vec<Entry>,
}

impl Index {
    const ENTRY: usize = 8 * 3 + 4;
    /// The file's last bytes: the length of the index, then its CRC.
    const TAIL: usize = 8;

    /// As bytes.
    pub fn write(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(16 + 4 + self.blocks.len() * Self::ENTRY + Self::TAIL);
        payload.extend_from_slice(&INDEX_MAGIC);
        payload.extend_from_slice(&self.segment.0.to_le_bytes());
        for entry in &self.blocks {
            payload.extend_from_slice(&entry.at.to_le_bytes());
            payload.extend_from_slice(&entry.first.0.to_le_bytes());
            payload.extend_from_slice(&entry.last.0.to_le_bytes());
            payload.extend_from_slice(&entry.lines.to_le_bytes());
        }
        let len = PREFIX + payload.len() + Self::TAIL;
        payload.extend_from_slice(&(len as u32).to_le_bytes());
        frame(INDEX_KIND, &payload)
    }

    /// Reads one that these bytes are, to the last.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let whole = whole_frame(INDEX_KIND, bytes).filter(|whole| whole.len() == bytes.len())?;
        let mut rest = Rest(whole.get(PREFIX..whole.len().checked_sub(Self::TAIL)?)?);
        (rest.take::<8>()? == INDEX_MAGIC).then_some(())?;
        let segment = rest.time()?;
        let mut blocks = Vec::with_capacity(rest.0.len() / Self::ENTRY);
        while !rest.0.is_empty() {
            let (at, first, last) = (rest.u64()?, rest.time()?, rest.time()?);
            blocks.push(Entry { at, first, last, lines: rest.u32()? });
        }
        Some(Self { segment, blocks })
    }

    /// How long the index is that a file with these last bytes ends with; [`None`] = it has none.
    pub fn len_by_tail(tail: [u8; Self::TAIL]) -> Option<u64> {
        let len = u64::from(Rest(&tail).u32()?);
        (len >= (PREFIX + 16 + Self::TAIL) as u64).then_some(len)
    }
}

fn prefix(kind: u32, payload: usize) -> [u8; PREFIX] {
    let mut bytes = [0; PREFIX];
    bytes[..4].copy_from_slice(&kind.to_le_bytes());
    bytes[4..].copy_from_slice(&(payload as u32).to_le_bytes());
    bytes
}

/// A skippable frame of a payload, to which its CRC is added.
fn frame(kind: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = prefix(kind, payload.len() + CRC).to_vec();
    bytes.extend_from_slice(payload);
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// The frame that these bytes begin with, when it is of this kind, and whole.
fn whole_frame(kind: u32, bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = Rest(bytes);
    (rest.u32()? == kind).then_some(())?;
    let len = (rest.u32()? as usize).checked_add(PREFIX)?;
    let (content, crc) = bytes.get(..len)?.split_at_checked(len.checked_sub(CRC)?)?;
    let sum = u32::from_le_bytes(crc.try_into().ok()?);
    (content.len() >= PREFIX && has_sum(content, sum)).then(|| &bytes[..len])
}

/// Whether these bytes have this CRC-32.
pub fn has_sum(bytes: &[u8], sum: u32) -> bool {
    cfg!(fuzzing) || crc32fast::hash(bytes) == sum
}

/// Bytes that are taken one number after the other.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }
    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }
    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }
    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
    fn time(&mut self) -> Option<Nanos> {
        self.take().map(|bytes| Nanos(i64::from_le_bytes(bytes)))
    }
}
