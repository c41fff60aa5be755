//! A world with known A and k, a twin that keeps every trade, and the rules one by one.

#![allow(clippy::float_cmp, reason = "counts are exact as long as no time passes")]

use super::*;
use crate::types::Side;
use crate::types::limits::MAX_BLOCK_MIDS;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const MID: Px = Px::whole(100_000);
const HALFLIFE_S: f64 = 600.0;
const BIN_BPS: f64 = 0.25;

/// A print `bps` beyond [`MID`] on its aggressor's side.
fn print(block: Nanos, aggressor: Side, bps: f64) -> Trade {
    let beyond = aggressor.sign() as f64 * bps * 1e-4;
    let px = Px::from_raw((MID.raw() as f64 * (1.0 + beyond)).round() as i64);
    Trade { aggressor, venue_time: block, recv_time: block, px, ..Trade::default() }
}

/// Arrivals with a known rate and decay, and a mid every `cadence`.
struct World {
    rng: ChaCha8Rng,
    now: Nanos,
    next_mid: Nanos,
    cadence: Nanos,
}

impl World {
    fn new(seed: u64, cadence: Nanos) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { rng, now: Nanos::ZERO, next_mid: Nanos::ZERO, cadence }
    }

    /// An exponential draw of mean 1.
    fn exponential(&mut self) -> f64 {
        -(1.0 - self.rng.random::<f64>()).ln()
    }

    fn run(&mut self, counts: &mut ArrivalCounts, span_s: f64, rate_per_s: f64, decay: f64) {
        let end = self.now + Nanos((span_s * 1e9) as i64);
        loop {
            self.now = self.now + Nanos((self.exponential() / (2.0 * rate_per_s) * 1e9) as i64);
            while self.next_mid < self.now.min(end) {
                counts.on_mid(self.next_mid, self.next_mid, MID);
                self.next_mid = self.next_mid + self.cadence;
            }
            if self.now > end {
                self.now = end;
                return;
            }
            let distance = self.exponential() / decay;
            let side = Side::BOTH[usize::from(self.rng.random::<bool>())];
            counts.on_trade(&print(self.now, side, distance));
        }
    }
}

fn rate_and_decay(counts: &ArrivalCounts) -> (f64, f64) {
    (counts.fit().rate_e6 as f64 * 1e-6, counts.fit().decay_e6 as f64 * 1e-6)
}

#[test]
fn finds_the_rate_and_the_decay_it_was_fed_at_any_cadence() {
    for cadence in [Nanos::millis(80), Nanos::secs(3)] {
        for (seed, (rate, decay)) in [(5.0, 1.2), (2.0, 0.5), (20.0, 3.0)].into_iter().enumerate() {
            let mut counts = ArrivalCounts::new(HALFLIFE_S, BIN_BPS);
            World::new(seed as u64, cadence).run(&mut counts, 7_200.0, rate, decay);
            let (a, k) = rate_and_decay(&counts);
            println!("seed {seed}, mid every {cadence}: A {a:.3} of {rate}, k {k:.3} of {decay}");
            assert!((a / rate - 1.0).abs() < 0.1, "seed {seed}: A {a}, not {rate}");
            assert!((k / decay - 1.0).abs() < 0.1, "seed {seed}: k {k}, not {decay}");
            assert!(counts.fit().r2_e6 > 980_000, "seed {seed}: {:?}", counts.fit());
            // All that a window of this half-life can hold.
            let held = 2.0 * rate * HALFLIFE_S / LN_2;
            assert!((counts.fit().trades as f64 / held - 1.0).abs() < 0.1, "seed {seed}");
        }
    }
}

#[test]
fn an_old_regime_is_forgotten() {
    let mut counts = ArrivalCounts::new(60.0, BIN_BPS);
    let mut world = World::new(7, Nanos::secs(1));
    world.run(&mut counts, 600.0, 20.0, 0.5);
    let (_, before) = rate_and_decay(&counts);
    assert!((before / 0.5 - 1.0).abs() < 0.2, "{before}");
    world.run(&mut counts, 6.0, 20.0, 2.0);
    let (_, soon) = rate_and_decay(&counts);
    assert!(soon < 0.7, "a tenth of a half-life says little: {soon}");
    world.run(&mut counts, 900.0, 20.0, 2.0);
    let (rate, after) = rate_and_decay(&counts);
    assert!((after / 2.0 - 1.0).abs() < 0.2 && (rate / 20.0 - 1.0).abs() < 0.2, "{after} {rate}");
    // Nothing arrives any more: no fit, rather than an old one.
    (0..1_200).for_each(|s| counts.on_mid(world.now + Nanos::secs(s), world.now, MID));
    assert_eq!(counts.fit(), ArrivalFit::default());
}

