//! A recording of single orders as a [`Market`]. It moves as the tape says, whatever we do; among
//! those whose orders it knows, ours stand where they would have stood.
//!
//! An order is ahead of ours when its price is better, or when it came before ours at the same price.
//! Time priority is a number: how many orders had come when ours did. When one of our bids fills (asks
//! mirrored):
//!
//! | what the tape shows | what we get | [`FillCause`] |
//! |---|---|---|
//! | a taker met an order behind ours at our price | what that order got of it | `TradedAt` |
//! | a taker met an order at a worse price | the same | `TradedThrough` |
//! | a new ask that is not post-only at or below our price | its size | `TouchReached` |
//! | a taker's rest that found nobody, with a limit at or below our price | its size | `TouchReached` |
//!
//! Each size is shared once among those of our orders that it would have met, best price and oldest
//! first. A taker that met only orders ahead of ours gives us nothing, and a fill is never more than
//! takers would have traded with us. A post-only ask at or below our price would have been refused: it
//! gives us nothing, and from then on the tape's world is no longer the one with us in it.
//!
//! An order of ours that arrives between two blocks is executed in the later one, after the new orders
//! with which that begins (post-only orders and cancels go first, in an order that we cannot know) and
//! before its takers. A cancel goes before them too. An aggressive order trades at once with what
//! rests; what it took stays taken for as long as its maker rests, and it never meets one of ours.
//!
//! While a book is void nothing of ours is filled. At the next snapshot those of its orders that were
//! ahead of ours still are, by what was known of them before, else by their ids, which only grow. Of
//! orders of ours that came while it was void, everybody in the snapshot is ahead.
//!
//! What this cannot show: that others react to our orders.

use super::book::Orders;
use super::codec::{Cursor, OrderTape};
use super::event::{OrderEvent, Posted};
use crate::types::limits::MAX_SIM_ORDERS;
use crate::types::{
    AssetId, FillCause, Instrument, Level, MarkPrice, Nanos, Oid, Px, Qty, Side, Universe,
};
use crate::venue::sim::recorded::GENERATED_TID;
use crate::venue::sim::{
    DepthLevel, Execution, Front, Market, MarketOutput, RestingOrder, Taken, TakingOrder,
    ToldPrices,
};
use std::sync::Arc;

/// One of our orders.
#[derive(Clone, Copy, Debug)]
struct Own {
    oid: Oid,
    side: Side,
    px: Px,
    leaves: Qty,
    /// Orders that arrived up to this one are ahead at its price. [`None`] = the block that it is to be
    /// executed in is yet to come.
    after: Option<u64>,
    /// The newest id when it came; [`None`] = the book was void.
    newest: Option<Oid>,
}

/// What an aggressive order of ours took of a resting one.
#[derive(Clone, Copy, Debug)]
struct Eaten {
    oid: Oid,
    side: Side,
    px: Px,
    qty: Qty,
}

#[derive(Debug)]
struct AssetMarket {
    instrument: Instrument,
    orders: Orders,
    newest: Oid,
    /// Ours, oldest first.
    own: Vec<Own>,
    eaten: Vec<Eaten>,
    /// Price of the newest trade, also of ours; zero = none yet.
    last: Px,
    told: Option<ToldPrices>,
}

/// See the module.
#[derive(Debug)]
pub struct OrderwiseMarket {
    tape: Arc<OrderTape>,
    cursor: Cursor,
    /// What the venue said of its prices, in order of time of receipt.
    marks: Vec<MarkPrice>,
    next_mark: usize,
    assets: Vec<AssetMarket>,
    live: usize,
    generated: u64,
}

impl OrderwiseMarket {
    /// At the start of a tape whose events carry ids of `universe`. `marks`: what the venue said of its
    /// prices, in order of time of receipt; none = it did not say.
    pub fn new(tape: Arc<OrderTape>, universe: &Universe, marks: Vec<MarkPrice>) -> Self {
        let asset = |instrument: &Instrument| AssetMarket {
            instrument: *instrument,
            orders: Orders::default(),
            newest: Oid(0),
            own: Vec::with_capacity(MAX_SIM_ORDERS),
            eaten: Vec::new(),
            last: Px::ZERO,
            told: None,
        };
        let assets = universe.iter().map(|(_, instrument)| asset(instrument)).collect();
        let cursor = tape.cursor();
        Self { tape, cursor, marks, next_mark: 0, assets, live: 0, generated: 0 }
    }

