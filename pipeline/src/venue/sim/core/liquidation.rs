//! Leverage, margin that is posted, and what happens when it is not enough.

use super::account::{Leverage, mul_div};
use super::margin::max_leverage;
use super::order::{Asked, Fact, Sink, Status, Tif};
use super::{Core, Refused, Who};
use crate::types::{AssetId, Px, Side, Usd, notional};
use crate::venue::sim::Market;

/// How far from the mark a position is closed by force, percent, where no price band says less.
const FURTHEST_PCT: i64 = 99;

impl<M: Market> Core<M> {
    /// Sets the leverage of an asset. With an open position it may change, as long as there is
    /// margin for it, but not between cross and isolated.
    pub fn update_leverage(
        &mut self,
        who: Who,
        asset: AssetId,
        wanted: Leverage,
    ) -> Result<(), Refused> {
        let most = max_leverage(&self.universe, asset);
        if wanted.value == 0 || i64::from(wanted.value) > most {
            return Err(Refused::InvalidLeverage);
        }
        let i = asset.index();
        let before = self.accounts[who].leverage[i];
        let held = !self.accounts[who].positions[i].szi.is_zero();
        if held && before.is_cross != wanted.is_cross {
            return Err(Refused::LeverageSwitch);
        }
        self.accounts[who].leverage[i] = wanted;
        let short_of = if held && !wanted.is_cross {
            let margin = self.margin(who);
            let size = margin.account.positions[i].szi.abs();
            (margin.initial(asset, size) - margin.isolated_equity(asset)).max(Usd::ZERO)
        } else {
            Usd::ZERO
        };
        if wanted.value < before.value && self.margin(who).available() < short_of {
            self.accounts[who].leverage[i] = before;
            return Err(Refused::Margin);
        }
        self.post_margin(who, asset, short_of);
        Ok(())
    }

    /// Moves margin into or out of an isolated position; what stays must be its initial margin.
    pub fn update_isolated_margin(
        &mut self,
        who: Who,
        asset: AssetId,
        micro_usd: i64,
    ) -> Result<(), Refused> {
        let account = &self.accounts[who];
        let position = account.positions[asset.index()];
        if account.leverage[asset.index()].is_cross || position.szi.is_zero() {
            return Err(Refused::NotIsolated);
        }
        let raw = micro_usd.checked_mul(100).filter(|raw| Usd::from_raw(*raw) < Usd::LARGEST_VALUE);
        let amount = Usd::from_raw(raw.filter(|raw| *raw > -i64::MAX / 4).ok_or(Refused::Margin)?);
        let margin = self.margin(who);
        let must_stay = margin.initial(asset, position.szi.abs());
        let fits = if amount.is_negative() {
            margin.isolated_equity(asset) + amount >= must_stay
        } else {
            margin.available() >= amount
        };
        if !fits {
            return Err(Refused::Margin);
        }
        self.post_margin(who, asset, amount);
        Ok(())
    }

    fn post_margin(&mut self, who: Who, asset: AssetId, amount: Usd) {
        self.accounts[who].cash -= amount;
        self.accounts[who].positions[asset.index()].raw += amount;
    }

    /// Liquidates whoever is below maintenance.
    pub fn liquidate(&mut self, sink: &mut impl Sink) {
        for who in 0..self.accounts.len() {
            let margin = self.margin(who);
            let cross = margin.equity() < margin.maintenance();
            let doomed: Vec<AssetId> = self
                .universe
                .assets()
                .filter(|&asset| {
                    let isolated = !margin.account.leverage[asset.index()].is_cross;
                    let below = margin.isolated_equity(asset) < margin.maintenance_of(asset);
                    let held = !margin.account.positions[asset.index()].szi.is_zero();
                    held && if isolated { below } else { cross }
                })
                .collect();
            if !doomed.is_empty() {
                self.liquidate_account(who, &doomed, sink);
            }
        }
    }

    /// Liquidates whoever has a position in this asset, margin or no margin.
    pub fn liquidate_holders(&mut self, asset: AssetId, sink: &mut impl Sink) {
        for who in 0..self.accounts.len() {
            if !self.accounts[who].positions[asset.index()].szi.is_zero() {
                self.liquidate_account(who, &[asset], sink);
            }
        }
    }

    /// Simple: all orders are cancelled and positions closed at market at once, as far as the book goes;
    /// what an account then owes, the venue pays. (The venue's own way, in slices and through a backstop
    /// vault, is not modelled.)
    fn liquidate_account(&mut self, who: Who, doomed: &[AssetId], sink: &mut impl Sink) {
        let margin = self.margin(who);
        let value = |asset: &AssetId| {
            let i = asset.index();
            notional(margin.marks[i], margin.account.positions[i].szi.abs())
        };
        let value: Usd = doomed.iter().map(value).sum();
        let equity = margin.equity();
        self.cancel_all(who, Status::LiquidatedCanceled, sink);
        self.liquidating = Some(who);
        for asset in doomed {
            self.close_at_market(who, *asset, sink);
        }
        self.liquidating = None;
        self.tell(Fact::Liquidated(who, value, equity), sink);
        self.pay_for_the_broke(who);
    }

    fn close_at_market(&mut self, who: Who, asset: AssetId, sink: &mut impl Sink) {
        let szi = self.accounts[who].positions[asset.index()].szi;
        let side = if szi.is_negative() { Side::Bid } else { Side::Ask };
        let mark = self.marks[asset.index()].raw();
        let band_pct = self.rules.price_band_pct.unwrap_or(FURTHEST_PCT).min(FURTHEST_PCT);
        let far = Px::from_raw(mul_div(mark, 100 + side.sign() * band_pct, 100).max(1));
        let asked = Asked {
            asset,
            side,
            px: self.universe.get(asset).round_px_up(far),
            qty: szi.abs(),
            reduce_only: true,
            tif: Some(Tif::FrontendMarket),
            cloid: None,
            builder: None,
        };
        let order = self.new_order(who, &asked);
        // Whatever finds no counterpart is tried again when marks are next updated.
        let _ = self.work(order, sink);
    }

    fn pay_for_the_broke(&mut self, who: Who) {
        let flat = self.accounts[who].positions.iter().all(|p| p.szi.is_zero());
        let cash = self.accounts[who].cash;
        if flat && cash.is_negative() {
            self.insured += -cash;
            self.accounts[who].cash = Usd::ZERO;
        }
    }
}
