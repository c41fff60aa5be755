use super::coin::{Coin, Rates};
use super::engine::{Engine, Filled, Seen, Step, Terms};
use super::source::fetch;
use crate::data::bars::Bar;
use crate::data::bars::interval::Interval;
use crate::data::bars::series::AllBars;
use crate::exit::AppError;
use crate::report::stats::moments;
use botmm_pipeline::types::{
    AssetId, AssetParams, Bps, Candle, Instrument, Nanos, Px, Qty, QuoteLevel, QuoteTarget, Reason,
    Side, Universe, Usd,
};
use botmm_pipeline::venue::sim::core::funding_cost;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

const START: Nanos = Nanos::secs(1_764_000_000);
const HOUR: Nanos = Nanos::secs(3_600);
/// Of a bar's path.
const STEPS: usize = 48;
const TERMS: Terms = Terms { maker_fee: Bps::from_e8(0), share_e3: 100 };
/// What looks at a bar before it quotes for it.
const CHEATING: [Step; 3] = [Step::Learn, Step::Quote, Step::Fill];

fn hourly() -> Interval {
    Interval::named("1h").unwrap()
}

/// A coin whose prices are whole dollars at 60,000.
fn universe() -> Universe {
    Universe::new(vec![Instrument::new("BTC", 0, 5, 50).unwrap()])
}

fn bar(i: i64, [open, high, low, close]: [i64; 4], volume: i64) -> Bar {
    let open_time = START + Nanos(HOUR.0 * i);
    let [open, high, low, close] = [open, high, low, close].map(Px::whole);
    let candle = Candle { open_time, open, high, low, close };
    let volume = Qty::whole(volume);
    Bar { interval: hourly(), candle, volume, turnover: None, trades: None, recv_time: None }
}

/// Bars of a walk in whole dollars whose steps are as often up as down, from a bar on.
fn walk(seed: u64, from: &[Bar], count: i64) -> Vec<Bar> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut bars = from.to_vec();
    let mut px = from.last().map_or(60_000, |bar| (bar.candle.close.raw() / 100_000_000).max(1));
    while (bars.len() as i64) < count {
        let (open, mut high, mut low) = (px, px, px);
        for _ in 0..STEPS {
            px += random.random_range(-20..=20_i64);
            (high, low) = (high.max(px), low.min(px));
        }
        bars.push(bar(bars.len() as i64, [open, high, low, px], 100));
    }
    bars
}

fn engine<'a>(bars: &'a [Bar], rates: Rates, terms: Terms) -> Engine<'a> {
    let mut engine =
        Engine::new(&universe(), &[AssetParams::default()], vec![(bars, rates)], terms);
    engine.seen = Some(Seen::default());
    engine
}

/// What is quoted and filled, and the profit.
fn result(bars: &[Bar], order: Option<[Step; 3]>) -> (Seen, Usd) {
    let mut engine = engine(bars, Rates::None, TERMS);
    if let Some(order) = order {
        engine = engine.in_order(order);
    }
    engine.run();
    let net = engine.net();
    (engine.seen.unwrap(), net)
}

/// Mean profit before fees over driftless walks, and its standard error; and how many fills there were.
fn gross(seeds: std::ops::Range<u64>, order: Option<[Step; 3]>) -> (f64, f64, usize) {
    let mut fills = 0;
    let nets: Vec<f64> = seeds
        .map(|seed| {
            let (seen, net) = result(&walk(seed, &[], 500), order);
            fills += seen.fills.len();
            net.to_f64()
        })
        .collect();
    let (mean, deviation) = moments(&nets).unwrap();
    (mean, deviation / (nets.len() as f64).sqrt(), fills)
}

/// On walks that go nowhere nothing is earned, even before fees; whoever sees a bar before it quotes for it
/// earns.
#[test]
fn nothing_is_earned_where_there_is_nothing_to_earn() {
    let (mean, error, fills) = gross(1..21, None);
    println!(
        "candles: gross {mean:.4} USD a walk, standard error {error:.4}, t {:.2}, n 20 seeds of 500 bars, {fills} fills",
        mean / error
    );
    assert!(fills > 5_000, "{fills} fills of seeds 1..21");
    assert!(mean <= 2.0 * error, "{mean} ± {error} of seeds 1..21");
    let (mean, error, _) = gross(1..9, Some(CHEATING));
    assert!(mean > 2.0 * error, "a look ahead is not caught: {mean} ± {error} of seeds 1..9");
}

