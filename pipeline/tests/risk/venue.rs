//! A venue of two coins whose market jumps, slides and falls silent, which refuses orders in bursts and
//! loses its link: everything that a breaker is for. In virtual time, with one seed.

use crate::checker::{Checker, Truth};
use botmm_pipeline::rt::Stage;
use botmm_pipeline::types::AlertKind;
use botmm_pipeline::types::risk::utc_day;
use botmm_pipeline::types::*;
use botmm_pipeline::venue::{Feed, Gateway};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

/// Time from us to the venue, and of its answers and news to us.
const ENTRY: Nanos = Nanos::millis(30);
const ANSWER: Nanos = Nanos::millis(15);
pub const COINS: usize = 2;

pub fn universe() -> Universe {
    crate::coins::universe([("A", 5), ("B", 4)])
}

#[derive(Clone, Copy, Debug)]
struct Live {
    oid: Oid,
    cloid: Cloid,
    asset: AssetId,
    side: Side,
    px: Px,
    leaves: Qty,
}

struct Listed {
    bid: Px,
    next_tick: Nanos,
    drift_bps: f64,
    drifts_until: Nanos,
    silent_until: Nanos,
}

pub struct State {
    rng: ChaCha8Rng,
    universe: Universe,
    now: Nanos,
    coins: Vec<Listed>,
    live: Vec<Live>,
    position: [Qty; COINS],
    /// Every order that ever rested: whose, and what was left when it ended.
    history: BTreeMap<Oid, (Cloid, Option<Qty>)>,
    next_id: u64,
    errors_left: u32,
    /// The action that is being answered was refused for a fault already.
    is_counted: bool,
    next_incident: Nanos,
    /// The UTC day of the start.
    first_day: i64,
    link_up_at: Option<Nanos>,
    to_feed: VecDeque<MarketEvent>,
    to_venue: VecDeque<(Nanos, Action)>,
    to_bot: VecDeque<VenueEvent>,
    pub checker: Checker,
}

/// The venue; its feed and its gateway are the same thing seen from the bot. The feed lends what it told
/// last.
#[derive(Clone)]
pub struct Venue(Arc<Mutex<State>>, MarketEvent);

impl Venue {
    pub fn new(seed: u64, start: Nanos, checker: Checker) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let coin = |bid| Listed {
            bid,
            next_tick: start,
            drift_bps: 0.0,
            drifts_until: start,
            silent_until: start,
        };
        let coins = vec![coin(Px::whole(60_000)), coin(Px::whole(3_000))];
        let held = |rng: &mut ChaCha8Rng, lot: i64| Qty::from_raw(rng.random_range(-80..=80) * lot);
        let position = [held(&mut rng, 10_000), held(&mut rng, 200_000)];
        let mut state = State {
            rng,
            universe: universe(),
            now: start,
            coins,
            live: Vec::new(),
            position,
            history: BTreeMap::new(),
            next_id: 10,
            errors_left: 0,
            is_counted: false,
            next_incident: start + Nanos::secs(30),
            first_day: utc_day(start),
            link_up_at: None,
            to_feed: VecDeque::new(),
            to_venue: VecDeque::new(),
            to_bot: VecDeque::new(),
            checker,
        };
        for (i, position) in position.into_iter().enumerate() {
            let opening = VenueEventKind::Opening { position, mark: state.coins[i].bid };
            state.say(Cloid::default(), AssetId::new(i), opening);
        }
        Self(Arc::new(Mutex::new(state)), MarketEvent::Book(BookSnapshot::EMPTY))
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn seconds(&mut self, from: i64, to: i64) -> Nanos {
        self.now + Nanos::millis(self.rng.random_range(from * 1_000..to * 1_000))
    }

    fn say(&mut self, cloid: Cloid, asset: AssetId, kind: VenueEventKind) {
        let recv_time = self.now + ANSWER;
        let venue_time = self.now;
        self.to_bot.push_back(VenueEvent::new(cloid, asset, [venue_time, recv_time], kind));
    }

    pub fn truth(&self) -> Truth {
        let mut truth = Truth { position: self.position.to_vec(), ..Truth::default() };
        truth.resting = vec![[Qty::ZERO; 2]; COINS];
        truth.coming = truth.resting.clone();
        for o in &self.live {
            truth.resting[o.asset.index()][o.side.index()] += o.leaves;
        }
        let coming = self.to_venue.iter().filter(|(_, a)| a.kind != ActionKind::Cancel);
        for item in coming.flat_map(|(_, a)| a.items()) {
            truth.coming[item.asset.index()][item.side.index()] += item.qty;
        }
        truth
    }

