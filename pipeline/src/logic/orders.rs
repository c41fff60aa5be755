//! The order manager: turns wanted against working into the fewest actions, and holds the worst
//! case: what every order in flight, live or unknown could do to the position (STRATEGY §5).

mod asset;
mod clocks;
mod grid;
mod news;
mod slots;

use super::budget::Budget;
use super::gate::Approved;
use super::pause::Pause;
use super::slot::{Phase, Slot};
use crate::types::limits::{MAX_ASSETS, QUOTE_LEVELS, SLOTS_PER_ASSET};
use crate::types::{
    Action, ActionKind, AssetId, AssetParams, Cloid, Inquiry, Instrument, Nanos, OrderRequest, Px,
    Qty, QuoteLevel, QuoteTarget, Reason, Side, Tif, Universe, Usd, notional,
};
use clocks::{CANCEL, Clocks, Crossed};
pub use news::{HTTPS_AFTER, News};
use slots::Slots;

/// A resting order is kept while its size is between these shares of the wanted one: replacing it
/// costs its place in the queue and an action of the budget.
const KEEP_SIZE_MIN: f64 = 0.5;
const KEEP_SIZE_MAX: f64 = 1.25;

/// The actions that bring one asset's orders to its target, in the order they are to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// First what lowers risk.
    pub cancel: Action,
    /// Then what moves.
    pub modify: Action,
    /// Then what is new.
    pub place: Action,
    /// There is more than these can carry: to be asked for once they are sent.
    pub goes_on: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            cancel: Action::new(ActionKind::Cancel),
            modify: Action::new(ActionKind::Modify),
            place: Action::new(ActionKind::Place),
            goes_on: false,
        }
    }
}

impl Plan {
    fn clear(&mut self) {
        for action in [&mut self.cancel, &mut self.modify, &mut self.place] {
            action.clear();
        }
        self.goes_on = false;
    }
}

/// One asset's planning in progress.
struct Turn<'a> {
    now: Nanos,
    /// When what is sent now is void, by the venue's clock.
    void_after: Nanos,
    target: &'a QuoteTarget,
    /// Worst-case exposure of all other assets.
    others: Usd,
    budget: &'a mut Budget,
    plan: &'a mut Plan,
}

struct AssetOrders {
    instrument: Instrument,
    params: AssetParams,
    slots: Slots,
    position: Qty,
    mark: Px,
    target: Option<QuoteTarget>,
    /// Why a wanted side could not be sent when last planned.
    blocked: [Option<Reason>; 2],
    /// What the venue's last refusals of crossing orders taught us, by side.
    crossed: [Crossed; 2],
    /// The clocks of what the venue refused, by slot.
    clocks: Box<[Clocks]>,
    /// No new order, because orders vanished behind us.
    vanished: Pause,
    /// When something that a clock held back may be sent.
    retry_at: Option<Nanos>,
    /// No new order on a side until its target comes from a book at least as new as our last fill
    /// there: the older book still shows what we were filled against, and a quote on it would
    /// cross, or be the next to be picked off.
    hold_until_book: [Nanos; 2],
    /// A grid's orders are brought to each target once.
    is_grid_due: bool,
    /// What a grid's orders were found to be already.
    settled: Option<grid::Settled>,
}

/// See the module.
pub struct Orders {
    assets: Vec<AssetOrders>,
    slots_per_asset: usize,
    session: u32,
    sequence: u64,
}

impl Orders {
    /// One set of parameters for each asset. `session` is part of every order's id.
    pub fn new(universe: &Universe, params: &[AssetParams], session: u32) -> Self {
        assert_eq!(universe.len(), params.len(), "one set of parameters for each asset");
        let has_grid = params.iter().any(|p| p.grid.is_some());
        let slots_per_asset = if has_grid { grid::SLOTS } else { SLOTS_PER_ASSET };
        let asset = |(p, (_, i)): (&AssetParams, (_, &Instrument))| AssetOrders {
            instrument: *i,
            params: *p,
            slots: Slots::new(slots_per_asset),
            position: Qty::ZERO,
            mark: Px::ZERO,
            target: None,
            blocked: [None; 2],
            crossed: [Crossed::default(); 2],
            clocks: vec![Clocks::default(); slots_per_asset].into_boxed_slice(),
            vanished: Pause::default(),
            retry_at: None,
            hold_until_book: [Nanos::ZERO; 2],
            is_grid_due: false,
            settled: None,
        };
        let assets = params.iter().zip(universe.iter()).map(asset).collect();
        Self { assets, slots_per_asset, session, sequence: 0 }
    }