/// What is quoted for a bar is the same whatever that bar and all after it are.
#[test]
fn no_quote_knows_its_own_bar() {
    for seed in 1..6 {
        let one = walk(seed, &[], 200);
        let other = walk(seed + 100, &one[..150], 200);
        assert_ne!(one[150], other[150], "seed {seed}");
        let until = |order| {
            [&one, &other].map(|bars| {
                let targets = result(bars, order).0.targets;
                let is_known =
                    |(open, _): &&(Nanos, QuoteTarget)| *open <= one[150].candle.open_time;
                targets.iter().filter(is_known).copied().collect::<Vec<_>>()
            })
        };
        let [a, b] = until(None);
        assert!(a.len() > 100 && a == b, "seed {seed}");
        let [a, b] = until(Some(CHEATING));
        assert!(a != b, "a look ahead is not caught with seed {seed}");
    }
}

/// Which side a bar's moves hit decides what is filled, and what that comes to.
#[test]
fn swapped_labels_change_the_result() {
    let bars = walk(7, &[], 400);
    let swapped: Vec<Bar> = bars
        .iter()
        .map(|bar| {
            let Candle { open, high, low, close, .. } = bar.candle;
            let turn = |px: Px| open + (open - px);
            let candle =
                Candle { high: turn(low), low: turn(high), close: turn(close), ..bar.candle };
            Bar { candle, ..*bar }
        })
        .collect();
    let ((one, net), (other, swapped_net)) = (result(&bars, None), result(&swapped, None));
    let sides = |seen: &Seen| seen.fills.iter().map(|f| (f.open, f.side)).collect::<Vec<_>>();
    assert_ne!(sides(&one), sides(&other));
    assert_ne!(net, swapped_net);
}

/// A naive look at each quote and bar, written anew, finds the same fills.
#[test]
fn fills_are_those_of_a_naive_look() {
    let bars = walk(3, &[], 300);
    let (seen, _) = result(&bars, None);
    let mut naive = Vec::new();
    for (open, target) in &seen.targets {
        let bar = bars.iter().find(|bar| bar.candle.open_time == *open).unwrap();
        let mut bids = Vec::new();
        let mut asks = Vec::new();
        let fill = |side, level: &QuoteLevel| Filled {
            open: *open,
            asset: AssetId::new(0),
            side,
            px: level.px,
            qty: level.qty,
        };
        // The sizes are far below a tenth of the volume, and prices are whole dollars.
        for level in target.bids.iter().filter(|level| level.qty > Qty::ZERO) {
            if bar.candle.low < level.px {
                bids.push(fill(Side::Bid, level));
            }
        }
        for level in target.asks.iter().filter(|level| level.qty > Qty::ZERO) {
            if bar.candle.high > level.px {
                asks.push(fill(Side::Ask, level));
            }
        }
        let fell = bar.candle.close < target.mid.unwrap();
        naive.extend(if fell { [bids, asks].concat() } else { [asks, bids].concat() });
    }
    assert!(naive.len() > 100);
    assert_eq!(seen.fills, naive);
}

fn target(bids: &[(i64, i64)], asks: &[(i64, i64)]) -> QuoteTarget {
    let mut target = QuoteTarget {
        mid: Some(Px::whole(60_000)),
        bid_reason: Reason::Quoted,
        ask_reason: Reason::Quoted,
        ..QuoteTarget::default()
    };
    for (side, levels) in [(Side::Bid, bids), (Side::Ask, asks)] {
        for (place, (px, qty)) in target.side_mut(side).iter_mut().zip(levels) {
            *place = QuoteLevel { px: Px::whole(*px), qty: Qty::whole(*qty) };
        }
    }
    target
}

