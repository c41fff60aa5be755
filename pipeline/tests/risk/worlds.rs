//! The worlds, and the person who watches the screen and re-arms. `BOTMM_WORLDS` of them (default 16).

use crate::checker::{Checker, Seen};
use crate::venue::{COINS, Venue, universe};
use botmm_pipeline::rt::virtual_time::{Drive, run_inline};
use botmm_pipeline::rt::{Lane, WallClock};
use botmm_pipeline::types::params::DailyLossRearm;
use botmm_pipeline::types::*;
use botmm_pipeline::wiring;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Fifteen minutes before 2025-09-05 00:00 UTC.
const START: Nanos = Nanos::secs(MIDNIGHT.0 / 1_000_000_000 - 900);
const MIDNIGHT: Nanos = Nanos::secs(20_336 * 86_400);
const SPAN: Nanos = Nanos::secs(2_400);

#[derive(Clone)]
struct Setup {
    seed: u64,
    /// What the bot trades with.
    bot: AssetParams,
    /// What the checker holds it to.
    limits: RiskLimits,
    /// Limits change now and then.
    reloads: bool,
}

impl Setup {
    /// Close to the touch, so that much is traded; limits that are reached within minutes.
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
        let mut bot = AssetParams {
            fee_floor: false,
            min_spread_bps: 1.0,
            vol_multiplier: 0.1,
            requote_threshold_bps: 0.1,
            order_size_usd: Usd::whole(300),
            one_sided_at: 1.0,
            skew_factor: 0.0,
            maker_fee: Bps::from_f64(1.5),
            start_vol_bps: 3.0,
            ..AssetParams::default()
        };
        let rolls = seed.is_multiple_of(2);
        bot.risk = RiskLimits {
            max_total_position_usd: Usd::whole(1_600),
            capital_usd: Usd::whole(1_000),
            max_daily_loss_frac: rng.random_range(0.01..0.02),
            // So far away that it does not halt for longer than a new day does.
            max_drawdown_frac: if rolls { 0.2 } else { rng.random_range(0.015..0.04) },
            daily_loss_rearm: if rolls { DailyLossRearm::Rollover } else { DailyLossRearm::Manual },
            max_api_errors: rng.random_range(2..6),
            api_error_cooldown: Nanos::secs(rng.random_range(20..120)),
            large_move_cooldown: Nanos::secs(rng.random_range(20..120)),
            max_orders_per_min: rng.random_range(20..300),
            ..RiskLimits::default()
        };
        Self { seed, bot, limits: bot.risk, reloads: false }
    }
}

/// The person in front of the screen, who also tries other limits.
struct Person {
    rng: ChaCha8Rng,
    setup: Setup,
    next_look: Nanos,
    next_reload: Nanos,
}

impl Person {
    fn act(&mut self, now: Nanos, venue: &Venue, control: &mut wiring::Control, is_broken: bool) {
        if now >= self.next_look {
            self.next_look = now + Nanos::secs(self.rng.random_range(20..200));
            // Toward midnight they sleep.
            let awake = !(START + Nanos::secs(600)..MIDNIGHT).contains(&now);
            if is_broken && awake {
                control.risk.push(RiskCommand::Rearm).unwrap();
                venue.lock().checker.on_rearm(now);
            }
        }
        if self.setup.reloads && now >= self.next_reload {
            self.next_reload = now + Nanos::secs(self.rng.random_range(5..60));
            let usd = |rng: &mut ChaCha8Rng, from, to| Usd::whole(rng.random_range(from..to));
            let mut bot = self.setup.bot;
            let risk = &mut bot.risk;
            risk.max_position_usd = usd(&mut self.rng, 320, 1_500);
            risk.max_total_position_usd = usd(&mut self.rng, 320, 2_000);
            risk.max_daily_loss_frac = self.rng.random_range(0.01..0.05);
            let changes: Vec<_> = universe().assets().map(|a| (a, bot)).collect();
            if control.params.change(&changes).is_some() {
                venue.lock().checker.on_limits(now, bot.risk);
            }
        }
    }
}

