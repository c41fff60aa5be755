//! The embedded exchange without its wire: what makes a venue of the core that it shares with the replay
//! (`botmm_pipeline::venue::sim::core`: accounts, orders, checks, matching, margin, prices, funding). No
//! JSON, no sockets, no clock: time and actions are arguments, events come out.
//!
//! | module | knows |
//! |---|---|
//! | `config` | what the documents leave open, one switch each |
//! | `blocks` | the order of things in a block, and what the public sees |
//! | `gate` | checks of a whole request: signer, nonce, expiry, budget |
//! | `orders` | what clients ask of orders, and what they are answered |
//! | `records` | what the core tells: events, histories, tapes |
//! | `triggers`, `twap` | orders that wait for the mark, or come in slices |
//! | `client` | what is remembered of an account |
//! | `fees`, `agents`, `candles` | as their names say |
//!
//! Vaults and sub-accounts are refused; what else is simpler than at the venue is said in the core.

mod agents;
mod blocks;
mod candles;
mod client;
mod config;
mod fees;
mod gate;
mod orders;
mod records;
#[cfg(test)]
mod tests;
mod triggers;
mod twap;

pub use config::{DuplicateCloid, UnknownSignerText, VenueConfig};

use super::model::*;
use botmm_pipeline::types::{AssetId, Nanos, Oid, Qty, Side, Universe, Usd};
use botmm_pipeline::venue::hl::sign::{Address, OrderRef};
use botmm_pipeline::venue::sim::core::{self, Core};
use botmm_pipeline::venue::sim::{Market, MarketOutput};
use client::{Client, utc_day};
use records::Records;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The first order's id: beyond 32 bits, as at the venue.
const FIRST_OID: u64 = 500_000_000_000;
/// Length of a block while the market's history runs.
const HISTORY_BLOCK: Nanos = Nanos::secs(1);

/// The exchange without its wire. Deterministic: equal calls at equal times give equal events,
/// however [`Venue::advance`] is cut.
pub struct Venue {
    config: VenueConfig,
    core: Core<Box<dyn Market>>,
    records: Records,
    output: MarketOutput,
    next_block: Nanos,
    next_book: Nanos,
    /// Where an address's account is.
    ids: BTreeMap<Address, usize>,
    /// Every address that was ever an agent, and whose.
    agents: BTreeMap<Address, usize>,
    nonces: BTreeMap<Address, BTreeSet<u64>>,
    /// Trigger orders that have not fired.
    waiting_triggers: triggers::Waiting,
    twaps: twap::Twaps,
    /// Actions on their way, with the earliest time of their block.
    waiting: VecDeque<(Nanos, Signed)>,
    /// Of which UTC day the accounts' rates are.
    rates_of: i64,
    /// What was paid for requests: no account has it.
    requests_sold: Usd,
    /// Whose positions are closed by force in the next block, whoever has them.
    doomed: Vec<AssetId>,
}

static NO_ORDERS: VecDeque<Order> = VecDeque::new();
static NO_FILLS: VecDeque<UserFill> = VecDeque::new();
static NO_FUNDINGS: VecDeque<FundingPayment> = VecDeque::new();

impl Venue {
    /// An exchange of these assets on this market; blocks begin at `start`. With a `history` in the
    /// configuration the market runs from that long before until `start`: it must begin there.
    pub fn new(
        config: VenueConfig,
        universe: Universe,
        market: Box<dyn Market>,
        start: Nanos,
    ) -> Self {
        assert!(config.block_interval > Nanos::ZERO, "blocks need a positive interval");
        let begin = start - config.history;
        let records = Records::opening(begin, universe.len(), config.partial_fill_updates);
        let first = Oid(FIRST_OID);
        let mut venue = Self {
            core: Core::new(config.rules(), universe, market, begin, first, 0),
            records,
            output: MarketOutput::default(),
            next_block: start + config.block_interval,
            next_book: begin,
            ids: BTreeMap::new(),
            agents: BTreeMap::new(),
            nonces: BTreeMap::new(),
            waiting_triggers: BTreeMap::new(),
            twaps: twap::Twaps::default(),
            waiting: VecDeque::new(),
            rates_of: utc_day(begin),
            requests_sold: Usd::ZERO,
            doomed: Vec::new(),
            config,
        };
        while venue.core.time < start {
            let time = (venue.core.time + HISTORY_BLOCK).min(start);
            venue.run_block(time);
            venue.records.events.clear();
        }
        if venue.config.history <= Nanos::ZERO {
            venue.run_block(start);
            venue.records.events.clear();
        }
        venue
    }

