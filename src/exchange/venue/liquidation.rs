//! Liquidation: whoever is below maintenance, and, on a bad day, whoever holds a certain coin.
//!
//! Simple: all orders are cancelled and positions closed at market at once, as far as the book goes; what
//! an account then owes, the venue pays. (The venue's own way, in slices and through a backstop vault, is
//! not modelled.)

use super::Venue;
use super::account::mul_div;
use crate::exchange::model::{Event, Liquidated, NewOrder, OrderStatus, Tif};
use botmm_pipeline::types::{AssetId, Px, Side, Usd, notional};

impl Venue {
    /// In the next block, whatever position anybody has in this asset is closed by force, margin or no
    /// margin (a fault).
    pub fn force_liquidation(&mut self, asset: AssetId) {
        if !self.doomed.contains(&asset) {
            self.doomed.push(asset);
        }
    }

    /// Does what [`Venue::force_liquidation`] asked for.
    pub(super) fn liquidate_doomed(&mut self) {
        for asset in core::mem::take(&mut self.doomed) {
            for who in 0..self.accounts.len() {
                if !self.accounts[who].positions[asset.index()].szi.is_zero() {
                    self.liquidate_account(who, &[asset]);
                }
            }
        }
    }

    /// Liquidates whoever is below maintenance.
    pub(super) fn liquidate(&mut self) {
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
                self.liquidate_account(who, &doomed);
            }
        }
    }

    /// Cancels all orders of an account and closes these positions.
    fn liquidate_account(&mut self, who: usize, doomed: &[AssetId]) {
        let margin = self.margin(who);
        let value = |asset: &AssetId| {
            let i = asset.index();
            notional(margin.marks[i], margin.account.positions[i].szi.abs())
        };
        let liquidated = Liquidated {
            user: margin.account.address,
            value: doomed.iter().map(value).sum(),
            equity: margin.equity(),
        };
        self.cancel_all(who, &OrderStatus::LiquidatedCanceled);
        self.liquidating = Some(liquidated.user);
        for asset in doomed {
            self.close_at_market(who, *asset);
        }
        self.liquidating = None;
        self.events.push(Event::Liquidated(liquidated));
        self.pay_for_the_broke(who);
    }

    fn close_at_market(&mut self, who: usize, asset: AssetId) {
        let szi = self.accounts[who].positions[asset.index()].szi;
        let side = if szi.is_negative() { Side::Bid } else { Side::Ask };
        let mark = self.marks[asset.index()].raw();
        let pct = 100 + side.sign() * self.config.price_band_pct.min(99);
        let instrument = self.universe.get(asset);
        let far = Px::from_raw(mul_div(mark, pct, 100).max(1));
        let new = NewOrder {
            asset: instrument.venue_index,
            side,
            px: Some(instrument.round_px_up(far)),
            qty: Some(szi.abs()),
            reduce_only: true,
            tif: Some(Tif::FrontendMarket),
            trigger: None,
            cloid: None,
            builder: None,
        };
        let order = self.new_order(who, asset, &new);
        self.work(who, order);
    }

    fn pay_for_the_broke(&mut self, who: usize) {
        let flat = self.accounts[who].positions.iter().all(|p| p.szi.is_zero());
        let cash = self.accounts[who].cash;
        if flat && cash.is_negative() {
            self.insured += -cash;
            self.accounts[who].cash = Usd::ZERO;
        }
    }
}
