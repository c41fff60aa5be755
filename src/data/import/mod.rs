//! What other people have → a recording that `replay` reads.
//!
//! [`file`] tells a file's format by its first line and yields its events, [`merge`] brings those of all
//! files in order of time, and a [`event::Sink`] keeps them: today a [`folder`] of our CSV. What is not
//! sound is skipped, counted and named, as in a replay.

mod bars;
mod binance;
mod books;
mod bybit;
mod depth;
mod diffs;
pub(super) mod event;
mod file;
pub(super) mod folder;
pub(super) mod hft;
mod levels;
mod merge;
pub(super) mod node;
mod recorder;
mod table;
mod tardis;

use super::error::DataError;
use crate::exit::AppError;
use bars::Beside;
use botmm_pipeline::types::{Coin, MarketEvent, Nanos};
use event::{Event, Sink, can_name};
use file::FileRead;
use folder::Folder;
use merge::Merged;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// How deep folders are looked into.
const MAX_DEPTH: usize = 8;
/// Lines and files that are named one by one; the others are only counted.
const MAX_NAMED: usize = 20;
/// Trades whose ids are remembered: overlapping sources repeat each other at about the same time.
const MAX_REMEMBERED: usize = 1 << 20;

/// What to import.
pub struct Request<'a> {
    /// Files, or folders of them with all that is below.
    pub sources: &'a [PathBuf],
    /// The folder to make.
    pub out: &'a Path,
    /// Only these coins; empty = all.
    pub symbols: &'a [String],
    /// Use what is sound of a file of which most is not.
    pub allow_unsound: bool,
    /// Set when it is to end before it is done.
    pub is_stopped: &'a AtomicBool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Imported {
    files: Vec<FileRead>,
    /// By coin.
    kept: BTreeMap<String, Kept>,
    /// Candles and contexts.
    beside: Beside,
    /// Events of coins that were not asked for, or that no file can be named after.
    left_out: BTreeMap<String, u64>,
    /// Trades whose id came before.
    repeated: u64,
    /// Files in the folders that are none, and why.
    ignored: Vec<String>,
    /// What could not be written down.
    lost: Vec<String>,
}

/// Of one coin.
#[derive(Debug)]
struct Kept {
    /// Trades, touches, books.
    counts: [u64; 3],
    first: Nanos,
    last: Nanos,
}

/// Imports.
///
/// # Errors
/// A source cannot be read, is of no known format, or is mostly unsound; there was nothing in it; the
/// folder is there already or cannot be written. Nothing is left behind then.
pub fn run(request: &Request<'_>) -> Result<Imported, AppError> {
    let mut imported = Imported { beside: Beside::of(request.symbols), ..Imported::default() };
    let mut merged = gather(request.sources, &mut imported)?;
    let mut sink = Box::new(Folder::create(request.out)?);
    pour(request, &mut merged, &mut *sink, &mut imported)?;
    imported.files = merged.done;
    imported.files.sort_by(|a, b| a.path.cmp(&b.path));
    if !request.allow_unsound {
        imported.files.iter().try_for_each(FileRead::check)?;
    }
    let is_there = |s: &&String| imported.kept.contains_key(*s) || imported.beside.has(s);
    if let Some(symbol) = request.symbols.iter().find(|s| !is_there(s)) {
        let available = imported.coins();
        return Err(DataError::UnknownSymbol { symbol: symbol.clone(), available }.into());
    }
    let spool = imported.beside.close().map_err(AppError::io(request.out, "pack candles for"))?;
    if imported.kept.is_empty() && imported.beside.is_empty() {
        return Err(imported.nothing().into());
    }
    sink.beside(spool)?;
    imported.lost = sink.finish()?;
    Ok(imported)
}

/// Opens all sources once.
fn gather(sources: &[PathBuf], imported: &mut Imported) -> Result<Merged, AppError> {
    let (mut merged, mut seen) = (Merged::default(), HashSet::new());
    for source in sources {
        let mut files = Vec::new();
        let is_folder = source.is_dir();
        walk(source, MAX_DEPTH, &mut files)?;
        let (mut taken, mut first) = (0, None);
        for path in files {
            if !path.canonicalize().map_or(true, |real| seen.insert(real)) {
                taken += 1;
                imported
                    .ignored
                    .push(format!("{}: named more than once, read once", path.display()));
                continue;
            }
            let opened = match imported.beside.add(&path)? {
                Some(read) => read.map(|read| merged.done.push(read)),
                None => merged.add(&path)?,
            };
            match opened {
                Ok(()) => taken += 1,
                Err(why) if is_folder => {
                    let why = format!("{}: {why}", path.display());
                    first.get_or_insert_with(|| why.clone());
                    imported.ignored.push(format!("{why}: ignored"));
                }
                Err(why) => return Err(DataError::NotASource { path, why }.into()),
            }
        }
        if taken == 0 {
            let why = first.unwrap_or_else(|| "it is empty".to_owned());
            return Err(DataError::NotASource { path: source.clone(), why }.into());
        }
    }
    Ok(merged)
}

/// The files at and below a path, by name; hidden ones are none.
fn walk(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), DataError> {
    let unreadable = |source| DataError::Unreadable { path: path.to_owned(), source };
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(DataError::Missing { path: path.to_owned() });
        }
        Err(e) => return Err(unreadable(e)),
    };
    if !meta.is_dir() {
        crate::files::only_regular(&meta).map_err(unreadable)?;
        files.push(path.to_owned());
        return Ok(());
    }
    let Some(depth) = depth.checked_sub(1) else { return Ok(()) };
    let entries = std::fs::read_dir(path).map_err(unreadable)?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let is_plain = std::fs::metadata(entry.path()).is_ok_and(|m| m.is_dir() || m.is_file());
        if is_plain && !entry.file_name().as_encoded_bytes().starts_with(b".") {
            walk(&entry.path(), depth, files)?;
        }
    }
    Ok(())
}

