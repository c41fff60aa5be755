//! The recorder's disk, on a thread of its own: however long a write takes, frames get their time when they come.
//!
//! A block that the disk does not take is lost and told: its place is marked in the next one that is taken, and
//! with every block it is tried again. Nothing here ends the recorder.

use crate::data::capture::mark::{Gap, GapKind};
use crate::data::capture::{Block, Folder, SegmentWriter, segments};
use crate::exit::AppError;
use crate::files::{Readers, write_whole};
use botmm_pipeline::types::Nanos;
use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel,
};
use std::time::{Duration, Instant};

/// Blocks that wait for a disk that hangs; each is a second, or [`super::MAX_BLOCK_BYTES`].
const MAX_WAITING: usize = 8;
/// How long the end waits for the disk.
const LAST_WAIT: Duration = Duration::from_secs(20);
const HOUR: i64 = 3_600_000_000_000;

/// What to do when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum WhenFull {
    /// Write nothing until there is room.
    Refuse,
    /// Remove the oldest segments.
    Prune,
}

/// How much of the disk is the recorder's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// All segments together take at most so many bytes.
    pub max_bytes: u64,
    /// So many bytes of the disk stay free.
    pub min_free_bytes: u64,
    /// And when that is reached?
    pub when_full: WhenFull,
}

enum Job {
    /// A block, and how many lines before it found no room on their way to the disk.
    Write(Block, u64),
    Manifest(PathBuf, String),
    Close,
}

/// What the disk has to say.
#[derive(Debug)]
pub enum Told {
    /// So much was written, and is on the disk.
    Wrote {
        /// Lines, marks included.
        lines: u64,
        /// Up to when.
        until: Nanos,
        /// All segments together.
        bytes: u64,
    },
    /// Lines were lost, and are marked.
    Gap(Gap),
    /// It takes nothing.
    Trouble(String),
    /// It takes what comes again.
    Well,
    /// Old segments were removed.
    Pruned(u64),
    /// A segment or a manifest could not be finished; it will be later.
    Late(String),
    /// The segment is closed, as was asked for.
    Closed,
}

/// The way to the disk.
pub struct Disk {
    jobs: Option<SyncSender<Job>>,
    told: Receiver<Told>,
    lost: u64,
}

impl Disk {
    /// Starts the thread over a folder that is ours. `last` is when the newest line in it was received.
    ///
    /// # Errors
    /// The folder cannot be read, or the system refuses a thread.
    pub fn start(folder: Folder, room: Room, recorder: String) -> Result<Self, AppError> {
        let failed = |e| AppError::io(folder.root(), "read")(e);
        let mut old = VecDeque::new();
        for segment in segments(folder.root()).map_err(failed)? {
            let len = segment.path.metadata().map_err(failed)?.len();
            old.push_back((segment.path, len));
        }
        let bytes = old.iter().map(|(_, len)| len).sum();
        let (jobs, todo) = sync_channel(MAX_WAITING);
        let (tell, told) = channel();
        let mut keeper = Keeper {
            folder,
            room,
            recorder,
            segment: None,
            old,
            bytes,
            lost: None,
            until: Nanos::ZERO,
            is_well: true,
            tell: Box::new(move |news| drop(tell.send(news))),
        };
        let thread = std::thread::Builder::new().name("disk".to_owned());
        let run = move || keeper.run(&todo);
        thread.spawn(run).map_err(AppError::io("disk thread", "start"))?;
        Ok(Self { jobs: Some(jobs), told, lost: 0 })
    }

