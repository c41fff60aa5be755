//! Recordings on disk → a [`Tape`] in memory.
//!
//! Two layouts are read, plain, gzip, zstd or lz4 frames, mixed at will:
//!
//! - **CSV**: `orderbooks_COIN…`, `trades_COIN…`, `prices_COIN…` `.csv` (also `COIN_orderbooks…`);
//!   columns by header, parted by comma, semicolon or tab, quoted or not. Local receive time in unix
//!   seconds, venue time in unix milliseconds, or both in another form of [`time`].
//! - **raw frames**: one `LOCAL_NS JSON` a line, or a line of the venue's public archive, which holds
//!   both; decoded by the same decoder as live frames.
//!
//! - **captures** of our recorder ([`capture`]): raw frames in verified segments, folders of days.
//! - **hftbacktest's event records** (`COIN.npz`, `COIN_DAY.npy`), every change of a level an event.
//! - **Parquet** of the CSV's columns, or of books as lists ([`columns`]).
//!
//! Nothing is repaired and nothing is silent: a line that is not sound is skipped, counted and (the
//! first few) named as `path:line: what is wrong`; a file of which most lines are unsound, or all of
//! one kind, is an error. Trades that the venue replays after a reconnect are dropped by their id and
//! counted. Both clocks are kept as recorded; rows that do not stand in order of time are read in that
//! order, and those of which the time cannot be right ([`order`]) are unsound.

pub mod bars;
pub mod capture;
mod collector;
mod columns;
mod csv;
mod error;
pub mod export;
mod fields;
mod footer;
mod frames;
mod hygiene;
pub mod import;
pub mod inspect;
mod lz4;
mod named;
mod npy;
mod order;
mod orders;
mod pack;
mod parquet;
mod records;
mod report;
mod scan;
mod source;
mod tape;
mod time;

pub use error::DataError;
pub use orders::OrderData;
pub use report::{Crossings, FileReport, KINDS, LoadReport};
pub use tape::{Cache, whole};

use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::{Instrument, MarketEvent, Nanos, Universe};
use botmm_pipeline::venue::hl::Decoder;
use botmm_pipeline::venue::tape::Tape;
use hygiene::Intake;
use orders::node::NodeKind;
use scan::{DataFile, Layout};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use tape::Tapes;

/// Coins that the configuration does not have are numbered down from here; no venue has so many.
const UNLISTED: u32 = 1_000_000;

/// Turns one raw frame, received at a time, into events for a sink. `Err` says in words what is
/// wrong with the frame. A frame without market data (a pong) is `Ok` without events.
pub type FrameDecoder<'a> =
    dyn FnMut(&mut [u8], Nanos, &Universe, &mut dyn FnMut(&MarketEvent)) -> Result<(), String> + 'a;

/// The decoder of live frames, for [`LoadOptions::decode`].
pub fn venue_decoder() -> Box<FrameDecoder<'static>> {
    let mut decoder = Decoder::new();
    Box::new(move |frame, recv_time, universe, sink| {
        let decoded = decoder.decode(frame, recv_time, universe, |event| sink(&event.to_kept()));
        decoded.map(|_| ()).map_err(|e| e.to_string())
    })
}

/// How to load.
pub struct LoadOptions<'a> {
    /// Only these coins, in this order (their position is their asset id). Empty = all that are
    /// there, by name.
    pub symbols: &'a [String],
    /// The venue's rules of a coin; [`None`] = not known: its size decimals are then those of the
    /// sizes that were recorded.
    pub instrument: &'a dyn Fn(&str) -> Option<Instrument>,
    /// Use what is sound of a file of which most is not.
    pub allow_unsound: bool,
    /// Reads raw frames.
    pub decode: &'a mut FrameDecoder<'a>,
    /// Told now and then how many bytes are done, of how many.
    pub progress: &'a dyn Fn(u64, u64),
}

/// What came out of it.
#[derive(Debug)]
pub struct Loaded {
    /// The events.
    pub tape: Tape,
    /// The coins; the tape's asset ids point into it.
    pub universe: Universe,
    /// Where it came from, and what was left out.
    pub report: LoadReport,
    /// Single orders, where there are any.
    pub orders: Option<OrderData>,
    /// Where the compiled tape lies, if it is kept.
    pub compiled: Option<PathBuf>,
}

