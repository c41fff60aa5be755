//! The checks of one order against its account and the market, in this order: kind, builder, tick, lot,
//! value, price band, client id, reduce-only, margin, post-only, upgrade window, room.

use super::account::mul_div;
use super::order::{Asked, Order, Tif};
use super::{Core, Refused, rules};
use crate::types::{AssetId, Px, Side};
use crate::venue::sim::Market;

impl<M: Market> Core<M> {
    /// Everything that an order must satisfy, besides its numbers, before it may trade or rest.
    pub(super) fn check(&self, asked: &Asked, order: &Order) -> Result<(), Refused> {
        let account = &self.accounts[order.who];
        if asked.tif.is_none() {
            return Err(Refused::BadTriggerPx);
        }
        if order.builder.is_some_and(|fee| !account.allows(fee)) {
            return Err(Refused::BuilderFee);
        }
        let instrument = self.universe.get(order.asset);
        let szi = account.positions[order.asset.index()].szi;
        rules::check_grid(instrument, order.px, order.orig, order.reduce_only.then_some(szi))?;
        self.check_band(order.asset, order.px)?;
        if self.rules.unique_cloids
            && order.cloid.is_some()
            && self.orders_of(order.who).any(|o| o.cloid == order.cloid)
        {
            return Err(Refused::DuplicateCloid);
        }
        if order.reduce_only {
            if account.reducible(order.asset, order.side).is_zero() {
                return Err(Refused::ReduceOnly);
            }
        } else if self.rules.margin
            && !self.margin(order.who).admits(order.asset, order.side, order.orig)
        {
            return Err(Refused::Margin);
        }
        self.check_crossing(order)?;
        self.check_room(order)
    }

    /// How far from the mark an order's price may be. Without a mark there is nothing to measure by.
    pub fn check_band(&self, asset: AssetId, px: Px) -> Result<(), Refused> {
        let Some(pct) = self.rules.price_band_pct else { return Ok(()) };
        let mark = self.marks[asset.index()];
        if mark.is_zero() {
            return Err(Refused::Oracle);
        }
        let band = mul_div(mark.raw(), pct, 100);
        let away = (px.raw() - mark.raw()).abs();
        if away > band { Err(Refused::ReferencePx) } else { Ok(()) }
    }

    fn check_crossing(&self, order: &Order) -> Result<(), Refused> {
        let (bid, ask) = self.market.touch(order.asset);
        let opposite = if order.side == Side::Bid { ask } else { bid };
        let own = self.orders_of(order.who);
        let own = own.filter(|o| o.asset == order.asset && o.side != order.side).map(|o| o.px);
        let crosses = rules::crosses(order.side, order.px, opposite, own);
        match order.tif {
            Tif::Alo if crosses => Err(rules::bad_alo_px((bid, ask))),
            Tif::Alo => Ok(()),
            Tif::Gtc if !crosses => Ok(()),
            _ if self.time < self.post_only_until => Err(Refused::UpgradePostOnly),
            _ => Ok(()),
        }
    }

    fn check_room(&self, order: &Order) -> Result<(), Refused> {
        if matches!(order.tif, Tif::Ioc | Tif::FrontendMarket) {
            return Ok(());
        }
        let account = &self.accounts[order.who];
        let most = self.rules.most_open_orders(account.volume, order.reduce_only);
        let full = account.open >= most || self.market.room() == 0;
        if full { Err(Refused::TooManyOrders) } else { Ok(()) }
    }
}
