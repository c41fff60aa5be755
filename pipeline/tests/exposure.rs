//! The worst case is never above the limit, whatever the venue does: acks, fills, cancels and
//! rejects delayed, reordered, repeated and lost. The checker looks at the venue's own truth and
//! at what is still on its way, never at the order manager's opinion. Limits may change at any moment:
//! then nothing may be sent that makes an exposure beyond them larger.
#![allow(clippy::unwrap_used, missing_docs)]

mod coins;

use botmm_pipeline::logic::budget::Budget;
use botmm_pipeline::logic::gate::Gate;
use botmm_pipeline::logic::ledger::FillMemory;
use botmm_pipeline::logic::orders::{Orders, Plan};
use botmm_pipeline::types::*;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const MID: i64 = 100;
const ASSETS: usize = 2;

#[derive(Clone, Copy, Debug)]
struct Live {
    oid: Oid,
    cloid: Cloid,
    asset: AssetId,
    side: Side,
    leaves: Qty,
}

struct World {
    rng: ChaCha8Rng,
    orders: Orders,
    gate: Gate,
    budget: Budget,
    memory: FillMemory,
    now: Nanos,
    // The venue.
    live: Vec<Live>,
    position: [Qty; ASSETS],
    next_id: u64,
    to_venue: Vec<Action>,
    to_bot: Vec<VenueEvent>,
    /// Whether actions get lost on their way, or are not taken.
    loses: bool,
    params: AssetParams,
    venue_fills: u64,
    market_seq: u64,
    /// The newest target of each asset, before the gate.
    targets: [Option<QuoteTarget>; ASSETS],
    /// Worst case of each asset when it was last looked at, USD.
    before: [i64; ASSETS],
}

