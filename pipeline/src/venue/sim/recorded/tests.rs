//! Each rule of the recorded market on a tape small enough to work out by hand.
//!
//! Prices are whole dollars and sizes whole coins; one asset with five size decimals.

#![allow(clippy::float_cmp, reason = "sizes are exact decimals: equal means equal")]

use super::*;

const ASSET: AssetId = BookSnapshot::EMPTY.asset;

fn universe() -> Universe {
    crate::coins::universe([("TEST", 5)])
}
fn level(&(px, qty): &(i64, f64)) -> Level {
    Level { px: Px::whole(px), qty: coin(qty) }
}
fn coin(qty: f64) -> Qty {
    Qty::from_raw((qty * 1e8).round() as i64)
}

/// A book at venue time `t`; received 1 ms later, like everything here.
fn book(t: i64, bids: &[(i64, f64)], asks: &[(i64, f64)]) -> MarketEvent {
    let mut b = BookSnapshot { venue_time: Nanos(t), ..BookSnapshot::EMPTY };
    for (i, l) in bids.iter().enumerate() {
        b.bids[i] = level(l);
    }
    for (i, l) in asks.iter().enumerate() {
        b.asks[i] = level(l);
    }
    (b.bid_count, b.ask_count) = (bids.len() as u8, asks.len() as u8);
    b.recv_time = Nanos(t) + Nanos::millis(1);
    MarketEvent::Book(b)
}
fn bbo(t: i64, bid: (i64, f64), ask: (i64, f64)) -> MarketEvent {
    let (bid, ask, venue_time) = (level(&bid), level(&ask), Nanos(t));
    MarketEvent::Bbo(Bbo { bid, ask, venue_time, ..Bbo::default() })
}
fn trade(t: i64, aggressor: Side, px: i64, qty: f64) -> MarketEvent {
    let (px, qty, tid) = (Px::whole(px), coin(qty), 1_000 + t as u64);
    MarketEvent::Trade(Trade { aggressor, px, qty, tid, venue_time: Nanos(t), ..Trade::default() })
}

/// Bids 100 x 10, 99 x 4; asks 101 x 8, 102 x 2.
fn start() -> MarketEvent {
    book(0, &[(100, 10.0), (99, 4.0)], &[(101, 8.0), (102, 2.0)])
}

struct Run {
    market: RecordedMarket,
    out: MarketOutput,
}

impl Run {
    fn new(model: QueueModel, events: &[MarketEvent]) -> Self {
        let tape = Tape::build(events.iter().copied());
        Self {
            market: RecordedMarket::new(&tape, &universe(), model),
            out: MarketOutput::default(),
        }
    }
    fn averse(events: &[MarketEvent]) -> Self {
        Self::new(QueueModel::RiskAverse, events)
    }
    fn to(&mut self, t: i64) -> &mut Self {
        self.market.advance(Nanos(t), &mut self.out);
        self
    }
    fn place(&mut self, oid: u64, side: Side, px: i64, qty: f64) -> &mut Self {
        let (oid, px, qty) = (Oid(oid), Px::whole(px), coin(qty));
        self.market.place(&RestingOrder { oid, asset: ASSET, side, px, qty });
        self
    }
    fn ahead(&self, oid: u64) -> f64 {
        self.market.queue_place(Oid(oid)).unwrap().ahead().to_f64()
    }
    /// (time, oid, price, size) of every fill.
    fn fills(&self) -> Vec<(i64, u64, i64, f64)> {
        let whole = |px: Px| px.raw() / crate::types::SCALE;
        let each = self.out.executions.iter();
        each.map(|e| (e.time.0, e.oid.0, whole(e.px), e.qty.to_f64())).collect()
    }
}

#[test]
fn placement_reads_the_displayed_book() {
    let mut run = Run::averse(&[start(), book(9, &[(103, 1.0)], &[(106, 1.0)])]);
    run.to(0).place(1, Side::Bid, 100, 1.0).place(2, Side::Bid, 99, 1.0);
    run.place(3, Side::Bid, 98, 1.0).place(4, Side::Ask, 101, 1.0);
    assert_eq!([run.ahead(1), run.ahead(2), run.ahead(4)], [10.0, 4.0, 8.0]);
    assert_eq!(run.ahead(3), 4.0, "beyond the window: the deepest visible level's size");
    run.to(9).place(5, Side::Bid, 104, 1.0).place(6, Side::Ask, 105, 1.0);
    assert_eq!((run.ahead(5), run.ahead(6)), (0.0, 0.0), "inside the spread nobody is ahead");
    assert_eq!(run.market.touch(ASSET).0, level(&(103, 1.0)));
    assert_eq!(run.market.next_time(), None);
}

