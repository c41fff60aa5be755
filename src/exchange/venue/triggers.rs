//! Trigger orders: stop-loss and take-profit, alone, as children of an order (`normalTpsl`) or of a
//! position (`positionTpsl`).
//!
//! They wait outside the book until the mark reaches their price, take no margin, and only ever reduce.
//! Fired, a market trigger takes what its limit allows and a limit trigger goes to the book, both under
//! the id they have. Children wait until their parent has filled whole, and end with it; the fill of one
//! ends its siblings. What follows from a block's events is done when the block ends: an order that has
//! no position left to reduce is cancelled then.

use super::Venue;
use super::config::DuplicateCloid;
use crate::exchange::model::{
    Answer, Conditional, Event, Grouping, ItemAnswer, NewOrder, Order, OrderStatus, Tif, Waits,
};
use crate::exchange::refusal::Refusal;
use botmm_pipeline::types::{Oid, Qty};
use botmm_pipeline::venue::hl::sign::{Address, OrderRef};
use botmm_pipeline::venue::sim::core::{self, Asked, Refused, rules};
use std::collections::BTreeMap;

/// Trigger orders of all accounts that have not fired, by id; whose.
pub(super) type Waiting = BTreeMap<Oid, (usize, Order)>;

/// What a new trigger order belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Belongs {
    /// To nothing.
    Alone,
    /// To the position: its size is the position's when the order has none.
    ToPosition,
    /// To an order, which may have filled whole at once.
    To { parent: Oid, is_filled: bool },
}

impl Venue {
    /// An account's orders that wait for their trigger, oldest first.
    pub fn trigger_orders(&self, user: &Address) -> Vec<Order> {
        let all = self.waiting_triggers.values().map(|(_, order)| order);
        all.filter(|order| order.user == *user).cloned().collect()
    }

    /// Whether `openOrders` tells of them.
    pub fn triggers_are_open_orders(&self) -> bool {
        self.config.triggers_in_open_orders
    }

    /// All orders of one action. What can be judged by the words alone refuses it whole.
    pub(super) fn place_all(
        &mut self,
        who: usize,
        orders: &[NewOrder],
        grouping: Grouping,
    ) -> Answer {
        if let Some(refusal) = objection(orders, grouping) {
            return Answer::Refused(refusal);
        }
        Answer::Order(match (grouping, orders) {
            (Grouping::NormalTpsl, [parent, children @ ..]) => {
                self.place_family(who, parent, children)
            }
            (Grouping::PositionTpsl, orders) => {
                let place = |new| self.place_trigger(who, new, Belongs::ToPosition);
                orders.iter().map(place).collect()
            }
            (_, orders) => orders.iter().map(|new| self.place_any(who, new)).collect(),
        })
    }

    fn place_any(&mut self, who: usize, new: &NewOrder) -> ItemAnswer {
        match new.trigger {
            Some(_) => self.place_trigger(who, new, Belongs::Alone),
            None => self.place(who, new),
        }
    }

    /// An order and its children. Without a parent there are none.
    fn place_family(
        &mut self,
        who: usize,
        parent: &NewOrder,
        children: &[NewOrder],
    ) -> Vec<ItemAnswer> {
        let answer = self.place(who, parent);
        let oid = match &answer {
            ItemAnswer::Resting { oid, .. } | ItemAnswer::Filled { oid, .. } => Some(*oid),
            _ => None,
        };
        let mut answers = vec![answer];
        answers.extend(children.iter().map(|new| match oid {
            Some(parent) => {
                let is_filled = self.core.find(who, OrderRef::Oid(parent)).is_none();
                self.place_trigger(who, new, Belongs::To { parent, is_filled })
            }
            None => ItemAnswer::Error(Refusal::NoParent),
        }));
        answers
    }

