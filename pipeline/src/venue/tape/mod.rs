//! A recording, compiled, and a feed that plays it back.
//!
//! A recording has two clocks. The *venue* clock says when something happened; a simulated exchange
//! follows it. The *receive* clock says when we learned of it; the bot follows that one. A [`Tape`]
//! has one copy of every event and an order by each clock, so that neither side ever sees the
//! other's time.
//!
//! There is one form of it, in memory and in a file ([`Bytes`]): a stream of each coin's trades, touches,
//! changes of levels and books, an event told from the one before it in its stream (`record`), and for each clock the
//! streams' numbers in its order (`index`). A [`Cursor`] walks one order and rebuilds each event where
//! the one before it was. Nothing but the index is read before the first event, and what is read is
//! checked; a tape that proves damaged on the way ends there and says so ([`Tape::damage`]).

mod bits;
mod book;
mod build;
mod cursor;
mod field;
mod index;
mod log;
mod order;
mod record;
mod walk;

pub use build::TapeBuilder;
pub use cursor::{Cursor, Marks};
pub use index::VERSION;

use super::Feed;
use crate::types::{AssetId, FeedStatus, LentEvent, MarketEvent, Nanos};
use crate::venue::sim::latency::Latency;
use index::{HEAD, Head, Index, Reach, has_sum};
use std::io;
use std::sync::{Arc, OnceLock};

/// How many events of each kind a tape holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TapeCounts {
    /// Book snapshots.
    pub books: usize,
    /// Best bid/offer updates.
    pub bbos: usize,
    /// Public trades.
    pub trades: usize,
    /// Changes of the link.
    pub statuses: usize,
    /// Changes of a level of a book.
    pub levels: usize,
}

impl TapeCounts {
    /// All together.
    pub fn total(&self) -> usize {
        let Self { books, bbos, trades, statuses, levels } = *self;
        [bbos, trades, statuses, levels].iter().fold(books, |sum, n| sum.saturating_add(*n))
    }

    fn of(&mut self, event: &MarketEvent) -> Option<&mut usize> {
        Some(match event {
            MarketEvent::Trade(_) => &mut self.trades,
            MarketEvent::Bbo(_) => &mut self.bbos,
            MarketEvent::Book(_) => &mut self.books,
            MarketEvent::Status(_) => &mut self.statuses,
            MarketEvent::Level(_) => &mut self.levels,
            // No row: see `TapeBuilder::push`.
            MarketEvent::Mark(_) => return None,
        })
    }
    /// One more.
    pub fn add(&mut self, event: &MarketEvent) {
        self.of(event).into_iter().for_each(|count| *count += 1);
    }
    /// One less.
    pub fn take_back(&mut self, event: &MarketEvent) {
        self.of(event).into_iter().for_each(|count| *count -= 1);
    }
}

/// Where a compiled tape lies.
pub trait Bytes: Send + Sync + core::fmt::Debug {
    /// How many there are.
    fn size(&self) -> u64;
    /// Fills `into` with those from `offset` on.
    ///
    /// # Errors
    /// They are not there, or cannot be read.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;
}

impl Bytes for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let begin = usize::try_from(offset).unwrap_or(usize::MAX);
        let from = self.get(begin..).and_then(|rest| rest.get(..into.len()));
        into.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// Why bytes are no tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TapeError {
    /// Something else.
    NoTape,
    /// Of another version than [`VERSION`].
    OtherVersion {
        /// Which.
        version: u32,
    },
    /// Not as it was written.
    Damaged {
        /// In words.
        why: String,
    },
}

impl TapeError {
    fn damaged(why: impl Into<String>) -> Self {
        Self::Damaged { why: why.into() }
    }
}

impl core::fmt::Display for TapeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoTape => write!(f, "no compiled tape"),
            Self::OtherVersion { version } => {
                write!(f, "a compiled tape of version {version}, and this program's is {VERSION}")
            }
            Self::Damaged { why } => write!(f, "damaged: {why}"),
        }
    }
}

/// What all views of a tape share.
#[derive(Debug)]
struct Core {
    bytes: Box<dyn Bytes>,
    index: Index,
    /// Where the streams end.
    data_end: u64,
    damage: OnceLock<String>,
}

impl Core {
    /// The first to find any says it.
    fn tell_damage(&self, why: String) {
        let _ = self.damage.set(why);
    }
}

/// A recording, immutable once built, and cheap to copy.
#[derive(Clone, Debug)]
pub struct Tape {
    core: Arc<Core>,
    /// Changes of link or parameters on top, in order of time.
    added: Arc<[FeedStatus]>,
    /// Another way to the venue than the recorder's.
    delay: Option<Latency>,
}

