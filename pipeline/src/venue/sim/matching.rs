//! One asset's limit order book with strict price-time priority: better prices trade first, and at
//! one price the order that came first trades first. Exact and deterministic; integers only.
//!
//! Orders live in a slab and hang in a doubly linked queue per price, so that placing, cancelling
//! and filling cost one tree lookup however long a queue is. Nothing is allocated once the slab
//! has grown to the largest number of orders ever in the book, bar nodes of the price tree.

use super::orderwise::event::{OrderEvent, Posted};
use crate::types::{Level, Oid, Px, Qty, Side};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// What one resting order gave to a taker, at the resting order's price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// The resting order.
    pub oid: Oid,
    /// Its price.
    pub px: Px,
    /// How much traded; positive.
    pub qty: Qty,
    /// How much of it still rests; zero = gone.
    pub left: Qty,
}

/// The book of one asset. Never crossed and never locked.
#[derive(Debug, Default)]
pub struct OrderBook {
    nodes: Vec<Node>,
    free: Option<u32>,
    /// Orders placed so far.
    arrivals: u64,
    /// By side, and by priority: see [`rank`]. The first entry is the best price.
    queues: [BTreeMap<i64, Queue>; 2],
    by_oid: HashMap<u64, u32, BuildHasherDefault<OidHasher>>,
    /// What was done, once somebody wants to hear of it.
    log: Option<Vec<OrderEvent>>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    oid: Oid,
    side: Side,
    px: Px,
    qty: Qty,
    /// Which one it was of all that were placed; the first is 1.
    arrival: u64,
    prev: Option<u32>,
    /// The order behind it; of a free node, the next free one.
    next: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Queue {
    front: u32,
    back: u32,
    total: Qty,
}

/// Tree key of a price: ascending = best first on either side.
fn rank(side: Side, px: Px) -> i64 {
    -side.sign() * px.raw()
}

fn px_of(side: Side, rank: i64) -> Px {
    Px::from_raw(-side.sign() * rank)
}

impl OrderBook {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// From here on what is done is kept, for [`OrderBook::take_log`].
    pub fn keep_log(&mut self) {
        self.log.get_or_insert_default();
    }

    /// What was done since this was last asked, in order. Trades have no ids there.
    pub fn take_log(&mut self) -> Vec<OrderEvent> {
        self.log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Adds an order at the back of its price's queue. Panics when the order is not positive, its
    /// id already rests, or it would trade: the caller checks those, they are its errors.
    pub fn place(&mut self, oid: Oid, side: Side, px: Px, qty: Qty) {
        assert!(px.is_positive() && qty.is_positive(), "order {} of {qty} at {px}", oid.0);
        assert!(!self.would_cross(side, px), "{side:?} at {px} would cross the book");
        self.arrivals += 1;
        let arrival = self.arrivals;
        let slot = self.take_slot(Node { oid, side, px, qty, arrival, prev: None, next: None });
        let clash = self.by_oid.insert(oid.0, slot);
        assert!(clash.is_none(), "order id {} rests already", oid.0);
        let queue = self.queues[side.index()].entry(rank(side, px)).or_insert(Queue {
            front: slot,
            back: slot,
            total: Qty::ZERO,
        });
        queue.total += qty;
        if queue.back != slot {
            let ahead = std::mem::replace(&mut queue.back, slot);
            self.nodes[ahead as usize].next = Some(slot);
            self.nodes[slot as usize].prev = Some(ahead);
        }
        self.note(OrderEvent::New { oid, side, px, qty, posted: Posted::Only });
    }

    /// Takes an order out; what was left of it, or [`None`] when it does not rest here.
    pub fn cancel(&mut self, oid: Oid) -> Option<Qty> {
        let slot = *self.by_oid.get(&oid.0)?;
        let qty = self.nodes[slot as usize].qty;
        self.reduce(slot, qty);
        self.note(OrderEvent::Removed { oid });
        Some(qty)
    }

    /// Gives an order another size, positive, at its place in the queue. False when it does not rest here.
    pub fn resize(&mut self, oid: Oid, qty: Qty) -> bool {
        assert!(qty.is_positive(), "order {} resized to {qty}", oid.0);
        let Some(&slot) = self.by_oid.get(&oid.0) else { return false };
        let by = self.nodes[slot as usize].qty - qty;
        self.reduce(slot, by);
        self.note(OrderEvent::Resized { oid, qty, keeps_place: true });
        true
    }

    /// Trades `qty` as a taker of `side` against the other side, at `limit` or better ([`None`] =
    /// any price), best price and oldest order first. Appends to `matches` and returns what found
    /// no counterpart.
    pub fn take(
        &mut self,
        side: Side,
        limit: Option<Px>,
        qty: Qty,
        matches: &mut Vec<Match>,
    ) -> Qty {
        let makers = side.opposite();
        let worst = limit.map_or(i64::MAX, |px| rank(makers, px));
        let mut left = qty;
        while left.is_positive() {
            let Some((&key, queue)) = self.queues[makers.index()].first_key_value() else { break };
            if key > worst {
                break;
            }
            let slot = queue.front;
            let maker = self.nodes[slot as usize];
            let traded = maker.qty.min(left);
            self.reduce(slot, traded);
            left -= traded;
            let left_over = maker.qty - traded;
            matches.push(Match { oid: maker.oid, px: maker.px, qty: traded, left: left_over });
            self.note(OrderEvent::Filled { oid: maker.oid, qty: traded, tid: 0 });
        }
        if let Some(px) = limit.filter(|_| left.is_positive()) {
            self.note(OrderEvent::Missed { side, px, qty: left });
        }
        left
    }

    /// Whether an order would trade instead of resting.
    pub fn would_cross(&self, side: Side, px: Px) -> bool {
        let makers = side.opposite();
        let best = self.queues[makers.index()].first_key_value();
        best.is_some_and(|(&key, _)| key <= rank(makers, px))
    }

    /// The best level of a side.
    pub fn best(&self, side: Side) -> Option<Level> {
        self.levels(side).next()
    }

    /// The best level of both sides, bid then ask; zero size = empty.
    pub fn touch(&self) -> (Level, Level) {
        (self.best(Side::Bid).unwrap_or_default(), self.best(Side::Ask).unwrap_or_default())
    }

    /// All levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        self.queues[side.index()]
            .iter()
            .map(move |(&key, queue)| Level { px: px_of(side, key), qty: queue.total })
    }

