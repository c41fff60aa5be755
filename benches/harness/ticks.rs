//! Ticks for benches: frames of a book that moves, and the whole pipeline between them and a venue that takes every
//! order. Every book is moved, so that a tick asks for all four resting orders to be modified.

use super::engine::{self, Engine, FrameFeed};
use super::made::{self, Venue};
use botmm_pipeline::rt::{Cycle, In, Out, RingStats, Stage, ring};
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::stage::records::RecordsIn;
use botmm_pipeline::types::limits::RING_SIM;
use botmm_pipeline::types::{Action, ActionKind, BookSnapshot, Nanos, Side, VenueEvent};
use botmm_pipeline::venue::Gateway;
use botmm_pipeline::venue::sim::link::SimGateway;
use botmm_pipeline::venue::tap::TapIn;
use botmm_pipeline::wiring::{self, Config};
use std::sync::Arc;

/// Different books, in turn.
pub const BOOKS: usize = 256;
/// Dollars that the mid moves from one book to the next: 3 bps, six times the threshold.
const MOVE: i64 = 20;
/// Ticks before the first that counts: the volatility warms up, the first orders are placed.
pub const FIRST_TICKS: usize = 512;
/// Time between two books, as at the venue.
const BOOK_INTERVAL: Nanos = Nanos::millis(500);
/// From an action to the venue's answer.
const ANSWER_AFTER: Nanos = Nanos::millis(50);
/// Orders of both sides.
pub const ORDERS: u8 = 4;

/// Prepared frames of moving books.
pub struct Frames {
    books: Vec<BookSnapshot>,
    /// As the venue writes them.
    pub texts: Vec<String>,
    /// Where the digits of `time` begin in each.
    time_at: Vec<usize>,
}

impl Frames {
    /// All of them.
    pub fn new() -> Self {
        let (books, universe) = (made::books(BOOKS, MOVE), made::btc());
        let texts: Vec<_> = books.iter().map(|b| made::frame_of(b, &universe)).collect();
        let key = r#""time":"#;
        let time_at = texts.iter().map(|t| t.find(key).map_or(0, |at| at + key.len())).collect();
        Self { books, texts, time_at }
    }

    /// Writes the `tick`-th frame: the books in turn, each with a time of its own.
    pub fn write(&self, tick: usize, into: &mut Vec<u8>) {
        let (i, time) = (tick % BOOKS, (made::START.as_millis() + 500 * tick as i64).to_string());
        into.clear();
        into.extend_from_slice(self.texts[i].as_bytes());
        into[self.time_at[i]..][..time.len()].copy_from_slice(time.as_bytes());
    }
}

/// Of one coin, with starting parameters.
pub fn config() -> Config {
    Config::new(made::btc(), vec![made::params()])
}

/// A pipeline between a feed of frames and a venue that takes every order.
pub struct Rig {
    engine: Engine,
    records: Vec<RecordsIn>,
    rings: Vec<Arc<RingStats>>,
    arrived: Out<Vec<u8>>,
    spent: In<Vec<u8>>,
    actions: In<Action>,
    answers: Out<VenueEvent>,
    pub metrics: Arc<Metrics>,
    /// Where copies of frames and duty cycles come out, and how many did.
    captured: Option<(TapIn, In<Cycle>)>,
    pub kept: usize,
    venue: Venue,
    tick: usize,
    /// The last action that came out.
    pub last: Action,
    /// Ticks that modified every order.
    pub modifies: usize,
}

impl Rig {
    /// With the stages in that engine.
    pub fn new(make: impl FnOnce(Vec<Box<dyn Stage>>) -> Engine, is_captured: bool) -> Self {
        Self::sending(make, |gateway| gateway, is_captured)
    }

    /// The same, with something between dispatch and the venue.
    pub fn sending<G: Gateway + 'static>(
        make: impl FnOnce(Vec<Box<dyn Stage>>) -> Engine,
        gateway: impl FnOnce(SimGateway) -> G,
        is_captured: bool,
    ) -> Self {
        let config = config();
        let universe = config.universe.clone();
        let (arrived, frames_rx) = ring("bench->feed", 2);
        let (spent_tx, spent) = ring("feed->bench", 2);
        let (feed, copies) = FrameFeed::new(universe, (frames_rx, spent_tx), is_captured);
        let (actions_tx, actions) = ring("dispatch->bench", RING_SIM);
        let (answers, events) = ring("bench->dispatch", RING_SIM);
        let gateway = gateway(SimGateway { actions: actions_tx, events });
        let wiring::Pipeline { mut stages, records, rings, metrics, shared, .. } =
            wiring::build(&config, feed, gateway);
        // As a lane does, before the first poll.
        for stage in &mut stages {
            stage.fault_in();
            stage.on_start();
        }
        let mut engine = make(stages);
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
            metrics,
            venue: Venue::default(),
            tick: 0,
            last: Action::default(),
            modifies: 0,
        }
    }

    /// A turn of its engine while nothing comes.
    pub fn idle<T>(&mut self, turn: impl FnOnce(&mut Engine, Nanos) -> T) -> T {
        let now = made::START + Nanos(BOOK_INTERVAL.0 * self.tick as i64);
        turn(&mut self.engine, now)
    }

    /// A tick of which nobody wants to know anything.
    pub fn untimed_tick(&mut self, frames: &Frames) {
        self.tick(frames, |engine, now| engine.poll(now));
    }

    /// One tick by `poll`; what it returned if the tick modified every order.
    pub fn tick<T>(
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
        self.kept += engine::drain(&mut self.captured);
    }

    /// What rings lost.
    pub fn dropped(&self) -> u64 {
        self.rings.iter().map(|r| r.dropped()).sum()
    }
}
