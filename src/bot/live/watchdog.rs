//! A thread of its own that watches over the side thread: when that has no turns any more (it hangs), does not
//! take up an end which was asked for, or does not get through with it, trading is closed, orders are
//! cancelled over HTTPS from here, and the process ends. Lanes would quote on with nobody who writes down what
//! they do, reloads, reconciles, or hears a kill over the socket.

use super::last_check::{self, OverHttps, cancel_all};
use crate::exit::{AppError, Exit};
use crate::side::progress::Progress;
use crate::stop::Stop;
use crate::terminal;
use crate::venue_api::account::AccountClient;
use crate::venue_api::flatten::FLATTEN_FOR;
use botmm_pipeline::rt::{HaltLevel, LevelCell, WallClock};
use botmm_pipeline::stage::metrics::Metrics;
use botmm_pipeline::types::Nanos;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// How often it looks.
const TURN: Duration = Duration::from_millis(100);
/// What the side thread is at.
const WATCHES: u8 = 0;
const ENDS: u8 = 1;
const HAS_ENDED: u8 = 2;
const FLATTENS: u8 = 3;

/// How long the side thread may take to have a turn, or to take up a stop or a halt.
pub const TAKE_UP: Duration = Duration::from_secs(10);

/// How long the side thread may take. Looks are counted, not time: while the process was stopped, or the
/// machine slept, nobody was late.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until it has a turn, or takes up a stop or a halt.
    pub take_up: Duration,
    /// From then on until the summary is there.
    pub end: Duration,
    /// For closing positions in between, where that was asked for.
    pub flatten: Duration,
}

impl Default for Patience {
    /// The first two together less than the `TimeoutStopSec` of deploy/botmm.service, with room for the last
    /// check; systemd is told of the third.
    fn default() -> Self {
        let flatten = FLATTEN_FOR + Duration::from_secs(20);
        Self { take_up: TAKE_UP, end: Duration::from_secs(25), flatten }
    }
}

/// Ends the process with these last words and this code.
pub type Leave = Box<dyn FnOnce(&[&str], Exit) + Send>;

/// What it needs to act by itself.
pub struct Guarded {
    /// Was the end asked for?
    pub stop: Arc<Stop>,
    /// Or was trading halted?
    pub level: Arc<LevelCell>,
    /// Whether the side thread has its turns.
    pub progress: Progress,
    /// Whether a limit did that, and how many orders are open.
    pub metrics: Arc<Metrics>,
    /// Its own way to the venue.
    pub venue: AccountClient,
    /// The time.
    pub clock: WallClock,
    /// How it ends the process.
    pub leave: Leave,
}

/// The side thread's end of it. Dropped, the thread ends.
pub struct Watchdog(Arc<AtomicU8>);

impl Watchdog {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(guarded: Guarded, patience: Patience) -> Result<Self, AppError> {
        let state = Arc::new(AtomicU8::new(WATCHES));
        let seen = state.clone();
        let thread = std::thread::Builder::new().name("watchdog".to_owned());
        let started = thread.spawn(move || guarded.watch(&seen, patience));
        started.map_err(AppError::io("watchdog thread", "start"))?;
        Ok(Self(state))
    }

    /// The end was taken up.
    pub fn is_ending(&self) {
        self.0.store(ENDS, Ordering::Release);
    }

    /// No order rests, and positions are closed.
    pub fn flattens(&self) {
        self.0.store(FLATTENS, Ordering::Release);
    }

    /// There is nothing to guard any more.
    pub fn has_ended(&self) {
        self.0.store(HAS_ENDED, Ordering::Release);
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.has_ended();
    }
}

/// Leaves the process.
pub fn leave(words: &[&str], code: Exit) -> ! {
    terminal::last_words(words);
    std::process::exit(i32::from(code as u8));
}

impl Guarded {
    fn watch(mut self, state: &AtomicU8, patience: Patience) {
        let (mut waited, mut newest) = ([Duration::ZERO; 4], self.progress.proof().side);
        loop {
            std::thread::sleep(TURN);
            let at = state.load(Ordering::Acquire);
            let turned = std::mem::replace(&mut newest, self.progress.proof().side);
            let (waited, limit, what) = match at {
                HAS_ENDED => return,
                FLATTENS => (&mut waited[2], patience.flatten, "does not get through with closing"),
                ENDS => (&mut waited[1], patience.end, "does not get through with the end"),
                _ if self.is_asked() => {
                    (&mut waited[0], patience.take_up, "has not taken up the end")
                }
                _ if turned != newest || newest == Nanos::MAX => {
                    waited[3] = Duration::ZERO;
                    continue;
                }
                _ => (&mut waited[3], patience.take_up, "has had no turn"),
            };
            *waited += TURN;
            if *waited < limit {
                continue;
            }
            let was_asked = self.is_asked();
            let said = self.rescue(&format!("the side thread {what} within {} s", limit.as_secs()));
            // It may have come back meanwhile, and then it ends by itself.
            if state.load(Ordering::Acquire) == at {
                let code = if self.is_halted(was_asked) { Exit::RiskHalt } else { Exit::Data };
                let words: Vec<&str> = said.iter().map(String::as_str).collect();
                (self.leave)(&words, code);
                return;
            }
        }
    }

    fn is_asked(&self) -> bool {
        self.stop.is_asked() || self.level.raised() == HaltLevel::Halt
    }

    /// Whether nobody but a person may start it again.
    fn is_halted(&self, was_asked: bool) -> bool {
        self.metrics.risk.halted.get() != 0 || was_asked && !self.stop.is_asked()
    }

    /// Closes trading and cancels; what there is to say, the orders last.
    fn rescue(&mut self, why: &str) -> Vec<String> {
        self.level.raise(HaltLevel::Halt);
        let (clock, own) = (self.clock.clone(), self.metrics.dispatch.open_orders.get());
        let mut venue = OverHttps { venue: &mut self.venue, now: &|| clock.now() };
        let check = cancel_all(&mut venue, last_check::LAST, Instant::now(), own);
        let mut said = vec![format!("{why}: orders are cancelled over HTTPS without it")];
        said.extend(check.notes);
        said.push(match check.left {
            Ok(()) => "no order of ours rests, says the venue; ended without a summary".to_owned(),
            Err(e) => e.to_string(),
        });
        said
    }
}
