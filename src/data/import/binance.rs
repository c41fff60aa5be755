//! Lines of hftbacktest's collector for Binance: `LOCAL_NS JSON`, of streams (in the envelope
//! `{"stream","data"}` or bare) and of answers to requests for a book.
//!
//! | event | is |
//! |---|---|
//! | `depthUpdate` | changes of levels: kept by [`Kept`] |
//! | `{"lastUpdateId","bids","asks"}` | a whole book |
//! | `trade`, `aggTrade` | a trade; `m` = the buyer was the maker, so the taker sold |
//! | `bookTicker` | a touch |
//!
//! Others are counted and left out. Field names and the rules of the ids are those of the venue's public
//! documentation of its spot and futures streams.

use super::books::{levels, text};
use super::diffs::{Changes, Kept, Whole};
use super::event::{Event, Format};
use super::node::{bad, parse, time};
use super::tardis::stranger;
use crate::data::time::{TimeColumn, TimeForm, split_time};
use botmm_pipeline::types::{
    Bbo, Coin, Level, MarketEvent, Nanos, Px, Qty, Side, Trade, read_decimal,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;

/// Trades in a market; others are of the insurance fund or of deleveraging.
const MARKET: &str = "MARKET";

/// See the module.
pub struct Lines {
    /// As the file is named, for books that do not say whose they are.
    named: Option<Coin>,
    recv: TimeColumn,
    venue: TimeColumn,
    books: HashMap<Coin, Kept>,
    /// Which event tells of the trades of a coin: of both, each trade would be there twice.
    trades: HashMap<Coin, &'static str>,
    lines: u64,
    others: BTreeMap<String, u64>,
    untimed: u64,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// What tells events apart.
#[derive(Deserialize)]
struct Head<'a> {
    e: Option<&'a str>,
    #[serde(rename = "lastUpdateId")]
    last_update_id: Option<u64>,
    #[serde(rename = "B", borrow)]
    bid_size: Option<&'a RawValue>,
    msg: Option<&'a str>,
}

#[derive(Deserialize)]
struct Depth<'a> {
    #[serde(rename = "E", borrow)]
    at: &'a RawValue,
    #[serde(rename = "T", borrow)]
    done: Option<&'a RawValue>,
    s: &'a str,
    #[serde(rename = "U")]
    first: u64,
    #[serde(rename = "u")]
    last: u64,
    /// Of futures: the last id of the event before.
    pu: Option<u64>,
    #[serde(borrow)]
    b: Vec<&'a RawValue>,
    #[serde(borrow)]
    a: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Snapshot<'a> {
    #[serde(rename = "T", borrow)]
    done: Option<&'a RawValue>,
    #[serde(borrow)]
    bids: Vec<&'a RawValue>,
    #[serde(borrow)]
    asks: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Traded<'a> {
    #[serde(rename = "T", borrow)]
    done: &'a RawValue,
    s: &'a str,
    t: Option<u64>,
    a: Option<u64>,
    #[serde(borrow)]
    p: &'a RawValue,
    #[serde(borrow)]
    q: &'a RawValue,
    m: bool,
    #[serde(rename = "X")]
    kind: Option<&'a str>,
}

#[derive(Deserialize)]
struct Ticker<'a> {
    #[serde(rename = "T", borrow)]
    done: Option<&'a RawValue>,
    s: &'a str,
    #[serde(borrow)]
    b: &'a RawValue,
    #[serde(rename = "B", borrow)]
    bid_size: &'a RawValue,
    #[serde(borrow)]
    a: &'a RawValue,
    #[serde(rename = "A", borrow)]
    ask_size: &'a RawValue,
}

impl Lines {
    /// Of a file.
    pub fn new(path: &Path) -> Self {
        let stem = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let symbol = stem.split(['_', '.']).next().unwrap_or_default().to_ascii_uppercase();
        Self {
            named: Coin::new(&symbol),
            recv: TimeColumn::new(TimeForm::Nanos),
            venue: TimeColumn::new(TimeForm::Millis),
            books: HashMap::new(),
            trades: HashMap::new(),
            lines: 0,
            others: BTreeMap::new(),
            untimed: 0,
        }
    }

