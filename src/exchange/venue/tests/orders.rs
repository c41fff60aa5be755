//! Orders, one at a time and in batches.

use super::*;
use Tif::{Alo, Gtc, Ioc};

fn error(answer: ItemAnswer) -> Refusal {
    match answer {
        ItemAnswer::Error(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_check_of_an_order_has_its_refusal() {
    let mut w = World::new();
    let px = |text: &str| Px::parse(text).ok();
    let cases = [
        (NewOrder { asset: 4, ..bid(Alo, "99", "1") }, Refused::InvalidAsset),
        (NewOrder { px: None, ..bid(Alo, "99", "1") }, Refused::InvalidPx),
        (NewOrder { qty: None, ..bid(Alo, "99", "1") }, Refused::InvalidSize),
        (bid(Alo, "99", "0"), Refused::ZeroSize),
        (bid(Alo, "-99", "1"), Refused::InvalidPx),
        (bid(Alo, "99", "-1"), Refused::InvalidSize),
        (bid(Alo, "99", "90000000000"), Refused::InvalidSize),
        (NewOrder { tif: None, ..bid(Alo, "99", "1") }, Refused::BadTriggerPx),
        (bid(Alo, "99.0001", "1"), Refused::Tick),
        (bid(Alo, "99", "1.0001"), Refused::InvalidSize),
        (bid(Alo, "99", "0.1"), Refused::MinNotional),
        (bid(Alo, "19", "1"), Refused::ReferencePx),
        (reducing(bid(Alo, "99", "1")), Refused::ReduceOnly),
        (bid(Alo, "99", "2001"), Refused::Margin),
        (bid(Alo, "101", "1"), Refused::BadAloPx(px("99"), px("101"))),
        (bid(Ioc, "100", "1"), Refused::IocCancel),
        (bid(Tif::FrontendMarket, "100", "1"), Refused::NoLiquidity),
    ];
    for (new, want) in cases {
        let before = w.venue.history(&user(1)).len();
        assert_eq!(error(w.order(1, new.clone())), want.into(), "{new:?}");
        let unwritten =
            matches!(want, Refused::InvalidAsset | Refused::InvalidPx | Refused::ZeroSize)
                || new.qty.is_none_or(|q| q.is_negative() || q > Qty::whole(1_000_000_000));
        let history = w.venue.history(&user(1));
        assert_eq!(history.len(), before + usize::from(!unwritten), "{want:?}");
        if let Some(last) = history.back().filter(|_| !unwritten) {
            assert_eq!(last.status, OrderStatus::Rejected(want));
            assert!(last.oid > Oid::NONE && last.leaves == last.orig);
        }
    }
    w.venue.set_post_only_until(w.now + Nanos::secs(9));
    assert_eq!(error(w.order(1, bid(Gtc, "101", "1"))), Refusal::Order(Refused::UpgradePostOnly));
    assert_eq!(error(w.order(1, bid(Ioc, "99", "1"))), Refusal::Order(Refused::UpgradePostOnly));
    w.rests(1, bid(Gtc, "99", "1"));
    w.venue.core.rules.open_orders = 1;
    w.venue.core.accounts[0].volume = Usd::ZERO;
    assert_eq!(error(w.order(1, bid(Alo, "99", "1"))), Refusal::Order(Refused::TooManyOrders));
}

#[test]
fn a_taker_walks_the_book_and_is_told_in_order() {
    let mut w = World::new();
    let oid = w.rests(2, NewOrder { cloid: cloid(7), ..ask(Alo, "100", "0.5") });
    w.events.clear();
    let answer = w.order(1, bid(Ioc, "101", "2"));
    let ItemAnswer::Filled { total, avg_px, oid: taker, .. } = answer else { panic!("{answer:?}") };
    assert_eq!((total, avg_px), (qty("2"), Px::parse("100.75").unwrap()));
    let told: Vec<String> = w
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Order(o) => Some(format!("{:?} {}", o.status, o.oid == taker)),
            Event::Fill(f) => Some(format!("{} {} {}", f.qty, f.px, f.crossed)),
            Event::Trade(t) => Some(format!("trade {} {}", t.qty, t.users[0] == user(1))),
            Event::Answer(..) => Some("answer".into()),
            _ => None,
        })
        .collect();
    let want = [
        "Open true",
        "trade 0.5 true",
        "0.5 100 true",
        "0.5 100 false",
        "Filled false",
        "trade 1.5 true",
        "1.5 101 true",
        "Filled true",
        "answer",
    ];
    assert_eq!(told, want);
    assert_eq!(w.status(2, oid), OrderStatus::Filled);
    let maker = w.venue.fills(&user(2)).back().unwrap();
    assert_eq!((maker.cloid, maker.fee), (cloid(7), usd("0.0075")));
    assert_eq!(maker.direction, Direction::OpenShort);
    // 4.5 bps of 50 and of 151.5, each cut after six decimals.
    let fees: Usd = w.venue.fills(&user(1)).iter().map(|f| f.fee).sum();
    assert_eq!(fees, usd("0.0225") + usd("0.068175"));
}

#[test]
fn a_crossing_gtc_rests_with_what_is_left() {
    let mut w = World::new();
    let oid = w.rests(1, bid(Gtc, "101", "12"));
    let order = w.venue.order(&user(1), OrderRef::Oid(oid)).unwrap();
    assert_eq!((order.leaves, order.orig), (qty("2"), qty("12")));
    assert_eq!(w.szi(1), qty("10"));
    let levels = w.venue.levels(btc(), Side::Bid, 1);
    assert_eq!((levels[0].px, levels[0].qty), (Px::whole(101), qty("2")));

    let mut w = World::with(VenueConfig { partly_crossed_rests: false, ..config() });
    let answer = w.order(1, bid(Gtc, "101", "12"));
    assert!(matches!(answer, ItemAnswer::Filled { total, .. } if total == qty("10")), "{answer:?}");
}

#[test]
fn own_resting_orders_are_cancelled_and_the_taker_goes_on() {
    let mut w = World::new();
    let own = w.rests(1, ask(Alo, "100", "1"));
    let answer = w.order(1, bid(Ioc, "101", "1"));
    assert!(matches!(answer, ItemAnswer::Filled { avg_px, .. } if avg_px == Px::whole(101)));
    assert_eq!(w.status(1, own), OrderStatus::SelfTradeCanceled);
    assert_eq!(w.venue.fills(&user(1)).len(), 1);
    // Met by nobody else: an own order was in the way, and nothing traded.
    let own = w.rests(1, ask(Alo, "100", "1"));
    assert_eq!(error(w.order(1, bid(Ioc, "100", "1"))), Refusal::Order(Refused::IocCancel));
    assert_eq!(w.status(1, own), OrderStatus::SelfTradeCanceled);
}

#[test]
fn users_stand_in_line_by_price_and_time() {
    let mut w = World::new();
    let late = w.rests(2, ask(Alo, "100.5", "1"));
    let first = w.rests(3, ask(Alo, "100", "1"));
    let second = w.rests(4, ask(Alo, "100", "1"));
    w.order(1, bid(Ioc, "101", "1.5"));
    let leaves = |w: &World, n, oid| w.venue.order(&user(n), OrderRef::Oid(oid)).unwrap().leaves;
    assert_eq!(leaves(&w, 3, first), Qty::ZERO);
    assert_eq!(leaves(&w, 4, second), qty("0.5"));
    assert_eq!(leaves(&w, 2, late), qty("1"));
}

#[test]
fn a_block_sorts_by_class_then_arrival() {
    let mut w = World::new();
    let resting = w.rests(2, ask(Alo, "100", "1"));
    // Sent taker, cancel, maker: executed maker, cancel, taker.
    let taker = w.send(user(1), Command::Order(vec![bid(Ioc, "100", "1")]));
    let cancel = w.send(user(2), Command::Cancel(vec![(3, OrderRef::Oid(resting))]));
    let maker = w.send(user(3), Command::Order(vec![bid(Alo, "100", "1")]));
    w.events.clear();
    w.pass(Nanos::millis(160));
    let order: Vec<Ticket> = w
        .events
        .iter()
        .filter_map(|e| match e {
            Event::Answer(ticket, _) => Some(*ticket),
            _ => None,
        })
        .collect();
    assert_eq!(order, [maker, cancel, taker]);
    assert!(matches!(&w.answer(maker), Answer::Order(a) if matches!(a[0], ItemAnswer::Error(_))));
    assert_eq!(w.answer(cancel), Answer::Cancel(vec![ItemAnswer::Success]));
    assert!(matches!(&w.answer(taker), Answer::Order(a) if matches!(a[0], ItemAnswer::Error(_))));
}

#[test]
fn cancels_are_of_the_own_account_and_the_right_asset() {
    let mut w = World::new();
    let oid = w.rests(1, NewOrder { cloid: cloid(9), ..bid(Alo, "99", "1") });
    let cancel = |asset, id| Command::Cancel(vec![(asset, id)]);
    let missing = Answer::Cancel(vec![ItemAnswer::Error(Refusal::Order(Refused::MissingOrder))]);
    assert_eq!(w.ask(2, cancel(3, OrderRef::Oid(oid))), missing);
    assert_eq!(w.ask(1, cancel(13, OrderRef::Oid(oid))), missing);
    let by_cloid = OrderRef::Cloid(cloid(9).unwrap());
    assert_eq!(w.ask(1, cancel(3, by_cloid)), Answer::Cancel(vec![ItemAnswer::Success]));
    assert_eq!(w.ask(1, cancel(3, by_cloid)), missing);
    assert_eq!(w.status(1, oid), OrderStatus::Canceled);
}

fn modify(w: &mut World, old: Oid, new: NewOrder, always_place: bool, batch: bool) -> Answer {
    let items = vec![(OrderRef::Oid(old), new)];
    w.ask(1, Command::Modify { items, always_place, batch })
}

#[test]
fn a_modify_opens_the_new_order_before_it_reports_the_old_one_gone() {
    let mut w = World::new();
    let old = w.rests(1, NewOrder { cloid: cloid(1), ..bid(Alo, "98", "1") });
    w.events.clear();
    assert_eq!(modify(&mut w, old, bid(Gtc, "99", "2"), false, false), Answer::Default);
    let told: Vec<_> = w
        .events
        .iter()
        .filter_map(|e| match e {
            Event::Order(o) => Some((o.oid == old, o.status, o.cloid)),
            _ => None,
        })
        .collect();
    let want = [(false, OrderStatus::Open, cloid(1)), (true, OrderStatus::Canceled, cloid(1))];
    assert_eq!(told, want);
    let open = w.venue.open_orders(&user(1));
    assert_eq!((open.len(), open[0].tif, open[0].orig), (1, Alo, qty("2")));
}

#[test]
fn a_modify_that_fails_leaves_the_old_order_cancelled_or_alone() {
    let mut w = World::new();
    let old = w.rests(1, bid(Alo, "98", "1"));
    // An IOC is not allowed, and nothing happens.
    let ioc = modify(&mut w, old, bid(Ioc, "101", "1"), false, false);
    assert!(matches!(refused(ioc), Refusal::ModifyNew(_)));
    assert_eq!(w.status(1, old), OrderStatus::Open);
    // A GTC that would trade is refused as post-only, after the old one was cancelled.
    let crossing = refused(modify(&mut w, old, bid(Gtc, "101", "1"), false, false));
    assert!(matches!(crossing, Refusal::ModifyNew(Refused::BadAloPx(..))));
    assert_eq!(w.status(1, old), OrderStatus::Canceled);
    // It is dead now: refused, or placed anew when that is asked for.
    let again = bid(Alo, "98", "1");
    assert_eq!(
        refused(modify(&mut w, old, again.clone(), false, false)),
        Refusal::Order(Refused::ModifyDead)
    );
    let items = Answer::Order(vec![ItemAnswer::Error(Refusal::Order(Refused::ModifyDead))]);
    assert_eq!(modify(&mut w, old, again.clone(), false, true), items);
    assert_eq!(modify(&mut w, old, again, true, false), Answer::Default);
    assert_eq!(w.venue.open_orders(&user(1)).len(), 1);
}

#[test]
fn reduce_only_orders_never_reach_past_the_position() {
    let mut w = World::new();
    w.order(1, bid(Ioc, "101", "2"));
    let older = w.rests(1, reducing(ask(Alo, "103", "2")));
    let newer = w.rests(1, reducing(ask(Alo, "104", "2")));
    assert_eq!(w.status(1, older), OrderStatus::ReduceOnlyCanceled, "the newest is kept");
    // Too large: it closes the position, and the rest of it goes.
    let answer = w.order(1, reducing(ask(Gtc, "99", "5")));
    assert!(matches!(answer, ItemAnswer::Filled { total, .. } if total == qty("2")), "{answer:?}");
    assert_eq!(w.szi(1), Qty::ZERO);
    assert_eq!(w.status(1, newer), OrderStatus::ReduceOnlyCanceled);
    let statuses: Vec<_> = w.venue.history(&user(1)).iter().map(|o| &o.status).collect();
    assert!(statuses.contains(&&OrderStatus::ReduceOnlyCanceled));
    assert!(w.venue.open_orders(&user(1)).is_empty());
    // Closing a position worth less than ten dollars is allowed, reducing it so is not.
    w.order(1, bid(Ioc, "101", "0.1"));
    w.order(1, bid(Ioc, "101", "0.2"));
    w.order(1, reducing(ask(Ioc, "99", "0.25")));
    assert_eq!(w.szi(1), qty("0.05"));
    assert_eq!(
        error(w.order(1, reducing(ask(Ioc, "99", "0.04")))),
        Refusal::Order(Refused::MinNotional)
    );
    w.order(1, reducing(ask(Ioc, "99", "0.05")));
    assert_eq!(w.szi(1), Qty::ZERO);
}

#[test]
fn a_maker_without_margin_is_cancelled_when_it_is_met() {
    let mut w = World::new();
    let poor = w.rests(2, ask(Alo, "100", "1"));
    w.venue.core.accounts[1].cash = usd("1");
    let answer = w.order(1, bid(Ioc, "100", "1"));
    assert_eq!(error(answer), Refusal::Order(Refused::IocCancel));
    assert_eq!(w.status(2, poor), OrderStatus::MarginCanceled);
}

#[test]
fn duplicate_client_ids_go_by_the_switch() {
    let twice = |duplicate_cloid| {
        let mut w = World::with(VenueConfig { duplicate_cloid, ..config() });
        let new = NewOrder { cloid: cloid(5), ..bid(Alo, "98", "1") };
        w.rests(1, new.clone());
        (w.order(1, new), w)
    };
    let (answer, w) = twice(DuplicateCloid::Accept);
    let ItemAnswer::Resting { oid, .. } = answer else { panic!("{answer:?}") };
    let newest = w.venue.order(&user(1), OrderRef::Cloid(cloid(5).unwrap())).unwrap();
    assert_eq!(newest.oid, oid);
    assert_eq!(error(twice(DuplicateCloid::Reject).0), Refusal::Order(Refused::DuplicateCloid));
}

#[test]
fn partial_fills_repeat_open_only_when_asked_to() {
    let opens = |partial_fill_updates| {
        let mut w = World::with(VenueConfig { partial_fill_updates, ..config() });
        let oid = w.rests(2, ask(Alo, "100", "1"));
        w.order(1, bid(Ioc, "100", "0.4"));
        let of = |e: &&Event| matches!(e, Event::Order(o) if o.oid == oid && o.status == OrderStatus::Open);
        w.events.iter().filter(of).count()
    };
    assert_eq!((opens(false), opens(true)), (1, 2));
}
