//! Mark, oracle and funding of each asset.
//!
//! There is no other exchange to look at, so the oracle is this market's own mid, smoothed: every
//! three seconds it moves a quarter of the way. The mark is the median of oracle plus the average
//! distance of the mid from it (150 s), of the median of bid, ask and last trade, and of the mid
//! (where the venue takes other exchanges' mids). An empty side, or a far stub in its place, moves none of
//! them.
//!
//! Funding as PROTOCOL §7.2: the premium is sampled every five seconds, averaged over the hour, and
//! paid on the hour.

use super::Venue;
use super::account::mul_div;
use super::candles::Tape;
use crate::exchange::model::{AssetCtx, Event, FundingPayment};
use botmm_pipeline::types::{AssetId, Level, Nanos, Px, Qty, SCALE, Side, Usd};
use botmm_pipeline::venue::sim::DepthLevel;

/// Time between updates of mark and oracle.
const PRICE_INTERVAL: Nanos = Nanos::secs(3);
/// Time between samples of the premium.
const SAMPLE_INTERVAL: Nanos = Nanos::secs(5);
/// Time between payments, on the hour.
const FUNDING_INTERVAL: Nanos = Nanos::secs(3_600);
/// The oracle moves one part in so many of the way to the mid.
const ORACLE_SHARE: i64 = 4;
/// The basis forgets one part in so many: 150 seconds of three.
const BASIS_SHARE: i64 = 50;
/// A touch wider than one part in so many of its middle says nothing about the price: 2 %.
const WIDEST_PART: i64 = 50;
/// Levels looked at for impact prices.
const IMPACT_LEVELS: usize = 100;
/// Units in 1 of a rate.
const RATE_ONE: i64 = 10_000_000_000;
/// Interest in eight hours: 0.0001.
const INTEREST: i64 = 1_000_000;
/// How far interest may pull the premium: 0.0005.
const PULL: i64 = 5_000_000;
/// Highest hourly rate: 4 %.
const HIGHEST_RATE: i64 = 400_000_000;
/// Hourly payments of one eight-hour rate.
const PAYMENTS: i64 = 8;
/// Hourly rates remembered: a month.
const MAX_RATES: usize = 31 * 24;

/// What the venue keeps of one asset besides its book.
#[derive(Debug, Default)]
pub(super) struct AssetState {
    pub tape: Tape,
    /// The touch that the public knows, bid and ask.
    pub shown: (Level, Level),
    /// The newest block in which its market was in sight.
    pub seen: Nanos,
    oracle: Px,
    /// Average distance of the mid from the oracle.
    basis: i64,
    premium: Option<i64>,
    impact: Option<[Px; 2]>,
    /// Sum and number of this hour's premium samples.
    samples: (i64, i64),
    rates: Vec<(Nanos, i64, i64)>,
}

impl AssetState {
    /// Before the first block.
    pub fn opening(at: Nanos) -> Self {
        Self { seen: at, ..Self::default() }
    }

    /// Hourly rates, oldest first.
    pub fn rates(&self) -> &[(Nanos, i64, i64)] {
        &self.rates
    }

    /// What an hour like this one so far would pay, and its premium.
    fn rate(&self) -> (i64, i64) {
        let (sum, count) = self.samples;
        let premium = if count == 0 { self.premium.unwrap_or(0) } else { sum / count };
        (hourly_rate(premium), premium)
    }
}

/// The hourly rate of an average premium.
pub(super) fn hourly_rate(premium: i64) -> i64 {
    let eight_hours = premium + (INTEREST - premium).clamp(-PULL, PULL);
    (eight_hours / PAYMENTS).clamp(-HIGHEST_RATE, HIGHEST_RATE)
}

/// When each of these is next due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    prices: Nanos,
    sample: Nanos,
    funding: Nanos,
}

impl Schedule {
    /// From a venue's first moment.
    pub fn starting(at: Nanos) -> Self {
        Self { prices: at, sample: at, funding: next_multiple(at, FUNDING_INTERVAL) }
    }
}

