//! Bars as venues answer with them: `candleSnapshot` arrays, and Bybit's `/v5/market/kline`.
//!
//! A file may hold one answer, laid out at will, or several, one behind the other.

use super::Bar;
use super::interval::{Interval, KNOWN};
use super::log::Log;
use super::series::AllBars;
use super::table::closes_at;
use crate::masked::excerpt;
use botmm_pipeline::types::{Candle, Coin, Nanos, Px, Qty, Usd, read_decimal};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// What is expected of such a file.
pub const EXPECTED: &str = "expected an array of the venue's candles ({\"t\",\"T\",\"s\",\"i\",\"o\",\"c\",\"h\",\"l\",\"v\",\"n\"}) or an \
     answer of Bybit's /v5/market/kline ({\"retCode\",\"result\":{\"symbol\",\"list\":[[startTime,open,…]…]}})";

/// The first candle of an array, however it is laid out.
const HEAD_BYTES: usize = 512;

/// Whether a file that begins so could hold bars.
pub fn begins(head: &[u8]) -> bool {
    let head = head.trim_ascii_start();
    let head = &head[..head.len().min(HEAD_BYTES)];
    let has = |part: &str| head.windows(part.len()).any(|window| window == part.as_bytes());
    let is_bar = || ["\"t\"", "\"T\"", "\"i\""].into_iter().all(has);
    match head {
        [b'[', rest @ ..] => matches!(rest.trim_ascii_start(), [b'[' | b']', ..] | []) || is_bar(),
        [b'{', ..] => has("\"retCode\"") || is_bar() && !has("\"channel\"") && !has("\"data\""),
        _ => false,
    }
}

/// Reads a file; `named` is the coin that its name tells.
///
/// # Errors
/// In words, with the line that tells: it is none of these.
pub fn read(
    text: &[u8],
    named: Option<Coin>,
    bars: &mut AllBars,
    log: &mut Log,
) -> Result<(), String> {
    let mut documents = serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>();
    let refuse = |line: u64, json: &str| {
        format!("line {line} is `{}`; {EXPECTED}", excerpt(json.as_bytes()))
    };
    loop {
        let at = documents.byte_offset();
        let place = Place { text, named };
        let json = match documents.next() {
            None => return Ok(()),
            Some(Ok(json)) => json.get(),
            Some(Err(e)) => {
                let rest = String::from_utf8_lossy(text.get(at..).unwrap_or_default());
                if log.items == 0 && !e.is_eof() {
                    return Err(refuse(e.line() as u64, rest.trim_start()));
                }
                log.items += 1;
                log.skip(
                    e.line() as u64,
                    &format!("not JSON ({e}): the file is cut short or damaged there"),
                );
                return Ok(());
            }
        };
        let line = place.line_of(json);
        if json.starts_with('[') {
            let all: Vec<&RawValue> = serde_json::from_str(json).map_err(|_| refuse(line, json))?;
            match all.first().map(|first| first.get().as_bytes().first()) {
                Some(Some(b'[')) => place.klines(&all, &Asked::default(), bars, log)?,
                _ => all.iter().for_each(|one| place.venue_bar(one.get(), bars, log)),
            }
        } else if json.contains("\"retCode\"") {
            let answer: Answer<'_> = serde_json::from_str(json).map_err(|_| refuse(line, json))?;
            if answer.code != 0 {
                let (code, why) = (answer.code, excerpt(answer.message.as_bytes()));
                return Err(format!(
                    "line {line} is an error of Bybit's and no answer: {code} {why}"
                ));
            }
            let result =
                answer.result.and_then(|raw| serde_json::from_str::<Klines<'_>>(raw.get()).ok());
            let Some(result) = result else { return Err(refuse(line, json)) };
            let asked = Asked { symbol: result.symbol, category: result.category };
            place.klines(&result.list, &asked, bars, log)?;
        } else if json.starts_with('{') {
            place.venue_bar(json, bars, log);
        } else {
            return Err(refuse(line, json));
        }
    }
}

/// A file's text, and the coin that its name tells.
#[derive(Clone, Copy)]
struct Place<'a> {
    text: &'a [u8],
    named: Option<Coin>,
}

