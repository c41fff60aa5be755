//! Orders: placed, traded, rested, cancelled, replaced.

use super::order::{Asked, Fact, Filled, Order, Placed, Sink, Status, Tif, Traded};
use super::{Core, Refused, Who, rules};
use crate::types::{AssetId, FillCause, Oid, Px, Qty, Side};
use crate::venue::hl::sign::OrderRef;
use crate::venue::sim::{Execution, Front, Market, RestingOrder, TakingOrder};

/// What an order did at once.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    qty: Qty,
    /// Sum of price times size, units of 1e-16 USD.
    value: i128,
}

/// Why an order stopped taking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// Nothing more within its limit, or nothing left of it.
    Nobody,
    /// Its next fill is not covered.
    Margin,
    /// Nothing left to reduce.
    Reduced,
}

/// What was traded, and why.
#[derive(Clone, Copy, Debug)]
struct Deal {
    px: Px,
    qty: Qty,
    tid: u64,
    crossed: bool,
    cause: Option<FillCause>,
}

impl<M: Market> Core<M> {
    /// A new order. A refused one gets an id too, if its numbers are any at all.
    pub fn place(
        &mut self,
        who: Who,
        asked: &Asked,
        sink: &mut impl Sink,
    ) -> Result<Placed, Refused> {
        if let Err(refused) = self.check_numbers(asked) {
            return self.refuse(refused, sink);
        }
        let order = self.new_order(who, asked);
        match self.check(asked, &order) {
            Ok(()) => self.work(order, sink),
            Err(refused) => self.reject(&order, refused, sink),
        }
    }

    /// Replaces an order by a new one with its client id, or places that alone where there is no old
    /// one (`None`). The old order goes first, so that it neither takes margin nor stands in the way; it
    /// is reported after the new one, whatever becomes of that. Numbers that are none leave it alone.
    pub fn modify(
        &mut self,
        who: Who,
        old: Option<Oid>,
        asked: &Asked,
        sink: &mut impl Sink,
    ) -> Result<Placed, Refused> {
        if let Err(refused) = self.check_numbers(asked) {
            return self.refuse(refused, sink);
        }
        let old = old.and_then(|oid| self.take_out(oid));
        let cloid = asked.cloid.or(old.and_then(|order| order.cloid));
        let placed = self.place(who, &Asked { cloid, ..*asked }, sink);
        if let Some(order) = old {
            let status = if placed.is_ok() { Status::Replaced } else { Status::Canceled };
            self.tell(Fact::Order(&order, status), sink);
        }
        placed
    }

    /// Cancels an account's order of either id, if the asset is right.
    pub fn cancel(
        &mut self,
        who: Who,
        asset: AssetId,
        id: OrderRef,
        sink: &mut impl Sink,
    ) -> Result<(), Refused> {
        match self.find(who, id).filter(|order| order.asset == asset).map(|order| order.oid) {
            Some(oid) => {
                self.end(oid, Status::Canceled, sink);
                Ok(())
            }
            None => self.refuse(Refused::MissingOrder, sink),
        }
    }

    /// Cancels every order of an account, oldest first.
    pub fn cancel_all(&mut self, who: Who, status: Status, sink: &mut impl Sink) {
        loop {
            let oldest = self.orders_of(who).next().map(|order| order.oid);
            let Some(oid) = oldest else { break };
            self.end(oid, status, sink);
        }
    }

    /// The market met a resting order. What its owner may not or cannot take goes to somebody of the
    /// market instead: the trade itself has happened. Whose order was filled, if any was.
    pub fn on_execution(&mut self, execution: &Execution, sink: &mut impl Sink) -> Option<Who> {
        let Execution { oid, px, qty, tid, cause, .. } = *execution;
        let order = self.orders[self.at(oid)?];
        match self.maker_may(&order, qty) {
            Err(status) => {
                self.end(oid, status, sink);
                None
            }
            Ok(may) => {
                self.fill_resting(oid, &Deal { px, qty: may, tid, crossed: false, cause }, sink);
                if may < qty {
                    self.end(oid, Status::ReduceOnlyCanceled, sink);
                }
                Some(order.who)
            }
        }
    }

    /// Says no.
    pub fn refuse<T>(&self, refused: Refused, sink: &mut impl Sink) -> Result<T, Refused> {
        self.tell(Fact::Refused(refused), sink);
        Err(refused)
    }

    fn reject(
        &self,
        order: &Order,
        refused: Refused,
        sink: &mut impl Sink,
    ) -> Result<Placed, Refused> {
        self.tell(Fact::Order(order, Status::Rejected(refused)), sink);
        self.refuse(refused, sink)
    }

    /// Whether an order's numbers are any at all: see [`rules::check_numbers`].
    pub fn check_numbers(&self, asked: &Asked) -> Result<(), Refused> {
        let is_market = asked.tif == Some(Tif::FrontendMarket);
        let most = rules::largest_order(self.universe.get(asked.asset), is_market);
        rules::check_numbers(asked.px, asked.qty, most)
    }

