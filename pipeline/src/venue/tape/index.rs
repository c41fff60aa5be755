//! What a compiled tape says of itself: which streams it has, where they lie, and what they sum to.
//!
//! | where | what |
//! |---|---|
//! | bytes 0..40 | [`MAGIC`], version (u32), CRC-32 of the rest of the head (u32), length of all (u64), of the index (u64), CRC-32 of the index (u32), zero (u32) |
//! | then | the streams, in chunks of [`CHUNK`] bytes, each with a CRC-32 in the index |
//! | at the end | the index |
//!
//! Whatever is read is checked first: a flipped bit is found before anything is made of it. All numbers
//! are little-endian.

use super::bits::Coder;
use super::field::{FIELDS, Units};
use super::record::{Kind, Times};
use super::{TapeCounts, TapeError};
use crate::types::limits::MAX_ASSETS;
use crate::types::{AssetId, Nanos};

/// How a compiled tape begins.
pub const MAGIC: [u8; 8] = *b"botmmTAP";
/// Of the format. A tape of another one is compiled anew.
pub const VERSION: u32 = 2;
/// Bytes of a stream that are read and checked at once.
pub const CHUNK: usize = 16 * 1024;
/// Bytes of the head.
pub const HEAD: usize = 40;

/// By which of the two orders a stream is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Both: its events were received in the order in which they happened.
    Both,
    /// Receive order only.
    Recv,
    /// Venue order only: what is in those of [`Reach::Recv`], in that order.
    Venue,
}

impl Reach {
    const ALL: [Self; 3] = [Self::Both, Self::Recv, Self::Venue];
}

/// Bytes of a tape that are read together, and their sums.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Where they begin.
    pub offset: u64,
    /// How many.
    pub len: u64,
    /// CRC-32 of each chunk.
    pub sums: Vec<u32>,
}

/// One stream of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Of what.
    pub kind: Kind,
    /// Of which coin, where it is of one.
    pub asset: AssetId,
    /// Who walks it.
    pub reach: Reach,
    /// What its numbers are counted in.
    pub units: Units,
    /// How wide they are.
    pub coders: [Coder; FIELDS],
    /// Its events.
    pub events: u64,
    /// Where it lies.
    pub extent: Extent,
}

/// The whole index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Events that a feed plays back, by kind.
    pub counts: TapeCounts,
    /// Of these, changes of a book's levels, touches and trades.
    pub changes: u64,
    /// The first and the last by each clock.
    pub first: Times,
    /// See `first`.
    pub last: Times,
    /// Venue times of the first and the last that is no change of the link.
    pub happened: Option<(Nanos, Nanos)>,
    /// Whose marks were recorded: a bit for each coin.
    pub marked: u64,
    /// Bits of a stream's number in the two orders.
    pub code_bits: u32,
    /// Of each event in receive order: its stream.
    pub by_recv: Extent,
    /// Of each event in venue order: its stream.
    pub by_venue: Extent,
    /// The streams of events.
    pub streams: Vec<Stream>,
    /// The venue's marks, which no feed plays back.
    pub marks: Option<Stream>,
    /// What whoever compiled it wants to know of it later.
    pub note: Vec<u8>,
}

/// The head of a tape: how long all of it is, and where and what its index.
pub struct Head {
    /// Bytes in all.
    pub len: u64,
    /// Bytes of the index, at the end.
    pub index_len: u64,
    /// CRC-32 of it.
    pub index_sum: u32,
}

impl Head {
    /// As written in a file.
    pub fn write(&self) -> [u8; HEAD] {
        let mut rest = Vec::with_capacity(HEAD);
        rest.extend(self.len.to_le_bytes());
        rest.extend(self.index_len.to_le_bytes());
        rest.extend(self.index_sum.to_le_bytes());
        rest.extend([0; 4]);
        let mut head = [0; HEAD];
        head[..8].copy_from_slice(&MAGIC);
        head[8..12].copy_from_slice(&VERSION.to_le_bytes());
        head[12..16].copy_from_slice(&crc32fast::hash(&rest).to_le_bytes());
        head[16..].copy_from_slice(&rest);
        head
    }

