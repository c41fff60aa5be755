mod refusals;

use super::*;
use crate::coins::universe;
use crate::types::params::DailyLossRearm;
use crate::types::{ActionKind, BreakEnd, BreakWhy, Cloid, Fill, Reject, RejectReason};

const DAILY_LOSS: AlertKind = AlertKind::DailyLoss(Marks::Book);
const DRAWDOWN: AlertKind = AlertKind::Drawdown(Marks::Book);

/// Limits under which losses count at once, by marks of any age.
pub(super) fn at_once() -> AssetParams {
    let mut params = AssetParams::default();
    (params.risk.loss_confirm, params.risk.mark_max_age) = (Nanos::ZERO, Nanos::MAX);
    params
}

pub(super) fn gate(params: AssetParams) -> Gate {
    Gate::new(universe([("X", 2)]), &[params])
}

pub(super) fn target(mid: i64) -> QuoteTarget {
    let level = |p: i64, q: &str| QuoteLevel { px: Px::whole(p), qty: Qty::parse(q).unwrap() };
    let mut t = QuoteTarget {
        mid: Some(Px::whole(mid)),
        bid_reason: Reason::Quoted,
        ask_reason: Reason::Quoted,
        ..QuoteTarget::default()
    };
    t.bids[..2].copy_from_slice(&[level(mid - 1, "2"), level(mid - 2, "1")]);
    t.asks[..2].copy_from_slice(&[level(mid + 1, "2"), level(mid + 2, "1")]);
    t
}

fn wanted(target: &QuoteTarget, side: Side) -> Qty {
    target.side(side).iter().map(|l| l.qty).sum()
}

fn event(kind: VenueEventKind) -> VenueEvent {
    VenueEvent::new(Cloid::default(), AssetId::new(0), [Nanos::ZERO; 2], kind)
}

pub(super) fn buy(px: i64, qty: &str) -> VenueEvent {
    event(VenueEventKind::Fill(Fill {
        px: Px::whole(px),
        qty: Qty::parse(qty).unwrap(),
        side: Side::Bid,
        ..Fill::default()
    }))
}

#[test]
fn a_side_is_cut_to_the_room_that_the_position_leaves() {
    let mut g = gate(AssetParams::default());
    let t = *g.approve(Nanos::ZERO, target(100)).get();
    assert_eq!((wanted(&t, Side::Bid), wanted(&t, Side::Ask)), (Qty::whole(3), Qty::whole(3)));
    // The limit is $1000, of which 98 % are used: 9.8 at 100.
    g.on_venue(Nanos::ZERO, &buy(100, "7.5"));
    let t = *g.approve(Nanos::ZERO, target(100)).get();
    assert_eq!(t.bids.map(|l| l.qty.to_string())[..2], ["2", "0.3"]);
    assert_eq!(wanted(&t, Side::Ask), Qty::whole(3));
    g.on_venue(Nanos::ZERO, &buy(100, "2.3"));
    let t = *g.approve(Nanos::ZERO, target(100)).get();
    assert_eq!((t.bid_reason, t.ask_reason), (Reason::PositionLimit, Reason::Quoted));
}

/// Lets time pass as the pipeline does, with the same target every second; what the last came to.
fn pass(g: &mut Gate, from: i64, to: i64, mid: i64) -> QuoteTarget {
    let mut last = None;
    for second in from..=to {
        last = Some(*g.approve(Nanos::secs(second), target(mid)).get());
    }
    last.unwrap()
}

pub(super) fn alerts(g: &mut Gate) -> Vec<AlertKind> {
    core::iter::from_fn(|| g.next_alert()).map(|(_, kind)| kind).collect()
}

fn held(g: &Gate) -> Vec<(BreakWhy, BreakEnd)> {
    g.breaks().iter().collect()
}

fn rejected(reason: RejectReason) -> VenueEvent {
    event(VenueEventKind::Reject(Reject::new(ActionKind::Place, reason)))
}

#[test]
fn what_is_judged_again_has_the_time_of_that_judgement() {
    let mut g = gate(AssetParams::default());
    let (made, again) = (Nanos::secs(5), Nanos::secs(7));
    let first = *g.approve(made, QuoteTarget { time: made, made, ..target(1000) }).get();
    assert_eq!((first.time, first.made), (made, made));
    let second = *g.approve_again(again, first).get();
    assert_eq!((second.time, second.made), (again, made));
    assert_eq!(QuoteTarget { time: made, ..second }, first, "and is the same else");
}

