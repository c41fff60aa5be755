//! The files of one journal. What is written now is `journal.jsonl`; once that is long enough it becomes
//! `journal.000001.jsonl` and so on, which is then packed to `journal.000001.jsonl.zst`.

use crate::files;
use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What is written now; and the name by which a journal goes.
pub const LIVE: &str = "journal.jsonl";
const PACKED: &str = ".zst";

/// One file of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The first is 1; [`u64::MAX`] = what is written now.
    pub number: u64,
    /// Where it is.
    pub path: PathBuf,
    /// On the disk.
    pub bytes: u64,
    /// When it was written to last.
    pub written: SystemTime,
}

impl Segment {
    /// Whether it was packed.
    pub fn is_packed(&self) -> bool {
        self.path.to_string_lossy().ends_with(PACKED)
    }
}

/// A whole segment's name before it is packed.
pub fn plain_name(number: u64) -> String {
    format!("journal.{number:06}.jsonl")
}

/// Its name when it is.
pub fn packed_path(plain: &Path) -> PathBuf {
    let mut name = plain.as_os_str().to_owned();
    name.push(PACKED);
    name.into()
}

/// All files of the journals in a folder, oldest first. Between packing and removing, a segment is there
/// twice.
///
/// # Errors
/// The folder cannot be read.
pub fn segments(dir: &Path) -> io::Result<Vec<Segment>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let (Some(number), Ok(of)) = (number_of(&name.to_string_lossy()), entry.metadata()) else {
            continue;
        };
        if of.is_file() {
            let written = of.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            found.push(Segment { number, path: entry.path(), bytes: of.len(), written });
        }
    }
    found.sort_by(|a, b| (a.number, &a.path).cmp(&(b.number, &b.path)));
    Ok(found)
}

fn number_of(name: &str) -> Option<u64> {
    if name == LIVE {
        return Some(u64::MAX);
    }
    let name = name.strip_suffix(PACKED).unwrap_or(name);
    let digits = name.strip_prefix("journal.")?.strip_suffix(".jsonl")?;
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// A journal to be read, one file at a time. It may grow, and be packed, meanwhile.
pub struct Reading {
    /// Whole segments, oldest first.
    whole: Vec<PathBuf>,
    /// What the name stands for itself, open: it keeps its content whatever becomes of the name.
    named: (PathBuf, File),
    first: u64,
}

impl Reading {
    /// Opens a journal by the name of its newest file. Any other file is taken for itself.
    ///
    /// # Errors
    /// The file cannot be opened, or its folder cannot be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = files::open(path)?;
        let mut reading = Self { whole: Vec::new(), named: (path.to_owned(), file), first: 1 };
        if path.file_name().is_none_or(|name| name != LIVE) {
            return Ok(reading);
        }
        let named = reading.named.1.metadata()?;
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let mut found = segments(dir.unwrap_or(Path::new(".")))?;
        found.retain(|s| s.number != u64::MAX && !is_same(&s.path, &named));
        found.dedup_by_key(|s| s.number);
        reading.first = found.first().map_or(1, |s| s.number);
        reading.whole = found.into_iter().map(|s| s.path).collect();
        Ok(reading)
    }

    /// Number of the first segment that is still there: those before it were removed.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// How many files there are.
    pub fn files(&self) -> usize {
        self.whole.len() + 1
    }

    /// The number of one of them. The newest has the one that it will have when it is whole, if no
    /// segment before it was removed.
    pub fn number(&self, at: usize) -> u64 {
        let of = |path: &PathBuf| number_of(&path.file_name()?.to_string_lossy());
        self.whole.get(at).and_then(of).unwrap_or_else(|| {
            self.whole.last().and_then(of).map_or(1, |last| last.saturating_add(1))
        })
    }

    /// What tells the file that the name stands for from one that has the name later.
    ///
    /// # Errors
    /// The system does not say.
    pub fn newest_id(&self) -> io::Result<String> {
        use std::os::unix::fs::MetadataExt as _;
        self.named.1.metadata().map(|of| format!("{}:{}", of.dev(), of.ino()))
    }

    /// The lines of one of them, oldest first; [`None`] = it was removed meanwhile.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn lines(&self, at: usize) -> io::Result<Option<Box<dyn BufRead>>> {
        self.lines_from(at, 0)
    }

    /// The same from so many bytes on, counted unpacked.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn lines_from(&self, at: usize, bytes: u64) -> io::Result<Option<Box<dyn BufRead>>> {
        let Some(path) = self.whole.get(at) else {
            let file = self.named.1.try_clone()?;
            return plain_or_packed(file, &self.named.0, bytes).map(Some);
        };
        // It may have been packed since, or be packed and not be removed yet.
        let names = [path.clone(), packed_path(path)];
        for name in &names {
            match files::open(name) {
                Ok(file) => return plain_or_packed(file, name, bytes).map(Some),
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(None)
    }

    /// What one of them is called.
    pub fn name(&self, at: usize) -> String {
        self.whole.get(at).unwrap_or(&self.named.0).display().to_string()
    }
}

/// From so many unpacked bytes on. A clone of a file goes on where the last reader was.
fn plain_or_packed(mut file: File, path: &Path, from: u64) -> io::Result<Box<dyn BufRead>> {
    if !path.to_string_lossy().ends_with(PACKED) {
        file.seek(SeekFrom::Start(from))?;
        return Ok(Box::new(BufReader::new(file)));
    }
    file.rewind()?;
    let mut unpacked = BufReader::new(zstd::stream::read::Decoder::new(file)?);
    io::copy(&mut unpacked.by_ref().take(from), &mut io::sink())?;
    Ok(Box::new(unpacked))
}

fn is_same(path: &Path, named: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    path.metadata().is_ok_and(|of| (of.dev(), of.ino()) == (named.dev(), named.ino()))
}
