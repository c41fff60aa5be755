use super::*;
use crate::types::params::Strategy;
use crate::types::{BookState, Bps, Level, QuoteModel};

const START: Nanos = Nanos::secs(1_757_000_000);

fn desk(params: &AssetParams) -> Desk {
    Desk::new(crate::coins::coin("ETH", 4), params)
}

fn params() -> AssetParams {
    AssetParams {
        maker_fee: Bps::from_f64(1.5),
        fair_price: FairPrice::Microprice,
        arrival_rate_per_s: 0.0,
        arrival_decay_per_bps: 0.0,
        ..AssetParams::default()
    }
}

/// A book a few cents around a mid of whole dollars.
fn view(now: Nanos, mid: i64) -> BookView {
    let px = |cents: i64| Px::from_raw(Px::whole(mid).raw() + cents * 1_000_000);
    BookView {
        state: BookState::Ok,
        venue_time: now,
        recv_time: now,
        bid: Level { px: px(-10), qty: Qty::whole(1) },
        ask: Level { px: px(10), qty: Qty::whole(1) },
        mid: Some(Px::whole(mid)),
        microprice: Some(Px::whole(mid)),
        vol_bps_e6: 4_000_000,
        vol_slow_bps_e6: 4_000_000,
        ..BookView::default()
    }
}

/// Shows a view and decides.
fn quote_at(desk: &mut Desk, now: Nanos, mid: i64) -> Option<Quote> {
    let view = view(now, mid);
    desk.on_block(now, &view, |_| {});
    desk.on_view(&view);
    decide(desk, now)
}

/// Decides, on a link that brings news all the time.
fn decide(desk: &mut Desk, now: Nanos) -> Option<Quote> {
    let mut pulse = Pulse::default();
    for at in [now - Nanos::secs(1), now] {
        pulse.on_view(&view(at, 1), Nanos::secs(2));
    }
    desk.decide(now, 0, &pulse, [None; LEADERS])
}

fn is_quoted(quote: &Quote) -> bool {
    Side::BOTH.iter().all(|side| quote.target.reason(*side) == Reason::Quoted)
}

/// Minutes that go up without a rest.
fn rising(minutes: i64) -> impl Iterator<Item = Candle> {
    (0..minutes).map(move |n| {
        let time = START - Nanos::secs(60 * (minutes - n));
        let px = |extra| Px::whole(2_000 + 10 * n + extra);
        Candle { open_time: time, open: px(0), high: px(10), low: px(0), close: px(10) }
    })
}

#[test]
fn decisions_come_soon_after_a_change_and_at_the_latest_after_a_tick() {
    let mut d = desk(&params());
    assert_eq!((d.due(), decide(&mut d, START).is_some()), (None, false), "nothing is known");
    assert!(quote_at(&mut d, START, 3_000).is_some_and(|q| is_quoted(&q)));
    assert!(quote_at(&mut d, START + Nanos::millis(50), 3_001).is_none());
    assert_eq!(d.due(), Some(START + Nanos::millis(100)));
    assert!(decide(&mut d, START + Nanos::millis(100)).is_some());
    assert_eq!(d.due(), Some(START + Nanos::millis(1_100)));
}

/// A side without an edge is not filled, so that no fill of its own could say that there is one by now: the
/// market's do.
#[test]
fn a_side_that_was_shut_opens_by_what_takers_leave_to_makers() {
    let fair_price = FairPrice::Mid;
    let maker_fee = Bps::from_f64(0.0);
    let mut d = desk(&AssetParams { use_edge: true, fair_price, maker_fee, ..params() });
    let mut bid = |s: i64| {
        let now = START + Nanos::secs(s);
        let view = BookView { taken: [now, Nanos::ZERO], ..view(now, 3_000) };
        d.on_block(now, &view, |_| {});
        d.on_view(&view);
        decide(&mut d, now).unwrap().target.reason(Side::Bid)
    };
    // Half of the market's spread is assumed to be lost, and that is all there is.
    assert_eq!(bid(0), Reason::NoEdge);
    // But the mid stands still after each taking.
    let reasons: Vec<Reason> = (1..300).map(bid).collect();
    assert_eq!(reasons.last(), Some(&Reason::Quoted));
}

#[test]
fn without_candles_it_quotes_and_the_signal_is_none() {
    let mut d = desk(&params());
    d.on_candles_done(Series::Signal);
    let quote = quote_at(&mut d, START, 3_000).unwrap();
    assert!(is_quoted(&quote) && !d.signals().view().is_ready);
    assert_eq!((quote.terms.signal, quote.terms.score_e6), (0, 0));
    // Nor do candles that cannot be make a signal.
    for _ in 0..100 {
        d.on_candle(Series::Signal, &Candle::flat(START, Px::ZERO));
        d.on_candle(
            Series::Atr,
            &Candle { low: Px::whole(9), ..Candle::flat(START, Px::whole(1)) },
        );
    }
    assert!(quote_at(&mut d, START + Nanos::secs(1), 3_000).is_some_and(|q| is_quoted(&q)));
}

