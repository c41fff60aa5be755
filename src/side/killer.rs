//! The run's own end of a kill, on threads of its own: the side thread may hang, and no order rests all the
//! same. A kill comes over the socket, by SIGUSR1, by a file `KILL`, or by whoever else has latched the key
//! (`botmm kill` beside this process, the guard). Then the halt level is held at once, the latch is written,
//! and orders are cancelled over HTTPS, beside the order link, until none has been open for as long as one
//! on its way could still come to rest. It ends when a person re-arms, which removes the files.

use super::alert::{Alert, Topic};
use super::far::FarGuard;
use super::latch::Latch;
use super::task::{Task, Turn};
use crate::exit::AppError;
use crate::journal::line::{self, Line};
use crate::masked::masked;
use crate::stop::{Stop, count};
use crate::venue_api::account::Way;
use crate::venue_api::clear::{Effort, until_quiet};
use crate::venue_api::flatten::{FLATTEN_FOR, Flatten, flatten};
use crate::venue_api::sweep::Sweep;
use crate::when::utc;
use botmm_pipeline::rt::{Hold, LevelCell, WallClock};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How often the files are looked at, and how often it is looked whether there is something to do.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const TURN: Duration = Duration::from_millis(50);
/// What the order link can cancel by itself it may.
const FIRST_AFTER: Duration = Duration::from_millis(500);
/// A try to cancel that does not end begins anew after so long, over another connection.
const TRY: Duration = Duration::from_secs(30);
/// What the file is called whose presence kills, and where the others are that a person writes for the bot.
const KILL_FILE: &str = "KILL";
const DATA_DIR: &str = "data";

/// Files whose presence kills: beside the state, and beside the parameters that a person changes.
pub fn kill_files(state_dir: &Path) -> Vec<PathBuf> {
    vec![Path::new(DATA_DIR).join(KILL_FILE), state_dir.join(KILL_FILE)]
}

/// What it needs.
pub struct Armed {
    /// What it holds.
    pub level: Arc<LevelCell>,
    /// Where it is kept.
    pub latch: Latch,
    /// Files whose presence is a kill.
    pub files: Vec<PathBuf>,
    /// Tells of the signal.
    pub stop: Arc<Stop>,
    /// What the run trades.
    pub coins: Vec<String>,
    /// Its number.
    pub session: u32,
    /// Ways to the venue.
    pub way: Way,
    /// What was on its way is void after so long.
    pub quiet: Duration,
    /// A guard that keeps its latch elsewhere.
    pub far: Option<FarGuard>,
}

/// See the module. Clones are the same. Its threads end with the last of them that is no thread's.
#[derive(Clone)]
pub struct Killer(Arc<Shared>);

struct Shared {
    armed: Armed,
    /// Each thread takes a copy.
    clock: Mutex<WallClock>,
    state: Mutex<State>,
    is_over: AtomicBool,
}

/// How far it is.
#[derive(Default)]
struct State {
    /// When and why it was killed; [`None`] = it is not.
    why: Option<String>,
    /// The latch was seen on the disk: when it is there no more, a person has re-armed.
    is_kept: bool,
    /// What came of cancelling; [`None`] = it goes on.
    cleared: Option<Result<usize, String>>,
    /// For a person.
    to_say: Vec<Alert>,
}

impl Killer {
    /// Looks at the latch, so that a run which begins under one sends nothing, and goes on looking.
    ///
    /// # Errors
    /// It cannot be said whether the key is latched, or the system refuses a thread.
    pub fn start(armed: Armed, clock: WallClock) -> Result<Self, AppError> {
        let kept = armed.latch.read()?;
        let killer = Self(Arc::new(Shared {
            armed,
            clock: Mutex::new(clock),
            state: Mutex::default(),
            is_over: AtomicBool::new(false),
        }));
        if let Some(why) = kept {
            killer.0.armed.level.hold(Hold::Latched, true);
            let how = format!("nothing is quoted: {why}; `{}` ends that", killer.command());
            let mut state = killer.state();
            (state.why, state.is_kept) = (Some(why), true);
            state.to_say.push(Alert::critical(Topic::Risk, how));
        }
        let spawn = |name: &str, work: fn(&Killer)| {
            let killer = killer.clone();
            let thread = thread::Builder::new().name(name.to_owned());
            thread.spawn(move || work(&killer)).map_err(AppError::io("kill thread", "start"))
        };
        killer.look();
        spawn("latch", |killer| killer.every(LOOK_EVERY, Self::look))?;
        spawn("kill", |killer| killer.every(TURN, Self::act))?;
        Ok(killer)
    }

