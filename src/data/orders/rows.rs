//! Single orders as CSV, a row each, as one seller has them: of one coin a file, parted by `;`.
//!
//! | `update_type` | is |
//! |---|---|
//! | `SNAPSHOT` | an order that rests; rows of it together are all that rests |
//! | `ADD` | a new order of size `entry_sx` |
//! | `SET` | an order has the size `entry_sx` now; one that did not rest is new |
//! | `SUB` | it is less by `entry_sx`, without a trade |
//! | `MATCH` | it is less by `entry_sx`, by a trade |
//! | `DELETE` | it is gone |
//! | `REJECTED`, `PENDING` | nothing in the book; of a taker that found nobody (`hl4_status` = `iocCancelRejected`) what it wanted |
//!
//! Any other is an unknown change, which voids the book. Times are of a day, which the folder
//! (`D-YYYYMMDD`, `D-YYYYMMDDHH`) or the file's name tells, or whole. Rows have no block: those of one
//! millisecond are one. The coin is the exchange's symbol in the name (`…+S-BTC.csv.gz`), or `BTC_….csv`.
//! Columns and meanings are those of the seller's public description; what it does not describe is not used.

use super::block::{Block, Diff, Item, px_of, qty_of};
use crate::data::fields::{delimiter, split};
use crate::data::import::node::{bad, id_of, time};
use crate::data::named::coin_of_name;
use crate::data::time::{TimeColumn, TimeForm};
use botmm_pipeline::types::{Coin, Nanos, Oid, Side, Universe};
use botmm_pipeline::venue::sim::orderwise::event::Posted;
use std::ops::Range;
use std::path::Path;

const DAY: Nanos = Nanos::secs(86_400);
const HALF_A_DAY: Nanos = Nanos::secs(43_200);

/// Columns that are used, in the order of [`Rows::columns`].
const COLUMNS: [&str; 7] =
    ["time_exchange", "time_coinapi", "update_type", "is_buy", "entry_px", "entry_sx", "order_id"];
/// Those that may be there too.
const MORE: [&str; 2] = ["tif", "hl4_status"];

/// Whether a first line is the header of such a file.
pub fn is_header(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let has = |part: &str| line.windows(part.len()).any(|window| window == part.as_bytes());
    line.starts_with(b"time_exchange") && has("time_coinapi") && has("update_type")
}

/// The coin that a file is of, by its name.
pub fn coin_of(path: &Path) -> Option<Coin> {
    let name = path.file_name()?.to_str()?;
    let symbol = name.split('+').find_map(|part| part.strip_prefix("S-"));
    let symbol = symbol.map(|symbol| symbol.split(".csv").next().unwrap_or(symbol));
    symbol.and_then(Coin::new).or_else(|| coin_of_name(path))
}

/// Takes the rows of one file apart.
pub struct Rows {
    coin: Option<Coin>,
    /// `2025-11-24`, by folder or name.
    day: Option<String>,
    header: Option<Header>,
    times: [TimeColumn; 2],
    /// Of the row before: when, at the venue and at receipt.
    last: Option<[Nanos; 2]>,
    /// Days since the file's that have passed.
    later: Nanos,
    /// Of the moment of the row before: trades so far.
    trades: u64,
    /// The row before was of a snapshot.
    was_snapshot: bool,
    /// What is missing before the next row.
    missing: Option<String>,
    /// Another file came before: this one has to begin with a snapshot.
    is_later: bool,
}

struct Header {
    delimiter: u8,
    width: usize,
    columns: [usize; COLUMNS.len()],
    more: [Option<usize>; MORE.len()],
}

impl Rows {
    /// Of a file, which may be a later one of a row of them.
    pub fn of(path: &Path, is_later: bool) -> Self {
        let column = || TimeColumn::new(TimeForm::Iso);
        Self {
            coin: coin_of(path),
            day: day_of(path),
            header: None,
            times: [column(), column()],
            last: None,
            later: Nanos::ZERO,
            trades: 0,
            was_snapshot: false,
            missing: None,
            is_later,
        }
    }

