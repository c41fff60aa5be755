//! Loss limits by two marks, the book's and the venue's, and by their age.

use super::tests::{alerts, at_once, buy, gate, target};
use super::*;

/// Long 5 at 1000 with 1000 USD of capital: 50 may be lost in a day, 100 from the peak. Marks and
/// confirmation as by default.
fn long_five() -> Gate {
    let mut params = at_once();
    let defaults = RiskLimits::default();
    (params.risk.loss_confirm, params.risk.mark_max_age) =
        (defaults.loss_confirm, defaults.mark_max_age);
    params.risk.capital_usd = Usd::whole(1_000);
    params.risk.max_position_usd = Usd::whole(10_000);
    params.risk.max_total_position_usd = Usd::whole(10_000);
    params.risk.large_move_frac = 1.0;
    let mut g = gate(params);
    look(&mut g, 0, Some(1000), None);
    g.on_venue(Nanos::ZERO, &buy(1000, "5"));
    g
}

/// A decision with a book of now, or one without a sound mid; and a mark that came at a time (ms).
fn look(g: &mut Gate, ms: i64, mid: Option<i64>, venue: Option<(i64, i64)>) -> Reason {
    let now = Nanos::millis(ms);
    let mut t = target(mid.unwrap_or(1000));
    t.mid = mid.map(Px::whole);
    t.cause.recv_time = now;
    t.venue_mark = venue.map(|(px, ms)| Marked { px: Px::whole(px), time: Nanos::millis(ms) });
    g.approve(now, t).get().bid_reason
}

#[test]
fn a_loss_halts_once_it_has_lasted() {
    let mut g = long_five();
    assert_eq!(g.loss_due(), None);
    assert_eq!(look(&mut g, 2_000, Some(980), None), Reason::Quoted);
    assert_eq!(g.loss_due(), Some(Nanos::secs(3)));
    // A moment better, and it begins anew.
    assert_eq!(look(&mut g, 2_900, Some(1000), None), Reason::Quoted);
    assert_eq!(g.loss_due(), None);
    assert_eq!(look(&mut g, 3_100, Some(980), None), Reason::Quoted);
    assert_eq!(look(&mut g, 4_000, Some(981), None), Reason::Quoted);
    g.on_time(Nanos::millis(4_099));
    assert!(!g.breaks().any());
    g.on_time(Nanos::millis(4_100));
    assert_eq!(alerts(&mut g), [AlertKind::DailyLoss(Marks::Book)], "without another target");
    assert_eq!(g.breaks().marks(crate::types::BreakWhy::DailyLoss), Some(Marks::Book));
    assert_eq!(g.loss_due(), None, "told once");
}

#[test]
fn every_fresh_mark_must_be_beyond() {
    let mut g = long_five();
    for ms in (2_000..=10_000).step_by(500) {
        assert_eq!(look(&mut g, ms, Some(980), Some((1000, 1_000))), Reason::Quoted, "{ms}");
    }
    // The venue's mark is too old now, and the book alone decides.
    assert_eq!(look(&mut g, 11_001, Some(980), Some((1000, 1_000))), Reason::Quoted);
    assert_eq!(look(&mut g, 12_001, Some(980), Some((1000, 1_000))), Reason::Halted);
    assert_eq!(alerts(&mut g), [AlertKind::DailyLoss(Marks::Book)]);

    let mut g = long_five();
    look(&mut g, 2_000, Some(980), Some((985, 2_000)));
    assert_eq!(look(&mut g, 3_000, Some(980), Some((985, 2_000))), Reason::Halted);
    assert_eq!(alerts(&mut g), [AlertKind::DailyLoss(Marks::Both)]);
    assert_eq!(g.net(), Usd::whole(-100), "told by the book");
}

#[test]
fn while_the_book_has_no_mid_the_last_one_stands_until_it_is_too_old() {
    let mut g = long_five();
    look(&mut g, 1_000, Some(1001), None);
    for ms in (2_000..=11_000).step_by(500) {
        look(&mut g, ms, None, Some((900, ms)));
        assert_eq!((g.net(), g.breaks().any()), (Usd::whole(5), false), "{ms}");
    }
    look(&mut g, 11_500, None, Some((900, 11_500)));
    look(&mut g, 12_500, None, Some((900, 12_500)));
    let told = [AlertKind::DailyLoss(Marks::Venue), AlertKind::Drawdown(Marks::Venue)];
    assert_eq!(alerts(&mut g), told);
    // Without a word of either, the last mid is what is known.
    let mut g = long_five();
    look(&mut g, 1_000, Some(980), None);
    g.on_time(Nanos::secs(60));
    assert_eq!(alerts(&mut g), [AlertKind::DailyLoss(Marks::Last)]);
}

#[test]
fn a_price_of_a_moment_or_of_one_mark_is_no_peak() {
    let below = |g: &Gate| g.snapshot(Nanos::secs(9)).below_peak;
    let mut g = long_five();
    look(&mut g, 1_000, Some(1300), None);
    look(&mut g, 1_500, Some(1300), None);
    look(&mut g, 1_900, Some(1000), None);
    assert_eq!(below(&g), Usd::ZERO, "of a moment");
    for ms in (2_000..=9_000).step_by(500) {
        look(&mut g, ms, Some(1300), Some((1000, 2_000)));
    }
    look(&mut g, 9_100, Some(1000), Some((1000, 2_000)));
    assert_eq!(below(&g), Usd::ZERO, "of one mark");
    // It rises to the lowest that lasted.
    look(&mut g, 10_000, Some(1020), None);
    look(&mut g, 10_500, Some(1010), None);
    look(&mut g, 11_000, Some(1015), None);
    look(&mut g, 11_100, Some(1000), None);
    assert_eq!(below(&g), Usd::whole(50));
}

#[test]
fn without_a_time_to_last_the_peak_is_the_highest_profit_seen() {
    let mut params = at_once();
    params.risk.large_move_frac = 1.0;
    let mut g = gate(params);
    look(&mut g, 0, Some(1000), None);
    g.on_venue(Nanos::ZERO, &buy(1000, "5"));
    for (ms, mid) in [(1_000, 1001), (1_100, 1003), (1_200, 1002)] {
        look(&mut g, ms, Some(mid), None);
    }
    assert_eq!(g.snapshot(Nanos::secs(2)).below_peak, Usd::whole(5));
}

#[test]
fn time_that_a_clock_jumps_over_confirms_nothing() {
    let mut g = long_five();
    look(&mut g, 2_000, Some(980), None);
    g.on_time(Nanos::secs(3_600));
    assert!(!g.breaks().any());
    assert_eq!(g.loss_due(), Some(Nanos::secs(3_601)));
    g.on_time(Nanos::secs(5));
    assert_eq!(g.loss_due(), Some(Nanos::secs(6)));
    g.on_time(Nanos::secs(6));
    assert!(g.breaks().any());
}
