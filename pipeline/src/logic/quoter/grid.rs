//! The grid job in place of a quote: integers alone, so that engines can be compared order by order.

use super::{Quote, QuoteInput, Quoter};
use crate::logic::sizing;
use crate::types::params::{GRID_RUNGS, GRID_TICKS, GridParams};
use crate::types::{Px, Qty, QuoteLevel, Reason, Side};

impl Quoter {
    /// The grid wanted now; [`None`] while a side of the book is empty: then what is wanted stays.
    ///
    /// `u` = position in orders, rounded down; middle `m` = bid + ask − u, in half ticks. The nearest bid is
    /// `(m − 2·half) / 2` or the best bid, if that is lower, on the grid of even ticks; asks mirrored. A side
    /// is wanted while the position is below as many orders as it has.
    pub fn grid(&self, grid: GridParams, input: &QuoteInput<'_>) -> Option<Quote> {
        let view = input.view;
        let is_whole = view.bid.qty.is_positive() && view.ask.qty.is_positive();
        if !is_whole || !self.is_usable {
            return None;
        }
        let mut quote = self.blank(input);
        let tick = self.instrument.tick_at(view.bid.px).raw();
        let (bid, ask) = (view.bid.px.raw().div_euclid(tick), view.ask.px.raw().div_euclid(tick));
        let size = i64::from(grid.lots);
        let lots = input.position.raw() / self.instrument.lot().raw();
        let (half, middle) = (2 * i64::from(grid.half), bid + ask - lots.div_euclid(size));
        let nearest = [
            on_grid(bid.min((middle - half).div_euclid(2))),
            -on_grid(-ask.max(-(-(middle + half)).div_euclid(2))),
        ];
        let qty = Qty::from_raw(size * self.instrument.lot().raw());
        for side in Side::BOTH {
            let px = Px::from_raw(nearest[side.index()].saturating_mul(tick));
            let step = Px::from_raw(GRID_TICKS * tick);
            let farthest = px.raw() - step.raw() * i64::from(GRID_RUNGS);
            if side.sign() * lots >= i64::from(GRID_RUNGS) * size {
                quote.target.clear(side, Reason::OneSided);
            } else if farthest <= 0 || sizing::finish(&self.instrument, px, qty) != Some(qty) {
                quote.target.clear(side, Reason::BelowMinNotional);
            } else {
                quote.target.set_rungs(side, GRID_RUNGS, QuoteLevel { px, qty }, step);
            }
        }
        Some(quote)
    }
}

/// The grid's tick at or below this one.
fn on_grid(tick: i64) -> i64 {
    tick.div_euclid(GRID_TICKS) * GRID_TICKS
}