    /// Nothing rests or is sent from here on, until a person re-arms. Returns at once.
    pub fn kill(&self, why: &str) {
        let Armed { level, latch, .. } = &self.0.armed;
        level.hold(Hold::Latched, true);
        let now = self.clock().now();
        {
            let mut state = self.state();
            state.cleared = None;
            if state.why.is_some() {
                return;
            }
            state.why = Some(format!("killed at {} {why}", utc(now)));
            let told = format!("KILLED {why}: orders are cancelled; `{}` ends it", latch.command());
            state.to_say.push(Alert::critical(Topic::Risk, told));
        }
        match latch.set(now, why) {
            Ok(()) => self.state().is_kept = true,
            Err(e) => {
                let told = format!("{e}: it holds until this run ends, and the next one quotes");
                self.state().to_say.push(Alert::critical(Topic::Risk, told));
            }
        }
    }

    /// Closes the positions of this run's coins, on this thread; to be called once nothing rests.
    ///
    /// # Errors
    /// What is left.
    pub fn flatten(&self, within_bps: u32) -> Result<(), AppError> {
        let mut venue = Sweep::of((self.0.armed.way)()?, self.clock());
        let Armed { coins, session, .. } = &self.0.armed;
        let how = Flatten::new(Some(coins.clone()), within_bps, FLATTEN_FOR);
        let how = Flatten { session: Some(*session), ..how };
        let mut say = |said: String| self.state().to_say.push(Alert::info(Topic::Orders, said));
        let stopped = || self.is_over() || self.why().is_none();
        flatten(&mut venue, &how, &stopped, &mut say)
    }

    /// When and why nothing is quoted; [`None`] = it was not killed.
    pub fn why(&self) -> Option<String> {
        self.state().why.clone()
    }

    /// What came of cancelling, once that is known: how many orders, or what is left.
    pub fn cleared(&self) -> Option<Result<usize, String>> {
        self.state().cleared.clone()
    }

    /// What was on its way is void after so long.
    pub fn quiet(&self) -> Duration {
        self.0.armed.quiet
    }

    /// The command that ends it.
    pub fn command(&self) -> &str {
        self.0.armed.latch.command()
    }