/// A window with `n` arrivals at a distance, one a second, and the fit after them.
fn after(arrivals: &[(usize, f64)]) -> ArrivalFit {
    let mut counts = ArrivalCounts::new(1e9, BIN_BPS);
    let mut second = 0;
    for (n, bps) in arrivals {
        for _ in 0..*n {
            counts.on_mid(Nanos::secs(second), Nanos::secs(second), MID);
            second += 1;
            counts.on_trade(&print(Nanos::secs(second), Side::Bid, *bps));
        }
    }
    counts.on_mid(Nanos::secs(second + 1), Nanos::secs(second + 1), MID);
    counts.fit()
}

#[test]
fn too_little_is_no_fit() {
    let none = |trades| ArrivalFit { trades, ..ArrivalFit::default() };
    assert_eq!(after(&[]), none(0));
    assert_eq!(after(&[(19, 0.1), (19, 0.3), (11, 0.6)]), none(49), "too few arrivals");
    assert!(after(&[(21, 0.1), (19, 0.3), (11, 0.6)]).rate_e6 > 0);
    assert_eq!(after(&[(23, 0.1), (19, 0.3), (9, 0.6)]), none(51), "two points are no line");
    assert_eq!(after(&[(90, 900.0)]), none(90), "all beyond the last bin: k would be 0");
}

#[test]
fn a_fit_by_hand() {
    // 81 s watched; 80, 40 and 20 arrivals reach 0, 0.25 and 0.5 bps: λ halves every 0.25 bps.
    let fit = after(&[(40, 0.1), (20, 0.3), (20, 0.6)]);
    let decay = LN_2 / 0.25;
    assert_eq!(fit.decay_e6, (decay * 1e6).round() as i64);
    assert_eq!(fit.rate_e6, (80.0_f64 / (2.0 * 81.0) * 1e6).round() as i64);
    assert_eq!((fit.r2_e6, fit.trades), (1_000_000, 80));
}

#[test]
fn the_prints_of_one_aggressor_in_one_block_are_one_arrival_at_its_largest_distance() {
    let mut counts = ArrivalCounts::new(HALFLIFE_S, BIN_BPS);
    counts.on_mid(Nanos::secs(1), Nanos::secs(1), MID);
    let block = Nanos::secs(2);
    for bps in [0.1, 0.6, 0.3] {
        counts.on_trade(&print(block, Side::Bid, bps));
        counts.on_trade(&print(block, Side::Ask, bps / 2.0));
    }
    let mut wanted = [0.0; ARRIVAL_BINS];
    (wanted[2], wanted[1]) = (1.0, 1.0);
    assert_eq!(counts.counts, wanted);
    // A print below the mid that was bought counts as at the mid; what is far off, in the last bin.
    counts.on_trade(&print(Nanos::secs(3), Side::Bid, -5.0));
    counts.on_trade(&print(Nanos::secs(4), Side::Bid, 5_000.0));
    assert!((counts.counts[0] - 1.0).abs() < 0.01 && counts.counts[ARRIVAL_BINS - 1] > 0.99);
}

#[test]
fn a_trade_is_measured_from_the_mid_before_its_block() {
    let mut counts = ArrivalCounts::new(HALFLIFE_S, BIN_BPS);
    let moved = Px::from_raw((MID.raw() as f64 * 1.0001) as i64);
    let block = |n: i64| Nanos::millis(100 * n);
    counts.on_mid(block(1), block(1), MID);
    // The block's book comes first, and the mid has moved away by 1 bp.
    counts.on_mid(block(2), block(2), moved);
    counts.on_trade(&print(block(2), Side::Bid, 0.9));
    assert!((counts.counts[3] - 1.0).abs() < 0.01, "{:?}", counts.counts);
    // The next block's trade is measured from where the mid is now.
    counts.on_trade(&print(block(3), Side::Bid, 1.6));
    assert!((counts.counts[2] - 1.0).abs() < 0.01, "{:?}", counts.counts);

    // What is older than all that is remembered says nothing.
    let before = counts.counts;
    counts.on_trade(&print(block(1), Side::Bid, 0.1));
    assert_eq!(counts.counts, before);
    let many = MAX_BLOCK_MIDS as i64 + 2;
    (3..=many).for_each(|n| counts.on_mid(block(n), block(n), moved));
    assert!(counts.mids.before(block(3)).is_none() && counts.mids.before(block(4)).is_some());
}

