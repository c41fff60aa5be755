//! The whole dispatch side (gate, order manager, gateway) against the tiny venue, with delays,
//! losses, reorderings, repeats and disconnects by chance. Held against the venue's own truth, never
//! the bot's opinion: the worst case stays within the limit at every moment; and when the storm is
//! over every fill was counted once, the positions are equal and no order is left.
//!
//! What is never lost singly is a frame with fills: a connection does not do that. It loses what was
//! on its way when it ends.

use crate::tiny_venue::line::{BotEnd, Line};
use crate::tiny_venue::rig::{START, gateway};
use crate::tiny_venue::{COINS, FIRST_INDEX, Venue, universe};
use botmm_pipeline::logic::budget::Budget;
use botmm_pipeline::logic::gate::{Approved, Gate};
use botmm_pipeline::logic::orders::Orders;
use botmm_pipeline::rt::{
    BoardReader, In, InLatest, LevelCell, OutLatest, Stage, board, ring, vital_ring,
};
use botmm_pipeline::stage::dispatch::{DispatchRings, DispatchStage};
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::stage::params::ParamsIn;
use botmm_pipeline::stage::records::{RecordsIn, records};
use botmm_pipeline::stage::status::{AssetStatus, STATUS_WORDS};
use botmm_pipeline::types::limits::RING_VENUE;
use botmm_pipeline::types::{
    AssetId, AssetParams, Nanos, Px, Qty, QuoteLevel, QuoteTarget, Reason, Side, Usd, VenueEvent,
    notional,
};
use botmm_pipeline::venue::hl::gateway::HlGateway;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use std::sync::Arc;

const MID: i64 = 100;
const SEEDS: u64 = 200;

/// Percent of what can go wrong.
struct Storm {
    lost: u32,
    repeated: u32,
    /// Each second.
    disconnects: u32,
    longest_delay_ms: i64,
}

