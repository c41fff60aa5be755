//! The checks of one order, in this order: asset, a price and a size at all, kind, builder, tick, lot,
//! value, price band, client id, reduce-only, margin, post-only, upgrade window, room.

use super::Venue;
use super::account::mul_div;
use super::config::DuplicateCloid;
use crate::exchange::model::{NewOrder, Order, Tif};
use crate::exchange::refusal::Refusal;
use botmm_pipeline::types::instrument::MIN_NOTIONAL;
use botmm_pipeline::types::limits::{MAX_PX, MAX_QTY};
use botmm_pipeline::types::{AssetId, Px, Side, Usd, notional};

/// No order may be worth more: keeps every sum of money far inside 64 bits.
const MAX_ORDER_VALUE: Usd = Usd::whole(300_000_000);
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
    pub(super) fn check_words(&self, new: &NewOrder) -> Result<AssetId, Refusal> {
        let asset = self.asset(new.asset).ok_or(Refusal::InvalidAsset)?;
        let px = new.px.ok_or(Refusal::InvalidPx)?;
        let qty = new.qty.ok_or(Refusal::InvalidSize)?;
        if !px.is_positive() || px > MAX_PX {
            return Err(Refusal::InvalidPx);
        }
        if qty.is_zero() {
            return Err(Refusal::ZeroSize);
        }
        let value = mul_div_checked(px, qty);
        if qty.is_negative() || qty > MAX_QTY || value.is_none_or(|v| v > MAX_ORDER_VALUE) {
            return Err(Refusal::InvalidSize);
        }
        Ok(asset)
    }

    /// Everything else that an order must satisfy before it may trade or rest.
    pub(super) fn check(&self, who: usize, new: &NewOrder, order: &Order) -> Result<(), Refusal> {
        let instrument = self.universe.get(order.asset);
        let account = &self.accounts[who];
        if new.tif.is_none() {
            return Err(Refusal::BadTriggerPx);
        }
        if order.builder.is_some_and(|fee| !self.is_allowed(who, fee)) {
            return Err(Refusal::BuilderFee);
        }
        if !instrument.is_legal_px(order.px) {
            return Err(Refusal::Tick);
        }
        if !instrument.is_legal_qty(order.orig) {
            return Err(Refusal::InvalidSize);
        }
        let szi = account.positions[order.asset.index()].szi;
        let closes_all = order.reduce_only && order.orig == szi.abs();
        if notional(order.px, order.orig) < MIN_NOTIONAL && !closes_all {
            return Err(Refusal::MinNotional);
        }
        self.check_band(order)?;
        let used = order.cloid.is_some_and(|cloid| account.has_cloid(cloid));
        if used && self.config.duplicate_cloid == DuplicateCloid::Reject {
            return Err(Refusal::DuplicateCloid);
        }
        if order.reduce_only {
            if account.reducible(order.asset, order.side).is_zero() {
                return Err(Refusal::ReduceOnly);
            }
        } else if !self.margin(who).admits(order.asset, order.side, order.orig) {
            return Err(Refusal::Margin);
        }
        self.check_crossing(who, order)?;
        self.check_room(who, order)
    }

    /// Without a mark there is nothing to measure margin by.
    fn check_band(&self, order: &Order) -> Result<(), Refusal> {
        let mark = self.marks[order.asset.index()];
        if mark.is_zero() {
            return Err(Refusal::Oracle);
        }
        let band = mul_div(mark.raw(), self.config.price_band_pct, 100);
        let away = (order.px.raw() - mark.raw()).abs();
        if away > band { Err(Refusal::ReferencePx) } else { Ok(()) }
    }

    fn check_crossing(&self, who: usize, order: &Order) -> Result<(), Refusal> {
        let (bid, ask) = self.market.touch(order.asset);
        let opposite = if order.side == Side::Bid { ask } else { bid };
        let reaches = |px: Px| !order.side.is_better(px, order.px);
        // A recorded market's book does not show users' orders: own ones are looked at here.
        let mut own = self.accounts[who].open.values();
        let crosses = opposite.qty.is_positive() && reaches(opposite.px)
            || own.any(|o| o.asset == order.asset && o.side != order.side && reaches(o.px));
        let shown =
            |level: botmm_pipeline::types::Level| level.qty.is_positive().then_some(level.px);
        match order.tif {
            Tif::Alo if crosses => Err(Refusal::BadAloPx(shown(bid), shown(ask))),
            Tif::Alo => Ok(()),
            Tif::Gtc if !crosses => Ok(()),
            _ if self.time < self.post_only_until => Err(Refusal::UpgradePostOnly),
            _ => Ok(()),
        }
    }

    /// Reduce-only orders are refused earlier than others, as at the venue.
    fn check_room(&self, who: usize, order: &Order) -> Result<(), Refusal> {
        if matches!(order.tif, Tif::Ioc | Tif::FrontendMarket) {
            return Ok(());
        }
        let account = &self.accounts[who];
        let earned = usize::try_from(account.volume.raw() / VOLUME_PER_ORDER.raw()).unwrap_or(0);
        let base = self.config.max_open_orders;
        let most =
            if order.reduce_only { base } else { (base + earned).min(base.max(MAX_OPEN_ORDERS)) };
        let full = account.open.len() >= most || self.market.room() == 0;
        if full { Err(Refusal::TooManyOrders) } else { Ok(()) }
    }
}

/// The value of an order; [`None`] beyond 64 bits.
fn mul_div_checked(px: Px, qty: botmm_pipeline::types::Qty) -> Option<Usd> {
    let exact = i128::from(px.raw()) * i128::from(qty.raw()) / 100_000_000;
    i64::try_from(exact).ok().map(Usd::from_raw)
}
