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
use crate::types::{Action, Instrument, Px, QuoteLevel, QuoteTarget, Side};

/// Slots of an asset: of each side as many neighbouring prices, wanted or on their way out.
pub const SLOTS: usize = 2 * PER_SIDE as usize;
const PER_SIDE: i64 = 128;

/// Of a side: the nearest order, and how many there are.
type Wanted = [(QuoteLevel, u8); 2];

/// What was wanted when all of it, and nothing else, was there, and how often slots had changed by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    wanted: Wanted,
    changes: u64,
}

/// The evenly spaced orders of a side, by slot.
struct Rungs {
    nearest: QuoteLevel,
    count: i64,
    /// From one order to the next.
    step: Px,
    /// The nearest one's place on the grid, and the way to the next; [`None`] where ticks change between them.
    places: Option<(i64, i64)>,
    side: Side,
    instrument: Instrument,
}

impl Rungs {
    fn of(target: &QuoteTarget, side: Side, instrument: &Instrument) -> Self {
        let [nearest, farthest, ..] = *target.side(side);
        let count = i64::from(target.rungs[side.index()]);
        let step = Px::from_raw((farthest.px - nearest.px).raw() / (count.max(2) - 1));
        let is_even = instrument.tick_at(nearest.px) == instrument.tick_at(farthest.px);
        let places = is_even.then(|| (place(instrument, nearest.px), -side.sign()));
        Self { nearest, count, step, places, side, instrument: *instrument }
    }

    /// Each with its slot.
    fn each(&self) -> impl Iterator<Item = (usize, QuoteLevel)> {
        let first = self.side.index() * PER_SIDE as usize;
        (0..self.count).map(move |i| {
            let px = self.px(i);
            let place = match self.places {
                Some((nearest, way)) => nearest + way * i,
                None => place(&self.instrument, px),
            };
            let number = place.rem_euclid(PER_SIDE) as usize;
            (first + number, QuoteLevel { px, qty: self.nearest.qty })
        })
    }

    /// Whether an order of that slot of the side is one of them.
    fn has(&self, number: usize, px: Px) -> bool {
        match self.places {
            // Neighbours on the grid are neighbours among the slots.
            Some((nearest, way)) => {
                let away = (way * (number as i64 - nearest)).rem_euclid(PER_SIDE);
                away < self.count && px == self.px(away)
            }
            None => (0..self.count).any(|i| px == self.px(i)),
        }
    }

    fn px(&self, i: i64) -> Px {
        self.nearest.px + Px::from_raw(self.step.raw() * i)
    }
}

/// Of a price among those that a grid may have.
fn place(instrument: &Instrument, px: Px) -> i64 {
    px.raw().div_euclid(instrument.tick_at(px).raw() * GRID_TICKS)
}

impl Orders {
    /// What brings a grid's orders to a target that was not acted on yet: first all that goes, then what comes.
    pub(super) fn plan_grid(&mut self, turn: &mut Turn<'_>) {
        let index = turn.target.asset.index();
        let orders = &mut self.assets[index];
        if !orders.is_grid_due {
            return;
        }
        let wanted =
            Side::BOTH.map(|side| (turn.target.side(side)[0], turn.target.rungs[side.index()]));
        let is_so = Settled { wanted, changes: orders.slots.changes() };
        if orders.settled == Some(is_so) {
            orders.is_grid_due = false;
            return;
        }
        let rungs = Side::BOTH.map(|side| Rungs::of(turn.target, side, &orders.instrument));
        turn.plan.goes_on = self.plan_going(turn, &rungs) || self.plan_coming(turn, &rungs);
        let orders = &mut self.assets[index];
        orders.is_grid_due = turn.plan.goes_on;
        // Nothing was done, and nothing has to wait: so it is what was wanted, until a slot changes.
        let is_held = orders.blocked != [None; 2] || orders.retry_at.is_some();
        let is_settled = !turn.plan.goes_on && !is_held && orders.slots.changes() == is_so.changes;
        orders.settled = is_settled.then_some(is_so);
    }

    /// Cancels what is not wanted; true when there is more than one action carries.
    fn plan_going(&mut self, turn: &mut Turn<'_>, rungs: &[Rungs; 2]) -> bool {
        let asset = turn.target.asset.index();
        for index in self.assets[asset].slots.indices(|sets| sets.used) {
            let slots = &self.assets[asset].slots;
            let slot = &slots[index];
            let (side, number) = slots.place_of(index);
            let is_wanted = |px| rungs[side.index()].has(number, px);
            let goes = slot.cancellable().filter(|(_, px, _)| !is_wanted(*px));
            let Some((_, px, qty)) = goes else { continue };
            if is_full(&turn.plan.cancel) {
                return true;
            }
            self.plan_cancel(turn, index, QuoteLevel { px, qty });
        }
        false
    }

    /// Places what is wanted and not known; true when there is more than one action carries.
    fn plan_coming(&mut self, turn: &mut Turn<'_>, rungs: &[Rungs; 2]) -> bool {
        let (now, asset) = (turn.now, turn.target.asset.index());
        for side in Side::BOTH {
            for (index, wanted) in rungs[side.index()].each() {
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
}

fn is_full(action: &Action) -> bool {
    usize::from(action.len) == MAX_BATCH
}