    /// # Errors
    /// It is no tape, one of another version, or damaged.
    pub fn read(head: &[u8; HEAD]) -> Result<Self, TapeError> {
        let mut from = Fields(head);
        if from.take(8)? != MAGIC {
            return Err(TapeError::NoTape);
        }
        let version = from.u32()?;
        if version != VERSION {
            return Err(TapeError::OtherVersion { version });
        }
        let sum = from.u32()?;
        if !has_sum(from.0, sum) {
            return Err(TapeError::damaged("the sum of its head is another"));
        }
        Ok(Self { len: from.u64()?, index_len: from.u64()?, index_sum: from.u32()? })
    }
}

impl Index {
    /// As written in a file.
    pub fn write(&self) -> Vec<u8> {
        let mut to = Vec::new();
        let TapeCounts { books, bbos, trades, statuses, levels } = self.counts;
        for count in [books, bbos, trades, statuses, levels] {
            to.extend((count as u64).to_le_bytes());
        }
        to.extend(self.changes.to_le_bytes());
        for time in [self.first.venue, self.first.recv, self.last.venue, self.last.recv] {
            to.extend(time.0.to_le_bytes());
        }
        let (first, last) = self.happened.unwrap_or_default();
        to.push(self.happened.is_some().into());
        [first, last].iter().for_each(|time| to.extend(time.0.to_le_bytes()));
        to.extend(self.marked.to_le_bytes());
        to.extend(self.code_bits.to_le_bytes());
        write_extent(&self.by_recv, &mut to);
        write_extent(&self.by_venue, &mut to);
        to.extend((self.streams.len() as u32).to_le_bytes());
        self.streams.iter().for_each(|stream| write_stream(stream, &mut to));
        to.push(self.marks.is_some().into());
        self.marks.iter().for_each(|stream| write_stream(stream, &mut to));
        to.extend((self.note.len() as u64).to_le_bytes());
        to.extend(&self.note);
        to
    }

    /// `data`: where streams may lie.
    ///
    /// # Errors
    /// No writer wrote that.
    pub fn read(bytes: &[u8], data: core::ops::Range<u64>) -> Result<Self, TapeError> {
        let mut from = Fields(bytes);
        let mut count = || from.u64().map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let counts = TapeCounts {
            books: count()?,
            bbos: count()?,
            trades: count()?,
            statuses: count()?,
            levels: count()?,
        };
        let changes = from.u64()?;
        let first = Times { venue: from.time()?, recv: from.time()? };
        let last = Times { venue: from.time()?, recv: from.time()? };
        let is_some = from.flag()?;
        let happened = (from.time()?, from.time()?);
        let marked = from.u64()?;
        let code_bits = from.u32()?;
        let by_recv = read_extent(&mut from, &data)?;
        let by_venue = read_extent(&mut from, &data)?;
        let mut streams = Vec::new();
        for _ in 0..from.u32()? {
            streams.push(read_stream(&mut from, &data)?);
        }
        let marks = from.flag()?.then(|| read_stream(&mut from, &data)).transpose()?;
        let note_len = usize::try_from(from.u64()?).unwrap_or(usize::MAX);
        let note = from.take(note_len)?.to_vec();
        let happened = is_some.then_some(happened);
        let index = Self {
            counts,
            changes,
            first,
            last,
            happened,
            marked,
            code_bits,
            by_recv,
            by_venue,
            streams,
            marks,
            note,
        };
        index.is_sound().then_some(index).ok_or(TapeError::damaged("its index makes no sense"))
    }

    /// Events that a feed plays back.
    pub fn events(&self) -> u64 {
        self.counts.total() as u64
    }

