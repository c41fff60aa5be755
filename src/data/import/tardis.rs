//! CSV of Tardis. Trades, touches and books go through the reader of our own CSV, under our names;
//! changes of a book are put together here.

use super::depth::{Depth, is_same};
use super::event::{Event, Format};
use crate::data::csv::{Reader, Skipped};
use crate::data::error::DataError;
use crate::data::scan::CsvKind;
use crate::data::time::{LOCAL, TimeColumn, TimeForm, VENUE};
use crate::masked::excerpt;
use botmm_pipeline::types::{
    AssetId, Bbo, BookSnapshot, Coin, Level, MarketEvent, Nanos, Px, Qty, Side, read_decimal,
};
use std::collections::{HashMap, VecDeque};
use std::path::Path;

/// How every header begins.
pub const HEAD: &str = "exchange,symbol,timestamp,local_timestamp,";
const CHANGES: &str = "is_snapshot,side,price,amount";
const QUOTES: &str = "ask_amount,ask_price,bid_price,bid_amount";
const TRADES: &str = "id,side,price,amount";
const BOOKS: &str = "asks[0].price,asks[0].amount,bids[0].price,bids[0].amount";
/// The venue that this program trades on.
const VENUE_NAME: &[u8] = b"hyperliquid";

/// The format below such a header; [`None`] when it is none that is known.
///
/// # Errors
/// It lacks a column.
pub fn format(path: &Path, header: &str) -> Result<Option<Box<dyn Format>>, DataError> {
    let Some(rest) = header.strip_prefix(HEAD) else { return Ok(None) };
    if rest == CHANGES {
        return Ok(Some(Box::new(Changes::default())));
    }
    let (kind, is_quotes) = match rest {
        TRADES => (CsvKind::Trades, false),
        QUOTES => (CsvKind::Books, true),
        books if books.starts_with(BOOKS) => (CsvKind::Books, false),
        _ => return Ok(None),
    };
    let ours: Vec<String> = header.split(',').map(our_name).collect();
    let times = [TimeForm::Micros; 2];
    let reader = Reader::new(path, kind, AssetId::default(), times, ours.join(",").as_bytes())?;
    Ok(Some(Box::new(Rows { reader, is_quotes, number: 1, strangers: Strangers::default() })))
}

/// Our name of a column of theirs.
fn our_name(theirs: &str) -> String {
    let level = |side: &str| {
        let (n, what) = theirs.strip_prefix(side)?.strip_prefix("s[")?.split_once("].")?;
        let what = if what == "amount" { "size" } else { what };
        Some(format!("{side}_{what}_{n}"))
    };
    let named = match theirs {
        "timestamp" => VENUE,
        "local_timestamp" => LOCAL,
        "id" => "trade_id",
        "amount" => "size",
        "ask_amount" => "ask_size_0",
        "ask_price" => "ask_price_0",
        "bid_price" => "bid_price_0",
        "bid_amount" => "bid_size_0",
        other => other,
    };
    level("ask").or_else(|| level("bid")).unwrap_or_else(|| named.to_owned())
}

/// Rows of other venues.
#[derive(Default)]
struct Strangers {
    rows: u64,
    first: String,
}

impl Strangers {
    /// The coin of a row; remembers where it is from.
    fn coin(&mut self, line: &[u8]) -> Result<Coin, String> {
        let mut fields = line.split(|b| *b == b',');
        let exchange = fields.next().unwrap_or_default();
        if exchange != VENUE_NAME {
            if self.rows == 0 {
                self.first = excerpt(exchange);
            }
            self.rows += 1;
        }
        let symbol = fields.next().unwrap_or_default();
        let coin = std::str::from_utf8(symbol).ok().and_then(Coin::new);
        coin.ok_or_else(|| {
            format!("column `symbol` is `{}`: not the name of a coin", excerpt(symbol))
        })
    }

    fn notes(&self) -> Option<String> {
        stranger(self.rows, &self.first)
    }
}

/// What is to be said of so many rows of another venue.
pub fn stranger(rows: u64, venue: &str) -> Option<String> {
    (rows > 0).then(|| {
        format!(
            "{rows} rows are of `{venue}`, another venue, whose steps of price and size and whose fees are \
             not those that a replay assumes"
        )
    })
}

/// `trades`, `quotes`, `book_snapshot_N`: an event a row.
struct Rows {
    reader: Reader,
    is_quotes: bool,
    number: u64,
    strangers: Strangers,
}

impl Format for Rows {
    fn line(&mut self, line: &[u8], out: &mut VecDeque<Event>) -> Result<(), String> {
        self.number += 1;
        let coin = self.strangers.coin(line)?;
        let is_quotes = self.is_quotes;
        let read = self.reader.row(self.number, line, &mut |event, _| {
            let data = match event {
                MarketEvent::Book(book) if is_quotes => MarketEvent::Bbo(touch(book)),
                other => *other,
            };
            out.push_back(Event { coin, data });
            Ok(())
        });
        read.map_err(|(_, _, why): Skipped| why)
    }