#[test]
fn an_unknown_price_takes_what_is_displayed_once_it_is_seen() {
    let seen = book(5, &[(100, 1.0), (99, 4.0), (98, 30.0)], &[(101, 8.0)]);
    let mut run = Run::averse(&[start(), seen]);
    run.to(0).place(1, Side::Bid, 98, 1.0).to(5);
    assert_eq!(run.ahead(1), 30.0);
    // Without any book everything is ahead of us, but a trade through the price still fills.
    let early = [trade(1, Side::Ask, 98, 99.0), trade(2, Side::Ask, 97, 0.1)];
    let mut run = Run::averse(&early);
    run.to(0).place(1, Side::Bid, 98, 1.0).to(1);
    assert_eq!(run.fills(), []);
    assert_eq!(run.to(2).fills(), [(2, 1, 98, 1.0)]);
}

#[test]
fn a_trade_at_our_price_eats_the_queue_first() {
    let tape = [
        start(),
        trade(1, Side::Ask, 100, 9.5),
        trade(2, Side::Ask, 100, 1.0), // 0.5 for the queue, 0.5 for us
        trade(3, Side::Ask, 100, 7.0), // 1.5 is left of our order
    ];
    let mut run = Run::averse(&tape);
    run.to(0).place(1, Side::Bid, 100, 2.0).to(2);
    assert_eq!((run.fills(), run.ahead(1)), (vec![(2, 1, 100, 0.5)], 0.0));
    assert_eq!(run.to(3).fills()[1..], [(3, 1, 100, 1.5)]);
    assert_eq!(run.out.executions[0].tid, 1_002, "the public trade's id");
    assert!(run.market.queue_place(Oid(1)).is_none(), "filled whole: gone");
    assert_eq!(run.market.cancel(Oid(1)), None);
}

#[test]
fn the_aggressors_side_decides_who_is_hit() {
    let fills = |aggressor| {
        let mut run = Run::averse(&[start(), trade(1, aggressor, 100, 50.0)]);
        run.to(0).place(1, Side::Bid, 100, 2.0).to(1).fills()
    };
    assert_eq!(fills(Side::Ask), [(1, 1, 100, 2.0)]);
    assert_eq!(fills(Side::Bid), [], "a buyer never fills a bid");
}

#[test]
fn a_trade_through_our_price_fills_whole_whatever_its_size() {
    for (side, ours, through) in [(Side::Bid, 100, 99), (Side::Ask, 101, 102)] {
        let mut run = Run::averse(&[start(), trade(1, side.opposite(), through, 0.1)]);
        run.to(0).place(1, side, ours, 5.0).to(1);
        assert_eq!(run.fills(), [(1, 1, ours, 5.0)]);
    }
}

#[test]
fn an_opposite_touch_at_or_through_our_price_fills_whole() {
    for ask in [100, 99] {
        let crossing = bbo(1, (98, 1.0), (ask, 1.0));
        let mut run = Run::averse(&[start(), crossing]);
        run.to(0).place(1, Side::Bid, 100, 5.0).place(2, Side::Ask, 102, 1.0).to(1);
        assert_eq!(run.fills(), [(1, 1, 100, 5.0)]);
        assert_eq!(run.out.executions[0].tid, GENERATED_TID | 1);
    }
    let mut run = Run::averse(&[start(), book(1, &[(102, 1.0)], &[(104, 1.0)])]);
    run.to(0).place(1, Side::Ask, 102, 3.0).place(2, Side::Ask, 103, 3.0).to(1);
    assert_eq!(run.fills(), [(1, 1, 102, 3.0)]);
}