    /// How many prices of a side hold an order.
    pub fn level_count(&self, side: Side) -> usize {
        self.queues[side.index()].len()
    }

    /// Total size at one price; zero when nobody is there.
    pub fn qty_at(&self, side: Side, px: Px) -> Qty {
        self.queues[side.index()].get(&rank(side, px)).map_or(Qty::ZERO, |queue| queue.total)
    }

    /// The orders at one price with their sizes, first in line first.
    pub fn queue(&self, side: Side, px: Px) -> impl Iterator<Item = (Oid, Qty)> + '_ {
        let front = self.queues[side.index()].get(&rank(side, px)).map(|queue| queue.front);
        std::iter::successors(front, |&slot| self.nodes[slot as usize].next).map(|slot| {
            let node = &self.nodes[slot as usize];
            (node.oid, node.qty)
        })
    }

    /// What is left of a resting order.
    pub fn remaining(&self, oid: Oid) -> Option<Qty> {
        self.by_oid.get(&oid.0).map(|&slot| self.nodes[slot as usize].qty)
    }

    /// A resting order: side, price, what is left of it.
    pub fn order(&self, oid: Oid) -> Option<(Side, Level)> {
        let node = &self.nodes[*self.by_oid.get(&oid.0)? as usize];
        Some((node.side, Level { px: node.px, qty: node.qty }))
    }

    /// Which one a resting order was of all that were placed: of two at one price, the lower trades first.
    pub fn arrival(&self, oid: Oid) -> Option<u64> {
        self.by_oid.get(&oid.0).map(|&slot| self.nodes[slot as usize].arrival)
    }

    /// How many orders were ever placed: the arrival of the newest.
    pub fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// Size that trades before a resting order at its own price.
    pub fn qty_ahead(&self, oid: Oid) -> Option<Qty> {
        let node = &self.nodes[*self.by_oid.get(&oid.0)? as usize];
        Some(self.queue(node.side, node.px).take_while(|&(o, _)| o != oid).map(|(_, q)| q).sum())
    }

    /// The order of a side that would trade first, and what is left of it.
    pub fn front(&self, side: Side) -> Option<(Oid, Level)> {
        let (_, queue) = self.queues[side.index()].first_key_value()?;
        let node = &self.nodes[queue.front as usize];
        Some((node.oid, Level { px: node.px, qty: node.qty }))
    }

    /// How many orders rest.
    pub fn len(&self) -> usize {
        self.by_oid.len()
    }

    /// Whether no order rests.
    pub fn is_empty(&self) -> bool {
        self.by_oid.is_empty()
    }

    fn note(&mut self, event: OrderEvent) {
        if let Some(log) = &mut self.log {
            log.push(event);
        }
    }

    fn take_slot(&mut self, node: Node) -> u32 {
        if let Some(slot) = self.free {
            self.free = self.nodes[slot as usize].next;
            self.nodes[slot as usize] = node;
            return slot;
        }
        assert!(self.nodes.len() < u32::MAX as usize, "order slab is full");
        self.nodes.push(node);
        (self.nodes.len() - 1) as u32
    }

    /// Takes `qty` off an order, and the order off its queue when nothing is left.
    fn reduce(&mut self, slot: u32, qty: Qty) {
        let node = &mut self.nodes[slot as usize];
        node.qty -= qty;
        let node = *node;
        let key = rank(node.side, node.px);
        let queues = &mut self.queues[node.side.index()];
        let queue = queues.get_mut(&key);
        assert!(queue.is_some(), "an order rests without a queue at {}", node.px);
        let Some(queue) = queue else { return };
        queue.total -= qty;
        if node.qty.is_positive() {
            return;
        }
        match (node.prev, node.next) {
            (None, None) => {
                queues.remove(&key);
            }
            (Some(prev), None) => {
                queue.back = prev;
                self.nodes[prev as usize].next = None;
            }
            (None, Some(next)) => {
                queue.front = next;
                self.nodes[next as usize].prev = None;
            }
            (Some(prev), Some(next)) => {
                self.nodes[prev as usize].next = Some(next);
                self.nodes[next as usize].prev = Some(prev);
            }
        }
        self.by_oid.remove(&node.oid.0);
        self.nodes[slot as usize].next = self.free;
        self.free = Some(slot);
    }
}

/// Ids are unique and not chosen by an adversary: one multiplication spreads them well enough.
#[derive(Default)]
struct OidHasher(u64);

impl Hasher for OidHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }
    fn write_u64(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

#[cfg(test)]
mod tests;
