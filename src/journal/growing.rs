//! The journal's files: whole lines are added to the newest one; one that is long enough is followed by
//! the next. A disk that takes nothing is tried again now and then, and what was lost is counted.

use super::line::{Gap, Line};
use super::packer::{Bounds, Packer};
use super::segments::{LIVE, plain_name, segments};
use crate::exit::AppError;
use crate::files::Readers;
use crate::when::utc_now;
use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Lines are handed to the system when there is so much of them, if nobody asks before.
const FLUSH_BYTES: usize = 64 << 10;
/// How often a disk that took nothing is tried again.
const TRY_EVERY: Duration = Duration::from_secs(10);
/// How often old files are looked for although nothing is whole.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);
/// A segment grows to so many times its length while the one before it is packed.
const MAX_LATE: u64 = 2;

/// See the module.
pub struct Growing {
    dir: PathBuf,
    file: File,
    /// Lines that the system does not have yet.
    pending: Vec<u8>,
    pending_lines: u64,
    /// Bytes of the file that are whole lines.
    whole: u64,
    number: u64,
    /// When it is whole; and who packs it.
    bound: Option<(u64, Packer)>,
    next_tidy: Instant,
    failing: Option<Failing>,
    /// Lines that no file has, and why the first of them were lost.
    lost: u64,
    first_error: Option<io::Error>,
    /// What a person must know, and has not been told.
    news: Option<String>,
}

/// The disk takes nothing.
struct Failing {
    next_try: Instant,
    lost_before: u64,
}

impl Growing {
    /// Starts a journal in a folder that has none.
    ///
    /// # Errors
    /// There is one, or it cannot be made.
    pub fn create(dir: &Path, bounds: Option<Bounds>) -> Result<Self, AppError> {
        let path = dir.join(LIVE);
        let is_taken = segments(dir).is_ok_and(|found| !found.is_empty());
        let made = match is_taken {
            true => Err(ErrorKind::AlreadyExists.into()),
            false => new_file(&path),
        };
        let file = match made {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                let what = "already there, and a run's journal is never overwritten";
                return Err(AppError::data(path.display().to_string(), what, "name another --out"));
            }
            made => made.map_err(AppError::io(&path, "create"))?,
        };
        let bound = match bounds {
            Some(bounds) => {
                let bytes = bounds.segment_bytes();
                let packer = Packer::start(dir, bounds);
                Some((bytes, packer.map_err(AppError::io("journal thread", "start"))?))
            }
            None => None,
        };
        Ok(Self {
            dir: dir.to_owned(),
            file,
            pending: Vec::new(),
            pending_lines: 0,
            whole: 0,
            number: 1,
            bound,
            next_tidy: Instant::now() + TIDY_EVERY,
            failing: None,
            lost: 0,
            first_error: None,
            news: None,
        })
    }

    /// Adds a line.
    pub fn line(&mut self, line: &impl Display) {
        if self.failing.as_ref().is_some_and(|f| Instant::now() < f.next_try) {
            self.lost += 1;
            return;
        }
        let _ = writeln!(self.pending, "{line}"); // Into memory: cannot fail.
        self.pending_lines += 1;
        if self.pending.len() >= FLUSH_BYTES {
            self.flush();
        }
    }

    /// Hands what was added to the system, so that readers see it; what a person must know by then.
    pub fn flush(&mut self) -> Option<String> {
        if !self.pending.is_empty() {
            match self.write() {
                Ok(()) => self.works(),
                Err(e) => self.fails(e),
            }
        }
        self.follow();
        self.news.take().or_else(|| self.bound.as_ref()?.1.trouble())
    }

    /// Ends it.
    ///
    /// # Errors
    /// Some of it could not be written; how much.
    pub fn finish(mut self) -> Result<PathBuf, AppError> {
        self.failing.iter_mut().for_each(|f| f.next_try = Instant::now());
        self.flush();
        if let Some((_, packer)) = self.bound.take() {
            packer.finish();
        }
        let path = self.path();
        match self.first_error {
            Some(e) => {
                let e = io::Error::new(e.kind(), format!("{e} ({} lines are lost)", self.lost));
                Err(AppError::io(path, "write")(e))
            }
            None => Ok(path),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.join(LIVE)
    }

    fn write(&mut self) -> io::Result<()> {
        if self.bound.as_ref().is_some_and(|(bytes, _)| self.whole >= MAX_LATE * bytes) {
            return Err(io::Error::other("the segment before this one is not packed yet"));
        }
        if let Some(failing) = &self.failing {
            let time = utc_now();
            let lost = self.lost - failing.lost_before;
            let gap = Line::Gap(Gap { time, lost });
            self.pending.splice(..0, format!("{gap}\n").into_bytes());
        }
        self.file.write_all(&self.pending)?;
        self.whole += self.pending.len() as u64;
        self.pending.clear();
        self.pending_lines = 0;
        Ok(())
    }

    fn works(&mut self) {
        if let Some(failing) = self.failing.take() {
            let lost = self.lost - failing.lost_before;
            self.news =
                Some(format!("{}: written again; {lost} lines are lost", self.path().display()));
        }
    }

    fn fails(&mut self, e: io::Error) {
        // Half a line would spoil the next one; what cannot be cut off, a reader will name.
        let _ = self.file.set_len(self.whole);
        self.pending.clear();
        let before = self.lost;
        self.lost += std::mem::take(&mut self.pending_lines);
        if self.failing.is_none() {
            self.news = Some(format!(
                "{}: cannot write: {e}; trading goes on, records are lost until it can be written",
                self.path().display()
            ));
        }
        let next_try = Instant::now() + TRY_EVERY;
        let lost_before = self.failing.as_ref().map_or(before, |f| f.lost_before);
        self.failing = Some(Failing { next_try, lost_before });
        self.first_error.get_or_insert(e);
    }

    /// Begins the next file when this one is long enough and the one before is packed.
    fn follow(&mut self) {
        let Some((bytes, packer)) = &self.bound else { return };
        let is_whole = self.whole >= *bytes && !packer.is_busy();
        let is_late = Instant::now() >= self.next_tidy;
        if is_late {
            self.next_tidy = Instant::now() + TIDY_EVERY;
        }
        // Without a next file this one grows on.
        if is_whole && let Ok(file) = next_file(&self.dir, self.number) {
            (self.file, self.whole) = (file, 0);
            self.number += 1;
            packer.work();
        } else if is_late {
            packer.work();
        }
    }
}

#[cfg(test)]
impl Growing {
    /// Waits until everything is packed.
    pub fn settle(&self) {
        while self.bound.as_ref().is_some_and(|(_, packer)| packer.is_busy()) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Another disk.
    pub fn swap_file(&mut self, file: File) -> File {
        std::mem::replace(&mut self.file, file)
    }

    /// The disk is tried again at once.
    pub fn try_now(&mut self) {
        self.failing.iter_mut().for_each(|f| f.next_try = Instant::now());
    }
}

fn new_file(path: &Path) -> io::Result<File> {
    let mode = Readers::Group.file_mode();
    OpenOptions::new().append(true).create_new(true).mode(mode).open(path)
}

/// The next file is there before this one loses its name.
fn next_file(dir: &Path, number: u64) -> io::Result<File> {
    let (live, next) = (dir.join(LIVE), dir.join(".journal.next"));
    let _ = std::fs::remove_file(&next); // Of an attempt that failed.
    let file = new_file(&next)?;
    std::fs::rename(&live, dir.join(plain_name(number)))?;
    std::fs::rename(&next, &live)?;
    Ok(file)
}
