//! Trigger orders: what they are refused for, when they fire, what ends them.

use super::*;
use crate::exchange::venue::client::Client;
use botmm_pipeline::venue::sim::core;

fn trigger(side: Side, tpsl: TpSl, at: &str, px: &str, qty: &str) -> NewOrder {
    let trigger = Trigger { px: Px::parse(at).unwrap(), is_market: true, tpsl };
    let new = reducing(new_order(Tif::Gtc, side, px, qty));
    NewOrder { tif: None, trigger: Some(trigger), ..new }
}

/// Of a long position.
fn stop(at: &str, qty: &str) -> NewOrder {
    trigger(Side::Ask, TpSl::StopLoss, at, "80", qty)
}

fn profit(at: &str, qty: &str) -> NewOrder {
    trigger(Side::Ask, TpSl::TakeProfit, at, "80", qty)
}

fn limit(new: NewOrder, px: &str) -> NewOrder {
    let trigger = new.trigger.map(|t| Trigger { is_market: false, ..t });
    NewOrder { trigger, px: Px::parse(px).ok(), ..new }
}

/// A world in which user 1 is long two, from 101.
fn long() -> World {
    let mut w = World::new();
    w.order(1, bid(Tif::Ioc, "101", "2"));
    assert_eq!(w.szi(1), Qty::whole(2));
    w
}

impl World {
    /// The mark is this when a block ends.
    fn mark(&mut self, px: i64) {
        self.venue.core.marks[0] = Px::whole(px);
        self.venue.turn_triggers();
        self.events.append(&mut self.venue.records.events);
    }

    fn group(&mut self, grouping: Grouping, orders: Vec<NewOrder>) -> Vec<ItemAnswer> {
        match self.ask(1, Command::Grouped(grouping, orders)) {
            Answer::Order(items) => items,
            other => panic!("{other:?}"),
        }
    }

    fn waiting(&self) -> Vec<Oid> {
        self.venue.trigger_orders(&user(1)).iter().map(|o| o.oid).collect()
    }

    /// The words of an order's life.
    fn life(&self, oid: Oid) -> Vec<OrderStatus> {
        let history = self.venue.history(&user(1)).iter();
        history.filter(|o| o.oid == oid).map(|o| o.status).collect()
    }
}

#[test]
fn a_stop_waits_for_the_mark_and_fires_once() {
    use OrderStatus::{Filled, Open, Triggered};
    let mut w = long();
    let oid = w.rests(1, stop("90", "1.5"));
    assert_eq!((w.status(1, oid), w.waiting()), (Open, vec![oid]));
    assert_eq!(w.venue.open_orders(&user(1)).len(), 0, "not in the book");
    w.mark(91);
    assert_eq!(w.szi(1), Qty::whole(2));
    w.mark(90);
    assert_eq!(w.life(oid), [Open, Triggered, Open, Filled]);
    assert_eq!((w.szi(1), w.waiting()), (qty("0.5"), vec![]));
    w.mark(80);
    assert_eq!(w.szi(1), qty("0.5"));
}

#[test]
fn each_kind_fires_its_way() {
    use TpSl::{StopLoss, TakeProfit};
    for (side, tpsl, at, before, after) in [
        (Side::Ask, StopLoss, "95", 96, 95),
        (Side::Ask, TakeProfit, "105", 104, 105),
        (Side::Bid, StopLoss, "105", 104, 105),
        (Side::Bid, TakeProfit, "95", 96, 95),
    ] {
        let mut w = World::new();
        let (open, px) = match side {
            Side::Ask => (bid(Tif::Ioc, "101", "1"), "90"),
            Side::Bid => (ask(Tif::Ioc, "99", "1"), "110"),
        };
        w.order(1, open);
        w.rests(1, trigger(side, tpsl, at, px, "1"));
        w.mark(before);
        assert!(!w.szi(1).is_zero(), "{side:?} {tpsl:?}");
        w.mark(after);
        assert!(w.szi(1).is_zero(), "{side:?} {tpsl:?}");
    }
}

