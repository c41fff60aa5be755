//! Where there is nothing to earn, a replay earns nothing; and what it earns hangs on the labels of trades. The coarse engine's are in `src/bot/candles/tests.rs`.
//!
//! The market is a driftless walk of a fair value. Between two blocks takers trade every price that the fair value
//! has passed, on its way and at its end, so no maker ever has a better price than what the coin is worth at the
//! next block: before fees a maker earns nothing, and loses what the fair value overshoots.
//!
//! `scripts/null_test.sh` runs 20 seeds of half an hour: `BOTMM_NULL_SEEDS` and `BOTMM_NULL_MINUTES`.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use botmm::bot::replay::engine::{How, Replay, Replayed};
use botmm::data::{LoadReport, Loaded};
use botmm::report::stats::moments;
use botmm::settings::{Overrides, QueueModel, Settings};
use botmm_pipeline::types::{
    AssetId, BookSnapshot, Bps, Level, MarketEvent, Nanos, Px, Qty, Side, Trade, Universe,
};
use botmm_pipeline::venue::tape::Tape;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::atomic::AtomicBool;

const START: Nanos = Nanos::secs(1_764_000_000);
/// Between two blocks.
const BLOCK: Nanos = Nanos::millis(100);
/// Blocks from one book to the next.
const BLOCKS_A_BOOK: i64 = 5;
/// So long after it happened a block is known.
const DELAY: Nanos = Nanos::millis(20);
/// Half of the most that the fair value moves in a block, in ticks of 0.1 bps.
const STEP_TICKS: f64 = 6.0;
const LEVELS: i64 = 20;
/// Ticks beyond the fair value that would be noticed.
const GIFT: i64 = 10;

/// Quotes so near that every second move of the fair value takes them: they stand some five ticks away from it.
const NEAR: &str =
    "[defaults.quote]\nmin_spread_bps = 1.0\nmax_spread_bps = 1.0\nvol_multiplier = 0.1\n";

/// How many seeds, and how long each is.
fn size() -> (u64, i64) {
    let of = |name: &str, usual: u64| {
        std::env::var(name).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name}")))
    };
    (of("BOTMM_NULL_SEEDS", 8), of("BOTMM_NULL_MINUTES", 5) as i64)
}

/// The recording of a walk, where takers go on for so many ticks beyond the fair value: a gift to makers.
fn walk(seed: u64, minutes: i64, gift: i64) -> Loaded {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut events, mut fair, mut tid) = (Vec::new(), 100_000.5_f64, 0);
    let mut touch = fair.floor() as i64;
    for block in 0..minutes * 600 {
        let at = START + Nanos(BLOCK.0 * block);
        fair += random.random_range(-STEP_TICKS..STEP_TICKS);
        let now = fair.floor() as i64;
        // Sellers take the bids down to the fair value, buyers the asks up to it.
        let (taken, aggressor): (Vec<i64>, Side) = match now < touch {
            true => ((now + 1 - gift..=touch).rev().collect(), Side::Ask),
            false => ((touch + 1..=now + gift).collect(), Side::Bid),
        };
        for tick in taken {
            tid += 1;
            let qty = Qty::from_raw(random.random_range(1..200) * 100_000);
            events.push(MarketEvent::Trade(Trade {
                asset: AssetId::default(),
                aggressor,
                _pad: [0; 5],
                seq: 0,
                venue_time: at,
                recv_time: at + DELAY,
                px: Px::whole(tick),
                qty,
                tid,
            }));
        }
        touch = now;
        // What trades fill between two books is told by trades alone.
        if block % BLOCKS_A_BOOK == 0 {
            events.push(MarketEvent::Book(book(touch, at, &mut random)));
        }
    }
    let coins = |coin: &str| Settings::load(None, &|_| None).unwrap().instrument(coin).unwrap();
    let (tape, universe) = (Tape::build(events), Universe::new(vec![coins("BTC")]));
    Loaded { tape, universe, report: LoadReport::default(), orders: None, compiled: None }
}

