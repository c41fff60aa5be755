//! A synthetic market told order by order, as a venue's node would: the world from which the same
//! data can be made that others sell.

use super::agents::AGENT_BIT;
use super::{AssetMarket, SyntheticMarket};
use crate::types::{AssetId, Nanos, Oid, Side};
use crate::venue::sim::orderwise::event::{OrderEvent, Posted};

/// What the orders of an asset did in a block.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderBlock {
    /// Whose.
    pub asset: AssetId,
    /// When, at the venue.
    pub time: Nanos,
    /// What, in order; trades have the ids that the public hears.
    pub events: Vec<OrderEvent>,
}

impl SyntheticMarket {
    /// The same, with every order told: the books as they are as snapshots, then what is done. Orders of
    /// ours must not come into it.
    pub fn telling_orders(mut self) -> Self {
        let time = self.last_block;
        let told = self.assets.iter_mut().map(|market| {
            market.book.keep_log();
            OrderBlock { asset: market.asset, time, events: market.resting() }
        });
        self.told = Some(told.collect());
        self
    }

    /// What was told since this was last asked, in order of time.
    pub fn take_orders(&mut self) -> Vec<OrderBlock> {
        self.told.as_mut().map(std::mem::take).unwrap_or_default()
    }
}

impl AssetMarket {
    /// What was done in a block that is not published yet. [`None`] = nothing.
    pub(super) fn orders(&mut self, time: Nanos) -> Option<OrderBlock> {
        let mut events = self.book.take_log();
        let mut next_tid = self.next_tid;
        for event in &mut events {
            match event {
                OrderEvent::New { oid, .. }
                | OrderEvent::Resized { oid, .. }
                | OrderEvent::Removed { oid } => *oid = public_id(*oid),
                OrderEvent::Filled { oid, tid, .. } => {
                    (*oid, *tid) = (public_id(*oid), next_tid);
                    next_tid += 1;
                }
                _ => {}
            }
        }
        (!events.is_empty()).then_some(OrderBlock { asset: self.asset, time, events })
    }

    /// A snapshot of what rests.
    fn resting(&self) -> Vec<OrderEvent> {
        let mut events = vec![OrderEvent::Snapshot];
        for side in Side::BOTH {
            for level in self.book.levels(side) {
                events.extend(self.book.queue(side, level.px).map(|(oid, qty)| {
                    let (oid, px) = (public_id(oid), level.px);
                    OrderEvent::New { oid, side, px, qty, posted: Posted::Only }
                }));
            }
        }
        events.push(OrderEvent::Whole);
        events
    }
}

/// Ids of agents as a venue would count them, from 1.
fn public_id(oid: Oid) -> Oid {
    Oid((oid.0 & !AGENT_BIT) + 1)
}
