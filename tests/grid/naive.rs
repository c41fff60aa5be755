//! The field's book-replay semantics and its grid job, written down once more and as plainly as can be: two
//! books, two queues of messages, a list of orders that is walked. Nothing here is shared with the venue's
//! simulator, so that each can find the other's mistakes.
#![allow(dead_code, reason = "the peers' workspace uses it as well")]

use super::feed::{DEPTH, LOT, Row, SNAPSHOT, TRADE};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::iter::Peekable;

/// Orders wanted on a side.
const LEVELS: i64 = 10;
/// Ticks between two of them.
const GRID: i64 = 2;
const STEP_NS: i64 = 100_000_000;
const NEVER: i64 = i64::MAX;

/// The share of a decrease that happens behind us.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Queue {
    RiskAverse,
    Power(f64),
    Power2(f64),
    Power3(f64),
    Log,
    Log2,
}

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    pub queue: Queue,
    /// Half spread, in half ticks.
    pub half: i64,
    /// Of an order.
    pub lots: i64,
    /// Of an order to the venue, and of an answer back.
    pub latency_ns: i64,
}

/// One execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fill {
    pub exch_ts: i64,
    pub id: i64,
    pub recv_ts: i64,
    pub tick: i64,
    pub exec_tick: i64,
    pub lots: i64,
    pub leaves_lots: i64,
    pub maker: bool,
}

/// The first line of a file of fills.
pub const COLUMNS: &str = "exch_ts,recv_ts,side,tick,exec_tick,lots,leaves_lots,maker";

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exch_ts, id, recv_ts, tick, exec_tick, lots, leaves_lots, maker } = self;
        let (side, maker) = (if id % 2 == 0 { "buy" } else { "sell" }, u8::from(*maker));
        write!(f, "{exch_ts},{recv_ts},{side},{tick},{exec_tick},{lots},{leaves_lots},{maker}")
    }
}

/// All executions of a job, by time and order. `local` and `venue` are the same rows twice.
pub fn run(
    local: impl Iterator<Item = Row>,
    venue: impl Iterator<Item = Row>,
    job: Job,
) -> Vec<Fill> {
    let mut world = World::new(local.peekable(), venue.peekable(), job);
    while world.elapse() {
        world.decide();
    }
    world.fills.sort();
    world.fills
}

/// One displayed book.
#[derive(Default)]
struct Book {
    bids: BTreeMap<i64, f64>,
    asks: BTreeMap<i64, f64>,
    best_bid: Option<i64>,
    best_ask: Option<i64>,
}

impl Book {
    /// A level becomes this; what it was.
    fn set(&mut self, row: &Row) -> f64 {
        let (tick, is_gone) = (row.tick, row.lots == 0);
        let side = if row.is_buy() { &mut self.bids } else { &mut self.asks };
        let before =
            if is_gone { side.remove(&tick) } else { side.insert(tick, row.qty()) }.unwrap_or(0.0);
        let below = |side: &BTreeMap<i64, f64>, tick| side.range(..tick).next_back().map(|l| *l.0);
        let above =
            |side: &BTreeMap<i64, f64>, tick: i64| side.range(tick + 1..).next().map(|l| *l.0);
        match (row.is_buy(), is_gone) {
            (true, true) if self.best_bid == Some(tick) => self.best_bid = below(&self.bids, tick),
            (false, true) if self.best_ask == Some(tick) => self.best_ask = above(&self.asks, tick),
            (true, false) if self.best_bid.is_none_or(|best| tick > best) => {
                self.best_bid = Some(tick);
                // Ask levels that a bid has reached stay, and are no longer the best.
                if self.best_ask.is_some_and(|ask| tick >= ask) {
                    self.best_ask = above(&self.asks, tick);
                }
            }
            (false, false) if self.best_ask.is_none_or(|best| tick < best) => {
                self.best_ask = Some(tick);
                if self.best_bid.is_some_and(|bid| tick <= bid) {
                    self.best_bid = below(&self.bids, tick);
                }
            }
            _ => {}
        }
        before
    }

    fn shown(&self, is_buy: bool, tick: i64) -> f64 {
        let side = if is_buy { &self.bids } else { &self.asks };
        side.get(&tick).copied().unwrap_or(0.0)
    }
}

/// An order at the venue.
struct Resting {
    id: i64,
    ahead: f64,
    /// Since the last row of its level.
    traded: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Sent,
    Live,
    Over,
}

/// An order as we know it.
#[derive(Clone, Copy, Debug)]
struct Known {
    status: Status,
    is_pending: bool,
    asked_at: i64,
}

#[derive(Clone, Copy)]
enum Request {
    Place(i64),
    /// And when it was asked for.
    Cancel(i64, i64),
}

enum Answer {
    Accepted(i64),
    Expired(i64),
    Canceled(i64),
    Filled(i64),
    /// Nothing rests under that id; when the cancel was asked for.
    Rejected(i64, i64),
}

