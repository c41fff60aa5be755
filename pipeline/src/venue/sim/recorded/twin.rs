//! The naive twin: the same rules written as plainly as possible. It rebuilds each displayed book
//! from the whole history at every event, in ordered maps, and walks a trade through the queue
//! share by share. On random tapes it must agree with the market to the last unit.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const LOT: i64 = 1_000_000;

/// Price as "higher is better", for either side.
fn rank(side: Side, px: Px) -> i64 {
    px.raw() * side.sign()
}

/// One side of the book, rebuilt from the whole history of its asset.
#[derive(Default)]
struct View {
    known: bool,
    levels: BTreeMap<i64, i64>,
    /// Open intervals of ranks that nothing is known of.
    gaps: Vec<(i64, i64)>,
}

impl View {
    fn of(history: &[MarketEvent], asset: AssetId, side: Side) -> Self {
        let mut view = Self::default();
        for event in history.iter().filter(|e| e.asset() == asset) {
            match event {
                MarketEvent::Book(b) => {
                    let level = |l: &Level| (rank(side, l.px), l.qty.raw());
                    let levels = b.side(side).iter().map(level).collect();
                    view = Self { known: true, levels, gaps: Vec::new() };
                }
                MarketEvent::Bbo(b) => view.touch(side, [b.bid, b.ask][side.index()]),
                _ => {}
            }
        }
        view
    }
    fn touch(&mut self, side: Side, touch: Level) {
        self.known = true;
        if touch.qty.is_zero() {
            (self.levels, self.gaps) = Default::default();
            return;
        }
        let now = rank(side, touch.px);
        if let Some(best) = self.best().filter(|&best| best < now) {
            self.gaps.push((best, now));
        }
        self.gaps = self.gaps.iter().map(|&(lo, hi)| (lo, hi.min(now))).collect();
        self.levels.retain(|&r, _| r <= now);
        self.levels.insert(now, touch.qty.raw());
    }
    fn best(&self) -> Option<i64> {
        self.levels.last_key_value().map(|(&r, _)| r)
    }
    fn at(&self, r: i64) -> Result<i64, i64> {
        if !self.known {
            return Err(super::super::queue::NOTHING_KNOWN.raw());
        }
        let better = self.levels.range(r + 1..).next().map(|(_, &q)| q);
        match (self.levels.get(&r), better) {
            (Some(&q), _) => Ok(q),
            (None, None) => Ok(0),
            (None, Some(q)) => {
                let deepest = self.levels.range(..r).next().is_none();
                let in_gap = self.gaps.iter().any(|&(lo, hi)| lo < r && r < hi);
                if deepest || in_gap { Err(q) } else { Ok(0) }
            }
        }
    }
}

#[derive(Clone)]
struct TwinOrder {
    oid: Oid,
    asset: AssetId,
    side: Side,
    px: Px,
    leaves: i64,
    ahead: i64,
    displayed: Option<i64>,
    traded: i64,
}

struct Twin {
    model: QueueModel,
    history: Vec<MarketEvent>,
    orders: Vec<TwinOrder>,
    fills: Vec<(Nanos, Oid, i64)>,
}

