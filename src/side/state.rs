//! What a live run must know of the runs before it, in `DIR/ADDRESS.json`: the nonce that the next
//! signature must exceed, and the number that tells this run's order ids from every other's. One
//! process a key: the file beside it is locked while the run lives.

use super::alert::{Alert, Topic};
use super::task::{Task, Turn, Writing};
use crate::exit::AppError;
use crate::files::{self, Readers, make_folder, write_whole};
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::sign::{Address, Nonce};
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// Nonces are kept this far ahead of the last one used, so that none is used twice although the
/// file is written now and then only, and a process may be killed in between. They are
/// milliseconds: this is how far the venue's time may seem to be ahead after a restart.
const NONCE_MARGIN_MS: u64 = 60_000;
/// Two processes beside a run begin somewhere within so much of each other.
const NONCES_APART_MS: u64 = 2_000;
/// How often the file is written, at most.
const WRITE_EVERY: Nanos = Nanos::secs(5);
/// No state is longer.
const MAX_STATE_BYTES: u64 = 64 << 10;

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// No nonce up to this one may be used again.
    nonce_reserved: u64,
    /// Number of the newest run.
    session: u32,
    /// It ended in good order: nothing of it is on its way to the venue.
    #[serde(default)]
    ended: bool,
}

/// See the module.
pub struct RunState {
    path: PathBuf,
    kept: Kept,
    was_killed: bool,
    nonce: Nonce,
    next_write: Nanos,
    writing: Writing,
    /// Locked as long as this lives.
    _lock: File,
}

impl RunState {
    /// Takes the key's state over for a run that starts `now`. Fails when another process runs with
    /// this key, or the state cannot be read or written.
    pub fn open(dir: &Path, signer: Address, now: Nanos) -> Result<Self, AppError> {
        make_folder(dir, Readers::Owner)?;
        let lock = lock(dir, signer)?;
        files::remove_leftovers(dir, &format!("{signer}."));
        let path = dir.join(format!("{signer}.json"));
        let before = read(&path)?;
        let seconds = u32::try_from(now.0 / 1_000_000_000).unwrap_or(0);
        let next = before.session.checked_add(1).ok_or_else(|| used_up(&path))?;
        let session = seconds.max(next);
        let nonce = Nonce::after(before.used_up_to(now));
        let mut state = Self {
            path,
            kept: Kept { nonce_reserved: before.nonce_reserved, session, ended: false },
            was_killed: before.session > 0 && !before.ended,
            nonce,
            next_write: Nanos::ZERO,
            writing: Writing::default(),
            _lock: lock,
        };
        state.reserve(now);
        state.kept.write_to(&state.path)?;
        Ok(state)
    }

    /// The counter that everybody who signs with this key draws from.
    pub fn nonce(&self) -> Nonce {
        self.nonce.clone()
    }

    /// Part of every order id of this run.
    pub fn session(&self) -> u32 {
        self.kept.session
    }

    /// Whether the run before this one ended without a word: what it sent last may still be on its
    /// way.
    pub fn was_killed(&self) -> bool {
        self.was_killed
    }

    fn reserve(&mut self, now: Nanos) {
        self.next_write = now + WRITE_EVERY;
        self.kept.nonce_reserved = self.nonce.last().max(milliseconds(now)) + NONCE_MARGIN_MS;
    }

    /// The run is over: no more is reserved than was used.
    pub fn finish(mut self) -> Result<(), AppError> {
        self.writing.wait();
        self.kept.nonce_reserved = self.nonce.last();
        self.kept.ended = true;
        self.kept.write_to(&self.path)
    }
}

impl Task for RunState {
    fn name(&self) -> &'static str {
        "run state"
    }

    /// Writes the file when it is time to. Nonces are reserved ahead: a full disk need not stop trading,
    /// but must be told of.
    fn turn(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        let said = self.writing.turn(now);
        if self.writing.is_free() && now >= self.next_write {
            self.reserve(now);
            let (kept, path) = (self.kept, self.path.clone());
            self.writing.begin(now, &turn.workers.files, move || kept.write_to(&path));
        }
        said.into_iter().for_each(|said| turn.say(Alert::warn(Topic::Machine, said)));
    }
}

/// Nonces for a process that signs with the key of a run beside it, without its lock: above all that were
/// used, and none of them the run's. Of two such processes at once one may find that the other was first,
/// and tries again.
///
/// # Errors
/// The state cannot be read.
pub fn nonce_beside(dir: &Path, signer: Address, now: Nanos) -> Result<Nonce, AppError> {
    let kept = read(&dir.join(format!("{signer}.json")))?;
    let apart_ms = u64::from(rand::random::<u16>()) % NONCES_APART_MS;
    Ok(Nonce::beside(kept.used_up_to(now).max(milliseconds(now)) + apart_ms))
}

fn milliseconds(now: Nanos) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(0)
}

impl Kept {
    /// No nonce up to this one may be used again. A reservation that lies in the past costs nothing; one
    /// ahead of the clock is respected, up to a bound.
    fn used_up_to(&self, now: Nanos) -> u64 {
        self.nonce_reserved.min(milliseconds(now) + 10 * NONCE_MARGIN_MS)
    }

