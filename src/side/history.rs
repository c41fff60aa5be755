//! Keeps the history of all runs: the journal that this run writes is followed, after those of the runs
//! before it. Nothing waits for it: a worker of its own does all of it, one portion at a time, and what a
//! locked database or a full disk keeps out comes in later, since the journal still has it.

use super::alert::{Alert, Topic};
use super::errands::{Errands, Missed, Pending};
use super::task::{Task, Turn};
use crate::exit::AppError;
use crate::history::{Followed, History, HistoryError, NAME, Opened, catch_up, follow};
use crate::settings::HistorySettings;
use botmm_pipeline::types::Nanos;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long after a portion the next one begins; and after something went wrong.
const EVERY: Nanos = Nanos::secs(1);
const AGAIN: Nanos = Nanos::secs(5);
/// A portion takes about so long; longer than this and it is told.
const PORTION: Duration = Duration::from_millis(500);
const PATIENCE: Nanos = Nanos::secs(30);
/// How long the end of a run waits for the last portion.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// See the module.
pub struct KeepHistory {
    worker: Errands,
    path: PathBuf,
    /// With whom the database is: here, or with the worker.
    keeper: Option<Keeper>,
    under_way: Option<Pending<Portion>>,
    next: Nanos,
    is_late: bool,
    /// Portions that failed in a row, and what was last said of that.
    failed: u64,
    trouble: Option<String>,
}

type Portion = (Keeper, Result<Followed, HistoryError>);

/// The database, and what has to come into it.
struct Keeper {
    path: PathBuf,
    runs: Option<PathBuf>,
    dir: PathBuf,
    history: Option<History>,
    /// All runs that were there at the start are in.
    has_caught_up: bool,
    /// What a person should know.
    news: Vec<String>,
}

impl KeepHistory {
    /// Of the run whose journal is in `dir`, one of those in `runs`; [`None`] = it is switched off.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn of(
        settings: &HistorySettings,
        runs: Option<&Path>,
        dir: &Path,
        now: Nanos,
    ) -> Result<Option<Self>, AppError> {
        if !settings.is_enabled {
            return Ok(None);
        }
        let path = settings.file(runs.unwrap_or(dir), NAME);
        let keeper = Keeper {
            path: path.clone(),
            runs: runs.map(Path::to_owned),
            dir: dir.to_owned(),
            history: None,
            has_caught_up: false,
            news: Vec::new(),
        };
        Ok(Some(Self {
            worker: Errands::start("history")?,
            path,
            keeper: Some(keeper),
            under_way: None,
            next: now,
            is_late: false,
            failed: 0,
            trouble: None,
        }))
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn begin(&mut self, now: Nanos) {
        if let Some(keeper) = self.keeper.take() {
            let work = move || keeper.portion();
            self.under_way = Some(self.worker.send(now, PATIENCE, work));
        }
    }

    /// Takes a portion's outcome in; what a person should know.
    fn take(&mut self, now: Nanos, (mut keeper, outcome): Portion) -> Vec<String> {
        let mut said = std::mem::take(&mut keeper.news);
        self.keeper = Some(keeper);
        match outcome {
            Ok(followed) => {
                // Also while it catches up: on a small machine lanes want the core.
                self.next = now + EVERY;
                said.extend(followed.problem.map(|problem| {
                    let count = followed.passed_over;
                    format!("the history passes over {count} lines of journals: {problem}")
                }));
                if self.failed > 0 {
                    let failed = std::mem::take(&mut self.failed);
                    said.push(format!("the history goes on, after {failed} tries that failed"));
                }
                self.trouble = None;
            }
            Err(e) => {
                self.failed += 1;
                self.next = now + AGAIN;
                let trouble = e.to_string();
                if self.trouble.as_ref() != Some(&trouble) {
                    said.push(format!("{trouble}; the journal has it all, and trading goes on"));
                    self.trouble = Some(trouble);
                }
            }
        }
        said
    }

    /// What the end of the journal says, once that is written; what a person should know.
    pub fn finish(mut self, now: Nanos) -> Vec<String> {
        let mut said = Vec::new();
        for _ in 0..2 {
            if self.under_way.is_none() {
                self.begin(now);
            }
            let Some(portion) = self.under_way.take() else { break };
            let Some(done) = portion.wait(LAST_PATIENCE) else { break };
            let is_whole = done.1.as_ref().is_ok_and(|followed| followed.is_at_end);
            // The first may have begun before the journal's end was there.
            said.extend(self.take(now, done));
            if !is_whole && self.failed > 0 {
                break;
            }
            self.is_late = false;
        }
        if self.keeper.is_none() || self.failed > 0 {
            let path = self.path.display();
            said.push(format!("{path}: lacks the end of this run: `botmm history` takes it in"));
        }
        said
    }
}

