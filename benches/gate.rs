//! The gate, and the order manager behind it: `Gate::approve`, and `Orders::plan` for a target that
//! changes nothing and for one that moves every order.
//!
//! `cargo bench --bench gate`. A decision every 100 ms, the shortest interval by default, so that
//! the gate's window of the last second's mids is as full as it gets.

mod harness;

use botmm_pipeline::logic::budget::Budget;
use botmm_pipeline::logic::gate::{Approved, Gate};
use botmm_pipeline::logic::orders::{Orders, Plan};
use botmm_pipeline::types::{AssetParams, Level, Nanos, QuoteTarget, VenueEvent};
use harness::made::{self, Venue};
use harness::{Samples, Stopwatch};
use std::hint::black_box;

const CALLS: usize = 200_000;
const STEP: Nanos = Nanos::millis(100);
/// Orders a side.
const LEVELS: usize = 2;

fn main() {
    harness::print_rig();
    time_approve();
    time_plan();
}

fn time_approve() {
    let params = made::params();
    let mut gate = Gate::new(made::btc(), &[params]);
    // A mid that goes up and down a few dollars; the gate looks at its own clock only.
    let targets: Vec<QuoteTarget> = (0..16).map(|i| made::target(i, made::START)).collect();
    let mut now = made::START;
    for wanted in &targets {
        // Nothing stands against these targets: they come out as they went in, with the limits.
        now = now + STEP;
        let approved = *gate.approve(now, *wanted).get();
        let limits = (approved.max_exposure_usd, approved.max_total_exposure_usd);
        assert!(limits.0.is_positive() && limits.0 <= params.risk.max_position_usd);
        assert!(limits.1.is_positive() && limits.1 <= params.risk.max_total_position_usd);
        let (max_exposure_usd, max_total_exposure_usd) = limits;
        assert_eq!(approved, QuoteTarget { max_exposure_usd, max_total_exposure_usd, ..*wanted });
    }
    let mut next = targets.iter().cycle();
    let call = || {
        now = now + STEP;
        if let Some(wanted) = next.next() {
            black_box(gate.approve(now, black_box(*wanted)));
        }
    };
    let results = [harness::measure("Gate::approve, 2 levels a side", CALLS, call)];
    assert!(!gate.breaks().any());
    harness::print_table("gate", &results);
}

/// Orders that rest at a venue.
struct Rig {
    gate: Gate,
    orders: Orders,
    budget: Budget,
    venue: Venue,
    now: Nanos,
}

impl Rig {
    fn new() -> Self {
        let (universe, params) = (made::btc(), made::params());
        let mut rig = Self {
            gate: Gate::new(universe.clone(), &[params]),
            orders: Orders::new(&universe, &[params], 1),
            budget: Budget::new(&params.risk),
            venue: Venue::default(),
            now: made::START,
        };
        rig.set_target(0);
        let plan = rig.plan();
        assert_eq!((plan.cancel.len, plan.modify.len, plan.place.len), (0, 0, ORDERS));
        rig.answer(&plan);
        rig
    }

    fn set_target(&mut self, shift: i64) {
        self.now = self.now + STEP;
        let approved: Approved<QuoteTarget> =
            self.gate.approve(self.now, made::target(shift, self.now));
        self.orders.set_target(&approved);
    }

    fn plan(&mut self) -> Plan {
        let mut plan = Plan::default();
        self.orders.plan(self.now, self.now, made::first(), &mut self.budget, &mut plan);
        plan
    }

    /// The venue takes every action and says so.
    fn answer(&mut self, plan: &Plan) {
        for action in [&plan.cancel, &plan.modify, &plan.place] {
            self.venue.take(self.now, action);
        }
        while let Some(event) = self.venue.next() {
            let event: VenueEvent = event;
            self.orders.on_venue(&event);
        }
    }
}

/// Orders of both sides.
const ORDERS: u8 = 2 * LEVELS as u8;

fn time_plan() {
    let watch = Stopwatch::new();
    let mut rig = Rig::new();
    let mut keep = Samples::new("Orders::plan, all kept");
    let mut moves = Samples::new("Orders::plan, 4 orders modified");
    // Half a basis point of 65,000 is 3.25: a dollar keeps an order, twenty move it.
    let tolerance = 65_000.0 * AssetParams::default().requote_threshold_bps * 1e-4;
    assert!(tolerance > 1.0 && tolerance < 20.0);
    let mut home = 0;
    for i in 0..harness::calls(CALLS) {
        rig.set_target(home + i as i64 % 2);
        let mut plan = Plan::default();
        keep.record(watch.time(&mut || plan = rig.plan()));
        assert_eq!((plan.cancel.len, plan.modify.len, plan.place.len), (0, 0, 0));

        home = if home == 0 { 20 } else { 0 };
        rig.set_target(home);
        moves.record(watch.time(&mut || plan = rig.plan()));
        assert_eq!((plan.cancel.len, plan.modify.len, plan.place.len), (0, ORDERS, 0));
        let wanted = made::target(home, rig.now);
        let asked = plan.modify.items().iter().map(|r| (r.side, r.px, r.qty));
        let is_wanted = |(side, px, qty)| wanted.side(side).contains(&Level { px, qty });
        assert!(asked.into_iter().all(is_wanted));
        rig.answer(&plan);
    }
    harness::print_table("order manager", &[keep.percentiles(), moves.percentiles()]);
}
