//! What a running bot says to a person, written by a thread of its own: a terminal that takes nothing
//! (Ctrl-S, a pipe that nobody reads) holds no turn of the side thread up. What comes meanwhile waits, up
//! to a bound; of pictures only the newest.

use crate::exit::AppError;
use crate::terminal;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Lines that wait at most; what comes then is dropped, counted, and told when there is room again.
const MOST_WAITING: usize = 256;

/// There is one terminal a process.
static SPEAKER: Speaker = Speaker { waiting: Mutex::new(Waiting::new()), changed: Condvar::new() };

enum Said {
    Complaint(String),
    Line(String),
}

struct Waiting {
    said: VecDeque<Said>,
    picture: Option<String>,
    dropped: u64,
    /// The thread is there, and at work on something that waits here no more.
    has_thread: bool,
    is_writing: bool,
}

struct Speaker {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

/// Starts the thread. What is said before that, or without it, is written by whoever says it.
///
/// # Errors
/// The system refuses a thread.
pub fn start() -> Result<(), AppError> {
    if std::mem::replace(&mut SPEAKER.lock().has_thread, true) {
        return Ok(());
    }
    let thread = std::thread::Builder::new().name("speaker".to_owned());
    let started = thread.spawn(|| SPEAKER.write_for_ever());
    started.map(drop).map_err(AppError::io("speaker thread", "start"))
}

/// As [`terminal::complain`].
pub fn complain(line: impl Into<String>) {
    SPEAKER.take(Said::Complaint(line.into()));
}

/// As [`terminal::print`], a line.
pub fn print(line: impl Into<String>) {
    SPEAKER.take(Said::Line(line.into()));
}

/// As [`terminal::draw`].
pub fn draw(picture: String) {
    let mut waiting = SPEAKER.lock();
    if !waiting.has_thread {
        drop(waiting);
        return terminal::draw(&picture);
    }
    waiting.picture = Some(picture);
    SPEAKER.changed.notify_all();
}

/// Waits until all has been written, but no longer than this. Whether it was; if not, whoever writes to
/// the terminal waits too.
pub fn settle(within: Duration) -> bool {
    let is_busy = |waiting: &mut Waiting| waiting.is_writing || !waiting.is_empty();
    let waited = SPEAKER.changed.wait_timeout_while(SPEAKER.lock(), within, is_busy);
    !is_busy(&mut waited.unwrap_or_else(PoisonError::into_inner).0)
}

impl Waiting {
    const fn new() -> Self {
        Self {
            said: VecDeque::new(),
            picture: None,
            dropped: 0,
            has_thread: false,
            is_writing: false,
        }
    }

    fn is_empty(&self) -> bool {
        self.said.is_empty() && self.picture.is_none()
    }

    fn push(&mut self, said: Said) {
        match self.said.len() < MOST_WAITING {
            true => self.said.push_back(said),
            false => self.dropped += 1,
        }
    }
}

impl Speaker {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, said: Said) {
        let mut waiting = self.lock();
        if !waiting.has_thread {
            drop(waiting);
            return write(said);
        }
        waiting.push(said);
        self.changed.notify_all();
    }

    fn write_for_ever(&self) {
        loop {
            let mut waiting = self.lock();
            while waiting.is_empty() {
                waiting.is_writing = false;
                self.changed.notify_all();
                waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            waiting.is_writing = true;
            let said = std::mem::take(&mut waiting.said);
            let picture = waiting.picture.take();
            let dropped = std::mem::take(&mut waiting.dropped);
            drop(waiting);
            said.into_iter().for_each(write);
            if dropped > 0 {
                terminal::complain(format_args!(
                    "{dropped} lines were not said: stdout or stderr took nothing for a while"
                ));
            }
            picture.iter().for_each(|picture| terminal::draw(picture));
        }
    }
}

fn write(said: Said) {
    match said {
        Said::Complaint(line) => terminal::complain(line),
        Said::Line(line) => drop(terminal::print(&format!("{line}\n"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_and_the_oldest_stays() {
        let mut waiting = Waiting::new();
        for i in 0..MOST_WAITING + 3 {
            waiting.push(Said::Line(i.to_string()));
        }
        assert_eq!((waiting.said.len(), waiting.dropped), (MOST_WAITING, 3));
        assert!(matches!(waiting.said.front(), Some(Said::Line(first)) if first == "0"));
    }
}
