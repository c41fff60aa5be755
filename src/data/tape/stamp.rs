//! Whether a file is still the one that it was.
//!
//! At a glance: size, time of the last change of its content (`mtime`) and of anything (`ctime`, which nobody
//! can set). One that differs in these, or was changed just before it was looked at, so that another change
//! could have had the same times, is hashed. So a file with another content is taken for the old one only by
//! whoever sets the system's clock back to do so, or on a disk that keeps no times.

use crate::data::source::LineReader;
use serde::{Deserialize, Serialize};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Changes that are nearer to each other may bear the same time: some disks keep whole seconds.
const TICK_NS: i64 = 2_000_000_000;

/// What is seen of a file at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    bytes: u64,
    modified_ns: i64,
    changed_ns: i64,
    /// When we looked.
    seen_ns: i64,
}

impl Stamp {
    /// Of a file as it is now.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn of(path: &Path) -> io::Result<Self> {
        let seen = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let meta = std::fs::metadata(path)?;
        let ns = |s: i64, ns: i64| s.saturating_mul(1_000_000_000).saturating_add(ns);
        Ok(Self {
            bytes: meta.len(),
            modified_ns: ns(meta.mtime(), meta.mtime_nsec()),
            changed_ns: ns(meta.ctime(), meta.ctime_nsec()),
            seen_ns: i64::try_from(seen.as_nanos()).unwrap_or(i64::MAX),
        })
    }

    /// Whether two look the same.
    pub fn is_like(&self, other: &Self) -> bool {
        let of = |s: &Self| (s.bytes, s.modified_ns, s.changed_ns);
        of(self) == of(other)
    }

    /// Whether no change can have come after it without leaving a trace.
    fn is_settled(&self) -> bool {
        self.changed_ns.max(self.modified_ns).saturating_add(TICK_NS) < self.seen_ns
    }
}

/// What a look at a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// It is the same; and how it looks now, if not as before.
    Same(Option<Stamp>),
    /// It is another, or gone.
    Other,
}

/// Whether a file is as it was when it had this stamp and this SHA-256.
pub fn look(path: &Path, then: &Stamp, sha256: &str) -> Look {
    let Ok(now) = Stamp::of(path) else { return Look::Other };
    if now.is_like(then) && then.is_settled() {
        return Look::Same(None);
    }
    let is_same = || LineReader::open(path).and_then(LineReader::finish).is_ok_and(|h| h == sha256);
    if now.bytes == then.bytes && is_same() { Look::Same(Some(now)) } else { Look::Other }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File, FileTimes};
    use std::time::Duration;

    fn sha(path: &Path) -> String {
        LineReader::open(path).unwrap().finish().unwrap()
    }

    #[test]
    fn what_looks_the_same_is_the_same_and_what_does_not_may_be() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trades_BTC.csv");
        fs::write(&path, "timestamp\n1\n").unwrap();
        let (then, hash) = (Stamp::of(&path).unwrap(), sha(&path));
        // Written just now: a look is not enough, and its content tells.
        assert!(matches!(look(&path, &then, &hash), Look::Same(Some(_))));
        assert_eq!(look(&path, &then, "another"), Look::Other);
        // Later it is enough.
        let settled = Stamp { seen_ns: then.seen_ns + 2 * TICK_NS, ..then };
        assert_eq!(look(&path, &settled, "nobody asks"), Look::Same(None));
        // As long and as old as before, and not the same: the change of the times betrays it.
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "timestamp\n2\n").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_times(FileTimes::new().set_modified(before)).unwrap();
        assert_eq!(look(&path, &settled, &hash), Look::Other);
        // Put back: another look, the same content.
        fs::write(&path, "timestamp\n1\n").unwrap();
        file.set_times(FileTimes::new().set_modified(before - Duration::from_secs(99))).unwrap();
        assert!(matches!(look(&path, &settled, &hash), Look::Same(Some(_))));
        fs::write(&path, "timestamp\n").unwrap();
        assert_eq!(look(&path, &settled, &hash), Look::Other);
        fs::remove_file(&path).unwrap();
        assert_eq!(look(&path, &settled, &hash), Look::Other);
    }
}
