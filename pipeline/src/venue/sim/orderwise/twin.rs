//! Two twins. The naive one has ours and others' orders in one list and walks it at every trade; on
//! random order data it must agree with the market to the last unit. The real one is the world with our
//! order really in it: takers meet a matching engine in which ours rests, and the market must give the
//! same fills from what the world without it recorded.

use super::builder::Builder;
use super::event::{OrderEvent, Posted};
use super::market::OrderwiseMarket;
use super::public::{BlockTimes, Cadence};
use crate::types::{AssetId, BookSnapshot, Nanos, Oid, Px, Qty, Side};
use crate::venue::sim::matching::OrderBook;
use crate::venue::sim::{Market, MarketOutput, RestingOrder};
use proptest::prelude::*;
use std::sync::Arc;

const ASSET: AssetId = BookSnapshot::EMPTY.asset;
/// Ours have ids from here on.
const OURS: u64 = 1 << 40;

/// What somebody does.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Posts an order, if it would rest.
    Post(bool, i64, i64),
    /// Cancels the so-manieth of the resting orders of others.
    Cancel(usize),
    /// Halves one.
    Shrink(usize),
    /// Changes the size of one, which then goes to the back.
    Move(usize, i64),
    /// Takes, up to a limit; the rest is cancelled.
    Take(bool, i64, i64),
    /// Takes, and rests with what is left.
    Cross(bool, i64, i64),
    /// We post an order, if it would rest.
    Ours(bool, i64, i64),
    /// We cancel one.
    OursGone(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let order = (any::<bool>(), 95_i64..106, 1_i64..9);
    prop_oneof![
        6 => order.clone().prop_map(|(b, p, q)| Act::Post(b, p, q)),
        3 => any::<usize>().prop_map(Act::Cancel),
        2 => any::<usize>().prop_map(Act::Shrink),
        1 => (any::<usize>(), 1_i64..9).prop_map(|(i, q)| Act::Move(i, q)),
        4 => order.clone().prop_map(|(b, p, q)| Act::Take(b, p, q * 2)),
        2 => order.clone().prop_map(|(b, p, q)| Act::Cross(b, p, q * 2)),
        2 => order.prop_map(|(b, p, q)| Act::Ours(b, p, q)),
        1 => any::<usize>().prop_map(Act::OursGone),
    ]
}

fn side(bid: bool) -> Side {
    if bid { Side::Bid } else { Side::Ask }
}

/// A world of acts: its book, and what is recorded of it.
#[derive(Default)]
struct World {
    book: OrderBook,
    live: Vec<Oid>,
    ids: u64,
    tid: u64,
    events: Vec<OrderEvent>,
    /// Fills of our orders that are in it.
    ours: Vec<(Oid, Qty)>,
}

impl World {
    fn place(&mut self, side: Side, px: Px, qty: Qty, posted: Posted) {
        self.ids += 1;
        let oid = Oid(self.ids);
        self.book.place(oid, side, px, qty);
        self.live.push(oid);
        self.events.push(OrderEvent::New { oid, side, px, qty, posted });
    }
    fn take(&mut self, side: Side, px: Px, qty: Qty) -> Qty {
        let mut matches = Vec::new();
        let left = self.book.take(side, Some(px), qty, &mut matches);
        for m in matches {
            if m.oid.0 >= OURS {
                self.ours.push((m.oid, m.qty));
                continue;
            }
            self.tid += 1;
            self.events.push(OrderEvent::Filled { oid: m.oid, qty: m.qty, tid: self.tid });
        }
        left
    }
    /// Lets others act; the ids that new orders get are the same in every world.
    fn act(&mut self, act: Act) {
        let pick = |i: usize, live: &[Oid]| (!live.is_empty()).then(|| live[i % live.len()]);
        match act {
            Act::Post(bid, px, qty) => {
                let (side, px) = (side(bid), Px::whole(px));
                if self.book.would_cross(side, px) {
                    self.ids += 1;
                    self.live.push(Oid(self.ids));
                } else {
                    self.place(side, px, Qty::whole(qty), Posted::Only);
                }
            }
            Act::Cancel(i) => {
                if let Some(oid) = pick(i, &self.live)
                    && self.book.cancel(oid).is_some()
                {
                    self.events.push(OrderEvent::Removed { oid });
                }
            }
            Act::Shrink(i) => {
                let Some(oid) = pick(i, &self.live) else { return };
                let half = |left: Qty| Qty::from_raw(left.raw() / 2 / LOT * LOT);
                if let Some(qty) = self.book.remaining(oid).map(half).filter(|q| q.is_positive()) {
                    self.book.resize(oid, qty);
                    self.events.push(OrderEvent::Resized { oid, qty, keeps_place: true });
                }
            }
            Act::Move(i, qty) => {
                let Some(oid) = pick(i, &self.live) else { return };
                if let Some((side, level)) = self.book.order(oid) {
                    let qty = Qty::whole(qty);
                    self.book.cancel(oid);
                    self.book.place(oid, side, level.px, qty);
                    self.events.push(OrderEvent::Resized { oid, qty, keeps_place: false });
                }
            }
            Act::Take(bid, px, qty) => {
                let (side, px) = (side(bid), Px::whole(px));
                let qty = self.take(side, px, Qty::whole(qty));
                if qty.is_positive() {
                    self.events.push(OrderEvent::Missed { side, px, qty });
                }
            }
            Act::Cross(bid, px, qty) => {
                let (side, px) = (side(bid), Px::whole(px));
                let qty = self.take(side, px, Qty::whole(qty));
                if qty.is_positive() {
                    self.place(side, px, qty, Posted::AfterTaking);
                } else {
                    self.ids += 1;
                    self.live.push(Oid(self.ids));
                }
            }
            Act::Ours(..) | Act::OursGone(_) => {}
        }
    }
}

