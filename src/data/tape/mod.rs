//! Recordings, compiled: what was read once is kept as a tape (`botmm_pipeline::venue::tape`), and opened
//! the next time.
//!
//! A tape lies in a folder [`OURS`] beside the recording, or where that cannot be written in one of the
//! user's. It is used when its files are what they were ([`stamp`]), the same is asked of them, and this program
//! wrote it; else they are read, and it is written anew. What it says of the recording (events, coins, warnings,
//! counts) is what reading it would say. Its own sums are checked as far as it is read.

mod file;
mod note;
mod stamp;

use self::note::{Asked, Note};
use self::stamp::Stamp;
use super::error::DataError;
use super::scan::{DataFile, OURS};
use super::{LoadOptions, LoadReport, Loaded};
use crate::sha256;
use botmm_pipeline::venue::tape::Tape;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Where compiled tapes are kept.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Beside each recording, if it can be.
    pub beside: bool,
    /// Else there.
    pub elsewhere: Option<PathBuf>,
}

/// The tapes of one set of files.
pub(super) struct Tapes {
    folders: Vec<PathBuf>,
    /// How their names begin.
    sources: String,
}

impl Tapes {
    /// Of these files, which were found where `place` is.
    pub fn new(cache: &Cache, place: &Path, files: &[DataFile]) -> Self {
        let folder = if place.is_dir() { Some(place) } else { place.parent() };
        let beside = folder.filter(|_| cache.beside).map(|folder| folder.join(OURS));
        let mut hash = Sha256::new();
        for file in files {
            let path = file.path.canonicalize().unwrap_or_else(|_| file.path.clone());
            hash.update(path.as_os_str().as_bytes());
            hash.update([0]);
        }
        let folders = beside.into_iter().chain(cache.elsewhere.clone()).collect();
        Self { folders, sources: begin_of(hash) }
    }

    /// The coins of these files, as far as a tape of them knows.
    pub fn coins(&self, files: &[DataFile]) -> Option<BTreeSet<String>> {
        let all = self.folders.iter().flat_map(|folder| file::named(folder, &self.sources));
        let mut current = all.filter_map(|path| current(&path, files));
        current.next().map(|(_, note)| note.coins)
    }

    /// What is asked for, from a tape; and where it lies.
    pub fn open(&self, asked: &Asked, files: &[DataFile], report: &LoadReport) -> Option<Loaded> {
        let name = self.name(asked);
        let mut paths = self.folders.iter().flat_map(|folder| file::named(folder, &name));
        paths.find_map(|path| {
            let (tape, note) = current(&path, files).filter(|(_, note)| note.answers(asked))?;
            let loaded = note.load(tape, files, report)?;
            Some(Loaded { compiled: Some(path), ..loaded })
        })
    }

    /// Keeps what was read.
    ///
    /// # Errors
    /// In words: it could not be.
    fn keep(&self, asked: &Asked, note: &Note, loaded: &mut Loaded) -> Result<(), String> {
        let bytes = loaded.tape.to_bytes(note.write()).map_err(|e| e.to_string())?;
        let mut why = "no folder for it is known: set HOME".to_owned();
        for folder in &self.folders {
            match file::write(folder, &self.name(asked), &bytes) {
                Ok(path) => {
                    loaded.compiled = Some(path);
                    return Ok(());
                }
                Err(e) => why = e.to_string(),
            }
        }
        Err(why)
    }

    fn name(&self, asked: &Asked) -> String {
        let asked = serde_json::to_vec(asked).unwrap_or_default();
        let hash = begin_of(Sha256::new_with_prefix(asked));
        format!("{}-{hash}", self.sources)
    }
}

fn begin_of(hash: Sha256) -> String {
    sha256::hex(&hash.finalize()[..8])
}

/// A tape and what it knows, when its files are what they were.
fn current(path: &Path, files: &[DataFile]) -> Option<(Tape, Note)> {
    let tape = file::open(path)?;
    let mut note = Note::read(&tape)?;
    if note.is_current(files)? {
        // Copied, or touched: the next look is enough again. If not, nothing is lost but time.
        if let (Ok(bytes), Some((folder, name))) = (tape.to_bytes(note.write()), place_of(path)) {
            let _ = file::write(folder, name, &bytes);
        }
    }
    Some((tape, note))
}

fn place_of(path: &Path) -> Option<(&Path, &str)> {
    Some((path.parent()?, path.file_stem()?.to_str()?))
}

/// Whether all of a tape could be read that was asked of it. One that proved damaged is removed.
///
/// # Errors
/// It was not; what was made of it is of a part.
pub fn whole(tape: &Tape, compiled: Option<&Path>) -> Result<(), DataError> {
    let Some(why) = tape.damage() else { return Ok(()) };
    let path = compiled.unwrap_or(Path::new("in memory")).to_owned();
    let _ = std::fs::remove_file(&path); // If it cannot be, the next run finds it damaged too.
    Err(DataError::DamagedTape { path, why: why.to_owned() })
}

/// From a tape where there is one; else as `read` does, and kept as a tape for the next time.
pub(super) fn load<E>(
    tapes: &Tapes,
    (files, coins): (&[DataFile], &BTreeSet<String>),
    options: LoadOptions<'_>,
    report: LoadReport,
    read: impl FnOnce(LoadOptions<'_>, LoadReport) -> Result<Loaded, E>,
) -> Result<Loaded, E> {
    let asked = Asked::of(&options, coins);
    if let Some(loaded) = tapes.open(&asked, files, &report) {
        return Ok(loaded);
    }
    let before: io::Result<Vec<Stamp>> = files.iter().map(|file| Stamp::of(&file.path)).collect();
    let heard = report.warnings.len();
    let mut loaded = read(options, report)?;
    // What changed while it was read is read anew the next time.
    let note = before
        .ok()
        .and_then(|before| Note::new(asked.clone(), files, before, coins, &loaded, heard));
    if let Some(note) = note
        && let Err(why) = tapes.keep(&asked, &note, &mut loaded)
    {
        loaded.report.warn(format!(
            "not kept as a compiled tape, so that it is read again next time: {why}"
        ));
    }
    Ok(loaded)
}
