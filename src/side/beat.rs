//! The run's heartbeat, for a guard in another process: the file `DIR/ADDRESS.beat`, written in place. A beat
//! is a proof of progress and no sign of life alone: it comes only when every lane has gone round, and the side
//! thread has had a turn, since the one before. So a lane or a side thread that stands, and a process that is
//! stopped or dead, stop it alike.

use super::progress::Progress;
use crate::exit::AppError;
use crate::files;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::sign::Address;
use std::fmt;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Several in the shortest time after which a guard acts.
const BEAT_EVERY: Duration = Duration::from_millis(200);
/// What is written is as long each time: there is never half of an older one behind it.
const BYTES: usize = 64;

/// What the run is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// It trades: beats come, or it is dead.
    Trades,
    /// It has begun after one that ended in good order, or it stopped for a while or has ended, and none of
    /// its orders rests: no beats are due.
    Rests,
}

/// What is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// The run's number.
    pub session: u32,
    /// Rises with each beat.
    pub count: u64,
    /// Whether more are due.
    pub at: At,
}

impl Beat {
    fn path(dir: &Path, signer: Address) -> PathBuf {
        dir.join(format!("{signer}.beat"))
    }

    fn text(&self) -> String {
        format!("{:<width$}\n", self.to_string(), width = BYTES - 1)
    }

    /// Leaves it for a guard, as its run would.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, dir: &Path, signer: Address) -> Result<(), AppError> {
        let path = Self::path(dir, signer);
        let file = files::open_lock(&path).map_err(AppError::io(&path, "open"))?;
        file.write_all_at(self.text().as_bytes(), 0).map_err(AppError::io(&path, "write"))
    }

    /// What a text says; [`None`] = it is no beat.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let mut after = |word| (words.next()? == word).then(|| words.next())?;
        let (session, count) = (after("run")?.parse().ok()?, after("beat")?.parse().ok()?);
        let at = match words.next()? {
            "trades" => At::Trades,
            "rests" => At::Rests,
            _ => return None,
        };
        Some(Self { session, count, at })
    }

    /// The newest of a key's run; [`None`] = there was none, or what is there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(dir: &Path, signer: Address) -> Result<Option<Self>, AppError> {
        let path = Self::path(dir, signer);
        match files::read_text(&path, BYTES as u64) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::InvalidData) => Ok(None),
            Err(e) => Err(AppError::io(path, "read")(e)),
        }
    }
}

impl fmt::Display for Beat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.at == At::Trades { "trades" } else { "rests" };
        write!(f, "run {} beat {} {at}", self.session, self.count)
    }
}

/// Writes the beats of a run, on a thread of its own. Clones are the same.
#[derive(Clone)]
pub struct Heart(Arc<Mutex<State>>);

struct State {
    file: File,
    beat: Beat,
    /// What was proved at the last beat.
    proved: Nanos,
    /// None is due.
    is_resting: bool,
    is_over: bool,
}

impl Heart {
    /// Of a run whose lanes go. The first beat comes with the first proof.
    ///
    /// # Errors
    /// The file cannot be written, or the system refuses a thread.
    pub fn start(
        dir: &Path,
        signer: Address,
        session: u32,
        progress: Progress,
    ) -> Result<Self, AppError> {
        let path = Beat::path(dir, signer);
        let file = files::open_lock(&path).map_err(AppError::io(&path, "open"))?;
        // What a run that was killed has left may rest until this one has seen to it.
        let at = Beat::read(dir, signer).ok().flatten().map_or(At::Rests, |earlier| earlier.at);
        let beat = Beat { session, count: 0, at };
        let heart = Self(Arc::new(Mutex::new(State {
            file,
            beat,
            proved: Nanos::ZERO,
            is_resting: false,
            is_over: false,
        })));
        heart.with(State::write).map_err(AppError::io(&path, "write"))?;
        let own = heart.clone();
        let beats = move || {
            while !own.with(|state| state.is_over) {
                let proof = progress.proof().process();
                own.with(|state| state.beat(proof));
                thread::sleep(BEAT_EVERY);
            }
        };
        let thread = thread::Builder::new().name("heart".to_owned());
        thread.spawn(beats).map_err(AppError::io(path, "beat"))?;
        Ok(heart)
    }

    /// None of its orders rests, and for a while none will: no beats are due until it goes on.
    pub fn rest(&self) {
        self.with(|state| {
            (state.beat.at, state.is_resting) = (At::Rests, true);
            let _ = state.write(); // Then the guard looks after it: that costs nothing.
        });
    }

