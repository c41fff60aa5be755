//! Lines of a node's files of single orders, and of the trades that belong to them; the order changes also
//! as others sell them, with snapshots.

use super::block::{Block, Diff, Item, px_of, qty_of};
use super::rows::{self, Rows};
use crate::data::hygiene::plausible;
use crate::data::import::node::{Trade, bad, parse, side, time as any_time};
use crate::data::time::{TimeColumn, TimeForm};
use botmm_pipeline::types::{AssetId, Nanos, Oid, Side, Universe};
use botmm_pipeline::venue::sim::orderwise::event::Posted;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::path::Path;

/// Which of a node's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// `node_raw_book_diffs_by_block`: what every order does in the book.
    Diffs,
    /// The same as others sell it: `{"time","height","diffs":[…]}`, with snapshots.
    SoldDiffs,
    /// The same as CSV ([`rows`](super::rows)).
    Rows,
    /// `node_order_statuses_by_block`: how orders were meant.
    Statuses,
    /// `node_fills_by_block`.
    Fills,
    /// `node_trades`.
    Trades,
}

/// How the folders of a node are called that hold the files of a kind.
const FOLDERS: [(&str, NodeKind); 4] = [
    ("node_raw_book_diffs", NodeKind::Diffs),
    ("node_order_statuses", NodeKind::Statuses),
    ("node_fills", NodeKind::Fills),
    ("node_trades", NodeKind::Trades),
];

/// The kind of a file by its first line, and by its folder where that is a block without events.
pub fn kind_of(path: &Path, line: &[u8]) -> Option<NodeKind> {
    let has = |part: &str| line.windows(part.len()).any(|window| window == part.as_bytes());
    if rows::is_header(line) {
        return Some(NodeKind::Rows);
    }
    if !line.starts_with(b"{") {
        return None;
    }
    if has("\"side_info\"") {
        return Some(NodeKind::Trades);
    }
    if has("\"height\"") && has("\"diffs\"") && has("\"diff_type\"") {
        return Some(NodeKind::SoldDiffs);
    }
    if !has("\"block_number\"") || !has("\"events\"") {
        return None;
    }
    let of_folder = || {
        let mut parts = path.iter().rev().filter_map(|part| part.to_str());
        parts.find_map(|part| FOLDERS.iter().find(|(name, _)| part.starts_with(name)))
    };
    Some(match (has("\"raw_book_diff\""), has("\"status\"")) {
        (true, _) => NodeKind::Diffs,
        (_, true) => NodeKind::Statuses,
        _ => of_folder().map_or(NodeKind::Fills, |(_, kind)| *kind),
    })
}

/// Takes the lines of a kind apart.
pub struct Lines {
    kind: NodeKind,
    local: TimeColumn,
    block: TimeColumn,
    rows: Option<Rows>,
    is_begun: bool,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    local_time: &'a str,
    block_time: &'a str,
    block_number: Option<u64>,
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct DiffEvent<'a> {
    oid: u64,
    coin: &'a str,
    side: &'a str,
    px: &'a str,
    #[serde(borrow)]
    raw_book_diff: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawDiff<'a> {
    New {
        sz: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    Update {
        orig_sz: &'a str,
        new_sz: &'a str,
    },
    Modified {
        sz: &'a str,
    },
    Remove,
}

#[derive(Deserialize)]
struct Fill<'a> {
    coin: &'a str,
    side: &'a str,
    px: &'a str,
    sz: &'a str,
    crossed: bool,
    oid: u64,
    tid: u64,
}

#[derive(Deserialize)]
struct StatusEvent<'a> {
    status: &'a str,
    #[serde(borrow)]
    order: Order<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order<'a> {
    coin: &'a str,
    side: &'a str,
    limit_px: &'a str,
    sz: &'a str,
    oid: u64,
    tif: Option<&'a str>,
}

