//! A file under watch. It is looked at by its stamp alone, and read when that changed and then stayed
//! the same between two looks, so that no file is taken half-written.

use crate::predictor;
use crate::settings::{ContentHash, content_hash, read_bounded};
use botmm_pipeline::types::Nanos;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What a file system says of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    /// Seconds and nanoseconds: of the content, and of the file (renamed, other rights).
    times: [(i64, i64); 2],
    length: u64,
    inode: u64,
}

/// A look at a file: its stamp; [`None`] = it is not there; or why neither can be told.
type Glance = Result<Option<Stamp>, String>;

/// What a look at a file found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing new.
    Same,
    /// Another content than before.
    Content(Vec<u8>),
    /// It was there, and is not any more.
    Gone,
    /// It is there and cannot be read, and why.
    Unreadable(String),
}

/// See the module.
#[derive(Debug)]
pub struct Watch {
    path: PathBuf,
    /// Of the content that is known.
    hash: Option<ContentHash>,
    last: Glance,
    /// The glance that was acted upon.
    done: Option<Glance>,
    /// When it is read all the same, in case a change left no trace in its stamp.
    read_again: Nanos,
    period: Nanos,
    /// Whole, or an error when it is longer than any such file.
    read: fn(&Path) -> io::Result<Vec<u8>>,
}

impl Watch {
    /// Watches a file from `now` on, of which this content is known. It is read at least every
    /// `period`.
    pub fn new(path: PathBuf, hash: Option<ContentHash>, now: Nanos, period: Nanos) -> Self {
        // What is not there need not be told of.
        let done = hash.is_none().then_some(Ok(None));
        let read_again = now + period;
        Self { path, hash, last: Ok(None), done, read_again, period, read: read_bounded }
    }

    /// Watches the file of a fill model, whose content is told of once before it is known.
    pub fn of_model(path: PathBuf, now: Nanos, period: Nanos) -> Self {
        Self { read: predictor::content, done: None, ..Self::new(path, None, now, period) }
    }

    /// Looks at it. Each content is told of once, and so is each trouble.
    pub fn look(&mut self, now: Nanos) -> Look {
        let glance = self.glance();
        let settled = glance == self.last;
        self.last.clone_from(&glance);
        let is_due = matches!(glance, Ok(Some(_))) && now >= self.read_again;
        if !settled || (self.done.as_ref() == Some(&glance) && !is_due) {
            return Look::Same;
        }
        let look = match &glance {
            Ok(Some(_)) => self.read(),
            Ok(None) => Look::Gone,
            Err(why) => Look::Unreadable(why.clone()),
        };
        if self.glance() != glance {
            return Look::Same; // It changed meanwhile: another look will tell.
        }
        if let Look::Content(content) = &look {
            self.hash = Some(content_hash(content));
        }
        (self.done, self.read_again) = (Some(glance), now + self.period);
        look
    }

    fn read(&self) -> Look {
        match (self.read)(&self.path) {
            Ok(content) if self.hash == Some(content_hash(&content)) => Look::Same,
            Ok(content) => Look::Content(content),
            Err(e) => Look::Unreadable(e.to_string()),
        }
    }

    fn glance(&self) -> Glance {
        match std::fs::metadata(&self.path) {
            Ok(of) => Ok(Some(Stamp::new(&of))),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e.to_string()),
        }
    }
}

impl Stamp {
    #[cfg(unix)]
    fn new(of: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        let times = [(of.mtime(), of.mtime_nsec()), (of.ctime(), of.ctime_nsec())];
        Self { times, length: of.size(), inode: of.ino() }
    }

