//! One trial: an exchange, a bot, and the rung that is tried, alone; a fault, and how long orders rest on.

use super::kinds::{By, Fault, Times};
use super::manager::Manager;
use super::process::Process;
use super::relay::Relay;
use super::venue::DrillVenue;
use crate::bot::live::frozen::{LANE, SIDE};
use crate::exit::AppError;
use crate::files::{self, Readers};
use crate::keys::Role;
use crate::net::Stopped;
use crate::side::card::Card;
use crate::side::control::{self, Request};
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::{Nanos, Usd};
use botmm_pipeline::venue::hl::sign::{Signer, hex, keccak256};
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

const TURN: Duration = Duration::from_millis(10);
/// How long a bot may take until its orders rest and its rung is armed.
const READY_WITHIN: Nanos = Nanos::secs(90);
/// How often it is asked for its rungs, and how long it may take to answer.
const ASK_EVERY: Nanos = Nanos::millis(200);
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// A bot goes on for so long with a full disk before it is killed.
const FULL_FOR: Nanos = Nanos::secs(3);
/// One that was forgotten ends by itself.
const BOT_LASTS: &str = "10m";
/// Its folders and files, in the trial's own folder.
const STATE: &str = "state";
const CONFIG: &str = "drill.toml";

/// What is tried, and with what.
pub struct Trial<'a> {
    /// The `botmm` that is tried.
    pub program: &'a Path,
    /// The bot's threads.
    pub plan: &'a str,
    /// After which time each rung acts.
    pub times: Times,
    /// What goes wrong.
    pub fault: Fault,
    /// Who is to cancel; [`None`] = nobody is there to.
    pub by: Option<By>,
    /// Gives up.
    pub stopped: &'a Stopped,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Who cancelled first.
    pub by: Option<By>,
    /// From the fault until no order rested any more; [`None`] = they rest.
    pub took: Option<Duration>,
    /// See [`super::venue::Seen::worst`].
    pub worst: Usd,
    /// What the bot and its helpers said last: for a person who has to find out why.
    pub last_words: String,
}

/// A key that is worth nothing: anybody can compute it.
struct Key {
    hex: String,
    signer: Signer,
}

impl Key {
    fn of(name: &str) -> Result<Self, AppError> {
        let hex = hex::text(&keccak256(format!("botmm drill {name}").as_bytes()));
        let made = Signer::from_hex(&hex).map_err(|e| e.to_string());
        let signer =
            made.map_err(|e| AppError::data("the drill's key", e, "a defect: report it"))?;
        Ok(Self { hex, signer })
    }
}

/// All that a trial has set up. It is gone when this is dropped.
struct Bed<'a> {
    trial: &'a Trial<'a>,
    key: Key,
    guard_key: Key,
    bot: Option<Process>,
    guard: Option<Process>,
    manager: Option<Manager>,
    relay: Option<Relay>,
    venue: DrillVenue,
    clock: WallClock,
    folder: Folder,
}

impl Trial<'_> {
    /// Tries it.
    ///
    /// # Errors
    /// The bot does not get as far as the fault, or the drill was told to stop.
    pub fn run(&self) -> Result<Outcome, AppError> {
        let mut bed = Bed::make(self)?;
        let run = bed.until_ready().and_then(|()| {
            let at = bed.do_harm()?;
            bed.watch(at)
        });
        run.map_err(|e| match (self.stopped)() {
            true => e,
            false => AppError::data("the drill", format!("{e}; {}", bed.last_words()), "try again"),
        })
    }
}

impl<'a> Bed<'a> {
    fn make(trial: &'a Trial<'a>) -> Result<Self, AppError> {
        let clock = WallClock::default();
        let (key, guard_key) = (Key::of("bot")?, Key::of("guard")?);
        let folder = Folder::make()?;
        let venue = DrillVenue::open(&key.signer, guard_key.signer.address(), &clock)?;
        let relay = match trial.fault {
            Fault::Cut | Fault::HalfOpen => Some(Relay::before(venue.port())?),
            _ => None,
        };
        let manager = match trial.by {
            Some(By::Systemd) => Some(Manager::new(folder.name(), trial.times.watchdog)?),
            _ => None,
        };
        let (bot, guard) = (None, None);
        let mut bed =
            Self { trial, key, guard_key, bot, guard, manager, relay, venue, clock, folder };
        bed.write_config()?;
        if trial.by == Some(By::Guard) {
            bed.guard = Some(bed.start_guard()?);
        }
        bed.bot = Some(bed.start_bot()?);
        Ok(bed)
    }

