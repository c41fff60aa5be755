//! Nothing silent: each reason why a side is not quoted is reached in a whole pipeline, by what really
//! leads to it, and shown on the status board. Together they are all that there are.
#![allow(clippy::unwrap_used, missing_docs)]

mod coins;

use botmm_pipeline::rt::{HaltLevel, Out, ring};
use botmm_pipeline::stage::status::AssetStatus;
use botmm_pipeline::types::params::{BelowFee as WhenBelow, LateAction};
use botmm_pipeline::types::*;
use botmm_pipeline::venue::{Feed, Gateway};
use botmm_pipeline::wiring::{self, Pipeline};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

const START: Nanos = Nanos::secs(1_757_000_000);

/// Tells what the test says, when it says it.
struct Script(botmm_pipeline::rt::In<MarketEvent>, MarketEvent);

impl Feed for Script {
    fn next(&mut self, _: Nanos) -> Option<LentEvent<'_>> {
        self.1 = self.0.pop()?;
        Some(self.1.lend())
    }
    fn next_deadline(&self) -> Option<Nanos> {
        None
    }
}

#[derive(Default)]
struct Venue {
    /// Orders are acknowledged.
    answers: bool,
    /// Actions of this kind are refused.
    refuses: Option<ActionKind>,
    said: VecDeque<VenueEvent>,
    /// Size of every order that there was, by its oid.
    sizes: Vec<Qty>,
}

struct Wire(Arc<Mutex<Venue>>);

impl Gateway for Wire {
    fn submit(&mut self, now: Nanos, action: &Action) -> bool {
        let mut venue = self.0.lock().unwrap();
        for item in action.items().iter().filter(|_| venue.answers).copied().collect::<Vec<_>>() {
            if venue.refuses == Some(action.kind) {
                let reject = Reject::new(action.kind, RejectReason::Other);
                venue.said.push_back(event(
                    now,
                    item.asset,
                    item.cloid,
                    VenueEventKind::Reject(reject),
                ));
                continue;
            }
            if action.kind != ActionKind::Place {
                let why = match action.kind {
                    ActionKind::Modify => DoneWhy::Replaced,
                    _ => DoneWhy::Canceled,
                };
                let leaves = venue.sizes[item.oid.0 as usize - 1];
                let done = Done { oid: item.oid, leaves, why, _pad: [0; 7] };
                venue.said.push_back(event(
                    now,
                    item.asset,
                    item.cloid,
                    VenueEventKind::Done(done),
                ));
            }
            if action.kind != ActionKind::Cancel {
                venue.sizes.push(item.qty);
                let oid = Oid(venue.sizes.len() as u64);
                let ack = VenueEventKind::Ack { oid, leaves: item.qty };
                venue.said.push_back(event(now, item.asset, item.cloid, ack));
            }
        }
        true
    }
    fn next(&mut self, _: Nanos) -> Option<VenueEvent> {
        self.0.lock().unwrap().said.pop_front()
    }
    fn next_deadline(&self) -> Option<Nanos> {
        None
    }
}

fn event(now: Nanos, asset: AssetId, cloid: Cloid, kind: VenueEventKind) -> VenueEvent {
    VenueEvent::new(cloid, asset, [now; 2], kind)
}

struct Rig {
    pipeline: Pipeline,
    market: Out<MarketEvent>,
    venue: Arc<Mutex<Venue>>,
    params: AssetParams,
    now: Nanos,
    /// How long ago the blocks were that books tell of.
    late: Nanos,
    seen: BTreeSet<Reason>,
}

/// The defaults, with a volatility to begin with.
fn params() -> AssetParams {
    AssetParams { start_vol_bps: 4.0, maker_fee: Bps::from_f64(1.5), ..AssetParams::default() }
}

impl Rig {
    /// With a book around 3000, and a venue that answers or does not. There is another coin, of which
    /// nothing is told.
    fn new(params: AssetParams, answers: bool) -> Self {
        let universe = coins::universe([("ETH", 4), ("SOL", 2)]);
        let config = wiring::Config::new(universe, vec![params; 2]);
        let (market, feed) = ring("test->feed", 64);
        let venue = Arc::new(Mutex::new(Venue { answers, ..Venue::default() }));
        let mut pipeline = wiring::build(
            &config,
            Script(feed, MarketEvent::Book(BookSnapshot::EMPTY)),
            Wire(venue.clone()),
        );
        pipeline.stages.iter_mut().for_each(|s| s.on_start());
        let (late, seen) = (Nanos::ZERO, BTreeSet::new());
        let mut rig = Self { pipeline, market, venue, params, now: START, late, seen };
        rig.book("2999.9", "3000.1");
        rig
    }

    fn poll(&mut self) {
        for _ in 0..4 {
            for stage in &mut self.pipeline.stages {
                stage.poll(self.now);
            }
            let shown = AssetStatus::read(&self.pipeline.status[0]);
            self.seen.extend([shown.bid_reason, shown.ask_reason]);
        }
    }

