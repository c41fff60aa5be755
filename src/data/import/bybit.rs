//! Bybit's public trades, `SYMBOLDAY.csv.gz`: a trade a row, `side` that of who took.

use super::event::{Event, Format};
use super::node::id_of;
use crate::data::bars::table::{Columns, time};
use crate::data::time::{TimeColumn, TimeForm};
use botmm_pipeline::types::{Coin, MarketEvent, Px, Qty, Side, Trade, read_decimal};
use std::collections::VecDeque;

/// How every header begins; later files have more columns behind it.
const HEAD: &str = "timestamp,symbol,side,size,price,tickDirection,trdMatchID";
/// Where these columns are.
const TIMESTAMP: usize = 0;
const SYMBOL: usize = 1;
const SIDE: usize = 2;
const SIZE: usize = 3;
const PRICE: usize = 4;
const ID: usize = 6;

/// The format below such a header.
pub fn format(header: &str) -> Option<Box<dyn Format>> {
    let rest = header.strip_prefix(HEAD)?;
    if !rest.is_empty() && !rest.starts_with(',') {
        return None;
    }
    let times = TimeColumn::new(TimeForm::Seconds);
    Some(Box::new(Trades { columns: Columns::new(header.as_bytes()), times }))
}

/// See the module.
struct Trades {
    columns: Columns,
    times: TimeColumn,
}

impl Format for Trades {
    fn line(&mut self, line: &[u8], out: &mut VecDeque<Event>) -> Result<(), String> {
        self.columns.split(line)?;
        let columns = &self.columns;
        let text = |column| String::from_utf8_lossy(columns.text(line, column));
        let at = time(columns, line, TIMESTAMP, &mut self.times)?;
        let symbol = text(SYMBOL);
        let coin = Coin::new(&symbol)
            .ok_or_else(|| columns.bad(line, SYMBOL, "not the name of a coin"))?;
        // Contracts of one dollar: how many coins that is depends on the price.
        if symbol.ends_with("USD") {
            let why = "an inverse contract, whose sizes are money and not coins: not read";
            return Err(columns.bad(line, SYMBOL, why));
        }
        let aggressor = match text(SIDE).as_ref() {
            "Buy" => Side::Bid,
            "Sell" => Side::Ask,
            _ => return Err(columns.bad(line, SIDE, "neither Buy nor Sell")),
        };
        let decimal = |column| {
            read_decimal(columns.text(line, column)).map_err(|e| columns.bad(line, column, e))
        };
        let (px, qty) = (Px::from_raw(decimal(PRICE)?), Qty::from_raw(decimal(SIZE)?));
        let id = text(ID);
        if id.is_empty() {
            return Err(columns.bad(line, ID, "a trade without an id"));
        }
        let tid = id_of(&[&symbol, &id]);
        let trade =
            Trade { aggressor, recv_time: at, venue_time: at, px, qty, tid, ..Trade::default() };
        out.push_back(Event { coin, data: MarketEvent::Trade(trade) });
        Ok(())
    }

    fn notes(&self) -> Vec<String> {
        vec![
            "trades of Bybit have no time of receipt: their own is taken for it; its steps of price and \
             size and its fees are not those that a replay assumes"
                .to_owned(),
        ]
    }
}