    /// An order with the next id.
    pub fn new_order(&mut self, who: Who, asked: &Asked) -> Order {
        let oid = Oid(self.next_oid);
        self.next_oid += 1;
        let Asked { asset, side, px, qty, reduce_only, tif, cloid, builder } = *asked;
        let tif = tif.unwrap_or(Tif::Gtc);
        let (orig, leaves, time) = (qty, qty, self.time);
        Order { oid, who, cloid, asset, side, px, orig, leaves, tif, reduce_only, builder, time }
    }

    /// Lets a checked order trade, and rest if it may.
    pub fn work(&mut self, mut order: Order, sink: &mut impl Sink) -> Result<Placed, Refused> {
        let mut sum = Sum::default();
        let stop = match order.tif {
            Tif::Alo => Stop::Nobody,
            _ => self.trade(&mut order, &mut sum, sink),
        };
        let done = order.leaves.is_zero();
        let rests = matches!(order.tif, Tif::Alo | Tif::Gtc);
        if !done && rests && stop == Stop::Nobody {
            self.rest(order, sum.qty.is_zero(), sink);
            return Ok(Placed::Resting(order.oid, sum.qty, sum.avg_px()));
        }
        if sum.qty.is_zero() {
            let refused = match (stop, order.tif) {
                (Stop::Margin, _) => Refused::Margin,
                (Stop::Reduced, _) => Refused::ReduceOnly,
                (_, Tif::FrontendMarket) => Refused::NoLiquidity,
                _ => Refused::IocCancel,
            };
            return self.reject(&order, refused, sink);
        }
        let status = match stop {
            _ if done || !rests => Status::Filled,
            Stop::Margin => Status::MarginCanceled,
            _ => Status::ReduceOnlyCanceled,
        };
        self.tell(Fact::Order(&order, status), sink);
        Ok(Placed::Filled(order.oid, sum.qty, sum.avg_px()))
    }

    /// Meets one resting order after another. Own ones are cancelled on the way, and so are those
    /// that their owners cannot pay for any more.
    fn trade(&mut self, order: &mut Order, sum: &mut Sum, sink: &mut impl Sink) -> Stop {
        let makers = order.side.opposite();
        while order.leaves.is_positive() {
            let Some(front) = self.market.front(order.asset, makers) else { break };
            if makers.is_better(order.px, front.px) {
                break;
            }
            let maker = front.oid.and_then(|oid| self.at(oid)).map(|at| self.orders[at]);
            if let Some(own) = maker.filter(|maker| maker.who == order.who) {
                self.end(own.oid, Status::SelfTradeCanceled, sink);
                continue;
            }
            let mut qty = order.leaves.min(front.qty);
            if order.reduce_only {
                qty = qty.min(self.accounts[order.who].reducible(order.asset, order.side));
                if qty.is_zero() {
                    return Stop::Reduced;
                }
            }
            if let Some(maker) = &maker {
                match self.maker_may(maker, qty) {
                    Ok(may) => qty = may,
                    Err(status) => {
                        self.end(maker.oid, status, sink);
                        continue;
                    }
                }
            }
            if !self.is_covered(order, front.px, qty, true) {
                return Stop::Margin;
            }
            self.meet(order, &front, maker, qty, sink);
            sum.add(front.px, qty);
        }
        Stop::Nobody
    }

    /// One match: at the maker's price, the public trade, both fills.
    fn meet(
        &mut self,
        order: &mut Order,
        front: &Front,
        maker: Option<Order>,
        qty: Qty,
        sink: &mut impl Sink,
    ) {
        if order.leaves == order.orig {
            self.tell(Fact::Order(order, Status::Open), sink);
        }
        let (asset, side, px) = (order.asset, order.side, front.px);
        self.taken.clear();
        let taking = TakingOrder { asset, side, limit: px, qty };
        let left = self.market.take(&taking, &mut self.taken);
        let whole = left.is_zero() && self.taken.len() == 1;
        assert!(whole, "the front of {asset:?} was not what it said");
        let tid = self.taken[0].tid;
        let (taker, maker) = (order.who, maker.map(|maker| (maker.who, maker.oid)));
        let with = maker.map(|(who, _)| who);
        self.note_trade(asset, px);
        let traded = Traded { asset, taker, aggressor: side, maker: with, px, qty, tid };
        self.tell(Fact::Trade(&traded), sink);
        order.leaves -= qty;
        let deal = Deal { px, qty, tid, crossed: true, cause: None };
        self.fill(order, &deal, sink);
        if let Some((_, oid)) = maker {
            self.fill_resting(oid, &Deal { crossed: false, ..deal }, sink);
        }
        self.trim_reduce_only(taker, asset, sink);
    }

