//! Files, opened without waiting for anybody and written whole or not at all. Everything that this
//! program reads or writes by name goes through here, but for the journal's growing file.

use crate::exit::AppError;
use rustix::fs::OFlags;
use std::fs::{DirBuilder, File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

/// Who may read a file that is written here; the mask of the process may take more away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone: what the bot keeps for itself.
    Owner,
    /// Its owner's group too: records of runs.
    Group,
    /// Anybody: what a person asked for.
    All,
}

/// How long a file may take to be opened. A mount whose server is gone never answers.
const OPEN_WITHIN: Duration = Duration::from_secs(5);
/// Temporary names end so.
const PART: &str = ".part";

impl Readers {
    /// The mode of a file.
    pub fn file_mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Group => 0o640,
            Self::All => 0o644,
        }
    }

    /// The mode of a folder of such files.
    pub fn dir_mode(self) -> u32 {
        match self {
            Self::Owner => 0o700,
            Self::Group => 0o750,
            Self::All => 0o755,
        }
    }
}

/// Opens a regular file to be read. Nothing else is waited for: what is no file (a pipe, a device, a
/// folder) is refused by its name, and so is a file whose mount does not answer.
///
/// # Errors
/// As of the system; [`ErrorKind::InvalidInput`] for what is no file, [`ErrorKind::TimedOut`].
pub fn open(path: &Path) -> io::Result<File> {
    let owned = path.to_owned();
    within(OPEN_WITHIN, move || open_now(&owned))?
}

/// Reads a whole text of at most so many bytes.
///
/// # Errors
/// As [`open`]; [`ErrorKind::InvalidData`] when it is larger, or not UTF-8.
pub fn read_text(path: &Path, max_bytes: u64) -> io::Result<String> {
    let bytes = read(path, max_bytes)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "not UTF-8"))
}

/// The same of a file that need not be there; [`None`] = it is not.
///
/// # Errors
/// As [`read_text`], but for that.
pub fn read_text_if_any(path: &Path, max_bytes: u64) -> io::Result<Option<String>> {
    match read_text(path, max_bytes) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Reads a whole file of at most so many bytes.
///
/// # Errors
/// As [`open`]; [`ErrorKind::InvalidData`] when it is larger.
pub fn read(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open(path)?.take(max_bytes + 1).read_to_end(&mut content)?;
    if content.len() as u64 > max_bytes {
        let what = format!("larger than {max_bytes} bytes, which no such file is");
        return Err(io::Error::new(ErrorKind::InvalidData, what));
    }
    Ok(content)
}

/// Writes a whole file, or leaves what was there: first under another name beside it, then on the disk,
/// then renamed, and the name on the disk too. No link is followed.
///
/// # Errors
/// The file or its folder cannot be written; nothing is left behind then.
pub fn write_whole(path: &Path, content: &[u8], readers: Readers) -> Result<(), AppError> {
    let part = part_of(path);
    let written = write_new(&part, content, readers)
        .and_then(|()| std::fs::rename(&part, path))
        .and_then(|()| sync_folder_of(path));
    written.map_err(|e| {
        let _ = std::fs::remove_file(&part); // It may well not be there; what matters is said.
        AppError::io(path, "write")(e)
    })
}

/// Makes a folder that is not there, with those above it. One that is there stays as open as it is: it may
/// hold more than our files, and those are closed by themselves.
///
/// # Errors
/// It cannot be made, or is no folder.
pub fn make_folder(path: &Path, readers: Readers) -> Result<(), AppError> {
    let made = DirBuilder::new().recursive(true).mode(readers.dir_mode()).create(path);
    made.map_err(AppError::io(path, "create"))
}

/// A new folder of files, there whole or not at all: it is made beside its place and moved there at the
/// end. One that is not finished leaves nothing behind.
pub struct NewFolder {
    path: PathBuf,
    part: PathBuf,
    readers: Readers,
    is_done: bool,
}

impl NewFolder {
    /// Begins one.
    ///
    /// # Errors
    /// Something is there that is no empty folder, or it cannot be made.
    pub fn create(path: &Path, readers: Readers) -> Result<Self, AppError> {
        // A link to nowhere is there too.
        let is_free = path.symlink_metadata().is_err()
            || std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        if !is_free || path.file_name().is_none() {
            return Err(AppError::Usage(format!(
                "{}: already there, and left as it is; name a new folder",
                path.display()
            )));
        }
        let part = part_of(path);
        make_folder(&part, readers)?;
        Ok(Self { path: path.to_owned(), part, readers, is_done: false })
    }

    /// A new file in it, and its path while the folder is not finished.
    ///
    /// # Errors
    /// There is one of that name, or it cannot be made.
    pub fn file(&self, name: &str) -> Result<(PathBuf, File), AppError> {
        let path = self.part.join(name);
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(self.readers.file_mode()).open(&path);
        let file = file.map_err(AppError::io(&path, "create"))?;
        Ok((path, file))
    }

    /// Moves it to its place. Its files are on the disk already.
    ///
    /// # Errors
    /// Something is there by now, or the disk fails.
    pub fn finish(mut self) -> Result<(), AppError> {
        let moved = File::open(&self.part)
            .and_then(|folder| folder.sync_all())
            .and_then(|()| std::fs::rename(&self.part, &self.path))
            .and_then(|()| {
                self.is_done = true;
                sync_folder_of(&self.path)
            });
        moved.map_err(AppError::io(&self.path, "write"))
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if !self.is_done {
            let _ = std::fs::remove_dir_all(&self.part); // It costs nothing but room.
        }
    }
}

/// Opens a file that is written in place (a lock), and makes it when it is not there. No link is
/// followed, nothing is waited for.
///
/// # Errors
/// As of the system; [`ErrorKind::InvalidInput`] for what is no file.
pub fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(Readers::Owner.file_mode());
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = options.custom_flags(flags.bits() as i32).open(path)?;
    only_regular(&file.metadata()?)?;
    Ok(file)
}