impl Task for KeepHistory {
    fn name(&self) -> &'static str {
        "history"
    }

    fn turn(&mut self, turn: &mut Turn<'_>) {
        let Some(portion) = &self.under_way else {
            if turn.now >= self.next {
                self.begin(turn.now);
            }
            return;
        };
        let said = match portion.poll(turn.now) {
            None => return,
            Some(Ok(done)) => {
                (self.under_way, self.is_late) = (None, false);
                self.take(turn.now, done)
            }
            // It has the database: another must not begin before it has ended.
            Some(Err(Missed::Late)) if self.is_late => return,
            Some(Err(Missed::Late)) => {
                self.is_late = true;
                vec![format!(
                    "{}: the history waits for the disk; the journal has it all, and trading goes on",
                    self.path.display()
                )]
            }
            Some(Err(missed)) => {
                self.next = Nanos(i64::MAX);
                self.under_way = None;
                vec![format!("{}: the history ends here: {missed}", self.path.display())]
            }
        };
        said.into_iter().for_each(|text| turn.say(Alert::warn(Topic::Machine, text)));
    }
}

impl Keeper {
    /// Takes in what there is, for a while.
    fn portion(mut self) -> Portion {
        let outcome = self.take();
        if let Err(e) = &outcome
            && e.is_corrupt()
        {
            self.history = None;
            self.has_caught_up = false;
            match History::anew(&self.path, e) {
                Ok(Opened { history, said }) => {
                    self.history = Some(history);
                    self.news.extend(said);
                    return (self, Ok(Followed::default()));
                }
                Err(e) => return (self, Err(e)),
            }
        }
        (self, outcome)
    }

    fn take(&mut self) -> Result<Followed, HistoryError> {
        // What is written to a file that lost its name is for nobody.
        if self.history.as_ref().is_some_and(|history| !history.is_in_place()) {
            (self.history, self.has_caught_up) = (None, false);
        }
        let history = match &mut self.history {
            Some(history) => history,
            empty => {
                let Opened { history, said } = History::open(&self.path)?;
                self.news.extend(said);
                empty.insert(history)
            }
        };
        if !self.has_caught_up {
            let dir = self.runs.as_deref().unwrap_or(&self.dir);
            let followed = catch_up(history, dir, PORTION)?;
            self.has_caught_up = followed.is_at_end;
            return Ok(Followed { is_at_end: false, ..followed });
        }
        follow(history, &self.dir, PORTION)
    }
}

#[cfg(test)]
mod tests {
    use super::super::task::tests::Stand;
    use super::*;
    use crate::journal::segments::LIVE;
    use rusqlite::{Connection, TransactionBehavior};
    use std::fs::{self, OpenOptions};
    use std::io::Write as _;

    const LINES: [&str; 2] = [
        r#"{"type":"day","date":"2026-11-27","net_usd":"1.5","whole":true,"v":1}"#,
        r#"{"type":"day","date":"2026-11-28","net_usd":"-0.5","whole":false,"v":1}"#,
    ];

    fn write(dir: &Path, line: &str) {
        fs::create_dir_all(dir).unwrap();
        let mut file = OpenOptions::new().append(true).create(true).open(dir.join(LIVE)).unwrap();
        writeln!(file, "{line}").unwrap();
    }

    fn on() -> HistorySettings {
        HistorySettings { is_enabled: true, path: None }
    }

    /// What the days that are in add up to, of one run, so many times 1e-8.
    fn days(path: &Path, run: &str) -> i64 {
        let sum = "SELECT coalesce(sum(net), 0) FROM days WHERE run = ?1";
        let history = History::read(path).ok().flatten();
        let sum = history.and_then(|h| h.db().query_row(sum, [run], |row| row.get(0)).ok());
        sum.unwrap_or(0) // It is not there yet.
    }

    fn said(stand: &mut Stand, task: &mut KeepHistory) -> Vec<String> {
        stand.now = stand.now + Nanos::millis(20);
        stand.turn(task).said.into_iter().map(|alert| alert.text).collect()
    }

    #[test]
    fn a_run_is_followed_after_those_before_it_and_to_its_last_line() {
        let runs = tempfile::tempdir().unwrap();
        let (before, own, path) =
            (runs.path().join("a"), runs.path().join("b"), runs.path().join(NAME));
        write(&before, LINES[0]);
        write(&own, LINES[0]);
        let mut stand = Stand::with_room(4);
        let mut task = KeepHistory::of(&on(), Some(runs.path()), &own, stand.now).unwrap().unwrap();
        stand.until(|stand| {
            assert!(said(stand, &mut task).is_empty());
            path.exists() && days(&path, "a") + days(&path, "b") == 300_000_000
        });
        write(&own, LINES[1]);
        assert!(task.finish(stand.now).is_empty());
        assert_eq!(days(&path, "b"), 100_000_000);
        let off = HistorySettings { is_enabled: false, path: None };
        assert!(KeepHistory::of(&off, None, &own, stand.now).unwrap().is_none());
    }