#[test]
fn a_limit_trigger_goes_to_the_book_under_its_id() {
    let mut w = long();
    let oid = w.rests(1, limit(profit("105", "1"), "100"));
    w.mark(105);
    assert_eq!(w.status(1, oid), OrderStatus::Open);
    let resting: Vec<Oid> = w.venue.open_orders(&user(1)).iter().map(|o| o.oid).collect();
    assert_eq!((resting, w.waiting()), (vec![oid], vec![]));
    w.order(2, bid(Tif::Ioc, "100", "1"));
    assert_eq!((w.status(1, oid), w.szi(1)), (OrderStatus::Filled, Qty::whole(1)));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut w = World::new();
    let error = |refused: Refused| ItemAnswer::Error(refused.into());
    assert_eq!(w.order(1, stop("90", "1")), error(Refused::ReduceOnly), "nothing is held");
    w.order(1, bid(Tif::Ioc, "101", "2"));
    for (new, want) in [
        (stop("110", "1"), Refused::BadTriggerPx), // The mark is below already.
        (profit("90", "1"), Refused::BadTriggerPx),
        (trigger(Side::Bid, TpSl::StopLoss, "110", "120", "1"), Refused::ReduceOnly),
        (stop("90", "0"), Refused::ZeroSize),
        (stop("90", "0.0001"), Refused::InvalidSize),
        (stop("90.00001", "1"), Refused::BadTriggerPx),
        (NewOrder { px: Px::parse("80.00001").ok(), ..stop("90", "1") }, Refused::Tick),
        (NewOrder { px: Px::parse("1").ok(), ..stop("90", "1") }, Refused::MinNotional),
    ] {
        assert_eq!(w.order(1, new.clone()), error(want), "{new:?}");
    }
    assert!(w.waiting().is_empty());

    let may_increase = NewOrder { reduce_only: false, ..stop("90", "1") };
    let plain = || bid(Tif::Alo, "98", "1");
    for (grouping, orders, want) in [
        (Grouping::Na, vec![plain(), may_increase], Refusal::TriggerNotReduceOnly),
        (Grouping::NormalTpsl, vec![stop("90", "1"), profit("110", "1")], Refusal::Grouping),
        (Grouping::NormalTpsl, vec![plain(), plain()], Refusal::Grouping),
        (Grouping::PositionTpsl, vec![plain(), stop("90", "1")], Refusal::Grouping),
    ] {
        assert_eq!(refused(w.ask(1, Command::Grouped(grouping, orders))), want);
        assert!(w.venue.open_orders(&user(1)).is_empty(), "refused as a whole");
    }
    // Without a parent there are no children.
    let poor = bid(Tif::Alo, "98", "1000000");
    let items = w.group(Grouping::NormalTpsl, vec![poor, stop("90", "1")]);
    assert_eq!(items[1], ItemAnswer::Error(Refusal::NoParent));
}

#[test]
fn children_wait_for_their_parent_and_end_each_other() {
    use OrderStatus::{Filled, Open, SiblingFilledCanceled, Triggered};
    let mut w = World::new();
    let family = vec![bid(Tif::Alo, "100", "1"), profit("110", "1"), stop("90", "1")];
    let items = w.group(Grouping::NormalTpsl, family);
    let ItemAnswer::Resting { oid: parent, .. } = items[0] else { panic!("{items:?}") };
    assert_eq!(items[1..], [ItemAnswer::WaitingForFill, ItemAnswer::WaitingForFill]);
    let [tp, sl] = w.waiting()[..] else { panic!("two children") };
    w.mark(89);
    assert_eq!(w.waiting(), [tp, sl], "no fill, no trigger");
    w.order(2, ask(Tif::Ioc, "100", "0.4"));
    w.mark(89);
    assert_eq!(w.waiting(), [tp, sl], "part of a fill is none");
    w.venue.core.marks[0] = Px::whole(100);
    w.order(2, ask(Tif::Ioc, "100", "0.6"));
    assert_eq!((w.status(1, parent), w.szi(1)), (Filled, Qty::whole(1)));
    w.mark(110);
    assert_eq!(w.life(tp), [Open, Triggered, Open, Filled]);
    assert_eq!(w.life(sl), [Open, SiblingFilledCanceled]);
    assert_eq!((w.szi(1), w.waiting()), (Qty::ZERO, vec![]));

    // A parent that fills at once.
    let items = w.group(Grouping::NormalTpsl, vec![bid(Tif::Ioc, "101", "1"), stop("90", "1")]);
    assert!(matches!(items[0], ItemAnswer::Filled { .. }));
    assert_eq!(items[1], ItemAnswer::WaitingForTrigger);
}

#[test]
fn children_end_with_their_parent() {
    let mut w = World::new();
    let mut family = || {
        let orders = vec![bid(Tif::Alo, "98", "1"), profit("110", "1"), stop("90", "1")];
        let items = w.group(Grouping::NormalTpsl, orders);
        let ItemAnswer::Resting { oid, .. } = items[0] else { panic!("{items:?}") };
        (oid, w.waiting())
    };
    let (parent, children) = family();
    assert_eq!(children.len(), 2);
    w.ask(1, Command::FastCancel(vec![(3, OrderRef::Oid(parent))]));
    assert!(w.waiting().is_empty());
    assert_eq!(w.status(1, children[0]), OrderStatus::Canceled);
}

