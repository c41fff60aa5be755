//! The journal's writer: a thread of its own, so that a slow disk holds nobody up. What is to be written waits
//! in a queue, in the order of telling, with a bound for either kind. In a run that trades, commentary that
//! finds no room is dropped and counted (a `gap` line says where), and a fact that finds none halts. In a
//! replay whoever writes waits, and nothing is lost.
//!
//! A disk that takes nothing is tried again; meanwhile what is to be written waits here.

use super::encoder::Encoder;
use super::growing::Growing;
use super::line::{Gap, Line};
use super::packer::Bounds;
use crate::exit::AppError;
use crate::files::{Readers, make_folder};
use crate::when::utc_now;
use botmm_pipeline::rt::RingStats;
use botmm_pipeline::types::{Record, Universe};
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Facts that may wait, besides those that the writer is at: a day of them while the disk takes nothing.
pub(super) const MAX_FACTS: usize = 1 << 15;
/// Commentary that may: some seconds of it.
const MAX_COMMENTARY: usize = 1 << 12;
/// How often a disk that took nothing is tried again.
const TRY_EVERY: Duration = Duration::from_secs(1);
/// How long the end of a run waits for the disk; and after which part of it commentary is left out.
const LAST_PATIENCE: Duration = Duration::from_secs(4);
const HURRY_AFTER: Duration = Duration::from_secs(1);

/// A journal that is being written: the end of those who tell.
pub struct Journal {
    path: PathBuf,
    /// Not handed over yet.
    outgoing: Vec<Entry>,
    queue: Arc<Queue>,
    waits: bool,
    /// Commentary that may wait.
    room: usize,
    /// What found no room, of facts and of commentary.
    lost: [Arc<RingStats>; 2],
}

/// Something to be written.
#[allow(clippy::large_enum_variant, reason = "nearly all of them are records")]
enum Entry {
    /// What a stage told.
    Record(Record),
    /// What the side thread tells: a fact.
    Line(Box<Line>),
}

impl Entry {
    const fn is_fact(&self) -> bool {
        !matches!(self, Self::Record(Record::Commentary(_)))
    }
}

