//! A market that is told level by level, from the tape to the last decision. A failure names its seed.
#![allow(clippy::unwrap_used, missing_docs)]

mod coins;
mod world;

use botmm_pipeline::rt::{IdleStrategy, LanePlan, Plan};
use botmm_pipeline::types::*;
use botmm_pipeline::venue::tape::Tape;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use world::{Setup, replay_under};

const TICK: i64 = 10_000_000;
const LOT: i64 = 10_000;
const MINUTES: i64 = 2;

/// A book that adds, cancels and market orders move, on a grid of 0.1 and 0.0001; received 40 to 60 ms
/// later.
struct Flow {
    rng: ChaCha8Rng,
    asset: AssetId,
    sides: [Vec<i64>; 2],
    now: Nanos,
    last_recv: Nanos,
    events: Vec<MarketEvent>,
    trades: u64,
}

impl Flow {
    const TICKS: usize = 80_000;

    fn new(seed: u64, asset: AssetId) -> Self {
        let (rng, sides) =
            (ChaCha8Rng::seed_from_u64(seed), [(); 2].map(|()| vec![0; Self::TICKS]));
        let (now, events) = (world::START, Vec::new());
        let mut new = Self { rng, asset, sides, now, last_recv: now, events, trades: 0 };
        for i in 0..40 {
            new.set(Side::Bid, 39_999 - i, 3_000);
            new.set(Side::Ask, 40_001 + i, 3_000);
        }
        new
    }

    fn best(&self, side: Side) -> usize {
        let lots = &self.sides[side.index()];
        let best = match side {
            Side::Bid => lots.iter().rposition(|lots| *lots > 0),
            Side::Ask => lots.iter().position(|lots| *lots > 0),
        };
        best.unwrap()
    }

    fn recv(&mut self) -> Nanos {
        let recv = self.now + Nanos(self.rng.random_range(40_000_000..60_000_000));
        self.last_recv = self.last_recv.max(recv);
        self.last_recv
    }

    fn set(&mut self, side: Side, tick: usize, lots: i64) {
        self.sides[side.index()][tick] = lots;
        let recv_time = self.recv();
        self.events.push(MarketEvent::Level(LevelChange {
            asset: self.asset,
            side,
            news: LevelNews::Size,
            tick: TICK as u32,
            seq: 0,
            venue_time: self.now,
            recv_time,
            px: Px::from_raw(tick as i64 * TICK),
            qty: Qty::from_raw(lots * LOT),
        }));
    }

    /// A market order: it trades, then the levels that it took from are told.
    fn hit(&mut self, side: Side, mut lots: i64) {
        let mut left = Vec::new();
        while lots > 0 {
            let tick = self.best(side);
            let have = self.sides[side.index()][tick];
            let taken = have.min(lots);
            lots -= taken;
            self.trades += 1;
            let recv_time = self.recv();
            self.events.push(MarketEvent::Trade(Trade {
                asset: self.asset,
                aggressor: side.opposite(),
                venue_time: self.now,
                recv_time,
                px: Px::from_raw(tick as i64 * TICK),
                qty: Qty::from_raw(taken * LOT),
                tid: self.trades,
                ..Trade::default()
            }));
            self.sides[side.index()][tick] = have - taken;
            left.push((tick, have - taken));
        }
        left.into_iter().for_each(|(tick, lots)| self.set(side, tick, lots));
    }

    fn step(&mut self) {
        self.now = self.now + Nanos(self.rng.random_range(1_000..60_000_000));
        let side = if self.rng.random() { Side::Bid } else { Side::Ask };
        let away = self.rng.random_range(0..12_usize).pow(2) / 4;
        let from = |best: usize, away| if side == Side::Bid { best - away } else { best + away };
        match self.rng.random_range(0..10) {
            0..6 => {
                let touch = self.best(side.opposite());
                let tick = from(touch, away + 1);
                let lots = self.sides[side.index()][tick] + self.rng.random_range(200..4_000);
                self.set(side, tick, lots);
            }
            6..9 => {
                let tick = from(self.best(side), away + 1);
                let lots = self.sides[side.index()][tick];
                if lots > 0 {
                    let left = self.rng.random_range(0..lots);
                    self.set(side, tick, left);
                }
            }
            _ => {
                let lots = self.rng.random_range(200..6_000);
                self.hit(side, lots);
            }
        }
    }
}

fn recording(seed: u64) -> Tape {
    // All of it is received before the run ends.
    let end = world::START + Nanos::secs(60 * MINUTES - 1);
    let mut all = Vec::new();
    for asset in 0..2 {
        let mut flow = Flow::new(seed * 2 + asset, AssetId::new(asset as usize));
        while flow.now < end {
            flow.step();
        }
        all.append(&mut flow.events);
    }
    Tape::build(all)
}

fn plan(lanes: &[&[&str]]) -> Plan {
    let lane = |stages: &&[&str]| LanePlan {
        stages: stages.iter().map(|s| (*s).into()).collect(),
        core: None,
        idle: IdleStrategy::Backoff,
    };
    Plan { name: "test".into(), lanes: lanes.iter().map(lane).collect(), ..Plan::default() }
}

#[test]
fn every_plan_decides_the_same_from_changes_of_levels() {
    let apart = plan(&[&["feed"], &["book", "quote"], &["risk", "dispatch"]]);
    for seed in 1..4 {
        let (tape, setup) = (recording(seed), Setup::busy(seed, MINUTES));
        let alone = replay_under(&setup, None, tape.clone());
        let hash = alone.metrics.decision_hash();
        let fills = alone.metrics.dispatch.fills.get();
        let levels = alone.metrics.feed.events_by_kind[5].get();
        assert!(fills > 5, "seed {seed}: {fills} fills of {levels} changes of levels");
        assert_eq!(levels, tape.counts().levels as u64, "seed {seed}: each of them was heard");
        let (ours, venues) = alone.nets();
        assert!((ours - venues).to_f64().abs() < 0.01, "seed {seed}: {ours} is not {venues}");
        let again = replay_under(&setup, None, tape.clone());
        assert_eq!(again.metrics.decision_hash(), hash, "seed {seed}");
        let apart = replay_under(&setup, Some(&apart), tape);
        assert_eq!(apart.metrics.decision_hash(), hash, "seed {seed}: on threads");
        assert_eq!(apart.metrics.dispatch.fills.get(), fills, "seed {seed}");
    }
}
