use super::*;
use crate::logic::gate::Gate;
use crate::rt::{In, OutLatest, board, ring, vital_ring};
use crate::stage::records::{RecordsIn, records};
use crate::types::limits::RING_VENUE;
use crate::types::{
    Action, ActionKind, AssetParams, Cloid, Done, Fill, Inquiry, Oid, OrderRequest, Qty,
    QuoteLevel, Record, Reject, RejectReason,
};
use std::collections::VecDeque;
use std::sync::Mutex;

/// What a test says and hears in the venue's place.
#[derive(Default)]
struct Wire {
    sent: Vec<Action>,
    asked: Vec<Inquiry>,
    answers: VecDeque<VenueEvent>,
    /// The venue's clock minus ours.
    ahead: Nanos,
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
    records: RecordsIn,
    level: Arc<LevelCell>,
    metrics: Arc<Metrics>,
    seq: u64,
    /// Venue time of the book that targets come from.
    book_time: Nanos,
    /// How far their prices are away from those of before.
    shift: i64,
}

fn bench(ring_venue: usize) -> Bench {
    bench_with(ring_venue, AssetParams::default())
}

fn bench_with(ring_venue: usize, params: AssetParams) -> Bench {
    let universe = crate::coins::universe([("X", 2)]);
    let params = [params];
    let (targets, rx) = ring("risk->dispatch", 8);
    let (level, metrics) = (Arc::<LevelCell>::default(), Arc::<Metrics>::default());
    let (quote_tx, to_quote) = vital_ring("dispatch->quote", ring_venue, &level);
    let (risk_tx, to_risk) = vital_ring("dispatch->risk", ring_venue, &level);
    let (records_tx, records) =
        records([("dispatch->side facts", 1024), ("dispatch->side commentary", 1024)], &level);
    let rings = DispatchRings {
        targets: InLatest::new(rx, 1, 8, false),
        params: ParamsIn::new(ring("side->dispatch params", 8).1),
        venue: [quote_tx, risk_tx],
        records: records_tx,
        status: vec![board().0],
    };
    let wire = Arc::new(Mutex::new(Wire::default()));
    let orders = Orders::new(&universe, &params, 1);
    let shared = (level.clone(), metrics.clone());
    let budget = Budget::new(&params[0].risk);
    Bench {
        stage: DispatchStage::new(
            Box::new(FakeGateway(wire.clone())),
            rings,
            orders,
            budget,
            shared,
        ),
        wire,
        gate: Gate::new(universe, &params),
        targets: OutLatest::new(targets, 1),
        to_quote,
        _to_risk: to_risk,
        records,
        level,
        metrics,
        seq: 0,
        book_time: Nanos::ZERO,
        shift: 0,
    }
}