    /// A row could not be read.
    pub fn lose(&mut self, why: &str) {
        self.missing.get_or_insert_with(|| why.to_owned());
    }

    /// Whether a line is the header; takes it.
    ///
    /// # Errors
    /// A column is missing.
    pub fn takes_header(&mut self, line: &[u8]) -> Result<bool, String> {
        if self.header.is_some() || !is_header(line) {
            return Ok(false);
        }
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
        let (delimiter, mut fields) = (delimiter(line), Vec::new());
        split(line, delimiter, &mut fields);
        let find = |name: &str| fields.iter().position(|f| line[f.clone()] == *name.as_bytes());
        let mut columns = [0; COLUMNS.len()];
        for (place, name) in columns.iter_mut().zip(COLUMNS) {
            *place = find(name).ok_or_else(|| format!("column `{name}` is missing"))?;
        }
        let more = MORE.map(find);
        self.header = Some(Header { delimiter, width: fields.len(), columns, more });
        Ok(true)
    }

    /// A row. What cannot be read of one is missing in the book: it is told of in the block.
    ///
    /// # Errors
    /// In words, when nothing is known of when it was.
    pub fn block(&mut self, line: &[u8], universe: &Universe) -> Result<Block, String> {
        let is_first = self.last.is_none();
        let mut block = match (self.row(line, universe), self.last) {
            (Ok(block), _) => block,
            // It may have been of what is being read.
            (Err(why), Some([venue, local])) => {
                let (is_snapshot, wrong) = (self.was_snapshot, Some(why));
                Block { venue, local, is_snapshot, wrong, ..Block::default() }
            }
            (Err(why), None) => {
                self.lose(&why);
                return Err(why);
            }
        };
        if is_first && self.is_later && !block.is_snapshot {
            self.lose("a later file without a snapshot: what came between is not known");
        }
        self.was_snapshot = block.is_snapshot;
        block.wrong = block.wrong.take().or(self.missing.take());
        Ok(block)
    }

    fn row(&mut self, line: &[u8], universe: &Universe) -> Result<Block, String> {
        let header = self.header.as_ref().ok_or("no header above it")?;
        let mut fields: Vec<Range<usize>> = Vec::new();
        split(line, header.delimiter, &mut fields);
        if fields.len() != header.width {
            return Err(format!("{} columns, the header has {}", fields.len(), header.width));
        }
        let text = |i: usize| {
            let text = line[fields[i].clone()].trim_ascii();
            std::str::from_utf8(text).map_err(|_| "no text in UTF-8".to_owned())
        };
        let mut texts = [""; COLUMNS.len()];
        for (place, column) in texts.iter_mut().zip(header.columns) {
            *place = text(column)?;
        }
        let [tif, status] = header.more.map(|column| column.map_or(Ok(""), text));
        let (tif, status) = (tif?, status?);
        let [at_venue, at_local, kind, is_buy, px, qty, oid] = texts;
        let [venue, local] = self.moment(at_venue, at_local)?;
        let mut block = Block { venue, local, is_snapshot: kind == "SNAPSHOT", ..Block::default() };
        let coin = self.coin.ok_or("a file of no coin by its name; call it COIN_….csv")?;
        let Some(asset) = universe.find(coin.as_bytes()) else {
            block.has_others = true;
            return Ok(block);
        };
        let side = match is_buy {
            "1" | "true" => Side::Bid,
            "0" | "false" => Side::Ask,
            other => return Err(bad("is_buy", other, "neither 1 nor 0")),
        };
        let known = match kind {
            "REJECTED" if status == "iocCancelRejected" => {
                let missed = Item::Missed(side, px_of(px)?, qty_of("entry_sx", qty)?);
                block.items.push((asset, missed));
                return Ok(block);
            }
            "REJECTED" | "PENDING" => return Ok(block),
            "DELETE" => Some(Diff::Remove),
            "SNAPSHOT" | "ADD" => Some(Diff::New(qty_of("entry_sx", qty)?)),
            "SET" => Some(Diff::Set(qty_of("entry_sx", qty)?)),
            "SUB" | "MATCH" => Some(Diff::Less(qty_of("entry_sx", qty)?)),
            _ => None,
        };
        if known.is_none() {
            block.wrong = Some(bad("update_type", kind, "a change that is not known"));
        }
        let id = oid.parse().map_err(|_| bad("order_id", oid, "not the id of an order"))?;
        let (oid, px) = (Oid(id), px_of(px)?);
        if matches!(kind, "ADD" | "SET") && !tif.is_empty() {
            let posted = if tif == "Alo" { Posted::Only } else { Posted::AfterTaking };
            block.items.push((asset, Item::Posted(oid, posted)));
        }
        if let ("MATCH", Some(Diff::Less(qty))) = (kind, known) {
            self.trades += 1;
            let nth = self.trades.to_string();
            let tid = id_of(&[coin.as_str(), at_venue, &id.to_string(), &nth]);
            block.items.push((asset, Item::Fill(oid, side, px, qty, tid)));
        }
        block.items.push((asset, Item::Diff(oid, side, px, known)));
        Ok(block)
    }

