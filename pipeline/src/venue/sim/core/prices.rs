//! Mark, oracle and funding of each asset.
//!
//! Where the market's source tells what its venue's prices are ([`Market::told_prices`]), they hold. Else
//! there is no other exchange to look at, so the oracle is this market's own mid, smoothed: every
//! three seconds it moves a quarter of the way. The mark is the median of oracle plus the average
//! distance of the mid from it (150 s), of the median of bid, ask and last trade, and of the mid
//! (where the venue takes other exchanges' mids). An empty side, or a far stub in its place, moves none of
//! them.
//!
//! Funding as PROTOCOL §7.2: the premium is sampled every five seconds, averaged over the hour, and
//! paid on the hour.

use super::Core;
use super::account::mul_div;
use super::order::{Fact, Sink};
use crate::types::{AssetId, Nanos, Px, Qty, SCALE, Side, Usd, notional};
use crate::venue::sim::{DepthLevel, Market};

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
pub(super) const IMPACT_LEVELS: usize = 100;
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

/// What the core keeps of one asset besides its book and its mark.
#[derive(Clone, Copy, Debug, Default)]
pub struct Prices {
    /// Not rounded: see [`Core::oracle`].
    oracle: Px,
    /// Average distance of the mid from the oracle.
    basis: i64,
    /// Price of the last trade; zero = none yet.
    last: Px,
    /// Premium of the impact prices over the oracle, units of 1e-10; [`None`] without a book.
    pub premium: Option<i64>,
    /// Impact bid and ask; [`None`] when the book is too thin.
    pub impact: Option<[Px; 2]>,
    /// Sum and number of this hour's premium samples.
    samples: (i64, i64),
    /// What the venue says that this hour pays (1e-10).
    told_rate: Option<i64>,
}

impl Prices {
    /// What an hour like this one so far would pay, and its premium (1e-10).
    pub fn rate(&self) -> (i64, i64) {
        let (sum, count) = self.samples;
        let premium = if count == 0 { self.premium.unwrap_or(0) } else { sum / count };
        (self.told_rate.unwrap_or_else(|| hourly_rate(premium)), premium)
    }
}

