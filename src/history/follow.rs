//! Follows journals: what a run wrote since the last look is taken in, together with how far that is.

use super::apply::{Applied, apply};
use super::error::HistoryError;
use super::store::History;
use crate::journal::find::run_folders;
use crate::journal::line::{Head, Line, MAX_LINE_BYTES};
use crate::journal::segments::{LIVE, Reading};
use crate::masked::masked;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::io::{BufRead, ErrorKind, Read as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// Of one transaction, at most: lines that are read, and lines that are taken in.
const MAX_READ: u64 = 50_000;
const MAX_TAKEN: usize = 4_000;

/// What following came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Lines that were read.
    pub lines: u64,
    /// There was time left: all is in that there was.
    pub is_at_end: bool,
    /// Lines that are none of a journal, and the first of them in words.
    pub passed_over: u64,
    /// See `passed_over`.
    pub problem: Option<String>,
}

impl Followed {
    /// Together with what came after.
    pub fn add(&mut self, more: Self) {
        self.lines += more.lines;
        self.is_at_end = more.is_at_end;
        self.passed_over += more.passed_over;
        self.problem = self.problem.take().or(more.problem);
    }
}

/// How far a journal was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    /// Number of the segment; 0 = nothing yet.
    segment: u64,
    /// Whole lines of it that are in, in bytes.
    bytes: u64,
    /// Which file that is, while it is the newest.
    file: String,
}

/// What was read at once.
#[derive(Debug, Default)]
struct Portion {
    lines: Vec<Result<Line, String>>,
    read: u64,
    end: Place,
    is_at_end: bool,
}

/// What the history calls the run of a folder: by its name among the runs beside the history, else by its
/// whole path; masked, since what a person names a folder may be anything.
pub fn run_name(history: &Path, dir: &Path) -> String {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let dir = whole(dir);
    let beside = history.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = match dir.file_name() {
        Some(name) if dir.parent() == Some(&whole(beside)) => name.to_string_lossy(),
        _ => dir.to_string_lossy(),
    };
    masked(&name).into_owned()
}

/// Takes in the journals of every run in a folder, oldest first, as far as there is time.
///
/// # Errors
/// What SQLite or the system says.
pub fn catch_up(
    history: &mut History,
    runs: &Path,
    at_most: Duration,
) -> Result<Followed, HistoryError> {
    let begun = Instant::now();
    let dirs = match run_folders(runs) {
        Err(e) if e.kind() == ErrorKind::NotFound => {
            return Ok(Followed { is_at_end: true, ..Followed::default() });
        }
        dirs => dirs.map_err(HistoryError::io(runs, "read"))?,
    };
    let mut all = Followed { is_at_end: true, ..Followed::default() };
    for dir in dirs {
        let left = at_most.saturating_sub(begun.elapsed());
        if left.is_zero() {
            all.is_at_end = false;
            break;
        }
        all.add(follow(history, &dir, left)?);
    }
    Ok(all)
}

/// Takes in what the journal of a run's folder says beyond what is in already, as far as there is time.
///
/// # Errors
/// What SQLite or the system says.
pub fn follow(
    history: &mut History,
    dir: &Path,
    at_most: Duration,
) -> Result<Followed, HistoryError> {
    let begun = Instant::now();
    let run = run_name(history.path(), dir);
    let mut all = Followed::default();
    loop {
        let from = place(history, &run)?;
        let portion = portion(dir, &from).map_err(HistoryError::io(dir, "read"))?;
        let is_at_end = portion.is_at_end;
        if portion.end != from {
            all.add(history.change(|db| take(db, &run, &portion))?);
        }
        all.is_at_end = is_at_end;
        if is_at_end || begun.elapsed() >= at_most {
            return Ok(all);
        }
    }
}

fn place(history: &History, run: &str) -> Result<Place, HistoryError> {
    let found = history.db().query_row(
        "SELECT segment, bytes, file FROM progress WHERE run = ?1",
        [run],
        |row| {
            let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
            Ok(Place { segment: number(0)?, bytes: number(1)?, file: row.get(2)? })
        },
    );
    let found = found.optional().map_err(HistoryError::sql(history.path()))?;
    Ok(found.unwrap_or_default())
}

