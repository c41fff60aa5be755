//! What the core keeps of one account: money, positions, leverage, what rests, what was used up.

use super::order::{BuilderFee, Direction, Effect, Fee, Order};
use super::rules;
use crate::types::{AssetId, Bps, Nanos, Px, Qty, SCALE, Side, Usd, notional};
use crate::venue::hl::sign::Address;
use std::collections::BTreeMap;

/// Highest leverage that an account has without asking for it.
const DEFAULT_LEVERAGE: u8 = 20;
/// The most that a builder takes of a perpetual's order, tenths of a basis point.
const MAX_BUILDER_FEE: u32 = 100;
/// A tenth of a basis point, units of 1e-8.
const TENTH_BP_E8: i32 = 1_000;

/// One asset's position. Money that it moved is in the account's cash (cross) or in `raw`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Position {
    /// Signed size.
    pub szi: Qty,
    /// What the open size cost: average entry price times size, positive.
    pub cost: Usd,
    /// Isolated: money posted with the position and moved by it.
    pub raw: Usd,
    /// Funding paid since it was opened, and ever.
    pub funding: [Usd; 2],
}

/// Leverage of one asset for one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leverage {
    /// Cross, or isolated.
    pub is_cross: bool,
    /// How many times.
    pub value: u32,
}

/// See the module.
#[derive(Debug)]
pub struct Account {
    /// Money that is not posted with an isolated position.
    pub cash: Usd,
    /// By asset.
    pub positions: Vec<Position>,
    /// By asset.
    pub leverage: Vec<Leverage>,
    /// Resting size that may add to the position, by asset and side.
    pub(super) resting: Vec<[Qty; 2]>,
    /// How many orders rest.
    pub open: usize,
    /// What fills cost today, as maker and as taker; positive = cost.
    pub rates: [Bps; 2],
    /// The most that a builder may take, tenths of a basis point.
    pub builders: BTreeMap<Address, u32>,
    /// Value traded ever.
    pub volume: Usd,
    /// Fees paid ever, builders' included, and fills.
    pub fees: Usd,
    /// See `fees`.
    pub fills: u64,
    /// Requests sent, and bought beyond the free ones.
    pub used: u64,
    /// See `used`.
    pub bought: u64,
    pub(super) last_over_limit: Nanos,
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
    pub(super) fn fill(&mut self, side: Side, px: Px, qty: Qty) -> Effect {
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
pub fn mul_div(a: i64, b: i64, c: i64) -> i64 {
    let exact = i128::from(a) * i128::from(b) / i128::from(c);
    assert!(i64::try_from(exact).is_ok(), "{a} * {b} / {c} leaves 64 bits");
    exact as i64
}

/// The leverage of who set none.
pub fn default_leverage(most: u8) -> Leverage {
    Leverage { is_cross: true, value: u32::from(most.clamp(1, DEFAULT_LEVERAGE)) }
}

impl Account {
    /// Without anything; `max_leverage` by asset.
    pub(super) fn new(rates: [Bps; 2], max_leverage: impl Iterator<Item = u8>) -> Self {
        let leverage: Vec<Leverage> = max_leverage.map(default_leverage).collect();
        Self {
            cash: Usd::ZERO,
            positions: vec![Position::default(); leverage.len()],
            resting: vec![[Qty::ZERO; 2]; leverage.len()],
            leverage,
            open: 0,
            rates,
            builders: BTreeMap::new(),
            volume: Usd::ZERO,
            fees: Usd::ZERO,
            fills: 0,
            used: 0,
            bought: 0,
            last_over_limit: Nanos(i64::MIN),
        }
    }

    /// What rests changes by an order (a part of one), of which so much may fill.
    pub(super) fn change_resting(&mut self, order: &Order, by: Qty) {
        if !order.reduce_only {
            self.resting[order.asset.index()][order.side.index()] += by;
        }
    }

    /// Whether it lets a builder take so much. Nothing needs no permission.
    pub fn allows(&self, fee: BuilderFee) -> bool {
        let most = self.builders.get(&fee.builder).map_or(0, |most| *most);
        fee.tenths_bp <= most.min(MAX_BUILDER_FEE)
    }

    /// What a fill costs.
    pub(super) fn fee(&self, order: &Order, px: Px, qty: Qty, crossed: bool) -> Fee {
        let venue = self.rates[usize::from(crossed)].fee_on(px, qty);
        let builder = order.builder.map_or(Usd::ZERO, |b| {
            let tenths = b.tenths_bp.min(MAX_BUILDER_FEE) as i32;
            Bps::from_e8(tenths * TENTH_BP_E8).fee_on(px, qty)
        });
        Fee { total: venue + builder, builder }
    }

    /// How much a reduce-only order of a side may trade.
    pub fn reducible(&self, asset: AssetId, side: Side) -> Qty {
        rules::reducible(self.positions[asset.index()].szi, side)
    }

    /// Lets a position change by a fill, and its money move. The fee comes out of the cash.
    pub(super) fn fill(&mut self, order: &Order, px: Px, qty: Qty, fee: Usd) -> Effect {
        let (i, side) = (order.asset.index(), order.side);
        let value = notional(px, side.signed(qty));
        self.cash -= fee;
        self.fees += fee;
        self.fills += 1;
        self.volume += notional(px, qty);
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Closed and open profit together are exactly the money that moved.
    #[test]
    fn profit_is_the_money_that_moved() {
        for seed in 0..300 {
            let mut dice = ChaCha8Rng::seed_from_u64(seed);
            let mut position = Position::default();
            let (mut cash, mut closed) = (Usd::ZERO, Usd::ZERO);
            // Tenths of a dollar, thousandths of a coin.
            let mut px = || Px::from_raw(dice.random_range(1..=100_000_i64) * 10_000_000);
            let mark = px();
            let pxs: Vec<Px> = (0..40).map(|_| px()).collect();
            for px in pxs {
                let side = Side::BOTH[dice.random_range(0..2)];
                let qty = Qty::from_raw(dice.random_range(1..=5_000_i64) * 100_000);
                let before = position.szi;
                let effect = position.fill(side, px, qty);
                assert_eq!(effect.start, before, "seed {seed}");
                assert!(!position.cost.is_negative(), "seed {seed}");
                assert_eq!(position.cost.is_zero(), position.szi.is_zero(), "seed {seed}");
                cash -= notional(px, side.signed(qty));
                closed += effect.closed_pnl;
            }
            let value = notional(mark, position.szi);
            assert_eq!(cash + value, closed + position.unrealized(mark), "seed {seed}");
        }
    }

    #[test]
    fn fills_say_what_they_did_to_the_position() {
        let px = Px::whole(100);
        let mut position = Position::default();
        let mut fill = |side, qty: i64| position.fill(side, px, Qty::whole(qty)).direction;
        use Direction::*;
        assert_eq!(fill(Side::Bid, 2), OpenLong);
        assert_eq!(fill(Side::Ask, 1), CloseLong);
        assert_eq!(fill(Side::Ask, 3), LongToShort);
        assert_eq!(fill(Side::Ask, 1), OpenShort);
        assert_eq!(fill(Side::Bid, 3), CloseShort);
        assert_eq!(fill(Side::Ask, 1), OpenShort);
        assert_eq!(fill(Side::Bid, 2), ShortToLong);
    }
}