    #[test]
    fn a_locked_database_holds_nothing_up_is_told_once_and_misses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        drop(History::open(&path).unwrap());
        let mut other = Connection::open(&path).unwrap();
        let lock = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        write(dir.path(), LINES[0]);
        let mut stand = Stand::with_room(4);
        let settings = HistorySettings { path: Some(path.clone()), ..on() };
        let mut task = KeepHistory::of(&settings, None, dir.path(), stand.now).unwrap().unwrap();
        let mut told = Vec::new();
        stand.until(|stand| {
            told.extend(said(stand, &mut task));
            task.failed >= 3
        });
        write(dir.path(), LINES[1]);
        let [once] = &told[..] else { panic!("{told:?}") };
        assert!(
            once.contains("another process writes to it") && once.contains("goes on"),
            "{once}"
        );
        drop(lock);
        stand.until(|stand| {
            told.extend(said(stand, &mut task));
            task.failed == 0
        });
        assert!(told[1].contains("the history goes on, after"), "{told:?}");
        let run = dir.path().canonicalize().unwrap();
        stand.until(|stand| {
            said(stand, &mut task);
            days(&path, &run.to_string_lossy()) == 100_000_000
        });
    }

    #[test]
    fn one_that_is_spoilt_or_removed_while_it_runs_is_made_anew() {
        let runs = tempfile::tempdir().unwrap();
        let (own, path) = (runs.path().join("b"), runs.path().join(NAME));
        write(&own, LINES[0]);
        let mut stand = Stand::with_room(4);
        fs::write(
            &path,
            "this is no database, and as long as the head of one has to be. ".repeat(9),
        )
        .unwrap();
        let mut task = KeepHistory::of(&on(), Some(runs.path()), &own, stand.now).unwrap().unwrap();
        let mut told = Vec::new();
        stand.until(|stand| {
            told.extend(said(stand, &mut task));
            task.failed == 0 && !told.is_empty() && days(&path, "b") == 150_000_000
        });
        assert!(told[0].contains("put aside as"), "{told:?}");
        for name in [NAME, "history.db-wal", "history.db-shm"] {
            let _ = fs::remove_file(runs.path().join(name));
        }
        stand.until(|stand| {
            said(stand, &mut task);
            path.exists()
                && History::read(&path)
                    .is_ok_and(|h| h.is_some_and(|h| h.dump().is_ok_and(|d| d.contains("days|b"))))
        });
    }

    #[test]
    fn a_full_disk_is_told_once_and_what_it_kept_out_comes_in_later() {
        let runs = tempfile::tempdir().unwrap();
        let (own, path) = (runs.path().join("b"), runs.path().join(NAME));
        let history = History::open(&path).unwrap().history;
        let room = |history: &History, pages: i64| {
            history.db().pragma_update(None, "max_page_count", pages).unwrap();
        };
        room(&history, 1); // As many as there are: no more.
        for n in 0..500 {
            let date = format!("{}-{:02}-{:02}", 2000 + n / 336, n / 28 % 12 + 1, n % 28 + 1);
            write(&own, &LINES[0].replace("2026-11-27", &date));
        }
        let mut stand = Stand::with_room(4);
        let mut task = KeepHistory::of(&on(), Some(runs.path()), &own, stand.now).unwrap().unwrap();
        task.keeper.as_mut().unwrap().history = Some(history);
        let mut told = Vec::new();
        stand.until(|stand| {
            told.extend(said(stand, &mut task));
            task.failed >= 3 && task.keeper.is_some()
        });
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("full") && told[0].contains("free some space"), "{told:?}");
        room(task.keeper.as_ref().unwrap().history.as_ref().unwrap(), 1 << 20);
        stand.until(|stand| {
            told.extend(said(stand, &mut task));
            days(&path, "b") == 500 * 150_000_000 && task.failed == 0
        });
        assert!(told[1].contains("goes on, after"), "{told:?}");
    }

    #[test]
    fn a_place_that_cannot_be_written_ends_nothing_and_the_end_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), LINES[0]);
        let mut stand = Stand::with_room(4);
        let settings = HistorySettings { path: Some(dir.path().join(LIVE).join(NAME)), ..on() };
        let mut task = KeepHistory::of(&settings, None, dir.path(), stand.now).unwrap().unwrap();
        let mut told = Vec::new();
        stand.until(|stand| {
            told.extend(said(stand, &mut task));
            task.failed >= 2
        });
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("cannot create"), "{told:?}");
        assert!(task.finish(stand.now).last().unwrap().contains("lacks the end of this run"));
    }
}
