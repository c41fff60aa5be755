//! The exchange's recorded and mirrored markets in virtual time: what clients are told against what
//! was recorded, or what the mirrored venue showed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use botmm::data::{LoadOptions, LoadReport, find, load};
use botmm::exchange::faults::{Fault, FaultKind, Faulty, Schedule, Who};
use botmm::exchange::front::{Hub, HubConfig};
use botmm::exchange::local::{self, LocalConfig};
use botmm::exchange::markets::Say;
use botmm::exchange::markets::mirror::Mirror;
use botmm::exchange::markets::tape::{self, Recording, Speed};
use botmm::exchange::memory::{Memory, MemoryStage, MemoryTransport};
use botmm::exchange::venue::VenueConfig;
use botmm::settings::{Overrides, Settings};
use botmm_pipeline::rt::Stage as _;
use botmm_pipeline::types::{
    AssetId, BookSnapshot, Level, MarketEvent, Nanos, Px, Qty, Side, Trade, Universe, Usd,
};
use botmm_pipeline::venue::Feed as _;
use botmm_pipeline::venue::hl::clock::VenueClock;
use botmm_pipeline::venue::hl::feed::{FeedConfig, HlFeed};
use botmm_pipeline::venue::hl::sign::{
    Address, Envelope, Network, RequestSigner, Signer, TimeInForce, WireAction, WireOrder,
};
use botmm_pipeline::venue::sim::Market;
use botmm_pipeline::venue::sim::queue::QueueModel;
use botmm_pipeline::venue::sim::recorded::RecordedMarket;
use botmm_pipeline::venue::tape::Tape;
use common::sample;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

const START: Nanos = Nanos::millis(1_795_359_600_000);
const STEP: Nanos = Nanos::millis(10);
/// A test key, and its address.
const KEY: &str = "0x0123456789012345678901234567890123456789012345678901234567890123";
const USER: &str = "0x14791697260e4c9a71f18484c9f997b308e59325";

/// An exchange in virtual time, and a client of its public data.
struct World {
    host: Memory<Faulty<Hub>>,
    stage: MemoryStage<Faulty<Hub>>,
    feed: HlFeed<MemoryTransport<Faulty<Hub>>>,
    now: Nanos,
    last_nonce: u64,
}

impl World {
    fn new(universe: &Universe, market: Box<dyn Market>, faults: Vec<Fault>) -> Self {
        let config = LocalConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            admin: None,
            universe: universe.clone(),
            market,
            venue: VenueConfig::default(),
            hub: HubConfig::default(),
            funded: vec![(Address::parse(USER).unwrap(), Usd::whole(100_000))],
            faults: Schedule { seed: 1, faults },
            start: START,
        };
        let host = Memory::new(local::host(config));
        let feed = {
            let (transport, config) = (host.transport(Nanos::millis(1)), FeedConfig::default());
            HlFeed::new(transport, universe.clone(), config, VenueClock::default())
        };
        Self { stage: host.stage(), feed, host, now: START, last_nonce: 0 }
    }

    /// One step; what the client was told in it.
    fn step(&mut self, told: &mut Vec<MarketEvent>) {
        self.now = self.now + STEP;
        self.stage.poll(self.now);
        while let Some(event) = self.feed.next(self.now) {
            told.push(event.to_kept());
        }
        self.stage.poll(self.now);
    }

    fn run(&mut self, span: Nanos) -> Vec<MarketEvent> {
        let (end, mut told) = (self.now + span, Vec::new());
        while self.now < end {
            self.step(&mut told);
        }
        told
    }

    /// The answer to a request, and what the client was told meanwhile.
    fn post(&mut self, path: &str, body: &[u8], told: &mut Vec<MarketEvent>) -> Value {
        let id = self.host.post(self.now, path, body);
        for _ in 0..200 {
            self.step(told);
            if let Some(reply) = self.host.reply(id) {
                return serde_json::from_slice(&reply.body).unwrap();
            }
        }
        panic!("no answer to {}", String::from_utf8_lossy(body));
    }

    fn info(&mut self, question: Value) -> Value {
        self.post("/info", question.to_string().as_bytes(), &mut Vec::new())
    }

    /// The answer to one order of ours in asset 0.
    fn order(&mut self, side: Side, px: &str, qty: &str, tif: TimeInForce) -> Value {
        let (px, qty) = (Px::parse(px).unwrap(), Qty::parse(qty).unwrap());
        let order = WireOrder { asset: 0, side, px, qty, reduce_only: false, tif, cloid: None };
        self.last_nonce = self.last_nonce.max(self.now.as_millis() as u64) + 1;
        let envelope = Envelope { nonce: self.last_nonce, ..Envelope::default() };
        let mut signer = RequestSigner::new(Signer::from_hex(KEY).unwrap(), Network::Testnet);
        let mut body = Vec::new();
        signer.write_body(&WireAction::Order(&[order]), &envelope, &mut body);
        let answer = self.post("/exchange", &body, &mut Vec::new());
        answer["response"]["data"]["statuses"][0].clone()
    }

    fn fills(&mut self) -> Vec<Value> {
        self.info(json!({"type": "userFills", "user": USER})).as_array().unwrap().clone()
    }
}

