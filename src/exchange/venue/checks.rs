//! The checks of one order, in this order: asset, a price and a size at all, kind, builder, tick, lot,
//! value, price band, client id, reduce-only, margin, post-only, upgrade window, room.

use super::Venue;
use super::account::mul_div;
use super::config::DuplicateCloid;
use crate::exchange::model::{NewOrder, Order, Tif};
use botmm_pipeline::types::{AssetId, Side, Usd};
use botmm_pipeline::venue::sim::core::{Refused, rules};

/// Every so much traded volume allows one more open order, up to a limit.
const VOLUME_PER_ORDER: Usd = Usd::whole(5_000_000);
const MAX_OPEN_ORDERS: usize = 5_000;

impl Venue {
    /// The asset of a venue index.
    pub(super) fn asset(&self, venue_index: u32) -> Option<AssetId> {
        let mut all = self.universe.iter();
        all.find(|(_, instrument)| instrument.venue_index == venue_index).map(|(asset, _)| asset)
    }

    /// What cannot even be written into the history: an unknown asset, no price, no size.
    pub(super) fn check_numbers(&self, new: &NewOrder) -> Result<AssetId, Refused> {
        let asset = self.asset(new.asset).ok_or(Refused::InvalidAsset)?;
        let px = new.px.ok_or(Refused::InvalidPx)?;
        let qty = new.qty.ok_or(Refused::InvalidSize)?;
        let is_market = new.tif == Some(Tif::FrontendMarket);
        let most = rules::largest_order(self.universe.get(asset), is_market);
        rules::check_numbers(px, qty, most)?;
        Ok(asset)
    }

    /// Everything else that an order must satisfy before it may trade or rest.
    pub(super) fn check(&self, who: usize, new: &NewOrder, order: &Order) -> Result<(), Refused> {
        let instrument = self.universe.get(order.asset);
        let account = &self.accounts[who];
        if new.tif.is_none() {
            return Err(Refused::BadTriggerPx);
        }
        if order.builder.is_some_and(|fee| !self.is_allowed(who, fee)) {
            return Err(Refused::BuilderFee);
        }
        let szi = account.positions[order.asset.index()].szi;
        rules::check_grid(instrument, order.px, order.orig, order.reduce_only.then_some(szi))?;
        self.check_band(order)?;
        let used = order.cloid.is_some_and(|cloid| account.has_cloid(cloid));
        if used && self.config.duplicate_cloid == DuplicateCloid::Reject {
            return Err(Refused::DuplicateCloid);
        }
        if order.reduce_only {
            if account.reducible(order.asset, order.side).is_zero() {
                return Err(Refused::ReduceOnly);
            }
        } else if !self.margin(who).admits(order.asset, order.side, order.orig) {
            return Err(Refused::Margin);
        }
        self.check_crossing(who, order)?;
        self.check_room(who, order)
    }

    /// Without a mark there is nothing to measure margin by.
    pub(super) fn check_band(&self, order: &Order) -> Result<(), Refused> {
        let mark = self.marks[order.asset.index()];
        if mark.is_zero() {
            return Err(Refused::Oracle);
        }
        let band = mul_div(mark.raw(), self.config.price_band_pct, 100);
        let away = (order.px.raw() - mark.raw()).abs();
        if away > band { Err(Refused::ReferencePx) } else { Ok(()) }
    }

    fn check_crossing(&self, who: usize, order: &Order) -> Result<(), Refused> {
        let (bid, ask) = self.market.touch(order.asset);
        let opposite = if order.side == Side::Bid { ask } else { bid };
        let own = self.accounts[who].open.values();
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

    /// Reduce-only orders are refused earlier than others, as at the venue.
    fn check_room(&self, who: usize, order: &Order) -> Result<(), Refused> {
        if matches!(order.tif, Tif::Ioc | Tif::FrontendMarket) {
            return Ok(());
        }
        let account = &self.accounts[who];
        let earned = usize::try_from(account.volume.raw() / VOLUME_PER_ORDER.raw()).unwrap_or(0);
        let base = self.config.max_open_orders;
        let most =
            if order.reduce_only { base } else { (base + earned).min(base.max(MAX_OPEN_ORDERS)) };
        let full = account.open.len() >= most || self.market.room() == 0;
        if full { Err(Refused::TooManyOrders) } else { Ok(()) }
    }
}