/// All of a portion, and how far that is.
fn take(db: &Connection, run: &str, portion: &Portion) -> Result<Followed, HistoryError> {
    let sql = HistoryError::sql(db.path().map_or(Path::new(""), Path::new));
    // A journal of before there were `run` lines says nothing of the kind.
    db.execute(
        "INSERT OR IGNORE INTO runs (name, book, kind, network, is_real_money)
         VALUES (?1, ?1, 'unknown', 'unknown', 0)",
        [run],
    )
    .map_err(&sql)?;
    let mut followed = Followed { lines: portion.read, ..Followed::default() };
    for line in &portion.lines {
        let applied = match line {
            Ok(line) => apply(db, run, line)?,
            Err(problem) => Applied::PassedOver(problem.clone()),
        };
        if let Applied::PassedOver(problem) = applied {
            followed.passed_over += 1;
            followed.problem.get_or_insert_with(|| format!("{run}: {problem}"));
        }
    }
    let Place { segment, bytes, file } = &portion.end;
    db.execute(
        "INSERT INTO progress (run, segment, bytes, file, passed_over) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET segment = ?2, bytes = ?3, file = ?4, passed_over = passed_over + ?5",
        params![
            run,
            segment.cast_signed(),
            bytes.cast_signed(),
            file,
            followed.passed_over.cast_signed()
        ],
    )
    .map_err(&sql)?;
    Ok(followed)
}

/// The whole lines from a place on. Of a journal that is gone there is nothing.
fn portion(dir: &Path, from: &Place) -> std::io::Result<Portion> {
    let nothing = || Portion { end: from.clone(), is_at_end: true, ..Portion::default() };
    let reading = match Reading::open(&dir.join(LIVE)) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(nothing()),
        reading => reading?,
    };
    let newest = reading.newest_id()?;
    let last = reading.files() - 1;
    let (mut at, mut bytes) = begin(&reading, from, &newest);
    let mut portion = nothing();
    loop {
        let id = if at == last { newest.clone() } else { String::new() };
        portion.end = Place { segment: reading.number(at), bytes, file: id };
        if let Some(lines) = reading.lines_from(at, bytes)? {
            let is_whole = read(lines, &mut portion)?;
            portion.is_at_end = is_whole && at == last;
            if !is_whole {
                return Ok(portion);
            }
        }
        if at == last {
            portion.is_at_end = true;
            return Ok(portion);
        }
        (at, bytes) = (at + 1, 0);
    }
}

/// In which file to go on, and where. When in doubt from a file's beginning: what is in already does no
/// harm.
fn begin(reading: &Reading, from: &Place, newest: &str) -> (usize, u64) {
    let last = reading.files() - 1;
    if from.file == newest {
        return (last, from.bytes);
    }
    let at = (0..=last).find(|at| reading.number(*at) >= from.segment).unwrap_or(last);
    let is_same = reading.number(at) == from.segment;
    (at, if is_same { from.bytes } else { 0 })
}

/// Whether the file has no more whole lines.
fn read(mut lines: impl BufRead, portion: &mut Portion) -> std::io::Result<bool> {
    let mut text = Vec::new();
    while portion.lines.len() < MAX_TAKEN && portion.read < MAX_READ {
        text.clear();
        lines.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut text)?;
        let is_whole = text.last() == Some(&b'\n') || text.len() as u64 == MAX_LINE_BYTES;
        if !is_whole {
            return Ok(true); // Half of one is read again when it is whole.
        }
        portion.end.bytes += text.len() as u64;
        portion.read += 1;
        portion.lines.extend(line_of(&text));
    }
    Ok(false)
}

/// [`None`] = nothing that the history keeps, which is most of a journal.
fn line_of(text: &[u8]) -> Option<Result<Line, String>> {
    let text = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(_) => return Some(Err("not a line of a journal: not UTF-8".to_owned())),
    };
    match Head::of(text) {
        Ok(head) if matches!(&*head.kind, "decision" | "state" | "orders") => None,
        Ok(_) => Line::read(text).transpose(),
        Err(problem) => Some(Err(problem)),
    }
}
