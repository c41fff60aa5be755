//! The replay's exchange under each of the venue's rules by itself: answers known beforehand.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod counting;

use botmm_pipeline::rt::Stage;
use botmm_pipeline::types::*;
use botmm_pipeline::venue::Gateway;
use botmm_pipeline::venue::sim::core::Rules;
use botmm_pipeline::venue::sim::exchange::{Ends, Exchange, ExchangeConfig, VenueAccount};
use botmm_pipeline::venue::sim::latency::LatencyModel;
use botmm_pipeline::venue::sim::queue::QueueModel;
use botmm_pipeline::venue::sim::recorded::RecordedMarket;
use botmm_pipeline::venue::tape::Tape;
use counting::allocations;

/// Twenty seconds before an hour ends.
const START: Nanos = Nanos::secs(1_757_016_000 - 20);
const HOUR: Nanos = Nanos::secs(1_757_016_000);

fn after(ms: i64) -> Nanos {
    START + Nanos::millis(ms)
}

fn px(text: &str) -> Px {
    Px::parse(text).unwrap()
}

/// A book of two levels a side around a price, one wide, a thousand deep.
fn book(ms: i64, mid: i64) -> MarketEvent {
    let mut book = BookSnapshot { venue_time: after(ms), ..BookSnapshot::EMPTY };
    for i in 0..2 {
        let qty = Qty::whole(1_000);
        book.bids[i] =
            Level { px: Px::from_raw(Px::whole(mid - i as i64).raw() - 50_000_000), qty };
        book.asks[i] =
            Level { px: Px::from_raw(Px::whole(mid + i as i64).raw() + 50_000_000), qty };
    }
    (book.bid_count, book.ask_count) = (2, 2);
    MarketEvent::Book(book)
}

/// Somebody sells at a price.
fn sold(ms: i64, at: &str, qty: i64) -> MarketEvent {
    MarketEvent::Trade(Trade {
        venue_time: after(ms),
        aggressor: Side::Ask,
        px: px(at),
        qty: Qty::whole(qty),
        tid: ms as u64,
        ..Trade::default()
    })
}

fn mark(ms: i64, at: &str, oracle: &str, rate_e10: Option<i64>) -> MarketEvent {
    let (px, oracle) = (px(at), px(oracle));
    let mark = MarkPrice { recv_time: after(ms), px, oracle, rate_e10, ..MarkPrice::default() };
    MarketEvent::Mark(mark)
}

struct World {
    exchange: Exchange<RecordedMarket>,
    links: Ends,
    heard: Vec<VenueEvent>,
    now: Nanos,
}

impl World {
    /// Without latency and fees; 1,000 USD.
    fn new(rules: Rules, events: impl IntoIterator<Item = MarketEvent>) -> Self {
        let universe = Universe::new(vec![Instrument::new("BTC", 0, 3, 40).unwrap()]);
        let tape = Tape::build(events);
        let market = RecordedMarket::new(&tape, &universe, QueueModel::RiskAverse);
        let config = ExchangeConfig {
            latency: LatencyModel::Constant(Nanos::ZERO),
            maker_fee: Bps::default(),
            taker_fee: Bps::default(),
            seed: 1,
            rules,
            deposit: Usd::whole(1_000),
            start: START,
        };
        let (exchange, links) = Exchange::new(market, universe, config, false);
        Self { exchange, links, heard: Vec::new(), now: START }
    }

    /// As virtual time goes, up to a moment.
    fn until(&mut self, end: Nanos) {
        while self.now < end {
            self.exchange.poll(self.now);
            let next = self.exchange.next_deadline().unwrap_or(end);
            self.now = next.max(self.now + Nanos(1)).min(end);
        }
        self.exchange.poll(end);
        while let Some(event) = self.links.gateway.next(end) {
            self.heard.push(event);
        }
    }

