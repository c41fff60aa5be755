//! Dispatch: makes the book at the venue look like the approved targets, and hands the venue's
//! word to the other stages. The one place from which anything is sent.

use crate::logic::budget::Budget;
use crate::logic::gate::Approved;
use crate::logic::ledger::FillMemory;
use crate::logic::orders::{News, Orders, Plan};
use crate::rt::{Board, HaltLevel, InLatest, Input, LevelCell, OutVital, Stage, bring_near};
use crate::stage::metrics::Metrics;
use crate::stage::params::ParamsIn;
use crate::stage::records::RecordsOut;
use crate::stage::status::{AssetStatus, STATUS_WORDS};
use crate::types::AlertKind;
use crate::types::limits::POLL_BATCH;
use crate::types::{
    Action, ActionKind, AssetId, Commentary, DecisionHash, DoneWhy, Fact, Nanos, Px, QuoteTarget,
    Reason, Side, VenueEvent, VenueEventKind, notional,
};
use crate::venue::Gateway;
use std::sync::Arc;

/// How often an order whose fate is unknown is asked about.
const INQUIRY_PERIOD: Nanos = Nanos::secs(1);
/// A lane that was not polled for so long stood still with its whole process, maybe for long enough to be
/// given up: nothing is sent before the latch has been looked at again.
const STOOD_STILL: Nanos = Nanos::millis(500);

/// The rings and boards of the dispatch stage.
pub struct DispatchRings {
    /// From risk.
    pub targets: InLatest<Approved<QuoteTarget>>,
    /// From the side thread.
    pub params: ParamsIn,
    /// Venue events to quote and to risk: a lost fill would make every later number wrong.
    pub venue: [OutVital<VenueEvent>; 2],
    /// To the side thread.
    pub records: RecordsOut,
    /// One board for each asset.
    pub status: Vec<Board<STATUS_WORDS>>,
}

/// What an asset's sides are doing, and since when.
#[derive(Clone, Copy)]
struct SideState {
    reason: Reason,
    since: Option<Nanos>,
}

struct AssetView {
    sides: [SideState; 2],
    dirty: bool,
    fills: u64,
}

/// See the module.
pub struct DispatchStage<G: ?Sized> {
    gateway: Box<G>,
    rings: DispatchRings,
    orders: Orders,
    budget: Budget,
    /// Where an asset's actions are planned; with whoever plans.
    plan: Option<Box<Plan>>,
    memory: FillMemory,
    level: Arc<LevelCell>,
    metrics: Arc<Metrics>,
    hash: DecisionHash,
    assets: Vec<AssetView>,
    /// Down until the link says that it is up again.
    link_down: bool,
    next_inquiry: Nanos,
    /// Messages taken in and not acted on yet.
    heard: usize,
    now: Nanos,
    /// When it was last polled.
    polled: Option<Nanos>,
    /// After it stood still: nothing is sent until the latch was looked at so often.
    looks_due: u64,
}

impl<G: Gateway + ?Sized> DispatchStage<G> {
    /// An order manager and a budget with their gateway and rings.
    pub fn new(
        gateway: Box<G>,
        rings: DispatchRings,
        orders: Orders,
        budget: Budget,
        shared: (Arc<LevelCell>, Arc<Metrics>),
    ) -> Self {
        let side = SideState { reason: Reason::Warmup, since: None };
        let asset = |_| AssetView { sides: [side; 2], dirty: false, fills: 0 };
        let assets = (0..rings.status.len()).map(asset).collect();
        let (level, metrics) = shared;
        let link_down = !gateway.starts_up();
        Self {
            gateway,
            rings,
            orders,
            budget,
            plan: Some(Box::default()),
            memory: FillMemory::default(),
            level,
            metrics,
            hash: DecisionHash::default(),
            assets,
            link_down,
            next_inquiry: Nanos::ZERO,
            heard: 0,
            now: Nanos::ZERO,
            polled: None,
            looks_due: 0,
        }
    }

    fn take_venue(&mut self, now: Nanos) -> usize {
        let mut work = 0;
        while work < POLL_BATCH {
            let Some(event) = self.gateway.next(now) else { break };
            work += 1;
            self.on_venue(now, &event);
        }
        work
    }