#[test]
fn the_positions_orders_take_all_of_it_and_end_with_it() {
    let mut w = long();
    let both = || vec![profit("110", "0"), stop("90", "0")];
    let items = w.group(Grouping::PositionTpsl, both());
    assert_eq!(items, [ItemAnswer::WaitingForTrigger, ItemAnswer::WaitingForTrigger]);
    let [tp, sl] = w.waiting()[..] else { panic!("two orders") };
    w.order(1, bid(Tif::Ioc, "101", "1"));
    w.mark(90);
    assert_eq!((w.status(1, sl), w.szi(1)), (OrderStatus::Filled, Qty::ZERO));
    assert_eq!(w.status(1, tp), OrderStatus::ReduceOnlyCanceled);
    assert_eq!(w.venue.order(&user(1), OrderRef::Oid(sl)).unwrap().orig, Qty::whole(3));

    // Closed by hand, and turned round.
    for closing in ["2", "3"] {
        let mut w = long();
        w.group(Grouping::PositionTpsl, both());
        let waiting = w.waiting();
        w.order(1, ask(Tif::Ioc, "98", closing));
        assert!(w.waiting().is_empty(), "closed by {closing}");
        assert_eq!(w.status(1, waiting[0]), OrderStatus::ReduceOnlyCanceled);
    }
}

#[test]
fn they_are_cancelled_and_replaced_like_others() {
    let mut w = long();
    let named = |n, new| NewOrder { cloid: cloid(n), ..new };
    let oid = w.rests(1, named(7, stop("90", "1")));
    let cancel = |id| vec![(3, id)];
    let by_cloid = OrderRef::Cloid(Cloid::from_u128(7));
    let fast = w.ask(1, Command::FastCancel(cancel(by_cloid)));
    assert_eq!(fast, Answer::Cancel(vec![ItemAnswer::Error(Refusal::FastCancel)]));
    let foreign = w.ask(2, Command::Cancel(cancel(OrderRef::Oid(oid))));
    assert_eq!(foreign, Answer::Cancel(vec![ItemAnswer::Error(Refused::MissingOrder.into())]));
    let done = Answer::Cancel(vec![ItemAnswer::Success]);
    assert_eq!(w.ask(1, Command::Cancel(cancel(by_cloid))), done);
    assert_eq!(w.status(1, oid), OrderStatus::Canceled);

    let old = w.rests(1, named(8, stop("90", "1")));
    let modify = |new, always_place| {
        let items = vec![(OrderRef::Oid(old), new)];
        Command::Modify { items, always_place, batch: true }
    };
    let why = Refusal::ModifyNew(Refused::IocCancel);
    let refused = Answer::Order(vec![ItemAnswer::Error(why)]);
    assert_eq!(w.ask(1, modify(stop("91", "1"), false)), refused);
    assert_eq!(w.waiting(), [old]);
    let Answer::Order(items) = w.ask(1, modify(stop("91", "1"), true)) else { panic!() };
    let ItemAnswer::Resting { oid: new, .. } = items[0] else { panic!("{items:?}") };
    assert_eq!(w.waiting(), [new]);
    assert_eq!(w.status(1, old), OrderStatus::Canceled);
    assert_eq!(
        w.venue.order(&user(1), OrderRef::Oid(new)).unwrap().cloid,
        cloid(8),
        "it keeps its name"
    );
}

#[test]
fn a_liquidation_and_the_schedule_take_them_along() {
    let mut w = long();
    let oid = w.rests(1, stop("90", "1"));
    w.venue.force_liquidation(btc());
    w.pass(Nanos::millis(80));
    assert_eq!((w.status(1, oid), w.szi(1)), (OrderStatus::LiquidatedCanceled, Qty::ZERO));

    let mut w = World::with(VenueConfig { schedule_volume: Usd::ZERO, ..config() });
    w.order(1, bid(Tif::Ioc, "101", "2"));
    let oid = w.rests(1, stop("90", "1"));
    let at = w.venue.now_ms() + 5_500;
    w.ask(1, Command::ScheduleCancel(Some(at)));
    w.pass(Nanos::secs(7));
    assert_eq!(w.status(1, oid), OrderStatus::ScheduledCancel);
}

#[test]
fn ten_thousand_orders_are_known() {
    let mut client = Client::new(user(1));
    let mut w = World::new();
    let order = {
        let oid = w.rests(1, bid(Tif::Alo, "98", "1"));
        w.venue.order(&user(1), OrderRef::Oid(oid)).unwrap()
    };
    for oid in 0..=10_000 {
        let kept = core::Order { oid: Oid(oid), cloid: cloid(u128::from(oid)), ..order.kept };
        let of = |status| Order { kept, status, ..order.clone() };
        client.remember(of(OrderStatus::Open));
        client.remember(of(OrderStatus::Canceled));
    }
    for (oid, known) in [(0, false), (1, true), (10_000, true)] {
        for id in [OrderRef::Oid(Oid(oid)), OrderRef::Cloid(Cloid::from_u128(u128::from(oid)))] {
            let found = client.remembered(id).map(|o| o.status);
            assert_eq!(found, known.then_some(OrderStatus::Canceled), "{id:?}");
        }
    }
    assert_eq!(client.history.len(), 2_000);
}
