//! The venue's candles of before the start: what the volatility begins with, and the bars that the
//! average true range and the direction signal go on from, so that neither has to warm up.
//!
//! Nothing here stops a run: without candles both warm up from what is seen.

use super::alert::{Alert, Topic};
use super::errands::Pending;
use super::task::{Task, Turn};
use crate::data::bars::interval::Interval;
use crate::data::bars::volatility;
use crate::exit::AppError;
use crate::net::Rest;
use crate::venue_numbers;
use botmm_pipeline::rt::OutTold;
use botmm_pipeline::types::{AssetId, AssetParams, Candle, Nanos, QuoteCommand, Series, Universe};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;

/// Bars that are asked for: more than the signal's and the range's memories.
const BARS: i64 = 200;
/// One-minute candles that the volatility begins with.
const VOLATILITY_MINUTES: usize = 60;
const MINUTE: Nanos = Nanos::secs(60);
/// How long an answer may take, the wait for other questions included.
const PATIENCE: Nanos = Nanos::secs(60);

/// Oldest first, and the newest still grows.
pub type Answer = Result<Vec<Candle>, AppError>;

/// Asks, at a time, for candles of a coin and an interval whose open lies in the span before.
pub type Ask = Arc<dyn Fn(Nanos, &str, &str, Nanos) -> Answer + Send + Sync>;

/// Asks the venue.
pub fn ask(rest: &Rest) -> Ask {
    let rest = rest.clone();
    Arc::new(move |now, coin, interval, span| {
        let (start, end) = ((now - span).as_millis(), now.as_millis());
        let req = json!({ "coin": coin, "interval": interval, "startTime": start, "endTime": end });
        let answer = rest.info(&json!({ "type": "candleSnapshot", "req": req }))?;
        if answer.is_null() {
            return Ok(Vec::new()); // The venue has none.
        }
        // An odd one among them is a gap, as a minute without trades is.
        let candles = answer.as_array().map(|all| all.iter().filter_map(candle).collect());
        candles.ok_or_else(|| {
            AppError::data(
                format!("candles of {coin}"),
                "the answer has not the venue's shape",
                "check that the address is a Hyperliquid API; if it is, report this",
            )
        })
    })
}

fn candle(value: &Value) -> Option<Candle> {
    let px = |key: &str| venue_numbers::px(&value[key]);
    let open_time = Nanos::millis(i64::try_from(venue_numbers::whole(&value["t"])?).ok()?);
    Some(Candle { open_time, open: px("o")?, high: px("h")?, low: px("l")?, close: px("c")? })
}

/// The variance a second. The newest bar is still growing and does not count. Zero when nothing is known.
fn variance_per_s(minutes: &[Candle]) -> f64 {
    let Some((_, closed)) = minutes.split_last() else { return 0.0 };
    let newest = &closed[closed.len().saturating_sub(VOLATILITY_MINUTES)..];
    let sound = newest.iter().filter(|c| c.is_sound());
    let squares: Vec<f64> = sound.map(volatility::squared_range).collect();
    let mean = squares.iter().sum::<f64>() / squares.len().max(1) as f64;
    volatility::variance_per_s(mean, MINUTE)
}

/// A question to the venue that is still to be asked.
struct Question {
    asset: AssetId,
    series: Series,
    interval: Interval,
    span: Nanos,
}

/// Hands the quote stage its history, a little at a time.
pub struct BackFill {
    ask: Ask,
    universe: Universe,
    todo: VecDeque<Question>,
    /// What the ring had no room for yet.
    waiting: VecDeque<QuoteCommand>,
    asked: Option<(Question, Pending<Answer>)>,
}