    /// Hands a block over; one that finds no room is lost, and told with the next.
    pub fn write(&mut self, block: Block) {
        let lines = u64::from(block.lines);
        let job = Job::Write(block, self.lost);
        match self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Ok(())) => self.lost = 0,
            Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) | None => {
                self.lost += lines;
            }
        }
    }

    /// Lines that wait to be told as lost: the disk hangs.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Hands a manifest over; false = the disk is busy.
    pub fn write_manifest(&self, path: PathBuf, text: String) -> bool {
        self.jobs.as_ref().is_some_and(|jobs| jobs.try_send(Job::Manifest(path, text)).is_ok())
    }

    /// What it has to say since this was last asked.
    pub fn news(&self) -> Vec<Told> {
        self.told.try_iter().collect()
    }

    /// Closes the segment, then writes the last manifest, which is made of all that became of the blocks.
    ///
    /// # Errors
    /// What was left undone, in words.
    pub fn finish(
        mut self,
        manifest: impl FnOnce(Vec<Told>) -> (PathBuf, String),
    ) -> Result<(), String> {
        let slow = || format!("the disk took nothing for {} s", LAST_WAIT.as_secs());
        let jobs = self.jobs.take().ok_or("the disk thread died")?;
        let until = Instant::now() + LAST_WAIT;
        let hand_over = |mut job: Job| loop {
            match jobs.try_send(job) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(back)) if Instant::now() < until => job = back,
                Err(_) => return Err(slow()),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        hand_over(Job::Close)?;
        let mut news = Vec::new();
        loop {
            match self.told.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Told::Closed) => break,
                Ok(told) => news.push(told),
                Err(_) => return Err(slow()),
            }
        }
        let left = |told: &Told| match told {
            Told::Late(why) => Some(why.clone()),
            _ => None,
        };
        let mut undone: Option<String> = news.iter().find_map(left);
        let (path, text) = manifest(news);
        hand_over(Job::Manifest(path, text))?;
        drop(jobs);
        // Its end of the channel goes when it is through.
        loop {
            match self.told.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(told) => undone = undone.or(left(&told)),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => return Err(slow()),
            }
        }
        undone.map_or(Ok(()), Err)
    }
}

/// The thread's own.
struct Keeper {
    folder: Folder,
    room: Room,
    recorder: String,
    segment: Option<SegmentWriter>,
    /// Segments that are closed, oldest first, and their bytes.
    old: VecDeque<(PathBuf, u64)>,
    /// Of these together.
    bytes: u64,
    lost: Option<Lost>,
    /// The last line that is on the disk.
    until: Nanos,
    is_well: bool,
    tell: Box<dyn Fn(Told) + Send>,
}

/// Lines that are not on the disk.
struct Lost {
    from: Nanos,
    since: Nanos,
    lines: u64,
    why: String,
}

impl Keeper {
    fn run(&mut self, todo: &Receiver<Job>) {
        while let Ok(job) = todo.recv() {
            match job {
                Job::Write(block, lost_before) => self.write(&block, lost_before),
                Job::Close => {
                    self.close();
                    (self.tell)(Told::Closed);
                }
                Job::Manifest(path, text) => {
                    if let Err(e) = write_whole(&path, text.as_bytes(), Readers::All) {
                        (self.tell)(Told::Late(e.to_string()));
                    }
                }
            }
        }
        self.close();
    }

    fn write(&mut self, block: &Block, lost_before: u64) {
        if lost_before > 0 {
            self.lose(lost_before, block.first, "the disk was too slow");
        }
        let lines = u64::from(block.lines);
        match self.try_write(block) {
            Ok(written) => {
                self.until = block.last;
                if !std::mem::replace(&mut self.is_well, true) {
                    (self.tell)(Told::Well);
                }
                let growing = self.segment.as_ref().map_or(0, SegmentWriter::len);
                let bytes = self.bytes + growing;
                (self.tell)(Told::Wrote { lines: written, until: block.last, bytes });
            }
            Err(why) => {
                self.lose(lines, block.first, &why);
                if std::mem::take(&mut self.is_well) {
                    (self.tell)(Told::Trouble(why));
                }
            }
        }
    }

    fn lose(&mut self, lines: u64, since: Nanos, why: &str) {
        let from = if self.until > Nanos::ZERO { self.until } else { since };
        let why = why.to_owned();
        self.lost.get_or_insert(Lost { from, since, lines: 0, why }).lines += lines;
    }