impl Bench {
    /// A new target reaches dispatch; what it sends.
    fn target(&mut self, ms: i64) -> Vec<Action> {
        self.target_at(ms, Px::whole(99 - self.shift))
    }
    /// The same with another bid.
    fn target_at(&mut self, ms: i64, bid: Px) -> Vec<Action> {
        self.seq += 1;
        let level = |px| QuoteLevel { px, qty: Qty::whole(1) };
        let mut t = QuoteTarget {
            mid: Some(Px::whole(100)),
            bid_reason: Reason::Quoted,
            ask_reason: Reason::Quoted,
            ..QuoteTarget::default()
        };
        (t.cause.market_seq, t.cause.venue_time) = (self.seq, self.book_time);
        (t.bids[0], t.asks[0]) = (level(bid), level(Px::whole(101 + self.shift)));
        let approved = self.gate.approve(Nanos::millis(ms), t);
        self.targets.push(0, approved);
        self.poll(ms)
    }
    fn poll(&mut self, ms: i64) -> Vec<Action> {
        self.stage.poll(Nanos::millis(ms));
        std::mem::take(&mut self.wire.lock().unwrap().sent)
    }
    fn say(&mut self, cloid: Cloid, kind: VenueEventKind) {
        self.say_at(1, cloid, kind);
    }
    fn say_at(&mut self, ms: i64, cloid: Cloid, kind: VenueEventKind) {
        let time = Nanos::millis(ms);
        self.wire.lock().unwrap().answers.push_back(VenueEvent::new(
            cloid,
            AssetId::new(0),
            [time; 2],
            kind,
        ));
    }
    /// Both sides rest: their orders, with oids 1 and 2.
    fn quoted() -> (Self, [OrderRequest; 2]) {
        let mut b = bench(RING_VENUE);
        let sent = b.target(0)[0];
        let mut orders = [sent.items[0], sent.items[1]];
        for (order, oid) in orders.iter_mut().zip(1..) {
            order.oid = Oid(oid);
            b.say(order.cloid, VenueEventKind::Ack { oid: Oid(oid), leaves: order.qty });
        }
        b.poll(1);
        assert_eq!(Side::BOTH.map(|side| b.reason(side)), [Reason::Quoted; 2]);
        (b, orders)
    }
    /// Lets time pass to `until`, 10 ms at a time; every action is answered by `answer`, item by
    /// item and 10 ms later. When which kinds of action were sent.
    fn answered(
        &mut self,
        from_ms: i64,
        until_ms: i64,
        answer: impl Fn(&Action) -> VenueEventKind,
    ) -> Vec<(i64, ActionKind)> {
        let mut sent = Vec::new();
        for ms in (from_ms..until_ms).step_by(10) {
            for action in self.poll(ms) {
                sent.push((ms, action.kind));
                let kind = answer(&action);
                action.items().iter().for_each(|item| self.say_at(ms + 10, item.cloid, kind));
            }
        }
        sent
    }
    /// What asked for the order's state is answered: it rests.
    fn asked(&mut self) -> usize {
        let mut asked = std::mem::take(&mut self.wire.lock().unwrap().asked);
        asked.dedup();
        for inquiry in &asked {
            let kind = VenueEventKind::Ack { oid: inquiry.current, leaves: Qty::whole(1) };
            self.say(inquiry.cloid, kind);
        }
        asked.len()
    }
    fn alerts(&mut self) -> Vec<AlertKind> {
        let mut alerts = Vec::new();
        while let Some(record) = self.records.pop() {
            if let Record::Fact(Fact::Alert { kind, .. }) = record {
                alerts.push(kind);
            }
        }
        alerts
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
    assert_eq!((b.metrics.dispatch.fills.get(), b.metrics.dispatch.duplicate_fills.get()), (1, 2));
    assert_eq!(b.stage.orders.position(AssetId::new(0)), Qty::from_raw(1_000_000));
    assert!(b.to_quote.pop().is_some() && b.to_quote.pop().is_none());
    assert_eq!(b.level.get(), HaltLevel::Run);
    (10..16).for_each(|tid| b.say(cloid, VenueEventKind::Fill(Fill { tid, ..fill })));
    b.poll(30);
    assert_eq!(b.level.get(), HaltLevel::Halt, "a fill that cannot be handed on stops trading");
    assert_eq!(b.reason(Side::Ask), Reason::InFlight);
}

/// A process that was stopped, and given up meanwhile, finds the latch before it sends anything.
#[test]
fn what_stood_still_sends_nothing_before_the_latch_was_looked_at_again() {
    let mut b = bench(RING_VENUE);
    b.level.looked();
    assert_eq!(b.target(10).len(), 1, "it sends");
    let mut b = bench(RING_VENUE);
    b.level.looked();
    assert!(b.poll(10).is_empty());
    assert!(b.target(600).is_empty(), "it was not polled for 590 ms");
    assert_eq!(b.reason(Side::Bid), Reason::Halted);
    b.level.looked();
    assert!(b.target(610).is_empty(), "that look may have begun before");
    b.level.looked();
    assert_eq!(b.target(620).len(), 1, "the next one has not, and has found nothing");
    // Where nobody looks (a replay), nobody is waited for.
    let mut b = bench(RING_VENUE);
    assert!(b.poll(10).is_empty());
    assert_eq!(b.target(600).len(), 1);
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
                best_bid: Px::whole(ask - 1),
                best_ask: Px::whole(ask),
                ..Reject::new(ActionKind::Place, RejectReason::BadAloPx)
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

fn refusal(reason: RejectReason) -> impl Fn(&Action) -> VenueEventKind {
    move |action| VenueEventKind::Reject(Reject::new(action.kind, reason))
}

#[test]
fn a_refused_cancel_is_asked_about_and_tried_again_with_growing_pauses() {
    let (mut b, _) = Bench::quoted();
    b.level.raise(HaltLevel::Halt);
    let (mut tries, mut asked) = (Vec::new(), 0);
    for ms in (100..20_000).step_by(10) {
        tries.extend(b.answered(ms, ms + 10, refusal(RejectReason::Other)));
        asked += b.asked();
    }
    // Both orders in one action; each answer comes 10 ms later, and the clocks run from there.
    let times: Vec<_> = tries.iter().map(|(ms, _)| *ms).collect();
    assert_eq!(times, [100, 610, 1_620, 3_630, 7_640, 12_650, 17_660]);
    assert_eq!(asked, 2 * times.len(), "its state is asked for before each further try");
    assert_eq!(Side::BOTH.map(|side| b.reason(side)), [Reason::CancelRefused; 2]);
    let mut told = Vec::new();
    while let Some(record) = b.records.pop() {
        match record {
            Record::Fact(Fact::CancelRefused { tries, oid, .. }) => told.push((oid.0, tries)),
            Record::Fact(Fact::Alert { kind, .. }) => assert_eq!(kind, AlertKind::CancelRefused),
            _ => {}
        }
    }
    assert_eq!(told.len(), 2 * times.len());
    assert_eq!(told.last(), Some(&(2, 7)));
}

#[test]
fn a_refused_cancel_is_tried_at_once_when_the_answer_changes_or_the_link_is_new() {
    let (mut b, orders) = Bench::quoted();
    b.level.raise(HaltLevel::Halt);
    assert_eq!(b.answered(100, 500, refusal(RejectReason::Other)).len(), 1);
    b.asked();
    assert_eq!(b.answered(500, 650, refusal(RejectReason::RateLimit)), [(610, ActionKind::Cancel)]);
    b.asked();
    assert_eq!(b.answered(650, 10_500, refusal(RejectReason::Tick)), [], "the address waits 10 s");
    let sent = b.answered(10_500, 10_700, refusal(RejectReason::Tick));
    assert_eq!(sent, [(10_620, ActionKind::Cancel), (10_630, ActionKind::Cancel)]);
    b.say(Cloid::default(), VenueEventKind::LinkDown);
    b.say(Cloid::default(), VenueEventKind::LinkUp);
    for order in orders {
        b.say(order.cloid, VenueEventKind::Ack { oid: order.oid, leaves: order.qty });
    }
    assert_eq!(b.poll(10_700).len(), 1, "a new link");
}

#[test]
fn an_order_that_is_refused_is_not_sent_again_at_once() {
    let mut b = bench(RING_VENUE);
    let mut sent = b.target(0);
    let first = sent[0];
    for item in first.items() {
        b.say_at(0, item.cloid, refusal(RejectReason::Margin)(&first));
    }
    let mut times = Vec::new();
    for ms in (10..10_000).step_by(10) {
        sent = b.target(ms);
        for action in &sent {
            times.push(ms);
            let kind = refusal(RejectReason::Margin)(action);
            action.items().iter().for_each(|item| b.say_at(ms, item.cloid, kind));
        }
    }
    assert_eq!(times, [500, 1_500, 3_500, 7_500], "the same order, the same answer");
    assert_eq!(b.reason(Side::Bid), Reason::CoinPaused);
}

#[test]
fn an_order_whose_modify_was_refused_is_not_left_alone() {
    for is_whole in [true, false] {
        let (mut b, [bid, _]) = Bench::quoted();
        b.shift = 1;
        let modify = b.target(100)[0];
        assert_eq!(modify.kind, ActionKind::Modify);
        for item in modify.items() {
            let reject =
                Reject { is_whole, ..Reject::new(ActionKind::Modify, RejectReason::Other) };
            b.say_at(110, item.cloid, VenueEventKind::Reject(reject));
        }
        let sent = b.poll(120);
        if is_whole {
            // Live, and nothing is known to have changed: the same is not asked for again.
            assert_eq!((sent[0].kind, sent[0].items()[0].oid), (ActionKind::Cancel, bid.oid));
            continue;
        }
        assert!(sent.is_empty() && b.reason(Side::Bid) == Reason::SlotUnknown);
        assert_eq!(b.wire.lock().unwrap().asked.len(), 2, "asked for at once");
        b.level.raise(HaltLevel::Halt);
        let sent = b.poll(130);
        assert_eq!((sent[0].kind, sent[0].items()[0].oid), (ActionKind::Cancel, bid.oid));
    }
}

#[test]
fn orders_that_vanish_again_and_again_make_their_coin_pause() {
    let (mut b, orders) = Bench::quoted();
    let gone =
        |oid, why| VenueEventKind::Done(Done { oid, leaves: Qty::whole(1), why, _pad: [0; 7] });
    for order in orders {
        b.say_at(10, order.cloid, gone(order.oid, DoneWhy::Canceled));
    }
    let (mut placed, mut oid) = (Vec::new(), 10);
    for ms in (20..70_000).step_by(10) {
        for action in b.target(ms) {
            placed.push(ms);
            for item in action.items() {
                oid += 1;
                b.say_at(ms, item.cloid, VenueEventKind::Ack { oid: Oid(oid), leaves: item.qty });
                b.say_at(ms, item.cloid, gone(Oid(oid), DoneWhy::Canceled));
            }
        }
    }
    assert_eq!(placed, [1_010, 3_010, 7_010, 15_010, 31_010, 63_010], "each pause twice as long");
    assert_eq!(b.reason(Side::Ask), Reason::CoinPaused);
    assert_eq!(b.alerts(), [AlertKind::CanceledByOther, AlertKind::OrdersVanish]);
}

#[test]
fn a_resting_order_keeps_its_place_within_a_tick_whatever_the_threshold() {
    let with = |requote_threshold_bps| {
        bench_with(RING_VENUE, AssetParams { requote_threshold_bps, ..AssetParams::default() })
    };
    // A tick at 99 is 0.001: 0.1 bps.
    for (threshold, near, far) in [(0.0, 1, 2), (0.05, 1, 2), (0.35, 3, 4)] {
        let mut b = with(threshold);
        let placed = b.target(0);
        for item in placed[0].items() {
            let oid = Oid(1 + item.side as u64);
            b.say(item.cloid, VenueEventKind::Ack { oid, leaves: item.qty });
        }
        assert!(b.poll(1).is_empty());
        let mut at =
            |ticks: i64| b.target_at(1_000, Px::from_raw(Px::whole(99).raw() + ticks * 100_000));
        assert!(at(near).is_empty() && at(-near).is_empty(), "{threshold}");
        let moved = at(-far);
        assert_eq!((moved.len(), moved[0].kind), (1, ActionKind::Modify), "{threshold}");
    }
}

#[test]
fn a_resting_order_off_a_new_grid_does_not_keep_its_place() {
    let params = AssetParams { requote_threshold_bps: 5.0, ..AssetParams::default() };
    let mut b = bench_with(RING_VENUE, params);
    let placed = b.target_at(0, Px::from_raw(Px::whole(99).raw() + 100_000));
    for item in placed[0].items() {
        let oid = Oid(1 + item.side as u64);
        b.say(item.cloid, VenueEventKind::Ack { oid, leaves: item.qty });
    }
    assert!(b.poll(1).is_empty());
    assert!(b.target_at(1_000, Px::whole(99)).is_empty(), "it is near enough");
    // Sizes of five decimals leave prices one.
    let finer = AssetParams { sz_decimals: Some(5), ..params };
    b.stage.orders.set_params(AssetId::new(0), &finer);
    let moved = b.target_at(2_000, Px::whole(99));
    assert_eq!((moved.len(), moved[0].kind), (1, ActionKind::Modify));
    let items: Vec<_> = moved[0].items().iter().map(|i| (i.side, i.px)).collect();
    assert_eq!(items, [(Side::Bid, Px::whole(99))], "the ask is on both grids");
}
