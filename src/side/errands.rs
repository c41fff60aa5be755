//! Errands: work that may block (questions to the venue, files), done by workers, so that no turn of the
//! side thread waits for it. An answer comes back as a message, before its deadline or never.
//!
//! A worker that does not come back from an errand is left behind and another takes its place, so that
//! one dead mount or resolver does not end all others of its kind for the rest of the run.

use crate::exit::AppError;
use botmm_pipeline::types::Nanos;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Errands that wait for a worker; more are refused.
const MAX_WAITING: usize = 64;
/// Workers of one kind that may hang at a time; from then on its errands are refused.
const MAX_LEFT_BEHIND: usize = 4;

/// Workers of one kind of errands, of which one works at a time, in the order of asking.
pub struct Errands {
    kind: &'static str,
    queue: SyncSender<Job>,
    jobs: Arc<Mutex<Receiver<Job>>>,
    /// Which worker may take the next job; the others were left behind.
    turn_of: Arc<AtomicU64>,
    /// What it is at, since when it may be late.
    at: Arc<Mutex<Option<Nanos>>>,
    left_behind: usize,
}

/// An errand on its way to a worker.
struct Job {
    deadline: Nanos,
    work: Box<dyn FnOnce() + Send>,
}

/// Why an errand has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// Too many wait: it was not begun, and will not be.
    Refused,
    /// None within its time. It may still be done.
    Late,
    /// It panicked; what it said is on stderr.
    Panicked,
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "too much else is being waited for",
            Self::Late => "no answer in time",
            Self::Panicked => "a defect: it panicked, please report what it said",
        })
    }
}

/// An answer that is waited for.
#[derive(Debug)]
pub struct Pending<T> {
    /// [`None`]: it was refused.
    answer: Option<Receiver<T>>,
    deadline: Nanos,
}

impl<T> Pending<T> {
    /// The answer, or why there is none; [`None`] = not yet. Not to be asked again after it was there.
    pub fn poll(&self, now: Nanos) -> Option<Result<T, Missed>> {
        let Some(answer) = &self.answer else { return Some(Err(Missed::Refused)) };
        match answer.try_recv() {
            Ok(answer) => Some(Ok(answer)),
            Err(TryRecvError::Disconnected) => Some(Err(Missed::Panicked)),
            Err(TryRecvError::Empty) => (now >= self.deadline).then_some(Err(Missed::Late)),
        }
    }

    /// Waits for the answer, at the end of a run.
    pub fn wait(&self, at_most: Duration) -> Option<T> {
        self.answer.as_ref()?.recv_timeout(at_most).ok()
    }
}

impl<T> Pending<Result<T, AppError>> {
    /// The answer of an errand that may fail, or in words why there is none; [`None`] = not yet.
    pub fn told(&self, now: Nanos) -> Option<Result<T, String>> {
        Some(match self.poll(now)? {
            Ok(answer) => answer.map_err(|e| e.to_string()),
            Err(missed) => Err(missed.to_string()),
        })
    }
}

