//! A moment is decided on whole: however many events reach us at one time, and whatever the bounds of
//! polls and rings are, each asset is decided on at most once then, and from all of them.
#![allow(clippy::unwrap_used, missing_docs)]

mod coins;
mod world;

use botmm_pipeline::types::*;
use botmm_pipeline::venue::sim::latency::LatencyModel;
use botmm_pipeline::venue::tape::Tape;
use std::collections::HashMap;
use world::{START, Setup, replay, replay_of};

const BTC: usize = 0;

fn at(ms: i64) -> Nanos {
    START + Nanos::millis(ms)
}

/// A book or a touch around a mid of so many dollars, in the venue's block `ms`.
fn book(ms: i64, recv_time: Nanos, mid: i64) -> MarketEvent {
    let mut book = BookSnapshot { venue_time: at(ms), recv_time, ..BookSnapshot::EMPTY };
    (book.bid_count, book.ask_count) = (1, 1);
    (book.bids[0], book.asks[0]) = around(mid);
    MarketEvent::Book(book)
}
fn touch(ms: i64, recv_time: Nanos, mid: i64) -> MarketEvent {
    let (bid, ask) = around(mid);
    MarketEvent::Bbo(Bbo { venue_time: at(ms), recv_time, bid, ask, ..Bbo::default() })
}
fn around(mid: i64) -> (Level, Level) {
    let level = |px| Level { px: Px::whole(px), qty: Qty::whole(1) };
    (level(mid - 5), level(mid + 5))
}
/// A print far from everybody.
fn trade(ms: i64, recv_time: Nanos, tid: u64) -> MarketEvent {
    let px = Px::whole(100_000);
    let (qty, venue_time) = (Qty::whole(1), at(ms));
    MarketEvent::Trade(Trade { venue_time, recv_time, px, qty, tid, ..Trade::default() })
}

/// Decisions and orders of BTC at one moment.
fn at_moment(records: &[Record], time: Nanos) -> (Vec<QuoteTarget>, usize) {
    let decisions = records.iter().filter_map(|r| match r {
        Record::Commentary(Commentary::Decision(t)) if t.time == time && t.asset.index() == BTC => {
            Some(*t)
        }
        _ => None,
    });
    let sent = records
        .iter()
        .filter(|r| matches!(r, Record::Commentary(Commentary::Action(a)) if a.sent_time == time));
    (decisions.collect(), sent.count())
}

/// Ten seconds of a quiet market, and then a recorder that lets go of everything at one moment.
fn quiet_then(burst: impl IntoIterator<Item = MarketEvent>, end: Nanos) -> Vec<Record> {
    let quiet = (0..100).map(|i| book(100 * i, at(100 * i), 100_000));
    let mut setup = Setup::new(1, 1);
    setup.span = end - START;
    replay_of(&setup, Tape::build(quiet.chain(burst)), |stage| stage, |_, _| {}).records
}

/// More events than any poll or ring takes at once, received at the very moment at which the next
/// quote is due.
#[test]
fn a_moment_of_any_size_is_one_decision_from_all_of_it() {
    let moment = at(10_000);
    for size in [1, 63, 64, 65, 500, 513, 2_000] {
        let touches = (0..size).map(|i| touch(9_900, moment, 100_000 + i % 7));
        let records = quiet_then(touches.chain([touch(9_901, moment, 100_050)]), moment);
        let (decisions, sent) = at_moment(&records, moment);
        let mids: Vec<_> = decisions.iter().map(|t| t.mid).collect();
        assert_eq!(mids, [Some(Px::whole(100_050))], "{size} touches before the last one");
        assert!(sent <= 3, "{size} touches: {sent} actions");

        // Trades move no book: what they hold up is the touch behind them.
        let trades = (0..size).map(|i| trade(9_900, moment, i as u64 + 1));
        let records = quiet_then(trades.chain([touch(9_901, moment, 100_050)]), moment);
        let (decisions, _) = at_moment(&records, moment);
        let mids: Vec<_> = decisions.iter().map(|t| t.mid).collect();
        assert_eq!(mids, [Some(Px::whole(100_050))], "{size} trades before the touch");
    }
}

/// News of a block and the answer to an order that it filled come together when both take equally
/// long: whoever quotes then knows of the fill.
#[test]
fn a_decision_knows_the_fills_of_its_moment() {
    let mut together = 0;
    for seed in 0..4 {
        let mut setup = Setup::new(seed, 4);
        setup.latency = LatencyModel::Constant(Nanos::millis(80)); // As the feed of a replay.
        (setup.params.fee_floor, setup.params.min_spread_bps) = (false, 0.2);
        setup.params.vol_multiplier = 0.1;
        let records = replay(&setup, |stage| stage, |_, _| {}).records;
        let mut fills: HashMap<(usize, Nanos), Qty> = HashMap::new();
        for record in &records {
            if let Record::Fact(Fact::Fill { asset, time, fill, .. }) = record {
                let sum = fills.entry((asset.index(), *time)).or_insert(Qty::ZERO);
                *sum += fill.side.signed(fill.qty);
            }
        }
        let mut positions = [Qty::ZERO; 3];
        let mut moments: Vec<_> = fills.into_iter().collect();
        moments.sort_by_key(|((asset, time), _)| (*time, *asset));
        for ((asset, time), qty) in moments {
            positions[asset] += qty;
            let quoted = records.iter().find_map(|r| match r {
                Record::Commentary(Commentary::Terms(t))
                    if t.asset.index() == asset && t.time == time =>
                {
                    Some(t.position)
                }
                _ => None,
            });
            if let Some(position) = quoted {
                assert_eq!(position, positions[asset], "seed {seed}, asset {asset}, {time}");
                together += 1;
            }
        }
    }
    assert!(together > 20, "only {together} quotes at the moment of a fill");
}
