//! The newest drill of the dead man's ladder that was passed whole: the file `DIR/drill.json`. A ladder that
//! nobody has tried for a month is believed in, and no more.

use crate::exit::AppError;
use crate::files::{self, Readers, write_whole};
use crate::when::{parse_utc, utc};
use botmm_pipeline::types::Nanos;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// It counts for so many days.
pub const COUNTS_FOR_DAYS: i64 = 30;
const DAY: i64 = 86_400_000_000_000;
/// No record is longer.
const MAX_BYTES: u64 = 64 << 10;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drilled {
    /// When it ended, UTC.
    passed_at: String,
    /// Of which botmm.
    version: String,
    /// What it found.
    report: Value,
}

impl Drilled {
    /// One that was passed now.
    pub fn new(now: Nanos, report: Value) -> Self {
        Self { passed_at: utc(now), version: env!("CARGO_PKG_VERSION").to_owned(), report }
    }

    /// Where it is kept.
    pub fn path(dir: &Path) -> PathBuf {
        dir.join("drill.json")
    }

    /// Keeps it, instead of an older one.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, dir: &Path) -> Result<(), AppError> {
        let path = Self::path(dir);
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| AppError::io(&path, "write")(e.into()))?;
        files::make_folder(dir, Readers::Owner)?;
        write_whole(&path, (text + "\n").as_bytes(), Readers::Owner)
    }

    fn read(dir: &Path) -> Result<Option<Nanos>, String> {
        let path = Self::path(dir);
        let text = files::read_text_if_any(&path, MAX_BYTES)
            .map_err(|e| format!("{}: cannot read: {e}", path.display()))?;
        let Some(text) = text else { return Ok(None) };
        let read: Result<Self, _> = serde_json::from_str(&text);
        let at = read.map_err(|e| e.to_string()).and_then(|it| parse_utc(&it.passed_at));
        at.map(Some).map_err(|e| format!("{}: no record of a drill: {e}", path.display()))
    }
}

/// When the ladder was last proved, in words; an error: not within [`COUNTS_FOR_DAYS`].
pub fn last_passed(dir: &Path, now: Nanos) -> Result<String, String> {
    let Some(at) = Drilled::read(dir)? else {
        return Err(format!("no drill was ever passed whole ({})", Drilled::path(dir).display()));
    };
    let days = (now - at).0.div_euclid(DAY);
    let said = format!("the last drill was passed {} ({days} days ago)", utc(at));
    match (0..COUNTS_FOR_DAYS).contains(&days) {
        true => Ok(said),
        false => Err(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_for_thirty_days_and_what_is_no_record_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let at = Nanos::secs(1_800_000_000);
        let after_days = |days| last_passed(dir.path(), at + Nanos(days * DAY));
        assert!(after_days(0).unwrap_err().starts_with("no drill was ever passed"));
        Drilled::new(at, Value::Null).write(dir.path()).unwrap();
        assert!(after_days(0).unwrap().ends_with("(0 days ago)"), "{:?}", after_days(0));
        assert!(after_days(29).is_ok());
        assert!(after_days(30).unwrap_err().ends_with("(30 days ago)"));
        assert!(after_days(-1).is_err(), "the future is none");
        for rubbish in ["", "{}", "{\"passed_at\":\"soon\",\"version\":\"1\",\"report\":null}"] {
            std::fs::write(Drilled::path(dir.path()), rubbish).unwrap();
            assert!(after_days(0).unwrap_err().contains("no record of a drill"), "{rubbish}");
        }
    }
}