impl Place<'_> {
    /// The number of the line on which a part of the text begins.
    fn line_of(&self, part: &str) -> u64 {
        let offset = part.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        let before = self.text.get(..offset).unwrap_or_default();
        1 + before.iter().filter(|b| **b == b'\n').count() as u64
    }

    fn venue_bar(&self, json: &str, bars: &mut AllBars, log: &mut Log) {
        log.items += 1;
        match venue_bar(json.as_bytes()) {
            Ok((coin, bar)) => bars.insert(coin, bar),
            Err(why) => log.skip(self.line_of(json), &why),
        }
    }

    /// Rows of an answer of Bybit's, which does not tell how long its bars are: the usual step between them.
    fn klines(
        &self,
        rows: &[&RawValue],
        asked: &Asked<'_>,
        bars: &mut AllBars,
        log: &mut Log,
    ) -> Result<(), String> {
        let symbol = asked.symbol.filter(|symbol| !symbol.is_empty());
        let coin = symbol.and_then(Coin::new).or(self.named).ok_or(
            "neither the answer nor the file's name tells the symbol: call it SYMBOL.json, SYMBOL_1.json",
        )?;
        let mut sound = Vec::new();
        for row in rows {
            log.items += 1;
            match kline(row.get(), asked.is_inverse()) {
                Ok(kline) => sound.push((kline, row.get())),
                Err(why) => log.skip(self.line_of(row.get()), &why),
            }
        }
        if sound.is_empty() {
            return Ok(());
        }
        let step = usual_step(sound.iter().map(|(kline, _)| kline.open_time));
        let interval = step.and_then(Interval::of).ok_or_else(|| match step {
            None => "one bar alone does not tell how long it is: ask for two".to_owned(),
            Some(step) => format!("bars of {} s: read are {KNOWN}", step.as_secs_f64()),
        })?;
        log.note(format!("{coin}: bars of {} by the steps between them", interval.name()));
        if asked.is_inverse() {
            log.note(format!("{coin}: of an inverse contract, whose volume is money: its turnover is taken for the volume"));
        }
        for (Kline { open_time, prices: [open, high, low, close], volume, turnover }, row) in sound
        {
            let candle = Candle { open_time, open, high, low, close };
            let bar = Bar { interval, candle, volume, turnover, trades: None, recv_time: None };
            match bar.check() {
                Ok(()) => bars.insert(coin, bar),
                Err(why) => log.skip(self.line_of(row), &why),
            }
        }
        Ok(())
    }
}

/// What an answer of Bybit's says of its rows.
#[derive(Default)]
struct Asked<'a> {
    symbol: Option<&'a str>,
    category: Option<&'a str>,
}

impl Asked<'_> {
    fn is_inverse(&self) -> bool {
        self.category == Some("inverse")
    }
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(rename = "retCode")]
    code: i64,
    #[serde(rename = "retMsg", default)]
    message: String,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Klines<'a> {
    symbol: Option<&'a str>,
    category: Option<&'a str>,
    #[serde(borrow)]
    list: Vec<&'a RawValue>,
}

/// A row: `[startTime, open, high, low, close, volume, turnover]`.
struct Kline {
    open_time: Nanos,
    prices: [Px; 4],
    volume: Qty,
    turnover: Option<Usd>,
}

fn kline(json: &str, is_inverse: bool) -> Result<Kline, String> {
    const NAMES: [&str; 7] = ["startTime", "open", "high", "low", "close", "volume", "turnover"];
    let shape = || {
        format!(
            "`{}` is no row of klines: [startTime,open,high,low,close,volume,turnover]",
            excerpt(json.as_bytes())
        )
    };
    let row: Vec<&RawValue> = serde_json::from_str(json).map_err(|_| shape())?;
    let mut values = [0; 6];
    let (Some(start), true) = (row.first(), (6..=7).contains(&row.len())) else {
        return Err(shape());
    };
    for ((value, raw), name) in values.iter_mut().zip(&row[1..]).zip(&NAMES[1..]) {
        *value = number(raw, name)?;
    }
    let [open, high, low, close, volume, turnover] = values;
    let has_turnover = row.len() == NAMES.len();
    let (volume, turnover) = match (is_inverse, has_turnover) {
        (true, true) => (turnover, Some(volume)),
        (true, false) => {
            return Err("an inverse contract without a turnover: its volume in coins is not told"
                .to_owned());
        }
        (false, true) => (volume, Some(turnover)),
        (false, false) => (volume, None),
    };
    Ok(Kline {
        open_time: millis(start, NAMES[0])?,
        prices: [open, high, low, close].map(Px::from_raw),
        volume: Qty::from_raw(volume),
        turnover: turnover.map(Usd::from_raw),
    })
}