struct World<L: Iterator<Item = Row>, V: Iterator<Item = Row>> {
    job: Job,
    now: Option<i64>,
    local_rows: Peekable<L>,
    venue_rows: Peekable<V>,
    local: Book,
    venue: Book,
    requests: VecDeque<(i64, Request)>,
    answers: VecDeque<(i64, Answer)>,
    resting: Vec<Resting>,
    known: BTreeMap<i64, Known>,
    position_lots: i64,
    fills: Vec<Fill>,
}

impl<L: Iterator<Item = Row>, V: Iterator<Item = Row>> World<L, V> {
    fn new(local_rows: Peekable<L>, venue_rows: Peekable<V>, job: Job) -> Self {
        Self {
            job,
            now: None,
            local_rows,
            venue_rows,
            local: Book::default(),
            venue: Book::default(),
            requests: VecDeque::new(),
            answers: VecDeque::new(),
            resting: Vec::new(),
            known: BTreeMap::new(),
            position_lots: 0,
            fills: Vec::new(),
        }
    }

    /// When the next local row, answer, row of the venue and request are due.
    fn due(&mut self) -> [i64; 4] {
        [
            self.local_rows.peek().map_or(NEVER, |row| row.local_ts),
            self.answers.front().map_or(NEVER, |(at, _)| *at),
            self.venue_rows.peek().map_or(NEVER, |row| row.exch_ts),
            self.requests.front().map_or(NEVER, |(at, _)| *at),
        ]
    }

    /// Passes one step of time; false at the end of the data.
    fn elapse(&mut self) -> bool {
        let first = self.due().into_iter().min().unwrap_or(NEVER);
        let until = self.now.unwrap_or(first).saturating_add(STEP_NS);
        loop {
            let due = self.due();
            let next = due.into_iter().min().unwrap_or(NEVER);
            if next == NEVER {
                return false;
            }
            if next > until {
                self.now = Some(until);
                return true;
            }
            // Of equal moments the first in the list.
            match due.iter().position(|at| *at == next) {
                Some(0) => self.on_local_row(),
                Some(1) => self.on_answer(),
                Some(2) => self.on_venue_row(),
                _ => self.on_request(next),
            }
        }
    }

    fn on_local_row(&mut self) {
        let Some(row) = self.local_rows.next() else { return };
        if row.kind() != TRADE {
            self.local.set(&row);
        }
    }

    fn on_answer(&mut self) {
        let Some((_, answer)) = self.answers.pop_front() else { return };
        let mut is_now = |id: i64, status| {
            if let Some(known) = self.known.get_mut(&id) {
                (known.status, known.is_pending) = (status, false);
            }
        };
        match answer {
            Answer::Accepted(id) => is_now(id, Status::Live),
            Answer::Expired(id) | Answer::Canceled(id) => is_now(id, Status::Over),
            Answer::Filled(id) => {
                is_now(id, Status::Over);
                self.position_lots += if id % 2 == 0 { self.job.lots } else { -self.job.lots };
            }
            Answer::Rejected(id, asked_at) => {
                if let Some(known) = self.known.get_mut(&id).filter(|k| k.asked_at == asked_at) {
                    known.is_pending = false;
                }
            }
        }
    }

    fn on_venue_row(&mut self) {
        let Some(row) = self.venue_rows.next() else { return };
        match row.kind() {
            TRADE => self.on_trade(&row),
            DEPTH | SNAPSHOT => self.on_level(&row),
            other => panic!("no row of kind {other} is made"),
        }
    }

    fn on_trade(&mut self, row: &Row) {
        // Who sold meets bids.
        let is_buy = !row.is_buy();
        let mut filled = Vec::new();
        for order in self.resting.iter_mut().filter(|o| is_buy_id(o.id) == is_buy) {
            let tick = tick_of(order.id);
            let is_better = if is_buy { tick > row.tick } else { tick < row.tick };
            if tick == row.tick {
                order.ahead -= row.qty();
                order.traded += row.qty();
                if round(-order.ahead / LOT) > 0 {
                    filled.push(order.id);
                }
            } else if is_better {
                filled.push(order.id);
            }
        }
        self.fill(&filled, row.exch_ts);
    }

    fn on_level(&mut self, row: &Row) {
        let best = (self.venue.best_bid, self.venue.best_ask);
        let before = self.venue.set(row);
        let id = id_of(row.is_buy(), row.tick);
        let queue = self.job.queue;
        for order in self.resting.iter_mut().filter(|o| o.id == id) {
            on_displayed(order, queue, before, row.qty());
        }
        let reached = match row.is_buy() {
            true => self.venue.best_bid.filter(|now| best.0.is_none_or(|before| *now > before)),
            false => self.venue.best_ask.filter(|now| best.1.is_none_or(|before| *now < before)),
        };
        let Some(reached) = reached else { return };
        let is_reached = |tick: i64| if row.is_buy() { tick <= reached } else { tick >= reached };
        let others = self.resting.iter().filter(|o| is_buy_id(o.id) != row.is_buy());
        let filled: Vec<i64> = others.map(|o| o.id).filter(|id| is_reached(tick_of(*id))).collect();
        self.fill(&filled, row.exch_ts);
    }

