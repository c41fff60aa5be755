//! A recording → what other people's tools read: CSV, Parquet, hftbacktest's event files, or the lines of
//! its collector. What a format cannot carry is counted and named.

mod collector;
mod double;
mod events;
mod table;

use super::bars::kind::Kind;
use super::bars::spool::Spool;
use super::import::event::{Event, Sink};
use super::import::folder::Folder;
use super::{LoadOptions, Loaded, load, venue_decoder};
use crate::exit::AppError;
use botmm_pipeline::types::MarketEvent;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Events between two looks at whether it is to stop.
const LOOK_EVERY: usize = 4_096;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A file a coin and kind, as `replay` reads it: text, exact, packed by zstd.
    Csv,
    /// The same columns as Parquet: prices and sizes doubles, times timestamps of nanoseconds.
    Parquet,
    /// A file a coin of hftbacktest's event records: changes of levels, touches, trades.
    Npz,
    /// A file a coin of hftbacktest's collector: `LOCAL_NS JSON` lines of the venue's frames, gzip.
    Hftbacktest,
}

/// What to export.
pub struct Request<'a> {
    /// Recordings, as of a replay.
    pub paths: &'a [PathBuf],
    /// Only these coins; empty = all.
    pub symbols: &'a [String],
    /// Use what is sound of a file of which most is not.
    pub allow_unsound: bool,
    /// How it is written.
    pub format: Format,
    /// The folder to make.
    pub out: &'a Path,
    /// Set when it is to end before it is done.
    pub is_stopped: &'a AtomicBool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Exported {
    /// Of each coin: trades, touches, books.
    pub kept: BTreeMap<String, [u64; 3]>,
    /// Candles and contexts.
    pub beside: [u64; 2],
    /// What the format could not carry, a line each.
    pub lost: Vec<String>,
    /// What a replay would say of the recording.
    pub warnings: Vec<String>,
}

/// Exports.
///
/// # Errors
/// As of a replay of it; the folder is there already or cannot be written. Nothing is left behind then.
pub fn run(request: &Request<'_>) -> Result<Exported, AppError> {
    let (mut decode, mut others) = (venue_decoder(), BTreeMap::<String, u64>::new());
    // Of the formats this one has a place for candles and contexts.
    let mut spool = (request.format == Format::Csv).then(Spool::default);
    let loaded = load(
        request.paths,
        LoadOptions {
            symbols: request.symbols,
            instrument: &|_| None,
            allow_unsound: request.allow_unsound,
            decode: &mut |frame, recv_time, universe, sink| {
                let mut events = 0;
                let is_kept = match &mut spool {
                    Some(spool) => {
                        spool.frame(frame, recv_time, universe).map_err(|e| e.to_string())?
                    }
                    None => false,
                };
                let mut count = |event: &MarketEvent| {
                    events += 1;
                    sink(event);
                };
                decode(frame, recv_time, universe, &mut count)?;
                if events == 0 && !is_kept {
                    *others.entry(channel(frame)).or_default() += 1;
                }
                Ok(())
            },
            progress: &|_, _| {},
        },
    )?;
    let mut spool = spool.unwrap_or_default();
    let left_out = beside(&loaded, request.format, &mut spool)?;
    let mut exported = write_with(spool, &loaded, request.format, request.out, request.is_stopped)?;
    exported.lost.extend(left_out);
    let frames = others.into_iter().map(|(channel, n)| format!("{n} frames of `{channel}`"));
    exported.lost.extend(frames);
    Ok(exported)
}

/// Takes in the files of candles and contexts beside a recording; in words what is left out of them.
fn beside(loaded: &Loaded, format: Format, spool: &mut Spool) -> Result<Vec<String>, AppError> {
    let mut left_out = Vec::new();
    for file in &loaded.report.beside {
        if loaded.universe.find(file.coin.as_bytes()).is_none() {
            continue;
        }
        let copied = match format {
            Format::Csv => {
                spool.copy(&file.path, file).map_err(AppError::io(&file.path, "read"))?
            }
            _ => Err(format!("{} {} of {}", file.rows, file.kind.words(), file.path.display())),
        };
        left_out.extend(copied.err());
    }
    Ok(left_out)
}

/// Writes what was loaded.
///
/// # Errors
/// The folder is there already or cannot be written. Nothing is left behind then.
pub fn write(
    loaded: &Loaded,
    format: Format,
    out: &Path,
    is_stopped: &AtomicBool,
) -> Result<Exported, AppError> {
    write_with(Spool::default(), loaded, format, out, is_stopped)
}

fn write_with(
    spool: Spool,
    loaded: &Loaded,
    format: Format,
    out: &Path,
    is_stopped: &AtomicBool,
) -> Result<Exported, AppError> {
    let beside = [Kind::Candles, Kind::Ctxs].map(|kind| spool.rows(kind));
    let (unsound, [_, contexts]) = (spool.lost(), beside);
    let mut sink: Box<dyn Sink> = match format {
        Format::Csv => {
            let mut folder = Folder::create(out)?;
            folder.beside(spool)?;
            Box::new(folder)
        }
        Format::Parquet => Box::new(table::Tables::create(out)?),
        Format::Npz => Box::new(events::Npz::create(out)?),
        Format::Hftbacktest => Box::new(collector::Lines::create(out)?),
    };
    let Loaded { tape, universe, report, orders, .. } = loaded;
    let (mut exported, mut statuses) = (Exported { beside, ..Exported::default() }, 0_u64);
    for (i, data) in tape.iter_recv().enumerate() {
        if i.is_multiple_of(LOOK_EVERY) && is_stopped.load(Ordering::Relaxed) {
            let what = "stopped before it was done: nothing was written";
            return Err(AppError::Failed(what.to_owned()));
        }
        if matches!(data, MarketEvent::Status(_)) {
            statuses += 1;
            continue;
        }
        let coin = universe.get(data.asset()).coin;
        let counts = exported.kept.entry(coin.as_str().to_owned()).or_default();
        if let Some(count) = counts.get_mut(usize::from(data.channel_rank())) {
            *count += 1;
        }
        sink.take(&Event { coin, data })?;
    }
    exported.lost = sink.finish()?;
    exported.lost.extend(unsound);
    let marks = (tape.marks().count() as u64).saturating_sub(contexts);
    let single = orders.as_ref().map_or(0, |orders| orders.tape.events());
    for (count, what) in [
        (marks, "marks of the venue (activeAssetCtx)"),
        (statuses, "changes of the link (gaps that the recorder marked)"),
        (single, "events of single orders, of which the books that they make were written"),
    ] {
        exported.lost.extend((count > 0).then(|| format!("{count} {what}")));
    }
    exported.warnings.clone_from(&report.warnings);
    Ok(exported)
}

/// The channel of a frame, as it begins with it.
fn channel(frame: &[u8]) -> String {
    let text = String::from_utf8_lossy(&frame[..frame.len().min(64)]);
    let named = text.split_once("\"channel\":\"").and_then(|(_, rest)| rest.split_once('"'));
    named.map_or("no channel", |(channel, _)| channel).to_owned()
}

impl Exported {
    /// What was written and what was not.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (coin, [trades, touches, books]) in &self.kept {
            text +=
                &format!("kept     {coin}: {books} books, {touches} touches, {trades} trades\n");
        }
        let [candles, contexts] = self.beside;
        if candles + contexts > 0 {
            text += &format!("kept     {candles} candles, {contexts} contexts\n");
        }
        for what in &self.lost {
            text += &format!("left out {what}\n");
        }
        text
    }
}
