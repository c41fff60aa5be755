//! The run's end: says each beat, and hears whether the guard has latched. On a thread of its own: a host that
//! is out of reach holds nobody up.

use super::{Sealed, WORD, Who, greet, greeted, in_words, line};
use crate::exit::AppError;
use crate::side::beat::{Beat, Heart};
use crate::side::card::Card;
use crate::side::killer::Killer;
use botmm_pipeline::venue::hl::sign::{Address, Signer};
use std::io::{BufReader, ErrorKind, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Several in the shortest time after which a guard acts.
const SAY_EVERY: Duration = Duration::from_millis(200);
/// Between two tries to reach it.
const AGAIN: Duration = Duration::from_secs(1);
/// Without an answer for so long the rung is not armed.
const ARMED_FOR: Duration = Duration::from_secs(2);
/// A process that nobody saw for so long stood still, and asks the guard before it goes on; but not longer
/// than this.
const STOOD: Duration = Duration::from_secs(1);
const ASKS_FOR: Duration = Duration::from_secs(5);

/// What is known of the guard on another host. Clones are the same.
#[derive(Clone)]
pub struct FarGuard(Arc<Known>);

struct Known {
    /// Where it listens, or the near end of the tunnel to it.
    at: String,
    /// The address of its key.
    key: Address,
    state: Mutex<State>,
}

struct State {
    /// When it last answered.
    answered: Option<Instant>,
    /// Why it does not.
    trouble: String,
    /// The last beat that it has heard.
    told: Option<Beat>,
    /// When this process was last seen going, and since when it waits for the guard's word.
    seen: Instant,
    asks_since: Option<Instant>,
}

impl FarGuard {
    /// Nothing is known of it yet.
    pub fn new(at: String, key: Address) -> Self {
        let (answered, trouble) = (None, "not reached yet".to_owned());
        let told = None;
        let state = State { answered, trouble, told, seen: Instant::now(), asks_since: None };
        Self(Arc::new(Known { at, key, state: Mutex::new(state) }))
    }

    /// Why it would not act; [`None`] = it would.
    pub fn trouble(&self) -> Option<String> {
        self.with(|state| {
            let is_near = state.answered.is_some_and(|at| at.elapsed() < ARMED_FOR);
            (!is_near).then(|| state.trouble.clone())
        })
    }

    /// Where it is.
    pub fn at(&self) -> &str {
        &self.0.at
    }

    /// To be asked often. False: this process stood still for so long that the guard may have acted, and its
    /// word has not come.
    pub fn may_go_on(&self) -> bool {
        self.with(|state| {
            let now = Instant::now();
            if now - std::mem::replace(&mut state.seen, now) > STOOD && state.answered.is_some() {
                state.asks_since = Some(now);
            }
            let is_waiting = state.asks_since.is_some_and(|since| now - since < ASKS_FOR);
            if !is_waiting {
                state.asks_since = None;
            }
            !is_waiting
        })
    }

    /// Until it has heard that beat, or for a moment.
    pub fn wait_until_told(&self, beat: Beat) {
        let begun = Instant::now();
        while self.with(|state| state.told != Some(beat)) && begun.elapsed() < WORD {
            thread::sleep(SAY_EVERY / 10);
        }
    }

    fn answered(&self, beat: Beat) {
        self.with(|state| {
            (state.answered, state.asks_since) = (Some(Instant::now()), None);
            state.told = Some(beat);
        });
    }

    fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        work(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// See the module.
pub struct Mouth {
    /// Whom it tells.
    pub guard: FarGuard,
    /// The run's key.
    pub signer: Arc<Signer>,
    /// What it tells first.
    pub card: Card,
    /// Whose beats.
    pub heart: Heart,
    /// Hears of the guard's latch.
    pub killer: Killer,
}

impl Mouth {
    /// Tells from now on until the heart is over.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn open(self) -> Result<(), AppError> {
        let speak = move || {
            let mut was_latched = false;
            while !self.heart.is_over() {
                let why = match self.speak(&mut was_latched) {
                    Ok(()) => break,
                    Err(e) => in_words(&e),
                };
                self.guard.with(|state| state.trouble = why);
                thread::sleep(AGAIN);
            }
        };
        let thread = thread::Builder::new().name("far guard".to_owned());
        thread.spawn(speak).map_err(AppError::io("far guard", "start"))?;
        Ok(())
    }

    /// Over one connection, until the heart is over and that has been said.
    fn speak(&self, was_latched: &mut bool) -> std::io::Result<()> {
        let at = self.guard.at();
        let address = at.to_socket_addrs()?.next().ok_or(ErrorKind::NotFound)?;
        let stream = TcpStream::connect_timeout(&address, WORD)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(WORD))?;
        stream.set_write_timeout(Some(WORD))?;
        let (mut reader, mut writer) = (BufReader::new(&stream), &stream);
        let theirs = greeted(&mut reader)?;
        let words = [theirs, greet(&mut writer)?];
        let mut sealed = Sealed::new(self.signer.clone(), self.guard.0.key, Who::Run, words);
        let mut say = |words: &str| -> std::io::Result<Option<String>> {
            writer.write_all(sealed.seal(words).as_bytes())?;
            let text = line(&mut reader)?;
            let Some(answer) = sealed.open(&text) else {
                let key = self.guard.0.key;
                return Err(std::io::Error::other(format!("who answers at {at} is not {key}")));
            };
            Ok(answer.strip_prefix("latched ").map(str::to_owned))
        };
        say(&format!("card {}", serde_json::to_string(&self.card)?))?;
        loop {
            let is_last = self.heart.is_over(); // Before its last beat is read.
            let beat = self.heart.newest();
            // A person has ended what the guard began, at this end.
            let is_killed = self.killer.why().is_some();
            if std::mem::replace(was_latched, is_killed) && !is_killed {
                say("rearm")?;
            }
            let latched = say(&beat.to_string())?;
            if let Some(why) = latched.filter(|_| !is_killed) {
                self.killer.kill(&format!("by the guard at {at} ({why})"));
                *was_latched = true;
            }
            self.guard.answered(beat);
            if is_last {
                return Ok(());
            }
            thread::sleep(SAY_EVERY);
        }
    }
}
