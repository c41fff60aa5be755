//! The ring that market events travel in, with a ring of their own for books behind it: a touch or a
//! trade is one cache line, and only a book costs a book's copy.
//!
//! A book is pushed before the event that tells of it, and popped with it: who sees the event finds the
//! book, and in the order of the events. An event that finds no room for the whole of itself leaves
//! nothing in either ring.

use crate::rt::{In, Input, Out, RingStats, ring};
use crate::types::{
    BookForm, BookHead, BookSnapshot, EventHead, LentEvent, LevelChange, MarketEvent, Nanos, Trade,
};
use std::sync::Arc;

/// Makes the two rings, each with a name and room for so many.
pub fn market_ring(
    events: (&'static str, usize),
    books: (&'static str, usize),
) -> (MarketOut, MarketIn) {
    let (event_tx, event_rx) = ring(events.0, events.1);
    let (book_tx, book_rx) = ring(books.0, books.1);
    (MarketOut { events: event_tx, books: book_tx }, MarketIn { events: event_rx, books: book_rx })
}

/// The producer's end.
#[derive(Debug)]
pub struct MarketOut {
    events: Out<EventHead>,
    books: Out<BookSnapshot>,
}

impl MarketOut {
    /// Hands over the `seq`-th event; false, and nothing of it is, when there is no room.
    pub fn push(&mut self, seq: u64, event: LentEvent<'_>) -> bool {
        self.try_push(seq, event).is_ok()
    }

    /// The same; an event without room is dropped, and counted by the ring that was full.
    pub fn push_or_drop(&mut self, seq: u64, event: LentEvent<'_>) -> bool {
        let pushed = self.try_push(seq, event);
        match pushed {
            Err(Full::Events) => self.events.count_dropped(),
            Err(Full::Books) => self.books.count_dropped(),
            Ok(()) => {}
        }
        pushed.is_ok()
    }

    fn try_push(&mut self, seq: u64, event: LentEvent<'_>) -> Result<(), Full> {
        if let MarketEvent::Book(book) = event {
            if self.events.free() == 0 {
                return Err(Full::Events);
            }
            self.books.push(*book).map_err(|_| Full::Books)?;
        }
        let mut head = event.map(|book| book.head());
        head.set_seq(seq);
        self.events.push(head).map_err(|_| Full::Events)
    }

    /// Hands over a row, the change of a level or a trade; false when there is no room, or it is something else.
    #[inline]
    pub fn push_row(&mut self, seq: u64, row: LentEvent<'_>) -> bool {
        let head = match row {
            MarketEvent::Level(change) => MarketEvent::Level(LevelChange { seq, ..change }),
            MarketEvent::Trade(trade) => MarketEvent::Trade(Trade { seq, ..trade }),
            _ => return false,
        };
        self.events.push(head).is_ok()
    }

    /// Brings the places of the next event and of its book near.
    pub fn warm(&mut self) {
        self.events.warm();
        self.books.warm();
    }

    /// Whether any event would find room.
    pub fn has_room(&self) -> bool {
        self.events.free() > 0 && self.books.free() > 0
    }

    /// For how many rows there is room.
    pub fn room_for_rows(&self) -> usize {
        self.events.free()
    }

    /// Names and loss counts of the two.
    pub fn stats(&self) -> [Arc<RingStats>; 2] {
        [self.events.stats().clone(), self.books.stats().clone()]
    }
}

/// Which of the two had no room.
enum Full {
    Events,
    Books,
}

/// The consumer's end.
#[derive(Debug)]
pub struct MarketIn {
    events: In<EventHead>,
    books: In<BookSnapshot>,
}

impl MarketIn {
    /// The oldest event. Of a book, [`MarketIn::take_book`] must follow.
    pub fn pop(&mut self) -> Option<EventHead> {
        self.events.pop()
    }

    /// What it takes from. A book goes with its event.
    pub fn input(&mut self) -> &mut dyn Input {
        &mut self.events
    }

    /// When the oldest event reached us.
    pub fn next_time(&self) -> Option<Nanos> {
        self.events.peek().map(EventHead::recv_time)
    }

    /// Shows the book of the event that was popped last, where it lies, and takes it out.
    pub fn take_book<T>(&mut self, head: &BookHead, see: impl FnOnce(&BookSnapshot) -> T) -> T {
        let Some(book) = self.books.peek() else { panic!("no book was pushed before {head:?}") };
        assert_eq!(book.head(), BookHead { seq: 0, ..*head }, "books and their events are in step");
        let seen = see(book);
        self.books.skip();
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{AssetId, Bbo};

    fn book(at: i64) -> BookSnapshot {
        BookSnapshot { venue_time: Nanos(at), bid_count: at as u8, ..BookSnapshot::EMPTY }
    }

    fn push(out: &mut MarketOut, at: i64) -> bool {
        out.push_or_drop(at as u64, MarketEvent::Book(&book(at)))
    }

    fn touch(out: &mut MarketOut, at: i64) -> bool {
        out.push_or_drop(at as u64, MarketEvent::Bbo(Bbo::default()))
    }

    /// The numbers of what comes out; of books, those that they were made with.
    fn drain(input: &mut MarketIn) -> Vec<u64> {
        let mut seen = Vec::new();
        while let Some(event) = input.pop() {
            seen.push(match event {
                MarketEvent::Book(head) => {
                    let made = input.take_book(&head, |book| u64::from(book.bid_count));
                    assert_eq!(made, head.seq);
                    made
                }
                MarketEvent::Bbo(bbo) => bbo.seq,
                other => panic!("{other:?}"),
            });
        }
        seen
    }

    #[test]
    fn books_keep_their_place_among_the_events_however_often_a_ring_is_full() {
        let (mut out, mut input) = market_ring(("events", 4), ("books", 2));
        let stats = out.stats();
        for round in 0..5 {
            let at = 10 * round;
            // The third book finds no room, a touch still does; then nothing does.
            let taken = [push(&mut out, at), touch(&mut out, at + 1), push(&mut out, at + 2)];
            assert_eq!((taken, out.has_room()), ([true; 3], false));
            assert!(!push(&mut out, at + 3) && touch(&mut out, at + 4));
            assert!(!touch(&mut out, at + 5) && !push(&mut out, at + 6));
            let expected = [0, 1, 2, 4].map(|i| (at + i) as u64);
            assert_eq!(drain(&mut input), expected);
            assert!(out.has_room());
        }
        assert_eq!(stats.map(|s| (s.name, s.dropped())), [("events", 10), ("books", 5)]);
    }

    #[test]
    fn a_book_without_room_for_its_event_leaves_nothing_behind() {
        let (mut out, mut input) = market_ring(("events", 1), ("books", 4));
        assert!(touch(&mut out, 1));
        assert!(!out.push(2, MarketEvent::Book(&book(2))));
        assert_eq!(drain(&mut input), [1]);
        assert!(push(&mut out, 3));
        assert_eq!(drain(&mut input), [3]);
    }

    #[test]
    #[should_panic(expected = "in step")]
    fn a_book_that_is_not_the_events_is_noticed() {
        let (mut out, mut input) = market_ring(("events", 4), ("books", 4));
        assert!(push(&mut out, 1));
        let Some(MarketEvent::Book(head)) = input.pop() else { panic!("a book was pushed") };
        input.take_book(&BookHead { asset: AssetId::new(1), ..head }, |_| ());
    }

    /// Between two threads: whoever sees an event sees its book, whole.
    #[test]
    fn two_threads_see_books_whole_and_in_order() {
        let (mut out, mut input) = market_ring(("events", 8), ("books", 3));
        let rounds = if cfg!(miri) { 100 } else { 20_000 };
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for at in 0..rounds {
                    let mut book = BookSnapshot { venue_time: Nanos(at), ..BookSnapshot::EMPTY };
                    book.bids.iter_mut().for_each(|l| l.qty = crate::types::Qty::from_raw(at));
                    let event = match at % 3 {
                        0 => MarketEvent::Book(&book),
                        _ => MarketEvent::Bbo(Bbo { venue_time: Nanos(at), ..Bbo::default() }),
                    };
                    while !out.push(at as u64, event) {
                        std::thread::yield_now();
                    }
                }
            });
            for at in 0..rounds {
                let event = loop {
                    match input.pop() {
                        Some(event) => break event,
                        None => std::thread::yield_now(),
                    }
                };
                assert_eq!(event.venue_time(), Nanos(at));
                if let MarketEvent::Book(head) = event {
                    assert_eq!(head.seq, at as u64);
                    let is_whole = |b: &BookSnapshot| b.bids.iter().all(|l| l.qty.raw() == at);
                    assert!(input.take_book(&head, is_whole));
                }
            }
        });
    }
}
