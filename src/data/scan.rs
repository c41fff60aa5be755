//! Which files hold recordings, told by their names and, for raw frames, by their first line.

use super::error::DataError;
use super::frames;
use super::report::LoadReport;
use super::source::{Line, Source};
use botmm_pipeline::types::Coin;
use std::collections::HashSet;
use std::io;
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
    /// `LOCAL_NS JSON` lines, of any coins.
    Frames,
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
            let layout = layout_of(path)?;
            let layout =
                layout.map_err(|why| DataError::NotARecording { path: path.clone(), why })?;
            files.push(DataFile { path: path.clone(), bytes: meta.len(), layout });
        }
    }
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
    let (mut folders, mut ignored) = (Vec::new(), 0);
    for entry in entries {
        let path = entry.path();
        // Follows links, as opening the file will; a dangling one is ignored like any stranger.
        let Ok(meta) = std::fs::metadata(&path) else {
            report.warn(format!("{}: ignored (cannot be read)", path.display()));
            continue;
        };
        if meta.is_dir() {
            folders.push(entry.file_name().to_string_lossy().into_owned());
            continue;
        }
        match layout_of(&path)? {
            Ok(layout) => files.push(DataFile { path, bytes: meta.len(), layout }),
            Err(why) => {
                ignored += 1;
                report.warn(format!("{}: ignored ({why})", path.display()));
            }
        }
    }
    Ok(match (folders.is_empty(), ignored) {
        (false, _) => format!("but subfolders: {}; name one of these", folders.join(", ")),
        (true, 0) => "it is empty".to_owned(),
        (true, n) => format!("{n} other file(s)"),
    })
}

/// The layout of a file, or why it is no recording.
fn layout_of(path: &Path) -> Result<Result<Layout, String>, DataError> {
    let name = path.file_name().map(|n| n.to_string_lossy()).unwrap_or_default();
    let plain = name.strip_suffix(".zst").or_else(|| name.strip_suffix(".gz")).unwrap_or(&name);
    if let Some(stem) = plain.strip_suffix(".csv") {
        return Ok(csv_layout(stem).ok_or_else(|| "a CSV file of another name".to_owned()));
    }
    let packed = plain.len() < name.len();
    let text = [".jsonl", ".txt", ".log"].iter().any(|end| plain.ends_with(end));
    if !packed && !text {
        return Ok(Err("neither CSV nor frames by its name".to_owned()));
    }
    first_line_is_a_frame(path)
}

fn csv_layout(stem: &str) -> Option<Layout> {
    let (prefix, rest) = stem.split_once('_')?;
    let kind = match prefix {
        "orderbooks" => CsvKind::Books,
        "trades" => CsvKind::Trades,
        "prices" => CsvKind::Prices,
        _ => return None,
    };
    let coin = rest.split(['_', '.']).next()?;
    Coin::new(coin)?;
    Some(Layout::Csv { kind, coin: coin.to_owned() })
}

fn first_line_is_a_frame(path: &Path) -> Result<Result<Layout, String>, DataError> {
    let mut source = match Source::open(path) {
        Ok(source) => source,
        Err(e) if e.kind() == io::ErrorKind::InvalidData => return Ok(Err(e.to_string())),
        Err(source) => return Err(DataError::Unreadable { path: path.to_owned(), source }),
    };
    let mut line = Vec::new();
    loop {
        return Ok(match source.next_line(&mut line) {
            Ok(Line::Whole | Line::Cut) if line.trim_ascii().is_empty() => continue,
            Ok(Line::Whole | Line::Cut) if frames::looks_like_frame(&line) => Ok(Layout::Frames),
            Ok(Line::End) => Err("it is empty".to_owned()),
            Ok(_) => Err("its first line is no frame".to_owned()),
            Err(e) => Err(format!("cannot be decompressed: {e}")),
        });
    }
}
