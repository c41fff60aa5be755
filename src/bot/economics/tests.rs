//! Half spreads and markouts against plain twins, and the touch where it is not known.

use super::curve::Curve;
use super::market;
use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::types::{
    AssetId, Bbo, FeedChange, FeedStatus, Instrument, Level, MarketEvent, Nanos, Px, Qty, Side,
    Trade, Universe,
};
use botmm_pipeline::venue::tape::Tape;
use proptest::prelude::*;

/// A whole UTC hour, less ten seconds.
const START: i64 = 1_764_000_000 - 10;
const STEP_MS: i64 = 100;

/// Prices in tenths of a dollar; a side without a price is empty.
fn bbo(at: Nanos, bid: Option<i64>, ask: Option<i64>) -> MarketEvent {
    let level = |px: Option<i64>| match px {
        Some(tenths) => Level { px: Px::from_raw(tenths * 10_000_000), qty: Qty::whole(1) },
        None => Level::default(),
    };
    let (bid, ask) = (level(bid), level(ask));
    MarketEvent::Bbo(Bbo { venue_time: at, recv_time: at, bid, ask, ..Bbo::default() })
}

fn trade(at: Nanos, aggressor: Side, px: i64) -> MarketEvent {
    MarketEvent::Trade(Trade {
        asset: AssetId::default(),
        aggressor,
        _pad: [0; 5],
        seq: 0,
        venue_time: at,
        recv_time: at,
        px: Px::whole(px),
        qty: Qty::whole(2),
        tid: at.0 as u64,
    })
}

fn ms(ms: i64) -> Nanos {
    Nanos::secs(START) + Nanos::millis(ms)
}

fn btc() -> Universe {
    Universe::new(vec![Instrument::new("BTC", 0, 5, 40).unwrap()])
}

/// What happens to a touch.
#[derive(Clone, Copy, Debug)]
enum Told {
    /// Bid and ask; equal ones are locked.
    Touch(Option<i64>, Option<i64>),
    Lost,
}

fn told() -> impl Strategy<Value = Told> {
    let px = |from: i64| prop_oneof![8 => (from..from + 6).prop_map(Some), 1 => Just(None)];
    prop_oneof![
        12 => (px(1_000), px(1_004)).prop_map(|(bid, ask)| Told::Touch(bid, ask)),
        1 => Just(Told::Lost),
    ]
}

/// What is known at a moment, from after the events of that moment on, by looking through all of them.
fn plain(all: &[(i64, Told)], at_ms: i64) -> Option<[f64; 2]> {
    let before = || all.iter().filter(|(ms, _)| *ms <= at_ms);
    let newest_told = before().rfind(|(_, t)| matches!(t, Told::Touch(..)))?;
    let (ms, Told::Touch(bid, ask)) = *newest_told else { return None };
    let is_lost_since = before().next_back().is_some_and(|(_, t)| matches!(t, Told::Lost));
    let [bid, ask] = [bid?, ask?].map(|px| px as f64 / 10.0);
    (at_ms - ms < 5_000 && !is_lost_since && bid < ask).then_some([bid, ask])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every tenth of a second looked up by itself, through all events.
    #[test]
    fn time_is_weighed_as_a_clock_would(
        steps in proptest::collection::vec((0_i64..80, told()), 1..40),
        from_bps in 0.0..40.0_f64,
    ) {
        let (mut all, mut at) = (Vec::new(), 0);
        for (step, told) in steps {
            at += step * STEP_MS;
            all.push((at, told));
        }
        let events: Vec<MarketEvent> = all.iter().map(|(at, told)| match *told {
            Told::Touch(bid, ask) => bbo(ms(*at), bid, ask),
            Told::Lost => {
                MarketEvent::Status(FeedStatus::of(FeedChange::Down, AssetId::default(), ms(*at)))
            }
        }).collect();
        // Of one moment a loss is heard last, as the tape has it.
        all.sort_by_key(|(at, told)| (*at, matches!(told, Told::Lost)));
        let seen = market::look(&Tape::build(events), &btc(), 1).remove(0);
        let end = all.last().map_or(0, |(at, _)| *at);
        let half = |[bid, ask]: [f64; 2]| (ask - bid) / (ask + bid) * 1e4;
        let halves: Vec<(i64, f64)> = (0..end / STEP_MS)
            .filter_map(|i| Some((i * STEP_MS, half(plain(&all, i * STEP_MS)?))))
            .collect();
        let known = halves.len() as f64;
        let market = seen.tell(from_bps, 1);
        prop_assert!((market.known_s - known / 10.0).abs() < 1e-9, "{} {known}", market.known_s);
        let share = halves.iter().filter(|(_, h)| *h >= from_bps).count() as f64 / known.max(1.0);
        prop_assert!((market.offered_share - share).abs() < 1e-9);
        let mean = halves.iter().map(|(_, h)| h).sum::<f64>() / known;
        match market.half_spread_bps {
            Some(told) => prop_assert!((told.mean - mean).abs() < 1e-9, "{told:?} {mean}"),
            None => prop_assert!(halves.is_empty()),
        }
        for (hour, spreads) in seen.by_hour() {
            let of_day = |at: i64| (START * 1_000 + at).div_euclid(3_600_000).rem_euclid(24);
            let in_hour: Vec<f64> =
                halves.iter().filter(|(at, _)| of_day(*at) == i64::from(hour)).map(|h| h.1).collect();
            let mean = in_hour.iter().sum::<f64>() / in_hour.len() as f64;
            prop_assert!((spreads.known().as_secs_f64() - in_hour.len() as f64 / 10.0).abs() < 1e-9);
            prop_assert!((spreads.mean().unwrap() - mean).abs() < 1e-9);
        }
    }

    /// The mid before a moment is that of the moment before it.
    #[test]
    fn the_mid_before_a_moment_is_what_the_last_one_left(
        steps in proptest::collection::vec((1_i64..80, told()), 1..40),
        asked in proptest::collection::vec(0_i64..3_300, 1..20),
    ) {
        let (mut all, mut at, mut curve) = (Vec::new(), 0, Curve::default());
        for (step, told) in steps {
            at += step * STEP_MS;
            match told {
                Told::Touch(bid, ask) => curve.add(&bbo(ms(at), bid, ask)),
                Told::Lost => curve.lose(FeedChange::Down, ms(at)),
            }
            all.push((at, told));
        }
        for asked in asked {
            let expected = plain(&all, asked * STEP_MS - 1).map(|[bid, ask]| (bid + ask) / 2.0);
            let told = curve.mid_before(ms(asked * STEP_MS));
            match (told, expected) {
                (Some(told), Some(expected)) => prop_assert!((told - expected).abs() < 1e-9),
                (told, expected) => prop_assert_eq!(told, expected),
            }
        }
    }
}

