//! A process that a drill starts, and what it says. It ends with the drill.

use crate::exit::AppError;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::Nanos;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// No file may grow beyond this: what is written in place (beats) still is, all else fails, as on a full disk.
const FULL_BYTES: u64 = 64;

type Lines = Arc<Mutex<Vec<(Nanos, String)>>>;

/// See the module.
pub struct Process {
    child: Child,
    said: Lines,
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    /// The system refuses.
    pub fn start(mut command: Command, clock: &WallClock) -> Result<Self, AppError> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(AppError::io("botmm", "start"))?;
        let said = Lines::default();
        let pipes: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|pipe| Box::new(pipe) as _),
            child.stderr.take().map(|pipe| Box::new(pipe) as _),
        ];
        for pipe in pipes.into_iter().flatten() {
            let (said, clock) = (said.clone(), clock.clone());
            thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    said.lock().unwrap_or_else(PoisonError::into_inner).push((clock.now(), line));
                }
            });
        }
        Ok(Self { child, said })
    }

    /// Whether it has.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Signals one that has not ended.
    ///
    /// # Errors
    /// The system refuses.
    pub fn signal(&mut self, signal: Signal) -> Result<(), AppError> {
        if self.has_ended() {
            return Ok(());
        }
        let sent = kill_process(Pid::from_child(&self.child), signal);
        sent.map_err(|e| AppError::io("botmm", "signal")(e.into()))
    }

    /// From now on no file of its grows.
    ///
    /// # Errors
    /// The system refuses.
    pub fn finds_the_disk_full(&self) -> Result<(), AppError> {
        let limit = Rlimit { current: Some(FULL_BYTES), maximum: Some(FULL_BYTES) };
        let set = prlimit(Some(Pid::from_child(&self.child)), Resource::Fsize, limit);
        set.map(drop).map_err(|e| AppError::io("botmm", "limit the files of")(e.into()))
    }

    /// When it first said something with these words.
    pub fn said(&self, words: &str) -> Option<Nanos> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().find(|(_, line)| line.contains(words)).map(|(at, _)| *at)
    }

    /// Its newest line.
    pub fn last_word(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.last().map_or_else(|| "it said nothing".to_owned(), |(_, line)| line.clone())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