    fn on_venue(&mut self, now: Nanos, event: &VenueEvent) {
        let took_us = self.took_us(event);
        match &event.kind {
            VenueEventKind::Fill(fill) => {
                if !self.memory.is_new(event.venue_time, event.asset, fill) {
                    self.metrics.dispatch.duplicate_fills.add(1);
                    return;
                }
                self.budget.on_volume(notional(fill.px, fill.qty));
                self.metrics.count_fill(event.asset, fill);
                self.assets[event.asset.index()].fills += 1;
                let (asset, venue_time, fill) = (event.asset, event.venue_time, *fill);
                self.fact(Fact::Fill { asset, time: now, venue_time, fill });
                if !event.cloid.is_ours() && !fill.is_liquidation {
                    self.alert(Some(event.asset), now, AlertKind::ForeignFill);
                }
            }
            VenueEventKind::Reject(reject) => {
                self.metrics.dispatch.rejects.add(1);
                self.fact(Fact::Reject { asset: event.asset, time: now, reject: *reject });
            }
            VenueEventKind::Funding(paid) => {
                let (asset, venue_time, paid) = (event.asset, event.venue_time, *paid);
                self.fact(Fact::Funding { asset, time: now, venue_time, paid });
            }
            VenueEventKind::LinkDown => {
                self.link_down = true;
                self.alert(None, now, AlertKind::LinkDown);
            }
            VenueEventKind::LinkUp => self.link_down = false,
            VenueEventKind::Requests { used, cap } => self.budget.sync(*used, *cap),
            // Told by the gate, which halts.
            VenueEventKind::Notice(AlertKind::Liquidated) => {}
            VenueEventKind::Notice(kind) => {
                self.alert(None, now, *kind);
                if kind.is_halt() {
                    self.level.raise(HaltLevel::Halt);
                }
            }
            _ => {}
        }
        if let Some(news) = self.orders.on_venue(event) {
            self.tell(now, event.asset, &news);
        }
        match &event.kind {
            // The gateway will want to know what to ask for.
            VenueEventKind::LinkDown => self.next_inquiry = now,
            // What became of the order is asked for before it is touched again.
            VenueEventKind::Reject(reject) if reject.of != ActionKind::Place => {
                self.next_inquiry = now;
            }
            VenueEventKind::LinkUp => self.assets.iter_mut().for_each(|a| a.dirty = true),
            _ => {}
        }
        if let Some(asset) = self.assets.get_mut(event.asset.index()) {
            asset.dirty = true;
        }
        let told = VenueEvent { took_us, ..*event };
        self.rings.venue.iter_mut().for_each(|ring| ring.push(told));
    }

    /// How long the action that an event acknowledges took to arrive; 0 = it acknowledges none.
    fn took_us(&self, event: &VenueEvent) -> u32 {
        let Some(sent) = self.orders.sent_of(event) else { return 0 };
        let took = event.venue_time - self.gateway.venue_time(sent);
        u32::try_from(took.0 / 1_000).unwrap_or(0)
    }

    /// What has become of an order, for a person.
    fn tell(&mut self, time: Nanos, asset: AssetId, news: &News) {
        match *news {
            News::CancelRefused { cloid, oid, tries, is_first } => {
                self.fact(Fact::CancelRefused { asset, time, cloid, oid, tries });
                if is_first && tries == 1 {
                    self.alert(Some(asset), time, AlertKind::CancelRefused);
                }
            }
            News::Vanished { why, nth: 1 } => {
                let kind = match why {
                    DoneWhy::Margin => AlertKind::CanceledForMargin,
                    DoneWhy::Delisted => AlertKind::CanceledDelisted,
                    DoneWhy::Liquidated => AlertKind::CanceledLiquidated,
                    DoneWhy::Canceled => AlertKind::CanceledByOther,
                    _ => AlertKind::CanceledByVenue,
                };
                self.alert(Some(asset), time, kind);
            }
            News::Vanished { nth: 2, .. } => {
                self.alert(Some(asset), time, AlertKind::OrdersVanish);
            }
            News::Vanished { .. } => {}
        }
    }

    /// Looks again at assets of which something was held back until now.
    fn take_due(&mut self, now: Nanos) -> usize {
        let Self { orders, assets, .. } = self;
        orders.take_due(now).map(|asset| assets[asset.index()].dirty = true).count()
    }

