//! Orders: placed, traded, rested, cancelled, replaced.

use super::Venue;
use crate::exchange::model::{
    Answer, Event, ItemAnswer, NewOrder, Order, OrderStatus, PublicTrade, Tif, UserFill,
};
use crate::exchange::refusal::Refusal;
use botmm_pipeline::types::{AssetId, Oid, Px, Qty, SCALE, Side, notional};
use botmm_pipeline::venue::hl::sign::{Address, OrderRef};
use botmm_pipeline::venue::sim::core::Refused;
use botmm_pipeline::venue::sim::{Execution, Front, RestingOrder, TakingOrder};

/// What an order did at once.
#[derive(Clone, Copy, Debug, Default)]
struct Traded {
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

impl Venue {
    /// A new order. A refused one gets an id and a place in the history too, if it had an asset, a
    /// price and a size at all.
    pub(super) fn place(&mut self, who: usize, new: &NewOrder) -> ItemAnswer {
        let asset = match self.check_numbers(new) {
            Ok(asset) => asset,
            Err(refused) => return ItemAnswer::Error(refused.into()),
        };
        let order = self.new_order(who, asset, new);
        match self.check(who, new, &order) {
            Ok(()) => self.work(who, order),
            Err(refused) => self.reject(order, refused),
        }
    }

    /// An order with the next id.
    pub(super) fn new_order(&mut self, who: usize, asset: AssetId, new: &NewOrder) -> Order {
        let oid = Oid(self.next_oid);
        self.next_oid += 1;
        let qty = new.qty.unwrap_or_default();
        Order {
            oid,
            cloid: new.cloid,
            user: self.accounts[who].address,
            asset,
            side: new.side,
            px: new.px.unwrap_or_default(),
            orig: qty,
            leaves: qty,
            tif: new.tif.unwrap_or(Tif::Gtc),
            reduce_only: new.reduce_only,
            builder: new.builder,
            conditional: None,
            time: self.time,
            status: OrderStatus::Open,
            status_time: self.time,
        }
    }

    /// Lets a checked order trade, and rest if it may.
    pub(super) fn work(&mut self, who: usize, mut order: Order) -> ItemAnswer {
        let mut traded = Traded::default();
        let stop = match order.tif {
            Tif::Alo => Stop::Nobody,
            _ => self.trade(who, &mut order, &mut traded),
        };
        let done = order.leaves.is_zero();
        let rests = matches!(order.tif, Tif::Alo | Tif::Gtc);
        if !done && rests && stop == Stop::Nobody {
            let answer = match traded.qty.is_positive() && !self.config.partly_crossed_rests {
                true => traded.answer(&order),
                false => ItemAnswer::Resting { oid: order.oid, cloid: order.cloid },
            };
            self.rest(who, order, traded.qty.is_zero());
            return answer;
        }
        if traded.qty.is_zero() {
            let refused = match (stop, order.tif) {
                (Stop::Margin, _) => Refused::Margin,
                (Stop::Reduced, _) => Refused::ReduceOnly,
                (_, Tif::FrontendMarket) => Refused::NoLiquidity,
                _ => Refused::IocCancel,
            };
            return self.reject(order, refused);
        }
        let answer = traded.answer(&order);
        let status = match stop {
            _ if done || !rests => OrderStatus::Filled,
            Stop::Margin => OrderStatus::MarginCanceled,
            _ => OrderStatus::ReduceOnlyCanceled,
        };
        self.tell(Order { status, ..order });
        answer
    }

    /// Meets one resting order after another. Own ones are cancelled on the way, and so are those
    /// that their owners cannot pay for any more.
    fn trade(&mut self, who: usize, order: &mut Order, traded: &mut Traded) -> Stop {
        let makers = order.side.opposite();
        while order.leaves.is_positive() {
            let Some(front) = self.market.front(order.asset, makers) else { break };
            if makers.is_better(order.px, front.px) {
                break;
            }
            let maker = front.oid.and_then(|oid| self.owners.get(&oid).map(|&owner| (owner, oid)));
            if let Some((owner, oid)) = maker.filter(|(owner, _)| *owner == who) {
                self.drop_order(owner, oid, OrderStatus::SelfTradeCanceled);
                continue;
            }
            let mut qty = order.leaves.min(front.qty);
            if order.reduce_only {
                qty = qty.min(self.accounts[who].reducible(order.asset, order.side));
                if qty.is_zero() {
                    return Stop::Reduced;
                }
            }
            if let Some((owner, oid)) = maker {
                match self.maker_may(owner, oid, qty) {
                    Ok(may) => qty = may,
                    Err(status) => {
                        self.drop_order(owner, oid, status);
                        continue;
                    }
                }
            }
            let fee = self.fee(who, order, front.px, qty, true).total;
            if !self.margin(who).admits_fill(order.asset, order.side, front.px, qty, fee) {
                return Stop::Margin;
            }
            self.meet(who, order, &front, maker, qty);
            traded.add(front.px, qty);
        }
        Stop::Nobody
    }