fn settings() -> Settings {
    Settings::load(None, &|_| None).unwrap()
}

/// The sample as a market plays it, of all its coins or of some.
fn played(symbols: Option<&str>) -> (Recording, LoadReport) {
    let flags = Overrides { symbols: symbols.map(str::to_owned), ..Overrides::default() };
    let found = find(&[sample()], &|_, _| {}).unwrap();
    tape::load(found, &settings().with(&flags).unwrap(), false).unwrap()
}

/// Lines that a market says, and where they are kept.
fn listening() -> (Say, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = lines.clone();
    (Box::new(move |line| kept.lock().unwrap().push(line.to_owned())), lines)
}

fn mapped(recorded: Nanos, first: Nanos, speed: i64) -> Nanos {
    START + Nanos((recorded - first).0 / speed)
}

/// The sample with its own loader, as the exchange does not see it: events in venue order from the
/// first price on, and the time of that.
fn sample_events(universe: &Universe) -> (Vec<MarketEvent>, Nanos) {
    let symbols: Vec<String> = universe.iter().map(|(_, i)| i.coin.to_string()).collect();
    let settings = settings();
    let options = LoadOptions {
        symbols: &symbols,
        instrument: &|coin| settings.instrument(coin),
        allow_unsound: false,
        decode: &mut |_, _, _, _| Ok(()),
        progress: &|_, _| {},
    };
    let tape = load(&[sample()], options).unwrap().tape;
    let events: Vec<_> = tape.iter_venue().collect();
    let first = events.iter().position(|e| !matches!(e, MarketEvent::Trade(_))).unwrap();
    let begin = events[first].venue_time();
    (events[first..].to_vec(), begin)
}

/// Best bid and ask.
type Touch = (Level, Level);

fn touch_of(event: &MarketEvent) -> Option<Touch> {
    match event {
        MarketEvent::Book(b) => Some((
            b.bids().first().copied().unwrap_or_default(),
            b.asks().first().copied().unwrap_or_default(),
        )),
        MarketEvent::Bbo(b) => Some((b.bid, b.ask)),
        _ => None,
    }
}

