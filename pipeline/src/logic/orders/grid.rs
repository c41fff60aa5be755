//! A grid's orders. Each is known by its price: it rests while its price is wanted, is cancelled when it is
//! not, and nothing is modified. A price at which a cancel is on its way is taken until that is answered.
//!
//! Each target is acted on once, so that orders are sent at the grid's steps and at no other time. What a
//! refusal or a fill holds back elsewhere (a clock, a side that crossed, one whose book is older than its last
//! fill) is not held back here: the next step asks again. Limits, budget and worst case hold as for all orders.

use super::{Orders, Turn};
use crate::logic::slot::Phase;
use crate::types::limits::MAX_BATCH;
use crate::types::params::GRID_TICKS;
use crate::types::{Action, Px, QuoteLevel, QuoteTarget, Side};

/// Slots of an asset: of each side as many neighbouring prices, wanted or on their way out.
pub const SLOTS: usize = 2 * 128;

impl Orders {
    /// What brings a grid's orders to a target that was not acted on yet: first all that goes, then what comes.
    pub(super) fn plan_grid(&mut self, turn: &mut Turn<'_>) {
        let index = turn.target.asset.index();
        if !self.assets[index].is_grid_due {
            return;
        }
        turn.plan.goes_on = self.plan_going(turn) || self.plan_coming(turn);
        self.assets[index].is_grid_due = turn.plan.goes_on;
    }

    /// Cancels what is not wanted; true when there is more than one action carries.
    fn plan_going(&mut self, turn: &mut Turn<'_>) -> bool {
        let asset = turn.target.asset.index();
        for index in self.assets[asset].slots.indices(|sets| sets.used) {
            let slots = &self.assets[asset].slots;
            let slot = &slots[index];
            let (side, _) = slots.place_of(index);
            let goes = slot.cancellable().filter(|(_, px, _)| !is_wanted(turn.target, side, *px));
            let Some((_, px, qty)) = goes else { continue };
            if is_full(&turn.plan.cancel) {
                return true;
            }
            self.plan_cancel(turn, index, QuoteLevel { px, qty });
        }
        false
    }

    /// Places what is wanted and not known; true when there is more than one action carries.
    fn plan_coming(&mut self, turn: &mut Turn<'_>) -> bool {
        let (now, asset) = (turn.now, turn.target.asset.index());
        for side in Side::BOTH {
            for wanted in turn.target.rungs(side) {
                let index = self.slot_at(asset, side, wanted.px);
                if self.assets[asset].slots[index].phase() != Phase::Empty {
                    continue;
                }
                if is_full(&turn.plan.place) {
                    return true;
                }
                let target = (turn.target, turn.others);
                let blocked = self.place_block(now, target, side, wanted.qty, turn.budget);
                match blocked {
                    None => self.plan_place(turn, index, side, wanted),
                    Some(_) => self.assets[asset].blocked[side.index()] = blocked,
                }
            }
        }
        false
    }

    /// The slot of a price.
    fn slot_at(&self, asset: usize, side: Side, px: Px) -> usize {
        let per_side = self.slots_per_asset / 2;
        let step = self.assets[asset].instrument.tick_at(px).raw() * GRID_TICKS;
        let rung = px.raw().div_euclid(step).rem_euclid(per_side as i64);
        side.index() * per_side + rung as usize
    }
}

fn is_wanted(target: &QuoteTarget, side: Side, px: Px) -> bool {
    let [nearest, farthest, ..] = *target.side(side);
    match target.rungs[side.index()] {
        0 => false,
        1 => px == nearest.px,
        _ if side.is_better(px, nearest.px) || side.is_better(farthest.px, px) => false,
        rungs => {
            let step = (farthest.px - nearest.px).raw() / i64::from(rungs - 1);
            (px - nearest.px).raw() % step == 0
        }
    }
}

fn is_full(action: &Action) -> bool {
    usize::from(action.len) == MAX_BATCH
}