    /// Other parameters of an asset; its orders stay.
    pub fn set_params(&mut self, asset: AssetId, params: &AssetParams) {
        let orders = &mut self.assets[asset.index()];
        orders.params = *params;
        orders.instrument = orders.instrument.on_grid(params.sz_decimals);
    }

    /// A newer target.
    pub fn set_target(&mut self, approved: &Approved<QuoteTarget>) {
        let target = approved.get();
        let asset = &mut self.assets[target.asset.index()];
        asset.mark = target.mid.unwrap_or(asset.mark);
        (asset.target, asset.is_grid_due) = (Some(*target), true);
    }

    /// Wants nothing any more, for a reason (halt, link down, shutdown).
    pub fn clear_targets(&mut self, reason: Reason) {
        for asset in &mut self.assets {
            let Some(target) = &mut asset.target else { continue };
            Side::BOTH.into_iter().for_each(|side| target.clear(side, reason));
            asset.is_grid_due = true;
        }
    }

    /// What to send now so that the asset's orders become its target. The slots take it as sent;
    /// [`Orders::undo`] takes an action back that could not be. `venue_now` is what time it is at the
    /// venue, which judges by its own clock whether an action came too late. What was in the plan is gone.
    pub fn plan(
        &mut self,
        now: Nanos,
        venue_now: Nanos,
        asset: AssetId,
        budget: &mut Budget,
        plan: &mut Plan,
    ) {
        plan.clear();
        let Some(target) = self.assets[asset.index()].target else { return };
        let others = self.exposure_beside(asset);
        let orders = &mut self.assets[asset.index()];
        (orders.blocked, orders.retry_at) = ([None; 2], None);
        // What follows from it later waited for something else.
        orders.target.iter_mut().for_each(|planned| planned.is_prompt = false);
        let void_after = venue_now + orders.params.risk.expires_after;
        let mut turn = Turn { now, void_after, target: &target, others, budget, plan };
        if self.assets[asset.index()].params.grid.is_some() {
            self.plan_grid(&mut turn);
        } else {
            for side in self.make_way_first(&target) {
                let first = side.index() * self.slots_per_asset / 2;
                (first..first + QUOTE_LEVELS).for_each(|index| self.plan_slot(&mut turn, index));
            }
        }
        for action in [&mut plan.cancel, &mut plan.modify, &mut plan.place] {
            (action.cause, action.is_prompt) = (target.cause, target.is_prompt);
            action.sent_time = now;
            action.expires_after = void_after;
        }
    }

    /// The venue handles a batch in order, and a bid that reaches our own resting ask is refused:
    /// when prices rise, asks are moved first.
    fn make_way_first(&self, target: &QuoteTarget) -> [Side; 2] {
        let bid = self.assets[target.asset.index()].slots[0].px();
        match bid.is_some_and(|px| target.bids[0].px > px) {
            true => [Side::Ask, Side::Bid],
            false => [Side::Bid, Side::Ask],
        }
    }