    /// Gives an account money (a deposit). Opens it when it is new.
    pub fn fund(&mut self, user: Address, amount: Usd) {
        let who = match self.ids.get(&user) {
            Some(who) => *who,
            None => self.open_account(user),
        };
        self.core.accounts[who].cash += amount;
        self.records.clients[who].deposits.push((self.core.time, amount));
    }

    fn open_account(&mut self, user: Address) -> usize {
        let who = self.core.open_account([Default::default(); 2]);
        self.records.clients.push(Client::new(user));
        self.ids.insert(user, who);
        let (maker, taker) = self.rates(who);
        self.core.accounts[who].rates = [maker, taker];
        who
    }

    /// Takes an action in; its answer comes with the block it is in.
    pub fn submit(&mut self, now: Nanos, action: Signed) {
        let last = self.waiting.back().map_or(Nanos(i64::MIN), |(at, _)| *at);
        self.waiting.push_back(((now + self.config.entry_latency).max(last), action));
    }

    /// Runs every block, and what else is due, up to `now`. Appends what happened.
    pub fn advance(&mut self, now: Nanos, out: &mut Vec<Event>) {
        while self.next_block <= now {
            let time = self.next_block;
            self.next_block = time + self.config.block_interval;
            self.run_block(time);
            out.append(&mut self.records.events);
        }
    }

    /// When something next happens.
    pub fn next_time(&self) -> Nanos {
        self.next_block
    }

    /// Network upgrade: only post-only orders until then (a fault).
    pub fn set_post_only_until(&mut self, until: Nanos) {
        self.core.post_only_until = until;
    }

    /// In the next block, whatever position anybody has in this asset is closed by force, margin or no
    /// margin (a fault).
    pub fn force_liquidation(&mut self, asset: AssetId) {
        if !self.doomed.contains(&asset) {
            self.doomed.push(asset);
        }
    }

    /// What is traded.
    pub fn universe(&self) -> &Universe {
        self.core.universe()
    }

    /// Block time of the newest block.
    pub fn time(&self) -> Nanos {
        self.core.time
    }

    /// Marks, oracle, funding, volume.
    pub fn ctx(&self, asset: AssetId) -> AssetCtx {
        let (core, tape) = (&self.core, &self.records.assets[asset.index()].tape);
        let (mark, prices) = (core.marks[asset.index()], core.prices(asset));
        let (prev_day, day_volume_usd, day_volume) = tape.day(core.time);
        let (mut longs, mut net) = (Qty::ZERO, Qty::ZERO);
        for szi in core.accounts.iter().map(|a| a.positions[asset.index()].szi) {
            longs += szi.max(Qty::ZERO);
            net += szi;
        }
        AssetCtx {
            mark,
            oracle: core.oracle(asset),
            mid: core.mid(asset),
            prev_day: prev_day.unwrap_or(mark),
            day_volume_usd,
            day_volume,
            funding_e10: prices.rate().0,
            premium_e10: prices.premium,
            impact: prices.impact,
            // What users are short beyond their longs, the market's agents are long.
            open_interest: longs + (-net).max(Qty::ZERO),
        }
    }

    /// Whether the market of an asset is out of sight: its book is as last seen, and not news.
    pub fn is_stale(&self, asset: AssetId) -> bool {
        self.core.market.is_stale(asset)
    }

    /// Block time up to which the book of an asset holds: now, unless it is stale.
    pub fn book_time(&self, asset: AssetId) -> Nanos {
        self.records.assets[asset.index()].seen
    }

    /// Levels of a side, best first, at most `depth`.
    pub fn levels(&self, asset: AssetId, side: Side, depth: usize) -> Vec<ShownLevel> {
        let mut levels = Vec::with_capacity(depth);
        self.core.market.depth(asset, side, depth, &mut levels);
        let shown = |l: &botmm_pipeline::venue::sim::DepthLevel| ShownLevel {
            px: l.level.px,
            qty: l.level.qty,
            orders: l.orders,
        };
        levels.iter().map(shown).collect()
    }

    /// Newest last.
    pub fn trades(&self, asset: AssetId) -> &VecDeque<PublicTrade> {
        self.records.assets[asset.index()].tape.trades()
    }

    /// Bars of one interval (its length; a month counts 30 days) whose open lies in `from..=to`,
    /// oldest first, at most the newest 5000. Built from trades, gaps filled flat. Intervals start
    /// at multiples of their length since 1970 and are at least a minute long.
    pub fn candles(&self, asset: AssetId, interval: Nanos, from: Nanos, to: Nanos) -> Vec<Candle> {
        self.records.assets[asset.index()].tape.candles(interval, from, to, self.core.time)
    }