    fn place_trigger(&mut self, who: usize, new: &NewOrder, belongs: Belongs) -> ItemAnswer {
        let Some(trigger) = new.trigger else {
            return ItemAnswer::Error(Refused::BadTriggerPx.into());
        };
        let is_whole = belongs == Belongs::ToPosition && new.qty == Some(Qty::ZERO);
        // An order of the whole position has no size to be judged by.
        let judged = if is_whole { Some(Qty::from_raw(1)) } else { new.qty };
        let asked = match self.check_numbers(&NewOrder { qty: judged, ..new.clone() }) {
            Ok(asked) => Asked { qty: new.qty.unwrap_or_default(), ..asked },
            Err(refused) => return ItemAnswer::Error(refused.into()),
        };
        let (parent, waits) = match belongs {
            Belongs::To { parent, is_filled: false } => (Some(parent), Waits::ForFill),
            Belongs::To { parent, is_filled: true } => (Some(parent), Waits::ForMark),
            _ => (None, Waits::ForMark),
        };
        let is_position = belongs == Belongs::ToPosition;
        let tif = if trigger.is_market { Tif::FrontendMarket } else { Tif::Gtc };
        let order = core::Order { tif, ..self.core.new_order(who, &asked) };
        let order = Order {
            conditional: Some(Conditional { trigger, is_position, parent, waits }),
            ..self.records.order(&order, OrderStatus::Open, order.time)
        };
        if let Err(refused) = self.check_trigger(who, &order, belongs, is_whole) {
            self.tell(who, Order { status: OrderStatus::Rejected(refused), ..order });
            return ItemAnswer::Error(refused.into());
        }
        let answer = match belongs {
            Belongs::Alone if self.config.lone_trigger_rests => {
                ItemAnswer::Resting { oid: order.oid, cloid: order.cloid }
            }
            Belongs::To { is_filled: false, .. } => ItemAnswer::WaitingForFill,
            _ => ItemAnswer::WaitingForTrigger,
        };
        self.waiting_triggers.insert(order.oid, (who, order.clone()));
        self.tell(who, order);
        answer
    }

    /// What a trigger order must satisfy beyond its numbers. A child is not judged by a position and a
    /// mark that may be others once its parent has filled.
    fn check_trigger(
        &self,
        who: usize,
        order: &Order,
        belongs: Belongs,
        is_whole: bool,
    ) -> Result<(), Refused> {
        let Some(conditional) = order.conditional else { return Ok(()) };
        let account = &self.core.accounts[who];
        let instrument = self.core.universe().get(order.asset);
        let trigger_px = conditional.trigger.px;
        if !trigger_px.is_positive() || !instrument.is_legal_px(trigger_px) {
            return Err(Refused::BadTriggerPx);
        }
        if order.builder.is_some_and(|fee| !account.allows(fee)) {
            return Err(Refused::BuilderFee);
        }
        if is_whole {
            if !instrument.is_legal_px(order.px) {
                return Err(Refused::Tick);
            }
        } else {
            let szi = account.positions[order.asset.index()].szi;
            rules::check_grid(instrument, order.px, order.orig, Some(szi))?;
        }
        self.core.check_band(order.asset, order.px)?;
        let in_use = |cloid| {
            let id = OrderRef::Cloid(cloid);
            self.core.find(who, id).is_some() || self.waiting_of(who, id).is_some()
        };
        let is_rejected = self.config.duplicate_cloid == DuplicateCloid::Reject;
        if is_rejected && order.cloid.is_some_and(in_use) {
            return Err(Refused::DuplicateCloid);
        }
        if !matches!(belongs, Belongs::To { .. }) {
            if account.reducible(order.asset, order.side).is_zero() {
                return Err(Refused::ReduceOnly);
            }
            if self.is_due(order) {
                return Err(Refused::BadTriggerPx);
            }
        }
        let waiting = self.waiting_triggers.values().filter(|(owner, _)| *owner == who).count();
        let is_full = account.open + waiting >= self.core.rules.open_orders;
        if is_full { Err(Refused::TooManyOrders) } else { Ok(()) }
    }

    /// Whether the mark has reached its price.
    fn is_due(&self, order: &Order) -> bool {
        let mark = self.core.marks[order.asset.index()];
        order.conditional.is_some_and(|c| match c.trigger.is_above(order.side) {
            true => mark >= c.trigger.px,
            false => mark.is_positive() && mark <= c.trigger.px,
        })
    }

