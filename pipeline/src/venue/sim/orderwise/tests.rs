//! Each rule on order data small enough to work out by hand.
//!
//! Prices are whole dollars and sizes whole coins; one asset with five size decimals. Orders 1 to 99 are
//! others', from 100 on ours.

use super::builder::{Builder, OrdersReport, WARM_UP};
use super::event::{Fault, OrderEvent, Posted};
use super::market::OrderwiseMarket;
use super::public::{BlockTimes, Cadence};
use crate::types::{AssetId, FillCause, MarketEvent, Nanos, Oid, Px, Qty, SCALE, Side, Universe};
use crate::venue::sim::{Market, MarketOutput, RestingOrder, TakingOrder};
use FillCause::{TouchReached, TradedAt, TradedThrough};
use std::sync::Arc;

const ASSET: AssetId = crate::types::BookSnapshot::EMPTY.asset;

fn universe() -> Universe {
    crate::coins::universe([("TEST", 5)])
}
fn new(oid: u64, side: Side, px: i64, qty: i64) -> OrderEvent {
    posted(oid, side, px, qty, Posted::Only)
}
fn posted(oid: u64, side: Side, px: i64, qty: i64, posted: Posted) -> OrderEvent {
    OrderEvent::New { oid: Oid(oid), side, px: Px::whole(px), qty: Qty::whole(qty), posted }
}
fn bid(oid: u64, px: i64, qty: i64) -> OrderEvent {
    new(oid, Side::Bid, px, qty)
}
fn ask(oid: u64, px: i64, qty: i64) -> OrderEvent {
    new(oid, Side::Ask, px, qty)
}
fn gone(oid: u64) -> OrderEvent {
    OrderEvent::Removed { oid: Oid(oid) }
}
fn filled(oid: u64, qty: i64) -> OrderEvent {
    OrderEvent::Filled { oid: Oid(oid), qty: Qty::whole(qty), tid: 1_000 + oid }
}
fn resized(oid: u64, qty: i64, keeps_place: bool) -> OrderEvent {
    OrderEvent::Resized { oid: Oid(oid), qty: Qty::whole(qty), keeps_place }
}
fn missed(side: Side, px: i64, qty: i64) -> OrderEvent {
    OrderEvent::Missed { side, px: Px::whole(px), qty: Qty::whole(qty) }
}

/// Bids 100: order 1 x 5, order 2 x 5; 99: order 3 x 4. Asks 102: order 4 x 8.
fn start() -> Vec<OrderEvent> {
    let mut events = vec![OrderEvent::Snapshot];
    events.extend([bid(1, 100, 5), bid(2, 100, 5), bid(3, 99, 4), ask(4, 102, 8)]);
    events.push(OrderEvent::Whole);
    events
}

/// What is told of blocks at these times.
struct Told {
    market: OrderwiseMarket,
    report: OrdersReport,
    public: Vec<MarketEvent>,
    out: MarketOutput,
}

fn told(blocks: &[(i64, Vec<OrderEvent>)]) -> Told {
    let mut builder = Builder::new(&universe(), Cadence::TODAY);
    let mut public = Vec::new();
    for (time, events) in blocks {
        let (venue, recv) = (Nanos(*time), Nanos(*time) + Nanos::millis(1));
        builder.begin(BlockTimes { asset: ASSET, venue, recv });
        for event in events {
            match *event {
                OrderEvent::Filled { oid, qty, tid } => {
                    builder.fill(oid, (Side::Bid, Px::whole(100)), qty, tid);
                }
                ref other => builder.push(other),
            }
        }
        builder.end(&mut public);
    }
    let (tape, reports) = builder.finish();
    let market = OrderwiseMarket::new(Arc::new(tape), &universe(), Vec::new());
    Told { market, report: reports[0].clone(), public, out: MarketOutput::default() }
}