/// The hourly rate of an average premium.
pub fn hourly_rate(premium: i64) -> i64 {
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

impl<M: Market> Core<M> {
    /// When [`Core::update_prices`] next has something to do by itself; [`None`] = never.
    pub fn next_prices(&self) -> Option<Nanos> {
        let Schedule { prices, sample, funding } = self.schedule;
        let sample = if self.rules.funding { sample.min(funding) } else { sample };
        self.rules.prices.then(|| prices.min(sample))
    }

    /// Whether something that can be traded has no mark yet.
    pub fn lacks_a_mark(&self) -> bool {
        self.rules.prices && self.marks.iter().any(|mark| mark.is_zero())
    }

    /// Updates marks, oracles and premiums, liquidates and pays funding, when they are due and the
    /// rules want it.
    pub fn update_prices(&mut self, sink: &mut impl Sink) {
        if !self.rules.prices {
            return;
        }
        let now = self.time;
        self.first_marks(sink);
        if now >= self.schedule.prices {
            self.schedule.prices = next_multiple(now, PRICE_INTERVAL);
            for asset in self.universe.assets() {
                self.update_asset(asset, sink);
            }
            if self.rules.margin {
                self.liquidate(sink);
            }
        }
        if now >= self.schedule.sample {
            self.schedule.sample = next_multiple(now, SAMPLE_INTERVAL);
            for asset in self.universe.assets() {
                self.sample_premium(asset);
            }
        }
        if self.rules.funding && now >= self.schedule.funding {
            self.schedule.funding = next_multiple(now, FUNDING_INTERVAL);
            for asset in self.universe.assets() {
                self.pay_funding(asset, sink);
            }
        }
    }

    /// An asset without a mark cannot be traded: it gets one as soon as there is a price.
    pub fn first_marks(&mut self, sink: &mut impl Sink) {
        for asset in self.universe.assets() {
            if self.marks[asset.index()].is_zero() {
                self.update_asset(asset, sink);
            }
        }
    }

    fn update_asset(&mut self, asset: AssetId, sink: &mut impl Sink) {
        if let Some(told) = self.market.told_prices(asset) {
            if told.oracle.is_positive() {
                self.prices[asset.index()].oracle = told.oracle;
            } else if self.prices[asset.index()].oracle.is_zero() {
                self.prices[asset.index()].oracle = told.mark;
            }
            self.prices[asset.index()].told_rate = told.rate_e10;
            self.marks[asset.index()] = told.mark;
            return self.tell(Fact::Prices(asset), sink);
        }
        let Some(mid) = self.mid(asset) else { return };
        let (bid, ask) = self.market.touch(asset);
        let state = &mut self.prices[asset.index()];
        if state.oracle.is_zero() {
            state.oracle = mid;
        } else if ask.px.raw() - bid.px.raw() > mid.raw() / WIDEST_PART {
            return; // A side is but a far stub: the middle is no price, and the mark stays.
        }
        let gap = mid.raw() - state.oracle.raw();
        state.oracle = Px::from_raw(state.oracle.raw() + gap / ORACLE_SHARE);
        let basis = mid.raw() - state.oracle.raw() - state.basis;
        state.basis += basis / BASIS_SHARE;
        let last = self.market.last_trade(asset).unwrap_or(state.last);
        let last = if last.is_zero() { mid } else { last };
        let smoothed = Px::from_raw(state.oracle.raw() + state.basis);
        let mark = median(smoothed, median(bid.px, ask.px, last), mid);
        self.marks[asset.index()] = self.on_grid(asset, mark);
        self.tell(Fact::Prices(asset), sink);
    }

    fn sample_premium(&mut self, asset: AssetId) {
        // What is out of sight has no premium.
        let impact = self.mid(asset).and_then(|_| self.impact(asset));
        let oracle = self.oracle(asset);
        let state = &mut self.prices[asset.index()];
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

    fn pay_funding(&mut self, asset: AssetId, sink: &mut impl Sink) {
        let oracle = self.oracle(asset);
        let state = &mut self.prices[asset.index()];
        let (rate_e10, premium_e10) = state.rate();
        let untold = self.rules.untold_rate_e10.filter(|_| state.told_rate.is_none());
        let rate_e10 = untold.unwrap_or(rate_e10);
        state.samples = (0, 0);
        self.tell(Fact::Rate(asset, rate_e10, premium_e10), sink);
        for who in 0..self.accounts.len() {
            let account = &mut self.accounts[who];
            let is_cross = account.leverage[asset.index()].is_cross;
            let position = &mut account.positions[asset.index()];
            let szi = position.szi;
            if szi.is_zero() {
                continue;
            }
            let cost = funding_cost(szi, oracle, rate_e10);
            position.funding[0] += cost;
            position.funding[1] += cost;
            *if is_cross { &mut account.cash } else { &mut position.raw } -= cost;
            self.tell(Fact::Funding(who, asset, szi, rate_e10, cost), sink);
        }
        self.tell(Fact::Prices(asset), sink);
    }

    /// A trade took place at this price.
    pub fn note_trade(&mut self, asset: AssetId, px: Px) {
        self.prices[asset.index()].last = px;
    }

    /// The middle of the touch, when both sides are there and in sight.
    pub fn mid(&self, asset: AssetId) -> Option<Px> {
        if self.market.is_stale(asset) {
            return None;
        }
        let (bid, ask) = self.market.touch(asset);
        let both = bid.qty.is_positive() && ask.qty.is_positive();
        both.then(|| Px::from_raw((bid.px.raw() + ask.px.raw()) / 2))
    }

    /// Funding is measured by it; zero = none yet.
    pub fn oracle(&self, asset: AssetId) -> Px {
        self.on_grid(asset, self.prices[asset.index()].oracle)
    }

    /// With as many decimals as the asset's prices may have.
    fn on_grid(&self, asset: AssetId, px: Px) -> Px {
        let step = 10_i64.pow(2 + u32::from(self.universe.get(asset).sz_decimals));
        Px::from_raw(px.raw() / step * step)
    }

    /// Average prices at which a standard amount could be sold and bought.
    fn impact(&mut self, asset: AssetId) -> Option<[Px; 2]> {
        let large = matches!(self.universe.get(asset).coin.as_str(), "BTC" | "ETH");
        let amount = Usd::whole(if large { 20_000 } else { 6_000 });
        let Self { market, levels, .. } = self;
        let mut average = |side| {
            levels.clear();
            market.depth(asset, side, IMPACT_LEVELS, levels);
            average_px(levels, amount)
        };
        Some([average(Side::Bid)?, average(Side::Ask)?])
    }
}

/// What a position pays: `szi · oracle · rate`, truncated to six decimals.
pub fn funding_cost(szi: Qty, oracle: Px, rate_e10: i64) -> Usd {
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
        left -= notional(level.px, level.qty);
    }
    None
}