    /// It trades again: with the next proof beats are due.
    pub fn go_on(&self) {
        self.with(|state| state.is_resting = false);
    }

    /// The newest one.
    pub fn newest(&self) -> Beat {
        self.with(|state| state.beat)
    }

    /// None comes any more.
    pub fn is_over(&self) -> bool {
        self.with(|state| state.is_over)
    }

    /// It is over, and none of its orders rests.
    pub fn end(&self) {
        self.rest();
        self.with(|state| state.is_over = true);
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn beat(&mut self, proof: Nanos) {
        if proof > self.proved && !self.is_resting {
            self.proved = proof;
            self.beat.count += 1;
            self.beat.at = At::Trades;
            let _ = self.write(); // One that cannot be written is one that is missing.
        }
    }

    fn write(&mut self) -> std::io::Result<()> {
        self.file.write_all_at(self.beat.text().as_bytes(), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::side::progress::tests::Bench;
    use std::time::Instant;

    const KEY: Address = Address::new([7; 20]);

    #[test]
    fn it_is_read_as_it_was_written_and_rubbish_is_none() {
        let beat = Beat { session: u32::MAX, count: u64::MAX, at: At::Trades };
        let text = beat.text();
        assert_eq!((text.len(), Beat::parse(&text)), (BYTES, Some(beat)));
        for rubbish in ["", "run", "run 1 beat x trades", "run 1 beat 2", "run 1 beat 2 sleeps"] {
            assert_eq!(Beat::parse(rubbish), None);
        }
    }

    /// Killed before its first beat, too, it has left what the run before it left.
    #[test]
    fn one_that_begins_after_a_killed_one_owes_beats_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let at = || Beat::read(dir.path(), KEY).unwrap().unwrap().at;
        let begin = |session| {
            let bench = Bench::new();
            (Heart::start(dir.path(), KEY, session, bench.progress.clone()).unwrap(), bench)
        };
        let (first, bench) = begin(1);
        assert_eq!(at(), At::Rests, "there was none before");
        bench.lanes_go(Nanos::secs(1));
        while at() != At::Trades {
            thread::sleep(Duration::from_millis(2));
        }
        let (second, _) = begin(2);
        assert_eq!(at(), At::Trades);
        second.end();
        drop(first);
        let (_third, _) = begin(3);
        assert_eq!(at(), At::Rests, "that one ended in good order");
    }

    #[test]
    fn it_beats_while_every_lane_goes_and_not_a_moment_longer() {
        let dir = tempfile::tempdir().unwrap();
        let bench = Bench::new();
        let read = || Beat::read(dir.path(), KEY).unwrap();
        assert_eq!(read(), None);
        let heart = Heart::start(dir.path(), KEY, 5, bench.progress.clone()).unwrap();
        let until = |is_so: &dyn Fn(Beat) -> bool| {
            let begun = Instant::now();
            while !read().is_some_and(is_so) {
                assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", read());
                thread::sleep(Duration::from_millis(2));
            }
        };
        assert_eq!(read(), Some(Beat { session: 5, count: 0, at: At::Rests }));
        bench.lanes_go(Nanos::secs(1));
        until(&|beat| beat.count == 1 && beat.at == At::Trades);
        bench.lanes[0].store(Nanos::secs(9).0 as u64, std::sync::atomic::Ordering::Relaxed);
        thread::sleep(3 * BEAT_EVERY);
        assert_eq!(read().unwrap().count, 1, "one lane stands");
        bench.lanes_go(Nanos::secs(10));
        until(&|beat| beat.count == 2);
        bench.lanes_go(Nanos::secs(20));
        until(&|beat| beat.count == 3);
        bench.progress.side_turns(Nanos::secs(20));
        for lane in &bench.lanes {
            lane.store(Nanos::secs(25).0 as u64, std::sync::atomic::Ordering::Relaxed);
        }
        thread::sleep(3 * BEAT_EVERY);
        assert_eq!(read().unwrap().count, 3, "the side thread stands");
        heart.rest();
        bench.lanes_go(Nanos::millis(25_500));
        thread::sleep(2 * BEAT_EVERY);
        assert_eq!(read().unwrap().at, At::Rests, "stopped for a while, with nothing that rests");
        heart.go_on();
        until(&|beat| beat.count == 4 && beat.at == At::Trades);
        heart.end();
        bench.lanes_go(Nanos::secs(26));
        thread::sleep(3 * BEAT_EVERY);
        assert_eq!(read(), Some(Beat { session: 5, count: 4, at: At::Rests }));
    }
}