    /// One match: at the maker's price, the public trade, both fills.
    fn meet(
        &mut self,
        who: usize,
        order: &mut Order,
        front: &Front,
        maker: Option<(usize, Oid)>,
        qty: Qty,
    ) {
        if order.leaves == order.orig {
            self.tell(order.clone());
        }
        let (asset, side) = (order.asset, order.side);
        let mut taken = Vec::new();
        let left = self.market.take(&TakingOrder { asset, side, limit: front.px, qty }, &mut taken);
        assert!(left.is_zero() && taken.len() == 1, "the front of {asset:?} was not what it said");
        let tid = taken[0].tid;
        let counterparty = match maker {
            Some((owner, _)) => self.accounts[owner].address,
            None => super::blocks::agent_address(tid),
        };
        let users = match side {
            Side::Bid => [order.user, counterparty],
            Side::Ask => [counterparty, order.user],
        };
        let (px, time) = (front.px, self.time);
        self.publish(PublicTrade { asset, aggressor: side, px, qty, time, tid, users });
        order.leaves -= qty;
        self.fill(who, order, (px, qty), true, tid);
        if let Some((owner, oid)) = maker {
            self.fill_resting(owner, oid, px, qty, tid);
        }
        self.trim_reduce_only(who, asset);
    }

    /// How much of a resting order may trade now; or with which status it must go.
    fn maker_may(&self, owner: usize, oid: Oid, qty: Qty) -> Result<Qty, OrderStatus> {
        let Some(order) = self.accounts[owner].open.get(&oid) else { return Ok(qty) };
        let mut may = qty.min(order.leaves);
        if order.reduce_only {
            may = may.min(self.accounts[owner].reducible(order.asset, order.side));
            if may.is_zero() {
                return Err(OrderStatus::ReduceOnlyCanceled);
            }
        }
        let fee = self.fee(owner, order, order.px, may, false).total;
        let covered = self.margin(owner).admits_fill(order.asset, order.side, order.px, may, fee);
        if covered { Ok(may) } else { Err(OrderStatus::MarginCanceled) }
    }

    /// The market met a resting order. What its owner may not or cannot take goes to an agent of
    /// the market instead: the trade itself has happened. Returns the owner if anything was filled.
    pub(super) fn on_execution(&mut self, execution: &Execution) -> Option<Address> {
        let Execution { oid, px, qty, tid, .. } = *execution;
        let owner = *self.owners.get(&oid)?;
        match self.maker_may(owner, oid, qty) {
            Err(status) => {
                self.drop_order(owner, oid, status);
                None
            }
            Ok(may) => {
                self.fill_resting(owner, oid, px, may, tid);
                if may < qty {
                    self.drop_order(owner, oid, OrderStatus::ReduceOnlyCanceled);
                }
                Some(self.accounts[owner].address)
            }
        }
    }

    fn fill_resting(&mut self, owner: usize, oid: Oid, px: Px, qty: Qty, tid: u64) {
        let Some(order) = self.accounts[owner].reduce(oid, qty) else { return };
        let asset = order.asset;
        self.fill(owner, &order, (px, qty), false, tid);
        if order.leaves.is_zero() {
            self.accounts[owner].remove(oid);
            self.owners.remove(&oid);
            self.tell(Order { status: OrderStatus::Filled, ..order });
        } else if self.config.partial_fill_updates {
            let update = Order { status_time: self.time, ..order };
            self.events.push(Event::Order(update));
        }
        self.trim_reduce_only(owner, asset);
    }

    /// Books one side of a trade.
    fn fill(&mut self, who: usize, order: &Order, (px, qty): (Px, Qty), crossed: bool, tid: u64) {
        let time = self.time;
        let fee = self.fee(who, order, px, qty, crossed);
        let account = &mut self.accounts[who];
        let effect = account.fill(order.asset, order.side, px, qty, fee.total);
        account.add_volume(time, notional(px, qty), crossed);
        self.fees_taken += fee.total;
        let fill = UserFill {
            user: order.user,
            asset: order.asset,
            px,
            qty,
            side: order.side,
            time,
            start_position: effect.start,
            direction: effect.direction,
            closed_pnl: effect.closed_pnl,
            oid: order.oid,
            cloid: order.cloid,
            crossed,
            fee: fee.total,
            builder_fee: fee.builder,
            tid,
            twap_id: self.twaps.slicing.filter(|_| crossed),
            liquidation: self.liquidating.map(|user| (user, self.marks[order.asset.index()])),
        };
        account.remember_fill(fill.clone());
        self.events.push(Event::Fill(fill));
    }

    fn rest(&mut self, who: usize, order: Order, is_news: bool) {
        let Order { oid, asset, side, px, leaves, .. } = order;
        if is_news {
            self.tell(order.clone());
        }
        self.market.place(&RestingOrder { oid, asset, side, px, qty: leaves });
        self.owners.insert(oid, who);
        let reduce_only = order.reduce_only;
        self.accounts[who].rest(order);
        if reduce_only {
            self.trim_reduce_only(who, asset);
        }
    }

    pub(super) fn reject(&mut self, order: Order, refused: Refused) -> ItemAnswer {
        self.tell(Order { status: OrderStatus::Rejected(refused), ..order });
        ItemAnswer::Error(refused.into())
    }