/// A taker buys at 101 of 99 to 101, and the market is 2 higher a second later, for good; another sells at 101 of
/// 101 to 103, and nothing follows.
#[test]
fn a_trade_costs_its_maker_what_the_mid_does_after_it() {
    let mut events = vec![trade(ms(500), Side::Bid, 101), trade(ms(70_000), Side::Ask, 101)];
    for second in 0..140 {
        let higher = if second < 1 { 0 } else { 20 };
        let at = ms(second * 1_000);
        events.push(bbo(at, Some(990 + higher), Some(1_010 + higher)));
    }
    events.sort_by_key(MarketEvent::venue_time);
    let seen = market::look(&Tape::build(events), &btc(), 1).remove(0);
    let told = seen.tell(1.5, 1);
    assert_eq!((told.trades, told.trades_measured), (2, 2));
    assert_eq!(told.volume_usd.to_string(), "404");
    for horizon in 0..HORIZONS.len() {
        let adverse = told.adverse_bps.0[horizon].unwrap();
        let realised = told.realised_bps.0[horizon].unwrap();
        // 2 of 101 against one maker, and 0 against the other; −1 and +1 are left of it.
        assert!((adverse.mean - 1e4 / 101.0).abs() < 1e-6, "{adverse:?}");
        assert!(realised.mean.abs() < 1e-9 && realised.n == 2, "{realised:?}");
    }
    assert!((told.break_even_bps - 1.5 - 1e4 / 101.0).abs() < 1e-6);
}

#[test]
fn a_market_without_trades_or_without_a_side_says_so() {
    let one_sided: Vec<MarketEvent> =
        (0..20).map(|i| bbo(ms(i * 500), Some(1_000), None)).collect();
    let told = market::look(&Tape::build(one_sided), &btc(), 1).remove(0).tell(1.5, 1);
    assert_eq!((told.known_s, told.half_spread_bps, told.offered_share), (0.0, None, 0.0));
    assert!(told.is_fee_alone && told.offered_hours.is_empty());
    let one = vec![bbo(ms(0), Some(1_000), Some(1_001))];
    let told = market::look(&Tape::build(one), &btc(), 1).remove(0).tell(1.5, 1);
    assert_eq!((told.known_s, told.half_spread_bps), (0.0, None));
    // A minute of silence is not known but for its first five seconds.
    let gap = [0, 60_000, 61_000].map(|at| bbo(ms(at), Some(1_000), Some(1_001)));
    let told = market::look(&Tape::build(gap), &btc(), 1).remove(0).tell(1.5, 1);
    assert!((told.known_s - 6.0).abs() < 1e-9, "{told:?}");
}