impl Told {
    fn to(&mut self, t: i64) -> &mut Self {
        self.market.advance(Nanos(t), &mut self.out);
        self
    }
    fn place(&mut self, oid: u64, side: Side, px: i64, qty: i64) -> &mut Self {
        let (oid, px, qty) = (Oid(oid), Px::whole(px), Qty::whole(qty));
        self.market.place(&RestingOrder { oid, asset: ASSET, side, px, qty });
        self
    }
    fn ahead(&self, oid: u64) -> i64 {
        self.market.ahead(Oid(oid)).unwrap().raw() / SCALE
    }
    /// (time, oid, price, size, why) of every fill.
    fn fills(&self) -> Vec<(i64, u64, i64, i64, FillCause)> {
        let each = self.out.executions.iter();
        each.map(|e| {
            let (px, qty) = (e.px.raw() / SCALE, e.qty.raw() / SCALE);
            (e.time.0, e.oid.0, px, qty, e.cause.unwrap())
        })
        .collect()
    }
}

#[test]
fn a_taker_meets_those_ahead_first_and_what_it_traded_behind_us_is_ours() {
    let mut run = told(&[
        (0, start()),
        (1, vec![bid(5, 100, 6)]),
        (2, vec![filled(1, 5), filled(2, 3)]),
        (3, vec![filled(2, 2), filled(5, 1)]),
        (4, vec![filled(5, 4)]),
    ]);
    run.to(0).place(100, Side::Bid, 100, 3).place(101, Side::Bid, 100, 1);
    assert_eq!(run.ahead(100), 10);
    // The block's own post-only order goes first: nobody knows in which order they came.
    run.to(1);
    assert_eq!((run.ahead(100), run.ahead(101)), (16, 16));
    let mut run = told(&[
        (0, start()),
        (1, vec![]),
        (2, vec![bid(5, 100, 6), filled(1, 5), filled(2, 3)]),
        (3, vec![filled(2, 2), filled(5, 1)]),
        (4, vec![filled(5, 4)]),
    ]);
    run.to(0).place(100, Side::Bid, 100, 3).place(101, Side::Bid, 100, 1);
    run.to(1).to(2);
    assert_eq!((run.fills(), run.ahead(100)), (vec![], 8));
}

#[test]
fn orders_that_came_later_are_behind() {
    let mut run = told(&[
        (0, start()),
        (1, vec![missed(Side::Bid, 1, 1)]),
        (2, vec![bid(5, 100, 6)]),
        (3, vec![filled(1, 5), filled(2, 3)]),
        (4, vec![filled(2, 2), filled(5, 1)]),
        (5, vec![filled(5, 5), filled(3, 1)]),
    ]);
    run.to(0).place(100, Side::Bid, 100, 3).place(101, Side::Bid, 100, 1).to(2);
    assert_eq!((run.ahead(100), run.ahead(101)), (10, 10));
    run.to(3);
    assert_eq!((run.fills(), run.ahead(100)), (vec![], 2));
    // Order 5 got 1 of a taker that would have met us before it.
    assert_eq!(run.to(4).fills(), [(4, 100, 100, 1, TradedAt)]);
    assert_eq!(run.out.executions[0].tid, 1_005, "the public trade's id");
    // Of the next 5 we take 2, and our next order 1.
    assert_eq!(run.to(5).fills()[1..], [(5, 100, 100, 2, TradedAt), (5, 101, 100, 1, TradedAt)]);
    assert_ne!(run.out.executions[2].tid, 1_005, "no id twice");
}

#[test]
fn a_trade_at_a_worse_price_is_ours_as_far_as_it_goes() {
    let mut run = told(&[(0, start()), (1, vec![filled(1, 2)]), (2, vec![filled(1, 1)])]);
    run.to(0).place(100, Side::Bid, 101, 3).place(101, Side::Bid, 100, 9).to(1);
    assert_eq!(run.fills(), [(1, 100, 101, 2, TradedThrough)], "the taker had no more");
    assert_eq!(run.to(2).fills()[1..], [(2, 100, 101, 1, TradedThrough)]);
}