#[test]
fn a_bar_fills_what_it_trades_through_and_no_more_than_its_share() {
    let universe = universe();
    let instrument = *universe.get(AssetId::new(0));
    let params = AssetParams::default();
    let fills = |target: &QuoteTarget, bar: &Bar| {
        let mut coin = Coin::new(AssetId::new(0), instrument, &params, &[], Rates::None);
        let all = coin.fills(target, bar, 100);
        let plain =
            |(side, px, qty): (Side, Px, Qty)| (side == Side::Bid, px.to_string(), qty.to_string());
        (all.into_iter().map(plain).collect::<Vec<_>>(), coin.counts.capped)
    };
    let one = |is_bid: bool, px: &str, qty: &str| (is_bid, px.to_owned(), qty.to_owned());
    let quotes = target(&[(59_990, 1), (59_980, 1)], &[(60_010, 2)]);
    // At its price is not through it; a tick beyond is.
    let touched = bar(0, [60_000, 60_010, 59_990, 60_000], 100);
    assert!(fills(&quotes, &touched).0.is_empty());
    let through = bar(0, [60_000, 60_010, 59_989, 60_000], 100);
    assert_eq!(fills(&quotes, &through).0, [one(true, "59990", "1")]);
    // Opens beyond it: filled at its own price.
    let gap = bar(0, [59_900, 59_950, 59_900, 59_950], 100);
    assert_eq!(fills(&quotes, &gap).0, [one(true, "59990", "1"), one(true, "59980", "1")]);
    // Both, and a tenth of the volume: the side that the close is against is served first.
    let falls = bar(0, [60_000, 60_011, 59_979, 59_995], 25);
    assert_eq!(
        fills(&quotes, &falls),
        (vec![one(true, "59990", "1"), one(true, "59980", "1"), one(false, "60010", "0.5")], 1)
    );
    let rises = bar(0, [60_000, 60_011, 59_979, 60_005], 25);
    assert_eq!(
        fills(&quotes, &rises),
        (vec![one(false, "60010", "2"), one(true, "59990", "0.5")], 2)
    );
    let side = QuoteTarget { bid_reason: Reason::Halted, ..quotes };
    assert_eq!(fills(&side, &falls).0, [one(false, "60010", "2")]);
}

#[test]
fn fees_and_funding_are_the_venues_to_the_unit() {
    let bars = walk(5, &[], 200);
    let rate_e10 = 125_000;
    let terms = Terms { maker_fee: Bps::from_e8(15_000), ..TERMS };
    let mut engine = engine(&bars, Rates::Fixed(rate_e10), terms);
    engine.run();
    let ledger = engine.gate.ledger(AssetId::new(0));
    let (mut position, mut funding, mut fees, mut cash) = (Qty::ZERO, Usd::ZERO, Usd::ZERO, 0_i128);
    let seen = engine.seen.as_ref().unwrap();
    for (i, bar) in bars.iter().enumerate() {
        if i > 0 && !position.is_zero() {
            funding += funding_cost(position, bars[i - 1].candle.close, rate_e10);
        }
        for fill in seen.fills.iter().filter(|fill| fill.open == bar.candle.open_time) {
            fees += terms.maker_fee.fee_on(fill.px, fill.qty);
            position += fill.side.signed(fill.qty);
            cash -= i128::from(fill.px.raw()) * i128::from(fill.side.signed(fill.qty).raw());
        }
    }
    assert!(funding != Usd::ZERO && fees > Usd::ZERO);
    assert_eq!((ledger.funding(), ledger.fees(), ledger.position()), (funding, fees, position));
    // By cash and what is held, in one sum.
    let close = bars.last().unwrap().candle.close;
    let gross_e16 = cash + i128::from(close.raw()) * i128::from(position.raw());
    let gross = ledger.realized() + ledger.unrealized(close);
    assert!(
        (i128::from(gross.raw()) - gross_e16 / 100_000_000).abs() <= 2,
        "{gross} is not {gross_e16}"
    );
    assert_eq!(engine.net(), ledger.net(close));
}