    /// Everything that is due.
    fn work(&mut self, now: Nanos) -> usize {
        self.now = now;
        let mut work = 0;
        if now >= self.next_incident {
            self.incident();
            self.next_incident = self.seconds(5, 40);
            work += 1;
        }
        if self.link_up_at.is_some_and(|t| now >= t) {
            self.link_up_at = None;
            self.say(Cloid::default(), AssetId::default(), VenueEventKind::LinkUp);
            work += 1;
        }
        for i in 0..COINS {
            if now >= self.coins[i].next_tick {
                self.tick(i);
                work += 1;
            }
        }
        while self.to_venue.front().is_some_and(|(t, _)| *t <= now) {
            let Some((_, action)) = self.to_venue.pop_front() else { break };
            self.take(&action);
            work += 1;
        }
        let truth = self.truth();
        self.checker.look(now, &truth);
        work
    }

    fn due(&self) -> Nanos {
        let ticks = self.coins.iter().map(|c| c.next_tick);
        let arrival = self.to_venue.front().map(|(t, _)| *t);
        let others = [Some(self.next_incident), self.link_up_at, arrival];
        ticks.chain(others.into_iter().flatten()).min().unwrap()
    }

    fn incident(&mut self) {
        let i = self.rng.random_range(0..COINS);
        match self.rng.random_range(0..50) / 4 {
            // Not before midnight: nobody is awake then to end that halt, and a daily loss that the new
            // day ends would go unseen.
            12 if utc_day(self.now) > self.first_day => {
                let liquidated = VenueEventKind::Notice(AlertKind::Liquidated);
                self.say(Cloid::default(), AssetId::default(), liquidated);
            }
            0..2 => {
                let up = if self.chance(50) { 1.0 } else { -1.0 };
                let by = up * self.rng.random_range(0.006..0.03);
                self.move_to(i, 1.0 + by);
            }
            2..6 => {
                // Mostly against what is held.
                let against = self.position[i].raw().signum() as f64;
                let against = if against == 0.0 || self.chance(25) { 1.0 } else { -against };
                self.coins[i].drift_bps = against * self.rng.random_range(2.0..8.0);
                self.coins[i].drifts_until = self.seconds(20, 60);
            }
            6..8 => self.errors_left = self.rng.random_range(3..14),
            8 => {
                let until = self.seconds(2, 9);
                let all = self.chance(50);
                (0..COINS)
                    .filter(|c| all || *c == i)
                    .for_each(|c| self.coins[c].silent_until = until);
            }
            9 => self.lose_link(),
            10 => {
                let paid = Usd::from_raw(self.rng.random_range(-100_000_000..200_000_000));
                self.say(Cloid::default(), AssetId::new(i), VenueEventKind::Funding(paid));
            }
            _ => (0..6).for_each(|_| self.somebody_takes(i)),
        }
    }

    /// Orders on their way are lost, what rests is cancelled; what was said waits for the link.
    fn lose_link(&mut self) {
        if self.link_up_at.is_some() {
            return;
        }
        self.link_up_at = Some(self.seconds(1, 6));
        self.to_venue.clear();
        for order in core::mem::take(&mut self.live) {
            self.ended(&order, DoneWhy::VenueCanceled);
        }
        let down = VenueEvent::new(
            Cloid::default(),
            AssetId::default(),
            [self.now; 2],
            VenueEventKind::LinkDown,
        );
        self.to_bot.push_front(down);
    }

    /// The next thing said to the bot that it can hear.
    fn heard(&self) -> Option<&VenueEvent> {
        let front = self.to_bot.front()?;
        let is_heard = self.link_up_at.is_none() || front.kind == VenueEventKind::LinkDown;
        is_heard.then_some(front)
    }

    fn move_to(&mut self, i: usize, factor: f64) {
        let inst = *self.universe.get(AssetId::new(i));
        let wanted = Px::from_raw((self.coins[i].bid.raw() as f64 * factor) as i64);
        // Far from the prices where a tick has another size.
        let [low, high] = [[20_000, 95_000], [1_200, 9_000]][i].map(Px::whole);
        self.coins[i].bid = inst.round_px_down(wanted.clamp(low, high));
    }

