//! The guard: a process of its own, with a key of its own, that cancels the orders of a bot which stopped
//! beating, and latches, so that one that wakes up finds itself killed.

use super::kill::Kill;
use crate::exit::{AppError, Exit};
use crate::files;
use crate::net::{Rest, Stopped, Tls};
use crate::side::beat::{At, Beat};
use crate::side::card::Card;
use crate::side::far::Ears;
use crate::side::guard::lock_path;
use crate::side::links::HURRY;
use crate::side::state::try_lock;
use crate::terminal;
use crate::venue_api::sweep::Whose;
use crate::venue_api::venue::InfoClient;
use crate::venue_api::wait::Wait;
use crate::when::utc;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::venue::hl::sign::{Address, Signer};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often it looks.
const TURN: Duration = Duration::from_millis(100);
/// While the guard itself stood still nobody was late: of the time between two looks no more counts.
const LONGEST_TURN: Duration = Duration::from_millis(300);
/// How often it tries to be the key's guard.
const LOCK_TRIES: u32 = 10;
/// How long it goes on trying to cancel before it looks at the bot again.
const TRIES_FOR: Duration = Duration::from_secs(600);

/// What is to be guarded, and by whom.
pub struct Guard {
    /// Where the bot's state is.
    pub state_dir: PathBuf,
    /// The bot's key, by its address.
    pub key: Address,
    /// The guard's own.
    pub signer: Arc<Signer>,
    /// After so long without a beat it acts.
    pub timeout: Duration,
    /// It ends with the run.
    pub ends_with_run: bool,
    /// The bot is on another host, and is heard of here.
    pub listen: Option<SocketAddr>,
}

impl Guard {
    /// Guards until told to stop.
    ///
    /// # Errors
    /// It cannot guard: the key is the bot's own, or may not trade for the account.
    pub fn run(&self, stopped: &Stopped) -> Result<(), AppError> {
        if self.signer.address() == self.key {
            let problem = "the guard needs an agent key of its own: this one is the bot's";
            let remedy = "approve another agent on the venue's API page, and use that";
            return Err(AppError::of(Exit::Config, format!("{}: {problem}; {remedy}", self.key)));
        }
        let path = lock_path(&self.state_dir, self.key);
        let lock = files::open_lock(&path).map_err(AppError::io(&path, "open"))?;
        // Whoever looks whether there is one holds it for a moment.
        let is_ours = (0..LOCK_TRIES).any(|_| {
            let is_ours = lock.try_lock().is_ok();
            if !is_ours {
                std::thread::sleep(TURN);
            }
            is_ours
        });
        if !is_ours {
            say("another guard looks after this key: not needed");
            return Ok(());
        }
        if let Some(at) = self.listen {
            let (state_dir, signer) = (self.state_dir.clone(), self.signer.clone());
            let at = Ears { state_dir, key: self.key, signer }.open(at)?;
            say(&format!("{} is heard of at {at}", self.key));
        }
        let mut watch = Watch::new(self.timeout);
        let (mut last, mut checked) = (Instant::now(), None);
        while !stopped() {
            let beat = Beat::read(&self.state_dir, self.key).unwrap_or_else(|e| {
                terminal::complain(&e);
                None
            });
            if let Some(beat) = beat
                && checked != Some(beat.session)
            {
                self.check(stopped)?;
                checked = Some(beat.session);
            }
            let passed = std::mem::replace(&mut last, Instant::now()).elapsed();
            if watch.look(beat, passed.min(LONGEST_TURN)) {
                self.act();
                last = Instant::now();
            } else if self.ends_with_run && !watch.is_due() && self.has_run_ended()? {
                break;
            }
            std::thread::sleep(TURN);
        }
        drop(lock);
        Ok(())
    }

    /// Nobody runs with the bot's key.
    fn has_run_ended(&self) -> Result<bool, AppError> {
        Ok(try_lock(&self.state_dir, self.key)?.is_some())
    }