/// The fair value is between this tick and the next.
fn book(touch: i64, at: Nanos, random: &mut ChaCha8Rng) -> BookSnapshot {
    let mut book = BookSnapshot {
        bid_count: LEVELS as u8,
        ask_count: LEVELS as u8,
        venue_time: at,
        recv_time: at + DELAY,
        ..BookSnapshot::EMPTY
    };
    for i in 0..LEVELS {
        let mut level = |tick: i64| {
            let qty = Qty::from_raw(random.random_range(1..300) * 1_000_000);
            Level { px: Px::whole(tick), qty }
        };
        book.bids[i as usize] = level(touch - i);
        book.asks[i as usize] = level(touch + 1 + i);
    }
    book
}

fn replayed(loaded: &Loaded, queue: QueueModel) -> Replayed {
    let flags =
        Overrides { queue: Some(queue), maker_fee: Some(Bps::default()), ..Overrides::default() };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("near.toml");
    std::fs::write(&file, NEAR).unwrap();
    let settings = Settings::load(Some(&file), &|_| None).unwrap().with(&flags).unwrap();
    let replay = Replay::of(&settings, How::default());
    replay.run(loaded, &AtomicBool::new(false), &|_, _| ()).unwrap()
}

/// What was earned before fees, in basis points of the volume: mean over the seeds, its standard error, and fills.
fn gross_bps(seeds: u64, minutes: i64, gift: i64, queue: QueueModel) -> (f64, f64, u64) {
    let mut fills = 0;
    let all: Vec<f64> = (1..=seeds)
        .map(|seed| {
            let summary = replayed(&walk(seed, minutes, gift), queue).summary;
            assert!(summary.fills > 50, "seed {seed}: {} fills, {}", summary.fills, summary);
            assert!(summary.fees_usd.is_zero(), "seed {seed}: fees would hide it");
            fills += summary.fills;
            summary.gross_pnl_usd.to_f64() / summary.volume_usd.to_f64() * 1e4
        })
        .collect();
    let (mean, deviation) = moments(&all).unwrap();
    (mean, deviation / (all.len() as f64).sqrt(), fills)
}

#[test]
fn nothing_is_earned_where_there_is_nothing_to_earn() {
    let (seeds, minutes) = size();
    for queue in [QueueModel::RiskAverse, QueueModel::ProbPower(3.0)] {
        let (mean, error, fills) = gross_bps(seeds, minutes, 0, queue);
        println!(
            "replay, {queue}: gross {mean:.4} bps of the volume, standard error {error:.4}, t {:.2}, n {seeds} seeds of \
             {minutes} min, {fills} fills",
            mean / error
        );
        assert!(mean <= 2.0 * error, "{queue}: {mean} ± {error} of seeds 1 to {seeds}");
    }
    // A tenth of a basis point a tick: takers who go on beyond the fair value do pay makers, and that is seen.
    let (mean, error, fills) =
        gross_bps(seeds.min(8), minutes.min(5), GIFT, QueueModel::RiskAverse);
    println!(
        "replay, takers pay up to {GIFT} ticks: gross {mean:.4} ± {error:.4} bps, {fills} fills"
    );
    assert!(mean > 2.0 * error, "a gift is not seen: {mean} ± {error}");
}

#[test]
fn swapped_labels_change_the_result() {
    for seed in 1..=3 {
        let loaded = walk(seed, 3, 0);
        let swap = |event| match event {
            MarketEvent::Trade(t) => {
                MarketEvent::Trade(Trade { aggressor: t.aggressor.opposite(), ..t })
            }
            other => other,
        };
        let tape = Tape::build(loaded.tape.iter_recv().map(swap));
        let other = Loaded { tape, universe: loaded.universe.clone(), ..walk(seed, 0, 0) };
        let [one, again, other] = [&loaded, &loaded, &other]
            .map(|loaded| replayed(loaded, QueueModel::RiskAverse).summary);
        assert_eq!(one.without_timings(), again.without_timings(), "seed {seed}");
        assert_ne!(one.fills_by_cause, other.fills_by_cause, "seed {seed}");
        assert_ne!(one.net_pnl_usd, other.net_pnl_usd, "seed {seed}");
    }
}