#[derive(Deserialize)]
struct SoldBlock<'a> {
    #[serde(borrow)]
    time: &'a RawValue,
    height: u64,
    #[serde(default)]
    snapshot: bool,
    #[serde(borrow)]
    diffs: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct SoldDiff<'a> {
    diff_type: &'a str,
    coin: &'a str,
    oid: u64,
    side: &'a str,
    px: &'a str,
    sz: Option<&'a str>,
}

impl Lines {
    /// Of a kind.
    pub fn new(kind: NodeKind) -> Self {
        let column = || TimeColumn::new(TimeForm::Iso);
        Self { kind, local: column(), block: column(), rows: None, is_begun: false }
    }

    /// The lines of a file follow.
    pub fn begin(&mut self, path: &Path) {
        let is_later = std::mem::replace(&mut self.is_begun, true);
        self.rows = (self.kind == NodeKind::Rows).then(|| Rows::of(path, is_later));
    }

    /// A line could not be read.
    pub fn lose(&mut self, why: &str) {
        self.rows.iter_mut().for_each(|rows| rows.lose(why));
    }

    /// Whether a line is a header, and no data; takes it.
    ///
    /// # Errors
    /// In words, what it lacks.
    pub fn takes_header(&mut self, line: &[u8]) -> Result<bool, String> {
        self.rows.as_mut().map_or(Ok(false), |rows| rows.takes_header(line))
    }

    /// Takes a line apart. Events that cannot be read are told of in the block.
    ///
    /// # Errors
    /// In words, when it is no block at all.
    pub fn block(&mut self, line: &[u8], universe: &Universe) -> Result<Block, String> {
        if let Some(rows) = &mut self.rows {
            return rows.block(line, universe);
        }
        match self.kind {
            NodeKind::Trades => return self.trade(line, universe),
            NodeKind::SoldDiffs => return self.sold(line, universe),
            _ => {}
        }
        let Envelope { local_time, block_time, block_number, events } =
            parse(line, "a node's blocks")?;
        let mut block = Block {
            number: block_number,
            venue: time(&mut self.block, "block_time", block_time)?,
            local: time(&mut self.local, "local_time", local_time)?,
            ..Block::default()
        };
        for event in events {
            let read = match self.kind {
                NodeKind::Diffs => diff(event, universe),
                NodeKind::Statuses => status(event, universe),
                _ => fill(event, universe),
            };
            match read {
                Ok(Read::Item(asset, item)) => block.items.push((asset, item)),
                Ok(Read::Other) => block.has_others = true,
                Ok(Read::Nothing) => {}
                Err(why) => _ = block.wrong.get_or_insert(why),
            }
        }
        Ok(block)
    }

    fn sold(&mut self, line: &[u8], universe: &Universe) -> Result<Block, String> {
        let sold: SoldBlock<'_> = parse(line, "sold book diffs")?;
        let text = sold.time.get().trim_matches('"');
        let at = time(&mut self.block, "time", text)?;
        let mut block = Block {
            number: Some(sold.height),
            venue: at,
            local: at,
            is_snapshot: sold.snapshot,
            ..Block::default()
        };
        for event in sold.diffs {
            match sold_diff(event, sold.snapshot, universe) {
                Ok(Read::Item(asset, item)) => block.items.push((asset, item)),
                Ok(Read::Other) => block.has_others = true,
                Ok(Read::Nothing) => {}
                Err(why) => _ = block.wrong.get_or_insert(why),
            }
        }
        Ok(block)
    }

    fn trade(&mut self, line: &[u8], universe: &Universe) -> Result<Block, String> {
        let trade: Trade<'_> = parse(line, "node trades")?;
        let at = time(&mut self.block, "time", trade.time)?;
        let mut block = Block { venue: at, local: at, ..Block::default() };
        let Some(asset) = universe.find(trade.coin.as_bytes()) else {
            block.has_others = true;
            return Ok(block);
        };
        let maker = side(trade.side)?.opposite();
        let [buyer, seller] = &trade.side_info;
        let oid = Oid(if maker == Side::Bid { buyer.oid } else { seller.oid });
        let (px, qty) = (px_of(trade.px)?, qty_of("sz", trade.sz)?);
        block.items.push((asset, Item::Fill(oid, maker, px, qty, trade.id())));
        Ok(block)
    }
}

