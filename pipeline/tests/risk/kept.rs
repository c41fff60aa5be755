//! A gate that goes on, and one that is made anew and goes on from what the first kept: from then on
//! equal targets give equal decisions, alerts and states. What is not kept is the market's last second
//! and its volatility, so nothing is decided for a second, and alerts of volatility are left out.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test, of two programs")]

use botmm_pipeline::logic::gate::{Alert, Gate};
use botmm_pipeline::types::AlertKind;
use botmm_pipeline::types::params::DailyLossRearm;
use botmm_pipeline::types::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const COINS: usize = 2;
/// Minutes before a midnight.
const START: Nanos = Nanos::secs(20_336 * 86_400 - 400);

/// What both gates are told.
#[derive(Clone, Copy)]
enum Event {
    Target(QuoteTarget),
    Venue(VenueEvent),
    Rearm,
    Time,
}

/// What a gate made of it.
#[derive(Debug, PartialEq)]
struct Made {
    target: Option<QuoteTarget>,
    alerts: Vec<Alert>,
    breaks: Breaks,
    states: [RiskState; COINS],
}

fn tell(gate: &mut Gate, now: Nanos, told: Event) -> Made {
    let mut target = None;
    match told {
        Event::Target(wanted) => target = Some(*gate.approve(now, wanted).get()),
        Event::Venue(event) => gate.on_venue(now, &event),
        Event::Rearm => gate.rearm(now),
        Event::Time => gate.on_time(now),
    }
    let told = |(_, kind): &Alert| !matches!(kind, AlertKind::VolEmergency | AlertKind::VolCalm);
    Made {
        target,
        alerts: core::iter::from_fn(|| gate.next_alert()).filter(told).collect(),
        breaks: *gate.breaks(),
        states: core::array::from_fn(|i| gate.risk_state(AssetId::new(i))),
    }
}

struct World {
    rng: ChaCha8Rng,
    now: Nanos,
    mids: [i64; COINS],
    params: AssetParams,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let risk = RiskLimits {
            capital_usd: Usd::whole(1_000),
            max_daily_loss_frac: rng.random_range(0.01..0.1),
            max_drawdown_frac: rng.random_range(0.02..0.2),
            daily_loss_rearm: match rng.random_range(0..2) {
                0 => DailyLossRearm::Manual,
                _ => DailyLossRearm::Rollover,
            },
            api_error_cooldown: Nanos::secs(rng.random_range(10..100)),
            large_move_cooldown: Nanos::secs(rng.random_range(10..100)),
            // How long a loss has lasted is of the last second too, and not kept.
            loss_confirm: Nanos::ZERO,
            ..RiskLimits::default()
        };
        let params = AssetParams { risk, ..AssetParams::default() };
        Self { rng, now: START, mids: [10_000, 3_000], params }
    }

    fn gate(&self) -> Gate {
        Gate::new(crate::coins::universe([("A", 3), ("B", 3)]), &[self.params; COINS])
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn step(&mut self) -> Event {
        let ms = if self.chance(1) {
            self.rng.random_range(-90_000..90_000)
        } else {
            self.rng.random_range(0..1_500)
        };
        self.now = self.now + Nanos::millis(ms);
        let asset = self.rng.random_range(0..COINS);
        match self.rng.random_range(0..100) {
            0..70 => Event::Target(self.target(asset)),
            70..85 => Event::Venue(self.event(asset, self.rng.clone().random_range(0..4))),
            85..97 => Event::Venue(self.event(asset, 4)),
            97 => Event::Rearm,
            98 if self.chance(15) => Event::Venue(self.event(asset, 5)),
            _ => Event::Time,
        }
    }

    fn target(&mut self, asset: usize) -> QuoteTarget {
        let by = if self.chance(2) { 0.02 } else { 0.002 };
        let mid = self.mids[asset] as f64 * (1.0 + self.rng.random_range(-by..by));
        self.mids[asset] = (mid as i64).clamp(500, 100_000);
        let mid = self.mids[asset];
        let mut target = QuoteTarget {
            asset: AssetId::new(asset),
            time: self.now,
            mid: Some(Px::whole(mid)),
            vol_bps_e6: self.rng.random_range(-1..50),
            vol_slow_bps_e6: self.rng.random_range(-1..30),
            ..QuoteTarget::default()
        };
        for side in Side::BOTH {
            if self.chance(10) {
                target.clear(side, Reason::OneSided);
                continue;
            }
            target.set_reason(side, Reason::Quoted);
            for level in 0..self.rng.random_range(1..=4) {
                let px = Px::whole(mid - side.sign() * (1 + level as i64));
                let qty = Qty::from_raw(self.rng.random_range(1..60) * SCALE / 1_000);
                target.side_mut(side)[level] = QuoteLevel { px, qty };
            }
        }
        target
    }

    fn event(&mut self, asset: usize, kind: u32) -> VenueEvent {
        let kind = match kind {
            0 => VenueEventKind::Reject(Reject::new(ActionKind::Place, RejectReason::Margin)),
            5 => VenueEventKind::Notice(AlertKind::Liquidated),
            1 => VenueEventKind::Funding(Usd::from_raw(self.rng.random_range(-SCALE..2 * SCALE))),
            _ => {
                let side = if self.chance(50) { Side::Bid } else { Side::Ask };
                let qty = Qty::from_raw(self.rng.random_range(1..100) * SCALE / 1_000);
                let px = Px::whole(self.mids[asset]);
                let fee = Bps::from_f64(1.5).fee_on(px, qty);
                VenueEventKind::Fill(Fill { px, qty, fee, side, ..Fill::default() })
            }
        };
        event(asset, self.now, kind)
    }
}

