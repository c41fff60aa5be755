//! TWAP orders: when their slices come, what they take, what ends them.

use super::*;

fn twap(side: Side, size: &str, minutes: u64) -> NewTwap {
    let qty = Some(qty(size));
    NewTwap { asset: 3, side, qty, reduce_only: false, minutes, randomize: false }
}

impl World {
    fn twap(&mut self, new: NewTwap) -> Result<u64, Refusal> {
        match self.ask(1, Command::TwapOrder(new)) {
            Answer::TwapOrder(done) => done,
            other => panic!("{other:?}"),
        }
    }

    fn running(&self) -> Vec<(u64, Twap)> {
        self.venue.twaps(&user(1))
    }

    fn last(&self) -> TwapStatus {
        self.venue.twap_history(&user(1)).last().unwrap().status.clone()
    }
}

#[test]
fn slices_come_every_half_minute_until_all_is_bought() {
    let mut w = World::new();
    let id = w.twap(twap(Side::Bid, "5", 5)).unwrap();
    w.pass(Nanos::millis(200));
    let mut held = vec![w.szi(1)];
    for _ in 0..9 {
        w.pass(Nanos::secs(30));
        held.push(w.szi(1));
    }
    let each: Vec<Qty> = (1..=10).map(|n| Qty::from_raw(n * 50_000_000)).collect();
    assert_eq!(held, each);
    assert_eq!((w.running(), w.last()), (vec![], TwapStatus::Finished));
    let fills = w.venue.fills(&user(1));
    assert!(fills.iter().all(|f| f.twap_id == Some(id) && f.crossed));
    let change = w.venue.twap_history(&user(1)).into_iter().last().unwrap().clone();
    let value: Usd = fills.iter().map(|f| botmm_pipeline::types::notional(f.px, f.qty)).sum();
    assert_eq!((change.twap.executed, change.twap.executed_value), (Qty::whole(5), value));
}

/// Only what stands within three percent is taken, and only so much at once.
#[test]
fn what_a_slice_did_not_get_is_made_up_for() {
    let mut w = World::new();
    // The touch is 1 % from the mid: eleven of twenty stand there. Then 102 is left, within 3 %.
    w.twap(twap(Side::Bid, "40", 5)).unwrap();
    w.pass(Nanos::secs(400));
    assert_eq!(w.szi(1), Qty::whole(20), "all there was within the limit");
    assert_eq!((w.running(), w.last()), (vec![], TwapStatus::Finished));

    let mut w = World::new();
    w.order(3, bid(Tif::Ioc, "102", "20"));
    w.twap(twap(Side::Bid, "10", 5)).unwrap();
    w.pass(Nanos::secs(100));
    assert_eq!(w.szi(1), Qty::ZERO, "nobody sells");
    w.order(2, ask(Tif::Alo, "100", "100"));
    w.pass(Nanos::secs(30));
    assert_eq!(w.szi(1), Qty::whole(3), "three slices at once, of five that are due");
}

#[test]
fn it_is_cancelled_by_its_owner_and_ends_with_a_position_that_it_reduces() {
    let mut w = World::new();
    let id = w.twap(twap(Side::Bid, "5", 5)).unwrap();
    w.pass(Nanos::secs(40));
    let cancel = |asset, id| Command::TwapCancel(asset, id);
    let missing = Answer::TwapCancel(Err(Refusal::TwapMissing));
    assert_eq!(w.ask(2, cancel(3, id)), missing, "somebody else");
    assert_eq!(w.ask(1, cancel(13, id)), missing, "another asset");
    assert_eq!(w.ask(1, cancel(3, id)), Answer::TwapCancel(Ok(())));
    assert_eq!((w.last(), w.ask(1, cancel(3, id))), (TwapStatus::Terminated, missing));
    let held = w.szi(1);
    w.pass(Nanos::secs(60));
    assert_eq!(w.szi(1), held);

    let reducing = NewTwap { reduce_only: true, ..twap(Side::Ask, "5", 5) };
    w.twap(reducing).unwrap();
    w.pass(Nanos::secs(120));
    assert_eq!(w.szi(1), Qty::ZERO);
    assert_eq!(w.last(), TwapStatus::Error(Refused::ReduceOnly.into()));
}

#[test]
fn a_liquidation_ends_it() {
    let mut w = World::new();
    w.twap(twap(Side::Bid, "5", 5)).unwrap();
    w.twap(twap(Side::Ask, "5", 5)).unwrap();
    w.ask(2, Command::TwapOrder(twap(Side::Bid, "5", 5)));
    w.pass(Nanos::secs(40));
    w.order(1, bid(Tif::Ioc, "102", "3"));
    w.venue.force_liquidation(btc());
    w.pass(Nanos::millis(80));
    assert_eq!((w.running(), w.last(), w.szi(1)), (vec![], TwapStatus::Terminated, Qty::ZERO));
    w.pass(Nanos::secs(60));
    assert_eq!(w.szi(1), Qty::ZERO, "nothing is sliced any more");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut w = World::new();
    for (new, want) in [
        (twap(Side::Bid, "5", 4), Refusal::TwapDuration(4)),
        (twap(Side::Bid, "5", 1_441), Refusal::TwapDuration(1_441)),
        (twap(Side::Bid, "5", u64::MAX), Refusal::TwapDuration(u64::MAX)),
        (twap(Side::Bid, "0", 5), Refused::InvalidSize.into()),
        (twap(Side::Bid, "0.0001", 5), Refused::InvalidSize.into()),
        (twap(Side::Bid, "0.9", 5), Refused::MinNotional.into()),
        (NewTwap { asset: 4, ..twap(Side::Bid, "5", 5) }, Refused::InvalidAsset.into()),
        (NewTwap { reduce_only: true, ..twap(Side::Bid, "5", 5) }, Refused::ReduceOnly.into()),
    ] {
        assert_eq!(w.twap(new), Err(want), "{new:?}");
    }
    assert_eq!(w.running(), []);
}

#[test]
fn random_slices_come_later_and_end_in_time() {
    let mut w = World::new();
    w.twap(NewTwap { randomize: true, ..twap(Side::Bid, "5", 5) }).unwrap();
    w.pass(Nanos::secs(310));
    let times: Vec<Nanos> = w.venue.fills(&user(1)).iter().map(|f| f.time).collect();
    let gaps: Vec<i64> = times.windows(2).map(|t| (t[1] - t[0]).as_millis()).collect();
    assert_eq!(times.len(), 10);
    assert!(gaps.iter().any(|ms| (ms - 30_000).abs() > 500), "{gaps:?}");
    assert!(gaps.iter().all(|ms| (19_000..41_000).contains(ms)), "{gaps:?}");
    assert_eq!(w.szi(1), Qty::whole(5));
}