    fn book(&mut self, bid: &str, ask: &str) {
        self.book_of(0, bid, ask);
    }

    /// A book of a coin; an empty text is an empty side.
    fn book_of(&mut self, coin: usize, bid: &str, ask: &str) {
        let level = |px: &str| Level { px: Px::parse(px).unwrap(), qty: Qty::whole(1) };
        let mut book = BookSnapshot { asset: AssetId::new(coin), ..BookSnapshot::EMPTY };
        if !bid.is_empty() {
            (book.bid_count, book.bids[0]) = (1, level(bid));
        }
        if !ask.is_empty() {
            (book.ask_count, book.asks[0]) = (1, level(ask));
        }
        (book.venue_time, book.recv_time) = (self.now - self.late, self.now);
        self.market.push(MarketEvent::Book(book)).unwrap();
        self.poll();
    }

    fn reasons_of(&self, coin: usize) -> [Reason; 2] {
        let shown = AssetStatus::read(&self.pipeline.status[coin]);
        [shown.bid_reason, shown.ask_reason]
    }

    fn say(&mut self, kind: VenueEventKind) {
        let event = event(self.now, AssetId::new(0), Cloid::default(), kind);
        self.venue.lock().unwrap().said.push_back(event);
        self.poll();
    }

    /// Time passes with the same book, renewed every half second, or with none.
    fn wait(&mut self, ms: i64, book: Option<(&str, &str)>) {
        for _ in 0..ms / 500 {
            self.now = self.now + Nanos::millis(500);
            match book {
                Some((bid, ask)) => self.book(bid, ask),
                None => self.poll(),
            }
        }
    }

    /// We held so much of the limit when we came.
    fn opened(&mut self, share: f64) {
        let usd = self.params.risk.max_position_usd.to_f64() * share;
        let position = Qty::from_raw((usd / 3_000.0 * 1e8) as i64);
        self.say(VenueEventKind::Opening { position, mark: Px::whole(3_000) });
        self.wait(2_000, Some(("2999.9", "3000.1")));
    }

    /// A buy of ours, after which the market falls by a tenth of a percent.
    fn bought_badly(&mut self) {
        // What the mid was before the fill is known only of a book that came before it.
        self.wait(500, Some(("2999.9", "3000.1")));
        let fill = Fill { px: Px::whole(3_000), qty: Qty::from_raw(1_000_000), ..Fill::default() };
        self.say(VenueEventKind::Fill(fill));
        self.wait(6_000, Some(("2996.9", "2997.1")));
    }
}

/// What one scenario leads to.
fn seen(mut rig: Rig, play: &dyn Fn(&mut Rig)) -> BTreeSet<Reason> {
    play(&mut rig);
    rig.seen
}

fn toxic() -> AssetParams {
    let mut p = AssetParams { order_size_usd: Usd::whole(50), ..params() };
    p.toxicity.toxicity_alpha = 1.0;
    p
}

/// A coin of which a position is held loses a side of its book, or keeps but a far stub there: that coin
/// is not quoted, nothing breaks, and nothing is worth another amount for it. The other coin trades on.
#[test]
fn an_empty_side_takes_that_coins_quotes_and_nothing_else() {
    let cases = [("2999.9", ""), ("", "3000.1"), ("2999.9", "9000"), ("1", "3000.1"), ("", "")];
    for (bid, ask) in cases {
        let mut rig = Rig::new(params(), true);
        rig.opened(0.7);
        rig.book_of(1, "199.99", "200.01");
        rig.wait(500, Some(("2999.9", "3000.1")));
        assert_eq!(rig.reasons_of(0), [Reason::Quoted; 2], "{bid} {ask}");
        let metrics = rig.pipeline.metrics.clone();
        let money = || {
            (metrics.risk.mark[0].get(), metrics.risk.net[0].get(), metrics.risk.max_drawdown.get())
        };
        let before = money();
        for _ in 0..12 {
            rig.now = rig.now + Nanos::millis(500);
            rig.book_of(0, bid, ask);
            rig.book_of(1, "199.99", "200.01");
            assert_eq!(rig.reasons_of(0), [Reason::OneSidedBook; 2], "{bid} {ask}");
            assert_eq!(rig.reasons_of(1), [Reason::Quoted; 2], "{bid} {ask}");
            assert_eq!(metrics.risk_state(AssetId::new(0)), RiskState::Safe, "{bid} {ask}");
            let shown = AssetStatus::read(&rig.pipeline.status[0]);
            assert!(shown.mid.is_zero() && shown.mark == Px::whole(3_000), "{shown:?}");
            assert_eq!(money(), before, "{bid} {ask}");
        }
        // Back, and elsewhere: no large move, since nothing was known of the last second.
        rig.wait(1_000, Some(("3050.9", "3051.1")));
        assert_eq!(rig.reasons_of(0), [Reason::Quoted; 2], "{bid} {ask}");
        assert!(metrics.risk.net[0].usd() > Usd::ZERO, "{bid} {ask}");
    }
}