/// Loads folders (not their subfolders) and files. Fails when there is nothing to work with; a
/// line that is not sound is skipped and reported instead.
pub fn load(paths: &[PathBuf], options: LoadOptions<'_>) -> Result<Loaded, DataError> {
    find(paths, options.progress)?.load(options)
}

/// The files of a recording, and the coins they hold.
pub struct Found {
    files: Vec<DataFile>,
    coins: BTreeSet<String>,
    report: LoadReport,
    /// Where it may lie compiled.
    tapes: Option<Tapes>,
}

/// Finds the recordings in folders (not their subfolders) and files. Raw frames are read to find
/// their coins.
///
/// # Errors
/// There is none, or a file cannot be read.
pub fn find(paths: &[PathBuf], progress: &dyn Fn(u64, u64)) -> Result<Found, DataError> {
    find_compiled(paths, None, progress)
}

/// The same, where they may have been compiled before: then they are not read, and what is read is compiled
/// for the next time.
///
/// # Errors
/// As [`find`].
pub fn find_compiled(
    paths: &[PathBuf],
    cache: Option<&Cache>,
    progress: &dyn Fn(u64, u64),
) -> Result<Found, DataError> {
    let mut report = LoadReport::default();
    let files = scan::find(paths, &mut report)?;
    // Single orders are no part of a tape.
    let is_plain = !files.iter().any(|file| matches!(file.layout, Layout::Node(_)));
    let cache = cache.filter(|_| is_plain);
    let tapes = paths.first().zip(cache).map(|(place, cache)| Tapes::new(cache, place, &files));
    let coins = match tapes.as_ref().and_then(|tapes| tapes.coins(&files)) {
        Some(coins) => coins,
        None => coins_in(&files, &Progress::new(&files, progress))?,
    };
    Ok(Found { files, coins, report, tapes })
}

impl Found {
    /// The coins that the files hold.
    pub fn coins(&self) -> &BTreeSet<String> {
        &self.coins
    }

    /// As [`load`].
    ///
    /// # Errors
    /// As [`load`].
    pub fn load(self, options: LoadOptions<'_>) -> Result<Loaded, DataError> {
        let Self { files, coins, report, tapes } = self;
        match tapes {
            None => read(&files, &coins, options, report),
            Some(tapes) => {
                tape::load(&tapes, (&files, &coins), options, report, |options, report| {
                    read(&files, &coins, options, report)
                })
            }
        }
    }
}

fn read(
    files: &[DataFile],
    available: &BTreeSet<String>,
    options: LoadOptions<'_>,
    mut report: LoadReport,
) -> Result<Loaded, DataError> {
    let LoadOptions { symbols, instrument, allow_unsound, decode, progress } = options;
    let bar = Progress::new(files, progress);
    bar.frames_done(files);
    let universe = choose(symbols, available, instrument, &mut report)?;
    let is_inferred = |coin: &str| instrument(coin).is_none();
    let mut intake = Intake::new(&universe, is_inferred, allow_unsound);
    for file in files.iter().filter(|file| file.is_of(&universe)) {
        let mut read = match &file.layout {
            Layout::Csv { kind, coin } => match universe.find(coin.as_bytes()) {
                Some(asset) => csv::read(file, *kind, asset, &mut intake, &mut report, &bar)?,
                None => continue,
            },
            Layout::Parquet { kind, coin } => match universe.find(coin.as_bytes()) {
                Some(asset) => {
                    let coin = (coin.as_str(), asset);
                    parquet::read(file, *kind, coin, &mut intake, &mut report, &bar)?
                }
                None => continue,
            },
            Layout::Records { coin } => match universe.find(coin.as_str().as_bytes()) {
                Some(asset) => records::read(file, (*coin, asset), &mut intake, &mut report, &bar)?,
                None => continue,
            },
            Layout::Node(_) => continue,
            Layout::Frames => {
                frames::read(file, &universe, decode, &mut intake, &mut report, &bar)?
            }
        };
        read.coin = file.layout.coin().map(str::to_owned);
        report.files.push(read);
        bar.file_done(file);
    }
    let of_node = |file: &DataFile| match file.layout {
        Layout::Node(kind) => Some((kind, file.clone())),
        _ => None,
    };
    let of_node: Vec<_> = files.iter().filter_map(of_node).collect();
    let orders = match of_node.is_empty() {
        true => None,
        false => {
            let about = (&mut report, &bar, allow_unsound);
            Some(orders::read(&of_node, &universe, &mut intake, about)?)
        }
    };
    Ok(Loaded { orders, ..intake.finish(symbols, &universe, report)? })
}