#[test]
fn a_large_move_breaks_and_recovers() {
    let mut g = gate(AssetParams::default());
    g.approve(Nanos::ZERO, target(1000));
    let t = *g.approve(Nanos::millis(900), target(1011)).get();
    assert_eq!((t.bid_reason, t.ask_reason), (Reason::Cooldown, Reason::Cooldown));
    assert_eq!(g.next_alert(), Some((Some(AssetId::new(0)), AlertKind::LargeMove)));
    assert_eq!(g.risk_state(AssetId::new(0)), RiskState::CircuitBreak);
    // Seen once more, against the first mid, at 1 s.
    assert_eq!(pass(&mut g, 1, 300, 1011).bid_reason, Reason::Cooldown);
    assert_eq!(alerts(&mut g), []);
    let t = *g.approve(Nanos::secs(301), target(1011)).get();
    assert_eq!(t.bid_reason, Reason::Quoted);
    assert_eq!(g.next_alert(), Some((None, AlertKind::Recovered)));
    assert_eq!(g.risk_state(AssetId::new(0)), RiskState::Safe);
    // The same move over more than a second is none.
    let t = *g.approve(Nanos::millis(302_100), target(1022)).get();
    assert_eq!(t.bid_reason, Reason::Quoted);
}

#[test]
fn too_many_errors_break_but_the_moving_market_does_not() {
    let mut g = gate(AssetParams::default());
    (0..50).for_each(|_| g.on_venue(Nanos::ZERO, &rejected(RejectReason::BadAloPx)));
    (0..5).for_each(|_| g.on_venue(Nanos::ZERO, &rejected(RejectReason::Margin)));
    assert!(!g.breaks().any());
    g.on_time(Nanos::secs(50));
    g.on_venue(Nanos::secs(61), &rejected(RejectReason::Margin));
    assert!(!g.breaks().any(), "the first five are older than the window");
    (0..5).for_each(|_| g.on_venue(Nanos::secs(61), &rejected(RejectReason::Margin)));
    assert_eq!(held(&g), [(BreakWhy::ApiErrors, BreakEnd::At(Nanos::secs(181)))]);
    // Each further one counts with those of the window.
    g.on_venue(Nanos::secs(71), &rejected(RejectReason::Margin));
    assert_eq!(held(&g), [(BreakWhy::ApiErrors, BreakEnd::At(Nanos::secs(191)))]);
    assert_eq!(alerts(&mut g), [AlertKind::ApiErrors]);
}

/// Long 5 at 1000 with 1000 USD of capital, and no breaker but losses.
fn long_five_with_a_thousand(rearm: DailyLossRearm) -> Gate {
    let mut params = at_once();
    params.risk.capital_usd = Usd::whole(1_000);
    params.risk.max_position_usd = Usd::whole(10_000);
    params.risk.max_total_position_usd = Usd::whole(10_000);
    params.risk.large_move_frac = 1.0;
    params.risk.daily_loss_rearm = rearm;
    let mut g = gate(params);
    g.approve(Nanos::ZERO, target(1000));
    g.on_venue(Nanos::ZERO, &buy(1000, "5"));
    g
}

const DAY_S: i64 = 86_400;

#[test]
fn a_daily_loss_halts_until_re_armed() {
    let mut g = long_five_with_a_thousand(DailyLossRearm::Manual);
    let t = *g.approve(Nanos::secs(2), target(990)).get();
    assert_eq!(t.bid_reason, Reason::Quoted, "50 of 1000 is the limit, not beyond it");
    let t = *g.approve(Nanos::secs(4), target(989)).get();
    assert_eq!(t.bid_reason, Reason::Halted);
    assert_eq!(held(&g), [(BreakWhy::DailyLoss, BreakEnd::Manual)]);
    assert_eq!(g.next_alert(), Some((None, DAILY_LOSS)));
    let t = pass(&mut g, 5, DAY_S + 60, 1200);
    assert_eq!(t.ask_reason, Reason::Halted, "a new day does not re-arm it");
    assert_eq!(alerts(&mut g), []);
}