#[test]
fn a_late_feed_is_told_once_and_its_end() {
    let mut rig = Rig::new(params(), true);
    let mut told = Vec::new();
    for (late_ms, for_ms) in [(160, 40_000), (50, 30_000)] {
        rig.late = Nanos::millis(late_ms);
        for _ in 0..for_ms / 1_000 {
            rig.wait(1_000, Some(("2999.9", "3000.1")));
            for ring in rig.pipeline.records.iter_mut() {
                while let Some(record) = ring.pop() {
                    if let Record::Fact(Fact::Alert { kind, .. }) = record {
                        told.push(kind);
                    }
                }
            }
        }
        assert_eq!(rig.reasons_of(0), [Reason::Quoted; 2], "told, and nothing else: warn");
    }
    assert_eq!(told, [AlertKind::FeedLate, AlertKind::FeedInTime]);
}

#[test]
fn every_reason_is_reached() {
    use Reason::*;
    let same = Some(("2999.9", "3000.1"));
    let mut cases: Vec<(Reason, BTreeSet<Reason>)> = Vec::new();
    let mut case = |reason, params, play: &dyn Fn(&mut Rig)| {
        // A venue that does not answer leaves orders on their way, and then unknown.
        let answers = !matches!(reason, InFlight | SlotUnknown);
        cases.push((reason, seen(Rig::new(params, answers), play)));
    };
    case(Quoted, params(), &|rig| rig.wait(1_000, same));
    case(InFlight, params(), &|rig| rig.wait(1_000, same));
    case(Warmup, AssetParams { start_vol_bps: 0.0, ..params() }, &|_| {});
    case(StaleBook, params(), &|rig| rig.wait(9_000, None));
    case(CrossedBook, params(), &|rig| rig.wait(500, Some(("3000.1", "2999.9"))));
    case(OneSidedBook, params(), &|rig| rig.wait(500, Some(("2999.9", ""))));
    case(Halted, params(), &|rig| {
        rig.pipeline.level.raise(HaltLevel::Halt);
        rig.wait(1_000, same);
    });
    case(Cooldown, params(), &|rig| rig.wait(500, Some(("3099.9", "3100.1"))));
    case(PositionLimit, AssetParams { one_sided_at: 1.0, ..params() }, &|rig| rig.opened(0.99));
    case(OneSided, params(), &|rig| rig.opened(0.85));
    let mut pulled = toxic();
    pulled.toxicity.use_toxicity = true;
    case(Toxic, pulled, &Rig::bought_badly);
    let dear = AssetParams { use_edge: true, maker_fee: Bps::from_f64(5.0), ..params() };
    case(NoEdge, dear, &|rig| rig.wait(1_000, same));
    let mut late = params();
    late.risk.late_action = LateAction::StandAside;
    case(FeedLate, late, &|rig| {
        rig.late = Nanos::millis(160);
        rig.wait(11_000, same);
    });
    let skip = AssetParams { below_fee: WhenBelow::Skip, vol_multiplier: 0.0, ..params() };
    case(BelowFee, skip, &|rig| rig.wait(1_000, same));
    let small = AssetParams { order_size_usd: Usd::whole(11), ..params() };
    case(BelowMinNotional, small, &|rig| rig.wait(1_000, same));
    let mut few = params();
    few.risk.max_orders_per_min = 1;
    case(Budget, few, &|rig| rig.wait(1_000, same));
    case(SlotUnknown, params(), &|rig| rig.wait(7_000, same));
    // What rests or might is told before why nothing is wanted: before any order was sent.
    case(LinkDown, AssetParams { start_vol_bps: 0.0, ..params() }, &|rig| {
        rig.say(VenueEventKind::LinkDown);
        rig.wait(1_000, same);
    });
    for (reason, listing) in [(NotInUniverse, Listing::Gone), (GridChanged, Listing::GridChanged)] {
        case(reason, params(), &|rig| {
            let told = QuoteCommand::Listed { asset: AssetId::new(0), listing };
            rig.pipeline.control.quote.push(told).unwrap();
            rig.wait(2_000, same);
        });
    }
    case(ParamInvalid, params(), &|rig| {
        let broken = AssetParams { min_spread_bps: f64::NAN, ..params() };
        rig.pipeline.control.params.change(&[(AssetId::new(0), broken)]).unwrap();
        rig.wait(2_000, same);
    });
    case(CancelRefused, params(), &|rig| {
        rig.wait(1_000, same);
        rig.venue.lock().unwrap().refuses = Some(ActionKind::Cancel);
        rig.wait(9_000, None); // The book is stale: what rests is to be cancelled.
    });
    case(CoinPaused, params(), &|rig| {
        rig.wait(9_000, None); // The book is stale: what rests is cancelled.
        rig.venue.lock().unwrap().refuses = Some(ActionKind::Place);
        rig.wait(2_000, same);
    });

    for (reason, seen) in &cases {
        assert!(seen.contains(reason), "{reason:?} was not reached, but {seen:?}");
    }
    let reached: BTreeSet<Reason> = cases.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(reached, Reason::ALL.into_iter().collect(), "each code has a case");
}
