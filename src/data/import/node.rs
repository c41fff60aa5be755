//! What a node writes: `node_trades`, a trade a line, and `node_fills_by_block`, a block a line.

use super::event::{Event, Format};
use crate::data::time::{TimeColumn, TimeForm};
use crate::masked::excerpt;
use botmm_pipeline::types::{
    Coin, MarketEvent, Nanos, Px, Qty, Side, Trade as Traded, read_decimal,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;

/// `node_trades/hourly/D/H`. A trade has no id there: its two orders and all that it says make one, so
/// that the same line is the same trade wherever it is found.
pub struct Trades {
    times: TimeColumn,
}

/// A line of it.
#[derive(Deserialize)]
pub struct Trade<'a> {
    pub coin: &'a str,
    /// The aggressor's.
    pub side: &'a str,
    pub time: &'a str,
    pub px: &'a str,
    pub sz: &'a str,
    hash: &'a str,
    /// The buyer's order, and the seller's.
    pub side_info: [Party; 2],
}

/// One of the two of a trade.
#[derive(Deserialize)]
pub struct Party {
    pub oid: u64,
}

impl Trade<'_> {
    /// What it is known by.
    pub fn id(&self) -> u64 {
        let [buyer, seller] = &self.side_info;
        id_of(&[
            self.coin,
            self.side,
            self.time,
            self.px,
            self.sz,
            self.hash,
            &buyer.oid.to_string(),
            &seller.oid.to_string(),
        ])
    }
}

impl Trades {
    pub fn new() -> Self {
        Self { times: TimeColumn::new(TimeForm::Iso) }
    }
}

impl Format for Trades {
    fn line(&mut self, line: &[u8], out: &mut VecDeque<Event>) -> Result<(), String> {
        let trade: Trade<'_> = parse(line, "node trades")?;
        let time = time(&mut self.times, "time", trade.time)?;
        let tid = trade.id();
        let Trade { coin, px, sz, side, .. } = trade;
        out.push_back(event(coin, [px, sz], self::side(side)?, [time, time], tid)?);
        Ok(())
    }

    fn notes(&self) -> Vec<String> {
        vec![
            "node trades have no time of receipt: the block's is taken for it; `replay --feed 50ms` \
             is a feed so late"
                .to_owned(),
        ]
    }
}

/// `node_fills_by_block`. Both sides of a trade are there, under one id.
pub struct Fills {
    local: TimeColumn,
    block: TimeColumn,
}

#[derive(Deserialize)]
struct Block<'a> {
    local_time: &'a str,
    block_time: &'a str,
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Fill<'a> {
    coin: &'a str,
    side: &'a str,
    px: &'a str,
    sz: &'a str,
    /// Whether this side took.
    crossed: bool,
    tid: u64,
}

impl Fills {
    pub fn new() -> Self {
        let column = || TimeColumn::new(TimeForm::Iso);
        Self { local: column(), block: column() }
    }
}

impl Format for Fills {
    fn line(&mut self, line: &[u8], out: &mut VecDeque<Event>) -> Result<(), String> {
        let block: Block<'_> = parse(line, "node fills")?;
        let times = [
            time(&mut self.local, "local_time", block.local_time)?,
            time(&mut self.block, "block_time", block.block_time)?,
        ];
        let mut wrong = None;
        for raw in block.events {
            let fill = || {
                let (_, fill): (&str, Fill<'_>) = parse(raw.get().as_bytes(), "node fills")?;
                let own = side(fill.side)?;
                let aggressor = if fill.crossed { own } else { own.opposite() };
                event(fill.coin, [fill.px, fill.sz], aggressor, times, fill.tid)
            };
            match fill() {
                Ok(event) => out.push_back(event),
                Err(why) => _ = wrong.get_or_insert(why),
            }
        }
        wrong.map_or(Ok(()), Err)
    }
}

pub fn parse<'a, T: Deserialize<'a>>(json: &'a [u8], what: &str) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|e| format!("not a line of {what}: {e}"))
}

pub fn time(column: &mut TimeColumn, key: &str, text: &str) -> Result<Nanos, String> {
    let read = column.read(text.as_bytes());
    read.ok_or_else(|| bad(key, text, format_args!("not a time in {}", column.form().as_str())))
}

pub fn side(text: &str) -> Result<Side, String> {
    match text {
        "B" => Ok(Side::Bid),
        "A" => Ok(Side::Ask),
        other => Err(bad("side", other, "neither B nor A")),
    }
}

fn event(
    coin: &str,
    [px, sz]: [&str; 2],
    aggressor: Side,
    [recv_time, venue_time]: [Nanos; 2],
    tid: u64,
) -> Result<Event, String> {
    let decimal =
        |key: &str, text: &str| read_decimal(text.as_bytes()).map_err(|e| bad(key, text, e));
    let (px, qty) = (Px::from_raw(decimal("px", px)?), Qty::from_raw(decimal("sz", sz)?));
    let coin = Coin::new(coin).ok_or_else(|| bad("coin", coin, "not the name of a coin"))?;
    let trade = Traded { aggressor, recv_time, venue_time, px, qty, tid, ..Traded::default() };
    Ok(Event { coin, data: MarketEvent::Trade(trade) })
}

pub fn bad(key: &str, text: &str, why: impl std::fmt::Display) -> String {
    format!("key \"{key}\" is `{}`: {why}", excerpt(text.as_bytes()))
}

/// An id that only these make; it fits where ids are signed.
pub fn id_of(parts: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let bytes = hash.finalize();
    let first = bytes.iter().take(8).fold(0_u64, |id, byte| id << 8 | u64::from(*byte));
    first >> 1
}