    /// How much of a resting order may trade now; or with which status it must go.
    fn maker_may(&self, order: &Order, qty: Qty) -> Result<Qty, Status> {
        let mut may = qty.min(order.leaves);
        if order.reduce_only {
            may = may.min(self.accounts[order.who].reducible(order.asset, order.side));
            if may.is_zero() {
                return Err(Status::ReduceOnlyCanceled);
            }
        }
        let covered = self.is_covered(order, order.px, may, false);
        if covered { Ok(may) } else { Err(Status::MarginCanceled) }
    }

    fn is_covered(&self, order: &Order, px: Px, qty: Qty, crossed: bool) -> bool {
        if !self.rules.margin {
            return true;
        }
        let fee = self.accounts[order.who].fee(order, px, qty, crossed).total;
        self.margin(order.who).admits_fill(order.asset, order.side, px, qty, fee)
    }

    fn fill_resting(&mut self, oid: Oid, deal: &Deal, sink: &mut impl Sink) {
        let Some(at) = self.at(oid) else { return };
        let order = &mut self.orders[at];
        order.leaves -= deal.qty;
        assert!(!order.leaves.is_negative(), "order {} was overfilled", oid.0);
        let order = *order;
        self.accounts[order.who].change_resting(&order, -deal.qty);
        self.fill(&order, deal, sink);
        if order.leaves.is_zero() {
            self.accounts[order.who].open -= 1;
            self.orders.remove(at);
            self.tell(Fact::Order(&order, Status::Filled), sink);
        } else {
            self.tell(Fact::Partly(&order), sink);
        }
        self.trim_reduce_only(order.who, order.asset, sink);
    }

    /// Books one side of a trade.
    fn fill(&mut self, order: &Order, deal: &Deal, sink: &mut impl Sink) {
        let Deal { px, qty, tid, crossed, cause } = *deal;
        let account = &mut self.accounts[order.who];
        let fee = account.fee(order, px, qty, crossed);
        let effect = account.fill(order, px, qty, fee.total);
        let mark = self.marks[order.asset.index()];
        let liquidation = self.liquidating.map(|who| (who, mark));
        let filled = Filled { px, qty, crossed, fee, effect, tid, cause, liquidation };
        self.tell(Fact::Fill(order, &filled), sink);
    }

    fn rest(&mut self, order: Order, is_news: bool, sink: &mut impl Sink) {
        if is_news {
            self.tell(Fact::Order(&order, Status::Open), sink);
        }
        let Order { oid, who, asset, side, px, leaves, .. } = order;
        self.market.place(&RestingOrder { oid, asset, side, px, qty: leaves });
        let account = &mut self.accounts[who];
        account.open += 1;
        account.change_resting(&order, leaves);
        // The newest but for one that had waited, under its id, for something else.
        let at = self.orders.partition_point(|resting| resting.oid < oid);
        assert!(self.orders.get(at).is_none_or(|next| next.oid != oid), "an id was given twice");
        self.orders.insert(at, order);
        if order.reduce_only {
            self.trim_reduce_only(who, asset, sink);
        }
    }

    /// Takes a resting order out of the book.
    fn take_out(&mut self, oid: Oid) -> Option<Order> {
        self.market.cancel(oid);
        let order = self.orders.remove(self.at(oid)?);
        let account = &mut self.accounts[order.who];
        account.open -= 1;
        account.change_resting(&order, -order.leaves);
        Some(order)
    }

    /// Takes a resting order out of the book, with this status.
    fn end(&mut self, oid: Oid, status: Status, sink: &mut impl Sink) {
        if let Some(order) = self.take_out(oid) {
            self.tell(Fact::Order(&order, status), sink);
        }
    }

    /// Cancels resting reduce-only orders that have nothing left to reduce: together they reach no
    /// further than the position, and the newest are kept.
    fn trim_reduce_only(&mut self, who: Who, asset: AssetId, sink: &mut impl Sink) {
        while let Some(oid) = self.beyond_position(who, asset) {
            self.end(oid, Status::ReduceOnlyCanceled, sink);
        }
    }

    /// The newest of them. They are few: looking anew after each needs no list.
    fn beyond_position(&self, who: Who, asset: AssetId) -> Option<Oid> {
        let account = &self.accounts[who];
        let mut left = Side::BOTH.map(|side| account.reducible(asset, side));
        let mut reducing = self.orders_of(who).rev().filter(|o| o.reduce_only && o.asset == asset);
        let beyond = reducing.find(|order| {
            let left = &mut left[order.side.index()];
            let is_beyond = !left.is_positive();
            *left -= order.leaves;
            is_beyond
        });
        beyond.map(|order| order.oid)
    }
}

impl Sum {
    fn add(&mut self, px: Px, qty: Qty) {
        self.qty += qty;
        self.value += i128::from(px.raw()) * i128::from(qty.raw());
    }

    /// Rounded half up to 1e-8.
    fn avg_px(&self) -> Px {
        let size = i128::from(self.qty.raw().max(1));
        Px::from_raw(((self.value + size / 2) / size) as i64)
    }
}

const _: () = assert!(crate::types::SCALE == 100_000_000, "sizes and prices share one scale");
