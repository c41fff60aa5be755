use super::*;
use crate::logic::gate::Gate;
use crate::rt::{In, OutLatest, board, ring};
use crate::types::limits::RING_VENUE;
use crate::types::{
    Action, ActionKind, AssetParams, Cloid, Coin, Fill, Inquiry, Instrument, Oid, Qty, QuoteLevel,
    Reject, RejectReason, Universe,
};
use std::collections::VecDeque;
use std::sync::Mutex;

/// What a test says and hears in the venue's place.
#[derive(Default)]
struct Wire {
    sent: Vec<Action>,
    answers: VecDeque<VenueEvent>,
    /// The venue's clock minus ours.
    ahead: Nanos,
    asked: Vec<Inquiry>,
}

struct FakeGateway(Arc<Mutex<Wire>>);

impl Gateway for FakeGateway {
    fn submit(&mut self, _: Nanos, action: &Action) -> bool {
        self.0.lock().unwrap().sent.push(*action);
        true
    }
    fn next(&mut self, _: Nanos) -> Option<VenueEvent> {
        self.0.lock().unwrap().answers.pop_front()
    }
    fn inquire(&mut self, _: Nanos, inquiry: &Inquiry) {
        self.0.lock().unwrap().asked.push(*inquiry);
    }
    fn venue_time(&self, now: Nanos) -> Nanos {
        now + self.0.lock().unwrap().ahead
    }
    fn next_deadline(&self) -> Option<Nanos> {
        None
    }
}

struct Bench {
    stage: DispatchStage<FakeGateway>,
    wire: Arc<Mutex<Wire>>,
    gate: Gate,
    targets: OutLatest<Approved<QuoteTarget>>,
    to_quote: In<VenueEvent>,
    _to_risk: In<VenueEvent>,
    level: Arc<LevelCell>,
    metrics: Arc<Metrics>,
    seq: u64,
    /// Venue time of the book that targets come from.
    book_time: Nanos,
}

fn bench(ring_venue: usize) -> Bench {
    let universe = Universe::new(vec![Instrument {
        coin: Coin::new("X").unwrap(),
        venue_index: 0,
        sz_decimals: 2,
        max_leverage: 10,
    }]);
    let params = [AssetParams::default()];
    let (targets, rx) = ring("risk->dispatch", 8);
    let (quote_tx, to_quote) = ring("dispatch->quote", ring_venue);
    let (risk_tx, to_risk) = ring("dispatch->risk", ring_venue);
    let rings = DispatchRings {
        targets: InLatest::new(rx, 1, 8, false),
        params: ParamsIn::new(ring("side->dispatch params", 8).1),
        venue: [quote_tx, risk_tx],
        records: ring("dispatch->side", 64).0,
        status: vec![board().0],
    };
    let wire = Arc::new(Mutex::new(Wire::default()));
    let orders = Orders::new(&universe, &params, 1);
    let (level, metrics) = (Arc::<LevelCell>::default(), Arc::<Metrics>::default());
    let shared = (level.clone(), metrics.clone());
    let budget = Budget::new(&params[0].risk);
    Bench {
        stage: DispatchStage::new(FakeGateway(wire.clone()), rings, orders, budget, shared),
        wire,
        gate: Gate::new(universe, &params),
        targets: OutLatest::new(targets, 1),
        to_quote,
        _to_risk: to_risk,
        level,
        metrics,
        seq: 0,
        book_time: Nanos::ZERO,
    }
}

impl Bench {
    /// A new target reaches dispatch; what it sends.
    fn target(&mut self, ms: i64) -> Vec<Action> {
        self.seq += 1;
        let level = |px| QuoteLevel { px: Px::whole(px), qty: Qty::whole(1) };
        let mut t = QuoteTarget {
            mid: Some(Px::whole(100)),
            bid_reason: Reason::Quoted,
            ask_reason: Reason::Quoted,
            ..QuoteTarget::default()
        };
        (t.cause.market_seq, t.cause.venue_time) = (self.seq, self.book_time);
        (t.bids[0], t.asks[0]) = (level(99), level(101));
        let approved = self.gate.approve(Nanos::millis(ms), t);
        self.targets.push(0, approved);
        self.poll(ms)
    }
    fn poll(&mut self, ms: i64) -> Vec<Action> {
        self.stage.poll(Nanos::millis(ms));
        std::mem::take(&mut self.wire.lock().unwrap().sent)
    }
    fn say(&mut self, cloid: Cloid, kind: VenueEventKind) {
        let time = Nanos::millis(1);
        self.wire.lock().unwrap().answers.push_back(VenueEvent {
            cloid,
            asset: AssetId::new(0),
            _pad: [0; 6],
            venue_time: time,
            recv_time: time,
            kind,
        });
    }
    fn reason(&self, side: Side) -> Reason {
        self.stage.orders.reason(AssetId::new(0), side)
    }
}

