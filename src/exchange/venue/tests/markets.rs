//! The venue on the markets of the simulator.

use super::*;
use botmm_pipeline::types::{BookSnapshot, MarketEvent, Trade};
use botmm_pipeline::venue::sim::queue::QueueModel;
use botmm_pipeline::venue::sim::recorded::RecordedMarket;
use botmm_pipeline::venue::sim::synthetic::{MarketProfile, SyntheticMarket};
use botmm_pipeline::venue::tape::Tape;

#[test]
fn a_market_may_run_before_the_venue_opens() {
    let universe = universe(1);
    let history = Nanos::secs(600);
    let profiles = vec![MarketProfile { start_px: 50_000.0, ..MarketProfile::btc() }];
    let market = SyntheticMarket::new(&universe, profiles, START - history, 1);
    let config = VenueConfig { history, ..config() };
    let mut venue = Venue::new(config, universe, Box::new(market), START);
    assert_eq!(venue.time(), START);
    let bars = venue.candles(btc(), Nanos::secs(60), Nanos::ZERO, START);
    assert!(bars.len() >= 10 && bars.iter().any(|b| b.high > b.low), "{} bars", bars.len());
    let ctx = venue.ctx(btc());
    assert!(ctx.impact.is_some() && ctx.premium_e10.is_some());
    assert!((ctx.mark.to_f64() / 50_000.0 - 1.0).abs() < 0.05, "{ctx:?}");
    let mut events = Vec::new();
    venue.advance(START + Nanos::secs(1), &mut events);
    assert!(matches!(events.last(), Some(Event::Block(_))));
    let blocks = events.iter().filter(|e| matches!(e, Event::Block(_))).count();
    assert_eq!(blocks, 12);
    let books = events.iter().filter(|e| matches!(e, Event::Market(MarketEvent::Book(_)))).count();
    assert!((1..=2).contains(&books), "{books} books in a second");
    for event in &events {
        if let Event::Market(event) = event {
            assert!(event.venue_time() > START && event.recv_time() == Nanos::ZERO);
        }
    }
}

/// A tape of one book (99 x 5, 101 x 5), and a sell of 3 at 98 after five seconds.
fn recording() -> RecordedMarket {
    let level = |px: i64| Level { px: Px::whole(px), qty: Qty::whole(5) };
    let mut book = BookSnapshot { venue_time: START, ..BookSnapshot::EMPTY };
    (book.bids[0], book.asks[0]) = (level(99), level(101));
    (book.bid_count, book.ask_count) = (1, 1);
    let trade = Trade {
        aggressor: Side::Ask,
        venue_time: START + Nanos::secs(5),
        px: Px::whole(98),
        qty: Qty::whole(3),
        tid: 42,
        ..Trade::default()
    };
    let tape = Tape::build([MarketEvent::Book(book), MarketEvent::Trade(trade)]);
    RecordedMarket::new(&tape, &universe(1), QueueModel::RiskAverse).publishing()
}

#[test]
fn an_empty_side_or_a_far_stub_moves_no_mark() {
    let level = |px: i64| Level { px: Px::whole(px), qty: Qty::whole(5) };
    let book = |second: i64, bid: i64, ask: i64| {
        let venue_time = START + Nanos::secs(second);
        let mut book = BookSnapshot { venue_time, ..BookSnapshot::EMPTY };
        (book.bids[0], book.asks[0]) = (level(bid), level(ask));
        (book.bid_count, book.ask_count) = (u8::from(bid > 0), u8::from(ask > 0));
        MarketEvent::Book(book)
    };
    for (bid, ask) in [(999, 0), (0, 1_001), (999, 5_000), (1, 1_001)] {
        let tape = Tape::build([book(0, 999, 1_001), book(5, bid, ask), book(60, 1_009, 1_011)]);
        let market = RecordedMarket::new(&tape, &universe(1), QueueModel::RiskAverse);
        let mut w = World::on(config(), Box::new(market.publishing()), universe(1));
        let mut events = Vec::new();
        for second in 1..60 {
            w.venue.advance(START + Nanos::secs(second), &mut events);
            assert_eq!(w.venue.ctx(btc()).mark, Px::whole(1_000), "{bid} {ask} at {second} s");
        }
        w.venue.advance(START + Nanos::secs(70), &mut events);
        assert!(w.venue.ctx(btc()).mark > Px::whole(1_000), "{bid} {ask}: it moves again");
    }
}

#[test]
fn a_recording_fills_resting_orders_and_feeds_takers() {
    let mut w = World::on(config(), Box::new(recording()), universe(1));
    assert_eq!(w.venue.ctx(btc()).mark, Px::whole(100));
    let answer = w.order(1, bid(Tif::Gtc, "101", "6"));
    assert!(matches!(answer, ItemAnswer::Resting { .. }), "{answer:?}");
    assert_eq!(w.szi(1), qty("5"), "the level was eaten");
    let oid = w.rests(2, bid(Tif::Alo, "98.5", "1"));
    w.pass(Nanos::secs(6));
    assert_eq!(w.status(2, oid), OrderStatus::Filled, "a sell went through its price");
    let trade = w.venue.trades(btc()).back().unwrap();
    assert_eq!((trade.tid, trade.px, trade.qty), (42, Px::whole(98), qty("3")));
}

#[test]
fn what_an_owner_may_not_take_goes_to_somebody_else() {
    let mut w = World::on(config(), Box::new(recording()), universe(1));
    w.order(1, ask(Tif::Ioc, "99", "1"));
    assert_eq!(w.szi(1), qty("-1"));
    // Both are met by one trade: the first leaves nothing to reduce.
    let plain = w.rests(1, bid(Tif::Alo, "98.6", "1"));
    let reduce = w.rests(1, reducing(bid(Tif::Alo, "98.5", "1")));
    let poor = w.rests(2, bid(Tif::Alo, "98.4", "1"));
    w.venue.core.accounts[1].cash = usd("1");
    w.pass(Nanos::secs(6));
    assert_eq!(w.szi(1), Qty::ZERO);
    assert_eq!(w.status(1, plain), OrderStatus::Filled);
    assert_eq!(w.status(1, reduce), OrderStatus::ReduceOnlyCanceled);
    assert_eq!(w.status(2, poor), OrderStatus::MarginCanceled);
    assert_eq!(w.szi(2), Qty::ZERO);
    assert!(w.venue.core.resting().is_empty());
}

#[test]
fn a_market_without_room_refuses_orders() {
    let mut w = World::on(config(), Box::new(recording()), universe(1));
    let room = w.venue.core.market.room();
    let orders = vec![bid(Tif::Alo, "98", "0.2"); room + 1];
    let Answer::Order(items) = w.ask(1, Command::Order(orders)) else { panic!("no order answer") };
    assert!(items[..room].iter().all(|i| matches!(i, ItemAnswer::Resting { .. })));
    assert_eq!(items[room], ItemAnswer::Error(Refusal::Order(Refused::TooManyOrders)));
}