#[test]
fn a_daily_loss_ends_at_rollover_when_it_may() {
    let mut g = long_five_with_a_thousand(DailyLossRearm::Rollover);
    g.approve(Nanos::secs(4), target(989));
    assert_eq!(held(&g), [(BreakWhy::DailyLoss, BreakEnd::Rollover)]);
    assert_eq!(pass(&mut g, 5, DAY_S - 1, 989).ask_reason, Reason::Halted);
    assert_eq!(alerts(&mut g), [DAILY_LOSS]);
    // The loss of the day before counts no more: 50 below 989 is what the new day may lose.
    assert_eq!(pass(&mut g, DAY_S, DAY_S + 1, 981).ask_reason, Reason::Quoted);
    assert_eq!(alerts(&mut g), [AlertKind::RolledOver]);
    assert_eq!(g.snapshot(Nanos::secs(DAY_S + 1)).day_profit, Usd::whole(-40));
    // A person may say otherwise in between.
    let limits = RiskLimits {
        daily_loss_rearm: DailyLossRearm::Manual,
        max_daily_loss_frac: 0.03,
        ..g.assets[0].params.risk
    };
    g.set_params(AssetId::new(0), &AssetParams { risk: limits, ..AssetParams::default() });
    g.approve_again(Nanos::secs(DAY_S + 2), target(981));
    assert_eq!(held(&g), [(BreakWhy::DailyLoss, BreakEnd::Manual)], "limits are judged at once");
    let limits = RiskLimits { daily_loss_rearm: DailyLossRearm::Rollover, ..limits };
    g.set_params(AssetId::new(0), &AssetParams { risk: limits, ..AssetParams::default() });
    assert_eq!(held(&g), [(BreakWhy::DailyLoss, BreakEnd::Rollover)]);
}

#[test]
fn a_drawdown_over_days_halts() {
    let mut g = long_five_with_a_thousand(DailyLossRearm::Manual);
    for (day, mid) in [(1, 992), (2, 984)] {
        pass(&mut g, DAY_S * (day - 1) + 1, DAY_S * day, mid);
        assert!(!g.breaks().any());
    }
    pass(&mut g, DAY_S * 2 + 1, DAY_S * 3, 979);
    assert_eq!(g.next_alert(), Some((None, DRAWDOWN)));
    assert_eq!(held(&g), [(BreakWhy::Drawdown, BreakEnd::Manual)]);
}

#[test]
fn a_person_re_arms_and_losses_count_from_there() {
    let mut g = long_five_with_a_thousand(DailyLossRearm::Manual);
    g.rearm(Nanos::secs(1));
    assert_eq!(alerts(&mut g), [], "there is nothing to re-arm");
    g.approve(Nanos::secs(4), target(979));
    assert_eq!(alerts(&mut g), [DAILY_LOSS, DRAWDOWN]);
    (0..6).for_each(|_| g.on_venue(Nanos::secs(4), &rejected(RejectReason::Margin)));
    assert_eq!(held(&g).len(), 3);
    g.rearm(Nanos::secs(5));
    assert_eq!(alerts(&mut g), [AlertKind::ApiErrors, AlertKind::Rearmed]);
    let kept = g.snapshot(Nanos::secs(5));
    let nothing = RiskSnapshot { day: 0, ..RiskSnapshot::new(Nanos::secs(5)) };
    assert_eq!(kept, nothing);
    g.on_venue(Nanos::secs(6), &rejected(RejectReason::Margin));
    let t = *g.approve(Nanos::secs(6), target(970)).get();
    assert_eq!(t.bid_reason, Reason::Quoted, "45 lost since");
    g.approve(Nanos::secs(7), target(968));
    assert_eq!(alerts(&mut g), [DAILY_LOSS]);
}

#[test]
fn a_halt_does_not_hide_a_cool_down() {
    let mut g = long_five_with_a_thousand(DailyLossRearm::Rollover);
    pass(&mut g, 1, DAY_S - 11, 989);
    (0..6).for_each(|_| g.on_venue(Nanos::secs(DAY_S - 10), &rejected(RejectReason::Margin)));
    assert_eq!(pass(&mut g, DAY_S - 9, DAY_S + 109, 989).bid_reason, Reason::Cooldown);
    assert_eq!(pass(&mut g, DAY_S + 110, DAY_S + 110, 989).bid_reason, Reason::Quoted);
    let told = [DAILY_LOSS, AlertKind::ApiErrors, AlertKind::RolledOver, AlertKind::Recovered];
    assert_eq!(alerts(&mut g), told);
}

