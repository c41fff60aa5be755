//! Who trades in a synthetic market: a fair value that nobody controls, takers who know it and
//! takers who do not, and providers who follow it late.
//!
//! Every agent draws from a stream of its own. The fair value, activity and the uninformed takers
//! draw the same numbers whatever rests in the book, so our orders cannot change them; providers
//! and informed takers react to the book, and therefore to us.

use super::profile::MarketProfile;
use crate::types::{Instrument, Oid, Px, Qty, Side, Usd, nearest};
use crate::venue::sim::matching::{Match, OrderBook};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Exp1, StandardNormal};

/// Ids of agents' orders have this bit, ids of ours do not.
pub(super) const AGENT_BIT: u64 = 1 << 63;
/// Prices a side that the backstop keeps filled, more than a snapshot shows.
const BACKSTOP_LEVELS: usize = 24;
/// Smallest order value of an agent, USD; the venue's own minimum is 10.
const MIN_ORDER_USD: f64 = 11.0;
/// How far from the fair value an uninformed taker is still willing to trade, basis points.
const UNINFORMED_LIMIT_BPS: f64 = 50.0;
/// Largest relative move of one jump: a profile's tail stays a price.
const MAX_JUMP: f64 = 0.2;

/// A random stream of one purpose.
pub(super) fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// The latent price that everything is worth. A martingale: each step's return is symmetric around
/// zero given the past, so no strategy can expect to gain from holding a position.
#[derive(Debug)]
pub(super) struct FairValue {
    rng: ChaCha8Rng,
    px: f64,
    /// Logarithm of activity, less its mean.
    log_activity: f64,
    activity: f64,
}

impl FairValue {
    pub(super) fn new(mut rng: ChaCha8Rng, profile: &MarketProfile) -> Self {
        let z: f64 = rng.sample(StandardNormal);
        let mut this = Self {
            rng,
            px: profile.start_px,
            log_activity: profile.activity_log_std * z,
            activity: 1.0,
        };
        this.activity = this.current_activity(profile);
        this
    }

    pub(super) fn px(&self) -> f64 {
        self.px
    }

    /// Multiplier of rates and variances; mean 1.
    pub(super) fn activity(&self) -> f64 {
        self.activity
    }

    /// Lets `dt_s` seconds pass.
    pub(super) fn step(&mut self, dt_s: f64, profile: &MarketProfile) {
        let kept = (-dt_s / profile.activity_memory_s).exp();
        let z: f64 = self.rng.sample(StandardNormal);
        let shock = profile.activity_log_std * (1.0 - kept * kept).sqrt();
        self.log_activity = kept * self.log_activity + shock * z;
        self.activity = self.current_activity(profile);

        let z: f64 = self.rng.sample(StandardNormal);
        let mut change = profile.diffusion_bps * 1e-4 * (self.activity * dt_s).sqrt() * z;
        let jumps = profile.jumps_per_min / 60.0 * self.activity * dt_s;
        for _ in 0..poisson(&mut self.rng, jumps) {
            let magnitude: f64 = self.rng.sample(Exp1);
            let magnitude = (magnitude * profile.jump_bps * 1e-4).min(MAX_JUMP);
            change += if self.rng.random::<bool>() { magnitude } else { -magnitude };
        }
        self.px *= 1.0 + change.clamp(-0.5, 0.5);
    }

    fn current_activity(&self, profile: &MarketProfile) -> f64 {
        let s = profile.activity_log_std;
        (self.log_activity - 0.5 * s * s).exp()
    }
}

/// Those who cross the spread.
#[derive(Debug)]
pub(super) struct Takers {
    uninformed: ChaCha8Rng,
    informed: ChaCha8Rng,
}

impl Takers {
    pub(super) fn new(uninformed: ChaCha8Rng, informed: ChaCha8Rng) -> Self {
        Self { uninformed, informed }
    }