/// The step that most bars are from the one before them; the shorter of equals.
fn usual_step(opens: impl Iterator<Item = Nanos>) -> Option<Nanos> {
    let opens: Vec<Nanos> = opens.collect::<BTreeSet<_>>().into_iter().collect();
    let mut steps = BTreeMap::<i64, u64>::new();
    opens.windows(2).for_each(|w| *steps.entry(w[1].0 - w[0].0).or_default() += 1);
    steps.into_iter().rev().max_by_key(|(_, n)| *n).map(|(step, _)| Nanos(step))
}

/// A candle of the venue's.
#[derive(Deserialize)]
struct VenueBar<'a> {
    #[serde(borrow)]
    t: &'a RawValue,
    #[serde(rename = "T", borrow)]
    last: &'a RawValue,
    s: &'a str,
    i: &'a str,
    #[serde(borrow)]
    o: &'a RawValue,
    #[serde(borrow)]
    c: &'a RawValue,
    #[serde(borrow)]
    h: &'a RawValue,
    #[serde(borrow)]
    l: &'a RawValue,
    #[serde(borrow)]
    v: &'a RawValue,
    n: u64,
}

/// One candle of the venue's, and of which coin.
///
/// # Errors
/// In words what is not sound.
pub fn venue_bar(json: &[u8]) -> Result<(Coin, Bar), String> {
    let bar: VenueBar<'_> = serde_json::from_slice(json)
        .map_err(|e| format!("`{}` is no candle: {e}", excerpt(json)))?;
    let coin = Coin::new(bar.s).ok_or_else(|| {
        format!("key \"s\" is `{}`: not the name of a coin", excerpt(bar.s.as_bytes()))
    })?;
    let interval = Interval::named(bar.i);
    let interval = interval
        .ok_or_else(|| format!("key \"i\" is `{}`: read are {KNOWN}", excerpt(bar.i.as_bytes())))?;
    let px = |raw, name| number(raw, name).map(Px::from_raw);
    let candle = Candle {
        open_time: millis(bar.t, "t")?,
        open: px(bar.o, "o")?,
        high: px(bar.h, "h")?,
        low: px(bar.l, "l")?,
        close: px(bar.c, "c")?,
    };
    let volume = Qty::from_raw(number(bar.v, "v")?);
    let (turnover, trades, recv_time) = (None, Some(bar.n), None);
    let last = millis(bar.last, "T")?;
    let bar = Bar { interval, candle, volume, turnover, trades, recv_time };
    closes_at(&bar, last).map_err(|why| format!("key \"T\" is {}: {why}", last.as_millis()))?;
    bar.check()?;
    Ok((coin, bar))
}

/// Of a frame of the feed's `candle`, and of which coin.
///
/// # Errors
/// In words what is not sound.
pub fn of_frame(json: &[u8], recv_time: Nanos) -> Result<(Coin, Bar), String> {
    #[derive(Deserialize)]
    struct Frame<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let frame: Frame<'_> =
        serde_json::from_slice(json).map_err(|e| format!("not a frame of candle: {e}"))?;
    let (coin, bar) = venue_bar(frame.data.get().as_bytes())?;
    Ok((coin, Bar { recv_time: Some(recv_time), ..bar }))
}

/// A decimal, as text or as a number: by its digits, and never through a float.
fn number(raw: &RawValue, name: &str) -> Result<i64, String> {
    let text = raw.get().trim_matches('"');
    read_decimal(text.as_bytes())
        .map_err(|e| format!("key \"{name}\" is `{}`: {e}", excerpt(text.as_bytes())))
}

fn millis(raw: &RawValue, name: &str) -> Result<Nanos, String> {
    let text = raw.get().trim_matches('"');
    let time = text
        .parse()
        .ok()
        .filter(|ms: &i64| (1..=i64::MAX / 1_000_000).contains(ms))
        .map(Nanos::millis);
    let time = time.filter(|time| crate::data::hygiene::plausible(*time));
    time.ok_or_else(|| {
        format!("key \"{name}\" is `{}`: not a time in unix milliseconds", excerpt(text.as_bytes()))
    })
}
