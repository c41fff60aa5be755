//! A recording in memory, and a feed that plays it back.
//!
//! A recording has two clocks. The *venue* clock says when something happened; a simulated exchange
//! follows it. The *receive* clock says when we learned of it; the bot follows that one. A [`Tape`]
//! keeps one copy of every event and an order by each clock, so that neither side ever sees the
//! other's time.

use super::Feed;
use crate::types::{
    AssetId, Bbo, BookSnapshot, FeedStatus, LentEvent, MarkPrice, MarketEvent, Nanos, Trade,
};
use crate::venue::sim::latency::Latency;
use std::sync::Arc;

/// Where an event lies: its kind in the two top bits, its index among its kind below.
#[derive(Clone, Copy, Debug)]
struct EventRef(u32);

impl EventRef {
    const KIND_SHIFT: u32 = 30;
    const MAX_INDEX: usize = (1 << Self::KIND_SHIFT) - 1;

    fn new(kind: u32, index: usize) -> Self {
        assert!(index <= Self::MAX_INDEX, "a tape holds at most 2^30 events of a kind");
        Self(kind << Self::KIND_SHIFT | index as u32)
    }
    fn kind(self) -> u32 {
        self.0 >> Self::KIND_SHIFT
    }
    fn index(self) -> usize {
        self.0 as usize & Self::MAX_INDEX
    }
    /// The last of the kinds: a change of the link or of parameters.
    fn is_status(self) -> bool {
        self.kind() == 3
    }
}

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
}

impl TapeCounts {
    /// All together.
    pub fn total(&self) -> usize {
        self.books + self.bbos + self.trades + self.statuses
    }
}

/// A recording in memory, immutable once built. Events are stored by kind (a book takes ten times
/// the room of a trade); 8 bytes an event hold the two orders.
#[derive(Debug, Default)]
pub struct Tape {
    trades: Vec<Trade>,
    bbos: Vec<Bbo>,
    books: Vec<BookSnapshot>,
    statuses: Vec<FeedStatus>,
    /// Of the venue alone, in order of time: no feed plays them back.
    marks: Vec<MarkPrice>,
    by_venue: Vec<EventRef>,
    by_recv: Vec<EventRef>,
}

/// Collects events for a [`Tape`] one by one, so that a loader never holds them twice.
#[derive(Debug, Default)]
pub struct TapeBuilder {
    tape: Tape,
}

impl TapeBuilder {
    /// Adds an event. The order of calls breaks ties between events of one kind at one time. The
    /// venue's marks are kept apart, for a simulated venue: the bot of a replay values positions by its
    /// books alone.
    pub fn push(&mut self, event: &MarketEvent) {
        let tape = &mut self.tape;
        // The kind is the channel rank, so that comparing refs never has to look the event up.
        let kind = u32::from(event.channel_rank());
        let index = match event {
            MarketEvent::Trade(t) => push_at(&mut tape.trades, *t),
            MarketEvent::Bbo(b) => push_at(&mut tape.bbos, *b),
            MarketEvent::Book(b) => push_at(&mut tape.books, *b),
            MarketEvent::Status(s) => push_at(&mut tape.statuses, *s),
            MarketEvent::Mark(mark) => return tape.marks.push(*mark),
        };
        tape.by_recv.push(EventRef::new(kind, index));
    }

    /// Events so far.
    pub fn counts(&self) -> TapeCounts {
        self.tape.counts()
    }

    /// The `position`-th event that was added.
    pub fn event(&self, position: usize) -> Option<MarketEvent> {
        self.tape.by_recv(position).map(LentEvent::to_kept)
    }

    /// Takes back those events, of the ones added from the `first`-th on, that are not to be kept.
    pub fn retain_from(&mut self, first: usize, mut keep: impl FnMut(usize) -> bool) {
        let tape = &mut self.tape;
        let judged = tape.by_recv.split_off(first.min(tape.by_recv.len()));
        // Where the next event of each kind that is kept goes: never behind where it is now.
        let mut next: [Option<usize>; 4] = [None; 4];
        for (offset, from) in judged.into_iter().enumerate() {
            let to = next[from.kind() as usize].get_or_insert(from.index());
            if keep(first + offset) {
                let at = EventRef::new(from.kind(), *to);
                *to += 1;
                tape.copy(from, at);
                tape.by_recv.push(at);
            }
        }
        for (kind, len) in next.into_iter().enumerate() {
            len.into_iter().for_each(|len| tape.cut(kind as u32, len));
        }
    }