#[test]
fn cancels_and_partial_cancels_ahead_move_us_up_and_those_behind_do_not() {
    let mut run = told(&[
        (0, start()),
        (1, vec![missed(Side::Bid, 1, 1)]),
        (2, vec![bid(5, 100, 6), gone(1)]),
        (3, vec![resized(2, 2, true)]),
        (4, vec![gone(5), bid(6, 100, 1)]),
        (5, vec![filled(2, 2), filled(6, 1)]),
    ]);
    run.to(0).place(100, Side::Bid, 100, 3).to(1);
    assert_eq!(run.ahead(100), 10);
    assert_eq!(run.to(2).ahead(100), 5);
    // A partial cancel keeps its place.
    assert_eq!(run.to(3).ahead(100), 2);
    assert_eq!(run.to(4).ahead(100), 2);
    assert_eq!(run.to(5).fills(), [(5, 100, 100, 1, TradedAt)]);
}

#[test]
fn a_modified_order_stays_or_goes_to_the_back_as_it_is_told() {
    for (keeps_place, ahead) in [(true, 12), (false, 5)] {
        let moved = vec![resized(1, 7, keeps_place)];
        let mut run = told(&[(0, start()), (1, vec![missed(Side::Bid, 1, 1)]), (2, moved)]);
        run.to(0).place(100, Side::Bid, 100, 3).to(1).to(2);
        assert_eq!(run.ahead(100), ahead);
    }
}

#[test]
fn our_order_is_executed_before_the_takers_of_its_block_and_behind_its_post_only_orders() {
    let block = vec![bid(5, 101, 2), filled(5, 2), filled(1, 5), filled(2, 5), bid(6, 100, 1)];
    let mut run = told(&[(0, start()), (10, block), (20, vec![filled(6, 1)])]);
    // It arrives between the blocks.
    run.to(5).place(100, Side::Bid, 101, 1).place(101, Side::Bid, 100, 1).to(10);
    assert_eq!(run.fills(), [(10, 100, 101, 1, TradedThrough)]);
    assert_eq!(run.ahead(101), 0, "order 6 came after the takers");
    assert_eq!(run.to(20).fills()[1..], [(20, 101, 100, 1, TradedAt)]);
    // A cancel that arrives between the blocks goes before its takers.
    let mut run = told(&[(0, start()), (10, vec![filled(1, 5)])]);
    run.to(5).place(100, Side::Bid, 101, 1);
    assert_eq!(run.market.cancel(Oid(100)), Some(Qty::whole(1)));
    assert_eq!(run.to(10).fills(), []);
}

#[test]
fn who_would_have_met_us_without_a_trade() {
    let crossing = |p| vec![gone(1), gone(2), posted(5, Side::Ask, 100, 2, p)];
    for (how, want) in [(Posted::Only, 0), (Posted::AfterTaking, 2), (Posted::Unknown, 2)] {
        let mut run = told(&[(0, start()), (1, crossing(how))]);
        run.to(0).place(100, Side::Bid, 101, 1).place(101, Side::Bid, 100, 3).to(1);
        let got: i64 = run.fills().iter().map(|fill| fill.3).sum();
        assert_eq!(got, want, "{how:?}");
        let first = run.fills().first().copied();
        assert!(first.is_none_or(|f| f == (1, 100, 101, 1, TouchReached)), "{first:?}");
    }
    let mut run = told(&[(0, start()), (1, vec![missed(Side::Ask, 101, 4)])]);
    run.to(0).place(100, Side::Bid, 101, 3).place(101, Side::Bid, 100, 3).to(1);
    assert_eq!(run.fills(), [(1, 100, 101, 3, TouchReached)], "its limit was 101");
}

