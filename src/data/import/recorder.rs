//! JSON lines of small recorders: a book a line, or a message of the venue's a line.
//!
//! | line | is |
//! |---|---|
//! | `{"recv_ts_ms","exch_ts_ms","coin","bids":[[px,sz]…],"asks":[…]}` | a book |
//! | `{"timestamp","symbol","data_type","data","recv_ts_ms"}` | what `data_type` says: `l2Book`, `bbo`, `trades` with the venue's object as `data`; `orderbook` with that of `l2Book` or with `bids` and `asks` (at the venue's time `timestamp`); `trade` with one trade of the venue's or a list of them |

use super::books::{Books, levels, text};
use super::event::{Event, FirstLine, Format};
use super::node::{bad, parse, time};
use crate::data::error::DataError;
use crate::data::time::{TimeColumn, TimeForm};
use crate::data::{FrameDecoder, unlisted, venue_decoder};
use botmm_pipeline::types::{Coin, MarketEvent, Nanos, Universe};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;

/// What a `data_type` may be.
const TYPES: &str = "l2Book, bbo, trades (the venue's objects), orderbook or trade";

/// The format of a file by the keys of its first line; [`None`] when it is none of these.
///
/// # Errors
/// None, but those of [`Books::new`].
pub fn format(path: &Path, line: &[u8]) -> Result<Option<FirstLine>, DataError> {
    let keys: BTreeMap<&str, &RawValue> = serde_json::from_slice(line).unwrap_or_default();
    let has = |names: &[&str]| names.iter().all(|name| keys.contains_key(name));
    if has(&["symbol", "data_type", "data"]) {
        return Ok(Some(FirstLine::data(Messages::new(Books::new(path)?))));
    }
    if has(&["coin", "bids", "asks"]) {
        let books = BookLines { times: Times::new(), books: Books::new(path)? };
        return Ok(Some(FirstLine::data(books)));
    }
    Ok(None)
}

/// Both times of a line, usually in milliseconds.
struct Times {
    venue: TimeColumn,
    recv: TimeColumn,
}

impl Times {
    fn new() -> Self {
        let column = || TimeColumn::new(TimeForm::Millis);
        Self { venue: column(), recv: column() }
    }

    fn venue(&mut self, key: &str, value: &RawValue) -> Result<Nanos, String> {
        time(&mut self.venue, key, text(value))
    }

    fn recv(&mut self, value: &RawValue) -> Result<Nanos, String> {
        time(&mut self.recv, "recv_ts_ms", text(value))
    }

    /// How they are read, where that is not what their names say.
    fn notes(&self, venue: &str) -> Vec<String> {
        let columns = [("recv_ts_ms", &self.recv), (venue, &self.venue)];
        let unusual = columns.iter().filter(|(_, column)| column.form() != TimeForm::Millis);
        unusual
            .map(|(key, column)| format!("key \"{key}\" is read as {}", column.form().as_str()))
            .collect()
    }
}

fn coin_of(key: &str, name: &str) -> Result<Coin, String> {
    Coin::new(name).ok_or_else(|| bad(key, name, "not the name of a coin"))
}

/// A book a line.
struct BookLines {
    times: Times,
    books: Books,
}

#[derive(Deserialize)]
struct BookLine<'a> {
    #[serde(borrow)]
    recv_ts_ms: &'a RawValue,
    #[serde(borrow)]
    exch_ts_ms: &'a RawValue,
    coin: &'a str,
    #[serde(borrow)]
    bids: Vec<&'a RawValue>,
    #[serde(borrow)]
    asks: Vec<&'a RawValue>,
}

impl Format for BookLines {
    fn line(&mut self, line: &[u8], out: &mut VecDeque<Event>) -> Result<(), String> {
        let line: BookLine<'_> = parse(line, "books (recv_ts_ms, exch_ts_ms, coin, bids, asks)")?;
        let coin = coin_of("coin", line.coin)?;
        let times =
            [self.times.venue("exch_ts_ms", line.exch_ts_ms)?, self.times.recv(line.recv_ts_ms)?];
        let sides = [levels("bids", &line.bids)?, levels("asks", &line.asks)?];
        let book = self.books.book(times, [&sides[0], &sides[1]])?;
        out.push_back(Event { coin, data: MarketEvent::Book(book) });
        Ok(())
    }