    /// Size of others that trades before a resting order of ours at its price. [`None`] when it is not
    /// there (any more).
    pub fn ahead(&self, oid: Oid) -> Option<Qty> {
        let (asset, own) = self.assets.iter().find_map(|asset| {
            asset.own.iter().find(|own| own.oid == oid).map(|own| (asset, own))
        })?;
        let book = asset.orders.book();
        let ahead = book.queue(own.side, own.px).filter(|(other, _)| {
            own.after.is_none_or(|after| book.arrival(*other).is_some_and(|a| a <= after))
        });
        Some(ahead.map(|(_, qty)| qty).sum())
    }

    fn block(&mut self, asset: AssetId, time: Nanos, out: &mut MarketOutput) {
        let Self { tape, cursor, assets, live, generated, .. } = self;
        let asset = &mut assets[asset.index()];
        let before = asset.own.len();
        let mut fills = Fills { out, generated, time };
        while let Some(event) = cursor.next(tape) {
            asset.on_event(&event, &mut fills);
        }
        asset.join();
        *live -= before - asset.own.len();
    }
}

impl Market for OrderwiseMarket {
    fn next_time(&self) -> Option<Nanos> {
        self.cursor.block().map(|(_, time)| time)
    }

    fn advance(&mut self, until: Nanos, out: &mut MarketOutput) {
        while let Some(mark) = self.marks.get(self.next_mark).filter(|m| m.recv_time <= until) {
            self.next_mark += 1;
            let MarkPrice { px: mark, oracle, rate_e10, asset, .. } = *mark;
            if let Some(asset) = self.assets.get_mut(asset.index()) {
                asset.told = Some(ToldPrices { mark, oracle, rate_e10 });
            }
        }
        while let Some((asset, time)) = self.cursor.block().filter(|(_, time)| *time <= until) {
            self.block(asset, time, out);
        }
    }

    fn touch(&self, asset: AssetId) -> (Level, Level) {
        let best = |side| self.assets[asset.index()].left(side).next().unwrap_or_default();
        (best(Side::Bid), best(Side::Ask))
    }

    fn is_stale(&self, asset: AssetId) -> bool {
        !self.assets[asset.index()].orders.is_whole()
    }

    fn told_prices(&self, asset: AssetId) -> Option<ToldPrices> {
        self.assets[asset.index()].told
    }

    fn last_trade(&self, asset: AssetId) -> Option<Px> {
        Some(self.assets[asset.index()].last).filter(|px| px.is_positive())
    }

    fn place(&mut self, order: &RestingOrder) {
        assert!(self.live < MAX_SIM_ORDERS, "more than {MAX_SIM_ORDERS} resting orders");
        assert!(order.qty.is_positive(), "a resting order needs a size, not {}", order.qty);
        let RestingOrder { oid, asset, side, px, qty: leaves } = *order;
        let asset = &mut self.assets[asset.index()];
        let newest = (!asset.orders.is_void()).then_some(asset.newest);
        asset.own.push(Own { oid, side, px, leaves, after: None, newest });
        self.live += 1;
    }

    fn cancel(&mut self, oid: Oid) -> Option<Qty> {
        for asset in &mut self.assets {
            if let Some(i) = asset.own.iter().position(|own| own.oid == oid) {
                self.live -= 1;
                return Some(asset.own.remove(i).leaves);
            }
        }
        None
    }

    fn front(&self, asset: AssetId, side: Side) -> Option<Front> {
        let (_, level) = self.assets[asset.index()].first(side)?;
        Some(Front { px: level.px, qty: level.qty, oid: None })
    }

