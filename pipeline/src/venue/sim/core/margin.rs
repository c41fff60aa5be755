//! Margin: what an account's positions and orders take, and what is left.
//!
//! A cross position takes its value at the mark over its leverage. Open orders take what the worse
//! side would add to that if it filled whole. Isolated positions have their money posted with them;
//! opening more of one takes it from the same cash as everything else.

use super::account::{Account, Leverage};
use crate::types::{AssetId, Px, Qty, Side, Universe, Usd, notional};

/// One position with everything derived from it (PROTOCOL §2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionState {
    /// Of what.
    pub asset: AssetId,
    /// Signed size, never zero.
    pub szi: Qty,
    /// Average entry price.
    pub entry_px: Px,
    /// Size times mark.
    pub value: Usd,
    /// Open profit at the mark.
    pub unrealized: Usd,
    /// Margin it takes.
    pub margin_used: Usd,
    /// Its leverage.
    pub leverage: Leverage,
    /// Isolated: margin posted with it, raw.
    pub raw_usd: Option<Usd>,
    /// Where it would be liquidated, if anywhere.
    pub liquidation_px: Option<Px>,
    /// Highest leverage the venue allows.
    pub max_leverage: u32,
    /// Funding since it was opened (positive = paid), and ever.
    pub funding_since_open: Usd,
    /// See above.
    pub funding_all_time: Usd,
}

/// An account with everything derived from it (PROTOCOL §2.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountState {
    /// Cash plus positions at their marks.
    pub account_value: Usd,
    /// Sum of the positions' absolute values.
    pub total_notional: Usd,
    /// Cash: account value minus signed position values.
    pub total_raw_usd: Usd,
    /// Margin in use.
    pub margin_used: Usd,
    /// Cross maintenance margin.
    pub maintenance: Usd,
    /// What could be withdrawn.
    pub withdrawable: Usd,
    /// By asset, flat ones left out.
    pub positions: Vec<PositionState>,
}

/// Size of one asset that one account may hold and have on offer: sums of it stay in 64 bits.
const MAX_SIZE: i128 = i64::MAX as i128 / 64;

/// One account's margin at the marks of now.
pub struct Margin<'a> {
    /// Whose.
    pub account: &'a Account,
    /// By asset.
    pub marks: &'a [Px],
    /// What is traded.
    pub universe: &'a Universe,
}

