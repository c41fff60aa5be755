//! The whole tick: bytes of an `l2Book` frame in, order action out.
//!
//! `cargo bench --bench tick`. The five stages as `wiring::build` makes them, polled in one lane on
//! one thread. A frame is decoded by the feed, and the tick ends when the gateway has the action
//! (unsigned). Every book is moved, so that a tick asks for all four resting orders to be modified;
//! ticks that ask for less (both sides moved by less than the threshold) are counted, not timed.
//! Between two ticks, not timed, the venue takes every order and its answers are polled in.

mod harness;

use botmm_pipeline::rt::{Cycle, In, Out, Stage, ring};
use botmm_pipeline::stage::records::RecordsIn;
use botmm_pipeline::types::limits::RING_SIM;
use botmm_pipeline::types::{
    Action, ActionKind, BookSnapshot, LentEvent, Nanos, Side, Universe, VenueEvent,
};
use botmm_pipeline::venue::hl::clock::VenueClock;
use botmm_pipeline::venue::hl::{Channel, Decoder};
use botmm_pipeline::venue::sim::link::SimGateway;
use botmm_pipeline::venue::tap::TapIn;
use botmm_pipeline::wiring::{self, Config};
use harness::engine::{Engine, FrameFeed};
use harness::made::{self, Venue};
use harness::{Samples, Stopwatch};
use std::hint::black_box;

const BOOKS: usize = 256;
/// Dollars that the mid moves from one book to the next: 3 bps, six times the threshold.
const MOVE: i64 = 20;
const TICKS: usize = 100_000;
/// Ticks before the first timed one: the volatility warms up, the first orders are placed.
const FIRST_TICKS: usize = 512;
/// Time between two books, as at the venue.
const BOOK_INTERVAL: Nanos = Nanos::millis(500);
/// From an action to the venue's answer.
const ANSWER_AFTER: Nanos = Nanos::millis(50);
/// Orders of both sides.
const ORDERS: u8 = 4;

fn main() {
    harness::print_rig();
    let frames = Frames::new();
    let (mut rig, mut split_rig) = (Rig::new(Engine::lane, false), Rig::new(Engine::Stages, false));
    let mut captured_rig = Rig::new(Engine::lane, true);
    for rig in [&mut rig, &mut split_rig, &mut captured_rig] {
        (0..FIRST_TICKS).for_each(|_| rig.untimed_tick(&frames));
        assert!(rig.modifies > FIRST_TICKS / 2, "most ticks move all four orders");
    }
    assert_eq!(rig.last, split_rig.last, "a lane does what its stages do");
    assert_eq!(rig.last, captured_rig.last, "a captured lane does the same");
    assert!(captured_rig.kept > 2 * FIRST_TICKS, "frames and cycles were kept");
    time(&frames, rig, split_rig, captured_rig);
}