    fn touch(&self, i: usize) -> (Px, Px) {
        let inst = self.universe.get(AssetId::new(i));
        let bid = self.coins[i].bid;
        (bid, inst.tick_above(inst.tick_above(bid)))
    }

    fn tick(&mut self, i: usize) {
        let drift =
            if self.now < self.coins[i].drifts_until { self.coins[i].drift_bps } else { 0.0 };
        let step = drift + self.rng.random_range(-3.0..3.0);
        self.move_to(i, 1.0 + step * 1e-4);
        self.coins[i].next_tick = self.now + Nanos::millis(self.rng.random_range(250..600));
        let (bid, ask) = self.touch(i);
        let crossed = |o: &Live| match o.side {
            Side::Bid => o.px >= ask,
            Side::Ask => o.px <= bid,
        };
        let hit: Vec<Live> =
            self.live.iter().copied().filter(|o| o.asset.index() == i && crossed(o)).collect();
        hit.iter().for_each(|o| self.fill(o.oid, o.leaves));
        if self.chance(35) {
            self.somebody_takes(i);
        }
        if self.now >= self.coins[i].silent_until {
            self.tell_book(i);
        }
    }

    fn tell_book(&mut self, i: usize) {
        let (bid, ask) = self.touch(i);
        let inst = *self.universe.get(AssetId::new(i));
        let mut book = BookSnapshot {
            asset: AssetId::new(i),
            bid_count: 3,
            ask_count: 3,
            venue_time: self.now,
            recv_time: self.now + ANSWER,
            ..BookSnapshot::EMPTY
        };
        let (mut b, mut a) = (bid, ask);
        for level in 0..3 {
            book.bids[level] = Level { px: b, qty: Qty::whole(5) };
            book.asks[level] = Level { px: a, qty: Qty::whole(5) };
            (b, a) = (inst.tick_below(b), inst.tick_above(a));
        }
        self.to_feed.push_back(MarketEvent::Book(book));
    }

    /// A part of our best order of some side.
    fn somebody_takes(&mut self, i: usize) {
        let side = if self.chance(50) { Side::Bid } else { Side::Ask };
        let of_side = self.live.iter().filter(|o| o.asset.index() == i && o.side == side);
        let best = of_side.copied().reduce(|a, b| if side.is_better(b.px, a.px) { b } else { a });
        let Some(order) = best else { return };
        let lot = self.universe.get(order.asset).lot().raw();
        let part = order.leaves.raw() / lot * self.rng.random_range(20..=100) / 100;
        self.fill(order.oid, Qty::from_raw(part.max(1) * lot));
    }

    fn fill(&mut self, oid: Oid, qty: Qty) {
        let Some(at) = self.live.iter().position(|o| o.oid == oid) else { return };
        self.live[at].leaves -= qty;
        let order = self.live[at];
        self.position[order.asset.index()] += order.side.signed(qty);
        self.next_id += 1;
        let fee = Bps::from_f64(1.5).fee_on(order.px, qty);
        let fill = Fill {
            oid,
            px: order.px,
            qty,
            fee,
            tid: self.next_id,
            side: order.side,
            ..Fill::default()
        };
        self.say(order.cloid, order.asset, VenueEventKind::Fill(fill));
        if order.leaves.is_zero() {
            self.live.swap_remove(at);
            self.ended(&order, DoneWhy::Filled);
        }
    }

    fn ended(&mut self, order: &Live, why: DoneWhy) {
        self.history.insert(order.oid, (order.cloid, Some(order.leaves)));
        let done = Done { oid: order.oid, leaves: order.leaves, why, _pad: [0; 7] };
        self.say(order.cloid, order.asset, VenueEventKind::Done(done));
    }

    fn take(&mut self, action: &Action) {
        self.is_counted = false;
        for item in action.items() {
            let at = self.live.iter().position(|o| o.oid == item.oid);
            match (action.kind, at) {
                (ActionKind::Place, _) => self.place(item, ActionKind::Place),
                (_, None) => self.refuse(item, action.kind, RejectReason::NotFound),
                (ActionKind::Modify, Some(at)) => {
                    let old = self.live.swap_remove(at);
                    self.place(item, ActionKind::Modify);
                    self.ended(&old, DoneWhy::Replaced);
                }
                (ActionKind::Cancel, Some(at)) => {
                    let old = self.live.swap_remove(at);
                    self.ended(&old, DoneWhy::Canceled);
                }
            }
        }
    }