    /// Lets `dt_s` seconds' worth of taker orders meet the book, appending what traded to `trades`
    /// with the aggressor's side.
    pub(super) fn step(
        &mut self,
        dt_s: f64,
        fair: &FairValue,
        market: &mut Surroundings<'_>,
        trades: &mut Vec<(Side, Match)>,
    ) {
        let profile = market.profile;
        let rate = profile.uninformed_per_min / 60.0 * fair.activity() * dt_s;
        for _ in 0..poisson(&mut self.uninformed, rate) {
            let side = if self.uninformed.random::<bool>() { Side::Bid } else { Side::Ask };
            let usd = log_normal(
                &mut self.uninformed,
                profile.uninformed_usd,
                profile.uninformed_log_std,
            );
            let reach = 1.0 + side.sign() as f64 * UNINFORMED_LIMIT_BPS * 1e-4;
            market.take(side, fair.px() * reach, usd.min(profile.uninformed_max_usd), trades);
        }
        let attempts = poisson(&mut self.informed, profile.informed_per_min / 60.0 * dt_s);
        for _ in 0..attempts {
            let edge = profile.informed_edge_ticks * market.tick(fair.px());
            let side = if market.touch_is_beyond(Side::Bid, fair.px() - edge) {
                Side::Bid
            } else if market.touch_is_beyond(Side::Ask, fair.px() + edge) {
                Side::Ask
            } else {
                break;
            };
            let usd =
                log_normal(&mut self.informed, profile.informed_usd, profile.informed_log_std);
            let limit = fair.px() - side.sign() as f64 * edge;
            market.take(side, limit, usd.min(profile.informed_max_usd), trades);
        }
    }
}

/// What agents act upon: the book of their asset and its rules.
pub(super) struct Surroundings<'a> {
    pub(super) book: &'a mut OrderBook,
    pub(super) instrument: &'a Instrument,
    pub(super) profile: &'a MarketProfile,
    /// Kept between calls so that it never allocates twice.
    pub(super) matches: &'a mut Vec<Match>,
}

impl Surroundings<'_> {
    fn tick(&self, px: f64) -> f64 {
        self.instrument.tick_at(to_px(px)).to_f64()
    }

    /// A legal size worth about `usd` at `px`, rounded down but at least one lot.
    fn qty(&self, usd: f64, px: Px) -> Qty {
        let usd = Usd::from_raw((usd * 1e8) as i64);
        self.instrument.round_qty_down(usd.qty_at(px)).max(self.instrument.lot())
    }

    /// Whether a taker of `side` could trade at `limit` or better.
    fn touch_is_beyond(&self, side: Side, limit: f64) -> bool {
        let best = self.book.best(side.opposite());
        best.is_some_and(|level| match side {
            Side::Bid => level.px.to_f64() <= limit,
            Side::Ask => level.px.to_f64() >= limit,
        })
    }

    fn take(&mut self, side: Side, limit: f64, usd: f64, trades: &mut Vec<(Side, Match)>) {
        let limit = match side {
            Side::Bid => self.instrument.round_px_down(to_px(limit)),
            Side::Ask => self.instrument.round_px_up(to_px(limit)),
        };
        let qty = self.qty(usd.max(MIN_ORDER_USD), limit);
        self.matches.clear();
        self.book.take(side, Some(limit), qty, self.matches);
        trades.extend(self.matches.iter().map(|m| (side, *m)));
    }
}

/// Passive liquidity providers. Each keeps a ladder of orders behind its view of the fair value,
/// which is one block old and a little wrong; orders come and go at random, those that the fair
/// value ran over go faster.
#[derive(Debug)]
pub(super) struct Providers {
    rng: ChaCha8Rng,
    /// Orders by side, in no particular order; those that filled are dropped when met.
    live: [Vec<Oid>; 2],
    placed: u64,
    /// Kept between calls so that it never allocates twice.
    stale: Vec<Oid>,
}

impl Providers {
    pub(super) fn new(rng: ChaCha8Rng) -> Self {
        Self { rng, live: [Vec::new(), Vec::new()], placed: 0, stale: Vec::new() }
    }

    /// Fills an empty book to its undisturbed state.
    pub(super) fn populate(&mut self, fair: f64, market: &mut Surroundings<'_>) {
        for side in Side::BOTH {
            self.arrive(side, fair, 1.0, market);
            self.backstop(side, fair, market);
        }
    }

    /// Lets `dt_s` seconds' worth of cancels and new orders happen, by those who believe in the
    /// fair value `seen`.
    pub(super) fn step(&mut self, dt_s: f64, seen: f64, market: &mut Surroundings<'_>) {
        let profile = market.profile;
        for side in Side::BOTH {
            self.pull_stale(side, dt_s, seen, market);
            self.give_up(side, dt_s, market);
        }
        // Whoever comes first may close the gap: neither side always does.
        let first = if self.rng.random::<bool>() { Side::Bid } else { Side::Ask };
        for side in [first, first.opposite()] {
            self.arrive(side, seen, profile.cancel_per_s * dt_s, market);
            self.improve(side, dt_s, seen, market);
            self.backstop(side, seen, market);
        }
    }