fn time(frames: &Frames, mut rig: Rig, mut split_rig: Rig, mut captured_rig: Rig) {
    let watch = Stopwatch::new();
    let mut decode_alone = DecodeAlone::new();
    let mut decode = Samples::new("decode alone");
    let mut whole = Samples::new("whole tick, through a lane");
    let mut captured = Samples::new("the same, captured");
    let names = botmm_pipeline::stage::NAMES;
    let mut split = names.map(|name| Samples::new(&format!("{name} stage")));
    let (ticks, turn) = (harness::calls(TICKS), harness::TURN);
    let mut counted = 0;
    for _ in 0..ticks.div_ceil(turn) {
        for _ in 0..turn.min(ticks) {
            decode.record(decode_alone.step(frames, &watch));
        }
        for _ in 0..turn.min(ticks) {
            counted += 1;
            let poll = |engine: &mut Engine, now| {
                watch.time(&mut || {
                    engine.poll(now);
                })
            };
            if let Some(ns) = rig.tick(frames, poll) {
                whole.record(ns);
            }
            if let Some(ns) = captured_rig.tick(frames, poll) {
                captured.record(ns);
            }
        }
        for _ in 0..turn.min(ticks) {
            let spans = split_rig.tick(frames, |engine, now| engine.poll_split(now, &watch));
            for (samples, ns) in split.iter_mut().zip(spans.into_iter().flatten()) {
                samples.record(ns);
            }
        }
    }
    let [decode, whole, captured] = [decode, whole, captured].map(|samples| samples.percentiles());
    let dropped = rig.dropped() + captured_rig.dropped();
    assert_eq!(dropped, 0, "nothing was dropped or superseded");
    let bytes = frames.texts.iter().map(String::len).sum::<usize>() / BOOKS;
    let title = format!("l2Book frame of {bytes} bytes in, {ORDERS} modifies out");
    harness::print_table(&title, &[decode.clone(), whole.clone(), captured.clone()]);
    println!(
        "  whole tick / decode = {:.2} (p50 of one run, in turns); {} of {counted} ticks timed",
        whole.p50_ns / decode.p50_ns.max(1.0),
        whole.calls
    );
    println!(
        "  captured / not captured: p50 {:.3}, p99 {:.3} (of one run, tick by tick in turns)",
        captured.p50_ns / whole.p50_ns.max(1.0),
        captured.p99_ns / whole.p99_ns.max(1.0)
    );
    let split = split.map(|s| s.percentiles());
    harness::print_table("the same tick, each stage's poll timed (feed = decode + push)", &split);
    let sum: f64 = split.iter().map(|s| s.p50_ns).sum();
    println!("  whole tick / sum of the stages = {:.2} (of p50s)", whole.p50_ns / sum.max(1.0));
}

/// Prepared frames of moving books.
struct Frames {
    books: Vec<BookSnapshot>,
    texts: Vec<String>,
    /// Where the digits of `time` begin in each.
    time_at: Vec<usize>,
}

impl Frames {
    fn new() -> Self {
        let (books, universe) = (made::books(BOOKS, MOVE), made::btc());
        let texts: Vec<_> = books.iter().map(|b| made::frame_of(b, &universe)).collect();
        let key = r#""time":"#;
        let time_at = texts.iter().map(|t| t.find(key).map_or(0, |at| at + key.len())).collect();
        Self { books, texts, time_at }
    }

    /// Writes the `tick`-th frame: the books in turn, each with a time of its own.
    fn write(&self, tick: usize, into: &mut Vec<u8>) {
        let (i, time) = (tick % BOOKS, (made::START.as_millis() + 500 * tick as i64).to_string());
        into.clear();
        into.extend_from_slice(self.texts[i].as_bytes());
        into[self.time_at[i]..][..time.len()].copy_from_slice(time.as_bytes());
    }
}

/// The decoder by itself, on the same frames.
struct DecodeAlone {
    decoder: Decoder,
    universe: Universe,
    frame: Vec<u8>,
    tick: usize,
}

impl DecodeAlone {
    fn new() -> Self {
        Self { decoder: Decoder::new(), universe: made::btc(), frame: Vec::new(), tick: 0 }
    }

    fn step(&mut self, frames: &Frames, watch: &Stopwatch) -> u64 {
        let Self { decoder, universe, frame, tick } = self;
        frames.write(*tick, frame);
        *tick += 1;
        let mut channel = None;
        let ns = watch.time(&mut || {
            let sink = |e: LentEvent<'_>| {
                black_box(e);
            };
            channel = decoder.decode(black_box(&frame[..]), made::START, universe, sink).ok();
        });
        assert_eq!((channel, decoder.fallbacks()), (Some(Channel::Book), 0));
        ns
    }
}

/// A pipeline between a feed of frames and a venue that takes every order.
struct Rig {
    engine: Engine,
    records: Vec<RecordsIn>,
    rings: Vec<std::sync::Arc<botmm_pipeline::rt::RingStats>>,
    arrived: Out<Vec<u8>>,
    spent: In<Vec<u8>>,
    actions: In<Action>,
    answers: Out<VenueEvent>,
    /// Where copies of frames and duty cycles come out, and how many did.
    captured: Option<(TapIn, In<Cycle>)>,
    kept: usize,
    venue: Venue,
    tick: usize,
    /// The last action that came out.
    last: Action,
    /// Ticks that modified every order.
    modifies: usize,
}

