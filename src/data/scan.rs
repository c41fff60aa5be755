//! Which files hold recordings, told by their names and, for raw frames, by their first line.

use super::bars::kind::{Beside, Kind, in_words};
use super::capture::{SEGMENT_SUFFIX, is_day};
use super::collector;
use super::columns;
use super::error::DataError;
use super::named::{coin_of_name, is_coin};
use super::npy;
use super::orders::node::{NodeKind, kind_of};
use super::report::LoadReport;
use super::source::{Line, LineReader};
use super::time::looks_like_frame;
use botmm_pipeline::types::{Coin, Universe};
use std::collections::HashSet;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// What the rows of a CSV file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsvKind {
    /// `orderbooks_COIN`: a whole visible book a row.
    Books,
    /// `trades_COIN`: a trade a row.
    Trades,
    /// `prices_COIN`: one side of the touch a row.
    Prices,
}

/// Beside recordings, and none itself: where what was compiled of them lies.
pub const OURS: &str = ".botmm";

/// How a file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// CSV of one coin.
    Csv {
        /// Of what.
        kind: CsvKind,
        /// Of which coin.
        coin: String,
    },
    /// The same as Parquet.
    Parquet {
        /// Of what.
        kind: CsvKind,
        /// Of which coin.
        coin: String,
    },
    /// Event records of one coin.
    Records {
        /// Of which.
        coin: Coin,
    },
    /// `LOCAL_NS JSON` lines, of any coins.
    Frames,
    /// A node's blocks, of any coins.
    Node(NodeKind),
}

/// A file to be read.
#[derive(Clone, Debug)]
pub struct DataFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size on disk.
    pub bytes: u64,
    /// How it is written.
    pub layout: Layout,
}

impl Layout {
    /// Of which coin alone it is.
    pub fn coin(&self) -> Option<&str> {
        match self {
            Self::Csv { coin, .. } | Self::Parquet { coin, .. } => Some(coin),
            Self::Records { coin } => Some(coin.as_str()),
            Self::Frames | Self::Node(_) => None,
        }
    }
}

impl DataFile {
    /// Whether it may hold something of these coins.
    pub fn is_of(&self, universe: &Universe) -> bool {
        self.layout.coin().is_none_or(|coin| universe.find(coin.as_bytes()).is_some())
    }
}

/// The recordings that these files and folders hold, folders by file name.
pub fn find(paths: &[PathBuf], report: &mut LoadReport) -> Result<Vec<DataFile>, DataError> {
    let mut files = Vec::new();
    for path in paths {
        let meta = std::fs::metadata(path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => DataError::Missing { path: path.clone() },
            _ => DataError::Unreadable { path: path.clone(), source: e },
        })?;
        if meta.is_dir() {
            let before = files.len();
            let others = find_in_folder(path, &mut files, report)?;
            if files.len() == before {
                return Err(DataError::NoData { path: path.clone(), why: others });
            }
        } else {
            let is_file = crate::files::only_regular(&meta);
            is_file.map_err(|e| DataError::Unreadable { path: path.clone(), source: e })?;
            if let Some(beside) = beside_of(path)? {
                let why = in_words(&[beside]);
                return Err(DataError::NotARecording { path: path.clone(), why });
            }
            let layout = layout_of(path)?;
            let layout =
                layout.map_err(|why| DataError::NotARecording { path: path.clone(), why })?;
            files.push(DataFile { path: path.clone(), bytes: meta.len(), layout });
        }
    }
    only_with_orders(&mut files, paths, report)?;
    let mut seen = HashSet::new();
    files.retain(|file| {
        // A file that has gone since is for its reader to report.
        let new = file.path.canonicalize().map_or(true, |real| seen.insert(real));
        if !new {
            report.warn(format!("{}: named more than once, read once", file.path.display()));
        }
        new
    });
    Ok(files)
}