    #[cfg(not(unix))]
    fn new(of: &std::fs::Metadata) -> Self {
        let since = |t: std::time::SystemTime| t.duration_since(std::time::UNIX_EPOCH).ok();
        let age = of.modified().ok().and_then(since).unwrap_or_default();
        let time = (age.as_secs() as i64, i64::from(age.subsec_nanos()));
        Self { times: [time; 2], length: of.len(), inode: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write as _;
    use std::path::Path;
    use tempfile::TempDir;

    /// A second apart, far below the period.
    struct Watched {
        dir: TempDir,
        watch: Watch,
        now: Nanos,
    }

    impl Watched {
        fn new(content: Option<&str>) -> Self {
            let dir = TempDir::new().unwrap();
            let path = dir.path().join("p.json");
            if let Some(content) = content {
                fs::write(&path, content).unwrap();
            }
            let hash = content.map(|c| content_hash(c.as_bytes()));
            let watch = Watch::new(path, hash, Nanos::ZERO, Nanos::secs(1_000));
            Self { dir, watch, now: Nanos::ZERO }
        }
        fn path(&self) -> &Path {
            &self.watch.path
        }
        fn look(&mut self) -> Look {
            self.now = self.now + Nanos::secs(1);
            self.watch.look(self.now)
        }
        /// The next look that finds something.
        fn found(&mut self) -> Look {
            let found = (0..10).map(|_| self.look()).find(|l| *l != Look::Same);
            found.unwrap_or(Look::Same)
        }
        fn nothing_is_found(&mut self) {
            assert_eq!(self.found(), Look::Same);
        }
    }

    fn content(text: &str) -> Look {
        Look::Content(text.as_bytes().to_vec())
    }

    #[test]
    fn a_file_is_read_once_it_rests() {
        let mut w = Watched::new(None);
        w.nothing_is_found();
        let mut file = fs::File::create(w.path()).unwrap();
        for part in ["{\"BTC\": ", "{\"spread\"", ": 3}"] {
            file.write_all(part.as_bytes()).unwrap();
            assert_eq!(w.look(), Look::Same, "it is being written");
        }
        file.write_all(b"}").unwrap();
        assert_eq!((w.look(), w.look()), (Look::Same, content("{\"BTC\": {\"spread\": 3}}")));
        w.nothing_is_found();
    }

    #[test]
    fn what_is_known_already_is_no_news() {
        let mut w = Watched::new(Some("{}"));
        w.nothing_is_found();
        fs::write(w.path(), "{}").unwrap();
        w.nothing_is_found();
        fs::write(w.path(), "{ }").unwrap();
        assert_eq!(w.found(), content("{ }"));
    }

    #[test]
    fn a_change_before_the_first_look_is_found() {
        let mut w = Watched::new(Some("{}"));
        fs::write(w.path(), "{ }").unwrap();
        assert_eq!(w.found(), content("{ }"));
    }

    #[test]
    fn a_file_moved_over_it_is_read() {
        let mut w = Watched::new(Some("{\"a\": 1}"));
        w.nothing_is_found();
        let other = w.dir.path().join("other");
        // Of the same length, and as old.
        fs::write(&other, "{\"a\": 2}").unwrap();
        let times = fs::metadata(w.path()).unwrap().modified().unwrap();
        fs::File::options().write(true).open(&other).unwrap().set_modified(times).unwrap();
        fs::rename(&other, w.path()).unwrap();
        assert_eq!(w.found(), content("{\"a\": 2}"));
        // As an editor does it: away with the old one first, and the new one a moment later.
        fs::rename(w.path(), &other).unwrap();
        assert_eq!(w.look(), Look::Same);
        fs::write(w.path(), "{\"a\": 3}").unwrap();
        assert_eq!(w.found(), content("{\"a\": 3}"));
    }

    #[test]
    fn a_vanished_file_is_told_of_once_and_comes_back() {
        let mut w = Watched::new(Some("{}"));
        fs::remove_file(w.path()).unwrap();
        assert_eq!(w.found(), Look::Gone);
        w.nothing_is_found();
        fs::write(w.path(), "{}").unwrap();
        w.nothing_is_found();
        fs::remove_file(w.path()).unwrap();
        assert_eq!(w.found(), Look::Gone, "again");
        fs::write(w.path(), "{ }").unwrap();
        assert_eq!(w.found(), content("{ }"));
    }

    #[test]
    fn what_cannot_be_read_is_told_of_once() {
        let mut w = Watched::new(Some("{}"));
        fs::remove_file(w.path()).unwrap();
        fs::create_dir(w.path()).unwrap();
        assert!(matches!(w.found(), Look::Unreadable(_)));
        w.nothing_is_found();
        fs::remove_dir(w.path()).unwrap();
        fs::write(w.path(), vec![b' '; (1 << 20) + 1]).unwrap();
        let Look::Unreadable(why) = w.found() else { panic!("too large") };
        assert!(why.contains("larger than 1048576 bytes"), "{why}");
        fs::write(w.path(), "{ }").unwrap();
        assert_eq!(w.found(), content("{ }"));
    }

    #[test]
    fn a_change_without_a_trace_is_found_in_time() {
        let mut w = Watched::new(Some("{\"a\": 1}"));
        w.nothing_is_found();
        // What a file system with coarse times could hide: the stamp is made to be the one that is
        // known.
        fs::write(w.path(), "{\"a\": 2}").unwrap();
        w.watch.last = w.watch.glance();
        w.watch.done = Some(w.watch.glance());
        w.nothing_is_found();
        w.now = Nanos::secs(2_000);
        assert_eq!(w.look(), content("{\"a\": 2}"));
        w.nothing_is_found();
    }
}
