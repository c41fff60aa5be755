//! Each rule by hand, and a naive twin.

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
        self.orders.iter().any(|o| o.1 != side && (o.2 == px || o.1.opposite().is_better(px, o.2)))
    }
    fn take(&mut self, side: Side, limit: Option<Px>, qty: Qty) -> (Qty, Vec<Match>) {
        let (mut left, mut matches) = (qty, Vec::new());
        while left.is_positive() {
            let Some(i) = self.best(side.opposite()) else { break };
            let order = &mut self.orders[i];
            if limit.is_some_and(|l| side.is_better(l, order.2) || l == order.2) || limit.is_none()
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