fn sold_diff(event: &RawValue, is_snapshot: bool, universe: &Universe) -> Result<Read, String> {
    let event: SoldDiff<'_> = parse(event.get().as_bytes(), "sold book diffs")?;
    let Some(asset) = universe.find(event.coin.as_bytes()) else { return Ok(Read::Other) };
    let (side, px) = (side(event.side)?, px_of(event.px)?);
    let qty = || qty_of("sz", event.sz.unwrap_or_default());
    let diff = match event.diff_type {
        "NEW" => Some(Diff::New(qty()?)),
        "UPDATE" if !is_snapshot => Some(Diff::Update(None, qty()?)),
        "REMOVE" if !is_snapshot => Some(Diff::Remove),
        _ => None,
    };
    Ok(Read::Item(asset, Item::Diff(Oid(event.oid), side, px, diff)))
}

/// What was made of an event.
enum Read {
    Item(AssetId, Item),
    /// It is about a coin that was not asked for.
    Other,
    /// It says nothing that is needed.
    Nothing,
}

fn diff(event: &RawValue, universe: &Universe) -> Result<Read, String> {
    let event: DiffEvent<'_> = parse(event.get().as_bytes(), "node book diffs")?;
    let Some(asset) = universe.find(event.coin.as_bytes()) else { return Ok(Read::Other) };
    let (side, px) = (side(event.side)?, px_of(event.px)?);
    let diff = match serde_json::from_str::<RawDiff<'_>>(event.raw_book_diff.get()) {
        Err(_) => None,
        Ok(RawDiff::New { sz }) => Some(Diff::New(qty_of("sz", sz)?)),
        Ok(RawDiff::Update { orig_sz, new_sz }) => {
            Some(Diff::Update(Some(qty_of("origSz", orig_sz)?), qty_of("newSz", new_sz)?))
        }
        Ok(RawDiff::Modified { sz }) => Some(Diff::Modified(qty_of("sz", sz)?)),
        Ok(RawDiff::Remove) => Some(Diff::Remove),
    };
    Ok(Read::Item(asset, Item::Diff(Oid(event.oid), side, px, diff)))
}

fn fill(event: &RawValue, universe: &Universe) -> Result<Read, String> {
    let (_, fill): (&str, Fill<'_>) = parse(event.get().as_bytes(), "node fills")?;
    let Some(asset) = universe.find(fill.coin.as_bytes()) else { return Ok(Read::Other) };
    // Both sides of a trade are there: the one that rested tells of the book.
    if fill.crossed {
        return Ok(Read::Nothing);
    }
    let (side, px, qty) = (side(fill.side)?, px_of(fill.px)?, qty_of("sz", fill.sz)?);
    Ok(Read::Item(asset, Item::Fill(Oid(fill.oid), side, px, qty, fill.tid)))
}

fn status(event: &RawValue, universe: &Universe) -> Result<Read, String> {
    let StatusEvent { status, order } = parse(event.get().as_bytes(), "node order statuses")?;
    let Some(asset) = universe.find(order.coin.as_bytes()) else { return Ok(Read::Other) };
    Ok(match (status, order.tif) {
        ("open", Some(tif)) => {
            let posted = if tif == "Alo" { Posted::Only } else { Posted::AfterTaking };
            Read::Item(asset, Item::Posted(Oid(order.oid), posted))
        }
        ("iocCancelRejected", _) => {
            let (px, qty) = (px_of(order.limit_px)?, qty_of("sz", order.sz)?);
            Read::Item(asset, Item::Missed(side(order.side)?, px, qty))
        }
        _ => Read::Nothing,
    })
}

fn time(column: &mut TimeColumn, key: &str, text: &str) -> Result<Nanos, String> {
    let time = any_time(column, key, text)?;
    if plausible(time) { Ok(time) } else { Err(bad(key, text, "not of this century")) }
}