#[test]
fn books_of_a_tape_are_told_at_their_mapped_times() {
    const SPEED: i64 = 4;
    let (recording, report) = played(None);
    assert!(!report.files.is_empty());
    let coins: Vec<_> = recording.universe().iter().map(|(_, i)| i.coin.to_string()).collect();
    assert_eq!(coins, ["BTC", "SOL"], "what is recorded, in the configured order");
    let universe = local::listed(recording.universe().iter().map(|(_, i)| *i));
    let (events, first) = sample_events(&universe);
    let (say, lines) = listening();
    let speed = SPEED.to_string().parse().unwrap();
    let market = recording.market(START, speed, QueueModel::RiskAverse, say);
    let mut world = World::new(&universe, Box::new(market), Vec::new());
    let meta = world.info(json!({"type": "meta"}));
    assert_eq!(meta["universe"].as_array().unwrap().len(), 2);

    let lasts = Nanos(recording.span().0 / SPEED);
    let told = world.run(lasts + Nanos::secs(2));
    // What was displayed last by a moment, told by the raw recording alone.
    let last_by = |asset: AssetId, at: Nanos| {
        let due = events.partition_point(|e| mapped(e.venue_time(), first, SPEED) <= at);
        events[..due].iter().rev().find(|e| e.asset() == asset && touch_of(e).is_some())
    };
    let (mut touches, mut books) = (0, 0);
    for event in &told {
        let Some(touch) = touch_of(event) else { continue };
        let shown = last_by(event.asset(), event.venue_time()).expect("nothing was recorded yet");
        assert_eq!(touch, touch_of(shown).unwrap(), "{event:?}");
        touches += 1;
        if let (MarketEvent::Book(told), MarketEvent::Book(shown)) = (event, shown) {
            assert_eq!((told.bids(), told.asks()), (shown.bids(), shown.asks()));
            books += 1;
        }
    }
    assert!(touches > 150 && books > 30, "{touches} touches, {books} whole books");
    let trades = told.iter().filter(|e| matches!(e, MarketEvent::Trade(_))).count();
    let recorded = events.iter().filter(|e| matches!(e, MarketEvent::Trade(_))).count();
    // The first ones come before the client has subscribed.
    assert!(trades <= recorded && trades + 10 > recorded, "{trades} of {recorded} trades");
    assert_eq!(lines.lock().unwrap().len(), 1, "{lines:?}");

    let (still, last) = (world.run(Nanos::secs(3)), last_by(AssetId::new(0), world.now).unwrap());
    let book = still.iter().rfind(|e| e.asset() == AssetId::new(0)).unwrap();
    assert_eq!(touch_of(book), touch_of(last), "the market stands still");
    assert_eq!(lines.lock().unwrap().len(), 1, "its end is said once: {lines:?}");
}

/// One book (99 x 5, 101 x 5), and after ten seconds a sell of 3 at 98.
fn by_hand() -> (Recording, Universe) {
    let coin = settings().instrument("SOL").unwrap();
    let universe = local::listed([coin]);
    let level = |px: i64| Level { px: Px::whole(px), qty: Qty::whole(5) };
    let mut book = BookSnapshot { venue_time: Nanos::secs(1_000), ..BookSnapshot::EMPTY };
    (book.bids[0], book.asks[0]) = (level(99), level(101));
    (book.bid_count, book.ask_count) = (1, 1);
    let trade = |at: i64, px: i64, tid| {
        MarketEvent::Trade(Trade {
            aggressor: Side::Ask,
            venue_time: Nanos::secs(1_000 + at),
            px: Px::whole(px),
            qty: Qty::whole(3),
            tid,
            ..Trade::default()
        })
    };
    let tape = Tape::build([trade(-60, 97, 7), MarketEvent::Book(book), trade(10, 98, 42)]);
    (Recording::new(tape, universe.clone()).unwrap(), universe)
}

#[test]
fn a_resting_order_fills_when_the_tape_trades_through_it() {
    let (recording, universe) = by_hand();
    let (say, _) = listening();
    let speed: Speed = "2".parse().unwrap();
    let market = recording.market(START, speed, QueueModel::RiskAverse, say);
    let mut world = World::new(&universe, Box::new(market), Vec::new());
    let through = world.order(Side::Bid, "98.5", "0.2", TimeInForce::Alo);
    assert!(through["resting"]["oid"].is_u64(), "{through}");
    let behind = world.order(Side::Bid, "97.5", "0.2", TimeInForce::Alo);
    assert!(behind["resting"]["oid"].is_u64(), "{behind}");
    let crossing = world.order(Side::Bid, "101", "0.2", TimeInForce::Alo);
    assert!(crossing["error"].as_str().unwrap().contains("Post only"), "{crossing}");
    world.run(START + Nanos::millis(4_950) - world.now);
    assert!(world.fills().is_empty(), "what was traded before the first book is left out");
    world.run(Nanos::millis(300));
    let fills = world.fills();
    assert_eq!(fills.len(), 1, "{fills:?}");
    assert_eq!((&fills[0]["px"], &fills[0]["sz"]), (&json!("98.5"), &json!("0.2")));
    assert_eq!((&fills[0]["tid"], &fills[0]["crossed"]), (&json!(42), &json!(false)));
    let late_ms = fills[0]["time"].as_i64().unwrap() - START.as_millis() - 5_000;
    assert!((0..80).contains(&late_ms), "in the first block after its time, not {late_ms} ms");
    // An aggressive order eats what is displayed, which stays eaten.
    let taken = world.order(Side::Bid, "101", "4", TimeInForce::Ioc);
    assert_eq!(taken["filled"]["totalSz"], "4.0", "{taken}");
    let rest = world.order(Side::Bid, "101", "4", TimeInForce::Ioc);
    assert_eq!(rest["filled"]["totalSz"], "1.0", "{rest}");
}