    fn place(&mut self, item: &OrderRequest, of: ActionKind) {
        let (bid, ask) = self.touch(item.asset.index());
        if self.errors_left > 0 {
            self.errors_left -= 1;
            let why = [RejectReason::Margin, RejectReason::Other, RejectReason::RateLimit];
            return self.refuse(item, of, why[self.errors_left as usize % why.len()]);
        }
        if (item.side == Side::Bid && item.px >= ask) || (item.side == Side::Ask && item.px <= bid)
        {
            return self.refuse(item, of, RejectReason::BadAloPx);
        }
        self.next_id += 1;
        let oid = Oid(self.next_id);
        let OrderRequest { cloid, asset, side, px, qty, .. } = *item;
        self.live.push(Live { oid, cloid, asset, side, px, leaves: qty });
        self.history.insert(oid, (cloid, None));
        self.say(cloid, asset, VenueEventKind::Ack { oid, leaves: qty });
    }

    fn refuse(&mut self, item: &OrderRequest, of: ActionKind, reason: RejectReason) {
        let mut reject = Reject::new(of, reason);
        reject.is_counted &= !core::mem::replace(&mut self.is_counted, reason.is_error());
        self.say(item.cloid, item.asset, VenueEventKind::Reject(reject));
    }

    /// Nothing of before a lost link rests or is on its way: what is not in the history never was.
    fn answer(&mut self, q: &Inquiry) {
        let newest =
            self.history.iter().rev().find(|(oid, (cloid, _))| *cloid == q.cloid && **oid != q.old);
        let newest = newest.map(|(oid, (_, left))| (*oid, *left)).filter(|(oid, _)| *oid > q.old);
        match newest {
            Some((_, None)) => {} // It rests, and the answer to its action is on its way.
            Some((oid, Some(leaves))) => {
                let done = Done { oid, leaves, why: DoneWhy::VenueCanceled, _pad: [0; 7] };
                self.say(q.cloid, q.asset, VenueEventKind::Ack { oid, leaves });
                self.say(q.cloid, q.asset, VenueEventKind::Done(done));
            }
            None => {
                let of = if q.old == Oid::NONE { ActionKind::Place } else { ActionKind::Modify };
                let item =
                    OrderRequest { cloid: q.cloid, asset: q.asset, ..OrderRequest::default() };
                self.refuse(&item, of, RejectReason::NotFound);
            }
        }
    }
}

impl Feed for Venue {
    fn next(&mut self, now: Nanos) -> Option<LentEvent<'_>> {
        let next = {
            let mut state = self.lock();
            let next = state.to_feed.front().filter(|e| e.recv_time() <= now).copied()?;
            state.to_feed.pop_front();
            state.checker.on_market(now, &next);
            next
        };
        self.1 = next;
        Some(self.1.lend())
    }
    fn next_deadline(&self) -> Option<Nanos> {
        self.lock().to_feed.front().map(MarketEvent::recv_time)
    }
}

impl Gateway for Venue {
    fn submit(&mut self, now: Nanos, action: &Action) -> bool {
        let mut state = self.lock();
        if state.link_up_at.is_some() {
            return false;
        }
        state.to_venue.push_back((now + ENTRY, *action));
        let truth = state.truth();
        state.checker.on_sent(now, action, &truth);
        true
    }
    fn next(&mut self, now: Nanos) -> Option<VenueEvent> {
        let mut state = self.lock();
        let event = *state.heard().filter(|e| e.recv_time <= now)?;
        state.to_bot.pop_front();
        state.checker.on_venue(now, &event);
        Some(event)
    }
    fn inquire(&mut self, _now: Nanos, inquiry: &Inquiry) {
        let mut state = self.lock();
        if state.link_up_at.is_none() {
            state.answer(inquiry);
        }
    }
    fn next_deadline(&self) -> Option<Nanos> {
        self.lock().heard().map(|e| e.recv_time)
    }
}

impl Stage for Venue {
    fn name(&self) -> &'static str {
        "venue"
    }
    fn poll(&mut self, now: Nanos) -> usize {
        self.lock().work(now)
    }
    fn next_deadline(&self) -> Option<Nanos> {
        Some(self.lock().due())
    }
}