const LOT: i64 = 1_000;

/// Builds the tape of a world, an act a block.
fn market_of(blocks: &[Vec<OrderEvent>]) -> OrderwiseMarket {
    let universe = crate::coins::universe([("TEST", 5)]);
    let mut builder = Builder::new(&universe, Cadence::TODAY);
    let begin = |builder: &mut Builder, time| {
        builder.begin(BlockTimes { asset: ASSET, venue: Nanos(time), recv: Nanos(time) });
    };
    begin(&mut builder, 0);
    builder.push(&OrderEvent::Snapshot);
    builder.push(&OrderEvent::Whole);
    builder.end(&mut Vec::new());
    for (i, events) in blocks.iter().enumerate() {
        begin(&mut builder, i as i64 + 1);
        for event in events {
            match *event {
                OrderEvent::Filled { oid, qty, tid } => {
                    builder.fill(oid, (Side::Bid, Px::whole(1)), qty, tid);
                }
                ref other => builder.push(other),
            }
        }
        builder.end(&mut Vec::new());
    }
    let (tape, reports) = builder.finish();
    assert_eq!(reports[0].faults.iter().sum::<u64>(), 0, "{reports:?}");
    OrderwiseMarket::new(Arc::new(tape), &universe, Vec::new())
}

/// One list of all orders, oldest first.
#[derive(Default)]
struct Naive {
    orders: Vec<(Oid, Side, Px, Qty)>,
    fills: Vec<(Oid, Qty)>,
}