    /// Cancels orders that the fair value has run over.
    fn pull_stale(&mut self, side: Side, dt_s: f64, seen: f64, market: &mut Surroundings<'_>) {
        let slack = market.profile.tolerance_ticks * market.tick(seen);
        let bound = to_px(seen + side.sign() as f64 * slack);
        self.stale.clear();
        for level in market.book.levels(side) {
            if !side.is_better(level.px, bound) {
                break;
            }
            let agents = market.book.queue(side, level.px).map(|(oid, _)| oid);
            self.stale.extend(agents.filter(|oid| oid.0 & AGENT_BIT != 0));
        }
        let pulled = 1.0 - (-market.profile.stale_cancel_per_s * dt_s).exp();
        for oid in &self.stale {
            if self.rng.random::<f64>() < pulled {
                market.book.cancel(*oid);
            }
        }
    }

    /// Cancels orders for no reason.
    fn give_up(&mut self, side: Side, dt_s: f64, market: &mut Surroundings<'_>) {
        let live = &mut self.live[side.index()];
        let mean = market.profile.cancel_per_s * dt_s * live.len() as f64;
        for _ in 0..poisson(&mut self.rng, mean) {
            if live.is_empty() {
                return;
            }
            let pick = self.rng.random_range(0..live.len());
            market.book.cancel(live.swap_remove(pick));
        }
    }

    /// New orders over the whole ladder: `turnover` of it in the mean.
    fn arrive(&mut self, side: Side, seen: f64, turnover: f64, market: &mut Surroundings<'_>) {
        let MarketProfile { touch_orders, orders_per_level, ladder_levels, .. } = *market.profile;
        for _ in 0..poisson(&mut self.rng, turnover * touch_orders) {
            self.place(side, seen, 0, market);
        }
        let further = f64::from(ladder_levels - 1) * orders_per_level;
        for _ in 0..poisson(&mut self.rng, turnover * further) {
            let level = self.rng.random_range(1..ladder_levels);
            self.place(side, seen, level, market);
        }
    }

    /// Steps into a spread that is wider than providers want.
    fn improve(&mut self, side: Side, dt_s: f64, seen: f64, market: &mut Surroundings<'_>) {
        let (bid, ask) = market.book.touch();
        let wanted = market.profile.spread_ticks * market.tick(seen);
        let wide = (ask.px - bid.px).to_f64() > wanted * (1.0 + 1e-9);
        let one_sided = bid.qty.is_zero() || ask.qty.is_zero();
        if (wide || one_sided)
            && self.rng.random::<f64>() < 1.0 - (-market.profile.improve_per_s * dt_s).exp()
        {
            self.place(side, seen, 0, market);
        }
    }

    /// Keeps more prices filled than a snapshot shows, from the best outwards.
    fn backstop(&mut self, side: Side, seen: f64, market: &mut Surroundings<'_>) {
        let mut level = 0;
        while market.book.level_count(side) < BACKSTOP_LEVELS && level < 1_000 {
            if let Some(px) = self.ladder_px(side, seen, level, market)
                && market.book.qty_at(side, px).is_zero()
            {
                self.place(side, seen, level, market);
            }
            level += 1;
        }
    }

    fn place(&mut self, side: Side, seen: f64, level: u32, market: &mut Surroundings<'_>) {
        let noise: f64 = self.rng.sample(StandardNormal);
        let view = seen + noise * market.profile.noise_ticks * market.tick(seen);
        let profile = market.profile;
        let mean_usd = match level {
            0 => profile.touch_usd / profile.touch_orders,
            _ => {
                let deeper = 1.0 + profile.level_slope * f64::from(level.min(10) - 1);
                profile.level_usd * deeper / profile.orders_per_level
            }
        };
        // The mean of a log-normal is its median times exp(s²/2).
        let s = profile.order_log_std;
        let usd = log_normal(&mut self.rng, mean_usd * (-0.5 * s * s).exp(), s);
        let Some(px) = self.ladder_px(side, view, level, market) else { return };
        let oid = Oid(AGENT_BIT | self.placed);
        self.placed += 1;
        market.book.place(oid, side, px, market.qty(usd.max(MIN_ORDER_USD), px));
        self.live[side.index()].push(oid);
    }

