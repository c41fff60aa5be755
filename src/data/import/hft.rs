//! hftbacktest's event records: changes of a book's levels, touches, trades; all of one coin.

use super::depth::{Depth, is_same};
use super::event::{Event, Format};
use super::node::id_of;
use crate::data::npy::{
    BBO, BUY, CLEAR, DEPTH, KIND, LOCAL, ORDERS, Record, SELL, SNAPSHOT, TRADE,
};
use botmm_pipeline::types::{
    Bbo, BookSnapshot, Coin, Level, LevelChange, LevelNews, MarketEvent, Nanos, Px, Qty, Side,
    Trade, read_decimal,
};
use std::collections::{HashMap, VecDeque};

/// See the module. Rows of both times alike are one message, after which the book is whole again.
pub struct Rows {
    coin: Coin,
    depth: Depth,
    last: Option<BookSnapshot>,
    touch: [Option<Level>; 2],
    open: Open,
    /// Of the moment of the last trade, how often each one was there: trades that the file has no ids for.
    twins: (Nanos, HashMap<String, u64>),
    made_ids: u64,
    orders: u64,
    unknown: u64,
    /// Each change of a level is an event; else the book that it leaves.
    is_by_levels: bool,
}

/// The message that is being read.
#[derive(Default)]
struct Open {
    /// Times of the venue and of receipt.
    at: Option<[Nanos; 2]>,
    /// It has changes of levels; one of them changed nothing, so it tells the book again.
    has_depth: bool,
    is_again: bool,
    /// Sides of the touch that it has.
    has_touch: [bool; 2],
}

impl Rows {
    /// Of this coin.
    pub fn new(coin: Coin) -> Self {
        Self {
            coin,
            depth: Depth::default(),
            last: None,
            touch: [None; 2],
            open: Open::default(),
            twins: (Nanos::ZERO, HashMap::new()),
            made_ids: 0,
            orders: 0,
            unknown: 0,
            is_by_levels: false,
        }
    }

    /// The same, but each change of a level is an event of its own.
    pub fn by_levels(coin: Coin) -> Self {
        Self { is_by_levels: true, ..Self::new(coin) }
    }

    fn change(&mut self, kind: u64, row: &Record) -> Result<(), String> {
        let sides = sides(row.ev);
        if kind == CLEAR && sides.is_empty() {
            self.depth.clear_all();
            return Ok(());
        }
        let [side] = sides[..] else { return Err("a level of neither side".to_owned()) };
        if kind == CLEAR {
            self.depth.clear(side, Px::from_raw(decimal("px", row.px)?));
            return Ok(());
        }
        let level = level(row)?;
        self.open.is_again |= !self.depth.set(side, level.px, level.qty)?;
        Ok(())
    }

    fn trade(
        &mut self,
        row: &Record,
        [venue_time, recv_time]: [Nanos; 2],
    ) -> Result<Event, String> {
        let [aggressor] = sides(row.ev)[..] else {
            return Err("a trade of which the taker's side is not told".to_owned());
        };
        let Level { px, qty } = level(row)?;
        let tid = match row.ival {
            0 => self.made_id(row, recv_time),
            id => id.cast_unsigned(),
        };
        let trade = Trade { aggressor, recv_time, venue_time, px, qty, tid, ..Trade::default() };
        Ok(Event { coin: self.coin, data: MarketEvent::Trade(trade) })
    }

    /// The same row of the same file has the same id wherever it is found.
    fn made_id(&mut self, row: &Record, at: Nanos) -> u64 {
        self.made_ids += 1;
        if self.twins.0 != at {
            self.twins = (at, HashMap::new());
        }
        let told =
            format!("{:?}", (row.ev & (BUY | SELL), row.exch_ts, row.local_ts, row.px, row.qty));
        let nth = self.twins.1.entry(told.clone()).or_default();
        *nth += 1;
        id_of(&[self.coin.as_str(), &told, &nth.to_string()])
    }

    /// Ends the message that is being read.
    fn close(&mut self, out: &mut VecDeque<Event>) {
        let Open { at, has_depth, is_again, has_touch } = std::mem::take(&mut self.open);
        let Some(at) = at else { return };
        if let ([Some(bid), Some(ask)], true) = (self.touch, has_touch != [false; 2]) {
            let [venue_time, recv_time] = at;
            let bbo = Bbo { recv_time, venue_time, bid, ask, ..Bbo::default() };
            out.push_back(Event { coin: self.coin, data: MarketEvent::Bbo(bbo) });
        }
        if has_depth {
            let book = self.depth.book(at);
            if is_again || self.last.as_ref().is_none_or(|last| !is_same(last, &book)) {
                out.push_back(Event { coin: self.coin, data: MarketEvent::Book(book) });
            }
            self.last = Some(book);
        }
    }
}

