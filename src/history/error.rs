//! Why the history could not be read or written.

use crate::exit::{AppError, Exit};
use rusqlite::ErrorCode;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// One line: what happened, where, and what to do.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// SQLite did not do it.
    #[error("{}: the history cannot be used: {source}; {}", path.display(), remedy(source))]
    Sql {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
    /// It was written by a newer botmm.
    #[error(
        "{}: the history has version {found}, and this botmm knows up to {known}: use a newer one, or \
         name another file (`path` under [history])",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// It is a database, and none of ours.
    #[error(
        "{}: a database of something else, and it is left alone: name another file (`path` under \
         [history])",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A file or folder could not be read or written.
    #[error("{}: cannot {doing}: {source}; check the path, permissions and free space", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// `read`, `rename`…
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl HistoryError {
    /// SQLite's, for `map_err`.
    pub fn sql(path: &Path) -> impl Fn(rusqlite::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Sql { path: path.clone(), source }
    }

    /// The system's, for `map_err`.
    pub fn io(path: &Path, doing: &'static str) -> impl Fn(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path: path.clone(), doing, source }
    }

    /// The file is spoilt: nothing but a new one helps.
    pub fn is_corrupt(&self) -> bool {
        matches!(self, Self::Sql { source, .. } if matches!(
            source.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        ))
    }
}

fn remedy(source: &rusqlite::Error) -> &'static str {
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process writes to it: it is tried again"
        }
        Some(ErrorCode::DiskFull) => "free some space",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "it is spoilt: `botmm history --rebuild` makes it anew from the journals"
        }
        _ => "check the path, permissions and free space",
    }
}

impl From<HistoryError> for AppError {
    fn from(e: HistoryError) -> Self {
        Self::of(Exit::Data, e)
    }
}