    /// There is nothing to look after any more.
    pub fn end(&self) {
        self.0.is_over.store(true, Ordering::Release);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clock(&self) -> WallClock {
        self.0.clock.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_over(&self) -> bool {
        self.0.is_over.load(Ordering::Acquire)
    }

    fn every(&self, pause: Duration, work: fn(&Self)) {
        while !self.is_over() {
            work(self);
            thread::sleep(pause);
        }
    }

    /// Looks at the files. What cannot be said changes nothing.
    fn look(&self) {
        let Armed { level, latch, files, far, .. } = &self.0.armed;
        for file in files.iter().filter(|file| file.symlink_metadata().is_ok()) {
            if self.why().is_none() {
                self.kill(&format!("by the file {}", file.display()));
            }
        }
        // One that is written meanwhile is none that was there and is gone.
        let was_kept = self.state().is_kept;
        let found = latch.read();
        let mut state = self.state();
        match found {
            Ok(Some(why)) if state.why.is_none() => {
                level.hold(Hold::Latched, true);
                let told = format!("{why}: orders are cancelled; `{}` ends it", latch.command());
                state.to_say.push(Alert::critical(Topic::Risk, told));
                (state.why, state.is_kept, state.cleared) = (Some(why), true, None);
            }
            Ok(None) if was_kept && state.is_kept => {
                (state.why, state.is_kept, state.cleared) = (None, false, None);
                level.hold(Hold::Latched, false);
                let told = "re-armed by hand: the kill is over, quoting again";
                state.to_say.push(Alert::info(Topic::Risk, told));
            }
            _ => {}
        }
        drop(state);
        if far.as_ref().is_none_or(FarGuard::may_go_on) {
            level.looked();
        }
    }

    /// Takes the signal's request, and cancels what is to be cancelled.
    fn act(&self) {
        if self.0.armed.stop.take_kill() {
            self.kill("by SIGUSR1");
        }
        let is_due = {
            let state = self.state();
            state.why.is_some() && !matches!(state.cleared, Some(Ok(_)))
        };
        if !is_due {
            return;
        }
        let Armed { way, quiet, .. } = &self.0.armed;
        let effort = Effort { first_after: FIRST_AFTER, ..Effort::new(*quiet, *quiet + TRY) };
        let mut say = |said: String| {
            let told = format!("killed, and an order may rest: {said}");
            self.state().to_say.push(Alert::critical(Topic::Orders, told));
        };
        let stopped = || self.is_over() || self.why().is_none();
        let came_to = way().and_then(|venue| {
            let mut venue = Sweep::of(venue, self.clock());
            until_quiet(&mut venue, effort, &stopped, &mut say)
        });
        let mut state = self.state();
        if state.why.is_none() {
            return; // A person was faster.
        }
        state.to_say.push(match &came_to {
            Ok(cancelled) => {
                let many = count(*cancelled as u64);
                Alert::warn(Topic::Orders, format!("killed: {many} cancelled, none rests"))
            }
            Err(e) => Alert::critical(Topic::Orders, e.to_string()),
        });
        state.cleared = Some(came_to.map_err(|e| e.to_string()));
    }
}

impl Task for Killer {
    fn name(&self) -> &'static str {
        "kill"
    }

    /// Says what its threads have to say.
    fn turn(&mut self, turn: &mut Turn<'_>) {
        let said = std::mem::take(&mut self.state().to_say);
        for alert in said {
            let (time, words) = (utc(turn.now), masked(&alert.text).into_owned());
            turn.out.lines.push(Line::Alert(line::Alert { time, coin: None, alert: words }));
            turn.say(alert);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use botmm_pipeline::rt::HaltLevel;
    use botmm_pipeline::types::Nanos;
    use botmm_pipeline::venue::hl::sign::Address;
    use std::time::Instant;
    use tempfile::TempDir;

    /// A killer that reaches no venue.
    fn killer(dir: &TempDir) -> Killer {
        let armed = Armed {
            level: Arc::default(),
            latch: Latch::new(dir.path(), Address::new([7; 20])),
            files: vec![dir.path().join(KILL_FILE)],
            stop: Arc::default(),
            coins: Vec::new(),
            session: 1,
            way: Arc::new(|| Err(AppError::data("venue", "out of reach", "wait"))),
            quiet: Duration::ZERO,
            far: None,
        };
        Killer::start(armed, WallClock::default()).unwrap()
    }

    /// A hang guard, no measure.
    fn until(killer: &Killer, is_so: impl Fn(&Killer) -> bool) {
        let begun = Instant::now();
        while !is_so(killer) {
            assert!(begun.elapsed() < Duration::from_secs(60), "it never came");
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn level(killer: &Killer) -> HaltLevel {
        killer.0.armed.level.get()
    }

    #[test]
    fn every_way_to_kill_holds_and_latches_until_a_person_re_arms() {
        let dir = TempDir::new().unwrap();
        let killer = killer(&dir);
        let latch = killer.0.armed.latch.clone();
        let file = dir.path().join(KILL_FILE);
        type Way<'a> = (&'a str, Box<dyn Fn() + 'a>);
        let ways: [Way<'_>; 3] = [
            ("by a person", Box::new(|| killer.kill("by a person"))),
            ("by the guard", Box::new(|| latch.set(Nanos::secs(9), "by the guard").unwrap())),
            ("by the file", Box::new(|| std::fs::write(&file, "").unwrap())),
        ];
        for (why, way) in ways {
            assert_eq!((level(&killer), killer.why()), (HaltLevel::Run, None));
            way();
            until(&killer, |k| k.why().is_some());
            assert_eq!(level(&killer), HaltLevel::Halt);
            assert!(killer.why().unwrap().contains(why), "{:?}", killer.why());
            until(&killer, |_| latch.read().unwrap().is_some());
            until(&killer, |k| k.cleared().is_some_and(|c| c.is_err()));
            // What a person does to end it.
            let _ = std::fs::remove_file(&file);
            until(&killer, |k| k.state().is_kept);
            assert!(latch.clear().unwrap());
            until(&killer, |k| k.why().is_none());
        }
        assert_eq!(level(&killer), HaltLevel::Run);
        killer.end();
    }

    #[test]
    fn a_run_that_begins_latched_sends_nothing_and_says_so() {
        let dir = TempDir::new().unwrap();
        let latch = Latch::new(dir.path(), Address::new([7; 20]));
        latch.set(Nanos::secs(9), "by hand").unwrap();
        let killer = killer(&dir);
        assert_eq!(level(&killer), HaltLevel::Halt);
        let said = killer.state().to_say[0].text.clone();
        assert!(said.contains("by hand") && said.contains("botmm rearm --state"), "{said}");
        killer.end();
    }

    /// Where the latch cannot be written the kill holds all the same, and only this run.
    #[test]
    fn a_folder_that_is_gone_lets_go_of_nothing() {
        let dir = TempDir::new().unwrap();
        let killer = killer(&dir);
        let path = dir.path().to_owned();
        killer.kill("by a person");
        until(&killer, |k| k.state().is_kept);
        std::fs::rename(&path, path.with_extension("away")).unwrap();
        let looks = killer.0.armed.level.looks();
        until(&killer, |k| k.0.armed.level.looks() > looks + 3);
        assert_eq!(level(&killer), HaltLevel::Halt);
        std::fs::rename(path.with_extension("away"), &path).unwrap();
        killer.end();
    }
}