impl Twin {
    fn event(&mut self, event: &MarketEvent) {
        self.history.push(*event);
        if let MarketEvent::Trade(t) = event {
            self.trade(t)
        } else {
            self.display(event)
        }
        self.orders.retain(|o| o.leaves > 0);
    }
    fn trade(&mut self, t: &Trade) {
        let (mut left, mut public_eaten) = (t.qty.raw(), 0);
        for o in self.orders.iter_mut().filter(|o| o.asset == t.asset) {
            if o.side == t.aggressor || rank(o.side, o.px) < rank(o.side, t.px) {
                continue;
            }
            let mut fill = o.leaves;
            if o.px == t.px {
                let eats = (o.ahead - public_eaten).min(left);
                (left, public_eaten) = (left - eats, public_eaten + eats);
                o.ahead -= public_eaten;
                fill = fill.min(left / LOT * LOT);
                left -= fill;
                o.traded += t.qty.raw();
            }
            o.leaves -= fill;
            if fill > 0 {
                self.fills.push((t.venue_time, o.oid, fill));
            }
        }
    }
    fn display(&mut self, event: &MarketEvent) {
        let views = Side::BOTH.map(|s| View::of(&self.history, event.asset(), s));
        let mut ahead_at: BTreeMap<(Side, Px), i64> = BTreeMap::new();
        for o in self.orders.iter_mut().filter(|o| o.asset == event.asset()) {
            let opposite =
                views[o.side.opposite().index()].best().map(|r| r * o.side.opposite().sign());
            if opposite.is_some_and(|p| (p - o.px.raw()) * o.side.sign() <= 0) {
                self.fills.push((event.venue_time(), o.oid, o.leaves));
                o.leaves = 0;
                continue;
            }
            let r = rank(o.side, o.px);
            let spoken_of = match event {
                MarketEvent::Bbo(_) => views[o.side.index()].best().is_none_or(|best| r >= best),
                _ => true,
            };
            if let (true, Ok(now)) = (spoken_of, views[o.side.index()].at(r)) {
                o.ahead = match o.displayed {
                    None => now,
                    Some(was) => {
                        let gone = was - now - o.traded;
                        let took = if gone > 0 { took(self.model, gone, o.ahead, was) } else { 0 };
                        (o.ahead - took).max(0).min(now)
                    }
                };
                (o.displayed, o.traded) = (Some(now), 0);
                let floor = ahead_at.get(&(o.side, o.px)).copied().unwrap_or(0);
                o.ahead = o.ahead.max(floor);
            }
            ahead_at.insert((o.side, o.px), o.ahead);
        }
    }
    fn place(&mut self, order: &RestingOrder) {
        let RestingOrder { oid, asset, side, px, qty } = *order;
        let shown = View::of(&self.history, asset, side).at(rank(side, px));
        let same = |o: &&TwinOrder| (o.asset, o.side, o.px) == (asset, side, px);
        let floor = self.orders.iter().filter(same).map(|o| o.ahead).max().unwrap_or(0);
        let ahead = shown.unwrap_or_else(|assumed| assumed).max(floor);
        let (leaves, displayed) = (qty.raw(), shown.ok());
        self.orders.push(TwinOrder { oid, asset, side, px, leaves, ahead, displayed, traded: 0 });
    }
}

fn took(model: QueueModel, gone: i64, ahead: i64, was: i64) -> i64 {
    let coin = |raw: i64| raw as f64 / 1e8;
    let (a, b) = (coin(ahead), coin((was - ahead).max(0)));
    let (fa, fb) = match model {
        QueueModel::RiskAverse => return 0,
        QueueModel::ProbPower(n) => (a.powf(n), b.powf(n)),
        QueueModel::ProbLog => (a.ln_1p(), b.ln_1p()),
        other => panic!("{other} is not drawn"),
    };
    let p = if fa + fb == 0.0 { 1.0 } else { fb / (fa + fb) };
    (gone as f64 * (1.0 - p)) as i64
}

#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a test holds a hundred of them")]
enum Step {
    Event(MarketEvent),
    Place(RestingOrder),
    Cancel(Oid),
}

fn qty() -> impl Strategy<Value = Qty> {
    (1_i64..40).prop_map(|lots| Qty::from_raw(lots * LOT))
}

/// One side's levels from a price outwards: offsets and sizes.
fn levels(side: Side) -> impl Strategy<Value = Vec<(i64, Qty)>> {
    let level = (1_i64..3, qty());
    prop::collection::vec(level, 0..5).prop_map(move |steps| {
        let mut offset = -1;
        let mut outwards = |step: i64| {
            offset += step;
            -side.sign() * offset
        };
        steps.into_iter().map(|(step, q)| (outwards(step), q)).collect()
    })
}