    fn take(&mut self, order: &TakingOrder, taken: &mut Vec<Taken>) -> Qty {
        let asset = &mut self.assets[order.asset.index()];
        let side = order.side.opposite();
        let mut left = order.qty;
        while left.is_positive() {
            let Some((oid, best)) = asset.first(side) else { break };
            if side.is_better(order.limit, best.px) {
                break;
            }
            let level = Level { px: best.px, qty: best.qty.min(left) };
            match asset.eaten.iter_mut().find(|eaten| eaten.oid == oid) {
                Some(eaten) => eaten.qty += level.qty,
                None => asset.eaten.push(Eaten { oid, side, px: level.px, qty: level.qty }),
            }
            self.generated += 1;
            let tid = GENERATED_TID | self.generated;
            asset.last = level.px;
            taken.push(Taken { px: level.px, qty: level.qty, maker: None, tid });
            left -= level.qty;
        }
        left
    }

    fn depth(&self, asset: AssetId, side: Side, count: usize, levels: &mut Vec<DepthLevel>) {
        let asset = &self.assets[asset.index()];
        let counted = |level: Level| {
            let orders = asset.orders.book().queue(side, level.px).count() as u32;
            DepthLevel { level, orders }
        };
        levels.extend(asset.left(side).take(count).map(counted));
    }

    fn room(&self) -> usize {
        MAX_SIM_ORDERS - self.live
    }
}

/// Where executions go, and the source of made-up trade ids.
struct Fills<'a> {
    out: &'a mut MarketOutput,
    generated: &'a mut u64,
    time: Nanos,
}

impl Fills<'_> {
    /// Fills `qty` of an order at its own price. A trade id must not come twice (fills are counted
    /// once by it), so `tid` is taken by the first order that a public trade fills.
    fn fill(&mut self, own: &mut Own, qty: Qty, cause: FillCause, tid: &mut Option<u64>) {
        own.leaves -= qty;
        let tid = tid.take().unwrap_or_else(|| {
            *self.generated += 1;
            GENERATED_TID | *self.generated
        });
        let (time, Own { oid, px, .. }) = (self.time, *own);
        self.out.executions.push(Execution { time, oid, px, qty, tid, cause: Some(cause) });
    }
}

impl AssetMarket {
    fn on_event(&mut self, event: &OrderEvent, fills: &mut Fills<'_>) {
        if !matches!(event, OrderEvent::New { posted: Posted::Only | Posted::Unknown, .. }) {
            self.join();
        }
        match *event {
            OrderEvent::New { oid, side, px, qty, posted } => {
                self.newest = self.newest.max(oid);
                if posted != Posted::Only && self.orders.is_whole() {
                    self.reached(side, px, qty, fills);
                }
            }
            OrderEvent::Missed { side, px, qty } => self.reached(side, px, qty, fills),
            OrderEvent::Filled { oid, qty, tid } => {
                if let Some((side, level)) = self.orders.book().order(oid) {
                    let arrival = self.orders.book().arrival(oid);
                    self.traded((side, level.px), arrival, qty, tid, fills);
                }
            }
            OrderEvent::FilledUnseen { side, px, qty, tid } => {
                self.traded((side, px), None, qty, tid, fills);
            }
            OrderEvent::Resized { .. }
            | OrderEvent::Removed { .. }
            | OrderEvent::Void
            | OrderEvent::Snapshot
            | OrderEvent::Whole => {}
        }
        let told = self.orders.apply(event);
        assert!(told.is_ok(), "{event:?} of an order tape: {told:?}");
        if *event == OrderEvent::Whole {
            self.find_places();
        }
        if !self.eaten.is_empty() {
            self.keep_eaten();
        }
    }

    /// Orders of ours that waited for the block join the back of their queues.
    fn join(&mut self) {
        let arrivals = self.orders.book().arrivals();
        self.own.iter_mut().for_each(|own| _ = own.after.get_or_insert(arrivals));
    }