#[test]
fn a_clock_that_jumps_re_arms_nothing() {
    let mut g = long_five_with_a_thousand(DailyLossRearm::Rollover);
    g.approve(Nanos::secs(10), target(989));
    (0..6).for_each(|_| g.on_venue(Nanos::secs(10), &rejected(RejectReason::Margin)));
    let reason = |g: &mut Gate, s| g.approve(Nanos::secs(s), target(989)).get().bid_reason;
    // Ahead by days, back before the start, and ahead again.
    for jump in [2 * DAY_S + 100, -DAY_S, i64::MAX / 2_000_000_000, 20, DAY_S - 40] {
        assert_eq!(reason(&mut g, jump), Reason::Halted, "{jump}");
    }
    assert_eq!(held(&g).len(), 2);
    // A midnight at its own pace; of the cool-down, nothing has gone by before.
    assert_eq!(pass(&mut g, DAY_S - 39, DAY_S + 79, 989).bid_reason, Reason::Cooldown);
    assert_eq!(alerts(&mut g).last(), Some(&AlertKind::RolledOver));
    assert_eq!(pass(&mut g, DAY_S + 80, DAY_S + 80, 989).bid_reason, Reason::Quoted);
    assert_eq!(g.snapshot(Nanos::secs(DAY_S)).day, 1);
}

#[test]
fn what_lies_ahead_of_a_clock_that_was_set_back_does_not_count() {
    let mut g = gate(AssetParams::default());
    (0..5).for_each(|_| g.on_venue(Nanos::secs(5_000), &rejected(RejectReason::Margin)));
    g.approve(Nanos::secs(5_000), target(1000));
    let t = *g.approve(Nanos::secs(1_000), target(1500)).get();
    assert_eq!(t.bid_reason, Reason::Quoted, "no move within a second");
    (0..5).for_each(|_| g.on_venue(Nanos::secs(1_000), &rejected(RejectReason::Margin)));
    assert!(!g.breaks().any());
    assert_eq!(g.snapshot(Nanos::secs(1_000)).errors(), [Nanos::secs(1_000); 5]);
}

#[test]
fn a_cool_down_lasts_as_long_as_it_should_when_the_clock_is_set_back() {
    let mut g = gate(AssetParams::default());
    g.approve(Nanos::secs(7_200), target(1000));
    (0..6).for_each(|_| g.on_venue(Nanos::secs(7_200), &rejected(RejectReason::Margin)));
    g.approve(Nanos::secs(3_600), target(1000));
    assert_eq!(held(&g), [(BreakWhy::ApiErrors, BreakEnd::At(Nanos::secs(3_720)))]);
    assert_eq!(pass(&mut g, 3_601, 3_719, 1000).bid_reason, Reason::Cooldown);
    assert_eq!(pass(&mut g, 3_720, 3_720, 1000).bid_reason, Reason::Quoted);
}

#[test]
fn limits_that_cannot_be_held_are_not_quoted_with() {
    let whole = at_once();
    let with = |change: fn(&mut RiskLimits)| {
        let mut params = whole;
        change(&mut params.risk);
        params
    };
    let cases = [
        with(|l| l.max_position_usd = Usd::ZERO),
        with(|l| l.max_total_position_usd = Usd::ZERO),
        with(|l| l.capital_usd = Usd::ZERO),
        with(|l| l.max_daily_loss_frac = 0.0),
        with(|l| l.max_drawdown_frac = f64::NAN),
        with(|l| l.large_move_frac = f64::INFINITY),
        with(|l| l.max_position_usd = Usd::from_raw(i64::MIN)),
        with(|l| l.max_api_errors = u32::MAX),
        with(|l| l.large_move_cooldown = Nanos(-1)),
    ];
    for (i, params) in cases.into_iter().enumerate() {
        let mut g = gate(params);
        g.on_venue(Nanos::ZERO, &buy(100, "6"));
        let t = *g.approve(Nanos::ZERO, target(100)).get();
        assert_eq!(Side::BOTH.map(|s| t.reason(s)), [Reason::ParamInvalid; 2], "case {i}");
        (0..9).for_each(|_| g.on_venue(Nanos::ZERO, &rejected(RejectReason::Margin)));
        let t = *g.approve(Nanos::millis(500), target(1)).get();
        assert_eq!(Side::BOTH.map(|s| t.reason(s)), [Reason::ParamInvalid; 2], "case {i}");
        g.risk_state(AssetId::new(0));
        g.set_params(AssetId::new(0), &whole);
        let t = *g.approve(Nanos::secs(200), target(1)).get();
        assert_eq!(t.ask_reason, Reason::Halted, "case {i}: 594 of 500 are lost");
        g.rearm(Nanos::secs(200));
        assert_eq!(g.risk_state(AssetId::new(0)), RiskState::Safe, "case {i}");
    }
}