/// This very program, to be started once more: also when an upgrade has put another file in its place since, for
/// the kernel keeps what runs. Where there is no `/proc` it is looked for where it was.
///
/// # Errors
/// As of the system.
pub fn own_program() -> Result<PathBuf, AppError> {
    let running = Path::new("/proc/self/exe");
    if running.exists() {
        return Ok(running.to_owned());
    }
    std::env::current_exe().map_err(AppError::io("botmm", "find"))
}

/// Removes what killed writers of files that begin so left in a folder. Nobody may be writing them.
pub fn remove_leftovers(dir: &Path, stem: &str) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&format!(".{stem}")) && name.ends_with(PART) {
            let _ = std::fs::remove_file(entry.path()); // It costs nothing but room.
        }
    }
}

/// An error when this is no regular file, which says what it is.
pub fn only_regular(of: &Metadata) -> io::Result<()> {
    match of.is_file() {
        true => Ok(()),
        false => {
            let what = format!("{}, not a file", name_of(of.file_type()));
            Err(io::Error::new(ErrorKind::InvalidInput, what))
        }
    }
}

fn name_of(kind: FileType) -> &'static str {
    match () {
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a pipe (fifo)",
        () if kind.is_socket() => "a socket",
        () if kind.is_char_device() => "a character device",
        () if kind.is_block_device() => "a block device",
        () => "something else",
    }
}

fn open_now(path: &Path) -> io::Result<File> {
    // Looked at first: opening alone may do something to a device.
    only_regular(&std::fs::metadata(path)?)?;
    let flags = OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)?;
    only_regular(&file.metadata()?)?; // It may be another by now.
    Ok(file)
}

/// Does what may hang on a thread of its own. One that hangs is left alone.
fn within<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (done, wait) = mpsc::sync_channel(1);
    let work = move || {
        let _ = done.send(work()); // Nobody may be waiting any more.
    };
    std::thread::Builder::new().name("open".to_owned()).spawn(work)?;
    wait.recv_timeout(patience).map_err(|_| {
        let what = format!("no answer within {} s: is it on a dead mount?", patience.as_secs());
        io::Error::new(ErrorKind::TimedOut, what)
    })
}

/// A name that no other file and no other process has.
fn part_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (process, random) = (std::process::id(), rand::random::<u64>());
    path.with_file_name(format!(".{name}.{process}-{random:016x}{PART}"))
}

