//! What the venue keeps of one account: money, positions, orders, and what became of them.

use crate::exchange::model::{
    Agent, Direction, FundingPayment, Leverage, Order, PositionState, UserFill,
};
use botmm_pipeline::types::{AssetId, Cloid, Nanos, Oid, Px, Qty, SCALE, Side, Usd, notional};
use botmm_pipeline::venue::hl::sign::{Address, OrderRef};
use botmm_pipeline::venue::sim::core::rules;
use std::collections::{BTreeMap, VecDeque};

/// Order updates remembered.
const MAX_HISTORY: usize = 2_000;
/// Orders of which it is remembered how they stand.
const MAX_ORDERS: usize = 10_000;
/// Fills remembered.
const MAX_FILLS: usize = 10_000;
/// Funding payments remembered.
const MAX_FUNDINGS: usize = 10_000;
/// Days of volume remembered; more than the fourteen that fees look at.
const MAX_DAYS: usize = 30;
/// Highest leverage that an account has without asking for it.
const DEFAULT_LEVERAGE: u8 = 20;

/// One asset's position. Money that it moved is in the account's cash (cross) or in `raw`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Position {
    /// Signed size.
    pub szi: Qty,
    /// What the open size cost: average entry price times size, positive.
    pub cost: Usd,
    /// Isolated: money posted with the position and moved by it.
    pub raw: Usd,
    /// Funding paid since it was opened, and ever.
    pub funding: [Usd; 2],
}

/// What a fill did to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    pub start: Qty,
    pub direction: Direction,
    pub closed_pnl: Usd,
}

/// Volume of one UTC day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Day {
    pub day: i64,
    pub taker: Usd,
    pub maker: Usd,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Account {
    pub address: Address,
    /// Money that is not posted with an isolated position.
    pub cash: Usd,
    /// By asset.
    pub positions: Vec<Position>,
    /// By asset.
    pub leverage: Vec<Leverage>,
    /// Resting size that may add to the position, by asset and side.
    pub resting: Vec<[Qty; 2]>,
    pub open: BTreeMap<Oid, Order>,
    pub history: VecDeque<Order>,
    /// The newest orders, as they stood when they were last told of.
    pub known: BTreeMap<Oid, Order>,
    pub fills: VecDeque<UserFill>,
    pub fundings: VecDeque<FundingPayment>,
    pub days: VecDeque<Day>,
    pub volume: Usd,
    /// Requests sent, and bought beyond the free ones.
    pub used: u64,
    pub bought: u64,
    pub last_over_limit: Nanos,
    /// When to cancel everything, Unix milliseconds.
    pub schedule_ms: Option<u64>,
    /// Schedules that fired, and on which day.
    pub triggers: (i64, u32),
    pub agents: Vec<Agent>,
    pub removal_until: Nanos,
    /// What it was given, and when.
    pub deposits: Vec<(Nanos, Usd)>,
    /// The most that a builder may take, tenths of a basis point.
    pub builders: BTreeMap<Address, u32>,
}

impl Position {
    /// Average entry price, rounded toward zero.
    pub fn entry(&self) -> Px {
        match self.szi.abs().raw() {
            0 => Px::ZERO,
            size => Px::from_raw(mul_div(self.cost.raw(), SCALE, size)),
        }
    }

    /// Open profit at a price.
    pub fn unrealized(&self, px: Px) -> Usd {
        let value = notional(px, self.szi);
        if self.szi.is_negative() { value + self.cost } else { value - self.cost }
    }

    /// Takes in a fill. What is closed takes its share of the cost along, so that closed and open
    /// profit together are always exactly the money that moved.
    pub fn fill(&mut self, side: Side, px: Px, qty: Qty) -> Effect {
        let start = self.szi;
        let signed = side.signed(qty);
        let same_way = start.is_zero() || start.is_negative() == signed.is_negative();
        let closed = if same_way { Qty::ZERO } else { qty.min(start.abs()) };
        let mut closed_pnl = Usd::ZERO;
        if closed.is_positive() {
            let share = mul_div(self.cost.raw(), closed.raw(), start.abs().raw());
            let cost = Usd::from_raw(share);
            let value = notional(px, closed);
            closed_pnl = if start.is_negative() { cost - value } else { value - cost };
            self.cost -= cost;
        }
        self.szi += signed;
        self.cost += notional(px, qty - closed);
        if start.is_zero() || (closed < qty && !same_way) || self.szi.is_zero() {
            self.funding[0] = Usd::ZERO;
        }
        Effect { start, direction: direction(start, self.szi), closed_pnl }
    }
}