    fn kill(&self, why: String) -> Kill {
        let card = Card::read(&self.state_dir, self.key).ok().flatten();
        let run = card.filter(|card| card.shares_account).map(|card| card.session);
        Kill {
            state_dir: self.state_dir.clone(),
            key: self.key,
            signer: Some(self.signer.clone()),
            venue: None,
            tls: Tls::default(),
            wallet: None,
            whose: run.map_or(Whose::Ours, Whose::OfRun),
            tell: false,
            latch: true,
            flatten_within_bps: None,
            why,
            patience: TRIES_FOR,
        }
    }

    /// Whether the key may cancel for the account: better known now than when it must.
    fn check(&self, stopped: &Stopped) -> Result<(), AppError> {
        let kill = self.kill(String::new());
        let card = Card::read(&self.state_dir, self.key)?;
        let (endpoint, tls) = kill.place(card.as_ref())?;
        let rest = Rest::with_timeouts(&endpoint, &tls, HURRY)?;
        let wait = Wait::new(TRIES_FOR, stopped.clone());
        let venue = InfoClient { rest: &rest, wait, place: endpoint.rest_url() };
        let account = kill.account(&venue, &self.signer, card.as_ref())?;
        let own = self.signer.address();
        say(&format!(
            "armed: {own} cancels for {} at {endpoint} when {} does not beat for {:.1} s",
            account.address,
            self.key,
            self.timeout.as_secs_f64()
        ));
        Ok(())
    }

    fn act(&self) {
        let silent_s = self.timeout.as_secs_f64();
        say(&format!("no beat for {silent_s:.1} s: cancelling"));
        let kill = self.kill(format!("by the guard: no beat for {silent_s:.1} s"));
        // What it has begun it ends, whoever tells it to stop.
        match kill.run(&(Arc::new(|| false) as Stopped)) {
            Ok(()) => say("no order of the bot's rests"),
            Err(e) => terminal::complain(&e),
        }
    }
}

fn say(line: &str) {
    let now = utc(WallClock::default().now());
    let _ = terminal::print(&format!("{now} {line}\n")); // It guards all the same.
}

/// When a bot that beat has beaten no more for too long.
struct Watch {
    timeout: Duration,
    seen: Option<Beat>,
    waited: Duration,
    has_acted: bool,
}

impl Watch {
    const fn new(timeout: Duration) -> Self {
        Self { timeout, seen: None, waited: Duration::ZERO, has_acted: false }
    }

    /// Takes note of the newest beat; true = it is time to act, once until there is another beat.
    fn look(&mut self, beat: Option<Beat>, passed: Duration) -> bool {
        if beat != self.seen || !is_due(beat) {
            (self.seen, self.waited, self.has_acted) = (beat, Duration::ZERO, false);
            return false;
        }
        self.waited += passed;
        let acts = self.waited >= self.timeout && !self.has_acted;
        self.has_acted |= acts;
        acts
    }

    /// Whether beats are due and it has not acted for want of them.
    fn is_due(&self) -> bool {
        is_due(self.seen) && !self.has_acted
    }
}

fn is_due(beat: Option<Beat>) -> bool {
    beat.is_some_and(|beat| beat.at == At::Trades)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_acts_once_when_beats_that_are_due_stop_and_again_when_they_stop_again() {
        let mut watch = Watch::new(Duration::from_secs(3));
        let mut look = |count, at| {
            let beat = Beat { session: 1, count, at };
            watch.look(Some(beat), Duration::from_secs(1))
        };
        // Nothing is due before the first beat.
        assert!((0..9).all(|_| !look(0, At::Rests)));
        assert!((1..9).all(|count| !look(count, At::Trades)));
        let acts: Vec<_> = (0..6).map(|_| look(8, At::Trades)).collect();
        assert_eq!(acts, [false, false, true, false, false, false]);
        // It woke up, and stops again.
        assert!(!look(9, At::Trades));
        let acts: Vec<_> = (0..4).map(|_| look(9, At::Trades)).collect();
        assert_eq!(acts, [false, false, true, false]);
        assert!((0..9).all(|_| !look(9, At::Rests)), "it ended in good order");
    }

    #[test]
    fn a_file_that_is_gone_or_rubbish_is_no_death() {
        let mut watch = Watch::new(Duration::from_secs(3));
        assert!((0..9).all(|_| !watch.look(None, Duration::from_secs(1))));
        assert!(!watch.is_due());
    }
}
