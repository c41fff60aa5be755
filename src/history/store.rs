//! The file: opened, checked, brought to this version; put aside when it is spoilt.

use super::error::HistoryError;
use super::schema::{APPLICATION_ID, STEPS, VERSION};
use crate::files::{Readers, make_folder};
use crate::when::utc_now;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What it is called, unless it is told otherwise: beside the journals.
pub const NAME: &str = "history.db";
/// How long another process may keep it locked before that is an error. Who writes tries again.
const BUSY: Duration = Duration::from_millis(500);
/// What belongs to a database file beside itself.
const BESIDE: [&str; 3] = ["", "-wal", "-shm"];

/// An open history. It has one writer at a time; readers do not wait for it.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    db: Connection,
    /// Which file it is, whatever bears its name later.
    id: Option<(u64, u64)>,
}

fn id_of(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    path.metadata().ok().map(|of| (of.dev(), of.ino()))
}

/// What opening came to.
#[derive(Debug)]
pub struct Opened {
    /// It.
    pub history: History,
    /// What a person should know: a spoilt one was put aside.
    pub said: Option<String>,
}

impl History {
    /// Opens it to be written; it is made when it is not there, and made anew when it is spoilt, which is
    /// then said.
    ///
    /// # Errors
    /// It is of a newer version, something else's, locked, or the disk does not let us.
    pub fn open(path: &Path) -> Result<Opened, HistoryError> {
        match Self::try_open(path) {
            Ok(history) => Ok(Opened { history, said: None }),
            Err(e) if e.is_corrupt() => Self::anew(path, &e),
            Err(e) => Err(e),
        }
    }

    /// Puts the file aside, which is spoilt, and begins a new one.
    ///
    /// # Errors
    /// The disk does not let us.
    pub fn anew(path: &Path, why: &HistoryError) -> Result<Opened, HistoryError> {
        let aside = Self::put_aside(path, "spoilt")?;
        let history = Self::try_open(path)?;
        let said = format!(
            "{why}; it was put aside as {} and is made anew from the journals that are still there",
            aside.display()
        );
        Ok(Opened { history, said: Some(said) })
    }

