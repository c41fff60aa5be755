//! The `adaptive` strategy (STRATEGY §6): what it does to the quote of the model, and from what.
//!
//! - **Regime**: volatility over the last 5 s against that over the last 50 s. Calm markets are quoted
//!   tighter and larger, wild ones wider and smaller.
//! - **Fill rate**: a controller. A *cycle* is a tick's length of time in which something was quoted.
//!   After 100 of them, too few with a fill narrow the spread by a step, too many widen it; the product
//!   of all steps stays within bounds.
//! - **Inventory decay**: the age of a position is the time since it was flat or changed its sign. An
//!   old one widens the side that adds to it and narrows the side that reduces it, more and more.

use crate::types::params::AdaptiveParams;
use crate::types::{Nanos, Px, Qty, Regime};

/// How often the mid is sampled for the regime.
const SAMPLE: Nanos = Nanos::secs(1);
/// Samples kept: the longest window that can be configured (`regime_long_s`), and one.
const MAX_SAMPLES: usize = 601;
/// A gap this long between two mids begins the samples afresh: it is not a move.
const GAP: Nanos = Nanos::secs(5);

/// What the strategy does to the next quote.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adapted {
    /// Volatility regime.
    pub regime: Regime,
    /// Spread multiplier of the regime.
    pub spread_mult: f64,
    /// Size multiplier of the regime.
    pub size_mult: f64,
    /// Spread multiplier of the fill-rate controller.
    pub fill_mult: f64,
    /// How far the inventory decay has gone, [0, 1].
    pub decay: f64,
}

impl Adapted {
    /// What `basic` does: nothing.
    pub const NOTHING: Self = Self {
        regime: Regime::Normal,
        spread_mult: 1.0,
        size_mult: 1.0,
        fill_mult: 1.0,
        decay: 0.0,
    };
}

/// One asset's state.
#[derive(Clone, Debug)]
pub struct Adaptive {
    params: AdaptiveParams,
    tick: Nanos,
    moves: Moves,
    regime: Regime,
    fills: FillRate,
    age: Age,
}

impl Adaptive {
    /// `tick` is the length of a quote cycle.
    pub fn new(params: &AdaptiveParams, tick: Nanos) -> Self {
        Self {
            params: *params,
            tick,
            moves: Moves::default(),
            regime: Regime::Normal,
            fills: FillRate::default(),
            age: Age::default(),
        }
    }

    /// Other parameters; what was learned so far stays, within the new bounds.
    pub fn set_params(&mut self, params: &AdaptiveParams, tick: Nanos) {
        (self.params, self.tick) = (*params, tick);
        let [low, high] = params.fill_rate_bounds;
        self.fills.mult = self.fills.mult.clamp(low, high);
    }

    /// Takes note of a mid.
    pub fn on_mid(&mut self, now: Nanos, mid: Px) {
        if self.moves.update(now, mid) {
            self.regime = self.moves.regime(now, &self.params);
        }
    }

    /// Takes note of a fill, and of the position after it.
    pub fn on_fill(&mut self, now: Nanos, position: Qty) {
        self.fills.roll(now, self.tick, &self.params);
        self.fills.filled = true;
        self.age.update(now, position);
    }

    /// Takes note of a position that came otherwise.
    pub fn on_position(&mut self, now: Nanos, position: Qty) {
        self.age.update(now, position);
    }

    /// Takes note of a decision: whether anything is to be quoted.
    pub fn on_decision(&mut self, now: Nanos, is_quoted: bool) {
        self.fills.roll(now, self.tick, &self.params);
        self.fills.quoted |= is_quoted;
    }

    /// What holds now.
    pub fn adapted(&self, now: Nanos) -> Adapted {
        let p = &self.params;
        let of_regime = |[low, high]: [f64; 2]| match self.regime {
            Regime::Low => low,
            Regime::Normal => 1.0,
            Regime::High => high,
        };
        let old = self.age.at(now) - p.inventory_max_age;
        Adapted {
            regime: self.regime,
            spread_mult: of_regime(p.regime_spread),
            size_mult: of_regime(p.regime_size),
            fill_mult: self.fills.mult,
            decay: (old.as_secs_f64() / p.inventory_decay.as_secs_f64()).clamp(0.0, 1.0),
        }
    }