    /// A taker traded `qty` with an order that arrived then; [`None`] = before all that are known.
    fn traded(
        &mut self,
        (side, px): (Side, Px),
        arrival: Option<u64>,
        qty: Qty,
        tid: u64,
        fills: &mut Fills<'_>,
    ) {
        self.last = px;
        let is_before = |own: &Own| {
            let came = arrival.zip(own.after).is_some_and(|(arrival, after)| after < arrival);
            side.is_better(own.px, px) || own.px == px && came
        };
        let cause = |own: &Own| match own.px == px {
            true => FillCause::TradedAt,
            false => FillCause::TradedThrough,
        };
        self.share((side, qty), Some(tid), is_before, cause, fills);
    }

    /// Somebody of `taker`'s side would have taken `qty` at `px` or better.
    fn reached(&mut self, taker: Side, px: Px, qty: Qty, fills: &mut Fills<'_>) {
        let makers = taker.opposite();
        let is_met = |own: &Own| own.px == px || makers.is_better(own.px, px);
        self.share((makers, qty), None, is_met, |_| FillCause::TouchReached, fills);
    }

    /// Shares a taker's size among those of our orders that it would have met, best price and oldest
    /// first.
    fn share(
        &mut self,
        (side, qty): (Side, Qty),
        mut tid: Option<u64>,
        is_met: impl Fn(&Own) -> bool,
        cause: impl Fn(&Own) -> FillCause,
        fills: &mut Fills<'_>,
    ) {
        let mut left = self.instrument.round_qty_down(qty);
        while left.is_positive() {
            let mut first: Option<&mut Own> = None;
            for own in self
                .own
                .iter_mut()
                .filter(|own| own.side == side && own.leaves.is_positive() && is_met(own))
            {
                if first.as_ref().is_none_or(|first| side.is_better(own.px, first.px)) {
                    first = Some(own);
                }
            }
            let Some(own) = first else { break };
            let part = own.leaves.min(left);
            left -= part;
            let why = cause(own);
            fills.fill(own, part, why, &mut tid);
        }
        self.own.retain(|own| own.leaves.is_positive());
    }

    /// After a snapshot: who of it is ahead of ours.
    fn find_places(&mut self) {
        let (book, before) = (self.orders.book(), self.orders.before());
        for own in &mut self.own {
            own.after = Some(match (own.after, own.newest) {
                (Some(after), Some(newest)) => {
                    let queue = book.queue(own.side, own.px).map(|(oid, _)| oid);
                    let is_ahead = |oid: &Oid| {
                        before.arrival(*oid).map_or(*oid <= newest, |arrival| arrival <= after)
                    };
                    let last = queue.filter(is_ahead).last().and_then(|oid| book.arrival(oid));
                    last.unwrap_or(0)
                }
                _ => book.arrivals(),
            });
            // From here on its place is known by itself.
            own.newest = Some(self.newest);
        }
        self.orders.forget_before();
    }

    /// Others' levels of a side without what was eaten, best first.
    fn left(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        let left = move |level: Level| {
            let here = self.eaten.iter().filter(move |e| e.side == side && e.px == level.px);
            let eaten: Qty = here.map(|e| e.qty).sum();
            Level { px: level.px, qty: level.qty - eaten }
        };
        self.orders.book().levels(side).map(left).filter(|level| level.qty.is_positive())
    }

    /// Who of a side would trade first, and what is left of it.
    fn first(&self, side: Side) -> Option<(Oid, Level)> {
        let px = self.left(side).next()?.px;
        let queue = self.orders.book().queue(side, px);
        let mut left = queue.map(|(oid, qty)| (oid, Level { px, qty: qty - self.eaten_of(oid) }));
        left.find(|(_, level)| level.qty.is_positive())
    }

    fn eaten_of(&self, oid: Oid) -> Qty {
        self.eaten.iter().find(|e| e.oid == oid).map_or(Qty::ZERO, |e| e.qty)
    }

    /// What was eaten of an order is never more than there is of it, and is over when that is gone.
    fn keep_eaten(&mut self) {
        let book = self.orders.book();
        self.eaten.retain_mut(|eaten| {
            let left = book.remaining(eaten.oid);
            eaten.qty = eaten.qty.min(left.unwrap_or(Qty::ZERO));
            left.is_some()
        });
    }
}