impl BackFill {
    /// Asks for the last minutes of each coin, gives the volatility its beginning with them, and takes
    /// note of what else is to be asked `later`. What goes wrong is in the list of complaints.
    pub fn begin(
        ask: &Ask,
        later: Ask,
        universe: &Universe,
        params: &mut [AssetParams],
        now: Nanos,
    ) -> (Self, Vec<String>) {
        let mut this = Self {
            ask: later,
            universe: universe.clone(),
            todo: VecDeque::new(),
            waiting: VecDeque::new(),
            asked: None,
        };
        let mut complaints = Vec::new();
        for (asset, instrument) in universe.iter() {
            let coin = instrument.coin.as_str();
            let params = &mut params[asset.index()];
            let minutes = match ask(now, coin, "1m", Nanos(BARS * MINUTE.0)) {
                Ok(minutes) => minutes,
                Err(e) => {
                    complaints.push(format!("no candles of {coin}, its signal warms up: {e}"));
                    Vec::new()
                }
            };
            let variance = variance_per_s(&minutes);
            params.start_vol_bps = 1e4 * (variance * params.vol_horizon_s).sqrt();
            let signal = &params.signal;
            for (series, bar) in
                [(Series::Signal, signal.signal_bar), (Series::Atr, signal.atr_bar)]
            {
                match Interval::dividing(bar) {
                    Some(_) if bar == MINUTE => this.hand_over(asset, series, &minutes),
                    Some(interval) => {
                        let span = Nanos(BARS.saturating_mul(bar.0));
                        this.todo.push_back(Question { asset, series, interval, span });
                    }
                    None => complaints.push(format!(
                        "no interval of the venue divides {coin}'s bars of {} s: they warm up",
                        bar.as_secs_f64()
                    )),
                }
            }
        }
        (this, complaints)
    }

    fn hand_over(&mut self, asset: AssetId, series: Series, candles: &[Candle]) {
        let command = |candle: &Candle| QuoteCommand::Candle { asset, series, candle: *candle };
        self.waiting.extend(candles.iter().map(command));
        self.waiting.push_back(QuoteCommand::CandlesDone { asset, series });
    }

    /// Hands over what fits; whether that was all.
    fn hand_on(&mut self, to_quote: &mut OutTold<QuoteCommand>) -> bool {
        while let Some(command) = self.waiting.pop_front() {
            if let Err(command) = to_quote.push(command) {
                self.waiting.push_front(command);
                return false;
            }
        }
        true
    }
}