#[test]
fn mids_that_are_none_poison_nothing() {
    let mut g = gate(AssetParams::default());
    g.approve(Nanos::ZERO, target(1000));
    g.on_venue(Nanos::ZERO, &buy(1000, "0.5"));
    for mid in [None, Some(0), Some(-1), Some(i64::MIN)] {
        let mid = mid.map(Px::from_raw);
        g.approve(Nanos::millis(100), QuoteTarget { mid, ..target(1000) });
        assert_eq!((g.net(), g.breaks().any()), (Usd::ZERO, false), "{mid:?}");
    }
    let mid = Some(Px::from_raw(i64::MAX));
    g.approve(Nanos::millis(200), QuoteTarget { mid, ..target(1000) });
    assert_eq!(alerts(&mut g), [AlertKind::LargeMove]);
}

#[test]
fn a_position_that_was_found_counts_from_its_mark() {
    let mut g = gate(AssetParams::default());
    let opening = VenueEventKind::Opening { position: Qty::whole(3), mark: Px::whole(300) };
    g.on_venue(Nanos::ZERO, &event(opening));
    assert_eq!(g.net(), Usd::ZERO, "before any market is seen");
    g.approve(Nanos::ZERO, target(290));
    assert_eq!(g.net(), Usd::whole(-30));
}

#[test]
fn states_are_told_by_position_and_by_limits() {
    let x = AssetId::new(0);
    let mut g = gate(AssetParams::default());
    assert_eq!(g.risk_state(x), RiskState::Safe, "no mark yet");
    g.approve(Nanos::ZERO, target(100));
    g.on_venue(Nanos::ZERO, &buy(100, "9.69"));
    assert_eq!(g.risk_state(x), RiskState::Safe, "11 USD of 980 are left");
    g.on_venue(Nanos::ZERO, &buy(100, "0.02"));
    assert_eq!(g.risk_state(x), RiskState::PositionLimit, "9 USD are no order");
    let t = *g.approve(Nanos::ZERO, target(100)).get();
    assert_eq!((t.bid_reason, t.ask_reason), (Reason::PositionLimit, Reason::Quoted));
    // The limit of all together counts too.
    let mut params = AssetParams::default();
    params.risk.max_position_usd = Usd::whole(2_000);
    params.risk.max_total_position_usd = Usd::whole(985);
    g.set_params(x, &params);
    assert_eq!(g.risk_state(x), RiskState::PositionLimit);
    params.risk.max_total_position_usd = Usd::whole(1_500);
    g.set_params(x, &params);
    assert_eq!(g.risk_state(x), RiskState::Safe);
}

#[test]
fn a_volatility_around_the_threshold_is_one_event() {
    let mut g = gate(AssetParams::default());
    let mut at = |ms: i64, vol: i64, slow: i64| {
        let t = QuoteTarget { vol_bps_e6: vol, vol_slow_bps_e6: slow, ..target(1000) };
        g.approve(Nanos::millis(ms), t);
        g.next_alert()
    };
    assert_eq!(at(0, 31, 10), Some((Some(AssetId::new(0)), AlertKind::VolEmergency)));
    for i in 1..100 {
        assert_eq!(at(i * 500, 30 + i % 2, 10), None);
    }
    assert_eq!(at(79_400, -1, -1), None);
    assert_eq!(at(79_500, 30, 10), Some((Some(AssetId::new(0)), AlertKind::VolCalm)));
    for unknown in [(-1, 10), (100, -1), (100, 0), (-100, -10)] {
        assert_eq!(at(80_000, unknown.0, unknown.1), None, "{unknown:?}");
    }
}

/// What is kept, with some of everything.
fn kept() -> RiskSnapshot {
    let mut kept = RiskSnapshot {
        day_profit: Usd::whole(-30),
        below_peak: Usd::whole(70),
        ..RiskSnapshot::new(Nanos::secs(DAY_S + 100))
    };
    kept.push_error(Nanos::secs(DAY_S + 90));
    kept.push_error(Nanos::secs(DAY_S + 99));
    kept
}