    fn depth(&mut self, json: &[u8], recv: Nanos, out: &mut VecDeque<Event>) -> Result<(), String> {
        let depth: Depth<'_> = parse(json, "depthUpdate")?;
        let coin = coin_of(depth.s)?;
        let venue = self.venue_time(depth.done.unwrap_or(depth.at))?;
        let levels = both_sides("b", &depth.b, "a", &depth.a)?;
        let Depth { first, last, pu, .. } = depth;
        if first > last {
            return Err(format!("ids from {first} to {last}: the first is behind the last"));
        }
        let changes = Changes { first, last, before: pu, venue, levels };
        let book = self.books.entry(coin).or_default().change(changes, recv)?;
        out.extend(book.map(|book| Event { coin, data: MarketEvent::Book(book) }));
        Ok(())
    }

    fn snapshot(
        &mut self,
        (json, id): (&[u8], u64),
        recv: Nanos,
        out: &mut VecDeque<Event>,
    ) -> Result<(), String> {
        let snapshot: Snapshot<'_> = parse(json, "books")?;
        let mut seen = self.books.keys();
        let coin = match (seen.next(), seen.next()) {
            (Some(one), None) => Some(*one),
            _ => self.named,
        };
        let coin =
            coin.ok_or("a book that does not say whose it is; name the file SYMBOL_DAY.gz")?;
        let venue = snapshot.done.map(|at| self.venue_time(at)).transpose()?;
        let levels = both_sides("bids", &snapshot.bids, "asks", &snapshot.asks)?;
        let whole = Whole { id, venue, levels };
        let book = self.books.entry(coin).or_default().reset(whole, recv)?;
        out.extend(book.map(|book| Event { coin, data: MarketEvent::Book(book) }));
        Ok(())
    }