impl Tape {
    /// A tape of these events. Ties on time go by channel (trade, bbo, book, status), then by the
    /// order given here.
    pub fn build(events: impl IntoIterator<Item = MarketEvent>) -> Self {
        let mut builder = TapeBuilder::default();
        for event in events {
            builder.push(&event);
        }
        builder.finish()
    }

    /// A tape that was compiled before.
    ///
    /// # Errors
    /// It cannot be used: nothing of its events was read then.
    pub fn open(bytes: Box<dyn Bytes>) -> Result<Self, TapeError> {
        let unread = |e: io::Error| TapeError::damaged(format!("it cannot be read: {e}"));
        if bytes.size() < HEAD as u64 {
            return Err(TapeError::NoTape);
        }
        let mut head = [0; HEAD];
        bytes.read_at(0, &mut head).map_err(unread)?;
        let Head { len, index_len, index_sum } = Head::read(&head)?;
        if len != bytes.size() {
            let is = bytes.size();
            return Err(TapeError::damaged(format!("it has {is} of its {len} bytes")));
        }
        let data_end = len.checked_sub(index_len).filter(|end| *end >= HEAD as u64);
        let data_end = data_end.ok_or(TapeError::damaged("its index is longer than itself"))?;
        let mut index = vec![0; usize::try_from(index_len).unwrap_or(usize::MAX)];
        bytes.read_at(data_end, &mut index).map_err(unread)?;
        if !has_sum(&index, index_sum) {
            return Err(TapeError::damaged("the sum of its index is another"));
        }
        let index = Index::read(&index, HEAD as u64..data_end)?;
        Ok(Self::of(bytes, index, data_end))
    }

    fn of(bytes: Box<dyn Bytes>, index: Index, data_end: u64) -> Self {
        let core = Core { bytes, index, data_end, damage: OnceLock::new() };
        Self { core: Arc::new(core), added: Arc::default(), delay: None }
    }

    /// Streams behind an empty head, and their index.
    fn of_parts(bytes: Vec<u8>, index: Index) -> Self {
        let data_end = bytes.len() as u64;
        Self::of(Box::new(bytes), index, data_end)
    }

    /// It as [`Tape::open`] takes it, as it was recorded, with a note for whoever opens it.
    ///
    /// # Errors
    /// Its bytes cannot be read any more.
    pub fn to_bytes(&self, note: Vec<u8>) -> io::Result<Vec<u8>> {
        let data_end = usize::try_from(self.core.data_end).map_err(io::Error::other)?;
        let mut bytes = vec![0; data_end];
        self.core.bytes.read_at(0, &mut bytes)?;
        Ok(build::with_index(bytes, &Index { note, ..self.core.index.clone() }))
    }

    /// What whoever compiled it noted.
    pub fn note(&self) -> &[u8] {
        &self.core.index.note
    }

    /// The same with more changes of link or parameters, each after all else that was received at its
    /// time. The order of everything else stays.
    pub fn with_statuses(self, statuses: impl IntoIterator<Item = FeedStatus>) -> Self {
        let mut added: Vec<FeedStatus> = self.added.iter().copied().chain(statuses).collect();
        added.sort_by_key(|status| status.recv_time);
        Self { added: added.into(), ..self }
    }

    /// The same as another way to the venue would have brought it: each event reaches us so long after
    /// it happened there, and none overtakes one that happened before it. Changes of the link stay
    /// where they were received, after all else of their time.
    pub fn received_after(self, delay: Latency) -> Self {
        Self { delay: Some(delay), ..self }
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.counts().total()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many events of each kind.
    pub fn counts(&self) -> TapeCounts {
        let counts = self.core.index.counts;
        TapeCounts { statuses: counts.statuses + self.added.len(), ..counts }
    }

    /// Whether a book of it is told level by level.
    pub fn is_by_levels(&self) -> bool {
        self.core.index.counts.levels > 0
    }

    /// How many changes of a book's levels, touches and trades were recorded.
    pub fn changes(&self) -> u64 {
        self.core.index.changes
    }

    /// Bytes that it takes.
    pub fn size(&self) -> u64 {
        self.core.bytes.size()
    }

    /// First and last receive time. [`None`] when empty. Of a tape whose delays are drawn the last is known
    /// only after a walk through it.
    pub fn span(&self) -> Option<(Nanos, Nanos)> {
        let Index { first, last, .. } = &self.core.index;
        let recorded = (self.core.index.events() > 0).then_some((first.recv, last.recv));
        let tape = match &self.delay {
            None => recorded,
            Some(delay) => self.delayed_span(delay),
        };
        self.with_added(tape)
    }

    /// First and last venue time. [`None`] when empty.
    pub fn venue_span(&self) -> Option<(Nanos, Nanos)> {
        let Index { first, last, .. } = &self.core.index;
        self.with_added((self.core.index.events() > 0).then_some((first.venue, last.venue)))
    }

    fn with_added(&self, tape: Option<(Nanos, Nanos)>) -> Option<(Nanos, Nanos)> {
        let of = |status: Option<&FeedStatus>| status.map(|status| status.recv_time);
        let added = of(self.added.first()).zip(of(self.added.last()));
        match (tape, added) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (one, other) => one.or(other),
        }
    }

