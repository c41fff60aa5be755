//! What is asked of orders, in the words of clients, and what they are answered. The rules are the
//! core's.

use super::Venue;
use crate::exchange::model::{ItemAnswer, NewOrder, Tif};
use crate::exchange::refusal::Refusal;
use botmm_pipeline::types::{AssetId, Cloid};
use botmm_pipeline::venue::hl::sign::OrderRef;
use botmm_pipeline::venue::sim::core::{Asked, Placed, Refused};

impl Venue {
    /// The asset of a venue index.
    pub(super) fn asset(&self, venue_index: u32) -> Option<AssetId> {
        let mut all = self.core.universe().iter();
        all.find(|(_, instrument)| instrument.venue_index == venue_index).map(|(asset, _)| asset)
    }

    /// An order as the core takes it, if it has an asset, a price and a size at all.
    pub(super) fn asked(&self, new: &NewOrder) -> Result<Asked, Refused> {
        let asset = self.asset(new.asset).ok_or(Refused::InvalidAsset)?;
        let px = new.px.ok_or(Refused::InvalidPx)?;
        let qty = new.qty.ok_or(Refused::InvalidSize)?;
        let NewOrder { side, reduce_only, tif, cloid, builder, .. } = *new;
        Ok(Asked { asset, side, px, qty, reduce_only, tif, cloid, builder })
    }

    /// The same, with numbers that are any.
    pub(super) fn check_numbers(&self, new: &NewOrder) -> Result<Asked, Refused> {
        let asked = self.asked(new)?;
        self.core.check_numbers(&asked)?;
        Ok(asked)
    }

    /// A new order. A refused one gets an id and a place in the history too, if its numbers are any.
    pub(super) fn place(&mut self, who: usize, new: &NewOrder) -> ItemAnswer {
        let placed =
            self.asked(new).and_then(|asked| self.core.place(who, &asked, &mut self.records));
        match placed {
            Ok(placed) => self.answer(placed, new.cloid),
            Err(refused) => ItemAnswer::Error(refused.into()),
        }
    }

    fn answer(&self, placed: Placed, cloid: Option<Cloid>) -> ItemAnswer {
        match placed {
            Placed::Resting(oid, traded, _)
                if traded.is_zero() || self.config.partly_crossed_rests =>
            {
                ItemAnswer::Resting { oid, cloid }
            }
            Placed::Resting(oid, total, avg_px) | Placed::Filled(oid, total, avg_px) => {
                ItemAnswer::Filled { total, avg_px, oid, cloid }
            }
        }
    }

    /// Cancels an order of this account, if the asset is right.
    pub(super) fn cancel(&mut self, who: usize, asset: u32, id: OrderRef) -> ItemAnswer {
        let Some(asset) = self.asset(asset) else {
            return ItemAnswer::Error(Refused::MissingOrder.into());
        };
        match self.core.cancel(who, asset, id, &mut self.records) {
            Ok(()) => ItemAnswer::Success,
            Err(refused) => ItemAnswer::Error(refused.into()),
        }
    }

    /// A replacement among orders that the core knows.
    pub(super) fn modify(
        &mut self,
        who: usize,
        old: OrderRef,
        new: &NewOrder,
        always_place: bool,
    ) -> Result<ItemAnswer, Refusal> {
        let old = self.core.find(who, old);
        let old = old.filter(|order| self.asset(new.asset) == Some(order.asset)).copied();
        let mut new = new.clone();
        if !always_place {
            if old.is_none() {
                return Err(Refused::ModifyDead.into());
            }
            // Without `a`, only an order that does not take: a GTC is turned into a post-only one.
            new.tif = match new.tif {
                Some(Tif::Alo | Tif::Gtc) => Some(Tif::Alo),
                _ => return Err(Refusal::ModifyNew(Refused::IocCancel)),
            };
        }
        let asked = self.asked(&new).map_err(Refusal::ModifyNew)?;
        let placed = self.core.modify(who, old.map(|o| o.oid), &asked, &mut self.records);
        let placed = placed.map_err(Refusal::ModifyNew)?;
        Ok(self.answer(placed, new.cloid.or(old.and_then(|order| order.cloid))))
    }
}
