//! A node's files of single orders (L4) → an order tape, and what the public saw.
//!
//! `node_raw_book_diffs_by_block` (or what others sell in its place: [`rows`] are CSV) says what every order does; the trades that belong to it come from
//! `node_fills_by_block` or `node_trades`; `node_order_statuses_by_block` adds which orders were
//! post-only, and takers that found nobody. Files are read streaming, one of each kind at a time, and matched
//! block by block.
//!
//! A block whose number does not follow the one before voids every coin's book, one that came before is
//! left out. A change that lessens an order is a trade as far as the block has trades of it, else a cancel.

mod block;
pub mod node;
mod rows;
mod stream;

use super::error::DataError;
use super::hygiene::{Intake, Place};
use super::report::{FileLog, LoadReport};
use super::scan::{DataFile, Layout};
use super::source::{Line, LineReader};
use super::{Progress, Universe};
use crate::when;
use block::{Block, Diff, Item, key};
use botmm_pipeline::types::{AssetId, Coin, MarketEvent, Nanos, Oid, Px, Qty, Side};
use botmm_pipeline::venue::sim::orderwise::builder::{Builder, OrdersReport};
use botmm_pipeline::venue::sim::orderwise::codec::OrderTape;
use botmm_pipeline::venue::sim::orderwise::event::{Fault, OrderEvent, Posted};
use botmm_pipeline::venue::sim::orderwise::public::{BlockTimes, Cadence};
use node::NodeKind;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use stream::{MAX_LINE, Reading, Stream};

/// Blocks at the front of a file that are searched for coins: a quarter of an hour, in which every coin
/// of the venue appears.
const COIN_LINES: usize = 10_000;

/// Order data of a recording.
#[derive(Debug)]
pub struct OrderData {
    /// What every order did.
    pub tape: Arc<OrderTape>,
    /// What came of each coin, by asset.
    pub coins: Vec<OrdersReport>,
}

/// Adds the coins that files of order changes name.
pub fn collect_coins(file: &DataFile, coins: &mut BTreeSet<String>) -> Result<(), DataError> {
    const KEY: &[u8] = b"\"coin\":\"";
    if file.layout == Layout::Node(NodeKind::Rows) {
        coins.extend(rows::coin_of(&file.path).map(|coin| coin.as_str().to_owned()));
        return Ok(());
    }
    let unreadable = |source| DataError::Unreadable { path: file.path.clone(), source };
    let mut source = LineReader::open(&file.path).map_err(unreadable)?.with_lines_of(MAX_LINE);
    let mut line = Vec::new();
    for _ in 0..COIN_LINES {
        let Ok(Line::Whole | Line::TooLong) = source.next_line(&mut line) else { break };
        let mut rest = line.as_slice();
        while let Some(at) = rest.windows(KEY.len()).position(|window| window == KEY) {
            rest = &rest[at + KEY.len()..];
            let end = rest.iter().position(|&b| b == b'"').unwrap_or(rest.len());
            let coin = std::str::from_utf8(&rest[..end]).ok();
            if let Some(coin) = coin.filter(|c| Coin::new(c).is_some() && !coins.contains(*c)) {
                coins.insert(coin.to_owned());
            }
        }
    }
    Ok(())
}