#[test]
fn two_runs_are_equal() {
    let run = || {
        let (recording, _) = played(Some("SOL"));
        let universe = local::listed(recording.universe().iter().map(|(_, i)| *i));
        let (say, _) = listening();
        let speed = "7.5".parse().unwrap();
        let market = recording.market(START, speed, QueueModel::ProbLog, say);
        let mut world = World::new(&universe, Box::new(market), Vec::new());
        let mut told = world.run(Nanos::secs(2));
        let (bid, ask) = told.iter().rev().find_map(touch_of).unwrap();
        let qty = universe.get(AssetId::new(0)).lot().raw() * 100;
        let qty = Qty::from_raw(qty).to_string();
        for (side, level) in [(Side::Bid, bid), (Side::Ask, ask)] {
            world.order(side, &level.px.to_string(), &qty, TimeInForce::Alo);
        }
        told.extend(world.run(Nanos::secs(15)));
        (told, world.fills())
    };
    let (told, fills) = run();
    assert!(!told.is_empty() && !fills.is_empty(), "{} fills", fills.len());
    assert_eq!((told, fills), run());
}

/// An exchange that mirrors another, both in virtual time.
struct Mirrored {
    source: World,
    mirror: World,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Mirrored {
    /// The source has these faults.
    fn new(faults: Vec<Fault>) -> Self {
        let settings = settings();
        let coin = |name| settings.instrument(name).unwrap();
        let universe = local::listed(["BTC", "SOL"].map(coin));
        let synthetic = local::synthetic(&universe, START, 3);
        let source = World::new(&universe, Box::new(synthetic), faults);
        let (say, lines) = listening();
        let transport = source.host.transport(Nanos::millis(1));
        let feed = Mirror::new(transport, universe.clone(), 1, "source", Box::new(|| None), say);
        let market = RecordedMarket::told_by(feed, &universe, QueueModel::RiskAverse);
        let mirror = World::new(&universe, Box::new(market.publishing()), Vec::new());
        Self { source, mirror, lines }
    }

    /// What either client was told.
    fn run(&mut self, span: Nanos) -> [Vec<MarketEvent>; 2] {
        let (end, mut told) = (self.source.now + span, [Vec::new(), Vec::new()]);
        while self.source.now < end {
            self.source.step(&mut told[0]);
            self.mirror.step(&mut told[1]);
        }
        told
    }
}

#[test]
fn a_mirror_shows_what_its_source_showed() {
    let mut both = Mirrored::new(Vec::new());
    let [shown, told] = both.run(Nanos::secs(30));
    let mut touches: BTreeMap<AssetId, Vec<(Nanos, Touch)>> = BTreeMap::new();
    let mut books = Vec::new();
    for event in &shown {
        if let Some(touch) = touch_of(event) {
            touches.entry(event.asset()).or_default().push((event.recv_time(), touch));
        }
        if let MarketEvent::Book(book) = event {
            books.push((book.asset, book.bids(), book.asks()));
        }
    }
    let (mut checked, mut whole) = (0, 0);
    for event in &told {
        let Some(touch) = touch_of(event) else { continue };
        let shown = &touches[&event.asset()];
        let age = |at: &Nanos| event.recv_time() - *at;
        let recent = shown.iter().filter(|(at, _)| (0..500).contains(&age(at).as_millis()));
        let newest_before =
            shown.iter().rev().find(|(at, _)| age(at) >= Nanos::millis(500)).map(|(_, t)| t);
        let mut known = recent.map(|(_, t)| t).chain(newest_before);
        assert!(known.any(|t| *t == touch), "the source never showed {event:?}");
        checked += 1;
        if let MarketEvent::Book(book) = event {
            whole += usize::from(books.contains(&(book.asset, book.bids(), book.asks())));
        }
    }
    assert!(checked > 300 && whole > 10, "{checked} touches, {whole} whole books");
    let tids = |told: &[MarketEvent]| -> Vec<u64> {
        let tid = |e: &MarketEvent| if let MarketEvent::Trade(t) = e { Some(t.tid) } else { None };
        told.iter().filter_map(tid).collect()
    };
    let (theirs, ours) = (tids(&shown), tids(&told));
    assert!(ours.len() > 10 && ours.iter().all(|tid| theirs.contains(tid)), "{}", ours.len());
    assert!(both.lines.lock().unwrap().is_empty(), "{:?}", both.lines);
}

#[test]
fn a_lost_source_is_no_news_and_comes_back() {
    let kind = FaultKind::Drop { who: Who::All };
    let lost = Fault { kind, start: Nanos::secs(10), duration: Nanos::secs(20) };
    let mut both = Mirrored::new(vec![lost]);
    both.run(Nanos::millis(9_900));
    let last = both.mirror.info(json!({"type": "l2Book", "coin": "BTC"}));
    both.source.now = both.mirror.now;
    both.run(Nanos::secs(1));
    let [_, blind] = both.run(Nanos::secs(8));
    assert!(blind.iter().all(|e| matches!(e, MarketEvent::Status(_))), "{:?}", blind.first());
    let book = both.mirror.info(json!({"type": "l2Book", "coin": "BTC"}));
    both.source.now = both.mirror.now;
    let age_ms = both.mirror.now.as_millis() - book["time"].as_i64().unwrap();
    assert!(age_ms >= 8_000, "a book {age_ms} ms old says how old it is");
    assert_eq!(last["levels"][0].as_array().unwrap().len(), 20);
    let universe = both.mirror.host.with(|h| h.inner().venue().universe().clone());
    both.mirror.feed = HlFeed::new(
        both.mirror.host.transport(STEP),
        universe,
        FeedConfig { seed: 2, ..FeedConfig::default() },
        VenueClock::default(),
    );
    let [_, late] = both.run(Nanos::secs(1));
    assert!(late.iter().all(|e| touch_of(e).is_none()), "a newcomer is told no old book");
    let ask = book["levels"][1][5]["px"].as_str().unwrap().to_owned();
    let taken = both.mirror.order(Side::Bid, &ask, "0.01", TimeInForce::Ioc);
    assert!(taken["error"].is_string(), "nobody trades with what is out of sight: {taken}");
    both.source.now = both.mirror.now;
    assert_eq!(both.lines.lock().unwrap().len(), 1);
    assert!(both.lines.lock().unwrap()[0].contains("source: no books of BTC, SOL"));

    both.run(Nanos::secs(30));
    let [_, told] = both.run(Nanos::secs(5));
    assert!(told.iter().filter(|e| touch_of(e).is_some()).count() > 20, "{}", told.len());
    let lines = both.lines.lock().unwrap().clone();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[1].contains("source is back"), "{lines:?}");
}