/// A node's trades, fills and statuses are read beside its order changes alone.
fn only_with_orders(
    files: &mut Vec<DataFile>,
    paths: &[PathBuf],
    report: &mut LoadReport,
) -> Result<(), DataError> {
    const WHY: &str = "data of a node: make a recording of it with `botmm import FILE --out FOLDER`, or name its \
         node_raw_book_diffs_by_block as well";
    let of_kind = |kind| files.iter().find(|file| file.layout == Layout::Node(kind));
    if let Some(diffs) = of_kind(NodeKind::Diffs).or(of_kind(NodeKind::SoldDiffs)) {
        let trades = of_kind(NodeKind::Fills).or(of_kind(NodeKind::Trades));
        return trades.map(drop).ok_or_else(|| DataError::no_trades(&diffs.path));
    }
    if of_kind(NodeKind::Rows).is_some() {
        return Ok(()); // These may have trades of their own.
    }
    let is_node = |file: &DataFile| matches!(file.layout, Layout::Node(_));
    let Some(first) = files.iter().find(|file| is_node(file)) else { return Ok(()) };
    let why = || WHY.to_owned();
    if paths.contains(&first.path) {
        return Err(DataError::NotARecording { path: first.path.clone(), why: why() });
    }
    if files.iter().all(is_node) {
        let path = paths.first().cloned().unwrap_or_default();
        return Err(DataError::NoData { path, why: why() });
    }
    for file in files.iter().filter(|file| is_node(file)) {
        report.warn(format!("{}: ignored ({WHY})", file.path.display()));
    }
    files.retain(|file| !is_node(file));
    Ok(())
}

/// Adds a folder's recordings; what else is in it, in words.
fn find_in_folder(
    folder: &Path,
    files: &mut Vec<DataFile>,
    report: &mut LoadReport,
) -> Result<String, DataError> {
    let unreadable = |source| DataError::Unreadable { path: folder.to_owned(), source };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    let (mut folders, mut ignored, before) = (Vec::new(), Vec::new(), files.len());
    let known_beside = report.beside.len();
    for entry in entries {
        let path = entry.path();
        // Follows links, as opening the file will; a dangling one is ignored like any stranger.
        let Ok(meta) = std::fs::metadata(&path) else {
            report.warn(format!("{}: ignored (cannot be read)", path.display()));
            continue;
        };
        if meta.is_dir() {
            if entry.file_name() != OURS {
                folders.push(path);
            }
            continue;
        }
        if is_of_capture(folder, &entry.file_name().to_string_lossy()) {
            continue;
        }
        // What waits for somebody is not waited for.
        let beside = if meta.is_file() { beside_of(&path) } else { Ok(None) };
        match beside {
            Ok(None) => {}
            Ok(Some(beside)) => {
                report.beside.push(beside);
                continue;
            }
            // It is no part of what is replayed.
            Err(why) => {
                report.warn(format!("{why}: left out"));
                continue;
            }
        }
        let layout = match crate::files::only_regular(&meta) {
            Ok(()) => layout_of(&path)?,
            Err(why) => Err(why.to_string()),
        };
        match layout {
            Ok(layout) => files.push(DataFile { path, bytes: meta.len(), layout }),
            Err(why) => {
                ignored.push(format!("{}: {why}", entry.file_name().to_string_lossy()));
                report.warn(format!("{}: ignored ({why})", path.display()));
            }
        }
    }
    let beside = report.beside[known_beside..].to_vec();
    let beside = (!beside.is_empty()).then(|| in_words(&beside));
    if let Some(words) = &beside {
        report.warn(format!("{}: {words}", folder.display()));
    }
    if files.len() == before {
        for folder in &folders {
            find_in_parts(folder, PARTS, files, report)?;
        }
    }
    if let Some(words) = beside.filter(|_| folders.is_empty()) {
        return Ok(format!("only candles and contexts, {words}"));
    }
    Ok(match (folders.is_empty(), ignored.as_slice()) {
        (false, _) => {
            let names = folders.iter().filter_map(|f| f.file_name());
            let names: Vec<_> = names.map(|name| name.to_string_lossy()).collect();
            format!("but subfolders: {}; name one of these", names.join(", "))
        }
        (true, []) => "it is empty".to_owned(),
        (true, [one]) => one.clone(),
        (true, [first, ..]) => format!("{} other files; {first}", ignored.len()),
    })
}

