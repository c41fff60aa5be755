//! A book kept from numbered changes after a whole one, as Binance tells it.
//!
//! A change has the ids from `first` to `last`, of futures also the last id of the one `before` it. After a
//! whole book of an id, changes up to that id are in it already; the next one must touch it, and each one
//! after that must follow the one before. Where one does not, the book is void until the next whole one;
//! changes that wait for it are kept, for it may be older than they are.

use super::depth::{Depth, is_same};
use botmm_pipeline::types::{BookSnapshot, Nanos, Px, Qty, Side};
use std::collections::VecDeque;

/// Levels of changes that wait for a whole book: minutes of them.
const MAX_WAITING_LEVELS: usize = 1 << 20;

/// Changes of levels; of size 0 one is gone.
#[derive(Debug)]
pub struct Changes {
    /// The ids that it has.
    pub first: u64,
    pub last: u64,
    /// The last id of the event before, where that is told.
    pub before: Option<u64>,
    /// When, at the venue.
    pub venue: Nanos,
    pub levels: Vec<(Side, Px, Qty)>,
}

/// A whole book.
#[derive(Debug)]
pub struct Whole {
    /// The last id that is in it.
    pub id: u64,
    /// Of when it is, where that is told.
    pub venue: Option<Nanos>,
    pub levels: Vec<(Side, Px, Qty)>,
}

/// Up to which id a book is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Known {
    /// It is not.
    #[default]
    Void,
    /// By a whole book.
    Whole(u64),
    /// By changes after one.
    Followed(u64),
}

/// What a change is to a book.
enum Fate {
    /// It is in it already.
    Old,
    Next,
    /// What comes between is missing.
    Ahead,
}

/// See the module.
#[derive(Default)]
pub struct Kept {
    depth: Depth,
    known: Known,
    waiting: VecDeque<Changes>,
    waiting_levels: usize,
    last: Option<BookSnapshot>,
    gaps: u64,
    late_books: u64,
    old: u64,
    lost: u64,
}

impl Changes {
    fn fate(&self, known: Known) -> Fate {
        let (id, is_next) = match known {
            Known::Void => return Fate::Ahead,
            // It may begin inside the book.
            Known::Whole(id) => (id, self.before.map_or(self.first <= id + 1, |b| b <= id)),
            Known::Followed(id) => (id, self.before.map_or(self.first == id + 1, |b| b == id)),
        };
        match (self.last <= id, is_next) {
            (true, _) => Fate::Old,
            (false, true) => Fate::Next,
            (false, false) => Fate::Ahead,
        }
    }
}

impl Kept {
    /// Takes changes in; the book after them, when its best levels are others now.
    ///
    /// # Errors
    /// There are more levels than any book has: it is void.
    pub fn change(
        &mut self,
        changes: Changes,
        recv: Nanos,
    ) -> Result<Option<BookSnapshot>, String> {
        match changes.fate(self.known) {
            Fate::Old => self.old += 1,
            Fate::Next => {
                self.apply(&changes)?;
                return Ok(self.told([changes.venue, recv]));
            }
            Fate::Ahead => {
                self.gaps += u64::from(self.known != Known::Void);
                self.known = Known::Void;
                self.wait(changes);
            }
        }
        Ok(None)
    }

    /// Takes a whole book in, and the changes that waited for it; the book then, where its time is known.
    ///
    /// # Errors
    /// As [`Self::change`].
    pub fn reset(&mut self, whole: Whole, recv: Nanos) -> Result<Option<BookSnapshot>, String> {
        if matches!(self.known, Known::Whole(id) | Known::Followed(id) if whole.id < id) {
            self.late_books += 1;
            return Ok(None);
        }
        self.depth.clear_all();
        self.known = Known::Void;
        for (side, px, qty) in whole.levels {
            self.depth.set(side, px, qty)?;
        }
        (self.known, self.last) = (Known::Whole(whole.id), None);
        let mut venue = whole.venue;
        while let Some(changes) = self.waiting.pop_front() {
            self.waiting_levels -= changes.levels.len();
            match changes.fate(self.known) {
                Fate::Old => {}
                Fate::Next => {
                    self.apply(&changes)?;
                    venue = Some(changes.venue);
                }
                Fate::Ahead => {
                    self.late_books += u64::from(self.known == Known::Whole(whole.id));
                    self.gaps += u64::from(self.known != Known::Whole(whole.id));
                    self.known = Known::Void;
                    self.waiting_levels += changes.levels.len();
                    self.waiting.push_front(changes);
                    return Ok(None);
                }
            }
        }
        // Of no time of its own it is told by the change after it.
        Ok(venue.and_then(|venue| self.told([venue, recv])))
    }

    fn apply(&mut self, changes: &Changes) -> Result<(), String> {
        self.known = Known::Void;
        for (side, px, qty) in &changes.levels {
            self.depth.set(*side, *px, *qty)?;
        }
        self.known = Known::Followed(changes.last);
        Ok(())
    }

    fn told(&mut self, times: [Nanos; 2]) -> Option<BookSnapshot> {
        let book = self.depth.book(times);
        let is_new = self.last.as_ref().is_none_or(|last| !is_same(last, &book));
        self.last = Some(book);
        is_new.then_some(book)
    }

    fn wait(&mut self, changes: Changes) {
        self.waiting_levels += changes.levels.len();
        self.waiting.push_back(changes);
        while self.waiting_levels > MAX_WAITING_LEVELS {
            let Some(oldest) = self.waiting.pop_front() else { break };
            self.waiting_levels -= oldest.levels.len();
            self.lost += 1;
        }
    }

    /// What a person should know.
    pub fn notes(&self) -> Vec<String> {
        let waiting = self.lost + self.waiting.len() as u64;
        let note = |n: u64, what: &str| (n > 0).then(|| format!("{n} {what}"));
        [
            note(
                self.gaps,
                "gaps in the changes of its book, which is void from there to the next whole one",
            ),
            note(waiting, "changes without a whole book that they follow: left out"),
            note(self.late_books, "whole books older than the changes around them: left out"),
            note(self.old, "changes that the book has already: left out"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