impl Format for Rows {
    fn line(&mut self, line: &[u8], out: &mut VecDeque<Event>) -> Result<(), String> {
        let row = Record::from_bytes(line).ok_or("not a whole record")?;
        if row.ev & LOCAL == 0 {
            return Ok(()); // Its twin at the clock of receipt has both times too.
        }
        let at = [Nanos(row.exch_ts), Nanos(row.local_ts)];
        if self.open.at.is_some_and(|open| open != at) {
            self.close(out);
        }
        match row.ev & KIND {
            kind @ (DEPTH | CLEAR | SNAPSHOT) if self.is_by_levels => {
                let data = MarketEvent::Level(level_change(kind, &row, at)?);
                out.push_back(Event { coin: self.coin, data });
                Ok(())
            }
            kind @ (DEPTH | CLEAR | SNAPSHOT) => {
                (self.open.at, self.open.has_depth) = (Some(at), true);
                self.change(kind, &row)
            }
            BBO => {
                let [side] = sides(row.ev)[..] else {
                    return Err("a touch of neither side".to_owned());
                };
                if self.open.has_touch[side.index()] {
                    let Open { has_depth, is_again, .. } = self.open;
                    (self.open.has_depth, self.open.is_again) = (false, false);
                    self.close(out);
                    (self.open.has_depth, self.open.is_again) = (has_depth, is_again);
                }
                let level = level(&row)?;
                self.touch[side.index()] =
                    Some(if level.qty.is_zero() { Level::default() } else { level });
                (self.open.at, self.open.has_touch[side.index()]) = (Some(at), true);
                Ok(())
            }
            TRADE => {
                let trade = self.trade(&row, at)?;
                out.push_back(trade);
                Ok(())
            }
            kind => {
                *(if kind >= ORDERS { &mut self.orders } else { &mut self.unknown }) += 1;
                Ok(())
            }
        }
    }

    fn end(&mut self, out: &mut VecDeque<Event>) {
        self.close(out);
    }

    fn notes(&self) -> Vec<String> {
        let note = |n: u64, what: &str| (n > 0).then(|| format!("{n} {what}"));
        [
            note(self.made_ids, "trades without an id: one is made of all that is told of them"),
            note(self.orders, "records of single orders: left out"),
            note(self.unknown, "records of an unknown kind: left out"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// A row as the change of a level. Its price may be a whole number of anything: the tape finds of what.
fn level_change(
    kind: u64,
    row: &Record,
    [venue_time, recv_time]: [Nanos; 2],
) -> Result<LevelChange, String> {
    let sides = sides(row.ev);
    let at = LevelChange { tick: 1, venue_time, recv_time, ..LevelChange::default() };
    if kind == CLEAR && sides.is_empty() {
        return Ok(LevelChange { news: LevelNews::AllCleared, ..at });
    }
    let [side] = sides[..] else { return Err("a level of neither side".to_owned()) };
    if kind == CLEAR {
        let px = Px::from_raw(decimal("px", row.px)?);
        return Ok(LevelChange { side, px, news: LevelNews::Cleared, ..at });
    }
    let Level { px, qty } = level(row)?;
    Ok(LevelChange { side, px, qty, ..at })
}

/// Those whose bit is set.
fn sides(ev: u64) -> Vec<Side> {
    [(BUY, Side::Bid), (SELL, Side::Ask)]
        .iter()
        .filter(|(bit, _)| ev & bit != 0)
        .map(|(_, s)| *s)
        .collect()
}

fn level(row: &Record) -> Result<Level, String> {
    let (px, qty) = (decimal("px", row.px)?, decimal("qty", row.qty)?);
    if px < 0 || qty < 0 {
        return Err(format!("price {} with size {}: both are not below 0", row.px, row.qty));
    }
    Ok(Level { px: Px::from_raw(px), qty: Qty::from_raw(qty) })
}

/// The shortest decimal that means the double.
fn decimal(name: &str, value: f64) -> Result<i64, String> {
    let text = format!("{value}");
    read_decimal(text.as_bytes()).map_err(|e| format!("field `{name}` is `{text}`: {e}"))
}