    fn plan_slot(&mut self, turn: &mut Turn<'_>, index: usize) {
        let Turn { now, void_after, target, others, budget, plan } = turn;
        let (now, void_after, target, others) = (*now, *void_after, *target, *others);
        let asset_index = target.asset.index();
        let (side, level) = self.assets[asset_index].slots.place_of(index);
        let wanted = self.assets[asset_index].behind_the_touch(target, side, level);
        let slot = self.assets[asset_index].slots[index];
        let wants = wanted.qty.is_positive();
        match (slot.phase(), slot.working()) {
            (Phase::Live, Some((oid, px, qty))) => {
                if wants && self.keeps((target, others), side, (px, qty), wanted) {
                    self.assets[asset_index].slots.change(index, Slot::keep);
                    return;
                }
                let orders = &mut self.assets[asset_index];
                let asked = (ActionKind::Modify, wanted.px, wanted.qty);
                let refused = wants && orders.must_wait(now, orders.clocks[index].order, asked);
                let move_it = wants
                    && !refused
                    && !self.held(now, target, side)
                    && budget.allows(now, ActionKind::Modify)
                    && self.fits((target, others), side, wanted.qty);
                if !move_it {
                    return self.plan_cancel(turn, index, wanted);
                }
                let request = OrderRequest { oid, ..request(target.asset, side, &slot, wanted) };
                self.assets[asset_index].slots.change(index, |slot| {
                    slot.modify(now, wanted.px, wanted.qty);
                    slot.set_void_after(void_after);
                });
                plan.modify.push(request);
                budget.spend(now, ActionKind::Modify);
            }
            (Phase::Unknown, _) if !wants => self.plan_cancel(turn, index, wanted),
            (Phase::Empty, _) if wants => {
                let asset = &mut self.assets[asset_index];
                let asked = (ActionKind::Place, wanted.px, wanted.qty);
                let refused = asset.must_wait(now, asset.clocks[index].order, asked);
                let blocked = match refused || asset.must_pause(now) {
                    true => Some(Reason::CoinPaused),
                    false => self.place_block(now, (target, others), side, wanted.qty, budget),
                };
                let asset = &mut self.assets[asset_index];
                if blocked.is_some() {
                    asset.blocked[side.index()] = blocked;
                    return;
                }
                self.plan_place(turn, index, side, wanted);
            }
            _ => {}
        }
    }

    /// A new order in an empty slot.
    fn plan_place(&mut self, turn: &mut Turn<'_>, index: usize, side: Side, wanted: QuoteLevel) {
        let (now, asset) = (turn.now, turn.target.asset);
        self.sequence += 1;
        let slot_id = (asset.index() * self.slots_per_asset + index) as u16;
        let cloid = Cloid::new(self.session, slot_id, self.sequence);
        let slots = &mut self.assets[asset.index()].slots;
        slots.change(index, |slot| {
            slot.place(now, cloid, wanted.px, wanted.qty);
            slot.set_void_after(turn.void_after);
        });
        turn.plan.place.push(request(asset, side, &slots[index], wanted));
        turn.budget.spend(now, ActionKind::Place);
    }

    /// Cancels an order of a slot, unless the venue has just refused to.
    fn plan_cancel(&mut self, turn: &mut Turn<'_>, index: usize, wanted: QuoteLevel) {
        let (now, asset) = (turn.now, turn.target.asset);
        let orders = &mut self.assets[asset.index()];
        let (side, _) = orders.slots.place_of(index);
        let Some((oid, ..)) = orders.slots[index].cancellable() else { return };
        if orders.must_wait(now, orders.clocks[index].cancel, CANCEL) {
            return;
        }
        orders.slots.change(index, |slot| slot.cancel(now));
        let slot = &orders.slots[index];
        turn.plan.cancel.push(OrderRequest { oid, ..request(asset, side, slot, wanted) });
        turn.budget.spend(now, ActionKind::Cancel);
    }

    /// Why a wanted new order may not be sent.
    fn place_block(
        &self,
        now: Nanos,
        (target, others): (&QuoteTarget, Usd),
        side: Side,
        qty: Qty,
        budget: &Budget,
    ) -> Option<Reason> {
        let orders = &self.assets[target.asset.index()];
        // A grid's next step asks again, whatever was refused or filled.
        let is_grid = orders.params.grid.is_some();
        let needs = if is_grid { Nanos(i64::MIN) } else { orders.hold_until_book[side.index()] };
        if !is_grid && self.held(now, target, side) {
            Some(Reason::CrossedBook)
        } else if target.cause.venue_time < needs {
            Some(Reason::StaleBook)
        } else if !budget.allows(now, ActionKind::Place) {
            Some(Reason::Budget)
        } else if !self.fits((target, others), side, qty) {
            Some(Reason::PositionLimit)
        } else {
            None
        }
    }