fn event(asset: usize, now: Nanos, kind: VenueEventKind) -> VenueEvent {
    VenueEvent::new(Cloid::default(), AssetId::new(asset), [now; 2], kind)
}

/// How often each kind of break held when it was kept, and how often none did.
pub type Held = [u64; BreakWhy::COUNT + 1];

/// One world; what differs, if anything. `carry` is the way that what is kept goes from one run to the
/// next.
pub fn goes_on_the_same(
    seed: u64,
    carry: impl Fn(&RiskSnapshot) -> RiskSnapshot,
    held: &mut Held,
) -> Result<(), String> {
    let mut world = World::new(seed);
    let mut first = world.gate();
    for _ in 0..world.rng.random_range(0..800) {
        let told = world.step();
        tell(&mut first, world.now, told);
    }
    let kept = first.snapshot(world.now);
    let mut second = world.gate();
    let account = first.account(world.now);
    for asset in 0..COINS {
        let (position, mark) = (account.position[asset], account.mark[asset]);
        let opening = VenueEventKind::Opening { position, mark };
        second.on_venue(world.now, &event(asset, world.now, opening));
    }
    let carried = carry(&kept);
    second.restore(&carried, world.now);
    same("what is kept at the restart", &second.snapshot(world.now), &carried)?;
    kept.breaks.iter().for_each(|(why, _)| held[why as usize] += 1);
    held[BreakWhy::COUNT] += u64::from(!kept.breaks.any());
    while second.next_alert().is_some() {} // It says that it goes on from an earlier run.
    world.now = world.now + Nanos::millis(1_001);
    for step in 0..600 {
        let told = world.step();
        let made = [&mut first, &mut second].map(|gate| tell(gate, world.now, told));
        same(&format!("step {step} after the restart"), &made[1], &made[0])?;
    }
    let [is, was] = [&second, &first].map(|gate| gate.snapshot(world.now));
    if carried == kept { same("what is kept at the end", &is, &was) } else { Ok(()) }
}

fn same<T: PartialEq + core::fmt::Debug>(when: &str, is: &T, was: &T) -> Result<(), String> {
    if is == was { Ok(()) } else { Err(format!("{when}: {is:?}\ninstead of {was:?}")) }
}

#[test]
fn a_gate_that_is_restored_decides_as_the_one_that_went_on() {
    let mut held = Held::default();
    for seed in 0..400 {
        let same = goes_on_the_same(seed, |kept| *kept, &mut held);
        assert_eq!(same, Ok(()), "seed {seed}");
    }
    println!("held when kept: {held:?}");
    assert!(held.iter().all(|n| *n >= 20), "{held:?}");
}

/// The test above can fail: what is kept matters.
#[test]
fn a_gate_that_forgets_is_told_apart() {
    let forgets = |forget: fn(&mut RiskSnapshot)| {
        let carry = |kept: &RiskSnapshot| {
            let mut kept = *kept;
            forget(&mut kept);
            kept
        };
        let differs = |seed: &u64| goes_on_the_same(*seed, carry, &mut Held::default()).is_err();
        (0..100).filter(differs).count()
    };
    assert_eq!(forgets(|_| {}), 0);
    assert!(forgets(|kept| kept.breaks = Breaks::default()) > 0);
    assert!(forgets(|kept| kept.day_profit = Usd::ZERO) > 0);
    assert!(forgets(|kept| kept.below_peak = Usd::ZERO) > 0);
    assert!(forgets(|kept| kept.error_count = 0) > 0);
    assert!(forgets(|kept| kept.breaks.set(BreakWhy::Drawdown, None)) > 0);
}
