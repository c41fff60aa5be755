//! The core: accounts, orders, blocks.

mod config;

pub use config::{DuplicateCloid, UnknownSignerText, VenueConfig};

use super::model::*;
use botmm_pipeline::types::{AssetId, Nanos, Qty, Side, Universe, Usd};
use botmm_pipeline::venue::hl::sign::{Address, OrderRef};
use botmm_pipeline::venue::sim::Market;
use std::collections::VecDeque;

/// The exchange without its wire. Deterministic: equal calls at equal times give equal events.
pub struct Venue {
    config: VenueConfig,
    universe: Universe,
    market: Box<dyn Market>,
    time: Nanos,
    trades: Vec<VecDeque<PublicTrade>>,
}

static NO_ORDERS: VecDeque<Order> = VecDeque::new();
static NO_FILLS: VecDeque<UserFill> = VecDeque::new();
static NO_FUNDINGS: VecDeque<FundingPayment> = VecDeque::new();

impl Venue {
    /// An exchange of these assets on this market; blocks begin at `start`.
    pub fn new(
        config: VenueConfig,
        universe: Universe,
        market: Box<dyn Market>,
        start: Nanos,
    ) -> Self {
        let trades = universe.assets().map(|_| VecDeque::new()).collect();
        Self { config, universe, market, time: start, trades }
    }
    /// Gives an account money (a deposit).
    pub fn fund(&mut self, _user: Address, _amount: Usd) {}
    /// Takes an action in; its answer comes with the block it is in.
    pub fn submit(&mut self, _now: Nanos, _action: Signed) {}
    /// Runs every block, and what else is due, up to `now`. Appends what happened.
    pub fn advance(&mut self, now: Nanos, out: &mut Vec<Event>) {
        while self.next_time() <= now {
            self.time = self.next_time();
            self.market.advance(self.time, &mut Default::default());
            out.push(Event::Block(self.time));
        }
    }
    /// When something next happens.
    pub fn next_time(&self) -> Nanos {
        self.time + self.config.block_interval
    }
    /// Network upgrade: only post-only orders until then (a fault).
    pub fn set_post_only_until(&mut self, _until: Nanos) {}
    /// What is traded.
    pub fn universe(&self) -> &Universe {
        &self.universe
    }
    /// Block time of the newest block.
    pub fn time(&self) -> Nanos {
        self.time
    }
    /// Marks, oracle, funding, volume.
    pub fn ctx(&self, asset: AssetId) -> AssetCtx {
        let mark = self.market.touch(asset).0.px;
        AssetCtx {
            mark,
            oracle: mark,
            mid: None,
            prev_day: mark,
            day_volume_usd: Usd::ZERO,
            day_volume: Qty::ZERO,
            funding_e10: 0,
            premium_e10: None,
            impact: None,
            open_interest: Qty::ZERO,
        }
    }
    /// Levels of a side, best first, at most `depth`.
    pub fn levels(&self, _asset: AssetId, _side: Side, _depth: usize) -> Vec<ShownLevel> {
        Vec::new()
    }
    /// Newest last.
    pub fn trades(&self, asset: AssetId) -> &VecDeque<PublicTrade> {
        &self.trades[asset.index()]
    }
    /// Bars of one interval (its length; a month counts 30 days) whose open lies in `from..=to`,
    /// oldest first. Built from trades, gaps filled flat.
    pub fn candles(&self, _: AssetId, _interval: Nanos, _from: Nanos, _to: Nanos) -> Vec<Candle> {
        Vec::new()
    }
    /// The whole account; an unknown one is empty.
    pub fn account(&self, _user: &Address) -> AccountState {
        AccountState::default()
    }
    /// Leverage set (or the default: cross, the asset's maximum capped at 20).
    pub fn leverage(&self, _user: &Address, _asset: AssetId) -> Leverage {
        Leverage { is_cross: true, value: 20 }
    }
    /// Resting orders, oldest first.
    pub fn open_orders(&self, _user: &Address) -> Vec<&Order> {
        Vec::new()
    }
    /// An order of this account, open or remembered, by either id.
    pub fn order(&self, _user: &Address, _id: OrderRef) -> Option<&Order> {
        None
    }
    /// Up to 2000 order updates, oldest first, one for each status an order had.
    pub fn history(&self, _user: &Address) -> &VecDeque<Order> {
        &NO_ORDERS
    }
    /// Up to 10000 fills, oldest first.
    pub fn fills(&self, _user: &Address) -> &VecDeque<UserFill> {
        &NO_FILLS
    }
    /// Oldest first.
    pub fn fundings(&self, _user: &Address) -> &VecDeque<FundingPayment> {
        &NO_FUNDINGS
    }
    /// Hourly rates of an asset so far, oldest first: time, rate (1e-10), premium (1e-10).
    pub fn funding_history(&self, _asset: AssetId) -> &[(Nanos, i64, i64)] {
        &[]
    }
    /// What an address is.
    pub fn role(&self, _address: &Address) -> Role {
        Role::Missing
    }
    /// Agents of an account, the unnamed one included.
    pub fn agents(&self, _user: &Address) -> Vec<Agent> {
        Vec::new()
    }
    /// Its request budget.
    pub fn requests(&self, _user: &Address) -> Requests {
        Requests { volume: Usd::ZERO, used: 0, cap: self.config.base_requests, surplus: 0 }
    }
    /// Its fees.
    pub fn fees(&self, _user: &Address) -> FeeRates {
        FeeRates { taker_e8: 0, maker_e8: 0 }
    }
    /// Taker and maker volume by UTC day (days since 1970), oldest first.
    pub fn daily_volume(&self, _user: &Address) -> Vec<(i64, Usd, Usd)> {
        Vec::new()
    }
}
