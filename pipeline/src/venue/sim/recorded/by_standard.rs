//! Fills by the field's standard semantics, hftbacktest's without partial fills ([`super::super::standard`]).
//! For one of our bids (asks mirrored):
//!
//! | what the recording tells | what we get |
//! |---|---|
//! | a sell traded below our price | filled whole, at our price |
//! | a sell traded at our price | filled whole, if it went beyond the queue ahead of us by half a lot |
//! | a better ask than before, at or below our price | filled whole, at our price |
//! | a level at our price | another place in the queue |
//!
//! Levels are what it was made for. Of a whole book or a touch each level that changed counts as one.

use super::{AssetMarket, Fills, OwnOrder};
use crate::types::{
    FillCause, LentEvent, Level, LevelChange, LevelNews, MarketEvent, Nanos, Px, Qty, Side, Trade,
};
use crate::venue::sim::queue::{QueueModel, Shown};

impl AssetMarket {
    /// What is displayed at a price; nothing where nothing is known.
    pub(super) fn displayed(&self, side: Side, px: Px) -> Qty {
        match self.shown.at(side, px) {
            Shown::Known(qty) => qty,
            Shown::Unknown(_) => Qty::ZERO,
        }
    }

    pub(super) fn on_event_standard(
        &mut self,
        event: &LentEvent<'_>,
        model: QueueModel,
        fills: &mut Fills<'_>,
    ) {
        let was_by_levels = self.shown.is_by_levels();
        let touches = Side::BOTH.map(|side| self.shown.touch(side));
        match event {
            MarketEvent::Level(change) => {
                let LevelChange { side, px, qty, news, .. } = *change;
                let changed = self.shown.apply_level(change);
                if news != LevelNews::Size {
                    return; // Levels are gone; that moves nobody and fills nobody.
                }
                if self.spans.may_have(side, px) {
                    let (before, now) = (changed.before.to_f64(), qty.to_f64());
                    for order in self.orders.iter_mut().filter(|o| o.px == px && o.side == side) {
                        order.standard.on_displayed(before, now, model);
                    }
                }
                if was_by_levels && !changed.is_touch {
                    return self.eaten.clear();
                }
            }
            MarketEvent::Trade(trade) => return self.on_trade_standard(trade, fills),
            MarketEvent::Mark(mark) => return self.on_mark(mark),
            MarketEvent::Status(_) => return,
            MarketEvent::Bbo(bbo) => {
                self.note_displayed();
                self.shown.apply_bbo(bbo);
                self.on_displayed_standard(model);
            }
            MarketEvent::Book(book) => {
                self.note_displayed();
                self.shown.apply_snapshot(book);
                self.on_displayed_standard(model);
            }
        }
        self.eaten.clear();
        self.on_touches_standard(event.venue_time(), touches, fills);
    }

    fn on_trade_standard(&mut self, trade: &Trade, fills: &mut Fills<'_>) {
        self.last = trade.px;
        let hit = trade.aggressor.opposite();
        let (qty, lot) = (trade.qty.to_f64(), self.instrument.lot().to_f64());
        let mut tid = Some(trade.tid);
        for order in self.orders.iter_mut().filter(|o| o.side == hit) {
            let cause = if order.px == trade.px {
                let is_filled = order.standard.on_trade(qty, lot);
                is_filled.then_some(FillCause::TradedAt)
            } else {
                hit.is_better(order.px, trade.px).then_some(FillCause::TradedThrough)
            };
            if let Some(cause) = cause {
                fills.fill((trade.venue_time, cause), order, order.leaves, &mut tid);
            }
        }
        self.orders.retain(|o| o.leaves.is_positive());
    }

    /// Keeps what is displayed at our prices, to be compared with what will be.
    fn note_displayed(&mut self) {
        for i in 0..self.orders.len() {
            let OwnOrder { side, px, .. } = self.orders[i];
            self.orders[i].shown_before = self.displayed(side, px);
        }
    }

    fn on_displayed_standard(&mut self, model: QueueModel) {
        for i in 0..self.orders.len() {
            let OwnOrder { side, px, shown_before, .. } = self.orders[i];
            let now = self.displayed(side, px);
            if now != shown_before {
                let [before, now] = [shown_before, now].map(Qty::to_f64);
                self.orders[i].standard.on_displayed(before, now, model);
            }
        }
    }

    /// A better best price than before fills our orders that it reaches.
    fn on_touches_standard(&mut self, time: Nanos, before: [Level; 2], fills: &mut Fills<'_>) {
        for side in Side::BOTH {
            let (old, new) = (before[side.index()], self.shown.touch(side));
            let is_better = old.qty.is_zero() || side.is_better(new.px, old.px);
            if !new.qty.is_positive() || !is_better {
                continue;
            }
            for order in self.orders.iter_mut() {
                if order.side != side && !order.side.is_better(new.px, order.px) {
                    let why = (time, FillCause::TouchReached);
                    fills.fill(why, order, order.leaves, &mut None);
                }
            }
            self.orders.retain(|o| o.leaves.is_positive());
        }
    }
}