    fn fill(&mut self, ids: &[i64], now: i64) {
        for &id in ids {
            self.resting.retain(|order| order.id != id);
            let recv_ts = self.answer(now, Answer::Filled(id));
            self.fills.push(Fill {
                exch_ts: now,
                id,
                recv_ts,
                tick: tick_of(id),
                exec_tick: tick_of(id),
                lots: self.job.lots,
                leaves_lots: 0,
                maker: true,
            });
        }
    }

    fn on_request(&mut self, now: i64) {
        let Some((_, request)) = self.requests.pop_front() else { return };
        let answer = match request {
            Request::Place(id) => {
                let (is_buy, tick) = (is_buy_id(id), tick_of(id));
                let crosses = match is_buy {
                    true => self.venue.best_ask.is_some_and(|ask| tick >= ask),
                    false => self.venue.best_bid.is_some_and(|bid| tick <= bid),
                };
                if crosses {
                    Answer::Expired(id)
                } else {
                    let ahead = self.venue.shown(is_buy, tick);
                    self.resting.push(Resting { id, ahead, traded: 0.0 });
                    Answer::Accepted(id)
                }
            }
            Request::Cancel(id, asked_at) => {
                let count = self.resting.len();
                self.resting.retain(|order| order.id != id);
                if self.resting.len() < count {
                    Answer::Canceled(id)
                } else {
                    Answer::Rejected(id, asked_at)
                }
            }
        };
        self.answer(now, answer);
    }

    /// When it arrives.
    fn answer(&mut self, now: i64, answer: Answer) -> i64 {
        let last = self.answers.back().map_or(0, |(at, _)| *at);
        let at = (now + self.job.latency_ns).max(last);
        self.answers.push_back((at, answer));
        at
    }

    fn ask(&mut self, now: i64, request: Request) {
        let last = self.requests.back().map_or(0, |(at, _)| *at);
        self.requests.push_back(((now + self.job.latency_ns).max(last), request));
    }

    /// One step of the grid strategy.
    fn decide(&mut self) {
        let (Some(now), Some(bid), Some(ask)) =
            (self.now, self.local.best_bid, self.local.best_ask)
        else {
            return;
        };
        let Job { half, lots, .. } = self.job;
        let units = self.position_lots.div_euclid(lots);
        let middle = bid + ask - units;
        let first_buy = bid.min((middle - 2 * half).div_euclid(2)).div_euclid(GRID) * GRID;
        let first_sell = ask.max(-(-(middle + 2 * half)).div_euclid(2));
        let first_sell = -(-first_sell).div_euclid(GRID) * GRID;
        let mut wanted = Vec::new();
        if self.position_lots < LEVELS * lots {
            wanted.extend((0..LEVELS).map(|i| id_of(true, first_buy - GRID * i)));
        }
        if self.position_lots > -LEVELS * lots {
            wanted.extend((0..LEVELS).map(|i| id_of(false, first_sell + GRID * i)));
        }
        self.known.retain(|_, known| known.status != Status::Over);
        let live = self.known.iter_mut().filter(|(_, k)| k.status == Status::Live && !k.is_pending);
        let mut cancels = Vec::new();
        for (&id, known) in live.filter(|(id, _)| !wanted.contains(id)) {
            (known.is_pending, known.asked_at) = (true, now);
            cancels.push(id);
        }
        cancels.into_iter().for_each(|id| self.ask(now, Request::Cancel(id, now)));
        for id in wanted {
            if let Entry::Vacant(unknown) = self.known.entry(id) {
                unknown.insert(Known { status: Status::Sent, is_pending: true, asked_at: now });
                self.ask(now, Request::Place(id));
            }
        }
    }
}

/// The displayed size of an order's level goes from `prev` to `new`.
fn on_displayed(order: &mut Resting, queue: Queue, prev: f64, new: f64) {
    if queue == Queue::RiskAverse {
        order.ahead = order.ahead.min(new);
        return;
    }
    let fell = (prev - new) - std::mem::take(&mut order.traded);
    if fell < 0.0 {
        order.ahead = order.ahead.min(new);
        return;
    }
    let (front, back) = (order.ahead, prev - order.ahead);
    let share = match queue {
        Queue::RiskAverse => 0.0,
        Queue::Power(n) => back.powf(n) / (back.powf(n) + front.powf(n)),
        Queue::Power2(n) => back.powf(n) / (back + front).powf(n),
        Queue::Power3(n) => 1.0 - (front / (front + back)).powf(n),
        Queue::Log => (1.0 + back).ln() / ((1.0 + back).ln() + (1.0 + front).ln()),
        Queue::Log2 => (1.0 + back).ln() / (1.0 + (back + front)).ln(),
    };
    let share = if share.is_infinite() { 1.0 } else { share };
    let ahead = front - (1.0 - share) * fell + (back - share * fell).min(0.0);
    // Of a number and no number, the number: such an order goes to the back.
    order.ahead = ahead.min(new);
}

/// Half away from zero.
fn round(x: f64) -> i64 {
    x.round() as i64
}

fn id_of(is_buy: bool, tick: i64) -> i64 {
    2 * tick + i64::from(!is_buy)
}

fn is_buy_id(id: i64) -> bool {
    id % 2 == 0
}

fn tick_of(id: i64) -> i64 {
    id / 2
}
