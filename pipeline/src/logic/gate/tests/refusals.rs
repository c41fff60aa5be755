//! Refused requests: a coin's are its own trouble, the account's and several coins' are everybody's.

use super::*;
use crate::coins::universe;

fn a() -> AssetId {
    AssetId::new(0)
}

fn b() -> AssetId {
    AssetId::new(1)
}

fn two_coins() -> Gate {
    Gate::new(universe([("A", 2), ("B", 2)]), &[AssetParams::default(); 2])
}

/// A request of a coin's is refused at a second.
fn refuse(g: &mut Gate, second: i64, asset: AssetId, reason: RejectReason) {
    let event = VenueEvent { asset, ..rejected(reason) };
    g.on_venue(Nanos::secs(second), &event);
}

/// Why a coin's bid is not quoted at a second.
fn reason(g: &mut Gate, second: i64, asset: AssetId) -> Reason {
    let target = QuoteTarget { asset, ..target(100) };
    g.approve(Nanos::secs(second), target).get().bid_reason
}

fn told(g: &mut Gate) -> Vec<(Option<AssetId>, AlertKind)> {
    core::iter::from_fn(|| g.next_alert()).collect()
}

#[test]
fn a_coin_whose_orders_are_refused_pauses_alone_and_longer_each_time() {
    let mut g = two_coins();
    refuse(&mut g, 10, a(), RejectReason::Other);
    refuse(&mut g, 11, a(), RejectReason::Other);
    assert_eq!(reason(&mut g, 11, a()), Reason::Quoted, "twice may be chance");
    refuse(&mut g, 12, a(), RejectReason::Other);
    assert_eq!(told(&mut g), [(Some(a()), AlertKind::CoinPaused)]);
    let mut now = 12;
    for pause in [5, 10, 20, 40, 80, 120, 120] {
        assert_eq!(reason(&mut g, now + pause - 1, a()), Reason::CoinPaused);
        assert_eq!(reason(&mut g, now + pause - 1, b()), Reason::Quoted, "the other goes on");
        now += pause;
        assert_eq!(reason(&mut g, now, a()), Reason::Quoted, "it tries again");
        refuse(&mut g, now, a(), RejectReason::Tick); // And is refused at once.
    }
    assert!(!g.breaks().any());
    assert_eq!(told(&mut g), [], "said once");
    // 120 s of pause, and 120 s without a refusal: the row is over.
    for second in now..now + 239 {
        reason(&mut g, second, a());
    }
    assert_eq!(told(&mut g), []);
    assert_eq!(reason(&mut g, now + 240, a()), Reason::Quoted);
    assert_eq!(told(&mut g), [(Some(a()), AlertKind::PauseOver)]);
}

#[test]
fn one_coin_never_stops_the_others_and_two_do() {
    let mut g = two_coins();
    (0..50).for_each(|_| refuse(&mut g, 10, a(), RejectReason::Other));
    assert!(!g.breaks().any());
    refuse(&mut g, 11, b(), RejectReason::Other);
    refuse(&mut g, 11, b(), RejectReason::Size);
    assert!(!g.breaks().any(), "three of one coin's, and two");
    refuse(&mut g, 12, b(), RejectReason::Other);
    assert_eq!(held(&g), [(BreakWhy::ApiErrors, BreakEnd::At(Nanos::secs(132)))]);
    assert_eq!(reason(&mut g, 13, a()), Reason::Cooldown, "before it is said that it pauses");
}

#[test]
fn a_person_who_rearms_lets_paused_coins_try_again() {
    let mut g = two_coins();
    (0..3).for_each(|_| refuse(&mut g, 10, a(), RejectReason::Other));
    assert_eq!(reason(&mut g, 11, a()), Reason::CoinPaused);
    g.rearm(Nanos::secs(12));
    assert_eq!(reason(&mut g, 12, a()), Reason::Quoted);
}

#[test]
fn items_of_one_request_count_once() {
    let mut g = two_coins();
    for second in [10, 11] {
        for is_counted in [true, false, false, false] {
            let reject =
                Reject { is_counted, ..Reject::new(ActionKind::Place, RejectReason::Tick) };
            g.on_venue(Nanos::secs(second), &event(VenueEventKind::Reject(reject)));
        }
    }
    assert_eq!(reason(&mut g, 12, a()), Reason::Quoted, "two requests of four items");
}

#[test]
fn a_liquidation_of_ours_halts_until_a_person_rearms() {
    let fill =
        Fill { px: Px::whole(100), qty: Qty::whole(1), is_liquidation: true, ..Fill::default() };
    let fill = VenueEventKind::Fill(fill);
    let notice = VenueEventKind::Notice(AlertKind::Liquidated);
    let halted_by = |heard: &[VenueEventKind]| {
        let mut g = two_coins();
        heard.iter().for_each(|kind| g.on_venue(Nanos::secs(1), &event(*kind)));
        assert_eq!(told(&mut g), [(None, AlertKind::Liquidated)], "said once");
        assert_eq!(held(&g), [(BreakWhy::Liquidation, BreakEnd::Manual)]);
        assert_eq!(reason(&mut g, 100_000, b()), Reason::Halted);
        g
    };
    // Whichever of its words comes.
    halted_by(&[fill]);
    halted_by(&[notice]);
    let g = halted_by(&[fill, notice]);
    let kept = g.snapshot(Nanos::secs(100_000));
    let mut next = two_coins();
    next.restore(&kept, Nanos::secs(200_000));
    assert_eq!(reason(&mut next, 200_000, a()), Reason::Halted, "over restarts too");
    next.rearm(Nanos::secs(200_001));
    assert_eq!(reason(&mut next, 200_001, a()), Reason::Quoted);
}