impl Task for BackFill {
    fn name(&self) -> &'static str {
        "candles"
    }

    /// Hands over what fits, then asks the next question. A complaint when an answer does not come.
    fn turn(&mut self, turn: &mut Turn<'_>) {
        if !self.hand_on(turn.to_quote) {
            return;
        }
        let Some((question, asked)) = self.asked.take() else {
            let Some(next) = self.todo.pop_front() else { return };
            let coin = self.universe.get(next.asset).coin;
            let (ask, now, span) = (self.ask.clone(), turn.now, next.span);
            let interval = next.interval.name();
            let work = move || ask(now, coin.as_str(), interval, span);
            self.asked = Some((next, turn.workers.questions.send(now, PATIENCE, work)));
            return;
        };
        match asked.told(turn.now) {
            None => self.asked = Some((question, asked)),
            Some(Ok(candles)) => self.hand_over(question.asset, question.series, &candles),
            Some(Err(why)) => {
                let coin = self.universe.get(question.asset).coin;
                let said = format!("no {} candles of {coin}: {why}", question.interval.name());
                turn.say(Alert::warn(Topic::Link, said));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::side::task::tests::Stand;
    use botmm_pipeline::types::Px;
    use std::sync::Mutex;

    #[test]
    fn bars_are_made_of_the_longest_interval_that_divides_them() {
        let of = |s| Interval::dividing(Nanos::secs(s)).map(Interval::name);
        assert_eq!([60, 120, 300, 3_600, 5_400].map(of), ["1m", "1m", "5m", "1h", "30m"].map(Some));
        assert_eq!([10, 90, 1].map(of), [None; 3]);
    }

    #[test]
    fn candles_are_read_exactly_and_odd_ones_are_refused() {
        let value = json!({ "t": 1_757_014_800_000_i64, "T": 1_757_014_859_999_i64, "s": "BTC",
            "i": "1m", "o": "109700.5", "h": "109800", "l": "109650.0", "c": "109799", "v": "1.5", "n": 7 });
        let read = candle(&value).unwrap();
        assert!(read.is_sound());
        assert_eq!(read.open_time, Nanos::secs(1_757_014_800));
        assert_eq!(
            (read.open.to_string(), read.low.to_string()),
            ("109700.5".into(), "109650".into())
        );
        assert_eq!(candle(&json!({ "t": 1, "o": "1", "h": "x", "l": "1", "c": "1" })), None);
        assert_eq!(candle(&json!({ "t": 1, "o": "1", "h": null, "l": "1", "c": "1" })), None);
    }

    fn universe() -> Universe {
        crate::coins::universe([("A", 2), ("B", 2)])
    }

    fn minute(n: i64) -> Candle {
        let px = Px::whole(100 + n % 2);
        Candle {
            high: Px::whole(101),
            low: Px::whole(100),
            ..Candle::flat(Nanos::secs(60 * n), px)
        }
    }

    #[test]
    fn history_is_handed_over_a_little_at_a_time() {
        let (universe, mut params) = (universe(), [AssetParams::default(); 2]);
        params[1].signal.signal_bar = Nanos::secs(300);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        let ask: Ask = Arc::new(move |_, coin, interval, _| {
            log.lock().unwrap().push(format!("{coin} {interval}"));
            Ok((0..3).map(minute).collect())
        });
        let (mut fill, complaints) =
            BackFill::begin(&ask, ask.clone(), &universe, &mut params, Nanos::ZERO);
        assert!(complaints.is_empty() && params[0].start_vol_bps > 0.0, "{complaints:?}");
        let mut stand = Stand::with_room(5);
        let mut got = Vec::new();
        stand.until(|stand| {
            assert!(stand.turn(&mut fill).said.is_empty());
            got.extend(stand.told_quote());
            got.len() == 4 * 4
        });
        // Two series of A and one of B from minutes; the signal bars of B from an interval of its own.
        assert_eq!(*asked.lock().unwrap(), ["A 1m", "B 1m", "B 5m"]);
        let done = got.iter().filter(|c| matches!(c, QuoteCommand::CandlesDone { .. }));
        assert_eq!((got.len(), done.count()), (4 * 4, 4));
        assert!(matches!(
            got.last(),
            Some(QuoteCommand::CandlesDone { series: Series::Signal, .. })
        ));
    }

    #[test]
    fn a_coin_without_candles_warms_up_and_is_named() {
        let (universe, mut params) = (universe(), [AssetParams::default(); 2]);
        params[1].signal.atr_bar = Nanos::secs(7);
        let ask: Ask = Arc::new(|_, coin, _, _| match coin {
            "A" => Err(AppError::data("venue", "no answer", "wait")),
            _ => Ok(Vec::new()),
        });
        let (fill, complaints) =
            BackFill::begin(&ask, ask.clone(), &universe, &mut params, Nanos::ZERO);
        assert!(params.iter().all(|p| p.start_vol_bps.abs() < 1e-30));
        let said = complaints.join("; ");
        for part in ["candles of A, its signal warms up: venue: no answer", "bars of 7 s"] {
            assert!(said.contains(part), "{said}");
        }
        assert!(
            fill.todo.iter().all(|q| q.asset == AssetId::new(0)),
            "what B asks for is answered"
        );
    }

    #[test]
    fn a_range_of_a_minute_is_a_volatility() {
        let bar = |range_bps: f64| {
            let low = Px::whole(100_000);
            let high = Px::from_raw((low.raw() as f64 * (1.0 + range_bps * 1e-4)) as i64);
            Candle { open_time: Nanos::ZERO, open: low, high, low, close: high }
        };
        let minutes: Vec<Candle> = (0..61).map(|_| bar(10.0)).collect();
        // 10 bps in 60 s: sigma = 10 / sqrt(4 ln 2) a minute = 0.775 bps a second's root.
        let vol_1s = 1e4 * variance_per_s(&minutes).sqrt();
        assert!((vol_1s - 10.0 / (4.0 * std::f64::consts::LN_2 * 60.0).sqrt()).abs() < 1e-3);
        assert!(variance_per_s(&[]).abs() < 1e-30 && variance_per_s(&minutes[..1]).abs() < 1e-30);
        let broken = Candle { low: Px::ZERO, ..bar(10.0) };
        assert!(variance_per_s(&[broken, broken]).abs() < 1e-30);
    }
}