impl World {
    fn new(seed: u64) -> Self {
        let universe = coins::universe([("A", 2), ("B", 2)]);
        let mut params = AssetParams::default();
        params.risk.max_total_position_usd = Usd::whole(1_500);
        params.risk.max_daily_loss_frac = 1e9;
        params.risk.max_drawdown_frac = 1e9;
        params.risk.api_error_window = Nanos(1); // No breaker here.
        params.risk.action_budget = 1_000_000;
        params.risk.max_actions_per_min = 1_000_000;
        params.risk.max_orders_per_min = 1_000_000;
        let all = [params; ASSETS];
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            orders: Orders::new(&universe, &all, 1),
            gate: Gate::new(universe, &all),
            budget: Budget::new(&params.risk),
            memory: FillMemory::default(),
            now: Nanos::secs(1),
            live: Vec::new(),
            position: [Qty::ZERO; ASSETS],
            next_id: 10,
            to_venue: Vec::new(),
            to_bot: Vec::new(),
            loses: true,
            params,
            venue_fills: 0,
            market_seq: 0,
            targets: [None; ASSETS],
            before: [0; ASSETS],
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn say(&mut self, cloid: Cloid, asset: AssetId, kind: VenueEventKind) {
        self.to_bot.push(VenueEvent::new(cloid, asset, [self.now; 2], kind));
    }

    fn plan(&mut self, asset: AssetId) {
        let mut plan = Plan::default();
        self.orders.plan(self.now, self.now, asset, &mut self.budget, &mut plan);
        for action in [plan.cancel, plan.modify, plan.place] {
            if action.is_empty() {
                continue;
            }
            match self.rng.random_range(0..100) {
                _ if !self.loses => self.to_venue.push(action),
                0..3 => self.orders.undo(&action, Reason::LinkDown), // Not taken by the gateway.
                3..8 => {}                                           // Lost on the way.
                _ => self.to_venue.push(action),
            }
        }
    }

    fn new_target(&mut self) {
        let asset = AssetId::new(self.rng.random_range(0..ASSETS));
        self.market_seq += 1;
        let mut target = QuoteTarget { asset, mid: Some(Px::whole(MID)), ..QuoteTarget::default() };
        target.cause.market_seq = self.market_seq;
        for side in Side::BOTH {
            if self.chance(15) {
                target.clear(side, Reason::OneSided);
                continue;
            }
            target.set_reason(side, Reason::Quoted);
            for level in 0..self.rng.random_range(1..=4) {
                let away = self.rng.random_range(1..4) + level as i64 * 4;
                let px = Px::whole(MID - side.sign() * away);
                let qty = Qty::from_raw(self.rng.random_range(20..600) * 1_000_000);
                target.side_mut(side)[level] = QuoteLevel { px, qty };
            }
        }
        self.targets[asset.index()] = Some(target);
        let approved = self.gate.approve(self.now, target);
        self.orders.set_target(&approved);
        self.plan(asset);
    }

    /// Other limits: every asset is judged again at once, as the risk stage does.
    fn new_limits(&mut self) {
        let usd = |rng: &mut ChaCha8Rng, from, to| Usd::whole(rng.random_range(from..to));
        self.params.risk.max_position_usd = usd(&mut self.rng, 15, 1_500);
        self.params.risk.max_total_position_usd = usd(&mut self.rng, 15, 2_500);
        self.params.order_size_usd = usd(&mut self.rng, 15, 500);
        for asset in (0..ASSETS).map(AssetId::new) {
            self.gate.set_params(asset, &self.params);
            self.orders.set_params(asset, &self.params);
        }
        self.judge_again();
    }

    fn judge_again(&mut self) {
        for target in self.targets.into_iter().flatten() {
            let approved = self.gate.approve_again(self.now, target);
            self.orders.set_target(&approved);
        }
        (0..ASSETS).for_each(|a| self.plan(AssetId::new(a)));
    }

    /// Everything is answered, and judged anew by what was learned, until nothing more is sent.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..1_000 {
            self.now = self.now + Nanos::millis(20);
            match (self.to_bot.is_empty(), self.to_venue.is_empty()) {
                (true, true) => self.judge_again(),
                (false, true) => self.deliver(false),
                (true, false) => self.venue_acts(),
                _ if self.chance(50) => self.venue_acts(),
                _ => self.deliver(false),
            }
            self.check()?;
            if self.to_bot.is_empty() && self.to_venue.is_empty() {
                return Ok(());
            }
        }
        Err(TestCaseError::fail("it never comes to rest"))
    }

    fn venue_acts(&mut self) {
        if self.to_venue.is_empty() {
            return;
        }
        let action = self.to_venue.remove(0);
        for item in action.items() {
            match action.kind {
                ActionKind::Place => self.venue_places(item, ActionKind::Place),
                ActionKind::Modify => {
                    let Some(at) = self.live.iter().position(|o| o.oid == item.oid) else {
                        self.refuse(item, ActionKind::Modify, RejectReason::NotFound);
                        continue;
                    };
                    let old = self.live.swap_remove(at);
                    self.venue_places(item, ActionKind::Modify);
                    self.ended(&old, DoneWhy::Replaced);
                }
                ActionKind::Cancel => {
                    let Some(at) = self.live.iter().position(|o| o.oid == item.oid) else {
                        self.refuse(item, ActionKind::Cancel, RejectReason::NotFound);
                        continue;
                    };
                    let old = self.live.swap_remove(at);
                    self.ended(&old, DoneWhy::Canceled);
                }
            }
        }
    }

    fn venue_places(&mut self, item: &OrderRequest, of: ActionKind) {
        if self.chance(10) {
            return self.refuse(item, of, RejectReason::BadAloPx);
        }
        self.next_id += 1;
        let oid = Oid(self.next_id);
        let OrderRequest { cloid, asset, side, qty, .. } = *item;
        self.live.push(Live { oid, cloid, asset, side, leaves: qty });
        self.say(cloid, asset, VenueEventKind::Ack { oid, leaves: qty });
    }

    fn refuse(&mut self, item: &OrderRequest, of: ActionKind, reason: RejectReason) {
        let reject = Reject::new(of, reason);
        self.say(item.cloid, item.asset, VenueEventKind::Reject(reject));
    }

    fn ended(&mut self, order: &Live, why: DoneWhy) {
        let done = Done { oid: order.oid, leaves: order.leaves, why, _pad: [0; 7] };
        self.say(order.cloid, order.asset, VenueEventKind::Done(done));
    }

    fn venue_fills(&mut self) {
        if self.live.is_empty() {
            return;
        }
        let at = self.rng.random_range(0..self.live.len());
        let lots = self.live[at].leaves.raw() / 1_000_000;
        let qty = Qty::from_raw(self.rng.random_range(1..=lots) * 1_000_000);
        self.live[at].leaves -= qty;
        let order = self.live[at];
        self.position[order.asset.index()] += order.side.signed(qty);
        self.next_id += 1;
        self.venue_fills += 1;
        let fill = Fill {
            oid: order.oid,
            px: Px::whole(MID),
            qty,
            tid: self.next_id,
            side: order.side,
            ..Fill::default()
        };
        self.say(order.cloid, order.asset, VenueEventKind::Fill(fill));
        if order.leaves.is_zero() {
            self.live.swap_remove(at);
            self.ended(&order, DoneWhy::Filled);
        }
    }

    /// One message reaches the bot: any of those on their way; sometimes it stays to come again.
    fn deliver(&mut self, lossy: bool) {
        if self.to_bot.is_empty() {
            return;
        }
        let at = if self.chance(60) { 0 } else { self.rng.random_range(0..self.to_bot.len()) };
        let event = self.to_bot[at];
        if !self.chance(10) {
            self.to_bot.remove(at);
        }
        if lossy && self.chance(5) {
            self.to_bot.retain(|e| *e != event);
            return;
        }
        if let VenueEventKind::Fill(fill) = &event.kind
            && !self.memory.is_new(event.venue_time, event.asset, fill)
        {
            return;
        }
        self.orders.on_venue(&event);
        self.gate.on_venue(self.now, &event);
        self.plan(event.asset);
    }

    /// Something happens, anywhere.
    fn step(&mut self, lossy: bool) {
        match self.rng.random_range(0..10) {
            0..2 => self.new_target(),
            2..5 => self.venue_acts(),
            5..7 => self.venue_fills(),
            _ => self.deliver(lossy),
        }
        if self.orders.expire(self.now) > 0 {
            (0..ASSETS).for_each(|a| self.plan(AssetId::new(a)));
        }
    }

    /// The venue's truth of a side: position, what rests, and what is on its way and may yet rest.
    fn worst(&self, asset: usize, side: Side) -> i64 {
        let mine = |a: AssetId, s: Side| a.index() == asset && s == side;
        let resting = self.live.iter().filter(|o| mine(o.asset, o.side)).map(|o| o.leaves.raw());
        let coming = self.to_venue.iter().filter(|a| a.kind != ActionKind::Cancel);
        let coming = coming.flat_map(|a| a.items()).filter(|i| mine(i.asset, i.side));
        side.signed(self.position[asset]).raw()
            + resting.sum::<i64>()
            + coming.map(|i| i.qty.raw()).sum::<i64>()
    }

    /// Nothing is beyond a limit, but for what was already when the limit was lowered.
    fn check(&mut self) -> Result<(), TestCaseError> {
        let usd = |qty: i64| notional(Px::whole(MID), Qty::from_raw(qty)).raw();
        let now: [i64; ASSETS] = core::array::from_fn(|a| {
            usd(Side::BOTH.map(|s| self.worst(a, s)).into_iter().max().unwrap().max(0))
        });
        let (limit, total) = (
            self.params.risk.max_position_usd.raw(),
            self.params.risk.max_total_position_usd.raw(),
        );
        for (asset, (now, before)) in now.iter().zip(self.before).enumerate() {
            prop_assert!(
                *now <= limit.max(before),
                "asset {}: worst case {} USD at {}",
                asset,
                Usd::from_raw(*now),
                self.now
            );
        }
        let (sum, before) = (now.iter().sum::<i64>(), self.before.iter().sum::<i64>());
        prop_assert!(sum <= total.max(before), "total {} at {}", Usd::from_raw(sum), self.now);
        self.before = now;
        Ok(())
    }

    /// When everything has been answered, what rests is within the limits, unless the position
    /// itself is beyond: then nothing rests that adds to it.
    fn check_at_rest(&self) -> Result<(), TestCaseError> {
        let usd = |qty: i64| notional(Px::whole(MID), Qty::from_raw(qty)).raw();
        let worst_of = |asset| Side::BOTH.map(|s| self.worst(asset, s)).into_iter().max().unwrap();
        let risk = &self.params.risk;
        for asset in 0..ASSETS {
            let others: i64 =
                (0..ASSETS).filter(|a| *a != asset).map(|a| usd(worst_of(a).max(0))).sum();
            for side in Side::BOTH {
                let worst = self.worst(asset, side);
                let rests = worst - side.signed(self.position[asset]).raw();
                let within = usd(worst) <= risk.max_position_usd.raw()
                    && (worst <= 0 || others + usd(worst) <= risk.max_total_position_usd.raw());
                prop_assert!(
                    rests == 0 || within,
                    "asset {}, {:?}: {} USD at worst, {} of others",
                    asset,
                    side,
                    Usd::from_raw(usd(worst)),
                    Usd::from_raw(others)
                );
            }
        }
        Ok(())
    }
}

