//! One asset's limit order book with strict price-time priority: better prices trade first, and at
//! one price the order that came first trades first. Exact and deterministic; integers only.
//!
//! Orders live in a slab and hang in a doubly linked queue per price, so that placing, cancelling
//! and filling cost one tree lookup however long a queue is. Nothing is allocated once the slab
//! has grown to the largest number of orders ever in the book, bar nodes of the price tree.

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
    /// By side, and by priority: see [`rank`]. The first entry is the best price.
    queues: [BTreeMap<i64, Queue>; 2],
    by_oid: HashMap<u64, u32, BuildHasherDefault<OidHasher>>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    oid: Oid,
    side: Side,
    px: Px,
    qty: Qty,
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

    /// Adds an order at the back of its price's queue. Panics when the order is not positive, its
    /// id already rests, or it would trade: the caller checks those, they are its errors.
    pub fn place(&mut self, oid: Oid, side: Side, px: Px, qty: Qty) {
        assert!(px.is_positive() && qty.is_positive(), "order {} of {qty} at {px}", oid.0);
        assert!(!self.would_cross(side, px), "{side:?} at {px} would cross the book");
        let slot = self.take_slot(Node { oid, side, px, qty, prev: None, next: None });
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
    }

    /// Takes an order out; what was left of it, or [`None`] when it does not rest here.
    pub fn cancel(&mut self, oid: Oid) -> Option<Qty> {
        let slot = *self.by_oid.get(&oid.0)?;
        let qty = self.nodes[slot as usize].qty;
        self.reduce(slot, qty);
        Some(qty)
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
mod tests {
    use super::*;
    use crate::types::DecisionHash;
    use proptest::prelude::*;

    /// A hash over every order in priority order: equal books hash equal.
    fn state_hash(book: &OrderBook) -> u64 {
        let mut hash = DecisionHash::default();
        for side in Side::BOTH {
            for level in book.levels(side) {
                for (oid, qty) in book.queue(side, level.px) {
                    hash.word(side.index() as u64);
                    hash.word(level.px.raw() as u64);
                    hash.word(oid.0);
                    hash.word(qty.raw() as u64);
                }
            }
        }
        hash.finish()
    }

    /// The same rules, written as plainly as they can be: one list in order of arrival.
    #[derive(Default)]
    struct Naive {
        orders: Vec<(Oid, Side, Px, Qty)>,
    }

    impl Naive {
        fn best(&self, side: Side) -> Option<usize> {
            let mut best: Option<usize> = None;
            for (i, &(_, s, px, _)) in self.orders.iter().enumerate() {
                if s == side && best.is_none_or(|b| side.is_better(px, self.orders[b].2)) {
                    best = Some(i);
                }
            }
            best
        }
        fn would_cross(&self, side: Side, px: Px) -> bool {
            self.orders
                .iter()
                .any(|o| o.1 != side && (o.2 == px || o.1.opposite().is_better(px, o.2)))
        }
        fn take(&mut self, side: Side, limit: Option<Px>, qty: Qty) -> (Qty, Vec<Match>) {
            let (mut left, mut matches) = (qty, Vec::new());
            while left.is_positive() {
                let Some(i) = self.best(side.opposite()) else { break };
                let order = &mut self.orders[i];
                if limit.is_some_and(|l| side.is_better(l, order.2) || l == order.2)
                    || limit.is_none()
                {
                    let traded = if order.3 < left { order.3 } else { left };
                    order.3 -= traded;
                    left -= traded;
                    matches.push(Match { oid: order.0, px: order.2, qty: traded, left: order.3 });
                    self.orders.retain(|o| !o.3.is_zero());
                } else {
                    break;
                }
            }
            (left, matches)
        }
        fn cancel(&mut self, oid: Oid) -> Option<Qty> {
            let i = self.orders.iter().position(|o| o.0 == oid)?;
            Some(self.orders.remove(i).3)
        }
        fn state_hash(&self) -> u64 {
            let mut rest = Naive { orders: self.orders.clone() };
            let mut hash = DecisionHash::default();
            for side in Side::BOTH {
                while let Some(i) = rest.best(side) {
                    let (oid, _, px, qty) = rest.orders.remove(i);
                    for word in [side.index() as u64, px.raw() as u64, oid.0, qty.raw() as u64] {
                        hash.word(word);
                    }
                }
            }
            hash.finish()
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Op {
        Place(bool, i64, i64),
        Cancel(usize),
        Take(bool, Option<i64>, i64),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            5 => (any::<bool>(), 90_i64..110, 1_i64..50).prop_map(|(s, p, q)| Op::Place(s, p, q)),
            2 => any::<usize>().prop_map(Op::Cancel),
            2 => (any::<bool>(), proptest::option::of(90_i64..110), 1_i64..120)
                .prop_map(|(s, p, q)| Op::Take(s, p, q)),
        ]
    }

    fn side(bid: bool) -> Side {
        if bid { Side::Bid } else { Side::Ask }
    }

    fn check_structure(book: &OrderBook) {
        let mut orders = 0;
        for s in Side::BOTH {
            let levels: Vec<Level> = book.levels(s).collect();
            assert!(levels.windows(2).all(|w| s.is_better(w[0].px, w[1].px)), "not sorted");
            for level in levels {
                let queue: Vec<_> = book.queue(s, level.px).collect();
                assert!(!queue.is_empty() && queue.iter().all(|(_, q)| q.is_positive()));
                assert_eq!(queue.iter().map(|(_, q)| *q).sum::<Qty>(), level.qty);
                assert_eq!(book.qty_at(s, level.px), level.qty);
                orders += queue.len();
            }
        }
        assert_eq!(orders, book.len());
        let (bid, ask) = book.touch();
        assert!(bid.qty.is_zero() || ask.qty.is_zero() || bid.px < ask.px, "crossed or locked");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn equals_its_naive_twin_and_conserves_quantity(ops in prop::collection::vec(op(), 1..200)) {
            let (mut book, mut naive) = (OrderBook::new(), Naive::default());
            let mut ids: u64 = 0;
            let (mut placed, mut cancelled, mut traded) = (Qty::ZERO, Qty::ZERO, Qty::ZERO);
            for op in ops {
                match op {
                    Op::Place(bid, px, qty) => {
                        let (s, px, qty) = (side(bid), Px::whole(px), Qty::whole(qty));
                        prop_assert_eq!(book.would_cross(s, px), naive.would_cross(s, px));
                        if !book.would_cross(s, px) {
                            ids += 1;
                            book.place(Oid(ids), s, px, qty);
                            naive.orders.push((Oid(ids), s, px, qty));
                            placed += qty;
                        }
                    }
                    Op::Cancel(pick) => {
                        let oid = Oid(pick as u64 % (ids + 2));
                        let left = book.cancel(oid);
                        prop_assert_eq!(left, naive.cancel(oid));
                        prop_assert_eq!(book.remaining(oid), None);
                        cancelled += left.unwrap_or(Qty::ZERO);
                    }
                    Op::Take(bid, limit, qty) => {
                        let (limit, qty) = (limit.map(Px::whole), Qty::whole(qty));
                        let mut matches = Vec::new();
                        let left = book.take(side(bid), limit, qty, &mut matches);
                        prop_assert_eq!((left, matches.clone()), naive.take(side(bid), limit, qty));
                        let filled: Qty = matches.iter().map(|m| m.qty).sum();
                        prop_assert_eq!(filled + left, qty);
                        traded += filled;
                    }
                }
                check_structure(&book);
                prop_assert_eq!(state_hash(&book), naive.state_hash());
            }
            let resting: Qty = naive.orders.iter().map(|o| o.3).sum();
            prop_assert_eq!(placed, cancelled + traded + resting);
        }
    }

    #[test]
    fn first_in_first_out_at_a_price_and_best_price_first() {
        let mut book = OrderBook::new();
        for (oid, px, qty) in [(1, 101, 5), (2, 100, 3), (3, 100, 4), (4, 100, 2)] {
            book.place(Oid(oid), Side::Ask, Px::whole(px), Qty::whole(qty));
        }
        assert_eq!(book.qty_ahead(Oid(4)), Some(Qty::whole(7)));
        let mut matches = Vec::new();
        // The middle of the queue leaves: those behind it move up, nobody overtakes.
        assert_eq!(book.cancel(Oid(3)), Some(Qty::whole(4)));
        let left = book.take(Side::Bid, Some(Px::whole(101)), Qty::whole(12), &mut matches);
        assert_eq!(left, Qty::whole(2));
        let seen: Vec<_> = matches.iter().map(|m| (m.oid.0, m.px, m.qty)).collect();
        let whole = |o, p, q| (o, Px::whole(p), Qty::whole(q));
        assert_eq!(seen, [whole(2, 100, 3), whole(4, 100, 2), whole(1, 101, 5)]);
        assert!(book.is_empty());
    }

    #[test]
    fn a_partial_fill_keeps_its_place_and_a_limit_stops_the_taker() {
        let mut book = OrderBook::new();
        book.place(Oid(1), Side::Bid, Px::whole(100), Qty::whole(5));
        book.place(Oid(2), Side::Bid, Px::whole(100), Qty::whole(5));
        book.place(Oid(3), Side::Bid, Px::whole(99), Qty::whole(5));
        let mut matches = Vec::new();
        assert!(book.take(Side::Ask, None, Qty::whole(2), &mut matches).is_zero());
        assert_eq!(book.remaining(Oid(1)), Some(Qty::whole(3)));
        assert_eq!(book.qty_ahead(Oid(2)), Some(Qty::whole(3)));
        let left = book.take(Side::Ask, Some(Px::whole(100)), Qty::whole(20), &mut matches);
        assert_eq!(left, Qty::whole(12));
        assert_eq!(book.touch().0, Level { px: Px::whole(99), qty: Qty::whole(5) });
    }

    #[test]
    fn slots_are_reused() {
        let mut book = OrderBook::new();
        for oid in 1..1_000 {
            book.place(Oid(oid), Side::Bid, Px::whole(100), Qty::whole(1));
            if oid > 10 {
                assert!(book.cancel(Oid(oid - 10)).is_some());
            }
        }
        assert!(book.nodes.len() <= 11, "{} slots for 10 orders", book.nodes.len());
    }

    #[test]
    #[should_panic(expected = "would cross")]
    fn a_crossing_order_is_refused() {
        let mut book = OrderBook::new();
        book.place(Oid(1), Side::Ask, Px::whole(100), Qty::whole(1));
        book.place(Oid(2), Side::Bid, Px::whole(100), Qty::whole(1));
    }
}
