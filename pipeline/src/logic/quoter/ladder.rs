//! From unrounded prices to orders on the venue's grid, level by level.

use super::{Placing, Quote, Quoter};
use crate::logic::sizing;
use crate::types::limits::MAX_PX;
use crate::types::{BookView, Instrument, Px, QuoteLevel, QuoteTerms, Reason, SCALE, Side, Term};

/// One side's ladder.
struct Ladder {
    side: Side,
    /// Unrounded price of the nearest level; the others are spaced from it.
    from: f64,
    /// The nearest level on the grid.
    nearest: Px,
    /// USD between two levels.
    spacing: f64,
}

impl Quoter {
    /// Puts the orders in their places. `withheld` is told a side's nearest price; a side that it withholds
    /// has its would-be price in the terms, and no orders.
    pub(super) fn place(
        &self,
        quote: &mut Quote,
        placing: &[Placing; 2],
        view: &BookView,
        withheld: impl Fn(&mut QuoteTerms, Side, Px) -> Option<Reason>,
    ) {
        let is_price = |px: f64| px > 0.0 && px <= MAX_PX.to_f64();
        if !placing.iter().all(|side| is_price(side.from)) {
            Side::BOTH.into_iter().for_each(|side| quote.target.clear(side, Reason::ParamInvalid));
            return;
        }
        let nearest = self.nearest(quote, placing, view);
        let spacing = quote.target.fair.to_f64() * self.params.level_spacing_bps * 1e-4;
        for side in Side::BOTH {
            let i = side.index();
            match withheld(&mut quote.terms, side, nearest[i]) {
                Some(reason) => quote.target.clear(side, reason),
                None => {
                    // The others are spaced from where the touch put the nearest.
                    let moved = quote.terms.side(side).get(Term::Touch).to_f64();
                    let from = placing[i].from + moved;
                    let ladder = Ladder { side, from, nearest: nearest[i], spacing };
                    self.fill_side(quote, &ladder);
                }
            }
        }
    }

    /// The nearest bid and ask on the grid: never crossing the visible touch (a post-only order would
    /// be rejected), and at least a tick apart.
    fn nearest(&self, quote: &mut Quote, placing: &[Placing; 2], view: &BookView) -> [Px; 2] {
        let inst = &self.instrument;
        let rounded = placing.map(|p| to_legal(p.side, p.from, inst));
        let fair = quote.target.fair;
        let touched = Side::BOTH.map(|side| {
            let i = side.index();
            self.at_touch(rounded[i], &placing[i], fair, view.side(side).px)
        });
        let behind = [
            touched[0].min(inst.tick_below(view.ask.px)),
            touched[1].max(inst.tick_above(view.bid.px)),
        ];
        let apart = match behind[0] < behind[1] {
            true => behind,
            false => [inst.tick_below(behind[0]), inst.tick_above(behind[1])],
        };
        for (i, terms) in quote.terms.sides.iter_mut().enumerate() {
            terms.set(Term::Rounding, rounded[i] - (quote.terms.fair + terms.sum()));
            terms.set(Term::Touch, touched[i] - rounded[i]);
            terms.set(Term::PostOnly, behind[i] - touched[i]);
            terms.set(Term::Apart, apart[i] - behind[i]);
        }
        apart
    }

    fn fill_side(&self, quote: &mut Quote, ladder: &Ladder) {
        let (side, inst) = (ladder.side, &self.instrument);
        let weights = &self.params.level_weights[..self.params.num_levels];
        let total: f64 = weights.iter().sum();
        let away = -side.sign() as f64 * ladder.spacing;
        let mut px = ladder.nearest;
        let mut used = 0;
        for (level, weight) in weights.iter().enumerate() {
            if level > 0 {
                let spaced = to_legal(side, ladder.from + away * level as f64, inst);
                // At least one tick behind the level before it.
                px = match side {
                    Side::Bid => spaced.min(inst.tick_below(px)),
                    Side::Ask => spaced.max(inst.tick_above(px)),
                };
            }
            if !px.is_positive() {
                break;
            }
            let qty = sizing::share_of(quote.terms.size_usd, *weight, total, px);
            if let Some(qty) = sizing::finish(inst, px, qty) {
                quote.target.side_mut(side)[used] = QuoteLevel { px, qty };
                used += 1;
            }
        }
        match used {
            0 => quote.target.clear(side, Reason::BelowMinNotional),
            _ => quote.target.set_reason(side, Reason::Quoted),
        }
    }
}

/// A float price to the grid, away from the spread: bids down, asks up. The only place where a float
/// becomes the price of an order.
pub(super) fn to_legal(side: Side, px: f64, instrument: &Instrument) -> Px {
    let raw = px.clamp(0.0, MAX_PX.to_f64()) * SCALE as f64;
    match side {
        Side::Bid => instrument.round_px_down(Px::from_raw(raw.floor() as i64)),
        Side::Ask => instrument.round_px_up(Px::from_raw(raw.ceil() as i64)),
    }
}