#[test]
fn one_trade_is_shared_once_among_our_own_in_time_order() {
    let tape = [start(), trade(1, Side::Ask, 100, 13.0), trade(2, Side::Ask, 100, 4.0)];
    let mut run = Run::averse(&tape);
    run.to(0).place(1, Side::Bid, 100, 2.0).place(2, Side::Bid, 100, 2.0);
    run.place(3, Side::Bid, 100, 2.0).to(1);
    assert_eq!(run.fills(), [(1, 1, 100, 2.0), (1, 2, 100, 1.0)], "10 ahead, 3 for us");
    run.to(2);
    assert_eq!(run.fills()[2..], [(2, 2, 100, 1.0), (2, 3, 100, 2.0)]);
    let tids: Vec<_> = run.out.executions.iter().map(|e| e.tid).collect();
    assert_eq!(tids, [1_001, GENERATED_TID | 1, 1_002, GENERATED_TID | 2], "no id comes twice");
}

/// 10 displayed and all ahead; 4 come after us, then 6 vanish untraded.
#[test]
fn what_a_cancel_takes_from_ahead_is_the_models_choice() {
    let ask = (101, 8.0);
    let tape = [start(), bbo(1, (100, 14.0), ask), bbo(2, (100, 8.0), ask)];
    let ahead = |model: &str| {
        let mut run = Run::new(model.parse().unwrap(), &tape);
        run.to(0).place(1, Side::Bid, 100, 1.0).to(1);
        assert_eq!(run.ahead(1), 10.0, "who comes later stands behind");
        run.to(2).ahead(1)
    };
    assert_eq!(ahead("risk_averse"), 8.0, "clamped to what is displayed");
    let near = |got: f64, want: f64| assert!((got - want).abs() < 1e-7, "{got} != {want}");
    near(ahead("prob_power:1"), 10.0 - 6.0 * (10.0 / 14.0));
    near(ahead("prob_power"), 10.0 - 6.0 * (1000.0 / 1064.0));
    let (a, b) = (11.0_f64.ln(), 5.0_f64.ln());
    near(ahead("prob_log"), 10.0 - 6.0 * (a / (a + b)));
}

#[test]
fn only_news_of_our_price_counts_as_news() {
    // A touch above our price says nothing of it: the trades before it stay remembered.
    let ask = (101, 8.0);
    let tape = [
        start(),
        trade(1, Side::Ask, 99, 1.0), // through 100: a sweep
        bbo(1, (100, 3.0), ask),
        book(2, &[(100, 3.0), (99, 3.0)], &[ask]),
    ];
    let mut run = Run::new(QueueModel::ProbPower(1.0), &tape);
    run.to(0).place(1, Side::Bid, 99, 1.0).to(2);
    assert_eq!(run.ahead(1), 3.0, "the fall of 1 was the trade, not a cancel");
}

#[test]
fn fills_are_whole_lots() {
    let ask = (101, 8.0);
    let tape = [start(), bbo(1, (100, 9.0), ask), trade(2, Side::Ask, 100, 9.0)];
    let mut run = Run::new(QueueModel::ProbLog, &tape);
    // A second order behind 10, after which one of 12 is cancelled: ahead is no whole lot.
    let more = [start(), bbo(1, (100, 12.0), ask), bbo(2, (100, 11.0), ask)];
    let mut odd = Run::new(
        QueueModel::ProbLog,
        &[more.as_slice(), &[trade(3, Side::Ask, 100, 9.5)]].concat(),
    );
    odd.to(0).place(1, Side::Bid, 100, 2.0).to(2);
    let lot = universe().get(ASSET).lot().raw();
    assert_ne!(odd.market.queue_place(Oid(1)).unwrap().ahead().raw() % lot, 0);
    odd.to(3);
    assert!(odd.out.executions.iter().all(|e| e.qty.raw() % lot == 0 && e.qty.is_positive()));
    assert_eq!(odd.out.executions.len(), 1);
    run.to(0).place(1, Side::Bid, 100, 2.0).to(2);
    assert_eq!(run.fills(), [], "9 displayed were all ahead");
}

#[test]
fn no_order_of_ours_overtakes_an_older_one() {
    // With n = 3 a cancel of 5 out of 10 leaves 2.5 of 5 ahead, but 2.14 of 6.
    let ask = (101, 8.0);
    let size = |t: i64, qty: f64| bbo(t, (100, qty), ask);
    let tape =
        [size(0, 5.0), size(1, 6.0), size(2, 10.0), size(3, 5.0), trade(4, Side::Ask, 100, 2.7)];
    let mut run = Run::new(QueueModel::ProbPower(3.0), &tape);
    run.to(0).place(1, Side::Bid, 100, 1.0).to(1).place(2, Side::Bid, 100, 1.0).to(3);
    assert_eq!((run.ahead(1), run.ahead(2)), (2.5, 2.5));
    assert_eq!(run.to(4).fills(), [(4, 1, 100, 0.2)]);
}

