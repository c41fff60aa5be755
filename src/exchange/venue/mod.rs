//! The core of the embedded exchange: accounts, orders, blocks, matching, margin, fees, funding. No
//! JSON, no sockets, no clock: time and actions are arguments, events come out.
//!
//! | module | knows |
//! |---|---|
//! | `config` | what the documents leave open, one switch each |
//! | `blocks` | the order of things in a block, and what the public sees |
//! | `gate` | checks of a whole request: signer, nonce, expiry, budget |
//! | `checks` | checks of one order |
//! | `matching` | orders: placed, traded, rested, cancelled, replaced |
//! | `account` | what is kept of an account |
//! | `triggers`, `twap` | orders that wait for the mark, or come in slices |
//! | `margin` | what positions and orders take; leverage |
//! | `liquidation` | of whoever has too little of it |
//! | `prices` | mark, oracle, premium, funding |
//! | `fees`, `agents`, `candles` | as their names say |
//!
//! What is simpler than at the venue: all perpetuals are in one margin table row; liquidation goes
//! straight to the book; vaults and sub-accounts are refused.

mod account;
mod agents;
mod blocks;
mod candles;
mod checks;
mod config;
mod fees;
mod gate;
mod liquidation;
mod margin;
mod matching;
mod prices;
#[cfg(test)]
mod tests;
mod triggers;
mod twap;

pub use config::{DuplicateCloid, UnknownSignerText, VenueConfig};

use super::model::*;
use account::Account;
use botmm_pipeline::types::{AssetId, Nanos, Oid, Px, Side, Universe, Usd};
use botmm_pipeline::venue::hl::sign::{Address, OrderRef};
use botmm_pipeline::venue::sim::{Market, MarketOutput};
use prices::{AssetState, Schedule};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// The first order's id: beyond 32 bits, as at the venue.
const FIRST_OID: u64 = 500_000_000_000;
/// Length of a block while the market's history runs.
const HISTORY_BLOCK: Nanos = Nanos::secs(1);