#[test]
fn a_lost_link_makes_orders_unknown_and_stays_closed() {
    let mut b = bench(RING_VENUE);
    let sent = b.target(10);
    assert_eq!((sent.len(), sent[0].len), (1, 2), "both sides in one action");
    assert_eq!(b.reason(Side::Bid), Reason::InFlight);
    b.say(Cloid::default(), VenueEventKind::LinkDown);
    assert!(b.target(20).is_empty() && b.target(30).is_empty());
    assert_eq!(b.reason(Side::Bid), Reason::SlotUnknown);
    // The late word resolves the bid's slot; then the link is what keeps it closed.
    let kind = VenueEventKind::Ack { oid: Oid(7), leaves: Qty::whole(1) };
    b.say(sent[0].items[0].cloid, kind);
    let cancel = b.poll(40);
    assert_eq!(cancel[0].items()[0].oid, Oid(7), "nothing is wanted: it is cancelled");
    b.say(Cloid::default(), VenueEventKind::LinkUp);
    assert!(b.target(50).is_empty(), "slots are still waiting for the venue's word");
}

#[test]
fn a_fill_is_booked_once_and_a_full_ring_halts() {
    let mut b = bench(2);
    let cloid = b.target(10)[0].items[0].cloid;
    let fill = Fill {
        oid: Oid(7),
        px: Px::whole(99),
        qty: Qty::from_raw(1_000_000),
        tid: 5,
        ..Fill::default()
    };
    (0..3).for_each(|_| b.say(cloid, VenueEventKind::Fill(fill)));
    b.poll(20);
    assert_eq!((b.metrics.fills.get(), b.metrics.duplicate_fills.get()), (1, 2));
    assert_eq!(b.stage.orders.position(AssetId::new(0)), Qty::from_raw(1_000_000));
    assert!(b.to_quote.pop().is_some() && b.to_quote.pop().is_none());
    assert_eq!(b.level.get(), HaltLevel::Run);
    (10..16).for_each(|tid| b.say(cloid, VenueEventKind::Fill(Fill { tid, ..fill })));
    b.poll(30);
    assert_eq!(b.level.get(), HaltLevel::Halt, "a fill that cannot be handed on stops trading");
    assert_eq!(b.reason(Side::Ask), Reason::InFlight);
}

#[test]
fn after_a_fill_a_side_waits_for_a_book_that_knows_of_it() {
    let mut b = bench(RING_VENUE);
    let sent = b.target(10);
    let bid = sent[0].items[0];
    let fill = Fill { oid: Oid(7), px: bid.px, qty: bid.qty, tid: 1, ..Fill::default() };
    b.say(bid.cloid, VenueEventKind::Fill(fill)); // At venue time 1 ms.
    assert!(b.target(20).is_empty(), "the book is older than the fill");
    assert_eq!((b.reason(Side::Bid), b.reason(Side::Ask)), (Reason::StaleBook, Reason::InFlight));
    b.book_time = Nanos::millis(1);
    let sent = b.target(30);
    assert_eq!(sent[0].items().iter().map(|i| i.side).collect::<Vec<_>>(), [Side::Bid]);
}

#[test]
fn a_crossing_order_is_repriced_behind_the_touch_and_held_when_that_repeats() {
    let mut b = bench(RING_VENUE);
    let mut bid = b.target(10)[0].items[0];
    let refuse = |b: &mut Bench, cloid, ask| {
        b.say(
            cloid,
            VenueEventKind::Reject(Reject {
                of: ActionKind::Place,
                reason: RejectReason::BadAloPx,
                _pad: [0; 6],
                best_bid: Px::whole(ask - 1),
                best_ask: Px::whole(ask),
            }),
        );
    };
    refuse(&mut b, bid.cloid, 98);
    bid = b.poll(20)[0].items[0];
    assert_eq!((bid.side, bid.px.to_string()), (Side::Bid, "97.999".to_owned()));
    refuse(&mut b, bid.cloid, 97);
    assert!(b.poll(30).is_empty(), "the second time in a row it waits");
    // Events of this bench reach us at 1 ms, and the first hold lasts 100 ms.
    assert!(b.target(100).is_empty());
    assert_eq!(b.reason(Side::Bid), Reason::CrossedBook);
    bid = b.target(102)[0].items[0];
    assert_eq!(bid.px.to_string(), "96.999", "the book is still the old one");
    b.say(bid.cloid, VenueEventKind::Ack { oid: Oid(9), leaves: bid.qty });
    b.poll(110);
    b.book_time = Nanos::millis(2);
    let moved = b.target(120)[0].items[0];
    assert_eq!(moved.px, Px::whole(99), "a newer book is believed");
}

/// What the venue judges is said in its time, and what was sent keeps the time it was sent with.
#[test]
fn an_order_is_void_when_it_was_sent_to_be_by_the_venues_clock() {
    let mut b = bench(RING_VENUE);
    b.wire.lock().unwrap().ahead = Nanos::secs(4);
    let sent = b.target(10);
    let void_after = Nanos::millis(10 + 4_000 + 3_000);
    assert_eq!(sent[0].expires_after, void_after);
    // Later the offset is another, and so is `expires_after_ms`.
    b.wire.lock().unwrap().ahead = Nanos::secs(1);
    let mut params = AssetParams::default();
    params.risk.expires_after = Nanos::millis(500);
    b.stage.orders.set_params(AssetId::new(0), &params);
    b.say(Cloid::default(), VenueEventKind::LinkDown);
    b.poll(20);
    let asked = std::mem::take(&mut b.wire.lock().unwrap().asked);
    assert!(!asked.is_empty() && asked.iter().all(|i| i.void_after == void_after), "{asked:?}");
}
