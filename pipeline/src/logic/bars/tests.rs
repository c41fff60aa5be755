use super::*;
use proptest::prelude::*;

const LENGTH: Nanos = Nanos::secs(60);
/// Of the candles that a history comes in: several fall into one bar.
const CANDLE: Nanos = Nanos::secs(20);

/// Keeps what it is given.
#[derive(Default)]
struct Recorder {
    bars: Vec<Candle>,
    resets: usize,
}

impl OnBar for Recorder {
    fn on_bar(&mut self, bar: &Candle) {
        self.bars.push(*bar);
    }
    fn reset(&mut self) {
        self.bars.clear();
        self.resets += 1;
    }
}

fn recording() -> Bars<Recorder> {
    Bars::new(LENGTH, Recorder::default())
}

fn candle(at_s: i64, [open, high, low, close]: [i64; 4]) -> Candle {
    Candle {
        open_time: Nanos::secs(at_s),
        open: Px::whole(open),
        high: Px::whole(high),
        low: Px::whole(low),
        close: Px::whole(close),
    }
}

fn feed(bars: &mut Bars<Recorder>, mids: &[(i64, i64)]) {
    mids.iter().for_each(|(s, px)| bars.update(Nanos::secs(*s), Px::whole(*px)));
}

/// Candles of mids (second, price), straight from the definition; spans without any are left out.
fn grouped(mids: &[(i64, i64)], length: Nanos) -> Vec<Candle> {
    let span = |s: i64| Nanos::secs(s).0.div_euclid(length.0);
    let mut starts: Vec<i64> = mids.iter().map(|(s, _)| span(*s)).collect();
    starts.dedup();
    let of = |start: &i64| {
        let inside: Vec<i64> =
            mids.iter().filter(|(s, _)| span(*s) == *start).map(|(_, px)| *px).collect();
        let (high, low) = (*inside.iter().max().unwrap(), *inside.iter().min().unwrap());
        candle(start * length.0 / 1_000_000_000, [inside[0], high, low, *inside.last().unwrap()])
    };
    starts.iter().map(of).collect()
}

/// The closed ones of those bars, gaps filled.
fn closed(mids: &[(i64, i64)]) -> Vec<Candle> {
    let all = grouped(mids, LENGTH);
    let mut filled = vec![all[0]];
    for bar in &all[1..] {
        while let Some(last) = filled.last().copied()
            && last.open_time + LENGTH < bar.open_time
        {
            filled.push(Candle::flat(last.open_time + LENGTH, last.close));
        }
        filled.push(*bar);
    }
    filled.pop();
    filled
}

/// Wilder's ATR, straight from the definition.
fn wilder(bars: &[(f64, f64, f64)]) -> f64 {
    let ranges: Vec<f64> = bars
        .iter()
        .enumerate()
        .map(|(i, (h, l, c))| {
            let reference = if i == 0 { *c } else { bars[i - 1].2 };
            h.max(reference) - l.min(reference)
        })
        .collect();
    let first: f64 = ranges[..14].iter().sum::<f64>() / 14.0;
    ranges[14..].iter().fold(first, |a, r| (a * 13.0 + r) / 14.0)
}

#[test]
fn average_true_range_equals_the_definition() {
    let mut bars = Bars::new(LENGTH, Atr::default());
    let mut reference = Vec::new();
    for i in 0..40_i64 {
        let base = 1000 + (i * 37) % 23;
        let path = [base, base + i % 5, base - i % 3, base + 1];
        for (j, p) in path.iter().enumerate() {
            bars.update(Nanos::secs(i * 60 + j as i64 * 10), Px::whole(*p));
        }
        let f = path.map(|p| p as f64);
        reference.push((
            f.iter().copied().fold(f64::MIN, f64::max),
            f.iter().copied().fold(f64::MAX, f64::min),
            f[3],
        ));
    }
    bars.update(Nanos::secs(40 * 60), Px::whole(1));
    let atr = bars.atr(Px::whole(1000), 0.0, 10.0);
    assert!((atr - wilder(&reference)).abs() < 1e-9, "{atr}");
}

