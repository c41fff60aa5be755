//! Everybody's resting orders of one asset, and whether they are all there.

use super::event::{Fault, OrderEvent};
use crate::types::{Level, Oid, Px, Qty, Side};
use crate::venue::sim::matching::OrderBook;

/// The most that can rest at a price: far from overflow.
const MAX_LEVEL: Qty = Qty::from_raw(i64::MAX / 4);

/// How much is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Knowledge {
    /// From the first event on, without a snapshot: orders from before it are missing.
    Beginning,
    /// Nothing, until a snapshot.
    Void,
    /// A snapshot is being taken in.
    Snapshot,
    /// Every order.
    Whole,
}

/// See the module.
#[derive(Debug)]
pub struct Orders {
    book: OrderBook,
    knowledge: Knowledge,
    /// While a snapshot is taken in, the book before it.
    before: OrderBook,
    /// Orders with a lower id that are not here may be from before the recording. The first id seen.
    oldest: Option<Oid>,
}

impl Default for Orders {
    fn default() -> Self {
        let (book, before) = (OrderBook::new(), OrderBook::new());
        Self { book, knowledge: Knowledge::Beginning, before, oldest: None }
    }
}

impl Orders {
    /// What rests.
    pub fn book(&self) -> &OrderBook {
        &self.book
    }

    /// What rested before a snapshot that has just become whole.
    pub fn before(&self) -> &OrderBook {
        &self.before
    }

    /// Lets that go.
    pub fn forget_before(&mut self) {
        self.before = OrderBook::new();
    }

    /// Whether every order is here.
    pub fn is_whole(&self) -> bool {
        self.knowledge == Knowledge::Whole
    }

    /// Whether nothing is known until the next snapshot.
    pub fn is_void(&self) -> bool {
        self.knowledge == Knowledge::Void
    }

    /// Whether what rested before the first event is not known.
    pub fn is_beginning(&self) -> bool {
        self.knowledge == Knowledge::Beginning
    }

    /// Whether a snapshot is being taken in.
    pub fn is_in_snapshot(&self) -> bool {
        self.knowledge == Knowledge::Snapshot
    }

    /// Whether an order that is not here may be one from before the recording: ids only grow.
    pub fn may_be_unseen(&self, oid: Oid) -> bool {
        !self.is_in_snapshot() && self.oldest.is_none_or(|oldest| oid < oldest)
    }

    /// Takes an event in.
    ///
    /// # Errors
    /// It cannot be true of this book, which is as it was.
    pub fn apply(&mut self, event: &OrderEvent) -> Result<(), Fault> {
        match *event {
            OrderEvent::Void => self.forget(),
            OrderEvent::Snapshot => {
                if !self.is_void() {
                    self.before = std::mem::take(&mut self.book);
                }
                self.book = OrderBook::new();
                (self.knowledge, self.oldest) = (Knowledge::Snapshot, Some(Oid(0)));
            }
            OrderEvent::Whole => self.knowledge = Knowledge::Whole,
            _ if self.is_void() => {}
            OrderEvent::New { oid, side, px, qty, .. } => {
                if !px.is_positive() || !qty.is_positive() {
                    return Err(Fault::BadSize);
                }
                if self.book.remaining(oid).is_some() {
                    return Err(Fault::RepeatedOid);
                }
                if self.book.would_cross(side, px) {
                    return Err(Fault::Crossed);
                }
                if self.is_too_much(side, px, qty) {
                    return Err(Fault::BadSize);
                }
                self.book.place(oid, side, px, qty);
                self.oldest.get_or_insert(oid);
            }
            OrderEvent::Resized { oid, qty, keeps_place } => {
                let (side, Level { px, .. }) = self.book.order(oid).ok_or(Fault::MissingOid)?;
                if !qty.is_positive() || self.is_too_much(side, px, qty) {
                    return Err(Fault::BadSize);
                }
                if keeps_place {
                    self.book.resize(oid, qty);
                } else {
                    self.book.cancel(oid);
                    self.book.place(oid, side, px, qty);
                }
            }
            OrderEvent::Removed { oid } => _ = self.book.cancel(oid).ok_or(Fault::MissingOid)?,
            OrderEvent::Filled { oid, qty, .. } => {
                let left = self.book.remaining(oid).ok_or(Fault::MissingOid)? - qty;
                if !qty.is_positive() || left.is_negative() {
                    return Err(Fault::BadSize);
                }
                if left.is_zero() {
                    self.book.cancel(oid);
                } else {
                    self.book.resize(oid, left);
                }
            }
            OrderEvent::FilledUnseen { px, qty, .. } | OrderEvent::Missed { px, qty, .. } => {
                if !px.is_positive() || !qty.is_positive() {
                    return Err(Fault::BadSize);
                }
            }
        }
        Ok(())
    }

    /// Whether so much more at a price is no size any more.
    fn is_too_much(&self, side: Side, px: Px, qty: Qty) -> bool {
        self.book.qty_at(side, px) > MAX_LEVEL || qty > MAX_LEVEL
    }

    fn forget(&mut self) {
        if !self.is_void() && !self.is_in_snapshot() {
            self.before = std::mem::take(&mut self.book);
        }
        self.book = OrderBook::new();
        self.knowledge = Knowledge::Void;
    }
}