impl Errands {
    /// Starts the first worker.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(kind: &'static str) -> Result<Self, AppError> {
        let (queue, jobs) = sync_channel(MAX_WAITING);
        let jobs = Arc::new(Mutex::new(jobs));
        let this =
            Self { kind, queue, jobs, turn_of: Arc::default(), at: Arc::default(), left_behind: 0 };
        this.start_worker()?;
        Ok(this)
    }

    /// Hands an errand over; the answer is to come within `patience` from `now`, waiting included.
    pub fn send<T: Send + 'static>(
        &self,
        now: Nanos,
        patience: Nanos,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Pending<T> {
        let deadline = now + patience;
        let (tell, answer) = channel();
        // Whoever asked may have given up meanwhile: then the answer is of no use.
        let work = Box::new(move || {
            let _ = tell.send(work());
        });
        let sent = self.queue.try_send(Job { deadline, work });
        if let Err(TrySendError::Disconnected(_)) = sent {
            unreachable!("the receiver lives as long as the sender");
        }
        Pending { answer: sent.is_ok().then_some(answer), deadline }
    }

    /// Looks after the worker: one that is late is left behind, and another goes on with what waits. What
    /// a person should know.
    pub fn turn(&mut self, now: Nanos) -> Option<String> {
        let mut at = locked(&self.at);
        let is_late = at.is_some_and(|deadline| now >= deadline);
        if !is_late || self.left_behind == MAX_LEFT_BEHIND {
            return None;
        }
        *at = None;
        self.turn_of.fetch_add(1, Ordering::AcqRel);
        drop(at);
        self.left_behind += 1;
        let kind = self.kind;
        match self.start_worker() {
            Ok(()) if self.left_behind < MAX_LEFT_BEHIND => None,
            Ok(()) => Some(format!(
                "{MAX_LEFT_BEHIND} errands ({kind}) hang: no more is tried after the next that does; \
                 look at the disk and at the network, then restart"
            )),
            Err(e) => {
                Some(format!("errands ({kind}) hang, and no other worker can be started: {e}"))
            }
        }
    }

    fn start_worker(&self) -> Result<(), AppError> {
        let (jobs, at, turn_of) = (self.jobs.clone(), self.at.clone(), self.turn_of.clone());
        let own = turn_of.load(Ordering::Acquire);
        let worker = move || {
            let is_ours = || turn_of.load(Ordering::Acquire) == own;
            while is_ours() {
                let Ok(Job { deadline, work }) = locked(&jobs).recv() else { return };
                *locked(&at) = Some(deadline);
                // What it says is on stderr, and whoever asked hears that there is no answer.
                let _ = catch_unwind(AssertUnwindSafe(work));
                let mut at = locked(&at);
                if is_ours() {
                    *at = None;
                }
            }
        };
        let thread = thread::Builder::new().name(format!("errands-{}", self.kind));
        thread.spawn(worker).map_err(AppError::io("errands thread", "start"))?;
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::Sender;
    use std::time::Instant;

    const PATIENCE: Nanos = Nanos::secs(5);
    /// A hang guard, no measure.
    const GUARD: Duration = Duration::from_secs(60);

    fn answer<T>(pending: &Pending<T>, now: Nanos) -> Result<T, Missed> {
        let begun = Instant::now();
        loop {
            if let Some(answer) = pending.poll(now) {
                return answer;
            }
            assert!(begun.elapsed() < GUARD, "no answer");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// An errand that does not end before the sender is dropped.
    fn hang(errands: &Errands, now: Nanos) -> (Pending<()>, Sender<()>) {
        let (release, held) = channel::<()>();
        let (begun, begins) = channel();
        let pending = errands.send(now, PATIENCE, move || {
            let _ = begun.send(());
            let _ = held.recv();
        });
        begins.recv_timeout(GUARD).unwrap();
        (pending, release)
    }

    #[test]
    fn answers_come_in_the_order_of_asking() {
        let errands = Errands::start("test").unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let asked: Vec<_> = (0..20)
            .map(|n| {
                let log = log.clone();
                errands.send(Nanos::ZERO, PATIENCE, move || {
                    log.lock().unwrap().push(n);
                    n * n
                })
            })
            .collect();
        let told: Vec<_> = asked.iter().map(|p| answer(p, Nanos::ZERO).unwrap()).collect();
        assert_eq!(told, (0..20).map(|n| n * n).collect::<Vec<_>>());
        assert_eq!(*log.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn one_that_never_returns_is_late_and_holds_nobody_up() {
        let mut errands = Errands::start("test").unwrap();
        let (stuck, _held) = hang(&errands, Nanos::ZERO);
        let next = errands.send(Nanos::ZERO, Nanos::secs(60), || 7);
        assert_eq!((stuck.poll(Nanos::secs(4)), next.poll(Nanos::secs(4))), (None, None));
        assert_eq!(errands.turn(Nanos::secs(4)), None, "it is not late yet");
        assert_eq!(next.poll(Nanos::secs(4)), None);
        assert_eq!(stuck.poll(PATIENCE), Some(Err(Missed::Late)));
        assert_eq!(errands.turn(PATIENCE), None);
        assert_eq!(answer(&next, PATIENCE), Ok(7), "another worker took over");
    }

    #[test]
    fn one_that_comes_back_after_all_takes_no_more() {
        let mut errands = Errands::start("test").unwrap();
        let (_, held) = hang(&errands, Nanos::ZERO);
        errands.turn(PATIENCE);
        drop(held);
        let (second, held) = hang(&errands, PATIENCE);
        drop(held);
        assert_eq!(answer(&second, PATIENCE), Ok(()));
        assert_eq!(errands.left_behind, 1);
    }

    #[test]
    fn too_many_are_refused_and_a_panic_is_told() {
        let mut errands = Errands::start("test").unwrap();
        let panicked = errands.send(Nanos::ZERO, PATIENCE, || assert_eq!(1, 2, "on purpose"));
        assert_eq!(answer(&panicked, Nanos::ZERO), Err(Missed::Panicked));
        let (_, _held) = hang(&errands, Nanos::ZERO);
        let waiting: Vec<_> =
            (0..MAX_WAITING).map(|n| errands.send(Nanos::ZERO, PATIENCE, move || n)).collect();
        let refused = errands.send(Nanos::ZERO, PATIENCE, || 1);
        assert_eq!(refused.poll(Nanos::ZERO), Some(Err(Missed::Refused)));
        errands.turn(PATIENCE);
        assert_eq!(answer(&waiting[MAX_WAITING - 1], Nanos::ZERO), Ok(MAX_WAITING - 1));
    }

    #[test]
    fn when_too_many_hang_it_is_said_once() {
        let mut errands = Errands::start("test").unwrap();
        let mut said = Vec::new();
        let mut hung = Vec::new();
        for n in 0..=MAX_LEFT_BEHIND as i64 {
            hung.push(hang(&errands, Nanos::secs(10 * n)));
            said.extend(errands.turn(Nanos::secs(10 * n) + PATIENCE));
        }
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("errands (test) hang"), "{said:?}");
    }
}