    /// An order's new status: to its owner, and into the history.
    pub(super) fn tell(&mut self, order: Order) {
        let order = Order { status_time: self.time, ..order };
        if let Some(&who) = self.ids.get(&order.user) {
            self.accounts[who].remember(order.clone());
        }
        self.events.push(Event::Order(order));
    }

    /// Takes a resting order out of the book, with this status.
    fn drop_order(&mut self, who: usize, oid: Oid, status: OrderStatus) {
        self.market.cancel(oid);
        self.owners.remove(&oid);
        if let Some(order) = self.accounts[who].remove(oid) {
            self.tell(Order { status, ..order });
        }
    }

    /// Cancels an order of this account, if the asset is right.
    pub(super) fn cancel(&mut self, who: usize, asset: u32, id: OrderRef) -> ItemAnswer {
        let asset = self.asset(asset);
        match self.accounts[who].find_open(id) {
            Some(order) if Some(order.asset) == asset => {
                let oid = order.oid;
                self.drop_order(who, oid, OrderStatus::Canceled);
                ItemAnswer::Success
            }
            _ => ItemAnswer::Error(Refused::MissingOrder.into()),
        }
    }

    /// Cancels every order of an account, oldest first.
    pub(super) fn cancel_all(&mut self, who: usize, status: &OrderStatus) {
        let oids: Vec<Oid> = self.accounts[who].open.keys().copied().collect();
        for oid in oids {
            self.drop_order(who, oid, status.clone());
        }
    }

    /// Cancels resting reduce-only orders that have nothing left to reduce: together they reach no
    /// further than the position, and the newest are kept.
    fn trim_reduce_only(&mut self, who: usize, asset: AssetId) {
        let account = &self.accounts[who];
        let mut left = Side::BOTH.map(|side| account.reducible(asset, side));
        let mut beyond = Vec::new();
        for order in account.open.values().rev().filter(|o| o.reduce_only && o.asset == asset) {
            let left = &mut left[order.side.index()];
            if left.is_positive() {
                *left -= order.leaves;
            } else {
                beyond.push(order.oid);
            }
        }
        for oid in beyond {
            self.drop_order(who, oid, OrderStatus::ReduceOnlyCanceled);
        }
    }

    /// Replacements. Of one, an error is the whole request's.
    pub(super) fn modify_all(
        &mut self,
        who: usize,
        items: &[(OrderRef, NewOrder)],
        always_place: bool,
        batch: bool,
    ) -> Answer {
        let mut answers = Vec::with_capacity(items.len());
        for (old, new) in items {
            answers.push(self.modify(who, *old, new, always_place));
        }
        if batch {
            return Answer::Order(answers);
        }
        let refused = answers.into_iter().find_map(|answer| match answer {
            ItemAnswer::Error(refusal) => Some(refusal),
            _ => None,
        });
        refused.map_or(Answer::Default, Answer::Refused)
    }

    /// The old order goes first, so that it neither takes margin nor stands in the way; it is
    /// reported after the new one, whatever becomes of that.
    fn modify(
        &mut self,
        who: usize,
        old: OrderRef,
        new: &NewOrder,
        always_place: bool,
    ) -> ItemAnswer {
        let target = self.accounts[who].find_open(old).cloned();
        let target = target.filter(|order| self.asset(new.asset) == Some(order.asset));
        let mut new = new.clone();
        if !always_place {
            if target.is_none() {
                return ItemAnswer::Error(Refused::ModifyDead.into());
            }
            // Without `a`, only an order that does not take: a GTC is turned into a post-only one.
            new.tif = match new.tif {
                Some(Tif::Alo | Tif::Gtc) => Some(Tif::Alo),
                _ => return ItemAnswer::Error(Refusal::ModifyNew(Refused::IocCancel)),
            };
        }
        if let Err(why) = self.check_numbers(&new) {
            return ItemAnswer::Error(Refusal::ModifyNew(why));
        }
        if let Some(order) = &target {
            new.cloid = new.cloid.or(order.cloid);
            self.market.cancel(order.oid);
            self.owners.remove(&order.oid);
            self.accounts[who].remove(order.oid);
        }
        let answer = self.place(who, &new);
        if let Some(order) = target {
            self.tell(Order { status: OrderStatus::Canceled, ..order });
        }
        match answer {
            ItemAnswer::Error(Refusal::Order(why)) => ItemAnswer::Error(Refusal::ModifyNew(why)),
            answer => answer,
        }
    }
}

impl Traded {
    fn add(&mut self, px: Px, qty: Qty) {
        self.qty += qty;
        self.value += i128::from(px.raw()) * i128::from(qty.raw());
    }

    /// As `filled`: rounded half up to 1e-8.
    fn answer(&self, order: &Order) -> ItemAnswer {
        let size = i128::from(self.qty.raw().max(1));
        let avg_px = Px::from_raw(((self.value + size / 2) / size) as i64);
        ItemAnswer::Filled { total: self.qty, avg_px, oid: order.oid, cloid: order.cloid }
    }
}

const _: () = assert!(SCALE == 100_000_000, "sizes and prices share one scale");