fn run(setup: &Setup) -> (Vec<String>, Seen) {
    let venue = Venue::new(setup.seed, START, Checker::new(START, setup.limits, COINS));
    let config = wiring::Config::new(universe(), vec![setup.bot; COINS]);
    let wiring::Pipeline { stages, mut records, mut control, metrics, .. } =
        wiring::build(&config, venue.clone(), venue.clone());
    let mut person = Person {
        rng: ChaCha8Rng::seed_from_u64(setup.seed ^ 0xbeef),
        setup: setup.clone(),
        next_look: START,
        next_reload: START,
    };
    let mut after_moment = |now| {
        records.iter_mut().for_each(|ring| while ring.pop().is_some() {});
        let is_broken = metrics.risk_state(AssetId::new(0)) == RiskState::CircuitBreak;
        person.act(now, &venue, &mut control, is_broken);
        true
    };
    let drive = Drive {
        start: START,
        end: START + SPAN,
        venue: Box::new(venue.clone()),
        after_moment: &mut after_moment,
    };
    run_inline(Lane::inline(stages, &WallClock::default()).0, drive);
    let checker = &mut venue.lock().checker;
    (core::mem::take(&mut checker.complaints), checker.seen.clone())
}

#[test]
fn no_order_is_sent_that_risk_forbids() {
    let worlds = std::env::var("BOTMM_WORLDS").map_or(16, |text| text.parse().unwrap());
    let mut all = Seen::default();
    for seed in 0..worlds {
        let setup = Setup { reloads: seed % 4 >= 2, ..Setup::new(seed) };
        let (complaints, seen) = run(&setup);
        println!("seed {seed}: {seen:?}");
        assert!(complaints.is_empty(), "seed {seed}: {complaints:#?}");
        let add = |a: &mut [u64], b: &[u64]| a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        add(&mut all.quiet, &seen.quiet);
        add(&mut all.after, &seen.after);
        all.placed += seen.placed;
        all.fills += seen.fills;
        all.reducing += seen.reducing;
        all.stale += seen.stale;
        all.paused += seen.paused;
        all.spent += seen.spent;
        all.link_losses += seen.link_losses;
    }
    println!("all: {all:?}");
    // Each of it has happened, and often enough.
    assert!(all.quiet.iter().all(|n| *n >= 5), "{all:?}");
    assert!(all.after.iter().all(|n| *n >= 2), "{all:?}");
    assert!(all.placed > 10_000 && all.fills > 1_000 && all.reducing > 200, "{all:?}");
    assert!(all.paused > 10, "{all:?}");
    assert!(all.stale > 10 && all.link_losses > 10 && all.spent > 100, "{all:?}");
}

/// A bot that holds itself to other limits than the checker is caught, whatever the rule.
#[test]
fn the_checker_finds_a_bot_that_does_not_hold_a_limit() {
    type Change = fn(&mut RiskLimits);
    let nothing: Change = |_| {};
    let no_daily: Change = |l| l.max_daily_loss_frac = 0.9;
    let cases: [(&str, Change, Change); 14] = [
        ("after daily_loss", nothing, no_daily),
        ("after daily_loss", nothing, |l| l.loss_confirm = Nanos::secs(60)),
        (
            "after daily_loss",
            |l| l.daily_loss_rearm = DailyLossRearm::Manual,
            |l| {
                l.daily_loss_rearm = DailyLossRearm::Rollover;
            },
        ),
        (
            "after drawdown",
            |l| (l.max_daily_loss_frac, l.max_drawdown_frac) = (0.9, 0.02),
            |l| {
                (l.max_daily_loss_frac, l.max_drawdown_frac) = (0.9, 0.9);
            },
        ),
        ("after api_errors", nothing, |l| l.max_api_errors = 60),
        ("after api_errors", nothing, |l| l.api_error_cooldown = Nanos::secs(10)),
        ("after api_errors", nothing, |l| l.api_error_window = Nanos::secs(1)),
        ("after large_move", nothing, |l| l.large_move_frac = 0.5),
        ("after large_move", nothing, |l| l.large_move_cooldown = Nanos::secs(10)),
        ("worst case", nothing, |l| l.max_position_usd = Usd::whole(1_500)),
        ("total", nothing, |l| l.max_total_position_usd = Usd::whole(2_500)),
        ("stale book", nothing, |l| l.stale_book = Nanos::secs(60)),
        ("orders within a minute", |l| l.max_orders_per_min = 10, |l| l.max_orders_per_min = 300),
        ("does not quote", nothing, |l| l.large_move_frac = 1e-9),
    ];
    for (says, checker, bot) in cases {
        let caught = (0..6).any(|seed| {
            let mut setup = Setup::new(seed);
            checker(&mut setup.limits);
            setup.bot.risk = setup.limits;
            bot(&mut setup.bot.risk);
            run(&setup).0.iter().any(|complaint| complaint.contains(says))
        });
        assert!(caught, "nobody complained: {says}");
    }
}