    fn notes(&self) -> Vec<String> {
        self.reader.notes().into_iter().chain(self.strangers.notes()).collect()
    }
}

fn touch(book: &BookSnapshot) -> Bbo {
    let best = |levels: &[Level]| levels.first().copied().unwrap_or_default();
    let BookSnapshot { asset, recv_time, venue_time, .. } = *book;
    let (bid, ask) = (best(book.bids()), best(book.asks()));
    Bbo { asset, recv_time, venue_time, bid, ask, ..Bbo::default() }
}

/// `incremental_book_L2`: a change of a level a row. Rows of one time of receipt are one message, after
/// which the book is whole again.
#[derive(Default)]
struct Changes {
    times: Option<[TimeColumn; 2]>,
    books: HashMap<Coin, Known>,
    /// The message that is being read.
    open: Option<(Coin, [Nanos; 2])>,
    early: u64,
    strangers: Strangers,
}

/// What is known of a coin.
#[derive(Default)]
struct Known {
    depth: Depth,
    /// A snapshot has been seen.
    is_known: bool,
    is_in_snapshot: bool,
    last: Option<BookSnapshot>,
}

/// A row of changes.
struct Change {
    venue: Nanos,
    local: Nanos,
    is_snapshot: bool,
    side: Side,
    px: Px,
    qty: Qty,
}

impl Changes {
    fn read(&mut self, line: &[u8]) -> Result<Change, String> {
        let fields: Vec<&[u8]> = line.split(|b| *b == b',').map(<[u8]>::trim_ascii).collect();
        let [_, _, venue, local, is_snapshot, side, px, qty] = fields[..] else {
            return Err(format!("{} columns, the header has 8", fields.len()));
        };
        let bad = |name: &str, text: &[u8], why: &dyn std::fmt::Display| {
            format!("column `{name}` is `{}`: {why}", excerpt(text))
        };
        let times = self.times.get_or_insert_with(|| {
            [TimeColumn::new(TimeForm::Micros), TimeColumn::new(TimeForm::Micros)]
        });
        let mut time = |i: usize, name: &str, text: &[u8]| {
            let form = times[i].form().as_str();
            times[i].read(text).ok_or_else(|| bad(name, text, &format!("not a time in {form}")))
        };
        let (venue, local) = (time(0, "timestamp", venue)?, time(1, "local_timestamp", local)?);
        let is_snapshot = match is_snapshot {
            b"true" => true,
            b"false" => false,
            other => return Err(bad("is_snapshot", other, &"neither true nor false")),
        };
        let side = match side {
            b"bid" => Side::Bid,
            b"ask" => Side::Ask,
            other => return Err(bad("side", other, &"neither bid nor ask")),
        };
        let decimal = |name: &str, text: &[u8]| read_decimal(text).map_err(|e| bad(name, text, &e));
        let (price, amount) = (decimal("price", px)?, decimal("amount", qty)?);
        if price <= 0 || amount < 0 {
            let why = format!("price {} with amount {}", excerpt(px), excerpt(qty));
            return Err(format!("{why}: a price is positive, an amount not below 0"));
        }
        let (px, qty) = (Px::from_raw(price), Qty::from_raw(amount));
        Ok(Change { venue, local, is_snapshot, side, px, qty })
    }

    /// Ends the message that is being read.
    fn close(&mut self, out: &mut VecDeque<Event>) {
        let Some((coin, at)) = self.open.take() else { return };
        let Some(known) = self.books.get_mut(&coin) else { return };
        let book = known.depth.book(at);
        if known.last.as_ref().is_none_or(|last| !is_same(last, &book)) {
            known.last = Some(book);
            out.push_back(Event { coin, data: MarketEvent::Book(book) });
        }
    }
}

impl Format for Changes {
    fn line(&mut self, line: &[u8], out: &mut VecDeque<Event>) -> Result<(), String> {
        let coin = self.strangers.coin(line)?;
        let change = self.read(line)?;
        if self.open.is_some_and(|(open, [_, local])| open != coin || local != change.local) {
            self.close(out);
        }
        let is_first = self.open.is_none();
        let known = self.books.entry(coin).or_default();
        if change.is_snapshot && (is_first || !known.is_in_snapshot) {
            *known = Known { is_known: true, last: known.last.take(), ..Known::default() };
        }
        known.is_in_snapshot = change.is_snapshot;
        if !known.is_known {
            self.early += 1;
            return Ok(());
        }
        known.depth.set(change.side, change.px, change.qty)?;
        self.open = Some((coin, [change.venue, change.local]));
        Ok(())
    }

    fn end(&mut self, out: &mut VecDeque<Event>) {
        self.close(out);
    }

    fn notes(&self) -> Vec<String> {
        let early = (self.early > 0).then(|| {
            format!("{} changes before the first snapshot of their book: left out", self.early)
        });
        early.into_iter().chain(self.strangers.notes()).collect()
    }
}
