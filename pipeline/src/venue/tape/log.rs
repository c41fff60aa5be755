//! Events in the order in which they are added, as the same records that a tape has.

use super::bits::{BitReader, BitWriter, Coder};
use super::field::{FIELDS, Reading, Units, Writing};
use super::record::{Kind, Last};
use crate::types::limits::MAX_ASSETS;
use crate::types::{AssetId, MarketEvent};

/// Events after which one can be read without those before it.
const RESTART: usize = 256;
/// Kinds of streams, each of every coin.
pub const KEYS: usize = Kind::ALL.len() * MAX_ASSETS;

/// The stream of an event, before it is known which of its events are of both orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(u8);

impl Key {
    /// Of which stream an event is.
    pub fn of(event: &MarketEvent) -> Self {
        let kind = Kind::of(event);
        // Of these there is one for all coins.
        let is_common = matches!(kind, Kind::Statuses | Kind::Marks);
        let asset = if is_common { 0 } else { event.asset().index() };
        Self((kind as usize * MAX_ASSETS + asset) as u8)
    }
    /// What it is of.
    pub fn kind(self) -> Kind {
        Kind::from_code(self.0 / MAX_ASSETS as u8).unwrap_or(Kind::Marks)
    }
    /// Of which coin.
    pub fn asset(self) -> AssetId {
        AssetId::new(usize::from(self.0) % MAX_ASSETS)
    }
    /// As an array index, below [`KEYS`].
    pub fn index(self) -> usize {
        self.0.into()
    }
}

/// Events in the order in which they were added.
#[derive(Clone, Debug)]
pub struct Log {
    bits: BitWriter,
    len: usize,
    /// Where every [`RESTART`]-th event begins.
    restarts: Vec<usize>,
    lasts: Vec<Option<Last>>,
}

/// For events of which nothing is known.
pub const PLAIN: [Coder; FIELDS] = [Coder::PLAIN; FIELDS];

impl Log {
    /// Without any.
    pub fn new() -> Self {
        let lasts = vec![None; KEYS];
        Self { bits: BitWriter::default(), len: 0, restarts: Vec::new(), lasts }
    }

    /// Adds one.
    pub fn push(&mut self, key: Key, event: &MarketEvent) {
        if self.len.is_multiple_of(RESTART) {
            self.restarts.push(self.bits.bytes().len());
            self.lasts.fill(None);
        }
        self.len += 1;
        self.bits.put(key.0.into(), 8);
        let last = &mut self.lasts[key.index()];
        let last = last.get_or_insert_with(|| Last::none(key.kind(), key.asset()));
        let mut to = Writing { bits: &mut self.bits, coders: &PLAIN };
        last.write(event, &Units::ONE, &mut to);
        self.bits.align();
    }

    /// From the first on.
    pub fn reader(&self) -> LogReader<'_> {
        LogReader { log: self, next: 0, at: 0, lasts: vec![None; KEYS] }
    }
}

/// Reads a log. One after the other is cheap, and any of them possible.
pub struct LogReader<'a> {
    log: &'a Log,
    next: usize,
    /// Byte at which the next one begins.
    at: usize,
    lasts: Vec<Option<Last>>,
}

impl LogReader<'_> {
    /// The `position`-th event.
    pub fn get(&mut self, position: usize) -> Option<MarketEvent> {
        if position >= self.log.len {
            return None;
        }
        if position < self.next || position / RESTART > self.next / RESTART {
            self.next = position / RESTART * RESTART;
            self.at = self.log.restarts[position / RESTART];
        }
        let mut event = None;
        while self.next <= position {
            event = self.step();
        }
        event
    }

    fn step(&mut self) -> Option<MarketEvent> {
        if self.next.is_multiple_of(RESTART) {
            self.lasts.fill(None);
        }
        self.next += 1;
        let mut bits = BitReader::new(self.log.bits.bytes(), self.at * 8);
        let key = Key(bits.bits(8) as u8);
        let last = &mut self.lasts[key.index()];
        let last = last.get_or_insert_with(|| Last::none(key.kind(), key.asset()));
        let mut from = Reading::new(&mut bits, &PLAIN);
        let times = last.read_times(last.times(), &Units::ONE, &mut from);
        let read = last.read(times, &Units::ONE, &mut from);
        self.at = bits.at().div_ceil(8);
        read.map(|()| last.lend().to_kept())
    }
}