    fn write_to(&self, path: &Path) -> Result<(), AppError> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| AppError::io(path, "write")(e.into()))?;
        write_whole(path, (text + "\n").as_bytes(), Readers::Owner)
    }
}

fn lock(dir: &Path, signer: Address) -> Result<File, AppError> {
    let path = lock_path(dir, signer);
    try_lock(dir, signer)?.ok_or_else(|| {
        AppError::data(
            path.display().to_string(),
            "another botmm runs with this key",
            "stop it first, or approve another agent key for this one: two processes with one key \
             use each other's nonces",
        )
    })
}

/// Takes a key's state for as long as the file lives; [`None`] = a process that runs has it.
pub fn try_lock(dir: &Path, signer: Address) -> Result<Option<File>, AppError> {
    let path = lock_path(dir, signer);
    let file = files::open_lock(&path).map_err(AppError::io(path.as_path(), "open"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(AppError::io(path, "lock")(e)),
    }
}

fn lock_path(dir: &Path, signer: Address) -> PathBuf {
    dir.join(format!("{signer}.lock"))
}

fn read(path: &Path) -> Result<Kept, AppError> {
    let text =
        files::read_text_if_any(path, MAX_STATE_BYTES).map_err(AppError::io(path, "read"))?;
    let Some(text) = text else { return Ok(Kept::default()) };
    serde_json::from_str(&text).map_err(|e| {
        AppError::data(
            path.display().to_string(),
            format!("not the state of a run: {e}"),
            "move the file away; nonces then begin with this machine's clock, which must be right",
        )
    })
}

/// No run may have the number of another: their orders would be taken for each other's.
fn used_up(path: &Path) -> AppError {
    AppError::data(
        path.display().to_string(),
        format!("`session` is {}, the last number that a run can have", u32::MAX),
        "set it to 0 in that file, and leave the rest: run numbers then begin with this machine's clock, \
         which must be right",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &Path, now_s: i64) -> Result<RunState, AppError> {
        RunState::open(dir, Address::new([7; 20]), Nanos::secs(now_s))
    }

    #[test]
    fn nonces_and_sessions_never_come_back_whatever_the_clock_and_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path(), 1_000).unwrap();
        let used = first.nonce().next(Nanos::secs(1_000));
        let session = first.session();
        drop(first); // As if it were killed: nothing more was written.
        let second = open(dir.path(), 990).unwrap();
        assert!(second.nonce().next(Nanos::secs(990)) > used);
        assert!(second.session() > session && second.was_killed());
        let last = second.nonce().last();
        second.finish().unwrap();
        let third = open(dir.path(), 2_000).unwrap();
        assert!(!third.was_killed());
        assert_eq!(third.nonce().next(Nanos::secs(2_000)), 2_000_000.max(last + 2));
    }

    /// A run that was killed and begun again draws from what was reserved, ahead of the clock: one beside it
    /// must be above that, or a venue that has seen a hundred of them finds its nonce too low.
    #[test]
    fn nonces_beside_a_run_are_above_all_of_it_and_odd() {
        let (dir, key) = (tempfile::tempdir().unwrap(), Address::new([7; 20]));
        let now = Nanos::secs(1_000);
        let beside = || nonce_beside(dir.path(), key, now).unwrap().next(now);
        assert!((1_000_000..1_002_002).contains(&beside()), "no run was ever there");
        drop(open(dir.path(), 1_000).unwrap());
        let run = open(dir.path(), 1_000).unwrap();
        let used = run.nonce().next(now);
        assert!(used > 1_060_000 && beside() > used && beside() % 2 == 1);
    }

    #[test]
    fn a_run_number_is_never_used_twice() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("{}.json", Address::new([7; 20])));
        std::fs::write(&path, "{\"nonce_reserved\": 5, \"session\": 4294967295}").unwrap();
        let error = open(dir.path(), 1_000).err().unwrap().to_string();
        assert!(error.contains("`session` is 4294967295, the last number"), "{error}");
        assert!(error.contains("set it to 0 in that file"), "{error}");
        std::fs::write(&path, "{\"nonce_reserved\": 5, \"session\": 4294967294}").unwrap();
        assert_eq!(open(dir.path(), 1_000).unwrap().session(), u32::MAX);
    }

    #[test]
    fn the_state_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        drop(open(&state, 1_000).unwrap());
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&state), 0o700);
        for entry in std::fs::read_dir(&state).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
    }

    #[test]
    fn one_process_a_key() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path(), 1_000).unwrap();
        let error = open(dir.path(), 1_001).err().unwrap().to_string();
        assert!(error.contains("another botmm runs with this key"), "{error}");
        drop(first);
        assert!(open(dir.path(), 1_002).is_ok());
    }

    #[test]
    fn a_broken_state_is_named_and_not_guessed() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path(), 1_000).unwrap());
        let path = dir.path().join(format!("{}.json", Address::new([7; 20])));
        std::fs::write(&path, "{\"nonce_res").unwrap();
        let error = open(dir.path(), 1_001).err().unwrap().to_string();
        assert!(error.contains("move the file away"), "{error}");
    }
}