#[test]
fn time_without_a_mid_does_not_count() {
    let mut counts = ArrivalCounts::new(1e9, BIN_BPS);
    let at =
        |counts: &mut ArrivalCounts, s: i64| counts.on_mid(Nanos::secs(s), Nanos::secs(s), MID);
    at(&mut counts, 0);
    at(&mut counts, 10);
    counts.break_series(Nanos::secs(15));
    counts.break_series(Nanos::secs(40));
    counts.on_trade(&print(Nanos::secs(50), Side::Bid, 0.1));
    assert!(counts.counts.iter().all(|n| *n == 0.0), "nothing to measure it from");
    at(&mut counts, 100);
    at(&mut counts, 101);
    assert!((counts.watched_s - 16.0).abs() < 1e-6, "{}", counts.watched_s);
    // A clock that goes back begins anew, and neither forgets nor counts what it went over.
    at(&mut counts, 20);
    counts.on_trade(&print(Nanos::secs(21), Side::Bid, 0.1));
    at(&mut counts, 22);
    assert!((counts.watched_s - 18.0).abs() < 1e-6, "{}", counts.watched_s);
    assert!((counts.counts[0] - 1.0).abs() < 1e-6);
}

#[test]
fn a_fit_is_renewed_once_a_second_and_parameters_change_at_once() {
    let mut counts = ArrivalCounts::new(HALFLIFE_S, BIN_BPS);
    World::new(3, Nanos::secs(1)).run(&mut counts, 600.0, 20.0, 1.0);
    let fit = counts.fit();
    for (ms, renewed) in [(999, false), (1_000, true), (1_500, false), (-5_000, true)] {
        let now = Nanos::secs(599) + Nanos::millis(ms);
        counts.on_trade(&print(now, Side::Bid, 0.1));
        counts.fit = fit;
        counts.on_mid(now, now, MID);
        assert_eq!(counts.fit() != fit, renewed, "{ms} ms after the last one");
    }
    let held: f64 = counts.counts.iter().sum();
    counts.set(60.0, BIN_BPS);
    assert_eq!(counts.counts.iter().sum::<f64>(), held, "the same counts");
    let now = Nanos::secs(594) + Nanos::secs(60);
    counts.on_mid(now, now, MID);
    assert!((counts.counts.iter().sum::<f64>() / held - 0.5).abs() < 1e-9, "half in a half-life");
    counts.set(60.0, 2.0 * BIN_BPS);
    assert_eq!(counts.counts, [0.0; ARRIVAL_BINS]);
    assert_eq!(counts.fit(), ArrivalFit::default());
}

/// Of what is so old.
fn weight(age_s: f64) -> f64 {
    (-age_s / HALFLIFE_S).exp2()
}

/// The same from a list of all arrivals, each sum from its definition.
#[derive(Default)]
struct Naive {
    /// Seconds watched so far, and up to when.
    clock_s: f64,
    last: Option<i64>,
    mids: Vec<(i64, f64)>,
    /// Of an aggressor, in a block: when, by the watched clock, and how far.
    arrivals: Vec<(Side, i64, f64, f64)>,
}

impl Naive {
    fn watch(&mut self, now: i64) {
        let elapsed = self.last.map_or(0, |last| now - last).max(0);
        self.clock_s += elapsed as f64 / 1e9;
        self.last = Some(now);
    }

    fn on_mid(&mut self, now: i64, mid: Px) {
        self.watch(now);
        self.mids.push((now, mid.to_f64()));
        let mut blocks: Vec<i64> = self.mids.iter().map(|m| m.0).collect();
        blocks.dedup();
        let oldest = blocks[blocks.len().saturating_sub(MAX_BLOCK_MIDS)];
        self.mids.retain(|m| m.0 >= oldest);
    }

    fn on_trade(&mut self, trade: &Trade) {
        let block = trade.venue_time.0;
        let Some((_, mid)) = self.mids.iter().rfind(|m| m.0 < block).copied() else { return };
        self.watch(trade.recv_time.0);
        let distance = distance_bps(trade, mid);
        match self.arrivals.iter_mut().rfind(|a| a.0 == trade.aggressor) {
            Some(last) if last.1 == block => last.3 = last.3.max(distance),
            _ => self.arrivals.push((trade.aggressor, block, self.clock_s, distance)),
        }
    }