    /// Whether what it says fits together: the walks rest on it.
    fn is_sound(&self) -> bool {
        let walked = |reach: Reach| -> u64 {
            let own = self.streams.iter().filter(|s| s.reach == Reach::Both || s.reach == reach);
            own.fold(0, |sum, stream| sum.saturating_add(stream.events))
        };
        let all = self.events();
        let codes = u128::from(all) * u128::from(self.code_bits);
        let is_played = |s: &Stream| s.kind != Kind::Marks;
        self.code_bits <= 32
            && self.streams.len() as u64 <= 1 << self.code_bits
            && [Reach::Recv, Reach::Venue].iter().all(|reach| walked(*reach) == all)
            && [&self.by_recv, &self.by_venue].iter().all(|e| u128::from(e.len) * 8 >= codes)
            && self.streams.iter().all(is_played)
            && self.marks.iter().all(|s| !is_played(s))
    }
}

fn write_extent(extent: &Extent, to: &mut Vec<u8>) {
    to.extend(extent.offset.to_le_bytes());
    to.extend(extent.len.to_le_bytes());
    extent.sums.iter().for_each(|sum| to.extend(sum.to_le_bytes()));
}

fn read_extent(from: &mut Fields<'_>, data: &core::ops::Range<u64>) -> Result<Extent, TapeError> {
    let (offset, len) = (from.u64()?, from.u64()?);
    let end = offset.checked_add(len).filter(|end| data.start <= offset && *end <= data.end);
    end.ok_or(TapeError::damaged("a stream lies outside of it"))?;
    let sums = (0..len.div_ceil(CHUNK as u64)).map(|_| from.u32()).collect::<Result<_, _>>()?;
    Ok(Extent { offset, len, sums })
}

fn write_stream(stream: &Stream, to: &mut Vec<u8>) {
    let Stream { kind, asset, reach, units, coders, events, extent } = stream;
    to.extend([*kind as u8, *reach as u8, asset.index() as u8]);
    for unit in [units.venue, units.recv, units.px, units.qty] {
        to.extend(unit.to_le_bytes());
    }
    coders.iter().for_each(|coder| to.extend(coder.widths()));
    to.extend(events.to_le_bytes());
    write_extent(extent, to);
}

fn read_stream(from: &mut Fields<'_>, data: &core::ops::Range<u64>) -> Result<Stream, TapeError> {
    let senseless = || TapeError::damaged("a stream of it makes no sense");
    let kind = Kind::from_code(from.u8()?).ok_or_else(senseless)?;
    let reach = *Reach::ALL.get(usize::from(from.u8()?)).ok_or_else(senseless)?;
    let asset = usize::from(from.u8()?);
    if asset >= MAX_ASSETS {
        return Err(senseless());
    }
    let mut unit = || from.u64().map(u64::cast_signed);
    let units = Units { venue: unit()?, recv: unit()?, px: unit()?, qty: unit()? };
    let mut coders = [Coder::PLAIN; FIELDS];
    for coder in &mut coders {
        let mut widths = [0; 8];
        widths.copy_from_slice(from.take(8)?);
        *coder = Coder::from_widths(widths).ok_or_else(senseless)?;
    }
    let events = from.u64()?;
    let extent = read_extent(from, data)?;
    Ok(Stream { kind, asset: AssetId::new(asset), reach, units, coders, events, extent })
}

/// Bytes that are read field by field.
/// Whether these bytes have this CRC-32.
pub(super) fn has_sum(bytes: &[u8], sum: u32) -> bool {
    cfg!(fuzzing) || crc32fast::hash(bytes) == sum
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], TapeError> {
        let taken = self.0.split_at_checked(count);
        let (taken, rest) = taken.ok_or(TapeError::damaged("its index ends early"))?;
        self.0 = rest;
        Ok(taken)
    }
    fn array<const N: usize>(&mut self) -> Result<[u8; N], TapeError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }
    fn u8(&mut self) -> Result<u8, TapeError> {
        self.array::<1>().map(|[byte]| byte)
    }
    fn u32(&mut self) -> Result<u32, TapeError> {
        self.array().map(u32::from_le_bytes)
    }
    fn u64(&mut self) -> Result<u64, TapeError> {
        self.array().map(u64::from_le_bytes)
    }
    fn time(&mut self) -> Result<Nanos, TapeError> {
        self.array().map(i64::from_le_bytes).map(Nanos)
    }
    fn flag(&mut self) -> Result<bool, TapeError> {
        self.u8().map(|byte| byte != 0)
    }
}