    fn take_targets(&mut self) -> usize {
        let Self { rings, orders, budget, assets, .. } = self;
        let DispatchRings { targets, params, .. } = rings;
        targets.take(
            |t| t.get().asset.index(),
            |t| {
                params.advance(t.get().generation, |asset, new| {
                    orders.set_params(asset, new);
                    budget.set_limits(&new.risk);
                });
                orders.set_target(t);
                assets[t.get().asset.index()].dirty = true;
            },
        )
    }

    /// Brings one asset's orders to its target.
    fn act(&mut self, now: Nanos, asset: AssetId) {
        let venue_now = self.gateway.venue_time(now);
        let mut plan = core::mem::take(&mut self.plan).unwrap_or_default();
        let mut goes_on = true;
        while goes_on {
            self.orders.plan(now, venue_now, asset, &mut self.budget, &mut plan);
            goes_on = plan.goes_on;
            for action in [&plan.cancel, &plan.modify, &plan.place] {
                goes_on &= action.is_empty() || self.send(now, action);
            }
        }
        self.plan = Some(plan);
        self.metrics.dispatch.hash.set(self.hash.finish());
    }

    /// Hands an action on; false when it was not taken.
    fn send(&mut self, now: Nanos, action: &Action) -> bool {
        if !self.gateway.submit(now, action) {
            let reason = if self.link_down { Reason::LinkDown } else { Reason::Budget };
            self.orders.undo(action, reason);
            self.budget.refund(action);
            return false;
        }
        self.hash.action(action);
        self.metrics.count_sent(now, action);
        if self.rings.records.comments() {
            self.rings.records.comment(Commentary::Action(*action));
        }
        true
    }

    /// Asks about every order whose fate is unknown, again and again until it is known. How many:
    /// the gateway may have something to send at once, so this counts as work.
    fn inquire(&mut self, now: Nanos) -> usize {
        if now < self.next_inquiry {
            return 0;
        }
        self.next_inquiry = now + INQUIRY_PERIOD;
        let gateway = &mut self.gateway;
        self.orders.inquiries().map(|inquiry| gateway.inquire(now, &inquiry)).count()
    }

    /// Orders that rest or might, by asset and all together.
    fn count_open_orders(&self) {
        let counters = &self.metrics.dispatch;
        let mut all = 0;
        for (i, of_asset) in counters.asset_open_orders.iter().enumerate().take(self.assets.len()) {
            let open = self.orders.open_orders(AssetId::new(i)) as u64;
            of_asset.set(open);
            all += open;
        }
        counters.open_orders.set(all);
    }

    /// Accounts for the time that each side spent in its state, and shows the new one.
    fn show(&mut self, now: Nanos, asset: AssetId) {
        let reasons = Side::BOTH.map(|side| self.orders.reason(asset, side));
        let view = &mut self.assets[asset.index()];
        let mut changed = false;
        for side in Side::BOTH {
            let state = &mut view.sides[side.index()];
            if let Some(since) = state.since {
                self.metrics.add_reason(asset, side, state.reason, now - since);
            }
            changed |= state.reason != reasons[side.index()];
            *state = SideState { reason: reasons[side.index()], since: Some(now) };
        }
        let exposure = self.orders.worst_case_usd(asset).raw().max(0) as u64;
        self.metrics.dispatch.max_exposure[asset.index()].max(exposure);
        if !self.rings.records.comments() {
            return;
        }
        let status = AssetStatus {
            mid: self.orders.mid(asset).unwrap_or_default(),
            mark: self.orders.mark(asset),
            bid: self.orders.best_working(asset, Side::Bid).unwrap_or(Px::ZERO),
            ask: self.orders.best_working(asset, Side::Ask).unwrap_or(Px::ZERO),
            position: self.orders.position(asset),
            bid_reason: reasons[0],
            ask_reason: reasons[1],
            fills: view.fills,
        };
        status.show(&mut self.rings.status[asset.index()]);
        if changed {
            let [bid, ask] = reasons;
            let state = Commentary::SideState { asset, time: now, bid, ask };
            self.rings.records.comment(state);
        }
    }