    fn trade(
        &mut self,
        (json, event): (&[u8], &'static str),
        recv_time: Nanos,
        out: &mut VecDeque<Event>,
    ) -> Result<(), String> {
        let traded: Traded<'_> = parse(json, event)?;
        let coin = coin_of(traded.s)?;
        if let Some(kind) = traded.kind.filter(|kind| *kind != MARKET) {
            self.other(&format!("{event} of the kind {kind}"));
            return Ok(());
        }
        let told_by = *self.trades.entry(coin).or_insert(event);
        if told_by != event {
            self.other(&format!("{event} beside {told_by}"));
            return Ok(());
        }
        let (key, tid) = if event == "trade" { ("t", traded.t) } else { ("a", traded.a) };
        let tid = tid.ok_or_else(|| format!("key \"{key}\" is missing: a trade without an id"))?;
        let venue_time = self.venue_time(traded.done)?;
        let (px, qty) = (px_of("p", text(traded.p))?, qty_of("q", text(traded.q))?);
        let aggressor = if traded.m { Side::Ask } else { Side::Bid };
        let trade = Trade { aggressor, recv_time, venue_time, px, qty, tid, ..Trade::default() };
        out.push_back(Event { coin, data: MarketEvent::Trade(trade) });
        Ok(())
    }

    fn touch(
        &mut self,
        json: &[u8],
        recv_time: Nanos,
        out: &mut VecDeque<Event>,
    ) -> Result<(), String> {
        let ticker: Ticker<'_> = parse(json, "bookTicker")?;
        let coin = coin_of(ticker.s)?;
        self.untimed += u64::from(ticker.done.is_none());
        let venue_time = ticker.done.map_or(Ok(recv_time), |at| self.venue_time(at))?;
        let level = |(px_key, px): (&str, &RawValue), (key, size): (&str, &RawValue)| {
            let qty = qty_of(key, text(size))?;
            // A side of nothing has no price.
            match qty.is_zero() {
                true => Ok::<_, String>(Level::default()),
                false => Ok(Level { px: px_of(px_key, text(px))?, qty }),
            }
        };
        let bid = level(("b", ticker.b), ("B", ticker.bid_size))?;
        let ask = level(("a", ticker.a), ("A", ticker.ask_size))?;
        let bbo = Bbo { recv_time, venue_time, bid, ask, ..Bbo::default() };
        out.push_back(Event { coin, data: MarketEvent::Bbo(bbo) });
        Ok(())
    }

    fn venue_time(&mut self, value: &RawValue) -> Result<Nanos, String> {
        time(&mut self.venue, "T", text(value))
    }

    fn other(&mut self, what: &str) {
        const MAX_KINDS: usize = 20;
        let is_new = !self.others.contains_key(what);
        let what = if is_new && self.others.len() >= MAX_KINDS { "other kinds" } else { what };
        *self.others.entry(what.to_owned()).or_default() += 1;
    }
}

impl Format for Lines {
    fn line(&mut self, line: &[u8], out: &mut VecDeque<Event>) -> Result<(), String> {
        let (at, json) = split_time(line);
        if at.is_empty() {
            return Err("no local time in front of the message (`LOCAL_NS JSON`)".to_owned());
        }
        let at = String::from_utf8_lossy(at);
        let recv = time(&mut self.recv, "LOCAL_NS", &at)?;
        let envelope: Envelope<'_> = parse(json, "messages of Binance")?;
        let json = envelope.data.map_or(json, |data| data.get().as_bytes());
        let head: Head<'_> = parse(json, "messages of Binance")?;
        self.lines += 1;
        match (head.e, head.last_update_id) {
            (_, Some(id)) => self.snapshot((json, id), recv, out),
            (Some("depthUpdate"), _) => self.depth(json, recv, out),
            (Some("trade"), _) => self.trade((json, "trade"), recv, out),
            (Some("aggTrade"), _) => self.trade((json, "aggTrade"), recv, out),
            // Of the spot market it has no name.
            (Some("bookTicker"), _) => self.touch(json, recv, out),
            (None, _) if head.bid_size.is_some() => self.touch(json, recv, out),
            (Some(other), _) => {
                self.other(other);
                Ok(())
            }
            (None, _) => match head.msg {
                Some(msg) => Err(bad("msg", msg, "an error of the venue's, and no data")),
                None => Err("no event by its keys: neither `e` nor `lastUpdateId`".to_owned()),
            },
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = stranger(self.lines, "binance").into_iter().collect();
        let left_out = self.others.iter().map(|(what, n)| format!("{n} × {what}: left out"));
        notes.extend(left_out);
        if self.untimed > 0 {
            notes.push(format!(
                "{} touches have no time of the venue: that of receipt is taken for it",
                self.untimed
            ));
        }
        let mut books: Vec<_> = self.books.iter().collect();
        books.sort_by_key(|(coin, _)| coin.as_str());
        for (coin, book) in books {
            notes.extend(book.notes().iter().map(|note| format!("{coin}: {note}")));
        }
        notes
    }
}

fn coin_of(symbol: &str) -> Result<Coin, String> {
    Coin::new(symbol).ok_or_else(|| bad("s", symbol, "not the name of a coin"))
}

fn px_of(key: &str, text: &str) -> Result<Px, String> {
    let px = read_decimal(text.as_bytes()).map_err(|e| bad(key, text, e))?;
    if px > 0 { Ok(Px::from_raw(px)) } else { Err(bad(key, text, "a price is positive")) }
}

fn qty_of(key: &str, text: &str) -> Result<Qty, String> {
    let qty = read_decimal(text.as_bytes()).map_err(|e| bad(key, text, e))?;
    if qty >= 0 { Ok(Qty::from_raw(qty)) } else { Err(bad(key, text, "a size is not below 0")) }
}

/// Levels of bids and of asks.
fn both_sides(
    bids: &str,
    of_bids: &[&RawValue],
    asks: &str,
    of_asks: &[&RawValue],
) -> Result<Vec<(Side, Px, Qty)>, String> {
    let mut all = Vec::with_capacity(of_bids.len() + of_asks.len());
    for (side, key, raw) in [(Side::Bid, bids, of_bids), (Side::Ask, asks, of_asks)] {
        for [px, qty] in levels(key, raw)? {
            let (px, qty) = (String::from_utf8_lossy(px), String::from_utf8_lossy(qty));
            all.push((side, px_of(key, &px)?, qty_of(key, &qty)?));
        }
    }
    Ok(all)
}