#[test]
fn cancel_gives_back_what_is_left_and_keeps_the_order_of_the_others() {
    let tape = [start(), trade(1, Side::Ask, 100, 11.0), trade(2, Side::Ask, 100, 2.0)];
    let mut run = Run::averse(&tape);
    run.to(0).place(1, Side::Bid, 100, 3.0).place(2, Side::Bid, 100, 3.0).to(1);
    assert_eq!(run.market.cancel(Oid(1)), Some(coin(2.0)));
    assert_eq!(run.market.cancel(Oid(1)), None);
    assert_eq!(run.to(2).fills(), [(1, 1, 100, 1.0), (2, 2, 100, 2.0)]);
}

#[test]
fn nothing_happens_before_its_venue_time() {
    let mut run = Run::averse(&[start(), trade(7, Side::Ask, 99, 1.0)]);
    run.to(0).place(1, Side::Bid, 100, 1.0).to(6);
    assert_eq!((run.market.next_time(), run.fills()), (Some(Nanos(7)), vec![]));
    assert_eq!(run.to(1_000).fills(), [(7, 1, 100, 1.0)]);
    assert!(run.out.events.is_empty(), "public events reach the bot from the tape");
}

/// What an aggressive order gets: (price, size) of each piece, and what is left.
fn take(run: &mut Run, side: Side, limit: i64, qty: f64) -> (Vec<(i64, f64)>, f64) {
    let mut taken = Vec::new();
    let order = TakingOrder { asset: ASSET, side, limit: Px::whole(limit), qty: coin(qty) };
    let left = run.market.take(&order, &mut taken);
    assert!(taken.iter().all(|t| t.maker.is_none() && t.tid & GENERATED_TID != 0));
    let piece = |t: &Taken| (t.px.raw() / crate::types::SCALE, t.qty.to_f64());
    (taken.iter().map(piece).collect(), left.to_f64())
}

#[test]
fn an_aggressive_order_eats_what_is_displayed_until_it_is_displayed_again() {
    let same_ask = bbo(10, (100, 10.0), (101, 8.0));
    let mut run = Run::averse(&[start(), same_ask]);
    run.to(0).place(1, Side::Ask, 101, 1.0);
    assert_eq!(take(&mut run, Side::Bid, 101, 5.0), (vec![(101, 5.0)], 0.0));
    assert_eq!(run.market.touch(ASSET).1, level(&(101, 3.0)));
    let front = run.market.front(ASSET, Side::Ask).unwrap();
    assert_eq!((front.px, front.qty, front.oid), (Px::whole(101), coin(3.0), None));
    assert_eq!(take(&mut run, Side::Bid, 102, 9.0), (vec![(101, 3.0), (102, 2.0)], 4.0));
    assert_eq!(run.market.front(ASSET, Side::Ask), None);
    assert_eq!(take(&mut run, Side::Bid, 200, 1.0), (vec![], 1.0));
    // The touch is displayed anew; what is behind it stays eaten.
    run.to(10);
    let mut levels = Vec::new();
    run.market.depth(ASSET, Side::Ask, 9, &mut levels);
    assert_eq!(levels, [DepthLevel { level: level(&(101, 8.0)), orders: 1 }]);
    assert_eq!(run.fills(), [], "our own resting order was not met");
}

#[test]
fn events_come_out_only_when_asked_for() {
    let events = [start(), trade(5, Side::Ask, 100, 1.0)];
    let mut run = Run::averse(&events);
    run.to(9);
    assert!(run.out.events.is_empty());
    let mut run = Run::averse(&events);
    run.market = run.market.publishing();
    run.to(9);
    assert_eq!(run.out.events.len(), 2);
}

#[test]
fn room_is_what_is_left_of_the_limit() {
    let mut run = Run::averse(&[start()]);
    run.to(0).place(1, Side::Bid, 99, 1.0);
    assert_eq!(run.market.room(), MAX_SIM_ORDERS - 1);
    run.market.cancel(Oid(1));
    assert_eq!(run.market.room(), MAX_SIM_ORDERS);
}