/// How the name of a compressed file ends.
const PACKED: [&str; 3] = [".zst", ".gz", ".lz4"];

/// Of a recording that is split over folders, those that have its files: `BTC/orderbooks`, or in the
/// venue's archive `20251124/16/l2Book`.
const BOOK_FOLDER: &str = "l2Book";
/// Of a node's: `node_raw_book_diffs_by_block/hourly/20251201/5`.
const NODE_FOLDER: &str = "node_";
/// How deep they may lie.
const PARTS: usize = 3;

/// Adds the recordings of such folders among these.
fn find_in_parts(
    folder: &Path,
    depth: usize,
    files: &mut Vec<DataFile>,
    report: &mut LoadReport,
) -> Result<(), DataError> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_of_node = || folder.iter().any(|part| part.to_string_lossy().starts_with(NODE_FOLDER));
    let is_ours = csv_kind(name).is_some() || name == BOOK_FOLDER;
    if is_ours || is_captured_day(folder, name) || is_of_node() {
        return find_in_folder(folder, files, report).map(drop);
    }
    let Some(depth) = depth.checked_sub(1) else { return Ok(()) };
    let unreadable = |source| DataError::Unreadable { path: folder.to_owned(), source };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries.iter().filter(|e| e.file_type().is_ok_and(|kind| kind.is_dir())) {
        find_in_parts(&entry.path(), depth, files, report)?;
    }
    Ok(())
}

/// Whether a folder is a day of a capture.
fn is_captured_day(folder: &Path, name: &str) -> bool {
    let holds_segments = || {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|e| e.file_name()).any(|n| n.to_string_lossy().ends_with(SEGMENT_SUFFIX))
    };
    is_day(name) && holds_segments()
}

/// What a recorder keeps beside its segments.
fn is_of_capture(folder: &Path, name: &str) -> bool {
    let of_day = || folder.file_name().and_then(|name| name.to_str()).is_some_and(is_day);
    name == "capture.lock" || name == "manifest.json" && of_day()
}

/// A file of candles or contexts by its name: `candles_COIN.csv`, `ctxs_COIN.csv`. Its rows are counted.
fn beside_of(path: &Path) -> Result<Option<Beside>, DataError> {
    let name = path.file_name().map(|n| n.to_string_lossy()).unwrap_or_default();
    let plain = PACKED.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    let parts = plain.strip_suffix(".csv").and_then(|stem| stem.split_once('_'));
    let Some((kind, rest)) = parts.and_then(|(stem, rest)| Some((Kind::named(stem)?, rest))) else {
        return Ok(None);
    };
    let coin = rest.split('_').next().unwrap_or_default().to_owned();
    let rows =
        rows_of(path).map_err(|source| DataError::Unreadable { path: path.to_owned(), source })?;
    Ok(Some(Beside { path: path.to_owned(), kind, coin, rows }))
}

/// Lines that are neither blank nor the header.
fn rows_of(path: &Path) -> io::Result<u64> {
    let (mut source, mut line, mut lines) = (LineReader::open(path)?, Vec::new(), 0_u64);
    while source.next_line(&mut line)? != Line::End {
        lines += u64::from(!line.trim_ascii().is_empty());
    }
    Ok(lines.saturating_sub(1))
}