    fn write_config(&self) -> Result<(), AppError> {
        let schedules = self.trial.by == Some(By::Exchange);
        let horizon_s = self.trial.times.horizon.as_secs_f64();
        let text =
            format!("[dead_man]\nschedule_cancel = {schedules}\nhorizon_s = {horizon_s:.1}\n");
        files::write_whole(&self.folder.0.join(CONFIG), text.as_bytes(), Readers::Owner)?;
        files::make_folder(&self.folder.0.join(STATE), Readers::Owner)
    }

    /// The program with these arguments, in the trial's folder, with nothing of this shell's: no key, no
    /// webhook.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.trial.program);
        command.args(args).current_dir(&self.folder.0).env_clear();
        command
    }

    fn url(&self) -> String {
        let port = self.relay.as_ref().map_or(self.venue.port(), Relay::port);
        format!("http://127.0.0.1:{port}")
    }

    fn start_bot(&self) -> Result<Process, AppError> {
        let url = self.url();
        let mut command = self.command(&["run", "--network", &url, "--config", CONFIG]);
        command.args(["--state", STATE, "--out", "run", "--plan", self.trial.plan, "--json"]);
        command.args(["--for", BOT_LASTS, "--drill", "."]);
        command.env(Role::Trader.variable(), &self.key.hex);
        command.envs(self.manager.iter().flat_map(Manager::environment));
        Process::start(command, &self.clock)
    }

    /// As its unit does, before there is a bot; but it ends with the bot, whatever ends the drill.
    fn start_guard(&self) -> Result<Process, AppError> {
        let timeout = format!("{}ms", self.trial.times.guard_timeout.as_millis());
        let mut command = self.command(&["guard", "--state", STATE]);
        command.args(["--timeout", &timeout, "--with-the-run"]);
        command.env(Role::Guard.variable(), &self.guard_key.hex);
        Process::start(command, &self.clock)
    }

    /// One turn of the manager's, and a rest.
    fn turn(&mut self) -> Result<(), AppError> {
        if (self.trial.stopped)() {
            return Err(AppError::Failed("given up".to_owned()));
        }
        thread::sleep(TURN);
        let Some(mut manager) = self.manager.take() else { return Ok(()) };
        let Some(mut bot) = self.bot.take() else { return Ok(()) };
        let turned = manager.turn(self.clock.now(), &mut bot, || {
            // As the unit's ExecStopPost.
            let url = self.url();
            let mut command = self.command(&["kill", "--no-latch", "--network", &url]);
            command.args(["--state", STATE, "--wait", "20s"]);
            command.env(Role::Trader.variable(), &self.key.hex);
            Process::start(command, &self.clock)
        });
        (self.manager, self.bot) = (Some(manager), Some(bot));
        turned
    }

    /// Until orders rest, and whoever is to cancel would.
    fn until_ready(&mut self) -> Result<(), AppError> {
        let (begun, mut next) = (self.clock.now(), Nanos::ZERO);
        let mut is_armed = false;
        while !is_armed || self.venue.seen().resting == 0 {
            self.turn()?;
            let now = self.clock.now();
            if self.bot.as_mut().is_none_or(Process::has_ended) {
                return Err(AppError::Failed("the bot ended before any fault".to_owned()));
            }
            if now - begun > READY_WITHIN {
                let problem = "no order rests, or its rung is not armed";
                return Err(AppError::Failed(problem.to_owned()));
            }
            if now >= next {
                next = now + ASK_EVERY;
                is_armed = self.is_armed();
            }
        }
        Ok(())
    }

    /// By the bot's own word.
    fn is_armed(&self) -> bool {
        let rung = match self.trial.by {
            Some(By::Exchange) => "exchange",
            Some(By::Guard) => "guard",
            Some(By::Systemd) => "systemd",
            Some(By::Bot) | None => return true,
        };
        let (state, key) = (self.folder.0.join(STATE), self.key.signer.address());
        let said = control::ask(&state, key, &Request::Status, ANSWERS_WITHIN);
        said.ok().flatten().is_some_and(|view| view["rungs"][rung]["armed"] == true)
    }

    /// Does what the trial is about; when.
    fn do_harm(&mut self) -> Result<Nanos, AppError> {
        if self.trial.fault == Fault::Disk {
            for process in self.bot.iter().chain(&self.guard) {
                process.finds_the_disk_full()?;
            }
            let since = self.clock.now();
            while self.clock.now() - since < FULL_FOR || self.venue.seen().resting == 0 {
                self.turn()?;
                if self.bot.as_mut().is_none_or(Process::has_ended) {
                    return Err(AppError::Failed("the full disk alone ended the bot".to_owned()));
                }
            }
        }
        let at = self.clock.now();
        self.venue.fault_comes(at);
        let signal = match self.trial.fault {
            Fault::Stop => Signal::STOP,
            Fault::Kill | Fault::Disk => Signal::KILL,
            Fault::Hangup => Signal::HUP,
            Fault::Lane => return self.stand(LANE).map(|()| at),
            Fault::SideThread => return self.stand(SIDE).map(|()| at),
            Fault::Cut => {
                self.relay.iter().for_each(Relay::cut);
                return Ok(at);
            }
            Fault::HalfOpen => {
                self.relay.iter().for_each(Relay::go_silent);
                return Ok(at);
            }
            Fault::OrderLink => {
                self.venue.kill_order_links();
                return Ok(at);
            }
        };
        self.bot.iter_mut().try_for_each(|bot| bot.signal(signal)).map(|()| at)
    }

    fn stand(&self, part: &str) -> Result<(), AppError> {
        let path = self.folder.0.join(part);
        std::fs::write(&path, "").map_err(AppError::io(path, "write"))
    }

    /// Until no order has rested for as long as one on its way could still come to rest, or it is too late.
    fn watch(&mut self, at: Nanos) -> Result<Outcome, AppError> {
        let nanos = |span: Duration| Nanos(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX));
        let (state, address) = (self.folder.0.join(STATE), self.key.signer.address());
        let card = Card::read(&state, address)?;
        let quiet = nanos(card.as_ref().map_or(Duration::ZERO, Card::quiet));
        let Trial { times, fault, by, .. } = self.trial;
        let limit = nanos(times.limit(*fault, by.unwrap_or(By::Bot), DrillVenue::block()));
        let seen = loop {
            self.turn()?;
            let (seen, now) = (self.venue.seen(), self.clock.now());
            let is_quiet = seen.gone_at.is_some_and(|gone| now >= gone + quiet);
            if is_quiet || now >= at + limit + quiet {
                break seen;
            }
        };
        let took =
            seen.gone_at.map(|gone| Duration::from_nanos((gone - at).0.max(0).unsigned_abs()));
        let by = seen.gone_at.map(|gone| self.who_cancelled(gone, seen.switch_fired));
        Ok(Outcome { by, took, worst: seen.worst, last_words: self.last_words() })
    }

    /// Who had acted by then. The bot itself is who is left.
    fn who_cancelled(&self, gone: Nanos, switch_fired: bool) -> By {
        let guard_acted = self.guard.as_ref().and_then(|guard| guard.said("no beat for"));
        let manager_acted = self.manager.as_ref().and_then(|manager| manager.acted_at);
        match () {
            () if switch_fired => By::Exchange,
            () if manager_acted.is_some_and(|acted| acted <= gone) => By::Systemd,
            () if guard_acted.is_some_and(|acted| acted <= gone) => By::Guard,
            () => By::Bot,
        }
    }

    fn last_words(&self) -> String {
        let stop_post = self.manager.as_ref().and_then(|manager| manager.stop_post.as_ref());
        let all = [
            ("the bot", self.bot.as_ref()),
            ("its guard", self.guard.as_ref()),
            ("its ExecStopPost", stop_post),
        ];
        let said = all.into_iter().filter_map(|(who, process)| {
            Some(format!("{who} said last: {}", process?.last_word()))
        });
        said.collect::<Vec<_>>().join("; ")
    }
}

/// A folder of a trial's own, removed with what is in it.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, AppError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("botmm-drill-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).map_err(AppError::io(&path, "create"))?;
        let folder = Self(path);
        files::make_folder(&folder.0.join(STATE), Readers::Owner)?;
        Ok(folder)
    }

    /// Unlike that of any other.
    fn name(&self) -> String {
        self.0.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // It is in the system's folder of such things.
    }
}