/// What led from one position to the other.
fn direction(before: Qty, after: Qty) -> Direction {
    let grew = after.abs() > before.abs();
    match (before.is_negative(), after.is_negative()) {
        (false, true) if before.is_positive() => Direction::LongToShort,
        (true, false) if after.is_positive() => Direction::ShortToLong,
        (_, true) if grew => Direction::OpenShort,
        (_, false) if grew => Direction::OpenLong,
        (true, _) => Direction::CloseShort,
        (false, _) => Direction::CloseLong,
    }
}

/// `a · b / c`, rounded toward zero. Panics when it does not fit: money is never cut off silently.
pub(super) fn mul_div(a: i64, b: i64, c: i64) -> i64 {
    let exact = i128::from(a) * i128::from(b) / i128::from(c);
    assert!(i64::try_from(exact).is_ok(), "{a} * {b} / {c} leaves 64 bits");
    exact as i64
}

/// The UTC day of a moment, counted from 1970.
pub(super) fn utc_day(time: Nanos) -> i64 {
    time.0.div_euclid(86_400_000_000_000)
}

/// The leverage of who set none.
pub(super) fn default_leverage(most: u8) -> Leverage {
    Leverage { is_cross: true, value: u32::from(most.clamp(1, DEFAULT_LEVERAGE)) }
}

impl Account {
    /// Without anything; `max_leverage` by asset.
    pub fn new(address: Address, max_leverage: impl Iterator<Item = u8>) -> Self {
        let leverage: Vec<Leverage> = max_leverage.map(default_leverage).collect();
        Self {
            address,
            cash: Usd::ZERO,
            positions: vec![Position::default(); leverage.len()],
            resting: vec![[Qty::ZERO; 2]; leverage.len()],
            leverage,
            open: BTreeMap::new(),
            history: VecDeque::new(),
            known: BTreeMap::new(),
            fills: VecDeque::new(),
            fundings: VecDeque::new(),
            days: VecDeque::new(),
            volume: Usd::ZERO,
            used: 0,
            bought: 0,
            last_over_limit: Nanos(i64::MIN),
            schedule_ms: None,
            triggers: (0, 0),
            agents: Vec::new(),
            removal_until: Nanos(i64::MIN),
            deposits: Vec::new(),
            builders: BTreeMap::new(),
        }
    }

    /// The open order of either id; of several with one client id, the newest.
    pub fn find_open(&self, id: OrderRef) -> Option<&Order> {
        match id {
            OrderRef::Oid(oid) => self.open.get(&oid),
            OrderRef::Cloid(cloid) => self.open.values().rev().find(|o| o.cloid == Some(cloid)),
        }
    }

    /// An order, open or remembered.
    pub fn find(&self, id: OrderRef) -> Option<&Order> {
        self.find_open(id).or_else(|| match id {
            OrderRef::Oid(oid) => self.known.get(&oid),
            OrderRef::Cloid(cloid) => self.known.values().rev().find(|o| o.cloid == Some(cloid)),
        })
    }

    /// Whether an open order has this client id.
    pub fn has_cloid(&self, cloid: Cloid) -> bool {
        self.open.values().any(|o| o.cloid == Some(cloid))
    }

    /// An order rests from now on.
    pub fn rest(&mut self, order: Order) {
        self.change_resting(&order, order.leaves);
        let clash = self.open.insert(order.oid, order);
        assert!(clash.is_none(), "an order id was given twice");
    }

    /// Takes a resting order out.
    pub fn remove(&mut self, oid: Oid) -> Option<Order> {
        let order = self.open.remove(&oid)?;
        self.change_resting(&order, -order.leaves);
        Some(order)
    }