    /// A waiting order of either id; of several with one client id, the newest.
    pub(super) fn waiting_of(&self, who: usize, id: OrderRef) -> Option<&Order> {
        let found = match id {
            OrderRef::Oid(oid) => {
                self.waiting_triggers.get(&oid).filter(|(owner, _)| *owner == who)
            }
            OrderRef::Cloid(cloid) => {
                let mut all = self.waiting_triggers.values().rev();
                all.find(|(owner, order)| *owner == who && order.cloid == Some(cloid))
            }
        };
        found.map(|(_, order)| order)
    }

    /// Cancels orders, in the book or not.
    pub(super) fn cancel_each(
        &mut self,
        who: usize,
        cancels: &[(u32, OrderRef)],
        is_fast: bool,
    ) -> Answer {
        let cancel = |(asset, id): &(u32, OrderRef)| self.cancel_any(who, *asset, *id, is_fast);
        Answer::Cancel(cancels.iter().map(cancel).collect())
    }

    /// Trigger orders cannot be cancelled fast (PROTOCOL §3.1).
    fn cancel_any(&mut self, who: usize, asset: u32, id: OrderRef, is_fast: bool) -> ItemAnswer {
        let waiting = self.waiting_of(who, id).map(|order| (order.oid, order.asset));
        let rests = self.core.find(who, id).is_some();
        match waiting.filter(|(_, of)| !rests && self.asset(asset) == Some(*of)) {
            None => self.cancel(who, asset, id),
            Some(_) if is_fast => ItemAnswer::Error(Refusal::FastCancel),
            Some((oid, _)) => {
                self.end_waiting(oid, OrderStatus::Canceled);
                ItemAnswer::Success
            }
        }
    }