    /// Renames the file, with what belongs to it, so that a new one can take its place.
    ///
    /// # Errors
    /// The disk does not let us.
    pub fn put_aside(path: &Path, why: &str) -> Result<PathBuf, HistoryError> {
        let with = |path: &Path, more: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(more);
            PathBuf::from(name)
        };
        let aside = with(path, &format!(".{why}-{}", utc_now().replace(':', "-")));
        for part in BESIDE {
            let from = with(path, part);
            if from.exists() {
                let to = with(&aside, part);
                std::fs::rename(&from, to).map_err(HistoryError::io(&from, "rename"))?;
            }
        }
        Ok(aside)
    }

    /// Opens one that is there to be read, also while another writes; [`None`] = there is none.
    ///
    /// # Errors
    /// As [`History::open`], and it is spoilt.
    pub fn read(path: &Path) -> Result<Option<Self>, HistoryError> {
        if !path.exists() {
            return Ok(None);
        }
        let sql = HistoryError::sql(path);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags).map_err(&sql)?;
        let this = Self { path: path.to_owned(), db, id: id_of(path) };
        this.db.busy_timeout(BUSY).map_err(&sql)?;
        this.version()?;
        Ok(Some(this))
    }

    fn try_open(path: &Path) -> Result<Self, HistoryError> {
        let sql = HistoryError::sql(path);
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            let failed = |e: crate::exit::AppError| std::io::Error::other(e.to_string());
            make_folder(dir, Readers::Group)
                .map_err(failed)
                .map_err(HistoryError::io(dir, "create"))?;
        }
        // So that its readers are those of the journals; SQLite gives the others the same.
        let mode = Readers::Group.file_mode();
        let made = OpenOptions::new().append(true).create(true).mode(mode).open(path);
        made.map_err(HistoryError::io(path, "open"))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags).map_err(&sql)?;
        let mut this = Self { path: path.to_owned(), db, id: id_of(path) };
        this.db.busy_timeout(BUSY).map_err(&sql)?;
        if this.version()? < VERSION {
            this.migrate()?;
        }
        // Only now: before, it could be another's.
        this.db.pragma_update(None, "journal_mode", "WAL").map_err(&sql)?;
        this.db.pragma_update(None, "synchronous", "NORMAL").map_err(&sql)?;
        Ok(this)
    }

    /// Its version; 0 = it is empty.
    fn version(&self) -> Result<i64, HistoryError> {
        let sql = HistoryError::sql(&self.path);
        let pragma = |name: &str| self.db.pragma_query_value(None, name, |row| row.get(0));
        let (owner, found): (i64, i64) =
            (pragma("application_id").map_err(&sql)?, pragma("user_version").map_err(&sql)?);
        let tables = "SELECT count(*) FROM sqlite_master";
        let tables: i64 = self.db.query_row(tables, [], |row| row.get(0)).map_err(&sql)?;
        let path = || self.path.clone();
        match (owner, found) {
            (APPLICATION_ID, 0..=VERSION) => Ok(found),
            (APPLICATION_ID, _) => Err(HistoryError::Newer { path: path(), found, known: VERSION }),
            _ if tables == 0 => Ok(0),
            _ => Err(HistoryError::Foreign { path: path() }),
        }
    }

    fn migrate(&mut self) -> Result<(), HistoryError> {
        let sql = HistoryError::sql(&self.path);
        let change = self.db.transaction_with_behavior(TransactionBehavior::Immediate);
        let change = change.map_err(&sql)?;
        // Another process may have been faster.
        let found: i64 =
            change.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(&sql)?;
        for step in STEPS.iter().skip(found.max(0) as usize) {
            change.execute_batch(step).map_err(&sql)?;
        }
        change.pragma_update(None, "application_id", APPLICATION_ID).map_err(&sql)?;
        change.pragma_update(None, "user_version", VERSION).map_err(&sql)?;
        change.commit().map_err(&sql)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its name still stands for it: somebody may have removed it, or put another in its place.
    pub fn is_in_place(&self) -> bool {
        id_of(&self.path) == self.id
    }

    /// To be asked.
    pub fn db(&self) -> &Connection {
        &self.db
    }

    /// Does some writing, all of it or none.
    ///
    /// # Errors
    /// As `work`, and what SQLite says.
    pub fn change<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, HistoryError>,
    ) -> Result<T, HistoryError> {
        let sql = HistoryError::sql(&self.path);
        let change = self.db.transaction_with_behavior(TransactionBehavior::Immediate);
        let change = change.map_err(&sql)?;
        let done = work(&change)?;
        change.commit().map_err(&sql)?;
        Ok(done)
    }

    /// All that it holds as text, but for how far journals were read: equal exactly when two say the same.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn dump(&self) -> Result<String, HistoryError> {
        let sql = HistoryError::sql(&self.path);
        let mut out = String::new();
        let names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'progress' \
                     ORDER BY name";
        let mut names = self.db.prepare(names).map_err(&sql)?;
        let names = names.query_map([], |row| row.get::<_, String>(0)).map_err(&sql)?;
        for name in names {
            let name = name.map_err(&sql)?;
            // A table's primary key comes first, and a row is its own order.
            let rows = self.db.prepare(&format!("SELECT * FROM {name}"));
            let mut rows = rows.map_err(&sql)?;
            let columns = rows.column_count();
            let mut lines = Vec::new();
            let mut rows = rows.query([]).map_err(&sql)?;
            while let Some(row) = rows.next().map_err(&sql)? {
                let mut line = name.clone();
                for at in 0..columns {
                    let _ = match row.get_ref(at).map_err(&sql)? {
                        ValueRef::Null => write!(line, "|"),
                        ValueRef::Integer(value) => write!(line, "|{value}"),
                        ValueRef::Real(value) => write!(line, "|{value}"),
                        ValueRef::Text(text) | ValueRef::Blob(text) => {
                            write!(line, "|{}", String::from_utf8_lossy(text))
                        }
                    };
                }
                lines.push(line);
            }
            lines.sort_unstable();
            lines.iter().for_each(|line| out.extend([line, "\n"]));
        }
        Ok(out)
    }
}