/// The coins that the files hold. CSV names theirs; raw frames have to be searched.
fn coins_in(files: &[DataFile], bar: &Progress<'_>) -> Result<BTreeSet<String>, DataError> {
    let mut coins = BTreeSet::new();
    for file in files {
        match &file.layout {
            Layout::Csv { coin, .. } | Layout::Parquet { coin, .. } => {
                coins.insert(coin.clone());
            }
            Layout::Records { coin } => {
                coins.insert(coin.as_str().to_owned());
            }
            Layout::Frames => {
                frames::collect_coins(file, &mut coins, bar)?;
                bar.file_done(file);
            }
            Layout::Node(NodeKind::Diffs | NodeKind::SoldDiffs | NodeKind::Rows) => {
                orders::collect_coins(file, &mut coins)?
            }
            Layout::Node(_) => {}
        }
    }
    Ok(coins)
}

fn choose(
    symbols: &[String],
    available: &BTreeSet<String>,
    instrument: &dyn Fn(&str) -> Option<Instrument>,
    report: &mut LoadReport,
) -> Result<Universe, DataError> {
    let mut names: Vec<&str> = Vec::new();
    for symbol in symbols {
        if !available.contains(symbol) {
            let available = list(available);
            return Err(DataError::UnknownSymbol { symbol: symbol.clone(), available });
        }
        if !names.contains(&symbol.as_str()) {
            names.push(symbol);
        }
    }
    if symbols.is_empty() {
        // What nobody asked for and nobody knows is left out; not when there is nothing else.
        let (ours, others): (Vec<&str>, Vec<&str>) =
            available.iter().map(String::as_str).partition(|name| instrument(name).is_some());
        if !ours.is_empty() && !others.is_empty() {
            report.warn(format!(
                "left out, for the universe of the configuration does not have them: {}; name them \
                 with --symbols to have them too",
                others.join(", ")
            ));
        }
        names = if ours.is_empty() { others } else { ours };
    }
    if names.len() > MAX_ASSETS {
        let available = list(available);
        return Err(DataError::TooManyAssets { found: names.len(), max: MAX_ASSETS, available });
    }
    let known = |(i, name): (usize, &&str)| instrument(name).or_else(|| unlisted(name, i));
    Ok(Universe::new(names.iter().enumerate().filter_map(known).collect()))
}

/// A coin of the recording that nobody told the rules of: its size decimals are still to be told.
fn unlisted(name: &str, position: usize) -> Option<Instrument> {
    Instrument::new(name, UNLISTED - position as u32, 0, 3)
}

fn list(names: &BTreeSet<String>) -> String {
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// Adds up bytes over files. Raw frames are read twice (once for their coins).
struct Progress<'a> {
    done: Cell<u64>,
    total: u64,
    tell: &'a dyn Fn(u64, u64),
}

impl<'a> Progress<'a> {
    fn new(files: &[DataFile], tell: &'a dyn Fn(u64, u64)) -> Self {
        let passes = |f: &DataFile| if matches!(f.layout, Layout::Frames) { 2 } else { 1 };
        let total = files.iter().map(|f| f.bytes * passes(f)).sum();
        Self { done: Cell::new(0), total, tell }
    }
    /// So many bytes into the current file.
    fn within(&self, bytes: u64) {
        (self.tell)((self.done.get() + bytes).min(self.total), self.total);
    }
    /// The first of the two readings of raw frames is behind us.
    fn frames_done(&self, files: &[DataFile]) {
        files.iter().filter(|f| matches!(f.layout, Layout::Frames)).for_each(|f| self.file_done(f));
    }
    fn file_done(&self, file: &DataFile) {
        self.done.set((self.done.get() + file.bytes).min(self.total));
        self.within(0);
    }
}