    /// A resting order stays, and keeps its place in the queue, when its price is close enough to
    /// the wanted one (within the threshold, or a tick, since a wanted price that moves by a part of one
    /// may round to the next), enough of it is left, it is on the grid, and it is not what carries the side
    /// over its limit (grid and limits may have changed since it was sent).
    fn keeps(
        &self,
        (target, others): (&QuoteTarget, Usd),
        side: Side,
        (px, qty): (Px, Qty),
        wanted: QuoteLevel,
    ) -> bool {
        let AssetOrders { params, instrument, .. } = &self.assets[target.asset.index()];
        let tolerance = self.mark(target.asset).to_f64() * params.requote_threshold_bps * 1e-4;
        let away = Px::from_raw((px - wanted.px).raw().abs());
        let near = away <= instrument.tick_at(wanted.px) || away.to_f64() < tolerance;
        let share = qty.to_f64() / wanted.qty.to_f64();
        let is_within = qty <= wanted.qty || self.fits((target, others), side, Qty::ZERO);
        // Against the whole limit: what rests was sent within the part of it that orders use.
        let worst = self.worst_case(target.asset, side);
        let is_within = is_within
            && self.total_fits((target, others), worst, params.risk.max_total_position_usd);
        let is_on_grid = instrument.is_legal_px(px) && instrument.is_legal_qty(qty);
        near && is_on_grid && is_within && (KEEP_SIZE_MIN..=KEEP_SIZE_MAX).contains(&share)
    }

    fn held(&self, now: Nanos, target: &QuoteTarget, side: Side) -> bool {
        now < self.assets[target.asset.index()].crossed[side.index()].hold_until
    }

    /// Whether `add` more on a side keeps the worst case within the asset's and the total limit.
    fn fits(&self, (target, others): (&QuoteTarget, Usd), side: Side, add: Qty) -> bool {
        let worst = self.worst_case(target.asset, side) + add;
        notional(self.mark(target.asset), worst) <= target.max_exposure_usd
            && self.total_fits((target, others), worst, target.max_total_exposure_usd)
    }

    /// Whether a worst case of a side and those of all other assets are within a limit together. A
    /// side that at worst only reduces a position adds nothing, however far beyond the `others` are.
    fn total_fits(&self, (target, others): (&QuoteTarget, Usd), worst: Qty, limit: Usd) -> bool {
        !worst.is_positive() || others + notional(self.mark(target.asset), worst) <= limit
    }

    /// Worst-case exposure of all assets but one.
    fn exposure_beside(&self, asset: AssetId) -> Usd {
        let others = (0..self.assets.len()).map(AssetId::new).filter(|a| *a != asset);
        others.map(|a| self.worst_case_usd(a)).sum()
    }

    /// Position after everything on a side that could fill has filled, signed so that the side's
    /// own direction is positive.
    pub fn worst_case(&self, asset: AssetId, side: Side) -> Qty {
        let orders = &self.assets[asset.index()];
        side.signed(orders.position) + orders.slots.of(side).at_risk
    }

    /// Worst-case exposure of an asset at its mark, over both sides.
    pub fn worst_case_usd(&self, asset: AssetId) -> Usd {
        let worst = Side::BOTH.map(|s| self.worst_case(asset, s));
        notional(self.assets[asset.index()].mark, worst[0].max(worst[1]).max(Qty::ZERO))
    }

    /// Every order whose fate is unknown.
    pub fn inquiries(&self) -> impl Iterator<Item = Inquiry> {
        self.assets.iter().enumerate().flat_map(|(i, asset)| {
            let id = AssetId::new(i);
            let unknown = asset.slots.indices(|sets| sets.unknown);
            unknown.filter_map(move |index| asset.slots[index].inquiry(id))
        })
    }

    /// The action was not taken by the gateway, for a reason: nothing was sent.
    pub fn undo(&mut self, action: &Action, reason: Reason) {
        for item in action.items() {
            let asset = &mut self.assets[item.asset.index()];
            let index = usize::from(item.cloid.slot()) % self.slots_per_asset;
            asset.slots.change(index, Slot::undo);
            asset.blocked[item.side.index()] = Some(reason);
        }
    }

    /// Marks orders without an answer as unknown; how many became so now.
    pub fn expire(&mut self, now: Nanos) -> usize {
        let mut expired = 0;
        for asset in &mut self.assets {
            let timeout = asset.params.risk.ack_timeout;
            for index in asset.slots.indices(|sets| sets.waiting) {
                if asset.slots[index].deadline(timeout).is_some_and(|due| due <= now) {
                    asset.slots.change(index, |slot| slot.expire(now, timeout));
                    expired += 1;
                }
            }
        }
        expired
    }