/// Reads order data. What the public saw of coins without other books goes to `intake`.
///
/// # Errors
/// A file cannot be read or is mostly unsound, or the trades are missing.
pub fn read(
    files: &[(NodeKind, DataFile)],
    universe: &Universe,
    intake: &mut Intake,
    (report, bar, allow_unsound): (&mut LoadReport, &Progress<'_>, bool),
) -> Result<OrderData, DataError> {
    let of_kind = |kind| -> Vec<DataFile> {
        files.iter().filter(|(k, _)| *k == kind).map(|(_, file)| file.clone()).collect()
    };
    let has = |kind| files.iter().any(|(k, _)| *k == kind);
    let found: Vec<NodeKind> = [NodeKind::Diffs, NodeKind::SoldDiffs, NodeKind::Rows]
        .into_iter()
        .filter(|k| has(*k))
        .collect();
    let changes = found.first().copied().unwrap_or(NodeKind::Diffs);
    if found.len() > 1 {
        let words = "order changes of more than one kind: a node's are used before sold ones, these before CSV";
        report.warn(words.to_owned());
    }
    let path = files.first().map(|(_, file)| file.path.clone()).unwrap_or_default();
    let [fills, trades] = [NodeKind::Fills, NodeKind::Trades].map(of_kind);
    let has_trades = !(fills.is_empty() && trades.is_empty());
    let (kind, files_of_trades) = match (fills.is_empty(), trades.is_empty()) {
        // Rows may have trades of their own.
        (true, true) if changes != NodeKind::Rows => return Err(DataError::no_trades(&path)),
        (true, _) => (NodeKind::Trades, trades),
        (false, is_alone) => {
            if !is_alone {
                report.warn("node trades beside node fills: the fills are used".to_owned());
            }
            (NodeKind::Fills, fills)
        }
    };
    let mut joined = Joined {
        diffs: by_coin(changes, of_kind(changes))
            .into_iter()
            .map(|files| Stream::new(changes, files))
            .collect::<Result<_, _>>()?,
        trades: Stream::new(kind, files_of_trades)?,
        statuses: Stream::new(NodeKind::Statuses, of_kind(NodeKind::Statuses))?,
        builder: Builder::new(universe, Cadence::TODAY),
        last_number: None,
        is_of_rows: changes == NodeKind::Rows,
        has_trades,
        own_trades: 0,
        repeated: 0,
        lone_trades: 0,
        public: Vec::new(),
        unseen_by_feed: universe.iter().map(|(asset, _)| !intake.has_books(asset)).collect(),
    };
    let mut reading = Reading { universe, report: &mut *report, bar, allow_unsound };
    while joined.block(intake, &mut reading)? {}
    if !has_trades && joined.own_trades == 0 {
        return Err(DataError::no_trades(&path));
    }
    joined.trades.drain(&mut joined.lone_trades, &mut reading)?;
    joined.statuses.drain(&mut 0, &mut reading)?;
    let mut log = FileLog::new(&path, report);
    intake.end_file(&mut log)?;
    let (repeated, lone) = (joined.repeated, joined.lone_trades);
    let (tape, coins) = joined.builder.finish();
    if repeated > 0 {
        report.warn(format!("{repeated} blocks of order data that came before are left out"));
    }
    if lone > 0 {
        report.warn(format!("{lone} trades of blocks without order data are left out"));
    }
    for ((_, instrument), coin) in universe.iter().zip(&coins) {
        report.warnings.extend(in_words(instrument.coin.as_str(), coin));
    }
    Ok(OrderData { tape: Arc::new(tape), coins })
}

/// Files that are read one after another: CSV of a coin are a stream of their own.
fn by_coin(kind: NodeKind, files: Vec<DataFile>) -> Vec<Vec<DataFile>> {
    if kind != NodeKind::Rows {
        return vec![files];
    }
    let mut coins: BTreeMap<String, Vec<DataFile>> = BTreeMap::new();
    for file in files {
        let coin = rows::coin_of(&file.path).map(|coin| coin.as_str().to_owned());
        coins.entry(coin.unwrap_or_default()).or_default().push(file);
    }
    coins.into_values().collect()
}

/// What a person must know of a coin's order data; nothing when all is well.
fn in_words(coin: &str, report: &OrdersReport) -> Vec<String> {
    let mut words = Vec::new();
    if let Some((fault, time, oid)) = report.first_fault {
        let counted = Fault::ALL.iter().zip(report.faults).filter(|(_, count)| *count > 0);
        let counted: Vec<_> =
            counted.map(|(fault, count)| format!("{count} × {}", fault.in_words())).collect();
        let order = oid.map(|oid| format!(", order {}", oid.0)).unwrap_or_default();
        words.push(format!(
            "{coin}: order data void for {:.0} s, {} events left out: {} (first: {} at {}{order}); a \
             book is whole again from the next snapshot on",
            report.void_for.as_secs_f64(),
            report.left_out,
            counted.join(", "),
            fault.in_words(),
            when::utc_s(time),
        ));
    }
    if report.unseen > 0 {
        words.push(format!(
            "{coin}: {} changes of orders from before the recording, which begins without a snapshot: \
             they are ahead of ours, and not in the displayed sizes",
            report.unseen
        ));
    }
    words
}

/// Streams that are read together, and what is made of them.
struct Joined {
    /// One, or one of each coin.
    diffs: Vec<Stream>,
    trades: Stream,
    statuses: Stream,
    builder: Builder,
    last_number: Option<u64>,
    /// Changes are CSV, of which rows may be trades and say how orders came.
    is_of_rows: bool,
    /// There are trades beside them, which count then.
    has_trades: bool,
    own_trades: u64,
    repeated: u64,
    lone_trades: u64,
    public: Vec<MarketEvent>,
    /// By asset: its public data are to be derived.
    unseen_by_feed: Vec<bool>,
}

/// A trade that belongs to a change of its maker.
#[derive(Clone, Copy)]
struct Traded {
    side: Side,
    px: Px,
    qty: Qty,
    tid: u64,
}

impl Joined {
    /// Takes in a block; false at the end.
    fn block(
        &mut self,
        intake: &mut Intake,
        reading: &mut Reading<'_, '_>,
    ) -> Result<bool, DataError> {
        let Some(diffs) = self.changes(reading)? else { return Ok(false) };
        // A snapshot may be of the block before it.
        let is_old = |last, number| number < last || number == last && !diffs.is_snapshot;
        if self.last_number.zip(diffs.number).is_some_and(|(last, n)| is_old(last, n)) {
            self.repeated += 1;
            return Ok(true);
        }
        if diffs.is_snapshot {
            self.last_number = diffs.number;
            self.snapshot(&diffs, intake, reading);
            return Ok(true);
        }
        let is_gap = match (self.last_number, diffs.number) {
            (Some(last), number) => number != Some(last + 1),
            (None, _) => false,
        };
        // What could not be read of a block is missing in it.
        let is_gap = is_gap || diffs.wrong.is_some();
        self.last_number = diffs.number.or(self.last_number);
        let trades = self.trades.at(key(&diffs), &mut self.lone_trades, reading)?;
        let statuses = self.statuses.at(key(&diffs), &mut 0, reading)?;
        for (asset, _) in reading.universe.iter() {
            let of_asset = |block: &Block| -> Vec<Item> {
                block.items.iter().filter(|(a, _)| *a == asset).map(|(_, item)| *item).collect()
            };
            let of = [Some(&diffs), trades.as_ref(), statuses.as_ref()];
            let mut of = of.map(|block| block.map(of_asset).unwrap_or_default());
            if self.is_of_rows {
                let [rows, trades, statuses] = &mut of;
                statuses.extend_from_slice(rows);
                let is_own = |item: &&Item| matches!(item, Item::Fill(..));
                self.own_trades += rows.iter().filter(is_own).count() as u64;
                if !self.has_trades {
                    trades.extend_from_slice(rows);
                }
            }
            if is_gap || of.iter().any(|items| !items.is_empty()) {
                let (venue, recv) = (diffs.venue, diffs.local);
                self.builder.begin(BlockTimes { asset, venue, recv });
                if is_gap {
                    self.builder.fail(Fault::Gap, None);
                }
                self.coin(asset, &of);
                self.builder.end(&mut self.public);
            }
            self.tell(asset, intake);
        }
        Ok(true)
    }

    /// The next changes; of several streams those of the oldest moment together, snapshots before them.
    fn changes(&mut self, reading: &mut Reading<'_, '_>) -> Result<Option<Block>, DataError> {
        let mut oldest: Option<((i64, bool), usize)> = None;
        for (i, stream) in self.diffs.iter_mut().enumerate() {
            if let Some(at) = stream.peek(reading)? {
                oldest = Some(oldest.map_or((at, i), |oldest| oldest.min((at, i))));
            }
        }
        let Some((at, first)) = oldest else { return Ok(None) };
        let Some(mut block) = self.diffs[first].next(reading)? else { return Ok(None) };
        for stream in &mut self.diffs[first + 1..] {
            if stream.peek(reading)? == Some(at) {
                stream.next(reading)?.into_iter().for_each(|more| block.take(more));
            }
        }
        Ok(Some(block))
    }

    /// All that rests. At a price, older ids are first: ids only grow.
    fn snapshot(&mut self, block: &Block, intake: &mut Intake, reading: &Reading<'_, '_>) {
        for (asset, _) in reading.universe.iter() {
            let of_asset = block.items.iter().filter(|(a, _)| *a == asset);
            let mut items: Vec<Item> = of_asset.map(|(_, item)| *item).collect();
            if items.is_empty() {
                continue;
            }
            items.sort_by_key(|item| match item {
                Item::Diff(oid, ..) => *oid,
                _ => Oid(0),
            });
            let times = BlockTimes { asset, venue: block.venue, recv: block.local };
            self.builder.begin(times);
            self.builder.push(&OrderEvent::Snapshot);
            self.coin(asset, &[items, Vec::new(), Vec::new()]);
            if block.wrong.is_some() {
                self.builder.fail(Fault::UnknownDiff, None);
            }
            self.builder.whole();
            self.builder.end(&mut self.public);
            self.tell(asset, intake);
        }
    }

    /// What a block says of a coin.
    fn coin(&mut self, asset: AssetId, [diffs, trades, statuses]: &[Vec<Item>; 3]) {
        let mut traded: HashMap<Oid, Vec<Traded>> = HashMap::new();
        for item in trades {
            if let Item::Fill(oid, side, px, qty, tid) = *item {
                traded.entry(oid).or_default().push(Traded { side, px, qty, tid });
            }
        }
        let posted: HashMap<Oid, Posted> = statuses
            .iter()
            .filter_map(|item| match *item {
                Item::Posted(oid, posted) => Some((oid, posted)),
                _ => None,
            })
            .collect();
        // Of rows an order that was traded to nothing may be deleted in words too.
        let mut gone: HashSet<Oid> = HashSet::new();
        for item in diffs {
            let Item::Diff(oid, side, px, diff) = *item else { continue };
            let rests = self.builder.order(asset, oid).map(|(_, _, qty)| qty);
            match diff {
                None => self.builder.fail(Fault::UnknownDiff, Some(oid)),
                Some(Diff::New(qty)) => {
                    let posted = posted.get(&oid).copied().unwrap_or_default();
                    self.builder.push(&OrderEvent::New { oid, side, px, qty, posted });
                }
                Some(Diff::Update(before, qty)) => {
                    let before = before.or(rests).unwrap_or(qty);
                    self.lessen(oid, (rests, before, qty), &mut traded);
                }
                // Nobody says where it goes: it stays, which is the cautious assumption.
                Some(Diff::Modified(qty)) => {
                    self.builder.push(&OrderEvent::Resized { oid, qty, keeps_place: true });
                }
                Some(Diff::Set(qty)) => match self.builder.order(asset, oid) {
                    None => {
                        let posted = posted.get(&oid).copied().unwrap_or_default();
                        self.builder.push(&OrderEvent::New { oid, side, px, qty, posted });
                    }
                    Some((_, at, _)) if at != px => self.builder.fail(Fault::BadSize, Some(oid)),
                    Some((_, _, before)) if qty > before => {
                        self.builder.push(&OrderEvent::Resized { oid, qty, keeps_place: true });
                    }
                    Some((_, _, before)) => {
                        self.lessen(oid, (rests, before, qty), &mut traded);
                    }
                },
                Some(Diff::Less(qty)) => {
                    // Of one that is not known all is taken.
                    let before = rests.unwrap_or(qty);
                    if qty > before {
                        self.builder.fail(Fault::BadSize, Some(oid));
                        continue;
                    }
                    self.lessen(oid, (rests, before, before - qty), &mut traded);
                    gone.extend((before == qty).then_some(oid));
                }
                Some(Diff::Remove) if rests.is_none() && gone.contains(&oid) => {}
                Some(Diff::Remove) => {
                    let all = rests.unwrap_or(Qty::from_raw(i64::MAX));
                    let cancelled = self.trades_of(oid, all, &mut traded);
                    if cancelled.is_positive() {
                        self.builder.push(&OrderEvent::Removed { oid });
                    }
                }
            }
        }
        // The oldest of them, so that the same one is named each time.
        let lone =
            traded.iter().filter(|(_, trades)| !trades.is_empty()).map(|(oid, _)| *oid).min();
        if let Some(oid) = lone {
            self.builder.fail(Fault::LoneTrade, Some(oid));
        }
        for item in statuses {
            if let Item::Missed(side, px, qty) = *item {
                self.builder.push(&OrderEvent::Missed { side, px, qty });
            }
        }
    }

    /// An order that rests with so much, or is not known, goes from a size to another: by its trades, and the
    /// rest by a cancel.
    fn lessen(
        &mut self,
        oid: Oid,
        (rests, before, qty): (Option<Qty>, Qty, Qty),
        traded: &mut HashMap<Oid, Vec<Traded>>,
    ) {
        if rests.is_some_and(|rests| rests != before) || qty > before {
            return self.builder.fail(Fault::BadSize, Some(oid));
        }
        let cancelled = self.trades_of(oid, before - qty, traded);
        if !cancelled.is_positive() && rests.is_some() {
            return;
        }
        // Rows say nothing more of an order that has nothing left.
        self.builder.push(&match qty.is_zero() && self.is_of_rows {
            true => OrderEvent::Removed { oid },
            false => OrderEvent::Resized { oid, qty, keeps_place: true },
        });
    }

    /// An order lost so much: its trades of this block, as far as they go; what they leave.
    fn trades_of(
        &mut self,
        oid: Oid,
        mut lost: Qty,
        traded: &mut HashMap<Oid, Vec<Traded>>,
    ) -> Qty {
        let Some(trades) = traded.get_mut(&oid) else { return lost };
        let mut told = 0;
        for trade in trades.iter().take_while(|trade| {
            let fits = trade.qty <= lost;
            lost -= if fits { trade.qty } else { Qty::ZERO };
            fits
        }) {
            self.builder.fill(oid, (trade.side, trade.px), trade.qty, trade.tid);
            told += 1;
        }
        trades.drain(..told);
        lost
    }

    /// Hands on what the public saw of a coin.
    fn tell(&mut self, asset: AssetId, intake: &mut Intake) {
        for event in self.public.drain(..) {
            if self.unseen_by_feed[asset.index()] {
                // Derived from what is sound; a clock that is off is for the intake to tell.
                let _ = intake.admit(&event, Place { line: 0, rows: 1 });
            }
        }
    }
}

impl OrderData {
    /// Whether there is anything of a coin.
    pub fn has(&self, asset: AssetId) -> bool {
        self.coins.get(asset.index()).is_some_and(|coin| coin.events > 0)
    }

    /// From when on a coin's book is whole.
    pub fn whole_from(&self, asset: AssetId) -> Option<Nanos> {
        self.coins.get(asset.index())?.whole_from
    }
}
