//! The run's side of the guard: starts one unless another holds the key's guard lock, and says whether that
//! rung is armed.

use super::alert::{Alert, Topic};
use super::beat::Beat;
use super::errands::Pending;
use super::far::FarGuard;
use super::task::{FILE_PATIENCE, Task, Turn};
use crate::exit::AppError;
use crate::files;
use crate::keys::Role;
use crate::rungs::Rung;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::sign::Address;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often it is looked whether there is one.
const LOOK_EVERY: Nanos = Nanos::secs(1);
/// One that ended is started again after this.
const AGAIN: Nanos = Nanos::secs(10);

/// The file that a guard of a bot's key has locked.
pub fn lock_path(dir: &Path, key: Address) -> PathBuf {
    dir.join(format!("{key}.guard"))
}

/// Whether a guard looks after a key.
///
/// # Errors
/// The lock cannot be looked at.
pub fn is_guarded(dir: &Path, key: Address) -> Result<bool, AppError> {
    let path = lock_path(dir, key);
    let file = files::open_lock(&path).map_err(AppError::io(&path, "open"))?;
    Ok(file.try_lock().is_err())
}

/// See the module.
pub struct GuardRung {
    dir: PathBuf,
    key: Address,
    /// There is a key for a guard, so one is started; how long it waits for a beat.
    timeout: Option<Duration>,
    /// Orders that nobody cancels cost somebody something.
    is_needed: bool,
    /// One on another host.
    far: Option<FarGuard>,
    far_is_armed: Option<bool>,
    /// It should have been reached by then.
    far_due: Option<Nanos>,
    child: Option<Child>,
    under_way: Option<UnderWay>,
    next_look: Nanos,
    next_start: Nanos,
    is_armed: Option<bool>,
}

/// What a worker does just now: the disk may hang.
enum UnderWay {
    Look(Pending<Result<bool, AppError>>),
    Start(Pending<Result<Child, AppError>>),
}

impl GuardRung {
    /// Of a run with a key. `timeout`: one is started when there is none, and acts after so long.
    /// `is_needed`: its absence is worth a word.
    pub fn new(
        dir: &Path,
        key: Address,
        timeout: Option<Duration>,
        is_needed: bool,
        far: Option<FarGuard>,
    ) -> Self {
        let (next_look, next_start) = (Nanos::ZERO, Nanos::ZERO);
        let (child, is_armed) = (None, None);
        Self {
            dir: dir.to_owned(),
            key,
            timeout,
            is_needed,
            far,
            far_is_armed: None,
            far_due: None,
            child,
            under_way: None,
            next_look,
            next_start,
            is_armed,
        }
    }

    /// Whether a guard looked after this run when that was last looked at.
    pub fn rung(&self) -> Rung {
        let far_is_armed = self.far.as_ref().is_some_and(|far| far.trouble().is_none());
        match (self.is_armed, self.timeout, self.is_needed) {
            _ if far_is_armed => Rung::ARMED,
            (Some(true), ..) => Rung::ARMED,
            (_, _, false) => Rung::not_armed("the exchange ends with this process"),
            (_, None, _) => Rung::not_armed(format!("no key ({})", Role::Guard.variable())),
            (None, Some(_), _) => Rung::not_armed("it begins"),
            (Some(false), Some(_), _) => Rung::not_armed("it ended"),
        }
    }

    /// Until the one on another host has heard that beat, or for a moment: then it takes the silence for a
    /// death.
    pub fn wait_until_told(&self, beat: Beat) {
        if let Some(far) = &self.far {
            far.wait_until_told(beat);
        }
    }

    /// What is to be said of the one on another host.
    fn tell_far(&mut self, turn: &mut Turn<'_>) {
        let Some(far) = &self.far else { return };
        let trouble = far.trouble();
        // Until it was reached for the first time it gets a moment.
        let due = *self.far_due.get_or_insert(turn.now + AGAIN);
        let is_known = self.far_is_armed.is_some() || trouble.is_none() || turn.now >= due;
        if !is_known || self.far_is_armed.replace(trouble.is_none()) == Some(trouble.is_none()) {
            return;
        }
        let at = far.at();
        turn.say(match trouble {
            None => Alert::info(Topic::Rung, format!("guard at {at}: armed")),
            Some(why) => Alert::critical(
                Topic::Rung,
                format!(
                    "guard at {at}: out of reach ({why}): where it still runs, it cancels every order of \
                     this bot's and latches, unless it hears from here within its time"
                ),
            ),
        });
    }