    fn send(&mut self, ms: i64, kind: ActionKind, items: &[OrderRequest]) {
        self.until(after(ms));
        let (sent_time, expires_after) = (self.now, self.now + Nanos::secs(5));
        let mut action = Action { sent_time, expires_after, ..Action::new(kind) };
        items.iter().for_each(|item| action.push(*item));
        assert!(self.links.gateway.submit(self.now, &action));
        self.exchange.poll(self.now);
    }

    fn place(&mut self, ms: i64, item: OrderRequest) {
        self.send(ms, ActionKind::Place, &[item]);
    }

    fn account(&self) -> VenueAccount {
        VenueAccount::read(&self.links.account)
    }

    fn refusals(&self) -> Vec<(RejectReason, bool)> {
        let each = self.heard.iter().filter_map(|event| match event.kind {
            VenueEventKind::Reject(reject) => Some((reject.reason, reject.is_whole)),
            _ => None,
        });
        each.collect()
    }

    fn paid(&self) -> Vec<(Nanos, Usd)> {
        let each = self.heard.iter().filter_map(|event| match event.kind {
            VenueEventKind::Funding(paid) => Some((event.venue_time, paid)),
            _ => None,
        });
        each.collect()
    }
}

fn order(n: u128, side: Side, at: &str, qty: &str) -> OrderRequest {
    let (cloid, qty) = (Cloid::from_u128(n), Qty::parse(qty).unwrap());
    OrderRequest { cloid, asset: AssetId::new(0), side, px: px(at), qty, ..OrderRequest::default() }
}

fn rules(text: &str) -> Rules {
    text.parse().unwrap()
}

/// Two coins are bought before the hour.
fn held_over_the_hour(rules: Rules, marks: &[MarketEvent]) -> World {
    let events = [book(0, 100), sold(5_000, "99", 2), book(30_000, 100)];
    let mut world = World::new(rules, events.into_iter().chain(marks.iter().copied()));
    world.place(1_000, order(1, Side::Bid, "99", "2"));
    world.until(after(40_000));
    assert_eq!(world.account().position[0], Qty::whole(2));
    world
}

#[test]
fn funding_is_paid_on_the_hour_at_the_recorded_rate_and_oracle() {
    let told = [mark(10_000, "101", "102", Some(250_000)), mark(30_000, "90", "90", Some(1))];
    let world = held_over_the_hour(rules("replay+funding"), &told);
    // 2 coins at 102, 0.0025 %.
    assert_eq!(world.paid(), [(HOUR, Usd::parse("0.0051").unwrap())]);
    assert_eq!(world.account().cash, Usd::parse("-198.0051").unwrap(), "it is the account's money");
}

#[test]
fn funding_is_estimated_from_the_book_where_nothing_was_recorded() {
    let world = held_over_the_hour(rules("replay+funding"), &[]);
    // Without a premium the interest alone: 0.01 % in eight hours, of 2 coins at 100.
    assert_eq!(world.paid(), [(HOUR, Usd::parse("0.0025").unwrap())]);
}

#[test]
fn a_given_rate_holds_where_nothing_was_recorded_and_nowhere_else() {
    let given = Rules { untold_rate_e10: Some(1_000_000), ..rules("replay+funding") };
    let world = held_over_the_hour(given, &[]);
    assert_eq!(world.paid(), [(HOUR, Usd::parse("0.02").unwrap())], "0.01 % of 2 coins at 100");
    let told = [mark(10_000, "101", "102", Some(250_000))];
    assert_eq!(held_over_the_hour(given, &told).paid(), [(HOUR, Usd::parse("0.0051").unwrap())]);
    let none = Rules { untold_rate_e10: Some(0), ..given };
    assert_eq!(held_over_the_hour(none, &[]).paid().iter().map(|p| p.1).sum::<Usd>(), Usd::ZERO);
}