    /// Share of the last full window's cycles that had a fill; [`None`] before the first is full.
    pub fn fill_rate(&self) -> Option<f64> {
        self.fills.last_rate
    }

    /// How old the position is; zero when flat.
    pub fn age(&self, now: Nanos) -> Nanos {
        self.age.at(now)
    }
}

/// Squared log returns of about a second each, in a ring.
#[derive(Clone, Debug)]
struct Moves {
    last: Option<(Nanos, f64)>,
    /// When each return ended, how long it was, and its square.
    ring: [(Nanos, f64, f64); MAX_SAMPLES],
    next: usize,
    len: usize,
}

impl Default for Moves {
    fn default() -> Self {
        Self { last: None, ring: [(Nanos::ZERO, 0.0, 0.0); MAX_SAMPLES], next: 0, len: 0 }
    }
}

impl Moves {
    /// True when a sample was added.
    fn update(&mut self, now: Nanos, mid: Px) -> bool {
        let log_mid = mid.to_f64().ln();
        if !log_mid.is_finite() {
            return false;
        }
        let Some((then, log_then)) = self.last else {
            self.last = Some((now, log_mid));
            return false;
        };
        let elapsed = now - then;
        if elapsed < Nanos::ZERO || elapsed > GAP {
            *self = Self { last: Some((now, log_mid)), ..Self::default() };
            return true;
        }
        if elapsed < SAMPLE {
            return false;
        }
        let r = log_mid - log_then;
        self.ring[self.next] = (now, elapsed.as_secs_f64(), r * r);
        self.next = (self.next + 1) % MAX_SAMPLES;
        self.len = (self.len + 1).min(MAX_SAMPLES);
        self.last = Some((now, log_mid));
        true
    }

    /// Mean squared return a second over the last `window`, and the time that it covers.
    fn variance(&self, now: Nanos, window: Nanos) -> (f64, f64) {
        let (mut sum, mut time_s) = (0.0, 0.0);
        for i in 1..=self.len {
            let (at, length_s, square) = self.ring[(self.next + MAX_SAMPLES - i) % MAX_SAMPLES];
            if now - at >= window {
                break;
            }
            sum += square;
            time_s += length_s;
        }
        (if time_s > 0.0 { sum / time_s } else { 0.0 }, time_s)
    }

    /// Normal until the long window is nearly full, and when nothing moved at all.
    fn regime(&self, now: Nanos, p: &AdaptiveParams) -> Regime {
        let (short, _) = self.variance(now, p.regime_short);
        let (long, covered_s) = self.variance(now, p.regime_long);
        if long <= 0.0 || covered_s < 0.9 * p.regime_long.as_secs_f64() {
            return Regime::Normal;
        }
        let ratio = (short / long).sqrt();
        if ratio < p.regime_low_ratio {
            Regime::Low
        } else if ratio > p.regime_high_ratio {
            Regime::High
        } else {
            Regime::Normal
        }
    }
}

/// The fill-rate controller.
#[derive(Clone, Copy, Debug)]
struct FillRate {
    /// Number of the present cycle since the epoch.
    cycle: Option<i64>,
    quoted: bool,
    filled: bool,
    quoted_cycles: u32,
    filled_cycles: u32,
    last_rate: Option<f64>,
    mult: f64,
}

impl Default for FillRate {
    fn default() -> Self {
        Self {
            cycle: None,
            quoted: false,
            filled: false,
            quoted_cycles: 0,
            filled_cycles: 0,
            last_rate: None,
            mult: 1.0,
        }
    }
}

impl FillRate {
    /// Ends the present cycle when its time is over. Cycles in which nothing happened are not counted.
    fn roll(&mut self, now: Nanos, tick: Nanos, p: &AdaptiveParams) {
        let cycle = now.0.div_euclid(tick.0);
        if self.cycle.replace(cycle) == Some(cycle) {
            return;
        }
        // What was filled had been quoted, if only in the cycle before.
        self.quoted_cycles += u32::from(self.quoted || self.filled);
        self.filled_cycles += u32::from(self.filled);
        (self.quoted, self.filled) = (false, false);
        if self.quoted_cycles >= p.fill_rate_cycles {
            self.steer(p);
        }
    }