    /// Assets of which something that a clock held back may be sent now; each is told once.
    pub fn take_due(&mut self, now: Nanos) -> impl Iterator<Item = AssetId> {
        let due = move |a: &mut AssetOrders| a.retry_at.take_if(|at| *at <= now).is_some();
        self.assets
            .iter_mut()
            .enumerate()
            .filter_map(move |(i, a)| due(a).then_some(AssetId::new(i)))
    }

    /// When [`Orders::expire`] or [`Orders::take_due`] has something to do.
    pub fn next_deadline(&self) -> Option<Nanos> {
        let deadlines = |a: &AssetOrders| {
            let timeout = a.params.risk.ack_timeout;
            let waiting = a.slots.indices(|sets| sets.waiting);
            waiting.filter_map(|i| a.slots[i].deadline(timeout)).chain(a.retry_at).min()
        };
        self.assets.iter().filter_map(deadlines).min()
    }

    /// Why a side is not quoted, or [`Reason::Quoted`]: exactly one at any moment.
    pub fn reason(&self, asset: AssetId, side: Side) -> Reason {
        let orders = &self.assets[asset.index()];
        let slots = orders.slots.of(side);
        if !slots.cancel_refused.is_empty() {
            return Reason::CancelRefused;
        }
        if !slots.in_book.is_empty() {
            return Reason::Quoted;
        }
        if !slots.unknown.is_empty() {
            return Reason::SlotUnknown;
        }
        if !slots.used.is_empty() {
            return Reason::InFlight;
        }
        let wanted = orders.target.as_ref().map_or(Reason::Warmup, |t| t.reason(side));
        match (wanted, orders.blocked[side.index()]) {
            (Reason::Quoted, Some(blocked)) => blocked,
            (Reason::Quoted, None) => Reason::InFlight,
            (reason, _) => reason,
        }
    }

    /// The nearest order of a side that rests in the book.
    pub fn best_working(&self, asset: AssetId, side: Side) -> Option<Px> {
        let slots = self.assets[asset.index()].slots.those(side, |sets| sets.in_book);
        slots
            .filter_map(Slot::px)
            .reduce(|best, px| if side.is_better(px, best) { px } else { best })
    }

    /// What it knows of all assets, and their slots, as they lie in memory.
    pub fn memory(&self) -> (&[impl Sized + use<>], impl Iterator<Item = &[Slot]>) {
        (&self.assets[..], self.assets.iter().map(|asset| asset.slots.all()))
    }

    /// Position by venue fills.
    pub fn position(&self, asset: AssetId) -> Qty {
        self.assets[asset.index()].position
    }

    /// Mid of the newest target, if it had one.
    pub fn mid(&self, asset: AssetId) -> Option<Px> {
        self.assets[asset.index()].target.as_ref()?.mid
    }

    /// The last mid that a target had: the mark.
    pub fn mark(&self, asset: AssetId) -> Px {
        self.assets[asset.index()].mark
    }

    /// Orders of an asset that rest or might.
    pub fn open_orders(&self, asset: AssetId) -> usize {
        let slots = &self.assets[asset.index()].slots;
        Side::BOTH.iter().map(|side| slots.of(*side).used.len()).sum()
    }
}

fn request(asset: AssetId, side: Side, slot: &Slot, wanted: QuoteLevel) -> OrderRequest {
    OrderRequest {
        cloid: slot.cloid(),
        px: wanted.px,
        qty: wanted.qty,
        asset,
        side,
        tif: Tif::Alo,
        ..OrderRequest::default()
    }
}

const _: () = assert!(MAX_ASSETS * SLOTS_PER_ASSET <= 1 << 16, "a slot id travels in 16 bits");
const _: () =
    assert!(grid::SLOTS / 2 <= slots::Set::MOST && SLOTS_PER_ASSET / 2 <= slots::Set::MOST);
const _: () = assert!(MAX_ASSETS * grid::SLOTS <= 1 << 16, "and so do a grid's");