impl Margin<'_> {
    /// Cash and cross positions at their marks.
    pub fn equity(&self) -> Usd {
        let positions = self.account.positions.iter().zip(self.marks);
        let cross = positions.zip(&self.account.leverage).filter(|(_, l)| l.is_cross);
        self.account.cash + cross.map(|((p, mark), _)| notional(*mark, p.szi)).sum()
    }

    /// An isolated position's money and value.
    pub fn isolated_equity(&self, asset: AssetId) -> Usd {
        let position = &self.account.positions[asset.index()];
        position.raw + notional(self.marks[asset.index()], position.szi)
    }

    /// What cross positions take.
    pub fn of_positions(&self) -> Usd {
        self.universe.assets().map(|asset| self.of_position(asset)).sum()
    }

    fn of_position(&self, asset: AssetId) -> Usd {
        let i = asset.index();
        if self.account.leverage[i].is_cross {
            self.initial(asset, self.account.positions[i].szi.abs())
        } else {
            Usd::ZERO
        }
    }

    /// Initial margin of so much of an asset.
    pub fn initial(&self, asset: AssetId, qty: Qty) -> Usd {
        let i = asset.index();
        let leverage = i64::from(self.account.leverage[i].value);
        Usd::from_raw(notional(self.marks[i], qty).raw() / leverage)
    }

    /// What open orders take, when one more rested.
    fn of_orders(&self, more: Option<(AssetId, Side, Qty)>) -> Usd {
        let of_asset = |asset: AssetId| {
            let szi = self.account.positions[asset.index()].szi;
            let [mut bids, mut asks] = self.account.resting[asset.index()];
            if let Some((_, side, qty)) = more.filter(|(a, ..)| *a == asset) {
                *if side == Side::Bid { &mut bids } else { &mut asks } += qty;
            }
            let worst = szi.abs().max((szi + bids).abs()).max((szi - asks).abs());
            self.initial(asset, worst) - self.initial(asset, szi.abs())
        };
        self.universe.assets().map(of_asset).sum()
    }

    /// What is left for new orders; below zero when marks moved against it.
    pub fn available(&self) -> Usd {
        self.equity() - self.of_positions() - self.of_orders(None)
    }

    /// Whether an order may be placed: it adds nothing to what is taken, or there is enough.
    pub fn admits(&self, asset: AssetId, side: Side, qty: Qty) -> bool {
        let [bids, asks] = self.account.resting[asset.index()];
        let szi = self.account.positions[asset.index()].szi;
        let sizes = [bids, asks, szi.abs(), qty].map(|size| i128::from(size.raw()));
        if sizes.iter().sum::<i128>() > MAX_SIZE {
            return false;
        }
        let after = self.of_orders(Some((asset, side, qty)));
        after <= self.of_orders(None) || self.equity() >= self.of_positions() + after
    }

    /// Whether a fill may happen: it makes the position no larger, or positions alone are still
    /// covered after it, with its fee and its distance from the mark paid.
    pub fn admits_fill(&self, asset: AssetId, side: Side, px: Px, qty: Qty, fee: Usd) -> bool {
        let i = asset.index();
        let before = self.account.positions[i].szi;
        let after = before + side.signed(qty);
        if after.abs() <= before.abs() {
            return true;
        }
        let mark = self.marks[i];
        let gained = notional(mark, side.signed(qty)) - notional(px, side.signed(qty)) - fee;
        if self.account.leverage[i].is_cross {
            let others = self.of_positions() - self.of_position(asset);
            return self.equity() + gained >= others + self.initial(asset, after.abs());
        }
        let leverage = i64::from(self.account.leverage[i].value);
        let posted = Usd::from_raw(notional(px, qty).raw() / leverage);
        self.equity() - self.of_positions() >= posted + fee
    }

    /// Maintenance margin of one position: half the initial one at the highest leverage.
    pub(super) fn maintenance_of(&self, asset: AssetId) -> Usd {
        let i = asset.index();
        let value = notional(self.marks[i], self.account.positions[i].szi.abs());
        Usd::from_raw(value.raw() / (2 * max_leverage(self.universe, asset)))
    }

    /// Of all cross positions.
    pub fn maintenance(&self) -> Usd {
        let cross = |asset: &AssetId| self.account.leverage[asset.index()].is_cross;
        self.universe.assets().filter(cross).map(|a| self.maintenance_of(a)).sum()
    }

    /// The price at which equity meets maintenance, the other prices as they are:
    /// `mark − (equity − maintenance) / (szi − |szi| · rate)`. [`None`] when no price does.
    fn liquidation_px(&self, asset: AssetId) -> Option<Px> {
        let i = asset.index();
        let szi = self.account.positions[i].szi;
        let (equity, maintenance) = if self.account.leverage[i].is_cross {
            (self.equity(), self.maintenance())
        } else {
            (self.isolated_equity(asset), self.maintenance_of(asset))
        };
        let twice = 2 * i128::from(max_leverage(self.universe, asset));
        let sign = if szi.is_negative() { -1 } else { 1 };
        let spare = i128::from((equity - maintenance).raw()) * 100_000_000 * twice;
        let px = i128::from(self.marks[i].raw()) - spare / (i128::from(szi.raw()) * (twice - sign));
        i64::try_from(px).ok().filter(|px| *px > 0).map(Px::from_raw)
    }

    /// A position with everything derived from it, except where it would be liquidated.
    fn position_state(&self, asset: AssetId) -> PositionState {
        let mark = self.marks[asset.index()];
        let position = &self.account.positions[asset.index()];
        let leverage = self.account.leverage[asset.index()];
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
            max_leverage: max_leverage(self.universe, asset) as u32,
            funding_since_open: position.funding[0],
            funding_all_time: position.funding[1],
        }
    }

    /// Everything that the account shows (PROTOCOL §2.4).
    pub fn state(&self) -> AccountState {
        let held = |a: &AssetId| !self.account.positions[a.index()].szi.is_zero();
        let position = |asset: AssetId| PositionState {
            liquidation_px: self.liquidation_px(asset),
            ..self.position_state(asset)
        };
        let positions: Vec<_> = self.universe.assets().filter(held).map(position).collect();
        let raw: Usd = self.account.positions.iter().map(|p| p.raw).sum();
        let total_raw_usd = self.account.cash + raw;
        let signed = |p: &PositionState| notional(self.marks[p.asset.index()], p.szi);
        AccountState {
            account_value: total_raw_usd + positions.iter().map(signed).sum(),
            total_notional: positions.iter().map(|p| p.value).sum(),
            total_raw_usd,
            margin_used: positions.iter().map(|p| p.margin_used).sum(),
            maintenance: self.maintenance(),
            withdrawable: self.available().max(Usd::ZERO),
            positions,
        }
    }
}

/// The venue's highest leverage of an asset, at least 1.
pub(super) fn max_leverage(universe: &Universe, asset: AssetId) -> i64 {
    i64::from(universe.get(asset).max_leverage.max(1))
}