fn run(seed: u64, steps: usize, lossy: bool) -> Result<World, TestCaseError> {
    let mut w = World::new(seed);
    for _ in 0..steps {
        w.now = w.now + Nanos::millis(w.rng.random_range(1..400));
        w.step(lossy);
        w.check()?;
    }
    Ok(w)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn exposure_never_exceeds_the_limit(seed in any::<u64>()) {
        run(seed, 600, true)?;
    }

    /// When nothing is lost for ever: every venue fill is booked exactly once, and the books agree.
    #[test]
    fn every_fill_is_booked_exactly_once(seed in any::<u64>()) {
        let mut w = run(seed, 400, false)?;
        while !w.to_bot.is_empty() {
            w.deliver(false);
        }
        let booked: u64 = (0..ASSETS).map(|a| w.gate.ledger(AssetId::new(a)).fills()).sum();
        prop_assert_eq!(booked, w.venue_fills);
        for a in 0..ASSETS {
            prop_assert_eq!(w.orders.position(AssetId::new(a)), w.position[a]);
            prop_assert_eq!(w.gate.ledger(AssetId::new(a)).position(), w.position[a]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Limits are raised and lowered in the middle of everything.
    #[test]
    fn new_limits_hold_from_the_moment_that_they_are_set(seed in any::<u64>(), lossy in any::<bool>()) {
        let mut w = World::new(seed);
        for _ in 0..600 {
            w.now = w.now + Nanos::millis(w.rng.random_range(1..400));
            if w.chance(3) {
                w.new_limits();
            } else {
                w.step(lossy);
            }
            w.check()?;
        }
    }

    /// And once the venue has answered, what rests is within them.
    #[test]
    fn what_rests_is_brought_within_new_limits(seed in any::<u64>()) {
        let mut w = World { loses: false, ..World::new(seed) };
        for _ in 0..10 {
            w.new_limits();
            w.check()?;
            w.settle()?;
            w.settle()?;
            w.check_at_rest()?;
            (0..20).try_for_each(|_| { w.step(false); w.check() })?;
        }
    }
}

/// The property above is not vacuous: the limits are reached.
#[test]
fn the_limit_is_reached_in_these_runs() {
    let mut largest = Usd::ZERO;
    for seed in 0..20 {
        let mut w = World::new(seed);
        for _ in 0..600 {
            w.now = w.now + Nanos::millis(50);
            w.step(false);
            for a in 0..ASSETS {
                largest = largest.max(w.orders.worst_case_usd(AssetId::new(a)));
            }
        }
    }
    assert!(largest > Usd::whole(950), "only {largest}");
    assert!(largest <= Usd::whole(980), "the gate uses 98 % of 1000, got {largest}");
}