/// The exchange without its wire. Deterministic: equal calls at equal times give equal events,
/// however [`Venue::advance`] is cut.
pub struct Venue {
    config: VenueConfig,
    universe: Universe,
    market: Box<dyn Market>,
    output: MarketOutput,
    /// Time of the newest block, and of the next.
    time: Nanos,
    next_block: Nanos,
    next_book: Nanos,
    schedule: Schedule,
    post_only_until: Nanos,
    /// By asset.
    assets: Vec<AssetState>,
    marks: Vec<Px>,
    accounts: Vec<Account>,
    /// Where an address's account is.
    ids: BTreeMap<Address, usize>,
    /// Every address that was ever an agent, and whose.
    agents: BTreeMap<Address, usize>,
    nonces: BTreeMap<Address, BTreeSet<u64>>,
    /// Trigger orders that have not fired.
    waiting_triggers: triggers::Waiting,
    twaps: twap::Twaps,
    /// Whose a resting order is.
    owners: HashMap<Oid, usize>,
    next_oid: u64,
    /// Actions on their way, with the earliest time of their block.
    waiting: VecDeque<(Nanos, Signed)>,
    /// Value traded by UTC day.
    traded: BTreeMap<i64, Usd>,
    /// Where money went that no account has: fees, requests; and came from: debts paid.
    fees_taken: Usd,
    requests_sold: Usd,
    insured: Usd,
    /// Whose position is being closed by force.
    liquidating: Option<Address>,
    /// Whose positions are closed by force in the next block, whoever has them.
    doomed: Vec<AssetId>,
    events: Vec<Event>,
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
        let mut venue = Self {
            market,
            output: MarketOutput::default(),
            time: begin,
            next_block: start + config.block_interval,
            next_book: begin,
            schedule: Schedule::starting(begin),
            post_only_until: Nanos(i64::MIN),
            assets: universe.assets().map(|_| AssetState::opening(begin)).collect(),
            marks: vec![Px::ZERO; universe.len()],
            accounts: Vec::new(),
            ids: BTreeMap::new(),
            agents: BTreeMap::new(),
            nonces: BTreeMap::new(),
            waiting_triggers: BTreeMap::new(),
            twaps: twap::Twaps::default(),
            owners: HashMap::new(),
            next_oid: FIRST_OID,
            waiting: VecDeque::new(),
            traded: BTreeMap::new(),
            fees_taken: Usd::ZERO,
            requests_sold: Usd::ZERO,
            insured: Usd::ZERO,
            liquidating: None,
            doomed: Vec::new(),
            events: Vec::new(),
            config,
            universe,
        };
        while venue.time < start {
            let time = (venue.time + HISTORY_BLOCK).min(start);
            venue.run_block(time);
            venue.events.clear();
        }
        if venue.config.history <= Nanos::ZERO {
            venue.run_block(start);
            venue.events.clear();
        }
        venue
    }

    /// Gives an account money (a deposit). Opens it when it is new.
    pub fn fund(&mut self, user: Address, amount: Usd) {
        let who = *self.ids.entry(user).or_insert_with(|| {
            let most = self.universe.iter().map(|(_, instrument)| instrument.max_leverage);
            self.accounts.push(Account::new(user, most));
            self.accounts.len() - 1
        });
        self.accounts[who].cash += amount;
        self.accounts[who].deposits.push((self.time, amount));
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
            out.append(&mut self.events);
        }
    }

    /// When something next happens.
    pub fn next_time(&self) -> Nanos {
        self.next_block
    }

    /// Network upgrade: only post-only orders until then (a fault).
    pub fn set_post_only_until(&mut self, until: Nanos) {
        self.post_only_until = until;
    }

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
        self.asset_ctx(asset)
    }

    /// Whether the market of an asset is out of sight: its book is as last seen, and not news.
    pub fn is_stale(&self, asset: AssetId) -> bool {
        self.market.is_stale(asset)
    }

    /// Block time up to which the book of an asset holds: now, unless it is stale.
    pub fn book_time(&self, asset: AssetId) -> Nanos {
        self.assets[asset.index()].seen
    }

    /// Levels of a side, best first, at most `depth`.
    pub fn levels(&self, asset: AssetId, side: Side, depth: usize) -> Vec<ShownLevel> {
        let mut levels = Vec::with_capacity(depth);
        self.market.depth(asset, side, depth, &mut levels);
        let shown = |l: &botmm_pipeline::venue::sim::DepthLevel| ShownLevel {
            px: l.level.px,
            qty: l.level.qty,
            orders: l.orders,
        };
        levels.iter().map(shown).collect()
    }

    /// Newest last.
    pub fn trades(&self, asset: AssetId) -> &VecDeque<PublicTrade> {
        self.assets[asset.index()].tape.trades()
    }

    /// Bars of one interval (its length; a month counts 30 days) whose open lies in `from..=to`,
    /// oldest first, at most the newest 5000. Built from trades, gaps filled flat. Intervals start
    /// at multiples of their length since 1970 and are at least a minute long.
    pub fn candles(&self, asset: AssetId, interval: Nanos, from: Nanos, to: Nanos) -> Vec<Candle> {
        self.assets[asset.index()].tape.candles(interval, from, to, self.time)
    }

    /// The whole account; an unknown one is empty.
    pub fn account(&self, user: &Address) -> AccountState {
        self.ids.get(user).map_or_else(AccountState::default, |who| self.margin(*who).state())
    }

    /// Leverage set (or the default: cross, the asset's maximum capped at 20).
    pub fn leverage(&self, user: &Address, asset: AssetId) -> Leverage {
        match self.find(user) {
            Some(account) => account.leverage[asset.index()],
            None => account::default_leverage(self.universe.get(asset).max_leverage),
        }
    }

    /// Resting orders, oldest first.
    pub fn open_orders(&self, user: &Address) -> Vec<&Order> {
        self.find(user).map_or_else(Vec::new, |account| account.open.values().collect())
    }

    /// An order of this account, open or remembered, by either id.
    pub fn order(&self, user: &Address, id: OrderRef) -> Option<&Order> {
        let who = *self.ids.get(user)?;
        self.waiting_of(who, id).or_else(|| self.accounts[who].find(id))
    }

    /// Up to 2000 order updates, oldest first, one for each status an order had.
    pub fn history(&self, user: &Address) -> &VecDeque<Order> {
        self.find(user).map_or(&NO_ORDERS, |account| &account.history)
    }

    /// Up to 10000 fills, oldest first.
    pub fn fills(&self, user: &Address) -> &VecDeque<UserFill> {
        self.find(user).map_or(&NO_FILLS, |account| &account.fills)
    }

    /// Up to 10000 payments, oldest first.
    pub fn fundings(&self, user: &Address) -> &VecDeque<FundingPayment> {
        self.find(user).map_or(&NO_FUNDINGS, |account| &account.fundings)
    }

    /// Hourly rates of an asset so far, oldest first: time, rate (1e-10), premium (1e-10).
    pub fn funding_history(&self, asset: AssetId) -> &[(Nanos, i64, i64)] {
        self.assets[asset.index()].rates()
    }

    /// What an address is.
    pub fn role(&self, address: &Address) -> Role {
        self.role_of(address)
    }

    /// Agents of an account, the unnamed one included.
    pub fn agents(&self, user: &Address) -> Vec<Agent> {
        self.find(user).map_or_else(Vec::new, |account| account.agents.clone())
    }

    /// Its request budget.
    pub fn requests(&self, user: &Address) -> Requests {
        let (volume, cap) = (Usd::ZERO, self.config.base_requests);
        let nobody = Requests { volume, used: 0, cap, surplus: 0 };
        self.ids.get(user).map_or(nobody, |who| self.budget(*who))
    }

    /// What it was given, and when, oldest first.
    pub fn deposits(&self, user: &Address) -> &[(Nanos, Usd)] {
        self.find(user).map_or(&[], |account| &account.deposits)
    }

    /// The most that it lets a builder take, tenths of a basis point.
    pub fn max_builder_fee(&self, user: &Address, builder: &Address) -> u32 {
        self.find(user).and_then(|account| account.builders.get(builder)).map_or(0, |most| *most)
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
        let Some(account) = self.find(user) else { return Vec::new() };
        account.days.iter().map(|d| (d.day, d.taker, d.maker)).collect()
    }

    fn find(&self, user: &Address) -> Option<&Account> {
        self.ids.get(user).map(|who| &self.accounts[*who])
    }
}