    fn steer(&mut self, p: &AdaptiveParams) {
        let rate = f64::from(self.filled_cycles) / f64::from(self.quoted_cycles);
        let [few, many] = p.fill_rate_band;
        let [down, up] = p.fill_rate_step;
        let step = match rate {
            r if r < few => down,
            r if r > many => up,
            _ => 1.0,
        };
        let [low, high] = p.fill_rate_bounds;
        self.mult = (self.mult * step).clamp(low, high);
        self.last_rate = Some(rate);
        (self.quoted_cycles, self.filled_cycles) = (0, 0);
    }
}

/// Since when a position has its sign.
#[derive(Clone, Copy, Debug, Default)]
struct Age {
    sign: i64,
    since: Nanos,
}

impl Age {
    fn update(&mut self, now: Nanos, position: Qty) {
        let sign = position.raw().signum();
        if sign != self.sign {
            *self = Self { sign, since: now };
        }
    }
    fn at(&self, now: Nanos) -> Nanos {
        if self.sign == 0 { Nanos::ZERO } else { (now - self.since).max(Nanos::ZERO) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TICK: Nanos = Nanos::secs(1);

    fn adaptive() -> Adaptive {
        Adaptive::new(&AdaptiveParams::default(), TICK)
    }

    /// A mid that goes up and down by so much each second.
    fn swing(a: &mut Adaptive, from_s: i64, seconds: i64, cents: i64) {
        for s in from_s..from_s + seconds {
            let px = Px::from_raw(100 * 100_000_000 + (s % 2) * cents * 1_000_000);
            a.on_mid(Nanos::secs(s), px);
        }
    }

    #[test]
    fn the_regime_is_the_short_volatility_against_the_long_one() {
        let mut a = adaptive();
        swing(&mut a, 0, 40, 10);
        assert_eq!(a.adapted(Nanos::secs(40)).regime, Regime::Normal, "too early to say");
        swing(&mut a, 40, 40, 10);
        assert_eq!(a.adapted(Nanos::secs(80)), Adapted::NOTHING);
        // Five wild seconds among fifty: sqrt(25 / ((45 + 5 * 25) / 50)) = 2.7.
        swing(&mut a, 80, 5, 50);
        let wild = a.adapted(Nanos::secs(85));
        assert_eq!((wild.regime, wild.spread_mult, wild.size_mult), (Regime::High, 1.5, 0.6));
        swing(&mut a, 85, 60, 10);
        assert_eq!(a.adapted(Nanos::secs(145)).regime, Regime::Normal);
        swing(&mut a, 145, 5, 1);
        let calm = a.adapted(Nanos::secs(150));
        assert_eq!((calm.regime, calm.spread_mult, calm.size_mult), (Regime::Low, 0.7, 1.3));
        // Nothing moves at all, or the feed was gone: nothing is concluded.
        swing(&mut a, 150, 60, 0);
        assert_eq!(a.adapted(Nanos::secs(210)).regime, Regime::Normal);
        swing(&mut a, 210, 60, 10);
        a.on_mid(Nanos::secs(300), Px::whole(500));
        assert_eq!(a.adapted(Nanos::secs(300)).regime, Regime::Normal);
        a.on_mid(Nanos::secs(20), Px::whole(500));
        assert_eq!(a.adapted(Nanos::secs(20)).regime, Regime::Normal, "a clock that went back");
    }

    /// Quotes every 100 ms for so many cycles, with a fill in each `every`-th; 0 = none.
    fn cycles(a: &mut Adaptive, from: i64, count: i64, every: i64) {
        for cycle in from..from + count {
            for step in 0..10 {
                let now = Nanos::millis(cycle * 1_000 + step * 100);
                a.on_decision(now, true);
                if every > 0 && cycle % every == 0 && step == 5 {
                    a.on_fill(now, Qty::ZERO);
                }
            }
        }
    }

    #[test]
    fn the_fill_rate_steers_the_spread_within_its_bounds() {
        let mult = |a: &Adaptive| a.adapted(Nanos::ZERO).fill_mult;
        let mut a = adaptive();
        cycles(&mut a, 0, 100, 0);
        assert_eq!((mult(&a), a.fill_rate()), (1.0, None), "the hundredth cycle is not over");
        cycles(&mut a, 100, 1, 0);
        assert_eq!((mult(&a), a.fill_rate()), (0.85, Some(0.0)));
        // A fill in every third cycle is within the band.
        cycles(&mut a, 101, 100, 3);
        assert!((mult(&a) - 0.85).abs() < 1e-12 && a.fill_rate() > Some(0.3));
        cycles(&mut a, 201, 100, 1);
        assert!((mult(&a) - 0.85 * 1.15).abs() < 1e-12);
        cycles(&mut a, 301, 2_000, 1);
        assert!((mult(&a) - 2.0).abs() < 1e-12, "the upper bound");
        cycles(&mut a, 2_301, 3_000, 0);
        assert!((mult(&a) - 0.5).abs() < 1e-12, "the lower bound");
        let bounds = AdaptiveParams { fill_rate_bounds: [0.9, 1.1], ..AdaptiveParams::default() };
        a.set_params(&bounds, TICK);
        assert!((mult(&a) - 0.9).abs() < 1e-12, "new bounds hold at once");
    }

    #[test]
    fn cycles_without_quotes_do_not_count() {
        let mut a = adaptive();
        (0..10_000).for_each(|s| a.on_decision(Nanos::secs(s), false));
        assert_eq!(a.fill_rate(), None);
    }

    #[test]
    fn an_old_position_decays() {
        let mut a = adaptive();
        let decay = |a: &Adaptive, s| (a.adapted(Nanos::secs(s)).decay * 1e3).round() as i64;
        assert_eq!((decay(&a, 100), a.age(Nanos::secs(100))), (0, Nanos::ZERO));
        a.on_fill(Nanos::secs(100), Qty::whole(1));
        assert_eq!([decay(&a, 130), decay(&a, 145)], [0, 500], "thousandths");
        a.on_fill(Nanos::secs(146), Qty::whole(2));
        assert_eq!(decay(&a, 170), 1_000, "adding to it does not make it younger");
        assert_eq!(a.age(Nanos::secs(170)), Nanos::secs(70));
        a.on_fill(Nanos::secs(171), Qty::whole(-1));
        assert_eq!(decay(&a, 190), 0, "another sign is another position");
        assert_eq!(decay(&a, 90), 0, "a clock that went back");
        a.on_position(Nanos::secs(300), Qty::ZERO);
        assert_eq!(a.age(Nanos::secs(400)), Nanos::ZERO);
    }

    proptest! {
        /// Whatever happens, each number stays within its bounds.
        #[test]
        fn every_number_has_its_bounds(
            events in proptest::collection::vec((0_u8..4, -5_000_i64..20_000, -500_i64..500), 1..300),
        ) {
            let (mut a, mut now) = (adaptive(), Nanos::secs(1_000));
            let p = AdaptiveParams { fill_rate_cycles: 5, ..AdaptiveParams::default() };
            a.set_params(&p, TICK);
            for (what, ms, x) in events {
                now = now + Nanos::millis(ms);
                match what {
                    0 => a.on_mid(now, Px::whole(1_000 + x)),
                    1 => a.on_fill(now, Qty::whole(x)),
                    2 => a.on_decision(now, x > 0),
                    _ => a.on_position(now, Qty::whole(x)),
                }
                let got = a.adapted(now);
                prop_assert!((0.5..=2.0).contains(&got.fill_mult));
                prop_assert!((0.0..=1.0).contains(&got.decay));
                prop_assert!([0.7, 1.0, 1.5].iter().any(|m| (m - got.spread_mult).abs() < 1e-12));
                prop_assert!(a.fill_rate().is_none_or(|r| (0.0..=1.0).contains(&r)));
            }
        }
    }
}