#[test]
fn what_we_took_stays_taken_while_its_maker_rests() {
    let mut run = told(&[
        (0, start()),
        (1, vec![ask(5, 102, 1), ask(6, 103, 1)]),
        (2, vec![resized(4, 2, true)]),
        (3, vec![gone(4)]),
    ]);
    run.to(1);
    let take = |run: &mut Told, qty| {
        let mut taken = Vec::new();
        let (limit, qty) = (Px::whole(102), Qty::whole(qty));
        let order = TakingOrder { asset: ASSET, side: Side::Bid, limit, qty };
        let left = run.market.take(&order, &mut taken);
        (left.raw() / SCALE, taken.iter().map(|t| t.qty.raw() / SCALE).collect::<Vec<_>>())
    };
    assert_eq!(take(&mut run, 5), (0, vec![5]));
    assert_eq!(run.market.front(ASSET, Side::Ask).unwrap().qty, Qty::whole(3));
    assert_eq!(take(&mut run, 10), (6, vec![3, 1]), "order by order, and no worse than its limit");
    assert_eq!(run.market.touch(ASSET).1.px, Px::whole(103));
    run.to(2);
    assert_eq!(run.market.touch(ASSET).1.px, Px::whole(103), "2 of what we took are left");
    run.to(3);
    let mut levels = Vec::new();
    run.market.depth(ASSET, Side::Ask, 9, &mut levels);
    assert_eq!(levels.len(), 1, "order 5 rests and is eaten: {levels:?}");
}

#[test]
fn each_fault_is_counted_and_voids_the_book_until_the_next_snapshot() {
    let faults = [
        (gone(77), Fault::MissingOid),
        (resized(77, 1, true), Fault::MissingOid),
        (filled(77, 1), Fault::MissingOid),
        (bid(1, 98, 1), Fault::RepeatedOid),
        (bid(6, 98, 0), Fault::BadSize),
        (bid(6, 0, 1), Fault::BadSize),
        (filled(1, 6), Fault::BadSize),
        (resized(1, 0, true), Fault::BadSize),
        (bid(6, 102, 1), Fault::Crossed),
    ];
    for (event, fault) in faults {
        let again = [start(), vec![bid(7, 101, 1)]].concat();
        let mut run = told(&[
            (0, start()),
            (1, vec![event, bid(8, 100, 1)]),
            (2, vec![filled(1, 5), filled(2, 5), filled(3, 4)]),
            (3, again),
            (4, vec![filled(7, 1), filled(1, 5)]),
        ]);
        let mut want = [0; Fault::COUNT];
        want[fault.index()] = 1;
        assert_eq!((run.report.faults, run.report.left_out), (want, 4), "{event:?}");
        assert_eq!(run.report.void_for, Nanos(2));
        run.to(0).place(100, Side::Bid, 101, 2);
        assert!(!run.market.is_stale(ASSET));
        run.to(1);
        assert!(run.market.is_stale(ASSET) && run.market.front(ASSET, Side::Ask).is_none());
        run.to(2);
        assert_eq!(run.fills(), [], "a void book fills nobody");
        run.to(3);
        assert!(!run.market.is_stale(ASSET));
        // Order 7 has a higher id than any that was seen when ours came: it is behind.
        let want = [(4, 100, 101, 1, TradedAt), (4, 100, 101, 1, TradedThrough)];
        assert_eq!(run.to(4).fills(), want, "{event:?}");
    }
}

#[test]
fn a_snapshot_keeps_the_places_that_are_known() {
    // Order 2 was modified to the back after ours came; its id is old all the same.
    let snapshot = vec![
        OrderEvent::Snapshot,
        bid(1, 100, 5),
        bid(2, 100, 5),
        bid(9, 100, 1),
        OrderEvent::Whole,
    ];
    let mut run = told(&[
        (0, start()),
        (1, vec![missed(Side::Bid, 1, 1)]),
        (2, vec![resized(2, 5, false)]),
        (3, snapshot.clone()),
        (4, vec![filled(1, 5), filled(2, 1)]),
    ]);
    run.to(0).place(100, Side::Bid, 100, 1).to(1).to(3);
    assert_eq!(run.ahead(100), 5);
    assert_eq!(run.to(4).fills(), [(4, 100, 100, 1, TradedAt)]);
    // Of one that came while the book was void nobody is behind.
    let mut run = told(&[(0, start()), (1, vec![OrderEvent::Void]), (3, snapshot)]);
    run.to(2).place(100, Side::Bid, 100, 1).to(3);
    assert_eq!(run.ahead(100), 11);
}

