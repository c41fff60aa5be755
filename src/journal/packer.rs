//! A thread that packs whole segments of a journal and keeps all journals of a folder within their
//! bounds. Nothing that trades waits for it.

use super::segments::{LIVE, Segment, packed_path, segments};
use crate::files::Readers;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// A bound is so many segments long: what is written, what is packed, and room for both to be late.
const PARTS: u64 = 16;
/// Parts of it that journals may fill which are whole.
const WHOLE_PARTS: u64 = 10;
/// Segments are no longer than this, however large the bound: packing one takes half a second.
const MAX_SEGMENT_BYTES: u64 = 64 << 20;
/// Written to within this time, another's journal is one that goes on.
const GOES_ON: Duration = Duration::from_secs(600);
/// Of zstd: fast, and a tenth of the size.
const PACK_LEVEL: i32 = 3;

/// How much journals may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// All of them together.
    pub max_bytes: u64,
    /// Older files are removed.
    pub keep: Duration,
    /// The folder of all runs; [`None`] = the run's own folder counts alone.
    pub runs: Option<PathBuf>,
}

impl Bounds {
    /// All together so many MiB, kept for so many days; for the journal of one run, and those in the
    /// folder of all runs.
    pub fn of(max_mb: u64, keep_days: u64, runs: Option<PathBuf>) -> Self {
        let keep = Duration::from_secs(86_400 * keep_days);
        Self { max_bytes: max_mb << 20, keep, runs }
    }

    /// When a segment is whole.
    pub fn segment_bytes(&self) -> u64 {
        (self.max_bytes / PARTS).min(MAX_SEGMENT_BYTES)
    }

    fn whole_bytes(&self) -> u64 {
        self.max_bytes / PARTS * WHOLE_PARTS
    }
}

/// The thread, from outside.
pub struct Packer {
    ask: Sender<()>,
    troubles: Receiver<String>,
    is_busy: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Packer {
    /// Starts it for the run of this folder.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(dir: &Path, bounds: Bounds) -> io::Result<Self> {
        let (ask, asked) = channel();
        let (tell, troubles) = channel();
        let is_busy = Arc::new(AtomicBool::new(false));
        let (busy, dir) = (is_busy.clone(), dir.to_owned());
        let work = move || {
            while asked.recv().is_ok() {
                if let Err(e) = tidy(&dir, &bounds) {
                    let _ = tell.send(format!("{}: {e}", dir.join(LIVE).display()));
                }
                busy.store(false, Ordering::Release);
            }
        };
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(work)?;
        let packer = Self { ask, troubles, is_busy, thread };
        packer.work();
        Ok(packer)
    }

    /// Has it look for work; does nothing while it is at it.
    pub fn work(&self) {
        if !self.is_busy.swap(true, Ordering::AcqRel) {
            let _ = self.ask.send(()); // Without the thread nothing is packed, which it has said.
        }
    }

    /// Whether it is at work.
    pub fn is_busy(&self) -> bool {
        self.is_busy.load(Ordering::Acquire)
    }

    /// What it suffers from.
    pub fn trouble(&self) -> Option<String> {
        self.troubles.try_recv().ok()
    }

    /// Ends it, when it is through.
    pub fn finish(self) {
        drop(self.ask);
        let _ = self.thread.join(); // It says what it suffers from.
    }
}

/// Packs what is whole, then removes what is too old or too much, oldest first.
fn tidy(dir: &Path, bounds: &Bounds) -> Result<(), String> {
    // Room first: a full disk is no reason to remain full.
    prune(dir, bounds)?;
    let here = segments(dir).map_err(|e| format!("cannot look for segments: {e}"))?;
    for segment in here.iter().filter(|s| s.number != u64::MAX && !s.is_packed()) {
        pack(&segment.path).map_err(|e| format!("cannot pack {}: {e}", segment.path.display()))?;
    }
    prune(dir, bounds)
}

fn pack(plain: &Path) -> io::Result<()> {
    let packed = packed_path(plain);
    // One process packs a folder: the name is nobody else's.
    let part = packed.with_extension("zst.part");
    let _ = std::fs::remove_file(&part); // Of a run that was killed.
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(Readers::Group.file_mode()).open(&part)?;
    let written = (|| {
        let mut out = zstd::stream::write::Encoder::new(file, PACK_LEVEL)?;
        io::copy(&mut crate::files::open(plain)?, &mut out)?;
        let mut file = out.finish()?;
        file.flush()?;
        file.sync_all()
    })();
    let done = written.and_then(|()| std::fs::rename(&part, &packed));
    if let Err(e) = done {
        let _ = std::fs::remove_file(&part); // What matters is said.
        return Err(e);
    }
    std::fs::remove_file(plain)
}

fn prune(own: &Path, bounds: &Bounds) -> Result<(), String> {
    let now = SystemTime::now();
    let mut all = journals(own, bounds);
    let age = |s: &Segment| now.duration_since(s.written).unwrap_or_default();
    // What this run writes now has parts of the bound for itself.
    all.retain(|s| s.number != u64::MAX || !s.path.starts_with(own));
    let mut total: u64 = all.iter().map(|s| s.bytes).sum();
    // Nobody's newest file is removed while it may still grow.
    all.retain(|s| s.number != u64::MAX || age(s) >= GOES_ON);
    all.sort_by(|a, b| (a.written, &a.path).cmp(&(b.written, &b.path)));
    for segment in all {
        if total <= bounds.whole_bytes() && age(&segment) < bounds.keep {
            continue;
        }
        total -= segment.bytes;
        std::fs::remove_file(&segment.path)
            .map_err(|e| format!("cannot remove {}: {e}", segment.path.display()))?;
    }
    Ok(())
}

/// Files of all journals that are bounded together. A folder that cannot be read is somebody else's.
fn journals(own: &Path, bounds: &Bounds) -> Vec<Segment> {
    let mut dirs = vec![own.to_owned()];
    if let Some(runs) = bounds.runs.as_ref().and_then(|runs| std::fs::read_dir(runs).ok()) {
        let others = runs.flatten().map(|entry| entry.path());
        dirs.extend(others.filter(|dir| !dir.is_symlink() && dir.is_dir() && dir != own));
    }
    dirs.iter().flat_map(|dir| segments(dir).unwrap_or_default()).collect()
}