struct World {
    seed: u64,
    rng: ChaCha8Rng,
    stage: DispatchStage<HlGateway<BotEnd>>,
    gate: Gate,
    targets: OutLatest<Approved<QuoteTarget>>,
    to_quote: In<VenueEvent>,
    to_risk: In<VenueEvent>,
    records: RecordsIn,
    status: Vec<BoardReader<STATUS_WORDS>>,
    metrics: Arc<Metrics>,
    line: Line,
    venue: Venue,
    /// Frames on their way to the venue.
    outward: Vec<(Nanos, String)>,
    now: Nanos,
    storm: Storm,
    params: AssetParams,
    market_seq: u64,
    largest: Usd,
    downs: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut params = AssetParams::default();
        params.risk.max_total_position_usd = Usd::whole(1_500);
        params.risk.max_daily_loss_frac = 1e9;
        params.risk.max_drawdown_frac = 1e9;
        params.risk.api_error_window = Nanos(1); // No breaker here.
        params.risk.max_actions_per_min = 1_000_000;
        let all = [params; COINS.len()];
        let universe = universe();
        let (targets, rx) = ring("risk->dispatch", 8);
        let level = Arc::<LevelCell>::default();
        let (quote_tx, to_quote) = vital_ring("dispatch->quote", RING_VENUE, &level);
        let (risk_tx, to_risk) = vital_ring("dispatch->risk", RING_VENUE, &level);
        let (records_tx, records) = records([("facts", 4096), ("commentary", 4096)], &level);
        let (boards, status) = (0..COINS.len()).map(|_| board()).unzip();
        let rings = DispatchRings {
            params: ParamsIn::new(ring("side->dispatch params", 1).1),
            targets: InLatest::new(rx, COINS.len(), 8, false),
            venue: [quote_tx, risk_tx],
            records: records_tx,
            status: boards,
        };
        let (line, end) = Line::new();
        line.ends().open_after = Nanos::millis(50);
        let metrics = Arc::<Metrics>::default();
        let shared = (Arc::<LevelCell>::default(), metrics.clone());
        let orders = Orders::new(&universe, &all, 7);
        let stage = DispatchStage::new(
            Box::new(gateway(end).0),
            rings,
            orders,
            Budget::new(&params.risk),
            shared,
        );
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let storm = Storm {
            lost: rng.random_range(0..6),
            repeated: rng.random_range(0..10),
            disconnects: rng.random_range(0..4),
            longest_delay_ms: rng.random_range(30..800),
        };
        let mut venue = Venue::default();
        venue.positions[1] = Qty::whole(rng.random_range(-3..4));
        venue.cancels_before_modify = rng.random_range(0..2) == 0;
        venue.requests = (0, 1 << 40);
        Self {
            seed,
            rng,
            stage,
            gate: Gate::new(universe, &all),
            targets: OutLatest::new(targets, COINS.len()),
            to_quote,
            to_risk,
            records,
            status,
            metrics,
            line,
            venue,
            outward: Vec::new(),
            now: START,
            storm,
            params,
            market_seq: 0,
            largest: Usd::ZERO,
            downs: 0,
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn delay(&mut self) -> Nanos {
        Nanos::millis(self.rng.random_range(5..=self.storm.longest_delay_ms))
    }

    /// The bot's turn, and what it sent sets out.
    fn poll(&mut self) {
        for _ in 0..1_000 {
            if self.stage.poll(self.now) == 0 {
                break;
            }
        }
        while let Some(event) = self.to_risk.pop() {
            self.gate.on_venue(self.now, &event);
        }
        while self.to_quote.pop().is_some() {}
        while self.records.pop().is_some() {}
        let mut sent = false;
        while let Some(text) = self.line.take_sent() {
            sent = true;
            // The venue reads one connection in order.
            let delay = self.delay();
            let before = self.outward.last().map_or(Nanos::ZERO, |(at, _)| *at);
            self.outward.push(((self.now + delay).max(before), text));
        }
        if sent {
            self.check();
        }
    }

    /// What the venue says sets out: late, twice, or (unless it is about fills) never.
    fn say(&mut self, text: &str) {
        let lost = self.chance(self.storm.lost) && !text.contains(r#""fills":"#);
        if lost || !self.line.ends().is_open {
            return;
        }
        let at = self.now + self.delay();
        self.line.deliver(at, text);
        if self.chance(self.storm.repeated) {
            let at = self.now + self.delay();
            self.line.deliver(at, text);
        }
    }

    fn venue_reads(&mut self) {
        while self.outward.first().is_some_and(|(at, _)| *at <= self.now) {
            let (_, text) = self.outward.remove(0);
            let lost = self.chance(self.storm.lost);
            if !lost {
                for said in self.venue.handle(self.now, &text) {
                    self.say(&said);
                }
            }
            self.check();
        }
    }

    fn venue_fills(&mut self) {
        let open = self.venue.open();
        if open.is_empty() {
            return;
        }
        let oid = open[self.rng.random_range(0..open.len())];
        let lots = self.venue.order(oid).leaves.raw() / 1_000_000;
        let qty = Qty::from_raw(self.rng.random_range(1..=lots) * 1_000_000);
        for said in self.venue.fill(self.now, oid, qty) {
            self.say(&said);
        }
    }

    fn disconnect(&mut self) {
        self.downs += 1;
        // Some of what was on its way still arrives, and is answered to nobody.
        let keep = self.rng.random_range(0..=self.outward.len());
        self.outward.truncate(keep);
        self.line.close(self.now);
    }

    fn new_target(&mut self, quiet: bool) {
        for asset in 0..COINS.len() {
            self.market_seq += 1;
            let asset = AssetId::new(asset);
            let mid = Px::whole(MID);
            let mut target = QuoteTarget { asset, mid: Some(mid), ..QuoteTarget::default() };
            target.cause.market_seq = self.market_seq;
            target.cause.venue_time = self.now;
            for side in Side::BOTH {
                if quiet || self.chance(15) {
                    target.clear(side, Reason::OneSided);
                    continue;
                }
                target.set_reason(side, Reason::Quoted);
                for level in 0..self.rng.random_range(1..=4) {
                    // Sometimes on the other side's touch: refused.
                    let away = self.rng.random_range(1..4) + level as i64 * 4;
                    let away = if self.chance(5) { -2 } else { away };
                    let px = Px::whole(MID - side.sign() * away);
                    let qty = Qty::from_raw(self.rng.random_range(20..600) * 1_000_000);
                    target.side_mut(side)[level] = QuoteLevel { px, qty };
                }
            }
            let approved = self.gate.approve(self.now, target);
            self.targets.push(asset.index(), approved);
        }
    }

    /// The venue's truth: position, what rests, and what is on its way and may yet rest.
    fn check(&mut self) {
        let mut total = Usd::ZERO;
        for coin in 0..COINS.len() {
            let mut worst = Qty::ZERO;
            for side in Side::BOTH {
                let open = self.venue.orders.iter().filter(|o| o.is_open());
                let resting: Qty =
                    open.filter(|o| (o.coin, o.side) == (coin, side)).map(|o| o.leaves).sum();
                let texts = self.outward.iter().map(|(_, text)| text);
                let coming: Qty = texts.map(|text| asked_for(text, coin, side)).sum();
                worst = worst.max(side.signed(self.venue.positions[coin]) + resting + coming);
            }
            let usd = notional(Px::whole(MID), worst);
            self.largest = self.largest.max(usd);
            let limit = self.params.risk.max_position_usd;
            assert!(usd <= limit, "seed {}: worst case {usd} USD at {}", self.seed, self.now);
            total += usd;
        }
        let limit = self.params.risk.max_total_position_usd;
        assert!(total <= limit, "seed {}: {total} USD in all at {}", self.seed, self.now);
    }

    fn step(&mut self, stormy: bool) {
        self.now = self.now + Nanos::millis(10);
        self.venue_reads();
        if stormy {
            match self.rng.random_range(0..100) {
                0..8 => self.new_target(false),
                8..20 => self.venue_fills(),
                _ => {}
            }
            if self.now.as_millis() % 1_000 == 0 && self.chance(self.storm.disconnects) {
                self.disconnect();
            }
        }
        self.poll();
    }

    /// Nothing is left to be found out.
    fn is_over(&self) -> bool {
        self.venue.open().is_empty()
            && self.metrics.dispatch.open_orders.get() == 0
            && self.metrics.dispatch.fills.get() == self.venue.fills.len() as u64
            && self
                .status
                .iter()
                .zip(self.venue.positions)
                .all(|(board, held)| AssetStatus::read(board).position == held)
    }

    fn run(mut self) -> (Usd, u64, usize) {
        (0..4_000).for_each(|_| self.step(true));
        self.storm = Storm { lost: 0, repeated: 0, disconnects: 0, longest_delay_ms: 50 };
        for i in 0..12_000 {
            if i % 50 == 0 {
                if self.is_over() {
                    break;
                }
                self.new_target(true);
            }
            self.step(false);
        }
        let seed = self.seed;
        let left = self.venue.open();
        assert!(left.is_empty(), "seed {seed}: {left:?} are left at the venue");
        assert_eq!(
            self.metrics.dispatch.open_orders.get(),
            0,
            "seed {seed}: slots that are not empty"
        );
        assert_eq!(
            self.metrics.dispatch.fills.get(),
            self.venue.fills.len() as u64,
            "seed {seed}: fills"
        );
        for (coin, name) in COINS.iter().enumerate() {
            let asset = AssetId::new(coin);
            let ours = AssetStatus::read(&self.status[coin]).position;
            assert_eq!(ours, self.venue.positions[coin], "seed {seed}: {name}");
            let booked = self.gate.ledger(asset).position();
            assert_eq!(booked, ours, "seed {seed}: the gate's {name}");
        }
        (self.largest, self.downs, self.venue.fills.len())
    }
}

/// What a frame on its way may add to a side.
fn asked_for(text: &str, coin: usize, side: Side) -> Qty {
    if !text.contains(r#""orders":"#) && !text.contains(r#""modifies":"#) {
        return Qty::ZERO;
    }
    let frame: Value = serde_json::from_str(text).unwrap();
    let action = &frame["request"]["payload"]["action"];
    let orders = action["orders"].as_array().into_iter().flatten();
    let modifies = action["modifies"].as_array().into_iter().flatten().map(|m| &m["order"]);
    let mine =
        |o: &&Value| o["a"] == FIRST_INDEX as u64 + coin as u64 && o["b"] == (side == Side::Bid);
    orders.chain(modifies).filter(mine).map(|o| Qty::parse(o["s"].as_str().unwrap()).unwrap()).sum()
}

#[test]
fn nothing_is_lost_counted_twice_or_over_the_limit() {
    let (mut largest, mut downs, mut fills) = (Usd::ZERO, 0, 0);
    let only = std::env::var("SEED").ok().map(|s| s.parse().unwrap());
    let seeds = only.map_or(0..SEEDS, |seed: u64| seed..seed + 1);
    for seed in seeds {
        let (worst, lost, traded) = World::new(seed).run();
        (largest, downs, fills) = (largest.max(worst), downs + lost, fills + traded);
    }
    if only.is_none() {
        assert!(largest > Usd::whole(900), "the limit is never near: {largest}");
        assert!(downs > SEEDS / 4 && fills > 20 * SEEDS as usize, "{downs} downs, {fills} fills");
    }
}
