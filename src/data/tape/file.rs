//! A compiled tape on the disk.
//!
//! It is read in pieces of 16 KiB and not mapped: a piece is checked in memory that is ours, where no other
//! process changes it after the check, and a file that is cut short under a reader ends the replay with an
//! error where a map would end the process (SIGBUS). The numbers allow it: see `benches/replay.rs`.

use crate::exit::AppError;
use crate::files::{self, Readers};
use crate::masked::masked_path;
use crate::terminal;
use botmm_pipeline::venue::tape::{Bytes, Tape, TapeError};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Tapes that are kept in one folder; the oldest go.
const KEPT: usize = 16;
/// How the name of one ends.
const SUFFIX: &str = ".tape";

#[derive(Debug)]
struct TapeFile {
    file: File,
    len: u64,
}

impl Bytes for TapeFile {
    fn size(&self) -> u64 {
        self.len
    }
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, offset)
    }
}

/// Opens one, if there is one that can be used. Of its events nothing is read. One that is damaged is told, and removed.
pub fn open(path: &Path) -> Option<Tape> {
    let file = files::open(path).ok()?;
    let len = file.metadata().ok()?.len();
    match Tape::open(Box::new(TapeFile { file, len })) {
        Ok(tape) => Some(tape),
        Err(TapeError::Damaged { why }) => {
            let place = masked_path(path);
            terminal::complain(format!(
                "{place}: this compiled tape is damaged ({why}); it is removed, and the recording itself is read"
            ));
            let _ = std::fs::remove_file(path); // If it cannot be, it is told again the next time.
            None
        }
        Err(TapeError::NoTape | TapeError::OtherVersion { .. }) => None,
    }
}

/// The tapes of a folder whose names begin so, the youngest first.
pub fn named(folder: &Path, begin: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_named = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        name.starts_with(begin) && name.ends_with(SUFFIX)
    };
    let mut found: Vec<(SystemTime, PathBuf)> = entries
        .map(|entry| entry.path())
        .filter(is_named)
        .filter_map(|path| Some((std::fs::metadata(&path).ok()?.modified().ok()?, path)))
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, path)| path).collect()
}

/// Writes one, whole or not at all, and takes the oldest away when there are many.
///
/// # Errors
/// The folder cannot be written.
pub fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, AppError> {
    // Nobody means to have files put where nobody may write, though root could.
    let parent = folder.ancestors().find(|parent| parent.exists());
    let parent = parent.filter(|parent| !parent.as_os_str().is_empty());
    let meta = std::fs::metadata(parent.unwrap_or(Path::new(".")));
    if meta.is_ok_and(|meta| meta.permissions().readonly()) {
        let why = io::Error::from(io::ErrorKind::PermissionDenied);
        return Err(AppError::io(folder, "write")(why));
    }
    files::make_folder(folder, Readers::All)?;
    let path = folder.join(format!("{name}{SUFFIX}"));
    files::write_whole(&path, bytes, Readers::All)?;
    for old in named(folder, "").iter().skip(KEPT) {
        let _ = std::fs::remove_file(old); // Another process may have done so.
    }
    Ok(path)
}