#[test]
fn without_the_rule_nothing_is_paid() {
    for rules in ["replay", "venue-funding", "replay+margin+band+budget+blocks"] {
        let world =
            held_over_the_hour(self::rules(rules), &[mark(10_000, "101", "102", Some(250_000))]);
        assert_eq!((world.paid(), world.account().cash), (vec![], Usd::whole(-198)), "{rules}");
    }
}

#[test]
fn an_order_outside_the_band_is_refused() {
    let at = |rules: &str, px: &str, marks: &[MarketEvent]| {
        let mut world = World::new(self::rules(rules), marks.iter().copied().chain([book(0, 100)]));
        world.place(1_000, order(1, Side::Bid, px, "1"));
        world.until(after(2_000));
        world.refusals()
    };
    assert_eq!(at("replay+band", "20", &[]), []);
    assert_eq!(at("replay+band", "19.9", &[]), [(RejectReason::Other, false)]);
    assert_eq!(at("replay", "19.9", &[]), []);
    // By the recorded mark, not by the book.
    assert_eq!(
        at("replay+band", "20", &[mark(0, "110", "0", None)]),
        [(RejectReason::Other, false)]
    );
}

#[test]
fn a_budget_that_is_used_up_refuses_and_one_request_passes_in_ten_seconds() {
    let budget = Rules { base_requests: 3, ..rules("replay+budget") };
    let mut world = World::new(budget, [book(0, 100)]);
    let three: Vec<_> = (1..=3).map(|n| order(n, Side::Bid, "90", "1")).collect();
    world.send(1_000, ActionKind::Place, &three);
    world.place(1_100, order(4, Side::Bid, "90", "1"));
    world.until(after(1_200));
    assert_eq!(world.refusals(), [], "three, and the one of ten seconds");
    world.send(
        1_300,
        ActionKind::Place,
        &[order(5, Side::Bid, "90", "1"), order(6, Side::Bid, "90", "1")],
    );
    world.until(after(1_400));
    assert_eq!(world.refusals(), [(RejectReason::RateLimit, true); 2]);
    world.send(1_500, ActionKind::Cancel, &[order(1, Side::Bid, "90", "1")]);
    world.place(11_200, order(7, Side::Bid, "90", "1"));
    world.until(after(12_000));
    assert_eq!(world.refusals().len(), 2, "a cancel has room left, and ten seconds are over");
    let mut world = World::new(Rules { base_requests: 3, ..Rules::REPLAY }, [book(0, 100)]);
    (1..=9).for_each(|n| world.place(1_000 + n as i64, order(n, Side::Bid, "90", "1")));
    world.until(after(2_000));
    assert_eq!(world.refusals(), [], "without the rule nothing runs out");
}

#[test]
fn what_is_not_covered_is_refused_and_who_falls_below_maintenance_is_liquidated() {
    // 1,000 USD at 20 times: 20,000 USD of orders, 200 coins at 100.
    let events = [book(0, 100), sold(2_000, "99", 150), book(4_000, 93)];
    let story = |rules: &str| {
        let mut world = World::new(self::rules(rules), events);
        world.place(500, order(1, Side::Bid, "99", "200.001"));
        world.until(after(600));
        let first = world.refusals();
        world.place(1_000, order(2, Side::Bid, "99", "150"));
        world.place(1_000, order(3, Side::Bid, "80", "10"));
        world.until(after(8_000));
        (first, world)
    };
    let (first, world) = story("replay+margin");
    assert_eq!(first, [(RejectReason::Margin, false)]);
    assert_eq!(world.account().position[0], Qty::ZERO, "closed at market");
    // 150 coins from 99 to 92.5: 975 of the 1,000 USD are lost.
    assert_eq!(world.account().cash, Usd::whole(-975));
    let is_by_force =
        |e: &&VenueEvent| matches!(e.kind, VenueEventKind::Fill(f) if f.is_liquidation);
    assert_eq!(world.heard.iter().filter(is_by_force).count(), 1);
    let notice = VenueEventKind::Notice(AlertKind::Liquidated);
    assert_eq!(world.heard.iter().filter(|e| e.kind == notice).count(), 1);
    let gone = world.heard.iter().find_map(|event| match event.kind {
        VenueEventKind::Done(done) if event.cloid == Cloid::from_u128(3) => Some(done.why),
        _ => None,
    });
    assert_eq!(gone, Some(DoneWhy::Liquidated), "what rested is cancelled");
    assert!(
        world.heard.iter().all(|e| e.cloid != Cloid::default()
            || !matches!(
                e.kind,
                VenueEventKind::Ack { .. } | VenueEventKind::Done(_) | VenueEventKind::Reject(_)
            )),
        "the venue's own order is not ours"
    );

    let (first, world) = story("replay");
    assert_eq!(first, []);
    assert_eq!(world.account().position[0], Qty::parse("350.001").unwrap(), "it is kept");
}