    fn reached(&self, bin: usize) -> f64 {
        let far = |a: &&(Side, i64, f64, f64)| (a.3 / BIN_BPS).floor() >= bin as f64;
        self.arrivals.iter().filter(far).map(|a| weight(self.clock_s - a.2)).sum()
    }

    fn watched_s(&self) -> f64 {
        HALFLIFE_S / LN_2 * (1.0 - weight(self.clock_s))
    }

    fn line(&self) -> Option<[f64; 3]> {
        let points: Vec<(f64, f64)> = (0..ARRIVAL_BINS - 1)
            .filter(|bin| self.reached(*bin) >= MIN_ARRIVALS_AT_POINT)
            .map(|bin| (bin as f64 * BIN_BPS, (self.reached(bin) / self.watched_s() / 2.0).ln()))
            .collect();
        if self.reached(0) < MIN_ARRIVALS || points.len() < MIN_POINTS {
            return None;
        }
        // The normal equations.
        let sum =
            |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|(x, y)| of(*x, *y)).sum::<f64>();
        let n = points.len() as f64;
        let (x, y, xx) = (sum(&|x, _| x), sum(&|_, y| y), sum(&|x, _| x * x));
        let (xy, yy) = (sum(&|x, y| x * y), sum(&|_, y| y * y));
        let slope = (n * xy - x * y) / (n * xx - x * x);
        let rate = ((y - slope * x) / n).exp();
        let r2 = (n * xy - x * y).powi(2) / ((n * xx - x * x) * (n * yy - y * y));
        (slope < -1e-9).then_some([rate, -slope, r2])
    }
}

#[derive(Clone, Debug)]
enum Op {
    Mid(i64),
    /// Whose, blocks after the last one, how far.
    Trade(bool, i64, f64),
    Break(i64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        30 => (0_i64..2_000).prop_map(Op::Mid),
        60 => (any::<bool>(), -2_i64..3, -0.5_f64..20.0).prop_map(|(s, b, d)| {
            // Nearer ones are more frequent, so that lines have points.
            Op::Trade(s, b, d * d.abs() / 20.0)
        }),
        1 => (0_i64..60_000).prop_map(Op::Break),
    ]
}

proptest! {
    #[test]
    fn equals_exact_sums_over_all_trades(ops in prop::collection::vec(op(), 0..600)) {
        let mut counts = ArrivalCounts::new(HALFLIFE_S, BIN_BPS);
        let mut naive = Naive::default();
        let mut now = Nanos::secs(1_000);
        for op in ops {
            match op {
                Op::Mid(ms) => {
                    now = now + Nanos::millis(ms);
                    let mid = Px::from_raw(MID.raw() + ms * 1_000_000);
                    counts.on_mid(now, now, mid);
                    naive.on_mid(now.0, mid);
                }
                Op::Trade(buys, blocks, bps) => {
                    let side = if buys { Side::Bid } else { Side::Ask };
                    let mut trade = print(now + Nanos(blocks), side, bps);
                    trade.recv_time = now;
                    counts.on_trade(&trade);
                    naive.on_trade(&trade);
                }
                Op::Break(ms) => {
                    now = now + Nanos::millis(ms);
                    counts.break_series(now);
                    if naive.last.is_some() {
                        naive.watch(now.0);
                    }
                    (naive.last, naive.mids) = (None, Vec::new());
                }
            }
        }
        if counts.last.is_some() {
            counts.pass_time(now);
            naive.watch(now.0);
        }
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9 * b.max(1.0);
        prop_assert!(near(counts.watched_s, naive.watched_s()));
        for bin in 0..ARRIVAL_BINS {
            let reached: f64 = counts.counts[bin..].iter().sum();
            prop_assert!(near(reached, naive.reached(bin)), "bin {}: {}", bin, reached);
        }
        let exact = counts.line().map(|l| [l.rate_per_s, l.decay_per_bps, l.r2]);
        let naive = naive.line();
        prop_assert_eq!(exact.is_some(), naive.is_some(), "{:?} {:?}", exact, naive);
        for (exact, naive) in exact.into_iter().flatten().zip(naive.into_iter().flatten()) {
            prop_assert!((exact / naive - 1.0).abs() < 1e-9, "{} against {}", exact, naive);
        }
    }
}