#[test]
fn orders_from_before_the_recording_are_ahead_of_ours() {
    let first = vec![bid(50, 100, 5), ask(51, 102, 1)];
    let minute = WARM_UP.0;
    let unseen = |qty| OrderEvent::Filled { oid: Oid(7), qty: Qty::whole(qty), tid: 1 };
    let mut run = told(&[
        (0, first),
        (1, vec![gone(8), resized(9, 1, true)]),
        (2, vec![unseen(3)]),
        (minute, vec![filled(50, 1)]),
        (minute + 1, vec![gone(52)]),
    ]);
    assert_eq!((run.report.unseen, run.report.whole_from), (3, Some(Nanos(minute))));
    assert_eq!(run.report.faults[Fault::MissingOid.index()], 1, "52 is none of these");
    run.to(0).place(100, Side::Bid, 100, 1).place(101, Side::Bid, 101, 1).to(1);
    assert!(run.market.is_stale(ASSET));
    assert_eq!(run.to(2).fills(), [(2, 101, 101, 1, TradedThrough)], "at 100 it was before us");
    run.to(minute);
    assert!(!run.market.is_stale(ASSET));
    assert_eq!(run.to(minute + 1).fills().len(), 1, "50 came before ours");
    assert!(run.market.is_stale(ASSET));
}

#[test]
fn the_public_sees_trades_touches_that_change_and_books_at_their_cadence() {
    let told = told(&[
        (1, start()),
        (2, vec![bid(5, 99, 1)]),
        (3, vec![filled(1, 2)]),
        (Nanos::millis(500).0, vec![bid(6, 98, 1)]),
        (Nanos::millis(501).0, vec![bid(7, 98, 1)]),
        (Nanos::secs(5).0 + 1, vec![gone(5)]),
    ]);
    let seen: Vec<_> = told
        .public
        .iter()
        .map(|event| match event {
            MarketEvent::Trade(t) => {
                format!("{} trade {:?} {}", t.venue_time.0, t.aggressor, t.qty)
            }
            MarketEvent::Bbo(b) => format!("{} bbo {}", b.venue_time.0, b.bid.qty),
            MarketEvent::Book(b) => format!("{} book {} {}", b.venue_time.0, b.fast, b.bid_count),
            other => format!("{other:?}"),
        })
        .collect();
    let want = [
        "1 bbo 10",
        "1 book false 2",
        "1 book true 2",
        "3 trade Ask 2",
        "3 bbo 8",
        "501000000 book true 3",
        "5000000001 book false 3",
        "5000000001 book true 3",
    ];
    assert_eq!(seen, want);
    assert!(told.public.iter().all(|e| e.recv_time() == e.venue_time() + Nanos::millis(1)));
}

#[test]
fn time_that_goes_back_voids() {
    let told = told(&[(5, start()), (4, vec![bid(5, 99, 1)]), (6, vec![bid(6, 99, 1)])]);
    assert_eq!((told.report.faults[Fault::Backwards.index()], told.report.left_out), (1, 2));
}

#[test]
fn sizes_beyond_all_numbers_are_a_fault_and_no_overflow() {
    let huge = |oid| OrderEvent::New {
        oid: Oid(oid),
        side: Side::Bid,
        px: Px::whole(90),
        qty: Qty::from_raw(i64::MAX / 5),
        posted: Posted::Only,
    };
    let told = told(&[(0, start()), (1, (10..20).map(huge).collect())]);
    assert_eq!(told.report.faults[Fault::BadSize.index()], 1);
}