fn step() -> impl Strategy<Value = Step> {
    let asset = || (0..2usize).prop_map(AssetId::new);
    let side = || any::<bool>().prop_map(|bid| if bid { Side::Bid } else { Side::Ask });
    let px = || (95_i64..106).prop_map(Px::whole);
    let at = |mid: i64, (offset, qty): (i64, Qty)| Level { px: Px::whole(mid + offset), qty };
    let book = (asset(), 98_i64..103, levels(Side::Bid), levels(Side::Ask), any::<bool>());
    let book = book.prop_map(move |(asset, mid, bids, asks, whole)| {
        let bids: Vec<_> = bids.into_iter().map(|l| at(mid - 1, l)).collect();
        let asks: Vec<_> = asks.into_iter().map(|l| at(mid + 1, l)).collect();
        let first = |side: &[Level]| side.first().copied().unwrap_or_default();
        if !whole {
            let (bid, ask) = (first(&bids), first(&asks));
            return Step::Event(MarketEvent::Bbo(Bbo { asset, bid, ask, ..Bbo::default() }));
        }
        let mut book = BookSnapshot { asset, ..BookSnapshot::EMPTY };
        book.bids[..bids.len()].copy_from_slice(&bids);
        book.asks[..asks.len()].copy_from_slice(&asks);
        (book.bid_count, book.ask_count) = (bids.len() as u8, asks.len() as u8);
        Step::Event(MarketEvent::Book(book))
    });
    let trade = (asset(), side(), px(), qty()).prop_map(|(asset, aggressor, px, qty)| {
        Step::Event(MarketEvent::Trade(Trade { asset, aggressor, px, qty, ..Trade::default() }))
    });
    let place = (asset(), side(), px(), qty()).prop_map(|(asset, side, px, qty)| {
        Step::Place(RestingOrder { oid: Oid::NONE, asset, side, px, qty })
    });
    let cancel = (1_u64..60).prop_map(|oid| Step::Cancel(Oid(oid)));
    prop_oneof![5 => book, 6 => trade, 6 => place, 1 => cancel]
}

fn universe() -> Universe {
    crate::coins::universe([("A", 2), ("B", 2)])
}

/// Numbers the orders, sets each event's time to its place among the steps, and gives trades ids.
fn number(steps: Vec<Step>) -> Vec<Step> {
    let mut oid = 0;
    let numbered = steps.into_iter().enumerate().map(|(i, step)| match step {
        Step::Event(MarketEvent::Trade(t)) => Step::Event(MarketEvent::Trade(Trade {
            tid: i as u64,
            venue_time: Nanos(i as i64),
            ..t
        })),
        Step::Event(MarketEvent::Bbo(b)) => {
            Step::Event(MarketEvent::Bbo(Bbo { venue_time: Nanos(i as i64), ..b }))
        }
        Step::Event(MarketEvent::Book(b)) => {
            Step::Event(MarketEvent::Book(BookSnapshot { venue_time: Nanos(i as i64), ..b }))
        }
        Step::Place(order) => {
            oid += 1;
            Step::Place(RestingOrder { oid: Oid(oid), ..order })
        }
        other => other,
    });
    numbered.collect()
}

fn market_of(steps: &[Step], model: QueueModel) -> RecordedMarket {
    let events = steps.iter().filter_map(|s| if let Step::Event(e) = s { Some(*e) } else { None });
    RecordedMarket::new(&Tape::build(events), &universe(), model)
}

/// A resting order must not cross: the simulator refuses such before it reaches the market.
fn crosses(market: &RecordedMarket, order: &RestingOrder) -> bool {
    let (bid, ask) = market.touch(order.asset);
    match order.side {
        Side::Bid => ask.qty.is_positive() && order.px >= ask.px,
        Side::Ask => bid.qty.is_positive() && order.px <= bid.px,
    }
}

/// Plays all steps; `after` sees the market after each.
fn play(
    steps: &[Step],
    model: QueueModel,
    mut after: impl FnMut(&Step, &RecordedMarket, &mut MarketOutput),
) -> RecordedMarket {
    let mut market = market_of(steps, model);
    let mut out = MarketOutput::default();
    for (i, step) in steps.iter().enumerate() {
        market.advance(Nanos(i as i64), &mut out);
        let mut step = step.clone();
        match &step {
            Step::Place(order) if crosses(&market, order) => step = Step::Cancel(Oid::NONE),
            Step::Place(order) => market.place(order),
            Step::Cancel(oid) => drop(market.cancel(*oid)),
            Step::Event(_) => {}
        }
        after(&step, &market, &mut out);
    }
    market
}

fn model() -> impl Strategy<Value = QueueModel> {
    prop_oneof![
        Just(QueueModel::RiskAverse),
        (0.2_f64..6.0).prop_map(QueueModel::ProbPower),
        Just(QueueModel::ProbLog),
    ]
}

