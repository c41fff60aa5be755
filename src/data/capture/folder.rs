//! The folder of a capture: days, segments by name, and one recorder at a time.

use super::reader::{Piece, SegmentReader};
use super::repair::{Repaired, repair};
use super::segment::{Head, Index, SUFFIX};
use super::writer::SegmentWriter;
use crate::exit::AppError;
use crate::files::{self, Readers, make_folder};
use crate::when::utc;
use botmm_pipeline::types::Nanos;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

const LOCK: &str = "capture.lock";

/// Whether a folder's name is that of a day: `2026-11-29`.
pub fn is_day(name: &str) -> bool {
    let shape = |(i, b): (usize, u8)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() };
    name.len() == 10 && name.bytes().enumerate().all(shape)
}

/// A segment by its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DaySegment {
    /// `2026-11-29`
    pub day: String,
    /// Its file's name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

/// The segments of a capture, oldest first. A folder that holds none has none.
///
/// # Errors
/// A folder cannot be read.
pub fn segments(root: &Path) -> io::Result<Vec<DaySegment>> {
    let mut found = Vec::new();
    for day in std::fs::read_dir(root)? {
        let day = day?;
        let name = day.file_name().to_string_lossy().into_owned();
        if !is_day(&name) || !day.file_type()?.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(day.path())? {
            let entry = entry?;
            let file = entry.file_name().to_string_lossy().into_owned();
            if file.ends_with(SUFFIX) && entry.file_type()?.is_file() {
                found.push(DaySegment { day: name.clone(), name: file, path: entry.path() });
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a segment was closed: it has its index. Only its end is looked at.
///
/// # Errors
/// It cannot be read.
pub fn is_closed(path: &Path) -> io::Result<bool> {
    let file = files::open(path)?;
    let len = file.metadata()?.len();
    let mut tail = [0; 8];
    let Some(at) = len.checked_sub(tail.len() as u64) else { return Ok(false) };
    file.read_exact_at(&mut tail, at)?;
    let Some(index) = Index::len_by_tail(tail).filter(|index| *index <= len) else {
        return Ok(false);
    };
    let mut bytes = vec![0; index as usize];
    file.read_exact_at(&mut bytes, len - index)?;
    Ok(Index::read(&bytes).is_some())
}

/// A capture that is written by us alone, as long as this lives.
pub struct Folder {
    root: PathBuf,
    /// The lock is the open file's.
    _lock: File,
}

impl Folder {
    /// Takes a folder, and makes it when it is not there.
    ///
    /// # Errors
    /// Another recorder has it, or it cannot be made.
    pub fn take(root: &Path) -> Result<Self, AppError> {
        make_folder(root, Readers::All)?;
        let path = root.join(LOCK);
        let lock = files::open_lock(&path).map_err(AppError::io(&path, "open"))?;
        if lock.try_lock().is_err() {
            return Err(AppError::data(
                root.display().to_string(),
                "another recorder writes here",
                "stop it, or name another folder with --out",
            ));
        }
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A day's folder.
    pub fn day(&self, day: &str) -> PathBuf {
        self.root.join(day)
    }

    /// Repairs what was left by one who was killed: what was done, by segment.
    ///
    /// # Errors
    /// A folder or segment cannot be read or written.
    pub fn repair(&self) -> Result<Vec<(DaySegment, Repaired)>, AppError> {
        let mut done = Vec::new();
        for segment in segments(&self.root).map_err(AppError::io(&self.root, "read"))? {
            let failed = |doing| AppError::io(&segment.path, doing);
            if !is_closed(&segment.path).map_err(failed("read"))?
                && let Some(repaired) = repair(&segment.path).map_err(failed("repair"))?
            {
                done.push((segment, repaired));
            }
        }
        Ok(done)
    }

    /// When the newest line of the capture was received; [`None`] = there is none.
    ///
    /// # Errors
    /// The newest segment cannot be read.
    pub fn last(&self) -> io::Result<Option<Nanos>> {
        for segment in segments(&self.root)?.into_iter().rev() {
            let mut reader = SegmentReader::new(io::BufReader::new(files::open(&segment.path)?))?;
            let mut text = Vec::new();
            let mut last = None;
            loop {
                match reader.next(&mut text)? {
                    Piece::Block(record) => last = Some(record.last),
                    Piece::Damage(_) => {}
                    Piece::End { .. } => break,
                }
            }
            if last.is_some() {
                return Ok(last);
            }
        }
        Ok(None)
    }

    /// Begins a segment with the line that was received at this time.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn begin(&self, at: Nanos, recorder: &str) -> io::Result<SegmentWriter> {
        // A name is taken only when the clock was set back.
        for ms in 0..1_000 {
            let text = utc(at + Nanos::millis(ms));
            let (day, time) = (&text[..10], &text[11..23]);
            let folder = self.day(day);
            make_folder(&folder, Readers::All).map_err(io::Error::other)?;
            let path = folder.join(format!("{}{SUFFIX}", time.replace(':', "-")));
            let head = Head { begun: at, recorder: recorder.to_owned() };
            match SegmentWriter::create(&path, head) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                done => return done,
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}