#[test]
fn gaps_are_flat_bars_and_warm_up_is_estimated() {
    let mut bars = Bars::new(LENGTH, Atr::default());
    bars.update(Nanos::ZERO, Px::whole(100));
    // 10 bps over 10 s is 24.5 bps a minute, times 1.596.
    assert!((bars.atr(Px::whole(100), 10.0, 10.0) - 0.390_88).abs() < 1e-4);
    bars.update(Nanos::secs(60 * 14), Px::whole(100));
    assert!(bars.atr(Px::whole(100), 10.0, 10.0).abs() < 1e-12, "14 flat bars");
    bars.update(Nanos::secs(5), Px::whole(900));
    assert!(bars.atr(Px::whole(100), 10.0, 10.0).abs() < 1e-12, "the past is ignored");
}

#[test]
fn a_long_gap_is_bounded_and_ends_where_the_next_bar_begins() {
    let mut bars = recording();
    feed(&mut bars, &[(0, 100), (60 * 1_000_000, 101), (60 * 1_000_001, 102)]);
    let seen = &bars.consumer().bars;
    assert_eq!(seen.len() as i64, 1 + MAX_FLAT_BARS + 1);
    assert_eq!(seen[1], candle(60 * (1_000_000 - MAX_FLAT_BARS), [100; 4]));
    assert_eq!(seen[seen.len() - 2], candle(60 * 999_999, [100; 4]));
    assert_eq!(seen[seen.len() - 1], candle(60 * 1_000_000, [101; 4]));
}

#[test]
fn what_is_no_price_is_ignored() {
    let mut bars = recording();
    feed(&mut bars, &[(0, 100), (10, 0), (20, -5), (60, 0), (70, 101)]);
    assert_eq!(bars.consumer().bars, [candle(0, [100; 4])]);
}

#[test]
fn history_begins_anew_joins_the_open_bar_and_its_gaps_are_filled() {
    let mut bars = recording();
    // Alone, the live feed would have closed two bars before the history comes.
    feed(&mut bars, &[(600, 50), (660, 51), (725, 105), (730, 104)]);
    assert_eq!(bars.consumer().bars.len(), 2);
    bars.back_fill(&candle(480, [90, 95, 85, 91]));
    bars.back_fill(&candle(600, [91, 93, 90, 92]));
    bars.back_fill(&candle(720, [103, 103, 99, 102]));
    bars.back_filled();
    feed(&mut bars, &[(735, 100), (780, 1)]);
    assert_eq!(
        bars.consumer().bars,
        [
            candle(480, [90, 95, 85, 91]),
            candle(540, [91; 4]),
            candle(600, [91, 93, 90, 92]),
            candle(660, [92; 4]),
            candle(720, [103, 105, 99, 100]),
        ]
    );
    // A second time it is the same.
    bars.back_fill(&candle(660, [7, 8, 6, 7]));
    bars.back_filled();
    assert_eq!(bars.consumer().resets, 2);
    assert_eq!(bars.consumer().bars, [candle(660, [7, 8, 6, 7]), candle(720, [7; 4])]);
}

#[test]
fn candles_that_cannot_be_or_come_out_of_order_are_ignored() {
    let mut bars = recording();
    feed(&mut bars, &[(600, 50)]);
    bars.back_fill(&candle(480, [90, 89, 85, 88]));
    bars.back_fill(&candle(480, [0; 4]));
    bars.back_fill(&candle(660, [70; 4]));
    bars.back_filled();
    assert_eq!(bars.consumer().resets, 0, "none of them was a history");
    bars.back_fill(&candle(480, [90; 4]));
    bars.back_fill(&candle(500, [91; 4]));
    for late in [0, 420, 480, 490, 500] {
        bars.back_fill(&candle(late, [60; 4]));
    }
    bars.back_fill(&candle(540, [92; 4]));
    bars.back_filled();
    assert_eq!(bars.consumer().bars, [candle(480, [90, 91, 90, 91]), candle(540, [92; 4])]);
}