    /// While trading is closed nothing is wanted, whatever the newest targets say.
    fn keep_closed(&mut self, now: Nanos) {
        let looks = self.level.looks();
        let stood_still = self.polled.replace(now).is_some_and(|last| now - last > STOOD_STILL);
        if stood_still && looks > 0 {
            self.looks_due = looks + 2;
        }
        let reason = match (self.level.get(), self.link_down) {
            (HaltLevel::Halt, _) => Reason::Halted,
            _ if looks < self.looks_due => Reason::Halted,
            (_, true) => Reason::LinkDown,
            _ => return,
        };
        self.orders.clear_targets(reason);
        self.assets.iter_mut().for_each(|a| a.dirty = true);
    }

    fn fact(&mut self, fact: Fact) {
        self.rings.records.fact(fact);
    }

    fn alert(&mut self, asset: Option<AssetId>, time: Nanos, kind: AlertKind) {
        self.fact(Fact::Alert { asset, time, kind });
    }
}

impl<G: Gateway + ?Sized> Stage for DispatchStage<G> {
    fn name(&self) -> &'static str {
        "dispatch"
    }

    fn poll(&mut self, now: Nanos) -> usize {
        if self.now == Nanos::ZERO {
            (0..self.assets.len()).for_each(|i| self.show(now, AssetId::new(i)));
        }
        self.now = now;
        let heard = core::mem::take(&mut self.heard);
        let mut work = heard + self.take_venue(now) + self.take_targets();
        self.keep_closed(now);
        let expired = self.orders.expire(now);
        if expired > 0 {
            self.alert(None, now, AlertKind::OrderUnknown);
            self.assets.iter_mut().for_each(|a| a.dirty = true);
            self.next_inquiry = now;
            work += expired;
        }
        work += self.inquire(now) + self.take_due(now);
        for i in 0..self.assets.len() {
            if core::mem::take(&mut self.assets[i].dirty) {
                self.act(now, AssetId::new(i));
                self.show(now, AssetId::new(i));
            }
        }
        if work > 0 {
            self.count_open_orders();
            self.metrics.set_signing(self.gateway.signing());
        }
        work
    }

    /// Tells the other stages what the venue says; orders follow once they have decided.
    fn hear(&mut self, now: Nanos) -> usize {
        let heard = self.take_venue(now);
        self.heard += heard;
        heard
    }

    fn hears(&self, now: Nanos) -> bool {
        self.gateway.has_news(now)
    }

    /// While it is closed, it looks at everything again and again.
    fn is_due(&self, now: Nanos) -> bool {
        self.heard > 0
            || self.rings.targets.peek().is_some()
            || self.gateway.has_news(now)
            || self.link_down
            || self.level.get() != HaltLevel::Run
            || self.looks_due > 0
            || self.now == Nanos::ZERO
            || self.next_deadline().is_some_and(|due| due <= now)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        let inquiry = self.orders.inquiries().next().map(|_| self.next_inquiry);
        self.gateway
            .next_deadline()
            .into_iter()
            .chain(self.orders.next_deadline())
            .chain(inquiry)
            .min()
    }

    fn fault_in(&mut self) {
        self.rings.records.fault_in();
        self.rings.venue.iter_mut().for_each(OutVital::fault_in);
        self.memory.fault_in();
    }

    fn warm(&mut self, now: Nanos) {
        bring_near(self);
        if let Some(plan) = &self.plan {
            bring_near(&**plan);
        }
        bring_near(&self.assets[..]);
        let (assets, slots) = self.orders.memory();
        bring_near(assets);
        slots.for_each(bring_near);
        bring_near(&self.metrics.dispatch);
        self.rings.records.warm();
        self.gateway.warm(now);
    }

    fn inputs(&mut self, see: &mut dyn FnMut(&mut dyn Input)) {
        if let Some(link) = self.gateway.input() {
            see(link);
        }
        see(self.rings.targets.input());
    }

    /// Quote and risk may decide on what the venue said before we look at their targets.
    fn late_inputs(&self) -> usize {
        1
    }

    fn on_stop(&mut self) {
        (0..self.assets.len()).for_each(|i| self.show(self.now, AssetId::new(i)));
    }
}

#[cfg(test)]
mod tests;