/// The layout of a file, or why it is no recording.
fn layout_of(path: &Path) -> Result<Result<Layout, String>, DataError> {
    let name = path.file_name().map(|n| n.to_string_lossy()).unwrap_or_default();
    let plain = PACKED.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    if name.ends_with(".parquet") {
        let told = parquet_layout(path);
        return Ok(
            told.map(|(kind, coin)| Layout::Parquet { kind, coin: coin.as_str().to_owned() })
        );
    }
    if let Some(stem) = plain.strip_suffix(".csv") {
        let layout = csv_layout(stem);
        if csv_kind(stem.split('_').next().unwrap_or_default()).is_none() {
            // Others have names like `X_trades_DATE_COIN` too.
            let line = first_line(path)?.unwrap_or_default();
            if let Some(kind) = kind_of(path, &line) {
                return Ok(Ok(Layout::Node(kind)));
            }
            if let Some(what) = known_lines(&line) {
                return Ok(Err(what.to_owned()));
            }
        }
        return Ok(layout.ok_or_else(|| "a CSV file of another name".to_owned()));
    }
    if name.ends_with(".npz") || name.ends_with(".npy") {
        return records_layout(path);
    }
    let packed = plain.len() < name.len();
    let text = [".jsonl", ".txt", ".log"].iter().any(|end| plain.ends_with(end));
    if !packed && !text {
        let what = head(path).as_deref().and_then(known_format);
        let line = if what.is_none() { first_line(path)?.ok() } else { None };
        if let Some(kind) = line.as_deref().and_then(|line| kind_of(path, line)) {
            return Ok(Ok(Layout::Node(kind)));
        }
        let what = what.or_else(|| line.as_deref().and_then(known_lines));
        return Ok(Err(what.unwrap_or("neither CSV nor frames by its name").to_owned()));
    }
    Ok(first_line(path)?.and_then(|line| {
        if let Some(kind) = kind_of(path, &line) {
            return Ok(Layout::Node(kind));
        }
        match known_format(&line).or_else(|| known_lines(&line)) {
            Some(what) => Err(what.to_owned()),
            None if looks_like_frame(&line) => Ok(Layout::Frames),
            None => Err("its first line is no frame".to_owned()),
        }
    }))
}

/// Event records, by the array's fields; the coin is what stands before the file's day and its ending.
fn records_layout(path: &Path) -> Result<Result<Layout, String>, DataError> {
    let records = npy::open(path);
    let unreadable = |source| DataError::Unreadable { path: path.to_owned(), source };
    if let Err(why) = records.map_err(unreadable)? {
        return Ok(Err(why));
    }
    let coin = coin_of_name(path);
    let why = "an array of hftbacktest of no coin by its name; call it COIN.npz, COIN_DAY.npz";
    Ok(coin.map(|coin| Layout::Records { coin }).ok_or_else(|| why.to_owned()))
}

/// `orderbooks_COIN…`, or `COIN_orderbooks…`.
fn csv_layout(stem: &str) -> Option<Layout> {
    let (first, rest) = stem.split_once('_')?;
    let second = rest.split(['_', '.']).next()?;
    let (kind, coin) = match (csv_kind(first), csv_kind(second)) {
        (Some(kind), _) => (kind, second),
        (None, Some(kind)) => (kind, first),
        (None, None) => return None,
    };
    Coin::new(coin)?;
    Some(Layout::Csv { kind, coin: coin.to_owned() })
}

/// Kind and coin of a Parquet file by its columns, else by its name, else by the folders that it is in
/// (`BTC/orderbooks/…`).
///
/// # Errors
/// In words why it is none.
pub fn parquet_layout(path: &Path) -> Result<(CsvKind, Coin), String> {
    let (is_books, named) = columns::look(path)?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = name.strip_suffix(".parquet").unwrap_or(name);
    let folders = || path.ancestors().skip(1).filter_map(|f| f.file_name()?.to_str());
    let of_name = stem.split(['_', '.', '-']).find_map(csv_kind);
    let kind = is_books.then_some(CsvKind::Books).or(of_name);
    let kind = kind.or_else(|| folders().take(PARTS).find_map(csv_kind));
    let kind =
        kind.ok_or("a Parquet file that is not named orderbooks_, trades_ or prices_COIN")?;
    let is_part = |folder: &&str| csv_kind(folder).is_some() || *folder == BOOK_FOLDER;
    let above = || folders().take(PARTS).skip_while(|folder| !is_part(folder)).nth(1);
    let coin = named.and_then(|name| Coin::new(&name)).or_else(|| coin_of_name(path));
    let coin = coin.or_else(|| above().filter(is_coin).and_then(Coin::new));
    let coin =
        coin.ok_or("a Parquet file of no coin by its columns or its name: orderbooks_COIN")?;
    Ok((kind, coin))
}