    /// Puts both orders in place.
    pub fn finish(self) -> Tape {
        let mut tape = self.tape;
        tape.by_venue.clone_from(&tape.by_recv);
        tape.marks.sort_by_key(|mark| mark.recv_time);
        tape.in_order()
    }
}

fn push_at<T>(list: &mut Vec<T>, item: T) -> usize {
    list.push(item);
    list.len() - 1
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

    /// The same with more changes of link or parameters, each after all else that was received at its
    /// time. The order of everything else stays.
    pub fn with_statuses(mut self, statuses: impl IntoIterator<Item = FeedStatus>) -> Self {
        for status in statuses {
            let event: MarketEvent = MarketEvent::Status(status);
            let index = push_at(&mut self.statuses, status);
            let added = EventRef::new(event.channel_rank().into(), index);
            self.by_recv.push(added);
            self.by_venue.push(added);
        }
        let (mut by_recv, mut by_venue) =
            (std::mem::take(&mut self.by_recv), std::mem::take(&mut self.by_venue));
        by_recv.sort_by_key(|&r| (self.recv_time_of(r), r.is_status()));
        by_venue.sort_by_key(|&r| (self.venue_time_of(r), r.is_status()));
        Self { by_recv, by_venue, ..self }
    }

    /// The same as another way to the venue would have brought it: each event reaches us so long after
    /// it happened there, and none overtakes one that happened before it. Changes of the link stay
    /// where they were received, after all else of their time.
    pub fn received_after(mut self, delay: &mut Latency) -> Self {
        let mut last = Nanos(i64::MIN);
        for at in 0..self.by_venue.len() {
            let event = self.by_venue[at];
            if event.is_status() {
                continue;
            }
            last = last.max(self.venue_time_of(event) + delay.draw());
            self.set_recv_time(event, last);
        }
        let mut by_recv = self.by_venue.clone();
        // Stable: what is received together keeps the venue's order.
        by_recv.sort_by_key(|&r| (self.recv_time_of(r), r.is_status()));
        Self { by_recv, ..self }
    }

    fn set_recv_time(&mut self, at: EventRef, time: Nanos) {
        match at.kind() {
            0 => self.trades[at.index()].recv_time = time,
            1 => self.bbos[at.index()].recv_time = time,
            2 => self.books[at.index()].recv_time = time,
            _ => self.statuses[at.index()].recv_time = time,
        }
    }

    /// Puts both orders in place. Stable sorts: what ties on time and channel keeps its order.
    fn in_order(mut self) -> Self {
        let (mut by_recv, mut by_venue) =
            (std::mem::take(&mut self.by_recv), std::mem::take(&mut self.by_venue));
        by_recv.sort_by_key(|&r| (self.recv_time_of(r), r.kind()));
        by_venue.sort_by_key(|&r| (self.venue_time_of(r), r.kind()));
        Self { by_recv, by_venue, ..self }
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.by_recv.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_recv.is_empty()
    }

    /// How many events of each kind.
    pub fn counts(&self) -> TapeCounts {
        TapeCounts {
            books: self.books.len(),
            bbos: self.bbos.len(),
            trades: self.trades.len(),
            statuses: self.statuses.len(),
        }
    }

    /// First and last receive time. [`None`] when empty.
    pub fn span(&self) -> Option<(Nanos, Nanos)> {
        let (first, last) = (self.by_recv.first()?, self.by_recv.last()?);
        Some((self.recv_time_of(*first), self.recv_time_of(*last)))
    }

    /// First and last venue time. [`None`] when empty.
    pub fn venue_span(&self) -> Option<(Nanos, Nanos)> {
        let (first, last) = (self.by_venue.first()?, self.by_venue.last()?);
        Some((self.venue_time_of(*first), self.venue_time_of(*last)))
    }

    /// The `position`-th event in the order in which we received them.
    pub fn by_recv(&self, position: usize) -> Option<LentEvent<'_>> {
        self.by_recv.get(position).map(|&r| self.event(r))
    }

    /// The `position`-th event in the order in which they happened at the venue.
    pub fn by_venue(&self, position: usize) -> Option<LentEvent<'_>> {
        self.by_venue.get(position).map(|&r| self.event(r))
    }

    /// When the `position`-th event in receive order was received.
    pub fn recv_time_at(&self, position: usize) -> Option<Nanos> {
        self.by_recv.get(position).map(|&r| self.recv_time_of(r))
    }

    /// When the `position`-th event in venue order happened.
    pub fn venue_time_at(&self, position: usize) -> Option<Nanos> {
        self.by_venue.get(position).map(|&r| self.venue_time_of(r))
    }

    /// The venue's marks, in the order in which they were received. They have no other time.
    pub fn marks(&self) -> &[MarkPrice] {
        &self.marks
    }

    /// Whether the venue's marks of an asset were recorded.
    pub fn has_marks(&self, asset: AssetId) -> bool {
        self.marks.iter().any(|mark| mark.asset == asset)
    }

    /// All events in receive order.
    pub fn iter_recv(&self) -> impl Iterator<Item = MarketEvent> {
        self.by_recv.iter().map(|&r| self.event(r).to_kept())
    }

    /// All events in venue order.
    pub fn iter_venue(&self) -> impl Iterator<Item = MarketEvent> {
        self.by_venue.iter().map(|&r| self.event(r).to_kept())
    }

    /// Copies an event over another of its kind.
    fn copy(&mut self, from: EventRef, to: EventRef) {
        match from.kind() {
            0 => self.trades[to.index()] = self.trades[from.index()],
            1 => self.bbos[to.index()] = self.bbos[from.index()],
            2 => self.books[to.index()] = self.books[from.index()],
            _ => self.statuses[to.index()] = self.statuses[from.index()],
        }
    }

    /// Drops the events of a kind from the `len`-th on.
    fn cut(&mut self, kind: u32, len: usize) {
        match kind {
            0 => self.trades.truncate(len),
            1 => self.bbos.truncate(len),
            2 => self.books.truncate(len),
            _ => self.statuses.truncate(len),
        }
    }

    fn event(&self, at: EventRef) -> LentEvent<'_> {
        match at.kind() {
            0 => MarketEvent::Trade(self.trades[at.index()]),
            1 => MarketEvent::Bbo(self.bbos[at.index()]),
            2 => MarketEvent::Book(&self.books[at.index()]),
            _ => MarketEvent::Status(self.statuses[at.index()]),
        }
    }

    fn recv_time_of(&self, at: EventRef) -> Nanos {
        match at.kind() {
            0 => self.trades[at.index()].recv_time,
            1 => self.bbos[at.index()].recv_time,
            2 => self.books[at.index()].recv_time,
            _ => self.statuses[at.index()].recv_time,
        }
    }

    fn venue_time_of(&self, at: EventRef) -> Nanos {
        match at.kind() {
            0 => self.trades[at.index()].venue_time,
            1 => self.bbos[at.index()].venue_time,
            2 => self.books[at.index()].venue_time,
            _ => self.statuses[at.index()].recv_time,
        }
    }
}

/// Plays a tape back: each event once its recorded receive time has come.
#[derive(Debug)]
pub struct TapeFeed {
    tape: Arc<Tape>,
    position: usize,
}

impl TapeFeed {
    /// From the start of the tape.
    pub fn new(tape: Arc<Tape>) -> Self {
        Self { tape, position: 0 }
    }

    /// Events handed out so far.
    pub fn position(&self) -> usize {
        self.position
    }
}

impl Feed for TapeFeed {
    fn next(&mut self, now: Nanos) -> Option<LentEvent<'_>> {
        self.next_deadline().filter(|due| *due <= now)?;
        let event = self.tape.by_recv(self.position)?;
        self.position += 1;
        Some(event)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.tape.recv_time_at(self.position)
    }
}

#[cfg(test)]
mod tests;