impl Rig {
    fn new(engine: impl FnOnce(Vec<Box<dyn Stage>>) -> Engine, is_captured: bool) -> Self {
        let universe = made::btc();
        let config = Config {
            universe: universe.clone(),
            params: vec![made::params()],
            session: 1,
            lossless: false,
            risk: None,
            venue_clock: VenueClock::default(),
            commentary: botmm_pipeline::types::limits::RING_COMMENTARY,
        };
        let (arrived, frames_rx) = ring("bench->feed", 2);
        let (spent_tx, spent) = ring("feed->bench", 2);
        let (feed, copies) = FrameFeed::new(universe, (frames_rx, spent_tx), is_captured);
        let (actions_tx, actions) = ring("dispatch->bench", RING_SIM);
        let (answers, events) = ring("bench->dispatch", RING_SIM);
        let gateway = SimGateway { actions: actions_tx, events };
        let wiring::Pipeline { mut stages, records, rings, shared, .. } =
            wiring::build(&config, feed, gateway);
        stages.iter_mut().for_each(|s| s.on_start());
        let mut engine = engine(stages);
        let captured = copies.map(|copies| (copies, engine.record(shared)));
        Self {
            engine,
            captured,
            kept: 0,
            records,
            rings,
            arrived,
            spent,
            actions,
            answers,
            venue: Venue::default(),
            tick: 0,
            last: Action::default(),
            modifies: 0,
        }
    }

    fn untimed_tick(&mut self, frames: &Frames) {
        self.tick(frames, |engine, now| engine.poll(now));
    }

    /// One tick by `poll`; what it returned if the tick modified every order.
    fn tick<T>(
        &mut self,
        frames: &Frames,
        poll: impl FnOnce(&mut Engine, Nanos) -> T,
    ) -> Option<T> {
        let now = made::START + Nanos(BOOK_INTERVAL.0 * self.tick as i64);
        let mut frame = self.spent.pop().unwrap_or_default();
        frames.write(self.tick, &mut frame);
        assert!(self.arrived.push(frame).is_ok(), "the last frame was taken");
        let result = poll(&mut self.engine, now);
        self.tick += 1;
        let is_full = self.take_actions(frames, now);
        self.deliver_answers(now + ANSWER_AFTER);
        is_full.then_some(result)
    }

    /// Checks what came out. True when it was one action that modifies every order.
    fn take_actions(&mut self, frames: &Frames, now: Nanos) -> bool {
        let (mut actions, mut is_full) = (0, false);
        while let Some(action) = self.actions.pop() {
            let book = &frames.books[(self.tick - 1) % BOOKS];
            let cause = (action.cause.market_seq, action.cause.recv_time, action.sent_time);
            assert_eq!(cause, (self.tick as u64, now, now), "this frame caused it");
            for item in action.items().iter().filter(|_| action.kind != ActionKind::Cancel) {
                let touch = book.side(item.side.opposite())[0].px;
                let behind = match item.side {
                    Side::Bid => item.px < touch,
                    Side::Ask => item.px > touch,
                };
                assert!(behind, "{item:?} would cross {touch}");
            }
            self.venue.take(now, &action);
            is_full = action.kind == ActionKind::Modify && action.len == ORDERS;
            (actions, self.last) = (actions + 1, action);
        }
        let is_full = is_full && actions == 1;
        self.modifies += usize::from(is_full);
        is_full
    }

    /// The venue's answers come in; whatever is kept for the side thread is thrown away.
    fn deliver_answers(&mut self, now: Nanos) {
        while let Some(answer) = self.venue.next() {
            assert!(self.answers.push(answer).is_ok(), "a few answers cannot fill a ring");
        }
        while self.engine.poll(now) > 0 {}
        assert_eq!(self.actions.pop(), None, "an answer changes nothing that we want");
        for ring in &mut self.records {
            while ring.pop().is_some() {}
        }
        if let Engine::Lane(_, latencies) = &mut self.engine {
            latencies.drain();
        }
        self.kept += harness::engine::drain(&mut self.captured);
    }

    fn dropped(&self) -> u64 {
        self.rings.iter().map(|r| r.dropped()).sum()
    }
}