    fn notes(&self) -> Vec<String> {
        self.times.notes("exch_ts_ms").into_iter().chain(self.books.notes()).collect()
    }
}

/// A message of the venue's a line.
struct Messages {
    times: Times,
    books: Books,
    decode: Box<FrameDecoder<'static>>,
    /// Of each coin one of it alone: there are more coins than ids.
    universes: HashMap<Coin, Universe>,
    frame: Vec<u8>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    timestamp: &'a RawValue,
    symbol: &'a str,
    data_type: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(borrow)]
    recv_ts_ms: &'a RawValue,
}

/// A book that is not in the venue's form.
#[derive(Deserialize)]
struct Sides<'a> {
    #[serde(borrow)]
    bids: Vec<&'a RawValue>,
    #[serde(borrow)]
    asks: Vec<&'a RawValue>,
}

impl Messages {
    fn new(books: Books) -> Self {
        let (times, universes) = (Times::new(), HashMap::new());
        Self { times, books, decode: venue_decoder(), universes, frame: Vec::new() }
    }

    /// The venue's object, by the decoder of its frames.
    fn venue(
        &mut self,
        (coin, channel, recv): (Coin, &str, Nanos),
        data: &str,
        out: &mut VecDeque<Event>,
    ) -> Result<(), String> {
        let of_coin = || unlisted(coin.as_str(), 0).into_iter().collect();
        let universe = self.universes.entry(coin).or_insert_with(|| Universe::new(of_coin()));
        self.frame.clear();
        for part in ["{\"channel\":\"", channel, "\",\"data\":", data, "}"] {
            self.frame.extend_from_slice(part.as_bytes());
        }
        let mut taken = 0;
        let decoded = (self.decode)(&mut self.frame, recv, universe, &mut |event| {
            taken += 1;
            out.push_back(Event { coin, data: *event });
        });
        decoded.map_err(|why| format!("key \"data\" is no {channel} of the venue: {why}"))?;
        if taken == 0 && channel != "trades" {
            return Err(format!("key \"data\" is no {channel} of the venue: nothing is in it"));
        }
        Ok(())
    }
}

impl Format for Messages {
    fn line(&mut self, line: &[u8], out: &mut VecDeque<Event>) -> Result<(), String> {
        let what = "messages (timestamp, symbol, data_type, data, recv_ts_ms)";
        let line: Message<'_> = parse(line, what)?;
        let coin = coin_of("symbol", line.symbol)?;
        let recv = self.times.recv(line.recv_ts_ms)?;
        let data = line.data.get();
        match line.data_type {
            channel @ ("l2Book" | "bbo" | "trades") => self.venue((coin, channel, recv), data, out),
            "trade" if data.starts_with('[') => self.venue((coin, "trades", recv), data, out),
            "trade" => self.venue((coin, "trades", recv), &format!("[{data}]"), out),
            "orderbook" => match serde_json::from_str::<Sides<'_>>(data) {
                Ok(Sides { bids, asks }) => {
                    let times = [self.times.venue("timestamp", line.timestamp)?, recv];
                    let sides = [levels("bids", &bids)?, levels("asks", &asks)?];
                    let book = self.books.book(times, [&sides[0], &sides[1]])?;
                    out.push_back(Event { coin, data: MarketEvent::Book(book) });
                    Ok(())
                }
                Err(_) => self.venue((coin, "l2Book", recv), data, out),
            },
            other => Err(bad("data_type", other, format_args!("none of {TYPES}"))),
        }
    }

    fn notes(&self) -> Vec<String> {
        self.times.notes("timestamp").into_iter().chain(self.books.notes()).collect()
    }
}