    /// How many lines were written.
    fn try_write(&mut self, block: &Block) -> Result<u64, String> {
        self.make_room()?;
        self.rotate(block.first);
        let folder = self.folder.root().display().to_string();
        let failed = |e: io::Error| format!("{folder}: cannot write: {e}");
        let segment = match &mut self.segment {
            Some(segment) => segment,
            none => none.insert(self.folder.begin(block.first, &self.recorder).map_err(failed)?),
        };
        let gap = self.lost.as_ref().map(|lost| Gap {
            noticed_ns: Some(lost.since.0),
            lines: Some(lost.lines),
            ..Gap::new(GapKind::Disk, lost.from, block.first, &lost.why)
        });
        let mut lines = block.lines;
        let span = (block.first, block.last);
        let wrote = match &gap {
            None => segment.append(&block.text, lines, span),
            Some(gap) => {
                lines += 1;
                segment.append(&[gap.line(block.first), block.text.clone()].concat(), lines, span)
            }
        };
        if segment.is_broken() {
            self.close();
        }
        wrote.map_err(failed)?;
        self.lost = None;
        gap.into_iter().for_each(|gap| (self.tell)(Told::Gap(gap)));
        Ok(lines.into())
    }

    /// Another hour has a segment of its own.
    fn rotate(&mut self, now: Nanos) {
        let is_other = |s: &SegmentWriter| s.begun().0.div_euclid(HOUR) != now.0.div_euclid(HOUR);
        if self.segment.as_ref().is_some_and(is_other) {
            self.close();
        }
    }

    fn close(&mut self) {
        let Some(segment) = self.segment.take() else { return };
        let path = segment.path().to_owned();
        if let Err(e) = segment.close() {
            (self.tell)(Told::Late(format!(
                "{}: closed without its index: {e}; the next start of the recorder puts it there",
                path.display()
            )));
        }
        let len = path.metadata().map_or(0, |meta| meta.len());
        self.bytes += len;
        self.old.push_back((path, len));
    }

    /// Whether there is room; makes it, where that was asked for.
    fn make_room(&mut self) -> Result<(), String> {
        let mut removed = 0;
        let result = loop {
            let Some(problem) = self.problem() else { break Ok(()) };
            if self.room.when_full == WhenFull::Refuse {
                break Err(problem);
            }
            let Some((path, len)) = self.old.pop_front() else {
                break Err(format!("{problem}, and no older segment is left to remove"));
            };
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    break Err(format!("{}: cannot remove: {e}", path.display()));
                }
                _ => removed += 1,
            }
            self.bytes = self.bytes.saturating_sub(len);
        };
        if removed > 0 {
            (self.tell)(Told::Pruned(removed));
        }
        result
    }

    fn problem(&self) -> Option<String> {
        let place = self.folder.root().display();
        let used = self.bytes + self.segment.as_ref().map_or(0, SegmentWriter::len);
        if used >= self.room.max_bytes {
            let most = gb(self.room.max_bytes);
            return Some(format!(
                "{place}: the recordings take {most} GB, as many as they may (--max-gb)"
            ));
        }
        if self.room.min_free_bytes == 0 {
            return None;
        }
        let stat = rustix::fs::statvfs(self.folder.root()).ok()?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        (free < self.room.min_free_bytes).then(|| {
            let (free, least) = (gb(free), gb(self.room.min_free_bytes));
            format!("{place}: {free} GB are free, and {least} GB stay free (--min-free-gb)")
        })
    }
}