fn write_new(path: &Path, content: &[u8], readers: Readers) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(readers.file_mode()).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// A new name is on the disk only when its folder is.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, Mode, mkfifoat};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn names(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).unwrap();
        let mut names: Vec<_> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_no_file_is_named_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        mkfifoat(CWD, &fifo, Mode::from_raw_mode(0o600)).unwrap();
        let link = dir.path().join("link");
        symlink(&fifo, &link).unwrap();
        for (path, what) in [
            (fifo.as_path(), "a pipe (fifo)"),
            (&link, "a pipe (fifo)"),
            (dir.path(), "a folder"),
            (Path::new("/dev/zero"), "a character device"),
        ] {
            let error = open(path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_eq!(error.to_string(), format!("{what}, not a file"));
        }
        let followed = open_lock(&link).unwrap_err().raw_os_error();
        assert_eq!(followed, Some(rustix::io::Errno::LOOP.raw_os_error()));
        assert!(open_lock(&fifo).is_err());
        std::fs::write(dir.path().join("file"), "yes").unwrap();
        assert_eq!(read_text(&dir.path().join("file"), 3).unwrap(), "yes");
        assert!(read_text(&dir.path().join("file"), 2).unwrap_err().to_string().contains("larger"));
    }

    #[test]
    fn what_does_not_answer_is_left_alone() {
        let error = within(Duration::from_millis(20), || {
            std::thread::sleep(Duration::from_secs(2));
        });
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().contains("dead mount"), "{error}");
    }

    #[test]
    fn a_file_is_written_whole_by_many_at_once_and_is_its_readers_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("summary.json");
        let threads: Vec<_> = (0..8_u8)
            .map(|n| {
                let path = path.clone();
                std::thread::spawn(move || {
                    let content = vec![b'0' + n; 100_000];
                    for _ in 0..10 {
                        write_whole(&path, &content, Readers::Owner).unwrap();
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        let content = std::fs::read(&path).unwrap();
        assert_eq!(content.len(), 100_000);
        assert!(content.iter().all(|b| *b == content[0]), "of two writers");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(dir.path()), ["summary.json"]);
    }

    #[test]
    fn no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("state.json"), dir.path().join("other"));
        std::fs::write(&other, "another's").unwrap();
        // What an older version would have written through.
        symlink(&other, dir.path().join("state.part")).unwrap();
        symlink(&other, &path).unwrap();
        write_whole(&path, b"ours", Readers::Group).unwrap();
        assert_eq!(std::fs::read(&other).unwrap(), b"another's");
        assert_eq!(std::fs::read(&path).unwrap(), b"ours");
        assert!(!path.symlink_metadata().unwrap().is_symlink());
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let taken = dir.path().join("summary.json");
        std::fs::create_dir(&taken).unwrap();
        let error = write_whole(&taken, b"{}", Readers::All).unwrap_err().to_string();
        assert!(error.contains("summary.json: cannot write"), "{error}");
        assert_eq!(names(dir.path()), ["summary.json"]);
    }

    #[test]
    fn a_folder_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("made");
        let begun = || {
            let folder = NewFolder::create(&path, Readers::All).unwrap();
            folder.file("a").unwrap().1.write_all(b"yes").unwrap();
            folder
        };
        drop(begun());
        assert_eq!(names(dir.path()), [""; 0]);
        let (first, second) = (begun(), begun());
        first.finish().unwrap();
        assert!(second.finish().is_err(), "over what was made meanwhile");
        assert_eq!(names(dir.path()), ["made"]);
        assert_eq!(std::fs::read(path.join("a")).unwrap(), b"yes");
        for taken in [&path, &path.join("a"), Path::new("/")] {
            let error = NewFolder::create(taken, Readers::All).err().unwrap().to_string();
            assert!(error.contains("already there, and left as it is"), "{error}");
        }
        std::fs::create_dir(dir.path().join("empty")).unwrap();
        NewFolder::create(&dir.path().join("empty"), Readers::All).unwrap().finish().unwrap();
        assert_eq!(names(dir.path()), ["empty", "made"]);
    }

    #[test]
    fn leftovers_of_killed_writers_are_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        for name in [".0xab.json.7-1.part", ".0xab.risk.json.7-1.part", ".0xcd.json.7-1.part"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        std::fs::write(dir.path().join("0xab.json"), "").unwrap();
        remove_leftovers(dir.path(), "0xab.");
        assert_eq!(names(dir.path()), [".0xcd.json.7-1.part", "0xab.json"]);
    }

    #[test]
    fn a_folder_is_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        let path = dir.path().join("a/state");
        make_folder(&path, Readers::Owner).unwrap();
        assert_eq!(mode(&path), 0o700);
        let runs = dir.path().join("runs");
        make_folder(&runs, Readers::Group).unwrap();
        assert_eq!(mode(&runs) & !0o750, 0);
    }
}