    /// When a row was. A file may run over its day's end, and the two clocks may be on both sides of it.
    fn moment(&mut self, venue: &str, local: &str) -> Result<[Nanos; 2], String> {
        let mut read = |i: usize, text: &str| -> Result<(Nanos, bool), String> {
            let is_of_day = text.as_bytes().get(2) == Some(&b':');
            if !is_of_day {
                return Ok((time(&mut self.times[i], COLUMNS[i], text)?, false));
            }
            let no_day = "a time of a day that neither the folder (D-YYYYMMDD) nor the name tells";
            let day = self.day.as_ref().ok_or_else(|| bad(COLUMNS[i], text, no_day))?;
            let at = time(&mut self.times[i], COLUMNS[i], &format!("{day}T{text}"));
            at.map(|at| (at, true)).map_err(|_| bad(COLUMNS[i], text, "not a time of day"))
        };
        let ((mut venue, is_of_day), (mut local, is_local_of_day)) =
            (read(0, venue)?, read(1, local)?);
        if is_local_of_day {
            local = local + self.later;
            if self.last.is_some_and(|[_, last]| last - local > HALF_A_DAY) {
                (self.later, local) = (self.later + DAY, local + DAY);
            }
        }
        if is_of_day {
            venue = venue + self.later;
            if venue - local > HALF_A_DAY {
                venue = venue - DAY;
            } else if local - venue > HALF_A_DAY {
                venue = venue + DAY;
            }
        }
        if self.last.is_none_or(|[last, _]| last != venue) {
            self.trades = 0;
        }
        self.last = Some([venue, local]);
        Ok([venue, local])
    }
}

/// `2025-11-24` of a folder `D-20251124`, `D-2025112416`, or of a name that holds `20251124`.
fn day_of(path: &Path) -> Option<String> {
    let parts = path.iter().rev().filter_map(|part| part.to_str());
    let day = |part: &str| {
        let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let is_day =
            |text: &&str| matches!(text.len(), 8 | 10) && is_number(text) && text.starts_with("20");
        let found = part.split(['_', '.', '-', '+']).find(is_day)?;
        let (year, month, day) = (found.get(..4)?, found.get(4..6)?, found.get(6..8)?);
        Some(format!("{year}-{month}-{day}"))
    };
    let dashed = |part: &str| {
        let at = part.find("20")?;
        let text = part.get(at..at + 10)?;
        let is_one = humantime::parse_rfc3339_weak(&format!("{text}T00:00:00")).is_ok();
        is_one.then(|| text.to_owned())
    };
    parts.take(4).find_map(|part| day(part).or_else(|| dashed(part)))
}