impl Venue {
    /// Updates marks, oracles and premiums, and pays funding, when they are due.
    pub(super) fn update_prices(&mut self) {
        let now = self.time;
        // An asset without a mark cannot be traded: it gets one as soon as it has a touch.
        let missing: Vec<AssetId> = self
            .universe
            .assets()
            .filter(|a| self.marks[a.index()].is_zero() && self.mid(*a).is_some())
            .collect();
        for asset in missing {
            self.update_asset(asset);
        }
        if now >= self.schedule.prices {
            self.schedule.prices = next_multiple(now, PRICE_INTERVAL);
            for asset in self.universe.assets() {
                self.update_asset(asset);
            }
            self.liquidate();
        }
        if now >= self.schedule.sample {
            self.schedule.sample = next_multiple(now, SAMPLE_INTERVAL);
            for asset in self.universe.assets() {
                self.sample_premium(asset);
            }
        }
        if now >= self.schedule.funding {
            self.schedule.funding = next_multiple(now, FUNDING_INTERVAL);
            for asset in self.universe.assets() {
                self.pay_funding(asset);
            }
        }
    }

    fn update_asset(&mut self, asset: AssetId) {
        let Some(mid) = self.mid(asset) else { return };
        let (bid, ask) = self.market.touch(asset);
        let state = &mut self.assets[asset.index()];
        if state.oracle.is_zero() {
            state.oracle = mid;
        } else if ask.px.raw() - bid.px.raw() > mid.raw() / WIDEST_PART {
            return; // A side is but a far stub: the middle is no price, and the mark stays.
        }
        let gap = mid.raw() - state.oracle.raw();
        state.oracle = Px::from_raw(state.oracle.raw() + gap / ORACLE_SHARE);
        let basis = mid.raw() - state.oracle.raw() - state.basis;
        state.basis += basis / BASIS_SHARE;
        let last = state.tape.last().unwrap_or(mid);
        let smoothed = Px::from_raw(state.oracle.raw() + state.basis);
        let mark = median(smoothed, median(bid.px, ask.px, last), mid);
        self.marks[asset.index()] = self.on_grid(asset, mark);
        self.events.push(Event::Ctx(asset));
    }

    fn sample_premium(&mut self, asset: AssetId) {
        // What is out of sight has no premium.
        let impact = self.mid(asset).and_then(|_| self.impact(asset));
        let oracle = self.oracle(asset);
        let state = &mut self.assets[asset.index()];
        state.impact = impact;
        state.premium = impact.filter(|_| oracle.is_positive()).map(|[bid, ask]| {
            let above = (bid - oracle).max(Px::ZERO) - (oracle - ask).max(Px::ZERO);
            mul_div(above.raw(), RATE_ONE, oracle.raw())
        });
        if let Some(premium) = state.premium {
            state.samples.0 += premium;
            state.samples.1 += 1;
        }
    }

    fn pay_funding(&mut self, asset: AssetId) {
        let (time, oracle) = (self.time, self.oracle(asset));
        let state = &mut self.assets[asset.index()];
        let (rate_e10, premium) = state.rate();
        state.samples = (0, 0);
        if state.rates.len() == MAX_RATES {
            state.rates.remove(0);
        }
        state.rates.push((time, rate_e10, premium));
        for account in &mut self.accounts {
            let i = asset.index();
            let szi = account.positions[i].szi;
            if szi.is_zero() {
                continue;
            }
            let cost = funding_cost(szi, oracle, rate_e10);
            let is_cross = account.leverage[i].is_cross;
            let position = &mut account.positions[i];
            let money = if is_cross { &mut account.cash } else { &mut position.raw };
            *money -= cost;
            position.funding[0] += cost;
            position.funding[1] += cost;
            let user = account.address;
            let payment = FundingPayment { user, asset, usdc: -cost, szi, rate_e10, time };
            account.remember_funding(payment.clone());
            self.events.push(Event::Funding(payment));
        }
        self.events.push(Event::Ctx(asset));
    }