    /// Replacements. Of one, an error is the whole request's.
    pub(super) fn modify_any(
        &mut self,
        who: usize,
        items: &[(OrderRef, NewOrder)],
        always_place: bool,
        batch: bool,
    ) -> Answer {
        let mut answers = Vec::with_capacity(items.len());
        for (old, new) in items {
            answers.push(self.modify_one(who, *old, new, always_place));
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

    /// Replacements of and by trigger orders need `always_place`, as whatever may take does (PROTOCOL
    /// §3.1).
    fn modify_one(
        &mut self,
        who: usize,
        old: OrderRef,
        new: &NewOrder,
        always_place: bool,
    ) -> ItemAnswer {
        let waiting = self.waiting_of(who, old).map(|order| (order.oid, order.asset, order.cloid));
        if waiting.is_none() && new.trigger.is_none() {
            return self.modify(who, old, new, always_place).unwrap_or_else(ItemAnswer::Error);
        }
        if !always_place {
            return ItemAnswer::Error(Refusal::ModifyNew(Refused::IocCancel));
        }
        let mut new = new.clone();
        if new.trigger.is_some() && !new.reduce_only {
            return ItemAnswer::Error(Refusal::TriggerNotReduceOnly);
        }
        if let Err(why) = self.check_numbers(&new) {
            return ItemAnswer::Error(Refusal::ModifyNew(why));
        }
        let asset = self.asset(new.asset);
        if let Some((oid, _, cloid)) = waiting.filter(|(_, of, _)| Some(*of) == asset) {
            new.cloid = new.cloid.or(cloid);
            self.end_waiting(oid, OrderStatus::Canceled);
        } else if self.core.find(who, old).is_some_and(|o| Some(o.asset) == asset) {
            self.cancel(who, new.asset, old);
        }
        match self.place_any(who, &new) {
            ItemAnswer::Error(Refusal::Order(why)) => ItemAnswer::Error(Refusal::ModifyNew(why)),
            answer => answer,
        }
    }

    /// Cancels every trigger order of an account.
    pub(super) fn cancel_triggers(&mut self, who: usize, status: &OrderStatus) {
        self.end_all(status, |owner, _| owner == who);
    }

    /// When a block ends: what its events mean to those that wait; what the mark has reached fires.
    pub(super) fn turn_triggers(&mut self) {
        let mut heard = 0;
        while !self.waiting_triggers.is_empty() {
            while heard < self.records.events.len() {
                match self.records.events[heard].clone() {
                    Event::Order(order) => self.on_told(&order),
                    Event::Liquidated(l) => {
                        self.end_all(&OrderStatus::LiquidatedCanceled, |_, o| o.user == l.user);
                    }
                    _ => {}
                }
                heard += 1;
            }
            if !self.fire_due() {
                return;
            }
        }
    }

    /// What an order's new status means to its children and siblings.
    fn on_told(&mut self, told: &Order) {
        match told.status {
            OrderStatus::Open | OrderStatus::Triggered => {}
            OrderStatus::Filled => {
                let children = self.waiting_triggers.values_mut().map(|(_, order)| order);
                let conditionals = children.filter_map(|o| o.conditional.as_mut());
                conditionals
                    .filter(|c| c.parent == Some(told.oid))
                    .for_each(|c| c.waits = Waits::ForMark);
                if let Some(parent) = told.conditional.and_then(|c| c.parent) {
                    let status = OrderStatus::SiblingFilledCanceled;
                    self.end_all(&status, |_, order| parent_of(order) == Some(parent));
                }
            }
            OrderStatus::ScheduledCancel | OrderStatus::LiquidatedCanceled => {
                self.end_all(&told.status, |_, order| parent_of(order) == Some(told.oid));
            }
            _ => self.end_all(&OrderStatus::Canceled, |_, o| parent_of(o) == Some(told.oid)),
        }
    }

    /// Whether anything changed.
    fn fire_due(&mut self) -> bool {
        let on_mark = |order: &Order| order.conditional.is_some_and(|c| c.waits == Waits::ForMark);
        let all = self.waiting_triggers.values().filter(|(_, order)| on_mark(order));
        let is_idle =
            |who: usize, o: &Order| self.core.accounts[who].reducible(o.asset, o.side).is_zero();
        let due = all.filter(|(who, order)| is_idle(*who, order) || self.is_due(order));
        let Some((who, oid)) = due.map(|(who, order)| (*who, order.oid)).next() else {
            return false;
        };
        let Some((_, mut order)) = self.waiting_triggers.remove(&oid) else { return false };
        let reducible = self.core.accounts[who].reducible(order.asset, order.side);
        if reducible.is_zero() {
            self.tell(who, Order { status: OrderStatus::ReduceOnlyCanceled, ..order });
            return true;
        }
        if let Some(conditional) = &mut order.conditional {
            conditional.waits = Waits::ForNothing;
        }
        if order.orig.is_zero() {
            (order.kept.orig, order.kept.leaves) = (reducible, reducible);
        }
        self.tell(who, Order { status: OrderStatus::Triggered, ..order.clone() });
        self.let_go(&order);
        true
    }

    /// A fired order trades and rests under the id that it has.
    fn let_go(&mut self, order: &Order) {
        if let Some(conditional) = order.conditional {
            self.records.conditionals.insert(order.oid, conditional);
        }
        // Whether it found anybody is told by its events.
        let _ = self.core.work(order.kept, &mut self.records);
    }

    fn end_waiting(&mut self, oid: Oid, status: OrderStatus) {
        if let Some((who, order)) = self.waiting_triggers.remove(&oid) {
            self.tell(who, Order { status, ..order });
        }
    }

    fn tell(&mut self, who: usize, order: Order) {
        let status_time = self.core.time;
        self.records.tell(who, Order { status_time, ..order });
    }

    fn end_all(&mut self, status: &OrderStatus, is_meant: impl Fn(usize, &Order) -> bool) {
        let meant = self.waiting_triggers.values().filter(|(who, order)| is_meant(*who, order));
        let oids: Vec<Oid> = meant.map(|(_, order)| order.oid).collect();
        oids.into_iter().for_each(|oid| self.end_waiting(oid, *status));
    }
}

fn parent_of(order: &Order) -> Option<Oid> {
    order.conditional.and_then(|c| c.parent)
}

/// Why an action of such orders is refused as a whole.
fn objection(orders: &[NewOrder], grouping: Grouping) -> Option<Refusal> {
    let is_trigger = |new: &NewOrder| new.trigger.is_some();
    if orders.iter().any(|new| is_trigger(new) && !new.reduce_only) {
        return Some(Refusal::TriggerNotReduceOnly);
    }
    let fits = match (grouping, orders) {
        (Grouping::NormalTpsl, [parent, children @ ..]) => {
            !is_trigger(parent) && children.iter().all(is_trigger)
        }
        (Grouping::PositionTpsl, orders) => orders.iter().all(is_trigger),
        _ => true,
    };
    (!fits).then_some(Refusal::Grouping)
}