#[test]
fn a_bar_after_a_gap_is_not_quoted_and_limits_hold() {
    let mut bars = walk(9, &[], 120);
    bars.drain(60..70);
    let mut engine = engine(&bars, Rates::None, TERMS);
    engine.run();
    let coin = &engine.coins[0];
    assert_eq!((coin.counts.bars, coin.counts.after_gaps), (110, 1));
    let opens: Vec<Nanos> =
        engine.seen.as_ref().unwrap().targets.iter().map(|(at, _)| *at).collect();
    assert!(
        opens.contains(&bars[59].candle.open_time) && opens.contains(&bars[61].candle.open_time)
    );
    assert!(!opens.contains(&bars[60].candle.open_time), "its bar before is missing");
    // A price that runs away: what is held loses, and the limit on it ends the quoting, once.
    let falls: Vec<Bar> = (0..120)
        .map(|i| {
            let px = 60_000 - 200 * i;
            bar(i, [px, px, px - 200, px - 200], 100)
        })
        .collect();
    let (mut params, universe) = (AssetParams::default(), universe());
    (params.risk.max_position_usd, params.risk.max_total_position_usd) =
        (Usd::whole(9_000), Usd::whole(9_000));
    params.order_size_usd = Usd::whole(3_000);
    let mut engine = Engine::new(&universe, &[params], vec![(&falls, Rates::None)], TERMS);
    engine.run();
    assert!(
        engine.net().is_negative() && !engine.breaks.is_empty(),
        "{} {:?}",
        engine.net(),
        engine.breaks
    );
    assert!(engine.coins[0].counts.withheld["halted"] > 0, "{:?}", engine.coins[0].counts.withheld);
    assert!(engine.days.len() > 4, "{}", engine.days.len());
}

#[test]
fn the_same_bars_come_to_the_same() {
    let bars = walk(11, &[], 300);
    assert_eq!(result(&bars, None), result(&bars, None));
}

/// The venue's answer to a question for candles, so many at most a page.
fn page(question: &Value, hours: std::ops::Range<i64>, most: usize) -> Value {
    let req = &question["req"];
    let (from, to) = (req["startTime"].as_i64().unwrap(), req["endTime"].as_i64().unwrap());
    let candle = |i: i64| {
        let t = START.as_millis() + 3_600_000 * i;
        json!({ "t": t, "T": t + 3_599_999, "s": "BTC", "i": "1h", "o": "1.5", "c": "1.5", "h": "1.6",
            "l": "1.4", "v": "7", "n": i })
    };
    let all = hours.map(candle).filter(|c| (from..=to).contains(&c["t"].as_i64().unwrap()));
    all.take(most).collect::<Vec<_>>().into()
}

#[test]
fn a_venue_is_asked_page_after_page_and_its_growing_bar_is_left_out() {
    let (mut bars, mut asked) = (AllBars::default(), Vec::new());
    let now = START + Nanos(HOUR.0 * 10 + 1);
    let mut ask = |question: &Value| {
        asked.push(question["req"]["startTime"].as_i64().unwrap());
        Ok(page(question, 2..11, 4))
    };
    let pages = fetch(&mut ask, ("BTC", hourly()), [START, now], now, &mut bars).unwrap();
    let hour = |i: i64| START.as_millis() + 3_600_000 * i;
    assert_eq!((pages, asked), (3, vec![hour(0), hour(6), hour(10)]));
    let series = &bars.series[&("BTC".to_owned(), hourly())];
    let opens: Vec<i64> =
        series.bars().iter().map(|bar| bar.candle.open_time.as_millis()).collect();
    assert_eq!(opens, (2..10).map(hour).collect::<Vec<_>>(), "2 to 9: the tenth still grows");
}

#[test]
fn a_venue_that_answers_with_something_else_is_told() {
    let fetched = |answer: Value| {
        let mut bars = AllBars::default();
        let mut ask = |_: &Value| Ok(answer.clone());
        let told = fetch(&mut ask, ("BTC", hourly()), [START, START + HOUR], START, &mut bars);
        told.map_err(|e| e.to_string())
    };
    assert_eq!(fetched(Value::Null), Ok(1), "it has none");
    assert_eq!(fetched(json!([])), Ok(1));
    for (answer, why) in [
        (json!({ "error": 1 }), "no list of candles"),
        (json!([{ "t": 1 }]), "is no candle"),
        (json!([7]), "is no candle"),
    ] {
        let told = fetched(answer).unwrap_err();
        assert!(told.contains("candles of BTC") && told.contains(why), "{told}");
    }
    let other = page(&json!({ "req": { "startTime": 0, "endTime": i64::MAX } }), 0..1, 1);
    let mut bars = AllBars::default();
    let mut ask = |_: &Value| Ok(other.clone());
    let told = fetch(&mut ask, ("ETH", hourly()), [START, START], START, &mut bars).unwrap_err();
    assert!(told.to_string().contains("it told of BTC"), "{told}");
    let mut ask = |_: &Value| Err(AppError::Failed("no answer".to_owned()));
    assert!(fetch(&mut ask, ("BTC", hourly()), [START, START], START, &mut bars).is_err());
}