#[test]
fn a_history_that_runs_into_the_next_bar_holds_the_open_one_but_not_for_ever() {
    let mut bars = recording();
    feed(&mut bars, &[(600, 50)]);
    bars.back_fill(&candle(480, [40; 4]));
    feed(&mut bars, &[(661, 52)]);
    bars.back_fill(&candle(540, [41; 4]));
    bars.back_filled();
    feed(&mut bars, &[(662, 53)]);
    let expected = [candle(480, [40; 4]), candle(540, [41; 4]), candle(600, [50; 4])];
    assert_eq!(bars.consumer().bars, expected);

    bars.back_fill(&candle(480, [40; 4]));
    feed(&mut bars, &[(720, 55), (780, 56)]);
    let seen = &bars.consumer().bars;
    assert_eq!(seen.len(), 5, "the end was never told: {seen:?}");
    assert_eq!(seen[3..], [candle(660, [53; 4]), candle(720, [53; 4])]);
}

#[test]
fn history_without_a_live_bar_leaves_its_newest_bar_open() {
    let mut bars = recording();
    bars.back_fill(&candle(480, [40; 4]));
    bars.back_fill(&candle(540, [41; 4]));
    // The clock is behind: nothing of before the newest bar counts.
    feed(&mut bars, &[(485, 99), (545, 43), (600, 44)]);
    assert_eq!(bars.consumer().bars, [candle(480, [40; 4]), candle(540, [41, 43, 41, 43])]);
}

#[test]
fn times_at_the_ends_of_time_break_nothing() {
    let mut bars = recording();
    for time in [i64::MAX, i64::MIN, 0, i64::MIN + 1, i64::MAX - 1] {
        bars.update(Nanos(time), Px::whole(1));
        bars.back_fill(&Candle::flat(Nanos(time), Px::whole(2)));
    }
    bars.back_filled();
    bars.update(Nanos::MAX, Px::from_raw(i64::MAX));
    let mut from_the_first = recording();
    from_the_first.update(Nanos(i64::MIN), Px::whole(1));
    from_the_first.update(Nanos::MAX, Px::whole(1));
    assert_eq!(from_the_first.consumer().bars.len() as i64, 1 + MAX_FLAT_BARS);
}

/// Mids in order of time: (second, price).
fn mids() -> impl Strategy<Value = Vec<(i64, i64)>> {
    let step = prop_oneof![6 => 0_i64..30, 1 => 30_i64..400];
    proptest::collection::vec((step, 1_i64..1_000), 2..120).prop_map(|steps| {
        let mut now = -3_000;
        let at = |(step, px): (i64, i64)| {
            now += step;
            (now, px)
        };
        steps.into_iter().map(at).collect()
    })
}

proptest! {
    #[test]
    fn live_bars_equal_their_definition(mids in mids()) {
        let mut bars = recording();
        feed(&mut bars, &mids);
        prop_assert_eq!(&bars.consumer().bars, &closed(&mids));
    }

    /// Whenever the bot starts, and however long its history takes to come.
    #[test]
    fn history_then_live_equals_live_from_the_beginning(
        mids in mids(), start in 0.0_f64..1.0, wait in 0.0_f64..1.0, is_late in any::<bool>(),
    ) {
        let start = (start * mids.len() as f64) as usize;
        let arrival = start + (wait * (mids.len() - start) as f64) as usize;
        let mut bars = recording();
        if is_late {
            feed(&mut bars, &mids[start..arrival]);
        }
        let candles = grouped(&mids[..arrival], CANDLE);
        candles.iter().for_each(|c| bars.back_fill(c));
        bars.back_filled();
        feed(&mut bars, &mids[arrival..]);
        prop_assert_eq!(&bars.consumer().bars, &closed(&mids));
    }

    /// Whatever comes in whatever order: the consumer sees sound bars of one length, one after the
    /// other.
    #[test]
    fn the_consumer_sees_bars_one_after_the_other(
        steps in proptest::collection::vec(
            (0_u8..8, 0_i64..6_000, -1_i64..50, -1_i64..50, -1_i64..50), 1..200),
    ) {
        let mut bars = recording();
        for (what, at, a, b, c) in steps {
            match what {
                0..=3 => bars.update(Nanos::secs(at), Px::whole(a)),
                4..=6 => bars.back_fill(&candle(at, [a, b, c, a])),
                _ => bars.back_filled(),
            }
            let seen = &bars.consumer().bars;
            prop_assert!(seen.iter().all(|b| b.is_sound() && b.open_time.0 % LENGTH.0 == 0));
            prop_assert!(seen.windows(2).all(|w| w[1].open_time - w[0].open_time == LENGTH));
        }
    }
}