#[test]
fn candles_of_before_make_the_signal_ready_at_once() {
    let leaning = AssetParams { bias_strength: 0.2, ..params() };
    let mut d = desk(&leaning);
    rising(100).for_each(|c| d.on_candle(Series::Signal, &c));
    d.on_candles_done(Series::Signal);
    let up = quote_at(&mut d, START, 3_000).unwrap();
    assert_eq!((d.signals().view().is_ready, up.terms.signal), (true, 1));
    let flat = quote_at(&mut desk(&leaning), START, 3_000).unwrap();
    assert!(up.target.bids[0].px > flat.target.bids[0].px, "it leans with the signal");
}

#[test]
fn a_clock_that_jumps_neither_stops_nor_breaks_it() {
    let mut d = desk(&AssetParams { strategy: Strategy::Adaptive, ..params() });
    for s in 0..120 {
        quote_at(&mut d, START + Nanos::secs(s), 3_000 + s % 3);
    }
    let fill = Fill { px: Px::whole(3_000), qty: Qty::from_raw(1_000_000), ..Fill::default() };
    let now = START + Nanos::secs(120);
    d.on_fill(now, now, &fill, |_| {});
    for jump_s in [-3_600, 86_400, -2 * 86_400, 400 * 86_400, 0] {
        for s in 0..5 {
            let now = START + Nanos::secs(jump_s + s);
            let quote = quote_at(&mut d, now, 3_000);
            assert!(quote.is_some_and(|q| is_quoted(&q)), "{jump_s} s, then {s} s");
        }
    }
}

#[test]
fn other_parameters_hold_from_the_next_decision_on() {
    let mut d = desk(&params());
    let before = quote_at(&mut d, START, 3_000).unwrap();
    let wide = AssetParams { min_spread_bps: 20.0, ..params() };
    d.set_params(&wide);
    let after = decide(&mut d, START + Nanos::millis(1)).unwrap();
    let away = |q: &Quote| (q.target.mid.unwrap() - q.target.bids[0].px).to_f64() / 3_000.0 * 1e4;
    assert!(away(&before) < 4.0 && (10.0..10.5).contains(&away(&after)));
    d.set_params(&AssetParams { model: QuoteModel::Glft, ..params() });
    let waits = decide(&mut d, START + Nanos::millis(2)).unwrap();
    assert_eq!(waits.target.bid_reason, Reason::Warmup, "arrivals are not known");
    d.set_params(&AssetParams { max_spread_bps: f64::INFINITY, ..params() });
    let broken = decide(&mut d, START + Nanos::millis(3)).unwrap();
    assert_eq!(broken.target.bid_reason, Reason::ParamInvalid);
}

#[test]
fn what_is_not_listed_is_not_quoted() {
    let mut d = desk(&params());
    d.set_listing(Listing::Gone);
    let gone = quote_at(&mut d, START, 3_000).unwrap();
    assert_eq!(gone.target.ask_reason, Reason::NotInUniverse);
    d.set_listing(Listing::GridChanged);
    let other = decide(&mut d, START + Nanos::millis(100)).unwrap();
    assert_eq!(other.target.bid_reason, Reason::GridChanged);
    d.set_listing(Listing::Listed);
    assert!(decide(&mut d, START + Nanos::millis(200)).is_some_and(|q| is_quoted(&q)));
}

#[test]
fn toxic_fills_pull_their_side_until_it_is_forgotten() {
    let mut p = params();
    (p.toxicity.use_toxicity, p.toxicity.toxicity_alpha) = (true, 1.0);
    let mut d = desk(&p);
    quote_at(&mut d, START - Nanos::secs(1), 3_000);
    let fill = Fill { px: Px::whole(3_000), qty: Qty::from_raw(1_000_000), ..Fill::default() };
    d.on_fill(START, START, &fill, |_| {});
    let before = quote_at(&mut d, START + Nanos::secs(4), 2_990).unwrap();
    assert_eq!(before.target.bid_reason, Reason::Quoted, "not measured yet");
    let after = quote_at(&mut d, START + Nanos::secs(5), 2_990).unwrap();
    assert_eq!((after.target.bid_reason, after.target.ask_reason), (Reason::Toxic, Reason::Quoted));
    let later = quote_at(&mut d, START + Nanos::secs(900), 2_990).unwrap();
    assert_eq!(later.target.bid_reason, Reason::Quoted);
}

#[test]
fn a_leaders_move_is_of_the_second_up_to_a_moment_and_of_one_that_stops_there_is_none() {
    let mut leader = desk(&params());
    for (ms, mid) in [(0, 2_000), (500, 2_001), (1_500, 2_004)] {
        let at = START + Nanos::millis(ms);
        leader.on_block(at, &view(at, mid), |_| {});
        leader.on_view(&view(at, mid));
    }
    let mut pulse = Pulse::default();
    let now = START + Nanos::millis(1_500);
    for at in [now - Nanos::secs(1), now] {
        pulse.on_view(&view(at, 1), Nanos::secs(2));
    }
    let moved = |until, pulse: &Pulse| leader.moved(now, START + Nanos::millis(until), pulse);
    // From the block before that second began, to what is known now.
    assert!((moved(1_500, &pulse).unwrap() - 20.0).abs() < 1e-9);
    assert!((moved(1_600, &pulse).unwrap() - 3.0 / 2_001.0 * 1e4).abs() < 1e-9);
    assert_eq!(moved(500, &pulse), None, "what was a second before is not known");
    let late = now + Nanos::secs(60);
    assert_eq!(leader.moved(late, now, &pulse), None, "it stopped");
}