/// Hands every event that is wanted from the sources to the sink.
fn pour(
    request: &Request<'_>,
    from: &mut Merged,
    sink: &mut dyn Sink,
    imported: &mut Imported,
) -> Result<(), AppError> {
    let wanted: BTreeSet<&str> = request.symbols.iter().map(String::as_str).collect();
    let mut repeats = Repeats::default();
    while let Some(event) = from.next_event()? {
        if request.is_stopped.load(Ordering::Relaxed) {
            let what = "stopped before it was done: nothing was written";
            return Err(AppError::Failed(what.to_owned()));
        }
        let coin = event.coin.as_str();
        let is_wanted = wanted.is_empty() || wanted.contains(coin);
        if !is_wanted || !can_name(coin) {
            *imported.left_out.entry(coin.to_owned()).or_default() += 1;
        } else if repeats.is_one(&event) {
            imported.repeated += 1;
        } else {
            imported.keep(&event);
            sink.take(&event)?;
        }
    }
    Ok(())
}

/// The ids of the latest trades.
#[derive(Default)]
struct Repeats {
    seen: HashSet<(Coin, u64)>,
    order: VecDeque<(Coin, u64)>,
}

impl Repeats {
    fn is_one(&mut self, event: &Event) -> bool {
        let MarketEvent::Trade(trade) = &event.data else { return false };
        let id = (event.coin, trade.tid);
        if !self.seen.insert(id) {
            return true;
        }
        self.order.push_back(id);
        if self.order.len() > MAX_REMEMBERED {
            self.order.pop_front().map(|oldest| self.seen.remove(&oldest));
        }
        false
    }
}

impl Imported {
    fn keep(&mut self, event: &Event) {
        let at = event.data.recv_time();
        let new = || Kept { counts: [0; 3], first: at, last: at };
        let coin = self.kept.entry(event.coin.as_str().to_owned()).or_insert_with(new);
        if let Some(count) = coin.counts.get_mut(usize::from(event.data.channel_rank())) {
            *count += 1;
        }
        (coin.first, coin.last) = (coin.first.min(at), coin.last.max(at));
    }

    fn coins(&self) -> String {
        let known = self.kept.keys().chain(self.left_out.keys()).chain(self.beside.coins());
        let names: BTreeSet<&str> = known.map(String::as_str).collect();
        let names: Vec<&str> = names.into_iter().collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    }

    fn nothing(&self) -> DataError {
        let first = self.files.iter().flat_map(|f| &f.named).next();
        DataError::NoEvents {
            of: "any coin".to_owned(),
            files: self.files.len(),
            skipped: self.files.iter().map(|f| f.unsound).sum(),
            first: first.map(|w| format!(" (first: {w})")).unwrap_or_default(),
        }
    }

    /// What a person should know, a line each: lines that are unsound, what was read otherwise than it
    /// stands there, files that are none.
    pub fn warnings(&self) -> Vec<String> {
        let named = self.files.iter().flat_map(|file| &file.named).chain(&self.ignored);
        let mut all: Vec<String> = named.clone().take(MAX_NAMED).cloned().collect();
        let more = named.count() - all.len();
        if more > 0 {
            all.push(format!("{more} more of these are not shown"));
        }
        // Of a month of hours every file has the same to say.
        let mut notes: BTreeMap<&str, Vec<&Path>> = BTreeMap::new();
        for file in &self.files {
            file.notes.iter().for_each(|note| notes.entry(note).or_default().push(&file.path));
        }
        for (note, files) in notes {
            let others = match files.len() {
                1 => String::new(),
                many => format!(" and {} more", many - 1),
            };
            let first = files.first().map(|path| path.display().to_string()).unwrap_or_default();
            all.push(format!("{first}{others}: {note}"));
        }
        all.extend(self.beside.notes.iter().cloned());
        all
    }

    /// Whether there is anything that `replay` could read.
    pub fn has_events(&self) -> bool {
        !self.kept.is_empty()
    }

    /// What was read, kept and dropped.
    pub fn text(&self) -> String {
        let lines: u64 = self.files.iter().map(|f| f.lines).sum();
        let unsound: u64 = self.files.iter().map(|f| f.unsound).sum();
        let mut text = format!("read     {} file(s), {lines} lines\n", self.files.len());
        for (coin, kept) in &self.kept {
            let [trades, touches, books] = kept.counts;
            let span =
                format!("{} to {}", crate::when::utc_s(kept.first), crate::when::utc_s(kept.last));
            text += &format!(
                "kept     {coin}: {books} books, {touches} touches, {trades} trades, {span}\n"
            );
            if books + touches == 0 {
                text += &format!(
                    "         {coin} has trades alone: it cannot be quoted without books of another \
                     source; import them together, or give `replay` both folders\n"
                );
            }
        }
        text += &self.beside.text();
        text +=
            &format!("dropped  {unsound} unsound line(s), {} repeated trade(s)\n", self.repeated);
        for what in &self.lost {
            text += &format!("left out {what}\n");
        }
        for (coin, events) in &self.left_out {
            text += &format!("left out {coin}: {events} event(s)\n");
        }
        text
    }
}