impl Naive {
    fn find(&self, oid: Oid) -> usize {
        self.orders.iter().position(|o| o.0 == oid).unwrap()
    }
    /// A taker wanted `qty` of the orders of a side that `is_met`: ours of these fill, best first.
    fn ours(&mut self, side: Side, mut qty: Qty, is_met: impl Fn(usize, Px) -> bool) {
        loop {
            let mut best: Option<usize> = None;
            for (i, o) in self.orders.iter().enumerate() {
                let ours = o.0.0 >= OURS && o.1 == side && o.3.is_positive() && is_met(i, o.2);
                if ours && best.is_none_or(|b| side.is_better(o.2, self.orders[b].2)) {
                    best = Some(i);
                }
            }
            let Some(best) = best.filter(|_| qty.is_positive()) else { return };
            let part = if self.orders[best].3 < qty { self.orders[best].3 } else { qty };
            self.orders[best].3 -= part;
            qty -= part;
            self.fills.push((self.orders[best].0, part));
        }
    }
    fn event(&mut self, event: &OrderEvent) {
        match *event {
            OrderEvent::New { oid, side, px, qty, posted } => {
                if posted != Posted::Only {
                    self.ours(side.opposite(), qty, |_, own| {
                        own == px || side.opposite().is_better(own, px)
                    });
                }
                self.orders.push((oid, side, px, qty));
            }
            OrderEvent::Missed { side, px, qty } => self.ours(side.opposite(), qty, |_, own| {
                own == px || side.opposite().is_better(own, px)
            }),
            OrderEvent::Resized { oid, qty, keeps_place } => {
                let i = self.find(oid);
                self.orders[i].3 = qty;
                if !keeps_place {
                    let order = self.orders.remove(i);
                    self.orders.push(order);
                }
            }
            OrderEvent::Removed { oid } => _ = self.orders.remove(self.find(oid)),
            OrderEvent::Filled { oid, qty, .. } => {
                let at = self.find(oid);
                let (_, side, px, _) = self.orders[at];
                self.ours(side, qty, |i, own| side.is_better(own, px) || own == px && i < at);
                self.orders[at].3 -= qty;
            }
            _ => {}
        }
        self.orders.retain(|o| o.3.is_positive());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn equals_its_naive_twin(acts in prop::collection::vec(act(), 1..120)) {
        let (mut world, mut blocks) = (World::default(), Vec::new());
        for act in &acts {
            world.act(*act);
            // A block without events is none, and orders of ours join with the next that is one.
            let tick = OrderEvent::Missed { side: Side::Bid, px: Px::whole(1), qty: Qty::whole(1) };
            world.events.insert(0, tick);
            blocks.push(std::mem::take(&mut world.events));
        }
        let (mut market, mut naive) = (market_of(&blocks), Naive::default());
        let (mut out, mut ids) = (MarketOutput::default(), OURS);
        let mut mine: Vec<Oid> = Vec::new();
        market.advance(Nanos(0), &mut out);
        for (i, act) in acts.iter().enumerate() {
            match *act {
                Act::Ours(bid, px, qty) => {
                    let (side, px, qty) = (side(bid), Px::whole(px), Qty::whole(qty));
                    let opposite = market.front(ASSET, side.opposite());
                    let rests = opposite.is_none_or(|best| side.opposite().is_better(px, best.px));
                    if rests && mine.len() < 50 {
                        ids += 1;
                        market.place(&RestingOrder { oid: Oid(ids), asset: ASSET, side, px, qty });
                        naive.orders.push((Oid(ids), side, px, qty));
                        mine.push(Oid(ids));
                    }
                }
                Act::OursGone(i) if !mine.is_empty() => {
                    let oid = mine[i % mine.len()];
                    let at = naive.orders.iter().position(|o| o.0 == oid);
                    prop_assert_eq!(market.cancel(oid), at.map(|at| naive.orders.remove(at).3));
                }
                _ => {}
            }
            market.advance(Nanos(i as i64 + 1), &mut out);
            blocks[i].iter().for_each(|event| naive.event(event));
            let got: Vec<_> = out.executions.iter().map(|e| (e.oid, e.qty)).collect();
            prop_assert_eq!(&got, &naive.fills, "after act {} of {:?}", i, acts);
        }
    }

    /// Our order in the world, and the market's answer from the world without it: the same fills, up
    /// to the first time that a post-only order of somebody would have run into ours, which is where
    /// the two worlds part.
    #[test]
    fn equals_the_world_with_our_order_in_it(
        acts in prop::collection::vec(act(), 1..120),
        (at, bid, px, qty) in (0_usize..60, any::<bool>(), 95_i64..106, 1_i64..30),
    ) {
        let (mut without, mut with) = (World::default(), World::default());
        let (own_side, own_px, own_qty) = (side(bid), Px::whole(px), Qty::whole(qty));
        let (mut blocks, mut placed, mut want) = (Vec::new(), None, Vec::new());
        let own = Oid(OURS);
        for (i, act) in acts.iter().enumerate() {
            if i == at && !without.book.would_cross(own_side, own_px) {
                with.book.place(own, own_side, own_px, own_qty);
                placed = Some(i);
            }
            let posts = |bid: bool, px: i64| side(bid) != own_side && {
                let px = Px::whole(px);
                px == own_px || own_side.is_better(own_px, px)
            };
            if with.book.remaining(own).is_some()
                && matches!(*act, Act::Post(bid, px, _) if posts(bid, px))
            {
                break;
            }
            without.act(*act);
            with.act(*act);
            let mut events = std::mem::take(&mut without.events);
            let (side, nobodys) = (own_side, Px::whole(if bid { 1 } else { 500 }));
            let tick = OrderEvent::Missed { side, px: nobodys, qty: Qty::whole(1) };
            events.insert(0, tick);
            blocks.push(events);
            want.push(with.ours.iter().map(|o| o.1).sum::<Qty>());
            // Somebody rests where ours would have met them: the worlds part.
            let rests = |s: Side| without.book.would_cross(s, own_px);
            if with.book.remaining(own).is_some() && rests(own_side) {
                break;
            }
        }
        let (mut market, mut out) = (market_of(&blocks), MarketOutput::default());
        market.advance(Nanos(0), &mut out);
        for (i, want) in want.iter().enumerate() {
            if placed == Some(i) {
                let (side, px, qty) = (own_side, own_px, own_qty);
                market.place(&RestingOrder { oid: own, asset: ASSET, side, px, qty });
            }
            market.advance(Nanos(i as i64 + 1), &mut out);
            let got: Qty = out.executions.iter().map(|e| e.qty).sum();
            prop_assert_eq!(got, *want, "after act {} of {:?}", i, acts);
        }
    }
}