/// A change of a level, prices in whole dollars.
fn change(t: i64, side: Side, px: i64, qty: f64) -> MarketEvent {
    MarketEvent::Level(LevelChange {
        side,
        tick: 100_000_000,
        px: Px::whole(px),
        qty: coin(qty),
        venue_time: Nanos(t),
        ..LevelChange::default()
    })
}

/// The book of [`start`], told level by level.
fn start_by_levels() -> Vec<MarketEvent> {
    let levels = [
        (Side::Bid, 100, 10.0),
        (Side::Bid, 99, 4.0),
        (Side::Ask, 101, 8.0),
        (Side::Ask, 102, 2.0),
    ];
    levels.map(|(side, px, qty)| change(0, side, px, qty)).into()
}

#[test]
fn a_market_told_by_levels_moves_the_queue_of_the_level_it_tells_of() {
    let mut events = start_by_levels();
    events.extend([
        change(2, Side::Bid, 99, 3.0),
        trade(3, Side::Ask, 100, 4.0),
        change(3, Side::Bid, 100, 6.0),
        change(4, Side::Bid, 100, 5.0),
        trade(5, Side::Ask, 100, 6.0),
    ]);
    let mut run = Run::averse(&events);
    run.to(1).place(1, Side::Bid, 100, 1.0).place(2, Side::Bid, 98, 1.0);
    assert_eq!((run.ahead(1), run.ahead(2)), (10.0, 0.0), "a level that is not told of is empty");
    run.to(2);
    assert_eq!(run.ahead(1), 10.0, "the news was of another level");
    run.to(3);
    assert_eq!(run.ahead(1), 6.0, "traded off the front");
    run.to(4);
    assert_eq!(run.ahead(1), 5.0, "never more than is displayed");
    assert_eq!(run.to(5).fills(), [(5, 1, 100, 1.0)]);
}

#[test]
fn a_level_that_reaches_our_price_fills_us_and_a_cleared_side_frees_the_queue() {
    let mut events = start_by_levels();
    let all = LevelChange { venue_time: Nanos(5), ..LevelChange::all_cleared(ASSET) };
    events.extend([
        change(3, Side::Ask, 100, 2.0),
        change(4, Side::Bid, 99, 0.0),
        MarketEvent::Level(all),
    ]);
    let mut run = Run::averse(&events);
    run.to(1).place(1, Side::Bid, 100, 1.0).place(2, Side::Bid, 99, 1.0);
    assert_eq!(run.to(3).fills(), [(3, 1, 100, 1.0)], "an ask came down to our bid");
    assert_eq!(run.market.touch(ASSET).0.px, Px::whole(99), "what it passed is no bid any more");
    assert_eq!(run.ahead(2), 4.0);
    assert_eq!(run.to(4).ahead(2), 0.0);
    assert_eq!(run.to(5).market.touch(ASSET), (Level::default(), Level::default()));
}

/// What the field's standard semantics and ours make of the same tape.
#[test]
fn the_standard_semantics_fill_whole_share_nothing_and_start_below_zero() {
    let tape = [start(), trade(1, Side::Ask, 100, 10.5), trade(2, Side::Ask, 100, 0.1)];
    let fills = |semantics| {
        let mut run = Run::averse(&tape);
        run.market = run.market.by(semantics);
        run.to(0).place(1, Side::Bid, 100, 2.0).place(2, Side::Bid, 100, 2.0).to(2).fills()
    };
    assert_eq!(fills(QueueSemantics::Botmm), [(1, 1, 100, 0.5), (2, 1, 100, 0.1)]);
    let standard = fills(QueueSemantics::Hftbacktest);
    assert_eq!(standard, [(1, 1, 100, 2.0), (1, 2, 100, 2.0)]);
}

#[test]
fn by_the_standard_semantics_a_better_touch_fills_and_one_that_falls_back_does_not() {
    let tape = [start(), bbo(1, (98, 1.0), (100, 1.0)), bbo(2, (98, 1.0), (103, 1.0))];
    let mut run = Run::averse(&tape);
    run.market = run.market.by(QueueSemantics::Hftbacktest);
    run.to(0).place(1, Side::Bid, 100, 2.0).place(2, Side::Bid, 99, 2.0).to(2);
    assert_eq!(run.fills(), [(1, 1, 100, 2.0)]);
}
