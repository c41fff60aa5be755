//! The journal's files: whole lines are added to the newest one; one that is long enough is followed by
//! the next. What the disk does not take is kept, to be tried again, until it is given up and counted.

use super::packer::{Bounds, Packer};
use super::segments::{LIVE, plain_name, segments};
use crate::exit::AppError;
use crate::files::Readers;
use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// So much of lines is worth a call of the system.
const FLUSH_BYTES: usize = 64 << 10;
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
    /// Lines that were given up, and why the first of them were.
    lost: u64,
    first_error: Option<io::Error>,
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
            lost: 0,
            first_error: None,
        })
    }

    /// Adds a line.
    pub fn line(&mut self, line: &impl Display) {
        let _ = writeln!(self.pending, "{line}"); // Into memory: cannot fail.
        self.pending_lines += 1;
    }

    /// Whether so much was added that it is worth a [`Growing::flush`].
    pub fn is_much(&self) -> bool {
        self.pending.len() >= FLUSH_BYTES
    }

    /// Hands what was added to the system, so that readers see it.
    ///
    /// # Errors
    /// The disk takes nothing: all of it is kept, to be tried again.
    pub fn flush(&mut self) -> io::Result<()> {
        self.follow();
        if self.pending.is_empty() {
            return Ok(());
        }
        if self.bound.as_ref().is_some_and(|(bytes, _)| self.whole >= MAX_LATE * bytes) {
            return Err(io::Error::other("the segment before this one is not packed yet"));
        }
        if let Err(e) = self.file.write_all(&self.pending) {
            // Half a line would spoil the next one; what cannot be cut off, a reader will name.
            let _ = self.file.set_len(self.whole);
            return Err(e);
        }
        self.whole += self.pending.len() as u64;
        self.pending.clear();
        self.pending_lines = 0;
        Ok(())
    }

    /// Loses what could not be written, and counts it.
    pub fn give_up(&mut self, why: io::Error) {
        self.pending.clear();
        self.lost += std::mem::take(&mut self.pending_lines);
        self.first_error.get_or_insert(why);
    }

    /// What a person should know of packing.
    pub fn trouble(&self) -> Option<String> {
        self.bound.as_ref()?.1.trouble()
    }

    /// Ends it.
    ///
    /// # Errors
    /// Some of it could not be written; how much.
    pub fn finish(mut self) -> Result<(), AppError> {
        if let Err(e) = self.flush() {
            self.give_up(e);
        }
        if let Some((_, packer)) = self.bound.take() {
            packer.finish();
        }
        let Some(e) = self.first_error else { return Ok(()) };
        let e = io::Error::new(e.kind(), format!("{e} ({} lines are lost)", self.lost));
        Err(AppError::io(self.dir.join(LIVE), "write")(e))
    }

    /// The newest file.
    pub fn path(&self) -> PathBuf {
        self.dir.join(LIVE)
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
