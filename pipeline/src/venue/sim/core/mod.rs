//! The venue's rules, kept once: by the replay's exchange ([`super::exchange`]) and by the embedded
//! exchange (crate `botmm`, `exchange::venue`), which clients of the real venue trade on. Which of them
//! hold is said by [`Rules`], one switch a rule.
//!
//! | module | knows |
//! |---|---|
//! | `rules` | the switches; what an order must satisfy by itself, when it crosses, when an action is over |
//! | `refused` | why not: the venue's words, and what a bot makes of them |
//! | `order` | orders, and the facts that are told of them |
//! | `checks` | checks of one order against its account and the market |
//! | `matching` | orders: placed, traded, rested, cancelled, replaced |
//! | `account` | what is kept of an account; what a fill costs and does |
//! | `margin` | what positions and orders take |
//! | `liquidation` | leverage, posted margin, liquidation |
//! | `prices` | mark, oracle, premium, funding |
//! | `budget` | requests: earned, used, bought |
//!
//! No clock, no history, no text: time and actions are arguments, facts go into a [`Sink`] as they
//! happen. Histories, signers, candles and answers are of whoever listens.
//!
//! What is simpler than at the venue: all perpetuals are in one margin table row; liquidation goes
//! straight to the book; trigger orders and slices are of whoever keeps them.

mod account;
mod budget;
mod checks;
mod liquidation;
mod margin;
mod matching;
mod order;
mod prices;
mod refused;
pub mod rules;

pub use account::{Account, Leverage, Position, default_leverage, mul_div};
pub use budget::Requests;
pub use margin::{AccountState, Margin, PositionState};
pub use order::{
    Asked, BuilderFee, Direction, Effect, Fact, Fee, Filled, Order, Placed, Sink, Status, Tif,
    Traded,
};
pub use prices::{Prices, funding_cost, hourly_rate};
pub use refused::Refused;
pub use rules::Rules;

use super::{DepthLevel, Market, Taken};
use crate::types::{AssetId, Bps, Nanos, Oid, Px, Universe, Usd};
use crate::venue::hl::sign::OrderRef;
use prices::Schedule;

/// An account, by its place in [`Core::accounts`].
pub type Who = usize;

/// See the module. Deterministic: equal calls give equal facts.
#[derive(Debug)]
pub struct Core<M> {
    /// Which rules hold.
    pub rules: Rules,
    /// What moves by itself.
    pub market: M,
    /// The time of whatever happens now; who calls sets it, and never back.
    pub time: Nanos,
    /// Only post-only orders until then: the network was upgraded.
    pub post_only_until: Nanos,
    /// In the order in which they were opened.
    pub accounts: Vec<Account>,
    /// By asset; zero = none yet. Without a rule that needs them they stay so.
    pub marks: Vec<Px>,
    /// Paid for accounts that owed more than they had.
    pub insured: Usd,
    universe: Universe,
    /// What rests, of all accounts, by id.
    orders: Vec<Order>,
    next_oid: u64,
    prices: Vec<Prices>,
    schedule: Schedule,
    /// Whose position is being closed by force.
    liquidating: Option<Who>,
    taken: Vec<Taken>,
    levels: Vec<DepthLevel>,
}

impl<M: Market> Core<M> {
    /// Without accounts and orders; the first order gets `first_oid`. `most_orders`: room that is kept
    /// ready, so that nothing is allocated up to there.
    pub fn new(
        rules: Rules,
        universe: Universe,
        market: M,
        start: Nanos,
        first_oid: Oid,
        most_orders: usize,
    ) -> Self {
        Self {
            rules,
            market,
            time: start,
            post_only_until: Nanos(i64::MIN),
            accounts: Vec::new(),
            marks: vec![Px::ZERO; universe.len()],
            insured: Usd::ZERO,
            orders: Vec::with_capacity(most_orders),
            next_oid: first_oid.0,
            prices: vec![Prices::default(); universe.len()],
            schedule: Schedule::starting(start),
            liquidating: None,
            taken: Vec::with_capacity(1),
            levels: Vec::with_capacity(if rules.prices { prices::IMPACT_LEVELS } else { 0 }),
            universe,
        }
    }

    /// Opens an account. Its fills cost `[maker, taker]`.
    pub fn open_account(&mut self, rates: [Bps; 2]) -> Who {
        let most = self.universe.iter().map(|(_, instrument)| instrument.max_leverage);
        self.accounts.push(Account::new(rates, most));
        self.accounts.len() - 1
    }

    /// What is traded.
    pub fn universe(&self) -> &Universe {
        &self.universe
    }

    /// Everything that rests, of all accounts, oldest first.
    pub fn resting(&self) -> &[Order] {
        &self.orders
    }

    /// What rests of one account, oldest first.
    pub fn orders_of(&self, who: Who) -> impl DoubleEndedIterator<Item = &Order> {
        self.orders.iter().filter(move |order| order.who == who)
    }

    /// An account's resting order of either id; of several with one client id, the newest.
    pub fn find(&self, who: Who, id: OrderRef) -> Option<&Order> {
        match id {
            OrderRef::Oid(oid) => self.at(oid).map(|at| &self.orders[at]).filter(|o| o.who == who),
            OrderRef::Cloid(cloid) => self.orders_of(who).rev().find(|o| o.cloid == Some(cloid)),
        }
    }

    /// Mark, oracle and premium of an asset.
    pub fn prices(&self, asset: AssetId) -> &Prices {
        &self.prices[asset.index()]
    }

    /// An account's margin at the marks of now.
    pub fn margin(&self, who: Who) -> Margin<'_> {
        Margin { account: &self.accounts[who], marks: &self.marks, universe: &self.universe }
    }

    /// Where a resting order is.
    fn at(&self, oid: Oid) -> Option<usize> {
        self.orders.binary_search_by_key(&oid, |order| order.oid).ok()
    }

    fn tell(&self, fact: Fact<'_>, sink: &mut impl Sink) {
        sink.take(self.time, fact);
    }
}