#[test]
fn the_sources_trades_fill_orders_on_the_mirror() {
    let mut both = Mirrored::new(Vec::new());
    let [_, told] = both.run(Nanos::secs(2));
    let btc = |e: &&MarketEvent| e.asset() == AssetId::new(0);
    let (bid, ask) = told.iter().rev().filter(btc).find_map(touch_of).unwrap();
    for (side, level) in [(Side::Bid, bid), (Side::Ask, ask)] {
        let answer = both.mirror.order(side, &level.px.to_string(), "0.01", TimeInForce::Alo);
        assert!(answer["resting"]["oid"].is_u64(), "{answer}");
        both.source.now = both.mirror.now;
    }
    let [shown, _] = both.run(Nanos::secs(60));
    let fills = both.mirror.fills();
    assert!(!fills.is_empty(), "a minute, and neither side was filled");
    for fill in &fills {
        let px = Px::parse(fill["px"].as_str().unwrap().trim_end_matches(".0")).unwrap();
        let is_bid = fill["side"] == "B";
        assert_eq!((px, &fill["crossed"]), (if is_bid { bid.px } else { ask.px }, &json!(false)));
        // The source traded there or beyond.
        let reached = shown.iter().filter(btc).any(|e| match e {
            MarketEvent::Trade(t) if is_bid => t.px <= px,
            MarketEvent::Trade(t) => t.px >= px,
            _ => false,
        });
        assert!(reached, "{fill}");
    }
}