    /// The middle of the touch, when both sides are there and in sight.
    pub(super) fn mid(&self, asset: AssetId) -> Option<Px> {
        if self.market.is_stale(asset) {
            return None;
        }
        let (bid, ask) = self.market.touch(asset);
        let both = bid.qty.is_positive() && ask.qty.is_positive();
        both.then(|| Px::from_raw((bid.px.raw() + ask.px.raw()) / 2))
    }

    fn oracle(&self, asset: AssetId) -> Px {
        self.on_grid(asset, self.assets[asset.index()].oracle)
    }

    /// With as many decimals as the asset's prices may have.
    fn on_grid(&self, asset: AssetId, px: Px) -> Px {
        let step = 10_i64.pow(2 + u32::from(self.universe.get(asset).sz_decimals));
        Px::from_raw(px.raw() / step * step)
    }

    /// Average prices at which a standard amount could be sold and bought.
    fn impact(&self, asset: AssetId) -> Option<[Px; 2]> {
        let large = matches!(self.universe.get(asset).coin.as_str(), "BTC" | "ETH");
        let amount = Usd::whole(if large { 20_000 } else { 6_000 });
        let mut levels = Vec::new();
        let mut average = |side| {
            levels.clear();
            self.market.depth(asset, side, IMPACT_LEVELS, &mut levels);
            average_px(&levels, amount)
        };
        Some([average(Side::Bid)?, average(Side::Ask)?])
    }

    /// See [`Venue::ctx`].
    pub(super) fn asset_ctx(&self, asset: AssetId) -> AssetCtx {
        let state = &self.assets[asset.index()];
        let mark = self.marks[asset.index()];
        let (prev_day, day_volume_usd, day_volume) = state.tape.day(self.time);
        let sizes = self.accounts.iter().map(|a| a.positions[asset.index()].szi);
        let (mut longs, mut net) = (Qty::ZERO, Qty::ZERO);
        for szi in sizes {
            longs += szi.max(Qty::ZERO);
            net += szi;
        }
        AssetCtx {
            mark,
            oracle: self.oracle(asset),
            mid: self.mid(asset),
            prev_day: prev_day.unwrap_or(mark),
            day_volume_usd,
            day_volume,
            funding_e10: state.rate().0,
            premium_e10: state.premium,
            impact: state.impact,
            // What users are short beyond their longs, the market's agents are long.
            open_interest: longs + (-net).max(Qty::ZERO),
        }
    }
}

/// What a position pays: `szi · oracle · rate`, truncated to six decimals.
fn funding_cost(szi: Qty, oracle: Px, rate_e10: i64) -> Usd {
    let value = i128::from(szi.raw()) * i128::from(oracle.raw()) / i128::from(SCALE);
    Usd::clamped(value * i128::from(rate_e10) / i128::from(RATE_ONE) / 100 * 100)
}

/// The first multiple of an interval after a moment.
fn next_multiple(after: Nanos, interval: Nanos) -> Nanos {
    Nanos((after.0.div_euclid(interval.0) + 1) * interval.0)
}

fn median(a: Px, b: Px, c: Px) -> Px {
    a.min(b).max(a.max(b).min(c))
}

/// Average price of an amount that takes these levels, best first.
fn average_px(levels: &[DepthLevel], amount: Usd) -> Option<Px> {
    let (mut left, mut size) = (amount, Qty::ZERO);
    for DepthLevel { level, .. } in levels {
        let wanted = left.qty_at(level.px);
        if wanted <= level.qty {
            size += wanted;
            return (size.is_positive())
                .then(|| Px::from_raw(mul_div(amount.raw(), SCALE, size.raw())));
        }
        size += level.qty;
        left -= botmm_pipeline::types::notional(level.px, level.qty);
    }
    None
}