fn gb(bytes: u64) -> String {
    format!("{:.3}", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::capture::{Piece, SegmentReader};

    const ROOM: Room = Room { max_bytes: u64::MAX, min_free_bytes: 0, when_full: WhenFull::Refuse };
    const START: Nanos = Nanos(1_795_370_000_000_000_000);

    fn block(at: Nanos) -> Block {
        let text = format!("{} {{\"channel\":\"trades\",\"data\":[{}]}}\n", at.0, at.0);
        Block { text: text.into_bytes(), lines: 1, first: at, last: at }
    }

    /// Writes a block a minute for as long, under conditions that may change.
    fn keep(
        room: Room,
        minutes: i64,
        each: &mut dyn FnMut(i64, &mut Keeper),
    ) -> (Vec<Told>, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::take(dir.path()).unwrap();
        let (tell, told) = channel();
        let mut keeper = Keeper {
            folder,
            room,
            recorder: "test".to_owned(),
            segment: None,
            old: VecDeque::new(),
            bytes: 0,
            lost: None,
            until: Nanos::ZERO,
            is_well: true,
            tell: Box::new(move |news| tell.send(news).unwrap()),
        };
        for minute in 0..minutes {
            each(minute, &mut keeper);
            keeper.write(&block(START + Nanos::secs(60 * minute)), 0);
        }
        keeper.close();
        drop(keeper);
        (told.iter().collect(), dir)
    }

    fn gaps(told: &[Told]) -> Vec<&Gap> {
        told.iter().filter_map(|t| if let Told::Gap(gap) = t { Some(gap) } else { None }).collect()
    }

    fn lines(dir: &tempfile::TempDir) -> Vec<String> {
        let mut lines = Vec::new();
        for segment in segments(dir.path()).unwrap() {
            let mut reader =
                SegmentReader::new(std::fs::File::open(&segment.path).unwrap()).unwrap();
            let mut text = Vec::new();
            while let Piece::Block(_) = reader.next(&mut text).unwrap() {
                lines.extend(String::from_utf8(text.clone()).unwrap().lines().map(str::to_owned));
            }
        }
        lines
    }

    #[test]
    fn each_hour_has_a_segment() {
        let (told, dir) = keep(ROOM, 180, &mut |_, _| {});
        // It began at 17:53:20 and goes over three full hours.
        let names: Vec<_> = segments(dir.path()).unwrap().into_iter().map(|s| s.name).collect();
        assert_eq!(names.len(), 4, "{names:?}");
        assert!(names[1].starts_with("18-00"), "{names:?}");
        assert_eq!(lines(&dir).len(), 180);
        assert!(gaps(&told).is_empty());
    }

    #[test]
    fn without_room_it_waits_and_goes_on_and_marks_what_is_missing() {
        let minute = |m: i64| START + Nanos::secs(60 * m);
        let (told, dir) = keep(ROOM, 30, &mut |m, keeper| {
            keeper.room.max_bytes = if (10..15).contains(&m) { 1 } else { u64::MAX };
        });
        let gaps = gaps(&told);
        assert_eq!(gaps.len(), 1);
        assert_eq!((gaps[0].from_ns, gaps[0].to_ns), (minute(9).0, minute(15).0));
        assert_eq!((gaps[0].kind, gaps[0].lines), (GapKind::Disk, Some(5)));
        assert!(gaps[0].why.contains("--max-gb"), "{}", gaps[0].why);
        let lines = lines(&dir);
        assert_eq!(lines.len(), 26);
        assert!(lines[10].contains("botmm.gap"), "{}", lines[10]);
        let trouble = told.iter().filter(|t| matches!(t, Told::Trouble(_))).count();
        let well = told.iter().filter(|t| matches!(t, Told::Well)).count();
        assert_eq!((trouble, well), (1, 1), "once each");
    }

    #[test]
    fn the_oldest_segments_go_when_that_is_asked_for_and_never_the_newest() {
        let room = Room { max_bytes: 9_000, when_full: WhenFull::Prune, ..ROOM };
        let (told, dir) = keep(room, 600, &mut |_, _| {});
        assert!(gaps(&told).len() <= 1, "{:?}", gaps(&told));
        let left = segments(dir.path()).unwrap();
        let bytes: u64 = left.iter().map(|s| s.path.metadata().unwrap().len()).sum();
        assert!((2_000..12_000).contains(&bytes), "{bytes}");
        assert!(told.iter().any(|t| matches!(t, Told::Pruned(_))));
        assert!(
            lines(&dir).last().unwrap().starts_with(&(START + Nanos::secs(60 * 599)).0.to_string())
        );
    }
}