    /// Of what was recorded.
    fn delayed_span(&self, delay: &Latency) -> Option<(Nanos, Nanos)> {
        let statuses = {
            let mut links = cursor::links(&self.core);
            let mut all = std::iter::from_fn(|| {
                let due = *links.due()?;
                links.advance(due, due.times.recv).then_some(due.times.recv)
            });
            all.next().map(|first| (first, all.last().unwrap_or(first)))
        };
        let happened = self.core.index.happened.map(|(first, last)| {
            let after = |at: Nanos, delay: Nanos| Nanos(at.0.saturating_add(delay.0));
            let drawn = after(first, delay.clone().draw());
            match delay.constant() {
                Some(constant) => (drawn, after(last, constant)),
                None => {
                    let mut all = Cursor::new(self, Reach::Venue);
                    let mut last = drawn;
                    while let Some(event) = all.next_event() {
                        if !matches!(event, MarketEvent::Status(_)) {
                            last = event.recv_time();
                        }
                    }
                    (drawn, last)
                }
            }
        });
        match (statuses, happened) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (one, other) => one.or(other),
        }
    }

    /// The events in the order in which we received them.
    pub fn by_recv(&self) -> Cursor {
        Cursor::new(self, Reach::Recv)
    }

    /// The events in the order in which they happened at the venue.
    pub fn by_venue(&self) -> Cursor {
        Cursor::new(self, Reach::Venue)
    }

    /// The venue's marks, in the order in which they were received. They have no other time.
    pub fn marks(&self) -> Marks {
        Marks::new(&self.core)
    }

    /// Whether the venue's marks of an asset were recorded.
    pub fn has_marks(&self, asset: AssetId) -> bool {
        self.core.index.marked >> asset.index() & 1 == 1
    }

    /// All events in receive order.
    pub fn iter_recv(&self) -> impl Iterator<Item = MarketEvent> + use<> {
        let mut cursor = self.by_recv();
        std::iter::from_fn(move || cursor.next_event().map(LentEvent::to_kept))
    }

    /// All events in venue order.
    pub fn iter_venue(&self) -> impl Iterator<Item = MarketEvent> + use<> {
        let mut cursor = self.by_venue();
        std::iter::from_fn(move || cursor.next_event().map(LentEvent::to_kept))
    }

    /// Why a walk through it ended before its end: its file is not as it was written, or cannot be read.
    /// What was replayed until then is a part of it.
    pub fn damage(&self) -> Option<&str> {
        self.core.damage.get().map(String::as_str)
    }
}

/// Plays a tape back: each event once its recorded receive time has come.
#[derive(Debug)]
pub struct TapeFeed {
    cursor: Cursor,
    /// Books are told level by level: what is a row may go ahead of its time.
    has_rows: bool,
}

impl TapeFeed {
    /// From the start of the tape.
    pub fn new(tape: &Tape) -> Self {
        Self { cursor: tape.by_recv(), has_rows: tape.is_by_levels() }
    }
}

impl Feed for TapeFeed {
    #[inline]
    fn next(&mut self, now: Nanos) -> Option<LentEvent<'_>> {
        self.next_deadline().filter(|due| *due <= now)?;
        self.cursor.next_event()
    }

    #[inline]
    fn next_deadline(&self) -> Option<Nanos> {
        self.cursor.next_time()
    }

    #[inline]
    fn has_news(&self, now: Nanos) -> bool {
        self.next_deadline().is_some_and(|due| due <= now)
    }

    #[inline]
    fn next_row(&mut self, until: Nanos) -> Result<LentEvent<'_>, Nanos> {
        let due = self.next_deadline().unwrap_or(Nanos::MAX);
        if !self.has_rows || due >= until || !self.cursor.is_row() {
            return Err(due);
        }
        self.cursor.next_event().ok_or(Nanos::MAX)
    }
}

#[cfg(test)]
mod tests;