/// Between those who tell and the thread.
#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    /// Something came, or the end.
    came: Condvar,
    /// The thread took all there was, or has ended.
    taken: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Entry>,
    commentary: usize,
    /// Commentary that found no room after all of this.
    dropped: u64,
    /// What a person must know, and has not been told.
    news: Vec<String>,
    /// When the end was asked for.
    ended: Option<Instant>,
    /// What the thread came to.
    result: Option<Result<(), AppError>>,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal {
    /// Starts a journal in a folder, which is made when it is not there. A folder that already holds
    /// one is refused: a run's record is never overwritten. With bounds it is that of a run that trades;
    /// without, that of a replay: one file, however long.
    ///
    /// # Errors
    /// The folder or the file cannot be made, or the system refuses a thread.
    pub fn create(
        dir: &Path,
        universe: &Universe,
        bounds: Option<Bounds>,
    ) -> Result<Self, AppError> {
        make_folder(dir, Readers::Group)?;
        let waits = bounds.is_none();
        Self::start(Growing::create(dir, bounds)?, universe, waits)
    }

    /// Starts the thread. When `waits`, whoever writes waits for room.
    fn start(growing: Growing, universe: &Universe, waits: bool) -> Result<Self, AppError> {
        let (path, queue) = (growing.path(), Arc::<Queue>::default());
        let facts = RingStats::new("side->journal facts", true);
        let commentary = RingStats::new("side->journal commentary", false);
        let mut writer = Writer {
            growing,
            encoder: Encoder::new(universe),
            queue: queue.clone(),
            waits,
            skipped: commentary.clone(),
            is_failing: false,
        };
        let work = move || {
            let written = catch_unwind(AssertUnwindSafe(|| writer.work()));
            let Writer { growing, queue, .. } = writer;
            let result = match written {
                Ok(()) => growing.finish(),
                Err(_) => Err(AppError::data(
                    growing.path().display().to_string(),
                    "the journal's writer panicked",
                    "report what it said on stderr, a defect",
                )),
            };
            queue.state().result = Some(result);
            queue.taken.notify_all();
        };
        let thread = thread::Builder::new().name("journal-writer".to_owned());
        thread.spawn(work).map_err(AppError::io("journal thread", "start"))?;
        let lost = [facts, commentary];
        Ok(Self { path, outgoing: Vec::new(), queue, waits, room: MAX_COMMENTARY, lost })
    }

    /// Takes in a record.
    pub fn write(&mut self, record: &Record) {
        self.outgoing.push(Entry::Record(*record));
    }

    /// Takes in a line that the side thread makes itself.
    pub fn write_line(&mut self, line: &Line) {
        self.outgoing.push(Entry::Line(Box::new(line.clone())));
    }

    /// Hands what was taken in to the writer; what a person must know by then: that it cannot be written, or
    /// can be again. Each once.
    pub fn flush(&mut self) -> Vec<String> {
        let mut state = self.queue.state();
        for entry in self.outgoing.drain(..) {
            while self.waits && state.waiting.len() >= self.room && state.result.is_none() {
                self.queue.came.notify_one();
                state = self.queue.taken.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.add(entry, self.room, &self.lost);
        }
        if !state.waiting.is_empty() {
            self.queue.came.notify_one();
        }
        std::mem::take(&mut state.news)
    }

    /// Why trading must not go on: facts can be written no more.
    pub fn overrun(&self) -> Option<String> {
        let path = self.path.display();
        if self.lost[0].is_overrun() {
            return Some(format!(
                "halted: {path} could not be written for so long that no more facts fit into memory; \
                 free or mend the disk, then start again"
            ));
        }
        let has_ended = self.queue.state().result.is_some();
        has_ended
            .then(|| format!("halted: {path}: the journal's writer has ended, a defect: report it"))
    }

    /// Commentary that was dropped.
    pub fn dropped(&self) -> u64 {
        self.lost[1].dropped()
    }

    /// What found no room, for the summary.
    pub fn stats(&self) -> &[Arc<RingStats>] {
        &self.lost
    }

    /// Ends it: what waits is written, of a run that trades as far as the disk takes it in time.
    ///
    /// # Errors
    /// Some of it could not be written; how much.
    pub fn finish(mut self) -> Result<PathBuf, AppError> {
        self.flush();
        let mut state = self.queue.state();
        let ended = *state.ended.insert(Instant::now());
        self.queue.came.notify_one();
        let result = loop {
            if let Some(result) = state.result.take() {
                break result;
            }
            let left = match self.waits {
                true => LAST_PATIENCE,
                false => LAST_PATIENCE.saturating_sub(ended.elapsed()),
            };
            if left.is_zero() {
                let late =
                    format!("the disk is too slow: at least {} lines are lost", state.facts());
                break Err(AppError::io(&self.path, "write")(io::Error::new(
                    ErrorKind::TimedOut,
                    late,
                )));
            }
            let waited = self.queue.taken.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        result?;
        match self.lost[0].dropped() {
            0 => Ok(self.path.clone()),
            lost => Err(AppError::io(&self.path, "write")(io::Error::other(format!(
                "it did not keep up ({lost} lines are lost)"
            )))),
        }
    }
}

#[cfg(test)]
impl Journal {
    /// One that lies on another disk; of a run that trades, with room for so much commentary, or of a replay.
    pub fn on(disk: std::fs::File, dir: &Path, universe: &Universe, room: Option<usize>) -> Self {
        make_folder(dir, Readers::Group).unwrap();
        let mut growing = Growing::create(dir, None).unwrap();
        growing.swap_file(disk);
        let mut journal = Self::start(growing, universe, room.is_none()).unwrap();
        journal.room = room.unwrap_or(journal.room);
        journal
    }

    /// Whether the writer has taken all that waited.
    pub fn is_taken(&self) -> bool {
        self.queue.state().waiting.is_empty()
    }
}

/// Without an end nobody waits for the thread, which ends when it has written what there is.
impl Drop for Journal {
    fn drop(&mut self) {
        self.queue.state().ended.get_or_insert_with(Instant::now);
        self.queue.came.notify_one();
    }
}

impl State {
    fn facts(&self) -> usize {
        self.waiting.len() - self.commentary
    }

    fn add(&mut self, entry: Entry, room: usize, [facts, commentary]: &[Arc<RingStats>; 2]) {
        match entry.is_fact() {
            true if self.facts() == MAX_FACTS => facts.count_dropped(),
            false if self.commentary == room => {
                commentary.count_dropped();
                self.dropped += 1;
            }
            is_fact => {
                self.commentary += usize::from(!is_fact);
                self.waiting.push(entry);
            }
        }
    }
}

/// The thread.
struct Writer {
    growing: Growing,
    encoder: Encoder,
    queue: Arc<Queue>,
    waits: bool,
    skipped: Arc<RingStats>,
    /// The disk takes nothing, and that was told.
    is_failing: bool,
}

impl Writer {
    /// Writes what comes, until the end.
    fn work(&mut self) {
        let mut batch = Vec::new();
        loop {
            let Some(mut dropped) = self.take(&mut batch) else { return };
            for entry in batch.drain(..) {
                if !entry.is_fact() && self.is_in_a_hurry() {
                    self.skipped.count_dropped();
                    dropped += 1;
                    continue;
                }
                let line = match entry {
                    Entry::Record(record) => self.encoder.line(&record),
                    Entry::Line(line) => Some(*line),
                };
                line.iter().for_each(|line| self.growing.line(line));
                if self.growing.is_much() {
                    self.flush();
                }
            }
            if dropped > 0 {
                self.growing.line(&Line::Gap(Gap { time: utc_now(), lost: dropped }));
            }
            self.flush();
        }
    }

    /// Waits for something to be written; how much commentary was dropped after it. [`None`] = that was all.
    fn take(&self, batch: &mut Vec<Entry>) -> Option<u64> {
        let mut state = self.queue.state();
        while state.waiting.is_empty() && state.dropped == 0 {
            if state.ended.is_some() {
                return None;
            }
            state = self.queue.came.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut state.waiting, batch);
        state.commentary = 0;
        self.queue.taken.notify_all();
        Some(std::mem::take(&mut state.dropped))
    }

    /// The end waits for us, and not for long.
    fn is_in_a_hurry(&self) -> bool {
        let since = |at: Instant| at.elapsed() >= HURRY_AFTER;
        !self.waits && self.queue.state().ended.is_some_and(since)
    }

    /// Hands what there is to the system, sooner or later. A replay, and the end of a run, try once.
    fn flush(&mut self) {
        while let Err(e) = self.growing.flush() {
            if !self.is_failing {
                self.is_failing = true;
                self.say(format!(
                    "{}: cannot write: {e}; trading goes on, facts wait in memory and commentary is dropped \
                     until it can be written",
                    self.growing.path().display()
                ));
            }
            if self.waits || self.queue.state().ended.is_some() {
                self.growing.give_up(e);
                return;
            }
            self.pause();
        }
        if self.is_failing {
            self.is_failing = false;
            self.say(format!("{}: written again, no fact is lost", self.growing.path().display()));
        }
        self.growing.trouble().into_iter().for_each(|said| self.say(said));
    }

    fn pause(&self) {
        let (begun, mut state) = (Instant::now(), self.queue.state());
        while state.ended.is_none() {
            let left = TRY_EVERY.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return;
            }
            let waited = self.queue.came.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn say(&self, news: String) {
        self.queue.state().news.push(news);
    }
}