fn csv_kind(name: &str) -> Option<CsvKind> {
    match name {
        "orderbooks" => Some(CsvKind::Books),
        "trades" => Some(CsvKind::Trades),
        "prices" => Some(CsvKind::Prices),
        _ => None,
    }
}

/// A format that we know and do not read, by a file's first bytes: what it is, and what would do.
pub fn known_format(head: &[u8]) -> Option<&'static str> {
    const FORMATS: [(&[u8], &str); 7] = [
        (b"PAR1", "a Parquet file: call it orderbooks_, trades_ or prices_COIN.parquet"),
        (b"\xff\xfe", UTF16),
        (b"\xfe\xff", UTF16),
        (b"\xfd7zXZ", "an xz file: unpack it with `xz -d`"),
        (b"BZh", "a bzip2 file: unpack it with `bzip2 -d`"),
        (b"PK\x03\x04", "a zip file: if it is hftbacktest's, call it COIN.npz"),
        (b"\x93NUMPY", "a NumPy file: if it is hftbacktest's, call it COIN.npy"),
    ];
    FORMATS.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, what)| *what)
}

const UTF16: &str = "UTF-16 text: turn it into UTF-8 with `iconv -f UTF-16 -t UTF-8`";

/// The same for text, by a file's first line.
fn known_lines(line: &[u8]) -> Option<&'static str> {
    if line.starts_with(b"exchange,symbol,timestamp,local_timestamp") {
        return Some("CSV of Tardis: make a recording of it with `botmm import FILE --out FOLDER`");
    }
    if collector::is_of_binance(line) {
        return Some(
            "lines of hftbacktest's collector for Binance: make a recording of them with `botmm import FILE \
             --out FOLDER`",
        );
    }
    None
}

/// The first line of a file that is not blank; in words why there is none.
fn first_line(path: &Path) -> Result<Result<Vec<u8>, String>, DataError> {
    let is_capture = || path.to_string_lossy().ends_with(SEGMENT_SUFFIX);
    let mut source = match LineReader::open(path) {
        Ok(source) => source,
        // Part of a capture left out would be other data.
        Err(e) if e.kind() == io::ErrorKind::InvalidData && is_capture() => {
            return Err(DataError::NotARecording { path: path.to_owned(), why: e.to_string() });
        }
        Err(e) if e.kind() == io::ErrorKind::InvalidData => return Ok(Err(e.to_string())),
        Err(source) => return Err(DataError::Unreadable { path: path.to_owned(), source }),
    };
    let mut line = Vec::new();
    loop {
        return Ok(match source.next_line(&mut line) {
            Ok(Line::Whole | Line::Cut) if line.trim_ascii().is_empty() => continue,
            Ok(Line::Whole | Line::Cut) => Ok(line),
            // A busy block of a node is long.
            Ok(Line::TooLong) if kind_of(path, &line).is_some() => Ok(line),
            Ok(Line::TooLong) => Err("its first line is no frame".to_owned()),
            Ok(Line::End) => Err("it is empty".to_owned()),
            Err(e) => Err(format!("cannot be decompressed: {e}")),
        });
    }
}

/// The first bytes of a file as it lies on disk; [`None`] when it cannot be read.
fn head(path: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let read = crate::files::open(path).and_then(|file| file.take(8).read_to_end(&mut head));
    read.is_ok().then_some(head)
}
