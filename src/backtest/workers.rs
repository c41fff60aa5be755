//! Replays at once, each on a thread of its own. Tasks are taken in order, and those that share a recording lie
//! beside one another: no more recordings are open than there are workers.

use super::folder::Folder;
use super::plan::Plan;
use super::replaying::{Opened, replay};
use super::task::Task;
use crate::exit::{AppError, Exit};
use crate::settings::Draft;
use crate::terminal;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Parts of a task in the progress that is told.
const PARTS: u64 = 1_000;

/// What came of it.
pub(super) struct Worked {
    /// Tasks that have a result now.
    pub done: usize,
    /// Tasks that were to be done.
    pub of: usize,
    /// Why others have none; the last is the one that counts.
    pub errors: Vec<AppError>,
}

/// What the workers share.
struct Shared<'a> {
    folder: &'a Folder,
    draft: Draft,
    todo: Vec<&'a Task>,
    next: AtomicUsize,
    parts: AtomicU64,
    done: AtomicUsize,
    errors: Mutex<Vec<AppError>>,
    recordings: Recordings,
    stop: &'a AtomicBool,
    /// Another task would fail likewise.
    gave_up: AtomicBool,
}

/// Does the tasks of a folder that have no result, or `only` one of them. `progress` is told how much is done, of
/// how much.
pub(super) fn work(
    folder: &Folder,
    only: Option<usize>,
    jobs: usize,
    stop: &AtomicBool,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Worked {
    let all: Vec<&Task> = match only {
        Some(number) => vec![&folder.tasks[number]],
        None => folder.tasks.iter().collect(),
    };
    let of = all.len();
    let draft = match folder.draft() {
        Ok(draft) => draft,
        Err(e) => return Worked { done: 0, of, errors: vec![e] },
    };
    let is_open = |task: &&Task| match folder.outcome(task) {
        Ok(found) => found.is_none(),
        Err(why) => {
            terminal::complain(why);
            true
        }
    };
    let todo: Vec<&Task> = all.into_iter().filter(is_open).collect();
    let shared = Shared {
        folder,
        draft,
        next: AtomicUsize::new(0),
        parts: AtomicU64::new(0),
        done: AtomicUsize::new(of - todo.len()),
        errors: Mutex::default(),
        recordings: Recordings::default(),
        stop,
        gave_up: AtomicBool::new(false),
        todo,
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, shared.todo.len().max(1)) {
            scope.spawn(|| shared.work(progress));
        }
    });
    let errors = shared.errors.into_inner().unwrap_or_else(PoisonError::into_inner);
    Worked { done: shared.done.into_inner(), of, errors }
}

impl Shared<'_> {
    fn work(&self, progress: &(dyn Fn(u64, u64) + Sync)) {
        let mut opened = None;
        while !self.stop.load(Ordering::Relaxed) && !self.gave_up.load(Ordering::Relaxed) {
            let Some(task) = self.todo.get(self.next.fetch_add(1, Ordering::Relaxed)) else {
                break;
            };
            if let Err(error) = self.one(task, &mut opened, progress).map_err(AppError::or_again) {
                let gives_up = error.exit() == Exit::Again;
                self.gave_up.fetch_or(gives_up, Ordering::Relaxed);
                let mut errors = lock(&self.errors);
                // All tasks of a recording that is not usable say the same.
                if !errors.iter().any(|e| e.to_string() == error.to_string()) {
                    errors.push(error);
                }
            }
        }
    }

    fn one(
        &self,
        task: &Task,
        held: &mut Option<(Key, Arc<Opened>)>,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<(), AppError> {
        let plan = &self.folder.plan;
        let opened = self.recordings.open(task, plan, &self.draft, held)?;
        let total = self.todo.len() as u64 * PARTS;
        let told = std::cell::Cell::new(0);
        let tell = |parts: u64| {
            let more = parts.saturating_sub(told.replace(parts.max(told.get())));
            progress(self.parts.fetch_add(more, Ordering::Relaxed) + more, total);
        };
        let part = |done: u64, of: u64| tell((done.min(of) * PARTS).checked_div(of).unwrap_or(0));
        if let Some(outcome) = replay(task, &opened, plan, self.stop, &part)? {
            self.folder.put(&outcome)?;
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        tell(PARTS);
        Ok(())
    }
}

/// What tasks that share a recording have in common.
type Key = (Vec<usize>, Vec<String>);
/// Locked while it is being opened: whoever wants it too waits.
type Place = Arc<Mutex<Weak<Opened>>>;

/// Recordings that workers hold.
#[derive(Default)]
struct Recordings {
    open: Mutex<HashMap<Key, Place>>,
}

impl Recordings {
    /// The recording of a task. What the worker held before is let go first.
    fn open(
        &self,
        task: &Task,
        plan: &Plan,
        draft: &Draft,
        held: &mut Option<(Key, Arc<Opened>)>,
    ) -> Result<Arc<Opened>, AppError> {
        let key = (task.days.clone(), task.coins.clone());
        if let Some((_, opened)) = held.as_ref().filter(|(own, _)| *own == key) {
            return Ok(opened.clone());
        }
        *held = None;
        let place = lock(&self.open).entry(key.clone()).or_default().clone();
        let mut place = lock(&place);
        let opened = match place.upgrade() {
            Some(opened) => opened,
            None => Arc::new(Opened::of(task, plan, draft)?),
        };
        *place = Arc::downgrade(&opened);
        *held = Some((key, opened.clone()));
        Ok(opened)
    }
}

/// A worker that panicked takes the process with it: what it held is not looked at.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