    /// What it says when that changes.
    fn in_words(&self, is_armed: bool) -> Alert {
        let log = self.dir.join(format!("{}.guard.log", self.key));
        match (is_armed, self.timeout) {
            (true, _) => Alert::info(Topic::Rung, "guard: armed"),
            (false, None) => Alert::warn(
                Topic::Rung,
                format!(
                    "guard: not armed: no key ({}): should this process die, its orders rest until \
                     somebody cancels them; see docs/stop.md",
                    Role::Guard.variable()
                ),
            ),
            (false, Some(_)) => Alert::critical(
                Topic::Rung,
                format!("guard: not armed: it ended; {} says why", log.display()),
            ),
        }
    }
}

impl Task for GuardRung {
    fn name(&self) -> &'static str {
        "guard"
    }

    fn turn(&mut self, turn: &mut Turn<'_>) {
        if !self.is_needed {
            return;
        }
        self.tell_far(turn);
        match self.under_way.take() {
            None if turn.now >= self.next_look => self.look(turn),
            None => {}
            Some(UnderWay::Look(look)) => match look.told(turn.now) {
                None => self.under_way = Some(UnderWay::Look(look)),
                Some(Ok(is_armed)) => self.on_look(turn, is_armed),
                Some(Err(e)) => turn.say(Alert::warn(Topic::Rung, format!("guard: {e}"))),
            },
            Some(UnderWay::Start(start)) => match start.told(turn.now) {
                None => self.under_way = Some(UnderWay::Start(start)),
                Some(Ok(child)) => self.child = Some(child),
                Some(Err(e)) => {
                    turn.say(Alert::critical(Topic::Rung, format!("guard: not armed: {e}")));
                }
            },
        }
    }
}

impl GuardRung {
    fn look(&mut self, turn: &mut Turn<'_>) {
        self.next_look = turn.now + LOOK_EVERY;
        if self.child.as_mut().is_some_and(|child| child.try_wait().is_ok_and(|s| s.is_some())) {
            self.child = None;
        }
        let (dir, key) = (self.dir.clone(), self.key);
        let look = turn.workers.files.send(turn.now, FILE_PATIENCE, move || is_guarded(&dir, key));
        self.under_way = Some(UnderWay::Look(look));
    }

    fn on_look(&mut self, turn: &mut Turn<'_>, is_armed: bool) {
        // One that has just been started gets time to take its lock.
        let is_starting = !is_armed && self.child.is_some() && turn.now < self.next_start;
        if !is_starting && self.is_armed.replace(is_armed) != Some(is_armed) {
            turn.say(self.in_words(is_armed));
        }
        if let Some(timeout) = self.timeout
            && !is_armed
            && self.child.is_none()
            && turn.now >= self.next_start
        {
            self.next_start = turn.now + AGAIN;
            let (dir, key) = (self.dir.clone(), self.key);
            let work = move || start(&dir, key, timeout);
            let start = turn.workers.files.send(turn.now, FILE_PATIENCE, work);
            self.under_way = Some(UnderWay::Start(start));
        }
    }
}

/// Starts a guard that ends with the run, and is no child of its terminal: it takes a session of its own.
fn start(dir: &Path, key: Address, timeout: Duration) -> Result<Child, AppError> {
    let program = files::own_program()?;
    let log = dir.join(format!("{key}.guard.log"));
    let mut options = OpenOptions::new();
    let options = options.create(true).append(true).mode(files::Readers::Owner.file_mode());
    let out = options.open(&log).map_err(AppError::io(&log, "open"))?;
    let err = out.try_clone().map_err(AppError::io(&log, "open"))?;
    let mut command = Command::new(program);
    command.arg0("botmm").arg("guard").arg("--state").arg(dir);
    command.args(["--address", &key.to_string(), "--with-the-run"]);
    command.args(["--timeout", &format!("{}ms", timeout.as_millis())]);
    // The trading key is none of its business.
    command.env_remove(Role::Trader.variable());
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    command.spawn().map_err(AppError::io("guard", "start"))
}