    /// Takes a fill off a resting order; what is left of it.
    pub fn reduce(&mut self, oid: Oid, qty: Qty) -> Option<Order> {
        let order = self.open.get_mut(&oid)?;
        order.leaves -= qty;
        assert!(!order.leaves.is_negative(), "order {} was overfilled", oid.0);
        let order = order.clone();
        self.change_resting(&order, -qty);
        Some(order)
    }

    fn change_resting(&mut self, order: &Order, by: Qty) {
        if !order.reduce_only {
            self.resting[order.asset.index()][order.side.index()] += by;
        }
    }

    /// Remembers where an order stands.
    pub fn remember(&mut self, order: Order) {
        self.known.insert(order.oid, order.clone());
        if self.known.len() > MAX_ORDERS {
            self.known.pop_first();
        }
        push_bounded(&mut self.history, order, MAX_HISTORY);
    }

    /// Remembers a fill.
    pub fn remember_fill(&mut self, fill: UserFill) {
        push_bounded(&mut self.fills, fill, MAX_FILLS);
    }

    /// Remembers a payment.
    pub fn remember_funding(&mut self, payment: FundingPayment) {
        push_bounded(&mut self.fundings, payment, MAX_FUNDINGS);
    }

    /// Counts traded value.
    pub fn add_volume(&mut self, time: Nanos, value: Usd, crossed: bool) {
        self.volume += value;
        let day = utc_day(time);
        if self.days.back().is_none_or(|d| d.day != day) {
            push_bounded(&mut self.days, Day { day, taker: Usd::ZERO, maker: Usd::ZERO }, MAX_DAYS);
        }
        if let Some(today) = self.days.back_mut() {
            *if crossed { &mut today.taker } else { &mut today.maker } += value;
        }
    }

    /// How much a reduce-only order of a side may trade.
    pub fn reducible(&self, asset: AssetId, side: Side) -> Qty {
        rules::reducible(self.positions[asset.index()].szi, side)
    }

    /// Lets a position change by a fill, and its money move. The fee comes out of the cash.
    pub fn fill(&mut self, asset: AssetId, side: Side, px: Px, qty: Qty, fee: Usd) -> Effect {
        let i = asset.index();
        let value = notional(px, side.signed(qty));
        self.cash -= fee;
        if self.leverage[i].is_cross {
            self.cash -= value;
            return self.positions[i].fill(side, px, qty);
        }
        let leverage = i64::from(self.leverage[i].value);
        let position = &mut self.positions[i];
        let before = position.szi;
        let equity = position.raw + notional(px, before);
        position.raw -= value;
        let effect = position.fill(side, px, qty);
        let after = position.szi;
        let flips = !before.is_zero() && before.is_negative() != after.is_negative();
        let moved = if after.is_zero() || flips {
            // Everything comes back; a new position on the other side is posted anew.
            let posted = notional(px, after.abs()).raw() / leverage;
            position.raw + notional(px, after) - Usd::from_raw(posted)
        } else if after.abs() < before.abs() {
            Usd::from_raw(mul_div(equity.raw(), qty.raw(), before.abs().raw()))
        } else {
            Usd::from_raw(-(notional(px, qty).raw() / leverage))
        };
        position.raw -= moved;
        self.cash += moved;
        effect
    }

    /// A position with everything derived from it, except where it would be liquidated.
    pub fn position_state(&self, asset: AssetId, mark: Px, max_leverage: u32) -> PositionState {
        let position = &self.positions[asset.index()];
        let leverage = self.leverage[asset.index()];
        let value = notional(mark, position.szi.abs());
        let margin_used = if leverage.is_cross {
            Usd::from_raw(value.raw() / i64::from(leverage.value))
        } else {
            position.raw + notional(mark, position.szi)
        };
        PositionState {
            asset,
            szi: position.szi,
            entry_px: position.entry(),
            value,
            unrealized: position.unrealized(mark),
            margin_used,
            leverage,
            raw_usd: (!leverage.is_cross).then_some(position.raw),
            liquidation_px: None,
            max_leverage,
            funding_since_open: position.funding[0],
            funding_all_time: position.funding[1],
        }
    }
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, most: usize) {
    if queue.len() == most {
        queue.pop_front();
    }
    queue.push_back(item);
}