fn total_filled(steps: &[Step], model: QueueModel) -> i64 {
    let mut total = 0;
    play(steps, model, |_, _, out| total = out.executions.iter().map(|e| e.qty.raw()).sum());
    total
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_market_agrees_with_its_naive_twin(
        steps in prop::collection::vec(step(), 1..150), model in model()
    ) {
        let steps = number(steps);
        let mut twin = Twin { model, history: Vec::new(), orders: Vec::new(), fills: Vec::new() };
        let mut wrong = None;
        play(&steps, model, |step, market, out| {
            match step {
                Step::Event(event) => twin.event(event),
                Step::Place(order) => twin.place(order),
                Step::Cancel(oid) => twin.orders.retain(|o| o.oid != *oid),
            }
            let fills: Vec<_> =
                out.executions.iter().map(|e| (e.time, e.oid, e.qty.raw())).collect();
            let ours = |o: &TwinOrder| market.queue_place(o.oid).map(|p| p.ahead().raw());
            let same_queue = twin.orders.iter().all(|o| ours(o) == Some(o.ahead));
            if wrong.is_none() && (fills != twin.fills || !same_queue) {
                let queue: Vec<_> =
                    twin.orders.iter().map(|o| (o.oid, ours(o), o.ahead)).collect();
                wrong = Some(format!("{step:?}\n{fills:?}\n{:?}\n{queue:?}", twin.fills));
            }
        });
        prop_assert_eq!(wrong, None);
    }

    #[test]
    fn bounds_hold(steps in prop::collection::vec(step(), 1..150), model in model()) {
        let steps = number(steps);
        let mut tids = std::collections::HashSet::new();
        play(&steps, model, |step, market, out| {
            for order in market.assets.iter().flat_map(|a| &a.orders) {
                assert!(!order.place.ahead().is_negative() && order.leaves.is_positive());
                assert!(order.place.displayed().is_none_or(|shown| order.place.ahead() <= shown));
            }
            if let Step::Event(MarketEvent::Trade(t)) = step {
                let at_price = out.executions.iter().filter(|e| e.px == t.px);
                assert!(at_price.map(|e| e.qty).sum::<Qty>() <= t.qty, "shared more than once");
            }
            for e in out.executions.drain(..) {
                assert!(e.qty.is_positive() && e.qty.raw() % LOT == 0);
                assert!(tids.insert(e.tid), "trade id {} came twice", e.tid);
            }
        });
    }

    #[test]
    fn risk_averse_fills_least(steps in prop::collection::vec(step(), 1..150), power in 0.2..6.0) {
        let steps = number(steps);
        let least = total_filled(&steps, QueueModel::RiskAverse);
        prop_assert!(total_filled(&steps, QueueModel::ProbPower(power)) >= least);
        prop_assert!(total_filled(&steps, QueueModel::ProbLog) >= least);
    }
}

/// Swapping every aggressor's side must change what we are filled: a replay that reads the label
/// the wrong way round cannot pass unnoticed.
#[test]
fn swapped_aggressors_change_the_fills() {
    let level = |px: i64| Level { px: Px::whole(px), qty: Qty::whole(1) };
    let bbo = Bbo { bid: level(100), ask: level(101), ..Bbo::default() };
    let run = |swap: bool| {
        let trades = (1..=20_i64).map(|i| {
            let sell = (i % 4 == 0) != swap;
            let (aggressor, px) = if sell { (Side::Ask, 100) } else { (Side::Bid, 101) };
            let (px, qty, venue_time) = (Px::whole(px), Qty::whole(1), Nanos(i));
            let tid = i as u64;
            MarketEvent::Trade(Trade { aggressor, px, qty, tid, venue_time, ..Trade::default() })
        });
        let tape = Tape::build(std::iter::once(MarketEvent::Bbo(bbo)).chain(trades));
        let mut market = RecordedMarket::new(&tape, &universe(), QueueModel::RiskAverse);
        let mut out = MarketOutput::default();
        market.advance(Nanos(0), &mut out);
        for (oid, side, px) in [(1, Side::Bid, 100), (2, Side::Ask, 101)] {
            let (px, qty, asset) = (Px::whole(px), Qty::whole(50), AssetId::new(0));
            market.place(&RestingOrder { oid: Oid(oid), asset, side, px, qty });
        }
        market.advance(Nanos(99), &mut out);
        let of = |oid| out.executions.iter().filter(|e| e.oid == Oid(oid)).map(|e| e.qty).sum();
        let (bought, sold): (Qty, Qty) = (of(1), of(2));
        (bought, sold)
    };
    // One of each side's trades feeds the queue ahead; 5 sells and 15 buys as labelled.
    assert_eq!(run(false), (Qty::whole(4), Qty::whole(14)));
    assert_eq!(run(true), (Qty::whole(14), Qty::whole(4)));
}