/// What an account lost beyond its deposit is in no account of the venue's, but it was lost.
#[test]
fn who_goes_broke_lost_all_the_same() {
    let events = [book(0, 100), sold(2_000, "99", 150), book(4_000, 80)];
    let mut world = World::new(rules("replay+margin"), events);
    world.place(1_000, order(2, Side::Bid, "99", "150"));
    world.until(after(8_000));
    // 150 coins from 99 to 79.5.
    assert_eq!(
        (world.account().position[0], world.account().cash),
        (Qty::ZERO, Usd::whole(-2_925))
    );
}

#[test]
fn a_block_executes_cancels_before_takers_at_its_own_time() {
    let told = |rules: &str| {
        let mut world = World::new(self::rules(rules), [book(0, 100)]);
        world.place(1_000, order(1, Side::Bid, "99", "1"));
        let taker = OrderRequest { tif: Tif::Ioc, ..order(2, Side::Bid, "101", "1") };
        world.place(1_101, taker);
        world.send(1_102, ActionKind::Cancel, &[order(1, Side::Bid, "99", "1")]);
        world.until(after(2_000));
        let over = world.heard.iter().filter(|e| matches!(e.kind, VenueEventKind::Done(_)));
        let over = over.map(|e| (e.cloid.to_u128(), (e.venue_time - START).as_millis()));
        over.collect::<Vec<_>>()
    };
    assert_eq!(told("replay"), [(2, 1_101), (1, 1_102)]);
    assert_eq!(told("replay+blocks"), [(1, 1_120), (2, 1_120)]);
}

/// A reduce-only order that has nothing left to reduce goes without a list being made.
#[test]
fn trimming_reduce_only_orders_allocates_nothing() {
    let mut events = vec![book(0, 100), sold(2_000, "99", 4)];
    // Somebody buys at our asks, one after the other.
    events.extend((0..3).map(|i| {
        let MarketEvent::Trade(trade) = sold(4_000 + i, "101", 1) else { unreachable!() };
        MarketEvent::Trade(Trade { aggressor: Side::Bid, ..trade })
    }));
    let mut world = World::new(Rules::REPLAY, events);
    world.place(1_000, order(1, Side::Bid, "99", "4"));
    let reducing = |n| OrderRequest { reduce_only: true, ..order(n, Side::Ask, "110", "2") };
    world.place(3_000, reducing(2));
    world.place(3_001, reducing(3));
    world.place(3_002, order(4, Side::Ask, "101", "2"));
    world.until(after(3_500));
    world.heard.clear();
    world.heard.reserve(100);
    let exchange = &mut world.exchange;
    assert_eq!(allocations(|| assert!(exchange.poll(after(5_000)) > 0)), 0);
    world.until(after(5_000));
    let trimmed = |e: &&VenueEvent| matches!(e.kind, VenueEventKind::Done(d) if d.why == DoneWhy::VenueCanceled);
    assert_eq!(world.heard.iter().filter(trimmed).count(), 1, "{:?}", world.heard);
}