fn restored(kept: &RiskSnapshot, now_s: i64, rearm: DailyLossRearm) -> Gate {
    let mut params = at_once();
    params.risk.capital_usd = Usd::whole(1_000);
    params.risk.daily_loss_rearm = rearm;
    let mut g = gate(params);
    g.restore(kept, Nanos::secs(now_s));
    g
}

#[test]
fn losses_of_the_day_and_from_the_peak_go_on() {
    let now_s = DAY_S + 200;
    let mut g = restored(&kept(), now_s, DailyLossRearm::Manual);
    assert_eq!(g.snapshot(kept().time), kept());
    g.approve(Nanos::secs(now_s), target(100));
    g.on_venue(Nanos::secs(now_s), &buy(100, "5"));
    let t = *g.approve(Nanos::secs(now_s + 2), target(96)).get();
    assert_eq!(t.bid_reason, Reason::Quoted, "30 + 20 of 50");
    g.approve(Nanos::secs(now_s + 4), target(95));
    assert_eq!(alerts(&mut g).last(), Some(&DAILY_LOSS));
    g.approve(Nanos::secs(now_s + 6), target(93));
    assert_eq!(alerts(&mut g).last(), Some(&DRAWDOWN), "70 + 35 of 100");
    // Another day: only the distance from the peak counts on.
    let mut g = restored(&kept(), 2 * DAY_S, DailyLossRearm::Manual);
    let at_start = g.snapshot(Nanos::secs(2 * DAY_S));
    assert_eq!((at_start.day_profit, at_start.below_peak), (Usd::ZERO, Usd::whole(70)));
    assert_eq!(alerts(&mut g), []);
}

#[test]
fn a_halt_survives_and_a_cool_down_is_never_longer_than_its_limit() {
    let mut broken = kept();
    broken.breaks.set(BreakWhy::Drawdown, Some(BreakEnd::Manual));
    broken.breaks.set(BreakWhy::DailyLoss, Some(BreakEnd::Manual));
    broken.breaks.set(BreakWhy::LargeMove, Some(BreakEnd::At(Nanos::secs(DAY_S + 290))));
    let end = |g: &Gate, why| g.breaks().get(why);
    let at = |s| Some(BreakEnd::At(Nanos::secs(s)));
    let mut g = restored(&broken, DAY_S + 200, DailyLossRearm::Rollover);
    assert_eq!(end(&g, BreakWhy::Drawdown), Some(BreakEnd::Manual));
    assert_eq!(end(&g, BreakWhy::DailyLoss), Some(BreakEnd::Rollover), "as it is configured now");
    assert_eq!(end(&g, BreakWhy::LargeMove), at(DAY_S + 290));
    assert_eq!(alerts(&mut g), [AlertKind::Restored]);
    // The clock was set back by more than a day: what is ahead counts as today.
    let mut g = restored(&broken, 10, DailyLossRearm::Rollover);
    assert_eq!(end(&g, BreakWhy::LargeMove), at(310));
    assert_eq!(end(&g, BreakWhy::DailyLoss), Some(BreakEnd::Rollover));
    let now = g.snapshot(Nanos::secs(10));
    assert_eq!((now.day, now.day_profit, now.errors()), (0, Usd::whole(-30), &[][..]));
    assert_eq!(alerts(&mut g), [AlertKind::Restored]);
    // A day later the daily loss is over by itself.
    let mut g = restored(&broken, 2 * DAY_S, DailyLossRearm::Rollover);
    assert_eq!(end(&g, BreakWhy::DailyLoss), None);
    assert_eq!(alerts(&mut g), [AlertKind::RolledOver, AlertKind::Restored]);
}

#[test]
fn a_cool_down_that_ended_between_two_runs_is_over() {
    let mut broken = kept();
    broken.breaks.set(BreakWhy::ApiErrors, Some(BreakEnd::At(Nanos::secs(DAY_S + 150))));
    let mut g = restored(&broken, DAY_S + 150, DailyLossRearm::Manual);
    assert_eq!(g.approve(Nanos::secs(DAY_S + 151), target(100)).get().bid_reason, Reason::Quoted);
    assert_eq!(alerts(&mut g), [AlertKind::Recovered]);
}