    /// Price of a ladder's level for a provider that believes in `view`: never one that trades.
    /// [`None`] below the smallest price.
    fn ladder_px(
        &self,
        side: Side,
        view: f64,
        level: u32,
        market: &Surroundings<'_>,
    ) -> Option<Px> {
        let instrument = market.instrument;
        let tick = market.tick(view);
        let half_extra = 0.5 * (market.profile.spread_ticks - 1.0) * tick;
        let away = f64::from(level * market.profile.ladder_step_ticks) * tick;
        let other = market.book.best(side.opposite());
        let px = match side {
            Side::Bid => {
                let own = instrument.round_px_down(to_px(view - half_extra));
                let best = other.map_or(own, |o| own.min(instrument.tick_below(o.px)));
                instrument.round_px_down(to_px(best.to_f64() - away))
            }
            Side::Ask => {
                let own = instrument.round_px_up(to_px(view + half_extra));
                let best = other.map_or(own, |o| own.max(instrument.tick_above(o.px)));
                instrument.round_px_up(to_px(best.to_f64() + away))
            }
        };
        px.is_positive().then_some(px)
    }
}

/// Nearest fixed-point price: the grid is applied afterwards, with a direction.
fn to_px(px: f64) -> Px {
    Px::from_raw(nearest(px * 1e8))
}

fn log_normal(rng: &mut ChaCha8Rng, median: f64, log_std: f64) -> f64 {
    let z: f64 = rng.sample(StandardNormal);
    median * (log_std * z).exp()
}

/// A Poisson count. Large means are split, so that `exp` never runs out of range.
fn poisson(rng: &mut ChaCha8Rng, mean: f64) -> u32 {
    if mean > 32.0 {
        let half = 0.5 * mean;
        return poisson(rng, half) + poisson(rng, half);
    }
    let floor = (-mean).exp();
    let (mut count, mut product) = (0, rng.random::<f64>());
    while product > floor {
        count += 1;
        product *= rng.random::<f64>();
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poisson_counts_have_their_mean_and_variance() {
        let mut rng = stream(11, 0);
        for mean in [0.02, 1.0, 9.0, 100.0] {
            let n = 20_000;
            let counts: Vec<f64> = (0..n).map(|_| f64::from(poisson(&mut rng, mean))).collect();
            let got = counts.iter().sum::<f64>() / f64::from(n);
            let variance = counts.iter().map(|c| (c - got).powi(2)).sum::<f64>() / f64::from(n);
            let error = (mean / f64::from(n)).sqrt();
            assert!((got - mean).abs() < 5.0 * error, "seed 11: mean {got} of {mean}");
            assert!((variance / mean - 1.0).abs() < 0.3, "seed 11: variance {variance} of {mean}");
        }
    }

    /// Ten times the time that a whole market can be run for in a test: finds smaller drifts.
    #[test]
    fn the_fair_value_is_a_martingale() {
        for profile in [MarketProfile::btc(), MarketProfile::eth(), MarketProfile::sol()] {
            let (mut returns, mut n) = ([0.0_f64; 2], 0.0);
            for seed in 0..20 {
                let mut fair = FairValue::new(stream(seed, 0), &profile);
                for _ in 0..100_000 {
                    let before = fair.px();
                    fair.step(0.08, &profile);
                    let r = fair.px() / before - 1.0;
                    returns = [returns[0] + r, returns[1] + r * r];
                    n += 1.0;
                }
            }
            let (mean, error) = (returns[0] / n, (returns[1] / n / n).sqrt());
            assert!(mean.abs() < 3.0 * error, "seeds 0..20: {mean:e} ± {error:e} a step");
        }
    }

    #[test]
    fn activity_has_mean_one() {
        let profile = MarketProfile::sol();
        let mut fair = FairValue::new(stream(12, 0), &profile);
        // Independent draws: steps far longer than the memory.
        let n = 20_000;
        let total: f64 = (0..n)
            .map(|_| {
                fair.step(
                    100.0 * profile.activity_memory_s,
                    &MarketProfile { diffusion_bps: 0.0, jumps_per_min: 0.0, ..profile },
                );
                fair.activity()
            })
            .sum();
        assert!(
            (total / f64::from(n) - 1.0).abs() < 0.03,
            "seed 12: mean {}",
            total / f64::from(n)
        );
    }

    #[test]
    fn providers_pull_what_the_fair_value_ran_over() {
        let (profile, mut book, mut matches) = (MarketProfile::eth(), OrderBook::new(), Vec::new());
        let instrument = crate::coins::coin("ETH", 4);
        let mut market = Surroundings {
            book: &mut book,
            instrument: &instrument,
            profile: &profile,
            matches: &mut matches,
        };
        let mut providers = Providers::new(stream(13, 0));
        providers.populate(4_290.05, &mut market);
        for _ in 0..60 {
            providers.step(0.08, 4_293.05, &mut market);
        }
        let (bid, ask) = market.book.touch();
        assert!(bid.px.to_f64() > 4_292.5 && ask.px.to_f64() < 4_293.5, "seed 13: {bid:?} {ask:?}");
    }
}