    /// The whole account; an unknown one is empty.
    pub fn account(&self, user: &Address) -> AccountState {
        self.ids.get(user).map_or_else(AccountState::default, |who| self.core.margin(*who).state())
    }

    /// Leverage set (or the default: cross, the asset's maximum capped at 20).
    pub fn leverage(&self, user: &Address, asset: AssetId) -> Leverage {
        match self.ids.get(user) {
            Some(who) => self.core.accounts[*who].leverage[asset.index()],
            None => core::default_leverage(self.universe().get(asset).max_leverage),
        }
    }

    /// Resting orders, oldest first.
    pub fn open_orders(&self, user: &Address) -> Vec<Order> {
        let Some(who) = self.ids.get(user) else { return Vec::new() };
        self.core.orders_of(*who).map(|order| self.open_order(order)).collect()
    }

    /// An order of this account, open or remembered, by either id.
    pub fn order(&self, user: &Address, id: OrderRef) -> Option<Order> {
        let who = *self.ids.get(user)?;
        if let Some(waiting) = self.waiting_of(who, id) {
            return Some(waiting.clone());
        }
        let open = self.core.find(who, id).map(|order| self.open_order(order));
        open.or_else(|| self.records.clients[who].remembered(id).cloned())
    }

    fn open_order(&self, order: &core::Order) -> Order {
        self.records.order(order, OrderStatus::Open, order.time)
    }

    /// Up to 2000 order updates, oldest first, one for each status an order had.
    pub fn history(&self, user: &Address) -> &VecDeque<Order> {
        self.find(user).map_or(&NO_ORDERS, |client| &client.history)
    }

    /// Up to 10000 fills, oldest first.
    pub fn fills(&self, user: &Address) -> &VecDeque<UserFill> {
        self.find(user).map_or(&NO_FILLS, |client| &client.fills)
    }

    /// Up to 10000 payments, oldest first.
    pub fn fundings(&self, user: &Address) -> &VecDeque<FundingPayment> {
        self.find(user).map_or(&NO_FUNDINGS, |client| &client.fundings)
    }

    /// Hourly rates of an asset so far, oldest first: time, rate (1e-10), premium (1e-10).
    pub fn funding_history(&self, asset: AssetId) -> &[(Nanos, i64, i64)] {
        &self.records.assets[asset.index()].rates
    }

    /// What an address is.
    pub fn role(&self, address: &Address) -> Role {
        self.role_of(address)
    }

    /// Agents of an account, the unnamed one included.
    pub fn agents(&self, user: &Address) -> Vec<Agent> {
        self.find(user).map_or_else(Vec::new, |client| client.agents.clone())
    }

    /// Its request budget.
    pub fn requests(&self, user: &Address) -> Requests {
        let (volume, cap) = (Usd::ZERO, self.config.base_requests);
        let nobody = Requests { volume, used: 0, cap, surplus: 0 };
        self.ids.get(user).map_or(nobody, |who| self.core.requests(*who))
    }

    /// What it was given, and when, oldest first.
    pub fn deposits(&self, user: &Address) -> &[(Nanos, Usd)] {
        self.find(user).map_or(&[], |client| &client.deposits)
    }

    /// The most that it lets a builder take, tenths of a basis point.
    pub fn max_builder_fee(&self, user: &Address, builder: &Address) -> u32 {
        let who = self.ids.get(user);
        who.and_then(|who| self.core.accounts[*who].builders.get(builder)).map_or(0, |most| *most)
    }

    /// Its fees.
    pub fn fees(&self, user: &Address) -> FeeRates {
        let (maker, taker) = match self.ids.get(user) {
            Some(who) => self.rates(*who),
            None => self.config.fees.maker_taker(0),
        };
        FeeRates { taker_e8: i64::from(taker.e8()), maker_e8: i64::from(maker.e8()) }
    }

    /// Taker and maker volume by UTC day (days since 1970), oldest first.
    pub fn daily_volume(&self, user: &Address) -> Vec<(i64, Usd, Usd)> {
        let Some(client) = self.find(user) else { return Vec::new() };
        client.days.iter().map(|d| (d.day, d.taker, d.maker)).collect()
    }

    fn find(&self, user: &Address) -> Option<&Client> {
        self.ids.get(user).map(|who| &self.records.clients[*who])
    }
}
